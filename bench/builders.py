"""HNSW by four builders at several degrees, on the same codes, searched by the same search.

    python bench/builders.py [--base B --learn L --query Q [--gt G]] [--out FILE.csv]

batched: ours; sequential: ours, every vertex seeing all before it; faiss: the current Faiss
(prune_headroom 0); original: Faiss 1.7.4. Without files it takes the embedded colour patches. One
thread; CPU seconds of the build, links per vertex, and R@1 and R@10 (in per cent) with distances
per query at every efSearch, of results ranked by the codes. The recall of another seed of ours says
how much is chance.
"""

import os

# Read when the libraries are loaded; the processes started from here inherit them.
os.environ.update(OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from compare import integers, interpreter, prepare, say

from linkprune import builders, hnsw, keys, metrics, opq, rows, stats, timing
from linkprune.errors import ConfigError, LinkPruneError
from linkprune.graph import Graph
from linkprune.kernels import beam

SEED, M, K = 2018, 32, 10
COLUMNS = (
    "L", "builder", "seed", "cpu_s", "links", "efSearch", "R@1", "R@1_lo", "R@1_hi", "R@10", "ndis",
)  # fmt: skip


def built(builder, seed, key, x, codec, codes, original):
    """The graph of a builder over x["base"], and its CPU seconds."""
    space = {"codec": codec, "codes": codes}
    if builder == "original":
        return original(key, x["base"], **space)
    parsed = keys.graph(key.replace("hnsw", "faiss") if builder == "faiss" else key)
    usual = hnsw.BATCH_MAX
    hnsw.BATCH_MAX = 1 if builder == "sequential" else usual
    start = time.process_time()
    graph = builders.build(parsed, x["base"], seed, **space)
    hnsw.BATCH_MAX = usual
    return graph, time.process_time() - start


def by_original(python, work):
    """A function like ``built`` that has Faiss 1.7.4 build, in a process of its own."""

    def build(key, base, codec, codes):
        parts, out = work / "parts.npz", work / "graph.npz"
        rotated = codec.rotate(base)
        np.savez(parts, rotated=rotated, centroids=codec.centroids, codes=codes)
        command = [python, Path(__file__).with_name("original_graph.py"), key, parts, out]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise LinkPruneError(f"the original's graph: {done.stderr.strip().splitlines()[-1]}")
        arrays = dict(np.load(out))
        cpu = float(arrays.pop("cpu_s"))
        scalars = {name: int(arrays.pop(name)) for name in ("entry_point", "max_level")}
        graph = Graph(**arrays, **scalars)
        hnsw.order(graph, base, codec=codec, codes=codes)
        return graph, cpu

    return build


def measured(graph, rotated, codec, codes, gt, efSearch):
    """Recalls and distances of a graph, one dict for each efSearch."""
    for ef in efSearch:
        of = {"codes": codes, "centroids": codec.centroids}
        _, I, ndis, *_ = beam.search(graph, rotated, K, ef, **of)
        rank = metrics.true_rank(I, gt)
        share = metrics.one_recall_at(rank, 1)
        lo, hi = stats.wilson(share, len(rank))
        yield {"efSearch": ef, "R@1": share, "R@1_lo": lo, "R@1_hi": hi,
               "R@10": metrics.one_recall_at(rank, 10), "ndis": float(ndis.mean())}  # fmt: skip


def study(a, work):
    """Every builder at every degree -> rows."""
    x = prepare(a, work)
    original = by_original(interpreter(a.original_python), work)
    codec = opq.train(x["learn"], keys.codec(a.codec), SEED)
    codes, _ = codec.encode(x["base"])
    rotated = codec.rotate(x["query"])
    sides = ("batched", SEED), ("batched", SEED + 1), ("sequential", SEED), ("faiss", "")
    for L in a.L:
        key = str(keys.HNSW(L, M, a.efConstruction, a.codec))
        for builder, seed in (*sides, ("original", "")):
            say(f"{key}: {builder}")
            graph, cpu = built(builder, seed, key, x, codec, codes, original)
            links = float((graph.neighbors >= 0).sum(1).mean())
            row = {"L": L, "builder": builder, "seed": seed, "cpu_s": cpu, "links": links}
            for point in measured(graph, rotated, codec, codes, x["gt"], a.efSearch):
                yield row | point


def main():
    """Run the study; what the input makes impossible ends in one line."""
    raw = argparse.RawDescriptionHelpFormatter
    p = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    for name in ("base", "learn", "query", "gt"):
        p.add_argument(f"--{name}", help="a file as linkprune.formats reads it")
    p.add_argument("--rows", type=int, default=100000, help="at most so many base vectors")
    p.add_argument("--codec", default="OPQ32_128")
    p.add_argument("--L", type=integers, default=[4, 6, 8, 13, 16, 32])
    p.add_argument("--efConstruction", type=int, default=200)
    p.add_argument("--efSearch", type=integers, default=[16, 64, 256, 1024])
    p.add_argument("--original-python", help="interpreter with Faiss 1.7.4; default: .venv174")
    p.add_argument("--out", type=Path, default=Path("results/builders.csv"))
    a = p.parse_args()
    if min(a.efConstruction, *a.L, *a.efSearch) < 1 or a.rows < 256:
        p.error(
            "expected --L, --efConstruction and --efSearch of at least 1, --rows of at least 256"
        )
    try:
        if keys.codec(a.codec).d_out is None:
            raise ConfigError(f"--codec {a.codec}: expected OPQ<nsq>_<d_out>")
        with tempfile.TemporaryDirectory() as work:
            found = []
            for row in study(a, Path(work)):
                found.append(row)
                print(*(f"{c} {row[c]}" for c in COLUMNS), sep="  ", flush=True)
                rows.write(a.out, found, COLUMNS)  # what was measured outlives a kill
    except (LinkPruneError, OSError, ValueError) as e:
        sys.exit(f"builders.py: {e}")
    print(
        f"{timing.machine()['cpu']}, one thread, CPU seconds, {a.codec}, {len(found)} rows: {a.out}"
    )


if __name__ == "__main__":
    main()
