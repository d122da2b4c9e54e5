"""Vectors that need no download: digits, colour patches, and a mixture of gaussians.

Embedded data are shuffled by an integer hash, not by a Generator: their order depends on nothing.
"""

import functools

import numpy as np

from linkprune.errors import ConfigError

BLOCK = 65_536  # rows per random stream; another value would be other data
STREAMS = {"mixture": 0, "base": 1, "query": 2, "learn": 3}
PATCH = 8  # pixels along one side
STRIDE = 4
BASE_FRACTION = 0.85  # of the height of a photograph; the rows below it are for queries

SIZES = {
    "scikit-learn/digits": {"base": (1497, 64), "query": (300, 64), "learn": (1497, 64)},
    "scikit-learn/patches": {"base": (28295, 192), "query": (4770, 192), "learn": (28124, 192)},
}


def digits():
    """Return the 1,797 handwritten digits of scikit-learn: base (1497, 64), query (300, 64) uint8.

    Learn is the base itself, since no other rows exist.
    """
    from sklearn.datasets import load_digits  # slow to import, and most runs do without

    x = load_digits().data.astype(np.uint8)  # values are 0 to 16
    x = x[_shuffled(len(x))]
    base, query = x[:-300], x[-300:]
    return {"base": base, "query": query, "learn": base}


def patches():
    """Return 8x8 colour patches (n, 192) uint8 of scikit-learn's two sample photographs.

    No query shares a pixel with a base row, and no two base rows are equal; learn patches lie
    between the base patches. Another JPEG decoder may change single pixel values.
    """
    from sklearn.datasets import load_sample_image

    parts = {"base": [], "query": [], "learn": []}
    for name in ("china.jpg", "flower.jpg"):
        image = load_sample_image(name)  # (427, 640, 3)
        cut = int(BASE_FRACTION * len(image))
        parts["base"].append(_cut(image[:cut]))
        parts["query"].append(_cut(image[cut:]))
        parts["learn"].append(_cut(image[2:cut, 2:]))
    x = {part: np.concatenate(rows) for part, rows in parts.items()}
    # Equal base rows would make the nearest neighbour a matter of ids.
    _, first = np.unique(x["base"], axis=0, return_index=True)
    x["base"] = x["base"][np.sort(first)]
    return {part: rows[_shuffled(len(rows))] for part, rows in x.items()}


def synthetic_rows(
    part,
    start,
    stop,
    *,
    d=96,
    clusters=100,
    rank=None,
    scale=0.6,
    noise=0.15,
    normalise=True,
    seed=0,
):
    """Return rows [start, stop) of ``part`` (base, query or learn): (stop - start, d) float32.

    A row is a cluster's centre (norm about 1), plus a gaussian of RMS norm ``scale`` in the
    cluster's own subspace of ``rank`` dimensions (24, or d if less) with decaying spectrum, plus
    isotropic noise of RMS norm ``noise``; then of length 1 if ``normalise``. Any range yields the
    same rows, as each block of 65,536 rows has its own Philox stream keyed by (seed, part, block).
    NumPy does not promise the streams of Generator across versions: keep the checksum of what was
    generated. Raises ConfigError for impossible values.
    """
    if part not in ("base", "query", "learn"):
        raise ConfigError(f"synthetic: part is {part}, expected base, query or learn")
    if not 0 <= start <= stop:
        raise ConfigError(f"synthetic: rows are {start} to {stop}, expected 0 <= start <= stop")
    rank = min(24, d) if rank is None else rank
    if clusters < 1 or not 1 <= rank <= d:
        raise ConfigError(
            f"synthetic: clusters is {clusters}, rank {rank}, d {d}, "
            "expected clusters >= 1 and 1 <= rank <= d"
        )
    if not 0 <= seed < 2**64 or scale < 0 or noise < 0:
        raise ConfigError(
            f"synthetic: seed is {seed}, scale {scale}, noise {noise}, "
            "expected 0 <= seed < 2**64 and no negative value"
        )
    centres, axes = _mixture(d, clusters, rank, seed)
    x = np.empty((stop - start, d), np.float32)
    for block in range(start // BLOCK, -(-stop // BLOCK)):
        rows = _block(_stream(seed, part, block), centres, axes, scale, noise)
        if normalise:
            rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        first, last = max(start, block * BLOCK), min(stop, (block + 1) * BLOCK)
        x[first - start : last - start] = rows[first - block * BLOCK : last - block * BLOCK]
    return x


def _block(rng, centres, axes, scale, noise):
    """Return the BLOCK rows (BLOCK, d) float32 of one stream."""
    clusters, rank, d = axes.shape
    cluster = rng.integers(0, clusters, BLOCK)
    z = rng.standard_normal((BLOCK, rank), np.float32)
    z *= np.float32(scale)
    rows = rng.standard_normal((BLOCK, d), np.float32)
    rows *= np.float32(noise / np.sqrt(d))
    rows += centres[cluster]
    order = np.argsort(cluster, kind="stable")
    bounds = np.searchsorted(cluster[order], np.arange(clusters + 1))
    for c in range(clusters):
        members = order[bounds[c] : bounds[c + 1]]
        of_c, weights = rows[members], z[members]
        # Not a matrix product: BLAS starts threads for it, and sums in an order of its own.
        for axis, weight in zip(axes[c], weights.T, strict=True):
            of_c += weight[:, None] * axis
        rows[members] = of_c
    return rows


@functools.lru_cache(maxsize=4)
def _mixture(d, clusters, rank, seed):
    """Return centres (clusters, d) and scaled axes (clusters, rank, d), both float32."""
    rng = _stream(seed, "mixture", 0)
    centres = rng.standard_normal((clusters, d)) / np.sqrt(d)
    # Variance falls as 1 / (1 + i): slowly enough that the rows keep a dimension near rank.
    spectrum = 1 / np.sqrt(1 + np.arange(rank))
    spectrum /= np.sqrt((spectrum**2).sum())
    axes = _orthonormal(rng.standard_normal((clusters, d, rank))).transpose(0, 2, 1)
    axes = axes * spectrum[:, None]
    return centres.astype(np.float32), np.ascontiguousarray(axes, np.float32)


def _orthonormal(a):
    """Return Q of the QR decompositions of a (n, d, rank), by Householder reflections as LAPACK
    does, whose last bits depend on the machine; einsum without a path adds up in one order."""
    a, reflections = a.copy(), []
    for j in range(min(a.shape[1] - 1, a.shape[2])):
        v = a[:, j:, j].copy()
        v[:, 0] += np.copysign(np.sqrt((v**2).sum(1)), v[:, 0])
        v /= np.sqrt((v**2).sum(1, keepdims=True) / 2)
        reflections.append(v)
        a[:, j:] -= v[:, :, None] * np.einsum("nd,ndr->nr", v, a[:, j:])[:, None]
    q = np.tile(np.eye(*a.shape[1:]), (len(a), 1, 1))
    for j, v in reversed(list(enumerate(reflections))):
        q[:, j:] -= v[:, :, None] * np.einsum("nd,ndr->nr", v, q[:, j:])[:, None]
    return q


def _stream(seed, part, block):
    key = np.array([seed, STREAMS[part] << 48 | block], np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def _cut(image):
    """Return all whole patches at the stride, row by row: (n, PATCH * PATCH * 3) uint8."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (PATCH, PATCH), axis=(0, 1))
    windows = windows[::STRIDE, ::STRIDE]  # (y, x, 3, PATCH, PATCH)
    return windows.transpose(0, 1, 3, 4, 2).reshape(-1, PATCH * PATCH * image.shape[2])


def _shuffled(n):
    """Return the permutation of range(n) that sorts the splitmix64 hash of the ids."""
    h = (np.arange(n, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.argsort(h ^ (h >> np.uint64(31)), kind="stable")


class SyntheticRows:
    """Rows of a part of a synthetic set that exist only while they are sliced: (n, d) float32.

    ``mixture`` are the keywords of ``synthetic_rows``.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, part, n, d, **mixture):
        self.part, self.shape, self.mixture = part, (n, d), mixture

    def __len__(self):
        """How many rows."""
        return self.shape[0]

    def __getitem__(self, rows):
        """The rows of a slice with step 1."""
        start, stop, _ = rows.indices(len(self))
        return synthetic_rows(self.part, start, stop, d=self.shape[1], **self.mixture)
