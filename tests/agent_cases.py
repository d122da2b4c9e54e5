"""What the tests of agents of single links share: links, credits, settings."""

import numpy as np
from conftest import flat

from linkprune.kernels.episodes import Credit
from linkprune.rl import settings

LINKS = np.array([[1, 2], [3, 4], [4, 1], [5, -1], [5, 3], [1, -1]], np.int32)


class Told:
    """An environment that says what it is told to, and remembers what it was asked."""

    def __init__(self, *credits):
        self.credits, self.asked = list(credits), []

    def credit(self, p, step, n, efs, units, *, k):
        self.asked.append((p.copy(), step, n, list(efs), units.tolist(), k))
        return self.credits.pop(0)


def told(seed, drawn):
    rng = np.random.default_rng(seed)
    n = len(drawn)
    gain, cost = rng.integers(-5000, 5000, (2, *LINKS.shape))
    hits, ndis = rng.integers(0, 5, n), rng.integers(5, 99, n)
    return Credit(gain, cost, np.array(drawn, np.int32), hits, ndis)


def entry(**values):
    by_evidence = {"prior": 0.0, "eta": 1.0, "rho": 0.7}
    return settings.complete({"agent": "edge", "k": 4, **by_evidence, **values})


def wide(nb=5, M0=8):
    rows = (np.arange(nb)[:, None] + np.arange(1, M0 + 1)) % nb
    rows[:, -1] = -1
    return flat(rows)
