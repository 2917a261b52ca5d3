/* pool/ring.h: pieces of any size in one fixed memory, given back in the order they came.
 *
 *   [ head | piece, rounded up to 16 ][ filler ][ head | piece ] ...
 *
 * From oldest, used bytes on, wrapping at capacity, lie records without gaps. A record is a piece
 * or a filler: the room that was skipped at the end of the memory, or in front of a piece with a
 * large alignment. Its head, 16 bytes at a multiple of 16, says which.
 *
 * Invariants: records do not wrap; the oldest record is no freed piece (retiring takes those
 * along); the last record is the newest piece; an empty ring has oldest = next = 0, so that the
 * largest piece fits. A head is believed only while its check is right: when a piece was written
 * past its end, the records behind it are not retired any more, and nothing outside is ever
 * touched.
 */
#ifndef AIMI_POOL_RING_H
#define AIMI_POOL_RING_H

#include "core/alloc.h"
#include "pool/text.h"

enum { AIMI_POOL_RING_HEAD = 16 };
enum { AIMI_POOL_RING_USED = 1, AIMI_POOL_RING_FREED = 2, AIMI_POOL_RING_FILLER = 3 };

typedef struct aimi_pool_record {
    uint32_t check; /* of all the rest and the place */
    uint32_t state;
    size_t size;    /* of the piece as asked for; of a filler, without its head */
} aimi_pool_record;

AIMC_FN uint32_t aimi_pool_ring_check(const aimem_ring *r, size_t at,
                                      const aimi_pool_record *record) {
    uint64_t mix = (uint64_t)(uintptr_t)(r->base + at) + record->state;
    mix = (mix * 0x9E3779B97F4A7C15u + record->size) * 0xC2B2AE3D27D4EB4Fu;
    return (uint32_t)(mix >> 32) | 1;
}

/* The record at an offset in use; false when there is none. */
AIMC_FN bool aimi_pool_ring_get(const aimem_ring *r, size_t at, aimi_pool_record *out) {
    memcpy(out, r->base + at, sizeof *out);
    return out->check == aimi_pool_ring_check(r, at, out);
}

AIMC_FN void aimi_pool_ring_put(aimem_ring *r, size_t at, uint32_t state, size_t size) {
    aimi_pool_record record;
    memset(&record, 0, sizeof record);
    record.state = state;
    record.size = size;
    record.check = aimi_pool_ring_check(r, at, &record);
    memcpy(r->base + at, &record, sizeof record);
}

/* Bytes of a record with that size. */
AIMC_INLINE size_t aimi_pool_ring_stride(size_t size) {
    return AIMI_POOL_RING_HEAD + ((size + 15) & ~(size_t)15);
}

/* ---- life ---- */

AIMEM_POOL_API aimem_result aimem_ring_init(aimem_ring *ring, const aimem_ring_desc *desc) {
    aimem_ring_desc d;
    unsigned char *memory;
    size_t size, pad;
    if (ring == NULL) return AIMEM_ERR_INVALID;
    memset(ring, 0, sizeof *ring);
    memset(&d, 0, sizeof d);
    if (desc != NULL) d = *desc;
    if (d.canary_zero != 0) return AIMEM_ERR_INVALID;
    memory = (unsigned char *)d.memory;
    size = d.memory_size;
    if (memory != NULL || size != 0) {
        if (memory == NULL || size == 0 || d.size != 0) return AIMEM_ERR_INVALID;
    } else {
        if (!aimc_allocator_or_default(&d.allocator, &ring->allocator)) return AIMEM_ERR_INVALID;
        size = d.size != 0 ? d.size : (size_t)64 << 10;
    }
    pad = (size_t)(0 - (uintptr_t)memory) & 15;
    if (size > PTRDIFF_MAX || size < pad + 2 * AIMI_POOL_RING_HEAD) {
        memset(ring, 0, sizeof *ring);
        return AIMEM_ERR_RANGE;
    }
    if (memory == NULL) {
        memory = (unsigned char *)aimc_alloc(&ring->allocator, size, 16);
        ring->owned = size;
    }
    if (memory == NULL) {
        memset(ring, 0, sizeof *ring);
        return AIMEM_ERR_NOMEM;
    }
    ring->base = memory + pad;
    ring->capacity = (size - pad) & ~(size_t)15;
    ring->logger = d.logger;
    AIMC_POISON(ring->base, ring->capacity);
    return AIMEM_OK;
}

AIMC_FN void aimi_pool_ring_tell(const aimem_ring *r, const void *ptr, int level,
                                 aimem_result code, const char *what) {
    aimi_pool_text t;
    aimi_pool_text_begin(&t, "ring");
    aimi_pool_text_address(&t, ptr);
    aimi_pool_text_add(&t, what);
    aimi_pool_text_send(&t, &r->logger, level, code);
}

AIMC_FN void aimi_pool_ring_tell_open(const aimem_ring *r) {
    const void *ptr = aimem_ring_peek(r, NULL);
    int told;
    for (told = 0; ptr != NULL && told < 16; told++) {
        aimi_pool_ring_tell(r, ptr, 1, AIMEM_ERR_BUSY, " is still in use");
        ptr = aimem_ring_next(r, ptr, NULL);
    }
}

AIMEM_POOL_API void aimem_ring_deinit(aimem_ring *ring) {
    if (ring == NULL || ring->base == NULL) return;
    aimi_pool_ring_tell_open(ring);
    AIMC_UNPOISON(ring->base, ring->capacity);
    if (ring->owned != 0) aimc_free(&ring->allocator, ring->base, ring->owned, 16);
    memset(ring, 0, sizeof *ring);
}

/* ---- pieces ---- */

/* The bytes that a piece at align takes from at on, padding and head included; 0: too many. */
AIMC_FN size_t aimi_pool_ring_need(const aimem_ring *r, size_t at, size_t size, size_t align) {
    uintptr_t first = (uintptr_t)(r->base + at) + AIMI_POOL_RING_HEAD;
    size_t pad = align > 16 ? (size_t)(0 - first) & (align - 1) : 0, need;
    if (size > r->capacity || !aimc_add_size(aimi_pool_ring_stride(size), pad, &need)) return 0;
    return need <= r->capacity ? need : 0;
}

/* Makes the next bytes, which are free, the last record. */
AIMC_FN void aimi_pool_ring_take(aimem_ring *r, uint32_t state, size_t size, size_t bytes) {
    if (bytes == 0) return;
    AIMC_UNPOISON(r->base + r->next, bytes);
    aimi_pool_ring_put(r, r->next, state, size);
    r->next += bytes;
    r->used += bytes;
    if (r->next == r->capacity) r->next = 0;
}

AIMEM_POOL_API void *aimem_ring_push(aimem_ring *ring, size_t size, size_t align) {
    size_t room = ring->capacity - ring->used, to_end = ring->capacity - ring->next;
    size_t need, skip = 0, stride = 0;
    if (align == 0) align = 16;
    if (ring->base == NULL || !aimc_is_pow2(align)) return NULL;
    need = aimi_pool_ring_need(ring, ring->next, size, align);
    if (need == 0 || need > to_end) {
        skip = to_end;
        need = aimi_pool_ring_need(ring, 0, size, align);
    }
    if (need == 0 || skip > room || need > room - skip) {
        ring->failures++;
        return NULL;
    }
    stride = aimi_pool_ring_stride(size);
    aimi_pool_ring_take(ring, AIMI_POOL_RING_FILLER, skip - AIMI_POOL_RING_HEAD, skip);
    need -= stride;
    aimi_pool_ring_take(ring, AIMI_POOL_RING_FILLER, need - AIMI_POOL_RING_HEAD, need);
    ring->newest = ring->next;
    aimi_pool_ring_take(ring, AIMI_POOL_RING_USED, size, stride);
    ring->peak = aimc_max_size(ring->peak, ring->used);
    ring->pushed++;
    return ring->base + ring->newest + AIMI_POOL_RING_HEAD;
}

/* Takes away the oldest records while they are fillers and freed pieces. */
AIMC_FN void aimi_pool_ring_advance(aimem_ring *r) {
    aimi_pool_record record;
    while (r->used != 0) {
        size_t stride;
        if (!aimi_pool_ring_get(r, r->oldest, &record)) return;
        if (record.state == AIMI_POOL_RING_USED) return;
        stride = aimi_pool_ring_stride(record.size);
        if (record.state == AIMI_POOL_RING_FREED) r->retired++;
        AIMC_POISON(r->base + r->oldest, stride);
        r->oldest += stride;
        r->used -= stride;
        if (r->oldest == r->capacity) r->oldest = 0;
    }
    r->oldest = r->next = 0;
}

/* What a free of ptr would answer; *at: the offset of its head. */
AIMC_FN aimem_result aimi_pool_ring_known(const aimem_ring *r, const void *ptr, size_t *at) {
    uintptr_t offset = (uintptr_t)ptr - (uintptr_t)r->base;
    aimi_pool_record record;
    size_t from;
    *at = 0;
    if (r->base == NULL || offset > r->capacity) return AIMEM_ERR_FOREIGN;
    if (offset < AIMI_POOL_RING_HEAD) return AIMEM_ERR_INTERIOR;
    *at = (size_t)offset - AIMI_POOL_RING_HEAD;
    from = *at >= r->oldest ? *at - r->oldest : *at + (r->capacity - r->oldest);
    if (from >= r->used) return AIMEM_ERR_DOUBLE_FREE;
    if (offset % 16 != 0 || !aimi_pool_ring_get(r, *at, &record)) return AIMEM_ERR_INTERIOR;
    if (record.state == AIMI_POOL_RING_FREED) return AIMEM_ERR_DOUBLE_FREE;
    return record.state == AIMI_POOL_RING_USED ? AIMEM_OK : AIMEM_ERR_INTERIOR;
}

AIMEM_POOL_API aimem_result aimem_ring_free(aimem_ring *ring, void *ptr) {
    aimi_pool_record record;
    aimem_result result;
    size_t at;
    if (ptr == NULL) return AIMEM_OK;
    result = aimi_pool_ring_known(ring, ptr, &at);
    if (result != AIMEM_OK) {
        ring->refused++;
        aimi_pool_ring_tell(ring, ptr, 0, result, " is not in use, or not of this ring");
        return result;
    }
    (void)aimi_pool_ring_get(ring, at, &record);
    aimi_pool_ring_put(ring, at, AIMI_POOL_RING_FREED, record.size);
    aimi_pool_ring_advance(ring);
    return AIMEM_OK;
}

/* ---- in order ---- */

/* The first piece in use among the records from offset at on, the last of which ends `left` bytes
   further. */
AIMC_FN void *aimi_pool_ring_find(const aimem_ring *r, size_t at, size_t left, size_t *size) {
    aimi_pool_record record;
    if (size != NULL) *size = 0;
    while (left != 0 && aimi_pool_ring_get(r, at, &record)) {
        size_t stride = aimi_pool_ring_stride(record.size);
        if (record.state == AIMI_POOL_RING_USED) {
            if (size != NULL) *size = record.size;
            return r->base + at + AIMI_POOL_RING_HEAD;
        }
        left -= stride;
        at += stride;
        if (at == r->capacity) at = 0;
    }
    return NULL;
}

AIMEM_POOL_API void *aimem_ring_peek(const aimem_ring *ring, size_t *size) {
    return aimi_pool_ring_find(ring, ring->oldest, ring->used, size);
}

AIMEM_POOL_API void *aimem_ring_next(const aimem_ring *ring, const void *ptr, size_t *size) {
    aimi_pool_record record;
    size_t at, from, stride;
    if (size != NULL) *size = 0;
    if (ptr == NULL || aimi_pool_ring_known(ring, ptr, &at) != AIMEM_OK) return NULL;
    (void)aimi_pool_ring_get(ring, at, &record);
    stride = aimi_pool_ring_stride(record.size);
    from = at >= ring->oldest ? at - ring->oldest : at + (ring->capacity - ring->oldest);
    at += stride;
    if (at == ring->capacity) at = 0;
    return aimi_pool_ring_find(ring, at, ring->used - from - stride, size);
}

AIMEM_POOL_API aimem_result aimem_ring_pop(aimem_ring *ring) {
    void *ptr = aimem_ring_peek(ring, NULL);
    return ptr != NULL ? aimem_ring_free(ring, ptr) : AIMEM_ERR_NOT_FOUND;
}

AIMEM_POOL_API size_t aimem_ring_retire(aimem_ring *ring, uint64_t mark) {
    uint64_t before = ring->retired;
    while (ring->retired < mark && aimem_ring_pop(ring) == AIMEM_OK) {
    }
    return (size_t)(ring->retired - before);
}

AIMEM_POOL_API void aimem_ring_reset(aimem_ring *ring) {
    AIMC_POISON(ring->base, ring->capacity);
    ring->retired = ring->pushed;
    ring->oldest = ring->next = ring->used = 0;
}

/* ---- around it ---- */

/* The newest piece in place, where that is possible. */
AIMC_FN bool aimi_pool_ring_resize(aimem_ring *r, size_t at, size_t old_size, size_t new_size) {
    size_t old_stride = aimi_pool_ring_stride(old_size), stride, end;
    if (at != r->newest || new_size > r->capacity) return false;
    stride = aimi_pool_ring_stride(new_size);
    if (stride > r->capacity - at) return false;
    if (stride > old_stride && stride - old_stride > r->capacity - r->used) return false;
    end = at + aimc_max_size(stride, old_stride);
    AIMC_POISON(r->base + at, end - at);
    r->next = at;
    r->used -= old_stride;
    aimi_pool_ring_take(r, AIMI_POOL_RING_USED, new_size, stride);
    r->peak = aimc_max_size(r->peak, r->used);
    return true;
}

AIMC_FN void *aimi_pool_ring_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                     size_t align) {
    aimem_ring *r = (aimem_ring *)user_data;
    aimi_pool_record record;
    unsigned char *fresh;
    size_t at;
    if (ptr == NULL) return new_size != 0 ? aimem_ring_push(r, new_size, align) : NULL;
    if (new_size == 0) {
        (void)aimem_ring_free(r, ptr);
        return NULL;
    }
    if (aimi_pool_ring_known(r, ptr, &at) != AIMEM_OK) {
        (void)aimem_ring_free(r, ptr); /* counts and tells */
        return NULL;
    }
    (void)aimi_pool_ring_get(r, at, &record);
    if (aimi_pool_ring_resize(r, at, record.size, new_size)) return ptr;
    fresh = (unsigned char *)aimem_ring_push(r, new_size, align);
    if (fresh == NULL) return NULL;
    memcpy(fresh, ptr, aimc_min_size(old_size, new_size));
    (void)aimem_ring_free(r, ptr);
    return fresh;
}

AIMEM_POOL_API aimem_allocator aimem_ring_allocator(aimem_ring *ring) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_ring_realloc;
    hook.user_data = ring;
    return hook;
}

AIMEM_POOL_API void aimem_ring_stats(const aimem_ring *ring, aimem_ring_info *out) {
    size_t room = ring->capacity - ring->used;
    size_t most = aimc_min_size(room, ring->capacity - ring->next);
    memset(out, 0, sizeof *out);
    /* Free room is one range from next on, or, cut by the end of the memory, two. */
    most = aimc_max_size(most, room - most);
    out->capacity = ring->capacity;
    out->used = ring->used;
    out->peak = ring->peak;
    out->largest = most > AIMI_POOL_RING_HEAD ? most - AIMI_POOL_RING_HEAD : 0;
    out->pieces = (size_t)(ring->pushed - ring->retired);
    out->pushed = ring->pushed;
    out->retired = ring->retired;
    out->failures = ring->failures;
    out->refused = ring->refused;
}

#endif
