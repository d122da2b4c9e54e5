/* The sanitizers' build has no intrinsics; as tiles are static functions, this file has its own. */
#undef ANN_NO_CLONES
#include "byte_tile.h"
#include "harness.h"

/* Every tile that this machine can run finds the same hits in `groups` of four dimensions. */
void tiles(size_t groups)
{
    ann_byte_tile *runs[3] = {ann_tile_plain};
    size_t n = 1;
#ifdef ANN_INTRINSICS
    if (__builtin_cpu_supports("avx2"))
        runs[n++] = ann_tile_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni"))
        runs[n++] = ann_tile_vnni;
#endif
    uint8_t *panel = bytes(groups * PANEL * GROUP, 256);
    int8_t *query = (int8_t *)bytes(groups * TILE * GROUP, 256);
    int32_t *half = ids(PANEL, 1000, 0), *least = ids(TILE, 1000, 0);
    uint32_t *wanted = NULL;
    int any = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t *hits = buffer(TILE, sizeof *hits);
        int found = runs[i](panel, query, groups, half, least, hits);
        if (i > 0)
            require(found == any && !memcmp(hits, wanted, TILE * sizeof *hits), "one set of hits");
        any = found;
        wanted = hits;
    }
    release(0);
}
