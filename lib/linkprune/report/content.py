"""What the page shows, collected from a run: its environment, tables, figures, artifacts."""

import datetime
import re
from pathlib import Path

import yaml

from linkprune import claims, claims_page, rows, vectors
from linkprune.report import environment, listing, page, provenance
from linkprune.report import figures as drawings

METADATA = ".snakemake/metadata"
NOTES = {
    "code": "R@k: is the true nearest neighbour among the first k results, in per cent, with 95 % "
    "Wilson interval. L: links of a vertex, then code and regression; T: efSearch. Re-ranked: how "
    "many of the results by their reconstructions. Error: squared, of what the results are ranked "
    "by. Distances and hops: means per query. Time: median over repetitions. A verdict is of this "
    "one build: match within one point of the published R@1, near within two, else differs; the "
    "claims below allow for the spread over seeds.",
    "seeds": "The same rows built anew from each seed, which decides the training of codec and "
    "regression and the levels of the graph: mean ± standard deviation over the builds, [least, "
    "most], on the same queries every time. Last, how far these queries leave the mean open: its "
    "95 % Wilson interval.",
    "paired": "Two rows on the same queries: how much more often the first one has the true "
    "neighbour first, with its 95 % bootstrap interval over the queries, and McNemar's mid-p. "
    "Compared: re-ranked against ranked by the codes; built on codes against on float vectors; "
    "pruned against not, at equal bytes; error: at equal bytes the row of smaller squared error "
    "against that of the larger; at distances: pruned against not, which is interpolated to as "
    "many distances (no p). An interval that holds 0 tells neither. The intervals leave out "
    "how far builds spread, which the table of several seeds shows.",
    "pruning": "Distances per query at equal recall: the ratio is that of the learned graph to the "
    "best rival there, on test queries, mean over seeds, with its 95 % paired bootstrap interval. "
    "recall@10 is the share of the true ten among the first ten. The time ratio is over the rival "
    "that is the fastest there.",
}


def artifacts(targets):
    """Everything that the targets were made of, by Snakemake's records of this folder, a list."""
    return list(provenance.artifacts(targets, provenance.records(METADATA)))


def run(config, made, command):
    """The run as ``page.render`` wants it; made: its artifacts, command: that of the page."""
    costs = {tuple(a["cost"].items()): a["cost"]["seconds"] for a in made if a["cost"]}
    return {
        "scale": config["scale"],
        "made": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": environment.git("."),
        "machine": environment.machine(),
        "versions": environment.versions("requirements.txt"),
        "config": yaml.safe_dump(config, sort_keys=False, width=110),
        "datasets": [_dataset(a["path"]) for a in made if Path(a["path"]).name == "vectors.h5"],
        "seconds": sum(costs.values()),
        "unmeasured": sum(not a["cost"] for a in made),
        "command": command,
    }


def _dataset(path):
    data = vectors.load(path)
    nb, d = data.base.shape
    return {
        "name": Path(path).parent.name,
        "nb": nb,
        "d": d,
        "nq": len(data.query),
        "metric": data.metric,
    }


def results(register, scale, made, command, listed, known):
    """The table of tables: a row for everything of the claims file that was made.

    scale: which of the expected files there is; made: paths of tables and drawings; command: of a
    target, with its name missing; listed: the entries of the claims; known: artifacts.
    """
    of = {a["path"]: a for a in known}
    entries = {entry["id"]: entry for entry in listed}
    for row in register.results:
        if row["target"] in made:
            cost = of[row["target"]]["cost"]
            path = row["target"]
            name = path.removeprefix("results/").removesuffix(".csv")
            theirs = entries.get(row["published"])
            compared = _found(theirs, ".*") if theirs and "published" in theirs else None
            claim, point = row.get("headline", ("", ""))
            expected = row["expected"].get(scale, "")
            headline = compared or _found(entries.get(claim), point)
            yield {
                **row,
                "expected": expected,
                "agreement": _agreement(expected, listed),
                "command": command.format(path),
                "published": _published(theirs),
                "other_data": bool(theirs and "published" in theirs and not compared),
                "number": _number(row.get("number"), of, headline),
                "headline": headline,
                "anchor": page.slug(name if path.endswith(".csv") else path),
                "seconds": cost["seconds"] if cost else None,
            }


def _number(spec, known, headline):
    """In words, the first row that a result's number is read in, of the data set of the headline
    where there is one; nothing where there is no such row."""
    found = rows.read(spec["table"]) if spec and spec["table"] in known else []
    of = [
        row
        for row in found
        if claims.selected(row, spec) and (not headline or row["dataset"] == headline["dataset"])
    ]
    if not of:
        return ""
    row, column = of[0], spec["column"]
    ours, lo, hi = (row[f"{column}{end}"] for end in ("", "_lo", "_hi"))
    return f"{row['dataset']} {spec['point']}: {column} {ours} [{lo}, {hi}]"


def _agreement(expected, listed):
    """The claim that a run gives what an expected file has, and its verdicts; None without one."""
    for entry in listed:
        if expected and entry.get("expected", {}).get("table") == expected:
            return _verdicts(entry)
    return None


def _verdicts(entry):
    return {"claim": entry["id"], "verdicts": claims_page.counts([entry])}


def _found(claim, point):
    """The first evidence of a claim at a point, a regular expression, with the claim's id and its
    verdicts at all points; None where it was not run."""
    for e in claim["evidence"] if claim else []:
        if e["ours"] and re.fullmatch(point, e["point"]):
            return {**e, **_verdicts(claim)}
    return None


def _published(claim):
    """In words, what was published of a result; nothing where nothing was."""
    if claim is None:
        return ""
    if "published" not in claim:
        return f"{claim['source']}: {claim['says']}"
    of = claim["published"].items()
    values = ", ".join(f"{n} {v:.4f}" if isinstance(v, float) else f"{n} {v:,}" for n, v in of)
    return f"{claim['source']}, {claim['says']}: {values}"


def tables(register, paths, more=()):
    """The tables of the page, one of its sections each; behind a table its paired comparisons,
    where those are among ``more``.
    """
    titles = {row["target"]: row["title"] for row in register.results}
    paired = {path: f"{path.removesuffix('.csv')}_paired.csv" for path in paths}
    for path in (p for both in paired.items() for p in both if p in {*paths, *more}):
        found, name = listing.table(path), Path(path).stem
        yield {
            "name": name,
            "title": _title(path, titles),
            "note": NOTES[found.pop("kind")],
            "files": _beside(path, (".csv", ".md")),
            **found,
        }


def _title(path, titles):
    main = path.replace("_paired.csv", ".csv")
    title = titles.get(main, Path(main).stem)
    return title if main == path else f"{title.split(':')[0]}: paired differences"


def figures(register, captions):
    """The figures of the page: drawing -> its caption and what that may name, as of the rules."""
    titles = {row["target"]: row["title"] for row in register.results}
    for path, of in captions.items():
        text = Path(of["caption"]).read_text()
        yield {
            "path": path,
            "title": titles.get(path, Path(path).stem),
            "svg": drawings.inline(Path(path).read_text(), f"drawing-{page.slug(Path(path).stem)}"),
            "caption": drawings.caption(text, of["wildcards"], of["params"]),
            "files": _beside(path, (".pdf", ".csv")),
        }


def _beside(path, suffixes):
    """The files of a result: of its name, or of its name and what else is in it."""
    path = Path(path)
    own = [path.with_suffix(suffix) for suffix in suffixes]
    more = sorted(path.parent.glob(f"{path.stem}_*.csv"))
    return [str(p) for p in [*own, *more] if p.exists()]
