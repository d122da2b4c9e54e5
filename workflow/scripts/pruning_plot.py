"""Draw how pruned graphs and their rivals compare, and how the training went."""

from linkprune import log

log.redirect(snakemake.log[0])

from pathlib import Path

from linkprune import rows, store
from linkprune.plots import pruning, style, training


def main(table, learned, out):
    points = rows.read(table)
    rows.write(out.csv, points, pruning.COLUMNS)
    figure = pruning.comparison(points)
    style.save(figure, out.svg)
    style.save(figure, out.pdf)
    histories = {
        (dataset, graph, agent): {
            seed: history(Path("results", dataset, graph, policy, "training.h5"))
            for seed, policy in by_seed.items()
        }
        for dataset, of_agents in learned.items()
        for (graph, agent), by_seed in of_agents.items()
    }
    rows.write(out.training_csv, training.points(histories), training.COLUMNS)
    figure = training.steps(histories)
    style.save(figure, out.training_svg)
    style.save(figure, out.training_pdf)


def history(path):
    arrays = store.load(path, **dict.fromkeys(training.HISTORY, "steps"))
    return dict(zip(training.HISTORY, arrays, strict=True)), store.attrs(path)["chosen"]


main(snakemake.input.table, snakemake.params.learned, snakemake.output)
