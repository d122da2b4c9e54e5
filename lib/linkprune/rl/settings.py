"""The settings of agents, with defaults for those that the config leaves out."""

# What every agent has, and what each adds; described in the config's schema.
COMMON = {
    "k": 10, "initial": 0.95, "steps": 16, "episodes": None, "episodes_per_link": 0.3,
    "threshold": 0.5, "max_degree": None, "queries": None, "validate_every": 2,
}  # fmt: skip
DEFAULTS = {
    "edge": {
        **COMMON, "efSearch": None, "recalls": [0.92, 0.96, 0.98, 0.99], "eta": 1.0,
        "alpha": 100.0, "rho": 0.7, "prior": 0.0,
    },
    "network": {
        **COMMON, "k": 1, "efSearch": [10], "policy": "mlp", "credit": "shared", "hidden": 2048,
        "max_ndis": 1000, "entropy": 0.01, "edge_patience": 400, "baseline": True, "max_kl": 0.01,
        "damping": 0.1, "line_search": "first", "device": "auto",
    },
}  # fmt: skip


def complete(entry):
    """The settings of an agent's config entry, complete: a dict."""
    return {**DEFAULTS[entry["agent"]], **entry}
