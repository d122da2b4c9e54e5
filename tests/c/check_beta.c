#include "beta.h"
#include "harness.h"

void regression(size_t nsq, size_t dsub, size_t m1, int two, int threads)
{
    enum { NB = 70 }; /* more blocks of sixteen than threads */
    size_t d = nsq * dsub, M0 = m1 - 1, n_moments = ann_beta_n_moments(m1), F = sizeof(float);
    size_t moments_room = ANN_MOMENT_ROWS * ((2 * m1 + 1) * d + ANN_MOMENT_ROWS) * F;
    int32_t *links = some_links(NB, M0);
    float *centroids = floats(nsq * KSUB * dsub);
    const ann_coarse *first = two ? first_level(NB, nsq, dsub, centroids) : NULL;
    uint8_t *c = bytes(NB * (nsq + (first ? first->bytes : 0)), KSUB);
    for (size_t parts = 1; parts <= d; parts++) {
        if (d % parts)
            continue;
        size_t kept = held_now();
        for (size_t w = 1; w < 41; w += 39) { /* once without a rotation */
            size_t in = w == 1 ? d : w, ldr = (d + 31) / 32 * 32;
            size_t room = ANN_TILE_ROWS * (in + d + parts * n_moments) * F + moments_room;
            float *rotation = w == 1 ? NULL : floats(in * ldr), *book = floats(parts * n_moments * 64);
            for (int way = 0; way < 9; way++) {
                size_t own = held_now(), n = way % 2 ? 3 : NB;
                int stored = way / 3, assigns = way % 3 > 0, keeps = way % 3 < 2;
                void *x = stored == ANN_FLOAT32 ? (void *)floats(n * in) : bytes(n * in, 256);
                OK(ann_beta_moments(x, stored, rotation, c, links, centroids, first,
                                    assigns ? book : NULL, NB - n, n, NB, in, ldr, nsq, dsub, m1,
                                    parts, 33, 64, threads, apart(threads, room),
                                    keeps ? blank(parts * n * n_moments) : NULL,
                                    assigns ? buffer(n * parts, 1) : NULL,
                                    assigns ? buffer(n, sizeof(double)) : NULL));
                release(own);
            }
        }
        for (int coded = 0; coded < 2; coded++) {
            size_t kbeta = coded ? KSUB : 1;
            uint8_t *assigned = coded ? bytes(NB * parts, KSUB) : NULL;
            float *book = floats(parts * kbeta * m1);
            OK(ann_reconstruct(ids(5, NB, 0), c, links, centroids, first, book, assigned, 5, NB,
                               nsq, dsub, m1, parts, kbeta, threads, apart(threads, d * F),
                               blank(5 * d)));
            for (int ip = 0; ip < 2; ip++)
                OK(ann_reorder(floats(3 * d), c, links, centroids, first, book, assigned, 3, 4, 3,
                               NB, nsq, dsub, m1, parts, kbeta, ip, threads, apart(threads, 2 * d * F),
                               floats(3 * 4), ids(3 * 4, NB, 1), buffer(3, sizeof(int32_t))));
            int32_t *outside = ids(5, NB, 0);
            outside[4] = NB;
            REFUSED(ann_reconstruct(outside, c, links, centroids, first, book, assigned, 5, NB, nsq,
                                    dsub, m1, parts, kbeta, threads, NULL, NULL));
            outside[4] = -1;
            REFUSED(ann_reconstruct(outside, c, links, centroids, first, book, assigned, 5, NB, nsq,
                                    dsub, m1, parts, kbeta, threads, NULL, NULL));
        }
        release(kept);
    }
    static const struct {
        size_t first, d, ldr, parts, ldw;
        int stored, turned;
    } WRONG[] = {
        {NB - 2, 0, 0, 1, 64, ANN_UINT8, 0}, {0, 0, 0, 0, 64, ANN_UINT8, 0},
        {0, 1, 0, 1, 64, ANN_UINT8, 0},      {0, 0, 31, 1, 64, ANN_INT8, 1},
        {0, 0, 0, 1, 32, ANN_UINT8, 0},      {0, 0, 0, 1, 64, ANN_INT8 + 1, 0},
    };
    for (size_t i = 0; i < COUNT(WRONG); i++)
        REFUSED(ann_beta_moments(NULL, WRONG[i].stored, WRONG[i].turned ? centroids : NULL, c, links,
                                 centroids, first, centroids, WRONG[i].first, 3, NB, d + WRONG[i].d,
                                 WRONG[i].ldr, nsq, dsub, m1, WRONG[i].parts, 33, WRONG[i].ldw, threads,
                                 NULL, NULL, NULL, NULL));
    REFUSED(ann_beta_moments(NULL, ANN_UINT8, NULL, c, links, centroids, first, NULL, 0, 3, NB, d, 0, nsq,
                             dsub, m1, 1, 0, 0, threads, NULL, NULL, NULL, NULL));
    release(0);
}

void columns(size_t n, size_t depth, int threads)
{
    static const size_t K[] = {1, 7, 31, 32, 33, 255, 256};
    for (size_t i = 0; i < COUNT(K); i++) {
        size_t k = K[i], ldw = (k + 31) / 32 * 32;
        for (size_t parts = 1; parts < 4; parts += 2) {
            float *x = floats(parts * n * depth), *w = floats(parts * depth * ldw);
            uint8_t *c = buffer(n * parts, 1);
            OK(ann_least_columns(x, w, parts, n, depth, k, ldw, threads, c, buffer(n, sizeof(double))));
            for (size_t j = 0; j < n * parts; j++)
                require(c[j] < k, "columns lie below k");
            OK(ann_group_sums(x, c, parts, n, depth, k, threads,
                              buffer(parts * k * depth, sizeof(double)),
                              buffer(parts * k, sizeof(int64_t))));
            c[n * parts - 1] = 200;
            if (k < 200)
                REFUSED(ann_group_sums(x, c, parts, n, depth, k, threads, NULL, NULL));
        }
        REFUSED(ann_least_columns(NULL, NULL, 1, n, depth, ldw + 1, ldw, threads, NULL, NULL));
        REFUSED(ann_least_columns(NULL, NULL, 1, n, depth, 0, ldw, threads, NULL, NULL));
        release(0);
    }
}

void systems(size_t n, size_t m, int threads)
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
    double *room = apart(threads, 2 * m * m * 8 * sizeof *room);
    OK(ann_solve(A, r, n, m, 1e-4, threads, room, buffer(n * m, sizeof *r)));
    OK(ann_solve(A, r, n, m, 0, threads, room, buffer(n * m, sizeof *r)));
    REFUSED(ann_solve(A, r, n, m, 1, threads, room, r));
    REFUSED(ann_solve(A, r, n, 0, 0, threads, room, r));
    release(0);
}

void weights(size_t n, size_t m1, int threads)
{
    size_t n_moments = ann_beta_n_moments(m1);
    float *moments = blank(n * n_moments), *out = buffer(n * (m1 + 1), sizeof *out);
    double *room = apart(threads, (2 * m1 + 2) * m1 * 8 * sizeof *room);
    for (size_t i = 0; i < n * n_moments; i++)
        moments[i] = draw(100);
    OK(ann_beta_weights(moments, n, m1, 1e-4, m1 + 1, threads, room, out));
    REFUSED(ann_beta_weights(moments, n, m1, 1, m1 + 1, threads, room, out));
    REFUSED(ann_beta_weights(moments, n, m1, 0, m1 - 1, threads, room, out));
    release(0);
}
