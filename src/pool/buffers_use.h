/* pool/buffers_use.h: allocating, counting references, scopes, handing over, listing. */
#ifndef AIMI_POOL_BUFFERS_USE_H
#define AIMI_POOL_BUFFERS_USE_H

#include "pool/buffers_life.h"

/* ---- allocation ---- */

/* A live buffer of size bytes in place *out; inside. Errors: LIMIT, NOMEM. */
AIMC_FN aimem_result aimi_pool_buffers_make(aimem_buffers *b, size_t size, size_t align,
                                            uint32_t *out) {
    uint32_t n = aimi_pool_buffer_take(b);
    aimi_pool_buffer *s;
    aimem_result r = AIMEM_ERR_NOMEM;
    bool asked = false;
    *out = 0;
    if (n != 0) {
        s = &b->table[n];
        s->size = size != 0 ? size : 1;
        s->align = aimc_max_size(align, b->align);
        s->klass = aimi_pool_buffers_class_of(b, s->size);
        r = aimi_pool_buffers_place(b, s, &asked);
        if (r != AIMEM_OK) aimi_pool_buffer_drop(b, n);
    }
    if (r != AIMEM_OK) {
        b->info.failures++;
        return r;
    }
    s->state = AIMI_POOL_BUFFER_LIVE;
    s->refs = 1;
    s->time = b->now;
    b->info.in_use++;
    b->info.allocated_bytes += s->size;
    if (asked) {
        b->info.misses++;
        b->classes[s->klass].info.misses++;
    } else {
        b->info.hits++;
        b->classes[s->klass].info.hits++;
    }
    aimi_pool_buffers_count(b, s);
    aimi_pool_range_settle(b);
    *out = n;
    return AIMEM_OK;
}

AIMC_FN void aimi_pool_buffer_name(aimi_pool_buffer *s, const char *name) {
    size_t i;
    for (i = 0; name != NULL && i + 1 < sizeof s->name && name[i] != '\0'; i++) {
        s->name[i] = name[i];
    }
}

AIMEM_POOL_API aimem_result aimem_buffers_alloc(aimem_buffers *buffers, size_t size,
                                                aimem_buffer *out) {
    aimem_buffers *b = buffers;
    uint32_t n;
    aimem_result r;
    out->id = 0;
    r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_buffers_make(b, size, 0, &n);
    if (r == AIMEM_OK) {
        if (b->clear_on_alloc) memset(b->table[n].data, 0, b->table[n].size);
        out->id = aimi_pool_buffer_id(b, n);
    }
    aimi_pool_buffers_leave(b);
    return r;
}

AIMEM_POOL_API size_t aimem_buffers_bytes_of(aimem_dtype dtype, size_t count) {
    static const uint8_t bytes[17] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8, 0, 34, 18, 1};
    size_t size;
    if (dtype > AIMEM_DTYPE_BOOL) return 0;
    if (dtype == AIMEM_DTYPE_B1) return count / 8 + (count % 8 != 0);
    if (dtype == AIMEM_DTYPE_Q8_0 || dtype == AIMEM_DTYPE_Q4_0) {
        count = count / 32 + (count % 32 != 0);
    }
    return aimc_mul_size(count, bytes[dtype], &size) ? size : 0;
}

AIMEM_POOL_API aimem_result aimem_buffers_alloc_with(aimem_buffers *buffers,
                                                     const aimem_buffer_desc *desc,
                                                     aimem_buffer *out) {
    aimem_buffers *b = buffers;
    aimi_pool_buffer *s;
    size_t size;
    uint32_t n;
    aimem_result r;
    out->id = 0;
    if (desc == NULL || desc->canary_zero != 0) return AIMEM_ERR_INVALID;
    if (desc->size != 0 && desc->count != 0) return AIMEM_ERR_INVALID;
    if (desc->dtype > AIMEM_DTYPE_BOOL || desc->align > AIMI_POOL_BUFFERS_ALIGN ||
        (desc->align & (desc->align - 1)) != 0) {
        return AIMEM_ERR_INVALID;
    }
    size = desc->size;
    if (desc->count != 0) {
        size = aimem_buffers_bytes_of(desc->dtype, desc->count);
        if (size == 0) return AIMEM_ERR_RANGE;
    }
    r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_buffers_make(b, size, desc->align, &n);
    if (r == AIMEM_OK) {
        s = &b->table[n];
        s->dtype = desc->dtype;
        aimi_pool_buffer_name(s, desc->name);
        if (desc->from != NULL) memcpy(s->data, desc->from, size);
        else if (desc->clear || b->clear_on_alloc) memset(s->data, 0, s->size);
        out->id = aimi_pool_buffer_id(b, n);
    }
    aimi_pool_buffers_leave(b);
    return r;
}

/* ---- references ---- */

AIMEM_POOL_API aimem_result aimem_buffers_retain(aimem_buffers *buffers, aimem_buffer buffer) {
    aimi_pool_buffer *s;
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(buffers, buffer);
    if (s == NULL) r = AIMEM_ERR_STALE;
    else if (s->refs == UINT32_MAX) r = AIMEM_ERR_LIMIT;
    else s->refs++;
    return aimi_pool_buffers_done(buffers, "retain", buffer.id, r);
}

/* The last reference of live place n is gone: its memory is recycled, its handle stale. */
AIMC_FN void aimi_pool_buffers_recycle(aimem_buffers *b, uint32_t n) {
    aimi_pool_buffer *s = &b->table[n];
    (void)aimi_pool_buffer_expire(b, n);
    b->info.in_use--;
    aimi_pool_buffers_uncount(b, s);
    if (s->packed != NULL) {
        b->info.held_bytes -= s->capacity;
        aimi_pool_packed_free(b, s->packed);
    } else if (s->lender == NULL && b->store == AIMI_POOL_STORE_CLASSES) {
        if (b->clear_on_release) aimi_pool_buffers_wipe(s->data, s->size);
        aimi_pool_class_unplace(b, n);
        return;
    } else if (s->lender == NULL) {
        aimi_pool_buffers_unplace(b, s);
    }
    aimi_pool_buffer_drop(b, n);
}

AIMEM_POOL_API aimem_result aimem_buffers_release(aimem_buffers *buffers, aimem_buffer buffer) {
    aimem_buffers *lender = NULL;
    aimem_buffer lent;
    aimi_pool_buffer *s;
    aimem_result r;
    if (buffer.id == 0) return AIMEM_OK;
    lent.id = 0;
    r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(buffers, buffer);
    if (s == NULL) {
        r = AIMEM_ERR_STALE;
    } else if (--s->refs == 0) {
        lender = s->lender;
        lent.id = s->lent;
        aimi_pool_buffers_recycle(buffers, (uint32_t)buffer.id);
    }
    r = aimi_pool_buffers_done(buffers, "release", buffer.id, r);
    return lender != NULL ? aimem_buffers_release(lender, lent) : r;
}

/* ---- another size ---- */

/* Moves s to memory of another size; it is as it was unless OK. */
AIMC_FN aimem_result aimi_pool_buffers_move(aimem_buffers *b, aimi_pool_buffer *s, size_t size) {
    aimi_pool_buffer fresh = *s;
    bool asked;
    aimem_result r;
    fresh.size = size;
    fresh.klass = aimi_pool_buffers_class_of(b, size);
    r = aimi_pool_buffers_place(b, &fresh, &asked);
    if (r != AIMEM_OK) return r;
    memcpy(fresh.data, s->data, aimc_min_size(size, s->size));
    aimi_pool_buffers_uncount(b, s);
    aimi_pool_buffers_unplace(b, s);
    *s = fresh;
    aimi_pool_buffers_count(b, s);
    return AIMEM_OK;
}

AIMC_FN aimem_result aimi_pool_buffers_fit(aimem_buffers *b, aimi_pool_buffer *s, size_t size) {
    aimem_result r = AIMEM_ERR_LIMIT;
    aimi_pool_buffer old = *s;
    bool asked = false;
    if (size == 0) size = 1;
    if (s->segment != AIMI_POOL_NO_SEGMENT) {
        if (size < s->size && b->clear_on_release) {
            aimi_pool_buffers_wipe(s->data + size, s->size - size);
        }
        r = aimi_pool_range_resize(b, s, size, &asked);
    } else if (!s->direct && s->klass == aimi_pool_buffers_class_of(b, size)) {
        r = AIMEM_OK;
    }
    if (r != AIMEM_OK) {
        r = aimi_pool_buffers_move(b, s, size);
    } else {
        aimi_pool_buffers_uncount(b, &old);
        s->size = size;
        s->klass = aimi_pool_buffers_class_of(b, size);
        aimi_pool_buffers_count(b, s);
    }
    if (r == AIMEM_OK) aimi_pool_range_settle(b);
    return r;
}

AIMEM_POOL_API aimem_result aimem_buffers_resize(aimem_buffers *buffers, aimem_buffer buffer,
                                                 size_t size) {
    aimi_pool_buffer *s;
    size_t old;
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(buffers, buffer);
    if (s == NULL) {
        r = AIMEM_ERR_STALE;
    } else if (s->packed != NULL || s->lender != NULL) {
        r = AIMEM_ERR_UNSUPPORTED;
    } else {
        old = s->size;
        r = aimi_pool_buffers_fit(buffers, s, size);
        if (r == AIMEM_OK && buffers->clear_on_alloc && s->size > old) {
            memset(s->data + old, 0, s->size - old);
        }
    }
    return aimi_pool_buffers_done(buffers, "resize", buffer.id, r);
}

/* ---- handing over ---- */

/* The old handle goes stale and *out is the new one. */
AIMC_FN aimem_result aimi_pool_buffers_rename(aimem_buffers *b, aimem_buffer buffer, bool away,
                                              aimi_pool_buffer *copy, aimem_buffer *out) {
    aimi_pool_buffer *s;
    aimem_result r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(b, buffer);
    if (s == NULL) r = AIMEM_ERR_STALE;
    else if (s->refs != 1) r = AIMEM_ERR_BUSY;
    else if (s->gen == UINT32_MAX) r = AIMEM_ERR_LIMIT;
    else if (away && s->packed != NULL) r = AIMEM_ERR_UNSUPPORTED;
    if (r == AIMEM_OK) {
        (void)aimi_pool_buffer_expire(b, (uint32_t)buffer.id);
        out->id = aimi_pool_buffer_id(b, (uint32_t)buffer.id);
        *copy = *s;
    }
    return aimi_pool_buffers_done(b, "handover", buffer.id, r);
}

AIMEM_POOL_API aimem_result aimem_buffers_handover(aimem_buffers *buffers, aimem_buffer buffer,
                                                   aimem_buffers *to, aimem_buffer *out) {
    aimi_pool_buffer copy;
    aimem_buffer lent;
    aimem_result r;
    uint32_t n;
    out->id = 0;
    if (to == NULL || to == buffers) {
        return aimi_pool_buffers_rename(buffers, buffer, false, &copy, out);
    }
    /* Never inside both objects at once: a place is taken first, and given back on failure. */
    r = aimi_pool_buffers_enter(to);
    if (r != AIMEM_OK) return r;
    n = aimi_pool_buffer_take(to);
    aimi_pool_buffers_leave(to);
    if (n == 0) return AIMEM_ERR_NOMEM;
    memset(&copy, 0, sizeof copy);
    r = aimi_pool_buffers_rename(buffers, buffer, true, &copy, &lent);
    (void)aimi_pool_buffers_enter(to); /* as before: this is no hook of it */
    if (r != AIMEM_OK) {
        aimi_pool_buffer_drop(to, n);
    } else {
        aimi_pool_buffer *s = &to->table[n];
        copy.gen = s->gen;
        copy.time = to->now;
        copy.lender = buffers;
        copy.lent = lent.id;
        copy.klass = aimi_pool_buffers_class_of(to, copy.size);
        *s = copy;
        to->info.in_use++;
        out->id = aimi_pool_buffer_id(to, n);
    }
    aimi_pool_buffers_leave(to);
    return r;
}

/* ---- looking ---- */

AIMEM_POOL_API void *aimem_buffers_data(aimem_buffers *buffers, aimem_buffer buffer) {
    aimi_pool_buffer *s;
    void *data;
    if (aimi_pool_buffers_enter(buffers) != AIMEM_OK) return NULL;
    s = aimi_pool_buffer_of(buffers, buffer);
    data = s != NULL ? s->data : NULL;
    aimi_pool_buffers_leave(buffers);
    return data;
}

AIMC_FN void aimi_pool_buffer_about(aimem_buffers *b, uint32_t n, aimem_buffer_info *out) {
    const aimi_pool_buffer *s = &b->table[n];
    size_t one = aimem_buffers_bytes_of(s->dtype, 1);
    memset(out, 0, sizeof *out);
    out->buffer.id = aimi_pool_buffer_id(b, n);
    memcpy(out->name, s->name, sizeof out->name);
    out->size = s->size;
    out->count = s->size / one;
    if (s->dtype == AIMEM_DTYPE_B1) out->count *= 8;
    if (s->dtype == AIMEM_DTYPE_Q8_0 || s->dtype == AIMEM_DTYPE_Q4_0) out->count *= 32;
    out->align = s->align;
    out->held = s->capacity;
    out->data = s->data;
    out->age_ns = b->now - s->time;
    out->dtype = s->dtype;
    out->refs = s->refs;
    out->compressed = s->packed != NULL;
    out->ratio = s->packed != NULL ? (float)((double)s->size / (double)s->capacity) : 1.0f;
    out->borrowed = s->lender != NULL;
}

AIMEM_POOL_API aimem_result aimem_buffers_about(aimem_buffers *buffers, aimem_buffer buffer,
                                                aimem_buffer_info *out) {
    aimem_result r;
    memset(out, 0, sizeof *out);
    r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    if (aimi_pool_buffer_of(buffers, buffer) == NULL) r = AIMEM_ERR_STALE;
    else aimi_pool_buffer_about(buffers, (uint32_t)buffer.id, out);
    return aimi_pool_buffers_done(buffers, "about", buffer.id, r);
}

AIMEM_POOL_API size_t aimem_buffers_list(aimem_buffers *buffers, aimem_buffer_info *out,
                                         size_t room) {
    size_t count = 0;
    uint32_t n;
    if (aimi_pool_buffers_enter(buffers) != AIMEM_OK) return 0;
    for (n = 1; n < buffers->table_made; n++) {
        if (buffers->table[n].state != AIMI_POOL_BUFFER_LIVE) continue;
        if (count < room) aimi_pool_buffer_about(buffers, n, &out[count]);
        count++;
    }
    aimi_pool_buffers_leave(buffers);
    return count;
}

/* ---- scopes ---- */

AIMEM_POOL_API aimem_result aimem_buffers_scope_add(aimem_buffers *buffers,
                                                    aimem_buffers_scope *scope,
                                                    aimem_buffer buffer) {
    aimem_buffers *b = buffers;
    aimem_result r;
    uint32_t n;
    if (scope->buffers != NULL && scope->buffers != b) return AIMEM_ERR_INVALID;
    r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    if (aimi_pool_buffer_of(b, buffer) == NULL) {
        return aimi_pool_buffers_done(b, "scope_add", buffer.id, AIMEM_ERR_STALE);
    }
    n = b->scoped_empty;
    if (n != 0) {
        b->scoped_empty = b->scoped[n].next;
    } else {
        if (b->scoped_made >= b->scoped_size) {
            void *fresh = aimi_pool_buffers_more(b, b->scoped, &b->scoped_size, b->scoped_made + 1,
                                                 sizeof *b->scoped);
            if (fresh == NULL) {
                aimi_pool_buffers_leave(b);
                return AIMEM_ERR_NOMEM;
            }
            b->scoped = (aimi_pool_scoped *)fresh;
        }
        n = b->scoped_made++;
    }
    b->scoped[n].id = buffer.id;
    b->scoped[n].next = scope->head;
    scope->buffers = b;
    scope->head = n;
    scope->count++;
    aimi_pool_buffers_leave(b);
    return AIMEM_OK;
}

/* Takes entry n out of the chain; before: the entry in front of it, 0: it is the first. */
AIMC_FN void aimi_pool_scope_unlink(aimem_buffers_scope *scope, uint32_t n, uint32_t before) {
    aimem_buffers *b = scope->buffers;
    if (before != 0) b->scoped[before].next = b->scoped[n].next;
    else scope->head = b->scoped[n].next;
    b->scoped[n].next = b->scoped_empty;
    b->scoped_empty = n;
    scope->count--;
}

AIMEM_POOL_API aimem_result aimem_buffers_scope_keep(aimem_buffers_scope *scope,
                                                     aimem_buffer buffer) {
    aimem_buffers *b = scope->buffers;
    uint32_t n, before = 0;
    aimem_result r;
    if (b == NULL) return AIMEM_ERR_NOT_FOUND;
    r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    for (n = scope->head; n != 0 && b->scoped[n].id != buffer.id; n = b->scoped[n].next) {
        before = n;
    }
    if (n != 0) aimi_pool_scope_unlink(scope, n, before);
    aimi_pool_buffers_leave(b);
    return n != 0 ? AIMEM_OK : AIMEM_ERR_NOT_FOUND;
}

AIMEM_POOL_API size_t aimem_buffers_scope_end(aimem_buffers_scope *scope) {
    size_t released = 0;
    if (scope == NULL) return 0;
    while (scope->head != 0) {
        aimem_buffers *b = scope->buffers;
        aimem_buffer buffer;
        bool live;
        if (aimi_pool_buffers_enter(b) != AIMEM_OK) return released;
        buffer.id = b->scoped[scope->head].id;
        live = aimi_pool_buffer_of(b, buffer) != NULL;
        aimi_pool_scope_unlink(scope, scope->head, 0);
        aimi_pool_buffers_leave(b);
        if (live && aimem_buffers_release(b, buffer) == AIMEM_OK) released++;
    }
    scope->buffers = NULL;
    return released;
}

/* ---- as an allocator ---- */

/* The handle stands right in front of the block; behind the start of the buffer lie pad bytes. */
AIMC_INLINE size_t aimi_pool_buffers_pad(size_t align) {
    return aimc_max_size(align, 16);
}

AIMC_FN void *aimi_pool_buffers_block(aimem_buffers *b, aimem_buffer buffer, size_t pad) {
    unsigned char *data = (unsigned char *)aimem_buffers_data(b, buffer);
    if (data == NULL) return NULL;
    memcpy(data + pad - sizeof buffer.id, &buffer.id, sizeof buffer.id);
    return data + pad;
}

AIMC_FN void *aimi_pool_buffers_realloc(void *user_data, void *ptr, size_t old_size,
                                        size_t new_size, size_t align) {
    aimem_buffers *b = (aimem_buffers *)user_data;
    size_t pad = aimi_pool_buffers_pad(align), size;
    aimem_buffer_desc desc;
    aimem_buffer buffer;
    (void)old_size;
    buffer.id = 0;
    if (ptr != NULL) {
        memcpy(&buffer.id, (unsigned char *)ptr - sizeof buffer.id, sizeof buffer.id);
    }
    if (new_size == 0) {
        if (ptr != NULL) (void)aimem_buffers_release(b, buffer);
        return NULL;
    }
    if (!aimc_add_size(new_size, pad, &size)) return NULL;
    if (ptr != NULL) {
        if (aimem_buffers_resize(b, buffer, size) != AIMEM_OK) return NULL;
        return aimi_pool_buffers_block(b, buffer, pad);
    }
    memset(&desc, 0, sizeof desc);
    desc.size = size;
    desc.align = align;
    if (aimem_buffers_alloc_with(b, &desc, &buffer) != AIMEM_OK) return NULL;
    return aimi_pool_buffers_block(b, buffer, pad);
}

AIMEM_POOL_API aimem_allocator aimem_buffers_allocator(aimem_buffers *buffers) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_buffers_realloc;
    hook.user_data = buffers;
    return hook;
}

#endif
