"""Ours on an index that Faiss 1.7.4 trained and exported; LINKPRUNE_ORIGINAL_PYTHON names it."""

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest

from linkprune import groundtruth, sources

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT / "bench"
POINTS = [(ef, r) for r in (0, 5) for ef in (1, 16, 64, 256)]


def load_ours():
    spec = importlib.util.spec_from_file_location("bench_ours", BENCH / "ours.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ours = load_ours()


@pytest.fixture(scope="module")
def original():
    python = os.environ.get("LINKPRUNE_ORIGINAL_PYTHON") or str(ROOT / ".venv174/bin/python")
    if not os.access(python, os.X_OK):
        pytest.skip(f"no {python}: bench/original_env.sh .venv174 makes it")

    def run(*words):
        command = [python, BENCH / "original.py", *words]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return run


def vectors(kind):
    sizes = {"base": 2000, "learn": 2000, "query": 300}
    if kind == "patches":
        x = sources.patches()
        return {name: x[name][:n].astype(np.float32) for name, n in sizes.items()}
    return {name: sources.synthetic_rows(name, 0, n, d=64) for name, n in sizes.items()}


# Some patches share their code. Which of two vertices at the same distance the beam keeps is not
# the same on both sides, and where it goes on from there costs a few distances more or less.
@pytest.fixture(scope="module", params=[("patches", 1e-3), ("mixture", 0)], ids=lambda p: p[0])
def both(request, original, tmp_path_factory):
    """The exported index, its vectors, what the original says and finds, tolerance of n3."""
    kind, tolerance = request.param
    folder, x = tmp_path_factory.mktemp("original"), vectors(kind)
    x["gt"], _ = groundtruth.exact(x["query"], x["base"], 1)
    for name, values in x.items():
        np.save(folder / f"{name}.npy", values)
    files = {name: folder / f"{name}.npy" for name in x}
    base = "--base", files["base"]
    original("build", *base, "--learn", files["learn"], "--codec", "OPQ8_32", "--out", folder)
    points = "--efSearch", "1,16,64,256", "--k-reorder", "0,5", "--repetitions", 1
    queries = "--query", files["query"], "--gt", files["gt"], "--k", 100
    out = folder / "found.h5"
    original("search", "--dir", folder, *base, *queries, *points, "--out", out)
    with h5py.File(out) as f:
        found = zip(f["ids"][()], f["distances"][()], f["n3"][()], strict=True)
    report = json.loads(out.with_suffix(".json").read_text())
    report["points"] = dict(zip(POINTS, found, strict=True))
    return ours.exported(folder / "index.h5"), x, report, tolerance


@pytest.mark.parametrize("point", POINTS)
def test_search_finds_the_same_at_the_same_cost(both, point):
    index, x, report, tolerance = both
    ids, distances, n3 = report["points"][point]
    found = index.search(x["query"], 100, *point)
    assert ours.agreement(found, ids, distances)["unexplained"] == 0
    assert found.ndis.mean() == pytest.approx(n3, rel=tolerance, abs=0)


def test_reconstruction_and_encoding_are_the_same(both):
    index, x, report, _ = both
    parity = ours.parity(index, x["base"])
    for name in ("error_pq", "error_beta"):
        assert parity[name] == pytest.approx(report[name], rel=ours.TOLERANCE)
    assert parity["same_codes"] > 0.99
    assert parity["higher"] == 0


def test_agreement_tells_ties_from_differences(both):
    index, x, *_ = both
    found = index.search(x["query"], 100, 64, 0)
    same = ours.agreement(found, found.I, found.D)
    assert same == {"same": 1, "unexplained": 0}
    ids, distances = found.I.copy(), found.D.copy()
    ids[0, 3] += 1  # as if tied
    ids[1, 3], distances[1, 3] = ids[1, 3] + 1, distances[1, 3] * 1.001
    nq = len(ids)
    changed = ours.agreement(found, ids, distances)
    assert changed == pytest.approx({"same": 1 - 2 / nq, "unexplained": 1 / nq})
