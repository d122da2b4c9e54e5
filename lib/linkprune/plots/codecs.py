"""The figure of the codecs: exhaustive R@1 over bytes, and what a second level changes."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from linkprune import keys
from linkprune.codecs import ONE
from linkprune.plots import style

MARKERS = "osD^v"
SHIFT = 0.35  # bytes between two points that would lie upon each other


@style.styled
def codecs(rows):
    """Two panels for each data set: R@1 over bytes of code and regression, and its change from one
    level to two at equal bytes. Bands and strong lines are for one level: those of two lie near it.

    rows: dicts with the columns of ``codecs.COLUMNS``, numbers as text or not.
    """
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    firsts = sorted({row["first"] for row in rows}, key=lambda first: (first != ONE, first))
    betas = list(dict.fromkeys(row["beta"] for row in rows))
    look = {first: (style.COLOURS[i], MARKERS[i]) for i, first in enumerate(firsts)}
    figure = Figure((12, 4.1 * len(datasets)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.1)
    panels = figure.subplots(len(datasets), 2, squeeze=False)
    for dataset, (left, right) in zip(datasets, panels, strict=True):
        own = [row for row in rows if row["dataset"] == dataset]
        _recall(left, own, look, betas)
        _change(right, own, look, betas)
    return figure


def _curves(own, look, betas):
    """(first level, regression) -> its rows by ascending bytes, those without rows left out."""
    for first in look:
        for beta in betas:
            at = [row for row in own if (row["first"], row["beta"]) == (first, beta)]
            if at:
                yield first, beta, sorted(at, key=lambda row: int(row["bytes"]))


def _style(beta, betas):
    """Solid for codes alone, dashed with a regression, dotted with another."""
    return ("-", (0, (4, 1.6)), (0, (1, 1.4)))[betas.index(beta) % 3]


def _recall(axes, own, look, betas):
    ends, sizes = [], sorted({int(row["bytes"]) for row in own})
    for first, beta, at in _curves(own, look, betas):
        colour, marker = look[first]
        x = [int(row["bytes"]) for row in at]
        y, lo, hi = (
            100 * np.array([float(row[f"R@1{end}"]) for row in at]) for end in ("", "_lo", "_hi")
        )
        if first == ONE:
            axes.fill_between(x, lo, hi, color=colour, alpha=0.15, lw=0)
        lw = 1.8 if first == ONE else 0.6
        axes.plot(x, y, color=colour, ls=_style(beta, betas), marker=marker, ms=4.5, lw=lw)
        ends.append((x[-1], y[-1], _name(first, beta), colour))
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.set(xlabel="bytes per vector: code and regression, links apart",
             ylabel="R@1, per cent")  # fmt: skip
    axes.grid(axis="y", color="#EEEEEE", lw=0.8)
    axes.set_axisbelow(True)
    axes.text(0.98, 0.03, "what the second level changes: right", color=style.INK, size=8,
              ha="right", transform=axes.transAxes)  # fmt: skip
    style.label_ends(axes, ends)
    nq = int(own[0]["nq"])
    builds = int(own[0]["builds"])
    of = f", mean of {builds} builds" if builds > 1 else ""
    axes.set_title(f"{own[0]['dataset']}: exhaustive R@1 of {nq:,} queries{of}")


def _name(first, beta):
    regression = "" if beta == "none" else f" + β{keys.beta(beta).nsq}"
    return f"{'OPQ, one level' if first == ONE else f'{first}, then OPQ'}{regression}"


def _change(axes, own, look, betas):
    """Percentage points with their intervals, hollow where these hold zero."""
    known = [(*curve[:2], [row for row in curve[2] if row.get("one_level")])
             for curve in _curves(own, look, betas)]  # fmt: skip
    known = [curve for curve in known if curve[2]]
    ends = []
    for i, (first, beta, at) in enumerate(known):
        colour, marker = look[first]
        x = [int(row["code_bytes"]) + SHIFT * (i - (len(known) - 1) / 2) for row in at]
        y, lo, hi = (
            100 * np.array([float(row[f"R@1_change{end}"]) for row in at])
            for end in ("", "_lo", "_hi")
        )
        axes.plot(x, y, color=colour, ls=_style(beta, betas), lw=1, alpha=0.7)
        for j, unsure in enumerate((lo <= 0) & (hi >= 0)):
            axes.errorbar(x[j], y[j], [[y[j] - lo[j]], [hi[j] - y[j]]], color=colour, fmt=marker,
                          ms=5, capsize=2.5, lw=1.1,
                          mfc="white" if unsure else colour)  # fmt: skip
        ends.append((x[-1], y[-1], _name(first, beta), colour))
    level = look[ONE][0] if ONE in look else style.GREY
    axes.axhline(0, color=level, lw=1.2)
    axes.xaxis.set_major_locator(FixedLocator(sorted({int(row["code_bytes"]) for row in own})))
    axes.yaxis.set_major_formatter(FuncFormatter(_signed))
    axes.set(xlabel="bytes per code, in one level and in two",
             ylabel="change of R@1, percentage points")  # fmt: skip
    axes.set_title("two levels against one of equal bytes")
    if ends:
        style.label_ends(axes, ends)


def _signed(value, _):
    return f"{value:+g}".replace("-", "\N{MINUS SIGN}") if value else "one level: 0"
