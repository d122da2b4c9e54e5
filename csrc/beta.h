/* Link & Code: regression of a vertex from its own code and those of its M0 links.
 *
 * With u_0 = q(x) and u_j = q(n_j) - q(x) the reconstruction sum_j b_j q(n_j) (n_0 = x itself) is
 * q(x) + sum_j c_j u_j, where c_0 = b_0 + ... + b_M0 - 1 and c_j = b_j; and with e = x - q(x) its
 * squared error is the polynomial e.e - 2 sum_j c_j u_j.e + sum_ij c_i c_j u_i.u_j. A vertex enters
 * training and encoding only by the coefficients of that polynomial, its moments: small numbers,
 * as e and u_j are differences, so that float32 loses nothing.
 *
 * A missing link (-1) is replaced by the vertex itself. m1 is M0 + 1. codes are (nb, nsq), or
 * (nb, bytes + nsq) where coarse, their first level, is not NULL. */
#ifndef ANN_BETA_H
#define ANN_BETA_H
#include "types.h"

/* How many vertices ann_beta_moments takes at a time, and of those as a lane of each vector. */
enum { ANN_TILE_ROWS = 64, ANN_MOMENT_ROWS = 16 };

/* How vectors are stored. */
enum { ANN_FLOAT32, ANN_UINT8, ANN_INT8 };

/* How many moments: m1 (m1 + 1) / 2 products u_i.u_j (i <= j, row by row), m1 products u_j.e, e.e */
size_t ann_beta_n_moments(size_t m1);

/* Moments of the n vertices first ... first + n - 1 over each of `parts` equal parts of the
 * dimensions: x (n, d) their vectors, stored so, rotation (d, ldr) as of ann_matmul or NULL where they
 * need none and d is nsq * dsub, neighbors (nb, m1 - 1), centroids (nsq, 256, dsub); moments (parts, n,
 * n_moments). With w (parts, n_moments, ldw), not NULL, beta_codes (n, parts) and least (n) are as of
 * ann_least_columns, and moments may be NULL, where they are not wanted.
 * Scratch: room (threads, ANN_TILE_ROWS * (d + nsq * dsub + parts * n_moments) + ANN_MOMENT_ROWS *
 * ((2 m1 + 1) * nsq * dsub + ANN_MOMENT_ROWS)), apart. */
int ann_beta_moments(const void *x, int stored, const float *rotation, const uint8_t *codes,
                     const int32_t *neighbors, const float *centroids, const ann_coarse *coarse,
                     const float *w, size_t first, size_t n, size_t nb, size_t d, size_t ldr,
                     size_t nsq, size_t dsub, size_t m1, size_t parts, size_t k, size_t ldw,
                     int threads, float *room, float *moments, uint8_t *beta_codes, double *least);

/* codes[i, p] = the column of least value of x[p, i] . w[p], the smaller one where they tie, and
 * least[i] the sum of these values over p: x (parts, n, depth), w (parts, depth, ldw), ldw a multiple
 * of 32, of which the first k <= 256 columns count; codes (n, parts), least (n). */
int ann_least_columns(const float *x, const float *w, size_t parts, size_t n, size_t depth, size_t k,
                      size_t ldw, int threads, uint8_t *codes, double *least);

/* sums[p, codes[i, p]] += x[p, i], i ascending, and counts likewise: x (parts, n, depth), codes (n,
 * parts), sums (parts, k, depth), counts (parts, k), which the caller has set to 0 or to what earlier
 * rows made them. */
int ann_group_sums(const float *x, const uint8_t *codes, size_t parts, size_t n, size_t depth,
                   size_t k, int threads, double *sums, int64_t *counts);

/* b[i] = least-norm solution of A[i] b = r[i] by Jacobi's eigenvalue method; eigenvalues of at most
 * cut times the largest count as zero. A (n, m, m) symmetric, r (n, m), b (n, m).
 * Scratch: room (threads, 2, m, m, 8), apart. Of A the upper triangle is read. Returns ANN_EINVAL where
 * a number there, the squares of a diagonal or b are not finite, or a rotation sequence does not end. */
int ann_solve(const double *A, const double *r, size_t n, size_t m, double cut, int threads,
              double *room, double *b);

/* weights[i * stride ...] (m1) = those of least squares for a vertex, by the moments (n, n_moments) of
 * ann_beta_moments, solved as ann_solve does. The cut refers to the table of decoded codes itself, so
 * the moments of differences are turned back into its products.
 * Scratch: room (threads, 2 m1 + 2, m1, 8), apart. */
int ann_beta_weights(const float *moments, size_t n, size_t m1, double cut, size_t stride,
                     int threads, double *room, float *weights);

/* out[i] = reconstruction of vertex ids[i]: beta_centroids (parts, kbeta, m1), beta_codes
 * (nb, parts) or NULL where every vertex has codeword 0. out (n, nsq * dsub).
 * Scratch: room (threads, nsq * dsub), apart. */
int ann_reconstruct(const int32_t *ids, const uint8_t *codes, const int32_t *neighbors,
                    const float *centroids, const ann_coarse *coarse,
                    const float *beta_centroids, const uint8_t *beta_codes, size_t n, size_t nb,
                    size_t nsq, size_t dsub, size_t m1, size_t parts, size_t kbeta, int threads,
                    float *room, float *out);

/* The first k_reorder results of each query get the distance to their reconstruction and are sorted
 * by (distance, id): query (nq, nsq * dsub), D, I (nq, k) in and out, nreorder (nq) how many were
 * reconstructed. Scratch: room (threads, 2, nsq * dsub), apart. */
int ann_reorder(const float *query, const uint8_t *codes, const int32_t *neighbors,
                const float *centroids, const ann_coarse *coarse, const float *beta_centroids,
                const uint8_t *beta_codes, size_t nq, size_t k, size_t k_reorder, size_t nb,
                size_t nsq, size_t dsub, size_t m1, size_t parts, size_t kbeta, int ip,
                int threads, float *room, float *D, int32_t *I, int32_t *nreorder);

#endif
