#include "adc.h"
#include "harness.h"

static void two_levels(size_t n, size_t nsq, size_t dsub, const float *centroids, int threads)
{
    const ann_coarse *first = first_level(n, nsq, dsub, centroids);
    size_t d = nsq * dsub, K = 96;
    float *x = floats(n * d);
    uint16_t *numbers = buffer(n, sizeof *numbers);
    OK(ann_nearest_of(x, floats(K * d), n, d, K, threads, numbers));
    for (size_t i = 0; i < n; i++)
        require(numbers[i] < K, "numbers lie below k");
    OK(ann_code_sums(x, numbers, n, d, K, doubles(K * d), buffer(K, sizeof(int64_t))));
    numbers[n - 1] = (uint16_t)K;
    REFUSED(ann_code_sums(x, numbers, n, d, K, doubles(K * d), buffer(K, sizeof(int64_t))));
    REFUSED(ann_nearest_of(x, x, n, d, 33, threads, numbers));
    REFUSED(ann_nearest_of(x, x, n, d, 32, 0, numbers));
    if (!first)
        return;
    uint8_t *c = bytes(n * (nsq + first->bytes), KSUB);
    ann_coarse wrong = *first;
    wrong.bits = 9;
    OK(ann_pq_decode(c, centroids, first, n, nsq, dsub, threads, blank(n * d)));
    OK(ann_cross(c, centroids, first, n, nsq, dsub, threads, blank(n)));
    REFUSED(ann_pq_decode(c, centroids, &wrong, n, nsq, dsub, threads, x));
    REFUSED(ann_cross(c, centroids, NULL, n, nsq, dsub, threads, x));
}

void codes(size_t n, size_t nsq, size_t dsub, int threads)
{
    size_t d = nsq * dsub;
    float *x = floats(n * d), *centroids = floats(nsq * KSUB * dsub);
    uint8_t *c = bytes(n * nsq, KSUB);
    for (int ip = 0; ip < 2; ip++)
        OK(ann_adc_tables(x, centroids, n, nsq, dsub, ip, threads, blank(n * nsq * KSUB)));
    OK(ann_pq_encode(x, centroids, n, nsq, dsub, threads, buffer(n * nsq, 1)));
    OK(ann_pq_decode(c, centroids, NULL, n, nsq, dsub, threads, blank(n * d)));
    OK(ann_class_sums(x, c, n, d, nsq, threads, blank(nsq * KSUB * d),
                      buffer(nsq * KSUB, sizeof(int64_t))));
    two_levels(n, nsq, dsub, centroids, threads);
    REFUSED(ann_adc_tables(x, centroids, n, nsq, dsub, 0, 0, x));
    REFUSED(ann_pq_encode(x, centroids, n, nsq, dsub, 0, c));
    REFUSED(ann_pq_decode(c, centroids, NULL, n, nsq, dsub, 0, x));
    REFUSED(ann_class_sums(x, c, n, d, nsq, 0, x, NULL));
    release(0);
}
