"""The search of all reconstructions, whatever the graph."""

import functools

import numpy as np

from linkprune import groundtruth
from linkprune.progress import tracked


def search(index, query, k, threads=1):
    """The k best of all reconstructions of an ``index.Index``, decoded block by block.

    query (nq, d) -> D (nq, k) float64 (squared L2, or minus the inner product), I (nq, k) int32.
    """
    blocks = (
        (part.start, index.reconstruct(np.arange(part.start, part.stop, dtype=np.int32), threads))
        for part in tracked(len(index.codes), "exhaustive search", size=groundtruth.CHUNK)
    )
    seen = functools.partial(index.codec.rotate, threads=threads)
    I, D = groundtruth.knn(query, blocks, k, index.metric, threads, seen)
    return D, I
