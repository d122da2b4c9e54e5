"""Table 2: its rows from artifacts, as CSV and as Markdown, published numbers beside ours."""

import csv
import itertools

import numpy as np

from linkprune import metrics, stats, store

RECALLS = (1, 10, 100)
COLUMNS = (
    "dataset graph policy codec beta M0 bytes_per_vector mode efSearch k_reorder".split()
    + [f"R@{k}{bound}" for k in RECALLS for bound in ("", "_lo", "_hi")]
    + "mse ndis nhops nreorder ms_per_query threads nq published_R@1 verdict".split()
)
TITLES = {
    "table2": "Table 2: Link & Code",
    "figure5": "Figure 5: links against code in 64 bytes",
}
METHOD = ("graph", "policy", "codec", "beta")
MATCH = 0.01  # difference in R@1, stated before any comparison


def published(path):
    """Published points: (dataset, M0, codec, beta, efSearch, k_reorder) -> row of strings."""
    with open(path, newline="") as f:
        rows = list(csv.DictReader(f))
    keyed = ("dataset", "M0", "codec", "beta", "efSearch", "k_reorder")
    return {tuple(row[c] for c in keyed): row for row in rows}


def rows(points, known, results, exhaustive):
    """The rows of the table, one dict a point in the order of COLUMNS.

    points: dicts of dataset, graph, policy, codec, beta; known: as ``published`` gives it; results:
    the folder of the artifacts; exhaustive: whether to add the exhaustive rows.
    """
    out = []
    for point in points:
        folder = results / point["dataset"]
        place = folder.joinpath(*(point[p] for p in ("graph", "policy", "codec", "beta")))
        error = {0: store.attrs(folder / point["codec"] / "codes.h5")["error"]}
        beta = place / "beta.h5"
        refined = error[0] if point["beta"] == "none" else store.attrs(beta)["error"]
        made = store.attrs(place / "search.h5")
        common = {**point, **{name: made[name] for name in ("M0", "bytes_per_vector")}}
        out += _graph_rows(common, place, error[0], refined, known)
        if exhaustive:
            (rank,) = store.load(place / "exhaustive.h5", rank="nq")
            k = store.attrs(place / "exhaustive.h5")["k"]
            out.append({**common, "mode": "exhaustive", **_accuracy(rank, k), "mse": refined})
    return [_formatted(row) for row in out]


def _graph_rows(common, place, error, refined, known):
    """One row per operating point; mse is that of the vectors which the results are ranked by."""
    names = ("ndis", "nhops", "nreorder")
    efSearch, k_reorder, rank, *counters = store.load(
        place / "search.h5",
        efSearch="points",
        k_reorder="points",
        rank="points nq",
        **dict.fromkeys(names, "points nq"),
    )
    (ms,) = store.load(place / "timing.h5", ms_per_query="points repetitions")
    threads = store.attrs(place / "timing.h5")["threads"]
    k = store.attrs(place / "search.h5")["k"]
    for i, (ef, r) in enumerate(zip(efSearch, k_reorder, strict=True)):
        row = {**common, "mode": "graph", "efSearch": ef, "k_reorder": r, **_accuracy(rank[i], k)}
        row["mse"] = refined if r else error
        row |= {name: float(x[i].mean()) for name, x in zip(names, counters, strict=True)}
        row |= {"ms_per_query": float(np.median(ms[i])), "threads": threads}
        key = (row["dataset"], row["M0"], row["codec"], row["beta"], ef, r)
        theirs = known.get(tuple(map(str, key)))
        if theirs:
            row["published_R@1"] = float(theirs["R@1"])
            row["verdict"] = verdict(row["R@1"], row["published_R@1"])
        yield row


def verdict(ours, theirs, allowed=MATCH):
    """match within what is allowed, near within twice, else differs; in either direction.

    The table knows one build, so it allows MATCH; the claims know the spread over several, too.
    """
    away = round(abs(ours - theirs), 6)
    return "match" if away <= allowed else "near" if away <= 2 * allowed else "differs"


def _accuracy(rank, k):
    """Recalls with their bounds; none beyond the k results that there were."""
    row = {"nq": len(rank)}
    for at in RECALLS:
        if at <= k:
            share = metrics.one_recall_at(rank, at)
            row[f"R@{at}_lo"], row[f"R@{at}_hi"] = stats.wilson(share, len(rank))
            row[f"R@{at}"] = share
    return row


def _formatted(row):
    """Values as text: a point that was not measured is an empty field."""
    digits = {"mse": "{:.6g}", "ms_per_query": "{:.5f}", "ndis": "{:.2f}", "nhops": "{:.2f}",
              "nreorder": "{:.2f}"}  # fmt: skip
    text = {}
    for column in COLUMNS:
        value = row.get(column, "")
        share = column.startswith("R@") or column == "published_R@1"
        form = "{:.4f}" if share else digits.get(column, "{}")
        text[column] = "" if value == "" else form.format(value)
    return text


def write_markdown(path, title, rows, differences=()):
    """Write the same rows for reading, grouped by data set, all or nothing.

    differences: dicts as ``comparisons.rows`` gives them of these rows.
    """
    lines = [*_markdown(title, rows), *_paired(rows, list(differences))]
    with store.replacing(path) as part, open(part, "w") as f:
        f.write("\n".join(lines) + "\n")


def _markdown(title, rows):
    yield from (
        f"# {title}",
        "",
        "R@k is the share of queries whose true nearest neighbour is among the first k results, "
        "in per cent, with its 95 % Wilson interval for R@1. L is the number of links (M0), T "
        "efSearch. `re-ranked` is the k_reorder: 0 ranks by the codes alone. Distances and hops "
        "are means per query on the base level; ms per query is the median over repetitions at "
        "the given number of threads. mse is the squared error of what the results are ranked by. "
        "A verdict is match within one point of the published R@1, near within two, else differs; "
        "the spread over seeds is left to `claims.md`.",
    )
    for dataset, group in itertools.groupby(rows, lambda row: row["dataset"]):
        group = list(group)
        with_published = any(row["published_R@1"] for row in group)
        head = "L|codec|beta|bytes|T|re-ranked|R@1|R@10|R@100|mse|distances|hops|ms/query".split(
            "|"
        )
        head += ["published R@1", "verdict"] if with_published else []
        methods, names = (
            {tuple(row[c] for c in columns) for row in group}
            for columns in (METHOD, ("M0", "codec", "beta"))
        )
        by_graph = len(methods) > len(names)  # else links, code and regression say which it is
        head = ["graph", *head] if by_graph else head
        yield from ("", f"## {dataset} ({group[0]['nq']} queries)", "")
        yield "| " + " | ".join(head) + " |"
        yield "|" + "---|" * len(head)
        for row in group:
            cells = [*_markdown_cells(row, with_published)]
            cells = [f"{row['graph']}/{row['policy']}", *cells] if by_graph else cells
            yield "| " + " | ".join(cells) + " |"
    threads = {row["threads"] for row in rows if row["threads"]}
    yield from ("", f"Threads per timed search: {', '.join(sorted(threads))}.")


def _markdown_cells(row, with_published):
    graph = row["mode"] == "graph"
    shares = {c: row[c] for c in row if c.startswith("R@")}
    percent = {c: f"{100 * float(x):.2f}" if x else "" for c, x in shares.items()}
    yield from (row["M0"], row["codec"], row["beta"], row["bytes_per_vector"])
    yield from (row["efSearch"], row["k_reorder"]) if graph else ("exhaustive", "all")
    yield f"{percent['R@1']} [{percent['R@1_lo']}, {percent['R@1_hi']}]"
    yield from (percent["R@10"], percent["R@100"], row["mse"])
    yield from (row["ndis"], row["nhops"], row["ms_per_query"])
    if with_published:
        theirs = row["published_R@1"]
        yield from (f"{100 * float(theirs):.2f}" if theirs else "", row["verdict"])


def _paired(rows, differences):
    """Differences on the same queries: a line for each pair, a column for each efSearch."""
    if not differences:
        return
    yield from (
        "",
        "## Paired differences",
        "",
        "R@1 of the first less R@1 of the second, on the same queries, in points, with its 95 % "
        "paired bootstrap interval over queries (not corrected for the number of intervals). Bold: "
        "the interval does not hold zero; elsewhere these queries do not tell the two apart. Each "
        "row is one build: a difference below twice the spread over seeds, in `seeds.md` where "
        "that has the row, may be that of the builds, bold or not.",
    )
    names = _short_names(rows)
    for dataset, group in itertools.groupby(differences, lambda row: row["dataset"]):
        lines = {}
        for row in group:
            a, b = names[row["a"]], names[row["b"]]
            what = f"{a}: re-ranked, or not" if row["kind"] == "reranked" else f"{a}, or {b}"
            if row["kind"] == "at_distances":
                what += ", at as many distances"
            at = row["efSearch"] if row["mode"] == "graph" else "exhaustive"
            lines.setdefault(what, {})[at] = _difference(row)
        columns = list(dict.fromkeys(at for line in lines.values() for at in line))
        yield from ("", f"### {dataset}", "")
        yield f"| T | {' | '.join(columns)} |"
        yield "|" + "---|" * (1 + len(columns))
        for what, line in lines.items():
            yield f"| {what} | {' | '.join(line.get(at, '') for at in columns)} |"


def _short_names(rows):
    """The full name of a row -> a short one, where that says which row it is."""
    short = {
        "/".join(row[c] for c in METHOD): " ".join((f"L{row['M0']}", row["codec"], row["beta"]))
        for row in rows
    }
    many = list(short.values())
    return {full: name if many.count(name) == 1 else full for full, name in short.items()}


def _difference(row):
    points = "{:+.2f}".format(100 * row["difference"])
    lo, hi = (100 * row[end] for end in ("lo", "hi"))
    apart = lo > 0 or hi < 0
    return f"{f'**{points}**' if apart else points} [{lo:.2f}, {hi:.2f}]"
