"""From a mask over the base-level links to a graph: pruning rules, repair, degree caps.

A mask (nb, M0) bool says which links of ``graph.neighbors`` stay; a slot without a link never does,
whatever the mask says there.
"""

import dataclasses
import heapq

import numpy as np

from linkprune import seeds
from linkprune.errors import ShapeError
from linkprune.kernels import checks

LOST = ("unreachable", "isolated", "nearest_unreachable")


def keep_edges(graph, mask):
    """The graph with the links of the mask (nb, M0) alone, in their order; all else is unchanged.

    The rows are as wide as the largest degree left, at least 1.
    """
    mask = _links(graph, mask)
    order = np.argsort(~mask, axis=1, kind="stable")[:, : max(1, mask.sum(1).max())]
    neighbors = np.where(mask, graph.neighbors, np.int32(-1))
    return dataclasses.replace(graph, neighbors=np.take_along_axis(neighbors, order, 1))


def reachable(graph, mask=None):
    """Which vertices the base level's links lead to: (nb,) bool; mask (nb, M0), None for all links.

    A search may enter at the entry point and at every vertex of level 1 or higher: these are
    reached.
    """
    kept = graph.neighbors >= 0 if mask is None else _links(graph, mask)
    reached = np.zeros(len(kept), bool)
    _walk(graph, kept, _starts(graph), reached)
    return reached


def lost(graph, nearest=()):
    """What a search misses for want of links: how many vertices it cannot reach, how many of these
    have no link to or from another on the base level, and of how many queries the true nearest
    neighbour (nq,), an id, is one that it cannot reach. A dict of int.
    """
    gone, linked = ~reachable(graph), np.zeros(len(graph.neighbors), bool)
    source, slot = np.nonzero(graph.neighbors >= 0)
    target = graph.neighbors[source, slot]
    between = source != target
    linked[source[between]] = linked[target[between]] = True
    counts = (gone, gone & ~linked, gone[np.asarray(nearest, np.int64)])
    return dict(zip(LOST, (int(x.sum()) for x in counts), strict=True))


def cap_degree(mask, score, most):
    """The ``most`` links of highest score of every vertex, ties to the earlier slot: (nb, M0) bool.

    mask (nb, M0) bool, score (nb, M0), finite where the mask is set.
    """
    checks.positive(most=most)
    checks.array("mask", mask, "bool", None, None)
    return _top(mask, _finite("score", score, mask), most)


def repair(graph, mask, score, most=None):
    """Add links back until a search can reach all that it can reach on the whole graph: a mask.

    mask (nb, M0) bool, score (nb, M0), the higher the better the link, such as its probability.
    Every vertex but the entry point keeps its in-link of highest score. Then the link of highest
    score from a reached to an unreached vertex is added, until none is left. Ties go to the smaller
    source, then to the smaller target.

    With ``most`` no vertex keeps more links than that: the mask is capped first; an in-link of
    highest score returns only where its source has room; and a source that is full gives up its
    link of lowest score by which no vertex was reached first. So what the capped mask reaches stays
    reached, but some vertices may not be reachable under the cap: ``reachable`` tells.
    """
    kept = _links(graph, mask)
    score = _finite("score", score, graph.neighbors >= 0)
    if most is None:
        most = kept.shape[1]
    kept = cap_degree(kept, score, most)
    lost = _best_in_links(graph, score) & ~kept
    kept |= _top(lost, score, most - kept.sum(1, keepdims=True))
    while _reach_more(graph, kept, score, most):
        continue
    return kept


def random_links(graph, degree, seed):
    """A mask of mean degree ``degree``, uniform over the links; a lower degree keeps a subset."""
    links = np.flatnonzero(graph.neighbors >= 0)
    shuffled = seeds.generator(seed, "random_links").permutation(links)
    return _of_mean_degree(graph, shuffled, degree)


def shortest(graph, degree):
    """A mask of the ``degree`` shortest links of every vertex, which stand first in its row."""
    checks.positive(degree=degree)
    return (graph.neighbors >= 0) & (np.arange(graph.neighbors.shape[1]) < degree)


def by_use(graph, use, degree):
    """A mask of the most used links, of mean degree ``degree``: use (nb, M0), such as counts.

    Ties go to the smaller source, then to the smaller target.
    """
    links = np.flatnonzero(graph.neighbors >= 0)
    use = _finite("use", use, graph.neighbors >= 0).ravel()[links]
    source, target = links // graph.neighbors.shape[1], graph.neighbors.ravel()[links]
    return _of_mean_degree(graph, links[np.lexsort((target, source, -use))], degree)


def _of_mean_degree(graph, links, degree):
    """The first of these links (n,), as flat places in ``neighbors``, that make the mean degree."""
    nb, most = len(graph.neighbors), len(links) / len(graph.neighbors)
    if not 0 < degree <= most:
        raise ShapeError(f"degree: expected a mean above 0, at most {most:.6g}, got {degree!r}")
    mask = np.zeros(graph.neighbors.shape, bool)
    mask.ravel()[links[: round(degree * nb)]] = True
    return mask


def _links(graph, mask):
    checks.array("mask", mask, "bool", *graph.neighbors.shape)
    return mask & (graph.neighbors >= 0)


def _finite(name, x, where):
    """A real array (nb, M0) as float64, finite where it counts."""
    x = np.asarray(x)
    if x.shape != where.shape or x.dtype.kind not in "iuf":
        raise ShapeError(f"{name}: expected real numbers {where.shape}, got {x.dtype} {x.shape}")
    if not np.isfinite(x[where]).all():
        raise ShapeError(f"{name}: expected a finite value for every link")
    return x.astype(np.float64)


def _top(mask, score, most):
    """The links of a mask that are among the ``most`` best of their row; most: one, or (nb, 1)."""
    order = np.argsort(np.where(mask, -score, np.inf), axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(mask.shape[1])[None], 1)
    return mask & (rank < most)


def _best_in_links(graph, score):
    """The in-link of highest score of every vertex but the entry point: a mask."""
    source = np.arange(len(graph.neighbors), dtype=np.int32)[:, None]
    usable = (graph.neighbors >= 0) & (graph.neighbors != source)
    usable &= graph.neighbors != graph.entry_point
    link, target = np.flatnonzero(usable), graph.neighbors[usable]
    best = np.full(len(graph.neighbors), -np.inf)
    np.maximum.at(best, target, score[usable])
    link = link[score[usable] == best[target]]
    # By place in neighbors, so by source: the first of equals is the one to keep.
    _, first = np.unique(graph.neighbors.ravel()[link], return_index=True)
    mask = np.zeros(usable.shape, bool)
    mask.ravel()[link[first]] = True
    return mask


def _starts(graph):
    return np.union1d(graph.upper_vertex, np.int32(graph.entry_point))


def _walk(graph, kept, frontier, reached):
    """Breadth first from vertices (n,) over links to vertices not reached, which is updated.

    Returns the vertices reached, the frontier included, and the links, as flat places in
    ``neighbors``, by which the others were reached first.
    """
    reached[frontier] = True
    vertices, links = [frontier], []
    while len(frontier):
        rows = graph.neighbors[frontier]
        fresh = kept[frontier] & ~reached[rows]
        at, slot = np.nonzero(fresh)
        target, first = np.unique(rows[fresh], return_index=True)
        links.append(frontier[at[first]].astype(np.int64) * kept.shape[1] + slot[first])
        reached[target] = True
        vertices.append(target)
        frontier = target
    return np.concatenate(vertices), np.concatenate(links)


def _reach_more(graph, kept, score, most):
    """Add links to the mask ``kept``, in place, best first; how many were added."""
    nb, M0 = kept.shape
    reached, tree = np.zeros(nb, bool), np.zeros(kept.shape, bool)
    _, by = _walk(graph, kept, _starts(graph), reached)
    tree.ravel()[by] = True
    useful = (graph.neighbors >= 0) & ~reached[graph.neighbors]
    links, target = np.flatnonzero(useful), graph.neighbors[useful]
    order = np.lexsort((target, links // M0, -score[useful]))
    links, target = links[order], target[order]
    rank = np.full(kept.shape, -1, np.int64)
    rank.ravel()[links] = np.arange(len(links))
    heap = np.sort(rank[reached][useful[reached]]).tolist()  # a sorted list is a heap
    added, waiting = 0, nb - reached.sum()
    while heap and waiting:
        i = heapq.heappop(heap)
        v = target[i]
        if reached[v]:
            continue
        u, slot = divmod(links[i], M0)
        if not _has_room(kept[u], tree[u], score[u], most):
            continue
        kept[u, slot] = tree[u, slot] = True
        new, by = _walk(graph, kept, np.array([v]), reached)
        tree.ravel()[by] = True
        added, waiting = added + 1, waiting - len(new)
        for i in rank[new][useful[new] & ~reached[graph.neighbors[new]]].tolist():
            heapq.heappush(heap, i)
    return added


def _has_room(kept, tree, score, most):
    """Whether a row can take one more link; a full one drops the worst that is not in the tree."""
    if kept.sum() < most:
        return True
    spare = np.flatnonzero(kept & ~tree)[::-1]  # of equal scores, the later slot goes
    if len(spare):
        kept[spare[score[spare].argmin()]] = False
    return len(spare) > 0
