/* pool/arena.h: arenas over caller's memory, over reserved address space, or over chunks.
 *
 * The three modes differ only in where the current range ends and in how it grows:
 *
 *   MEMORY    [base ..... at ..... base + base_size)                 never grows
 *   RESERVE   [base ..... at ..... base + reserved) ... base_size    grows by committing pages
 *   CHUNKS    [link | ... at ..... link->limit)  ->  older  ->  ...  grows by a chunk in front
 *
 * Invariants, between any two calls:
 *   start <= at <= limit, where start and limit are those of the current range;
 *   end is limit, or at: then every push takes the slow path. So it is with AddressSanitizer, where
 *   just the pieces are kept accessible, so that a use after a rewind and an overrun are reported,
 *   and for a range in the last 4 KiB of the address space, where the short path could wrap round;
 *   older_used is the sum, over the chunks behind the current one, of the bytes in use when each
 *   was left; so bytes in use are older_used + (at - start);
 *   reserved is what the allocator gave for all chunks, spare ones too, or what is committed, or
 *   the size of the caller's memory; it is at most max_bytes, when that is not 0;
 *   CHUNKS with no chunk yet: at and end are the address of the arena itself, an empty range that
 *   is not NULL, so that a push of size 0 succeeds.
 * A failed growth changes nothing but the spare chunks. Regions: Hanson, "Fast allocation and
 * deallocation of memory based on object lifetimes", 1990.
 */
#ifndef AIMI_POOL_ARENA_H
#define AIMI_POOL_ARENA_H

#include "core/alloc.h"
#include "core/osmem.h"

enum {
    AIMI_POOL_ARENA_NONE = 0, /* zeroed or after deinit: every push answers NULL */
    AIMI_POOL_ARENA_MEMORY = 1,
    AIMI_POOL_ARENA_RESERVE = 2,
    AIMI_POOL_ARENA_CHUNKS = 3
};

#define AIMI_POOL_ARENA_FIRST ((size_t)64 << 10)
#define AIMI_POOL_ARENA_MOST ((size_t)4 << 20)
#define AIMI_POOL_ARENA_ALIGN (2 * sizeof(void *))
/* Payload begins at this offset, a multiple of 16. */
#define AIMI_POOL_LINK_SIZE ((sizeof(aimi_pool_link) + 15) & ~(size_t)15)

/* The head of a chunk, in its first bytes. */
typedef struct aimi_pool_link {
    struct aimi_pool_link *older; /* the chunk before this one, or the next spare one */
    unsigned char *limit;         /* one past the payload */
    size_t total;                 /* bytes from the allocator, head included */
} aimi_pool_link;

AIMC_INLINE unsigned char *aimi_pool_payload(void *link) {
    return (unsigned char *)link + AIMI_POOL_LINK_SIZE;
}

/* The first byte of the current range. */
AIMC_FN unsigned char *aimi_pool_arena_start(const aimem_arena *a) {
    if (a->mode != AIMI_POOL_ARENA_CHUNKS) return a->base;
    return a->chunk != NULL ? aimi_pool_payload(a->chunk) : a->at;
}

/* One past its last byte. */
AIMC_FN unsigned char *aimi_pool_arena_limit(const aimem_arena *a) {
    if (a->mode == AIMI_POOL_ARENA_NONE) return a->at;
    if (a->mode != AIMI_POOL_ARENA_CHUNKS) return a->base + a->reserved;
    return a->chunk != NULL ? ((aimi_pool_link *)a->chunk)->limit : a->at;
}

AIMC_FN size_t aimi_pool_arena_used(const aimem_arena *a) {
    return a->older_used + (size_t)(a->at - aimi_pool_arena_start(a));
}

AIMC_FN void aimi_pool_arena_note_peak(aimem_arena *a) {
    size_t used = aimi_pool_arena_used(a);
    if (used > a->peak) a->peak = used;
}

/* The next free byte is at; everything from it to the limit is out of bounds. */
AIMC_FN void aimi_pool_arena_move(aimem_arena *a, unsigned char *at) {
    unsigned char *limit = aimi_pool_arena_limit(a);
    a->at = at;
    a->end = (uintptr_t)limit <= UINTPTR_MAX - 4096 ? limit : at;
#if defined(AIMC_ASAN)
    a->end = at;
#endif
    AIMC_POISON(at, (size_t)(limit - at));
}

/* A piece in the current range as it is, or NULL. align is a power of two. */
AIMC_FN void *aimi_pool_arena_fit(aimem_arena *a, size_t size, size_t align) {
    size_t pad = (size_t)(0 - (uintptr_t)a->at) & (align - 1);
    size_t left = (size_t)(aimi_pool_arena_limit(a) - a->at);
    unsigned char *piece;
    if (pad > left || size > left - pad) return NULL;
    piece = a->at + pad;
    aimi_pool_arena_move(a, piece + size);
    AIMC_UNPOISON(piece, size);
    return piece;
}

/* ---- growth ---- */

/* Commits pages so that need more bytes fit behind at. Asks for as much again as there is, from
   chunk_size up to 4 MiB, and for no more than needed when that is refused. */
AIMC_FN bool aimi_pool_arena_commit(aimem_arena *a, size_t need) {
    size_t page = a->vm.page_size, used = (size_t)(a->at - a->base), most = a->base_size;
    size_t least, want, old = a->reserved;
    if (a->max_bytes != 0) most = aimc_min_size(most, a->max_bytes & ~(page - 1));
    if (need > most || used > most - need) return false;
    least = (used + need + page - 1) & ~(page - 1); /* most is whole pages: no overflow */
    want = aimc_max_size(a->chunk_size, aimc_min_size(old, AIMI_POOL_ARENA_MOST));
    want = want < most - old ? (old + want + page - 1) & ~(page - 1) : most;
    want = aimc_max_size(want, least);
    if (!a->vm.commit_fn(a->vm.user_data, a->base + old, want - old)) {
        want = least;
        if (!a->vm.commit_fn(a->vm.user_data, a->base + old, want - old)) return false;
    }
    a->reserved = want;
    a->growths++;
    aimi_pool_arena_move(a, a->at);
    return true;
}

AIMC_FN void aimi_pool_arena_free_link(aimem_arena *a, aimi_pool_link *link) {
    size_t total = link->total;
    AIMC_UNPOISON(link, total);
    aimc_free(&a->allocator, link, total, AIMI_POOL_ARENA_ALIGN);
    a->reserved -= total;
}

/* Gives the spare chunks back; returns their bytes. */
AIMC_FN size_t aimi_pool_arena_free_spare(aimem_arena *a) {
    size_t before = a->reserved;
    aimi_pool_link *link = (aimi_pool_link *)a->spare;
    while (link != NULL) {
        aimi_pool_link *next = link->older;
        aimi_pool_arena_free_link(a, link);
        link = next;
    }
    a->spare = NULL;
    return before - a->reserved;
}

/* Takes the first spare chunk with room for need bytes out of the list, or NULL. O(spare). */
AIMC_FN aimi_pool_link *aimi_pool_arena_take_spare(aimem_arena *a, size_t need) {
    aimi_pool_link *link = (aimi_pool_link *)a->spare, *before = NULL;
    while (link != NULL && (size_t)(link->limit - aimi_pool_payload(link)) < need) {
        before = link;
        link = link->older;
    }
    if (link == NULL) return NULL;
    if (before != NULL) {
        before->older = link->older;
    } else {
        a->spare = link->older;
    }
    return link;
}

/* A chunk with payload bytes from the allocator; NULL when the limit or memory is at its end. */
AIMC_FN aimi_pool_link *aimi_pool_arena_take_new(aimem_arena *a, size_t payload) {
    aimi_pool_link *link;
    size_t total;
    if (!aimc_add_size(payload, AIMI_POOL_LINK_SIZE, &total)) return NULL;
    if (a->max_bytes != 0 && (total > a->max_bytes || a->reserved > a->max_bytes - total)) {
        return NULL;
    }
    if (total > PTRDIFF_MAX) return NULL;
    link = (aimi_pool_link *)aimc_alloc(&a->allocator, total, AIMI_POOL_ARENA_ALIGN);
    if (link == NULL) return NULL;
    link->total = total;
    link->limit = (unsigned char *)link + total;
    a->reserved += total;
    a->growths++;
    if (a->chunk_size < AIMI_POOL_ARENA_MOST) {
        a->chunk_size = aimc_min_size(2 * a->chunk_size, AIMI_POOL_ARENA_MOST);
    }
    return link;
}

/* Puts a chunk with room for need bytes in front. Tries a spare one, one of the usual size, one
   that just suffices, and that again after the spare ones, all too small, were given back. */
AIMC_FN bool aimi_pool_arena_chain(aimem_arena *a, size_t need) {
    size_t used = aimi_pool_arena_used(a);
    aimi_pool_link *link = aimi_pool_arena_take_spare(a, need);
    if (link == NULL && need < a->chunk_size) link = aimi_pool_arena_take_new(a, a->chunk_size);
    if (link == NULL) link = aimi_pool_arena_take_new(a, need);
    if (link == NULL && aimi_pool_arena_free_spare(a) != 0) {
        link = aimi_pool_arena_take_new(a, need);
    }
    if (link == NULL) return false;
    link->older = (aimi_pool_link *)a->chunk;
    a->older_used = used;
    a->chunk = link;
    aimi_pool_arena_move(a, aimi_pool_payload(link));
    return true;
}

AIMC_FN bool aimi_pool_arena_grow(aimem_arena *a, size_t size, size_t align) {
    size_t need;
    if (!aimc_add_size(size, align - 1, &need)) return false;
    if (a->mode == AIMI_POOL_ARENA_RESERVE) {
        size_t pad = (size_t)(0 - (uintptr_t)a->at) & (align - 1);
        return aimc_add_size(size, pad, &need) && aimi_pool_arena_commit(a, need);
    }
    return a->mode == AIMI_POOL_ARENA_CHUNKS && aimi_pool_arena_chain(a, need);
}

/* ---- life ---- */

AIMC_FN aimem_result aimi_pool_arena_init_memory(aimem_arena *a, const aimem_arena_desc *d) {
    if (d->memory == NULL || d->memory_size == 0 || d->reserve != 0) return AIMEM_ERR_INVALID;
    if (d->memory_size > PTRDIFF_MAX || d->memory_size > UINTPTR_MAX - (uintptr_t)d->memory) {
        return AIMEM_ERR_INVALID;
    }
    a->mode = AIMI_POOL_ARENA_MEMORY;
    a->base = (unsigned char *)d->memory;
    a->base_size = a->reserved = d->memory_size;
    aimi_pool_arena_move(a, a->base);
    return AIMEM_OK;
}

AIMC_FN aimem_result aimi_pool_arena_init_reserve(aimem_arena *a, const aimem_arena_desc *d) {
    const aimem_vm *vm = &a->vm;
    if (!aimc_vm_or_default(&d->vm, &a->vm)) return AIMEM_ERR_UNSUPPORTED;
    if (vm->commit_fn == NULL || vm->decommit_fn == NULL || vm->release_fn == NULL ||
        !aimc_is_pow2(vm->page_size)) {
        return AIMEM_ERR_INVALID;
    }
    if (!aimc_align_size(d->reserve, vm->page_size, &a->base_size) || a->base_size > PTRDIFF_MAX) {
        return AIMEM_ERR_NOMEM;
    }
    a->base = (unsigned char *)vm->reserve_fn(vm->user_data, a->base_size);
    if (a->base == NULL) return AIMEM_ERR_NOMEM;
    a->mode = AIMI_POOL_ARENA_RESERVE;
    aimi_pool_arena_move(a, a->base);
    return AIMEM_OK;
}

AIMC_FN aimem_result aimi_pool_arena_init_any(aimem_arena *a, const aimem_arena_desc *d) {
    if (d->canary_zero != 0) return AIMEM_ERR_INVALID;
    a->chunk_size = d->chunk_size != 0 ? d->chunk_size : AIMI_POOL_ARENA_FIRST;
    a->max_bytes = d->max_bytes;
    if (d->memory != NULL || d->memory_size != 0) return aimi_pool_arena_init_memory(a, d);
    if (d->reserve != 0) return aimi_pool_arena_init_reserve(a, d);
    if (!aimc_allocator_or_default(&d->allocator, &a->allocator)) return AIMEM_ERR_INVALID;
    a->mode = AIMI_POOL_ARENA_CHUNKS;
    a->at = a->end = (unsigned char *)a;
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_arena_init(aimem_arena *arena, const aimem_arena_desc *desc) {
    aimem_arena_desc none;
    aimem_result result;
    if (arena == NULL) return AIMEM_ERR_INVALID;
    memset(arena, 0, sizeof *arena);
    memset(&none, 0, sizeof none);
    result = aimi_pool_arena_init_any(arena, desc != NULL ? desc : &none);
    if (result != AIMEM_OK) memset(arena, 0, sizeof *arena);
    return result;
}

AIMEM_POOL_API void aimem_arena_deinit(aimem_arena *arena) {
    if (arena == NULL) return;
    if (arena->mode == AIMI_POOL_ARENA_CHUNKS) {
        aimem_arena_reset(arena);
        (void)aimem_arena_trim(arena);
    } else if (arena->mode == AIMI_POOL_ARENA_RESERVE) {
        AIMC_UNPOISON(arena->base, arena->reserved);
        arena->vm.release_fn(arena->vm.user_data, arena->base, arena->base_size);
    } else if (arena->mode == AIMI_POOL_ARENA_MEMORY) {
        AIMC_UNPOISON(arena->base, arena->base_size);
    }
    memset(arena, 0, sizeof *arena);
}

/* ---- pieces ---- */

AIMEM_POOL_API void *aimem_arena_push_slow(aimem_arena *arena, size_t size, size_t align) {
    void *piece;
    if (align == 0) align = 16;
    if (!aimc_is_pow2(align) || arena->mode == AIMI_POOL_ARENA_NONE) return NULL;
    piece = aimi_pool_arena_fit(arena, size, align);
    if (piece == NULL && aimi_pool_arena_grow(arena, size, align)) {
        piece = aimi_pool_arena_fit(arena, size, align);
    }
    return piece;
}

AIMEM_POOL_API void *aimem_arena_push_zeroed(aimem_arena *arena, size_t size, size_t align) {
    void *piece = aimem_arena_push(arena, size, align);
    if (piece != NULL) memset(piece, 0, size);
    return piece;
}

AIMEM_POOL_API void *aimem_arena_push_array(aimem_arena *arena, size_t count, size_t size,
                                            size_t align) {
    size_t total;
    if (!aimc_mul_size(count, size, &total)) return NULL;
    return aimem_arena_push(arena, total, align);
}

/* The last piece, at ptr, becomes new_size bytes; false when there is no room behind it. */
AIMC_FN bool aimi_pool_arena_resize_last(aimem_arena *a, unsigned char *ptr, size_t new_size) {
    size_t old_size = (size_t)(a->at - ptr);
    if (new_size < old_size) {
        aimi_pool_arena_note_peak(a);
    } else if (new_size - old_size > (size_t)(aimi_pool_arena_limit(a) - a->at)) {
        if (a->mode != AIMI_POOL_ARENA_RESERVE) return false;
        if (!aimi_pool_arena_commit(a, new_size - old_size)) return false;
    }
    aimi_pool_arena_move(a, ptr + new_size);
    AIMC_UNPOISON(ptr, new_size);
    return true;
}

/* Whether the old_size bytes at ptr are the last piece of the current range. */
AIMC_FN bool aimi_pool_arena_is_last(const aimem_arena *a, const void *ptr, size_t old_size) {
    uintptr_t at = (uintptr_t)a->at, start = (uintptr_t)aimi_pool_arena_start(a);
    return (uintptr_t)ptr >= start && (uintptr_t)ptr <= at && at - (uintptr_t)ptr == old_size;
}

AIMEM_POOL_API void *aimem_arena_resize(aimem_arena *arena, void *ptr, size_t old_size,
                                        size_t new_size, size_t align) {
    void *fresh;
    if (ptr == NULL) return aimem_arena_push(arena, new_size, align);
    if (align == 0) align = 16;
    if (!aimc_is_pow2(align)) return NULL;
    if (((uintptr_t)ptr & (align - 1)) == 0) {
        if (aimi_pool_arena_is_last(arena, ptr, old_size)) {
            if (aimi_pool_arena_resize_last(arena, (unsigned char *)ptr, new_size)) return ptr;
        } else if (new_size <= old_size) {
            return ptr;
        }
    }
    fresh = aimem_arena_push(arena, new_size, align);
    if (fresh != NULL) memcpy(fresh, ptr, aimc_min_size(old_size, new_size));
    return fresh;
}

/* ---- strings ---- */

AIMEM_POOL_API char *aimem_arena_string(aimem_arena *arena, const char *text, size_t size) {
    char *copy;
    if ((text == NULL && size != 0) || size == SIZE_MAX) return NULL;
    copy = (char *)aimem_arena_push(arena, size + 1, 1);
    if (copy == NULL) return NULL;
    if (size != 0) memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

AIMEM_POOL_API char *aimem_arena_strdup(aimem_arena *arena, const char *text) {
    return text != NULL ? aimem_arena_string(arena, text, strlen(text)) : NULL;
}

AIMEM_POOL_API char *aimem_arena_concat(aimem_arena *arena, const char *first,
                                        const char *second) {
    size_t head = first != NULL ? strlen(first) : 0, tail = second != NULL ? strlen(second) : 0;
    char *joined;
    size_t total;
    if (!aimc_add_size(head, tail, &total) || total == SIZE_MAX) return NULL;
    if (first != NULL && aimi_pool_arena_is_last(arena, first, head + 1)) {
        /* It is ours, so writing to it is allowed, const or not. */
        joined = (char *)aimem_arena_resize(arena, (void *)(uintptr_t)first, head + 1, total + 1,
                                            1);
    } else {
        joined = (char *)aimem_arena_push(arena, total + 1, 1);
        if (joined != NULL && head != 0) memcpy(joined, first, head);
    }
    if (joined == NULL) return NULL;
    if (tail != 0) memcpy(joined + head, second, tail);
    joined[total] = '\0';
    return joined;
}

/* ---- marks ---- */

AIMEM_POOL_API aimem_arena_mark aimem_arena_save(const aimem_arena *arena) {
    aimem_arena_mark mark;
    mark.chunk = arena->chunk;
    mark.at = arena->at;
    mark.used = aimi_pool_arena_used(arena);
    return mark;
}

/* Moves every chunk in front of link to the spare ones. */
AIMC_FN void aimi_pool_arena_pop(aimem_arena *a, void *link) {
    while (a->chunk != link) {
        aimi_pool_link *top = (aimi_pool_link *)a->chunk;
        a->chunk = top->older;
        top->older = (aimi_pool_link *)a->spare;
        a->spare = top;
        AIMC_POISON(aimi_pool_payload(top), (size_t)(top->limit - aimi_pool_payload(top)));
    }
}

/* Whether the mark can be rewound to: its chunk is in the chain, its place inside and not ahead. */
AIMC_FN bool aimi_pool_arena_knows(const aimem_arena *a, const aimem_arena_mark *mark) {
    const aimi_pool_link *link = (const aimi_pool_link *)a->chunk;
    uintptr_t at = (uintptr_t)mark->at, start;
    if (mark->used > aimi_pool_arena_used(a)) return false;
    if (a->mode != AIMI_POOL_ARENA_CHUNKS) {
        return mark->chunk == NULL && at >= (uintptr_t)a->base && at <= (uintptr_t)a->at;
    }
    while (link != NULL && (const void *)link != mark->chunk) link = link->older;
    if (link == NULL) return false;
    start = (uintptr_t)link + AIMI_POOL_LINK_SIZE;
    return at >= start && at <= (uintptr_t)link->limit && at - start <= mark->used;
}

AIMEM_POOL_API void aimem_arena_rewind(aimem_arena *arena, aimem_arena_mark mark) {
    if (mark.used == 0) {
        aimem_arena_reset(arena);
        return;
    }
    if (!aimi_pool_arena_knows(arena, &mark)) return;
    aimi_pool_arena_note_peak(arena);
    aimi_pool_arena_pop(arena, mark.chunk);
    aimi_pool_arena_move(arena, mark.at);
    if (arena->mode == AIMI_POOL_ARENA_CHUNKS) {
        arena->older_used = mark.used - (size_t)(mark.at - aimi_pool_arena_start(arena));
    }
}

AIMEM_POOL_API void aimem_arena_reset(aimem_arena *arena) {
    aimi_pool_link *link = (aimi_pool_link *)arena->chunk;
    if (arena->mode == AIMI_POOL_ARENA_NONE) return;
    aimi_pool_arena_note_peak(arena);
    if (link != NULL) {
        while (link->older != NULL) link = link->older;
        aimi_pool_arena_pop(arena, link);
    }
    arena->older_used = 0;
    aimi_pool_arena_move(arena, aimi_pool_arena_start(arena));
}

AIMEM_POOL_API size_t aimem_arena_trim(aimem_arena *arena) {
    size_t before = arena->reserved;
    if (arena->mode == AIMI_POOL_ARENA_CHUNKS) {
        (void)aimi_pool_arena_free_spare(arena);
        if (arena->chunk != NULL && aimi_pool_arena_used(arena) == 0) {
            aimi_pool_arena_free_link(arena, (aimi_pool_link *)arena->chunk);
            arena->chunk = NULL;
            arena->at = arena->end = (unsigned char *)arena;
        }
    } else if (arena->mode == AIMI_POOL_ARENA_RESERVE) {
        size_t page = arena->vm.page_size;
        size_t keep = ((size_t)(arena->at - arena->base) + page - 1) & ~(page - 1);
        if (keep < before) {
            arena->vm.decommit_fn(arena->vm.user_data, arena->base + keep, before - keep);
            arena->reserved = keep;
            aimi_pool_arena_move(arena, arena->at);
        }
    }
    return before - arena->reserved;
}

/* ---- around it ---- */

AIMEM_POOL_API aimem_arena *aimem_arena_scratch(aimem_arena *arenas, size_t count,
                                                const aimem_arena *conflict) {
    size_t i;
    for (i = 0; i < count; i++) {
        if (&arenas[i] != conflict) return &arenas[i];
    }
    return NULL;
}

AIMC_FN void *aimi_pool_arena_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                      size_t align) {
    aimem_arena *a = (aimem_arena *)user_data;
    if (new_size != 0) return aimem_arena_resize(a, ptr, old_size, new_size, align);
    if (ptr != NULL && aimi_pool_arena_is_last(a, ptr, old_size)) {
        (void)aimi_pool_arena_resize_last(a, (unsigned char *)ptr, 0);
    }
    return NULL;
}

AIMEM_POOL_API aimem_allocator aimem_arena_allocator(aimem_arena *arena) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_arena_realloc;
    hook.user_data = arena;
    return hook;
}

AIMEM_POOL_API void aimem_arena_stats(const aimem_arena *arena, aimem_arena_info *out) {
    const aimi_pool_link *link;
    memset(out, 0, sizeof *out);
    out->used = aimi_pool_arena_used(arena);
    out->peak = aimc_max_size(arena->peak, out->used);
    out->reserved = arena->reserved;
    out->growths = arena->growths;
    out->limit = arena->max_bytes != 0 ? arena->max_bytes : SIZE_MAX;
    if (arena->mode != AIMI_POOL_ARENA_CHUNKS) {
        if (arena->mode == AIMI_POOL_ARENA_MEMORY) out->limit = arena->base_size;
        out->limit = aimc_min_size(out->limit, arena->base_size);
        out->chunks = arena->base != NULL;
        return;
    }
    for (link = (aimi_pool_link *)arena->chunk; link != NULL; link = link->older) out->chunks++;
    for (link = (aimi_pool_link *)arena->spare; link != NULL; link = link->older) out->chunks++;
}

#endif
