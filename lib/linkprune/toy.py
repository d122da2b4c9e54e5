"""The toy example of the pruning paper: the complete graph on a hundred digits, and what is left.

The other digits are queries: some to learn from, some to choose the step by, some to judge by.
"""

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE

from linkprune import curves, flat, groundtruth, seeds, stats
from linkprune import graph as graphs
from linkprune.errors import ShapeError
from linkprune.rl import edge, settings, training
from linkprune.rl.environment import Environment, Queries, Space

PER_CLASS = 10
TEST, VALIDATION = 400, 300  # queries; the other 997 are learned from
TRAINED = (1, 2, 4)  # efSearch of the episodes
EFSEARCH = 4  # of the traffic
EPISODES = 3000  # a step
# The complete graph finds everything at one cost, so its curve has no slope to begin with. Those of
# the graphs that come out have one of 3 to 5 distances.
SLOPE, RECALL = 5.0, 0.9
SETTINGS = settings.complete({
    "agent": "edge", "k": 1, "initial": 0.3, "steps": 60, "prior": 0.0, "eta": 1.0, "alpha": 20.0,
    "rho": 0.7,
})  # fmt: skip
JUDGE = {"efSearch": [1, 2, 3, 4, 6, 8], "targets": {"R@1": [0.95]}}
HUB = 0.1  # of all searches, at least, go on through a hub
NEAREST = 0.055  # of the side of the picture, between two vertices

VERTICES = (
    "id class x y start in_before in_after out_before out_after through_before through_after "
    "hub hub_lo hub_hi"
).split()
LINKS = "source target used_before used_after kept".split()
CURVE = "graph links efSearch R@1 R@1_lo R@1_hi ndis nq".split()


class Digits(NamedTuple):
    """base (nb, 64) uint8, sorted by class, label (nb,) int32; learn, validation, test: Queries
    that are not in the base."""

    base: np.ndarray
    label: np.ndarray
    learn: Queries
    validation: Queries
    test: Queries


class Traffic(NamedTuple):
    """Shares of searches: through (nb,) those that found a new vertex by a link of this one, used
    (nb, M0) those that found one by this link."""

    through: np.ndarray
    used: np.ndarray


class Stage(NamedTuple):
    """A graph, its Traffic and its ``curves.Curve`` of R@1, both on the test queries."""

    graph: graphs.Graph
    traffic: Traffic
    curve: curves.Curve

    def hubs(self, share):
        """Vertices but the start that this share of searches goes on through, busiest first."""
        return self._busy(self.traffic.through, share)

    def hubs_within(self, share):
        """The hubs at the lower and at the upper ends of the 95 % intervals of the traffic."""
        bounds = [stats.wilson(t, len(self.curve.hits[0])) for t in self.traffic.through.tolist()]
        return [self._busy(np.array(through), share) for through in zip(*bounds, strict=True)]

    def _busy(self, through, share):
        order = np.argsort(-through, kind="stable")
        return order[(through[order] >= share) & (order != self.graph.entry_point)]

    def links(self):
        """Source and target (n, 2) int64 of every link, and the share of searches that use it."""
        source, slot = np.nonzero(self.graph.neighbors >= 0)
        target = self.graph.neighbors[source, slot]
        return np.column_stack([source, target]), self.traffic.used[source, slot]

    def points(self):
        """The points of the curve: dicts of efSearch, R@1, R@1_lo, R@1_hi, ndis, nq."""
        columns = (self.curve.efSearch, self.curve.hits, self.curve.ndis)
        for ef, hits, ndis in zip(*columns, strict=True):
            lo, hi = stats.wilson(hits.mean(), len(hits))
            yield {"efSearch": int(ef), "R@1": hits.mean(), "R@1_lo": lo, "R@1_hi": hi,
                   "ndis": ndis.mean(), "nq": len(hits)}  # fmt: skip


class Toy(NamedTuple):
    """base (nb, 64) uint8, label (nb,) int32, xy (nb, 2) in 0 ... 1, and the graph before and after
    as a Stage each."""

    base: np.ndarray
    label: np.ndarray
    xy: np.ndarray
    before: Stage
    after: Stage


def digits(seed):
    """Ten digits of every class and the other 1,697 of scikit-learn as queries: Digits."""
    x, label = load_digits(return_X_y=True)
    x, label = x.astype(np.uint8), label.astype(np.int32)
    order = seeds.generator(seed, "toy digits").permutation(len(x))
    base = np.concatenate([order[label[order] == c][:PER_CLASS] for c in range(10)])
    rest = order[~np.isin(order, base)]
    truth, _ = groundtruth.exact(x[rest], x[base], 1)
    queries = Queries(x[rest], truth, np.full(len(rest), -1, np.int32))
    test, validation, learn = (
        Queries(*(column[part] for column in queries))
        for part in (
            slice(TEST), slice(TEST, TEST + VALIDATION), slice(TEST + VALIDATION, None)
        )
    )  # fmt: skip
    return Digits(x[base], label[base], learn, validation, test)


def complete(base):
    """The complete graph on base (nb, d), any dtype, started at the vertex nearest the mean."""
    nb = len(base)
    if nb < 2:
        raise ShapeError(f"complete graph: {nb} vectors, expected at least 2")
    ids, _ = groundtruth.exact(base, base, nb)
    neighbors = ids[ids != np.arange(nb)[:, None]].reshape(nb, nb - 1)
    arrays = {**graphs.empty(np.zeros(nb, np.int32), nb - 1, 1), "neighbors": neighbors}
    return graphs.Graph(**arrays, entry_point=flat.start_vertex(base), max_level=0)


def learn(graph, space, data, seed, threads=1):
    """Train an agent of links on the complete graph of Digits: a ``training.Trained``."""
    environment = Environment(graph, space, data.learn, seed, threads)
    agent = edge.EdgeAgent(graph, SETTINGS, SLOPE, np.array(TRAINED), [RECALL] * len(TRAINED))
    judge = training.Validation(space, data.validation, JUDGE, threads)
    return training.train(agent, environment, judge, SETTINGS, EPISODES)


def traffic(graph, space, queries, efSearch, threads=1):
    """Where one search for each of the Queries leads: Traffic."""
    links, n = graph.neighbors >= 0, len(queries.x)
    environment = Environment(graph, space, queries, 0, threads)
    _, found = environment.record(links.astype(float), 0, n, 1, efSearch)
    nb, M0 = links.shape
    search = np.repeat(np.arange(n), np.diff(found.offset))
    passes = np.unique(search * nb + found.actions // M0)
    return Traffic(
        np.bincount(passes % nb, minlength=nb) / n,
        np.bincount(found.actions, minlength=nb * M0).reshape(nb, M0) / n,
    )


def layout(base, seed):
    """Places for vectors (nb, d) in 2-D, no two too near: (nb, 2) in 0 ... 1, to four digits.

    t-SNE runs through BLAS: the same places on the same machine.
    """
    state = int(seeds.generator(seed, "toy layout").integers(1 << 31))
    tsne = TSNE(perplexity=12, method="exact", init="pca", random_state=state)
    xy = tsne.fit_transform(np.asarray(base, np.float64)).astype(np.float64)
    for _ in range(200):
        xy = (xy - xy.min(0)) / np.ptp(xy, 0)
        apart = xy[:, None] - xy[None]
        distance = np.sqrt((apart**2).sum(2)) + np.eye(len(xy))
        push = np.maximum(NEAREST - distance, 0) / distance
        xy += 0.3 * (apart * push[..., None]).sum(1)
    return ((xy - xy.min(0)) / np.ptp(xy, 0)).round(4)


def run(seed, threads=1):
    """The whole example: Toy."""
    data = digits(seed)
    space = Space(np.ascontiguousarray(data.base))
    judge = training.Validation(space, data.test, JUDGE, threads)
    whole = complete(data.base)
    stages = (
        Stage(graph, traffic(graph, space, data.test, EFSEARCH, threads), judge.curve(graph)["R@1"])
        for graph in (whole, learn(whole, space, data, seed, threads).graph)
    )
    return Toy(data.base, data.label, layout(data.base, seed), *stages)


def vertices(toy):
    """One dict a vertex, as VERTICES; hub is 1 for a hub of the graph that is left, hub_lo and
    hub_hi for one at the lower and at the upper end of the interval of its traffic."""
    ids, graphs_ = np.arange(len(toy.label)), (toy.before.graph, toy.after.graph)
    columns = (
        ids, toy.label, *toy.xy.T, ids == toy.after.graph.entry_point,
        *(np.bincount(g.neighbors[g.neighbors >= 0], minlength=len(ids)) for g in graphs_),
        *((g.neighbors >= 0).sum(1) for g in graphs_),
        toy.before.traffic.through, toy.after.traffic.through,
        *(np.isin(ids, hubs) for hubs in (toy.after.hubs(HUB), *toy.after.hubs_within(HUB))),
    )  # fmt: skip
    for values in zip(*(np.asarray(c) for c in columns), strict=True):
        plain = (int(v) if v.dtype == bool else v for v in values)
        yield dict(zip(VERTICES, plain, strict=True))


def links(toy):
    """One dict a link of the complete graph, as LINKS; kept is 1 for those that are left."""
    pairs, used = toy.after.links()
    left = dict(zip(map(tuple, pairs.tolist()), used, strict=True))
    for pair, share in zip(*toy.before.links(), strict=True):
        pair = tuple(pair.tolist())
        yield dict(zip(LINKS, (*pair, share, left.get(pair, 0.0), int(pair in left)), strict=True))


def curve(toy):
    """One dict a graph and efSearch, as CURVE."""
    for name, stage in (("complete", toy.before), ("pruned", toy.after)):
        number = int((stage.graph.neighbors >= 0).sum())
        for point in stage.points():
            yield {"graph": name, "links": number, **point}
