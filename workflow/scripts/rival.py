"""Prune a graph by a simple rule, for comparison."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import keys, pruning, store, vectors
from linkprune.graph import Graph
from linkprune.rl import rivals
from linkprune.rl.environment import Queries, Space
from linkprune.rl.queries import on_codes


def main(i, out, key, policy, threads):
    data, graph = vectors.load(i.vectors), Graph.load(i.graph)
    space = Space.assemble(data.base, i.space, data.metric)
    queries = None
    if i.queries:
        queries = Queries(*store.load(i.queries[0], x="n d", truth="n k", absent="n"))
        queries = on_codes(queries, space, threads)  # what a learned graph is paid for
    mask, score, most = rivals.mask(keys.policy(policy), graph, space, queries, threads)
    thinned = pruning.keep_edges(graph, pruning.repair(graph, mask, score, most))
    thinned.save(out, {"graph": key, "policy": policy, "metric": data.metric})


w = snakemake.wildcards
main(snakemake.input, snakemake.output[0], w.graph, w.policy, snakemake.threads)
