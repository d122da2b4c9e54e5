"""Draw what graphs are like."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import rows, structure
from linkprune.plots import structure as plot
from linkprune.plots import style


def main(tables, summaries, out):
    found = [row for path in tables for row in rows.read(path)]
    rows.write(out.csv, found, structure.COLUMNS)
    summary = [row for path in summaries for row in rows.read(path)]
    rows.write(out.summary, summary, structure.SUMMARY)
    figure = plot.structure(found)
    style.save(figure, out.svg)
    style.save(figure, out.pdf)


main(snakemake.input.tables, snakemake.input.summaries, snakemake.output)
