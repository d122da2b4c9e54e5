"""Figure 5: recall over efSearch and over distances, links against code in the same bytes."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from linkprune import keys, stats
from linkprune.plots import style

RECALLS = ("R@1", "R@10")
COSTS = {"efSearch": "efSearch", "ndis": "distances per query"}
BOUNDS = [f"{recall}{bound}" for recall in RECALLS for bound in ("", "_lo", "_hi")]
COLUMNS = (
    "dataset source M0 codec beta graph policy bytes_per_vector k_reorder mode efSearch ndis "
    "ms_per_query nq".split()
    + BOUNDS
)
CURVE = ("source", "M0", "codec", "beta", "graph", "policy")
BEYOND = 4  # times the largest efSearch: where the exhaustive search stands
MARKERS = "os^vPX*"  # from the fewest links on, again where there are more numbers of links
NOTE = (
    "Solid: ranked by the codes. Dashed: the first results re-ranked by the regression. Dotted, to "
    "the diamonds at all: exhaustive search of the reconstructions. Bands: 95 % Wilson intervals."
)
PUBLISHED_NQ = 10_000  # queries of the paper, for its interval


def points(table, published):
    """What is drawn, one dict a point as COLUMNS.

    table: the rows of figure5.csv; published: those of published.csv that are of Figure 5 and of a
    data set of the table. A regression with a code of its own is drawn re-ranked by it, the others
    by the codes alone. A beam of one, efSearch 1, is left out: far below the rest, it hides it.
    """
    most = str(max(int(row["k_reorder"] or 0) for row in table))
    found = []
    for row in table:
        wanted = most if _refines(row["beta"]) else "0"
        drawn = row["k_reorder"] == wanted and row["efSearch"] != "1"
        if drawn or row["mode"] == "exhaustive":
            found.append({**row, "source": "measured"})
    known = {row["dataset"] for row in table}
    theirs = [p for p in published if p["source"] == "Figure 5" and p["dataset"] in known]
    return found + [_published(row) for row in theirs]


def _refines(beta):
    return beta not in ("none", "beta0")


def _published(row):
    bounds = {}
    for recall in RECALLS:
        lo, hi = stats.wilson(float(row[recall]), PUBLISHED_NQ)
        bounds |= {f"{recall}_lo": f"{lo:.4f}", f"{recall}_hi": f"{hi:.4f}"}
    own = {name: row.get(name, "") for name in COLUMNS}
    return {**own, **bounds, "source": "published", "mode": "graph", "nq": str(PUBLISHED_NQ)}


@style.styled
def tradeoff(points):
    """One line of panels a data set: R@1, R@10 over efSearch, and over distances per query.

    points: as ``points`` gives them, numbers as text. Bands are 95 % Wilson intervals; over
    efSearch a dotted line goes on to the exhaustive search, a step beyond the last value; dashed
    curves are re-ranked; published points are black.
    """
    of_dataset = {}
    for point in points:
        of_dataset.setdefault(point["dataset"], []).append(point)
    figure = Figure((15, 0.7 + 3.9 * len(of_dataset)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.1)
    panels = figure.subplots(len(of_dataset), 4, squeeze=False)
    for (dataset, own), line in zip(of_dataset.items(), panels, strict=True):
        nq = next(p["nq"] for p in own if p["source"] == "measured")
        for recall, (left, right) in zip(RECALLS, (line[:2], line[2:]), strict=True):
            left.set_title(f"{dataset}: {recall} of {int(nq):,} queries")
            left.set_ylabel(f"{recall} (%)")
            for axes, cost in zip((left, right), COSTS, strict=True):
                ends = _panel(axes, own, recall, cost)
            right.sharey(left)
            right.tick_params(labelleft=False)
            style.label_ends(right, ends)
    figure.suptitle(_budget(points), x=0.01, ha="left", fontsize=12)
    figure.supxlabel(NOTE, x=0.01, ha="left", fontsize=9, color=style.INK)
    return figure


def _budget(points):
    total = sorted({int(p["bytes_per_vector"]) for p in points if p["source"] == "measured"})
    size = f"{total[0]}" if len(total) == 1 else f"{total[0]} to {total[-1]}"
    return (
        f"{size} bytes per vector between links and code: L links of 4 bytes, OPQ code, β bytes of "
        "regression"
    )


def _panel(axes, own, recall, cost):
    """Draw the curves of a data set; their ends as ``style.label_ends`` takes them."""
    axes.set_xscale("log", base=10 if cost == "ndis" else 2)
    measured = sorted({int(p["efSearch"]) for p in own if p["mode"] == "graph"})
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(COSTS[cost])
    axes.grid(axis="y", color="#EEEEEE", lw=0.8)
    axes.set_axisbelow(True)
    ends = []
    for curve, at in _curves(own).items():
        colour, dashes, marker = _look(curve, own)
        graph = [p for p in at if p["mode"] == "graph"]
        x = [float(p[cost]) for p in graph]
        y, lo, hi = (
            100 * np.array([float(p[recall + end]) for p in graph]) for end in ("", "_lo", "_hi")
        )
        axes.fill_between(x, lo, hi, color=colour, alpha=0.1, lw=0)
        axes.plot(x, y, color=colour, ls=dashes, lw=1.6, marker=marker, ms=3.5)
        ends.append((x[-1], y[-1], _name(curve, own), colour))
        if cost == "efSearch":
            _exhaustive(axes, at, recall, colour, measured[-1])
    if cost == "efSearch":
        _ticks(axes, own, measured)
    return ends


def _exhaustive(axes, at, recall, colour, most):
    """From the last point of a curve on to what a search of all finds, beyond the most efSearch."""
    *_, last = (p for p in at if p["mode"] == "graph")
    for every in (p for p in at if p["mode"] == "exhaustive"):
        x = int(last["efSearch"]), BEYOND * most
        y = [100 * float(p[recall]) for p in (last, every)]
        axes.plot(x, y, color=colour, lw=1, ls=(0, (1, 1.5)), zorder=1)
        axes.plot(x[1], y[1], "D", color=colour, mfc="white", ms=4)


def _ticks(axes, own, measured):
    """The values of efSearch, and all for the exhaustive search."""
    ticks = {x: f"{x:,}" for x in measured}
    if any(p["mode"] == "exhaustive" for p in own):
        ticks[BEYOND * measured[-1]] = "all"
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: ticks[round(x)]))


def _curves(own):
    """CURVE -> its points, efSearch ascending, then exhaustive."""
    curves = {}
    for point in own:
        curves.setdefault(tuple(point[name] for name in CURVE), []).append(point)
    return {
        curve: sorted(at, key=lambda p: (p["mode"] != "graph", int(p["efSearch"] or 0)))
        for curve, at in curves.items()
    }


def _look(curve, own):
    """Colour and marker by the number of links, dashed where a regression re-ranks."""
    source, M0, _, beta, *_ = curve
    if source == "published":
        return "black", "-", "o"
    links = sorted({int(p["M0"]) for p in own if p["source"] == "measured"})
    i = links.index(int(M0))
    colour = style.LEVELS(i / max(1, len(links) - 1))
    return colour, (0, (4, 1.5)) if _refines(beta) else "-", MARKERS[i % len(MARKERS)]


def _name(curve, own):
    """L, bytes of the code and of the regression, and what else tells two curves apart."""
    source, M0, codec, beta, graph, policy = curve
    bytes_of_beta = f" β{keys.beta(beta).nsq}" if _refines(beta) else ""
    short = f"L{M0} {codec.split('_')[0]}{bytes_of_beta}"
    if source == "published":
        return f"paper: {short}"
    same = [c for c in _curves(own) if c[0] == source and c[1:4] == curve[1:4]]
    return short if len(same) == 1 else f"{short} {graph} {policy}"


def _plain(value, _):
    return f"{value:,.10g}"
