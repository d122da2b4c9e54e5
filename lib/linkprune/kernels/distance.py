"""Linear maps and exact distances; squared L2, or minus the inner product where ip is set."""

import functools

import numpy as np

from linkprune.kernels import checks
from linkprune.kernels._distance import ffi
from linkprune.kernels._distance import lib as C

_p = functools.partial(checks.pointer, ffi)


def matmul(x, w, threads=1):
    """Product x @ w with sums in ascending order: x (n, d), w (d, d_out) -> (n, d_out) float32."""
    threads = checks.positive(threads=threads)
    n, d = checks.array("x", x, "float32", None, None).shape
    padded = checks.padded_columns(checks.array("w", w, "float32", d, None))
    y = np.empty((n, w.shape[1]), np.float32)
    status = C.ann_matmul(_p(x), _p(padded), n, d, *w.shape[1:], padded.shape[1], threads, _p(y))
    checks.ok(status, "ann_matmul")
    return y


def pair_distances(query, base, ids, ip=False, threads=1):
    """Distances of query[i] and base[ids[i, j]], summed in double; infinity where the id is -1.

    query (nq, d), base (nb, d) float32, ids (nq, k) int32 -> (nq, k) float64.
    """
    threads, ip = checks.positive(threads=threads), checks.flag("ip", ip)
    nq, d = checks.array("query", query, "float32", None, None).shape
    nb = len(checks.array("base", base, "float32", None, d))
    k = checks.ids("ids", ids, nb, nq, None).shape[1]
    dis = np.empty((nq, k))
    status = C.ann_pair_distances(_p(query), _p(base), _p(ids), nq, nb, d, k, ip, threads, _p(dis))
    checks.ok(status, "ann_pair_distances")
    return dis


def row_distances(x, y, threads=1):
    """Squared L2 distances of the rows of x and y (n, d) float32 -> (n,) float64."""
    threads = checks.positive(threads=threads)
    n, d = checks.array("x", x, "float32", None, None).shape
    checks.array("y", y, "float32", n, d)
    out = np.empty(n)
    checks.ok(C.ann_row_distances(_p(x), _p(y), n, d, threads, _p(out)), "ann_row_distances")
    return out
