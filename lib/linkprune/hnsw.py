"""HNSW and flat NSW graphs (Malkov and Yashunin, 2016), built on codes or on float vectors.

Built on codes, an inserted vector is compared uncompressed with coded vertices, and the selection
heuristic compares codes with codes. Vertices go in by descending level, at random within a level,
in batches that search the graph as it stood before the batch: the links do not depend on the
number of threads. NSW is the same construction with every vertex on the base level.
"""

import dataclasses
import logging

import numpy as np

from linkprune import flat, keys, seeds
from linkprune import graph as graphs
from linkprune.chunks import chunks
from linkprune.errors import DataError
from linkprune.kernels import checks
from linkprune.kernels import hnsw as kernel
from linkprune.progress import Progress

# A batch does not see its own members through the graph, only directly: a larger share of the
# graph, or a larger batch, costs recall at low degree before it saves time.
BATCH_SHARE = 64
BATCH_MAX = 256

log = logging.getLogger(__name__)


def build(key, base, seed, *, codec=None, codes=None, metric="l2", threads=1):
    """Build the graph of a ``keys.HNSW`` or ``keys.NSW`` over base (nb, d), any dtype -> Graph.

    With codec and codes (nb, nsq) uint8 the graph is built on the codes, otherwise on the vectors
    as float32. metric is "l2" or "ip". The entry point of HNSW is the first vertex inserted, that
    of NSW the one nearest the mean. Raises DataError where nb is less than 2.
    """
    nb = len(base)
    if nb < 2:
        raise DataError(f"graph {key}: {nb} base vectors, expected at least 2")
    checks.positive(M0=key.M0, M=key.M)
    rng = seeds.generator(seed, "hnsw", key)
    levels = _levels(rng, nb, key)
    at_random = rng.permutation(np.arange(nb, dtype=np.int32))
    order = np.lexsort((at_random, -levels)).astype(np.int32)
    del at_random
    arrays = graphs.empty(levels, key.M0, key.M)
    graph = graphs.Graph(**arrays, entry_point=int(order[0]), max_level=int(levels[order[0]]))
    if codes is None:
        base = np.ascontiguousarray(base, np.float32)
    builder = _builder(graph, key.efConstruction, base, codec, codes, metric, threads)
    levels = builder.levels  # the same; one of the two is let go
    done, progress = 1, Progress(f"graph {key}", nb - 1, "vertices")
    while done < nb:
        batch = order[done : done + min(max(1, done // BATCH_SHARE), BATCH_MAX)]
        x = codec.rotate(base[batch], threads) if codes is not None else base[batch]
        builder.link(batch, levels[batch], x)
        _reverse(builder, graph, batch, levels[batch])
        done += len(batch)
        progress.step(len(batch))
    builder.order()
    if isinstance(key, keys.NSW):
        graph = dataclasses.replace(graph, entry_point=flat.start_vertex(base, metric))
    links = sum(np.count_nonzero(graph.neighbors[part] >= 0) for part in chunks(nb))
    log.info("%d vertices, mean degree %.3f", nb, links / nb)
    return graph


def order(graph, base, *, codec=None, codes=None, metric="l2", threads=1):
    """Sort the links on level 0 in place, nearest first in the space of ``build``."""
    _builder(graph, 1, base, codec, codes, metric, threads).order()


def _levels(rng, nb, key):
    """Level of every vertex, (nb,) int32: P(level >= l) = M ** -l, the paper's 1 / ln M."""
    share, levels = rng.random(nb), np.zeros(nb, np.int32)
    np.subtract(1, share, share)
    while np.multiply(share, max(key.M, 2), share).min() <= 1:
        levels += share <= 1
    if isinstance(key, keys.NSW):
        levels[:] = 0
    return levels


def _builder(graph, efConstruction, base, codec, codes, metric, threads):
    if codes is None:
        space = {"vectors": np.ascontiguousarray(base, np.float32)}
    else:
        space = codec.space(codes, threads)
    return kernel.Builder(
        graph, efConstruction, ip=checks.by_inner_product(metric), threads=threads, **space
    )


def _reverse(builder, graph, batch, levels):
    """Give the forward links of a batch their reverse links, level by level."""
    for level in range(levels[0] + 1):  # the batch has descending levels
        members = batch[levels >= level]
        if level == 0:
            links = graph.neighbors[members]
        else:
            at = np.searchsorted(graph.upper_vertex, members)
            links = graph.upper_neighbors[graph.upper_start[at] + level - 1]
        target, source = links.ravel(), np.repeat(members, links.shape[1])
        target, source = target[links.ravel() >= 0], source[links.ravel() >= 0]
        by_target = np.argsort(target, kind="stable")
        builder.reverse(level, target[by_target], source[by_target])
