# What the rules of estimators, structure and cost read: functions of the config and of a job.


def estimator_artifacts():
    pattern = "results/{dataset}/{graph}/{policy}/{codec}/estimators.h5"
    if not experiment_datasets("estimators"):
        return []
    return list(dict.fromkeys(pattern.format(**p) for p in table_points("estimators")))


def estimator_betas(wildcards):
    """The regressions side by side, in the order of the config."""
    folder = "results/{dataset}/{graph}/{policy}/{codec}".format(**wildcards)
    return [f"{folder}/{beta}/beta.h5" for beta in config["experiments"]["estimators"]["betas"]]


def structure_graphs(wildcards):
    """Graph and policy -> graph.h5: those of Table 2, and learned ones with their initial graphs."""
    points = []
    if wildcards.dataset in experiment_datasets("table2"):
        points += [(p["graph"], p["policy"]) for p in table_points("table2")]
    if wildcards.dataset in experiment_datasets("pruning"):
        points += trained_points("pruning")
    points += [(graph, "unpruned") for graph, _ in points]
    return {f"{g}/{p}": f"results/{wildcards.dataset}/{g}/{p}/graph.h5" for g, p in points}


def structure_graph_files(wildcards):
    return list(structure_graphs(wildcards).values())


def structure_datasets():
    names = [*experiment_datasets("table2"), *experiment_datasets("pruning")]
    return list(dict.fromkeys(names))


def structure_tables(name):
    return [f"results/{dataset}/{name}.csv" for dataset in structure_datasets()]


def cost_folders():
    """Data set -> the folders of benchmarks/ and results/ in which its jobs leave what they cost."""
    folders = {}
    for name in config["experiments"]:
        compared = name in checked.PRUNING
        for dataset in experiment_datasets(name):
            found = folders.setdefault(dataset, {dataset: None})
            rows = [] if compared else [r for r in table_points(name) if r["dataset"] == dataset]
            parts = [part for row in rows for part in cost_parts(row)]
            parts += pruned_files(name, dataset, "graph") if compared else []
            found |= {f"{dataset}/{part}": None for part in parts}
    return {dataset: list(found) for dataset, found in folders.items()}


def cost_parts(row):
    """The folders of a row of table_points, below that of its data set."""
    graph, pruned = row["graph"], f"{row['graph']}/{row['policy']}"
    space, coded = keys.graph(graph).space, f"{pruned}/{row['codec']}"
    spaces = [] if space == "float" else [space]
    return [row["codec"], *spaces, f"{graph}/unpruned", pruned, coded, f"{coded}/{row['beta']}"]


def table2_csv():
    return [path for path in tables() if path == "results/table2.csv"]


def codecs_points(wildcards):
    """The points of the experiment, of which there must be some."""
    compared_datasets("codecs")
    return table_points("codecs")


def codecs_seeds():
    """The seeds of further builds of each codec at the chosen scale."""
    seeds = config["experiments"].get("codecs", {}).get("seeds", {}).get(config["scale"], [])
    return [seed for seed in seeds if seed != config["seed"]]


def codecs_builds():
    """What was found on the further builds of every codec."""
    pattern = "results/{dataset}/{graph}/{policy}/{codec}/build{seed}.h5"
    points = table_points("codecs") if experiment_datasets("codecs") else []
    found = [pattern.format(**point, seed=seed) for point in points for seed in codecs_seeds()]
    return list(dict.fromkeys(found))


def codecs_files(wildcards):
    """What is read of them: errors, and what the searches found."""
    paths = codecs_builds()
    for point in codecs_points(wildcards):
        paths.append("results/{dataset}/{codec}/codes.h5".format(**point))
        paths.append(f"{ROW}/exhaustive.h5".format(**point))
        if point["beta"] != "none":
            paths.append(f"{ROW}/beta.h5".format(**point))
    return list(dict.fromkeys(paths))
