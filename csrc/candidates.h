/* Candidates of a search, sorted by (distance, id): the best `cap` evaluated so far, those expanded
 * included. A candidate is one integer that compares as (distance, id) does, its lowest bit set once
 * it is expanded. Where a new one falls cannot be predicted: what can do without a branch does. */
#ifndef ANN_CANDIDATES_H
#define ANN_CANDIDATES_H
#include "kernels.h"

#define NO_KEY (INT64_MAX - 1)
enum { KEYS = 8, STRIDE = 8 * KEYS, LINE = 64 };
_Static_assert(ANN_BEAM_ROOM >= KEYS + LINE / sizeof(int64_t), "a beam's places beyond its candidates");

/* The first place of a room that begins a cache line and has another before it. */
ANN_INLINE int64_t *ann_line(int64_t *room)
{
    return (int64_t *)(((uintptr_t)(room + 1) + LINE - 1) / LINE * LINE);
}

/* What is not a number is infinitely far: the minimum, one instruction, gives its second argument. */
ANN_INLINE int64_t ann_key(float d, int32_t id)
{
    int32_t bits;
    d = d < __builtin_inff() ? d : __builtin_inff();
    d += 0; /* -0 is 0 */
    memcpy(&bits, &d, sizeof bits);
    bits ^= (bits >> 31) & INT32_MAX;
    return (int64_t)((uint64_t)(uint32_t)bits << 32 | (uint32_t)id << 1);
}

ANN_INLINE int32_t ann_key_id(int64_t key)
{
    return (int32_t)((uint32_t)key >> 1);
}

/* The distance of a key: what ann_key does to its bits undoes itself. */
ANN_INLINE float ann_key_distance(int64_t key)
{
    int32_t bits = (int32_t)(key >> 32);
    float d;
    bits ^= (bits >> 31) & INT32_MAX;
    memcpy(&d, &bits, sizeof d);
    return d;
}

/* The n candidates of a beam are ascending, at[-1] is the least integer and eight places behind
 * them hold NO_KEY; next is the first that is not expanded, or n. */
typedef struct {
    int64_t *at;
    size_t n, cap, next;
} ann_beam;

/* An empty beam in room for cap + ANN_BEAM_ROOM integers. */
ANN_INLINE ann_beam ann_beam_in(int64_t *room, size_t cap)
{
    int64_t *at = ann_line(room);
    at[-1] = INT64_MIN;
    for (size_t i = 0; i < KEYS; i++)
        at[i] = NO_KEY;
    return (ann_beam){at, 0, cap, 0};
}

/* near = keys of those of n vertices that a beam takes; returns how many. Most are too far for a
 * full one. */
ANN_INLINE size_t ann_beam_near(const ann_beam *beam, const int32_t *ids, const float *distance,
                                size_t n, int64_t *near)
{
    const int64_t last = beam->n < beam->cap ? NO_KEY : beam->at[beam->cap - 1];
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        near[m] = ann_key(distance[i], ids[i]);
        m += near[m] < last;
    }
    return m;
}

/* How many candidates are less than a key: whole strides first, then the places of the last one. */
ANN_INLINE size_t ann_beam_place(const ann_beam *beam, int64_t key)
{
    size_t first = 0, place;
    int64_t less[KEYS] = {0};
    for (size_t i = STRIDE; i < beam->n; i += STRIDE)
        first += beam->at[i] < key ? STRIDE : 0;
    place = first;
    for (size_t i = first; i < first + STRIDE && i < beam->n; i += KEYS)
        for (size_t j = 0; j < KEYS; j++)
            less[j] += beam->at[i + j] < key;
    for (size_t j = 0; j < KEYS; j++)
        place += (size_t)less[j];
    return place;
}

/* Every place from near the candidate's on takes the middle one of the place before it, its own
 * and the candidate; the last candidate of a full beam falls out. */
ANN_INLINE void ann_beam_insert(ann_beam *beam, int64_t key)
{
    const size_t place = ann_beam_place(beam, key), n = beam->n + (beam->n < beam->cap);
    int64_t *at = beam->at;
    for (size_t i = (n + KEYS - 1) / KEYS * KEYS; i > place; i -= KEYS) {
        int64_t *here = at + i - KEYS, *before = here - 1, moved[KEYS];
        for (size_t j = 0; j < KEYS; j++) {
            int64_t least = here[j] < key ? here[j] : key;
            moved[j] = before[j] > least ? before[j] : least;
        }
        memcpy(here, moved, sizeof moved);
    }
    at[n] = at[n + KEYS - 1] = NO_KEY;
    beam->n = n;
    beam->next = place < beam->next ? place : beam->next;
}

/* The next candidate becomes an expanded one. */
ANN_INLINE void ann_beam_close_next(ann_beam *beam)
{
    beam->at[beam->next]++;
    while (beam->at[beam->next] & 1)
        beam->next++;
}

/* A beam for many insertions into few places, all of which it rewrites at once: NO_KEY fills them
 * from the last candidate on. next: the first not expanded, or the first place without one. */
typedef struct {
    int64_t *at;
    size_t cap, next;
} ann_queue;

/* An empty queue; room: as for a beam of as many candidates. */
ANN_INLINE ann_queue ann_queue_in(int64_t *room, size_t cap)
{
    int64_t *at = ann_line(room);
    at[-1] = INT64_MIN;
    for (size_t i = 0; i < cap + KEYS; i++)
        at[i] = NO_KEY;
    return (ann_queue){at, cap, 0};
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

#endif
