"""How pruned graphs compare: every point of every graph, and distances and times at equal recall.

A time ratio is of medians over the repetitions; its least and most are those of the repetitions, in
each of which the graphs took turns.
"""

import numpy as np

from linkprune import curves, pruning, rows, seeds, stats, store

COLUMNS = (
    "dataset role graph policy mean_degree efSearch R@1 R@1_lo R@1_hi R@10 recall@10 ndis "
    "ms_per_query nq".split()
)
SUMMARY = [
    *"dataset graph policy".split(),
    *curves.COLUMNS,
    *"ms_ratio ms_ratio_min ms_ratio_max fastest_rival cpu_s episodes".split(),
    *pruning.LOST,  # the most of the seeds; nearest_unreachable: of the test queries
    "nearest_unreachable_train",  # of the training queries
]
MISSING = "–"  # noqa: RUF001
WHY_MISSING = (
    f"{MISSING}: not measured, since a curve does not reach the recall with the efSearch it has; "
    "where only the interval is missing, in 2.5 % or more of the resamples."
)
MEASURES = {"R@1": "hit", "R@10": "hit_at_10", "recall@10": "recall_at_10"}


class Results:
    """The curves and times of the graphs of one experiment on one data set.

    learned: (graph, agent) -> {seed: policy key}; rivals: list of (graph, policy key), unpruned
    ones included; folder: that of the data set; times: the artifact of ``graph_times``.
    """

    def __init__(self, folder, learned, rivals, times):
        self.folder, self.learned, self.rivals = folder, learned, rivals
        of_seeds = [(g, p) for (g, _), by_seed in learned.items() for p in by_seed.values()]
        self.points = [*of_seeds, *rivals]
        self.curves = {point: self._curves(*point) for point in self.points}
        ms, names = store.load(times, ms_per_query="graphs points repetitions", names="graphs")
        self.ms = {name.decode(): row for name, row in zip(names, ms, strict=True)}

    def _curves(self, graph, policy):
        path = self.folder / graph / policy / "curve.h5"
        shares = dict.fromkeys(MEASURES.values(), "points nq")
        ef, ndis, *shares = store.load(path, efSearch="points", ndis="points nq", **shares)
        found = zip(MEASURES, shares, strict=True)
        return {name: curves.Curve(name, ef, share, ndis) for name, share in found}

    def rows(self, dataset):
        """One dict a point, as COLUMNS."""
        for graph, policy in self.points:
            of = self.curves[graph, policy]
            degree = store.attrs(self.folder / graph / policy / "curve.h5")["mean_degree"]
            role = "rival" if (graph, policy) in self.rivals else "learned"
            ms = np.median(self.ms[f"{graph}/{policy}"], 1)
            for i, ef in enumerate(of["R@1"].efSearch):
                share, nq = of["R@1"].hits[i].mean(), of["R@1"].hits.shape[1]
                lo, hi = stats.wilson(share, nq)
                values = (
                    dataset,
                    role,
                    graph,
                    policy,
                    degree,
                    ef,
                    share,
                    lo,
                    hi,
                    of["R@10"].hits[i].mean(),
                    of["recall@10"].hits[i].mean(),
                    of["R@1"].ndis[i].mean(),
                    ms[i],
                    nq,
                )
                yield dict(zip(COLUMNS, values, strict=True))

    def summary(self, dataset, targets, seed, resamples=curves.RESAMPLES):
        """One dict for each learned graph, measure and target, as SUMMARY.

        targets: measure -> recalls. The best rival is the one with the fewest distances there.
        """
        for (graph, agent), by_seed in self.learned.items():
            mine = {s: self.curves[graph, policy] for s, policy in by_seed.items()}
            cost = [self._cost(graph, policy) for policy in by_seed.values()]
            lost = self._lost(graph, by_seed.values())
            for measure, at in targets.items():
                rng = seeds.generator(seed, "bootstrap", dataset, graph, agent, measure)
                rivals = {f"{g}/{p}": self.curves[g, p][measure] for g, p in self.rivals}
                own = {s: c[measure] for s, c in mine.items()}
                for row in curves.summary(own, rivals, at, rng, resamples):
                    seconds, episodes = np.mean(cost, 0)
                    yield {"dataset": dataset, "graph": graph, "policy": agent, **row,
                           **self._ms_ratio(graph, by_seed, measure, row),
                           "cpu_s": seconds, "episodes": episodes, **lost}  # fmt: skip

    def _lost(self, graph, policies):
        """What ``pruning.lost`` says of graphs, the most of each."""
        places = [self.folder / graph / policy for policy in policies]
        made = [store.attrs(place / "curve.h5") for place in places]
        most = {name: max(attrs[name] for attrs in made) for name in pruning.LOST}
        trained = [store.attrs(place / "training.h5")["nearest_unreachable"] for place in places]
        return {**most, "nearest_unreachable_train": max(trained)}

    def _ms_ratio(self, graph, by_seed, measure, row):
        """Time per query at the target over that of the fastest rival, mean over seeds: a dict of
        the median, least and most of the ratios of single repetitions, and its name.
        """
        names = ("ms_ratio", "ms_ratio_min", "ms_ratio_max")
        theirs = {point: self._ms_at(point, measure, row["target"]) for point in self.rivals}
        theirs = {point: ms for point, ms in theirs.items() if np.isfinite(ms).all()}
        if not theirs:
            return dict.fromkeys(names, np.nan) | {"fastest_rival": ""}
        fastest = min(theirs, key=lambda point: theirs[point][0])
        ours = [self._ms_at((graph, p), measure, row["target"]) for p in by_seed.values()]
        _, *turns = np.mean(ours, 0) / theirs[fastest]
        found = map(float, (np.median(turns), min(turns), max(turns)))
        return dict(zip(names, found, strict=True)) | {"fastest_rival": "/".join(fastest)}

    def _ms_at(self, point, measure, target):
        """Milliseconds at a recall: of the median repetition, and of each (1 + repetitions,)."""
        hits, ms = self.curves[point][measure].hits.mean(1), self.ms["/".join(point)]
        ms = np.column_stack([np.median(ms, 1), ms])
        return curves.distances_at(np.repeat(hits[:, None], ms.shape[1], 1), ms, target)

    def _cost(self, graph, policy):
        """CPU seconds and episodes of a training, what comes before its first step included."""
        place = self.folder / graph / policy
        (seconds,) = store.load(place / "training_time.h5", seconds="steps")
        (episodes,) = store.load(place / "training.h5", episodes="steps")
        return store.attrs(place / "training_time.h5")["before"] + seconds.sum(), episodes[-1]


def write_csv(path, found, columns):
    """Write rows of numbers and names as CSV, all or nothing; what is not a number stays empty."""
    texts = ({name: _text(name, row[name]) for name in columns} for row in found)
    rows.write(path, texts, columns)


def write_markdown(path, summary, seconds_apart):
    """Write the summary for reading, one table a data set, all or nothing."""
    with store.replacing(path) as part, open(part, "w") as f:
        f.write("\n".join(_markdown(summary, seconds_apart)) + "\n")


def _text(name, value):
    if isinstance(value, str | int | np.integer):
        return str(value)
    if np.isnan(value):
        return ""
    digits = {"ndis": 2, "learned_distances": 2, "rival_distances": 2, "mean_degree": 2,
              "ms_per_query": 5, "cpu_s": 1, "episodes": 0, "target": 2}  # fmt: skip
    return f"{value:.{digits.get(name, 4)}f}"


def _markdown(summary, seconds_apart):
    yield from (
        "# Pruned graphs: distances per query at equal recall",
        "",
        "R@1 is the share of queries whose true nearest neighbour is the first result, recall@10 "
        "the share of the true ten among the first ten, R@10 the share of queries whose true "
        "nearest neighbour is among the first ten. `ratio` is the distances of the learned "
        "graph over those of the best rival at that recall, on test queries: mean over seeds, 95 % "
        "paired bootstrap interval over queries, smallest and largest seed. The best rival is "
        "chosen on the same test queries. `time` is the ratio of milliseconds per query at that "
        "recall, over the rival that is the fastest there: of medians, and the least and most of "
        "the repetitions. `CPU s` are those of one training, without the neighbours of the "
        "training queries.",
    )  # fmt: skip
    for dataset in dict.fromkeys(row["dataset"] for row in summary):
        yield from ("", f"## {dataset}", "")
        head = ("policy", "graph", "measure", "at", "distances", "best rival", "its distances",
                "ratio", "interval", "seeds", "time", "fastest rival", "CPU s",
                "verdict")  # fmt: skip
        yield "| " + " | ".join(head) + " |"
        yield "|" + "---|" * len(head)
        own = [row for row in summary if row["dataset"] == dataset]
        lines = ["| " + " | ".join(_cells(row)) + " |" for row in own]
        yield from lines
        if any(MISSING in line for line in lines):
            yield from ("", WHY_MISSING)
        yield from ("", *_lost(own))
    if seconds_apart:
        yield from ("", f"Times: {seconds_apart}.")


def _cells(row):
    text = {name: _text(name, row[name]) or MISSING for name in SUMMARY}
    yield from (row["policy"], row["graph"], row["measure"], text["target"])
    yield from (text["learned_distances"], text["best_rival"], text["rival_distances"])
    yield text["ratio"]
    yield _bounds(row, "ratio_lo", "ratio_hi", "[{}, {}]")
    yield f"{row['seeds']}: " + _bounds(row, "ratio_min", "ratio_max", "{} to {}")
    time = _bounds(row, "ms_ratio_min", "ms_ratio_max", "({} to {})")
    yield MISSING if time == MISSING else f"{text['ms_ratio']} {time}"
    yield from (text["fastest_rival"], text["cpu_s"], verdict(row))


def _lost(of_dataset):
    """A line for each learned graph with vertices that a search cannot reach, or one for all."""
    of = {(row["policy"], row["graph"]): row for row in of_dataset if row["unreachable"]}
    if not of:
        yield "Every vertex of the learned graphs can be reached."
    for (policy, graph), row in of.items():
        yield (
            f"Vertices of {policy} on {graph} that cannot be reached (of seeds, the most): "
            f"{row['unreachable']}, of which {row['isolated']} without links; true nearest "
            f"neighbours of {row['nearest_unreachable']} test queries and of "
            f"{row['nearest_unreachable_train']} training queries."
        )


def _bounds(row, lo, hi, form):
    """Two numbers as text, unless one of them is missing."""
    texts = [_text(name, row[name]) for name in (lo, hi)]
    return form.format(*texts) if all(texts) else MISSING


def verdict(row):
    """fewer, more, or no difference: whether the interval of the ratio lies below or above 1."""
    if not row["ratio_hi"] >= row["ratio_lo"]:
        return "not measured"
    return "fewer" if row["ratio_hi"] < 1 else "more" if row["ratio_lo"] > 1 else "no difference"
