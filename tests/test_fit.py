"""What cannot work is said before any work: parts that do not fit, values that break arithmetic."""

import copy

import numpy as np
import pytest
import yaml
from conftest import refuses
from test_workflow import ROOT

from linkprune import config, datasets, formats
from linkprune.errors import ConfigError, DataError
from linkprune.preparation import prepared


@pytest.fixture
def entry(tmp_path):
    rng = np.random.default_rng(0)
    for name, n in (("base", 300), ("query", 20)):
        formats.write(tmp_path / f"{name}.fbin", rng.random((n, 8), np.float32))
    formats.write(tmp_path / "gt.ibin", np.zeros((20, 5), np.int32))
    paths = {name: str(tmp_path / f"{name}.fbin") for name in ("base", "query")}
    return {**paths, "groundtruth": str(tmp_path / "gt.ibin"), "metric": "l2"}


def test_parts_that_fit_pass(entry):
    assert datasets.sizes("mine", entry)["base"] == (300, 8)


def test_another_dimension_is_named_from_the_headers(entry, tmp_path):
    formats.write(tmp_path / "query.fbin", np.ones((20, 7), np.float32))
    with refuses(DataError, "datasets.mine", "'query': 7"):
        datasets.sizes("mine", entry)


def test_a_truth_of_another_length_is_named_from_the_headers(entry, tmp_path):
    formats.write(tmp_path / "gt.ibin", np.zeros((19, 5), np.int32))
    with refuses(DataError, "datasets.mine.groundtruth", "19 rows for 20 queries"):
        datasets.sizes("mine", entry)


def test_a_truth_of_floats_is_no_truth(entry, tmp_path):
    formats.write(tmp_path / "gt.fbin", np.zeros((20, 5), np.float32))
    with refuses(DataError, "datasets.mine.groundtruth", "float32"):
        datasets.sizes("mine", {**entry, "groundtruth": str(tmp_path / "gt.fbin")})


@pytest.mark.parametrize(
    "place", [("seed",), ("timing", "queries"), ("experiments", "table2", "k")]
)
def test_a_float_is_no_integer_even_where_it_is_whole(place, monkeypatch):
    monkeypatch.chdir(ROOT)
    changed = copy.deepcopy(yaml.safe_load((ROOT / "config.yaml").read_text()))
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = 100.0
    with refuses(ConfigError, ".".join(place), "100.0"):
        config.check(changed, ["config.yaml"])


@pytest.mark.parametrize("factor", [1e19, 1e-30])
def test_values_that_float32_cannot_square_are_refused(factor):
    x = np.ones((5, 4), np.float32)
    with refuses(DataError, "vectors", "float32"):
        prepared(x * np.float32(factor), "l2")


def test_zeros_are_vectors():
    assert prepared(np.zeros((3, 2), np.float32), "l2").shape == (3, 2)
