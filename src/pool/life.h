/* pool/life.h: block pools are made and end here; what they tell about themselves.
 *
 * A pool inside the caller's memory is laid out in one piece, bookkeeping first, so that a write
 * past the last block leaves it altogether:
 *
 *   memory [ pad | aimem_pool | directory | meta of each chunk | pad | blocks ]
 *
 * Its chunks are stretches of the blocks of at most AIMI_POOL_CHUNK_MOST.
 */
#ifndef AIMI_POOL_LIFE_H
#define AIMI_POOL_LIFE_H

#include "pool/block.h"

/* A desc with the defaults filled in, and the sizes that follow from it. */
typedef struct aimi_pool_plan {
    aimem_pool_desc desc;
    size_t stride;
    size_t chunk_align; /* of block 0 of a chunk: up to 64, so that blocks do not straddle lines */
} aimi_pool_plan;

/* The largest power of two, at most `most`, that divides a number that is not 0. */
AIMC_FN size_t aimi_pool_divisor(size_t number, size_t most) {
    return aimc_min_size((size_t)1 << aimc_ctz64(number), most);
}

AIMC_FN aimem_result aimi_pool_plan_make(const aimem_pool_desc *desc, aimi_pool_plan *plan) {
    aimem_pool_desc *d = &plan->desc;
    size_t bytes;
    memset(plan, 0, sizeof *plan);
    if (desc != NULL) *d = *desc;
    if (d->canary_zero != 0) return AIMEM_ERR_INVALID;
    if (d->block_size == 0) d->block_size = 64;
    if (d->align == 0) d->align = aimi_pool_divisor(d->block_size, 16);
    if (!aimc_is_pow2(d->align) || d->align > AIMI_POOL_ALIGN_MOST) return AIMEM_ERR_INVALID;
    if (d->fixed && d->max_blocks == 0) return AIMEM_ERR_INVALID;
    if (d->max_blocks != 0 && d->preallocated > d->max_blocks) return AIMEM_ERR_INVALID;
    if (d->fixed) d->preallocated = d->max_blocks;
    if (d->preallocated == 0) {
        d->preallocated = d->max_blocks != 0 ? aimc_min_size(5, d->max_blocks) : 5;
    }
    if (!aimc_align_size(d->block_size, d->align, &plan->stride) ||
        !aimc_mul_size(plan->stride, d->preallocated, &bytes) || bytes > PTRDIFF_MAX ||
        d->preallocated > AIMI_POOL_BLOCKS_MOST) {
        return AIMEM_ERR_RANGE;
    }
    if (d->handles && d->preallocated / AIMI_POOL_CHUNK_MOST >= AIMI_POOL_IDS_MOST) {
        return AIMEM_ERR_RANGE;
    }
    plan->chunk_align = aimc_max_size(d->align, aimi_pool_divisor(plan->stride, 64));
    return AIMEM_OK;
}

/* A pool without chunks and without directory in memory that is aligned for it. */
AIMC_FN aimem_pool *aimi_pool_set(void *memory, const aimi_pool_plan *plan) {
    const aimem_pool_desc *d = &plan->desc;
    aimem_pool *p = (aimem_pool *)memory;
    const char *name = d->name != NULL ? d->name : "pool";
    size_t i;
    memset(p, 0, sizeof *p);
    p->block_size = d->block_size;
    p->stride = plan->stride;
    p->chunk_align = plan->chunk_align;
    p->max_blocks = d->max_blocks;
    p->shifts = aimc_ctz64(p->stride) << 8;
    p->inverse = aimi_pool_inverse(p->stride >> aimi_pool_twos(p->shifts));
    p->fixed = d->fixed;
    p->reclaim = d->reclaim_on_free;
    p->clear = d->clear_on_free;
    p->handles = d->handles;
    p->slow_alloc = p->reclaim;
    p->slow_free = p->reclaim || p->clear || p->handles;
#if defined(AIMC_ASAN)
    p->slow_alloc = p->slow_free = true;
#endif
    p->logger = d->logger;
    for (i = 0; i + 1 < AIMI_POOL_NAME && name[i] != '\0'; i++) p->name[i] = name[i];
    /* Pools begin at different generations, so that a handle of one is no handle of another. */
    p->gen_first = (uint32_t)(((uint64_t)(uintptr_t)p * 0x9E3779B97F4A7C15u) >> 34) | 1;
    p->closed_byte = AIMI_POOL_CLOSED;
    for (i = 0; i < AIMI_POOL_RECENT; i++) p->recent[i] = &p->none;
    for (i = 0; i < AIMI_POOL_RING; i++) p->ring[i].state = &p->closed_byte;
    return p;
}

/* ---- from the allocator ---- */

AIMC_FN void aimi_pool_end(aimem_pool *p) {
    aimem_allocator allocator = p->allocator;
    while (p->chunks != 0) (void)aimi_pool_chunk_release(p, p->sorted[p->chunks - 1].chunk);
    if (p->inside) return;
    aimc_free(&allocator, p->first, p->first_size, p->chunk_align);
    aimc_free(&allocator, p->directory, p->directory_size, AIMI_POOL_META_ALIGN);
    aimc_free(&allocator, p, sizeof *p, AIMI_POOL_META_ALIGN);
}

AIMEM_POOL_API aimem_result aimem_pool_create(const aimem_pool_desc *desc, aimem_pool **out) {
    aimi_pool_plan plan;
    aimem_allocator allocator;
    aimem_result result;
    aimem_pool *p;
    void *memory;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    result = aimi_pool_plan_make(desc, &plan);
    if (result != AIMEM_OK) return result;
    if (!aimc_allocator_or_default(&plan.desc.allocator, &allocator)) return AIMEM_ERR_INVALID;
    memory = aimc_alloc(&allocator, sizeof *p, AIMI_POOL_META_ALIGN);
    if (memory == NULL) return AIMEM_ERR_NOMEM;
    p = aimi_pool_set(memory, &plan);
    p->allocator = allocator;
    p->bytes = sizeof *p;
    if (!aimi_pool_preallocate(p, plan.desc.preallocated)) {
        aimi_pool_end(p);
        return AIMEM_ERR_NOMEM;
    }
    *out = p;
    return AIMEM_OK;
}

/* ---- in the caller's memory ---- */

/* The parts behind one another, without the blocks; false when they do not fit in size_t. */
AIMC_FN bool aimi_pool_layout(const aimi_pool_plan *plan, size_t *directory, size_t *metas,
                              size_t *blocks) {
    size_t n = plan->desc.max_blocks, whole = n / AIMI_POOL_CHUNK_MOST, size, meta;
    size_t rest = n % AIMI_POOL_CHUNK_MOST;
    *directory = (sizeof(aimem_pool) + 15) & ~(size_t)15;
    if (!aimi_pool_directory_size(whole + (rest != 0), &size)) return false;
    if (!aimc_align_size(size, 16, &size) || !aimc_add_size(*directory, size, metas)) return false;
    if (!aimc_mul_size(whole, aimi_pool_meta_size(AIMI_POOL_CHUNK_MOST, plan->desc.handles),
                       &meta) ||
        !aimc_add_size(*metas, meta, blocks)) {
        return false;
    }
    return rest == 0 ||
           aimc_add_size(*blocks, aimi_pool_meta_size(rest, plan->desc.handles), blocks);
}

/* Plan of a fixed pool in memory of any alignment, and the bytes it needs. */
AIMC_FN aimem_result aimi_pool_plan_inside(const aimem_pool_desc *desc, aimi_pool_plan *plan,
                                           size_t *need) {
    aimem_pool_desc fixed;
    aimem_result result;
    size_t directory, metas, blocks;
    if (desc == NULL || desc->max_blocks == 0) return AIMEM_ERR_INVALID;
    fixed = *desc;
    fixed.fixed = true;
    fixed.reclaim_on_free = false; /* nothing could be given back */
    result = aimi_pool_plan_make(&fixed, plan);
    if (result != AIMEM_OK) return result;
    if (!aimi_pool_layout(plan, &directory, &metas, &blocks) ||
        !aimc_add_size(blocks, plan->stride * plan->desc.max_blocks, need) ||
        !aimc_add_size(*need, AIMI_POOL_META_ALIGN - 1 + plan->chunk_align - 1, need) ||
        *need > PTRDIFF_MAX) {
        return AIMEM_ERR_RANGE;
    }
    return AIMEM_OK;
}

AIMEM_POOL_API size_t aimem_pool_size(const aimem_pool_desc *desc) {
    aimi_pool_plan plan;
    size_t need;
    return aimi_pool_plan_inside(desc, &plan, &need) == AIMEM_OK ? need : 0;
}

AIMC_FN unsigned char *aimi_pool_align(unsigned char *at, size_t align) {
    return at + ((size_t)(0 - (uintptr_t)at) & (align - 1));
}

AIMEM_POOL_API aimem_result aimem_pool_init(void *memory, size_t size, const aimem_pool_desc *desc,
                                            aimem_pool **out) {
    aimi_pool_plan plan;
    aimem_result result;
    size_t need, directory, metas, blocks, left, id;
    unsigned char *at, *meta, *block;
    aimem_pool *p;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    if (memory == NULL) return AIMEM_ERR_INVALID;
    result = aimi_pool_plan_inside(desc, &plan, &need);
    if (result != AIMEM_OK) return result;
    if (size < need || !aimi_pool_layout(&plan, &directory, &metas, &blocks)) {
        return AIMEM_ERR_RANGE;
    }
    at = aimi_pool_align((unsigned char *)memory, AIMI_POOL_META_ALIGN);
    meta = at + metas;
    block = aimi_pool_align(at + blocks, plan.chunk_align);
    p = aimi_pool_set(at, &plan);
    p->inside = true;
    p->bytes = need;
    left = plan.desc.max_blocks;
    aimi_pool_directory_set(p, at + directory,
                            (left + AIMI_POOL_CHUNK_MOST - 1) / AIMI_POOL_CHUNK_MOST);
    for (id = 0; left != 0; id++) {
        size_t count = aimc_min_size(left, AIMI_POOL_CHUNK_MOST);
        aimi_pool_chunk_set(p, id, meta, block, count)->keep = true;
        meta += aimi_pool_meta_size(count, p->handles);
        block += count * p->stride;
        left -= count;
    }
    *out = p;
    return AIMEM_OK;
}

/* ---- the end ---- */

typedef struct aimi_pool_leaks {
    const aimem_pool *pool;
    int told;
} aimi_pool_leaks;

AIMC_FN bool aimi_pool_tell_leak(void *user_data, void *block) {
    aimi_pool_leaks *leaks = (aimi_pool_leaks *)user_data;
    aimi_pool_text t;
    aimi_pool_text_begin(&t, leaks->pool->name);
    aimi_pool_text_address(&t, block);
    aimi_pool_text_add(&t, " is still in use");
    aimi_pool_text_send(&t, &leaks->pool->logger, 1, AIMEM_ERR_BUSY);
    return ++leaks->told < 16;
}

AIMC_FN void aimi_pool_tell_leaks(const aimem_pool *p) {
    aimi_pool_leaks leaks;
    aimi_pool_text t;
    if (p->logger.log_fn == NULL || aimi_pool_in_use(p) == 0) return;
    aimi_pool_text_begin(&t, p->name);
    aimi_pool_text_number(&t, aimi_pool_in_use(p), 10);
    aimi_pool_text_add(&t, " blocks in use when the pool was destroyed");
    aimi_pool_text_send(&t, &p->logger, 1, AIMEM_ERR_BUSY);
    leaks.pool = p;
    leaks.told = 0;
    aimem_pool_walk(p, aimi_pool_tell_leak, &leaks);
}

AIMEM_POOL_API void aimem_pool_destroy(aimem_pool *pool) {
    if (pool == NULL) return;
    aimi_pool_tell_leaks(pool);
    if (pool->clear) aimem_pool_reset(pool);
    aimi_pool_end(pool);
}

AIMEM_POOL_API void aimem_pool_stats(const aimem_pool *pool, aimem_pool_info *out) {
    memset(out, 0, sizeof *out);
    out->name = pool->name;
    out->block_size = pool->block_size;
    out->stride = pool->stride;
    out->total = pool->total - pool->closed;
    out->in_use = aimi_pool_in_use(pool);
    out->available = out->total - out->in_use;
    out->peak = pool->peak / sizeof(aimi_pool_entry);
    out->max_blocks = pool->max_blocks;
    out->bytes = pool->bytes;
    out->failures = pool->failures;
    out->refused = pool->refused;
    if (out->total != 0) out->utilisation = (float)out->in_use / (float)out->total;
}

AIMEM_POOL_API uint32_t aimem_pool_version(void) {
    return AIMEM_POOL_VERSION;
}

#endif
