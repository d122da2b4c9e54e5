"""The training of a pruning agent: steps, validation, checkpoints, and the graph in the end."""

import dataclasses
import hashlib
import logging
import time
from pathlib import Path

import numpy as np

from linkprune import curves, elementary, metrics, pruning, store
from linkprune.errors import DataError
from linkprune.kernels import beam
from linkprune.rl import credited

PROBE_EPISODES = 2000  # at each efSearch, to see the recall at which an agent begins
HISTORY = (
    "reward", "recall", "ndis", "kl", "entropy", "accepted", "frozen", "links", "episodes",
    "seconds",
)  # fmt: skip
VALIDATED = ("score", "held_out")  # on held-out queries, NaN at steps that are not validated

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Trained:
    """graph: the pruned graph; p (nb, M0) the keep probabilities that it was made from; history:
    name -> (steps,) float64; chosen: the step that validation chose."""

    graph: object
    p: np.ndarray
    history: dict
    chosen: int


class Validation:
    """Distances per query at target recalls on queries that no step trains on.

    queries: a ``Queries``; settings as in the config: efSearch (list) and targets, a dict of the
    measures R@1, R@10 and recall@10 to lists of recalls.
    """

    def __init__(self, space, queries, settings, threads=1):
        self.space, self.settings, self.threads = space, settings, threads
        self.queries = queries._replace(x=space.prepared(queries.x, threads))

    def curve(self, graph):
        """Curves of a graph by measure."""
        return measure(graph, self.space, self.queries, self.settings["efSearch"], self.threads)

    def judged(self, graph):
        """Score, and recall@10 at the middle one of the efSearch."""
        found = self.curve(graph)
        middle = found["recall@10"].hits[len(self.settings["efSearch"]) // 2]
        return self.score_of(found), float(middle.mean())

    def score(self, graph):
        """The ``score_of`` the curves of a graph."""
        return self.score_of(self.curve(graph))

    def score_of(self, found):
        """Mean logarithm of the distances at the targets: less is better; infinity: not reached.

        found: curves by measure.
        """
        at = [found[name].distances_at(t) for name, ts in self.settings["targets"].items()
              for t in ts]  # fmt: skip
        return float(elementary.log(at).mean()) if np.isfinite(at).all() else np.inf


def measure(graph, space, queries, efSearch, threads=1, least=1):
    """Curves of a graph by measure; the x of the Queries as the space has prepared them.

    An absent vertex is searched all the same, and left out of what was found. Raises DataError
    where fewer than ``least`` true neighbours are known.
    """
    absent = queries.absent[:, None]
    spare = int((absent >= 0).any())
    known = queries.truth.shape[1]
    if known < least:
        raise DataError(f"pruning: {known} true neighbours of each query, recall@10 needs {least}")
    k = min(10, known)
    first, among, share, ndis = [], [], [], []
    for ef in efSearch:
        _, I, level0, upper, _ = beam.search(
            graph, queries.x, k + spare, ef, threads=threads, **space.keywords()
        )
        if spare:
            last = np.argsort(I == absent, axis=1, kind="stable")
            I = np.take_along_axis(I, last, 1)[:, :k]
        is_nearest = I == queries.truth[:, :1]
        first.append(is_nearest[:, 0])
        among.append(is_nearest.any(1))
        share.append(metrics.recall_at_k(I, queries.truth, k))
        ndis.append(level0 + upper)
    ef, ndis = np.asarray(efSearch, np.int32), np.stack(ndis)
    found = {"R@1": first, "R@10": among, "recall@10": share}
    return {name: curves.Curve(name, ef, np.stack(hits), ndis) for name, hits in found.items()}


def pruned(graph, p, threshold, max_degree=None):
    """The graph of the links with p (nb, M0) above the threshold, repaired, of limited degree."""
    mask = (p > threshold) & (graph.neighbors >= 0)
    return pruning.keep_edges(graph, pruning.repair(graph, mask, p, max_degree))


def initial_curves(graph, validation):
    """Curves of the graph that is to be pruned; DataError where a target is beyond them."""
    found = validation.curve(graph)
    if not np.isfinite(validation.score_of(found)):
        raise DataError(
            "pruning: the initial graph does not reach the validation targets "
            f"{validation.settings['targets']} at efSearch up to "
            f"{max(validation.settings['efSearch'])}; lower the targets or raise efSearch"
        )
    return found


def exchange_rate(found, k):
    """b, the slope of the initial graph's curve of recall@10, or of R@1 where k is 1 and an agent
    is rewarded for the first neighbour only; see ``credited.slope``. found: curves by measure.
    """
    curve = found["R@1" if k == 1 else "recall@10"]
    return credited.slope(curve.hits.mean(1), curve.ndis.mean(1))


def operating_point(environment, validation, settings):
    """Where an edge agent begins: efSearch (n_efs,) and the recall of its episodes there (n_efs,).

    Without efSearch in the settings they are, of those that validation uses, the first to reach
    each of the recalls of the settings, or the last.
    """
    efs = np.array(settings["efSearch"] or validation.settings["efSearch"])
    p = np.where(environment.graph.neighbors >= 0, settings["initial"], 0)
    n, k = PROBE_EPISODES * len(efs), settings["k"]
    probe = environment.credit(p, 0, n, efs, [0] * len(efs), k=k, rerun=False)
    recall = np.array([(probe.hits[probe.drawn == i] / k).mean() for i in range(len(efs))])
    if not settings["efSearch"]:
        first = [np.argmax(recall >= wanted) if recall.max() >= wanted else -1
                 for wanted in settings["recalls"]]  # fmt: skip
        chosen = np.unique(np.arange(len(efs))[first])
        efs, recall = efs[chosen], recall[chosen]
    log.info("efSearch %s, recall %s", efs.tolist(), recall.round(4).tolist())
    return efs, recall


def train(
    agent, environment, validation, settings, n, *, checkpoint=None, events=None, say=log.info
):
    """Run the steps of settings["steps"], n episodes each -> Trained.

    Every settings["validate_every"] steps, and after the last, the graph of the agent is validated
    and the best so far kept; while none reaches the targets of validation, the one of most recall,
    and a warning tells where that is so in the end. checkpoint: a ``Checkpoint`` to go on from and
    to write to; events: an object with ``add_scalar(name, value, step)``; say: what a line of
    progress goes to.
    """
    steps, every = settings["steps"], settings["validate_every"]
    history = {name: np.zeros(steps) for name in HISTORY}
    history |= {name: np.full(steps, np.nan) for name in VALIDATED}
    best, done = {"step": -1, "score": np.inf, "recall": -1.0, "p": agent.probabilities()}, 0
    if checkpoint is not None and (state := checkpoint.load()) is not None:
        agent.load(state["agent"])
        history = {name: state["history"][name] for name in history}  # in the order of their file
        best, done = state["best"], state["done"]
        say(f"going on after step {done} of {steps}")
    began, began_at = time.monotonic(), done
    for step in range(done, steps):
        start = time.process_time()
        seen = agent.step(environment, step, n)
        p = agent.probabilities()
        seen |= {"links": int((p > settings["threshold"]).sum()), "episodes": (step + 1) * n}
        if (step + 1) % every == 0 or step + 1 == steps:
            graph = pruned(environment.graph, p, settings["threshold"], settings["max_degree"])
            seen["score"], seen["held_out"] = validation.judged(graph)
            if (seen["score"], -seen["held_out"]) < (best["score"], -best["recall"]):
                best = {"step": step, "score": seen["score"], "recall": seen["held_out"], "p": p}
        seen["seconds"] = time.process_time() - start
        for name, value in seen.items():
            if name in history:
                history[name][step] = value
            if events is not None and np.isfinite(value):
                events.add_scalar(name, value, step)
        each = (time.monotonic() - began) / (step + 1 - began_at)
        say(_line(step, steps, seen, n / each, each * (steps - step - 1)))
        if checkpoint is not None:
            checkpoint.save(agent.state(), history, best, step + 1)
    if not np.isfinite(best["score"]):
        log.warning(
            "no step reaches the validation targets %s at efSearch up to %d: step %d is kept, the "
            "first of most recall; lower the targets or raise efSearch to choose by distances",
            validation.settings["targets"], max(validation.settings["efSearch"]), best["step"] + 1,
        )  # fmt: skip
    graph = pruned(environment.graph, best["p"], settings["threshold"], settings["max_degree"])
    return Trained(graph, best["p"], history, int(best["step"]))


def _line(step, steps, seen, rate, left):
    """A line of progress."""
    text = (
        f"step {step + 1} of {steps}: reward {seen['reward']:.1f}, recall {seen['recall']:.4f}, "
        f"{seen['ndis']:.1f} distances, {seen['links']} links"
    )
    if "score" in seen:
        text += f", validation: recall {seen['held_out']:.4f}, "
        reached = np.isfinite(seen["score"])
        text += f"{np.exp(seen['score']):.1f} distances" if reached else "targets not reached"
    return text + f"; {rate:.0f} episodes per second, {left / 60:.1f} min left"


class Checkpoint:
    """The state of a training after its last step, in a file that another training cannot take.

    identity: what the training depends on, anything with a complete repr.
    """

    def __init__(self, path, identity):
        self.path = Path(path)
        self.identity = hashlib.sha256(repr(identity).encode()).hexdigest()

    def exists(self):
        """Whether there is a file, and of this training."""
        try:
            return self.path.exists() and store.attrs(self.path)["identity"] == self.identity
        except (DataError, KeyError):
            return False

    def save(self, agent, history, best, done):
        """Replace the file, all or nothing."""
        parts = {"agent": agent, "history": history, "best": {"p": best["p"]}}
        arrays = {f"{part}.{n}": x for part, named in parts.items() for n, x in named.items()}
        attrs = {"identity": self.identity, "done": done, "best_step": best["step"],
                 "best_score": best["score"], "best_recall": best["recall"]}  # fmt: skip
        store.save(self.path, arrays, attrs)

    def load(self):
        """What ``save`` wrote, or None where there is none, or one of another training."""
        if not self.path.exists():
            return None
        try:
            attrs = store.attrs(self.path)
            if attrs["identity"] != self.identity:
                return None
            named = {"agent": {}, "history": {}, "best": {}}
            with store.opened(self.path) as f, store.reading(self.path):
                for name, x in f.items():
                    part, _, own = name.partition(".")
                    named[part][own] = x[()]
            history = {name: named["history"][name] for name in (*HISTORY, *VALIDATED)}
            best = {"step": int(attrs["best_step"]), "score": attrs["best_score"],
                    "recall": attrs["best_recall"], "p": named["best"]["p"]}  # fmt: skip
            return {"agent": named["agent"], "history": history, "best": best,
                    "done": int(attrs["done"])}  # fmt: skip
        except (DataError, OSError, KeyError, TypeError) as e:
            log.warning("%s: not usable, training begins anew: %s", self.path, e)
            return None

    def remove(self):
        """Nothing is left to go on from."""
        self.path.unlink(missing_ok=True)
