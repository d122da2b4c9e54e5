#include "distance.h"
#include "harness.h"

void distances(size_t n, size_t d, int threads)
{
    static const size_t OUT[] = {1, 31, 32, 33};
    for (size_t o = 0; o < COUNT(OUT); o++) {
        size_t ldw = (OUT[o] + 31) / 32 * 32;
        OK(ann_matmul(floats(n * d), floats(d * ldw), n, d, OUT[o], ldw, threads,
                      blank(n * OUT[o])));
        release(0);
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
    release(0);
}
