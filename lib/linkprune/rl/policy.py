"""Policies: the probability to keep a link, from its two vectors or from a table.

A policy is a vector of parameters, a logit z for every edge (u, v), and the derivatives of the
logits in both directions, which is all that the update in trpo.py asks:

    parameters              flat tensor (P,) float32; assign to it, never write into it
    logits(source, target)  of edges (E,) int32, twice: (E,) float32 tensor
    parts(source, target)   the same, linearised with Jacobian J, part by part, to iterate over once
    kept(source, target)    the same, to iterate over again
    jvp(parts, v)           pairs of a part and J v, the derivative of its logits along v (P,)
    vjp(pairs)              J^T w, summed over pairs of a part and its weights w (n,): (P,)
    diagonal                whether every parameter is one edge's, so that J^T W J is diagonal

On one machine, at one number of threads, a CPU gives the same bits again: ``one_thread``. CUDA does
not: it adds up the gradient of a vertex in no fixed order.
"""

import contextlib

import numpy as np

from linkprune import seeds
from linkprune.chunks import chunks
from linkprune.errors import ConfigError, DataError, ShapeError
from linkprune.kernels import checks

try:
    import torch
except ImportError as e:
    raise ConfigError("torch: not installed, expected what requirements-prune.txt asks for") from e

P_MIN = 1e-4  # no probability comes nearer to 0 or 1: both actions stay possible
CHUNK = {"cpu": 1 << 19, "cuda": 1 << 25}  # float32 values in a layer of a part
KEEP = {"cpu": 1 << 25, "cuda": 1 << 30}  # float32 values of kept parts; more are recomputed
FACTORS = 4  # layers of a part


@contextlib.contextmanager
def one_thread():
    """As long as it lasts torch computes with one thread of the CPU, whoever called."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def squeeze(z):
    """Logits -> keep probability p, 1 - p without cancellation, and dp/dz, all float64."""
    z, width = z.double(), 1 - 2 * P_MIN
    s, t = z.sigmoid(), (-z).sigmoid()
    return P_MIN + width * s, P_MIN + width * t, width * s * t


def _logit(initial):
    """The logit of a keep probability."""
    if not P_MIN < initial < 1 - P_MIN:
        raise ConfigError(f"initial: expected a probability above {P_MIN} and below {1 - P_MIN}, "
                          f"got {initial!r}")  # fmt: skip
    return float(np.log((initial - P_MIN) / (1 - P_MIN - initial)))


def _device(name):
    """The torch device that "auto", "cpu" or "cuda" means here."""
    if name not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device {name}: expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda: torch sees none here, expected auto or cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


class _Recomputed:
    """The parts of edges, computed again by every iteration."""

    def __init__(self, policy, *edges):
        self.policy, self.edges = policy, edges

    def __iter__(self):
        return self.policy.parts(*self.edges)


class _Policy:
    """What the policies share: names for their parameters, probabilities, checkpoints."""

    @property
    def parameters(self):
        """All parameters, in the order of ``shapes``: (P,) float32."""
        return self._flat

    @parameters.setter
    def parameters(self, flat):
        self._flat = flat

    def named(self, flat):
        """Views of a flat vector (P,) by parameter name."""
        sizes = [int(np.prod(shape)) for shape in self.shapes.values()]
        views = zip(self.shapes.items(), flat.split(sizes), strict=True)
        return {name: x.view(shape) for (name, shape), x in views}

    def tensor(self, x, dtype=None):
        """A copy of an array on the device of the policy."""
        return torch.tensor(x, dtype=dtype, device=self.device)

    def probabilities(self, source, target):
        """Keep probabilities of edges: vertex ids (E,) int32, twice -> (E,) float32."""
        return squeeze(self.logits(source, target))[0].float().cpu().numpy()

    def state(self):
        """The parameters for a checkpoint: name -> float32 array."""
        return {name: x.cpu().numpy().copy() for name, x in self.named(self.parameters).items()}

    def load(self, state):
        """Take the parameters of a ``state()``; raises ShapeError where it does not fit."""
        if set(state) != set(self.shapes):
            expected, got = " ".join(self.shapes), " ".join(state) or "none"
            raise ShapeError(f"policy: expected the parameters {expected}, got {got}")
        arrays = [checks.array(f"policy: {name}", state[name], "float32", *shape)
                  for name, shape in self.shapes.items()]  # fmt: skip
        self.parameters = self.tensor(np.concatenate([x.ravel() for x in arrays]))


class _Linearised:
    """Edges, the slice ``rows`` of all: logits (n,), where they read the parameters, J's factors.

    With pre-activations x1 and x2, activations a1 and a2, g2 = dz/dx2 and g1 = dz/dx1, all (n, h),
    dz = g1 . (dA[u] + dB[v]) + g2 . (dW2 a1 + db2) + dw3 . a2 + db3: no exponential, and one
    product of matrices in each direction.
    """

    def __init__(self, rows, logits, where, a1=None, a2=None, g1=None, g2=None):
        self.rows, self.logits, self.where = rows, logits, where
        self.a1, self.a2, self.g1, self.g2 = a1, a2, g1, g2


class MLP(_Policy):
    """The published network: [v_u ; v_v] -> h -> h -> 1 with ELU, a sigmoid into [1e-4, 1 - 1e-4].

    vectors (nb, d) float32, divided by their mean norm; hidden is h. The first layer factorises,
    W1 [v_u ; v_v] = A[u] + B[v] with A = V W1a^T + b1 and B = V W1b^T, computed once per vertex.
    Weights start uniform within 1 / sqrt(fan-in), the last bias such that probabilities start near
    ``initial`` (published: 0.5), the same bits everywhere. device is "auto", "cpu" or "cuda".
    """

    diagonal = False

    def __init__(self, vectors, hidden, seed, device="auto", initial=0.95):
        checks.array("vectors", vectors, "float32", None, None)
        checks.positive(hidden=hidden)
        bias, self.device = _logit(initial), _device(device)
        norm = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)).mean()
        if not np.isfinite(norm) or norm == 0:
            raise DataError(f"vectors: their mean norm is {norm}, expected above 0 and finite")
        self.vectors = self.tensor(vectors / np.float32(norm))
        h, d = hidden, vectors.shape[1]
        self.hidden = h
        self.shapes = {"W1a": (h, d), "W1b": (h, d), "b1": (h,), "W2": (h, h), "b2": (h,),
                       "w3": (h,), "b3": (1,)}  # fmt: skip
        fan_in = {"W1a": 2 * d, "W1b": 2 * d, "b1": 2 * d, "W2": h, "b2": h, "w3": h}
        rng = seeds.generator(seed, "policy", "mlp")
        state = {name: rng.uniform(-1, 1, self.shapes[name]) / np.sqrt(n)
                 for name, n in fan_in.items()}  # fmt: skip
        state["b3"] = np.array([bias])
        self.load({name: x.astype(np.float32) for name, x in state.items()})

    @_Policy.parameters.setter
    def parameters(self, flat):
        """Take the parameters and compute the first layer of every vertex."""
        self._flat = flat
        p = self._named = self.named(flat)
        self._A = torch.addmm(p["b1"], self.vectors, p["W1a"].T)  # (nb, h)
        self._B = self.vectors @ p["W1b"].T  # (nb, h)

    def _edges(self, source, target):
        """Edges in chunks: their rows, and their ids on the device."""
        checks.ids("source", source, len(self.vectors), None, least=0)
        checks.ids("target", target, len(self.vectors), len(source), least=0)
        for rows in chunks(len(source), max(1, CHUNK[self.device.type] // self.hidden)):
            ids = (self.tensor(x[rows], torch.int64) for x in (source, target))
            yield rows, tuple(ids)

    def _forward(self, u, v):
        """Logits (n,) and the two activations (n, h) of edges."""
        p, elu = self._named, torch.nn.functional.elu_
        a1 = elu(self._A.index_select(0, u).add_(self._B.index_select(0, v)))
        a2 = elu(torch.addmm(p["b2"], a1, p["W2"].T))
        return torch.mv(a2, p["w3"]).add_(p["b3"]), a1, a2

    def logits(self, source, target):
        """Logits of edges: vertex ids (E,) int32, twice -> (E,) float32 tensor."""
        out = torch.empty(len(source), device=self.device)
        for rows, edges in self._edges(source, target):
            out[rows] = self._forward(*edges)[0]
        return out

    def parts(self, source, target):
        """Edges (E,) int32, twice, linearised at the present parameters, a chunk at a time."""
        p = self._named
        for rows, edges in self._edges(source, target):
            z, a1, a2 = self._forward(*edges)
            # ELU' is 1 above 0 and ELU + 1 below.
            g2 = a2.add(1).clamp_(max=1).mul_(p["w3"])
            g1 = a1.add(1).clamp_(max=1).mul_(g2 @ p["W2"])
            yield _Linearised(rows, z, edges, a1, a2, g1, g2)

    def kept(self, source, target):
        """The same parts, kept in memory where the edges are few enough."""
        few = FACTORS * self.hidden * len(source) <= KEEP[self.device.type]
        parts = _Recomputed(self, source, target)
        return list(parts) if few else parts

    def jvp(self, parts, direction):
        """Pairs of a part and the derivatives (n,) of its logits along direction (P,)."""
        dp = self.named(direction)
        dA = torch.addmm(dp["b1"], self.vectors, dp["W1a"].T)
        dB = self.vectors @ dp["W1b"].T
        for part in parts:
            u, v = part.where
            dz = dA.index_select(0, u).add_(dB.index_select(0, v)).mul_(part.g1)
            dz.addcmul_(part.g2 @ dp["W2"], part.a1)
            dz = dz.sum(1).add_(dp["b3"])
            yield part, dz.addmv_(part.g2, dp["b2"]).addmv_(part.a2, dp["w3"])

    def vjp(self, pairs):
        """The sum of weight * dz/dparameters over pairs of a part and weights (n,): (P,)."""
        flat = torch.zeros_like(self.parameters)
        g = self.named(flat)
        gA, gB = torch.zeros_like(self._A), torch.zeros_like(self._B)
        for part, weight in pairs:
            weight = weight.float()
            wg1, wg2 = part.g1 * weight[:, None], part.g2 * weight[:, None]
            gA.index_add_(0, part.where[0], wg1)
            gB.index_add_(0, part.where[1], wg1)
            g["W2"].addmm_(wg2.T, part.a1)
            g["b2"].add_(wg2.sum(0))
            g["w3"].addmv_(part.a2.T, weight)
            g["b3"].add_(weight.sum())
        g["b1"].copy_(gA.sum(0))
        g["W1a"].copy_(gA.T @ self.vectors)
        g["W1b"].copy_(gB.T @ self.vectors)
        return flat


class Table(_Policy):
    """One logit per edge (source[e], target[e]), both (E,) int32; knows no other edge.

    Every probability starts at ``initial``. device is "auto", "cpu" or "cuda".
    """

    diagonal = True

    def __init__(self, source, target, device="auto", initial=0.95):
        bias, self.device = _logit(initial), _device(device)
        keys = self._keys(source, target)
        checks.positive(edges=len(keys))
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]
        again = np.flatnonzero(np.diff(self._sorted) == 0)
        if len(again):
            e = self._order[again[0]]
            raise ShapeError(f"edges: {source[e]} -> {target[e]} is there twice, expected once")
        self.shapes = {"logits": (len(keys),)}
        self.parameters = torch.full((len(keys),), bias, device=self.device)

    @staticmethod
    def _keys(source, target):
        """One int64 per edge."""
        most = np.iinfo(np.int32).max
        checks.ids("source", source, most, None, least=0)
        checks.ids("target", target, most, len(source), least=0)
        return source.astype(np.int64) << 32 | target

    def _places(self, source, target):
        """Where edges stand among the parameters: (E,) int64 tensor."""
        keys = self._keys(source, target)
        at = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
        strange = np.flatnonzero(self._sorted[at] != keys)
        if len(strange):
            e = strange[0]
            raise ShapeError(f"edge {source[e]} -> {target[e]}: not one of the table's edges")
        return self.tensor(self._order[at])

    def logits(self, source, target):
        """Logits of edges: vertex ids (E,) int32, twice -> (E,) float32 tensor."""
        return self.parameters.index_select(0, self._places(source, target))

    def parts(self, source, target):
        """Edges (E,) int32, twice, as one part."""
        places = self._places(source, target)
        logits = self.parameters.index_select(0, places)
        return [_Linearised(slice(0, len(source)), logits, places)]

    kept = parts

    def jvp(self, parts, direction):
        """Pairs of a part and the derivatives (n,) of its logits along direction (P,)."""
        return ((part, direction.index_select(0, part.where)) for part in parts)

    def vjp(self, pairs):
        """The sum of weight * dz/dparameters over pairs of a part and weights (n,): (P,)."""
        flat = torch.zeros_like(self.parameters)
        for part, weight in pairs:
            flat.index_add_(0, part.where, weight.float())
        return flat
