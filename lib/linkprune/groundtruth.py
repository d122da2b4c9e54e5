"""Exact neighbours: a fast shortlist by matrix products, then exact distances and a total order."""

import faiss
import numpy as np

from linkprune.errors import DataError
from linkprune.kernels import checks, distance
from linkprune.progress import tracked

CHUNK = 1 << 16
MARGIN = 12  # ranks beyond k that a shortlist holds against rounding


def knn(query, blocks, k, metric="l2", threads=1):
    """The k nearest rows for every query, by (distance, id), the same for any BLAS and threads.

    query (nq, d); blocks: an iterable of (first id, rows (n, d)) of any dtype; metric "l2"
    (squared) or "ip" (minus the inner product). Returns ids (nq, k) int32 and distances (nq, k)
    float64, padded with -1 and infinity where there are fewer than k rows.
    """
    checks.positive(k=k, threads=threads)
    query = np.ascontiguousarray(query, np.float32)
    best_ids = np.full((len(query), k), -1, np.int32)
    best = np.full((len(query), k), np.inf)
    faiss.omp_set_num_threads(threads)
    for first, rows in blocks:
        rows = np.ascontiguousarray(rows, np.float32)
        ids, dis = _block(query, rows, k, metric, threads)
        ids[ids >= 0] += first
        ids, dis = np.hstack([best_ids, ids]), np.hstack([best, dis])
        best_ids, best = _nearest(ids, dis, k)
    return best_ids, best


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
        metric == "ip",
        threads,
    )


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
    ordered = np.sort(given, 1)
    twice = np.argwhere(ordered[:, 1:] == ordered[:, :-1])
    if twice.size:
        i, rank = twice[0]
        raise DataError(f"{name}: query {pick[i]} has row {ordered[i, rank]} twice")
    wrong = np.argwhere(np.abs(got - want) > 1e-5 * np.maximum(np.abs(want), 1))
    if wrong.size:
        i, rank = wrong[0]
        raise DataError(
            f"{name}: query {pick[i]}, rank {rank}: row {given[i, rank]} at distance "
            f"{got[i, rank]:.6g}, but row {own[i, rank]} is at {want[i, rank]:.6g}: not the truth "
            f"of these {nb} base rows under {metric}"
        )


def _block(query, rows, k, metric, threads):
    """The k nearest of one block with exact distances."""
    ip, width = metric == "ip", min(k + MARGIN, len(rows))
    kind = faiss.METRIC_INNER_PRODUCT if ip else faiss.METRIC_L2
    ids = faiss.knn(query, rows, width, metric=kind)[1].astype(np.int32)
    dis = distance.pair_distances(query, rows, ids, ip, threads)
    if width < len(rows):
        # More than MARGIN rows may tie at rank k: then only the whole block decides.
        tied = np.flatnonzero(np.sort(dis, 1)[:, min(k, width) - 1] >= dis.max(1))
        ids, dis = ids[:, :width], dis[:, :width]
        everything = np.arange(len(rows), dtype=np.int32)[None]
        for q in tied:
            row = distance.pair_distances(query[q : q + 1], rows, everything, ip, threads)
            ids[q], dis[q] = (x[0] for x in _nearest(everything, row, width))
    return ids, dis


def _nearest(ids, dis, k):
    """The first k of (ids, dis) by (distance, id), row by row; missing ids come last."""
    by_id = np.argsort(ids, axis=1, kind="stable")
    ids, dis = np.take_along_axis(ids, by_id, 1), np.take_along_axis(dis, by_id, 1)
    by_distance = np.argsort(dis, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(ids, by_distance, 1), np.take_along_axis(dis, by_distance, 1)
