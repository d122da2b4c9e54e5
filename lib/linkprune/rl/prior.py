"""What is expected of a link before much is known of it: the ratio of gain to cost of its kind.

Kinds are bins of four facts: the length of the link over that of the shortest link to its target;
how much nearer its target is to another target of its source, the rule by which builders select
links; its rank among the links of its source; the in-degree of its target.
"""

import numpy as np

from linkprune.chunks import chunks
from linkprune.kernels import distance

LENGTHS, DETOURS, RANKS, DEGREES = 8, 6, 6, 6  # bins, equally full but for those of ranks
NO_DETOUR = 4.0  # squared: no nearer target is within twice the length of the link
LEAST_COST = 1.0  # distances, for a kind that was never met
ROWS = 1 << 12  # vertices at a time


def kinds(graph, points, threads=1):
    """The kind of every link, -1 where there is none: (nb, M0) int32; points (nb, d): vertices."""
    links = graph.neighbors >= 0
    target = graph.neighbors[links]
    length, detour = (x[links] for x in _lengths(graph.neighbors, points, threads))
    nearest = np.full(len(points), np.inf)
    np.minimum.at(nearest, target, length)
    degree = np.bincount(target, minlength=len(points))[target]
    relative = length / np.maximum(nearest[target], np.finfo(np.float32).tiny)
    kind = _bin(relative, LENGTHS) * DETOURS + _bin(detour, DETOURS)
    rank = np.nonzero(links)[1] * RANKS // graph.neighbors.shape[1]
    out = np.full(links.shape, -1, np.int32)
    out[links] = (kind * RANKS + rank) * DEGREES + _bin(degree, DEGREES)
    return out


def _lengths(neighbors, points, threads):
    """Squared lengths of links, and detours: (nb, M0) float64 each, undefined where no link is.

    The detour of u -> v is the least d(w, v) / d(u, v), squared, of the targets w of u that are
    nearer to u than v: below 1, v is nearer to one of them than to u.
    """
    length, detour = np.empty((2, *neighbors.shape))
    for rows in chunks(len(neighbors), ROWS):
        to = neighbors[rows]
        used, at = np.unique(np.maximum(to, 0), return_inverse=True)
        x, at = np.ascontiguousarray(points[used], np.float32), at.reshape(to.shape)
        ids = np.where(to >= 0, at, -1).astype(np.int32)
        source = np.ascontiguousarray(points[rows], np.float32)
        length[rows] = d = distance.pair_distances(source, x, ids, threads=threads)
        for slot in range(to.shape[1]):
            between = distance.pair_distances(x[at[:, slot]], x, ids, threads=threads)
            between[d >= d[:, slot, None]] = np.inf
            least = np.maximum(d[:, slot], np.finfo(np.float32).tiny)
            detour[rows, slot] = np.minimum(between.min(1) / least, NO_DETOUR)
    return length, detour


def ratios(kind, gain, cost):
    """Gain over cost of the kind of every link (nb, M0), all three; 1 where there is no link."""
    links, n = kind >= 0, LENGTHS * DETOURS * RANKS * DEGREES
    gains, costs = (np.bincount(kind[links], x[links], n) for x in (gain, cost))
    of_kind = np.maximum(gains, 0) / np.maximum(costs, LEAST_COST)
    return np.where(links, of_kind[kind], 1.0)


def _bin(x, n):
    """Which of n equally full bins: (E,) -> (E,) int64."""
    return np.searchsorted(np.quantile(x, np.linspace(0, 1, n + 1)[1:-1]), x)
