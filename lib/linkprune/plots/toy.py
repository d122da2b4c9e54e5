"""The toy figure: complete and pruned graph of a hundred digits, in the plane."""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from linkprune.plots import style

AREA, LEAST_AREA = 2600, 85  # square points of a vertex of all searches, and of one of none
KEY = 0.07  # share of the height that is left to the key


@style.styled
def graphs(found, hub, efSearch):
    """The graphs of a ``toy.Toy``, complete and pruned, as two panels.

    hub: the share of searches that makes a vertex a hub; efSearch: the point of the curve that the
    titles state, beside the last.
    """
    figure = Figure((13, 7.8), layout="constrained")
    figure.get_layout_engine().set(rect=(0, KEY, 1, 1 - KEY))
    stages = {"Complete": found.before, "Pruned": found.after}
    notes = (
        "A link is wide where it begins, and the wider the more searches find its end by it.",
        "Colour and numeral: class. Area: how many searches go on through a vertex.",
    )
    panels = zip(figure.subplots(1, 2), stages.items(), notes, strict=True)
    for axes, (name, stage), note in panels:
        links = int((stage.graph.neighbors >= 0).sum())
        axes.set_title(f"{name} graph, {links:,} links\n{_measured(stage, efSearch)}", pad=10)
        _links(axes, found, stage)
        _vertices(axes, found, stage, hub)
        axes.set(aspect="equal", xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), xticks=[], yticks=[])
        axes.set_xlabel(note)
        axes.spines[:].set_visible(False)
    figure.suptitle(_hubs(found, hub) + "\n", x=0.01, ha="left", fontsize=13)
    _key(figure, hub)
    return figure


def _measured(stage, efSearch):
    points = list(stage.points())
    chosen = [next(p for p in points if p["efSearch"] == efSearch), points[-1]]
    return "\n".join(
        f"R@1 {p['R@1']:.3f} [{p['R@1_lo']:.3f}, {p['R@1_hi']:.3f}] at {p['ndis']:.1f} distances "
        f"per query (efSearch {p['efSearch']}, {p['nq']} queries)"
        for p in chosen
    )


def _hubs(found, hub):
    of_class = np.bincount(found.label[found.after.hubs(hub)])
    text = f"{len(found.label)} handwritten digits: "
    if not of_class.any():
        return text + f"no vertex but the start carries {hub:.0%} of the searches"
    least, most = map(len, found.after.hubs_within(hub))
    return text + (
        f"{of_class.sum()} hubs [{least}, {most}] in {(of_class > 0).sum()} classes, at most "
        f"{of_class.max()} in one; each carries {hub:.0%} of the searches or more"
    )


def _links(axes, found, stage):
    """Wedges from source to target over the faint links that no search uses."""
    pairs, used = stage.links()
    ends, idle = found.xy[pairs], used == 0  # (links, 2, 2)
    faint = LineCollection(ends[idle], colors="#555555", linewidths=0.3)
    faint.set(
        alpha=min(0.5, 300 / max(1, idle.sum())), rasterized=bool(idle.sum() > 2000), zorder=0.5
    )
    axes.add_collection(faint)
    order = np.flatnonzero(~idle)
    order = order[np.argsort(used[order], kind="stable")]
    ends, share = ends[order], np.sqrt(used[order])
    along = ends[:, 1] - ends[:, 0]
    across = np.column_stack([-along[:, 1], along[:, 0]])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    across *= (0.0012 + 0.007 * share)[:, None]
    corners = np.stack([ends[:, 0] - across, ends[:, 0] + across, ends[:, 1]], axis=1)
    colours = [style.CLASSES[c] for c in found.label[pairs[order, 0]]]
    wedges = PolyCollection(corners, facecolors=colours, linewidths=0)
    wedges.set_alpha(0.2 + 0.4 * share)
    axes.add_collection(wedges)


def _vertices(axes, found, stage, hub):
    through, start = stage.traffic.through, stage.graph.entry_point
    bold = {start, *stage.hubs(hub).tolist()}
    for v in np.argsort(-through, kind="stable"):
        (x, y), area, colour = found.xy[v], _area(through[v]), style.CLASSES[found.label[v]]
        shape, area = ("*", 1.3 * area) if v == start else ("o", area)
        axes.scatter(x, y, area, colour, marker=shape, edgecolors="white", linewidths=0.8, zorder=3)
        size, weight = (3 + 0.28 * np.sqrt(area), "bold") if v in bold else (6, "normal")
        axes.text(x, y, str(found.label[v]), color=style.ink_on(colour), size=size, weight=weight,
                  ha="center", va="center_baseline", zorder=4)  # fmt: skip


def _area(share):
    return LEAST_AREA + AREA * share


def _key(figure, hub):
    """What size and shape mean, along the lower edge."""
    texts = {0: "no search goes on through it", hub: f"{hub:.0%} of the searches do: a hub",
             2 * hub: f"{2 * hub:.0%} do"}  # fmt: skip
    handles = [
        Line2D([], [], ls="", marker="o", color=style.GREY, mec="white", ms=np.sqrt(_area(share)))
        for share in texts
    ]
    handles.append(Line2D([], [], ls="", marker="*", color=style.GREY, ms=15))
    figure.legend(handles, [*texts.values(), "the start: all do"], loc="lower center", ncols=4,
                  frameon=False, borderpad=0.6, columnspacing=3)  # fmt: skip
