/* core/alloc.h: the allocator hook as the parts call it, and the C library behind the zero hook. */
#ifndef AIMC_ALLOC_H
#define AIMC_ALLOC_H

#include "core/checked.h"
#include "core/types.h"

#if !defined(AIMEM_NO_STDLIB)
#include <stdlib.h>

/* The C library as an aimem_allocator. Up to the alignment of malloc: realloc itself. Above: room
   for the alignment and for the address that malloc gave, which lies just below the block. */
#define AIMC_LIBC_ALIGN (2 * sizeof(void *))

AIMC_FN void *aimc_libc_aligned(size_t size, size_t align) {
    size_t total;
    uintptr_t at;
    void *raw;
    if (!aimc_add_size(size, align + sizeof(void *), &total)) return NULL;
    raw = malloc(total);
    if (raw == NULL) return NULL;
    at = ((uintptr_t)raw + sizeof(void *) + align - 1) & ~(uintptr_t)(align - 1);
    memcpy((void *)(at - sizeof(void *)), &raw, sizeof raw);
    return (void *)at;
}

AIMC_FN void aimc_libc_aligned_free(void *ptr) {
    void *raw;
    if (ptr == NULL) return;
    memcpy(&raw, (unsigned char *)ptr - sizeof raw, sizeof raw);
    free(raw);
}

AIMC_FN void *aimc_libc_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                size_t align) {
    void *fresh;
    (void)user_data;
    if (align <= AIMC_LIBC_ALIGN) {
        if (new_size == 0) {
            free(ptr);
            return NULL;
        }
        return realloc(ptr, new_size);
    }
    if (new_size == 0) {
        aimc_libc_aligned_free(ptr);
        return NULL;
    }
    fresh = aimc_libc_aligned(new_size, align);
    if (fresh != NULL && ptr != NULL) {
        memcpy(fresh, ptr, aimc_min_size(old_size, new_size));
        aimc_libc_aligned_free(ptr);
    }
    return fresh;
}
#endif

/* *out = hook, or the C library for the zero hook; false when there is neither. */
AIMC_FN bool aimc_allocator_or_default(const aimem_allocator *hook, aimem_allocator *out) {
    *out = *hook;
    if (hook->realloc_fn != NULL) return true;
#if !defined(AIMEM_NO_STDLIB)
    out->realloc_fn = aimc_libc_realloc;
    out->user_data = NULL;
    return true;
#else
    return false;
#endif
}

/* size > 0 bytes at align, or NULL. A hook that answers with a wrong alignment gave nothing. */
AIMC_FN void *aimc_alloc(const aimem_allocator *a, size_t size, size_t align) {
    void *ptr = a->realloc_fn(a->user_data, NULL, 0, size, align);
    if (ptr != NULL && ((uintptr_t)ptr & (align - 1)) != 0) {
        (void)a->realloc_fn(a->user_data, ptr, size, 0, align);
        return NULL;
    }
    return ptr;
}

/* As aimc_alloc, every byte 0. */
AIMC_FN void *aimc_alloc_zeroed(const aimem_allocator *a, size_t size, size_t align) {
    void *ptr = aimc_alloc(a, size, align);
    if (ptr != NULL) memset(ptr, 0, size);
    return ptr;
}

AIMC_FN void aimc_free(const aimem_allocator *a, void *ptr, size_t size, size_t align) {
    if (ptr != NULL) (void)a->realloc_fn(a->user_data, ptr, size, 0, align);
}

/* From old_size to new_size > 0 bytes with the contents kept; NULL, and the old block as it was,
   when it fails. Always through a second block: were the hook to answer a resize with a wrong
   alignment, the old block would be gone already. */
AIMC_FN void *aimc_realloc(const aimem_allocator *a, void *ptr, size_t old_size, size_t new_size,
                           size_t align) {
    void *fresh = aimc_alloc(a, new_size, align);
    if (fresh == NULL) return NULL;
    if (ptr != NULL) {
        memcpy(fresh, ptr, aimc_min_size(old_size, new_size));
        aimc_free(a, ptr, old_size, align);
    }
    return fresh;
}

#endif
