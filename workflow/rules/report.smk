# What a run says: to the claims of the papers and ours, and to a reader, in one page.


rule initial:
    input:
        code("initial"),
        curves=learned_graphs,
        trainings=trainings_and_times,
        times=compared_times,
    output:
        "results/{experiment}_initial.csv",
    log:
        "logs/{experiment}_initial.log",
    benchmark:
        "benchmarks/{experiment}_initial.tsv"
    conda:
        "../../environment.yml"
    params:
        learned=learned_points,
        targets=config["pruning"]["targets"],
        seed=config["seed"],
    message:
        "{output}: learned graphs relative to the graphs that they started from"
    script:
        "../scripts/initial.py"


rule claims:
    input:
        code("claims"),
        "expected/demo.csv",
        tables=claim_tables(),
        claims="expected/claims.yaml",
    output:
        csv="results/claims.csv",
        md="results/claims.md",
    log:
        "logs/claims.log",
    benchmark:
        "benchmarks/claims.tsv"
    conda:
        "../../environment.yml"
    params:
        scale=config["scale"],
    message:
        "{output.md}: what the tables say to every claim"
    script:
        "../scripts/claims.py"


rule report:
    input:
        code("report"),
        "requirements.txt",
        [f"lib/linkprune/report/{part}" for part in ("page.html", "page.css", "page.js")],
        captions=caption_files,
        tables=shown_tables(),
        more=claim_tables(),
        drawings=drawings,
        claims="expected/claims.yaml",
        readings="results/claims.csv",
    output:
        "results/report.html",
    log:
        "logs/report.log",
    benchmark:
        "benchmarks/report.tsv"
    conda:
        "../../environment.yml"
    params:
        config=config,
        command=report_command,
        captions=captions,
    message:
        "{output}: tables, figures and claims on one page"
    script:
        "../scripts/report.py"
