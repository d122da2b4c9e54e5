/* Calls every kernel at awkward sizes, under the sanitizers. */
#include "harness.h"

static const size_t D[] = {1, 2, 15, 16, 17, 31, 33, 100}, N[] = {1, 3, 4, 5, 33};
static const size_t NSQ[] = {1, 3, 5, 36}, DSUB[] = {1, 3, 4};
static const int THREADS[] = {1, 2, 4};

int main(void)
{
    for (size_t groups = 1; groups < 9; groups++)
        tiles(groups);
    static const size_t BYTES[] = {1, 63, 64, 65, 128, 129, 258};
    for (size_t i = 0; i < COUNT(BYTES); i++)
        for (int kind = 0; kind < 4; kind++)
            whole(BYTES[i], kind % 2, kind / 2);
    for (size_t t = 0; t < COUNT(THREADS); t++) {
        int threads = THREADS[t];
        for (size_t i = 0; i < COUNT(N); i++) {
            for (size_t j = 0; j < COUNT(D); j++) {
                distances(N[i], D[j], threads);
                neighbours(N[i], D[j], threads);
            }
            for (size_t j = 0; j < COUNT(NSQ); j++)
                for (size_t k = 0; k < COUNT(DSUB); k++)
                    codes(N[i], NSQ[j], DSUB[k], threads);
            columns(N[i], 1, threads);
            columns(N[i], 36, threads);
            systems(N[i], 1, threads);
            systems(N[i], 7, threads);
            weights(N[i], 1, threads);
            weights(N[i], 7, threads);
        }
        for (size_t j = 0; j < COUNT(NSQ); j++)
            for (size_t k = 0; k < COUNT(DSUB); k++) {
                for (int two = 0; two < 2; two++) {
                    regression(NSQ[j], DSUB[k], 1, two, threads);
                    regression(NSQ[j], DSUB[k], 5, two, threads);
                }
                rotations(N[j], NSQ[j], NSQ[j], DSUB[k], threads);
            }
        for (int ip = 0; ip < 2; ip++) {
            graphs(2, 1, 1, 3, 3, 0, ip, threads);
            graphs(40, 3, 2, 5, 3, 0, ip, threads);
            graphs(70, 33, 4, 1, 1, 0, ip, threads);
            graphs(40, 3, 2, 5, 4, 1, ip, threads);
            graphs(70, 33, 4, 2, 3, 1, ip, threads);
            graphs(40, 3, 2, 0, 17, 0, ip, threads);
            graphs(70, 65, 4, 0, 1, 0, ip, threads);
            for (int kind = 0; kind < 5; kind++) {
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
