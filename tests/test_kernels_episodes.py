"""Episodes against a search written from the words of csrc/episodes.h, link by link."""

import tracemalloc

import numpy as np
import pytest
from conftest import by_distance_then_id, flat, random_graph, refuses
from episodes_reference import KEY, KINDS, SIZES, absent_of, credited, keep_of, recorded, space_of

from linkprune.errors import ShapeError
from linkprune.kernels import episodes


def same_bytes(a, b):
    return [x.tobytes() for x in a] == [x.tobytes() for x in b]


@pytest.mark.parametrize("ip", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nb, M0, d", SIZES)
def test_records_equal_the_reference(nb, M0, d, kind, ip):
    for seed in range(2):
        graph = random_graph(nb, M0, 3, nb + seed, ring=seed == 0 and nb > 1)
        keywords, x, dis = space_of(kind, nb, 7, d, nb + seed, ip)
        keep = keep_of((nb, M0), seed)
        start = np.random.default_rng(seed).integers(0, nb, 7).astype(np.int32)
        runner = episodes.Runner(graph, **keywords)
        for k, ef in ((1, 1), (1, 4), (6, 2), (10, 10), (nb + 3, nb + 9)):
            absent = absent_of(start, nb, k) if k > 1 else None
            e = runner.record(keep, x, start, k, ef, KEY, absent=absent)
            assert [y.dtype for y in e] == ["int32", "int64", "int32", "int32", "int32"]
            got = [y.tolist() for y in e]
            want = recorded(graph, dis, keep, start, k, min(ef, nb), KEY, absent)
            assert got == list(want), (k, ef)


@pytest.mark.parametrize("rerun", [True, False])
@pytest.mark.parametrize("kind, ip", [("float32", False), ("uint8", True), ("int8", False),
                                      ("codes", True), ("codes", False)])  # fmt: skip
@pytest.mark.parametrize("nb, M0, d", SIZES)
def test_credit_equals_the_reference(nb, M0, d, kind, ip, rerun):
    efs, rate = [1, 3, 8, nb + 5], [7, 100, 13, 1]
    seen = 0
    for seed in range(2):
        graph = random_graph(nb, min(M0, 9) if seed else M0, 3, nb + seed, ring=seed == 0 < nb - 1)
        keywords, x, dis = space_of(kind, nb, 16, d, nb + seed, ip)
        keep = keep_of(graph.neighbors.shape, seed)
        start = np.random.default_rng(seed).integers(0, nb, 16).astype(np.int32)
        runner = episodes.Runner(graph, **keywords)
        for k in (1, min(nb, 10)):
            truth, _ = by_distance_then_id(dis, k)
            absent = absent_of(start, nb, k) if k > 1 else None
            want = credited(graph, dis, keep, start, truth, [min(ef, nb) for ef in efs], rate, KEY,
                            rerun, absent)  # fmt: skip
            got = runner.credit(keep, x, start, truth, np.array(efs, np.int32),
                                np.array(rate, np.int64), KEY, absent=absent,
                                rerun=rerun)  # fmt: skip
            assert [y.dtype for y in got] == ["int64"] * 2 + ["int32"] * 3
            for name, a, b in zip(got._fields, got, want, strict=True):
                assert np.array_equal(a, b), (name, seed, k)
            seen += (got.gain != 0).sum()
    assert seen > 0 or nb <= 2


def test_credit_is_the_difference_that_a_link_makes():
    # 0 -> 1 -> 3 (true), 0 -> 2, and 3 -> 1, 4 -> 2: a link from a descendant covers nothing.
    graph = flat([[1, 2], [3, -1], [4, -1], [1, -1], [2, -1]])
    vectors = np.array([[9], [2], [3], [0], [8]], np.float32)
    keep = np.full((5, 2), episodes.ALWAYS, np.uint32)
    keywords = {"efs": np.array([5], np.int32), "rate": np.array([100], np.int64), "key": 1}
    one = np.zeros((1, 1), np.float32), np.zeros(1, np.int32), np.full((1, 1), 3, np.int32)
    runner = episodes.Runner(graph, vectors=vectors)
    c = runner.credit(keep, *one, **keywords)
    assert c.gain.tolist() == [[100, 0], [100, 0], [0, 0], [0, 0], [0, 0]]
    assert c.cost.tolist() == [[2, 1], [1, 0], [1, 0], [0, 0], [0, 0]]  # 1 goes, and 3 with it
    again = runner.credit(keep, *one, **keywords, total=c)
    assert again.gain is c.gain and c.gain[0, 0] == 200 and c.cost[0, 0] == 4
    with refuses(ShapeError, "cost", "overlap"):
        runner.credit(keep, *one, **keywords, total=c._replace(cost=c.gain))
    keep[3, 0] = 0
    graph.neighbors[4, 1] = 1  # 4 is another way to 1, so that 0 -> 1 is worth nothing, 1 -> 3 is
    keep[4, 1] = episodes.ALWAYS
    runner = episodes.Runner(graph, vectors=vectors)
    c = runner.credit(keep, *one, **keywords)
    assert c.gain.tolist() == [[0, 0], [100, 0], [0, 0], [0, 0], [0, 0]]
    assert c.cost.tolist() == [[0, 1], [1, 0], [1, 0], [0, 0], [0, 0]]


@pytest.mark.parametrize("width", [4, 40])
def test_a_link_that_stands_twice_is_followed_once(width):
    links = np.full((30, width), -1, np.int32)
    links[:, :4] = (np.arange(30)[:, None] * 7 + [1, 9, 1, 4]) % 30
    links[5, :3] = 5  # and one that leads to its own source
    if width > 33:
        links[:, 4:34] = links[:, :1]  # in another chunk
    graph, keep = flat(links), keep_of(links.shape, 3)
    keywords, x, dis = space_of("float32", 30, 50, 3, 4)
    start, (truth, _) = np.zeros(50, np.int32), by_distance_then_id(dis, 4)
    runner = episodes.Runner(graph, **keywords)
    got = [y.tolist() for y in runner.record(keep, x, start, 4, 6, 2)]
    assert got == list(recorded(graph, dis, keep, start, 4, 6, 2))
    c = runner.credit(keep, x, start, truth, np.array([6], np.int32), np.array([5]), 2)
    for a, b in zip(c, credited(graph, dis, keep, start, truth, [6], [5], 2, True), strict=True):
        assert np.array_equal(a, b)


def test_bytes_are_measured_as_the_floats_that_they_stand_for():
    # Extreme values, at which the sums just fit, and more dimensions than sums of 24 bits can hold.
    rng = np.random.default_rng(5)
    for d in (1, 31, 63, 64, 65, 100, 127, 128, 129, 258, 259, 1100):
        graph, start = random_graph(50, 12, 3, d, ring=True), np.zeros(40, np.int32)
        keep = keep_of((50, 12), d)
        for kind, lo, hi in (("uint8", 0, 255), ("int8", -128, 127)):
            values = rng.choice([lo, hi], (50, d)).astype(kind)
            values[25:] = rng.integers(lo, hi, (25, d), endpoint=True)
            x = rng.choice([lo, hi], (40, d)).astype(np.float32)
            x[20:30] = rng.integers(lo, hi, (10, d), endpoint=True)
            x[30:] += np.float32(0.25)
            x[39, 0] = 1e6
            for ip in (False, True):
                got = [episodes.Runner(graph, vectors=v, ip=ip).record(keep, x, start, 20, 20, d)
                       for v in (values, values.astype(np.float32))]  # fmt: skip
                assert same_bytes(*got), (d, kind, ip)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_do_not_change_bits(kind):
    graph, n = random_graph(90, 6, 3, 4, ring=True), 301
    keywords, x, dis = space_of(kind, 90, n, 9, 2)
    keep, start = keep_of((90, 6), 1), np.random.default_rng(1).integers(0, 90, n).astype(np.int32)
    truth, _ = by_distance_then_id(dis, 5)
    efs, rate = np.array([2, 9], np.int32), np.array([3, 50], np.int64)

    def both(threads):
        runner = episodes.Runner(graph, threads=threads, **keywords)
        return [*runner.record(keep, x, start, 5, 9, KEY),
                *runner.credit(keep, x, start, truth, efs, rate, KEY)]  # fmt: skip

    one = both(1)
    assert same_bytes(one, both(2)) and same_bytes(one, both(4)) and same_bytes(one, both(1))


@pytest.mark.parametrize("threads", [1, 3])
def test_too_little_room_for_actions_gives_the_same_records(threads, monkeypatch):
    graph = random_graph(90, 33, 3, 4, ring=True)
    keywords, x, _ = space_of("float32", 90, 203, 9, 2)
    keep, start = keep_of((90, 33), 1), np.zeros(203, np.int32)
    want = episodes.Runner(graph, threads=threads, **keywords).record(keep, x, start, 3, 9, KEY)
    calls, call = [], episodes.C.ann_episodes

    class Counted:
        ANN_QUEUE_ROOM = episodes.C.ANN_QUEUE_ROOM

        def ann_episodes(self, *arguments):
            calls.append(arguments[5])
            return call(*arguments)

    monkeypatch.setattr(episodes, "C", Counted())
    for least in (1, 400):  # nothing fits; something does
        monkeypatch.setattr(episodes, "LEAST_ROOM", least)
        monkeypatch.setattr(episodes, "ROOM_PER_PLACE", 0)
        calls.clear()
        runner = episodes.Runner(graph, threads=threads, **keywords)
        assert same_bytes(runner.record(keep, x, start, 3, 9, KEY), want)
        assert len(calls) > 3 and calls == sorted(calls)


@pytest.mark.parametrize("kind", ["float32", "codes"])
def test_too_few_snapshots_give_the_same_credit(kind, monkeypatch):
    graph, efs = random_graph(90, 9, 3, 4, ring=True), np.array([2, 9, 40], np.int32)
    keywords, x, dis = space_of(kind, 90, 120, 9, 2)
    keep, start = keep_of((90, 9), 1), np.random.default_rng(1).integers(0, 90, 120).astype("i4")
    truth, _ = by_distance_then_id(dis, 5)

    def credit(threads=1):
        runner = episodes.Runner(graph, threads=threads, **keywords)
        return runner.credit(keep, x, start, truth, efs, np.array([3, 50, 7]), KEY,
                             absent=absent_of(start, 90, 3))  # fmt: skip

    want = credit()
    hops = episodes.Runner(graph, **keywords).record(keep, x, start, 5, 40, KEY).nhops
    assert (want.gain != 0).any() and hops.max() > 40
    monkeypatch.setattr(episodes, "SNAPSHOTS_PER_PLACE", 0)
    for least in (0, 1, 2, 5, 12, 40):  # and one more
        monkeypatch.setattr(episodes, "LEAST_SNAPSHOTS", least)
        assert same_bytes(credit(), want) and same_bytes(credit(threads=3), want), least


def test_a_wide_search_on_many_vertices_takes_little_scratch():
    nb = 200_000
    graph = flat(np.full((nb, 1), -1, np.int32))
    runner = episodes.Runner(graph, vectors=np.zeros((nb, 1), np.float32), threads=4)
    one = np.zeros((nb, 1), np.uint32), np.zeros((1, 1), np.float32), np.zeros(1, np.int32)
    tracemalloc.start()
    try:
        runner.credit(*one, np.zeros((1, 1), np.int32), np.array([256], np.int32), np.array([1]), 0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * nb * 100  # bytes for each vertex and thread, whatever the width


def test_more_searches_than_epochs_are_independent():
    graph, n = random_graph(25, 3, 2, 4, ring=True), 70_000
    keywords, few, dis = space_of("float32", 25, 7, 2, 2)
    x, dis = np.resize(few, (n, 2)), np.resize(dis, (n, 25))
    keep, start = np.full((25, 3), episodes.ALWAYS, np.uint32), np.zeros(n, np.int32)
    keep[::2, 1:] = 0  # without chance a query's episodes are all the same
    runner = episodes.Runner(graph, **keywords)
    e = runner.record(keep, x, start, 4, 3, KEY)
    assert e.offset[-1] == len(e.actions)
    for i in range(7):
        assert (e.I[i::7] == e.I[i]).all() and (e.nhops[i::7] == e.nhops[i]).all()
        assert (np.diff(e.offset)[i::7] == np.diff(e.offset)[i]).all()
    truth, _ = by_distance_then_id(dis[:7], 4)
    arguments = np.array([3], np.int32), np.array([10], np.int64), KEY

    def credit(x):
        truths = np.ascontiguousarray(np.resize(truth, (len(x), 4)))
        return runner.credit(keep, np.ascontiguousarray(x), start[: len(x)], truths, *arguments)

    parts = credit(x[:7])
    assert parts.gain.any()
    whole = credit(x)  # several searches each: what marks a search ends more often
    assert (whole.gain == parts.gain * (n // 7)).all() and (whole.cost == parts.cost * 10_000).all()
    assert (whole.hits.reshape(-1, 7) == parts.hits).all()
    again = runner.record(keep, x[:70], start[:70], 4, 3, KEY)
    assert same_bytes(again[2:], [y[:70] for y in e[2:]])


@pytest.mark.parametrize("ip", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_all_links_kept_and_ef_nb_find_the_exact_neighbours(kind, ip):
    graph = random_graph(70, 5, 4, 3, ring=True)
    keywords, x, dis = space_of(kind, 70, 9, 17, 6, ip)
    keep, start = np.full((70, 5), episodes.ALWAYS, np.uint32), np.arange(9, dtype=np.int32)
    e = episodes.Runner(graph, **keywords).record(keep, x, start, 20, 70, KEY)
    assert (e.I == by_distance_then_id(dis, 20)[0]).all()
    assert (e.ndis == 70).all() and (e.nhops == 70).all() and (e.actions >= 0).all()
    assert (np.diff(e.offset) == 69).all()


def test_no_link_kept_finds_the_start_alone():
    graph = random_graph(70, 5, 4, 3, ring=True)
    keywords, x, _ = space_of("float32", 70, 4, 17, 5)
    start = np.array([3, 0, 69, 3], np.int32)
    e = episodes.Runner(graph, **keywords).record(np.zeros((70, 5), np.uint32), x, start, 2, 9, KEY)
    assert e.I.tolist() == [[s, -1] for s in start.tolist()] and (e.actions < 0).all()
    assert e.ndis.tolist() == e.nhops.tolist() == [1] * 4


def test_links_are_kept_as_often_as_they_should():
    graph = flat((np.arange(200)[:, None] + [1, 2, 3]) % 200)
    keywords, x, _ = space_of("float32", 200, 900, 2, 8)
    p = np.tile([0.2, 0.5, 0.9], (200, 1))
    e = episodes.Runner(graph, **keywords).record(
        episodes.thresholds(p), x, np.zeros(900, np.int32), 1, 10, KEY
    )
    link = np.where(e.actions < 0, ~e.actions, e.actions)
    n = np.bincount(link % 3, minlength=3)
    share = np.bincount(link % 3, e.actions >= 0) / n
    assert (np.abs(share - p[0]) < 5 * np.sqrt(p[0] * (1 - p[0]) / n)).all()


def test_no_episodes_give_no_records():
    graph = random_graph(30, 4, 3, 4)
    keywords, x, _ = space_of("codes", 30, 1, 1, 1)
    runner = episodes.Runner(graph, **keywords)
    keep, none = np.zeros((30, 4), np.uint32), np.empty(0, np.int32)
    e = runner.record(keep, x[:0], none, 3, 5, 0)
    assert e.actions.shape == (0,) and e.offset.tolist() == [0] and e.I.shape == (0, 3)
    c = runner.credit(keep, x[:0], none, np.empty((0, 2), np.int32), np.array([3], np.int32),
                      np.array([1]), 0)  # fmt: skip
    assert not c.gain.any() and not c.cost.any() and c.hits.shape == (0,)


def test_thresholds_are_probabilities_in_steps_of_31_bits():
    p = np.array([0, 2.0**-31, 0.5, 1 - 2.0**-31, 1])
    t = episodes.thresholds(p)
    assert t.dtype == np.uint32 and t.tolist() == [0, 1, 2**30, 2**31 - 1, 2**31]
    for bad in (-0.01, 1.01, np.nan):
        with refuses(ShapeError, "0 ... 1"):
            episodes.thresholds(np.array([0.5, bad]))
