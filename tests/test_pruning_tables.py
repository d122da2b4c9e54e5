"""The tables of pruned graphs, from artifacts that are made up, and how their times are taken."""

import csv
import math

import numpy as np
import pytest
from conftest import flat, refuses

from linkprune import stats, store, timing
from linkprune.errors import DataError
from linkprune.pruning_tables import (
    COLUMNS,
    SUMMARY,
    WHY_MISSING,
    Results,
    verdict,
    write_csv,
    write_markdown,
)
from linkprune.rl.environment import Space

EF, NQ = np.array([2, 4, 8, 16], np.int32), 200
LEARNED = {("g", "rl_x"): {1: "rl_x_seed1", 2: "rl_x_seed2"}}
RIVALS = [("g", "random_D4_seed1"), ("h", "unpruned"), ("g", "unpruned")]
SCALE = {("g", "rl_x_seed1"): 6, ("g", "rl_x_seed2"): 7, ("g", "random_D4_seed1"): 12,
         ("h", "unpruned"): 8, ("g", "unpruned"): 10}  # fmt: skip
NONE_LOST = {"unreachable": 0, "isolated": 0, "nearest_unreachable": 0}
MS = {point: scale / 1000 for point, scale in SCALE.items()} | {("h", "unpruned"): 0.004}


def hits():
    """The same for every graph, so that ratios are those of the distances: 0.5, 0.7, 0.9, 0.95."""
    place = np.random.default_rng(0).permutation(NQ)
    return place < NQ * np.array([[0.5], [0.7], [0.9], [0.95]])


def result(folder, scale=None, found=None, times=MS, turns=None, lost=None):
    """Artifacts of graphs at which ndis is a scale times efSearch, and the Results of them.

    turns: (graph, policy) -> factors of its times in the repetitions; lost: policy -> what its
    curve.h5 says of vertices that cannot be reached.
    """
    scale = SCALE | (scale or {})
    for graph, policy in SCALE:
        place = folder / graph / policy
        share = hits() if found is None else found(graph, policy)
        arrays = {"efSearch": EF, "hit": share, "hit_at_10": share, "recall_at_10": share * 0.5,
                  "ndis": np.repeat(EF[:, None] * scale[graph, policy], NQ, 1)}  # fmt: skip
        attrs = {"mean_degree": scale[graph, policy] / 2, **(lost or {}).get(policy, NONE_LOST)}
        store.save(place / "curve.h5", arrays, attrs)
        if policy.startswith("rl"):
            seed = int(policy[-1])
            seconds, episodes = np.full(3, float(seed)), np.arange(1, 4) * 100.0
            store.save(place / "training.h5", {"episodes": episodes}, {"nearest_unreachable": seed})
            store.save(place / "training_time.h5", {"seconds": seconds}, {"before": 0.5})
    names = np.array(["/".join(point) for point in times], "S")
    # The median of three repetitions, one of which was disturbed.
    ms = np.array([np.multiply.outer(EF * x, (turns or {}).get(point, [1, 50, 0.9]))
                   for point, x in times.items()])  # fmt: skip
    store.save(folder / "t.h5", {"ms_per_query": ms, "names": names}, {})
    return Results(folder, LEARNED, RIVALS, folder / "t.h5")


def test_rows_are_all_points_of_all_graphs(tmp_path):
    found = list(result(tmp_path).rows("blobs"))
    points = [(r["role"], r["graph"], r["policy"], int(r["efSearch"])) for r in found]
    want = [("learned", "g", "rl_x_seed1"), ("learned", "g", "rl_x_seed2")]
    want += [("rival", *point) for point in RIVALS]
    assert points == [(*w, ef) for w in want for ef in EF.tolist()]
    for row in found:
        assert list(row) == list(COLUMNS) and row["dataset"] == "blobs" and row["nq"] == NQ
        scale, ef = SCALE[row["graph"], row["policy"]], row["efSearch"]
        assert row["ndis"] == scale * ef and row["mean_degree"] == scale / 2
        assert row["ms_per_query"] == pytest.approx(MS[row["graph"], row["policy"]] * ef)
        share = {2: 0.5, 4: 0.7, 8: 0.9, 16: 0.95}[int(ef)]
        assert row["R@1"] == row["R@10"] == share and row["recall@10"] == share / 2
        assert (row["R@1_lo"], row["R@1_hi"]) == stats.wilson(share, NQ)


def test_the_summary_has_the_ratio_to_the_best_rival(tmp_path):
    made = result(tmp_path)
    found = list(made.summary("blobs", {"R@1": [0.7, 0.9], "recall@10": [0.45]}, 1, 200))
    assert [(r["measure"], r["target"]) for r in found] == [
        ("R@1", 0.7), ("R@1", 0.9), ("recall@10", 0.45),
    ]  # fmt: skip
    for row, ef in zip(found, (4, 8, 8), strict=True):
        assert list(row) == list(SUMMARY)
        assert (row["dataset"], row["graph"], row["policy"]) == ("blobs", "g", "rl_x")
        assert row["best_rival"] == "h/unpruned" and row["rival_distances"] == 8 * ef
        assert row["learned_distances"] == 6.5 * ef and row["seeds"] == 2
        ratios = [row[name] for name in ("ratio", "ratio_min", "ratio_max")]
        assert ratios == [6.5 / 8, 6 / 8, 7 / 8]
        assert 0 < row["ratio_lo"] <= row["ratio_hi"]
        times = [row[f"ms_ratio{part}"] for part in ("", "_min", "_max")]
        assert times == pytest.approx([6.5 / 4] * 3)
        assert row["fastest_rival"] == "h/unpruned"
        assert (row["cpu_s"], row["episodes"]) == (5, 300)
    again = list(made.summary("blobs", {"R@1": [0.7, 0.9]}, 1, 200))
    assert again == found[:2]


def test_the_time_ratio_has_the_least_and_most_of_the_repetitions(tmp_path):
    slow, disturbed = [1, 2, 4], [1, 1, 8]
    turns = {("h", "unpruned"): slow, ("g", "rl_x_seed1"): disturbed, ("g", "rl_x_seed2"): slow}
    (row,) = result(tmp_path, turns=turns).summary("blobs", {"R@1": [0.8]}, 1, 50)
    # 6 and 7 over 4 in the first turn, 6 and 14 over 8 in the second, 48 and 28 over 16 in the last
    times = [row[f"ms_ratio{part}"] for part in ("", "_min", "_max")]
    assert times == pytest.approx([(6 + 7) / 2 / 4, (6 + 14) / 2 / 8, (48 + 28) / 2 / 16])
    write_markdown(tmp_path / "a.md", [row], "3 repetitions")
    assert "| 1.6250 (1.2500 to 2.3750) |" in (tmp_path / "a.md").read_text()


def test_times_are_over_the_rival_that_is_the_fastest_not_the_one_of_fewest_distances(tmp_path):
    times = MS | {("g", "unpruned"): 0.001}
    (row,) = result(tmp_path, times=times).summary("blobs", {"R@1": [0.7]}, 1, 50)
    assert row["best_rival"] == "h/unpruned" and row["fastest_rival"] == "g/unpruned"
    assert row["ms_ratio"] == pytest.approx(6.5)


def test_the_interval_of_equal_hits_is_that_of_the_distances(tmp_path):
    (row,) = result(tmp_path).summary("blobs", {"R@1": [0.8]}, 1, 500)
    # All graphs find the same, and their distances differ by a factor alone.
    assert row["ratio_lo"] == pytest.approx(6.5 / 8) and row["ratio_hi"] == pytest.approx(6.5 / 8)


def test_what_no_rival_reaches_is_not_measured(tmp_path):
    made = result(tmp_path)
    (row,) = made.summary("blobs", {"R@1": [0.99]}, 1, 50)
    assert row["best_rival"] == "" and math.isnan(row["ratio"]) and math.isnan(row["ms_ratio"])
    assert verdict(row) == "not measured"
    write_csv(tmp_path / "x.csv", [row], SUMMARY)
    with open(tmp_path / "x.csv", newline="") as f:
        (read,) = csv.DictReader(f)
    empty = [name for name in SUMMARY if not read[name]]
    assert empty == ["learned_distances", "best_rival", "rival_distances", "ratio", "ratio_lo",
                     "ratio_hi", "ratio_min", "ratio_max", "ms_ratio", "ms_ratio_min",
                     "ms_ratio_max", "fastest_rival"]  # fmt: skip


def test_what_the_learned_graphs_alone_do_not_reach_is_not_measured(tmp_path):
    found = result(tmp_path, found=lambda _, p: hits() & (np.arange(NQ) % 3 > 0)
                   if p.startswith("rl") else hits())  # fmt: skip
    (row,) = found.summary("blobs", {"R@1": [0.9]}, 1, 50)
    assert row["best_rival"] == "h/unpruned" and math.isnan(row["learned_distances"])
    assert verdict(row) == "not measured" and math.isnan(row["ms_ratio"])


@pytest.mark.parametrize(
    "lo, hi, said",
    [
        (0.8, 0.99, "fewer"),
        (1.01, 1.2, "more"),
        (0.9, 1.1, "no difference"),
        (0.9, 1.0, "no difference"),
        (1.0, 1.1, "no difference"),
        (0.9, math.nan, "not measured"),
        (math.nan, math.nan, "not measured"),
    ],
)
def test_verdicts(lo, hi, said):
    assert verdict({"ratio_lo": lo, "ratio_hi": hi}) == said


def test_csv_has_the_digits_that_mean_something(tmp_path):
    found = list(result(tmp_path).rows("blobs"))
    write_csv(tmp_path / "a.csv", found, COLUMNS)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS) and len(lines) == 1 + 5 * 4
    lo, hi = stats.wilson(0.5, NQ)
    assert lines[1] == (
        f"blobs,learned,g,rl_x_seed1,3.00,2,0.5000,{lo:.4f},{hi:.4f},0.5000,0.2500,12.00,0.01200,200"
    )
    assert not list(tmp_path.glob(".*.tmp"))


def test_markdown_has_a_table_for_each_data_set(tmp_path):
    made = result(tmp_path)
    found = [*made.summary("blobs", {"R@1": [0.7, 0.99]}, 1, 50)]
    found += made.summary("angles", {"recall@10": [0.4]}, 1, 50)
    write_markdown(tmp_path / "a.md", found, "3 repetitions")
    text = (tmp_path / "a.md").read_text()
    parts = text.split("\n## ")
    assert [p.splitlines()[0] for p in parts[1:]] == ["blobs", "angles"]
    for part, n in zip(parts[1:], (2, 1), strict=True):
        table = [line for line in part.splitlines() if line.startswith("|")]
        assert len(table) == 2 + n and len({line.count("|") for line in table}) == 1
    assert "| rl_x | g | R@1 | 0.70 | 26.00 | h/unpruned | 32.00 | 0.8125 |" in text
    assert text.endswith("Times: 3 repetitions.\n")
    assert "| R@1 | 0.99 | – | – | – | – | – | 2: – | – | – | 5.0 | not measured |" in text  # noqa: RUF001
    assert WHY_MISSING in parts[1] and WHY_MISSING not in parts[2]


def test_an_interval_alone_that_is_missing_is_a_dash_with_its_reason(tmp_path):
    (row,) = result(tmp_path).summary("blobs", {"R@1": [0.7]}, 1, 50)
    row |= {"ratio_lo": math.nan, "ratio_hi": math.nan}
    write_markdown(tmp_path / "a.md", [row], "")
    text = (tmp_path / "a.md").read_text()
    assert "| 0.8125 | – | 2: 0.7500 to 0.8750 | 1.6250 (" in text  # noqa: RUF001
    assert f"\n{WHY_MISSING}\n" in text and "2.5 % or more of the resamples" in text


def test_vertices_that_cannot_be_reached_are_counted_the_most_of_the_seeds(tmp_path):
    lost = {"rl_x_seed1": {"unreachable": 4, "isolated": 0, "nearest_unreachable": 3},
            "rl_x_seed2": {"unreachable": 2, "isolated": 1, "nearest_unreachable": 0}}  # fmt: skip
    (row,) = result(tmp_path, lost=lost).summary("blobs", {"R@1": [0.7]}, 1, 50)
    assert [row[name] for name in NONE_LOST] == [4, 1, 3]
    write_csv(tmp_path / "a.csv", [row], SUMMARY)
    head, values = (line.split(",") for line in (tmp_path / "a.csv").read_text().splitlines())
    assert dict(zip(head, values, strict=True)).items() >= {"unreachable": "4"}.items()
    write_markdown(tmp_path / "a.md", [row], "")
    text = (tmp_path / "a.md").read_text()
    assert "rl_x on g that cannot be reached" in text
    assert "4, of which 1 without links; true nearest neighbours of 3 test queries" in text
    assert row["nearest_unreachable_train"] == 2 and " and of 2 training queries." in text


def test_that_every_vertex_can_be_reached_is_said_once(tmp_path):
    found = result(tmp_path).summary("blobs", {"R@1": [0.7, 0.9]}, 1, 50)
    write_markdown(tmp_path / "a.md", list(found), "")
    assert (tmp_path / "a.md").read_text().count("Every vertex of the learned graphs can be") == 1


def test_a_curve_that_is_missing_is_named(tmp_path):
    result(tmp_path)
    (tmp_path / "h/unpruned/curve.h5").unlink()
    with refuses(DataError, "h/unpruned/curve.h5", "no such file"):
        Results(tmp_path, LEARNED, RIVALS, tmp_path / "t.h5")


# Times


def test_graphs_take_turns_and_the_first_round_does_not_count(monkeypatch):
    graphs = {name: flat([[1], [0]]) for name in "ab"}
    x, clock, asked = np.zeros((5, 1), np.float32), iter(range(10**6)), []

    def search(graph, query, k, ef, *, threads, vectors, ip):
        name = next(name for name, g in graphs.items() if g is graph)
        asked.append((name, ef, k, threads))
        for _ in range(ef if len(asked) > 4 else 100):  # the clock ticks as often as it is asked
            next(clock)

    monkeypatch.setattr(timing.beam, "search", search)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    space = Space(np.zeros((2, 1), np.float32))
    ms = timing.graphs({name: (g, space, x) for name, g in graphs.items()}, [3, 7], 4, 2)
    assert asked == [(name, ef, 2, 2) for _ in range(5) for ef in (3, 7) for name in "ab"]
    assert ms.tolist() == [[[1000 * (ef + 1) / 5] * 4 for ef in (3, 7)]] * 2


def test_times_of_real_searches_are_positive():
    graph, space = flat([[1], [0]]), Space(np.zeros((2, 1), np.float32))
    ms = timing.graphs({"a": (graph, space, np.zeros((3, 1), np.float32))}, [1, 4], 2, 1)
    assert ms.shape == (1, 2, 2) and (ms > 0).all()
