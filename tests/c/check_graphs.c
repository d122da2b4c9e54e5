#include "beam.h"
#include "harness.h"
#include "hnsw.h"

/* Builds a graph of nb vertices vertex by vertex, orders it and searches it. */
void graphs(size_t nb, size_t M0, size_t M, size_t nsq, size_t dsub, int two, int ip, int threads)
{
    size_t d = nsq * dsub, ef = 6, T = (size_t)threads, rows = 0, n_upper = 0;
    int coded = nsq > 0;
    if (!coded)
        d = dsub;
    float *x = floats(nb * d), *centroids_t = coded ? floats(nsq * KSUB * dsub) : NULL;
    const ann_coarse *first = coded && two ? first_level(nb, nsq, dsub, centroids_t) : NULL;
    float *centroids = coded && !first ? floats(nsq * KSUB * dsub) : NULL;
    size_t size = nsq + (first ? first->bytes : 0);
    uint8_t *c = coded ? bytes(nb * size, 9) : NULL; /* few codes: many ties */
    ann_space space = {.codes = c, .centroids = centroids, .coarse = first, .vectors = coded ? NULL : x,
                       .nb = nb, .nsq = nsq, .dsub = dsub, .d = coded ? 0 : d, .ip = ip};

    int32_t *levels = buffer(nb, sizeof *levels), *order = buffer(nb, sizeof *order);
    for (size_t v = 0; v < nb; v++) { /* vertex v is inserted as the v-th */
        levels[v] = v < nb / 9 + 1 ? 2 : v < nb / 3 ? 1 : 0;
        order[v] = (int32_t)v;
        n_upper += levels[v] > 0;
        rows += (size_t)levels[v];
    }
    int32_t *neighbors = buffer(nb * M0, sizeof *neighbors);
    int32_t *upper = buffer(rows * M, sizeof *upper), *vertex = buffer(n_upper, sizeof *vertex);
    int64_t *start = buffer(n_upper + 1, sizeof *start);
    memset(neighbors, 0xFF, nb * M0 * sizeof *neighbors);
    memset(upper, 0xFF, rows * M * sizeof *upper);
    start[0] = 0;
    for (size_t v = 0; v < n_upper; v++) {
        vertex[v] = (int32_t)v;
        start[v + 1] = start[v] + levels[v];
    }
    ann_graph graph = {neighbors, vertex, start, upper, nb, M0, M, n_upper, 0, 2};

    uint8_t *visited = buffer(T * nb, 1), *epochs = buffer(T, 1);
    size_t table = first ? 4 * (nsq * KSUB + ((size_t)2 << first->bits)) : nsq * KSUB;
    float *tables = coded ? blank(T * table) : NULL;
    size_t beam = ef + ANN_BEAM_ROOM;
    int64_t *beams = buffer(T * beam, sizeof *beams);
    size_t most = M0 > M ? M0 : M, groups4 = nsq / 4 + nsq % 4;
    size_t point = !coded ? 0 : first ? nsq * dsub : (groups4 + 3) / 4 * 16 * dsub;
    size_t own = (most > 2 ? most : 2) * point * sizeof(float);
    float *points = apart(threads, own);
    for (size_t t = 0; t < T; t++)
        memset((char *)points + t * (own + ANN_APART), 0, own);
    size_t batch = 1;
    for (size_t done = 1; done < nb; done += batch, batch = 1 + done / 8) {
        if (batch > nb - done)
            batch = nb - done;
        OK(ann_hnsw_link(&space, &graph, x + done * d, centroids_t, order + done, levels + done,
                         batch, dsub, ef, beam, threads, visited, epochs, tables, beams, points));
        for (int level = 0; level <= levels[done]; level++) {
            size_t kept = held_now(), slots = level ? M : M0, groups = 0, n = 0, longest = 1;
            int32_t *target = buffer(nb, sizeof *target);
            int32_t *source = buffer(batch * slots, sizeof *source);
            int64_t *begin = buffer(nb + 1, sizeof *begin);
            begin[0] = 0;
            for (size_t u = 0; u < nb; u++) {
                for (size_t v = done; v < done + batch && levels[v] >= level; v++) {
                    const int32_t *links = level ? upper + (size_t)(start[v] + level - 1) * M
                                                 : neighbors + v * M0;
                    for (size_t j = 0; j < slots && links[j] >= 0; j++)
                        if ((size_t)links[j] == u)
                            source[n++] = (int32_t)v;
                }
                size_t added = n - (size_t)begin[groups];
                if (added) {
                    target[groups++] = (int32_t)u;
                    begin[groups] = (int64_t)n;
                    longest = added > longest ? added : longest;
                }
            }
            OK(ann_hnsw_reverse(&space, &graph, level, target, begin, source, groups, longest,
                                threads, apart(threads, (slots + longest) * 8), points));
            release(kept);
        }
    }
    REFUSED(ann_hnsw_link(&space, &graph, x, centroids_t, order, levels, 1, dsub, ef, beam - 1,
                          threads, visited, epochs, tables, beams, points));
    OK(ann_hnsw_order(&space, &graph, threads, apart(threads, M0 * 8), points));

    static const size_t POINTS[][2] = {{1, 1}, {3, 1}, {2, 7}, {200, 5}};
    size_t nq = 300; /* more than a byte of epochs */
    float *query = floats(nq * d);
    for (size_t p = 0; p < COUNT(POINTS); p++) {
        size_t kept = held_now(), k = POINTS[p][0], room = k > POINTS[p][1] ? k : POINTS[p][1];
        int32_t *I = buffer(nq * k, sizeof *I);
        room = (room < nb ? room : nb) + ANN_BEAM_ROOM;
        memset(visited, 0, T * nb);
        OK(ann_search(&space, &graph, query, centroids_t, nq, dsub, k, POINTS[p][1], room, threads,
                      visited, tables, buffer(T * room, sizeof(int64_t)), blank(nq * k), I,
                      buffer(nq, sizeof(int32_t)), buffer(nq, sizeof(int32_t)),
                      buffer(nq, sizeof(int32_t))));
        REFUSED(ann_search(&space, &graph, query, centroids_t, nq, dsub, k, POINTS[p][1], room - 1,
                           threads, visited, tables, beams, NULL, NULL, NULL, NULL, NULL));
        for (size_t i = 0; i < nq * k; i++)
            require(I[i] >= -1 && I[i] < (int32_t)nb, "results are vertices");
        release(kept);
    }
    REFUSED(ann_search(&space, &graph, query, centroids_t, nq, dsub, 0, 1, beam, threads, visited,
                       tables, beams, NULL, NULL, NULL, NULL, NULL));
    REFUSED(ann_search(&space, &graph, query, centroids_t, nq, dsub, 1, 0, beam, threads, visited,
                       tables, beams, NULL, NULL, NULL, NULL, NULL));
    REFUSED(ann_hnsw_order(&space, &graph, 0, beams, points));
    release(0);
}
