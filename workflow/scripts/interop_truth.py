"""Write true neighbours as big-ann has them."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import bigann, store, vectors


def main(source, truth, out):
    ids, D = store.load(truth, ids="nq k", distances="nq k")
    bigann.write_truth(out, ids, bigann.distances(D, vectors.load(source).metric))


i = snakemake.input
main(i.vectors, i.truth, snakemake.output[0])
