"""One list of pins, written down twice: for pip and for conda."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def pins(name):
    lines = (ROOT / name).read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_conda_users_get_the_same_pins():
    wanted = (
        pins("requirements.txt") | pins("requirements-dev.txt") | pins("requirements-prune.txt")
    )
    given = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    assert set(given) == wanted


def test_every_pin_is_exact_and_agrees_with_the_constraints():
    constraints = {p.split("==")[0].lower(): p for p in pins("constraints.txt")}
    for pin in pins("requirements.txt") | pins("requirements-dev.txt"):
        assert constraints[pin.split("==")[0].lower()].lower() == pin.lower()


def test_setup_builds_the_families_that_csrc_lists(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT / "csrc"))
    import build_kernels

    text = (ROOT / "setup.py").read_text()
    assert all(f'"{family}"' in text for family in build_kernels.FAMILIES)
    listed = {path for family in build_kernels.FAMILIES for path in build_kernels.sources(family)}
    assert listed == {str(p.relative_to(ROOT)) for p in (ROOT / "csrc").glob("*.[ch]")}
