"""The workflow end to end, on copies of the repository; what test_config and test_resume share."""

import collections
import csv
import functools
import hashlib
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import yaml

from linkprune import formats, groundtruth, store, vectors

ROOT = Path(__file__).parents[1]
TOY = ("--configfile", "tests/config.toy.yaml")
BETA_ROW = "hnsw_L4_M8_efC20_OPQ8_32/unpruned"
COLUMNS = (
    "dataset graph policy codec beta M0 bytes_per_vector mode efSearch k_reorder "
    "R@1 R@1_lo R@1_hi R@10 R@10_lo R@10_hi R@100 R@100_lo R@100_hi "
    "mse ndis nhops nreorder ms_per_query threads nq published_R@1 verdict"
).split()


def copied(folder):
    """A copy of the repository, built kernels included, times of the files kept."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]
    names += [p.relative_to(ROOT) for p in (ROOT / "lib/linkprune/kernels").glob("*.so")]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def twin(folder, at):
    """A copy of a repository in which the workflow ran."""
    return shutil.copytree(folder, at, symlinks=True)


class Run:
    """A Snakemake in a process group of its own; its output goes to a file."""

    def __init__(self, folder, *args, cores=4):
        self.out = folder.parent / f"{folder.name}.{next(_numbers)}.txt"
        command = [sys.executable, "-m", "snakemake", "--cores", str(cores), *map(str, args)]
        # The editable install is of another tree: the copy's library comes before it.
        environment = {
            **os.environ,
            "PYTHONPATH": str(folder / "lib"),
            "OMP_WAIT_POLICY": "PASSIVE",
            "XDG_CACHE_HOME": str(folder.parent / "cache"),
        }
        with open(self.out, "w") as f:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=f,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def kill(self, group=True):
        """SIGKILL for the whole group, or for Snakemake alone: then its jobs go on."""
        os.kill(self.process.pid * (-1 if group else 1), signal.SIGKILL)
        self.process.wait()

    def end(self, seconds=120):
        """Exit status and output."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"no end after {seconds} s:\n{self.out.read_text()[-3000:]}")
        return self.process.returncode, self.out.read_text()

    def well(self, seconds=120):
        """The output of a run that has to succeed."""
        status, text = self.end(seconds)
        assert status == 0, text[-5000:]
        return text


_numbers = iter(range(10**6))


_undisturbed = {}


def undisturbed(factory):
    """Copies in which the toy config ran, once in a session: with 4 cores and with 1."""
    if not _undisturbed:
        folders = {cores: copied(factory.mktemp("repo") / f"cores{cores}") for cores in (4, 1)}
        runs = [Run(folder, *TOY, cores=cores) for cores, folder in folders.items()]
        for run in runs:
            run.well(200)
        _undisturbed.update(folders)
    return _undisturbed


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    return undisturbed(tmp_path_factory)[4]


def table(folder):
    with open(folder / "results/table2.csv", newline="") as f:
        return list(csv.DictReader(f))


def accuracy(folder):
    """All that has to be the same bits: sha256 of artifacts, table without its times."""
    found = {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in (folder / "results").rglob("*.h5")
        if p.name != "timing.h5"
    }
    rows = [{c: x for c, x in row.items() if c != "ms_per_query"} for row in table(folder)]
    return {**found, "table2": rows}


def planned(text):
    """Rule -> number of jobs, as a dry run tells them."""
    if "Nothing to be done" in text:
        return {}
    stats = text.split("Job stats:")[1].split("total")[0]
    return {rule: int(n) for rule, n in re.findall(r"^(\w+)\s+(\d+)$", stats, re.M)}


def jobs(n=1, **counts):
    """As many jobs in both data sets, then table, figures and target."""
    last = dict.fromkeys(("table", "table2_plot", "cost_plot", "claims", "report", "all"), 1)
    return {**last, **{rule: n * c for rule, c in counts.items()}}


def overlay(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path


# What comes out


def test_toy_run_succeeds_without_a_warning_in_its_logs(toy):
    logs = [p.read_text() for p in (toy / "logs").rglob("*.log")]
    assert len(logs) == 37
    assert not [text for text in logs if "Warning" in text or "Traceback" in text]
    assert not list((toy / "results").rglob("*.tmp"))


def test_table_has_the_columns_and_points_of_the_contract(toy):
    rows = table(toy)
    assert list(rows[0]) == COLUMNS
    points = [(r["dataset"], r["beta"], r["mode"], r["efSearch"], r["k_reorder"]) for r in rows]
    want = []
    for dataset in ("blobs", "angles"):
        grid = [("graph", ef, r) for ef in ("1", "16") for r in ("0", "5")]
        want += [(dataset, "beta2x256", *p) for p in [*grid, ("exhaustive", "", "")]]
        grid = [("graph", ef, "0") for ef in ("1", "16")]
        want += [(dataset, "none", *p) for p in [*grid, ("exhaustive", "", "")]]
    assert points == want


def test_values_of_the_table_are_plausible(toy):
    rows = table(toy)
    for row in rows:
        for k in (1, 10):
            lo, x, hi = (float(row[f"R@{k}{end}"]) for end in ("_lo", "", "_hi"))
            assert 0 <= lo <= x <= hi <= 1
        assert float(row["R@1"]) <= float(row["R@10"])
        assert row["nq"] == "50" and float(row["mse"]) > 0
        assert row["published_R@1"] == row["verdict"] == ""
        beta = row["beta"] == "beta2x256"
        assert row["bytes_per_vector"] == str(4 * 4 + 8 + 2 if beta else 4 * 5 + 8)
        assert row["M0"] == ("4" if beta else "5")
        counters = [row[c] for c in ("ndis", "nhops", "nreorder", "ms_per_query", "threads")]
        if row["mode"] == "exhaustive":
            assert counters == [""] * 5
            assert float(row["R@10"]) > 0.9
        else:
            assert float(row["ndis"]) >= float(row["nhops"]) >= 1 and row["threads"] == "1"
            assert float(row["ms_per_query"]) > 0
            assert 0 <= float(row["nreorder"]) <= int(row["k_reorder"])
    by_place = collections.defaultdict(list)
    for row in rows:
        if row["mode"] == "graph":
            by_place[row["dataset"], row["beta"], row["k_reorder"]].append(row)
    for low, high in by_place.values():
        assert int(low["efSearch"]) < int(high["efSearch"])
        for column in ("ndis", "nhops", "R@10"):
            assert float(low[column]) < float(high[column])
        assert low["mse"] == high["mse"]
    for dataset in ("blobs", "angles"):
        codes, refined = (by_place[dataset, "beta2x256", r][0]["mse"] for r in "05")
        assert float(refined) < float(codes)


def test_recall_beyond_the_number_of_results_is_not_reported(toy):
    for row in table(toy):  # 10 results tell nothing of the first 100
        assert [row[f"R@100{end}"] for end in ("", "_lo", "_hi")] == ["", "", ""]


def test_markdown_groups_by_data_set(toy):
    text = (toy / "results/table2.md").read_text()
    assert re.findall(r"^## (\w+) \(50 queries\)$", text, re.M) == ["blobs", "angles"]
    for group in text.partition("\n## Paired differences")[0].split("\n## ")[1:]:
        lines = [line for line in group.splitlines() if line.startswith("|")]
        assert len(lines) == 2 + 5 + 3
        assert len({line.count("|") for line in lines}) == 1
    assert "Threads per timed search: 1." in text


def test_cosine_vectors_have_length_one(toy):
    data = vectors.load(toy / "results/angles/vectors.h5")
    assert data.metric == "ip"
    for x in (data.base, data.query, data.learn):
        assert np.allclose((x.astype(np.float64) ** 2).sum(1), 1, atol=1e-6)


def test_artifacts_do_not_depend_on_the_number_of_cores(toy, tmp_path_factory):
    one = undisturbed(tmp_path_factory)[1]
    found = accuracy(toy)
    assert len(found) == 1 + 2 * 12
    assert accuracy(one) == found


# What runs again


def test_second_run_does_nothing(toy):
    assert "Nothing to be done" in Run(toy, *TOY).well()


def test_a_config_value_reruns_exactly_what_depends_on_it(toy, tmp_path):
    table2 = {"k_reorder": [0, 3]}
    changes = {
        "k_reorder": {"experiments": {"table2": table2}},
        "beta_rounds": {"training": {"beta_rounds": 3}},
        "queries": {"timing": {"queries": 10}},
        "seed of blobs": {"datasets": {"blobs": {"seed": 1}}},
    }
    want = {
        "k_reorder": {**jobs(2, search=1, timing=1), "manifest": 1},
        "beta_rounds": {
            **jobs(2, beta=1, encode_beta=1, search=1, exhaustive=1, timing=1),
            "manifest": 1,
        },
        "queries": jobs(2, timing=2),
        "seed of blobs": jobs(
            vectors=1, groundtruth=1, opq=1, encode=1, hnsw=2, beta=1, encode_beta=1, search=2,
            exhaustive=2, timing=2, structure=1, structure_plot=1, manifest=1,
        ),
    }  # fmt: skip
    runs = {
        name: Run(toy, "-n", *TOY, overlay(tmp_path / f"{i}.yaml", change))
        for i, (name, change) in enumerate(changes.items())
    }
    assert {name: planned(run.well()) for name, run in runs.items()} == want


def test_an_edit_reruns_exactly_what_reaches_the_file(toy, tmp_path):
    after_codes = dict(beta=1, encode_beta=1, search=2, exhaustive=2, timing=2)
    want = {
        "metrics.py": {**jobs(2, search=2, exhaustive=2), "manifest": 1},
        "tables.py": jobs(),
        "opq.py": {
            **jobs(2, opq=1, encode=1, hnsw=1, structure=1, **after_codes),
            "structure_plot": 1,
            "manifest": 1,
        },
        "kernels/_beta.abi3.so": {**jobs(2, **after_codes), "manifest": 1},
    }
    runs = {}
    for name in want:
        folder = twin(toy, tmp_path / name.replace("/", "_"))
        with open(folder / "lib/linkprune" / name, "ab") as f:
            f.write(b"\n# Edited.\n")
        runs[name] = Run(folder, "-n", *TOY)
    assert {name: planned(run.well()) for name, run in runs.items()} == want


def test_jobs_run_the_code_of_the_copy(toy, tmp_path):
    folder = twin(toy, tmp_path / "copy")
    module = folder / "lib/linkprune/tables.py"
    edited = module.read_text().replace('f"# {title}"', 'f"# This is {title}"')
    assert edited != module.read_text()
    module.write_text(edited)
    Run(folder, *TOY).well()
    assert (folder / "results/table2.md").read_text().startswith("# This is Table 2")
    assert accuracy(folder) == accuracy(toy)


def test_a_truncated_artifact_is_named_in_one_line_and_can_be_made_again(toy, tmp_path):
    folder = twin(toy, tmp_path / "copy")
    codes = folder / "results/blobs/OPQ8_32/codes.h5"
    whole = codes.read_bytes()
    codes.write_bytes(whole[: len(whole) // 2])
    graph = f"results/blobs/{BETA_ROW}/graph.h5"
    status, text = Run(folder, *TOY, "--", graph).end()
    log = (folder / f"logs/blobs/{BETA_ROW}/hnsw.log").read_text()
    assert status != 0
    assert re.findall("^linkprune: .*", log, re.M) == [
        "linkprune: results/blobs/OPQ8_32/codes.h5: not a complete HDF5 artifact; "
        "delete it and run the workflow again"
    ]
    assert "Traceback" not in log + text
    codes.unlink()
    Run(folder, *TOY, "--", graph).well()
    assert codes.read_bytes() == whole
    assert (folder / graph).read_bytes() == (toy / graph).read_bytes()


# Downloads


@pytest.fixture
def served(tmp_path):
    """A folder and the address that it is served at."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_url_data_set_is_downloaded_cropped_and_checked(served, tmp_path):
    source, address = served
    folder = copied(tmp_path / "repo")
    rng = np.random.default_rng(0)
    base, query = (rng.integers(0, 50, (n, 16)).astype(np.float32) for n in (500, 9))
    formats.write(source / "base.fbin", base)
    formats.write(source / "query.fvecs", query)
    ids, _ = groundtruth.exact(query, base[:400], 10)
    (tmp_path / "mine").mkdir()
    formats.write(tmp_path / "mine/truth.ivecs", ids)
    parts = {
        "base": {"url": [f"{address}/gone.fbin", f"{address}/base.fbin"], "format": "fbin",
                 "rows": 400},
        "query": {"url": f"{address}/query.fvecs", "format": "fvecs",
                  "sha256": hashlib.sha256((source / "query.fvecs").read_bytes()).hexdigest()},
        "groundtruth": "truth.ivecs",
        "metric": "l2",
    }  # fmt: skip
    wrong = {**parts, "query": {**parts["query"], "sha256": "0" * 64}}
    mine = overlay(
        tmp_path / "mine/config.yaml",
        {
            "scale": "web",
            "datasets": {"web": parts, "wrong": wrong},
            "experiments": {"table2": {"k": 10, "datasets": {"web": ["web"]}, "rows": [
                {"M0": 4, "codec": "OPQ8_16", "beta": "none"}]}},
        },
    )  # fmt: skip
    text = Run(folder, "--configfile", mine, "--", "results/web/groundtruth.h5").well()
    data = vectors.load(folder / "results/web/vectors.h5")
    for got, want in ((data.base, base[:400]), (data.query, query), (data.learn, base[:400])):
        assert np.array_equal(got, want)
    assert (folder / "downloads/web/base.fbin").stat().st_size == 8 + 400 * 16 * 4
    truth = folder / "results/web/groundtruth.h5"
    assert np.array_equal(store.load(truth, ids="nq k")[0], ids)
    assert store.attrs(truth)["given"]

    status, text = Run(folder, "--configfile", mine, "--", "downloads/wrong/query.fvecs").end()
    log = (folder / "logs/downloads/wrong/query.fvecs.log").read_text()
    (line,) = re.findall("^linkprune: .*", log, re.M)
    assert status != 0 and "Traceback" not in log + text
    assert "downloads/wrong/query.fvecs: not downloaded: " in line
    assert f"{address}/query.fvecs has sha256 {parts['query']['sha256']}" in line
    assert f"expected {'0' * 64}" in line
    assert not list(folder.glob("downloads/wrong/*"))


# The workflow as text


def test_lint_format_and_the_full_config_are_clean(tmp_path):
    folder = copied(tmp_path / "repo")
    runs = [Run(folder, "--lint"), Run(folder, "-n", cores=32)]
    runs += [Run(folder, "-n", "--config", "scale=1M", cores=32)]
    runs += [Run(folder, "-n", "--config", "scale=10M", cores=32)]
    formatted = subprocess.run(
        [sys.executable, "-m", "snakefmt.snakefmt", "--check", "Snakefile", "workflow"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert formatted.returncode == 0, formatted.stderr
    lint, demo, download, synthetic = (run.well() for run in runs)
    assert "in a good condition" in lint
    # Three rows on two data sets, two of them of one codec, and three of Figure 5 on patches. Of
    # pruning on digits: three seeds, three rivals that thin the initial graph, ten other graphs.
    # The estimators take four more regressions on both data sets. Codecs are five more on patches,
    # a graph each, with and without weights, and no search but the exhaustive one; two more builds
    # of all six. Five builds of a row on digits, each of a seed.
    rows = dict.fromkeys(("search", "exhaustive", "timing"), 6 + 3)
    rows |= dict.fromkeys(("beta", "encode_beta"), 6 + 3 + 8 + 5) | {"exhaustive": 6 + 3 + 11}
    want = dict(estimators=2, estimators_plot=1, structure=2, structure_plot=1,
                vectors=2, groundtruth=2, opq=4 + 3 + 5, encode=4 + 3 + 5, hnsw=6 + 3 + 11 + 5,
                **rows, codecs=1, build=12, seed=5, seeds=1, initial=1, manifest=1,
                training_queries=1, prune=3, rival=3, curve=17, pruning_time=1, pruning_table=1,
                table=2, figure5_plot=1, pruning_plot=1, toy=1)  # fmt: skip
    assert planned(demo) == jobs(**want)
    assert planned(download)["download"] == 4
    assert planned(synthetic)["vectors"] == 1
    assert not (folder / "results").exists()
