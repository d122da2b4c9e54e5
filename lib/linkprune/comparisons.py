"""Two methods on the same queries: paired differences of R@1 and what they are worth."""

import collections
import itertools

import numpy as np

from linkprune import keys, seeds, stats, store
from linkprune.elementary import log
from linkprune.errors import ShapeError

RESAMPLES = 10_000
COLUMNS = (
    "dataset kind a b mode efSearch k_reorder R@1_a R@1_b difference lo hi p mse_a mse_b "
    "ndis_a ndis_b nq"
).split()
PLACE = ("graph", "policy", "codec", "beta")


def paired(a_hit, b_hit, rng, resamples=RESAMPLES):
    """How much more often a hits than b: the difference, its 95 % interval, McNemar's mid-p.

    a_hit, b_hit (nq,) bool, of the same queries. A query counts as one more, the same or one less,
    so that resampling the queries is drawing from a multinomial of three.
    """
    p = stats.mcnemar(a_hit, b_hit)  # refuses what is not paired
    if not len(a_hit):
        raise ShapeError("comparison: expected at least one query, got none")
    counts = np.array([(a_hit & ~b_hit).sum(), (b_hit & ~a_hit).sum(), (a_hit == b_hit).sum()])
    return *_mean_and_interval(counts, np.array([1, -1, 0]), rng, resamples), p


def _mean_and_interval(counts, values, rng, resamples=RESAMPLES):
    """Mean of values (n,) seen counts (n,) times each, and its bootstrap interval."""
    nq = counts.sum()
    drawn = rng.multinomial(nq, counts / nq, resamples)
    return (counts @ values / nq, *stats.percentile95(drawn @ values / nq))


def rows(table, results, seed):
    """The comparisons of the rows of Table 2, one dict each, as COLUMNS.

    table: the rows of table2.csv, text; results: the folder of the artifacts. Kinds, a first:
    ``reranked``, against the codes alone; ``built_on``, codes against float vectors; ``pruned``,
    learned against unpruned links at equal bytes; ``error``, any two rows at equal bytes, the
    smaller error against the larger; ``at_distances``, as ``pruned``, but at equal distances: the
    second between two of its efSearch, see ``_at_distances``.
    """
    hits = _Hits(results)
    for dataset, own in itertools.groupby(table, lambda row: row["dataset"]):
        own = list(own)
        for kind, a, b in _pairs(own):
            names = [_name(row) for row in (a, b)]
            at = [a[c] for c in ("mode", "efSearch", "k_reorder")]
            rng = seeds.generator(seed, "comparison", dataset, kind, *names, *at)
            found = dict(zip(("difference", "lo", "hi", "p"),
                             paired(hits(a), hits(b), rng), strict=True))  # fmt: skip
            values = (dataset, kind, *names, *at, a["R@1"], b["R@1"])
            row = dict(zip(COLUMNS, values, strict=False)) | found
            row |= {f"{c}_{s}": x[c] for c in ("mse", "ndis") for s, x in (("a", a), ("b", b))}
            yield {**row, "nq": a["nq"]}
        for a, b in _learned_curves(own):
            yield from _at_distances(hits, a, b, seed)


def _at_distances(hits, a, b, seed):
    """The points of a against b at their distances, where b has fewer and more: rows as COLUMNS.

    a, b: rows of one method each. Between two points of b each of its queries counts by the share
    of the way, linear in the logarithm of the distances; p is not known of shares.
    """
    ndis = np.array([float(row["ndis"]) for row in b])
    for row in a:
        of = float(row["ndis"])
        at = int(np.searchsorted(ndis, of))
        if not 0 < at < len(b) or not of > 0 < ndis[at - 1]:
            continue
        share = log(of / ndis[at - 1]) / log(ndis[at] / ndis[at - 1])
        before, after = (hits(b[i]).astype(np.float64) for i in (at - 1, at))
        between = before + share * (after - before)
        values, counts = np.unique(hits(row) - between, return_counts=True)
        names = [_name(x) for x in (row, b[at])]
        point = [row[c] for c in ("mode", "efSearch", "k_reorder")]
        rng = seeds.generator(seed, "comparison", row["dataset"], "at_distances", *names, *point)
        found = (row["dataset"], "at_distances", *names, *point, row["R@1"],
                 f"{between.mean():.4f}", *_mean_and_interval(counts, values, rng), "",
                 row["mse"], b[at]["mse"], row["ndis"], row["ndis"], row["nq"])  # fmt: skip
        yield dict(zip(COLUMNS, found, strict=True))


class _Hits:
    """Whether the true neighbour is the first result, for the rows of the table."""

    def __init__(self, results):
        self.results, self.loaded = results, {}

    def __call__(self, row):
        """(nq,) bool."""
        place = self.results.joinpath(row["dataset"], *(row[p] for p in PLACE))
        if row["mode"] == "exhaustive":
            (rank,) = store.load(place / "exhaustive.h5", rank="nq")
            return rank == 0
        if place not in self.loaded:
            self.loaded[place] = store.load(
                place / "search.h5", efSearch="points", k_reorder="points", rank="points nq"
            )
        ef, r, rank = self.loaded[place]
        (at,) = np.flatnonzero((ef == int(row["efSearch"])) & (r == int(row["k_reorder"])))
        return rank[at] == 0


def _name(row):
    return "/".join(row[p] for p in PLACE)


def _pairs(own):
    """What of the rows of one data set is compared: kind, row, row."""
    points = collections.defaultdict(dict)  # (mode, efSearch) -> name -> k_reorder -> row
    for row in own:
        reordered = int(row["k_reorder"] or 0)
        points[row["mode"], row["efSearch"]].setdefault(_name(row), {})[reordered] = row
    for by_name in points.values():
        for by_reorder in by_name.values():
            if len(by_reorder) > 1:
                yield "reranked", by_reorder[max(by_reorder)], by_reorder[min(by_reorder)]
        best = [by_reorder[max(by_reorder)] for by_reorder in by_name.values()]
        for a, b in itertools.permutations(best, 2):
            if a["bytes_per_vector"] == b["bytes_per_vector"]:
                yield from ((kind, a, b) for kind, of in KINDS.items() if of(a, b))


def _learned_curves(own):
    """Of pairs that ``pruned`` compares, all points of both at ascending distances, re-ranked."""
    curves = {}
    for row in own:
        if row["mode"] == "graph":
            points = curves.setdefault(_name(row), {})
            known = points.get(row["efSearch"])
            if known is None or int(row["k_reorder"]) > int(known["k_reorder"]):
                points[row["efSearch"]] = row
    curves = [sorted(points.values(), key=lambda row: float(row["ndis"]))
              for points in curves.values()]  # fmt: skip
    for a, b in itertools.permutations(curves, 2):
        if a[0]["bytes_per_vector"] == b[0]["bytes_per_vector"] and _pruned(a[0], b[0]):
            yield a, b


def _differ(a, b):
    return {p for p in PLACE if a[p] != b[p]}


def _built_on(a, b):
    """The same graph, on the codes and on float vectors."""
    if _differ(a, b) != {"graph"}:
        return False
    space = keys.graph(b["graph"]).space
    return space == "float" and a["graph"] == b["graph"].removesuffix(space) + a["codec"]


def _pruned(a, b):
    learned = isinstance(keys.policy(a["policy"]), keys.Learned)
    return learned and b["policy"] == "unpruned" and _differ(a, b) <= {"graph", "policy"}


def _error(a, b):
    return float(a["mse"]) < float(b["mse"])


KINDS = {"built_on": _built_on, "pruned": _pruned, "error": _error}
