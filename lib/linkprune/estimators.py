"""The estimators of a vector that Link & Code compares, on one codec and one graph.

They are its own code q(x), the code of its nearest link q(n1), the average of both kinds of codes
under one weight vector for all (beta0), and the regression with 1, 2, 4, ... bytes of weights.
"""

import math
from typing import NamedTuple

import numpy as np

from linkprune import exhaustive, metrics, seeds, stats, store
from linkprune.chunks import chunks, mean
from linkprune.index import Index
from linkprune.kernels import distance

OWN, NEIGHBOUR = "own", "neighbour"
LEVELS = np.linspace(0, 1, 201)  # of the quantiles that a CDF is drawn from
RECALLS = (1, 10)
RESAMPLES = 10_000
COLUMNS = (
    "dataset codec graph policy estimator regression_bytes mse mse_lo mse_hi relative relative_lo "
    "relative_hi mse_change mse_change_lo mse_change_hi".split()
    + [f"R@{k}{part}" for k in RECALLS for part in ("", "_lo", "_hi")]
    + "R@1_change R@1_change_lo R@1_change_hi variance nb nq".split()
)
CDF = "dataset estimator share squared_error relative".split()


class Measured(NamedTuple):
    """What an estimator's squared errors over the base are: their mean and standard error, those of
    the paired difference from the own code's, and the quantiles at LEVELS, all float64."""

    mse: float
    error: float
    change: float
    change_error: float
    quantiles: np.ndarray


def indexes(codec, codes, graph, metric, regressions):
    """The estimators as indexes whose reconstructions they are: name -> ``index.Index``.

    codes (nb, nsq) uint8; regressions: beta key -> ``regression.Regression``. A vertex without
    links is its own neighbour, as in the regression.
    """
    first, ids = graph.neighbors[:, 0], np.arange(len(codes))
    coded = {OWN: codes, NEIGHBOUR: codes[np.where(first < 0, ids, first)]}
    made = {name: Index(codec, x, graph, None, metric) for name, x in coded.items()}
    return made | {name: Index(codec, codes, graph, r, metric) for name, r in regressions.items()}


def squared_errors(index, base, threads=1):
    """Squared distances of the rotated base (nb, d), any dtype, from its reconstructions: (nb,)."""
    out, ids = np.empty(len(base)), np.arange(len(base), dtype=np.int32)
    for part in chunks(len(base)):
        x = index.codec.rotate(base[part], threads)
        out[part] = distance.row_distances(x, index.reconstruct(ids[part], threads), threads)
    return out


def variance(codec, base, threads=1):
    """Mean squared distance of the rotated base (nb, d), any dtype, from its mean."""
    parts = list(chunks(len(base)))
    total = sum(codec.rotate(base[p], threads).sum(0, dtype=np.float64) for p in parts)
    centre = (total / len(base)).astype(np.float32)
    out = np.empty(len(base))
    for part in parts:
        x = codec.rotate(base[part], threads)
        out[part] = distance.row_distances(x, np.tile(centre, (len(x), 1)), threads)
    return mean(out)


def measure(found, base, threads=1):
    """The errors of estimators as ``indexes`` names them: name -> Measured."""
    own, out = None, {}
    for name, index in found.items():
        errors = squared_errors(index, base, threads)
        own = errors if own is None else own
        quantiles = np.quantile(errors, LEVELS)
        out[name] = Measured(*_mean(errors), *_mean(errors - own), quantiles)
    return out


def ranks(found, query, truth, k, threads=1):
    """Ranks of the true neighbours when all reconstructions are searched: (estimators, nq) int32.

    query (nq, d), truth (nq, kgt) int32; -1 where it is not among the first k.
    """
    searched = (exhaustive.search(index, query, k, threads)[1] for index in found.values())
    return np.stack([metrics.true_rank(I, truth) for I in searched])


def save(path, errors, rank, attrs):
    """Write what ``measure`` and ``ranks`` found as one artifact."""
    columns = dict(zip(Measured._fields, map(np.array, zip(*errors.values(), strict=True)),
                       strict=True))  # fmt: skip
    names = np.array(list(errors), "S")
    store.save(path, {"names": names, "levels": LEVELS, **columns, "rank": rank}, attrs)


def load(path):
    """Read it again: name -> (Measured, rank (nq,) int32)."""
    names, rank, quantiles, *columns = store.load(
        path, names="estimators", rank="estimators nq", quantiles="estimators levels",
        **dict.fromkeys(Measured._fields[:-1], "estimators"),
    )  # fmt: skip
    measured = map(Measured._make, zip(*columns, quantiles, strict=True))
    found = zip(names, measured, rank, strict=True)
    return {name.decode(): (of, ranks) for name, of, ranks in found}


def rows(path, place, seed, resamples=RESAMPLES):
    """One dict an estimator of an artifact, as COLUMNS; place: the columns that say which it is.

    Intervals of mean errors are those of the normal approximation, of R@k Wilson's; changes are
    from the own code, paired over vectors, and over queries by bootstrap.
    """
    found, attrs = load(path), store.attrs(path)
    names, n = list(found), attrs["variance"]
    rank = np.stack([r for _, r in found.values()])
    hits = (rank == 0).astype(np.float64)
    rng = seeds.generator(seed, "estimators", *place.values())
    (resampled,) = stats.bootstrap_means([hits], rng, resamples)
    for i, name in enumerate(names):
        m = found[name][0]
        row = {**place, "estimator": name, "variance": n, "nb": attrs["nb"], "nq": rank.shape[1]}
        half, half_change = (stats.Z95 * e for e in (m.error, m.change_error))
        row |= {"mse": m.mse, "mse_lo": m.mse - half, "mse_hi": m.mse + half}
        row |= {f"relative{end}": row[f"mse{end}"] / n for end in ("", "_lo", "_hi")}
        row |= {"mse_change": m.change, "mse_change_lo": m.change - half_change,
                "mse_change_hi": m.change + half_change}  # fmt: skip
        if name not in (OWN, NEIGHBOUR):
            row["regression_bytes"] = attrs[f"bytes_{name}"]
        for k in RECALLS:
            share = metrics.one_recall_at(rank[i], k)
            row[f"R@{k}_lo"], row[f"R@{k}_hi"] = stats.wilson(share, rank.shape[1])
            row[f"R@{k}"] = share
        lo, hi = stats.percentile95(resampled[:, i] - resampled[:, 0])
        row |= {"R@1_change": (hits[i] - hits[0]).mean(), "R@1_change_lo": lo,
                "R@1_change_hi": hi}  # fmt: skip
        yield row


def cdf(path, dataset):
    """The distribution of the squared errors of an artifact: one dict a point, as CDF."""
    n = store.attrs(path)["variance"]
    for name, (measured, _) in load(path).items():
        for level, value in zip(LEVELS, measured.quantiles, strict=True):
            yield {"dataset": dataset, "estimator": name, "share": level, "squared_error": value,
                   "relative": value / n}  # fmt: skip


def _mean(x):
    """Mean of (n,) float64 and its standard error, by exact sums."""
    centre = mean(x)
    spread = mean((x - centre) ** 2) * len(x) / max(len(x) - 1, 1)
    return centre, math.sqrt(spread / len(x))
