"""Intervals for the numbers in the tables."""

import math

Z95 = 1.959963984540054


def wilson(share, n):
    """95 % Wilson score interval of a share observed over n independent queries: (lo, hi)."""
    z2 = Z95**2 / n
    centre, half = share + z2 / 2, Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n))
    lo, hi = (centre - half) / (1 + z2), (centre + half) / (1 + z2)
    # At the ends the bound is the share itself, but for rounding.
    return 0.0 if share == 0 else lo, 1.0 if share == 1 else hi
