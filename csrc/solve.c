/* Small symmetric systems, eight at a time in vector lanes: cyclic Jacobi rotations, then the
 * least-norm solution over the eigenvalues that are kept. */
#include <math.h>
#include <omp.h>

#include "beta.h"
#include "kernels.h"

enum { WIDTH = 8, MAX_SWEEPS = 30 };

typedef double lanes[WIDTH];

/* One cyclic sweep over A (m, m) and the rows of V (m, m) in lanes. An off-diagonal entry whose
 * square is at most tiny (per lane) counts as zero; returns how many did not. */
ANN_INLINE int sweep(lanes *A, lanes *V, size_t m, const double *tiny)
{
    int rotated = 0;
    for (size_t p = 0; p < m; p++)
        for (size_t q = p + 1; q < m; q++) {
            lanes c, s;
            int nonzero = 0;
            for (int l = 0; l < WIDTH; l++) {
                double app = A[p * m + p][l], aqq = A[q * m + q][l], apq = A[p * m + q][l];
                int zero = apq * apq <= tiny[l];
                double theta = (aqq - app) / (zero ? 1 : 2 * apq);
                double t = 1 / (fabs(theta) + sqrt(theta * theta + 1));
                t = zero ? 0 : (theta < 0 ? -t : t);
                c[l] = 1 / sqrt(t * t + 1);
                s[l] = t * c[l];
                nonzero += !zero;
            }
            if (!nonzero)
                continue;
            rotated += nonzero;
            for (size_t k = 0; k < m; k++)
                for (int l = 0; l < WIDTH; l++) {
                    double akp = A[k * m + p][l], akq = A[k * m + q][l];
                    A[k * m + p][l] = c[l] * akp - s[l] * akq;
                    A[k * m + q][l] = s[l] * akp + c[l] * akq;
                }
            for (size_t k = 0; k < m; k++)
                for (int l = 0; l < WIDTH; l++) {
                    double apk = A[p * m + k][l], aqk = A[q * m + k][l];
                    A[p * m + k][l] = c[l] * apk - s[l] * aqk;
                    A[q * m + k][l] = s[l] * apk + c[l] * aqk;
                    double vpk = V[p * m + k][l], vqk = V[q * m + k][l];
                    V[p * m + k][l] = c[l] * vpk - s[l] * vqk;
                    V[q * m + k][l] = s[l] * vpk + c[l] * vqk;
                }
            /* Zero but for rounding, which must not keep the sweeps going. */
            for (int l = 0; l < WIDTH; l++)
                A[p * m + q][l] = A[q * m + p][l] = 0;
        }
    return rotated;
}

ANN_CLONES
int ann_solve(const double *A, const double *r, size_t n, size_t m, double cut, int threads,
              double *room, double *b)
{
    int status = ANN_OK;
    if (threads < 1 || m < 1 || !(cut >= 0 && cut < 1))
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i += WIDTH) {
        lanes *a = (lanes *)(room + (size_t)omp_get_thread_num() * 2 * m * m * WIDTH);
        lanes *v = a + m * m;
        for (size_t k = 0; k < m * m; k++)
            for (size_t l = 0; l < WIDTH; l++) {
                a[k][l] = A[(i + l < n ? i + l : n - 1) * m * m + k];
                v[k][l] = k % (m + 1) == 0;
            }
        lanes tiny;
        for (size_t l = 0; l < WIDTH; l++) {
            double trace = 0;
            for (size_t j = 0; j < m; j++)
                trace += fabs(a[j * m + j][l]);
            tiny[l] = 1e-32 * trace * trace;
        }
        int sweeps = 0;
        while (sweep(a, v, m, tiny))
            if (++sweeps == MAX_SWEEPS) {
#pragma omp atomic write
                status = ANN_EINVAL;
                break;
            }
        for (size_t l = 0; l < WIDTH && i + l < n; l++) {
            double largest = 0, *out = b + (i + l) * m;
            const double *rhs = r + (i + l) * m;
            for (size_t j = 0; j < m; j++)
                largest = fmax(largest, a[j * m + j][l]);
            for (size_t k = 0; k < m; k++)
                out[k] = 0;
            for (size_t j = 0; j < m; j++) {
                double eigenvalue = a[j * m + j][l], along = 0;
                if (!(eigenvalue > cut * largest))
                    continue;
                for (size_t k = 0; k < m; k++)
                    along += v[j * m + k][l] * rhs[k];
                for (size_t k = 0; k < m; k++)
                    out[k] += along / eigenvalue * v[j * m + k][l];
            }
        }
    }
    return status;
}
