"""Principal directions, the nearest orthogonal matrix, logarithm and exponential: against LAPACK
and extended precision."""

import numpy as np
import pytest

from linkprune import elementary, procrustes


def decaying(n, m, seed, bits=16):
    """A matrix whose singular values fall by 2 ** bits."""
    rng = np.random.default_rng(seed)
    u, v = (np.linalg.qr(rng.normal(size=(k, k)))[0] for k in (n, m))
    s = np.zeros((n, m))
    np.fill_diagonal(s, 2.0 ** -np.linspace(0, bits, min(n, m)))
    return u @ s @ v


def orthonormal(r):
    small = r @ r.T if r.shape[0] <= r.shape[1] else r.T @ r
    return np.abs(small - np.eye(len(small))).max() < 1e-12


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (17, 40), (40, 17), (64, 64)])
def test_the_nearest_matrix_is_that_of_the_singular_vectors(shape):
    c = 1e6 * decaying(*shape, 1)
    before = np.eye(*shape)
    u, _, vt = np.linalg.svd(c, full_matrices=False)
    r, basis = procrustes.nearest(c, before)
    assert orthonormal(r) and np.allclose(r, u @ vt, atol=1e-5)
    # The anchor is all that keeps them apart: less of it, less between them.
    assert abs((r * c).sum() - (u @ vt * c).sum()) < 1e-9 * np.abs(c).max()
    # A start shortens the way and does not change the end.
    again, _ = procrustes.nearest(c, before, basis)
    assert np.allclose(r, again, atol=1e-10)


@pytest.mark.parametrize("shape", [(6, 6), (6, 9), (9, 6)])
def test_directions_without_correlation_stay_as_they_were(shape):
    before = np.eye(*shape)
    r, _ = procrustes.nearest(np.zeros(shape), before)
    assert np.allclose(r, before, atol=1e-12)
    c = np.zeros(shape)
    c[0, 1] = c[1, 0] = 3.0  # swaps the first two, says nothing of the rest
    r, _ = procrustes.nearest(c, before)
    swapped = before.copy()
    swapped[:2, :2] = [[0, 1], [1, 0]]
    assert orthonormal(r) and np.allclose(r, swapped, atol=1e-9)


@pytest.mark.parametrize("n, d", [(5000, 7), (300, 40), (20, 33)])
def test_principal_directions_are_those_of_eigh(n, d):
    x = (np.random.default_rng(0).normal(size=(n, d)) @ decaying(d, d, 2, 5)).astype(np.float32)
    x[:, d // 2] = 0  # a direction without variance, and where n < d many
    variances, directions = procrustes.principal(x)
    gram = x.astype(np.float64).T @ x
    assert np.allclose(variances, np.linalg.eigvalsh(gram)[::-1], atol=1e-6 * variances[0])
    assert orthonormal(directions) and (np.diff(variances) <= 1e-12 * variances[0]).all()
    assert np.allclose(
        directions @ gram @ directions.T, np.diag(variances), atol=1e-6 * variances[0]
    )


def units(found, wanted):
    """The largest error in units in the last place."""
    return float(np.max(np.abs(found - wanted) / np.spacing(np.abs(wanted.astype(np.float64)))))


def test_exp_and_log_are_right_to_two_units():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-700, 709, 20_000), rng.normal(size=20_000), [0.0, 1.0]])
    assert units(elementary.exp(x), np.exp(x.astype(np.longdouble))) < 2
    y = np.concatenate([10 ** rng.uniform(-300, 300, 20_000), 1 + 1e-5 * rng.normal(size=20_000)])
    y = y[y != 1]
    assert units(elementary.log(y), np.log(y.astype(np.longdouble))) < 2
    assert elementary.log(1.0) == 0 and elementary.exp(0.0) == 1


def test_exp_and_log_at_the_ends():
    ends = elementary.exp([-np.inf, -800, 800, np.inf, np.nan])
    assert ends[:4].tolist() == [0, 0, np.inf, np.inf] and np.isnan(ends[4])
    logs = elementary.log([0, np.inf, -1, np.nan, 5e-324])
    assert logs[:2].tolist() == [-np.inf, np.inf] and np.isnan(logs[2:4]).all()
    assert logs[4] == pytest.approx(-744.4400719213812, rel=1e-15)
    assert elementary.exp(np.zeros((2, 3))).shape == (2, 3)
