"""What is made of measured runs: medians, ratios, verdicts, tables, the figure."""

import csv

import pytest
from conftest import refuses

from linkprune import rows as table
from linkprune import speed, speed_text
from linkprune.errors import DataError
from linkprune.plots import bench

QUALITY = {
    "train": "error=100",
    "graph": "R@1 at 64=0.5; R@1 at 256=0.6",
    "search_64": "R@1=0.5; R@10=0.8",
    "float_graph": "recall@10=0.9",
}


def runs(stage, side, cpu, threads=1, session="1", quality=None, bits="b", wall=None):
    """Runs of one group, peak memory 30 MB beyond the start, 20 MB held."""
    return [
        {"session": session, "data": "d", "stage": stage, "side": side, "threads": threads,
         "repetition": i, "cpu_s": c, "wall_s": c if wall is None else wall, "start_mb": 50.0,
         "peak_mb": 80.0, "held_mb": 20.0, "bits": bits, "quality": quality or QUALITY[stage]}
        for i, c in enumerate(cpu)
    ]  # fmt: skip


def only(found, **wanted):
    (row,) = [r for r in found if all(r[name] == value for name, value in wanted.items())]
    return row


def test_the_ratio_is_of_medians_and_its_bounds_of_extremes():
    row = only(speed.rows(
        runs("search_64", "ours", [2.0, 1.0, 4.0]) + runs("search_64", "original", [6.0, 9.0])
    ))  # fmt: skip
    assert row["ratio"] == 7.5 / 2
    assert (row["ratio_min"], row["ratio_max"]) == (6 / 4, 9 / 1)
    assert (row["repetitions"], row["reference_repetitions"]) == (3, 2)
    assert (row["cpu_s"], row["cpu_min"], row["cpu_max"]) == (2, 1, 4)
    assert (row["least"], row["best"]) == (2, 5)
    assert row["memory_ratio"] == 1.5


@pytest.mark.parametrize(
    "ratio, low, high, wanted",
    [
        (1.9, 1.8, 1.95, "missed"),
        (1.9, 1.8, 2, "missed, within the spread"),
        (2, 2, 4, "at least"),
        (2.1, 1.9, 3, "at least, within the spread"),
        (4.9, 4, 6, "at least"),
        (5, 5, 6, "out for"),
        (5.5, 4.5, 6, "out for, within the spread"),
    ],
)
def test_verdicts(ratio, low, high, wanted):
    assert speed.verdict(ratio, low, high, 2, 5) == wanted


@pytest.mark.parametrize(
    "ours, theirs, wanted",
    [("R@1=0.5", 9.0, "out for"), ("R@1=0.4", 9.0, "worse quality"),
     ("R@1=0.4", 3.0, "worse quality"), ("R@1=0.4", 1.0, "missed")],
)  # fmt: skip
def test_a_ratio_at_worse_quality_reaches_no_goal(ours, theirs, wanted):
    row = only(speed.rows(runs("search_64", "ours", [1.0] * 2, quality=ours)
                          + runs("search_64", "original", [theirs] * 2)))  # fmt: skip
    assert row["verdict"] == wanted
    assert f"| {wanted} |" in speed_text.markdown([row])


@pytest.mark.parametrize(
    "ours, theirs, wanted",
    [(2, 2, "out for"), (1, 2, "out for, one repetition"), (2, 1, "out for, one repetition")],
)
def test_a_verdict_says_that_a_side_was_measured_once(ours, theirs, wanted):
    measured = runs("search_64", "ours", [1.0] * ours) + runs("search_64", "original", [9] * theirs)
    assert only(speed.rows(measured))["verdict"] == wanted


def test_there_is_no_verdict_without_a_goal():
    assert speed.verdict(3, 2, 4, "", "") == ""
    row = only(speed.rows(runs("train", "ours", [1]) + runs("train", "faiss", [9])),
               reference="current Faiss")  # fmt: skip
    assert row["ratio"] == 9
    assert row["verdict"] == row["least"] == ""


@pytest.mark.parametrize(
    "stage, ours, theirs, wanted",
    [
        ("train", "error=100.4", "error=100", "holds"),
        ("train", "error=100.6", "error=100", "worse error"),
        ("search_64", "R@1=0.4995", "R@1=0.5", "holds"),
        ("search_64", "R@1=0.498", "R@1=0.5", "worse R@1"),
        ("search_64", "R@1=nan", "R@1=0.5", "worse R@1"),
        ("graph", "R@1 at 64=0.6; R@1 at 256=0.6", "R@1 at 64=0.5; R@1 at 256=0.604",
         "worse R@1 at 256"),
    ],
)  # fmt: skip
def test_quality_is_held_against_the_limit_of_the_stage(stage, ours, theirs, wanted):
    found = speed.rows(
        runs(stage, "ours", [1], quality=ours) + runs(stage, "original", [9], quality=theirs)
    )
    assert only(found, reference="Faiss 1.7.4")["quality_verdict"] == wanted


def test_a_quality_that_one_side_lacks_is_refused():
    with refuses(DataError, "search_64", "R@1"):
        speed.rows(runs("search_64", "ours", [1], quality="ndis=3")
                   + runs("search_64", "original", [1]))  # fmt: skip


def test_the_latest_session_with_both_sides_counts():
    old = runs("search_64", "ours", [1.0]) + runs("search_64", "original", [3.0])
    alone = runs("search_64", "ours", [9.0], session="2")
    row = only(speed.rows(old + alone))
    assert (row["session"], row["ratio"]) == ("1", 3)
    newer = alone + runs("search_64", "original", [9.0], session="2")
    row = only(speed.rows(old + newer))
    assert (row["session"], row["ratio"]) == ("2", 1)


def test_without_a_reference_there_are_times_but_no_ratio():
    row = only(speed.rows(runs("search_64", "ours", [1.0, 3.0])))
    assert (row["cpu_s"], row["ratio"], row["quality_verdict"]) == (2, "", "")


def test_the_speedup_is_of_wall_times_of_one_session():
    one = runs("search_64", "ours", [4.0], wall=4.0) + runs("search_64", "original", [8.0])
    two = runs("search_64", "ours", [4.4], 2, wall=2.2)
    other = runs("search_64", "ours", [1.0], 1, "2", wall=1.0)
    found = speed.rows(one + two + other)
    assert only(found, threads=2)["speedup"] == 4.0 / 2.2
    assert only(found, threads=2)["speedup_verdict"] == "holds"
    assert only(found, threads=1)["speedup"] == ""


def test_quality_is_that_of_the_number_of_threads():
    """A reference may make another thing on two threads."""
    rows = speed.rows(
        runs("graph", "ours", [1.0]) + runs("graph", "ours", [1.0], 2)
        + runs("graph", "original", [3.0])
        + runs("graph", "original", [3.0], 2, quality="R@1 at 64=0.6; R@1 at 256=0.6")
    )  # fmt: skip
    assert only(rows, threads=1, reference="Faiss 1.7.4")["quality_verdict"] == "holds"
    row = only(rows, threads=2, reference="Faiss 1.7.4")
    assert row["quality_verdict"] == "worse R@1 at 64"
    assert f"| {row['reference_quality']} | worse R@1 at 64 |" in speed_text.markdown([row])


def test_a_speedup_below_the_goal_is_missed_where_there_is_one():
    for stage, wanted in (("search_64", "missed"), ("float_graph", ""), ("train", "")):
        one = runs(stage, "ours", [4.0], wall=4.0)
        found = speed.rows(one + runs(stage, "ours", [4.0], 2, wall=2.5))
        assert {row["speedup_verdict"] for row in found if row["threads"] == 2} == {wanted}


def test_bits_of_all_repetitions_and_threads_are_compared():
    same = runs("search_64", "ours", [1.0, 1.0]) + runs("search_64", "ours", [1.0], 2)
    assert {row["same_bits"] for row in speed.rows(same)} == {"yes"}
    differ = same + runs("search_64", "ours", [1.0], 2, bits="c")
    assert {row["same_bits"] for row in speed.rows(differ)} == {"no"}


def test_runs_survive_the_file_and_rows_come_in_the_order_of_the_stages(tmp_path):
    measured = [run for stage in ("float_graph", "search_64", "graph", "train")
                for side in ("ours", "original", "faiss", "hnswlib")
                for run in runs(stage, side, [1.25, 2.5])]  # fmt: skip
    table.write(tmp_path / "runs.csv", measured, speed.RUN)
    assert speed.read([tmp_path / "runs.csv"]) == measured
    order = [(row["stage"], row["reference"]) for row in speed.rows(measured)]
    assert order == [
        ("train", "Faiss 1.7.4"), ("train", "current Faiss"), ("graph", "Faiss 1.7.4"),
        ("graph", "current Faiss"), ("search_64", "Faiss 1.7.4"), ("float_graph", "current Faiss"),
        ("float_graph", "hnswlib"),
    ]  # fmt: skip


def test_a_file_of_other_columns_is_refused(tmp_path):
    (tmp_path / "runs.csv").write_text("stage,cpu\ntrain,1\n")
    with refuses(DataError, "runs.csv", "stage cpu", "session"):
        speed.read([tmp_path / "runs.csv"])


@pytest.mark.parametrize(
    "change", [{"cpu_s": "a"}, {"cpu_s": ""}, {"wall_s": "nan"}, {"held_mb": 0}, {"quality": "5"}]
)
def test_a_run_without_its_numbers_is_refused(tmp_path, change):
    first, second = runs("search_64", "ours", [1.0, 2.0])
    table.write(tmp_path / "runs.csv", [first, second | change], speed.RUN)
    with refuses(DataError, "runs.csv", "run 2", "expected"):
        speed.read([tmp_path / "runs.csv"])


@pytest.mark.parametrize(
    "change, words",
    [({"stage": "search_65"}, "no known stage"), ({"side": "their"}, "no known stage or side"),
     ({"repetition": 0}, "twice")],
)  # fmt: skip
def test_a_run_of_nothing_known_or_one_that_was_there_is_refused(tmp_path, change, words):
    first, second = runs("search_64", "ours", [1.0, 2.0])
    table.write(tmp_path / "runs.csv", [first, second | change], speed.RUN)
    with refuses(DataError, "runs.csv", "run 2", words):
        speed.read([tmp_path / "runs.csv"])


def test_numbers_survive_a_cell():
    quality = {"R@1 at 64": 0.25, "error": 1234.5}
    assert speed.named(speed.words(quality)) == quality
    assert speed.named("") == {}


def test_every_stage_needs_stages_that_there_are_and_has_one_measure():
    known = {stage.key for stage in speed.STAGES}
    assert len(known) == len(speed.STAGES)
    needs = {stage.key: stage.needs for stage in speed.STAGES}
    for stage in speed.STAGES:
        assert set(stage.needs) <= known
        for i, need in enumerate(stage.needs):  # they are made in this order
            assert set(needs[need]) <= set(stage.needs[:i])
        assert set(stage.references) <= set(speed.REFERENCES)
        assert stage.quality
        assert (stage.least is None) == (stage.best is None)


def test_tables_say_what_was_measured(tmp_path):
    rows = speed.rows(
        runs("search_64", "ours", [1.0, 2.0, 3.0]) + runs("search_64", "original", [5.0])
        + runs("search_64", "ours", [2.0], 2, wall=1.0)
    )  # fmt: skip
    text = speed_text.markdown(rows, ["a machine"])
    assert text.startswith("a machine\n")
    assert "2 (1 to 3; 3) | 5 (5 to 5; 1) | 2.5 (1.67 to 5) | 2, 5 |" in text
    assert "| at least, within the spread, one repetition |" in text
    assert "| 2.00 | holds | yes |" in text  # of 2 s wall and 1 s
    assert "| 80 | 50 | 20.0 | 1.50 |" in text
    assert "| over |" in text
    table.write(tmp_path / "bench.csv", rows, speed.ROW)
    with open(tmp_path / "bench.csv", newline="") as f:
        first, second = csv.DictReader(f)
    assert list(first) == speed.ROW
    assert (float(first["ratio"]), second["ratio"], second["speedup"]) == (2.5, "", "2")


def times(text):
    """The table of one thread, as lines."""
    return text.split("one thread, CPU seconds\n\n")[1].split("\n\n")[0].splitlines()


def test_times_of_ours_alone_stand_once_for_each_stage():
    alone = runs("train", "ours", [1.0, 2.0, 4.0]) + runs("float_graph", "ours", [3.0])
    assert times(speed_text.markdown(speed.rows(alone))) == [
        "| stage | ours | quality, ours |", "|---|---|---|",
        "| OPQ + PQ training | 2 (1 to 4; 3) | error=100 |",
        "| graph on floats, M 16 | 3 (3 to 3; 1) | recall@10=0.9 |",
    ]  # fmt: skip


def test_times_of_ours_alone_stand_beside_ratios_of_other_stages():
    measured = runs("graph", "ours", [4.0]) + runs("train", "ours", [1.0])
    measured += runs("train", "original", [9.0])
    head, _, *lines = times(speed_text.markdown(speed.rows(measured)))
    assert head.startswith("| stage | reference | ours | its | ratio |")
    assert lines[0].startswith("| OPQ + PQ training | Faiss 1.7.4 | 1 (1 to 1; 1) | 9 (")
    assert lines[1].startswith("| graph on codes |  | 4 (4 to 4; 1) |  |  |  |  | R@1 at 64")
    assert len(lines) == 2


@pytest.mark.parametrize(
    "stage, peak, wanted",
    [("train", 80.0, "excepted"), ("train", 70.0, "excepted"), ("graph", 80.0, "over"),
     ("graph", 70.0, "holds")],
)  # fmt: skip
def test_training_is_excepted_from_the_limit_on_memory(stage, peak, wanted):
    of_ours = [run | {"peak_mb": peak} for run in runs(stage, "ours", [1.0])]
    text = speed_text.markdown(speed.rows(of_ours + runs(stage, "original", [5.0])))
    assert "| at most 1.3 |" in text
    assert f"| {peak:.0f} | 50 | 20.0 | {(peak - 50) / 20:.2f} | 80 | 50 |" in text
    assert all(line.endswith(f"| {wanted} |") for line in text.splitlines()
               if f"| {peak:.0f} | 50 |" in line)  # fmt: skip


def test_the_figure_has_a_bar_for_each_ratio_and_marks_for_each_goal():
    measured = [run for stage in ("train", "search_64", "float_graph")
                for side, cpu in (("ours", 2.0), ("original", 9.0), ("faiss", 1.0))
                for run in runs(stage, side, [cpu])]  # fmt: skip
    worse = runs("graph", "ours", [1.0], quality="R@1 at 64=0.1; R@1 at 256=0.6")
    rows = speed.rows(measured + worse + runs("graph", "original", [2.0]))
    (axes,) = bench.ratios(rows).axes
    bars = {bar.get_y() + bar.get_height() / 2: bar for bar in axes.patches}
    names = dict(
        zip(axes.get_yticks(), (t.get_text() for t in axes.get_yticklabels()), strict=True)
    )
    found = sorted((names[y], bar.get_x() + bar.get_width()) for y, bar in bars.items())
    assert found == [
        ("OPQ + PQ training", 0.5), ("OPQ + PQ training", 4.5), ("graph on codes", 2.0),
        ("graph on floats, M 16", 0.5), ("search + reorder 5, efSearch 64", 4.5),
    ]  # fmt: skip
    (graph,) = [y for y, name in names.items() if name == "graph on codes"]
    assert bars[graph].get_facecolor()[:3] == pytest.approx((0xD5 / 255, 0x5E / 255, 0))
    marks = sorted(line.get_xdata()[0] for line in axes.lines if line.get_linewidth() == 1.6)
    assert marks == [1.5, 2, 3, 3, 5, 6]
