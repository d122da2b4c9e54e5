/* Product quantisation: tables, encoding, decoding, class sums. Lanes run over the centroids, so
 * every distance is one sum in ascending dimension. */
#include "adc.h"

#include "adc_table.h"
#include "kernels.h"
#include "space.h"

ANN_CLONES
int ann_adc_tables(const float *x, const float *centroids_t, size_t n, size_t nsq, size_t dsub,
                   int ip, int threads, float *tables)
{
    if (threads < 1)
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        ann_table(x + i * nsq * dsub, centroids_t, nsq, dsub, ip, tables + i * nsq * KSUB);
    return ANN_OK;
}

ANN_CLONES
int ann_pq_encode(const float *x, const float *centroids_t, size_t n, size_t nsq, size_t dsub,
                  int threads, uint8_t *codes)
{
    if (threads < 1)
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < nsq; m++)
            codes[i * nsq + m] = (uint8_t)ann_nearest(x + (i * nsq + m) * dsub,
                                                      centroids_t + m * dsub * KSUB, dsub);
    return ANN_OK;
}

ANN_CLONES
int ann_pq_decode(const uint8_t *codes, const float *centroids, size_t n, size_t nsq, size_t dsub,
                  int threads, float *x)
{
    if (threads < 1)
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        ann_decode(centroids, codes + i * nsq, nsq, dsub, x + i * nsq * dsub);
    return ANN_OK;
}

ANN_CLONES
int ann_class_sums(const float *x, const uint8_t *codes, size_t n, size_t d, size_t nsq,
                   int threads, float *sums, int64_t *counts)
{
    if (threads < 1)
        return ANN_EINVAL;
    memset(sums, 0, nsq * KSUB * d * sizeof *sums);
    memset(counts, 0, nsq * KSUB * sizeof *counts);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (size_t m = 0; m < nsq; m++)
        for (size_t i = 0; i < n; i++) {
            size_t c = m * KSUB + codes[i * nsq + m];
            float *sum = sums + c * d;
            const float *row = x + i * d;
            counts[c]++;
            for (size_t t = 0; t < d; t++)
                sum[t] += row[t];
        }
    return ANN_OK;
}
