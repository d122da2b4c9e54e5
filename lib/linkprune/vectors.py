"""The vectors of a dataset as one artifact: base, query, learn, train; large raw files are mapped.

A part that lies in a file as one C-order block is not copied: its dataset in vectors.h5 refers to
that file (HDF5 external storage), and ``load`` maps it.
"""

import dataclasses
import hashlib

import h5py
import numpy as np

from linkprune import store
from linkprune.errors import DataError, reading
from linkprune.progress import tracked

BLOCK = 1 << 16  # rows in memory at a time; a synthetic set is generated in as many


@dataclasses.dataclass(frozen=True)
class Vectors:
    """base (nb, d), query (nq, d), learn (nt, d), in their stored dtypes; metric "l2" or "ip".

    train (n, d): queries that pruning learns from, None where the data set names none. own_learn:
    whether learn is other vectors than the base.
    """

    base: np.ndarray
    query: np.ndarray
    learn: np.ndarray
    metric: str
    train: np.ndarray | None = None
    own_learn: bool = True


def save(path, parts, metric, attrs, mapped):
    """Write parts (name -> array (n, d), or what slices like one) as one artifact.

    mapped: name -> (file, offset) of the parts that stay where they are. The hash of each part's
    values is an attribute, so that what is computed from them can be traced to them.
    """
    attrs = {**attrs, "metric": "l2" if metric == "l2" else "ip", "normalised": metric == "cosine"}
    with store.replacing(path) as temporary, h5py.File(temporary, "w") as f:
        for name, x in parts.items():
            digest, out = hashlib.sha256(), None
            if name in mapped:
                file, offset = mapped[name]
                f.create_dataset(name, x.shape, x.dtype, external=[(str(file), offset, x.nbytes)])
            else:
                out = f.create_dataset(name, x.shape, x.dtype, track_times=False)
            for part in tracked(len(x), name, size=BLOCK):
                rows = np.ascontiguousarray(x[part])
                digest.update(rows)
                if out is not None:
                    out[part] = rows
            f.attrs[f"{name}_sha256"] = digest.hexdigest()
        for key, value in {**attrs, **store.provenance()}.items():
            f.attrs[key] = value


def load(path):
    """Read a vectors artifact, every part mapped -> Vectors; DataError where a raw file is gone."""
    parts, attrs = {}, store.attrs(path)
    own_learn = attrs["learn_sha256"] != attrs["base_sha256"]
    with store.opened(path) as f, reading(path):
        for name in ("base", "query", "learn", "train"):
            if name == "train" and name not in f:
                continue
            dataset = f[name]
            file, offset = str(path), dataset.id.get_offset()
            if dataset.external:
                file, offset, _ = dataset.external[0]
            try:
                parts[name] = np.memmap(file, dataset.dtype, "r", offset, dataset.shape)
            except (OSError, ValueError) as e:
                raise DataError(
                    f"{path}: {name} lies in {file}, which cannot be mapped: {e}"
                ) from e
    return Vectors(metric=str(attrs["metric"]), own_learn=own_learn, **parts)
