"""linkprune: Link & Code and learned similarity graphs.

linkcode       the whole method as one object; start here
index          search on codes, re-ranking by reconstructions; exhaustive: without the graph
codec, opq     product quantisation and its training
graph          the graph's schema; builders: every kind by its key
hnsw, vamana, nsg, flat   construction; graph_files: graphs in published formats
rl             pruning by reinforcement learning; pruning: from a mask to a graph, and simple rules
curves         distances at equal recall; pruning_tables, plots, toy: what is shown of it
regression     vectors from their codes and those of their links; beta: its training
groundtruth    exact neighbours; metrics, stats: accuracy and its intervals
kernels        everything that counts, in C

sources, formats, download, preparation, datasets, vectors: where vectors come from
config, keys, deps, store, seeds, log, tables, errors: what the workflow stands on
"""


def __getattr__(name):
    """LinkCode on first use: a job that searches should not load, nor depend on, the training."""
    if name == "LinkCode":
        from linkprune.linkcode import LinkCode

        return LinkCode
    raise AttributeError(f"module linkprune has no attribute {name}")
