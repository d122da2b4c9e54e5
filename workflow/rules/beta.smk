# The regression codebook.


rule beta:
    input:
        code("beta"),
        vectors="results/{dataset}/vectors.h5",
        codec="results/{dataset}/{codec}/codec.h5",
        codes="results/{dataset}/{codec}/codes.h5",
        graph="results/{dataset}/{graph}/{policy}/graph.h5",
    output:
        f"{ROW}/codebook.h5",
    log:
        "logs/{dataset}/{graph}/{policy}/{codec}/{beta}/beta.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/{policy}/{codec}/{beta}/beta.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    params:
        seed=config["seed"],
        rows=config["training"]["beta_rows"],
        rounds=config["training"]["beta_rounds"],
    message:
        "{output}: the regression's codebook, trained in rounds"
    script:
        "../scripts/beta.py"
