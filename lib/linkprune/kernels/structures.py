"""The C structures of a space and a graph, filled from arrays, for any family's ffi."""

import numpy as np

from linkprune.errors import ShapeError
from linkprune.kernels import checks
from linkprune.kernels.checks import KSUB


def coarse(ffi, first, centroids):
    """An ``ann_coarse`` from a ``coarse.Coarse``, NULL for None, and what it points to.

    centroids (nsq, 256, dsub) float32 are those of the second level.
    """
    if first is None:
        return ffi.NULL, []
    nsq, _, dsub = checks.array("centroids", centroids, "float32", None, KSUB, None).shape
    _, k, half = checks.array("coarse", first.centroids, "float32", 2, None, None).shape
    if k != 1 << first.bits:
        raise ShapeError(f"coarse: expected a power of two centroids, got {k}")
    if 2 * half != nsq * dsub or first.bytes + nsq < 4:
        raise ShapeError(
            f"coarse: {2 * half} dimensions, expected those of the second level, "
            f"{nsq * dsub}, in at least {4 - first.bytes} parts"
        )
    checks.array("panels", first.panels, "float32", 2, k // 32, half, 32)
    s = ffi.new("ann_coarse *")
    s.bits, s.bytes, s.dsub = first.bits, first.bytes, dsub
    alive = [checks.pointer(ffi, x) for x in (first.centroids, first.panels, centroids)]
    s.centroids, s.panels, s.residual = alive
    if first.cross is not None:
        alive.append(checks.pointer(ffi, checks.array("cross", first.cross, "float32", None)))
        s.cross = alive[-1]
    return s, alive


def space(ffi, codes=None, vectors=None, ip=False, centroids=None, first=None):
    """An ``ann_space`` on codes (nb, nsq) uint8 or vectors (nb, d), and what it points to.

    vectors are float32, or uint8 or int8 where such are the values: a quarter of the memory.
    Codes come with the centroids (nsq, 256, dsub) float32. first: the first level of codes in two,
    a ``coarse.Coarse`` with its cross; the centroids are then those of the second. The second value
    keeps the arrays alive: hold it as long as the structure is used.
    """
    s, alive = ffi.new("ann_space *"), []
    s.ip = checks.flag("ip", ip)
    if (codes is None) == (vectors is None):
        raise ShapeError("space: expected either codes or vectors")
    if codes is not None:
        s.nb, s.nsq = checks.array("codes", codes, "uint8", None, None).shape
        alive.append(ffi.from_buffer("uint8_t[]", codes))
        s.codes = alive[-1]
        if first is not None:
            s.nsq = len(checks.array("centroids", centroids, "float32", None, KSUB, None))
            checks.array("codes", codes, "uint8", None, first.bytes + s.nsq)
            checks.array("cross", first.cross, "float32", s.nb)
            alive.append(coarse(ffi, first, centroids))
            s.coarse = alive[-1][0]
        else:
            shape = checks.array("centroids", centroids, "float32", s.nsq, KSUB, None).shape
            alive.append(ffi.from_buffer("float[]", centroids))
            s.centroids, s.dsub = alive[-1], shape[2]
    else:
        dtype = str(getattr(vectors, "dtype", None))
        field = {"uint8": "vectors_u8", "int8": "vectors_i8"}.get(dtype, "vectors")
        dtype = dtype if field != "vectors" else "float32"
        s.nb, s.d = checks.array("vectors", vectors, dtype, None, None).shape
        alive.append(checks.pointer(ffi, vectors))
        setattr(s, field, alive[-1])
    return s, alive


def tables(space, threads):
    """Scratch for the tables of queries on a space of codes, and none on one of vectors."""
    if space.coarse:  # four queries share a pass over the first level
        return np.empty((threads, 4, space.nsq * KSUB + (2 << space.coarse.bits)), np.float32)
    return np.empty((threads, space.nsq, KSUB), np.float32)


def points_size(space, slots):
    """How many floats the points of the links of a vertex have, as csrc/space.h lays them out."""
    if not space.codes:
        size = 0
    elif space.coarse:
        size = space.nsq * space.coarse.dsub
    else:
        groups = space.nsq // 4 + space.nsq % 4
        size = -(-groups // 4) * 16 * space.dsub
    return max(slots, 2) * size


def table_centroids(centroids, first, ip):
    """Centroids (nsq, 256, dsub) as the kernels make tables of them: (nsq, dsub, 256)."""
    # With a first level a squared distance takes -2 q.r from the table, an inner product.
    return checks.transposed(centroids) * np.float32(1 if first is None or ip else 2)


def grouped(target, source):
    """Sorted ids (n,) as the kernels want groups: the ids (m,), where each begins (m + 1,) int64,
    and the size of the largest, at least 1. No id may be its own source (n,)."""
    if (np.diff(target) < 0).any():
        raise ShapeError("target: expected ids in ascending order")
    itself = target[target == source]
    if len(itself):
        raise ShapeError(f"source: vertex {itself[0]} cannot link to itself")
    ids, first = np.unique(target, return_index=True)
    start = np.append(first, len(target)).astype(np.int64)
    return ids, start, int(np.diff(start).max(initial=1))


def graph(ffi, g, writable=False):
    """An ``ann_graph`` from a ``linkprune.graph.Graph``, and what keeps its arrays alive."""
    nb, M0 = checks.array("neighbors", g.neighbors, "int32", None, None).shape
    n_upper = len(checks.array("upper_vertex", g.upper_vertex, "int32", None))
    checks.array("upper_start", g.upper_start, "int64", n_upper + 1)
    rows = checks.array("upper_neighbors", g.upper_neighbors, "int32", None, None).shape
    if not g.is_sealed():
        g.verify()
    for name in ("neighbors", "upper_neighbors") if writable else ():
        checks.writable(name, getattr(g, name), "int32", None, None)
    alive = [
        ffi.from_buffer("int32_t[]", g.neighbors, require_writable=writable),
        ffi.from_buffer("int32_t[]", g.upper_vertex),
        ffi.from_buffer("int64_t[]", g.upper_start),
        ffi.from_buffer("int32_t[]", g.upper_neighbors, require_writable=writable),
    ]
    s = ffi.new("ann_graph *")
    s.neighbors, s.upper_vertex, s.upper_start, s.upper_neighbors = alive
    s.nb, s.M0, s.M, s.n_upper = nb, M0, rows[1], n_upper
    s.entry_point, s.max_level = g.entry_point, g.max_level
    return s, alive
