"""The agent of single links: its update, what it leaves of a graph."""

import numpy as np
import pytest
from agent_cases import LINKS, Told, entry, told
from conftest import by_distance_then_id, flat, ip_or_l2
from test_rl_environment import asked

from linkprune.rl.credited import FRACTION, LEAST_SHARE
from linkprune.rl.edge import LIMIT, EdgeAgent
from linkprune.rl.environment import Environment, Space


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
