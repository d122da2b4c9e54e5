"""Optimised product quantisation (Ge et al., CVPR 2013).

The rotation starts from their parametric solution: principal directions, dealt out so that every
part gets the same product of variances. Then rounds of their non-parametric one: assign every
training vector to its centroids, move the centroids to the means of their members, and the rotation
to the orthogonal Procrustes solution for the decoded vectors. Faiss starts from a random rotation
and runs k-means anew between two rotations; on real descriptors that ends at a higher error.
"""

import logging

import numpy as np
from threadpoolctl import threadpool_limits

from linkprune import seeds
from linkprune.codec import Codec
from linkprune.errors import DataError
from linkprune.kernels import adc, distance
from linkprune.kernels.checks import KSUB

TRAIN_ROWS = 65_536  # the original trains on as many
# Rounds on a sample bring the rotation near its place at a quarter of the cost.
SAMPLE_ROWS, SAMPLE_ROUNDS = 16_384, 30
ROUNDS = 8
FINAL_ROUNDS = 6  # of the quantiser alone, the rotation held
VARIANCE_FLOOR = 1e-9  # of the largest: directions without variance still have to be dealt out

log = logging.getLogger(__name__)


def train(learn, key, seed, threads=1):
    """Train a codec on the first 65,536 rows of learn (nt, d), any dtype -> Codec.

    key: a ``keys.Codec``. Raises DataError where there are fewer than 256 training vectors or d
    does not divide into the parts of a plain PQ.
    """
    x = np.ascontiguousarray(learn[:TRAIN_ROWS], np.float32)
    n, d = x.shape
    if n < KSUB:
        raise DataError(f"codec {key}: {KSUB} centroids from {n} training vectors, too few")
    if key.d_out is None and d % key.nsq:
        raise DataError(f"codec {key}: {d} dimensions do not divide into {key.nsq} parts")
    rng = seeds.generator(seed, "opq", key)
    mean = x.mean(0, dtype=np.float64)
    x = (x - mean).astype(np.float32)
    # BLAS and LAPACK sum in an order that depends on their threads: one thread, the same bits.
    with threadpool_limits(1):
        rotation = None if key.d_out is None else _parametric(x, key)
        sample = x[:SAMPLE_ROWS]
        y = _rotated(sample, rotation, threads)
        start = rng.choice(len(y), KSUB, replace=False)
        centroids = np.ascontiguousarray(y[start].reshape(KSUB, key.nsq, -1).transpose(1, 0, 2))
        for rows, turning, rounds in (
            (sample, False, 3),
            (sample, True, SAMPLE_ROUNDS),
            (x, True, ROUNDS),
            (x, False, FINAL_ROUNDS),
        ):
            rotation, centroids = _alternate(
                rows, rotation, centroids, rounds, turning and rotation is not None, rng, threads
            )
        shift = mean if rotation is None else rotation.astype(np.float64) @ mean
    centroids = centroids + shift.reshape(key.nsq, 1, -1)
    return Codec(rotation, np.ascontiguousarray(centroids, np.float32))


def _parametric(x, key):
    """Principal directions of centred x (n, d), dealt out to the parts: (d_out, d) float32.

    The next largest variance goes to the part whose product of variances is smallest so far.
    """
    d, width = x.shape[1], key.d_out // key.nsq
    variances, directions = np.linalg.eigh((x.T @ x).astype(np.float64))
    kept = min(d, key.d_out)
    variances, directions = variances[::-1][:kept], directions.T[::-1][:kept]
    floor = max(variances[0] * VARIANCE_FLOOR, np.finfo(np.float64).tiny)
    weights = np.log2(np.maximum(variances, floor) / floor) + 1
    rotation = np.zeros((key.nsq, width, d))
    filled, product = np.zeros(key.nsq, int), np.zeros(key.nsq)
    for direction, weight in zip(directions, weights, strict=True):
        part = np.argmin(np.where(filled < width, product, np.inf))
        rotation[part, filled[part]] = direction
        filled[part] += 1
        product[part] += weight
    return rotation.reshape(key.d_out, d).astype(np.float32)


def _alternate(x, rotation, centroids, rounds, turning, rng, threads):
    """Rounds over x (n, d): rotation (d_out, d), centroids (nsq, 256, dsub) float32."""
    nsq, _, dsub = centroids.shape
    y = _rotated(x, rotation, threads)
    for _ in range(rounds):
        codes = adc.encode(y, centroids, threads)
        sums, counts = adc.class_sums(x if turning else y, codes, threads)
        members = np.maximum(counts, 1)[:, :, None]
        if not turning:
            means = np.stack([sums[m, :, m * dsub : (m + 1) * dsub] for m in range(nsq)]) / members
            centroids = _refilled(means, counts, y, rng)
            continue
        by_part = rotation.reshape(nsq, dsub, -1).transpose(0, 2, 1)
        means = np.matmul(sums.astype(np.float64), by_part) / members
        centroids = _refilled(means, counts, y, rng)
        correlation = np.matmul(centroids.transpose(0, 2, 1).astype(np.float64), sums)
        u, _, vt = np.linalg.svd(correlation.reshape(rotation.shape), full_matrices=False)
        rotation = np.ascontiguousarray(u @ vt, np.float32)
        y = _rotated(x, rotation, threads)
    if rounds:
        error = distance.row_distances(y, adc.decode(codes, centroids, threads), threads)
        log.info("%d vectors, %d rounds: squared error %.6g", len(x), rounds, error.mean())
    return rotation, centroids


def _rotated(x, rotation, threads):
    return x if rotation is None else distance.matmul(x, np.ascontiguousarray(rotation.T), threads)


def _refilled(means, counts, y, rng):
    """Means as the new centroids; one that lost all its members moves to a random vector."""
    out = means.astype(np.float32)
    dsub = out.shape[2]
    for m, c in np.argwhere(counts == 0):
        out[m, c] = y[rng.integers(len(y)), m * dsub : (m + 1) * dsub]
    return out
