/* Vamana and NSG construction: forward links, reverse links, order of links. */
#include "vamana.h"

#include <omp.h>

#include "select.h"

/* Beam search that records what it expands: a beam of ef forgets what nearer vertices push out,
 * and those on the way from the entry point are the candidates for long links. */
ANN_INLINE void trace(const ann_space *s, const ann_graph *g, const float *query, uint8_t *visited,
                      uint8_t epoch, ann_beam *beam, ann_beam *expanded)
{
    for (int64_t key; (key = beam->at[beam->next]) != NO_KEY;) {
        ann_beam_insert(expanded, key);
        ann_beam_close_next(beam);
        ann_look_ahead(s, g, 0, beam);
        ann_expand(s, g, 0, ann_key_id(key), query, visited, epoch, beam);
    }
}

ANN_INLINE int64_t key_of(const ann_space *s, const float *query, int32_t v)
{
    return ann_key(ann_to_query(s, query, v), v);
}

ANN_CLONES
int ann_vamana_link(const ann_space *space, const ann_graph *graph, const int32_t *batch, size_t n,
                    size_t R, int among, size_t efConstruction, size_t room, float alpha,
                    int threads, uint8_t *visited, uint8_t *epochs, int64_t *beams, int64_t *pools,
                    int32_t *links)
{
    if (threads < 1 || !efConstruction || room < efConstruction + ANN_BEAM_ROOM || !R ||
        graph->entry_point < 0 || !space->vectors || space->ip || !(alpha >= 1))
        return ANN_EINVAL;
    size_t width = space->nb + graph->M0 + n;
#pragma omp parallel num_threads(threads)
    {
        size_t thread = (size_t)omp_get_thread_num();
        uint8_t *marks = visited + thread * space->nb, epoch = epochs[thread];
#pragma omp for schedule(dynamic, 4)
        for (size_t i = 0; i < n; i++) {
            const float *query = space->vectors + (size_t)batch[i] * space->d;
            const int32_t *own = graph->neighbors + (size_t)batch[i] * graph->M0;
            ann_beam beam = ann_beam_in(beams + thread * room, efConstruction);
            ann_beam pool = ann_beam_in(pools + thread * (width + ANN_BEAM_ROOM), width);
            epoch = ann_next_epoch(marks, space->nb, epoch);
            marks[graph->entry_point] = epoch;
            ann_beam_insert(&beam, key_of(space, query, graph->entry_point));
            trace(space, graph, query, marks, epoch, &beam, &pool);
            for (size_t j = 0; j < graph->M0 && own[j] >= 0; j++)
                ann_beam_insert(&pool, key_of(space, query, own[j]));
            for (size_t j = 0; among && j < i; j++)
                ann_beam_insert(&pool, key_of(space, query, batch[j]));
            pool.n = ann_distinct(pool.at, pool.n, batch[i]);
            ann_select(space, pool.at, pool.n, alpha, links + i * R, R, NULL);
        }
        epochs[thread] = epoch;
    }
    return ANN_OK;
}

ANN_CLONES
int ann_vamana_reverse(const ann_space *space, ann_graph *graph, const int32_t *target,
                       const int64_t *start, const int32_t *source, size_t n_groups,
                       size_t longest, float alpha, int threads, int64_t *room)
{
    size_t width = graph->M0 + longest;
    if (threads < 1 || !space->vectors || space->ip || !(alpha >= 1))
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 16)
    for (size_t g = 0; g < n_groups; g++) {
        int64_t *keys = ann_own(room, width * sizeof *room);
        ann_gain(space, target[g], graph->neighbors + (size_t)target[g] * graph->M0, graph->M0,
                 source + start[g], (size_t)(start[g + 1] - start[g]), alpha, keys, NULL);
    }
    return ANN_OK;
}

ANN_CLONES
int ann_vamana_order(const ann_space *space, ann_graph *graph, int threads, int64_t *room)
{
    if (threads < 1 || !space->vectors || space->ip)
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t v = 0; v < graph->nb; v++)
        ann_order(space, (int32_t)v, graph->neighbors + v * graph->M0, graph->M0,
                  ann_own(room, graph->M0 * sizeof *room), NULL);
    return ANN_OK;
}
