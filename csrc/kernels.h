/* What all kernels share.
 *
 * Contract of every function: arrays are contiguous, row-major, caller-allocated and do not
 * alias; nothing is allocated, printed or kept between calls, so a call needs no lock and no
 * GIL; ids are int32_t and -1 means none; distances are squared L2 or minus the inner product,
 * smaller is nearer, ties go to the smaller id; the return value is 0 or a negative ANN_E* code.
 *
 * Same bits everywhere: every sum has an order that depends neither on the vector width nor on
 * the number of threads, and the build forbids contraction (FMA). */
#ifndef ANN_KERNELS_H
#define ANN_KERNELS_H

#include <omp.h>
#include <string.h>

#include "types.h"

/* One C source, three instruction sets, chosen when the library is loaded; needs gcc and ifunc. */
#if !defined(__x86_64__) || !defined(__GNUC__) || defined(__clang__) || !defined(__GLIBC__) || \
    defined(ANN_NO_CLONES)
#define ANN_CLONES
#elif defined(ANN_NO_AVX512)
#define ANN_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define ANN_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

/* Whether a register holds sixteen floats. Where it does not, gcc keeps vectors of so many in memory:
 * what is to be fast everywhere is written with arrays, which it splits as it likes. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(ANN_NO_CLONES) && !defined(ANN_NO_AVX512)
#define ANN_SIXTEEN __builtin_cpu_supports("avx512f")
#else
#define ANN_SIXTEEN 0
#endif

#define ANN_INLINE static inline __attribute__((always_inline))

/* Sixteen floats, added lane by lane: one zmm, two ymm or four xmm registers. */
typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t i16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

enum { LANES = 16, KSUB = 256 };

/* The scratch of this thread, where each has `size` bytes. */
ANN_INLINE void *ann_own(void *scratch, size_t size)
{
    return (char *)scratch + (size_t)omp_get_thread_num() * (size + ANN_APART);
}

/* Sum of the sixteen lanes by a fixed tree. */
ANN_INLINE float ann_tree(const float *lanes)
{
    float s[LANES / 2];
    for (int j = 0; j < 8; j++)
        s[j] = lanes[j] + lanes[j + 8];
    for (int j = 0; j < 4; j++)
        s[j] += s[j + 4];
    return (s[0] + s[2]) + (s[1] + s[3]);
}

#endif
