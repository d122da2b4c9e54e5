import numpy as np
import pytest
from conftest import integers, refuses

from linkprune.errors import ShapeError
from linkprune.kernels import adc

SHAPES = [(nsq, dsub) for nsq in (1, 3, 5, 36) for dsub in (1, 3, 4)]
N = [1, 3, 4, 5, 33]


def parts(x, nsq):
    return x.reshape(len(x), nsq, 1, -1).astype(int)


@pytest.mark.parametrize("ip", [False, True])
@pytest.mark.parametrize("nsq, dsub", SHAPES)
def test_tables_are_exact(nsq, dsub, ip):
    cent = integers(nsq, nsq, 256, dsub)
    for n in N:
        x = integers(n, n, nsq * dsub)
        y = cent.astype(int)
        want = (-parts(x, nsq) * y if ip else (parts(x, nsq) - y) ** 2).sum(3)
        assert (adc.tables(x, cent, ip) == want).all()


@pytest.mark.parametrize("nsq, dsub", SHAPES)
def test_encode_takes_the_nearest_centroid_the_smaller_code_in_ties(nsq, dsub):
    cent = integers(nsq, nsq, 256, dsub, lo=-3, hi=4)  # few values, so ties everywhere
    for n in N:
        x = integers(n, n, nsq * dsub, lo=-3, hi=4)
        want = ((parts(x, nsq) - cent.astype(int)) ** 2).sum(3).argmin(2)
        assert (adc.encode(x, cent) == want).all()


def test_encode_finds_a_minimum_at_every_code():
    x = np.zeros((1, 1), np.float32)
    for c in range(256):
        cent = np.ones((1, 256, 1), np.float32)
        cent[0, c] = 0
        assert adc.encode(x, cent)[0, 0] == c
        for later in {min(c + 1, 255), min(c + 16, 255), 255}:
            cent[0, later] = 0
            assert adc.encode(x, cent)[0, 0] == c


def test_encode_of_equal_centroids_is_zero():
    assert (adc.encode(integers(0, 5, 6), np.ones((2, 256, 3), np.float32)) == 0).all()


@pytest.mark.parametrize("nsq, dsub", SHAPES)
def test_decode_puts_the_centroids_side_by_side(nsq, dsub):
    cent = integers(1, nsq, 256, dsub)
    for n in N:
        codes = np.random.default_rng(n).integers(0, 256, (n, nsq), np.uint8)
        want = np.hstack([cent[m, codes[:, m]] for m in range(nsq)])
        assert np.array_equal(adc.decode(codes, cent), want)


@pytest.mark.parametrize("nsq, dsub", SHAPES)
def test_encoding_what_was_decoded_changes_nothing(nsq, dsub):
    rng = np.random.default_rng(nsq)
    cent = rng.normal(size=(nsq, 256, dsub)).astype(np.float32)
    cent[:, 100:120] = cent[:, 50:51]  # equal centroids: the smaller code stands for them
    x = rng.normal(size=(33, nsq * dsub)).astype(np.float32)
    codes = adc.encode(x, cent)
    again = adc.encode(adc.decode(codes, cent), cent)
    assert np.array_equal(again, codes)
    any_codes = rng.integers(0, 256, (33, nsq), np.uint8)
    decoded = adc.decode(any_codes, cent)
    assert np.array_equal(adc.decode(adc.encode(decoded, cent), cent), decoded)


@pytest.mark.parametrize("nsq", [1, 3, 5, 36])
@pytest.mark.parametrize("d", [1, 2, 15, 16, 17, 31, 33, 100])
def test_class_sums_are_exact(d, nsq):
    for n in (1, 5, 33):
        x = integers(n, n, d)
        codes = np.random.default_rng(n).integers(0, 7, (n, nsq), np.uint8)
        sums, counts = adc.class_sums(x, codes)
        want = np.zeros((nsq, 256, d))
        for m in range(nsq):
            np.add.at(want[m], codes[:, m], x)
            assert (counts[m] == np.bincount(codes[:, m], minlength=256)).all()
        assert (sums == want).all()


def test_no_rows_give_no_rows():
    cent, x = np.ones((2, 256, 3), np.float32), np.empty((0, 6), np.float32)
    assert adc.tables(x, cent).shape == (0, 2, 256)
    codes = adc.encode(x, cent)
    assert codes.shape == (0, 2) and adc.decode(codes, cent).shape == (0, 6)
    sums, counts = adc.class_sums(x, codes)
    assert not sums.any() and not counts.any()


def test_threads_do_not_change_bits():
    rng = np.random.default_rng(0)
    x, cent = rng.normal(size=(333, 15)), rng.normal(size=(5, 256, 3))
    x, cent = x.astype(np.float32), cent.astype(np.float32)
    codes = adc.encode(x, cent)
    for t in (2, 4):
        assert np.array_equal(adc.encode(x, cent, t), codes)
        assert adc.tables(x, cent, threads=t).tobytes() == adc.tables(x, cent).tobytes()
        assert np.array_equal(adc.decode(codes, cent, t), adc.decode(codes, cent))
        assert adc.class_sums(x, codes, t)[0].tobytes() == adc.class_sums(x, codes)[0].tobytes()


CENT, X, CODES = (
    np.ones((2, 256, 3), np.float32),
    np.ones((4, 6), np.float32),
    np.ones((4, 2), "u1"),
)


@pytest.mark.parametrize(
    "cent",
    [CENT.astype(float), CENT[:, :255].copy(), CENT[0], np.asfortranarray(CENT), CENT[:, :, ::2]],
    ids=["float64", "255", "two axes", "fortran", "strided"],
)
def test_wrong_centroids_are_refused(cent):
    for call in (adc.tables, adc.encode):
        with refuses(ShapeError, "centroids"):
            call(X, cent)
    with refuses(ShapeError, "centroids"):
        adc.decode(CODES, cent)


@pytest.mark.parametrize(
    "x", [X.astype(float), X[:, :5].copy(), X[0], np.asfortranarray(X), X[:, ::-1]]
)
def test_wrong_vectors_are_refused(x):
    for call in (adc.tables, adc.encode):
        with refuses(ShapeError, "x"):
            call(x, CENT)


@pytest.mark.parametrize("codes", [CODES.astype(np.int8), CODES[:, :1].copy(), CODES[:, ::-1]])
def test_wrong_codes_are_refused(codes):
    with refuses(ShapeError, "codes"):
        adc.decode(codes, CENT)
    if codes.shape[1] == 2:
        with refuses(ShapeError, "codes"):
            adc.class_sums(X, codes)
    with refuses(ShapeError, "codes", "(3, any)"):
        adc.class_sums(X[:3], CODES)


def test_threads_must_be_positive():
    for call in (
        lambda: adc.tables(X, CENT, threads=0),
        lambda: adc.encode(X, CENT, 0),
        lambda: adc.decode(CODES, CENT, 0),
        lambda: adc.class_sums(X, CODES, 0),
    ):
        with refuses(ShapeError, "threads", "0"):
            call()
