"""The configuration: what is accepted, and the one line about what is not."""

import re

import numpy as np
import pytest
import yaml
from conftest import refuses
from snakemake.utils import update_config
from test_workflow import ROOT, TOY, Run, copied, overlay

from linkprune import config as checked
from linkprune.errors import ConfigError, DataError
from linkprune.formats import write

ROW = {"M0": 6, "codec": "OPQ36_144", "beta": "beta4x256"}
SMALL = {"source": "synthetic", "nb": 1000, "nq": 10, "nt": 1000, "d": 32, "metric": "l2"}
URL = "http://127.0.0.1:9/x"


@pytest.fixture(autouse=True)
def in_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def merged(*files):
    """What Snakemake makes of config files, each laid over those before it."""
    config = {}
    for file in files:
        update_config(config, yaml.safe_load(file.read_text()))
    return config


def check(folder, change):
    """Check config.yaml with a change laid over it, written to a folder; the config."""
    files = [ROOT / "config.yaml", overlay(folder / "mine.yaml", change)]
    config = merged(*files)
    checked.check(config, files)
    return config


def refusal(folder, change):
    with pytest.raises((ConfigError, DataError)) as e:
        check(folder, change)
    message = str(e.value)
    assert message and "\n" not in message
    return message


def table2(**values):
    return {"experiments": {"table2": values}}


def seeds(**values):
    return {"experiments": {"seeds": values}}


def figure5(**values):
    return {"experiments": {"figure5": values}}


def rows(*values):
    return table2(rows=[{**ROW, **v} for v in values])


def bench(*sets):
    return {"bench": {"sets": [{"dataset": name, "codec": codec} for name, codec in sets]}}


def on(entry, row=None, **values):
    """A run of one small data set ``mine`` with one row."""
    row = row or {"M0": 4, "codec": "OPQ8_32", "beta": "none"}
    change = table2(datasets={"demo": ["mine"]}, rows=[row], k=10, **values)
    return {**change, "datasets": {"mine": entry}}


# What is accepted


@pytest.mark.parametrize("scale", ["demo", "1M", "10M"])
def test_config_passes_at_every_scale(tmp_path, scale):
    config = check(tmp_path, {"scale": scale})
    assert checked.rows(config, "table2")


def test_toy_config_passes():
    files = [ROOT / "config.yaml", ROOT / "tests/config.toy.yaml"]
    checked.check(merged(*files), files)


def test_rows_are_those_of_the_scale_with_their_defaults(tmp_path):
    change = rows({}, {"M0": 7, "scales": ["1M"]}, {"graph_on": "float"}, {"builder": "faiss"})
    config = check(tmp_path, change)
    demo = checked.rows(config, "table2")
    assert [(r["M0"], r["graph_on"], r["policy"]) for r in demo] == [
        (6, "codes", "unpruned"),
        (6, "float", "unpruned"),
        (6, "codes", "unpruned"),
    ]
    keys = [checked.graph_key(r) for r in demo]
    assert keys == [
        "hnsw_L6_M32_efC200_OPQ36_144",
        "hnsw_L6_M32_efC200_float",
        "faiss_L6_M32_efC200_OPQ36_144",
    ]
    assert len(checked.rows({**config, "scale": "1M"}, "table2")) == 4


@pytest.mark.parametrize(
    "entry",
    [
        {"source": "scikit-learn/digits", "metric": "ip"},
        {**SMALL, "clusters": 3, "rank": 4, "scale": 0.5, "noise": 0, "normalise": False},
        {**SMALL, "metric": "cosine", "seed": 3},
        {"base": {"url": URL, "format": "fbin", "rows": 10}, "metric": "l2",
         "query": {"url": [URL, URL], "format": "u8bin", "size": 5}},
        {"ann_benchmarks": {"url": URL, "sha256": "0" * 64}, "rows": 500},
        {"ann_benchmarks": {"url": URL}, "metric": "cosine"},
    ],
)  # fmt: skip
def test_kinds_of_data_sets_are_accepted(tmp_path, entry):
    check(tmp_path, on(entry))


# The schema


def objects(schema, where="config"):
    """(place, schema) of a schema and all that it contains."""
    yield where, schema
    for key in ("properties", "$defs"):
        for name, child in schema.get(key, {}).items():
            yield from objects(child, f"{where}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from objects(schema[key], f"{where}.{key}")
    for key in ("oneOf", "anyOf", "allOf"):
        for i, child in enumerate(schema.get(key, [])):
            yield from objects(child, f"{where}.{i}")


SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())


def test_every_key_of_the_schema_is_described():
    def described(schema):
        target = SCHEMA["$defs"].get(schema.get("$ref", "").removeprefix("#/$defs/"), {})
        return bool(schema.get("description") or target.get("description"))

    bare = [
        f"{where}.{name}"
        for where, schema in objects(SCHEMA)
        for name, child in schema.get("properties", {}).items()
        if not described(child)
    ]
    assert bare == []


def test_no_object_of_the_schema_accepts_unknown_keys():
    for where, schema in objects(SCHEMA):
        if schema.get("type") == "object":
            more = schema.get("additionalProperties")
            is_map = "properties" not in schema and isinstance(more, dict)
            assert more is False or is_map, where
        else:
            assert "properties" not in schema, where


# What is refused


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
    assert agent(max_degree=4)["prior"] == 0
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


# Paths


def files_entry(folder):
    for name in ("base", "query"):
        overlay(folder / "x", {})
        write(folder / f"{name}.npy", np.zeros((300, 32), np.float32))
    return {"base": "base.npy", "query": {"path": "query.npy", "rows": 3}, "metric": "l2"}


def test_paths_are_relative_to_the_file_that_has_them(tmp_path):
    config = check(tmp_path, on(files_entry(tmp_path)))
    entry = config["datasets"]["mine"]
    assert entry["base"] == str(tmp_path / "base.npy")
    assert entry["query"] == {"path": str(tmp_path / "query.npy"), "rows": 3}


def test_paths_below_the_root_stay_relative_to_it(monkeypatch, tmp_path):
    overlay(tmp_path / "workflow/schemas/config.schema.yaml", SCHEMA)
    monkeypatch.chdir(tmp_path)
    config = check(tmp_path / "mine", on(files_entry(tmp_path / "mine")))
    assert config["datasets"]["mine"]["base"] == "mine/base.npy"


def test_a_member_and_an_absolute_path_are_kept(tmp_path):
    np.savez(tmp_path / "a.npz", base=np.zeros((300, 32), np.float32))
    absolute = str(tmp_path / "a.npz:base")
    config = check(tmp_path, on({"base": "a.npz:base", "query": absolute, "metric": "l2"}))
    assert config["datasets"]["mine"]["base"] == absolute
    assert config["datasets"]["mine"]["query"] == absolute


def test_a_part_laid_over_from_another_folder_leaves_the_others_where_they_are(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    first = overlay(one / "mine.yaml", on(files_entry(one)))
    files_entry(two)
    second = overlay(two / "more.yaml", {"datasets": {"mine": {"query": "query.npy"}}})
    files = [ROOT / "config.yaml", first, second]
    (one / "query.npy").unlink()
    (two / "base.npy").unlink()
    config = merged(*files)
    checked.check(config, files)
    assert config["datasets"]["mine"]["base"] == str(one / "base.npy")
    assert config["datasets"]["mine"]["query"] == str(two / "query.npy")


# The same through Snakemake


def test_a_bad_config_stops_snakemake_with_one_line(tmp_path):
    folder = copied(tmp_path / "repo")
    cases = {
        "key": ({"timing": {"querys": 1}}, "timing: unknown key querys; did you mean queries"),
        "set": (table2(datasets={"toy": ["blob"]}), "unknown data set blob; did you mean blobs"),
        "scale": ({"scale": "toys"}, "scale: toys is unknown"),
        "file": (table2(datasets={"toy": ["mine"]}) | {"datasets": {"mine": {
            "base": "gone.npy", "query": "gone.npy", "metric": "l2"}}},
            f"datasets.mine.base: no such file: {tmp_path}/gone.npy"),
    }  # fmt: skip
    runs = {
        name: Run(folder, "-n", *TOY, overlay(tmp_path / f"{name}.yaml", change))
        for name, (change, _) in cases.items()
    }
    for name, run in runs.items():
        status, text = run.end()
        (line,) = re.findall("^linkprune: .*$", text, re.M)
        assert status != 0
        assert cases[name][1] in line
        assert "Traceback" not in text
    assert not [name for name in ("results", "logs", "downloads") if (folder / name).exists()]


def test_a_table_that_has_no_data_set_at_the_scale_is_refused_in_one_line(tmp_path):
    folder = copied(tmp_path / "repo")
    status, text = Run(folder, "-n", *TOY, "--", "results/pruning.csv").end()
    assert status != 0 and "Traceback" not in text
    assert re.findall("^linkprune: .*$", text, re.M) == [
        "linkprune: experiments.pruning: nothing at scale toy, its scales: demo"
    ]


def test_of_two_overlays_the_later_one_says_where_files_are(tmp_path):
    folder = copied(tmp_path / "repo")
    one, two = tmp_path / "one", tmp_path / "two"
    change = {"datasets": {"mine": files_entry(two)}}
    first, second = overlay(one / "c.yaml", on(files_entry(one))), overlay(two / "c.yaml", change)
    for name in ("base", "query"):
        (one / f"{name}.npy").unlink()
    command = ("-n", "--configfile", first, second, "--config", "scale=demo")
    Run(folder, *command).well()
    (two / "query.npy").unlink()
    _, text = Run(folder, *command).end()
    assert f"datasets.mine.query: no such file: {two}/query.npy" in text


# Pruning


PUBLISHED = {  # initial graph, efSearch, max_ndis, edge_patience, entropy, steps
    "sift100k": ("nsg_R24_K64_efC100_float", 10, 1500, 400, 0.001, 1000),
    "deep100k": ("nsw_M12_efC300_float", 10, 1000, 400, 0.01, 1000),
    "sift1m": ("nsw_M14_efC500_float", 12, 1500, 50, 0.01, 800),
    "deep1m": ("nsw_M14_efC500_float", 12, 1500, 50, 0.01, 800),
    "glove1m": ("nsw_M20_efC2000_float", 5, 1000, 40, 0.001, 600),
}


@pytest.mark.parametrize("scale", PUBLISHED)
def test_the_published_overlay_has_the_published_settings(scale):
    of = merged(ROOT / "config.yaml", ROOT / "examples/published_pruning.yaml") | {"scale": scale}
    learned, rivals = checked.pruning_points(of, "pruning")
    (graph, name), *_ = (point for point in learned if point[1] != "rl_edge")
    s = checked.agent(of, name)
    got = (s["efSearch"][0], s["max_ndis"], s["edge_patience"], s["entropy"], s["steps"])
    assert (graph, *got) == PUBLISHED[scale]
    common = {"k": 1, "hidden": 2048, "episodes": 100_000, "threshold": 0.5, "initial": 0.5,
              "credit": "shared", "policy": "mlp"}  # fmt: skip
    assert common.items() <= s.items()
    assert of["pruning"]["validation"]["queries"] == 20_000
    assert set(range(12, 121, 4)) <= set(of["pruning"]["efSearch"])
    assert {len(seeds) for seeds in learned.values()} == {3}
    kinds = {policy.partition("_")[0] for g, policy in rivals if g == graph}
    assert kinds == {"unpruned", "random", "shortest", "used"}


def test_a_rival_of_any_graph_is_one_on_each_initial_graph():
    of = merged(ROOT / "config.yaml", ROOT / "examples/pruning.yaml")
    row = of["experiments"]["pruning"]["learned"][0]
    of["experiments"]["pruning"] |= {
        "learned": [row, {**row, "graph": "nsw_M8_efC300_float"}],
        "rivals": ["nsw_M4_efC300_float", "*/shortest_D8"],
    }
    assert checked.pruning_points(of, "pruning")[1] == [
        ("nsw_M4_efC300_float", "unpruned"),
        (row["graph"], "shortest_D8"), ("nsw_M8_efC300_float", "shortest_D8"),
        (row["graph"], "unpruned"), ("nsw_M8_efC300_float", "unpruned"),
    ]  # fmt: skip
