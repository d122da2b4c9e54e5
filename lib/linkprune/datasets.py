"""A dataset from its config entry: generated, embedded, local files, or downloads."""

import dataclasses

import h5py
import numpy as np

from linkprune import formats, sources
from linkprune.errors import ConfigError, DataError
from linkprune.preparation import STORED, prepared

PARTS = ("base", "query", "learn", "train")
EMBEDDED = {"scikit-learn/digits": sources.digits, "scikit-learn/patches": sources.patches}
MAPPED_BYTES = 1 << 26  # what is smaller is copied, so that the artifact stands alone
SYNTHETIC = {"base": "nb", "query": "nq", "learn": "nt"}  # the keys of their numbers of rows
# Names of the arrays in an ann-benchmarks file, and what its ``distance`` means here.
ANN_BENCHMARKS = {"base": "train", "query": "test", "groundtruth": "neighbors"}
DISTANCES = {"euclidean": "l2", "angular": "cosine", "ip": "ip"}


@dataclasses.dataclass(frozen=True)
class Part:
    """One part of a dataset in a file: what ``formats`` reads, and where it is downloaded from.

    It is ``rows`` rows from the row ``first`` on, or all of them.
    """

    spec: str
    rows: int | None = None
    first: int = 0
    urls: tuple = ()
    sha256: str | None = None
    size: int | None = None

    @property
    def path(self):
        """The file."""
        return formats.split(self.spec)[0]

    def describe(self):
        """The ``formats.Layout`` of its rows; DataError where the file has none of them."""
        at = formats.describe(self.spec, self.first + self.rows if self.rows else None)
        if self.first >= at.n:
            raise DataError(f"{self.spec}: has {at.n} rows, expected more than {self.first}")
        skipped = self.first * at.d * at.dtype.itemsize
        offset = None if at.offset is None else at.offset + skipped
        return dataclasses.replace(at, n=at.n - self.first, offset=offset)

    def read(self):
        """Its rows (n, d) in their stored dtype."""
        self.describe()
        return formats.read(self.spec, self.first + self.rows if self.rows else None)[self.first :]


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Parts (name -> array (n, d)) and the metric.

    mapped: part -> (file, offset) for those that can stay where they are.
    """

    parts: dict
    metric: str
    mapped: dict


def part(dataset, entry, name):
    """The Part ``name`` of a dataset entry, or None where the entry has none."""
    if "ann_benchmarks" in entry:
        if name not in ANN_BENCHMARKS:
            return None
        whole = _part(dataset, "vectors", entry["ann_benchmarks"], "hdf5")
        rows = entry.get("rows") if name == "base" else None
        return dataclasses.replace(whole, spec=f"{whole.spec}:{ANN_BENCHMARKS[name]}", rows=rows)
    return _part(dataset, name, entry[name]) if name in entry else None


def _part(dataset, name, value, kind=None):
    if isinstance(value, str):
        return Part(value)
    if "path" in value:
        return Part(value["path"], value.get("rows"), value.get("first", 0))
    if "format" not in value and kind is None:
        raise ConfigError(f"datasets.{dataset}.{name}: a URL needs a format, such as fbin")
    urls = value["url"] if isinstance(value["url"], list) else [value["url"]]
    spec = f"downloads/{dataset}/{name}.{value.get('format', kind)}"
    if "member" in value:
        spec += f":{value['member']}"
    return Part(spec, value.get("rows"), 0, tuple(urls), value.get("sha256"), value.get("size"))


def files(dataset, entry):
    """The files that a dataset is read from, downloads included: a sorted list of paths."""
    found = (part(dataset, entry, name) for name in (*PARTS, "groundtruth"))
    return sorted({str(p.path) for p in found if p is not None})


def download(dataset, entry, file):
    """The keywords of ``download.fetch`` for the file of a dataset entry, named as in ``files``."""
    for name in (*PARTS, "groundtruth"):
        p = part(dataset, entry, name)
        if p is not None and p.urls and p.path.name == file:
            crop = p.path.suffix[1:] in (*formats.VECS, *formats.BINS)
            return {"urls": p.urls, "sha256": p.sha256, "size": p.size,
                    "first_rows": p.rows if crop else None}  # fmt: skip
    raise ConfigError(f"datasets.{dataset}: nothing is downloaded to {file}")


def truth(dataset, entry):
    """The ids (nq, kgt) int32 of the true neighbours that an entry gives, or None.

    Those of a whole ann-benchmarks file do not hold for its first rows.
    """
    p = part(dataset, entry, "groundtruth")
    if p is None or ("ann_benchmarks" in entry and "rows" in entry):
        return None
    return np.ascontiguousarray(p.read(), np.int32)


def sizes(dataset, entry):
    """Part -> (n, d) as far as it is known without a download; reads headers only."""
    if "source" in entry:
        if entry["source"] == "synthetic":
            d, rank = entry["d"], entry.get("rank", 1)
            if rank > d:
                raise ConfigError(f"datasets.{dataset}.rank: {rank}, more than the {d} dimensions")
            return {name: (entry[n], d) for name, n in SYNTHETIC.items()}
        return dict(sources.SIZES[entry["source"]])
    found = {}
    for name in (*PARTS, "groundtruth"):
        p = part(dataset, entry, name)
        if p is None:
            continue
        if p.path.exists():
            layout = p.describe()
            found[name] = (layout.n, layout.d)
            if name == "groundtruth" and layout.dtype.kind not in "iu":
                raise DataError(f"datasets.{dataset}.groundtruth: {layout.dtype}, expected ids")
        elif not p.urls:
            raise DataError(f"datasets.{dataset}.{name}: no such file: {p.path}")
    if "learn" not in found and part(dataset, entry, "learn") is None and "base" in found:
        found["learn"] = found["base"]
    _same_dimension(dataset, {name: found[name][1] for name in PARTS if name in found})
    n_truth, n_query = (found.get(name, (None,))[0] for name in ("groundtruth", "query"))
    if None not in (n_truth, n_query) and n_truth != n_query:
        raise DataError(f"datasets.{dataset}.groundtruth: {n_truth} rows for {n_query} queries")
    return found


def load(dataset, entry, seed):
    """Read or generate a dataset -> Dataset; DataError where parts do not fit each other.

    Where there is no learn part the base is learned from.
    """
    mapped, kind = {}, entry.get("metric")
    if "source" in entry:
        parts = _generated(entry, seed)
    else:
        found = {name: part(dataset, entry, name) for name in PARTS}
        kind = _file_metric(dataset, kind, found["base"]) if "ann_benchmarks" in entry else kind
        parts = {name: p.read() for name, p in found.items() if p is not None}
        if kind != "cosine":
            mapped = {n: at for n in parts if (at := _mappable(found[n]))}
    _same_dimension(dataset, {name: x.shape[1] for name, x in parts.items()})
    if "source" not in entry or entry["source"] != "synthetic":
        parts = {name: _checked(dataset, name, x, kind) for name, x in parts.items()}
    if "learn" not in parts:
        parts["learn"] = parts["base"]
        mapped |= {"learn": mapped["base"]} if "base" in mapped else {}
    return Dataset(parts, kind, mapped)


def _same_dimension(dataset, dims):
    if len(set(dims.values())) > 1:
        raise DataError(f"datasets.{dataset}: parts differ in dimension: {dims}")


def _generated(entry, seed):
    if entry["source"] in EMBEDDED:
        return EMBEDDED[entry["source"]]()
    mixture = {k: v for k, v in entry.items() if k not in ("source", "metric", "nb", "nq", "nt")}
    mixture.setdefault("seed", seed)
    if entry["metric"] == "cosine":
        mixture["normalise"] = True
    return {name: sources.SyntheticRows(name, entry[n], **mixture) for name, n in SYNTHETIC.items()}


def _file_metric(dataset, wanted, base):
    """The metric that an ann-benchmarks file declares; an entry may repeat but not change it."""
    with h5py.File(base.path, "r") as f:
        said = str(f.attrs.get("distance", ""))
    if said not in DISTANCES:
        raise DataError(f"{base.path}: distance is {said!r}, expected one of {list(DISTANCES)}")
    if wanted not in (None, DISTANCES[said]):
        raise DataError(f"datasets.{dataset}.metric: {wanted}, but {base.path} is for {said}")
    return DISTANCES[said]


def _mappable(p):
    """(file, offset) of a large part that lies in its file as the kernels want it, else None."""
    at = p.describe()
    large = at.n * at.d * at.dtype.itemsize >= MAPPED_BYTES
    return (at.path, at.offset) if large and at.offset and at.dtype.name in STORED else None


def _checked(dataset, name, x, kind):
    try:
        return prepared(x, kind)
    except DataError as e:
        raise DataError(f"datasets.{dataset}.{name}: {e}") from e
