/* Products of bytes, 8 queries times 32 rows at a time, and which of them reach a threshold.
 *
 * The sums are of integers and fit 32 bits: every instruction set gives the same. By intrinsics,
 * because gcc uses the instructions that multiply and add bytes only along a sum, where adding up
 * the lanes afterwards costs more than the products. */
#ifndef ANN_BYTE_TILE_H
#define ANN_BYTE_TILE_H
#include "intrinsics.h"
#include "kernels.h"

enum { TILE = 8, PANEL = 32, GROUP = 4 };

/* hits[i] has bit r where sum_t panel[t, r] * query[t, i] - half[r] >= least[i]; returns whether any
 * has one. Bytes of four dimensions lie side by side: panel (groups, PANEL, GROUP), query (groups,
 * TILE, GROUP), half (PANEL), least and hits (TILE). At most 2^15 dimensions, half at most 2^28. */
typedef int ann_byte_tile(const uint8_t *panel, const int8_t *query, size_t groups,
                          const int32_t *half, const int32_t *least, uint32_t *hits);

static inline int ann_tile_plain(const uint8_t *panel, const int8_t *query, size_t groups,
                                 const int32_t *half, const int32_t *least, uint32_t *hits)
{
    uint32_t any = 0;
    for (size_t i = 0; i < TILE; i++) {
        int32_t sum[PANEL] = {0};
        for (size_t g = 0; g < groups; g++)
            for (size_t r = 0; r < PANEL; r++)
                for (size_t j = 0; j < GROUP; j++)
                    sum[r] += panel[(g * PANEL + r) * GROUP + j] * query[(g * TILE + i) * GROUP + j];
        hits[i] = 0;
        for (size_t r = 0; r < PANEL; r++)
            hits[i] |= (uint32_t)(sum[r] - half[r] >= least[i]) << r;
        any |= hits[i];
    }
    return any != 0;
}

#ifdef ANN_INTRINSICS

ANN_INLINE int ann_four_bytes(const int8_t *x)
{
    int v;
    memcpy(&v, x, sizeof v);
    return v;
}

/* 16 rows a register, four products a lane and instruction. */
__attribute__((target("avx512f,avx512vnni"))) static inline int
ann_tile_vnni(const uint8_t *panel, const int8_t *query, size_t groups, const int32_t *half,
              const int32_t *least, uint32_t *hits)
{
    __m512i low[TILE], high[TILE], zero = _mm512_setzero_si512();
    uint32_t any = 0;
    for (size_t i = 0; i < TILE; i++) {
        low[i] = _mm512_sub_epi32(zero, _mm512_loadu_si512(half));
        high[i] = _mm512_sub_epi32(zero, _mm512_loadu_si512(half + PANEL / 2));
    }
    for (size_t g = 0; g < groups; g++, panel += PANEL * GROUP) {
        __m512i x = _mm512_loadu_si512(panel), y = _mm512_loadu_si512(panel + PANEL * GROUP / 2);
        for (size_t i = 0; i < TILE; i++) {
            __m512i q = _mm512_set1_epi32(ann_four_bytes(query + (g * TILE + i) * GROUP));
            low[i] = _mm512_dpbusd_epi32(low[i], x, q);
            high[i] = _mm512_dpbusd_epi32(high[i], y, q);
        }
    }
    for (size_t i = 0; i < TILE; i++) {
        __m512i bar = _mm512_set1_epi32(least[i]);
        hits[i] = _mm512_cmpge_epi32_mask(low[i], bar) |
                  (uint32_t)_mm512_cmpge_epi32_mask(high[i], bar) << (PANEL / 2);
        any |= hits[i];
    }
    return any != 0;
}

/* Eight rows and four queries at a time, two sums a row; bytes become 16-bit numbers. */
__attribute__((target("avx2"))) static inline int
ann_tile_avx2(const uint8_t *panel, const int8_t *query, size_t groups, const int32_t *half,
              const int32_t *least, uint32_t *hits)
{
    enum { ROWS = 8, QUERIES = 4 };
    uint32_t any = 0;
    for (size_t i = 0; i < TILE; i++)
        hits[i] = 0;
    for (size_t r = 0; r < PANEL; r += ROWS)
        for (size_t first = 0; first < TILE; first += QUERIES) {
            __m256i a[QUERIES], b[QUERIES];
            for (size_t i = 0; i < QUERIES; i++)
                a[i] = b[i] = _mm256_setzero_si256();
            for (size_t g = 0; g < groups; g++) {
                const __m128i *rows = (const __m128i *)(panel + (g * PANEL + r) * GROUP);
                __m256i x = _mm256_cvtepu8_epi16(_mm_loadu_si128(rows));
                __m256i y = _mm256_cvtepu8_epi16(_mm_loadu_si128(rows + 1));
                const int8_t *these = query + (g * TILE + first) * GROUP;
                for (size_t i = 0; i < QUERIES; i++) {
                    __m256i q = _mm256_cvtepi8_epi16(
                        _mm_set1_epi32(ann_four_bytes(these + i * GROUP)));
                    a[i] = _mm256_add_epi32(a[i], _mm256_madd_epi16(x, q));
                    b[i] = _mm256_add_epi32(b[i], _mm256_madd_epi16(y, q));
                }
            }
            for (size_t i = 0; i < QUERIES; i++) {
                __m256i sum = _mm256_permute4x64_epi64(_mm256_hadd_epi32(a[i], b[i]), 0xD8);
                sum = _mm256_sub_epi32(sum, _mm256_loadu_si256((const __m256i *)(half + r)));
                __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32(least[first + i]), sum);
                uint32_t hit = ~_mm256_movemask_ps(_mm256_castsi256_ps(below)) & 0xFF;
                hits[first + i] |= hit << r;
                any |= hit;
            }
        }
    return any != 0;
}

#endif

/* The fastest that this machine has. */
ANN_INLINE ann_byte_tile *ann_fastest_tile(void)
{
#ifdef ANN_INTRINSICS
    if (ANN_SIXTEEN && __builtin_cpu_supports("avx512vnni"))
        return ann_tile_vnni;
    if (__builtin_cpu_supports("avx2"))
        return ann_tile_avx2;
#endif
    return ann_tile_plain;
}

#endif
