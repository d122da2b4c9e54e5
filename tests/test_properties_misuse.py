"""Kernels with arguments that are spoiled, read-only or of ids that there are not: one line."""

import numpy as np
import pytest
from conftest import random_graph
from hypothesis import assume, given
from hypothesis import strategies as st
from kernel_cases import SIZES, drawn, level_0, refusal, regressed, space_of, two_levels
from properties import fixed, spoiled

from linkprune.kernels import (
    adc,
    beam,
    beta,
    coarse,
    distance,
    episodes,
    hnsw,
    nearest,
    vamana,
)


@pytest.mark.parametrize("value", (0, 1, 0.9, "0", None, np.uint8(1)))
def test_a_flag_is_true_or_false(value):
    s = {"n": 3, "d": 4, "nsq": 2, "dsub": 2, "M0": 3, "seed": 0, "threads": 1}
    r, g = drawn(s), random_graph(20, 3, 2, 0)
    x, three = r(20, 4), np.zeros((3, 2), np.int32)
    builder = vamana.Builder(level_0(g), 3, x)
    credit = MISUSED["credit"][0](r, s)
    for call in (
        lambda ip: adc.tables(x, r(2, 256, 2), ip),
        lambda ip: distance.pair_distances(x[:3], x, three, ip),
        lambda ip: nearest.Rows(x, 0, ip),
        lambda ip: beam.search(g, x, 1, 2, vectors=x, ip=ip),
        lambda ip: hnsw.Builder(g, 2, vectors=x, ip=ip),
        lambda ip: beta.reorder(r(5, 4), r(5, 4), three[:1].repeat(5, 0).repeat(2, 1), 3,
                                *regressed(r, s).values(), ip=ip),
        lambda among: builder.link(three[0, :1], 2, among=among),
        lambda rerun: episodes.Runner(space_of(r, s)[0], vectors=x).credit(
            **credit, key=7, rerun=rerun
        ),
    ):  # fmt: skip
        assert refusal(lambda call=call: call(value)) is None
        assert refusal(lambda call=call: call(np.bool_(True))) is not None


@fixed
@given(sizes=SIZES)
def test_read_only_results_are_refused(sizes):
    out = np.zeros((1, 3, beta.n_moments(sizes["M0"] + 1)), np.float32)
    arguments = (
        np.zeros((3, 2), np.float32), 0, np.zeros((5, 1), np.uint8),
        np.zeros((5, sizes["M0"]), np.int32), np.zeros((1, 256, 2), np.float32),
    )  # fmt: skip
    beta.moments(*arguments, out)
    out.flags.writeable = False
    assert refusal(lambda: beta.moments(*arguments, out) or "done") is None
    codes = np.zeros((3, 1), np.uint8)
    codes.flags.writeable = False
    x = np.zeros((1, 3, 2), np.float32)
    assert refusal(lambda: beta.least_columns(x, x[:, :2].copy(), codes)) is None


def recorded(a, s):
    g, _ = space_of(drawn(s), s)
    runner = episodes.Runner(g, vectors=drawn(s)(20, s["d"]), threads=s["threads"])
    return runner.record(**a, k=2, efSearch=5, key=7).I


def credited(a, s):
    g, _ = space_of(drawn(s), s)
    runner = episodes.Runner(g, vectors=drawn(s)(20, s["d"]), threads=s["threads"])
    return runner.credit(**a, key=7).gain


# Name -> (arrays by name, the call with them): results without a formula as short as the kernel.
MISUSED = {
    "record": (lambda r, s: space_of(r, s)[1], recorded),
    "credit": (
        lambda r, s: (
            space_of(r, s)[1]
            | {
                "truth": r(4, 2, low=0).astype(np.int32),
                "efs": np.array([2, 6], np.int32),
                "rate": np.array([900, 50], np.int64),
            }
        ),
        credited,
    ),
    "solve": (
        lambda r, s: {"A": np.tile(np.eye(3), (s["n"] + 1, 1, 1)), "r": np.ones((s["n"] + 1, 3))},
        lambda a, s: beta.solve(a["A"], a["r"], 1e-4, s["threads"]),
    ),
    "weights": (
        lambda r, s: {
            "moments": r(9, beta.n_moments(s["M0"] + 1)),
            "out": r(9, s["M0"] + 2),
        },
        lambda a, s: beta.weights(a["moments"], 1e-4, a["out"], s["threads"]),
    ),
    "moments": (
        lambda r, s: {
            "x": r(11, s["nsq"] * s["dsub"]),
            **dict(list(regressed(r, s).items())[:3]),
            "out": r(s["nsq"], 11, beta.n_moments(s["M0"] + 1)),
        },
        lambda a, s: beta.moments(
            a["x"], 0, a["codes"], a["neighbors"], a["centroids"], a["out"], s["threads"]
        ),
    ),
    "least moments": (
        lambda r, s: {
            "x": r(11, 7),
            **dict(list(regressed(r, s).items())[:3]),
            "rotation": r(7, s["nsq"] * s["dsub"]),
            "w": r(s["nsq"], beta.n_moments(s["M0"] + 1), 33),
            "assigned": np.zeros((11, s["nsq"]), np.uint8),
        },
        lambda a, s: beta.moments(first=0, **a, threads=s["threads"]),
    ),
    "reorder": (
        lambda r, s: {
            "query": r(5, s["nsq"] * s["dsub"]),
            "D": r(5, 4),
            "I": r(5, 4, low=-1).astype(np.int32),
            **regressed(r, s),
        },
        lambda a, s: beta.reorder(
            a["query"], a["D"], a["I"], 3, *list(a.values())[3:], ip=s["ip"], threads=s["threads"]
        )[1],
    ),
    "cross": (
        lambda r, s: two_levels(r, s)[1],
        lambda a, s: coarse.cross(
            a["codes"], a["centroids"], two_levels(drawn(s), s)[0], s["threads"]
        ),
    ),
}


@pytest.mark.parametrize("name", MISUSED)
@fixed
@given(sizes=SIZES, data=st.data())
def test_a_spoiled_argument_never_passes(name, sizes, data):
    make, call = MISUSED[name]
    arrays = make(drawn(sizes), sizes)
    which = data.draw(st.sampled_from(list(arrays)))
    assume(arrays[which].size)
    how, arrays[which] = data.draw(spoiled(arrays[which]))
    done = refusal(lambda: (call(arrays, sizes),))
    assert done is not None if how == "nothing" else done is None or how in ("shape", "value")


IDS = [
    ("record", "start"),
    ("credit", "truth"),
    ("moments", "neighbors"),
    ("reorder", "I"),
    ("least moments", "neighbors"),
]


@pytest.mark.parametrize("name, which", IDS)
@fixed
@given(sizes=SIZES, where=st.integers(0, 999), value=st.sampled_from((-2, 20, 2**31 - 1, -(2**31))))
def test_an_id_that_does_not_exist_is_refused(name, which, sizes, where, value):
    make, call = MISUSED[name]
    arrays = make(drawn(sizes), sizes)
    arrays[which].flat[where % arrays[which].size] = value
    assert refusal(lambda: (call(arrays, sizes),)) is None
