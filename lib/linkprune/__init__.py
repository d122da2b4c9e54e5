"""linkprune: Link & Code and learned similarity graphs.

linkcode       the whole method as one object; start here
index          search on codes, re-ranking by reconstructions; exhaustive: without the graph
codec, opq     product quantisation and its training; coarse: its first level where it has two
graph          the graph's schema; builders: every kind by its key
hnsw, vamana, nsg, flat   construction; graph_files: graphs in published formats
rl             pruning by reinforcement learning; pruning: from a mask to a graph, and simple rules
curves         distances at equal recall; pruning_tables, toy: what is shown of it
plots          figures of all of this
regression     vectors from their codes and those of their links; beta: its training
groundtruth    exact neighbours; metrics, stats: accuracy and its intervals
kernels        everything that counts, in C

sources, formats, download, preparation, datasets, vectors: where vectors come from
ann_benchmarks, bigann: where results go to; latency: queries one by one
codecs         codes of one level and of two at equal bytes
estimators     what tells a vector from codes; structure: what graphs are like; cost: of the stages
config, keys, deps, store, seeds, log, progress, tables, rows, errors: what the workflow stands on
"""


def __getattr__(name):
    """LinkCode, prune on first use: a job that searches should not depend on the training."""
    if name == "LinkCode":
        from linkprune.linkcode import LinkCode

        return LinkCode
    if name == "prune":
        from linkprune.rl.learn import prune

        return prune
    raise AttributeError(f"module linkprune has no attribute {name}")
