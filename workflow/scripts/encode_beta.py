"""The codewords of every base vector, and how far the reconstructions are from the vectors."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import regression, store, vectors
from linkprune.codec import Codec
from linkprune.graph import Graph


def main(i, out, key, threads):
    base, (codes,) = vectors.load(i.vectors).base, store.load(i.codes, codes="nb nsq")
    (book,) = store.load(i.codebook, beta_centroids="parts kbeta M1")
    codec, graph = Codec.load(i.codec), Graph.load(i.graph)
    encoded, error = regression.encode(base, codec, codes, graph.neighbors, book, threads)
    encoded.save(out, {"beta": key, "error": error})


main(snakemake.input, snakemake.output[0], snakemake.wildcards.beta, snakemake.threads)
