import numpy as np
import pytest
from conftest import refuses
from test_kernels_beta import vertices

from linkprune.errors import KernelError, ShapeError
from linkprune.kernels import beta

CODES, LINKS, CENT = vertices(6, 3, 4, 2)
X, IDS = np.zeros((6, 12), np.float32), np.arange(6, dtype=np.int32)
OUT = np.zeros((1, 6, 10), np.float32)
W = np.zeros((1, 12, 257), np.float32)
COLUMNS = np.zeros((3, 10, 256), np.float32)
BOOK, ASSIGNED = np.zeros((3, 256, 3), np.float32), np.zeros((6, 3), np.uint8)


@pytest.mark.parametrize(
    "codes, links, cent, name",
    [
        (CODES.astype(int), LINKS, CENT, "codes"),
        (CODES[:, :2].copy(), LINKS, CENT, "codes"),
        (CODES, LINKS.astype(np.int64), CENT, "neighbors"),
        (CODES, LINKS[:5], CENT, "neighbors"),
        (CODES, np.asfortranarray(LINKS), CENT, "neighbors"),
        (CODES, LINKS, CENT.astype(float), "centroids"),
        (CODES, LINKS, CENT[:, :255].copy(), "centroids"),
    ],
)
def test_wrong_vertices_are_refused_by_name(codes, links, cent, name):
    with refuses(ShapeError, name):
        beta.moments(X, 0, codes, links, cent, OUT)
    with refuses(ShapeError, name):
        beta.reconstruct(IDS, codes, links, cent, BOOK, ASSIGNED)
    with refuses(ShapeError, name):
        beta.reorder(X, X[:, :2].copy(), np.zeros((6, 2), np.int32), 1, codes, links, cent, BOOK,
                     ASSIGNED)  # fmt: skip


def test_a_codebook_that_does_not_fit_is_refused():
    for beta_cent, beta_codes, words in (
        (BOOK[:, :1].copy(), ASSIGNED, ("1 codewords", "given")),
        (BOOK, None, ("256 codewords", "absent")),
        (np.zeros((5, 256, 3), np.float32), np.zeros((6, 5), np.uint8), ("5 parts", "12")),
        (BOOK[:, :, :2].copy(), ASSIGNED, ("beta_centroids", "(3, 256, 2)")),
        (BOOK, ASSIGNED[:5], ("beta_codes", "(6, 3)")),
        (BOOK, ASSIGNED.astype(int), ("beta_codes", "int64")),
        (BOOK.astype(float), ASSIGNED, ("beta_centroids", "float64")),
    ):
        with refuses(ShapeError, *words):
            beta.reconstruct(IDS, CODES, LINKS, CENT, beta_cent, beta_codes)


TURN = np.zeros((12, 12), np.float32)


def least(x=X, rotation=None, w=COLUMNS, assigned=ASSIGNED, out=None):
    return beta.moments(X, 0, CODES, LINKS, CENT, out, 1, None, rotation, w, assigned)


def over(x, dtype, *shape):
    """The memory of x as an array of another kind."""
    return x.reshape(-1).view(dtype)[: np.prod(shape)].reshape(shape)


@pytest.mark.parametrize("onto", [5, (1, 2, 3)])
def test_sums_go_onto_sums_and_counts(onto):
    x, codes = np.zeros((1, 4, 3), np.float32), np.zeros((4, 1), np.uint8)
    with refuses(ShapeError, "onto", "sums and counts"):
        beta.group_sums(x, codes, 2, onto)


def test_numbers_out_of_range_are_refused():
    I = np.zeros((6, 2), np.int32)
    D = np.zeros((6, 2), np.float32)
    rest = CODES, LINKS, CENT, BOOK, ASSIGNED
    for call, words in (
        (lambda: beta.reconstruct(IDS + 1, *rest), ("ids", "6")),
        (lambda: beta.reconstruct(IDS - 1, *rest), ("ids", "-1")),
        (lambda: beta.reorder(X, D, I + 6, 1, *rest), ("I", "6")),
        (lambda: beta.reorder(X, D, I - 2, 1, *rest), ("I", "-2")),
        (lambda: beta.reorder(X, D, I, 0, *rest), ("k_reorder", "0")),
        (lambda: beta.least_columns(X[None], W), ("w: 257 columns", "1 to 256")),
        (lambda: beta.least_columns(X[None], W[:, :, :0].copy()), ("w: 0 columns",)),
        (lambda: least(w=np.zeros((3, 10, 257), np.float32)), ("w: 257 columns",)),
        (lambda: least(w=COLUMNS[:, :, :0].copy()), ("w: 0 columns",)),
        (lambda: beta.reorder(X, D, I, 1, *rest, threads=0), ("threads", "0")),
        (lambda: beta.reorder(X, D[:, :1].copy(), I, 1, *rest), ("I", "(6, 1)")),
        (lambda: beta.reorder(X[:5], D, I, 1, *rest), ("D", "(5, any)")),
        (lambda: beta.moments(X, 0, *rest[:3], OUT, 0), ("threads", "0")),
        (lambda: beta.moments(X, 1, *rest[:3], OUT), ("6 vertices from 1",)),
        (lambda: beta.moments(X, -1, *rest[:3], OUT), ("first", "-1")),
        (lambda: beta.moments(X, 0, *rest[:3], OUT[:, :5].copy()), ("out", "(1, 5, 10)")),
        (lambda: beta.moments(X, 0, *rest[:3], OUT[:, :, :9].copy()), ("out", "(1, 6, 9)")),
        (lambda: beta.moments(X, 0, *rest[:3], np.zeros((5, 6, 10), np.float32)), ("5 parts",)),
        (lambda: beta.moments(X[:, :11].copy(), 0, *rest[:3], OUT), ("x", "(any, 12)")),
        (lambda: beta.moments(X.astype(float), 0, *rest[:3], OUT), ("x", "float64")),
        (lambda: beta.moments(X, 0, *rest[:3]), ("out", "NoneType")),
        (lambda: least(rotation=X[0, :1]), ("rotation", "(1,)")),
        (lambda: least(rotation=np.zeros((11, 12), np.float32)), ("rotation", "(11, 12)")),
        (lambda: least(rotation=np.zeros((12, 11), np.float32)), ("rotation", "(12, 11)")),
        (lambda: least(w=COLUMNS[:, :9].copy()), ("w", "(any, 10, any)")),
        (lambda: least(w=COLUMNS[:0], assigned=ASSIGNED[:, :0].copy()), ("0 parts",)),
        (lambda: least(assigned=ASSIGNED[:5]), ("assigned", "(6, 3)")),
        (lambda: least(assigned=ASSIGNED[:, :2]), ("assigned", "(6, 3)")),
        (
            lambda: least(w=np.zeros((5, 10, 1), np.float32), assigned=CODES[:, :5]),
            ("assigned", "(6, 5)"),
        ),
        (lambda: least(assigned=over(X, np.uint8, 6, 3)), ("overlap",)),
        (lambda: least(assigned=over(COLUMNS, np.uint8, 6, 3)), ("overlap",)),
        (lambda: least(assigned=None), ("assigned", "NoneType")),
        (lambda: least(out=OUT), ("out", "(3, 6, 10)")),
        (lambda: least(rotation=TURN, assigned=over(TURN, np.uint8, 6, 3)), ("overlap",)),
        (lambda: beta.least_columns(X, np.zeros((12, 3), np.float32)), ("x", "(6, 12)")),
        (lambda: beta.least_columns(X[None][:0], W[:0]), ("0 parts",)),
        (lambda: beta.least_columns(X[None], W[:, :11].copy()), ("w", "(1, 12, any)")),
        (lambda: beta.least_columns(X[None], np.vstack([W, W])), ("w", "(1, 12, any)")),
        (lambda: beta.least_columns(X[None], BOOK[:1, :12], ASSIGNED[:5]), ("out", "5")),
        (lambda: beta.weights(OUT[0], np.nan, BOOK[0, :6].copy()), ("cut", "nan")),
        (lambda: beta.solve(np.zeros((2, 3, 3)), np.zeros((2, 2)), 0.1), ("A", "(2, 2, 2)")),
        (lambda: beta.weights(OUT[0], 0.1, BOOK[0, :6, :2].copy()), ("moments", "10", "2 weights")),
        (lambda: beta.weights(OUT[0], 0.1, BOOK[0, :5].copy()), ("out", "(6, any)")),
        (lambda: beta.weights(OUT[0], 0.1, BOOK[0, :6].copy(), 0), ("threads", "0")),
    ):
        with refuses(ShapeError, *words):
            call()
    for call, kernel in (
        (lambda: beta.group_sums(X[None], np.full((6, 1), 3, np.uint8), 3), "ann_group_sums"),
    ):
        with refuses(KernelError, kernel):
            call()


def test_results_over_what_they_are_made_from_are_refused():
    x, w = np.zeros((1, 40, 12), np.float32), np.zeros((1, 12, 32), np.float32)
    sums, codes = np.zeros((1, 8, 12)), np.zeros((40, 1), np.uint8)
    for call in (
        lambda: beta.moments(X, 0, CODES, LINKS, CENT, over(X, np.float32, 1, 6, 10)),
        lambda: beta.moments(X, 0, CODES, LINKS, CENT, over(CENT, np.float32, 1, 6, 10)),
        lambda: beta.least_columns(x, w, over(x, np.uint8, 40, 1)),
        lambda: beta.least_columns(x, w, over(w, np.uint8, 40, 1)),
        lambda: beta.group_sums(
            x, codes, 8, (over(x, np.float64, 1, 8, 12), np.zeros((1, 8), np.int64))
        ),
        lambda: beta.group_sums(x, codes, 8, (sums, over(sums, np.int64, 1, 8))),
        lambda: beta.weights(OUT[0], 0.1, over(OUT, np.float32, 6, 3)),
    ):
        with refuses(ShapeError, "overlap"):
            call()


def test_regression_of_no_parts_and_of_no_vertices():
    with refuses(ShapeError, "0 parts"):
        beta.reconstruct(IDS, CODES, LINKS, CENT, BOOK[:0], ASSIGNED[:, :0].copy())
    D, none = np.full((6, 2), np.inf, np.float32), np.full((6, 2), -1, np.int32)
    found = beta.reorder(X, D, none, 2, CODES[:0], LINKS[:0], CENT, BOOK, ASSIGNED[:0])
    assert (found[1] == -1).all() and (found[2] == 0).all()


def test_moments_of_no_parts_are_refused():
    with refuses(ShapeError, "0 parts"):
        beta.moments(X, 0, CODES, LINKS, CENT, OUT[:0])
