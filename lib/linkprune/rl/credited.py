"""What agents of single links share: each is credited with what its absence would have changed.

The return of an episode is J = x(efSearch) * recall@k - distances. For independent draws
dJ/dp = E[J with the link - J without it], measured link by link on the same draws, so that no link
is rewarded for what others did. That is exact but for two kinds of links whose second search is
spared: those whose target another vertex links to as well, and those by which nothing was found.

The rate x = b / (1 - recall) is that of the curve itself: on a given graph distances grow about as
a - b log(1 - recall), so that another unit of recall costs b / (1 - recall) distances. A link that
is paid more than it costs at this rate moves the curve; another would only move along it.
"""

import numpy as np

from linkprune.elementary import log
from linkprune.errors import ConfigError

FRACTION = 256  # rates are passed as integers: 1 / FRACTION of a distance
LEAST_SHARE = (
    0.1  # a link that is kept less often than this is credited as if it were kept so often
)
LEAST_MISS = 1e-3  # recall cannot be bought at any price


def slope(recall, ndis):
    """b of ndis = a - b log(1 - recall), fitted by least squares over the points of a curve.

    recall, ndis (points,): means at ascending efSearch; points of recall 1 say nothing.
    """
    recall, ndis = (np.asarray(x, np.float64) for x in (recall, ndis))
    usable = recall < 1 - LEAST_MISS
    if usable.sum() < 2 or np.ptp(recall[usable]) == 0:
        raise ConfigError(
            f"the slope of the curve: recall is {recall.round(4).tolist()}, expected two points "
            "that differ and are below 1: add smaller ones to the efSearch of the validation, more "
            "queries, or base vectors that differ"
        )
    x, y = -log(1 - recall[usable]), ndis[usable]
    x = x - x.mean()
    return float((x * y).sum() / (x * x).sum())


def rates(b, recall):
    """What recall 1 is worth in distances where the recall is as given (n_efs,): (n_efs,)."""
    return b / np.maximum(1 - recall, LEAST_MISS)


class CreditedAgent:
    """The discounted gain and cost of every link (nb, M0), and recall at each efSearch.

    What keeps a link is up to those that derive from it, with ``probabilities`` and ``update``.
    Settings as in the config: k and rho; b: see ``slope``; efs, recall (n_efs,): where it begins,
    see ``training.operating_point``.
    """

    def __init__(self, graph, settings, b, efs, recall):
        self.links = graph.neighbors >= 0
        self.settings, self.b, self.efs = settings, b, efs
        self.recall = np.array(recall, np.float64)  # (n_efs,)
        self.gain, self.cost = np.zeros((2, *self.links.shape))

    def step(self, environment, step, n):
        """Run the n episodes of a step and update from their credit -> what happened, by name."""
        s, p, worth = self.settings, self.probabilities(), rates(self.b, self.recall)
        units = np.rint(worth / s["k"] * FRACTION).astype(np.int64)
        credit = environment.credit(p, step, n, self.efs, units, k=s["k"])
        recall = credit.hits / s["k"]
        # Only draws that kept the link are seen: each stands for 1 / p of them.
        weight = 1 / np.maximum(p, LEAST_SHARE)
        self.gain = s["rho"] * self.gain + credit.gain / FRACTION * weight
        self.cost = s["rho"] * self.cost + credit.cost * weight
        self.update(step)
        for i in range(len(self.recall)):
            drawn = credit.drawn == i
            if drawn.any():
                self.recall[i] = recall[drawn].mean()
        return {
            "reward": float((worth[credit.drawn] * recall - credit.ndis).mean()),
            "recall": float(recall.mean()),
            "ndis": float(credit.ndis.mean()),
            **self._moved(p),
        }

    def _moved(self, p):
        """Mean KL of the new from the old draws, and mean entropy, over the links."""
        new, old = self.probabilities()[self.links], p[self.links]
        kl = new * log(new / old) + (1 - new) * log((1 - new) / (1 - old))
        entropy = -(new * log(new) + (1 - new) * log(1 - new))
        return {"kl": float(kl.mean()), "entropy": float(entropy.mean())}

    def state(self):
        """Arrays that ``load`` restores."""
        return {"gain": self.gain, "cost": self.cost, "recall": self.recall}

    def load(self, state):
        """Restore a ``state``."""
        for name, x in state.items():
            setattr(self, name, x)
