"""Figures inside a page: drawings whose names do not clash, and their captions as HTML."""

import re
import types

import docutils.core
import jinja2

from linkprune.errors import DataError

CAPTION = {"file_insertion_enabled": False, "raw_enabled": False, "report_level": 5}


def inline(svg, prefix):
    """The drawing of an SVG file for a page: ids, and what refers to them, begin with the prefix.

    Sizes in points are dropped, the view box stays, so that the page decides how large it is; its
    width is the property --width.
    """
    found = re.search(r"<svg\b.*</svg>", svg, re.S)
    if not found:
        raise DataError(f"figure {prefix}: not an SVG drawing")
    text = re.sub(r"<metadata>.*?</metadata>", "", found[0], flags=re.S)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r"url\(#", f"url(#{prefix}-", text)
    text = re.sub(r'href="#', f'href="#{prefix}-', text)
    text = re.sub(r"<style([^>]*)>\s*\*\s*\{", rf"<style\1>#{prefix} *{{", text)
    opening = re.match(r"<svg\b[^>]*>", text)[0]
    bare = re.sub(r'\s(?:width|height|id)="[^"]*"', "", opening)
    width = re.search(r'viewBox="\S+ \S+ ([\d.]+)', opening)[1]
    named = f'<svg id="{prefix}" style="--width: {width}"'
    return bare.replace("<svg", named, 1) + text[len(opening) :]


def caption(text, wildcards, params):
    """The HTML of a caption: reStructuredText, a template as in Snakemake's own reports.

    wildcards, params: what it may name as snakemake.wildcards.x and snakemake.params.x.
    """
    job = types.SimpleNamespace(wildcards=wildcards, params=params)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    filled = environment.from_string(text).render(snakemake=job)
    parts = docutils.core.publish_parts(filled, writer="html5", settings_overrides=CAPTION)
    return re.sub(r'<a [^>]*href="mailto:[^>]*>(.*?)</a>', r"\1", parts["body"])  # recall@10
