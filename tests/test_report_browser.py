"""results/report.html in a real browser: nothing fetched, nothing missing, readable everywhere."""

import csv
import json
import re

import browser
import pytest
from test_workflow import table, undisturbed

pytestmark = pytest.mark.skipif(
    not (browser.CHROMIUM and browser.DRIVER),
    reason="no chromium and chromedriver here (Debian: chromium, chromium-driver)",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return undisturbed(tmp_path_factory)[4]


@pytest.fixture(scope="module")
def opened(folder, tmp_path_factory):
    with browser.browser(tmp_path_factory.mktemp("browser")) as window:
        window.address_of_page = (folder / "results/report.html").as_uri()
        yield window


@pytest.fixture
def page(opened):
    """The page, loaded anew in a window of a desktop in light colours."""
    opened.log("browser"), opened.log("performance")
    opened.resize(1280, 900)
    opened.prefer("light")
    opened.open(opened.address_of_page)
    opened.wait("document.documentElement.className === 'ready'")
    return opened


def test_nothing_is_fetched_and_nothing_goes_wrong(page):
    assert page.log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in page.log("performance")]
    sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    asked = [m["request"]["url"] for m in sent if m["documentURL"] == page.address_of_page]
    assert page.address_of_page in asked
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    text = page.run("return document.documentElement.outerHTML")
    assert re.findall(r'(?:src|srcset|action)="(?!data:)[^"]*"', text) == []


def test_the_page_forbids_itself_to_fetch(page):
    said = page.run("return fetch('http://127.0.0.1:9/').then(() => 'sent', (e) => `${e}`)")
    assert said != "sent"
    refused = [e["message"] for e in page.log("browser")]
    assert refused and all("Content Security Policy" in m and "127.0.0.1" in m for m in refused)


def test_every_figure_is_there_and_large_enough_to_see(page, folder):
    found = page.run(
        "return [...document.querySelectorAll('figure')].map((f) => {"
        "  const svg = f.querySelector('.drawing svg'), box = svg.getBoundingClientRect();"
        "  const caption = f.querySelector('figcaption').textContent.trim().length;"
        "  return [f.id, box.width, box.height, svg.querySelectorAll('path').length, caption];})"
    )
    made = sorted(p.stem for p in (folder / "results/figures").glob("*.svg"))
    assert "table2" in made
    assert sorted(f[0].removeprefix("results-figures-").removesuffix("-svg") for f in found) == made
    for _, width, height, paths, caption in found:
        assert width > 300 and height > 80 and paths > 5 and caption > 50


def test_no_two_elements_share_an_id_and_every_reference_has_its_target(page):
    found = page.run(
        "const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);"
        "const asked = [...document.querySelectorAll('a[href^=\"#\"], use')]"
        "  .map((e) => (e.getAttribute('href') || e.getAttribute('xlink:href')).slice(1));"
        "const clips = [...document.querySelectorAll('[clip-path]')]"
        "  .map((e) => e.getAttribute('clip-path').slice(5, -1));"
        "return {ids, asked: [...asked, ...clips]};"
    )
    assert len(set(found["ids"])) == len(found["ids"])
    assert found["asked"] and set(found["asked"]) <= set(found["ids"])


def test_every_row_of_the_table_is_there(page, folder):
    cells = page.run(
        "return [...document.querySelectorAll('#table2-rows tbody tr')]"
        "  .map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    rows = table(folder)
    assert len(cells) == len(rows) == 16
    for shown, row in zip(cells, rows, strict=True):
        assert shown[0] == row["dataset"] and row["codec"] in shown[1]
        lo, x, hi = (f"{100 * float(row[f'R@1{end}']):.2f}" for end in ("_lo", "", "_hi"))
        assert f"{x} [{lo}, {hi}]" in shown
        assert {row["mse"], row["efSearch"], row["ms_per_query"]} <= set(shown)


def test_every_artifact_is_there_with_its_rule_hash_and_cost(page, folder):
    rows = page.run(
        "return [...document.querySelectorAll('#artifact-rows tbody tr')]"
        "  .map((row) => [...row.cells].map((cell) => cell.innerText.trim()))"
    )
    by_path = {row[0].replace("\n", ""): row for row in rows}
    paths = [str(p.relative_to(folder)) for p in (folder / "results").rglob("*.h5")]
    assert len(paths) > 20 and set(paths) <= set(by_path)
    for path in paths:
        _, rule, inputs, sha256, size, seconds, _, _ = by_path[path]
        assert rule and "of code" in inputs and re.fullmatch("[0-9a-f]{12}", sha256) and size
        assert re.fullmatch(r"[\d.]+ s", seconds)


def test_every_claim_has_its_verdict(page, folder):
    shown = page.run(
        "return [...document.querySelectorAll('details.claim')].map((d) => d.dataset.verdicts)"
    )
    with open(folder / "results/claims.csv", newline="") as f:
        read = {row["claim"] for row in csv.DictReader(f)}
    assert len(shown) > 10 and all(shown)
    assert sum("not run here" not in verdicts for verdicts in shown) == len(read) > 0
    assert sum("not run here" in verdicts for verdicts in shown) == len(shown) - len(read)


@pytest.mark.parametrize("width", [375, 320])
def test_a_phone_scrolls_tables_but_not_the_page(page, width):
    page.resize(width, 812, mobile=True)
    page.open(page.address_of_page)
    page.run("for (const d of document.querySelectorAll('details')) d.open = true;")
    wide = page.run(
        "const w = document.documentElement.clientWidth;"
        "return [document.documentElement.scrollWidth, document.body.scrollWidth, w]"
    )
    assert wide == [width] * 3
    assert page.run("const b = document.querySelector('#table2 .scroll');"
                    "return b.scrollWidth > b.clientWidth")  # fmt: skip
    box = page.run("return document.querySelector('.plot svg').getBoundingClientRect().width")
    assert 200 < box < width


def marks(page):
    """The points of the first plot: series, place in the window."""
    page.scroll_to("#table2 .plot")
    return page.run(
        "return [...document.querySelectorAll('#table2 .plot .dot')].map((dot) => {"
        "  const box = dot.getBoundingClientRect();"
        "  return [dot.parentNode.dataset.series, dot.parentNode.getAttribute('class'),"
        "          box.x + box.width / 2, box.y + box.height / 2];})"
    )


def test_a_point_says_its_efsearch_distances_recall_and_time(page, folder):
    rows = [r for r in table(folder) if r["dataset"] == "blobs" and r["beta"] == "beta2x256"]
    found = marks(page)
    assert len(found) == 8  # of blobs: 4 and 2 points on the graphs, 2 exhaustive ones
    own = [m for m in found if m[0].endswith("beta2x256") and m[1] == "dashed"]
    x, y = max((m[2:] for m in own[:2]), key=lambda at: at[0])
    assert page.run("return document.getElementById('tip').hidden")
    page.move(x, y)
    said = page.run("return document.getElementById('tip').innerText")
    (row,) = (r for r in rows if (r["efSearch"], r["k_reorder"]) == ("16", "5"))
    lo, share, hi = (f"{100 * float(row[f'R@1{end}']):.2f}" for end in ("_lo", "", "_hi"))
    assert "L4 OPQ8_32 beta2x256" in said and re.search(r"efSearch\s+16\b", said)
    assert f"{share} % [{lo}, {hi}]" in said and "ms per query" in said
    assert re.search(rf"distances\s+{float(row['ndis']):.1f}"[:-2], said)
    page.move(5, 5)
    assert page.run("return document.getElementById('tip').hidden")


def test_another_data_set_and_axis_draw_anew(page):
    before = marks(page)
    page.run(
        "const [data, , along] = document.querySelectorAll('#table2 select');"
        "data.value = 'angles'; along.value = 'ndis'; along.dispatchEvent(new Event('change'));"
    )
    after = marks(page)
    assert len(after) == len(before) and after != before
    assert "angles" in page.run("return document.querySelector('.plot svg').ariaLabel")


def test_a_name_of_the_legend_hides_its_curves(page):
    page.run("document.querySelector('#table2 .legend button').click()")
    assert {m[0] for m in marks(page)} == {"L5 OPQ8_32 none"}


def test_dark_colours_are_used_where_they_are_preferred(page):
    ask = (
        "const of = (s) => getComputedStyle(document.querySelector(s)), body = of('body');"
        "return [body.backgroundColor, body.color, of('.drawing').backgroundColor, "
        "of('.drawing svg:not([id*=table2])').filter]"
    )
    light = page.run(ask)
    page.prefer("dark")
    dark = page.run(ask)
    ground, ink = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in dark[:2])
    assert ground < 150 and ink > 600
    assert dark[:2] != light[:2]
    # A drawing is dark on light: in the dark its lightness changes places, its ground is the card.
    assert light[2:] == ["rgb(255, 255, 255)", "none"]
    assert sum(map(int, re.findall(r"\d+", dark[2])[:3])) < 150 and "invert" in dark[3]
    # But for the heat table, whose ink is chosen for the colour of each cell.
    heat = "const x = getComputedStyle(document.querySelector('.drawing svg[id*=table2]'));"
    assert page.run(f"{heat} return [x.filter, x.backgroundColor]") == [
        "none",
        "rgb(255, 255, 255)",
    ]


def column(page, i):
    return page.run(
        "return [...document.querySelectorAll('#table2-rows tbody tr:not([hidden])')]"
        "  .map((row) => row.cells[arguments[0]].textContent)",
        i,
    )


def test_a_table_is_sorted_by_a_click_and_filtered_by_words(page):
    heads = page.run(
        "return [...document.querySelectorAll('#table2-rows th')].map((h) => h.innerText)"
    )
    at = heads.index("R@1, %")
    click = "document.querySelectorAll('#table2-rows th button')[arguments[0]].click()"
    first = column(page, at)
    for descending in (False, True):
        page.run(click, at)
        shown = [float(text.split()[0]) for text in column(page, at)]
        assert shown == sorted(shown, reverse=descending) and len(shown) == len(first)
    page.run(
        "const input = document.querySelector('#table2 input');"
        "input.value = 'ANGLES exhaustive'; input.dispatchEvent(new Event('input'));"
    )
    assert column(page, 0) == ["angles"] * 2
    assert page.run("return document.querySelector('#table2 output').textContent") == "2 of 16 rows"


def test_claims_of_one_verdict_are_shown(page):
    page.run("document.querySelector('#verdicts [data-verdict=\"not run here\"]').click()")
    shown = page.run(
        "return [...document.querySelectorAll('details.claim')]"
        "  .map((d) => [d.hidden, d.dataset.verdicts.includes('not run here')])"
    )
    assert all(hidden != fits for hidden, fits in shown) and [True, False] in shown


def test_a_figure_is_enlarged_by_a_click_and_comes_back(page):
    place = "return document.querySelector('#enlarged svg') ? 'dialog' : 'figure'"
    width = "return document.querySelector('#enlarged svg').getBoundingClientRect().width"
    page.scroll_to(".drawing")
    x, y = page.run("const b = document.querySelector('.drawing').getBoundingClientRect();"
                    "return [b.x + 50, b.y + 60]")  # fmt: skip
    page.click(x, y)
    assert page.run("return document.getElementById('enlarged').open")
    assert page.run(place) == "dialog"
    before = page.run(width)
    page.run("document.querySelector('#enlarged [value=in]').click()")
    assert page.run(width) == pytest.approx(1.5 * before, rel=0.05)
    page.run("document.querySelector('#enlarged [value=close]').click()")
    assert page.run(
        f"return new Promise((r) => setTimeout(() => r((() => {{{place}}})()), 100))"
    ) == ("figure")


def test_it_prints_with_the_claims_unfolded(page):
    assert page.pdf().startswith(b"%PDF")
    assert page.run("return [...document.querySelectorAll('details.claim')].every((d) => d.open)")


def test_on_paper_nothing_is_cut_and_no_control_stands(page):
    page.prefer("light", "print")
    page.run("for (const d of document.querySelectorAll('details')) d.open = true;")
    for width, height, wide in ((688, 1000, "false"), (1030, 650, "true")):
        page.resize(width, height)  # what the margins leave of A4: tables lie on their side
        cut = page.run(
            "const width = document.documentElement.clientWidth;"
            "return [...document.querySelectorAll('td, th, svg, pre, p, .scroll')]"
            f"  .filter((e) => !!e.closest('section.table, #artifacts') === {wide})"
            "  .filter((e) => e.checkVisibility() && (e.getBoundingClientRect().right > width + 1"
            "    || (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)))"
            "  .map((e) => [e.tagName, e.className, e.textContent.slice(0, 40)])"
        )
        assert cut == []
    shown = page.run(
        "return [...document.querySelectorAll('nav, input, select, .zoom, .controls, #tip')]"
        "  .filter((e) => e.checkVisibility()).length"
    )
    assert shown == 0
