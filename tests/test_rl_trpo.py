import math

import numpy as np
import pytest
from conftest import integers, refuses

torch = pytest.importorskip("torch")

from test_rl_policy import dense, distinct, edges, jacobian, network, one_thread  # noqa: F401

from linkprune.errors import ConfigError, DataError, ShapeError
from linkprune.rl import policy, trpo
from linkprune.rl.policy import MLP, Table, squeeze


def samples(E, seed=0):
    """keep, drop (E,) float64 and n (E,) int64, integers."""
    rng = np.random.default_rng(seed)
    keep, drop = (rng.integers(-9, 10, E).astype(np.float64) for _ in range(2))
    return keep, drop, rng.integers(1, 20, E)


def tensors(*arrays):
    return [torch.tensor(x, dtype=torch.float64) for x in arrays]


def numpy_squeeze(z):
    p = 1e-4 + (1 - 2e-4) / (1 + np.exp(-z))
    return p, 1 - p, (p - 1e-4) * (1 - 1e-4 - p) / (1 - 2e-4)


def numpy_kl(p, old, n):
    return (n * (p * np.log(p / old) + (1 - p) * np.log((1 - p) / (1 - old)))).sum() / n.sum()


def float64_objective(world, keep, drop, n, bonus):
    """The objective as a differentiable function of the parameters, from its definition."""
    vectors, made, u, v = world
    old = squeeze(dense(vectors, made, made.parameters.double(), u, v))[0]

    def objective(flat):
        p = squeeze(dense(vectors, made, flat, u, v))[0]
        disorder = -(p * p.log() + (1 - p) * (1 - p).log())
        gain = keep * p / old + drop * (1 - p) / (1 - old)
        return (gain.sum() + bonus * (n * disorder).sum()) / n.sum()

    return objective


@pytest.fixture(params=[(1, 1, 1, 1), (6, 3, 4, 23), (11, 5, 9, 64)])
def world(request):
    nb, d, hidden, E = request.param
    return *network(nb, d, hidden), *edges(nb, E)


@pytest.mark.parametrize("n", [1, 5, 31])
def test_conjugate_gradient_solves(n):
    rng = np.random.default_rng(n)
    A = rng.normal(size=(n, n))
    A, b = A @ A.T + np.eye(n), rng.normal(size=n)
    matrix = torch.tensor(A)
    x = trpo.conjugate_gradient(lambda v: matrix @ v, torch.tensor(b), 3 * n, 1e-14)
    assert np.allclose(x.numpy(), np.linalg.solve(A, b), rtol=1e-8)


def test_conjugate_gradient_ends_where_it_should():
    calls = []

    def product(v):
        calls.append(v)
        return torch.tensor([2.0, 4.0, 8.0]) * v

    b = torch.tensor([2.0, 8.0, 0.0])
    x = trpo.conjugate_gradient(product, b, 10)
    assert len(calls) == 2  # as many products as there are eigenvalues in b
    assert torch.allclose(x, torch.tensor([1.0, 2.0, 0.0]))
    trpo.conjugate_gradient(product, b, 1)
    assert len(calls) == 3
    assert (trpo.conjugate_gradient(product, b * 0, 10) == 0).all() and len(calls) == 3
    assert (b == torch.tensor([2.0, 8.0, 0.0])).all()


def test_fisher_product_is_that_of_the_explicit_matrix(world):
    vectors, made, u, v = world
    n = samples(len(u))[2]
    J = jacobian(vectors, made, u, v)
    p, q, slope = numpy_squeeze(dense(vectors, made, made.parameters.double(), u, v).numpy())
    F = J.T @ np.diag(n * slope**2 / (p * q) / n.sum()) @ J
    weight = trpo.fisher_weight(made.logits(u, v), *tensors(n))
    x = np.random.default_rng(2).normal(size=len(F))
    found = trpo.fisher_product(
        made, made.kept(u, v), weight, torch.tensor(x.astype(np.float32)), 0.1
    )
    assert np.allclose(found.numpy(), F @ x + 0.1 * x, rtol=1e-3, atol=1e-4 * np.abs(F @ x).max())


def test_fisher_matrix_is_the_hessian_of_the_divergence(world):
    vectors, made, u, v = world
    (n,) = tensors(samples(len(u))[2])
    old, q_old, _ = squeeze(dense(vectors, made, made.parameters.double(), u, v))

    def kl(flat):
        p, q, _ = squeeze(dense(vectors, made, flat, u, v))
        return (n * (p * (p / old).log() + q * (q / q_old).log())).sum() / n.sum()

    H = torch.autograd.functional.hessian(kl, made.parameters.double()).numpy()
    weight = trpo.fisher_weight(made.logits(u, v), n)
    x = np.random.default_rng(3).normal(size=len(H))
    found = trpo.fisher_product(made, made.kept(u, v), weight, torch.tensor(x).float(), 0)
    assert np.allclose(found.numpy(), H @ x, rtol=1e-3, atol=1e-4 * np.abs(H @ x).max())


@pytest.mark.parametrize("bonus", [0, 0.5])
def test_gradient_is_that_of_autograd_and_of_finite_differences(world, bonus):
    _, made, u, v = world
    keep, drop, n = tensors(*samples(len(u)))
    objective = float64_objective(world, keep, drop, n, bonus)
    flat = made.parameters.double().requires_grad_()
    (expected,) = torch.autograd.grad(objective(flat), flat)
    found, logits = trpo.gradient(made, u, v, keep, drop, n, bonus)
    assert torch.allclose(found.double(), expected, rtol=1e-3, atol=1e-4 * expected.abs().max())
    assert (logits == made.logits(u, v)).all()

    start, ahead = made.parameters, found / found.norm()
    p_old, q_old, _ = squeeze(logits)

    def value(step):
        made.parameters = start + step * ahead
        p, q, _ = squeeze(made.logits(u, v))
        gain = trpo.surrogate(p, q, p_old, q_old, keep, drop, n)
        return gain + bonus * trpo.mean_entropy(p, q, n)

    step = 2e-3
    rise = (value(step) - value(-step)) / (2 * step)
    assert rise == pytest.approx(found.norm().item(), rel=2e-2)


def test_equal_samples_may_be_merged():
    _, made = network(6, 3, 4)
    u, v = distinct(6, 5)
    each = np.repeat(np.arange(5), [1, 4, 2, 1, 3])
    advantage, kept = integers(0, 11).astype(np.float64), np.arange(11) % 3 > 0
    apart = tensors(advantage * kept, advantage * ~kept, np.ones(11))
    merged = tensors(*(np.bincount(each, x.numpy()) for x in apart))
    a = trpo.gradient(made, u[each], v[each], *apart, 0.5)[0]
    b = trpo.gradient(made, u, v, *merged, 0.5)[0]
    assert torch.allclose(a, b, rtol=1e-4, atol=1e-6)


def test_closed_forms():
    one, half = torch.ones(1).double(), torch.full((1,), 0.5).double()
    p, old = tensors([0.9, 0.5], [0.95, 0.25])
    n = torch.tensor([3.0, 1.0]).double()
    assert trpo.mean_entropy(half, half, one) == pytest.approx(math.log(2), rel=1e-15)
    disorder = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    expected = (3 * disorder + math.log(2)) / 4
    assert trpo.mean_entropy(p, 1 - p, n) == pytest.approx(expected, rel=1e-14)
    far = 0.9 * math.log(0.9 / 0.95) + 0.1 * math.log(2)
    near = 0.5 * math.log(2) + 0.5 * math.log(2 / 3)
    found = trpo.mean_kl(p, 1 - p, old, 1 - old, n)
    assert found == pytest.approx((3 * far + near) / 4, rel=1e-12)
    assert trpo.mean_kl(p, 1 - p, p, 1 - p, n) == 0
    keep, drop = tensors([4.0, -8.0], [2.0, 3.0])
    expected = (4 * 0.9 / 0.95 - 8 * 2 + 2 * 2 + 3 * 2 / 3) / 4
    assert trpo.surrogate(p, 1 - p, old, 1 - old, keep, drop, n) == pytest.approx(expected)
    assert trpo.surrogate(p, 1 - p, p, 1 - p, keep, drop, n) == 1 / 4


def searched(objectives, kls, rule, iters=4):
    """A line search that meets these outcomes one after the other, and the points it tried."""
    tried, outcomes = [], iter(zip(objectives, kls, strict=True))

    def evaluate(x):
        tried.append(x.item())
        return dict(zip(("objective", "kl"), next(outcomes), strict=True))

    start, before = torch.zeros(1), {"objective": 0, "kl": 0}
    full = torch.tensor([8.0])
    reached, outcome, accepted = trpo.line_search(evaluate, start, before, full, 1, iters, rule)
    return reached.item(), outcome["objective"], accepted, tried


def test_line_search():
    # Too far, no better, good, better still.
    objectives, kls = [5, 0, 2, 3], [1.5, 0.5, 1, 0.5]
    assert searched(objectives, kls, "first") == (2, 2, 1, [8, 4, 2])
    # The original goes on from 2, by 1.
    assert searched(objectives, kls, "published") == (3, 3, 2, [8, 4, 2, 3])
    # It asks for more than what it has.
    assert searched([5, 6, 5, 7], [0] * 4, "published") == (13, 7, 3, [8, 12, 14, 13])
    for rule in trpo.RULES:
        nothing = searched([0, -1, math.nan, 9], [0, 0, 0, math.nan], rule)
        assert nothing == (0, 0, 0, [8, 4, 2, 1])


def test_step_goes_back_where_no_step_is_accepted(monkeypatch):
    monkeypatch.setattr(trpo, "mean_kl", lambda *_: math.inf)
    for made in (network(6, 3, 4)[1], Table(*distinct(6, 9), device="cpu")):
        u, v = distinct(6, 9)
        before, p = made.parameters.clone(), made.probabilities(u, v)
        found = trpo.step(made, u, v, *samples(9))
        assert found["accepted"] == 0 and found["gradient_norm"] > 0
        assert (made.parameters == before).all()
        assert (made.probabilities(u, v) == p).all()


def test_step_without_a_gradient_changes_nothing():
    u, v = distinct(6, 9)
    made = Table(u, v, device="cpu", initial=0.5)
    before = made.parameters.clone()
    found = trpo.step(made, u, v, np.zeros(9), np.zeros(9), np.ones(9, np.int64))
    assert found["accepted"] == found["gradient_norm"] == found["kl"] == 0
    assert found["entropy"] == pytest.approx(math.log(2))
    assert (made.parameters == before).all()


def test_table_takes_the_natural_gradient():
    u, v = distinct(9, 40)
    made = Table(u, v, device="cpu")
    made.parameters = torch.tensor(np.random.default_rng(1).normal(0, 2, 40)).float()
    seen = np.random.default_rng(0).permutation(40)[:23]
    keep, drop, n = samples(23)
    z = made.parameters.double().numpy()
    p, q, slope = numpy_squeeze(z[seen])
    ascent = slope * (keep / p - drop / q + 0.5 * n * np.log(q / p)) / n.sum()
    F = n * slope**2 / (p * q) / n.sum()
    F += 0.1 * F.mean()
    x = ascent / F
    expected = z.copy()
    expected[seen] += x * math.sqrt(2 * 0.01 / (x @ (F * x)))
    found = trpo.step(made, u[seen], v[seen], keep, drop, n, entropy=0.5, max_kl=0.02)
    kl = numpy_kl(numpy_squeeze(z + math.sqrt(2) * (expected - z))[0][seen], p, n)
    halvings = 0.5 ** (0 if kl <= 0.02 else 1)
    expected = z + math.sqrt(2) * (expected - z) * halvings
    assert found["accepted"] == 1
    assert found["gradient_norm"] == pytest.approx(np.linalg.norm(ascent), rel=1e-5)
    assert np.allclose(made.parameters.numpy(), expected, rtol=1e-4, atol=1e-5)
    unseen = np.setdiff1d(np.arange(40), seen)
    assert (made.parameters.numpy()[unseen] == z.astype(np.float32)[unseen]).all()


@pytest.mark.parametrize("rule", trpo.RULES)
def test_step_reports_what_it_did(rule):
    u, v = distinct(11, 64)
    keep, drop, n = samples(64)
    for made in (network(11, 5, 9)[1], Table(u, v, device="cpu")):
        old = made.probabilities(u, v).astype(np.float64)
        found = trpo.step(made, u, v, keep, drop, n, rule=rule, max_kl=0.003)
        p = made.probabilities(u, v).astype(np.float64)
        assert found["accepted"] >= 1
        assert 0.0003 < found["kl"] <= 0.003
        assert found["kl"] == pytest.approx(numpy_kl(p, old, n), rel=1e-3)
        disorder = -(n * (p * np.log(p) + (1 - p) * np.log(1 - p))).sum() / n.sum()
        assert found["entropy"] == pytest.approx(disorder, rel=1e-3)
        gain = (keep * p / old + drop * (1 - p) / (1 - old)).sum() / n.sum()
        assert found["surrogate"] == pytest.approx(gain, rel=1e-3)
        assert gain > (keep + drop).sum() / n.sum()
        assert set(found) == {"kl", "entropy", "surrogate", "gradient_norm", "accepted"}


def trained(make, iterations, **more):
    made = make()
    u, v = distinct(20, 120)
    logs = [trpo.step(made, u, v, *samples(120), iteration=i, **more) for i in range(iterations)]
    return made.parameters, logs


@pytest.mark.parametrize("threads", [1, 2])
def test_same_bits_twice(threads):
    torch.set_num_threads(threads)
    for make in (lambda: network(20, 16, 64)[1], lambda: Table(*distinct(20, 120), device="cpu")):
        (a, logs), (b, again) = trained(make, 3), trained(make, 3)
        assert (a == b).all() and logs == again


def test_fisher_matrix_is_that_of_a_seeded_share_of_the_edges():
    def after(**more):
        return trained(lambda: network(20, 4, 5)[1], 1, **more)[0]

    def moved(a, b):
        return not (after(**a) == after(**b)).all()

    assert not moved({"seed": 3}, {"seed": 3})
    assert moved({"seed": 3}, {"seed": 4})
    assert moved({"fisher_share": 0.2}, {"fisher_share": 0.4})
    assert not moved({"fisher_share": 1, "seed": 3}, {"fisher_share": 1, "seed": 4})
    made = network(20, 4, 5)[1]
    u, v = distinct(20, 120)
    trpo.step(made, u, v, *samples(120), iteration=1)
    assert (made.parameters != after()).any()


def test_kept_or_recomputed_parts_give_the_same_step(monkeypatch):
    a, _ = trained(lambda: network(20, 4, 5)[1], 2)
    monkeypatch.setitem(policy.KEEP, "cpu", 0)
    b, _ = trained(lambda: network(20, 4, 5)[1], 2)
    assert (a == b).all()


@pytest.mark.parametrize("kind", ["MLP", "Table"])
def test_learns_which_edges_are_good(kind):
    rng = np.random.default_rng(0)
    vectors, (u, v) = rng.normal(size=(30, 8)).astype(np.float32), distinct(30, 200)
    made = MLP(vectors, 16, 0, device="cpu") if kind == "MLP" else Table(u, v, device="cpu")
    # A bandit: keeping an edge to one half of the space pays 1, to the other costs 1.
    good = vectors[v, 0] > 0
    first = made.probabilities(u, v)
    for i in range(60):
        p = made.probabilities(u, v)
        n = rng.integers(5, 15, len(u))
        kept = rng.binomial(n, p)
        worth = np.where(good, 1.0, -1.0)
        mean = (worth * kept).sum() / n.sum()
        keep, drop = kept * (worth - mean), (n - kept) * (0 - mean)
        trpo.step(made, u, v, keep, drop, n, iteration=i, entropy=0.001)
        if i == 0:
            p = made.probabilities(u, v)
            assert (p - first)[good].mean() > (p - first)[~good].mean()
    p = made.probabilities(u, v)
    assert p[good].min() > 0.95 and p[~good].max() < 0.3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_takes_nearly_the_same_step():
    vectors, here = network(20, 16, 64)
    there = MLP(vectors, 64, 0)
    there.load(here.state())
    u, v = distinct(20, 120)
    logs = [trpo.step(made, u, v, *samples(120)) for made in (here, there)]
    assert logs[0] == pytest.approx(logs[1], rel=1e-2)
    assert np.allclose(here.probabilities(u, v), there.probabilities(u, v), atol=1e-3)


def test_refusals():
    u, v = distinct(6, 9)
    made = Table(u, v, device="cpu")
    keep, drop, n = samples(9)
    with refuses(ConfigError, "rule last", "first published"):
        trpo.step(made, u, v, keep, drop, n, rule="last")
    for name, value in (
        ("max_kl", 0),
        ("damping", -1),
        ("fisher_share", 1.5),
        ("max_kl", math.nan),
    ):
        with refuses(ConfigError, name, str(value)):
            trpo.step(made, u, v, keep, drop, n, **{name: value})
    with refuses(ShapeError, "cg_iters"):
        trpo.step(made, u, v, keep, drop, n, cg_iters=0)
    with refuses(ShapeError, "keep", "float32"):
        trpo.step(made, u, v, keep.astype(np.float32), drop, n)
    with refuses(ShapeError, "drop", "(9)"):
        trpo.step(made, u, v, keep, drop[:-1], n)
    with refuses(ShapeError, "n", "int64"):
        trpo.step(made, u, v, keep, drop, n.astype(np.int32))
    with refuses(ShapeError, "target", "(9)"):
        trpo.step(made, u, v[:-1], keep, drop, n)
    with refuses(DataError, "drop", "finite"):
        trpo.step(made, u, v, keep, np.full(9, np.nan), n)
    with refuses(DataError, "n:", "at least once"):
        trpo.step(made, u, v, keep, drop, n * 0)
    none = np.empty(0)
    with refuses(DataError, "n:", "one edge"):
        trpo.step(made, u[:0], v[:0], none, none, np.empty(0, np.int64))
