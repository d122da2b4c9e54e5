"""The same bits at 1 and 4 threads, and on a machine that can do no more than SSE."""

import hashlib
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import refuses
from test_workflow import ROOT, Run, copied

from linkprune import manifest
from linkprune.errors import DataError

SHORT = ("results/manifest.sha256", "--configfile", "tests/config.manifest.yaml")
TIMES = ("timing.h5", "training_time.h5")
# What else chooses code by what the machine can do: NumPy, its BLAS and Faiss's, the C library.
NO_AVX = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
    "OPENBLAS_CORETYPE": "Nehalem",
    "FAISS_OPT_LEVEL": "generic",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512DQ,-AVX512BW,-AVX2,-FMA,-AVX",
}


def built_without_avx(folder):
    for kernels in (folder / "lib/linkprune/kernels").glob("*.so"):
        kernels.unlink()
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "CFLAGS": "-DANN_NO_CLONES"})  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Copies in which the short config ran: with 4 threads, with 1, and without AVX."""
    home = tmp_path_factory.mktemp("manifest")
    found = {name: copied(home / name) for name in ("four", "one", "plain")}
    run = Run(found["four"], *SHORT, cores=4)
    built_without_avx(found["plain"])
    run.well(600)
    runs = [Run(found["one"], *SHORT, cores=1)]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in NO_AVX.items():
            patch.setenv(name, value)
        runs.append(Run(found["plain"], *SHORT, cores=2))
    for run in runs:
        run.well(600)
    return found


def listed(folder):
    lines = (folder / "results/manifest.sha256").read_text().splitlines()
    return {path: sha for sha, path in (line.split("  ") for line in lines)}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
@pytest.mark.parametrize("other", ["one", "plain"])
def test_every_artifact_has_the_same_bits(folders, other):
    ours, theirs = listed(folders["four"]), listed(folders[other])
    assert [path for path in {**ours, **theirs} if ours.get(path) != theirs.get(path)] == []
    assert len(ours) > 20


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
def test_all_artifacts_are_listed_but_times(folders):
    folder = folders["four"]
    made = {str(p.relative_to(folder)) for p in (folder / "results").rglob("*.h5")}
    assert set(listed(folder)) == {path for path in made if not path.endswith(TIMES)}
    assert {path.split("/")[-1].removesuffix(".h5") for path in listed(folder)} == set(
        "vectors groundtruth codec codes graph codebook beta search exhaustive train training "
        "curve estimators".split()
    )


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
def test_sha256sum_reads_it(folders):
    command = ["sha256sum", "--check", "--strict", "results/manifest.sha256"]
    done = subprocess.run(command, cwd=folders["four"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count(": OK\n") == len(listed(folders["four"]))


@pytest.fixture
def build_kernels(tmp_path, monkeypatch):
    """csrc/build_kernels.py in a folder with a copy of csrc/."""
    shutil.copytree(ROOT / "csrc", tmp_path / "csrc")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT / "csrc"))
    return importlib.import_module("build_kernels")


def test_kernels_say_what_they_were_built_from(build_kernels):
    for family in build_kernels.FAMILIES:
        built = importlib.import_module(f"linkprune.kernels._{family}")
        assert built.ffi.string(built.lib.ann_identity).decode() == build_kernels.identity(family)


def test_identity_is_that_of_the_code(build_kernels, monkeypatch):
    path = Path("csrc/adc.c")
    text, before = path.read_text(), build_kernels.identity("adc")
    path.write_text("/* Another\n * comment. */\n\n" + text.replace("    ", "  "))
    assert build_kernels.identity("adc") == before
    path.write_text(text.replace("schedule(static)", "schedule(dynamic)", 1))
    assert build_kernels.identity("adc") != before
    path.write_text(text)
    monkeypatch.setattr(build_kernels, "CFLAGS", [*build_kernels.CFLAGS, "-ffast-math"])
    assert build_kernels.identity("adc") != before


def test_files_are_listed_once_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b", "a", "c d"):
        (tmp_path / name).write_text(f"content of {name}")
    manifest.write("m", ["b", "c d", "a", "b"])
    hashes = {x: hashlib.sha256(f"content of {x}".encode()).hexdigest() for x in ("a", "b", "c d")}
    assert (tmp_path / "m").read_text() == "".join(f"{h}  {x}\n" for x, h in hashes.items())
    first = (tmp_path / "m").read_bytes()
    manifest.write("m", ["c d", "b", "a"])
    assert (tmp_path / "m").read_bytes() == first
    manifest.write("m", [])
    assert (tmp_path / "m").read_bytes() == b""


def test_what_cannot_be_listed_is_named_and_leaves_nothing(tmp_path):
    (tmp_path / "a").write_text("a")
    with refuses(DataError, "missing", "No such file"):
        manifest.write(tmp_path / "m", [tmp_path / "a", tmp_path / "missing"])
    with refuses(DataError, "line break"):
        manifest.write(tmp_path / "m", ["a\nb"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a"]
