/* pool/buffers_life.h: buffers objects are made, looked after and destroyed. */
#ifndef AIMI_POOL_BUFFERS_LIFE_H
#define AIMI_POOL_BUFFERS_LIFE_H

#include "pool/buffers_class.h"
#include "pool/buffers_packed.h"
#include "pool/buffers_range.h"

/* ---- memory of one buffer, whatever the store ---- */

/* Memory for s->size at s->align; data, capacity, segment, node and direct are set. *asked: not
   without the system or the allocator. Errors: LIMIT, NOMEM. */
AIMC_FN aimem_result aimi_pool_buffers_place(aimem_buffers *b, aimi_pool_buffer *s, bool *asked) {
    *asked = false;
    if (b->store == AIMI_POOL_STORE_CLASSES) return aimi_pool_class_place(b, s, asked);
    return aimi_pool_range_place(b, s, asked);
}

/* Gives the memory of s back, without keeping it whole. */
AIMC_FN void aimi_pool_buffers_unplace(aimem_buffers *b, aimi_pool_buffer *s) {
    if (b->clear_on_release) aimi_pool_buffers_wipe(s->data, s->size);
    if (s->segment != AIMI_POOL_NO_SEGMENT) {
        aimi_pool_range_unplace(b, s);
    } else {
        aimc_free(&b->allocator, s->data, s->capacity, s->align);
        aimi_pool_buffers_unhold(b, s->capacity);
    }
    s->data = NULL;
}

/* ---- create ---- */

AIMC_FN aimem_result aimi_pool_buffers_set_classes(aimem_buffers *b,
                                                   const aimem_buffers_desc *desc) {
    uint32_t i, n = desc->class_count;
    size_t size = n == 6 ? 1024 : 256;
    if (n > AIMEM_BUFFERS_CLASSES_MOST) return AIMEM_ERR_INVALID;
    if (desc->classes == NULL) {
        if (n != 0 && n != 6) return AIMEM_ERR_INVALID;
        if (n == 0) n = 10; /* 256 B, 1 KiB, ... 16 MiB, 64 MiB */
    } else if (n == 0) {
        return AIMEM_ERR_INVALID;
    }
    for (i = 0; i < n; i++) {
        if (desc->classes != NULL) size = desc->classes[i];
        if (size == 0 || (i != 0 && size <= b->classes[i - 1].info.size)) return AIMEM_ERR_INVALID;
        b->classes[i].info.size = size;
        size *= 4;
    }
    b->class_count = n;
    return AIMEM_OK;
}

AIMC_FN uint64_t aimi_pool_or(uint64_t value, uint64_t otherwise) {
    return value != 0 ? value : otherwise;
}

/* Everything of the desc that takes no memory. */
AIMC_FN aimem_result aimi_pool_buffers_set(aimem_buffers *b, const aimem_buffers_desc *d) {
    const uint64_t second = 1000000000u;
    const char *name = d->name != NULL ? d->name : "buffers";
    size_t i;
    bool tight = d->preset == AIMEM_BUFFERS_TIGHT, speed = d->preset == AIMEM_BUFFERS_SPEED;
    if (d->canary_zero != 0 || d->preset > AIMEM_BUFFERS_SPEED) return AIMEM_ERR_INVALID;
    if (d->engine > AIMEM_BUFFERS_CLASSES) return AIMEM_ERR_INVALID;
    if ((d->memory == NULL) != (d->memory_size == 0)) return AIMEM_ERR_INVALID;
    if (d->memory != NULL && (d->engine != AIMEM_BUFFERS_AUTO || d->reserve != 0)) {
        return AIMEM_ERR_INVALID;
    }
    if (d->align != 0 && (!aimc_is_pow2(d->align) || d->align > AIMI_POOL_BUFFERS_ALIGN)) {
        return AIMEM_ERR_INVALID;
    }
    b->align = d->align != 0 ? aimc_max_size(d->align, sizeof(void *)) : 64;
    b->max_bytes = d->max_bytes;
    b->idle_ns = aimi_pool_or(d->idle_ns, (tight ? 15 : 60) * second);
    b->cleanup_ns = aimi_pool_or(d->cleanup_ns, (speed ? 120 : 30) * second);
    b->max_per_class = (uint32_t)aimi_pool_or(d->max_per_class, speed ? 128 : tight ? 32 : 50);
    b->max_kept = (size_t)aimi_pool_or(d->max_kept, speed ? 128 : tight ? 32 : 0);
    b->max_kept_bytes = d->max_kept_bytes;
    b->clear_on_alloc = d->clear_on_alloc;
    b->clear_on_release = d->clear_on_release;
    b->logger = d->logger;
    for (i = 0; i + 1 < sizeof b->name && name[i] != '\0'; i++) b->name[i] = name[i];
    b->info.name = b->name;
    /* Objects begin at different generations, so that a handle of one is none of another. */
    b->gen_first = (uint32_t)(((uint64_t)(uintptr_t)b * 0x9E3779B97F4A7C15u) >> 34) | 1;
    b->table_made = b->scoped_made = 1;
    return aimi_pool_buffers_set_classes(b, d);
}

/* Reserves address space: as asked, or what the system gives. */
AIMC_FN bool aimi_pool_buffers_reserve(aimem_buffers *b, size_t want) {
    size_t granule = aimc_max_size(b->vm.page_size, 65536), at;
    size_t size = sizeof(void *) > 4 ? (size_t)((uint64_t)256 << 30) : (size_t)512 << 20;
    uint32_t i;
    b->granule_shift = aimc_log2_u64(granule);
    if (want != 0 && (want > SIZE_MAX / 2 || !aimc_align_size(want, granule, &size))) return false;
    for (;;) {
        b->reserved_size = size + granule;
        b->reserved = b->vm.reserve_fn(b->vm.user_data, b->reserved_size);
        if (b->reserved != NULL) break;
        size = size / 2 & ~(granule - 1);
        if (want != 0 || size < 64 * granule) return false;
    }
    at = (size_t)(0 - (uintptr_t)b->reserved) & (granule - 1);
    return aimi_pool_segment_new(b, (unsigned char *)b->reserved + at, size, &i) != NULL;
}

AIMC_FN aimem_result aimi_pool_buffers_set_store(aimem_buffers *b, const aimem_buffers_desc *d) {
    uint32_t i;
    b->store = AIMI_POOL_STORE_CHUNKS;
    if (d->engine == AIMEM_BUFFERS_CLASSES) {
        b->store = AIMI_POOL_STORE_CLASSES;
    } else if (d->memory != NULL) {
        size_t pad = (size_t)(0 - (uintptr_t)d->memory) & (b->align - 1);
        b->store = AIMI_POOL_STORE_MEMORY;
        if (pad >= d->memory_size) return AIMEM_ERR_INVALID;
        b->info.held_bytes = b->info.peak_held = d->memory_size;
        if (aimi_pool_segment_new(b, (unsigned char *)d->memory + pad, d->memory_size - pad, &i) ==
            NULL) {
            return AIMEM_ERR_NOMEM;
        }
    } else if (d->engine == AIMEM_BUFFERS_AUTO && aimc_vm_or_default(&d->vm, &b->vm)) {
        b->store = AIMI_POOL_STORE_VM;
        if (!aimi_pool_buffers_reserve(b, d->reserve)) return AIMEM_ERR_NOMEM;
    } else if (d->reserve != 0) {
        return AIMEM_ERR_UNSUPPORTED;
    }
    return AIMEM_OK;
}

/* Frees whatever is there; buffers that are still held lose their memory. */
AIMC_FN void aimi_pool_buffers_end(aimem_buffers *b) {
    aimem_allocator allocator = b->allocator;
    uint32_t i;
    for (i = 1; i < b->table_made; i++) {
        aimi_pool_buffer *s = &b->table[i];
        if (s->state == AIMI_POOL_BUFFER_EMPTY) continue;
        aimi_pool_packed_free(b, s->packed);
        if (s->data == NULL || s->lender != NULL) continue;
        AIMC_UNPOISON(s->data, s->capacity);
        if (b->clear_on_release) aimi_pool_buffers_wipe(s->data, s->size);
        if (s->segment != AIMI_POOL_NO_SEGMENT) continue;
        aimc_free(&allocator, s->data, s->capacity, s->align);
    }
    for (i = b->segments_used; i-- > 0;) {
        aimi_pool_segment *g = b->segments[i];
        if (g == NULL) continue;
        if (b->store == AIMI_POOL_STORE_VM) AIMC_UNPOISON(g->base, g->mapped << b->granule_shift);
        if (b->store == AIMI_POOL_STORE_MEMORY) AIMC_UNPOISON(g->base, g->size);
        aimi_pool_segment_free(b, i);
    }
    if (b->reserved != NULL) b->vm.release_fn(b->vm.user_data, b->reserved, b->reserved_size);
    aimc_free(&allocator, b->segments, b->segment_room * sizeof *b->segments, 16);
    aimc_free(&allocator, b->table, b->table_size * sizeof *b->table, 16);
    aimc_free(&allocator, b->scoped, b->scoped_size * sizeof *b->scoped, 16);
    if (b->locked) aimc_mutex_deinit(&b->mutex);
    aimc_free(&allocator, b, sizeof *b, 16);
}

AIMEM_POOL_API aimem_result aimem_buffers_create(const aimem_buffers_desc *desc,
                                                 aimem_buffers **out) {
    aimem_buffers_desc d;
    aimem_allocator allocator;
    aimem_buffers *b;
    aimem_result r;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    memset(&d, 0, sizeof d);
    if (desc != NULL) d = *desc;
    if (!aimc_allocator_or_default(&d.allocator, &allocator)) return AIMEM_ERR_INVALID;
    b = (aimem_buffers *)aimc_alloc_zeroed(&allocator, sizeof *b, 16);
    if (b == NULL) return AIMEM_ERR_NOMEM;
    b->allocator = allocator;
    r = aimi_pool_buffers_set(b, &d);
    if (r == AIMEM_OK) r = aimi_pool_buffers_set_store(b, &d);
    if (r == AIMEM_OK && d.locked) {
        b->locked = aimc_mutex_init(&b->mutex);
        if (!b->locked) r = AIMEM_ERR_NOMEM;
    }
    if (r != AIMEM_OK) {
        aimi_pool_buffers_end(b);
        return r;
    }
    *out = b;
    return AIMEM_OK;
}

/* ---- destroy ---- */

AIMC_FN void aimi_pool_buffers_tell(const aimem_buffers *b) {
    aimi_pool_text t;
    uint32_t i, told = 0;
    if (b->logger.log_fn == NULL || b->info.in_use == 0) return;
    aimi_pool_text_begin(&t, b->name);
    aimi_pool_text_number(&t, b->info.in_use, 10);
    aimi_pool_text_add(&t, " buffers held when the object was destroyed");
    aimi_pool_text_send(&t, &b->logger, 1, AIMEM_ERR_BUSY);
    for (i = 1; i < b->table_made && told < 16; i++) {
        const aimi_pool_buffer *s = &b->table[i];
        if (s->state != AIMI_POOL_BUFFER_LIVE) continue;
        aimi_pool_text_begin(&t, b->name);
        aimi_pool_text_add(&t, s->name[0] != '\0' ? s->name : "a buffer without name");
        aimi_pool_text_add(&t, ", ");
        aimi_pool_text_number(&t, s->size, 10);
        aimi_pool_text_add(&t, " bytes, ");
        aimi_pool_text_number(&t, s->refs, 10);
        aimi_pool_text_add(&t, " references");
        aimi_pool_text_send(&t, &b->logger, 1, AIMEM_ERR_BUSY);
        told++;
    }
}

AIMEM_POOL_API void aimem_buffers_destroy(aimem_buffers *buffers) {
    uint32_t i;
    if (buffers == NULL) return;
    aimi_pool_buffers_tell(buffers);
    for (i = 1; i < buffers->table_made; i++) {
        const aimi_pool_buffer *s = &buffers->table[i];
        if (s->state == AIMI_POOL_BUFFER_LIVE && s->lender != NULL) {
            aimem_buffer lent;
            lent.id = s->lent;
            (void)aimem_buffers_release(s->lender, lent);
        }
    }
    aimi_pool_buffers_end(buffers);
}

/* ---- upkeep ---- */

AIMEM_POOL_API aimem_result aimem_buffers_tick(aimem_buffers *buffers, uint64_t now_ns,
                                               uint64_t budget_ns) {
    aimem_buffers *b = buffers;
    aimem_result r = aimi_pool_buffers_enter(b);
    /* One run given back is a call of the system: some ten microseconds. */
    size_t calls = budget_ns == 0 ? SIZE_MAX : (size_t)aimi_pool_or(budget_ns >> 14 & 0xFFFFFF, 1);
    bool done = true;
    if (r != AIMEM_OK) return r;
    if (b->started && now_ns > b->last) b->now += now_ns - b->last;
    b->started = true;
    b->last = now_ns;
    if (b->now - b->cleaned >= b->cleanup_ns) {
        uint64_t ages = (b->idle_ns - 1) / b->cleanup_ns + 1;
        unsigned age = (unsigned)(ages < AIMI_POOL_AGE_MOST ? ages : (uint64_t)AIMI_POOL_AGE_MOST);
        if (b->store == AIMI_POOL_STORE_CLASSES) {
            done = b->now < b->idle_ns ||
                   aimi_pool_class_clean(b, b->now - b->idle_ns, calls);
        } else {
            done = aimi_pool_range_clean(b, age, calls);
        }
        if (done) b->cleaned = b->now;
    }
    aimi_pool_buffers_leave(b);
    return done ? AIMEM_OK : AIMEM_PENDING;
}

AIMEM_POOL_API size_t aimem_buffers_trim(aimem_buffers *buffers) {
    aimem_buffers *b = buffers;
    size_t before;
    if (aimi_pool_buffers_enter(b) != AIMEM_OK) return 0;
    before = b->info.held_bytes;
    if (b->store == AIMI_POOL_STORE_CLASSES) (void)aimi_pool_class_clean(b, UINT64_MAX, SIZE_MAX);
    else aimi_pool_range_trim(b);
    before -= b->info.held_bytes;
    aimi_pool_buffers_leave(b);
    return before;
}

/* ---- statistics ---- */

/* What would fit without new memory: the largest free range of touched or the caller's memory. */
AIMC_FN size_t aimi_pool_buffers_largest(const aimem_buffers *b) {
    size_t largest = 0, run = 0, from, to;
    uint32_t i, n;
    for (i = b->oldest; i != 0; i = b->table[i].newer) {
        largest = aimc_max_size(largest, b->table[i].capacity);
    }
    for (i = 0; i < b->segments_used; i++) {
        const aimi_pool_segment *g = b->segments[i];
        if (g == NULL) continue;
        if (b->store != AIMI_POOL_STORE_VM) {
            largest = aimc_max_size(largest, (size_t)aimc_offsets_largest(&g->ranges));
            continue;
        }
        for (n = g->ranges.first; n != 0; n = g->ranges.nodes[n].next) {
            if (g->ranges.nodes[n].state != AIMC_RANGE_FREE) continue;
            aimi_pool_granules_inside(b, g, n, &from, &to);
            for (run = 0; from < to; from++) {
                run = (g->map[from] & AIMI_POOL_TOUCH) != 0 ? run + 1 : 0;
                largest = aimc_max_size(largest, run << b->granule_shift);
            }
        }
    }
    return largest;
}

AIMEM_POOL_API void aimem_buffers_stats(const aimem_buffers *buffers, aimem_buffers_info *out) {
    aimem_buffers *b = (aimem_buffers *)buffers; /* entering marks the object */
    uint32_t i;
    memset(out, 0, sizeof *out);
    if (aimi_pool_buffers_enter(b) != AIMEM_OK) return;
    *out = b->info;
    out->largest_free = aimi_pool_buffers_largest(b);
    out->own_bytes = sizeof *b + b->table_size * sizeof *b->table +
                     b->segment_room * sizeof *b->segments + b->scoped_size * sizeof *b->scoped;
    for (i = 0; i < b->segments_used; i++) {
        const aimi_pool_segment *g = b->segments[i];
        if (g == NULL) continue;
        out->own_bytes += sizeof *g + g->mapped + g->ranges.capacity * sizeof(aimc_range);
        out->kept += g->ranges.free_count;
    }
    if (out->hits + out->misses != 0) {
        out->hit_rate = (float)((double)out->hits / (double)(out->hits + out->misses));
    }
    aimi_pool_buffers_leave(b);
}

AIMEM_POOL_API aimem_result aimem_buffers_class_stats(const aimem_buffers *buffers, uint32_t index,
                                                      aimem_buffers_class_info *out) {
    aimem_buffers *b = (aimem_buffers *)buffers;
    aimem_result r;
    memset(out, 0, sizeof *out);
    r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    if (index <= b->class_count) *out = b->classes[index].info;
    else r = AIMEM_ERR_RANGE;
    aimi_pool_buffers_leave(b);
    return r;
}

#endif
