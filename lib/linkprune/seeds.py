"""One root seed, independent streams: adding a dataset does not change another's numbers."""

import hashlib

import numpy as np

from linkprune.errors import ConfigError


def generator(seed, *keys):
    """A Generator for (root seed, rule, key ...); NumPy may change its streams between versions."""
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ConfigError(f"seed: expected an integer of at least 0, got {seed!r}")
    digest = hashlib.sha256(repr((int(seed), *map(str, keys))).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, np.uint32))
