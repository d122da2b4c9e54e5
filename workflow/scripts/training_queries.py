"""The queries that pruning learns from, and their exact neighbours."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import groundtruth, store, vectors
from linkprune.rl import queries


def main(source, out, settings, seed, threads):
    data = vectors.load(source)
    x = queries.gather(data, settings["most"], settings["per_vertex"], seed)
    k = min(settings["k"], len(data.base))
    truth, _ = groundtruth.exact(x, data.base, k, data.metric, threads)
    store.save(out, {"x": x, "truth": truth}, {"seed": seed, **settings})


p = snakemake.params
main(snakemake.input.vectors, snakemake.output[0], p.settings, p.seed, snakemake.threads)
