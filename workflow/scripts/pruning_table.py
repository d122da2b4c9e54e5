"""Collect what pruned graphs and their rivals need for equal recall."""

from linkprune import log

log.redirect(snakemake.log[0])

from pathlib import Path

from linkprune import pruning_tables, store


def main(points, out, experiment, targets, seed):
    rows, summary, times = [], [], set()
    for dataset, (learned, rivals) in points.items():
        folder = Path("results", dataset)
        time = folder / f"{experiment}_time.h5"
        found = pruning_tables.Results(folder, learned, rivals, time)
        rows += found.rows(dataset)
        summary += found.summary(dataset, targets, seed)
        attrs = store.attrs(time)
        threads = f"{attrs['threads']} thread{'s' if int(attrs['threads']) > 1 else ''}"
        times.add(f"{attrs['repetitions']} repetitions, {threads}, {attrs['cpu']}")
    pruning_tables.write_csv(out.csv, rows, pruning_tables.COLUMNS)
    pruning_tables.write_csv(out.summary, summary, pruning_tables.SUMMARY)
    pruning_tables.write_markdown(out.md, summary, "; ".join(sorted(times)))


p = snakemake.params
main(p.points, snakemake.output, snakemake.wildcards.experiment, p.targets, p.seed)
