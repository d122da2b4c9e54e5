/* Rows of vectors, of floats or bytes: their distances to a vector and to each other. */
#ifndef ANN_ROW_H
#define ANN_ROW_H
#include "kernels.h"

/* How a row of vectors is stored: sixteen values from `at` on, as floats. */
enum { ROW_FLOAT, ROW_U8, ROW_I8 };

ANN_INLINE v16 ann_lanes(int row, const void *x, size_t at)
{
    if (row == ROW_FLOAT)
        return *(const v16 *)((const float *)x + at);
    int32_t wide[LANES]; /* gcc widens this loop with one instruction, bytes to floats with many */
    for (size_t j = 0; j < LANES; j++)
        wide[j] = row == ROW_U8 ? ((const uint8_t *)x)[at + j] : ((const int8_t *)x)[at + j];
    return __builtin_convertvector(*(const i16 *)wide, v16);
}

/* The same where fewer than sixteen are left: the other lanes are 0 and add nothing. */
ANN_INLINE v16 ann_last_lanes(int row, const void *x, size_t at, size_t n)
{
    float lanes[LANES] = {0};
    for (size_t j = 0; j < n; j++)
        lanes[j] = row == ROW_FLOAT ? ((const float *)x)[at + j]
                 : row == ROW_U8 ? (float)((const uint8_t *)x)[at + j]
                                 : (float)((const int8_t *)x)[at + j];
    return *(v16 *)lanes;
}

/* The lanes with one more square of a difference, or less one more product. */
ANN_INLINE v16 ann_accumulate(v16 acc, v16 x, v16 y, int ip)
{
    if (ip)
        return acc - x * y;
    v16 diff = x - y;
    return acc + diff * diff;
}

/* The tree of ann_tree for four sums at once. */
ANN_INLINE void ann_tree4(const v16 acc[4], float *out)
{
    float s[4][4];
    for (int i = 0; i < 4; i++) {
        v8 low, high;
        memcpy(&low, &acc[i], sizeof low);
        memcpy(&high, (const char *)&acc[i] + sizeof low, sizeof high);
        low += high;
        v4 a, b;
        memcpy(&a, &low, sizeof a);
        memcpy(&b, (const char *)&low + sizeof a, sizeof b);
        a += b;
        memcpy(s[i], &a, sizeof a);
    }
    for (int i = 0; i < 4; i++)
        out[i] = (s[i][0] + s[i][2]) + (s[i][1] + s[i][3]);
}

/* Distances from x, of floats, to four rows. */
ANN_INLINE void ann_four_distances(int row, const float *x, const void *const y[4], size_t d,
                                   int ip, float *out)
{
    v16 acc[4] = {{0}, {0}, {0}, {0}};
    size_t t = 0;
    for (; t + LANES <= d; t += LANES) {
        v16 lanes = *(const v16 *)(x + t);
        for (int i = 0; i < 4; i++)
            acc[i] = ann_accumulate(acc[i], lanes, ann_lanes(row, y[i], t), ip);
    }
    if (t < d) {
        v16 lanes = ann_last_lanes(ROW_FLOAT, x, t, d - t);
        for (int i = 0; i < 4; i++)
            acc[i] = ann_accumulate(acc[i], lanes, ann_last_lanes(row, y[i], t, d - t), ip);
    }
    ann_tree4(acc, out);
}

/* Distance between two rows, stored as `a` and `b` say. */
ANN_INLINE float ann_row_distance(int a, const void *x, int b, const void *y, size_t d, int ip)
{
    v16 acc = {0};
    size_t t = 0;
    for (; t + LANES <= d; t += LANES)
        acc = ann_accumulate(acc, ann_lanes(a, x, t), ann_lanes(b, y, t), ip);
    if (t < d)
        acc = ann_accumulate(acc, ann_last_lanes(a, x, t, d - t), ann_last_lanes(b, y, t, d - t),
                             ip);
    return ann_tree((const float *)&acc);
}

#endif
