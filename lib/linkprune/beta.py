"""Training of the beta codebook (Link & Code, section 4), from the moments of ``regression``.

The moments of all vectors are several times the vectors, so every round computes them anew, chunk
by chunk.
"""

import dataclasses
import logging
import math

import numpy as np

from linkprune import seeds
from linkprune.chunks import chunks
from linkprune.codec import Codec
from linkprune.errors import DataError
from linkprune.kernels import beta as kernel
from linkprune.kernels import checks
from linkprune.kernels.checks import KSUB
from linkprune.progress import Progress
from linkprune.regression import Moments, polynomials

TRAIN_ROWS = 250_000
ROUNDS = 10
KMEANS_ROUNDS = 20
ASSIGNED_ROWS = 1 << 14  # at a time, as each has a distance too
MOMENT_ROWS = 1536  # of chunks: with fewer the calls show, with more their memory
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
    threads = checks.positive(threads=threads)
    if key.nsq and len(base) < KSUB:
        raise DataError(f"{key}: {KSUB} codewords from {len(base)} base vectors, too few")
    table = _Table(base, codec, codes, neighbors, max(key.nsq, 1), threads)
    if key.nsq == 0:
        (sums,), _ = table.sums(np.zeros((1, len(base)), np.uint8), 1)
        book, errors = _refit(sums, table.m1)
        return book[None].astype(np.float32), errors.sum(keepdims=True)[None] / len(base)
    rngs = [seeds.generator(seed, "beta", key, part) for part in range(table.parts)]
    total = table.parts * KMEANS_ROUNDS + rounds
    progress = Progress(f"codebook {key}", total, "rounds, k-means included")
    x = np.ones((len(base), table.m1 + 1), np.float32)  # one for all parts, or each leaves gaps
    books = []
    for part, rng in enumerate(rngs):
        table.weights(part, x)
        books.append(_kmeans(x, rng, threads, progress))
    del x
    history = _expectation_maximisation(table, books, rounds, rngs, progress) / len(base)
    for part, errors in enumerate(history):
        log.info("part %d: squared error %.6g after round 1, %.6g after round %d", part,
                 errors[0], errors[-1], rounds)  # fmt: skip
    return np.stack(books), history


@dataclasses.dataclass(frozen=True)
class _Table:
    """The vectors, and their moments for as long as a chunk of them is in use."""

    base: np.ndarray
    codec: Codec
    codes: np.ndarray
    neighbors: np.ndarray
    parts: int
    threads: int

    @property
    def m1(self):
        """Weights of a vector, its links and itself."""
        return self.neighbors.shape[1] + 1

    def moments(self, columns=None):
        """Chunk by chunk the rows, a slice, their moments (parts, n, n_moments), and which of the
        columns, of ``regression.polynomials``, are the least of each (n, parts) uint8, or None.
        """
        of = self.codec, self.codes, self.neighbors, self.parts
        moments = Moments(*of, self.threads * MOMENT_ROWS, self.threads)
        for rows in chunks(len(self.base), moments.size):
            x = self.base[rows]
            least = None if columns is None else np.empty((len(x), self.parts), np.uint8)
            yield rows, moments.of(x, rows.start, columns, least), least

    def _alone(self, part):
        """A table to take the part from, and its number there: of the part by itself where that is
        whole sub-quantisers of a rotated vector, a table as narrow as a part.
        """
        codec, (nsq, _, dsub) = self.codec, self.codec.centroids.shape
        if codec.rotation is None or codec.coarse is not None or nsq % self.parts:
            return self, part
        first, end = part * nsq // self.parts, (part + 1) * nsq // self.parts
        rotation, centroids = codec.rotation[first * dsub : end * dsub], codec.centroids[first:end]
        codes = np.ascontiguousarray(self.codes[:, first:end])
        narrow = Codec(np.ascontiguousarray(rotation), np.ascontiguousarray(centroids))
        return dataclasses.replace(self, codec=narrow, codes=codes, parts=1), 0

    def weights(self, part, out):
        """Least squares weights of every vector into all but the last column of out (n, m1 + 1).

        Small singular values are cut.
        """
        table, part = self._alone(part)
        for rows, moments, _ in table.moments():
            kernel.weights(moments[part], SINGULAR_CUT**2, out[rows], self.threads)

    def sums(self, assigned, k, books=None):
        """Sums of the moments, and counts, of the vectors that share one of k codewords.

        assigned (parts, n) uint8; books, (256, m1) for every part, overwrite it with the codewords
        of least error. Returns (parts, k, n_moments) float64, (parts, k) int64.
        """
        columns = polynomials(books) if books else None
        sums = np.zeros((self.parts, k, kernel.n_moments(self.m1)))
        counts = np.zeros((self.parts, k), np.int64)
        for rows, moments, least in self.moments(columns):
            if books:
                assigned[:, rows] = least.T
            else:
                least = np.ascontiguousarray(assigned[:, rows].T)
            kernel.group_sums(moments, least, k, (sums, counts), self.threads)
        return sums, counts


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


def _expectation_maximisation(table, books, rounds, rngs, progress):
    """Better books, in place of those of k-means; errors after each round (parts, rounds)."""
    assigned = np.empty((table.parts, len(table.base)), np.uint8)
    errors = np.full((table.parts, rounds), np.inf)
    for i in range(rounds):
        sums, counts = table.sums(assigned, KSUB, books)
        if not counts.all():
            for codes, rng in zip(assigned, rngs, strict=True):
                _fill_empty(codes, rng)
            sums, _ = table.sums(assigned, KSUB)
        for part in range(table.parts):
            book, error = _refit(sums[part], table.m1)
            best = errors[part, max(i - 1, 0)]
            if math.fsum(error) < best:  # at convergence rounding may go either way
                books[part], best = book.astype(np.float32), math.fsum(error)
            errors[part, i] = best
        progress.step()
    return errors


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
    """256 centroids of x (n, d + 1) float32, whose last column is 1, from a random start."""
    centroids = x[rng.choice(len(x), KSUB, replace=False), :-1]
    assigned = np.empty(len(x), np.uint8)
    for _ in range(KMEANS_ROUNDS):
        # |x - c|^2 less |x|^2, which no choice of c changes.
        columns = np.vstack([-2 * centroids.T, (centroids.astype(np.float64) ** 2).sum(1)])
        columns = np.ascontiguousarray(columns, np.float32)
        for rows in chunks(len(x), threads * ASSIGNED_ROWS):
            least, _ = kernel.least_columns(x[None, rows], columns[None], threads=threads)
            assigned[rows] = least[:, 0]
        _fill_empty(assigned, rng)
        (sums,), (counts,) = kernel.group_sums(x[None], assigned[:, None], KSUB)
        centroids = (sums[:, :-1] / counts[:, None]).astype(np.float32)
        progress.step()
    return centroids
