import math
import re

import numpy as np
import pytest
from conftest import refuses

from linkprune import keys, metrics, seeds, stats, tables
from linkprune.errors import ConfigError


@pytest.mark.parametrize(
    "parse, key, parsed",
    [
        (keys.codec, "OPQ36_144", keys.Codec(36, 144)),
        (keys.codec, "OPQ1_1", keys.Codec(1, 1)),
        (keys.codec, "PQ16", keys.Codec(16, None)),
        (keys.codec, "PQ2x12_OPQ33_132", keys.Codec(33, 132, 12)),
        (keys.codec, "PQ2x8_PQ16", keys.Codec(16, None, 8)),
        (
            keys.graph,
            "hnsw_L6_M32_efC200_PQ2x14_OPQ32_128",
            keys.HNSW(6, 32, 200, "PQ2x14_OPQ32_128"),
        ),
        (keys.graph, "hnsw_L6_M32_efC200_OPQ36_144", keys.HNSW(6, 32, 200, "OPQ36_144")),
        (keys.graph, "hnsw_L1_M1_efC1_PQ8", keys.HNSW(1, 1, 1, "PQ8")),
        (keys.graph, "hnsw_L12_M16_efC40_float", keys.HNSW(12, 16, 40, "float")),
        (keys.graph, "hnsw_L6_M32_efC200_PQ16", keys.HNSW(6, 32, 200, "PQ16")),
        (keys.graph, "faiss_L6_M32_efC200_PQ16", keys.HNSW(6, 32, 200, "PQ16", "faiss")),
        (keys.graph, "nsw_M12_efC300_float", keys.NSW(12, 300, "float")),
        (keys.graph, "nsw_M1_efC1_OPQ36_144", keys.NSW(1, 1, "OPQ36_144")),
        (keys.graph, "vamana_R32_a1.1_efC100_float", keys.Vamana(32, 1.1, 100, "float")),
        (keys.graph, "vamana_R1_a9.9_efC1_float", keys.Vamana(1, 9.9, 1, "float")),
        (keys.graph, "nsg_R24_K64_efC100_float", keys.NSG(24, 64, 100, "float")),
        (
            keys.graph,
            "vamana_R24_a1.0_efC100_float+nsw_M12_efC300_float",
            keys.Union((keys.Vamana(24, 1.0, 100, "float"), keys.NSW(12, 300, "float"))),
        ),
        (
            keys.graph,
            "nsw_M2_efC3_PQ8+nsw_M3_efC3_PQ8+nsw_M4_efC3_PQ8",
            keys.Union(tuple(keys.NSW(M, 3, "PQ8") for M in (2, 3, 4))),
        ),
        (keys.beta, "none", keys.Beta(None)),
        (keys.beta, "beta0", keys.Beta(0)),
        (keys.beta, "beta4x256", keys.Beta(4)),
    ],
)
def test_parsing_and_formatting_are_inverse(parse, key, parsed):
    assert parse(key) == parsed and str(parsed) == key


@pytest.mark.parametrize(
    "parse, key",
    [
        (keys.codec, "OPQ036_144"),
        (keys.codec, "OPQ36"),
        (keys.codec, "OPQ0_0"),
        (keys.codec, "PQ0"),
        (keys.codec, "PQ"),
        (keys.codec, "PQ16_32"),
        (keys.codec, "opq36_144"),
        (keys.codec, "PQ2x12"),
        (keys.codec, "PQ2x12_"),
        (keys.codec, "PQ2x012_OPQ8_32"),
        (keys.codec, "PQ2x7_OPQ8_32"),
        (keys.codec, "PQ2x17_OPQ8_32"),
        (keys.codec, "PQ3x12_OPQ8_32"),
        (keys.codec, "PQ2x12_PQ2x12_OPQ8_32"),
        (keys.codec, "PQ2x12_OPQ1_4"),
        (keys.codec, "PQ2x12_OPQ3_9"),
        (keys.codec, "PQ2x12_OPQ513_2052"),
        (keys.graph, "hnsw_L6_M32_efC200_PQ2x12"),
        (keys.codec, "OPQ36_144 "),
        (keys.codec, "OPQ36_144\n"),
        (keys.codec, ""),
        (keys.graph, "hnsw_L6_M32_efC200"),
        (keys.graph, "hnsw_L6_M32_efC200_codes"),
        (keys.graph, "hnsw_L0_M32_efC200_float"),
        (keys.graph, "hnsw_L6_M32_efC-1_float"),
        (keys.graph, "xhnsw_L6_M32_efC200_float"),
        (keys.graph, ""),
        (keys.graph, "nsw_M12_efC300"),
        (keys.graph, "nsw_L24_M12_efC300_float"),
        (keys.graph, "nsw_M012_efC300_float"),
        (keys.graph, "nsw_M12_efC300_float\n"),
        (keys.graph, "vamana_R32_a1_efC100_float"),
        (keys.graph, "vamana_R32_a1.10_efC100_float"),
        (keys.graph, "vamana_R32_a0.9_efC100_float"),
        (keys.graph, "vamana_R32_a01.1_efC100_float"),
        (keys.graph, "vamana_R32_a10.0_efC100_float"),
        (keys.graph, "vamana_R32_a1x1_efC100_float"),
        (keys.graph, "vamana_R32_a1.1_efC100_PQ8"),
        (keys.graph, "nsg_R24_efC100_float"),
        (keys.graph, "nsg_R24_K64_efC100_OPQ36_144"),
        (keys.graph, "nsw_M12_efC300_float+"),
        (keys.graph, "nsw_M12_efC300_float+hnsw_L6_M32_efC200_float"),
        (keys.graph, "nsw_M12_efC300_float+faiss_L6_M32_efC200_float"),
        (keys.graph, "nsw_M12_efC300_float+nsw_M13_efC300_PQ8"),
        (keys.graph, "nsw_M12_efC300_float+nsw_M12_efC300_float"),
        (keys.beta, "beta"),
        (keys.beta, "beta0x256"),
        (keys.beta, "beta4x255"),
        (keys.beta, "beta04x256"),
        (keys.beta, "None"),
    ],
)
def test_what_is_not_a_key_is_refused(parse, key):
    with (
        refuses(ConfigError, key.strip(), "expected")
        if "\n" not in key
        else pytest.raises(ConfigError)
    ):
        parse(key)


@pytest.mark.parametrize(
    "key, M0, space",
    [
        ("hnsw_L6_M32_efC200_PQ16", 6, "PQ16"),
        ("nsw_M12_efC300_OPQ36_144", 24, "OPQ36_144"),
        ("vamana_R32_a1.1_efC100_float", 32, "float"),
        ("nsg_R24_K64_efC100_float", 24, "float"),
        ("vamana_R24_a1.0_efC100_float+nsw_M12_efC300_float", 48, "float"),
    ],
)
def test_every_graph_key_has_a_width_and_a_space_and_is_a_path_component(key, M0, space):
    parsed = keys.graph(key)
    assert (parsed.M0, parsed.space) == (M0, space)
    pattern = rf"results/(?P<graph>{keys.GRAPH})/(?P<policy>{keys.POLICY})/graph\.h5"
    found = re.fullmatch(pattern, f"results/{key}/unpruned/graph.h5")
    assert found["graph"] == key


def test_a_graph_key_with_a_typo_matches_no_path():
    for key in (
        "nsw_M12_efC300_float+",
        "+nsw_M12_efC300_float",
        "vamana_R3_a1_efC1_float",
        "vamana_R3_a1.1_efC1_float+hnsw_L6_M32_efC200_float",
        "nsw_M12_efC300_",
    ):
        assert not re.fullmatch(keys.GRAPH, key), key


def test_dimensions_that_do_not_divide_are_refused_with_one_that_does():
    with refuses(ConfigError, "OPQ36_100", "36 parts", "108"):
        keys.codec("OPQ36_100")


def test_generators_repeat_and_differ_by_seed_and_key():
    def draw(*key):
        return seeds.generator(*key).integers(1 << 40, size=4).tolist()

    assert draw(1, "opq", "PQ4") == draw(1, "opq", "PQ4")
    assert draw(1, "opq", keys.Codec(4, None)) == draw(1, "opq", "PQ4")
    assert draw(np.int64(1), "a") == draw(1, "a")
    ways = [draw(*k) for k in ((1, "a"), (2, "a"), (1, "b"), (1, "a", 0), (1, "a", 1), (1, "a0"))]
    assert len({tuple(w) for w in ways}) == len(ways)


def test_seeds_are_the_ones_of_earlier_results():
    digest = bytes.fromhex("4f53b7c5cd0c2f4226947cd73bbb0c0bc5dcefc5de9f22fef924cd8fb302f388")
    same = np.random.default_rng(np.frombuffer(digest, np.uint32))
    assert seeds.generator(2018, "x").bit_generator.state == same.bit_generator.state


def test_wilson_interval_is_the_known_one():
    assert stats.wilson(0.5, 100) == pytest.approx((0.40383, 0.59617), abs=1e-5)
    assert stats.wilson(0.9, 10000) == pytest.approx((0.89397, 0.90573), abs=1e-5)
    assert stats.wilson(0.0, 10) == pytest.approx((0, 0.27753), abs=1e-5)
    assert stats.wilson(1.0, 10) == pytest.approx((0.72247, 1), abs=1e-5)


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_wilson_bounds_solve_their_equation_and_hold_the_share(n):
    for hits in {0, 1, n // 3, n - 1, n}:
        p = hits / n
        lo, hi = stats.wilson(p, n)
        assert 0 <= lo <= p + 1e-12 and p - 1e-12 <= hi <= 1
        for bound in (lo, hi):
            away = stats.Z95 * math.sqrt(bound * (1 - bound) / n)
            assert abs(p - bound) == pytest.approx(away, abs=1e-9)


I = np.array([[4, 2, 9], [1, 7, 3], [5, 6, -1], [0, 1, 2]], np.int32)
GT = np.array([[4, 9, 1], [3, 1, 2], [8, 6, 5], [1, 0, 2]], np.int32)


def test_true_rank_is_where_the_first_neighbour_stands():
    rank = metrics.true_rank(I, GT)
    assert rank.tolist() == [0, 2, -1, 1] and rank.dtype == np.int32


def test_one_recall_counts_the_true_first_neighbour():
    rank = metrics.true_rank(I, GT)
    assert [metrics.one_recall_at(rank, k) for k in (1, 2, 3, 100)] == [0.25, 0.5, 0.75, 0.75]


def test_k_recall_counts_the_true_first_k():
    assert metrics.recall_at_k(I, GT, 1).mean() == 0.25
    assert (metrics.recall_at_k(I, GT, 2) == np.array([1, 1, 1, 2]) / 2).all()
    assert np.allclose(metrics.recall_at_k(I, GT, 3), np.array([2, 2, 2, 3]) / 3, rtol=0, atol=0)


@pytest.mark.parametrize(
    "ours, theirs, verdict",
    [
        (0.43, 0.43, "match"),
        (0.44, 0.43, "match"),
        (0.42, 0.43, "match"),
        (0.4401, 0.43, "near"),
        (0.45, 0.43, "near"),
        (0.41, 0.43, "near"),
        (0.4501, 0.43, "differs"),
        (0.4099, 0.43, "differs"),
        (0.9, 0.43, "differs"),
    ],
)
def test_verdict_is_the_distance_to_the_published_recall(ours, theirs, verdict):
    assert tables.verdict(ours, theirs) == verdict


def test_bytes_of_a_code_count_its_first_level():
    sizes = {"OPQ36_144": 36, "PQ2x12_OPQ33_132": 36, "PQ2x14_OPQ32_128": 36, "PQ2x8_PQ5": 7,
             "PQ2x16_PQ5": 9}  # fmt: skip
    assert {key: keys.codec(key).bytes for key in sizes} == sizes
