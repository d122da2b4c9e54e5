"""Vamana and NSG in plain Python on a matrix of distances, exact for integers."""

import numpy as np

from linkprune import hnsw, seeds


def expanded(links, d, v, ef):
    """What a beam search of width ef from v expands; d (nb,) distances from the query."""
    pool, seen, done = [(d[v], v)], {v}, set()
    while waiting := [c for c in pool if c[1] not in done]:
        v = waiting[0][1]
        done.add(v)
        fresh = [u for u in links[v] if u not in seen]
        seen.update(fresh)
        pool = sorted(pool + [(d[u], u) for u in fresh])[:ef]
    return done


def pruned(between, v, candidates, R, alpha):
    kept = []
    for c in sorted(candidates - {v}, key=lambda c: (between[v, c], c)):
        far = all(np.float32(alpha * alpha) * between[c, other] >= between[v, c] for other in kept)
        if far and len(kept) < R:
            kept.append(c)
    return kept


def gain(links, between, forward, R, alpha):
    """Reverse links of forward {vertex: its links}, in place."""
    gained = {}
    for v, found in forward.items():
        for u in found:
            gained.setdefault(u, []).append(v)
    for u, sources in gained.items():
        links[u] = links[u] + [v for v in sources if v not in links[u]]
        if len(links[u]) > R:
            links[u] = pruned(between, u, set(links[u]), R, alpha)


def reference_vamana(key, between, start, seed):
    nb, links = len(between), [[] for _ in between]
    order = seeds.generator(seed, "vamana", key).permutation(nb).tolist()
    first = [start] + [v for v in order if v != start]
    for alpha, sequence, done in ((1.0, first, 1), (key.alpha, order, 0)):
        inserting = done == 1
        while done < nb:
            size = max(1, done // hnsw.BATCH_SHARE) if inserting else hnsw.BATCH_MAX
            batch = sequence[done : done + min(size, hnsw.BATCH_MAX)]
            forward = {}
            for i, v in enumerate(batch):
                candidates = expanded(links, between[v], start, key.efConstruction) | set(links[v])
                candidates |= set(batch[:i]) if inserting else set()
                forward[v] = pruned(between, v, candidates, key.R, alpha)
            for v, found in forward.items():
                links[v] = found
            gain(links, between, forward, key.R, alpha)
            done += len(batch)
    return links


def reference_nsg(key, between, start):
    every = range(len(between))
    near = [sorted((u for u in every if u != v), key=lambda u: (between[v, u], u))[: key.K]
            for v in every]  # fmt: skip
    forward = {
        v: pruned(between, v,
                  expanded(near, between[v], start, key.efConstruction) | set(near[v]), key.R, 1.0)
        for v in every
    }  # fmt: skip
    links = [list(forward[v]) for v in every]
    gain(links, between, forward, key.R, 1.0)
    return links
