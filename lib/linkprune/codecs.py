"""Codecs of one level and of two at equal bytes: what an exhaustive search of each finds."""

import math

import numpy as np

from linkprune import keys, metrics, seeds, stats, store

RECALLS = (1, 10)
RESAMPLES = 10_000
COLUMNS = (
    "dataset first codec beta graph policy code_bytes beta_bytes bytes M0 mse".split()
    + [f"R@{k}{part}" for k in RECALLS for part in ("", "_lo", "_hi")]
    + "builds R@1_least R@1_most nq one_level R@1_change R@1_change_lo R@1_change_hi".split()
)
ONE = "one level"


def rows(points, results, seed, more=(), resamples=RESAMPLES):
    """One dict a point, as COLUMNS, and the points in their order.

    points: dicts of dataset, graph, policy, codec, beta; results: the folder of the artifacts;
    more: seeds of further builds of each, beside that of the workflow. Errors and recalls are means
    over the builds. The bytes are those of code and regression, without the links. A change is that
    of R@1 from the codec of one level with as many bytes and the same regression, where there is
    one, with its 95 % interval by a paired bootstrap over queries, and over the builds of both,
    whose deviations are widened by sqrt(n / (n - 1)): a resample of n has (n - 1) / n of their
    variance.
    """
    measured = [_measured(point, results, more) for point in points]
    known = {(*_setting(row), row["code_bytes"]): (row, rank)
             for row, rank in measured if row["first"] == ONE}  # fmt: skip
    for row, rank in measured:
        rival = known.get((*_setting(row), row["code_bytes"]))
        if row["first"] != ONE and rival:
            other, ranks = rival
            rng = seeds.generator(seed, "codecs", row["dataset"], row["codec"], row["beta"])
            row |= {"one_level": other["codec"], **_change(rank, ranks, rng, resamples)}
        yield row


def _measured(point, results, more):
    """The columns of a point but for the change, and the ranks of its builds (builds, nq)."""
    folder, codec, beta = results / point["dataset"], keys.codec(point["codec"]), point["beta"]
    place = folder.joinpath(*(point[p] for p in ("graph", "policy", "codec", "beta")))
    (first_rank,) = store.load(place / "exhaustive.h5", rank="nq")
    refined = place / "beta.h5" if beta != "none" else folder / point["codec"] / "codes.h5"
    size = {"code_bytes": codec.bytes, "beta_bytes": keys.beta(beta).nsq or 0}
    first = ONE if codec.bits is None else f"PQ2x{codec.bits}"
    row = {**point, "first": first, **size, "bytes": sum(size.values()),
           "M0": keys.graph(point["graph"]).M0}  # fmt: skip
    errors, ranks = [store.attrs(refined)["error"]], [first_rank]
    for seed in more:
        path = place.parent / f"build{seed}.h5"
        ranks += store.load(path, **{f"rank_{beta}": "nq"})
        errors.append(store.attrs(path)[f"error_{beta}"])
    ranks = np.stack(ranks)
    row |= {"mse": float(np.mean(errors)), "builds": len(ranks), "nq": ranks.shape[1]}
    for k in RECALLS:
        shares = [metrics.one_recall_at(rank, k) for rank in ranks]
        row[f"R@{k}"] = share = float(np.mean(shares))
        row[f"R@{k}_lo"], row[f"R@{k}_hi"] = stats.wilson(share, ranks.shape[1])
        if k == 1:
            row["R@1_least"], row["R@1_most"] = min(shares), max(shares)
    return row, ranks


def _setting(row):
    return tuple(row[name] for name in ("dataset", "beta", "M0", "policy"))


def _change(ranks, before, rng, resamples):
    hits = [(x == 0).astype(np.float64) for x in (ranks, before)]
    means = stats.bootstrap_means(hits, rng, resamples)
    after, was = (_of_drawn_builds(x, rng) for x in means)
    lo, hi = stats.percentile95(after - was)
    change = float((hits[0].mean(0) - hits[1].mean(0)).mean())
    return {"R@1_change": change, "R@1_change_lo": lo, "R@1_change_hi": hi}


def _of_drawn_builds(means, rng):
    """Means (resamples, builds) over as many builds, drawn anew in each resample: (resamples,)."""
    n, whole = means.shape[1], means.mean(1)
    drawn = np.take_along_axis(means, rng.integers(0, n, means.shape), 1).mean(1)
    return whole + math.sqrt(n / max(n - 1, 1)) * (drawn - whole)
