/* The inner block of every dense product here: four rows times 32 columns in registers. */
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

#endif
