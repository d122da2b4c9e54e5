import io
import os
import struct
import zipfile

import h5py
import numpy as np
import pytest

from linkprune import formats
from linkprune.errors import ConfigError, DataError, ShapeError

DTYPES = {
    "fvecs": "<f4",
    "bvecs": "u1",
    "ivecs": "<i4",
    "fbin": "<f4",
    "u8bin": "u1",
    "i8bin": "i1",
    "ibin": "<i4",
    "npy": "<f8",
}
BINS = ("fbin", "u8bin", "i8bin", "ibin")


def vectors(n, d, dtype):
    return (np.arange(n * d).reshape(n, d) * 7 % 101).astype(dtype)


def refusal(spec, rows=None):
    with pytest.raises(DataError) as e:
        formats.read(spec, rows)
    message = str(e.value)
    assert "\n" not in message
    assert str(spec).split(":")[0] in message
    return message


@pytest.mark.parametrize("n, d", [(1, 1), (1, 100), (3, 1), (100, 3), (3, 100)])
@pytest.mark.parametrize("kind", DTYPES)
def test_write_then_read_is_identity(tmp_path, kind, n, d):
    x = vectors(n, d, DTYPES[kind])
    path = tmp_path / f"x.{kind}"
    formats.write(path, x)
    layout = formats.describe(path)
    got = formats.read(path)
    assert (layout.n, layout.d, layout.dtype, layout.kind) == (n, d, x.dtype, kind)
    assert got.dtype == x.dtype and np.array_equal(got, x)
    assert os.listdir(tmp_path) == [path.name]
    rows = (n + 1) // 2
    assert np.array_equal(formats.read(path, rows), x[:rows])
    assert f"has {n} rows, expected at least {n + 1}" in refusal(path, n + 1)


def test_bytes_are_those_of_the_formats(tmp_path):
    x = np.array([[1, 2], [3, 4]], np.float32)
    formats.write(tmp_path / "x.fvecs", x)
    formats.write(tmp_path / "x.fbin", x)
    assert (tmp_path / "x.fvecs").read_bytes() == struct.pack("<iffiff", 2, 1, 2, 2, 3, 4)
    assert (tmp_path / "x.fbin").read_bytes() == struct.pack("<IIffff", 2, 2, 1, 2, 3, 4)
    formats.write(tmp_path / "x.npy", x)
    assert np.array_equal(np.load(tmp_path / "x.npy"), x)


def test_blocks_smaller_than_the_file_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "BLOCK_BYTES", 64)
    for kind, dtype in DTYPES.items():
        x = vectors(37, 5, dtype)
        formats.write(tmp_path / f"x.{kind}", x)
        assert np.array_equal(formats.read(tmp_path / f"x.{kind}"), x)


@pytest.mark.parametrize("kind", [*BINS, "npy"])
def test_contiguous_files_are_mapped_read_only(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    formats.write(path, vectors(9, 5, DTYPES[kind]))
    offset = formats.describe(path).offset
    x = formats.read(path)
    assert isinstance(x, np.memmap) and not x.flags.writeable
    assert path.read_bytes()[offset:] == x.tobytes()


@pytest.mark.parametrize("kind", DTYPES)
def test_truncated_and_over_long_files_are_refused(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    formats.write(path, vectors(6, 7, DTYPES[kind]))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert "truncated" in refusal(path)
    path.write_bytes(whole + b"\0")
    assert "over-long" in refusal(path)
    for size in (0, 3):
        path.write_bytes(whole[:size])
        refusal(path)


@pytest.mark.parametrize("kind", BINS)
def test_crop_with_the_header_of_the_whole_needs_rows(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    x = vectors(10, 4, DTYPES[kind])
    formats.write(path, x)
    path.write_bytes(path.read_bytes()[: 8 + 6 * 4 * x.itemsize])
    message = refusal(path)
    assert "header says 10 rows" in message and "the file holds 6" in message
    assert "7 are asked for" in refusal(path, 7)
    assert np.array_equal(formats.read(path, 6), x[:6])
    assert np.array_equal(formats.read(path, 2), x[:2])


def test_a_vecs_row_of_another_length_is_named(tmp_path):
    path = tmp_path / "x.fvecs"
    formats.write(path, vectors(5, 3, "<f4"))
    data = bytearray(path.read_bytes())
    data[3 * 16 : 3 * 16 + 4] = struct.pack("<i", 4)
    path.write_bytes(data)
    assert "row 3 has 4 dimensions" in refusal(path)
    assert formats.read(path, 3).shape == (3, 3)


@pytest.mark.parametrize("d", [0, -1])
def test_impossible_dimension_is_refused(tmp_path, d):
    path = tmp_path / "x.bvecs"
    path.write_bytes(struct.pack("<i", d) * 4)
    assert f"says {d} dimensions" in refusal(path)


def test_empty_arrays_and_other_axes_are_refused(tmp_path):
    (tmp_path / "x.fbin").write_bytes(struct.pack("<II", 0, 5))
    assert "is empty" in refusal(tmp_path / "x.fbin")
    (tmp_path / "x.u8bin").write_bytes(struct.pack("<II", 5, 0))
    assert "is empty" in refusal(tmp_path / "x.u8bin")
    for shape in [(), (3,), (2, 3, 4)]:
        np.save(tmp_path / "x.npy", np.zeros(shape))
        assert "expected 2 axes" in refusal(tmp_path / "x.npy")
        with pytest.raises(DataError, match="2 axes"):
            formats.write(tmp_path / "y.npy", np.zeros(shape))
    np.save(tmp_path / "x.npy", np.zeros((0, 3)))
    assert "is empty" in refusal(tmp_path / "x.npy")


@pytest.mark.parametrize("dtype", ["O", "S3", "c8", "?", "M8[s]"])
def test_other_dtypes_are_refused(tmp_path, dtype):
    np.save(tmp_path / "x.npy", np.zeros((2, 2), dtype), allow_pickle=True)
    assert "dtype" in refusal(tmp_path / "x.npy")


def test_fortran_and_big_endian_npy_are_copied(tmp_path):
    x = vectors(5, 3, "<f4")
    for stored in (np.asfortranarray(x), x.astype(">f4")):
        np.save(tmp_path / "x.npy", stored)
        layout = formats.describe(tmp_path / "x.npy", 4)
        got = formats.read(tmp_path / "x.npy", 4)
        assert layout.offset is None and layout.dtype == np.dtype("<f4") == got.dtype
        assert got.flags.c_contiguous and np.array_equal(got, x[:4])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "u1", "i8"])
def test_npz_member(tmp_path, dtype):
    x = vectors(5, 3, dtype)
    path = tmp_path / "x.npz"
    np.savez_compressed(path, base=x, other=x[:2])
    assert formats.describe(f"{path}:base").offset is None
    assert np.array_equal(formats.read(f"{path}:base", 4), x[:4])
    assert formats.read(f"{path}:other").dtype == x.dtype
    assert "has no array query, expected one of base other" in refusal(f"{path}:query")
    assert "names no array" in refusal(path)


def test_npz_whose_member_is_cut_is_refused(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, vectors(5, 3, "f4"))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("base.npy", buffer.getvalue()[:-1])
    assert "truncated" in refusal(f"{tmp_path / 'x.npz'}:base")
    (tmp_path / "x.npz").write_bytes(b"not a zip file")
    refusal(f"{tmp_path / 'x.npz'}:base")


@pytest.mark.parametrize("kind", ["hdf5", "h5"])
def test_hdf5_is_mapped_only_where_contiguous(tmp_path, kind):
    x = vectors(50, 3, "f4")
    path = tmp_path / f"x.{kind}"
    with h5py.File(path, "w", userblock_size=512) as f:
        f["plain"] = x
        f.create_dataset("group/chunked", data=x, chunks=(7, 3), compression="gzip")
        f["swapped"] = x.astype(">f4")
        f["odd"] = x[:, 0]
    assert formats.describe(f"{path}:plain").offset is not None
    for name in ("plain", "group/chunked", "swapped"):
        got = formats.read(f"{path}:{name}", 44)
        assert isinstance(got, np.memmap) == (name == "plain")
        assert got.dtype == np.dtype("<f4") and np.array_equal(got, x[:44])
    assert "has no dataset test" in refusal(f"{path}:test")
    assert "a group" in refusal(f"{path}:group")
    assert "expected 2 axes" in refusal(f"{path}:odd")
    assert "names no array" in refusal(path)
    path.write_bytes(path.read_bytes()[:-100])
    refusal(f"{path}:plain")


def test_missing_files_and_unknown_extensions_are_named(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.fvecs")
    assert "no such file" in refusal(f"{tmp_path}/none.npz:x")
    assert "unknown extension, expected one of .fvecs" in refusal(tmp_path / "x.csv")
    (tmp_path / "folder.npy").mkdir()
    assert "no such file" in refusal(tmp_path / "folder.npy")
    with pytest.raises(ConfigError, match="rows is 0"):
        formats.describe(tmp_path / "none.fvecs", 0)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_row_that_is_not_finite_is_named(monkeypatch, dtype, bad):
    monkeypatch.setattr(formats, "BLOCK_BYTES", 64)
    x = np.zeros((100, 3), dtype)
    formats.check_finite(x, "base")
    x[[61, 62, 97], 2] = bad
    with pytest.raises(DataError, match=r"base: row 61 has .* in column 2"):
        formats.check_finite(x, "base")
    formats.check_finite(x[:61], "base")
    formats.check_finite(np.zeros((2, 2), np.uint8), "codes")


@pytest.mark.parametrize("kind, dtype", [("fvecs", "f8"), ("u8bin", "i1"), ("ibin", "u4")])
def test_write_refuses_other_dtypes_and_leaves_the_old_file(tmp_path, kind, dtype):
    path = tmp_path / f"x.{kind}"
    path.write_bytes(b"old")
    with pytest.raises(DataError, match=r"the array is .*, expected"):
        formats.write(path, np.ones((2, 2), dtype))
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == [path.name]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "x.fbin"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(DataError, match=r"x\.fbin: cannot be written: no space"):
        formats.write(path, np.ones((2, 2), np.float32))
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == [path.name]


def test_write_refuses_what_is_not_finite_and_makes_the_folder(tmp_path):
    x = np.ones((4, 3), np.float32)
    formats.write(tmp_path / "a/b/x.fbin", x)
    assert np.array_equal(formats.read(tmp_path / "a/b/x.fbin"), x)
    x[2, 1] = np.nan
    with pytest.raises(DataError, match=r"y\.fbin: row 2 has nan in column 1, expected finite"):
        formats.write(tmp_path / "c/y.fbin", x)
    assert os.listdir(tmp_path) == ["a"]
    with pytest.raises(DataError, match=r"y\.fbin: cannot be written: Not a directory"):
        formats.write(tmp_path / "a/b/x.fbin/c/y.fbin", x[:1])


@pytest.mark.parametrize("dtype", ["i4", "i8", "u4", "u8"])
def test_the_first_id_out_of_range_is_named(dtype):
    ids = np.arange(12).reshape(4, 3).astype(dtype)
    formats.check_ids(ids, "ids", 12)
    with pytest.raises(DataError, match="ids: row 2 has 7 in column 1, expected 0 to 6"):
        formats.check_ids(ids, "ids", 7)
    with pytest.raises(ShapeError, match=r"ids: .*\(3,\), expected integers with 2 axes"):
        formats.check_ids(ids[0], "ids")
    if dtype[0] == "i":
        ids[1, 0] = -1
        formats.check_ids(ids, "ids", least=-1)
        with pytest.raises(DataError, match="row 1 has -1 in column 0, expected 0 to 2147483647"):
            formats.check_ids(ids, "ids")
