"""Mean and spread of rows of Table 2 over builds from several seeds, as CSV and as Markdown."""

import itertools
import statistics

from linkprune import metrics, stats, store

POINT = "dataset graph policy codec beta".split()
RECALLS = (1, 10, 100)
SPREADS = {f"R@{k}": (100, ".2f") for k in RECALLS} | {"mse": (1, ".5g"), "ndis": (1, ".1f")}
COLUMNS = (
    [*POINT, *"M0 bytes_per_vector mode efSearch k_reorder seeds nq".split()]
    + [f"R@{k}{part}" for k in RECALLS for part in ("", "_sd", "_least", "_most", "_lo", "_hi")]
    + [f"{name}{part}" for name in ("mse", "ndis") for part in ("", "_sd", "_least", "_most")]
)


def rows(points, seeds, results, exhaustive=True):
    """One dict for each operating point of each row, as COLUMNS: means over the builds.

    points: dicts of POINT; seeds: those of the builds, results / row / seed<n>.h5; exhaustive:
    whether they were searched so. _sd is the
    standard deviation (of a sample) over the builds, _least and _most are their extremes; _lo and
    _hi bound the mean R@k by what the queries leave open (95 % Wilson).
    """
    for point in points:
        place = results.joinpath(*(point[name] for name in POINT))
        builds = [list(_found(place / f"seed{seed}.h5", exhaustive)) for seed in seeds]
        for of in zip(*builds, strict=True):
            row = {**point, **of[0], "seeds": len(seeds)}
            for name in SPREADS.keys() & row.keys():
                values = [one[name] for one in of]
                row[name] = statistics.fmean(values)
                row[f"{name}_sd"] = statistics.stdev(values)
                row[f"{name}_least"], row[f"{name}_most"] = min(values), max(values)
                if name.startswith("R@"):
                    row[f"{name}_lo"], row[f"{name}_hi"] = stats.wilson(row[name], row["nq"])
            yield row


def _found(path, exhaustive):
    """The operating points of a build, in the order of Table 2, each as a dict."""
    made = store.attrs(path)
    efSearch, k_reorder, ranks, ndis = store.load(
        path, efSearch="points", k_reorder="points", rank="points nq", ndis="points nq"
    )
    common = {name: made[name] for name in ("M0", "bytes_per_vector")}
    errors = {False: made["error_of_codes"], True: made["error_of_reconstructions"]}
    for ef, r, rank, n in zip(efSearch, k_reorder, ranks, ndis, strict=True):
        point = {"mode": "graph", "efSearch": ef, "k_reorder": r, "mse": errors[r > 0]}
        yield {**common, **point, "ndis": float(n.mean()), **_recalls(rank, made["k"])}
    if exhaustive:
        (rank,) = store.load(path, exhaustive="nq")
        point = {"mode": "exhaustive", "mse": errors[True]}
        yield {**common, **point, **_recalls(rank, made["k"])}


def _recalls(rank, k):
    """R@k of ranks (nq,), none beyond the k results that there were."""
    shares = {f"R@{at}": metrics.one_recall_at(rank, at) for at in RECALLS if at <= k}
    return {"nq": len(rank), **shares}


def write_markdown(path, table):
    """Write rows as ``rows`` gives them for reading, all or nothing."""
    with store.replacing(path) as part, open(part, "w") as f:
        f.write("\n".join(_markdown(table)) + "\n")


def _markdown(table):
    yield from (
        "# Several seeds",
        "",
        "The same rows built anew from each seed, which decides the training of codec and "
        "regression and the levels of the graph. Mean and standard deviation over the builds, "
        "least and most in brackets; R@k in per cent, on the same queries every time. In the last "
        "column how far the queries leave the mean R@1 open: its 95 % Wilson interval.",
    )
    for dataset, own in itertools.groupby(table, lambda row: row["dataset"]):
        own = list(own)
        yield from ("", f"## {dataset} ({own[0]['seeds']} seeds, {own[0]['nq']} queries)", "")
        yield "| row | T | re-ranked | R@1 | R@10 | error | distances | R@1, by the queries |"
        yield "|---" * 8 + "|"
        for row in own:
            graph = row["mode"] == "graph"
            at = (row["efSearch"], row["k_reorder"]) if graph else ("exhaustive", "all")
            spreads = [spread(row, of) for of in ("R@1", "R@10", "mse", "ndis")]
            queries = f"[{100 * row['R@1_lo']:.2f}, {100 * row['R@1_hi']:.2f}]"
            name = f"L{row['M0']} {row['codec']} {row['beta']}"
            yield "| " + " | ".join(map(str, (name, *at, *spreads, queries))) + " |"


def spread(row, name):
    """mean ± standard deviation [least, most] as text, nothing where it was not measured."""
    if row.get(name, "") == "":
        return ""
    times, form = SPREADS[name]
    mean, least, most = (
        f"{times * float(row[name + part]):{form}}" for part in ("", "_least", "_most")
    )
    if "e" not in mean:
        form = f".{len(mean.partition('.')[2])}f"  # as many places
    return f"{mean} ± {times * float(row[name + '_sd']):{form}} [{least}, {most}]"
