"""Figures: what is drawn is what was measured, and a file has the same bytes every time."""

import re

import numpy as np
import pytest
from conftest import flat, refuses

from linkprune import curves, errors, toy
from linkprune.plots import pruning, style, training
from linkprune.plots import toy as drawing

EF = (1, 2, 4, 8, 16)


def stage(neighbors, through, used, hits, ndis):
    hits, ndis = np.array(hits, bool), np.array(ndis)
    curve = curves.Curve("R@1", np.array([1, 4]), hits, ndis)
    return toy.Stage(flat(neighbors, 1), toy.Traffic(np.array(through), np.array(used)), curve)


@pytest.fixture
def small():
    """Four digits: all links, and three of them."""
    whole = stage(
        [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]], [0.0, 1, 0, 0],
        [[0.0, 0, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0]], [[1] * 4, [1] * 4], [[4] * 4, [4] * 4],
    )  # fmt: skip
    left = stage(
        [[3, -1], [0, 2], [-1, -1], [-1, -1]], [0.25, 1, 0, 0],
        [[0.25, 0.0], [1, 1], [0, 0], [0, 0]], [[1, 1, 1, 0], [1] * 4],
        [[2, 3, 3, 2], [3, 4, 3, 4]],
    )  # fmt: skip
    xy = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float)
    return toy.Toy(np.zeros((4, 64), np.uint8), np.array([0, 8, 3, 3]), xy, whole, left)


def texts(axes):
    return [t.get_text() for t in axes.texts]


def rows(role, graph, policy, scale, dataset="d"):
    """A method whose distances are scale * 40, 80, 120 ... at fixed recalls."""
    recalls = (0.7, 0.85, 0.93, 0.98, 0.997)
    return [
        {"dataset": dataset, "role": role, "graph": graph, "policy": policy, "efSearch": str(ef),
         "R@1": str(r), "R@1_lo": str(r - 0.01), "R@1_hi": str(min(1, r + 0.002)),
         "recall@10": str(r - 0.1), "ndis": str(scale * 40 * (i + 1)), "nq": "1000"}
        for i, (ef, r) in enumerate(zip(EF, recalls, strict=True))
    ]  # fmt: skip


def experiment(dataset="d"):
    return (
        rows("learned", "g_float", "rl_edge_seed1", 1, dataset)
        + rows("learned", "g_float", "rl_edge_seed2", 1.1, dataset)
        + rows("rival", "g_float", "unpruned", 3, dataset)
        + rows("rival", "h_float", "unpruned", 2, dataset)
        + rows("rival", "g_float", "random_D4_seed1", 4, dataset)
    )


def history(shift):
    x = np.arange(6) + shift
    validated = np.array([np.nan, 30, np.nan, 20, np.nan, 25])
    seen = {"score": np.log(validated), "held_out": validated / 40}
    return {**{name: x * 1.0 for name in training.HISTORY}, **seen}


@pytest.mark.parametrize("kind", ["svg", "pdf"])
@pytest.mark.parametrize("which", ["toy", "comparison", "training"])
def test_files_have_the_same_bytes_every_time_and_no_date(kind, which, small, tmp_path):
    draw = {
        "toy": lambda: drawing.graphs(small, 0.2, 1),
        "comparison": lambda: pruning.comparison(experiment()),
        "training": lambda: training.steps({("d", "g", "rl_edge"): {1: (history(0), 3)}}),
    }[which]
    for name in "ab":
        style.save(draw(), tmp_path / f"{name}.{kind}")
    found = [(tmp_path / f"{name}.{kind}").read_bytes() for name in "ab"]
    assert found[0] == found[1]
    assert found[0].startswith({"svg": b"<?xml", "pdf": b"%PDF"}[kind])
    assert not re.search(rb"CreationDate|dc:date", found[0])
    assert [p.name for p in sorted(tmp_path.iterdir())] == [f"a.{kind}", f"b.{kind}"]


def test_the_toy_figure_states_what_was_measured(small):
    left, right = drawing.graphs(small, 0.2, 1).axes
    assert left.get_title(loc="left").startswith("Complete graph, 12 links\nR@1 1.000 [")
    title = right.get_title(loc="left")
    assert title.startswith("Pruned graph, 3 links\nR@1 0.750 [0.301, 0.954] at 2.5 distances per")
    assert "\nR@1 1.000 [0.510, 1.000] at 3.5 distances" in title
    assert "(efSearch 1, 4 queries)" in title and "(efSearch 4, 4 queries)" in title


@pytest.mark.parametrize(
    "hub, said",
    [
        (0.2, "1 hubs [0, 3] in 1 classes, at most 1 in one"),
        (0.3, "no vertex but the start carries 30%"),
    ],
)
def test_the_toy_figure_counts_the_hubs(small, hub, said):
    assert said in drawing.graphs(small, hub, 1).get_suptitle()


def test_used_links_are_wedges_from_source_to_target(small):
    _, right = drawing.graphs(small, 0.2, 1).axes
    faint, wedges = right.collections[:2]
    assert len(faint.get_segments()) == 0
    got = {}
    for path in wedges.get_paths():
        a, b, tip = path.vertices[:3]
        middle = tuple(((a + b) / 2).round(6).tolist())
        got[middle, tuple(tip.tolist())] = np.linalg.norm(a - b)
    # 1 -> 0 and 1 -> 2 carry everything, 0 -> 3 a quarter.
    assert set(got) == {((1, 0), (0, 0)), ((1, 0), (0, 1)), ((0, 0), (1, 1))}
    widths = [got[(1, 0), (0, 0)], got[(1, 0), (0, 1)], got[(0, 0), (1, 1)]]
    assert np.isclose(widths[0], widths[1]) and widths[2] < widths[0]


def test_links_that_no_search_uses_are_faint_lines(small):
    left, _ = drawing.graphs(small, 0.2, 1).axes
    faint, wedges = left.collections[:2]
    assert len(faint.get_segments()) == 9 and len(wedges.get_paths()) == 3


def test_vertices_show_class_and_traffic_and_the_start_is_a_star(small):
    _, right = drawing.graphs(small, 0.2, 1).axes
    at = {}
    for dots in right.collections[2:]:
        at[tuple(dots.get_offsets()[0].tolist())] = dots
    area = {xy: dots.get_sizes()[0] for xy, dots in at.items()}
    assert area[1, 0] > area[0, 0] > area[0, 1] == area[1, 1]
    assert np.isclose(area[0, 0], drawing.LEAST_AREA + drawing.AREA / 4)
    points = {xy: len(dots.get_paths()[0].vertices) for xy, dots in at.items()}
    assert points[0, 0] == points[0, 1] != points[1, 0]
    shown = {tuple(t.get_position()): t.get_text() for t in right.texts}
    assert shown == {(0, 0): "0", (1, 0): "8", (0, 1): "3", (1, 1): "3"}


def test_ten_classes_have_ten_colours():
    assert len(set(style.CLASSES)) == 10


def test_a_comparison_has_a_panel_for_every_data_set_and_measure():
    figure = pruning.comparison(experiment("a") + experiment("b"))
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        f"{dataset}: {measure} of 1,000 queries" for dataset in "ab" for measure in pruning.MEASURES
    ]


def test_learned_curves_are_strong_rivals_thin_and_the_initial_graph_dashed():
    axes = pruning.comparison(experiment()).axes[0]
    of = {}
    for line in axes.lines:
        of.setdefault((line.get_color(), line.get_marker()), []).append(line)

    def scales(colour):
        """Distances at recall .9 over 40; between .85 and .93 they are 80 and 120."""
        share = np.log(0.15 / 0.1) / np.log(0.15 / 0.07)
        at = np.array([
            np.interp(0.9, line.get_ydata(), line.get_xdata()) for line in of[colour, "None"]
        ])  # fmt: skip
        return sorted((at / (80 + share * 40)).round(3).tolist())

    assert scales(style.COLOURS[0]) == [1, 1.1]
    assert scales(style.GREY) == [3]
    assert scales(style.FAINT) == [2, 4]
    assert scales(style.INK) == [2]
    widths = [of[c, "None"][0].get_linewidth() for c in (style.COLOURS[0], style.INK, style.FAINT)]
    assert widths == sorted(widths, reverse=True) and len(set(widths)) == 3
    assert of[style.GREY, "None"][0].get_linestyle() == "--"
    points = of[style.COLOURS[0], "o"]
    assert [line.get_xdata().tolist() for line in points] == [
        [40, 80, 120, 160, 200], pytest.approx([44, 88, 132, 176, 220]),
    ]  # fmt: skip
    assert sorted(texts(axes)) == [
        "black: the best rival, by its name",
        "h",
        "initial: g",
        "rl_edge\ng, 2 seeds",
    ]


def test_the_axes_of_recall_say_their_scale():
    first, second = pruning.comparison(experiment()).axes
    says = "in even steps of \N{MINUS SIGN}log(1 \N{MINUS SIGN} recall)"
    assert [x.get_ylabel() for x in (first, second)] == [f"R@1, {says}", f"recall@10, {says}"]


def test_only_the_recall_of_a_first_neighbour_has_a_band():
    first, second = pruning.comparison(experiment()).axes
    assert len(first.collections) == 2 and not second.collections
    low = first.collections[0].get_datalim(first.transData).y0
    assert np.isclose(low, 0.69)


def test_the_envelope_is_the_best_rival_at_every_recall():
    found = rows("learned", "g_float", "rl_edge_seed1", 1)
    ndis = {"a_float": [10, 20, 40, 90, 120], "b_float": [20, 25, 30, 99, 110]}
    for name, of in ndis.items():
        method = rows("rival", name, "unpruned", 1)
        found += [{**row, "ndis": str(n)} for row, n in zip(method, of, strict=True)]
    axes = pruning.comparison(found).axes[0]
    (line,) = (line for line in axes.lines if line.get_color() == style.INK)
    recall, least = line.get_ydata(), line.get_xdata()
    assert np.allclose(recall[[0, -1]], [pruning.LOWEST, pruning.HIGHEST])
    y = -np.log1p(-np.array([0.7, 0.85, 0.93, 0.98, 0.997]))
    each = [np.interp(-np.log1p(-recall), y, of) for of in ndis.values()]
    assert np.allclose(least, np.min(each, 0))
    assert sorted(texts(axes)) == ["a", "b", "black: the best rival, by its name", "rl_edge\ng"]


def test_names_of_rivals_are_apart_and_off_the_frame():
    found = rows("learned", "g_float", "rl_edge_seed1", 1)
    for name, first in (("a_float", 60), ("b_float", 56), ("c_float", 20)):
        method = rows("rival", name, "unpruned", 2)  # one of them is best at the lowest recalls
        found += [{**method[0], "ndis": first}, *method[1:]]
    axes = pruning.comparison(found).axes[0]
    bottom, top = pruning.EDGES
    names = [note for note in axes.texts if note.get_text() in "abc"]
    heights = sorted(axes.transAxes.inverted().transform(axes.transData.transform(n.xy))[1]
                     for n in names)  # fmt: skip
    assert len(names) > 1 and bottom - 1e-9 <= heights[0] and heights[-1] <= top + 1e-9
    assert (np.diff(heights) >= pruning.GAP - 1e-9).all()
    most = max(line.get_xdata().max() for line in axes.lines if line.get_color() == style.INK)
    assert axes.get_xlim()[1] >= pruning.WIDER * most


def test_a_comparison_without_rivals_in_sight_is_drawn():
    low = rows("rival", "h_float", "unpruned", 2)[:1]  # recall .7: below what is drawn
    for rivals in (low, []):
        axes = pruning.comparison(rows("learned", "g_float", "rl_edge_seed1", 1) + rivals).axes[0]
        assert texts(axes) == ["rl_edge\ng"]


def test_recall_one_is_drawn_at_the_edge(tmp_path):
    perfect = rows("learned", "g_float", "rl_edge_seed1", 1)
    perfect[-1]["R@1"] = perfect[-1]["R@1_hi"] = "1.0"
    style.save(pruning.comparison(perfect), tmp_path / "a.svg")
    assert "nan" not in (tmp_path / "a.svg").read_text()


def test_a_comparison_needs_a_learned_graph():
    with refuses(errors.ConfigError, "figure", "d has no learned graph"):
        pruning.comparison(rows("rival", "h_float", "unpruned", 2))


def test_training_marks_the_chosen_step_of_every_seed():
    of_seeds = {1: (history(0), 3), 2: (history(10), 5)}
    figure = training.steps({("d", "g", "rl_edge"): of_seeds})
    panels, (part,) = figure.axes, figure.subfigs
    assert part.get_suptitle() == "d: rl_edge on g"
    assert [axes.get_title(loc="left") for axes in panels] == [
        title for title, _ in training.HISTORY.values()
    ]
    reward, score, recall = panels[0], *panels[-2:]
    line, dot = reward.lines[2:]
    assert line.get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert line.get_ydata().tolist() == [10, 11, 12, 13, 14, 15]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (6, 15)
    validated, chosen = score.lines[:2]
    assert validated.get_xdata().tolist() == [2, 4, 6]
    assert np.allclose(validated.get_ydata(), [30, 20, 25])
    assert np.isclose(chosen.get_ydata()[0], 20)
    assert recall.lines[0].get_ydata().tolist() == [0.75, 0.5, 0.625]
    (names,) = part.legends
    assert [text.get_text() for text in names.get_texts()] == ["seed 1", "seed 2"]


def test_a_panel_of_training_without_a_number_says_so():
    without = history(0) | {"held_out": np.full(6, np.nan)}
    figure = training.steps({("d", "g", "rl_edge"): {1: (without, 3), 2: (without, 3)}})
    assert [[t.get_text() for t in axes.texts] for axes in figure.axes] == [[]] * 7 + [
        ["not recorded"]
    ]


def test_the_csv_of_the_training_has_every_step_and_marks_the_chosen_one():
    histories = {("d", "g", "rl_edge"): {1: (history(0), 3), 2: (history(10), 5)}}
    found = list(training.points(histories))
    assert [(p["seed"], p["step"]) for p in found] == [(s, i) for s in (1, 2) for i in range(1, 7)]
    assert [p["step"] for p in found if p["chosen"]] == [4, 6]
    assert found[7]["reward"] == 11 and found[3]["score"] == pytest.approx(20)
    assert np.isnan(found[0]["score"]) and set(found[0]) == set(training.COLUMNS)
