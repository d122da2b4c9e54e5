"""The first level of a codec in two: k-means of either half of the vectors, many centroids each."""

import logging

import numpy as np

from linkprune.chunks import mean
from linkprune.kernels import coarse as kernel
from linkprune.kernels import distance
from linkprune.progress import Progress

ROUNDS = 12
LEAST_GAIN = 0.002  # of the error, in a round; with less the training ends

log = logging.getLogger(__name__)


def train(y, bits, rng, threads=1):
    """Centroids of both halves of y (n, d) float32, and what they leave of the vectors.

    Returns centroids (2, 2 ** bits, d / 2) float32 and residuals (n, d) float32. With few vectors
    to a centroid it lies much nearer to its own than to new ones (41 % at four of them), and a
    second level would be trained on too short residuals: these are those from the mean of the
    other vectors of a cell.
    """
    progress = Progress("first level", 2 * ROUNDS, "rounds at most")
    parts = [_kmeans(np.ascontiguousarray(x), 1 << bits, rng, threads, progress)
             for x in np.split(y, 2, 1)]  # fmt: skip
    return np.stack([centroids for centroids, _ in parts]), np.hstack([left for _, left in parts])


def _kmeans(x, k, rng, threads, progress):
    """Centroids (k, d) of x (n, d), and the residuals."""
    centroids, last = x[rng.choice(len(x), k, replace=False)], np.inf
    for _ in range(ROUNDS):
        codes = kernel.nearest(x, kernel.panels(centroids), threads)
        error = mean(distance.row_distances(x, centroids[codes], threads))
        sums, counts = kernel.sums(x, codes, k)
        centroids = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
        left = x - centroids[codes]
        empty = np.flatnonzero(counts == 0)
        centroids[empty] = x[rng.integers(len(x), size=len(empty))]
        progress.step()
        if error > (1 - LEAST_GAIN) * last:
            break
        last = error
    log.info("first level, %d centroids: squared error %.6g", k, error)
    members = counts[codes]
    return centroids, left * (members / np.maximum(members - 1, 1)).astype(np.float32)[:, None]
