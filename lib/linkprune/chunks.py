"""Working through many rows in bounded memory, with results that do not depend on how."""

import math

CHUNK = 1 << 10  # rows in memory as float32 at a time: what is made of them stays in the caches


def chunks(n, size=CHUNK):
    """Slices that cover range(n), each of at most ``size`` rows."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def mean(values):
    """The mean of (n,) float64 by an exact sum, so that the order of the values cannot matter."""
    return math.fsum(memoryview(values)) / max(len(values), 1)
