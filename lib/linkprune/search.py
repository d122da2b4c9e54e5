"""An index at a grid of operating points."""

import logging

import numpy as np

from linkprune import metrics
from linkprune.progress import Progress

COUNTERS = ("ndis", "nhops", "nreorder", "ndis_upper")
DESCENT = 32  # more candidates that a search costs as much as, about: tables, upper levels

log = logging.getLogger(__name__)


def grid(index, query, gt, k, efSearch, k_reorder, threads=1):
    """Search at every pair of efSearch and k_reorder (lists of integers).

    query (nq, d), gt (nq, kgt) int32 -> arrays by name: efSearch, k_reorder (points,) int32, ids
    (points, nq, k) int32, and (points, nq) int32: rank of the true neighbour (-1: not found) and
    the counters of ``index.Result``.
    """
    rotated = index.codec.rotate(query, threads)
    points = {name: [] for name in ("efSearch", "k_reorder", "ids", "rank", *COUNTERS)}
    progress = Progress("search", sum(DESCENT + ef for ef in efSearch))
    for ef in efSearch:
        walked = index.walk(rotated, k, ef, threads)
        for r in k_reorder:
            found = index.reorder(rotated, walked, r, threads)
            rank = metrics.true_rank(found.I, gt)
            values = {"efSearch": ef, "k_reorder": r, "ids": found.I, "rank": rank}
            values |= {name: getattr(found, name) for name in COUNTERS}
            for name, value in values.items():
                points[name].append(value)
            log.info(
                "efSearch %d, k_reorder %d: R@1 %.4f R@10 %.4f R@100 %.4f, ndis %.1f",
                ef,
                r,
                *(metrics.one_recall_at(rank, at) for at in (1, 10, 100)),
                found.ndis.mean(),
            )
        progress.step(DESCENT + ef, at=f"efSearch {ef}")
    return {name: np.stack(values).astype(np.int32) for name, values in points.items()}
