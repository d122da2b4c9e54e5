"""Draw how pruned graphs and their rivals compare, and how the training went."""

from linkprune import log

log.redirect(snakemake.log[0])

import csv
from pathlib import Path

from linkprune import plots, store


def main(table, learned, out):
    with open(table, newline="") as f:
        figure = plots.comparison(list(csv.DictReader(f)))
    plots.save(figure, out.svg)
    plots.save(figure, out.pdf)
    histories = {
        f"{dataset}\n{graph}\n{agent}": {
            seed: history(Path("results", dataset, graph, policy, "training.h5"))
            for seed, policy in by_seed.items()
        }
        for dataset, of_agents in learned.items()
        for (graph, agent), by_seed in of_agents.items()
    }
    plots.save(plots.training(histories), out.training)


def history(path):
    arrays = store.load(path, **dict.fromkeys(plots.HISTORY, "steps"))
    return dict(zip(plots.HISTORY, arrays, strict=True)), store.attrs(path)["chosen"]


main(snakemake.input.table, snakemake.params.learned, snakemake.output)
