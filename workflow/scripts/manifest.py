"""The hash of every artifact that has to be the same bits everywhere."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import manifest

manifest.write(snakemake.output[0], snakemake.input.artifacts)
