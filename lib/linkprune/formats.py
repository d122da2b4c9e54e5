"""Read and write vector files; the size of a file is checked against its header."""

import dataclasses
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np

from linkprune import store
from linkprune.errors import ConfigError, DataError, ShapeError, reading

VECS = {"fvecs": "<f4", "bvecs": "u1", "ivecs": "<i4"}  # every row: int32 d, then d values
BINS = {"fbin": "<f4", "u8bin": "u1", "i8bin": "i1", "ibin": "<i4"}  # uint32 n, uint32 d, rows
TRUTH = {"bin": "<i4"}  # as those, ids; then as many float32 distances, which are not read here
CONTAINERS = ("npz", "hdf5", "h5")  # need the name of an array: file.npz:base
BLOCK_BYTES = 1 << 24
LARGEST_RATIO = 2000  # of deflate's it is 1032


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the rows of a vector file are.

    ``offset`` is in bytes; None means that the rows are not one aligned C-order block of ``dtype``.
    """

    path: Path
    kind: str
    member: str | None
    dtype: np.dtype
    n: int
    d: int
    offset: int | None


def describe(spec, rows=None):
    """Read the header of ``path`` or ``path:member`` and return its Layout, cropped to ``rows``.

    Raises DataError when the file is missing, malformed, of a wrong size, or has fewer rows.
    """
    if rows is not None and rows < 1:
        raise ConfigError(f"{spec}: rows is {rows}, expected at least 1")
    path, kind, member = split(str(spec))
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    with reading(path):
        if kind in VECS:
            dtype, shape, offset = _describe_vecs(path, kind)
        elif kind in BINS:
            dtype, shape, offset = _describe_bin(path, BINS[kind], rows)
        elif kind in TRUTH:
            dtype, shape, offset = _describe_bin(path, TRUTH[kind], rows, after=4)
        elif kind == "npy":
            with open(path, "rb") as f:
                dtype, shape, offset = _describe_npy(f, path, path.stat().st_size)
        elif kind == "npz":
            dtype, shape, _ = _describe_npz(path, member)
            offset = None
        else:
            dtype, shape, offset = _describe_hdf5(path, member)
    if dtype.kind not in "fiu" or dtype.itemsize > 8:
        raise DataError(f"{spec}: dtype is {dtype}, expected integers or floats of at most 64 bits")
    if len(shape) != 2:
        raise DataError(f"{spec}: shape is {shape}, expected 2 axes (rows, dimensions)")
    n, d = (int(s) for s in shape)
    if n == 0 or d == 0:
        raise DataError(f"{spec}: is empty, shape {n} x {d}")
    if rows is not None and rows > n:
        raise DataError(f"{spec}: has {n} rows, expected at least {rows}")
    little = dtype.newbyteorder("<")
    # A foreign byte order or an unaligned start has to be copied, so it is not offered for mapping.
    if offset is not None and (little != dtype or offset % dtype.itemsize):
        offset = None
    return Layout(path, kind, member, little, n if rows is None else rows, d, offset)


def read(spec, rows=None):
    """Return the vectors (n, d) in their stored dtype: a read-only memmap where the layout allows.

    Raises DataError as ``describe`` does, and when two rows of a vecs file differ in d.
    """
    at = describe(spec, rows)
    with reading(at.path):
        if at.offset is not None:
            return np.memmap(at.path, at.dtype, "r", at.offset, (at.n, at.d))
        if at.kind in VECS:
            return _read_vecs(at)
        if at.kind == "npy":
            x = np.load(at.path, mmap_mode="r", allow_pickle=False)
        elif at.kind == "npz":
            with np.load(at.path, allow_pickle=False) as f:
                x = f[at.member]
        else:
            with h5py.File(at.path, "r") as f:
                x = f[at.member][: at.n]
        return np.array(x[: at.n], at.dtype, order="C")


def check_finite(x, name, dtype=None):
    """Raise DataError naming the first row of ``x`` (n, d) that has a NaN or an infinity.

    dtype: the one that x is to be written in, whose range may be smaller.
    """
    if x.dtype.kind != "f":
        return
    step = _rows_per_block(x)
    for start in range(0, len(x), step):
        with np.errstate(over="ignore"):
            finite = np.isfinite(np.asarray(x[start : start + step], dtype))
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            value = x[start + row, column]
            raise DataError(
                f"{name}: row {start + row} has {value} in column {column}, expected finite values"
            )


def check_ids(ids, name, nb=2**31, least=0):
    """Raise DataError naming the first row of ``ids`` (n, k) that has one not in least ... nb - 1.

    By default it is one that int32 cannot hold. ShapeError where ids are no integers (n, k).
    """
    if ids.ndim != 2 or ids.dtype.kind not in "iu":
        raise ShapeError(f"{name}: {ids.dtype} {ids.shape}, expected integers with 2 axes")
    wrong = np.argwhere((ids < least) | (ids >= nb))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(
            f"{name}: row {row} has {ids[row, column]} in column {column}, "
            f"expected {least} to {nb - 1}"
        )


def write(path, x):
    """Write ``x`` (n, d) in the format of the extension, all or nothing.

    Its folder is made where it is missing. Raises DataError unless x has two axes, is not empty,
    is finite, and has the dtype of the format.
    """
    path, kind, _ = split(str(path))
    if kind in CONTAINERS or kind in TRUTH:
        raise DataError(f"{path}: .{kind} is only read here, expected another extension")
    if x.ndim != 2 or 0 in x.shape:
        raise DataError(f"{path}: the array has shape {x.shape}, expected 2 axes, not empty")
    want = np.dtype({**VECS, **BINS}.get(kind, x.dtype)).newbyteorder("<")
    if x.dtype != want or want.kind not in "fiu":
        raise DataError(f"{path}: the array is {x.dtype}, expected {want} for .{kind}")
    check_finite(x, str(path))
    with store.replacing(path) as part, open(part, "wb") as f:
        _write_payload(f, x, kind, want)


def _write_payload(f, x, kind, dtype):
    """Write header and rows block by block, so that a mapped ``x`` is never all in memory."""
    n, d = x.shape
    if kind == "npy":
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False}
        np.lib.format.write_array_header_1_0(f, {**header, "shape": (n, d)})
    elif kind in BINS:
        f.write(np.array([n, d], "<u4").tobytes())
    step = _rows_per_block(x)
    for start in range(0, n, step):
        block = np.ascontiguousarray(x[start : start + step], dtype)
        if kind in VECS:
            head = np.full((len(block), 1), d, "<i4").view("u1")
            block = np.hstack([head, block.view("u1")])
        f.write(block.tobytes())


def split(spec):
    """Split ``path`` or ``path:member`` into path, kind and member."""
    found = re.fullmatch(r"(.*\.(npz|hdf5|h5)):(.+)", spec)
    if found:
        return Path(found[1]), found[2], found[3]
    path = Path(spec)
    kind = path.suffix[1:]
    if kind in CONTAINERS:
        raise DataError(f"{spec}: names no array, expected {path.name}:<name of the array>")
    if kind not in (*VECS, *BINS, *TRUTH, "npy"):
        known = " ".join(f".{k}" for k in (*VECS, *BINS, *TRUTH, "npy", *CONTAINERS))
        raise DataError(f"{spec}: unknown extension, expected one of {known}")
    return path, kind, None


def _describe_vecs(path, kind):
    size = path.stat().st_size
    if size < 4:
        raise DataError(f"{path}: is empty or truncated, {size} bytes, expected a row header of 4")
    dtype = np.dtype(VECS[kind])
    d = int(np.fromfile(path, "<i4", 1)[0])
    if d < 1:
        raise DataError(f"{path}: the first row header says {d} dimensions, expected at least 1")
    row_bytes = 4 + d * dtype.itemsize
    if size % row_bytes:
        raise DataError(
            f"{path}: has {size} bytes, expected a multiple of {row_bytes} "
            f"({d} dimensions by the first row header): truncated, over-long or not .{kind}"
        )
    return dtype, (size // row_bytes, d), None


def _describe_bin(path, dtype, rows, after=0):
    """The header of n, d and n x d values, and ``after`` more bytes for each value."""
    size = path.stat().st_size
    if size < 8:
        raise DataError(f"{path}: is empty or truncated, {size} bytes, expected a header of 8")
    dtype = np.dtype(dtype)
    n, d = (int(s) for s in np.fromfile(path, "<u4", 2))
    row_bytes = d * (dtype.itemsize + after)
    want = 8 + n * row_bytes
    if size > want:
        raise DataError(
            f"{path}: has {size} bytes, expected {want} ({n} x {d} by the header): over-long"
        )
    if size < want:
        held = (size - 8) // row_bytes
        if after or rows is None or rows > held:
            asked = "" if rows is None else f", and {rows} are asked for"
            raise DataError(
                f"{path}: has {size} bytes, expected {want}: the header says {n} rows of {d} "
                f"dimensions, the file holds {held}{asked} (truncated, or a crop with an "
                "unpatched header)"
            )
    return dtype, (n, d), 8


def _describe_npy(f, name, size):
    version = np.lib.format.read_magic(f)
    # Version 3.0 exists for field names in UTF-8, which no vector file has.
    reader = np.lib.format.read_array_header_2_0
    if version == (1, 0):
        reader = np.lib.format.read_array_header_1_0
    shape, fortran, dtype = reader(f)
    offset = f.tell()
    want = offset + int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size != want and not dtype.hasobject:
        kind = "truncated" if size < want else "over-long"
        raise DataError(f"{name}: has {size} bytes, expected {want} by the header: {kind}")
    return dtype, shape, None if fortran else offset


def _describe_npz(path, member):
    with zipfile.ZipFile(path) as archive:
        names = [n.removesuffix(".npy") for n in archive.namelist()]
        if member not in names:
            raise DataError(f"{path}: has no array {member}, expected one of {' '.join(names)}")
        with archive.open(f"{member}.npy") as f:
            entry = archive.getinfo(f"{member}.npy")
            _check_packed(f"{path}:{member}", entry.file_size, entry.compress_size)
            return _describe_npy(f, f"{path}:{member}", entry.file_size)


def _describe_hdf5(path, member):
    with h5py.File(path, "r") as f:
        dataset = f.get(member)
        if not isinstance(dataset, h5py.Dataset):
            what = "no dataset" if dataset is None else "a group, not a dataset,"
            raise DataError(f"{path}: has {what} {member}, expected one of {' '.join(f)}")
        if not dataset.external:
            _check_packed(f"{path}:{member}", dataset.nbytes, dataset.id.get_storage_size())
        offset = None if dataset.external else dataset.id.get_offset()
        if offset is not None and offset + dataset.nbytes > path.stat().st_size:
            raise DataError(f"{path}: {member} ends after the end of the file: truncated")
        return dataset.dtype, dataset.shape or (), offset


def _check_packed(name, size, stored):
    """Refuse what says that it unpacks to more than any compression could have packed so small."""
    if size > LARGEST_RATIO * (stored + 1):
        raise DataError(f"{name}: says it has {size} bytes, of which {stored} are there: truncated")


def _read_vecs(at):
    row_bytes = 4 + at.d * at.dtype.itemsize
    raw = np.memmap(at.path, "u1", "r", 0, (at.n, row_bytes))
    x = np.empty((at.n, at.d), at.dtype)
    step = _rows_per_block(raw)
    for start in range(0, at.n, step):
        block = np.ascontiguousarray(raw[start : start + step])
        heads = block[:, :4].copy().view("<i4")[:, 0]
        wrong = np.flatnonzero(heads != at.d)
        if wrong.size:
            row = wrong[0]
            raise DataError(
                f"{at.path}: row {start + row} has {heads[row]} dimensions by its header, "
                f"expected {at.d} as in row 0"
            )
        x[start : start + step] = block[:, 4:].copy().view(at.dtype)
    return x


def _rows_per_block(x):
    return max(1, BLOCK_BYTES // max(1, x.shape[1] * x.dtype.itemsize))
