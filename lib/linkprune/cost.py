"""Where time, memory and bytes go: what the jobs of each stage left of it."""

from pathlib import Path

from linkprune import keys, rows
from linkprune.errors import DataError

OTHER = "other"
ASIDE = ("bench_runs", "latency")  # jobs beside the main one, that may be there or not
PRUNING_TIMES = ("pruning_time", "ablation_time")
# Stage -> the rules that belong to it, and the artifacts that they write.
STAGES = {
    "vectors": (("vectors",), ("vectors",)),
    "ground truth": (("groundtruth",), ("groundtruth",)),
    "training of the codec": (("opq",), ("codec",)),
    "encoding": (("encode",), ("codes",)),
    "graph": (("hnsw", "given_graph"), ("graph",)),
    "training queries": (("training_queries",), ("train",)),
    "pruning": (("prune", "rival"), ("training", "training_time")),
    "training of the weights": (("beta",), ("codebook",)),
    "encoding of the weights": (("encode_beta",), ("beta",)),
    "search": (("search", "curve"), ("search", "curve")),
    "exhaustive search": (("exhaustive", "estimators"), ("exhaustive", "estimators")),
    "builds from several seeds": (("seed", "build"), ("seed", "build")),
    "timing": (("timing", *PRUNING_TIMES), ("timing", *PRUNING_TIMES)),
    OTHER: ((), ()),
}
OF_RULE = {rule: stage for stage, (rules, _) in STAGES.items() for rule in rules}
OF_ARTIFACT = {name: stage for stage, (_, names) in STAGES.items() for name in names}
COLUMNS = "dataset stage jobs missing wall_s cpu_s max_rss_mb unsampled bytes".split()
BYTES = "M0 codec beta links code regression bytes_per_vector".split()


def stages(dataset, folders, benchmarks="benchmarks", results="results"):
    """What the stages of a data set took, one dict a stage that there was, as COLUMNS.

    folders: those of its jobs, below ``benchmarks`` and ``results``. wall_s and cpu_s are sums over
    the jobs, max_rss_mb is the largest of them in MiB, bytes those of the artifacts. What an
    artifact took that is ``missing`` a benchmark, one that was copied or whose benchmark was
    deleted, is not in the sums. Snakemake looks at a job every half a second at first: CPU time and
    memory of an ``unsampled`` job, one that ended before, are not either.
    """
    found = {stage: dict.fromkeys(COLUMNS[2:], 0) for stage in STAGES}
    for folder in folders:
        for path in sorted(Path(benchmarks, folder).glob("*.tsv")):
            if path.stem not in ASIDE:
                _add_job(found[OF_RULE.get(_rule(path), OTHER)], path)
        for path in sorted(Path(results, folder).glob("*.h5")):
            if path.stem not in ASIDE:
                stage = _stage_of(path)
                found[stage]["bytes"] += path.stat().st_size
                found[stage]["missing"] += not _recorded(path, stage, Path(benchmarks, folder))
    for stage, sums in found.items():
        if sums["jobs"] or sums["bytes"]:
            yield {"dataset": dataset, "stage": stage, **sums}


def _stage_of(path):
    """The stage that wrote an artifact: a graph that is pruned is another's work."""
    if path.stem == "graph" and path.parent.name != "unpruned":
        return "pruning"
    return OF_ARTIFACT.get(_rule(path), OTHER)


def _recorded(path, stage, benchmarks):
    """Whether a job of the stage, for the same seed, left a benchmark where the artifact's lie."""
    seed = path.stem.removeprefix(_rule(path))
    return any((benchmarks / f"{rule}{seed}.tsv").exists() for rule in STAGES[stage][0])


def _rule(path):
    """The name of a file but for a seed that it ends with."""
    return path.stem.rstrip("0123456789")


def _add_job(sums, path):
    """Add what a benchmark file says to the sums of its stage."""
    for job in rows.read(path, "\t"):
        try:
            wall, (cpu, rss) = float(job["s"]), (job[name] for name in ("cpu_time", "max_rss"))
            sampled = "NA" not in (cpu, rss) and float(cpu) > 0
        except (KeyError, TypeError, ValueError) as e:
            raise DataError(f"{path}: expected a benchmark of Snakemake, got {job}") from e
        sums["jobs"] += 1
        sums["wall_s"] += wall
        sums["unsampled"] += not sampled
        if sampled:
            sums["cpu_s"] += float(cpu)
            sums["max_rss_mb"] = max(sums["max_rss_mb"], float(rss))


def bytes_per_vector(table):
    """How the rows of Table 2 spend their bytes: one dict for each kind of row, as BYTES.

    table: dicts of text with the columns of ``tables.COLUMNS``; links are 32-bit ids.
    """
    kinds = dict.fromkeys((r["M0"], r["codec"], r["beta"], r["bytes_per_vector"]) for r in table)
    for M0, codec, beta, total in kinds:
        links, regression = 4 * int(M0), keys.beta(beta).nsq or 0
        parts = (links, int(total) - links - regression, regression)
        yield dict(zip(BYTES, (int(M0), codec, beta, *parts, int(total)), strict=True))
