"""Our side of compare.py: the index that the original exports, and where we agree with it.

    python bench/ours.py {Index,LinkCode} INDEX.h5 QUERY.npy K 1,16,64 0,5

runs a search process as small as it gets and prints its peak resident memory in MB: by
``linkprune.index`` alone, or by the object that can also train.
"""

import dataclasses
import re
import sys
import time
from pathlib import Path

import numpy as np

from linkprune import formats, keys, metrics, regression, store
from linkprune.chunks import mean
from linkprune.codec import Codec
from linkprune.graph import Graph
from linkprune.index import Index

TOLERANCE = 1e-5  # relative: what two orders of summation in float32 may make
SEED, M, EF_CONSTRUCTION = 2018, 32, 200


def timed(call, *args, **more):
    """What the call returns, and its (CPU seconds, wall seconds)."""
    wall, cpu = time.perf_counter(), time.process_time()
    out = call(*args, **more)
    return out, (time.process_time() - cpu, time.perf_counter() - wall)


def train(base, learn, codec, M0, weights, threads, repetitions):
    """Train everything on base (nb, d) and learn (nt, d): codec and weights are keys.

    Returns an Index, and per stage an array (repetitions, 2) of CPU and wall seconds.
    """
    from linkprune import beta, hnsw, opq  # here, as a search process does without

    graph_key, seconds = keys.HNSW(M0, M, EF_CONSTRUCTION, codec), {}

    def stage(name, call, *args, **more):
        out, times = timed(call, *args, **more, threads=threads)
        seconds.setdefault(name, []).append(times)
        return out

    def vertices(trained, threads):
        codes, _ = trained.encode(base, threads)
        of = {"codec": trained, "codes": codes, "threads": threads}
        return codes, hnsw.build(graph_key, base, SEED, **of)

    for _ in range(repetitions):
        trained = stage("rotation, PQ", opq.train, learn, keys.codec(codec), SEED)
        codes, graph = stage("codes, graph", vertices, trained)
        of = trained, codes, graph.neighbors
        key, rows = keys.beta(weights), base[: beta.TRAIN_ROWS]
        book, _ = stage("weights", beta.train, key, rows, *of, SEED)
        encoded, _ = stage("encoding", regression.encode, base, *of, book)
    seconds = {name: np.array(times) for name, times in seconds.items()}
    return Index(trained, codes, graph, encoded), seconds


def retrain(index, base, weights, repetitions):
    """Train the weights of an index over base (nb, d) anew.

    Returns CPU seconds of every repetition, the mean squared error after encoding, and the error
    by part and round as ``beta.train`` has it.
    """
    from linkprune import beta  # as in ``train``

    of, rows = (index.codec, index.codes, index.graph.neighbors), base[: beta.TRAIN_ROWS]
    cpu = []
    for _ in range(repetitions):
        (book, history), times = timed(beta.train, keys.beta(weights), rows, *of, SEED)
        cpu.append(times[0])
    encoded, _ = regression.encode(base, *of, book)
    refitted = dataclasses.replace(index, beta=encoded)
    return cpu, parity(refitted, base)["error_beta"], history


def recalls(found, gt):
    """R@k of a Result, and distances per query, named as the original names them."""
    rank = metrics.true_rank(found.I, gt)
    recall = {f"R@{k}": metrics.one_recall_at(rank, k) for k in (1, 10, 100)}
    return recall | {"n3": float(found.ndis.mean())}


def exported(path):
    """The index.h5 of original.py as an Index: the same links, codes, centroids and weights."""
    names = "neighbors levels upper_vertex upper_level upper_ptr upper_links".split()
    with store.opened(path) as f:
        a, attrs = {name: x[()] for name, x in f.items()}, dict(f.attrs)
    neighbors, levels, vertex, level, ptr, links = (a[name] for name in names)
    counts = np.diff(ptr)
    upper = np.full((len(vertex), attrs["M"]), -1, np.int32)
    upper[np.arange(upper.shape[1]) < counts[:, None]] = links
    higher = np.flatnonzero(levels)
    if not np.array_equal(vertex, np.repeat(higher, levels[higher])) or (level < 1).any():
        raise ValueError(f"{path}: upper_vertex and levels do not agree")
    graph = Graph(
        np.ascontiguousarray(neighbors, np.int32),
        higher.astype(np.int32),
        np.append(0, levels[higher].cumsum()).astype(np.int64),
        upper,
        int(attrs["entry_point"]),
        int(attrs["max_level"]),
    )
    beta = None
    if "beta_centroids" in a:
        beta = regression.Regression(a["beta_centroids"], a.get("beta_codes"))
    return Index(Codec(a["rotation"], a["centroids"]), a["codes"], graph, beta)


def agreement(found, ids, D):
    """Shares of queries by how a Result compares with other ids, D (nq, k).

    same: identical lists; unexplained: at some rank the ids and also the distances differ, so that
    it is no tie.
    """
    differ = found.I != ids
    apart = differ & ~np.isclose(found.D, D, rtol=TOLERANCE, atol=0)
    return {"same": 1 - mean(differ.any(1)), "unexplained": mean(apart.any(1))}


def squared_errors(x, y, parts=1):
    """Squared error of every part of every vector: x, y (n, d_out) -> (n, parts) float64."""
    difference = x.astype(np.float64) - y
    return (difference**2).reshape(len(x), parts, -1).sum(2)


def parity(index, base):
    """What our arithmetic makes of an exported index and its base (nb, d).

    error_pq and error_beta: mean squared error of plain and regressed reconstructions. encoding:
    the Regression of our own coding with its codebook. same_codes: share of the beta codes that
    are equal; higher: share of the others whose error is above that of the given code. shared:
    share of the vertices whose PQ code an earlier one has; they tie in every search.
    """
    ids, parts = np.arange(len(base), dtype=np.int32), len(index.beta.beta_centroids)
    x = index.codec.rotate(base)
    codec, codes, links = index.codec, index.codes, index.graph.neighbors
    own, _ = regression.encode(base, codec, codes, links, index.beta.beta_centroids)
    theirs = squared_errors(x, index.reconstruct(ids), parts)
    ours = squared_errors(x, regression.reconstruct(ids, codec, codes, links, own), parts)
    differ = own.beta_codes != index.beta.beta_codes
    higher = ours[differ] > theirs[differ] * (1 + TOLERANCE)
    return {
        "error_pq": mean(squared_errors(x, codec.decode(codes))[:, 0]),
        "error_beta": mean(theirs.sum(1)),
        "error_own_codes": mean(ours.sum(1)),
        "same_codes": 1 - mean(differ.ravel()),
        "higher": mean(higher),
        "shared": 1 - len(np.unique(codes, axis=0)) / len(codes),
    }


def peak_rss_mb():
    """Peak resident memory of this process; ru_maxrss would begin at its parent's (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def main(kind, path, query, k, efSearch, k_reorder):
    """Load an index, search it at every point, print the peak."""
    if kind == "LinkCode":
        from linkprune import LinkCode  # here, as it loads the training too

        index = LinkCode.load(path)
    else:
        index = Index.load(path)
    query = formats.read(query)
    for r in map(int, k_reorder.split(",")):
        for ef in map(int, efSearch.split(",")):
            index.search(query, int(k), ef, r)
    print(peak_rss_mb())


if __name__ == "__main__":
    main(*sys.argv[1:])
