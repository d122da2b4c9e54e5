"""The queries that pruning learns from: what the data set offers for it, never its test queries."""

import logging

import numpy as np

from linkprune import seeds
from linkprune.errors import DataError
from linkprune.rl.environment import Queries

VALIDATION_SHARE = 5  # at most one in so many queries validates

log = logging.getLogger(__name__)


def gather(data, most, per_vertex, seed):
    """Training queries of a ``vectors.Vectors``: (n, d), in random order.

    They are the rows of train and those of learn, as far as they are not the base; if these are
    more than ``most``, or than ``per_vertex`` for each base vector, a random choice of them. Raises
    DataError where there are none.
    """
    parts = [] if data.train is None else [data.train]
    parts += [data.learn] if data.own_learn else []
    have = sum(map(len, parts))
    if not have:
        raise DataError(
            "pruning: the data set has no training queries; expected a learn or a train part that "
            "is not the base"
        )
    n = min(have, most, per_vertex * len(data.base))
    chosen = seeds.generator(seed, "training queries").permutation(have)[:n]
    dtype = np.result_type(*(part.dtype for part in parts))
    out, begin = np.empty((n, data.base.shape[1]), dtype), 0
    for part in parts:
        inside = np.flatnonzero((chosen >= begin) & (chosen < begin + len(part)))
        inside = inside[np.argsort(chosen[inside])]  # files are read front to back
        out[inside] = part[chosen[inside] - begin]
        begin += len(part)
    log.info("%d training queries of %d, %.1f per base vector", n, have, n / len(data.base))
    return out


def split(x, truth, validation):
    """Training and validation Queries: the last ``validation`` rows, or a fifth if that is less."""
    n = min(validation, len(x) // VALIDATION_SHARE)
    if n == 0:
        raise DataError(f"pruning: {len(x)} training queries, expected {VALIDATION_SHARE} or more")
    return Queries(x[:-n], truth[:-n]), Queries(x[-n:], truth[-n:])
