"""Collect the rows of a table of Link & Code, and their differences on the same queries."""

from linkprune import log

log.redirect(snakemake.log[0])

from pathlib import Path

from linkprune import comparisons, rows, tables


def main(points, published, out, title, exhaustive, seed):
    results = Path("results")
    found = tables.rows(points, tables.published(published), results, exhaustive)
    differences = list(comparisons.rows(found, results, seed))
    rows.write(out.csv, found, tables.COLUMNS)
    rows.write(out.paired, differences, comparisons.COLUMNS)
    tables.write_markdown(out.md, title, found, differences)


p, title = snakemake.params, tables.TITLES[snakemake.wildcards.table]
main(p.points, snakemake.input.published, snakemake.output, title, p.exhaustive, p.seed)
