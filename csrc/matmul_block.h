/* Every dense product here: four rows times 32 columns in registers, block by block. */
#ifndef ANN_MATMUL_BLOCK_H
#define ANN_MATMUL_BLOCK_H
#include "kernels.h"

enum { BLOCK_ROWS = 4, BLOCK_COLS = 2 * LANES };

/* out[r][c] = sum_t x[r][t] * w[t * ldw + c] for four rows and 32 columns, t ascending, depth >= 1. */
ANN_INLINE void ann_block(const float *const x[BLOCK_ROWS], const float *w, size_t depth,
                          size_t ldw, float *const out[BLOCK_ROWS])
{
    float acc[BLOCK_ROWS][BLOCK_COLS] = {{0}};
    size_t t = 0;
    do { /* once at least: else gcc writes the zeros to memory, too */
        const float *wt = w + t * ldw;
        for (int r = 0; r < BLOCK_ROWS; r++)
            for (int c = 0; c < BLOCK_COLS; c++)
                acc[r][c] += x[r][t] * wt[c];
    } while (++t < depth);
    for (int r = 0; r < BLOCK_ROWS; r++)
        memcpy(out[r], acc[r], sizeof acc[r]);
}

/* y (held, d_out) = x (held, d) w (d, ldw) for up to four rows, ldw a multiple of 32. */
ANN_INLINE void ann_block_rows(const float *x, const float *w, size_t held, size_t d, size_t d_out,
                               size_t ldw, float *y)
{
    const float *rows[BLOCK_ROWS];
    float edge[BLOCK_ROWS][BLOCK_COLS], *out[BLOCK_ROWS];
    for (size_t r = 0; r < BLOCK_ROWS; r++) /* past the end: the last row again, unused */
        rows[r] = x + (r < held ? r : held - 1) * d;
    for (size_t j = 0; j < d_out; j += BLOCK_COLS) {
        size_t cols = d_out - j < BLOCK_COLS ? d_out - j : BLOCK_COLS;
        for (size_t r = 0; r < BLOCK_ROWS; r++)
            out[r] = cols == BLOCK_COLS && r < held ? y + r * d_out + j : edge[r];
        ann_block(rows, w + j, d, ldw, out);
        for (size_t r = 0; cols < BLOCK_COLS && r < held; r++)
            memcpy(y + r * d_out + j, edge[r], cols * sizeof(float));
    }
}

#endif
