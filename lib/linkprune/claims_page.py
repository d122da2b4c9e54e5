"""Claims with their verdicts, to read: as entries for any page, and as Markdown."""

import collections
import math

from linkprune import claims, store

VERDICTS = {
    "match": "within the tolerance of the published value",
    "near": "within twice the tolerance",
    "differs": "further away, in either direction",
    "holds": "on the claimed side, with the whole 95 % interval where there is one",
    "no difference": "the interval holds the bound: this data tells neither",
    "does not hold": "on the other side",
    "not seen": "nothing of the kind among what was looked at",
    "not measured": "asked for, but at a recall that was not reached",
    "not run here": "the table of this claim was not made; the reason says what it needs",
}
# Quantity -> what a reader calls it, how often that goes into ours, and its form.
FORMS = {
    "ndis": ("ndis", 1, "{:.2f}"),
    "difference": ("R@1, points", 100, "{:+.2f}"),
    "R@1_change": ("R@1, points", 100, "{:+.2f}"),
    "mse_change": ("squared error", 1, "{:+.6g}"),
    "ratio": ("distances, ratio", 1, "{:.4f}"),
    "most of one class": ("most of one class", 1, "{:.0f}"),
}
CELLS = ("point", "quantity", "published", "ours", "tolerance")


def entries(register, found):
    """Every claim with what speaks to it: dicts of the claim and ``evidence``, a list of dicts.

    register: of ``claims.load``; found: readings. Evidence has text for scale,
    dataset, point, quantity, published, ours, tolerance, verdict, reason; not run: one of those.
    ``commands``: of every scale that speaks to the claim, the command that ran it.
    """
    of = collections.defaultdict(list)
    for reading in found:
        of[reading["claim"]].append(reading)
    out = []
    for claim in register.claims:
        evidence = [_evidence(claim, r, register.tolerance) for r in of[claim["id"]]]
        commands = _commands(claim, dict.fromkeys(r["scale"] for r in of[claim["id"]]))
        evidence = evidence or [_not_run(claim, register.tolerance)]
        out.append({**claim, "evidence": evidence, "commands": commands})
    return out


def _commands(claim, scales):
    """scale -> the claim's command, with the overlay of that scale where there is one."""
    overlays = claim.get("overlays", {})
    return {s: f"{claim['command']} {overlays.get(s, '')}".rstrip() for s in scales or ("",)}


def counts(listed):
    """How often each verdict fell, in the order of VERDICTS, those that did not left out."""
    fell = collections.Counter(e["verdict"] for entry in listed for e in entry["evidence"])
    return {verdict: fell[verdict] for verdict in VERDICTS if fell[verdict]}


def _evidence(claim, reading, tolerance):
    verdict, reason = claims.judged(claim, reading, tolerance)
    quantity = reading["quantity"]
    return {
        **{c: reading[c] for c in ("scale", "dataset", "point")},
        "quantity": _form(quantity)[0],
        "published": _published(claim, quantity),
        "ours": _ours(reading),
        "tolerance": _tolerance(claim, quantity, tolerance, reading["spread"]),
        "verdict": verdict,
        "reason": reason,
    }


def _not_run(claim, tolerance):
    """What stands for a claim whose table was not made."""
    quantities = list(claim.get("published", {"": 0}))
    return {
        **dict.fromkeys(("scale", "dataset", "point", "ours"), ""),
        "quantity": ", ".join(quantities),
        "published": ", ".join(filter(None, (_published(claim, q) for q in quantities))),
        "tolerance": "; ".join(dict.fromkeys(_tolerance(claim, q, tolerance) for q in quantities)),
        "verdict": "not run here",
        "reason": f"needs {claim['needs']}",
    }


def _published(claim, quantity):
    value = claim.get("published", {}).get(quantity)
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def _ours(reading):
    _, times, form = _form(reading["quantity"])
    ours, lo, hi = (form.format(times * reading[x]) for x in ("ours", "lo", "hi"))
    if math.isnan(reading["ours"]):
        return ""
    return ours if math.isnan(reading["lo"] + reading["hi"]) else f"{ours} [{lo}, {hi}]"


def _form(quantity):
    return FORMS.get(quantity, (quantity, 1, "{:.4f}"))


def _tolerance(claim, quantity, tolerance, spread=math.nan):
    """In words, what was fixed before the comparison."""
    spec = claim[claims.kind(claim)]
    if claims.kind(claim) == "published":
        of, theirs = tolerance[quantity], claim["published"][quantity]
        scale = theirs if of.get("relative") else 1
        share = claims.within(of, theirs, spread) / scale
        if share > of["within"]:
            unit = "%" if of.get("relative") else "points"
            return f"{100 * share:.2g} {unit}, {of['spreads']} times the spread over seeds"
        percent = f"{100 * of['within']:g}"
        return f"{percent} %" if of.get("relative") else f"{percent} point"
    if "at_most" in spec:
        return f"at most {spec['at_most']}"
    if claims.kind(claim) == "exists":
        return "interval below 0, p < .05 corrected"
    side = "above" if "above" in spec else "below"
    return f"interval {side} {spec[side]}"


def write_markdown(path, listed, title, where):
    """Write the entries as Markdown, all or nothing; where: what was run, a paragraph."""
    with store.replacing(path) as part, open(part, "w") as f:
        f.write("\n".join(_markdown(listed, title, where)) + "\n")


def _markdown(listed, title, where):
    fell = counts(listed)
    total = ", ".join(f"{n} {verdict}" for verdict, n in fell.items())
    yield from (f"# {title}", "", where, "", f"Verdicts: {total}.", "")
    yield from (f"- **{verdict}**: {meaning}" for verdict, meaning in VERDICTS.items())
    yield from ("", "| claim | of | says | verdicts |", "|---|---|---|---|")
    for entry in listed:
        fell = ", ".join(f"{verdict} ({n})" for verdict, n in counts([entry]).items())
        yield f"| {entry['id']} | {entry['paper']}: {entry['source']} | {entry['says']} | {fell} |"
    for paper in dict.fromkeys(entry["paper"] for entry in listed):
        yield from ("", f"## {paper}")
        for entry in (e for e in listed if e["paper"] == paper):
            yield from ("", f"### {entry['id']}", "", f"{entry['source']}: {entry['says']}.", "")
            yield from (f"    {command}" for command in dict.fromkeys(entry["commands"].values()))
            yield ""
            yield "| data | point | quantity | published | ours | tolerance | verdict | reason |"
            yield "|---|---|---|---|---|---|---|---|"
            for e in entry["evidence"]:
                data = f"{e['dataset']} ({e['scale']})" if e["dataset"] else e["scale"]
                cells = (data, *(e[c] for c in CELLS), f"**{e['verdict']}**", e["reason"])
                yield "| " + " | ".join(cells) + " |"
