"""Draw how the estimators compare, with their intervals in a table."""

from linkprune import log

log.redirect(snakemake.log[0])

from pathlib import Path

from linkprune import estimators, rows
from linkprune.plots import estimators as plot
from linkprune.plots import style


def main(artifacts, out, seed):
    table, cdf = [], []
    for path in artifacts:
        _, dataset, graph, policy, codec, _ = Path(path).parts
        place = {"dataset": dataset, "codec": codec, "graph": graph, "policy": policy}
        table += estimators.rows(path, place, seed)
        cdf += estimators.cdf(path, dataset)
    rows.write(out.csv, table, estimators.COLUMNS)
    rows.write(out.cdf, cdf, estimators.CDF)
    figure = plot.estimators(table, cdf)
    style.save(figure, out.svg)
    style.save(figure, out.pdf)


main(snakemake.input.artifacts, snakemake.output, snakemake.params.seed)
