import numpy as np
import pytest
from conftest import by_distance_then_id, clustered, integers, ip_or_l2, refuses

from linkprune import groundtruth, hnsw, keys, nsg, vamana
from linkprune.errors import DataError, ShapeError
from linkprune.seeds import generator

METRICS = ["l2", "ip"]


def check(query, base, k, metric, got):
    ids, dis = by_distance_then_id(ip_or_l2(query, base, metric == "ip"), k)
    assert got[0].dtype == np.int32 and got[1].dtype == np.float64
    assert np.array_equal(got[0], ids)
    assert np.allclose(got[1], dis, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("nq", [1, 19, 20, 50])
@pytest.mark.parametrize("nb, k", [(1, 1), (5, 5), (13, 1), (14, 2), (400, 10), (400, 100)])
def test_equals_brute_force_in_double(nb, k, nq, metric):
    base, query = clustered(nb, 12, 0), clustered(nq, 12, 1)
    check(query, base, k, metric, groundtruth.exact(query, base, k, metric))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("d", [1, 4, 12])
def test_ties_go_to_the_smaller_id(d, metric):
    base, query = integers(d, 1500, d, lo=0, hi=2), integers(d + 1, 40, d, lo=0, hi=2)
    for k in (1, 7, 50):
        check(query, base, k, metric, groundtruth.exact(query, base, k, metric))


def test_all_rows_equal_come_by_id():
    ids, dis = groundtruth.exact(np.zeros((30, 3), "f4"), np.ones((500, 3), "f4"), 9)
    assert (ids == np.arange(9)).all() and (dis == 3).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["float", "ties"])
def test_blocks_do_not_change_the_answer(kind, metric, monkeypatch):
    if kind == "ties":
        base, query = integers(0, 300, 3, lo=0, hi=3), integers(1, 30, 3, lo=0, hi=3)
    else:
        base, query = clustered(300, 12, 0), clustered(30, 12, 1)
    want = groundtruth.exact(query, base, 20, metric)
    check(query, base, 20, metric, want)
    for size in (1, 7, 19, 32, 33, 299):
        blocks = [(i, base[i : i + size]) for i in range(0, 300, size)]
        got = groundtruth.knn(query, blocks, 20, metric)
        assert np.array_equal(got[0], want[0]) and np.array_equal(got[1], want[1])
    monkeypatch.setattr(groundtruth, "CHUNK", 64)
    for queries in (30, 29, 7, 1):
        monkeypatch.setattr(groundtruth, "QUERIES", queries)
        got = groundtruth.exact(query, base, 20, metric)
        assert np.array_equal(got[0], want[0]) and np.array_equal(got[1], want[1])


def test_queries_are_compared_as_they_are_seen():
    base, query = integers(0, 90, 3), integers(1, 11, 5).astype(np.int8)
    got = groundtruth.knn(query, [(0, base)], 7, seen=lambda part: part[:, 1:4])
    check(query[:, 1:4].copy(), base, 7, "l2", got)


def test_fewer_rows_than_k_are_padded():
    base, query = integers(0, 3, 4), integers(1, 25, 4)
    ids, dis = groundtruth.exact(query, base, 7)
    check(query, base, 7, "l2", (ids, dis))
    assert (ids[:, 3:] == -1).all() and np.isinf(dis[:, 3:]).all()
    ids, dis = groundtruth.exact(query, base[:0], 2)
    assert (ids == -1).all() and np.isinf(dis).all()
    assert groundtruth.exact(query[:0], base, 2)[0].shape == (0, 2)
    with refuses(ShapeError, "query", "(any, 4)", "(0, 3)"):
        groundtruth.exact(query[:0, :3], base, 2)


def test_threads_do_not_change_bits():
    base, query = clustered(2000, 17, 0), clustered(64, 17, 1)
    one = [x.tobytes() for x in groundtruth.exact(query, base, 30)]
    for t in (2, 4):
        assert [x.tobytes() for x in groundtruth.exact(query, base, 30, threads=t)] == one


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float64])
def test_the_stored_type_does_not_matter(dtype):
    base, query = np.abs(integers(0, 300, 5)), np.abs(integers(1, 30, 5))
    check(query, base, 9, "l2", groundtruth.exact(query.astype(dtype), base.astype(dtype), 9))


def test_vectors_far_from_the_origin_have_the_right_neighbours():
    # A shortlist by |x|^2 + |y|^2 - 2 x.y in float32 knows nothing of distances this small.
    base, query = (clustered(n, 32, seed) + 2000 for n, seed in ((3000, 0), (50, 1)))
    check(query, base, 5, "l2", groundtruth.exact(query, base, 5))


@pytest.mark.parametrize("metric", METRICS)
def test_distances_of_given_neighbours_are_exact(metric):
    base, query = integers(0, 40, 9), integers(1, 6, 9)
    ids = np.random.default_rng(0).integers(0, 40, (6, 5)).astype(np.int32)
    want = np.take_along_axis(ip_or_l2(query, base, metric == "ip"), ids, 1)
    assert (groundtruth.distances(ids, query, base, metric) == want).all()


@pytest.mark.parametrize("metric", METRICS)
def test_spot_check_accepts_the_truth_with_ties_in_any_order(metric):
    base, query = integers(0, 200, 3, lo=0, hi=3), integers(1, 30, 3, lo=0, hi=3)
    ids, dis = groundtruth.exact(query, base, 30, metric)
    rng = np.random.default_rng(0)
    shuffled = np.stack([i[np.lexsort((rng.random(30), d))] for i, d in zip(ids, dis, strict=True)])
    assert not np.array_equal(shuffled, ids)
    for truth in (ids, shuffled, ids[:, :1], ids.astype(np.int64)):
        groundtruth.spot_check(truth, query, base, metric, generator(0, "test"))


@pytest.mark.parametrize("metric", METRICS)
def test_spot_check_refuses_another_truth(metric):
    base, query = clustered(200, 8, 0), clustered(30, 8, 1)
    ids, _ = groundtruth.exact(query, base, 30, metric)

    def refused(truth, *words):
        with refuses(DataError, "ground truth", *words):
            groundtruth.spot_check(truth, query, base, metric, generator(0, "test"))

    refused(np.roll(ids, 1, 0), "query", "rank")
    refused(ids[:, 1:], "rank 0")
    refused(ids[:, ::-1], "rank 0")
    refused(ids[:29], "29 rows", "30 queries")
    for bad in (-1, 200):
        wrong = ids.copy()
        wrong[3, 20] = bad
        refused(wrong, str(bad), "200 base rows")
    other = groundtruth.exact(query, base, 30, "ip" if metric == "l2" else "l2")[0]
    refused(other, f"not the truth of these 200 base rows under {metric}")
    with refuses(DataError, "datasets.mine.groundtruth: 29 rows"):
        rng = generator(0, "test")
        groundtruth.spot_check(ids[:29], query, base, metric, rng, name="datasets.mine.groundtruth")


def test_spot_check_refuses_a_truth_that_names_one_row_twice():
    base, query = clustered(200, 8, 0), clustered(30, 8, 1)
    ids, _ = groundtruth.exact(query, base, 10)
    with refuses(DataError, "ground truth"):
        groundtruth.spot_check(np.repeat(ids[:, :1], 10, 1), query, base, "l2", generator(0, "t"))


def test_k_must_be_positive():
    with refuses(ShapeError, "k", "0"):
        groundtruth.exact(np.ones((2, 3), "f4"), np.ones((4, 3), "f4"), 0)


@pytest.mark.parametrize("metric", ["cosine", "L2", "IP", None, ["ip"]])
def test_an_unknown_metric_is_refused(metric):
    x = integers(0, 20, 3)
    for search in (
        lambda: groundtruth.exact(x, x, 2, metric),
        lambda: groundtruth.distances(np.zeros((20, 1), np.int32), x, x, metric),
        lambda: hnsw.build(keys.graph("nsw_M3_efC9_float"), x, 0, metric=metric),
        lambda: vamana.build(keys.graph("vamana_R4_a1.0_efC9_float"), x, 0, metric=metric),
        lambda: nsg.build(keys.graph("nsg_R4_K5_efC9_float"), x, metric=metric),
    ):
        with refuses(ShapeError, "metric", "l2 or ip"):
            search()
