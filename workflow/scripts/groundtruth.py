"""The exact neighbours of every query: computed, or read and spot-checked."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import datasets, groundtruth, seeds, store, vectors


def main(source, out, name, entry, k, seed, threads):
    data, given = vectors.load(source), datasets.truth(name, entry)
    if given is None:
        ids, distances = groundtruth.exact(data.query, data.base, k, data.metric, threads)
    else:
        rng = seeds.generator(seed, "groundtruth", name)
        groundtruth.spot_check(
            given, data.query, data.base, data.metric, rng, threads=threads,
            name=f"datasets.{name}.groundtruth",
        )  # fmt: skip
        ids = given[:, :k]
        distances = groundtruth.distances(ids, data.query, data.base, data.metric, threads)
    attrs = {"dataset": name, "k": ids.shape[1], "given": given is not None, "seed": seed}
    store.save(out, {"ids": ids, "distances": distances}, attrs)


i, p = snakemake.input, snakemake.params
name = snakemake.wildcards.dataset
main(i.vectors, snakemake.output[0], name, p.entry, p.k, p.seed, snakemake.threads)
