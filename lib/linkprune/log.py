"""One log file per job: file descriptors 1 and 2 and Python's logging end up in it."""

import contextlib
import logging
import os
import sys
import time

from linkprune.errors import LinkPruneError

PREFIX = "linkprune: "
EVERY = 10  # seconds between two lines of progress on the terminal


class Terminal(logging.Handler):
    """Shows lines on a file descriptor under a name, at most one in EVERY seconds.

    None comes in the first EVERY seconds: what is over by then needs no company.
    """

    def __init__(self, fd, name):
        super().__init__()
        self.fd, self.job, self.last = fd, name, time.monotonic()

    def emit(self, record):
        """Show a record, unless it comes too early."""
        now = time.monotonic()
        if now - self.last >= EVERY:
            self.last = now
            with contextlib.suppress(OSError):  # nobody watches
                os.write(self.fd, f"{self.job}: {record.getMessage()}\n".encode())


def redirect(path):
    """Send everything this process prints, C code and tracebacks included, to ``path``.

    Lines of progress also go to where standard error was, under the name of the log.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    name = str(path).removeprefix("logs/").removesuffix(".log")
    logging.getLogger("progress").addHandler(Terminal(os.dup(2), name))
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    sys.excepthook = _excepthook
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s"
    )


def causes(path):
    """The lines of a log in which we say what the user can mend, each once, in order."""
    with open(path, errors="replace") as f:
        return list(dict.fromkeys(line.strip() for line in f if line.startswith(PREFIX)))


def _excepthook(kind, value, traceback):
    """One line for what the user can mend, the traceback for what we have to."""
    if issubclass(kind, LinkPruneError):
        sys.stderr.write(f"{PREFIX}{value}\n")
    else:
        sys.__excepthook__(kind, value, traceback)
