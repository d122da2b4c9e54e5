/* Linear maps and exact distances. */
#ifndef ANN_DISTANCE_H
#define ANN_DISTANCE_H
#include "types.h"

/* y[i, j] = sum_t x[i, t] * w[t, j], t ascending: x (n, d), w (d, ldw) with ldw a multiple of 32
 * and at least d_out, y (n, d_out). The rotation of OPQ is w = rotation.T. */
int ann_matmul(const float *x, const float *w, size_t n, size_t d, size_t d_out, size_t ldw,
               int threads, float *y);

/* dis[i, j] = distance of query[i] and base[ids[i, j]], summed in double; infinity where the id
 * is -1. query (nq, d), base (nb, d), ids (nq, k), dis (nq, k). */
int ann_pair_distances(const float *query, const float *base, const int32_t *ids, size_t nq,
                       size_t nb, size_t d, size_t k, int ip, int threads, double *dis);

/* out[i] = squared L2 distance of x[i] and y[i], summed in double: x, y (n, d), out (n). */
int ann_row_distances(const float *x, const float *y, size_t n, size_t d, int threads,
                      double *out);

#endif
