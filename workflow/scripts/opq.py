"""Train a codec: rotation and product quantiser."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import keys, opq, vectors


def main(source, out, key, seed, threads):
    learn = vectors.load(source).learn[: opq.TRAIN_ROWS]
    codec = opq.train(learn, keys.codec(key), seed, threads)
    codec.save(out, {"codec": key, "seed": seed, "train_rows": len(learn)})


w = snakemake.wildcards
main(
    snakemake.input.vectors, snakemake.output[0], w.codec, snakemake.params.seed, snakemake.threads
)
