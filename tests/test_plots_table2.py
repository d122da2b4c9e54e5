"""Table 2 and Figure 5 as pictures: the points of the CSV, published ones where they may be."""

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from linkprune import rows, tables
from linkprune.plots import figure5, style, table2

ROOT = Path(__file__).parents[1]
PUBLISHED = rows.read(ROOT / "expected/published.csv")
SPLITS = (("4", "OPQ48_192", "beta0"), ("6", "OPQ40_160", "beta0"), ("6", "OPQ36_144", "beta4x256"))


def row(dataset, split, mode, ef, r, share, **values):
    M0, codec, beta = SPLITS[split]
    shares = {"R@1": share, "R@10": share + 0.1, "R@100": share + 0.2}
    found = dict.fromkeys(tables.COLUMNS, "")
    for name, x in shares.items():
        found |= {
            name: f"{x:.4f}",
            f"{name}_lo": f"{x - 0.03:.4f}",
            f"{name}_hi": f"{x + 0.01:.4f}",
        }
    cost = {"ndis": f"{3 * int(ef) + split:.2f}", "ms_per_query": "0.01"} if mode == "graph" else {}
    return {**found, **cost, "dataset": dataset, "graph": f"hnsw_L{M0}_{codec}", "mode": mode,
            "policy": "unpruned", "codec": codec, "beta": beta, "M0": M0, "bytes_per_vector": "64",
            "efSearch": ef, "k_reorder": r, "nq": "500", **values}  # fmt: skip


def table(*names):
    """Three splits on each data set: R@1 .3 at efSearch 1, .4, .5 at 16, 64; re-ranked .05 more."""
    found = []
    for name in names:
        for split in range(3):
            for i, ef in enumerate(("1", "16", "64")):
                share = 0.3 + 0.1 * i + 0.01 * split
                found += [row(name, split, "graph", ef, "0", share),
                          row(name, split, "graph", ef, "5", share + 0.05)]  # fmt: skip
            found.append(row(name, split, "exhaustive", "", "", 0.6 + 0.01 * split))
    return found


def drawn(*names):
    return figure5.points(table(*names), PUBLISHED)


def curves(axes):
    """The curves of a panel, exhaustive levels left out, as x -> y."""
    return [
        dict(zip(*line.get_data(), strict=True))
        for line in axes.lines
        if line.get_marker() in figure5.MARKERS
    ]


def texts(axes):
    return [t.get_text() for t in axes.texts]


# What both have in common


@pytest.mark.parametrize("kind", ["svg", "pdf"])
@pytest.mark.parametrize("which", ["table2", "figure5"])
def test_files_have_the_same_bytes_every_time_and_no_date(which, kind, tmp_path):
    draw = {
        "table2": lambda: table2.heat(table2.cells(table("a"))),
        "figure5": lambda: figure5.tradeoff(drawn("deep1m")),
    }[which]
    for name in "ab":
        style.save(draw(), tmp_path / f"{name}.{kind}")
    found = [(tmp_path / f"{name}.{kind}").read_bytes() for name in "ab"]
    assert found[0] == found[1] and not re.search(rb"CreationDate|dc:date", found[0])


@pytest.mark.parametrize("which", [table2, figure5])
def test_the_csv_of_a_figure_draws_the_same_figure(which, tmp_path):
    found = drawn("deep1m") if which is figure5 else table2.cells(table("deep1m"))
    draw = figure5.tradeoff if which is figure5 else table2.heat
    rows.write(tmp_path / "drawn.csv", found, which.COLUMNS)
    for name, points in {"a": found, "b": rows.read(tmp_path / "drawn.csv")}.items():
        style.save(draw(points), tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


# Figure 5


def test_curves_are_the_points_with_re_ranking_where_there_is_a_codebook_for_it():
    ef1, dis1, ef10, dis10 = figure5.tradeoff(drawn("a")).axes
    assert curves(ef1) == [pytest.approx(x) for x in (
        {16: 40, 64: 50}, {16: 41, 64: 51}, {16: 47, 64: 57},
    )]  # fmt: skip
    assert curves(dis1) == [pytest.approx(x) for x in (
        {48: 40, 192: 50}, {49: 41, 193: 51}, {50: 47, 194: 57},
    )]  # fmt: skip
    assert curves(ef10)[0] == pytest.approx({16: 50, 64: 60})
    assert curves(dis10)[2] == pytest.approx({50: 57, 194: 67})
    dashed = [line.get_linestyle() for line in ef1.lines if line.get_marker() in figure5.MARKERS]
    assert dashed == ["-", "-", "--"]


def test_bands_are_the_intervals_and_dotted_lines_lead_to_the_exhaustive_search():
    left, right, *_ = figure5.tradeoff(drawn("a")).axes
    for axes in (left, right):
        bands = [c.get_paths()[0].vertices for c in axes.collections]
        assert len(bands) == 3
        assert np.allclose([(v[:, 1].min(), v[:, 1].max()) for v in bands],
                           [(37, 51), (38, 52), (44, 58)])  # fmt: skip
    dotted = [np.transpose(line.get_data()) for line in left.lines if line.get_marker() == "None"]
    assert np.allclose(dotted, [[(64, y), (256, 60 + i)] for i, y in enumerate((50, 51, 57))])
    all_found = [line.get_data() for line in left.lines if line.get_marker() == "D"]
    assert np.allclose(np.ravel(all_found), [256, 60, 256, 61, 256, 62])
    assert [t.get_text() for t in left.get_xticklabels()] == ["16", "64", "all"]
    assert len(right.lines) == 3


def test_curves_have_their_names_at_their_ends_and_colours_by_links():
    left, right, _, last = figure5.tradeoff(drawn("a")).axes
    assert texts(left) == []
    assert texts(right) == texts(last) == ["L4 OPQ48", "L6 OPQ40", "L6 OPQ36 β4"]
    colours = [line.get_color() for line in right.lines if line.get_marker() in figure5.MARKERS]
    assert colours[0] != colours[1] == colours[2]
    assert [line.get_marker() for line in right.lines] == ["o", "s", "s"]
    assert [t.get_color() for t in right.texts] == colours


def test_splits_that_differ_in_the_graph_alone_say_so():
    twice = [row("a", 1, "graph", "16", "0", 0.4, graph=g) for g in ("g_codes", "g_float")]
    right = figure5.tradeoff(figure5.points(twice, [])).axes[1]
    assert texts(right) == ["L6 OPQ40 g_codes unpruned", "L6 OPQ40 g_float unpruned"]


def test_the_published_curve_is_drawn_on_deep1m_alone():
    figure = figure5.tradeoff(drawn("deep1m", "a"))
    of_deep, of_a = figure.axes[:4], figure.axes[4:]
    assert not [t for axes in of_a for t in texts(axes) if "paper" in t]
    assert [len(curves(axes)) for axes in of_deep + of_a] == [4] * 4 + [3] * 4
    for axes in (of_deep[1], of_deep[3]):
        assert texts(axes)[-1] == "paper: L6 OPQ40"
    points = {16: 34.09, 64: 48.36, 256: 57.30, 1024: 62.12}
    assert curves(of_deep[0])[-1] == pytest.approx(points)
    assert curves(of_deep[3])[-1] == pytest.approx({263: 43.88, 462: 64.90, 1109: 79.15,
                                                    3350: 87.22})  # fmt: skip
    assert {p["dataset"] for p in drawn("deep1m", "a") if p["source"] == "published"} == {"deep1m"}


def test_a_point_of_another_table_is_not_published_for_figure_5():
    found = drawn("deep100m")
    assert {p["source"] for p in found} == {"measured"}


def test_the_title_tells_the_bytes():
    title = figure5.tradeoff(drawn("a")).get_suptitle()
    assert title.startswith("64 bytes per vector")
    other = [{**p, "bytes_per_vector": "60"} if p["M0"] == "4" else p for p in drawn("a")]
    assert figure5.tradeoff(other).get_suptitle().startswith("60 to 64 bytes")


# Table 2


def values(axes):
    """(column, line) -> large and small texts of a cell."""
    found = {}
    for t in axes.texts:
        x, y = t.get_position()
        if re.fullmatch(r"[\d.]+|\[.*\]|paper .*", t.get_text()) and y % 1:
            found.setdefault((int(x), int(y)), []).append(t.get_text())
    return found


def test_cells_have_recall_and_interval_of_the_table():
    (axes,) = table2.heat(table2.cells(table("a"))).axes
    found = values(axes)
    assert len(found) == 3 * 7
    assert found[0, 0] == ["30.0", "[27.0, 31.0]"] and found[1, 0] == ["35.0", "[32.0, 36.0]"]
    assert found[5, 2] == ["57.0", "[54.0, 58.0]"] and found[6, 2] == ["62.0", "[59.0, 63.0]"]
    assert [t.get_text() for t in axes.get_yticklabels()] == [
        "L4  OPQ48_192  beta0", "L6  OPQ40_160  beta0", "L6  OPQ36_144  beta4x256",
    ]  # fmt: skip
    heads = ["codes", "first 5\nre-ranked"] * 3 + ["all"]
    assert [t.get_text() for t in axes.get_xticklabels()] == heads
    above = [t.get_text() for t in axes.texts if t.get_weight() == "bold"]
    assert above == ["efSearch 1", "16", "64", "exhaustive"]


def test_colours_go_with_recall_within_a_data_set():
    first, second = table2.heat(table2.cells(table("a") + [
        {**r, "dataset": "b", "R@1": f"{float(r['R@1']) / 2:.4f}"} for r in table("a")
    ])).axes  # fmt: skip

    def light(axes):
        rgb = np.array([patch.get_facecolor()[:3] for patch in axes.patches])
        return rgb @ (0.3, 0.59, 0.11)

    shares = [float(r["R@1"]) for r in table("a")]
    for axes in (first, second):
        order = np.argsort(shares, kind="stable")
        assert (np.diff(light(axes)[order]) <= 1e-9).all() and np.ptp(light(axes)) > 0.4
    assert np.isclose(light(first).max(), light(second).max())


def luminance(colour):
    """Relative luminance as WCAG 2 has it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
              for c in mpl.colors.to_rgb(colour)]  # fmt: skip
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_texts_are_readable_on_their_cells():
    (axes,) = table2.heat(table2.cells(table("a"))).axes
    for patch, text in zip(axes.patches, axes.texts[::2], strict=False):
        dark, light = sorted((luminance(text.get_color()), luminance(patch.get_facecolor()[:3])))
        assert (light + 0.05) / (dark + 0.05) > 3.9  # no colour allows more with this ink


def test_a_published_number_stands_in_its_cell_alone():
    found = table("deep100m")
    found[8]["published_R@1"] = "0.4283"
    (axes,) = table2.heat(table2.cells(found)).axes
    named = {at: texts for at, texts in values(axes).items() if len(texts) > 2}
    assert named == {(1, 1): ["36.0", "[33.0, 37.0]", "paper 42.8"]}


def test_a_split_without_re_ranking_leaves_its_cells_empty():
    found = [r for r in table("a") if not (r["M0"] == "4" and r["k_reorder"] == "5")]
    (axes,) = table2.heat(table2.cells(found)).axes
    assert set(values(axes)) == {(x, y) for x in range(7) for y in range(3)} - {
        (1, 0), (3, 0), (5, 0)}  # fmt: skip


# Labels


def test_labels_are_kept_apart_in_their_order_around_where_they_belong():
    at = np.array([0.5, 0.1, 0.52, 0.51, 0.9])
    placed = style.apart(at, 0.06)
    assert np.array_equal(np.argsort(placed), np.argsort(at))
    assert np.diff(np.sort(placed)).min() > 0.06 - 1e-12
    assert placed[1] == 0.1 and placed[4] == 0.9
    assert np.allclose(placed[[0, 3, 2]], [0.45, 0.51, 0.57])


def test_labels_far_from_each_other_stay_and_chains_move_together():
    assert np.allclose(style.apart([0.3, 0.1, 0.2], 0.05), [0.3, 0.1, 0.2])
    assert np.allclose(style.apart([1.2, 0.99, 0.5, -1], 0.1, (0, 0.97)), [0.97, 0.87, 0.5, 0])
    assert np.allclose(style.apart([0.0, 0.0, 0.08], 0.1), np.array([-0.22, 0.08, 0.38]) / 3)
