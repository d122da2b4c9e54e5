"""What linkprune raises: every message names the thing, what was expected, and where."""


class LinkPruneError(Exception):
    """Base of all errors that a user's input can cause."""


class ConfigError(LinkPruneError, ValueError):
    """A config value is unknown or impossible."""


class DataError(LinkPruneError, ValueError):
    """A vector file is missing, truncated, not finite, or does not fit the others."""


class ShapeError(LinkPruneError, ValueError):
    """An array has the wrong dtype, shape, layout or range."""


class KernelError(LinkPruneError, RuntimeError):
    """A kernel refused its arguments, or the built kernels do not match csrc/."""
