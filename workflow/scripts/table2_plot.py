"""Draw Table 2 as a heat table."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import rows
from linkprune.plots import style, table2


def main(table, out):
    cells = table2.cells(rows.read(table))
    rows.write(out.csv, cells, table2.COLUMNS)
    figure = table2.heat(cells)
    style.save(figure, out.svg)
    style.save(figure, out.pdf)


main(snakemake.input.table, snakemake.output)
