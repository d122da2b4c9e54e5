"""Our side of compare.py: the index that the original exports, and where we agree with it.

    python bench/ours.py {Index,LinkCode} INDEX.h5 QUERY.npy K 1,16,64 0,5

runs a search process as small as it gets and prints its peak resident memory in MB: by
``linkprune.index`` alone, or by the object that can also train.
"""

import re
import sys
from pathlib import Path

import numpy as np

from linkprune import formats, regression, store
from linkprune.chunks import mean
from linkprune.codec import Codec
from linkprune.graph import Graph
from linkprune.index import Index

TOLERANCE = 1e-5  # relative: what two orders of summation in float32 may make


def exported(path):
    """The index.h5 of original.py as an Index: the same links, codes, centroids and weights."""
    names = "neighbors levels upper_vertex upper_level upper_ptr upper_links".split()
    with store.opened(path) as f:
        a, attrs = {name: x[()] for name, x in f.items()}, dict(f.attrs)
    neighbors, levels, vertex, level, ptr, links = (a[name] for name in names)
    counts = np.diff(ptr)
    upper = np.full((len(vertex), attrs["M"]), -1, np.int32)
    upper[np.arange(upper.shape[1]) < counts[:, None]] = links
    higher = np.flatnonzero(levels)
    if not np.array_equal(vertex, np.repeat(higher, levels[higher])) or (level < 1).any():
        raise ValueError(f"{path}: upper_vertex and levels do not agree")
    graph = Graph(
        np.ascontiguousarray(neighbors, np.int32),
        higher.astype(np.int32),
        np.append(0, levels[higher].cumsum()).astype(np.int64),
        upper,
        int(attrs["entry_point"]),
        int(attrs["max_level"]),
    )
    beta = None
    if "beta_centroids" in a:
        beta = regression.Regression(a["beta_centroids"], a.get("beta_codes"))
    return Index(Codec(a["rotation"], a["centroids"]), a["codes"], graph, beta)


def agreement(found, ids, D):
    """Shares of queries by how a Result compares with other ids, D (nq, k).

    same: identical lists; unexplained: at some rank the ids and also the distances differ, so that
    it is no tie.
    """
    differ = found.I != ids
    apart = differ & ~np.isclose(found.D, D, rtol=TOLERANCE, atol=0)
    return {"same": 1 - mean(differ.any(1)), "unexplained": mean(apart.any(1))}


def squared_errors(x, y, parts=1):
    """Squared error of every part of every vector: x, y (n, d_out) -> (n, parts) float64."""
    difference = x.astype(np.float64) - y
    return (difference**2).reshape(len(x), parts, -1).sum(2)


def parity(index, base):
    """What our arithmetic makes of an exported index and its base (nb, d).

    error_pq and error_beta: mean squared error of plain and regressed reconstructions. encoding:
    the Regression of our own coding with its codebook. same_codes: share of the beta codes that
    are equal; higher: share of the others whose error is above that of the given code.
    """
    ids, parts = np.arange(len(base), dtype=np.int32), len(index.beta.beta_centroids)
    x = index.codec.rotate(base)
    codec, codes, links = index.codec, index.codes, index.graph.neighbors
    own, _ = regression.encode(base, codec, codes, links, index.beta.beta_centroids)
    theirs = squared_errors(x, index.reconstruct(ids), parts)
    ours = squared_errors(x, regression.reconstruct(ids, codec, codes, links, own), parts)
    differ = own.beta_codes != index.beta.beta_codes
    higher = ours[differ] > theirs[differ] * (1 + TOLERANCE)
    return {
        "error_pq": mean(squared_errors(x, codec.decode(codes))[:, 0]),
        "error_beta": mean(theirs.sum(1)),
        "error_own_codes": mean(ours.sum(1)),
        "same_codes": 1 - mean(differ.ravel()),
        "higher": mean(higher),
    }


def peak_rss_mb():
    """Peak resident memory of this process; ru_maxrss would begin at its parent's (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def main(kind, path, query, k, efSearch, k_reorder):
    """Load an index, search it at every point, print the peak."""
    if kind == "LinkCode":
        from linkprune import LinkCode  # here, as it loads the training too

        index = LinkCode.load(path)
    else:
        index = Index.load(path)
    query = formats.read(query)
    for r in map(int, k_reorder.split(",")):
        for ef in map(int, efSearch.split(",")):
            index.search(query, int(k), ef, r)
    print(peak_rss_mb())


if __name__ == "__main__":
    main(*sys.argv[1:])
