"""Files for others, read back by small readers written from the descriptions of the formats."""

import json
import os
import re

import h5py
import numpy as np
import pytest
from conftest import clustered, integers, random_graph, refuses

from linkprune import ann_benchmarks as theirs
from linkprune import datasets, groundtruth, latency, metrics, store
from linkprune.errors import ConfigError, DataError, ShapeError


def normalised(n, d, seed):
    x = clustered(n, d, seed)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def their_distances(x, y, name):
    """All pairs, in float64, as the definitions of ann-benchmarks say."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if name == "euclidean":
        return np.sqrt(((x[:, None] - y[None]) ** 2).sum(2))
    inner = x @ y.T
    if name == "ip":
        return -inner
    norms = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(y, axis=1)
    return 1 - inner / norms


# ann-benchmarks: data sets


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
@pytest.mark.parametrize("name", ["euclidean", "angular", "ip"])
def test_a_data_set_has_their_attributes_and_distances(tmp_path, name, dtype):
    if name == "angular":
        base, query = normalised(300, 17, 1), normalised(7, 17, 2)
    else:
        base, query = (integers(s, n, 17, lo=0, hi=9).astype(dtype) for s, n in ((1, 300), (2, 7)))
    metric = "l2" if name == "euclidean" else "ip"
    assert theirs.distance_name(metric, name == "angular") == name
    ids, D = groundtruth.exact(query, base, 12, metric)
    path = tmp_path / "a.hdf5"
    theirs.write_dataset(path, base, query, ids, D, name)
    with h5py.File(path) as f:
        assert dict(f.attrs) == {
            "type": "dense", "distance": name, "dimension": 17, "point_type": "float"
        }  # fmt: skip
        assert {k: (x.shape, x.dtype.str) for k, x in f.items()} == {
            "train": ((300, 17), "<f4"), "test": ((7, 17), "<f4"),
            "neighbors": ((7, 12), "<i4"), "distances": ((7, 12), "<f4"),
        }  # fmt: skip
        assert np.array_equal(f["train"], base) and np.array_equal(f["test"], query)
        want = np.take_along_axis(their_distances(query, base, name), f["neighbors"][:], 1)
        assert np.allclose(f["distances"], want, rtol=1e-6, atol=1e-6)
        assert (np.diff(f["distances"]) >= 0).all()
    assert os.listdir(tmp_path) == ["a.hdf5"]


def test_our_data_set_is_one_that_we_read(tmp_path):
    base, query = normalised(300, 9, 1), normalised(7, 9, 2)
    ids, D = groundtruth.exact(query, base, 10, "ip")
    theirs.write_dataset(tmp_path / "a.hdf5", base, query, ids, D, "angular")
    entry = {"ann_benchmarks": str(tmp_path / "a.hdf5")}
    with h5py.File(tmp_path / "a.hdf5") as f:
        assert f.attrs["distance"] == "angular"
    entry = {"ann_benchmarks": {"url": ["unused"]}}
    (tmp_path / "downloads/a").mkdir(parents=True)
    os.rename(tmp_path / "a.hdf5", tmp_path / "downloads/a/vectors.hdf5")
    at = os.getcwd()
    os.chdir(tmp_path)
    try:
        read = datasets.load("a", entry, 1)
        assert read.metric == "cosine" and np.allclose(read.parts["base"], base, atol=1e-7)
        assert np.array_equal(datasets.truth("a", entry), ids)
    finally:
        os.chdir(at)


def test_two_writings_are_the_same_bytes(tmp_path):
    base, query = clustered(50, 4, 1), clustered(3, 4, 2)
    ids, D = groundtruth.exact(query, base, 5)
    for name in "ab":
        theirs.write_dataset(tmp_path / name, base, query, ids, D, "euclidean")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_vector_and_itself_are_at_no_distance():
    tiny = np.array([[-1e-9, 0.0, 4.0]])
    assert np.array_equal(theirs.distances(tiny, "euclidean"), np.float32([[0, 0, 2]]))


def test_what_is_no_data_set_is_refused(tmp_path):
    x, ids = clustered(20, 4, 1), np.zeros((3, 2), np.int32)
    with refuses(ShapeError, "a.hdf5", "expected equal"):
        theirs.write_dataset(tmp_path / "a.hdf5", x, x[:4], ids, np.zeros((3, 2)), "euclidean")
    with refuses(ConfigError, "metric cosine"):
        theirs.distance_name("cosine")
    assert not os.listdir(tmp_path)


def changed(x, value, *at, dtype=None):
    """A copy with one value in another place, in another dtype where it needs one."""
    x = np.array(x, dtype)
    x[at] = value
    return x


@pytest.mark.parametrize(
    "part, change, kind, words",
    [
        ("query", lambda x: np.hstack([x, x[:, :1]]), ShapeError, ("(20, 4)", "(3, 5)")),
        ("base", lambda x: x[0], ShapeError, ("base (4,)", "2 axes")),
        (
            "base",
            lambda x: changed(x, np.nan, 7, 2),
            DataError,
            ("base: row 7 has nan", "column 2"),
        ),
        ("query", lambda x: changed(x, 1e300, 1, 0, dtype="f8"), DataError, ("query: row 1",)),
        ("D", lambda x: changed(x, np.inf, 2, 1), DataError, ("distances: row 2 has inf",)),
        ("ids", lambda x: changed(x, 20, 2, 1), DataError, ("ids: row 2 has 20", "0 to 19")),
        ("ids", lambda x: changed(x, -1, 0, 0), DataError, ("ids: row 0 has -1", "0 to 19")),
        ("ids", lambda x: x + 0.5, ShapeError, ("ids: float64", "expected integers")),
        ("name", lambda _: "foo", ConfigError, ("distance foo", "euclidean angular ip")),
    ],
)
def test_what_does_not_fit_a_data_set_is_named_and_not_written(tmp_path, part, change, kind, words):
    base, query = clustered(20, 4, 1), clustered(3, 4, 2)
    ids, D = groundtruth.exact(query, base, 2)
    parts = {"base": base, "query": query, "ids": ids, "D": D, "name": "euclidean"}
    parts[part] = change(parts[part])
    with refuses(kind, "a.hdf5", *words):
        theirs.write_dataset(tmp_path / "a.hdf5", **parts)
    assert not os.listdir(tmp_path)


# ann-benchmarks: runs


def made(tmp_path, k=10, nq=30, points=((1, 0), (16, 0), (16, 5))):
    """A base, its truth and three artifacts of a search that is not perfect."""
    base, query = clustered(400, 8, 1), clustered(nq, 8, 2)
    truth, D = groundtruth.exact(query, base, k)
    rng = np.random.default_rng(3)
    ids = np.stack([truth] * len(points))
    for row in ids.reshape(-1, k):
        wrong = rng.random(k) < 0.3
        others = np.setdiff1d(np.arange(380, 400), row)
        row[wrong] = rng.choice(others, wrong.sum(), replace=False)
    ids[0, :, -2:] = -1
    at = dict(zip(("efSearch", "k_reorder"), np.array(points, np.int32).T, strict=True))
    counts = {n: rng.integers(1, 50, (len(points), nq)).astype(np.int32)
              for n in ("ndis", "ndis_upper", "nreorder")}  # fmt: skip
    paths = [tmp_path / f"{n}.h5" for n in ("search", "latency", "timing")]
    store.save(paths[0], {**at, **counts, "ids": ids}, {})
    store.save(paths[1], {**at, "ms": rng.random((len(points), nq)) + 1}, {})
    store.save(paths[2], {**at, "ms_per_query": rng.random((len(points), 5))}, {})
    return base, query, truth, D, ids, counts, paths


def their_recall(dataset_distances, run_distances, count):
    """What their plots compute: results within 1e-3 of the distance of the count-th neighbour."""
    found = 0
    for true_row, row in zip(dataset_distances, run_distances, strict=True):
        found += sum(float(d) <= float(true_row[count - 1]) + 1e-3 for d in row[:count])
    return found / count / len(run_distances)


def test_a_run_has_their_attributes_and_gives_their_recall(tmp_path):
    base, query, truth, D, ids, counts, paths = made(tmp_path)
    theirs.write_dataset(tmp_path / "d.hdf5", base, query, truth, D, "euclidean")
    points = theirs.points(*paths, 10)
    assert [(p.efSearch, p.k_reorder) for p in points] == [(1, 0), (16, 0), (16, 5)]
    for i, at in enumerate(points):
        assert np.array_equal(at.ids, ids[i])
        found = theirs.found_distances(at.ids, query, base, "l2", "euclidean")
        attrs = theirs.run_attributes(
            at.ids, at.ndis, at.batch.min(), batch=True, run_count=5, name="linkprune (16)",
            distance="euclidean", algo="linkprune", dataset="d", build_time=1.5, index_size=20.0,
        )  # fmt: skip
        path = tmp_path / "runs" / theirs.run_file(["euclidean", at.efSearch, at.k_reorder])
        theirs.write_run(path, at.alone, at.ids, found, attrs)
        with h5py.File(path) as f, h5py.File(tmp_path / "d.hdf5") as d:
            assert set(f.attrs) == {
                "batch_mode", "best_search_time", "candidates", "expect_extra", "name", "run_count",
                "distance", "count", "build_time", "index_size", "algo", "dataset", "dist_comps",
            }  # fmt: skip
            assert f.attrs["batch_mode"] and not f.attrs["expect_extra"]
            assert (f.attrs["count"], f.attrs["run_count"]) == (10, 5)
            assert f.attrs["candidates"] == (8 if i == 0 else 10)
            per_query = sum(x[i].astype(int) for x in counts.values()).mean()
            assert f.attrs["dist_comps"] / (5 * len(query)) == pytest.approx(per_query)
            assert f.attrs["best_search_time"] == at.batch.min()
            assert {k: (x.shape, x.dtype.str) for k, x in f.items()} == {
                "times": ((30,), "<f4"), "neighbors": ((30, 10), "<i4"),
                "distances": ((30, 10), "<f4"),
            }  # fmt: skip
            assert np.isinf(f["distances"][:][f["neighbors"][:] == -1]).all()
            exact = their_distances(query, base, "euclidean")
            want = np.where(ids[i] < 0, np.inf, np.take_along_axis(exact, ids[i], 1))
            assert np.allclose(f["distances"], want, rtol=1e-6)
            recall = their_recall(d["distances"], f["distances"], 10)
        assert recall == pytest.approx(theirs.recall(theirs.distances(D, "euclidean"), found, 10))
        # Theirs counts ours and what is not farther.
        ours = metrics.recall_at_k(ids[i], truth, 10).mean()
        near = np.where(ids[i] < 0, np.inf, np.take_along_axis(exact, ids[i], 1))
        more = near <= exact[np.arange(30), truth[:, 9]][:, None] + 1e-3
        assert recall >= ours and recall == pytest.approx(more.mean())


@pytest.mark.parametrize(
    "part, change, kind, words",
    [
        ("times", lambda x: changed(x, np.nan, 2), DataError, ("times: row 2 has nan",)),
        ("times", lambda x: changed(x, -1, 1), DataError, ("times: row 1 has -1.0", "at least 0")),
        ("times", lambda x: x[1:], ShapeError, ("times (2,)", "expected equal")),
        ("ids", lambda x: changed(x, 7, 1, slice(0, 3, 2)), DataError, ("row 1 has 7 twice",)),
        ("ids", lambda x: changed(x, -2, 0, 1), DataError, ("ids: row 0 has -2", "expected -1 to")),
        (
            "ids",
            lambda x: changed(x, 2**33, 0, 1, dtype="i8"),
            DataError,
            ("row 0 has 8589934592",),
        ),
        ("D", lambda x: changed(x, np.nan, 2, 0), DataError, ("distances: row 2 has nan",)),
        ("D", lambda x: changed(x, np.inf, 1, 0), DataError, ("distances: row 1 has inf",)),
    ],
)
def test_what_no_search_finds_is_named_and_not_written(tmp_path, part, change, kind, words):
    ids = np.array([[0, 1, 2, -1], [3, 4, 5, 6], [9, 8, -1, -1]], np.int32)
    D = np.where(ids < 0, np.inf, ids).astype(np.float32)
    parts = {"times": np.ones(3), "ids": ids, "D": D}
    theirs.write_run(tmp_path / "fits.hdf5", **parts, attrs={})
    parts[part] = change(parts[part])
    with refuses(kind, "r.hdf5", *words):
        theirs.write_run(tmp_path / "r.hdf5", **parts, attrs={})
    assert os.listdir(tmp_path) == ["fits.hdf5"]


def test_their_recall_is_ours_where_no_neighbour_is_almost_as_near(tmp_path):
    base, query = clustered(500, 6, 1), clustered(40, 6, 2)
    truth, D = groundtruth.exact(query, base, 11)
    L2 = np.sqrt(D)
    ids = np.where(np.arange(10) % 3 == 0, 499 - truth[:, :10], truth[:, :10]).astype(np.int32)
    ordered = np.sort(ids, 1)
    keep = (L2[:, 10] > L2[:, 9] + 2e-3) & (ordered[:, 1:] > ordered[:, :-1]).all(1)
    assert keep.sum() > 20
    found = theirs.found_distances(ids, query, base, "l2", "euclidean")
    ours = metrics.recall_at_k(ids[keep], truth[keep, :10], 10).mean()
    assert 0 < ours < 1
    assert theirs.recall(L2[keep], found[keep], 10) == pytest.approx(ours)


def test_file_names_are_those_of_their_runner():
    assert theirs.run_file(["euclidean", 64, 5]) == "euclidean_64_5.hdf5"
    arguments = ["angular", {"M": 12, "ef": [10]}, 3]
    want = re.sub(r"\W+", "_", json.dumps(arguments, sort_keys=True)).strip("_")
    assert theirs.run_file(arguments) == want + ".hdf5" == "angular_M_12_ef_10_3.hdf5"


def test_points_that_do_not_fit_are_refused(tmp_path):
    *_, paths = made(tmp_path)
    with refuses(DataError, "search.h5", "10 neighbours", "expected 11"):
        theirs.points(*paths, 11)
    other = tmp_path / "other.h5"
    at = {"efSearch": np.arange(3, dtype=np.int32), "k_reorder": np.zeros(3, np.int32)}
    store.save(other, {**at, "ms": np.ones((3, 30))}, {})
    with refuses(DataError, "other.h5", "other operating points"):
        theirs.points(paths[0], other, paths[2], 10)
    with refuses(DataError, "12 true neighbours asked for, 10 known"):
        theirs.recall(np.zeros((2, 10)), np.zeros((2, 12)), 12)


def test_build_time_is_the_sum_of_the_benchmarks(tmp_path):
    for name, seconds in (("a", "1.5000"), ("b", "0.25")):
        (tmp_path / name).write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t3.5\n")
    assert theirs.build_seconds([tmp_path / "a", tmp_path / "b"]) == 1.75
    (tmp_path / "b").write_text("s\th:m:s\n")
    (tmp_path / "c").write_text("s\nNaN\n")
    for name in ("b", "c", "missing"):
        with refuses(DataError, name, "no seconds in this benchmark"):
            theirs.build_seconds([tmp_path / name])


def test_the_size_of_an_index_is_that_of_its_arrays(tmp_path):
    graph = random_graph(40, 5, 3, 1)
    graph.save(tmp_path / "g.h5", {})
    store.save(tmp_path / "c.h5", {"codes": np.zeros((40, 8), np.uint8)}, {})
    arrays = [x for x in vars(graph).values() if isinstance(x, np.ndarray)]
    want = sum(x.nbytes for x in arrays)
    assert theirs.array_bytes(graph) == want
    both = theirs.index_kilobytes([tmp_path / "g.h5", tmp_path / "c.h5"])
    assert both == (want + 320) / 1024


def test_latency_is_of_every_query_at_every_point(world):
    from linkprune.index import Index

    index = Index(world["codec"], world["codes"], world["graph"])
    found = latency.alone(index, world["query"][:13], 5, [1, 8], [0])
    assert found["ms"].shape == (2, 13) and (found["ms"] > 0).all()
    assert found["efSearch"].tolist() == [1, 8] and found["k_reorder"].tolist() == [0, 0]
