"""What jobs cost, from the files that they leave."""

import numpy as np
import pytest
from conftest import refuses

from linkprune import cost, errors
from linkprune.plots import cost as plot

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def benchmark(path, wall, rss, cpu):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEAD}{wall}\t0:00:01\t{rss}\t9\t9\t9\t0.0\t0.0\t0.0\t{cpu}\n")


def artifact(path, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))


@pytest.fixture
def place(tmp_path):
    """Benchmarks and artifacts of a data set with two graphs, one of them pruned."""
    b, r = tmp_path / "benchmarks/d", tmp_path / "results/d"
    benchmark(b / "vectors.tsv", 3.5, 100.5, 3.25)
    benchmark(b / "g/unpruned/hnsw.tsv", 2, 50, 4)
    benchmark(b / "h/unpruned/hnsw.tsv", 1, 70, 0.5)
    benchmark(b / "h/rl_a_seed1/prune.tsv", 10, 300, 9)
    benchmark(b / "g/unpruned/OPQ4_16/beta0/search.tsv", 0.25, "NA", "NA")
    benchmark(b / "g/unpruned/OPQ4_16/beta0/beta.tsv", 0.5, 0.48, "0.00")
    benchmark(b / "g/unpruned/unheard_of.tsv", 1, 2, 3)
    benchmark(b / "bench_runs.tsv", 500, 500, 500)
    benchmark(b / "stale/unpruned/hnsw.tsv", 1000, 1000, 1000)
    artifact(r / "vectors.h5", 1000)
    artifact(r / "g/unpruned/graph.h5", 10)
    artifact(r / "h/unpruned/graph.h5", 20)
    artifact(r / "h/rl_a_seed1/graph.h5", 7)
    artifact(r / "h/rl_a_seed1/training.h5", 5)
    artifact(r / "h/rl_a_seed1/notes.txt", 100)
    return tmp_path


FOLDERS = ["d", "d/g/unpruned", "d/h/unpruned", "d/h/rl_a_seed1", "d/g/unpruned/OPQ4_16/beta0"]


def stages(place, folders=FOLDERS):
    return list(cost.stages("d", folders, place / "benchmarks", place / "results"))


def test_jobs_and_artifacts_are_summed_by_stage(place):
    found = {row["stage"]: [row[c] for c in cost.COLUMNS[2:]] for row in stages(place)}
    assert found == {
        "vectors": [1, 0, 3.5, 3.25, 100.5, 0, 1000],
        "graph": [2, 0, 3, 4.5, 70, 0, 30],
        "pruning": [1, 0, 10, 9, 300, 0, 12],
        "training of the weights": [1, 0, 0.5, 0, 0, 1, 0],
        "search": [1, 0, 0.25, 0, 0, 1, 0],
        "other": [1, 0, 1, 3, 2, 0, 0],
    }
    order = [row["stage"] for row in stages(place)]
    assert order == [stage for stage in cost.STAGES if stage in order]


def test_an_artifact_without_the_benchmark_of_its_job_is_missing_one(place):
    benchmark(place / "benchmarks/d/g/unpruned/OPQ4_16/beta0/seed1.tsv", 7, 8, 9)
    for name in ("seed1", "seed2", "timing", "bench_runs"):
        artifact(place / f"results/d/g/unpruned/OPQ4_16/beta0/{name}.h5", 1)
    artifact(place / "results/d/groundtruth.h5", 1)
    (place / "benchmarks/d/h/unpruned/hnsw.tsv").unlink()
    (place / "benchmarks/d/h/rl_a_seed1/prune.tsv").unlink()
    found = {row["stage"]: (row["jobs"], row["missing"]) for row in stages(place)}
    wanted = {"vectors": (1, 0), "ground truth": (0, 1), "graph": (1, 1), "pruning": (0, 2),
              "builds from several seeds": (1, 1), "timing": (0, 1)}  # fmt: skip
    assert wanted.items() <= found.items()
    spent = plot.cost(stages(place), [])
    stage_names = [t.get_text() for t in spent.axes[0].get_yticklabels()]
    for axes in spent.axes[:3]:
        said = dict(zip(stage_names, [t.get_text() for t in axes.texts], strict=False))
        assert [said[s] for s in ("ground truth", "pruning", "timing")] == ["\N{EN DASH}"] * 3
        assert said["graph"].startswith("≥ ") and not said["vectors"].startswith("≥")
    disk = dict(zip(stage_names, [t.get_text() for t in spent.axes[3].texts], strict=False))
    assert disk["pruning"] == "1.2e-05" and not disk["graph"].startswith("≥")
    assert "≥" in spent.axes[0].get_title(loc="left")
    assert "≥" not in spent.axes[3].get_title(loc="left")


def test_a_rule_and_an_artifact_belong_to_one_stage():
    for part in (0, 1):
        names = [name for stage in cost.STAGES.values() for name in stage[part]]
        assert len(set(names)) == len(names)


def test_what_is_no_benchmark_is_refused(place):
    path = place / "benchmarks/d/vectors.tsv"
    for text in ("s\tcpu_time\n1\t2\n", HEAD + "a\tb\tc\n"):
        path.write_text(text)
        with refuses(errors.DataError, str(path), "expected a benchmark of Snakemake"):
            stages(place, ["d"])


def test_bytes_of_a_vector_add_up_to_those_of_the_table():
    table = [
        {"M0": "6", "codec": "OPQ36_144", "beta": "beta4x256", "bytes_per_vector": "64"},
        {"M0": "6", "codec": "OPQ36_144", "beta": "beta4x256", "bytes_per_vector": "64"},
        {"M0": "4", "codec": "OPQ48_192", "beta": "beta0", "bytes_per_vector": "64"},
        {"M0": "5", "codec": "PQ8", "beta": "none", "bytes_per_vector": "28"},
    ]
    found = list(cost.bytes_per_vector(table))
    parts = [[row[c] for c in cost.BYTES[3:]] for row in found]
    assert parts == [[24, 36, 4, 64], [16, 48, 0, 64], [20, 8, 0, 28]]


def test_bars_are_what_was_counted(place):
    rows = stages(place) + [{**row, "dataset": "e"} for row in stages(place, ["d"])]
    spent = list(cost.bytes_per_vector(
        [{"M0": "6", "codec": "OPQ36_144", "beta": "beta4x256", "bytes_per_vector": "64"}]
    ))  # fmt: skip
    wall, cpu, memory, disk, parts = plot.cost(rows, spent).axes
    shown = [t.get_text() for t in wall.get_yticklabels()]
    widths = np.array([p.get_width() for p in wall.patches]).reshape(2, -1)
    assert dict(zip(shown, widths.sum(0), strict=True))["vectors"] == 7
    assert [p.get_x() for p in wall.patches][len(shown)] == 3.5  # stacked
    assert all(p.get_x() == 0 for p in memory.patches)  # beside each other
    said = dict(zip(shown, [t.get_text() for t in cpu.texts], strict=True))
    assert said["search"] == "≥ 0" and said["graph"] == "4.5" and said["vectors"] == "6.5"
    assert wall.get_title(loc="left") == "time of the jobs: 21.8 seconds"
    assert cpu.get_title(loc="left") == "CPU time: ≥ 23 seconds"
    assert [t.get_text() for t in disk.texts][shown.index("vectors")] == "0.002"
    assert [p.get_width() for p in parts.patches] == [24, 36, 4]


def test_a_scale_without_the_table_has_no_bytes_of_vectors(place):
    assert len(plot.cost(stages(place), []).axes) == 4
