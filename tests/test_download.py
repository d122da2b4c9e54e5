import contextlib
import hashlib
import http.server
import logging
import re
import socket
import socketserver
import struct
import threading

import numpy as np
import pytest

from linkprune import download, formats
from linkprune.errors import ConfigError, DataError

DATA = np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8).tobytes()
SHA = hashlib.sha256(DATA).hexdigest()
HALF = 100_000


class Files(http.server.BaseHTTPRequestHandler):
    """Serves server.data with Range and If-Range; every request takes one of server.modes."""

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append((wanted, self.headers.get("If-Range")))
        mode = server.modes.pop(0) if server.modes else None
        if isinstance(mode, int):
            return self.send_error(mode)
        data, start, stop = server.data, 0, len(server.data)
        same = self.headers.get("If-Range") in (None, server.etag)
        self.send_response(206 if wanted and server.ranges and same else 200)
        if wanted and server.ranges and same:
            first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted).groups()
            start, stop = int(first), min(stop, int(last) + 1) if last else stop
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        if server.lengths:
            self.send_header("Content-Length", str(stop - start))
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        body = data[start:stop][: HALF if mode == "drop" else None]
        server.sent.append(len(body))
        if isinstance(mode, tuple):  # what later requests find
            server.data, server.etag = mode
        self.wfile.write(body)


class Ftp(socketserver.StreamRequestHandler):
    """Just enough of RFC 959 and 3659 for RETR with REST."""

    def handle(self):
        server, rest = self.server, 0
        answers = {"USER": "230 in", "TYPE": "200 ok", "MDTM": "213 20200101000000"}
        answers |= {"SIZE": f"213 {len(server.data)}", "REST": "350 ok", "RETR": "226 done"}
        self.wfile.write(b"220 hello\r\n")
        with socket.create_server(("127.0.0.1", 0)) as data:
            high, low = divmod(data.getsockname()[1], 256)
            answers["PASV"] = f"227 entering (127,0,0,1,{high},{low})"
            for line in self.rfile:
                command, _, argument = line.decode().strip().partition(" ")
                server.asked.append((command, argument))
                rest = int(argument) if command == "REST" else rest
                answer = answers.get(command, "502 unknown")
                if command in ("SIZE", "RETR") and argument != "pub/x.bin":
                    answer = "550 no such file"
                elif command == "RETR":
                    self.wfile.write(b"150 here it comes\r\n")
                    stop = HALF if server.modes and server.modes.pop(0) == "drop" else None
                    with data.accept()[0] as connection:
                        connection.sendall(server.data[rest:stop])
                self.wfile.write(f"{answer}\r\n".encode())


class Quiet(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, *args):
        pass  # a client that has enough closes the connection


@pytest.fixture
def serve(monkeypatch):
    """Return a function that starts a server and sets what it does."""
    monkeypatch.setattr(download, "BACKOFF", 0.001)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with contextlib.ExitStack() as running:

        def start(handler=Files, **settings):
            server = running.enter_context(Quiet(("127.0.0.1", 0), handler))
            defaults = {"data": DATA, "etag": '"v1"', "modes": [], "ranges": True, "lengths": True}
            vars(server).update(defaults | {"asked": [], "sent": []} | settings)
            scheme = "ftp" if handler is Ftp else "http"
            server.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/pub/x.bin"
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            running.callback(server.shutdown)
            return server

        yield start


def interrupted(server, path, monkeypatch):
    """Leave HALF bytes of the file, as a process that was killed would."""
    server.modes = ["drop"]
    with monkeypatch.context() as m, pytest.raises(ConnectionError):
        m.setattr(download, "TRANSIENT", ())  # nothing is tried again
        download.fetch(server.url, path)
    server.asked.clear()
    server.sent.clear()
    assert path.with_name(path.name + ".part").stat().st_size == HALF


def only(folder, name):
    return [path.name for path in folder.iterdir()] == [name]


@pytest.mark.parametrize("wanted", [{}, {"sha256": SHA.upper()}, {"size": len(DATA)}])
def test_plain_transfer(tmp_path, serve, wanted):
    server = serve()
    (tmp_path / "x.bin.part").write_bytes(b"of unknown origin, so it is dropped")
    got = download.fetch([server.url], tmp_path / "x.bin", **wanted)
    assert got.read_bytes() == DATA and only(tmp_path, "x.bin")
    assert server.asked == [(None, None)]


def test_a_file_that_is_already_right_is_kept_and_a_wrong_one_replaced(tmp_path, serve):
    server, path = serve(), tmp_path / "x.bin"
    path.write_bytes(DATA)
    download.fetch(server.url, path, SHA)
    assert server.asked == []
    path.write_bytes(DATA[::-1])
    download.fetch(server.url, path, SHA)
    assert path.read_bytes() == DATA and len(server.asked) == 1


def test_a_killed_transfer_resumes_with_the_missing_bytes_only(tmp_path, serve, monkeypatch):
    server = serve()
    interrupted(server, tmp_path / "x.bin", monkeypatch)
    download.fetch(server.url, tmp_path / "x.bin")
    assert server.asked == [(f"bytes={HALF}-", '"v1"')] and server.sent == [len(DATA) - HALF]
    assert (tmp_path / "x.bin").read_bytes() == DATA and only(tmp_path, "x.bin")


def test_a_dropped_connection_is_resumed_in_the_same_call(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(download, "TRIES", 3)  # progress starts the count again
    server = serve(modes=["drop", 503, "drop"])
    download.fetch(server.url, tmp_path / "x.bin", SHA)
    starts = [int(asked.strip("bytes=-")) for asked, _ in server.asked[1:]]
    assert server.asked[0] == (None, None) and starts == [HALF, HALF, 2 * HALF]


@pytest.mark.parametrize(
    "before, after, requests", [('"1"', '"2"', 1), ('W/"1"', 'W/"2"', 2), (None, None, 2)]
)
def test_a_file_that_changed_is_begun_again(tmp_path, serve, monkeypatch, before, after, requests):
    server = serve(etag=before)  # If-Range saves a request, but cannot carry a weak validator
    interrupted(server, tmp_path / "x.bin", monkeypatch)
    server.data, server.etag = DATA[::-1] + (b"" if after else b"!"), after
    download.fetch(server.url, tmp_path / "x.bin")
    assert server.asked[0] == (f"bytes={HALF}-", before if requests == 1 else None)
    assert len(server.asked) == requests and len(server.data) in server.sent
    assert (tmp_path / "x.bin").read_bytes() == server.data


@pytest.mark.parametrize("ranges, modes, asked", [(False, [], 1), (True, [416], 2)])
def test_without_ranges_all_is_read(tmp_path, serve, monkeypatch, ranges, modes, asked):
    server = serve(ranges=ranges)
    interrupted(server, tmp_path / "x.bin", monkeypatch)
    server.modes = modes
    download.fetch(server.url, tmp_path / "x.bin", SHA)
    assert len(server.asked) == asked and server.sent == [len(DATA)]


def test_a_server_that_tells_no_length(tmp_path, serve):
    server = serve(lengths=False)
    download.fetch(server.url, tmp_path / "x.bin", SHA)
    server.modes = ["drop"]
    with pytest.raises(DataError, match=f"has {HALF} bytes, expected {len(DATA)}"):
        download.fetch(server.url, tmp_path / "y.bin", size=len(DATA))
    assert only(tmp_path, "x.bin")


def test_mirrors_are_tried_in_turn(tmp_path, serve, caplog):
    missing, broken, good = serve(modes=[404] * 2), serve(modes=[503] * 99), serve()
    download.fetch([missing.url, broken.url, good.url], tmp_path / "x.bin", SHA)
    assert [len(s.asked) for s in (missing, broken, good)] == [1, download.TRIES, 1]
    assert "404" in caplog.text and "503" in caplog.text
    with pytest.raises(DataError, match="404") as e:
        download.fetch([missing.url, "gopher://x/y"], tmp_path / "y.bin")
    assert re.search(f"y.bin: .*{missing.url} .*; gopher://x/y [^\n]*$", str(e.value))


@pytest.mark.parametrize("sha256", [SHA, None])
def test_another_mirror_continues_only_under_a_checksum(tmp_path, serve, monkeypatch, sha256):
    first, second = serve(), serve()
    interrupted(first, tmp_path / "x.bin", monkeypatch)
    first.modes = [503] * 99
    download.fetch([second.url, first.url], tmp_path / "x.bin", sha256)
    assert len(first.asked) == download.TRIES  # the mirror that was begun with comes first
    assert second.asked == [(f"bytes={HALF}-" if sha256 else None, None)]
    assert (tmp_path / "x.bin").read_bytes() == DATA


def test_wrong_content_is_refused_and_not_kept(tmp_path, serve):
    wrong = serve(data=DATA[::-1])
    with pytest.raises(DataError) as e:
        download.fetch(wrong.url, tmp_path / "x.bin", SHA)
    got = hashlib.sha256(DATA[::-1]).hexdigest()
    assert f"{wrong.url} has sha256 {got}, expected {SHA}" in str(e.value)
    assert "\n" not in str(e.value) and not any(tmp_path.iterdir())
    good = serve()
    download.fetch([wrong.url, good.url], tmp_path / "x.bin", SHA)
    with pytest.raises(DataError, match=f"has {len(DATA)} bytes, expected 7"):
        download.fetch(good.url, tmp_path / "y.bin", size=7)
    assert only(tmp_path, "x.bin")


def test_a_full_disk_is_seen_before_the_transfer(tmp_path, serve, monkeypatch):
    usage = download.shutil.disk_usage(tmp_path)._replace(free=len(DATA) - 1)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DataError, match=rf"{len(DATA) - 1} bytes free .*, expected {len(DATA)}"):
        download.fetch(serve().url, tmp_path / "x.bin")
    assert (tmp_path / "x.bin.part").stat().st_size == 0


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("kind, dtype", [("fbin", "f4"), ("u8bin", "u1"), ("i8bin", "i1")])
def test_first_rows_of_a_big_ann_file(tmp_path, serve, kind, dtype, ranges):
    x = (np.arange(60_000).reshape(3000, 20) % 117).astype(dtype)
    server = serve(data=struct.pack("<II", *x.shape) + x.tobytes(), ranges=ranges)
    path = tmp_path / f"x.{kind}"
    want = struct.pack("<II", 700, 20) + x[:700].tobytes()
    download.fetch(server.url, path, hashlib.sha256(want).hexdigest(), len(want), first_rows=700)
    assert path.read_bytes() == want and only(tmp_path, path.name)
    assert np.array_equal(formats.read(path), x[:700])
    assert [a[0] for a in server.asked] == ["bytes=0-7", f"bytes=8-{len(want) - 1}"]
    assert not ranges or server.sent == [8, len(want) - 8]
    with pytest.raises(DataError, match=r"has 3000 rows of 20 dimensions .*, expected 3001"):
        download.fetch(server.url, tmp_path / f"y.{kind}", first_rows=3001)


@pytest.mark.parametrize("kind, dtype", [("fvecs", "f4"), ("bvecs", "u1"), ("ivecs", "i4")])
def test_first_rows_of_a_vecs_file(tmp_path, serve, kind, dtype):
    x = (np.arange(9000).reshape(3000, 3) % 117).astype(dtype)
    formats.write(tmp_path / f"whole.{kind}", x)
    server = serve(data=(tmp_path / f"whole.{kind}").read_bytes())
    path = tmp_path / f"x.{kind}"
    for rows in (1, 2999, 3000):
        download.fetch(server.url, path, first_rows=rows)
        assert np.array_equal(formats.read(path), x[:rows])
    assert sum(server.sent) == 6000 * len(server.data) // 3000
    with pytest.raises(DataError, match=f"has {len(server.data)} bytes, expected at least"):
        download.fetch(server.url, path, first_rows=3001)


@pytest.mark.parametrize("n, d", [(2500, 120), (4000, 60)])
def test_a_crop_resumes_and_follows_a_changed_header(tmp_path, serve, n, d):
    old, new = (np.ones((3000, 100), np.uint8), np.full((n, d), 2, np.uint8))
    data, other = (struct.pack("<II", *x.shape) + x.tobytes() for x in (old, new))
    server = serve(data=data, modes=[None, "drop"])
    path = tmp_path / "x.u8bin"
    download.fetch(server.url, path, first_rows=2000)
    assert np.array_equal(formats.read(path), old[:2000])
    assert server.asked[2] == (f"bytes={8 + HALF}-{8 + 200_000 - 1}", '"v1"')
    assert server.sent == [8, HALF, HALF]
    server.modes = [(other, '"v2"')]  # between the header and the rows
    download.fetch(server.url, path, first_rows=2000)
    assert np.array_equal(formats.read(path), new[:2000])


def test_impossible_requests_are_refused(tmp_path):
    for name, rows in [("x.npy", 3), ("x.fbin", 0)]:
        with pytest.raises(ConfigError, match=f"first_rows is {rows}"):
            download.fetch("http://127.0.0.1:1/x", tmp_path / name, first_rows=rows)
    with pytest.raises(DataError, match="has no url"):
        download.fetch([], tmp_path / "x.npy")


def test_ftp_resumes_and_crops(tmp_path, serve):
    server = serve(handler=Ftp, modes=["drop"])
    download.fetch(server.url, tmp_path / "x.bin", SHA)
    assert [a for a in server.asked if a[0] == "REST"] == [("REST", str(HALF))]
    x = np.arange(3000, dtype=np.uint8).reshape(30, 100)
    server.data = struct.pack("<II", 30, 100) + x.tobytes()
    download.fetch(server.url, tmp_path / "x.u8bin", first_rows=4)
    assert np.array_equal(formats.read(tmp_path / "x.u8bin"), x[:4])
    with pytest.raises(DataError, match="550 no such file"):
        download.fetch(server.url.replace("x.bin", "y.bin"), tmp_path / "y.bin")


def test_file_urls_and_the_log(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(download, "REPORT_EVERY", 0)
    (tmp_path / "a b.bin").write_bytes(DATA)
    url = (tmp_path / "a b.bin").as_uri()
    with caplog.at_level(logging.INFO):
        assert download.fetch(url, tmp_path / "x.bin", SHA).read_bytes() == DATA
    assert re.search(r"b\.bin: 0 MB, \d+\.\d\d MB/s, left \d+ s", caplog.text)
    with pytest.raises(DataError, match="is not a file"):
        download.fetch(url + "x", tmp_path / "y.bin")
