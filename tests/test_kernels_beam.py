import tracemalloc

import conftest
import numpy as np
import pytest
from conftest import (
    by_distance_then_id,
    flat,
    integers,
    ip_or_l2,
    random_graph,
    refuses,
    weyl,
)

from linkprune.errors import ShapeError
from linkprune.kernels import adc, beam, episodes, hnsw


def space_of(kind, nb, nq, seed, lo=-3, hi=4):
    """Vertices of either kind with exact distances and many ties: arguments, query, dis."""
    if kind == "codes":
        cent = integers(seed, 3, 256, 2, lo=lo, hi=hi)
        codes = np.random.default_rng(seed).integers(0, 9, (nb, 3), np.uint8)
        query = integers(seed + 1, nq, 6, lo=lo, hi=hi)
        return {"codes": codes, "centroids": cent}, query, adc.decode(codes, cent)
    vectors, query = integers(seed, nb, 17, lo=lo, hi=hi), integers(seed + 1, nq, 17, lo=lo, hi=hi)
    vectors[nb // 2 :: 3] = vectors[0]  # duplicates
    return {"vectors": vectors}, query, vectors


def reference(graph, dis, k, ef):
    """The whole search for one query, dis (nb,) -> D, I, ndis, ndis_upper, nhops."""
    v, upper = graph.entry_point, 1
    for level in range(graph.max_level, 0, -1):
        v, n = conftest.descent(graph, level, dis, v)
        upper += n
    pool, ndis, nhops = conftest.beam(graph, 0, dis, v, ef, max(ef, k))
    found = pool[:k] + [(np.inf, -1)] * (k - len(pool))
    return [d for d, _ in found], [i for _, i in found], ndis, upper, nhops


@pytest.mark.parametrize("ip", [False, True])
@pytest.mark.parametrize("kind", ["codes", "vectors"])
@pytest.mark.parametrize("nb, M0", [(5, 3), (60, 4), (90, 33), (80, 64)])
def test_search_equals_the_reference_id_by_id(kind, nb, M0, ip):
    arguments, query, vertices = space_of(kind, nb, 6, nb)
    dis = ip_or_l2(query, vertices, ip)
    for seed, ring in ((0, False), (1, True)):
        graph = random_graph(nb, M0, 3, seed, ring)
        for k, ef in ((1, 1), (1, 4), (5, 1), (7, 3), (10, 10), (3, 20), (nb + 3, 2)):
            D, I, *counters = beam.search(graph, query, k, ef, ip=ip, **arguments)
            for q in range(len(query)):
                want = reference(graph, dis[q], k, ef)
                assert (D[q].tolist(), I[q].tolist()) == want[:2], (k, ef, q)
                assert tuple(int(c[q]) for c in counters) == want[2:], (k, ef, q)


@pytest.mark.parametrize("ip", [False, True])
@pytest.mark.parametrize("kind", ["codes", "vectors"])
def test_search_with_ef_nb_equals_brute_force(kind, ip):
    nb = 70
    arguments, query, vertices = space_of(kind, nb, 9, 5)
    graph = random_graph(nb, 5, 4, 3, ring=True)
    D, I, ndis, _, nhops = beam.search(graph, query, 20, nb, ip=ip, **arguments)
    ids, dis = by_distance_then_id(ip_or_l2(query, vertices, ip), 20)
    assert (I == ids).all() and (D == dis).all()
    assert (ndis == nb - 1).all() and (nhops == nb).all()


def test_results_of_equal_vertices_come_by_id():
    graph = random_graph(40, 6, 3, 2, ring=True)
    D, I, *_ = beam.search(graph, np.ones((2, 3), np.float32), 8, 40,
                           vectors=np.zeros((40, 3), np.float32))  # fmt: skip
    assert (I == np.arange(8)).all() and (D == 3).all()


@pytest.mark.parametrize("ip", [False, True])
@pytest.mark.parametrize("dtype, lo, hi", [("uint8", 0, 256), ("int8", -128, 128)])
def test_bytes_give_the_bits_of_the_floats_that_they_stand_for(dtype, lo, hi, ip):
    graph = random_graph(90, 33, 3, 1, ring=True)
    rng = np.random.default_rng(2)
    for d in (1, 3, 16, 31, 33, 100):
        vectors = rng.integers(lo, hi, (90, d)).astype(dtype)
        query = rng.normal(scale=90, size=(20, d)).astype(np.float32)
        found = [beam.search(graph, query, 30, 40, vectors=v, ip=ip)
                 for v in (vectors, vectors.astype(np.float32))]  # fmt: skip
        assert all(a.tobytes() == b.tobytes() for a, b in zip(*found, strict=True)), d


@pytest.mark.parametrize("ip", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
def test_distances_are_exact_and_the_same_alone_and_among_others(dtype, ip):
    # The links of vertex 0 are measured together, four at a time and what is left.
    for d in range(1, 34):
        lo, hi = (0, 9) if dtype == "uint8" else (-8, 9)
        vectors = integers(d, 40, d, lo=lo, hi=hi)
        query = np.concatenate([integers(d + 1, 2, d), weyl(2, d, step=0.7548776662466927)])
        alone = []
        for v in range(40):
            D, *_ = beam.search(flat([[-1]]), query, 1, 1, vectors=vectors[v : v + 1], ip=ip)
            alone.append(D[:, 0])
        alone = np.stack(alone, 1)
        assert (alone[:2] == ip_or_l2(query[:2], vectors, ip)).all()
        for n in (1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 39):
            links = np.full((40, n), -1)
            links[0] = np.arange(1, n + 1)
            D, I, *_ = beam.search(flat(links), query, 40, 40, vectors=vectors.astype(dtype), ip=ip)
            assert ((I >= 0).sum(1) == n + 1).all()
            measured = np.take_along_axis(alone, np.maximum(I, 0), 1)
            assert (D == np.where(I >= 0, measured, np.inf)).all(), (d, n)


def test_search_does_not_stop_at_a_tie():
    # 0 - 1 - 2, all equally far: with ef 1 nothing is strictly nearer, so all are expanded.
    graph = flat([[1, -1], [2, -1], [-1, -1]])
    _, I, ndis, _, nhops = beam.search(graph, np.zeros((1, 1), np.float32), 1, 1,
                                       vectors=np.ones((3, 1), np.float32))  # fmt: skip
    assert I[0, 0] == 0 and ndis[0] == 0 + 1 and nhops[0] == 1  # 1 does not enter a pool of one
    _, I, ndis, _, nhops = beam.search(graph, np.zeros((1, 1), np.float32), 3, 1,
                                       vectors=np.ones((3, 1), np.float32))  # fmt: skip
    assert I[0].tolist() == [0, 1, 2] and ndis[0] == 2 and nhops[0] == 3


def test_more_queries_than_epochs_are_independent():
    # So few of the vertices are marked by a query that marks are left from 255 queries before.
    arguments, query, _ = space_of("codes", 800, 700, 1)
    graph = random_graph(800, 4, 3, 4, ring=True)
    together = beam.search(graph, query, 5, 6, **arguments)
    assert together[2].mean() < 100
    alone = [beam.search(graph, query[q : q + 1], 5, 6, **arguments) for q in range(len(query))]
    for a, b in zip(together, zip(*alone, strict=True), strict=True):
        assert np.array_equal(a, np.concatenate(b))


@pytest.mark.parametrize("kind", ["codes", "vectors"])
def test_threads_do_not_change_bits(kind):
    arguments, query, _ = space_of(kind, 90, 600, 2)
    graph = random_graph(90, 6, 3, 4, ring=True)
    one = [x.tobytes() for x in beam.search(graph, query, 7, 9, **arguments)]
    for t in (2, 4):
        assert [x.tobytes() for x in beam.search(graph, query, 7, 9, threads=t, **arguments)] == one


def test_one_vertex_is_found_and_the_rest_is_padding():
    D, I, ndis, upper, nhops = beam.search(flat([[-1]]), np.array([[2]], np.float32), 3, 4,
                                           vectors=np.zeros((1, 1), np.float32))  # fmt: skip
    assert I.tolist() == [[0, -1, -1]] and D.tolist() == [[4, np.inf, np.inf]]
    assert (ndis[0], upper[0], nhops[0]) == (0, 1, 1)


def test_more_than_all_vertices_take_no_more_room():
    x, none = np.zeros((2, 1), np.float32), np.zeros((0, 1), np.float32)
    tracemalloc.start()
    beam.search(flat([[1], [0]]), none, 2**31 - 1, 2**31 - 1, vectors=x)
    hnsw.Builder(flat([[1], [0]]), 2**31 - 1, vectors=x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6


@pytest.mark.parametrize("kind", ["float32", "codes"])
def test_what_has_no_distance_is_infinitely_far(kind):
    # From infinity to infinity there is none either.
    x = np.arange(12, dtype=np.float32)[:, None]
    x[3], x[5], x[7] = np.nan, -np.nan, np.inf
    space = {"vectors": x}
    if kind == "codes":
        codes = np.arange(12, dtype=np.uint8)[:, None]
        space = {"codes": codes, "centroids": np.resize(x, (1, 256, 1))}
    graph = random_graph(12, 3, 2, 0, ring=True)
    D, I, *_ = beam.search(graph, np.array([[0], [np.inf]], np.float32), 12, 12, **space)
    assert I[0].tolist() == [0, 1, 2, 4, 6, 8, 9, 10, 11, 3, 5, 7]
    assert I[1].tolist() == list(range(12))
    assert (D[0, :9] < np.inf).all() and (D[0, 9:] == np.inf).all() and (D[1] == np.inf).all()
    runner = episodes.Runner(graph, **space)
    keep = np.full(graph.neighbors.shape, episodes.ALWAYS, np.uint32)
    query, start = np.array([[0], [np.inf]], np.float32), np.zeros(2, np.int32)
    assert np.array_equal(runner.record(keep, query, start, 12, 12, 7).I, I)


def test_no_queries_give_no_results():
    arguments, query, _ = space_of("codes", 30, 1, 1)
    D, I, *counters = beam.search(random_graph(30, 4, 3, 4), query[:0], 5, 6, **arguments)
    assert D.shape == I.shape == (0, 5) and all(c.shape == (0,) for c in counters)


@pytest.mark.parametrize("name", ["k", "efSearch", "threads"])
@pytest.mark.parametrize("bad", [0, -1, 2.0, True])
def test_sizes_must_be_positive_integers(name, bad):
    arguments, query, _ = space_of("codes", 30, 1, 1)
    sizes = {"k": 1, "efSearch": 1, "threads": 1, name: bad}
    with refuses(ShapeError, name, str(bad)):
        beam.search(random_graph(30, 4, 3, 4), query, **sizes, **arguments)


def test_wrong_arrays_are_refused_by_name():
    arguments, query, vertices = space_of("codes", 30, 2, 1)
    codes, cent = arguments["codes"], arguments["centroids"]
    graph = random_graph(30, 4, 3, 4)

    def search(graph=graph, query=query, codes=codes, centroids=cent, **more):
        return beam.search(graph, query, 1, 1, codes=codes, centroids=centroids, **more)

    search()
    for call, words in (
        (lambda: search(query=query.astype(float)), ("query", "float64")),
        (lambda: search(query=query[:, :5].copy()), ("query", "(any, 6)")),
        (lambda: search(query=np.asfortranarray(query)), ("query", "contiguous")),
        (lambda: search(query=query[:, ::-1]), ("query", "contiguous")),
        (lambda: search(query=query[0]), ("query", "(6,)")),
        (lambda: search(codes=codes.astype(int)), ("codes", "int64")),
        (lambda: search(codes=codes[:29]), ("30", "29")),
        (lambda: search(codes=codes[:, :2].copy()), ("centroids",)),
        (lambda: search(centroids=cent[:, :255].copy()), ("centroids", "255")),
        (lambda: search(centroids=None), ("centroids",)),
        (lambda: search(vectors=vertices), ("codes or vectors",)),
        (lambda: search(codes=None), ("codes or vectors",)),
        (lambda: search(codes=None, vectors=vertices.astype(float)), ("vectors", "float64")),
        (lambda: search(codes=None, vectors=vertices.tolist()), ("vectors", "list")),
    ):
        with refuses(ShapeError, *words):
            call()
