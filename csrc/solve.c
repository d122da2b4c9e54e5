/* Small symmetric systems, eight at a time in vector lanes: cyclic Jacobi rotations, then the
 * least-norm solution over the eigenvalues that are kept. */
#include <math.h>

#include "beta.h"
#include "kernels.h"

enum { WIDTH = 8, MAX_SWEEPS = 30 };

typedef double lanes[WIDTH];
typedef double v4d __attribute__((vector_size(32), aligned(8), may_alias));

/* (x, y) turned by the angles whose cosines and sines are c and s. */
ANN_INLINE void rotate(lanes *x, lanes *y, const double *c, const double *s)
{
    for (int l = 0; l < WIDTH; l += 4) {
        const v4d cos = *(v4d *)(c + l), sin = *(v4d *)(s + l);
        v4d *a = (v4d *)(*x + l), *b = (v4d *)(*y + l), was = *a;
        *a = cos * was - sin * *b;
        *b = sin * was + cos * *b;
    }
}

/* One cyclic sweep over the upper triangle of A (m, m) and the rows of V (m, m) in lanes. An entry off
 * the diagonal whose square is at most tiny (per lane) counts as zero; returns how many did not. */
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
            for (size_t k = 0; k < m; k++) {
                lanes *kp = k < p ? &A[k * m + p] : &A[p * m + k];
                lanes *kq = k < q ? &A[k * m + q] : &A[q * m + k];
                if (k != p && k != q)
                    rotate(kp, kq, c, s);
                rotate(&V[p * m + k], &V[q * m + k], c, s);
            }
            for (int l = 0; l < WIDTH; l += 4) {
                const v4d cos = *(v4d *)(c + l), sin = *(v4d *)(s + l);
                v4d *pp = (v4d *)(A[p * m + p] + l), *qq = (v4d *)(A[q * m + q] + l);
                const v4d pq = *(v4d *)(A[p * m + q] + l), app = *pp, aqq = *qq;
                *pp = cos * (cos * app - sin * pq) - sin * (cos * pq - sin * aqq);
                *qq = sin * (sin * app + cos * pq) + cos * (sin * pq + cos * aqq);
            }
            /* Zero but for rounding, which must not keep the sweeps going. */
            memset(A[p * m + q], 0, sizeof *A);
        }
    return rotated;
}

/* The eigenvalues of A, which its diagonal becomes, and the eigenvectors, the rows of V. */
ANN_INLINE int decompose(lanes *A, lanes *V, size_t m)
{
    lanes tiny;
    int sweeps = 0;
    for (size_t k = 0; k < m * m; k++)
        for (size_t l = 0; l < WIDTH; l++)
            V[k][l] = k % (m + 1) == 0;
    for (size_t l = 0; l < WIDTH; l++) {
        double trace = 0;
        for (size_t j = 0; j < m; j++)
            trace += fabs(A[j * m + j][l]);
        tiny[l] = 1e-32 * trace * trace;
        if (!(tiny[l] < INFINITY)) /* everything would count as zero */
            return ANN_EINVAL;
    }
    while (sweep(A, V, m, tiny))
        if (++sweeps == MAX_SWEEPS)
            return ANN_EINVAL;
    for (size_t j = 0; j < m; j++) /* what is not finite elsewhere has come here */
        for (size_t l = 0; l < WIDTH; l++)
            if (!isfinite(A[j * m + j][l]))
                return ANN_EINVAL;
    return ANN_OK;
}

/* out (m) = the least-norm solution of system l, decomposed, for the right-hand side r (m); ANN_EINVAL
 * where that is not finite. */
ANN_INLINE int least_norm(lanes *values, lanes *V, size_t l, size_t m, double cut,
                          const double *r, double *out)
{
    double largest = 0;
    for (size_t j = 0; j < m; j++)
        largest = fmax(largest, values[j * m + j][l]);
    for (size_t k = 0; k < m; k++)
        out[k] = 0;
    for (size_t j = 0; j < m; j++) {
        double eigenvalue = values[j * m + j][l], along = 0;
        if (!(eigenvalue > cut * largest))
            continue;
        for (size_t k = 0; k < m; k++)
            along += V[j * m + k][l] * r[k];
        for (size_t k = 0; k < m; k++)
            out[k] += along / eigenvalue * V[j * m + k][l];
    }
    for (size_t k = 0; k < m; k++)
        if (!isfinite(out[k]))
            return ANN_EINVAL;
    return ANN_OK;
}

ANN_CLONES
int ann_solve(const double *A, const double *r, size_t n, size_t m, double cut, int threads,
              double *room, double *b)
{
    int status = ANN_OK; /* or ANN_EINVAL, the only other one, of any system */
    if (threads < 1 || m < 1 || !(cut >= 0 && cut < 1))
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(| : status)
    for (size_t i = 0; i < n; i += WIDTH) {
        lanes *a = ann_own(room, 2 * m * m * sizeof *a);
        lanes *v = a + m * m;
        for (size_t k = 0; k < m * m; k++)
            for (size_t l = 0; l < WIDTH; l++)
                a[k][l] = A[(i + l < n ? i + l : n - 1) * m * m + k];
        status |= decompose(a, v, m);
        for (size_t l = 0; l < WIDTH && i + l < n; l++)
            status |= least_norm(a, v, l, m, cut, r + (i + l) * m, b + (i + l) * m);
    }
    return status;
}

/* Of a vertex, from its moments: G.G into the upper triangle of A and x.G into r (m1), for the table G
 * of its decoded codes: q(n_j) is u_0 + u_j, and x is u_0 + e. */
ANN_INLINE void normal_equations(const float *moments, size_t m1, size_t l, lanes *A, double *r)
{
    for (size_t i = 0; i < m1; i++)
        for (size_t j = i; j < m1; j++)
            A[i * m1 + j][l] = *moments++;
    r[0] = moments[0] + A[0][l];
    for (size_t j = 1; j < m1; j++)
        r[j] = moments[j] + A[j][l] + r[0];
    for (size_t i = 1; i < m1; i++)
        for (size_t j = i; j < m1; j++)
            A[i * m1 + j][l] = (A[i * m1 + j][l] + A[j][l]) + (A[i][l] + A[0][l]);
    for (size_t j = 1; j < m1; j++)
        A[j][l] += A[0][l];
}

ANN_CLONES
int ann_beta_weights(const float *moments, size_t n, size_t m1, double cut, size_t stride,
                     int threads, double *room, float *weights)
{
    const size_t n_moments = ann_beta_n_moments(m1);
    int status = ANN_OK;
    if (threads < 1 || m1 < 1 || stride < m1 || !(cut >= 0 && cut < 1))
        return ANN_EINVAL;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(| : status)
    for (size_t i = 0; i < n; i += WIDTH) {
        lanes *a = ann_own(room, (2 * m1 + 2) * m1 * sizeof *a);
        lanes *v = a + m1 * m1;
        double *r = (double *)(v + m1 * m1), *b = r + WIDTH * m1;
        for (size_t l = 0; l < WIDTH; l++) /* past the end: the last one again, unused */
            normal_equations(moments + (i + l < n ? i + l : n - 1) * n_moments, m1, l, a, r + l * m1);
        status |= decompose(a, v, m1);
        for (size_t l = 0; l < WIDTH && i + l < n; l++) {
            status |= least_norm(a, v, l, m1, cut, r + l * m1, b);
            for (size_t j = 0; j < m1; j++)
                weights[(i + l) * stride + j] = (float)b[j];
        }
    }
    return status;
}
