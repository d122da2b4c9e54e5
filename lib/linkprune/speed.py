"""Speed beside the references: the stages, the goals, and tables of what was measured.

A run is one repetition of one stage of one side, a dict with the keys of ``RUN``; a row sets a
stage of ours beside that of one reference, at one number of threads.
"""

import dataclasses
import math
import statistics

from linkprune import rows as table
from linkprune.errors import DataError


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stage and what is asked of it.

    function: of the side scripts, point: its options; references: the sides that have it; needs:
    the stages whose outputs it reads, of the original or, where own, of the side itself; least,
    best: goals for the original's CPU time by ours; quality: name -> most that an error of ours may
    be of the reference's, or (R@.., recall@..) how far ours may be below; slow: the reference takes
    minutes and runs on one thread only.
    """

    key: str
    title: str
    function: str
    references: tuple
    needs: tuple = ()
    quality: dict = dataclasses.field(default_factory=dict)
    least: float | None = None
    best: float | None = None
    own: bool = False
    slow: bool = False
    point: dict = dataclasses.field(default_factory=dict)


CODES, WEIGHTS = ("train", "graph"), ("train", "graph", "beta", "encode")
SAME, REBUILT = {"R@1": 0.001}, {"R@1 at 64": 0.003, "R@1 at 256": 0.003}
# Of search + reorder: efSearch -> what is asked for.
SEARCH = {1: (None, None), 16: (None, None), 64: (2, 5), 256: (2.5, 5), 1024: (4, 5)}
FLOAT_SEARCH = (16, 64, 256)


def _searches():
    for ef, (least, best) in SEARCH.items():
        point = {"efSearch": ef, "k_reorder": 5}
        yield Stage(f"search_{ef}", f"search + reorder 5, efSearch {ef}", "search", ("original",),
                    WEIGHTS, SAME, least, best, point=point)  # fmt: skip
    for ef in (64, 256, 1024):
        point = {"efSearch": ef, "k_reorder": 5}
        yield Stage(f"own_search_{ef}", f"search + reorder 5, own index, efSearch {ef}", "search",
                    ("original",), WEIGHTS, {"R@1": 0}, own=True, point=point)  # fmt: skip
    for ef in (64, 256, 1024):
        point = {"efSearch": ef, "k_reorder": 0}
        yield Stage(f"plain_{ef}", f"search, efSearch {ef}", "search", ("faiss",), WEIGHTS, SAME,
                    point=point)  # fmt: skip


def _on_floats():
    sides, recall = ("faiss", "hnswlib"), {"recall@10": 0.003}
    yield Stage("float_graph", "graph on floats, M 16", "float_graph", sides, (), recall, own=True)
    for ef in FLOAT_SEARCH:
        yield Stage(f"float_search_{ef}", f"search on floats, efSearch {ef}", "float_search", sides,
                    ("float_graph",), recall, own=True, point={"efSearch": ef})  # fmt: skip


STAGES = (
    Stage("train", "OPQ + PQ training", "train", ("original", "faiss"), (),
          {"error": 1.005}, 3, 6, own=True, slow=True),
    Stage("graph", "graph on codes", "graph", ("original", "faiss"), ("train",), REBUILT, 1.5, 3),
    Stage("beta", "beta training", "beta", ("original",), CODES, {"error": 1}, 40, 100, slow=True),
    Stage("encode", "encoding", "encode", ("original",), (*CODES, "beta"), {"error": 1.00001},
          6, 10),
    *_searches(),
    Stage("exhaustive", "exhaustive (decode + search)", "exhaustive", ("original",), WEIGHTS, SAME,
          1.5, 3),
    *_on_floats(),
)  # fmt: skip
REFERENCES = {"original": "Faiss 1.7.4", "faiss": "current Faiss", "hnswlib": "hnswlib"}
SIDES = ("ours", *REFERENCES)
TWO_THREADS = 1.8  # the speed-up that they must give in these stages
PARALLEL = ("search", "encode", "beta", "graph")
MEMORY = 1.3  # the most that a stage may take of its inputs and outputs
EXCEPTED = ("train",)  # from that
RUN = (
    "session data stage side threads repetition cpu_s wall_s start_mb peak_mb held_mb bits quality"
).split()
WHOLE, REAL = ("threads", "repetition"), ("cpu_s", "wall_s", "start_mb", "peak_mb", "held_mb")
ROW = (
    "data stage title reference threads session repetitions reference_repetitions cpu_s cpu_min "
    "cpu_max reference_cpu_s reference_cpu_min reference_cpu_max wall_s wall_min wall_max "
    "reference_wall_s reference_wall_min reference_wall_max ratio ratio_min ratio_max least best "
    "verdict quality reference_quality quality_verdict speedup speedup_verdict same_bits "
    "peak_mb start_mb held_mb memory_ratio reference_peak_mb reference_start_mb "
    "reference_held_mb reference_memory_ratio"
).split()


def read(paths):
    """The runs in CSV files, numbers as numbers; raises DataError where one is no table of runs."""
    runs, seen = [], set()
    for path in paths:
        for number, row in enumerate(table.read(path), 1):
            if list(row) != RUN:
                found = " ".join(map(str, row))  # None: values beyond the last column
                raise DataError(f"{path}: columns {found}, expected {' '.join(RUN)}")
            try:
                runs.append(_parsed(row))
            except ValueError as e:
                wanted = f"numbers as {' '.join(WHOLE + REAL)}, and a name to each of quality"
                raise DataError(f"{path}: run {number}: {e}; expected {wanted}") from e
            which = " ".join(str(row[name]) for name in RUN[:6])
            if row["stage"] not in [s.key for s in STAGES] or row["side"] not in SIDES:
                raise DataError(f"{path}: run {number}: {which} is of no known stage or side")
            if which in seen:
                raise DataError(f"{path}: run {number}: {which} is there twice, expected once")
            seen.add(which)
    return runs


def _parsed(row):
    """A row of text as a run; ValueError where a number is none."""
    run = dict(row)
    for name in (*WHOLE, *REAL):
        run[name] = (int if name in WHOLE else float)(row[name])
        if not 0 < run[name] < math.inf and name != "repetition":
            raise ValueError(f"{name} is {row[name]}")
    named(row["quality"])
    return run


def rows(runs):
    """The rows of all runs, data sets in the order of the runs, stages in that of ``STAGES``.

    Of several sessions the latest counts that has both sides; a speed-up is from the latest that
    has ours on one thread and on more.
    """
    groups = {}
    for run in runs:
        key = tuple(run[name] for name in ("data", "stage", "side", "threads", "session"))
        groups.setdefault(key, []).append(run)
    sessions = sorted({key[4] for key in groups}, reverse=True)
    threads = sorted({key[3] for key in groups})
    out = []
    for data in dict.fromkeys(run["data"] for run in runs):
        for stage in STAGES:
            for side in stage.references:
                for t in threads:
                    row = _row(groups, sessions, data, stage, side, t)
                    out += [row] if row else []
    return out


def _row(groups, sessions, data, stage, side, threads):
    """One row, or None where nothing of ours was measured."""

    def latest(*wanted):
        keys = [[(data, stage.key, *of, s) for of in wanted] for s in sessions]
        return next(([groups[k] for k in group] for group in keys
                     if all(k in groups for k in group)), None)  # fmt: skip

    pair = latest(("ours", threads), (side, threads))
    found = pair or latest(("ours", threads))
    if not found:
        return None
    row = dict.fromkeys(ROW, "")
    row |= {"data": data, "stage": stage.key, "title": stage.title, "threads": threads}
    row |= {"reference": REFERENCES[side], "session": found[0][0]["session"]}
    row |= {"least": stage.least or "", "best": stage.best or ""} if side == "original" else {}
    for prefix, group in zip(("", "reference_"), found, strict=False):
        row |= _side(prefix, group)
    row["same_bits"] = _same_bits(groups, data, stage, row["session"])
    if pair:
        row |= _quality(row, stage)
        row |= _ratio(row)
    both = latest(("ours", 1), ("ours", threads)) if threads > 1 else None
    if both:
        one, more = (statistics.median(r["wall_s"] for r in group) for group in both)
        row["speedup"] = one / more
        if threads == 2 and stage.function in PARALLEL:
            row["speedup_verdict"] = "holds" if one >= TWO_THREADS * more else "missed"
    return row


def _side(prefix, group):
    """What the repetitions of one side come to."""
    out = {f"{prefix}repetitions": len(group), f"{prefix}quality": group[0]["quality"]}
    for name in ("cpu", "wall"):
        values = [run[f"{name}_s"] for run in group]
        out[f"{prefix}{name}_s"] = statistics.median(values)
        out |= {f"{prefix}{name}_min": min(values), f"{prefix}{name}_max": max(values)}
    for name in ("peak_mb", "start_mb", "held_mb"):
        out[f"{prefix}{name}"] = statistics.median(run[name] for run in group)
    beyond = out[f"{prefix}peak_mb"] - out[f"{prefix}start_mb"]
    out[f"{prefix}memory_ratio"] = beyond / out[f"{prefix}held_mb"]
    return out


def _same_bits(groups, data, stage, session):
    """Whether all repetitions of ours, on any number of threads, gave the same bits."""
    of_ours = [run["bits"] for key, group in groups.items() for run in group
               if key[:3] == (data, stage.key, "ours") and key[4] == session]  # fmt: skip
    return "yes" if len(set(of_ours)) == 1 else "no"


def _ratio(row):
    """How many times less CPU time ours takes, and what that means for the goals; a verdict says
    so where a side was measured once, so that its spread is that of the other alone.
    """
    ratio = row["reference_cpu_s"] / row["cpu_s"]
    low = row["reference_cpu_min"] / row["cpu_max"]
    high = row["reference_cpu_max"] / row["cpu_min"]
    out = {"ratio": ratio, "ratio_min": low, "ratio_max": high}
    worse = row["quality_verdict"] != "holds"
    reached = verdict(ratio, low, high, row["least"], row["best"], worse)
    once = reached and 1 in (row["repetitions"], row["reference_repetitions"])
    return out | {"verdict": reached + (", one repetition" if once else "")}


def verdict(ratio, low, high, least, best, worse=False):
    """Where a ratio stands: "out for", "at least" or "missed", ", within the spread" where the
    extremes of the repetitions lie on both sides of the goal in question; "" without goals. At
    worse quality than asked for no ratio reaches a goal: "missed" or "worse quality".
    """
    if least == "":
        return ""
    if worse:
        return "missed" if ratio < least else "worse quality"
    word, goal = ("out for", best) if ratio >= best else ("at least", least)
    if ratio < least:
        word = "missed"
    return word + (", within the spread" if low < goal <= high else "")


def named(text):
    """Named numbers from a cell: "R@1=0.5 error=3" -> {"R@1": 0.5, "error": 3.0}."""
    cells = (cell.rsplit("=", 1) for cell in text.split("; ") if cell)
    return {name: float(value) for name, value in cells}


def words(quality):
    """Named numbers as one cell."""
    return "; ".join(f"{name}={value:.6g}" for name, value in quality.items())


def _quality(row, stage):
    ours, theirs = named(row["quality"]), named(row["reference_quality"])
    worse = []
    for name, limit in stage.quality.items():
        if name not in ours or name not in theirs:
            raise DataError(f"{row['data']}, {stage.key}: no {name} of both sides to compare")
        error = name.startswith("error")
        good = ours[name] <= limit * theirs[name] if error else ours[name] >= theirs[name] - limit
        worse += [] if good else [name]  # NaN is never good
    return {"quality_verdict": f"worse {', '.join(worse)}" if worse else "holds"}
