"""Frozen bits: the kernels return them on every machine, whatever vectors it has.

The inputs are made by arithmetic alone. ``test_bits_do_not_depend_on_the_build`` compiles csrc/
without the AVX clones, and for machines that have no more than AVX2, and finds the same bits; -O0,
-O2 and -O3 gave them, too, when this was written.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import weyl

ROOT = Path(__file__).parents[1]
GOLDEN = {
    "matmul": "23ef47e39bd4",
    "pair_distances": "0ce8fe39850b",
    "row_distances": "eb237941ce4f",
    "nearest": "5b04307ee011",
    "tables": "8219e2f445db",
    "encode": "9a0280df6cfe",
    "decode": "13a537707752",
    "class_sums": "d9cd2167556d",
    "part_means": "8c1b7412057f",
    "part_correlation": "d9e55cbb8cf0",
    "product": "e86354346cbd",
    "orthogonalise": "9039bf420ef3",
    "exp, log": "008f310a1317",
    "moments": "2f80750d3498",
    "least_columns": "a330072bf933",
    "group_sums": "29ba994782af",
    "solve": "781f24e30525",
    "reconstruct": "be08c93b4d60",
    "reorder": "a6d97cf8031b",
    "link, reverse, order": "f3fb3d4999a6",
    "beta encoding": "e669e1f0f1b2",
    "search of codes": "869869c434e5",
    "search of vectors": "7e713e39ac7f",
    "episodes on codes": "b36dd9a4b2fb",
    "episodes on vectors": "533ec533e994",
    "episodes on bytes": "7ed71cad67dc",
    "codes in two levels": "9d1f07bcdfca",
}
FAMILIES = ["distance", "nearest", "rotation", "adc", "beam", "hnsw", "vamana", "episodes", "beta"]
SOURCES = [*FAMILIES, "solve", "credit"]


def sha(*arrays):
    digest = hashlib.sha256()
    for x in arrays:
        digest.update(np.ascontiguousarray(x))
    return digest.hexdigest()[:12]


def outputs():
    """The hash of every kernel's output, by name, and of a whole chain without training."""
    from linkprune import elementary, hnsw, keys, regression
    from linkprune.codec import Codec
    from linkprune.index import Index
    from linkprune.kernels import adc, beam, distance, episodes, nearest, rotation
    from linkprune.kernels import beta as kernel

    nsq, dsub, n = 5, 3, 67
    x, y = weyl(n, 15), weyl(n, 15, step=0.7548776662466927)
    cent = weyl(nsq, 256, dsub, step=0.5698402909980532)
    codes = adc.encode(x, cent)
    links = (np.arange(n * 4).reshape(n, 4) * 29 + 7) % n
    links[::5, 2:] = -1
    links = links.astype(np.int32)
    book = weyl(3, 256, 5, step=0.3819660112501051)
    assigned = (np.arange(n * 3).reshape(n, 3) * 37 % 256).astype(np.uint8)
    ids = np.arange(n, dtype=np.int32)
    vertices = codes, links, cent

    yield "matmul", sha(distance.matmul(x, weyl(15, 33)))
    yield "pair_distances", sha(*(distance.pair_distances(x, y, links, ip) for ip in (False, True)))
    yield "row_distances", sha(distance.row_distances(x, y))
    near = np.full((n, 9), -1, np.int32), np.full((n, 9), np.inf)
    nearest.Rows(y).offer(x, *near)
    nearest.Rows(3 * x, n).offer(x, *near)
    yield "nearest", sha(*near)
    yield "tables", sha(*(adc.tables(x, cent, ip) for ip in (False, True)))
    yield "encode", sha(codes)
    yield "decode", sha(adc.decode(codes, cent))
    yield "class_sums", sha(*adc.class_sums(x, codes))

    sums, turns = adc.class_sums(x, codes)[0], weyl(nsq * dsub, 15, step=0.5698402909980532)
    means = rotation.part_means(sums, turns)
    yield "part_means", sha(means)
    yield "part_correlation", sha(rotation.part_correlation(cent, sums))
    square = rotation.product(np.ascontiguousarray(means[0].T), means[0])
    yield "product", sha(square)
    yield "orthogonalise", sha(*rotation.orthogonalise(x[:9].astype(np.float64), np.eye(9)))
    yield "exp, log", sha(elementary.exp(1400 * x), elementary.log(np.abs(x)))

    moments = np.empty((3, n, kernel.n_moments(5)), np.float32)
    kernel.moments(x, 0, *vertices, moments)
    yield "moments", sha(moments)
    columns, least = kernel.least_columns(moments[:1], regression.polynomials(book[:1]))
    yield "least_columns", sha(columns, least.astype(np.float32))
    sums, counts = kernel.group_sums(moments[1:2], assigned[:, :1].copy(), 256)
    yield "group_sums", sha(sums, counts)
    G = weyl(19, 7, 5).astype(np.float64)
    A, r = (G[:, :, None] * G[:, None]).sum(3), np.ascontiguousarray(G[:, :, 0])  # no BLAS here
    yield "solve", sha(*(kernel.solve(A, r, cut) for cut in (1e-4, 1e-9)))
    yield "reconstruct", sha(kernel.reconstruct(ids, *vertices, book, assigned))
    D = np.zeros((n, 4), np.float32)
    again = [kernel.reorder(y, D, links, 4, *vertices, book, assigned, ip) for ip in (False, True)]
    yield "reorder", sha(*again[0], *again[1])

    # A chain: codes, graph, regression, search. The levels come from arithmetic, too.
    nb = 900
    base, query = weyl(nb, 15), weyl(40, 15, step=0.2451223337533073)
    codes, _ = Codec(None, cent).encode(base)

    class Levels:
        """What hnsw.build asks of a generator."""

        def random(self, n):
            return weyl(n).astype(np.float64) + 0.5

        def permutation(self, x):
            return x[np.argsort(weyl(len(x), step=0.4142135623730951), kind="stable")]

    plain = hnsw.seeds
    try:
        hnsw.seeds = type("seeds", (), {"generator": staticmethod(lambda *_: Levels())})
        graphs = [
            hnsw.build(keys.HNSW(6, 4, 30, "x"), base, 0, metric=metric, threads=2, **on)
            for metric in ("l2", "ip")
            for on in ({"codec": Codec(None, cent), "codes": codes}, {})
        ]
    finally:
        hnsw.seeds = plain
    graph, book = graphs[0], weyl(3, 256, 7, step=0.3819660112501051)
    yield (
        "link, reverse, order",
        sha(*(x for g in graphs for x in (g.neighbors, g.upper_neighbors))),
    )
    refined, error = regression.encode(base, Codec(None, cent), codes, graph.neighbors, book)
    yield "beta encoding", sha(refined.beta_codes, np.array([error]))
    index = Index(Codec(None, cent), codes, graph, refined)
    yield "search of codes", sha(*index.search(query, 10, 20, 5, threads=2))
    found = beam.search(graphs[1], query, 10, 20, vectors=base)
    yield "search of vectors", sha(*found)

    # Episodes on the same graphs, with every third link always kept and some never.
    p = weyl(nb, 6, step=0.5497004779019703) + 0.5
    p[:, ::3], p[::7, 1] = 1, 0
    keep, start = episodes.thresholds(p), (np.arange(40) * 37 % nb).astype(np.int32)
    whole = np.rint(base * 60).astype(np.int8)
    asked, truth = np.rint(query * 60), found[1][:, :4].copy()
    for name, graph, x, space in (
        ("codes", graphs[0], query, {"codes": codes, "centroids": cent}),
        ("vectors", graphs[3], query, {"vectors": base, "ip": True}),
        ("bytes", graphs[1], asked, {"vectors": whole}),
    ):
        runner = episodes.Runner(graph, threads=2, **space)
        efs, rate = np.array([6, 30], np.int32), np.array([100, 7])
        done = runner.record(keep, x, start, 10, 16, 2018)
        yield f"episodes on {name}", sha(*done, *runner.credit(keep, x, start, truth, efs, rate, 5))

    # Codes in two levels, on links of the same graph.
    two = Codec(None, cent[:4].copy(), weyl(2, 256, 6, step=0.8191725133961645))
    x, asked = (np.ascontiguousarray(y[:, :12]) for y in (base, query))
    codes, error = two.encode(x)
    links = dataclasses.replace(graphs[0], neighbors=graphs[0].neighbors.copy())
    hnsw.order(links, x, codec=two, codes=codes)
    refined, _ = regression.encode(x, two, codes, links.neighbors, book)
    found = [Index(two, codes, links, refined, metric).search(asked, 10, 20, 5)
             for metric in ("l2", "ip")]  # fmt: skip
    arrays = (codes, np.array([error]), links.neighbors, refined.beta_codes, *found[0], *found[1])
    yield "codes in two levels", sha(two.space(codes)["coarse"].cross, *arrays)


def use_kernels(library):
    """Put another build of csrc/ where linkprune.kernels looks for its extensions."""
    from types import SimpleNamespace

    from cffi import FFI

    def declarations(name):
        lines = (ROOT / "csrc" / name).read_text().splitlines()
        return "\n".join(line for line in lines if not line.startswith("#"))

    for family in FAMILIES:
        ffi = FFI()
        ffi.cdef(declarations("types.h") + declarations(f"{family}.h"))
        built = SimpleNamespace(ffi=ffi, lib=ffi.dlopen(str(library)))
        sys.modules[f"linkprune.kernels._{family}"] = built


@pytest.fixture(scope="module")
def found():
    return dict(outputs())


@pytest.mark.parametrize("name", GOLDEN)
def test_bits_are_the_frozen_ones(name, found):
    assert found[name] == GOLDEN[name]


def test_every_output_is_frozen(found):
    assert list(found) == list(GOLDEN)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
@pytest.mark.parametrize(
    "variant",
    [
        ["-DANN_NO_CLONES"],
        ["-DANN_NO_AVX512", "-ftree-vectorize"],  # loops in AVX2 as well, sooner than by -O3
    ],
    ids=["plain", "avx2"],
)
def test_bits_do_not_depend_on_the_build(variant, tmp_path):
    library = tmp_path / "kernels.so"
    flags = ["-std=gnu11", "-O1", "-fopenmp", "-ffp-contract=off", "-fno-math-errno", "-Wno-psabi"]
    sources = [ROOT / "csrc" / f"{name}.c" for name in SOURCES]
    command = ["gcc", *flags, *variant, "-shared", "-fPIC", *sources, "-lm", "-o", library]
    subprocess.run(command, check=True)
    script = (
        "import json, sys, test_golden as t; t.use_kernels(sys.argv[1]); "
        "print(json.dumps(dict(t.outputs())))"
    )
    done = subprocess.run([sys.executable, "-c", script, library], check=True, text=True,
                          stdout=subprocess.PIPE, cwd=ROOT / "tests", env=os.environ)  # fmt: skip
    assert json.loads(done.stdout) == GOLDEN


if __name__ == "__main__":
    print(json.dumps(dict(outputs()), indent=4))
