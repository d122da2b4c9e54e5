"""Write the base level of a graph as others have it."""

from linkprune import log

log.redirect(snakemake.log[0])

import logging

from linkprune import graph_files
from linkprune.graph import Graph


def main(source, out):
    graph = Graph.load(source)
    if graph.max_level:
        logging.info("the %d levels above the base are left out", graph.max_level)
    graph_files.write(out, graph_files.base_level(graph))


main(snakemake.input.graph, snakemake.output[0])
