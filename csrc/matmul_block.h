/* The inner block of every dense product here: four rows times 32 columns in registers. */
#ifndef ANN_MATMUL_BLOCK_H
#define ANN_MATMUL_BLOCK_H
#include "kernels.h"

enum { BLOCK_ROWS = 4, BLOCK_COLS = 2 * LANES };

/* out[r, c] = sum_t x[r][t] * w[t * ldw + c] for four rows and 32 columns, t ascending. */
ANN_INLINE void ann_block(const float *const x[BLOCK_ROWS], const float *w, size_t depth,
                          size_t ldw, float out[BLOCK_ROWS][BLOCK_COLS])
{
    v16 acc[BLOCK_ROWS][2] = {{{0}}};
    for (size_t t = 0; t < depth; t++) {
        v16 w0 = *(const v16 *)(w + t * ldw), w1 = *(const v16 *)(w + t * ldw + LANES);
        for (int r = 0; r < BLOCK_ROWS; r++) {
            acc[r][0] += x[r][t] * w0;
            acc[r][1] += x[r][t] * w1;
        }
    }
    for (int r = 0; r < BLOCK_ROWS; r++) {
        *(v16 *)out[r] = acc[r][0];
        *(v16 *)(out[r] + LANES) = acc[r][1];
    }
}

#endif
