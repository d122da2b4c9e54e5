/* Regression from neighbours: moments, assignment, sums per codeword. */
#include "beta.h"

#include <omp.h>

#include "adc_table.h"
#include "kernels.h"
#include "matmul_block.h"
#include "space.h"

_Static_assert((int)ANN_MOMENT_ROWS == (int)LANES, "a vertex a lane");

size_t ann_beta_n_moments(size_t m1)
{
    return m1 * (m1 + 1) / 2 + m1 + 1;
}

/* Products of the vectors i and j of `held` vertices, into every `stride`-th place of out: x
 * (m1 + 1, d, LANES), a vertex to a lane. One pair by itself would spend most of its time on the
 * tree in the end and on what is left of d beyond whole vectors of lanes. The order of additions is
 * that of ann_row_distance. */
ANN_INLINE void dots(const float *x, size_t i, size_t j, size_t d, size_t held, size_t stride,
                     float *out)
{
    const v16 *a = (const v16 *)x + i * d, *b = (const v16 *)x + j * d;
    v16 acc[LANES];
    size_t t = 0;
    for (size_t l = 0; l < LANES; l++)
        acc[l] = (v16){0};
    for (; t + LANES <= d; t += LANES)
        for (size_t l = 0; l < LANES; l++)
            acc[l] -= a[t + l] * b[t + l];
    for (size_t l = 0; l < LANES; l++)
        if (t + l < d)
            acc[l] -= a[t + l] * b[t + l];
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++)
            acc[l] += acc[l + half];
    for (size_t r = 0; r < held; r++)
        out[r * stride] = -acc[0][r];
}

/* out[t * LANES + r] = x[r][t] for `width` places t of sixteen rows: in squares of four, as gcc would
 * move number by number. */
ANN_INLINE void turn(const float *const x[LANES], size_t width, float *out)
{
    typedef float v4 __attribute__((vector_size(16)));
    typedef int32_t i4 __attribute__((vector_size(16)));
    enum { SIDE = 4 };
    const i4 low = {0, 4, 1, 5}, high = {2, 6, 3, 7}, left = {0, 1, 4, 5}, right = {2, 3, 6, 7};
    size_t t = 0;
    for (; t + SIDE <= width; t += SIDE)
        for (size_t r = 0; r < LANES; r += SIDE) {
            v4 a[SIDE], b[SIDE];
            for (size_t j = 0; j < SIDE; j++)
                memcpy(&a[j], x[r + j] + t, sizeof a[j]);
            b[0] = __builtin_shuffle(a[0], a[1], low);
            b[1] = __builtin_shuffle(a[0], a[1], high);
            b[2] = __builtin_shuffle(a[2], a[3], low);
            b[3] = __builtin_shuffle(a[2], a[3], high);
            a[0] = __builtin_shuffle(b[0], b[2], left);
            a[1] = __builtin_shuffle(b[0], b[2], right);
            a[2] = __builtin_shuffle(b[1], b[3], left);
            a[3] = __builtin_shuffle(b[1], b[3], right);
            for (size_t j = 0; j < SIDE; j++)
                memcpy(out + (t + j) * LANES + r, &a[j], sizeof a[j]);
        }
    for (; t < width; t++)
        for (size_t r = 0; r < LANES; r++)
            out[t * LANES + r] = x[r][t];
}

/* The vertex itself (j 0) or its link j; itself, too, where that is missing. */
ANN_INLINE size_t vertex_or_link(const int32_t *neighbors, size_t id, size_t j, size_t m1)
{
    int32_t link = j ? neighbors[id * (m1 - 1) + j - 1] : -1;
    return link < 0 ? id : (size_t)link;
}

/* Sub-quantisers from .. to of the codes of sixteen vertices, a vertex to a lane. */
ANN_INLINE void decode_turned(const uint8_t *const code[LANES], const float *centroids, size_t from,
                              size_t to, size_t dsub, float *out)
{
    for (size_t s = from; s < to; s++) {
        const float *word[LANES];
        for (size_t r = 0; r < LANES; r++)
            word[r] = centroids + (s * KSUB + code[r][s]) * dsub;
        turn(word, dsub, out + (s - from) * dsub * LANES);
    }
}

/* Bring what the moments or a reconstruction read of a vertex itself, codes of `size` bytes ... */
ANN_INLINE void prefetch_vertex(size_t id, const uint8_t *codes, const int32_t *neighbors,
                                const uint8_t *beta_codes, size_t size, size_t m1, size_t parts)
{
    __builtin_prefetch(neighbors + id * (m1 - 1));
    __builtin_prefetch(codes + id * size);
    __builtin_prefetch(codes + (id + 1) * size - 1);
    if (beta_codes)
        __builtin_prefetch(beta_codes + id * parts);
}

/* ... and, once its links are there, of those. */
ANN_INLINE void prefetch_links(size_t id, const uint8_t *codes, const int32_t *neighbors,
                               size_t size, size_t m1)
{
    const int32_t *links = neighbors + id * (m1 - 1);
    for (size_t j = 0; j < m1 - 1 && links[j] >= 0; j++) {
        __builtin_prefetch(codes + (size_t)links[j] * size);
        __builtin_prefetch(codes + ((size_t)links[j] + 1) * size - 1);
    }
}

ANN_CLONES
int ann_beta_moments(const float *x, const uint8_t *codes, const int32_t *neighbors,
                     const float *centroids, const ann_coarse *coarse, size_t first, size_t n,
                     size_t nb, size_t nsq, size_t dsub, size_t m1, size_t parts, int threads,
                     float *room, float *moments)
{
    enum { AHEAD = 4 };
    size_t d = nsq * dsub, n_moments = ann_beta_n_moments(m1), size = ann_code_size(nsq, coarse);
    if (threads < 1 || first + n > nb || m1 < 1 || parts < 1 || d % parts ||
        !ann_is_coarse(coarse, nsq, dsub))
        return ANN_EINVAL;
    /* Rows a power of two apart would share a few places of the cache. */
    size_t width = d / parts, vertex = m1 * d + LANES;
    int whole = !coarse && nsq % parts == 0; /* parts are sub-quantisers */
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t block = 0; block < n; block += LANES) {
        /* u_0, ..., e of a part with a vertex a lane, and what the vertices stand for one by one. */
        float *turned = ann_own(room, LANES * (vertex + (m1 + 1) * d) * sizeof *room);
        float *decoded = turned + LANES * (m1 + 1) * d;
        const size_t held = n - block < LANES ? n - block : LANES;
        size_t at_lane[LANES];
        for (size_t r = 0; r < LANES; r++) { /* past the end: the last one again, unused */
            size_t i = at_lane[r] = block + (r < held ? r : held - 1);
            if (i + AHEAD < n)
                prefetch_links(first + i + AHEAD, codes, neighbors, size, m1);
            for (size_t j = 0; j < m1 && !whole; j++)
                ann_decode_at(codes, vertex_or_link(neighbors, first + i, j, m1), centroids, coarse,
                              nsq, dsub, decoded + r * vertex + j * d);
        }
        for (size_t part = 0; part < parts; part++) {
            float *out = moments + (part * n + block) * n_moments;
            const float *row[LANES];
            for (size_t j = 0; j < m1; j++) {
                if (whole) {
                    const uint8_t *code[LANES];
                    for (size_t r = 0; r < LANES; r++)
                        code[r] = codes + nsq * vertex_or_link(neighbors, first + at_lane[r], j, m1);
                    decode_turned(code, centroids, part * nsq / parts, (part + 1) * nsq / parts,
                                  dsub, turned + j * width * LANES);
                } else {
                    for (size_t r = 0; r < LANES; r++)
                        row[r] = decoded + r * vertex + j * d + part * width;
                    turn(row, width, turned + j * width * LANES);
                }
            }
            for (size_t r = 0; r < LANES; r++)
                row[r] = x + at_lane[r] * d + part * width;
            turn(row, width, turned + m1 * width * LANES);
            for (size_t j = 1; j <= m1; j++)
                for (size_t t = 0; t < width; t++)
                    ((v16 *)turned)[j * width + t] -= ((v16 *)turned)[t];
            for (size_t i = 0; i < m1; i++)
                for (size_t j = i; j < m1; j++)
                    dots(turned, i, j, width, held, n_moments, out++);
            for (size_t j = 0; j <= m1; j++) /* e is the last, e.e the last product */
                dots(turned, j, m1, width, held, n_moments, out++);
        }
    }
    return ANN_OK;
}

ANN_CLONES
int ann_least_columns(const float *x, const float *w, size_t parts, size_t n, size_t depth, size_t k,
                      size_t ldw, int threads, uint8_t *codes, double *least)
{
    if (threads < 1 || depth < 1 || k < 1 || k > KSUB || ldw % BLOCK_COLS || ldw < k)
        return ANN_EINVAL;
#pragma omp parallel num_threads(threads)
    for (size_t part = 0; part < parts; part++)
        /* Without a barrier: in equal loops of one region a thread has the same rows. */
#pragma omp for schedule(static) nowait
        for (size_t i = 0; i < n; i += BLOCK_ROWS) {
            const float *rows[BLOCK_ROWS];
            float values[BLOCK_ROWS][KSUB], found;
            for (size_t r = 0; r < BLOCK_ROWS; r++) /* past the end: the last row again, unused */
                rows[r] = x + (part * n + (i + r < n ? i + r : n - 1)) * depth;
            for (size_t j = 0; j < k; j += BLOCK_COLS) {
                float *out[BLOCK_ROWS];
                for (size_t r = 0; r < BLOCK_ROWS; r++)
                    out[r] = values[r] + j;
                ann_block(rows, w + part * depth * ldw + j, depth, ldw, out);
            }
            for (size_t r = 0; r < BLOCK_ROWS && i + r < n; r++) {
                codes[(i + r) * parts + part] = (uint8_t)ann_least_of(values[r], k, &found);
                least[i + r] = (part ? least[i + r] : 0) + found;
            }
        }
    return ANN_OK;
}

ANN_CLONES
int ann_group_sums(const float *x, const uint8_t *codes, size_t n, size_t depth, size_t k,
                   size_t stride, double *sums, int64_t *counts)
{
    for (size_t i = 0; i < n; i++)
        if (codes[i * stride] >= k)
            return ANN_EINVAL;
    for (size_t i = 0; i < n; i++) {
        size_t c = codes[i * stride];
        counts[c]++;
        for (size_t t = 0; t < depth; t++)
            sums[c * depth + t] += x[i * depth + t];
    }
    return ANN_OK;
}

/* Reconstruction of one vertex into out (d): j ascending, q(x) first. */
ANN_INLINE void reconstruct(size_t id, const uint8_t *codes, const int32_t *neighbors,
                            const float *centroids, const ann_coarse *coarse,
                            const float *beta_centroids, const uint8_t *beta_codes, size_t nsq,
                            size_t dsub, size_t m1, size_t parts, size_t kbeta, float *room,
                            float *out)
{
    size_t d = nsq * dsub, dp = d / parts;
    memset(out, 0, d * sizeof *out);
    for (size_t j = 0; j < m1; j++) {
        ann_decode_at(codes, vertex_or_link(neighbors, id, j, m1), centroids, coarse, nsq, dsub, room);
        for (size_t p = 0; p < parts; p++) {
            size_t c = beta_codes ? beta_codes[id * parts + p] : 0;
            float weight = beta_centroids[(p * kbeta + c) * m1 + j];
            for (size_t t = p * dp; t < (p + 1) * dp; t++)
                out[t] += weight * room[t];
        }
    }
}

/* Codewords that exist, parts that divide: checked once per call, trusted inside. */
ANN_INLINE int beta_fits(const uint8_t *beta_codes, size_t d, size_t m1, size_t parts,
                         size_t kbeta)
{
    return m1 > 0 && parts > 0 && d % parts == 0 && (beta_codes ? kbeta == KSUB : kbeta == 1);
}

ANN_CLONES
int ann_reconstruct(const int32_t *ids, const uint8_t *codes, const int32_t *neighbors,
                    const float *centroids, const ann_coarse *coarse,
                    const float *beta_centroids, const uint8_t *beta_codes, size_t n, size_t nb,
                    size_t nsq, size_t dsub, size_t m1, size_t parts, size_t kbeta, int threads,
                    float *room, float *out)
{
    size_t d = nsq * dsub;
    if (threads < 1 || !beta_fits(beta_codes, d, m1, parts, kbeta) ||
        !ann_is_coarse(coarse, nsq, dsub))
        return ANN_EINVAL;
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= nb)
            return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++)
        reconstruct((size_t)ids[i], codes, neighbors, centroids, coarse, beta_centroids, beta_codes,
                    nsq, dsub, m1, parts, kbeta, ann_own(room, d * sizeof *room),
                    out + i * d);
    return ANN_OK;
}

ANN_CLONES
int ann_reorder(const float *query, const uint8_t *codes, const int32_t *neighbors,
                const float *centroids, const ann_coarse *coarse, const float *beta_centroids,
                const uint8_t *beta_codes, size_t nq, size_t k, size_t k_reorder, size_t nb,
                size_t nsq, size_t dsub, size_t m1, size_t parts, size_t kbeta, int ip,
                int threads, float *room, float *D, int32_t *I, int32_t *nreorder)
{
    size_t d = nsq * dsub, size = ann_code_size(nsq, coarse);
    if (threads < 1 || k_reorder > k || !beta_fits(beta_codes, d, m1, parts, kbeta) ||
        !ann_is_coarse(coarse, nsq, dsub))
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
        for (size_t j = 0; j < k_reorder && ids[j] >= 0; j++)
            prefetch_vertex((size_t)ids[j], codes, neighbors, beta_codes, size, m1, parts);
        for (size_t j = 0; j < k_reorder && ids[j] >= 0; j++)
            prefetch_links((size_t)ids[j], codes, neighbors, size, m1);
        for (; n < k_reorder && ids[n] >= 0; n++) {
            int32_t id = ids[n];
            reconstruct((size_t)id, codes, neighbors, centroids, coarse, beta_centroids, beta_codes,
                        nsq, dsub, m1, parts, kbeta, scratch, x);
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
