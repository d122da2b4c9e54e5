/* HNSW construction in batches: every vertex of a batch searches the graph as it stood before the
 * batch, so neither the number of threads nor their timing changes a link. */
#ifndef ANN_HNSW_H
#define ANN_HNSW_H
#include "types.h"

/* Forward links of a batch. batch (n) holds vertex ids by descending level, x (n, d) their vectors
 * (rotated, uncompressed, for a space of codes), levels (n) their levels, none above
 * graph->max_level. Candidates are the efConstruction best found on each level and the earlier
 * vertices of the batch; the heuristic keeps a candidate that is nearer to the vertex than to
 * every link kept before it; the vertex itself, which others may link to already, is none. Writes
 * the rows of the batch, nothing else.
 * Scratch: visited (threads, nb) and epochs (threads), zeroed before the first batch and then left
 * alone; centroids_t and tables as ann_search has them, beams (threads, room), room >=
 * efConstruction + ANN_BEAM_ROOM, points (threads, max(M0, M, 2)), apart, for a space of codes, zeroed at
 * first: nsq * dsub floats each with a first level, else sixteen times dsub for every four of
 * nsq / 4 + nsq % 4. */
int ann_hnsw_link(const ann_space *space, ann_graph *graph, const float *x,
                  const float *centroids_t, const int32_t *batch, const int32_t *levels, size_t n,
                  size_t dsub, size_t efConstruction, size_t room, int threads,
                  uint8_t *visited, uint8_t *epochs, float *tables, int64_t *beams, float *points);

/* Reverse links on one level: vertex target[g] gains those of source[start[g]] ...
 * source[start[g + 1] - 1] that it lacks, which must not be itself; where its list overflows, the
 * heuristic chooses among old and new.
 * Scratch: room (threads, slots + longest group), apart, points as ann_hnsw_link has them. */
int ann_hnsw_reverse(const ann_space *space, ann_graph *graph, int level, const int32_t *target,
                     const int64_t *start, const int32_t *source, size_t n_groups,
                     size_t longest, int threads, int64_t *room, float *points);

/* Sort the links of every vertex on level 0 by (distance, id), nearest first.
 * Scratch: room (threads, M0), apart, points as ann_hnsw_link has them. */
int ann_hnsw_order(const ann_space *space, ann_graph *graph, int threads, int64_t *room,
                   float *points);

#endif
