"""Fetch one file: mirrors, resumed transfers, checksum, free space, and crops of the first rows."""

import collections
import contextlib
import errno
import ftplib
import hashlib
import http.client
import json
import logging
import os
import re
import shutil
import struct
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import NamedTuple

from linkprune.errors import ConfigError, DataError

log = logging.getLogger(__name__)

CHUNK = 1 << 20  # bytes
TIMEOUT = 60  # seconds without a byte
TRIES = 5  # of one mirror, in a row and without progress
BACKOFF = 1.0  # seconds before the second try, doubled before each further one
REPORT_EVERY = 10  # seconds
# An open transfer; start is 0 where the server would not resume, total is of the whole file.
_Reply = collections.namedtuple("_Reply", "stream start validator total")
ORIGIN = {"url": str, "validator": str, "total": int}  # of a partial file, None where unknown
TRANSIENT = (OSError, EOFError, http.client.HTTPException, *ftplib.all_errors)
ITEMSIZE = {"fbin": 4, "u8bin": 1, "i8bin": 1, "ibin": 4, "fvecs": 4, "bvecs": 1, "ivecs": 4}


class _Refused(Exception):
    """This mirror will not give the right file; asking again does not help."""


class _Changed(ConnectionError):
    """The partial file belongs to a version that the mirror no longer has."""


class _Target(NamedTuple):
    """What is wanted, and the partial file with its sidecar of URL, validator and length."""

    path: Path
    part: Path
    sidecar: Path
    sha256: str | None
    size: int | None
    rows: int | None

    def have(self):
        return self.part.stat().st_size if self.part.exists() else 0

    def drop(self):
        self.part.unlink(missing_ok=True)
        self.sidecar.unlink(missing_ok=True)

    def origin(self):
        """Read the sidecar; a partial file of unknown origin is dropped."""
        try:
            origin = json.loads(self.sidecar.read_text())
            if all(isinstance(origin[name], kind | None) for name, kind in ORIGIN.items()):
                return origin
        except (OSError, ValueError, KeyError, TypeError):
            pass
        self.drop()
        return dict.fromkeys(ORIGIN)

    def need(self):
        """Return the length to reach, of a crop first its header; None while it is unknown."""
        if self.rows is None:
            return self.origin()["total"]
        kind = self.path.suffix[1:]
        width = 4 if kind.endswith("vecs") else 8
        if self.have() < width:
            return width
        with open(self.part, "rb") as f:
            header = f.read(width)
        n, d = struct.unpack("<II", header.rjust(8, b"\xff"))  # vecs files do not tell n
        if n < self.rows or not 0 < d < 1 << 24:
            self.drop()  # or the next mirror's rows would follow this header
            raise _Refused(f"has {n} rows of {d} dimensions by its header, expected {self.rows}")
        return (8 if width == 8 else 4 * self.rows) + self.rows * d * ITEMSIZE[kind]


def fetch(urls, path, sha256=None, size=None, first_rows=None):
    """Bring one of ``urls`` (http, https, ftp, file; mirrors of each other) to ``path``.

    ``first_rows`` transfers only the start of a vecs or big-ann file (.fbin, .u8bin, .i8bin, .ibin)
    and corrects the row count in its header; ``size`` (bytes) and ``sha256`` are those of the file
    as it ends up at ``path``. A file already there that agrees with them is kept. An interrupted
    transfer is resumed, from another mirror only if there is a checksum. Raises DataError, naming
    every mirror and what was wrong with it.
    """
    urls = [urls] if isinstance(urls, str) else list(urls)
    path = Path(path)
    if first_rows is not None and (first_rows < 1 or path.suffix[1:] not in ITEMSIZE):
        known = " ".join(f".{k}" for k in ITEMSIZE)
        raise ConfigError(f"{path}: first_rows is {first_rows}, expected >= 1 and one of {known}")
    part, sidecar = (path.with_name(path.name + end) for end in (".part", ".part.json"))
    target = _Target(path, part, sidecar, sha256 and sha256.lower(), size, first_rows)
    if path.is_file() and (sha256 or size is not None) and not _disagreement(target, path, b""):
        log.info("%s: already there and as expected", path)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    failures, begun = [], target.origin()["url"]
    for url in sorted(urls, key=lambda u: u != begun):  # a stable sort: only this one moves
        try:
            _download(target, url)
            _finish(target)
            return path
        except _Refused as e:
            failures.append(f"{url} {' '.join(str(e).split())}")
            log.warning("%s", failures[-1])
    raise DataError(f"{path}: not downloaded: {'; '.join(failures) or 'has no url'}")


def _finish(target):
    """Check the complete partial file, correct its header and move it to its place."""
    header = b""
    if target.rows is not None and not target.path.suffix.endswith("vecs"):
        with open(target.part, "rb") as f:
            header = struct.pack("<I", target.rows) + f.read(8)[4:]
    wrong = _disagreement(target, target.part, header)
    if wrong:
        target.drop()
        raise _Refused(wrong)
    # Without its sidecar a partial file is never resumed, so a kill here leaves no false header.
    target.sidecar.unlink(missing_ok=True)
    with open(target.part, "r+b") as f:
        f.write(header)
        f.flush()
        os.fsync(f.fileno())
    os.replace(target.part, target.path)


def _disagreement(target, file, header):
    """Say how ``file``, its first bytes replaced by ``header``, differs from what is expected."""
    size = file.stat().st_size
    if target.size is not None and size != target.size:
        return f"has {size} bytes, expected {target.size}"
    if target.sha256 is None:
        return None
    digest = hashlib.sha256(header)
    with open(file, "rb") as f:
        f.seek(len(header))
        got = hashlib.file_digest(f, lambda: digest).hexdigest()
    return None if got == target.sha256 else f"has sha256 {got}, expected {target.sha256}"


def _download(target, url):
    """Bring the partial file to its full length from one mirror, trying again while it grows."""
    if target.origin()["url"] != url and not target.sha256:
        target.drop()  # nothing would show that two mirrors differ
    failed, best = 0, target.have()
    while True:
        try:
            need = target.need()
            if need is not None and target.have() >= need:
                os.truncate(target.part, need)
                return
            _transfer(target, url, need)
            if target.need() is None:
                return  # no length was told, so the end of the stream is the end of the file
        except TRANSIENT as e:
            if isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DataError(f"{target.part}: the disk is full") from e
            if isinstance(e, _Changed):
                target.drop()
            reason = str(e) or type(e).__name__
            failed = 1 if target.have() > best else failed + 1
            best = max(best, target.have())
            if failed >= TRIES:
                raise _Refused(f"failed {TRIES} times without progress: {reason}") from e
            log.info("%s: %s; try %d of %d follows", url, reason, failed + 1, TRIES)
            time.sleep(BACKOFF * 2 ** (failed - 1))


def _transfer(target, url, need):
    """Append what one request yields to the partial file."""
    origin = target.origin()
    have = 0 if origin["total"] is None else target.have()
    validator = origin["validator"] if have and origin["url"] == url else None
    until = None if target.rows is None else need  # a changed file may have another length
    with _open(url, have, until, validator) as reply:
        total = reply.total
        if total is not None and until is not None and total < until:
            raise _Refused(f"has {total} bytes, expected at least {until}")
        if target.rows is None and total not in (None, target.size or total):
            raise _Refused(f"has {total} bytes, expected {target.size}")
        was, now = (origin["total"], validator), (total, validator and reply.validator)
        if reply.start and now != was:
            raise _Changed(f"is {now} (bytes, version) now, was {was}: starting again")
        if not reply.start:
            target.part.write_bytes(b"")
        origin = {"url": url, "validator": reply.validator, "total": total}
        target.sidecar.write_text(json.dumps(origin) + "\n")
        until = total if until is None else until
        if until is not None:
            free, want = shutil.disk_usage(target.part.parent).free, until - reply.start
            if free < want:
                raise DataError(f"{target.path}: {free} bytes free on its disk, expected {want}")
        with open(target.part, "ab") as f:
            done = _copy(reply, f, until, url)
    if until is not None and done < until:
        raise ConnectionError(f"the connection ended at {done} of {until} bytes")


def _copy(reply, f, until, url):
    """Copy up to position ``until``, report now and then, and return the position reached."""
    done, begin = reply.start, time.monotonic()
    last = begin
    while until is None or done < until:
        data = reply.stream.read1(CHUNK if until is None else min(CHUNK, until - done))
        if not data:
            break
        f.write(data)
        done += len(data)
        if time.monotonic() - last >= REPORT_EVERY:
            last = time.monotonic()
            rate = (done - reply.start) / (last - begin)
            left = "unknown" if until is None else f"{(until - done) / rate:.0f} s"
            log.info("%s: %.0f MB, %.2f MB/s, left %s", url, done / 1e6, rate / 1e6, left)
    log.info("%s: %d bytes in %.1f s", url, done - reply.start, time.monotonic() - begin)
    return done


def _open(url, have, until, validator):
    """Open ``url`` at byte ``have``; ``validator`` is what the first ``have`` bytes came with."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme in ("http", "https"):
        return _open_http(url, have, until, validator)
    if parts.scheme == "ftp":
        return _open_ftp(parts, have, validator)
    if parts.scheme == "file":
        return _open_file(parts)
    raise _Refused(f"has scheme {parts.scheme or 'none'}, expected http, https, ftp or file")


@contextlib.contextmanager
def _open_http(url, have, until, validator):
    headers = {"User-Agent": "linkprune", "Accept-Encoding": "identity"}
    if have or until is not None:
        headers["Range"] = f"bytes={have}-{'' if until is None else until - 1}"
    if have and validator and not validator.startswith("W/"):
        headers["If-Range"] = validator  # the whole file comes if it is another one now
    request = urllib.request.Request(url, headers=headers)
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as e:
        e.close()
        if e.code == 416 and have:
            raise _Changed(f"ends before byte {have} now: starting again") from e
        if 400 <= e.code < 500 and e.code not in (408, 425, 429):
            raise _Refused(f"answers {e.code} {e.reason}") from e
        raise
    with response:
        found = response.headers.get("ETag") or response.headers.get("Last-Modified")
        if response.status == 206:
            span = re.match(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
            if not span or int(span[1]) != have:
                raise _Refused(f"answers another range, expected the one from byte {have}")
            yield _Reply(response, have, found, None if span[2] == "*" else int(span[2]))
        else:
            length = response.headers.get("Content-Length")
            yield _Reply(response, 0, found, None if length is None else int(length))


@contextlib.contextmanager
def _open_ftp(parts, have, validator):
    fields = (parts.path.lstrip("/"), parts.username, parts.password)
    path, user, password = (urllib.parse.unquote(field or "") for field in fields)
    with contextlib.ExitStack() as stack:
        ftp = ftplib.FTP(timeout=TIMEOUT)
        stack.callback(ftp.close)  # and not quit(): a server may wait until the transfer ends
        try:
            ftp.connect(parts.hostname, parts.port or ftplib.FTP_PORT)
            ftp.login(user, password)
            ftp.voidcmd("TYPE I")
            total = ftp.size(path)
            found = f"{total} {ftp.voidcmd(f'MDTM {path}')}"
            start = have if validator in (None, found) else 0
            data = stack.enter_context(ftp.transfercmd(f"RETR {path}", rest=start or None))
        except (ftplib.error_perm, ValueError) as e:
            # 50x to a resumed transfer means that the server knows no REST.
            raise (_Changed if have and str(e).startswith("50") else _Refused)(
                f"answers {e}"
            ) from e
        yield _Reply(stack.enter_context(data.makefile("rb")), start, found, total)


@contextlib.contextmanager
def _open_file(parts):
    path = Path(urllib.request.url2pathname(parts.path))
    if not path.is_file():
        raise _Refused("is not a file")
    with path.open("rb") as stream:
        yield _Reply(stream, 0, None, path.stat().st_size)
