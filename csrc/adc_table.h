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

enum { QUAD = 4, PANEL = 2 * LANES };

/* out[r] = distances of x[r] (d) and the 32 centroids of a panel (d, 32), t ascending. */
ANN_INLINE void ann_panel(const float *const x[QUAD], const float *panel, size_t d, int ip,
                          v16 out[QUAD][2])
{
    for (int r = 0; r < QUAD; r++)
        out[r][0] = out[r][1] = (v16){0};
    for (size_t t = 0; t < d; t++, panel += PANEL)
        for (int r = 0; r < QUAD; r++)
            for (int j = 0; j < 2; j++) {
                v16 y = *(const v16 *)(panel + j * LANES), diff = x[r][t] - y;
                if (ip)
                    out[r][j] -= x[r][t] * y;
                else
                    out[r][j] += diff * diff;
            }
}

/* How many floats the tables of a query have: nsq * 256, and the 2 * 2^bits of a first level. */
ANN_INLINE size_t ann_table_size(const ann_space *s)
{
    return s->nsq * KSUB + (s->coarse ? (size_t)2 << s->coarse->bits : 0);
}

/* The first levels of the tables of n <= 4 queries x (n, d), which are (n, ann_table_size). */
ANN_INLINE void ann_coarse_tables(const ann_space *s, const float *x, size_t n, float *tables)
{
    const ann_coarse *coarse = s->coarse;
    const size_t half = s->nsq * coarse->dsub / 2, k = (size_t)1 << coarse->bits;
    for (size_t h = 0; h < 2; h++) {
        const float *rows[QUAD];
        for (size_t r = 0; r < QUAD; r++) /* past the end: the last row again, unused */
            rows[r] = x + (2 * (r < n ? r : n - 1) + h) * half;
        for (size_t c = 0; c < k; c += PANEL) {
            v16 out[QUAD][2];
            ann_panel(rows, coarse->panels + (h * k + c) * half, half, s->ip, out);
            for (size_t r = 0; r < n; r++)
                memcpy(tables + r * ann_table_size(s) + s->nsq * KSUB + h * k + c, out[r],
                       sizeof out[r]);
        }
    }
}

/* How many floats a thread needs for ann_query_table. */
ANN_INLINE size_t ann_tables_size(const ann_space *s)
{
    return s->coarse ? QUAD * ann_table_size(s) : s->nsq * KSUB;
}

/* The table of a query x on codes, the at-th of four that follow each other; `left` are left with
 * it. A first level is large: one pass over its centroids serves the four. With one, q and the
 * residual r enter a squared distance by -2 q.r: centroids_t are then passed doubled. */
ANN_INLINE const float *ann_query_table(const ann_space *s, const float *x, size_t at, size_t left,
                                        const float *centroids_t, size_t dsub, float *tables)
{
    if (s->coarse) {
        if (at == 0)
            ann_coarse_tables(s, x, left < QUAD ? left : QUAD, tables);
        tables += at * ann_table_size(s);
    }
    ann_table(x, centroids_t, s->nsq, dsub, s->ip || s->coarse, tables);
    return tables;
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
