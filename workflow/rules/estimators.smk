# What tells a vector from codes: its own, its nearest link's, their average, the regression.


rule estimators:
    input:
        code("estimators"),
        vectors="results/{dataset}/vectors.h5",
        truth="results/{dataset}/groundtruth.h5",
        codec="results/{dataset}/{codec}/codec.h5",
        codes="results/{dataset}/{codec}/codes.h5",
        graph="results/{dataset}/{graph}/{policy}/graph.h5",
        betas=estimator_betas,
    output:
        "results/{dataset}/{graph}/{policy}/{codec}/estimators.h5",
    log:
        "logs/{dataset}/{graph}/{policy}/{codec}/estimators.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/{policy}/{codec}/estimators.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    params:
        betas=config["experiments"].get("estimators", {}).get("betas"),
    message:
        "{output}: error of the four estimators"
    script:
        "../scripts/estimators.py"


rule estimators_plot:
    input:
        code("estimators_plot"),
        artifacts=estimator_artifacts(),
    output:
        svg=report(
            "results/figures/estimators.svg",
            caption="../report/estimators.rst",
            category="Figures",
        ),
        pdf="results/figures/estimators.pdf",
        csv="results/figures/estimators.csv",
        cdf="results/figures/estimators_cdf.csv",
    log:
        "logs/figures/estimators.log",
    benchmark:
        "benchmarks/figures/estimators.tsv"
    conda:
        "../../environment.yml"
    params:
        seed=config["seed"],
    message:
        "{output.svg}: error of the four estimators, drawn"
    script:
        "../scripts/estimators_plot.py"
