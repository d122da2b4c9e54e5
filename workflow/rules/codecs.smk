# Codecs of one level and of two, with and without regression: exhaustive search over bytes.


rule codecs:
    input:
        code("codecs"),
        codecs_files,
    output:
        svg=report(
            "results/figures/codecs.svg",
            caption="../report/codecs.rst",
            category="Figures",
        ),
        pdf="results/figures/codecs.pdf",
        csv="results/figures/codecs.csv",
    log:
        "logs/figures/codecs.log",
    benchmark:
        "benchmarks/figures/codecs.tsv"
    conda:
        "../../environment.yml"
    params:
        points=codecs_points,
        seed=config["seed"],
        more=codecs_seeds(),
    message:
        "{output.svg}: recall of exhaustive search against bytes"
    script:
        "../scripts/codecs.py"
