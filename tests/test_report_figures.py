"""Figures inside the page: drawings and captions."""

import html
import re
from pathlib import Path

import pytest
from conftest import refuses

from linkprune.errors import DataError
from linkprune.report import figures

ROOT = Path(__file__).parents[1]
SVG = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="72pt" height="36pt" viewBox="0 0 720 36">
 <metadata><x href="http://example.org/"/></metadata>
 <defs><style type="text/css">*{stroke-linejoin: round}</style>
 <clipPath id="p1"><rect width="7"/></clipPath><path id="m2"/></defs>
 <g clip-path="url(#p1)"><use xlink:href="#m2" style="fill: url(#m2)"/></g>
</svg>
"""


def test_what_a_drawing_names_begins_with_its_prefix():
    one, two = (figures.inline(SVG, prefix) for prefix in ("one", "two"))
    assert re.findall(r'\bid="([^"]*)"', one) == ["one", "one-p1", "one-m2"]
    assert 'clip-path="url(#one-p1)"' in one and 'xlink:href="#one-m2"' in one
    assert "fill: url(#one-m2)" in one and "#one *{stroke-linejoin" in one
    assert not set(re.findall(r'\bid="[^"]*"', one)) & set(re.findall(r'\bid="[^"]*"', two))


def test_a_drawing_keeps_its_shape_and_loses_its_size_and_addresses():
    drawing = figures.inline(SVG, "one")
    opening = drawing.split(">")[0]
    assert opening.startswith('<svg id="one" style="--width: 720"') and "72pt" not in opening
    assert 'viewBox="0 0 720 36"' in opening and '<rect width="7"/>' in drawing
    assert "example.org" not in drawing and "DOCTYPE" not in drawing and "<?xml" not in drawing


def test_what_is_no_drawing_is_refused():
    with refuses(DataError, "one", "SVG"):
        figures.inline("<html></html>", "one")


def test_a_caption_is_a_template_of_restructuredtext():
    text = "Of *{{ snakemake.wildcards.experiment }}*, seed {{ snakemake.params.seed }}: ``a < b``."
    found = figures.caption(text, {"experiment": "pruning"}, {"seed": 7})
    assert found.strip().startswith("<p>Of <em>pruning</em>, seed 7: ")
    assert "a &lt; b" in found
    with pytest.raises(Exception, match="sead"):
        figures.caption("{{ snakemake.params.sead }}", {}, {"seed": 7})


def test_a_caption_brings_no_markup_files_or_addresses_of_its_own(tmp_path):
    (tmp_path / "secret").write_text("secret")
    text = f"""recall@10 <script>

.. raw:: html

   <b>raw</b>

.. include:: {tmp_path}/secret
"""
    found = figures.caption(text, {}, {})
    assert html.unescape(found).startswith("<p>recall@10 <script>") and "<script>" not in found
    assert not re.search("<b>|mailto|secret", found)


@pytest.mark.parametrize("path", sorted((ROOT / "workflow/report").glob("*.rst")), ids=str)
def test_the_captions_of_the_repository_are_understood(path):
    found = figures.caption(path.read_text(), {"experiment": "pruning"}, {"seed": 2018})
    assert "<p>" in found and "system-message" not in found and "problematic" not in found
