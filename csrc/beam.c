/* Graph search, parallel over queries. The answer to a query depends on nothing but the query, so
 * it is the same at any number of threads. */
#include "beam.h"

#include <math.h>
#include <omp.h>

#include "adc_table.h"
#include "walk.h"

ANN_CLONES
int ann_search(const ann_space *space, const ann_graph *graph, const float *query,
               const float *centroids_t, size_t nq, size_t dsub, size_t k, size_t efSearch,
               size_t room, int threads, uint8_t *visited, float *tables, int64_t *beams, float *D,
               int32_t *I, int32_t *ndis, int32_t *ndis_upper, int32_t *nhops)
{
    size_t d = space->codes ? space->nsq * dsub : space->d;
    size_t cap = efSearch > k ? efSearch : k;
    cap = cap < space->nb ? cap : space->nb;
    if (threads < 1 || !k || !efSearch || room < cap + ANN_BEAM_ROOM || !space->nb ||
        graph->entry_point < 0 ||
        (space->codes ? !centroids_t || !tables || !ann_measures_queries(space, dsub)
                      : !ann_has_vectors(space)))
        return ANN_EINVAL;
#pragma omp parallel num_threads(threads)
    {
        size_t thread = (size_t)omp_get_thread_num();
        uint8_t *marks = visited + thread * space->nb, epoch = 0;
        float *table = tables + thread * ann_tables_size(space);
#pragma omp for schedule(dynamic, 4)
        for (size_t first = 0; first < nq; first += QUAD)
            for (size_t q = first; q < nq && q < first + QUAD; q++) {
                const float *x = query + q * d;
                if (space->codes)
                    x = ann_query_table(space, x, q - first, nq - q, centroids_t, dsub, table);
                int32_t v = graph->entry_point, hops = 0, level0 = 0, upper = 1;
                float dv = ann_to_query(space, x, v);
                for (int level = graph->max_level; level > 0; level--)
                    upper += ann_descend(space, graph, level, x, &v, &dv);

                ann_beam beam = ann_beam_in(beams + thread * room, cap);
                epoch = ann_next_epoch(marks, space->nb, epoch);
                marks[v] = epoch;
                ann_beam_insert(&beam, ann_key(dv, v));
                ann_beam_search(space, graph, 0, x, efSearch, marks, epoch, &beam, &level0, &hops);

                for (size_t j = 0; j < k; j++) {
                    D[q * k + j] = j < beam.n ? ann_key_distance(beam.at[j]) : INFINITY;
                    I[q * k + j] = j < beam.n ? ann_key_id(beam.at[j]) : -1;
                }
                ndis[q] = level0;
                ndis_upper[q] = upper;
                nhops[q] = hops;
            }
    }
    return ANN_OK;
}
