"""Search all reconstructions, whatever the graph."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import exhaustive, metrics, store, vectors
from linkprune.index import Index


def main(i, out, k, threads):
    data, (gt,) = vectors.load(i.vectors), store.load(i.truth, ids="nq kgt")
    index = Index.assemble(i.codec, i.codes, i.graph, i.beta, data.metric)
    _, I = exhaustive.search(index, data.query, k, threads)
    store.save(out, {"ids": I, "rank": metrics.true_rank(I, gt)}, {"k": k})


main(snakemake.input, snakemake.output[0], snakemake.params.k, snakemake.threads)
