"""Learned pruning in one call: what the rules training_queries and prune do, for arrays."""

from linkprune.codec import Codec
from linkprune.errors import ConfigError, LinkPruneError, ShapeError
from linkprune.graph import Graph
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
    in the config; asked, validation: pruning.queries and pruning.validation of the config. Raises
    ConfigError for a setting that cannot be, ShapeError for arrays that do not fit, DataError for
    values that are not finite, too few queries, or a graph that misses the targets of validation.
    """
    if (codec is None) != (codes is None):
        raise ShapeError("prune: codec without codes or codes without codec, expected both or none")
    if not isinstance(codec, Codec | None):
        got = type(codec).__name__
        raise ShapeError(f"codec: expected a linkprune.codec.Codec, got {got}")
    if not isinstance(graph, Graph):
        raise ShapeError(f"graph: expected a linkprune.graph.Graph, got {type(graph).__name__}")
    if metric not in METRICS:
        raise ShapeError(f"metric {metric}: expected one of {', '.join(METRICS)}")
    settings.check_all("asked", asked, settings.QUERIES)
    settings.check_validation("validation", validation)
    chosen = _settings(agent, changed, min(asked["k"], len(graph.neighbors) - 1))
    kind = "l2" if metric == "l2" else "ip"
    base, train = _vectors(graph, base, train, codec, metric)
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


def _settings(agent, changed, known):
    """The complete settings of an agent; ConfigError where there is none, or one cannot be."""
    if agent not in list(settings.DEFAULTS):  # a list can be asked for what has no hash
        raise ConfigError(f"agent {agent}: expected one of {', '.join(settings.DEFAULTS)}")
    return settings.checked(f"agent {agent}", {**changed, "agent": agent}, known)


def _vectors(graph, base, train, codec, metric):
    """base and train, or None, prepared; ShapeError where they do not fit each other."""
    base = _prepared("base", base, metric)
    train = None if train is None else _prepared("train", train, metric)
    if len(base) != len(graph.neighbors):
        raise ShapeError(f"{len(base)} base vectors for a graph of {len(graph.neighbors)} vertices")
    d = base.shape[1]
    for name, other in (
        ("train", d if train is None else train.shape[1]),
        ("the codec", d if codec is None else codec.d),
    ):
        if d != other:
            raise ShapeError(f"base has {d} dimensions, {name} {other}: expected the same")
    return base, train


def _prepared(name, x, metric):
    try:
        return prepared(x, metric)
    except LinkPruneError as e:
        raise type(e)(f"{name}: {e}") from e
