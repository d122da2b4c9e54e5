"""The toy example: the complete graph on a hundred digits, and what pruning leaves of it."""

import numpy as np
import pytest
from conftest import by_distance_then_id, flat, integers, ip_or_l2, random_graph, refuses
from sklearn.datasets import load_digits

from linkprune import curves, errors, pruning, stats, toy
from linkprune.rl.environment import Queries, Space


@pytest.fixture(scope="module")
def found():
    return toy.run(2018)


def rows_of(x):
    return sorted(map(bytes, np.ascontiguousarray(x, np.uint8)))


def traced(graph, x, query, ef):
    """A search, step by step: the links that found a vertex, as (source, slot)."""
    d = ip_or_l2(x, query[None], False)[:, 0]
    pool, expanded, by = [(d[graph.entry_point], graph.entry_point)], set(), []
    seen = {graph.entry_point}
    while True:
        waiting = [c for c in pool if c[1] not in expanded]
        if not waiting or sum(c[0] < waiting[0][0] for c in pool) >= ef:
            return by
        u = waiting[0][1]
        expanded.add(u)
        for slot, v in enumerate(graph.neighbors[u].tolist()):
            if v >= 0 and v not in seen:
                seen.add(v)
                pool.append((d[v], v))
                by.append((u, slot))
        pool = sorted(pool)[:ef]


def test_the_digits_are_split_into_base_and_queries():
    data = toy.digits(7)
    assert np.array_equal(data.label, np.repeat(np.arange(10), 10))
    parts = (data.learn, data.validation, data.test)
    assert [len(q.x) for q in parts] == [997, 300, 400]
    x, label = load_digits(return_X_y=True)
    assert rows_of(np.concatenate([data.base, *(q.x for q in parts)])) == rows_of(x)
    of_class = {c: set(rows_of(x[label == c])) for c in range(10)}
    assert all(bytes(row) in of_class[c] for row, c in zip(data.base, data.label, strict=True))
    for q in parts:
        want, _ = by_distance_then_id(ip_or_l2(q.x, data.base, False), 1)
        assert np.array_equal(q.truth, want)
        assert (q.absent == -1).all()


def test_another_seed_chooses_other_digits():
    a, b, c = (toy.digits(seed) for seed in (1, 1, 2))
    assert np.array_equal(a.base, b.base) and np.array_equal(a.learn.x, b.learn.x)
    assert not np.array_equal(a.base, c.base)


@pytest.mark.parametrize("nb", [2, 7, 33])
def test_the_complete_graph_has_all_links_nearest_first(nb):
    base = integers(nb, nb, 3, lo=0, hi=4)  # many ties
    graph = toy.complete(base)
    distance = ip_or_l2(base, base, False)
    np.fill_diagonal(distance, np.inf)
    want, _ = by_distance_then_id(distance, nb - 1)
    assert np.array_equal(graph.neighbors, want)
    to_mean = ((nb * base.astype(np.float64) - base.sum(0, dtype=np.float64)) ** 2).sum(1)
    assert to_mean[graph.entry_point] == to_mean.min()


def test_a_complete_graph_needs_two_vectors():
    with refuses(errors.ShapeError, "complete graph", "1", "2"):
        toy.complete(integers(1, 1, 5))


@pytest.mark.parametrize("ef, threads", [(1, 1), (2, 2), (5, 4)])
def test_traffic_is_that_of_searches_step_by_step(ef, threads):
    graph = flat(random_graph(41, 6, 3, 5, ring=True).neighbors, 17)
    x, query = integers(1, 41, 9), integers(2, 23, 9)
    through, used = np.zeros(41), np.zeros((41, 6))
    for q in query:
        by = traced(graph, x, q, ef)
        for u, slot in by:
            used[u, slot] += 1
        for u in {u for u, _ in by}:
            through[u] += 1
    queries = Queries(query, np.zeros((23, 1), np.int32), np.full(23, -1, np.int32))
    got = toy.traffic(graph, Space(x), queries, ef, threads)
    assert np.array_equal(got.through, through / 23)
    assert np.array_equal(got.used, used / 23)


def test_hubs_are_busy_and_not_the_start():
    graph = flat([[1, 2], [0, -1], [1, -1], [-1, -1]], 0)
    traffic = toy.Traffic(np.array([1.0, 0.2, 0.1, 0.2]), np.zeros((4, 2)))
    hits = np.array([[True, False], [True, True]])
    ndis = np.array([[2, 4], [4, 4]])
    stage = toy.Stage(graph, traffic, curves.Curve("R@1", np.array([1, 3]), hits, ndis))
    assert stage.hubs(0.1).tolist() == [1, 3, 2]
    assert stage.hubs(0.15).tolist() == [1, 3]
    surely, maybe = stage.hubs_within(0.1)  # of two queries: .2 may be .02 to .73
    assert surely.tolist() == [] and maybe.tolist() == [1, 3, 2]
    pairs, used = stage.links()
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 0], [2, 1]] and (used == 0).all()
    points = list(stage.points())
    assert [(p["efSearch"], p["R@1"], p["ndis"], p["nq"]) for p in points] == [
        (1, 0.5, 3, 2), (3, 1, 4, 2),
    ]  # fmt: skip
    assert points[0]["R@1_lo"] < 0.5 < points[0]["R@1_hi"]


def test_the_complete_graph_finds_everything_at_the_cost_of_everything(found):
    assert found.before.curve.hits.all()
    assert (found.before.curve.ndis == 100).all()
    through = np.zeros(100)
    through[found.before.graph.entry_point] = 1
    assert np.array_equal(found.before.traffic.through, through)


def test_what_is_left_finds_most_at_a_fraction_of_the_cost(found):
    graph = found.after.graph
    point = next(p for p in found.after.points() if p["efSearch"] == toy.EFSEARCH)
    assert point["R@1"] > 0.9 and point["ndis"] < 30
    assert pruning.reachable(graph).all()
    assert graph.entry_point == found.before.graph.entry_point
    kept = [set(row[row >= 0].tolist()) for row in graph.neighbors]
    assert all(
        len(row) == (links >= 0).sum() for row, links in zip(kept, graph.neighbors, strict=True)
    )
    assert 100 < sum(map(len, kept)) < 1000
    assert 3 <= len(found.after.hubs(toy.HUB)) <= 20


def test_the_files_say_what_was_found(found):
    vertices, links, curve = (list(rows(found)) for rows in (toy.vertices, toy.links, toy.curve))
    assert (len(vertices), len(links), len(curve)) == (100, 9900, 12)
    assert all(tuple(v) == tuple(toy.VERTICES) for v in vertices)
    assert all(tuple(v) == tuple(toy.LINKS) for v in links)
    assert all(tuple(v) == tuple(toy.CURVE) for v in curve)
    kept = {(v["source"], v["target"]): v["used_after"] for v in links if v["kept"]}
    neighbors, used = found.after.graph.neighbors, found.after.traffic.used
    want = {(u, int(v)): used[u, slot] for (u, slot), v in np.ndenumerate(neighbors) if v >= 0}
    assert kept == want
    assert all(v["used_after"] == 0 for v in links if not v["kept"])
    for v in vertices:
        assert v["in_before"] == v["out_before"] == 99
        assert v["in_after"] == (neighbors == v["id"]).sum()
        assert v["out_after"] == (neighbors[v["id"]] >= 0).sum()
        busy = v["through_after"] >= toy.HUB
        assert v["hub"] == (busy and not v["start"])
        assert v["hub_lo"] <= v["hub"] <= v["hub_hi"]
        for bound, share in zip(("lo", "hi"), stats.wilson(v["through_after"], 400), strict=True):
            assert v[f"hub_{bound}"] == (share >= toy.HUB and not v["start"])
    assert [v["id"] for v in vertices if v["start"]] == [found.after.graph.entry_point]


def test_learning_is_the_same_at_any_number_of_threads(monkeypatch):
    monkeypatch.setitem(toy.SETTINGS, "steps", 10)
    monkeypatch.setitem(toy.JUDGE, "targets", {"R@1": [0.5]})
    monkeypatch.setattr(toy, "EPISODES", 1000)
    data = toy.digits(3)
    space, graph = Space(data.base), toy.complete(data.base)
    trained = [toy.learn(graph, space, data, 3, threads) for threads in (1, 2, 4)]
    for other in trained[1:]:
        assert np.array_equal(other.p, trained[0].p)
        assert np.array_equal(other.graph.neighbors, trained[0].graph.neighbors)
    assert not np.array_equal(toy.learn(graph, space, data, 4).p, trained[0].p)


def test_the_layout_keeps_vertices_apart_and_is_repeatable(found):
    xy = found.xy
    assert xy.shape == (100, 2) and (xy.min(0) == 0).all() and (xy.max(0) == 1).all()
    distance = np.sqrt(ip_or_l2(xy, xy, False)) + np.eye(100)
    assert distance.min() > 0.6 * toy.NEAREST
    assert np.array_equal(toy.layout(found.base, 2018), xy)
    own = np.array([found.label[row.argmin()] for row in distance])
    assert (own == found.label).mean() > 0.7  # classes lie together
