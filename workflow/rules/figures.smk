# Figures: the toy example of pruning, the curves of a pruning experiment, its training.


def training_files(experiment):
    """Data set, graph and agent -> {seed: its training}, of a pruning experiment."""
    return {
        f"{dataset}\n{graph}\n{agent}": {
            seed: f"results/{dataset}/{graph}/{policy}/training.h5"
            for seed, policy in by_seed.items()
        }
        for dataset in experiment_datasets(experiment)
        for (graph, agent), by_seed in pruning_points(experiment)[0].items()
    }


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
        trainings=lambda w: [
            path for by_seed in training_files(w.experiment).values() for path in by_seed.values()
        ],
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
        histories=lambda w: training_files(w.experiment),
    script:
        "../scripts/pruning_plot.py"
