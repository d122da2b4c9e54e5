/* The exact distance of two float32 vectors: eight partial sums in double, added by a fixed tree. */
#ifndef ANN_EXACT_H
#define ANN_EXACT_H
#include "kernels.h"

ANN_INLINE double ann_term(double a, double b, int ip)
{
    return ip ? -a * b : (a - b) * (a - b);
}

/* Sum of eight lanes by a fixed tree. */
ANN_INLINE double ann_tree8(const double *s)
{
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

ANN_INLINE double ann_exact_distance(const float *x, const float *y, size_t d, int ip)
{
    double acc[8] = {0};
    size_t t = 0;
    for (; t + 8 <= d; t += 8)
        for (size_t j = 0; j < 8; j++)
            acc[j] += ann_term(x[t + j], y[t + j], ip);
    for (size_t j = 0; t + j < d; j++)
        acc[j] += ann_term(x[t + j], y[t + j], ip);
    return ann_tree8(acc);
}

#endif
