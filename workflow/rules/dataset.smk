# Where vectors come from: files as they are, downloads, generators → vectors.h5.


rule download:
    input:
        code("download"),
    output:
        "downloads/{dataset}/{file}",
    log:
        "logs/downloads/{dataset}/{file}.log",
    wildcard_constraints:
        file=r"[a-z]+\.[a-z0-9]+",
    conda:
        "../../environment.yml"
    resources:
        download=1,
    params:
        source=download_entry,
    message:
        "{output}: downloads and checks the file"
    script:
        "../scripts/download.py"


rule vectors:
    input:
        code("vectors"),
        files=dataset_files,
    output:
        "results/{dataset}/vectors.h5",
    log:
        "logs/{dataset}/vectors.log",
    benchmark:
        "benchmarks/{dataset}/vectors.tsv"
    conda:
        "../../environment.yml"
    params:
        entry=dataset_entry,
        seed=config["seed"],
    message:
        "{output}: vectors read, checked and put in order"
    script:
        "../scripts/vectors.py"
