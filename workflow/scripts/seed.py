"""Build a row of Table 2 from a seed of its own, and search it."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import builds, store, vectors


def main(i, out, point, seed, p, threads):
    data, (gt,) = vectors.load(i.vectors), store.load(i.truth, ids="nq kgt")
    index, errors = builds.build(data, point, seed, p.rows, p.rounds, threads)
    found = builds.measure(
        index, data.query, gt, p.k, p.efSearch, p.k_reorder, p.exhaustive, threads
    )
    attrs = {"seed": seed, "k": p.k, "M0": index.graph.neighbors.shape[1],
             "bytes_per_vector": index.bytes_per_vector()}  # fmt: skip
    attrs |= dict(zip(("error_of_codes", "error_of_reconstructions"), errors, strict=True))
    store.save(out, found, attrs)


w = snakemake.wildcards
point = {"graph": w.graph, "codec": w.codec, "beta": w.beta}
main(snakemake.input, snakemake.output[0], point, int(w.seed), snakemake.params, snakemake.threads)
