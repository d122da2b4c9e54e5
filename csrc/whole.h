/* A query of whole numbers in the range of the bytes of a space, measured in integers where no sum of
 * floats would need more than the 24 bits that they hold: the bits are the same. */
#ifndef ANN_WHOLE_H
#define ANN_WHOLE_H
#include "episodes.h"
#include "intrinsics.h"
#include "space.h"

enum { WHOLE_STEP = 64, SIGN = 128 };

typedef struct {
    int16_t values[ANN_WHOLE_D];
    /* The same as signed bytes, those of uint8 less SIGN; those that fill up the last step are 0. */
    int8_t bytes[(ANN_WHOLE_D + WHOLE_STEP - 1) / WHOLE_STEP * WHOLE_STEP];
    int32_t square, sum;    /* of the values */
    const int32_t *offsets; /* of the vertices, as ann_byte_offsets has them */
    int vnni;               /* whether this machine multiplies bytes */
} whole_query;

/* What vertex i adds to its integer distance to any query where products are of bytes, y of uint8 with
 * x - SIGN: |y|^2 - 2 SIGN sum y or, for inner products, -SIGN sum y. Of int8 |y|^2, or 0. */
ANN_INLINE int32_t ann_byte_offset(const ann_space *s, size_t i)
{
    int32_t square = 0, sum = 0;
    for (size_t t = 0; t < s->d; t++) {
        int32_t y = s->vectors_u8 ? s->vectors_u8[i * s->d + t] : s->vectors_i8[i * s->d + t];
        square += y * y;
        sum += y;
    }
    return (s->ip ? 0 : square) - (s->vectors_u8 ? (s->ip ? 1 : 2) * SIGN * sum : 0);
}

/* w = query; returns whether that can be. No offsets: it cannot. */
ANN_INLINE int ann_whole(const ann_space *s, const float *query, const int32_t *offsets,
                         whole_query *w)
{
    if (s->d > ANN_WHOLE_D || !offsets || !(s->vectors_u8 || s->vectors_i8))
        return 0;
    w->offsets = offsets;
    const float least = s->vectors_u8 ? 0 : INT8_MIN, most = s->vectors_u8 ? UINT8_MAX : INT8_MAX;
    int is_whole = 1;
    w->square = w->sum = 0;
    for (size_t t = 0; t < s->d; t++) {
        float within = query[t] > least ? query[t] : least;
        within = within < most ? within : most;
        int16_t value = w->values[t] = (int16_t)(int32_t)within;
        is_whole &= (float)value == query[t];
        w->bytes[t] = (int8_t)(s->vectors_u8 ? value - SIGN : value);
        w->square += value * value;
        w->sum += value;
    }
    for (size_t t = s->d; t % WHOLE_STEP; t++)
        w->bytes[t] = 0;
#ifdef ANN_INTRINSICS
    w->vnni = ANN_SIXTEEN && __builtin_cpu_supports("avx512vnni") &&
              __builtin_cpu_supports("avx512bw");
#endif
    return is_whole;
}

/* Distances to four rows, as the sums in the end of one would wait for each other. */
ANN_INLINE void ann_whole_distances(int row, const int16_t *x, const void *const y[4], size_t d,
                                    int ip, float *out)
{
    int32_t sum[4] = {0};
    for (size_t t = 0; t < d; t++)
        for (int i = 0; i < 4; i++) {
            int16_t yt = row == ROW_U8 ? ((const uint8_t *)y[i])[t] : ((const int8_t *)y[i])[t];
            int16_t diff = (int16_t)(x[t] - yt);
            sum[i] += ip ? -x[t] * yt : diff * diff;
        }
    for (int i = 0; i < 4; i++)
        out[i] = (float)sum[i];
}

#ifdef ANN_INTRINSICS

#define ANN_BYTES \
    __attribute__((target("avx512f,avx512bw,avx512vnni"), always_inline)) static inline

/* The sums of the lanes of four registers. */
ANN_BYTES __m128i ann_sums4(const __m512i x[4])
{
    __m512i two[2]; /* of two registers in turns */
    for (int i = 0; i < 2; i++)
        two[i] = _mm512_add_epi32(_mm512_unpacklo_epi32(x[2 * i], x[2 * i + 1]),
                                  _mm512_unpackhi_epi32(x[2 * i], x[2 * i + 1]));
    __m512i four = _mm512_add_epi32(_mm512_unpacklo_epi64(two[0], two[1]),
                                    _mm512_unpackhi_epi64(two[0], two[1]));
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(four), _mm512_extracti64x4_epi64(four, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/* The same by products of unsigned with signed bytes, four of them a lane and instruction: of y with
 * x - SIGN for uint8, of y + SIGN with x for int8. What they leave to do depends on the row or on the
 * query alone: the offsets, and `more`. */
ANN_BYTES void ann_whole_vnni(int row, const whole_query *x, const ann_space *s, const int32_t ids[4],
                              size_t d, int ip, float *out)
{
    const uint8_t *base = row == ROW_U8 ? s->vectors_u8 : (const uint8_t *)s->vectors_i8;
    const __m512i sign = _mm512_set1_epi8((char)SIGN);
    __m512i sum[4];
    for (int i = 0; i < 4; i++)
        sum[i] = _mm512_setzero_si512();
    for (size_t t = 0; t < d; t += WHOLE_STEP) {
        const __m512i bytes = _mm512_loadu_si512(x->bytes + t);
        const __mmask64 there = d - t < WHOLE_STEP ? ((__mmask64)1 << (d - t)) - 1 : ~(__mmask64)0;
        for (int i = 0; i < 4; i++) {
            __m512i y = _mm512_maskz_loadu_epi8(there, base + (size_t)ids[i] * d + t);
            if (row == ROW_I8)
                y = _mm512_xor_si512(y, sign);
            sum[i] = _mm512_dpbusd_epi32(sum[i], y, bytes);
        }
    }
    __m128i products = ann_sums4(sum), of_rows = _mm_set_epi32(x->offsets[ids[3]], x->offsets[ids[2]],
                                                               x->offsets[ids[1]], x->offsets[ids[0]]);
    if (!ip)
        products = _mm_add_epi32(products, products);
    int32_t more = (ip ? 0 : x->square) + (row == ROW_I8 ? (ip ? 1 : 2) * SIGN * x->sum : 0);
    __m128i whole = _mm_add_epi32(_mm_sub_epi32(of_rows, products), _mm_set1_epi32(more));
    _mm_storeu_ps(out, _mm_cvtepi32_ps(whole));
}

/* As ann_whole_to_many. The usual d is spelt out, so that nothing is asked of it. */
__attribute__((target("avx512f,avx512bw,avx512vnni"), noinline)) static void
ann_whole_to_many_vnni(const ann_space *s, const whole_query *query, const int32_t *ids, size_t n,
                       float *out)
{
    for (size_t i = 0; i < n; i += 4) {
        int32_t four[4];
        for (size_t j = 0; j < 4; j++)
            four[j] = ids[i + j < n ? i + j : n - 1];
        if (s->vectors_u8 && !s->ip && s->d == 128)
            ann_whole_vnni(ROW_U8, query, s, four, 128, 0, out + i);
        else if (s->vectors_u8 && !s->ip)
            ann_whole_vnni(ROW_U8, query, s, four, s->d, 0, out + i);
        else if (s->vectors_u8)
            ann_whole_vnni(ROW_U8, query, s, four, s->d, 1, out + i);
        else if (!s->ip)
            ann_whole_vnni(ROW_I8, query, s, four, s->d, 0, out + i);
        else
            ann_whole_vnni(ROW_I8, query, s, four, s->d, 1, out + i);
    }
}

#endif

/* out (n, rounded up to fours) = distances to the vertices ids (n), the last one again and again. */
ANN_INLINE void ann_whole_to_many(const ann_space *s, const whole_query *query, const int32_t *ids,
                                  size_t n, float *out)
{
#ifdef ANN_INTRINSICS
    if (query->vnni) {
        ann_whole_to_many_vnni(s, query, ids, n, out);
        return;
    }
#endif
    for (size_t i = 0; i < n; i += 4) {
        const void *rows[4];
        for (size_t j = 0; j < 4; j++)
            rows[j] = ann_row(s, ids[i + j < n ? i + j : n - 1]);
        if (s->vectors_u8 && !s->ip)
            ann_whole_distances(ROW_U8, query->values, rows, s->d, 0, out + i);
        else if (s->vectors_u8)
            ann_whole_distances(ROW_U8, query->values, rows, s->d, 1, out + i);
        else if (!s->ip)
            ann_whole_distances(ROW_I8, query->values, rows, s->d, 0, out + i);
        else
            ann_whole_distances(ROW_I8, query->values, rows, s->d, 1, out + i);
    }
}

#endif
