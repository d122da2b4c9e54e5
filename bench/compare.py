"""Ours against the original Link & Code (Faiss 1.7.4), stage by stage, in one run.

    python bench/compare.py [--base B --learn L --query Q [--gt G]] [--work DIR] [--out FILE.csv]

Without files it takes the embedded colour patches. The tables go to standard output, all rows to
the CSV; ratio is the original's cost by ours, quality is squared error per vector or recall. Times
are CPU times on one thread unless a row says otherwise, and the two sides take turns where a
measurement is cheap enough to repeat. What does not hold is listed at the end; the exit status is 0
all the same.

DIR keeps the indexes of the original, minutes of work: a later run with the same vectors and
settings takes them again.
"""

import os

# Read when the libraries are loaded; the processes started from here inherit them.
os.environ.update(OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import argparse
import contextlib
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import ours
import report as rows

from linkprune import beta, formats, groundtruth, keys, opq, regression, seeds, sources, timing
from linkprune.errors import ConfigError, DataError, LinkPruneError
from linkprune.store import replacing

HERE = Path(__file__).resolve().parent
K = 100
THREADS = 2  # of the extra rows


def say(text):
    """Progress, for people."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def prepare(a, work):
    """base, learn, query (n, d) float32 and gt (nq, kgt) int32 by name; as .npy in ``work`` too."""
    given = {name: getattr(a, name) for name in ("base", "learn", "query")}
    if all(given.values()):
        x = {name: formats.read(path) for name, path in given.items()}
    elif any([*given.values(), a.gt]):
        raise ConfigError("--base, --learn and --query: expected all three or none")
    else:
        x = sources.patches()
    x["base"], x["learn"] = x["base"][: a.rows], x["learn"][: opq.TRAIN_ROWS]
    x = {name: np.ascontiguousarray(vectors, np.float32) for name, vectors in x.items()}
    for name, vectors in x.items():
        formats.check_finite(vectors, name)
        if vectors.shape[1] != x["base"].shape[1]:
            raise DataError(f"{name} has {vectors.shape[1]} columns, base {x['base'].shape[1]}")
    if a.gt:
        x["gt"] = np.ascontiguousarray(formats.read(a.gt), np.int32)
        rng = seeds.generator(ours.SEED, "compare")
        groundtruth.spot_check(x["gt"], x["query"], x["base"], "l2", rng)
    else:
        x["gt"], _ = groundtruth.exact(x["query"], x["base"], 1)
    for name, values in x.items():
        formats.write(work / f"{name}.npy", values)
    return x


def run(command, what):
    """Standard output of a command; DataError with its last words where it fails."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
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


class Original:
    """The other side: original.py on the files of ``work``."""

    def __init__(self, python, work):
        self.command = [python, HERE / "original.py"]
        self.work, self.dir = work, work / "original_0"
        files = {"dir": self.dir, **{n: work / f"{n}.npy" for n in ("base", "query", "gt")}, "k": K}
        self.files = [word for name, x in files.items() for word in (f"--{name}", x)]

    def build(self, repetition, settings, x):
        """A build.json; that of an earlier run with the same settings and vectors is as good."""
        folder = self.work / f"original_{repetition}"
        record = settings | {n: hashlib.sha256(x[n]).hexdigest() for n in ("base", "learn")}
        inputs, built = folder / "inputs.json", folder / "build.json"
        if inputs.exists() and json.loads(inputs.read_text()) == record:
            say(f"the original's index in {folder} has the same vectors and settings")
        else:
            say("the original builds its index, which takes minutes")
            inputs.unlink(missing_ok=True)
            files = {n: self.work / f"{n}.npy" for n in ("base", "learn")} | {"out": folder}
            flags = [word for n, value in (settings | files).items() for word in (f"--{n}", value)]
            run([*self.command, "build", *flags], "the original's build")
            with replacing(inputs) as part:  # comes last, so that it stands for a complete build
                part.write_text(json.dumps(record))
        return json.loads(built.read_text())

    def search(self, efSearch, k_reorder):
        """A search process of its own: its report, and ids and distances by point."""
        out = self.work / "search.h5"
        lists = [",".join(map(str, x)) for x in (efSearch, k_reorder)]
        grid = ["--efSearch", lists[0], "--k-reorder", lists[1], "--repetitions", 1, "--out", out]
        run([*self.command, "search", *self.files, *grid], "the original's search")
        with h5py.File(out) as f:
            points = zip(f["efSearch"][()], f["k_reorder"][()], strict=True)
            found = dict(zip(points, zip(f["ids"], f["distances"], strict=True), strict=True))
        return json.loads(out.with_suffix(".json").read_text()), found

    @contextlib.contextmanager
    def serve(self):
        """A function that puts a line to a waiting search process and returns the answer."""
        errors = self.work / "serve.log"
        with open(errors, "w") as log:
            process = subprocess.Popen(
                [*map(str, [*self.command, "serve", *self.files])],
                text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip

            def ask(line):
                with contextlib.suppress(BrokenPipeError):
                    print(line, file=process.stdin, flush=True)
                answer = json.loads(process.stdout.readline() or '{"error": "ended"}')
                if "error" in answer:
                    raise DataError(f"the original: {answer['error']}, see {errors}")
                return answer

            try:
                yield ask
            finally:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
                process.wait()


def take_turns(ask, own, exported, x, points, repetitions):
    """Every point of (efSearch, k_reorder), in turns: times, recalls and the last answer by name.

    original, own, exported: CPU ms per query; threads: wall ms per query of own on more threads.
    """
    sides = {"own": (own, 1, 0), "exported": (exported, 1, 0), "threads": (own, THREADS, 1)}
    names, scale = ("original", *sides), 1000 / len(x["query"])
    found, out = {}, {point: {name: [] for name in names} for point in points}
    for repetition in range(-1, repetitions):  # the first warms up
        say(f"search: repetition {repetition + 1} of {repetitions}")
        for (ef, r), row in out.items():
            row["answer"] = ask(f"{ef} {r}")
            row["original"].append(row["answer"]["cpu_ms_per_query"])
            for name, (index, threads, clock) in sides.items():
                found[name], times = ours.timed(index.search, x["query"], K, ef, r, threads)
                row[name].append(times[clock] * scale)
            if repetition < 0:
                for name in names:
                    row[name].clear()
                row["found"] = found["exported"]
                for name in ("own", "exported"):
                    row[f"{name}_recalls"] = ours.recalls(found[name], x["gt"])
    return out


def encode_in_turns(ask, exported, base, repetitions):
    """Encoding with the codebook of the original: seconds (repetitions, 2) of ours, CPU of its."""
    of = exported.codec, exported.codes, exported.graph.neighbors, exported.beta.beta_centroids
    mine, its = [], []
    for _ in range(repetitions):
        its.append(ask("encode")["cpu_s"])
        mine.append(ours.timed(regression.encode, base, *of)[1])
    return np.array(mine), its


def peaks(index, query, a, repetitions):
    """Peak memory in MB of a search process: by what it loads, (repetitions,)."""
    lists, out = [",".join(map(str, x)) for x in (a.efSearch, a.k_reorder)], {}
    for kind in ("Index", "LinkCode"):
        command = [sys.executable, HERE / "ours.py", kind, index, query, K, *lists]
        out[kind] = [float(run(command, "our search")) for _ in range(repetitions)]
    return out


def compare(a, work):
    """Measure everything; returns the report."""
    x, original = prepare(a, work), Original(interpreter(a.original_python), work)
    settings = {"codec": a.codec, "M0": a.M0, "beta": a.beta}
    builds = [original.build(r, settings, x) for r in range(a.build_repetitions)]
    exported, ntrain = ours.exported(original.dir / "index.h5"), max(3, a.build_repetitions)
    report, seconds = rows.Report(header(a, x, builds[0]["settings"], ntrain)), {}
    for threads in (1, THREADS):
        say(f"we train, threads {threads}, {ntrain} times")
        vectors = x["base"], x["learn"]
        own, seconds[threads] = ours.train(*vectors, a.codec, a.M0, a.beta, threads, ntrain)
    own.save(work / "ours.h5", {"input_metric": "l2"})
    points = [(ef, r) for r in a.k_reorder for ef in a.efSearch]
    with original.serve() as ask:
        found = take_turns(ask, own, exported, x, points, a.repetitions)
        seconds[1]["encoding"], encoding = encode_in_turns(ask, exported, x["base"], a.repetitions)
    say("parity, memory, weights")
    theirs, lists = original.search(a.efSearch, a.k_reorder)
    for point, row in found.items():
        row["agreement"] = ours.agreement(row["found"], *lists[point])
    errors, parity = ours.parity(own, x["base"]), ours.parity(exported, x["base"])
    last = found[max(a.efSearch), a.k_reorder[0]]
    errors["error_encoded"] = parity["error_own_codes"]
    theirs["error_encoded"] = theirs["error_beta"]
    sides = errors | last["own_recalls"], theirs | last["answer"]
    rows.training(report, seconds, builds, encoding, sides)
    rows.search(report, found, THREADS)
    rows.parity(report, parity, theirs)
    rows.memory(report, peaks(work / "ours.h5", work / "query.npy", a, 3), [theirs["peak_rss_mb"]])
    cpu, error, history = ours.retrain(exported, x["base"], a.beta, ntrain)
    its = np.array(builds[0]["em_error"]) / min(len(x["base"]), beta.TRAIN_ROWS)
    rows.weights(report, cpu, builds, (error, theirs["error_beta"]), (history, its))
    return report


def header(a, x, built, ntrain):
    """What the numbers of this run refer to."""
    sizes = ", ".join(f"{name} {len(x[name])}" for name in ("base", "learn", "query"))
    on = timing.machine()
    return [
        f"{on['cpu']}, {on['cores']} cores, OMP_WAIT_POLICY {on['omp_wait_policy']}",
        f"{sizes}, {x['base'].shape[1]} dimensions; {a.codec}, M0 {a.M0}, {a.beta}, k {K}",
        f"original: Faiss {built['faiss']}, NumPy {built['numpy']}; ours: NumPy {np.__version__}, "
        f"Python {sys.version.split()[0]}",
        f"repetitions: search and encoding {a.repetitions}, in turns; training {ntrain} of ours, "
        f"{a.build_repetitions} of the original; median (minimum to maximum)",
    ]


def arguments():
    """The command line, parsed."""

    def integers(text):
        return [int(word) for word in text.split(",")]

    raw = argparse.RawDescriptionHelpFormatter
    p = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    for name in ("base", "learn", "query", "gt"):
        p.add_argument(f"--{name}", help="a file as linkprune.formats reads it")
    p.add_argument("--rows", type=int, default=100000, help="at most so many base vectors")
    p.add_argument("--codec", default="OPQ32_128")
    p.add_argument("--M0", type=int, default=6)
    p.add_argument("--beta", default="beta4x256")
    p.add_argument("--repetitions", type=int, default=5)
    p.add_argument("--build-repetitions", type=int, default=1, help="of the original's training")
    p.add_argument("--efSearch", type=integers, default=[1, 16, 64, 256, 1024])
    p.add_argument("--k-reorder", type=integers, default=[0, 5])
    p.add_argument("--original-python", help="interpreter with Faiss 1.7.4; default: .venv174")
    p.add_argument("--work", type=Path, help="keeps the original's index; default: nothing is kept")
    p.add_argument("--out", type=Path, default=Path("results/bench.csv"))
    a = p.parse_args()
    counts = (a.rows, a.M0, a.repetitions, a.build_repetitions, *a.efSearch)
    if min(counts) < 1 or min(a.k_reorder) < 0:
        p.error("expected counts of at least 1, and --k-reorder of at least 0")
    if keys.codec(a.codec).d_out is None or not keys.beta(a.beta).nsq:
        p.error(f"{a.codec}, {a.beta}: expected OPQ<nsq>_<d_out> and beta<nsq>x256")
    return a


def main():
    """Compare; what the input makes impossible ends in one line."""
    try:
        a = arguments()
        with tempfile.TemporaryDirectory() as temporary:
            work = a.work or Path(temporary)
            work.mkdir(parents=True, exist_ok=True)
            report = compare(a, work)
    except (LinkPruneError, OSError, ValueError) as e:
        sys.exit(f"compare.py: {e}")
    report.write(a.out)
    print(report.text())


if __name__ == "__main__":
    main()
