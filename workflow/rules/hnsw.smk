# The graph as built. A pruning policy reads it and writes {policy}/graph.h5 with the same schema.


rule hnsw:
    input:
        code("hnsw"),
        vectors="results/{dataset}/vectors.h5",
        space=space_files,
    output:
        "results/{dataset}/{graph}/unpruned/graph.h5",
    log:
        "logs/{dataset}/{graph}/unpruned/hnsw.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/unpruned/hnsw.tsv"
    wildcard_constraints:
        graph=keys.BUILT,
    conda:
        "../../environment.yml"
    threads: 8
    params:
        seed=config["seed"],
    message:
        "{output}: builds the graph"
    script:
        "../scripts/hnsw.py"


rule given_graph:
    input:
        code("given_graph"),
        vectors="results/{dataset}/vectors.h5",
        file=given_file,
    output:
        "results/{dataset}/{graph}/unpruned/graph.h5",
    log:
        "logs/{dataset}/{graph}/unpruned/given_graph.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/unpruned/given_graph.tsv"
    wildcard_constraints:
        graph=keys.GIVEN,
    conda:
        "../../environment.yml"
    message:
        "{output}: reads the graph that the data set brings along"
    script:
        "../scripts/given_graph.py"
