"""The configuration: unknown keys and impossible values stop here, in one line, before any work."""

import difflib
import os
from pathlib import Path

import jsonschema
import yaml

from linkprune import datasets, keys
from linkprune.errors import ConfigError, LinkPruneError

SCHEMA = Path("workflow/schemas/config.schema.yaml")
TABLE_DEFAULTS = {"M": 32, "efConstruction": 200, "graph_on": "codes", "policy": "unpruned"}


def check(config, files):
    """Raise ConfigError or DataError, one line each, unless the workflow can run this.

    config: the merged configuration; files: the config files, later ones laid over earlier ones.
    Paths in data sets are made relative to the working directory, in place.
    """
    _check_schema(config)
    _resolve_paths(config, files)
    for name, experiment in config["experiments"].items():
        _check_experiment(config, name, experiment)


def rows(config, name):
    """The rows of an experiment at the chosen scale, defaults filled in."""
    chosen = config["experiments"][name]["rows"]
    at_scale = [r for r in chosen if config["scale"] in r.get("scales", [config["scale"]])]
    return [{**TABLE_DEFAULTS, **r} for r in at_scale]


def graph_key(row):
    """The graph key of a row with its defaults filled in."""
    space = row["codec"] if row["graph_on"] == "codes" else "float"
    return str(keys.HNSW(row["M0"], row["M"], row["efConstruction"], space))


def _check_schema(config):
    # JSON takes 6.0 for an integer; a path or a slice does not.
    exact = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    )
    strict = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=exact)
    validator = strict(yaml.safe_load(SCHEMA.read_text()))
    errors = sorted(validator.iter_errors(config), key=_first)
    if not errors:
        return
    error = errors[0]
    where = ".".join(map(str, error.absolute_path)) or "the config"
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))
        close = difflib.get_close_matches(unknown[0], known, 1)
        hint = f"did you mean {close[0]}" if close else f"expected one of {', '.join(known)}"
        raise ConfigError(f"{where}: unknown key {', '.join(unknown)}; {hint}")
    raise ConfigError(f"{where}: {' '.join(error.message.split())}")


def _first(error):
    """Causes first: a wrong kind makes keys unknown, and a misspelt key is missing too."""
    kinds = {"enum": 0, "additionalProperties": 1}
    return kinds.get(error.validator, 2), len(error.absolute_path)


def _resolve_paths(config, files):
    """Make the paths of data sets, each relative to the file that defines it, usable from here."""
    homes = {}
    for file in files:
        content = yaml.safe_load(Path(file).read_text()) or {}
        for name, entry in (content.get("datasets") or {}).items():
            homes |= dict.fromkeys(((name, part) for part in entry), Path(file).resolve().parent)

    for name, entry in config["datasets"].items():
        for part in (*datasets.PARTS, "groundtruth", "ann_benchmarks"):
            value, home = entry.get(part), homes.get((name, part), Path.cwd())
            if isinstance(value, str):
                entry[part] = _relative(home, value)
            elif value and "path" in value:
                entry[part] = {**value, "path": _relative(home, value["path"])}


def _relative(home, path):
    """``path`` as seen from the working directory; one outside of it stays absolute."""
    full = os.path.normpath(home / path)
    near = os.path.relpath(full)
    return full if near.startswith("..") else near


def _check_experiment(config, name, experiment):
    where, scale = f"experiments.{name}", config["scale"]
    if scale not in experiment["datasets"]:
        raise ConfigError(
            f"scale: {scale} is unknown, expected one of {', '.join(experiment['datasets'])}"
        )
    for known_scale, names in experiment["datasets"].items():
        for dataset in names:
            if dataset not in config["datasets"]:
                close = difflib.get_close_matches(dataset, config["datasets"], 1)
                hint = f"did you mean {close[0]}" if close else "expected a key of datasets"
                raise ConfigError(
                    f"{where}.datasets.{known_scale}: unknown data set {dataset}; {hint}"
                )
    chosen = rows(config, name)
    if not chosen:
        raise ConfigError(f"{where}.rows: no row is for scale {scale}")
    paths = [(graph_key(r), r["policy"], r["codec"], r["beta"]) for r in chosen]
    if len(set(paths)) < len(paths):
        twice = next(p for p in paths if paths.count(p) > 1)
        raise ConfigError(f"{where}.rows: {' '.join(twice)} stands there twice")
    for dataset in experiment["datasets"][scale]:
        entry = config["datasets"][dataset]
        try:
            sizes = datasets.sizes(dataset, entry)
        except LinkPruneError as e:
            message = str(e)
            raise ConfigError(
                message if message.startswith("datasets.") else f"datasets.{dataset}: {e}"
            ) from e
        nb, k = sizes.get("base", (None, None))[0], experiment["k"]
        if nb is not None and k > nb:
            raise ConfigError(f"{where}.k: {k} results from the {nb} base vectors of {dataset}")
        for row in chosen:
            _check_row(where, row, dataset, sizes)


def _check_row(where, row, dataset, sizes):
    codec, beta = keys.codec(row["codec"]), keys.beta(row["beta"])
    where = f"{where}.rows: {row['codec']} {row['beta']} L{row['M0']} on {dataset}"
    nb, d = sizes.get("base", (None, None))
    nt, _ = sizes.get("learn", (None, None))
    if nt is not None and nt < 256:
        raise ConfigError(f"{where}: 256 centroids from {nt} training vectors")
    d_out = codec.d_out or d
    if d_out is not None and d_out % codec.nsq:
        raise ConfigError(f"{where}: {d_out} dimensions do not divide into {codec.nsq} codes")
    if d_out is not None and beta.nsq and d_out % beta.nsq:
        raise ConfigError(f"{where}: {d_out} dimensions do not divide into {beta.nsq} beta parts")
    if nb is not None:
        if beta.nsq and nb < 256:
            raise ConfigError(f"{where}: 256 beta codewords from {nb} base vectors")
        if row["M0"] >= nb:
            raise ConfigError(f"{where}: {row['M0']} links among {nb} vertices")
