import struct

import numpy as np
import pytest
from conftest import flat, integers, ip_or_l2, links_of, random_graph, refuses

from linkprune import flat as flat_graphs
from linkprune import graph_files
from linkprune.errors import DataError

LISTS = [[2, 1], [], [0, 1, 3], [2]]
# Of the four vertices in a line, as the files have them: 2 is the entry point of the .nsg.
LINE = np.array([[0], [1], [3], [7]], np.uint8)


def nsg(lists=LISTS, width=3, entry_point=2):
    words = [width, entry_point] + [w for row in lists for w in (len(row), *row)]
    return struct.pack(f"<{len(words)}I", *words)


def ivecs(lists=LISTS):
    words = [w for row in lists for w in (len(row), *row)]
    return struct.pack(f"<{len(words)}i", *words)


@pytest.fixture
def file(tmp_path):
    """Writes bytes and returns the path."""

    def write(name, content):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


def test_nsg_is_read_as_it_is(file):
    g = graph_files.read(file("a.nsg", nsg()))
    assert g.neighbors.tolist() == [[2, 1, -1], [-1, -1, -1], [0, 1, 3], [2, -1, -1]]
    assert g.neighbors.dtype == np.int32
    assert (g.entry_point, g.max_level, len(g.upper_vertex)) == (2, 0, 0)
    assert graph_files.read(file("a.nsg", nsg()), entry_point=1).entry_point == 1


def test_ivecs_is_read_without_its_padding(file):
    lists = [[2, -1, 1], [-1, -1], [-1, 0, 1, 3], [2]]
    g = graph_files.read(file("a.ivecs", ivecs(lists)), entry_point=3)
    assert g.neighbors.tolist() == [[2, 1, -1], [-1, -1, -1], [0, 1, 3], [2, -1, -1]]
    assert g.entry_point == 3


def test_an_entry_point_of_another_kind_and_a_base_of_nan_are_refused(file):
    for wrong in (1.5, "1", True, -1, 99):
        with refuses(DataError, f"entry point {wrong}, expected 0"):
            graph_files.read(file("a.nsg", nsg()), entry_point=wrong)
    base = np.full((len(LISTS), 2), np.nan)
    with refuses(DataError, "a.nsg: base: row 0 has nan in column 0", "finite"):
        graph_files.read(file("a.nsg", nsg()), base)


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("name, content", [("a.nsg", nsg()), ("a.ivecs", ivecs())])
def test_with_vectors_links_are_sorted_and_ivecs_start_near_the_mean(file, name, content, metric):
    g = graph_files.read(file(name, content), LINE, metric=metric)
    between = ip_or_l2(LINE, LINE, metric == "ip")
    for v, row in enumerate(LISTS):
        assert links_of(g, v, 0) == sorted(row, key=lambda u: (between[v, u], u))
    start = flat_graphs.start_vertex(LINE, metric)
    assert g.entry_point == (2 if name == "a.nsg" else start)
    assert metric == "ip" or start == 2
    with refuses(DataError, str(name), "4 vertices", "expected 3"):
        graph_files.read(file(name, content), LINE[:3])


@pytest.mark.parametrize("nb, M0", [(2, 1), (100, 7), (333, 40)])
@pytest.mark.parametrize("kind", ["nsg", "ivecs"])
def test_what_is_written_is_read_again(tmp_path, kind, nb, M0):
    links = random_graph(nb, M0, 2, 1).neighbors
    links[0] = -1
    links[1, 0] = 0
    g, path = flat(links, nb - 1), tmp_path / f"a.{kind}"
    graph_files.write(path, g)
    again = graph_files.read(path, entry_point=None if kind == "nsg" else nb - 1)
    width = int((links >= 0).sum(1).max())
    assert np.array_equal(again.neighbors, links[:, :width])
    assert again.entry_point == nb - 1
    graph_files.write(tmp_path / f"b.{kind}", again)
    assert (tmp_path / f"b.{kind}").read_bytes() == path.read_bytes()


def test_what_is_written_has_the_published_layout(tmp_path):
    g = flat([[2, 1, -1], [-1, -1, -1], [0, 1, 3], [2, -1, -1]], 2)
    for name, content in (("a.nsg", nsg()), ("a.ivecs", ivecs())):
        graph_files.write(tmp_path / name, g)
        assert (tmp_path / name).read_bytes() == content


def test_a_read_graph_is_searched(file):
    from linkprune.kernels import beam

    x = integers(0, 4, 3)
    g = graph_files.read(file("a.nsg", nsg()), x)
    _, I, *_ = beam.search(g, x, 1, 4, vectors=x)
    assert I[:, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("a.nsg", b"", ("0 bytes", "at least 12")),
        ("a.nsg", nsg()[:8], ("8 bytes", "at least 12")),
        ("a.nsg", nsg()[:-1], ("multiple of 4",)),
        ("a.nsg", nsg()[:-4], ("vertex 3", "1 links", "0 more ids")),
        ("a.nsg", nsg() + b"x", ("multiple of 4", "after the end")),
        ("a.nsg", nsg() + struct.pack("<I", 9), ("vertex 4", "9 links", "0 more ids")),
        ("a.nsg", nsg([[1], [2]]), ("vertex 1", "links to 2", "0 ... 1")),
        ("a.nsg", nsg([[1], [2**31]]), ("vertex 1", "links to -2147483648")),
        ("a.nsg", nsg([[1], [2**32 - 1]]), ("vertex 1", "links to -1")),
        ("a.nsg", nsg([[1], [0]], width=0), ("vertex 0", "1 links", "width 0")),
        ("a.nsg", nsg(entry_point=4), ("entry point 4", "0 ... 3")),
        ("a.nsg", nsg(entry_point=2**32 - 1), ("entry point", "0 ... 3")),
        ("a.nsg", struct.pack("<4I", 1, 0, 2**31, 1), ("vertex 0", "truncated")),
        ("a.nsg", nsg([[]], entry_point=0), ("1 base vectors", "at least 2")),
        ("a.ivecs", b"", ("0 bytes", "at least 4")),
        ("a.ivecs", ivecs()[:-2], ("multiple of 4",)),
        ("a.ivecs", ivecs()[:-4], ("vertex 3", "1 links", "0 more ids")),
        ("a.ivecs", ivecs() + struct.pack("<i", -3), ("vertex 4", "-3 links")),
        ("a.ivecs", ivecs([[1], [2]]), ("vertex 1", "links to 2", "-1 ... 1")),
        ("a.ivecs", ivecs([[1], [-2]]), ("vertex 1", "links to -2", "-1 ... 1")),
        ("a.ivecs", ivecs(), ("no entry point",)),
        ("a.fvecs", ivecs(), ("unknown extension", ".nsg .ivecs")),
    ],
)
def test_what_is_no_graph_is_refused(file, name, content, words):
    with refuses(DataError, name, *words):
        graph_files.read(file(name, content))


def test_what_follows_the_last_vertex_is_refused(file):
    # A word of 0 is a vertex without links: only the number of vectors tells.
    with refuses(DataError, "a.nsg", "5 vertices", "expected 4"):
        graph_files.read(file("a.nsg", nsg() + bytes(4)), LINE)


def test_a_missing_file_and_a_wrong_entry_point_are_refused(tmp_path, file):
    with refuses(DataError, "none.nsg", "no such file"):
        graph_files.read(tmp_path / "none.nsg")
    for wrong in (-1, 4):
        with refuses(DataError, "a.ivecs", f"entry point {wrong}"):
            graph_files.read(file("a.ivecs", ivecs()), entry_point=wrong)


def test_only_flat_graphs_are_written_and_only_in_these_formats(tmp_path):
    with refuses(DataError, "a.nsg", "4 levels", "flat"):
        graph_files.write(tmp_path / "a.nsg", random_graph(50, 4, 2, 0))
    with refuses(DataError, "a.graph", "unknown extension"):
        graph_files.write(tmp_path / "a.graph", flat([[1], [0]]))
    assert not list(tmp_path.iterdir())
