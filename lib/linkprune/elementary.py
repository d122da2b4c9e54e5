"""Exponential and logarithm, the same bits on every machine.

NumPy and the C library have several of each and choose by instruction set; sums, products,
quotients and square roots are what IEEE 754 says they are.
"""

import numpy as np

LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # their sum is ln 2
EXP_TERMS, LOG_TERMS = 14, 12  # of series whose next term is below half a unit in the last place
EXP_RANGE = 746.0  # beyond it exp is 0 or infinity


def exp(x):
    """e ** x for x of any shape -> float64, within two units in the last place."""
    x = np.clip(np.asarray(x, np.float64), -EXP_RANGE, EXP_RANGE)
    twos = np.rint(x * (1 / (LN2_HIGH + LN2_LOW)))
    r = (x - twos * LN2_HIGH) - twos * LN2_LOW
    series = np.ones_like(r)
    for n in range(EXP_TERMS, 0, -1):
        series = 1 + series * (r / n)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.ldexp(series, twos.astype(np.int32))


def log(x):
    """Natural logarithm of x of any shape -> float64, within two units in the last place.

    As in NumPy that of 0 is -infinity, that of less NaN, but without a warning.
    """
    x = np.asarray(x, np.float64)
    m, twos = np.frexp(x)
    low = m < np.sqrt(0.5)
    m, twos = np.where(low, 2 * m, m), twos - low
    with np.errstate(divide="ignore", invalid="ignore"):
        s = (m - 1) / (m + 1)
        square, series = s * s, np.zeros_like(s)
        for n in range(2 * LOG_TERMS + 1, 1, -2):
            series = square * (1 / n + series)
        found = twos * LN2_HIGH + (2 * s + (2 * s * series + twos * LN2_LOW))
    return np.where(x > 0, np.where(x == np.inf, np.inf, found), np.where(x == 0, -np.inf, np.nan))
