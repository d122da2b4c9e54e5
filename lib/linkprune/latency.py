"""How long each query takes when it comes alone, which a batch does not tell."""

import time

import numpy as np

from linkprune.progress import Progress

WARM = 10  # queries before the first that counts
CALL = 512  # more candidates that a call from Python costs as much as, about


def alone(index, query, k, efSearch, k_reorder):
    """Search query by query, on one thread, at every pair of efSearch and k_reorder.

    query (nq, d) -> by name: efSearch, k_reorder (points,) int32, and ms (points, nq) float64, the
    call from Python included, as a caller sees it.
    """
    points = [(ef, r) for ef in efSearch for r in k_reorder]
    ms = np.empty((len(points), len(query)))
    progress = Progress("queries alone", sum(CALL + ef for ef, _ in points))
    for i, (ef, r) in enumerate(points):
        for q in range(-min(WARM, len(query)), len(query)):
            start = time.perf_counter()
            index.search(query[max(q, 0) : max(q, 0) + 1], k, ef, r)
            if q >= 0:
                ms[i, q] = (time.perf_counter() - start) * 1000
        progress.step(CALL + ef, at=f"efSearch {ef}, k_reorder {r}")
    return {
        "efSearch": np.array([ef for ef, _ in points], np.int32),
        "k_reorder": np.array([r for _, r in points], np.int32),
        "ms": ms,
    }
