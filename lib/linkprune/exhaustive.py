"""The search of all reconstructions, whatever the graph."""

import numpy as np

from linkprune import groundtruth
from linkprune.progress import tracked


def search(index, query, k, threads=1):
    """The k best of all reconstructions of an ``index.Index``, decoded block by block.

    query (nq, d) -> D (nq, k) float64 (squared L2, or minus the inner product), I (nq, k) int32.
    """
    ids = np.arange(len(index.codes), dtype=np.int32)
    blocks = (
        (part.start, index.reconstruct(ids[part], threads))
        for part in tracked(len(ids), "exhaustive search", size=groundtruth.CHUNK)
    )
    rotated = index.codec.rotate(query, threads)
    I, D = groundtruth.knn(rotated, blocks, k, index.metric, threads)
    return D, I
