"""HNSW by Faiss, in place of our builder: to compare with, and for who trusts it more."""

import faiss
import numpy as np

from linkprune import graph as graphs
from linkprune.errors import ConfigError, DataError
from linkprune.kernels import checks


def build(key, base, *, codec=None, codes=None, metric="l2", threads=1):
    """The graph of a ``keys.HNSW`` over base (nb, d), any dtype -> Graph, its links in any order.

    With codec and codes (nb, nsq) uint8 it is built on the codes of base, otherwise on the vectors
    as float32. Levels are drawn by Faiss from its own fixed seed; lists are filled to the last
    place (prune_headroom 0), without which a graph of few links finds much less. Raises DataError
    where nb is less than 2, ConfigError for codes in two levels, or for ip on codes, which Faiss
    does not offer.
    """
    if len(base) < 2:
        raise DataError(f"graph {key}: {len(base)} base vectors, expected at least 2")
    if metric != "l2" and codes is not None:
        raise ConfigError(f"graph {key}: metric {metric}, expected l2, as Faiss's on codes")
    if codec is not None and codec.coarse is not None:
        raise ConfigError(f"graph {key}: Faiss builds on codes of one level, expected hnsw_...")
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        return _arrays(_filled(key, base, codec, metric, threads), key)
    finally:
        faiss.omp_set_num_threads(before)


def _filled(key, base, codec, metric, threads):
    """The index with all vectors in it."""
    if codec is None:
        base = np.ascontiguousarray(base, np.float32)
        ip = checks.by_inner_product(metric)
        kind = faiss.METRIC_INNER_PRODUCT if ip else faiss.METRIC_L2
        index = faiss.IndexHNSWFlat(base.shape[1], key.M, kind)
    else:
        index = faiss.IndexHNSWPQ(codec.d_out, len(codec.centroids), key.M)
        storage = faiss.downcast_index(index.storage)
        faiss.copy_array_to_vector(codec.centroids.ravel(), storage.pq.centroids)
        storage.pq.compute_sdc_table()
        storage.is_trained = index.is_trained = True
        base = codec.rotate(base, threads)
    if hasattr(index.hnsw, "prune_headroom"):  # since Faiss 1.14
        index.hnsw.prune_headroom = 0.0
    index.hnsw.efConstruction = key.efConstruction
    index.hnsw.set_nb_neighbors(0, key.M0)
    index.add(base)
    return index


def _arrays(index, key):
    """What the index holds, in our schema."""
    hnsw, array = index.hnsw, faiss.vector_to_array
    links, levels = array(hnsw.neighbors), array(hnsw.levels) - 1
    first = array(hnsw.offsets)[:-1].astype(np.int64)  # where the places of a vertex begin ...
    behind = array(hnsw.cum_nneighbor_per_level)  # ... and those of a level, from there
    arrays = graphs.empty(levels, key.M0, key.M)
    arrays["neighbors"][:] = links[first[:, None] + np.arange(key.M0)]
    vertex = arrays["upper_vertex"]
    owner = np.repeat(vertex, levels[vertex])
    level = 1 + np.arange(len(owner)) - np.repeat(arrays["upper_start"][:-1], levels[vertex])
    at = (first[owner] + behind[level])[:, None] + np.arange(key.M)
    arrays["upper_neighbors"][:] = links[at]
    return graphs.Graph(**arrays, entry_point=int(hnsw.entry_point), max_level=int(hnsw.max_level))
