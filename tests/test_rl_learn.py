"""Pruning in one call, from arrays."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import clustered, flat, refuses

import linkprune
from linkprune import LinkCode, builders, keys
from linkprune import config as checked
from linkprune.errors import ConfigError, ShapeError
from linkprune.rl import agents, learn, queries, settings, training
from linkprune.rl.environment import Environment, Space
from linkprune.vectors import Vectors

VALIDATION = {"queries": 60, "efSearch": [1, 4, 16, 64], "targets": {"R@1": [0.8]}}
UNCAPPED = {"prior": 0, "alpha": 5.0}
FEW = {"steps": 4, "episodes": 400, "recalls": [0.9], "validation": VALIDATION, **UNCAPPED}


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
    few = {name: FEW[name] for name in FEW if name not in UNCAPPED}
    got = linkprune.prune(
        dense.graph, base, train, codec=dense.codec, codes=dense.codes, max_degree=4, **few
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
    with refuses(ShapeError, "base has 11 dimensions, train 12", "the same"):
        linkprune.prune(graph, base[:, :11], train)
    with refuses(ShapeError, "base: ", "(300,)"):
        linkprune.prune(graph, base[:, 0], train)
    with refuses(ShapeError, "train: ", "(900,)"):
        linkprune.prune(graph, base, train[:, 0])


def test_a_graph_of_another_kind_is_refused(setting):
    base, train, graph = setting
    for other in (None, graph.neighbors):
        with refuses(ShapeError, "graph: expected a linkprune.graph.Graph", type(other).__name__):
            linkprune.prune(other, base, train)


def test_the_key_of_a_codec_is_no_codec(setting):
    base, train, graph = setting
    with refuses(ShapeError, "codec: expected a linkprune.codec.Codec", "str"):
        linkprune.prune(graph, base, train, codec="PQ4", codes=np.zeros((300, 4), np.uint8))


def test_a_base_of_another_dimension_than_the_codec_is_refused(setting):
    base, train, _ = setting
    held = LinkCode.train(train, codec="OPQ4_12").add(base, M0=4, beta="none").index
    with refuses(ShapeError, "base has 11 dimensions, the codec 12", "the same"):
        linkprune.prune(held.graph, base[:, :11], codec=held.codec, codes=held.codes)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"k": 20}, ("agent edge: k 20", "at most 10", "true neighbours")),
        ({"k": True}, ("k True", "an integer of at least 1")),
        ({"eta": -1}, ("eta -1", "above 0")),
        ({"alpha": float("nan")}, ("alpha nan", "above 0")),
        ({"rho": 1.0}, ("rho 1.0", "1 excluded")),
        ({"prior": -0.5}, ("prior -0.5", "at least 0")),
        ({"threshold": 2.0}, ("threshold 2.0", "between 0 and 1")),
        ({"initial": 1.0}, ("initial 1.0", "between 0 and 1")),
        ({"recalls": [0.5, 2.0]}, ("recalls [0.5, 2.0]", "between 0 and 1")),
        ({"recalls": [0.9, 0.9]}, ("recalls [0.9, 0.9]", "different numbers")),
        ({"recalls": np.full(90, 2.0)}, ("recalls array", "a list")),
        ({"efSearch": []}, ("efSearch []", "None or a list")),
        ({"efSearch": [3, 3]}, ("efSearch [3, 3]", "different")),
        ({"steps": 0}, ("steps 0", "an integer of at least 1")),
        ({"efSearch": [2**32 + 1]}, ("efSearch [4294967297]", "at most 2,147,483,647")),
        ({"efSearch": list(range(1, 66))}, ("efSearch", "one to 64")),
        ({"steps": 10**13}, ("steps 10000000000000", "at most 1,000,000")),
        ({"episodes": 10**12}, ("episodes 1000000000000", "at most 100,000,000")),
        ({"episodes_per_link": 1e300}, ("episodes_per_link 1e+300", "at most 1e+09")),
        ({"prior": 1e308}, ("prior 1e+308", "at most 1e+09")),
        ({"asked": {**learn.QUERIES, "made_below": 10**7}}, ("made_below", "at most 10,000")),
        ({"steps": 2.0}, ("steps 2.0", "an integer")),
        ({"validate_every": 0}, ("validate_every 0", "at least 1")),
        ({"episodes": -5}, ("episodes -5", "None or an integer")),
        ({"episodes_per_link": "0.3"}, ("episodes_per_link '0.3'", "a number")),
        ({"max_degree": 0}, ("max_degree 0", "None or")),
        ({"max_degree": 4, "initial": 0.15}, ("initial 0.15", "0.2 with max_degree")),
        ({"max_degree": 4, "alpha": 5.0}, ("alpha has no effect with max_degree",)),
        ({"max_degree": 4, "eta": 1.0}, ("eta has no effect",)),
        ({"max_degree": 4, "prior": 0}, ("prior has no effect",)),
        ({"validation": {}}, ("validation: queries is missing", "targets")),
        ({"validation": {**VALIDATION, "efSearch": [4, 2]}}, ("efSearch [4, 2]", "ascending")),
        ({"validation": {**VALIDATION, "targets": {"R@2": [0.5]}}}, ("targets", "R@1 or")),
        ({"validation": {**VALIDATION, "targets": {"R@1": [1.0]}}}, ("R@1 [1.0]", "excluded")),
        ({"validation": [1]}, ("validation: [1]", "a dict")),
        ({"asked": {**learn.QUERIES, "most": 0}}, ("asked: most 0", "at least 1")),
        ({"asked": {**learn.QUERIES, "least": 1}}, ("asked", "least", "made_below")),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused_by_name(setting, changed, words):
    base, train, graph = setting
    with refuses(ConfigError, *words):
        linkprune.prune(graph, base, train, **changed)


@pytest.mark.parametrize(
    "changed",
    [{"efSearch": [3, 4]}, {"hidden": 2 * 10**9}, {"max_ndis": 10**30}, {"damping": 1e300},
     {"policy": "linear"}, {"baseline": 1}, {"initial": 0.9995},
     {"device": ["cpu"]}],
)  # fmt: skip
def test_settings_of_the_network_are_checked_too(setting, changed):
    base, train, graph = setting
    with refuses(ConfigError, "agent network", *changed, "expected"):
        linkprune.prune(graph, base, train, "network", **changed)


@pytest.mark.parametrize(
    "changed, idle",
    [({"credit": "path", "baseline": False}, "baseline"),
     ({"credit": "counterfactual", "max_ndis": 9}, "max_ndis"),
     ({"policy": "table", "hidden": 8}, "hidden")],
)  # fmt: skip
def test_settings_of_the_network_that_would_do_nothing_are_refused(setting, changed, idle):
    base, train, graph = setting
    with refuses(ConfigError, "agent network", idle, "has no effect"):
        linkprune.prune(graph, base, train, "network", **changed)


@pytest.mark.parametrize(
    "changed, idle",
    [({"efSearch": [10], "recalls": [0.9]}, "recalls"),
     ({"episodes": 10, "episodes_per_link": 3.0}, "episodes_per_link")],
)  # fmt: skip
def test_settings_of_the_edge_agent_that_would_do_nothing_are_refused(setting, changed, idle):
    base, train, graph = setting
    with refuses(ConfigError, "agent edge", idle, "has no effect"):
        linkprune.prune(graph, base, train, **changed)


NETWORK = {"hidden": 8, "steps": 2, "episodes": 100, "efSearch": [6], "max_ndis": 90,
           "device": "cpu", "validation": VALIDATION}  # fmt: skip


def test_the_network_has_the_same_bits_at_any_number_of_threads_of_torch(setting):
    torch = pytest.importorskip("torch")
    base, train, graph = setting
    before = torch.get_num_threads()
    try:
        made = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            made.append(linkprune.prune(graph, base, train, "network", **NETWORK))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert same(*made)


def test_the_reward_that_is_shared_needs_no_curve_that_has_a_slope(setting):
    pytest.importorskip("torch")
    base, train, _ = setting
    few, k = base[:12], 11
    everything = np.array([[v for v in range(12) if v != u] for u in range(12)], np.int32)
    graph = flat(everything.tolist())
    validation = {**VALIDATION, "efSearch": [12, 13]}
    asked = {**learn.QUERIES, "k": k}
    with refuses(ConfigError, "slope", "efSearch of the validation"):
        linkprune.prune(graph, few, train, asked=asked, **{**FEW, "validation": validation})
    done = linkprune.prune(
        graph, few, train, "network", asked=asked, **{**NETWORK, "validation": validation}
    )
    assert len(done.history["reward"]) == 2 and (done.history["frozen"] == 0).all()


def test_the_library_takes_what_the_schema_takes():
    file = Path(__file__).parents[1] / "workflow/schemas/config.schema.yaml"
    schema = yaml.safe_load(file.read_text())
    pruning = schema["properties"]["pruning"]["properties"]
    values = [
        None,
        True,
        "mlp",
        "first",
        "cpu",
        "path",
        -1,
        0,
        1,
        9,
        10,
        0.0005,
        0.5,
        0.9995,
        1.0,
        2.5,
        [],
        [1],
        [3, 3],
        [3, 4],
        [0],
        [0.5],
        [0.5, 0.5],
        [1.0],
        {},
        {"R@1": [0.5]},
    ]

    def takes(part, value):
        return checked.validator({**part, "$defs": schema["$defs"]}).is_valid(value)

    tables = [
        (schema["$defs"][f"{agent}_agent"]["properties"], expected)
        for agent, expected in settings.EXPECTED.items()
    ]
    tables += [
        (pruning["queries"]["properties"], settings.QUERIES),
        (pruning["validation"]["properties"], settings.VALIDATION),
    ]
    for described, expected in tables:
        assert described.keys() - {"agent"} == expected.keys()
        for name, (_, fits) in expected.items():
            for value in values:
                assert fits(value) == takes(described[name], value), (name, value)
