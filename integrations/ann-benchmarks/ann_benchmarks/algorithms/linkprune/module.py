"""Link & Code for ann-benchmarks: codes, a graph over them, re-ranking by reconstructions."""

import os

import numpy as np

from linkprune import LinkCode
from linkprune.ann_benchmarks import array_bytes

from ..base.module import BaseANN

METRICS = {"euclidean": "l2", "angular": "cosine"}


class LinkPrune(BaseANN):
    """metric: "euclidean" or "angular"; params: keywords of ``LinkCode.add``, and codec.

    The quantiser is trained on the vectors that are indexed: ann-benchmarks has no others.
    """

    def __init__(self, metric, params):
        if metric not in METRICS:
            raise ValueError(f"metric {metric}: expected one of {', '.join(METRICS)}")
        self.metric, self.params = METRICS[metric], dict(params)
        self.index, self.efSearch, self.k_reorder, self.dist_comps = None, 64, 0, 0
        self.threads = len(os.sched_getaffinity(0))

    def fit(self, X):
        """Train on X (n, d) and index it."""
        params = dict(self.params)
        empty = LinkCode.train(X, params.pop("codec"), self.metric, threads=self.threads)
        self.index = empty.add(X, threads=self.threads, **params)

    def set_query_arguments(self, efSearch, k_reorder):
        """Candidates kept while searching, and how many of the best are re-ranked."""
        self.efSearch, self.k_reorder, self.dist_comps = efSearch, k_reorder, 0

    def query(self, v, n):
        """Ids of the n nearest to v (d,), on one thread."""
        return self._search(v[None], n, 1)[0]

    def batch_query(self, X, n):
        """Search for all of X (nq, d) at once; ``get_batch_results`` has what was found."""
        self.found = self._search(X, n, self.threads)

    def get_batch_results(self):
        """Ids of the nearest for every query of the last batch, a list of arrays."""
        return self.found

    def _search(self, X, n, threads):
        found = self.index.search(X, n, self.efSearch, self.k_reorder, threads)
        self.dist_comps += sum(
            int(x.sum(dtype=np.int64)) for x in (found.ndis, found.ndis_upper, found.nreorder)
        )
        return [row[row >= 0] for row in found.I]

    def get_additional(self):
        """Distances computed since the query arguments were set, over all rounds."""
        return {"dist_comps": self.dist_comps}

    def get_memory_usage(self):
        """kB of codes, links and codebooks: what a server holds, not what training took."""
        return 0.0 if self.index is None else array_bytes(self.index.index) / 1024

    def done(self):
        """Let the index go."""
        self.index = None

    def __str__(self):
        """Everything that a result depends on."""
        built = ", ".join(f"{name} {value}" for name, value in self.params.items())
        return f"linkprune ({built}, efSearch {self.efSearch}, k_reorder {self.k_reorder})"
