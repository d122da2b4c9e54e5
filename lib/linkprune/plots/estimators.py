"""The figure of the estimators: how far off each is, and what a search of all of them finds."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from linkprune import keys
from linkprune.estimators import NEIGHBOUR, OWN
from linkprune.plots import style

AVERAGE = "beta0"
# Of style.SHARES: the fewest bytes of regression are a step darker than the first, the most have
# the second, still blue beside the black of the own code.
PALEST, DARKEST = 0.45, 0.85
NAMES = {OWN: "own code q(x)", NEIGHBOUR: "nearest link q(n₁)", AVERAGE: "average, 0 bytes"}
TINTS = {OWN: style.INK, NEIGHBOUR: style.COLOURS[1], AVERAGE: style.COLOURS[2]}
KEY = 0.4  # of the width of the distributions, beside them, for the names of the curves
LEAST_SHARE = 0.005  # of the vectors: where the axis of a distribution begins


@style.styled
def estimators(rows, cdf):
    """A row of three panels for each data set: distribution, mean error, R@1 of the estimators.

    rows, cdf: dicts with the columns of ``estimators.COLUMNS`` and ``estimators.CDF``, numbers as
    text or not.
    """
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    figure = Figure((13, 3.6 * len(datasets)), layout="constrained")
    panels = figure.subplots(len(datasets), 3, squeeze=False)
    for dataset, line in zip(datasets, panels, strict=True):
        own = {row["estimator"]: row for row in rows if row["dataset"] == dataset}
        points = [point for point in cdf if point["dataset"] == dataset]
        _distributions(line[0], own, points)
        _errors(line[1], own)
        _recall(line[2], own)
    return figure


def _regressions(own):
    """Names of the estimators that are regressions, by ascending bytes."""
    return sorted(set(own) - {OWN, NEIGHBOUR}, key=lambda name: keys.beta(name).nsq)


def _colour(name, own):
    if name in TINTS:
        return TINTS[name]
    sized = [other for other in _regressions(own) if other != AVERAGE]
    share = (1 + sized.index(name)) / len(sized)
    return style.SHARES(PALEST + (DARKEST - PALEST) * share)


def _distributions(axes, own, points):
    """One curve for each estimator, over the error on a logarithmic axis."""
    any_row, curves = next(iter(own.values())), {}
    for point in points:
        x, y = float(point["relative"]), float(point["share"])
        curves.setdefault(point["estimator"], []).append((x, y))
    lines = {}
    for name in [*_regressions(own)[::-1], OWN, NEIGHBOUR]:
        x, y = np.array(curves[name]).T
        ls, zorder = ("--", 3) if name == AVERAGE else ("-", 2)
        lines[name] = (x, y)
        axes.plot(x, y, color=_colour(name, own), lw=1.6, ls=ls, zorder=zorder, label=_name(name))
    least = min(np.interp(LEAST_SHARE, y, x) for x, y in lines.values())
    most = max(x[-1] for x, _ in lines.values())
    axes.set(xscale="log", xlim=(least / (most / least) ** KEY, most), ylim=(0, 1.01))
    axes.legend(loc="upper left", fontsize=8, frameon=False, labelcolor="linecolor", borderpad=0)
    decades = 10.0 ** np.arange(np.ceil(np.log10(least)), np.log10(most))
    axes.set_xticks(decades, [f"{100 * x:g}" for x in decades])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.set(xlabel="squared error, per cent of the variance", ylabel="vectors with that or less")
    count = f"{int(any_row['nb']):,} vectors"
    axes.set_title(f"{any_row['dataset']}: error of {count}, {any_row['codec']}")


def _name(name):
    if name in NAMES:
        return NAMES[name]
    size = keys.beta(name).nsq
    return f"regression, {size} byte{'s' * (size > 1)}"


def _errors(axes, own):
    """Mean error over the bytes of the regression, with the own code as the line to fall below;
    hollow where the two may be the same.
    """
    names, line = _regressions(own), float(own[OWN]["relative"])
    mse, lo, hi = (
        np.array([float(own[name][f"relative{end}"]) for name in names])
        for end in ("", "_lo", "_hi")
    )
    axes.plot(mse, color=style.FAINT, lw=1.2, zorder=1)
    for i, name in enumerate(names):
        change = float(own[name]["mse_change"]) / float(own[OWN]["mse"])
        text = _signed(change, ".1%" if abs(change) >= 0.001 else ".2%")
        bounds, hollow = (mse[i], lo[i], hi[i]), _unsure(own[name], "mse")
        _point(axes, i, bounds, _colour(name, own), text, hollow=hollow, below=True)
    _by_bytes(axes, names, line, "own code")
    axes.set_ylim(0, 1.1 * max(hi.max(), line))
    axes.yaxis.set_major_formatter(FuncFormatter(_percent))
    axes.set_ylabel("mean squared error, share of the variance")
    nearest = _percent(float(own[NEIGHBOUR]["relative"]))
    axes.set_title(f"mean error (nearest link: {nearest})")


def _recall(axes, own):
    """What each regression adds to the R@1 of the own code, hollow where it may be nothing."""
    names = _regressions(own)
    for i, name in enumerate(names):
        mid, lo, hi = (100 * float(own[name][f"R@1_change{end}"]) for end in ("", "_lo", "_hi"))
        bounds, hollow = (mid, lo, hi), _unsure(own[name], "R@1")
        _point(axes, i, bounds, _colour(name, own), _signed(mid, ".1f"), hollow=hollow)
    _by_bytes(axes, names, 0, "")
    axes.margins(y=0.15)
    axes.set_ylabel("change of R@1, percentage points")
    of_own, nq = _percent(float(own[OWN]["R@1"])), int(own[OWN]["nq"])
    axes.set_title(f"exhaustive R@1, {nq:,} queries; own: {of_own}")


def _unsure(row, measure):
    """Whether the change from the own code may be nothing."""
    return float(row[f"{measure}_change_lo"]) <= 0 <= float(row[f"{measure}_change_hi"])


def _point(axes, x, bounds, colour, text, hollow=False, below=False):
    """A value with its interval, (value, lo, hi), and a text above or below."""
    mid, lo, hi = bounds
    axes.errorbar(x, mid, [[mid - lo], [hi - mid]], fmt="o", color=colour, ms=6, capsize=3, lw=1.2,
                  mfc="white" if hollow else colour)  # fmt: skip
    end, offset, va = (lo, -5, "top") if below else (hi, 5, "bottom")
    axes.annotate(text, (x, end), (0, offset), textcoords="offset points", ha="center", va=va,
                  color=colour, size=8)  # fmt: skip


def _by_bytes(axes, names, line, text):
    """The axis that two panels share, and the line of the own code with its name."""
    axes.axhline(line, color=TINTS[OWN], lw=1, ls=(0, (4, 3)), zorder=0)
    axes.annotate(text, (1, line), (0, 3), axes.get_yaxis_transform(), ha="right", size=8,
                  textcoords="offset points", color=TINTS[OWN])  # fmt: skip
    sizes = [keys.beta(name).nsq for name in names]
    axes.set(xticks=range(len(sizes)), xticklabels=sizes, xlim=(-0.5, len(sizes) - 0.5))
    axes.set_xlabel("bytes of regression per vector")


def _signed(value, form):
    return f"{value:+{form}}".replace("-", "\N{MINUS SIGN}").replace("%", " %")


def _percent(share, _=None):
    """A share as per cent with two digits."""
    return f"{100 * share:.{2 if share < 0.1 else 3}g} %"
