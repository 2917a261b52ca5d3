/* pool/frame.h: two arenas that take turns, one for each other frame. */
#ifndef AIMI_POOL_FRAME_H
#define AIMI_POOL_FRAME_H

#include "pool/arena.h"

AIMEM_POOL_API aimem_result aimem_frame_init(aimem_frame *frame, const aimem_frame_desc *desc) {
    aimem_arena_desc d, second;
    aimem_result result;
    if (frame == NULL) return AIMEM_ERR_INVALID;
    memset(frame, 0, sizeof *frame);
    memset(&d, 0, sizeof d);
    if (desc != NULL) {
        if (desc->canary_zero != 0) return AIMEM_ERR_INVALID;
        d = desc->arena;
    }
    second = d;
    if (d.memory != NULL) {
        d.memory_size /= 2;
        second.memory = (unsigned char *)d.memory + d.memory_size;
        second.memory_size -= d.memory_size;
    }
    result = aimem_arena_init(&frame->arenas[0], &d);
    if (result == AIMEM_OK) {
        result = aimem_arena_init(&frame->arenas[1], &second);
        if (result != AIMEM_OK) aimem_arena_deinit(&frame->arenas[0]);
    }
    return result;
}

AIMEM_POOL_API void aimem_frame_deinit(aimem_frame *frame) {
    if (frame == NULL) return;
    aimem_arena_deinit(&frame->arenas[0]);
    aimem_arena_deinit(&frame->arenas[1]);
    memset(frame, 0, sizeof *frame);
}

AIMEM_POOL_API void aimem_frame_swap(aimem_frame *frame) {
    frame->current ^= 1;
    frame->number++;
    aimem_arena_reset(&frame->arenas[frame->current]);
}

/* In the last frame's arena nothing is resized in place: it is behind the reader's back. */
AIMC_FN void *aimi_pool_frame_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                      size_t align) {
    aimem_frame *f = (aimem_frame *)user_data;
    return aimi_pool_arena_realloc(&f->arenas[f->current], ptr, old_size, new_size, align);
}

AIMEM_POOL_API aimem_allocator aimem_frame_allocator(aimem_frame *frame) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_frame_realloc;
    hook.user_data = frame;
    return hook;
}

AIMEM_POOL_API void aimem_frame_stats(const aimem_frame *frame, aimem_frame_info *out) {
    aimem_arena_info now, last;
    memset(out, 0, sizeof *out);
    aimem_arena_stats(&frame->arenas[frame->current], &now);
    aimem_arena_stats(&frame->arenas[frame->current ^ 1], &last);
    out->number = frame->number;
    out->used = now.used;
    out->last_used = last.used;
    out->peak = aimc_max_size(now.peak, last.peak);
    out->reserved = now.reserved + last.reserved;
    out->limit = aimc_min_size(now.limit, last.limit);
}

#endif
