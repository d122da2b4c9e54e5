"""Draw recall over efSearch and over distances for the split of the bytes."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import rows
from linkprune.plots import figure5, style


def main(table, published, out):
    points = figure5.points(rows.read(table), rows.read(published))
    rows.write(out.csv, points, figure5.COLUMNS)
    figure = figure5.tradeoff(points)
    style.save(figure, out.svg)
    style.save(figure, out.pdf)


main(snakemake.input.table, snakemake.input.published, snakemake.output)
