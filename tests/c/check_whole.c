/* As check_tiles.c: products of bytes are not in the sanitizers' build. */
#undef ANN_NO_CLONES
#include "whole.h"
#include "harness.h"

/* Queries of whole numbers have the same distances by products of bytes, where this machine has them,
 * as by differences: the last vertex ends where the memory does. */
void whole(size_t d, int is_signed, int ip)
{
    enum { NB = 11, N = 7 };
    uint8_t *values = bytes(NB * d, 256);
    ann_space space = {.nb = NB, .d = d, .ip = ip};
    if (is_signed)
        space.vectors_i8 = (int8_t *)values;
    else
        space.vectors_u8 = values;
    int32_t *offsets = buffer(NB, sizeof *offsets), *these = ids(N, NB, 0);
    for (size_t i = 0; i < NB; i++)
        offsets[i] = ann_byte_offset(&space, i);
    these[0] = NB - 1;
    float *query = buffer(d, sizeof *query);
    for (size_t t = 0; t < d; t++)
        query[t] = (float)((int)draw(256) - (is_signed ? 128 : 0));
    whole_query *w = buffer(1, sizeof *w);
    require(ann_whole(&space, query, offsets, w), "a query of whole numbers is one");
    float *found = buffer(N + 1, sizeof *found), *wanted = buffer(N + 1, sizeof *wanted);
    ann_whole_to_many(&space, w, these, N, found);
    w->vnni = 0;
    ann_whole_to_many(&space, w, these, N, wanted);
    require(!memcmp(found, wanted, (N + 1) * sizeof *found), "one distance");
    query[d - 1] += 0.5F;
    require(!ann_whole(&space, query, offsets, w), "a query with a half is none");
    release(0);
}
