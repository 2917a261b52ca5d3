/* pool/buffers_range.h: buffers cut from segments by core/offsets.h.
 *
 * Three sources of segments. Address space: one segment, committed as it is used. The caller's
 * memory: one segment, all there. Chunks: segments from the allocator, as many as needed.
 *
 * Address space is committed, counted and given back in granules (64 KiB, or the page when larger):
 *
 *   map byte   COMMIT   the system was told that it will be used
 *              TOUCH    a buffer lay there since: it may be resident. Counted in held_bytes
 *              BACK     it was given back: taking it again counts as refaulted
 *              age      cleanups seen since it was last used
 *
 * Invariants: every granule that a buffer covers has COMMIT and TOUCH; TOUCH implies COMMIT.
 *
 * Measured on traces of training, inference and random sizes: the lowest place that fits keeps the
 * reserved range at 1.03 to 1.21 of the peak; giving back the highest free granules whenever more
 * than 1.02 times the peak is touched keeps memory at 1.02 with under 5 % taken again (a cap by
 * what is live now costs 30 to 80 %); and preferring, among the first few places, one that is
 * touched already halves what has to be asked of the system. Chunks cannot be given back in part:
 * there 1.05 to 1.18 is reached.
 */
#ifndef AIMI_POOL_BUFFERS_RANGE_H
#define AIMI_POOL_BUFFERS_RANGE_H

#include "pool/buffers.h"

enum {
    AIMI_POOL_COMMIT = 1,
    AIMI_POOL_TOUCH = 2,
    AIMI_POOL_BACK = 4,
    AIMI_POOL_AGE = 8,      /* one cleanup */
    AIMI_POOL_AGE_MOST = 31 /* cleanups */
};
enum { AIMI_POOL_TRIES = 8 }; /* places looked at for one that is touched */
#define AIMI_POOL_AHEAD_MOST ((size_t)64 << 20)

/* ---- granules ---- */

AIMC_INLINE size_t aimi_pool_granules_up(const aimem_buffers *b, uint64_t offset) {
    return (size_t)((offset + ((uint64_t)1 << b->granule_shift) - 1) >> b->granule_shift);
}

AIMC_INLINE size_t aimi_pool_granules_down(const aimem_buffers *b, uint64_t offset) {
    return (size_t)(offset >> b->granule_shift);
}

/* True when all granules of [from, to) are touched. Eight at a time: buffers are large. */
AIMC_FN bool aimi_pool_granules_touched(const aimi_pool_segment *g, size_t from, size_t to) {
    const uint64_t all = (uint64_t)0x0101010101010101u * AIMI_POOL_TOUCH;
    uint64_t eight;
    if (to > g->mapped) return false;
    for (; to - from >= 8; from += 8) {
        memcpy(&eight, g->map + from, 8);
        if ((eight & all) != all) return false;
    }
    while (from < to && (g->map[from] & AIMI_POOL_TOUCH) != 0) from++;
    return from == to;
}

/* Gives back granules [from, to), all of one run. */
AIMC_FN void aimi_pool_granules_return(aimem_buffers *b, aimi_pool_segment *g, size_t from,
                                       size_t to) {
    size_t i, touched = 0, size = (size_t)1 << b->granule_shift;
    for (i = from; i < to; i++) {
        if ((g->map[i] & AIMI_POOL_TOUCH) != 0) {
            touched++;
            g->map[i] = AIMI_POOL_BACK;
        } else {
            g->map[i] &= AIMI_POOL_BACK;
        }
    }
    AIMC_UNPOISON(g->base + from * size, (to - from) * size); /* the hook's from now on */
    b->vm.decommit_fn(b->vm.user_data, g->base + from * size, (to - from) * size);
    aimi_pool_buffers_unhold(b, touched * size);
}

/* The whole granules inside free range n that the map knows: [*from, *to). */
AIMC_FN void aimi_pool_granules_inside(const aimem_buffers *b, const aimi_pool_segment *g,
                                       uint32_t n, size_t *from, size_t *to) {
    const aimc_range *r = &g->ranges.nodes[n];
    *from = aimi_pool_granules_up(b, r->offset);
    *to = aimc_min_size(aimi_pool_granules_down(b, r->offset + r->size), g->mapped);
    if (*from > *to) *from = *to;
}

/* Gives back the highest free granules with one of bits, until at most target bytes are held; with
   age, only those that have seen so many cleanups. At most calls runs. False: calls were not
   enough. O(ranges). */
AIMC_FN bool aimi_pool_granules_trim(aimem_buffers *b, size_t target, unsigned bits, unsigned age,
                                     size_t *calls) {
    aimi_pool_segment *g = b->segments[0];
    size_t from, to, at, end, size = (size_t)1 << b->granule_shift;
    uint32_t n;
    for (n = g->ranges.last; n != 0; n = g->ranges.nodes[n].prev) {
        if (g->ranges.nodes[n].state != AIMC_RANGE_FREE) continue;
        aimi_pool_granules_inside(b, g, n, &from, &to);
        for (end = to; end > from; end = at) {
            size_t most = b->info.held_bytes > target ? b->info.held_bytes - target : 0, run = 0;
            if (target != 0 && most == 0) return true;
            at = end;
            if (target != 0) most = (most + size - 1) >> b->granule_shift;
            else most = SIZE_MAX;
            while (at > from && (g->map[at - 1] & bits) != 0 && run < most &&
                   (unsigned)(g->map[at - 1] / AIMI_POOL_AGE) >= age) {
                run += (g->map[--at] & AIMI_POOL_TOUCH) != 0;
            }
            if (at == end) {
                at--;
                continue;
            }
            if (*calls == 0) return false;
            --*calls;
            aimi_pool_granules_return(b, g, at, end);
        }
    }
    return true;
}

/* Room in the map for granules below count. */
AIMC_FN bool aimi_pool_granules_map(aimem_buffers *b, aimi_pool_segment *g, size_t count) {
    size_t most = aimi_pool_granules_down(b, g->size), size = g->mapped;
    unsigned char *map;
    if (count <= size) return true;
    while (size < count) size = size < 256 ? 256 : size * 2;
    if (size > most) size = most;
    map = (unsigned char *)aimc_realloc(&b->allocator, g->map, g->mapped, size, 16);
    if (map == NULL) return false;
    memset(map + g->mapped, 0, size - g->mapped);
    g->map = map;
    g->mapped = size;
    return true;
}

/* Commits the granules of [from, to) that are not. *asked: the system was. */
AIMC_FN bool aimi_pool_granules_commit(aimem_buffers *b, aimi_pool_segment *g, size_t from,
                                       size_t to, bool *asked) {
    size_t size = (size_t)1 << b->granule_shift, at, end;
    for (at = from; at < to; at = end) {
        end = at + 1;
        if ((g->map[at] & AIMI_POOL_COMMIT) != 0) continue;
        while (end < to && (g->map[end] & AIMI_POOL_COMMIT) == 0) end++;
        *asked = true;
        if (!b->vm.commit_fn(b->vm.user_data, g->base + at * size, (end - at) * size)) return false;
        for (; at < end; at++) g->map[at] |= AIMI_POOL_COMMIT;
    }
    return true;
}

/* Granules behind `to` to commit in the same call: they cost nothing until they are touched. */
AIMC_FN size_t aimi_pool_granules_ahead(const aimem_buffers *b, const aimi_pool_segment *g,
                                        uint32_t n, size_t to) {
    uint32_t next = g->ranges.nodes[n].next;
    size_t ahead = aimc_min_size(to / 8, AIMI_POOL_AHEAD_MOST >> b->granule_shift), end;
    if (g->ranges.nodes[next].state != AIMC_RANGE_FREE) return to;
    end = aimi_pool_granules_down(b, g->ranges.nodes[next].offset + g->ranges.nodes[next].size);
    return end > to ? to + aimc_min_size(ahead, end - to) : to;
}

/* Range n is about to be used: commits it and counts it as touched. *asked: not without the
   system. LIMIT, NOMEM: it is not usable. */
AIMC_FN aimem_result aimi_pool_granules_use(aimem_buffers *b, aimi_pool_segment *g, uint32_t n,
                                            bool *asked) {
    const aimc_range *r = &g->ranges.nodes[n];
    size_t from = aimi_pool_granules_down(b, r->offset), i, fresh = 0, back = 0, calls = SIZE_MAX;
    size_t to = aimi_pool_granules_up(b, r->offset + r->size), size;
    if (aimi_pool_granules_touched(g, from, to)) {
        memset(g->map + from, AIMI_POOL_COMMIT | AIMI_POOL_TOUCH, to - from); /* young again */
        return AIMEM_OK;
    }
    if (!aimi_pool_granules_map(b, g, to)) return AIMEM_ERR_NOMEM;
    for (i = from; i < to; i++) fresh += (g->map[i] & AIMI_POOL_TOUCH) == 0;
    size = fresh << b->granule_shift;
    if (b->max_bytes != 0 && size + b->info.held_bytes > b->max_bytes) {
        size_t target = b->max_bytes > size ? b->max_bytes - size : 0;
        (void)aimi_pool_granules_trim(b, target, AIMI_POOL_TOUCH, 0, &calls);
        if (size + b->info.held_bytes > b->max_bytes) return AIMEM_ERR_LIMIT;
    }
    for (i = from; i < to && (g->map[i] & AIMI_POOL_COMMIT) != 0; i++) {
    }
    if (i < to) {
        size_t ahead = aimi_pool_granules_ahead(b, g, n, to);
        if (b->max_bytes != 0 || !aimi_pool_granules_map(b, g, ahead) ||
            !aimi_pool_granules_commit(b, g, from, ahead, asked)) {
            if (!aimi_pool_granules_commit(b, g, from, to, asked)) return AIMEM_ERR_NOMEM;
        }
    }
    for (i = from; i < to; i++) {
        back += (g->map[i] & AIMI_POOL_BACK) != 0;
        g->map[i] = AIMI_POOL_COMMIT | AIMI_POOL_TOUCH;
    }
    b->info.refaulted_bytes += (uint64_t)back << b->granule_shift;
    b->info.faulting++;
    b->info.held_bytes += size; /* peak_held: when settled, before anybody can have touched it */
    return AIMEM_OK;
}

/* ---- placing ---- */

/* Where to cut: the lowest place; in address space the lowest of the first few that is touched. */
AIMC_FN aimem_result aimi_pool_range_cut(aimem_buffers *b, aimi_pool_segment *g, uint64_t size,
                                         uint64_t align, uint32_t *out) {
    aimc_offsets *o = &g->ranges;
    uint32_t n, first, i;
    if (b->store != AIMI_POOL_STORE_VM) return aimc_offsets_alloc(o, size, align, out);
    first = n = aimc_offsets_find(o, size, align);
    for (i = 0; i < AIMI_POOL_TRIES && n != 0; i++) {
        uint64_t at = (o->nodes[n].offset + align - 1) & ~(align - 1);
        if (aimc_offsets_fits(o, n, size, align) &&
            aimi_pool_granules_touched(g, aimi_pool_granules_down(b, at),
                                       aimi_pool_granules_up(b, at + size))) {
            return aimc_offsets_cut(o, n, size, align, out);
        }
        n = aimc_offsets_find_next(o, n, size);
    }
    *out = 0;
    return first == 0 ? AIMEM_ERR_LIMIT : aimc_offsets_cut(o, first, size, align, out);
}

/* Memory for s->size in segment number i. */
AIMC_FN aimem_result aimi_pool_range_place_in(aimem_buffers *b, uint32_t i, aimi_pool_buffer *s,
                                              bool *asked) {
    aimi_pool_segment *g = b->segments[i];
    uint64_t granule = g->ranges.granule, size = s->size;
    uint32_t node;
    aimem_result r;
    if (!aimc_offsets_round(&g->ranges, &size) || size > g->size) return AIMEM_ERR_LIMIT;
    r = aimi_pool_range_cut(b, g, size, s->align < granule ? granule : s->align, &node);
    if (r != AIMEM_OK) return r;
    if (b->store == AIMI_POOL_STORE_VM) {
        r = aimi_pool_granules_use(b, g, node, asked);
        if (r != AIMEM_OK) {
            (void)aimc_offsets_free(&g->ranges, node, NULL);
            return r;
        }
    }
    g->age = 0;
    s->segment = i;
    s->node = node;
    s->data = g->base + (size_t)(g->ranges.nodes[node].offset - g->pad);
    s->capacity = (size_t)size;
    AIMC_UNPOISON(s->data, s->capacity);
    return AIMEM_OK;
}

/* ---- chunks ---- */

AIMC_FN void aimi_pool_segment_free(aimem_buffers *b, uint32_t i) {
    aimi_pool_segment *g = b->segments[i];
    b->segments[i] = NULL;
    while (b->segments_used != 0 && b->segments[b->segments_used - 1] == NULL) b->segments_used--;
    aimc_offsets_deinit(&g->ranges);
    aimc_free(&b->allocator, g->map, g->mapped, 16);
    if (g->taken != 0) {
        AIMC_UNPOISON(g->base, g->taken);
        aimc_free(&b->allocator, g->base, g->taken, b->align);
    }
    aimc_free(&b->allocator, g, sizeof *g, 16);
}

/* A segment over size bytes at base, in the first gap; NULL: no memory. */
AIMC_FN aimi_pool_segment *aimi_pool_segment_new(aimem_buffers *b, unsigned char *base, size_t size,
                                                 uint32_t *at) {
    aimi_pool_segment *g;
    uint32_t i = 0, node;
    while (i < b->segments_used && b->segments[i] != NULL) i++;
    if (i == b->segment_room) {
        void *fresh = aimi_pool_buffers_more(b, b->segments, &b->segment_room, i + 1,
                                             sizeof *b->segments);
        if (fresh == NULL) return NULL;
        b->segments = (aimi_pool_segment **)fresh;
    }
    g = (aimi_pool_segment *)aimc_alloc_zeroed(&b->allocator, sizeof *g, 16);
    if (g == NULL) return NULL;
    g->base = base;
    g->size = size;
    g->pad = (size_t)((uintptr_t)base & (AIMI_POOL_BUFFERS_ALIGN - 1));
    if (aimc_offsets_init(&g->ranges, &b->allocator, (uint64_t)g->pad + size, b->align,
                          AIMC_OFFSETS_LOWEST, false) != AIMEM_OK) {
        aimc_free(&b->allocator, g, sizeof *g, 16);
        return NULL;
    }
    if (g->pad != 0) (void)aimc_offsets_alloc(&g->ranges, g->pad, 1, &node); /* init made room */
    b->segments[i] = g;
    if (i == b->segments_used) b->segments_used++;
    *at = i;
    return g;
}

AIMC_INLINE bool aimi_pool_segment_idle(const aimi_pool_segment *g) {
    return g->ranges.used_count == (g->pad != 0 ? 1u : 0u);
}

/* Gives back chunks without buffers, the last made first, until at most target bytes are held. */
AIMC_FN void aimi_pool_chunks_trim(aimem_buffers *b, size_t target) {
    uint32_t i;
    for (i = b->segments_used; i-- > 0 && b->info.held_bytes > target;) {
        if (b->segments[i] != NULL && aimi_pool_segment_idle(b->segments[i])) {
            aimi_pool_buffers_unhold(b, b->segments[i]->taken);
            aimi_pool_segment_free(b, i);
        }
    }
}

/* One cleanup: chunks without buffers for age of them go back; the others of those get older. */
AIMC_FN void aimi_pool_chunks_clean(aimem_buffers *b, unsigned age) {
    uint32_t i;
    for (i = b->segments_used; i-- > 0;) {
        aimi_pool_segment *g = b->segments[i];
        if (g == NULL || !aimi_pool_segment_idle(g)) continue;
        if (g->age++ < age) continue;
        aimi_pool_buffers_unhold(b, g->taken);
        aimi_pool_segment_free(b, i);
    }
}

/* One more chunk with room for s: a small part of what is held, at least 1 MiB, so that their
   number stays small; or as little as will do. Large buffers get a chunk of their size: were it
   larger, small ones would soon keep it from being given back. */
AIMC_FN aimem_result aimi_pool_chunk_more(aimem_buffers *b, const aimi_pool_buffer *s,
                                          uint32_t *at) {
    size_t size, want, cap = aimi_pool_buffers_cap(b);
    aimi_pool_segment *g;
    void *base;
    size = s->size;
    if (s->align > b->align && !aimc_add_size(size, s->align, &size)) return AIMEM_ERR_LIMIT;
    if (!aimc_align_size(size, b->align, &size)) return AIMEM_ERR_LIMIT;
    if (size > SIZE_MAX - b->info.held_bytes) return AIMEM_ERR_LIMIT;
    if (b->info.held_bytes + size > cap) {
        aimi_pool_chunks_trim(b, cap > size ? cap - size : 0);
        if (b->max_bytes != 0 && b->info.held_bytes + size > b->max_bytes) return AIMEM_ERR_LIMIT;
    }
    want = aimc_min_size(aimc_max_size(b->info.held_bytes / 128, 1048576), AIMI_POOL_AHEAD_MOST);
    want = aimc_max_size(want & ~(b->align - 1), size);
    if (b->max_bytes != 0 && b->info.held_bytes + want > b->max_bytes) want = size;
    base = aimc_alloc(&b->allocator, want, b->align);
    if (base == NULL && want > size) {
        want = size;
        base = aimc_alloc(&b->allocator, want, b->align);
    }
    if (base == NULL) return AIMEM_ERR_NOMEM;
    g = aimi_pool_segment_new(b, (unsigned char *)base, want, at);
    if (g == NULL) {
        aimc_free(&b->allocator, base, want, b->align);
        return AIMEM_ERR_NOMEM;
    }
    g->taken = want;
    b->info.created++;
    aimi_pool_buffers_hold(b, want);
    return AIMEM_OK;
}

/* ---- the store ---- */

/* The segment to try after number last (AIMI_POOL_NO_SEGMENT: the first to try) for size: by the
   size of its largest free range, the tightest first, which leaves the others to become idle. */
AIMC_FN uint32_t aimi_pool_segment_next(const aimem_buffers *b, uint64_t size, uint32_t last) {
    uint64_t best = UINT64_MAX, least = size, largest;
    uint32_t i, found = AIMI_POOL_NO_SEGMENT;
    if (last != AIMI_POOL_NO_SEGMENT) least = aimc_offsets_largest(&b->segments[last]->ranges);
    for (i = 0; i < b->segments_used; i++) {
        if (b->segments[i] == NULL || i == last) continue;
        largest = aimc_offsets_largest(&b->segments[i]->ranges);
        if (largest < least || (largest == least && last != AIMI_POOL_NO_SEGMENT && i < last)) {
            continue;
        }
        if (largest >= best) continue;
        best = largest;
        found = i;
    }
    return found;
}

/* Finds memory for s->size at s->align. Errors: LIMIT, NOMEM. */
AIMC_FN aimem_result aimi_pool_range_place(aimem_buffers *b, aimi_pool_buffer *s, bool *asked) {
    aimem_result r = AIMEM_ERR_LIMIT;
    uint32_t i = AIMI_POOL_NO_SEGMENT;
    while (r == AIMEM_ERR_LIMIT) {
        i = aimi_pool_segment_next(b, s->size, i);
        if (i == AIMI_POOL_NO_SEGMENT) break;
        r = aimi_pool_range_place_in(b, i, s, asked);
    }
    if (r != AIMEM_ERR_LIMIT || b->store != AIMI_POOL_STORE_CHUNKS) return r;
    *asked = true;
    r = aimi_pool_chunk_more(b, s, &i);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_range_place_in(b, i, s, asked);
    if (r != AIMEM_OK) aimi_pool_chunks_trim(b, b->info.held_bytes - 1);
    return r;
}

AIMC_FN void aimi_pool_range_unplace(aimem_buffers *b, aimi_pool_buffer *s) {
    aimi_pool_segment *g = b->segments[s->segment];
    size_t cap = aimi_pool_buffers_cap(b);
    AIMC_POISON(s->data, s->capacity);
    (void)aimc_offsets_free(&g->ranges, s->node, NULL);
    if (b->store == AIMI_POOL_STORE_CHUNKS && aimi_pool_segment_idle(g) &&
        b->info.held_bytes > cap) {
        aimi_pool_chunks_trim(b, cap);
    }
}

/* In place, or LIMIT; s is as it was unless OK. */
AIMC_FN aimem_result aimi_pool_range_resize(aimem_buffers *b, aimi_pool_buffer *s, size_t size,
                                            bool *asked) {
    aimi_pool_segment *g = b->segments[s->segment];
    size_t old = s->capacity;
    uint64_t want = size;
    aimem_result r;
    if (!aimc_offsets_round(&g->ranges, &want) || want > g->size) return AIMEM_ERR_LIMIT;
    r = aimc_offsets_resize(&g->ranges, s->node, want);
    if (r != AIMEM_OK) return r;
    if (want > old && b->store == AIMI_POOL_STORE_VM) {
        r = aimi_pool_granules_use(b, g, s->node, asked);
        if (r != AIMEM_OK) {
            (void)aimc_offsets_resize(&g->ranges, s->node, old); /* joins what it was cut from */
            return r;
        }
    }
    s->capacity = (size_t)want;
    if (s->capacity < old) AIMC_POISON(s->data + s->capacity, old - s->capacity);
    else AIMC_UNPOISON(s->data, s->capacity);
    return AIMEM_OK;
}

/* After every allocation: not more than the cap is touched. */
AIMC_FN void aimi_pool_range_settle(aimem_buffers *b) {
    size_t cap = aimi_pool_buffers_cap(b), calls = SIZE_MAX;
    if (b->store != AIMI_POOL_STORE_VM) return;
    if (b->info.held_bytes > cap) {
        (void)aimi_pool_granules_trim(b, cap, AIMI_POOL_TOUCH, 0, &calls);
    }
    aimi_pool_buffers_hold(b, 0);
}

/* One cleanup: what has been free for age of them goes back; everything free gets older. */
AIMC_FN bool aimi_pool_range_clean(aimem_buffers *b, unsigned age, size_t calls) {
    aimi_pool_segment *g;
    size_t from, to;
    uint32_t n;
    if (b->store == AIMI_POOL_STORE_CHUNKS) aimi_pool_chunks_clean(b, age);
    if (b->store != AIMI_POOL_STORE_VM) return true;
    if (!aimi_pool_granules_trim(b, 0, AIMI_POOL_TOUCH, age, &calls)) return false;
    g = b->segments[0];
    for (n = g->ranges.first; n != 0; n = g->ranges.nodes[n].next) {
        if (g->ranges.nodes[n].state != AIMC_RANGE_FREE) continue;
        aimi_pool_granules_inside(b, g, n, &from, &to);
        for (; from < to; from++) {
            if ((g->map[from] & AIMI_POOL_TOUCH) == 0) continue;
            if (g->map[from] / AIMI_POOL_AGE < AIMI_POOL_AGE_MOST) g->map[from] += AIMI_POOL_AGE;
        }
    }
    return true;
}

/* Everything free goes back. */
AIMC_FN void aimi_pool_range_trim(aimem_buffers *b) {
    size_t calls = SIZE_MAX;
    if (b->store == AIMI_POOL_STORE_VM) {
        (void)aimi_pool_granules_trim(b, 0, AIMI_POOL_COMMIT, 0, &calls);
    } else if (b->store == AIMI_POOL_STORE_CHUNKS) {
        aimi_pool_chunks_trim(b, 0);
    }
}

#endif
