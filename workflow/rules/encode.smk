# The code of every base vector, and the beta codes that refine it.


rule encode:
    input:
        code("encode"),
        vectors="results/{dataset}/vectors.h5",
        codec="results/{dataset}/{codec}/codec.h5",
    output:
        "results/{dataset}/{codec}/codes.h5",
    log:
        "logs/{dataset}/{codec}/encode.log",
    benchmark:
        "benchmarks/{dataset}/{codec}/encode.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    message:
        "{output}: every vector encoded"
    script:
        "../scripts/encode.py"


rule encode_beta:
    input:
        code("encode_beta"),
        vectors="results/{dataset}/vectors.h5",
        codec="results/{dataset}/{codec}/codec.h5",
        codes="results/{dataset}/{codec}/codes.h5",
        graph="results/{dataset}/{graph}/{policy}/graph.h5",
        codebook=f"{ROW}/codebook.h5",
    output:
        f"{ROW}/beta.h5",
    log:
        "logs/{dataset}/{graph}/{policy}/{codec}/{beta}/encode_beta.log",
    benchmark:
        "benchmarks/{dataset}/{graph}/{policy}/{codec}/{beta}/encode_beta.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    message:
        "{output}: every vertex's best entry of the regression's codebook"
    script:
        "../scripts/encode_beta.py"
