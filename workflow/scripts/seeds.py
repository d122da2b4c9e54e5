"""Mean and spread over the builds of rows of Table 2."""

from linkprune import log

log.redirect(snakemake.log[0])

from pathlib import Path

from linkprune import rows, spreads


def main(points, seeds, exhaustive, out):
    table = list(spreads.rows(points, seeds, Path("results"), exhaustive))
    rows.write(out.csv, table, spreads.COLUMNS)
    spreads.write_markdown(out.md, table)


p = snakemake.params
main(p.points, p.seeds, p.exhaustive, snakemake.output)
