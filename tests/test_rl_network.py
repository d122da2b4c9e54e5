import tracemalloc

import numpy as np
import pytest
from conftest import refuses

torch = pytest.importorskip("torch")

from test_rl_edge import near_and_far
from test_rl_environment import asked
from test_rl_policy import one_thread  # noqa: F401

from linkprune.errors import ConfigError
from linkprune.kernels.episodes import Episodes
from linkprune.rl import rewards, settings
from linkprune.rl.environment import Environment, Space
from linkprune.rl.network import CREDITS, FROZEN, NetworkAgent
from linkprune.rl.rewards import Baseline

pytestmark = pytest.mark.usefixtures("one_thread")


def complete(**values):
    return settings.complete({
        "agent": "network", "device": "cpu", "hidden": 16, "efSearch": [8], "k": 3, "initial": 0.8,
        "max_ndis": 90, "max_kl": 0.05, **values,
    })  # fmt: skip


def toy(**values):
    """A world with links that lead nowhere, and an agent in it."""
    graph, vectors, x, truth = near_and_far()
    environment = Environment(graph, Space(vectors), asked(x, truth), seed=1)
    return environment, NetworkAgent(graph, complete(**values), vectors, len(x), 12.0, seed=1)


# Rewards


def test_the_published_reward():
    recall, ndis = np.array([1.0, 0.5, 1.0, 1.0, 0.0]), np.array([10, 10, 99, 4000, 10])
    assert rewards.published(recall, ndis, 100).tolist() == [90, 45, 1, 1, 0]


def test_actions_are_merged_in_little_memory():
    n, each, n_links = 50_000, 100, 1000
    actions = np.tile(np.arange(each, dtype=np.int32) * 7, n)
    actions[::3] = ~actions[::3]
    done = Episodes(actions, np.arange(n + 1) * each, None, None, None)
    tracemalloc.start()
    keep, drop, count = rewards.merged(done, np.full(n, 0.5), n_links)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 40e6  # of 5 million actions, at 16 bytes each if all were looked at together
    assert count[::7][:each].tolist() == [n] * each and count.sum() == len(actions)
    assert keep.sum() + drop.sum() == len(actions) / 2 and drop.sum() == (actions < 0).sum() / 2


def test_the_baseline_is_a_moving_average_of_each_query():
    baseline, mean = Baseline(5, share=0.25), {}
    rng = np.random.default_rng(0)
    for n in (4, 1, 9, 3):
        rows, reward = rng.integers(0, 5, n), rng.integers(0, 99, n).astype(float)
        want = [r - mean.get(q, reward.mean()) for q, r in zip(rows.tolist(), reward, strict=True)]
        got = baseline.advantages(rows, reward)
        for q in set(rows.tolist()):
            fresh = reward[rows == q].mean()
            mean[q] = mean[q] + 0.25 * (fresh - mean[q]) if q in mean else fresh
        assert np.allclose(got, want, rtol=0, atol=1e-12)
        for q in range(5):
            assert (
                baseline.mean[q] == pytest.approx(mean[q])
                if q in mean
                else np.isnan(baseline.mean[q])
            )
    assert len(mean) == 5


@pytest.mark.parametrize("n", [0, 1, 40])
def test_merged_is_the_sum_over_actions(n):
    rng = np.random.default_rng(n)
    counts = rng.integers(0, 6, n)
    actions = rng.integers(-7, 7, counts.sum()).astype(np.int32)
    offset, advantage = np.concatenate([[0], np.cumsum(counts)]), rng.integers(-9, 9, n) / 4
    keep, drop, count = np.zeros(9), np.zeros(9), np.zeros(9, int)
    for i in range(n):
        for action in actions[offset[i] : offset[i + 1]].tolist():
            link = action if action >= 0 else -action - 1
            (keep if action >= 0 else drop)[link] += advantage[i]
            count[link] += 1
    nothing = np.empty(0, np.int32)
    got = rewards.merged(Episodes(actions, offset, nothing, nothing, nothing), advantage, 9)
    assert [x.tolist() for x in got] == [keep.tolist(), drop.tolist(), count.tolist()]
    assert got[2].dtype == np.int64


# The agent


@pytest.mark.parametrize("credit", CREDITS)
@pytest.mark.parametrize("policy", ["mlp", "table"])
def test_links_that_lead_nowhere_become_rarer_than_the_others(policy, credit):
    environment, agent = toy(policy=policy, credit=credit, entropy=0.0)
    seen = [agent.step(environment, step, 300) for step in range(25)]
    useful, useless = (agent.probabilities()[:30, at].mean() for at in (slice(5), slice(5, 8)))
    assert useless < 0.3 and useless < useful - 0.3
    for name in ("reward", "recall", "ndis", "kl", "entropy", "accepted", "frozen"):
        assert all(np.isfinite(s[name]) for s in seen), name
    assert all(-1e-12 <= s["kl"] <= 0.05 for s in seen) and any(s["accepted"] for s in seen)
    first, last = (np.mean([s["ndis"] for s in part]) for part in (seen[:3], seen[-3:]))
    assert last < first


def test_probabilities_are_those_of_the_policy_and_0_without_a_link():
    environment, agent = toy(policy="mlp")
    graph, p = environment.graph, agent.probabilities()
    assert p.dtype == np.float64 and (p[graph.neighbors < 0] == 0).all()
    u, slot = np.nonzero(graph.neighbors >= 0)
    of_policy = agent.policy.probabilities(u.astype(np.int32), graph.neighbors[u, slot])
    assert np.array_equal(p[u, slot], of_policy)
    assert 0.7 < of_policy.mean() < 0.9


def force(agent, logits):
    """Make the policy of an agent a table of these logits."""
    agent.policy.parameters = logits
    agent.p = agent.policy.probabilities(agent.source, agent.target).astype(np.float64)


def test_extreme_probabilities_become_final_after_as_many_steps():
    environment, agent = toy(policy="table", edge_patience=2)
    _, other = toy(policy="table", edge_patience=None)
    extreme = torch.zeros_like(agent.policy.parameters)
    extreme[:40], extreme[40:60] = -30.0, 30.0
    for step in range(2):
        for a in (agent, other):
            force(a, extreme)
            assert not a.frozen.any()
            a.step(environment, step, 50)
    assert agent.frozen[:60].all() and not agent.frozen[60:].any() and not other.frozen.any()
    assert (agent.p[:40] < FROZEN).all() and (agent.p[40:60] > 1 - FROZEN).all()
    agent.policy.parameters = torch.zeros_like(extreme)
    seen = agent.step(environment, 2, 50)
    p = agent.probabilities()[environment.graph.neighbors >= 0]
    assert seen["frozen"] == 60 and (p[:40] == 0).all() and (p[40:60] == 1).all()
    assert ((p[60:] > 0.1) & (p[60:] < 0.9)).all()


def test_a_link_that_leaves_the_extreme_begins_to_wait_anew():
    environment, agent = toy(policy="table", edge_patience=2)
    middle = torch.zeros_like(agent.policy.parameters)
    for step, logits in enumerate((middle - 30, middle, middle - 30)):
        force(agent, logits)
        agent.step(environment, step, 50)
    assert not agent.frozen.any()


@pytest.mark.parametrize("p", [1e-4, 1 - 1e-4])
def test_a_step_in_which_all_links_are_dropped_or_none_is_a_step(p):
    environment, agent = toy(policy="table")
    force(agent, torch.full_like(agent.policy.parameters, 30.0 if p > 0.5 else -30.0))
    seen = agent.step(environment, 0, 3)
    assert np.isfinite(list(seen.values())).all()


@pytest.mark.parametrize("credit", CREDITS)
def test_when_all_links_are_final_nothing_moves(credit):
    environment, agent = toy(policy="table", edge_patience=1, credit=credit)
    agent.frozen[:] = True
    before = agent.probabilities()
    assert set(np.unique(before)) <= {0.0, 1.0}
    seen = agent.step(environment, 0, 50)
    assert np.array_equal(agent.probabilities(), before)
    assert seen["kl"] == 0 and seen["accepted"] == 0 and seen["ndis"] > 1


@pytest.mark.parametrize("credit", CREDITS)
@pytest.mark.parametrize("policy", ["mlp", "table"])
def test_an_agent_goes_on_from_its_state(policy, credit):
    environment, whole = toy(policy=policy, credit=credit, edge_patience=1)
    for step in range(2):
        whole.step(environment, step, 60)
    _, later = toy(policy=policy, credit=credit, edge_patience=1)
    later.load({name: np.array(x) for name, x in whole.state().items()})
    for agent in (whole, later):
        for step in (2, 3):
            agent.step(environment, step, 60)
    one, two = whole.state(), later.state()
    assert {n: np.asarray(x).tobytes() for n, x in one.items()} == {
        n: np.asarray(x).tobytes() for n, x in two.items()
    }


def test_without_a_baseline_the_reward_itself_counts():
    environment, agent = toy(policy="table", baseline=False)
    agent.step(environment, 0, 60)
    assert np.isnan(agent.baseline.mean).all()
    environment, agent = toy(policy="table")
    agent.step(environment, 0, 60)
    assert (~np.isnan(agent.baseline.mean)).sum() == 60


def test_an_unknown_credit_is_refused():
    with refuses(ConfigError, "credit all", *CREDITS):
        toy(credit="all")
