"""Where artifacts of the page come from, and what they were made with."""

import base64
import hashlib
import json
import re
import subprocess
from pathlib import Path

import h5py
import pytest
from conftest import refuses

from linkprune.errors import DataError
from linkprune.report import environment, provenance

ROOT = Path(__file__).parents[1]


# Provenance


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A folder with a chain of three artifacts, their records and benchmarks."""
    monkeypatch.chdir(tmp_path)
    chain = {
        "results/a.h5": ("first", ["lib/x.py"]),
        "results/b/" + "long" * 90 + "/b.h5": ("second", ["results/a.h5", "lib/x.py"]),
    }
    middle = list(chain)[1]
    chain["results/c.csv"] = ("third", ["results/a.h5", middle, middle])
    for path, (rule, inputs) in chain.items():
        log = f"logs/{rule}.log"
        record = json.dumps({"rule": rule, "input": inputs, "log": [log]})
        encoded = base64.urlsafe_b64encode(path.encode()).decode()
        parts = [encoded[i : i + 200] for i in range(0, len(encoded), 200)]
        place = Path(".snakemake/metadata", *("@" + p for p in parts[:-1]), parts[-1])
        if len(path) > 200:  # so long a path is too long for a file of its own
            path = f"results/b/{'long' * 60}/b.h5"
        for file, text in ((place, record), (Path(path), rule)):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    Path("benchmarks").mkdir()
    Path("benchmarks/first.tsv").write_text(
        "s\th:m:s\tmax_rss\tcpu_time\n9\t0:00:09\t1\t1\n2.5\t0:00:02\t70.5\tNA\n"
    )
    return chain


def test_records_are_found_by_path_however_long_it_is(run):
    found = provenance.records(".snakemake/metadata")
    assert set(found) == set(run)
    assert {path: (r["rule"], r["input"]) for path, r in found.items()} == run


def test_a_record_that_cannot_be_read_is_left_out(run):
    Path(".snakemake/metadata/a").write_text("{}")
    Path(".snakemake/metadata", base64.urlsafe_b64encode(b"results/x").decode()).write_text("{")
    assert set(provenance.records(".snakemake/metadata")) == set(run)
    assert provenance.records("nowhere") == {}


def test_everything_upstream_is_listed_once_inputs_first(run):
    known = provenance.records(".snakemake/metadata")
    assert provenance.upstream(["results/c.csv", "results/a.h5"], known) == list(run)
    assert provenance.upstream(["results/a.h5"], known) == ["results/a.h5"]
    assert provenance.upstream(["results/unknown"], known) == ["results/unknown"]


def test_an_artifact_has_rule_inputs_hash_size_and_cost(run):
    known = provenance.records(".snakemake/metadata")
    Path("results/a.h5").unlink()
    with h5py.File("results/a.h5", "w") as f:
        f.attrs.update({"seed": 7, "codec": "PQ8"})
    content = Path("results/a.h5").read_bytes()
    (found,) = provenance.artifacts(["results/a.h5"], known)
    assert found == {
        "path": "results/a.h5",
        "rule": "first",
        "inputs": ["lib/x.py"],
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "attributes": {"codec": "PQ8", "seed": "7"},
        "cost": {"seconds": 2.5, "cpu_seconds": None, "peak_mb": 70.5},
    }
    Path("results/a.h5").unlink()
    with refuses(DataError, "results/a.h5", "again"):
        list(provenance.artifacts(["results/a.h5"], known))


# Environment


def git(folder, *args):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *args]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_commit_is_named_and_so_is_what_differs_from_it(tmp_path):
    assert environment.git(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert environment.git(tmp_path) is None
    (tmp_path / ".gitignore").write_text("ignored\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    found = environment.git(tmp_path)
    assert found["commit"] == git(tmp_path, "rev-parse", "HEAD").strip()
    assert found["changed"] == 0 and re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"])
    for name in ("ignored", "new", ".gitignore"):
        (tmp_path / name).write_text("x\nignored\n")
    assert environment.git(tmp_path)["changed"] == 1


def test_versions_are_those_of_what_is_pinned(tmp_path):
    pins = tmp_path / "r.txt"
    pins.write_text("# pins==1\nnumpy==0.1\nno-such-package==3\n")
    found = environment.versions(pins)
    assert list(found) == ["Python", "numpy", "no-such-package"]
    assert found["numpy"] != "0.1" and found["no-such-package"] == "not installed"
