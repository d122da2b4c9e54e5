"""Write a part of a data set as big-ann has it, in the dtype that it is stored in."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import bigann, vectors


def main(source, out, part):
    bigann.write_vectors(out, getattr(vectors.load(source), part))


main(snakemake.input.vectors, snakemake.output[0], snakemake.wildcards.part)
