/* Product quantisation: centroids are passed transposed, centroids_t (nsq, dsub, 256), so that the
 * 256 centroids of a dimension lie side by side in vector lanes. */
#ifndef ANN_ADC_H
#define ANN_ADC_H
#include "types.h"

/* tables[i, m, c] = distance of sub-vector m of x[i] and centroid c: squared L2, or minus the
 * inner product where ip is 1. x (n, nsq * dsub), tables (n, nsq, 256). */
int ann_adc_tables(const float *x, const float *centroids_t, size_t n, size_t nsq, size_t dsub,
                   int ip, int threads, float *tables);

/* codes[i, m] = nearest centroid (squared L2) of sub-vector m of x[i]: codes (n, nsq). */
int ann_pq_encode(const float *x, const float *centroids_t, size_t n, size_t nsq, size_t dsub,
                  int threads, uint8_t *codes);

/* x[i] = its centroids side by side: codes (n, nsq), centroids (nsq, 256, dsub). */
int ann_pq_decode(const uint8_t *codes, const float *centroids, size_t n, size_t nsq, size_t dsub,
                  int threads, float *x);

/* sums[m, c] = sum of the x[i] with codes[i, m] = c, i ascending; counts[m, c] = how many.
 * x (n, d), codes (n, nsq), sums (nsq, 256, d), counts (nsq, 256); overwritten. */
int ann_class_sums(const float *x, const uint8_t *codes, size_t n, size_t d, size_t nsq,
                   int threads, float *sums, int64_t *counts);

#endif
