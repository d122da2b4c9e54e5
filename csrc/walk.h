/* Walking a graph: links of a vertex, greedy descent, beam search on one level.
 *
 * The beam is one array sorted by (distance, id): the best `cap` vertices evaluated so far,
 * expanded ones included. The next vertex to expand is the first that is not, and the search ends
 * when ef vertices are strictly nearer than that one. */
#ifndef ANN_WALK_H
#define ANN_WALK_H
#include "space.h"

typedef struct {
    float distance;
    int32_t id; /* ~id once expanded */
} ann_candidate;

typedef struct {
    ann_candidate *at;
    size_t n, cap, next; /* next: the first candidate not expanded */
} ann_beam;

enum { LINK_CHUNK = 32, LOOK_AHEAD = 8 };

ANN_INLINE int32_t ann_id(ann_candidate c)
{
    return c.id < 0 ? ~c.id : c.id;
}

ANN_INLINE int ann_nearer(float d, int32_t id, ann_candidate c)
{
    return d < c.distance || (d == c.distance && id < ann_id(c));
}

/* The links of v on a level, padded with -1, and how many slots there are. */
ANN_INLINE int32_t *ann_links(const ann_graph *g, int32_t v, int level, size_t *slots)
{
    if (level == 0) {
        *slots = g->M0;
        return g->neighbors + (size_t)v * g->M0;
    }
    size_t lo = 0, hi = g->n_upper; /* v is in upper_vertex: it has this level */
    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if (g->upper_vertex[mid] <= v)
            lo = mid;
        else
            hi = mid;
    }
    *slots = g->M;
    return g->upper_neighbors + (size_t)(g->upper_start[lo] + level - 1) * g->M;
}

ANN_INLINE void ann_beam_insert(ann_beam *beam, float d, int32_t id)
{
    if (beam->n == beam->cap) {
        if (!ann_nearer(d, id, beam->at[beam->n - 1]))
            return;
        beam->n--;
    }
    /* Bisection without branches on data: where a distance falls cannot be predicted. */
    ann_candidate *first = beam->at;
    for (size_t n = beam->n; n > 0; n /= 2) {
        ann_candidate *middle = first + n / 2;
        int right = middle->distance < d;
        first = right ? middle + 1 : first;
        n -= right & !(n & 1); /* what is right of the middle of an even number is one less */
    }
    size_t at = (size_t)(first - beam->at);
    while (at < beam->n && !ann_nearer(d, id, beam->at[at]))
        at++; /* equal distances, smaller ids */
    memmove(beam->at + at + 1, beam->at + at, (beam->n - at) * sizeof *beam->at);
    beam->at[at] = (ann_candidate){d, id};
    beam->n++;
    if (at < beam->next)
        beam->next = at;
}

/* A beam for many insertions into few places. A candidate is one integer that compares as
 * (distance, id) does, its lowest bit set once it is expanded: where it falls cannot be predicted,
 * so that all places are rewritten without a branch. */
typedef struct {
    int64_t *at; /* ascending, NO_KEY from the last candidate on; at[-1] is the least integer */
    size_t cap, next; /* next: the first candidate not expanded, or the first without one */
} ann_queue;

#define NO_KEY (INT64_MAX - 1)
enum { KEYS = 8 };

ANN_INLINE int64_t ann_key(float d, int32_t id)
{
    int32_t bits;
    d += 0; /* -0 is 0 */
    memcpy(&bits, &d, sizeof bits);
    bits ^= (bits >> 31) & INT32_MAX;
    return (int64_t)((uint64_t)(uint32_t)bits << 32 | (uint32_t)id << 1);
}

ANN_INLINE int32_t ann_key_id(int64_t key)
{
    return (int32_t)((uint32_t)key >> 1);
}

/* room: of cap + KEYS + 1 integers. */
ANN_INLINE ann_queue ann_queue_in(int64_t *room, size_t cap)
{
    room[0] = INT64_MIN;
    for (size_t i = 1; i < cap + KEYS + 1; i++)
        room[i] = NO_KEY;
    return (ann_queue){room + 1, cap, 0};
}

typedef int64_t k8 __attribute__((vector_size(64), aligned(8), may_alias));

/* Eight places after an insertion; before: the places one to the left of them. */
ANN_INLINE k8 ann_places(k8 here, k8 before, k8 key)
{
    k8 nearer = here < key;
    here = (here & nearer) | (key & ~nearer);
    k8 shifted = here < before;
    return (before & shifted) | (here & ~shifted);
}

ANN_INLINE void ann_queue_insert(ann_queue *queue, const int64_t *keys, size_t n)
{
    const size_t width = (queue->cap + KEYS - 1) / KEYS * KEYS;
    k8 *at = (k8 *)queue->at;
    if (width <= 2 * KEYS) { /* in registers: a shifted read waits for what was just written */
        const k8 left = {7, 8, 9, 10, 11, 12, 13, 14}, guard = {0, 0, 0, 0, 0, 0, 0, INT64_MIN};
        k8 low = at[0], high = width > KEYS ? at[1] : low;
        for (size_t i = 0; i < n; i++) {
            k8 key = (k8){0} + keys[i];
            high = ann_places(high, __builtin_shuffle(low, high, left), key);
            low = ann_places(low, __builtin_shuffle(guard, low, left), key);
        }
        at[0] = low;
        if (width > KEYS)
            at[1] = high;
        for (size_t i = queue->cap; i <= width; i++)
            queue->at[i] = NO_KEY;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = width; j > 0; j -= KEYS) {
            k8 *here = (k8 *)(queue->at + j - KEYS);
            const k8 *before = (const k8 *)(queue->at + j - KEYS - 1);
            *here = ann_places(*here, *before, (k8){0} + keys[i]);
        }
        queue->at[queue->cap] = NO_KEY;
    }
}

ANN_INLINE size_t ann_queue_open(const ann_queue *queue, size_t i)
{
    while (queue->at[i] & 1)
        i++;
    return i;
}

/* The place of a key among the first n places, of which it is one. */
ANN_INLINE size_t ann_queue_place(const ann_queue *queue, int64_t key, size_t n)
{
    const int64_t *first = queue->at;
    for (; n > 1; n -= n / 2)
        first += first[n / 2 - 1] < key ? n / 2 : 0;
    return (size_t)(first - queue->at);
}

/* Greedy descent from *v, whose distance is *d, on one level: a round scans all links of the vertex
 * that it began with and ends at the nearest, the first of equals; the last round moves nowhere.
 * Returns the distances evaluated. */
ANN_INLINE int32_t ann_descend(const ann_space *s, const ann_graph *g, int level,
                               const float *query, int32_t *v, float *d)
{
    int32_t ndis = 0;
    for (;;) {
        int32_t from = *v;
        size_t slots;
        const int32_t *links = ann_links(g, from, level, &slots);
        for (size_t j = 0; j < slots && links[j] >= 0; j++) {
            float dj = ann_to_query(s, query, links[j]);
            ndis++;
            if (dj < *d) {
                *d = dj;
                *v = links[j];
            }
        }
        if (*v == from)
            return ndis;
    }
}

ANN_INLINE size_t ann_next_open(const ann_beam *beam, size_t i)
{
    while (i < beam->n && beam->at[i].id < 0)
        i++;
    return i;
}

/* While a vertex is expanded, bring what its likely successors need: the vectors of the links of
 * the next candidate, whose list an earlier call brought, and the list of the one after it. */
ANN_INLINE void ann_look_ahead(const ann_space *s, const ann_graph *g, int level,
                               const ann_beam *beam)
{
    if (level > 0 || beam->next >= beam->n)
        return;
    const int32_t *links = g->neighbors + (size_t)beam->at[beam->next].id * g->M0;
    for (size_t j = 0; j < g->M0 && j < LOOK_AHEAD && links[j] >= 0; j++)
        ann_prefetch(s, links[j]);
    size_t after = ann_next_open(beam, beam->next + 1);
    if (after < beam->n)
        __builtin_prefetch(g->neighbors + (size_t)beam->at[after].id * g->M0);
}

/* Puts into the beam what a list of links leads to and was not visited before; returns how many
 * distances that took. */
ANN_INLINE int32_t ann_evaluate_links(const ann_space *s, const int32_t *links, size_t slots,
                                      const float *query, uint8_t *visited, uint8_t epoch,
                                      ann_beam *beam)
{
    int32_t ndis = 0;
    for (size_t j = 0; j < slots && links[j] >= 0; j += LINK_CHUNK) {
        int32_t fresh[LINK_CHUNK];
        size_t n = 0;
        for (size_t l = j; l < slots && l < j + LINK_CHUNK && links[l] >= 0; l++)
            if (visited[links[l]] != epoch) {
                visited[links[l]] = epoch;
                ann_prefetch(s, links[l]);
                fresh[n++] = links[l];
            }
        float distance[LINK_CHUNK];
        ann_to_query_many(s, query, fresh, n, distance);
        for (size_t l = 0; l < n; l++)
            ann_beam_insert(beam, distance[l], fresh[l]);
        ndis += (int32_t)n;
    }
    return ndis;
}

/* Beam search on a level from what the beam holds; visited[v] == epoch marks what was evaluated.
 * Adds to *ndis the distances evaluated and to *nhops the vertices expanded. */
ANN_INLINE void ann_beam_search(const ann_space *s, const ann_graph *g, int level,
                                const float *query, size_t ef, uint8_t *visited, uint8_t epoch,
                                ann_beam *beam, int32_t *ndis, int32_t *nhops)
{
    while (beam->next < beam->n) {
        size_t i = beam->next;
        if (i >= ef && beam->at[ef - 1].distance < beam->at[i].distance)
            return;
        int32_t v = beam->at[i].id;
        beam->at[i].id = ~v;
        beam->next = ann_next_open(beam, i + 1);
        ann_look_ahead(s, g, level, beam);
        ++*nhops;
        size_t slots;
        const int32_t *links = ann_links(g, v, level, &slots);
        *ndis += ann_evaluate_links(s, links, slots, query, visited, epoch, beam);
    }
}

/* A new epoch for one thread's marks; they are wiped when the byte wraps. */
ANN_INLINE uint8_t ann_next_epoch(uint8_t *visited, size_t nb, uint8_t epoch)
{
    if (epoch == UINT8_MAX) {
        memset(visited, 0, nb);
        epoch = 0;
    }
    return (uint8_t)(epoch + 1);
}

#endif
