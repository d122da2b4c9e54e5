"""Regression from neighbours: a vertex from its own code and those of its links.

Part s of a vector x is reconstructed as sum_j B[s, c_s(x), j] G_j,s(x), where G(x) are the decoded
codes of x and of its M0 links (Link & Code, section 4). The squared error of weights b is a
polynomial in b whose coefficients, the moments of x, csrc/beta.h defines.
"""

import dataclasses

import numpy as np

from linkprune import store
from linkprune.chunks import mean
from linkprune.errors import DataError, ShapeError
from linkprune.kernels import beta as kernel
from linkprune.kernels import checks
from linkprune.progress import tracked

ROWS = 1 << 14  # encoded at a time: those of a mapped file are not copied


@dataclasses.dataclass(frozen=True)
class Regression:
    """beta_centroids (parts, 256, M0 + 1) float32 and beta_codes (nb, parts) uint8, or one weight
    vector for all, beta_centroids (1, 1, M0 + 1) and beta_codes None.
    """

    beta_centroids: np.ndarray
    beta_codes: np.ndarray | None

    def save(self, path, attrs):
        """Write the codebook and the codes as one artifact."""
        codes = self.beta_codes
        codes = np.empty((0, len(self.beta_centroids)), np.uint8) if codes is None else codes
        store.save(path, {"beta_centroids": self.beta_centroids, "beta_codes": codes}, attrs)

    @classmethod
    def load(cls, path):
        """Read a regression artifact."""
        book, codes = store.load(path, beta_centroids="parts kbeta M1", beta_codes="nb parts")
        return cls(book, codes if len(codes) else None)


def encode(base, codec, codes, neighbors, beta_centroids, threads=1):
    """The codeword of least reconstruction error for every part of base (nb, d).

    Returns a Regression and the mean squared error per vector. Raises ShapeError where the vectors
    are not those of the codec, DataError where its dimensions do not divide into the parts.
    """
    threads = checks.positive(threads=threads)
    parts, kbeta, _ = beta_centroids.shape
    beta_codes, error = np.empty((len(base), parts), np.uint8), np.empty(len(base))
    codec.check(base)
    _check_parts(codec, parts)
    columns = polynomials(beta_centroids)
    for rows in tracked(len(base), "beta codes", size=ROWS):
        error[rows] = kernel.moments(
            _stored(base[rows]), rows.start, codes, neighbors, rotation=codec.turned, w=columns,
            assigned=beta_codes[rows], threads=threads, **codec.levels(),
        )  # fmt: skip
    return Regression(beta_centroids, None if kbeta == 1 else beta_codes), mean(error)


def reconstruct(ids, codec, codes, neighbors, regression, threads=1):
    """Reconstructions of vertices, rotated: ids (n,) int32 -> (n, d_out) float32."""
    return kernel.reconstruct(
        ids, codes, neighbors, beta_centroids=regression.beta_centroids,
        beta_codes=regression.beta_codes, threads=threads, **codec.levels(),
    )  # fmt: skip


def polynomials(books):
    """Codewords (parts, k, M0 + 1) as columns to multiply the moments of their parts with:
    (parts, n_moments, k) float32."""
    c = np.array(books, np.float64)
    c[..., 0] = c.sum(-1) - 1
    i, j = np.triu_indices(c.shape[-1])
    products = c[..., i] * c[..., j] * np.where(i == j, 1, 2)
    columns = np.concatenate([products, -2 * c, np.ones((*c.shape[:-1], 1))], -1)
    return np.ascontiguousarray(columns.swapaxes(-1, -2), np.float32)


class Moments:
    """Moments of vectors that are vertices of a coded graph, for each of the parts.

    They are far more than the vectors: ``of`` has those of up to ``size`` at a time, always in the
    same memory, as new memory for each would cost a tenth of the time.
    """

    def __init__(self, codec, codes, neighbors, parts, size, threads=1):
        _check_parts(codec, parts)
        self.codec, self.codes, self.neighbors = codec, codes, neighbors
        self.parts, self.size, self.threads = parts, size, threads
        self._n_moments = kernel.n_moments(neighbors.shape[1] + 1)
        self._found = np.empty(parts * size * self._n_moments, np.float32)

    def of(self, base, first=0, columns=None, assigned=None):
        """Those of base (n, d), the vertices first, first + 1, ...: (parts, n, n_moments) float32,
        until the next call.

        With columns, of ``polynomials``, the least ones go into assigned (n, parts) uint8.
        """
        n = len(base)
        self.codec.check(base)
        if n > self.size:
            raise ShapeError(f"moments: {n} vectors at a time, expected at most {self.size}")
        found = self._found[: self.parts * n * self._n_moments]
        found = found.reshape(self.parts, n, self._n_moments)
        kernel.moments(_stored(base), first, self.codes, self.neighbors, out=found, w=columns,
                       assigned=assigned, threads=self.threads, rotation=self.codec.turned,
                       **self.codec.levels())  # fmt: skip
        return found


def _check_parts(codec, parts):
    if codec.d_out % parts:
        raise DataError(f"{codec.d_out} rotated dimensions do not divide into {parts} beta parts")


def _stored(x):
    """Vectors as the kernel reads them, without a copy where they are stored so."""
    x = np.ascontiguousarray(x)
    return x if str(x.dtype) in kernel.STORED else x.astype(np.float32)
