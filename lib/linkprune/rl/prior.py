"""What is expected of a link before much is known of it: the ratio of gain to cost of its kind.

Kinds are bins of the length of the link over the distance from its target to the nearest linked
vertex, of its rank among the links of its source, and of the in-degree of its target.
"""

import numpy as np

from linkprune.chunks import chunks

LENGTHS, RANKS, DEGREES = 8, 6, 6  # bins, equally full but for those of ranks, equally wide
LEAST_COST = 1.0  # distances, for a kind that was never met


def kinds(graph, points):
    """The kind of every link, -1 where there is none: (nb, M0) int32; points (nb, d): vertices."""
    links = graph.neighbors >= 0
    source, slot = np.nonzero(links)
    target = graph.neighbors[links]
    length = np.empty(len(target))
    for part in chunks(len(target)):
        moved = points[source[part]].astype(np.float32) - points[target[part]]
        length[part] = np.sqrt((moved**2).sum(1))
    nearest = np.full(len(points), np.inf)
    np.minimum.at(nearest, target, length)
    degree = np.bincount(target, minlength=len(points))[target]
    relative = length / np.maximum(nearest[target], np.finfo(np.float32).tiny)
    kind = _bin(relative, LENGTHS) * RANKS + slot * RANKS // graph.neighbors.shape[1]
    out = np.full(links.shape, -1, np.int32)
    out[links] = kind * DEGREES + _bin(degree, DEGREES)
    return out


def ratios(kind, gain, cost):
    """Gain over cost of the kind of every link (nb, M0), all three; 1 where there is no link."""
    links, n = kind >= 0, LENGTHS * RANKS * DEGREES
    gains, costs = (np.bincount(kind[links], x[links], n) for x in (gain, cost))
    of_kind = np.maximum(gains, 0) / np.maximum(costs, LEAST_COST)
    return np.where(links, of_kind[kind], 1.0)


def _bin(x, n):
    """Which of n equally full bins: (E,) -> (E,) int64."""
    return np.searchsorted(np.quantile(x, np.linspace(0, 1, n + 1)[1:-1]), x)
