"""The settings of agents, with defaults for those that the config leaves out, and what each may be.

The config's schema says the same of the values in a config; it is not installed with the library.
"""

import itertools
import math
from numbers import Integral, Real

from linkprune.errors import ConfigError

# What every agent has, and what each adds; described in the config's schema.
COMMON = {
    "k": 10, "initial": 0.95, "steps": 16, "episodes": None, "episodes_per_link": 0.3,
    "threshold": 0.5, "max_degree": None, "queries": None, "validate_every": 2, "device": "auto",
}  # fmt: skip
DEFAULTS = {
    "edge": {
        **COMMON, "steps": 20, "episodes_per_link": 0.6, "efSearch": None,
        "recalls": [0.86, 0.92, 0.96, 0.98], "eta": 2.0, "alpha": 100.0, "rho": 0.85,
        "prior": 400,
    },
    "network": {
        **COMMON, "k": 1, "efSearch": [10], "policy": "mlp", "credit": "shared", "hidden": 2048,
        "max_ndis": 1000, "entropy": 0.01, "edge_patience": 400, "baseline": True, "max_kl": 0.01,
        "damping": 0.1, "line_search": "first",
    },
}  # fmt: skip
UNCAPPED = ("eta", "alpha", "prior")  # of logits, which links that are ranked do not have
SHARED = ("max_ndis", "baseline")  # of the reward that all actions of an episode share
# No training needs more; beyond them memory ends, or what a number holds.
MOST, MOST_STEPS, MOST_EPISODES, MOST_HIDDEN, LARGEST = 2**31 - 1, 10**6, 10**8, 2**16, 1e9
FROM_1 = f"of at least 1, at most {MOST:,}"
MOST_EFS = 64  # of one agent, each tried before the first step
LEAST_CAPPED = 0.2  # under max_degree: twice what links without a place are kept with


def _integer(least, most=MOST):
    def fits(x):
        return isinstance(x, Integral) and not isinstance(x, bool) and least <= x <= most

    return f"an integer of at least {least}, at most {most:,}", fits


def _number(words, inside):
    def fits(x):
        return isinstance(x, Real) and not isinstance(x, bool) and math.isfinite(x) and inside(x)

    return words, fits


def _or_none(kind):
    words, fits = kind
    return f"None or {words}", lambda x: x is None or fits(x)


def _list(kind, words, fits=lambda x: True):
    def fits_all(x):
        return isinstance(x, list | tuple) and bool(x) and all(map(kind[1], x)) and fits(x)

    return words, fits_all


def _one_of(*choices):
    return " or ".join(choices), lambda x: isinstance(x, str) and x in choices


COUNT, EPISODES = _integer(1), _integer(1, MOST_EPISODES)
PROBABILITY = _number("a number between 0 and 1, both excluded", lambda x: 0 < x < 1)
ABOVE_0 = _number(f"a number above 0, at most {LARGEST:g}", lambda x: 0 < x <= LARGEST)
FROM_0 = _number(f"a number of at least 0, at most {LARGEST:g}", lambda x: 0 <= x <= LARGEST)
PROBABILITIES = _list(PROBABILITY, "a list of one or more numbers between 0 and 1, both excluded")

# Name -> (words, test): what is expected of a value.
_COMMON = {
    "k": COUNT, "initial": PROBABILITY, "steps": _integer(1, MOST_STEPS),
    "episodes": _or_none(EPISODES), "episodes_per_link": ABOVE_0, "threshold": PROBABILITY,
    "max_degree": _or_none(COUNT), "queries": _or_none(COUNT), "validate_every": COUNT,
    "device": _one_of("auto", "cpu", "cuda"),
}  # fmt: skip
EXPECTED = {
    "edge": {
        **_COMMON,
        "efSearch": _or_none(
            _list(COUNT, f"a list of one to {MOST_EFS} different integers {FROM_1}",
                  lambda x: len(set(x)) == len(x) <= MOST_EFS)
        ),
        "recalls": _list(PROBABILITY, "a list of one or more different numbers between 0 and 1, "
                         "both excluded", lambda x: len(set(x)) == len(x)),
        "eta": ABOVE_0, "alpha": ABOVE_0,
        "rho": _number("a number from 0 to 1, 1 excluded", lambda x: 0 <= x < 1), "prior": FROM_0,
    },
    "network": {
        **_COMMON,
        "initial": _number("a number from 0.001 to 0.999", lambda x: 0.001 <= x <= 0.999),
        "efSearch": _list(COUNT, f"a list of one integer {FROM_1}", lambda x: len(x) == 1),
        "policy": _one_of("mlp", "table"), "credit": _one_of("shared", "path", "counterfactual"),
        "hidden": _integer(1, MOST_HIDDEN), "max_ndis": COUNT, "entropy": FROM_0,
        "edge_patience": _or_none(COUNT),
        "baseline": ("True or False", lambda x: isinstance(x, bool)), "max_kl": ABOVE_0,
        "damping": ABOVE_0, "line_search": _one_of("first", "published"),
    },
}  # fmt: skip
QUERIES = {"most": COUNT, "per_vertex": COUNT, "made_below": _integer(0, 10_000), "k": _integer(10)}
TARGETS = dict.fromkeys(("R@1", "R@10", "recall@10"), PROBABILITIES)
VALIDATION = {
    "queries": COUNT,
    "efSearch": _list(COUNT, f"a list of two or more integers {FROM_1}, ascending",
                      lambda x: len(x) > 1 and all(a < b for a, b in itertools.pairwise(x))),
    "targets": (
        f"a dict of {' or '.join(TARGETS)} to lists of recalls",
        lambda x: isinstance(x, dict) and bool(x) and x.keys() <= TARGETS.keys(),
    ),
}  # fmt: skip


def complete(entry):
    """The settings of an agent's config entry, complete: a dict, of those that it has a use for."""
    out = {**DEFAULTS[entry["agent"]], **entry}
    idle = UNCAPPED if out["agent"] == "edge" and out["max_degree"] else ()
    return {name: value for name, value in out.items() if name not in idle}


def check(where, values, expected):
    """Raise ConfigError for the first of the values, by name, that is not as expected."""
    for name, value in values.items():
        if name not in expected:
            known = ", ".join(expected)
            raise ConfigError(f"{where}: unknown setting {name}, expected one of {known}")
        words, fits = expected[name]
        if not fits(value):
            raise ConfigError(f"{where}: {name} {_line(value)}, expected {words}")


def check_all(where, values, expected):
    """As ``check``, and where values lack one of those that are expected."""
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: {_line(values)}, expected a dict")
    check(where, values, expected)
    missing = [name for name in expected if name not in values]
    if missing:
        raise ConfigError(f"{where}: {missing[0]} is missing, expected {', '.join(expected)}")


def check_validation(where, values):
    """Raise ConfigError unless this is what validates: queries, efSearch and targets."""
    check_all(where, values, VALIDATION)
    check(f"{where}: targets", values["targets"], TARGETS)


def checked(where, entry, known):
    """The complete settings of an agent's entry; ConfigError for one that cannot be
    or would do nothing. known: so many true neighbours of each query are known."""
    named = {name: value for name, value in entry.items() if name != "agent"}
    check(where, named, EXPECTED[entry["agent"]])
    out = complete(entry)
    if out["k"] > known:
        raise ConfigError(
            f"{where}: k {out['k']}, expected at most {known}, the true neighbours known of each "
            "query"
        )
    if out["episodes"]:
        _check_idle(where, entry, ("episodes_per_link",), "episodes")
    if out["agent"] == "edge" and out["efSearch"]:
        _check_idle(where, entry, ("recalls",), "efSearch")
    if out["agent"] == "edge" and out["max_degree"]:
        _check_capped(where, entry, out)
    elif out["agent"] == "edge" and out["prior"] and "alpha" in entry:
        raise ConfigError(
            f"{where}: alpha has no effect with prior {out['prior']:g}, expected prior 0 beside it"
        )
    if out["agent"] == "network":
        if out["credit"] != "shared":
            _check_idle(where, entry, SHARED, f"credit {out['credit']}")
        if out["policy"] == "table":
            _check_idle(where, entry, ("hidden",), "policy table")
    return out


def _check_idle(where, entry, names, beside):
    idle = [name for name in names if name in entry]
    if idle:
        raise ConfigError(f"{where}: {idle[0]} has no effect with {beside}, expected one of both")


def _check_capped(where, entry, out):
    _check_idle(where, entry, (*UNCAPPED, "threshold"), "max_degree")
    if out["initial"] <= max(out["threshold"], LEAST_CAPPED):
        raise ConfigError(
            f"{where}: initial {out['initial']}, expected above the threshold, "
            f"{out['threshold']}, and above {LEAST_CAPPED} with max_degree"
        )


def _line(value):
    return " ".join(repr(value).split())
