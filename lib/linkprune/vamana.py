"""Vamana graphs (Jayaram Subramanya et al., 2019) on float vectors.

Two passes over the vertices in random order, in batches that search the graph as it stood before
the batch, so that the links do not depend on the number of threads. The first pass inserts with
alpha 1, the second links every vertex again with the alpha of the key.
"""

import logging

import numpy as np

from linkprune import flat, keys, seeds
from linkprune.hnsw import BATCH_MAX, BATCH_SHARE
from linkprune.kernels import vamana as kernel
from linkprune.progress import Progress

log = logging.getLogger(__name__)


def build(key, base, seed, *, metric="l2", threads=1):
    """Build the graph of a ``keys.Vamana`` over base (nb, d), any dtype -> Graph.

    The entry point is the vertex nearest the mean; every vertex can be reached from it. metric is
    "l2" or "ip", for which the graph is that of ``flat.euclidean``. Raises DataError where nb is
    less than 2, ConfigError where the key names a codec.
    """
    keys.on_floats(key)
    x, nb = flat.euclidean(base, metric), len(base)
    graph = flat.empty(key, nb, key.R, flat.start_vertex(x) if nb else 0)
    builder = kernel.Builder(graph, key.efConstruction, x, threads)
    order = seeds.generator(seed, "vamana", key).permutation(nb).astype(np.int32)
    start_first = np.append(np.int32(graph.entry_point), order[order != graph.entry_point])
    _pass(builder, graph, start_first, 1.0, inserting=True)
    _pass(builder, graph, order, key.alpha, inserting=False)
    builder.order()
    if flat.connect(graph, x, threads):
        builder.order()
    log.info("%d vertices, mean degree %.3f", nb, (graph.neighbors >= 0).sum(1).mean())
    return graph


def _pass(builder, graph, order, alpha, inserting):
    """Link the vertices of order, all in the graph already or, when inserting, the first alone."""
    nb, done = len(order), int(inserting)
    progress = Progress(f"links with alpha {alpha:.1f}", nb - done, "vertices")
    while done < nb:
        size = max(1, done // BATCH_SHARE) if inserting else BATCH_MAX
        batch = order[done : done + min(size, BATCH_MAX)]
        links = builder.link(batch, graph.neighbors.shape[1], alpha, among=inserting)
        graph.neighbors[batch] = links
        builder.reverse(batch, links, alpha)
        done += len(batch)
        progress.step(len(batch))
