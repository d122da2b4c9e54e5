/* Exact neighbours by brute force. */
#ifndef ANN_NEAREST_H
#define ANN_NEAREST_H
#include "types.h"

enum { ANN_MOST_DIMENSIONS = 32768 };

/* Rows (n, d) as ann_nearest bounds their distances: panels (ceil(n / 32), padded, 32) with padded = d
 * rounded up to a multiple of 8, half (ceil(n / 32), 32), lengths (3). d <= ANN_MOST_DIMENSIONS.
 *
 * centre (d) and step > 0 are the grid on which they are bounded: rows within centre - 128 step ..
 * centre + 127 step are told from each other best, and where all vectors lie on it the bounds are
 * exact. The nearest do not depend on it. */
int ann_panels(const float *rows, const double *centre, double step, size_t n, size_t d, int ip,
               int threads, uint8_t *panels, int32_t *half, double *lengths);

/* Offers rows first .. first + n - 1 to the k nearest of every query: query (nq, d), rows (n, d), and
 * what ann_panels made of them; ids, dis (nq, k) by (distance, id), -1 and infinity where there is none
 * yet. Distances are those of ann_pair_distances.
 * Scratch: queries (threads, padded, 8), apart. */
int ann_nearest(const float *query, const float *rows, const double *centre, double step,
                const uint8_t *panels, const int32_t *half, const double *lengths, size_t nq,
                size_t n, size_t d, size_t k, int32_t first, int ip, int threads, int8_t *queries,
                int32_t *ids, double *dis);

#endif
