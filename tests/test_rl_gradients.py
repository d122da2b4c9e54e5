"""Credits and gradients against all that can happen on six vertices."""

import dataclasses
import functools
import math

import numpy as np
import pytest
from agent_cases import LINKS
from conftest import beam, by_distance_then_id, flat, integers, ip_or_l2
from test_rl_environment import asked

from linkprune.kernels import episodes
from linkprune.rl import rewards, settings
from linkprune.rl.credited import FRACTION
from linkprune.rl.edge import EdgeAgent
from linkprune.rl.environment import Environment, Space

PLACE = np.flatnonzero(LINKS >= 0)  # (10,) of the links among the slots
B, RECALL, WORTH = 4.5, 0.25, 6.0  # b / (1 - recall): recall 1 is worth 6 distances
BATCHES, BATCH = 40, 900


def returns(on, d, truth, efSearch, k):
    """The return of a search that has the links ``on`` (10,) alone: worth * recall - distances."""
    kept = dict.fromkeys(PLACE[on])
    rows = [[v for slot, v in enumerate(row) if 2 * u + slot in kept]
            for u, row in enumerate(LINKS.tolist())]  # fmt: skip
    graph = flat([row + [-1] * (2 - len(row)) for row in rows])
    pool, ndis, _ = beam(graph, 0, d, 0, efSearch, max(efSearch, k))
    hits = len({v for _, v in pool[:k]} & set(truth.tolist()))
    return WORTH * hits / k - (ndis + 1)


@dataclasses.dataclass(frozen=True)
class Tiny:
    """A graph of six vertices, three queries, and every pattern of kept links.

    p (10,) keep probabilities; on (patterns, 10) bool; weight (patterns,) the probabilities of the
    patterns; J (patterns, 3) their returns, by ``returns``.
    """

    efSearch: int
    k: int

    def __post_init__(self):
        vectors, x = integers(3, 6, 2), integers(4, 3, 2)
        dis = ip_or_l2(x, vectors, False)
        truth, _ = by_distance_then_id(dis, self.k)
        on = (np.arange(1 << 10)[:, None] >> np.arange(10) & 1).astype(bool)
        p = (np.arange(10) % 5 + 2) / 8  # exact as thresholds
        made = {
            "graph": flat(LINKS),
            "environment": Environment(flat(LINKS), Space(vectors), asked(x, truth), seed=1),
            "p": p,
            "on": on,
            "weight": np.where(on, p, 1 - p).prod(1),
            "J": np.array([[returns(mask, d, t, self.efSearch, self.k)
                            for d, t in zip(dis, truth, strict=True)] for mask in on]),
        }  # fmt: skip
        vars(self).update(made)

    @functools.cached_property
    def gradient(self):
        """dJ/dp (10,) of the expected return: E[J with the link] - E[J without it]."""
        J = (self.weight * self.J.mean(1))[:, None]
        return (J * self.on).sum(0) / self.p - (J * ~self.on).sum(0) / (1 - self.p)

    @functools.cached_property
    def credit(self):
        """gain, cost (patterns, 3, 10) in distances, one episode at a time, without chance."""
        queries, start, out = self.environment.queries, np.zeros(1, np.int32), []
        efs, rate = (
            np.array([self.efSearch], np.int32),
            np.array([round(WORTH / self.k * FRACTION)]),
        )
        for keep in self.keep:
            for i in range(3):
                x, truth = queries.x[[i]], queries.truth[[i]]
                c = self.environment.runner.credit(keep, x, start, truth, efs, rate, 0)
                out.append((c.gain.ravel()[PLACE] / FRACTION, c.cost.ravel()[PLACE]))
        return np.moveaxis(np.array(out).reshape(-1, 3, 2, 10), 2, 0)

    @property
    def keep(self):
        """The thresholds of every pattern: 0 or always."""
        for on in self.on:
            keep = np.zeros((6, 2), np.uint32)
            keep.ravel()[PLACE[on]] = episodes.ALWAYS
            yield keep

    def slots(self, x):
        """x (10,) of the links as (6, 2), 0 elsewhere."""
        out = np.zeros((6, 2))
        out.ravel()[PLACE] = x
        return out


@pytest.fixture(scope="module", params=[(6, 6), (3, 2), (1, 1)], ids=str)
def tiny(request):
    """With efSearch 6 and k 6 no search ends early and every vertex is a true neighbour."""
    return Tiny(*request.param)


def nothing_ends_early(tiny):
    return tiny.efSearch == tiny.k == 6


def near(mean_of_batches, want):
    """Whether means (batches, n) have an average that differs from want by chance alone."""
    error = mean_of_batches.std(0, ddof=1) / math.sqrt(len(mean_of_batches))
    return (np.abs(mean_of_batches.mean(0) - want) <= 5 * error + 1e-9).all()


def test_credit_is_the_change_of_the_return_or_the_stated_approximation(tiny):
    gain, cost = tiny.credit
    without = np.arange(1 << 10)[:, None] & ~(1 << np.arange(10))
    change = np.moveaxis(tiny.J[:, None] - tiny.J[without], 2, 1)  # (patterns, 3, 10)
    exact = np.isclose(gain - cost, change, rtol=0, atol=1e-9)
    covered, no_hit = (gain == 0) & (cost == 0), (gain == 0) & (cost == 1)
    assert (exact | covered | no_hit).all()
    assert exact[gain != 0].all() and (gain != 0).any()
    assert covered[np.broadcast_to(~tiny.on[:, None], gain.shape)].all()
    if nothing_ends_early(tiny):
        assert exact.all()
    else:
        assert exact.mean() > 0.95


def test_expected_credit_is_the_gradient_where_nothing_ends_early_and_near_it_elsewhere(tiny):
    gain, cost = tiny.credit
    expected = (tiny.weight[:, None] * (gain - cost).mean(1)).sum(0) / tiny.p
    off = np.abs(expected - tiny.gradient)
    if nothing_ends_early(tiny):
        assert off.max() < 1e-9
    else:
        large = np.abs(tiny.gradient) > 0.3 * np.abs(tiny.gradient).max()
        assert off.max() < 0.5 * np.abs(tiny.gradient).max()
        assert (np.sign(expected) == np.sign(tiny.gradient))[large].all() and large.sum() > 1


def test_sampled_credit_has_the_expected_one_for_its_mean(tiny):
    gain, cost = tiny.credit
    expected = (tiny.weight[:, None] * (gain - cost).mean(1)).sum(0) / tiny.p
    s = {**settings.DEFAULTS["edge"], "k": tiny.k, "rho": 0.0, "prior": 0.0}
    found = []
    for step in range(BATCHES):
        agent = EdgeAgent(tiny.graph, s, B, np.array([tiny.efSearch]), [RECALL])
        agent.logit.ravel()[PLACE] = np.log(tiny.p / (1 - tiny.p))
        agent.step(tiny.environment, step, BATCH)
        found.append((agent.gain - agent.cost).ravel()[PLACE] / BATCH)
    assert near(np.array(found), expected)


def test_shared_reward_has_the_gradient_for_its_expectation(tiny):
    x, start, total = tiny.environment.queries.x, np.zeros(3, np.int32), np.zeros(10)
    for keep, weight, J in zip(tiny.keep, tiny.weight, tiny.J, strict=True):
        e = tiny.environment.runner.record(keep, x, start, tiny.k, tiny.efSearch, 0)
        kept, dropped, _ = (y[PLACE] for y in rewards.merged(e, J, 12))
        total += weight * (kept / tiny.p - dropped / (1 - tiny.p)) / len(x)
    assert np.allclose(total, tiny.gradient, rtol=0, atol=1e-9)


def test_sampled_shared_reward_has_no_bias(tiny):
    p, k, found = tiny.slots(tiny.p), tiny.k, []
    for step in range(BATCHES):
        rows, e = tiny.environment.record(p, step, BATCH, k, tiny.efSearch)
        hits = (e.I[:, :, None] == tiny.environment.queries.truth[rows][:, None]).sum((1, 2))
        J = WORTH * hits / k - e.ndis
        kept, dropped, _ = (y[PLACE] for y in rewards.merged(e, J - tiny.J.mean(), 12))
        found.append((kept / tiny.p - dropped / (1 - tiny.p)) / BATCH)
    assert near(np.array(found), tiny.gradient)
