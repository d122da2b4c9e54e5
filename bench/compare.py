"""Ours against the original Link & Code (Faiss 1.7.4), stage by stage, in one run.

    python bench/compare.py [--base B --learn L --query Q [--gt G]] [--work DIR] [--out FILE.csv]

Without files it takes the embedded colour patches. The tables go to standard output, all rows to
the CSV; ratio is the original's cost by ours. Times are CPU time of one thread, unless a row says
otherwise; the two sides take turns where a measurement is cheap enough to repeat. Checks that do
not hold are listed at the end; they do not change the exit status.

DIR keeps the indexes of the original, minutes of work, which a later run with the same vectors and
settings takes again.
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
from ours import TOLERANCE, agreement, exported, parity
from report import Report

from linkprune import (
    beta,
    formats,
    groundtruth,
    hnsw,
    keys,
    metrics,
    opq,
    regression,
    seeds,
    sources,
    store,
    timing,
)
from linkprune.errors import ConfigError, DataError, LinkPruneError
from linkprune.index import Index

HERE = Path(__file__).resolve().parent
PARTS = {
    "a": "Training",
    "b1": "Search, each side on its own index",
    "b2": "Search, ours on the index of the original",
    "c": "Reconstruction and encoding, on the index of the original",
    "d": "Memory of a search process",
    "e": "Training of the weights, on the index of the original",
}
K, SEED, M, EF_CONSTRUCTION = 100, 2018, 32, 200
ROUNDS = 10
THREADS = 2  # of the extra rows


def say(text):
    """Progress, for people."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def timed(call, *args, **more):
    """Result, CPU seconds, wall seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    out = call(*args, **more)
    return out, time.process_time() - cpu, time.perf_counter() - wall


def prepare(a, work):
    """Put base, learn, query and gt into ``work`` as .npy for both sides; the arrays by name."""
    given = {name: getattr(a, name) for name in ("base", "learn", "query")}
    if all(given.values()):
        x = {name: formats.read(path) for name, path in given.items()}
    elif any([*given.values(), a.gt]):
        raise ConfigError("--base, --learn and --query: expected all three or none")
    else:
        x = sources.patches()
    x["base"], x["learn"] = x["base"][: a.rows], x["learn"][: opq.TRAIN_ROWS]
    x = {name: np.ascontiguousarray(rows, np.float32) for name, rows in x.items()}
    for name, rows in x.items():
        formats.check_finite(rows, name)
        if rows.shape[1] != x["base"].shape[1]:
            raise DataError(f"{name}: {rows.shape[1]} dimensions, base has {x['base'].shape[1]}")
    if a.gt:
        gt = np.ascontiguousarray(formats.read(a.gt), np.int32)
        groundtruth.spot_check(gt, x["query"], x["base"], "l2", seeds.generator(SEED, "spot"))
    else:
        gt, _ = groundtruth.exact(x["query"], x["base"], 1)
    for name, rows in (x | {"gt": gt}).items():
        formats.write(work / f"{name}.npy", rows)
    return x | {"gt": gt}


def interpreter(path):
    """The interpreter with Faiss 1.7.4, made beside the sources where none is given."""
    if path is None:
        made = run([HERE / "original_env.sh", HERE.parent / ".venv174"], "the environment of 1.7.4")
        return made.strip()
    if not os.access(path, os.X_OK):
        raise ConfigError(f"--original-python {path}: cannot be run")
    return path


def run(command, what):
    """Standard output of a command; DataError with its last line where it fails."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise DataError(f"{what}: {last}")
    return done.stdout


class Original:
    """The other side: its command line with the files of ``work``, and its builds."""

    def __init__(self, python, work):
        self.command = [python, HERE / "original.py"]
        self.work, self.dir = work, work / "original_0"
        files = ["--query", work / "query.npy", "--gt", work / "gt.npy", "--k", K]
        self.files = ["--dir", self.dir, "--base", work / "base.npy", *files]

    def build(self, a, x):
        """Every build.json: builds of an earlier run from the same settings are taken again."""
        settings = {"codec": a.codec, "M0": a.M0, "beta": a.beta, "beta_rounds": ROUNDS}
        record = settings | {n: hashlib.sha256(x[n]).hexdigest() for n in ("base", "learn")}
        return [self._one(r, settings, record) for r in range(a.build_repetitions)]

    def _one(self, repetition, settings, record):
        folder = self.work / f"original_{repetition}"
        inputs, built = folder / "inputs.json", folder / "build.json"
        if inputs.exists() and json.loads(inputs.read_text()) == record:
            say(f"{folder}: built before from the same vectors and settings")
            return json.loads(built.read_text())
        inputs.unlink(missing_ok=True)
        say("the original builds its index: minutes")
        flags = [word for k, v in settings.items() for word in (f"--{k.replace('_', '-')}", v)]
        vectors = ["--base", self.work / "base.npy", "--learn", self.work / "learn.npy"]
        run([*self.command, "build", *vectors, *flags, "--out", folder], "the original's build")
        with store.replacing(inputs) as part:  # last: its presence says that the build is complete
            part.write_text(json.dumps(record))
        return json.loads(built.read_text())

    def search(self, a):
        """One search process: its report, ids and distances (points, nq, K)."""
        out = self.work / "search.h5"
        grid = ["--efSearch", a.efSearch, "--k-reorder", a.k_reorder, "--repetitions", 1]
        command = [*self.command, "search", *self.files, *grid, "--out", out]
        run(map(text_of, command), "the original's search")
        with h5py.File(out) as f:
            return json.loads(out.with_suffix(".json").read_text()), f["ids"][()], f["distances"][()]

    @contextlib.contextmanager
    def serve(self):
        """A function that sends a line to a waiting search process and returns the answer."""
        command, errors = [*map(str, [*self.command, "serve", *self.files])], self.work / "serve.log"
        with open(errors, "w") as log:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
            process = subprocess.Popen(command, text=True, bufsize=1, **pipes)

            def ask(line):
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(f"{line}\n")
                answer = json.loads(process.stdout.readline() or '{"error": "it ended"}')
                if "error" in answer:
                    raise DataError(f"the original: {answer['error']}; see {errors}")
                return answer

            try:
                yield ask
            finally:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
                process.wait()


def text_of(word):
    """A word of a command line; lists joined by commas."""
    return ",".join(map(str, word)) if isinstance(word, list) else str(word)


def train(a, x, threads, repetitions):
    """Our whole index, and seconds by stage, (CPU, wall) of every repetition."""
    seconds, codec_key, beta_key = {}, keys.codec(a.codec), keys.beta(a.beta)
    graph_key = keys.HNSW(a.M0, M, EF_CONSTRUCTION, a.codec)

    def stage(name, call, *args, **more):
        out, *times = timed(call, *args, threads=threads, **more)
        seconds.setdefault(name, []).append(times)
        return out

    def links(codec, threads):
        codes, error = codec.encode(x["base"], threads)
        vertices = {"codec": codec, "codes": codes}
        return codes, error, hnsw.build(graph_key, x["base"], SEED, **vertices, threads=threads)

    for repetition in range(repetitions):
        say(f"we train with {threads} threads: {repetition + 1} of {repetitions}")
        codec = stage("rotation and PQ", opq.train, x["learn"], codec_key, SEED)
        codes, error_pq, graph = stage("codes and graph", links, codec)
        sample, vertices = x["base"][: beta.TRAIN_ROWS], (codec, codes, graph.neighbors)
        book, _ = stage("weights", beta.train, beta_key, sample, *vertices, SEED, ROUNDS)
        encoded, _ = stage("encoding", regression.encode, x["base"], *vertices, book)
    return Index(codec, codes, graph, encoded), error_pq, seconds


def recalls(found, gt):
    """R@k of a Result, as the original's answers have them, and the distances per query."""
    rank = metrics.true_rank(found.I, gt)
    recall = {f"R@{k}": metrics.one_recall_at(rank, k) for k in (1, 10, 100)}
    return recall | {"ndis": float(found.ndis.mean())}


def compare_training(report, a, builds, own, errors, qualities):
    """Part a: own by threads is (seconds by stage)."""
    stages = {
        "rotation and PQ": (("opq", "pq"), "error_pq"),
        "codes and graph": (("add", "reorder_links"), "R@10"),
        "weights": (("beta_total",), "error_beta"),
        "encoding": (("encode",), "error_beta"),
    }
    limits = {"weights": 20, "encoding": 5}
    for threads, seconds in own.items():
        for stage, (names, quality) in stages.items():
            cpu, wall = np.array(seconds[stage]).T
            original = [sum(build["cpu_s"][name] for name in names) for build in builds]
            of = [{quality: side[quality]} for side in (errors | qualities)[quality]]
            if threads > 1:
                report.add("a", stage, "wall s", wall, threads=threads)
                continue
            checks = []
            if stage in limits:
                text = f"at most 1/{limits[stage]} of the CPU time"
                checks = [(text, np.median(cpu) * limits[stage] <= np.median(original))]
            report.add("a", stage, "CPU s", cpu, original, quality=of, checks=checks)
