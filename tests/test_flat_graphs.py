import numpy as np
import pytest
from conftest import by_distance_then_id, clustered, flat, integers, ip_or_l2, links_of, refuses
from flat_reference import reference_nsg, reference_vamana

from linkprune import builders, hnsw, keys, nsg, seeds, vamana
from linkprune import flat as flat_graphs
from linkprune.codec import Codec
from linkprune.errors import ConfigError, DataError, ShapeError
from linkprune.graph import Graph
from linkprune.kernels import adc, beam
from linkprune.kernels import vamana as kernel

KEYS = [
    "nsw_M3_efC20_float",
    "vamana_R6_a1.0_efC20_float",
    "vamana_R8_a1.2_efC20_float",
    "nsg_R6_K10_efC20_float",
    "vamana_R5_a1.1_efC15_float+nsw_M3_efC20_float+nsg_R4_K6_efC9_float",
]
REPAIRED = [key for key in KEYS if not key.startswith("nsw")]


def build(key, x, seed=1, **given):
    return builders.build(keys.graph(key), x, seed, **given)


def same(a, b):
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in Graph.__dataclass_fields__)


def reached(graph):
    found, todo = {graph.entry_point}, [graph.entry_point]
    while todo:
        new = set(links_of(graph, todo.pop(), 0)) - found
        found |= new
        todo += new
    return found


def coded(x, nsq=4):
    pick = np.arange(256) % len(x)
    cent = np.ascontiguousarray(x[pick].reshape(256, nsq, -1).transpose(1, 0, 2))
    return {"codec": Codec(None, cent), "codes": adc.encode(x, cent)}


def nearest_first(between, links):
    return [sorted(row, key=lambda u: (between[v, u], u)) for v, row in enumerate(links)]


def augmented(x):
    """Integer vectors with one more coordinate that makes all norms equal, in float32."""
    square = (x.astype(np.float64) ** 2).sum(1)
    return np.column_stack([x, np.sqrt(square.max() - square).astype(np.float32)])


@pytest.fixture
def unrepaired(monkeypatch):
    monkeypatch.setattr(flat_graphs, "connect", lambda *_: 0)


@pytest.mark.parametrize("R, alpha, efC", [(1, 1.0, 1), (4, 1.0, 9), (7, 1.2, 13), (40, 1.5, 70)])
@pytest.mark.parametrize("nb, d", [(2, 1), (33, 3), (333, 17)])
def test_vamana_equals_the_reference_link_by_link(unrepaired, nb, d, R, alpha, efC):
    x, key = integers(nb, nb, d), keys.Vamana(R, alpha, efC, "float")
    between = ip_or_l2(x, x, False)
    g = vamana.build(key, x, 3)
    want = reference_vamana(key, between, g.entry_point, 3)
    assert [links_of(g, v, 0) for v in range(nb)] == nearest_first(between, want)
    assert g.neighbors.shape == (nb, R) and g.max_level == 0 and len(g.upper_vertex) == 0


@pytest.mark.parametrize("R, K, efC", [(1, 1, 1), (4, 6, 9), (12, 5, 30), (40, 50, 60)])
@pytest.mark.parametrize("nb, d", [(2, 1), (33, 3), (300, 17)])
def test_nsg_equals_the_reference_link_by_link(unrepaired, nb, d, R, K, efC):
    x, key = integers(nb, nb, d), keys.NSG(R, K, efC, "float")
    between = ip_or_l2(x, x, False)
    g = nsg.build(key, x)
    want = reference_nsg(key, between, g.entry_point)
    assert [links_of(g, v, 0) for v in range(nb)] == nearest_first(between, want)


def test_the_batches_of_nsg_do_not_matter(monkeypatch):
    x, key = integers(0, 100, 3), keys.NSG(5, 9, 12, "float")
    one = nsg.build(key, x)
    monkeypatch.setattr(nsg, "BATCH", 7)
    assert same(one, nsg.build(key, x))


def test_equal_rows_are_not_their_own_neighbours():
    x = np.ones((9, 2), np.float32)
    near = nsg.nearest(x, 4)
    assert all(len(set(row) - {v}) == 4 for v, row in enumerate(near.tolist()))
    assert nsg.nearest(x[:3], 4).tolist() == [[1, 2, -1, -1], [0, 2, -1, -1], [0, 1, -1, -1]]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_threads_do_not_change_the_graph_and_the_dtype_neither(key, metric):
    x = np.abs(integers(5, 700, 13))
    one = build(key, x, metric=metric)
    for threads in (2, 4, 8):
        assert same(one, build(key, x, metric=metric, threads=threads))
    assert same(one, build(key, x.astype(np.uint8), metric=metric))
    if not key.startswith("nsg"):
        assert not np.array_equal(one.neighbors, build(key, x, seed=2, metric=metric).neighbors)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("nb", [2, 3, 300])
def test_links_obey_the_laws(key, nb):
    x = integers(nb, nb, 6, lo=-3, hi=4)
    x[nb // 2 :: 3] = x[0]
    between = ip_or_l2(x, x, False)
    g = build(key, x)
    assert g.neighbors.shape == (nb, keys.graph(key).M0)
    for v in range(nb):
        row = links_of(g, v, 0)
        assert row and (g.neighbors[v, len(row) :] == -1).all()
        assert v not in row and len(set(row)) == len(row)
        assert row == sorted(row, key=lambda u: (between[v, u], u))
    to_mean = ((x - x.mean(0, dtype=np.float64).astype(np.float32)) ** 2).sum(1, dtype=np.float64)
    assert np.isclose(to_mean[g.entry_point], to_mean.min())


def test_the_start_is_the_smallest_of_the_vertices_nearest_the_mean():
    x = np.array([[9, 0], [-9, 0], [0, 2], [0, -2], [0, 2], [0, -2]], np.float32)
    assert flat_graphs.start_vertex(x) == 2
    # With norms made equal the mean lies near the largest of what points the same way.
    y = np.array([[1, 0], [4, 0], [9, 0]], np.float32)
    d = ((augmented(y) - augmented(y).mean(0)) ** 2).sum(1)
    assert flat_graphs.start_vertex(y, "ip") == d.argmin() == 1


def test_the_start_does_not_depend_on_chunks(monkeypatch):
    x = integers(0, 101, 5)
    wanted = [flat_graphs.start_vertex(x, metric) for metric in ("l2", "ip")]
    monkeypatch.setattr(
        flat_graphs, "chunks", lambda n: [slice(i, i + 10) for i in range(0, n, 10)]
    )
    assert [flat_graphs.start_vertex(x, metric) for metric in ("l2", "ip")] == wanted


@pytest.mark.parametrize("nb", [2, 3, 500])
@pytest.mark.parametrize(
    "key", [*REPAIRED, "vamana_R1_a1.0_efC3_float", "vamana_R2_a1.0_efC1_float",
            "nsg_R1_K1_efC1_float", "nsg_R2_K3_efC4_float"],
)  # fmt: skip
def test_every_vertex_can_be_reached(key, nb):
    x = clustered(nb, 6, nb, spread=0.01)
    x[: nb // 3] = x[0]
    assert reached(build(key, x)) == set(range(nb))


def test_repair_keeps_paths_and_uses_free_slots_of_near_vertices():
    x = np.array([[0], [1], [2], [10], [11]], np.float32)
    g = flat([[1, 2], [0, -1], [0, 1], [4, -1], [3, -1]])
    assert flat_graphs.connect(g, x) == 1
    # Vertex 2 is nearest to 3: its links are not needed, as 0 leads to 1 and to 2 itself.
    assert g.neighbors.tolist() == [[1, 2], [0, -1], [0, 3], [4, -1], [3, -1]]
    g = flat([[1], [2], [0], [4], [3]])
    assert flat_graphs.connect(g, x) == 1
    assert g.neighbors.tolist() == [[1], [2], [3], [4], [3]]
    g = flat([[1, -1], [2, -1], [-1, -1], [-1, -1], [0, -1]])
    assert flat_graphs.connect(g, x) == 2
    assert g.neighbors.tolist() == [[1, -1], [2, -1], [3, -1], [4, -1], [0, -1]]
    assert flat_graphs.connect(g, x) == 0


@pytest.mark.parametrize("key", REPAIRED)
def test_search_of_all_vertices_is_exhaustive(key):
    x, query = integers(1, 400, 9), integers(2, 30, 9)
    want, _ = by_distance_then_id(ip_or_l2(query, x, False), 5)
    _, I, ndis, ndis_upper, _ = beam.search(build(key, x), query, 5, 400, vectors=x)
    assert np.array_equal(I, want) and (ndis + ndis_upper == 400).all()


def test_more_alpha_more_links():
    x = clustered(1500, 12, 3)
    degrees = [
        (build(f"vamana_R24_a{alpha}_efC40_float", x).neighbors >= 0).sum(1).mean()
        for alpha in (1.0, 1.1, 1.3, 2.0)
    ]
    assert degrees == sorted(degrees) and degrees[0] < degrees[-1] - 2


@pytest.mark.parametrize("key", KEYS)
def test_recall_is_high_for_few_distances(key):
    x, query = clustered(3000, 8, 1, spread=1), clustered(200, 8, 2, spread=1)
    want, _ = by_distance_then_id(ip_or_l2(query, x, False), 1)
    _, I, ndis, *_ = beam.search(build(key, x), query, 1, 40, vectors=x)
    assert (I == want).mean() > 0.95 and ndis.mean() < 200


@pytest.mark.parametrize("kind", [vamana, nsg])
def test_under_ip_the_graph_is_the_l2_one_of_vectors_with_equal_norms(kind):
    x = integers(3, 200, 5)
    key = keys.Vamana(6, 1.2, 20, "float") if kind is vamana else keys.NSG(6, 9, 20, "float")
    seed = (4,) if kind is vamana else ()
    got = kind.build(key, x, *seed, metric="ip")
    assert same(got, kind.build(key, augmented(x), *seed))
    assert not same(got, kind.build(key, x, *seed))


def test_equal_norms_need_no_other_coordinate():
    x = np.array([[3, 4], [5, 0], [-4, 3], [0, -5]], np.float32)
    assert flat_graphs.euclidean(x, "ip")[:, 2].tolist() == [0, 0, 0, 0]
    key = "vamana_R2_a1.0_efC4_float"
    assert same(build(key, x, metric="ip"), build(key, x))
    y = np.array([[3, 4], [4, 0]], np.uint8)
    assert flat_graphs.euclidean(y, "ip").tolist() == [[3, 4, 0], [4, 0, 3]]
    assert flat_graphs.euclidean(y, "l2").tolist() == [[3, 4], [4, 0]]


@pytest.mark.parametrize("on", ["codes", "float"])
def test_nsw_is_the_base_level_of_hnsw(on, monkeypatch):
    x = integers(0, 300, 8)
    given = coded(x) if on == "codes" else {}
    key = keys.NSW(3, 20, "PQ4" if on == "codes" else "float")
    g = builders.build(key, x, 5, **given)
    assert g.entry_point == flat_graphs.start_vertex(x) and g.max_level == 0

    rng = seeds.generator(5, "hnsw", key)
    rng.random(300)  # the levels, of which NSW has none

    class Flat:
        """What hnsw.build asks of a generator: no vertex above level 0, the order of NSW."""

        random = staticmethod(np.zeros)
        permutation = rng.permutation

    monkeypatch.setattr(seeds, "generator", lambda *_: Flat())
    high = hnsw.build(keys.HNSW(6, 3, 20, key.space), x, 5, **given)
    assert np.array_equal(g.neighbors, high.neighbors) and high.max_level == 0


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_a_union_has_the_links_of_its_parts_nearest_first(metric):
    x = integers(0, 300, 8)
    for given, key in (
        ({}, "vamana_R5_a1.1_efC15_float+nsw_M3_efC20_float"),
        (coded(x), "nsw_M3_efC20_PQ4+nsw_M4_efC9_PQ4"),
    ):
        parts = [build(part, x, metric=metric, **given) for part in key.split("+")]
        g = build(key, x, metric=metric, **given)
        y = given["codec"].decode(given["codes"]) if given else x
        between = ip_or_l2(y, y, metric == "ip")
        for v in range(len(x)):
            every = {u for part in parts for u in links_of(part, v, 0)}
            assert links_of(g, v, 0) == sorted(every, key=lambda u: (between[v, u], u))
        assert g.entry_point == parts[0].entry_point == parts[1].entry_point


@pytest.mark.parametrize("key", KEYS)
def test_a_graph_of_one_vector_is_refused(key):
    for n in (0, 1):
        with refuses(DataError, f"{n} base vectors", "at least 2", key.split("+")[0]):
            build(key, np.ones((n, 4), np.float32))


def test_what_does_not_fit_the_space_is_refused():
    x = integers(0, 300, 8)
    for key in (keys.NSW(3, 9, "PQ4"), keys.HNSW(6, 3, 9, "PQ4")):
        with refuses(ConfigError, str(key), "PQ4", "neither"):
            builders.build(key, x, 1)
    with refuses(ConfigError, "nsw_M3_efC9_float", "codec"):
        build("nsw_M3_efC9_float", x, **coded(x))
    for key in (keys.Vamana(3, 1.0, 9, "PQ4"), keys.NSG(3, 4, 9, "PQ4")):
        with refuses(ConfigError, str(key), "PQ4", "float"):
            builders.build(key, x, 1, **coded(x))
    with refuses(ConfigError, "Codec"):
        builders.build(type("Codec", (), {"space": "float"})(), x, 1)


def test_the_builder_refuses_what_does_not_fit():
    x, batch = integers(0, 20, 4), np.array([1, 2], np.int32)
    g = flat(np.full((20, 3), -1))
    b = kernel.Builder(g, 5, x)
    levels = Graph(g.neighbors, batch[:1], np.array([0, 1]), np.full((1, 2), -1, np.int32), 1, 1)
    for kind, call, words in (
        (ShapeError, lambda: kernel.Builder(g, 0, x), ("efConstruction", "0")),
        (ShapeError, lambda: kernel.Builder(g, 5, x, threads=0), ("threads", "0")),
        (ShapeError, lambda: kernel.Builder(g, 5, x[:19]), ("20", "19")),
        (ShapeError, lambda: kernel.Builder(g, 5, x.astype(np.uint8)), ("vectors", "uint8")),
        (ShapeError, lambda: kernel.Builder(levels, 5, x), ("flat", "2 levels")),
        (ShapeError, lambda: b.link(batch, 0), ("R", "0")),
        (ShapeError, lambda: b.link(batch + 18, 3), ("batch", "20")),
        (ShapeError, lambda: b.link(batch[[0, 0]], 3), ("batch", "twice")),
        (ShapeError, lambda: b.link(batch, 3, alpha=0.9), ("alpha", "0.9")),
        (ShapeError, lambda: b.link(batch, 3, alpha=np.nan), ("alpha", "nan")),
        (ShapeError, lambda: b.reverse(batch, np.full((2, 3), 20, np.int32)), ("links", "20")),
        (ShapeError, lambda: b.reverse(batch, np.zeros((3, 3), np.int32)), ("links", "(2, any)")),
        (ShapeError, lambda: b.reverse(batch, np.zeros((2, 3), np.int32), 0.9), ("alpha", "0.9")),
        (ShapeError, lambda: b.reverse(batch, batch[:, None]), ("source", "vertex 1", "itself")),
    ):  # fmt: skip
        with refuses(kind, *words):
            call()
    assert (g.neighbors == -1).all()
