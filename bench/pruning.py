"""What pruning costs: episodes per second, and one step of each agent; CPU time, one thread.

    python bench/pruning.py                                   # generated vectors, 128-d, float32
    python bench/pruning.py --base data/photosift/base.u8bin --train data/photosift/learn.u8bin

The step of the published agent is at the setting in which the published code was measured: 10,000
base vectors, NSW M=12, 10,000 episodes, efSearch 10, hidden 128.
"""

import argparse
import resource
import statistics
import sys
import time

import numpy as np

from linkprune import builders, formats, groundtruth, keys, sources, timing
from linkprune.errors import LinkPruneError
from linkprune.kernels import episodes
from linkprune.rl import settings
from linkprune.rl.edge import EdgeAgent
from linkprune.rl.environment import Environment, Queries, Space

SEED = 1
KEEP = 0.95


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", help="vectors in a file; generated ones where it is absent")
    parser.add_argument("--train", help="training queries in a file")
    parser.add_argument("--repetitions", type=int, default=5)
    a = parser.parse_args()
    if a.repetitions < 1:
        parser.error(f"--repetitions {a.repetitions}: expected at least 1")
    if bool(a.base) != bool(a.train):
        parser.error("expected both --base and --train, or neither")
    if a.base:
        base, train = formats.read(a.base)[:10_000], formats.read(a.train)[:20_000]
    else:
        base, train = (sources.synthetic_rows(part, 0, n, d=128, normalise=False)
                       for part, n in (("base", 10_000), ("learn", 20_000)))  # fmt: skip
    base, train = np.ascontiguousarray(base), np.ascontiguousarray(train)
    machine = timing.machine()
    print(f"{machine['cpu']}, one thread, CPU time, median of {a.repetitions} (least to most)")
    print(f"{base.dtype} {base.shape[1]}-d, NSW M=12, links kept with probability {KEEP}")
    for nb in (1000, 10_000):
        graph = builders.build(keys.graph("nsw_M12_efC300_float"), base[:nb], SEED)
        for efSearch in (10, 16):
            _episodes(graph, base[:nb], train, efSearch, a.repetitions)
    truth, _ = groundtruth.exact(train, base, 10)
    queries = Queries(train, truth, np.full(len(train), -1, np.int32))
    environment = Environment(graph, Space(base), queries, SEED)
    edge = settings.complete({"agent": "edge"})
    agent = EdgeAgent(graph, edge, 120.0, [10, 16, 24, 32], [0.9, 0.95, 0.98, 0.99])
    _steps("edge agent, a step of 10,000 episodes", agent, environment, a.repetitions)
    import torch

    from linkprune.rl.network import NetworkAgent

    torch.set_num_threads(1)  # threads that wait for each other would count as CPU time
    published = settings.complete({"agent": "network", "hidden": 128, "device": "cpu"})
    vectors = base.astype(np.float32)
    agent = NetworkAgent(graph, published, vectors, len(train), 0.0, SEED)
    _steps("published agent, the same, hidden 128", agent, environment, a.repetitions)
    print(f"  peak memory of this process {_peak():.2f} GB")


def _episodes(graph, base, train, efSearch, repetitions):
    runner = episodes.Runner(graph, vectors=base)
    x = np.ascontiguousarray(train, np.float32)
    start = np.full(len(x), graph.entry_point, np.int32)
    keep = episodes.thresholds(np.where(graph.neighbors >= 0, KEEP, 0))
    spent = _timed(lambda: runner.record(keep, x, start, 1, efSearch, SEED), repetitions)
    rates = [len(x) / s for s in spent]
    print(f"  {len(base)} vertices, efSearch {efSearch}: {statistics.median(rates):,.0f} episodes "
          f"per second ({min(rates):,.0f} to {max(rates):,.0f})")  # fmt: skip


def _steps(name, agent, environment, repetitions):
    step = iter(range(repetitions + 1))
    spent = _timed(lambda: agent.step(environment, next(step), 10_000), repetitions)
    print(f"  {name}: {statistics.median(spent):.2f} s ({min(spent):.2f} to {max(spent):.2f})")


def _timed(work, repetitions):
    """CPU seconds of each repetition, after one that does not count."""
    work()
    spent = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return spent


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    try:
        main()
    except LinkPruneError as e:
        sys.exit(f"pruning.py: {e}")
