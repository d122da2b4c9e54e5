"""What the graphs of a data set are like."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import rows, structure, vectors
from linkprune.graph import Graph


def main(source, graphs, out, dataset, seed, threads):
    loaded = ((name, Graph.load(path)) for name, path in graphs.items())
    base = vectors.load(source).base
    found, summaries = structure.tables(loaded, base, seed, dataset, threads)
    rows.write(out.csv, found, structure.COLUMNS)
    rows.write(out.summary, summaries, structure.SUMMARY)


p, w = snakemake.params, snakemake.wildcards
main(snakemake.input.vectors, p.graphs, snakemake.output, w.dataset, p.seed, snakemake.threads)
