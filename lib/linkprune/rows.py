"""Rows of numbers and names as CSV: what a figure draws, to be used again."""

import csv

import numpy as np

from linkprune import store
from linkprune.errors import DataError, reading


def write(path, rows, columns):
    """Write dicts as CSV, all or nothing: numbers to six digits, what a row lacks or NaN empty."""
    with store.replacing(path) as part, open(part, "w", newline="") as f:
        writer = csv.DictWriter(f, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _text(row.get(name, "")) for name in columns} for row in rows)


def read(path, delimiter=","):
    """The rows of a CSV file as dicts of text, what a row lacks empty; DataError for one that is
    missing or no text.
    """
    try:
        with open(path, newline="") as f, reading(path):
            return list(csv.DictReader(f, restval="", delimiter=delimiter))
    except OSError as e:
        raise DataError(f"{path}: no such table; run the workflow again") from e


def _text(value):
    if isinstance(value, str | int | np.integer):
        return str(value)
    return "" if np.isnan(value) else f"{value:.6g}"
