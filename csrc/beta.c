/* Regression from neighbours: moments, assignment, sums per codeword. */
#include "beta.h"

#include <omp.h>

#include "adc_table.h"
#include "kernels.h"
#include "matmul_block.h"
#include "moments.h"

_Static_assert((int)ANN_MOMENT_ROWS == (int)LANES, "a vertex a lane");
_Static_assert(ANN_TILE_ROWS % LANES == 0, "whole blocks");

size_t ann_beta_n_moments(size_t m1)
{
    return m1 * (m1 + 1) / 2 + m1 + 1;
}

/* codes[r * stride] = the column of least value of x[r] . w for up to four rows x (held, depth), and
 * least[r] more by that value. */
ANN_INLINE void least_of_four(const float *x, const float *w, size_t held, size_t depth, size_t k,
                              size_t ldw, size_t stride, uint8_t *codes, double *least)
{
    float values[BLOCK_ROWS * KSUB], found;
    const size_t columns = (k + BLOCK_COLS - 1) / BLOCK_COLS * BLOCK_COLS;
    ann_block_rows(x, w, held, depth, columns, ldw, values);
    for (size_t r = 0; r < held; r++) {
        codes[r * stride] = (uint8_t)ann_least_of(values + r * columns, k, &found);
        least[r] += found;
    }
}

/* n values of x from the one at `at` on, as floats: where they are, or in out. */
ANN_INLINE const float *as_floats(const void *x, int stored, size_t at, size_t n, float *out)
{
    if (stored == ANN_FLOAT32)
        return (const float *)x + at;
    for (size_t t = 0; t < n && stored == ANN_UINT8; t++)
        out[t] = ((const uint8_t *)x)[at + t];
    for (size_t t = 0; t < n && stored == ANN_INT8; t++)
        out[t] = ((const int8_t *)x)[at + t];
    return out;
}

ANN_INLINE int are_columns(size_t k, size_t ldw)
{
    return k >= 1 && k <= KSUB && ldw % BLOCK_COLS == 0 && ldw >= k;
}

ANN_CLONES
int ann_beta_moments(const void *x, int stored, const float *rotation, const uint8_t *codes,
                     const int32_t *neighbors, const float *centroids, const ann_coarse *coarse,
                     const float *w, size_t first, size_t n, size_t nb, size_t d, size_t ldr,
                     size_t nsq, size_t dsub, size_t m1, size_t parts, size_t k, size_t ldw,
                     int threads, float *room, float *moments, uint8_t *beta_codes, double *least)
{
    const linked v = {codes, neighbors, centroids, coarse, nsq, dsub, m1, parts};
    const size_t d_out = nsq * dsub;
    if (threads < 1 || first + n > nb || !is_linked(&v) || d < 1 ||
        (stored != ANN_FLOAT32 && stored != ANN_UINT8 && stored != ANN_INT8) ||
        (rotation ? ldr % BLOCK_COLS || ldr < d_out : d != d_out) ||
        (w ? !are_columns(k, ldw) : !moments))
        return ANN_EINVAL;
    const size_t n_moments = ann_beta_n_moments(m1);
    const size_t size = ANN_TILE_ROWS * (d + d_out + parts * n_moments) + moments_room(&v);
    const size_t apart = (moments ? n : ANN_TILE_ROWS) * n_moments; /* of one part from the next */
    if (w)
        memset(least, 0, n * sizeof *least);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t from = 0; from < n; from += ANN_TILE_ROWS) {
        float *own = ann_own(room, size * sizeof *room), *rotated = own + ANN_TILE_ROWS * d;
        float *found = rotated + ANN_TILE_ROWS * d_out;
        float *scratch = found + ANN_TILE_ROWS * parts * n_moments;
        if (moments)
            found = moments + from * n_moments;
        const size_t held = n - from < ANN_TILE_ROWS ? n - from : ANN_TILE_ROWS;
        const float *vectors = as_floats(x, stored, from * d, held * d, own);
        for (size_t i = 0; i < held && rotation; i += BLOCK_ROWS)
            ann_block_rows(vectors + i * d, rotation, held - i < BLOCK_ROWS ? held - i : BLOCK_ROWS, d,
                           d_out, ldr, rotated + i * d_out);
        for (size_t i = 0; i < held; i += LANES)
            moments_of_sixteen(&v, (rotation ? rotated : vectors) + i * d_out, first + from + i,
                               held - i < LANES ? held - i : LANES, first + n, apart, scratch,
                               found + i * n_moments);
        for (size_t part = 0; part < parts && w; part++)
            for (size_t i = 0; i < held; i += BLOCK_ROWS)
                least_of_four(found + part * apart + i * n_moments, w + part * n_moments * ldw,
                              held - i < BLOCK_ROWS ? held - i : BLOCK_ROWS, n_moments, k, ldw, parts,
                              beta_codes + (from + i) * parts + part, least + from + i);
    }
    return ANN_OK;
}

ANN_CLONES
int ann_least_columns(const float *x, const float *w, size_t parts, size_t n, size_t depth, size_t k,
                      size_t ldw, int threads, uint8_t *codes, double *least)
{
    if (threads < 1 || depth < 1 || !are_columns(k, ldw))
        return ANN_EINVAL;
    memset(least, 0, n * sizeof *least);
#pragma omp parallel num_threads(threads)
    for (size_t part = 0; part < parts; part++)
        /* Without a barrier: in equal loops of one region a thread has the same rows. */
#pragma omp for schedule(static) nowait
        for (size_t i = 0; i < n; i += BLOCK_ROWS)
            least_of_four(x + (part * n + i) * depth, w + part * depth * ldw,
                          n - i < BLOCK_ROWS ? n - i : BLOCK_ROWS, depth, k, ldw, parts,
                          codes + i * parts + part, least + i);
    return ANN_OK;
}

ANN_CLONES
int ann_group_sums(const float *x, const uint8_t *codes, size_t parts, size_t n, size_t depth,
                   size_t k, int threads, double *sums, int64_t *counts)
{
    if (threads < 1)
        return ANN_EINVAL;
    for (size_t i = 0; i < n * parts; i++)
        if (codes[i] >= k)
            return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t part = 0; part < parts; part++)
        for (size_t i = 0; i < n; i++) {
            const float *row = x + (part * n + i) * depth;
            size_t c = part * k + codes[i * parts + part];
            counts[c]++;
            for (size_t t = 0; t < depth; t++)
                sums[c * depth + t] += row[t];
        }
    return ANN_OK;
}
