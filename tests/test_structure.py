"""What graphs are like: counted by hand, by loops and by plain NumPy; the figure of it."""

import collections

import numpy as np
import pytest
from conftest import by_distance_then_id, clustered, flat, integers, ip_or_l2, random_graph, refuses

from linkprune import errors, rows, structure
from linkprune.plots import structure as plot
from linkprune.plots import style

# 0 - 3 a diamond, 4 enters it, 5 stands alone.
SMALL = [[1, 2], [3, -1], [3, -1], [0, -1], [0, -1], [-1, -1]]
LINE = np.array([[0.0], [1], [3], [7], [15], [31]], np.float32)


def test_a_small_graph_by_hand():
    graph = flat(SMALL)
    out, into = structure.degrees(graph)
    assert out.tolist() == [2, 1, 1, 1, 1, 0] and into.tolist() == [2, 1, 1, 2, 0, 0]
    assert structure.hops(graph).tolist() == [0, 1, 1, 2, -1, -1]
    assert structure.hops(flat(SMALL, 4)).tolist() == [1, 2, 2, 3, 0, -1]
    assert structure.hops(flat(SMALL, 5)).tolist() == [-1, -1, -1, -1, -1, 0]
    assert structure.lengths(graph, LINE).tolist() == [1, 3, 6, 4, 7, 15]


@pytest.mark.parametrize("nb, M0", [(2, 1), (17, 3), (300, 4)])
def test_degrees_and_hops_agree_with_loops(nb, M0):
    graph = random_graph(nb, M0, 2, nb)
    links = [[u for u in row if u >= 0] for row in graph.neighbors.tolist()]
    out, into = structure.degrees(graph)
    assert out.tolist() == [len(row) for row in links]
    assert into.tolist() == [sum(v in row for row in links) for v in range(nb)]
    want, waiting = {graph.entry_point: 0}, collections.deque([graph.entry_point])
    while waiting:
        v = waiting.popleft()
        for u in links[v]:
            if u not in want:
                want[u] = want[v] + 1
                waiting.append(u)
    assert structure.hops(graph).tolist() == [want.get(v, -1) for v in range(nb)]


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_lengths_are_distances_of_linked_vectors(dtype):
    graph, base = random_graph(50, 4, 2, 1), integers(1, 50, 7, lo=0).astype(dtype)
    got = structure.lengths(graph, base, 2)
    want = [
        np.linalg.norm(base[v].astype(float) - base[u])
        for v, row in enumerate(graph.neighbors) for u in row if u >= 0
    ]  # fmt: skip
    assert np.allclose(got, want, rtol=1e-12)


def test_the_unit_is_the_distance_to_the_nearest_other_vector():
    base = np.vstack([clustered(80, 5, 1), clustered(80, 5, 1)[:3]])  # three of them twice
    dis = ip_or_l2(base, base, False)
    np.fill_diagonal(dis, np.inf)
    got = structure.nearest_distance(base, np.random.default_rng(0))
    assert got == pytest.approx(np.sqrt(by_distance_then_id(dis, 1)[1]).mean())


def test_a_large_base_is_sampled(monkeypatch):
    base = clustered(90, 4, 2)
    monkeypatch.setattr(structure, "SAMPLE", 10)
    a, b = (structure.nearest_distance(base, np.random.default_rng(s)) for s in (0, 1))
    assert a != b and a == structure.nearest_distance(base, np.random.default_rng(0))


def test_what_cannot_be_measured_is_refused():
    rng = np.random.default_rng(0)
    with refuses(errors.DataError, "1 base vectors", "at least 2"):
        structure.nearest_distance(LINE[:1], rng)
    with refuses(errors.DataError, "equal one everywhere"):
        structure.nearest_distance(np.ones((9, 3), np.float32), rng)
    with refuses(errors.DataError, "6 vertices", "5 vectors"):
        structure.lengths(flat(SMALL), LINE[:5])


def test_distributions_and_summary_of_a_small_graph():
    shape = structure.measure(flat(SMALL), LINE, 2.0)
    found = list(structure.distributions(shape))

    def of(quantity):
        return [(p["value"], p["count"], round(p["share"] * 6)) for p in found
                if p["quantity"] == quantity]  # fmt: skip

    assert of("out_degree") == [(0, 1, 1), (1, 4, 5), (2, 1, 6)]
    assert of("in_degree") == [(0, 2, 2), (1, 2, 4), (2, 2, 6)]
    assert of("level") == [(0, 6, 6)]
    assert of("hops") == [(0, 1, 1), (1, 2, 3), (2, 1, 4)]  # two of six are not reached
    lengths = [(p["share"], p["value"]) for p in found if p["quantity"] == "link_length"]
    assert lengths[0] == (0, 0.5) and lengths[100] == (0.5, 2.5) and lengths[200] == (1, 7.5)
    assert structure.summary(shape) == {
        "vertices": 6, "links": 6, "mean_degree": 1, "largest_degree": 2, "without_links": 1 / 6,
        "largest_in_degree": 2, "in_links_of_top_1": 2 / 6, "without_in_links": 2 / 6,
        "mean_length": 3, "median_length": 2.5, "levels": 1, "reached": 4 / 6, "mean_hops": 1,
        "most_hops": 2,
    }  # fmt: skip


def test_levels_are_counted():
    graph = random_graph(200, 4, 2, 3)
    shape = structure.measure(graph, clustered(200, 4, 1), 1.0)
    counted = {p["value"]: p["count"] for p in structure.distributions(shape)
               if p["quantity"] == "level"}  # fmt: skip
    assert counted == collections.Counter(graph.levels().tolist())
    assert structure.summary(shape)["levels"] == 4


def test_a_graph_without_links_has_no_lengths():
    shape = structure.measure(flat([[-1], [-1], [-1]]), LINE[:3], 1.0)
    assert {p["quantity"] for p in structure.distributions(shape)} == set(structure.VERTICES)
    found = structure.summary(shape)
    assert np.isnan(found["mean_length"]) and found["links"] == 0 and found["reached"] == 1 / 3


def graphs():
    """Two built ones of a kind, a larger one, and learned ones with their initial graph."""
    names = [
        "hnsw_L4_M2_efC9_float/unpruned", "hnsw_L4_M2_efC9_PQ2/unpruned",
        "hnsw_L5_M2_efC9_float/unpruned", "vamana_R6_a1.1_efC9_float/rl_edge_seed1",
        "vamana_R6_a1.1_efC9_float/rl_edge_seed2", "vamana_R6_a1.1_efC9_float/unpruned",
    ]  # fmt: skip
    return [(name, random_graph(60, 4, 2, i, ring=i != 2)) for i, name in enumerate(names)]


@pytest.fixture(scope="module")
def tables():
    return structure.tables(graphs(), clustered(60, 4, 1), 1, "d")


def test_tables_have_a_row_for_every_graph(tables):
    found, summaries = tables
    assert [f"{s['graph']}/{s['policy']}" for s in summaries] == [name for name, _ in graphs()]
    assert all(set(s) == set(structure.SUMMARY) for s in summaries)
    assert all(set(row) <= set(structure.COLUMNS) for row in found)
    assert {row["dataset"] for row in found} == {"d"}
    assert [s["reached"] == 1 for s in summaries] == [True, True, False, True, True, True]
    assert structure.tables(graphs(), clustered(60, 4, 1), 1, "d", 2) == tables


@pytest.fixture
def figure(tables, tmp_path):
    """The figure of the tables as they come from their file."""
    rows.write(tmp_path / "s.csv", tables[0], structure.COLUMNS)
    return plot.structure(rows.read(tmp_path / "s.csv"))


def test_every_panel_has_a_line_for_every_graph(figure):
    out, into, lengths, levels, reach = figure.axes
    for axes, more in ((out, 0), (into, 0), (lengths, 1), (levels, 0), (reach, 0)):
        assert len(axes.lines) == len(graphs()) + more
    shape = structure.measure(graphs()[0][1], clustered(60, 4, 1), 1.0)
    x, y = out.lines[0].get_data()
    assert np.allclose(np.bincount(shape.out_degree)[x.astype(int)] / 60, y)
    x, y = into.lines[0].get_data()
    assert np.allclose([(shape.in_degree >= d).mean() for d in x], y, rtol=1e-4)
    x, y = levels.lines[0].get_data()
    assert np.allclose([(shape.level >= l).sum() for l in x], y)
    x, y = reach.lines[0].get_data()
    assert np.allclose([(shape.hops <= h).mean() for h in x], y, rtol=1e-4)


def test_graphs_of_a_kind_look_the_same_and_are_named_once(figure, tables):
    reach = figure.axes[-1]
    colours = [line.get_color() for line in reach.lines]
    assert colours[0] == colours[1] != colours[2]
    assert colours[3] == colours[4] == style.COLOURS[1]
    assert [line.is_dashed() for line in reach.lines] == [False] * 5 + [True]
    share = next(s["reached"] for s in tables[1] if s["graph"].startswith("hnsw_L5"))
    assert sorted(t.get_text() for t in reach.texts) == [
        "HNSW, 4 links\n2 graphs, 100 % reached", f"HNSW, 5 links\n{100 * share:.4g} % reached",
        "rl_edge of vamana R6 a1.1\n2 graphs, 100 % reached", "vamana R6 a1.1\n100 % reached",
    ]  # fmt: skip


def test_the_file_has_the_same_bytes_every_time(tables, tmp_path):
    for name in "ab":
        style.save(plot.structure(tables[0]), tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
