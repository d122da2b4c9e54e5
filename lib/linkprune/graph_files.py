"""Graphs in the formats that others publish: .nsg of the NSG project, .ivecs adjacency lists.

.nsg: uint32 width and entry point, then for every vertex uint32 k and k uint32 ids. .ivecs: for
every vertex int32 k and k int32 ids, of which -1 is none. Both little-endian.
"""

from pathlib import Path

import numpy as np

from linkprune import flat, hnsw, store
from linkprune.errors import DataError
from linkprune.formats import check_finite
from linkprune.kernels.checks import is_integer

HEADER = {".nsg": 2, ".ivecs": 0}  # words of four bytes
# A graph is a matrix as wide as its longest list: no such file has far more places than links.
LARGEST_RATIO, SMALL = 1000, 1 << 20


def read(path, base=None, *, entry_point=None, metric="l2"):
    """Read a flat Graph of as many vertices as the file has; M0 is its longest list.

    With base (nb, d) of any dtype nb must agree, links are sorted, nearest first by metric, and an
    .ivecs graph starts from the vertex nearest the mean; without, its entry_point has to be given.
    One given for .nsg replaces that of the file. Raises DataError where the file is no such graph,
    or a base vector is not finite.
    """
    path = Path(path)
    words = _words(path)
    header, words = words[: HEADER[path.suffix]], words[HEADER[path.suffix] :]
    lists = _lists(path, words)
    nb, lengths = len(lists), np.array([len(row) for row in lists])
    if base is not None and len(base) != nb:
        raise DataError(f"{path}: has {nb} vertices, expected {len(base)}, one per base vector")
    if len(header) and lengths.max() > header[0]:
        v = int((lengths > header[0]).argmax())
        raise DataError(
            f"{path}: vertex {v} has {lengths[v]} links, expected at most the width {header[0]}"
        )
    if entry_point is None:
        entry_point = _entry_point(path, header, base, metric)
    if not is_integer(entry_point) or not 0 <= entry_point < nb:
        raise DataError(f"{path}: entry point {entry_point}, expected 0 ... {nb - 1}")
    if nb * int(lengths.max()) > LARGEST_RATIO * lengths.sum() + SMALL:
        raise DataError(
            f"{path}: {nb} vertices with {lengths.mean():.1f} links on average and one with "
            f"{lengths.max()}, expected lists of about one length"
        )
    graph = flat.empty(path, nb, max(1, int(lengths.max())), entry_point)
    for v, row in enumerate(lists):
        graph.neighbors[v, : len(row)] = row
    if base is not None:
        check_finite(base, f"{path}: base")
        hnsw.order(graph, base, metric=metric)
    return graph


def base_level(graph):
    """A flat Graph of the links on the base level alone; the entry point stays."""
    flattened = flat.empty("base level", *graph.neighbors.shape, graph.entry_point)
    flattened.neighbors[:] = graph.neighbors
    return flattened


def write(path, graph):
    """Write a flat graph in the format of the extension, all or nothing.

    Raises DataError where the graph has upper levels or the extension is another; .ivecs does not
    keep the entry point.
    """
    path = Path(path)
    _check_extension(path)
    if graph.max_level:
        raise DataError(f"{path}: the graph has {graph.max_level + 1} levels, expected a flat one")
    rows = np.column_stack([(graph.neighbors >= 0).sum(1), graph.neighbors]).astype("<i4")
    header = [int(rows[:, 0].max()), graph.entry_point][: HEADER[path.suffix]]
    with store.replacing(path) as part, open(part, "wb") as f:
        f.write(np.array(header, "<u4").tobytes())
        f.write(rows[rows >= 0].tobytes())


def _check_extension(path):
    if path.suffix not in HEADER:
        raise DataError(f"{path}: unknown extension, expected one of {' '.join(HEADER)}")


def _words(path):
    """The file as int32 words."""
    _check_extension(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    size, least = path.stat().st_size, 4 * (HEADER[path.suffix] + 1)
    if size < least:
        raise DataError(f"{path}: has {size} bytes, expected at least {least}: empty or truncated")
    if size % 4:
        raise DataError(
            f"{path}: has {size} bytes, expected a multiple of 4: truncated, or bytes after the end"
        )
    return np.fromfile(path, "<i4")


def _lists(path, words):
    """Lists of ids, one array per vertex, without -1, all of them vertices."""
    starts, at = [], 0
    while at < len(words):
        k = int(words[at])
        if k < 0 or at + 1 + k > len(words):
            raise DataError(
                f"{path}: vertex {len(starts)} has {k} links by its header, the file "
                f"{len(words) - at - 1} more ids: truncated, bytes after the end, or no such graph"
            )
        starts.append(at)
        at += 1 + k
    least = 0 if HEADER[path.suffix] else -1
    lists = []
    for v, at in enumerate(starts):
        row = words[at + 1 : at + 1 + words[at]]
        if len(row) and (row.min() < least or row.max() >= len(starts)):
            wrong = row[(row < least) | (row >= len(starts))][0]
            raise DataError(
                f"{path}: vertex {v} links to {wrong}, expected {least} ... {len(starts) - 1}"
            )
        lists.append(row[row >= 0])
    return lists


def _entry_point(path, header, base, metric):
    if len(header):
        return int(header[1])
    if base is None:
        raise DataError(f"{path}: names no entry point, expected one, or the base vectors")
    return flat.start_vertex(base, metric)
