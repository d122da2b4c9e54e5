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

/* x[i] = its centroids side by side: codes (n, nsq), centroids (nsq, 256, dsub); or, where coarse is
 * not NULL, codes (n, bytes + nsq), those of both levels added. */
int ann_pq_decode(const uint8_t *codes, const float *centroids, const ann_coarse *coarse, size_t n,
                  size_t nsq, size_t dsub, int threads, float *x);

/* codes[i] = nearest (squared L2) of k <= 65536 centroids, the smaller one where they tie: x (n, d),
 * panels (k / 32, d, 32). */
int ann_nearest_of(const float *x, const float *panels, size_t n, size_t d, size_t k, int threads,
                   uint16_t *codes);

/* sums[codes[i]] += x[i], i ascending, and counts: x (n, d), sums (k, d), counts (k). */
int ann_code_sums(const float *x, const uint16_t *codes, size_t n, size_t d, size_t k,
                  double *sums, int64_t *counts);

/* cross[i] = |r|^2 + 2 c.r with c what the first level of codes[i] stands for and r what the second
 * adds: then |q - c - r|^2 = |q - c|^2 - 2 q.r + cross. codes (n, bytes + nsq), cross (n). */
int ann_cross(const uint8_t *codes, const float *centroids, const ann_coarse *coarse, size_t n,
              size_t nsq, size_t dsub, int threads, float *cross);

/* sums[m, c] = sum of the x[i] with codes[i, m] = c, i ascending; counts[m, c] = how many.
 * x (n, d), codes (n, nsq), sums (nsq, 256, d), counts (nsq, 256); overwritten. */
int ann_class_sums(const float *x, const uint8_t *codes, size_t n, size_t d, size_t nsq,
                   int threads, float *sums, int64_t *counts);

#endif
