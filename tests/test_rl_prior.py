"""Kinds of links, and the agent that expects of a link what its kind earns."""

import numpy as np
import pytest
from agent_cases import Told, entry, wide
from conftest import flat

from linkprune.kernels.episodes import Credit
from linkprune.rl import prior
from linkprune.rl.credited import FRACTION
from linkprune.rl.edge import EdgeAgent


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
