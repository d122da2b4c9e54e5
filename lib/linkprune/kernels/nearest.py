"""Exact neighbours by brute force; squared L2, or minus the inner product where ip is set."""

import functools

import numpy as np

from linkprune.errors import ShapeError
from linkprune.kernels import checks
from linkprune.kernels._nearest import ffi
from linkprune.kernels._nearest import lib as C

PANEL, TILE, CHUNK = 32, 8, 8  # rows, queries, dimensions that the kernel takes at a time
LEVELS = 255  # steps between the ends of the grid

_p = functools.partial(checks.pointer, ffi)


def offer(query, rows, first, ids, dis, ip=False, threads=1):
    """Offer rows, whose ids begin at ``first``, to the nearest so far, which change in place.

    query (nq, d), rows (n, d) float32 of finite values; ids (nq, k) int32 and dis (nq, k) float64
    by (distance, id), -1 and infinity where there is none yet. Distances have the bits of
    ``distance.pair_distances``. What ids there are is not checked, as nothing follows them.
    """
    threads, ip = checks.positive(threads=threads), checks.flag("ip", ip)
    first = checks.natural(first=first)
    nq, d = checks.array("query", query, "float32", None, None).shape
    n = len(checks.array("rows", rows, "float32", None, d))
    k = checks.writable("ids", ids, "int32", nq, None).shape[1]
    checks.writable("dis", dis, "float64", nq, k)
    if not (dis[:, :-1] <= dis[:, 1:]).all():
        raise ShapeError("dis: expected distances in ascending order")
    checks.natural(last=first + n)
    if not 1 <= d <= C.ANN_MOST_DIMENSIONS:
        raise ShapeError(f"query: expected 1 to {C.ANN_MOST_DIMENSIONS} dimensions, got {d}")
    if not np.isfinite(query).all():
        raise ShapeError("query: expected finite values")
    if not (n and k):
        return
    centre, step = _grid(rows)
    padded, panels = -(-d // CHUNK) * CHUNK, -(-n // PANEL)
    status = C.ann_nearest(
        _p(query),
        _p(rows),
        _p(centre),
        step,
        nq,
        n,
        d,
        k,
        first,
        ip,
        threads,
        _p(np.empty((panels, padded, PANEL), np.uint8)),
        _p(np.empty((panels, PANEL), np.int32)),
        _p(np.empty((threads, padded, TILE), np.int8)),
        _p(ids),
        _p(dis),
    )
    checks.ok(status, "ann_nearest")


def _grid(rows):
    """A grid over rows (n, d): centre (d,) float64 and step, 1 where that holds whole numbers."""
    low, high = rows.min(0).astype(np.float64), rows.max(0).astype(np.float64)
    if not (np.isfinite(low) & np.isfinite(high)).all():
        raise ShapeError("rows: expected finite values")
    step = float((high - low).max()) / LEVELS
    whole = step <= 1 and all((x == np.rint(x)).all() for x in (rows[0], rows))
    step = 1.0 if whole or step == 0 else step
    return low + (LEVELS + 1) // 2 * step, step
