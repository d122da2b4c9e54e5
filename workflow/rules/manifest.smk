# results/manifest.sha256: what has to be the same bits on every machine, at any number of threads.


rule manifest:
    input:
        code("manifest"),
        artifacts=accuracy_artifacts(),
    output:
        "results/manifest.sha256",
    log:
        "logs/manifest.log",
    benchmark:
        "benchmarks/manifest.tsv"
    conda:
        "../../environment.yml"
    message:
        "{output}: hashes of all artifacts that are no timings"
    script:
        "../scripts/manifest.py"
