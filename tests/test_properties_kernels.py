"""Every wrapper on drawn shapes, as it should be called or not: NumPy's result, or one line."""

import numpy as np
import pytest
from conftest import by_distance_then_id, ip_or_l2, random_graph
from hypothesis import assume, given
from hypothesis import strategies as st
from kernel_cases import SIZES, decoded, drawn, level_0, refusal
from properties import fixed, integers, spoiled

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


def column_sums(x, codes, k):
    """Sums of the rows of x (n, d) that share a code (n,), and counts."""
    sums = np.zeros((k, x.shape[1]))
    np.add.at(sums, codes, x.astype(np.float64))
    return sums, np.bincount(codes, minlength=k)


def parts_sums(x, codes, k):
    """The same for every part: x (parts, n, d), codes (n, parts)."""
    found = [column_sums(part, codes[:, m], k) for m, part in enumerate(x)]
    return tuple(np.stack(of) for of in zip(*found, strict=True))


def nearest_centroid(x, centroids):
    return ip_or_l2(x, centroids, False).argmin(1)


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
    return parts_sums([x] * codes.shape[1], codes, 256)


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
            "x": r(s["nsq"], s["n"], s["d"]),
            "codes": np.abs(r(s["n"], s["nsq"])).astype(int).clip(0, s["k"] - 1).astype(np.uint8),
        },
        lambda a, s: beta.group_sums(a["x"], a["codes"], s["k"], threads=s["threads"]),
        lambda a, s: parts_sums(a["x"], a["codes"], s["k"]),
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
        yield from beta.group_sums(x[None], np.zeros((9, 1), np.uint8), n, threads=n)

    for found, wanted in zip(results(np.dtype(dtype).type(n)), results(n), strict=True):
        assert np.array_equal(found, wanted)


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
