"""Ours on an index that Faiss 1.7.4 trained and exported; LINKPRUNE_ORIGINAL_PYTHON names it."""

import dataclasses
import importlib.util
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import refuses

from linkprune import groundtruth, sources
from linkprune.codec import Codec
from linkprune.errors import ShapeError

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT / "bench"
POINTS = [(1, 0), (16, 5), (64, 0), (64, 5), (256, 5)]
STAGES = ("graph", "beta", "encode")


def load_parity():
    spec = importlib.util.spec_from_file_location("bench_parity", BENCH / "parity.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


parity = load_parity()


@pytest.fixture(scope="module")
def original(original_python):
    """A function that runs a stage of the original in a folder and returns what it made."""

    def run(work, stage, name="out", **point):
        options = {"work": work, "out": work / "original" / stage, "of": work / "original"}
        options = {name: str(path) for name, path in options.items()}
        options |= {"threads": 1, "codec": "OPQ8_32", "M0": 6, "beta": "beta4x256", "k": 100}
        command = [original_python, BENCH / "original.py", stage, json.dumps(options | point)]
        alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(
            [*map(str, command)], capture_output=True, text=True, check=False, env=alone
        )
        assert done.returncode == 0, done.stderr
        record = json.loads(done.stdout.splitlines()[-1])
        assert record["cpu_s"] > 0
        assert record["peak_mb"] > record["start_mb"] > 1
        return dict(np.load(work / "original" / stage / f"{name}.npz"))

    return run


def vectors(kind):
    sizes = {"base": 2000, "learn": 2000, "query": 300}
    if kind == "patches":
        x = sources.patches()
        return {name: x[name][:n].astype(np.float32) for name, n in sizes.items()}
    return {name: sources.synthetic_rows(name, 0, n, d=64) for name, n in sizes.items()}


def with_codes_of_their_own(folder, base):
    """The rows of base whose codes, by the codec that the original trained, no earlier row has."""
    codec = Codec(**np.load(folder / "original/train/out.npz"))
    return base[np.sort(np.unique(codec.encode(base)[0], axis=0, return_index=True)[1])]


# Some patches share their code. Which of two vertices at the same distance the beam keeps is not
# the same on both sides, and where it goes on from there differs: only one of them is in the base.
@pytest.fixture(scope="module", params=["patches", "mixture"])
def both(request, original, tmp_path_factory):
    """The exported index, its vectors, what the original says and finds."""
    folder, x = tmp_path_factory.mktemp("original"), vectors(request.param)

    def write(**named):
        for name, values in named.items():
            np.save(folder / f"{name}_float32.npy", values)

    write(**x)
    original(folder, "train")
    x["base"] = with_codes_of_their_own(folder, x["base"])
    x["gt"], _ = groundtruth.exact(x["query"], x["base"], 1)
    write(base=x["base"], gt=x["gt"])
    for stage in STAGES:
        original(folder, stage)
    errors = original(folder, "exhaustive", "shown")["errors"]
    report = dict(zip(("error_pq", "error_beta"), errors, strict=True))
    report["points"] = {
        point: original(folder, "search", efSearch=point[0], k_reorder=point[1]) for point in POINTS
    }
    return parity.exported(folder / "original"), x, report


@pytest.mark.parametrize("point", POINTS)
def test_search_finds_the_same_at_the_same_cost(both, point):
    index, x, report = both
    theirs = report["points"][point]
    found = index.search(x["query"], 100, *point)
    agreement = parity.agreement(found.I, found.D, theirs["I"], theirs["D"])
    assert agreement["unexplained"] == 0
    assert found.ndis.mean() == pytest.approx(theirs["ndis"], rel=1e-12)


def test_reconstruction_and_encoding_are_the_same(both):
    index, x, report = both
    found = parity.parity(index, x["base"])
    for name in ("error_pq", "error_beta"):
        assert found[name] == pytest.approx(report[name], rel=parity.TOLERANCE)
    assert found["same_codes"] > 0.99
    assert found["higher"] == 0


def test_a_graph_of_a_folder_is_checked_once_and_not_by_every_search(world):
    arrays = {name: np.array(x) for name, x in dataclasses.asdict(world["graph"]).items()}
    assert parity.graph(arrays).is_sealed()
    arrays["neighbors"][0, 0] = len(arrays["neighbors"])
    with refuses(ShapeError, "neighbors"):
        parity.graph(arrays)


def test_agreement_tells_ties_from_differences(both):
    index, x, *_ = both
    found = index.search(x["query"], 100, 64, 0)
    same = parity.agreement(found.I, found.D, found.I, found.D)
    assert same == {"same": 1, "unexplained": 0}
    ids, distances = found.I.copy(), found.D.copy()
    ids[0, 3] += 1  # as if tied
    ids[1, 3], distances[1, 3] = ids[1, 3] + 1, distances[1, 3] * 1.001
    nq = len(ids)
    changed = parity.agreement(found.I, found.D, ids, distances)
    assert changed == pytest.approx({"same": 1 - 2 / nq, "unexplained": 1 / nq})
