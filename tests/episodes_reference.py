"""A search on a thinned graph written from the words of csrc/episodes.h, link by link."""

import functools

import numpy as np
from conftest import integers, ip_or_l2, links_of

from linkprune.kernels import adc, episodes

MASK = 2**64 - 1
KEY = 0x1234_5678_9ABC_DEF0
KINDS = ["float32", "uint8", "int8", "codes"]
# (nb, M0, d): one vertex, lists of one link, rows shorter, equal and longer than 16 dimensions and
# than a chunk of 32 links, a list that fills its row.
SIZES = [(1, 1, 1), (2, 1, 3), (23, 2, 16), (41, 31, 17), (60, 33, 33), (90, 40, 5)]


def stream(key, i):
    """Stream i under a key: the output of splitmix64 after i + 1 steps."""
    x = (key + (i + 1) * 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def draw(key, counter):
    return stream(key, counter) >> 33


def space_of(kind, nb, n, d, seed, ip=False):
    """Vertices with exact distances and many ties: keywords of Runner, x (n, d), dis (n, nb)."""
    if kind == "codes":
        cent = integers(seed, 3, 256, 2, lo=-3, hi=4)
        codes = np.random.default_rng(seed).integers(0, 9, (nb, 3), np.uint8)
        x, vertices = integers(seed + 1, n, 6, lo=-3, hi=4), adc.decode(codes, cent)
        return {"codes": codes, "centroids": cent, "ip": ip}, x, ip_or_l2(x, vertices, ip)
    lo, hi = (0, 8) if kind == "uint8" else (-4, 4)
    vectors, x = integers(seed, nb, d, lo=lo, hi=hi), integers(seed + 1, n, d, lo=lo, hi=hi)
    vectors[nb // 2 :: 3] = vectors[0]  # duplicates
    if seed % 2:
        x += np.float32(0.5)  # a query need not be of the vertices' type
    keywords = {"vectors": vectors.astype(kind), "ip": ip}
    return keywords, x, ip_or_l2(x, vectors, ip)


def keep_of(shape, seed):
    """Thresholds of all kinds: never, always, and probabilities between."""
    rng = np.random.default_rng(seed)
    p = np.where(rng.random(shape) < 0.3, rng.integers(0, 2, shape), rng.random(shape))
    return episodes.thresholds(p)


def absent_of(start, nb, seed):
    """A vertex for each episode, the start of one among them, -1 for some."""
    absent = np.random.default_rng(seed).integers(-1, nb, len(start)).astype(np.int32)
    absent[-1] = start[-1]
    return absent


class Search:
    """One episode, vertex by vertex, never at the vertex absent (-1: there is none).

    ``without`` is a link that is dropped whatever it draws.
    """

    def __init__(self, graph, dis, keep, key, start, absent, ef, cap, without=None):
        M0 = graph.neighbors.shape[1]
        self.actions, self.via, self.kept = [], {start: None}, []
        pool, expanded = [(dis[start], start)], set()
        while True:
            waiting = [c for c in pool if c[1] not in expanded]
            if not waiting or sum(c[0] < waiting[0][0] for c in pool) >= ef:
                break
            u = waiting[0][1]
            expanded.add(u)
            fresh = []
            for slot, v in enumerate(links_of(graph, u, 0)):
                link = u * M0 + slot
                kept = draw(key, link) < int(keep[u, slot]) and link != without
                if kept:
                    self.kept.append((link, v))
                if v in self.via or v == absent:
                    continue
                self.actions.append(link if kept else ~link)
                if kept:
                    self.via[v] = link
                    fresh.append(v)
            pool = sorted(pool + [(dis[v], v) for v in fresh])[:cap]
        self.found = [v for _, v in pool]
        self.ndis, self.nhops, self.M0 = len(self.via), len(expanded), M0

    def hits(self, k, true):
        return [v for v in self.found[:k] if v in true]

    def path(self, v):
        """v and all that it descends from, the start last."""
        return [v] if self.via[v] is None else [v, *self.path(self.via[v] // self.M0)]


def recorded(graph, dis, keep, start, k, ef, key, absent=None):
    """Every episode's Search, and what ``Runner.record`` makes of them."""
    absent = [-1] * len(dis) if absent is None else absent.tolist()
    every = [
        Search(graph, d, keep, stream(key, i), int(s), a, ef, max(ef, k))
        for i, (d, s, a) in enumerate(zip(dis, start, absent, strict=True))
    ]
    actions = [a for s in every for a in s.actions]
    offset = np.cumsum([0] + [len(s.actions) for s in every])
    I = [(s.found + [-1] * k)[:k] for s in every]
    return actions, offset.tolist(), I, [s.ndis for s in every], [s.nhops for s in every]


def credited(graph, dis, keep, start, truth, efs, rate, key, rerun, absent=None):
    """gain, cost, drawn, hits, ndis, by the rules as they are stated."""
    gain = np.zeros(graph.neighbors.size, np.int64)
    cost, k = np.zeros_like(gain), truth.shape[1]
    drawn, every_hits, ndis = [], [], []
    absent = [-1] * len(dis) if absent is None else absent.tolist()
    for i, (d, s, a) in enumerate(zip(dis, start, absent, strict=True)):
        stream_i = stream(key, i)
        drawn.append(draw(stream_i, MASK - 1) % len(efs))
        ef, r = efs[drawn[-1]], rate[drawn[-1]]

        search = functools.partial(Search, graph, d, keep, stream_i, int(s), a, ef, max(ef, k))
        first, true = search(), truth[i].tolist()
        every_hits.append(len(first.hits(k, true)))
        ndis.append(first.ndis)
        for v, via in first.via.items():
            if via is None or any(
                w == v and link != via and v not in first.path(link // first.M0)
                for link, w in first.kept
            ):
                continue
            through, spared = sum(v in first.path(w) for w in first.hits(k, true)), 1
            if through and rerun:
                again = search(without=via)
                through = len(first.hits(k, true)) - len(again.hits(k, true))
                spared = first.ndis - again.ndis
            gain[via] += through * r
            cost[via] += spared
    shape = graph.neighbors.shape
    return gain.reshape(shape), cost.reshape(shape), drawn, every_hits, ndis
