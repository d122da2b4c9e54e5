"""Base, query and learn vectors of a data set, whatever they come from."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import datasets, vectors


def main(out, name, entry, seed):
    data = datasets.load(name, entry, seed)
    attrs = {"dataset": name, "entry": repr(entry), "seed": seed}
    vectors.save(out, data.parts, data.metric, attrs, data.mapped)


p = snakemake.params
main(snakemake.output[0], snakemake.wildcards.dataset, p.entry, p.seed)
