#include "harness.h"

#include <sanitizer/asan_interface.h>
#include <stdio.h>

void expect(int status, int wanted, const char *call, const char *file, int line)
{
    if (status != wanted) {
        fprintf(stderr, "%s:%d: %.60s: %d, expected %d\n", file, line, call, status, wanted);
        exit(1);
    }
}

void require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "%s does not hold\n", what);
        exit(1);
    }
}

static void *held[64];
static size_t n_held;

size_t held_now(void)
{
    return n_held;
}

void release(size_t kept)
{
    while (n_held > kept)
        free(held[--n_held]);
}

void *buffer(size_t count, size_t size)
{
    if (n_held == COUNT(held))
        abort();
    size_t length = count * size;
    void *p = malloc(length);
    if (length > 0)
        memset(p, 0xAB, length);
    return held[n_held++] = p;
}

static uint32_t state = 1;

uint32_t draw(uint32_t below)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

float *floats(size_t n)
{
    float *x = buffer(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)draw(2001) / 1000 - 1;
    return x;
}

double *doubles(size_t n)
{
    double *x = buffer(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (double)draw(2001) / 1000 - 1;
    return x;
}

void *apart(int threads, size_t size)
{
    char *p = buffer((size_t)threads * (size + ANN_APART) - ANN_APART, 1);
    for (int t = 0; t < threads - 1; t++)
        ASAN_POISON_MEMORY_REGION(p + (size_t)t * (size + ANN_APART) + size, ANN_APART);
    return p;
}

float *blank(size_t n)
{
    return buffer(n, sizeof(float));
}

uint8_t *bytes(size_t n, uint32_t below)
{
    uint8_t *x = buffer(n, 1);
    for (size_t i = 0; i < n; i++)
        x[i] = (uint8_t)draw(below);
    return x;
}

int32_t *ids(size_t n, size_t nb, int none)
{
    int32_t *x = buffer(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = none && draw(5) == 0 ? -1 : (int32_t)draw((uint32_t)nb);
    return x;
}

int32_t *some_links(size_t nb, size_t M0)
{
    int32_t *x = ids(nb * M0, nb, 0);
    for (size_t v = 0; v < nb; v++)
        for (size_t j = draw((uint32_t)M0 + 1); j < M0; j++)
            x[v * M0 + j] = -1;
    return x;
}

const ann_coarse *first_level(size_t n, size_t nsq, size_t dsub, const float *centroids)
{
    enum { BITS = 5, SIZE = 2 };
    size_t values = (2 << BITS) * (nsq * dsub / 2);
    if (nsq < 2 || nsq * dsub % 2)
        return NULL;
    ann_coarse *first = buffer(1, sizeof *first);
    *first = (ann_coarse){floats(values), floats(values), centroids, floats(n), BITS, SIZE, dsub};
    return first;
}
