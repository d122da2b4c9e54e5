"""The hashes of files, as ``sha256sum --check`` reads them."""

import hashlib

from linkprune import store
from linkprune.errors import DataError


def write(path, files):
    """List the sha256 of files (paths), once each, sorted by path, all or nothing.

    Raises DataError where one cannot be read, or its name has a line break.
    """
    lines = [f"{_hash(file)}  {file}\n" for file in sorted(set(map(str, files)))]
    with store.replacing(path) as part:
        part.write_text("".join(lines))


def _hash(file):
    if "\n" in file or "\\" in file:
        raise DataError(f"{file!r}: cannot be listed, expected no line break and no backslash")
    try:
        with open(file, "rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest()
    except OSError as e:
        raise DataError(f"{file}: cannot be read: {e.strerror}") from e
