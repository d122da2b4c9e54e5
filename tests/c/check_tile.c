/* The intrinsics of byte_tile.h, without which all else here is built. */
#undef ANN_NO_CLONES
#include "byte_tile.h"

#include "harness.h"

static ann_byte_tile *fitting(size_t i)
{
#ifdef ANN_BYTE_INTRINSICS
    if (i == 1)
        return __builtin_cpu_supports("avx2") ? ann_tile_avx2 : NULL;
    if (i == 2)
        return __builtin_cpu_supports("avx512vnni") ? ann_tile_vnni : NULL;
#endif
    return i == 0 ? ann_fastest_tile() : NULL;
}

void tiles(size_t groups)
{
    const uint8_t *panel = bytes(groups * PANEL * GROUP, 256);
    const int8_t *query = (const int8_t *)bytes(groups * TILE * GROUP, 256);
    int32_t *half = ids(PANEL, 1 << 20, 1), *least = ids(TILE, 1 << 16, 1);
    uint32_t *wanted = buffer(TILE, sizeof *wanted), *hits = buffer(TILE, sizeof *hits);
    int any = ann_tile_plain(panel, query, groups, half, least, wanted);
    for (size_t i = 0; i < 3; i++) {
        ann_byte_tile *tile = fitting(i);
        if (tile != NULL) {
            require(tile(panel, query, groups, half, least, hits) == any, "any hit is the same");
            require(memcmp(hits, wanted, TILE * sizeof *hits) == 0, "hits are the same");
        }
    }
    release(0);
}
