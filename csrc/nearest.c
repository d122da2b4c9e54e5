/* The k nearest by brute force: a bound of every distance from products of bytes, and the exact
 * distance where the bound leaves a chance.
 *
 * A vector x is centre + step X + a rest, X of whole numbers in -128 .. 127. By the triangle
 * inequality |q - x| >= step |Q - X| - |rest of q| - |rest of x|, so that only rows with
 * |Q - X|^2 <= T can be among the k nearest, where T comes from the k-th distance so far. As
 * |Q - X|^2 = |Q|^2 + |X|^2 - 2 Q.X that is a threshold on Q.X - |X|^2 / 2. For inner products, q is
 * unit Q + a rest on a grid of its own about 0, and q.x = q.centre + unit step Q.X + step (rest of
 * q).X + q.(rest of x), whose last two terms Cauchy-Schwarz bounds. */
#include "nearest.h"

#include <math.h>

#include "byte_tile.h"
#include "exact.h"

enum { CHUNK = 8, ZERO = 128 }; /* a row's byte is X + ZERO */
#define SLACK 1e-9              /* relative; more than all rounding of sums up to 2^15 terms */

/* What is known of a vector on its grid: the length of its rest, |X|^2, the sum of X. */
typedef struct {
    double rest;
    int32_t square, sum;
} on_grid;

/* What turns the k-th distance of a query into its threshold. */
typedef struct {
    double reach, unit, square, shift;
} bound;

ANN_INLINE size_t padded_to_chunks(size_t d)
{
    return (d + CHUNK - 1) / CHUNK * CHUNK;
}

/* The whole numbers of x, plus ZERO, to groups of four bytes that lie `apart` bytes apart; the
 * dimensions that fill up the last chunk get ZERO. No centre means 0. */
ANN_INLINE on_grid quantise(const float *x, const double *centre, double step, size_t d,
                            uint8_t *bytes, size_t apart)
{
    double inverse = 1 / step, squares[CHUNK] = {0};
    int32_t square[CHUNK] = {0}, sum[CHUNK] = {0};
    for (size_t t = 0; t < d; t += CHUNK) {
        size_t m = d - t < CHUNK ? d - t : CHUNK;
        float value[CHUNK] = {0};
        double c[CHUNK] = {0};
        uint8_t byte[CHUNK];
        memcpy(value, x + t, m * sizeof *value);
        if (centre)
            memcpy(c, centre + t, m * sizeof *c);
        for (size_t j = 0; j < CHUNK; j++) {
            double v = (value[j] - c[j]) * inverse + (ZERO + 0.5);
            v = v > 0 ? v : 0; /* also where v is not a number */
            v = v < 255 ? v : 255;
            byte[j] = (uint8_t)(int32_t)v;
            int32_t whole = (int32_t)v - ZERO;
            double on = step * whole;
            double rest = fabs(value[j] - (c[j] + on)) + 1e-15 * (fabs(c[j]) + fabs(on));
            squares[j] += rest * rest;
            square[j] += whole * whole;
            sum[j] += whole;
        }
        memcpy(bytes + t / GROUP * apart, byte, GROUP);
        memcpy(bytes + (t / GROUP + 1) * apart, byte + GROUP, GROUP);
    }
    on_grid g = {sqrt(ann_tree8(squares)) * (1 + SLACK), 0, 0};
    for (size_t j = 0; j < CHUNK; j++) {
        g.square += square[j];
        g.sum += sum[j];
    }
    return g;
}

/* The least sum that a row within `worst` of the query can have. */
ANN_INLINE int32_t threshold(const bound *b, double worst, int ip)
{
    double v;
    if (ip) {
        v = (-worst - b->reach) / b->unit - 1;
    } else {
        double most = (sqrt(worst) * (1 + SLACK) + b->reach) / b->unit;
        v = (b->square - most * most * (1 + SLACK)) / 2;
    }
    v = floor(v + b->shift);
    if (!(v > INT32_MIN)) /* also where v is not a number */
        return INT32_MIN;
    return v < INT32_MAX ? (int32_t)v : INT32_MAX;
}

/* Lengths that bounds need: of the longest rest of a row, of the longest row on the grid, and of the
 * centre. */
enum { REST, LONGEST, CENTRE };

ANN_INLINE double length(const double *x, size_t d)
{
    double s = 0;
    for (size_t t = 0; t < d; t++)
        s += x[t] * x[t];
    return sqrt(s);
}

/* A query to column `bytes` of its tile, and its bound. */
ANN_INLINE bound prepare(const float *q, const double *centre, double step, size_t d, int ip,
                         const double *lengths, uint8_t *bytes)
{
    on_grid g;
    bound b;
    if (ip) {
        double most = 0, along = 0, squares = 0;
        for (size_t t = 0; t < d; t++) {
            most = fmax(most, fabs(q[t]));
            along += q[t] * centre[t];
            squares += (double)q[t] * q[t];
        }
        double unit = most > 0 ? most / 127 : 1, norm = sqrt(squares);
        g = quantise(q, NULL, unit, d, bytes, TILE * GROUP);
        b.unit = unit * step;
        b.reach = along + g.rest * lengths[LONGEST] + norm * lengths[REST] +
                  SLACK * norm * (lengths[CENTRE] + lengths[LONGEST] + lengths[REST]);
    } else {
        g = quantise(q, centre, step, d, bytes, TILE * GROUP);
        b.unit = step;
        b.reach = g.rest + lengths[REST];
    }
    b.square = g.square;
    b.shift = (double)ZERO * g.sum; /* a row's byte is larger than X */
    for (size_t t = 0; t < padded_to_chunks(d); t += GROUP)
        for (size_t j = 0; j < GROUP; j++)
            bytes[t / GROUP * (TILE * GROUP) + j] ^= ZERO; /* the byte of a signed number */
    return b;
}

/* Into a list of k by (distance, id); returns whether it belongs there. */
ANN_INLINE int insert(int32_t *ids, double *dis, size_t k, int32_t id, double distance)
{
    size_t low = 0, high = k;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (dis[mid] < distance || (dis[mid] == distance && ids[mid] < id))
            low = mid + 1;
        else
            high = mid;
    }
    if (low == k || !(distance < INFINITY))
        return 0;
    memmove(dis + low + 1, dis + low, (k - low - 1) * sizeof *dis);
    memmove(ids + low + 1, ids + low, (k - low - 1) * sizeof *ids);
    dis[low] = distance;
    ids[low] = id;
    return 1;
}

ANN_CLONES
int ann_panels(const float *rows, const double *centre, double step, size_t n, size_t d, int ip,
               int threads, uint8_t *panels, int32_t *half, double *lengths)
{
    if (d < 1 || d > ANN_MOST_DIMENSIONS || threads < 1)
        return ANN_EINVAL;
    size_t padded = padded_to_chunks(d), n_panels = (n + PANEL - 1) / PANEL;
    double rest = 0;
    int32_t square = 0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(max : rest, square)
    for (size_t p = 0; p < n_panels; p++)
        for (size_t r = 0; r < PANEL; r++) {
            size_t row = p * PANEL + r < n ? p * PANEL + r : n - 1; /* past the end: the last again */
            uint8_t *bytes = panels + (p * padded * PANEL + r * GROUP);
            on_grid g = quantise(rows + row * d, centre, step, d, bytes, PANEL * GROUP);
            half[p * PANEL + r] = ip ? 0 : g.square / 2;
            rest = !(g.rest <= rest) ? g.rest : rest;
            square = g.square > square ? g.square : square;
        }
    lengths[REST] = rest;
    lengths[LONGEST] = step * sqrt(square) * (1 + SLACK);
    lengths[CENTRE] = length(centre, d);
    return ANN_OK;
}

ANN_CLONES
int ann_nearest(const float *query, const float *rows, const double *centre, double step,
                const uint8_t *panels, const int32_t *half, const double *lengths, size_t nq,
                size_t n, size_t d, size_t k, int32_t first, int ip, int threads, int8_t *queries,
                int32_t *ids, double *dis)
{
    if (d < 1 || d > ANN_MOST_DIMENSIONS || k < 1 || threads < 1)
        return ANN_EINVAL;
    size_t padded = padded_to_chunks(d), n_panels = (n + PANEL - 1) / PANEL;
    ann_byte_tile *tile = ann_fastest_tile();
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < nq; i += TILE) {
        int8_t *tiled = ann_own(queries, padded * TILE);
        size_t width = nq - i < TILE ? nq - i : TILE;
        bound bounds[TILE];
        int32_t least[TILE];
        memset(tiled, 0, padded * TILE);
        for (size_t j = 0; j < TILE; j++) {
            least[j] = INT32_MAX; /* past the end: nothing is near */
            if (j >= width)
                continue;
            uint8_t *bytes = (uint8_t *)tiled + j * GROUP;
            bounds[j] = prepare(query + (i + j) * d, centre, step, d, ip, lengths, bytes);
            least[j] = threshold(bounds + j, dis[(i + j + 1) * k - 1], ip);
        }
        for (size_t p = 0; p < n_panels; p++) {
            uint32_t hits[TILE], present = UINT32_MAX;
            if (!tile(panels + p * padded * PANEL, tiled, padded / GROUP, half + p * PANEL, least,
                      hits))
                continue;
            if (n - p * PANEL < PANEL)
                present = ((uint32_t)1 << (n - p * PANEL)) - 1;
            for (size_t j = 0; j < width; j++) {
                size_t q = i + j;
                int nearer = 0;
                for (uint32_t left = hits[j] & present; left; left &= left - 1) {
                    size_t row = p * PANEL + (size_t)__builtin_ctz(left);
                    double distance = ann_exact_distance(query + q * d, rows + row * d, d, ip);
                    nearer |= insert(ids + q * k, dis + q * k, k, first + (int32_t)row, distance);
                }
                if (nearer)
                    least[j] = threshold(bounds + j, dis[(q + 1) * k - 1], ip);
            }
        }
    }
    return ANN_OK;
}
