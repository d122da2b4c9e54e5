# Validation, closed wildcards, and the functions that rules share.
import os
import sys

from snakemake.exceptions import WorkflowError

sys.path.insert(0, "lib")  # so that an uninstalled checkout can say what it lacks

from linkprune import config as checked
from linkprune import datasets, deps, keys, resume
from linkprune import log as logs
from linkprune.errors import LinkPruneError

sys.path.insert(0, "csrc")

import build_kernels

# Idle OpenMP threads that spin slow everything else on the machine; jobs inherit this.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

try:
    deps.check_built(build_kernels.FAMILIES, build_kernels.sources)
    # Snakemake lists the overlays of the command line before the file that they are laid over.
    *overlays, underneath = workflow.configfiles
    checked.check(config, [underneath, *overlays])
    if workflow.is_main_process:
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


def table_files(pattern):
    return [pattern.format(**point) for point in table_points("table2")]


def exhaustive_files(wildcards):
    wanted = config["experiments"]["table2"]["exhaustive"]
    return table_files(f"{ROW}/exhaustive.h5") if wanted else []


def table_betas(wildcards):
    return [path for path in table_files(f"{ROW}/beta.h5") if "/none/" not in path]


def agent_settings(wildcards):
    """The settings of the agent of a policy key, complete."""
    return checked.agent(config, keys.policy(wildcards.policy).agent)


def rival_queries(wildcards):
    """Only counting how links are used needs queries."""
    used = wildcards.policy.startswith("used")
    return [f"results/{wildcards.dataset}/train.h5"] if used else []


def experiment_datasets(name):
    return config["experiments"][name]["datasets"].get(config["scale"], [])


def compared_datasets(name):
    """The data sets of a pruning experiment that was asked for, which must be there."""
    known = config["experiments"].get(name, {"datasets": {}})["datasets"]
    if config["scale"] not in known:
        scales = ", ".join(known) or "none, as it is not in the config"
        raise WorkflowError(
            f"linkprune: experiments.{name}: nothing at scale {config['scale']}, its scales: {scales}"
        )
    return known[config["scale"]]


def pruning_points(name):
    """Of a pruning experiment: (graph, agent) -> {seed: policy}, and the rivals' (graph, policy)."""
    return checked.pruning_points(config, name)


def trained_points(name):
    """The (graph, policy) of every training of a pruning experiment."""
    learned, _ = pruning_points(name)
    return [(g, p) for (g, _), by_seed in learned.items() for p in by_seed.values()]


def pruned_files(name, dataset, artifact):
    """Graph and policy -> an artifact of it, for all that a pruning experiment compares."""
    points = [*trained_points(name), *pruning_points(name)[1]]
    return {f"{g}/{p}": f"results/{dataset}/{g}/{p}/{artifact}.h5" for g, p in points}


def training_files(name, artifact):
    """An artifact of every training of a pruning experiment."""
    return [
        f"results/{dataset}/{g}/{p}/{artifact}.h5"
        for dataset in compared_datasets(name)
        for g, p in trained_points(name)
    ]


def pruned_spaces(name, dataset, flat=False):
    """Graph and policy -> codec and codes that it is searched on; flat: all of them, as a list."""
    spaces = {}
    for point in pruned_files(name, dataset, "graph"):
        space = keys.graph(point.split("/")[0]).space
        files = [f"results/{dataset}/{space}/{part}.h5" for part in ("codec", "codes")]
        spaces[point] = [] if space == "float" else files
    return sorted({path for files in spaces.values() for path in files}) if flat else spaces


def tables():
    """The tables of the experiments that know the chosen scale."""
    return [f"results/{name}.csv" for name in config["experiments"] if experiment_datasets(name)]
