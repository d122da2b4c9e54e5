"""Estimators of a vector: their errors against plain NumPy, their intervals, their figure."""

import dataclasses

import numpy as np
import pytest
from conftest import by_distance_then_id, clustered, ip_or_l2, refuses

from linkprune import beta, errors, estimators, groundtruth, keys, regression, rows, store
from linkprune.plots import estimators as plot
from linkprune.plots import style

PLACE = {"dataset": "d", "codec": "OPQ4_16", "graph": "g", "policy": "unpruned"}
BETAS = ("beta0", "beta2x256")


@pytest.fixture(scope="module")
def compared(world):
    """The estimators of the small world, whose vertex 5 has no links, and their regressions."""
    neighbors = world["graph"].neighbors.copy()
    neighbors[5] = -1
    graph = dataclasses.replace(world["graph"], neighbors=neighbors)
    codec, codes, base = (world[name] for name in ("codec", "codes", "base"))
    made = {}
    for name in BETAS:
        book, _ = beta.train(keys.beta(name), base, codec, codes, neighbors, 1, 2)
        made[name] = regression.encode(base, codec, codes, neighbors, book)
    found = estimators.indexes(codec, codes, graph, "l2", {b: r for b, (r, _) in made.items()})
    return found, neighbors, {b: error for b, (_, error) in made.items()}


@pytest.fixture(scope="module")
def artifact(compared, world, tmp_path_factory):
    found, _, _ = compared
    truth, _ = groundtruth.exact(world["query"], world["base"], 1)
    rank = estimators.ranks(found, world["query"], truth, 10)
    variance = estimators.variance(world["codec"], world["base"])
    attrs = {"variance": variance, "nb": len(world["base"]), "bytes_beta0": 0, "bytes_beta2x256": 2}
    path = tmp_path_factory.mktemp("estimators") / "estimators.h5"
    estimators.save(path, estimators.measure(found, world["base"]), rank, attrs)
    return path


def squared(world, codes):
    """Squared errors of decoded codes in float64."""
    codec = world["codec"]
    y = codec.rotate(world["base"]).astype(np.float64)
    parts = [codec.centroids[s][codes[:, s]] for s in range(codes.shape[1])]
    return ((y - np.hstack(parts)) ** 2).sum(1)


def test_own_code_and_nearest_link_are_what_they_are_called(compared, world):
    found, neighbors, _ = compared
    codes = world["codes"]
    of_first = codes[neighbors[:, 0]].copy()
    of_first[5] = codes[5]  # no links: its own
    for name, want in (("own", codes), ("neighbour", of_first)):
        got = estimators.squared_errors(found[name], world["base"], 2)
        assert np.allclose(got, squared(world, want), rtol=1e-5)
    assert list(found) == ["own", "neighbour", *BETAS]


def test_regressions_err_as_their_encoder_says(compared, world):
    found, _, want = compared
    measured = estimators.measure(found, world["base"])
    for name, error in want.items():
        assert measured[name].mse == pytest.approx(error, rel=1e-4)
    assert measured["own"].mse == pytest.approx(world["error"])
    assert measured["beta2x256"].mse < measured["beta0"].mse < measured["own"].mse
    assert measured["own"].mse < measured["neighbour"].mse


def test_means_have_the_standard_errors_of_pairs(compared, world):
    found, _, _ = compared
    measured = estimators.measure(found, world["base"])
    own = estimators.squared_errors(found["own"], world["base"])
    n = len(own)
    for name, index in found.items():
        got, x = measured[name], estimators.squared_errors(index, world["base"])
        want = x.mean(), x.std(ddof=1) / n**0.5
        change = (x - own).mean(), (x - own).std(ddof=1) / n**0.5
        assert np.allclose([got.mse, got.error], want)
        assert np.allclose([got.change, got.change_error], change)
        assert np.array_equal(got.quantiles[[0, 100, 200]], np.quantile(x, [0, 0.5, 1]))
    assert measured["own"].change == measured["own"].change_error == 0


def test_variance_is_that_of_the_rotated_vectors(world):
    y = world["codec"].rotate(world["base"]).astype(np.float64)
    got = estimators.variance(world["codec"], world["base"])
    assert got == pytest.approx(y.var(0).sum(), rel=1e-6)


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_ranks_are_those_of_all_reconstructions(compared, world, metric):
    found = {name: dataclasses.replace(index, metric=metric) for name, index in compared[0].items()}
    query, ip = world["query"][:7], metric == "ip"
    truth, _ = groundtruth.exact(query, world["base"], 1, metric)
    got = estimators.ranks(found, query, truth, 10)
    rotated = world["codec"].rotate(query)
    everything = np.arange(len(world["base"]), dtype=np.int32)
    for rank, index in zip(got, found.values(), strict=True):
        ids, _ = by_distance_then_id(ip_or_l2(rotated, index.reconstruct(everything), ip), 10)
        hit = ids == truth
        assert np.array_equal(rank, np.where(hit.any(1), hit.argmax(1), -1))
    assert got.dtype == np.int32 and got.shape == (4, 7)


def test_the_artifact_has_the_same_bytes_at_any_number_of_threads(compared, world, tmp_path):
    truth = np.zeros((60, 1), np.int32)
    for threads in (1, 2):
        measured = estimators.measure(compared[0], world["base"], threads)
        rank = estimators.ranks(compared[0], world["query"], truth, 3, threads)
        estimators.save(tmp_path / f"{threads}.h5", measured, rank, {})
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()


def test_what_is_saved_is_read_again(compared, world, artifact):
    measured = estimators.measure(compared[0], world["base"])
    found = estimators.load(artifact)
    assert list(found) == list(measured)
    for name, (got, rank) in found.items():
        for a, b in zip(got, measured[name], strict=True):
            assert np.array_equal(a, b)
        assert rank.shape == (60,)


def test_rows_have_intervals_around_what_they_state(artifact):
    table = list(estimators.rows(artifact, PLACE, 1, resamples=500))
    (rank,) = store.load(artifact, rank="estimators nq")
    for row, ranks in zip(table, rank, strict=True):
        assert set(row) | {"regression_bytes"} == set(estimators.COLUMNS)
        for name in ("mse", "relative", "R@1", "R@10"):
            assert row[f"{name}_lo"] <= row[name] <= row[f"{name}_hi"]
        assert row["R@1"] == (ranks == 0).mean() and row["R@10"] == (ranks >= 0).mean()
        assert row["R@1_change"] == pytest.approx(row["R@1"] - table[0]["R@1"])
        assert row["R@1_change_lo"] <= row["R@1_change"] <= row["R@1_change_hi"]
        assert row["relative"] == pytest.approx(row["mse"] / row["variance"])
        assert (row["mse_hi"] - row["mse_lo"]) / (row["relative_hi"] - row["relative_lo"]) == (
            pytest.approx(row["variance"])
        )
    assert [row.get("regression_bytes") for row in table] == [None, None, 0, 2]
    assert table[1]["R@1_change_hi"] < 0  # a neighbour is not the vector
    assert list(estimators.rows(artifact, PLACE, 1, resamples=500)) == table


def test_distributions_rise_from_the_least_to_the_largest_error(artifact):
    points = list(estimators.cdf(artifact, "d"))
    assert len(points) == 4 * len(estimators.LEVELS)
    for name in ("own", "beta0"):
        of = [p for p in points if p["estimator"] == name]
        assert [p["share"] for p in of] == estimators.LEVELS.tolist()
        assert (np.diff([p["squared_error"] for p in of]) >= 0).all()
        variance = store.attrs(artifact)["variance"]
        assert of[7]["relative"] == of[7]["squared_error"] / variance


# The figure


@pytest.fixture
def drawn(artifact, tmp_path):
    """Rows and distributions as they come from their files."""
    table, cdf = tmp_path / "t.csv", tmp_path / "c.csv"
    rows.write(table, estimators.rows(artifact, PLACE, 1, resamples=500), estimators.COLUMNS)
    rows.write(cdf, estimators.cdf(artifact, "d"), estimators.CDF)
    return rows.read(table), rows.read(cdf)


def test_the_figure_draws_every_estimator(drawn):
    curves, error, recall = plot.estimators(*drawn).axes
    assert [line.get_label() for line in curves.lines] == [
        "regression, 2 bytes", "average, 0 bytes", "own code q(x)", "nearest link q(n₁)",
    ]  # fmt: skip
    table, cdf = drawn
    own = [p for p in cdf if p["estimator"] == "own"]
    assert curves.lines[2].get_xdata().tolist() == [float(p["relative"]) for p in own]
    assert curves.lines[2].get_ydata().tolist() == [float(p["share"]) for p in own]
    assert [t.get_text() for t in error.get_xticklabels()] == ["0", "2"]
    means = [float(row["relative"]) for row in table[2:]]
    assert error.lines[0].get_ydata().tolist() == means
    assert recall.get_title(loc="left").startswith("exhaustive R@1, 60 queries; own: ")


def hollow_then_filled(axes):
    """The points of a panel, of which the first must be hollow and the second not."""
    points = [line for line in axes.lines if line.get_marker() == "o"]
    assert points[0].get_markerfacecolor() == "white"
    assert points[1].get_markerfacecolor() == points[1].get_color()
    return points


def test_a_change_that_may_be_nothing_is_hollow(drawn):
    table, cdf = drawn
    table[2] |= {"R@1_change_lo": "-0.01", "R@1_change": "0.01", "R@1_change_hi": "0.03"}
    table[3] |= {"R@1_change_lo": "0.01", "R@1_change": "0.02", "R@1_change_hi": "0.03"}
    recall = plot.estimators(table, cdf).axes[2]
    assert [line.get_ydata()[0] for line in hollow_then_filled(recall)] == [1, 2]
    assert {"+1.0", "+2.0"} < {t.get_text() for t in recall.texts}


def test_an_error_whose_change_may_be_nothing_is_hollow(drawn):
    table, cdf = drawn
    table[2] |= {"mse_change_lo": "-0.2", "mse_change": "-0.1", "mse_change_hi": "0.1"}
    table[3] |= {"mse_change_lo": "-0.3", "mse_change": "-0.2", "mse_change_hi": "-0.1"}
    hollow_then_filled(plot.estimators(table, cdf).axes[1])


@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_the_file_has_the_same_bytes_every_time(drawn, kind, tmp_path):
    for name in "ab":
        style.save(plot.estimators(*drawn), tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


# Rows


def test_rows_keep_six_digits_and_leave_out_what_is_not_there(tmp_path):
    path = tmp_path / "r.csv"
    written = [{"a": 1 / 3, "b": 12, "c": "x"}, {"a": np.nan, "b": np.int64(7)}, {"a": 1e9}]
    rows.write(path, written, ["a", "b", "c"])
    assert path.read_text() == "a,b,c\n0.333333,12,x\n,7,\n1e+09,,\n"
    assert rows.read(path)[0] == {"a": "0.333333", "b": "12", "c": "x"}
    with refuses(errors.DataError, str(tmp_path / "none.csv"), "no such table"):
        rows.read(tmp_path / "none.csv")


def test_an_artifact_of_another_kind_is_refused(tmp_path):
    store.save(tmp_path / "codes.h5", {"codes": np.zeros((3, 2), np.uint8)}, {})
    with refuses(errors.DataError, "codes.h5", "has no names"):
        estimators.load(tmp_path / "codes.h5")


def test_the_vectors_are_those_of_the_codec(compared):
    with refuses(errors.ShapeError, "vectors are (9, 5)"):
        estimators.squared_errors(compared[0]["own"], clustered(9, 5, 0))
