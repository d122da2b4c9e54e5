/* What the training of an OPQ rotation sums up, in double and in an order of its own: neither BLAS
 * nor LAPACK has a say in the bits. */
#ifndef ANN_ROTATION_H
#define ANN_ROTATION_H
#include "types.h"

/* Matrices below have rows of a multiple of so many columns; those that are not needed hold 0. */
enum { ANN_ROW_STEP = 16 };

/* y[i, j] = sum_t x[i, t] * w[t, j], t ascending: x (n, d), w and y of ldw columns, a multiple of
 * ANN_ROW_STEP. */
int ann_product(const double *x, const double *w, size_t n, size_t d, size_t ldw, double *y);

/* Turns pairs of rows of a (n, lda) until every two are orthogonal, and those of q (n, ldq) with
 * them, which brings its own start: one-sided Jacobi (Hestenes, 1958), the longest row first (de
 * Rijk, 1989). Rows that are down to rounding beside the longest stay as they are. norms (n): the
 * squared lengths of the rows of a in the end. Returns ANN_EINVAL where that does not end. */
int ann_orthogonalise(size_t n, size_t lda, size_t ldq, double *a, double *q, double *norms);

/* means[m, c, t] = sums[m, c] . rotation[m * dsub + t]: sums (nsq, 256, d), rotation (nsq * dsub,
 * d), means (nsq, 256, dsub). */
int ann_part_means(const float *sums, const float *rotation, size_t nsq, size_t dsub, size_t d,
                   int threads, double *means);

/* out[m * dsub + t] = sum_c centroids[m, c, t] * sums[m, c], c ascending: centroids (nsq, 256,
 * dsub), sums (nsq, 256, d), out (nsq * dsub, d). */
int ann_part_correlation(const float *centroids, const float *sums, size_t nsq, size_t dsub,
                         size_t d, int threads, double *out);

#endif
