"""Learn which links of a graph are worth keeping."""

from linkprune import log

log.redirect(snakemake.log[0])

import hashlib
import logging
import time
from pathlib import Path

from linkprune import keys, pruning, store, timing, vectors
from linkprune.graph import Graph
from linkprune.rl import agents, events, training
from linkprune.rl.environment import Environment, Queries, Space
from linkprune.rl.queries import on_codes, split


def main(i, out, key, policy, settings, validation, threads, notes):
    began = time.process_time()
    data, graph, seed = vectors.load(i.vectors), Graph.load(i.graph), policy.seed
    space = Space.assemble(data.base, i.space, data.metric)
    queries = Queries(*store.load(i.queries, x="n d", truth="n k", absent="n"))
    learn, held_out = (
        on_codes(part, space, threads)
        for part in split(queries, validation["queries"], settings["queries"])
    )
    environment = Environment(graph, space, learn, seed, threads)
    judge = training.Validation(space, held_out, validation, threads)
    network = version_of_torch() if settings["agent"] == "network" else {}
    agent = agents.build(environment, judge, data.base, settings, seed)
    n = agents.episodes(graph, settings)
    made_from = [store.attrs(path) for path in (i.vectors, i.queries, i.graph, *i.space)]
    code = hashlib.sha256(b"".join(Path(f).read_bytes() for f in i if f.endswith(".py")))
    identity = (key, str(policy), settings, validation, made_from, store.provenance(), network,
                code.hexdigest())  # fmt: skip
    checkpoint = training.Checkpoint(Path(out.graph).with_name("checkpoint.h5"), identity)
    before = time.process_time() - began
    with events.writer(notes / "events", checkpoint.exists()) as board:
        done = training.train(
            agent, environment, judge, settings, n, checkpoint=checkpoint, events=board,
            say=logging.getLogger("progress").info,
        )  # fmt: skip
    attrs = {"graph": key, "policy": str(policy), "metric": data.metric, "seed": seed, **network}
    # Times are an artifact of their own: all else is the same bits every time.
    seconds = {"seconds": done.history.pop("seconds")}
    store.save(out.time, seconds, {**timing.machine(), "before": before})
    lost = pruning.lost(done.graph, learn.truth[:, 0])
    store.save(out.training, done.history, {**attrs, **lost, "chosen": done.chosen, "episodes": n})
    logging.info(
        "%(unreachable)d vertices cannot be reached from the start, %(isolated)d of them without "
        "links; true nearest neighbours of %(nearest_unreachable)d training queries", lost,
    )  # fmt: skip
    left_out = lost["unreachable"]
    done.graph.save(out.graph, {**attrs, "settings": repr(settings), "unreachable": left_out})
    checkpoint.remove()


def version_of_torch():
    """What the bits of a network depend on beside its settings."""
    import torch

    return {"torch": str(torch.__version__)}


p, w = snakemake.params, snakemake.wildcards
main(
    snakemake.input, snakemake.output, w.graph, keys.policy(w.policy), p.settings, p.validation,
    snakemake.threads, Path(snakemake.log[0]).parent,
)  # fmt: skip
