import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import integers, refuses

torch = pytest.importorskip("torch")

import linkprune
from linkprune.errors import ConfigError, DataError, ShapeError
from linkprune.rl import policy
from linkprune.rl.policy import MLP, Table

SIZES = [(1, 1, 1, 1), (5, 3, 2, 7), (11, 5, 17, 64), (40, 16, 33, 131)]  # nb, d, hidden, E


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def edges(nb, E, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, nb, E).astype(np.int32), rng.integers(0, nb, E).astype(np.int32)


def distinct(nb, E, seed=0):
    pairs = np.random.default_rng(seed).choice(nb * nb, E, replace=False)
    return (pairs // nb).astype(np.int32), (pairs % nb).astype(np.int32)


def network(nb, d, hidden, seed=0, **more):
    """A network whose parameters are all of size 1, so that both branches of ELU matter."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(nb, d)).astype(np.float32)
    made = MLP(vectors, hidden, seed, device="cpu", **more)
    made.parameters = torch.tensor(rng.normal(size=len(made.parameters)).astype(np.float32))
    return vectors, made


def dense(vectors, made, flat, source, target):
    """The logits by the formula, one row [v_u ; v_v] per edge, differentiable float64."""
    x = vectors.astype(np.float64)
    x = torch.tensor(x / np.sqrt((x**2).sum(1)).mean())
    p = made.named(flat)
    W1 = torch.cat([p["W1a"], p["W1b"]], 1)
    x = torch.cat([x[source.astype(np.int64)], x[target.astype(np.int64)]], 1)
    x = torch.nn.functional.elu(x @ W1.T + p["b1"])
    x = torch.nn.functional.elu(x @ p["W2"].T + p["b2"])
    return x @ p["w3"] + p["b3"]


def jacobian(vectors, made, source, target):
    def logits(flat):
        return dense(vectors, made, flat, source, target)

    return torch.autograd.functional.jacobian(logits, made.parameters.double()).numpy()


@pytest.mark.parametrize("nb, d, hidden, E", SIZES)
def test_logits_are_those_of_the_dense_network(nb, d, hidden, E, monkeypatch):
    monkeypatch.setitem(policy.CHUNK, "cpu", 8 * hidden)
    vectors, made = network(nb, d, hidden)
    u, v = edges(nb, E)
    z = dense(vectors, made, made.parameters.double(), u, v).numpy()
    assert np.allclose(made.logits(u, v).numpy(), z, rtol=1e-5, atol=1e-4)
    p = 1e-4 + (1 - 2e-4) / (1 + np.exp(-z))
    found = made.probabilities(u, v)
    assert found.dtype == np.float32 and found.shape == (E,)
    assert np.allclose(found, p, rtol=1e-5, atol=1e-5)


def test_factorised_first_layer_is_exact_where_floats_are():
    # Norms 4 and a linear ELU: every operation is on small integers or quarters.
    vectors = 4 * np.eye(7, dtype=np.float32)[[0, 3, 6, 1, 1, 5]]
    made = MLP(vectors, 5, 0, device="cpu")
    state = {
        name: np.abs(integers(i, *shape)) for i, (name, shape) in enumerate(made.shapes.items())
    }
    made.load(state)
    u, v = edges(6, 50)
    x = np.hstack([vectors[u], vectors[v]]) / 4
    x = x @ np.hstack([state["W1a"], state["W1b"]]).T + state["b1"]
    x = (x @ state["W2"].T + state["b2"]) @ state["w3"] + state["b3"]
    assert (made.logits(u, v).numpy() == x).all()


def test_vectors_are_divided_by_their_mean_norm():
    vectors, made = network(9, 4, 3)
    u, v = edges(9, 20)
    scaled = MLP(vectors * 8, 3, 0, device="cpu")
    scaled.parameters = made.parameters
    assert (scaled.logits(u, v) == made.logits(u, v)).all()


def test_squeeze():
    z = torch.tensor([-1000.0, -2.0, 0.0, 0.5, 40.0, 1000.0])
    p, q, slope = policy.squeeze(z)
    assert p.dtype == q.dtype == slope.dtype == torch.float64
    assert p[0] == 1e-4 and q[-1] == 1e-4 and q[4] == pytest.approx(1e-4, rel=1e-12)
    assert torch.allclose(p + q, torch.ones(6).double(), rtol=1e-15)
    step = 1e-6
    above, below = (policy.squeeze(z.double() + s)[0] for s in (step, -step))
    assert torch.allclose((above - below) / (2 * step), slope, atol=1e-9)


def test_initial_probabilities_and_seeds():
    vectors = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    u, v = edges(50, 400)
    default, low = MLP(vectors, 64, 3, device="cpu"), MLP(vectors, 64, 3, device="cpu", initial=0.5)
    assert np.abs(default.probabilities(u, v) - 0.95).max() < 0.03
    assert np.abs(low.probabilities(u, v) - 0.5).max() < 0.15
    assert low.state()["b3"] == 0
    weights = default.state()
    for name, fan_in in (("W1a", 16), ("W1b", 16), ("b1", 16), ("W2", 64), ("b2", 64), ("w3", 64)):
        bound, most = fan_in**-0.5, np.abs(weights[name]).max()
        assert 0.8 * bound < most <= bound
    same, other = MLP(vectors, 64, 3, device="cpu"), MLP(vectors, 64, 4, device="cpu")
    assert (default.parameters == same.parameters).all()
    assert (default.parameters != other.parameters)[:-1].all()
    table = Table(u[:1], v[:1], device="cpu")
    assert table.probabilities(u[:1], v[:1]) == np.float32(0.95)


@pytest.mark.parametrize("nb, d, hidden, E", SIZES)
def test_jvp_and_vjp_are_products_with_the_jacobian(nb, d, hidden, E, monkeypatch):
    monkeypatch.setitem(policy.CHUNK, "cpu", 8 * hidden)
    vectors, made = network(nb, d, hidden)
    u, v = edges(nb, E)
    J = jacobian(vectors, made, u, v)
    rng = np.random.default_rng(1)
    along = torch.tensor(rng.normal(size=J.shape[1]).astype(np.float32))
    weight = torch.tensor(rng.normal(size=E))
    parts = made.kept(u, v)
    assert len(parts) == -(-E // 8)
    dz = np.concatenate([x.numpy() for _, x in made.jvp(parts, along)])
    size = np.abs(J).max() * hidden
    assert np.allclose(dz, J @ along.numpy(), rtol=1e-4, atol=1e-5 * size)
    total = made.vjp((part, weight[part.rows]) for part in parts).numpy()
    assert np.allclose(total, weight.numpy() @ J, rtol=1e-4, atol=1e-5 * size)
    z = np.concatenate([part.logits.numpy() for part in parts])
    assert (z == made.logits(u, v).numpy()).all()


def test_parts_recomputed_are_parts_kept(monkeypatch):
    _, made = network(11, 5, 17)
    u, v = edges(11, 64)
    kept = made.kept(u, v)
    monkeypatch.setitem(policy.KEEP, "cpu", 0)
    recomputed = made.kept(u, v)
    assert isinstance(kept, list) and not isinstance(recomputed, list)
    for _ in range(2):
        a, b = (made.vjp((x, x.logits) for x in parts) for parts in (kept, recomputed))
        assert (a == b).all()


@pytest.mark.parametrize("make", [lambda: network(11, 5, 3)[1],
                                  lambda: Table(*distinct(11, 30), device="cpu")])  # fmt: skip
def test_state_round_trip_and_refusals(make):
    a, b = make(), make()
    a.parameters = torch.tensor(integers(5, len(a.parameters)))
    state = a.state()
    assert all(x.dtype == np.float32 for x in state.values())
    b.load(state)
    assert (a.parameters == b.parameters).all()
    u, v = distinct(11, 30)
    assert (a.probabilities(u, v) == b.probabilities(u, v)).all()
    b.parameters = b.parameters + 1
    assert (np.concatenate([x.ravel() for x in state.values()]) == a.parameters.numpy()).all()
    name, x = next(iter(state.items()))
    untouched = a.parameters.clone()
    a.state()[name][...] = 7
    assert (a.parameters == untouched).all()
    with refuses(ShapeError, name, "expected"):
        b.load({k: y for k, y in state.items() if k != name})
    with refuses(ShapeError, name, "shape"):
        b.load({**state, name: x[:-1]})
    with refuses(ShapeError, name, "float32"):
        b.load({**state, name: x.astype(np.float64)})


def test_table_holds_one_logit_per_edge():
    u, v = distinct(9, 40)
    table = Table(u, v, device="cpu")
    table.parameters = torch.arange(40, dtype=torch.float32)
    some = np.random.default_rng(0).permutation(40)[:17]
    assert (table.logits(u[some], v[some]).numpy() == some).all()
    parts = table.kept(u[some], v[some])
    ((_, dz),) = table.jvp(parts, table.parameters)
    assert (dz.numpy() == some).all()
    total = np.zeros(40)
    total[some] = integers(1, 17)
    weight = torch.tensor(integers(1, 17)).double()
    assert (table.vjp((part, weight) for part in parts).numpy() == total).all()
    ids = np.array([0, 1, 1000, 2**31 - 2], np.int32)
    u, v = np.repeat(ids, 4), np.tile(ids, 4)
    table = Table(u, v, device="cpu")
    table.parameters = torch.arange(16, dtype=torch.float32)
    assert (table.logits(u, v).numpy() == np.arange(16)).all()


def test_no_edges_have_no_probabilities():
    none = np.empty(0, np.int32)
    assert network(5, 3, 2)[1].probabilities(none, none).shape == (0,)
    assert Table(*distinct(5, 3), device="cpu").probabilities(none, none).shape == (0,)


def test_refusals():
    vectors, made = network(5, 3, 2)
    u, v = distinct(5, 8)
    with refuses(ConfigError, "tpu", "auto, cpu or cuda"):
        MLP(vectors, 2, 0, device="tpu")
    with refuses(ConfigError, "initial", "1.0"):
        Table(u, v, device="cpu", initial=1.0)
    with refuses(ShapeError, "vectors", "float64"):
        MLP(vectors.astype(np.float64), 2, 0)
    with refuses(ShapeError, "hidden", "0"):
        MLP(vectors, 0, 0)
    with refuses(DataError, "vectors", "nan"):
        MLP(np.full((5, 3), np.nan, np.float32), 2, 0)
    with refuses(DataError, "vectors", "0.0"):
        MLP(np.zeros((5, 3), np.float32), 2, 0)
    with refuses(ShapeError, "source", "0 ... 4"):
        made.probabilities(u + 5, v)
    with refuses(ShapeError, "target", "0 ... 4"):
        made.probabilities(u, v - 9)
    with refuses(ShapeError, "target", "shape (8)"):
        made.probabilities(u, v[:-1])
    with refuses(ShapeError, "source", "int32"):
        made.probabilities(u.astype(np.int64), v)
    with refuses(ShapeError, "twice", f"{u[3]} -> {v[3]}"):
        Table(np.append(u, u[3]), np.append(v, v[3]), device="cpu")
    with refuses(ShapeError, "edges"):
        Table(u[:0], v[:0], device="cpu")
    with refuses(ShapeError, f"edge {u[7]} -> {v[7]}", "table"):
        Table(u[:7], v[:7], device="cpu").probabilities(u, v)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a machine with CUDA")
def test_cuda_is_refused_where_there_is_none():
    with refuses(ConfigError, "cuda", "auto or cpu"):
        Table(*distinct(5, 3), device="cuda")
    assert Table(*distinct(5, 3)).device.type == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_agrees_with_cpu():
    vectors, here = network(40, 16, 33)
    there = MLP(vectors, 33, 0)
    assert there.device.type == "cuda"
    there.load(here.state())
    u, v = edges(40, 131)
    assert np.allclose(here.probabilities(u, v), there.probabilities(u, v), atol=1e-5)
    a, b = (m.vjp((part, part.logits) for part in m.parts(u, v)) for m in (here, there))
    assert np.allclose(a.numpy(), b.cpu().numpy(), rtol=1e-3, atol=1e-2)


def test_only_learned_pruning_needs_torch():
    package = Path(linkprune.__file__).parent
    for path in package.rglob("*.py"):
        if path.parent.name != "rl":
            assert not re.search(r"^(import|from) torch\b", path.read_text(), re.M), path
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from linkprune.errors import ConfigError\n"
        "try:\n    from linkprune.rl import trpo\n"
        "except ConfigError as e:\n    print(e)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 1 and "requirements-prune.txt" in done.stdout
