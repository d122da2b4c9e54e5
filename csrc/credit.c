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

/* The kept links of find `source` are the next row, and those to vertices that this episode has not
 * met yet new finds. There is no branch on chance or on what was met, which cannot be foreseen.
 * first: it is the first search that asks, of which what is met again is covered. */
ANN_INLINE void add_row(episode *e, int32_t source, int first)
{
    const size_t M0 = e->graph->M0, from = (size_t)e->finds[source].id * M0;
    int32_t *kept = e->kept + e->rows[e->n_rows].kept;
    for (size_t j = 0; j < M0; j += LINK_CHUNK) {
        const size_t slots = M0 - j < LINK_CHUNK ? M0 - j : LINK_CHUNK;
        const int32_t *links = e->graph->neighbors + from + j;
        const int32_t begin = e->n_finds;
        uint32_t dropped[LINK_CHUNK];
        int32_t ids[LINK_CHUNK], again[LINK_CHUNK];
        float distance[LINK_CHUNK];
        size_t n_ids = 0, n_again = 0;
        draw(e, from + j, slots, dropped);
        for (size_t l = 0; l < slots && links[l] >= 0; l++) {
            const int32_t v = links[l];
            const vertex_trace t = e->trace[v];
            const int kept_now = !dropped[l], met = t.episode == e->number;
            const int fresh = kept_now & !met;
            const int32_t f = met ? t.find : e->n_finds;
            e->trace[v] = fresh ? (vertex_trace){f, e->number} : t;
            e->finds[e->n_finds] = (find){v, (int32_t)(from + j + l), source, -1, 0, 0};
            ids[n_ids] = v;
            again[n_again] = *kept = f;
            n_ids += (size_t)fresh;
            n_again += (size_t)(kept_now & met);
            kept += kept_now;
            e->n_finds += fresh;
        }
        ann_prefetch_many(e->space, ids, n_ids);
        if (first)
            for (size_t l = 0; l < n_again; l++) {
                find *f = &e->finds[again[l]];
                if (!f->covered)
                    f->covered = covers(e->finds, source, again[l]);
            }
        measure(e->space, e->query, e->whole, ids, n_ids, distance);
        for (size_t l = 0; l < n_ids; l++)
            e->keys[begin + (int32_t)l] = ann_key(distance[l], ids[l]);
        memset(e->found + begin, 0, n_ids);
    }
    e->finds[source].row = e->n_rows++;
    e->rows[e->n_rows].kept = (int32_t)(kept - e->kept);
}

/* Takes the next row for the state before an expansion, its queue as long as there is room. */
ANN_INLINE void take_snapshot(episode *e)
{
    const ann_queue *queue = &e->queue;
    e->rows[e->n_rows].finds = e->n_finds;
    e->rows[e->n_rows].next = (int32_t)queue->next;
    if (e->n_rows < e->n_snapshots)
        memcpy(e->snapshots + (size_t)e->n_rows * queue->cap, queue->at,
               queue->cap * sizeof *queue->at);
}

/* The first search of an episode, leaving what is needed to repeat it from any of its expansions.
 * Its queue has a place more than a search has, for what the absence of a vertex lets in. */
ANN_INLINE void traced_search(episode *e, int32_t start, int32_t absent, int64_t *room, size_t cap)
{
    begin_search(e, start, room, cap + 1);
    e->trace[start] = (vertex_trace){0, e->number};
    if (absent >= 0)
        e->trace[absent] = e->trace[start]; /* as if it had been found before anything else */
    e->finds[0] = (find){start, -1, -1, -1, 0, 0};
    e->keys[0] = e->queue.at[0];
    e->n_finds = 1;
    e->n_rows = e->rows[0].kept = 0;
    for (int32_t u; e->queue.next < cap && (u = next_vertex(e)) >= 0;) {
        take_snapshot(e);
        expand(e);
        const int32_t begin = e->n_finds;
        add_row(e, e->trace[u].find, 1);
        for (int32_t f = begin; f < e->n_finds; f += LINK_CHUNK) {
            const int32_t left = e->n_finds - f;
            enqueue_keys(&e->queue, e->keys + f, (size_t)(left < LINK_CHUNK ? left : LINK_CHUNK));
        }
    }
    e->ndis = e->n_finds;
    take_snapshot(e);
}

/* The same episode without the link that made find `without`, which nothing covers. Until the first
 * search expands that vertex, the other one does the same: it begins there, with the queue of the
 * first one but for the vertex; or before, at the last snapshot, passing over the link when it comes.
 * Draws and distances are known of all that was expanded and measured in this episode. */
ANN_INLINE void repeated_search(episode *e, int32_t without, size_t cap)
{
    const int32_t row = e->finds[without].row, parent = e->finds[without].parent;
    const int32_t there = row >= 0 && row < e->nhops ? row : e->nhops;
    const int32_t from = there < e->n_snapshots ? there : e->n_snapshots - 1;
    const int32_t before = e->rows[from].finds;
    const int64_t *snapshot = e->snapshots + (size_t)from * (cap + 1);
    ann_queue *queue = &e->queue;
    size_t at = (size_t)e->rows[from].next;
    while (at < cap && snapshot[at] != e->keys[without])
        at++;
    memcpy(queue->at, snapshot, at * sizeof *snapshot);
    memcpy(queue->at + at, snapshot + at + 1, (cap - at) * sizeof *snapshot);
    queue->at[cap] = NO_KEY;
    queue->cap = cap;
    queue->next = ann_queue_open(queue, (size_t)e->rows[from].next);
    memset(e->found, 1, (size_t)before);
    memset(e->found + before, 0, (size_t)(e->n_finds - before));
    e->found[without] = without >= before; /* as if, until its link has been passed over */
    e->ndis = before - (without < before);
    for (int32_t u; (u = next_vertex(e)) >= 0;) {
        const int32_t source = e->trace[u].find;
        pop(queue);
        if (e->finds[source].row < 0)
            add_row(e, source, 0);
        const struct row *r = e->rows + e->finds[source].row;
        for (int32_t j = r->kept; j < r[1].kept; j += LINK_CHUNK) {
            const int32_t n = r[1].kept - j < LINK_CHUNK ? r[1].kept - j : LINK_CHUNK;
            int64_t keys[LINK_CHUNK];
            size_t m = 0;
            for (int32_t l = 0; l < n; l++) {
                const int32_t f = e->kept[j + l];
                keys[m] = e->keys[f];
                m += !e->found[f];
                e->found[f] = 1;
            }
            enqueue_keys(queue, keys, m);
            e->ndis += (int32_t)m;
        }
        if (source == parent)
            e->found[without] = 0;
    }
}

/* Whether v is one of the k true neighbours. */
ANN_INLINE int is_true(const int32_t *truth, size_t k, int32_t v)
{
    int found = 0;
    for (size_t j = 0; j < k; j++)
        found |= truth[j] == v;
    return found;
}

/* How many of the first k results are true neighbours. */
ANN_INLINE int32_t count_hits(const ann_queue *queue, const int32_t *truth, size_t k)
{
    int32_t hits = 0;
    for (size_t j = 0; j < k; j++)
        hits += is_true(truth, k, result(queue, j));
    return hits;
}

/* Sums of integers, whose order cannot matter; shared: other threads add there, too. */
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
    if (!n_efs || !replay->n_snapshots || replay->n_snapshots > nb + 1)
        return ANN_EINVAL;
#pragma omp parallel num_threads(b.threads)
    {
        size_t thread = (size_t)omp_get_thread_num();
        uint32_t *epoch = replay->epochs + thread;
        int64_t *room = b.queues + thread * b.room;
        const size_t places = b.room - ANN_QUEUE_ROOM + 1;
        whole_query whole;
        episode e = {.space = space, .graph = graph, .keep = keep};
        e.trace = (vertex_trace *)replay->trace + thread * nb;
        e.finds = (find *)replay->finds + thread * (nb + 1);
        e.keys = replay->keys + thread * nb;
        e.found = replay->found + thread * nb;
        e.rows = (struct row *)replay->rows + thread * (nb + 1);
        e.kept = replay->kept + thread * (nb * graph->M0 + 1);
        e.snapshots = replay->snapshots + thread * replay->n_snapshots * places;
        e.n_snapshots = (int32_t)replay->n_snapshots;
#pragma omp for schedule(dynamic, 16)
        for (size_t i = 0; i < b.n; i++) {
            if (*epoch == UINT32_MAX) {
                memset(e.trace, 0, nb * sizeof *e.trace);
                *epoch = 0;
            }
            e.number = ++*epoch;
            e.key = ann_stream(b.key, i);
            e.query = query_of(space, &b, i, thread);
            e.whole = ann_whole(space, e.query, b.offsets, &whole) ? &whole : NULL;
            const int32_t *neighbors = truth + i * b.k;
            drawn[i] = (int32_t)(ann_random(e.key, UINT64_MAX - 1) % n_efs);
            e.ef = (size_t)efs[drawn[i]];
            const size_t cap = e.ef > b.k ? e.ef : b.k;
            traced_search(&e, b.start[i], b.absent[i], room, cap);
            int32_t found = hits[i] = count_hits(&e.queue, neighbors, b.k);
            int32_t spent = ndis[i] = e.ndis;
            for (size_t j = 0; j < b.k; j++) {
                int32_t v = result(&e.queue, j);
                if (!is_true(neighbors, b.k, v))
                    continue;
                for (int32_t f = e.trace[v].find; f >= 0; f = e.finds[f].parent)
                    e.finds[f].hits++;
            }
            for (int32_t j = 1; j < spent; j++) {
                const find *f = e.finds + j;
                if (f->covered)
                    continue;
                int32_t worth = f->hits, spared = 1;
                if (worth && rerun) {
                    repeated_search(&e, j, cap);
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
