"""The queries that pruning learns from: whose they are, how many, and which files they lie in."""

import dataclasses

import numpy as np
import pytest
from conftest import by_distance_then_id, clustered, ip_or_l2, refuses

from linkprune import datasets, formats, groundtruth, vectors
from linkprune.errors import DataError
from linkprune.rl import queries
from linkprune.rl.environment import Queries, Space

SETTINGS = {"most": 10_000, "per_vertex": 100, "made_below": 0, "k": 3}


def parts(dtype="float32"):
    """Parts of which every row says by its first value where it comes from."""
    rows = {"base": (30, 0), "query": (9, 50), "learn": (40, 100), "train": (25, 160)}
    return {name: np.stack([first + np.arange(n), np.arange(n) * 7 % 11], 1).astype(dtype)
            for name, (n, first) in rows.items()}  # fmt: skip


def data(own_learn=True, metric="l2", **others):
    made = {**parts(), **others}
    learn = made["learn"] if own_learn else made["base"]
    return vectors.Vectors(
        made["base"], made["query"], learn, metric, made["train"], own_learn=own_learn
    )


def gather(found, seed=1, threads=1, **settings):
    return queries.gather(found, {**SETTINGS, **settings}, seed, threads)


def rows_of(x):
    return sorted(map(tuple, x.tolist()))


# Which


@pytest.mark.parametrize("own_learn", [True, False])
@pytest.mark.parametrize("train", [True, False])
def test_they_are_the_rows_of_train_and_of_a_learn_that_is_not_the_base(own_learn, train):
    found = data(own_learn) if train else dataclasses.replace(data(own_learn), train=None)
    want = (rows_of(parts()["train"]) if train else []) + (
        rows_of(parts()["learn"]) if own_learn else []
    )
    if not want:
        with refuses(DataError, "0 training queries", "5"):
            gather(found)
        return
    got = gather(found)
    assert rows_of(got.x) == sorted(want) and (got.absent == -1).all()
    dis = ip_or_l2(got.x, found.base, False)
    assert np.array_equal(got.truth, by_distance_then_id(dis, 3)[0])
    assert got.truth.dtype == got.absent.dtype == np.int32


def test_no_test_query_is_among_them_whatever_is_asked_for():
    test = set(rows_of(parts()["query"]))
    for settings in ({}, {"made_below": 5}, {"most": 20}, {"per_vertex": 1, "made_below": 2}):
        assert not test & set(rows_of(gather(data(), **settings).x)), settings


@pytest.mark.parametrize("settings, n", [({"most": 17}, 17), ({"per_vertex": 1}, 30),
                                         ({"per_vertex": 2}, 60), ({"per_vertex": 3}, 65),
                                         ({"most": 65}, 65), ({"most": 64}, 64)])  # fmt: skip
def test_too_many_are_cut_to_a_choice_without_repetition(settings, n):
    got, whole = gather(data(), **settings), gather(data())
    rows = rows_of(got.x)
    assert len(rows) == len(set(rows)) == n and set(rows) <= set(rows_of(whole.x))
    if n < 65:
        first = {x >= 160 for x, _ in rows}
        assert first == {False, True}  # of both parts
        assert rows_of(gather(data(), seed=2, **settings).x) != rows


def test_their_order_is_random_and_that_of_the_seed():
    one, again, two = gather(data()), gather(data()), gather(data(), seed=2)
    assert np.array_equal(one.x, again.x) and not np.array_equal(one.x, two.x)
    assert rows_of(one.x) == rows_of(two.x)
    assert not (np.diff((one.x[:, 0] >= 160).astype(int)) >= 0).all()  # the parts are mixed


def test_bytes_stay_bytes_and_threads_do_not_matter():
    found = data(**parts("uint8"))
    got = gather(found)
    assert got.x.dtype == np.uint8
    mixed = gather(data(train=parts("uint8")["train"]))
    assert mixed.x.dtype == np.float32 and rows_of(mixed.x) == rows_of(got.x)
    for name in Queries._fields:
        one = getattr(gather(data(), made_below=7), name)
        two = getattr(gather(data(), threads=2, made_below=7), name)
        assert one.tobytes() == two.tobytes()


def test_k_is_at_most_what_there_is():
    assert gather(data(), k=100).truth.shape == (65, 29)


# Those that are made


def cloud():
    base = clustered(400, 6, 1)
    return vectors.Vectors(base, clustered(50, 6, 2), base, "l2", own_learn=False)


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_what_is_lacking_is_made_and_its_neighbours_are_exact(metric):
    found = dataclasses.replace(cloud(), metric=metric, train=clustered(100, 6, 3))
    got = gather(found, made_below=2, k=4)
    own = got.absent == -1
    assert len(got.x) == 800 and own.sum() == 100
    assert rows_of(got.x[own]) == rows_of(found.train)
    dis = ip_or_l2(got.x, found.base, metric == "ip")
    dis[np.flatnonzero(~own), got.absent[~own]] = np.inf
    near, _ = by_distance_then_id(dis, 4)
    assert (got.truth == near).mean() > 0.999  # float64 may decide a tie of float32
    assert not (got.truth == got.absent[:, None]).any()
    # The data set's own come last, to be set aside first; made ones of one vector stand together.
    assert not own[:700].any() and own[700:].all()
    made = got.absent[:700]
    assert (np.diff(made) != 0).sum() + 1 == len(np.unique(made))


def test_made_queries_are_as_many_as_most_allows():
    assert len(gather(cloud(), made_below=3, most=700).x) == 700
    assert (
        len(gather(dataclasses.replace(cloud(), train=clustered(500, 6, 3)), made_below=1).x) == 500
    )


def test_made_queries_lie_as_far_from_the_base_as_queries_do():
    found = cloud()
    made = queries.made(found.base, 2000, 10, "l2", 1)
    true, _ = groundtruth.exact(found.query, found.base, 10)

    def distance(x, truth, j):
        return np.median(((x - found.base[truth[:, j]]) ** 2).sum(1))

    for j in (0, 9):
        share = distance(made.x, made.truth, j) / distance(found.query, true, j)
        assert 0.6 < share < 1.6, j


def test_a_made_query_is_moved_by_so_much_of_the_difference_of_two_neighbours():
    base = cloud().base
    made = queries.made(base, 50, 10, "l2", 1)
    near, _ = groundtruth.exact(base, base, 11)
    for x, v in zip(made.x, made.absent, strict=True):
        of = base[near[v][near[v] != v][:10]]
        moves = (of[:, None] - of[None]).reshape(-1, base.shape[1])
        moved = (x - base[v])[None]
        along = moves[np.square(moved / 0.7 - moves).sum(1).argmin()]
        assert np.allclose(moved, 0.7 * along, atol=1e-5)


def test_a_made_query_is_no_base_vector():
    made = queries.made(cloud().base, 2000, 10, "l2", 1)
    assert not set(rows_of(cloud().base)) & set(rows_of(made.x))
    assert len(np.unique(made.x, axis=0)) > 1900
    two = queries.made(np.array([[0.0], [9.0]], np.float32), 20, 1, "l2", 1)
    assert (two.truth[:, 0] == 1 - two.absent).all()  # even where there is no pair to move along


# Split


def test_validation_has_the_last_rows_at_most_a_fifth():
    x = np.arange(50)[:, None]
    all_of_them = Queries(x, 50 + x, np.full(50, -1, np.int32))
    for wanted, n in ((3, 3), (10, 10), (11, 10), (5000, 10)):
        learn, held_out = queries.split(all_of_them, wanted)
        for a, b, whole in zip(learn, held_out, all_of_them, strict=True):
            assert len(b) == n and np.array_equal(np.concatenate([a, b]), whole)
    learn, held_out = queries.split(all_of_them, 10, 7)
    assert [len(x) for x in learn] == [7] * 3 and learn.x[:, 0].tolist() == list(range(7))
    assert held_out.x[:, 0].tolist() == list(range(40, 50))
    assert len(queries.split(all_of_them, 10, 1000)[0].x) == 40


def test_half_of_the_own_queries_train_and_they_come_before_made_ones():
    x, source = np.arange(50)[:, None], np.append(np.arange(44) // 4, np.full(6, -1))
    mixed = Queries(x, 50 + x, source.astype(np.int32))  # 11 vectors, 4 made of each; 6 own
    learn, held_out = queries.split(mixed, 10)
    assert held_out.x.ravel().tolist() == [*range(37, 44), 47, 48, 49]
    assert learn.x.ravel().tolist() == [*range(37), 44, 45, 46]
    few, same = queries.split(mixed, 10, 12)
    assert np.array_equal(same.x, held_out.x)
    assert few.x[-3:].ravel().tolist() == [44, 45, 46]
    assert len(few.x) == 12 and len(set(few.absent[:9])) == 9  # of as many vectors
    assert queries.split(mixed, 10, 2)[0].x.ravel().tolist() == [44, 45]


def test_no_more_are_made_than_a_vertex_may_have():
    found = dataclasses.replace(cloud(), train=clustered(2000, 6, 3))
    got = gather(found, made_below=20, per_vertex=2)
    assert len(got.x) == 2 * len(found.base) and (got.absent == -1).all()


@pytest.mark.parametrize("n", [1, 4])
def test_too_few_to_split_are_refused(n):
    few = Queries(np.zeros((n, 2)), np.zeros((n, 1), np.int32), np.full(n, -1))
    with refuses(DataError, f"{n} training queries", "5 or more"):
        queries.split(few, 10)
    with refuses(DataError, f"{n} training queries", "5 or more"):
        gather(data(), most=n)


# Neighbours among codes


def test_on_codes_the_neighbours_are_those_of_the_decoded_vectors(world):
    codec, codes, x = world["codec"], world["codes"], world["query"]
    truth, _ = groundtruth.exact(x, world["base"], 5)
    given = Queries(x, truth, np.where(np.arange(len(x)) % 2, truth[:, 0], -1).astype(np.int32))
    space = Space(codes=codes, codec=codec)
    got = queries.on_codes(given, space)
    dis = ip_or_l2(codec.rotate(x), codec.decode(codes), False)
    rows = np.flatnonzero(given.absent >= 0)
    dis[rows, given.absent[rows]] = np.inf
    assert (got.truth == by_distance_then_id(dis, 5)[0]).mean() > 0.99
    assert not (got.truth == given.absent[:, None]).any()
    assert got.x is x and (got.truth != truth).any()
    assert queries.on_codes(given, Space(world["base"])) is given


# Files


def entry(folder, train):
    for name, x in parts().items():
        formats.write(folder / f"{name}.fvecs", x)
    return {**{n: f"{folder}/{n}.fvecs" for n in ("base", "query", "learn")},
            "metric": "l2", "train": train}  # fmt: skip


def load(folder, content):
    made = datasets.load("mine", content, 1)
    vectors.save(folder / "vectors.h5", made.parts, made.metric, {}, made.mapped)
    return vectors.load(folder / "vectors.h5")


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("first, rows", [(0, None), (0, 25), (7, None), (24, 1), (3, 9)])
def test_a_crop_is_those_rows_of_the_file(tmp_path, monkeypatch, first, rows, large):
    if large:
        monkeypatch.setattr(datasets, "MAPPED_BYTES", 1)
    crop = {"path": f"{tmp_path}/train.fvecs", "first": first}
    crop |= {} if rows is None else {"rows": rows}
    for kind in ("fvecs", "npy", "fbin", "hdf5"):
        path = tmp_path / f"train.{kind}"
        content = entry(tmp_path, {**crop, "path": str(path)})
        if kind == "hdf5":
            import h5py

            with h5py.File(path, "w") as f:
                f["a"] = parts()["train"]
            content["train"]["path"] += ":a"
        else:
            formats.write(path, parts()["train"])
        got = load(tmp_path, content)
        want = parts()["train"][first:][:rows]
        assert np.array_equal(got.train, want), kind
        assert got.own_learn
        sizes = datasets.sizes("mine", content)
        assert sizes["train"] == want.shape and sizes["learn"] == (40, 2)


@pytest.mark.parametrize("crop, words", [({"first": 25}, ("25 rows", "more than 25")),
                                         ({"first": 90}, ("25 rows", "90")),
                                         ({"first": 20, "rows": 6}, ("25 rows", "26")),
                                         ({"rows": 26}, ("25 rows", "26"))])  # fmt: skip
def test_a_crop_beyond_the_end_is_refused_in_one_line(tmp_path, crop, words):
    content = entry(tmp_path, {"path": f"{tmp_path}/train.fvecs", **crop})
    for read in (
        lambda: datasets.load("mine", content, 1),
        lambda: datasets.sizes("mine", content),
    ):
        with refuses(DataError, "train.fvecs", *words):
            read()


def test_a_learn_that_has_the_values_of_the_base_is_the_base(tmp_path):
    content = entry(tmp_path, f"{tmp_path}/train.fvecs")
    content["learn"] = content["base"]
    got = load(tmp_path, content)
    assert not got.own_learn
    assert rows_of(gather(got).x) == rows_of(parts()["train"])
    del content["train"], content["learn"]
    got = load(tmp_path, content)
    assert got.train is None and not got.own_learn
    with refuses(DataError, "0 training queries"):
        gather(got)


def test_a_train_part_of_another_dimension_is_refused(tmp_path):
    content = entry(tmp_path, f"{tmp_path}/wide.npy")
    np.save(tmp_path / "wide.npy", np.zeros((9, 3), np.float32))
    with refuses(DataError, "datasets.mine", "dimension", "'train': 3"):
        datasets.load("mine", content, 1)
