/* Codes, of one level or of two: what they stand for, and their distance by a query's table. */
#ifndef ANN_CODE_H
#define ANN_CODE_H
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

/* Bytes of the code of a vertex. */
ANN_INLINE size_t ann_code_size(size_t nsq, const ann_coarse *coarse)
{
    return nsq + (coarse ? coarse->bytes : 0);
}

/* The two numbers that a code begins with; it has four bytes at least. */
ANN_INLINE void ann_split(const ann_coarse *coarse, const uint8_t *code, size_t number[2])
{
    uint32_t word, mask = ((uint32_t)1 << coarse->bits) - 1;
    memcpy(&word, code, sizeof word);
    number[0] = word & mask;
    number[1] = word >> coarse->bits & mask;
}

/* Checked once per call, trusted inside; no first level is one, too. */
ANN_INLINE int ann_is_coarse(const ann_coarse *coarse, size_t nsq, size_t dsub)
{
    return !coarse || (coarse->centroids && coarse->bits >= 5 && coarse->bits <= 16 &&
                       coarse->bytes == (2 * coarse->bits + 7) / 8 && coarse->bytes + nsq >= 4 &&
                       nsq * dsub <= ANN_MOST_D && nsq * dsub % 2 == 0);
}

/* x (nsq * dsub) = what codes[i] stands for. */
ANN_INLINE void ann_decode_at(const uint8_t *codes, size_t i, const float *centroids,
                              const ann_coarse *coarse, size_t nsq, size_t dsub, float *x)
{
    if (!coarse) {
        ann_decode(centroids, codes + i * nsq, nsq, dsub, x);
        return;
    }
    const uint8_t *code = codes + i * ann_code_size(nsq, coarse);
    const size_t half = nsq * dsub / 2;
    size_t number[2];
    ann_split(coarse, code, number);
    number[1] += (size_t)1 << coarse->bits;
    for (size_t h = 0; h < 2; h++)
        memcpy(x + h * half, coarse->centroids + number[h] * half, half * sizeof *x);
    code += coarse->bytes;
    if (dsub == 4)
        for (size_t m = 0; m < nsq; m++)
            *(v4 *)(x + m * 4) += *(const v4 *)(centroids + (m * KSUB + code[m]) * 4);
    else
        for (size_t m = 0; m < nsq; m++)
            for (size_t t = 0; t < dsub; t++)
                x[m * dsub + t] += centroids[(m * KSUB + code[m]) * dsub + t];
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

#endif
