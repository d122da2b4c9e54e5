"""The figure of the codecs: its rows from artifacts, its drawing, and its rule on the toy data."""

import csv
import itertools
import shutil

import numpy as np
import pytest
from config_cases import refusal
from conftest import refuses
from test_workflow import ROOT, TOY, Run, overlay, planned, twin, undisturbed

from linkprune import codecs, store
from linkprune.errors import DataError
from linkprune.plots import codecs as plot
from linkprune.plots import style

# codec, beta -> hits of 40 queries, the first ones
HITS = {
    ("OPQ6_24", "none"): 10,
    ("OPQ6_24", "beta4x256"): 12,
    ("PQ2x8_OPQ4_16", "none"): 30,
    ("PQ2x8_OPQ4_16", "beta4x256"): 13,
    ("PQ2x12_OPQ4_16", "none"): 20,
}
TOY_CODECS = {
    "datasets": {"toy": ["blobs"]}, "M0": 4, "seeds": {"toy": [7]}, "betas": ["none", "beta2x256"],
    "codecs": [{"codec": "OPQ8_32"}, {"codec": "PQ2x8_OPQ6_24"}],
}  # fmt: skip
BLOBS = {"source": "synthetic", "nb": 2000, "nq": 50, "nt": 600, "d": 32, "metric": "l2"}
TOY_ROW = {"codec": "PQ2x8_OPQ6_24", "beta": "beta2x256", "M0": 4, "M": 8, "efConstruction": 20}


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """Artifacts of the points in HITS, as far as they are read, and where they lie."""
    results, found = tmp_path_factory.mktemp("results"), []
    for (codec, beta), hits in HITS.items():
        graph = f"hnsw_L6_M32_efC200_{codec}"
        place = results / "d" / graph / "unpruned" / codec / beta
        rank = np.where(np.arange(40) < hits, 0, 4).astype(np.int32)
        store.save(place / "exhaustive.h5", {"rank": rank}, {"k": 10})
        store.save(results / "d" / codec / "codes.h5", {}, {"error": 5.0})
        if beta != "none":
            store.save(place / "beta.h5", {}, {"error": 3.0})
        found.append({"dataset": "d", "graph": graph, "policy": "unpruned", "codec": codec,
                      "beta": beta})  # fmt: skip
    return results, found


@pytest.fixture(scope="module")
def table(points):
    return list(codecs.rows(points[1], points[0], 1, resamples=500))


def test_rows_have_the_bytes_and_recalls_of_their_points(table):
    rows = {(row["codec"], row["beta"]): row for row in table}
    assert list(rows) == list(HITS)
    assert [row["first"] for row in table] == [codecs.ONE] * 2 + ["PQ2x8"] * 2 + ["PQ2x12"]
    assert [row["code_bytes"] for row in table] == [6, 6, 6, 6, 7]
    assert [row["bytes"] for row in table] == [6, 10, 6, 10, 7]
    assert [row["mse"] for row in table] == [5, 3, 5, 3, 5]
    for key, row in rows.items():
        assert row["R@1"] == HITS[key] / 40 and row["R@10"] == 1
        assert row["R@1_lo"] < row["R@1"] < row["R@1_hi"] and row["M0"] == 6
        assert set(row) <= set(codecs.COLUMNS)


def test_changes_are_from_one_level_of_as_many_bytes_and_the_same_regression(table):
    rows = {(row["codec"], row["beta"]): row for row in table}
    sure, unsure = (rows["PQ2x8_OPQ4_16", beta] for beta in ("none", "beta4x256"))
    assert sure["one_level"] == unsure["one_level"] == "OPQ6_24"
    assert sure["R@1_change"] == 0.5 and 0.3 < sure["R@1_change_lo"] < 0.5 < sure["R@1_change_hi"]
    assert unsure["R@1_change"] == 1 / 40 and unsure["R@1_change_lo"] == 0
    for key in (("OPQ6_24", "none"), ("OPQ6_24", "beta4x256"), ("PQ2x12_OPQ4_16", "none")):
        assert "one_level" not in rows[key] and "R@1_change" not in rows[key]


def test_further_builds_are_averaged_and_widen_the_interval(points, tmp_path):
    results, chosen = points
    chosen = [p for p in chosen if p["codec"] != "PQ2x12_OPQ4_16" and p["beta"] == "none"]
    apart = {"OPQ6_24": (10, 4, 16), "PQ2x8_OPQ4_16": (30, 36, 24)}
    shutil.copytree(results, tmp_path / "r")
    for p in chosen:
        place = tmp_path / "r" / "d" / p["graph"] / "unpruned" / p["codec"]
        for seed, hits in zip((7, 9), apart[p["codec"]][1:], strict=True):
            rank = np.where(np.arange(40) < hits, 0, 4).astype(np.int32)
            found = {"rank_none": rank, "rank_beta4x256": rank[::-1].copy()}
            attrs = {"error_none": 8.0, "error_beta4x256": 1.0}
            store.save(place / f"build{seed}.h5", found, attrs)
    one, two = codecs.rows(chosen, tmp_path / "r", 1, (7, 9), resamples=4000)
    assert (one["builds"], one["mse"], one["nq"]) == (3, 7, 40)
    assert (one["R@1"], one["R@1_least"], one["R@1_most"]) == (0.25, 0.1, 0.4)
    assert (two["R@1"], two["R@1_least"], two["R@1_most"]) == (0.75, 0.6, 0.9)
    assert two["R@1_change"] == 0.5
    # Each side is the mean of three builds: sd of a sample .15 over sqrt(3).
    alone = list(codecs.rows(chosen, tmp_path / "r", 1, resamples=4000))[1]
    width, before = (x["R@1_change_hi"] - x["R@1_change_lo"] for x in (two, alone))
    of_builds = 2 * 1.96 * 0.15 * np.sqrt(1 / 3) * np.sqrt(2)
    assert alone["builds"] == 1 and alone["R@1_least"] == alone["R@1_most"] == 0.75
    assert np.isclose(width, np.hypot(before, of_builds), rtol=0.1)


def test_the_same_seed_gives_the_same_rows(points, table):
    assert list(codecs.rows(points[1], points[0], 1, resamples=500)) == table
    assert list(codecs.rows(points[1], points[0], 2, resamples=500)) != table


def test_a_missing_artifact_is_named(points, tmp_path):
    with refuses(DataError, str(tmp_path), "exhaustive.h5"):
        list(codecs.rows(points[1][:1], tmp_path, 1))


def test_every_curve_is_drawn_with_its_name(table):
    left, right = plot.codecs(table).axes
    names = {text.get_text() for text in left.texts}
    assert names == {
        "OPQ, one level", "OPQ, one level + β4", "PQ2x8, then OPQ",
        "PQ2x8, then OPQ + β4", "PQ2x12, then OPQ", "what the second level changes: right",
    }  # fmt: skip
    drawn = {(x, round(y, 4)) for line in left.lines
             for x, y in zip(*line.get_data(), strict=True)}  # fmt: skip
    assert drawn == {(row["bytes"], round(100 * row["R@1"], 4)) for row in table}
    assert {text.get_text() for text in right.texts} == {
        "PQ2x8, then OPQ", "PQ2x8, then OPQ + β4",
    }  # fmt: skip
    assert "one level: 0" in {label.get_text() for label in right.get_yticklabels()}
    assert len(left.collections) == 2 and len({x.get_linewidth() for x in left.lines}) == 2


def test_a_change_that_may_be_none_is_hollow(table):
    right = plot.codecs(table).axes[1]
    marks = [line for line in right.lines if line.get_marker() in plot.MARKERS]
    filled = {round(line.get_ydata()[0], 1): line.get_markerfacecolor() for line in marks}
    assert filled[2.5] == "white" and filled[50] != "white"


def test_text_and_numbers_draw_the_same_bytes(table, tmp_path):
    as_text = [{name: str(value) for name, value in row.items()} for row in table]
    for kind, (i, rows) in itertools.product(("svg", "pdf"), enumerate((table, table, as_text))):
        style.save(plot.codecs(rows), tmp_path / f"{i}.{kind}")
        assert (tmp_path / f"{i}.{kind}").read_bytes() == (tmp_path / f"0.{kind}").read_bytes()


def test_the_workflow_has_codecs_in_two_levels(tmp_path_factory, tmp_path):
    folder = twin(undisturbed(tmp_path_factory)[4], tmp_path / "copy")
    experiments = {"codecs": TOY_CODECS, "table2": {"rows": [TOY_ROW]}}
    mine = overlay(tmp_path / "mine.yaml", {"experiments": experiments})
    targets = ("results/figures/codecs.svg", "results/table2.csv")
    wanted = planned(Run(folder, "-n", *TOY, mine, "--", *targets).well())
    # Two levels on both data sets, one level is there; two searches of the six are the table's.
    counts = [wanted[job] for job in ("opq", "codecs", "exhaustive", "build")]
    assert counts == [2, 1, 6, 2]
    # From the seed that the workflow has there is a build already.
    again = Run(folder, "-n", *TOY, mine, "--config", "seed=7", "--", targets[0])
    assert "build" not in planned(again.well())
    Run(folder, *TOY, mine, "--", *targets).well(300)
    with open(folder / "results/figures/codecs.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    assert [row["code_bytes"] for row in rows] == ["8"] * 4
    assert [row["bytes"] for row in rows] == ["8", "10", "8", "10"]
    assert {row["builds"] for row in rows} == {"2"}
    assert [row["one_level"] for row in rows] == ["", "", "OPQ8_32", "OPQ8_32"]
    with open(folder / "results/table2.csv", newline="") as f:
        searched = list(csv.DictReader(f))
    assert {row["codec"] for row in searched} == {"PQ2x8_OPQ6_24"}
    assert {row["bytes_per_vector"] for row in searched} == {"26"}
    assert {row["mode"] for row in searched} == {"graph", "exhaustive"}


def test_further_builds_at_a_scale_without_the_figure_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    experiments = {"codecs": {**TOY_CODECS, "seeds": {"toi": [7]}}}
    message = refusal(
        tmp_path, {"scale": "toy", "datasets": {"blobs": BLOBS}, "experiments": experiments}
    )
    assert message.startswith("experiments.codecs.seeds: toi: ") and "toy" in message


@pytest.mark.parametrize(
    "codec, words",
    [
        ("PQ2x12_OPQ8_32", ["4096 centroids", "600 training vectors"]),
        ("PQ2x8_OPQ5_25", ["even"]),
        ("PQ2x8_PQ1", ["at least 2"]),
        ("PQ2x7_OPQ8_32", ["PQ2x<8 ... 16>"]),
    ],
)
def test_a_codec_that_cannot_be_is_refused_before_any_work(codec, words, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    content = {
        "scale": "toy",
        "datasets": {"blobs": BLOBS},
        "experiments": {"codecs": {**TOY_CODECS, "codecs": [{"codec": codec}]}},
    }
    message = refusal(tmp_path, content)
    assert all(word in message for word in (codec, *words))
