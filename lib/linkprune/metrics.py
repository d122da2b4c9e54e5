"""Accuracy of search results: two recalls, two names."""

import numpy as np


def true_rank(I, gt):
    """Rank of the true nearest neighbour among the results: (nq, k), gt (nq, kgt) -> (nq,) int32.

    0 is the first, -1 means that it was not found.
    """
    hit = I == gt[:, :1]
    return np.where(hit.any(1), hit.argmax(1), -1).astype(np.int32)


def one_recall_at(rank, k):
    """R@k of the papers: the share of queries whose true nearest neighbour is in the first k."""
    return float(np.mean((rank >= 0) & (rank < k)))


def recall_at_k(I, gt, k):
    """recall@k of the benchmarks: the share of the true k nearest in the first k, (nq,) float64."""
    return (I[:, :k, None] == gt[:, None, :k]).any(1).mean(1)
