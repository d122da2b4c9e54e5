# Codecs of one level and of two, with and without regression: exhaustive search over bytes.


rule build:
    input:
        code("build"),
        vectors="results/{dataset}/vectors.h5",
        truth="results/{dataset}/groundtruth.h5",
    output:
        "results/{dataset}/{graph}/{policy}/{codec}/build{seed}.h5",
    log:
        "logs/{dataset}/{graph}/{policy}/{codec}/build{seed}.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/{policy}/{codec}/build{seed}.tsv"
    wildcard_constraints:
        seed=keys.SEED,
        policy="unpruned",
    conda:
        "../../environment.yml"
    threads: 8
    params:
        betas=config["experiments"].get("codecs", {}).get("betas", []),
        rows=config["training"]["beta_rows"],
        rounds=config["training"]["beta_rounds"],
        k=config["experiments"]["table2"]["k"],
    message:
        "{output}: codec, graph and regressions once more, from another seed"
    script:
        "../scripts/build.py"


rule codecs:
    input:
        code("codecs"),
        codecs_files,
    output:
        svg=report(
            "results/figures/codecs.svg",
            caption="../report/codecs.rst",
            category="Figures",
        ),
        pdf="results/figures/codecs.pdf",
        csv="results/figures/codecs.csv",
    log:
        "logs/figures/codecs.log",
    benchmark:
        "benchmarks/figures/codecs.tsv"
    conda:
        "../../environment.yml"
    params:
        points=codecs_points,
        seed=config["seed"],
        more=codecs_seeds(),
    message:
        "{output.svg}: recall of exhaustive search against bytes"
    script:
        "../scripts/codecs.py"
