"""Collect and draw what an exhaustive search of each codec finds, beside its bytes."""

from linkprune import log

log.redirect(snakemake.log[0])

from pathlib import Path

from linkprune import codecs, rows
from linkprune.plots import codecs as plot
from linkprune.plots import style


def main(points, out, seed, more):
    table = list(codecs.rows(points, Path("results"), seed, more))
    rows.write(out.csv, table, codecs.COLUMNS)
    figure = plot.codecs(table)
    style.save(figure, out.svg)
    style.save(figure, out.pdf)


p = snakemake.params
main(p.points, snakemake.output, p.seed, p.more)
