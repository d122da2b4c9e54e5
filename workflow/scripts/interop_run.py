"""Write the searches of a row as runs of ann-benchmarks: queries alone, and as one batch."""

from linkprune import log

log.redirect(snakemake.log[0])

import logging
from pathlib import Path

import numpy as np

from linkprune import ann_benchmarks as theirs
from linkprune import store, vectors


def main(i, out, dataset, count, row, threads):
    data, (truth,) = vectors.load(i.vectors), store.load(i.truth, distances="nq k")
    name = theirs.distance_name(data.metric, store.attrs(i.vectors)["normalised"])
    algo, truth = "-".join((theirs.ALGORITHM, *row)), theirs.distances(truth, name)
    known = {"dataset": dataset, "distance": name, "algo": algo}
    known["build_time"] = theirs.build_seconds(i.costs)
    parts = [i.codec, i.codes, i.graph, i.beta]
    known["index_size"] = theirs.index_kilobytes([part for part in parts if part])
    for at in theirs.points(i.search, i.latency, i.timing, count):
        D = theirs.found_distances(at.ids, data.query, data.base, data.metric, name, threads)
        known["name"] = f"{algo} (efSearch {at.efSearch}, k_reorder {at.k_reorder})"
        logging.info("%s: recall %.4f", known["name"], theirs.recall(truth, D, count))
        batch = np.full(len(D), at.batch[-1])
        for folder, times, best, rounds in (
            (out.alone, at.alone, at.alone.mean(), 1),
            (out.batch, batch, at.batch.min(), len(at.batch)),
        ):
            attrs = theirs.run_attributes(
                at.ids, at.ndis, best, batch=folder == out.batch, run_count=rounds, **known
            )
            file = theirs.run_file([name, at.efSearch, at.k_reorder])
            theirs.write_run(Path(folder) / file, times, at.ids, D, attrs)


w = snakemake.wildcards
main(
    snakemake.input, snakemake.output, w.dataset, int(w.k),
    (w.graph, w.policy, w.codec, w.beta), snakemake.threads,
)  # fmt: skip
