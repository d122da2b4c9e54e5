"""Lines of progress: a share and the time left, seldom, and only for those who watch."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import clustered

from linkprune import (
    beta,
    exhaustive,
    groundtruth,
    hnsw,
    keys,
    log,
    opq,
    progress,
    regression,
    search,
    vectors,
)  # fmt: skip
from linkprune.index import Index

ROOT = Path(__file__).parents[1]
LINE = re.compile(r".+: .+ \((\d+) %\), ([\d.]+ (?:s|min|h)) left")


class Clock:
    """Seconds that pass when somebody looks, as much as one likes."""

    def __init__(self, step=0.0):
        self.now, self.step = 1000.0, step

    def monotonic(self):
        self.now += self.step
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    for module in (progress, log):
        monkeypatch.setattr(module, "time", made)
    return made


def said(caplog):
    return [r.getMessage() for r in caplog.records if r.name == "progress"]


def test_a_line_every_ten_seconds_with_share_and_time_left(clock, caplog):
    caplog.set_level(logging.INFO)
    way = progress.Progress("encode", 1000, "vectors")
    for _ in range(50):
        clock.now += 1
        way.step(10)
    assert said(caplog) == [
        f"encode: {n} of 1000 vectors ({share} %), {left} left"
        for n, share, left in ((100, 10, "90 s"), (200, 20, "80 s"), (300, 30, "70 s"),
                               (400, 40, "60 s"), (500, 50, "50 s"))
    ]  # fmt: skip
    clock.now += 1
    way.step(500)
    assert said(caplog)[-1] == "encode: 1000 vectors in 51 s"


def test_a_short_loop_says_one_line_when_it_is_done(clock, caplog):
    caplog.set_level(logging.INFO)
    assert [part.stop for part in progress.tracked(10, "rows", "rows", 4)] == [4, 8, 10]
    assert said(caplog) == ["rows: 10 rows in 0.0 s"]
    assert list(progress.tracked(0, "nothing")) == []


def test_places_instead_of_counts(clock, caplog):
    caplog.set_level(logging.INFO)
    way = progress.Progress("search", 1000)
    clock.now += 20
    way.step(250, at="efSearch 250")
    way.step(750, at="efSearch 750")
    assert said(caplog) == ["search: efSearch 250 (25 %), 60 s left", "search: all in 20 s"]


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (99.4, "99 s"),
        (99.6, "2 min"),
        (5401, "1.5 h"),
    ],
)
def test_durations(seconds, text):
    assert progress.duration(seconds) == text


def test_the_terminal_has_at_most_one_line_in_ten_seconds(clock):
    read, write = os.pipe()
    terminal, shown = log.Terminal(write, "digits/opq"), []
    for second in range(1, 41):
        clock.now = 1000 + second
        terminal.emit(logging.makeLogRecord({"msg": "at %d", "args": (second,)}))
    os.close(write)
    with open(read) as f:
        shown = f.read().splitlines()
    assert shown == [f"digits/opq: at {second}" for second in (10, 20, 30, 40)]
    terminal.emit(logging.makeLogRecord({"msg": "nobody reads"}))  # a closed terminal is no error


JOB = """
import sys, time
sys.path.insert(0, "lib")
from linkprune import log
log.redirect(sys.argv[1])
now = [0.0]
class Clock:
    def monotonic(self):
        return now[0]
from linkprune import progress
progress.time = log.time = Clock()
import logging
for handler in logging.getLogger("progress").handlers:
    handler.last = 0.0
for part in progress.tracked(100, "encode", size=1):
    now[0] += 3
"""


def test_a_job_writes_all_lines_to_its_log_and_some_to_the_terminal(tmp_path):
    path = tmp_path / "encode.log"
    run = subprocess.run(
        [sys.executable, "-c", JOB, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    logged = [line for line in path.read_text().splitlines() if " progress: " in line]
    shown = run.stderr.splitlines()
    assert len(logged) == len(shown) == 25 and not run.stdout
    assert all(LINE.search(line) for line in logged[:-1])
    assert logged[0].endswith("progress: encode: 4 of 100 vectors (4 %), 5 min left")
    assert logged[-1].endswith("progress: encode: 100 vectors in 5 min")
    assert shown[0] == f"{tmp_path}/encode: encode: 4 of 100 vectors (4 %), 5 min left"


def test_every_long_step_says_how_far_it_is(monkeypatch, caplog, tmp_path):
    """A clock that runs eleven seconds at every look: whoever looks has a line to say."""
    x, query = clustered(1200, 16, 1), clustered(20, 16, 2)
    truth, _ = groundtruth.exact(query, x, 10)
    codec = opq.train(x, keys.Codec(4, 16), 1)
    monkeypatch.setattr(progress, "CHUNK", 400)
    monkeypatch.setattr(progress.tracked, "__defaults__", ("vectors", 400))
    monkeypatch.setattr(groundtruth, "CHUNK", 400)
    monkeypatch.setattr(vectors, "BLOCK", 400)
    monkeypatch.setattr(regression, "ROWS", 400)
    monkeypatch.setattr(progress, "time", Clock(11))
    caplog.set_level(logging.INFO)
    made = {}

    def step(name, function, *args, **kwargs):
        caplog.clear()
        made[name] = function(*args, **kwargs)
        lines = said(caplog)
        assert any(LINE.fullmatch(line) for line in lines[:-1]), (name, lines)
        assert re.fullmatch(r".+ in [\d.]+ (s|min|h)", lines[-1]), (name, lines)

    parts = {"base": x, "query": query, "learn": x}
    step("vectors", vectors.save, tmp_path / "v.h5", parts, "l2", {}, {})
    step("truth", groundtruth.exact, query, x, 10)
    assert np.array_equal(made["truth"][0], truth)
    step("opq", opq.train, x, keys.Codec(4, 16), 1)
    assert np.array_equal(made["opq"].centroids, codec.centroids)
    step("encode", codec.encode, x)
    codes = made["encode"][0]
    step("graph", hnsw.build, keys.HNSW(4, 8, 20, "codes"), x, 1, codec=codec, codes=codes)
    graph, key = made["graph"], keys.Beta(2)
    step("beta", beta.train, key, x, codec, codes, graph.neighbors, 1, rounds=2)
    book = made["beta"][0]
    step("encode_beta", regression.encode, x, codec, codes, graph.neighbors, book)
    index = Index(codec, codes, graph, made["encode_beta"][0])
    step("search", search.grid, index, query, truth, 10, [1, 4, 16], [0, 5])
    step("exhaustive", exhaustive.search, index, query, 10)
