"""What an episode is worth, and the advantages of its actions."""

import numpy as np


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
    each = np.repeat(advantage, np.diff(episodes.offset))
    kept = episodes.actions >= 0
    link = np.where(kept, episodes.actions, ~episodes.actions)
    # Of no actions at all NumPy makes integers.
    keep, drop = (
        np.bincount(link[part], each[part], n_links).astype(np.float64) for part in (kept, ~kept)
    )
    return keep, drop, np.bincount(link, minlength=n_links)
