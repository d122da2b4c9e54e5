"""The rules of estimators, structure and cost, on the data of the toy config."""

import csv

import pytest
from test_workflow import BETA_ROW, TOY, Run, overlay, planned, twin, undisturbed

ESTIMATORS = {
    "datasets": {"toy": ["blobs"]}, "codec": "OPQ8_32", "M0": 4, "betas": ["beta0", "beta2x256"],
}  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return undisturbed(tmp_path_factory)[4]


def read(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def test_structure_and_cost_know_every_graph_and_stage_of_the_run(ran):
    figures = ran / "results/figures"
    graphs = ("hnsw_L4_M8_efC20_OPQ8_32", "hnsw_L5_M8_efC20_float")
    summary = read(figures / "structure_summary.csv")
    assert [(row["dataset"], row["graph"]) for row in summary] == [
        (dataset, graph) for dataset in ("blobs", "angles") for graph in graphs
    ]
    assert [row["vertices"] for row in summary] == ["2000"] * 2 + ["1200"] * 2
    assert all(0.9 < float(row["reached"]) <= 1 for row in summary)
    cost = {(row["dataset"], row["stage"]): row for row in read(figures / "cost.csv")}
    for dataset in ("blobs", "angles"):
        jobs = {stage: int(row["jobs"]) for (d, stage), row in cost.items() if d == dataset}
        assert jobs == {
            "vectors": 1, "ground truth": 1, "training of the codec": 1, "encoding": 1, "graph": 2,
            "training of the weights": 1, "encoding of the weights": 1, "search": 2,
            "exhaustive search": 2, "timing": 2, "other": 1,
        }  # fmt: skip
    size = (ran / f"results/blobs/{BETA_ROW}/OPQ8_32/beta2x256/codebook.h5").stat().st_size
    assert int(cost["blobs", "training of the weights"]["bytes"]) == size
    spent = [
        (row["links"], row["code"], row["regression"]) for row in read(figures / "cost_bytes.csv")
    ]
    assert spent == [("16", "8", "2"), ("20", "8", "0")]
    for name in ("structure", "cost"):
        for kind in ("svg", "pdf"):
            assert (figures / f"{name}.{kind}").stat().st_size > 1000


def test_figures_of_what_was_found_do_not_depend_on_the_number_of_cores(ran, tmp_path_factory):
    one = undisturbed(tmp_path_factory)[1]
    for name in ("structure.csv", "structure_summary.csv", "structure.svg", "structure.pdf"):
        path = f"results/figures/{name}"
        assert (ran / path).read_bytes() == (one / path).read_bytes()


def test_estimators_are_an_experiment_of_their_own(ran, tmp_path):
    folder = twin(ran, tmp_path / "copy")
    mine = overlay(tmp_path / "mine.yaml", {"experiments": {"estimators": ESTIMATORS}})
    target = "results/figures/estimators.svg"
    wanted = planned(Run(folder, "-n", *TOY, mine, "--", target).well())
    # The graph is another one than in the table of the toy config, which has an M of its own.
    steps = {"hnsw": 1, "beta": 2, "encode_beta": 2, "estimators": 1, "estimators_plot": 1}
    assert wanted == steps
    Run(folder, *TOY, mine, "--", target).well()
    table = read(folder / "results/figures/estimators.csv")
    assert [row["estimator"] for row in table] == ["own", "neighbour", "beta0", "beta2x256"]
    own, neighbour, average, regression = (float(row["mse"]) for row in table)
    assert regression < average <= own < neighbour
    assert {row["nb"] for row in table} == {"2000"} and {row["nq"] for row in table} == {"50"}
    assert "Nothing to be done" in Run(folder, "-n", *TOY, mine, "--", target).well()
