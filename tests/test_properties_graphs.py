"""Builders and searches of graphs on drawn sizes and batches: links that hold, or one line."""

import numpy as np
from conftest import by_distance_then_id, ip_or_l2, random_graph
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import SIZES, decoded, drawn, level_0, refusal, two_levels
from properties import fixed, integers

from linkprune.kernels import (
    adc,
    beam,
    coarse,
    episodes,
    hnsw,
    vamana,
)

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
