"""Encode the base, and say how far the codes are from the vectors."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import store, vectors
from linkprune.codec import Codec


def main(source, codec, out, key, threads):
    base, codec = vectors.load(source).base, Codec.load(codec)
    codes, error = codec.encode(base, threads)
    store.save(out, {"codes": codes}, {"codec": key, "error": error})


i = snakemake.input
main(i.vectors, i.codec, snakemake.output[0], snakemake.wildcards.codec, snakemake.threads)
