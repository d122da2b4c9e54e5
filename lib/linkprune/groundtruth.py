"""Exact neighbours, by (distance, id): brute force, block by block."""

import numpy as np

from linkprune.chunks import chunks
from linkprune.errors import DataError
from linkprune.kernels import checks, distance, nearest
from linkprune.progress import tracked

CHUNK = 1 << 12  # rows at a time: as bytes they fit a cache
QUERIES = 1 << 10  # at a time, so that only these are there as float32


def knn(query, blocks, k, metric="l2", threads=1, seen=lambda query: query):
    """The k nearest rows for every query, by (distance, id), the same for any blocks and threads.

    query (nq, d), any dtype; blocks: an iterable of (first id, rows (n, d_rows)) of any dtype;
    metric "l2" (squared) or "ip" (minus the inner product); seen: some of the queries -> those as
    they are compared with rows, (n, d_rows), for every block anew. Returns ids (nq, k) int32 and
    distances (nq, k) float64, padded with -1 and infinity where there are fewer than k rows.
    """
    checks.positive(k=k, threads=threads)
    ip = checks.by_inner_product(metric)
    ids = np.full((len(query), k), -1, np.int32)
    dis = np.full((len(query), k), np.inf)
    for first, rows in blocks:
        ready = nearest.Rows(np.ascontiguousarray(rows, np.float32), first, ip, threads)
        for part in chunks(max(len(query), 1), QUERIES):  # where there are none: they may not fit
            q = np.ascontiguousarray(seen(query[part]), np.float32)
            ready.offer(q, ids[part], dis[part], threads)
        rows = ready = q = None  # or there would be two blocks while the next is made
    return ids, dis


def exact(query, base, k, metric="l2", threads=1):
    """The k nearest rows of base (nb, d), any dtype, for every query: ids, distances as ``knn``."""
    parts = tracked(len(base), "exact neighbours", size=CHUNK)
    blocks = ((part.start, base[part]) for part in parts)
    return knn(query, blocks, k, metric, threads)


def distances(ids, query, base, metric, threads=1):
    """Exact distances of given neighbours: ids (n, k) int32, query (n, d) -> (n, k) float64."""
    used = np.unique(ids)
    return distance.pair_distances(
        np.ascontiguousarray(query, np.float32),
        np.ascontiguousarray(base[used], np.float32),
        np.searchsorted(used, ids).astype(np.int32),
        checks.by_inner_product(metric),
        threads,
    )


def repeated(ids):
    """The first query of ids (nq, k) that has one twice, and that id; None where there is none.

    -1, no neighbour, may repeat.
    """
    ordered = np.sort(ids, 1)
    twice = np.argwhere((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0))
    if not twice.size:
        return None
    i, rank = twice[0]
    return i, ordered[i, rank]


def spot_check(ids, query, base, metric, rng, rows=20, threads=1, name="ground truth"):
    """Raise DataError unless a given truth (nq, kgt) agrees with our own on a few random queries.

    Ties may be in any order: what is compared is the exact distance at each rank.
    """
    nb, k = len(base), min(ids.shape[1], 10)
    if len(ids) != len(query):
        raise DataError(f"{name}: {len(ids)} rows for {len(query)} queries")
    if ids.min() < 0 or ids.max() >= nb:
        raise DataError(f"{name}: ids from {ids.min()} to {ids.max()} for {nb} base rows")
    pick = np.sort(rng.choice(len(query), min(rows, len(query)), replace=False))
    q = np.ascontiguousarray(query[pick], np.float32)
    given = np.ascontiguousarray(ids[pick, :k], np.int32)
    own, want = exact(q, base, k, metric, threads)
    got = distances(given, q, base, metric, threads)
    if (twice := repeated(given)) is not None:
        i, row = twice
        raise DataError(f"{name}: query {pick[i]} has row {row} twice")
    wrong = np.argwhere(np.abs(got - want) > 1e-5 * np.maximum(np.abs(want), 1))
    if wrong.size:
        i, rank = wrong[0]
        raise DataError(
            f"{name}: query {pick[i]}, rank {rank}: row {given[i, rank]} at distance "
            f"{got[i, rank]:.6g}, but row {own[i, rank]} is at {want[i, rank]:.6g}: not the truth "
            f"of these {nb} base rows under {metric}"
        )
