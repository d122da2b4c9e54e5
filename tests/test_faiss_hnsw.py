"""The graphs that Faiss builds, in our schema."""

import faiss
import numpy as np
import pytest

from linkprune import builders, groundtruth, keys, metrics
from linkprune.codec import Codec
from linkprune.errors import ConfigError, DataError
from linkprune.kernels import beam


def vectors(n, d=16, seed=0):
    return np.random.default_rng(seed).integers(-20, 20, (n, d)).astype(np.float32)


def quantised(base):
    """A codec that is exact where a code has room for the values, and the codes of base."""
    values = np.arange(256, dtype=np.float32) - 128
    codec = Codec(None, np.tile(values[:, None], (base.shape[1], 1, 1)))
    return codec, (base + 128).astype(np.uint8)


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("M0", [5, 12])
def test_the_links_are_those_of_the_index(M0, metric):
    base, key = vectors(700), keys.HNSW(M0, 6, 30, "float", "faiss")
    graph = builders.build(key, base, 1, metric=metric)
    kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexHNSWFlat(16, 6, kind)
    index.hnsw.prune_headroom, index.hnsw.efConstruction = 0, 30
    index.hnsw.set_nb_neighbors(0, M0)
    index.add(base)
    hnsw, levels = index.hnsw, graph.levels()
    assert graph.entry_point == hnsw.entry_point and levels.max() == hnsw.max_level > 0
    links = faiss.vector_to_array(hnsw.neighbors)
    begin, end = np.zeros(1, np.uint64), np.zeros(1, np.uint64)
    for vertex in range(len(base)):
        j = np.searchsorted(graph.upper_vertex, vertex)
        for level in range(levels[vertex] + 1):
            hnsw.neighbor_range(vertex, level, faiss.swig_ptr(begin), faiss.swig_ptr(end))
            row = graph.neighbors[vertex] if level == 0 else (
                graph.upper_neighbors[graph.upper_start[j] + level - 1]
            )  # fmt: skip
            theirs = links[int(begin[0]) : int(end[0])]
            assert sorted(row[row >= 0]) == sorted(theirs[theirs >= 0])


def test_its_links_are_sorted_and_a_search_finds_the_neighbours():
    base, query = vectors(900), vectors(40, seed=1)
    graph = builders.build(keys.graph("faiss_L8_M8_efC60_float"), base, 1)
    for vertex in range(len(base)):
        row = graph.neighbors[vertex][graph.neighbors[vertex] >= 0]
        distance = ((base[row] - base[vertex]) ** 2).sum(1)
        assert (np.diff(distance) >= 0).all()
    gt, _ = groundtruth.exact(query, base, 10)
    _, I, *_ = beam.search(graph, query, 10, 200, vectors=base)
    assert metrics.recall_at_k(I, gt, 10).mean() > 0.9


def test_on_exact_codes_it_is_built_as_on_the_vectors():
    base = vectors(600, 8)
    codec, codes = quantised(base)
    coded = builders.build(
        keys.graph("faiss_L6_M8_efC40_PQ8"), base, 1, codec=codec, codes=codes, threads=2
    )
    exact = builders.build(keys.graph("faiss_L6_M8_efC40_float"), base, 1)
    assert (coded.neighbors == exact.neighbors).mean() > 0.99  # equal distances may swap


def test_refusals():
    base = vectors(300, 8)
    codec, codes = quantised(base)
    with pytest.raises(ConfigError, match="metric ip, expected l2"):
        builders.build(
            keys.graph("faiss_L6_M8_efC40_PQ8"), base, 1, codec=codec, codes=codes, metric="ip"
        )
    with pytest.raises(DataError, match="1 base vectors, expected at least 2"):
        builders.build(keys.graph("faiss_L6_M8_efC40_float"), base[:1], 1)
