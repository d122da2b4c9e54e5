"""Draw where time, memory and bytes go."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import cost, rows
from linkprune.plots import cost as plot
from linkprune.plots import style


def main(folders, table, out):
    found = [row for dataset, own in folders.items() for row in cost.stages(dataset, own)]
    spent = [row for path in table for row in cost.bytes_per_vector(rows.read(path))]
    rows.write(out.csv, found, cost.COLUMNS)
    rows.write(out.spent, spent, cost.BYTES)
    figure = plot.cost(found, spent)
    style.save(figure, out.svg)
    style.save(figure, out.pdf)


main(snakemake.params.folders, snakemake.input.table, snakemake.output)
