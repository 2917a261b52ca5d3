/* pool/block.h: allocation and free.
 *
 *   ring[64], used round and round:   ... | free? | free? | free? | old | old | old | ...
 *                                          ^ in_use mod 64: the next allocation looks here
 *                                    ^ in_use - 1 mod 64: the next free puts its block here
 *
 * The number of blocks in use is also the pointer of a stack: a free lowers it and leaves the block
 * at its place, an allocation takes the block that lies at its place and raises it. So the block
 * freed last is handed out first, while it is in the cache. More than 64 frees in a row write over
 * the oldest places, and more allocations than that come to places that were used already. That
 * needs no care: a place is only a guess. The allocation hands the block out if its state byte says
 * that it is free; else a search of the state bytes fills the ring anew, in the order of addresses.
 * So a free writes the ring, one state and one hint, never the block, and has no list to keep.
 *
 * Every function leaves the pool as it was when it answers an error or NULL (alloc: but for the
 * count of failures, free: of refused frees).
 * Reusing the last one first and bounding the search: Bonwick and Adams, "Magazines and Vmem",
 * 2001. State bytes searched in address order instead of lists through the blocks: after frees in
 * random order the next blocks still come in the order of their addresses.
 */
#ifndef AIMI_POOL_BLOCK_H
#define AIMI_POOL_BLOCK_H

#include "pool/grow.h"

AIMC_INLINE aimi_pool_entry *aimi_pool_at(aimem_pool *p, size_t place) {
    return (aimi_pool_entry *)(void *)((unsigned char *)p->ring + place % sizeof p->ring);
}

AIMC_NOINLINE void *aimi_pool_alloc_slow(aimem_pool *p) {
    aimi_pool_entry *e = aimi_pool_at(p, p->place);
    aimi_pool_chunk *c;
    size_t i;
    if (*e->state != AIMI_POOL_FREE && !aimi_pool_search(p)) {
        if (!aimi_pool_grow(p) || !aimi_pool_search(p)) {
            p->failures++;
            return NULL;
        }
    }
    if (p->reclaim && aimi_pool_locate(p, e->block, &c, &i) == AIMEM_ERR_DOUBLE_FREE) c->live++;
    *e->state = AIMI_POOL_LIVE;
    AIMC_UNPOISON(e->block, p->block_size);
    p->place += sizeof *e;
    if (p->place > p->peak) p->peak = p->place;
    p->stop = p->slow_alloc ? 0 : p->peak;
    return e->block;
}

AIMEM_POOL_API void *aimem_pool_alloc(aimem_pool *pool) {
    size_t place = pool->place;
    aimi_pool_entry *e = aimi_pool_at(pool, place);
    unsigned char *state = e->state;
    void *block = e->block;
    if (AIMC_UNLIKELY(place >= pool->stop || *state != AIMI_POOL_FREE)) {
        return aimi_pool_alloc_slow(pool);
    }
    pool->place = place + sizeof *e;
    *state = AIMI_POOL_LIVE;
    return block;
}

/* ---- free ---- */

AIMC_FN aimem_result aimi_pool_refuse(aimem_pool *p, const void *what, aimem_result why) {
    aimi_pool_text t;
    p->refused++;
    if (p->logger.log_fn == NULL) return why;
    aimi_pool_text_begin(&t, p->name);
    aimi_pool_text_add(&t, "free of ");
    aimi_pool_text_address(&t, what);
    aimi_pool_text_add(&t, " refused: ");
    aimi_pool_text_add(&t, aimem_result_string(why));
    aimi_pool_text_send(&t, &p->logger, 0, why);
    return why;
}

/* Overwrites with zeros. Through a pointer that the compiler must read anew, so that it cannot know
   that this is memset and leave it out because nobody reads the bytes afterwards. */
AIMC_FN void aimi_pool_wipe(void *ptr, size_t size) {
    void *(*volatile set)(void *, int, size_t) = memset;
    (void)set(ptr, 0, size);
}

/* What becomes of the block itself when it is freed. Its generation rises; a block that has had all
   of them is closed, so that no handle ever comes to life again. Returns its new state. */
AIMC_FN unsigned char aimi_pool_retire(aimem_pool *p, aimi_pool_chunk *c, size_t i) {
    unsigned char *block = c->base + i * p->stride;
    if (p->clear) aimi_pool_wipe(block, p->block_size);
    AIMC_POISON(block, p->stride);
    if (p->handles && ++c->gen[i] == UINT32_MAX) {
        p->closed++;
        return AIMI_POOL_CLOSED;
    }
    return AIMI_POOL_FREE;
}

/* Frees block i of c, which is live. */
AIMC_FN void aimi_pool_give_back(aimem_pool *p, aimi_pool_chunk *c, size_t i) {
    aimi_pool_entry *e = aimi_pool_at(p, p->place -= sizeof *e);
    c->state[i] = aimi_pool_retire(p, c, i);
    aimi_pool_hint(c)[i / AIMI_POOL_GROUP] = 1;
    e->block = c->base + i * p->stride;
    e->state = c->state + i;
    if (p->reclaim && --c->live == 0 && !c->keep) (void)aimi_pool_chunk_release(p, c);
}

AIMC_NOINLINE aimem_result aimi_pool_free_slow(aimem_pool *p, void *block) {
    aimi_pool_chunk *c;
    aimem_result result;
    size_t i;
    if (block == NULL) return AIMEM_OK;
    result = aimi_pool_locate(p, block, &c, &i);
    if (result != AIMEM_OK) return aimi_pool_refuse(p, block, result);
    p->recent[aimi_pool_recent((uintptr_t)block, p->shifts)] = c;
    aimi_pool_give_back(p, c, i);
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_pool_free(aimem_pool *pool, void *block) {
    uintptr_t at = (uintptr_t)block;
    uint32_t shifts = aimi_pool_shifts(pool);
    aimi_pool_chunk *c = pool->recent[aimi_pool_recent(at, shifts)];
    size_t i = aimi_pool_index(pool, at - (uintptr_t)c->base, shifts), place;
    unsigned char *state;
    aimi_pool_entry *e;
    if (AIMC_UNLIKELY(i >= c->quick)) return aimi_pool_free_slow(pool, block);
    state = c->state + i;
    if (AIMC_UNLIKELY(*state != AIMI_POOL_LIVE)) return aimi_pool_free_slow(pool, block);
    place = pool->place - sizeof *e;
    pool->place = place;
    e = aimi_pool_at(pool, place);
    e->block = (unsigned char *)block;
    e->state = state;
    aimi_pool_hint(c)[i / AIMI_POOL_GROUP] = 1;
    *state = AIMI_POOL_FREE;
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_pool_check(const aimem_pool *pool, const void *block) {
    aimi_pool_chunk *c;
    size_t i;
    return block == NULL ? AIMEM_OK : aimi_pool_locate(pool, block, &c, &i);
}

/* ---- handles: generation << 32 | chunk id << 14 | block in the chunk ---- */

AIMEM_POOL_API aimem_pool_handle aimem_pool_handle_of(const aimem_pool *pool, const void *block) {
    aimem_pool_handle handle;
    aimi_pool_chunk *c;
    size_t i;
    handle.id = 0;
    if (pool->handles && aimi_pool_locate(pool, block, &c, &i) == AIMEM_OK) {
        handle.id = (uint64_t)c->gen[i] << 32 | (uint64_t)c->id << AIMI_POOL_INDEX_BITS | i;
    }
    return handle;
}

/* The chunk and number of a live block; false for a handle of nothing that lives. */
AIMC_FN bool aimi_pool_resolve(const aimem_pool *p, aimem_pool_handle handle,
                               aimi_pool_chunk **chunk, size_t *index) {
    size_t id = (size_t)((uint32_t)handle.id >> AIMI_POOL_INDEX_BITS);
    size_t i = (size_t)(handle.id & (AIMI_POOL_CHUNK_MOST - 1));
    aimi_pool_chunk *c;
    if (!p->handles || id >= p->cap) return false;
    c = p->by_id[id];
    if (c == NULL || i >= c->count || c->gen[i] != handle.id >> 32) return false;
    *chunk = c;
    *index = i;
    return c->state[i] == AIMI_POOL_LIVE;
}

AIMEM_POOL_API void *aimem_pool_get(const aimem_pool *pool, aimem_pool_handle handle) {
    aimi_pool_chunk *c;
    size_t i;
    return aimi_pool_resolve(pool, handle, &c, &i) ? c->base + i * pool->stride : NULL;
}

AIMEM_POOL_API aimem_result aimem_pool_free_handle(aimem_pool *pool, aimem_pool_handle handle) {
    aimi_pool_chunk *c;
    size_t i;
    if (!pool->handles) return AIMEM_ERR_UNSUPPORTED;
    if (handle.id == 0) return AIMEM_OK;
    if (!aimi_pool_resolve(pool, handle, &c, &i)) {
        return aimi_pool_refuse(pool, NULL, AIMEM_ERR_STALE);
    }
    aimi_pool_give_back(pool, c, i);
    return AIMEM_OK;
}

/* ---- all blocks at once ---- */

AIMEM_POOL_API void aimem_pool_walk(const aimem_pool *pool,
                                    bool (*walk_fn)(void *user_data, void *block),
                                    void *user_data) {
    size_t n, i;
    for (n = 0; n < pool->chunks; n++) {
        const aimi_pool_chunk *c = pool->sorted[n].chunk;
        for (i = 0; i < c->count; i++) {
            if (c->state[i] != AIMI_POOL_LIVE) continue;
            if (!walk_fn(user_data, c->base + i * pool->stride)) return;
        }
    }
}

/* Frees every live block of a chunk, past the ring. */
AIMC_FN void aimi_pool_reset_chunk(aimem_pool *p, aimi_pool_chunk *c) {
    size_t i;
    for (i = 0; i < c->count; i++) {
        if (c->state[i] == AIMI_POOL_LIVE) c->state[i] = aimi_pool_retire(p, c, i);
    }
    memset(aimi_pool_hint(c), 1, aimi_pool_groups(c->count));
    c->live = 0;
}

AIMEM_POOL_API void aimem_pool_reset(aimem_pool *pool) {
    size_t n;
    for (n = 0; n < pool->chunks; n++) aimi_pool_reset_chunk(pool, pool->sorted[n].chunk);
    pool->place = 0;
    aimi_pool_mark_all(pool);
}

AIMEM_POOL_API size_t aimem_pool_trim(aimem_pool *pool) {
    size_t bytes = 0, n = pool->chunks;
    while (n-- > 0) {
        aimi_pool_chunk *c = pool->sorted[n].chunk;
        if (!c->keep && memchr(c->state, AIMI_POOL_LIVE, c->count) == NULL) {
            bytes += aimi_pool_chunk_release(pool, c);
        }
    }
    return bytes;
}

/* ---- as an allocator hook ---- */

AIMC_FN void *aimi_pool_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                size_t align) {
    aimem_pool *p = (aimem_pool *)user_data;
    (void)old_size;
    if (new_size == 0) {
        (void)aimem_pool_free(p, ptr);
        return NULL;
    }
    if (new_size > p->block_size || align > p->chunk_align) return NULL;
    return ptr != NULL ? ptr : aimem_pool_alloc(p);
}

AIMEM_POOL_API aimem_allocator aimem_pool_allocator(aimem_pool *pool) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_realloc;
    hook.user_data = pool;
    return hook;
}

#endif
