"""The rows of compare.py: a CSV, tables in Markdown, and what did not hold."""

import csv
import statistics

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
    """Rows in the order they were measured; ``parts`` (name -> title) orders the tables."""

    def __init__(self, parts):
        self.parts, self.rows = parts, []

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
        lines = []
        for part, title in self.parts.items():
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
    return lines[:1] + ["|" + "|".join("-" * (w + 2) for w in widths) + "|"] + lines[1:]
