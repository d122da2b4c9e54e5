"""What TensorBoard draws while an agent trains: event files beside the log."""

import contextlib

from tensorboardX import SummaryWriter


@contextlib.contextmanager
def writer(folder):
    """A writer with ``add_scalar(name, value, step)`` into folder; closed when the block ends."""
    board = SummaryWriter(str(folder), flush_secs=10)
    try:
        yield board
    finally:
        board.close()
