# Validation, closed wildcards, and the functions that rules share.
import os
import sys

sys.path.insert(0, "lib")  # so that an uninstalled checkout can say what it lacks

from linkprune import config as checked
from linkprune import datasets, deps, keys, resume
from linkprune import log as logs
from linkprune.errors import LinkPruneError

sys.path.insert(0, "csrc")

import build_kernels

# Idle OpenMP threads that spin slow everything else on the machine; those that spin for a moment
# need not be woken for the next call of a millisecond. Jobs inherit this.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

try:
    deps.check_built(build_kernels.FAMILIES, build_kernels.sources)
    # Snakemake lists the overlays of the command line before the file that they are laid over.
    *overlays, underneath = workflow.configfiles
    checked.check(config, [underneath, *overlays])
    if workflow.is_main_process:
        resume.check_writable(("results", "logs", "benchmarks"))
        alive = resume.unlock_stale(".")
except LinkPruneError as e:
    sys.exit(f"linkprune: {e}")


wildcard_constraints:
    dataset=keys.DATASET,
    codec=keys.CODEC,
    graph=keys.GRAPH,
    policy=keys.POLICY,
    beta=keys.BETA,
    experiment="|".join(checked.PRUNING),
    table="|".join(checked.TABLES),


ROW = "results/{dataset}/{graph}/{policy}/{codec}/{beta}"


def code(name):
    """What a script imports from linkprune: Snakemake reruns on inputs, not on imports."""
    return deps.closure(f"workflow/scripts/{name}.py")


def dataset_entry(wildcards):
    return config["datasets"][wildcards.dataset]


def dataset_files(wildcards):
    return datasets.files(wildcards.dataset, dataset_entry(wildcards))


def download_entry(wildcards):
    """The part of a data set that is downloaded to this file, as keywords of download.fetch."""
    return datasets.download(wildcards.dataset, dataset_entry(wildcards), wildcards.file)


def given_file(wildcards):
    """The file of a graph that the data set brings along."""
    return dataset_entry(wildcards)["graphs"][keys.graph(wildcards.graph).name]


def space_files(wildcards):
    """The codec and codes that a graph is built on; none for one on float vectors."""
    space = keys.graph(wildcards.graph).space
    if space == "float":
        return []
    return [f"results/{wildcards.dataset}/{space}/{name}.h5" for name in ("codec", "codes")]


def regression_file(wildcards):
    return [] if wildcards.beta == "none" else f"{ROW}/beta.h5".format(**wildcards)


def reorder_grid(wildcards):
    """Without a regression there is nothing to re-rank by."""
    grid = config["experiments"]["table2"]["k_reorder"]
    return [0] if wildcards.beta == "none" else grid


def table_points(name):
    """Where the rows of an experiment lie, one dict a row, data sets in the order of the config."""
    experiment = config["experiments"][name]
    return [
        dict(
            dataset=dataset,
            graph=checked.graph_key(row),
            policy=row["policy"],
            codec=row["codec"],
            beta=row["beta"],
        )
        for dataset in experiment_datasets(name)
        for row in checked.rows(config, name)
    ]


def table_rows(wildcards):
    """The rows of a table that was asked for, of which there must be some."""
    compared_datasets(wildcards.table)
    return table_points(wildcards.table)


def of_rows(pattern):
    """An input function: this file of every row of a table."""

    def files(wildcards):
        return [pattern.format(**point) for point in table_rows(wildcards)]

    return files


def exhaustive_files(wildcards):
    wanted = config["experiments"]["table2"]["exhaustive"]
    return of_rows(f"{ROW}/exhaustive.h5")(wildcards) if wanted else []


def table_betas(wildcards):
    return [path for path in of_rows(f"{ROW}/beta.h5")(wildcards) if "/none/" not in path]


def experiment_datasets(name):
    """Those of an experiment at the chosen scale, none where it is not in the config."""
    known = config["experiments"].get(name, {"datasets": {}})["datasets"]
    return known.get(config["scale"], [])


def compared_datasets(name):
    """The data sets of an experiment that was asked for, which must be there."""
    known = config["experiments"].get(name, {"datasets": {}})["datasets"]
    if config["scale"] not in known:
        scales = ", ".join(known) or "none, as it is not in the config"
        # Not an exception: Snakemake would show where it came from.
        sys.exit(
            f"linkprune: experiments.{name}: nothing at scale {config['scale']}, its scales: {scales}"
        )
    return known[config["scale"]]


def tables():
    """The tables of the experiments that know the chosen scale."""
    named = (*checked.TABLES, *checked.PRUNING, checked.SEEDS)
    return [f"results/{name}.csv" for name in named if experiment_datasets(name)]


def seed_files(wildcards):
    """The builds of every row of the experiment seeds, of which there must be some."""
    compared_datasets(checked.SEEDS)
    return seed_artifacts()


def seed_points():
    return table_points(checked.SEEDS) if experiment_datasets(checked.SEEDS) else []


def seed_artifacts():
    seeds = config["experiments"].get(checked.SEEDS, {}).get("seeds", [])
    return [f"{ROW}/seed{seed}.h5".format(**point) for point in seed_points() for seed in seeds]


# Figure -> the experiment that knows at which scales there is one.
FIGURES = {
    "table2": "table2",
    "figure5": "figure5",
    "pruning": "pruning",
    "ablation": "ablation",
    "toy": "pruning",
    "estimators": "estimators",
    "codecs": "codecs",
    "structure": "table2",
    "cost": "table2",
}


def figures():
    """The figures of the experiments that know the chosen scale."""
    return [
        f"results/figures/{figure}.svg"
        for figure, experiment in FIGURES.items()
        if experiment_datasets(experiment)
    ]
