"""Sizes, and arguments of kernels that several property tests draw."""

import numpy as np
from conftest import random_graph
from hypothesis import strategies as st

from linkprune.errors import LinkPruneError
from linkprune.kernels import (
    coarse,
    episodes,
)

SIZES = st.fixed_dictionaries(
    {
        "n": st.integers(0, 9),
        "d": st.integers(1, 35),
        "m": st.integers(1, 40),
        "nsq": st.integers(1, 5),
        "dsub": st.integers(1, 4),
        "k": st.integers(1, 256),
        "M0": st.integers(1, 6),
        "ip": st.booleans(),
        "threads": st.sampled_from((1, 2, 3)),
        "seed": st.integers(0, 2**32 - 1),
    }
)


def decoded(codes, centroids):
    return np.concatenate([centroids[m][codes[:, m]] for m in range(len(centroids))], axis=1)


def drawn(sizes):
    """Whole numbers of a seed, float32."""
    rng = np.random.default_rng(sizes["seed"])
    return lambda *shape, low=-9, high=10: rng.integers(low, high, shape).astype(np.float32)


def refusal(call):
    """The result of a call, or None where it is refused, in one line."""
    try:
        return call()
    except LinkPruneError as e:
        assert str(e) and "\n" not in str(e)
        return None


def level_0(g):
    empty = np.empty(0, np.int32)
    return type(g)(g.neighbors.copy(), empty, np.zeros(1, np.int64), np.empty((0, 2), np.int32),
                   g.entry_point, 0)  # fmt: skip


def space_of(r, s):
    """A graph of 20 vertices and what searches on it are given, two of them at once."""
    g = random_graph(20, s["M0"], 2, s["seed"] % 100, ring=True)
    return g, {
        "keep": np.full(g.neighbors.shape, episodes.ALWAYS, np.uint32),
        "x": r(4, s["d"]),
        "start": np.full(4, g.entry_point, np.int32),
    }


def two_levels(r, s, n=9):
    """A first level of 256 centroids, and the centroids and n codes of the second over it."""
    half = s["nsq"] * s["dsub"]
    first = r(2, 256, half)
    return coarse.Coarse(first, coarse.panels(first)), {
        "codes": r(n, 2 + 2 * s["nsq"], low=0).astype(np.uint8),
        "centroids": r(2 * s["nsq"], 256, s["dsub"]),
    }


def regressed(r, s):
    """The codes, links and weights of eleven vertices, as the regression's kernels take them."""
    return {
        "codes": r(11, s["nsq"], low=0).astype(np.uint8),
        "neighbors": r(11, s["M0"], low=-1).astype(np.int32),
        "centroids": r(s["nsq"], 256, s["dsub"]),
        "beta_centroids": r(s["nsq"], 256, s["M0"] + 1),
        "beta_codes": r(11, s["nsq"], low=0).astype(np.uint8),
    }
