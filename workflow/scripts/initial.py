"""Compare learned graphs with the graphs that they were pruned from, at equal recall."""

from linkprune import log

log.redirect(snakemake.log[0])

from pathlib import Path

from linkprune import pruning_tables


def main(learned, out, experiment, targets, seed):
    summary = []
    for dataset, of_dataset in learned.items():
        folder = Path("results", dataset)
        for (graph, agent), by_seed in of_dataset.items():
            own, initial = {(graph, agent): by_seed}, [(graph, "unpruned")]
            time = folder / f"{experiment}_time.h5"
            found = pruning_tables.Results(folder, own, initial, time)
            summary += found.summary(dataset, targets, seed)
    pruning_tables.write_csv(out, summary, pruning_tables.SUMMARY)


p = snakemake.params
main(p.learned, snakemake.output[0], snakemake.wildcards.experiment, p.targets, p.seed)
