"""The configuration: what is accepted, where its paths lead, what Snakemake makes of it."""

import re

import numpy as np
import pytest
import yaml
from config_cases import SMALL, URL, check, merged, on, rows, table2
from test_workflow import ROOT, TOY, Run, copied, overlay

from linkprune import config as checked
from linkprune.formats import write


@pytest.fixture(autouse=True)
def in_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


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
