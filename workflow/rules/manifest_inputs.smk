# Which artifacts have to be the same bits everywhere.


def row_artifacts(point, *found):
    """What a row of a table is made of, and by name what was found on it, its times left out."""
    made = [f"{ROW}/{name}.h5" for name in found]
    if point["beta"] != "none":
        made += [f"{ROW}/codebook.h5", f"{ROW}/beta.h5"]
    made += ["results/{dataset}/{codec}/codec.h5", "results/{dataset}/{codec}/codes.h5"]
    return [
        *(pattern.format(**point) for pattern in made),
        *graph_artifacts(point["dataset"], point["graph"], point["policy"]),
    ]


def graph_artifacts(dataset, graph, policy):
    """The graph of a policy, what it is pruned from and what it is learned from."""
    space, known = keys.graph(graph).space, keys.policy(policy)
    made = [f"{graph}/unpruned/graph.h5", f"{graph}/{policy}/graph.h5"]
    if space != "float":
        made += [f"{space}/codec.h5", f"{space}/codes.h5"]
    if isinstance(known, keys.Learned):
        made.append(f"{graph}/{policy}/training.h5")
    if isinstance(known, keys.Learned | keys.Used):
        made.append("train.h5")
    return [f"results/{dataset}/{file}" for file in ["vectors.h5", "groundtruth.h5", *made]]


def accuracy_artifacts():
    """Every artifact of the experiments at the chosen scale that is no measured time."""
    searched = ["search"]
    if config["experiments"]["table2"]["exhaustive"]:
        searched.append("exhaustive")
    of_rows = {
        **{name: searched for name in checked.TABLES},
        "codecs": ["exhaustive"],
        "estimators": [],
    }
    found = [*estimator_artifacts(), *seed_artifacts(), *codecs_builds()]
    for name, files in of_rows.items():
        for point in table_points(name) if experiment_datasets(name) else []:
            found += row_artifacts(point, *files)
    for name in checked.PRUNING:
        for dataset in experiment_datasets(name):
            for path in pruned_files(name, dataset, "curve").values():
                graph, policy = path.split("/")[2:4]
                found += [path, *graph_artifacts(dataset, graph, policy)]
    return sorted(set(found))
