"""Configurations that tests lay over config.yaml, and what is said to them."""

import pytest
import yaml
from snakemake.utils import update_config
from test_workflow import ROOT, overlay

from linkprune import config as checked
from linkprune.errors import ConfigError, DataError

ROW = {"M0": 6, "codec": "OPQ36_144", "beta": "beta4x256"}
SMALL = {"source": "synthetic", "nb": 1000, "nq": 10, "nt": 1000, "d": 32, "metric": "l2"}
URL = "http://127.0.0.1:9/x"


def merged(*files):
    """What Snakemake makes of config files, each laid over those before it."""
    config = {}
    for file in files:
        update_config(config, yaml.safe_load(file.read_text()))
    return config


def check(folder, change):
    """Check config.yaml with a change laid over it, written to a folder; the config."""
    files = [ROOT / "config.yaml", overlay(folder / "mine.yaml", change)]
    config = merged(*files)
    checked.check(config, files)
    return config


def refusal(folder, change):
    with pytest.raises((ConfigError, DataError)) as e:
        check(folder, change)
    message = str(e.value)
    assert message and "\n" not in message
    return message


def table2(**values):
    return {"experiments": {"table2": values}}


def seeds(**values):
    return {"experiments": {"seeds": values}}


def figure5(**values):
    return {"experiments": {"figure5": values}}


def rows(*values):
    return table2(rows=[{**ROW, **v} for v in values])


def bench(*sets):
    return {"bench": {"sets": [{"dataset": name, "codec": codec} for name, codec in sets]}}


def on(entry, row=None, **values):
    """A run of one small data set ``mine`` with one row."""
    row = row or {"M0": 4, "codec": "OPQ8_32", "beta": "none"}
    change = table2(datasets={"demo": ["mine"]}, rows=[row], k=10, **values)
    return {**change, "datasets": {"mine": entry}}
