# Rotation and product quantiser.


rule opq:
    input:
        code("opq"),
        vectors="results/{dataset}/vectors.h5",
    output:
        "results/{dataset}/{codec}/codec.h5",
    log:
        "logs/{dataset}/{codec}/opq.log",
    benchmark:
        "benchmarks/{dataset}/{codec}/opq.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    params:
        seed=config["seed"],
    message:
        "{output}: trains the codec"
    script:
        "../scripts/opq.py"
