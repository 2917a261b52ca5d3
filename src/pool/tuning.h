/* pool/tuning.h: a histogram of requested sizes.
 *
 * Sizes 1 to 7 have a bin each, then come eight for every doubling up to 2^40; what is larger
 * counts in the last one. A bin knows its requests exactly in number and in bytes, and its largest
 * size, so that a class that ends there wastes exactly requests * largest - bytes in it.
 *
 * Invariants of a bin: requests is 0, and then so is all the rest, or
 *   requests * least <= bytes <= requests * largest, where least is the smallest size of the bin;
 *   largest is in the bin; live <= peak <= requests.
 */
#ifndef AIMI_POOL_TUNING_H
#define AIMI_POOL_TUNING_H

#include "core/alloc.h"

enum { AIMI_POOL_BINS = 8 + 38 * 8 };

typedef struct aimi_pool_bin {
    uint64_t requests, bytes, largest, live, peak;
} aimi_pool_bin;

struct aimem_tuning {
    aimem_allocator allocator;
    uint64_t frees, live, peak;
    aimi_pool_bin bins[AIMI_POOL_BINS];
};

/* size is not 0. */
AIMC_FN uint32_t aimi_pool_bin_of(uint64_t size) {
    uint32_t log, bin;
    if (size < 8) return (uint32_t)size;
    log = aimc_log2_u64(size);
    if (log > 40) return AIMI_POOL_BINS - 1;
    bin = 8 * (log - 2) + ((uint32_t)(size >> (log - 3)) & 7);
    return bin < AIMI_POOL_BINS ? bin : AIMI_POOL_BINS - 1;
}

/* The smallest size of a bin. */
AIMC_FN uint64_t aimi_pool_bin_least(uint32_t bin) {
    uint64_t step = 8 + bin % 8;
    return bin < 8 ? bin : step << (bin / 8 - 1);
}

AIMEM_POOL_API aimem_result aimem_tuning_create(const aimem_tuning_desc *desc, aimem_tuning **out) {
    aimem_tuning_desc d;
    aimem_allocator allocator;
    aimem_tuning *t;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    memset(&d, 0, sizeof d);
    if (desc != NULL) d = *desc;
    if (d.canary_zero != 0) return AIMEM_ERR_INVALID;
    if (!aimc_allocator_or_default(&d.allocator, &allocator)) return AIMEM_ERR_INVALID;
    t = (aimem_tuning *)aimc_alloc_zeroed(&allocator, sizeof *t, sizeof(uint64_t));
    if (t == NULL) return AIMEM_ERR_NOMEM;
    t->allocator = allocator;
    *out = t;
    return AIMEM_OK;
}

AIMEM_POOL_API void aimem_tuning_destroy(aimem_tuning *tuning) {
    aimem_allocator allocator;
    if (tuning == NULL) return;
    allocator = tuning->allocator;
    aimc_free(&allocator, tuning, sizeof *tuning, sizeof(uint64_t));
}

AIMEM_POOL_API void aimem_tuning_reset(aimem_tuning *tuning) {
    aimem_allocator allocator = tuning->allocator;
    memset(tuning, 0, sizeof *tuning);
    tuning->allocator = allocator;
}

/* Where a counter would overflow the request is not recorded: the rest stays true. */
AIMEM_POOL_API void aimem_tuning_record(aimem_tuning *tuning, size_t size) {
    uint64_t bytes = size != 0 ? size : 1;
    aimi_pool_bin *bin = &tuning->bins[aimi_pool_bin_of(bytes)];
    if (!aimc_add_u64(bin->bytes, bytes, &bin->bytes)) return;
    bin->requests++;
    if (bytes > bin->largest) bin->largest = bytes;
    if (++bin->live > bin->peak) bin->peak = bin->live;
    if (++tuning->live > tuning->peak) tuning->peak = tuning->live;
}

AIMEM_POOL_API void aimem_tuning_record_free(aimem_tuning *tuning, size_t size) {
    aimi_pool_bin *bin = &tuning->bins[aimi_pool_bin_of(size != 0 ? size : 1)];
    if (bin->live == 0) return;
    bin->live--;
    tuning->live--;
    tuning->frees++;
}

AIMC_FN void *aimi_pool_tuning_realloc(void *user_data, void *ptr, size_t old_size,
                                       size_t new_size, size_t align) {
    aimem_tuning *t = (aimem_tuning *)user_data;
    void *fresh = t->allocator.realloc_fn(t->allocator.user_data, ptr, old_size, new_size, align);
    if (new_size != 0 && fresh == NULL) return NULL;
    if (ptr != NULL) aimem_tuning_record_free(t, old_size);
    if (new_size != 0) aimem_tuning_record(t, new_size);
    return fresh;
}

AIMEM_POOL_API aimem_allocator aimem_tuning_allocator(aimem_tuning *tuning) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_tuning_realloc;
    hook.user_data = tuning;
    return hook;
}

AIMEM_POOL_API void aimem_tuning_stats(const aimem_tuning *tuning, aimem_tuning_info *out) {
    uint32_t i;
    memset(out, 0, sizeof *out);
    for (i = 0; i < AIMI_POOL_BINS; i++) {
        const aimi_pool_bin *bin = &tuning->bins[i];
        if (bin->requests == 0) continue;
        out->bins++;
        out->requests += bin->requests;
        out->bytes += bin->bytes;
        out->largest = bin->largest;
    }
    out->frees = tuning->frees;
    out->live = tuning->live;
    out->peak_live = tuning->peak;
}

#endif
