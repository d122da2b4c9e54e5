"""Which queries an episode is for, where it starts and in what space: what all agents rely on."""

import dataclasses

import numpy as np
import pytest
from conftest import by_distance_then_id, clustered, flat, integers, ip_or_l2, refuses

from linkprune import groundtruth, hnsw, keys, pruning, store
from linkprune.errors import ShapeError
from linkprune.kernels import beam
from linkprune.rl import rivals
from linkprune.rl.environment import Environment, Queries, Space


def asked(x, truth):
    """Queries in whose episodes every vertex is there."""
    return Queries(x, truth, np.full(len(x), -1, np.int32))


@pytest.fixture(scope="module")
def levels():
    """An HNSW graph with upper levels on 500 vectors: graph, base, queries with neighbours."""
    base, x = clustered(500, 12, 1), clustered(90, 12, 2)
    graph = hnsw.build(keys.HNSW(8, 4, 30, "float"), base, 1)
    assert graph.max_level > 1
    return graph, base, asked(x, groundtruth.exact(x, base, 10)[0])


def line(nq=7, nb=9):
    """A line of vertices, and queries one of which lies at each of the first."""
    at = np.arange(nb)
    graph = flat(np.stack([np.where(at + 1 < nb, at + 1, at - 1)], 1))
    x = np.arange(nq, dtype=np.float32)[:, None]
    return Environment(
        graph, Space(at[:, None].astype(np.float32)), asked(x, x.astype(np.int32)), 3
    )


def everything(graph):
    return (graph.neighbors >= 0).astype(np.float64)


def same_bytes(a, b):
    return [x.tobytes() for x in a] == [x.tobytes() for x in b]


# Which queries


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 20])
def test_every_query_comes_once_in_a_pass(n):
    environment, passes = line(), 6
    steps = [environment.rows(step, n) for step in range(-(-7 * passes // n))]
    assert {(rows.dtype.name, len(rows)) for rows in steps} == {("int64", n)}
    order = np.concatenate(steps)[: 7 * passes].reshape(passes, 7)
    assert (np.sort(order, 1) == np.arange(7)).all()
    assert len({tuple(row) for row in order.tolist()}) == passes
    steps = np.concatenate([environment.rows(step, 5) for step in range(9)])
    assert (steps[: 7 * passes] == order.ravel()).all()  # whatever the size of a step


def test_rows_depend_on_seed_and_step_alone():
    environment = line()
    forwards = [environment.rows(step, 4).tolist() for step in range(8)]
    backwards = [environment.rows(step, 4).tolist() for step in reversed(range(8))]
    assert forwards == backwards[::-1]
    other = Environment(environment.graph, environment.space, environment.queries, 4)
    assert [other.rows(step, 4).tolist() for step in range(8)] != forwards


def test_an_episode_is_of_the_query_that_its_row_names():
    environment = line()
    rows, e = environment.record(everything(environment.graph), 2, 12, 1, 9)
    assert (e.I[:, 0] == rows).all() and len(set(rows.tolist())) == 7
    assert (
        environment.credit(everything(environment.graph), 2, 12, [9], [1]).hits.tolist() == [1] * 12
    )


def test_steps_draw_links_anew_and_the_same_step_the_same(levels):
    graph, base, queries = levels
    one = Queries(*(x[:1] for x in queries))
    environment = Environment(graph, Space(base), one, 1)
    p = 0.5 * everything(graph)
    first, again, other = (environment.record(p, step, 9, 5, 20)[1] for step in (4, 4, 5))
    assert same_bytes(first, again) and not same_bytes(first, other)
    assert len(set(first.ndis.tolist())) > 1  # one query, other draws
    elsewhere = Environment(graph, Space(base), one, 2)
    assert not same_bytes(first, elsewhere.record(p, 4, 9, 5, 20)[1])


def test_k_counts_the_first_neighbours_alone(levels):
    graph, base, queries = levels
    environment = Environment(graph, Space(base), queries, 1)
    truth = queries.truth[environment.rows(0, 40)]
    _, e = environment.record(everything(graph), 0, 40, 10, 12)
    for k in (1, 3, 10, None):
        found = (e.I[:, :k, None] == truth[:, None, :k]).any(2).sum(1)
        credit = environment.credit(everything(graph), 0, 40, [12], [1], k=k)
        assert np.array_equal(credit.hits, found), k


# Where and in what space


@pytest.mark.parametrize("kind", ["float32", "uint8", "codes"])
def test_with_all_links_an_episode_is_the_search(levels, world, kind):
    graph, base, queries = levels
    if kind == "codes":
        graph, base, x = world["graph"], world["base"], world["query"]
        queries = asked(x, groundtruth.exact(x, base, 10)[0])
        space = Space(codes=world["codes"], codec=world["codec"])
    elif kind == "uint8":
        base, x = (np.rint(20 * y + 120).astype(np.uint8) for y in (base, queries.x))
        queries = asked(x, groundtruth.exact(x, base, 10)[0])
        space = Space.assemble(base, [], "l2")
        assert space.vectors is base
    else:
        space = Space(base)
    assert graph.max_level > 0
    environment, n = Environment(graph, space, queries, 1), len(queries.x)
    for ef in (1, 7, 40):
        rows, e = environment.record(everything(graph), 0, n, 10, ef)
        x = space.prepared(queries.x[rows])
        _, I, level0, upper, nhops = beam.search(graph, x, 10, ef, **space.keywords())
        assert np.array_equal(e.I, I) and np.array_equal(e.nhops, nhops)
        assert np.array_equal(e.ndis, level0 + 1) and (upper > 1).any()
        credit = environment.credit(everything(graph), 0, n, [ef], [1])
        found = (I[:, :, None] == queries.truth[rows][:, None]).any(2).sum(1)
        assert np.array_equal(credit.ndis, e.ndis) and np.array_equal(credit.hits, found)


@pytest.mark.parametrize("kind", ["float", "codes"])
def test_threads_do_not_change_bits(levels, world, kind):
    graph, base, queries = levels
    space = Space(base)
    if kind == "codes":
        graph, x = world["graph"], world["query"]
        space = Space(codes=world["codes"], codec=world["codec"])
        queries = asked(x, groundtruth.exact(x, world["base"], 10)[0])
    p = np.random.default_rng(1).random(graph.neighbors.shape) * everything(graph)

    def both(threads):
        environment = Environment(graph, space, queries, 1, threads)
        rows, e = environment.record(p, 1, 301, 5, 9)
        return [rows, *e, *environment.credit(p, 1, 301, [3, 9], [300, 70], k=5)]

    one = both(1)
    assert same_bytes(one, both(2)) and same_bytes(one, both(4))


def test_a_space_holds_bytes_as_they_are_stored_and_the_rest_as_floats(world, tmp_path):
    for dtype in ("uint8", "int8"):
        base = integers(1, 5, 3).astype(dtype)
        got = Space.assemble(base, [], "ip")
        assert got.vectors.dtype == dtype and got.keywords()["ip"]
        assert got.prepared(base).dtype == np.float32
    base = integers(1, 5, 3)
    got = Space.assemble(np.asfortranarray(base.astype(np.float64)), [], "l2")
    assert got.vectors.dtype == np.float32 and got.vectors.flags.c_contiguous
    assert np.array_equal(got.vectors, base) and not got.keywords()["ip"]
    files = [tmp_path / "codec.h5", tmp_path / "codes.h5"]
    world["codec"].save(files[0], {})
    store.save(files[1], {"codes": world["codes"]}, {})
    got = Space.assemble(base, files, "l2")
    assert np.array_equal(got.codes, world["codes"]) and got.vectors is None
    assert np.array_equal(got.keywords()["centroids"], world["codec"].centroids)
    assert np.array_equal(got.prepared(world["query"]), world["codec"].rotate(world["query"]))


def test_an_absent_vertex_is_never_found(levels):
    whole, base, queries = levels
    graph = flat(whole.neighbors, whole.entry_point)
    truth, _ = groundtruth.exact(queries.x, base, 6)
    p, n, spent = everything(graph), len(truth), {}
    first = np.where(truth[:, 0] == graph.entry_point, -1, truth[:, 0]).astype(np.int32)
    second = np.where(np.arange(n) % 2, first, np.int32(-1))
    for name, absent in (("none", queries.absent), ("all", first), ("half", second)):
        others = [row[row != a][:5] for row, a in zip(truth, absent, strict=True)]
        known = Queries(queries.x, np.array(others, np.int32), absent)
        environment = Environment(graph, Space(base), known, 1)
        rows, e = environment.record(p, 0, n, 10, 40)
        of_truth = e.I[:, :5] == known.truth[rows]
        assert of_truth.all(1).mean() > 0.9  # the others move up
        assert not (e.I == absent[rows, None])[absent[rows] >= 0].any()
        credit = environment.credit(p, 0, n, [40], [1])
        assert np.array_equal(credit.ndis, e.ndis)
        hits = (e.I[:, :5, None] == known.truth[rows][:, None]).any(2).sum(1)
        assert np.array_equal(credit.hits, hits)
        spent[name] = e.ndis.sum()
    assert spent["none"] != spent["half"] != spent["all"]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"truth": np.zeros((6, 1), np.int32)}, ("7 queries", "6 rows")),
        ({"x": np.zeros((0, 1), np.float32), "truth": np.zeros((0, 1), np.int32)}, ("0 queries",)),
        ({"truth": np.full((7, 1), 9, np.int32)}, ("truth", "0 ... 8", "9")),
        ({"truth": np.full((7, 1), -1, np.int32)}, ("truth", "0 ... 8", "-1")),
        ({"truth": np.zeros((7, 1))}, ("truth", "int32", "float64")),
    ],
)
def test_queries_that_do_not_fit_are_refused(change, words):
    good = line()
    with refuses(ShapeError, *words):
        Environment(good.graph, good.space, good.queries._replace(**change), 1)


# Rivals


def test_rivals_are_the_rules_that_their_keys_name(levels):
    graph, base, queries = levels
    links = (graph.neighbors >= 0).sum() / len(base)
    for policy in (keys.Random(3, 1), keys.Random(3, 2), keys.Shortest(3), keys.Used(3)):
        mask, score, most = rivals.mask(policy, graph, Space(base), queries)
        assert mask.shape == score.shape == graph.neighbors.shape and mask.dtype == bool
        assert not mask[graph.neighbors < 0].any() and 2 < mask.sum() / len(base) <= 3 < links
        repaired = pruning.repair(graph, mask, score, most)
        if most is None:
            assert np.array_equal(pruning.reachable(graph, repaired), pruning.reachable(graph))
        else:
            assert repaired.sum(1).max() <= most
    one, two = (rivals.mask(keys.Random(3, s), graph, None, None)[0] for s in (1, 2))
    assert one.sum() == two.sum() == 1500 and (one != two).any()
    kept, _, most = rivals.mask(keys.Shortest(3), graph, None, None)
    assert np.array_equal(kept[:, :3], graph.neighbors[:, :3] >= 0) and not kept[:, 3:].any()
    assert most == 3
    # More than there is keeps all there is.
    assert np.array_equal(
        rivals.mask(keys.Random(99, 1), graph, None, None)[0], graph.neighbors >= 0
    )


def test_used_links_are_those_by_which_true_neighbours_are_found():
    # 0 -> 1 -> 2, which is the neighbour of two queries, and 0 -> 3, which is that of one.
    graph = flat([[3, 1], [2, -1], [0, -1], [0, -1]])
    vectors, x = np.array([[9], [4], [0], [12]], np.float32), np.array([[0], [12], [1]], np.float32)
    truth, _ = by_distance_then_id(ip_or_l2(x, vectors, False), 1)
    for threads in (1, 2):
        mask, use, _ = rivals.mask(keys.Used(1), graph, Space(vectors), asked(x, truth), threads)
        assert use.tolist() == [[1, 2], [2, 0], [0, 0], [0, 0]]
        assert mask.tolist() == [[True, True], [True, False], [True, False], [False, False]]


def test_the_original_graph_is_untouched(levels):
    graph, base, queries = levels
    before = [np.copy(getattr(graph, f.name)) for f in dataclasses.fields(graph)]
    environment = Environment(graph, Space(base), queries, 1)
    environment.credit(everything(graph), 0, 50, [9], [1])
    environment.record(everything(graph), 0, 50, 5, 9)
    rivals.mask(keys.Used(2), graph, Space(base), queries)
    after = [getattr(graph, f.name) for f in dataclasses.fields(graph)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
