/* Reconstructions of vertices from their codes and links, and the re-ranking by them. */
#include "beta.h"
#include "linked.h"
#include "row.h"

/* The codewords of vertices, as the functions of csrc/beta.h have them. */
typedef struct {
    const float *centroids;
    const uint8_t *codes;
    size_t k;
} codebook;

/* Codewords that exist: checked once per call, trusted inside. */
ANN_INLINE int is_codebook(const codebook *b)
{
    return b->codes ? b->k == KSUB : b->k == 1;
}

/* Reconstruction of one vertex into out (d): j ascending, q(x) first. */
ANN_INLINE void reconstruct(const linked *v, const codebook *b, size_t id, float *room, float *out)
{
    const size_t parts = v->parts, d = v->nsq * v->dsub, dp = d / parts;
    memset(out, 0, d * sizeof *out);
    for (size_t j = 0; j < v->m1; j++) {
        decode_linked(v, id, j, room);
        for (size_t p = 0; p < parts; p++) {
            size_t c = b->codes ? b->codes[id * parts + p] : 0;
            float weight = b->centroids[(p * b->k + c) * v->m1 + j];
            for (size_t t = p * dp; t < (p + 1) * dp; t++)
                out[t] += weight * room[t];
        }
    }
}

ANN_CLONES
int ann_reconstruct(const int32_t *ids, const uint8_t *codes, const int32_t *neighbors,
                    const float *centroids, const ann_coarse *coarse,
                    const float *beta_centroids, const uint8_t *beta_codes, size_t n, size_t nb,
                    size_t nsq, size_t dsub, size_t m1, size_t parts, size_t kbeta, int threads,
                    float *room, float *out)
{
    const linked v = {codes, neighbors, centroids, coarse, nsq, dsub, m1, parts};
    const codebook b = {beta_centroids, beta_codes, kbeta};
    const size_t d = nsq * dsub;
    if (threads < 1 || !is_linked(&v) || !is_codebook(&b))
        return ANN_EINVAL;
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= nb)
            return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        reconstruct(&v, &b, (size_t)ids[i], ann_own(room, d * sizeof *room), out + i * d);
    return ANN_OK;
}

ANN_CLONES
int ann_reorder(const float *query, const uint8_t *codes, const int32_t *neighbors,
                const float *centroids, const ann_coarse *coarse, const float *beta_centroids,
                const uint8_t *beta_codes, size_t nq, size_t k, size_t k_reorder, size_t nb,
                size_t nsq, size_t dsub, size_t m1, size_t parts, size_t kbeta, int ip,
                int threads, float *room, float *D, int32_t *I, int32_t *nreorder)
{
    const linked v = {codes, neighbors, centroids, coarse, nsq, dsub, m1, parts};
    const codebook b = {beta_centroids, beta_codes, kbeta};
    const size_t d = nsq * dsub;
    if (threads < 1 || k_reorder > k || !is_linked(&v) || !is_codebook(&b))
        return ANN_EINVAL;
    for (size_t i = 0; i < nq * k; i++)
        if (I[i] < -1 || (I[i] >= 0 && (size_t)I[i] >= nb))
            return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t q = 0; q < nq; q++) {
        float *scratch = ann_own(room, 2 * d * sizeof *room), *x = scratch + d;
        float *dis = D + q * k;
        int32_t *ids = I + q * k;
        size_t n = 0;
        for (size_t j = 0; j < k_reorder && ids[j] >= 0; j++) {
            prefetch_vertex(&v, (size_t)ids[j]);
            if (beta_codes)
                __builtin_prefetch(beta_codes + (size_t)ids[j] * parts);
        }
        for (size_t j = 0; j < k_reorder && ids[j] >= 0; j++)
            prefetch_links(&v, (size_t)ids[j]);
        for (; n < k_reorder && ids[n] >= 0; n++) {
            int32_t id = ids[n];
            reconstruct(&v, &b, (size_t)id, scratch, x);
            float dn = ann_row_distance(ROW_FLOAT, query + q * d, ROW_FLOAT, x, d, ip);
            size_t j = n; /* insertion into the sorted ones before it */
            for (; j > 0 && (dn < dis[j - 1] || (dn == dis[j - 1] && id < ids[j - 1])); j--) {
                dis[j] = dis[j - 1];
                ids[j] = ids[j - 1];
            }
            dis[j] = dn;
            ids[j] = id;
        }
        nreorder[q] = (int32_t)n;
    }
    return ANN_OK;
}
