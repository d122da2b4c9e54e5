"""NSG-style graphs (Fu et al., 2019) on float vectors.

A beam search on the exact graph of K nearest neighbours gives every vertex its candidates; the rule
of the monotonic relative neighbourhood graph, which is that of Vamana with alpha 1, selects. All
vertices search the same graph, so that the links do not depend on the number of threads.
"""

import logging

import numpy as np

from linkprune import flat, groundtruth, keys
from linkprune.graph import Graph
from linkprune.kernels import checks
from linkprune.kernels import vamana as kernel
from linkprune.progress import tracked

BATCH = 1 << 14  # vertices that search in one call; the result does not depend on it

log = logging.getLogger(__name__)


def build(key, base, *, metric="l2", threads=1):
    """Build the graph of a ``keys.NSG`` over base (nb, d), any dtype -> Graph; nothing is random.

    The entry point is the vertex nearest the mean; every vertex can be reached from it. metric is
    "l2" or "ip", for which the graph is that of ``flat.euclidean``. Raises DataError where nb is
    less than 2, ConfigError where the key names a codec.
    """
    keys.on_floats(key)
    checks.positive(K=key.K)
    x, nb = flat.euclidean(base, metric), len(base)
    graph = flat.empty(key, nb, key.R, flat.start_vertex(x) if nb else 0)
    near = Graph(
        nearest(x, key.K, threads), graph.upper_vertex, graph.upper_start, graph.upper_neighbors,
        graph.entry_point, 0,
    )  # fmt: skip
    searcher = kernel.Builder(near, key.efConstruction, x, threads)
    every = np.arange(nb, dtype=np.int32)
    for batch in tracked(nb, f"graph {key}", "vertices", BATCH):
        graph.neighbors[batch] = searcher.link(every[batch], key.R)
    builder = kernel.Builder(graph, key.efConstruction, x, threads)
    builder.reverse(every, graph.neighbors.copy())
    builder.order()
    if flat.connect(graph, x, threads):
        builder.order()
    log.info("%d vertices, mean degree %.3f", nb, (graph.neighbors >= 0).sum(1).mean())
    return graph


def nearest(x, K, threads=1):
    """The K nearest other rows of every row of x (nb, d): (nb, K) int32, padded with -1."""
    ids, _ = groundtruth.exact(x, x, K + 1, threads=threads)
    itself = ids == np.arange(len(x), dtype=np.int32)[:, None]
    itself[~itself.any(1), -1] = True  # more than K equal rows: the last one goes instead
    return ids[~itself].reshape(len(x), K)
