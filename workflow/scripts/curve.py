"""Search a graph as it is, without refinement: what is found at what cost, query by query."""

from linkprune import log

log.redirect(snakemake.log[0])

import numpy as np

from linkprune import pruning, store, vectors
from linkprune.graph import Graph
from linkprune.rl import training
from linkprune.rl.environment import Queries, Space


def main(i, out, efSearch, threads):
    data, graph = vectors.load(i.vectors), Graph.load(i.graph)
    space = Space.assemble(data.base, i.space, data.metric)
    (truth,) = store.load(i.truth, ids="nq k")
    present = np.full(len(truth), -1, np.int32)
    queries = Queries(space.prepared(data.query, threads), truth, present)
    least = min(10, len(data.base))
    found = training.measure(graph, space, queries, efSearch, threads, least)
    first, among, share = (found[measure] for measure in ("R@1", "R@10", "recall@10"))
    arrays = {"efSearch": first.efSearch, "hit": first.hits, "hit_at_10": among.hits,
              "recall_at_10": share.hits, "ndis": first.ndis}  # fmt: skip
    degrees = (graph.neighbors >= 0).sum(1)
    attrs = {"mean_degree": degrees.mean(), "largest_degree": degrees.max()}
    store.save(out, arrays, attrs | pruning.lost(graph, truth[:, 0]))


p = snakemake.params
main(snakemake.input, snakemake.output[0], p.efSearch, snakemake.threads)
