"""The import closure that rules have as input, and the check of the built kernels."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from linkprune import deps
from linkprune.errors import KernelError

ROOT = Path(__file__).parents[1]
LIB = ROOT / "lib/linkprune"
SCRIPTS = sorted(p.stem for p in (ROOT / "workflow/scripts").glob("*.py"))
EXTENSIONS = {
    "bench": set(),
    "bench_runs": set(),
    "build": {"adc", "beam", "beta", "distance", "hnsw", "nearest", "rotation", "vamana"},
    "beta": {"adc", "beta", "distance"},
    "claims": set(),
    "codecs": set(),
    "cost_plot": set(),
    "curve": {"adc", "beam", "distance", "episodes"},
    "download": set(),
    "encode": {"adc", "distance"},
    "encode_beta": {"adc", "beta", "distance"},
    "estimators": {"adc", "beam", "beta", "distance", "nearest"},
    "estimators_plot": {"adc", "beam", "beta", "distance", "nearest"},
    "exhaustive": {"adc", "beam", "beta", "distance", "nearest"},
    "figure5_plot": set(),
    "given_graph": {"distance", "hnsw"},
    "groundtruth": {"distance", "nearest"},
    "hnsw": {"adc", "distance", "hnsw", "nearest", "vamana"},
    "initial": set(),
    "interop_dataset": {"distance", "nearest"},
    "interop_graph": {"distance", "hnsw"},
    "interop_run": {"distance", "nearest"},
    "interop_truth": set(),
    "interop_vectors": set(),
    "latency": {"adc", "beam", "beta", "distance"},
    "manifest": set(),
    "opq": {"adc", "distance", "rotation"},
    "prune": {"adc", "beam", "distance", "episodes", "nearest"},
    "pruning_plot": set(),
    "pruning_table": set(),
    "pruning_time": {"adc", "beam", "distance", "episodes"},
    "report": {"beam"},
    "rival": {"adc", "beam", "distance", "episodes", "nearest"},
    "search": {"adc", "beam", "beta", "distance"},
    "seed": {"adc", "beam", "beta", "distance", "hnsw", "nearest", "rotation", "vamana"},
    "seeds": set(),
    "structure": {"distance", "nearest"},
    "structure_plot": {"distance", "nearest"},
    "table": set(),
    "table2_plot": set(),
    "timing": {"adc", "beam", "beta", "distance"},
    "toy": {"adc", "beam", "distance", "episodes", "nearest"},
    "training_queries": {"adc", "beam", "distance", "episodes", "nearest"},
    "vectors": set(),
}
REACHED = {
    "download": "download errors log",
    "search": "chunks codec errors graph index kernels/adc kernels/beam kernels/beta "
    "kernels/checks kernels/coarse kernels/distance kernels/identity kernels/structures log "
    "metrics progress regression search store vectors",
    "table": "comparisons elementary errors kernels/identity keys log metrics rows seeds stats "
    "store tables",
    "pruning_plot": "curves elementary errors kernels/identity log plots/pruning plots/style "
    "plots/training rows stats store",
    "vectors": "chunks datasets errors formats kernels/identity log preparation progress sources "
    "store vectors",
}


@pytest.fixture(autouse=True)
def in_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def closure(name):
    return deps.closure(f"workflow/scripts/{name}.py")


def modules(name):
    paths = [Path(p) for p in closure(name) if p.endswith(".py")]
    return {str(p.relative_to("lib/linkprune").with_suffix("")) for p in paths}


def extensions(name):
    return {Path(p).name.split(".")[0][1:] for p in closure(name) if not p.endswith(".py")}


def imports(paths, folder):
    """A script with only the imports of linkprune that stand in files, Snakemake's among them."""
    lines = [line for p in paths for line in p.read_text().splitlines()]
    script = folder / "imports.py"
    script.write_text("\n".join(x for x in lines if re.match("(from|import) linkprune", x)))
    return script


def test_every_script_has_an_entry_here():
    assert set(EXTENSIONS) == set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_closure_has_the_right_kernels_and_only_files(name):
    found = closure(name)
    assert extensions(name) == EXTENSIONS[name]
    assert found == sorted(set(found))
    assert all(Path(p).is_file() for p in found)
    assert {"log", "errors"} <= modules(name)


@pytest.mark.parametrize("name", REACHED)
def test_closure_lists_the_modules_that_a_script_reaches(name):
    assert modules(name) == set(REACHED[name].split())


@pytest.mark.parametrize("name", ["search", "exhaustive", "timing"])
def test_searching_does_not_depend_on_how_its_parts_were_made(name):
    assert not modules(name) & {"opq", "hnsw", "beta", "datasets", "sources", "config", "linkcode"}
    assert "hnsw" not in extensions(name)


@pytest.mark.parametrize("name", ["search", "opq", "table", "figure5_plot"])
def test_closure_is_what_python_loads(name, tmp_path):
    script = imports([ROOT / f"workflow/scripts/{name}.py"], tmp_path)
    tell = (
        "\nimport json, sys\nprint(json.dumps([m.__file__ for n, m in sys.modules.items() "
        "if n.split('.')[0] == 'linkprune' and hasattr(m, '__file__')]))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "lib"), "OMP_WAIT_POLICY": "PASSIVE"}
    run = subprocess.run(
        [sys.executable, "-c", script.read_text() + tell], env=env, capture_output=True, text=True
    )
    loaded = {str(Path(p).relative_to(ROOT)) for p in json.loads(run.stdout)}
    assert {p for p in loaded if not p.endswith("__init__.py")} == set(closure(name))


def test_no_module_is_dead(tmp_path):
    workflow = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    reached = {p for name in SCRIPTS for p in closure(name)}
    for entry in ("lib/linkprune/linkcode.py", "lib/linkprune/rl/learn.py"):  # from Python only
        reached |= {entry, *deps.closure(entry)}
    reached |= set(deps.closure(imports(workflow, tmp_path)))
    every = {str(p.relative_to(ROOT)) for p in LIB.rglob("*.py") if p.name != "__init__.py"}
    assert every - reached == set()


@pytest.mark.parametrize(
    "path", [*LIB.rglob("*.py"), *(ROOT / "workflow/scripts").glob("*.py")], ids=lambda p: p.name
)
def test_imports_are_written_so_that_the_closure_sees_them(path):
    text = path.read_text()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "a relative import"
            ours = node.module.split(".")[0] == "linkprune"
            assert not (ours and any(a.name == "*" for a in node.names))
    if path.name != "deps.py":
        assert not re.search(r"importlib(?!\.metadata)|__import__", text)
    if path.name == "__init__.py":  # left out of closures: nothing but the way to LinkCode
        names = [n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)]
        assert set(names) <= {"__getattr__"}


def test_an_unknown_module_is_not_a_file_and_other_packages_are_left_out(tmp_path):
    script = tmp_path / "x.py"
    script.write_text("import numpy.linalg\nfrom linkprune import nothing\nimport linkprune.keys\n")
    assert deps.closure(script) == ["lib/linkprune/errors.py", "lib/linkprune/keys.py"]


# Kernels


@pytest.fixture
def build_kernels(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "csrc"))
    import build_kernels

    return build_kernels


def test_every_file_of_csrc_belongs_to_a_family(build_kernels):
    of_families = {p for family in build_kernels.FAMILIES for p in build_kernels.sources(family)}
    every = {str(p.relative_to(ROOT)) for p in (ROOT / "csrc").glob("*.[ch]")}
    assert of_families == every


def test_families_name_every_header_that_they_include(build_kernels):
    for family in build_kernels.FAMILIES:
        todo = [p for p in build_kernels.sources(family) if p.endswith(".c")]
        seen = set(todo)
        while todo:
            included = re.findall(r'#include "(.+)"', Path(todo.pop()).read_text())
            new = {f"csrc/{name}" for name in included} - seen
            seen |= new
            todo += new
        assert seen <= set(build_kernels.sources(family)), family


def test_setup_builds_every_family(build_kernels):
    (names,) = re.findall(r"^FAMILIES = (\[.+\])$", Path("setup.py").read_text(), re.M)
    assert ast.literal_eval(names) == list(build_kernels.FAMILIES)


def test_the_built_kernels_are_those_of_csrc(build_kernels):
    deps.check_built(build_kernels.FAMILIES, build_kernels.sources)


@pytest.fixture
def family(tmp_path, monkeypatch):
    """A library of one extension, older than nothing; its source, its binary."""
    monkeypatch.setattr(deps, "ROOT", tmp_path)
    binary = tmp_path / "linkprune/kernels" / f"_adc{deps.SUFFIX[0]}"
    binary.parent.mkdir(parents=True)
    source = tmp_path / "adc.c"
    for path, at in ((source, 1000), (binary, 1001)):
        path.touch()
        os.utime(path, (at, at))
    return source, binary


def refusal(source):
    with pytest.raises(KernelError) as e:
        deps.check_built(["adc"], lambda family: [str(source)])
    message = str(e.value)
    assert "\n" not in message and "run make" in message
    return message


def test_check_built_accepts_what_is_newer_than_its_sources(family):
    deps.check_built(["adc"], lambda family_: [str(family[0])])


def test_check_built_refuses_a_missing_extension(family):
    source, binary = family
    binary.unlink()
    assert "the adc kernels are not built" in refusal(source)


def test_check_built_refuses_a_stale_extension(family):
    source, binary = family
    os.utime(source, (1002, 1002))
    message = refusal(source)
    assert str(source) in message and str(binary) in message
