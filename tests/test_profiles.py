"""The profiles, and what the catalogue and readers of citations expect to find."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
RULES = [*(ROOT / "workflow/rules").glob("*.smk"), ROOT / "Snakefile"]
SLURM = "snakemake-executor-plugin-slurm"


def profile(name):
    return yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text())


def rules():
    """The text of every rule by its name."""
    found = {}
    for path in RULES:
        _, *parts = re.split(r"^rule (\w+):", path.read_text(), flags=re.M)
        found |= dict(zip(parts[::2], parts[1::2], strict=True))
    return found


def installed(name):
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


def test_the_rules_that_the_cluster_profile_names_exist():
    slurm = profile("slurm")
    named = set(slurm["set-threads"]) | set(slurm["set-resources"])
    assert len(named) > 8 and named <= set(rules())


@pytest.mark.parametrize("name", ["default", "slurm"])
def test_the_terminal_says_what_a_job_makes_and_not_its_inputs_by_the_dozen(name):
    assert profile(name)["quiet"] == ["reason"]


def test_every_job_on_a_cluster_asks_for_memory_and_time():
    slurm = profile("slurm")
    assert set(slurm["default-resources"]) == {"mem_mb", "runtime"}
    for asked in [slurm["default-resources"], *slurm["set-resources"].values()]:
        for name in {"mem_mb", "runtime"} & set(asked):
            assert re.fullmatch(r"attempt \* [1-9]\d*", asked[name])


def test_what_is_timed_has_a_node_for_itself():
    slurm = profile("slurm")
    alone = {name for name, text in rules().items() if "threads: workflow.cores" in text}
    assert alone == set(slurm["set-threads"])
    for name in alone:
        assert slurm["set-resources"][name]["slurm_extra"] == "'--exclusive'"


def test_every_job_says_in_a_line_what_it_makes():
    # Otherwise Snakemake shows all inputs, which here is the code that a script imports.
    for name, text in rules().items():
        if "script:" in text:
            assert re.search(r'message:\s+"\{output(\.\w+)?\}: \w', text), name


def test_both_profiles_resume_alike():
    local, slurm = profile("default"), profile("slurm")
    assert {name: slurm[name] for name in local} == local


@pytest.mark.skipif(not installed(SLURM), reason=f"{SLURM} is not installed")
def test_the_cluster_profile_plans_the_toy_run():
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", "-n",
         "results/table2.csv", "--configfile", "tests/config.toy.yaml", "--forceall"],
        cwd=ROOT, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    said = run.stdout + run.stderr
    assert run.returncode == 0, said
    assert "mem_mb=8000" in said and "slurm_extra=--exclusive" in said


def test_the_workflow_is_found_where_the_catalogue_looks():
    assert (ROOT / "workflow/Snakefile").read_text().endswith('include: "../Snakefile"\n')
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    deployment = usage["software-stack-deployment"]
    assert set(deployment) == {"conda", "apptainer", "apptainer+conda"}
    readme = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in readme and "workflow" in readme


def test_the_citation_is_complete():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cff["cff-version"] == "1.2.0" and cff["type"] == "software"
    assert {"message", "title", "authors", "license"} <= set(cff)
    assert "MIT License" in (ROOT / "LICENSE").read_text() and cff["license"] == "MIT"
    assert len(cff["references"]) == 2
    for paper in cff["references"]:
        assert {"type", "title", "authors", "year", "url"} <= set(paper)
        assert all({"family-names", "given-names"} == set(author) for author in paper["authors"])
