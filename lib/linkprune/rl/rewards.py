"""What an episode is worth, and the advantages of its actions."""

import numpy as np

CHUNK = 4096  # episodes whose actions are looked at together: a few ten MB


def published(recall, ndis, max_ndis):
    """The reward of the paper: recall * max(max_ndis - ndis, 1), all (n,)."""
    return recall * np.maximum(max_ndis - ndis, 1.0)


class Baseline:
    """Moving average of the reward of every training query, 0 < share <= 1 of it new each time.

    A query that was not seen before has the mean of those of its batch for a baseline.
    """

    def __init__(self, queries, share=0.1):
        self.mean = np.full(queries, np.nan)
        self.share = share

    def advantages(self, rows, reward):
        """Rewards (n,) of episodes of the queries rows (n,) less their baselines; then updates."""
        known = self.mean[rows]
        advantage = reward - np.where(np.isnan(known), reward.mean(), known)
        # Where a batch has a query twice, its mean counts once.
        seen, at = np.unique(rows, return_inverse=True)
        fresh = np.bincount(at, reward) / np.bincount(at)
        old = self.mean[seen]
        moved = old + self.share * (fresh - old)
        self.mean[seen] = np.where(np.isnan(old), fresh, moved)
        return advantage


def merged(episodes, advantage, n_links):
    """Sums of advantages over equal actions: keep, drop (n_links,) float64, n (n_links,) int64.

    episodes: ``kernels.episodes.Episodes``; advantage (episodes,): that of all its actions.
    """
    keep, drop, n = np.zeros(n_links), np.zeros(n_links), np.zeros(n_links, np.int64)
    for first in range(0, len(advantage), CHUNK):
        offset = episodes.offset[first : first + CHUNK + 1]
        actions = episodes.actions[offset[0] : offset[-1]]
        each = np.repeat(advantage[first : first + CHUNK], np.diff(offset))
        kept = actions >= 0
        np.add.at(keep, actions[kept], each[kept])
        np.add.at(drop, ~actions[~kept], each[~kept])
        np.add.at(n, np.where(kept, actions, ~actions), 1)
    return keep, drop, n
