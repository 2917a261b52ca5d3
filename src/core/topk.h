/* core/topk.h: the k best of a stream of distances.
 *
 * A binary heap with the worst of the kept hits on top, in an array that the caller gives: a
 * candidate is compared with the top and mostly refused at once. The order is total: smaller
 * distance first, then smaller id, so the result does not depend on the order of arrival, and the
 * parts that threads have found merge into the same answer as one scan.
 *
 * The array is of any struct that begins as aimc_hit does; what comes behind is carried along. So
 * the heap lives in the array that takes the result, in the type that the user reads. Hits are
 * copied as bytes, since the functions do not know that type.
 */
#ifndef AIMC_TOPK_H
#define AIMC_TOPK_H

#include "core/platform.h"

#include <float.h>

/* How every hit begins. Distances are numbers: the callers let no NaN in, neither as data nor as a
   sum that overflowed. ids are unique within one selection. */
typedef struct aimc_hit {
    uint64_t id;
    float distance;
} aimc_hit;

enum { AIMC_HIT_MOST = 64 /* bytes of a hit, at most */ };

/* The first count hits are a heap until aimc_topk_finish: hit i is not worse than hit (i - 1) / 2.
   room = count: full, from then on every push replaces hit 0 or does nothing. */
typedef struct aimc_topk {
    unsigned char *hits; /* the caller's array of room hits */
    size_t size;         /* bytes of a hit, sizeof(aimc_hit) .. AIMC_HIT_MOST */
    size_t room;         /* k; 0 keeps nothing */
    size_t count;
} aimc_topk;

/* True when a comes after b in the order above. */
AIMC_INLINE bool aimc_hit_worse(const void *a, const void *b) {
    aimc_hit x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (x.distance > y.distance) return true;
    if (x.distance < y.distance) return false;
    return x.id > y.id;
}

/* An empty selection of the best room hits of size bytes; hits stays the caller's. */
AIMC_FN void aimc_topk_init(aimc_topk *t, void *hits, size_t size, size_t room) {
    AIMC_ASSERT(size >= sizeof(aimc_hit) && size <= AIMC_HIT_MOST);
    t->hits = (unsigned char *)hits;
    t->size = size;
    t->room = room;
    t->count = 0;
}

/* A candidate with a greater distance would be refused; an equal one may win by its id. FLT_MAX
   while there is room. Scans test against this before they call push. */
AIMC_INLINE float aimc_topk_limit(const aimc_topk *t) {
    aimc_hit top;
    if (t->count < t->room || t->room == 0) return FLT_MAX;
    memcpy(&top, t->hits, sizeof top);
    return top.distance;
}

/* Puts hit where the heap of count hits has a hole at its top, and the hole where it belongs. */
AIMC_FN void aimc_topk_sink(aimc_topk *t, size_t count, const void *hit) {
    size_t at = 0, child, size = t->size;
    while ((child = 2 * at + 1) < count) {
        unsigned char *lower = t->hits + child * size;
        if (child + 1 < count && aimc_hit_worse(lower + size, lower)) {
            lower += size;
            child++;
        }
        if (!aimc_hit_worse(lower, hit)) break;
        memcpy(t->hits + at * size, lower, size);
        at = child;
    }
    memcpy(t->hits + at * size, hit, size);
}

/* Offers a hit, which is copied; it lies outside the array. True when it is kept (for now).
   O(log k) when kept, O(1) when refused. */
AIMC_FN bool aimc_topk_push(aimc_topk *t, const void *hit) {
    size_t at, size = t->size;
    if (t->count == t->room) {
        if (t->room == 0 || !aimc_hit_worse(t->hits, hit)) return false;
        aimc_topk_sink(t, t->count, hit);
        return true;
    }
    at = t->count++;
    while (at > 0 && aimc_hit_worse(hit, t->hits + (at - 1) / 2 * size)) {
        memcpy(t->hits + at * size, t->hits + (at - 1) / 2 * size, size);
        at = (at - 1) / 2;
    }
    memcpy(t->hits + at * size, hit, size);
    return true;
}

/* Offers all of from's hits, of the same size; from may be finished or not, and is not changed. */
AIMC_FN void aimc_topk_merge(aimc_topk *into, const aimc_topk *from) {
    size_t i;
    for (i = 0; i < from->count; i++) (void)aimc_topk_push(into, from->hits + i * from->size);
}

/* Sorts the hits, best first, in place (heapsort, Williams 1964). After it the selection takes no
   more pushes until the next init. */
AIMC_FN void aimc_topk_finish(aimc_topk *t) {
    size_t left = t->count;
    unsigned char last[AIMC_HIT_MOST];
    while (left > 1) {
        left--;
        memcpy(last, t->hits + left * t->size, t->size);
        memcpy(t->hits + left * t->size, t->hits, t->size);
        aimc_topk_sink(t, left, last);
    }
}

#endif
