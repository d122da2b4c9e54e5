"""What compare.py measured as rows and checks: a CSV, tables in Markdown, what did not hold."""

import csv
import statistics

import numpy as np
from ours import TOLERANCE

PARTS = {
    "a": "Training (encoding: of the original's index in turns; ours includes the rotation)",
    "b1": "Search, each side on its own index",
    "b2": "Search, ours on the index of the original",
    "c": "Reconstruction and encoding, on the index of the original",
    "d": "Peak memory of a search process",
    "e": "Training of the weights, on the index of the original (by round, it leaves out some)",
}
ROW = "R@1", "R@10", "R@100", "n3"
MARGIN = 0.01  # of R@1, below the original
COLUMNS = [
    "part", "stage", "threads", "ours_median", "ours_min", "ours_max", "original_median",
    "original_min", "original_max", "unit", "ratio", "ours_quality", "original_quality", "check",
    "verdict",
]  # fmt: skip
SPREAD = {"median": statistics.median, "min": min, "max": max}


def words(quality):
    """Named numbers as one cell: name=value, separated by blanks."""
    return " ".join(f"{name}={x:.6g}" for name, x in quality.items())


class Report:
    """Rows in the order they were measured, and lines that say what they refer to."""

    def __init__(self, header):
        self.header, self.rows = header, []

    def add(self, part, stage, unit, ours=(), original=(), threads=1, quality=({}, {}), checks=()):
        """One row: values of both sides, their qualities, and checks as (text, whether it holds).

        ratio is original by ours.
        """
        row = {"part": part, "stage": stage, "unit": unit, "threads": threads}
        for side, values in (("ours", ours), ("original", original)):
            for name, of in SPREAD.items():
                row[f"{side}_{name}"] = of(values) if len(values) else ""
        if len(ours) and len(original) and row["ours_median"]:
            row["ratio"] = row["original_median"] / row["ours_median"]
        row["ours_quality"], row["original_quality"] = map(words, quality)
        row["check"] = "; ".join(text for text, _ in checks)
        row["verdict"] = "; ".join("holds" if good else "misses" for _, good in checks)
        self.rows.append(row)

    def write(self, path):
        """Write the CSV."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", newline="") as f:
            out = csv.DictWriter(f, COLUMNS, restval="", lineterminator="\n")
            out.writeheader()
            out.writerows(self.rows)

    def text(self):
        """All tables, then a line per check that misses."""
        lines = [*self.header]
        for part, title in PARTS.items():
            rows = [_cells(row) for row in self.rows if row["part"] == part]
            lines += ["", f"### {part}. {title}", "", *_markdown(rows)]
        misses = [
            f"- {row['part']}, {row['stage']}, threads {row['threads']}: {check}"
            for row in self.rows
            for check, verdict in _checks(row)
            if verdict == "misses"
        ]
        total = sum(len(_checks(row)) for row in self.rows)
        return "\n".join([*lines, "", f"{len(misses)} of {total} checks miss", *misses])


def _checks(row):
    if not row["check"]:
        return []
    return list(zip(row["check"].split("; "), row["verdict"].split("; "), strict=True))


def _cells(row):
    cells = {"stage": row["stage"], "threads": str(row["threads"])}
    for side in ("ours", "original"):
        median, low, high = (row[f"{side}_{name}"] for name in SPREAD)
        spread = f" ({low:.4g} to {high:.4g})" if low != high else ""
        cells[side] = "" if median == "" else f"{median:.6g}{spread}"
    cells |= {"unit": row["unit"], "ratio": f"{row['ratio']:.3g}" if "ratio" in row else ""}
    cells |= {"our quality": row["ours_quality"], "its quality": row["original_quality"]}
    checks = [verdict if verdict == "holds" else f"misses: {x}" for x, verdict in _checks(row)]
    return cells | {"verdict": "; ".join(checks)}


def _markdown(rows):
    """Rows of equal keys as a table of fixed width."""
    table = [list(rows[0]), *([*row.values()] for row in rows)] if rows else []
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "| " + " | ".join(x.ljust(w) for x, w in zip(line, widths, strict=True)) + " |"
        for line in table
    ]
    return [*lines[:1], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]]


def _at_most(ours, original, share):
    """The check of a cost: medians, ours at most a share of the original's."""
    text = "not slower" if share == 1 else f"at most 1/{1 / share:.0f} of the CPU time"
    return text, bool(np.median(ours) <= share * np.median(original))


def _cpu(builds, stages):
    """CPU seconds of some stages of the original together, by build."""
    return [sum(build["cpu_s"][stage] for stage in stages.split()) for build in builds]


def training(report, seconds, builds, encoding, sides):
    """Part a. seconds: threads -> stage -> (repetitions, 2); sides: qualities by name."""
    original = {
        "rotation, PQ": (_cpu(builds, "opq pq"), "error_pq", 1),
        "codes, graph": (_cpu(builds, "add reorder_links"), "R@10", 1),
        "weights": (_cpu(builds, "beta_total"), "error_beta", 1 / 20),
        "encoding": (encoding, "error_encoded", 1 / 5),
    }
    for threads, stages in seconds.items():
        for stage, times in stages.items():
            cpu, wall = times.T
            if threads > 1:
                report.add("a", stage, "wall s", wall, threads=threads)
                continue
            its, quality, share = original[stage]
            checks = [_at_most(cpu, its, share)] if share < 1 else []
            of = [{quality: side[quality]} for side in sides]
            report.add("a", stage, "CPU s", cpu, its, quality=of, checks=checks)


def search(report, points, threads):
    """Parts b1 and b2: the points of ``compare.take_turns``."""
    for (ef, r), x in points.items():
        stage, cpu = f"efSearch {ef}, k_reorder {r}", "CPU ms/query"
        theirs = {name: x["answer"][name] for name in ROW}
        speed = {w: [_at_most(x[w], x["original"], 1)] if r else [] for w in ("own", "exported")}
        own, exported = x["own_recalls"], x["exported_recalls"]
        recall = f"R@1 at most {MARGIN} lower", own["R@1"] >= theirs["R@1"] - MARGIN
        report.add(
            "b1", stage, cpu, x["own"], x["original"], 1, (own, theirs), [recall, *speed["own"]]
        )
        report.add("b1", stage, "wall ms/query", x["threads"], threads=threads)
        agreement, same = (
            x["agreement"],
            ("same ids except ties", not x["agreement"]["unexplained"]),
        )
        equal = "n3 equal", exported["n3"] == theirs["n3"]
        report.add(
            "b2", stage, cpu, x["exported"], x["original"], 1, (exported | agreement, theirs),
            [same, equal, *speed["exported"]],
        )  # fmt: skip


def parity(report, ours, original):
    """Part c: ``ours.parity`` and the original's errors by the same names."""
    for name, stage in (("error_pq", "plain"), ("error_beta", "regressed")):
        near = abs(ours[name] - original[name]) <= TOLERANCE * original[name]
        report.add(
            "c", f"{stage} reconstruction", "squared error", [ours[name]], [original[name]],
            checks=[(f"equal to {TOLERANCE}", near)],
        )  # fmt: skip
    report.add("c", "PQ codes", "share that an earlier vertex has", [ours["shared"]])
    quality = {"error": ours["error_own_codes"]}, {"error": original["error_beta"]}
    checks = [("error not higher where codes differ", ours["higher"] == 0)]
    report.add(
        "c", "encoding", "share of equal codes", [ours["same_codes"]], (), 1, quality, checks
    )


def memory(report, ours, original):
    """Part d: ours is what was loaded -> MB."""
    for kind, mb in ours.items():
        report.add("d", kind, "MB", mb, original, checks=[("not higher", mb[0] <= original[0])])


def weights(report, cpu, builds, errors, histories):
    """Part e: our CPU seconds; of both sides the error after encoding, and (parts, rounds)."""
    its, history = _cpu(builds, "beta_total"), histories[0]
    checks = [
        _at_most(cpu, its, 1 / 20),
        ("final error not higher", errors[0] <= errors[1]),
        ("no round raises the error", bool((np.diff(history) <= 0).all())),
    ]
    of = [{"error_beta": x} for x in errors]
    report.add("e", "training", "CPU s", cpu, its, quality=of, checks=checks)
    for number, (x, y) in enumerate(zip(*(h.sum(0) for h in histories), strict=True), 1):
        report.add("e", f"after round {number}", "squared error", [x], [y])
