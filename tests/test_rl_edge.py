"""Credits and gradients against all that can happen on six vertices; the agent of single links."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from conftest import beam, by_distance_then_id, flat, integers, ip_or_l2, refuses

from linkprune.errors import ConfigError
from linkprune.kernels import episodes
from linkprune.kernels.episodes import Credit
from linkprune.rl import edge, rewards, settings
from linkprune.rl.edge import FRACTION, LEAST_MISS, LEAST_SHARE, LIMIT, EdgeAgent
from linkprune.rl.environment import Environment, Queries, Space

LINKS = [[1, 2], [3, 4], [4, 1], [5, 2], [5, 3], [1, 4]]
B, RECALL = 6.0, 0.25  # so that recall 1 is worth 8 distances
WORTH = 8.0


class Tiny(NamedTuple):
    """All patterns of the kept links of a graph of six vertices, and what each is worth.

    on (patterns, E) bool, weight (patterns,) their probability under p (E,); returns (patterns, nq)
    by a search of its own, at efSearch and k.
    """

    environment: Environment
    p: np.ndarray
    on: np.ndarray
    weight: np.ndarray
    returns: np.ndarray
    efSearch: int
    k: int

    @classmethod
    def make(cls, efSearch, k):
        graph = flat(LINKS)
        vectors, x = integers(3, 6, 2), integers(4, 3, 2)
        dis = ip_or_l2(x, vectors, False)
        truth, _ = by_distance_then_id(dis, k)
        p = (np.arange(12) % 5 + 2) / 8  # exact as thresholds
        on = (np.arange(1 << 12)[:, None] >> np.arange(12) & 1).astype(bool)
        weight = np.where(on, p, 1 - p).prod(1)
        returns = np.array([[_return(mask, d, t, efSearch, k) for d, t in zip(dis, truth)]
                            for mask in on])  # fmt: skip
        environment = Environment(graph, Space(vectors), Queries(x, truth), seed=1)
        return cls(environment, p, on, weight, returns, efSearch, k)

    def gradient(self):
        """dJ/dp (E,) = E[J with the link] - E[J without it], J the mean return of the queries."""
        J = (self.weight * self.returns.mean(1))[:, None]
        return (J * self.on).sum(0) / self.p - (J * ~self.on).sum(0) / (1 - self.p)

    def keep(self, pattern):
        """The thresholds of a pattern without chance."""
        return np.where(self.on[pattern].reshape(6, 2), np.uint32(episodes.ALWAYS), np.uint32(0))

    def searches(self):
        """Arguments of the searches of all queries."""
        x = self.environment.queries.x
        return x, np.zeros(len(x), np.int32)


def _return(on, d, truth, efSearch, k):
    rows = [[v for v, kept in zip(row, flags) if kept]
            for row, flags in zip(LINKS, on.reshape(6, 2))]  # fmt: skip
    graph = flat([row + [-1] * (2 - len(row)) for row in rows])
    pool, ndis, _ = beam(graph, 0, d, 0, efSearch, max(efSearch, k))
    hits = len({v for _, v in pool[:k]} & set(truth.tolist()))
    return WORTH * hits / k - (ndis + 1)


@pytest.fixture(scope="module", params=[(6, 6), (2, 2), (1, 1), (3, 2)], ids=str)
def tiny(request):
    """At efSearch 6 and k 6 no search ends early and every vertex is a true neighbour."""
    return Tiny.make(*request.param)


def credits(tiny):
    """gain (patterns, nq, E) in distances and cost, one episode at a time, without chance."""
    runner, (x, start) = tiny.environment.runner, tiny.searches()
    ef, rate = np.array([tiny.efSearch], np.int32), np.array([round(WORTH / tiny.k * FRACTION)])
    truth, out = tiny.environment.queries.truth, []
    for pattern in range(len(tiny.on)):
        keep = tiny.keep(pattern)
        out.append([runner.credit(keep, x[[i]], start[[i]], truth[[i]], ef, rate, 0)[:2]
                    for i in range(len(x))])  # fmt: skip
    gain, cost = np.moveaxis(np.array(out), 2, 0).reshape(2, *tiny.returns.shape, 12)
    return gain / FRACTION, cost


def test_credit_is_the_change_of_the_return_or_the_stated_approximation(tiny):
    gain, cost = credits(tiny)
    without = np.arange(1 << 12)[:, None] & ~(1 << np.arange(12))
    change = tiny.returns[:, None] - tiny.returns[without]  # (patterns, E, nq)
    change = np.moveaxis(change, 2, 1)
    exact = np.isclose(gain - cost, change, rtol=0, atol=WORTH / FRACTION)
    covered, without_hits = (gain == 0) & (cost == 0), (gain == 0) & (cost == 1)
    assert (exact | covered | without_hits).all()
    assert exact[gain != 0].all() and (gain != 0).any()
    off = np.broadcast_to(~tiny.on[:, None], gain.shape)
    assert covered[off].all()
    if tiny.k == tiny.efSearch == 6:
        assert exact.all()


def test_expected_credit_is_the_gradient_where_nothing_ends_early_and_near_it_elsewhere(tiny):
    gain, cost = credits(tiny)
    expected = (tiny.weight[:, None] * (gain - cost).mean(1)).sum(0) / tiny.p
    gradient = tiny.gradient()
    if tiny.k == tiny.efSearch == 6:
        assert np.allclose(expected, gradient, rtol=0, atol=WORTH / FRACTION)
        return
    print(tiny.efSearch, tiny.k, np.abs(expected - gradient).max(), np.abs(gradient).max(), np.corrcoef(expected, gradient)[0, 1], expected, gradient)


def test_shared_reward_has_the_exact_gradient_for_its_expectation(tiny):
    runner, (x, start) = tiny.environment.runner, tiny.searches()
    total = np.zeros(12)
    for pattern, weight in enumerate(tiny.weight):
        e = runner.record(tiny.keep(pattern), x, start, tiny.k, tiny.efSearch, 0)
        keep, drop, _ = rewards.merged(e, tiny.returns[pattern], 12)
        total += weight * (keep / tiny.p - drop / (1 - tiny.p)) / len(x)
    assert np.allclose(total, tiny.gradient(), rtol=0, atol=1e-9)
