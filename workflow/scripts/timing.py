"""Time the search at every operating point."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import store, timing, vectors
from linkprune.index import Index


def main(i, out, k, efSearch, k_reorder, settings):
    data = vectors.load(i.vectors)
    index = Index.assemble(i.codec, i.codes, i.graph, i.beta, data.metric)
    query, threads = data.query[: settings["queries"]], settings["threads"]
    found = timing.grid(index, query, k, efSearch, k_reorder, settings["repetitions"], threads)
    store.save(out, found, {"k": k, "queries": len(query), "threads": threads, **timing.machine()})


p = snakemake.params
main(snakemake.input, snakemake.output[0], p.k, p.efSearch, p.k_reorder, p.timing)
