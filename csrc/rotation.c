/* Products and Jacobi rotations in double: eight fixed partial sums where lanes run along a sum. */
#include "rotation.h"

#include <math.h>

#include "kernels.h"

typedef double d8 __attribute__((vector_size(64), aligned(8), may_alias));

enum { DOUBLES = 8, MOST_SWEEPS = 60 };
#define NEGLIGIBLE 1e-28 /* of a squared cosine between two rows */
#define ROUNDING 1e-26   /* of a squared length, over the largest: such a row has no direction */

ANN_INLINE double sum8(d8 s)
{
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

ANN_INLINE double dot(const double *x, const double *y, size_t n)
{
    d8 even = {0}, odd = {0}; /* two sums, as one would wait for itself */
    for (size_t t = 0; t < n; t += ANN_ROW_STEP) {
        even += *(const d8 *)(x + t) * *(const d8 *)(y + t);
        odd += *(const d8 *)(x + t + DOUBLES) * *(const d8 *)(y + t + DOUBLES);
    }
    return sum8(even + odd);
}

ANN_INLINE void add(double weight, const double *x, size_t n, double *y)
{
    for (size_t t = 0; t < n; t += DOUBLES)
        *(d8 *)(y + t) += weight * *(const d8 *)(x + t);
}

/* x, y = c x - s y, s x + c y. */
ANN_INLINE void turn(double *x, double *y, size_t n, double c, double s)
{
    for (size_t t = 0; t < n; t += DOUBLES) {
        d8 xt = *(d8 *)(x + t), yt = *(d8 *)(y + t);
        *(d8 *)(x + t) = c * xt - s * yt;
        *(d8 *)(y + t) = s * xt + c * yt;
    }
}

ANN_INLINE void swap(double *x, double *y, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        double held = x[t];
        x[t] = y[t];
        y[t] = held;
    }
}

ANN_CLONES
int ann_product(const double *x, const double *w, size_t n, size_t d, size_t ldw, double *y)
{
    if (ldw % ANN_ROW_STEP)
        return ANN_EINVAL;
    memset(y, 0, n * ldw * sizeof *y);
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < d; t++)
            add(x[i * d + t], w + t * ldw, ldw, y + i * ldw);
    return ANN_OK;
}

/* Makes row i orthogonal to those after it, one after the other; returns how often it turned. Rows
 * up to the squared length of `least` are 0. */
ANN_INLINE size_t turn_row(size_t i, size_t n, size_t lda, size_t ldq, double least, double *a,
                           double *q, double *norms)
{
    size_t turned = 0;
    for (size_t j = i + 1; j < n; j++) {
        double p = dot(a + i * lda, a + j * lda, lda);
        if (p * p <= NEGLIGIBLE * norms[i] * norms[j] || norms[i] <= least || norms[j] <= least)
            continue;
        double zeta = (norms[j] - norms[i]) / (2 * p);
        double t = (zeta < 0 ? -1 : 1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
        double c = 1 / sqrt(1 + t * t), s = c * t;
        turn(a + i * lda, a + j * lda, lda, c, s);
        turn(q + i * ldq, q + j * ldq, ldq, c, s);
        norms[i] -= t * p;
        norms[j] += t * p;
        turned++;
    }
    return turned;
}

ANN_CLONES
int ann_orthogonalise(size_t n, size_t lda, size_t ldq, double *a, double *q, double *norms)
{
    if (lda % ANN_ROW_STEP || ldq % ANN_ROW_STEP)
        return ANN_EINVAL;
    for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
        size_t turned = 0;
        double largest = 0;
        for (size_t i = 0; i < n; i++) {
            norms[i] = dot(a + i * lda, a + i * lda, lda);
            largest = norms[i] > largest ? norms[i] : largest;
        }
        for (size_t i = 0; i < n; i++) {
            size_t longest = i;
            for (size_t j = i + 1; j < n; j++)
                longest = norms[j] > norms[longest] ? j : longest;
            swap(a + i * lda, a + longest * lda, lda);
            swap(q + i * ldq, q + longest * ldq, ldq);
            swap(norms + i, norms + longest, 1);
            turned += turn_row(i, n, lda, ldq, ROUNDING * largest, a, q, norms);
        }
        if (!turned)
            return ANN_OK;
    }
    return ANN_EINVAL;
}

/* Dot product of rows of any length: the products are exact in double. */
ANN_INLINE double dot_floats(const float *x, const float *y, size_t d)
{
    double lanes[DOUBLES] = {0};
    size_t t = 0;
    for (; t + DOUBLES <= d; t += DOUBLES)
        for (size_t j = 0; j < DOUBLES; j++)
            lanes[j] += (double)x[t + j] * y[t + j];
    for (size_t j = 0; t + j < d; j++)
        lanes[j] += (double)x[t + j] * y[t + j];
    return sum8(*(d8 *)lanes);
}

ANN_CLONES
int ann_part_means(const float *sums, const float *rotation, size_t nsq, size_t dsub, size_t d,
                   int threads, double *means)
{
    if (threads < 1)
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t m = 0; m < nsq; m++)
        for (size_t c = m * KSUB; c < (m + 1) * KSUB; c++)
            for (size_t t = 0; t < dsub; t++)
                means[c * dsub + t] = dot_floats(sums + c * d, rotation + (m * dsub + t) * d, d);
    return ANN_OK;
}

ANN_CLONES
int ann_part_correlation(const float *centroids, const float *sums, size_t nsq, size_t dsub,
                         size_t d, int threads, double *out)
{
    if (threads < 1)
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t m = 0; m < nsq; m++) {
        double *part = out + m * dsub * d;
        memset(part, 0, dsub * d * sizeof *part);
        for (size_t c = m * KSUB; c < (m + 1) * KSUB; c++)
            for (size_t t = 0; t < dsub; t++) {
                double weight = centroids[c * dsub + t];
                for (size_t j = 0; j < d; j++)
                    part[t * d + j] += weight * sums[c * d + j];
            }
    }
    return ANN_OK;
}
