"""What the documents show must run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_example_of_the_library_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/library.md").read_text(), re.S)
    scope = {}
    exec(compile(example, "docs/library.md", "exec"), scope)
    assert scope["found"].I.shape == (10, 10)
    assert (tmp_path / "index.h5").exists()
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_lead_to_files_of_the_repository(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), target


def test_the_snakemake_commands_of_the_documents_are_understood():
    """Whatever follows --config belongs to it: a target after it is no target."""
    text = "".join((ROOT / name).read_text() for name in ("README.md", "examples/own_vectors.yaml"))
    found = set(re.findall(r"snakemake --cores[^`\n]*", text))
    assert len(found) >= 2
    for command in found:
        # An overlay may name vectors that are not here: that is one line, not a traceback.
        run = subprocess.run(
            [sys.executable, "-m", *shlex.split(command), "--dry-run"],
            cwd=ROOT, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        said = run.stdout + run.stderr
        assert run.returncode == 0 or "no such file: data/" in said, said
        assert "Traceback" not in said and "invalid" not in said
