# Pruning: {policy}/graph.h5 from unpruned/graph.h5, learned or by a simple rule; how the graphs compare.


rule training_queries:
    input:
        code("training_queries"),
        vectors="results/{dataset}/vectors.h5",
    output:
        "results/{dataset}/train.h5",
    log:
        "logs/{dataset}/training_queries.log",
    benchmark:
        "benchmarks/{dataset}/training_queries.tsv"
    conda:
        "../../environment.yml"
    threads: 16
    params:
        settings=config["pruning"]["queries"],
        seed=config["seed"],
    message:
        "{output}: queries to train and validate on, with their neighbours"
    script:
        "../scripts/training_queries.py"


rule prune:
    input:
        code("prune"),
        vectors="results/{dataset}/vectors.h5",
        queries="results/{dataset}/train.h5",
        space=space_files,
        graph="results/{dataset}/{graph}/unpruned/graph.h5",
    output:
        graph="results/{dataset}/{graph}/{policy}/graph.h5",
        training="results/{dataset}/{graph}/{policy}/training.h5",
        time="results/{dataset}/{graph}/{policy}/training_time.h5",
    log:
        "logs/{dataset}/{graph}/{policy}/prune.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/{policy}/prune.tsv"
    wildcard_constraints:
        policy=keys.LEARNED,
    conda:
        "../../environment.yml"
    threads: 16
    params:
        settings=agent_settings,
        validation=config["pruning"]["validation"],
    message:
        "{output.graph}: learns which links to keep"
    script:
        "../scripts/prune.py"


rule rival:
    input:
        code("rival"),
        vectors="results/{dataset}/vectors.h5",
        queries=rival_queries,
        space=space_files,
        graph="results/{dataset}/{graph}/unpruned/graph.h5",
    output:
        "results/{dataset}/{graph}/{policy}/graph.h5",
    log:
        "logs/{dataset}/{graph}/{policy}/rival.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/{policy}/rival.tsv"
    wildcard_constraints:
        policy=keys.RIVAL,
    conda:
        "../../environment.yml"
    threads: 8
    message:
        "{output}: prunes without learning, to compare with"
    script:
        "../scripts/rival.py"


rule curve:
    input:
        code("curve"),
        vectors="results/{dataset}/vectors.h5",
        truth="results/{dataset}/groundtruth.h5",
        space=space_files,
        graph="results/{dataset}/{graph}/{policy}/graph.h5",
    output:
        "results/{dataset}/{graph}/{policy}/curve.h5",
    log:
        "logs/{dataset}/{graph}/{policy}/curve.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/{policy}/curve.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    params:
        efSearch=config["pruning"]["efSearch"],
    message:
        "{output}: recall against distances per query"
    script:
        "../scripts/curve.py"


rule pruning_time:
    input:
        code("pruning_time"),
        vectors="results/{dataset}/vectors.h5",
        graphs=compared_graph_files,
        spaces=compared_space_files,
    output:
        "results/{dataset}/{experiment}_time.h5",
    log:
        "logs/{dataset}/{experiment}_time.log",
    benchmark:
        "benchmarks/{dataset}/{experiment}_time.tsv"
    conda:
        "../../environment.yml"
    threads: workflow.cores
    params:
        graphs=compared_graphs,
        spaces=compared_spaces,
        efSearch=config["pruning"]["efSearch"],
        timing=config["timing"],
    message:
        "{output}: time per query of learned graphs and rivals, in turns"
    script:
        "../scripts/pruning_time.py"


rule pruning_table:
    input:
        code("pruning_table"),
        curves=compared_curves,
        trainings=trainings_and_times,
        times=compared_times,
    output:
        csv="results/{experiment}.csv",
        summary="results/{experiment}_summary.csv",
        md="results/{experiment}.md",
    log:
        "logs/{experiment}.log",
    benchmark:
        "benchmarks/{experiment}.tsv"
    conda:
        "../../environment.yml"
    params:
        points=compared_points,
        targets=config["pruning"]["targets"],
        seed=config["seed"],
    message:
        "{output.csv}: learned graphs relative to the best rival"
    script:
        "../scripts/pruning_table.py"
