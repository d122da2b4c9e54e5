"""The configuration: unknown keys and impossible values stop here, in one line, before any work."""

import difflib
import os
from pathlib import Path

import jsonschema
import yaml

from linkprune import datasets, keys
from linkprune.errors import ConfigError, LinkPruneError, reading
from linkprune.rl import settings

SCHEMA = Path("workflow/schemas/config.schema.yaml")
TABLES = ("table2", "figure5")  # the experiments whose rows are searched, as table2 says
SEEDS = "seeds"  # the experiment whose rows are built from several seeds
PRUNING = ("pruning", "ablation")  # the experiments that compare pruned graphs
TABLE_DEFAULTS = {
    "M": 32, "efConstruction": 200, "graph_on": "codes", "builder": "linkprune",
    "policy": "unpruned",
}  # fmt: skip


def check(config, files):
    """Raise ConfigError or DataError, one line each, unless the workflow can run this.

    config: the merged configuration; files: the config files, later ones laid over earlier ones.
    Paths in data sets are made relative to the working directory, in place.
    """
    _check_schema(config)
    _resolve_paths(config, files)
    validation = config["pruning"]["validation"]["efSearch"]
    for part, efs in (("efSearch", config["pruning"]["efSearch"]),
                      ("validation.efSearch", validation)):  # fmt: skip
        if efs != sorted(efs):
            raise ConfigError(f"pruning.{part}: must ascend, got {efs}")
    _check_bench(config)
    scale, known = config["scale"], {}
    for name, experiment in config["experiments"].items():
        known |= dict.fromkeys(experiment["datasets"])
        if name == "codecs":
            _check_scales(experiment)
        _check_names(config, name, experiment)
        if scale in experiment["datasets"]:
            (_check_comparison if name in PRUNING else _check_table)(config, name, experiment)
    if scale not in known:
        raise ConfigError(f"scale: {scale} is unknown, expected one of {', '.join(known)}")


def _check_scales(codecs):
    """Refuse further builds at a scale that the figure is not for."""
    for scale in codecs.get("seeds", {}):
        if scale not in codecs["datasets"]:
            where = f"experiments.codecs.seeds: {scale}"
            raise ConfigError(f"{where}: {_hint(scale, codecs['datasets'], 'its datasets')}")


def rows(config, name):
    """The rows of an experiment at the chosen scale, defaults filled in."""
    experiment = config["experiments"][name]
    chosen = experiment.get("rows") or [
        {"M0": experiment["M0"], **codec, "beta": beta}
        for codec in experiment.get("codecs") or [{"codec": experiment["codec"]}]
        for beta in experiment["betas"]
    ]
    return [{**TABLE_DEFAULTS, **row} for row in _at_scale(config, chosen)]


def _at_scale(config, rows):
    return [r for r in rows if config["scale"] in r.get("scales", [config["scale"]])]


def agent(config, name):
    """The complete settings of an agent; ConfigError where there is none of this name."""
    known = config["pruning"]["agents"]
    if name not in known:
        raise ConfigError(f"agent {name}: {_hint(name, known, 'pruning.agents')}")
    return settings.checked(f"agent {name}", known[name], config["pruning"]["queries"]["k"])


def pruning_points(config, name):
    """What a pruning experiment compares at the chosen scale, initial graphs among the rivals.

    Returns (graph, agent) -> {seed: policy key}, and the list of the rivals' (graph, policy key).
    A rival of the graph * is one on each initial graph.
    """
    experiment, learned = config["experiments"][name], {}
    for row in _at_scale(config, experiment["learned"]):
        policies = {seed: str(keys.Learned(row["policy"], seed)) for seed in row["seeds"]}
        learned.setdefault((row["graph"], row["policy"]), {}).update(policies)
    initial, rivals = [graph for graph, _ in learned], []
    for graph, _, policy in (rival.partition("/") for rival in experiment["rivals"]):
        rivals += [(g, policy or "unpruned") for g in (initial if graph == "*" else [graph])]
    rivals += [(graph, "unpruned") for graph in initial]
    return learned, list(dict.fromkeys(rivals))


def graph_key(row):
    """The graph key of a row with its defaults filled in."""
    if "graph" in row:
        return row["graph"]
    space = row["codec"] if row["graph_on"] == "codes" else "float"
    builder = "faiss" if row["builder"] == "faiss" else "hnsw"
    return str(keys.HNSW(row["M0"], row["M"], row["efConstruction"], space, builder))


def validator(schema):
    """What checks a part of the config against its part of the schema."""
    # JSON takes 6.0 for an integer; a path or a slice does not.
    exact = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    )
    return jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=exact)(schema)


def _check_schema(config):
    errors = sorted(validator(yaml.safe_load(SCHEMA.read_text())).iter_errors(config), key=_first)
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
        for name, entry in _datasets_in(file).items():
            homes |= dict.fromkeys(((name, part) for part in entry), Path(file).resolve().parent)

    for name, entry in config["datasets"].items():
        for part in (*datasets.PARTS, "groundtruth", "ann_benchmarks"):
            value, home = entry.get(part), homes.get((name, part), Path.cwd())
            if isinstance(value, str):
                entry[part] = _relative(home, value)
            elif value and "path" in value:
                entry[part] = {**value, "path": _relative(home, value["path"])}
        if "graphs" in entry:
            home = homes.get((name, "graphs"), Path.cwd())
            entry["graphs"] = {n: _relative(home, path) for n, path in entry["graphs"].items()}


def _datasets_in(file):
    """The data sets of one config file: name -> parts."""
    with reading(file):
        content = yaml.safe_load(Path(file).read_text()) or {}
    if not isinstance(content, dict):
        raise ConfigError(f"{file}: expected keys with values, got a {type(content).__name__}")
    found = content.get("datasets") or {}
    if not isinstance(found, dict) or not all(isinstance(x, dict) for x in found.values()):
        raise ConfigError(f"{file}: datasets: expected names, and parts under each")
    return found


def _relative(home, path):
    """``path`` as seen from the working directory; one outside of it stays absolute."""
    full = os.path.normpath(home / path)
    near = os.path.relpath(full)
    return full if near.startswith("..") else near


def _hint(name, known, where):
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {close[0]}" if close else f"expected a key of {where}"


def _check_bench(config):
    """A data set is known and stands there once: results/{dataset} has room for one codec."""
    sets = [of["dataset"] for of in config["bench"]["sets"]]
    unknown = set(sets) - set(config["datasets"])
    if unknown:
        raise ConfigError(f"bench.sets: {min(unknown)} is not one of the datasets")
    if len(set(sets)) < len(sets):
        twice = next(name for name in sets if sets.count(name) > 1)
        codecs = ", ".join(s["codec"] for s in config["bench"]["sets"] if s["dataset"] == twice)
        raise ConfigError(
            f"bench.sets: {twice} stands there twice ({codecs}), expected one codec for a data set"
        )


def _check_names(config, name, experiment):
    for scale, names in experiment["datasets"].items():
        for dataset in names:
            if dataset not in config["datasets"]:
                hint = _hint(dataset, config["datasets"], "datasets")
                where = f"experiments.{name}.datasets.{scale}"
                raise ConfigError(f"{where}: unknown data set {dataset}; {hint}")


def _check_comparison(config, name, experiment):
    where = f"experiments.{name}"
    learned = _at_scale(config, experiment["learned"])
    if not learned:
        raise ConfigError(f"{where}.learned: no row is for scale {config['scale']}")
    for row in learned:
        try:
            agent(config, row["policy"])
            keys.graph(row["graph"])
        except ConfigError as e:
            raise ConfigError(f"{where}.learned: {e}") from e
    for graph, policy in pruning_points(config, name)[1]:
        try:
            keys.graph(graph)
            if isinstance(keys.policy(policy), keys.Learned):
                raise ConfigError(f"{policy} is learned, expected it under learned")
        except ConfigError as e:
            raise ConfigError(f"{where}.rivals: {e}") from e
    graphs = {row["graph"] for row in learned} | {g for g, _ in pruning_points(config, name)[1]}
    for dataset in experiment["datasets"][config["scale"]]:
        sizes = _sizes(config, dataset)
        nb = sizes.get("base", (None,))[0]
        if nb is not None and nb < 2:
            raise ConfigError(f"{where}: {nb} base vectors of {dataset}, expected at least 2")
        for graph in sorted(graphs):
            _check_given(config, where, dataset, graph)


def _check_given(config, where, dataset, graph):
    """A graph that the data set is to bring along has to be among those that it names."""
    parsed, named = keys.graph(graph), config["datasets"][dataset].get("graphs", {})
    if isinstance(parsed, keys.Given) and parsed.name not in named:
        raise ConfigError(f"{where}: {graph} on {dataset}, which has no graphs.{parsed.name}")
    if isinstance(parsed, keys.Given) and not Path(named[parsed.name]).is_file():
        raise ConfigError(
            f"datasets.{dataset}.graphs.{parsed.name}: no such file: {named[parsed.name]}"
        )


def _sizes(config, dataset):
    try:
        return datasets.sizes(dataset, config["datasets"][dataset])
    except LinkPruneError as e:
        message = str(e)
        named = message.startswith("datasets.")
        raise ConfigError(message if named else f"datasets.{dataset}: {e}") from e


def _check_table(config, name, experiment):
    where, scale = f"experiments.{name}", config["scale"]
    chosen = rows(config, name)
    if not chosen:
        raise ConfigError(f"{where}.rows: no row is for scale {scale}")
    for row in chosen:
        if ("graph" in row) == ("M0" in row):
            raise ConfigError(f"{where}.rows: {row['codec']} {row['beta']}: expected M0 or graph")
        if name == SEEDS and (row["policy"] != "unpruned" or graph_key(row).startswith("given_")):
            found = f"{graph_key(row)} {row['policy']}"
            raise ConfigError(f"{where}.rows: {found}: expected a graph that is built, not pruned")
    at = f"{where}.rows" if "rows" in experiment else where
    paths = [(graph_key(r), r["policy"], r["codec"], r["beta"]) for r in chosen]
    if len(set(paths)) < len(paths):
        twice = next(p for p in paths if paths.count(p) > 1)
        raise ConfigError(f"{at}: {' '.join(twice)} stands there twice")
    for dataset in experiment["datasets"][scale]:
        sizes = _sizes(config, dataset)
        nb = sizes.get("base", (None, None))[0]
        k = config["experiments"]["table2"]["k"] if name in (*TABLES, SEEDS, "codecs") else 1
        if nb is not None and k > nb:
            raise ConfigError(
                f"experiments.table2.k: {k} results from the {nb} base vectors of {dataset}"
            )
        for row in chosen:
            _check_row(config, at, row, dataset, sizes)


def _check_row(config, where, row, dataset, sizes):
    codec, beta = keys.codec(row["codec"]), keys.beta(row["beta"])
    try:
        graph, policy = graph_key(row), keys.policy(row["policy"])
        keys.graph(graph)
        if isinstance(policy, keys.Learned):
            agent(config, policy.agent)
    except ConfigError as e:
        raise ConfigError(f"{where}: {e}") from e
    _check_given(config, where, dataset, graph)
    where = f"{where}: {row['codec']} {row['beta']} {graph} on {dataset}"
    nb, d = sizes.get("base", (None, None))
    nt, _ = sizes.get("learn", (None, None))
    if nt is not None and nt < codec.least_rows:
        raise ConfigError(f"{where}: {codec.least_rows} centroids from {nt} training vectors")
    d_out = codec.d_out or d
    if d_out is not None and d_out % codec.nsq:
        raise ConfigError(f"{where}: {d_out} dimensions do not divide into {codec.nsq} codes")
    if d_out is not None and codec.bits and d_out % 2:
        raise ConfigError(f"{where}: {d_out} dimensions do not divide into two halves")
    if d_out is not None and beta.nsq and d_out % beta.nsq:
        raise ConfigError(f"{where}: {d_out} dimensions do not divide into {beta.nsq} beta parts")
    if nb is not None:
        if beta.nsq and nb < 256:
            raise ConfigError(f"{where}: 256 beta codewords from {nb} base vectors")
        if "M0" in row and row["M0"] >= nb:
            raise ConfigError(f"{where}: {row['M0']} links among {nb} vertices")
