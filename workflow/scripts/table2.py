"""Collect the rows of Table 2."""

from linkprune import log

log.redirect(snakemake.log[0])

from pathlib import Path

from linkprune import tables


def main(points, published, out, exhaustive):
    rows = tables.rows(points, tables.published(published), Path("results"), exhaustive)
    tables.write_csv(out.csv, rows)
    tables.write_markdown(out.md, rows)


p = snakemake.params
main(p.points, snakemake.input.published, snakemake.output, p.exhaustive)
