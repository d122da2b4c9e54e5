"""HNSW on given codes by Faiss 1.7.4, for builders.py.

    .venv174/bin/python bench/original_graph.py KEY PARTS.npz GRAPH.npz

PARTS: rotated (nb, d_out) float32, centroids (nsq, 256, dsub) float32, codes. GRAPH: the fields of
``linkprune.graph.Graph``, and cpu_s.
"""

import dataclasses
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))  # not installed there

from linkprune import faiss_hnsw, keys


def main(key, parts, out):
    """Build and write."""
    a = np.load(parts)
    codec = SimpleNamespace(
        centroids=a["centroids"],
        coarse=None,
        d_out=a["rotated"].shape[1],
        rotate=lambda x, threads: x,
    )
    start = time.process_time()
    graph = faiss_hnsw.build(keys.graph(key), a["rotated"], codec=codec, codes=a["codes"])
    cpu = time.process_time() - start
    np.savez(out, cpu_s=cpu, **dataclasses.asdict(graph))


if __name__ == "__main__":
    main(*sys.argv[1:])
