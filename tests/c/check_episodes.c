#include "episodes.h"
#include "harness.h"

void episodes(size_t nb, size_t M0, size_t k, size_t ef, int kind, int ip, int threads)
{
    enum { N = 40, DSUB = 3, NSQ = 6, DIM = 19 };
    static const int64_t RATE[] = {3, 100};
    const int coded = kind >= 3;
    size_t T = (size_t)threads, d = coded ? NSQ * DSUB : DIM, first = 0;
    size_t room = (ef > k ? ef : k) + ANN_QUEUE_ROOM, capacity = T * M0;
    uint8_t *values = bytes(nb * d, 200);
    ann_space space = {.nb = nb, .ip = ip, .d = coded ? 0 : d, .nsq = coded ? NSQ : 0};
    float *centroids_t = coded ? floats(NSQ * KSUB * DSUB) : NULL;
    space.coarse = kind == 4 ? first_level(nb, NSQ, DSUB, centroids_t) : NULL;
    size_t table = NSQ * KSUB;
    if (space.coarse)
        table = 4 * (table + ((size_t)2 << space.coarse->bits));
    if (coded)
        space.codes = bytes(nb * (NSQ + (space.coarse ? space.coarse->bytes : 0)), 9);
    else if (kind == 2)
        space.vectors_i8 = (int8_t *)values;
    else if (kind == 1)
        space.vectors_u8 = values;
    else
        space.vectors = floats(nb * d);
    ann_graph graph = {.neighbors = some_links(nb, M0), .nb = nb, .M0 = M0};
    uint32_t *keep = buffer(nb * M0, sizeof *keep);
    for (size_t e = 0; e < nb * M0; e++)
        keep[e] = draw(3) ? UINT32_C(1) << 31 : draw(1 << 24) << 7;
    float *x = floats(N * d);
    for (size_t t = 0; t < N / 2 * d; t++) /* half of the queries are whole */
        x[t] = (float)draw(100);
    ann_batch batch = {.x = x, .centroids_t = centroids_t,
                       .start = ids(N, nb, 0), .absent = ids(N, nb, 1),
                       .dsub = coded ? DSUB : 0, .n = N, .k = k,
                       .key = 7, .threads = threads, .room = room};
    int32_t *offsets = buffer(nb, sizeof *offsets);
    if (kind == 1 || kind == 2) {
        OK(ann_byte_offsets(&space, offsets));
        batch.offsets = offsets;
    } else
        REFUSED(ann_byte_offsets(&space, NULL));
    batch.visited = buffer(T * nb, sizeof *batch.visited);
    batch.epochs = buffer(T, sizeof *batch.epochs);
    batch.queues = buffer(T * room, sizeof *batch.queues);
    batch.tables = coded ? blank(T * table) : NULL;
    memset(batch.visited, 0, T * nb * sizeof *batch.visited);
    for (size_t t = 0; t < T; t++)
        batch.epochs[t] = UINT16_MAX - 3; /* they run out */
    int32_t *n_actions = buffer(N, 4), *I = buffer(N * k, 4), *ndis = buffer(N, 4);
    int32_t *other = buffer(N, 4), *drawn = buffer(N, 4);
    while (first < N) {
        size_t kept = held_now();
        int64_t done = ann_episodes(&space, &graph, keep, &batch, ef, (int64_t)first, capacity,
                                    buffer(capacity, 4), n_actions, I, ndis, other);
        require(done >= (int64_t)first, "episodes are recorded");
        capacity *= 2;
        first = (size_t)done;
        release(kept);
    }
    for (size_t i = 0; i < N * k; i++)
        require(I[i] >= -1 && I[i] < (int32_t)nb, "results are vertices");

    size_t n_snapshots = nb % 2 ? 1 + nb / 4 : nb + 1; /* too few for some searches, or enough */
    ann_replay replay = {.trace = buffer(T * nb, 8), .epochs = buffer(T, 4),
                         .finds = buffer(T * (nb + 1), 20), .keys = buffer(T * nb, 8),
                         .found = buffer(T * nb, 1), .rows = buffer(T * (nb + 1), 12),
                         .kept = buffer(T * (nb * M0 + 1), 4),
                         .snapshots = buffer(T * n_snapshots * room, 8),
                         .n_snapshots = n_snapshots};
    memset(replay.trace, 0, T * nb * 8);
    for (size_t t = 0; t < T; t++)
        replay.epochs[t] = UINT32_MAX - 5;
    int64_t *gain = buffer(nb * M0, 8), *cost = buffer(nb * M0, 8);
    int32_t efs[2] = {1, (int32_t)ef}, *truth = ids(N * k, nb, 0);
    memset(gain, 0, nb * M0 * 8);
    memset(cost, 0, nb * M0 * 8);
    for (int rerun = 0; rerun < 2; rerun++)
        OK(ann_credit(&space, &graph, keep, &batch, &replay, truth, efs, RATE, 2, rerun, gain,
                      cost, drawn, other, ndis));
    REFUSED(ann_credit(&space, &graph, keep, &batch, &replay, truth, efs, RATE, 0, 1, gain, cost,
                       drawn, other, ndis));
    replay.n_snapshots = 0;
    REFUSED(ann_credit(&space, &graph, keep, &batch, &replay, truth, efs, RATE, 2, 1, gain, cost,
                       drawn, other, ndis));
    replay.n_snapshots = n_snapshots;
    efs[0] = 0;
    REFUSED(ann_credit(&space, &graph, keep, &batch, &replay, truth, efs, RATE, 2, 1, gain, cost,
                       drawn, other, ndis));
    batch.room--;
    REFUSED((int)ann_episodes(&space, &graph, keep, &batch, ef, 0, capacity, NULL, NULL, NULL,
                              NULL, NULL));
    release(0);
}
