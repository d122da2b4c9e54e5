"""The plug-in for ann-benchmarks, run as its runner runs one, on a stand-in for its base class."""

import importlib
import inspect
import itertools
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import clustered

from linkprune import LinkCode, groundtruth

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "integrations/ann-benchmarks"
FOLDER = PLUGIN / "ann_benchmarks/algorithms/linkprune"
SMALL = {"M0": 5, "codec": "OPQ8_16", "beta": "beta2x256", "M": 8, "efConstruction": 30}


class BaseANN:
    """What the runner calls, and what it gets from a class that does not say."""

    def done(self):
        pass

    def get_memory_usage(self):
        raise NotImplementedError

    def fit(self, X):
        raise NotImplementedError

    def query(self, q, n):
        raise NotImplementedError

    def batch_query(self, X, n):
        raise NotImplementedError

    def get_batch_results(self):
        raise NotImplementedError

    def get_additional(self):
        return {}

    def __str__(self):
        return self.name


@pytest.fixture(scope="module")
def plugin():
    """The module of the plug-in, imported as a part of their package."""
    names = {
        "ann_benchmarks": PLUGIN / "ann_benchmarks",
        "ann_benchmarks.algorithms": PLUGIN / "ann_benchmarks/algorithms",
        "ann_benchmarks.algorithms.base": None,
        "ann_benchmarks.algorithms.base.module": None,
        "ann_benchmarks.algorithms.linkprune": FOLDER,
    }
    for name, folder in names.items():
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(folder)] if folder else []
    sys.modules["ann_benchmarks.algorithms.base.module"].BaseANN = BaseANN
    try:
        yield importlib.import_module("ann_benchmarks.algorithms.linkprune.module")
    finally:
        for name in [*names, "ann_benchmarks.algorithms.linkprune.module"]:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def config():
    return yaml.safe_load((FOLDER / "config.yml").read_text())


def product(groups):
    """Lists of lists or of values, one of each: what a group of arguments is expanded to."""
    return [
        list(x) for x in itertools.product(*(g if isinstance(g, list) else [g] for g in groups))
    ]


def expanded(group):
    """A dict of values or of lists of values -> the dicts of one value each."""
    return [dict(zip(group, values, strict=True)) for values in product(group.values())]


def definitions(config, metric):
    """(constructor, arguments, query argument lists) of every run of a config file."""
    for entry in config["float"]["any"]:
        for run in entry["run_groups"].values():
            for group in product([expanded(g) for g in run["arg_groups"]]):
                base = [metric if a == "@metric" else a for a in entry["base_args"]]
                yield entry["constructor"], base + group, product(run["query_args"])


def run(algo, train, test, query_arguments, count, distance, batch=False, runs=2):
    """Per query arguments: found ids, attributes of the run, as their runner makes them."""
    before = algo.get_memory_usage()
    algo.fit(train)
    size = algo.get_memory_usage() - before
    for arguments in query_arguments:
        algo.set_query_arguments(*arguments)
        for _ in range(runs):
            if batch:
                algo.batch_query(test, count)
                found = algo.get_batch_results()
            else:
                found = [algo.query(v, count) for v in test]
            for ids in found:
                assert len(ids) == len(set(ids)) <= count
        attrs = {"name": str(algo), "run_count": runs, "index_size": size}
        yield found, {**attrs, **algo.get_additional()}
    algo.done()


def recall(found, truth, count):
    return np.mean([len(set(ids) & set(t)) / count for ids, t in zip(found, truth, strict=True)])


@pytest.mark.parametrize("metric", ["euclidean", "angular"])
def test_it_runs_as_their_runner_runs_it(plugin, metric):
    train, test = clustered(900, 12, 1), clustered(25, 12, 2)
    if metric == "angular":  # of any length: the class normalises
        train, test = train * 7, test * 3
        unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (test, train)]
        truth, _ = groundtruth.exact(*unit, 10, "ip")
    else:
        truth, _ = groundtruth.exact(test, train, 10)
    points = [[1, 0], [64, 0], [64, 10]]
    alone, batch = (
        list(run(plugin.LinkPrune(metric, SMALL), train, test, points, 10, metric, batch))
        for batch in (False, True)
    )
    for (a, attrs_a), (b, attrs_b) in zip(alone, batch, strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
        assert attrs_a == attrs_b
    found, attributes = zip(*alone, strict=True)
    recalls = [recall(ids, truth, 10) for ids in found]
    assert recalls[0] < recalls[1] and recalls[2] > 0.6
    per_query = [a["dist_comps"] / (a["run_count"] * len(test)) for a in attributes]
    assert per_query[0] < per_query[1] < per_query[2] == pytest.approx(per_query[1] + 10)
    assert len({a["name"] for a in attributes}) == 3
    lc = LinkCode.train(train, "OPQ8_16", {"euclidean": "l2", "angular": "cosine"}[metric])
    lc = lc.add(train, M0=5, beta="beta2x256", M=8, efConstruction=30)
    own = lc.search(test, 10, 64, 10)
    assert np.array_equal(own.I, np.array(found[2]))
    want = 900 * (8 + 2 + 5 * 4) / 1024
    assert want < attributes[0]["index_size"] < want + 60  # and the codebooks, upper levels


def test_missing_results_are_left_out(plugin):
    train = clustered(300, 12, 1)
    algo = plugin.LinkPrune("euclidean", {**SMALL, "beta": "none"})
    algo.fit(train)
    algo.set_query_arguments(1, 0)
    assert len(algo.query(train[0], 400)) <= 300 and min(algo.query(train[0], 400)) >= 0
    assert algo.get_memory_usage() > 0
    algo.done()
    assert algo.get_memory_usage() == 0


def test_it_is_what_the_runner_needs(plugin):
    kind = plugin.LinkPrune
    assert issubclass(kind, BaseANN)
    assert list(inspect.signature(kind.__init__).parameters) == ["self", "metric", "params"]
    for name, inherited in vars(BaseANN).items():
        if inspect.isfunction(inherited):
            wanted = inspect.signature(inherited).parameters.values()
            given = inspect.signature(getattr(kind, name)).parameters.values()
            assert [p.kind for p in given] == [p.kind for p in wanted], name
    with pytest.raises(ValueError, match=r"metric hamming: expected one of euclidean, angular"):
        kind("hamming", SMALL)


def test_the_config_fits_the_class(plugin, config):
    (entry,) = config["float"]["any"]
    assert entry["module"] == "ann_benchmarks.algorithms.linkprune"
    assert entry["docker_tag"] == "ann-benchmarks-linkprune"
    assert FOLDER.name == entry["name"] and not entry["disabled"]
    takes = set(inspect.signature(LinkCode.add).parameters) | {"codec"}
    points = inspect.signature(plugin.LinkPrune.set_query_arguments).parameters
    found = list(definitions(config, "euclidean"))
    assert len(found) == len(entry["run_groups"])
    for constructor, arguments, query_arguments in found:
        assert callable(getattr(plugin, constructor))
        inspect.signature(getattr(plugin, constructor)).bind(*arguments)
        metric, params = arguments
        assert metric == "euclidean" and params["codec"] and set(params) <= takes
        assert not {"self", "base", "threads"} & set(params)
        for point in query_arguments:
            assert len(point) == len(points) - 1 and all(isinstance(x, int) for x in point)
            assert params["beta"] != "none" or point[1] == 0


def test_the_first_run_group_works(plugin, config):
    """On vectors with fewer dimensions than its codec rotates to."""
    constructor, arguments, points = next(definitions(config, "euclidean"))
    arguments[1]["efConstruction"] = 20
    train, test = clustered(300, 10, 1), clustered(10, 10, 2)
    algo = getattr(plugin, constructor)(*arguments)
    (found, _), *_ = run(algo, train, test, points[-1:], 10, "euclidean", runs=1)
    assert recall(found, groundtruth.exact(test, train, 10)[0], 10) > 0.9


def test_the_container_installs_our_pins_and_names_no_host():
    text = (FOLDER / "Dockerfile").read_text()
    pins = (ROOT / "requirements.txt").read_text().splitlines()
    installed = re.findall(r"\S+==\S+", text)
    assert len(installed) == 2 and set(installed) <= set(pins)
    assert text.startswith("FROM ann-benchmarks\n") and "://" not in text
