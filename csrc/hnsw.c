/* HNSW construction: forward links, reverse links, order of links. */
#include "hnsw.h"

#include <omp.h>

#include "adc_table.h"
#include "select.h"

/* How many bytes the points of a thread have. */
ANN_INLINE size_t points_size(const ann_space *space, const ann_graph *graph)
{
    size_t slots = graph->M0 > graph->M ? graph->M0 : graph->M;
    return (slots > 2 ? slots : 2) * ann_point_size(space) * sizeof(float);
}

ANN_CLONES
int ann_hnsw_link(const ann_space *space, ann_graph *graph, const float *x,
                  const float *centroids_t, const int32_t *batch, const int32_t *levels, size_t n,
                  size_t dsub, size_t efConstruction, size_t room, int threads,
                  uint8_t *visited, uint8_t *epochs, float *tables, int64_t *beams, float *points)
{
    if (threads < 1 || !efConstruction || room < efConstruction + ANN_BEAM_ROOM ||
        graph->entry_point < 0 ||
        (space->codes ? !centroids_t || !tables || !ann_measures_codes(space) ||
                            !ann_measures_queries(space, dsub)
                      : !ann_has_vectors(space)))
        return ANN_EINVAL;
    for (size_t i = 0; i < n; i++)
        if (levels[i] > graph->max_level || (i && levels[i] > levels[i - 1]))
            return ANN_EINVAL;
    size_t d = space->codes ? space->nsq * dsub : space->d;
#pragma omp parallel num_threads(threads)
    {
        size_t thread = (size_t)omp_get_thread_num();
        uint8_t *marks = visited + thread * space->nb, epoch = epochs[thread];
        float *table = tables + thread * ann_tables_size(space);
        float *kept = ann_own(points, points_size(space, graph));
#pragma omp for schedule(dynamic, 1)
        for (size_t first = 0; first < n; first += QUAD)
            for (size_t i = first; i < n && i < first + QUAD; i++) {
                const float *query = x + i * d;
                if (space->codes)
                    query = ann_query_table(space, query, i - first, n - i, centroids_t, dsub, table);
                int32_t v = graph->entry_point, ndis = 0, nhops = 0;
                float dv = ann_to_query(space, query, v);
                for (int level = graph->max_level; level >= 0; level--) {
                    if (level > levels[i]) {
                        ann_descend(space, graph, level, query, &v, &dv);
                        continue;
                    }
                    ann_beam beam = ann_beam_in(beams + thread * room, efConstruction);
                    epoch = ann_next_epoch(marks, space->nb, epoch);
                    marks[v] = epoch;
                    ann_beam_insert(&beam, ann_key(dv, v));
                    ann_beam_search(space, graph, level, query, efConstruction, marks, epoch, &beam,
                                    &ndis, &nhops);
                    v = ann_key_id(beam.at[0]); /* the next level starts from the best of this one */
                    dv = ann_key_distance(beam.at[0]);
                    for (size_t j = 0; j < i; j += LINK_CHUNK) {
                        float distance[LINK_CHUNK];
                        int64_t near[LINK_CHUNK];
                        size_t m = i - j < LINK_CHUNK ? i - j : LINK_CHUNK;
                        ann_to_query_many(space, query, batch + j, m, distance);
                        m = ann_beam_near(&beam, batch + j, distance, m, near);
                        for (size_t l = 0; l < m; l++)
                            ann_beam_insert(&beam, near[l]);
                    }
                    size_t slots;
                    int32_t *links = ann_links(graph, batch[i], level, &slots);
                    size_t found = ann_distinct(beam.at, beam.n, batch[i]);
                    ann_select(space, beam.at, found, 1, links, slots, kept);
                }
            }
        epochs[thread] = epoch;
    }
    return ANN_OK;
}

ANN_CLONES
int ann_hnsw_reverse(const ann_space *space, ann_graph *graph, int level, const int32_t *target,
                     const int64_t *start, const int32_t *source, size_t n_groups,
                     size_t longest, int threads, int64_t *room, float *points)
{
    size_t width = longest + (level ? graph->M : graph->M0);
    if (threads < 1 || (space->codes && !ann_measures_codes(space)))
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 16)
    for (size_t g = 0; g < n_groups; g++) {
        size_t slots;
        int32_t *links = ann_links(graph, target[g], level, &slots);
        ann_gain(space, target[g], links, slots, source + start[g],
                 (size_t)(start[g + 1] - start[g]), 1, ann_own(room, width * sizeof *room),
                 ann_own(points, points_size(space, graph)));
    }
    return ANN_OK;
}

ANN_CLONES
int ann_hnsw_order(const ann_space *space, ann_graph *graph, int threads, int64_t *room,
                   float *points)
{
    if (threads < 1 || (space->codes && !ann_measures_codes(space)))
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t v = 0; v < graph->nb; v++)
        ann_order(space, (int32_t)v, graph->neighbors + v * graph->M0, graph->M0,
                  ann_own(room, graph->M0 * sizeof *room),
                  ann_own(points, points_size(space, graph)));
    return ANN_OK;
}
