"""What the documents show must run, and what they name must be there."""

import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from snakemake.utils import update_config

from linkprune import LinkCode
from linkprune import config as checked
from linkprune.formats import write
from linkprune.rl import settings

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]


def text(page):
    return (ROOT / page).read_text()


def blocks(page, language):
    """The code blocks of a page in a language."""
    return re.findall(rf"```{language}\n(.*?)```", text(page), re.S)


# What is shown runs


def test_the_examples_of_the_library_page_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    scope = {}
    for example in blocks("docs/library.md", "python"):
        exec(compile(example, "docs/library.md", "exec"), scope)
        assert capsys.readouterr().out or "assert" in example
    assert scope["found"].I.shape == (10, 10)
    assert scope["small"].graph.neighbors.shape[1] <= 4
    assert {"index.h5", "base.fbin", "pruned.nsg"} <= {p.name for p in tmp_path.iterdir()}


def test_the_budget_of_the_parameters_page_is_what_it_prints(capsys):
    (example,) = blocks("docs/parameters.md", "python")
    exec(compile(example, "docs/parameters.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 6 and all(line.endswith(" 64") for line in printed)
    assert "".join(f"    {line}\n" for line in printed) in text("docs/parameters.md")


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The overlays of the page on own vectors, beside files as it names them."""
    monkeypatch.chdir(ROOT)
    (tmp_path / "mine").mkdir()
    for name, n in (("base", 300), ("query", 10), ("learn", 300), ("train", 300)):
        write(tmp_path / f"mine/{name}.fbin", np.ones((n, 128), np.float32))
    whole = {}
    for block in blocks("docs/your-own-vectors.md", "yaml"):
        named = re.match(r"# (mine/\w+\.yaml)\n", block)
        (tmp_path / (named[1] if named else "mine/rows.yaml")).write_text(block)
        whole[named[1] if named else "mine/rows.yaml"] = tmp_path
    assert len(whole) == 4
    return tmp_path


@pytest.mark.parametrize(
    "overlays", [["config"], ["config", "rows"], ["config", "prune"], ["config", "prune", "six"]]
)
def test_the_overlays_of_the_page_on_own_vectors_are_accepted(mine, overlays):
    files = [ROOT / "config.yaml", *(mine / f"mine/{name}.yaml" for name in overlays)]
    config = {}
    for file in files:
        update_config(config, yaml.safe_load(file.read_text()))
    checked.check(config, files)
    assert checked.rows(config, "table2")
    if "prune" in overlays:
        assert checked.pruning_points(config, "pruning")[0]


def test_the_python_of_the_page_on_own_vectors_names_real_artifacts():
    (example,) = blocks("docs/your-own-vectors.md", "python")
    compile(example, "docs/your-own-vectors.md", "exec")
    codec, beta = "OPQ36_144", "beta4x256"
    row = {"M0": 6, "codec": codec, "beta": beta, **checked.TABLE_DEFAULTS}
    assert f"results/mine/{checked.graph_key(row)}/unpruned" in example
    assert f"results/mine/{codec}" in example and f"/{codec}/{beta}/beta.h5" in example


def commands():
    """The snakemake commands of the documents: options -> targets that are asked for with them.

    Whatever follows --config belongs to it: a target after it is no target.
    """
    pages = ("README.md", "docs/cluster.md", "examples/own_vectors.yaml")
    found = {}
    for command in re.findall(r"snakemake (?:--cores|--profile)[^`\n]*", "".join(map(text, pages))):
        if command.endswith("...") or "mine/" in command:  # not to be given as it stands, or above
            continue
        _, *given = shlex.split(command)
        options = next((i for i, x in enumerate(given) if i > 1 and x.startswith("-")), len(given))
        found.setdefault(tuple(given[options:]), set()).update(given[2:options])
    return found


@pytest.mark.parametrize("options", commands(), ids=" ".join)
def test_the_snakemake_commands_of_the_documents_are_understood(options):
    # An overlay may name vectors that are not here: that is one line, not a traceback.
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", "-n", *sorted(commands()[options]),
         *options],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    said = run.stdout + run.stderr
    assert run.returncode == 0 or "no such file: data/" in said, said
    assert "Traceback" not in said and "invalid" not in said


# What is named is there


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_of_the_repository(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text(page)):
        assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_links_to_sections_lead_to_headings(page):
    for target, section in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", text(page)):
        goal = (ROOT / page).parent / target if target else ROOT / page
        headings = re.findall(r"^#+ (.*)$", goal.read_text(), re.M)
        anchors = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
        assert section in anchors, f"{target}#{section}"


def properties(schema):
    """The names of all keys of a schema."""
    if isinstance(schema, list):
        return {name for part in schema for name in properties(part)}
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", ())).union(*map(properties, schema.values()))


KEYS = properties(yaml.safe_load(text("workflow/schemas/config.schema.yaml")))


def names(page, column):
    """What stands in backquotes in a column of the tables of a page."""
    found = set()
    for table in re.findall(r"(?:^\|.*\n)+", text(page), re.M):
        head, _, *rows = ([c.strip() for c in line.strip("|\n").split(" | ")]
                          for line in table.splitlines())  # fmt: skip
        if column in head:
            for row in rows:
                found |= set(re.findall(r"`([^`]+)`", row[head.index(column)]))
    return found


def test_every_key_of_the_config_is_explained():
    pages = ("docs/parameters.md", "docs/pruning.md", "docs/your-own-vectors.md")
    said = set(re.findall(r"[\w@]+", " ".join(re.findall(r"`[^`]*`", "".join(map(text, pages))))))
    said |= set(re.findall(r"^ *(?:- )?\{?(\w+):", "".join(
        block for block in blocks("docs/your-own-vectors.md", "yaml")), re.M))  # fmt: skip
    said |= properties_of_generated_data()
    assert KEYS - said == set()


def properties_of_generated_data():
    """Keys of the synthetic mixture, which no user's data has; the schema describes them."""
    schema = yaml.safe_load(text("workflow/schemas/config.schema.yaml"))
    return set(schema["$defs"]["synthetic"]["properties"])


@pytest.mark.parametrize(
    "page, column", [("docs/parameters.md", "name here"), ("docs/pruning.md", "setting")]
)
def test_the_names_in_the_tables_are_keys_of_the_config(page, column):
    found = names(page, column)
    assert len(found) > 10
    assert {name.split(".")[-1] for name in found} - KEYS == set()


def test_the_settings_of_every_agent_are_explained():
    known = {name for agent in settings.DEFAULTS.values() for name in agent}
    said = set(re.findall(r"`([\w.]+)", text("docs/pruning.md") + text("docs/parameters.md")))
    assert known - said == set()


def test_the_settings_page_has_the_defaults_of_the_edge_agent():
    rows = re.findall(r"^\| (`.*)$", text("docs/pruning.md"), re.M)
    rows = {name: row for row in rows for name in re.findall(r"`(\w+)`", row.split(" |")[0])}
    edge = settings.DEFAULTS["edge"]

    def said(name):
        default = rows[name].split(" | ")[3].split("(")[0]
        return [float(x) for x in re.findall(r"(?:\d*\.)?\d+", default)]

    assert said("prior") == [edge["prior"]] and said("alpha") == [edge["alpha"]]
    assert said("eta") == said("rho") == [edge["eta"], edge["rho"]]
    assert said("recalls") == edge["recalls"]
    assert said("steps") == [edge["steps"], edge["episodes_per_link"]]
    assert said("initial") == [edge["initial"]] and said("k") == [edge["k"]]


def test_the_library_page_has_the_arguments_that_there_are():
    for call, function in (("train", LinkCode.train), ("add", LinkCode.add),
                           ("search", LinkCode.search)):  # fmt: skip
        (said,) = re.findall(
            rf"^\| `(?:LinkCode)?\.{call}\(([^)]*)\)`", text("docs/library.md"), re.M
        )
        known = list(inspect.signature(function).parameters)
        assert said.split(", ") == [name for name in known if name != "self"]


def test_defaults_of_the_parameters_page_are_those_of_the_code():
    add, page = inspect.signature(LinkCode.add).parameters, text("docs/parameters.md")
    for name in ("M", "efConstruction", "graph_on"):
        assert add[name].default == checked.TABLE_DEFAULTS[name]
    config = yaml.safe_load(text("config.yaml"))
    rows = {m[1]: m[0] for m in re.findall(r"^(\| \S.* \| `(\w+)`.*)$", page, re.M)}
    assert f"; {checked.TABLE_DEFAULTS['M']} |" in rows["M"]
    assert f"; {checked.TABLE_DEFAULTS['efConstruction']} |" in rows["efConstruction"]
    assert f"; {config['seed']} |" in rows["seed"]
    training = config["training"]
    assert f"; {training['beta_rows']:,} and {training['beta_rounds']} |" in rows["beta_rows"]
    table2 = config["experiments"]["table2"]
    assert ", ".join(map(str, table2["efSearch"])) in rows["efSearch"]
    assert f"; {table2['k']} |" in rows["k"]
