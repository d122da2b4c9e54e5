"""Write a data set as ann-benchmarks has it."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import ann_benchmarks, store, vectors


def main(source, truth, out):
    data, (ids, D) = vectors.load(source), store.load(truth, ids="nq k", distances="nq k")
    name = ann_benchmarks.distance_name(data.metric, store.attrs(source)["normalised"])
    ann_benchmarks.write_dataset(out, data.base, data.query, ids, D, name)


i = snakemake.input
main(i.vectors, i.truth, snakemake.output[0])
