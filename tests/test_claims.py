"""Verdicts follow from what was fixed beforehand, and docs/claims.md from the committed data."""

import collections
import csv
import math
import sys
from pathlib import Path

import pytest
import yaml
from conftest import refuses

from linkprune import claims, claims_page, tables
from linkprune.errors import ConfigError, DataError

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "expected"))

import update_claims

REGISTER = claims.load(ROOT / "expected/claims.yaml")
BASE = {
    "id": "one", "paper": "Link & Code", "source": "Table 2", "says": "it is so", "needs": "data",
    "command": "snakemake results/t.csv", "table": "results/t.csv", "point": "T = {T}",
}  # fmt: skip
TOLERANCE = {
    "R@1": {"within": 0.01, "spreads": 2}, "ndis": {"within": 0.05, "relative": True, "spreads": 2},
}  # fmt: skip


def claim(**of):
    return {**BASE, **of}


def read(of, rows, scale="demo", **more):
    return list(claims.readings([of], {"results/t.csv": rows, **more}, scale))


def verdict(of, rows, **more):
    return [claims.judged(of, r, TOLERANCE)[0] for r in read(of, rows, **more)]


def row(**values):
    return {name: str(value) for name, value in {"dataset": "d", "T": 1, **values}.items()}


# Verdicts, at their edges


@pytest.mark.parametrize(
    "ours, want",
    [("0.5000", "match"), ("0.5100", "match"), ("0.4900", "match"), ("0.5101", "near"),
     ("0.4800", "near"), ("0.5200", "near"), ("0.5201", "differs"), ("0.4799", "differs")],
)  # fmt: skip
def test_a_share_matches_within_a_point_and_is_near_within_two(ours, want):
    of = claim(published={"R@1": 0.5})
    assert verdict(of, [row(**{"R@1": ours})]) == [want]


@pytest.mark.parametrize(
    "ours, want",
    [("1000", "match"), ("1050", "match"), ("950", "match"), ("1050.01", "near"), ("900", "near"),
     ("1100.01", "differs"), ("899.99", "differs")],
)  # fmt: skip
def test_a_count_matches_within_five_per_cent(ours, want):
    assert verdict(claim(published={"ndis": 1000}), [row(ndis=ours)]) == [want]


@pytest.mark.parametrize(
    "sd, ours, want, words",
    [("0.003", "0.5200", "near", "1 point"), ("0.008", "0.5160", "match", "1.6 points, 2 times"),
     ("0.008", "0.5161", "near", "1.6 points"), ("0.008", "0.4680", "near", "1.6 points"),
     ("0.008", "0.5321", "differs", "1.6 points"), ("", "0.5160", "near", "1 point")],
)  # fmt: skip
def test_twice_the_spread_over_seeds_is_allowed_where_it_is_more(sd, ours, want, words):
    of, own = claim(published={"R@1": 0.5}), dict.fromkeys(claims.BUILD, "x")
    seeds = [{**own, "R@1_sd": sd}, {**own, "efSearch": "y", "R@1_sd": "0.2"}]
    table = [row(**own, **{"R@1": ours})]
    (reading,) = read(of, table, **{claims.SEEDS: seeds})
    (entry,) = claims_page.entries(claims.Register(TOLERANCE, [], [of]), [reading])
    (evidence,) = entry["evidence"]
    assert evidence["verdict"] == want and evidence["tolerance"].startswith(words)


def test_each_scale_has_its_command(tmp_path):
    of = claim(published={"ndis": 1000}, overlays={"10k": "--config scale=10k"})
    found = [r | {"scale": s} for s in ("demo", "10k", "10k") for r in read(of, [row(ndis="1000")])]
    (entry,) = claims_page.entries(claims.Register(TOLERANCE, [], [of]), found)
    wanted = {"demo": of["command"], "10k": f"{of['command']} --config scale=10k"}
    assert entry["commands"] == wanted
    claims_page.write_markdown(tmp_path / "a.md", [entry], "title", "where")
    text = (tmp_path / "a.md").read_text()
    assert "\n\n" + "".join(f"    {c}\n" for c in wanted.values()) + "\n| data" in text
    (entry,) = claims_page.entries(claims.Register(TOLERANCE, [], [of]), [])
    assert list(entry["commands"].values()) == [of["command"]]


@pytest.mark.parametrize("side, sign", [("above", 1), ("below", -1)])
@pytest.mark.parametrize(
    "lo, hi, want",
    [(0.001, 0.3, "holds"), (0.0, 0.3, "no difference"), (-0.1, 0.3, "no difference"),
     (-0.3, 0.0, "no difference"), (-0.3, -0.001, "does not hold")],
)  # fmt: skip
def test_an_interval_that_holds_the_bound_says_nothing(side, sign, lo, hi, want):
    lo, hi = sorted((1 + sign * lo, 1 + sign * hi))
    of = claim(holds={"column": "x", "bounds": ["lo", "hi"], side: 1})
    assert verdict(of, [row(x=(lo + hi) / 2, lo=lo, hi=hi)]) == [want]


@pytest.mark.parametrize("x, lo", [("", "0.1"), ("0.5", "")])
def test_what_could_not_be_measured_is_said_to_be_so(x, lo):
    of = claim(holds={"column": "x", "bounds": ["lo", "hi"], "above": 0})
    assert verdict(of, [row(x=x, lo=lo, hi="0.9")]) == ["not measured"]


@pytest.mark.parametrize(
    "p, n, hi, want",
    [(0.0249, 2, -0.01, "holds"), (0.0251, 2, -0.01, "not seen"), (0.0249, 3, -0.01, "not seen"),
     (0.001, 2, 0.0, "not seen")],
)  # fmt: skip
def test_one_case_among_many_has_to_be_rarer(p, n, hi, want):
    of = claim(exists={"column": "difference"})
    rows = [row(difference=-0.02, lo=-0.03, hi=hi, p=p)]
    rows += [row(difference=0.1, lo=0.05, hi=0.2, p=1e-9)] * (n - 1)
    found = read(of, rows)
    assert verdict(of, rows) == [want]
    assert found[0]["ours"] == -0.02 and found[0]["p"] == pytest.approx(min(1, p * n))


@pytest.mark.parametrize(
    "surely, likely, maybe, want",
    [("a", "aabb", "aabbc", "holds"), ("ab", "aabb", "aaabb", "no difference"),
     ("ab", "aaab", "aaab", "no difference"), ("aaa", "aaab", "aaaab", "does not hold")],
)  # fmt: skip
def test_the_most_of_one_value_is_counted_with_its_interval(surely, likely, maybe, want):
    spec = {"column": "class", "mark": "hub", "bounds": ["lo", "hi"], "at_most": 2}
    of = claim(most_of=spec, point="{rows}, {values}")
    marks = {"lo": collections.Counter(surely), "hub": collections.Counter(likely)}
    marks["hi"] = collections.Counter(maybe)
    rows = [
        {"class": c, **{mark: str(int(i < counted[c])) for mark, counted in marks.items()}}
        for c in "abc"
        for i in range(5)
    ]
    (found,) = read(of, rows)
    assert found["point"] == "4, 2" and verdict(of, rows) == [want]
    assert [found[c] for c in ("lo", "ours", "hi")] == [
        max(map(text.count, text)) for text in (surely, likely, maybe)
    ]


def test_a_mark_that_is_no_column_is_refused():
    spec = {"column": "class", "mark": "hub", "bounds": ["lo", "hi"], "at_most": 2}
    with refuses(DataError, "results/t.csv", "no column hi", "claim one"):
        read(claim(most_of=spec), [{"class": "a", "hub": "1", "lo": "0"}])


def margin(second, relative=0.30):
    """The one in question has 0.30 [0.29, 0.31]; the next is second +- 0.01."""
    of = claim(margin={"column": "x", "bounds": ["lo", "hi"], "by": "name", "of": "r", "above": 0})
    rows = [
        row(name=n, x=x, lo=x - 0.01, hi=x + 0.01)
        for n, x in (("q", 0.9), ("r", relative), ("s", second))
    ]
    return of, rows


@pytest.mark.parametrize(
    "second, want", [(0.33, "holds"), (0.315, "no difference"), (0.25, "does not hold")]
)
def test_the_best_is_the_best_only_if_the_intervals_are_apart(second, want):
    of, rows = margin(second)
    (found,) = read(of, rows)
    assert verdict(of, rows) == [want]
    ends = [second - 0.3 + x for x in (0, -0.02, 0.02)]
    assert [found[c] for c in ("ours", "lo", "hi")] == pytest.approx(ends)


def test_the_promised_numbers_are_compared_row_by_row():
    spec = {"table": "expected/t.csv", "by": ["dataset", "T"], "columns": ["x"], "at_most": 0.01}
    of = claim(expected=spec, point="{rows} rows")
    rows = [row(T=1, x=0.5), row(T=2, x=0.7), row(T=3, x=0.1), row(dataset="e", T=1, x=0.2)]
    promised = [row(T=1, x=0.51), row(T=2, x=0.7), row(dataset="e", T=1, x=0.22)]
    more = {"expected/t.csv": promised}
    assert [r["point"] for r in read(of, rows, **more)] == ["2 rows", "1 rows"]
    assert verdict(of, rows, **more) == ["holds", "does not hold"]


# What is read


def test_rows_are_chosen_by_whole_values_of_one_where_or_the_other():
    rows = [row(kind=k, T=t, x=t) for k, t in (("a", 1), ("b", 2), ("ab", 3), ("c", 4), ("c", 16))]
    rows[1]["T"] = "10"
    for where, want in (
        ({"kind": "a|b"}, [1, 2]),
        ([{"kind": "a"}, {"kind": "c", "T": 1}], [1]),
        ([{"kind": "a"}, {"kind": "c", "T": 4}], [1, 4]),
        ([{"kind": "a|b", "T": "1.*"}, {"kind": "c", "T": ".."}], [1, 2, 16]),
    ):
        of = claim(where=where, holds={"column": "x", "bounds": ["x", "x"], "above": 0})
        assert [r["ours"] for r in read(of, rows)] == want


def test_a_claim_on_data_of_all_scales_has_one_scale():
    of = claim(published={"ndis": 1000})
    scales = [read(one, [row(ndis=1)], "100k")[0]["scale"] for one in (of, of | {"scale": "demo"})]
    assert scales == ["100k", "demo"]


def test_a_point_names_what_was_compared_and_where():
    a, b = (f"hnsw_L{M0}_M32_efC200_PQ8/unpruned/PQ8/beta0" for M0 in (6, 7))
    of = claim(holds={"column": "x", "bounds": ["x", "x"], "above": 0}, point="{a}, {b}, {at}")
    rows = [row(a=a, b=a, efSearch=64, x=1), row(a=a, b=b, efSearch="", x=1)]
    assert [r["point"] for r in read(of, rows)] == [
        "L6 PQ8 beta0, its codes alone, T = 64",
        "L6 PQ8 beta0, L7 PQ8 beta0, exhaustive",
    ]


def test_a_column_that_is_not_there_is_an_error_that_names_it():
    of = claim(where={"kinds": "a"}, published={"R@1": 0.5})
    with refuses(DataError, "results/t.csv", "kinds", "one"):
        read(of, [row(kind="a")])


@pytest.mark.parametrize(
    "change, word",
    [({"sais": "x"}, "sais"), ({"holds": {}}, "holds"), ({"says": None}, "says"), ({}, "twice")],
)
def test_a_claim_that_is_not_complete_is_refused(tmp_path, change, word):
    one = {**BASE, "published": {"R@1": 0.5}, **change}
    one = {name: value for name, value in one.items() if value is not None}
    content = {"tolerance": {}, "results": [], "claims": [one] if change else [one, one]}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(content))
    with refuses(ConfigError, "one", word):
        claims.load(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    "text, kind, words",
    [("a: [", DataError, "line 1, column 5"), ("- 3", ConfigError, "tolerance"),
     ("", ConfigError, "tolerance"),
     ("{tolerance: {}, results: [], claims: 5}", ConfigError, "claims: expected a list"),
     ("{tolerance: {}, results: [], claims: [5]}", ConfigError, "claim 1"),
     ("{tolerance: {}, results: [], claims: [{1: 2, a: b}]}", ConfigError, "claim 1")],
)  # fmt: skip
def test_a_file_that_holds_no_claims_is_refused(tmp_path, text, kind, words):
    (tmp_path / "c.yaml").write_text(text)
    with refuses(kind, "c.yaml", words):
        claims.load(tmp_path / "c.yaml")


def test_readings_survive_their_file(tmp_path):
    of = claim(holds={"column": "x", "bounds": ["lo", "hi"], "above": 0})
    found = read(of, [row(x=0.125, lo="", hi=0.25)])
    claims.write_csv(tmp_path / "c.csv", found)
    (again,) = claims.read_csv(tmp_path / "c.csv")
    assert math.isnan(again.pop("lo")) and math.isnan(again.pop("p"))
    assert again.items() <= found[0].items() and again["hi"] == 0.25


# The committed files


def published():
    with open(ROOT / "expected/published.csv", newline="") as f:
        return list(csv.DictReader(f))


def test_every_published_value_is_one_of_the_published_file():
    listed = [c for c in REGISTER.claims if "published" in c]
    keyed = ("dataset", "M0", "codec", "beta", "efSearch", "k_reorder")
    for of in listed:
        (known,) = (
            p for p in published() if all(p[c] == str(of["where"][c]) for c in keyed)
        )  # fmt: skip
        assert {name: float(known[name]) for name in of["published"]} == of["published"]
        assert known["source"] in of["source"]
    assert len(listed) == len(published())


def test_the_tolerance_is_that_of_the_table():
    shares = [REGISTER.tolerance[name]["within"] for name in ("R@1", "R@10", "R@100")]
    assert shares == [tables.MATCH] * 3
    assert {q for c in REGISTER.claims for q in c.get("published", ())} <= set(REGISTER.tolerance)


def test_the_page_in_docs_is_what_the_committed_readings_give(tmp_path):
    readings = claims.read_csv(update_claims.READINGS)
    update_claims.page(readings, tmp_path / "claims.md")
    assert (tmp_path / "claims.md").read_text() == update_claims.PAGE.read_text(), "make claims"
    assert {r["claim"] for r in readings} <= {c["id"] for c in REGISTER.claims}


def test_a_claim_that_was_not_run_says_what_it_needs_and_never_has_a_number_of_ours():
    listed = claims_page.entries(REGISTER, [])
    assert claims_page.counts(listed) == {"not run here": len(REGISTER.claims)}
    for entry in listed:
        (e,) = entry["evidence"]
        assert e["ours"] == "" and e["reason"] == f"needs {entry['needs']}"
        assert bool(e["published"]) == ("published" in entry)


def test_new_readings_replace_those_of_the_same_claim_and_scale():
    places = (("a", "100k"), ("a", "x"), ("b", "demo"), ("a", "demo"))
    old = [{"claim": c, "scale": s, "ours": 1} for c, s in places]
    new = [{"claim": "a", "scale": "demo", "ours": i} for i in (2, 3)]
    assert update_claims.merged(old, new) == [*new, old[2], old[0], old[1]]


def test_markdown_has_a_line_for_every_claim_and_every_reading(tmp_path):
    of = claim(published={"R@1": 0.5, "ndis": 1000})
    register = claims.Register(TOLERANCE, [], [of, claim(id="two", published={"R@1": 0.4})])
    found = read(of, [row(ndis=1010, **{"R@1": "0.53"})])
    claims_page.write_markdown(
        tmp_path / "c.md", claims_page.entries(register, found), "Claims", "Here."
    )
    text = (tmp_path / "c.md").read_text()
    assert "Verdicts: 1 match, 1 differs, 1 not run here." in text
    line = "| d (demo) | T = 1 | R@1 | 0.5000 | 0.5300 | 1 point | **differs** | +3.00 points from "
    assert line in text
    assert "| d (demo) | T = 1 | ndis | 1,000 | 1010.00 | 5 % | **match** | +1.0 % from" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("| d")}) == 1
