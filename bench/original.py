"""The original Link & Code, as Faiss 1.7.4 runs it: the other side of our comparison.

    PY=$(bench/original_env.sh .venv174)
    $PY bench/original.py build --base B.npy --learn L.npy --codec OPQ32_128 --M0 6 \\
        --beta beta4x256 --beta-rounds 10 --out DIR
    $PY bench/original.py search --dir DIR --query Q.npy --gt G.npy --k 100 --repetitions 5 \\
        --efSearch 1,16,64,256,1024 --k-reorder 0,5 --base B.npy --exhaustive --out S.h5
    $PY bench/original.py serve --dir DIR --query Q.npy --gt G.npy --k 100 --base B.npy

Vectors are float32 .npy files (rows, d), the ground truth int32 (nq, at least 1). Everything runs
on one thread, without which the graph differs from run to run, and is timed in CPU seconds.

build trains the rotation (alone) and the PQ (no polysemous annealing) on the first 65,536 learn
vectors, inserts the base into the graph, sorts its links, trains the weights on the first 250,000
base vectors and encodes all. --beta is betaPxK (P parts of K codewords), beta0 (one weight vector
for all) or none. It writes
  DIR/index.faiss  the index as Faiss stores it, without the weights
  DIR/index.h5     as plain arrays: rotation (d_out, d), centroids (nsq, 256, dsub), codes
                   (nb, nsq), neighbors (nb, M0) nearest first and -1 = none, levels (nb,) 0 =
                   base only, upper_vertex, upper_level (p,), upper_ptr (p+1,), upper_links,
                   beta_centroids (P, K, M0+1) and beta_codes (nb, P) unless --beta has none;
                   attributes: entry_point, max_level, settings
  DIR/build.json   CPU seconds by stage, squared error by part and round, peak memory in MB

search writes S.h5, for its p operating points: efSearch, k_reorder, n3, nreorder (p,), recall
(p, 3) = R@1, R@10, R@100, cpu_ms (p, repetitions) per query, ids and distances (p, nq, k), -1 and
inf = none; and S.json, the same but the last two. n3 is the mean number of distances per query,
without the entry point and the descent (1.7.4 leaves `ndis` at 0). peak_rss_mb is of this much.
Then, with --base, error_pq and error_beta: mean squared error per vector of the plain and the
regressed reconstructions, after the rotation; with --exhaustive, everything decoded and searched.

serve answers each line of standard input by one line of JSON: `efSearch k_reorder` is one timed
search of all queries; `exhaustive` as above; `encode` codes the base again (its rotation is not
timed); `quit` ends. It answers {"error": ...} to what it cannot do.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read at import
import faiss
import h5py
import numpy as np
import original_build as parts

NTRAIN, BETA_NTRAIN = 65536, 250000
RANKS = 1, 10, 100


def read(path, dtype="float32", d=None):
    """The matrix in a .npy file, of `d` columns where given."""
    try:
        x = np.load(path)
    except ValueError as e:
        raise ValueError(f"{path}: not a .npy file: {e}") from e
    if x.dtype != dtype or x.ndim != 2 or x.size == 0 or d not in (None, x.shape[1]):
        raise ValueError(f"{path}: {x.dtype} {x.shape}, expected {dtype} (rows, {d or 'd'})")
    return np.ascontiguousarray(x)


@contextlib.contextmanager
def new_h5(path):
    """An HDF5 file that gets its name only when it is complete."""
    with h5py.File(f"{path}.part", "w") as f:
        yield f
    os.replace(f"{path}.part", path)


def write_json(path, report):
    """Write a report, NumPy scalars included."""
    Path(path).write_text(json.dumps(report, indent=1, default=lambda x: x.item()) + "\n")


def build(a):
    """Train, fill, export; write DIR."""
    nsq, d_out = parts.parse_codec(a.codec)
    shape = parts.parse_beta(a.beta, d_out)
    base = read(a.base)
    learn = read(a.learn, d=base.shape[1])[:NTRAIN]
    if min(len(base), len(learn)) < 256:
        raise ValueError(f"{len(base)} base, {len(learn)} learn vectors: expected at least 256")
    folder, clock, errors = Path(a.out), parts.Clock(), []
    folder.mkdir(parents=True, exist_ok=True)
    index = parts.build_index(base, learn, nsq, d_out, a.M0, clock)
    peak, arrays = {"add": parts.peak_rss_mb()}, parts.index_arrays(index)
    rotation, graph, _ = parts.components(index)
    faiss.write_index(index, str(folder / "index.faiss"))
    if shape:
        x, beta = rotation.apply(base), parts.Beta(graph, *shape)
        with clock("beta_total"):
            arrays["beta_centroids"], errors = beta.train(x[:BETA_NTRAIN], a.beta_rounds, clock)
        with clock("encode"):
            codes = beta.encode(x, arrays["beta_centroids"])
        if codes.size:
            arrays["beta_codes"] = codes
    peak["all"] = parts.peak_rss_mb()
    settings = {name: getattr(a, name) for name in ("codec", "M0", "beta", "beta_rounds")}
    settings |= {"M": parts.M, "efConstruction": parts.EF_CONSTRUCTION}
    settings |= {"nb": len(base), "d": base.shape[1], "nt": len(learn)}
    settings |= {"faiss": faiss.__version__, "numpy": np.__version__}
    settings |= {"entry_point": graph.hnsw.entry_point, "max_level": graph.hnsw.max_level}
    with new_h5(folder / "index.h5") as f:
        f.attrs.update(settings)
        for name, x in arrays.items():
            f[name] = x
    report = {"settings": settings, "cpu_s": clock, "em_error": errors, "peak_rss_mb": peak}
    write_json(folder / "build.json", report)


class Original:
    """A built index and the queries to search it with."""

    def __init__(self, a):
        folder, self.k, self.base_file = Path(a.dir), a.k, a.base
        with h5py.File(folder / "index.h5") as f:
            self.settings = dict(f.attrs)
            weights = [f[x][()] if x in f else None for x in ("beta_centroids", "beta_codes")]
        self.query = read(a.query, d=self.settings["d"])
        self.gt = read(a.gt, "int32")
        nq, nb = len(self.query), self.settings["nb"]
        if len(self.gt) != nq or self.gt[:, 0].min() < 0 or self.gt[:, 0].max() >= nb:
            raise ValueError(f"{a.gt}: expected {nq} rows of ids from 0 to {nb - 1}")
        self.index = faiss.read_index(str(folder / "index.faiss"))
        self.rotation, self.graph, self.storage = parts.components(self.index)
        self.beta, self.beta_codes = None, weights[1]
        if weights[0] is not None:
            self.beta = parts.Beta(self.graph, *weights[0].shape[:2])
            self.beta.attach(self.graph, *weights)

    def recalls(self, ids):
        """R@k of the papers: is the true nearest neighbour among the first k?"""
        hit = ids == self.gt[:, :1]
        return {f"R@{r}": float(hit[:, :r].any(axis=1).mean()) for r in RANKS if r <= self.k}

    def check(self, efSearch, k_reorder):
        """Refuse an operating point that this index does not have."""
        if efSearch < 1 or k_reorder < 0 or (k_reorder and not self.beta):
            allowed = "at least 0" if self.beta else "0, as the index has no weights"
            raise ValueError(
                f"efSearch {efSearch}, k_reorder {k_reorder}: expected at least 1, and {allowed}"
            )

    def search(self, efSearch, k_reorder):
        """One timed search of all queries: a row of results, ids and distances (nq, k)."""
        self.check(efSearch, k_reorder)
        self.graph.hnsw.efSearch = efSearch
        if self.beta:
            self.beta.rfn.k_reorder = k_reorder
        stats, ms = faiss.cvar.hnsw_stats, 1000 / len(self.query)
        stats.reset()
        cpu, wall = time.process_time(), time.perf_counter()
        distances, ids = self.index.search(self.query, self.k)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        row = {"efSearch": efSearch, "k_reorder": k_reorder, **self.recalls(ids)}
        row |= {"n3": stats.n3 / len(ids), "nreorder": stats.nreorder / len(ids)}
        row |= {"cpu_ms_per_query": cpu * ms, "wall_ms_per_query": wall * ms}
        return row, ids, np.where(ids < 0, np.inf, distances)

    def base(self):
        """The base vectors, rotated."""
        if not self.base_file:
            raise ValueError("needs --base")
        base = read(self.base_file, d=self.settings["d"])
        if len(base) != self.settings["nb"]:
            raise ValueError(f"{self.base_file}: {len(base)} rows, not {self.settings['nb']}")
        return self.rotation.apply(base)

    def plain(self):
        """What the PQ codes alone decode to: (nb, d_out) float32."""
        return self.storage.reconstruct_n(0, self.storage.ntotal)

    def exhaustive(self):
        """Decode everything, with the weights where there are some, and search it all."""
        cpu = time.process_time()
        flat = faiss.IndexFlatL2(self.rotation.d_out)
        flat.add(self.beta.decode() if self.beta else self.plain())
        ids = flat.search(self.rotation.apply(self.query), self.k)[1]
        return {"cpu_s": time.process_time() - cpu, **self.recalls(ids)}

    def encode(self):
        """Code the base again, and compare with the codes of the index."""
        if self.beta_codes is None:
            raise ValueError(f"beta {self.settings['beta']} has no codes")
        x, cpu = self.base(), time.process_time()
        codes = self.beta.encode(x, self.beta.centroids)
        cpu = time.process_time() - cpu
        return {"cpu_s": cpu, "same_codes": np.array_equal(codes, self.beta_codes)}

    def errors(self):
        """Mean squared error per vector, after the rotation, of what the codes decode to."""
        x, found = self.base(), {"error_pq": self.plain()}
        if self.beta:
            found["error_beta"] = self.beta.decode()
        return {k: ((x - y) ** 2).sum(axis=1).mean(dtype="f8").item() for k, y in found.items()}


def search(a):
    """Every operating point, `repetitions` times; write S.h5 and S.json."""
    original, rows = Original(a), []
    points = [(ef, k_reorder) for k_reorder in a.k_reorder for ef in a.efSearch]
    for point in points:
        original.check(*point)
    with new_h5(a.out) as f:
        for name, dtype in (("ids", "i4"), ("distances", "f4")):
            f.create_dataset(name, (len(points), len(original.query), a.k), dtype)
        for p, point in enumerate(points):
            times = []
            for _ in range(a.repetitions):
                row, f["ids"][p], f["distances"][p] = original.search(*point)
                times.append(row["cpu_ms_per_query"])
            rows.append(row | {"cpu_ms": times})
        report = {**original.settings, "k": a.k, "peak_rss_mb": parts.peak_rss_mb()}
        if a.base:
            report |= original.errors()
        if a.exhaustive:
            report |= {f"exhaustive_{k}": x for k, x in original.exhaustive().items()}
        f.attrs.update(report)
        for name in ("efSearch", "k_reorder", "n3", "nreorder", "cpu_ms"):
            f[name] = np.array([row[name] for row in rows])
        f["recall"] = np.array([[row.get(f"R@{r}", np.nan) for r in RANKS] for row in rows])
    for row in rows:  # those of the last repetition
        del row["cpu_ms_per_query"], row["wall_ms_per_query"]
    write_json(Path(a.out).with_suffix(".json"), report | {"points": rows})


def serve(a):
    """Answer lines of standard input until `quit` or the end."""
    original = Original(a)
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            break
        try:
            if words in (["exhaustive"], ["encode"]):
                answer = getattr(original, words[0])()
            elif len(words) == 2:
                answer = original.search(*map(int, words))[0]
            else:
                raise ValueError("expected `efSearch k_reorder`, exhaustive, encode or quit")
        except (OSError, ValueError) as e:
            answer = {"error": f"{line.strip()}: {e}"}
        print(json.dumps(answer), flush=True)


def _integers(text):
    return [int(word) for word in text.split(",")]


def _positive(text):
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected at least 1")
    return int(text)


def arguments():
    """The command line, parsed."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    commands = parser.add_subparsers(dest="command", required=True)
    p = commands.add_parser("build")
    for name in ("base", "learn", "out"):
        p.add_argument(f"--{name}", required=True)
    p.add_argument("--codec", default="OPQ32_128")
    p.add_argument("--beta", default="beta4x256")
    p.add_argument("--M0", type=_positive, default=6)
    p.add_argument("--beta-rounds", type=_positive, default=10)
    for name in ("search", "serve"):
        p = commands.add_parser(name)
        for option in ("dir", "query", "gt"):
            p.add_argument(f"--{option}", required=True)
        p.add_argument("--base")
        p.add_argument("--k", type=_positive, default=100)
        if name == "search":
            p.add_argument("--out", required=True)
            p.add_argument("--efSearch", type=_integers, default=[1, 16, 64, 256, 1024])
            p.add_argument("--k-reorder", type=_integers, default=[0, 5])
            p.add_argument("--repetitions", type=_positive, default=5)
            p.add_argument("--exhaustive", action="store_true")
    return parser.parse_args()


def main():
    """Run one command; what its input makes impossible ends in one line."""
    if not hasattr(faiss, "ReconstructFromNeighbors"):
        sys.exit(f"original.py: Faiss {faiss.__version__} has no Link & Code: use original_env.sh")
    a = arguments()
    try:
        {"build": build, "search": search, "serve": serve}[a.command](a)
    except (OSError, ValueError) as e:
        sys.exit(f"original.py: {e}")


if __name__ == "__main__":
    main()
