"""Trainings from the first step to the graph, and what a kill leaves of them."""

import functools
import logging

import numpy as np
import pytest
from conftest import clustered, refuses
from test_rl_environment import asked

from linkprune import groundtruth, hnsw, keys, pruning
from linkprune.errors import DataError
from linkprune.rl import agents, credited, events, settings, training
from linkprune.rl.environment import Environment, Space
from linkprune.rl.training import Validation

EF = [1, 2, 4, 6, 8, 12, 16, 24, 40, 64]
JUDGED = {"efSearch": EF, "targets": {"R@1": [0.9], "recall@10": [0.9]}}
NB, SEED = 300, 5


@functools.cache
def made(name):
    """A graph, the base, and queries to learn from and to validate with."""
    base, *asking = (clustered(n, 16, s, spread=0.8) for s, n in enumerate((NB, 900, 150)))
    key = keys.HNSW(10, 4, 30, "float") if name == "hnsw" else keys.NSW(5, 30, "float")
    return hnsw.build(key, base, 1), base, [asked(x, groundtruth.exact(x, base, 10)[0])
                                            for x in asking]  # fmt: skip


def setting(name="hnsw", threads=1, judged=JUDGED):
    """An environment, what validates, and the base."""
    graph, base, (learn, held_out) = made(name)
    environment = Environment(graph, Space(base), learn, SEED, threads)
    return environment, Validation(Space(base), held_out, judged, threads), base


def complete(**values):
    return settings.complete({"agent": "edge", "steps": 9, "episodes": 600, "recalls": [0.8, 0.9],
                              "validate_every": 2, **values})  # fmt: skip


def agent_of(environment, judge, base, s):
    return agents.build(environment, judge, base, s, SEED)


def trained(s, threads=1, name="hnsw", **keywords):
    environment, judge, base = setting(name, threads=threads)
    agent = agent_of(environment, judge, base, s)
    n = agents.episodes(environment.graph, s)
    return environment.graph, training.train(agent, environment, judge, s, n, **keywords)


def links(graph):
    """{(source, target)} of level 0."""
    u, slot = np.nonzero(graph.neighbors >= 0)
    return set(zip(u.tolist(), graph.neighbors[u, slot].tolist(), strict=True))


def bits(done):
    """All of a training that has to be the same, as bytes by name."""
    history = {name: x for name, x in done.history.items() if name != "seconds"}
    arrays = {"p": done.p, "neighbors": done.graph.neighbors, **history}
    return {name: x.tobytes() for name, x in arrays.items()} | {"chosen": done.chosen}


# What comes out


@pytest.fixture(scope="module")
def undisturbed():
    said, seen = [], []

    class Board:
        def add_scalar(self, *values):
            seen.append(values)

    whole, done = trained(complete(), events=Board(), say=said.append)
    return whole, done, said, seen


@pytest.mark.parametrize("name", ["hnsw", "nsw"])
def test_the_pruned_graph_is_a_part_of_the_whole_that_reaches_as_much(name, undisturbed):
    whole, done = undisturbed[:2] if name == "hnsw" else trained(complete(steps=6), name=name)
    assert links(done.graph) < links(whole)
    assert np.array_equal(pruning.reachable(done.graph), pruning.reachable(whole))
    assert pruning.reachable(whole).all()
    assert np.array_equal(done.graph.upper_neighbors, whole.upper_neighbors)
    assert done.graph.entry_point == whole.entry_point
    for row, of in zip(done.graph.neighbors.tolist(), whole.neighbors.tolist(), strict=True):
        kept = [v for v in row if v >= 0]
        assert kept == [v for v in of if v in kept]  # in their order
    strong = {
        (u, whole.neighbors[u, slot]) for u, slot in zip(*np.nonzero(done.p > 0.5), strict=True)
    }
    assert strong <= links(done.graph)


def test_the_step_is_that_of_the_best_validation(undisturbed):
    whole, done, _, _ = undisturbed
    score = done.history["score"]
    assert np.flatnonzero(~np.isnan(score)).tolist() == [1, 3, 5, 7, 8]
    assert done.chosen == np.nanargmin(score)
    _, judge, _ = setting()
    assert judge.score(done.graph) == score[done.chosen]
    assert np.array_equal(training.pruned(whole, done.p, 0.5).neighbors, done.graph.neighbors)


@pytest.mark.parametrize(
    ("outcomes", "chosen"),
    [
        ([(3.0, 0.5), (2.0, 0.5), (2.0, 0.5), (5.0, 0.9)], 1),
        ([(np.inf, 0.9), (7.0, 0.5), (np.inf, 0.9), (9.0, 0.9)], 1),  # targets before recall
        ([(np.inf, 0.4), (np.inf, 0.6), (np.inf, 0.6), (np.inf, 0.5)], 1),
    ],
)
def test_the_first_of_the_best_is_kept(outcomes, chosen, caplog):
    environment, judge, _ = setting()
    left = iter(outcomes)

    class Judge:
        settings = judge.settings

        def judged(self, graph):
            return next(left)

    class Agent:
        def step(self, *_):
            return {name: 0.0 for name in ("reward", "recall", "ndis", "kl", "entropy")}

        def probabilities(self):
            return (environment.graph.neighbors >= 0).astype(float)

    s = complete(steps=4, validate_every=1)
    with caplog.at_level(logging.WARNING):
        assert training.train(Agent(), environment, Judge(), s, 10).chosen == chosen
    missed = not np.isfinite(outcomes[chosen][0])
    assert ("no step reaches the validation targets" in caplog.text) == missed
    assert ("step 2 is kept" in caplog.text) == missed


def test_the_history_says_what_happened(undisturbed):
    whole, done, _, _ = undisturbed
    h = done.history
    assert set(h) == {*training.HISTORY, *training.VALIDATED}
    assert {len(x) for x in h.values()} == {9}
    assert h["episodes"].tolist() == [600.0 * (i + 1) for i in range(9)]
    assert (h["seconds"] > 0).all() and (h["kl"] >= 0).all() and (h["entropy"] > 0).all()
    assert ((h["recall"] > 0) & (h["recall"] <= 1)).all() and (h["ndis"] > 1).all()
    assert (h["links"] <= (whole.neighbors >= 0).sum()).all() and h["links"][-1] < h["links"][0]


def test_progress_and_events_of_every_step(undisturbed):
    _, done, said, seen = undisturbed
    assert len(said) == 9
    for i, line in enumerate(said):
        assert line.startswith(f"step {i + 1} of 9: reward ") and "\n" not in line
        assert f"{int(done.history['links'][i])} links" in line and "min left" in line
        assert ("validation" in line) == (not np.isnan(done.history["score"][i]))
    for name in ("reward", "recall", "ndis", "kl", "entropy", "links", "seconds"):
        at = [(step, value) for n, value, step in seen if n == name]
        assert [step for step, _ in at] == list(range(9))
        assert [value for _, value in at] == done.history[name].tolist()
    assert [step for n, _, step in seen if n == "score"] == [1, 3, 5, 7, 8]


def test_event_files_are_written(tmp_path):
    with events.writer(tmp_path / "events", False) as board:
        for step in range(3):
            board.add_scalar("reward", 0.5, step)
    (file,) = (tmp_path / "events").iterdir()
    assert file.name.startswith("events.out.tfevents") and file.read_bytes().count(b"reward") >= 3


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_do_not_change_bits(threads, undisturbed):
    assert bits(trained(complete(), threads=threads)[1]) == bits(undisturbed[1])


def test_seeds_do(undisturbed):
    environment, judge, base = setting()
    environment.seed = SEED + 1
    s = complete()
    done = training.train(agent_of(environment, judge, base, s), environment, judge, s, 600)
    assert bits(done)["p"] != bits(undisturbed[1])["p"]


def test_under_a_cap_no_vertex_keeps_more():
    whole, done = trained(complete(max_degree=4, steps=4))
    degrees = (done.graph.neighbors >= 0).sum(1)
    assert done.graph.neighbors.shape[1] == degrees.max() == 4
    assert setting()[1].score(done.graph) == done.history["score"][done.chosen]
    assert links(done.graph) < links(whole)


def test_learned_graphs_need_fewer_distances_than_the_whole(undisturbed):
    whole, done, _, _ = undisturbed
    _, judge, _ = setting()
    assert judge.score(done.graph) < judge.score(whole) - 0.02


def test_validation_targets_out_of_reach_are_one_error():
    environment, judge, base = setting(
        judged={"efSearch": EF[:5], "targets": {"R@1": [0.9], "recall@10": [0.999]}}
    )
    s = complete(steps=2)
    with refuses(DataError, "does not reach the validation targets", "efSearch", str(EF[4])):
        training.train(agent_of(environment, judge, base, s), environment, judge, s, 50)


# Where it begins


def test_the_operating_point_is_where_recalls_are_reached_on_the_thinned_graph():
    environment, judge, _ = setting()
    s = complete(efSearch=[7, 20])
    efs, recall = training.operating_point(environment, judge, s)
    assert list(efs) == [7, 20] and 0 < recall[0] < recall[1] < 1
    efs, recall = training.operating_point(environment, judge, complete(recalls=[0.7, 0.71, 0.9]))
    assert set(efs) < set(EF) and (np.diff(efs) > 0).all() and len(efs) == len(recall)
    assert recall[0] >= 0.7 and recall[-1] >= 0.9
    efs, _ = training.operating_point(environment, judge, complete(recalls=[0.9999999]))
    assert list(efs) == EF[-1:]  # the last where none reaches it


def test_the_exchange_rate_is_the_slope_of_the_curve_that_is_rewarded():
    environment, judge, _ = setting()
    found = training.initial_curves(environment.graph, judge)
    for k, measure in ((10, "recall@10"), (1, "R@1")):
        curve = found[measure]
        slope = credited.slope(curve.hits.mean(1), curve.ndis.mean(1))
        assert training.exchange_rate(found, k) == slope > 0


def test_a_step_has_the_episodes_of_the_settings_or_a_share_of_the_links():
    graph = setting()[0].graph
    n = int((graph.neighbors >= 0).sum())
    assert agents.episodes(graph, complete()) == 600
    assert agents.episodes(graph, complete(episodes=None, episodes_per_link=0.25)) == round(n / 4)
    assert agents.episodes(graph, complete(episodes=None, episodes_per_link=1e-9)) == 1


def test_validation_is_by_its_definition():
    environment, judge, _ = setting()
    found = judge.curve(environment.graph)
    at = [found["R@1"].distances_at(0.9), found["recall@10"].distances_at(0.9)]
    assert judge.score(environment.graph) == pytest.approx(np.log(at).mean(), abs=1e-12)


def test_an_absent_vertex_does_not_count_as_found():
    environment, _, base = setting()
    graph, space = environment.graph, environment.space
    x = base[:80]
    truth = groundtruth.exact(x, base, 11)[0]
    ids = np.arange(80, dtype=np.int32)
    assert (truth[:, 0] == ids).all()
    queries = asked(x, np.ascontiguousarray(truth[:, 1:]))._replace(absent=ids)
    curve = training.measure(graph, space, queries, [300])
    assert curve["R@1"].hits.all() and (curve["recall@10"].hits == 1).all()
    naive = training.measure(graph, space, queries._replace(absent=ids * 0 - 1), [300])
    assert not naive["R@1"].hits.any() and (naive["recall@10"].hits == 0.9).all()


def test_recall_at_10_is_not_told_from_fewer_neighbours():
    environment, _, base = setting()
    truth = groundtruth.exact(base[:9], base, 9)[0]
    with pytest.raises(DataError, match="9 true neighbours of each query, recall@10 needs 10"):
        training.measure(
            environment.graph, environment.space, asked(base[:9], truth), [16], least=10
        )
