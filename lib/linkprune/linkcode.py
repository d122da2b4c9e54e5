"""Link & Code as one object: train, add, search, save, load (CVPR 2018, arXiv 1804.09996)."""

import dataclasses

import numpy as np

from linkprune import beta as training
from linkprune import exhaustive, hnsw, keys, opq, regression, store
from linkprune.codec import Codec
from linkprune.errors import ShapeError
from linkprune.index import Index, Result
from linkprune.preparation import METRICS, prepared


@dataclasses.dataclass(frozen=True)
class LinkCode:
    """A codec, and once vectors were added the index over them; metric "l2", "ip" or "cosine".

    >>> lc = LinkCode.train(learn, codec="OPQ36_144").add(base, M0=6, beta="beta4x256")
    >>> D, I, *counters = lc.search(query, k=10, efSearch=64, k_reorder=5)
    """

    codec: Codec
    metric: str = "l2"
    index: Index | None = None

    @classmethod
    def train(cls, learn, codec="OPQ36_144", metric="l2", seed=2018, threads=1):
        """An empty LinkCode, its codec trained on learn (nt, d) of any numeric dtype.

        metric: "l2" (squared), "ip", or "cosine" (ip of normalised vectors).
        """
        if metric not in METRICS:
            raise ShapeError(f"metric {metric}: expected one of {', '.join(METRICS)}")
        key = keys.codec(codec)
        return cls(opq.train(prepared(learn, metric), key, seed, threads), metric)

    def add(self, base, M0=6, beta="beta4x256", M=32, efConstruction=200, graph_on="codes",
            seed=2018, threads=1, graph=None):  # fmt: skip
        """A LinkCode that also holds base (nb, d): codes, graph, regression; ids are row numbers.

        M0 links per vertex on level 0 and M above; beta as ``keys.beta`` has it, its codebook
        trained on the first 250,000 rows; graph_on "codes" or "float". A graph over base, such as a
        pruned one, takes the place of the one that these would build.
        """
        if self.index is not None:
            raise ShapeError("this LinkCode holds vectors already: add everything in one call")
        if graph_on not in ("codes", "float"):
            raise ShapeError(f"graph_on {graph_on}: expected codes or float")
        base, space = prepared(base, self.metric), "l2" if self.metric == "l2" else "ip"
        codes, _ = self.codec.encode(base, threads)
        vertices = {"codec": self.codec, "codes": codes}
        if graph is None:
            graph = hnsw.build(
                keys.HNSW(M0, M, efConstruction, graph_on),
                base,
                seed,
                metric=space,
                threads=threads,
                **(vertices if graph_on == "codes" else {}),
            )
        index, key = Index(self.codec, codes, graph, metric=space), keys.beta(beta)
        if key.nsq is not None:
            book, _ = training.train(
                key,
                base[: training.TRAIN_ROWS],
                neighbors=graph.neighbors,
                seed=seed,
                threads=threads,
                **vertices,
            )
            encoded, _ = regression.encode(
                base, self.codec, codes, graph.neighbors, book, threads=threads
            )
            index = dataclasses.replace(index, beta=encoded)
        return dataclasses.replace(self, index=index)

    def search(self, query, k=100, efSearch=64, k_reorder=0, threads=1) -> Result:
        """The k best vertices for query (nq, d), as ``index.Index.search`` finds them: its D may
        fall after the first k_reorder, as the rest keeps the distances of the codes.
        """
        return self._held().search(prepared(query, self.metric), k, efSearch, k_reorder, threads)

    def exhaustive(self, query, k=100, threads=1):
        """The k best of all reconstructions for query (nq, d): D, I as ``exhaustive.search``."""
        return exhaustive.search(self._held(), prepared(query, self.metric), k, threads)

    def reconstruct(self, ids, threads=1):
        """Reconstructions of vertices, rotated: ids (n,) -> (n, d_out) float32."""
        ids, nb = np.atleast_1d(ids), len(self._held().codes)
        if ids.dtype.kind not in "iu" or (ids.size and not 0 <= ids.min() <= ids.max() < nb):
            raise ShapeError(f"ids: expected integers from 0 to {nb - 1}, got {ids.tolist()[:5]}")
        return self._held().reconstruct(np.ascontiguousarray(ids, np.int32), threads)

    def save(self, path):
        """Write everything as one HDF5 file, all or nothing."""
        self._held().save(path, {"input_metric": self.metric})

    @classmethod
    def load(cls, path):
        """Read what ``save`` wrote; raises DataError where the file is missing or broken."""
        index = Index.load(path)
        return cls(index.codec, str(store.attrs(path)["input_metric"]), index)

    def _held(self):
        if self.index is None:
            raise ShapeError("this LinkCode holds no vectors: call add first")
        return self.index
