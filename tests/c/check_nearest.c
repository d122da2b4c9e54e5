#include <math.h>

#include "harness.h"
#include "nearest.h"

void neighbours(size_t n, size_t d, int threads)
{
    static const size_t NQ[] = {1, 7, 8, 9, 33}, K[] = {1, 3, 40};
    size_t padded = (d + 7) / 8 * 8, panels = (n + 31) / 32;
    for (size_t i = 0; i < COUNT(NQ); i++)
        for (size_t j = 0; j < 2 * COUNT(K); j++) {
            size_t nq = NQ[i], k = K[j / 2];
            float *query = floats(nq * d), *rows = floats(n * d);
            double *dis = buffer(nq * k, sizeof *dis);
            int32_t *best = buffer(nq * k, sizeof *best), *half = buffer(panels * 32, sizeof *half);
            uint8_t *bytes_of_rows = buffer(panels * padded * 32, 1);
            int8_t *room = apart(threads, padded * 8);
            double lengths[3];
            for (size_t t = 0; t < nq * k; t++) {
                dis[t] = INFINITY;
                best[t] = -1;
            }
            double *centre = doubles(d);
            OK(ann_panels(rows, centre, 0.01, n, d, j % 2, threads, bytes_of_rows, half, lengths));
            OK(ann_nearest(query, rows, centre, 0.01, bytes_of_rows, half, lengths, nq, n, d, k, 5,
                           j % 2, threads, room, best, dis));
            require(best[0] >= 5 && dis[0] < INFINITY, "something is nearest");
            REFUSED(ann_panels(rows, NULL, 1, n, 32769, 0, threads, NULL, NULL, NULL));
            REFUSED(ann_panels(rows, NULL, 1, n, d, 0, 0, NULL, NULL, NULL));
            REFUSED(ann_nearest(query, rows, NULL, 1, NULL, NULL, NULL, nq, n, d, 0, 5, 0, threads,
                                NULL, best, dis));
            REFUSED(ann_nearest(query, rows, NULL, 1, NULL, NULL, NULL, nq, n, 32769, k, 5, 0,
                                threads, NULL, best, dis));
            REFUSED(ann_nearest(query, rows, NULL, 1, NULL, NULL, NULL, nq, n, d, k, 5, 0, 0, NULL,
                                best, dis));
            release(0);
        }
}
