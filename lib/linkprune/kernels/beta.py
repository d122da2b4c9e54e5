"""Regression from neighbours: the arithmetic behind ``linkprune.beta`` (csrc/beta.h has it).

The links are those of a ``linkprune.graph.Graph``, which checked them when it was made.
"""

import functools

import numpy as np

from linkprune.errors import ShapeError
from linkprune.kernels import checks, structures
from linkprune.kernels._beta import ffi
from linkprune.kernels._beta import lib as C
from linkprune.kernels.checks import KSUB

_p = functools.partial(checks.pointer, ffi)

STORED = {"float32": C.ANN_FLOAT32, "uint8": C.ANN_UINT8, "int8": C.ANN_INT8}  # vectors to encode


def _vertices(codes, neighbors, centroids, coarse):
    """Check codes (nb, nsq), neighbors (nb, M0), centroids (nsq, 256, dsub); their sizes.

    With the first level of codes in two, a ``coarse.Coarse``, codes are (nb, bytes + nsq).
    """
    nsq, _, dsub = checks.array("centroids", centroids, "float32", None, KSUB, None).shape
    size = nsq if coarse is None else coarse.bytes + nsq
    nb = len(checks.array("codes", codes, "uint8", None, size))
    M0 = checks.array("neighbors", neighbors, "int32", nb, None).shape[1]
    return nb, nsq, dsub, M0 + 1


def _columns(w, parts, depth):
    """The shape of columns whose numbers fit a byte: parts, depth, k."""
    shape = checks.array("w", w, "float32", parts, depth, None).shape
    if not 0 < shape[2] <= checks.KSUB:
        raise ShapeError(f"w: {shape[2]} columns, expected 1 to {checks.KSUB}")
    return shape


def n_moments(m1):
    """How many moments a vertex with m1 - 1 links has."""
    return C.ann_beta_n_moments(checks.positive(m1=m1))


def moments(x, first, codes, neighbors, centroids, out=None, threads=1, coarse=None,
            rotation=None, w=None, assigned=None):  # fmt: skip
    """Moments of the vertices first, first + 1, ... per part to out (parts, n, n_moments) float32.

    x (n, d) their vectors, of a dtype of STORED, rotation (d, d_out) float32 or None where there is
    none. With w (parts, n_moments, k <= 256) float32 their ``least_columns`` go into assigned (n,
    parts) uint8, the sums of these are returned, (n,) float64, and out may be None. Without w
    assigned stays as it is.
    """
    threads, first = checks.positive(threads=threads), checks.natural(first=first)
    nb, nsq, dsub, m1 = _vertices(codes, neighbors, centroids, coarse)
    level, alive = structures.coarse(ffi, coarse, centroids)
    d_out, size = nsq * dsub, C.ann_beta_n_moments(m1)
    dtype = str(getattr(x, "dtype", None))
    dtype = dtype if dtype in STORED else "float32"
    n, d = checks.array("x", x, dtype, None, d_out if rotation is None else None).shape
    turned = None if rotation is None else checks.array("rotation", rotation, "float32", d, d_out)
    first_level = (None, None) if coarse is None else (coarse.centroids, coarse.panels)
    beside = x, codes, neighbors, centroids, rotation, w, *first_level
    beside = [y for y in beside if y is not None]
    parts = k = None
    if w is None:
        assigned = None
    else:
        parts, _, k = _columns(w, None, size)
        checks.writable("assigned", assigned, "uint8", n, parts, beside=beside)
        beside.append(assigned)
    if w is None or out is not None:
        parts = len(checks.writable("out", out, "float32", parts, n, size, beside=beside))
    if first + n > nb or not parts or d_out % parts:
        raise ShapeError(
            f"moments: {n} vertices from {first} do not fit {nb} vertices, "
            f"or {parts} parts {d_out} dimensions"
        )
    checks.ids("neighbors", neighbors[first : first + n], nb, n, m1 - 1)
    tile = C.ANN_TILE_ROWS * (d + d_out + parts * size)
    lanes = C.ANN_MOMENT_ROWS * ((2 * m1 + 1) * d_out + C.ANN_MOMENT_ROWS)
    room = checks.apart(C, threads, tile + lanes, np.float32)
    least = None if w is None else np.empty(n)
    turned, columns = (y if y is None else checks.padded_columns(y) for y in (turned, w))
    wide, ldw = (0 if y is None else y.shape[-1] for y in (turned, columns))
    turned, columns, out, assigned, sums = (
        ffi.NULL if y is None else _p(y) for y in (turned, columns, out, assigned, least)
    )
    status = C.ann_beta_moments(
        _p(x), STORED[dtype], turned, _p(codes), _p(neighbors), _p(centroids), level, columns,
        first, n, nb, d, wide, nsq, dsub, m1, parts, k or 0, ldw, threads, _p(room), out, assigned,
        sums,
    )  # fmt: skip
    checks.ok(status, "ann_beta_moments")
    del alive
    return least


def least_columns(x, w, out=None, threads=1):
    """For every part p and row of x the column of x[p] @ w[p] with the least value.

    x (parts, n, depth), w (parts, depth, k <= 256) float32 -> (n, parts) uint8, a new array or
    ``out``, and the sums of these values over the parts, (n,) float64.
    """
    threads = checks.positive(threads=threads)
    parts, n, depth = checks.array("x", x, "float32", None, None, None).shape
    if not parts:
        raise ShapeError("x: 0 parts, expected at least 1")
    k = _columns(w, parts, depth)[2]
    padded = checks.padded_columns(w)
    codes, least = np.empty((n, parts), np.uint8) if out is None else out, np.empty(n)
    checks.writable("out", codes, "uint8", n, parts, beside=(x, w))
    status = C.ann_least_columns(
        _p(x), _p(padded), parts, n, depth, k, padded.shape[2], threads, _p(codes), _p(least)
    )
    checks.ok(status, "ann_least_columns")
    return codes, least


def group_sums(x, codes, k, onto=None, threads=1):
    """Sums of the rows that share a code, for every part.

    x (parts, n, depth) float32, codes (n, parts) uint8 below k. Returns sums (parts, k, depth)
    float64, counts (parts, k) int64: new ones, or those of earlier rows, given as ``onto``, with
    these rows added.
    """
    threads, k = checks.positive(threads=threads, k=k)
    parts, n, depth = checks.array("x", x, "float32", None, None, None).shape
    checks.array("codes", codes, "uint8", n, parts)
    if onto is None:
        onto = np.zeros((parts, k, depth)), np.zeros((parts, k), np.int64)
    elif not isinstance(onto, tuple | list) or len(onto) != 2:
        raise ShapeError(f"onto: {type(onto).__name__}, expected sums and counts as returned")
    sums, counts = onto
    checks.writable("sums", sums, "float64", parts, k, depth, beside=(x, codes))
    checks.writable("counts", counts, "int64", parts, k, beside=(x, codes, sums))
    status = C.ann_group_sums(_p(x), _p(codes), parts, n, depth, k, threads, _p(sums), _p(counts))
    checks.ok(status, "ann_group_sums")
    return sums, counts


def solve(A, r, cut, threads=1):
    """Least-norm solutions of A[i] b = r[i]; eigenvalues up to cut times the largest are dropped.

    A (n, m, m) symmetric, of which the upper triangle is read, r (n, m) float64 -> (n, m) float64.
    Refused where a number that is read is not finite; one whose square is below 1e-32 times that of
    the trace, or vanishes, counts as 0.
    """
    threads, cut = checks.positive(threads=threads), checks.share("cut", cut)
    n, m = checks.array("r", r, "float64", None, None).shape
    checks.array("A", A, "float64", n, m, m)
    room, b = checks.apart(C, threads, 2 * m * m * 8, np.float64), np.empty((n, m))
    checks.ok(C.ann_solve(_p(A), _p(r), n, m, cut, threads, _p(room), _p(b)), "ann_solve")
    return b


def weights(moments, cut, out, threads=1):
    """Least squares weights of vertices, by moments (n, n_moments) float32, as ``solve`` has them.

    They go into the first m1 columns of out (n, m1 or more) float32.
    """
    threads, cut = checks.positive(threads=threads), checks.share("cut", cut)
    n, found = checks.array("moments", moments, "float32", None, None).shape
    stride = checks.writable("out", out, "float32", n, None, beside=(moments,)).shape[1]
    m1 = next((m for m in range(1, stride + 1) if C.ann_beta_n_moments(m) == found), 0)
    if not m1:
        raise ShapeError(f"moments: {found} of a vertex are not those of up to {stride} weights")
    room = checks.apart(C, threads, (2 * m1 + 2) * m1 * 8, np.float64)
    status = C.ann_beta_weights(_p(moments), n, m1, cut, stride, threads, _p(room), _p(out))
    checks.ok(status, "ann_beta_weights")


def _codebook(beta_centroids, beta_codes, nb, d, m1):
    parts, kbeta, _ = checks.array(
        "beta_centroids", beta_centroids, "float32", None, None, m1
    ).shape
    if beta_codes is not None:
        checks.array("beta_codes", beta_codes, "uint8", nb, parts)
    if not parts or d % parts or kbeta != (1 if beta_codes is None else KSUB):
        raise ShapeError(
            f"beta_centroids: {parts} parts of {kbeta} codewords do not fit {d} dimensions, "
            f"beta_codes {'absent' if beta_codes is None else 'given'}"
        )
    return parts, kbeta, ffi.NULL if beta_codes is None else _p(beta_codes)


def reconstruct(ids, codes, neighbors, centroids, beta_centroids, beta_codes=None, threads=1,
                coarse=None):  # fmt: skip
    """Reconstructions of vertices from their codes and links: ids (n,) int32 -> (n, d_out) float32.

    beta_centroids (parts, 256, M0 + 1) float32 with beta_codes (nb, parts) uint8, or one codeword,
    (1, 1, M0 + 1), for all vertices.
    """
    threads = checks.positive(threads=threads)
    nb, nsq, dsub, m1 = _vertices(codes, neighbors, centroids, coarse)
    level, alive = structures.coarse(ffi, coarse, centroids)
    parts, kbeta, assigned = _codebook(beta_centroids, beta_codes, nb, nsq * dsub, m1)
    n = len(checks.ids("ids", ids, nb, None, least=0))
    checks.ids("neighbors", neighbors[ids], nb, n, m1 - 1)
    room = checks.apart(C, threads, nsq * dsub, np.float32)
    out = np.empty((n, nsq * dsub), np.float32)
    status = C.ann_reconstruct(
        _p(ids), _p(codes), _p(neighbors), _p(centroids), level, _p(beta_centroids), assigned, n,
        nb, nsq, dsub, m1, parts, kbeta, threads, _p(room), _p(out),
    )  # fmt: skip
    checks.ok(status, "ann_reconstruct")
    del alive
    return out


def reorder(query, D, I, k_reorder, codes, neighbors, centroids, beta_centroids, beta_codes=None,
            ip=False, threads=1, coarse=None):  # fmt: skip
    """Re-rank the first k_reorder results by their reconstructions: new D, I, and nreorder (nq,).

    query (nq, d_out) float32 rotated, D (nq, k) float32, I (nq, k) int32.
    """
    threads, k_reorder = checks.positive(threads=threads, k_reorder=k_reorder)
    ip = checks.flag("ip", ip)
    nb, nsq, dsub, m1 = _vertices(codes, neighbors, centroids, coarse)
    level, alive = structures.coarse(ffi, coarse, centroids)
    parts, kbeta, assigned = _codebook(beta_centroids, beta_codes, nb, nsq * dsub, m1)
    nq = len(checks.array("query", query, "float32", None, nsq * dsub))
    D = checks.array("D", D, "float32", nq, None).copy()
    k = D.shape[1]
    I = checks.ids("I", I, nb, nq, k).copy()
    asked = I[:, :k_reorder]
    checks.ids("neighbors", neighbors[asked[asked >= 0]], nb, None, m1 - 1)
    room = checks.apart(C, threads, 2 * nsq * dsub, np.float32)
    nreorder = np.empty(nq, np.int32)
    status = C.ann_reorder(
        _p(query), _p(codes), _p(neighbors), _p(centroids), level, _p(beta_centroids), assigned,
        nq, k, min(k_reorder, k), nb, nsq, dsub, m1, parts, kbeta, ip, threads, _p(room),
        _p(D), _p(I), _p(nreorder),
    )  # fmt: skip
    checks.ok(status, "ann_reorder")
    del alive
    return D, I, nreorder
