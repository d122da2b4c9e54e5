/* What a vertex is regressed from: the codes of itself and of its links. */
#ifndef ANN_LINKED_H
#define ANN_LINKED_H
#include "code.h"

/* Vertices of a coded graph, as the functions of csrc/beta.h have them. */
typedef struct {
    const uint8_t *codes;
    const int32_t *neighbors;
    const float *centroids;
    const ann_coarse *coarse;
    size_t nsq, dsub, m1, parts;
} linked;

ANN_INLINE int is_linked(const linked *v)
{
    return v->m1 > 0 && v->parts > 0 && v->nsq * v->dsub % v->parts == 0 &&
           ann_is_coarse(v->coarse, v->nsq, v->dsub);
}

/* The vertex itself (j 0) or its link j; itself, too, where that is missing. */
ANN_INLINE size_t vertex_or_link(const linked *v, size_t id, size_t j)
{
    int32_t link = j ? v->neighbors[id * (v->m1 - 1) + j - 1] : -1;
    return link < 0 ? id : (size_t)link;
}

/* x (nsq * dsub) = what that one stands for. */
ANN_INLINE void decode_linked(const linked *v, size_t id, size_t j, float *x)
{
    ann_decode_at(v->codes, vertex_or_link(v, id, j), v->centroids, v->coarse, v->nsq, v->dsub, x);
}

/* Bring the links of a vertex and its own code ... */
ANN_INLINE void prefetch_vertex(const linked *v, size_t id)
{
    const size_t size = ann_code_size(v->nsq, v->coarse);
    __builtin_prefetch(v->neighbors + id * (v->m1 - 1));
    __builtin_prefetch(v->codes + id * size);
    __builtin_prefetch(v->codes + (id + 1) * size - 1);
}

/* ... and, once the links are there, their codes. */
ANN_INLINE void prefetch_links(const linked *v, size_t id)
{
    const size_t size = ann_code_size(v->nsq, v->coarse);
    const int32_t *links = v->neighbors + id * (v->m1 - 1);
    for (size_t j = 0; j < v->m1 - 1 && links[j] >= 0; j++) {
        __builtin_prefetch(v->codes + (size_t)links[j] * size);
        __builtin_prefetch(v->codes + ((size_t)links[j] + 1) * size - 1);
    }
}

#endif
