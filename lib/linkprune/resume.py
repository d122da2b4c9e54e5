"""Going on after a kill: Snakemake's lock outlives its owner, this one does not."""

import fcntl
import os
from pathlib import Path

from linkprune.errors import DataError


def unlock_stale(folder):
    """Remove Snakemake's locks under ``folder`` unless another process that came here is alive.

    Returns the open file whose lock marks this process as alive, to be kept until it ends (the
    system releases it, kill -9 included).
    """
    folder = Path(folder, ".snakemake")
    try:
        folder.mkdir(exist_ok=True)
        alive = open(folder / "linkprune.lock", "w")
    except OSError as e:
        raise DataError(f"{folder}: cannot be written: {os.strerror(e.errno)}") from e
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(alive, fcntl.LOCK_SH)
        return alive
    except OSError:  # a file system without locks: who is alive cannot be told
        return alive
    for lock in (folder / "locks").glob("*.lock"):
        lock.unlink(missing_ok=True)
    fcntl.flock(alive, fcntl.LOCK_SH)
    return alive


def check_writable(names):
    """Raise DataError where a name is taken by something else than a folder that can be written."""
    for name in names:
        if os.path.lexists(name) and not (os.path.isdir(name) and os.access(name, os.W_OK)):
            raise DataError(f"{name}: expected a folder that can be written, or nothing")
