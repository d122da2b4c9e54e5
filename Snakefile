# results/{dataset}/vectors.h5, groundtruth.h5, train.h5
# results/{dataset}/{codec}/codec.h5, codes.h5
# results/{dataset}/{graph}/{policy}/graph.h5, training.h5, curve.h5
# results/{dataset}/{graph}/{policy}/{codec}/{beta}/codebook.h5, beta.h5, search.h5, exhaustive.h5, timing.h5
# results/table2.csv, table2.md, pruning.csv, pruning_summary.csv, pruning.md (ablation the same)
# results/figures/toy.svg, pruning.svg, pruning_training.svg, each with .pdf
#
# {codec} OPQ36_144, PQ32; {graph} hnsw_L6_M32_efC200_OPQ36_144 (built on those codes) or ..._float,
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
include: "workflow/rules/prune.smk"
include: "workflow/rules/beta.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/plots.smk"
include: "workflow/rules/figures.smk"


onerror:
    print(*logs.causes(log[0]), sep="\n", file=sys.stderr)


rule all:
    default_target: True
    input:
        tables(),
