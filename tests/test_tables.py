"""Tables to read: what differs on the same queries, and how that is worded."""

import re

import pytest

from linkprune import tables

NAMES = ("g/unpruned/OPQ40_160/beta0", "h/unpruned/OPQ36_144/beta4x256")


def row(name, **values):
    graph, policy, codec, beta = name.split("/")
    empty = dict.fromkeys(tables.COLUMNS, "")
    return {**empty, "dataset": "d", "graph": graph, "policy": policy, "codec": codec, "beta": beta,
            "M0": "6", "mode": "graph", "efSearch": "16", "k_reorder": "0", "R@1": "0.5",
            "R@1_lo": "0.4", "R@1_hi": "0.6", "nq": "50", "threads": "1", **values}  # fmt: skip


def difference(a, b, of, lo, hi, **values):
    return {"dataset": "d", "kind": "error", "a": a, "b": b, "mode": "graph", "efSearch": "16",
            "k_reorder": "5", "difference": of, "lo": lo, "hi": hi, **values}  # fmt: skip


def written(folder, rows, differences=()):
    tables.write_markdown(folder / "t.md", "A title", rows, differences)
    return (folder / "t.md").read_text()


def lines(text):
    """The table of the differences, cell by cell."""
    found = [x for x in text.split("## Paired")[1].splitlines() if x.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found]


def test_a_difference_is_bold_only_where_its_interval_does_not_hold_zero(tmp_path):
    a, b = NAMES
    ends = [(0.02, 0.01, 0.03), (-0.02, -0.03, -0.01), (0.02, 0.0, 0.04), (-0.02, -0.04, 0.0),
            (0.01, -0.01, 0.03)]  # fmt: skip
    at = ("1", "4", "16", "64", "256")
    found = [difference(a, b, *of, efSearch=ef) for of, ef in zip(ends, at, strict=True)]
    head, _, line = lines(written(tmp_path, [row(n) for n in NAMES], found))
    assert head == ["T", "1", "4", "16", "64", "256"]
    assert line == [
        "L6 OPQ40_160 beta0, or L6 OPQ36_144 beta4x256",
        "**+2.00** [1.00, 3.00]", "**-2.00** [-3.00, -1.00]", "+2.00 [0.00, 4.00]",
        "-2.00 [-4.00, 0.00]", "+1.00 [-1.00, 3.00]",
    ]  # fmt: skip


def test_bold_is_said_to_be_of_one_build(tmp_path):
    a, b = NAMES
    text = written(tmp_path, [row(n) for n in NAMES], [difference(a, b, 0.1, 0.05, 0.2)])
    said = text.split("## Paired differences")[1].split("###")[0]
    assert "Each row is one build" in said and "`seeds.md`" in said and "bold or not" in said


def test_pairs_have_a_line_each_and_what_was_not_compared_is_empty(tmp_path):
    a, b = NAMES
    found = [
        difference(a, a, 0.1, 0.05, 0.2, kind="reranked"),
        difference(a, b, 0.1, 0.05, 0.2, mode="exhaustive", efSearch=""),
    ]
    head, _, *table = lines(written(tmp_path, [row(n) for n in NAMES], found))
    assert head == ["T", "16", "exhaustive"]
    assert table == [
        ["L6 OPQ40_160 beta0: re-ranked, or not", "**+10.00** [5.00, 20.00]", ""],
        ["L6 OPQ40_160 beta0, or L6 OPQ36_144 beta4x256", "", "**+10.00** [5.00, 20.00]"],
    ]


def test_rows_that_a_short_name_does_not_tell_apart_have_their_full_name(tmp_path):
    a, b = "g_codes/unpruned/PQ8/none", "g_float/unpruned/PQ8/none"
    text = written(tmp_path, [row(a), row(b)], [difference(a, b, 0.1, 0.05, 0.2)])
    assert lines(text)[2][0] == f"{a}, or {b}"


def test_without_differences_there_is_no_section(tmp_path):
    text = written(tmp_path, [row(NAMES[0])])
    assert text.startswith("# A title\n") and "Paired" not in text


def test_no_table_calls_anything_better(tmp_path):
    a, b = NAMES
    text = written(tmp_path, [row(n) for n in NAMES], [difference(a, b, 0.01, -0.01, 0.03)])
    assert not re.search(r"better|worse|improve|outperform", text)


@pytest.mark.parametrize(
    "ours, theirs, said",
    [(0.43, 0.44, "match"), (0.44, 0.43, "match"), (0.43, 0.4401, "near"), (0.40, 0.42, "near"),
     (0.40, 0.4201, "differs")],
)  # fmt: skip
def test_the_verdict_is_the_same_in_both_directions(ours, theirs, said):
    assert tables.verdict(ours, theirs) == said


def test_rows_of_one_name_are_told_apart_by_their_graph(tmp_path):
    plain, pruned = NAMES[1], NAMES[1].replace("unpruned", "rl_six_seed1")
    assert "| graph |" not in written(tmp_path, [row(n) for n in NAMES])
    text = written(tmp_path, [row(plain), row(pruned)])
    assert "| graph | L |" in text
    for name in (plain, pruned):
        graph, policy, *_ = name.split("/")
        assert f"| {graph}/{policy} | 6 |" in text
