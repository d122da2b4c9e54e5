"""Trust region policy optimisation (Schulman et al., 2015) of Bernoulli policies over edges.

An edge that was an action n times, in whatever episodes, is one sample: the sums of the advantages
of its kept and of its dropped actions say all that the objective needs. p is the probability to
keep and q = 1 - p; tensors over edges (E,) are float64, tensors of parameters (P,) float32.
"""

import math

import numpy as np

from linkprune import seeds
from linkprune.errors import ConfigError, DataError
from linkprune.kernels import checks
from linkprune.rl.policy import squeeze

RULES = ("first", "published")


def dot(x, y):
    """The inner product of (P,) and (P,) in float64, a float."""
    return (x.double() @ y.double()).item()


def conjugate_gradient(product, b, iters, tol=1e-6):
    """Solve A x = b for a positive definite A, given product(v) = A v: b (P,) -> x (P,).

    Starts at 0 and ends after iters products, or at a residual of tol * |b|.
    """
    x, r, p = b.new_zeros(b.shape), b.clone(), b
    rr = dot(r, r)
    small = tol**2 * rr
    for _ in range(iters):
        if rr <= small:
            break
        z = product(p)
        length = rr / dot(p, z)
        x.add_(p, alpha=length)
        r.sub_(z, alpha=length)
        rr, before = dot(r, r), rr
        p = r + (rr / before) * p
    return x


def surrogate(p, q, p_old, q_old, keep, drop, n):
    """The importance-weighted mean advantage per action, a float."""
    return ((keep * (p / p_old) + drop * (q / q_old)).sum() / n.sum()).item()


def mean_entropy(p, q, n):
    """The mean entropy per action in nats, a float."""
    return (-(n * (p * p.log() + q * q.log())).sum() / n.sum()).item()


def mean_kl(p, q, p_old, q_old, n):
    """The mean of KL(new || old), the published direction, per action in nats, a float."""
    return ((n * (p * (p / p_old).log() + q * (q / q_old).log())).sum() / n.sum()).item()


def gradient(policy, source, target, keep, drop, n, entropy):
    """The gradient (P,) of surrogate + entropy * mean entropy where the policy is; its logits (E,).

    source, target (E,) int32 arrays; keep, drop, n (E,) float64 tensors.
    """
    logits = n.new_empty(n.shape)

    def weighted(part):
        rows = part.rows
        logits[rows] = part.logits
        p, q, slope = squeeze(part.logits)
        gain = keep[rows] / p - drop[rows] / q + entropy * n[rows] * (q / p).log()
        return part, slope * gain / n.sum()

    return policy.vjp(weighted(part) for part in policy.parts(source, target)), logits


def fisher_weight(logits, n):
    """The Fisher information about each logit, per action of all: (E,), (E,) -> (E,)."""
    p, q, slope = squeeze(logits)
    return n * slope**2 / (p * q) / n.sum()


def fisher_product(policy, parts, weight, v, damping):
    """(J^T diag(weight) J + damping) v, J the Jacobian of the logits of parts: v (P,) -> (P,).

    With ``fisher_weight`` this Gauss-Newton form is the Hessian of the mean KL exactly: the terms
    that it leaves out have a factor that is 0 where the new policy is the old one.
    """
    pairs = ((part, weight[part.rows] * dz) for part, dz in policy.jvp(parts, v))
    return policy.vjp(pairs).add_(v, alpha=damping)


def natural_direction(policy, source, target, weight, ascent, damping, cg_iters):
    """Solve F x = ascent (P,), F the damped Fisher matrix of edges: x (P,) and x . F x.

    A diagonal F is inverted directly. Its damping is relative to the mean over the edges, since
    its entries shrink with their number; that of any other F is absolute, as published.
    """
    parts = policy.kept(source, target)
    if policy.diagonal:
        diagonal = policy.vjp((part, weight[part.rows]) for part in parts)
        diagonal += damping * diagonal.sum() / len(source)
        x = ascent / diagonal
        return x, dot(x, diagonal * x)

    def product(v):
        return fisher_product(policy, parts, weight, v, damping)

    x = conjugate_gradient(product, ascent, cg_iters)
    return x, dot(x, product(x))


def line_search(evaluate, start, before, full_step, max_kl, iters, rule="first"):
    """Try start + full_step / 2^i for i < iters: the parameters reached, their outcome, accepted.

    evaluate(parameters) returns an outcome, a dict with an objective and a kl; before is that of
    start. A step is accepted where it raises the objective and its KL is at most max_kl. Rule
    "first" ends there, or at start where none is accepted. Rule "published" does as the original
    code: it never ends early, and adds every further accepted step to the point reached so far.
    """
    reached, outcome, accepted = start, before, 0
    for i in range(iters):
        trial = reached + full_step * 0.5**i
        found = evaluate(trial)
        if found["objective"] > outcome["objective"] and found["kl"] <= max_kl:
            reached, outcome, accepted = trial, found, accepted + 1
            if rule == "first":
                break
    return reached, outcome, accepted


def step(
    policy, source, target, keep, drop, n, *, max_kl=0.01, damping=0.1, cg_iters=10,
    backtrack_iters=10, entropy=0.01, fisher_share=0.2, rule="first", seed=0, iteration=0,
):  # fmt: skip
    """Update a policy of ``policy.py`` in place, once.

    source, target (E,) int32: the edges that were actions; keep, drop (E,) float64: the sums of the
    advantages of their kept and dropped actions; n (E,) int64: how many actions they were. The
    objective is the surrogate plus entropy times the mean entropy. The Fisher matrix is that of a
    share of the edges, drawn by seed and iteration; a diagonal one is that of all. rule: see
    ``line_search``. Raises ConfigError, ShapeError or DataError.

    Returns a dict: kl, entropy and surrogate after the update, gradient_norm before it, and
    accepted, how many steps the line search took.
    """
    _refuse(keep, drop, n, len(source), rule)
    checks.positive(cg_iters=cg_iters, backtrack_iters=backtrack_iters)
    for name, value, most in (("max_kl", max_kl, math.inf), ("damping", damping, math.inf),
                              ("fisher_share", fisher_share, 1)):  # fmt: skip
        if not 0 < value <= most:
            raise ConfigError(f"{name}: expected a number above 0 and at most {most}, got {value}")
    keep, drop, n = (policy.tensor(x).double() for x in (keep, drop, n))
    ascent, logits = gradient(policy, source, target, keep, drop, n, entropy)
    p_old, q_old, _ = squeeze(logits)

    def outcome(logits):
        p, q, _ = squeeze(logits)
        gain, disorder = surrogate(p, q, p_old, q_old, keep, drop, n), mean_entropy(p, q, n)
        kl = mean_kl(p, q, p_old, q_old, n)
        objective = gain + entropy * disorder
        return {"kl": kl, "entropy": disorder, "surrogate": gain, "objective": objective}

    def evaluate(parameters):
        policy.parameters = parameters
        return outcome(policy.logits(source, target))

    start, found, accepted = policy.parameters, outcome(logits), 0
    norm = math.sqrt(dot(ascent, ascent))
    if norm > 0:
        rows = _sample(len(source), 1 if policy.diagonal else fisher_share, seed, iteration)
        at = policy.tensor(rows)
        weight = fisher_weight(logits[at], n[at])
        x, xFx = natural_direction(
            policy, source[rows], target[rows], weight, ascent, damping, cg_iters
        )
        # To second order the KL of a step s is s . F s / 2: the full one reaches max_kl.
        full_step = x * math.sqrt(2 * max_kl / xFx)
        reached, found, accepted = line_search(
            evaluate, start, found, full_step, max_kl, backtrack_iters, rule
        )
        policy.parameters = reached
    found.pop("objective")
    return {**found, "gradient_norm": norm, "accepted": accepted}


def _refuse(keep, drop, n, E, rule):
    """Refuse samples of E edges that mean nothing, and rules that there are not."""
    if rule not in RULES:
        raise ConfigError(f"rule {rule}: expected one of {' '.join(RULES)}")
    for name, x in (("keep", keep), ("drop", drop)):
        if not np.isfinite(checks.array(name, x, "float64", E)).all():
            raise DataError(f"{name}: advantages must be finite")
    checks.array("n", n, "int64", E)
    if E == 0 or n.min() < 1:
        raise DataError("n: expected one edge at least, each an action at least once")


def _sample(n, share, seed, iteration):
    """A share of range(n), at least one, ascending: int64."""
    size = max(1, round(share * n))
    rng = seeds.generator(seed, "trpo", iteration)
    return np.sort(rng.choice(n, size, replace=False, shuffle=False))
