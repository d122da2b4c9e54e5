"""The comparison with the references, on a few vectors."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import clustered

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    for seed, (name, n) in enumerate({"learn": 600, "base": 700, "query": 40}.items()):
        x = np.clip(128 + 40 * clustered(n, 16, seed), 0, 255)
        np.save(folder / f"{name}.npy", x.astype(np.uint8))
    return [f"--{name}={folder / name}.npy" for name in ("learn", "base", "query")]


def compare(*words):
    command = [sys.executable, ROOT / "bench/compare.py", *words]
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)


def runs_of(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def makes(done):
    """What a comparison had to make before it could measure."""
    return [line.split(" ", 1)[1] for line in done.stderr.splitlines() if " makes " in line]


def test_a_stage_brings_the_stages_before_it_and_is_kept(files, tmp_path, original_python):
    out, kept = tmp_path / "runs.csv", tmp_path / "kept"
    words = [*files, "--name", "few", "--codec", "OPQ4_16", "--beta", "beta2x256", "--out", out,
             "--work", kept, "--sides", "ours,original"]  # fmt: skip
    words += ["--original-python", original_python]
    done = compare(*words, "--stages", "encode", "--threads", "1", "--repetitions", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("original makes") == 3  # train, graph, beta
    assert "ours makes" not in done.stderr
    runs = runs_of(out)
    assert [r["side"] for r in runs] == ["original", "ours", "ours", "original"]
    theirs, ours = runs[0], runs[1]
    assert ours["bits"] == runs[2]["bits"]
    assert float(ours["quality"].split("; ")[0][6:]) == pytest.approx(
        float(theirs["quality"].split("; ")[0][6:]), rel=1e-5
    )
    assert "### few" in done.stdout and "| encoding | Faiss 1.7.4 |" in done.stdout
    done = compare(*words, "--stages", "search_64", "--threads", "1,2", "--repetitions", "1",
                   "--sides", "ours")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert makes(done) == ["original makes search_64"]  # the rest is there
    runs = runs_of(out)
    assert len(runs) == 6
    assert "same=" in runs[4]["quality"]
    assert runs[4]["bits"] == runs[5]["bits"]
    assert [r["threads"] for r in runs[4:]] == ["1", "2"]
    graph = kept / "original/graph/made.txt"
    graph.write_text(graph.read_text().split()[0] + " other")  # as if made anew, and different
    done = compare(*words, "--stages", "encode", "--threads", "1", "--repetitions", "1",
                   "--sides", "ours")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert makes(done) == ["original makes beta", "original makes encode"]


def test_stages_on_floats_run_without_the_original(files, tmp_path):
    out = tmp_path / "runs.csv"
    done = compare(*files, "--codec", "OPQ4_16", "--out", out, "--stages", "float_search_16",
                   "--sides", "ours,faiss", "--threads", "1", "--repetitions", "1",
                   "--original-python", sys.executable)  # fmt: skip
    assert done.returncode == 0, done.stderr
    recalls = [float(r["quality"].removeprefix("recall@10=")) for r in runs_of(out)]
    assert len(recalls) == 2 and min(recalls) > 0.8


def test_later_stages_read_what_was_made_on_one_thread(files, tmp_path):
    out, kept = tmp_path / "runs.csv", tmp_path / "kept"
    words = [*files, "--codec", "OPQ4_16", "--out", out, "--work", kept, "--sides", "faiss",
             "--repetitions", "2", "--original-python", sys.executable]  # fmt: skip
    done = compare(*words, "--stages", "float_graph,float_search_16", "--threads", "2")
    assert done.returncode == 0, done.stderr
    assert makes(done) == ["faiss makes float_graph"]
    done = compare(*words, "--stages", "float_graph", "--threads", "2,1")
    assert done.returncode == 0, done.stderr
    one = {r["bits"] for r in runs_of(out) if r["threads"] == "1"}
    assert one == {(kept / "faiss/float_graph/made.txt").read_text().split()[1]}


def test_a_side_is_measured_three_times_however_long_it_takes(files, tmp_path):
    out = tmp_path / "runs.csv"
    done = compare(*files, "--codec", "OPQ4_16", "--out", out, "--stages", "float_graph", "--sides",
                   "ours,faiss", "--threads", "1", "--repetitions", "5", "--minutes", "1e-9",
                   "--original-python", sys.executable)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(r["side"] for r in runs_of(out)) == ["faiss"] * 3 + ["ours"] * 3


@pytest.mark.parametrize(
    "words, wanted",
    [
        (["--base", "b.npy"], "--learn"),
        (["--stages", "train,sing"], "train,sing"),
        (["--codec", "PQ4"], "OPQ<nsq>_<d_out>"),
        (["--beta", "beta0"], "OPQ<nsq>_<d_out>"),
        (["--threads", "0"], "at least 1"),
        (["--minutes", "-1"], "at least 0"),
        (["--minutes", "nan"], "at least 0"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_line(words, wanted):
    done = compare(*words, "--original-python", sys.executable)
    assert done.returncode != 0
    assert wanted in done.stderr.splitlines()[-1]


def test_a_stage_that_fails_says_why(files, tmp_path):
    done = compare(*files, "--codec", "OPQ4_18", "--out", tmp_path / "runs.csv", "--stages",
                   "train", "--sides", "ours", "--original-python", sys.executable)  # fmt: skip
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith("compare.py: ")


def test_every_builder_builds_the_graph_of_every_degree(files, tmp_path, original_python):
    out = tmp_path / "builders.csv"
    words = [*files, "--codec=OPQ4_16", "--L=4,9", "--efSearch=16"]
    words += ["--original-python", original_python, "--out", out]
    command = [sys.executable, ROOT / "bench/builders.py", *words]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = runs_of(out)
    builders = ["batched", "batched", "sequential", "faiss", "original"]
    assert [(row["L"], row["builder"]) for row in rows] == [(L, b) for L in "49" for b in builders]
    assert all(float(row["links"]) <= int(row["L"]) and float(row["R@10"]) > 0.5 for row in rows)
