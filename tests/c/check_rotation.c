#include <math.h>

#include "harness.h"
#include "rotation.h"

static size_t padded(size_t n)
{
    return (n + ANN_ROW_STEP - 1) / ANN_ROW_STEP * ANN_ROW_STEP;
}

/* Random values in the first m columns, zeros in the rest. */
static double *matrix(size_t n, size_t m)
{
    size_t ld = padded(m);
    double *x = doubles(n * ld);
    for (size_t i = 0; i < n; i++)
        for (size_t j = m; j < ld; j++)
            x[i * ld + j] = 0;
    return x;
}

void rotations(size_t n, size_t m, size_t nsq, size_t dsub, int threads)
{
    size_t lda = padded(m), ldq = padded(n), d = m + 6;
    OK(ann_product(doubles(n * m), matrix(m, n), n, m, ldq, buffer(n * ldq, sizeof(double))));
    REFUSED(ann_product(NULL, NULL, n, m, ANN_ROW_STEP + 1, NULL));
    double *a = matrix(n, m), *q = matrix(n, n), *norms = buffer(n, sizeof *norms);
    OK(ann_orthogonalise(n, lda, ldq, a, q, norms));
    memset(a, 0, n * lda * sizeof *a); /* of rank 0 */
    OK(ann_orthogonalise(n, lda, ldq, a, q, norms));
    REFUSED(ann_orthogonalise(n, lda + 1, ldq, a, q, norms));
    REFUSED(ann_orthogonalise(n, lda, ldq + 1, a, q, norms));
    if (n > 1) { /* no rotation helps against NaN: it ends all the same */
        a[0] = a[lda] = NAN;
        REFUSED(ann_orthogonalise(n, lda, ldq, a, q, norms));
    }
    float *sums = floats(nsq * KSUB * d);
    OK(ann_part_means(sums, floats(nsq * dsub * d), nsq, dsub, d, threads,
                      buffer(nsq * KSUB * dsub, sizeof(double))));
    OK(ann_part_correlation(floats(nsq * KSUB * dsub), sums, nsq, dsub, d, threads,
                            buffer(nsq * dsub * d, sizeof(double))));
    REFUSED(ann_part_means(NULL, NULL, nsq, dsub, d, 0, NULL));
    REFUSED(ann_part_correlation(NULL, NULL, nsq, dsub, d, 0, NULL));
    release(0);
}
