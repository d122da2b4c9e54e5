"""Learned pruning in one call: what the rules training_queries and prune do, for arrays."""

from linkprune.errors import ConfigError, ShapeError
from linkprune.preparation import METRICS, prepared
from linkprune.rl import agents, queries, settings, training
from linkprune.rl.environment import Environment, Space
from linkprune.vectors import Vectors

# As in the config: pruning.queries and pruning.validation.
QUERIES = {"most": 1_000_000, "per_vertex": 40, "made_below": 20, "k": 10}
VALIDATION = {
    "queries": 5000,
    "efSearch": [1, 2, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96],
    "targets": {"R@1": [0.9, 0.95], "recall@10": [0.95]},
}


def prune(graph, base, train=None, agent="edge", *, metric="l2", codec=None, codes=None, seed=1,
          threads=1, asked=QUERIES, validation=VALIDATION, **changed):  # fmt: skip
    """Learn which links of a graph over base (nb, d) to keep -> ``training.Trained``.

    train (n, d): vectors like the queries, but not those that the result is judged by; None: all
    are made from the base. With codec and codes (nb, nsq) uint8 the episodes measure distances on
    the codes. metric: "l2", "ip" or "cosine". agent: "edge" or "network"; changed: its settings, as
    in the config; asked, validation: pruning.queries and pruning.validation of the config.
    """
    if (codec is None) != (codes is None):
        raise ShapeError("prune: codec without codes or codes without codec, expected both or none")
    if metric not in METRICS:
        raise ShapeError(f"metric {metric}: expected one of {', '.join(METRICS)}")
    chosen, kind = _settings(agent, changed), "l2" if metric == "l2" else "ip"
    base = prepared(base, metric)
    if len(base) != len(graph.neighbors):
        raise ShapeError(f"{len(base)} base vectors for a graph of {len(graph.neighbors)} vertices")
    train = None if train is None else prepared(train, metric)
    found = queries.gather(
        Vectors(base, base[:0], base, kind, train, own_learn=False), asked, seed, threads
    )
    space = Space(codes=codes, codec=codec, metric=kind)
    if codes is None:
        space = Space.assemble(base, [], kind)
    learn, held_out = (
        queries.on_codes(part, space, threads)
        for part in queries.split(found, validation["queries"], chosen["queries"])
    )
    environment = Environment(graph, space, learn, seed, threads)
    judge = training.Validation(space, held_out, validation, threads)
    learner = agents.build(environment, judge, base, chosen, seed)
    return training.train(learner, environment, judge, chosen, agents.episodes(graph, chosen))


def _settings(agent, changed):
    """The complete settings of an agent; ConfigError where there is none, or a key is unknown."""
    if agent not in settings.DEFAULTS:
        raise ConfigError(f"agent {agent}: expected one of {', '.join(settings.DEFAULTS)}")
    unknown = [name for name in changed if name not in settings.DEFAULTS[agent]]
    if unknown:
        known = ", ".join(settings.DEFAULTS[agent])
        raise ConfigError(f"agent {agent}: unknown setting {unknown[0]}, expected one of {known}")
    return settings.complete({"agent": agent, **changed})
