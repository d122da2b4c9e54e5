"""Claims of the papers and our own: what our tables say to each, by a rule fixed beforehand."""

import collections
import itertools
import math
import re
from typing import NamedTuple

import yaml

from linkprune import errors, rows
from linkprune.errors import ConfigError, DataError
from linkprune.tables import verdict

COLUMNS = "claim scale dataset point quantity ours lo hi p spread".split()
SEEDS = "results/seeds.csv"
BUILD = "dataset graph policy codec beta mode efSearch k_reorder".split()
KEYS = set("id paper source says command overlays needs scale table where point".split())
OPTIONAL = {"where", "overlays", "scale"}
KINDS = {
    "published",
    "holds",
    "margin",
    "exists",
    "most_of",
    "expected",
}  # one of them in every claim
LEVEL = 0.05


class Register(NamedTuple):
    """What the claims file holds: tolerance by quantity, results (the table of tables), claims."""

    tolerance: dict
    results: list
    claims: list


def load(path):
    """The claims file as a Register; ConfigError names a claim that is not as its head says,
    DataError says where the file is no YAML.

    A claim has the KEYS (the OPTIONAL ones may be absent) and one of the KINDS.
    """
    with errors.reading(path), open(path) as f:
        content = yaml.safe_load(f)
    for name, wanted in (("tolerance", dict), ("results", list), ("claims", list)):
        if not isinstance(content, dict) or not isinstance(content.get(name), wanted):
            raise ConfigError(f"{path}: {name}: expected a {wanted.__name__}")
    known = set()
    for number, claim in enumerate(content["claims"], 1):
        if not isinstance(claim, dict):
            raise ConfigError(f"{path}: claim {number}: expected a dict, got {claim!r}")
        kinds, name = KINDS & set(claim), str(claim.get("id", f"claim {number}, without id"))
        wrong = sorted(map(str, set(claim) - KEYS - KINDS or KEYS - OPTIONAL - set(claim)))
        if wrong or len(kinds) != 1 or name in known:
            what = f"keys {wrong}" if wrong else f"kinds {sorted(kinds)}, or given twice"
            raise ConfigError(f"{path}: {name}: {what}, expected {sorted(KEYS)} and one kind")
        known.add(name)
    return Register(content["tolerance"], content["results"], content["claims"])


def kind(claim):
    """Which of KINDS a claim is."""
    return next(iter(KINDS & set(claim)))


def readings(claims, tables, scale):
    """What the tables say to the claims: dicts as COLUMNS; none where there is no such row.

    tables: path -> rows, dicts of text, those of ``expected`` included.
    """
    for claim in claims:
        chosen = [row for row in tables.get(claim["table"], []) if selected(row, claim)]
        for reading in READ[kind(claim)](claim, chosen, tables):
            of = {"claim": claim["id"], "scale": claim.get("scale", scale)}
            yield {**dict.fromkeys(COLUMNS, math.nan), **of, **reading}


def selected(row, claim):
    """Whether a row has all that one of the wheres asks: regular expressions over whole values.

    claim: a dict with table and, optionally, where. DataError where a column is not there.
    """
    where = claim.get("where", {})
    wheres = where if isinstance(where, list) else [where]
    _check_columns(row, claim, {c for one in wheres for c in one})
    return any(all(re.fullmatch(str(x), row[c]) for c, x in one.items()) for one in wheres)


def _check_columns(row, claim, names):
    missing = set(names) - set(row)
    if missing:
        of = f", claim {claim['id']}" if "id" in claim else ""
        raise DataError(f"{claim['table']}: has no column {min(missing)}{of}")


def _reading(claim, row, quantity, ours):
    point = claim["point"].format_map(_shown(row))
    return {"dataset": row.get("dataset", ""), "point": point, "quantity": quantity, "ours": ours}


def _shown(row):
    """What a point may name: the columns, the methods a and b in short, and where they compare."""
    shown = dict(row)
    if "a" in row:
        shown |= {side: short(row[side]) for side in ("a", "b")}
        if row["a"] == row["b"]:
            shown["b"] = "its codes alone"
        shown["at"] = f"T = {row['efSearch']}" if row["efSearch"] else "exhaustive"
    return shown


def short(place):
    """graph/policy/codec/beta as a reader would say it."""
    graph, policy, codec, beta = place.split("/")
    links = re.match(r"hnsw_L(\d+)_.*_(.+)", graph)
    name = f"L{links[1]}{' on float vectors' if links[2] == 'float' else ''}" if links else graph
    name = name if policy == "unpruned" else f"{policy} of {name}"
    return " ".join(part for part in (name, codec, beta) if part != "none")


def _published(claim, chosen, tables):
    """The columns of a row, and their spread over builds from several seeds where there are any."""
    builds = {tuple(row[c] for c in BUILD): row for row in tables.get(SEEDS, [])}
    for row in chosen:
        spreads = builds.get(tuple(row.get(c) for c in BUILD), {})
        for quantity in claim["published"]:
            spread = _number(spreads.get(f"{quantity}_sd"))
            yield {**_reading(claim, row, quantity, float(row[quantity])), "spread": spread}


def _holds(claim, chosen, tables):
    """A column with its interval."""
    spec = claim["holds"]
    for row in chosen:
        lo, hi = (_number(row[c]) for c in spec["bounds"])
        ours = _number(row[spec["column"]])
        yield {**_reading(claim, row, spec["column"], ours), "lo": lo, "hi": hi}


def _margin(claim, chosen, tables):
    """For each data set how far one row lies below the least of the others, ends against ends."""
    spec = claim["margin"]
    lo, hi = spec["bounds"]
    for _, own in itertools.groupby(chosen, lambda row: row["dataset"]):
        own = list(own)
        (one,) = (row for row in own if row[spec["by"]] == spec["of"])
        others = [row for row in own if row is not one]
        column = spec["column"]
        least = [min(float(row[c]) for row in others) for c in (column, lo, hi)]
        away = [x - float(one[c]) for x, c in zip(least, (column, hi, lo), strict=True)]
        reading = _reading(claim, one, "error of the best other less its own", away[0])
        yield {**reading, "lo": away[1], "hi": away[2]}


def _exists(claim, chosen, tables):
    """For each data set the row that speaks most for the claim, its p times the rows looked at."""
    column = claim["exists"]["column"]
    for _, own in itertools.groupby(chosen, lambda row: row["dataset"]):
        own = list(own)
        below = [row for row in own if float(row[column]) < 0]
        if below:
            best = min(below, key=lambda row: float(row["p"]))
        else:
            best = min(own, key=lambda row: float(row[column]))
        p = min(1.0, float(best["p"]) * len(own))
        reading = _reading(claim, best, column, float(best[column]))
        yield {**reading, "lo": float(best["lo"]), "hi": float(best["hi"]), "p": p}


def _most_of(claim, chosen, tables):
    """The largest number of marked rows that share a value of a column; by the marks of the
    bounds, its interval."""
    spec = claim["most_of"]
    for row in chosen[:1]:
        _check_columns(row, claim, [spec["column"], spec["mark"], *spec["bounds"]])
    if claim["table"] in tables:
        of = [
            collections.Counter(row[spec["column"]] for row in chosen if row[mark] == "1")
            for mark in (spec["mark"], *spec["bounds"])
        ]
        most, lo, hi = (max(counted.values(), default=0) for counted in of)
        row = {"rows": of[0].total(), "values": len(of[0])}
        reading = _reading(claim, row, f"most of one {spec['column']}", most)
        yield {**reading, "lo": lo, "hi": hi}


def _expected(claim, chosen, tables):
    """For each data set the largest difference from the values that the repository promises."""
    spec = claim["expected"]
    promised = {tuple(row[c] for c in spec["by"]): row for row in tables.get(spec["table"], [])}
    for dataset, own in itertools.groupby(chosen, lambda row: row["dataset"]):
        own = [row for row in own if tuple(row[c] for c in spec["by"]) in promised]
        away = [
            abs(float(row[c]) - float(promised[tuple(row[b] for b in spec["by"])][c]))
            for row in own
            for c in spec["columns"]
        ]
        if away:
            row = {"dataset": dataset, "rows": len(own)}
            yield _reading(claim, row, "largest difference", max(away))


READ = {
    "published": _published,
    "holds": _holds,
    "margin": _margin,
    "exists": _exists,
    "most_of": _most_of,
    "expected": _expected,
}


def judged(claim, reading, tolerance):
    """Verdict and reason for a reading of a claim; see the head of the claims file."""
    spec = claim[kind(claim)]
    if kind(claim) == "published":
        quantity = reading["quantity"]
        allowed = within(tolerance[quantity], spec[quantity], reading["spread"])
        by = _away(reading["ours"], spec[quantity], tolerance[quantity].get("relative"))
        found = verdict(reading["ours"], spec[quantity], allowed)
        return found, f"{by} from the published value"
    ours, lo, hi = (float(reading[c]) for c in ("ours", "lo", "hi"))
    if math.isnan(ours):
        return "not measured", "a curve does not reach the recall"
    if "at_most" in spec:
        lo, hi = (ours if math.isnan(x) else x for x in (lo, hi))
        most, claimed = spec["at_most"], f"at most {spec['at_most']} is claimed"
        if round(lo, 6) <= most < round(hi, 6):
            return "no difference", f"{claimed}, which lies within the interval"
        return ("holds" if round(hi, 6) <= most else "does not hold"), claimed
    if kind(claim) == "exists":
        seen = hi < 0 and reading["p"] < LEVEL
        reason = f"p {reading['p']:.2g} after correction for how many were looked at"
        return "holds" if seen else "not seen", reason
    if math.isnan(lo) or math.isnan(hi):
        return "not measured", "in too many resamples a curve does not reach the recall"
    side = "above" if "above" in spec else "below"
    return _side(lo, hi, side, spec[side])


def within(tolerance, theirs, spread):
    """How far from a published value a match may be: as fixed, or so many spreads if that is more.

    spread: standard deviation over builds, NaN where there is one build.
    """
    fixed = tolerance["within"] * (theirs if tolerance.get("relative") else 1)
    return fixed if math.isnan(spread) else max(fixed, tolerance["spreads"] * spread)


def _away(ours, theirs, relative):
    if relative:
        return f"{100 * (ours / theirs - 1):+.1f} %"
    return f"{100 * (ours - theirs):+.2f} points"


def _side(lo, hi, side, of):
    """Whether an interval lies on the claimed side; one that touches the bound holds it."""
    if lo > of:
        return ("holds" if side == "above" else "does not hold"), f"the interval is above {of}"
    if hi < of:
        return ("holds" if side == "below" else "does not hold"), f"the interval is below {of}"
    return "no difference", f"the interval holds {of}"


def _number(text):
    return float(text) if text else math.nan


def write_csv(path, found):
    """Write readings as CSV, all or nothing; what is not a number stays empty."""
    rows.write(path, found, COLUMNS)


def read_csv(path):
    """The readings that ``write_csv`` wrote."""
    numbers = ("ours", "lo", "hi", "p", "spread")
    return [{**row, **{c: _number(row[c]) for c in numbers}} for row in rows.read(path)]
