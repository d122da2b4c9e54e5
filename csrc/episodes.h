/* Episodes: beam searches for training queries on a thinned graph.
 *
 * Link e = u * M0 + slot of level 0 is kept in episode i iff a random number keyed by (key, i, e)
 * is below keep[e]: 0 is never, 2^31 always. A vertex is expanded at most once, so that no link is
 * drawn twice; and as the draw does not depend on what happened before, an episode can be repeated
 * without one link, all others as they were. A dropped link leaves its target unvisited: another
 * may reach it.
 *
 * All arrays are per episode: x (n, d), for a space of codes rotated and with centroids_t (nsq,
 * dsub, 256), else NULL and 0; start (n) the vertices that the searches begin at; absent (n) a
 * vertex that an episode does without, its start excepted, -1 for none. Scratch of the threads:
 * visited (threads, nb) and epochs (threads), zeroed before the first call and then left alone;
 * centroids_t and tables as ann_search has them; queues (threads, room), room >= max(efSearch, k) +
 * ANN_QUEUE_ROOM. offsets (nb) are those of ann_byte_offsets, or NULL: then bytes are measured as the
 * floats that they stand for. */
#ifndef ANN_EPISODES_H
#define ANN_EPISODES_H
#include "types.h"

enum { ANN_QUEUE_ROOM = ANN_BEAM_ROOM + 1 };

/* The most dimensions of bytes whose distances need no more than the 24 bits of a float. */
enum { ANN_WHOLE_D = (1 << 24) / (255 * 255) };

typedef struct {
    const float *x;
    const float *centroids_t;
    const int32_t *start;
    const int32_t *absent;
    size_t dsub;
    size_t n;
    size_t k;
    uint64_t key;
    int threads;
    uint16_t *visited;
    uint16_t *epochs;
    float *tables;
    int64_t *queues;
    size_t room;
    const int32_t *offsets;
} ann_batch;

/* offsets (nb) of a space of bytes of up to ANN_WHOLE_D dimensions, with which queries of whole numbers
 * are measured in integers. */
int ann_byte_offsets(const ann_space *space, int32_t *offsets);

/* The scratch of searches that are repeated in part, instead of visited and epochs: trace
 * (threads, nb) of 8 bytes and epochs (threads), zeroed before the first call and then left alone;
 * finds (threads, nb + 1) of 20 bytes, keys (threads, nb), found (threads, nb), rows (threads,
 * nb + 1) of 12 bytes, kept (threads, nb * M0 + 1), snapshots (threads, n_snapshots,
 * room - ANN_QUEUE_ROOM + 1). Only as much is touched as the longest search needs. A search without a
 * link begins at a snapshot of the queue: one of the first n_snapshots hops, 1 ... nb + 1, which must
 * be few as each takes a row of places. For later hops it begins at the last of them: more work with
 * the same outcome. */
typedef struct {
    void *trace;
    uint32_t *epochs;
    void *finds;
    int64_t *keys;
    uint8_t *found;
    void *rows;
    int32_t *kept;
    int64_t *snapshots;
    size_t n_snapshots;
} ann_replay;

/* Searches from episode `first` on, recorded: the n_actions[i] actions of episode i follow those of
 * the episode before, e for a link that was kept and ~e for one that was dropped; a kept link found
 * its target, so that they are the tree of discoveries too. I (n, k) holds what was found, padded
 * with -1; ndis (n) the distances, the start included; nhops (n) the vertices expanded. Returns the
 * first episode that is not recorded: n, or fewer when `capacity` actions did not suffice; or
 * ANN_EINVAL. */
int64_t ann_episodes(const ann_space *space, const ann_graph *graph, const uint32_t *keep,
                     const ann_batch *batch, size_t efSearch, int64_t first, size_t capacity,
                     int32_t *actions, int32_t *n_actions, int32_t *I, int32_t *ndis,
                     int32_t *nhops);

/* Searches that credit every link that found a vertex with what its absence would have changed.
 * truth (n, k): the true neighbours. Episode i draws its efSearch among efs (n_efs), which goes to
 * drawn (n); hits (n) true neighbours are among the first k results, ndis (n) distances were spent.
 * gain (nb, M0) grows by rate[drawn] for each hit that a link is worth, cost (nb, M0) by the
 * distances that it costs, negative where it saves some:
 *   nothing where the target is also linked from another expanded vertex that does not itself
 *   descend from the target: it would have been found all the same;
 *   one distance where no true neighbour was found through the target;
 *   otherwise the difference to the same episode without the link (rerun 1), or, without that
 *   second search (rerun 0), all hits found through the target and one distance. */
int ann_credit(const ann_space *space, const ann_graph *graph, const uint32_t *keep,
               const ann_batch *batch, const ann_replay *replay, const int32_t *truth,
               const int32_t *efs, const int64_t *rate, size_t n_efs, int rerun, int64_t *gain,
               int64_t *cost, int32_t *drawn, int32_t *hits, int32_t *ndis);

#endif
