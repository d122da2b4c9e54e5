"""Train a codec: rotation and product quantiser."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import keys, opq, vectors


def main(source, out, key, seed, threads):
    codec = opq.train(vectors.load(source).learn, keys.codec(key), seed, threads)
    codec.save(out, {"codec": key, "seed": seed, "train_rows": opq.TRAIN_ROWS})


w = snakemake.wildcards
main(
    snakemake.input.vectors, snakemake.output[0], w.codec, snakemake.params.seed, snakemake.threads
)
