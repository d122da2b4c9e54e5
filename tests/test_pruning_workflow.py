"""Pruning through Snakemake, in seconds: what comes out, the same bits, and what is refused."""

import csv
import re
import time

import numpy as np
import pytest
import yaml
from config_cases import refusal
from test_workflow import ROOT, Run, copied, planned, table, twin

from linkprune import pruning, pruning_tables, store, vectors
from linkprune.graph import Graph
from linkprune.kernels import beam

CONFIG = ("--configfile", "tests/config.pruning.yaml")
BLOBS = "results/blobs"
GRAPH = "hnsw_L10_M4_efC30_float"
RIVALS = ("random_D4_seed1", "shortest_D4", "used_D4", "unpruned")
LEARNED = ("rl_edge_seed1", "rl_edge_seed2")
NETWORK = "rl_network_seed1"
EF = [1, 2, 4, 8, 16, 32, 64]


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    """A copy of the repository in which the tables were made with two cores."""
    folder = copied(tmp_path_factory.mktemp("repo") / "pruning")
    alone = f"{BLOBS}/{GRAPH}/{NETWORK}/graph.h5"
    tables = ("results/pruning.csv", "results/table2.csv")
    run = Run(folder, *CONFIG, "--", *tables, alone, cores=2)
    (folder / "output.txt").write_text(run.well(300))
    return folder


def rows(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def graph_of(folder, policy):
    return Graph.load(folder / BLOBS / GRAPH / policy / "graph.h5")


def links(graph):
    u, slot = np.nonzero(graph.neighbors >= 0)
    return set(zip(u.tolist(), graph.neighbors[u, slot].tolist(), strict=True))


# What comes out


def test_no_log_has_a_warning(pruned):
    logs = [p.read_text() for p in (pruned / "logs").rglob("*.log")]
    assert len(logs) == 24
    assert not [text for text in logs if "arning" in text or "Traceback" in text]


def test_the_table_has_every_point_of_every_graph(pruned):
    found = rows(pruned / "results/pruning.csv")
    assert list(found[0]) == list(pruning_tables.COLUMNS)
    points = [(r["role"], r["graph"], r["policy"], int(r["efSearch"])) for r in found]
    want = [("learned", p) for p in LEARNED] + [("rival", p) for p in RIVALS]
    assert points == [(role, GRAPH, policy, ef) for role, policy in want for ef in EF]
    for row in found:
        assert row["dataset"] == "blobs" and row["nq"] == "120" and float(row["ms_per_query"]) > 0
        assert 0 <= float(row["R@1_lo"]) <= float(row["R@1"]) <= float(row["R@1_hi"]) <= 1
        degree = len(links(graph_of(pruned, row["policy"]))) / 500
        assert row["mean_degree"] == f"{degree:.2f}"
    for column in ("ndis", "R@10", "recall@10"):
        values = np.array([float(r[column]) for r in found]).reshape(-1, len(EF))
        assert (np.diff(values, axis=1) >= 0).all() and (values[:, 0] < values[:, -1]).all()


def test_the_table_says_what_a_search_of_the_graph_does(pruned):
    data = vectors.load(pruned / BLOBS / "vectors.h5")
    (truth,) = store.load(pruned / BLOBS / "groundtruth.h5", ids="nq k")
    found = rows(pruned / "results/pruning.csv")
    for policy in (*LEARNED, *RIVALS):
        (at,) = (r for r in found if r["policy"] == policy and r["efSearch"] == "8")
        hits, ndis = searched(graph_of(pruned, policy), data, truth)
        assert at["R@1"] == f"{hits:.4f}" and at["ndis"] == f"{ndis:.2f}"


def searched(graph, data, truth):
    base, x = (np.ascontiguousarray(y, np.float32) for y in (data.base, data.query))
    _, I, level0, upper, _ = beam.search(graph, x, 10, 8, vectors=base)
    return (I[:, 0] == truth[:, 0]).mean(), (level0 + upper).mean()


def test_the_summary_compares_with_the_best_rival_at_each_target(pruned):
    found = rows(pruned / "results/pruning_summary.csv")
    assert list(found[0]) == list(pruning_tables.SUMMARY)
    assert [(r["measure"], r["target"]) for r in found] == [
        ("R@1", "0.80"), ("R@1", "0.90"), ("R@10", "0.90"), ("recall@10", "0.80"),
    ]  # fmt: skip
    for row in found:
        assert (row["graph"], row["policy"], row["seeds"]) == (GRAPH, "rl_edge", "2")
        assert row["best_rival"] in [f"{GRAPH}/{policy}" for policy in RIVALS]
        lo, mean, hi = (float(row[name]) for name in ("ratio_lo", "ratio", "ratio_hi"))
        least, most = float(row["ratio_min"]), float(row["ratio_max"])
        assert lo <= mean <= hi and least <= mean <= most
        rough = float(row["learned_distances"]) / float(row["rival_distances"])
        assert mean == pytest.approx(rough, rel=1e-2)
        assert float(row["ms_ratio"]) > 0 and float(row["cpu_s"]) > 0 and row["episodes"] == "12000"
        lost = [pruning.lost(graph_of(pruned, policy)) for policy in LEARNED]
        for name in ("unreachable", "isolated"):
            assert row[name] == str(max(of[name] for of in lost))
        assert 0 <= int(row["nearest_unreachable"]) <= 120
        assert 0 <= int(row["nearest_unreachable_train"]) <= 1300
    text = (pruned / "results/pruning.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 4 and len({line.count("|") for line in lines}) == 1
    assert "\n## blobs\n" in text and "2 repetitions, 1 thread, " in text


def test_pruned_graphs_are_parts_of_the_initial_one(pruned):
    whole = graph_of(pruned, "unpruned")
    for policy in (*LEARNED, *RIVALS[:-1], "rl_capped_seed1"):
        graph = graph_of(pruned, policy)
        assert links(graph) < links(whole)
        if policy != "rl_capped_seed1":
            assert np.array_equal(pruning.reachable(graph), pruning.reachable(whole))
    one, two = (links(graph_of(pruned, policy)) for policy in LEARNED)
    assert one != two


def test_a_row_of_table_2_is_searched_on_the_pruned_graph_and_counts_its_bytes(pruned):
    found = table(pruned)
    assert [(r["graph"], r["policy"], r["efSearch"]) for r in found] == [
        (GRAPH, "rl_capped_seed1", ef) for ef in ("1", "16")
    ]
    widest = (graph_of(pruned, "rl_capped_seed1").neighbors >= 0).sum(1).max()
    assert widest <= 5
    for row in found:
        assert row["M0"] == str(widest) and row["bytes_per_vector"] == str(4 * widest + 8)
    assert float(found[1]["R@1"]) > float(found[0]["R@1"])


def test_trainings_leave_curves_events_and_lines_of_progress_and_no_checkpoint(pruned):
    for policy in LEARNED:
        notes = pruned / "logs/blobs" / GRAPH / policy
        text = (notes / "prune.log").read_text()
        progress = re.findall(r" progress: step (\d+) of 12: reward .*", text)
        assert progress == [str(i + 1) for i in range(12)]
        (events,) = (notes / "events").iterdir()
        assert events.name.startswith("events.out.tfevents") and b"recall" in events.read_bytes()
        folder = pruned / BLOBS / GRAPH / policy
        names = sorted(p.name for p in folder.iterdir())
        assert names == ["curve.h5", "graph.h5", "training.h5", "training_time.h5"]
        history = store.load(folder / "training.h5", reward="steps", links="steps", score="steps")
        assert {x.shape for x in history} == {(12,)}
        attrs = store.attrs(folder / "training.h5")
        assert attrs["chosen"] == np.nanargmin(history[2]) and attrs["policy"] == policy


def test_a_second_run_does_nothing_and_an_agent_reruns_what_it_learned(pruned, tmp_path):
    targets = ("--", "results/pruning.csv", "results/table2.csv")
    change = tmp_path / "change.yaml"
    change.write_text(yaml.safe_dump({"pruning": {"agents": {"rl_edge": {"eta": 0.5}}}}))
    runs = [Run(pruned, "-n", *CONFIG, *targets), Run(pruned, "-n", *CONFIG, change, *targets)]
    again, changed = (run.well() for run in runs)
    assert "Nothing to be done" in again
    counts = {rule: n for rule, n in planned(changed).items()}
    assert counts == {"prune": 2, "curve": 2, "pruning_time": 1, "pruning_table": 1}


def test_the_published_agent_leaves_the_same_kinds_of_files(pruned):
    names = {p.name for p in (pruned / BLOBS / GRAPH / NETWORK).iterdir()}
    assert names == {"graph.h5", "training.h5", "training_time.h5"}
    assert links(graph_of(pruned, NETWORK)) <= links(graph_of(pruned, "unpruned"))
    attrs = store.attrs(pruned / BLOBS / GRAPH / NETWORK / "training.h5")
    assert attrs["policy"] == NETWORK and re.match(r"\d+\.\d+", attrs["torch"])


# The same bits


def bits(folder, policy):
    """The learned graph and the training as they lie on disk."""
    place = folder / BLOBS / GRAPH / policy
    return [(place / name).read_bytes() for name in ("graph.h5", "training.h5")]


@pytest.mark.parametrize("policy", [LEARNED[0], NETWORK])
def test_killed_in_training_and_resumed_on_one_core_it_is_the_same_graph(pruned, tmp_path, policy):
    folder = twin(pruned, tmp_path / "copy")
    place, target = folder / BLOBS / GRAPH / policy, f"{BLOBS}/{GRAPH}/{policy}/graph.h5"
    # On a busy machine a training can end between the look at its checkpoint and the kill.
    assert any(killed_in_training(folder, place, target) for _ in range(5))
    Run(folder, *CONFIG, "--", target, cores=1).well()
    assert bits(folder, policy) == bits(pruned, policy)
    text = (folder / f"logs/blobs/{GRAPH}/{policy}/prune.log").read_text()
    assert "going on after step" in text
    assert not (place / "checkpoint.h5").exists()


def killed_in_training(folder, place, target):
    for path in place.iterdir():
        path.unlink()
    run = Run(folder, *CONFIG, "--", target, cores=1)
    deadline = time.monotonic() + 60
    while not (place / "checkpoint.h5").exists() and run.process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    run.kill()
    return (place / "checkpoint.h5").exists()


# What is refused


def comparison(**values):
    return {"experiments": {"pruning": values}}


def learned(**values):
    row = {"policy": "rl_edge", "graph": "nsw_M8_efC100_float", "seeds": [1], **values}
    return comparison(learned=[row])


def row(**values):
    base = {"codec": "PQ8", "beta": "none", "graph": "nsw_M8_efC100_float"}
    return {"experiments": {"table2": {"rows": [{**base, **values}]}}}


PRUNING, TABLE = "experiments.pruning", "experiments.table2.rows"
REFUSED = {
    "misspelt agent": (learned(policy="rl_egde"), f"{PRUNING}.learned", "agent rl_egde",
                       "did you mean rl_edge"),
    "unknown agent": (learned(policy="sarsa"), f"{PRUNING}.learned", "agent sarsa",
                      "pruning.agents"),
    "unknown graph": (learned(graph="hnsw_M8"), f"{PRUNING}.learned", "graph hnsw_M8", "nsw_M<M>"),
    "graph of a rival": (comparison(rivals=["knn_K8"]), f"{PRUNING}.rivals", "graph knn_K8"),
    "policy of a rival": (comparison(rivals=["nsw_M8_efC100_float/best_D4"]), f"{PRUNING}.rivals",
                          "policy best_D4", "random_D<degree>_seed<n>"),
    "misspelt data set": (comparison(datasets={"demo": ["patch"]}), f"{PRUNING}.datasets.demo",
                          "patch", "did you mean patches"),
    "no seed": (learned(seeds=[]), f"{PRUNING}.learned.0.seeds"),
    "seed 0": (learned(seeds=[0]), f"{PRUNING}.learned.0.seeds.0", "0"),
    "descending efSearch": ({"pruning": {"efSearch": [8, 4]}}, "pruning.efSearch", "ascend",
                            "[8, 4]"),
    "descending validation": ({"pruning": {"validation": {"efSearch": [1, 8, 4]}}},
                              "pruning.validation", "ascend", "[1, 8, 4]"),
    "target 1": ({"pruning": {"targets": {"R@1": [1]}}}, "pruning.targets.R@1.0", "1"),
    "measure": ({"pruning": {"targets": {"R@2": [0.5]}}}, "pruning.targets", "unknown key R@2",
                "R@1"),
    "setting": ({"pruning": {"agents": {"rl_edge": {"step": 3}}}}, "pruning.agents.rl_edge",
                "unknown key step", "steps"),
    "setting of another kind": ({"pruning": {"agents": {"rl_edge": {"hidden": 3}}}},
                                "pruning.agents.rl_edge", "unknown key hidden"),
    "kind": ({"pruning": {"agents": {"rl_edge": {"agent": "egde"}}}},
             "pruning.agents.rl_edge.agent", "edge"),
    "name of an agent": ({"pruning": {"agents": {"edge": {"agent": "edge"}}}}, "pruning.agents",
                         "edge"),
    "agent of a row": (row(policy="rl_egde_seed1"), TABLE, "agent rl_egde", "did you mean rl_edge"),
    "policy without seed": (row(policy="rl_edge"), TABLE, "policy rl_edge", "rl_<agent>_seed<n>"),
    "graph of a row": (row(graph="hnsw_M8"), TABLE, "graph hnsw_M8", "nsw_M<M>"),
    "graph and M0": (row(M0=6), TABLE, "PQ8", "M0 or graph"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_pruned_is_refused_in_one_line(tmp_path, monkeypatch, what):
    monkeypatch.chdir(ROOT)
    change, *words = REFUSED[what]
    message = refusal(tmp_path, change)
    for word in words:
        assert word in message
    assert message.startswith(words[0])
