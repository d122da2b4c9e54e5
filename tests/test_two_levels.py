"""Codecs in two levels: against NumPy on integers, against Faiss byte for byte, by their laws."""

import dataclasses

import h5py
import numpy as np
import pytest
from conftest import (
    assembled,
    by_distance_then_id,
    clustered,
    integers,
    ip_or_l2,
    random_graph,
    refuses,
)

from linkprune import coarse as training
from linkprune import exhaustive, faiss_hnsw, hnsw, keys, opq, regression
from linkprune.codec import Codec
from linkprune.errors import ConfigError, DataError, ShapeError
from linkprune.index import Index
from linkprune.kernels import adc, beta, coarse, episodes
from linkprune.linkcode import LinkCode

SHAPES = [(2, 1, 8), (3, 2, 9), (5, 4, 8), (6, 3, 12), (33, 4, 8)]
NB, LINKS = 70, 5
BUILD = {"M0": 5, "M": 6, "efConstruction": 30, "seed": 1}


def made(nsq, dsub, bits, n=NB, lo=-4, hi=5):
    """A codec of integers without a rotation, n random codes, and what they stand for in levels."""
    first = integers(1, 2, 1 << bits, nsq * dsub // 2, lo=lo, hi=hi)
    centroids = integers(2, nsq, 256, dsub, lo=lo, hi=hi)
    rng = np.random.default_rng(nsq)
    numbers, fine = rng.integers(0, 1 << bits, (n, 2)), rng.integers(0, 256, (n, nsq), np.uint8)
    codes = np.hstack([coarse.pack(numbers, bits), fine])
    c = np.hstack([first[h][numbers[:, h]] for h in (0, 1)])
    r = np.hstack([centroids[m, fine[:, m]] for m in range(nsq)])
    return Codec(None, centroids, first), codes, c, r


def plain(codec):
    """The same without a first level."""
    return Codec(codec.rotation, codec.centroids)


@pytest.fixture(scope="module")
def data():
    return tuple(clustered(n, 16, seed) for seed, n in enumerate((900, 500, 30)))


@pytest.fixture(scope="module")
def held(data):
    learn, base, _ = data
    return LinkCode.train(learn, "PQ2x8_OPQ4_16", seed=1).add(base, beta="beta2x256", **BUILD)


@pytest.mark.parametrize("shape", SHAPES)
def test_decoding_adds_the_levels(shape):
    codec, codes, c, r = made(*shape)
    assert codec.code_size == codes.shape[1] == shape[0] + -(-2 * shape[2] // 8)
    assert (codec.decode(codes) == c + r).all()
    assert (codec.space(codes)["coarse"].cross == (r * r + 2 * c * r).sum(1)).all()


@pytest.mark.parametrize("bits", coarse.BITS)
def test_every_number_survives_packing(bits):
    numbers = np.random.default_rng(bits).integers(0, 1 << bits, (50, 2))
    numbers[:3] = (0, 0), (0, (1 << bits) - 1), ((1 << bits) - 1, 0)
    packed = coarse.pack(numbers, bits)
    assert packed.shape == (50, -(-2 * bits // 8))
    word = (packed.astype(np.int64) << 8 * np.arange(packed.shape[1])).sum(1)
    assert (word % (1 << bits) == numbers[:, 0]).all() and (word >> bits == numbers[:, 1]).all()


@pytest.mark.parametrize("n", [1, 3, 4, 63, 64, 65, 130])
@pytest.mark.parametrize("k, d", [(32, 1), (256, 3), (512, 16), (1024, 17)])
def test_nearest_is_exact_the_smaller_number_in_ties(n, k, d):
    x, centroids = integers(n, n, d, lo=-2, hi=3), integers(k, k, d, lo=-2, hi=3)
    want = ip_or_l2(x, centroids, False).argmin(1)
    assert (coarse.nearest(x, coarse.panels(centroids)) == want).all()


def test_nearest_finds_a_minimum_at_every_number():
    centroids = np.ones((512, 1), np.float32)
    for c in range(512):
        centroids[:] = 1
        centroids[c:] = 0
        assert coarse.nearest(np.zeros((1, 1), np.float32), coarse.panels(centroids))[0] == c


def test_sums_are_exact():
    x, codes = integers(0, 200, 5), np.random.default_rng(0).integers(0, 300, 200, np.uint16)
    want = np.zeros((300, 5))
    np.add.at(want, codes, x)
    sums, counts = coarse.sums(x, codes, 300)
    assert (sums == want).all() and (counts == np.bincount(codes, minlength=300)).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_encoding_takes_the_nearest_of_either_level(shape):
    codec, *_ = made(*shape, lo=-3, hi=4)
    nsq, dsub, bits = shape
    x = integers(9, 40, nsq * dsub, lo=-8, hi=9)
    numbers = [ip_or_l2(y, c, False).argmin(1)
               for y, c in zip(np.split(x, 2, 1), codec.coarse, strict=True)]  # fmt: skip
    left = x - np.hstack([c[n] for c, n in zip(codec.coarse, numbers, strict=True)])
    parts = np.split(left, nsq, 1)
    fine = [ip_or_l2(y, c, False).argmin(1) for y, c in zip(parts, codec.centroids, strict=True)]
    codes, error = codec.encode(x)
    packed = coarse.pack(np.stack(numbers, 1), bits)
    assert np.array_equal(codes, np.hstack([packed, np.stack(fine, 1).astype(np.uint8)]))
    assert error == ((x - codec.decode(codes)) ** 2).sum(1, dtype=float).mean()


@pytest.mark.parametrize("nsq, dsub, bits", [(6, 4, 8), (5, 4, 9), (33, 4, 12)])
def test_codes_are_those_of_faiss(nsq, dsub, bits):
    faiss = pytest.importorskip("faiss")
    rng = np.random.default_rng(nsq)
    shapes = (300, nsq * dsub), (2, 1 << bits, nsq * dsub // 2), (nsq, 256, dsub)
    x, first, centroids = (rng.normal(size=s).astype(np.float32) for s in shapes)
    quantizer = faiss.MultiIndexQuantizer(nsq * dsub, 2, bits)
    faiss.copy_array_to_vector(first.ravel(), quantizer.pq.centroids)
    quantizer.is_trained, quantizer.ntotal = True, 1 << 2 * bits
    index = faiss.Index2Layer(quantizer, 1 << 2 * bits, nsq, 8)
    faiss.copy_array_to_vector(centroids.ravel(), index.pq.centroids)
    index.is_trained = True
    codec = Codec(None, centroids, first)
    codes, _ = codec.encode(x)
    theirs = index.sa_encode(x)
    assert (codes == theirs).all(1).mean() > 0.99  # their sums have another order
    assert np.array_equal(codec.decode(theirs), index.sa_decode(theirs))


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("shape", SHAPES)
def test_search_of_all_vertices_is_the_exhaustive_one(shape, metric):
    codec, codes, c, r = made(*shape)
    index = Index(codec, codes, random_graph(NB, LINKS, 3, 0, ring=True), metric=metric)
    query = integers(5, 7, c.shape[1])  # not a multiple of four
    ids, dis = by_distance_then_id(ip_or_l2(query, c + r, metric == "ip"), NB)
    found = index.search(query, NB, NB)
    assert np.array_equal(found.I, ids) and (found.D == dis).all()
    D, I = exhaustive.search(index, query, NB)
    assert np.array_equal(I, ids) and (D == dis).all()


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("shape", SHAPES)
def test_links_are_in_the_order_of_distances_between_codes(shape, metric):
    codec, codes, c, r = made(*shape)
    graph = random_graph(NB, LINKS, 3, 1)
    before = graph.neighbors.copy()
    hnsw.order(graph, c, codec=codec, codes=codes, metric=metric)
    dis = ip_or_l2(c + r, c + r, metric == "ip")
    for v, row in enumerate(before):
        links = sorted(row[row >= 0], key=lambda u: (dis[v, u], u))
        assert graph.neighbors[v, : len(links)].tolist() == links


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_a_first_level_of_zeros_changes_no_link_and_no_reconstruction(metric):
    codec, codes, _, _ = made(5, 4, 8, n=300)
    codec = dataclasses.replace(codec, coarse=np.zeros_like(codec.coarse))
    flat, fine, x = plain(codec), codes[:, 2:].copy(), integers(3, 300, 20)
    key = keys.HNSW(4, 6, 20, "codes")
    graph, same = (hnsw.build(key, x, 1, codec=c, codes=y, metric=metric)
                   for c, y in ((codec, codes), (flat, fine)))  # fmt: skip
    assert np.array_equal(graph.neighbors, same.neighbors)
    assert np.array_equal(graph.upper_neighbors, same.upper_neighbors)
    book, assigned = integers(4, 2, 256, 5), codes[:, :2].copy()
    both = [Index(c, y, graph, regression.Regression(book, assigned), metric)
            for c, y in ((codec, codes), (flat, fine))]  # fmt: skip
    ids = np.arange(300, dtype=np.int32)
    assert np.array_equal(*(i.reconstruct(ids) for i in both))
    for a, b in zip(*(i.search(x[:9], 10, 30, 5) for i in both), strict=True):
        assert np.array_equal(a, b)
    links = graph.neighbors
    pairs = ((codec, codes), (flat, fine))
    assert np.array_equal(*(regression.Moments(c, y, links, 2, len(x)).of(x) for c, y in pairs))


def test_a_reconstruction_is_the_weighted_sum_of_what_codes_stand_for():
    codec, codes, c, r = made(5, 4, 8)
    links = random_graph(NB, LINKS, 3, 2).neighbors
    book = integers(6, 2, 256, LINKS + 1)
    assigned = np.random.default_rng(7).integers(0, 256, (NB, 2), np.uint8)
    ids = np.arange(NB, dtype=np.int32)
    table = np.concatenate([ids[:, None], np.where(links < 0, ids[:, None], links)], 1)
    weights = np.stack([book[s][assigned[:, s]] for s in (0, 1)], 1)  # (nb, parts, links + 1)
    g = (c + r)[table].reshape(NB, LINKS + 1, 2, -1)
    want = np.einsum("vsj,vjst->vst", weights, g).reshape(NB, -1)
    got = beta.reconstruct(ids, codes, links, beta_centroids=book, beta_codes=assigned,
                           **codec.levels())  # fmt: skip
    assert (got == want).all()


def test_episodes_measure_what_searches_measure():
    codec, codes, c, r = made(5, 4, 8)
    graph = random_graph(NB, LINKS, 3, 3, ring=True)
    runner = episodes.Runner(graph, **codec.space(codes))
    query, start = integers(8, 6, c.shape[1]), np.zeros(6, np.int32)
    keep = episodes.thresholds(np.ones(graph.neighbors.shape))
    done = runner.record(keep, query, start, NB, NB, 1)
    assert np.array_equal(done.I, by_distance_then_id(ip_or_l2(query, c + r, False), NB)[0])


def test_threads_do_not_change_bits(data, held):
    learn, base, query = data
    key, again = keys.codec("PQ2x8_OPQ4_16"), held.index
    for threads in (2, 3):
        codec = opq.train(learn, key, 1, threads)
        assert all(np.array_equal(getattr(codec, name), getattr(held.codec, name))
                   for name in ("rotation", "coarse", "centroids"))  # fmt: skip
        index = LinkCode(codec).add(base, beta="beta2x256", threads=threads, **BUILD).index
        assert np.array_equal(index.codes, again.codes)
        assert np.array_equal(index.graph.neighbors, again.graph.neighbors)
        assert np.array_equal(index.beta.beta_codes, again.beta.beta_codes)
        found = zip(index.search(query, 9, 20, 5, threads), again.search(query, 9, 20, 5),
                    strict=True)  # fmt: skip
        assert all(a.tobytes() == b.tobytes() for a, b in found)


@pytest.mark.parametrize("key", ["PQ2x8_OPQ4_16", "PQ2x8_OPQ3_12", "PQ2x9_OPQ5_20", "PQ2x8_PQ4"])
def test_two_levels_are_nearer_than_one(key, data):
    learn, base, _ = data
    parsed = keys.codec(key)
    codec = opq.train(learn, parsed, 1)
    assert codec.coarse.shape == (2, 1 << parsed.bits, codec.d_out // 2)
    one = opq.train(learn, parsed._replace(bits=None), 1)
    assert codec.encode(base)[1] < 0.9 * one.encode(base)[1]
    if parsed.d_out:
        R = codec.rotation.astype(float)
        product = R @ R.T if codec.d_out <= 16 else R.T @ R
        assert np.abs(product - np.eye(len(product))).max() < 1e-5


def test_residuals_are_as_long_as_those_of_new_vectors():
    y, new = (np.random.default_rng(seed).normal(size=(1200, 8)).astype("f4") for seed in (0, 1))
    first, left = training.train(y, 8, np.random.default_rng(0))
    nearest = [coarse.nearest(np.ascontiguousarray(x), coarse.panels(c))
               for x, c in zip(np.split(new, 2, 1), first, strict=True)]  # fmt: skip
    theirs = new - np.hstack([c[n] for c, n in zip(first, nearest, strict=True)])
    assert 0.85 < (left**2).mean() / (theirs**2).mean() < 1.15


def test_the_mean_does_not_matter(data):
    learn = np.round(data[0] * 8) / 8
    key = keys.codec("PQ2x8_OPQ4_16")
    near, far = (opq.train(x, key, 0).encode(x)[1] for x in (learn, learn + 32))
    assert np.isclose(near, far, rtol=0.05)


def test_regression_and_search_work_on_two_levels(held, data):
    _, base, query = data
    ids, x = np.arange(len(base)), held.codec.rotate(base)
    own, refined = held.codec.decode(held.index.codes), held.reconstruct(ids)
    assert ((refined - x) ** 2).sum() < ((own - x) ** 2).sum()
    assert held.index.bytes_per_vector() == 4 * 5 + 2 + 4 + 2
    D, I, *_ = held.search(query, 10, 40)
    rotated = held.codec.rotate(query)
    for q in range(len(query)):
        assert np.allclose(D[q], ip_or_l2(rotated[q : q + 1], own[I[q]], False)[0], rtol=1e-4)


def test_what_is_saved_is_what_is_read(held, data, tmp_path):
    held.save(tmp_path / "i.h5")
    held.codec.save(tmp_path / "codec.h5", {})
    plain(held.codec).save(tmp_path / "one.h5", {})
    again, codec = LinkCode.load(tmp_path / "i.h5"), Codec.load(tmp_path / "codec.h5")
    for x in (again.codec, codec):
        assert np.array_equal(x.coarse, held.codec.coarse)
        assert np.array_equal(x.encode(data[1])[0], held.index.codes)
    for a, b in zip(again.search(data[2], 5, 20, 5), held.search(data[2], 5, 20, 5), strict=True):
        assert a.tobytes() == b.tobytes()
    with h5py.File(tmp_path / "one.h5") as f:
        assert sorted(f) == ["centroids", "rotation"]
    assert Codec.load(tmp_path / "one.h5").coarse is None


def test_codes_of_another_size_are_refused(held):
    with refuses(ShapeError, "codes", "(500, 4)", "(500, 6)"):
        dataclasses.replace(held.index, codes=held.index.codes[:, 2:].copy())
    with refuses(ShapeError, "codes", "(any, 6)"):
        held.codec.decode(held.index.codes[:, :5].copy())


@pytest.mark.parametrize(
    "first, words",
    [
        (np.zeros((2, 256, 8), np.float64), ["float32"]),
        (np.zeros((2, 256, 7), np.float32), ["(2, any, 8)"]),
        (np.zeros((3, 256, 8), np.float32), ["(2, any, 8)"]),
        (np.zeros((2, 300, 8), np.float32), ["power of two", "300"]),
        (np.zeros((2, 128, 8), np.float32), ["256 ... 65536", "128"]),
    ],
)
def test_a_wrong_first_level_is_refused(first, words):
    with refuses(ShapeError, "coarse", *words):
        Codec(None, np.zeros((4, 256, 4), np.float32), first)


def test_dimensions_that_have_no_two_halves_are_refused():
    with refuses(ShapeError, "coarse", "even", "15"):
        Codec(None, np.zeros((5, 256, 3), np.float32), np.zeros((2, 256, 7), np.float32))
    with refuses(ShapeError, "coarse", "2048", "2052"):
        Codec(None, np.zeros((513, 256, 4), np.float32), np.zeros((2, 256, 1026), np.float32))
    with refuses(DataError, "PQ2x8_PQ3", "15", "even"):
        opq.train(clustered(300, 15, 0), keys.codec("PQ2x8_PQ3"), 0)


def test_too_few_training_vectors_are_refused(data):
    for key, n in (("PQ2x12_OPQ4_16", 4096), ("PQ2x10_PQ4", 1024)):
        with refuses(DataError, key, f"{n} centroids", "900 training vectors"):
            opq.train(data[0], keys.codec(key), 0)


def test_kernels_refuse_what_does_not_fit():
    codec, codes, c, _ = made(5, 4, 8)
    first = codec.space(codes)["coarse"]
    with refuses(ShapeError, "coarse", "20 dimensions", "16"):
        adc.decode(codes[:, :6].copy(), codec.centroids[:4].copy(), coarse=first)
    with refuses(ShapeError, "cross"):
        hnsw.kernel.Builder(random_graph(NB, 5, 3, 0), 9, codes=codes, **codec.levels())
    with refuses(ShapeError, "panels"):
        coarse.nearest(c, first.panels[0])
    with refuses(ShapeError, "multiple of 32"):
        coarse.panels(np.zeros((33, 2), np.float32))
    with refuses(ShapeError, "codes"):
        coarse.cross(codes[:, 1:].copy(), codec.centroids, first)
    half = codec.coarse.shape[2]
    odd = coarse.Coarse(
        np.zeros((2, 320, half), np.float32), np.zeros((2, 10, half, 32), np.float32)
    )
    with refuses(ShapeError, "power of two", "320"):
        adc.decode(codes, codec.centroids, coarse=odd)
    for call in (lambda: coarse.nearest(c[:, :10].copy(), first.panels[0], 0),
                 lambda: coarse.cross(codes, codec.centroids, first, 0)):  # fmt: skip
        with refuses(ShapeError, "threads", "0"):
            call()


def test_faiss_does_not_build_on_two_levels():
    pytest.importorskip("faiss")
    codec, codes, c, _ = made(5, 4, 8)
    with refuses(ConfigError, "one level"):
        faiss_hnsw.build(keys.HNSW(4, 6, 20, "x", "faiss"), c, codec=codec, codes=codes)


def test_codes_of_a_file_assemble_to_the_same_index(held, data, tmp_path):
    i = held.index
    again = assembled(i, tmp_path)
    for a, b in zip(again.search(data[2], 5, 20, 5), i.search(data[2], 5, 20, 5), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("numbers", [[[300, 1]], [[-1, 0]], [[0, 256]]])
def test_numbers_beyond_the_first_level_are_refused(numbers):
    with refuses(ShapeError, "numbers", "0 ... 255"):
        coarse.pack(np.array(numbers), 8)
