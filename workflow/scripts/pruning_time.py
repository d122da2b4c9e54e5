"""Time the searches of an experiment's graphs, in turns."""

from linkprune import log

log.redirect(snakemake.log[0])

import numpy as np

from linkprune import store, timing, vectors
from linkprune.graph import Graph
from linkprune.rl.environment import Space


def main(i, out, graphs, spaces, efSearch, settings):
    data = vectors.load(i.vectors)
    searches = {}
    for name, path in graphs.items():
        space = Space.assemble(data.base, spaces[name], data.metric)
        x = space.prepared(data.query[: settings["queries"]])
        searches[name] = (Graph.load(path), space, x)
    ms = timing.graphs(searches, efSearch, settings["repetitions"], settings["threads"])
    names = np.array(list(graphs), "S")
    attrs = {**settings, **timing.machine()}
    store.save(out, {"names": names, "efSearch": efSearch, "ms_per_query": ms}, attrs)


p = snakemake.params
main(snakemake.input, snakemake.output[0], p.graphs, p.spaces, p.efSearch, p.timing)
