# Tables.


rule table2:
    input:
        code("table2"),
        codes=table_files("results/{dataset}/{codec}/codes.h5"),
        betas=table_betas,
        searches=table_files(f"{ROW}/search.h5"),
        timings=table_files(f"{ROW}/timing.h5"),
        exhaustives=exhaustive_files,
        published="expected/published.csv",
    output:
        csv="results/table2.csv",
        md="results/table2.md",
    log:
        "logs/table2.log",
    benchmark:
        "benchmarks/table2.tsv"
    conda:
        "../../environment.yml"
    params:
        points=table_points("table2"),
        exhaustive=config["experiments"]["table2"]["exhaustive"],
    script:
        "../scripts/table2.py"
