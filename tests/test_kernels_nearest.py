import numpy as np
import pytest
from conftest import by_distance_then_id, clustered, integers, ip_or_l2, refuses

from linkprune.errors import ShapeError
from linkprune.kernels import distance, nearest

D = [1, 2, 7, 8, 9, 15, 16, 17, 100]
N = [1, 31, 32, 33, 65]
NQ = [1, 7, 8, 9, 17]
IP = [False, True]


def offer(query, rows, first, ids, dis, ip=False, threads=1):
    nearest.Rows(rows, first, ip, threads).offer(query, ids, dis, threads)


def found(query, rows, k, ip=False, threads=1, blocks=1):
    ids, dis = np.full((len(query), k), -1, np.int32), np.full((len(query), k), np.inf)
    for part in np.array_split(np.arange(len(rows)), blocks):
        if len(part):
            block = np.ascontiguousarray(rows[part])
            offer(query, block, int(part[0]), ids, dis, ip, threads)
    return ids, dis


def brute_force(query, rows, k, ip=False):
    """From all distances of the distance kernel: what is found has the same bits."""
    every = np.tile(np.arange(len(rows), dtype=np.int32), (len(query), 1))
    return by_distance_then_id(distance.pair_distances(query, rows, every, ip), k)


def same(got, want):
    return got[0].tobytes() == want[0].tobytes() and got[1].tobytes() == want[1].tobytes()


@pytest.mark.parametrize("ip", IP)
@pytest.mark.parametrize("d", D)
def test_whole_numbers_are_exact(d, ip):
    for n in N:
        for nq in NQ:
            query, rows = integers(nq, nq, d), integers(n + 100, n, d)
            dis = ip_or_l2(query.astype(int), rows.astype(int), ip)
            for k in (1, 5, n, n + 3):
                got = found(query, rows, k, ip)
                assert got[0].dtype == np.int32 and got[1].dtype == np.float64
                want = by_distance_then_id(dis, k)
                assert (got[0] == want[0]).all() and (got[1] == want[1]).all()


@pytest.mark.parametrize("ip", IP)
@pytest.mark.parametrize("low, high", [(0, 256), (-128, 128), (0, 2), (0, 1), (-300, 300)])
def test_every_value_of_a_byte(low, high, ip):
    query, rows = (integers(i, n, 24, lo=low, hi=high) for i, n in ((0, 40), (1, 700)))
    assert same(found(query, rows, 20, ip), brute_force(query, rows, 20, ip))


def adversarial():
    rng = np.random.default_rng(5)
    x, q = clustered(600, 20, 1), clustered(50, 20, 2)
    yield "clusters", q, x
    for offset in (2e3, 1e6, -3e30):
        yield f"offset {offset}", q + np.float32(offset), x + np.float32(offset)
    for scale in (1e-40, 1e-30, 1e-8, 1e8, 1e18, 1e37):
        yield f"scale {scale}", (q * scale).astype("f4"), (x * scale).astype("f4")
    wide = np.float32(10.0) ** np.arange(-10, 10)
    yield "a scale each", q * wide, x * wide
    yield "an offset each", q + wide, x + wide
    fixed = np.where(np.arange(20) < 17, np.float32(3.3), x)
    yield "constant dimensions", q, fixed
    yield "one row", q, np.tile(x[:1], (600, 1))
    yield "copies", q, x[rng.integers(0, 5, 600)]
    yield "queries among the rows", x[:50].copy(), x
    outlier = x.copy()
    outlier[77] = 1e20
    yield "an outlier", q, outlier
    yield "far queries", q * np.float32(1e4), x
    yield "heavy tails", *(rng.standard_cauchy((n, 20)).astype("f4") for n in (50, 600))
    yield "zeros", q * 0, x
    yield "nearly a tie", q, (x[:1] + rng.integers(0, 3, (600, 20)) * 2**-24).astype("f4")
    far = x[np.argsort(-ip_or_l2(q[:1], x, False)[0])]
    yield "the farthest first", q, far


CASES = list(adversarial())


@pytest.mark.parametrize("ip", IP)
@pytest.mark.parametrize("name, query, rows", CASES, ids=[name for name, *_ in CASES])
def test_nothing_is_lost_to_the_bound(name, query, rows, ip):
    query, rows = np.ascontiguousarray(query, "f4"), np.ascontiguousarray(rows, "f4")
    for k in (1, 10):
        want = brute_force(query, rows, k, ip)
        assert same(found(query, rows, k, ip), want)
        assert same(found(query, rows, k, ip, blocks=7), want)


@pytest.mark.parametrize("ip", IP)
def test_equal_rows_come_by_id_whatever_the_order_of_blocks(ip):
    query, rows = integers(0, 11, 3, lo=0, hi=2), integers(1, 90, 3, lo=0, hi=2)
    ids, dis = np.full((11, 40), -1, np.int32), np.full((11, 40), np.inf)
    for first in (64, 0, 32):
        offer(query, rows[first : first + 32].copy(), first, ids, dis, ip)
    assert same((ids, dis), brute_force(query, rows, 40, ip))


@pytest.mark.parametrize("ip", IP)
def test_threads_do_not_change_bits(ip):
    query, rows = clustered(75, 17, 0), clustered(400, 17, 1)
    one = found(query, rows, 13, ip)
    assert all(same(found(query, rows, 13, ip, t), one) for t in (2, 4))


def test_no_rows_and_no_queries_change_nothing():
    x = integers(0, 5, 3)
    assert (found(x, x[:0], 2)[0] == -1).all()
    assert found(x[:0], x, 2)[0].shape == (0, 2)
    assert found(x, x, 0)[0].shape == (5, 0)


def test_results_that_overlap_are_refused():
    dis, x = np.full((5, 2), np.inf), np.zeros((5, 4), np.float32)
    ids = np.full((5, 2), -1, np.int32)
    for name, arguments in (
        ("dis", (x, x, 0, dis.view(np.int32).ravel()[:10].reshape(5, 2), dis)),
        ("ids", (x, x.copy(), 0, x.view(np.int32).ravel()[:10].reshape(5, 2), dis)),
        ("dis", (x.copy(), x, 0, ids, x.view(np.float64))),
    ):
        with refuses(ShapeError, name, "overlap"):
            offer(*arguments)


def test_wrong_arguments_are_refused_by_name():
    x, ids, dis = integers(0, 5, 3), np.full((5, 2), -1, np.int32), np.full((5, 2), np.inf)
    for name, arguments in (
        ("query", (x.astype("f8"), x, 0, ids, dis)),
        ("query", (x, x[:, :2].copy(), 0, ids, dis)),
        ("rows", (x, x[:, ::-1], 0, ids, dis)),
        ("ids", (x, x, 0, ids[:4], dis)),
        ("ids", (x, x, 0, ids.astype("i8"), dis)),
        ("dis", (x, x, 0, ids, dis.astype("f4"))),
        ("dis", (x, x, 0, ids, dis[:, :1].copy())),
        ("first", (x, x, -1, ids, dis)),
        ("last", (x, x, 2**31 - 3, ids, dis)),
        ("threads", (x, x, 0, ids, dis, False, 0)),
        *(("query", (x + bad, x, 0, ids, dis)) for bad in (np.nan, np.inf, -np.inf)),
        *(("rows", (x, x + bad, 0, ids, dis)) for bad in (np.nan, np.inf, -np.inf)),
        *(("dis", (x, x, 0, ids, np.full((5, 2), bad))) for bad in (np.nan, [2, 1])),
    ):
        with refuses(ShapeError, name):
            offer(*arguments)
    wide = np.zeros((5, 32769), "f4")
    with refuses(ShapeError, "32768 dimensions", "32769"):
        offer(wide, wide, 0, ids, dis)
    ids.flags.writeable = False
    with refuses(ShapeError, "ids", "read-only"):
        offer(x, x, 0, ids, dis)


def test_the_most_dimensions_do_not_overflow():
    d = 32768
    rows = np.where(integers(0, 40, d) > 0, 255, 0).astype("f4")
    rows[0], rows[1] = 255, 0
    query = rows[[0, 1, 5]]
    assert same(found(query, rows, 4), brute_force(query, rows, 4))
    assert same(found(query, rows, 4, True), brute_force(query, rows, 4, True))
