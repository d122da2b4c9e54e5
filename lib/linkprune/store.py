"""Artifacts: one HDF5 file each, flat datasets, complete attributes, no times, the same bytes."""

import contextlib
import os
import platform
import sys
from pathlib import Path

import h5py
import numpy as np

from linkprune.errors import DataError, LinkPruneError, ShapeError, reading
from linkprune.kernels import identity


def provenance():
    """Versions that a result may depend on, and the hash of the sources of the kernels loaded."""
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    if "faiss" in sys.modules:
        versions["faiss"] = sys.modules["faiss"].__version__
    return {**versions, "kernels": identity.loaded()}


@contextlib.contextmanager
def replacing(path):
    """A temporary name beside ``path`` that becomes ``path`` when the block ends well.

    Its folder is made where it is missing. The file is flushed to disk first, so that a crash
    leaves the old file or the new one. DataError names what cannot be written.
    """
    path = Path(path)
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _writing(path):
            yield part
            with open(part, "rb") as f:
                os.fsync(f.fileno())
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _writing(path):
    """Turn what the system or h5py raise about a place that cannot be written into DataError."""
    try:
        yield
    except (OSError, RuntimeError) as e:  # h5py may notice a full disk only when it closes
        if isinstance(e, LinkPruneError):
            raise
        errno = getattr(e, "errno", None)
        reason = os.strerror(errno) if errno else " ".join(str(e).split())
        raise DataError(f"{path}: cannot be written: {reason}") from e


def _sweep(path):
    """Remove what processes that were killed left of their temporary files for ``path``."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        if not Path("/proc", left.name.split(".")[-2]).exists():
            left.unlink(missing_ok=True)


def save(path, arrays, attrs):
    """Write arrays (name -> array) and attributes as one artifact, all or nothing."""
    with replacing(path) as part, h5py.File(part, "w") as f:
        for name, x in arrays.items():
            f.create_dataset(name, data=x, track_times=False)
        for name, value in {**attrs, **provenance()}.items():
            f.attrs[name] = value


@contextlib.contextmanager
def opened(path):
    """Open an artifact for reading; DataError names it where it is missing or broken."""
    try:
        f = h5py.File(path, "r")
    except OSError as e:
        what = "no such file" if not Path(path).exists() else "not a complete HDF5 artifact"
        raise DataError(f"{path}: {what}; delete it and run the workflow again") from e
    with f:
        yield f


def load(path, **spec):
    """Read arrays and check their shapes by axis name.

    ``load(p, codes="nb nsq", centroids="nsq ksub dsub")`` fails unless both agree on nsq.
    """
    sizes, out = {}, []
    with opened(path) as f, reading(path):
        for name, axes in spec.items():
            if not isinstance(f.get(name), h5py.Dataset):
                raise DataError(f"{path}: has no {name}, expected one of {' '.join(f)}")
            if f[name].nbytes > os.path.getsize(path):
                raise DataError(f"{path}: {name} is larger than its file, which is truncated")
            x = f[name][()]
            axes = axes.split()
            agree = x.ndim == len(axes) and all(
                sizes.setdefault(a, n) == n for a, n in zip(axes, x.shape, strict=True)
            )
            if not agree:
                raise ShapeError(f"{path}: {name} is {x.shape}, expected ({', '.join(axes)})")
            out.append(x)
    return out


class _Attributes(dict):
    """Attributes by name; DataError names the artifact where one is missing."""

    def __init__(self, path, values):
        super().__init__(values)
        self.path = path

    def __missing__(self, name):
        raise DataError(f"{self.path}: has no attribute {name}, another artifact is expected here")


def attrs(path):
    """The attributes of an artifact as a dict of plain values; asking it for others: DataError."""
    with opened(path) as f, reading(path):
        plain = {k: v.item() if hasattr(v, "item") else v for k, v in f.attrs.items()}
    return _Attributes(path, plain)
