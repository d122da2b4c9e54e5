# Figures: the toy example of pruning, the curves of a pruning experiment, its training.


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
    script:
        "../scripts/toy.py"


rule pruning_plot:
    input:
        code("pruning_plot"),
        table="results/{experiment}.csv",
        trainings=lambda w: training_files(w.experiment, "training"),
    output:
        svg=report(
            "results/figures/{experiment}.svg",
            caption="../report/pruning.rst",
            category="Figures",
        ),
        pdf="results/figures/{experiment}.pdf",
        training=report(
            "results/figures/{experiment}_training.svg",
            caption="../report/training.rst",
            category="Figures",
        ),
    log:
        "logs/figures/{experiment}.log",
    benchmark:
        "benchmarks/figures/{experiment}.tsv"
    conda:
        "../../environment.yml"
    params:
        learned=lambda w: {
            dataset: pruning_points(w.experiment)[0] for dataset in compared_datasets(w.experiment)
        },
    script:
        "../scripts/pruning_plot.py"
