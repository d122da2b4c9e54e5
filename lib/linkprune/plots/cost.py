"""The figure of cost: a bar for each stage, and how the bytes of a vector are spent."""

import numpy as np
from matplotlib.figure import Figure

from linkprune.cost import STAGES
from linkprune.plots import style

# Quantity -> title, how a value reads, whether the data sets add up.
PANELS = {
    "wall_s": ("time of the jobs", "seconds", True),
    "cpu_s": ("CPU time", "seconds", True),
    "max_rss_mb": ("largest memory of a job", "MiB", False),
    "bytes": ("artifacts on disk", "MB", True),
}
MEASURED = ("wall_s", "cpu_s", "max_rss_mb")  # of jobs, not of what they left
SAMPLED = ("cpu_s", "max_rss_mb")
PARTS = {"links": style.COLOURS[2], "code": style.GREY, "regression": style.COLOURS[3]}


@style.styled
def cost(stages, spent):
    """Time, memory and bytes by stage, stacked by data set; below them the bytes of a vector.

    stages, spent: dicts with the columns of ``cost.COLUMNS`` and ``cost.BYTES``; without spent
    there is no second part.
    """
    datasets = list(dict.fromkeys(row["dataset"] for row in stages))
    shown = [stage for stage in STAGES if any(row["stage"] == stage for row in stages)]
    heights = [0.27 * len(shown) + 1, *([0.27 * len(spent) + 1] if spent else [])]
    figure = Figure((13, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    panels = parts[0].subplots(1, len(PANELS), sharey=True)
    for axes, quantity in zip(panels, PANELS, strict=True):
        _stacked(axes, stages, datasets, shown, quantity)
    colours = {dataset: _colour(i) for i, dataset in reversed([*enumerate(datasets)])}
    _key(panels[-1], colours, (1, 0.02), (0, 13))
    if spent:
        _spent(parts[1].subplots(), spent)
    return figure


def _stacked(axes, stages, datasets, shown, quantity):
    """Bars of one quantity with their sums, or with the largest where data sets do not add up."""
    title, unit, adds = PANELS[quantity]
    values = np.zeros((len(datasets), len(shown)))
    for row in stages:
        scale = 1e-6 if quantity == "bytes" else 1
        values[datasets.index(row["dataset"]), shown.index(row["stage"])] = scale * row[quantity]
    at = np.arange(len(shown))
    lefts = np.cumsum(values, 0) - values if adds else np.zeros_like(values)
    height = 0.7 if adds else 0.7 / len(datasets)
    for i, (left, value) in enumerate(zip(lefts, values, strict=True)):
        y = at if adds else at + (i - (len(datasets) - 1) / 2) * height
        axes.barh(y, value, height, left, color=_colour(i), lw=0)
    totals = values.sum(0) if adds else values.max(0)
    missed = {row["stage"] for row in stages if _incomplete(row, quantity)}
    known = {row["stage"] for row in stages if row["jobs"] or quantity not in MEASURED}
    for y, stage in enumerate(shown):
        text = (
            ("≥ " if stage in missed else "") + _number(totals[y])
            if stage in known
            else "\N{EN DASH}"
        )
        axes.annotate(text, (totals[y], y), (4, 0), textcoords="offset points", va="center", size=8,
                      color=style.INK)  # fmt: skip
    sum_of = f": {'≥ ' if missed else ''}{_number(totals.sum())} {unit}" if adds else ""
    axes.set(title=title + sum_of, xlabel=unit, ylim=(len(shown) - 0.5, -0.5))
    axes.set_xlim(0, 1.2 * max(totals.max(), 1e-9))
    axes.set_yticks(at, shown)
    axes.tick_params(axis="y", length=0)


def _incomplete(row, quantity):
    """Whether a quantity of some job of a stage is not known."""
    unseen = row["unsampled"] and quantity in SAMPLED
    return bool(unseen or (row["missing"] and quantity in MEASURED))


def _key(axes, colours, corner, step):
    """Words in their colours, one below or beside the other from a corner of the axes."""
    for i, (name, colour) in enumerate(colours.items()):
        axes.annotate(name, corner, np.multiply(i, step), axes.transAxes, ha="right",
                      textcoords="offset points", color=colour, weight="bold")  # fmt: skip


def _colour(i):
    return style.COLOURS[i % len(style.COLOURS)]


def _spent(axes, spent):
    """The bytes of a vector for every row of Table 2, part by part."""
    left, at = np.zeros(len(spent)), np.arange(len(spent))
    for name, colour in PARTS.items():
        value = np.array([row[name] for row in spent])
        axes.barh(at, value, 0.7, left, color=colour, lw=0)
        for y in np.flatnonzero(value):
            axes.text(left[y] + value[y] / 2, y, str(value[y]), ha="center", va="center", size=8,
                      color=style.ink_on(colour))  # fmt: skip
        left += value
    for y, row in enumerate(spent):
        axes.annotate(f"{row['bytes_per_vector']}", (left[y], y), (4, 0), va="center", size=8,
                      textcoords="offset points", color=style.INK)  # fmt: skip
    axes.set_yticks(at, [f"{row['M0']} links, {row['codec']}, {row['beta']}" for row in spent])
    axes.tick_params(axis="y", length=0)
    _key(axes, dict(reversed(PARTS.items())), (1, 1.06), (-75, 0))
    axes.set(title="bytes per vector in the rows of Table 2", xlabel="bytes")
    axes.set(ylim=(len(spent) - 0.5, -0.5), xlim=(0, 1.08 * left.max()))


def _number(value):
    """Three digits, all of them where there are more before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value else "0"
