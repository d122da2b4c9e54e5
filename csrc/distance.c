/* Dense products with sums in ascending order, and exact distances with eight partial sums in
 * double: what must not depend on a BLAS goes through here. */
#include "distance.h"

#include <math.h>

#include "exact.h"
#include "kernels.h"
#include "matmul_block.h"

ANN_CLONES
int ann_matmul(const float *x, const float *w, size_t n, size_t d, size_t d_out, size_t ldw,
               int threads, float *y)
{
    if (d < 1 || ldw % BLOCK_COLS || ldw < d_out || threads < 1)
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i += BLOCK_ROWS)
        ann_block_rows(x + i * d, w, n - i < BLOCK_ROWS ? n - i : BLOCK_ROWS, d, d_out, ldw,
                       y + i * d_out);
    return ANN_OK;
}

ANN_CLONES
int ann_pair_distances(const float *query, const float *base, const int32_t *ids, size_t nq,
                       size_t nb, size_t d, size_t k, int ip, int threads, double *dis)
{
    int status = ANN_OK;
    if (threads < 1)
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < nq * k; i++) {
        int32_t id = ids[i];
        if (id < -1 || (id >= 0 && (size_t)id >= nb)) {
#pragma omp atomic write
            status = ANN_EINVAL;
            continue;
        }
        dis[i] = id < 0 ? INFINITY
                        : ann_exact_distance(query + i / k * d, base + (size_t)id * d, d, ip);
    }
    return status;
}

ANN_CLONES
int ann_row_distances(const float *x, const float *y, size_t n, size_t d, int threads, double *out)
{
    if (threads < 1)
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        out[i] = ann_exact_distance(x + i * d, y + i * d, d, 0);
    return ANN_OK;
}
