# results/{dataset}/vectors.h5, groundtruth.h5, train.h5
# results/{dataset}/{codec}/codec.h5, codes.h5
# results/{dataset}/{graph}/{policy}/graph.h5, training.h5, curve.h5
# results/{dataset}/{graph}/{policy}/{codec}/{beta}/codebook.h5, beta.h5, search.h5, exhaustive.h5, timing.h5
# results/{dataset}/{graph}/unpruned/{codec}/{beta}/seed2018.h5; results/seeds.csv, seeds.md
# results/{dataset}/{graph}/unpruned/{codec}/build2019.h5, for results/figures/codecs.csv
# results/table2.csv, table2.md, pruning.csv, pruning_summary.csv, pruning.md (ablation the same)
# results/{dataset}/bench_runs.csv; results/bench.csv, bench.md, figures/bench.svg, .pdf
# results/{dataset}/{graph}/{policy}/{codec}/estimators.h5; results/{dataset}/structure.csv
# results/interop/: files for others, and latency.h5 beside timing.h5 for them (docs/interop.md)
# results/figures/estimators.svg, structure.svg, cost.svg, toy.svg, pruning.svg, pruning_training.svg, each with .pdf
# results/pruning_initial.csv; results/claims.csv, claims.md; results/report.html
# results/manifest.sha256: the hashes of all of these that are no timings
#
# {codec} OPQ36_144, PQ32, PQ2x12_OPQ33_132 (two levels); {graph} hnsw_L6_M32_efC200_OPQ36_144 (built on those codes) or ..._float,
# nsw_M12_efC300_float, vamana_R32_a1.1_efC100_float, nsg_R24_K64_efC100_float, and unions with +;
# {policy} unpruned, rl_edge_seed1 (an agent of the config), random_D16_seed1, shortest_D16, used_D16;
# {beta} beta4x256, beta0, none. Logs and benchmarks mirror these paths.
from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/groundtruth.smk"
include: "workflow/rules/opq.smk"
include: "workflow/rules/encode.smk"
include: "workflow/rules/hnsw.smk"
include: "workflow/rules/pruning_inputs.smk"
include: "workflow/rules/prune.smk"
include: "workflow/rules/beta.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/seeds.smk"
include: "workflow/rules/plots.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/interop_inputs.smk"
include: "workflow/rules/interop.smk"
include: "workflow/rules/figure_inputs.smk"
include: "workflow/rules/estimators.smk"
include: "workflow/rules/codecs.smk"
include: "workflow/rules/structure.smk"
include: "workflow/rules/manifest_inputs.smk"
include: "workflow/rules/manifest.smk"
include: "workflow/rules/bench_inputs.smk"
include: "workflow/rules/bench.smk"
include: "workflow/rules/report_inputs.smk"
include: "workflow/rules/report.smk"


onerror:
    print(*logs.causes(log[0]), sep="\n", file=sys.stderr)


rule all:
    default_target: True
    input:
        tables(),
        figures(),
        "results/report.html",
        "results/manifest.sha256",
