"""How well each estimator tells the base, and what a search of all its reconstructions finds."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import estimators, keys, store, vectors
from linkprune.codec import Codec
from linkprune.graph import Graph
from linkprune.regression import Regression


def main(i, out, betas, threads):
    data, (gt,) = vectors.load(i.vectors), store.load(i.truth, ids="nq kgt")
    (codes,), codec = store.load(i.codes, codes="nb nsq"), Codec.load(i.codec)
    regressions = {b: Regression.load(path) for b, path in zip(betas, i.betas, strict=True)}
    found = estimators.indexes(codec, codes, Graph.load(i.graph), data.metric, regressions)
    errors = estimators.measure(found, data.base, threads)
    k = min(max(estimators.RECALLS), len(data.base))
    rank = estimators.ranks(found, data.query, gt, k, threads)
    attrs = {f"bytes_{b}": keys.beta(b).nsq for b in betas}
    attrs |= {"variance": estimators.variance(codec, data.base, threads), "nb": len(data.base)}
    estimators.save(out, errors, rank, attrs)


main(snakemake.input, snakemake.output[0], snakemake.params.betas, snakemake.threads)
