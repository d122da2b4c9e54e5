#include <math.h>

#include "harness.h"
#include "nearest.h"

void neighbours(size_t n, size_t d, int threads)
{
    static const size_t NQ[] = {1, 7, 8, 9}, K[] = {1, 3, 40};
    size_t padded = (d + 7) / 8 * 8, panels = (n + 31) / 32;
    for (size_t i = 0; i < COUNT(NQ); i++)
        for (size_t j = 0; j < 2 * COUNT(K); j++) {
            size_t nq = NQ[i], k = K[j / 2];
            float *query = floats(nq * d), *rows = floats(n * d);
            double *dis = buffer(nq * k, sizeof *dis);
            int32_t *best = buffer(nq * k, sizeof *best), *half = buffer(panels * 32, sizeof *half);
            uint8_t *bytes_of_rows = buffer(panels * padded * 32, 1);
            int8_t *room = buffer((size_t)threads * padded * 8, 1);
            for (size_t t = 0; t < nq * k; t++) {
                dis[t] = INFINITY;
                best[t] = -1;
            }
            OK(ann_nearest(query, rows, doubles(d), 0.01, nq, n, d, k, 5, j % 2, threads,
                           bytes_of_rows, half, room, best, dis));
            require(best[0] >= 5 && dis[0] < INFINITY, "something is nearest");
            REFUSED(ann_nearest(query, rows, NULL, 1, nq, n, d, 0, 5, 0, threads, NULL, NULL, NULL,
                                best, dis));
            REFUSED(ann_nearest(query, rows, NULL, 1, nq, n, 32769, k, 5, 0, threads, NULL, NULL,
                                NULL, best, dis));
            REFUSED(ann_nearest(query, rows, NULL, 1, nq, n, d, k, 5, 0, 0, NULL, NULL, NULL, best,
                                dis));
            release(0);
        }
}
