"""One log file per job: file descriptors 1 and 2 and Python's logging end up in it."""

import contextlib
import logging
import os
import sys
import time

from linkprune.errors import LinkPruneError

PREFIX = "linkprune: "
EVERY = 10  # seconds between two lines of progress on the terminal

_terminal = None  # where standard error went before it was redirected


def redirect(path):
    """Send everything this process prints, C code and tracebacks included, to ``path``."""
    global _terminal
    sys.stdout.flush()
    sys.stderr.flush()
    _terminal = os.dup(2)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    sys.excepthook = _excepthook
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s"
    )


def progress(name):
    """A function that logs a line of progress, and now and then shows one on the terminal too."""
    last = -EVERY

    def say(text):
        nonlocal last
        logging.getLogger("progress").info("%s: %s", name, text)
        if _terminal is not None and time.monotonic() - last >= EVERY:
            last = time.monotonic()
            with contextlib.suppress(OSError):  # nobody watches
                os.write(_terminal, f"{name}: {text}\n".encode())

    return say


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
