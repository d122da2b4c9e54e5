import dataclasses
import os

import numpy as np
import pytest
from conftest import assembled, by_distance_then_id, clustered, ip_or_l2, random_graph, refuses

import linkprune
from linkprune import chunks, exhaustive, groundtruth, index, keys, linkcode
from linkprune.codec import Codec
from linkprune.errors import ConfigError, DataError, ShapeError
from linkprune.linkcode import LinkCode
from linkprune.regression import Regression

KEY = {"M0": 5, "M": 6, "efConstruction": 30, "seed": 1}


@pytest.fixture(scope="module")
def learn():
    return clustered(700, 16, 0)


@pytest.fixture(scope="module")
def base():
    return clustered(500, 16, 1)


@pytest.fixture(scope="module")
def query():
    return clustered(30, 16, 2)


@pytest.fixture(scope="module")
def empty(learn):
    return LinkCode.train(learn, "OPQ4_16", seed=1)


@pytest.fixture(scope="module")
def held(empty, base):
    return empty.add(base, beta="beta2x256", **KEY)


def same(a, b):
    return all(x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True))


def test_the_package_offers_linkcode():
    assert linkprune.LinkCode is LinkCode
    with pytest.raises(AttributeError, match="no attribute Linkcode"):
        _ = linkprune.Linkcode


@pytest.mark.parametrize("beta", ["none", "beta0", "beta1x256", "beta4x256"])
@pytest.mark.parametrize("codec", ["OPQ4_16", "OPQ4_12", "OPQ4_24", "PQ4"])
def test_save_and_load_give_equal_results(codec, beta, learn, base, query, tmp_path):
    lc = LinkCode.train(learn, codec).add(base, beta=beta, **KEY)
    lc.save(tmp_path / "index.h5")
    again = LinkCode.load(tmp_path / "index.h5")
    assert os.listdir(tmp_path) == ["index.h5"] and again.metric == lc.metric
    k_reorder = 0 if beta == "none" else 5
    found = lc.search(query, 10, 20, k_reorder)
    assert same(found, again.search(query, 10, 20, k_reorder))
    assert same(lc.exhaustive(query, 10), again.exhaustive(query, 10))
    assert np.array_equal(lc.reconstruct([0, 7]), again.reconstruct([0, 7]))
    assert again.index.bytes_per_vector() == 4 * 5 + 4 + {"beta1x256": 1, "beta4x256": 4}.get(
        beta, 0
    )
    true = groundtruth.exact(query, base, 1)[0]
    assert (found.I == true).any(1).mean() > 0.8
    assert (found.nreorder == k_reorder).all()


@pytest.mark.parametrize("metric", ["l2", "ip", "cosine"])
def test_every_metric_finds_its_neighbours(metric, learn, base, query, tmp_path):
    lc = LinkCode.train(learn, "OPQ8_16", metric).add(base, beta="beta2x256", **KEY)
    result = lc.search(query, 10, 60, 5)
    D, I = result.D, result.I
    x, q = base.astype(float), query.astype(float)
    if metric == "cosine":
        x, q = (y / np.linalg.norm(y, axis=1, keepdims=True) for y in (x, q))
    dis = ip_or_l2(q, x, metric != "l2")
    true, _ = by_distance_then_id(dis, 10)
    found = np.take_along_axis(dis, I, 1)
    scale = dis.std()
    assert np.abs(found - D).mean() < 0.3 * scale
    assert (I == true[:, :1]).any(1).mean() > 0.8
    if metric == "cosine":
        scaled = query * np.linspace(0.1, 50, 30)[:, None].astype(np.float32)
        assert (lc.search(scaled, 10, 60, 5).I == I).mean() > 0.99
    lc.save(tmp_path / "i.h5")
    again = LinkCode.load(tmp_path / "i.h5")
    assert again.metric == metric and same(again.search(query, 10, 60, 5), result)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float64])
def test_the_stored_type_does_not_matter(dtype, learn, base, query):
    x, y, q = (np.round(z * 8 + 60).clip(0, 127).astype(np.float32) for z in (learn, base, query))
    a = LinkCode.train(x, "OPQ4_16").add(y, beta="beta1x256", **KEY)
    b = LinkCode.train(x.astype(dtype), "OPQ4_16").add(y.astype(dtype), beta="beta1x256", **KEY)
    assert same(a.search(q, 5, 20, 5), b.search(q.astype(dtype), 5, 20, 5))
    assert same(a.exhaustive(q, 5), b.exhaustive(q.astype(dtype), 5))


@pytest.mark.parametrize("graph_on", ["codes", "float"])
def test_threads_do_not_change_bits(graph_on, learn, base, query):
    def run(t):
        lc = LinkCode.train(learn, "OPQ4_16", threads=t)
        lc = lc.add(base, beta="beta2x256", graph_on=graph_on, threads=t, **KEY)
        yield from lc.search(query, 10, 20, 5, t)
        yield from lc.exhaustive(query, 10, t)
        yield lc.reconstruct(np.arange(500), t)

    one = list(run(1))
    assert same(one, run(2)) and same(one, run(4))


def test_results_are_sorted_padded_and_counted(held, query):
    found = held.search(query, 10, 20)
    assert found._fields == ("D", "I", "ndis", "nhops", "nreorder", "ndis_upper")
    assert (np.diff(found.D, axis=1) >= 0).all() and not found.nreorder.any()
    assert all(len(set(row)) == 10 for row in found.I)
    assert (found.ndis >= found.nhops - 1).all() and (found.ndis_upper >= 1).all()


def test_more_results_than_vectors_are_padded(empty, base, query):
    lc = empty.add(base[:300], beta="beta0", **KEY)
    D, I, *_ = lc.search(query, 400, 300, 350)
    n = (I >= 0).sum(1)
    assert (n <= 300).all() and (n > 200).all()
    for d, i, m in zip(D, I, n, strict=True):
        assert (i[m:] == -1).all() and np.isinf(d[m:]).all() and np.isfinite(d[:m]).all()
    D, I = lc.exhaustive(query, 310)
    assert (I[:, 300:] == -1).all() and np.isinf(D[:, 300:]).all()
    assert (np.sort(I[:, :300], 1) == np.arange(300)).all()


def test_search_of_everything_reaches_what_exhaustive_search_finds(empty, base, query):
    lc = empty.add(base, beta="none", **{**KEY, "M0": 24})
    D, I, *_ = lc.search(query, 10, 500)
    want_D, want_I = lc.exhaustive(query, 10)
    assert (I == want_I).mean() > 0.99 and np.allclose(D, want_D, atol=1e-3)


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_reordered_distances_are_those_of_the_reconstructions(metric, learn, base, query):
    lc = LinkCode.train(learn, "OPQ4_16", metric).add(base, beta="beta2x256", **KEY)
    first, found = lc.search(query, 10, 30), lc.search(query, 10, 30, 6)
    rotated = lc.codec.rotate(query)
    assert np.array_equal(first.I[:, 6:], found.I[:, 6:])
    assert np.array_equal(np.sort(first.I[:, :6]), np.sort(found.I[:, :6]))
    for q in range(len(query)):
        y = lc.reconstruct(found.I[q, :6])
        d = ip_or_l2(rotated[q : q + 1], y, metric == "ip")[0]
        assert np.allclose(found.D[q, :6], d, rtol=1e-4, atol=1e-4)
        assert (np.diff(found.D[q, :6]) >= 0).all()


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("beta", ["none", "beta2x256"])
def test_exhaustive_search_is_brute_force_over_reconstructions(metric, beta, learn, base, query,
                                                               monkeypatch):  # fmt: skip
    lc = LinkCode.train(learn, "OPQ4_16", metric).add(base, beta=beta, **KEY)
    y, rotated = lc.reconstruct(np.arange(500)), lc.codec.rotate(query)
    ids, dis = by_distance_then_id(ip_or_l2(rotated, y, metric == "ip"), 20)
    got = lc.exhaustive(query, 20)
    assert np.array_equal(got[1], ids) and np.allclose(got[0], dis, rtol=1e-12, atol=1e-9)
    for size in (37, 499):
        parts = list(chunks.chunks(500, size))
        monkeypatch.setattr(exhaustive, "tracked", lambda *_, parts=parts, **__: parts)
        assert same(lc.exhaustive(query, 20), got)


def test_reconstructions_are_nearer_than_the_codes(held, base):
    ids = np.arange(len(base))
    x = held.codec.rotate(base).astype(float)
    plain = held.codec.decode(held.index.codes)
    assert ((held.reconstruct(ids) - x) ** 2).sum() < ((plain - x) ** 2).sum()


def test_graph_on_float_vectors_differs_and_works(empty, base, query, held):
    lc = empty.add(base, beta="beta2x256", graph_on="float", **KEY)
    assert not np.array_equal(lc.index.graph.neighbors, held.index.graph.neighbors)
    true = groundtruth.exact(query, base, 1)[0]
    assert (lc.search(query, 10, 40).I == true).any(1).mean() > 0.8


def test_adding_leaves_the_trained_codec_as_it_was(empty, base):
    assert empty.index is None
    lc = empty.add(base[:300], beta="none", **KEY)
    assert empty.index is None and lc.codec is empty.codec and lc.index.beta is None


def test_no_queries_give_no_results(held, query):
    D, I, *counters = held.search(query[:0], 10, 20, 5)
    assert D.shape == I.shape == (0, 10) and all(c.shape == (0,) for c in counters)
    assert held.exhaustive(query[:0], 10)[1].shape == (0, 10)


@pytest.mark.parametrize("size", [1, 7, 29, 30])
def test_blocks_of_queries_do_not_change_bits(size, held, query, monkeypatch):
    whole = held.search(query, 10, 20, 5)
    monkeypatch.setattr(index, "QUERIES", size)
    assert same(held.search(query, 10, 20, 5), whole)


def test_files_assemble_to_the_same_index(held, query, tmp_path):
    i = held.index
    again = assembled(i, tmp_path)
    assert same(again.search(query, 10, 20, 5), i.search(query, 10, 20, 5))
    assert assembled(i, tmp_path, beta=False).beta is None


def test_the_order_of_calls_matters(empty, held, base, query, tmp_path):
    with refuses(ShapeError, "holds vectors already", "one call"):
        held.add(base)
    for call in (
        lambda: empty.search(query),
        lambda: empty.exhaustive(query),
        lambda: empty.reconstruct([0]),
        lambda: empty.save(tmp_path / "x.h5"),
    ):
        with refuses(ShapeError, "no vectors", "add"):
            call()
    assert not os.listdir(tmp_path)


def test_sizes_must_be_positive(held, query):
    for name, bad in (("k", 0), ("efSearch", 0), ("threads", 0), ("k", -3), ("efSearch", 1.5)):
        with refuses(ShapeError, name, str(bad)):
            held.search(query, **{name: bad})
    with refuses(ShapeError, "k_reorder", "-1"):
        held.search(query, 5, 5, -1)


def test_exhaustive_k_must_be_positive(held, query):
    with refuses(ShapeError, "k", "0"):
        held.exhaustive(query, 0)


def test_reorder_without_a_regression_is_refused(empty, base, query):
    with refuses(ShapeError, "k_reorder", "regression"):
        empty.add(base[:300], beta="none", **KEY).search(query, k_reorder=5)


def test_words_out_of_the_lists_are_refused(empty, learn, base):
    with refuses(ShapeError, "metric hamming", "l2", "ip", "cosine"):
        LinkCode.train(learn, "OPQ4_16", "hamming")
    with refuses(ShapeError, "graph_on vectors", "codes", "float"):
        empty.add(base, graph_on="vectors")
    with refuses(ConfigError, "beta5"):
        empty.add(base[:300], beta="beta5")
    with refuses(ConfigError, "OPQ4"):
        LinkCode.train(learn, "OPQ4")


def test_too_few_vectors_are_refused(empty, learn, base):
    with refuses(DataError, "OPQ4_16", "255"):
        LinkCode.train(learn[:255], "OPQ4_16")
    with refuses(DataError, "PQ5", "16"):
        LinkCode.train(learn, "PQ5")
    with refuses(DataError, "beta4x256", "255"):
        empty.add(base[:255])
    with refuses(DataError, "1 base vectors"):
        empty.add(base[:1], beta="none")
    with refuses(DataError, "16", "3 beta parts"):
        empty.add(base, beta="beta3x256")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad, empty, held, learn, base, query):
    for x, call in ((learn, LinkCode.train), (base, empty.add), (query, held.search)):
        broken = x.copy()
        broken[5, 3] = bad
        with refuses(DataError, "row 5", str(bad)):
            call(broken)
    with refuses(DataError, "row 5"):
        LinkCode.train(np.where(np.arange(700)[:, None] == 5, bad, learn), metric="cosine")


def test_a_vector_of_length_zero_has_no_cosine(learn, base, query):
    lc = LinkCode.train(learn, "OPQ4_16", "cosine").add(base[:300], beta="none", **KEY)
    for x, call in ((learn, lambda y: LinkCode.train(y, "OPQ4_16", "cosine")), (query, lc.search)):
        zero = x.copy()
        zero[7] = 0
        with refuses(DataError, "row 7", "cosine"):
            call(zero)
        with refuses(DataError, "row 7", "cosine"):
            call((zero * 4).astype(np.int8) * (np.abs(zero) > 0))


def test_vectors_of_another_dimension_are_refused(empty, held, base, query):
    for call in (empty.add, held.search, held.exhaustive):
        with refuses(ShapeError, "15", "16"):
            call(np.ascontiguousarray(query[:, :15]))


def test_one_vector_without_an_axis_of_rows_is_refused(held, query):
    with refuses(ShapeError, "(16,)", "(n, d)"):
        held.search(query[0])


def test_a_list_is_refused(held, query):
    with refuses(ShapeError, "list"):
        held.search(query.tolist())


@pytest.mark.parametrize("name", ["M0", "M"])
def test_a_graph_without_links_is_refused(name, empty, base):
    with refuses(ShapeError, name, "0"):
        empty.add(base, beta="none", **{**KEY, name: 0})


def test_layout_of_the_input_does_not_matter(held, query):
    found = held.search(query, 5, 10, 3)
    for x in (np.asfortranarray(query), np.repeat(query, 2, 0)[::2], query.astype(">f4")):
        assert same(held.search(x, 5, 10, 3), found)


@pytest.mark.parametrize(
    "beta, bad",
    [
        ("beta0", 500),
        ("beta0", -2),
        ("beta0", -1),
        ("none", 500),
        ("none", -1),
    ],
)
def test_ids_out_of_range_are_refused(beta, bad, empty, base):
    lc = empty.add(base, beta=beta, **KEY)
    with refuses(ShapeError, "ids", str(bad)):
        lc.reconstruct([0, bad])


def test_parts_that_do_not_belong_together_are_refused(held):
    i = held.index
    with refuses(ShapeError, "codes", "(499, 4)", "(500, 4)"):
        dataclasses.replace(i, codes=i.codes[:499])
    with refuses(ShapeError, "codes", "(500, 3)"):
        dataclasses.replace(i, codes=i.codes[:, :3])
    with refuses(ShapeError, "codes", "(30, 4)"):
        dataclasses.replace(i, graph=random_graph(30, 5, 3, 0), beta=None)
    with refuses(ShapeError, "5 weights", "6", "5 links"):
        book = np.zeros((2, 256, 5), np.float32)
        dataclasses.replace(i, beta=Regression(book, i.beta.beta_codes))


def test_broken_files_are_refused_by_name(held, tmp_path):
    path = tmp_path / "i.h5"
    with refuses(DataError, str(path), "no such file"):
        LinkCode.load(path)
    held.save(path)
    whole = path.read_bytes()
    for size in (0, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with refuses(DataError, str(path)):
            LinkCode.load(path)


@pytest.mark.parametrize("gone", ["codes", "centroids", "neighbors", "upper_start", "metric",
                                  "entry_point", "input_metric"])  # fmt: skip
def test_a_file_without_a_part_is_refused_by_name(held, tmp_path, gone):
    import h5py

    path = tmp_path / "i.h5"
    held.save(path)
    with h5py.File(path, "a") as f:
        del (f if gone in f else f.attrs)[gone]
    with refuses(DataError, str(path), gone):
        LinkCode.load(path)


def test_a_file_of_another_kind_is_refused(held, tmp_path):
    path = tmp_path / "x.h5"
    held.index.graph.save(path, {})
    with refuses(DataError, str(path), "not a complete"):
        LinkCode.load(path)
    held.codec.save(path, {})
    with refuses(DataError, str(path), "not a complete"):
        LinkCode.load(path)


def test_a_failed_add_changes_nothing(empty, base, monkeypatch):
    def fails(*_, **__):
        raise DataError("no")

    monkeypatch.setattr(linkcode.hnsw, "build", fails)
    with refuses(DataError, "no"):
        empty.add(base)
    assert empty.index is None


def test_codes_of_the_index_are_those_of_the_codec(held, base):
    assert np.array_equal(held.index.codes, held.codec.encode(base)[0])
    assert isinstance(held.codec, Codec) and keys.beta("beta2x256").nsq == 2
