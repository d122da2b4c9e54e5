"""The figure of structure: degrees, link lengths, levels and reach of graphs, side by side."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from linkprune import keys
from linkprune.plots import style

WIDTHS = (1, 1, 1, 0.7, 1)
LONGEST = 0.995  # the share of the links whose lengths are drawn


@style.styled
def structure(rows):
    """A row of panels for each data set, a line for each graph, named once on the right.

    rows: dicts with the columns of ``structure.COLUMNS``, numbers as text or not.
    """
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    figure = Figure((14.5, 3.1 * len(datasets)), layout="constrained")
    panels = figure.subplots(len(datasets), len(WIDTHS), squeeze=False, width_ratios=WIDTHS)
    draw = (_out_degrees, _in_degrees, _lengths, _levels, _reach)
    for dataset, line in zip(datasets, panels, strict=True):
        found = _distributions(row for row in rows if row["dataset"] == dataset)
        looks = _looks(found)
        for axes, panel in zip(line, draw, strict=True):
            panel(axes, found, looks)
        line[0].set_title(f"{dataset}: links out")
    return figure


def _distributions(rows):
    """(graph, policy) -> quantity -> value, count, share (points,) float64."""
    found = {}
    for row in rows:
        of = found.setdefault((row["graph"], row["policy"]), {})
        given = (row.get(name, "") for name in ("value", "count", "share"))
        point = [np.nan if x == "" else float(x) for x in given]
        of.setdefault(row["quantity"], []).append(point)
    return {
        graph: {quantity: np.array(points).T for quantity, points in of.items()}
        for graph, of in found.items()
    }


def _looks(found):
    """(graph, policy) -> its name and how its line is drawn; graphs of one kind look the same.

    Unpruned HNSW graphs are blue, the darker the more links; learned graphs have colours of their
    own, and the graphs that they were made of are dashed.
    """
    pruned = list(dict.fromkeys(_kind(*point) for point in found if point[1] != "unpruned"))
    initial = {graph for graph, policy in found if policy != "unpruned"}
    built = [graph for graph, policy in found if policy == "unpruned" and graph not in initial]
    sizes = sorted({keys.graph(graph).M0 for graph in built})
    looks = {}
    for graph, policy in found:
        if policy != "unpruned":
            look = {"color": style.COLOURS[1 + pruned.index(_kind(graph, policy)) % 3], "lw": 1.6}
        elif graph in initial:
            look = {"color": style.INK, "lw": 1.3, "ls": (0, (4, 2))}
        else:
            share = (1 + sizes.index(keys.graph(graph).M0)) / len(sizes)
            look = {"color": style.SHARES(0.25 + 0.65 * share), "lw": 1.3}
        looks[graph, policy] = _kind(graph, policy), look
    return looks


def _kind(graph, policy):
    """What graphs that differ by seed, codec or upper levels alone have in common."""
    parsed = keys.graph(graph)
    if isinstance(parsed, keys.HNSW):
        name = f"HNSW, {parsed.M0} links"
    else:
        name = graph.partition("_efC")[0].removesuffix("_float").replace("_", " ")
    return name if policy == "unpruned" else f"{policy.rsplit('_seed', 1)[0]} of {name}"


def _lines(axes, found, looks, quantity, points, **more):
    """A line for each graph; points: distribution (3, n) -> x, y."""
    for graph, of in found.items():
        if quantity in of:
            axes.plot(*points(*of[quantity]), **looks[graph][1], **more)


def _out_degrees(axes, found, looks):
    def shares(x, count, _):
        return x, count / count.sum()

    _lines(axes, found, looks, "out_degree", shares, marker=".")
    axes.set(xlabel="links that leave a vertex", ylabel="share of the vertices")
    axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_ylim(0)


def _in_degrees(axes, found, looks):
    def at_least(x, count, share):
        above = 1 - share + count / count.sum()
        return x[x > 0], above[x > 0]

    _lines(axes, found, looks, "in_degree", at_least)
    axes.set(xscale="log", yscale="log", title="links in: hubs")
    axes.set(xlabel="links that enter a vertex", ylabel="share with so many or more")
    axes.minorticks_off()


def _lengths(axes, found, looks):
    def short(x, _, share):
        return x[share <= LONGEST], share[share <= LONGEST]

    _lines(axes, found, looks, "link_length", short)
    axes.axvline(1, color=style.GREY, lw=0.8, ls=":")
    axes.annotate("nearest\nneighbour", (1, 0.02), (3, 0), axes.get_xaxis_transform(), size=7,
                  textcoords="offset points", color=style.GREY)  # fmt: skip
    axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.set(title="link lengths", ylabel="links as short or shorter", xlim=0, ylim=(0, 1))
    axes.set_xlabel("length over the mean distance\nto the nearest neighbour")


def _levels(axes, found, looks):
    for graph, of in found.items():
        top, count, _ = of["level"]
        level = np.arange(top[-1] + 1)
        on_it = [count[top >= l].sum() for l in level]
        axes.plot(level, on_it, marker="o", ms=4, **looks[graph][1])
    axes.set(yscale="log", title="levels", xlabel="level", ylabel="vertices on it")
    axes.minorticks_off()
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _reach(axes, found, looks):
    _lines(axes, found, looks, "hops", lambda x, _, share: (x, share))
    axes.set(title="reach", xlabel="links from the entry point", ylabel="vertices within so many")
    axes.set(xlim=0, ylim=(0, 1.02))
    axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ends = {}
    for graph, of in found.items():
        (name, look), (x, _, share) = looks[graph], of["hops"]
        ends.setdefault(name, []).append((x[-1], share[-1], look["color"]))
    style.label_ends(axes, [_end(name, of) for name, of in ends.items()], 7.5, 0.15)


def _end(name, ends):
    """The end of the first line of a kind, with its name and what all of them reach."""
    x, y, colour = ends[0]
    shares = [f"{100 * share:.4g}" for share in sorted({share for _, share, _ in ends})]
    reached = " to ".join(shares[:: max(len(shares) - 1, 1)])
    many = f"{len(ends)} graphs, " if len(ends) > 1 else ""
    return x, y, f"{name}\n{many}{reached} % reached", colour
