"""Time every query alone at every operating point."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import latency, store, timing, vectors
from linkprune.index import Index


def main(i, out, k, efSearch, k_reorder):
    data = vectors.load(i.vectors)
    index = Index.assemble(i.codec, i.codes, i.graph, i.beta, data.metric)
    found = latency.alone(index, data.query, k, efSearch, k_reorder)
    store.save(out, found, {"k": k, **timing.machine()})


p = snakemake.params
main(snakemake.input, snakemake.output[0], p.k, p.efSearch, p.k_reorder)
