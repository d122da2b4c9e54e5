import logging

import numpy as np
import pytest
from conftest import clustered, refuses

from linkprune import beta, keys, regression, seeds
from linkprune.codec import Codec
from linkprune.errors import DataError, ShapeError
from linkprune.kernels import adc
from linkprune.regression import Regression


def random_world(kind, n=600, d=12, M0=4, seed=0):
    """base, codec, codes, neighbors without any training, of data that is awkward in some way."""
    rng = np.random.default_rng(seed)
    x = {
        "clustered": lambda: clustered(n, d, seed),
        "duplicates": lambda: np.repeat(clustered(-(-n // 20), d, seed), 20, 0)[:n],
        "constant": lambda: np.full((n, d), 2.5, np.float32),
        "coarse": lambda: np.round(clustered(n, d, seed)).astype(np.float32),
    }[kind]()
    pool = x[rng.integers(0, n, 256)] + rng.normal(0, 0.3, (256, d)).astype(np.float32)
    cent = np.ascontiguousarray(pool.reshape(256, 3, -1).transpose(1, 0, 2), np.float32)
    codes = adc.encode(x, cent)
    near = ((x[:, None] - x[None]) ** 2).sum(2).argsort(1, kind="stable")[:, 1 : M0 + 1]
    neighbors = near.astype(np.int32)
    for row in neighbors[::7]:
        row[rng.integers(0, M0 + 1) :] = -1
    return x, Codec(None, cent), codes, neighbors


def trained(key, w, seed=0, **more):
    base, codec, codes, neighbors = w
    return beta.train(keys.beta(key), base, codec, codes, neighbors, seed, **more)


def error_of(w, r):
    """Mean squared error by reconstructing, in double."""
    base, codec, codes, neighbors = w
    ids = np.arange(len(base), dtype=np.int32)
    y = regression.reconstruct(ids, codec, codes, neighbors, r)
    return ((base.astype(float) - y) ** 2).sum(1).mean()


def pq_error(w):
    return w[1].encode(w[0])[1]


KINDS = ["clustered", "duplicates", "constant", "coarse"]


CASES = [("beta1x256", kind, seed) for kind in KINDS for seed in (0, 1)]
CASES += [("beta4x256", "clustered", 2), ("beta3x256", "coarse", 3)]


@pytest.mark.parametrize("key, kind, seed", CASES)
def test_error_never_rises_and_ends_below_that_of_the_codes(key, kind, seed):
    w = random_world(kind, n=300 + 100 * seed, seed=seed)
    book, history = trained(key, w, seed)
    parts = keys.beta(key).nsq
    assert book.shape == (parts, 256, 5) and history.shape == (parts, beta.ROUNDS)
    assert (np.diff(history, axis=1) <= 0).all()
    plain = pq_error(w)
    assert history[:, 0].sum() <= plain * (1 + 1e-5) + 1e-9
    r, error = regression.encode(*w, book)
    # With one or two members a codeword's weights grow large, and float32 shows.
    assert error <= history[:, -1].sum() * (1 + 5e-3) + 1e-6
    assert np.isclose(error_of(w, r), error, rtol=5e-3, atol=1e-5)


def test_reconstructions_get_no_worse_with_more_rounds():
    w = random_world("clustered", n=1500)
    errors = []
    for rounds in (1, 2, 4, 8):
        r, error = regression.encode(*w, trained("beta1x256", w, rounds=rounds)[0])
        errors.append(error_of(w, r))
        assert np.isclose(error, errors[-1], rtol=1e-3)
    assert (np.diff(errors) <= 1e-4 * errors[0]).all() and errors[-1] < errors[0]


def test_a_refit_that_rounding_made_worse_is_not_taken(monkeypatch):
    w = random_world("clustered", n=400)
    real, books = beta._refit, []

    def refit(sums, m1):
        book, errors = real(sums, m1)
        books.append(book.astype(np.float32))
        return book, errors * (1 if len(books) < 3 else 1.5)

    monkeypatch.setattr(beta, "_refit", refit)
    book, history = trained("beta1x256", w, rounds=5)
    assert (np.diff(history) <= 0).all() and (history[0, 1:] == history[0, 1]).all()
    assert len(books) == 5 and np.array_equal(book[0], books[1])


def test_few_vectors_leave_no_codeword_without_a_member():
    w = random_world("coarse", n=256)  # as many vectors as codewords, and many equal
    book, history = trained("beta1x256", w)
    assert np.isfinite(book).all() and (np.diff(history) <= 0).all()


def test_filling_an_empty_codeword_takes_half_of_another():
    rng = seeds.generator(0, "test")
    assigned = np.zeros(512, np.uint8)
    filled = beta._fill_empty(assigned, rng)
    assert (np.bincount(filled, minlength=256) >= 1).all()
    assert not assigned.any() or filled is assigned
    full = np.arange(256).astype(np.uint8)
    assert np.array_equal(beta._fill_empty(full.copy(), rng), full)
    one = full.copy()
    one[9] = 200  # 9 is empty, 200 has two
    filled = beta._fill_empty(one, rng)
    assert np.array_equal(np.sort(filled), full)


@pytest.mark.parametrize("kind", KINDS)
def test_beta0_is_the_least_squares_solution_and_below_the_codes(kind):
    w = random_world(kind)
    base, codec, codes, neighbors = w
    book, history = trained("beta0", w)
    assert book.shape == (1, 1, 5) and book.dtype == np.float32
    r, error = regression.encode(*w, book)
    assert r.beta_codes is None
    assert error <= pq_error(w) * (1 + 1e-6) + 1e-9
    assert np.isclose(history.sum(), error, rtol=1e-4, atol=1e-6)
    q = codec.decode(codes).astype(float)
    ids = np.column_stack([np.arange(len(base)), neighbors])
    ids = np.where(ids < 0, ids[:, :1], ids)
    G = q[ids].transpose(0, 2, 1).reshape(-1, 5)  # (n d, m1)
    b = np.linalg.lstsq(G, base.astype(float).ravel(), rcond=1e-5)[0]
    want = ((G @ b - base.ravel()) ** 2).sum() / len(base)
    # The sum of the least squares over the whole table, or, where the table has no full rank, what
    # the differences to the vertex's own code allow: never worse than rounding.
    assert error <= want * 1.01 + 1e-6


@pytest.mark.parametrize("parts", [1, 4, 12])
def test_encode_picks_the_best_of_all_codewords(parts):
    w = random_world("clustered", n=40)
    base, codec, codes, neighbors = w
    book = np.random.default_rng(1).normal(0, 0.4, (parts, 256, 5)).astype(np.float32)
    book[:, :, 0] += 1
    r, error = regression.encode(*w, book)
    assert r.beta_codes.shape == (40, parts) and np.array_equal(r.beta_centroids, book)
    q = codec.decode(codes).astype(float)
    total = 0
    for v in range(40):
        G = np.stack([q[v]] + [q[v if u < 0 else u] for u in neighbors[v]])
        for p, (g, x) in enumerate(
            zip(np.split(G, parts, 1), np.split(base[v].astype(float), parts), strict=True)
        ):
            errors = ((book[p].astype(float) @ g - x) ** 2).sum(1)
            assert errors[r.beta_codes[v, p]] <= errors.min() * (1 + 1e-4) + 1e-5
            total += errors.min()
    assert np.isclose(error, total / 40, rtol=1e-4)


def test_equal_codewords_are_coded_as_the_smallest():
    w = random_world("clustered", n=40)
    book = np.zeros((2, 256, 5), np.float32)
    book[:, :, 0] = 1
    r, error = regression.encode(*w, book)
    assert not r.beta_codes.any() and np.isclose(error, pq_error(w), rtol=1e-5)


def test_rounds_lower_the_error_of_held_out_vectors(world):
    base, codec, codes, graph = (world[k] for k in ("base", "codec", "codes", "graph"))
    book, _ = beta.train(keys.beta("beta2x256"), base[:900], codec, codes, graph.neighbors, 0)
    _, error = regression.encode(base, codec, codes, graph.neighbors, book)
    assert error < world["error"]


@pytest.mark.parametrize("key", ["beta0", "beta3x256"])
def test_threads_and_chunks_do_not_change_bits(key, monkeypatch):
    w = random_world("clustered", n=500)
    book, history = trained(key, w)
    r, error = regression.encode(*w, book)

    def same(threads):
        again, told = trained(key, w, threads=threads)
        assert again.tobytes() == book.tobytes() and told.tobytes() == history.tobytes()
        s, e = regression.encode(*w, book, threads=threads)
        assert e == error and (key == "beta0" or np.array_equal(s.beta_codes, r.beta_codes))

    for t in (1, 2, 4):
        same(t)
    assert trained(key, w, seed=1)[0].tobytes() != book.tobytes() or key == "beta0"
    for size in (17, 249):  # for each thread
        monkeypatch.setattr(beta, "MOMENT_ROWS", size)
        monkeypatch.setattr(beta, "ASSIGNED_ROWS", size)
        monkeypatch.setattr(regression, "ROWS", size)
        same(2)


def test_training_vectors_are_the_first_vertices():
    base, codec, codes, neighbors = random_world("clustered", n=500)
    book, _ = trained("beta1x256", (base[:300], codec, codes, neighbors))
    assert book.shape == (1, 256, 5)
    other = codes.copy()
    other[300:] = 0
    own = np.where(neighbors < 300, neighbors, -1)
    a = trained("beta1x256", (base[:300], codec, codes, own))
    b = trained("beta1x256", (base[:300], codec, other, own))
    assert a[0].tobytes() == b[0].tobytes()


def test_polynomial_of_the_vertex_alone_is_the_error_of_its_code():
    columns = regression.polynomials(np.array([[[1, 0, 0], [0, 1, 0], [2, 0, 0]]], np.float32))[0]
    assert columns.shape == (10, 3) and columns.dtype == np.float32
    assert columns[:, 0].tolist() == [0] * 9 + [1]
    assert columns[:, 1].tolist() == [0, 0, 0, 1, 0, 0, 0, -2, 0, 1]
    assert columns[:, 2].tolist() == [1, 0, 0, 0, 0, 0, -2, 0, 0, 1]


def test_what_cannot_be_trained_is_refused():
    base, codec, codes, neighbors = random_world("clustered", n=300)
    with refuses(DataError, "beta4x256", "256", "255"):
        trained("beta4x256", (base[:255], codec, codes, neighbors))
    with refuses(DataError, "12", "5 beta parts"):
        trained("beta5x256", (base, codec, codes, neighbors))
    for wrong in (base[:, :1], base[:, :7], base[0]):
        with refuses(ShapeError, "vectors are", "12"):
            trained("beta0", (wrong, codec, codes, neighbors))
    with refuses(ShapeError, "5 vectors", "4"):
        regression.Moments(codec, codes, neighbors, 1, 4).of(base[:5])


def test_beta0_needs_no_more_vectors_than_one():
    base, codec, codes, neighbors = random_world("clustered", n=300)
    book, _ = trained("beta0", (base[:1], codec, codes, neighbors))
    assert np.isfinite(book).all()


@pytest.mark.parametrize("key", ["beta0", "beta3x256"])
def test_save_and_load_give_the_same_regression(key, tmp_path):
    w = random_world("clustered", n=300)
    r, error = regression.encode(*w, trained(key, w, rounds=2)[0])
    r.save(tmp_path / "beta.h5", {"error": error})
    again = Regression.load(tmp_path / "beta.h5")
    assert np.array_equal(again.beta_centroids, r.beta_centroids)
    assert (again.beta_codes is None) == (key == "beta0")
    assert key == "beta0" or np.array_equal(again.beta_codes, r.beta_codes)


def test_training_reports_each_part(caplog):
    with caplog.at_level(logging.INFO, "linkprune.beta"):
        trained("beta3x256", random_world("clustered", n=300), rounds=2)
    assert [r.args[0] for r in caplog.records] == [0, 1, 2]
