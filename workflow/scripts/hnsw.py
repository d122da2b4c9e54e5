"""Build a graph of any kind, on codes or on float vectors."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import builders, keys, store, vectors
from linkprune.codec import Codec


def main(source, space, out, key, seed, threads):
    data, coded = vectors.load(source), {}
    if space:
        coded = {"codec": Codec.load(space[0]), "codes": store.load(space[1], codes="nb nsq")[0]}
    graph = builders.build(
        keys.graph(key), data.base, seed, metric=data.metric, threads=threads, **coded
    )
    graph.save(out, {"graph": key, "policy": "unpruned", "metric": data.metric, "seed": seed})


i, w = snakemake.input, snakemake.wildcards
main(i.vectors, i.space, snakemake.output[0], w.graph, snakemake.params.seed, snakemake.threads)
