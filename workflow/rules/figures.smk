# Figures: the tables of Link & Code as pictures, the toy example of pruning, the curves of a pruning
# experiment, its training.


rule table2_plot:
    input:
        code("table2_plot"),
        table="results/table2.csv",
    output:
        svg=report(
            "results/figures/table2.svg",
            caption="../report/table2.rst",
            category="Figures",
        ),
        pdf="results/figures/table2.pdf",
        csv="results/figures/table2.csv",
    log:
        "logs/figures/table2.log",
    benchmark:
        "benchmarks/figures/table2.tsv"
    conda:
        "../../environment.yml"
    message:
        "{output.svg}: Table 2 as a heat table"
    script:
        "../scripts/table2_plot.py"


rule figure5_plot:
    input:
        code("figure5_plot"),
        table="results/figure5.csv",
        published="expected/published.csv",
    output:
        svg=report(
            "results/figures/figure5.svg",
            caption="../report/figure5.rst",
            category="Figures",
        ),
        pdf="results/figures/figure5.pdf",
        csv="results/figures/figure5.csv",
    log:
        "logs/figures/figure5.log",
    benchmark:
        "benchmarks/figures/figure5.tsv"
    conda:
        "../../environment.yml"
    message:
        "{output.svg}: recall of links against code, drawn"
    script:
        "../scripts/figure5_plot.py"


rule toy:
    input:
        code("toy"),
    output:
        svg=report(
            "results/figures/toy.svg",
            caption="../report/toy.rst",
            category="Figures",
        ),
        pdf="results/figures/toy.pdf",
        vertices="results/figures/toy_vertices.csv",
        links="results/figures/toy_links.csv",
        curve="results/figures/toy_curve.csv",
    log:
        "logs/figures/toy.log",
    benchmark:
        "benchmarks/figures/toy.tsv"
    conda:
        "../../environment.yml"
    params:
        seed=config["seed"],
    message:
        "{output.svg}: prunes the complete graph on 100 digits and draws it"
    script:
        "../scripts/toy.py"


rule pruning_plot:
    input:
        code("pruning_plot"),
        table="results/{experiment}.csv",
        trainings=trainings,
    output:
        svg=report(
            "results/figures/{experiment}.svg",
            caption="../report/pruning.rst",
            category="Figures",
        ),
        pdf="results/figures/{experiment}.pdf",
        csv="results/figures/{experiment}.csv",
        training_svg=report(
            "results/figures/{experiment}_training.svg",
            caption="../report/training.rst",
            category="Figures",
        ),
        training_pdf="results/figures/{experiment}_training.pdf",
        training_csv="results/figures/{experiment}_training.csv",
    log:
        "logs/figures/{experiment}.log",
    benchmark:
        "benchmarks/figures/{experiment}.tsv"
    conda:
        "../../environment.yml"
    params:
        learned=learned_points,
    message:
        "{output.svg}: learned graphs beside their rivals, drawn"
    script:
        "../scripts/pruning_plot.py"
