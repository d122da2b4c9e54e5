import math

import numpy as np
import pytest
from conftest import refuses

from linkprune import stats
from linkprune.errors import ShapeError


def hits(both, only_a, only_b, neither):
    """Two arrays of hits with these counts, shuffled alike."""
    a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    order = np.random.default_rng(0).permutation(len(a))
    return a[order], b[order]


@pytest.mark.parametrize("only_a, only_b", [(0, 1), (3, 0), (1, 9), (25, 40), (700, 600), (5, 5)])
def test_mcnemar_is_the_exact_binomial_less_half_of_its_own_outcome(only_a, only_b):
    binom = pytest.importorskip("scipy.stats").binom
    n, least = only_a + only_b, min(only_a, only_b)
    tail = binom.cdf(least, n, 0.5) - binom.pmf(least, n, 0.5) / 2
    got = stats.mcnemar(*hits(7, only_a, only_b, 4))
    assert got == pytest.approx(2 * tail, rel=1e-9)
    assert got == stats.mcnemar(*hits(0, only_b, only_a, 90))


def test_mcnemar_known_values():
    assert stats.mcnemar(*hits(5, 0, 0, 5)) == 1.0
    assert stats.mcnemar(*hits(5, 4, 4, 5)) == 1.0
    assert stats.mcnemar(*hits(5, 1, 0, 5)) == 0.5
    assert stats.mcnemar(*hits(5, 0, 6, 5)) == 1 / 64
    # Fagerland, Lydersen and Laake (2013), the airway hyper-responsiveness example: 1 against 7.
    assert stats.mcnemar(*hits(1, 1, 7, 12)) == pytest.approx(0.0391, abs=5e-5)


def test_mcnemar_refuses_what_is_no_pair_of_hits():
    a, b = hits(2, 2, 2, 2)
    for bad in (b[:-1], b.astype(float), b.reshape(2, 4)):
        with refuses(ShapeError, "mcnemar", "bool"):
            stats.mcnemar(a, bad)


def test_bootstrap_means_are_those_of_the_drawn_queries():
    x = np.random.default_rng(0).integers(0, 100, (3, 37))
    got, alone = stats.bootstrap_means([x, x[:1]], np.random.default_rng(5), 11)
    drawn = np.random.default_rng(5).integers(0, 37, (11, 37))
    assert np.array_equal(got, x[:, drawn].sum(2).T / 37)
    assert np.array_equal(alone[:, 0], got[:, 0])


def test_bootstrap_means_do_not_depend_on_the_chunk(monkeypatch):
    x = np.random.default_rng(0).integers(0, 100, (3, 37))
    (want,) = stats.bootstrap_means([x], np.random.default_rng(5), 50)
    for cells in (1, 37 * 7, 37 * 49):
        monkeypatch.setattr(stats, "BOOTSTRAP_CELLS", cells)
        assert np.array_equal(stats.bootstrap_means([x], np.random.default_rng(5), 50)[0], want)


def test_bootstrap_spread_is_the_standard_error():
    x = np.random.default_rng(1).normal(3, 2, (1, 2000))
    (means,) = stats.bootstrap_means([x], np.random.default_rng(2), 4000)
    assert means.mean() == pytest.approx(x.mean(), abs=0.005)
    assert means.std() == pytest.approx(x.std() / math.sqrt(2000), rel=0.05)


def test_bootstrap_refuses_unequal_queries():
    rng = np.random.default_rng(0)
    for bad in ([np.ones((2, 5)), np.ones((2, 6))], [np.ones(5)], [], [np.ones((1, 0))]):
        with refuses(ShapeError, "bootstrap", "nq"):
            stats.bootstrap_means(bad, rng, 10)
    with refuses(ShapeError, "bootstrap", "resample"):
        stats.bootstrap_means([np.ones((2, 5))], rng, 0)


def test_percentiles_and_what_a_missing_value_costs_them():
    values = np.random.default_rng(0).permutation(1001).astype(float)
    assert stats.percentile95(values) == (25, 975)
    values[values < 20] = np.nan
    assert stats.percentile95(values) == (25, 995)
    values[values < 30] = np.nan
    lo, hi = stats.percentile95(values)
    assert math.isnan(lo) and math.isnan(hi)
    assert stats.percentile95([2.0, 2.0]) == (2, 2)
