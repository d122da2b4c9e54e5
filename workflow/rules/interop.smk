# What we have in the formats of others: ann-benchmarks' HDF5, big-ann's binaries, lists of links.


rule latency:
    input:
        code("latency"),
        vectors="results/{dataset}/vectors.h5",
        codec="results/{dataset}/{codec}/codec.h5",
        codes="results/{dataset}/{codec}/codes.h5",
        graph="results/{dataset}/{graph}/{policy}/graph.h5",
        beta=regression_file,
    output:
        f"{ROW}/latency.h5",
    log:
        "logs/{dataset}/{graph}/{policy}/{codec}/{beta}/latency.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/{policy}/{codec}/{beta}/latency.tsv"
    conda:
        "../../environment.yml"
    threads: workflow.cores
    params:
        k=config["experiments"]["table2"]["k"],
        efSearch=config["experiments"]["table2"]["efSearch"],
        k_reorder=reorder_grid,
    message:
        "{output}: every query's time, searched alone"
    script:
        "../scripts/latency.py"


rule interop_dataset:
    input:
        code("interop_dataset"),
        vectors="results/{dataset}/vectors.h5",
        truth="results/{dataset}/groundtruth.h5",
    output:
        "results/interop/{dataset}.hdf5",
    log:
        "logs/interop/{dataset}.log",
    benchmark:
        "benchmarks/interop/{dataset}.tsv"
    conda:
        "../../environment.yml"
    message:
        "{output}: vectors and neighbours for ann-benchmarks"
    script:
        "../scripts/interop_dataset.py"


rule interop_vectors:
    input:
        code("interop_vectors"),
        vectors="results/{dataset}/vectors.h5",
    output:
        "results/interop/{dataset}/{part}.{kind}",
    log:
        "logs/interop/{dataset}/{part}.{kind}.log",
    benchmark:
        "benchmarks/interop/{dataset}/{part}.{kind}.tsv"
    wildcard_constraints:
        part="base|query|learn",
        kind="fbin|u8bin|i8bin",
    conda:
        "../../environment.yml"
    message:
        "{output}: vectors for big-ann"
    script:
        "../scripts/interop_vectors.py"


rule interop_truth:
    input:
        code("interop_truth"),
        vectors="results/{dataset}/vectors.h5",
        truth="results/{dataset}/groundtruth.h5",
    output:
        "results/interop/{dataset}/groundtruth.bin",
    log:
        "logs/interop/{dataset}/groundtruth.log",
    benchmark:
        "benchmarks/interop/{dataset}/groundtruth.tsv"
    conda:
        "../../environment.yml"
    message:
        "{output}: exact neighbours for big-ann"
    script:
        "../scripts/interop_truth.py"


rule interop_graph:
    input:
        code("interop_graph"),
        graph="results/{dataset}/{graph}/{policy}/graph.h5",
    output:
        "results/interop/{dataset}/{graph}/{policy}.{kind}",
    log:
        "logs/interop/{dataset}/{graph}/{policy}.{kind}.log",
    benchmark:
        "benchmarks/interop/{dataset}/{graph}/{policy}.{kind}.tsv"
    wildcard_constraints:
        kind="ivecs|nsg",
    conda:
        "../../environment.yml"
    message:
        "{output}: links of the graph, as a file for others"
    script:
        "../scripts/interop_graph.py"


rule interop_run:
    input:
        code("interop_run"),
        vectors="results/{dataset}/vectors.h5",
        truth="results/{dataset}/groundtruth.h5",
        codec="results/{dataset}/{codec}/codec.h5",
        codes="results/{dataset}/{codec}/codes.h5",
        graph="results/{dataset}/{graph}/{policy}/graph.h5",
        beta=regression_file,
        search=f"{ROW}/search.h5",
        latency=f"{ROW}/latency.h5",
        timing=f"{ROW}/timing.h5",
        costs=build_costs,
    output:
        alone=directory(RUNS),
        batch=directory(f"{RUNS}-batch"),
    log:
        "logs/interop/runs/{dataset}/{k}/{graph}-{policy}-{codec}-{beta}.log",
    benchmark:
        "benchmarks/interop/runs/{dataset}/{k}/{graph}-{policy}-{codec}-{beta}.tsv"
    wildcard_constraints:
        k="[1-9][0-9]*",
    conda:
        "../../environment.yml"
    threads: 8
    message:
        "{output.alone}: runs for ann-benchmarks, and the batch beside it"
    script:
        "../scripts/interop_run.py"


rule interop:
    input:
        interop_files(),
