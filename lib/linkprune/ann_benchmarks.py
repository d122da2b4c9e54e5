"""Data sets and runs in the HDF5 files of ann-benchmarks, so that its plots and tables read ours.

Its distances: "euclidean" is L2, not squared; "angular" is 1 - cos; "ip", which its plots take but
its runner does not know, is minus the inner product. Its recall counts every result that is as near
as the k-th true neighbour, and EPSILON farther.
"""

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from linkprune import formats, groundtruth, store
from linkprune.chunks import chunks
from linkprune.datasets import DISTANCES
from linkprune.errors import ConfigError, DataError, ShapeError

ALGORITHM = "linkprune"
EPSILON = 1e-3
BATCH = "-batch"  # what the folder of an algorithm ends in when all queries were one call
NAMES = {metric: name for name, metric in DISTANCES.items()}


def distance_name(metric, normalised=False):
    """Its name of our metric, "l2" or "ip"; of vectors of length 1 the ip is "angular"."""
    if metric not in ("l2", "ip"):
        raise ConfigError(f"metric {metric}: expected l2 or ip")
    return NAMES["cosine" if normalised and metric == "ip" else metric]


def distances(D, name):
    """Our distances D (squared L2, minus the inner product) as it has them: float32."""
    if name == "euclidean":
        D = np.sqrt(np.maximum(D, 0))  # rounding must not make a NaN of a vector and itself
    return np.asarray(D + 1 if name == "angular" else D, np.float32)


def write_dataset(path, base, query, ids, D, name):
    """Write base (nb, d), query (nq, d) and true neighbours, ids (nq, k) and our D (nq, k).

    name: as ``distance_name`` gives it. Vectors of any dtype are written as float32. What does not
    fit together is refused before anything is written: ShapeError where shapes differ, DataError
    where a row has a value that is not finite or an id that is no row of base.
    """
    if name not in DISTANCES:
        raise ConfigError(f"{path}: distance {name}: expected one of {' '.join(DISTANCES)}")
    if base.ndim != 2 or query.ndim != 2 or base.shape[1] != query.shape[1]:
        raise ShapeError(
            f"{path}: base {base.shape}, query {query.shape}: expected 2 axes, equal dimensions"
        )
    if ids.shape != D.shape or len(ids) != len(query):
        raise ShapeError(
            f"{path}: {len(query)} queries, ids {ids.shape}, distances {D.shape}: expected equal"
        )
    formats.check_ids(ids, f"{path}: ids", len(base))
    for part, x in (("distances", D), ("query", query), ("base", base)):
        formats.check_finite(x, f"{path}: {part}", np.float32)
    with store.replacing(path) as part, h5py.File(part, "w") as f:
        f.attrs["type"] = "dense"
        f.attrs["distance"] = name
        f.attrs["dimension"] = base.shape[1]
        f.attrs["point_type"] = "float"
        for key, x in (("train", base), ("test", query)):
            out = f.create_dataset(key, x.shape, np.float32, track_times=False)
            for rows in chunks(len(x)):
                out[rows] = x[rows]
        f.create_dataset("neighbors", data=ids.astype(np.int32), track_times=False)
        f.create_dataset("distances", data=distances(D, name), track_times=False)


def found_distances(ids, query, base, metric, name, threads=1):
    """Exact distances, as it has them, of what a search found: ids (nq, k) int32, -1 is none.

    query (nq, d), base (nb, d) of any dtype -> (nq, k) float32, infinity where there is none.
    """
    none = ids < 0
    D = groundtruth.distances(np.where(none, 0, ids), query, base, metric, threads)
    return np.where(none, np.float32(np.inf), distances(D, name))


def run_file(arguments):
    """The name of a run's file: its arguments as JSON, all but letters and digits as _."""
    return re.sub(r"\W+", "_", json.dumps(arguments, sort_keys=True)).strip("_") + ".hdf5"


def write_run(path, times, ids, D, attrs):
    """Write a run: seconds of every query times (nq,), found ids (nq, count), their D (nq, count).

    D as ``found_distances`` gives them; ids and D go nearest first, as it expects. attrs: those of
    ``run_attributes``. ShapeError where shapes differ; DataError where a query has an id twice, but
    for -1, a distance that is NaN or infinite for a vector, or a time that is no duration.
    """
    if ids.shape != D.shape or times.shape != ids.shape[:1]:
        raise ShapeError(
            f"{path}: times {times.shape}, ids {ids.shape}, distances {D.shape}: expected equal"
        )
    _check_found(path, times, ids, D)
    arrays = {
        "times": times.astype(np.float32),
        "neighbors": ids.astype(np.int32),
        "distances": D.astype(np.float32),
    }
    with store.replacing(path) as part, h5py.File(part, "w") as f:
        for name, x in arrays.items():
            f.create_dataset(name, data=x, track_times=False)
        for name, value in attrs.items():
            f.attrs[name] = value


def _check_found(path, times, ids, D):
    """Refuse what no search finds, by the first row; its runner refuses an id that is there twice,
    too.
    """
    formats.check_ids(ids, f"{path}: ids", least=-1)
    if (twice := groundtruth.repeated(ids)) is not None:
        row, which = twice
        raise DataError(f"{path}: ids: row {row} has {which} twice, expected it once")
    found = np.where((ids < 0) & (np.inf == D), 0, D)
    formats.check_finite(found, f"{path}: distances", np.float32)
    formats.check_finite(times[:, None], f"{path}: times", np.float32)
    if (times < 0).any():
        row = np.argmax(times < 0)
        raise DataError(f"{path}: times: row {row} has {times[row]}, expected seconds, at least 0")


def run_attributes(ids, ndis, best_search_time, *, batch, run_count, **known):
    """All attributes of a run: ids (nq, count) found, ndis (nq,) distances computed for each query.

    best_search_time: mean seconds per query in the best of run_count rounds; known: name, distance,
    algo, dataset, build_time (seconds) and index_size (kB). ``dist_comps`` is the sum over all
    rounds: it is divided by their number when read.
    """
    return {
        "batch_mode": batch,
        "best_search_time": float(best_search_time),
        "candidates": float((ids >= 0).sum(1).mean()),
        "expect_extra": False,
        "run_count": run_count,
        "count": ids.shape[1],
        "dist_comps": int(ndis.sum(dtype=np.int64)) * run_count,
        **known,
    }


class Point(NamedTuple):
    """An operating point: found ids (nq, count) int32, all distances computed for each query ndis
    (nq,), seconds of each query alone (nq,), mean seconds per query of each batch (repetitions,).
    """

    efSearch: int
    k_reorder: int
    ids: np.ndarray
    ndis: np.ndarray
    alone: np.ndarray
    batch: np.ndarray


def points(search, latency, timing, count):
    """The operating points of a row from its artifacts, a list of Point.

    Raises DataError where fewer than count neighbours were searched for, or the artifacts are of
    different points.
    """
    grid = {"efSearch": "points", "k_reorder": "points"}
    counted = dict.fromkeys(("ndis", "ndis_upper", "nreorder"), "points nq")
    ef, r, ids, *ndis = store.load(search, **grid, ids="points nq k", **counted)
    *alone_at, alone = store.load(latency, **grid, ms="points nq")
    *batch_at, batch = store.load(timing, **grid, ms_per_query="points repetitions")
    for path, at in ((latency, alone_at), (timing, batch_at)):
        if not np.array_equal(at, (ef, r)):
            raise DataError(f"{path}: other operating points than in {search}")
    if alone.shape[1] != ids.shape[1]:
        raise DataError(f"{latency}: {alone.shape[1]} queries, expected {ids.shape[1]}")
    if count > ids.shape[2]:
        raise DataError(f"{search}: {ids.shape[2]} neighbours of each query, expected {count}")
    rows = zip(ef.tolist(), r.tolist(), ids[:, :, :count], sum(ndis), alone, batch, strict=True)
    return [Point(*row[:4], row[4] / 1000, row[5] / 1000) for row in rows]


def recall(truth, found, count):
    """Its recall: truth (nq, >= count) and found (nq, count) distances, both as it has them."""
    if count > truth.shape[1]:
        raise DataError(f"{count} true neighbours asked for, {truth.shape[1]} known")
    nearest = truth[:, count - 1 : count].astype(np.float64) + EPSILON
    return float((found[:, :count] <= nearest).mean())


def build_seconds(costs):
    """The seconds that the steps of an index took: costs are benchmark files of Snakemake."""
    return sum(_seconds(path) for path in costs)


def _seconds(path):
    try:
        header, row = (line.split("\t") for line in Path(path).read_text().splitlines())
        seconds = float(dict(zip(header, row, strict=True))["s"])
        if not 0 <= seconds < math.inf:
            raise ValueError(f"s is {seconds}")
        return seconds
    except (OSError, ValueError, KeyError) as e:
        raise DataError(f"{path}: no seconds in this benchmark: {e}") from e


def index_kilobytes(artifacts):
    """The size in kB of all arrays of the artifacts that an index is made of."""
    total = 0
    for path in artifacts:
        with store.opened(path) as f:
            total += sum(x.nbytes for x in f.values())
    return total / 1024


def array_bytes(part):
    """The bytes of all arrays in an index: an array, or a dataclass of arrays and dataclasses."""
    if isinstance(part, np.ndarray):
        return part.nbytes
    if not dataclasses.is_dataclass(part):
        return 0
    return sum(array_bytes(getattr(part, field.name)) for field in dataclasses.fields(part))
