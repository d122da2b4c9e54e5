/* Episodes on thinned graphs, parallel over episodes. */
#include "episodes.h"

#include <omp.h>

#include "adc_table.h"
#include "rng.h"
#include "walk.h"

/* What an episode knows of a vertex, and the last search that visited it. */
typedef struct {
    float distance;
    int32_t find;     /* its place among the finds of the first search, NOT_FOUND elsewhere */
    uint16_t episode; /* distance and find are those of this episode */
    uint16_t search;
} vertex_trace;

/* A vertex that the first search of an episode found, in order; the start is the first. */
typedef struct {
    int32_t id;
    int32_t via;      /* the link that found it, -1 for the start */
    int32_t parent;   /* the find that via comes from */
    int32_t hop;      /* when it was expanded, -1 if it was not */
    uint16_t hits;    /* true neighbours found through it */
    uint16_t covered; /* would have been found without via */
} find;

/* The first search before an expansion: a search without one of the links starts here. */
typedef struct {
    int32_t next; /* of the queue, whose places are a row of snapshots */
    int32_t finds;
    int32_t kept; /* the kept links of the expanded vertex begin here */
} hop;

typedef struct {
    const ann_space *space;
    const ann_graph *graph;
    const uint32_t *keep;
    const float *query;
    const int16_t *whole; /* the query in integers, or NULL */
    uint64_t key;
    uint16_t episode, search;
    int32_t ndis, nhops;
    ann_queue queue;
    size_t ef;
    /* to record */
    uint16_t *visited; /* the last search that visited a vertex */
    int32_t *action;
    size_t n_action, room;
    /* to repeat */
    vertex_trace *trace;
    find *finds;
    hop *hops;
    int32_t *kept;
    int64_t *snapshots; /* (hops, queue.cap) */
} episode;

enum { NOT_FOUND = INT32_MAX };
_Static_assert(ANN_QUEUE_ROOM == KEYS + 1, "the room of a queue");

/* Functions of their own, so that each has the registers to itself. */
#define ANN_PART ANN_CLONES __attribute__((noinline)) static

ANN_PART void measure(const ann_space *space, const float *query, const int16_t *whole,
                      const int32_t *ids, size_t n, float *distance)
{
    if (whole)
        ann_whole_to_many(space, whole, ids, n, distance);
    else
        ann_to_query_many(space, query, ids, n, distance);
}

/* dropped (n) = which of the links from `link` on the episode drops. */
ANN_PART void draw(const episode *e, size_t link, size_t n, uint32_t *dropped)
{
    const uint32_t *keep = e->keep + link;
    const uint64_t key = e->key;
    for (size_t l = 0; l < n; l++)
        dropped[l] = ann_random(key, link + l) >= keep[l];
}

/* Puts into the queue what has been measured. */
ANN_INLINE void enqueue(episode *e, const int32_t *ids, const float *distance, size_t n)
{
    ann_queue *queue = &e->queue;
    int64_t near[LINK_CHUNK], least = INT64_MAX;
    const int64_t last = queue->at[queue->cap - 1], next = queue->at[queue->next];
    size_t m = 0;
    for (size_t l = 0; l < n; l++) {
        near[m] = ann_key(distance[l], ids[l]);
        least = near[m] < least ? near[m] : least;
        m += near[m] < last;
    }
    ann_queue_insert(queue, near, m);
    if (least < next)
        queue->next = ann_queue_open(queue, 0);
    e->ndis += (int32_t)n;
}

ANN_INLINE void begin_search(episode *e, int32_t start, int64_t *room, size_t k)
{
    float distance;
    e->queue = ann_queue_in(room, e->ef > k ? e->ef : k);
    e->ndis = e->nhops = 0;
    measure(e->space, e->query, e->whole, &start, 1, &distance);
    enqueue(e, &start, &distance, 1);
}

/* The next vertex to expand, or -1 where the search ends. */
ANN_INLINE int32_t next_vertex(const episode *e)
{
    const ann_queue *queue = &e->queue;
    int64_t key = queue->at[queue->next];
    if (key == NO_KEY || (queue->next >= e->ef && queue->at[e->ef - 1] >> 32 < key >> 32))
        return -1;
    return ann_key_id(key);
}

/* Expands the next vertex. What the one after it needs is brought meanwhile. */
ANN_INLINE void expand(episode *e)
{
    ann_queue *queue = &e->queue;
    queue->at[queue->next]++;
    queue->next = ann_queue_open(queue, queue->next + 1);
    e->nhops++;
    if (queue->at[queue->next] != NO_KEY) {
        size_t row = (size_t)ann_key_id(queue->at[queue->next]) * e->graph->M0;
        __builtin_prefetch(e->graph->neighbors + row);
        __builtin_prefetch(e->keep + row);
    }
}

/* Draws the links from `link` on, up to the first slot without one or `slots`, and visits what is
 * kept: fresh (*n_fresh). Writes an action for each whose target was not visited; returns how many.
 * There is no branch on chance or on visits, which cannot be foreseen. */
ANN_PART size_t visit(const episode *e, size_t link, size_t slots, int32_t *action, int32_t *fresh,
                      size_t *n_fresh)
{
    const int32_t *links = e->graph->neighbors + link;
    const uint16_t search = e->search;
    uint16_t *visited = e->visited;
    uint32_t dropped[LINK_CHUNK];
    int32_t *next_action = action, *next_fresh = fresh;
    draw(e, link, slots, dropped);
    for (size_t l = 0; l < slots && links[l] >= 0; l++) {
        const int32_t v = links[l];
        const uint16_t before = visited[v];
        *next_action = (int32_t)(link + l) ^ -(int32_t)dropped[l];
        *next_fresh = v;
        visited[v] = dropped[l] ? before : search;
        next_action += before != search;
        next_fresh += (before != search) & !dropped[l];
    }
    *n_fresh = (size_t)(next_fresh - fresh);
    return (size_t)(next_action - action);
}

/* A search whose actions are written; 0 where they find no room. */
ANN_INLINE int recorded_search(episode *e, int32_t start, int32_t absent, int64_t *room, size_t k)
{
    const size_t M0 = e->graph->M0;
    e->n_action = 0;
    begin_search(e, start, room, k);
    e->visited[start] = e->search;
    if (absent >= 0)
        e->visited[absent] = e->search; /* as if it had been found: it never is */
    for (int32_t u; (u = next_vertex(e)) >= 0;) {
        if (e->n_action + M0 > e->room)
            return 0;
        expand(e);
        for (size_t j = 0; j < M0; j += LINK_CHUNK) {
            int32_t fresh[LINK_CHUNK];
            float distance[LINK_CHUNK];
            size_t n;
            e->n_action += visit(e, (size_t)u * M0 + j, M0 - j < LINK_CHUNK ? M0 - j : LINK_CHUNK,
                                 e->action + e->n_action, fresh, &n);
            for (size_t l = 0; l < n; l++)
                ann_prefetch(e->space, fresh[l]);
            measure(e->space, e->query, e->whole, fresh, n, distance);
            enqueue(e, fresh, distance, n);
        }
    }
    return 1;
}

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

/* The j-th result, or -1. */
ANN_INLINE int32_t result(const ann_queue *queue, size_t j)
{
    return queue->at[j] == NO_KEY ? -1 : ann_key_id(queue->at[j]);
}

ANN_INLINE int32_t count_hits(const ann_queue *queue, const int32_t *truth, size_t k)
{
    int32_t hits = 0;
    for (size_t j = 0; j < k; j++)
        hits += is_true(truth, k, result(queue, j));
    return hits;
}

/* The query of an episode as its space measures it. */
ANN_INLINE const float *query_of(const ann_space *space, const ann_batch *b, size_t i,
                                 size_t thread)
{
    if (!space->codes)
        return b->x + i * space->d;
    float *table = b->tables + thread * space->nsq * KSUB;
    ann_table(b->x + i * space->nsq * b->dsub, b->centroids_t, space->nsq, b->dsub, space->ip,
              table);
    return table;
}

ANN_INLINE int is_batch(const ann_space *space, const ann_graph *graph, const ann_batch *b,
                        size_t ef)
{
    return b->threads >= 1 && b->k && b->k <= UINT16_MAX && ef &&
           b->room >= ef + ANN_QUEUE_ROOM && b->room >= b->k + ANN_QUEUE_ROOM && space->nb &&
           space->nb * graph->M0 <= INT32_MAX &&
           (space->codes ? b->centroids_t && b->tables : ann_has_vectors(space));
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

ANN_INLINE int64_t share_begin(int64_t first, int64_t n, int64_t share, int64_t shares)
{
    return first + (n - first) * share / shares;
}

ANN_CLONES
int64_t ann_episodes(const ann_space *space, const ann_graph *graph, const uint32_t *keep,
                     const ann_batch *batch, size_t efSearch, int64_t first, size_t capacity,
                     int32_t *actions, int32_t *n_actions, int32_t *I, int32_t *ndis,
                     int32_t *nhops)
{
    const ann_batch b = *batch;
    if (!is_batch(space, graph, batch, efSearch) || first < 0)
        return ANN_EINVAL;
    /* Every thread has its share of the episodes and of the room, the shares then move together. */
    int64_t shares = b.threads, done = (int64_t)b.n;
    size_t width = capacity / (size_t)shares;
#pragma omp parallel for num_threads(b.threads) schedule(static, 1) reduction(min : done)
    for (int64_t share = 0; share < shares; share++) {
        size_t thread = (size_t)omp_get_thread_num(), used = 0;
        int64_t *room = b.queues + thread * b.room;
        int16_t whole[WHOLE_D];
        episode e = {.space = space, .graph = graph, .keep = keep, .ef = efSearch};
        e.visited = b.visited + thread * space->nb;
        int64_t end = share_begin(first, (int64_t)b.n, share + 1, shares);
        for (int64_t i = share_begin(first, (int64_t)b.n, share, shares); i < end; i++) {
            if (b.epochs[thread] == UINT16_MAX) {
                memset(e.visited, 0, space->nb * sizeof *e.visited);
                b.epochs[thread] = 0;
            }
            e.search = ++b.epochs[thread];
            e.key = ann_stream(b.key, (uint64_t)i);
            e.query = query_of(space, &b, (size_t)i, thread);
            e.whole = ann_whole(space, e.query, whole) ? whole : NULL;
            e.action = actions + (size_t)share * width + used;
            e.room = width - used;
            if (!recorded_search(&e, b.start[i], b.absent[i], room, b.k)) {
                done = i < done ? i : done;
                break;
            }
            used += e.n_action;
            n_actions[i] = (int32_t)e.n_action;
            for (size_t j = 0; j < b.k; j++)
                I[(size_t)i * b.k + j] = result(&e.queue, j);
            ndis[i] = e.ndis;
            nhops[i] = e.nhops;
        }
    }
    size_t to = 0;
    for (int64_t share = 0; share < shares; share++) {
        size_t n = 0;
        int64_t end = share_begin(first, (int64_t)b.n, share + 1, shares);
        for (int64_t i = share_begin(first, (int64_t)b.n, share, shares); i < end && i < done; i++)
            n += (size_t)n_actions[i];
        memmove(actions + to, actions + (size_t)share * width, n * sizeof *actions);
        to += n;
    }
    return done;
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
