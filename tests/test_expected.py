"""The main job on the embedded data gives the figures that the README promises."""

import csv

from test_workflow import ROOT, Run, copied, table

POINT = ("dataset", "graph", "policy", "codec", "beta", "mode", "efSearch", "k_reorder")
# Another LAPACK rounds differently, and 300 digits count for a third of a point each.
TOLERANCE = {"digits": 0.02, "patches": 0.01}


def test_demo_matches_the_expected_figures(tmp_path):
    folder = copied(tmp_path / "demo")
    Run(folder, "results/table2.csv", cores=2).well(400)
    got = {tuple(row[c] for c in POINT): row for row in table(folder)}
    with open(ROOT / "expected/demo.csv", newline="") as f:
        expected = list(csv.DictReader(f))
    assert len(expected) == 18 and len(got) == 66
    for row in expected:
        ours = got[tuple(row[c] for c in POINT)]
        for recall in ("R@1", "R@10", "R@100"):
            away = abs(float(ours[recall]) - float(row[recall]))
            assert away <= TOLERANCE[row["dataset"]] + 1e-9, (recall, row, ours)
        assert abs(float(ours["mse"]) / float(row["mse"]) - 1) < 0.01
