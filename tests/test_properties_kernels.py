"""Every wrapper on drawn shapes, as it should be called or not: NumPy's result, or one line."""

import numpy as np
import pytest
from conftest import by_distance_then_id, ip_or_l2, random_graph
from hypothesis import assume, given
from hypothesis import strategies as st
from properties import fixed, integers, spoiled

from linkprune.errors import LinkPruneError
from linkprune.kernels import (
    adc,
    beam,
    beta,
    coarse,
    distance,
    episodes,
    hnsw,
    nearest,
    rotation,
    vamana,
)

SIZES = st.fixed_dictionaries(
    {
        "n": st.integers(0, 9),
        "d": st.integers(1, 35),
        "m": st.integers(1, 40),
        "nsq": st.integers(1, 5),
        "dsub": st.integers(1, 4),
        "k": st.integers(1, 256),
        "M0": st.integers(1, 6),
        "ip": st.booleans(),
        "threads": st.sampled_from((1, 2, 3)),
        "seed": st.integers(0, 2**32 - 1),
    }
)


def column_sums(x, codes, k):
    """Sums of the rows of x (n, d) that share a code (n,), and counts."""
    sums = np.zeros((k, x.shape[1]))
    np.add.at(sums, codes, x.astype(np.float64))
    return sums, np.bincount(codes, minlength=k)


def nearest_centroid(x, centroids):
    return ip_or_l2(x, centroids, False).argmin(1)


def decoded(codes, centroids):
    return np.concatenate([centroids[m][codes[:, m]] for m in range(len(centroids))], axis=1)


def reconstructed(ids, codes, neighbors, centroids, book, assigned):
    """Reconstructions by the definition: a missing link stands for the vertex itself."""
    rows = np.column_stack([ids, neighbors[ids]])
    rows = np.where(rows < 0, ids[:, None], rows)
    vectors = decoded(codes, centroids).astype(np.float64)[rows]  # (n, m1, d)
    parts = np.split(vectors, len(book), axis=2)
    weights = [book[s][assigned[ids, s]] for s in range(len(book))]
    return np.concatenate(
        [np.einsum("nj,njd->nd", w, x) for w, x in zip(weights, parts, strict=True)], axis=1
    )


def classes(x, codes):
    found = [column_sums(x, codes[:, m], 256) for m in range(codes.shape[1])]
    return tuple(np.stack(part) for part in zip(*found, strict=True))


def tables(x, centroids, ip):
    n, (nsq, _, dsub) = len(x), centroids.shape
    parts = x.reshape(n, nsq, 1, dsub)
    return -(parts * centroids).sum(3) if ip else ((parts - centroids) ** 2).sum(3)


def pairs(query, base, ids, ip):
    dis = np.take_along_axis(ip_or_l2(query, base, ip), np.maximum(ids, 0), 1)
    return np.where(ids < 0, np.inf, dis)


def offered(query, rows, ids, dis, ip, threads):
    """Copies of the nearest so far, after some rows more."""
    fit = (type(x) is np.ndarray and x.flags.c_contiguous and x.flags.aligned for x in (ids, dis))
    ids, dis = (np.copy(x) if ok else x for x, ok in zip((ids, dis), fit, strict=True))
    nearest.Rows(rows, 0, ip, threads).offer(query, ids, dis, threads)
    return ids, dis


# Name -> (arrays by name from a generator and sizes, the kernel, NumPy's way).
CASES = {
    "matmul": (
        lambda r, s: {"x": r(s["n"], s["d"]), "w": r(s["d"], s["m"])},
        lambda a, s: distance.matmul(a["x"], a["w"], s["threads"]),
        lambda a, s: a["x"] @ a["w"],
    ),
    "pair_distances": (
        lambda r, s: {
            "query": r(s["n"], s["d"]),
            "base": r(7, s["d"]),
            "ids": np.clip(r(s["n"], 3), -1, 6).astype(np.int32),
        },
        lambda a, s: distance.pair_distances(*a.values(), s["ip"], s["threads"]),
        lambda a, s: pairs(*a.values(), s["ip"]),
    ),
    "nearest": (
        lambda r, s: {
            "query": r(s["n"], s["d"]),
            "rows": r(s["m"], s["d"]),
            "ids": np.full((s["n"], s["M0"]), -1, np.int32),
            "dis": np.full((s["n"], s["M0"]), np.inf),
        },
        lambda a, s: offered(*a.values(), s["ip"], s["threads"]),
        lambda a, s: by_distance_then_id(
            ip_or_l2(a["query"], a["rows"], s["ip"]), a["ids"].shape[1]
        ),
    ),
    "row_distances": (
        lambda r, s: {"x": r(s["n"], s["d"]), "y": r(s["n"], s["d"])},
        lambda a, s: distance.row_distances(a["x"], a["y"], s["threads"]),
        lambda a, s: ((a["x"] - a["y"]) ** 2).sum(1),
    ),
    "product": (
        lambda r, s: {
            "x": r(s["n"], s["d"]).astype(np.float64),
            "w": r(s["d"], s["m"]).astype(np.float64),
        },
        lambda a, s: rotation.product(a["x"], a["w"]),
        lambda a, s: a["x"] @ a["w"],
    ),
    "part_means": (
        lambda r, s: {"sums": r(s["nsq"], 256, s["d"]), "by": r(s["nsq"] * s["dsub"], s["d"])},
        lambda a, s: rotation.part_means(a["sums"], a["by"], s["threads"]),
        lambda a, s: np.einsum(
            "mcd,mtd->mct", a["sums"], a["by"].reshape(len(a["sums"]), -1, a["by"].shape[1])
        ),
    ),
    "part_correlation": (
        lambda r, s: {"centroids": r(s["nsq"], 256, s["dsub"]), "sums": r(s["nsq"], 256, s["d"])},
        lambda a, s: rotation.part_correlation(a["centroids"], a["sums"], s["threads"]),
        lambda a, s: np.einsum("mct,mcd->mtd", a["centroids"], a["sums"]).reshape(
            -1, a["sums"].shape[2]
        ),
    ),
    "tables": (
        lambda r, s: {
            "x": r(s["n"], s["nsq"] * s["dsub"]),
            "centroids": r(s["nsq"], 256, s["dsub"]),
        },
        lambda a, s: adc.tables(a["x"], a["centroids"], s["ip"], s["threads"]),
        lambda a, s: tables(a["x"], a["centroids"], s["ip"]),
    ),
    "encode": (
        lambda r, s: {
            "x": r(s["n"], s["nsq"] * s["dsub"]),
            "centroids": r(s["nsq"], 256, s["dsub"]),
        },
        lambda a, s: adc.encode(a["x"], a["centroids"], s["threads"]),
        lambda a, s: tables(a["x"], a["centroids"], False).argmin(2),
    ),
    "decode": (
        lambda r, s: {
            "codes": r(s["n"], s["nsq"]).astype(np.uint8),
            "centroids": r(s["nsq"], 256, s["dsub"]),
        },
        lambda a, s: adc.decode(a["codes"], a["centroids"], s["threads"]),
        lambda a, s: decoded(a["codes"], a["centroids"]),
    ),
    "class_sums": (
        lambda r, s: {"x": r(s["n"], s["d"]), "codes": r(s["n"], s["nsq"]).astype(np.uint8)},
        lambda a, s: adc.class_sums(a["x"], a["codes"], s["threads"]),
        lambda a, s: classes(a["x"], a["codes"]),
    ),
    "nearest of many": (
        lambda r, s: {"x": r(s["n"], s["d"]), "panels": r(s["nsq"], s["d"], 32)},
        lambda a, s: coarse.nearest(a["x"], a["panels"], s["threads"]),
        lambda a, s: nearest_centroid(
            a["x"], a["panels"].transpose(0, 2, 1).reshape(-1, a["x"].shape[1])
        ),
    ),
    "code_sums": (
        lambda r, s: {"x": r(s["n"], s["d"]), "codes": r(s["n"], low=0).astype(np.uint16)},
        lambda a, s: coarse.sums(a["x"], a["codes"], 10),
        lambda a, s: column_sums(a["x"], a["codes"], 10),
    ),
    "least_columns": (
        lambda r, s: {"x": r(s["nsq"], s["n"], s["d"]), "w": r(s["nsq"], s["d"], s["k"])},
        lambda a, s: beta.least_columns(a["x"], a["w"], threads=s["threads"]),
        lambda a, s: ((a["x"] @ a["w"]).argmin(2).T, (a["x"] @ a["w"]).min(2).sum(0)),
    ),
    "group_sums": (
        lambda r, s: {
            "x": r(s["n"], s["d"]),
            "codes": np.abs(r(s["n"])).astype(int).clip(0, s["k"] - 1).astype(np.uint8),
        },
        lambda a, s: beta.group_sums(a["x"], a["codes"], s["k"]),
        lambda a, s: column_sums(a["x"], a["codes"], s["k"]),
    ),
    "reconstruct": (
        lambda r, s: {
            "ids": np.abs(r(s["n"])).astype(np.int32) % 11,
            "codes": r(11, s["nsq"]).astype(np.uint8),
            "neighbors": r(11, s["M0"], low=-1, high=11).astype(np.int32),
            "centroids": r(s["nsq"], 256, s["dsub"]),
            "book": r(s["nsq"], 256, s["M0"] + 1),
            "assigned": r(11, s["nsq"]).astype(np.uint8),
        },
        lambda a, s: beta.reconstruct(*a.values(), s["threads"]),
        lambda a, s: reconstructed(*a.values()),
    ),
}


LEAST = ("encode", "nearest of many", "least_columns")  # NumPy takes NaN for the least


def drawn(sizes):
    """Whole numbers of a seed, float32."""
    rng = np.random.default_rng(sizes["seed"])
    return lambda *shape, low=-9, high=10: rng.integers(low, high, shape).astype(np.float32)


def refusal(call):
    """The result of a call, or None where it is refused, in one line."""
    try:
        return call()
    except LinkPruneError as e:
        assert str(e) and "\n" not in str(e)
        return None


def agree(found, wanted):
    found, wanted = (x if isinstance(x, tuple) else (x,) for x in (found, wanted))
    assert len(found) == len(wanted)
    for x, y in zip(found, wanted, strict=True):
        assert x.shape == y.shape and np.array_equal(x, y, equal_nan=True)


@pytest.mark.parametrize("name", CASES)
@fixed
@given(sizes=SIZES)
def test_the_result_is_that_of_numpy(name, sizes):
    make, kernel, reference = CASES[name]
    arrays = make(drawn(sizes), sizes)
    agree(kernel(arrays, sizes), reference(arrays, sizes))


@pytest.mark.parametrize("name", CASES)
@fixed
@given(sizes=SIZES, data=st.data())
def test_another_argument_is_refused_or_understood(name, sizes, data):
    make, kernel, reference = CASES[name]
    arrays = make(drawn(sizes), sizes)
    which = data.draw(st.sampled_from(list(arrays)))
    assume(arrays[which].size)
    how, arrays[which] = data.draw(spoiled(arrays[which]))
    found = refusal(lambda: kernel(arrays, sizes))
    if found is not None:
        assert how in ("nothing", "shape", "value")
        if how != "value" or name not in LEAST:
            with np.errstate(invalid="ignore"):
                agree(found, reference(arrays, sizes))


@fixed
@given(
    value=st.sampled_from(
        (0, -1, 2**31, 2**70, 1.0, "1", None, True, np.int64(-3), np.int8(-128), np.uint8(0),
         np.uint32(2**31), np.uint64(2**64 - 1), np.float32(1), np.bool_(True)),
    ),
    name=st.sampled_from(("k", "efSearch", "threads")),
)  # fmt: skip
def test_numbers_out_of_range_are_refused(value, name):
    g, x = random_graph(9, 3, 2, 0), np.zeros((9, 4), np.float32)
    numbers = {"k": 2, "efSearch": 3, "threads": 1, name: value}
    assert refusal(lambda: beam.search(g, x, vectors=x, **numbers)) is None
    assert refusal(lambda: distance.matmul(x, x.T.copy(), value)) is None


@fixed
@given(dtype=st.sampled_from(np.typecodes["AllInteger"]), n=st.integers(1, 4))
def test_integers_of_numpy_are_as_good_as_those_of_python(dtype, n):
    x = integers(np.random.default_rng(n), (9, 4), "float32")
    keep, batch = np.full((9, 3), episodes.ALWAYS, np.uint32), np.arange(2, dtype=np.int32)

    def results(n):
        g = level_0(random_graph(9, 3, 2, 0))
        yield from beam.search(g, x, n, n, vectors=x, threads=n)
        runner = episodes.Runner(g, vectors=x, threads=n)
        yield from runner.record(keep, x[:2].copy(), batch, n, n, n)
        yield vamana.Builder(g, n, x, n).link(batch, n)
        hnsw.Builder(g, n, vectors=x, threads=n).link(batch, 0 * batch, x[:2].copy())
        yield g.neighbors
        yield from offered(x, x, np.full((9, 2), -1, np.int32), np.full((9, 2), np.inf), False, n)
        yield from beta.group_sums(x, np.zeros(9, np.uint8), n)

    for found, wanted in zip(results(np.dtype(dtype).type(n)), results(n), strict=True):
        assert np.array_equal(found, wanted)


@pytest.mark.parametrize("value", (0, 1, 0.9, "0", None, np.uint8(1)))
def test_a_flag_is_true_or_false(value):
    s = {"n": 3, "d": 4, "nsq": 2, "dsub": 2, "M0": 3, "seed": 0, "threads": 1}
    r, g = drawn(s), random_graph(20, 3, 2, 0)
    x, three = r(20, 4), np.zeros((3, 2), np.int32)
    builder = vamana.Builder(level_0(g), 3, x)
    credit = MISUSED["credit"][0](r, s)
    for call in (
        lambda ip: adc.tables(x, r(2, 256, 2), ip),
        lambda ip: distance.pair_distances(x[:3], x, three, ip),
        lambda ip: nearest.Rows(x, 0, ip),
        lambda ip: beam.search(g, x, 1, 2, vectors=x, ip=ip),
        lambda ip: hnsw.Builder(g, 2, vectors=x, ip=ip),
        lambda ip: beta.reorder(r(5, 4), r(5, 4), three[:1].repeat(5, 0).repeat(2, 1), 3,
                                *regressed(r, s).values(), ip=ip),
        lambda among: builder.link(three[0, :1], 2, among=among),
        lambda rerun: episodes.Runner(space_of(r, s)[0], vectors=x).credit(
            **credit, key=7, rerun=rerun
        ),
    ):  # fmt: skip
        assert refusal(lambda call=call: call(value)) is None
        assert refusal(lambda call=call: call(np.bool_(True))) is not None


KINDS = ("float32", "uint8", "int8", "codes", "two levels")


def vertices(r, s, nb, kind):
    """nb vertices as kernels know them, and the vectors that they stand for, float32."""
    if kind == "codes":
        codes, centroids = r(nb, s["nsq"], low=0).astype(np.uint8), r(s["nsq"], 256, s["dsub"])
        return {"codes": codes, "centroids": centroids}, decoded(codes, centroids)
    if kind == "two levels":
        first, second = two_levels(r, s, nb)
        first = first._replace(cross=coarse.cross(**second, coarse=first))
        return {**second, "coarse": first}, adc.decode(**second, coarse=first)
    x = r(nb, s["d"], low=0 if kind == "uint8" else -9).astype(kind)
    return {"vectors": x}, x.astype(np.float32)


@fixed
@given(sizes=SIZES, kind=st.sampled_from(KINDS))
def test_a_wide_search_is_exhaustive(sizes, kind):
    r, nb, k = drawn(sizes), 20 + sizes["n"], min(sizes["k"], 40)
    g = random_graph(nb, sizes["M0"], 3, sizes["seed"] % 1000, ring=True)
    space, x = vertices(r, sizes, nb, kind)
    space |= {"ip": sizes["ip"], "threads": sizes["threads"]}
    query = r(5, x.shape[1])
    D, I, ndis, upper, nhops = beam.search(g, query, k, nb, **space)
    ids, dis = by_distance_then_id(ip_or_l2(query, x, sizes["ip"]), k)
    assert np.array_equal(I, ids) and np.array_equal(D, dis.astype(np.float32))
    assert (nhops == nb).all() and (ndis == nb - 1).all() and (upper >= 1).all()

    runner = episodes.Runner(g, **space)
    keep = np.full(g.neighbors.shape, episodes.ALWAYS, np.uint32)
    start = np.full(5, g.entry_point, np.int32)
    done = runner.record(keep, query, start, k, nb, 7)
    assert np.array_equal(done.I, ids) and (done.ndis == nb).all() and (done.nhops == nb).all()


def are_links(rows, of, nb):
    """Links of the vertices ``of``: not to themselves, none twice, missing ones at the end."""
    for v, row in zip(of, rows, strict=True):
        links = row[row >= 0]
        assert (row[: len(links)] >= 0).all() and v not in links
        assert len(set(links)) == len(links) and (links < nb).all()


def is_graph(g):
    nb = len(g.neighbors)
    are_links(g.neighbors, range(nb), nb)
    are_links(g.upper_neighbors, np.repeat(g.upper_vertex, np.diff(g.upper_start)), nb)


def is_ordered(neighbors, between):
    for v, row in enumerate(neighbors):
        links = row[row >= 0]
        assert np.array_equal(links, links[np.lexsort((links, between[v, links]))])


BATCHES = st.lists(st.integers(-2, 21), min_size=1, max_size=6)


@fixed
@given(sizes=SIZES, batch=BATCHES, alpha=st.sampled_from((1.0, 1.3, 0.5, np.inf, np.nan, None)))
def test_vamana_links_or_refuses(sizes, batch, alpha):
    x = integers(np.random.default_rng(sizes["seed"]), (20, sizes["d"]), "float32")
    g = level_0(random_graph(20, sizes["M0"], 2, 1))
    builder = vamana.Builder(g, sizes["n"] + 1, x, sizes["threads"])
    batch = np.array(batch, np.int32)
    links = refusal(lambda: builder.link(batch, sizes["M0"], alpha, among=sizes["ip"]))
    legal = ((batch >= 0) & (batch < 20)).all() and alpha in (1.0, 1.3)
    legal &= len(set(batch.tolist())) == len(batch)
    assert (links is not None) == legal
    if legal:
        are_links(links, batch, 20)
        g.neighbors[batch] = links
        assert refusal(lambda: builder.reverse(batch, batch[:, None], alpha) or "done") is None
        builder.reverse(batch, links, alpha)
        is_graph(g)
        builder.order()
        is_graph(g)
        is_ordered(g.neighbors, ip_or_l2(x, x, False))


def level_0(g):
    empty = np.empty(0, np.int32)
    return type(g)(g.neighbors.copy(), empty, np.zeros(1, np.int64), np.empty((0, 2), np.int32),
                   g.entry_point, 0)  # fmt: skip


@fixed
@given(sizes=SIZES, kind=st.sampled_from(KINDS), batch=BATCHES, level=st.integers(-1, 4))
def test_hnsw_links_or_refuses(sizes, kind, batch, level):
    space, x = vertices(drawn(sizes), sizes, 20, kind)
    g = random_graph(20, sizes["M0"], 3, sizes["seed"] % 100)
    builder = hnsw.Builder(g, sizes["n"] + 1, ip=sizes["ip"], threads=sizes["threads"], **space)
    batch, levels = np.array(batch, np.int32), g.levels()
    inside = ((batch >= 0) & (batch < 20)).all()
    source = np.full(len(batch), g.entry_point, np.int32)
    high = inside and level in range(levels[batch].min() + 1)
    turned = refusal(lambda: builder.reverse(level, batch, source) or "done")
    ascend = (np.diff(batch) >= 0).all() and g.entry_point not in batch
    assert (turned is None) == (not high or not ascend)
    is_graph(g)
    batch = batch[np.argsort(-levels[batch], kind="stable")] if inside else batch
    own = levels[batch] if inside else np.zeros(len(batch), np.int32)
    linked = refusal(lambda: builder.link(batch, own, x[np.clip(batch, 0, 19)]) or "done")
    assert (linked is not None) == (inside and len(set(batch)) == len(batch))
    is_graph(g)
    builder.order()
    is_graph(g)
    is_ordered(g.neighbors, ip_or_l2(x, x, sizes["ip"]))


@fixed
@given(
    bits=st.integers(8, 16),
    numbers=st.lists(st.tuples(st.integers(-1, 2**16), st.integers(0, 255)), max_size=5),
)
def test_numbers_are_packed_or_refused(bits, numbers):
    packed = refusal(lambda: coarse.pack(np.array(numbers, int).reshape(-1, 2), bits))
    assert (packed is not None) == all(0 <= a < 1 << bits for a, _ in numbers)
    for row, (a, b) in zip(() if packed is None else packed, numbers, strict=packed is not None):
        assert int.from_bytes(row.tobytes(), "little") == a | b << bits
    assert refusal(lambda: coarse.pack(np.ones((3, 2)), bits)) is None
    assert refusal(lambda: coarse.pack(np.ones(2, int), bits)) is None


@fixed
@given(p=st.lists(st.floats(0, 1) | st.sampled_from((0, 1, -1e-9, 1.001, np.inf, np.nan))))
def test_thresholds_are_rounded_or_refused(p):
    t = refusal(lambda: episodes.thresholds(p))
    assert (t is not None) == all(0 <= x <= 1 for x in p)
    assert t is None or (t.dtype == np.uint32 and t.tolist() == [round(x * 2**31) for x in p])


@fixed
@given(sizes=SIZES, rank=st.integers(0, 9))
def test_rows_are_made_orthogonal(sizes, rank):
    rng = np.random.default_rng(sizes["seed"])
    n, m = sizes["n"] + 1, sizes["m"]
    a = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, m))
    turned, q, squared = rotation.orthogonalise(a, np.eye(n))
    assert np.allclose(q @ q.T, np.eye(n), atol=1e-12) and np.allclose(q @ a, turned, atol=1e-12)
    assert np.allclose(turned @ turned.T, np.diag(squared), atol=1e-9)
    for bad in (np.nan, np.inf):
        assert refusal(lambda bad=bad: rotation.orthogonalise(a + bad, np.eye(n))) is None


@fixed
@given(sizes=SIZES)
def test_read_only_results_are_refused(sizes):
    out = np.zeros((1, 3, beta.n_moments(sizes["M0"] + 1)), np.float32)
    arguments = (
        np.zeros((3, 2), np.float32), 0, np.zeros((5, 1), np.uint8),
        np.zeros((5, sizes["M0"]), np.int32), np.zeros((1, 256, 2), np.float32),
    )  # fmt: skip
    beta.moments(*arguments, out)
    out.flags.writeable = False
    assert refusal(lambda: beta.moments(*arguments, out) or "done") is None
    codes = np.zeros((3, 1), np.uint8)
    codes.flags.writeable = False
    x = np.zeros((1, 3, 2), np.float32)
    assert refusal(lambda: beta.least_columns(x, x[:, :2].copy(), codes)) is None


def space_of(r, s):
    """A graph of 20 vertices and what searches on it are given, two of them at once."""
    g = random_graph(20, s["M0"], 2, s["seed"] % 100, ring=True)
    return g, {
        "keep": np.full(g.neighbors.shape, episodes.ALWAYS, np.uint32),
        "x": r(4, s["d"]),
        "start": np.full(4, g.entry_point, np.int32),
    }


def recorded(a, s):
    g, _ = space_of(drawn(s), s)
    runner = episodes.Runner(g, vectors=drawn(s)(20, s["d"]), threads=s["threads"])
    return runner.record(**a, k=2, efSearch=5, key=7).I


def credited(a, s):
    g, _ = space_of(drawn(s), s)
    runner = episodes.Runner(g, vectors=drawn(s)(20, s["d"]), threads=s["threads"])
    return runner.credit(**a, key=7).gain


def two_levels(r, s, n=9):
    """A first level of 256 centroids, and the centroids and n codes of the second over it."""
    half = s["nsq"] * s["dsub"]
    first = r(2, 256, half)
    return coarse.Coarse(first, coarse.panels(first)), {
        "codes": r(n, 2 + 2 * s["nsq"], low=0).astype(np.uint8),
        "centroids": r(2 * s["nsq"], 256, s["dsub"]),
    }


def regressed(r, s):
    """The codes, links and weights of eleven vertices, as the regression's kernels take them."""
    return {
        "codes": r(11, s["nsq"], low=0).astype(np.uint8),
        "neighbors": r(11, s["M0"], low=-1).astype(np.int32),
        "centroids": r(s["nsq"], 256, s["dsub"]),
        "beta_centroids": r(s["nsq"], 256, s["M0"] + 1),
        "beta_codes": r(11, s["nsq"], low=0).astype(np.uint8),
    }


# Name -> (arrays by name, the call with them): results without a formula as short as the kernel.
MISUSED = {
    "record": (lambda r, s: space_of(r, s)[1], recorded),
    "credit": (
        lambda r, s: (
            space_of(r, s)[1]
            | {
                "truth": r(4, 2, low=0).astype(np.int32),
                "efs": np.array([2, 6], np.int32),
                "rate": np.array([900, 50], np.int64),
            }
        ),
        credited,
    ),
    "solve": (
        lambda r, s: {"A": np.tile(np.eye(3), (s["n"] + 1, 1, 1)), "r": np.ones((s["n"] + 1, 3))},
        lambda a, s: beta.solve(a["A"], a["r"], 1e-4, s["threads"]),
    ),
    "weights": (
        lambda r, s: {
            "moments": r(9, beta.n_moments(s["M0"] + 1)),
            "out": r(9, s["M0"] + 2),
        },
        lambda a, s: beta.weights(a["moments"], 1e-4, a["out"], s["threads"]),
    ),
    "moments": (
        lambda r, s: {
            "x": r(11, s["nsq"] * s["dsub"]),
            **dict(list(regressed(r, s).items())[:3]),
            "out": r(s["nsq"], 11, beta.n_moments(s["M0"] + 1)),
        },
        lambda a, s: beta.moments(
            a["x"], 0, a["codes"], a["neighbors"], a["centroids"], a["out"], s["threads"]
        ),
    ),
    "least moments": (
        lambda r, s: {
            "x": r(11, 7),
            **dict(list(regressed(r, s).items())[:3]),
            "rotation": r(7, s["nsq"] * s["dsub"]),
            "w": r(s["nsq"], beta.n_moments(s["M0"] + 1), 33),
            "assigned": np.zeros((11, s["nsq"]), np.uint8),
        },
        lambda a, s: beta.moments(first=0, **a, threads=s["threads"]),
    ),
    "reorder": (
        lambda r, s: {
            "query": r(5, s["nsq"] * s["dsub"]),
            "D": r(5, 4),
            "I": r(5, 4, low=-1).astype(np.int32),
            **regressed(r, s),
        },
        lambda a, s: beta.reorder(
            a["query"], a["D"], a["I"], 3, *list(a.values())[3:], ip=s["ip"], threads=s["threads"]
        )[1],
    ),
    "cross": (
        lambda r, s: two_levels(r, s)[1],
        lambda a, s: coarse.cross(
            a["codes"], a["centroids"], two_levels(drawn(s), s)[0], s["threads"]
        ),
    ),
}


@pytest.mark.parametrize("name", MISUSED)
@fixed
@given(sizes=SIZES, data=st.data())
def test_a_spoiled_argument_never_passes(name, sizes, data):
    make, call = MISUSED[name]
    arrays = make(drawn(sizes), sizes)
    which = data.draw(st.sampled_from(list(arrays)))
    assume(arrays[which].size)
    how, arrays[which] = data.draw(spoiled(arrays[which]))
    done = refusal(lambda: (call(arrays, sizes),))
    assert done is not None if how == "nothing" else done is None or how in ("shape", "value")


IDS = [
    ("record", "start"),
    ("credit", "truth"),
    ("moments", "neighbors"),
    ("reorder", "I"),
    ("least moments", "neighbors"),
]


@pytest.mark.parametrize("name, which", IDS)
@fixed
@given(sizes=SIZES, where=st.integers(0, 999), value=st.sampled_from((-2, 20, 2**31 - 1, -(2**31))))
def test_an_id_that_does_not_exist_is_refused(name, which, sizes, where, value):
    make, call = MISUSED[name]
    arrays = make(drawn(sizes), sizes)
    arrays[which].flat[where % arrays[which].size] = value
    assert refusal(lambda: (call(arrays, sizes),)) is None
