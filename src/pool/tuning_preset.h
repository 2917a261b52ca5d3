/* pool/tuning_preset.h: named sets of settings that combine. */
#ifndef AIMI_POOL_TUNING_PRESET_H
#define AIMI_POOL_TUNING_PRESET_H

#include "core/platform.h"

/* One setting: its default, its value in each preset, and the initials of the presets by rank, the
   strongest first. Values are stored in u64; UINT64_MAX: all, never. */
typedef struct aimi_pool_preset {
    uint64_t standard, tight, realtime, scientific, learning;
    char order[5];
} aimi_pool_preset;

#define AIMI_POOL_PRESETS 15u
#define AIMI_POOL_SECOND ((uint64_t)1000000000u)

AIMC_FN uint64_t aimi_pool_preset_value(uint32_t presets, const aimi_pool_preset *p) {
    const char *of;
    for (of = p->order; *of != '\0'; of++) {
        if (*of == 'T' && (presets & AIMEM_TUNING_TIGHT) != 0) return p->tight;
        if (*of == 'R' && (presets & AIMEM_TUNING_REALTIME) != 0) return p->realtime;
        if (*of == 'S' && (presets & AIMEM_TUNING_SCIENTIFIC) != 0) return p->scientific;
        if (*of == 'L' && (presets & AIMEM_TUNING_LEARNING) != 0) return p->learning;
    }
    return p->standard;
}

AIMEM_POOL_API aimem_result aimem_tuning_preset(uint32_t presets, aimem_tuning_values *out) {
    static const aimi_pool_preset rows[10] = { /* the table in the API, row by row */
        {65536, 4096, 262144, 1048576, 1048576, "TRLS"},
        {5, 1, UINT64_MAX, 5, 64, "RTLS"},
        {0, 0, 1, 0, 0, "RTLS"},
        {0, 1, 0, 0, 0, "RTLS"},
        {60 * AIMI_POOL_SECOND, 5 * AIMI_POOL_SECOND, UINT64_MAX, 30 * AIMI_POOL_SECOND,
         300 * AIMI_POOL_SECOND, "RTLS"},
        {64, 64, 64, 64, 256, "LSRT"},
        {125, 50, 250, 60, 125, "TRSL"},
        {32, 16, 8, 32, 32, "RTSL"},
        {1024, 256, 1024, 1024, 1024, "TRLS"},
        {16, 16, 1, 16, 16, "RTLS"},
    };
    uint64_t v[10];
    uint32_t i;
    memset(out, 0, sizeof *out);
    if ((presets & ~AIMI_POOL_PRESETS) != 0) return AIMEM_ERR_INVALID;
    for (i = 0; i < 10; i++) v[i] = aimi_pool_preset_value(presets, &rows[i]);
    out->arena_chunk_size = (size_t)v[0];
    out->pool_preallocated = v[1] != UINT64_MAX ? (size_t)v[1] : SIZE_MAX;
    out->pool_fixed = v[2] != 0;
    out->pool_reclaim_on_free = v[3] != 0;
    out->buffers_idle_ns = v[4];
    out->buffers_align = (size_t)v[5];
    out->query.waste = (uint32_t)v[6];
    out->query.max_classes = (uint32_t)v[7];
    out->heap_small_limit = (size_t)v[8];
    out->budget_retries = (uint32_t)v[9];
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_tuning_pool(uint32_t presets, aimem_pool_desc *desc) {
    aimem_tuning_values v;
    aimem_result result = aimem_tuning_preset(presets, &v);
    if (result != AIMEM_OK) return result;
    if (v.pool_fixed && desc->max_blocks != 0) desc->fixed = true;
    if (v.pool_reclaim_on_free) desc->reclaim_on_free = true;
    if (desc->preallocated == 0) {
        size_t most = desc->max_blocks;
        desc->preallocated = v.pool_preallocated;
        if (most != 0 && desc->preallocated > most) desc->preallocated = most;
        if (desc->preallocated == SIZE_MAX) desc->preallocated = 0; /* no maximum to take */
    }
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_tuning_arena(uint32_t presets, aimem_arena_desc *desc) {
    aimem_tuning_values v;
    aimem_result result = aimem_tuning_preset(presets, &v);
    if (result == AIMEM_OK && desc->chunk_size == 0) desc->chunk_size = v.arena_chunk_size;
    return result;
}

#endif
