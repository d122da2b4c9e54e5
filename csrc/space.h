/* Distances of a space: query to vertex (query exact), vertex to vertex. */
#ifndef ANN_SPACE_H
#define ANN_SPACE_H
#include "kernels.h"

/* x (nsq * dsub) = the centroids of a code; the usual dsub is spelt out, as a copy of known size is
 * one instruction. */
ANN_INLINE void ann_decode(const float *centroids, const uint8_t *code, size_t nsq, size_t dsub,
                           float *x)
{
    if (dsub == 4)
        for (size_t m = 0; m < nsq; m++)
            memcpy(x + m * 4, centroids + (m * KSUB + code[m]) * 4, 4 * sizeof *x);
    else
        for (size_t m = 0; m < nsq; m++)
            for (size_t t = 0; t < dsub; t++)
                x[m * dsub + t] = centroids[(m * KSUB + code[m]) * dsub + t];
}

/* sum_m table[m, code[m]] with four fixed partial sums. */
ANN_INLINE float ann_adc(const float *table, const uint8_t *code, size_t nsq)
{
    float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t m = 0;
    for (; m + 4 <= nsq; m += 4, table += 4 * KSUB) {
        s0 += table[code[m]];
        s1 += table[KSUB + code[m + 1]];
        s2 += table[2 * KSUB + code[m + 2]];
        s3 += table[3 * KSUB + code[m + 3]];
    }
    for (; m < nsq; m++, table += KSUB)
        s0 += table[code[m]];
    return (s0 + s1) + (s2 + s3);
}

/* sum_m sdc[m, a[m], b[m]], the same way. */
ANN_INLINE float ann_sdc(const float *sdc, const uint8_t *a, const uint8_t *b, size_t nsq)
{
    const size_t size = KSUB * KSUB;
    float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t m = 0;
    for (; m + 4 <= nsq; m += 4, sdc += 4 * size) {
        s0 += sdc[a[m] * KSUB + b[m]];
        s1 += sdc[size + a[m + 1] * KSUB + b[m + 1]];
        s2 += sdc[2 * size + a[m + 2] * KSUB + b[m + 2]];
        s3 += sdc[3 * size + a[m + 3] * KSUB + b[m + 3]];
    }
    for (; m < nsq; m++, sdc += size)
        s0 += sdc[a[m] * KSUB + b[m]];
    return (s0 + s1) + (s2 + s3);
}

ANN_INLINE float ann_float_distance(const float *x, const float *y, size_t d, int ip)
{
    float acc[LANES] = {0};
    size_t t = 0;
    if (ip) {
        for (; t + LANES <= d; t += LANES)
            for (size_t j = 0; j < LANES; j++)
                acc[j] -= x[t + j] * y[t + j];
        for (size_t j = 0; t + j < d; j++)
            acc[j] -= x[t + j] * y[t + j];
    } else {
        for (; t + LANES <= d; t += LANES)
            for (size_t j = 0; j < LANES; j++) {
                float diff = x[t + j] - y[t + j];
                acc[j] += diff * diff;
            }
        for (size_t j = 0; t + j < d; j++) {
            float diff = x[t + j] - y[t + j];
            acc[j] += diff * diff;
        }
    }
    return ann_tree(acc);
}

/* query is an ADC table (nsq, 256) for a space of codes, a vector (d) for one of vectors. */
ANN_INLINE float ann_to_query(const ann_space *s, const float *query, int32_t id)
{
    return s->codes ? ann_adc(query, s->codes + (size_t)id * s->nsq, s->nsq)
                    : ann_float_distance(query, s->vectors + (size_t)id * s->d, s->d, s->ip);
}

ANN_INLINE float ann_between(const ann_space *s, int32_t a, int32_t b)
{
    return s->codes ? ann_sdc(s->sdc, s->codes + (size_t)a * s->nsq,
                              s->codes + (size_t)b * s->nsq, s->nsq)
                    : ann_float_distance(s->vectors + (size_t)a * s->d,
                                         s->vectors + (size_t)b * s->d, s->d, s->ip);
}

ANN_INLINE void ann_prefetch(const ann_space *s, int32_t id)
{
    const char *row = s->codes ? (const char *)(s->codes + (size_t)id * s->nsq)
                               : (const char *)(s->vectors + (size_t)id * s->d);
    size_t bytes = s->codes ? s->nsq : s->d * sizeof(float);
    for (size_t b = 0; b < bytes && b < 256; b += 64)
        __builtin_prefetch(row + b);
    __builtin_prefetch(row + bytes - 1); /* a row need not start at a line */
}

#endif
