/* Flat graphs of float vectors by beam search and robust pruning (Vamana, NSG) in squared L2, in
 * batches that search the graph as it stood before: neither the number of threads nor their timing
 * changes a link. */
#ifndef ANN_VAMANA_H
#define ANN_VAMANA_H
#include "types.h"

/* links (n, R): new links of the vertices batch (n). Candidates of a vertex are all that its beam
 * search from the entry point expands, its links in the graph and, where among is set, the earlier
 * vertices of the batch. One is kept if it is nearer to the vertex than alpha (of squared
 * distances) times its distance from every one kept before. The graph, of any width, is only read.
 * Scratch: visited (threads, nb) and epochs (threads), zeroed before the first batch and then left
 * alone; beams (threads, room), room >= efConstruction + ANN_BEAM_ROOM, and pools (threads, nb +
 * M0 + n + ANN_BEAM_ROOM). */
int ann_vamana_link(const ann_space *space, const ann_graph *graph, const int32_t *batch, size_t n,
                    size_t R, int among, size_t efConstruction, size_t room, float alpha,
                    int threads, uint8_t *visited, uint8_t *epochs, int64_t *beams, int64_t *pools,
                    int32_t *links);

/* Reverse links: vertex target[g] gains those of source[start[g]] ... source[start[g + 1] - 1] that
 * it lacks, which must not be itself; where its list overflows, the same rule chooses among old and
 * new.
 * Scratch: room (threads, M0 + longest group), apart. */
int ann_vamana_reverse(const ann_space *space, ann_graph *graph, const int32_t *target,
                       const int64_t *start, const int32_t *source, size_t n_groups,
                       size_t longest, float alpha, int threads, int64_t *room);

/* Sort the links of every vertex by (distance, id), nearest first.
 * Scratch: room (threads, M0), apart. */
int ann_vamana_order(const ann_space *space, ann_graph *graph, int threads, int64_t *room);

#endif
