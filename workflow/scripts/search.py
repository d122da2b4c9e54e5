"""Search at every operating point: what was found, at which rank the truth is, what it cost."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import search, store, vectors
from linkprune.index import Index


def main(i, out, k, efSearch, k_reorder, threads):
    data, (gt,) = vectors.load(i.vectors), store.load(i.truth, ids="nq kgt")
    index = Index.assemble(i.codec, i.codes, i.graph, i.beta, data.metric)
    points = search.grid(index, data.query, gt, k, efSearch, k_reorder, threads)
    attrs = {"M0": index.graph.neighbors.shape[1], "bytes_per_vector": index.bytes_per_vector()}
    store.save(out, points, {"k": k, **attrs})


p = snakemake.params
main(snakemake.input, snakemake.output[0], p.k, p.efSearch, p.k_reorder, snakemake.threads)
