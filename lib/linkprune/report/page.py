"""results/report.html: one file, nothing fetched, readable without scripts but for its plots."""

import json
from pathlib import Path

import jinja2

from linkprune import claims_page, store

HERE = Path(__file__).parent
PARTS = ("page.html", "page.css", "page.js")
UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def write(path, **content):
    """Write the page of ``render``, all or nothing."""
    text = render(**content)
    with store.replacing(path) as part:
        part.write_text(text)


def render(run, results, tables, figures, claims, artifacts):
    """The page as text.

    run: dict of scale, made, commit, machine, versions, config, data sets, seconds, and how many
    artifacts are unmeasured, so that the seconds are not all; results: the
    table of tables, dicts of title, target, command, expected, agreement with that (a claim and how
    often each verdict fell, or None), number (in words), headline (evidence of a claim, with the
    same, or None), published, other_data (that of the published values), anchor, seconds (of the
    last step); tables, figures: dicts with name and title, of ``report.tables``
    and ``report.figures``; claims: entries of ``claims_page``; artifacts: dicts of
    ``report.provenance``.
    """
    tables, figures = list(tables), list(figures)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"size": size, "slug": slug, "duration": duration}
    plots = {t["name"]: t["plot"] for t in tables if t["plot"]}
    return environment.get_template("page.html").render(
        run=run,
        results=list(results),
        tables=tables,
        figures=figures,
        claims=claims,
        counts=claims_page.counts(claims),
        count_of=lambda entry: claims_page.counts([entry]),
        verdicts=claims_page.VERDICTS,
        artifacts=artifacts,
        known={a["path"] for a in artifacts},
        data=embedded(plots),
        style=(HERE / "page.css").read_text(),
        script=(HERE / "page.js").read_text(),
    )


def embedded(value):
    """JSON that may stand in a script element: no character there begins a tag."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def size(n):
    """Bytes in words."""
    for unit, name in UNITS:
        if n >= unit:
            return f"{n / unit:.1f} {name}"
    return f"{n} B"


def duration(seconds):
    """Seconds in words."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def slug(text):
    """A name for an anchor: letters, digits and dashes of a path."""
    return "".join(c if c.isalnum() else "-" for c in text)
