"""What flat graphs share: the vertex that a search starts from, and that it reaches every other."""

import logging

import numpy as np

from linkprune import graph as graphs
from linkprune.chunks import chunks
from linkprune.errors import DataError
from linkprune.kernels import checks, distance

log = logging.getLogger(__name__)


def empty(key, nb, M0, entry_point):
    """A flat Graph of nb vertices with room for M0 links each and none yet.

    Raises DataError where nb is less than 2.
    """
    if nb < 2:
        raise DataError(f"graph {key}: {nb} base vectors, expected at least 2")
    arrays = graphs.empty(np.zeros(nb, np.int32), M0, M0)
    return graphs.Graph(**arrays, entry_point=entry_point, max_level=0)


def euclidean(base, metric, largest=None):
    """Vectors (nb, d) float32 whose squared L2 neighbours are those of base (nb, d), any dtype.

    Under "ip" they have one more coordinate that makes all norms equal (Bachrach et al., 2014);
    largest: the largest squared norm where base is only a part.
    """
    x = np.ascontiguousarray(base, np.float32)
    if not checks.by_inner_product(metric) or not len(x):
        return x
    square = _squares(x)
    last = np.sqrt((square.max() if largest is None else largest) - square)
    return np.column_stack([x, last.astype(np.float32)])


def start_vertex(base, metric="l2"):
    """The vertex nearest the mean of base (nb, d), any dtype, both as ``euclidean`` has them."""
    parts, largest = list(chunks(len(base))), None
    if checks.by_inner_product(metric):
        largest = max(_squares(base[part]).max() for part in parts)
    total = sum(euclidean(base[part], metric, largest).sum(0, dtype=np.float64) for part in parts)
    mean = (total / len(base)).astype(np.float32)
    to_mean = []
    for part in parts:
        x = euclidean(base[part], metric, largest)
        to_mean.append(distance.row_distances(x, np.tile(mean, (len(x), 1))))
    return int(np.concatenate(to_mean).argmin())


def _squares(x):
    """Squared norms of x (n, d), any dtype: (n,) float64."""
    x = np.ascontiguousarray(x, np.float32)
    return distance.row_distances(x, np.zeros_like(x))


def connect(graph, x, threads=1):
    """Link in what a search from the entry point cannot reach; returns how many links that took.

    x (nb, d) float32, vectors of ``euclidean``. The first vertex that is not reached gets a link
    from the nearest one that is and has a free slot, or else a link that the paths found so far do
    not need: of those the last in its list is replaced. What the new vertex reaches is reached.
    """
    nb, neighbors = graph.neighbors.shape[0], graph.neighbors
    parent = np.full(nb, -1, np.int32)  # of the paths from the entry point
    parent[graph.entry_point] = graph.entry_point
    _spread(neighbors, parent, graph.entry_point)
    added = 0
    while (parent < 0).any():
        v = int(parent.argmin())
        reached = np.flatnonzero(parent >= 0).astype(np.int32)
        d = distance.pair_distances(x[v : v + 1], x, reached[None], threads=threads)[0]
        for u in reached[np.argsort(d, kind="stable")]:
            spare = np.flatnonzero((neighbors[u] < 0) | (parent[neighbors[u]] != u))
            if len(spare):
                break
        free = np.flatnonzero(neighbors[u] < 0)
        neighbors[u, free[0] if len(free) else spare[-1]] = v
        parent[v] = u
        _spread(neighbors, parent, v)
        added += 1
    log.info("%d links to reach every vertex", added)
    return added


def _spread(neighbors, parent, v):
    """Give every vertex that v reaches and that has no parent the first that finds it, in place."""
    frontier = np.array([v], np.int32)
    while len(frontier):
        found, at = np.unique(neighbors[frontier], return_index=True)
        new = (found >= 0) & (parent[found] < 0)
        parent[found[new]] = frontier[at[new] // neighbors.shape[1]]
        frontier = found[new]
