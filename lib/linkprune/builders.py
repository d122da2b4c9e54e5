"""Every kind of graph by its key."""

import numpy as np

from linkprune import faiss_hnsw, flat, hnsw, keys, nsg, vamana
from linkprune.errors import ConfigError


def build(key, base, seed, *, codec=None, codes=None, metric="l2", threads=1):
    """Build the graph of a parsed key over base (nb, d), any dtype -> Graph.

    A key whose space is a codec needs that codec and codes (nb, nsq) uint8, one on floats neither.
    metric is "l2" or "ip". Raises DataError where nb is less than 2, ConfigError where the key is
    of no kind known here or does not fit the space.
    """
    if (codes is None) != (key.space == "float") or (codes is None) != (codec is None):
        given = "neither codec nor codes" if codes is None and codec is None else "codec or codes"
        raise ConfigError(f"graph {key}: built on {key.space}, got {given}")
    space = {"codec": codec, "codes": codes, "metric": metric, "threads": threads}
    if isinstance(key, keys.HNSW) and key.builder == "faiss":
        graph = faiss_hnsw.build(key, base, **space)
        hnsw.order(graph, base, **space)
        return graph
    if isinstance(key, keys.HNSW | keys.NSW):
        return hnsw.build(key, base, seed, **space)
    if isinstance(key, keys.Vamana):
        return vamana.build(key, base, seed, metric=metric, threads=threads)
    if isinstance(key, keys.NSG):
        return nsg.build(key, base, metric=metric, threads=threads)
    if isinstance(key, keys.Union):
        return union([build(part, base, seed, **space) for part in key.parts], base, **space)
    raise ConfigError(f"graph {key!r}: expected a parsed key of a graph")


def union(parts, base, *, codec=None, codes=None, metric="l2", threads=1):
    """All links of flat graphs over the same vertices, nearest first -> Graph.

    base (nb, d) any dtype; with codec and codes (nb, nsq) uint8 nearest is by codes. The width is
    the sum of the widths, the entry point that of the first part.
    """
    links = np.sort(np.hstack([part.neighbors for part in parts]), 1)
    links[:, 1:][links[:, 1:] == links[:, :-1]] = -1
    last = np.argsort(links < 0, axis=1, kind="stable")
    links = np.ascontiguousarray(np.take_along_axis(links, last, 1))
    graph = flat.empty("union", *links.shape, parts[0].entry_point)
    graph.neighbors[:] = links
    hnsw.order(graph, base, codec=codec, codes=codes, metric=metric, threads=threads)
    return graph
