"""The training figure: what changes from step to step."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from linkprune.plots import style

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
COLUMNS = [*"dataset graph policy seed step".split(), *HISTORY, "chosen"]


def points(histories):
    """What is drawn, one dict a step as COLUMNS; chosen is 1 at the step that validation chose."""
    for (dataset, graph, agent), of_seeds in histories.items():
        for seed, (history, chosen) in of_seeds.items():
            shown = {name: show(history[name]) for name, (_, show) in HISTORY.items()}
            for i in range(len(shown["reward"])):
                found = {name: float(values[i]) for name, values in shown.items()}
                yield {"dataset": dataset, "graph": graph, "policy": agent, "seed": seed,
                       "step": i + 1, **found, "chosen": int(i == chosen)}  # fmt: skip


@style.styled
def steps(histories):
    """Training step by step: a row for each agent, a column for each quantity, a line for each
    seed.

    histories: (dataset, graph, agent) -> {seed: (history, chosen)}, history a dict of the HISTORY
    arrays (steps,), NaN where a step was not validated, and chosen the step that validation chose,
    marked by a dot.
    """
    figure = Figure((2.3 * len(HISTORY), 2.3 * len(histories)), layout="constrained")
    panels = figure.subplots(len(histories), len(HISTORY), squeeze=False)
    for (name, of_seeds), line in zip(histories.items(), panels, strict=True):
        line[0].set_ylabel("\n".join(name), color=style.INK, size=7)
        for (quantity, (title, shown)), axes in zip(HISTORY.items(), line, strict=True):
            axes.set(title=title, xlabel="step")
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            for i, (seed, (history, chosen)) in enumerate(of_seeds.items()):
                y, colour = shown(history[quantity]), style.COLOURS[i % len(style.COLOURS)]
                at = np.flatnonzero(np.isfinite(y))
                axes.plot(at + 1, y[at], color=colour, lw=1.2)
                axes.plot(chosen + 1, y[chosen], "o", color=colour, ms=5)
                if axes is line[-1] and len(of_seeds) > 1:
                    axes.annotate(
                        f"seed {seed}", (at[-1] + 1, y[at[-1]]), (6, 0), color=colour, size=7,
                        textcoords="offset points", va="center",
                    )  # fmt: skip
    return figure
