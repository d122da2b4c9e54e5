# What the rules of pruning read: functions of an experiment's name, and of a job's wildcards.


def agent_settings(wildcards):
    """The settings of the agent of a policy key, complete."""
    return checked.agent(config, keys.policy(wildcards.policy).agent)


def rival_queries(wildcards):
    """Only counting how links are used needs queries."""
    used = wildcards.policy.startswith("used")
    return [f"results/{wildcards.dataset}/train.h5"] if used else []


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


def compared_points(wildcards):
    """Data set -> what is compared on it, as pruning_points gives it."""
    name = wildcards.experiment
    return {dataset: pruning_points(name) for dataset in compared_datasets(name)}


def learned_points(wildcards):
    """Data set -> (graph, agent) -> {seed: policy}."""
    return {dataset: learned for dataset, (learned, _) in compared_points(wildcards).items()}


def compared_graphs(wildcards):
    """Graph and policy -> graph.h5, on the data set of a job."""
    return pruned_files(wildcards.experiment, wildcards.dataset, "graph")


def compared_graph_files(wildcards):
    return list(compared_graphs(wildcards).values())


def compared_spaces(wildcards):
    """Graph and policy -> codec and codes that it is searched on, none on float vectors."""
    spaces = {}
    for point in compared_graphs(wildcards):
        space = keys.graph(point.split("/")[0]).space
        files = [f"results/{wildcards.dataset}/{space}/{part}.h5" for part in ("codec", "codes")]
        spaces[point] = [] if space == "float" else files
    return spaces


def compared_space_files(wildcards):
    return sorted({path for files in compared_spaces(wildcards).values() for path in files})


def compared_curves(wildcards):
    name = wildcards.experiment
    return [
        path
        for dataset in compared_datasets(name)
        for path in pruned_files(name, dataset, "curve").values()
    ]


def compared_times(wildcards):
    name = wildcards.experiment
    return [f"results/{dataset}/{name}_time.h5" for dataset in compared_datasets(name)]


def trainings(wildcards):
    return training_files(wildcards.experiment, "training")


def trainings_and_times(wildcards):
    return trainings(wildcards) + training_files(wildcards.experiment, "training_time")
