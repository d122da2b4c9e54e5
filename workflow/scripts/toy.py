"""The toy example: learn which links of the complete graph on a hundred digits to keep; draw it."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import plots, pruning_tables, toy


def main(out, seed, threads):
    found = toy.run(seed, threads)
    pruning_tables.write_csv(out.vertices, toy.vertices(found), toy.VERTICES)
    pruning_tables.write_csv(out.links, toy.links(found), toy.LINKS)
    pruning_tables.write_csv(out.curve, toy.curve(found), toy.CURVE)
    figure = plots.toy(found, toy.HUB, toy.EFSEARCH)
    plots.save(figure, out.svg)
    plots.save(figure, out.pdf)


main(snakemake.output, snakemake.params.seed, snakemake.threads)
