"""How far a long loop is, how long it has taken and how long it will: lines for one logger.

The library only logs; what a job does with the lines of the logger ``progress`` is up to ``log``.
"""

import logging
import time

from linkprune.chunks import CHUNK, chunks

EVERY = 10  # seconds between two lines of one loop

log = logging.getLogger("progress")


class Progress:
    """The way of a loop through ``total`` units of work, all of them alike in cost.

    what: what is done, such as "encode"; unit: what is counted, such as "vectors".
    """

    def __init__(self, what, total, unit="units"):
        self.what, self.total, self.unit = what, total, unit
        self.done, self.began = 0, time.monotonic()
        self.last = self.began

    def step(self, n=1, at=None):
        """So many more units are done; a line where it is time for one, and when all are.

        at: where the loop is, in words, where the units are no count of anything.
        """
        self.done += n
        now = time.monotonic()
        if self.done < self.total and now - self.last < EVERY:
            return
        self.last, spent = now, now - self.began
        if self.done < self.total:
            share, left = self.done / self.total, spent / self.done * (self.total - self.done)
            where = at or f"{self.done} of {self.total} {self.unit}"
            log.info("%s: %s (%.0f %%), %s left", self.what, where, 100 * share, duration(left))
        else:
            everything = "all" if at else f"{self.total} {self.unit}"
            log.info("%s: %s in %s", self.what, everything, duration(spent))


def tracked(n, what, unit="vectors", size=CHUNK):
    """The slices of ``chunks``; whoever comes back for the next is done with the last."""
    progress = Progress(what, n, unit)
    for part in chunks(n, size):
        yield part
        progress.step(part.stop - part.start)


def duration(seconds):
    """A time in the unit that suits it: 0.3 s, 42 s, 12 min, 3.5 h."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
