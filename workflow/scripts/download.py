"""Bring a file of a data set here, resuming what an earlier try left."""

from linkprune import log

log.redirect(snakemake.log[0])

from linkprune import download

download.fetch(path=snakemake.output[0], **snakemake.params.source)
