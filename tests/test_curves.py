import math

import numpy as np
import pytest
from conftest import refuses

from linkprune import curves
from linkprune.curves import Curve, distances_at, envelope, ratio, summary
from linkprune.errors import ConfigError, ShapeError

EF = np.array([8, 12, 16, 24, 32, 48, 64])


def rng(seed=0):
    return np.random.default_rng(seed)


def curve(cost=10.0, seed=0, nq=400, measure="R@1", share=False):
    """Hits that rise with efSearch and integer distances around cost * efSearch."""
    r = rng(seed)
    found = np.log(EF)[:, None] + r.normal(0, 0.3, (len(EF), nq)) - r.normal(1.6, 0.9, nq)
    hits = np.clip(np.round(4 + 6 * found), 0, 10) / 10 if share else found > 0
    return Curve(measure, EF, hits, np.rint(cost * EF[:, None] * r.uniform(0.8, 1.2, nq)))


def scaled(c, by):
    return Curve(c.measure, c.efSearch, c.hits, np.asarray(c.ndis) * by)


def test_interpolation_is_exact_where_distances_are_linear_in_the_log_of_the_misses():
    recall = np.array([0.31, 0.5, 0.72, 0.93, 0.981])
    ndis = 20 - 75 * np.log(1 - recall)
    for target in (0.31, 0.4, 0.5, 0.8, 0.9, 0.95, 0.981):
        assert distances_at(recall, ndis, target) == pytest.approx(20 - 75 * math.log(1 - target))
    many = distances_at(np.stack([recall, recall**2], 1), np.stack([ndis, ndis], 1), 0.8)
    assert many.tolist() == [distances_at(r, ndis, 0.8) for r in (recall, recall**2)]


def test_distances_at_a_measured_point_are_those_of_the_point():
    recall, ndis = np.array([0.3, 0.7, 0.9, 1.0]), np.array([10.0, 31.0, 57.0, 91.0])
    for r, d in zip(recall[:3], ndis[:3], strict=True):
        assert distances_at(recall, ndis, r) == d


def test_nothing_is_extrapolated():
    recall, ndis = np.array([0.5, 0.8]), np.array([10.0, 20.0])
    assert distances_at(recall, ndis, 0.4999) == 10  # of which fewer might do
    assert math.isnan(distances_at(recall, ndis, 0.8001))
    assert math.isnan(distances_at([0.5], [10.0], 0.6)) and distances_at([0.5], [10.0], 0.5) == 10


def test_a_rival_whose_first_point_is_beyond_the_target_counts():
    hits = np.array([[1] * 17 + [0] * 3, [1] * 20], bool)
    easy = Curve("R@1", np.array([1, 2]), hits, np.full((2, 20), [[50], [60]]))
    other = Curve("R@1", np.array([1, 2]), hits[[0, 1]] & False, np.full((2, 20), 9.0))
    assert curves.envelope({"easy": easy, "other": other}, 0.8) == ("easy", 50)


def test_recall_that_falls_counts_as_what_was_reached_before():
    recall, ndis = np.array([0.5, 0.8, 0.7, 0.9]), np.array([10.0, 20.0, 30.0, 40.0])
    assert distances_at(recall, ndis, 0.8) == 20
    flat = np.array([0.5, 0.8, 0.8, 0.9])
    for target in (0.75, 0.85):
        assert distances_at(recall, ndis, target) == distances_at(flat, ndis, target)
    assert 30 < distances_at(recall, ndis, 0.81) < 40


def test_up_to_a_recall_of_one_interpolation_is_linear_in_recall():
    assert distances_at([0.8, 1.0], [10.0, 20.0], 0.95) == pytest.approx(17.5)


def test_a_curve_averages_over_its_queries():
    hits = np.array([[0, 0, 0, 1], [1, 1, 0, 1]], bool)
    c = Curve("R@1", [8, 16], hits, [[1, 2, 3, 4], [10, 20, 30, 40]])
    assert c.distances_at(0.25) == 2.5 and c.distances_at(0.75) == 25
    assert 2.5 < c.distances_at(0.5) < 25


def test_envelope_is_the_cheapest_that_reaches_the_recall():
    a, b = curve(), scaled(curve(), 0.5)
    short = Curve("R@1", EF[:2], b.hits[:2], b.ndis[:2] * 0.1)
    assert envelope({"a": a, "b": b}, 0.8) == ("b", b.distances_at(0.8))
    assert envelope({"z": a, "a": a}, 0.8)[0] == "a"
    assert envelope({"a": a, "b": b, "short": short}, 0.9)[0] == "b"
    assert short.distances_at(0.75) > 0
    assert envelope({"a": a, "b": b, "short": short}, 0.75)[0] == "short"
    name, distances = envelope({"a": a}, 0.99999)
    assert name is None and math.isnan(distances)


@pytest.mark.parametrize("share", [False, True])
def test_a_curve_against_itself_is_exactly_one(share):
    c = curve(share=share)
    assert ratio([c], c, 0.9, rng(), 500) == (1, 1, 1, 1, 1)
    assert ratio([c] * 3, c, 0.8, rng(), 500) == (1, 1, 1, 1, 1)


def test_twice_the_distances_are_a_ratio_of_two_in_every_resample():
    c = curve()
    assert ratio([scaled(c, 2)], c, 0.9, rng(), 500) == (2, 2, 2, 2, 2)
    mean, lo, hi, least, most = ratio([scaled(c, 2), scaled(c, 4)], c, 0.9, rng(), 500)
    assert (mean, lo, hi, least, most) == (3, 3, 3, 2, 4)


def test_the_interval_is_that_of_resampling_both_curves_query_by_query():
    a, b = curve(9, seed=1), curve(10, seed=2)
    got = ratio([a], b, 0.85, rng(3), 400)
    drawn = rng(3).integers(0, 400, (400, 400))
    values = [
        distances_at(a.hits[:, i].mean(1), a.ndis[:, i].mean(1), 0.85)
        / distances_at(b.hits[:, i].mean(1), b.ndis[:, i].mean(1), 0.85)
        for i in drawn
    ]
    assert got.mean == a.distances_at(0.85) / b.distances_at(0.85)
    assert got.lo == pytest.approx(np.quantile(values, 0.025, method="lower"))
    assert got.hi == pytest.approx(np.quantile(values, 0.975, method="higher"))
    assert got.lo < got.mean < got.hi


def test_pairing_makes_the_interval_narrow():
    a = curve(9, seed=1)
    near = Curve("R@1", EF, a.hits, a.ndis + rng(4).integers(-3, 4, a.ndis.shape))
    other = curve(9, seed=5)
    paired, loose = (ratio([a], b, 0.85, rng(), 400) for b in (near, other))
    assert paired.hi - paired.lo < 0.2 * (loose.hi - loose.lo)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    # Both curves have one law: the ratio of their expected distances is one.
    inside = 0
    for seed in range(200):
        a, b = curve(seed=1000 + seed), curve(seed=5000 + seed)
        r = ratio([a], b, 0.8, rng(seed), 200)
        inside += r.lo <= 1 <= r.hi
    assert 178 <= inside <= 199


def test_a_recall_at_the_end_of_the_curve_has_no_interval():
    c = curve()
    top = np.mean(c.hits[-1])
    r = ratio([c], curve(seed=9), top - 0.001, rng(), 300)
    assert r.mean > 0 and math.isnan(r.lo) and math.isnan(r.hi)


def test_summary_has_one_row_a_target_with_the_best_rival_of_each():
    steep = curve(10)
    cheap = Curve("R@1", EF[:3], steep.hits[:3], steep.ndis[:3] * 0.9)
    learned = {1: scaled(steep, 0.7), 2: scaled(steep, 0.8)}
    rows = summary(learned, {"steep": steep, "cheap": cheap}, [0.7, 0.95, 0.99999], rng(), 300)
    assert [list(row) for row in rows] == [curves.COLUMNS] * 3
    assert [row["best_rival"] for row in rows] == ["cheap", "steep", ""]
    assert [row["target"] for row in rows] == [0.7, 0.95, 0.99999]
    assert {(row["measure"], row["seeds"]) for row in rows} == {("R@1", 2)}
    last = rows[1]
    assert last["ratio"] == pytest.approx(0.75)
    assert (last["ratio_lo"], last["ratio_hi"]) == pytest.approx((0.75, 0.75))
    assert (last["ratio_min"], last["ratio_max"]) == pytest.approx((0.7, 0.8))
    assert last["rival_distances"] == steep.distances_at(0.95)
    assert last["learned_distances"] == pytest.approx(0.75 * last["rival_distances"])
    assert all(math.isnan(rows[2][c]) for c in curves.COLUMNS[2:8] if c != "best_rival")


def test_summary_agrees_with_ratio_and_with_itself():
    learned, rivals = {1: curve(9, seed=1)}, {"a": curve(10, seed=2), "b": curve(20, seed=3)}
    (row,) = summary(learned, rivals, [0.8], rng(7), 300)
    r = ratio([learned[1]], rivals["a"], 0.8, rng(7), 300)
    assert [row[c] for c in ("ratio", "ratio_lo", "ratio_hi", "ratio_min", "ratio_max")] == list(r)
    assert summary(learned, rivals, [0.8], rng(7), 300) == [row]


def test_a_seed_that_misses_the_recall_leaves_the_ratio_open():
    c = curve()
    short = Curve("R@1", EF[:2], c.hits[:2], c.ndis[:2])
    (row,) = summary({1: c, 2: short}, {"c": c}, [0.9], rng(), 50)
    for column in ("learned_distances", "ratio", "ratio_lo", "ratio_hi", "ratio_min", "ratio_max"):
        assert math.isnan(row[column])
    assert row["best_rival"] == "c" and row["seeds"] == 2


@pytest.mark.parametrize("target", [0, 1, -0.5, 95, math.nan])
def test_a_target_that_is_no_recall_is_refused(target):
    c = curve()
    for call in (
        lambda: distances_at([0.5], [1.0], target),
        lambda: c.distances_at(target),
        lambda: envelope({"c": c}, target),
        lambda: ratio([c], c, target, rng(), 10),
        lambda: summary({1: c}, {"c": c}, [target], rng(), 10),
    ):
        with refuses(ConfigError, "target", str(target)):
            call()


def test_bad_curves_are_refused():
    c = curve()
    for ef in (EF[::-1], np.full(len(EF), 8)):
        with refuses(ShapeError, "efSearch", "ascend"):
            Curve("R@1", ef, c.hits, c.ndis)
    with refuses(ShapeError, "efSearch", "(3,)"):
        Curve("R@1", EF[:3], c.hits, c.ndis)
    with refuses(ShapeError, "ndis", "(7, 399)"):
        Curve("R@1", EF, c.hits, c.ndis[:, 1:])
    with refuses(ShapeError, "(7, 0)"):
        Curve("R@1", EF, c.hits[:, :0], c.ndis[:, :0])
    for bad in (math.nan, -1, 2):
        with refuses(ShapeError, "hits"):
            Curve("R@1", EF, np.where(c.hits, 1.0, bad), c.ndis)
    for bad in (math.nan, math.inf, 0):
        with refuses(ShapeError, "ndis"):
            Curve("R@1", EF, c.hits, np.where(c.hits, c.ndis, bad))
    with refuses(ShapeError, "recall"):
        distances_at([0.5, math.nan], [1.0, 2.0], 0.6)
    with refuses(ShapeError, "ndis"):
        distances_at([0.5, 0.7], [1.0, math.nan], 0.6)
    with refuses(ShapeError, "(2,)", "(3,)"):
        distances_at([0.5, 0.7], [1.0, 2.0, 3.0], 0.6)


def test_curves_that_cannot_be_compared_are_refused():
    c = curve()
    with refuses(ShapeError, "same queries", "400", "300"):
        ratio([c], curve(nq=300), 0.8, rng(), 10)
    with refuses(ShapeError, "same queries", "recall@10"):
        ratio([c], curve(measure="recall@10"), 0.8, rng(), 10)
    for learned, rivals in (({}, {"c": c}), ({1: c}, {})):
        with refuses(ShapeError, "at least one"):
            summary(learned, rivals, [0.8], rng(), 10)
