import numpy as np
import pytest
from conftest import clustered, refuses
from threadpoolctl import threadpool_limits

from linkprune import keys, opq
from linkprune.codec import Codec
from linkprune.errors import DataError, ShapeError
from linkprune.kernels import adc


def correlated(n, d, seed):
    """Gaussian vectors whose variance lies in few directions, none of them an axis."""
    mix = np.random.default_rng(77).normal(size=(d, d)) * 0.6 ** np.arange(d)[:, None]
    return (np.random.default_rng(seed).normal(size=(n, d)) @ mix).astype(np.float32)


def bits(codec):
    return (b"" if codec.rotation is None else codec.rotation.tobytes()) + codec.centroids.tobytes()


@pytest.mark.parametrize("key", ["OPQ4_16", "OPQ4_12", "OPQ3_9", "OPQ4_24", "OPQ1_16", "OPQ16_16"])
def test_rotation_is_orthonormal(key):
    x = clustered(600, 16, 0)
    codec = opq.train(x, keys.codec(key), 0)
    R = codec.rotation.astype(float)
    d_out = keys.codec(key).d_out
    assert R.shape == (d_out, 16) and codec.d == 16 and codec.d_out == d_out
    product = R @ R.T if d_out <= 16 else R.T @ R
    assert np.abs(product - np.eye(min(d_out, 16))).max() < 1e-5
    codes, error = codec.encode(x)
    assert codes.shape == (600, keys.codec(key).nsq) and np.isfinite(error)


def test_error_is_below_that_of_plain_pq_on_correlated_data():
    x, held_out = correlated(3000, 16, 0), correlated(1000, 16, 1)
    plain, turned = (opq.train(x, keys.codec(k), 0) for k in ("PQ4", "OPQ4_16"))
    assert turned.encode(held_out)[1] < 0.8 * plain.encode(held_out)[1]


def test_wider_rotation_keeps_distances():
    x = clustered(600, 16, 0)
    codec = opq.train(x, keys.codec("OPQ4_24"), 0)
    y = codec.rotate(x).astype(float)
    assert np.allclose((y**2).sum(1), (x.astype(float) ** 2).sum(1), rtol=1e-4)


def test_training_lowers_the_error_below_that_of_a_sample_as_centroids():
    x = clustered(2000, 16, 0)
    start = np.ascontiguousarray(x[:256].reshape(256, 4, 4).transpose(1, 0, 2))
    assert opq.train(x, keys.codec("PQ4"), 0).encode(x)[1] < 0.8 * Codec(None, start).encode(x)[1]


def test_turning_the_rotation_lowers_the_error_below_that_of_its_start(monkeypatch):
    x = clustered(2000, 16, 1)
    turned = opq.train(x, keys.codec("OPQ4_16"), 0).encode(x)[1]
    for name, rounds in (("SAMPLE_ROUNDS", 0), ("ROUNDS", 0), ("FINAL_ROUNDS", 44)):
        monkeypatch.setattr(opq, name, rounds)
    assert turned < 0.99 * opq.train(x, keys.codec("OPQ4_16"), 0).encode(x)[1]


def test_a_centroid_without_members_moves_to_a_training_vector():
    y = clustered(50, 6, 0)
    means = np.full((3, 256, 2), 9.0)
    counts = np.ones((3, 256), int)
    counts[1, 7] = counts[2, 255] = 0
    out = opq._refilled(means, counts, y, np.random.default_rng(0))
    for m, c in ((1, 7), (2, 255)):
        assert (out[m, c] == y[:, 2 * m : 2 * m + 2]).all(1).any()
        means[m, c] = out[m, c]
    assert out.dtype == np.float32 and (out == means).all()


def test_the_mean_does_not_matter():
    x = np.round(clustered(1000, 16, 0) * 8) / 8
    for key in ("PQ4", "OPQ4_16"):
        near, far = (opq.train(y, keys.codec(key), 0).encode(y)[1] for y in (x, x + 32))
        assert np.isclose(near, far, rtol=0.05)


@pytest.mark.parametrize("key", ["PQ4", "OPQ4_12", "OPQ4_24"])
def test_threads_do_not_change_bits(key):
    x = clustered(1200, 16, 0)
    one = bits(opq.train(x, keys.codec(key), 3, threads=1))
    assert all(bits(opq.train(x, keys.codec(key), 3, threads=t)) == one for t in (1, 2, 4))
    with threadpool_limits(2):
        assert bits(opq.train(x, keys.codec(key), 3)) == one
    assert bits(opq.train(x, keys.codec(key), 4)) != one


def test_only_the_first_rows_train(monkeypatch):
    monkeypatch.setattr(opq, "TRAIN_ROWS", 400)
    x = clustered(500, 16, 0)
    key = keys.codec("OPQ4_16")
    assert bits(opq.train(x, key, 0)) == bits(opq.train(x[:400], key, 0))
    assert bits(opq.train(x[100:], key, 0)) != bits(opq.train(x, key, 0))


def test_the_stored_type_does_not_matter():
    x = np.round(clustered(400, 16, 0) * 10 + 60)
    for key in ("PQ4", "OPQ4_16"):
        one = opq.train(x, keys.codec(key), 0)
        for dtype in (np.uint8, np.int8, np.float64):
            assert bits(opq.train(x.astype(dtype), keys.codec(key), 0)) == bits(one)
            assert np.array_equal(one.encode(x.astype(dtype))[0], one.encode(x)[0])


@pytest.mark.parametrize("key", ["PQ4", "OPQ4_12", "OPQ4_24"])
def test_degenerate_data_train_and_code_without_error(key):
    constant = np.full((256, 16), 3, np.float32)
    few = np.repeat(clustered(5, 16, 0), 60, 0)
    line = np.outer(np.arange(300), np.ones(16)).astype(np.float32)
    for x, bound in ((constant, 1e-6), (few, 1e-3), (line, np.inf)):
        codec = opq.train(x, keys.codec(key), 0)
        codes, error = codec.encode(x)
        assert np.isfinite(codec.centroids).all() and error < bound
        assert codec.rotation is None or np.isfinite(codec.rotation).all()
        assert len(np.unique(codes, axis=0)) <= len(np.unique(x, axis=0))


def test_encode_is_idempotent_and_reports_its_error(world):
    codec, base = world["codec"], world["base"]
    y, z = codec.rotate(base), codec.decode(world["codes"])
    want = ((y.astype(float) - z) ** 2).sum(1).mean()
    assert np.isclose(world["error"], want, rtol=1e-9)
    assert np.array_equal(adc.decode(adc.encode(z, codec.centroids), codec.centroids), z)
    assert np.allclose(y, base @ codec.rotation.T, atol=1e-5)


def test_chunks_do_not_change_codes_and_error(world, monkeypatch):
    from linkprune import chunks, codec

    for size in (1, 7, 1000):
        monkeypatch.setattr(codec, "tracked", lambda n, _, size=size: chunks.chunks(n, size))
        rows = world["base"][:300]
        codes, error = world["codec"].encode(rows)
        assert np.array_equal(codes, world["codes"][:300])
        monkeypatch.undo()
        assert error == world["codec"].encode(rows)[1]


def test_encoding_with_threads_gives_the_same_bits(world):
    for t in (2, 4):
        codes, error = world["codec"].encode(world["base"], t)
        assert np.array_equal(codes, world["codes"]) and error == world["error"]


def test_no_vectors_have_no_codes_and_no_error(world):
    codes, error = world["codec"].encode(world["base"][:0])
    assert codes.shape == (0, 4) and error == 0


def test_what_cannot_be_trained_is_refused():
    x = clustered(300, 16, 0)
    with refuses(DataError, "OPQ4_16", "255", "256"):
        opq.train(x[:255], keys.codec("OPQ4_16"), 0)
    with refuses(DataError, "PQ5", "16 dimensions", "5 parts"):
        opq.train(x, keys.codec("PQ5"), 0)
    codec = opq.train(x, keys.codec("PQ4"), 0)
    for bad in (x[:, :15], x[0]):
        with refuses(ShapeError, "(n, 16)", str(bad.shape)):
            codec.rotate(bad)


@pytest.mark.parametrize("key", ["PQ4", "OPQ4_12"])
def test_save_and_load_give_the_same_codec(key, tmp_path):
    codec = opq.train(clustered(300, 16, 0), keys.codec(key), 0)
    codec.save(tmp_path / "codec.h5", {"key": key})
    again = Codec.load(tmp_path / "codec.h5")
    assert bits(again) == bits(codec) and again.d == 16
    assert (again.rotation is None) == (key == "PQ4")
