# What the rules of the comparison with the references read.
# What runs in processes of its own is no import of the script.
BENCH_SCRIPTS = [
    f"bench/{name}.py"
    for name in (
        "compare",
        "measure",
        "quality",
        "parity",
        "ours",
        "original",
        "original_build",
        "current_faiss",
        "hnswlib_side",
    )
]
BENCH_CODE = sorted({path for script in BENCH_SCRIPTS for path in deps.closure(script)})


def bench_codec(wildcards):
    """The codec that a data set is measured with."""
    return next(s["codec"] for s in config["bench"]["sets"] if s["dataset"] == wildcards.dataset)
