/* Distances of a space: query to vertex (query exact), vertex to vertex. */
#ifndef ANN_SPACE_H
#define ANN_SPACE_H
#include "code.h"
#include "row.h"

/* Whether a space of codes has what distances to a query need. */
ANN_INLINE int ann_measures_queries(const ann_space *s, size_t dsub)
{
    const ann_coarse *c = s->coarse;
    return !c || (ann_is_coarse(c, s->nsq, dsub) && c->dsub == dsub && c->panels && c->cross);
}

/* Whether it has what distances between codes need. */
ANN_INLINE int ann_measures_codes(const ann_space *s)
{
    const ann_coarse *c = s->coarse;
    return c ? c->residual && ann_is_coarse(c, s->nsq, c->dsub) : s->centroids && s->dsub;
}

/* The vector of a vertex, as it is stored. */
ANN_INLINE const void *ann_row(const ann_space *s, int32_t id)
{
    size_t at = (size_t)id * s->d;
    return s->vectors      ? (const void *)(s->vectors + at)
         : s->vectors_u8 ? (const void *)(s->vectors_u8 + at)
                         : (const void *)(s->vectors_i8 + at);
}

/* Where the rows, of codes or vectors, begin, and how many bytes one has. */
ANN_INLINE const char *ann_rows(const ann_space *s)
{
    return s->codes ? (const char *)s->codes : ann_row(s, 0);
}

ANN_INLINE size_t ann_row_size(const ann_space *s)
{
    return s->codes ? ann_code_size(s->nsq, s->coarse) : s->d * (s->vectors ? sizeof(float) : 1);
}

ANN_INLINE int ann_has_vectors(const ann_space *s)
{
    return s->vectors || s->vectors_u8 || s->vectors_i8;
}

/* Distance of a code in two levels by a query's tables; rounding may bring that of a vector that was
 * coded without loss below 0. */
ANN_INLINE float ann_two_levels(const ann_space *s, const float *table, int32_t id)
{
    const ann_coarse *coarse = s->coarse;
    const uint8_t *code = s->codes + (size_t)id * ann_code_size(s->nsq, coarse);
    const float *first = table + s->nsq * KSUB;
    size_t number[2];
    ann_split(coarse, code, number);
    float distance = first[number[0]] + first[((size_t)1 << coarse->bits) + number[1]];
    distance += ann_adc(table, code + coarse->bytes, s->nsq);
    if (s->ip)
        return distance;
    distance += coarse->cross[id];
    return distance > 0 ? distance : 0;
}

/* query is an ADC table (ann_table_size) for a space of codes, a vector (d) for one of vectors. */
ANN_INLINE float ann_to_query(const ann_space *s, const float *query, int32_t id)
{
    if (s->coarse)
        return ann_two_levels(s, query, id);
    if (s->codes)
        return ann_adc(query, s->codes + (size_t)id * s->nsq, s->nsq);
    const void *row = ann_row(s, id);
    return s->vectors      ? ann_row_distance(ROW_FLOAT, query, ROW_FLOAT, row, s->d, s->ip)
         : s->vectors_u8 ? ann_row_distance(ROW_FLOAT, query, ROW_U8, row, s->d, s->ip)
                         : ann_row_distance(ROW_FLOAT, query, ROW_I8, row, s->d, s->ip);
}

/* out (n) = distances to the vertices ids (n). */
ANN_INLINE void ann_to_query_many(const ann_space *s, const float *query, const int32_t *ids,
                                  size_t n, float *out)
{
    size_t i = 0;
    if (!s->codes)
        for (; i + 4 <= n; i += 4) {
            const void *rows[4];
            for (size_t j = 0; j < 4; j++)
                rows[j] = ann_row(s, ids[i + j]);
            if (s->vectors)
                ann_four_distances(ROW_FLOAT, query, rows, s->d, s->ip, out + i);
            else if (s->vectors_u8)
                ann_four_distances(ROW_U8, query, rows, s->d, s->ip, out + i);
            else
                ann_four_distances(ROW_I8, query, rows, s->d, s->ip, out + i);
        }
    for (; i < n; i++)
        out[i] = ann_to_query(s, query, ids[i]);
}

/* Vertices are compared with each other as points: a row of vectors as it is, or what a code stands
 * for. That of a code in one level has blocks (dsub, 16) of sixteen sub-vectors side by side, in
 * groups of four; those that fill no group have one each. */
enum { GROUP = 4 };

/* How many floats a decoded point has. */
ANN_INLINE size_t ann_point_size(const ann_space *s)
{
    if (!s->codes || s->coarse)
        return s->codes ? s->nsq * s->coarse->dsub : 0;
    size_t groups = s->nsq / GROUP + s->nsq % GROUP;
    return (groups + LANES / GROUP - 1) / (LANES / GROUP) * LANES * s->dsub;
}

ANN_INLINE void ann_scatter(const ann_space *s, const uint8_t *code, size_t dsub, float *point)
{
    const size_t whole = s->nsq / GROUP * GROUP;
    for (size_t m = 0; m < s->nsq; m++) {
        size_t lane = m < whole ? m : whole + (m - whole) * GROUP;
        const float *centroid = s->centroids + (m * KSUB + code[m]) * dsub;
        float *to = point + lane / LANES * LANES * dsub + lane % LANES;
        for (size_t t = 0; t < dsub; t++)
            to[t * LANES] = centroid[t];
    }
}

/* The point of a vertex, decoded where that is needed: room (ann_point_size), zeroed at first. */
ANN_INLINE const void *ann_point(const ann_space *s, int32_t id, float *room)
{
    if (!s->codes)
        return ann_row(s, id);
    if (s->coarse)
        ann_decode_at(s->codes, (size_t)id, s->coarse->residual, s->coarse, s->nsq,
                      s->coarse->dsub, room);
    else if (s->dsub == 4) /* spelt out as in ann_decode */
        ann_scatter(s, s->codes + (size_t)id * s->nsq, 4, room);
    else
        ann_scatter(s, s->codes + (size_t)id * s->nsq, s->dsub, room);
    return room;
}

/* The same sum as ann_adc's of a table that one code has to the other. */
ANN_INLINE float ann_point_distance(const float *a, const float *b, size_t size, size_t dsub,
                                    int ip)
{
    float sum[GROUP] = {0};
    for (size_t i = 0; i < size; i += LANES * dsub) {
        float part[LANES] = {0};
        for (size_t t = i; t < i + LANES * dsub; t += LANES)
            for (size_t j = 0; j < LANES; j++) {
                float diff = a[t + j] - b[t + j];
                part[j] += ip ? -a[t + j] * b[t + j] : diff * diff;
            }
        for (size_t g = 0; g < LANES; g += GROUP)
            for (size_t j = 0; j < GROUP; j++)
                sum[j] += part[g + j];
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Distance between two points. */
ANN_INLINE float ann_between(const ann_space *s, const void *a, const void *b)
{
    if (s->coarse)
        return ann_row_distance(ROW_FLOAT, a, ROW_FLOAT, b, s->nsq * s->coarse->dsub, s->ip);
    if (s->codes)
        return s->dsub == 4 ? ann_point_distance(a, b, ann_point_size(s), 4, s->ip)
                            : ann_point_distance(a, b, ann_point_size(s), s->dsub, s->ip);
    return s->vectors      ? ann_row_distance(ROW_FLOAT, a, ROW_FLOAT, b, s->d, s->ip)
         : s->vectors_u8 ? ann_row_distance(ROW_U8, a, ROW_U8, b, s->d, s->ip)
                         : ann_row_distance(ROW_I8, a, ROW_I8, b, s->d, s->ip);
}

ANN_INLINE void ann_prefetch_row(const char *rows, size_t id, size_t size)
{
    for (size_t b = 0; b < size && b < 256; b += 64)
        __builtin_prefetch(rows + id * size + b);
    __builtin_prefetch(rows + id * size + size - 1); /* a row need not start at a line */
}

/* Brings what measuring a vertex reads. */
ANN_INLINE void ann_prefetch(const ann_space *s, int32_t id)
{
    if (s->coarse)
        __builtin_prefetch(s->coarse->cross + id);
    ann_prefetch_row(ann_rows(s), (size_t)id, ann_row_size(s));
}

/* The same of several, unless all that there are lie in the second-level cache. */
ANN_INLINE void ann_prefetch_many(const ann_space *s, const int32_t *ids, size_t n)
{
    enum { NEAR = 1 << 18 };
    const char *rows = ann_rows(s);
    const size_t size = ann_row_size(s);
    if (s->nb * size <= NEAR)
        return;
    for (size_t l = 0; l < n; l++)
        ann_prefetch_row(rows, (size_t)ids[l], size);
    for (size_t l = 0; s->coarse && l < n; l++)
        __builtin_prefetch(s->coarse->cross + ids[l]);
}

#endif
