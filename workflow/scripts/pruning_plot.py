"""Draw how pruned graphs and their rivals compare, and how the training went."""

from linkprune import log

log.redirect(snakemake.log[0])

import csv

from linkprune import plots, store


def main(table, histories, out):
    with open(table, newline="") as f:
        figure = plots.comparison(list(csv.DictReader(f)))
    plots.save(figure, out.svg)
    plots.save(figure, out.pdf)
    read = {name: {seed: history(path) for seed, path in of_seeds.items()}
            for name, of_seeds in histories.items()}  # fmt: skip
    plots.save(plots.training(read), out.training)


def history(path):
    arrays = store.load(path, **dict.fromkeys(plots.HISTORY, "steps"))
    return dict(zip(plots.HISTORY, arrays, strict=True)), store.attrs(path)["chosen"]


main(snakemake.input.table, snakemake.params.histories, snakemake.output)
