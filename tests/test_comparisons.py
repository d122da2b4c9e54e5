"""Paired differences of R@1: against resampled queries, and which rows are compared."""

import numpy as np
import pytest
from conftest import refuses

from linkprune import comparisons, stats, store
from linkprune.errors import ShapeError


def hits(n, share, seed):
    return np.random.default_rng(seed).random(n) < share


def test_the_interval_is_that_of_resampled_queries():
    a, b = hits(400, 0.7, 0), hits(400, 0.6, 1)
    found = comparisons.paired(a, b, np.random.default_rng(2))
    (means,) = stats.bootstrap_means([np.stack([a, b])], np.random.default_rng(3), 10_000)
    want = stats.percentile95(means[:, 0] - means[:, 1])
    assert found[0] == pytest.approx(a.mean() - b.mean())
    assert found[1:3] == pytest.approx(want, abs=0.006)
    assert found[3] == stats.mcnemar(a, b)


def test_the_other_way_round_is_the_negative():
    a, b = hits(300, 0.8, 0), hits(300, 0.5, 1)
    one, two = (comparisons.paired(*x, np.random.default_rng(2)) for x in ((a, b), (b, a)))
    assert one[0] == -two[0] and one[3] == two[3]
    assert one[1:3] == pytest.approx((-two[2], -two[1]), abs=0.01)
    assert one[1] > 0 > two[2]


def test_equal_methods_have_no_difference_and_no_width():
    a = hits(50, 0.5, 0)
    assert comparisons.paired(a, a, np.random.default_rng(0)) == (0, 0, 0, 1)


@pytest.mark.parametrize("n, m", [(0, 0), (3, 4)])
def test_what_is_not_paired_is_refused(n, m):
    with refuses(ShapeError):
        comparisons.paired(hits(n, 0.5, 0), hits(m, 0.5, 0), np.random.default_rng(0))


def row(codec="PQ8", beta="beta4x256", graph=None, policy="unpruned", size="36", mse="1", **more):
    graph = graph or f"hnsw_L6_M32_efC200_{codec}"
    return {"dataset": "d", "graph": graph, "policy": policy, "codec": codec, "beta": beta,
            "bytes_per_vector": size, "mode": "graph", "efSearch": "16", "k_reorder": "5",
            "R@1": "0.5", "mse": mse, "ndis": "9", "nq": "40", **more}  # fmt: skip


def compared(*rows):
    return {(kind, comparisons._name(a), a["k_reorder"], comparisons._name(b), b["k_reorder"])
            for kind, a, b in comparisons._pairs(list(rows))}  # fmt: skip


def name(of):
    return comparisons._name(of)


def test_a_row_is_compared_with_itself_without_re_ranking():
    whole, codes = row(), row(k_reorder="0")
    assert compared(codes, whole) == {("reranked", name(whole), "5", name(whole), "0")}


def test_only_rows_of_as_many_bytes_and_the_same_point_are_compared():
    assert not compared(row(), row("PQ9", size="37", mse="2"))
    assert not compared(row(), row("PQ9", mse="2", efSearch="64"))
    assert not compared(row(), row("PQ9", mse="2", mode="exhaustive"))
    assert compared(row("PQ9", mse="2"), row()) == {
        ("error", name(row()), "5", name(row("PQ9")), "5")
    }


def test_a_graph_on_codes_stands_against_the_same_on_float_vectors_only():
    on, off = row(), row(graph="hnsw_L6_M32_efC200_float")
    assert compared(off, on) == {("built_on", name(on), "5", name(off), "5")}
    assert not compared(on, row(graph="hnsw_L6_M32_efC100_float"))
    assert not compared(on, row(graph="hnsw_L6_M32_efC200_PQ9"))


def test_a_learned_graph_stands_against_one_as_built():
    learned = row(graph="hnsw_L16_M32_efC200_PQ8", policy="rl_edge_seed1")
    assert compared(row(), learned) == {("pruned", name(learned), "5", name(row()), "5")}
    assert not compared(row(), row(graph="hnsw_L16_M32_efC200_PQ8", policy="shortest_D6"))


def test_rows_are_read_from_the_artifacts_point_by_point(tmp_path):
    place = tmp_path / "d" / name(row())
    rank = np.array([[0, 1, -1, 0] * 10, [0, 0, -1, 0] * 10, [1] * 40], np.int32)
    points = {"efSearch": np.array([16, 16, 64], np.int32), "rank": rank}
    store.save(place / "search.h5", {**points, "k_reorder": np.array([0, 5, 5], np.int32)}, {})
    table = [row(k_reorder="0", **{"R@1": "0.5"}), row(**{"R@1": "0.75"}, mse="0.5")]
    (found,) = comparisons.rows(table, tmp_path, 7)
    assert list(found) == list(comparisons.COLUMNS)
    assert found["difference"] == 0.25 and found["lo"] > 0 and found["p"] < 0.01
    assert (found["R@1_a"], found["R@1_b"], found["mse_a"]) == ("0.75", "0.5", "0.5")
    assert list(comparisons.rows(table, tmp_path, 7)) == [found]


LEARNED = {"graph": "hnsw_L16_M32_efC200_PQ8", "policy": "rl_edge_seed1"}


def at_distances(folder, found, learned_ndis=("15",)):
    """The rows at equal distances: HNSW at 10 and 40 of them, a learned graph at others.

    found: hits of the points of HNSW, then of the learned graph, (points, nq) bool.
    """
    plain = [row(efSearch=ef, ndis=n) for ef, n in (("16", "10"), ("64", "40"))]
    learned = [
        row(efSearch=str(ef), ndis=n, **LEARNED)
        for ef, n in zip(EF[: len(learned_ndis)], learned_ndis, strict=True)
    ]
    for points, hit in ((plain, found[:2]), (learned, found[2:])):
        ef = np.array([int(x["efSearch"]) for x in points], np.int32)
        store.save(folder / "d" / name(points[0]) / "search.h5",
                   {"efSearch": ef, "k_reorder": np.full(len(ef), 5, np.int32),
                    "rank": np.where(hit, 0, 3).astype(np.int32)}, {})  # fmt: skip
    rows = list(comparisons.rows([*plain, *learned], folder, 7))
    return [r for r in rows if r["kind"] == "at_distances"]


EF = (16, 64, 256)


def test_at_equal_distances_the_other_lies_between_two_of_its_points(tmp_path):
    found = np.stack([hits(400, share, i) for i, share in enumerate((0.4, 0.8, 0.7))])
    (got,) = at_distances(tmp_path, found, ("20",))  # half of the way from 10 to 40, in logarithms
    between = (found[0] + found[1].astype(float)) / 2
    assert got["difference"] == pytest.approx(found[2].mean() - between.mean())
    assert got["R@1_b"] == f"{between.mean():.4f}" and got["ndis_a"] == got["ndis_b"] == "20"
    samples = np.stack([found[2], between])
    (means,) = stats.bootstrap_means([samples], np.random.default_rng(3), 10_000)
    want = stats.percentile95(means[:, 0] - means[:, 1])
    assert (got["lo"], got["hi"]) == pytest.approx(want, abs=0.006)
    assert got["p"] == "" and got["efSearch"] == "16"


def test_where_the_other_has_no_point_on_both_sides_nothing_is_said(tmp_path):
    found = np.ones((5, 40), bool)
    got = at_distances(tmp_path, found, ("9", "11", "41"))
    assert [(r["efSearch"], r["difference"]) for r in got] == [("64", 0)]
