import dataclasses
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
from conftest import integers, random_graph, refuses

from linkprune import chunks, graph, store, vectors
from linkprune.codec import Codec
from linkprune.errors import DataError, ShapeError
from linkprune.graph import Graph
from linkprune.regression import Regression

ARRAYS = {"codes": np.arange(6, dtype=np.uint8).reshape(3, 2), "cent": np.ones((2, 256, 4), "f4")}
SPEC = {"codes": "nb nsq", "cent": "nsq ksub dsub"}


def test_load_gives_what_was_saved(tmp_path):
    path = tmp_path / "deep" / "er" / "x.h5"
    store.save(path, ARRAYS, {"error": 1.5, "key": "PQ2", "n": 7})
    for x, y in zip(store.load(path, **SPEC), ARRAYS.values(), strict=True):
        assert x.dtype == y.dtype and np.array_equal(x, y)
    attrs = store.attrs(path)
    assert (attrs["error"], attrs["key"], attrs["n"]) == (1.5, "PQ2", 7)
    assert attrs["numpy"] == np.__version__ and len(attrs["kernels"]) == 64
    assert os.listdir(path.parent) == ["x.h5"]


def test_the_same_artifact_has_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        store.save(tmp_path / name, ARRAYS, {"error": 1.5})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "x.h5"
    store.save(path, ARRAYS, {})
    before = path.read_bytes()
    with pytest.raises(TypeError):
        store.save(path, {**ARRAYS, "bad": np.array([object()])}, {})
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["x.h5"]
    with pytest.raises(KeyboardInterrupt), store.replacing(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["x.h5"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "x.h5").mkdir()
    with refuses(DataError, "x.h5", "cannot be written"):
        store.save(tmp_path / "x.h5", ARRAYS, {})
    (tmp_path / "file").write_text("no folder")
    with refuses(DataError, "file/y.h5", "cannot be written"):
        store.save(tmp_path / "file/y.h5", ARRAYS, {})


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    script = """
import resource, signal, sys
import numpy as np
from linkprune import errors, store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10**5, 10**5))  # writing fails as on a full disk
try:
    store.save(sys.argv[1], {"a": np.zeros(10**6)}, {})
except errors.DataError as e:
    print(e, end="")
"""
    path = tmp_path / "x.h5"
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(path) in done.stdout and "cannot be written" in done.stdout
    assert "\n" not in done.stdout and not os.listdir(tmp_path)


def test_sizes_must_agree_by_name(tmp_path):
    path = tmp_path / "x.h5"
    store.save(path, {**ARRAYS, "codes": ARRAYS["codes"][:, :1]}, {})
    with refuses(ShapeError, str(path), "cent", "(nsq, ksub, dsub)"):
        store.load(path, **SPEC)
    with refuses(ShapeError, str(path), "codes", "(nb)"):
        store.load(path, codes="nb")
    with refuses(DataError, str(path), "has no beta", "cent", "codes"):
        store.load(path, beta="nb parts")


def test_broken_files_are_refused_by_name(tmp_path):
    path = tmp_path / "x.h5"
    with refuses(DataError, str(path), "no such file"):
        store.load(path, **SPEC)
    store.save(path, {**ARRAYS, "cent": integers(0, 2, 256, 40)}, {})
    whole = path.read_bytes()
    for size in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        for call in (lambda: store.load(path, **SPEC), lambda: store.attrs(path)):
            with refuses(DataError, str(path)):
                call()
    path.write_text("not HDF5")
    with refuses(DataError, str(path), "not a complete HDF5 artifact"):
        store.attrs(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "x.h5"
    store.save(path, ARRAYS, {})
    for cls, word in ((Graph, "neighbors"), (Codec, "rotation"), (Regression, "beta_centroids")):
        with refuses(DataError, str(path), word):
            cls.load(path)


def test_a_file_of_another_kind_is_no_vectors(tmp_path):
    path = tmp_path / "x.h5"
    store.save(path, ARRAYS, {})
    with refuses(DataError, str(path)):
        vectors.load(path)


def test_an_artifact_without_its_attributes_is_no_graph(tmp_path):
    path = tmp_path / "x.h5"
    g = dataclasses.asdict(random_graph(20, 3, 2, 0))
    store.save(path, {k: x for k, x in g.items() if isinstance(x, np.ndarray)}, {})
    with refuses(DataError, str(path), "entry_point"):
        Graph.load(path)


@pytest.mark.parametrize("metric", ["l2", "ip", "cosine"])
def test_vectors_are_mapped_with_their_types(tmp_path, metric, monkeypatch):
    monkeypatch.setattr(vectors, "BLOCK", 3)
    path = tmp_path / "vectors.h5"
    parts = {"base": integers(0, 10, 4), "query": integers(1, 3, 4).astype(np.uint8) % 7,
             "learn": integers(2, 7, 4).astype(np.int8)}  # fmt: skip
    vectors.save(path, parts, metric, {"dataset": "x"}, {})
    got = vectors.load(path)
    for name, x in parts.items():
        y = getattr(got, name)
        assert y.dtype == x.dtype and np.array_equal(y, x)
        assert isinstance(y, np.memmap) and not y.flags.writeable
    assert got.metric == ("l2" if metric == "l2" else "ip")
    attrs = store.attrs(path)
    assert attrs["normalised"] == (metric == "cosine") and attrs["dataset"] == "x"
    assert len({attrs[f"{name}_sha256"] for name in parts}) == 3


def mapped_vectors(tmp_path):
    raw, x = tmp_path / "raw.bin", integers(0, 9, 5)
    raw.write_bytes(b"header!!" + x.tobytes())
    parts = {"base": x, "query": x[:2], "learn": x[2:]}
    vectors.save(tmp_path / "v.h5", parts, "l2", {}, {"base": (raw, 8)})
    return tmp_path / "v.h5", raw, x


def test_a_part_in_a_raw_file_stays_there(tmp_path):
    path, raw, x = mapped_vectors(tmp_path)
    got = vectors.load(path)
    assert np.array_equal(got.base, x) and os.path.samefile(got.base.filename, raw)
    with h5py.File(path) as f:
        assert np.array_equal(f["base"][()], x)


def test_a_raw_file_that_is_gone_or_short_is_named(tmp_path):
    path, raw, _ = mapped_vectors(tmp_path)
    raw.write_bytes(raw.read_bytes()[:-1])
    with refuses(DataError, str(path), "base", str(raw)):
        vectors.load(path)
    raw.unlink()
    with refuses(DataError, str(path), "base", str(raw)):
        vectors.load(path)


def test_the_hash_of_a_part_is_that_of_its_values(tmp_path):
    path, _, x = mapped_vectors(tmp_path)
    vectors.save(tmp_path / "w.h5", {"base": x, "query": x, "learn": x}, "l2", {}, {})
    ours, theirs = store.attrs(path), store.attrs(tmp_path / "w.h5")
    assert ours["base_sha256"] == theirs["base_sha256"] != ours["query_sha256"]


def test_chunks_cover_everything_once_in_order():
    for n in (0, 1, 7, 8, 9):
        for size in (1, 4, 8, 100):
            parts = [list(range(n))[part] for part in chunks.chunks(n, size)]
            assert [i for part in parts for i in part] == list(range(n))
            assert all(0 < len(p) <= size for p in parts)
    values = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.arange(1000).clip(0, 12)
    assert chunks.mean(values) == chunks.mean(values[::-1]) and chunks.mean([]) == 0


def test_graphs_survive_save_and_load(tmp_path):
    g = random_graph(30, 4, 3, 0)
    g.save(tmp_path / "g.h5", {"key": "k"})
    again = Graph.load(tmp_path / "g.h5")
    for f in dataclasses.fields(Graph):
        a, b = getattr(g, f.name), getattr(again, f.name)
        assert np.array_equal(a, b) and getattr(a, "dtype", 0) == getattr(b, "dtype", 0)
    assert np.array_equal(again.levels(), g.levels()) and g.levels().max() == g.max_level
    assert again.is_sealed() and not g.is_sealed()


def test_an_empty_graph_has_room_for_its_levels():
    g = Graph(**graph.empty(np.array([0, 2, 0, 1]), 5, 3), entry_point=1, max_level=2)
    assert g.neighbors.shape == (4, 5) and g.upper_neighbors.shape == (3, 3)
    assert g.upper_vertex.tolist() == [1, 3] and g.upper_start.tolist() == [0, 2, 3]
    assert (g.neighbors == -1).all() and g.levels().tolist() == [0, 2, 0, 1]


def changed(name, change):
    g = random_graph(30, 4, 3, 0)
    x = getattr(g, name)
    x = x.copy() if isinstance(x, np.ndarray) else x
    return lambda: dataclasses.replace(g, **{name: change(x)})


def at(index, value):
    def change(x):
        x[index] = value
        return x

    return change


@pytest.mark.parametrize(
    "name, change, words",
    [
        ("neighbors", at((3, 1), 30), ("neighbors", "29")),
        ("neighbors", at((3, 1), -2), ("neighbors", "-1")),
        ("neighbors", lambda x: x.astype(np.int64), ("neighbors", "int32")),
        ("neighbors", lambda x: x[:0], ("graph",)),
        ("upper_neighbors", at((0, 0), 30), ("upper_neighbors",)),
        ("upper_neighbors", lambda x: x[1:], ("upper_start",)),
        ("upper_start", lambda x: x[:-1], ("upper_start",)),
        ("upper_vertex", lambda x: x[::-1], ("upper_vertex", "ascend")),
        ("upper_vertex", at(-1, 30), ("upper_vertex",)),
        ("upper_vertex", at(0, -1), ("upper_vertex",)),
        ("upper_start", at(0, -1), ("upper_start",)),
        ("entry_point", lambda _: 30, ("entry point 30",)),
        ("entry_point", lambda _: -1, ("entry point -1",)),
        ("max_level", lambda x: x + 1, ("entry point", "highest")),
    ],
)
def test_a_graph_that_a_search_could_leave_is_refused(name, change, words):
    make = changed(name, change)
    with refuses(ShapeError, *words):
        make()


def test_a_link_to_a_vertex_without_the_level_is_refused():
    g = random_graph(30, 4, 3, 0)
    upper = g.upper_neighbors.copy()
    upper[0, 0] = np.flatnonzero(g.levels() == 0)[0]
    with refuses(ShapeError, f"vertex {g.upper_vertex[0]}", "below"):
        dataclasses.replace(g, upper_neighbors=upper)
