# Rows of Table 2 built anew from several seeds: what the seed decides, and how far that carries.


rule seed:
    input:
        code("seed"),
        vectors="results/{dataset}/vectors.h5",
        truth="results/{dataset}/groundtruth.h5",
    output:
        f"{ROW}/seed{{seed}}.h5",
    log:
        "logs/{dataset}/{graph}/{policy}/{codec}/{beta}/seed{seed}.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/{policy}/{codec}/{beta}/seed{seed}.tsv"
    wildcard_constraints:
        seed=keys.SEED,
        policy="unpruned",
    conda:
        "../../environment.yml"
    threads: 8
    params:
        rows=config["training"]["beta_rows"],
        rounds=config["training"]["beta_rounds"],
        k=config["experiments"]["table2"]["k"],
        efSearch=config["experiments"]["table2"]["efSearch"],
        k_reorder=reorder_grid,
        exhaustive=config["experiments"]["table2"]["exhaustive"],
    message:
        "{output}: the whole chain once more, from another seed"
    script:
        "../scripts/seed.py"


rule seeds:
    input:
        code("seeds"),
        builds=seed_files,
    output:
        csv="results/seeds.csv",
        md="results/seeds.md",
    log:
        "logs/seeds.log",
    benchmark:
        "benchmarks/seeds.tsv"
    conda:
        "../../environment.yml"
    params:
        points=seed_points(),
        seeds=config["experiments"].get(checked.SEEDS, {}).get("seeds"),
        exhaustive=config["experiments"]["table2"]["exhaustive"],
    message:
        "{output.csv}: mean and spread over the builds"
    script:
        "../scripts/seeds.py"
