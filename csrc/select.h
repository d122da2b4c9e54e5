/* Choosing the links of a vertex among candidates: the rule that all graphs here share. Scratch of
 * all: points, of ann_point_size each, zeroed at first; none for a space of vectors. */
#ifndef ANN_SELECT_H
#define ANN_SELECT_H
#include "walk.h"

/* The j-th of the points that are kept. */
ANN_INLINE const void *ann_kept(const ann_space *s, const int32_t *links, size_t j,
                                const float *points)
{
    return s->codes ? points + j * ann_point_size(s) : ann_row(s, links[j]);
}

/* Of candidates sorted by distance, keep each one that is nearer to the vertex than alpha times its
 * distance from every one kept before; alpha acts on distances as they are, squared ones included.
 * What is kept goes to links, the rest of the slots is -1. points: slots of them. */
ANN_INLINE void ann_select(const ann_space *s, const int64_t *keys, size_t n, float alpha,
                           int32_t *links, size_t slots, float *points)
{
    const size_t size = ann_point_size(s);
    size_t kept = 0;
    for (size_t i = 0; i < n && kept < slots; i++) {
        const float distance = ann_key_distance(keys[i]);
        const void *point = ann_point(s, ann_key_id(keys[i]), points + kept * size);
        size_t j = 0;
        while (j < kept && alpha * ann_between(s, point, ann_kept(s, links, j, points)) >= distance)
            j++;
        if (j == kept)
            links[kept++] = ann_key_id(keys[i]);
    }
    for (; kept < slots; kept++)
        links[kept] = -1;
}

/* Candidates without v itself and repetitions, which stand side by side in a sorted list; returns
 * how many are left. */
ANN_INLINE size_t ann_distinct(int64_t *keys, size_t n, int32_t v)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t id = ann_key_id(keys[i]);
        if (id != v && (kept == 0 || id != ann_key_id(keys[kept - 1])))
            keys[kept++] = keys[i];
    }
    return kept;
}

ANN_INLINE void ann_sort(int64_t *keys, size_t n)
{
    for (size_t i = 1; i < n; i++) { /* by insertion: lists are short and nearly sorted */
        int64_t x = keys[i];
        size_t j = i;
        for (; j > 0 && x < keys[j - 1]; j--)
            keys[j] = keys[j - 1];
        keys[j] = x;
    }
}

/* The ids of n vertices become their keys as seen from v, ascending. points: two of them. */
ANN_INLINE void ann_rank(const ann_space *s, int32_t v, int64_t *keys, size_t n, float *points)
{
    const void *from = ann_point(s, v, points);
    for (size_t j = 0; j < n; j++) {
        const int32_t id = (int32_t)keys[j];
        const void *to = ann_point(s, id, points + ann_point_size(s));
        keys[j] = ann_key(ann_between(s, from, to), id);
    }
    ann_sort(keys, n);
}

/* Vertex v gains those links (added) that it lacks, each once; where its list overflows, the
 * selection chooses among old and new. Scratch: keys (slots + added), points: slots, at least two.
 */
ANN_INLINE void ann_gain(const ann_space *s, int32_t v, int32_t *links, size_t slots,
                         const int32_t *gained, size_t added, float alpha, int64_t *keys,
                         float *points)
{
    size_t n = 0, old;
    for (; n < slots && links[n] >= 0; n++)
        keys[n] = links[n];
    old = n;
    for (size_t i = 0; i < added; i++) {
        size_t j = 0;
        while (j < n && (int32_t)keys[j] != gained[i])
            j++;
        if (j == n)
            keys[n++] = gained[i];
    }
    if (n <= slots) {
        for (size_t j = old; j < n; j++)
            links[j] = (int32_t)keys[j];
        return;
    }
    ann_rank(s, v, keys, n, points);
    ann_select(s, keys, n, alpha, links, slots, points);
}

/* Sort the links of vertex v by (distance, id). Scratch: keys (slots), points: two of them. */
ANN_INLINE void ann_order(const ann_space *s, int32_t v, int32_t *links, size_t slots,
                          int64_t *keys, float *points)
{
    size_t n = 0;
    for (; n < slots && links[n] >= 0; n++)
        keys[n] = links[n];
    ann_rank(s, v, keys, n, points);
    for (size_t j = 0; j < n; j++)
        links[j] = ann_key_id(keys[j]);
}

#endif
