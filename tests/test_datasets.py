"""Every kind of data set entry, from the entry to the artifact that the rules read."""

import hashlib

import h5py
import numpy as np
import pytest

from linkprune import datasets, formats, store, vectors
from linkprune.errors import DataError

SIZES = {"base": (300, 8), "query": (7, 8), "learn": (260, 8)}
URL = "http://127.0.0.1:9/x"
KINDS = {"fvecs": "f4", "bvecs": "u1", "fbin": "f4", "u8bin": "u1", "i8bin": "i1", "npy": "f4",
         "npz": "f4", "hdf5": "u1"}  # fmt: skip


def arrays(dtype="f4", **sizes):
    rng = np.random.default_rng(0)
    lo = 0 if dtype == "u1" else -100
    sizes = {**SIZES, **sizes}
    return {name: rng.integers(lo, 100, shape).astype(dtype) for name, shape in sizes.items()}


def files(folder, kind, parts):
    """Write parts as files of a kind; an entry without a metric."""
    if kind == "npz":
        np.savez(folder / "all.npz", **parts)
        return {name: f"{folder}/all.npz:{name}" for name in parts}
    if kind == "hdf5":
        with h5py.File(folder / "all.hdf5", "w") as f:
            for name, x in parts.items():
                f[name] = x
        return {name: f"{folder}/all.hdf5:{name}" for name in parts}
    for name, x in parts.items():
        formats.write(folder / f"{name}.{kind}", x)
    return {name: f"{folder}/{name}.{kind}" for name in parts}


def through(folder, entry, seed=1):
    """What the rules see of an entry: loaded, saved, loaded; and the artifact."""
    out = folder / "vectors.h5"
    data = datasets.load("mine", entry, seed)
    vectors.save(out, data.parts, data.metric, {"dataset": "mine"}, data.mapped)
    return vectors.load(out), out


def same(got, want):
    for name, x in want.items():
        y = getattr(got, name)
        assert y.dtype == x.dtype and y.shape == x.shape and np.array_equal(y, x), name


def refusal(entry, kind=DataError):
    with pytest.raises(kind) as e:
        datasets.load("mine", entry, 1)
    message = str(e.value)
    assert "\n" not in message
    return message


# Files


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("large", [False, True])
def test_files_of_every_kind_come_through_as_they_are(tmp_path, monkeypatch, kind, large):
    monkeypatch.setattr(datasets, "MAPPED_BYTES", 1 if large else 1 << 26)
    parts = arrays(KINDS[kind])
    got, out = through(tmp_path, {**files(tmp_path, kind, parts), "metric": "l2"})
    same(got, parts)
    assert got.metric == "l2"
    with h5py.File(out) as f:
        mapped = [name for name in parts if f[name].external]
        for name, x in parts.items():
            assert f.attrs[f"{name}_sha256"] == hashlib.sha256(x.tobytes()).hexdigest()
    can_be_mapped = large and kind in ("fbin", "u8bin", "i8bin", "npy", "hdf5")
    assert mapped == (list(parts) if can_be_mapped else [])


def test_small_files_are_copied_so_that_the_artifact_stands_alone(tmp_path):
    parts = arrays()
    entry = {**files(tmp_path, "fbin", parts), "metric": "ip"}
    got, out = through(tmp_path, entry)
    for path in tmp_path.glob("*.fbin"):
        path.unlink()
    got = vectors.load(out)
    same(got, parts)
    assert got.metric == "ip"


def test_rows_crop_every_part(tmp_path):
    parts = arrays()
    entry = files(tmp_path, "fvecs", parts)
    rows = {"base": 100, "query": 3, "learn": 256}
    crop = {name: {"path": path, "rows": rows[name]} for name, path in entry.items()}
    got, _ = through(tmp_path, {**crop, "metric": "l2"})
    same(got, {name: x[: rows[name]] for name, x in parts.items()})
    crop["base"]["rows"] = 301
    message = refusal({**crop, "metric": "l2"})
    assert "base.fvecs" in message and "has 300 rows, expected at least 301" in message


def test_other_types_become_float32(tmp_path):
    parts = arrays("f8")
    parts = {name: x + 0.1 for name, x in parts.items()}
    got, _ = through(tmp_path, {**files(tmp_path, "npy", parts), "metric": "l2"})
    same(got, {name: x.astype(np.float32) for name, x in parts.items()})
    parts = arrays("i4")
    got, _ = through(tmp_path, {**files(tmp_path, "ibin", parts), "metric": "l2"})
    same(got, {name: x.astype(np.float32) for name, x in parts.items()})


def test_without_learn_vectors_the_base_is_learned_from(tmp_path):
    parts = arrays()
    entry = files(tmp_path, "npy", {name: parts[name] for name in ("base", "query")})
    got, _ = through(tmp_path, {**entry, "metric": "l2"})
    same(got, {**parts, "learn": parts["base"]})
    assert datasets.sizes("mine", entry)["learn"] == SIZES["base"]


def test_cosine_vectors_are_normalised_once(tmp_path):
    parts = arrays("u1")
    parts["base"][0] = 1
    got, out = through(tmp_path, {**files(tmp_path, "u8bin", parts), "metric": "cosine"})
    doubles = {name: x.astype(np.float64) for name, x in parts.items()}
    want = {name: x / np.sqrt((x**2).sum(1, keepdims=True)) for name, x in doubles.items()}
    same(got, {name: x.astype(np.float32) for name, x in want.items()})
    assert got.metric == "ip" and store.attrs(out)["normalised"]


def test_cosine_refuses_a_vector_without_direction(tmp_path):
    parts = arrays()
    parts["query"][4] = 0
    message = refusal({**files(tmp_path, "fbin", parts), "metric": "cosine"})
    assert "mine.query" in message and "row 4" in message and "length 0" in message


@pytest.mark.parametrize("metric", ["l2", "ip", "cosine"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("part", SIZES)
def test_values_that_are_not_finite_are_refused_by_place(tmp_path, metric, value, part):
    parts = arrays()
    entry = {**files(tmp_path, "fbin", parts), "metric": metric}
    stored = np.memmap(entry[part], "<f4", "r+", 8, parts[part].shape)
    stored[5, 3] = value  # the writer would refuse it
    stored.flush()
    message = refusal(entry)
    assert f"datasets.mine.{part}" in message and "row 5" in message


@pytest.mark.parametrize("part", SIZES)
def test_parts_of_different_dimension_are_refused(tmp_path, part):
    parts = arrays(**{part: (260, 9)})
    message = refusal({**files(tmp_path, "fbin", parts), "metric": "l2"})
    assert "mine" in message and f"'{part}': 9" in message


def test_a_missing_or_truncated_file_is_refused(tmp_path):
    entry = {**files(tmp_path, "fbin", arrays()), "metric": "l2"}
    path = tmp_path / "query.fbin"
    path.write_bytes(path.read_bytes()[:-1])
    assert "query.fbin" in refusal(entry)
    path.unlink()
    assert "query.fbin: no such file" in refusal(entry)
    with pytest.raises(DataError, match=r"datasets\.mine\.query: no such file: .*query\.fbin"):
        datasets.sizes("mine", entry)


# Mapped files


def test_large_files_are_mapped_and_not_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "MAPPED_BYTES", 5000)
    parts = arrays(base=(2000, 8))
    entry = files(tmp_path, "fbin", parts)
    entry["base"] = {"path": entry["base"], "rows": 1500}
    got, out = through(tmp_path, {**entry, "metric": "l2"})
    same(got, {**parts, "base": parts["base"][:1500]})
    assert str(got.base.filename) == entry["base"]["path"]
    assert str(got.query.filename) == str(out)
    assert out.stat().st_size < parts["base"][:1500].nbytes
    with h5py.File(out) as f:  # anyone else reads it as well
        assert np.array_equal(f["base"][:], parts["base"][:1500])


@pytest.mark.parametrize("harm", ["removed", "truncated"])
def test_a_mapped_file_that_is_gone_is_refused(tmp_path, monkeypatch, harm):
    monkeypatch.setattr(datasets, "MAPPED_BYTES", 1)
    _, out = through(tmp_path, {**files(tmp_path, "fbin", arrays()), "metric": "l2"})
    path = tmp_path / "base.fbin"
    if harm == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError) as e:
        vectors.load(out)
    message = str(e.value)
    assert "\n" not in message
    assert str(out) in message and "base" in message and str(path) in message


def test_a_large_base_without_learn_vectors_is_not_copied_either(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "MAPPED_BYTES", 1)
    parts = arrays()
    entry = files(tmp_path, "fbin", {name: parts[name] for name in ("base", "query")})
    got, out = through(tmp_path, {**entry, "metric": "l2"})
    same(got, {**parts, "learn": parts["base"]})
    with h5py.File(out) as f:
        assert [name for name in SIZES if not f[name].external] == []


def test_cosine_and_foreign_types_are_never_mapped(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "MAPPED_BYTES", 1)
    entry = files(tmp_path, "fbin", arrays())
    assert datasets.load("mine", {**entry, "metric": "cosine"}, 1).mapped == {}
    entry = files(tmp_path, "npy", arrays("f8"))
    assert datasets.load("mine", {**entry, "metric": "l2"}, 1).mapped == {}
    for name, x in arrays(">f4").items():
        np.save(tmp_path / f"{name}.npy", x)
    assert datasets.load("mine", {**entry, "metric": "l2"}, 1).mapped == {}


def test_the_same_entry_gives_the_same_bytes(tmp_path):
    entry = {**files(tmp_path, "fbin", arrays()), "metric": "l2"}
    first, second = (through(tmp_path, entry)[1].read_bytes() for _ in range(2))
    assert first == second


# ann-benchmarks


@pytest.fixture
def whole(tmp_path):
    """An ann-benchmarks file of a given distance."""

    def make(distance):
        parts = arrays()
        neighbors = np.random.default_rng(1).integers(0, 300, (7, 20)).astype(np.int32)
        with h5py.File(tmp_path / "whole.hdf5", "w") as f:
            f["train"], f["test"], f["neighbors"] = parts["base"], parts["query"], neighbors
            f["distances"] = np.zeros((7, 20), np.float32)
            f.attrs["distance"] = distance
        entry = {"ann_benchmarks": str(tmp_path / "whole.hdf5")}
        return entry, {name: parts[name] for name in ("base", "query")}, neighbors

    return make


@pytest.mark.parametrize("distance, metric", [("euclidean", "l2"), ("ip", "ip")])
def test_a_whole_file_says_its_metric_and_truth(tmp_path, whole, distance, metric):
    entry, parts, neighbors = whole(distance)
    got, _ = through(tmp_path, entry)
    same(got, {**parts, "learn": parts["base"]})
    assert got.metric == metric
    truth = datasets.truth("mine", entry)
    assert truth.dtype == np.int32 and np.array_equal(truth, neighbors)
    assert datasets.files("mine", entry) == [entry["ann_benchmarks"]]
    assert datasets.load("mine", {**entry, "metric": metric}, 1).metric == metric


def test_angular_is_cosine(tmp_path, whole):
    entry, parts, _ = whole("angular")
    got, out = through(tmp_path, entry)
    assert got.metric == "ip" and store.attrs(out)["normalised"]
    lengths = np.linalg.norm(parts["base"].astype(np.float64), axis=1, keepdims=True)
    assert np.allclose(got.base, parts["base"] / lengths, atol=1e-7)
    assert datasets.load("mine", {**entry, "metric": "cosine"}, 1).metric == "cosine"


def test_a_conflicting_or_unknown_metric_is_refused(whole):
    entry, _, _ = whole("angular")
    message = refusal({**entry, "metric": "l2"})
    assert "datasets.mine.metric: l2" in message and "angular" in message
    entry, _, _ = whole("jaccard")
    message = refusal(entry)
    assert "jaccard" in message and "euclidean" in message and "whole.hdf5" in message


def test_first_rows_of_a_whole_file_have_another_truth(tmp_path, whole):
    entry, parts, _ = whole("euclidean")
    entry["rows"] = 280
    got, _ = through(tmp_path, entry)
    same(got, {"base": parts["base"][:280], "query": parts["query"]})
    assert datasets.truth("mine", entry) is None
    assert datasets.sizes("mine", entry)["base"] == (280, 8)


# Truth


def test_given_truth_is_read_as_int32(tmp_path):
    ids = np.random.default_rng(0).integers(0, 300, (7, 10)).astype(np.int32)
    formats.write(tmp_path / "truth.ibin", ids)
    np.save(tmp_path / "truth.npy", ids.astype(np.int64))
    entry = {**files(tmp_path, "npy", arrays()), "metric": "l2"}
    assert datasets.truth("mine", entry) is None
    for name in ("truth.ibin", "truth.npy"):
        given = {**entry, "groundtruth": str(tmp_path / name)}
        got = datasets.truth("mine", given)
        assert got.dtype == np.int32 and np.array_equal(got, ids)
        assert str(tmp_path / name) in datasets.files("mine", given)
    given["groundtruth"] = {"path": str(tmp_path / "truth.ibin"), "rows": 3}
    assert np.array_equal(datasets.truth("mine", given), ids[:3])
