"""The main job on the embedded data gives the figures that the README promises."""

import csv

from test_workflow import ROOT, Run, copied, table

POINT = ("dataset", "graph", "policy", "codec", "beta", "mode", "efSearch", "k_reorder")


def test_demo_matches_the_expected_figures(tmp_path):
    folder = copied(tmp_path / "demo")
    Run(folder, "results/table2.csv", cores=2).well(400)
    got = {tuple(row[c] for c in POINT): row for row in table(folder)}
    with open(ROOT / "expected/demo.csv", newline="") as f:
        expected = list(csv.DictReader(f))
    assert len(expected) == 18 and len(got) == 66
    for row in expected:
        ours = got[tuple(row[c] for c in POINT)]
        assert {column: ours[column] for column in row} == row  # the same bits on every machine
