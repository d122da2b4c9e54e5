"""The agent for a degree cap: every vertex keeps the links of most net value.

Under a cap links compete for the places of their vertex. What counts is then not whether a link
earns more than it costs, which in a sparse graph most do, but how much: gain - cost, discounted
over the steps. The number of places falls from all links to the cap over the first half of the
training, so that a link is judged among those that stay; the others are kept now and then, to be
judged again.
"""

import numpy as np

from linkprune.rl.credited import CreditedAgent

EXPLORED = 0.1  # keep probability of a link without a place
RANKED = 1e-5  # less for each better link of the vertex, so that a repair knows their order


class CappedAgent(CreditedAgent):
    """A CreditedAgent with ``places`` for links at every vertex.

    Settings beside its own: initial, max_degree and steps.
    """

    def __init__(self, graph, settings, b, efs, recall):
        super().__init__(graph, settings, b, efs, recall)
        self.places = graph.neighbors.shape[1]

    def probabilities(self):
        """Keep probabilities (nb, M0) float64, 0 where there is no link."""
        value = np.where(self.links, self.gain - self.cost, -np.inf)
        rank = np.argsort(np.argsort(-value, axis=1, kind="stable"), axis=1, kind="stable")
        p = np.where(rank < self.places, self.settings["initial"], EXPLORED)
        return np.where(self.links, p - RANKED * rank, 0)

    def update(self, step):
        """Share out the places of the next step."""
        width, cap = self.links.shape[1], self.settings["max_degree"]
        share = min(1.0, (step + 1) / (self.settings["steps"] / 2))
        self.places = max(cap, round(width * (cap / width) ** share))

    def state(self):
        """Arrays that ``load`` restores."""
        return {**super().state(), "places": np.int64(self.places)}
