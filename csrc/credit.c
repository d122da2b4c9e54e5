/* Credited episodes: a search, and the same again without each link that found something. */
#include <omp.h>

#include "thinned.h"

/* Whether find v would be found from find u too: not if u was only found through v. Parents come
 * before their children. */
ANN_INLINE uint16_t covers(const find *finds, int32_t u, int32_t v)
{
    while (u > v)
        u = finds[u].parent;
    return u != v;
}

/* The first search of an episode, leaving what is needed to repeat it from any of its hops. */
ANN_INLINE void traced_search(episode *e, int32_t start, int32_t absent, int64_t *room, size_t k)
{
    const size_t M0 = e->graph->M0;
    int32_t n_kept = 0;
    begin_search(e, start, room, k);
    e->trace[start] = (vertex_trace){0, 0, e->episode, e->search};
    if (absent >= 0)
        e->trace[absent] = e->trace[start]; /* as if it had been found before anything else */
    e->finds[0] = (find){start, -1, -1, -1, 0, 1};
    for (int32_t u; (u = next_vertex(e)) >= 0;) {
        const int32_t source = e->trace[u].find;
        e->finds[source].hop = e->nhops;
        e->hops[e->nhops] = (hop){(int32_t)e->queue.next, e->ndis, n_kept};
        memcpy(e->snapshots + (size_t)e->nhops * e->queue.cap, e->queue.at,
               e->queue.cap * sizeof *e->queue.at);
        expand(e);
        for (size_t j = 0; j < M0; j += LINK_CHUNK) {
            const size_t first = (size_t)u * M0 + j;
            const size_t slots = M0 - j < LINK_CHUNK ? M0 - j : LINK_CHUNK;
            const int32_t *links = e->graph->neighbors + first;
            uint32_t dropped[LINK_CHUNK];
            int32_t fresh[LINK_CHUNK];
            float distance[LINK_CHUNK];
            size_t m = 0;
            draw(e, first, slots, dropped);
            for (size_t l = 0; l < slots && links[l] >= 0; l++) {
                int32_t v = links[l];
                vertex_trace *t = &e->trace[v];
                if (dropped[l])
                    continue;
                e->kept[n_kept++] = v;
                if (t->search != e->search) {
                    int32_t at = e->ndis + (int32_t)m;
                    ann_prefetch(e->space, v);
                    *t = (vertex_trace){0, at, e->episode, e->search};
                    e->finds[at] = (find){v, (int32_t)(first + l), source, -1, 0, 0};
                    fresh[m++] = v;
                    continue;
                }
                find *f = &e->finds[t->find];
                if (!f->covered)
                    f->covered = covers(e->finds, source, t->find);
            }
            measure(e->space, e->query, e->whole, fresh, m, distance);
            for (size_t l = 0; l < m; l++)
                e->trace[fresh[l]].distance = distance[l];
            enqueue(e, fresh, distance, m);
        }
    }
    e->hops[e->nhops].kept = n_kept;
}

/* Distances to n vertices, of which some were measured before in this episode. */
ANN_INLINE void recall_or_measure(episode *e, const int32_t *ids, size_t n, float *distance)
{
    int32_t unknown[LINK_CHUNK];
    float measured[LINK_CHUNK];
    size_t m = 0;
    for (size_t l = 0; l < n; l++)
        if (e->trace[ids[l]].episode != e->episode)
            unknown[m++] = ids[l];
    if (m)
        measure(e->space, e->query, e->whole, unknown, m, measured);
    for (size_t l = 0; l < m; l++) {
        vertex_trace *t = &e->trace[unknown[l]];
        t->distance = measured[l];
        t->find = NOT_FOUND;
        t->episode = e->episode;
    }
    for (size_t l = 0; l < n; l++)
        distance[l] = e->trace[ids[l]].distance;
}

/* The same episode without the link that made find f. What came before the expansion of its source
 * is as it was; draws and distances are known for what the first search expanded and evaluated. */
ANN_INLINE void repeated_search(episode *e, const find *f)
{
    const size_t M0 = e->graph->M0;
    const int32_t source = e->finds[f->parent].id, from = e->finds[f->parent].hop;
    const int32_t before = e->hops[from].finds;
    e->ndis = before;
    e->nhops = from;
    e->queue.next = (size_t)e->hops[from].next;
    memcpy(e->queue.at, e->snapshots + (size_t)from * e->queue.cap,
           e->queue.cap * sizeof *e->queue.at);
    for (int32_t u; (u = next_vertex(e)) >= 0;) {
        expand(e);
        const vertex_trace *t = &e->trace[u];
        int32_t known = t->find == NOT_FOUND ? -1 : e->finds[t->find].hop;
        const size_t row = (size_t)u * M0;
        const int32_t *links = known < 0 ? e->graph->neighbors + row
                                         : e->kept + e->hops[known].kept;
        size_t slots = known < 0 ? M0 : (size_t)(e->hops[known + 1].kept - e->hops[known].kept);
        int32_t off = u == source ? f->id : -1;
        for (size_t j = 0; j < slots && links[j] >= 0; j += LINK_CHUNK) {
            const size_t end = slots - j < LINK_CHUNK ? slots - j : LINK_CHUNK;
            uint32_t dropped[LINK_CHUNK] = {0};
            int32_t fresh[LINK_CHUNK];
            float distance[LINK_CHUNK];
            size_t m = 0;
            if (known < 0)
                draw(e, row + j, end, dropped);
            for (size_t l = 0; l < end && links[j + l] >= 0; l++) {
                int32_t v = links[j + l];
                vertex_trace *tv = &e->trace[v];
                if (tv->search == e->search ||
                    (tv->episode == e->episode && tv->find < before) || v == off || dropped[l])
                    continue;
                tv->search = e->search;
                fresh[m++] = v;
            }
            recall_or_measure(e, fresh, m, distance);
            enqueue(e, fresh, distance, m);
        }
    }
}

ANN_INLINE int is_true(const int32_t *truth, size_t k, int32_t v)
{
    int found = 0;
    for (size_t j = 0; j < k; j++)
        found |= truth[j] == v;
    return found;
}

ANN_INLINE int32_t count_hits(const ann_queue *queue, const int32_t *truth, size_t k)
{
    int32_t hits = 0;
    for (size_t j = 0; j < k; j++)
        hits += is_true(truth, k, result(queue, j));
    return hits;
}

/* Marks are epochs of 16 bits: before they run out, all are wiped. */
ANN_INLINE void wipe(episode *e, uint16_t *epochs)
{
    memset(e->trace, 0, e->space->nb * sizeof *e->trace);
    epochs[0] = epochs[1] = 0;
}

ANN_INLINE void add(int64_t *at, int64_t value, int shared)
{
    if (shared)
        __atomic_fetch_add(at, value, __ATOMIC_RELAXED);
    else
        *at += value;
}

ANN_CLONES
int ann_credit(const ann_space *space, const ann_graph *graph, const uint32_t *keep,
               const ann_batch *batch, const ann_replay *replay, const int32_t *truth,
               const int32_t *efs, const int64_t *rate, size_t n_efs, int rerun, int64_t *gain,
               int64_t *cost, int32_t *drawn, int32_t *hits, int32_t *ndis)
{
    const ann_batch b = *batch;
    const size_t nb = space->nb;
    for (size_t j = 0; j < n_efs; j++)
        if (efs[j] < 1 || !is_batch(space, graph, batch, (size_t)efs[j]))
            return ANN_EINVAL;
    if (!n_efs)
        return ANN_EINVAL;
#pragma omp parallel num_threads(b.threads)
    {
        size_t thread = (size_t)omp_get_thread_num();
        uint16_t *epochs = replay->epochs + 2 * thread;
        int64_t *room = b.queues + thread * b.room;
        int16_t whole[WHOLE_D];
        episode e = {.space = space, .graph = graph, .keep = keep};
        e.trace = (vertex_trace *)replay->trace + thread * nb;
        e.finds = (find *)replay->finds + thread * nb;
        e.hops = (hop *)replay->hops + thread * (nb + 1);
        e.kept = replay->kept + thread * nb * graph->M0;
        e.snapshots = replay->snapshots + thread * nb * b.room;
#pragma omp for schedule(dynamic, 16)
        for (size_t i = 0; i < b.n; i++) {
            if (epochs[0] == UINT16_MAX || epochs[1] == UINT16_MAX)
                wipe(&e, epochs);
            e.episode = ++epochs[0];
            e.search = ++epochs[1];
            e.key = ann_stream(b.key, i);
            e.query = query_of(space, &b, i, thread);
            e.whole = ann_whole(space, e.query, whole) ? whole : NULL;
            const int32_t *neighbors = truth + i * b.k;
            drawn[i] = (int32_t)(ann_random(e.key, UINT64_MAX - 1) % n_efs);
            e.ef = (size_t)efs[drawn[i]];
            traced_search(&e, b.start[i], b.absent[i], room, b.k);
            int32_t found = hits[i] = count_hits(&e.queue, neighbors, b.k);
            int32_t spent = ndis[i] = e.ndis;
            for (size_t j = 0; j < b.k; j++) {
                int32_t v = result(&e.queue, j);
                if (!is_true(neighbors, b.k, v))
                    continue;
                for (int32_t f = e.trace[v].find; f >= 0; f = e.finds[f].parent)
                    e.finds[f].hits++;
            }
            for (const find *f = e.finds + 1; f < e.finds + spent; f++) {
                if (f->covered)
                    continue;
                int32_t worth = f->hits, spared = 1;
                if (worth && rerun) {
                    if (epochs[1] == UINT16_MAX) { /* what is visited ends with the search */
                        for (size_t v = 0; v < nb; v++)
                            e.trace[v].search = 0;
                        epochs[1] = 0;
                    }
                    e.search = ++epochs[1];
                    repeated_search(&e, f);
                    worth = found - count_hits(&e.queue, neighbors, b.k);
                    spared = spent - e.ndis;
                }
                if (worth)
                    add(gain + f->via, worth * rate[drawn[i]], b.threads > 1);
                add(cost + f->via, spared, b.threads > 1);
            }
        }
    }
    return ANN_OK;
}
