"""Credits and gradients against all that can happen on six vertices; the agent of single links."""

import dataclasses
import functools
import math

import numpy as np
import pytest
from conftest import beam, by_distance_then_id, flat, integers, ip_or_l2, refuses
from test_rl_environment import asked

from linkprune.errors import ConfigError
from linkprune.kernels import episodes
from linkprune.kernels.episodes import Credit
from linkprune.rl import capped, edge, prior, rewards, settings
from linkprune.rl.capped import CappedAgent
from linkprune.rl.edge import FRACTION, LEAST_MISS, LEAST_SHARE, LIMIT, EdgeAgent
from linkprune.rl.environment import Environment, Space

LINKS = np.array([[1, 2], [3, 4], [4, 1], [5, -1], [5, 3], [1, -1]], np.int32)
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


# Gradients


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


# The agent


class Told:
    """An environment that says what it is told to, and remembers what it was asked."""

    def __init__(self, *credits):
        self.credits, self.asked = list(credits), []

    def credit(self, p, step, n, efs, units, *, k):
        self.asked.append((p.copy(), step, n, list(efs), units.tolist(), k))
        return self.credits.pop(0)


def told(seed, drawn):
    rng = np.random.default_rng(seed)
    n = len(drawn)
    gain, cost = rng.integers(-5000, 5000, (2, *LINKS.shape))
    hits, ndis = rng.integers(0, 5, n), rng.integers(5, 99, n)
    return Credit(gain, cost, np.array(drawn, np.int32), hits, ndis)


def entry(**values):
    by_evidence = {"prior": 0.0, "eta": 1.0, "rho": 0.7}
    return settings.complete({"agent": "edge", "k": 4, **by_evidence, **values})


def test_a_step_is_the_update_of_the_docstring():
    s = entry(eta=0.75, alpha=30.0, rho=0.5, initial=0.3)
    first, second = told(1, [0, 1, 0, 0]), told(2, [0, 0, 0, 0])
    agent, world = EdgeAgent(flat(LINKS), s, 40.0, [3, 8], [0.5, 0.9]), Told(first, second)
    before, begun = agent.probabilities(), agent.logit.copy()
    assert np.allclose(before, np.where(LINKS >= 0, 0.3, 0), rtol=0, atol=1e-15)
    seen = agent.step(world, 5, 4)

    G, C = np.zeros(LINKS.shape), np.zeros(LINKS.shape)
    logit, p = begun.copy(), before
    for credit in (first, second):
        for u, slot in zip(*np.nonzero(LINKS >= 0), strict=True):
            weight = 1 / max(p[u, slot], LEAST_SHARE)
            G[u, slot] = 0.5 * G[u, slot] + credit.gain[u, slot] / FRACTION * weight
            C[u, slot] = 0.5 * C[u, slot] + credit.cost[u, slot] * weight
            g, c = G[u, slot], C[u, slot]
            moved = logit[u, slot] + 0.75 * (g - c) / (abs(g) + abs(c) + 30)
            logit[u, slot] = min(max(moved, -LIMIT), LIMIT)
        assert np.allclose(agent.logit, logit, rtol=0, atol=1e-12)
        p = agent.probabilities()
        assert np.allclose(p, np.where(LINKS >= 0, 1 / (1 + np.exp(-logit)), 0), atol=1e-12)
        if credit is first:
            recall = [first.hits[[0, 2, 3]].mean() / 4, first.hits[1] / 4]
            assert np.allclose(agent.recall, recall)
            worth = np.array([80.0, 400.0])[[0, 1, 0, 0]]
            assert seen["reward"] == pytest.approx((worth * first.hits / 4 - first.ndis).mean())
            assert seen["recall"] == pytest.approx(first.hits.mean() / 4)
            assert seen["ndis"] == first.ndis.mean()
            on, old = p[LINKS >= 0], before[LINKS >= 0]
            kl = on * np.log(on / old) + (1 - on) * np.log((1 - on) / (1 - old))
            entropy = -on * np.log(on) - (1 - on) * np.log(1 - on)
            assert seen["kl"] == pytest.approx(kl.mean())
            assert seen["entropy"] == pytest.approx(entropy.mean())
            agent.step(world, 6, 4)
    assert agent.recall[1] == recall[1]  # no episode was drawn there
    (q, *asked), (_, *again) = world.asked
    assert np.array_equal(q, before) and asked == [5, 4, [3, 8], [20 * FRACTION, 100 * FRACTION], 4]
    rates = 40 / (1 - np.array(recall)) / 4 * FRACTION
    assert again == [6, 4, [3, 8], np.rint(rates).astype(int).tolist(), 4]


def test_logits_stay_within_the_limit_and_slots_without_a_link_are_never_kept():
    credit = told(1, [0])._replace(gain=np.full(LINKS.shape, 1 << 40), cost=np.zeros(LINKS.shape))
    opposite = credit._replace(gain=-credit.gain)
    agent = EdgeAgent(flat(LINKS), entry(eta=100.0), 1.0, [4], [0.5])
    world = Told(credit, opposite)
    for sign in (1, -1):
        agent.step(world, 0, 1)
        assert (agent.logit[LINKS >= 0] == sign * LIMIT).all()
        assert (agent.probabilities()[LINKS < 0] == 0).all()


def test_an_agent_goes_on_from_its_state():
    credits = [told(seed, [0, 1]) for seed in range(4)]
    whole = EdgeAgent(flat(LINKS), entry(), 9.0, [3, 8], [0.5, 0.9])
    world, parts = Told(*credits), Told(*credits[2:])
    for step in range(4):
        if step == 2:
            later = EdgeAgent(flat(LINKS), entry(), 9.0, [3, 8], [0.1, 0.2])
            later.load({name: np.copy(x) for name, x in whole.state().items()})
        whole.step(world, step, 2)
    for step in (2, 3):
        later.step(parts, step, 2)
    assert {n: x.tobytes() for n, x in later.state().items()} == {
        n: x.tobytes() for n, x in whole.state().items()
    }


def test_slope_is_exact_on_the_curve_that_it_assumes():
    recall = np.array([0.2, 0.5, 0.9, 0.97, 0.9985])
    assert edge.slope(recall, 31 - 17.5 * np.log(1 - recall)) == pytest.approx(17.5, rel=1e-12)
    ndis = np.append(31 - 17.5 * np.log(1 - recall), [500.0, 9e9])
    assert edge.slope([*recall, 1 - LEAST_MISS / 2, 1.0], ndis) == pytest.approx(17.5, rel=1e-12)
    noisy = np.array([10.0, 30.0, 40.0])
    z = -np.log(1 - recall[:3])
    want = ((z - z.mean()) * noisy).sum() / ((z - z.mean()) ** 2).sum()
    assert edge.slope(recall[:3], noisy) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("recall", [[1.0, 1.0], [0.5, 1.0], [0.5, 0.5], [0.5]])
def test_a_curve_without_a_slope_is_refused(recall):
    with refuses(ConfigError, "slope", str(recall), "efSearch"):
        edge.slope(recall, np.arange(1.0, len(recall) + 1))


def test_rates_are_the_price_of_recall_and_have_a_bound():
    got = edge.rates(12.0, np.array([0, 0.5, 0.75, 1 - LEAST_MISS / 2, 1]))
    assert got.tolist() == [12, 24, 48, 12 / LEAST_MISS, 12 / LEAST_MISS]


def near_and_far():
    """30 vertices on a circle, each with 5 links among them and 3 to as many that are far away.

    Returns the graph, vectors, queries on the circle and their 3 neighbours.
    """
    nb, rng = 30, np.random.default_rng(0)
    at = np.arange(nb)[:, None]
    rows = np.hstack([(np.array([1, -1, 5, -5, 12]) + at) % nb, nb + (at * 7 + [0, 1, 2]) % nb])
    angle = at * 2 * np.pi / nb
    circle = 10 * np.hstack([np.cos(angle), np.sin(angle)])
    vectors = np.vstack([circle, 200 + circle]).astype(np.float32)
    x = (circle[rng.integers(0, nb, 400)] + rng.normal(0, 1, (400, 2))).astype(np.float32)
    truth, _ = by_distance_then_id(ip_or_l2(x, vectors, False), 3)
    return flat(rows.tolist() + [[-1] * 8] * nb), vectors, x, truth


def test_links_that_lead_nowhere_go_and_the_others_stay():
    graph, vectors, x, truth = near_and_far()
    environment = Environment(graph, Space(vectors), asked(x, truth), seed=1)
    agent = EdgeAgent(graph, entry(k=3), 12.0, [4, 8], [0.8, 0.9])
    seen = [agent.step(environment, step, 400)["reward"] for step in range(12)]
    p = agent.probabilities()[:30]
    assert (p[:, 5:] < 0.5).all() and p[:, 5:].mean() < 0.1
    assert (p[:, :2] > 0.5).all()
    assert seen[-1] > seen[0]


# Under a cap


def wide(nb=5, M0=8):
    rows = (np.arange(nb)[:, None] + np.arange(1, M0 + 1)) % nb
    rows[:, -1] = -1
    return flat(rows)


def test_places_fall_from_all_to_the_cap_over_half_of_the_steps_and_go_to_the_best():
    graph, s = wide(), entry(steps=8, max_degree=2, rho=0.0, initial=0.9)
    agent, rng, places = CappedAgent(graph, s, 9.0, [4], [0.5]), np.random.default_rng(0), []
    for step in range(8):
        gain, cost = rng.integers(-3, 4, (2, 5, 8))
        nothing = np.zeros(1, np.int32)
        agent.step(Told(Credit(gain * FRACTION, cost, nothing, nothing, nothing)), step, 1)
        p = agent.probabilities()
        places.append(agent.places)
        assert (p[:, -1] == 0).all()
        placed = p > 0.5
        assert (abs(p[placed] - 0.9) < 1e-3).all()
        assert (abs(p[:, :-1][~placed[:, :-1]] - capped.EXPLORED) < 1e-3).all()
        for u in range(5):
            value = (agent.gain - agent.cost)[u, :-1]
            best = np.lexsort((np.arange(7), -value))[: agent.places]
            assert set(np.flatnonzero(placed[u])) == set(best.tolist())
            # The better a link, the more probable: a repair knows their order.
            order = np.lexsort((np.arange(7), -value))
            assert (np.diff(p[u, order]) < 0).all()
    # 8 (2 / 8)^(1/4), ^(2/4), ^(3/4), and the cap from the fourth step on.
    assert places == [6, 4, 3, 2, 2, 2, 2, 2]


def test_at_first_every_link_has_a_place_and_a_wide_cap_leaves_it():
    graph = wide()
    agent = CappedAgent(graph, entry(steps=2, max_degree=20), 9.0, [4], [0.5])
    nothing, zero = np.zeros(1, np.int32), np.zeros((5, 8), np.int64)
    for step in range(2):
        assert (abs(agent.probabilities()[:, :-1] - 0.95) < 1e-3).all()
        agent.step(Told(Credit(zero, zero, nothing, nothing, nothing)), step, 1)
    assert (abs(agent.probabilities()[:, :-1] - 0.95) < 1e-3).all()


def test_kinds_tell_links_by_length_detour_rank_and_indegree():
    rng = np.random.default_rng(5)
    points = rng.integers(0, 9, (40, 3)).astype(np.float32)
    points[7] = points[3]  # a link of no length
    rows = [rng.choice(np.delete(np.arange(40), u), 6, replace=False) for u in range(40)]
    rows[3][0] = 7
    graph = flat([row.tolist()[: 4 + u % 3] + [-1] * (2 - u % 3) for u, row in enumerate(rows)])
    links = graph.neighbors >= 0
    squared = ((points[:, None] - points).astype(float) ** 2).sum(2)
    facts = []
    for u, slot in zip(*np.nonzero(links), strict=True):
        others, v = graph.neighbors[u][links[u]], graph.neighbors[u, slot]
        to = np.argwhere(links & (graph.neighbors == v))[:, 0]
        nearer = others[squared[u, others] < squared[u, v]]
        tiny = np.finfo(np.float32).tiny
        detour = min([4.0, *squared[nearer, v] / max(squared[u, v], tiny)])
        relative = squared[u, v] / max(squared[to, v].min(), tiny)
        facts.append((relative, detour, slot, len(to)))
    want = zip(*facts, strict=True)
    bins = [prior.LENGTHS, prior.DETOURS, None, prior.DEGREES]
    binned = [
        np.array(x) * prior.RANKS // graph.neighbors.shape[1] if n is None
        else np.searchsorted(np.quantile(x, np.arange(1, n) / n), x)
        for x, n in zip(want, bins, strict=True)
    ]  # fmt: skip
    kind = binned[0]
    for x, n in zip(binned[1:], (prior.DETOURS, prior.RANKS, prior.DEGREES), strict=True):
        kind = kind * n + x
    found = prior.kinds(graph, points)
    assert np.array_equal(found[links], kind)
    assert (found[~links] == -1).all()
    assert len({*binned[1].tolist()}) > 2  # detours differ
    byte = prior.kinds(graph, points.astype(np.uint8), threads=2)
    assert np.array_equal(byte, found)


def test_with_a_prior_the_logit_goes_towards_the_ratio_at_most_eta_a_step():
    graph, s = wide(), entry(steps=4, prior=50.0, rho=0.0)
    points = np.random.default_rng(3).integers(0, 9, (5, 3)).astype(np.float32)
    agent = EdgeAgent(graph, s, 9.0, [4], [0.5], points)
    kind = prior.kinds(graph, points)
    links = graph.neighbors >= 0
    assert (kind[links] >= 0).all() and (kind[~links] == -1).all()
    rng, nothing = np.random.default_rng(1), np.zeros(1, np.int32)
    gain, cost = rng.integers(0, 40, (2, 5, 8))
    gain[~links] = cost[~links] = 0
    weight = np.where(links, 1 / np.maximum(agent.probabilities(), 0.1), 0)
    before = agent.logit.copy()
    agent.step(Told(Credit(gain * FRACTION, cost, nothing, nothing, nothing)), 0, 1)
    for u, slot in zip(*np.nonzero(links), strict=True):
        same = kind == kind[u, slot]
        G, C = gain * weight, cost * weight
        r = G[same].sum() / max(C[same].sum(), 1.0)
        ratio = max((G[u, slot] + 50 * r) / (C[u, slot] + 50), 1e-3)
        away = 1.5 * np.log(ratio) + 0.75 - before[u, slot]
        want = before[u, slot] + np.clip(away, -s["eta"], s["eta"])
        assert agent.logit[u, slot] == pytest.approx(want, abs=1e-9)
    assert (agent.probabilities()[~links] == 0).all()
