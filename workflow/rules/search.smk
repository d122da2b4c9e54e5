# What a search finds and counts; how long it takes, alone on the machine.


rule search:
    input:
        code("search"),
        vectors="results/{dataset}/vectors.h5",
        truth="results/{dataset}/groundtruth.h5",
        codec="results/{dataset}/{codec}/codec.h5",
        codes="results/{dataset}/{codec}/codes.h5",
        graph="results/{dataset}/{graph}/{policy}/graph.h5",
        beta=regression_file,
    output:
        f"{ROW}/search.h5",
    log:
        "logs/{dataset}/{graph}/{policy}/{codec}/{beta}/search.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/{policy}/{codec}/{beta}/search.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    params:
        k=config["experiments"]["table2"]["k"],
        efSearch=config["experiments"]["table2"]["efSearch"],
        k_reorder=reorder_grid,
    message:
        "{output}: searches with every setting, recall and distances"
    script:
        "../scripts/search.py"


rule exhaustive:
    input:
        code("exhaustive"),
        vectors="results/{dataset}/vectors.h5",
        truth="results/{dataset}/groundtruth.h5",
        codec="results/{dataset}/{codec}/codec.h5",
        codes="results/{dataset}/{codec}/codes.h5",
        graph="results/{dataset}/{graph}/{policy}/graph.h5",
        beta=regression_file,
    output:
        f"{ROW}/exhaustive.h5",
    log:
        "logs/{dataset}/{graph}/{policy}/{codec}/{beta}/exhaustive.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/{policy}/{codec}/{beta}/exhaustive.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    params:
        k=config["experiments"]["table2"]["k"],
    message:
        "{output}: searches all reconstructions"
    script:
        "../scripts/exhaustive.py"


rule timing:
    input:
        code("timing"),
        vectors="results/{dataset}/vectors.h5",
        codec="results/{dataset}/{codec}/codec.h5",
        codes="results/{dataset}/{codec}/codes.h5",
        graph="results/{dataset}/{graph}/{policy}/graph.h5",
        beta=regression_file,
    output:
        f"{ROW}/timing.h5",
    log:
        "logs/{dataset}/{graph}/{policy}/{codec}/{beta}/timing.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/{policy}/{codec}/{beta}/timing.tsv"
    conda:
        "../../environment.yml"
    threads: workflow.cores
    params:
        k=config["experiments"]["table2"]["k"],
        efSearch=config["experiments"]["table2"]["efSearch"],
        k_reorder=reorder_grid,
        timing=config["timing"],
    message:
        "{output}: time per query of every setting"
    script:
        "../scripts/timing.py"
