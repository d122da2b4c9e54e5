"""The queries that pruning learns from: what the data set offers for it, never its test queries."""

import logging

import numpy as np

from linkprune import groundtruth, seeds
from linkprune.errors import DataError
from linkprune.rl.environment import Queries

VALIDATION_SHARE = 5  # at most one in so many queries validates
NEIGHBORS = 10  # among which a made query is moved
MOVE = 0.7  # of the difference of two of them: less makes queries that are too much alike

log = logging.getLogger(__name__)


def gather(data, settings, seed, threads=1):
    """Training queries of a ``vectors.Vectors`` with their neighbours: Queries. What is
    made comes first, vector by vector, the others in random order.

    They are the rows of train and those of learn, as far as they are not the base; if these are
    more than settings["most"], or than settings["per_vertex"] for each base vector, a random choice
    of them. If they are fewer than settings["made_below"] for each base vector, the rest is
    ``made``, at most settings["per_vertex"] in all. The k = settings["k"] neighbours are exact.
    """
    nb, k = len(data.base), min(settings["k"], len(data.base) - 1)
    parts = [] if data.train is None else [data.train]
    parts += [data.learn] if data.own_learn else []
    have = sum(map(len, parts))
    n = min(have, settings["most"], settings["per_vertex"] * nb)
    wanted = min(settings["made_below"], settings["per_vertex"]) * nb
    lacking = max(0, min(settings["most"], wanted) - n)
    if n + lacking < VALIDATION_SHARE:
        raise DataError(
            f"pruning: {n} training queries, expected {VALIDATION_SHARE} or more: train or learn "
            "vectors of the data set's own, or pruning.queries.made_below above 0"
        )
    log.info("%d training queries of %d, and %d made ones", n, have, lacking)
    own = _chosen(parts, have, n, seed) if n else None
    found = []
    if lacking:
        found.append(made(data.base, lacking, k, data.metric, seed, threads))
    if n:
        truth, _ = groundtruth.exact(own, data.base, k, data.metric, threads)
        found.append(Queries(own, truth, np.full(n, -1, np.int32)))
    return Queries(*(np.concatenate(column) for column in zip(*found, strict=True)))


def made(base, n, k, metric, seed, threads=1):
    """Queries where a data set has too few: Queries of float32 vectors.

    Each is a base vector, absent from its episode, moved by a part of the difference of two of its
    neighbours. So it lies about as far from its nearest neighbours as a query from the same source
    does; the base vector itself would be nearer than anything is to such a query.
    """
    rng = seeds.generator(seed, "made queries")
    # All queries made of one vector follow one another, so that those set aside share none with the
    # others: a policy that has learned a vector by heart must not be chosen for it.
    rank = rng.permutation(len(base)).astype(np.int32)
    source = rank[np.sort(rng.integers(0, len(base), n))]
    used, at = np.unique(source, return_inverse=True)
    width = min(NEIGHBORS, len(base) - 1)
    near, _ = groundtruth.exact(base[used], base, width + 1, metric, threads)
    near = _without(near, used, width)[at]
    first = rng.integers(0, width, n)
    second = (first + rng.integers(1, max(width, 2), n)) % width  # another one
    a, b = (near[np.arange(n), chosen] for chosen in (first, second))
    moved = base[a].astype(np.float32) - base[b]
    x = base[source].astype(np.float32) + np.float32(MOVE) * moved
    truth, _ = groundtruth.exact(x, base, k + 1, metric, threads)
    return Queries(x, _without(truth, source, k), source)


def on_codes(queries, space, threads=1):
    """The Queries with the neighbours that a space of codes has, or as they are where it has none.

    What a graph can be asked to find is what is nearest among the codes, whatever the vectors were.
    """
    if space.codes is None:
        return queries
    decoded = space.codec.decode(space.codes, threads)
    x, k = space.prepared(queries.x, threads), queries.truth.shape[1]
    truth, _ = groundtruth.exact(x, decoded, k + 1, space.metric, threads)
    return queries._replace(truth=_without(truth, queries.absent, k))


def _without(ids, left_out, width):
    """The first ``width`` ids of every row that are not that of left_out: (n, width) int32."""
    others = ids != left_out[:, None]
    first = np.argsort(~others, axis=1, kind="stable")[:, :width]
    return np.take_along_axis(ids, first, 1)


def _chosen(parts, have, n, seed):
    """n of the rows of the parts, at random: (n, d)."""
    chosen = seeds.generator(seed, "training queries").permutation(have)[:n]
    dtype = np.result_type(*(part.dtype for part in parts))
    out, begin = np.empty((n, parts[0].shape[1]), dtype), 0
    for part in parts:
        inside = np.flatnonzero((chosen >= begin) & (chosen < begin + len(part)))
        inside = inside[np.argsort(chosen[inside])]  # files are read front to back
        out[inside] = part[chosen[inside] - begin]
        begin += len(part)
    return out


def split(queries, validation, most=None):
    """Training and validation Queries.

    ``validation`` rows, or a fifth if that is less, are set aside: the last of the data set's own,
    at most half of them, and for the rest the last made ones. Of the others ``most`` train, or all:
    first the data set's own, then made ones, evenly from all base vectors.
    """
    have = len(queries.x)
    n = min(validation, have // VALIDATION_SHARE)
    if n == 0:
        raise DataError(f"pruning: {have} training queries, expected {VALIDATION_SHARE} or more")
    own, made_ones = np.flatnonzero(queries.absent < 0), np.flatnonzero(queries.absent >= 0)
    of_own = min(n, len(own) // 2)
    own, last_own = np.split(own, [len(own) - of_own])
    made_ones, last_made = np.split(made_ones, [len(made_ones) - (n - of_own)])
    if most is not None and most < len(own) + len(made_ones):
        own = own[:most]
        among = most - len(own)
        made_ones = made_ones[np.arange(among) * len(made_ones) // max(among, 1)]
    learn, held_out = np.append(made_ones, own), np.append(last_made, last_own)
    return Queries(*(x[learn] for x in queries)), Queries(*(x[held_out] for x in queries))
