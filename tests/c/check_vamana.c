#include "harness.h"
#include "vamana.h"

/* Links a flat graph of nb vertices in two batches, gives it reverse links and orders it. */
void flat_graphs(size_t nb, size_t M0, size_t R, size_t d, int threads)
{
    size_t ef = 5, T = (size_t)threads, half = nb / 2, room = ef + ANN_BEAM_ROOM;
    ann_space space = {.vectors = floats(nb * d), .nb = nb, .d = d};
    int32_t *neighbors = some_links(nb, M0), *batch = buffer(nb, sizeof *batch);
    ann_graph graph = {.neighbors = neighbors, .nb = nb, .M0 = M0};
    uint8_t *visited = buffer(T * nb, 1), *epochs = buffer(T, 1);
    memset(visited, 0, T * nb);
    memset(epochs, 0, T);
    for (size_t v = 0; v < nb; v++)
        batch[v] = (int32_t)v;
    for (size_t first = 0; first < nb; first += nb - half) {
        size_t n = first ? nb - first : nb - half, kept = held_now();
        int32_t *links = buffer(n * R, sizeof *links);
        OK(ann_vamana_link(&space, &graph, batch + first, n, R, first > 0, ef, room, 1.2f, threads,
                           visited, epochs, buffer(T * room, 8),
                           buffer(T * (nb + M0 + n + ANN_BEAM_ROOM), 8), links));
        for (size_t i = 0; i < n * R; i++)
            require(links[i] >= -1 && links[i] < (int32_t)nb, "links are vertices");
        int32_t target[2] = {0, (int32_t)nb - 1};
        int64_t start[3] = {0, 1, (int64_t)n};
        OK(ann_vamana_reverse(&space, &graph, target, start, batch, 2, n, 1.2f, threads,
                              apart(threads, (M0 + n) * 8)));
        release(kept);
    }
    OK(ann_vamana_order(&space, &graph, threads, apart(threads, M0 * 8)));
    REFUSED(ann_vamana_link(&space, &graph, batch, 1, R, 0, ef, room, 0.9f, threads, visited,
                            epochs, NULL, NULL, NULL));
    REFUSED(ann_vamana_link(&space, &graph, batch, 1, R, 0, ef, room - 1, 1, threads, visited,
                            epochs, NULL, NULL, NULL));
    REFUSED(ann_vamana_reverse(&space, &graph, NULL, NULL, NULL, 0, 0, 1, 0, NULL));
    REFUSED(ann_vamana_order(&space, &graph, 0, NULL));
    release(0);
}
