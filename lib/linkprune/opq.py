"""Optimised product quantisation (Ge et al., CVPR 2013).

The rotation starts from their parametric solution: principal directions, dealt out so that every
part gets the same product of variances. Then rounds of their non-parametric one: assign every
training vector to its centroids, move the centroids to the means of their members, and the rotation
to the orthogonal Procrustes solution for the decoded vectors. Faiss starts from a random rotation
and runs k-means anew between two rotations; on real descriptors that ends at a higher error.

In two levels the rotation first deals the directions out to two halves, whose k-means is the first
level. It is the same whatever turns the halves within themselves: that is what the second level,
trained in the same way on what the first one leaves, chooses.
"""

import logging

import numpy as np

from linkprune import coarse, keys, procrustes, seeds
from linkprune.codec import Codec
from linkprune.elementary import log as ln
from linkprune.errors import DataError
from linkprune.kernels import adc, distance
from linkprune.kernels import rotation as kernel
from linkprune.kernels.checks import KSUB
from linkprune.progress import Progress

TRAIN_ROWS = 65_536  # the original trains on as many
# Rounds on a sample bring the rotation near its place at a quarter of the cost.
SAMPLE_ROWS, SAMPLE_ROUNDS = 16_384, 30
ROUNDS = 8
FINAL_ROUNDS = 6  # of the quantiser alone, the rotation held
VARIANCE_FLOOR = 1e-9  # of the largest: directions without variance still have to be dealt out

log = logging.getLogger(__name__)


def train(learn, key, seed, threads=1):
    """Train a codec on the first 65,536 rows of learn (nt, d), any dtype -> Codec.

    key: a ``keys.Codec``. Raises DataError where there are fewer training vectors than centroids or
    d does not divide into the parts of a plain PQ.
    """
    x = np.ascontiguousarray(learn[:TRAIN_ROWS], np.float32)
    _check(key, *x.shape)
    rng = seeds.generator(seed, "opq", key)
    mean = x.mean(0, dtype=np.float64)
    x = (x - mean).astype(np.float32)
    if key.bits:
        rotation, first, centroids = _two_levels(x, key, rng, threads)
        shift = mean if rotation is None else (rotation * mean).sum(1)
        first = np.ascontiguousarray(first + shift.reshape(2, 1, -1), np.float32)
        return Codec(rotation, centroids, first)
    widths = np.full(key.nsq, (key.d_out or x.shape[1]) // key.nsq)
    rotation = None if key.d_out is None else _parametric(x, widths, threads)
    rotation, centroids = _rounds(x, rotation, key, rng, threads)
    shift = mean if rotation is None else (rotation * mean).sum(1)
    centroids = centroids + shift.reshape(key.nsq, 1, -1)
    return Codec(rotation, np.ascontiguousarray(centroids, np.float32))


def _check(key, n, d):
    """Refuse what a codec cannot be trained on: n vectors of d dimensions."""
    d_out = key.d_out or d
    if n < key.least_rows:
        raise DataError(
            f"codec {key}: {key.least_rows} centroids from {n} training vectors, too few"
        )
    if d_out % key.nsq:
        raise DataError(f"codec {key}: {d} dimensions do not divide into {key.nsq} parts")
    if key.bits and (d_out % 2 or d_out > keys.MOST_D):
        raise DataError(
            f"codec {key}: {d} dimensions, expected an even number of at most {keys.MOST_D}"
        )


def _two_levels(x, key, rng, threads):
    """Both levels of centred x (n, d): rotation or None, centroids of the first, of the second."""
    halves, y = None, x
    if key.d_out:
        halves = _parametric(x, np.full(2, key.d_out // 2), threads)
        y = _rotated(x, halves, threads)
    first, left = coarse.train(y, key.bits, rng, threads)
    if halves is None:
        return None, first, _rounds(left, None, key, rng, threads)[1]
    within, centroids = _rounds(left, _within_halves(left, key.nsq, threads), key, rng, threads)
    turn, half = within.astype(np.float64), len(within) // 2
    rotation = kernel.product(turn, halves.astype(np.float64)).astype(np.float32)
    blocks = turn[:half, :half], turn[half:, half:]
    turned = [kernel.product(c.astype(np.float64), np.ascontiguousarray(b.T))
              for c, b in zip(first, blocks, strict=True)]  # fmt: skip
    return rotation, np.stack(turned), centroids


def _within_halves(x, nsq, threads):
    """Principal directions of either half of x (n, d), dealt out to its parts: (d, d) float32."""
    d, half = x.shape[1], x.shape[1] // 2
    edges = np.union1d(np.arange(0, d + 1, d // nsq), half)  # an odd part lies in both halves
    out = np.zeros((d, d), np.float32)
    for at in (slice(0, half), slice(half, d)):
        widths = np.diff(edges[(edges >= at.start) & (edges <= at.stop)])
        out[at, at] = _parametric(np.ascontiguousarray(x[:, at]), widths, threads)
    return out


def _parametric(x, widths, threads):
    """Principal directions of centred x (n, d), dealt out to parts of these widths.

    Returns them as rows, (sum of widths, d) float32. The next largest variance goes to the part
    whose product of variances is smallest so far; a narrower part begins with average ones for
    those that it lacks.
    """
    d, end = x.shape[1], np.cumsum(widths)
    kept = min(d, end[-1])
    variances, directions = (a[:kept] for a in procrustes.principal(x, threads))
    floor = max(variances[0] * VARIANCE_FLOOR, np.finfo(np.float64).tiny)
    weights = ln(np.maximum(variances, floor) / floor) / ln(2) + 1
    rotation = np.zeros((end[-1], d))
    place, product = end - widths, weights.mean() * (widths.max() - widths)
    for direction, weight in zip(directions, weights, strict=True):
        part = np.argmin(np.where(place < end, product, np.inf))
        rotation[place[part]] = direction
        place[part] += 1
        product[part] += weight
    return rotation.astype(np.float32)


def _rounds(x, rotation, key, rng, threads):
    """All rounds on centred x (n, d) from a rotation, or None: the last one, and the centroids."""
    sample = x[:SAMPLE_ROWS]
    y = _rotated(sample, rotation, threads)
    start = rng.choice(len(y), KSUB, replace=False)
    centroids = np.ascontiguousarray(y[start].reshape(KSUB, key.nsq, -1).transpose(1, 0, 2))
    stages = (
        (sample, False, 3),
        (sample, True, SAMPLE_ROUNDS),
        (x, True, ROUNDS),
        (x, False, FINAL_ROUNDS),
    )
    total = sum(len(rows) * rounds for rows, _, rounds in stages)
    progress = Progress(f"codec {key}", total, "assignments, all rounds")
    blocks = 2 if key.bits else 1
    for rows, turning, rounds in stages:
        turned = blocks if turning and rotation is not None else 0
        rotation, centroids = _alternate(
            rows, rotation, centroids, rounds, turned, rng, threads, progress
        )
    return rotation, np.ascontiguousarray(centroids, np.float32)


def _alternate(x, rotation, centroids, rounds, blocks, rng, threads, progress):
    """Rounds over x (n, d): rotation (d_out, d), centroids (nsq, 256, dsub) float32.

    The rotation turns so many blocks of dimensions, each within itself; none where it is held.
    """
    nsq, _, dsub = centroids.shape
    y, bases = _rotated(x, rotation, threads), [None] * blocks
    for _ in range(rounds):
        codes = adc.encode(y, centroids, threads)
        sums, counts = adc.class_sums(x if blocks else y, codes, threads)
        progress.step(len(x))
        members = np.maximum(counts, 1)[:, :, None]
        if not blocks:
            means = np.stack([sums[m, :, m * dsub : (m + 1) * dsub] for m in range(nsq)]) / members
            centroids = _refilled(means, counts, y, rng)
            continue
        centroids = _refilled(kernel.part_means(sums, rotation, threads) / members, counts, y, rng)
        correlation = kernel.part_correlation(centroids, sums, threads)
        rotation = _nearest(correlation, rotation, bases)
        y = _rotated(x, rotation, threads)
    if rounds:
        error = distance.row_distances(y, adc.decode(codes, centroids, threads), threads)
        log.info("%d vectors, %d rounds: squared error %.6g", len(x), rounds, error.mean())
    return rotation, centroids


def _nearest(correlation, rotation, bases):
    """The next rotation, block by block; bases: those of the blocks, which are replaced."""
    out = np.zeros(rotation.shape, np.float32)
    rows, columns = (np.array_split(np.arange(n), len(bases)) for n in rotation.shape)
    for b, basis in enumerate(bases):
        at = np.ix_(rows[b], columns[b])
        out[at], bases[b] = procrustes.nearest(correlation[at], rotation[at], basis)
    return out


def _rotated(x, rotation, threads):
    return x if rotation is None else distance.matmul(x, np.ascontiguousarray(rotation.T), threads)


def _refilled(means, counts, y, rng):
    """Means as the new centroids; one that lost all its members moves to a random vector."""
    out = means.astype(np.float32)
    dsub = out.shape[2]
    for m, c in np.argwhere(counts == 0):
        out[m, c] = y[rng.integers(len(y)), m * dsub : (m + 1) * dsub]
    return out
