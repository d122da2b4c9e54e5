import numpy as np
import pytest
from conftest import flat, random_graph, refuses

from linkprune import pruning
from linkprune.errors import ShapeError
from linkprune.graph import Graph

SIZES = [(1, 1), (2, 3), (17, 4), (60, 7), (133, 5)]


def case(nb, M0, seed=0, share=0.3, upper=False):
    """A graph, a mask that is set in some empty slots too, and scores with many ties."""
    rng = np.random.default_rng((nb, M0, seed))
    graph = random_graph(nb, M0, 3, seed)
    if not upper:
        graph = flat(graph.neighbors, int(rng.integers(nb)))
    mask = rng.random((nb, M0)) < share
    return graph, mask, rng.integers(0, 6, (nb, M0)).astype(np.float32)


def links(graph, mask):
    """[(source, target, slot)] of a mask."""
    u, slot = np.nonzero(mask & (graph.neighbors >= 0))
    return list(zip(u.tolist(), graph.neighbors[u, slot].tolist(), slot.tolist(), strict=True))


def reached_by(graph, mask):
    """The reached vertices, one link at a time."""
    reached = {graph.entry_point, *graph.upper_vertex.tolist()}
    while True:
        more = {v for u, v, _ in links(graph, mask) if u in reached} - reached
        if not more:
            return reached
        reached |= more


def repaired(graph, mask, score):
    """Repair without a cap, as its docstring says it."""
    mask = mask & (graph.neighbors >= 0)
    every = links(graph, graph.neighbors >= 0)
    for w in range(len(mask)):
        into = [(-score[u, slot], u, slot) for u, v, slot in every if v == w != u]
        if into and w != graph.entry_point:
            mask[min(into)[1:]] = True
    while True:
        reached = reached_by(graph, mask)
        crossing = [(-score[u, slot], u, v, slot) for u, v, slot in every
                    if u in reached and v not in reached]  # fmt: skip
        if not crossing:
            return mask
        _, u, _, slot = min(crossing)
        mask[u, slot] = True


@pytest.mark.parametrize("nb, M0", SIZES)
@pytest.mark.parametrize("upper", [False, True])
def test_reachable_is_what_following_every_link_reaches(nb, M0, upper):
    graph, mask, _ = case(nb, M0, upper=upper)
    for m in (mask, graph.neighbors >= 0, np.zeros_like(mask)):
        assert set(np.flatnonzero(pruning.reachable(graph, m))) == reached_by(graph, m)
    everything = pruning.reachable(graph)
    assert np.array_equal(everything, pruning.reachable(graph, np.ones_like(mask)))


@pytest.mark.parametrize("nb, M0", SIZES)
def test_keep_edges_closes_the_gaps_and_keeps_the_order(nb, M0):
    graph, mask, _ = case(nb, M0, upper=True)
    pruned = pruning.keep_edges(graph, mask)
    rows = [[v for u, v, _ in links(graph, mask) if u == w] for w in range(nb)]
    width = max(1, *map(len, rows))
    assert pruned.neighbors.dtype == np.int32 and pruned.neighbors.flags.c_contiguous
    assert pruned.neighbors.tolist() == [row + [-1] * (width - len(row)) for row in rows]
    for name in Graph.__dataclass_fields__:
        if name != "neighbors":
            assert np.array_equal(getattr(pruned, name), getattr(graph, name))


def test_a_graph_of_which_nothing_is_kept_has_one_empty_slot():
    graph, mask, _ = case(17, 4)
    assert (pruning.keep_edges(graph, np.zeros_like(mask)).neighbors == -1).all()
    assert pruning.keep_edges(graph, np.zeros_like(mask)).neighbors.shape == (17, 1)


@pytest.mark.parametrize("nb, M0", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 1.0])
@pytest.mark.parametrize("upper", [False, True])
def test_repair_is_the_obvious_one(nb, M0, share, upper):
    for seed in range(3):
        graph, mask, score = case(nb, M0, seed, share, upper)
        got = pruning.repair(graph, mask, score)
        assert np.array_equal(got, repaired(graph, mask, score))
        assert np.array_equal(pruning.repair(graph, got, score), got)
        assert np.array_equal(pruning.reachable(graph, got), pruning.reachable(graph))
        assert not (got & (graph.neighbors < 0)).any()


def test_repair_adds_the_best_link_then_the_one_from_the_smaller_source():
    graph = flat([[1, 2], [3, -1], [3, -1], [4, -1], [3, 5], [4, -1]])
    score = np.array([[9, 9], [2, 0], [2, 0], [1, 0], [3, 1], [1, 0]], np.float32)
    got = pruning.repair(graph, np.zeros((6, 2), bool), score)
    # 4 -> 3 is the best link into 3 and comes from a vertex that only 3 leads to.
    assert got.tolist() == [[1, 1], [1, 0], [0, 0], [1, 0], [1, 1], [0, 0]]


def test_a_link_to_itself_is_no_in_link():
    graph = flat([[1, 2], [1, -1], [1, 2]])
    got = pruning.repair(graph, np.zeros((3, 2), bool), np.array([[1, 1], [9, 0], [2, 9]]))
    assert got.tolist() == [[False, True], [False, False], [True, False]]


def test_cap_degree_keeps_the_best_of_every_row():
    for nb, M0 in SIZES:
        _, mask, score = case(nb, M0, share=0.6)
        for most in (1, 2, M0, M0 + 3):
            got = pruning.cap_degree(mask, score, most)
            for row, m, s in zip(got, mask, score, strict=True):
                best = sorted(np.flatnonzero(m), key=lambda j: (-s[j], j))[:most]
                assert set(np.flatnonzero(row)) == set(best)


@pytest.mark.parametrize("most", [1, 2, 3, 7])
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_repair_under_a_cap_loses_nothing_and_never_exceeds_it(most, share):
    gained = 0
    for seed in range(12):
        graph, mask, score = case(60, 7, seed, share, upper=seed % 2 == 1)
        capped = pruning.cap_degree(mask & (graph.neighbors >= 0), score, most)
        got = pruning.repair(graph, mask, score, most)
        assert got.sum(1).max() <= most and not (got & (graph.neighbors < 0)).any()
        before, after = pruning.reachable(graph, capped), pruning.reachable(graph, got)
        assert (after >= before).all()
        gained += after.sum() - before.sum()
        assert np.array_equal(pruning.repair(graph, got, score, most), got)
        if most == 7:
            assert np.array_equal(got, pruning.repair(graph, mask, score))
    assert gained or (most == 7 and share == 1)


def test_a_full_row_gives_up_the_worst_link_that_reached_nothing_first():
    # 0 reaches 1, 2 and 3, all also linked to one another; 4 is linked from 1 alone.
    graph = flat([[1, 2, 3, -1], [0, 2, 3, 4], [0, 1, 3, -1], [0, 1, 2, -1], [-1] * 4])
    score = np.array([[9, 9, 9, 0], [5, 3, 3, 1], [5, 5, 5, 0], [5, 5, 5, 0], [0] * 4], np.float32)
    got = pruning.repair(graph, np.ones((5, 4), bool), score, 3)
    assert got[1].tolist() == [True, True, False, True]
    assert pruning.reachable(graph, got).all()


def test_a_vertex_stays_unreached_where_every_row_is_full_of_needed_links():
    graph = flat([[1, 2], [-1, -1], [-1, -1]])
    got = pruning.repair(graph, np.ones((3, 2), bool), np.ones((3, 2)), 1)
    assert got.tolist() == [[True, False], [False, False], [False, False]]
    assert pruning.reachable(graph, got).tolist() == [True, True, False]


def test_what_is_lost_are_vertices_without_a_way_and_the_queries_that_look_for_them():
    # 2 leads to a vertex that is reached, 3 and 4 to each other, 5 to itself, 6 nowhere.
    graph = flat([[1, -1], [0, -1], [1, -1], [4, -1], [3, -1], [5, -1], [-1, -1]])
    want = {"unreachable": 5, "isolated": 2}
    assert pruning.lost(graph) == {**want, "nearest_unreachable": 0}
    nearest = np.array([0, 6, 6, 1, 2], np.int32)
    assert pruning.lost(graph, nearest) == {**want, "nearest_unreachable": 3}


def test_a_link_followed_after_an_addition_is_needed_too():
    # 1 is reached by the link added from 0, since its best in-link comes from nowhere.
    graph = flat([[1, -1], [2, 3], [-1, -1], [-1, -1], [1, -1]])
    score = np.array([[1, 0], [5, 9], [0, 0], [0, 0], [9, 0]])
    mask = np.zeros((5, 2), bool)
    mask[1, 0] = True
    got = pruning.repair(graph, mask, score, 1)
    assert np.flatnonzero(got[:, 0]).tolist() == [0, 1, 4] and not got[:, 1].any()


@pytest.mark.parametrize("degree", [0.5, 1, 2.25])
def test_random_links_have_the_degree_and_a_lower_one_keeps_a_subset(degree):
    graph = case(133, 5)[0]
    got = pruning.random_links(graph, degree, 3)
    assert got.sum() == round(133 * degree) and not (got & (graph.neighbors < 0)).any()
    assert np.array_equal(got, pruning.random_links(graph, degree, 3))
    assert not np.array_equal(got, pruning.random_links(graph, degree, 4))
    assert not (got & ~pruning.random_links(graph, degree + 0.1, 3)).any()


def test_random_links_are_uniform():
    graph = flat([[1, 2, 3], [0, -1, -1], [-1, -1, -1], [0, 1, 2]])
    times = sum(pruning.random_links(graph, 0.75, seed).astype(int) for seed in range(2000))
    # 3 of 7 links each time: five standard deviations of a binomial of 2000.
    assert (abs(times[graph.neighbors >= 0] - 2000 * 3 / 7) < 5 * 22.2).all()


def test_shortest_are_the_first_of_every_row():
    graph = case(60, 7)[0]
    pruned = pruning.keep_edges(graph, pruning.shortest(graph, 3))
    assert np.array_equal(pruned.neighbors, graph.neighbors[:, :3])
    assert np.array_equal(pruning.shortest(graph, 9), graph.neighbors >= 0)


@pytest.mark.parametrize("degree", [0.5, 1.5])
def test_by_use_keeps_the_most_used_whatever_their_vertex(degree):
    graph = case(133, 5)[0]
    use = np.random.default_rng(1).integers(0, 9, (133, 5)).astype(np.int64)
    order = sorted(links(graph, graph.neighbors >= 0), key=lambda x: (-use[x[0], x[2]], x[0], x[1]))
    want = np.zeros((133, 5), bool)
    for u, _, slot in order[: round(133 * degree)]:
        want[u, slot] = True
    assert np.array_equal(pruning.by_use(graph, use, degree), want)


def test_whole_degree_keeps_all():
    graph = case(17, 4)[0]
    all_of_it = (graph.neighbors >= 0).sum() / 17
    assert np.array_equal(pruning.random_links(graph, all_of_it, 1), graph.neighbors >= 0)


def test_bad_input_is_refused():
    graph, mask, score = case(17, 4)
    for call in (pruning.keep_edges, pruning.reachable, lambda g, m: pruning.repair(g, m, score)):
        with refuses(ShapeError, "mask", "(17, 4)", "(16, 4)"):
            call(graph, mask[:16])
        with refuses(ShapeError, "mask", "bool"):
            call(graph, mask.astype(np.uint8))
    bad = score.copy()
    bad[links(graph, np.ones_like(mask))[0][::2]] = np.nan
    with refuses(ShapeError, "score", "finite"):
        pruning.repair(graph, mask, bad)
    with refuses(ShapeError, "score", "(17, 4)"):
        pruning.repair(graph, mask, score[:, :3])
    with refuses(ShapeError, "score", "real"):
        pruning.cap_degree(mask, score.astype(str), 2)
    with refuses(ShapeError, "use", "finite"):
        pruning.by_use(graph, bad, 1)
    for most in (0, -1, 1.5):
        with refuses(ShapeError, "most"):
            pruning.repair(graph, mask, score, most)
        with refuses(ShapeError, "degree"):
            pruning.shortest(graph, most)
    for degree in (0, -1, 99, np.nan):
        with refuses(ShapeError, "degree", "mean"):
            pruning.random_links(graph, degree, 1)


def test_a_score_of_a_missing_link_may_be_anything():
    graph, mask, score = case(17, 4)
    odd = np.where(graph.neighbors < 0, np.nan, score)
    assert np.array_equal(pruning.repair(graph, mask, odd), pruning.repair(graph, mask, score))
