/* Choosing the links of a vertex among candidates: the rule that all graphs here share. */
#ifndef ANN_SELECT_H
#define ANN_SELECT_H
#include "walk.h"

/* Of candidates sorted by distance, keep each one that is nearer to the vertex than alpha times its
 * distance from every one kept before; alpha acts on distances as they are, squared ones included.
 * What is kept goes to links, the rest of the slots is -1. */
ANN_INLINE void ann_select(const ann_space *s, const ann_candidate *c, size_t n, float alpha,
                           int32_t *links, size_t slots)
{
    size_t kept = 0;
    for (size_t i = 0; i < n && kept < slots; i++) {
        size_t j = 0;
        while (j < kept && alpha * ann_between(s, ann_id(c[i]), links[j]) >= c[i].distance)
            j++;
        if (j == kept)
            links[kept++] = ann_id(c[i]);
    }
    for (; kept < slots; kept++)
        links[kept] = -1;
}

ANN_INLINE void ann_sort(ann_candidate *c, size_t n)
{
    for (size_t i = 1; i < n; i++) { /* by insertion: lists are short and nearly sorted */
        ann_candidate x = c[i];
        size_t j = i;
        for (; j > 0 && ann_nearer(x.distance, x.id, c[j - 1]); j--)
            c[j] = c[j - 1];
        c[j] = x;
    }
}

/* Vertex v gains links (added) that it may have already; where its list overflows, the selection
 * chooses among old and new. Scratch: c (slots + added). */
ANN_INLINE void ann_gain(const ann_space *s, int32_t v, int32_t *links, size_t slots,
                         const int32_t *gained, size_t added, float alpha, ann_candidate *c)
{
    size_t n = 0, old;
    while (n < slots && links[n] >= 0) {
        c[n].id = links[n];
        n++;
    }
    old = n;
    for (size_t i = 0; i < added; i++) {
        size_t j = 0;
        while (j < old && links[j] != gained[i])
            j++;
        if (j == old)
            c[n++].id = gained[i];
    }
    if (n <= slots) {
        for (size_t j = old; j < n; j++)
            links[j] = c[j].id;
        return;
    }
    for (size_t j = 0; j < n; j++)
        c[j].distance = ann_between(s, v, c[j].id);
    ann_sort(c, n);
    ann_select(s, c, n, alpha, links, slots);
}

/* Sort the links of vertex v by (distance, id). Scratch: c (slots). */
ANN_INLINE void ann_order(const ann_space *s, int32_t v, int32_t *links, size_t slots,
                          ann_candidate *c)
{
    size_t n = 0;
    for (; n < slots && links[n] >= 0; n++)
        c[n] = (ann_candidate){ann_between(s, v, links[n]), links[n]};
    ann_sort(c, n);
    for (size_t j = 0; j < n; j++)
        links[j] = c[j].id;
}

#endif
