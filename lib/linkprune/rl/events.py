"""What TensorBoard draws while an agent trains: event files beside the log."""

import contextlib
from pathlib import Path

from tensorboardX import SummaryWriter


@contextlib.contextmanager
def writer(folder, goes_on):
    """A writer with ``add_scalar(name, value, step)`` into folder; closed when the block ends.

    goes_on: whether the files of an earlier run stay, because a training goes on where it ended.
    """
    for left in [] if goes_on else Path(folder).glob("events.out.tfevents.*"):
        left.unlink()
    board = SummaryWriter(str(folder), flush_secs=10)
    try:
        yield board
    finally:
        board.close()
