"""A searchable index: codes, a graph over them and the regression that refines them."""

import dataclasses
import functools
from typing import NamedTuple

import numpy as np

from linkprune import regression, store
from linkprune.chunks import chunks
from linkprune.codec import Codec
from linkprune.errors import DataError, ShapeError, reading
from linkprune.graph import Graph
from linkprune.kernels import beam, checks
from linkprune.kernels import beta as beta_kernel

QUERIES = 1024  # rotated and re-ranked at a time, so that the results are there only once


class Result(NamedTuple):
    """What a search found and what it cost.

    D (nq, k) float32 (squared L2, or minus the inner product) and I (nq, k) int32, nearest first,
    infinity and -1 where there was nothing; per query (nq,) int32: ndis distances on level 0 (the
    entry point left out, as in the original), nhops vertices expanded there, nreorder vertices
    reconstructed, ndis_upper distances of entry point and descent.
    """

    D: np.ndarray
    I: np.ndarray
    ndis: np.ndarray
    nhops: np.ndarray
    nreorder: np.ndarray
    ndis_upper: np.ndarray


@dataclasses.dataclass(frozen=True)
class Index:
    """codec, codes (nb, code_size) uint8, graph, regression or None; metric "l2" or "ip"."""

    codec: Codec
    codes: np.ndarray
    graph: Graph
    beta: regression.Regression | None = None
    metric: str = "l2"

    def __post_init__(self):
        """Refuse parts that do not belong together."""
        checks.by_inner_product(self.metric)
        nb, M0 = self.graph.neighbors.shape
        if self.codes.shape != (nb, self.codec.code_size):
            raise ShapeError(
                f"codes are {self.codes.shape}, expected ({nb}, {self.codec.code_size})"
            )
        if self.beta is not None and self.beta.beta_centroids.shape[2] != M0 + 1:
            raise ShapeError(
                f"the regression has {self.beta.beta_centroids.shape[2]} weights per codeword, "
                f"expected {M0 + 1} for {M0} links"
            )
        object.__setattr__(self, "graph", self.graph.sealed())

    @functools.cached_property
    def _space(self):
        return self.codec.space(self.codes)

    def search(self, query, k=100, efSearch=64, k_reorder=0, threads=1):
        """The k best vertices for query (nq, d): beam search on the codes, then the first k_reorder
        are re-ranked by their reconstructions -> Result.

        D rises over the first k_reorder and over the rest, which keeps the distances of the codes:
        it may fall between the two.
        """
        threads, found = checks.positive(threads=threads), None
        # Where there are no queries, a block of none.
        for rows in chunks(max(len(query), 1), QUERIES):
            rotated = self.codec.rotate(query[rows], threads)
            part = self.walk(rotated, k, efSearch, threads)
            part = self.reorder(rotated, part, k_reorder, threads)
            if found is None:
                found = Result(*(np.empty((len(query), *x.shape[1:]), x.dtype) for x in part))
            for whole, x in zip(found, part, strict=True):
                whole[rows] = x
        return found

    def walk(self, rotated, k, efSearch, threads=1):
        """The search without re-ranking, for rotated queries (nq, d_out) -> Result."""
        D, I, ndis, upper, nhops = beam.search(
            self.graph,
            rotated,
            k,
            efSearch,
            ip=self.metric == "ip",
            threads=threads,
            **self._space,
        )
        return Result(D, I, ndis, nhops, np.zeros_like(ndis), upper)

    def reorder(self, rotated, found, k_reorder, threads=1):
        """The Result of ``walk`` with its first k_reorder entries re-ranked (0: as it is)."""
        if k_reorder == 0:
            return found
        if self.beta is None:
            raise ShapeError("k_reorder needs a regression, this index has none")
        D, I, nreorder = beta_kernel.reorder(
            rotated,
            found.D,
            found.I,
            k_reorder,
            self.codes,
            self.graph.neighbors,
            beta_centroids=self.beta.beta_centroids,
            beta_codes=self.beta.beta_codes,
            ip=self.metric == "ip",
            threads=threads,
            **self.codec.levels(),
        )
        return found._replace(D=D, I=I, nreorder=nreorder)

    def reconstruct(self, ids, threads=1):
        """Rotated vectors as codes and regression give them: ids (n,) int32 -> (n, d_out)."""
        checks.ids("ids", ids, len(self.codes), None, least=0)
        if self.beta is None:
            return self.codec.decode(self.codes[ids], threads)
        return regression.reconstruct(
            ids, self.codec, self.codes, self.graph.neighbors, self.beta, threads
        )

    @classmethod
    def assemble(cls, codec, codes, graph, beta, metric):
        """An index from the files of its parts; beta is empty where there is no regression."""
        (codes,) = store.load(codes, codes="nb nsq")
        refined = regression.Regression.load(beta) if beta else None
        return cls(Codec.load(codec), codes, Graph.load(graph), refined, metric)

    def bytes_per_vector(self):
        """Code, links of level 0 as 32-bit ids, and beta code: the paper's count."""
        beta_codes = None if self.beta is None else self.beta.beta_codes
        extra = 0 if beta_codes is None else beta_codes.shape[1]
        return 4 * self.graph.neighbors.shape[1] + self.codes.shape[1] + extra

    def save(self, path, attrs):
        """Write the index as one HDF5 file, all or nothing."""
        graph = dataclasses.asdict(self.graph)
        scalars = {name: graph.pop(name) for name in ("entry_point", "max_level")}
        arrays = {**graph, "codes": self.codes, "centroids": self.codec.centroids}
        for name in ("rotation", "coarse"):
            if getattr(self.codec, name) is not None:
                arrays[name] = getattr(self.codec, name)
        if self.beta is not None:
            arrays["beta_centroids"] = self.beta.beta_centroids
            if self.beta.beta_codes is not None:
                arrays["beta_codes"] = self.beta.beta_codes
        store.save(path, arrays, {**attrs, "metric": self.metric, **scalars})

    @classmethod
    def load(cls, path):
        """Read an index; raises DataError where the file is missing, truncated or another thing."""
        with store.opened(path) as f, reading(path):
            try:
                a = {name: x[()] for name, x in f.items()}
                graph = Graph(
                    a["neighbors"],
                    a["upper_vertex"],
                    a["upper_start"],
                    a["upper_neighbors"],
                    int(f.attrs["entry_point"]),
                    int(f.attrs["max_level"]),
                )
                codec = Codec(a.get("rotation"), a["centroids"], a.get("coarse"))
                codes, metric = a["codes"], str(f.attrs["metric"])
            except (KeyError, OSError) as e:
                raise DataError(f"{path}: not a complete Link & Code index: {e}") from e
        beta = None
        if "beta_centroids" in a:
            beta = regression.Regression(a["beta_centroids"], a.get("beta_codes"))
        with reading(path):
            return cls(codec, codes, graph, beta, metric)
