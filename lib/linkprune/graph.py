"""The similarity graph: one schema for every builder and every pruning policy."""

import dataclasses

import numpy as np

from linkprune import store
from linkprune.errors import ShapeError, reading
from linkprune.kernels import checks


@dataclasses.dataclass(frozen=True)
class Graph:
    """An HNSW graph, or a flat one where n_upper is 0.

    neighbors (nb, M0) int32, padded with -1 at the end of a row, nearest first; a vertex of level
    l >= 1 stands in upper_vertex (n_upper,) int32, ascending, at some j and owns the rows
    upper_start[j] ... upper_start[j] + l - 1 of upper_neighbors (rows, M) int32, level 1 first;
    upper_start (n_upper + 1,) int64.

    The arrays of a new graph are checked, and again by every search as long as somebody could write
    to them: once a graph is done, ``sealed`` spares its searches that.
    """

    neighbors: np.ndarray
    upper_vertex: np.ndarray
    upper_start: np.ndarray
    upper_neighbors: np.ndarray
    entry_point: int
    max_level: int
    _sealed = False  # without a type, so that it is no field and no ``replace`` hands it on

    def __post_init__(self):
        """Refuse arrays through which a search could leave the graph."""
        self.verify()

    def verify(self):
        """Raise ShapeError for arrays through which a search could leave the graph."""
        nb, start = len(self.neighbors), self.upper_start
        if start.dtype != np.int64 or self.neighbors.ndim != 2 or self.upper_neighbors.ndim != 2:
            raise ShapeError("graph: expected upper_start int64 and links with two axes")
        fits = len(start) == len(self.upper_vertex) + 1 and start[0] == 0
        if not fits or (np.diff(start) < 1).any() or len(self.upper_neighbors) != start[-1]:
            raise ShapeError("graph: upper_start does not fit upper_vertex and upper_neighbors")
        if (np.diff(self.upper_vertex) <= 0).any():
            raise ShapeError("graph: upper_vertex must ascend")
        for name, least in (("neighbors", -1), ("upper_vertex", 0), ("upper_neighbors", -1)):
            x = getattr(self, name)
            checks.ids(f"graph: {name}", x, nb, *x.shape, least=least)
        levels = self.levels()
        if not 0 <= self.entry_point < nb or levels[self.entry_point] != self.max_level:
            raise ShapeError(f"graph: entry point {self.entry_point} is not at the highest level")
        owned = np.diff(self.upper_start)
        level = np.arange(len(self.upper_neighbors)) - np.repeat(self.upper_start[:-1], owned) + 1
        # Reading levels at -1 is harmless: such a link is masked.
        low = (levels[self.upper_neighbors] < level[:, None]) & (self.upper_neighbors >= 0)
        if low.any():
            vertex = np.repeat(self.upper_vertex, owned)[low.any(1)][0]
            raise ShapeError(f"graph: vertex {vertex} links to one that ends below its level")

    def levels(self):
        """Level of every vertex, 0 for those of the base level only: (nb,) int32."""
        levels = np.zeros(len(self.neighbors), np.int32)
        levels[self.upper_vertex] = np.diff(self.upper_start)
        return levels

    def sealed(self):
        """The same graph with read-only arrays: copies, as what others hold they can write to."""
        if self.is_sealed():
            return self
        copies = {name: x.copy() for name, x in self._arrays().items()}
        return dataclasses.replace(self, **copies)._seal()

    def _seal(self):
        """Make the arrays, which nobody else holds, read-only."""
        for x in self._arrays().values():
            x.flags.writeable = False
        object.__setattr__(self, "_sealed", True)
        return self

    def is_sealed(self):
        """Whether nothing can change the arrays behind the checks' back."""
        # Unpickled ones can be written to again.
        return self._sealed and not any(x.flags.writeable for x in self._arrays().values())

    def _arrays(self):
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: x for name, x in fields.items() if isinstance(x, np.ndarray)}

    def save(self, path, attrs):
        """Write the graph as one artifact."""
        scalars = {"entry_point": self.entry_point, "max_level": self.max_level}
        store.save(path, self._arrays(), {**attrs, **scalars})

    @classmethod
    def load(cls, path):
        """Read a graph artifact, sealed; raises ShapeError or DataError where it is not one."""
        arrays = store.load(
            path,
            neighbors="nb M0",
            upper_vertex="n_upper",
            upper_start="n_upper_1",
            upper_neighbors="rows M",
        )
        attrs = store.attrs(path)
        with reading(path):
            graph = cls(*arrays, int(attrs["entry_point"]), int(attrs["max_level"]))
        return graph._seal()


def empty(levels, M0, M):
    """A graph without links whose vertices have these levels (nb,); it has no entry point yet.

    Returns the Graph fields as a dict, to be filled by a builder.
    """
    upper_vertex = np.flatnonzero(levels).astype(np.int32)
    start = np.concatenate([[0], np.cumsum(levels[upper_vertex], dtype=np.int64)])
    return {
        "neighbors": np.full((len(levels), M0), -1, np.int32),
        "upper_vertex": upper_vertex,
        "upper_start": start.astype(np.int64),
        "upper_neighbors": np.full((int(start[-1]), M), -1, np.int32),
    }
