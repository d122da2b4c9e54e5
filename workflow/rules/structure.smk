# What graphs are like, and where time, memory and bytes go.


rule structure:
    input:
        code("structure"),
        vectors="results/{dataset}/vectors.h5",
        graphs=structure_graph_files,
    output:
        csv="results/{dataset}/structure.csv",
        summary="results/{dataset}/structure_summary.csv",
    log:
        "logs/{dataset}/structure.log",
    benchmark:
        "benchmarks/{dataset}/structure.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    params:
        graphs=structure_graphs,
        seed=config["seed"],
    message:
        "{output.csv}: degrees, link lengths, levels and reach of the graphs"
    script:
        "../scripts/structure.py"


rule structure_plot:
    input:
        code("structure_plot"),
        tables=structure_tables("structure"),
        summaries=structure_tables("structure_summary"),
    output:
        svg=report(
            "results/figures/structure.svg",
            caption="../report/structure.rst",
            category="Figures",
        ),
        pdf="results/figures/structure.pdf",
        csv="results/figures/structure.csv",
        summary="results/figures/structure_summary.csv",
    log:
        "logs/figures/structure.log",
    benchmark:
        "benchmarks/figures/structure.tsv"
    conda:
        "../../environment.yml"
    message:
        "{output.svg}: degrees, link lengths, levels and reach, drawn"
    script:
        "../scripts/structure_plot.py"


# What the jobs cost on this machine: a record, not the same bits. Snakemake knows no benchmark file as
# an input; the inputs are what is made last, so that all of them are there.
rule cost_plot:
    input:
        code("cost_plot"),
        tables(),
        estimator_artifacts(),
        structure_tables("structure"),
        table=table2_csv(),
    output:
        svg=report(
            "results/figures/cost.svg",
            caption="../report/cost.rst",
            category="Figures",
        ),
        pdf="results/figures/cost.pdf",
        csv="results/figures/cost.csv",
        spent="results/figures/cost_bytes.csv",
    log:
        "logs/figures/cost.log",
    benchmark:
        "benchmarks/figures/cost.tsv"
    conda:
        "../../environment.yml"
    params:
        folders=cost_folders(),
    message:
        "{output.svg}: time, memory and bytes of every stage, drawn"
    script:
        "../scripts/cost_plot.py"
