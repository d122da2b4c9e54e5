"""Vamana and NSG construction: one batch of vertices at a time, on float vectors in squared L2."""

import functools

import numpy as np

from linkprune.errors import ShapeError
from linkprune.kernels import checks, structures
from linkprune.kernels._vamana import ffi
from linkprune.kernels._vamana import lib as C

_p = functools.partial(checks.pointer, ffi)


class Builder:
    """The structures and scratch memory of one construction.

    The graph is checked here and not by each call, which would cost some percent of linking a
    batch: meanwhile nothing may be written to it but links to vertices.

    graph: a flat ``linkprune.graph.Graph`` whose links are changed in place by ``reverse`` and
    ``order``, and only read by ``link``; vectors (nb, d) float32.
    """

    def __init__(self, graph, efConstruction, vectors, threads=1):
        efConstruction, threads = checks.positive(efConstruction=efConstruction, threads=threads)
        checks.array("vectors", vectors, "float32", None, None)
        self.space, self._alive = structures.space(ffi, vectors=vectors)
        self.efConstruction, self.threads = min(efConstruction, len(vectors)), threads
        self.graph, self._alive_too = structures.graph(ffi, graph, writable=True)
        if self.graph.nb != self.space.nb:
            raise ShapeError(f"graph of {self.graph.nb} vertices over {self.space.nb} vectors")
        if graph.max_level:
            raise ShapeError(f"graph: expected a flat one, got {graph.max_level + 1} levels")
        self.visited = np.zeros((threads, self.space.nb), np.uint8)
        self.epochs = np.zeros(threads, np.uint8)
        self.beams = np.empty((threads, self.efConstruction + C.ANN_BEAM_ROOM), np.int64)

    def link(self, batch, R, alpha=1.0, among=False):
        """New links of a batch of ids (n,) int32 -> (n, R) int32, nearest first, padded with -1.

        Candidates of a vertex are what its beam search expands, its links and, where ``among`` is
        set, the earlier vertices of the batch; alpha acts on distances, not on their squares.
        """
        R, among = checks.positive(R=R), checks.flag("among", among)
        n = len(checks.ids("batch", batch, self.space.nb, None, least=0))
        checks.distinct("batch", batch)
        _check_alpha(alpha)
        links = np.empty((n, R), np.int32)
        width = self.space.nb + self.graph.M0 + n + C.ANN_BEAM_ROOM
        pools = np.empty((self.threads, width), np.int64)
        status = C.ann_vamana_link(
            self.space, self.graph, _p(batch), n, R, among, self.efConstruction,
            self.beams.shape[1], alpha * alpha, self.threads, _p(self.visited), _p(self.epochs),
            _p(self.beams), _p(pools), _p(links),
        )  # fmt: skip
        checks.ok(status, "ann_vamana_link")
        return links

    def reverse(self, batch, links, alpha=1.0):
        """Give links (n, R) int32 of the batch (n,) their reverse links, where they lack them."""
        checks.ids("batch", batch, self.space.nb, None, least=0)
        checks.ids("links", links, self.space.nb, len(batch), None)
        _check_alpha(alpha)
        target, source = links.ravel(), np.repeat(batch, links.shape[1])
        target, source = target[links.ravel() >= 0], source[links.ravel() >= 0]
        by_target = np.argsort(target, kind="stable")
        target, source = target[by_target], source[by_target]
        groups, start, longest = structures.grouped(target, source)
        room = checks.apart(C, self.threads, self.graph.M0 + longest, np.int64)
        status = C.ann_vamana_reverse(
            self.space, self.graph, _p(groups), _p(start), _p(source), len(groups), longest,
            alpha * alpha, self.threads, _p(room),
        )  # fmt: skip
        checks.ok(status, "ann_vamana_reverse")

    def order(self):
        """Sort the links of every vertex, nearest first."""
        room = checks.apart(C, self.threads, self.graph.M0, np.int64)
        status = C.ann_vamana_order(self.space, self.graph, self.threads, _p(room))
        checks.ok(status, "ann_vamana_order")


def _check_alpha(alpha):
    if not isinstance(alpha, (int, float)) or not 1 <= alpha < np.inf:
        raise ShapeError(f"alpha: expected a finite number of at least 1, got {alpha!r}")
