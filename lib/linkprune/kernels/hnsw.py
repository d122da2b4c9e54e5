"""HNSW construction: one batch of vertices at a time, into a graph that the caller owns."""

import functools

import numpy as np

from linkprune.errors import ShapeError
from linkprune.kernels import checks, structures
from linkprune.kernels._hnsw import ffi
from linkprune.kernels._hnsw import lib as C

_p = functools.partial(checks.pointer, ffi)


class Builder:
    """The structures and scratch memory of one construction.

    The graph is checked here and not by each call, which would cost some percent of linking a
    batch: meanwhile nothing may be written to it but links to vertices that have the level.

    graph: a ``linkprune.graph.Graph`` whose arrays are filled in place; codes (nb, nsq) uint8 with
    centroids (nsq, 256, dsub) float32 and, for codes in two levels, the first one, a
    ``coarse.Coarse`` with its cross; or vectors (nb, d) float32.
    """

    def __init__(self, graph, efConstruction, *, codes=None, centroids=None, coarse=None,
                 vectors=None, ip=False, threads=1):  # fmt: skip
        efConstruction, threads = checks.positive(efConstruction=efConstruction, threads=threads)
        if codes is None:
            cent, self.dsub = np.empty(0, np.float32), 0
        else:
            cent = structures.table_centroids(centroids, coarse, ip)
            self.dsub = cent.shape[1]
        self.centroids_t = cent
        self.space, self._alive = structures.space(ffi, codes, vectors, ip, centroids, coarse)
        self.graph, self._alive_too = structures.graph(ffi, graph, writable=True)
        self.levels = graph.levels()
        self.efConstruction, self.threads = min(efConstruction, self.space.nb), threads
        if self.graph.nb != self.space.nb:
            raise ShapeError(f"graph of {self.graph.nb} vertices over {self.space.nb} vectors")
        self.d = self.space.nsq * self.dsub if codes is not None else self.space.d
        self.visited = np.zeros((threads, self.space.nb), np.uint8)
        self.epochs = np.zeros(threads, np.uint8)
        self.tables = structures.tables(self.space, threads)
        self.beams = np.empty((threads, self.efConstruction + C.ANN_BEAM_ROOM), np.int64)
        slots = max(self.graph.M0, self.graph.M)
        self.points = checks.apart(
            C, threads, structures.points_size(self.space, slots), np.float32, np.zeros
        )

    def link(self, batch, levels, x):
        """Forward links of a batch: ids (n,) and levels (n,) int32 (descending), x (n, d) float32.

        For a space of codes x holds the rotated, uncompressed vectors. A vertex that is linked to
        already gets new links, none of them to itself; one whose x has no distance to any other,
        as it holds NaN, gets a single link.
        """
        checks.ids("batch", batch, self.space.nb, None, least=0)
        checks.array("levels", levels, "int32", len(batch))
        if not np.array_equal(levels, self.levels[batch]):
            raise ShapeError("levels: not those that the graph has rows for")
        checks.distinct("batch", batch)
        checks.array("x", x, "float32", len(batch), self.d)
        status = C.ann_hnsw_link(
            self.space, self.graph, _p(x), _p(self.centroids_t) if self.dsub else ffi.NULL,
            _p(batch), _p(levels), len(batch), self.dsub, self.efConstruction,
            self.beams.shape[1], self.threads, _p(self.visited), _p(self.epochs), _p(self.tables),
            _p(self.beams), _p(self.points),
        )  # fmt: skip
        checks.ok(status, "ann_hnsw_link")

    def reverse(self, level, target, source):
        """Reverse links: target[i] gains source[i] on the level, where it lacks it; sorted by
        target, (n,) int32."""
        checks.ids("target", target, self.space.nb, None, least=0)
        checks.ids("source", source, self.space.nb, len(target), least=0)
        level = checks.natural(level=level)
        if len(target) and min(self.levels[target].min(), self.levels[source].min()) < level:
            raise ShapeError(f"target, source: expected vertices of level {level} or above")
        groups, start, longest = structures.grouped(target, source)
        slots = self.graph.M if level else self.graph.M0
        room = checks.apart(C, self.threads, slots + longest, np.int64)
        status = C.ann_hnsw_reverse(
            self.space, self.graph, level, _p(groups), _p(start), _p(source), len(groups),
            longest, self.threads, _p(room), _p(self.points),
        )  # fmt: skip
        checks.ok(status, "ann_hnsw_reverse")

    def order(self):
        """Sort the links of every vertex on level 0, nearest first."""
        room = checks.apart(C, self.threads, self.graph.M0, np.int64)
        status = C.ann_hnsw_order(self.space, self.graph, self.threads, _p(room), _p(self.points))
        checks.ok(status, "ann_hnsw_order")
