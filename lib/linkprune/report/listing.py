"""Tables of the page: which columns a reader sees, and what of them the plots draw."""

from linkprune import claims, spreads
from linkprune.rows import read

SHARES = ("R@1", "R@10", "R@100")


def table(path):
    """A table of results as dict of kind, head, rows, numeric, plot.

    path: a CSV file with the columns of Table 2, of ``spreads``, of ``comparisons``, or of
    ``pruning_tables``: then the cells are those of its summary, and the plot has its points. kind:
    code, seeds, paired or pruning.
    """
    found = read(path)
    if path.endswith("_paired.csv"):
        return {"kind": "paired", **_cells(found, _PAIRED), "plot": None}
    if "R@1_sd" in found[0]:
        return {"kind": "seeds", **_cells(found, _SEEDS), "plot": None}
    if "k_reorder" in found[0]:
        return {"kind": "code", **_cells(found, _CODE), "plot": _code_plot(found)}
    summary = read(path.removesuffix(".csv") + "_summary.csv")
    return {"kind": "pruning", **_cells(summary, _SUMMARY), "plot": _pruning_plot(found)}


def series(row):
    """What a row of Table 2 is called: links, code, regression, and the policy that pruned it."""
    pruned = [] if row["policy"] == "unpruned" else [row["policy"]]
    other = [] if row["graph"].startswith("hnsw_") else [row["graph"]]
    return " ".join([f"L{row['M0']}", row["codec"], row["beta"], *pruned, *other])


def _percent(row, share):
    if not row[share]:
        return ""
    lo, hi = (f"{100 * float(row[f'{share}_{end}']):.2f}" for end in ("lo", "hi"))
    return f"{100 * float(row[share]):.2f} [{lo}, {hi}]"


def _interval(row):
    """Without an interval where the recall lies outside the range of too many resamples."""
    return row["ratio"] + (f" [{row['ratio_lo']}, {row['ratio_hi']}]" if row["ratio_lo"] else "")


def _difference(row):
    points = (f"{100 * float(row[x]):+.2f}" for x in ("difference", "lo", "hi"))
    return "{} [{}, {}]".format(*points)


def _name(place):
    """A graph on float vectors, which all of a pruning experiment are, and its policy if pruned."""
    return place.removesuffix("/unpruned").replace("_float", "")


def _span(lo, hi):
    return f"{float(lo):.2f} to {float(hi):.2f}" if lo and hi else ""


# Head -> column, or a function of the row.
_CODE = {
    "data": "dataset",
    "row": series,
    "bytes": "bytes_per_vector",
    "mode": "mode",
    "T": "efSearch",
    "re-ranked": "k_reorder",
    **{f"{share}, %": lambda row, share=share: _percent(row, share) for share in SHARES},
    "error": "mse",
    "distances": "ndis",
    "hops": "nhops",
    "ms per query": "ms_per_query",
    "published R@1": "published_R@1",
    "verdict": "verdict",
}
_SEEDS = {
    "data": "dataset",
    "row": series,
    "mode": "mode",
    "T": "efSearch",
    "re-ranked": "k_reorder",
    "seeds": "seeds",
    **{f"{x}, %": lambda row, x=x: spreads.spread(row, x) for x in SHARES},
    "error": lambda row: spreads.spread(row, "mse"),
    "distances": lambda row: spreads.spread(row, "ndis"),
    "R@1 by the queries, %": lambda row: _percent(row, "R@1"),
}
_PAIRED = {
    "data": "dataset",
    "compared": lambda row: row["kind"].replace("_", " "),
    "T": lambda row: row["efSearch"] or "exhaustive",
    "R@1, points": _difference,
    "p": lambda row: row["p"] and f"{float(row['p']):.2g}",
    "first": lambda row: claims.short(row["a"]),
    "second": lambda row: "by its codes" if row["a"] == row["b"] else claims.short(row["b"]),
    "first's R@1, %": lambda row: f"{100 * float(row['R@1_a']):.2f}",
    "second's": lambda row: f"{100 * float(row['R@1_b']):.2f}",
}
_SUMMARY = {  # what is found first, as the last columns lie outside of most windows
    "data": "dataset",
    "measure": "measure",
    "at": "target",
    "ratio": _interval,
    "distances": "learned_distances",
    "its distances": "rival_distances",
    "best rival": lambda row: _name(row["best_rival"]),
    "agent": "policy",
    "graph": lambda row: _name(row["graph"]),
    "seeds": "seeds",
    "time ratio": "ms_ratio",
    "of its turns": lambda row: _span(row["ms_ratio_min"], row["ms_ratio_max"]),
    "fastest rival": lambda row: _name(row["fastest_rival"]),
    "CPU s of a training": "cpu_s",
}


def _cells(found, columns):
    """head: names; rows: lists of texts; numeric: by column, for alignment and sorting."""
    rows = [[of(row) if callable(of) else row[of] for of in columns.values()] for row in found]
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]  # no empty columns
    rows = [[row[i] for i in kept] for row in rows]
    numeric = [all(_is_number(row[i]) for row in rows) for i in range(len(kept))]
    return {"head": [list(columns)[i] for i in kept], "rows": rows, "numeric": numeric}


def _is_number(text):
    try:
        float((text or "0").split(" [")[0])
    except ValueError:
        return False
    return True


def _code_plot(found):
    """One curve for each row and k_reorder; the exhaustive search is a point at the right."""
    points = []
    for row in found:
        most = max((r["k_reorder"] for r in found if series(r) == series(row)), key=_order)
        exhaustive = row["mode"] == "exhaustive"
        shown = most if exhaustive else row["k_reorder"]
        point = {
            "dataset": row["dataset"],
            "series": series(row),
            "style": "dashed" if _order(shown) > 0 else "solid",
            "note": "exhaustive" if exhaustive else f"re-ranked {row['k_reorder']}",
            "end": exhaustive,
        }
        points.append(point | _numbers(row, ("efSearch", "ndis", "ms_per_query", "nq")))
    return {
        "points": points,
        "x": [
            ["efSearch", "efSearch (the paper's T)", "log"],
            ["ndis", "distances per query", "log"],
            ["ms_per_query", "ms per query", "log"],
        ],
        "y": [[share, share, "linear"] for share in SHARES if found[0][share]],
        "note": "Solid: ranked by the codes alone; dashed: re-ranked by the reconstructions. "
        "Diamonds: exhaustive search. Bands: 95 % Wilson intervals.",
    }


def _order(text):
    return int(text or -1)


def _pruning_plot(found):
    """Learned graphs in colour, one curve for each seed; rivals and initial graphs in grey."""
    initial = {row["graph"] for row in found if row["role"] == "learned"}
    points = []
    for row in found:
        learned, graph = row["role"] == "learned", row["graph"].removesuffix("_float")
        is_initial = row["policy"] == "unpruned" and row["graph"] in initial
        name = graph if row["policy"] == "unpruned" else f"{row['policy']} on {graph}"
        point = {
            "dataset": row["dataset"],
            "series": f"initial: {name}" if is_initial else name,
            "style": "solid" if learned else "initial" if is_initial else "thin",
            "note": f"{row['mean_degree']} links a vertex",
            "end": False,
        }
        names = ("efSearch", "ndis", "ms_per_query", "nq", "recall@10")
        points.append(point | _numbers(row, names))
    return {
        "points": points,
        "x": [
            ["ndis", "distances per query", "linear"],
            ["ms_per_query", "ms per query", "linear"],
        ],
        "y": [["R@1", "R@1", "nines"], ["recall@10", "recall@10", "nines"]],
        "note": "Colour: learned graphs, one curve for each seed; grey: rivals, dashed the initial "
        "graph. Bands: 95 % Wilson intervals of R@1.",
    }


def _numbers(row, names):
    wanted = [*names, *(f"{s}{end}" for s in SHARES for end in ("", "_lo", "_hi") if s in row)]
    return {name: float(row[name]) for name in wanted if row.get(name)}
