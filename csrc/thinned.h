/* One search on a thinned graph: what an episode holds, and what the searches that record and those
 * that credit have in common. */
#ifndef ANN_THINNED_H
#define ANN_THINNED_H
#include "adc_table.h"
#include "episodes.h"
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

ANN_INLINE int is_batch(const ann_space *space, const ann_graph *graph, const ann_batch *b,
                        size_t ef)
{
    return b->threads >= 1 && b->k && b->k <= UINT16_MAX && ef &&
           b->room >= ef + ANN_BEAM_ROOM && b->room >= b->k + ANN_BEAM_ROOM && space->nb &&
           space->nb * graph->M0 <= INT32_MAX &&
           (space->codes ? b->centroids_t && b->tables && ann_measures_queries(space, b->dsub)
                         : ann_has_vectors(space));
}

#endif
