"""What recall is worth to agents of single links."""

import numpy as np
import pytest
from conftest import refuses

from linkprune.errors import ConfigError
from linkprune.rl import credited
from linkprune.rl.credited import LEAST_MISS


def test_slope_is_exact_on_the_curve_that_it_assumes():
    recall = np.array([0.2, 0.5, 0.9, 0.97, 0.9985])
    assert credited.slope(recall, 31 - 17.5 * np.log(1 - recall)) == pytest.approx(17.5, rel=1e-12)
    ndis = np.append(31 - 17.5 * np.log(1 - recall), [500.0, 9e9])
    with_all_found = [*recall, 1 - LEAST_MISS / 2, 1.0]
    assert credited.slope(with_all_found, ndis) == pytest.approx(17.5, rel=1e-12)
    noisy = np.array([10.0, 30.0, 40.0])
    z = -np.log(1 - recall[:3])
    want = ((z - z.mean()) * noisy).sum() / ((z - z.mean()) ** 2).sum()
    assert credited.slope(recall[:3], noisy) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("recall", [[1.0, 1.0], [0.5, 1.0], [0.5, 0.5], [0.5]])
def test_a_curve_without_a_slope_is_refused(recall):
    with refuses(ConfigError, "slope", str(recall), "efSearch"):
        credited.slope(recall, np.arange(1.0, len(recall) + 1))


def test_rates_are_the_price_of_recall_and_have_a_bound():
    got = credited.rates(12.0, np.array([0, 0.5, 0.75, 1 - LEAST_MISS / 2, 1]))
    assert got.tolist() == [12, 24, 48, 12 / LEAST_MISS, 12 / LEAST_MISS]
