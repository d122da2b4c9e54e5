"""The configuration: the one line about what it cannot be."""

import re

import numpy as np
import pytest
from config_cases import ROW, SMALL, URL, bench, check, figure5, on, refusal, rows, seeds, table2
from conftest import refuses
from test_workflow import ROOT

from linkprune import config as checked
from linkprune.errors import ConfigError
from linkprune.formats import write


@pytest.fixture(autouse=True)
def in_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


UNKNOWN = {
    "top": ({"sede": 1}, "the config", "sede", "seed"),
    "training": ({"training": {"beta_rouns": 1}}, "training", "beta_rouns", "beta_rounds"),
    "timing": ({"timing": {"warp": 1}}, "timing", "warp", "queries, repetitions, threads"),
    "experiments": ({"experiments": {"table3": {}}}, "experiments", "table3", "table2"),
    "experiment": (table2(efsearch=[1]), "experiments.table2", "efsearch", "efSearch"),
    "row": (rows({"efC": 1}), "experiments.table2.rows.0", "efC", "efConstruction"),
    "embedded": ({"datasets": {"digits": {"metrics": 1}}}, "datasets.digits", "metrics", "metric"),
    "synthetic": (on({**SMALL, "ranks": 1}), "datasets.mine", "ranks", "rank"),
    "files": (on({"base": "a.npy", "query": "b.npy", "lern": "c.npy", "metric": "l2"}),
              "datasets.mine", "lern", "learn"),
    "path": (on({"base": {"path": "a.npy", "row": 3}, "query": "b.npy", "metric": "l2"}),
             "datasets.mine.base", "row", "rows"),
    "url": (on({"base": {"url": URL, "format": "fbin", "sha265": "0" * 64}, "query": "b.npy",
                "metric": "l2"}), "datasets.mine.base", "sha265", "sha256"),
    "ann_benchmarks": (on({"ann_benchmarks": "a.hdf5", "row": 3}), "datasets.mine", "row", "rows"),
    "ann_benchmarks url": (on({"ann_benchmarks": {"url": URL, "mirror": URL}}),
                           "datasets.mine.ann_benchmarks", "mirror", "url"),
}  # fmt: skip


@pytest.mark.parametrize("level", UNKNOWN)
def test_an_unknown_key_is_named_with_what_is_known(tmp_path, level):
    change, where, key, known = UNKNOWN[level]
    message = refusal(tmp_path, change)
    assert message.startswith(f"{where}: ") and re.search(rf"unknown key '?{key}\b", message)
    assert known in message.split(f"{key}", 1)[1]


REFUSED = {
    "misspelt data set": (table2(datasets={"demo": ["digit"]}), "datasets.demo", "digit", "digits"),
    "unknown scale": ({"scale": "2M"}, "scale: 2M", "demo, 1M, 10M"),
    "no row at the scale": (rows({"scales": ["1M"]}), "experiments.table2.rows", "scale demo"),
    "OPQ36_100": (rows({"codec": "OPQ36_100"}), "codec OPQ36_100", "108"),
    "codec": (rows({"codec": "OPQ36"}), "codec OPQ36", "OPQ36_144"),
    "leading zero": (rows({"codec": "PQ08"}), "codec PQ08", "expected"),
    "codec of another dimension": (rows({"codec": "PQ7", "beta": "none"}), "rows", "PQ7", "digits"),
    "beta": (rows({"beta": "beta4x16"}), "beta beta4x16", "none, beta0 or beta<nsq>x256"),
    "beta parts": (rows({"beta": "beta5x256"}), "rows", "144 dimensions", "5 beta parts"),
    "M0 0": (rows({"M0": 0}), "experiments.table2.rows.0.M0", "0", "1"),
    "M0 text": (rows({"M0": "six"}), "experiments.table2.rows.0.M0", "six", "integer"),
    "policy": (rows({"policy": "best"}), "experiments.table2.rows", "policy best", "unpruned"),
    "no M0": (table2(rows=[{"codec": "PQ8", "beta": "none"}]), "table2.rows", "PQ8", "M0 or graph"),
    "twice": (rows({}, {"M": 32}), "experiments.table2.rows", "OPQ36_144 beta4x256", "twice"),
    "k": (table2(k=2000), "experiments.table2.k", "2000", "1497", "digits"),
    "figure5 has no grid": (figure5(efSearch=[1]), "experiments.figure5", "unknown key efSearch"),
    "row of figure5": (figure5(rows=[{**ROW, "M0": 0}]), "experiments.figure5.rows.0.M0", "0", "1"),
    "seed of seeds": (seeds(seeds=[1]), "experiments.seeds.seeds", "too short"),
    "seeds of a policy": (seeds(rows=[{**ROW, "policy": "random_D4_seed1"}]), "built, not pruned"),
    "figure5 twice": (figure5(rows=[ROW, ROW]), "experiments.figure5.rows", "twice"),
    "figure5 is nothing": (figure5(rows=[{**ROW, "codec": "OPQ7_16"}]), "codec OPQ7_16", "7 parts"),
    "data set of bench": (bench(("digit", "OPQ8_32")), "bench.sets", "digit", "datasets"),
    "bench with two codecs": (bench(("patches", "OPQ32_128"), ("patches", "OPQ16_64")),
                              "bench.sets: patches", "twice", "OPQ32_128, OPQ16_64", "one codec"),
    "k_reorder": (table2(k_reorder=[-1]), "experiments.table2.k_reorder.0", "-1", "0"),
    "no efSearch": (table2(efSearch=[]), "experiments.table2.efSearch"),
    "seed": ({"seed": -1}, "seed: -1", "0"),
    "beta_rows": ({"training": {"beta_rows": 255}}, "training.beta_rows", "255", "256"),
    "few training vectors": (on({**SMALL, "nt": 255}), "OPQ8_32", "mine", "256", "255"),
    "few base vectors": (on({**SMALL, "nb": 200}, {"M0": 4, "codec": "OPQ8_32",
                                                  "beta": "beta2x256"}), "mine", "256", "200"),
    "more links than vertices": (on({**SMALL, "nb": 20}, {"M0": 20, "codec": "PQ8",
                                                          "beta": "none"}), "20 links", "mine"),
    "metric": (on({**SMALL, "metric": "l1"}), "datasets.mine", "l1", "l2"),
    "source": (on({**SMALL, "source": "synthetics"}), "datasets.mine", "synthetics"),
    "rank": (on({**SMALL, "d": 16, "rank": 17}, {"M0": 4, "codec": "PQ8", "beta": "none"}),
             "mine", "rank", "17", "16"),
    "name": ({"datasets": {"a-b": SMALL}}, "datasets", "a-b"),
    "missing file": (on({"base": "gone.npy", "query": "gone.npy", "metric": "l2"}),
                     "datasets.mine.base", "no such file", "gone.npy"),
    "missing truth": (on({"base": {"url": URL, "format": "fbin"}, "metric": "l2",
                          "query": {"url": URL, "format": "fbin"}, "groundtruth": "gone.ivecs"}),
                      "datasets.mine.groundtruth", "no such file", "gone.ivecs"),
    "missing graph": (on({"base": {"url": URL, "format": "fbin"}, "metric": "l2",
                          "query": {"url": URL, "format": "fbin"}, "graphs": {"x": "gone.nsg"}},
                         {"graph": "given_x_float", "codec": "PQ8", "beta": "none"}),
                      "datasets.mine.graphs.x", "no such file", "gone.nsg"),
    "missing whole file": (on({"ann_benchmarks": "gone.hdf5"}), "datasets.mine", "no such file"),
    "url without format": (on({"base": {"url": URL}, "query": {"url": URL}, "metric": "l2"}),
                           "datasets.mine.base", "format", "fbin"),
    "unknown format": (on({"base": {"url": URL, "format": "vec"}, "metric": "l2",
                           "query": {"url": URL, "format": "vec"}}),
                       "datasets.mine", ".fvecs .bvecs"),
    "no member": (on({"base": {"url": URL, "format": "npz"}, "metric": "l2",
                      "query": {"url": URL, "format": "npz"}}),
                  "datasets.mine", "base.npz", "array"),
    "sha256": (on({"base": {"url": URL, "format": "fbin", "sha256": "abc"}, "metric": "l2",
                   "query": {"url": URL, "format": "fbin"}}), "datasets.mine.base.sha256", "abc"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_impossible_values_are_refused_in_one_line(tmp_path, what):
    change, *words = REFUSED[what]
    message = refusal(tmp_path, change)
    for word in words:
        assert word in message
    assert len(message) < 300, "not a line that anyone reads"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"k": 11}, "agent rl_x: k 11, expected at most 10"),
        ({"max_degree": 4, "initial": 0.2}, "agent rl_x: initial 0.2, expected above"),
        ({"max_degree": 4, "threshold": 0.3}, "agent rl_x: threshold has no effect"),
        ({"max_degree": 4, "alpha": 60}, "agent rl_x: alpha has no effect with max_degree"),
        ({"max_degree": 4, "prior": 400, "eta": 2}, "agent rl_x: eta has no effect"),
        ({"alpha": 60}, "agent rl_x: alpha has no effect with prior 400, expected prior 0"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(entry, words):
    def agent(**entry):
        agents = {"rl_x": {"agent": "edge", **entry}}
        return checked.agent({"pruning": {"queries": {"k": 10}, "agents": agents}}, "rl_x")

    assert agent(max_degree=4, rho=0.5)["rho"] == 0.5
    assert agent(max_degree=None, prior=0, alpha=60)["alpha"] == 60
    with refuses(ConfigError, words):
        agent(**entry)


def test_files_are_asked_for_their_sizes(tmp_path):
    write(tmp_path / "base.npy", np.zeros((100, 32), np.float32))
    write(tmp_path / "query.npy", np.zeros((5, 32), np.float32))
    entry = {"base": "base.npy", "query": "query.npy", "metric": "l2"}
    message = refusal(tmp_path, on(entry))
    assert "256 centroids from 100 training vectors" in message and "mine" in message
    write(tmp_path / "learn.npy", np.zeros((256, 32), np.float32))
    check(tmp_path, on({**entry, "learn": "learn.npy"}))
    entry["base"] = {"path": "base.npy", "rows": 101}
    message = refusal(tmp_path, on({**entry, "learn": "learn.npy"}))
    assert "base.npy" in message and "has 100 rows" in message
    entry["base"] = {"path": "base.npy", "rows": 9}
    message = refusal(tmp_path, on({**entry, "learn": "learn.npy"}))
    assert message.startswith("experiments.table2.k: 10 results from the 9 base vectors")
