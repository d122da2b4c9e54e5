"""Search on a graph whose vertices are codes or float vectors."""

import functools

import numpy as np

from linkprune.errors import ShapeError
from linkprune.kernels import checks, structures
from linkprune.kernels._beam import ffi
from linkprune.kernels._beam import lib as C
from linkprune.kernels.checks import KSUB

_p = functools.partial(checks.pointer, ffi)


def search(graph, query, k, efSearch, *, codes=None, centroids=None, coarse=None, vectors=None,
           ip=False, threads=1):  # fmt: skip
    """The k best vertices for every query: graph descent, then beam search with efSearch.

    query (nq, d) float32, rotated where the vertices are coded; either codes (nb, nsq) uint8 with
    centroids (nsq, 256, dsub) float32 and, for codes in two levels, the first one, a
    ``coarse.Coarse`` with its cross, or vectors (nb, d) float32. Returns D (nq, k) float32, I
    (nq, k) int32 (missing: infinity, -1), ndis (distances on level 0, without the entry point),
    ndis_upper (entry point and descent), nhops (vertices expanded on level 0), each (nq,) int32.
    A distance that is not a number counts as infinity.
    """
    k, efSearch, threads = checks.positive(k=k, efSearch=efSearch, threads=threads)
    space, alive = structures.space(ffi, codes, vectors, ip, centroids, coarse)
    g, alive_too = structures.graph(ffi, graph)
    if g.nb != space.nb:
        raise ShapeError(f"graph of {g.nb} vertices over a space of {space.nb}")
    if codes is not None:
        cent = structures.table_centroids(centroids, coarse, ip)
        checks.array("centroids", cent, "float32", space.nsq, None, KSUB)
        dsub, d = cent.shape[1], space.nsq * cent.shape[1]
        tables, cent = structures.tables(space, threads), _p(cent)
    else:
        dsub, d = 0, space.d
        tables, cent = np.empty(0, np.float32), ffi.NULL
    nq = len(checks.array("query", query, "float32", None, d))
    visited = np.zeros((threads, space.nb), np.uint8)
    beams = np.empty((threads, min(max(k, efSearch), space.nb) + C.ANN_BEAM_ROOM), np.int64)
    D, I = np.empty((nq, k), np.float32), np.empty((nq, k), np.int32)
    ndis, ndis_upper, nhops = (np.empty(nq, np.int32) for _ in range(3))
    status = C.ann_search(
        space, g, _p(query), cent, nq, dsub, k, efSearch, beams.shape[1], threads, _p(visited),
        _p(tables), _p(beams), _p(D), _p(I), _p(ndis), _p(ndis_upper), _p(nhops),
    )  # fmt: skip
    checks.ok(status, "ann_search")
    del alive, alive_too
    return D, I, ndis, ndis_upper, nhops
