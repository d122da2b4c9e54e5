import itertools

import numpy as np
import pytest
from test_datasets import SIZES, URL, arrays, files, through

from linkprune import datasets, formats, sources, store, vectors
from linkprune.errors import ConfigError

# Downloads


def test_urls_become_downloads_of_this_data_set():
    entry = {
        "base": {"url": URL, "format": "fbin", "rows": 9, "sha256": "0" * 64, "size": 80},
        "query": {"url": [URL, URL + "2"], "format": "hdf5", "member": "test", "rows": 2},
        "learn": "learn.npy",
        "groundtruth": {"url": URL, "format": "ivecs"},
        "metric": "l2",
    }
    assert datasets.files("mine", entry) == [
        "downloads/mine/base.fbin",
        "downloads/mine/groundtruth.ivecs",
        "downloads/mine/query.hdf5",
        "learn.npy",
    ]
    nothing = {"urls": (URL,), "sha256": None, "size": None, "first_rows": None}
    crop = {**nothing, "sha256": "0" * 64, "size": 80, "first_rows": 9}
    assert datasets.download("mine", entry, "base.fbin") == crop
    # A container comes whole: its rows are not at its start.
    both = {**nothing, "urls": (URL, URL + "2")}
    assert datasets.download("mine", entry, "query.hdf5") == both
    assert datasets.part("mine", entry, "query").spec == "downloads/mine/query.hdf5:test"
    assert datasets.download("mine", entry, "groundtruth.ivecs") == nothing
    for name in ("learn.npy", "base.fvecs"):
        with pytest.raises(ConfigError, match=rf"datasets\.mine: .*{name}"):
            datasets.download("mine", entry, name)


def test_a_whole_file_is_downloaded_once_and_whole():
    entry = {"ann_benchmarks": {"url": URL, "sha256": "0" * 64}, "rows": 5}
    assert datasets.files("mine", entry) == ["downloads/mine/vectors.hdf5"]
    assert datasets.download("mine", entry, "vectors.hdf5") == {
        "urls": (URL,), "sha256": "0" * 64, "size": None, "first_rows": None,
    }  # fmt: skip


def test_a_url_without_a_format_is_refused():
    entry = {"base": {"url": URL}, "query": {"url": URL}, "metric": "l2"}
    with pytest.raises(ConfigError, match=r"datasets\.mine\.base: .*format"):
        datasets.files("mine", entry)


def test_sizes_need_no_download(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    query = files(tmp_path, "npy", arrays())["query"]
    entry = {"base": {"url": URL, "format": "fbin"}, "query": query, "metric": "l2"}
    assert datasets.sizes("mine", entry) == {"query": SIZES["query"]}
    formats.write(tmp_path / "x.fbin", arrays()["base"])
    (tmp_path / "downloads/mine").mkdir(parents=True)
    (tmp_path / "x.fbin").rename(tmp_path / "downloads/mine/base.fbin")
    assert datasets.sizes("mine", entry)["base"] == SIZES["base"]


# Generated and embedded


@pytest.mark.parametrize("source", datasets.EMBEDDED)
def test_embedded_data_have_their_stated_sizes(tmp_path, source):
    entry = {"source": source, "metric": "l2"}
    got, out = through(tmp_path, entry)
    sizes = {name: getattr(got, name).shape for name in SIZES}
    assert sizes == datasets.sizes("mine", entry) and got.base.dtype == np.uint8
    assert datasets.files("mine", entry) == [] and datasets.truth("mine", entry) is None
    assert not store.attrs(out)["normalised"]


MIXTURE = {"d": 4, "clusters": 3, "rank": 2}


def test_synthetic_rows_are_written_block_by_block(tmp_path, monkeypatch):
    taken = []

    class Watched(sources.SyntheticRows):
        def __getitem__(self, rows):
            taken.append((self.part, rows.start, rows.stop))
            return super().__getitem__(rows)

    monkeypatch.setattr(sources, "SyntheticRows", Watched)
    entry = {"source": "synthetic", "nb": 200_000, "nq": 10, "nt": 1000, "metric": "l2", **MIXTURE}
    got, _ = through(tmp_path, entry, seed=5)
    assert max(stop - start for _, start, stop in taken) <= vectors.BLOCK
    base = [(start, stop) for part, start, stop in taken if part == "base"]
    assert base[0][0] == 0 and base[-1][1] == 200_000
    assert all(a[1] == b[0] for a, b in itertools.pairwise(base))
    assert got.base.shape == (200_000, 4)
    for start, stop in ((0, 10), (65_530, 65_540), (199_990, 200_000)):
        want = sources.synthetic_rows("base", start, stop, seed=5, **MIXTURE)
        assert np.array_equal(got.base[start:stop], want)
    assert np.array_equal(got.query, sources.synthetic_rows("query", 0, 10, seed=5, **MIXTURE))


def test_a_synthetic_set_has_its_own_seed_or_the_root_seed(tmp_path):
    entry = {"source": "synthetic", "nb": 5, "nq": 5, "nt": 5, "metric": "l2", **MIXTURE}
    root = datasets.load("mine", entry, 5).parts["base"][0:5]
    assert np.array_equal(datasets.load("mine", {**entry, "seed": 5}, 1).parts["base"][0:5], root)
    assert not np.array_equal(datasets.load("mine", entry, 6).parts["base"][0:5], root)


def test_synthetic_cosine_vectors_have_length_one_whatever_the_mixture(tmp_path):
    entry = {"source": "synthetic", "nb": 50, "nq": 5, "nt": 50, "metric": "cosine", **MIXTURE}
    got, out = through(tmp_path, {**entry, "normalise": False})
    assert got.metric == "ip" and store.attrs(out)["normalised"]
    for x in (got.base, got.query, got.learn):
        assert np.allclose((x.astype(np.float64) ** 2).sum(1), 1, atol=1e-6)
