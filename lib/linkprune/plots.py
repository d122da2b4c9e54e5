"""Figures: data in, Figure out, one style; a saved figure has the same bytes every time."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from linkprune import curves, store
from linkprune.errors import ConfigError

STYLE = {
    "svg.hashsalt": "linkprune",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "axes.labelcolor": "#333333",
}
DPI = 144  # of bitmaps, and of what is one within a drawing
# Tol's muted colours and one more: as far apart as ten can be for colour-blind readers, to
# whom the numerals say the class again.
CLASSES = (
    "#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255",
    "#AA4499", "#E8823A",
)  # fmt: skip
# Of learned graphs; blue, vermilion, green, purple of Okabe and Ito.
LEARNED = ("#0072B2", "#D55E00", "#009E73", "#AA4499", "#8A6D00", "#444444")
INK, GREY, FAINT = "#222222", "#888888", "#C4C4C4"
AREA, LEAST_AREA = 2600, 85  # square points of a vertex of all searches, and of one of none
MEASURES = ("R@1", "recall@10")
TICKS = (0.8, 0.9, 0.95, 0.98, 0.99)
LOWEST, HIGHEST = 0.75, 0.995  # of the recalls that are drawn
TARGETS = -np.expm1(np.linspace(np.log1p(-LOWEST), np.log1p(-HIGHEST), 121))
INITIAL_LABEL = 0.88  # the recall at which an initial graph's curve has its name
# Of training: what the panel is called, and how it is shown.
HISTORY = {
    "reward": ("reward", np.asarray),
    "recall": ("recall", np.asarray),
    "ndis": ("distances", np.asarray),
    "kl": ("KL", np.asarray),
    "entropy": ("entropy", np.asarray),
    "links": ("links", np.asarray),
    "score": ("distances in validation", np.exp),
}


def save(figure, path):
    """Write a Figure as what the suffix of the path says, without dates, all or nothing."""
    kind = Path(path).suffix[1:]
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    with store.replacing(path) as part, mpl.rc_context(STYLE):
        figure.savefig(part, format=kind, metadata=dates, dpi=DPI)


@mpl.rc_context(STYLE)
def toy(found, hub, efSearch):
    """The graphs of a ``toy.Toy``, complete and pruned, as two panels.

    hub: the share of searches that makes a vertex a hub; efSearch: the point of the curve that the
    titles state, beside the last.
    """
    figure = Figure((13, 7.8), layout="constrained")
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
    figure.suptitle(_hubs(found, hub), x=0.01, ha="left", fontsize=13)
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
    return text + (
        f"{of_class.sum()} hubs of {(of_class > 0).sum()} classes, at most {of_class.max()} of "
        f"one, carry {hub:.0%} or more of the searches each"
    )


def _links(axes, found, stage):
    """Wedges from source to target over the faint links that no search uses."""
    pairs, used = stage.links()
    ends, idle = found.xy[pairs], used == 0  # (links, 2, 2)
    faint = LineCollection(ends[idle], colors="#555555", linewidths=0.3)
    faint.set(alpha=min(0.5, 60 / max(1, idle.sum())), rasterized=bool(idle.sum() > 2000))
    axes.add_collection(faint)
    order = np.flatnonzero(~idle)
    order = order[np.argsort(used[order], kind="stable")]
    ends, share = ends[order], np.sqrt(used[order])
    along = ends[:, 1] - ends[:, 0]
    across = np.column_stack([-along[:, 1], along[:, 0]])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    across *= (0.0012 + 0.007 * share)[:, None]
    corners = np.stack([ends[:, 0] - across, ends[:, 0] + across, ends[:, 1]], axis=1)
    colours = [CLASSES[c] for c in found.label[pairs[order, 0]]]
    wedges = PolyCollection(corners, facecolors=colours, linewidths=0)
    wedges.set_alpha(0.2 + 0.4 * share)
    axes.add_collection(wedges)


def _vertices(axes, found, stage, hub):
    through, start = stage.traffic.through, stage.graph.entry_point
    bold = {start, *stage.hubs(hub).tolist()}
    for v in np.argsort(-through, kind="stable"):
        (x, y), area, colour = found.xy[v], _area(through[v]), CLASSES[found.label[v]]
        shape, area = ("*", 1.3 * area) if v == start else ("o", area)
        axes.scatter(x, y, area, colour, marker=shape, edgecolors="white", linewidths=0.8, zorder=3)
        size, weight = (3 + 0.28 * np.sqrt(area), "bold") if v in bold else (6, "normal")
        axes.text(x, y, str(found.label[v]), color=_ink_on(colour), size=size, weight=weight,
                  ha="center", va="center_baseline", zorder=4)  # fmt: skip


def _area(share):
    return LEAST_AREA + AREA * share


def _ink_on(colour):
    """White or dark, whichever is easier to read on a colour."""
    luminance = np.dot(mpl.colors.to_rgb(colour), (0.3, 0.59, 0.11))
    return "white" if luminance < 0.55 else INK


def _key(figure, hub):
    """What size and shape mean, along the lower edge."""
    texts = {0: "no search goes on through it", hub: f"{hub:.0%} of the searches do: a hub",
             2 * hub: f"{2 * hub:.0%} do"}  # fmt: skip
    handles = [
        Line2D([], [], ls="", marker="o", color=GREY, mec="white", ms=np.sqrt(_area(share)))
        for share in texts
    ]
    handles.append(Line2D([], [], ls="", marker="*", color=GREY, ms=15))
    figure.legend(handles, [*texts.values(), "the start: all do"], loc="outside lower center",
                  ncols=4, frameon=False, borderpad=1, columnspacing=3)  # fmt: skip


@mpl.rc_context(STYLE)
def comparison(rows):
    """Recall over distances per query, one panel a data set and measure.

    rows: dicts with the columns of ``pruning_tables.COLUMNS``, numbers as text or not. Raises
    ConfigError where a data set has no learned graph.
    """
    of_dataset = {}
    for row in rows:
        of_dataset.setdefault(row["dataset"], []).append(row)
    figure = Figure((13, 5 * len(of_dataset)), layout="constrained")
    panels = figure.subplots(len(of_dataset), len(MEASURES), squeeze=False)
    for (dataset, own), line in zip(of_dataset.items(), panels, strict=True):
        learned, rivals = _methods(own, "learned"), _methods(own, "rival")
        if not learned:
            raise ConfigError(f"figure: {dataset} has no learned graph, expected at least one")
        for measure, axes in zip(MEASURES, line, strict=True):
            axes.set_title(f"{dataset}: {measure} of {own[0]['nq']} queries")
            _axes(axes, measure)
            most = _rivals(axes, rivals, {graph for graph, _ in learned}, measure)
            axes.set_xlim(0, 1.1 * max(most, _learned(axes, learned, measure), 1))
    return figure


def _methods(rows, role):
    """(graph, policy) -> column -> values at ascending efSearch (points,) float64."""
    points = {}
    for row in sorted(rows, key=lambda row: int(row["efSearch"])):
        if row["role"] == role:
            points.setdefault((row["graph"], row["policy"]), []).append(row)
    names = ("ndis", "R@1_lo", "R@1_hi", *MEASURES)
    return {
        method: {name: np.array([float(row[name]) for row in own]) for name in names}
        for method, own in sorted(points.items())
    }


def _axes(axes, measure):
    """Even steps of -log(1 - recall), in which curves are interpolated, so nearly a line each."""

    def forward(recall):
        return -np.log1p(-np.minimum(recall, 1 - 1e-9))

    axes.set_yscale("function", functions=(forward, lambda y: -np.expm1(-y)))
    axes.set_yticks(TICKS, [f"{t:g}" for t in TICKS])
    axes.set_ylim(LOWEST, HIGHEST)
    axes.grid(axis="y", color="#EEEEEE", lw=0.8)
    axes.set_axisbelow(True)
    axes.set(xlabel="distances per query", ylabel=measure)


def _sampled(of, measure):
    """The distances of a method at TARGETS (n,), NaN outside what was measured."""
    return np.array([curves.distances_at(of[measure], of["ndis"], t) for t in TARGETS])


def _rivals(axes, rivals, initial, measure):
    """Thin curves, dashed for initial graphs, under their envelope; its largest distances."""
    at = np.array([_sampled(of, measure) for of in rivals.values()]).reshape(-1, len(TARGETS))
    for (graph, policy), line in zip(rivals, at, strict=True):
        if policy == "unpruned" and graph in initial:
            axes.plot(line, TARGETS, color=GREY, lw=1.2, ls=(0, (5, 2)), zorder=4)
            i = np.where(np.isnan(line), np.inf, np.abs(TARGETS - INITIAL_LABEL)).argmin()
            if np.isfinite(line[i]):
                _label(axes, line[i], TARGETS[i], f"initial: {_name(graph, policy)}")
        else:
            axes.plot(line, TARGETS, color=FAINT, lw=0.7, zorder=2)
    reached = np.isfinite(at).any(0)
    least = np.where(np.isnan(at), np.inf, at)[:, reached]
    if not least.size:
        return 0
    best, least, targets = least.argmin(0), least.min(0), TARGETS[reached]
    axes.plot(least, targets, color=INK, lw=1.6, zorder=3)
    for i in np.unique(best):
        where = np.flatnonzero(best == i)
        middle = where[len(where) // 2]
        name = _name(*list(rivals)[i])
        _label(axes, least[middle], targets[middle], f"best rival: {name}", INK)
    return least.max()


def _learned(axes, learned, measure):
    """Strong curves, a colour for each agent and graph; their largest distances."""
    kinds, most = {}, 0
    for (graph, policy), of in learned.items():
        kinds.setdefault((graph, policy.rsplit("_seed", 1)[0]), []).append(of)
    heights = np.linspace(0.2, 0.8, 2 * len(kinds) + 1)[1::2]  # of labels, along the curves
    for i, ((graph, agent), of_seeds) in enumerate(kinds.items()):
        colour = LEARNED[i % len(LEARNED)]
        for of in of_seeds:
            x, y = of["ndis"], of[measure]
            line = _sampled(of, measure)
            most = np.nanmax(line, initial=most)
            axes.plot(line, TARGETS, color=colour, lw=2, zorder=5)
            axes.plot(x, y, "o", color=colour, ms=3, zorder=5)
            if measure == "R@1":
                bounds = of["R@1_lo"], of["R@1_hi"]
                axes.fill_between(x, *bounds, color=colour, alpha=0.15 / len(of_seeds), lw=0)
        drawn = np.flatnonzero((y >= LOWEST) & (y <= HIGHEST))
        if len(drawn):
            at = drawn[int(heights[i] * len(drawn))]
            name = _name(graph, agent) + (f", {len(of_seeds)} seeds" if len(of_seeds) > 1 else "")
            _label(axes, x[at], y[at], name, colour, 9, "right")
    return most


def _name(graph, policy):
    graph = graph.replace("_float", "")
    return graph if policy == "unpruned" else f"{policy}\n{graph}"


def _label(axes, x, y, text, colour=GREY, size=6.5, side="left"):
    """A text beside a point; side: its own, that is at the point."""
    style = {"color": colour, "size": size, "ha": side, "va": "center", "zorder": 6}
    offset = (6 if side == "left" else -7, 0)
    note = axes.annotate(text, (x, y), offset, textcoords="offset points", **style)
    note.set_path_effects([withStroke(linewidth=2, foreground="white")])


@mpl.rc_context(STYLE)
def training(histories):
    """Training step by step: a row for each name, a column for each quantity, a line for each seed.

    histories: name -> {seed: (history, chosen)}, history a dict of the HISTORY arrays (steps,), NaN
    where a step was not validated, and chosen the step that validation chose, marked by a dot.
    """
    figure = Figure((2.3 * len(HISTORY), 2.3 * len(histories)), layout="constrained")
    panels = figure.subplots(len(histories), len(HISTORY), squeeze=False)
    for (name, of_seeds), line in zip(histories.items(), panels, strict=True):
        line[0].set_ylabel(name, color=INK, size=7)
        for (quantity, (title, shown)), axes in zip(HISTORY.items(), line, strict=True):
            axes.set(title=title, xlabel="step")
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            for i, (seed, (history, chosen)) in enumerate(of_seeds.items()):
                y, colour = shown(history[quantity]), LEARNED[i % len(LEARNED)]
                steps = np.flatnonzero(np.isfinite(y))
                axes.plot(steps + 1, y[steps], color=colour, lw=1.2)
                axes.plot(chosen + 1, y[chosen], "o", color=colour, ms=5)
                if axes is line[-1] and len(of_seeds) > 1:
                    axes.annotate(
                        f"seed {seed}", (steps[-1] + 1, y[steps[-1]]), (6, 0), color=colour, size=7,
                        textcoords="offset points", va="center",
                    )  # fmt: skip
    return figure
