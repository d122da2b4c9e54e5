# results/{dataset}/vectors.h5, groundtruth.h5
# results/{dataset}/{codec}/codec.h5, codes.h5
# results/{dataset}/{graph}/{policy}/graph.h5
# results/{dataset}/{graph}/{policy}/{codec}/{beta}/codebook.h5, beta.h5, search.h5, exhaustive.h5, timing.h5
# results/table2.csv, table2.md
#
# {codec} OPQ36_144, PQ32; {graph} hnsw_L6_M32_efC200_OPQ36_144 (built on those codes) or ..._float;
# {policy} unpruned; {beta} beta4x256, beta0, none. Logs and benchmarks mirror these paths.
from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/groundtruth.smk"
include: "workflow/rules/opq.smk"
include: "workflow/rules/encode.smk"
include: "workflow/rules/hnsw.smk"
include: "workflow/rules/beta.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/plots.smk"


onerror:
    print(*logs.causes(log[0]), sep="\n", file=sys.stderr)


rule all:
    default_target: True
    input:
        rules.table2.output,
