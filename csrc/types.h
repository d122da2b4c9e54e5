/* The structures that Python hands to the kernels; part of every family's cdef. */
#ifndef ANN_TYPES_H
#define ANN_TYPES_H
#include <stddef.h>
#include <stdint.h>

enum { ANN_OK = 0, ANN_EINVAL = -1, ANN_MOST_D = 2048 };

/* How many integers the room of a beam has beyond those of its candidates: nine that a search uses,
 * seven so that the first candidate can begin a cache line, and 32 KiB between threads: a thread goes
 * through its beam from end to end, and prefetchers run on into what the next one writes. With two
 * threads and efSearch 1024 a gap of two lines or of a page costs a tenth to a quarter of the time. */
enum { ANN_BEAM_ROOM = 9 + 7 + 4096 };

/* Bytes between the scratch of one thread and that of the next where it is said to lie apart, for the
 * same reason: with two threads and a KiB each, one behind the other, the re-ranking gained nothing. */
enum { ANN_APART = 32768 };

/* The first level of a code in two: the code of a vertex begins with `bytes` bytes that hold two
 * numbers of `bits` bits, the lower bits first, and its nsq bytes code what these two centroids
 * leave of the vector's halves. centroids (2, 2^bits, d / 2) with d = nsq * dsub <= ANN_MOST_D;
 * panels (2, 2^bits / 32, d / 2, 32) are the same, 32 side by side; residual (nsq, 256, dsub) are
 * the centroids of the second level. cross (nb) is the part of a squared distance to a query that
 * depends on the code alone. Decoding needs bits, bytes and centroids; other pointers may be NULL. */
typedef struct {
    const float *centroids;
    const float *panels;
    const float *residual;
    const float *cross;
    size_t bits;
    size_t bytes;
    size_t dsub;
} ann_coarse;

/* What distances are measured on: codes (nb, nsq) with 256 centroids each, or (nb, bytes + nsq) where
 * coarse is their first level, or vectors (nb, d), which are float32, or bytes that stand for the
 * same values. centroids (nsq, 256, dsub) and dsub are needed for code-to-code distances of one level
 * only; unused pointers are NULL. */
typedef struct {
    const uint8_t *codes;
    const float *centroids;
    const ann_coarse *coarse;
    const float *vectors;
    const uint8_t *vectors_u8;
    const int8_t *vectors_i8;
    size_t nb;
    size_t nsq;
    size_t dsub;
    size_t d;
    int ip; /* 0: squared L2, 1: minus inner product */
} ann_space;

/* An HNSW graph. Level 0: neighbors (nb, M0). A vertex of level l >= 1 stands in upper_vertex
 * (n_upper, ascending) at some j and owns the rows upper_start[j] .. upper_start[j] + l - 1 of
 * upper_neighbors (rows, M), level 1 first. Lists are padded with -1 at their end. */
typedef struct {
    int32_t *neighbors;
    const int32_t *upper_vertex;
    const int64_t *upper_start;
    int32_t *upper_neighbors;
    size_t nb;
    size_t M0;
    size_t M;
    size_t n_upper;
    int32_t entry_point;
    int32_t max_level;
} ann_graph;

#endif
