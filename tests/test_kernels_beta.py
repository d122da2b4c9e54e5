import numpy as np
import pytest
from conftest import integers, refuses

from linkprune.errors import KernelError, ShapeError
from linkprune.kernels import adc, beta, distance

SHAPES = [(1, 1), (1, 3), (3, 1), (3, 4), (5, 3), (36, 4), (36, 1)]


def vertices(nb, nsq, dsub, M0, seed=0):
    """codes, neighbors with missing ones, centroids: all small integers."""
    rng = np.random.default_rng(seed)
    neighbors = rng.integers(0, nb, (nb, M0)).astype(np.int32)
    for row in neighbors:
        row[rng.integers(0, M0 + 1) :] = -1
    codes = rng.integers(0, 256, (nb, nsq), np.uint8)
    return codes, neighbors, integers(seed, nsq, 256, dsub, lo=-4, hi=5)


def table(v, codes, neighbors, centroids):
    """G (m1, d) of one vertex, in double."""
    q = adc.decode(codes, centroids).astype(float)
    return np.stack([q[v]] + [q[v if u < 0 else u] for u in neighbors[v]])


def moments(x, first, codes, neighbors, centroids, parts=1, threads=1):
    """Moments (parts, n, n_moments), with the array around them left alone."""
    n, size = len(x), beta.n_moments(neighbors.shape[1] + 1)
    out = np.full((parts + 2, n, size), np.nan, np.float32)
    beta.moments(x, first, codes, neighbors, centroids, out[1:-1], threads)
    assert np.isnan(out[[0, -1]]).all()
    return out[1:-1]


@pytest.mark.parametrize("M0", [0, 1, 6, 13])
@pytest.mark.parametrize("nsq, dsub", SHAPES)
def test_moments_are_exact(nsq, dsub, M0):
    nb, d = 35, nsq * dsub
    codes, neighbors, cent = vertices(nb, nsq, dsub, M0, M0)
    x = integers(7, nb, d, lo=-5, hi=6)
    a, b = np.triu_indices(M0 + 1)
    for parts in (p for p in (1, 2, 3, 4, 5, 9, d) if d % p == 0):  # some not aligned to dsub
        for first, n in ((0, 1), (0, nb), (5, 20), (3, 3), (nb, 0)):
            got = moments(x[first : first + n], first, codes, neighbors, cent, parts)
            for i in range(n):
                G = table(first + i, codes, neighbors, cent)
                u, e = np.vstack([G[:1], G[1:] - G[0]]), x[first + i] - G[0]
                for p, dims in enumerate(np.split(np.arange(d), parts)):
                    v, f = u[:, dims], e[dims]
                    want = np.concatenate([(v @ v.T)[a, b], v @ f, [f @ f]])
                    assert beta.n_moments(M0 + 1) == len(want)
                    assert (got[p, i] == want).all()


def test_moments_give_the_error_of_any_weights():
    rng = np.random.default_rng(3)
    codes, neighbors, _ = vertices(9, 5, 3, 4)
    cent = rng.normal(size=(5, 256, 3)).astype(np.float32)
    x = (adc.decode(codes, cent) + 0.1 * rng.normal(size=(9, 15))).astype(np.float32)
    i, j = np.triu_indices(5)
    for parts in (1, 3):
        got = moments(x, 0, codes, neighbors, cent, parts).astype(float)
        for v in range(9):
            for p, dims in enumerate(np.split(np.arange(15), parts)):
                b = rng.normal(size=5)
                c = np.concatenate([[b.sum() - 1], b[1:]])
                products = (c[i] * c[j] * np.where(i == j, 1, 2)) @ got[p, v, : len(i)]
                error = products - 2 * c @ got[p, v, len(i) : -1] + got[p, v, -1]
                residual = x[v, dims] - b @ table(v, codes, neighbors, cent)[:, dims]
                assert np.isclose(error, residual @ residual, rtol=1e-4)


@pytest.mark.parametrize("k", [1, 7, 31, 32, 33, 255, 256])
def test_least_columns_are_the_argmin_the_smaller_column_in_ties(k):
    for n in (1, 3, 4, 5, 33):
        for parts, depth in ((1, 1), (1, 36), (3, 2), (4, 36)):
            x = integers(n, parts, n, depth, lo=-2, hi=3)
            w = integers(k, parts, depth, k, lo=-2, hi=3)
            values = x.astype(int) @ w.astype(int)
            codes, least = beta.least_columns(x, w)
            assert codes.dtype == np.uint8 and (codes.T == values.argmin(2)).all()
            assert (least == values.min(2).sum(0)).all()


def test_padding_columns_never_win():
    x = np.ones((2, 5, 1), np.float32)
    for k in (1, 15, 16, 17, 33, 241):
        w = np.full((2, 1, k), 7, np.float32)
        codes, least = beta.least_columns(x, w)
        assert (codes == 0).all() and (least == 14).all()
        w[1, 0, -1] = 6
        codes, least = beta.least_columns(x, w)
        assert (codes == [0, k - 1]).all() and (least == 13).all()


def test_least_columns_write_their_rows_of_out_and_nothing_else():
    for parts in (1, 2, 5):
        x, w = integers(0, parts, 33, 4), integers(1, parts, 4, 200)
        want, _ = beta.least_columns(x, w)
        out = np.full((37, parts), 250, np.uint8)
        got, _ = beta.least_columns(x, w, out[2:35])
        assert np.array_equal(got, want) and np.array_equal(out[2:35], want)
        assert (np.delete(out, np.s_[2:35], 0) == 250).all()


@pytest.mark.parametrize("d", [1, 15, 40, None])
@pytest.mark.parametrize("nsq, dsub, M0, parts", [(5, 3, 4, 1), (5, 3, 0, 5), (36, 4, 6, 4)])
def test_rotation_moments_and_least_columns_are_the_same_as_one(nsq, dsub, M0, parts, d):
    nb = 2 * beta.C.ANN_TILE_ROWS + 21
    of = vertices(nb, nsq, dsub, M0, M0)
    x = integers(7, nb, d or nsq * dsub, lo=-5, hi=6)
    rotation = integers(8, d, nsq * dsub, lo=-2, hi=3) if d else None
    rotated = distance.matmul(x, rotation) if d else x
    for k in (1, 33, 256):
        w = integers(k, parts, beta.n_moments(M0 + 1), k, lo=-2, hi=3)
        for first, n in ((0, nb), (3, 65), (nb - 1, 1), (nb, 0)):
            rows = slice(first, first + n)
            known = moments(rotated[rows], first, *of, parts)
            codes, least = beta.least_columns(known, w)
            out = np.full((n + 2, parts), 250, np.uint8)
            for threads, dtype in ((1, np.float32), (2, np.int8), (3, np.float32)):
                stored = x[rows].astype(dtype)
                got = beta.moments(stored, first, *of, None, threads, None, rotation, w, out[1:-1])
                assert np.array_equal(got, least) and np.array_equal(out[1:-1], codes)
                assert (out[[0, -1]] == 250).all()
                out[1:-1] = 250
                kept = np.empty_like(known)
                got = beta.moments(stored, first, *of, kept, threads, None, rotation, w, out[1:-1])
                assert np.array_equal(got, least) and np.array_equal(out[1:-1], codes)
                assert np.array_equal(kept, known)


def test_moments_are_of_bytes_with_and_without_sign():
    of = vertices(300, 3, 4, 2)
    w = integers(1, 3, beta.n_moments(3), 9, lo=-2, hi=3)
    for dtype, lo, hi in ((np.uint8, 0, 256), (np.int8, -128, 128)):
        x = integers(2, 300, 12, lo=lo, hi=hi)
        out = np.empty((2, 300, 3), np.uint8)
        least = [
            beta.moments(y, 0, *of, w=w, assigned=o)
            for y, o in zip((x, x.astype(dtype)), out, strict=True)
        ]
        assert np.array_equal(*least) and np.array_equal(*out)


def test_group_sums_are_exact():
    for n, parts in ((1, 1), (5, 3), (33, 2)):
        for k, depth in ((1, 1), (7, 17), (256, 36)):
            x = integers(n, parts, n, depth)
            codes = np.random.default_rng(k).integers(0, k, (n, parts)).astype(np.uint8)
            want, counted = np.zeros((parts, k, depth)), np.zeros((parts, k), int)
            for part in range(parts):
                np.add.at(want[part], codes[:, part], x[part])
                np.add.at(counted[part], codes[:, part], 1)
            for threads in (1, 2, 4):
                sums, counts = beta.group_sums(x, codes, k, threads=threads)
                assert (sums == want).all() and (counts == counted).all()
                beta.group_sums(x, codes, k, (sums, counts), threads)
                assert (sums == 2 * want).all() and (counts == 2 * counted).all()


def test_sums_to_add_to_that_do_not_fit_are_refused():
    x, codes = np.zeros((1, 4, 3), np.float32), np.zeros((4, 1), np.uint8)
    with refuses(ShapeError, "sums", "(1, 2, 3)"):
        beta.group_sums(x, codes, 2, (np.zeros((1, 3, 3)), np.zeros((1, 2), np.int64)))
    with refuses(ShapeError, "counts", "int64"):
        beta.group_sums(x, codes, 2, (np.zeros((1, 2, 3)), np.zeros((1, 2))))
    onto = np.zeros((1, 2, 3)), np.zeros((1, 2), np.int64)
    with refuses(KernelError, "ann_group_sums"):
        beta.group_sums(x + 1, np.arange(4, dtype=np.uint8)[:, None], 2, onto)
    assert not onto[0].any() and not onto[1].any()  # nothing was added before


def system(n, m, cut, rank, seed):
    """Symmetric A (n, m, m) with eigenvalues well off the cut, and r (n, m)."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(n, m, m)))[0]
    values = rng.choice([1.0, 0.3, 20 * cut, 0.05 * cut], (n, m))
    values[:, 0], values[:, rank:] = 2, 0
    A = np.einsum("nij,nj,nkj->nik", Q, values, Q)
    r = np.einsum("nij,nj->ni", A, rng.normal(size=(n, m)))
    return (A + A.transpose(0, 2, 1)) / 2, r


@pytest.mark.parametrize("cut", [1e-4, 1e-9])
@pytest.mark.parametrize("m", [1, 7, 14])
def test_solve_equals_lstsq(m, cut):
    for n in (1, 3, 8, 9, 33):
        for rank in {m, max(1, m // 2), 1}:
            A, r = system(n, m, cut, rank, n)
            got = beta.solve(A, r, cut)
            for i in range(n):
                want = np.linalg.lstsq(A[i], r[i], rcond=cut)[0]
                assert np.allclose(got[i], want, rtol=0, atol=1e-6 * (1 + np.abs(want).max()))


def test_solve_is_exact_on_diagonal_systems():
    A = np.stack([np.diag([4.0, 2, 8]), np.diag([4.0, 0, 8]), np.zeros((3, 3))])
    b = beta.solve(A, np.array([[8.0, 2, 4]] * 3), 1e-9)
    assert b.tolist() == [[2, 1, 0.5], [2, 0, 0.5], [0, 0, 0]]
    assert beta.solve(np.diag([1.0, -1])[None], np.ones((1, 2)), 0.5).tolist() == [[1, 0]]


@pytest.mark.parametrize("M0", [0, 1, 6, 9])
def test_weights_are_those_of_least_squares_over_the_decoded_codes(M0):
    codes, neighbors, cent = vertices(21, 4, 3, M0, M0)
    x = integers(7, 21, 12, lo=-5, hi=6)
    found = moments(x, 0, codes, neighbors, cent, 2)
    for n in (1, 7, 8, 9, 21):
        for part, dims in enumerate((slice(6), slice(6, 12))):
            out = np.full((n, M0 + 3), np.nan, np.float32)
            beta.weights(found[part, :n].copy(), 1e-9, out)
            assert np.isnan(out[:, M0 + 1 :]).all()
            for i in range(n):
                G = table(i, codes, neighbors, cent)[:, dims]
                want = np.linalg.lstsq(G.T, x[i, dims], rcond=1e-5)[0]
                assert np.allclose(out[i, : M0 + 1] @ G, want @ G, atol=1e-3)
                assert np.allclose(out[i, : M0 + 1], want, atol=1e-3 * (1 + np.abs(want).max()))


def test_a_system_without_numbers_is_refused():
    with refuses(KernelError, "ann_solve"):
        beta.solve(np.full((3, 2, 2), np.nan), np.ones((3, 2)), 0.1)
    with refuses(KernelError, "ann_solve"):
        beta.solve(np.full((3, 2, 2), np.inf), np.ones((3, 2)), 0.1)
    with refuses(KernelError, "ann_beta_weights"):
        beta.weights(np.full((3, 6), np.inf, np.float32), 0.1, np.empty((3, 2), np.float32))
    for m in (2, 3, 7):  # next to the diagonal alone, in the first and the last lane
        for value in (np.nan, np.inf):
            for system in (0, 10):
                A = np.tile(np.eye(m), (11, 1, 1))
                A[system, 0, m - 1] = A[system, m - 1, 0] = value
                with refuses(KernelError, "ann_solve"):
                    beta.solve(A, np.ones((11, m)), 0.1)
    for value in (np.nan, np.inf):
        r = np.ones((11, 2))
        r[10, 1] = value
        with refuses(KernelError, "ann_solve"):
            beta.solve(np.tile(np.eye(2), (11, 1, 1)), r, 0.1)
    upper, whole = np.array([[[2, 1], [np.nan, 2]]]), np.array([[[2.0, 1], [1, 2]]])
    r = np.ones((1, 2))
    assert np.array_equal(beta.solve(upper, r, 0.1), beta.solve(whole, r, 0.1))
    for cut in (-0.1, 1.0, np.nan, "a", True):
        with refuses(ShapeError, "cut"):
            beta.solve(np.ones((3, 2, 2)), np.ones((3, 2)), cut)


def book(parts, kbeta, m1, seed=0):
    return integers(seed, parts, kbeta, m1, lo=-2, hi=3)


def direct(v, codes, neighbors, cent, beta_cent, beta_codes):
    G = table(v, codes, neighbors, cent)
    parts = len(beta_cent)
    out = []
    for p, columns in enumerate(np.split(G, parts, 1)):
        out.append(beta_cent[p, 0 if beta_codes is None else beta_codes[v, p]] @ columns)
    return np.concatenate(out)


@pytest.mark.parametrize("M0", [0, 1, 6])
@pytest.mark.parametrize(
    "nsq, dsub, parts", [(1, 1, 1), (3, 4, 2), (5, 3, 5), (36, 4, 9), (3, 1, 0)]
)
def test_reconstruct_is_exact(nsq, dsub, parts, M0):
    nb = 12
    codes, neighbors, cent = vertices(nb, nsq, dsub, M0)
    beta_codes = np.random.default_rng(2).integers(0, 256, (nb, parts), np.uint8) if parts else None
    beta_cent = book(max(parts, 1), 256 if parts else 1, M0 + 1)
    for n in (0, 1, 3, 33):
        ids = np.random.default_rng(n).integers(0, nb, n).astype(np.int32)
        got = beta.reconstruct(ids, codes, neighbors, cent, beta_cent, beta_codes)
        assert got.shape == (n, nsq * dsub)
        for i, v in enumerate(ids):
            assert (got[i] == direct(v, codes, neighbors, cent, beta_cent, beta_codes)).all()


def test_weights_of_the_vertex_alone_give_its_code():
    codes, neighbors, cent = vertices(12, 3, 4, 6)
    alone = np.zeros((1, 1, 7), np.float32)
    alone[..., 0] = 1
    ids = np.arange(12, dtype=np.int32)
    got = beta.reconstruct(ids, codes, neighbors, cent, alone)
    assert np.array_equal(got, adc.decode(codes, cent))


@pytest.mark.parametrize("ip", [False, True])
@pytest.mark.parametrize("parts", [0, 3])
def test_reorder_is_exact(parts, ip):
    nb, nsq, dsub, M0 = 30, 3, 4, 5
    codes, neighbors, cent = vertices(nb, nsq, dsub, M0)
    codes[20:] = codes[10:20]
    neighbors[20:] = neighbors[10:20]  # ties
    beta_codes = np.zeros((nb, parts), np.uint8) if parts else None
    beta_cent = book(max(parts, 1), 256 if parts else 1, M0 + 1)
    rng = np.random.default_rng(1)
    for nq, k in ((1, 1), (3, 7), (33, 25)):
        query = integers(nq, nq, nsq * dsub)
        I = np.stack([rng.permutation(nb)[:k] for _ in range(nq)]).astype(np.int32)
        for row in I:
            row[rng.integers(0, k + 1) :] = -1
        D = np.sort(rng.random((nq, k)).astype(np.float32), 1)
        for k_reorder in (1, 5, k, k + 10):
            kept = D.copy(), I.copy()
            got_D, got_I, n = beta.reorder(query, D, I, k_reorder, codes, neighbors, cent,
                                           beta_cent, beta_codes, ip)  # fmt: skip
            assert np.array_equal(D, kept[0]) and np.array_equal(I, kept[1])
            for q in range(nq):
                r = min(k_reorder, k, (I[q] >= 0).sum())
                pairs = []
                for v in I[q, :r]:
                    y = direct(v, codes, neighbors, cent, beta_cent, beta_codes)
                    pairs.append((-(query[q] @ y) if ip else ((query[q] - y) ** 2).sum(), v))
                pairs.sort()
                assert n[q] == r
                assert got_I[q].tolist() == [v for _, v in pairs] + I[q, r:].tolist()
                assert got_D[q].tolist() == [d for d, _ in pairs] + D[q, r:].tolist()


def test_threads_do_not_change_bits():
    rng = np.random.default_rng(0)
    codes, neighbors, _ = vertices(333, 5, 3, 6)
    cent = rng.normal(size=(5, 256, 3)).astype(np.float32)
    x, w = rng.normal(size=(333, 15)).astype(np.float32), rng.normal(size=(15, 99))
    w = w.astype(np.float32)
    A, r = system(33, 7, 1e-4, 5, 0)
    beta_cent = rng.normal(size=(3, 256, 7)).astype(np.float32)
    beta_codes = rng.integers(0, 256, (333, 3), np.uint8)
    ids = np.arange(333, dtype=np.int32)
    links = codes, neighbors, cent
    I = rng.integers(0, 333, (333, 9)).astype(np.int32)
    D = rng.random((333, 9)).astype(np.float32)

    def run(t):
        yield moments(x, 0, *links, 3, t)
        yield from beta.least_columns(x[None], w[None], threads=t)
        yield beta.solve(A, r, 1e-4, t)
        beta.weights(
            moments(x, 0, *links, 3, t)[0], 1e-4, weights := np.ones((333, 8), np.float32), t
        )
        yield weights
        yield beta.reconstruct(ids, *links, beta_cent, beta_codes, t)
        yield from beta.reorder(x, D, I, 5, *links, beta_cent, beta_codes, threads=t)

    one = [y.tobytes() for y in run(1)]
    assert [y.tobytes() for y in run(2)] == one and [y.tobytes() for y in run(4)] == one
