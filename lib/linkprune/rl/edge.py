"""The agent for CPUs: a logit for every link, moved by what the link was seen to gain and cost."""

import numpy as np

from linkprune.elementary import exp, log
from linkprune.rl import prior
from linkprune.rl.credited import CreditedAgent

LIMIT = 7.0  # of a logit
LEAST_RATIO = 1e-3  # of gain to cost, which may be negative
SHARPENED = 2.0  # logits are so many times steeper at the end of a training by ratios


def sigmoid(z):
    """The logistic function, of any shape, float64."""
    return 1 / (1 + exp(-np.asarray(z, np.float64)))


class EdgeAgent(CreditedAgent):
    """A CreditedAgent with a logit per link (nb, M0).

    Settings beside its own: eta, alpha, initial, prior, and steps with a prior; points (nb, d): the
    vertices, for the kinds of a prior.
    """

    def __init__(self, graph, settings, b, efs, recall, points=None):
        super().__init__(graph, settings, b, efs, recall)
        self.kind = prior.kinds(graph, points) if settings["prior"] else None
        initial = settings["initial"]
        self.logit = np.where(self.links, log(initial / (1 - initial)), -LIMIT)

    def probabilities(self):
        """Keep probabilities (nb, M0) float64, 0 where there is no link."""
        return np.where(self.links, sigmoid(self.logit), 0)

    def update(self, step):
        """Move the logits, at most by eta, after a step."""
        if self.kind is None:
            logit = self._moved_logit()
        else:
            # At once it would cut what is only redundant as long as all the rest is there.
            away = self._ratio_logit((step + 1) / self.settings["steps"]) - self.logit
            logit = self.logit + np.clip(away, -self.settings["eta"], self.settings["eta"])
        self.logit = np.where(self.links, np.clip(logit, -LIMIT, LIMIT), -LIMIT)

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

    def state(self):
        """Arrays that ``load`` restores."""
        return {**super().state(), "logit": self.logit}
