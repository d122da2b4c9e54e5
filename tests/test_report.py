"""The parts of results/report.html: tables, the page, the rule."""

import json
import math
import re
from pathlib import Path

import pytest
from test_workflow import Run, copied, planned

from linkprune import claims, claims_page, comparisons, rows, tables
from linkprune.report import content, listing, page

ROOT = Path(__file__).parents[1]


# Tables


def code_row(**values):
    row = {**dict.fromkeys(tables.COLUMNS, ""), "dataset": "d", "graph": "hnsw_L6_M32_efC9_float",
           "policy": "unpruned", "codec": "PQ8", "beta": "beta0", "M0": "6", "mode": "graph",
           "R@1": "0.5", "R@1_lo": "0.4", "R@1_hi": "0.6", "nq": "50", "mse": "1.5"}  # fmt: skip
    return {**row, **{name: str(value) for name, value in values.items()}}


def test_table_2_has_a_cell_for_what_was_measured_and_a_point_for_each_row(tmp_path):
    found = [code_row(efSearch=ef, k_reorder=r, ndis=10 * ef) for ef in (1, 16) for r in (0, 5)]
    found.append(code_row(mode="exhaustive", dataset="e"))
    rows.write(tmp_path / "table2.csv", found, tables.COLUMNS)
    made = listing.table(str(tmp_path / "table2.csv"))
    assert made["kind"] == "code" and len(made["rows"]) == 5
    assert "hops" not in made["head"] and "R@10, %" not in made["head"]  # nothing there
    shown = dict(zip(made["head"], made["rows"][1], strict=True))
    assert shown["row"] == "L6 PQ8 beta0" and shown["R@1, %"] == "50.00 [40.00, 60.00]"
    numeric = dict(zip(made["head"], made["numeric"], strict=True))
    assert numeric["R@1, %"] and numeric["T"] and not numeric["row"] and not numeric["mode"]
    points = made["plot"]["points"]
    assert [p["style"] for p in points] == ["solid", "dashed", "solid", "dashed", "dashed"]
    assert [p["end"] for p in points] == [False] * 4 + [True]
    assert (
        points[3]["efSearch"] == 16 and points[3]["ndis"] == 160 and "ms_per_query" not in points[3]
    )
    assert [y[0] for y in made["plot"]["y"]] == ["R@1"]


def test_paired_comparisons_stand_behind_their_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    rows.write("results/table2.csv", [code_row(efSearch=1)], tables.COLUMNS)
    of = "hnsw_L6_M32_efC200_PQ8/unpruned/PQ8/"
    values = {"dataset": "d", "kind": "error", "a": f"{of}beta4x256", "b": f"{of}none"}
    values |= {"difference": "0.0123", "lo": "-0.001", "hi": "0.02", "R@1_a": "0.5", "R@1_b": ".4"}
    found = dict.fromkeys(comparisons.COLUMNS, "") | values
    rows.write("results/table2_paired.csv", [found], comparisons.COLUMNS)
    register = claims.load(ROOT / "expected/claims.yaml")
    (alone,) = content.tables(register, ["results/table2.csv"])
    first, second = content.tables(register, ["results/table2.csv"], ["results/table2_paired.csv"])
    assert first == alone and second["title"] == "Table 2: paired differences"
    shown = dict(zip(second["head"], second["rows"][0], strict=True))
    assert shown["R@1, points"] == "+1.23 [-0.10, +2.00]" and shown["T"] == "exhaustive"
    assert (shown["first"], shown["second"]) == ("L6 PQ8 beta4x256", "L6 PQ8")


def test_pruned_graphs_are_told_from_rivals_and_initial_graphs():
    common = {"dataset": "d", "mean_degree": "7", "efSearch": "4", "ms_per_query": "1"}
    common |= {"R@1": "0.5", "R@1_lo": "0.4", "R@1_hi": "0.6", "recall@10": "0.7", "ndis": "9"}
    methods = [("learned", "g_float", "rl_a_seed1"), ("rival", "g_float", "unpruned"),
               ("rival", "h_float", "unpruned"), ("rival", "g_float", "used_D8")]  # fmt: skip
    found = [{**common, "role": r, "graph": g, "policy": p} for r, g, p in methods]
    points = listing._pruning_plot(found)["points"]
    assert [(p["series"], p["style"]) for p in points] == [
        ("rl_a_seed1 on g", "solid"),
        ("initial: g", "initial"),
        ("h", "thin"),
        ("used_D8 on g", "thin"),
    ]
    assert points[0]["R@1_lo"] == 0.4 and points[0]["recall@10"] == 0.7


# The page


def test_embedded_data_cannot_end_its_element_and_is_read_again():
    value = {"a": "</script><!-- & é", "b": [1.5, None]}
    text = page.embedded(value)
    assert not re.search("[<>&]", text) and json.loads(text) == value


@pytest.mark.parametrize(
    "n, text", [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 << 29, "1.5 GiB")]
)
def test_sizes_are_in_words(n, text):
    assert page.size(n) == text


@pytest.mark.parametrize(
    "seconds, text",
    [(None, ""), (0.04, "0.0 s"), (59.9, "59.9 s"), (60, "1 min 0 s"), (3725, "1 h 2 min")],
)
def test_durations_are_in_words(seconds, text):
    assert page.duration(seconds) == text


def rendered(**changes):
    artifact = {"path": "results/t.csv", "rule": "table", "inputs": ["results/t.csv", "lib/x.py"],
                "sha256": "ab" * 32, "bytes": 2048, "cost": None, "attributes": {}}  # fmt: skip
    machine = {"processor": "p", "cores": "2", "memory": "1 GiB"}
    run = {"scale": "toy", "made": "now", "commit": None, "machine": machine, "config": "a: <b>",
           "versions": {"numpy": "1"}, "datasets": [], "seconds": 0, "unmeasured": 1,
           "command": "x"}  # fmt: skip
    register = claims.load(ROOT / "expected/claims.yaml")
    whole = {"run": run, "results": [], "tables": [], "figures": [], "artifacts": [artifact],
             "claims": claims_page.entries(register, [])}  # fmt: skip
    return page.render(**{**whole, **changes})


def test_the_page_says_what_is_in_the_run_and_escapes_it():
    text = rendered()
    assert "a: &lt;b&gt;" in text and "not a git checkout" in text
    assert (
        f'title="{"ab" * 32}"' in text
        and "2.0 KiB" in text
        and "1 of these, 1 of code or given" in text
    )
    assert text.count('<details class="claim"') == len(
        claims.load(ROOT / "expected/claims.yaml")[2]
    )


def test_the_page_refers_to_nothing_outside():
    text = re.sub(r'xmlns(?::\w+)?="[^"]*"', "", rendered())
    text = text.replace('"http://www.w3.org/2000/svg"', "")  # a name, in the script
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert not re.search(r"https?://|@import|url\((?!#)|\bsrc=", text)


def test_every_result_of_the_claims_file_knows_its_claim():
    register = claims.load(ROOT / "expected/claims.yaml")
    targets = [row["target"] for row in register.results]
    assert len(set(targets)) == len(targets)
    ids = {claim["id"] for claim in register.claims}
    assert {row["published"] for row in register.results} <= ids | {""}
    readings = claims.read_csv(ROOT / "expected/claims.csv")
    for claim, point in (row["headline"] for row in register.results if "headline" in row):
        assert any(r["claim"] == claim and re.fullmatch(point, r["point"]) for r in readings)
    for row in register.results:
        for path in row["expected"].values():
            assert (ROOT / path).exists()


@pytest.fixture
def few(tmp_path, monkeypatch):
    """A folder with a Table 2 of one row for each of two data sets."""
    monkeypatch.chdir(tmp_path)
    columns = {
        "dataset": "c", "M0": 6, "policy": "unpruned", "codec": "OPQ36_144", "beta": "beta4x256",
        "mode": "graph", "efSearch": 1024, "k_reorder": 5, "R@1": 0.5, "R@1_lo": 0.4, "R@1_hi": 0.6,
    }  # fmt: skip
    (tmp_path / "results").mkdir()
    lines = (columns, columns.values(), {**columns, "dataset": "d", "R@1": 0.45}.values())
    text = "\n".join(",".join(map(str, line)) for line in lines)
    (tmp_path / "results/table2.csv").write_text(text + "\n")


def test_the_table_of_tables_has_what_was_made(few):
    register = claims.load(ROOT / "expected/claims.yaml")
    listed = claims_page.entries(register, [])
    made = ["results/table2.csv", "results/figures/toy.svg"]
    known = [{"path": path, "cost": {"seconds": 2.0} if "table" in path else None} for path in made]
    table, toy = content.results(register, "demo", made, "snakemake {} --x", listed, known)
    assert table["command"] == "snakemake results/table2.csv --x" and table["anchor"] == "table2"
    assert table["expected"] == "expected/demo.csv" and table["seconds"] == 2.0
    assert "R@1 0.4283" in table["published"] and "ndis" not in table["published"]
    assert toy["seconds"] is None and toy["anchor"] == "results-figures-toy-svg"
    assert "up to two" in toy["published"] and toy["expected"] == "docs/claims.md"
    (other, _) = content.results(register, "1M", made, "snakemake {}", listed, known)
    assert other["expected"] == ""
    assert table["headline"] is None and table["other_data"] and not toy["other_data"]
    assert table["number"] == "c L6 OPQ36_144 beta4x256, T = 1024: R@1 0.5 [0.4, 0.6]"
    assert toy["number"] == "" and toy["agreement"] is None and other["agreement"] is None
    assert table["agreement"] == {"claim": "embedded_numbers", "verdicts": {"not run here": 1}}
    text = rendered(results=[table, toy])
    assert "</code></a>, the last step took 2.0 s</td>" in text
    assert text.count("; other data, not compared</td>") == 1


def test_a_row_has_our_number_and_the_published_one_where_the_data_is_the_same(few):
    register = claims.load(ROOT / "expected/claims.yaml")
    blank = {
        "scale": "demo",
        "dataset": "d",
        **dict.fromkeys(("lo", "hi", "p", "spread"), math.nan),
    }
    points = ("L6 OPQ36_144 beta4x256, T = 64", "L6 OPQ36_144 beta4x256, T = 1024")
    found = [
        {**blank, "claim": "regression_raises_recall", "point": point, "quantity": "difference",
         "ours": 0.01 * i, "lo": -0.01, "hi": 0.1} for i, point in enumerate(points, 2)
    ]  # fmt: skip
    theirs = {**blank, "claim": "table2_deep100m", "point": "T = 1024", "quantity": "R@1",
              "ours": 0.43}  # fmt: skip
    for readings, wanted, other in (
        (found, "+3.00 [", True),
        ([*found, theirs], "0.4300", False),
    ):
        listed = claims_page.entries(register, readings)
        known = [{"path": "results/table2.csv", "cost": None}]
        (row,) = content.results(register, "demo", ["results/table2.csv"], "{}", listed, known)
        assert row["headline"]["ours"].startswith(wanted) and row["other_data"] == other
        verdict = "no difference" if other else "match"
        assert row["headline"]["verdict"] == verdict
        assert row["number"].startswith("d L6 ")  # of the headline's data set
        text = rendered(results=[row])
        assert wanted in text and ("other data, not compared" in text) == other
        assert f'">{verdict}</span>{"; at all points" if other else "<br>"}' in text
        assert ("<b>2</b> no difference</span>" in text) == other


# The rule


def test_the_page_shows_what_it_is_told_to_and_needs_nothing_else(tmp_path):
    folder = copied(tmp_path / "repo")
    chosen = [["table2", "toy"], ["pruning"], ["tabel2"]]
    run = [
        Run(folder, "-n", "results/report.html", "--config", f"report=[{','.join(names)}]")
        for names in chosen
    ]
    table, pruning = (planned(r.well()) for r in run[:2])
    for plan in (table, pruning):
        assert plan["report"] == plan["claims"] == 1
    assert table["toy"] == table["table2_plot"] == 1 and table["search"] == 6
    assert not set(table) & {"prune", "figure5_plot", "estimators", "structure", "cost_plot"}
    assert pruning["initial"] == pruning["pruning_plot"] == 1 and "table2_plot" not in pruning
    status, text = run[2].end()
    assert status != 0 and "report: tabel2 is no table or figure, expected one of table2, " in text
    assert "Traceback" not in text
