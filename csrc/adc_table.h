/* One row of an ADC table: a sub-vector against 256 centroids. */
#ifndef ANN_ADC_TABLE_H
#define ANN_ADC_TABLE_H
#include "kernels.h"

#define FIRST_LANES {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

enum { ROW_BLOCK = 4 };

/* out[b] = distances of x (dsub) and the 64 centroids from c on of centroids_t (dsub, 256), t
 * ascending. */
ANN_INLINE void ann_row_block(const float *x, const float *centroids_t, size_t dsub, int ip,
                              size_t c, v16 out[ROW_BLOCK])
{
    for (int b = 0; b < ROW_BLOCK; b++)
        out[b] = (v16){0};
    for (size_t t = 0; t < dsub; t++) {
        for (int b = 0; b < ROW_BLOCK; b++) {
            v16 y = *(const v16 *)(centroids_t + t * KSUB + c + b * LANES);
            if (ip) {
                out[b] -= x[t] * y;
            } else {
                v16 diff = x[t] - y;
                out[b] += diff * diff;
            }
        }
    }
}

/* row[c] = distance of x (dsub) and centroid c of centroids_t (dsub, 256). */
ANN_INLINE void ann_table_row(const float *x, const float *centroids_t, size_t dsub, int ip,
                              float *row)
{
    for (size_t c = 0; c < KSUB; c += ROW_BLOCK * LANES) {
        v16 acc[ROW_BLOCK];
        ann_row_block(x, centroids_t, dsub, ip, c, acc);
        for (int b = 0; b < ROW_BLOCK; b++)
            *(v16 *)(row + c + b * LANES) = acc[b];
    }
}

ANN_INLINE void ann_table(const float *x, const float *centroids_t, size_t nsq, size_t dsub,
                          int ip, float *table)
{
    for (size_t m = 0; m < nsq; m++)
        ann_table_row(x + m * dsub, centroids_t + m * dsub * KSUB, dsub, ip, table + m * KSUB);
}

/* The least of sixteen lanes' (value, index) pairs, the smaller index where values tie. */
ANN_INLINE size_t ann_least_lane(v16 values, i16 indices, float *least)
{
    float best[LANES];
    int32_t at[LANES];
    memcpy(best, &values, sizeof best);
    memcpy(at, &indices, sizeof at);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++) {
            int other = (best[j + half] < best[j]) |
                        ((best[j + half] == best[j]) & (at[j + half] < at[j]));
            best[j] = other ? best[j + half] : best[j];
            at[j] = other ? at[j + half] : at[j];
        }
    *least = best[0];
    return (size_t)at[0];
}

/* Take the lanes of x that are less than those of *least, with their indices. */
ANN_INLINE void ann_take_less(v16 x, i16 lane, v16 *least, i16 *index)
{
    i16 less = x < *least;
    *index = (lane & less) | (*index & ~less);
    *least = (v16)(((i16)x & less) | ((i16)*least & ~less));
}

/* The centroid of centroids_t (dsub, 256) nearest to x (dsub), the smaller index where they tie. */
ANN_INLINE size_t ann_nearest(const float *x, const float *centroids_t, size_t dsub)
{
    i16 lane = FIRST_LANES, index = lane;
    v16 best = (v16){0} + __builtin_inff();
    for (size_t c = 0; c < KSUB; c += ROW_BLOCK * LANES) {
        v16 acc[ROW_BLOCK];
        ann_row_block(x, centroids_t, dsub, 0, c, acc);
        for (int b = 0; b < ROW_BLOCK; b++, lane += LANES)
            ann_take_less(acc[b], lane, &best, &index);
    }
    float least;
    return ann_least_lane(best, index, &least);
}

#endif
