/* pool/buffers.h: recycled buffers: the object, its table of buffers, its lock.
 *
 *   handle [ generation : 32 | number : 32 ]    number: place in the table, from 1
 *
 * A place in the table is live (a buffer that is held), kept (class engine: memory for a later
 * buffer) or empty. The generation rises when the last reference goes, and when a buffer is handed
 * over; a place whose generation reached its end is never used again.
 *
 * Where the memory of a buffer comes from is the business of a store: buffers_range.h cuts it from
 * segments (address space, the caller's memory, chunks), buffers_class.h takes and keeps it whole.
 *
 * All public functions enter the object first and leave it last. Inside, the hooks (allocator, vm,
 * codec) may be called; when such a hook calls this object again it is answered BUSY: with a lock
 * because the thread that holds it is known, without one because the object is marked. The logger
 * is called outside.
 */
#ifndef AIMI_POOL_BUFFERS_H
#define AIMI_POOL_BUFFERS_H

#include "core/alloc.h"
#include "core/atomic.h"
#include "core/offsets.h"
#include "core/osmem.h"
#include "core/thread.h"
#include "pool/text.h"

enum { AIMI_POOL_BUFFER_EMPTY = 0, AIMI_POOL_BUFFER_LIVE = 1, AIMI_POOL_BUFFER_KEPT = 2 };
enum { AIMI_POOL_BUFFERS_NAME = 32, AIMI_POOL_BUFFERS_ALIGN = 65536 };

#define AIMI_POOL_NO_SEGMENT UINT32_MAX /* memory of its own, from the allocator */

/* A compressed buffer, see buffers_packed.h. */
typedef struct aimi_pool_packed aimi_pool_packed;

typedef struct aimi_pool_buffer {
    unsigned char *data;    /* NULL: compressed */
    size_t size;            /* as asked for */
    size_t capacity;        /* bytes of memory, or stored */
    size_t align;
    uint64_t time;          /* live: allocated at; kept: released at */
    aimi_pool_packed *packed;
    aimem_buffers *lender;  /* handed over: the object that owns the memory, else NULL */
    uint64_t lent;          /* its handle there */
    uint32_t gen, refs;
    uint32_t segment, node; /* segments: which, and the range in it */
    uint32_t klass;         /* of the request; class_count: past the last */
    uint32_t older, newer;  /* kept: by time of release; empty: older is the next empty place */
    uint32_t below, above;  /* kept: the same within the class */
    aimem_dtype dtype;
    uint8_t state;
    bool direct;            /* class engine: exact memory, not kept */
    char name[16];
} aimi_pool_buffer;

/* A piece of memory that buffers are cut from. */
typedef struct aimi_pool_segment {
    unsigned char *base; /* of the memory, which has offset pad */
    size_t pad;   /* offsets are congruent to addresses modulo AIMI_POOL_BUFFERS_ALIGN; the first
                     pad of them are no memory, and a range in use */
    size_t size;  /* bytes of memory; address space: what is reserved */
    size_t taken; /* chunks: bytes taken from the allocator; else 0 */
    unsigned age; /* chunks: cleanups seen since a buffer lay in it */
    aimc_offsets ranges;
    unsigned char *map; /* address space: a byte per granule, see buffers_range.h */
    size_t mapped;      /* bytes of the map; granules behind it were never used */
} aimi_pool_segment;

typedef struct aimi_pool_class {
    aimem_buffers_class_info info;
    uint32_t newest, oldest; /* kept buffers */
} aimi_pool_class;

/* A reference that a scope holds. */
typedef struct aimi_pool_scoped {
    uint64_t id;
    uint32_t next; /* towards the first added; unused entries: the list of those */
} aimi_pool_scoped;

enum {
    AIMI_POOL_STORE_VM,
    AIMI_POOL_STORE_MEMORY,
    AIMI_POOL_STORE_CHUNKS,
    AIMI_POOL_STORE_CLASSES
};

struct aimem_buffers {
    aimem_allocator allocator;
    aimem_vm vm;
    aimem_logger logger;
    int store;
    aimi_pool_buffer *table; /* 0 is nobody */
    uint32_t table_size, table_made, empty;
    aimi_pool_segment **segments; /* in the order they were made; gaps are NULL */
    uint32_t segment_room, segments_used;
    uint32_t granule_shift;  /* address space: log2 of the bytes given and taken at a time */
    aimi_pool_class classes[AIMEM_BUFFERS_CLASSES_MOST + 1];
    uint32_t class_count;
    uint32_t newest, oldest; /* kept buffers */
    aimi_pool_scoped *scoped; /* 0 is nobody */
    uint32_t scoped_size, scoped_made, scoped_empty;
    void *reserved;          /* address space, to be released */
    size_t reserved_size;
    size_t max_bytes, align, max_kept, max_kept_bytes, kept_bytes;
    uint32_t max_per_class, gen_first;
    uint64_t now, last; /* time that passed between ticks; what the last one said */
    uint64_t idle_ns, cleanup_ns, cleaned;
    bool clear_on_alloc, clear_on_release, locked, started, inside;
    aimem_buffers_info info;
    aimc_mutex mutex;
    aimc_atomic_uptr owner; /* locked: the thread inside, or 0. Written by it alone, under the
                               mutex; a thread that reads its own id there wrote it itself */
    char name[AIMI_POOL_BUFFERS_NAME];
};

/* ---- in and out ---- */

AIMC_FN aimem_result aimi_pool_buffers_enter(aimem_buffers *b) {
    if (b->locked) {
        uintptr_t self = aimc_thread_id();
        if (aimc_atomic_uptr_load_relaxed(&b->owner) == self) return AIMEM_ERR_BUSY;
        aimc_mutex_lock(&b->mutex);
        aimc_atomic_uptr_store_relaxed(&b->owner, self);
        return AIMEM_OK;
    }
    if (b->inside) return AIMEM_ERR_BUSY;
    b->inside = true;
    return AIMEM_OK;
}

AIMC_FN void aimi_pool_buffers_leave(aimem_buffers *b) {
    if (b->locked) {
        aimc_atomic_uptr_store_relaxed(&b->owner, 0);
        aimc_mutex_unlock(&b->mutex);
    } else {
        b->inside = false;
    }
}

/* Leaves with the result of a call, and tells the logger, outside, when it was misuse. */
AIMC_FN aimem_result aimi_pool_buffers_done(aimem_buffers *b, const char *what, uint64_t id,
                                            aimem_result r) {
    aimi_pool_text t;
    bool misuse = r == AIMEM_ERR_STALE;
    if (misuse) b->info.refused++;
    aimi_pool_buffers_leave(b);
    if (!misuse || b->logger.log_fn == NULL) return r;
    aimi_pool_text_begin(&t, b->name);
    aimi_pool_text_add(&t, what);
    aimi_pool_text_add(&t, ": no buffer is held under the handle ");
    aimi_pool_text_number(&t, id, 16);
    aimi_pool_text_send(&t, &b->logger, 0, r);
    return r;
}

/* ---- the table ---- */

AIMC_INLINE uint64_t aimi_pool_buffer_id(const aimem_buffers *b, uint32_t n) {
    return (uint64_t)b->table[n].gen << 32 | n;
}

/* The live buffer of a handle, or NULL. */
AIMC_INLINE aimi_pool_buffer *aimi_pool_buffer_of(aimem_buffers *b, aimem_buffer buffer) {
    uint32_t n = (uint32_t)buffer.id;
    aimi_pool_buffer *s;
    if (n == 0 || n >= b->table_made) return NULL;
    s = &b->table[n];
    return s->state == AIMI_POOL_BUFFER_LIVE && s->gen == (uint32_t)(buffer.id >> 32) ? s : NULL;
}

/* An array of places that doubles: *size from old to at least want places of bytes each. */
AIMC_FN void *aimi_pool_buffers_more(aimem_buffers *b, void *array, uint32_t *size, uint32_t want,
                                     size_t bytes) {
    uint64_t more = *size;
    void *fresh;
    while (more < want) more = more < 16 ? 16 : more * 2;
    if (more > UINT32_MAX / 2 || more > SIZE_MAX / bytes) return NULL;
    fresh = aimc_realloc(&b->allocator, array, *size * bytes, (size_t)more * bytes, 16);
    if (fresh == NULL) return NULL;
    *size = (uint32_t)more;
    return fresh;
}

/* An empty place, not linked anywhere; 0: no memory. */
AIMC_FN uint32_t aimi_pool_buffer_take(aimem_buffers *b) {
    uint32_t n = b->empty, gen;
    if (n == 0) {
        if (b->table_made >= b->table_size) {
            void *fresh = aimi_pool_buffers_more(b, b->table, &b->table_size, b->table_made + 1,
                                                 sizeof *b->table);
            if (fresh == NULL) return 0;
            b->table = (aimi_pool_buffer *)fresh;
        }
        n = b->table_made++;
        memset(&b->table[n], 0, sizeof b->table[n]);
        b->table[n].gen = b->gen_first;
        return n;
    }
    b->empty = b->table[n].older;
    gen = b->table[n].gen;
    memset(&b->table[n], 0, sizeof b->table[n]);
    b->table[n].gen = gen;
    return n;
}

/* The handle of place n, and every copy of it, is stale from now on. False: the place has no
   further generation. */
AIMC_FN bool aimi_pool_buffer_expire(aimem_buffers *b, uint32_t n) {
    return ++b->table[n].gen != 0;
}

/* Place n is empty; its generation has risen already. */
AIMC_FN void aimi_pool_buffer_drop(aimem_buffers *b, uint32_t n) {
    aimi_pool_buffer *s = &b->table[n];
    s->state = AIMI_POOL_BUFFER_EMPTY;
    s->packed = NULL;
    if (s->gen == 0) return; /* used up */
    s->older = b->empty;
    b->empty = n;
}

/* ---- counting ---- */

AIMC_FN uint32_t aimi_pool_buffers_class_of(const aimem_buffers *b, size_t size) {
    uint32_t k = 0;
    while (k < b->class_count && b->classes[k].info.size < size) k++;
    return k;
}

AIMC_FN void aimi_pool_buffers_hold(aimem_buffers *b, size_t bytes) {
    b->info.held_bytes += bytes;
    if (b->info.held_bytes > b->info.peak_held) b->info.peak_held = b->info.held_bytes;
}

AIMC_FN void aimi_pool_buffers_unhold(aimem_buffers *b, size_t bytes) {
    b->info.held_bytes -= bytes;
    b->info.returned_bytes += bytes;
}

/* Buffer s counts as in use, with capacity bytes of which size were asked for. */
AIMC_FN void aimi_pool_buffers_count(aimem_buffers *b, const aimi_pool_buffer *s) {
    aimem_buffers_class_info *k = &b->classes[s->klass].info;
    size_t waste = s->capacity > s->size ? s->capacity - s->size : 0;
    if (s->lender != NULL) return;
    b->info.bytes += s->capacity;
    b->info.waste += waste;
    if (b->info.bytes > b->info.peak_bytes) b->info.peak_bytes = b->info.bytes;
    k->in_use++;
    k->bytes += s->capacity;
    k->waste += waste;
    if (k->bytes > k->peak_bytes) k->peak_bytes = k->bytes;
}

AIMC_FN void aimi_pool_buffers_uncount(aimem_buffers *b, const aimi_pool_buffer *s) {
    aimem_buffers_class_info *k = &b->classes[s->klass].info;
    size_t waste = s->capacity > s->size ? s->capacity - s->size : 0;
    if (s->lender != NULL) return;
    b->info.bytes -= s->capacity;
    b->info.waste -= waste;
    k->in_use--;
    k->bytes -= s->capacity;
    k->waste -= waste;
}

/* The most memory to hold while nobody asks for more: 1.02 times the peak, and 1 MiB. */
AIMC_INLINE size_t aimi_pool_buffers_cap(const aimem_buffers *b) {
    size_t peak = b->info.peak_bytes, slack = peak / 50, cap;
    if (slack < 1048576) slack = 1048576;
    cap = peak > SIZE_MAX - slack ? SIZE_MAX : peak + slack;
    return b->max_bytes != 0 && b->max_bytes < cap ? b->max_bytes : cap;
}

AIMC_FN void aimi_pool_buffers_wipe(void *ptr, size_t size) {
    void *(*volatile set)(void *, int, size_t) = memset;
    (void)set(ptr, 0, size);
}

#endif
