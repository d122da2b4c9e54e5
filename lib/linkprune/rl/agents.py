"""Agents by name, and how long they train."""

import numpy as np

from linkprune.rl import training
from linkprune.rl.capped import CappedAgent
from linkprune.rl.edge import EdgeAgent


def episodes(graph, settings):
    """Episodes of a step: as many as the settings say, or a share of the number of links."""
    links = int((graph.neighbors >= 0).sum())
    return settings["episodes"] or max(1, round(settings["episodes_per_link"] * links))


def build(environment, validation, base, settings, seed):
    """The agent of complete settings, ready for its first step; base (nb, d) any dtype."""
    graph = environment.graph
    found = training.initial_curves(graph, validation)
    # The reward that an episode shares asks for no rate, nor for a curve that has a slope.
    b = None if settings.get("credit") == "shared" else training.exchange_rate(found, settings["k"])
    if settings["agent"] == "edge":
        efs, recall = training.operating_point(environment, validation, settings)
        if settings["max_degree"]:
            return CappedAgent(graph, settings, b, efs, recall)
        points = environment.space.points(environment.threads) if settings["prior"] else None
        return EdgeAgent(graph, settings, b, efs, recall, points)
    # torch takes a second to import, and only this agent needs it.
    from linkprune.rl.network import NetworkAgent

    vectors = np.ascontiguousarray(base, np.float32)
    return NetworkAgent(graph, settings, vectors, len(environment.queries.x), b, seed)
