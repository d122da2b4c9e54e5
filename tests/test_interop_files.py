import os
import re
import struct

import h5py
import numpy as np
import pytest
from conftest import flat, integers, ip_or_l2, random_graph, refuses
from test_workflow import TOY, Run, planned, twin, undisturbed

from linkprune import bigann, datasets, formats, graph_files, groundtruth, store
from linkprune.errors import ConfigError, DataError, ShapeError
from linkprune.graph import Graph

# big-ann


@pytest.mark.parametrize("dtype, kind", [("<f4", "fbin"), ("u1", "u8bin"), ("i1", "i8bin")])
def test_vectors_keep_their_dtype(tmp_path, dtype, kind):
    x = integers(1, 5, 3).astype(dtype)
    bigann.write_vectors(tmp_path / f"x.{kind}", x)
    want = struct.pack("<II", 5, 3) + x.tobytes()
    assert (tmp_path / f"x.{kind}").read_bytes() == want
    other = "u8bin" if kind == "fbin" else "fbin"
    with refuses(DataError, f"x.{other}", f"expected the extension .{kind}"):
        bigann.write_vectors(tmp_path / f"x.{other}", x)


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_true_neighbours_have_their_layout(tmp_path, metric):
    base, query = integers(1, 60, 5), integers(2, 4, 5)
    ids, D = groundtruth.exact(query, base, 7, metric)
    path = tmp_path / "groundtruth.bin"
    bigann.write_truth(path, ids, bigann.distances(D, metric))
    raw = path.read_bytes()
    assert struct.unpack("<II", raw[:8]) == (4, 7) and len(raw) == 8 + 4 * 7 * 8
    assert np.array_equal(np.frombuffer(raw, "<i4", 28, 8).reshape(4, 7), ids)
    exact = ip_or_l2(query, base, metric == "ip") * (-1 if metric == "ip" else 1)
    got = np.frombuffer(raw, "<f4", 28, 8 + 28 * 4).reshape(4, 7)
    assert np.array_equal(got, np.take_along_axis(exact, ids, 1).astype(np.float32))
    read_ids, read_D = bigann.read_truth(path)
    assert np.array_equal(read_ids, ids) and np.array_equal(read_D, got)
    # As the ground truth of a data set: the ids.
    assert np.array_equal(datasets.truth("a", {"groundtruth": str(path)}), ids)
    assert np.array_equal(formats.read(path, 3), ids[:3])


def test_a_truth_of_another_size_is_refused(tmp_path):
    path = tmp_path / "t.bin"
    for extra, word in ((b"", "truncated"), (b"\0" * 9, "over-long")):
        path.write_bytes(struct.pack("<II", 2, 3) + b"\0" * (47 if not extra else 48) + extra)
        with refuses(DataError, "t.bin", word):
            bigann.read_truth(path)
    with refuses(DataError, "x.ibin", "expected the extension .bin"):
        formats.write(tmp_path / "x.ibin", np.ones((2, 2), np.int32))
        bigann.read_truth(tmp_path / "x.ibin")
    with refuses(DataError, "x.bin", "only read here"):
        formats.write(tmp_path / "x.bin", np.ones((2, 2), np.int32))
    with refuses(ShapeError, "expected equal"):
        bigann.write_truth(path, np.zeros((2, 3), np.int32), np.zeros((2, 2)))
    with refuses(ConfigError, "metric cosine"):
        bigann.distances(np.zeros((1, 1)), "cosine")


@pytest.mark.parametrize(
    "ids, D, kind, words",
    [
        (np.array([[0, 1], [2, 2**33]]), np.ones((2, 2)), DataError,
         ("ids: row 1 has 8589934592 in column 1", "0 to 2147483647")),
        (np.array([[0, 1], [-1, 2]]), np.ones((2, 2)), DataError, ("ids: row 1 has -1",)),
        (np.array([[0.5, 1]]), np.ones((1, 2)), ShapeError, ("ids: float64", "integers")),
        (np.array([[0, 1]]), np.array([[0, np.nan]]), DataError, ("distances: row 0 has nan",)),
        (np.array([[0, 1]]), np.array([[0, 1e39]]), DataError, ("distances: row 0 has 1e+39",)),
    ],
)  # fmt: skip
def test_a_truth_that_its_file_cannot_hold_is_refused(tmp_path, ids, D, kind, words):
    with refuses(kind, "t.bin", *words):
        bigann.write_truth(tmp_path / "t.bin", ids, D)
    assert not os.listdir(tmp_path)


def test_extensions_are_known_before_the_vectors_are(tmp_path):
    formats.write(tmp_path / "b.bvecs", np.ones((3, 4), np.uint8))
    np.save(tmp_path / "q.npy", np.ones((3, 4), np.float64))
    local = {"base": str(tmp_path / "b.bvecs"), "query": str(tmp_path / "q.npy"), "metric": "l2"}
    assert [bigann.kind("a", local, n) for n in ("base", "query")] == ["u8bin", "fbin"]
    assert bigann.kind("a", {**local, "metric": "cosine"}, "base") == "fbin"
    remote = {"base": {"url": "x", "format": "i8bin"}, "metric": "l2"}
    assert bigann.kind("a", remote, "base") == "i8bin"
    assert bigann.kind("a", {"ann_benchmarks": {"url": "x"}}, "query") == "fbin"
    assert bigann.kind("a", {"source": "scikit-learn/digits", "metric": "l2"}, "base") == "u8bin"
    assert bigann.kind("a", {"source": "synthetic", "metric": "l2"}, "base") == "fbin"


# Graphs


@pytest.mark.parametrize("kind", ["ivecs", "nsg"])
def test_the_base_level_of_a_graph_survives(tmp_path, kind):
    graph = random_graph(60, 6, 4, 1)
    path = tmp_path / f"g.{kind}"
    with refuses(DataError, f"g.{kind}", "expected a flat one"):
        graph_files.write(path, graph)
    graph_files.write(path, graph_files.base_level(graph))
    entry = None if kind == "nsg" else graph.entry_point
    read = graph_files.read(path, entry_point=entry)
    assert (read.entry_point, read.max_level) == (graph.entry_point, 0)
    width = read.neighbors.shape[1]
    assert np.array_equal(read.neighbors, graph.neighbors[:, :width])
    assert (graph.neighbors[:, width:] == -1).all()


def test_ivecs_are_counts_and_ids(tmp_path):
    graph_files.write(tmp_path / "g.ivecs", flat([[1, 2], [0, -1], [-1, -1]]))
    assert (tmp_path / "g.ivecs").read_bytes() == struct.pack("<6i", 2, 1, 2, 1, 0, 0)


# The workflow

ROW = "hnsw_L4_M8_efC20_OPQ8_32-unpruned-OPQ8_32-beta2x256"
TARGETS = (
    "blobs.hdf5", "angles.hdf5", "blobs/query.fbin", "blobs/groundtruth.bin",
    "blobs/hnsw_L4_M8_efC20_OPQ8_32/unpruned.ivecs", f"runs/blobs/10/linkprune-{ROW}",
)  # fmt: skip


def test_the_workflow_writes_what_it_found(tmp_path_factory, tmp_path):
    folder = twin(undisturbed(tmp_path_factory)[4], tmp_path / "repo")
    wanted = [f"results/interop/{name}" for name in TARGETS]
    text = Run(folder, *TOY, "--", *wanted).well()
    assert {name.split("_")[0] for name in planned(text)} == {"interop", "latency"}
    results = folder / "results"
    vectors, (truth,) = (
        results / "blobs/vectors.h5",
        store.load(results / "blobs/groundtruth.h5", ids="nq k"),
    )
    (query,) = store.load(vectors, query="nq d")
    assert np.array_equal(formats.read(results / "interop/blobs/query.fbin"), query)
    assert np.array_equal(bigann.read_truth(results / "interop/blobs/groundtruth.bin")[0], truth)
    graph = Graph.load(results / "blobs/hnsw_L4_M8_efC20_OPQ8_32/unpruned/graph.h5")
    read = graph_files.read(results / f"interop/{TARGETS[4][:-6]}.ivecs", entry_point=0)
    assert np.array_equal(read.neighbors, graph.neighbors)
    with h5py.File(results / "interop/angles.hdf5") as f:
        assert f.attrs["distance"] == "angular"
        assert (f["distances"][:] > -1e-6).all() and (f["distances"][:] < 2).all()
    found = results / f"blobs/{ROW.replace('-', '/')}/search.h5"
    ef, r, ids = store.load(found, efSearch="p", k_reorder="p", ids="p nq k")
    for batch in (False, True):
        runs = folder / (wanted[-1] + "-batch" * batch)
        assert len(list(runs.glob("*.hdf5"))) == len(ef) == 4
        for i in range(4):
            with h5py.File(runs / f"euclidean_{ef[i]}_{r[i]}.hdf5") as f:
                assert np.array_equal(f["neighbors"], ids[i, :, :10])
                assert f.attrs["algo"] == f"linkprune-{ROW}" and f.attrs["dataset"] == "blobs"
                assert f.attrs["batch_mode"] == batch and f.attrs["build_time"] > 0
                alike = len(np.unique(f["times"])) == 1
                assert alike == batch and f.attrs["best_search_time"] > 0
    log = (folder / f"logs/interop/runs/blobs/10/{ROW}.log").read_text()
    assert len(re.findall(r"recall 0\.\d{4}", log)) == 4

    status, text = Run(folder, *TOY, "--", "results/interop/blobs/base.u8bin").end()
    assert status != 0 and "expected the extension .fbin" in text and "Traceback" not in text
