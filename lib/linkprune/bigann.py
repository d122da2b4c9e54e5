"""True neighbours in the format of the big-ann benchmarks, .bin.

uint32 number of queries and k, then all ids as int32, then all distances as float32, little-endian;
``formats`` reads the ids of one as vectors and writes the vectors themselves, .fbin to .i8bin.
"""

from pathlib import Path

import numpy as np

from linkprune import datasets, formats, store
from linkprune.errors import ConfigError, DataError, ShapeError

KINDS = {"float32": "fbin", "uint8": "u8bin", "int8": "i8bin"}  # of vectors, by dtype


def write_vectors(path, x):
    """Write vectors (n, d) as stored; DataError where the extension is that of another dtype."""
    kind, want = Path(path).suffix[1:], KINDS.get(x.dtype.name)
    if kind != want:
        raise DataError(f"{path}: the vectors are {x.dtype}, expected the extension .{want}")
    formats.write(path, x)


def kind(dataset, entry, name):
    """The extension of a part of a data set, as far as it is known before it is there."""
    if entry.get("metric") == "cosine" or entry.get("source") == "synthetic":
        return "fbin"
    if "source" in entry:
        return "u8bin"
    part = datasets.part(dataset, entry, name)
    if part.path.exists():
        dtype = part.describe().dtype
    else:
        dtype = np.dtype({**formats.VECS, **formats.BINS}.get(part.path.suffix[1:], "<f4"))
    return KINDS.get(dtype.name, "fbin")  # every other dtype becomes float32


def distances(D, metric):
    """Our distances as big-ann has them: squared L2 as it is, the inner product without its minus.

    D (nq, k), metric "l2" or "ip" -> (nq, k) float32.
    """
    if metric not in ("l2", "ip"):
        raise ConfigError(f"metric {metric}: expected l2 or ip")
    return np.asarray(-D if metric == "ip" else D, np.float32)


def write_truth(path, ids, distances):
    """Write ids (nq, k) and distances (nq, k) of true neighbours, all or nothing.

    ShapeError where they are no integers or not of one shape; DataError where a row has an id that
    int32 cannot hold, or less than 0, or a distance that is not finite as float32.
    """
    if ids.ndim != 2 or ids.shape != distances.shape:
        raise ShapeError(
            f"{path}: ids are {ids.shape}, distances {distances.shape}, expected equal"
        )
    formats.check_ids(ids, f"{path}: ids")
    formats.check_finite(distances, f"{path}: distances", np.float32)
    with store.replacing(path) as part, open(part, "wb") as f:
        f.write(np.array(ids.shape, "<u4").tobytes())
        f.write(np.ascontiguousarray(ids, "<i4").tobytes())
        f.write(np.ascontiguousarray(distances, "<f4").tobytes())


def read_truth(path):
    """Read ids (nq, k) int32 and distances (nq, k) float32; DataError where the size is another."""
    at = formats.describe(path)
    if at.kind != "bin":
        raise DataError(f"{path}: expected the extension .bin")
    distances = np.fromfile(path, "<f4", at.n * at.d, offset=at.offset + 4 * at.n * at.d)
    return np.array(formats.read(path)), distances.reshape(at.n, at.d)
