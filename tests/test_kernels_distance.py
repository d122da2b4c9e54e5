import numpy as np
import pytest
from conftest import integers, refuses

from linkprune.errors import ShapeError
from linkprune.kernels import distance

D = [1, 2, 15, 16, 17, 31, 33, 100]
N = [1, 3, 4, 5, 33]


@pytest.mark.parametrize("d", D)
def test_matmul_is_exact(d):
    for n in N:
        for d_out in (1, 2, 31, 32, 33, 65):
            x, w = integers(n, n, d), integers(d_out, d, d_out)
            y = distance.matmul(x, w)
            assert y.dtype == np.float32 and y.shape == (n, d_out)
            assert (y == x.astype(int) @ w.astype(int)).all()


@pytest.mark.parametrize("ip", [False, True])
@pytest.mark.parametrize("d", D)
def test_pair_distances_are_exact_and_none_is_infinite(d, ip):
    base = integers(1, 40, d)
    for n in N:
        for k in (1, 7):
            query = integers(n, n, d)
            ids = np.random.default_rng(n).integers(-1, 40, (n, k)).astype(np.int32)
            q, b = query.astype(int)[:, None], base.astype(int)[ids]
            want = (-(q * b) if ip else (q - b) ** 2).sum(2)
            got = distance.pair_distances(query, base, ids, ip)
            assert got.dtype == np.float64
            assert (got == np.where(ids < 0, np.inf, want)).all()


@pytest.mark.parametrize("d", D)
def test_row_distances_are_exact(d):
    for n in N:
        x, y = integers(n, n, d), integers(n + 1, n, d)
        assert (distance.row_distances(x, y) == ((x.astype(int) - y.astype(int)) ** 2).sum(1)).all()


@pytest.mark.parametrize("ip", [False, True])
def test_distances_are_summed_in_double(ip):
    x, y = integers(1, 5, 100, lo=-(2**20), hi=2**20), integers(2, 5, 100, lo=0, hi=2**20)
    a, b = x.astype(int), y.astype(int)
    ids = np.arange(5, dtype=np.int32)[:, None]
    want = -(a * b).sum(1) if ip else ((a - b) ** 2).sum(1)
    assert (want > 2**24).any()
    assert (distance.pair_distances(x, y, ids, ip)[:, 0] == want).all()
    if not ip:
        assert (distance.row_distances(x, y) == want).all()


def test_no_rows_give_no_rows():
    x, w, ids = (
        np.empty((0, 3), np.float32),
        np.ones((3, 2), np.float32),
        np.empty((0, 4), np.int32),
    )
    assert distance.matmul(x, w).shape == (0, 2)
    assert distance.row_distances(x, x).shape == (0,)
    assert distance.pair_distances(x, w.T.copy(), ids).shape == (0, 4)


def test_threads_do_not_change_bits():
    rng = np.random.default_rng(0)
    x, y, w = (rng.normal(size=s).astype(np.float32) for s in ((333, 17), (333, 17), (17, 40)))
    ids = rng.integers(-1, 333, (333, 5)).astype(np.int32)
    for f, arguments in (
        (distance.matmul, (x, w)),
        (distance.row_distances, (x, y)),
        (distance.pair_distances, (x, y, ids)),
    ):
        one = f(*arguments, threads=1).tobytes()
        assert all(f(*arguments, threads=t).tobytes() == one for t in (2, 4))


X, W, IDS = np.zeros((4, 6), np.float32), np.zeros((6, 3), np.float32), np.zeros((4, 2), np.int32)


@pytest.mark.parametrize(
    "name, x",
    [
        ("x", X.astype(np.float64)),
        ("x", X[0]),
        ("x", np.zeros((4, 5), np.float32)),
        ("x", np.asfortranarray(X)),
        ("x", np.zeros((4, 12), np.float32)[:, ::2]),
        ("x", X.tolist()),
        ("x", X.astype(">f4")),
    ],
    ids=["float64", "one axis", "width", "fortran", "strided", "list", "big endian"],
)
def test_wrong_arrays_are_refused_by_name(name, x):
    with refuses(ShapeError, "w" if np.shape(x) == (4, 5) else name):
        distance.matmul(x, W)
    if np.shape(x) != (4, 5):
        with refuses(ShapeError, name):
            distance.row_distances(x, X)
    with refuses(ShapeError, "y" if np.ndim(x) else "x"):
        distance.row_distances(X, x)
    with refuses(ShapeError, "base"):
        distance.pair_distances(X, x, IDS)


@pytest.mark.parametrize("bad", [-2, 4])
def test_ids_out_of_range_are_refused(bad):
    ids = IDS.copy()
    ids[2, 1] = bad
    with refuses(ShapeError, "ids", str(bad), "-1 ... 3"):
        distance.pair_distances(X, X, ids)
    with refuses(ShapeError, "ids", "int32", "int64"):
        distance.pair_distances(X, X, IDS.astype(np.int64))
    with refuses(ShapeError, "ids", "(4, any)", "(3, 2)"):
        distance.pair_distances(X, X, IDS[:3])


@pytest.mark.parametrize("threads", [0, -1, 1.5])
def test_threads_must_be_positive_integers(threads):
    for call in (
        lambda: distance.matmul(X, W, threads=threads),
        lambda: distance.row_distances(X, X, threads=threads),
        lambda: distance.pair_distances(X, X, IDS, threads=threads),
    ):
        with refuses(ShapeError, "threads", str(threads)):
            call()
