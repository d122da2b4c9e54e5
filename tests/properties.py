"""What the property tests share: fixed examples, and arrays of all kinds."""

import os

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# The same few examples in every run; HYPOTHESIS_EXAMPLES=1000 searches longer.
fixed = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", 40)),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
DTYPES = ("float32", "float64", "uint8", "int8", "uint32", "int32", "int64", ">f4")


def integers(rng, shape, dtype):
    """Small whole numbers: sums are exact in any order."""
    low = 0 if np.dtype(dtype).kind == "u" else -9
    return rng.integers(low, 10, shape).astype(dtype)


@st.composite
def spoiled(draw, x):
    """What was done to ``x``, a contiguous array, and the array as it is then."""
    how = draw(
        st.sampled_from(("nothing", "dtype", "axis", "shape", "strides", "unaligned", "value"))
    )
    if how == "value" and x.dtype.kind != "f":
        how = "nothing"
    if how == "dtype":
        with np.errstate(invalid="ignore"):  # of infinity no integer
            x = x.astype(draw(st.sampled_from([t for t in DTYPES if x.dtype != t])))
    elif how == "axis":
        x = x[None] if draw(st.booleans()) else x.ravel()[0:1].reshape(())
    elif how == "shape":
        axis = draw(st.integers(0, x.ndim - 1))
        x = np.ascontiguousarray(np.take(x, range(x.shape[axis] - 1), axis))
    elif how == "strides":
        x = np.repeat(x, 2, axis=-1)[..., ::2]
    elif how == "unaligned":
        raw = np.empty(x.nbytes + 1, np.uint8)
        moved = raw[1:].view(x.dtype).reshape(x.shape)
        moved[...] = x
        x = moved
    elif how == "value":
        x = x.copy()
        x.flat[draw(st.integers(0, x.size - 1))] = draw(st.sampled_from((np.nan, -np.nan, np.inf)))
    contiguous, aligned = x.flags.c_contiguous, x.flags.aligned
    return ("nothing" if how in ("strides", "unaligned") and contiguous and aligned else how), x
