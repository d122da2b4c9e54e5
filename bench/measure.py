"""One stage of one side as a process of its own: its files, its clock, the memory it took.

    python SIDE.py STAGE '{"work": DIR, "out": DIR, "of": DIR, "threads": 1, ...}'

A side is a script with a function per stage. Inputs are the vectors in ``work`` and what earlier
stages of the side ``of`` left; the arrays that a stage makes go to ``out``/out.npz, and a line of
JSON to standard output. Only what stands under ``Job.clock`` is timed. Runs on Python 3.9 and
NumPy 1.26 too, which the original needs.
"""

import contextlib
import hashlib
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import numpy.random  # loaded by NumPy 2 at its first use, a library and no data of a stage

M, EF_CONSTRUCTION = 32, 200  # of graphs on codes
FLOAT_M, FLOAT_K = 16, 10  # links above level 0 (twice as many on it) and results, on floats
GRAPH_EF = 64, 256  # where a graph is judged
FLOAT_EF = 64
WARM = 1000  # queries before the clock starts, for pages and caches


class Job:
    """The options of a stage as attributes, and its record.

    cpu_s and wall_s are seconds under the clock; start_mb resident before the first input, and what
    came in later of the files of libraries, whose pages are read at their first use; peak_mb the
    most until the clock stopped, held_mb inputs and outputs; bits a hash of what was saved.
    """

    def __init__(self, **options):
        self.options = options
        self.work, self.out, self.of = (Path(options[x]) for x in ("work", "out", "of"))
        self.record, self.held, self.start = {}, 0, None
        self.out.mkdir(parents=True, exist_ok=True)

    def __getattr__(self, name):
        """An option."""
        try:
            return self.options[name]
        except KeyError:
            raise AttributeError(f"no option {name} for this stage") from None

    def read(self, name, dtype=None):
        """The vectors of a part (n, d) in the stored dtype, or as that of the given dtype."""
        self._begin()
        path = self.work / f"{name}.npy"
        x = np.load(path if dtype is None else self.work / f"{name}_{dtype}.npy")
        self.held += x.nbytes
        return x

    def part(self, stage):
        """What an earlier stage of the side ``of`` made: arrays by name."""
        self._begin()
        with np.load(self.of / stage / "out.npz") as f:
            arrays = {name: f[name] for name in f.files}
        self.held += sum(x.nbytes for x in arrays.values())
        return arrays

    @contextlib.contextmanager
    def clock(self):
        """Charge the block to the stage."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.record["cpu_s"] = time.process_time() - cpu
        self.record["wall_s"] = time.perf_counter() - wall
        self.record["peak_mb"] = resident_mb("VmHWM")
        self.record["start_mb"] = self.start + resident_mb("RssFile") - self.files

    def file(self, stage, name):
        """The path of a file that an earlier stage left for its library to read."""
        self._begin()
        path = self.of / stage / name
        self.held += path.stat().st_size
        return str(path)

    def save(self, **arrays):
        """Write what the stage made."""
        digest = hashlib.sha256()
        for name in sorted(arrays):
            digest.update(np.ascontiguousarray(arrays[name]))
            self.held += np.asarray(arrays[name]).nbytes
        np.savez(self.out / "out.npz", **arrays)
        self.record["bits"] = digest.hexdigest()[:16]

    def show(self, **arrays):
        """Write what only the comparison wants to see, made after the clock stopped."""
        np.savez(self.out / "shown.npz", **arrays)

    def finish(self):
        """The record, complete."""
        return {**self.record, "held_mb": self.held / 1e6}

    def _begin(self):
        if self.start is None:
            self.start, self.files = resident_mb("VmRSS"), resident_mb("RssFile")


def resident_mb(field):
    """A field of this process in MB; ru_maxrss would begin at its parent's (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", status)[1]) * 1024 / 1e6


def main(stages):
    """Run the stage that the command line names; stages: name -> function of a Job."""
    name, options = sys.argv[1:]
    job = Job(**json.loads(options))
    stages[name](job)
    print(json.dumps(job.finish()))
