"""The rows of ``speed`` as Markdown."""

from linkprune import speed


def markdown(rows, header=()):
    """Tables of times, goals, threads and memory, data set by data set."""
    lines = [*header]
    for data in dict.fromkeys(row["data"] for row in rows):
        of_data = [row for row in rows if row["data"] == data]
        one = [row for row in of_data if row["threads"] == 1]
        more = [row for row in of_data if row["threads"] > 1]
        lines += ["", f"### {data}"]
        for title, cells in (
            ("one thread, CPU seconds", [_times(row) for row in _timed(one)]),
            ("more threads, wall seconds", [_threads(row) for row in more]),
            ("peak memory, MB", [_memory(row) for row in of_data]),
        ):
            lines += ["", title, "", *_table(cells)] if cells else []
    return "\n".join(lines) + "\n"


def _timed(rows):
    """The rows with a ratio, and of each stage that has none the first, for the times of ours."""
    compared = {row["stage"] for row in rows if row["ratio"] != ""}
    alone = {row["stage"]: row for row in rows[::-1] if row["stage"] not in compared}
    return [row for row in rows if row["ratio"] != "" or row is alone.get(row["stage"])]


def _times(row):
    beside = row["ratio"] != ""
    ratio = "{ratio:.3g} ({ratio_min:.3g} to {ratio_max:.3g})".format(**row) if beside else ""
    goal = f"{row['least']:g}, {row['best']:g}" if beside and row["least"] != "" else ""
    return {
        "stage": row["title"],
        "reference": row["reference"] if beside else "",
        "ours": _spread(row, "cpu", ""),
        "its": _spread(row, "cpu", "reference_"),
        "ratio": ratio,
        "at least, out for": goal,
        "reached": row["verdict"],
        **_quality(row),
    }


def _threads(row):
    speedup = row["speedup"]
    return {
        "stage": row["title"],
        "threads": str(row["threads"]),
        "ours": _spread(row, "wall", ""),
        "speed-up over one thread": f"{speedup:.2f}" if speedup != "" else "",
        f"at least {speed.TWO_THREADS}": row["speedup_verdict"],
        "same bits": row["same_bits"],
        "reference": row["reference"],
        "its": _spread(row, "wall", "reference_"),
        **_quality(row),
    }


def _quality(row):
    """What both sides made on this number of threads."""
    return {
        "quality, ours": row["quality"],
        "quality, its": row["reference_quality"],
        "quality": row["quality_verdict"],
    }


def _memory(row):
    cells = {"stage": row["title"], "threads": str(row["threads"]), "reference": row["reference"]}
    for side, prefix in (("ours", ""), ("its", "reference_")):
        if row[f"{prefix}peak_mb"] == "":
            continue
        peak, start, held = (row[f"{prefix}{name}_mb"] for name in ("peak", "start", "held"))
        cells[f"{side}: peak"] = f"{peak:.0f}"
        cells[f"{side}: before"] = f"{start:.0f}"
        cells[f"{side}: inputs + outputs"] = f"{held:.1f}"
        cells[f"{side}: ratio"] = f"{row[f'{prefix}memory_ratio']:.2f}"
    return cells | {f"at most {speed.MEMORY}": _limit(row)}


def _limit(row):
    """Whether the memory of ours is within the limit, where there is one for the stage."""
    if row["stage"] in speed.EXCEPTED:
        return "excepted"
    return "over" if row["memory_ratio"] > speed.MEMORY else "holds"


def _spread(row, name, prefix):
    """Median (least to most; repetitions)."""
    if row[f"{prefix}{name}_s"] == "":
        return ""
    median, low, high = (row[f"{prefix}{name}_{x}"] for x in ("s", "min", "max"))
    return f"{median:.4g} ({low:.4g} to {high:.4g}; {row[f'{prefix}repetitions']})"


def _table(rows):
    """Dicts as a Markdown table, columns in the order of their first appearance, no empty ones."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    names = [name for name in names if any(row.get(name) for row in rows)]
    lines = [names, *([row.get(name, "") for name in names] for row in rows)]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return [text[0], "|" + "---|" * len(names), *text[1:]]
