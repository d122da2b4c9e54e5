"""Build a codec and its regressions from a seed of its own, and search them exhaustively."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import builds, exhaustive, metrics, store, vectors


def main(i, out, graph, codec, seed, p, threads):
    data, (gt,) = vectors.load(i.vectors), store.load(i.truth, ids="nq kgt")
    ranks, attrs = {}, {"seed": seed, "k": p.k}
    made = builds.with_each(data, graph, codec, p.betas, seed, p.rows, p.rounds, threads)
    for beta, (index, (_, error)) in zip(p.betas, made, strict=True):
        _, I = exhaustive.search(index, data.query, p.k, threads)
        ranks[f"rank_{beta}"], attrs[f"error_{beta}"] = metrics.true_rank(I, gt), error
    store.save(out, ranks, attrs)


w = snakemake.wildcards
main(
    snakemake.input, snakemake.output[0], w.graph, w.codec, int(w.seed), snakemake.params,
    snakemake.threads,
)  # fmt: skip
