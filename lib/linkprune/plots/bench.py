"""How much faster than the references: bars from the rows of ``speed``."""

import math

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from linkprune import speed
from linkprune.plots.style import COLOURS, FAINT, GREY, INK, styled

BAR, GAP, ROW_INCHES = 0.62, 0.5, 0.235  # of a row; rows between blocks; a row on paper
TICKS = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128)
WORSE = COLOURS[1]
# Stages by what they are compared with, in the order of the drawing.
BLOCKS = {
    "Link & Code, beside Faiss 1.7.4, the same input": ("Faiss 1.7.4", False),
    "each on its own index, beside Faiss 1.7.4": ("Faiss 1.7.4", True),
    "codes and graph, beside current Faiss": ("current Faiss", None),
    "graph on floats, beside current Faiss": ("current Faiss", "float"),
    "graph on floats, beside hnswlib": ("hnswlib", "float"),
}


@styled
def ratios(rows):
    """Bars of the CPU time of a reference by ours on one thread, a panel for each data set.

    rows: as ``speed.rows`` gives them. Whiskers reach from the least to the most that the
    repetitions allow; short lines mark the goals; beside a bar stands the quality of both sides.
    """
    shown = [row for row in rows if row["threads"] == 1 and row["ratio"] != ""]
    panels = {data: _blocks(shown, data) for data in dict.fromkeys(row["data"] for row in shown)}
    height = max(_extent(blocks) for blocks in panels.values())
    figure = Figure((4.9 * len(panels) + 2.2, ROW_INCHES * height + 1.5), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for panel, (data, blocks) in zip(axes, panels.items(), strict=True):
        _panel(panel, data, blocks, shown)
        labels = [row["title"] for of_block in blocks.values() for row in of_block]
        if panel is axes[0]:
            first = labels
        elif labels == first:
            panel.tick_params(labelleft=False)
        panel.set_ylim(height, -0.6)
    figure.suptitle("CPU time of the reference as a multiple of ours, one thread",
                    x=0.01, ha="left", fontsize=11)  # fmt: skip
    figure.legend(handles=_key(), loc="outside lower left", ncols=3, frameon=False, fontsize=8)
    return figure


def _blocks(rows, data):
    """Title of a block -> its rows, without empty blocks."""
    out = {}
    for row in (row for row in rows if row["data"] == data):
        for title, (reference, kind) in BLOCKS.items():
            if row["reference"] == reference and _kind(row) in (kind, "train" if not kind else ""):
                out.setdefault(title, []).append(row)
                break
    return {title: out[title] for title in BLOCKS if title in out}


def _kind(row):
    """Which block of its reference a row belongs to."""
    if row["stage"].startswith("float"):
        return "float"
    return row["stage"].startswith("own") if row["reference"] == "Faiss 1.7.4" else None


def _extent(blocks):
    return sum(len(rows) + 1 + GAP for rows in blocks.values())


def _panel(axes, data, blocks, shown):
    """Bars of one data set, from the top."""
    least = min(1, *(row["ratio_min"] for row in shown))
    most = max(2, *(max(row["ratio_max"], row["best"] or 0) for row in shown))
    axes.set_xscale("log")
    axes.set_xlim(least / 1.25, most * 1.15)
    axes.axvline(1, color=INK, linewidth=0.8, zorder=3)
    y, places, names = 0.0, [], []
    for title, rows in blocks.items():
        axes.text(0, y, title, transform=axes.get_yaxis_transform(), size=8.5, va="center",
                  color=INK, weight="bold", zorder=6,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
        y += 1
        for row in rows:
            _bar(axes, y, row)
            places.append(y)
            names.append(row["title"])
            y += 1
        y += GAP
    axes.set_yticks(places, names, fontsize=8)
    axes.tick_params("y", length=0)
    axes.xaxis.set_major_locator(FixedLocator([t for t in TICKS if least / 1.25 < t < most * 1.15]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}×")  # noqa: RUF001
    axes.grid(axis="x", color=FAINT, linewidth=0.4, zorder=0)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.set_title(data)


def _bar(axes, y, row):
    """A bar from 1, its whisker, its goals, and the quality beside the panel."""
    ratio, worse = row["ratio"], row["quality_verdict"] != "holds"
    colour = WORSE if worse else COLOURS[0] if ratio >= 1 else GREY
    axes.barh(y, ratio - 1, BAR, left=1, color=colour, alpha=0.85, zorder=2)
    axes.plot([row["ratio_min"], row["ratio_max"]], [y, y], color=INK, linewidth=0.9, zorder=4)
    for goal, line in (("least", "-"), ("best", ":")):
        if row[goal] != "":
            axes.plot([row[goal]] * 2, [y - 0.46, y + 0.46], line, color=INK, linewidth=1.6,
                      zorder=5)  # fmt: skip
    text = f"{_digits(ratio)}×   {_quality(row)}"  # noqa: RUF001
    axes.text(1.01, y, text, transform=axes.get_yaxis_transform(), size=6.5, va="center",
              color=WORSE if worse else "#444444")  # fmt: skip


def _digits(x):
    """Three digits, at most two behind the point."""
    return f"{x:.{min(2, max(0, 2 - math.floor(math.log10(x))))}f}"


def _quality(row):
    """The measure that is worse than asked for, else the first one: ours and the reference's."""
    ours, theirs = speed.named(row["quality"]), speed.named(row["reference_quality"])
    stage = next(stage for stage in speed.STAGES if stage.key == row["stage"])
    worse = row["quality_verdict"].removeprefix("worse ").split(", ")
    name = next((x for x in stage.quality if x in worse), next(iter(stage.quality)))
    digits = ",.0f" if max(ours[name], theirs[name]) >= 1000 else ".4g"
    return f"{name} {ours[name]:{digits}}, its {theirs[name]:{digits}}"


def _key():
    bar = {"linewidth": 6, "alpha": 0.85}
    return [
        Line2D([], [], color=COLOURS[0], label="faster", **bar),
        Line2D([], [], color=GREY, label="slower", **bar),
        Line2D([], [], color=WORSE, label="worse quality than asked for", **bar),
        Line2D([], [], color=INK, linewidth=0.9, label="least to most of the repetitions"),
        Line2D([], [], color=INK, linewidth=1.6, label="goal: at least; dotted: out for"),
    ]
