/* One row of an ADC table: a sub-vector against 256 centroids. */
#ifndef ANN_ADC_TABLE_H
#define ANN_ADC_TABLE_H
#include "kernels.h"

enum { ROW_BLOCK = 4 * LANES };

/* out = distances of x (dsub) and the 64 centroids from c on of centroids_t (dsub, 256), t ascending.
 * Arrays, not vectors of sixteen: where a register holds fewer, gcc keeps such vectors in memory. */
ANN_INLINE void ann_row_block(const float *x, const float *centroids_t, size_t dsub, int ip,
                              size_t c, float out[ROW_BLOCK])
{
    float acc[ROW_BLOCK] = {0};
    for (size_t t = 0; t < dsub; t++) {
        const float *y = centroids_t + t * KSUB + c;
        for (int j = 0; j < ROW_BLOCK; j++) {
            float diff = x[t] - y[j];
            acc[j] += ip ? -x[t] * y[j] : diff * diff;
        }
    }
    memcpy(out, acc, sizeof acc);
}

/* row[c] = distance of x (dsub) and centroid c of centroids_t (dsub, 256). */
ANN_INLINE void ann_table_row(const float *x, const float *centroids_t, size_t dsub, int ip,
                              float *row)
{
    for (size_t c = 0; c < KSUB; c += ROW_BLOCK)
        ann_row_block(x, centroids_t, dsub, ip, c, row + c);
}

ANN_INLINE void ann_table(const float *x, const float *centroids_t, size_t nsq, size_t dsub,
                          int ip, float *table)
{
    for (size_t m = 0; m < nsq; m++)
        ann_table_row(x + m * dsub, centroids_t + m * dsub * KSUB, dsub, ip, table + m * KSUB);
}

enum { QUAD = 4, PANEL = 2 * LANES };

/* out[r] = distances of x[r] (d) and the 32 centroids of a panel (d, step), t ascending. */
ANN_INLINE void ann_panel(const float *const x[QUAD], const float *panel, size_t d, size_t step,
                          int ip, float out[QUAD][PANEL])
{
    float acc[QUAD][PANEL] = {{0}};
    for (size_t t = 0; t < d; t++, panel += step)
        for (int r = 0; r < QUAD; r++)
            for (int j = 0; j < PANEL; j++) {
                float diff = x[r][t] - panel[j];
                acc[r][j] += ip ? -x[r][t] * panel[j] : diff * diff;
            }
    memcpy(out, acc, sizeof acc);
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
            float out[QUAD][PANEL];
            ann_panel(rows, coarse->panels + (h * k + c) * half, half, PANEL, s->ip, out);
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

/* The first of sixteen lanes becomes the least; the others are scratch. */
#define ANN_LOWEST(name, type)                                                                     \
    ANN_INLINE void name(type *x)                                                                  \
    {                                                                                              \
        for (int j = 0; j < 8; j++)                                                                \
            x[j] = x[j + 8] < x[j] ? x[j + 8] : x[j];                                              \
        for (int j = 0; j < 4; j++)                                                                \
            x[j] = x[j + 4] < x[j] ? x[j + 4] : x[j];                                              \
        for (int j = 0; j < 2; j++)                                                                \
            x[j] = x[j + 2] < x[j] ? x[j + 2] : x[j];                                              \
        x[0] = x[1] < x[0] ? x[1] : x[0];                                                          \
    }

ANN_LOWEST(ann_lowest, float)
ANN_LOWEST(ann_lowest_index, int32_t)

/* The first column of the least of k values x, columns a multiple of 16 that x has room for, and that
 * value; 0 where none is less than infinity. Looking twice is faster than to carry an index along:
 * 1.5 times with registers of sixteen floats, 1.9 with eight. */
ANN_INLINE size_t ann_least_of(float *x, size_t k, float *value)
{
    float low[LANES];
    int32_t at[LANES];
    for (; k % LANES; k++)
        x[k] = __builtin_inff();
    for (int j = 0; j < LANES; j++) {
        low[j] = __builtin_inff();
        at[j] = (int32_t)k; /* not found, as with nothing but infinity or NaN */
    }
    for (size_t c = 0; c < k; c += LANES)
#pragma omp simd
        for (int j = 0; j < LANES; j++)
            low[j] = x[c + j] < low[j] ? x[c + j] : low[j];
    ann_lowest(low);
    for (size_t c = k; c > 0; c -= LANES) /* backwards, so that the first stays */
#pragma omp simd
        for (int j = 0; j < LANES; j++)
            at[j] = x[c - LANES + j] == low[0] ? (int32_t)c - LANES + j : at[j];
    ann_lowest_index(at);
    *value = low[0];
    return at[0] < (int32_t)k ? (size_t)at[0] : 0;
}

#endif
