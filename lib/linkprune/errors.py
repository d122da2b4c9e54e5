"""What linkprune raises: every message names the thing, what was expected, and where."""

import contextlib


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


@contextlib.contextmanager
def reading(path):
    """Turn what NumPy, h5py, zipfile and the system raise about a bad file into DataError,
    and name the file where an error of ours does not.
    """
    try:
        yield
    except LinkPruneError as e:
        if str(path) in str(e):
            raise
        raise type(e)(f"{path}: {e}") from e
    except Exception as e:  # what a parser raises about a broken file is in nobody's contract
        reason = " ".join(str(e).split()) or type(e).__name__
        raise DataError(f"{path}: cannot be read: {reason}") from e
