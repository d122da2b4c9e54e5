"""An index that a side left in its folder, as ours, and where ours and the original agree on it."""

from pathlib import Path

import numpy as np

from linkprune import regression
from linkprune.chunks import mean
from linkprune.codec import Codec
from linkprune.graph import Graph
from linkprune.index import Index

TOLERANCE = 1e-5  # relative: what two orders of summation in float32 may make


def graph(arrays):
    """The Graph in the arrays of a graph stage, sealed: no search pays for a check."""
    names = "neighbors", "upper_vertex", "upper_start", "upper_neighbors"
    x = [np.ascontiguousarray(arrays[name]) for name in names]
    return Graph(*x, int(arrays["entry_point"]), int(arrays["max_level"])).sealed()


def index(part):
    """The Index whose parts ``part(stage)`` gives as arrays by name."""
    codec, links = Codec(**part("train")), part("graph")
    beta = regression.Regression(part("beta")["beta_centroids"], part("encode")["beta_codes"])
    return Index(codec, links["codes"], graph(links), beta)


def exported(folder):
    """The Index of a side from its folder."""
    return index(lambda stage: dict(np.load(Path(folder) / stage / "out.npz")))


def agreement(I, D, ids, distances):
    """Shares of queries by how two answers compare: I, D and ids, distances (nq, k).

    same: identical lists; unexplained: at some rank the ids and also the distances differ, so that
    it is no tie.
    """
    differ = I != ids
    apart = differ & ~np.isclose(D, distances, rtol=TOLERANCE, atol=0)
    return {"same": 1 - mean(differ.any(1)), "unexplained": mean(apart.any(1))}


def squared_errors(x, y, parts=1):
    """Squared error of every part of every vector: x, y (n, d_out) -> (n, parts) float64."""
    difference = x.astype(np.float64) - y
    return (difference**2).reshape(len(x), parts, -1).sum(2)


def parity(index, base):
    """How our coding of base (nb, d) compares with the codes that an index holds.

    error_pq, error_beta: mean squared error of plain and regressed reconstructions. same_codes:
    share of the beta codes that we choose too; higher: share of the others that we choose worse.
    """
    ids, parts = np.arange(len(base), dtype=np.int32), len(index.beta.beta_centroids)
    x = index.codec.rotate(base)
    codec, codes, links = index.codec, index.codes, index.graph.neighbors
    own, _ = regression.encode(base, codec, codes, links, index.beta.beta_centroids)
    theirs = squared_errors(x, index.reconstruct(ids), parts)
    ours = squared_errors(x, regression.reconstruct(ids, codec, codes, links, own), parts)
    differ = own.beta_codes != index.beta.beta_codes
    return {
        "error_pq": mean(squared_errors(x, codec.decode(codes))[:, 0]),
        "error_beta": mean(theirs.sum(1)),
        "same_codes": 1 - mean(differ.ravel()),
        "higher": mean(ours[differ] > theirs[differ] * (1 + TOLERANCE)),
    }
