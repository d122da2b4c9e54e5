"""The queries that pruning learns from, and their exact neighbours."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import store, vectors
from linkprune.rl import queries


def main(source, out, settings, seed, threads):
    found = queries.gather(vectors.load(source), settings, seed, threads)
    store.save(out, found._asdict(), {"seed": seed, **settings})


p = snakemake.params
main(snakemake.input.vectors, snakemake.output[0], p.settings, p.seed, snakemake.threads)
