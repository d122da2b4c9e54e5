"""Training of the beta codebook (Link & Code, section 4), from the moments of ``regression``."""

import logging
import math

import numpy as np

from linkprune import seeds
from linkprune.chunks import chunks
from linkprune.errors import DataError
from linkprune.kernels import beta as kernel
from linkprune.kernels.checks import KSUB
from linkprune.progress import Progress
from linkprune.regression import moments_of, polynomial

TRAIN_ROWS = 250_000
ROUNDS = 10
KMEANS_ROUNDS = 20
SINGULAR_CUT = 0.01  # of the largest singular value, for the weights of a single vector
# Over many vectors the full least squares solution is stable: only directions that rounding made
# are dropped, so that no round of the training can raise the error.
REFIT_CUT = 1e-9

log = logging.getLogger(__name__)


def train(key, base, codec, codes, neighbors, seed, rounds=ROUNDS, threads=1):
    """Train the codebook of a ``keys.Beta`` on base (nt, d), the first vertices of the graph.

    codes (nb, nsq) uint8, neighbors (nb, M0) int32 -> beta_centroids (parts, 256, M0 + 1) float32
    and the squared error per vector after each round, (parts, rounds) float64, which never rises.
    Raises DataError where base has fewer than 256 vectors.
    """
    if key.nsq and len(base) < KSUB:
        raise DataError(f"{key}: {KSUB} codewords from {len(base)} base vectors, too few")
    parts = max(key.nsq, 1)
    moments = moments_of(base, codec, codes, neighbors, parts, threads)
    m1 = neighbors.shape[1] + 1
    if key.nsq == 0:
        sums, _ = kernel.group_sums(moments[0], np.zeros(len(base), np.uint8), 1)
        book, errors = _refit(sums, m1)
        return book[None].astype(np.float32), errors.sum(keepdims=True)[None] / len(base)
    books, history = [], []
    progress = Progress(f"codebook {key}", parts * (KMEANS_ROUNDS + rounds), "rounds")
    for part, x in enumerate(moments):
        rng = seeds.generator(seed, "beta", key, part)
        book, errors = _expectation_maximisation(x, m1, rounds, rng, threads, progress)
        books.append(book)
        history.append(errors / len(base))
        log.info("part %d: squared error %.6g after round 1, %.6g after round %d", part,
                 history[-1][0], history[-1][-1], rounds)  # fmt: skip
    return np.stack(books), np.stack(history)


def _split(sums, m1):
    """Sums of moments (k, n_moments) as matrices (k, m1, m1), right-hand sides (k, m1), (k,)."""
    i, j = np.triu_indices(m1)
    A = np.empty((len(sums), m1, m1))
    A[:, i, j] = A[:, j, i] = sums[:, : len(i)]
    return A, np.ascontiguousarray(sums[:, len(i) : -1]), sums[:, -1]


def _refit(sums, m1):
    """Least squares weights for sums of moments (k, n_moments): book (k, m1), errors (k,)."""
    A, r, e = _split(sums, m1)
    c = kernel.solve(A, r, REFIT_CUT)
    errors = np.einsum("ki,kij,kj->k", c, A, c) - 2 * np.einsum("ki,ki->k", c, r) + e
    book = c.copy()
    book[:, 0] = c[:, 0] + 1 - c[:, 1:].sum(1)
    return book, errors


def _weights(moments, m1, threads):
    """Per-vector least squares weights, small singular values cut: (n, m1) float32.

    The cut refers to the table G itself, so the moments of differences are turned back into G.
    """
    out = np.empty((len(moments), m1), np.float32)
    for rows in chunks(len(moments)):
        A, r, _ = _split(moments[rows].astype(np.float64), m1)
        r += A[:, :, 0]  # u.x = u.e + u.u_0
        for x in (r[:, None], A.transpose(0, 2, 1), A):  # q(n_j) = u_0 + u_j
            x[:, :, 1:] += x[:, :, :1]
        out[rows] = kernel.solve(A, r, SINGULAR_CUT**2, threads)
    return out


def _expectation_maximisation(moments, m1, rounds, rng, threads, progress):
    """Codebook (256, m1) of one part and its total error after each round, (rounds,)."""
    book = _kmeans(_weights(moments, m1, threads), rng, threads, progress)
    best, errors = np.inf, []
    for _ in range(rounds):
        assigned, _ = kernel.least_column(moments, polynomial(book), threads=threads)
        assigned = _fill_empty(assigned, rng)
        sums, _ = kernel.group_sums(moments, assigned, KSUB)
        candidate, error = _refit(sums, m1)
        if math.fsum(error) < best:  # at convergence rounding may go either way
            book, best = candidate.astype(np.float32), math.fsum(error)
        errors.append(best)
        progress.step()
    return book, np.array(errors)


def _fill_empty(assigned, rng):
    """Give every codeword without members half of those of a random one that has two or more."""
    assigned = np.ascontiguousarray(assigned)
    counts = np.bincount(assigned, minlength=KSUB)
    for empty in np.flatnonzero(counts == 0):
        donor = rng.choice(np.flatnonzero(counts >= 2))
        members = rng.permutation(np.flatnonzero(assigned == donor))
        moved = members[: len(members) // 2]
        assigned[moved] = empty
        counts[donor], counts[empty] = len(members) - len(moved), len(moved)
    return assigned


def _kmeans(x, rng, threads, progress):
    """256 centroids of x (n, d) float32 from a random start."""
    ones = np.ones((len(x), 1), np.float32)
    moments = np.hstack([x, ones])
    centroids = x[rng.choice(len(x), KSUB, replace=False)]
    for _ in range(KMEANS_ROUNDS):
        # |x - c|^2 less |x|^2, which no choice of c changes.
        columns = np.vstack([-2 * centroids.T, (centroids.astype(np.float64) ** 2).sum(1)])
        columns = np.ascontiguousarray(columns, np.float32)
        assigned, _ = kernel.least_column(moments, columns, threads=threads)
        assigned = _fill_empty(assigned, rng)
        sums, counts = kernel.group_sums(x, assigned, KSUB)
        centroids = (sums / counts[:, None]).astype(np.float32)
        progress.step()
    return centroids
