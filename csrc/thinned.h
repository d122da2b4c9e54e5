/* One search on a thinned graph: what an episode holds, and what the searches that record and those
 * that credit have in common. */
#ifndef ANN_THINNED_H
#define ANN_THINNED_H
#include "adc_table.h"
#include "episodes.h"
#include "rng.h"
#include "walk.h"
#include "whole.h"

/* The place of a vertex among the finds of an episode. */
typedef struct {
    int32_t find;
    uint32_t episode; /* only in this one */
} vertex_trace;

/* A vertex whose distance was measured: by the first search of an episode, in the order of that
 * search, the start first, and then by the searches without one of the links. */
typedef struct {
    int32_t id;
    int32_t via;      /* the link that found it, -1 for the start */
    int32_t parent;   /* the find that via comes from */
    int32_t row;      /* which of the rows its kept links are, -1 while they are not known */
    uint16_t hits;    /* true neighbours found through it */
    uint16_t covered; /* would have been found without via */
} find;

/* The kept links of a vertex: finds, from `kept` on to where those of the next row begin. Where the
 * first search expanded it, the state before that: a search without a link begins at one. */
typedef struct row {
    int32_t kept;
    int32_t finds;
    int32_t next; /* of the queue, whose places are a row of snapshots */
} row;

typedef struct {
    const ann_space *space;
    const ann_graph *graph;
    const uint32_t *keep;
    const float *query;
    const whole_query *whole; /* the query in integers, or NULL */
    uint64_t key;
    int32_t ndis, nhops;
    ann_queue queue;
    size_t ef;
    /* to record */
    uint16_t search;
    uint16_t *visited; /* the last search that visited a vertex */
    int32_t *action;
    size_t n_action, room;
    /* to repeat */
    uint32_t number;
    int32_t n_finds, n_rows;
    vertex_trace *trace;
    find *finds;
    int64_t *keys;  /* of the finds, as the queue holds them */
    uint8_t *found; /* whether the present search found them */
    row *rows;
    int32_t *kept;
    int64_t *snapshots; /* (nhops + 1, queue.cap) of the first search, the first n_snapshots */
    int32_t n_snapshots;
} episode;

/* Functions of their own, so that each has the registers to itself. */
#define ANN_PART ANN_CLONES __attribute__((noinline)) static

ANN_PART void measure(const ann_space *space, const float *query, const whole_query *whole,
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

/* Puts keys into the queue. */
ANN_INLINE void enqueue_keys(ann_queue *queue, const int64_t *keys, size_t n)
{
    int64_t near[LINK_CHUNK], least = INT64_MAX;
    const int64_t last = queue->at[queue->cap - 1], next = queue->at[queue->next];
    size_t m = 0;
    for (size_t l = 0; l < n; l++) {
        near[m] = keys[l];
        least = near[m] < least ? near[m] : least;
        m += near[m] < last;
    }
    ann_queue_insert(queue, near, m);
    if (least < next && least < last) /* all that is nearer is expanded */
        queue->next = ann_queue_place(queue, least, queue->next + 1);
}

/* Puts into the queue what has been measured. */
ANN_INLINE void enqueue(episode *e, const int32_t *ids, const float *distance, size_t n)
{
    int64_t keys[LINK_CHUNK];
    for (size_t l = 0; l < n; l++)
        keys[l] = ann_key(distance[l], ids[l]);
    enqueue_keys(&e->queue, keys, n);
    e->ndis += (int32_t)n;
}

/* An empty queue in room, but for the start. */
ANN_INLINE void begin_search(episode *e, int32_t start, int64_t *room, size_t cap)
{
    float distance[4];
    e->queue = ann_queue_in(room, cap);
    e->ndis = e->nhops = 0;
    measure(e->space, e->query, e->whole, &start, 1, distance);
    enqueue(e, &start, distance, 1);
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

/* Marks the next vertex as expanded. */
ANN_INLINE void pop(ann_queue *queue)
{
    queue->at[queue->next]++;
    queue->next = ann_queue_open(queue, queue->next + 1);
}

/* Expands the next vertex. What the one after it needs is brought meanwhile. */
ANN_INLINE void expand(episode *e)
{
    const ann_queue *queue = &e->queue;
    pop(&e->queue);
    e->nhops++;
    if (queue->at[queue->next] != NO_KEY) {
        size_t row = (size_t)ann_key_id(queue->at[queue->next]) * e->graph->M0;
        for (size_t l = row; l < row + e->graph->M0; l += LANES) { /* a cache line of links */
            __builtin_prefetch(e->graph->neighbors + l);
            __builtin_prefetch(e->keep + l);
        }
    }
}

/* The j-th result, or -1. */
ANN_INLINE int32_t result(const ann_queue *queue, size_t j)
{
    return queue->at[j] == NO_KEY ? -1 : ann_key_id(queue->at[j]);
}

/* The query of an episode as its space measures it. */
ANN_INLINE const float *query_of(const ann_space *space, const ann_batch *b, size_t i,
                                 size_t thread)
{
    if (!space->codes)
        return b->x + i * space->d;
    return ann_query_table(space, b->x + i * space->nsq * b->dsub, 0, 1, b->centroids_t, b->dsub,
                           b->tables + thread * ann_tables_size(space));
}

/* Whether the arguments of a call fit each other: checked once, trusted inside. */
ANN_INLINE int is_batch(const ann_space *space, const ann_graph *graph, const ann_batch *b,
                        size_t ef)
{
    return b->threads >= 1 && b->k && b->k <= UINT16_MAX && ef &&
           b->room >= ef + ANN_QUEUE_ROOM && b->room >= b->k + ANN_QUEUE_ROOM && space->nb &&
           space->nb * graph->M0 <= INT32_MAX &&
           (space->codes ? b->centroids_t && b->tables && ann_measures_queries(space, b->dsub)
                         : ann_has_vectors(space));
}

#endif
