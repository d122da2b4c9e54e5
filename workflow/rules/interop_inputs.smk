# What the rules of interop.smk read, and where the runs go.
from linkprune import bigann

RUNS = "results/interop/runs/{dataset}/{k}/linkprune-{graph}-{policy}-{codec}-{beta}"


def build_costs(wildcards):
    """The benchmarks of all steps that an index is made by."""
    spaces = {wildcards.codec, keys.graph(wildcards.graph).space} - {"float"}
    policies = {"unpruned", wildcards.policy}
    found = [f"{space}/{step}" for space in sorted(spaces) for step in ("opq", "encode")]
    for policy in sorted(policies):
        known = keys.policy(policy)
        made = isinstance(keys.graph(wildcards.graph), keys.Given)
        step = "given_graph" if made else "hnsw"
        if known is not None:
            step = "prune" if isinstance(known, keys.Learned) else "rival"
        found.append(f"{wildcards.graph}/{policy}/{step}")
    row = f"{wildcards.graph}/{wildcards.policy}/{wildcards.codec}/{wildcards.beta}"
    found += [] if wildcards.beta == "none" else [f"{row}/{s}" for s in ("beta", "encode_beta")]
    return [f"benchmarks/{wildcards.dataset}/{step}.tsv" for step in found]


def interop_files():
    """Everything of the data sets and rows of table2 at the chosen scale, in others' formats."""
    found = []
    for dataset in experiment_datasets("table2"):
        folder, entry = f"results/interop/{dataset}", config["datasets"][dataset]
        found += [f"{folder}.hdf5", f"{folder}/groundtruth.bin"]
        found += [f"{folder}/{p}.{bigann.kind(dataset, entry, p)}" for p in ("base", "query")]
    for point in table_points("table2"):
        found.append("results/interop/{dataset}/{graph}/{policy}.ivecs".format(**point))
        found.append(RUNS.format(k=10, **point))
    return found
