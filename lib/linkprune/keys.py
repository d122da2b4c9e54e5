"""Artifact keys: one regular expression, parser and formatter each, inverse to one another."""

import re
from typing import NamedTuple

from linkprune.errors import ConfigError

# No digit groups with leading zeros: two spellings of one key would be two artifacts.
_N = "[1-9][0-9]*"
_BITS = "[89]|1[0-6]"
CODEC = rf"(?:PQ2x(?:{_BITS})_)?(?:OPQ{_N}_{_N}|PQ{_N})"
MOST_D = 2048  # of codecs in two levels
_ALPHA = r"[1-9]\.[0-9]"
_SPACE = f"(?:{CODEC}|float)"
_FLAT = rf"(?:nsw_M{_N}_efC{_N}|vamana_R{_N}_a{_ALPHA}_efC{_N}|nsg_R{_N}_K{_N}_efC{_N})_{_SPACE}"
BUILT = rf"(?:hnsw|faiss)_L{_N}_M{_N}_efC{_N}_{_SPACE}|{_FLAT}(?:\+{_FLAT})*"
GIVEN = "given_[a-z0-9]+_float"
GRAPH = f"{BUILT}|{GIVEN}"
LEARNED = rf"rl_[a-z0-9]+_seed{_N}"
RIVAL = rf"random_D{_N}_seed{_N}|shortest_D{_N}|used_D{_N}"
POLICY = f"unpruned|{LEARNED}|{RIVAL}"
BETA = rf"none|beta0|beta{_N}x256"
SEED = f"0|{_N}"
DATASET = "[A-Za-z][A-Za-z0-9_]*"


class Codec(NamedTuple):
    """OPQ{nsq}_{d_out}, or PQ{nsq} without a rotation (d_out None); after PQ2x{bits}_, of what a
    first level leaves, two sub-quantisers of 2 ** bits centroids.
    """

    nsq: int
    d_out: int | None
    bits: int | None = None

    @property
    def bytes(self):
        """Bytes of a code."""
        return self.nsq - (-2 * (self.bits or 0) // 8)

    @property
    def least_rows(self):
        """Training vectors that it takes at least: one for every centroid."""
        return max(256, 1 << (self.bits or 0))

    def __str__(self):
        """The key."""
        first = "" if self.bits is None else f"PQ2x{self.bits}_"
        return first + (f"PQ{self.nsq}" if self.d_out is None else f"OPQ{self.nsq}_{self.d_out}")


class HNSW(NamedTuple):
    """hnsw_L{M0}_M{M}_efC{efConstruction}_{space}: space is the codec it is built on, or float.

    faiss in place of hnsw: the same, built by Faiss.
    """

    M0: int
    M: int
    efConstruction: int
    space: str
    builder: str = "hnsw"

    def __str__(self):
        """The key."""
        return f"{self.builder}_L{self.M0}_M{self.M}_efC{self.efConstruction}_{self.space}"


class NSW(NamedTuple):
    """nsw_M{M}_efC{efConstruction}_{space}: the base level of HNSW alone, over all vertices."""

    M: int
    efConstruction: int
    space: str

    @property
    def M0(self):
        """The width of the links."""
        return 2 * self.M

    def __str__(self):
        """The key."""
        return f"nsw_M{self.M}_efC{self.efConstruction}_{self.space}"


class Vamana(NamedTuple):
    """vamana_R{R}_a{alpha}_efC{efConstruction}_float; alpha has one decimal."""

    R: int
    alpha: float
    efConstruction: int
    space: str

    @property
    def M0(self):
        """The width of the links."""
        return self.R

    def __str__(self):
        """The key."""
        return f"vamana_R{self.R}_a{self.alpha:.1f}_efC{self.efConstruction}_{self.space}"


class NSG(NamedTuple):
    """nsg_R{R}_K{K}_efC{efConstruction}_float; K neighbours in the exact graph it starts from."""

    R: int
    K: int
    efConstruction: int
    space: str

    @property
    def M0(self):
        """The width of the links."""
        return self.R

    def __str__(self):
        """The key."""
        return f"nsg_R{self.R}_K{self.K}_efC{self.efConstruction}_{self.space}"


class Union(NamedTuple):
    """{flat graph}+{flat graph}...: the links of flat graphs in one space."""

    parts: tuple

    @property
    def space(self):
        """The space of every part."""
        return self.parts[0].space

    @property
    def M0(self):
        """The width of the links; a vertex has fewer where the parts share some."""
        return sum(part.M0 for part in self.parts)

    def __str__(self):
        """The key."""
        return "+".join(map(str, self.parts))


class Given(NamedTuple):
    """given_{name}_float: a graph that the data set brings along in a file."""

    name: str
    space: str = "float"

    def __str__(self):
        """The key."""
        return f"given_{self.name}_{self.space}"


class Learned(NamedTuple):
    """rl_{agent}_seed{seed}: the links that an agent of the config has learned to keep."""

    agent: str
    seed: int

    def __str__(self):
        """The key."""
        return f"{self.agent}_seed{self.seed}"


class Random(NamedTuple):
    """random_D{degree}_seed{seed}: links at random, of this mean degree before a repair."""

    degree: int
    seed: int

    def __str__(self):
        """The key."""
        return f"random_D{self.degree}_seed{self.seed}"


class Shortest(NamedTuple):
    """shortest_D{degree}: so many of the shortest links of every vertex at most."""

    degree: int

    def __str__(self):
        """The key."""
        return f"shortest_D{self.degree}"


class Used(NamedTuple):
    """used_D{degree}: those that led to most neighbours, of this mean degree before a repair."""

    degree: int

    def __str__(self):
        """The key."""
        return f"used_D{self.degree}"


class Beta(NamedTuple):
    """beta{nsq}x256, beta0 (one weight vector for all, nsq 0), or none (nsq None)."""

    nsq: int | None

    def __str__(self):
        """The key."""
        return {None: "none", 0: "beta0"}.get(self.nsq, f"beta{self.nsq}x256")


def codec(key):
    """Parse a codec key."""
    found = re.fullmatch(rf"(?:PQ2x({_BITS})_)?(?:OPQ({_N})_({_N})|PQ({_N}))", str(key))
    if not found:
        raise ConfigError(
            f"codec {key}: expected OPQ<nsq>_<d_out> or PQ<nsq>, such as OPQ36_144, "
            "after PQ2x<8 ... 16>_ for two levels, such as PQ2x12_OPQ33_132"
        )
    bits, nsq, d_out, plain = (n and int(n) for n in found.groups())
    parsed = Codec(nsq or plain, d_out, bits)
    if bits and (parsed.nsq < 2 or (d_out or 2) % 2 or (d_out or 2) > MOST_D):
        raise ConfigError(
            f"codec {key}: after a first level expected at least 2 parts, and an even number of "
            f"dimensions, {MOST_D} or less"
        )
    if d_out and d_out % nsq:
        raise ConfigError(
            f"codec {key}: {parsed.d_out} dimensions do not divide into {parsed.nsq} parts, "
            f"expected a multiple such as {-(-parsed.d_out // parsed.nsq) * parsed.nsq}"
        )
    return parsed


def graph(key):
    """Parse any graph key -> HNSW, NSW, Vamana, NSG, Union or Given."""
    if found := re.fullmatch("given_([a-z0-9]+)_float", key):
        return Given(found[1])
    parts = tuple(_part(part, key) for part in key.split("+"))
    if len(parts) == 1:
        return parts[0]
    if any(isinstance(part, HNSW) for part in parts):
        raise ConfigError(f"graph {key}: hnsw has levels, expected flat graphs around a +")
    if len({part.space for part in parts}) > 1:
        spaces = " and ".join(dict.fromkeys(part.space for part in parts))
        raise ConfigError(f"graph {key}: built on {spaces}, expected one space for all parts")
    if len(set(parts)) < len(parts):
        raise ConfigError(f"graph {key}: the same graph twice, expected each part once")
    return Union(parts)


def _part(part, key):
    """Parse one graph of a key that may be a union."""
    for kind, pattern in (
        (HNSW, rf"(?:hnsw|faiss)_L({_N})_M({_N})_efC({_N})_({_SPACE})"),
        (NSW, rf"nsw_M({_N})_efC({_N})_({_SPACE})"),
        (Vamana, rf"vamana_R({_N})_a({_ALPHA})_efC({_N})_({_SPACE})"),
        (NSG, rf"nsg_R({_N})_K({_N})_efC({_N})_({_SPACE})"),
    ):
        if found := re.fullmatch(pattern, part):
            *numbers, space = found.groups()
            parsed = kind(*(float(n) if "." in n else int(n) for n in numbers), space)
            if kind in (Vamana, NSG):
                on_floats(parsed)
            if kind is HNSW:
                parsed = parsed._replace(builder=part.partition("_")[0])
            return parsed
    raise ConfigError(
        f"graph {key}: {part or 'nothing'} is no graph, expected "
        "hnsw_L<M0>_M<M>_efC<efConstruction>_<space> or faiss_..., "
        "nsw_M<M>_efC<efConstruction>_<space>, "
        "vamana_R<R>_a<alpha>_efC<efConstruction>_float, nsg_R<R>_K<K>_efC<efConstruction>_float, "
        "flat ones joined by +, or given_<name>_float; <space> is a codec or float, "
        "<alpha> 1.0 ... 9.9"
    )


def on_floats(key):
    """Refuse a Vamana or NSG key that names a codec."""
    if key.space != "float":
        raise ConfigError(
            f"graph {key}: built on {key.space}, expected float, the only space of this kind"
        )


def policy(key):
    """Parse a policy key; None for unpruned."""
    if key == "unpruned":
        return None
    if found := re.fullmatch(rf"(rl_[a-z0-9]+)_seed({_N})", key):
        return Learned(found[1], int(found[2]))
    if found := re.fullmatch(rf"random_D({_N})_seed({_N})", key):
        return Random(int(found[1]), int(found[2]))
    if found := re.fullmatch(rf"(shortest|used)_D({_N})", key):
        return {"shortest": Shortest, "used": Used}[found[1]](int(found[2]))
    raise ConfigError(
        f"policy {key}: expected unpruned, rl_<agent>_seed<n>, random_D<degree>_seed<n>, "
        "shortest_D<degree> or used_D<degree>"
    )


def beta(key):
    """Parse a beta key."""
    found = re.fullmatch(rf"none|beta0|beta({_N})x256", str(key))
    if not found:
        raise ConfigError(f"beta {key}: expected none, beta0 or beta<nsq>x256, such as beta4x256")
    return Beta(int(found[1]) if found[1] else {"none": None, "beta0": 0}[key])
