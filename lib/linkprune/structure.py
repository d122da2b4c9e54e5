"""What a graph is like: degrees, how long its links are, its levels, what can be reached in it.

Degrees, links and hops are those of the base level, on which a search finds its results.
"""

import math
from typing import NamedTuple

import numpy as np

from linkprune import groundtruth, seeds
from linkprune.chunks import chunks, mean
from linkprune.errors import DataError

SAMPLE = 1000  # vertices whose true nearest neighbour gives the unit of link lengths
LEVELS = np.linspace(0, 1, 201)  # of the quantiles of the link lengths
COLUMNS = "dataset graph policy quantity value count share".split()
SUMMARY = (
    "dataset graph policy vertices links mean_degree largest_degree without_links "
    "largest_in_degree in_links_of_top_1 without_in_links mean_length median_length levels "
    "reached mean_hops most_hops"
).split()


class Shape(NamedTuple):
    """Of every vertex (nb,) integers: links out and in, level, hops from the entry point (-1: not
    reached); of every link (links,) float64 its length, in units of a nearest neighbour's distance.
    """

    out_degree: np.ndarray
    in_degree: np.ndarray
    level: np.ndarray
    hops: np.ndarray
    link_length: np.ndarray


VERTICES = Shape._fields[:-1]


def degrees(graph):
    """Links that leave and that enter each vertex on the base level: two (nb,) int64."""
    nb, links = len(graph.neighbors), graph.neighbors >= 0
    return links.sum(1), np.bincount(graph.neighbors[links], minlength=nb)


def hops(graph):
    """Links of the base level on the shortest way from the entry point: (nb,) int32, -1: no way."""
    found = np.full(len(graph.neighbors), -1, np.int32)
    front, hop = np.array([graph.entry_point]), 0
    while len(front):
        found[front] = hop
        ends = graph.neighbors[front]
        front = np.unique(ends[ends >= 0])
        front, hop = front[found[front] < 0], hop + 1
    return found


def lengths(graph, base, threads=1):
    """Euclidean lengths of the links of the base level, in the space of base (nb, d), any dtype.

    Returns (links,) float64, vertex by vertex.
    """
    if len(base) != len(graph.neighbors):
        raise DataError(f"{len(graph.neighbors)} vertices, but {len(base)} vectors")
    out = []
    for part in chunks(len(base)):
        ends = graph.neighbors[part]
        squared = groundtruth.distances(np.maximum(ends, 0), base[part], base, "l2", threads)
        out.append(np.sqrt(squared[ends >= 0]))
    return np.concatenate(out)


def nearest_distance(base, rng, threads=1):
    """Mean Euclidean distance of vectors from their nearest other one, over SAMPLE of base (nb, d).

    Raises DataError where that is 0, so that nothing can be measured by it.
    """
    if len(base) < 2:
        raise DataError(f"{len(base)} base vectors, expected at least 2")
    pick = np.sort(rng.choice(len(base), min(SAMPLE, len(base)), replace=False))
    ids, squared = groundtruth.exact(base[pick], base, 2, threads=threads)
    # Of equal vectors the own id need not come first, but the distance is 0 all the same.
    other = np.where(ids[:, 0] == pick, squared[:, 1], squared[:, 0])
    unit = mean(np.sqrt(other))
    if unit == 0:
        raise DataError("the nearest other vector is an equal one everywhere, expected a distance")
    return unit


def measure(graph, base, unit, threads=1):
    """What a graph on base (nb, d), any dtype, is like: Shape; unit: that of the lengths."""
    found = lengths(graph, base, threads) / unit
    return Shape(*degrees(graph), graph.levels(), hops(graph), found)


def distributions(shape):
    """The distributions of a Shape, dicts of quantity, value, count, share.

    Of vertices: the count of those of a value, the share of all that have it or less; vertices that
    are not reached have no row of hops, but count among all. link_length: its quantiles, share of
    the links that are as short.
    """
    for quantity in VERTICES:
        of_vertices = getattr(shape, quantity)
        values, counts = np.unique(of_vertices[of_vertices >= 0], return_counts=True)
        shares = np.cumsum(counts) / len(of_vertices)
        for row in zip(values.tolist(), counts.tolist(), shares.tolist(), strict=True):
            yield {"quantity": quantity, **dict(zip(COLUMNS[-3:], row, strict=True))}
    if len(shape.link_length):
        quantiles = np.quantile(shape.link_length, LEVELS)
        for share, value in zip(LEVELS, quantiles, strict=True):
            yield {"quantity": "link_length", "value": value, "share": share}


def summary(shape):
    """What the distributions of a Shape come to, one dict as SUMMARY without its names.

    in_links_of_top_1: the share of all links that end in the hundredth of the vertices with most;
    means of hops and the most are over what is reached; lengths are NaN where there is no link.
    """
    out, into, _, _, length = shape
    nb, links, reached = len(out), int(out.sum()), shape.hops[shape.hops >= 0]
    top = np.sort(into)[::-1][: math.ceil(nb / 100)].sum()
    values = (
        nb, links, links / nb, int(out.max()), (out == 0).mean(), int(into.max()),
        top / max(links, 1), (into == 0).mean(), mean(length) if links else math.nan,
        np.median(length) if links else math.nan, int(shape.level.max()) + 1, len(reached) / nb,
        reached.mean(), int(reached.max()),
    )  # fmt: skip
    return dict(zip(SUMMARY[3:], values, strict=True))


def tables(graphs, base, seed, dataset, threads=1):
    """Distributions and summaries of graphs on one base (nb, d): dicts as COLUMNS and as SUMMARY.

    graphs: pairs of "graph/policy" and Graph, one in memory at a time.
    """
    unit = nearest_distance(base, seeds.generator(seed, "structure", dataset), threads)
    rows, summaries = [], []
    for name, graph in graphs:
        place = dict(zip(COLUMNS[:3], (dataset, *name.split("/")), strict=True))
        shape = measure(graph, base, unit, threads)
        rows += [{**place, **row} for row in distributions(shape)]
        summaries.append({**place, **summary(shape)})
    return rows, summaries
