"""Learn which links of a graph are worth keeping."""

from linkprune import log

log.redirect(snakemake.log[0])

import hashlib
import logging
from pathlib import Path

from linkprune import keys, pruning, store, timing, vectors
from linkprune.graph import Graph
from linkprune.rl import agents, events, training
from linkprune.rl.environment import Environment, Queries, Space
from linkprune.rl.queries import on_codes, split


def main(i, out, key, policy, settings, validation, threads, notes):
    data, graph, seed = vectors.load(i.vectors), Graph.load(i.graph), policy.seed
    space = Space.assemble(data.base, i.space, data.metric)
    queries = Queries(*store.load(i.queries, x="n d", truth="n k", absent="n"))
    learn, held_out = (
        on_codes(part, space, threads)
        for part in split(queries, validation["queries"], settings["queries"])
    )
    environment = Environment(graph, space, learn, seed, threads)
    judge = training.Validation(space, held_out, validation, threads)
    network = one_thread_of_torch() if settings["agent"] == "network" else {}
    agent = agents.build(environment, judge, data.base, settings, seed)
    n = agents.episodes(graph, settings)
    made_from = [store.attrs(path) for path in (i.vectors, i.queries, i.graph, *i.space)]
    code = hashlib.sha256(b"".join(Path(f).read_bytes() for f in i if f.endswith(".py")))
    identity = (key, str(policy), settings, validation, made_from, store.provenance(), network,
                code.hexdigest())  # fmt: skip
    checkpoint = training.Checkpoint(Path(out.graph).with_name("checkpoint.h5"), identity)
    with events.writer(notes / "events", checkpoint.exists()) as board:
        done = training.train(
            agent, environment, judge, settings, n, checkpoint=checkpoint, events=board,
            say=logging.getLogger("progress").info,
        )  # fmt: skip
    attrs = {"graph": key, "policy": str(policy), "metric": data.metric, "seed": seed, **network}
    # Times are an artifact of their own: all else is the same bits every time.
    store.save(out.time, {"seconds": done.history.pop("seconds")}, timing.machine())
    store.save(out.training, done.history, {**attrs, "chosen": done.chosen, "episodes": n})
    left_out = int((~pruning.reachable(done.graph)).sum())
    logging.info("%d vertices cannot be reached from the start", left_out)
    done.graph.save(out.graph, {**attrs, "settings": repr(settings), "unreachable": left_out})
    checkpoint.remove()


def one_thread_of_torch():
    """What the network computes depends on torch's version and, in the last bits, on its threads:
    the version is recorded, and on the CPU one thread computes, the episodes have them all.
    """
    import torch

    torch.set_num_threads(1)
    return {"torch": str(torch.__version__)}


p, w = snakemake.params, snakemake.wildcards
main(
    snakemake.input, snakemake.output, w.graph, keys.policy(w.policy), p.settings, p.validation,
    snakemake.threads, Path(snakemake.log[0]).parent,
)  # fmt: skip
