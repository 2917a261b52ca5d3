/* pool/buffers_class.h: buffers taken whole from the allocator, rounded up to size classes, and
 * kept for the next request of their class.
 *
 *   class k:   newest -> ... -> oldest        (below, above: kept buffers of the class)
 *   all:       newest -> ... -> oldest        (older, newer: kept buffers of every class)
 *
 * A request takes the newest of its class, whose memory is most likely in the cache; limits and
 * cleanups give up the oldest of all. Beyond the last class, and beyond max_per_class buffers in
 * use and kept, memory is allocated as asked for and not kept.
 */
#ifndef AIMI_POOL_BUFFERS_CLASS_H
#define AIMI_POOL_BUFFERS_CLASS_H

#include "pool/buffers.h"

/* Takes kept buffer n out of both lists. */
AIMC_FN void aimi_pool_kept_unlink(aimem_buffers *b, uint32_t n) {
    aimi_pool_buffer *s = &b->table[n];
    aimi_pool_class *k = &b->classes[s->klass];
    if (s->newer != 0) b->table[s->newer].older = s->older;
    else b->newest = s->older;
    if (s->older != 0) b->table[s->older].newer = s->newer;
    else b->oldest = s->newer;
    if (s->above != 0) b->table[s->above].below = s->below;
    else k->newest = s->below;
    if (s->below != 0) b->table[s->below].above = s->above;
    else k->oldest = s->above;
    k->info.kept--;
    b->info.kept--;
    b->kept_bytes -= s->capacity;
}

/* Place n, whose handle is stale already, becomes the newest kept buffer. */
AIMC_FN void aimi_pool_kept_link(aimem_buffers *b, uint32_t n) {
    aimi_pool_buffer *s = &b->table[n];
    aimi_pool_class *k = &b->classes[s->klass];
    s->state = AIMI_POOL_BUFFER_KEPT;
    s->time = b->now;
    s->newer = s->above = 0;
    s->older = b->newest;
    s->below = k->newest;
    if (s->older != 0) b->table[s->older].newer = n;
    else b->oldest = n;
    if (s->below != 0) b->table[s->below].above = n;
    else k->oldest = n;
    b->newest = k->newest = n;
    k->info.kept++;
    b->info.kept++;
    b->kept_bytes += s->capacity;
}

/* Gives the memory of kept buffer n to the allocator; its place is empty. */
AIMC_FN void aimi_pool_kept_evict(aimem_buffers *b, uint32_t n) {
    aimi_pool_buffer *s = &b->table[n];
    aimi_pool_kept_unlink(b, n);
    AIMC_UNPOISON(s->data, s->capacity);
    aimc_free(&b->allocator, s->data, s->capacity, b->align);
    aimi_pool_buffers_unhold(b, s->capacity);
    aimi_pool_buffer_drop(b, n);
}

/* Memory for s from the allocator, with the oldest kept buffers given up where a limit or the
   allocator wants it. */
AIMC_FN aimem_result aimi_pool_class_fresh(aimem_buffers *b, aimi_pool_buffer *s, size_t capacity,
                                           size_t align) {
    while (b->max_bytes != 0 && capacity + b->info.held_bytes > b->max_bytes && b->oldest != 0) {
        aimi_pool_kept_evict(b, b->oldest);
    }
    if (b->max_bytes != 0 && (capacity > b->max_bytes ||
                              b->info.held_bytes > b->max_bytes - capacity)) {
        return AIMEM_ERR_LIMIT;
    }
    s->data = (unsigned char *)aimc_alloc(&b->allocator, capacity, align);
    while (s->data == NULL && b->oldest != 0) {
        aimi_pool_kept_evict(b, b->oldest);
        s->data = (unsigned char *)aimc_alloc(&b->allocator, capacity, align);
    }
    if (s->data == NULL) return AIMEM_ERR_NOMEM;
    s->segment = AIMI_POOL_NO_SEGMENT;
    s->capacity = capacity;
    b->info.created++;
    b->classes[s->klass].info.created++;
    aimi_pool_buffers_hold(b, capacity);
    return AIMEM_OK;
}

/* Finds memory for s->size at s->align; s->klass is set. Errors: LIMIT, NOMEM. */
AIMC_FN aimem_result aimi_pool_class_place(aimem_buffers *b, aimi_pool_buffer *s, bool *asked) {
    aimi_pool_class *k = &b->classes[s->klass];
    uint32_t n = k->newest;
    s->direct = s->klass == b->class_count || s->align > b->align;
    if (!s->direct && n != 0) {
        s->data = b->table[n].data;
        s->capacity = b->table[n].capacity;
        s->segment = AIMI_POOL_NO_SEGMENT;
        AIMC_UNPOISON(s->data, s->capacity);
        aimi_pool_kept_unlink(b, n);
        aimi_pool_buffer_drop(b, n);
        return AIMEM_OK;
    }
    *asked = true;
    if (k->info.in_use + k->info.kept >= b->max_per_class) s->direct = true;
    return aimi_pool_class_fresh(b, s, s->direct ? s->size : k->info.size, s->align);
}

/* Place n, whose handle is stale already, is released: kept, or its memory freed. The place is
   kept or empty afterwards. */
AIMC_FN void aimi_pool_class_unplace(aimem_buffers *b, uint32_t n) {
    aimi_pool_buffer *s = &b->table[n];
    bool over = b->max_kept_bytes != 0 && s->capacity > b->max_kept_bytes;
    if (s->direct || over || s->gen == 0) {
        aimc_free(&b->allocator, s->data, s->capacity, s->align);
        aimi_pool_buffers_unhold(b, s->capacity);
        aimi_pool_buffer_drop(b, n);
        return;
    }
    AIMC_POISON(s->data, s->capacity);
    aimi_pool_kept_link(b, n);
    while ((b->max_kept != 0 && b->info.kept > b->max_kept) ||
           (b->max_kept_bytes != 0 && b->kept_bytes > b->max_kept_bytes)) {
        aimi_pool_kept_evict(b, b->oldest);
    }
}

/* Gives up buffers released before `before`, the oldest first, at most `most` of them. False:
   there are more. */
AIMC_FN bool aimi_pool_class_clean(aimem_buffers *b, uint64_t before, size_t most) {
    while (b->oldest != 0 && b->table[b->oldest].time <= before) {
        if (most-- == 0) return false;
        aimi_pool_kept_evict(b, b->oldest);
    }
    return true;
}

#endif
