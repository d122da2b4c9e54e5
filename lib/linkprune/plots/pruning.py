"""The pruning figure: recall over distances per query of learned graphs and their rivals."""

import numpy as np
from matplotlib.figure import Figure

from linkprune import curves
from linkprune.errors import ConfigError
from linkprune.plots import style

COLUMNS = (
    "dataset role graph policy efSearch ndis R@1 R@1_lo R@1_hi recall@10 ms_per_query nq".split()
)
MEASURES = ("R@1", "recall@10")
TICKS = (0.8, 0.9, 0.95, 0.98, 0.99)
LOWEST, HIGHEST = 0.75, 0.995  # of the recalls that are drawn
TARGETS = -np.expm1(np.linspace(np.log1p(-LOWEST), np.log1p(-HIGHEST), 121))
INITIAL_LABEL = 0.88  # the recall at which an initial graph's curve has its name
MOST_LARGE = 3  # names of learned graphs that are written large
WIDER = 1.2  # than the longest curve that is followed, or more where a name needs it
LETTER = 0.0108  # width of a letter of a name, as a share of the axes
GAP, EDGES = 0.028, (0.03, 0.97)  # between names, and where they stand, shares of the height


@style.styled
def comparison(rows):
    """Recall over distances per query, one panel a data set and measure.

    rows: dicts with the COLUMNS, numbers as text or not. Raises
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
            axes.set_title(f"{dataset}: {measure} of {int(own[0]['nq']):,} queries")
            _axes(axes, measure)
            most, notes = _rivals(axes, rivals, {graph for graph, _ in learned}, measure)
            most = WIDER * max(most, _learned(axes, learned, measure), 1)
            axes.set_xlim(0, max([most] + [_end(x, text) for x, _, text, _ in notes]))
            _label(axes, notes)
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
    axes.set(
        xlabel="distances per query",
        ylabel=f"{measure}, in even steps of \N{MINUS SIGN}log(1 \N{MINUS SIGN} recall)",
    )


def _sampled(of, measure):
    """The distances of a method at TARGETS (n,), NaN outside what was measured."""
    return np.array([curves.distances_at(of[measure], of["ndis"], t) for t in TARGETS])


def _rivals(axes, rivals, initial, measure):
    """Thin curves, dashed for initial graphs, under their envelope; its largest distances, and the
    names for ``_label``: distances, recall, text, colour.
    """
    notes = []
    at = np.array([_sampled(of, measure) for of in rivals.values()]).reshape(-1, len(TARGETS))
    for (graph, policy), line in zip(rivals, at, strict=True):
        if policy == "unpruned" and graph in initial:
            axes.plot(line, TARGETS, color=style.GREY, lw=1.2, ls=(0, (5, 2)), zorder=4)
            i = np.where(np.isnan(line), np.inf, np.abs(TARGETS - INITIAL_LABEL)).argmin()
            if np.isfinite(line[i]):
                notes.append((line[i], TARGETS[i], f"initial: {_name(graph, policy)}", style.GREY))
        else:
            axes.plot(line, TARGETS, color=style.FAINT, lw=0.7, zorder=2)
    reached = np.isfinite(at).any(0)
    least = np.where(np.isnan(at), np.inf, at)[:, reached]
    if not least.size:
        return 0, notes
    best, least, targets = least.argmin(0), least.min(0), TARGETS[reached]
    axes.plot(least, targets, color=style.INK, lw=1.6, zorder=3)
    for i in np.unique(best):
        where = np.flatnonzero(best == i)
        middle = where[len(where) // 2]
        notes.append((least[middle], targets[middle], _name(*list(rivals)[i]), style.INK))
    # Nothing is drawn in this corner: many distances and a low recall.
    axes.text(0.98, 0.03, "black: the best rival, by its name", color=style.INK, size=6.5,
              ha="right", transform=axes.transAxes)  # fmt: skip
    return least.max(), notes


def _end(x, text):
    """How far axes from 0 on must reach for a text right of x, which may take half of them."""
    return x / (1 - min(0.5, LETTER * max(map(len, text.split("\n")))))


def _label(axes, notes):
    """Texts right of points, kept apart and off the frame."""
    if not notes:
        return
    to_axes = axes.transScale + axes.transLimits
    at = to_axes.transform([note[:2] for note in notes])
    at[:, 1] = style.apart(at[:, 1], GAP, EDGES)
    for (x, y), (*_, text, colour) in zip(to_axes.inverted().transform(at), notes, strict=True):
        style.label(axes, x, y, text, colour)


def _learned(axes, learned, measure):
    """Strong curves, a colour for each agent and graph; their largest distances."""
    kinds, names, most = {}, [], 0
    for (graph, policy), of in learned.items():
        kinds.setdefault((graph, policy.rsplit("_seed", 1)[0]), []).append(of)
    for i, ((graph, agent), of_seeds) in enumerate(kinds.items()):
        colour = style.COLOURS[i % len(style.COLOURS)]
        for of in of_seeds:
            x, y = of["ndis"], of[measure]
            line = _sampled(of, measure)
            most = np.nanmax(line, initial=most)
            axes.plot(line, TARGETS, color=colour, lw=2, zorder=5)
            axes.plot(x, y, "o", color=colour, ms=3, zorder=5)
            if measure == "R@1":
                seen = slice(int((y <= HIGHEST).sum()) + 1)  # what leaves the panel, to there
                bounds = of["R@1_lo"][seen], of["R@1_hi"][seen]
                axes.fill_between(x[seen], *bounds, color=colour, alpha=0.15 / len(of_seeds), lw=0)
        name = _name(graph, agent) + (f", {len(of_seeds)} seeds" if len(of_seeds) > 1 else "")
        names.append((name, colour))
    few = len(names) <= MOST_LARGE
    for i, (name, colour) in enumerate(names):
        # Nothing is drawn in this corner: few distances and a high recall.
        top = 0.97 - i * (0.14 if few else 0.94 / len(names))
        text = axes.text(0.03, top, name if few else name.replace("\n", " of "), color=colour,
                         size=9 if few else 5.5, va="top", transform=axes.transAxes)  # fmt: skip
        text.set_zorder(7)
    return most


def _name(graph, policy):
    graph = graph.replace("_float", "")
    return graph if policy == "unpruned" else f"{policy}\n{graph}"
