"""Every stage of ours beside the references on the same input, in turns.

    python bench/compare.py [--base B --learn L --query Q [--gt G]] [--name NAME]
        [--codec OPQ32_128] [--repetitions 5] [--minutes 10] [--threads 1,2]
        [--stages train,graph] [--sides ours,original] [--work DIR] [--out RUNS.csv]

Files are as linkprune.formats reads them, vectors.h5:base too; without any it takes the embedded
colour patches. Each repetition of a stage of a side is a process of its own, so that its peak
memory is that of the stage; sides take turns. A stage of a side is not begun a fourth time once it
has taken --minutes of CPU time. Inputs of a stage are what the original made on one thread, unless
the stage says own; the quality of what a repetition made is measured outside the clock. Runs are
appended to the CSV, the tables of everything in it go to standard output.

DIR keeps what the sides made on one thread: a later run with the same vectors and settings takes
what it needs from there, unless a stage before it was made anew and differs, and measures only
--stages and --sides.
"""

import os

# Read when the libraries are loaded; the processes started from here inherit it.
os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "20000"}

import argparse
import collections
import hashlib
import importlib.util
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from quality import Judge

from linkprune import (
    formats,
    groundtruth,
    keys,
    opq,
    rows,
    seeds,
    sources,
    speed,
    speed_text,
    timing,
)
from linkprune.errors import ConfigError, DataError, LinkPruneError
from linkprune.kernels import checks

HERE = Path(__file__).resolve().parent
SCRIPTS = {"ours": "ours.py", "original": "original.py", "faiss": "current_faiss.py",
           "hnswlib": "hnswlib_side.py"}  # fmt: skip
K = 100
LEAST = 3  # repetitions of every side, however long they take: two show no spread
STAGES = {stage.key: stage for stage in speed.STAGES}


def say(text):
    """Progress, for people."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def prepare(a, work):
    """base, learn, query (n, d) as stored, gt (nq, at least 10) int32 by name; in ``work`` too, as
    .npy, the vectors also as float32.
    """
    given = {name: getattr(a, name) for name in ("base", "learn", "query")}
    if all(given.values()):
        x = {name: formats.read(path) for name, path in given.items()}
    elif any([*given.values(), a.gt]):
        raise ConfigError("--base, --learn and --query: expected all three or none")
    else:
        x = sources.patches()
    x["base"], x["learn"] = x["base"][: a.rows], x["learn"][: opq.TRAIN_ROWS]
    for name, values in x.items():
        formats.check_finite(values, name)
        if values.shape[1] != x["base"].shape[1]:
            raise DataError(f"{name} has {values.shape[1]} columns, base {x['base'].shape[1]}")
    x["gt"], _ = groundtruth.exact(x["query"], x["base"], 10) if not a.gt else (truth(a, x), None)
    for name, values in x.items():
        np.save(work / f"{name}.npy", values)
        if name != "gt":
            np.save(work / f"{name}_float32.npy", np.asarray(values, np.float32))
    return x


def truth(a, x):
    """The ground truth of the command line, which must be that of these vectors."""
    gt = np.ascontiguousarray(formats.read(a.gt), np.int32)
    if gt.shape[1] < 10:
        raise DataError(f"{a.gt}: {gt.shape[1]} neighbours per query, expected at least 10")
    rng = seeds.generator(2018, "compare")
    groundtruth.spot_check(gt, x["query"], x["base"], "l2", rng)
    return gt


def run(command, what, env=None):
    """Standard output of a command; DataError with its last words where it fails."""
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, env=env
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise DataError(f"{what}: {last}")
    return done.stdout


def interpreter(path):
    """The interpreter with Faiss 1.7.4, made beside the sources where none is given."""
    if path is None:
        say("the environment of the original, .venv174")
        return run(
            [HERE / "original_env.sh", HERE.parent / ".venv174"], "--original-python"
        ).strip()
    if not os.access(path, os.X_OK):
        raise ConfigError(f"--original-python {path}: cannot be run")
    return path


class Bench:
    """The sides, their folders in ``work``, and what they made there."""

    def __init__(self, a, work, x):
        self.a, self.work, self.name = a, work, a.name
        self.python = {"original": interpreter(a.original_python)}
        self.judge = Judge(x["base"], x["gt"])
        settings = {"codec": a.codec, "M0": a.M0, "beta": a.beta, "k": K}
        self.settings = settings
        prints = [hashlib.sha256(np.ascontiguousarray(x[n])).hexdigest() for n in sorted(x)]
        self.inputs = json.dumps([settings, prints])
        self.session = time.strftime("%Y-%m-%dT%H:%M:%S")

    def measure(self, side, stage, threads, of, out):
        """One process, on what the side ``of`` made, into the folder ``out``: its record."""
        options = {"work": self.work, "out": out, "of": self.work / of, "threads": threads}
        options = {name: str(x) if isinstance(x, Path) else x for name, x in options.items()}
        # The flat search of the references is in BLAS; ours never calls NumPy's.
        own = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
        command = [self.python.get(side, sys.executable), HERE / SCRIPTS[side], stage.function]
        options |= self.settings | stage.point
        text = run([*command, json.dumps(options)], f"{side}, {stage.key}", os.environ | own)
        return json.loads(text.strip().splitlines()[-1])

    def make(self, side, stage, of):
        """``measure`` on one thread, to be kept: on more, not every side makes the same again."""
        out = self.folder(side, stage, of)
        (out / "made.txt").unlink(missing_ok=True)
        record = self.measure(side, stage, 1, of, out)
        (out / "made.txt").write_text(f"{self.source(stage, of)} {record['bits']}")
        return record

    def folder(self, side, stage, of):
        """Where a side leaves a stage."""
        return self.work / (side if side == of else f"{side}_on_{of}") / stage.key

    def source(self, stage, of):
        """A hash of all that a stage is made from: settings, vectors, what the side ``of`` left."""
        before = [self.made(STAGES[name], of) for name in stage.needs]
        return hashlib.sha256(json.dumps([self.inputs, before]).encode()).hexdigest()

    def made(self, stage, of):
        """A hash of what a side left of a stage; None unless made from what is there now."""
        path = self.folder(of, stage, of) / "made.txt"
        source, _, bits = (path.read_text() if path.exists() else "").partition(" ")
        return bits if source == self.source(stage, of) else None

    def ensure(self, of, names):
        """Have the side ``of`` make these stages, unless they are there; needed ones come first."""
        for stage in (STAGES[name] for name in names):
            if self.made(stage, of) is None:
                say(f"{of} makes {stage.key}")
                self.make(of, stage, of)

    def quality(self, side, stage, of, out):
        """Named numbers, for what the side left in ``out``, as one cell."""
        theirs = None
        if side == "ours" and of == "original" and "original" in stage.references:
            theirs = self.folder("original", stage, "original")
        return speed.words(self.judge.of(stage.function, out, self.work / of, theirs))

    def compare(self, stage):
        """Yield the runs of a stage, sides in turns, as many as wanted and as time allows."""
        sides = [s for s in (*stage.references, "ours") if s in self.a.sides]
        chains = {side: side if stage.own else "original" for side in sides}
        for of in chains.values():
            self.ensure(of, stage.needs)
        compared = "original" in stage.references and not stage.own  # the answers too
        if compared and not ("original" in sides and 1 in self.a.threads):
            self.ensure("original", (*stage.needs, stage.key))
        spent, quality = collections.Counter(), {}
        for repetition in range(self.a.repetitions):
            for side in sides if repetition % 2 == 0 else sides[::-1]:
                for threads in self.a.threads:
                    slow = side != "ours" and stage.slow and threads > 1
                    enough = spent[side, threads] > 60 * self.a.minutes and repetition >= LEAST
                    if slow or enough:
                        continue
                    say(f"{stage.key}: {side}, threads {threads}, repetition {repetition + 1}")
                    of, out = chains[side], self.work / "again"
                    if threads == 1 and repetition == 0:
                        out = self.folder(side, stage, of)
                        record = self.make(side, stage, of)
                    else:
                        record = self.measure(side, stage, threads, of, out)
                    spent[side, threads] += record["cpu_s"]
                    made = side, record["bits"]  # the same on any number of threads, or not
                    if made not in quality:
                        quality[made] = self.quality(side, stage, of, out)
                    run = {"session": self.session, "data": self.name, "stage": stage.key}
                    run |= {"side": side, "threads": threads, "repetition": repetition}
                    yield run | record | {"quality": quality[made]}


def installed():
    """All sides, without hnswlib where it is not installed."""
    return [side for side in SCRIPTS if side != "hnswlib" or importlib.util.find_spec(side)]


def header(a, x):
    """What the numbers of this run refer to."""
    sizes = ", ".join(f"{part} {len(x[part])}" for part in ("base", "learn", "query"))
    on = timing.machine()
    return [
        f"{on['cpu']}, {on['cores']} cores, NumPy {np.__version__}",
        f"{sizes}, {x['base'].shape[1]} dimensions; {a.codec}, M0 {a.M0}, {a.beta}, k {K}",
        "median (least to most; repetitions); ratio: the reference's CPU time by ours",
    ]


def integers(text):
    """Integers of an option, commas between them, a list."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: expected integers, 1,2 say") from None


def arguments():
    """The command line, parsed."""

    def among(known):
        def parse(text):
            names = text.split(",")
            if set(names) - set(known):
                raise argparse.ArgumentTypeError(f"{text}: expected some of {','.join(known)}")
            return names

        return parse

    raw = argparse.RawDescriptionHelpFormatter
    p = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    for name in ("base", "learn", "query", "gt"):
        p.add_argument(f"--{name}", help="a file as linkprune.formats reads it")
    p.add_argument("--name", default="patches", help="of the data in the tables")
    p.add_argument("--rows", type=int, help="at most so many base vectors")
    p.add_argument("--codec", default="OPQ32_128", help="of one level, OPQ<nsq>_<d_out>")
    p.add_argument("--M0", type=int, default=6, help="links of a vertex")
    p.add_argument("--beta", default="beta4x256", help="beta<nsq>x256")
    p.add_argument("--repetitions", type=int, default=5, help="of every stage of every side")
    p.add_argument("--minutes", type=float, default=10, help="CPU minutes of a stage of a side, "
                   f"after which it is not begun again; {LEAST} repetitions are made")  # fmt: skip
    p.add_argument("--threads", type=lambda text: sorted(set(integers(text))), default=[1, 2],
                   help="numbers of threads, commas between them")  # fmt: skip
    p.add_argument("--stages", type=among(STAGES), default=[*STAGES],
                   help=f"some of {', '.join(STAGES)}; what they start from and --work has not is "
                   "made once before")  # fmt: skip
    p.add_argument("--sides", type=among(SCRIPTS), default=installed(),
                   help=f"some of {', '.join(SCRIPTS)}")  # fmt: skip
    p.add_argument("--original-python", help="interpreter with Faiss 1.7.4; default: .venv174")
    p.add_argument("--work", type=Path, help="keeps what the sides made; default: nothing is kept")
    p.add_argument("--out", type=Path, default=Path("results/bench_runs.csv"),
                   help="every repetition; those of earlier runs stay")  # fmt: skip
    a = p.parse_args()
    if min(a.M0, a.repetitions, *a.threads) < 1 or (a.rows is not None and a.rows < 256):
        p.error("expected --M0, --repetitions and --threads of at least 1, --rows of at least 256")
    if a.threads[-1] > checks.MOST_THREADS:
        p.error(f"--threads {a.threads[-1]}, expected at most {checks.MOST_THREADS}")
    if not 0 <= a.minutes < math.inf:
        p.error(f"--minutes {a.minutes}, expected a finite number of at least 0")
    d_out, parts = keys.codec(a.codec).d_out, keys.beta(a.beta).nsq
    if d_out is None or not parts or d_out % parts:
        p.error(f"{a.codec}, {a.beta}: expected OPQ<nsq>_<d_out> and beta<nsq>x256, whose parts "
                "divide d_out")  # fmt: skip
    return a


def main():
    """Compare; what the input makes impossible ends in one line."""
    try:
        a = arguments()
        runs = speed.read([a.out] if a.out.exists() else [])
        with tempfile.TemporaryDirectory() as temporary:
            work = (a.work or Path(temporary)).resolve()
            work.mkdir(parents=True, exist_ok=True)
            x = prepare(a, work)
            bench = Bench(a, work, x)
            for stage in (STAGES[key] for key in a.stages):
                for run in bench.compare(stage):
                    runs.append(run)
                    rows.write(a.out, runs, speed.RUN)  # outlives a kill
    except (LinkPruneError, OSError, ValueError) as e:
        sys.exit(f"compare.py: {e}")
    print(speed_text.markdown(speed.rows(runs), header(a, x)))


if __name__ == "__main__":
    main()
