"""The yardstick of a graph: distances per query at equal recall, learned against the best rival."""

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from linkprune import stats
from linkprune.elementary import log
from linkprune.errors import ConfigError, ShapeError

RESAMPLES = 10_000
COLUMNS = (
    "measure target learned_distances best_rival rival_distances "
    "ratio ratio_lo ratio_hi seeds ratio_min ratio_max"
).split()


@dataclasses.dataclass(frozen=True)
class Curve:
    """One method on one data set, query by query, at ascending efSearch (points,).

    measure: the recall's name, R@1 or recall@10; hits (points, nq): bool, or the share found; ndis
    (points, nq): distances computed.
    """

    measure: str
    efSearch: np.ndarray
    hits: np.ndarray
    ndis: np.ndarray

    def __post_init__(self):
        """Refuse what is no curve."""
        ef, hits, ndis = (np.asarray(x) for x in (self.efSearch, self.hits, self.ndis))
        fits = hits.ndim == 2 and hits.size and hits.shape == ndis.shape
        if not fits or ef.shape != hits.shape[:1]:
            raise ShapeError(
                f"curve: expected efSearch (points,), hits and ndis (points, nq), got {ef.shape}, "
                f"{hits.shape} and {ndis.shape}"
            )
        if not (np.diff(ef) > 0).all():
            raise ShapeError(f"curve: efSearch must ascend, got {ef.tolist()}")
        if not ((hits >= 0) & (hits <= 1)).all():
            raise ShapeError("curve: hits must lie in 0 ... 1")
        if not ((ndis > 0) & np.isfinite(ndis)).all():
            raise ShapeError("curve: ndis must be finite and above 0")

    def distances_at(self, target):
        """Mean distances per query at a recall, as the function of that name."""
        recall, ndis = (np.mean(x, 1, dtype=np.float64) for x in (self.hits, self.ndis))
        return float(distances_at(recall, ndis, target))


class Ratio(NamedTuple):
    """Distances of a learned method over those of a rival: mean over seeds, its 95 % interval
    over queries, and the smallest and largest of the seeds."""

    mean: float
    lo: float
    hi: float
    least: float
    most: float


def distances_at(recall_points, ndis_points, target):
    """Distances at a recall, interpolated between neighbouring points of a curve.

    recall_points, ndis_points (points,) or (points, n), means at ascending efSearch -> a number or
    (n,). The recall is made monotone by its running maximum. Interpolation is linear in
    -log(1 - recall), and in the recall itself up to a point of recall 1. Where the first point is
    beyond the recall already, its distances, of which fewer might do; NaN where no point has it.
    """
    _check_target(target)
    recall, ndis = (np.asarray(x, np.float64) for x in (recall_points, ndis_points))
    if recall.shape != ndis.shape or recall.ndim == 0 or len(recall) == 0:
        raise ShapeError(f"curve: recall {recall.shape}, ndis {ndis.shape}, expected (points, ...)")
    if not ((recall >= 0) & (recall <= 1)).all() or np.isnan(ndis).any():
        raise ShapeError("curve: recall must lie in 0 ... 1 and ndis must not be NaN")
    recall = np.maximum.accumulate(recall, axis=0)
    enough = recall >= target
    above = enough.argmax(0)[None]
    r, d = ([np.take_along_axis(x, i, 0)[0] for i in (np.maximum(above - 1, 0), above)]
            for x in (recall, ndis))  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):  # where the other branch is taken
        share = (target - r[0]) / (r[1] - r[0])
        logs = [log(1 - x) for x in (r[0], target, r[1])]
        share = np.where(r[1] < 1, (logs[0] - logs[1]) / (logs[0] - logs[2]), share)
        found = np.where(r[1] == target, d[1], d[0] + share * (d[1] - d[0]))
    found = np.where(recall[0] > target, ndis[0], found)
    return np.where(enough.any(0), found, np.nan)[()]


def envelope(curves, target):
    """The curve with the fewest distances at a recall: its name and they; None, NaN if none has it.

    curves: dict name -> Curve; ties go to the first name.
    """
    at = {name: curve.distances_at(target) for name, curve in sorted(curves.items())}
    at = {name: distances for name, distances in at.items() if not math.isnan(distances)}
    best = min(at, key=at.get, default=None)
    return best, at.get(best, math.nan)


def ratio(learned, rival, target, rng, resamples=RESAMPLES):
    """Distances at a recall of learned curves, one for each seed, over those of a rival: a Ratio.

    The interval is a paired bootstrap over queries: every resample takes the same queries for all
    curves. It holds for these seeds; how much another seed changes is seen from their spread. See
    ``stats.percentile95`` for resamples in which a curve does not reach the recall.
    """
    *of_learned, of_rival = _resampled([*learned, rival], rng, resamples)
    return _ratio(learned, of_learned, rival, of_rival, target)


def summary(learned, rivals, targets, rng, resamples=RESAMPLES):
    """The learned method against the best rival at each recall: one dict a target, as COLUMNS.

    learned: dict seed -> Curve; rivals: dict name -> Curve. The best rival is chosen on the same
    queries, which favours it; the interval does not choose it anew in each resample.
    """
    if not learned or not rivals:
        raise ShapeError("curves: expected at least one learned curve and one rival")
    best = {target: envelope(rivals, target) for target in targets}
    names = sorted({name for name, _ in best.values() if name is not None})
    used = [*learned.values(), *(rivals[name] for name in names)]
    means = _resampled(used, rng, resamples)
    of_rival = dict(zip(names, means[len(learned) :], strict=True))
    rows = []
    for target, (name, distances) in best.items():
        row = [math.nan] * len(Ratio._fields)
        if name is not None:
            seeds = list(learned.values())
            row = _ratio(seeds, means[: len(seeds)], rivals[name], of_rival[name], target)
        mean, lo, hi, least, most = row
        own = float(np.mean([curve.distances_at(target) for curve in learned.values()]))
        values = (used[0].measure, target, own, name or "", distances, mean, lo, hi, len(learned),
                  least, most)  # fmt: skip
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def _ratio(learned, of_learned, rival, of_rival, target):
    ratios = [curve.distances_at(target) / rival.distances_at(target) for curve in learned]
    base = distances_at(*of_rival, target)
    resampled = np.mean([distances_at(*means, target) / base for means in of_learned], 0)
    return Ratio(
        float(np.mean(ratios)),
        *stats.percentile95(resampled),
        float(np.min(ratios)),
        float(np.max(ratios)),
    )


def _resampled(curves, rng, resamples):
    """Mean recall and ndis of each curve in each resample of the queries: (points, resamples)."""
    if len(curves) < 2 or len({(c.measure, np.shape(c.hits)[1]) for c in curves}) != 1:
        found = ", ".join(f"{c.measure} of {np.shape(c.hits)[1]} queries" for c in curves)
        raise ShapeError(f"curves: expected two or more of the same queries, got {found}")
    # One array a curve: equal curves must give equal bits, so no product may mix them.
    stacked = [np.concatenate([c.hits, c.ndis]) for c in curves]
    means = stats.bootstrap_means(stacked, rng, resamples)
    return [np.split(mean.T, 2) for mean in means]


def _check_target(target):
    if not 0 < target < 1:
        raise ConfigError(f"target recall: expected a number between 0 and 1, got {target!r}")
