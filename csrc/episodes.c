/* Recorded episodes, parallel over shares of them. */
#include <omp.h>

#include "thinned.h"

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
    begin_search(e, start, room, e->ef > k ? e->ef : k);
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
            ann_prefetch_many(e->space, fresh, n);
            measure(e->space, e->query, e->whole, fresh, n, distance);
            enqueue(e, fresh, distance, n);
        }
    }
    return 1;
}

ANN_INLINE int64_t share_begin(int64_t first, int64_t n, int64_t share, int64_t shares)
{
    return first + (n - first) * share / shares;
}

ANN_CLONES
int ann_byte_offsets(const ann_space *space, int32_t *offsets)
{
    if (space->d > ANN_WHOLE_D || (!space->vectors_u8 && !space->vectors_i8))
        return ANN_EINVAL;
    for (size_t i = 0; i < space->nb; i++)
        offsets[i] = ann_byte_offset(space, i);
    return ANN_OK;
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
        whole_query whole;
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
            e.whole = ann_whole(space, e.query, b.offsets, &whole) ? &whole : NULL;
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
        if (share) /* the first lies where it is to lie */
            memmove(actions + to, actions + (size_t)share * width, n * sizeof *actions);
        to += n;
    }
    return done;
}
