import dataclasses
import pickle

import conftest
import numpy as np
import pytest
from conftest import by_distance_then_id, clustered, integers, ip_or_l2, links_of, refuses

from linkprune import graph as graphs
from linkprune import hnsw, keys, seeds
from linkprune.codec import Codec
from linkprune.errors import DataError, ShapeError
from linkprune.graph import Graph
from linkprune.kernels import adc, beam, episodes
from linkprune.kernels import hnsw as kernel


def coded(x, nsq=4):
    """A codec without training and the codes of x (n, d): 256 rows of x are the centroids."""
    pick = np.arange(256) % len(x)
    cent = np.ascontiguousarray(x[pick].reshape(256, nsq, -1).transpose(1, 0, 2))
    return Codec(None, cent), adc.encode(x, cent)


def same(a, b):
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in Graph.__dataclass_fields__)


def selected(candidates, between, slots):
    kept = []
    for d, c in candidates:
        if len(kept) < slots and all(between[c, other] >= d for other in kept):
            kept.append(c)
    return kept


def reference(key, nb, seed, to, between):
    """The construction in plain Python: to[v, u] vector v to vertex u, between vertices."""
    rng = seeds.generator(seed, "hnsw", key)
    levels = np.floor(-np.log1p(-rng.random(nb)) / np.log(max(key.M, 2))).astype(int)
    order = sorted(range(nb), key=dict(enumerate(zip(-levels, rng.permutation(nb)))).get)  # noqa: B905
    arrays = graphs.empty(levels, key.M0, key.M)
    g = Graph(**arrays, entry_point=order[0], max_level=int(levels[order[0]]))

    def write(v, level, links):
        row = g.neighbors[v] if level == 0 else g.upper_neighbors[
            g.upper_start[list(g.upper_vertex).index(v)] + level - 1]  # fmt: skip
        row[:] = links + [-1] * (len(row) - len(links))
        return links

    done = 1
    while done < nb:
        batch = order[done : done + max(1, done // hnsw.BATCH_SHARE)]
        forward = {}
        for i, v in enumerate(batch):
            u = g.entry_point
            for level in range(g.max_level, -1, -1):
                if level > levels[v]:
                    u, _ = conftest.descent(g, level, to[v], u)
                    continue
                pool, _, _ = conftest.beam(g, level, to[v], u, key.efConstruction,
                                           key.efConstruction)  # fmt: skip
                u = pool[0][1]
                pool = sorted(pool + [(to[v, w], w) for w in batch[:i]])[: key.efConstruction]
                slots = key.M if level else key.M0
                forward[v, level] = selected(pool, between, slots)
        for (v, level), links in forward.items():
            write(v, level, links)
        gained = {}
        for (v, level), links in forward.items():
            for u in links:
                gained.setdefault((u, level), []).append(v)
        for (u, level), sources in gained.items():
            links, slots = links_of(g, u, level) + sources, key.M if level else key.M0
            if len(links) > slots:
                links = selected(sorted((between[u, w], w) for w in links), between, slots)
            write(u, level, links)
        done += len(batch)
    for v in range(nb):
        write(v, 0, sorted(links_of(g, v, 0), key=lambda w: (between[v, w], w)))
    return g


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("M0, M, efC", [(2, 2, 4), (6, 3, 9), (5, 2, 3), (40, 3, 60)])
@pytest.mark.parametrize("on", ["codes", "float"])
def test_build_equals_the_reference_link_by_link(on, M0, M, efC, metric):
    nb, ip, key = 180, metric == "ip", keys.HNSW(M0, M, efC, on)
    x = integers(M0, nb, 8, lo=-9, hi=10)
    if on == "float":
        between = ip_or_l2(x, x, ip)
        got, to = hnsw.build(key, x, 3, metric=metric), between
    else:
        codec, codes = coded(integers(1, 256, 8, lo=-9, hi=10))
        codes = adc.encode(x, codec.centroids)
        y = codec.decode(codes)
        to, between = ip_or_l2(x, y, ip), ip_or_l2(y, y, ip)
        got = hnsw.build(key, x, 3, codec=codec, codes=codes, metric=metric)
    want = reference(key, nb, 3, to, between)
    assert got.max_level > 1
    assert np.array_equal(got.upper_neighbors, want.upper_neighbors)
    assert same(got, want)


def check_laws(g, between):
    """What holds for every graph we build; between (nb, nb) distances of vertices."""
    nb, levels = len(g.neighbors), g.levels()
    assert levels.max() == g.max_level == levels[g.entry_point]
    rows = [(v, 0, g.neighbors[v]) for v in range(nb)]
    for v, start, end in zip(g.upper_vertex, g.upper_start, g.upper_start[1:], strict=False):
        rows += [(v, row - start + 1, g.upper_neighbors[row]) for row in range(start, end)]
    for v, level, row in rows:
        links = row[row >= 0]
        assert (row[len(links) :] == -1).all()
        assert v not in links and len(set(links)) == len(links)
        assert (levels[links] >= level).all()
        if level == 0:
            d = between[v, links]
            assert sorted(zip(d, links, strict=True)) == list(zip(d, links, strict=True))


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("on", ["codes", "float"])
def test_links_obey_the_laws(on, metric):
    x = integers(8, 700, 16, lo=-4, hi=5)
    x[300:340] = x[7]
    codec, codes = coded(x)
    given = {"codec": codec, "codes": codes} if on == "codes" else {}
    y = codec.decode(codes) if on == "codes" else x
    g = hnsw.build(keys.HNSW(6, 4, 30, on), x, 1, metric=metric, **given)
    check_laws(g, ip_or_l2(y, y, metric == "ip"))
    assert (g.neighbors[:, 0] >= 0).all()


@pytest.mark.parametrize("on", ["codes", "float"])
def test_threads_do_not_change_the_graph_and_seeds_do(on):
    x = clustered(1500, 16, 0)
    codec, codes = coded(x)
    given = {"codec": codec, "codes": codes} if on == "codes" else {}
    key = keys.HNSW(8, 8, 40, on)
    one = hnsw.build(key, x, 5, threads=1, **given)
    for t in (2, 4, 8):
        assert same(one, hnsw.build(key, x, 5, threads=t, **given))
    assert same(one, hnsw.build(key, x, 5, **given))
    assert not np.array_equal(one.neighbors, hnsw.build(key, x, 6, **given).neighbors)


def test_the_stored_type_of_the_vectors_does_not_matter():
    x = np.abs(integers(0, 200, 8))
    codec, codes = coded(x)
    key = keys.HNSW(4, 4, 20, "codes")
    one = hnsw.build(key, x, 5, codec=codec, codes=codes)
    for dtype in (np.uint8, np.int8, np.float64):
        assert same(one, hnsw.build(key, x.astype(dtype), 5, codec=codec, codes=codes))
        assert same(hnsw.build(key, x, 5), hnsw.build(key, x.astype(dtype), 5))


def test_the_entry_point_is_the_first_vertex_inserted():
    x = clustered(400, 8, 0)
    key = keys.HNSW(6, 3, 20, "float")
    g, rng = hnsw.build(key, x, 9), seeds.generator(9, "hnsw", key)
    levels = np.floor(-np.log1p(-rng.random(400)) / np.log(3)).astype(int)
    assert np.array_equal(g.levels(), levels)
    permuted = rng.permutation(400)
    highest = np.flatnonzero(levels == levels.max())
    assert g.entry_point == highest[permuted[highest].argmin()] and g.max_level == levels.max()


@pytest.mark.parametrize("nb", [2, 3])
@pytest.mark.parametrize("M0, M, efC", [(1, 1, 1), (1, 2, 5), (4, 3, 1), (9, 3, 5)])
def test_tiny_graphs_are_connected_both_ways(nb, M0, M, efC):
    x = integers(nb, nb, 3)
    g = hnsw.build(keys.HNSW(M0, M, efC, "float"), x, 0)
    check_laws(g, ip_or_l2(x, x, False))
    assert (g.neighbors[:, 0] >= 0).all()
    if nb == 2:
        assert g.neighbors[:, 0].tolist() == [1, 0]


@pytest.mark.parametrize("M0", [1, 2, 39, 40, 100])
def test_any_number_of_links_obeys_the_laws(M0):
    x = integers(M0, 40, 5)
    g = hnsw.build(keys.HNSW(M0, 4, 50, "float"), x, 0)
    check_laws(g, ip_or_l2(x, x, False))


def test_equal_vectors_get_links_by_id_and_are_found():
    x = np.ones((300, 4), np.float32)
    for given in ({}, dict(zip(("codec", "codes"), coded(x), strict=True))):
        g = hnsw.build(keys.HNSW(6, 4, 20, "any"), x, 0, **given)
        check_laws(g, np.zeros((300, 300)))
        assert (g.neighbors[:, 0] >= 0).all()
        D, I, *_ = beam.search(g, x[:3], 5, 20, vectors=x)
        assert (D == 0).all() and (I >= 0).all()


def test_recall_of_a_built_graph_is_high():
    x, query = clustered(3000, 16, 1), clustered(200, 16, 2)
    codec, codes = coded(x)
    y = codec.decode(codes)
    want, _ = by_distance_then_id(ip_or_l2(query, y, False), 10)
    distances = np.take_along_axis(ip_or_l2(query, y, False), want, 1)
    g = hnsw.build(keys.HNSW(16, 16, 60, "codes"), x, 0, codec=codec, codes=codes)
    D, _, ndis, *_ = beam.search(g, query, 10, 64, codes=codes, centroids=codec.centroids)
    assert (D <= distances[:, -1:] + 1e-4).mean() > 0.95
    assert ndis.mean() < 1000


def test_a_graph_of_one_vector_is_refused():
    key = keys.HNSW(6, 4, 20, "float")
    for n in (0, 1):
        with refuses(DataError, str(key), f"{n} base vectors", "at least 2"):
            hnsw.build(key, np.ones((n, 4), np.float32), 0)


def test_the_builder_refuses_what_does_not_fit():
    x = integers(0, 20, 4)
    codec, codes = coded(x)
    levels = np.zeros(20, np.int32)
    g = Graph(**graphs.empty(levels, 3, 2), entry_point=0, max_level=0)
    batch = np.array([1, 2], np.int32)
    b = kernel.Builder(g, 5, vectors=x)
    for call, words in (
        (lambda: kernel.Builder(g, 0, vectors=x), ("efConstruction", "0")),
        (lambda: kernel.Builder(g, 5, vectors=x, threads=0), ("threads", "0")),
        (lambda: kernel.Builder(g, 5), ("codes or vectors",)),
        (lambda: kernel.Builder(g, 5, vectors=x[:19]), ("20", "19")),
        (lambda: kernel.Builder(g, 5, vectors=x.astype(float)), ("vectors", "float64")),
        (lambda: kernel.Builder(g, 5, codes=codes, centroids=None), ("centroids",)),
        (lambda: kernel.Builder(g, 5, codes=codes[:, :3].copy(), centroids=codec.centroids),
         ("centroids", "(3, 256, any)")),
        (lambda: b.link(batch, levels[:2], x[:3]), ("x", "(2, 4)")),
        (lambda: b.link(batch, levels[:3], x[:2]), ("levels",)),
        (lambda: b.link(np.array([1, 20], np.int32), levels[:2], x[:2]), ("batch", "20")),
        (lambda: b.reverse(0, batch, np.array([1, 20], np.int32)), ("source", "20")),
        (lambda: b.reverse(0, batch, batch[:1]), ("source",)),
    ):  # fmt: skip
        with refuses(ShapeError, *words):
            call()


def test_a_vertex_that_others_link_to_gets_links_but_to_itself():
    x, levels = integers(0, 40, 4), np.zeros(40, np.int32)
    g = hnsw.build(keys.NSW(4, 9, "float"), x, 0)
    b = kernel.Builder(g, 9, vectors=x)
    batch = np.arange(40, dtype=np.int32)  # the entry point among them
    b.link(batch, levels, x)
    b.reverse(0, batch.repeat(2), np.roll(batch, 1).repeat(2))  # each of them twice
    assert all(len(set(row)) == len(row) > 0 and v not in row
               for v, row in ((v, links_of(g, v, 0)) for v in range(40)))  # fmt: skip
    with refuses(ShapeError, "source", "vertex 7", "itself"):
        b.reverse(0, batch[6:8], np.array([1, 7], np.int32))
    b.link(batch[:1], levels[:1], np.full((1, 4), np.nan, np.float32))
    assert len(links_of(g, 0, 0)) == 1


def test_links_spoiled_after_a_graph_was_checked_are_refused():
    x = integers(0, 20, 4)
    g = hnsw.build(keys.HNSW(3, 2, 5, "float"), x, 0)
    sealed = g.sealed()
    g.neighbors[7, 1] = 20
    for use in (
        lambda: beam.search(g, x, 1, 5, vectors=x),
        lambda: kernel.Builder(g, 5, vectors=x),
        lambda: episodes.Runner(g, vectors=x),
    ):
        with refuses(ShapeError, "neighbors", "19"):
            use()
    with pytest.raises(ValueError, match="read-only"):
        sealed.neighbors[7, 1] = 20


def test_a_sealed_graph_and_a_runner_keep_their_links_whatever_becomes_of_the_arrays():
    x, start = integers(0, 20, 4), np.zeros(20, np.int32)
    g = hnsw.build(keys.HNSW(3, 2, 5, "float"), x, 0)
    keep = np.full(g.neighbors.shape, episodes.ALWAYS, np.uint32)
    sealed, runner = g.sealed(), episodes.Runner(g, vectors=x)
    want = beam.search(g, x, 3, 5, vectors=x)[1], runner.record(keep, x, start, 3, 5, 7).I
    again = pickle.loads(pickle.dumps(sealed))
    g.neighbors[:] = g.upper_neighbors[:] = 2_000_000_000
    found = beam.search(sealed, x, 3, 5, vectors=x)[1], runner.record(keep, x, start, 3, 5, 7).I
    assert np.array_equal(found, want)
    assert sealed.is_sealed() and sealed.sealed() is sealed
    assert not again.is_sealed() and not dataclasses.replace(sealed).is_sealed()


def test_read_only_arrays_alone_do_not_make_a_graph_sealed():
    g = hnsw.build(keys.HNSW(3, 2, 5, "float"), integers(0, 20, 4), 0)
    views = {name: x.view() for name, x in vars(g).items() if isinstance(x, np.ndarray)}
    for view in views.values():
        view.flags.writeable = False
    assert not dataclasses.replace(g, **views).is_sealed()
