# The exact neighbours of every query, computed, or read and spot-checked.


rule groundtruth:
    input:
        code("groundtruth"),
        vectors="results/{dataset}/vectors.h5",
        files=dataset_files,
    output:
        "results/{dataset}/groundtruth.h5",
    log:
        "logs/{dataset}/groundtruth.log",
    benchmark:
        "benchmarks/{dataset}/groundtruth.tsv"
    conda:
        "../../environment.yml"
    threads: 16
    params:
        entry=dataset_entry,
        k=max(10, config["experiments"]["table2"]["k"]),  # recall@10 needs ten
        seed=config["seed"],
    message:
        "{output}: exact neighbours of all queries"
    script:
        "../scripts/groundtruth.py"
