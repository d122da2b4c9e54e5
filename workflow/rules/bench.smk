# Speed beside the references; not part of ``all``, since it takes the whole machine for long.


rule bench_runs:
    input:
        code("bench_runs"),
        BENCH_SCRIPTS,
        BENCH_CODE,
        vectors="results/{dataset}/vectors.h5",
        truth="results/{dataset}/groundtruth.h5",
    output:
        "results/{dataset}/bench_runs.csv",
    log:
        "logs/{dataset}/bench_runs.log",
    benchmark:
        "benchmarks/{dataset}/bench_runs.tsv"
    conda:
        "../../environment.yml"
    threads: workflow.cores
    params:
        codec=bench_codec,
        settings=config["bench"],
    message:
        "{output}: every stage beside the references, side by side"
    script:
        "../scripts/bench_runs.py"


rule bench:
    input:
        code("bench"),
        runs=[f"results/{of['dataset']}/bench_runs.csv" for of in config["bench"]["sets"]],
    output:
        csv="results/bench.csv",
        md="results/bench.md",
        svg=report(
            "results/figures/bench.svg",
            caption="../report/bench.rst",
            category="Figures",
        ),
        pdf="results/figures/bench.pdf",
    log:
        "logs/bench.log",
    benchmark:
        "benchmarks/bench.tsv"
    conda:
        "../../environment.yml"
    message:
        "{output.csv}: the ratios of all compared stages, as table and chart"
    script:
        "../scripts/bench.py"
