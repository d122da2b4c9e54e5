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
        ann_least found[QUAD];
        for (size_t r = 0; r < QUAD; r++) { /* past the end: the last row again, unused */
            rows[r] = x + ((r < n ? r : n - 1) * nsq + m) * dsub;
            ann_begin_least(&found[r]);
        }
        for (size_t c = 0; c < KSUB; c += PANEL) {
            float out[QUAD][PANEL];
            ann_panel(rows, centroids + c, dsub, KSUB, 0, out);
            for (size_t r = 0; r < QUAD; r++) {
                ann_take_less(out[r], (int32_t)c, &found[r]);
                ann_take_less(out[r] + LANES, (int32_t)c + LANES, &found[r]);
            }
        }
        float value;
        for (size_t r = 0; r < QUAD && r < n; r++)
            codes[r * nsq + m] = (uint8_t)ann_least_lane(&found[r], &value);
    }
}

/* The same for one row in registers of sixteen floats: 0.6 of the time where there are such. */
ANN_INLINE size_t nearest_sixteen(const float *x, const float *centroids_t, size_t dsub)
{
    i16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, index = lane;
    v16 best = (v16){0} + __builtin_inff();
    for (size_t c = 0; c < KSUB; c += ROW_BLOCK) {
        v16 acc[ROW_BLOCK / LANES] = {{0}};
        for (size_t t = 0; t < dsub; t++)
            for (int b = 0; b < ROW_BLOCK / LANES; b++) {
                v16 diff = x[t] - *(const v16 *)(centroids_t + t * KSUB + c + b * LANES);
                acc[b] += diff * diff;
            }
        for (int b = 0; b < ROW_BLOCK / LANES; b++, lane += LANES) {
            i16 less = acc[b] < best;
            index = (lane & less) | (index & ~less);
            best = (v16)(((i16)acc[b] & less) | ((i16)best & ~less));
        }
    }
    ann_least least;
    float value;
    memcpy(least.value, &best, sizeof best);
    memcpy(least.index, &index, sizeof index);
    return ann_least_lane(&least, &value);
}

ANN_CLONES
int ann_pq_encode(const float *x, const float *centroids_t, size_t n, size_t nsq, size_t dsub,
                  int threads, uint8_t *codes)
{
    const int sixteen = ANN_SIXTEEN;
    if (threads < 1)
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i += QUAD) {
        size_t left = n - i < QUAD ? n - i : QUAD;
        if (!sixteen) {
            encode_four(x + i * nsq * dsub, centroids_t, left, nsq, dsub, codes + i * nsq);
            continue;
        }
        for (size_t j = i * nsq; j < (i + left) * nsq; j++)
            codes[j] = (uint8_t)nearest_sixteen(x + j * dsub, centroids_t + j % nsq * dsub * KSUB,
                                                dsub);
    }
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
        float value;
        for (size_t r = 0; r < rows; r++)
            codes[first + r] = (uint16_t)ann_least_lane(&least[r], &value);
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
