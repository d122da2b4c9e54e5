"""The agent of the paper: a network over the two vectors of a link, updated by TRPO.

Its variants are what the ablation compares: a table of logits in place of the network, and the
credit of single links in place of the reward that all actions of an episode share.
"""

import numpy as np

from linkprune import metrics
from linkprune.errors import ConfigError
from linkprune.rl import credited, rewards, trpo
from linkprune.rl.policy import MLP, Table, one_thread

CREDITS = ("shared", "path", "counterfactual")
FROZEN = 0.00011  # a probability within this of 0 or 1, for edge_patience steps, becomes that


class NetworkAgent:
    """Keep probabilities from a policy; vectors (nb, d) float32 are the input of the network.

    Settings as in the config: policy (mlp, table), credit (shared, path, counterfactual), hidden,
    efSearch (one), k, max_ndis, entropy, edge_patience, baseline, line_search, max_kl, damping,
    initial, device; b: what recall is worth to credits of single links, see ``credited``, None for
    the credit that is shared. Beside the episodes one thread computes, so that the last bits do
    not depend on the threads of the caller.
    """

    @one_thread()
    def __init__(self, graph, settings, vectors, n_queries, b, seed):
        if settings["credit"] not in CREDITS:
            raise ConfigError(f"credit {settings['credit']}: expected one of {' '.join(CREDITS)}")
        self.shape, self.settings, self.b, self.seed = graph.neighbors.shape, settings, b, seed
        self.link = np.flatnonzero(graph.neighbors >= 0)  # (E,) places in neighbors
        self.source = (self.link // self.shape[1]).astype(np.int32)
        self.target = graph.neighbors.ravel()[self.link]
        device, initial = settings["device"], settings["initial"]
        if settings["policy"] == "mlp":
            self.policy = MLP(vectors, settings["hidden"], seed, device, initial)
        else:
            self.policy = Table(self.source, self.target, device, initial)
        self.baseline = rewards.Baseline(n_queries)
        self.recall = np.zeros(1)
        self.extreme = np.zeros(len(self.link), np.int32)  # steps for which p has been so
        self.frozen = np.zeros(len(self.link), bool)
        self.p = self.policy.probabilities(self.source, self.target).astype(np.float64)

    def probabilities(self):
        """Keep probabilities (nb, M0) float64, 0 where there is no link."""
        p = np.zeros(self.shape)
        p.ravel()[self.link] = np.where(self.frozen, self.p.round(), self.p)
        return p

    @one_thread()
    def step(self, environment, step, n):
        """Run the n episodes of a step and update the policy -> what happened, by name."""
        s = self.settings
        shared = s["credit"] == "shared"
        (keep, drop, count), seen = (self._shared if shared else self._single)(environment, step, n)
        used = (count[self.link] > 0) & ~self.frozen
        at = self.link[used]
        update = {"kl": 0.0, "entropy": 0.0, "accepted": 0}  # where no action can be changed
        if len(at):
            update = trpo.step(
                self.policy, self.source[used], self.target[used], keep[at], drop[at], count[at],
                max_kl=s["max_kl"], damping=s["damping"], entropy=s["entropy"],
                rule=s["line_search"], seed=self.seed, iteration=step,
            )  # fmt: skip
        self.p = np.where(
            self.frozen, self.p, self.policy.probabilities(self.source, self.target)
        ).astype(np.float64)
        extreme = (self.p > 1 - FROZEN) | (self.p < FROZEN)
        self.extreme = np.where(extreme, self.extreme + 1, 0).astype(np.int32)
        if s["edge_patience"]:
            self.frozen |= self.extreme >= s["edge_patience"]
        return {**seen, **{name: update[name] for name in ("kl", "entropy")},
                "accepted": update["accepted"], "frozen": int(self.frozen.sum())}  # fmt: skip

    def _shared(self, environment, step, n):
        """The reward of an episode for all of its actions, less the baseline of its query."""
        s = self.settings
        rows, episodes = environment.record(self.probabilities(), step, n, s["k"], s["efSearch"][0])
        recall = metrics.recall_at_k(episodes.I, environment.queries.truth[rows], s["k"])
        reward = rewards.published(recall, episodes.ndis, s["max_ndis"])
        if s["baseline"]:
            advantage = self.baseline.advantages(rows, reward)
        else:
            advantage = reward
        spread = advantage.std()
        merged = rewards.merged(
            episodes, advantage / (spread if spread > 0 else 1), np.prod(self.shape)
        )
        seen = {"reward": float(reward.mean()), "recall": float(recall.mean()),
                "ndis": float(episodes.ndis.mean())}  # fmt: skip
        return merged, seen

    def _single(self, environment, step, n):
        """The credit of each link: what was found through it, or what its absence changes."""
        s = self.settings
        rate = credited.rates(self.b, self.recall)
        credit = environment.credit(
            self.probabilities(), step, n, s["efSearch"][:1],
            np.rint(rate / s["k"] * credited.FRACTION).astype(np.int64), k=s["k"],
            rerun=s["credit"] == "counterfactual",
        )  # fmt: skip
        recall = credit.hits.mean() / s["k"]
        self.recall = np.array([recall])
        # Only kept links are credited: the sum over them already weighs each by its probability.
        keep = credit.gain.ravel() / credited.FRACTION - credit.cost.ravel()
        count = np.maximum(np.abs(credit.cost.ravel()), (keep != 0).astype(np.int64))
        spread = np.sqrt((keep**2).sum() / max(count.sum(), 1))
        merged = keep / (spread if spread > 0 else 1), np.zeros_like(keep), count
        reward = rate[0] * recall - credit.ndis.mean()
        seen = {"reward": float(reward), "recall": float(recall),
                "ndis": float(credit.ndis.mean())}  # fmt: skip
        return merged, seen

    def state(self):
        """Arrays that ``load`` restores."""
        own = {name: getattr(self, name) for name in ("recall", "extreme", "frozen", "p")}
        policy = {f"policy_{name}": x for name, x in self.policy.state().items()}
        return {**own, **policy, "baseline": self.baseline.mean}

    def load(self, state):
        """Restore a ``state``."""
        for name in ("recall", "extreme", "frozen", "p"):
            setattr(self, name, state[name])
        self.baseline.mean = state["baseline"]
        prefix = "policy_"
        self.policy.load({n[len(prefix) :]: x for n, x in state.items() if n.startswith(prefix)})
