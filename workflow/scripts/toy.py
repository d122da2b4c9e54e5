"""The toy example: learn which links of the complete graph on a hundred digits to keep; draw it."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import pruning_tables, toy
from linkprune.plots import style
from linkprune.plots import toy as drawing


def main(out, seed, threads):
    found = toy.run(seed, threads)
    pruning_tables.write_csv(out.vertices, toy.vertices(found), toy.VERTICES)
    pruning_tables.write_csv(out.links, toy.links(found), toy.LINKS)
    pruning_tables.write_csv(out.curve, toy.curve(found), toy.CURVE)
    figure = drawing.graphs(found, toy.HUB, toy.EFSEARCH)
    style.save(figure, out.svg)
    style.save(figure, out.pdf)


main(snakemake.output, snakemake.params.seed, snakemake.threads)
