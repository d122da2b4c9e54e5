"""How long a search takes: every repetition, of every point in turn."""

import os
import platform
import re
import time
from pathlib import Path

import numpy as np

from linkprune.kernels import beam


def grid(index, query, k, efSearch, k_reorder, repetitions, threads):
    """Time ``index.search`` of query (nq, d) at every pair of efSearch and k_reorder.

    The points take turns, so that a slow moment of the machine does not fall on one of them.
    Returns by name: efSearch, k_reorder (points,) int32, ms_per_query and cpu_ms_per_query
    (points, repetitions) float64.
    """
    points = [(ef, r) for ef in efSearch for r in k_reorder]
    wall, cpu = np.empty((2, len(points), repetitions))
    index.search(query, k, min(efSearch), 0, threads)  # pages and caches
    for repetition in range(repetitions):
        for i, (ef, r) in enumerate(points):
            start, start_cpu = time.perf_counter(), time.process_time()
            index.search(query, k, ef, r, threads)
            cpu[i, repetition] = time.process_time() - start_cpu
            wall[i, repetition] = time.perf_counter() - start
    scale = 1000 / len(query)
    return {
        "efSearch": np.array([ef for ef, _ in points], np.int32),
        "k_reorder": np.array([r for _, r in points], np.int32),
        "ms_per_query": wall * scale,
        "cpu_ms_per_query": cpu * scale,
    }


def graphs(searches, efSearch, repetitions, threads):
    """Time searches on graphs, in turns: ms per query (graphs, points, repetitions) float64.

    searches: name -> (Graph, space with ``keywords``, prepared queries (nq, d)).
    """
    ms = np.empty((len(searches), len(efSearch), repetitions))
    # Made once: of codes in two levels the working set of a space is computed.
    ready = [(graph, space.keywords(), x) for graph, space, x in searches.values()]
    for repetition in range(-1, repetitions):  # the first round is for pages and caches
        for i, ef in enumerate(efSearch):
            for g, (graph, space, x) in enumerate(ready):
                start = time.perf_counter()
                beam.search(graph, x, min(10, len(graph.neighbors)), ef, threads=threads, **space)
                if repetition >= 0:
                    ms[g, i, repetition] = (time.perf_counter() - start) * 1000 / len(x)
    return ms


def machine():
    """What a time means: processor, cores at hand, OpenMP's waiting, as attributes."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return {
        "cpu": found[1] if found else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", "unset"),
    }
