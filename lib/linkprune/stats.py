"""Intervals and tests for the numbers in the tables."""

import math

import numpy as np

from linkprune.errors import ShapeError

Z95 = 1.959963984540054
BOOTSTRAP_CELLS = 1 << 21  # of the weights (resamples, nq) that are in memory at a time


def wilson(share, n):
    """95 % Wilson score interval of a share observed over n independent queries: (lo, hi)."""
    z2 = Z95**2 / n
    centre, half = share + z2 / 2, Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n))
    lo, hi = (centre - half) / (1 + z2), (centre + half) / (1 + z2)
    # At the ends the bound is the share itself, but for rounding.
    return 0.0 if share == 0 else lo, 1.0 if share == 1 else hi


def bootstrap_means(samples, rng, resamples):
    """Means over resampled queries, the same queries for every array: a paired bootstrap.

    samples: arrays (rows, nq) of the same nq -> arrays (resamples, rows) float64; rng: a Generator,
    drawn from in an order that depends on nq and resamples alone.
    """
    samples = [np.asarray(x, np.float64) for x in samples]
    sizes = {x.shape[1:] for x in samples if x.ndim == 2}
    if len(sizes) != 1 or any(x.ndim != 2 for x in samples) or sizes == {(0,)}:
        shapes = ", ".join(str(x.shape) for x in samples)
        raise ShapeError(f"bootstrap: expected arrays (rows, nq) of one nq, got {shapes or 'none'}")
    if resamples < 1:
        raise ShapeError(f"bootstrap: expected at least 1 resample, got {resamples}")
    ((nq,),) = sizes
    means = [np.empty((resamples, len(x))) for x in samples]
    step = max(1, BOOTSTRAP_CELLS // nq)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, nq, (rows, nq)) + np.arange(rows)[:, None] * nq
        weight = np.bincount(drawn.ravel(), minlength=rows * nq).reshape(rows, nq)
        weight = weight.astype(np.float64)
        for x, mean in zip(samples, means, strict=True):
            np.matmul(weight, x.T, out=mean[start : start + rows])
    for mean in means:
        mean /= nq
    return means


def percentile95(values):
    """95 % percentile interval of bootstrapped values (n,): (lo, hi).

    A NaN, a resample in which the value could not be measured, counts as the smallest value for lo
    and as the largest for hi; a bound that falls on one is NaN.
    """
    values = np.asarray(values, np.float64)
    missing = np.isnan(values)
    lo = np.quantile(np.where(missing, -np.inf, values), 0.025, method="lower")
    hi = np.quantile(np.where(missing, np.inf, values), 0.975, method="higher")
    return tuple(float(x) if np.isfinite(x) else math.nan for x in (lo, hi))


def mcnemar(a_hit, b_hit):
    """Mid-p value of McNemar's exact test, twice the one-sided: do two methods hit equally often?

    a_hit, b_hit (nq,) bool, of the same queries. 1 where as many hits are a's alone as b's alone.
    """
    a_hit, b_hit = np.asarray(a_hit), np.asarray(b_hit)
    if not a_hit.dtype == b_hit.dtype == bool or a_hit.ndim != 1 or a_hit.shape != b_hit.shape:
        raise ShapeError(
            f"mcnemar: expected two bool arrays (nq,), got {a_hit.dtype} {a_hit.shape} and "
            f"{b_hit.dtype} {b_hit.shape}"
        )
    only_a, only_b = int((a_hit & ~b_hit).sum()), int((b_hit & ~a_hit).sum())
    n, least = only_a + only_b, min(only_a, only_b)
    # Binomial coefficients as integers: exact, and quick for what test sets have.
    below, ways = 0, 1
    for i in range(least):
        below += ways
        ways = ways * (n - i) // (i + 1)
    return (2 * below + ways) / 2**n
