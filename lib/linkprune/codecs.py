"""Codecs of one level and of two at equal bytes: what an exhaustive search of each finds."""

import numpy as np

from linkprune import keys, metrics, seeds, stats, store

RECALLS = (1, 10)
RESAMPLES = 10_000
COLUMNS = (
    "dataset first codec beta graph policy code_bytes beta_bytes bytes M0 mse".split()
    + [f"R@{k}{part}" for k in RECALLS for part in ("", "_lo", "_hi")]
    + "nq one_level R@1_change R@1_change_lo R@1_change_hi".split()
)
ONE = "one level"


def rows(points, results, seed, resamples=RESAMPLES):
    """One dict a point, as COLUMNS, and the points in their order.

    points: dicts of dataset, graph, policy, codec, beta; results: the folder of the artifacts. The
    bytes are those of code and regression, without the links. A change is that of R@1 from the
    codec of one level with as many bytes and the same regression, where there is one, with its
    95 % interval by a paired bootstrap over queries.
    """
    measured = [_measured(point, results) for point in points]
    known = {(*_setting(row), row["code_bytes"]): (row, rank)
             for row, rank in measured if row["first"] == ONE}  # fmt: skip
    for row, rank in measured:
        rival = known.get((*_setting(row), row["code_bytes"]))
        if row["first"] != ONE and rival:
            other, ranks = rival
            rng = seeds.generator(seed, "codecs", row["dataset"], row["codec"], row["beta"])
            row |= {"one_level": other["codec"], **_change(rank, ranks, rng, resamples)}
        yield row


def _measured(point, results):
    """The columns of a point but for the change, and its ranks (nq,)."""
    folder, codec, beta = results / point["dataset"], keys.codec(point["codec"]), point["beta"]
    place = folder.joinpath(*(point[p] for p in ("graph", "policy", "codec", "beta")))
    (rank,) = store.load(place / "exhaustive.h5", rank="nq")
    refined = place / "beta.h5" if beta != "none" else folder / point["codec"] / "codes.h5"
    size = {"code_bytes": codec.bytes, "beta_bytes": keys.beta(beta).nsq or 0}
    first = ONE if codec.bits is None else f"PQ2x{codec.bits}"
    row = {**point, "first": first, **size, "bytes": sum(size.values()),
           "M0": keys.graph(point["graph"]).M0, "mse": store.attrs(refined)["error"],
           "nq": len(rank)}  # fmt: skip
    for k in RECALLS:
        share = metrics.one_recall_at(rank, k)
        row[f"R@{k}_lo"], row[f"R@{k}_hi"] = stats.wilson(share, len(rank))
        row[f"R@{k}"] = share
    return row, rank


def _setting(row):
    return tuple(row[name] for name in ("dataset", "beta", "M0", "policy"))


def _change(rank, before, rng, resamples):
    hits = np.stack([rank == 0, before == 0]).astype(np.float64)
    (means,) = stats.bootstrap_means([hits], rng, resamples)
    lo, hi = stats.percentile95(means[:, 0] - means[:, 1])
    change = float((hits[0] - hits[1]).mean())
    return {"R@1_change": change, "R@1_change_lo": lo, "R@1_change_hi": hi}
