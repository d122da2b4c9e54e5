/* Graph search: the k best vertices for every query. */
#ifndef ANN_BEAM_H
#define ANN_BEAM_H
#include "types.h"

/* For each query: descend from the entry point to level 1, then beam search on level 0 with efSearch
 * and room for max(efSearch, k) candidates, or nb where that is less. query (nq, d), for a space of
 * codes already rotated and with centroids_t (nsq, dsub, 256), doubled for squared L2 with a first
 * level; else NULL and 0.
 * Outputs: D, I (nq, k) padded with infinity and -1; per query ndis (distances on level 0 without
 * the entry point), ndis_upper (entry point and descent), nhops (vertices expanded on level 0).
 * Scratch: visited (threads, nb) zeroed, tables (threads, nsq * 256), with a first level (threads,
 * 4, nsq * 256 + 2 * 2^bits), or NULL for vectors, beams (threads, room) with room for the
 * candidates and ANN_BEAM_ROOM more. */
int ann_search(const ann_space *space, const ann_graph *graph, const float *query,
               const float *centroids_t, size_t nq, size_t dsub, size_t k, size_t efSearch,
               size_t room, int threads, uint8_t *visited, float *tables, int64_t *beams, float *D,
               int32_t *I, int32_t *ndis, int32_t *ndis_upper, int32_t *nhops);

#endif
