import numpy as np
from conftest import by_distance_then_id, flat, random_graph, refuses
from episodes_reference import space_of

from linkprune.errors import ShapeError
from linkprune.kernels import episodes


def test_wrong_arguments_are_refused_by_name():
    graph = random_graph(30, 4, 3, 4)
    keywords, x, dis = space_of("float32", 30, 6, 5, 1)
    runner = episodes.Runner(graph, **keywords)
    good = {"keep": np.zeros((30, 4), np.uint32), "x": x, "start": np.zeros(6, np.int32), "key": 1}
    more = {"truth": by_distance_then_id(dis, 2)[0], "efs": np.array([3], np.int32),
            "rate": np.array([1], np.int64)}  # fmt: skip
    runner.record(**good, k=1, efSearch=2)
    total = runner.credit(**good, **more)
    keep, start, outside = good["keep"], good["start"], more["truth"].copy()
    outside[5, 1] = 30
    for name, bad, words in (
        ("keep", keep.astype(int), ("uint32", "int64")),
        ("keep", keep[:29], ("(30, 4)", "(29, 4)")),
        ("keep", keep + np.uint32(2**31 + 1), ("2^31", str(2**31 + 1))),
        ("x", x.astype(float), ("float32", "float64")),
        ("x", x[:, :4].copy(), ("(any, 5)",)),
        ("x", np.asfortranarray(x), ("contiguous",)),
        ("start", start[:5], ("(6)", "(5,)")),
        ("start", start - 1, ("0 ... 29", "-1")),
        ("start", start + 30, ("0 ... 29", "30")),
        ("start", start.astype(int), ("int32", "int64")),
        ("absent", start[:5], ("(6)", "(5,)")),
        ("absent", start - 2, ("-1 ... 29", "-2")),
        ("absent", start + 30, ("-1 ... 29", "30")),
        ("absent", start.astype(int), ("int32", "int64")),
        ("key", -1, ("64 bits", "-1")),
        ("key", 2**64, ("64 bits", str(2**64))),
        ("key", 1.0, ("64 bits", "1.0")),
        ("key", True, ("64 bits", "True")),
    ):
        for call, others in ((runner.record, {"k": 1, "efSearch": 2}), (runner.credit, more)):
            with refuses(ShapeError, name, *words):
                call(**{**good, **others, name: bad})
    for name, bad, words in (
        ("truth", more["truth"].astype(int), ("int32",)),
        ("truth", more["truth"][:5], ("(6, any)",)),
        ("truth", more["truth"] - 31, ("0 ... 29",)),
        ("truth", outside, ("0 ... 29", "30")),
        ("truth", more["truth"][:, :0].copy(), ("1",)),
        ("efs", np.array([3]), ("int32", "int64")),
        ("efs", np.array([0], np.int32), ("1", "0")),
        ("efs", np.empty(0, np.int32), ("1", "0")),
        ("rate", np.array([1.0]), ("int64", "float64")),
        ("rate", np.array([1, 2]), ("(1)", "(2,)")),
        ("total", total._replace(gain=np.zeros((30, 3), np.int64)), ("gain", "(30, 4)")),
        ("total", total._replace(cost=np.zeros((30, 4))), ("cost", "int64")),
    ):
        others = {**more, name: bad}
        if name == "efs" and not len(bad):
            others["rate"] = np.empty(0, np.int64)
        with refuses(ShapeError, *words):
            runner.credit(**good, **others)
    for name in ("k", "efSearch"):
        for bad in (0, -1, 2.0, True):
            with refuses(ShapeError, name, str(bad)):
                runner.record(**good, **{"k": 1, "efSearch": 1, name: bad})


def test_more_true_neighbours_than_are_counted_are_refused_by_name():
    runner = episodes.Runner(flat([[1], [0]]), vectors=np.zeros((2, 1), np.float32))
    keep, x, start = np.zeros((2, 1), np.uint32), np.zeros((1, 1), np.float32), np.zeros(1, "i4")
    truth, one = np.zeros((1, episodes.MOST_K + 1), np.int32), np.ones(1, np.int32)
    for call in (
        lambda k: runner.record(keep, x, start, k, 1, 0),
        lambda k: runner.credit(keep, x, start, truth[:, :k], one, np.array([1]), 0),
    ):
        call(episodes.MOST_K)
        with refuses(ShapeError, "k: ", "65535", "65536"):
            call(episodes.MOST_K + 1)


def test_a_rate_at_which_gain_could_leave_its_integers_is_refused():
    graph = flat([[1, 2], [-1, -1], [-1, -1]])
    runner = episodes.Runner(graph, vectors=np.array([[9], [0], [1]], np.float32))
    keep, x = np.full((3, 2), episodes.ALWAYS, np.uint32), np.zeros((4, 1), np.float32)
    truth = np.tile(np.array([[1, 2]], np.int32), (4, 1))
    arguments = keep, x, np.zeros(4, np.int32), truth, np.array([3], np.int32)
    most = (2**63 - 1) // truth.size
    for sign in (1, -1):
        c = runner.credit(*arguments, np.array([sign * most]), 1)
        assert c.gain.tolist() == [[sign * 4 * most] * 2, [0, 0], [0, 0]]
        with refuses(ShapeError, "rate", str(most + 1), f"at most {most}"):
            runner.credit(*arguments, np.array([sign * (most + 1)]), 1)
        with refuses(ShapeError, "rate", f"at most {(2**63 - 1 - 4 * most) // 8}"):
            runner.credit(*arguments, np.array([most]), 1, total=c)
    for extreme in (2**62, -(2**63)):
        with refuses(ShapeError, "rate"):
            runner.credit(*arguments, np.array([extreme]), 1)
    none = keep, x[:0], truth[:0, 0].copy(), truth[:0], np.array([3], np.int32)
    assert not runner.credit(*none, np.array([2**62]), 1).gain.any()


def test_wrong_graphs_and_spaces_are_refused_by_name():
    graph = random_graph(30, 4, 3, 4)
    vectors = np.zeros((30, 2), np.float32)
    codes, cent = np.zeros((30, 3), np.uint8), np.zeros((3, 256, 2), np.float32)
    for keywords, words in (
        ({"vectors": vectors[:29]}, ("30", "29")),
        ({"vectors": vectors.astype(float)}, ("vectors", "float64")),
        ({"vectors": vectors, "threads": 0}, ("threads", "0")),
        ({"vectors": vectors, "codes": codes}, ("codes or vectors",)),
        ({}, ("codes or vectors",)),
        ({"codes": codes}, ("centroids",)),
        ({"codes": codes, "centroids": cent[:2]}, ("centroids",)),
        ({"codes": codes.astype(int), "centroids": cent}, ("codes", "int64")),
    ):
        with refuses(ShapeError, *words):
            episodes.Runner(graph, **keywords)
    for bad in (30, 10**6, -2):
        graph.neighbors[3, 1] = bad
        with refuses(ShapeError, "neighbors", "-1 ... 29", str(bad)):
            episodes.Runner(graph, vectors=vectors)
