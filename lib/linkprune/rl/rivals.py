"""Simple ways to prune, which a learned one must beat: masks of links, before their repair."""

import numpy as np

from linkprune import keys, pruning, seeds
from linkprune.rl.environment import Environment

EFSEARCH = [10, 16, 24, 32]  # of the searches that count how often a link is used
SEARCHES = 200_000  # so many of them at most


def mask(policy, graph, space, queries, threads=1):
    """The links that a rival keeps, the score by which it would add some back, both (nb, M0), and
    how many a vertex keeps at most, or None. A mean degree that the graph does not have keeps all.

    policy: a parsed key, ``keys.Random``, ``keys.Shortest`` or ``keys.Used``; the last counts how
    often a link led to a true neighbour of the training queries on the whole graph.
    """
    shape = graph.neighbors.shape
    degree = min(policy.degree, (graph.neighbors >= 0).sum() / shape[0])
    if isinstance(policy, keys.Random):
        chance = seeds.generator(policy.seed, "repair").random(shape)
        return pruning.random_links(graph, degree, policy.seed), chance, None
    if isinstance(policy, keys.Shortest):
        nearness = -np.arange(shape[1]) + np.zeros(shape)
        return pruning.shortest(graph, policy.degree), nearness, min(policy.degree, shape[1])
    environment = Environment(graph, space, queries, 0, threads)
    everything = (graph.neighbors >= 0).astype(np.float64)
    n, rate = min(len(queries.x), SEARCHES), [1] * len(EFSEARCH)
    use = environment.credit(everything, 0, n, EFSEARCH, rate, rerun=False).gain
    return pruning.by_use(graph, use, degree), use, None
