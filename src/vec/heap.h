/* vec/heap.h: the best hits so far, kept in the caller's own array of hits.
 *
 * A binary heap with the worst hit on top, as in core/topk.h, but of aimem_vec_hit: the array that
 * takes the result holds the heap, so a search needs no memory however large k is. While a search
 * runs a hit has id, distance and, in label_size, the slot.
 *
 * The order is total, distance first and id second, so the answer does not depend on the order in
 * which rows are met, and the hits of several threads merge into those of one.
 */
#ifndef AIMI_VEC_HEAP_H
#define AIMI_VEC_HEAP_H

#include "core/platform.h"

/* Whether a comes behind b in a result. */
AIMC_INLINE bool aimi_vec_hit_worse(const aimem_vec_hit *a, const aimem_vec_hit *b) {
    if (a->distance > b->distance) return true;
    if (a->distance < b->distance) return false;
    return a->id > b->id;
}

/* Puts hit into the heap of count hits whose top is free. */
AIMC_FN void aimi_vec_heap_sink(aimem_vec_hit *hits, size_t count, aimem_vec_hit hit) {
    size_t at = 0, child;
    while ((child = 2 * at + 1) < count) {
        if (child + 1 < count && aimi_vec_hit_worse(&hits[child + 1], &hits[child])) child++;
        if (!aimi_vec_hit_worse(&hits[child], &hit)) break;
        hits[at] = hits[child];
        at = child;
    }
    hits[at] = hit;
}

/* Offers a hit to the heap of *count hits, which has room for some. */
AIMC_FN void aimi_vec_heap_push(aimem_vec_hit *hits, size_t room, size_t *count,
                                aimem_vec_hit hit) {
    size_t at = *count;
    if (at == room) {
        if (room != 0 && aimi_vec_hit_worse(&hits[0], &hit)) aimi_vec_heap_sink(hits, room, hit);
        return;
    }
    while (at > 0 && aimi_vec_hit_worse(&hit, &hits[(at - 1) / 2])) {
        hits[at] = hits[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    hits[at] = hit;
    *count += 1;
}

/* The heap becomes a list, best first (heapsort, Williams 1964). */
AIMC_FN void aimi_vec_heap_sort(aimem_vec_hit *hits, size_t count) {
    while (count > 1) {
        aimem_vec_hit last = hits[--count];
        hits[count] = hits[0];
        aimi_vec_heap_sink(hits, count, last);
    }
}

#endif
