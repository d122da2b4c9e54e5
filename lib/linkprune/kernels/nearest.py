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


class Rows:
    """Rows (n, d) float32 of finite values, ready to be offered to queries.

    first: the id of the first one; ip: whether by inner products. They must not change meanwhile.
    """

    def __init__(self, rows, first=0, ip=False, threads=1):
        threads, self.ip = checks.positive(threads=threads), checks.flag("ip", ip)
        self.first = checks.natural(first=first)
        n, d = checks.array("rows", rows, "float32", None, None).shape
        checks.natural(last=self.first + n)
        if not 1 <= d <= C.ANN_MOST_DIMENSIONS:
            raise ShapeError(f"rows: expected 1 to {C.ANN_MOST_DIMENSIONS} dimensions, got {d}")
        self.rows, self.padded = rows, -(-d // CHUNK) * CHUNK
        if not n:
            return
        self.centre, self.step = _grid(rows)
        panels = -(-n // PANEL)
        self.panels = np.empty((panels, self.padded, PANEL), np.uint8)
        self.half, self.lengths = np.empty((panels, PANEL), np.int32), np.empty(3)
        status = C.ann_panels(
            _p(rows), _p(self.centre), self.step, n, d, self.ip, threads,
            _p(self.panels), _p(self.half), _p(self.lengths),
        )  # fmt: skip
        checks.ok(status, "ann_panels")

    def offer(self, query, ids, dis, threads=1):
        """Offer them to the nearest so far, which change in place.

        query (nq, d) float32 of finite values; ids (nq, k) int32 and dis (nq, k) float64 by
        (distance, id), -1 and infinity where there is none yet. Distances have the bits of
        ``distance.pair_distances``. What ids there are is not checked, as nothing follows them.
        """
        threads, (n, d) = checks.positive(threads=threads), self.rows.shape
        nq = len(checks.array("query", query, "float32", None, d))
        beside = query, self.rows
        k = checks.writable("ids", ids, "int32", nq, None, beside=beside).shape[1]
        checks.writable("dis", dis, "float64", nq, k, beside=(*beside, ids))
        if not (dis[:, :-1] <= dis[:, 1:]).all():
            raise ShapeError("dis: expected distances in ascending order")
        if not np.isfinite(query).all():
            raise ShapeError("query: expected finite values")
        if not (n and k):
            return
        status = C.ann_nearest(
            _p(query), _p(self.rows), _p(self.centre), self.step, _p(self.panels), _p(self.half),
            _p(self.lengths), nq, n, d, k, self.first, self.ip, threads,
            _p(checks.apart(C, threads, self.padded * TILE, np.int8)), _p(ids), _p(dis),
        )  # fmt: skip
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
