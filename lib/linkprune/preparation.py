"""Vectors as everything behind the input expects them: dtype, finite values, length."""

import numpy as np

from linkprune.chunks import chunks
from linkprune.errors import DataError, ShapeError
from linkprune.formats import check_finite

METRICS = ("l2", "ip", "cosine")
STORED = ("uint8", "int8", "float32")


# Beyond these, squared distances leave float32: neighbours would be wrong without a sign of it.
LARGEST, SMALLEST = 1e15, 1e-15


def _check_range(x):
    """Raise DataError unless the largest value of x (n, d) is 0 or squares well in float32."""
    if x.dtype.kind != "f" or not x.size:
        return
    largest = max(float(np.abs(x[part]).max()) for part in chunks(len(x)))
    if largest > LARGEST or 0 < largest < SMALLEST:
        raise DataError(
            f"vectors: the largest value is {largest:.3g}, expected one between {SMALLEST:g} and "
            f"{LARGEST:g}: squared distances are in float32, scale the vectors"
        )


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
        _check_range(out)
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
