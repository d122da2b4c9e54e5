"""What the documents show must run."""

import re
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
