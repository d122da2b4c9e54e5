"""Vectors as everything behind the input expects them: dtype, finite values, length."""

import numpy as np

from linkprune.chunks import chunks
from linkprune.errors import DataError, ShapeError
from linkprune.formats import check_finite

METRICS = ("l2", "ip", "cosine")
STORED = ("uint8", "int8", "float32")


def prepared(x, metric):
    """Vectors (n, d) in a stored dtype: float32 unless uint8 or int8; of length 1 for cosine.

    Raises ShapeError where x is not an array of numbers with two axes, DataError for a vector of
    length 0 under cosine, and for NaN or infinity.
    """
    if not isinstance(x, np.ndarray):
        raise ShapeError(f"vectors are a {type(x).__name__}, expected a NumPy array (n, d)")
    if x.ndim != 2 or x.dtype.kind not in "buif":
        raise ShapeError(f"vectors are {x.dtype} {x.shape}, expected numbers (n, d)")
    if metric != "cosine":
        with np.errstate(over="ignore"):  # beyond float32 is infinity, which is refused
            out = x if x.dtype.name in STORED else x.astype(np.float32)
        check_finite(out, "vectors")
        return out
    out = np.empty(x.shape, np.float32)
    for part in chunks(len(x)):
        rows = x[part].astype(np.float64)
        norms = np.sqrt((rows**2).sum(1, keepdims=True))
        bad = np.flatnonzero(~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
        if bad.size:
            raise DataError(
                f"vectors: row {part.start + bad[0]} has length {norms[bad[0], 0]}, expected a "
                "finite length above 0 for cosine"
            )
        out[part] = rows / norms
    return out
