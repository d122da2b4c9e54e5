"""Rows built anew from several seeds: the same build as the rules', and its spread."""

import csv
import json

import numpy as np
import pytest
from test_workflow import BETA_ROW, TOY, Run, overlay, planned, twin, undisturbed

from linkprune import rows, spreads, store

POINT = {"dataset": "d", "graph": "hnsw_L4_M8_efC20_PQ8", "policy": "unpruned", "codec": "PQ8",
         "beta": "beta2x256"}  # fmt: skip
SEEDS = {
    "datasets": {"toy": ["blobs"]}, "seeds": [2018, 7],
    "rows": [
        {"M0": 4, "codec": "OPQ8_32", "beta": "beta2x256", "M": 8, "efConstruction": 20},
        {"M0": 5, "codec": "OPQ8_32", "beta": "none", "M": 8, "efConstruction": 20,
         "graph_on": "float"},
    ],
}  # fmt: skip


def saved(folder, seed, first, ndis, error, whole):
    """A build of 4 queries at two operating points; first: ranks (4,) at both of them."""
    place = folder.joinpath(*POINT.values())
    place.mkdir(parents=True, exist_ok=True)
    found = {"efSearch": [8, 8], "k_reorder": [0, 5], "rank": [first, first[::-1]],
             "ndis": [ndis, ndis], "exhaustive": whole}  # fmt: skip
    attrs = {"M0": 4, "bytes_per_vector": 26, "k": 10, "error_of_codes": error + 1,
             "error_of_reconstructions": error}  # fmt: skip
    arrays = {name: np.asarray(x, np.int32) for name, x in found.items()}
    store.save(place / f"seed{seed}.h5", arrays, attrs)


@pytest.fixture
def table(tmp_path):
    saved(tmp_path, 1, [0, 0, 3, -1], [10, 20, 30, 40], 2.0, [0, 0, 0, 0])
    saved(tmp_path, 2, [0, 9, 3, -1], [12, 20, 30, 40], 4.0, [0, 0, 0, -1])
    return list(spreads.rows([POINT], [1, 2], tmp_path))


def test_mean_and_spread_are_over_the_builds(table):
    graph, reordered, whole = table
    assert [r["mode"] for r in table] == ["graph", "graph", "exhaustive"]
    assert {(r["seeds"], r["nq"], r["M0"], r["bytes_per_vector"]) for r in table} == {(2, 4, 4, 26)}
    share = [graph[f"R@1{part}"] for part in ("", "_sd", "_least", "_most")]
    assert share == pytest.approx([0.375, 0.25 / 2**0.5, 0.25, 0.5])
    assert graph["R@1_lo"] < 0.25 and graph["R@1_hi"] > 0.6  # what four queries leave open
    assert graph["R@10"] == 0.75 and graph["R@10_sd"] == 0
    assert (graph["ndis"], graph["ndis_sd"]) == pytest.approx((25.25, 0.5 / 2**0.5))
    assert (graph["mse"], reordered["mse"], whole["mse"]) == (4, 3, 3)  # of what they rank by
    assert (whole["R@1"], whole["R@1_least"], whole["R@1_most"]) == (0.875, 0.75, 1)
    assert "ndis" not in whole and "R@100" not in graph  # k is 10


def test_markdown_and_csv_hold_the_same(table, tmp_path):
    spreads.write_markdown(tmp_path / "t.md", table)
    lines = (tmp_path / "t.md").read_text().splitlines()
    (of,) = (line for line in lines if "| 8 | 0 |" in line)
    assert "| L4 PQ8 beta2x256 | 8 | 0 | 37.50 ± 17.68 [25.00, 50.00] |" in of
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    rows.write(tmp_path / "t.csv", table, spreads.COLUMNS)
    again = rows.read(tmp_path / "t.csv")
    assert spreads.spread(again[0], "R@1") == "37.50 ± 17.68 [25.00, 50.00]"
    of_error = {"mse": 3978.1234, "mse_sd": 1.6075, "mse_least": 3975.84, "mse_most": 3980.1}
    assert spreads.spread(of_error, "mse") == "3978.1 ± 1.6 [3975.8, 3980.1]"
    assert spreads.spread(again[2], "ndis") == "" == spreads.spread(again[0], "R@100")


def test_the_seed_of_the_config_gives_the_row_of_the_table_and_another_gives_another(
    tmp_path_factory, tmp_path
):
    folder = twin(undisturbed(tmp_path_factory)[4], tmp_path / "copy")
    mine = overlay(tmp_path / "mine.yaml", {"experiments": {"seeds": SEEDS}})
    asked = ("results/seeds.csv", "results/manifest.sha256")
    wanted = planned(Run(folder, "-n", *TOY, mine, "--", *asked).well())
    assert wanted == {"seed": 4, "seeds": 1, "manifest": 1}
    Run(folder, *TOY, mine, "--", *asked).well()
    places = [folder / f"results/blobs/{BETA_ROW}/OPQ8_32/beta2x256",
              folder / "results/blobs/hnsw_L5_M8_efC20_float/unpruned/OPQ8_32/none"]  # fmt: skip
    names = ("efSearch", "k_reorder", "rank", "ndis", "nhops", "nreorder")
    shapes = dict(zip(names, ("points", "points", *["points nq"] * 4), strict=True))
    for place in places:
        ours, theirs = (store.load(place / f"{n}.h5", **shapes) for n in ("seed2018", "search"))
        for a, b in zip(ours, theirs, strict=True):
            assert np.array_equal(a, b)
        other, seed7 = (store.load(place / f"seed{n}.h5", exhaustive="nq")[0] for n in (2018, 7))
        (whole,) = store.load(place / "exhaustive.h5", rank="nq")
        assert np.array_equal(other, whole) and not np.array_equal(seed7, whole)
    manifest = (folder / "results/manifest.sha256").read_text()
    assert manifest.count("/seed2018.h5") == manifest.count("/seed7.h5") == 2
    with open(folder / "results/seeds.csv", newline="") as f:
        table = list(csv.DictReader(f))
    assert len(table) == 5 + 3 and {row["seeds"] for row in table} == {"2"}
    assert json.dumps(table).count('"exhaustive"') == 2
    assert "Nothing to be done" in Run(folder, "-n", *TOY, mine, "--", *asked).well()
