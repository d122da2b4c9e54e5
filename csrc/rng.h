/* Random numbers without state: a function of key and counter, so that any thread may ask for any
 * of them in any order. The mixing is the finaliser of splitmix64 (Steele, Lea and Flood, 2014). */
#ifndef ANN_RNG_H
#define ANN_RNG_H
#include "kernels.h"

enum { RANDOM_BITS = 31 };

ANN_INLINE uint64_t ann_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* The key of stream i under a key. */
ANN_INLINE uint64_t ann_stream(uint64_t key, uint64_t i)
{
    return ann_mix(key + (i + 1) * UINT64_C(0x9E3779B97F4A7C15));
}

/* Uniform on [0, 2^31). */
ANN_INLINE uint32_t ann_random(uint64_t key, uint64_t counter)
{
    return (uint32_t)(ann_stream(key, counter) >> (64 - RANDOM_BITS));
}

#endif
