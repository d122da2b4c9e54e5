"""Training queries on a graph whose links are kept at random: what an agent sees of its task."""

import dataclasses
import hashlib
from typing import NamedTuple

import numpy as np

from linkprune import seeds, store
from linkprune.codec import Codec
from linkprune.errors import ShapeError
from linkprune.kernels import beam, checks, episodes


class Queries(NamedTuple):
    """Queries x (n, d) of any dtype, the ids of their true neighbours (n, k) int32, and (n,) int32
    the vertex that is absent from the episodes of a query, -1 for none."""

    x: np.ndarray
    truth: np.ndarray
    absent: np.ndarray


class Space(NamedTuple):
    """What searches measure: vectors (nb, d), or codes (nb, nsq) of a codec; "l2" or "ip"."""

    vectors: np.ndarray | None = None
    codes: np.ndarray | None = None
    codec: object = None
    metric: str = "l2"

    @classmethod
    def assemble(cls, base, files, metric):
        """The space of a graph: base (nb, d) as stored, or the codec and codes of two files."""
        if files:
            codec, (codes,) = Codec.load(files[0]), store.load(files[1], codes="nb nsq")
            return cls(codes=codes, codec=codec, metric=metric)
        stored = base.dtype.name in ("uint8", "int8")
        return cls(np.ascontiguousarray(base, None if stored else np.float32), metric=metric)

    def keywords(self):
        """The keywords by which the kernels know it."""
        ip = self.metric == "ip"
        if self.codes is None:
            return {"vectors": self.vectors, "ip": ip}
        return {**self.codec.space(self.codes), "ip": ip}

    def points(self, threads=1):
        """The vertices as vectors (nb, d): those given, or the decoded ones."""
        return self.vectors if self.codes is None else self.codec.decode(self.codes, threads)

    def prepared(self, x, threads=1):
        """Queries (n, d) of any dtype as the kernels want them: float32, rotated for codes."""
        x = np.ascontiguousarray(x, np.float32)
        return x if self.codes is None else self.codec.rotate(x, threads)


class Environment:
    """Episodes of a graph in a space, one for a training query after the other.

    A step of n episodes goes on where the step before ended in a seeded order of the queries, a new
    order for each pass over them. All that happens is decided by seed and step.
    """

    def __init__(self, graph, space, queries, seed, threads=1):
        if len(queries.x) != len(queries.truth) or len(queries.x) == 0:
            raise ShapeError(f"{len(queries.x)} queries, {len(queries.truth)} rows of neighbours")
        checks.ids("truth", queries.truth, len(graph.neighbors), None, None, least=0)
        self.graph, self.space, self.queries = graph, space, queries
        self.seed, self.threads = seed, threads
        self.runner = episodes.Runner(graph, threads=threads, **space.keywords())
        self._above = None
        if graph.max_level:  # without links on the base level, checked once and not at every step
            no_links = np.full((len(graph.neighbors), 1), -1, np.int32)
            self._above = dataclasses.replace(graph, neighbors=no_links).sealed()
        self._order = (-1, None)

    def rows(self, step, n):
        """The training queries of a step of n episodes: (n,) int64."""
        size, at = len(self.queries.x), step * n
        out = np.empty(n, np.int64)
        done = 0
        while done < n:
            number, first = divmod(at + done, size)
            if self._order[0] != number:
                order = seeds.generator(self.seed, "queries", number).permutation(size)
                self._order = (number, order)
            part = self._order[1][first : first + n - done]
            out[done : done + len(part)] = part
            done += len(part)
        return out

    def record(self, p, step, n, k, efSearch):
        """Recorded searches of a step: rows (n,), Episodes; p (nb, M0) keep probabilities."""
        rows, x = self._queries(step, n)
        return rows, self.runner.record(
            episodes.thresholds(p), x, self._starts(x), k, efSearch, self._key(step),
            absent=self.queries.absent[rows],
        )  # fmt: skip

    def credit(self, p, step, n, efSearch, rate, *, k=None, rerun=True):
        """Credited searches of a step -> Credit; efSearch, rate: a list each, see the kernel.

        k: how many true neighbours count, all that are known where it is None.
        """
        rows, x = self._queries(step, n)
        truth = np.ascontiguousarray(self.queries.truth[rows, :k])
        return self.runner.credit(
            episodes.thresholds(p), x, self._starts(x), truth, np.array(efSearch, np.int32),
            np.array(rate, np.int64), self._key(step), absent=self.queries.absent[rows],
            rerun=rerun,
        )  # fmt: skip

    def _queries(self, step, n):
        rows = self.rows(step, n)
        return rows, self.space.prepared(self.queries.x[rows], self.threads)

    def _key(self, step):
        digest = hashlib.sha256(repr((self.seed, "episodes", step)).encode()).digest()
        return int.from_bytes(digest[:8], "little")

    def _starts(self, x):
        """Where the base level is entered: the entry point, or where the descent ends."""
        if self._above is None:
            return np.full(len(x), self.graph.entry_point, np.int32)
        found = beam.search(self._above, x, 1, 1, threads=self.threads, **self.space.keywords())
        return np.ascontiguousarray(found[1][:, 0])
