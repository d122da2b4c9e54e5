"""Train the regression codebook."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import beta, keys, store, vectors
from linkprune.codec import Codec
from linkprune.graph import Graph


def main(i, out, key, seed, rows, rounds, threads):
    base, (codes,) = vectors.load(i.vectors).base, store.load(i.codes, codes="nb nsq")
    codec, graph = Codec.load(i.codec), Graph.load(i.graph)
    book, error = beta.train(
        keys.beta(key), base[:rows], codec, codes, graph.neighbors, seed, rounds, threads
    )
    attrs = {"beta": key, "seed": seed, "train_rows": min(rows, len(base)), "rounds": rounds}
    store.save(out, {"beta_centroids": book, "error_by_round": error}, attrs)


p, w = snakemake.params, snakemake.wildcards
main(snakemake.input, snakemake.output[0], w.beta, p.seed, p.rows, p.rounds, snakemake.threads)
