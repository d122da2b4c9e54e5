"""Pruning in one call, from arrays."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import clustered, refuses

import linkprune
from linkprune import LinkCode, builders, keys
from linkprune.errors import ConfigError, ShapeError
from linkprune.rl import agents, learn, queries, settings, training
from linkprune.rl.environment import Environment, Space
from linkprune.vectors import Vectors

VALIDATION = {"queries": 60, "efSearch": [1, 4, 16, 64], "targets": {"R@1": [0.8]}}
FEW = {"steps": 4, "episodes": 400, "alpha": 5.0, "recalls": [0.9], "validation": VALIDATION}


@pytest.fixture(scope="module")
def setting():
    base, train = clustered(300, 12, 0), clustered(900, 12, 1)
    graph = builders.build(keys.graph("vamana_R12_a1.1_efC30_float"), base, 1)
    return base, train, graph


def same(a, b):
    return np.array_equal(a.graph.neighbors, b.graph.neighbors) and np.array_equal(a.p, b.p)


def test_what_is_asked_for_is_what_the_config_asks_for():
    pruning = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())["pruning"]
    assert pruning["queries"] == learn.QUERIES and pruning["validation"] == learn.VALIDATION


def test_one_call_does_what_the_rules_do(setting):
    base, train, graph = setting
    got = linkprune.prune(graph, base, train, seed=3, threads=2, **FEW)
    found = queries.gather(
        Vectors(base, base[:0], base, "l2", train, own_learn=False), learn.QUERIES, 3
    )
    mine, held_out = queries.split(found, VALIDATION["queries"])
    chosen = settings.complete({"agent": "edge", **{k: FEW[k] for k in FEW if k != "validation"}})
    space = Space.assemble(base, [], "l2")
    environment = Environment(graph, space, mine, 3)
    judge = training.Validation(space, held_out, VALIDATION)
    agent = agents.build(environment, judge, base, chosen, 3)
    assert same(got, training.train(agent, environment, judge, chosen, 400))
    assert (got.graph.neighbors >= 0).sum() < (graph.neighbors >= 0).sum()


def test_cosine_is_inner_product_of_vectors_of_length_one(setting):
    base, train, _ = setting
    unit = [(x / np.linalg.norm(x.astype("f8"), axis=1, keepdims=True)).astype("f4")
            for x in (base, train)]  # fmt: skip
    graph = builders.build(keys.graph("vamana_R12_a1.1_efC30_float"), unit[0], 1, metric="ip")
    long = [x * np.float32(2) for x in unit]
    one = linkprune.prune(graph, *unit, metric="cosine", **FEW)
    assert same(one, linkprune.prune(graph, *long, metric="cosine", **FEW))


def test_a_graph_on_codes_is_capped_and_carries_an_index(setting):
    base, train, _ = setting
    coded = LinkCode.train(train, codec="OPQ4_12")
    dense = coded.add(base, M0=10, beta="none", efConstruction=20).index
    got = linkprune.prune(
        dense.graph, base, train, codec=dense.codec, codes=dense.codes, max_degree=4, **FEW
    )
    assert (got.graph.neighbors >= 0).sum(1).max() <= 4
    index = coded.add(base, beta="beta2x256", graph=got.graph)
    assert np.array_equal(index.index.graph.neighbors, got.graph.neighbors)
    assert index.index.bytes_per_vector() == 4 * got.graph.neighbors.shape[1] + 4 + 2
    assert (index.search(base[:20], k=5, efSearch=64, k_reorder=5).I >= 0).all()


def test_what_does_not_fit_is_refused_in_one_line(setting):
    base, train, graph = setting
    with refuses(ConfigError, "agent edge: unknown setting step, expected one of", "steps"):
        linkprune.prune(graph, base, train, step=3)
    with refuses(ConfigError, "agent tabular", "edge, network"):
        linkprune.prune(graph, base, train, "tabular")
    with refuses(ShapeError, "299 base vectors for a graph of 300 vertices"):
        linkprune.prune(graph, base[:299], train)
    with refuses(ShapeError, "codec without codes"):
        linkprune.prune(graph, base, train, codes=np.zeros((300, 4), np.uint8))
    with refuses(ShapeError, "metric l1"):
        linkprune.prune(graph, base, train, metric="l1")
