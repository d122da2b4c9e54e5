"""What several test files share: arithmetic data, refusals, slow but obvious references."""

import contextlib
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when libgomp loads

import numpy as np
import pytest

from linkprune import store
from linkprune.graph import Graph
from linkprune.index import Index

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: compiles C, some seconds")


def integers(seed, *shape, lo=-8, hi=9):
    """Integer-valued float32: sums of products are exact in any order, so tests can use ==."""
    return np.random.default_rng(seed).integers(lo, hi, shape).astype(np.float32)


def weyl(*shape, step=0.6180339887498949):
    """Values in [-0.5, 0.5) by arithmetic alone, the same with every NumPy."""
    n = int(np.prod(shape))
    return ((np.arange(1, n + 1) * step) % 1 - 0.5).astype(np.float32).reshape(shape)


def clustered(n, d, seed, k=12, spread=0.35, world=7):
    """n vectors (n, d) float32 around k centres that depend on ``world`` alone."""
    centres = np.random.default_rng(world).normal(size=(k, d))
    rng = np.random.default_rng(seed)
    x = centres[rng.integers(0, k, n)] + spread * rng.normal(size=(n, d))
    return x.astype(np.float32)


@contextlib.contextmanager
def refuses(kind, *words):
    """The block raises exactly ``kind``, with one line that has all the words."""
    with pytest.raises(kind) as e:
        yield
    message = str(e.value)
    assert e.type is kind
    assert message and "\n" not in message
    for word in words:
        assert word in message


def ip_or_l2(x, y, ip):
    """Distances of all pairs: x (n, d), y (m, d) -> (n, m) float64."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    return -x @ y.T if ip else ((x[:, None] - y[None]) ** 2).sum(2)


def by_distance_then_id(dis, k):
    """The first k columns of dis (n, m) by (distance, column), padded: ids, distances."""
    ids, out = np.full((len(dis), k), -1, np.int32), np.full((len(dis), k), np.inf)
    for i, row in enumerate(dis):
        order = np.lexsort((np.arange(len(row)), row))[:k]
        ids[i, : len(order)], out[i, : len(order)] = order, row[order]
    return ids, out


def links_of(graph, v, level):
    """The links of a vertex on a level, as a list."""
    if level == 0:
        row = graph.neighbors[v]
    else:
        j = list(graph.upper_vertex).index(v)
        row = graph.upper_neighbors[graph.upper_start[j] + level - 1]
    row = row.tolist()
    return row[: row.index(-1)] if -1 in row else row


def descent(graph, level, d, v):
    """Greedy descent on one level, d (nb,) the distances: the vertex and how many distances."""
    ndis = 0
    while True:
        begun = v
        for u in links_of(graph, begun, level):
            ndis += 1
            v = u if d[u] < d[v] else v
        if v == begun:
            return v, ndis


def beam(graph, level, d, v, ef, cap):
    """Beam search as csrc/walk.h states it: the pool [(distance, id)], ndis, nhops."""
    pool, seen, expanded, ndis = [(d[v], v)], {v}, set(), 0
    while True:
        waiting = [c for c in pool if c[1] not in expanded]
        if not waiting or sum(c[0] < waiting[0][0] for c in pool) >= ef:
            return pool, ndis, len(expanded)
        v = waiting[0][1]
        expanded.add(v)
        fresh = [u for u in links_of(graph, v, level) if u not in seen]
        seen.update(fresh)
        ndis += len(fresh)
        pool = sorted(pool + [(d[u], u) for u in fresh])[:cap]


def random_graph(nb, M0, M, seed, ring=False):
    """A graph with random links and upper levels; ring: one through all vertices on level 0."""
    rng = np.random.default_rng(seed)
    levels = np.minimum(rng.geometric(0.7, nb) - 1, 3)
    levels[rng.integers(nb)] = 3

    def links(v, allowed, width, ring=False):
        others = np.setdiff1d(allowed, [v])
        n = min(len(others), int(rng.integers(0, width + 1)))
        chosen = rng.permutation(others)[:n]
        if ring:
            chosen = np.append(chosen[chosen != (v + 1) % nb][: width - 1], (v + 1) % nb)
        return np.append(chosen, np.full(width - len(chosen), -1))

    upper = np.flatnonzero(levels)
    rows = [links(v, np.flatnonzero(levels >= l), M)
            for v in upper for l in range(1, levels[v] + 1)]  # fmt: skip
    return Graph(
        np.stack([links(v, np.arange(nb), M0, ring) for v in range(nb)]).astype(np.int32),
        upper.astype(np.int32),
        np.concatenate([[0], np.cumsum(levels[upper])]).astype(np.int64),
        np.array(rows, np.int32).reshape(-1, M),
        int(np.flatnonzero(levels == 3)[-1]),
        3,
    )


def flat(neighbors, entry_point=0):
    """A graph of level 0 alone."""
    empty = np.empty(0, np.int32)
    neighbors = np.array(neighbors, np.int32)
    return Graph(
        neighbors, empty, np.zeros(1, np.int64), np.empty((0, 2), np.int32), entry_point, 0
    )


def assembled(index, folder, beta=True):
    """The Index of files that an Index was saved to, with or without its regression."""
    index.codec.save(folder / "codec.h5", {})
    index.graph.save(folder / "graph.h5", {})
    index.beta.save(folder / "beta.h5", {})
    store.save(folder / "codes.h5", {"codes": index.codes}, {})
    codec, codes, graph, weights = (
        folder / f"{name}.h5" for name in ("codec", "codes", "graph", "beta")
    )
    return Index.assemble(codec, codes, graph, weights if beta else None, "l2")


@pytest.fixture(scope="session")
def original_python():
    """The interpreter with Faiss 1.7.4."""
    python = os.environ.get("LINKPRUNE_ORIGINAL_PYTHON") or str(ROOT / ".venv174/bin/python")
    if not os.access(python, os.X_OK):
        pytest.skip(f"no {python}: bench/original_env.sh .venv174 makes it")
    return python


@pytest.fixture(scope="session")
def world():
    """A small trained world: vectors, codec, codes and a graph on them; nobody may write to it."""
    from linkprune import hnsw, keys, opq

    learn, base, query = (clustered(n, 16, seed) for seed, n in enumerate((2000, 1300, 60)))
    codec = opq.train(learn, keys.Codec(4, 16), 1)
    codes, error = codec.encode(base)
    graph = hnsw.build(keys.HNSW(6, 8, 40, "codes"), base, 1, codec=codec, codes=codes)
    made = {"learn": learn, "base": base, "query": query, "codes": codes, "error": error}
    for x in (*made.values(), *vars(graph).values(), *vars(codec).values()):
        if isinstance(x, np.ndarray):
            x.flags.writeable = False
    return {**made, "codec": codec, "graph": graph}
