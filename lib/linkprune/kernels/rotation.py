"""Matrices in double by sums of a fixed order: what the training of an OPQ rotation needs."""

import functools

import numpy as np

from linkprune.errors import ShapeError
from linkprune.kernels import checks
from linkprune.kernels._rotation import ffi
from linkprune.kernels._rotation import lib as C
from linkprune.kernels.checks import KSUB

_p = functools.partial(checks.pointer, ffi)


def product(x, w):
    """Product x @ w with sums in ascending order: x (n, d), w (d, m) float64 -> (n, m) float64."""
    n, d = checks.array("x", x, "float64", None, None).shape
    m = checks.array("w", w, "float64", d, None).shape[1]
    padded = _padded(w)
    y = np.empty((n, padded.shape[1]))
    checks.ok(C.ann_product(_p(x), _p(padded), n, d, padded.shape[1], _p(y)), "ann_product")
    return np.ascontiguousarray(y[:, :m])


def orthogonalise(a, q):
    """Rows of a (n, m) turned into orthogonal ones, longest first, and those of q (n, k) with them.

    Both float64 and finite, |a| neither so large nor so small that squares leave float64. Returns
    the turned a, the turned q and the squared lengths of the rows of a (n,). KernelError where a
    sequence of rotations does not end.
    """
    n, m = checks.array("a", a, "float64", None, None).shape
    k = checks.array("q", q, "float64", n, None).shape[1]
    if not (np.isfinite(a).all() and np.isfinite(q).all()):
        raise ShapeError("orthogonalise: expected finite values")
    a, q, norms = _padded(a), _padded(q), np.zeros(n)
    status = C.ann_orthogonalise(n, a.shape[1], q.shape[1], _p(a), _p(q), _p(norms))
    checks.ok(status, "ann_orthogonalise")
    return np.ascontiguousarray(a[:, :m]), np.ascontiguousarray(q[:, :k]), norms


def part_means(sums, rotation, threads=1):
    """Class sums as the rotated parts of them: sums (nsq, 256, d), rotation (d_out, d) float32 ->
    (nsq, 256, dsub) float64, d_out = nsq * dsub.
    """
    threads = checks.positive(threads=threads)
    nsq, _, d = checks.array("sums", sums, "float32", None, KSUB, None).shape
    d_out = len(checks.array("rotation", rotation, "float32", None, d))
    if not nsq or d_out % nsq:
        raise ShapeError(f"rotation: {d_out} rows do not divide into {nsq} parts")
    means = np.empty((nsq, KSUB, d_out // nsq))
    status = C.ann_part_means(_p(sums), _p(rotation), nsq, d_out // nsq, d, threads, _p(means))
    checks.ok(status, "ann_part_means")
    return means


def part_correlation(centroids, sums, threads=1):
    """Sums of centroid times class sum, part by part: centroids (nsq, 256, dsub), sums (nsq, 256,
    d) float32 -> (nsq * dsub, d) float64.
    """
    threads = checks.positive(threads=threads)
    nsq, _, dsub = checks.array("centroids", centroids, "float32", None, KSUB, None).shape
    d = checks.array("sums", sums, "float32", nsq, KSUB, None).shape[2]
    out = np.empty((nsq * dsub, d))
    status = C.ann_part_correlation(_p(centroids), _p(sums), nsq, dsub, d, threads, _p(out))
    checks.ok(status, "ann_part_correlation")
    return out


def _padded(x):
    """A copy of ``x`` with zero columns up to the multiple that the kernels want."""
    n, m = x.shape
    out = np.zeros((n, -(-m // C.ANN_ROW_STEP) * C.ANN_ROW_STEP))
    out[:, :m] = x
    return out
