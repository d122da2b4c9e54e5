"""Files of random bytes, cut, flipped, joined: valid data or one line, and never much memory."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from conftest import integers, random_graph
from hypothesis import given
from hypothesis import strategies as st
from properties import fixed

from linkprune import (
    ann_benchmarks,
    bigann,
    claims,
    download,
    formats,
    graph_files,
    rows,
    speed,
    store,
    vectors,
)
from linkprune import config as checked
from linkprune.codec import Codec
from linkprune.errors import LinkPruneError
from linkprune.graph import Graph
from linkprune.index import Index
from linkprune.regression import Regression
from linkprune.rl import training

CONFIG = Path(__file__).parents[1] / "config.yaml"
X = integers(0, 7, 5)
MOST = 1 << 24  # values that a file of a few thousand bytes may come to


def h5(write):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as f:
        write(f)
    return buffer.getvalue()


def written(folder, name):
    """The bytes of a valid file of a kind."""
    kind = name.rpartition(".")[2]
    if kind == "npz":
        buffer = io.BytesIO()
        np.savez_compressed(buffer, x=X, y=X[:2])
        return buffer.getvalue()
    if kind == "hdf5":
        chunked = {"compression": "gzip", "chunks": (2, 5)}
        return h5(lambda f: f.create_dataset("x", data=X, **({} if "plain" in name else chunked)))
    if kind == "bin":
        return np.array([7, 5], "<u4").tobytes() + X.astype("<i4").tobytes() + X.tobytes()
    path = folder / f"valid.{kind}"
    stored = {"bvecs": "u1", "u8bin": "u1", "i8bin": "i1", "ivecs": "<i4", "ibin": "<i4"}
    formats.write(path, np.abs(X).astype(stored.get(kind, "<f4")))
    return path.read_bytes()


WORDS = (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", bytes(4))
CHANGES = st.tuples(
    st.sampled_from(("flip", "set", "cut", "add", "double", "word")),
    st.floats(0, 1, exclude_max=True),  # where, as a share of the file
    st.integers(0, 7),
    st.sampled_from(WORDS),
)
SPOILED = st.one_of(st.binary(max_size=300), st.lists(CHANGES, min_size=1, max_size=4))


def spoiled(valid, how):
    """Random bytes, or a valid file in which some are changed, cut off, doubled or added."""
    if isinstance(how, bytes):
        return how
    data = bytearray(valid)
    for change, share, bit, word in how:
        at = int(share * len(data))
        if change == "cut":
            del data[at:]
        elif change == "add":
            data[at:at] = word[bit % 4 :]
        elif change == "double":
            data += data[at:]
        elif change == "word":
            data[at : at + 4] = word
        elif data:
            data[at] = data[at] ^ (1 << bit) if change == "flip" else 0xFF
    return bytes(data)


def read_or_refused(path, read):
    """What a reader returns, or None and one line that names the file."""
    try:
        return read()
    except LinkPruneError as e:
        assert str(e) and "\n" not in str(e) and path.name in str(e)
        return None


NAMES = "x.fvecs x.bvecs x.ivecs x.fbin x.u8bin x.i8bin x.ibin x.bin x.npy x.npz x.hdf5 plain.hdf5"


@pytest.mark.filterwarnings("ignore::UserWarning")  # NumPy on headers that Python 2 wrote
@pytest.mark.parametrize("name", NAMES.split())
@fixed
@given(how=SPOILED, rows=st.sampled_from((None, 1, 3)))
def test_vector_files(tmp_path, name, how, rows):
    path = tmp_path / name
    path.write_bytes(spoiled(written(tmp_path, name), how))
    spec = f"{path}:x" if name.endswith(("npz", "hdf5")) else str(path)
    x = read_or_refused(path, lambda: formats.read(spec, rows))
    if x is not None:
        assert x.ndim == 2 and 0 < x.size < MOST and x.dtype.kind in "fiu"
        assert rows is None or len(x) == rows
        np.array(x)  # a mapped file has all of it


@pytest.mark.parametrize("kind", ["nsg", "ivecs"])
@fixed
@given(how=SPOILED)
def test_graph_files(tmp_path, kind, how):
    path = tmp_path / f"g.{kind}"
    flat = random_graph(20, 4, 2, 0)
    graph_files.write(path, graph_files.base_level(flat))
    path.write_bytes(spoiled(path.read_bytes(), how))
    g = read_or_refused(path, lambda: graph_files.read(path, entry_point=0))
    assert g is None or g.neighbors.size < MOST


@pytest.mark.parametrize("kind", ["graph", "codec", "regression", "vectors", "index", "codes"])
@fixed
@given(how=SPOILED)
def test_artifacts(tmp_path, kind, how):
    path, g = tmp_path / "x.h5", random_graph(20, 4, 2, 0)
    codec = Codec(integers(1, 6, 5), integers(2, 3, 256, 2))
    codes = np.zeros((20, 3), np.uint8)
    beta = Regression(integers(3, 1, 1, 5), None)
    make, read = {
        "graph": (lambda: g.save(path, {}), lambda: Graph.load(path)),
        "codec": (lambda: codec.save(path, {}), lambda: Codec.load(path)),
        "regression": (lambda: beta.save(path, {}), lambda: Regression.load(path)),
        "vectors": (
            lambda: vectors.save(path, {"base": X, "query": X, "learn": X}, "l2", {}, {}),
            lambda: vectors.load(path),
        ),
        "index": (
            lambda: Index(codec, codes, g, beta).save(path, {}),
            lambda: Index.load(path),
        ),
        "codes": (
            lambda: store.save(path, {"codes": codes}, {"error": 1.0}),
            lambda: (store.load(path, codes="nb nsq"), store.attrs(path)),
        ),
    }[kind]
    make()
    path.write_bytes(spoiled(path.read_bytes(), how))
    read_or_refused(path, read)


@fixed
@given(how=SPOILED)
def test_checkpoints(tmp_path, how):
    """A training goes on from what it wrote, or begins anew: a spoiled file never stops it."""
    kept = training.Checkpoint(tmp_path / "x.h5", "of this training")
    history = {name: np.zeros(4) for name in (*training.HISTORY, *training.VALIDATED)}
    best = {"step": 1, "score": 2.0, "recall": 0.5, "p": np.ones((20, 4))}
    kept.save({"z": np.zeros((20, 4))}, history, best, 3)
    valid = kept.path.read_bytes()
    kept.path.write_bytes(spoiled(valid, how))
    state = kept.load()
    if state is not None:
        assert set(state) == {"agent", "history", "best", "done"}
        assert set(state["history"]) == set(history) and set(state["best"]) == set(best)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=9), x, max_size=3),
    max_leaves=5,
)


@fixed
@given(way=st.lists(st.integers(0, 9), max_size=6), value=VALUES, key=st.none() | st.text())
def test_config(way, value, key):
    """config.yaml with something else in one place, or one key more."""
    config = yaml.safe_load(CONFIG.read_text())
    at, last = {"": config}, ""
    for step in way:
        inner = at[last]
        if not isinstance(inner, dict | list) or not inner:
            break
        at, last = (
            inner,
            (list(inner) if isinstance(inner, dict) else range(len(inner)))[step % len(inner)],
        )
    if key is not None and isinstance(at[last], dict):
        at[last][key] = value
    elif last != "":
        at[last] = value
    try:
        checked.check(config, [CONFIG])
    except LinkPruneError as e:
        assert str(e) and "\n" not in str(e)


OVERLAY = b"datasets:\n  own: {base: b.fvecs, query: q.fvecs, learn: l.fvecs, metric: l2}\n"


@fixed
@given(how=SPOILED)
def test_config_files(tmp_path, how):
    """What lies over config.yaml, read again for the folder that its paths are relative to."""
    path = tmp_path / "overlay.yaml"
    path.write_bytes(spoiled(OVERLAY, how))
    config = yaml.safe_load(CONFIG.read_text())
    read_or_refused(path, lambda: checked.check(config, [CONFIG, path]))


@pytest.mark.parametrize(
    "text, words",
    [("a: [", "line 1, column 5"), ("- 3", "got a list"), ("datasets: 3", "datasets"),
     ("datasets: {own: 3}", "datasets")],
)  # fmt: skip
def test_a_config_file_that_is_none_is_refused(tmp_path, text, words):
    path = tmp_path / "overlay.yaml"
    path.write_text(text)
    with pytest.raises(LinkPruneError, match=f"overlay.yaml.*{words}"):
        checked.check(yaml.safe_load(CONFIG.read_text()), [CONFIG, path])


CLAIM = dict.fromkeys(claims.KEYS, "x") | {"id": "one", "where": {}, "holds": {"column": "x"}}
REGISTER = yaml.safe_dump({"tolerance": {}, "results": [], "claims": [CLAIM]}).encode()
RUN = b"1,d,train,ours,1,0,2.5,2.5,50,80,20,b,error=5; R@1=0.5\n"
TEXTS = {
    "claims": (REGISTER, claims.load),
    "runs": (
        ",".join(speed.RUN).encode() + b"\n" + RUN + RUN.replace(b"1,0,", b"1,1,"),
        lambda path: speed.read([path]),
    ),
    "rows": (b"a,b\n1,2\n3,4\n", rows.read),
    "seconds": (b"s\tcpu_time\n1.5\t2\n", lambda path: ann_benchmarks.build_seconds([path])),
}


@pytest.mark.parametrize("kind", TEXTS)
@fixed
@given(how=SPOILED)
def test_text_files(tmp_path, kind, how):
    path, (valid, read) = tmp_path / f"x.{kind}", TEXTS[kind]
    path.write_bytes(valid)
    read(path)
    path.write_bytes(spoiled(valid, how))
    found = read_or_refused(path, lambda: read(path))
    if found is not None and kind == "runs":
        speed.rows(found)
    if found is not None and kind == "seconds":
        assert 0 <= found < np.inf


@fixed
@given(how=SPOILED)
def test_true_neighbours(tmp_path, how):
    path = tmp_path / "x.bin"
    path.write_bytes(spoiled(written(tmp_path, "x.bin"), how))
    found = read_or_refused(path, lambda: bigann.read_truth(path))
    assert found is None or found[0].shape == found[1].shape


@fixed
@given(value=st.fixed_dictionaries({}, optional=dict.fromkeys(download.ORIGIN, VALUES)) | VALUES)
def test_where_a_partial_file_came_from(tmp_path, value):
    """A sidecar that says nothing sensible is dropped with the partial file."""
    part, sidecar = tmp_path / "x.part", tmp_path / "x.json"
    part.write_bytes(b"some")
    sidecar.write_text(json.dumps(value))
    origin = download._Target(tmp_path / "x", part, sidecar, None, None, None).origin()
    assert all(isinstance(origin[name], kind | None) for name, kind in download.ORIGIN.items())
    assert part.exists() == sidecar.exists() == (origin == value)


def test_what_is_not_there_is_not_allocated(tmp_path):
    """Headers of files of some hundred bytes that promise a terabyte."""
    bomb = tmp_path / "x.npz"
    header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 34, 16)}
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w") as f,
    ):
        np.lib.format.write_array_header_1_0(f, header)
    sparse = tmp_path / "x.hdf5"
    sparse.write_bytes(
        h5(lambda f: f.create_dataset("x", (1 << 34, 16), "<f4", chunks=(1 << 10, 16)))
    )
    wide = tmp_path / "x.ivecs"
    wide.write_bytes(np.array([100_000, *[0] * 200_000], "<i4").tobytes())
    for path, read in (
        (bomb, lambda: formats.read(f"{bomb}:x")),
        (sparse, lambda: formats.read(f"{sparse}:x")),
        (wide, lambda: graph_files.read(wide, entry_point=0)),
    ):
        assert read_or_refused(path, read) is None
