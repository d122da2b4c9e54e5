/* Calls every kernel at awkward sizes with buffers of exactly the documented size, so that the
 * sanitizers see every read and write outside of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adc.h"
#include "beam.h"
#include "beta.h"
#include "distance.h"
#include "episodes.h"
#include "hnsw.h"
#include "vamana.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define OK(call) expect(call, ANN_OK, #call, __LINE__)
#define REFUSED(call) expect(call, ANN_EINVAL, #call, __LINE__)

enum { KSUB = 256 };

static const size_t D[] = {1, 2, 15, 16, 17, 31, 33, 100}, N[] = {1, 3, 4, 5, 33};
static const size_t NSQ[] = {1, 3, 5, 36}, DSUB[] = {1, 3, 4};
static const int THREADS[] = {1, 2, 4};

static void expect(int status, int wanted, const char *call, int line)
{
    if (status != wanted) {
        fprintf(stderr, "main.c:%d: %.60s: %d, expected %d\n", line, call, status, wanted);
        exit(1);
    }
}

static void require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "main.c: %s does not hold\n", what);
        exit(1);
    }
}

/* Everything allocated since the last release, freed together. */
static void *held[64];
static size_t n_held;

static void *buffer(size_t count, size_t size)
{
    if (n_held == COUNT(held))
        abort();
    size_t length = count * size;
    void *p = malloc(length);
    if (length > 0)
        memset(p, 0xAB, length);
    return held[n_held++] = p;
}

static void release(void)
{
    while (n_held)
        free(held[--n_held]);
}

static uint32_t state = 1;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

static float *floats(size_t n)
{
    float *x = buffer(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)draw(2001) / 1000 - 1;
    return x;
}

static float *blank(size_t n)
{
    return buffer(n, sizeof(float));
}

static uint8_t *bytes(size_t n, uint32_t below)
{
    uint8_t *x = buffer(n, 1);
    for (size_t i = 0; i < n; i++)
        x[i] = (uint8_t)draw(below);
    return x;
}

/* Ids of nb vertices; none (-1) now and then where it is allowed. */
static int32_t *ids(size_t n, size_t nb, int none)
{
    int32_t *x = buffer(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = none && draw(5) == 0 ? -1 : (int32_t)draw((uint32_t)nb);
    return x;
}

/* Links (nb, M0), missing ones at the end of a row. */
static int32_t *some_links(size_t nb, size_t M0)
{
    int32_t *x = ids(nb * M0, nb, 0);
    for (size_t v = 0; v < nb; v++)
        for (size_t j = draw((uint32_t)M0 + 1); j < M0; j++)
            x[v * M0 + j] = -1;
    return x;
}

static void distances(size_t n, size_t d, int threads)
{
    static const size_t OUT[] = {1, 31, 32, 33};
    for (size_t o = 0; o < COUNT(OUT); o++) {
        size_t ldw = (OUT[o] + 31) / 32 * 32;
        OK(ann_matmul(floats(n * d), floats(d * ldw), n, d, OUT[o], ldw, threads,
                      blank(n * OUT[o])));
        release();
    }
    float *x = floats(n * d), *base = floats(7 * d), y[32];
    for (int ip = 0; ip < 2; ip++)
        OK(ann_pair_distances(x, base, ids(n * 3, 7, 1), n, 7, d, 3, ip, threads,
                              buffer(n * 3, sizeof(double))));
    OK(ann_row_distances(x, floats(n * d), n, d, threads, buffer(n, sizeof(double))));
    int32_t *outside = ids(n * 3, 7, 0);
    outside[n * 3 - 1] = 7;
    REFUSED(ann_pair_distances(x, base, outside, n, 7, d, 3, 0, threads,
                               buffer(n * 3, sizeof(double))));
    REFUSED(ann_matmul(x, base, n, d, 1, 31, threads, y));
    REFUSED(ann_matmul(x, base, n, d, 33, 32, threads, y));
    REFUSED(ann_matmul(x, base, n, d, 1, 32, 0, y));
    release();
}

static void codes(size_t n, size_t nsq, size_t dsub, int threads)
{
    size_t d = nsq * dsub;
    float *x = floats(n * d), *centroids = floats(nsq * KSUB * dsub);
    uint8_t *c = bytes(n * nsq, KSUB);
    for (int ip = 0; ip < 2; ip++)
        OK(ann_adc_tables(x, centroids, n, nsq, dsub, ip, threads, blank(n * nsq * KSUB)));
    OK(ann_pq_encode(x, centroids, n, nsq, dsub, threads, buffer(n * nsq, 1)));
    OK(ann_pq_decode(c, centroids, n, nsq, dsub, threads, blank(n * d)));
    OK(ann_class_sums(x, c, n, d, nsq, threads, blank(nsq * KSUB * d),
                      buffer(nsq * KSUB, sizeof(int64_t))));
    REFUSED(ann_adc_tables(x, centroids, n, nsq, dsub, 0, 0, x));
    REFUSED(ann_pq_encode(x, centroids, n, nsq, dsub, 0, c));
    REFUSED(ann_pq_decode(c, centroids, n, nsq, dsub, 0, x));
    REFUSED(ann_class_sums(x, c, n, d, nsq, 0, x, NULL));
    release();
}

static void regression(size_t nsq, size_t dsub, size_t m1, int threads)
{
    enum { NB = 11 };
    size_t d = nsq * dsub, M0 = m1 - 1, n_moments = ann_beta_n_moments(m1), T = (size_t)threads;
    uint8_t *c = bytes(NB * nsq, KSUB);
    int32_t *links = some_links(NB, M0);
    float *centroids = floats(nsq * KSUB * dsub);
    for (size_t parts = 1; parts <= d; parts++) {
        if (d % parts)
            continue;
        size_t kept = n_held;
        OK(ann_beta_moments(floats(NB * d), c, links, centroids, 0, NB, NB, nsq, dsub, m1, parts,
                            NB, 0, threads, blank(T * (m1 + 1) * d),
                            blank(parts * NB * n_moments)));
        OK(ann_beta_moments(floats(3 * d), c, links, centroids, NB - 3, 3, NB, nsq, dsub, m1,
                            parts, 5, 2, threads, blank(T * (m1 + 1) * d),
                            blank(parts * 5 * n_moments)));
        for (int coded = 0; coded < 2; coded++) {
            size_t kbeta = coded ? KSUB : 1;
            uint8_t *assigned = coded ? bytes(NB * parts, KSUB) : NULL;
            float *book = floats(parts * kbeta * m1);
            OK(ann_reconstruct(ids(5, NB, 0), c, links, centroids, book, assigned, 5, NB, nsq,
                               dsub, m1, parts, kbeta, threads, blank(T * d), blank(5 * d)));
            for (int ip = 0; ip < 2; ip++)
                OK(ann_reorder(floats(3 * d), c, links, centroids, book, assigned, 3, 4, 3, NB,
                               nsq, dsub, m1, parts, kbeta, ip, threads, blank(T * 2 * d),
                               floats(3 * 4), ids(3 * 4, NB, 1), buffer(3, sizeof(int32_t))));
            int32_t *outside = ids(5, NB, 0);
            outside[4] = NB;
            REFUSED(ann_reconstruct(outside, c, links, centroids, book, assigned, 5, NB, nsq, dsub,
                                    m1, parts, kbeta, threads, NULL, NULL));
            outside[4] = -1;
            REFUSED(ann_reconstruct(outside, c, links, centroids, book, assigned, 5, NB, nsq, dsub,
                                    m1, parts, kbeta, threads, NULL, NULL));
        }
        while (n_held > kept)
            free(held[--n_held]);
    }
    REFUSED(ann_beta_moments(NULL, c, links, centroids, NB - 2, 3, NB, nsq, dsub, m1, 1, 3, 0,
                             threads, NULL, NULL));
    REFUSED(ann_beta_moments(NULL, c, links, centroids, 0, 3, NB, nsq, dsub, m1, 1, 4, 2, threads,
                             NULL, NULL));
    REFUSED(ann_beta_moments(NULL, c, links, centroids, 0, 3, NB, nsq, dsub, m1, d + 1, 3, 0,
                             threads, NULL, NULL));
    release();
}

static void columns(size_t n, size_t depth, int threads)
{
    static const size_t K[] = {1, 7, 31, 32, 33, 255, 256};
    for (size_t i = 0; i < COUNT(K); i++) {
        size_t k = K[i], ldw = (k + 31) / 32 * 32;
        float *x = floats(n * depth), *w = floats(depth * ldw);
        for (size_t stride = 1; stride < 4; stride += 2) {
            uint8_t *c = buffer((n - 1) * stride + 1, 1); /* the last column ends with the array */
            OK(ann_least_column(x, w, n, depth, k, ldw, stride, threads, c, blank(n)));
            for (size_t j = 0; j < n; j++)
                require(c[j * stride] < k, "columns lie below k");
            OK(ann_group_sums(x, c, n, depth, k, stride, buffer(k * depth, sizeof(double)),
                              buffer(k, sizeof(int64_t))));
            c[(n - 1) * stride] = 200;
            if (k < 200)
                REFUSED(ann_group_sums(x, c, n, depth, k, stride,
                                       buffer(k * depth, sizeof(double)),
                                       buffer(k, sizeof(int64_t))));
        }
        REFUSED(ann_least_column(x, w, n, depth, ldw + 1, ldw, 1, threads, NULL, NULL));
        REFUSED(ann_least_column(x, w, n, depth, 0, ldw, 1, threads, NULL, NULL));
        release();
    }
}

static void systems(size_t n, size_t m, int threads)
{
    double *A = buffer(n * m * m, sizeof *A), *r = buffer(n * m, sizeof *r);
    for (size_t i = 0; i < n; i++)
        for (size_t a = 0; a < m; a++) {
            r[i * m + a] = draw(100);
            for (size_t b = 0; b <= a; b++)
                A[(i * m + a) * m + b] = A[(i * m + b) * m + a] = draw(100);
        }
    for (size_t a = 0; a < m * m; a++)
        A[(n - 1) * m * m + a] = 0; /* one of rank 0 */
    double *room = buffer((size_t)threads * 2 * m * m * 8, sizeof *room);
    OK(ann_solve(A, r, n, m, 1e-4, threads, room, buffer(n * m, sizeof *r)));
    OK(ann_solve(A, r, n, m, 0, threads, room, buffer(n * m, sizeof *r)));
    REFUSED(ann_solve(A, r, n, m, 1, threads, room, r));
    REFUSED(ann_solve(A, r, n, 0, 0, threads, room, r));
    release();
}

/* Builds a graph of nb vertices vertex by vertex, orders it and searches it. */
static void graphs(size_t nb, size_t M0, size_t M, size_t nsq, size_t dsub, int ip, int threads)
{
    size_t d = nsq * dsub, ef = 6, T = (size_t)threads, rows = 0, n_upper = 0;
    int coded = nsq > 0;
    if (!coded)
        d = dsub;
    float *x = floats(nb * d), *centroids_t = coded ? floats(nsq * KSUB * dsub) : NULL;
    float *sdc = coded ? floats(nsq * KSUB * KSUB) : NULL;
    uint8_t *c = coded ? bytes(nb * nsq, 9) : NULL; /* few codes: many ties */
    ann_space space = {.codes = c, .sdc = sdc, .vectors = coded ? NULL : x, .nb = nb, .nsq = nsq,
                       .d = coded ? 0 : d, .ip = ip};

    int32_t *levels = buffer(nb, sizeof *levels), *order = buffer(nb, sizeof *order);
    for (size_t v = 0; v < nb; v++) { /* vertex v is inserted as the v-th */
        levels[v] = v < nb / 9 + 1 ? 2 : v < nb / 3 ? 1 : 0;
        order[v] = (int32_t)v;
        n_upper += levels[v] > 0;
        rows += (size_t)levels[v];
    }
    int32_t *neighbors = buffer(nb * M0, sizeof *neighbors);
    int32_t *upper = buffer(rows * M, sizeof *upper), *vertex = buffer(n_upper, sizeof *vertex);
    int64_t *start = buffer(n_upper + 1, sizeof *start);
    memset(neighbors, 0xFF, nb * M0 * sizeof *neighbors);
    memset(upper, 0xFF, rows * M * sizeof *upper);
    start[0] = 0;
    for (size_t v = 0; v < n_upper; v++) {
        vertex[v] = (int32_t)v;
        start[v + 1] = start[v] + levels[v];
    }
    ann_graph graph = {neighbors, vertex, start, upper, nb, M0, M, n_upper, 0, 2};

    uint8_t *visited = buffer(T * nb, 1), *epochs = buffer(T, 1);
    float *tables = coded ? blank(T * nsq * KSUB) : NULL;
    int64_t *beams = buffer(T * ef, sizeof *beams);
    size_t batch = 1;
    for (size_t done = 1; done < nb; done += batch, batch = 1 + done / 8) {
        if (batch > nb - done)
            batch = nb - done;
        OK(ann_hnsw_link(&space, &graph, x + done * d, centroids_t, order + done, levels + done,
                         batch, dsub, ef, threads, visited, epochs, tables, beams));
        for (int level = 0; level <= levels[done]; level++) {
            size_t kept = n_held, slots = level ? M : M0, groups = 0, n = 0, longest = 1;
            int32_t *target = buffer(nb, sizeof *target);
            int32_t *source = buffer(batch * slots, sizeof *source);
            int64_t *begin = buffer(nb + 1, sizeof *begin);
            begin[0] = 0;
            for (size_t u = 0; u < nb; u++) {
                for (size_t v = done; v < done + batch && levels[v] >= level; v++) {
                    const int32_t *links = level ? upper + (size_t)(start[v] + level - 1) * M
                                                 : neighbors + v * M0;
                    for (size_t j = 0; j < slots && links[j] >= 0; j++)
                        if ((size_t)links[j] == u)
                            source[n++] = (int32_t)v;
                }
                size_t added = n - (size_t)begin[groups];
                if (added) {
                    target[groups++] = (int32_t)u;
                    begin[groups] = (int64_t)n;
                    longest = added > longest ? added : longest;
                }
            }
            OK(ann_hnsw_reverse(&space, &graph, level, target, begin, source, groups, longest,
                                threads, buffer(T * (slots + longest), sizeof(int64_t))));
            while (n_held > kept)
                free(held[--n_held]);
        }
    }
    OK(ann_hnsw_order(&space, &graph, threads, buffer(T * M0, sizeof(int64_t))));

    static const size_t POINTS[][2] = {{1, 1}, {3, 1}, {2, 7}, {200, 5}};
    size_t nq = 300; /* more than a byte of epochs */
    float *query = floats(nq * d);
    for (size_t p = 0; p < COUNT(POINTS); p++) {
        size_t kept = n_held, k = POINTS[p][0], room = k > POINTS[p][1] ? k : POINTS[p][1];
        int32_t *I = buffer(nq * k, sizeof *I);
        memset(visited, 0, T * nb);
        OK(ann_search(&space, &graph, query, centroids_t, nq, dsub, k, POINTS[p][1], threads,
                      visited, tables, buffer(T * room, sizeof(int64_t)), blank(nq * k), I,
                      buffer(nq, sizeof(int32_t)), buffer(nq, sizeof(int32_t)),
                      buffer(nq, sizeof(int32_t))));
        for (size_t i = 0; i < nq * k; i++)
            require(I[i] >= -1 && I[i] < (int32_t)nb, "results are vertices");
        while (n_held > kept)
            free(held[--n_held]);
    }
    REFUSED(ann_search(&space, &graph, query, centroids_t, nq, dsub, 0, 1, threads, visited,
                       tables, beams, NULL, NULL, NULL, NULL, NULL));
    REFUSED(ann_search(&space, &graph, query, centroids_t, nq, dsub, 1, 0, threads, visited,
                       tables, beams, NULL, NULL, NULL, NULL, NULL));
    REFUSED(ann_hnsw_order(&space, &graph, 0, beams));
    release();
}

/* Links a flat graph of nb vertices in two batches, gives it reverse links and orders it. */
static void flat_graphs(size_t nb, size_t M0, size_t R, size_t d, int threads)
{
    size_t ef = 5, T = (size_t)threads, half = nb / 2;
    ann_space space = {.vectors = floats(nb * d), .nb = nb, .d = d};
    int32_t *neighbors = some_links(nb, M0), *batch = buffer(nb, sizeof *batch);
    ann_graph graph = {.neighbors = neighbors, .nb = nb, .M0 = M0};
    uint8_t *visited = buffer(T * nb, 1), *epochs = buffer(T, 1);
    memset(visited, 0, T * nb);
    memset(epochs, 0, T);
    for (size_t v = 0; v < nb; v++)
        batch[v] = (int32_t)v;
    for (size_t first = 0; first < nb; first += nb - half) {
        size_t n = first ? nb - first : nb - half, kept = n_held;
        int32_t *links = buffer(n * R, sizeof *links);
        OK(ann_vamana_link(&space, &graph, batch + first, n, R, first > 0, ef, 1.2f, threads,
                           visited, epochs, buffer(T * ef, 8), buffer(T * (nb + M0 + n), 8),
                           links));
        for (size_t i = 0; i < n * R; i++)
            require(links[i] >= -1 && links[i] < (int32_t)nb, "links are vertices");
        int32_t target[2] = {0, (int32_t)nb - 1};
        int64_t start[3] = {0, 1, (int64_t)n};
        OK(ann_vamana_reverse(&space, &graph, target, start, batch, 2, n, 1.2f, threads,
                              buffer(T * (M0 + n), 8)));
        while (n_held > kept)
            free(held[--n_held]);
    }
    OK(ann_vamana_order(&space, &graph, threads, buffer(T * M0, 8)));
    REFUSED(ann_vamana_link(&space, &graph, batch, 1, R, 0, ef, 0.9f, threads, visited, epochs,
                            NULL, NULL, NULL));
    REFUSED(ann_vamana_reverse(&space, &graph, NULL, NULL, NULL, 0, 0, 1, 0, NULL));
    REFUSED(ann_vamana_order(&space, &graph, 0, NULL));
    release();
}

/* kind: 0 float vectors, 1 uint8, 2 int8, 3 codes. */
static void episodes(size_t nb, size_t M0, size_t k, size_t ef, int kind, int ip, int threads)
{
    enum { N = 40, DSUB = 3, NSQ = 5, DIM = 19 };
    static const int64_t RATE[] = {3, 100};
    size_t T = (size_t)threads, d = kind == 3 ? NSQ * DSUB : DIM, first = 0;
    size_t room = (ef > k ? ef : k) + ANN_QUEUE_ROOM, capacity = T * M0;
    uint8_t *values = bytes(nb * d, 200);
    ann_space space = {.nb = nb, .ip = ip, .d = kind == 3 ? 0 : d, .nsq = kind == 3 ? NSQ : 0};
    if (kind == 3)
        space.codes = bytes(nb * NSQ, 9);
    else if (kind == 2)
        space.vectors_i8 = (int8_t *)values;
    else if (kind == 1)
        space.vectors_u8 = values;
    else
        space.vectors = floats(nb * d);
    ann_graph graph = {.neighbors = some_links(nb, M0), .nb = nb, .M0 = M0};
    uint32_t *keep = buffer(nb * M0, sizeof *keep);
    for (size_t e = 0; e < nb * M0; e++)
        keep[e] = draw(3) ? UINT32_C(1) << 31 : draw(1 << 24) << 7;
    float *x = floats(N * d);
    for (size_t t = 0; t < N / 2 * d; t++) /* half of the queries are whole */
        x[t] = (float)draw(100);
    ann_batch batch = {.x = x, .centroids_t = kind == 3 ? floats(NSQ * KSUB * DSUB) : NULL,
                       .start = ids(N, nb, 0), .absent = ids(N, nb, 1),
                       .dsub = kind == 3 ? DSUB : 0, .n = N, .k = k,
                       .key = 7, .threads = threads, .room = room};
    batch.visited = buffer(T * nb, sizeof *batch.visited);
    batch.epochs = buffer(T, sizeof *batch.epochs);
    batch.queues = buffer(T * room, sizeof *batch.queues);
    batch.tables = kind == 3 ? blank(T * NSQ * KSUB) : NULL;
    memset(batch.visited, 0, T * nb * sizeof *batch.visited);
    for (size_t t = 0; t < T; t++)
        batch.epochs[t] = UINT16_MAX - 3; /* they run out */
    int32_t *n_actions = buffer(N, 4), *I = buffer(N * k, 4), *ndis = buffer(N, 4);
    int32_t *other = buffer(N, 4), *drawn = buffer(N, 4);
    while (first < N) {
        size_t kept = n_held;
        int64_t done = ann_episodes(&space, &graph, keep, &batch, ef, (int64_t)first, capacity,
                                    buffer(capacity, 4), n_actions, I, ndis, other);
        require(done >= (int64_t)first, "episodes are recorded");
        capacity *= 2;
        first = (size_t)done;
        while (n_held > kept)
            free(held[--n_held]);
    }
    for (size_t i = 0; i < N * k; i++)
        require(I[i] >= -1 && I[i] < (int32_t)nb, "results are vertices");

    ann_replay replay = {.trace = buffer(T * nb, 12), .epochs = buffer(T * 2, 2),
                         .finds = buffer(T * nb, 20), .hops = buffer(T * (nb + 1), 12),
                         .kept = buffer(T * nb * M0, 4), .snapshots = buffer(T * nb * room, 8)};
    memset(replay.trace, 0, T * nb * 12);
    for (size_t t = 0; t < 2 * T; t++)
        replay.epochs[t] = UINT16_MAX - 5;
    int64_t *gain = buffer(nb * M0, 8), *cost = buffer(nb * M0, 8);
    int32_t efs[2] = {1, (int32_t)ef}, *truth = ids(N * k, nb, 0);
    memset(gain, 0, nb * M0 * 8);
    memset(cost, 0, nb * M0 * 8);
    for (int rerun = 0; rerun < 2; rerun++)
        OK(ann_credit(&space, &graph, keep, &batch, &replay, truth, efs, RATE, 2, rerun, gain,
                      cost, drawn, other, ndis));
    REFUSED(ann_credit(&space, &graph, keep, &batch, &replay, truth, efs, RATE, 0, 1, gain, cost,
                       drawn, other, ndis));
    efs[0] = 0;
    REFUSED(ann_credit(&space, &graph, keep, &batch, &replay, truth, efs, RATE, 2, 1, gain, cost,
                       drawn, other, ndis));
    batch.room--;
    REFUSED((int)ann_episodes(&space, &graph, keep, &batch, ef, 0, capacity, NULL, NULL, NULL,
                              NULL, NULL));
    release();
}

int main(void)
{
    for (size_t t = 0; t < COUNT(THREADS); t++) {
        int threads = THREADS[t];
        for (size_t i = 0; i < COUNT(N); i++) {
            for (size_t j = 0; j < COUNT(D); j++)
                distances(N[i], D[j], threads);
            for (size_t j = 0; j < COUNT(NSQ); j++)
                for (size_t k = 0; k < COUNT(DSUB); k++)
                    codes(N[i], NSQ[j], DSUB[k], threads);
            columns(N[i], 1, threads);
            columns(N[i], 36, threads);
            systems(N[i], 1, threads);
            systems(N[i], 7, threads);
        }
        for (size_t j = 0; j < COUNT(NSQ); j++)
            for (size_t k = 0; k < COUNT(DSUB); k++) {
                regression(NSQ[j], DSUB[k], 1, threads);
                regression(NSQ[j], DSUB[k], 5, threads);
            }
        for (int ip = 0; ip < 2; ip++) {
            graphs(2, 1, 1, 3, 3, ip, threads);
            graphs(40, 3, 2, 5, 3, ip, threads);
            graphs(70, 33, 4, 1, 1, ip, threads);
            graphs(40, 3, 2, 0, 17, ip, threads);
            graphs(70, 65, 4, 0, 1, ip, threads);
            for (int kind = 0; kind < 4; kind++) {
                episodes(1, 1, 1, 1, kind, ip, threads);
                episodes(50, 4, 10, 8, kind, ip, threads);
                episodes(40, 33, 3, 16, kind, ip, threads);
                episodes(70, 40, 1, 37, kind, ip, threads);
            }
        }
        flat_graphs(2, 1, 1, 1, threads);
        flat_graphs(50, 7, 5, 17, threads);
        flat_graphs(70, 65, 33, 16, threads);
    }
    return 0;
}
