"""The training figure: what changes from step to step."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from linkprune.plots import style

# Of training: what the panel is called, and how it is shown.
HISTORY = {
    "reward": ("reward", np.asarray),
    "recall": ("recall of episodes", np.asarray),
    "ndis": ("distances of episodes", np.asarray),
    "kl": ("KL", np.asarray),
    "entropy": ("entropy", np.asarray),
    "links": ("links left", np.asarray),
    "score": ("distances in validation", np.exp),
    "held_out": ("recall@10 in validation", np.asarray),
}
ACROSS = 4  # panels in a line
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
    """Training step by step: two rows for each agent, a panel for each quantity, a line for each
    seed.

    histories: (dataset, graph, agent) -> {seed: (history, chosen)}, history a dict of the HISTORY
    arrays (steps,), NaN where a step was not validated, and chosen the step that validation chose,
    marked by a dot.
    """
    lines = -(-len(HISTORY) // ACROSS)
    figure = Figure((2.9 * ACROSS, (2.3 * lines + 0.4) * len(histories)), layout="constrained")
    parts = figure.subfigures(len(histories), 1, squeeze=False)[:, 0]
    for ((dataset, graph, agent), of_seeds), part in zip(histories.items(), parts, strict=True):
        line = part.subplots(lines, ACROSS).ravel()
        part.suptitle(f"{dataset}: {agent} on {graph}", x=0.01, ha="left", weight="bold")
        seeds = [Line2D([], [], color=style.COLOURS[i % len(style.COLOURS)], label=f"seed {seed}")
                 for i, seed in enumerate(of_seeds)]  # fmt: skip
        part.legend(handles=seeds, loc="outside upper right", ncols=len(seeds), frameon=False)
        for (quantity, (title, shown)), axes in zip(HISTORY.items(), line, strict=False):
            axes.set(title=title, xlabel="step")
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
            for i, (history, chosen) in enumerate(of_seeds.values()):
                y, colour = shown(history[quantity]), style.COLOURS[i % len(style.COLOURS)]
                at = np.flatnonzero(np.isfinite(y))
                axes.plot(at + 1, y[at], color=colour, lw=1.2)
                axes.plot(chosen + 1, y[chosen], "o", color=colour, ms=5)
                axes.set_xlim(0, len(y) + 1)
            if not any(np.isfinite(shown(h[quantity])).any() for h, _ in of_seeds.values()):
                axes.text(0.5, 0.5, "not recorded", ha="center", transform=axes.transAxes)
                axes.set(xticks=[], yticks=[])
    return figure
