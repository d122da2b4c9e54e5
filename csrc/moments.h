/* The moments of sixteen vertices at a time (csrc/beta.h says what they are). */
#ifndef ANN_MOMENTS_H
#define ANN_MOMENTS_H
#include "beta.h"
#include "linked.h"

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

/* Sub-quantisers from .. to of the codes of sixteen vertices, a vertex to a lane. */
ANN_INLINE void decode_turned(const linked *v, const uint8_t *const code[LANES], size_t from,
                              size_t to, float *out)
{
    for (size_t s = from; s < to; s++) {
        const float *word[LANES];
        for (size_t r = 0; r < LANES; r++)
            word[r] = v->centroids + (s * KSUB + code[r][s]) * v->dsub;
        turn(word, v->dsub, out + (s - from) * v->dsub * LANES);
    }
}

/* How far apart the codes of two vertices are decoded; a power of two would share a few places of the
 * cache. */
ANN_INLINE size_t decoded_apart(const linked *v)
{
    return v->m1 * v->nsq * v->dsub + LANES;
}

/* Floats of scratch for moments_of_sixteen. */
ANN_INLINE size_t moments_room(const linked *v)
{
    return LANES * (decoded_apart(v) + (v->m1 + 1) * v->nsq * v->dsub);
}

/* Moments of the `held` <= 16 vertices id, id + 1, ..., of whose rotated vectors x are the first:
 * those of a part at out, those of the next `apart` floats on. Vertices before `end` will follow. */
ANN_INLINE void moments_of_sixteen(const linked *v, const float *x, size_t id, size_t held,
                                   size_t end, size_t apart, float *room, float *moments)
{
    enum { AHEAD = 4 };
    const size_t m1 = v->m1, parts = v->parts, nsq = v->nsq, d = nsq * v->dsub, width = d / parts;
    const size_t n_moments = ann_beta_n_moments(m1), vertex = decoded_apart(v);
    const int whole = !v->coarse && nsq % parts == 0; /* parts are sub-quantisers */
    /* u_0, ..., e of a part with a vertex a lane, and what the vertices stand for one by one. */
    float *turned = room, *decoded = turned + LANES * (m1 + 1) * d;
    size_t at_lane[LANES];
    for (size_t r = 0; r < LANES; r++) { /* past the end: the last one again, unused */
        size_t i = at_lane[r] = r < held ? r : held - 1;
        if (id + i + AHEAD < end)
            prefetch_links(v, id + i + AHEAD);
        for (size_t j = 0; j < m1 && !whole; j++)
            decode_linked(v, id + i, j, decoded + r * vertex + j * d);
    }
    for (size_t part = 0; part < parts; part++) {
        float *out = moments + part * apart;
        const float *row[LANES];
        for (size_t j = 0; j < m1; j++) {
            if (whole) {
                const uint8_t *code[LANES];
                for (size_t r = 0; r < LANES; r++)
                    code[r] = v->codes + nsq * vertex_or_link(v, id + at_lane[r], j);
                decode_turned(v, code, part * nsq / parts, (part + 1) * nsq / parts,
                              turned + j * width * LANES);
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

#endif
