/* Walking a graph: links of a vertex, greedy descent, beam search on one level.
 *
 * The next vertex to expand is the first of the beam that is not, and the search ends when ef
 * vertices are strictly nearer than that one. */
#ifndef ANN_WALK_H
#define ANN_WALK_H
#include "candidates.h"
#include "space.h"

enum { LINK_CHUNK = 32, LOOK_AHEAD = 8 };

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

/* Brings the vectors of the links of the next candidate, whose list came when it was found. */
ANN_INLINE void ann_look_ahead(const ann_space *s, const ann_graph *g, int level,
                               const ann_beam *beam)
{
    if (level > 0 || beam->at[beam->next] == NO_KEY)
        return;
    const int32_t *links = g->neighbors + (size_t)ann_key_id(beam->at[beam->next]) * g->M0;
    for (size_t j = 0; j < g->M0 && j < LOOK_AHEAD && links[j] >= 0; j++)
        ann_prefetch(s, links[j]);
}

/* Puts into the beam what the links of v lead to and was not visited before; returns how many
 * distances that took. */
ANN_INLINE int32_t ann_expand(const ann_space *s, const ann_graph *g, int level, int32_t v,
                              const float *query, uint8_t *visited, uint8_t epoch, ann_beam *beam)
{
    int32_t ndis = 0;
    size_t slots;
    const int32_t *links = ann_links(g, v, level, &slots);
    for (size_t j = 0; j < slots && links[j] >= 0; j += LINK_CHUNK) {
        int32_t fresh[LINK_CHUNK];
        float distance[LINK_CHUNK];
        int64_t near[LINK_CHUNK];
        size_t n = 0;
        for (size_t l = j; l < slots && l < j + LINK_CHUNK && links[l] >= 0; l++) {
            fresh[n] = links[l];
            n += visited[links[l]] != epoch;
            visited[links[l]] = epoch;
            ann_prefetch(s, links[l]);
        }
        ann_to_query_many(s, query, fresh, n, distance);
        ndis += (int32_t)n;
        n = ann_beam_near(beam, fresh, distance, n, near);
        for (size_t l = 0; l < n; l++) {
            if (level == 0)
                __builtin_prefetch(g->neighbors + (size_t)ann_key_id(near[l]) * g->M0);
            ann_beam_insert(beam, near[l]);
        }
    }
    return ndis;
}

/* Beam search on a level from what the beam holds; visited[v] == epoch marks what was evaluated.
 * Adds to *ndis the distances evaluated and to *nhops the vertices expanded. */
ANN_INLINE void ann_beam_search(const ann_space *s, const ann_graph *g, int level,
                                const float *query, size_t ef, uint8_t *visited, uint8_t epoch,
                                ann_beam *beam, int32_t *ndis, int32_t *nhops)
{
    for (int64_t key; (key = beam->at[beam->next]) != NO_KEY;) {
        if (beam->next >= ef && beam->at[ef - 1] >> 32 < key >> 32)
            return;
        ann_beam_close_next(beam);
        ann_look_ahead(s, g, level, beam);
        ++*nhops;
        *ndis += ann_expand(s, g, level, ann_key_id(key), query, visited, epoch, beam);
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
