"""The agent for CPUs: a logit for every link, credited with what its absence would have changed.

The return of an episode is J = x(efSearch) * recall@k - distances. For independent draws
dJ/dp = E[J with the link - J without it], measured link by link on the same draws, so that no link
is rewarded for what others did. That is exact but for two kinds of links whose second search is
spared: those whose target another vertex links to as well, and those by which nothing was found.

The rate x = b / (1 - recall) is that of the curve itself: on a given graph distances grow about as
a - b log(1 - recall), so that another unit of recall costs b / (1 - recall) distances. A link that
is paid more than it costs at this rate moves the curve; another would only move along it.
"""

import numpy as np

from linkprune.elementary import exp, log
from linkprune.errors import ConfigError
from linkprune.rl import prior

FRACTION = 256  # rates are passed as integers: 1 / FRACTION of a distance
LIMIT = 7.0  # of a logit
LEAST_SHARE = (
    0.1  # a link that is kept less often than this is credited as if it were kept so often
)
LEAST_RATIO = 1e-3  # of gain to cost, which may be negative
SHARPENED = 2.0  # logits are so many times steeper at the end of a training by ratios
LEAST_MISS = 1e-3  # recall cannot be bought at any price


def sigmoid(z):
    """The logistic function, of any shape, float64."""
    return 1 / (1 + exp(-np.asarray(z, np.float64)))


def slope(recall, ndis):
    """b of ndis = a - b log(1 - recall), fitted by least squares over the points of a curve.

    recall, ndis (points,): means at ascending efSearch; points of recall 1 say nothing.
    """
    recall, ndis = (np.asarray(x, np.float64) for x in (recall, ndis))
    usable = recall < 1 - LEAST_MISS
    if usable.sum() < 2 or np.ptp(recall[usable]) == 0:
        raise ConfigError(
            f"the slope of the curve: recall is {recall.round(4).tolist()}, expected two points "
            "that differ and are below 1: add smaller ones to the efSearch of the validation"
        )
    x, y = -log(1 - recall[usable]), ndis[usable]
    x = x - x.mean()
    return float((x * y).sum() / (x * x).sum())


def rates(b, recall):
    """What recall 1 is worth in distances where the recall is as given (n_efs,): (n_efs,)."""
    return b / np.maximum(1 - recall, LEAST_MISS)


class EdgeAgent:
    """A logit per link (nb, M0), its discounted gain and cost, and recall at each efSearch.

    Settings as in the config: k, eta, alpha, rho, initial, prior; b: see ``slope``; efs, recall
    (n_efs,): where it begins, see ``training.operating_point``; points (nb, d): the vertices, for
    the kinds of a prior.
    """

    def __init__(self, graph, settings, b, efs, recall, points=None):
        self.links = graph.neighbors >= 0
        self.kind = prior.kinds(graph, points) if settings["prior"] else None
        self.settings, self.b, self.efs = settings, b, efs
        self.recall = np.array(recall, np.float64)  # (n_efs,)
        initial = settings["initial"]
        self.logit = np.where(self.links, log(initial / (1 - initial)), -LIMIT)
        self.gain, self.cost = np.zeros(self.logit.shape), np.zeros(self.logit.shape)

    def probabilities(self):
        """Keep probabilities (nb, M0) float64, 0 where there is no link."""
        return np.where(self.links, sigmoid(self.logit), 0)

    def step(self, environment, step, n):
        """Run the n episodes of a step and update the logits -> what happened, by name."""
        s, p, worth = self.settings, self.probabilities(), rates(self.b, self.recall)
        units = np.rint(worth / s["k"] * FRACTION).astype(np.int64)
        credit = environment.credit(p, step, n, self.efs, units, k=s["k"])
        recall = credit.hits / s["k"]
        # Only draws that kept the link are seen: each stands for 1 / p of them.
        weight = 1 / np.maximum(p, LEAST_SHARE)
        self.gain = s["rho"] * self.gain + credit.gain / FRACTION * weight
        self.cost = s["rho"] * self.cost + credit.cost * weight
        if self.kind is None:
            logit = self._moved_logit()
        else:
            # At once it would cut what is only redundant as long as all the rest is there.
            away = self._ratio_logit((step + 1) / s["steps"]) - self.logit
            logit = self.logit + np.clip(away, -s["eta"], s["eta"])
        self.logit = np.where(self.links, np.clip(logit, -LIMIT, LIMIT), -LIMIT)
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

    def _moved_logit(self):
        """Logits after a step: along net value over evidence, at most eta."""
        s, net = self.settings, self.gain - self.cost
        evidence = np.abs(self.gain) + np.abs(self.cost) + s["alpha"]
        return self.logit + s["eta"] * net / evidence

    def _ratio_logit(self, share):
        """Where logits move to: the ratio of gain to cost, its prior that of the kind; share of the
        training done: they sharpen, and a bonus for links that little is known of fades."""
        weight = self.settings["prior"]
        gain = self.gain + weight * prior.ratios(self.kind, self.gain, self.cost)
        cost = np.maximum(self.cost, 0) + weight
        ratio = np.maximum(gain, LEAST_RATIO * cost) / cost
        return (1 + SHARPENED * share) * log(ratio) + 1 - share

    def _moved(self, p):
        """Mean KL of the new from the old draws, and mean entropy, over the links."""
        new, old = self.probabilities()[self.links], p[self.links]
        kl = new * log(new / old) + (1 - new) * log((1 - new) / (1 - old))
        entropy = -(new * log(new) + (1 - new) * log(1 - new))
        return {"kl": float(kl.mean()), "entropy": float(entropy.mean())}

    def state(self):
        """Arrays that ``load`` restores."""
        return {"logit": self.logit, "gain": self.gain, "cost": self.cost, "recall": self.recall}

    def load(self, state):
        """Restore a ``state``."""
        for name, x in state.items():
            setattr(self, name, x)
