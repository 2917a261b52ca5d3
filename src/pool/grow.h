/* pool/grow.h: how a pool gets chunks and gives them back.
 *
 * A chunk is two blocks of the allocator, its meta data and its memory, but for those that create
 * makes: their memory is one block, p->first, or lies in the caller's memory. The directory is one
 * block that doubles. Whatever fails leaves the pool as it was, but for room in the directory.
 */
#ifndef AIMI_POOL_GROW_H
#define AIMI_POOL_GROW_H

#include "pool/chunk.h"

/* ---- the directory ---- */

/* Bytes of a directory for cap chunks; false when they do not fit in size_t. */
AIMC_FN bool aimi_pool_directory_size(size_t cap, size_t *size) {
    size_t each = sizeof(aimi_pool_place) + sizeof(void *) + sizeof(uint64_t) + sizeof(uint32_t);
    return aimc_mul_size(cap, each, size) && aimc_add_size(*size, 16, size);
}

/* Lays the arrays out in memory at a multiple of 8, takes over what the old ones hold. */
AIMC_FN void aimi_pool_directory_set(aimem_pool *p, void *memory, size_t cap) {
    uint64_t *maybe = (uint64_t *)memory;
    aimi_pool_place *sorted = (aimi_pool_place *)(void *)(maybe + (cap + 63) / 64);
    aimi_pool_chunk **by_id = (aimi_pool_chunk **)(void *)(sorted + cap);
    uint32_t *gen_base = (uint32_t *)(void *)(by_id + cap);
    size_t i;
    for (i = 0; i < (cap + 63) / 64; i++) maybe[i] = 0;
    for (i = 0; i < cap; i++) {
        bool old = i < p->cap;
        by_id[i] = old ? p->by_id[i] : NULL;
        gen_base[i] = old ? p->gen_base[i] : p->gen_first;
    }
    if (p->cap != 0) {
        memcpy(maybe, p->maybe, (p->cap + 63) / 64 * sizeof *maybe);
        memcpy(sorted, p->sorted, p->chunks * sizeof *sorted);
    }
    p->maybe = maybe;
    p->sorted = sorted;
    p->by_id = by_id;
    p->gen_base = gen_base;
    p->cap = cap;
}

/* A directory from the allocator for cap chunks in place of the one there is. */
AIMC_FN bool aimi_pool_directory_grow(aimem_pool *p, size_t cap) {
    void *old = p->directory, *fresh;
    size_t old_size = p->directory_size, size;
    if (!aimi_pool_directory_size(cap, &size)) return false;
    fresh = aimc_alloc(&p->allocator, size, AIMI_POOL_META_ALIGN);
    if (fresh == NULL) return false;
    aimi_pool_directory_set(p, fresh, cap);
    p->directory = fresh;
    p->directory_size = size;
    p->bytes += size - old_size;
    aimc_free(&p->allocator, old, old_size, AIMI_POOL_META_ALIGN);
    return true;
}

/* An id that no chunk has and whose generations are not used up; SIZE_MAX: none, no memory. */
AIMC_FN size_t aimi_pool_new_id(aimem_pool *p) {
    size_t id, cap = p->cap;
    for (id = 0; id < cap; id++) {
        if (p->by_id[id] == NULL && p->gen_base[id] != UINT32_MAX) return id;
    }
    if (cap > SIZE_MAX / 4 || (p->handles && cap >= AIMI_POOL_IDS_MOST)) return SIZE_MAX;
    return aimi_pool_directory_grow(p, cap == 0 ? 4 : cap * 2) ? cap : SIZE_MAX;
}

/* ---- chunks ---- */

/* Bytes of the meta data of count blocks. count is at most AIMI_POOL_CHUNK_MOST: no overflow. */
AIMC_FN size_t aimi_pool_meta_size(size_t count, bool handles) {
    size_t groups = aimi_pool_groups(count);
    size_t size = sizeof(aimi_pool_chunk) + groups * AIMI_POOL_GROUP + ((groups + 7) & ~(size_t)7);
    if (handles) size += count * sizeof(uint32_t);
    return (size + 15) & ~(size_t)15;
}

AIMC_FN void aimi_pool_sorted_add(aimem_pool *p, aimi_pool_chunk *c) {
    size_t at = p->chunks;
    while (at != 0 && p->sorted[at - 1].base > (uintptr_t)c->base) at--;
    memmove(p->sorted + at + 1, p->sorted + at, (p->chunks - at) * sizeof *p->sorted);
    p->sorted[at].base = (uintptr_t)c->base;
    p->sorted[at].chunk = c;
    p->chunks++;
}

AIMC_FN void aimi_pool_sorted_remove(aimem_pool *p, const aimi_pool_chunk *c) {
    size_t at = 0;
    while (p->sorted[at].chunk != c) at++;
    p->chunks--;
    memmove(p->sorted + at, p->sorted + at + 1, (p->chunks - at) * sizeof *p->sorted);
}

/* Fills recent as it would be for places of 2^shift bytes. Returns the bytes of the address space
   whose place is wanted by two chunks: there the last one that was looked for is found. */
AIMC_FN uint64_t aimi_pool_fill_recent(aimem_pool *p, uint32_t shift) {
    uint64_t clashes = 0;
    size_t n, i;
    for (i = 0; i < AIMI_POOL_RECENT; i++) p->recent[i] = &p->none;
    for (n = 0; n < p->chunks; n++) {
        aimi_pool_chunk *c = p->sorted[n].chunk;
        uintptr_t at = (uintptr_t)c->base >> shift;
        uintptr_t last = ((uintptr_t)c->base + (c->count * p->stride - 1)) >> shift;
        if (last - at >= AIMI_POOL_RECENT) {
            clashes += last - at;
            last = at + AIMI_POOL_RECENT - 1;
        }
        for (;; at++) {
            aimi_pool_chunk **place = &p->recent[at % AIMI_POOL_RECENT];
            clashes += *place != &p->none && *place != c;
            *place = c;
            if (at == last) break;
        }
    }
    return clashes << shift;
}

/* Chooses the bytes per place in recent, for what chunks there are: where they lie is up to the
   allocator, and one choice can be much better than the next. Work of O(16 * 1024) at most; with
   many chunks it is done when their number has doubled. */
AIMC_FN void aimi_pool_tune_recent(aimem_pool *p, size_t bytes) {
    uint32_t top = bytes > 1 ? aimc_log2_u64(bytes) + 1 : 2, shift, best;
    uint64_t least = UINT64_MAX;
    if (p->chunks > 16 && !aimc_is_pow2(p->chunks)) return;
    best = top = top > aimi_pool_recent_shift(p->shifts) ? top : aimi_pool_recent_shift(p->shifts);
    for (shift = top; shift > 2 && shift + 8 > top; shift--) {
        uint64_t clashes = aimi_pool_fill_recent(p, shift);
        if (clashes < least) {
            least = clashes;
            best = shift;
        }
    }
    (void)aimi_pool_fill_recent(p, best);
    p->shifts = (p->shifts & ~255u) | best;
}

/* Makes a chunk with this id of the memory in meta and base; every block is free. */
AIMC_FN aimi_pool_chunk *aimi_pool_chunk_set(aimem_pool *p, size_t id, void *meta, void *base,
                                             size_t count) {
    size_t groups = aimi_pool_groups(count), i;
    size_t hints = (groups + 7) & ~(size_t)7, bytes = count * p->stride;
    aimi_pool_chunk *c = (aimi_pool_chunk *)meta;
    unsigned char *at = (unsigned char *)meta + sizeof *c;
    memset(c, 0, sizeof *c);
    memset(at, 0, hints);
    memset(at, 1, groups);
    at += hints;
    if (p->handles) {
        c->gen = (uint32_t *)(void *)at;
        for (i = 0; i < count; i++) c->gen[i] = p->gen_base[id];
        at += count * sizeof(uint32_t);
    }
    c->state = at;
    memset(c->state, AIMI_POOL_FREE, count);
    memset(c->state + count, AIMI_POOL_CLOSED, groups * AIMI_POOL_GROUP - count);
    c->base = (unsigned char *)base;
    c->count = count;
    c->quick = p->slow_free ? 0 : count;
    c->id = (uint32_t)id;
    p->by_id[id] = c;
    aimi_pool_sorted_add(p, c);
    aimi_pool_mark(p, c);
    p->total += count;
    aimi_pool_tune_recent(p, bytes);
    AIMC_POISON(base, bytes);
    return c;
}

/* A chunk of these blocks, its meta data from the allocator; NULL, and nothing changed but room in
   the directory, when there is no memory. */
AIMC_FN aimi_pool_chunk *aimi_pool_chunk_of(aimem_pool *p, void *base, size_t count) {
    size_t id = aimi_pool_new_id(p), size = aimi_pool_meta_size(count, p->handles);
    aimi_pool_chunk *c;
    void *meta;
    if (id == SIZE_MAX) return NULL;
    meta = aimc_alloc(&p->allocator, size, AIMI_POOL_META_ALIGN);
    if (meta == NULL) return NULL;
    c = aimi_pool_chunk_set(p, id, meta, base, count);
    c->meta_size = size;
    p->bytes += size;
    return c;
}

/* A chunk of count blocks from the allocator; false, and nothing changed but room in the
   directory, when there is no memory. */
AIMC_FN bool aimi_pool_chunk_new(aimem_pool *p, size_t count) {
    size_t bytes;
    void *base;
    if (count > AIMI_POOL_BLOCKS_MOST - p->total || !aimc_mul_size(count, p->stride, &bytes) ||
        bytes > PTRDIFF_MAX) {
        return false;
    }
    base = aimc_alloc(&p->allocator, bytes, p->chunk_align);
    if (base == NULL) return false;
    if (aimi_pool_chunk_of(p, base, count) == NULL) {
        aimc_free(&p->allocator, base, bytes, p->chunk_align);
        return false;
    }
    p->bytes += bytes;
    return true;
}

/* The blocks made by create, in one piece: what cannot be had is refused at once. */
AIMC_FN bool aimi_pool_preallocate(aimem_pool *p, size_t count) {
    unsigned char *base;
    p->first_size = count * p->stride;
    p->first = aimc_alloc(&p->allocator, p->first_size, p->chunk_align);
    if (p->first == NULL) return false;
    p->bytes += p->first_size;
    for (base = (unsigned char *)p->first; count != 0;) {
        size_t n = aimc_min_size(count, AIMI_POOL_CHUNK_MOST);
        aimi_pool_chunk *c = aimi_pool_chunk_of(p, base, n);
        if (c == NULL) return false;
        c->keep = true;
        base += n * p->stride;
        count -= n;
    }
    return true;
}

/* The generations of a chunk that goes: its id begins anew with the highest: no handle has it. */
AIMC_FN void aimi_pool_keep_generations(aimem_pool *p, const aimi_pool_chunk *c) {
    size_t i;
    if (!p->handles) return;
    for (i = 0; i < c->count; i++) {
        if (c->gen[i] > p->gen_base[c->id]) p->gen_base[c->id] = c->gen[i];
        if (c->state[i] == AIMI_POOL_CLOSED) p->closed--;
    }
}

/* Takes a chunk out of the guesses. */
AIMC_FN void aimi_pool_forget(aimem_pool *p, const aimi_pool_chunk *c) {
    size_t i;
    for (i = 0; i < AIMI_POOL_RECENT; i++) {
        if (p->recent[i] == c) p->recent[i] = &p->none;
    }
    for (i = 0; i < AIMI_POOL_RING; i++) {
        aimi_pool_entry *e = &p->ring[i];
        if ((uintptr_t)e->state - (uintptr_t)c->state < c->count) {
            e->block = NULL;
            e->state = &p->closed_byte;
        }
    }
}

/* Gives the memory of a chunk back. Returns its bytes. */
AIMC_FN size_t aimi_pool_chunk_release(aimem_pool *p, aimi_pool_chunk *c) {
    size_t bytes = c->count * p->stride, size = c->meta_size;
    aimi_pool_forget(p, c);
    aimi_pool_keep_generations(p, c);
    aimi_pool_sorted_remove(p, c);
    aimi_pool_unmark(p, c);
    p->by_id[c->id] = NULL;
    p->total -= c->count;
    AIMC_UNPOISON(c->base, bytes);
    if (c->keep) bytes = 0; /* a part of p->first or of the caller's memory */
    if (bytes != 0) aimc_free(&p->allocator, c->base, bytes, p->chunk_align);
    if (size != 0) aimc_free(&p->allocator, c, size, AIMI_POOL_META_ALIGN);
    p->bytes -= size + bytes;
    return size + bytes;
}

/* How many blocks the next chunk has: as many as there are, within limits. 0: at the maximum. */
AIMC_FN size_t aimi_pool_next_count(const aimem_pool *p) {
    size_t most = (p->reclaim ? AIMI_POOL_RECLAIM_BYTES : AIMI_POOL_CHUNK_BYTES) / p->stride;
    size_t count = aimc_max_size(p->total, AIMI_POOL_FIRST_BYTES / p->stride);
    if (p->fixed) return 0;
    count = aimc_min_size(count, aimc_max_size(most, 1));
    count = aimc_max_size(aimc_min_size(count, AIMI_POOL_CHUNK_MOST), 1);
    if (p->max_blocks != 0) count = aimc_min_size(count, p->max_blocks - (p->total - p->closed));
    return count;
}

/* One more chunk: of the usual size, or of a quarter, and so on, when memory is short. */
AIMC_FN bool aimi_pool_grow(aimem_pool *p) {
    size_t count = aimi_pool_next_count(p);
    for (; count != 0; count /= 4) {
        if (aimi_pool_chunk_new(p, count)) return true;
    }
    return false;
}

#endif
