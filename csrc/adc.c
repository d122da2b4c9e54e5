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

/* The codes of four rows of x, or n if that is less. */
ANN_INLINE void encode_four(const float *x, const float *centroids_t, size_t n, size_t nsq,
                            size_t dsub, uint8_t *codes)
{
    for (size_t m = 0; m < nsq; m++) {
        const float *rows[QUAD], *centroids = centroids_t + m * dsub * KSUB;
        float values[QUAD][KSUB], least;
        for (size_t r = 0; r < QUAD; r++) /* past the end: the last row again, unused */
            rows[r] = x + ((r < n ? r : n - 1) * nsq + m) * dsub;
        for (size_t c = 0; c < KSUB; c += PANEL) {
            float out[QUAD][PANEL];
            ann_panel(rows, centroids + c, dsub, KSUB, 0, out);
            for (size_t r = 0; r < QUAD; r++)
                memcpy(values[r] + c, out[r], sizeof out[r]);
        }
        for (size_t r = 0; r < QUAD && r < n; r++)
            codes[r * nsq + m] = (uint8_t)ann_least_of(values[r], KSUB, &least);
    }
}

ANN_CLONES
int ann_pq_encode(const float *x, const float *centroids_t, size_t n, size_t nsq, size_t dsub,
                  int threads, uint8_t *codes)
{
    if (threads < 1)
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i += QUAD)
        encode_four(x + i * nsq * dsub, centroids_t, n - i < QUAD ? n - i : QUAD, nsq, dsub,
                    codes + i * nsq);
    return ANN_OK;
}

ANN_CLONES
int ann_pq_decode(const uint8_t *codes, const float *centroids, const ann_coarse *coarse, size_t n,
                  size_t nsq, size_t dsub, int threads, float *x)
{
    if (threads < 1 || !ann_is_coarse(coarse, nsq, dsub))
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        ann_decode_at(codes, i, centroids, coarse, nsq, dsub, x + i * nsq * dsub);
    return ANN_OK;
}

/* The least value of every lane and its index, which is 0 where no value is less than infinity. */
typedef struct {
    float value[LANES];
    int32_t index[LANES];
} ann_least;

ANN_INLINE void ann_begin_least(ann_least *least)
{
    for (int j = 0; j < LANES; j++) {
        least->value[j] = __builtin_inff();
        least->index[j] = 0;
    }
}

/* Take those of the values x (16), whose indices are first ... first + 15, that are less. Told
 * nothing, gcc unrolls the loop before it could vectorise it, into scalars. */
ANN_INLINE void ann_take_less(const float *x, int32_t first, ann_least *least)
{
#pragma omp simd
    for (int j = 0; j < LANES; j++) {
        int less = x[j] < least->value[j];
        least->index[j] = less ? first + j : least->index[j];
        least->value[j] = less ? x[j] : least->value[j];
    }
}

/* The least of all lanes, the smaller index where values tie. */
ANN_INLINE size_t ann_least_lane(ann_least *least)
{
    float *best = least->value;
    int32_t *at = least->index;
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++) {
            int other = (best[j + half] < best[j]) |
                        ((best[j + half] == best[j]) & (at[j + half] < at[j]));
            best[j] = other ? best[j + half] : best[j];
            at[j] = other ? at[j + half] : at[j];
        }
    return (size_t)at[0];
}

ANN_CLONES
int ann_nearest_of(const float *x, const float *panels, size_t n, size_t d, size_t k, int threads,
                   uint16_t *codes)
{
    enum { STRIP = 16 * QUAD }; /* rows that meet a panel while it is in the nearest cache */
    if (threads < 1 || !k || k % PANEL || k > UINT16_MAX + 1)
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t first = 0; first < n; first += STRIP) {
        size_t rows = n - first < STRIP ? n - first : STRIP;
        ann_least least[STRIP];
        for (size_t r = 0; r < STRIP; r++)
            ann_begin_least(&least[r]);
        for (size_t c = 0; c < k; c += PANEL)
            for (size_t i = 0; i < rows; i += QUAD) {
                const float *block[QUAD];
                float out[QUAD][PANEL];
                for (size_t r = 0; r < QUAD; r++) /* past the end: the last row, unused */
                    block[r] = x + (first + (i + r < rows ? i + r : rows - 1)) * d;
                ann_panel(block, panels + c * d, d, PANEL, 0, out);
                for (size_t r = 0; r < QUAD; r++) {
                    ann_take_less(out[r], (int32_t)c, &least[i + r]);
                    ann_take_less(out[r] + LANES, (int32_t)c + LANES, &least[i + r]);
                }
            }
        for (size_t r = 0; r < rows; r++)
            codes[first + r] = (uint16_t)ann_least_lane(&least[r]);
    }
    return ANN_OK;
}

ANN_CLONES
int ann_code_sums(const float *x, const uint16_t *codes, size_t n, size_t d, size_t k,
                  double *sums, int64_t *counts)
{
    memset(sums, 0, k * d * sizeof *sums);
    memset(counts, 0, k * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        if (codes[i] >= k)
            return ANN_EINVAL;
        double *sum = sums + codes[i] * d;
        counts[codes[i]]++;
        for (size_t t = 0; t < d; t++)
            sum[t] += x[i * d + t];
    }
    return ANN_OK;
}

ANN_CLONES
int ann_cross(const uint8_t *codes, const float *centroids, const ann_coarse *coarse, size_t n,
              size_t nsq, size_t dsub, int threads, float *cross)
{
    if (threads < 1 || !coarse || !ann_is_coarse(coarse, nsq, dsub))
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++) {
        float x[ANN_MOST_D], r[ANN_MOST_D], acc[LANES] = {0};
        ann_decode_at(codes, i, centroids, coarse, nsq, dsub, x);
        ann_decode(centroids, codes + i * (coarse->bytes + nsq) + coarse->bytes, nsq, dsub, r);
        for (size_t t = 0; t < nsq * dsub; t += LANES)
            for (size_t j = 0; j < LANES && t + j < nsq * dsub; j++)
                acc[j] += r[t + j] * (2 * x[t + j] - r[t + j]);
        cross[i] = ann_tree(acc);
    }
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
