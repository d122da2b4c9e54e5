/* What the checks of all families share: buffers of exactly the documented size, so that the
 * sanitizers see every read and write outside of them, and a call's expected status. */
#ifndef HARNESS_H
#define HARNESS_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define OK(call) expect(call, ANN_OK, #call, __FILE__, __LINE__)
#define REFUSED(call) expect(call, ANN_EINVAL, #call, __FILE__, __LINE__)

/* Ends the program unless a call returned what was wanted, or a condition holds. */
void expect(int status, int wanted, const char *call, const char *file, int line);
void require(int condition, const char *what);

/* How many buffers are held; `release(n)` frees those after the first n. */
size_t held_now(void);
void release(size_t kept);

/* Buffers: of garbage, of scratch for so many threads that lies apart (size bytes each, what lies
 * between is not to be touched), of random values, of ids of nb vertices with -1 now and then where it is
 * allowed, of links (nb, M0) with missing ones at the end of a row. */
void *buffer(size_t count, size_t size);
void *apart(int threads, size_t size);
float *blank(size_t n);
float *floats(size_t n);
double *doubles(size_t n);
uint8_t *bytes(size_t n, uint32_t below);
int32_t *ids(size_t n, size_t nb, int none);
int32_t *some_links(size_t nb, size_t M0);
uint32_t draw(uint32_t below);

/* The first level of n codes whose second one has these centroids; NULL where none is possible. */
const ann_coarse *first_level(size_t n, size_t nsq, size_t dsub, const float *centroids);

/* The checks. nsq 0: on vectors of dsub dimensions; two: on codes in two levels where they can be;
 * kind: 0 float vectors, 1 uint8, 2 int8, 3 codes, 4 codes in two levels. */
void distances(size_t n, size_t d, int threads);
void neighbours(size_t n, size_t d, int threads);
void tiles(size_t groups);
void whole(size_t d, int is_signed, int ip);
void rotations(size_t n, size_t m, size_t nsq, size_t dsub, int threads);
void codes(size_t n, size_t nsq, size_t dsub, int threads);
void regression(size_t nsq, size_t dsub, size_t m1, int two, int threads);
void columns(size_t n, size_t depth, int threads);
void systems(size_t n, size_t m, int threads);
void weights(size_t n, size_t m1, int threads);
void graphs(size_t nb, size_t M0, size_t M, size_t nsq, size_t dsub, int two, int ip, int threads);
void flat_graphs(size_t nb, size_t M0, size_t R, size_t d, int threads);
void episodes(size_t nb, size_t M0, size_t k, size_t ef, int kind, int ip, int threads);

#endif
