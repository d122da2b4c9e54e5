"""Measure every stage of ours and of the references, a process each: bench/compare.py."""

from linkprune import log

log.redirect(snakemake.log[0])

import subprocess
import sys

from linkprune import store
from linkprune.errors import ConfigError, DataError


def main(vectors, truth, out, dataset, codec, settings):
    metric = store.attrs(vectors)["metric"]
    if metric != "l2":
        raise ConfigError(f"bench: {dataset} has metric {metric}, the references are for l2")
    words = {"name": dataset, "codec": codec, "gt": f"{truth}:ids", "out": out}
    words |= {part: f"{vectors}:{part}" for part in ("base", "learn", "query")}
    words |= {name: settings[name] for name in ("repetitions", "minutes")}
    words["threads"] = ",".join(map(str, settings["threads"]))
    command = [word for name, value in words.items() for word in (f"--{name}", str(value))]
    done = subprocess.run([sys.executable, "bench/compare.py", *command], check=False)
    if done.returncode:
        raise DataError(f"bench/compare.py ended with status {done.returncode}: see this log")


i, p = snakemake.input, snakemake.params
main(i.vectors, i.truth, snakemake.output[0], snakemake.wildcards.dataset, p.codec, p.settings)
