"""Artifact keys: one regular expression, parser and formatter each, inverse to one another."""

import re
from typing import NamedTuple

from linkprune.errors import ConfigError

# No digit groups with leading zeros: two spellings of one key would be two artifacts.
_N = "[1-9][0-9]*"
CODEC = rf"OPQ{_N}_{_N}|PQ{_N}"
GRAPH = rf"hnsw_L{_N}_M{_N}_efC{_N}_(?:{CODEC}|float)"
POLICY = "unpruned"
BETA = rf"none|beta0|beta{_N}x256"
DATASET = "[A-Za-z][A-Za-z0-9_]*"


class Codec(NamedTuple):
    """OPQ{nsq}_{d_out}, or PQ{nsq} without a rotation (d_out None)."""

    nsq: int
    d_out: int | None

    def __str__(self):
        """The key."""
        return f"PQ{self.nsq}" if self.d_out is None else f"OPQ{self.nsq}_{self.d_out}"


class HNSW(NamedTuple):
    """hnsw_L{M0}_M{M}_efC{efConstruction}_{space}: space is the codec it is built on, or float."""

    M0: int
    M: int
    efConstruction: int
    space: str

    def __str__(self):
        """The key."""
        return f"hnsw_L{self.M0}_M{self.M}_efC{self.efConstruction}_{self.space}"


class Beta(NamedTuple):
    """beta{nsq}x256, beta0 (one weight vector for all, nsq 0), or none (nsq None)."""

    nsq: int | None

    def __str__(self):
        """The key."""
        return {None: "none", 0: "beta0"}.get(self.nsq, f"beta{self.nsq}x256")


def codec(key):
    """Parse a codec key."""
    found = re.fullmatch(rf"OPQ({_N})_({_N})|PQ({_N})", str(key))
    if not found:
        raise ConfigError(f"codec {key}: expected OPQ<nsq>_<d_out> or PQ<nsq>, such as OPQ36_144")
    if found[3]:
        return Codec(int(found[3]), None)
    parsed = Codec(int(found[1]), int(found[2]))
    if parsed.d_out % parsed.nsq:
        raise ConfigError(
            f"codec {key}: {parsed.d_out} dimensions do not divide into {parsed.nsq} parts, "
            f"expected a multiple such as {-(-parsed.d_out // parsed.nsq) * parsed.nsq}"
        )
    return parsed


def hnsw(key):
    """Parse a graph key."""
    found = re.fullmatch(rf"hnsw_L({_N})_M({_N})_efC({_N})_({CODEC}|float)", key)
    if not found:
        raise ConfigError(
            f"graph {key}: expected hnsw_L<M0>_M<M>_efC<efConstruction>_<codec|float>"
        )
    return HNSW(*(int(found[i]) for i in (1, 2, 3)), found[4])


def beta(key):
    """Parse a beta key."""
    found = re.fullmatch(rf"none|beta0|beta({_N})x256", str(key))
    if not found:
        raise ConfigError(f"beta {key}: expected none, beta0 or beta<nsq>x256, such as beta4x256")
    return Beta(int(found[1]) if found[1] else {"none": None, "beta0": 0}[key])
