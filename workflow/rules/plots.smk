# Tables: Link & Code split by split, and what differs between them on the same queries.


rule table:
    input:
        code("table"),
        codes=of_rows("results/{dataset}/{codec}/codes.h5"),
        betas=table_betas,
        searches=of_rows(f"{ROW}/search.h5"),
        timings=of_rows(f"{ROW}/timing.h5"),
        exhaustives=exhaustive_files,
        published="expected/published.csv",
    output:
        csv="results/{table}.csv",
        paired="results/{table}_paired.csv",
        md="results/{table}.md",
    log:
        "logs/{table}.log",
    benchmark:
        "benchmarks/{table}.tsv"
    conda:
        "../../environment.yml"
    params:
        points=table_rows,
        exhaustive=config["experiments"]["table2"]["exhaustive"],
        seed=config["seed"],
    message:
        "{output.csv}: rows of all searches, and pairs of them compared"
    script:
        "../scripts/table.py"
