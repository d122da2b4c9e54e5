"""Searches on a thinned graph: recorded, or crediting the links."""

import functools
from typing import NamedTuple

import numpy as np

from linkprune.errors import ShapeError
from linkprune.kernels import checks, structures
from linkprune.kernels._episodes import ffi
from linkprune.kernels._episodes import lib as C
from linkprune.kernels.checks import KSUB

ALWAYS = 1 << 31  # threshold of a link that is always kept
MOST_K = 2**16 - 1  # the true neighbours found through a vertex are counted in 16 bits
# A guess at the room for actions: of a thread, and of an episode for each place of its beam.
LEAST_ROOM, ROOM_PER_PLACE = 4096, 24
# Hops with a snapshot of the beam, and more of them for each place: few searches go on for longer.
LEAST_SNAPSHOTS, SNAPSHOTS_PER_PLACE = 256, 2

_p = functools.partial(checks.pointer, ffi)


class Episodes(NamedTuple):
    """What n searches did: the actions of episode i are actions[offset[i] : offset[i + 1]].

    An action is the link e = u * M0 + slot where it was kept, ~e where it was dropped, in the order
    of the search; a kept link found its target. I (n, k) int32 padded with -1, ndis (n,) int32 with
    the start included, nhops (n,) int32.
    """

    actions: np.ndarray
    offset: np.ndarray
    I: np.ndarray
    ndis: np.ndarray
    nhops: np.ndarray


class Credit(NamedTuple):
    """What links are worth and cost, summed over episodes, and what every episode came to.

    gain, cost (nb, M0) int64: true neighbours that depend on a link, each times its rate, and
    distances that it costs; drawn (n,) int32: which of the efs an episode ran with; hits, ndis (n,)
    int32: true neighbours among the first k, distances with the start.
    """

    gain: np.ndarray
    cost: np.ndarray
    drawn: np.ndarray
    hits: np.ndarray
    ndis: np.ndarray


def thresholds(p):
    """Probabilities as the kernels draw them: float -> uint32 in 0 (never) ... 2 ** 31 (always)."""
    p = np.asarray(p, np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ShapeError("keep probabilities must lie in 0 ... 1")
    return np.rint(p * ALWAYS).astype(np.uint32)


def _check_rate(rate, hits, before):
    """Refuse a rate (n_efs,) at which so many hits could take gain from before beyond int64."""
    most = (np.iinfo(np.int64).max - before) // max(hits, 1)
    if _largest(rate) > most:
        raise ShapeError(
            f"rate: {_largest(rate)} for each of up to {hits} hits does not fit int64, expected "
            f"at most {most}"
        )


def _largest(x):
    """The largest absolute value of x, integers of any shape: exact for the least int64 too."""
    return max(int(x.max(initial=0)), -int(x.min(initial=0)))


class Runner:
    """A graph and a space with the scratch memory of the threads, for any number of calls.

    The links are those that the graph has now: one that is not sealed is copied. Codes and vectors
    are not, and must stay as they are for as long as the Runner is used.

    graph: a ``linkprune.graph.Graph``, of which level 0 is searched; codes (nb, nsq) uint8 with
    centroids (nsq, 256, dsub) float32 and, for codes in two levels, the first one, a
    ``coarse.Coarse`` with its cross; or vectors (nb, d) float32, uint8 or int8.
    """

    def __init__(self, graph, *, codes=None, centroids=None, coarse=None, vectors=None, ip=False,
                 threads=1):  # fmt: skip
        threads = checks.positive(threads=threads)
        self.space, self._alive = structures.space(ffi, codes, vectors, ip, centroids, coarse)
        self.graph, self._alive_too = structures.graph(ffi, graph.sealed())
        self.shape, self.threads, nb = graph.neighbors.shape, threads, self.space.nb
        if self.graph.nb != nb:
            raise ShapeError(f"graph of {self.graph.nb} vertices over a space of {nb}")
        if nb * self.graph.M0 > np.iinfo(np.int32).max:
            raise ShapeError(f"graph of {nb} x {self.graph.M0} links: expected fewer than 2^31")
        self.centroids_t, self.dsub = None, 0
        if codes is not None:
            self.centroids_t = structures.table_centroids(centroids, coarse, ip)
            checks.array("centroids", self.centroids_t, "float32", self.space.nsq, None, KSUB)
            self.dsub = self.centroids_t.shape[1]
        self.d = self.space.nsq * self.dsub if codes is not None else self.space.d
        self._visited = np.zeros((threads, nb), np.uint16)
        self._trace = np.zeros((threads, nb, 2), np.int32)
        self._epochs = np.zeros(threads, np.uint16), np.zeros(threads, np.uint32)
        self._tables = structures.tables(self.space, threads)
        self._actions = np.empty(0, np.int32)
        self._offsets = None
        if vectors is not None and vectors.itemsize == 1 and self.d <= C.ANN_WHOLE_D:
            self._offsets = np.empty(nb, np.int32)
            checks.ok(C.ann_byte_offsets(self.space, _p(self._offsets)), "ann_byte_offsets")

    def record(self, keep, x, start, k, efSearch, key, *, absent=None):
        """Run an episode for every row of x (n, d) float32 from start (n,) int32 -> Episodes.

        keep (nb, M0) uint32 as ``thresholds`` gives them; key: a 64-bit integer that, with the
        number of the episode and the link, decides every draw; absent (n,) int32: a vertex that an
        episode does without, its start excepted, -1 for none.
        """
        efSearch, k = checks.positive(efSearch=efSearch), checks.up_to(MOST_K, k=k)
        batch, alive = self._batch(keep, x, start, absent, k, efSearch, key)
        n, nb = len(x), self.space.nb
        I, n_actions = np.empty((n, k), np.int32), np.empty(n, np.int32)
        ndis, nhops = np.empty(n, np.int32), np.empty(n, np.int32)
        # Where the guess was too low the rest follows, with twice the room if nothing fitted.
        places = -(-n // self.threads) * min(efSearch + k, nb)
        capacity, done, parts = self.threads * (LEAST_ROOM + ROOM_PER_PLACE * places), 0, []
        while done < n:
            if len(self._actions) < capacity:  # kept: the pages of a new one cost time
                self._actions = np.empty(capacity, np.int32)
            reached = C.ann_episodes(
                self.space, self.graph, _p(keep), batch, min(efSearch, nb), done, capacity,
                _p(self._actions), _p(n_actions), _p(I), _p(ndis), _p(nhops),
            )  # fmt: skip
            checks.ok(min(reached, 0), "ann_episodes")
            parts.append(self._actions[: n_actions[done:reached].sum()].copy())
            capacity, done = capacity if reached > done else 2 * capacity, reached
        del alive
        offset = np.concatenate([[0], np.cumsum(n_actions, dtype=np.int64)])
        actions = parts[0] if len(parts) == 1 else np.concatenate([*parts, np.empty(0, np.int32)])
        return Episodes(actions, offset, I, ndis, nhops)

    def credit(self, keep, x, start, truth, efs, rate, key, *, absent=None, rerun=True, total=None):
        """Run an episode for every row of x as ``record`` does, crediting the links -> Credit.

        truth (n, k) int32 the true neighbours; an episode draws its efSearch from efs (n_efs,)
        int32 and counts a hit as rate (n_efs,) int64 in gain, refused where the sum could leave
        int64. rerun: whether a link that led to a true neighbour is credited with the difference
        that its absence makes (a second search), or with all that was found through it. total: a
        Credit to add gain and cost to, in place.
        """
        checks.array("efs", efs, "int32", None)
        checks.array("rate", rate, "int64", len(efs))
        checks.positive(efs=len(efs), efSearch=efs.min(initial=1))
        efs = np.minimum(efs, np.int32(self.space.nb))
        checks.ids("truth", truth, self.space.nb, len(x), None, least=0)
        k, rerun = checks.up_to(MOST_K, k=truth.shape[1]), checks.flag("rerun", rerun)
        batch, alive = self._batch(keep, x, start, absent, k, int(efs.max()), key)
        n = len(x)
        if total is None:
            gain, cost = np.zeros(self.shape, np.int64), np.zeros(self.shape, np.int64)
        else:
            beside = keep, x, start, truth
            gain = checks.writable("gain", total.gain, "int64", *self.shape, beside=beside)
            beside = *beside, gain
            cost = checks.writable("cost", total.cost, "int64", *self.shape, beside=beside)
        _check_rate(rate, truth.size, 0 if total is None else _largest(gain))
        drawn, hits, ndis = (np.empty(n, np.int32) for _ in range(3))
        replay, alive_too = self._replay(batch.room, int(efs.max()))
        status = C.ann_credit(
            self.space, self.graph, _p(keep), batch, replay, _p(truth), _p(efs), _p(rate),
            len(efs), rerun, _p(gain), _p(cost), _p(drawn), _p(hits), _p(ndis),
        )  # fmt: skip
        checks.ok(status, "ann_credit")
        del alive, alive_too
        return Credit(gain, cost, drawn, hits, ndis)

    def _batch(self, keep, x, start, absent, k, efSearch, key):
        """The ``ann_batch`` of a call, and what keeps its arrays alive."""
        if not checks.is_integer(key) or not 0 <= key < 1 << 64:
            raise ShapeError(f"key: expected an integer of 64 bits, got {key!r}")
        nb = self.space.nb
        checks.array("keep", keep, "uint32", *self.shape)
        if keep.size and keep.max() > ALWAYS:
            raise ShapeError(f"keep: expected thresholds up to 2^31, got {keep.max()}")
        n = len(checks.array("x", x, "float32", None, self.d))
        checks.ids("start", start, nb, n, least=0)
        if absent is None:
            absent = np.full(n, -1, np.int32)
        checks.ids("absent", absent, nb, n)
        room = max(min(efSearch, nb), k) + C.ANN_QUEUE_ROOM
        queues = np.empty((self.threads, room), np.int64)
        b, alive = ffi.new("ann_batch *"), [*map(_p, (x, start, absent, queues))]
        b.x, b.start, b.absent, b.queues = alive
        if self.centroids_t is not None:
            alive.append(_p(self.centroids_t))
            b.centroids_t = alive[-1]
        if self._offsets is not None:
            alive.append(_p(self._offsets))
            b.offsets = alive[-1]
        alive += [_p(self._visited), _p(self._epochs[0]), _p(self._tables)]
        b.visited, b.epochs, b.tables = alive[-3:]
        b.dsub, b.n, b.k, b.key, b.threads, b.room = self.dsub, n, k, key, self.threads, room
        return b, alive

    def _replay(self, room, efSearch):
        """The scratch for repeating parts of searches; its pages exist once they are touched."""
        nb, M0 = self.shape
        n_snapshots = min(LEAST_SNAPSHOTS + SNAPSHOTS_PER_PLACE * efSearch, nb) + 1
        arrays = (
            self._trace,
            self._epochs[1],
            np.empty((self.threads, nb + 1, 5), np.int32),
            np.empty((self.threads, nb), np.int64),
            np.empty((self.threads, nb), np.uint8),
            np.empty((self.threads, nb + 1, 3), np.int32),
            np.empty((self.threads, nb * M0 + 1), np.int32),
            np.empty((self.threads, n_snapshots, room - C.ANN_QUEUE_ROOM + 1), np.int64),
        )
        r, alive = ffi.new("ann_replay *"), [*map(_p, arrays)]
        r.trace, r.epochs, r.finds, r.keys, r.found, r.rows, r.kept, r.snapshots = alive
        r.n_snapshots = n_snapshots
        return r, alive
