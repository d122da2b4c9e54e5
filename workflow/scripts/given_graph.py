"""Read a graph that others have built."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import graph_files, vectors


def main(source, file, out, key):
    data = vectors.load(source)
    graph = graph_files.read(file, data.base, metric=data.metric)
    graph.save(out, {"graph": key, "policy": "unpruned", "metric": data.metric, "file": file})


i = snakemake.input
main(i.vectors, i.file, snakemake.output[0], snakemake.wildcards.graph)
