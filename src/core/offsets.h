/* core/offsets.h: ranges of offsets, handed out and taken back. Touches nothing that it manages.
 *
 * [0, size) is cut into ranges without gaps. Each range is a node in an array: memory, a file or a
 * device buffer behind the offsets is never read or written, and may not exist at all. There are no
 * clocks, limits or reference counts in here; the owner builds its policy on top.
 *
 *   address order   first <-> node <-> node <-> ... <-> last       (prev, next: every range)
 *   tree            the free ranges alone; each node knows the largest size below itself
 *
 * Invariants: neighbours touch; two free ranges are never neighbours; sizes and offsets are
 * multiples of the granule; no range is empty; node 0 is nobody, with size and max 0.
 *
 * The tree is a treap (Aragon and Seidel, 1989) whose priorities are a hash of the node's number,
 * so that a run repeats exactly. Its order is the policy: by offset, then the leftmost range that
 * is large enough is the lowest one, and the largest size below each node finds it (as in the
 * interval trees of Cormen et al.); or by size and offset, then it is the tightest one. In both
 * the same walk finds it.
 *
 * Cost: O(log n) expected for n free ranges, for alloc, free and resize; O(1) for statistics. An
 * alignment above the granule makes a range unfit although it is large enough: 64 such ranges are
 * looked at, then one with room for any padding is taken; only where there is none, all are tried.
 * A node is 56 bytes.
 */
#ifndef AIMC_OFFSETS_H
#define AIMC_OFFSETS_H

#include "core/alloc.h"

enum { AIMC_OFFSETS_LOWEST = 0, AIMC_OFFSETS_BEST = 1 };             /* policy */
enum { AIMC_RANGE_SPARE = 0, AIMC_RANGE_FREE = 1, AIMC_RANGE_USED = 2 }; /* state of a node */
enum { AIMC_OFFSETS_FRONT = 64, AIMC_OFFSETS_TRIES = 64 };

typedef struct aimc_range {
    uint64_t offset, size;
    uint64_t max;                 /* free: the largest size in the subtree */
    uint32_t prev, next;          /* neighbours by offset; spare: next is the list of spare nodes */
    uint32_t left, right, parent; /* free: the tree */
    uint32_t state;
    uint32_t user;                /* used: the owner's own number, 0 at first */
} aimc_range;

typedef struct aimc_offsets {
    aimem_allocator allocator;
    aimc_range *nodes;
    uint64_t size, granule, free_bytes;
    uint32_t capacity, made; /* nodes in the array; those below made were used at least once */
    uint32_t spare, spares;  /* list of nodes to use again, and its length */
    uint32_t root, first, last;
    uint32_t free_count, used_count;
    int policy;
    bool recent;                       /* the front is in use */
    uint32_t front[AIMC_OFFSETS_FRONT]; /* by hash of the size: the range of it freed last, if it
                                          is still free and still of that size */
} aimc_offsets;

/* ---- nodes ---- */

/* Room for count more nodes. NOMEM: nothing changed. */
AIMC_FN aimem_result aimc_offsets_reserve(aimc_offsets *o, uint32_t count) {
    uint64_t want = (uint64_t)o->made - o->spares + count, capacity = o->capacity;
    aimc_range *nodes;
    if (want <= capacity) return AIMEM_OK;
    while (capacity < want) capacity = capacity < 16 ? 16 : capacity * 2;
    if (capacity > UINT32_MAX || capacity > SIZE_MAX / sizeof *nodes) return AIMEM_ERR_NOMEM;
    nodes = (aimc_range *)aimc_realloc(&o->allocator, o->nodes, o->capacity * sizeof *nodes,
                                       (size_t)capacity * sizeof *nodes, sizeof(uint64_t));
    if (nodes == NULL) return AIMEM_ERR_NOMEM;
    o->nodes = nodes;
    o->capacity = (uint32_t)capacity;
    return AIMEM_OK;
}

/* A node for [offset, offset + size), not linked anywhere. There must be room for it. */
AIMC_FN uint32_t aimc_offsets_take(aimc_offsets *o, uint64_t offset, uint64_t size,
                                   uint32_t state) {
    uint32_t n = o->spare;
    aimc_range *r;
    if (n != 0) {
        o->spare = o->nodes[n].next;
        o->spares--;
    } else {
        n = o->made++;
    }
    r = &o->nodes[n];
    memset(r, 0, sizeof *r);
    r->offset = offset;
    r->size = size;
    r->state = state;
    return n;
}

/* Links node n between its neighbours, behind node prev (0: as the first). */
AIMC_FN void aimc_offsets_link(aimc_offsets *o, uint32_t n, uint32_t prev) {
    uint32_t next = prev != 0 ? o->nodes[prev].next : o->first;
    o->nodes[n].prev = prev;
    o->nodes[n].next = next;
    if (prev != 0) o->nodes[prev].next = n;
    else o->first = n;
    if (next != 0) o->nodes[next].prev = n;
    else o->last = n;
}

/* Unlinks node n from its neighbours and makes it spare. */
AIMC_FN void aimc_offsets_drop(aimc_offsets *o, uint32_t n) {
    aimc_range *r = &o->nodes[n];
    if (r->prev != 0) o->nodes[r->prev].next = r->next;
    else o->first = r->next;
    if (r->next != 0) o->nodes[r->next].prev = r->prev;
    else o->last = r->prev;
    r->state = AIMC_RANGE_SPARE;
    r->next = o->spare;
    o->spare = n;
    o->spares++;
}

/* ---- the tree of free ranges ---- */

/* A hash of the node's number (the finalizer of MurmurHash3, Appleby 2011): no two are equal. */
AIMC_INLINE uint32_t aimc_offsets_priority(uint32_t n) {
    n ^= n >> 16;
    n *= 0x85EBCA6Bu;
    n ^= n >> 13;
    n *= 0xC2B2AE35u;
    return n ^ (n >> 16);
}

AIMC_INLINE bool aimc_offsets_before(const aimc_offsets *o, const aimc_range *a,
                                     const aimc_range *b) {
    if (o->policy == AIMC_OFFSETS_BEST && a->size != b->size) return a->size < b->size;
    return a->offset < b->offset;
}

/* Sets max of node n from its children; true when it changed. */
AIMC_INLINE bool aimc_offsets_measure(aimc_offsets *o, uint32_t n) {
    aimc_range *r = &o->nodes[n];
    uint64_t max = r->size, left = o->nodes[r->left].max, right = o->nodes[r->right].max;
    if (left > max) max = left;
    if (right > max) max = right;
    if (max == r->max) return false;
    r->max = max;
    return true;
}

/* Sets max from node n upwards, as far as it changes. */
AIMC_FN void aimc_offsets_measure_up(aimc_offsets *o, uint32_t n) {
    while (n != 0 && aimc_offsets_measure(o, n)) n = o->nodes[n].parent;
}

/* Hangs node n where child hung below parent; n may be 0. */
AIMC_INLINE void aimc_offsets_hang(aimc_offsets *o, uint32_t parent, uint32_t child, uint32_t n) {
    if (parent == 0) o->root = n;
    else if (o->nodes[parent].left == child) o->nodes[parent].left = n;
    else o->nodes[parent].right = n;
    if (n != 0) o->nodes[n].parent = parent;
}

/* Turns node n above its parent; the order stays. max is right for the parent, not yet for n. */
AIMC_FN void aimc_offsets_rotate(aimc_offsets *o, uint32_t n) {
    aimc_range *r = &o->nodes[n];
    uint32_t p = r->parent, inner;
    aimc_range *up = &o->nodes[p];
    aimc_offsets_hang(o, up->parent, p, n);
    if (up->left == n) {
        inner = r->right;
        up->left = inner;
        r->right = p;
    } else {
        inner = r->left;
        up->right = inner;
        r->left = p;
    }
    if (inner != 0) o->nodes[inner].parent = p;
    up->parent = n;
    (void)aimc_offsets_measure(o, p);
}

AIMC_FN void aimc_offsets_insert(aimc_offsets *o, uint32_t n) {
    aimc_range *r = &o->nodes[n];
    uint32_t at = o->root, parent = 0, priority = aimc_offsets_priority(n);
    bool left = false;
    while (at != 0) {
        parent = at;
        left = aimc_offsets_before(o, r, &o->nodes[at]);
        at = left ? o->nodes[at].left : o->nodes[at].right;
    }
    r->left = r->right = 0;
    r->parent = parent;
    r->max = r->size;
    if (parent == 0) o->root = n;
    else if (left) o->nodes[parent].left = n;
    else o->nodes[parent].right = n;
    while (r->parent != 0 && aimc_offsets_priority(r->parent) < priority) {
        aimc_offsets_rotate(o, n);
    }
    (void)aimc_offsets_measure(o, n);
    aimc_offsets_measure_up(o, r->parent);
}

AIMC_FN void aimc_offsets_remove(aimc_offsets *o, uint32_t n) {
    aimc_range *r = &o->nodes[n];
    while (r->left != 0 && r->right != 0) {
        bool left = aimc_offsets_priority(r->left) > aimc_offsets_priority(r->right);
        aimc_offsets_rotate(o, left ? r->left : r->right);
    }
    aimc_offsets_hang(o, r->parent, n, r->left != 0 ? r->left : r->right);
    /* The turns above left max of the ancestors to this walk: it may not stop early below them. */
    for (n = r->parent; n != 0; n = o->nodes[n].parent) (void)aimc_offsets_measure(o, n);
}

/* A free range gets another offset and size, between the same neighbours: its place by offset
   stays, its place by size does not. */
AIMC_FN void aimc_offsets_change(aimc_offsets *o, uint32_t n, uint64_t offset, uint64_t size) {
    aimc_range *r = &o->nodes[n];
    if (o->policy == AIMC_OFFSETS_BEST) aimc_offsets_remove(o, n);
    o->free_bytes += size - r->size;
    r->offset = offset;
    r->size = size;
    if (o->policy == AIMC_OFFSETS_BEST) aimc_offsets_insert(o, n);
    else aimc_offsets_measure_up(o, n);
}

/* Node n, linked and not in the tree, becomes a free range. */
AIMC_FN void aimc_offsets_set_free(aimc_offsets *o, uint32_t n) {
    o->nodes[n].state = AIMC_RANGE_FREE;
    o->free_bytes += o->nodes[n].size;
    o->free_count++;
    aimc_offsets_insert(o, n);
}

/* Free range n leaves the tree; the caller gives it a new state. */
AIMC_FN void aimc_offsets_unset_free(aimc_offsets *o, uint32_t n) {
    aimc_offsets_remove(o, n);
    o->free_bytes -= o->nodes[n].size;
    o->free_count--;
}

/* The first range in tree order below n with at least size; 0: none. */
AIMC_FN uint32_t aimc_offsets_find_below(const aimc_offsets *o, uint32_t n, uint64_t size) {
    if (o->nodes[n].max < size) return 0;
    for (;;) {
        const aimc_range *r = &o->nodes[n];
        if (o->nodes[r->left].max >= size) n = r->left;
        else if (r->size >= size) return n;
        else n = r->right;
    }
}

/* The first range in tree order behind n with at least size; 0: none. */
AIMC_FN uint32_t aimc_offsets_find_next(const aimc_offsets *o, uint32_t n, uint64_t size) {
    uint32_t found = aimc_offsets_find_below(o, o->nodes[n].right, size), child;
    while (found == 0 && o->nodes[n].parent != 0) {
        child = n;
        n = o->nodes[n].parent;
        if (o->nodes[n].left != child) continue;
        if (o->nodes[n].size >= size) return n;
        found = aimc_offsets_find_below(o, o->nodes[n].right, size);
    }
    return found;
}

/* ---- finding room ---- */

AIMC_INLINE uint32_t aimc_offsets_front_of(const aimc_offsets *o, uint64_t size) {
    uint64_t hash = (size / o->granule) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(hash >> 58); /* AIMC_OFFSETS_FRONT is 2 to the 6 */
}

/* True when free range n holds size at align. */
AIMC_INLINE bool aimc_offsets_fits(const aimc_offsets *o, uint32_t n, uint64_t size,
                                   uint64_t align) {
    const aimc_range *r = &o->nodes[n];
    uint64_t pad = (0 - r->offset) & (align - 1);
    return pad <= r->size && r->size - pad >= size;
}

/* The free range to cut size at align from, by policy; 0: none. */
AIMC_FN uint32_t aimc_offsets_find(const aimc_offsets *o, uint64_t size, uint64_t align) {
    uint32_t n, tries = 0, roomy;
    if (o->recent) {
        n = o->front[aimc_offsets_front_of(o, size)];
        if (n != 0 && o->nodes[n].state == AIMC_RANGE_FREE && o->nodes[n].size == size &&
            aimc_offsets_fits(o, n, size, align)) {
            return n;
        }
    }
    n = aimc_offsets_find_below(o, o->root, size);
    while (n != 0 && !aimc_offsets_fits(o, n, size, align)) {
        if (++tries == AIMC_OFFSETS_TRIES && size <= UINT64_MAX - align) {
            roomy = aimc_offsets_find_below(o, o->root, size + align - o->granule);
            if (roomy != 0) return roomy;
        }
        n = aimc_offsets_find_next(o, n, size);
    }
    return n;
}

/* *size rounded up to the granule; false for 0 and what does not fit. */
AIMC_FN bool aimc_offsets_round(const aimc_offsets *o, uint64_t *size) {
    if (*size == 0 || *size > UINT64_MAX - (o->granule - 1)) return false;
    *size = (*size + o->granule - 1) & ~(o->granule - 1);
    return true;
}

/* ---- what the owner calls ---- */

/* One free range [0, size rounded down to the granule); granule: a power of two, of which all
   offsets and sizes are multiples. recent: a range of exactly the wanted size that was freed a
   short time ago is preferred to the one that the policy finds. INVALID, NOMEM: nothing is held. */
AIMC_FN aimem_result aimc_offsets_init(aimc_offsets *o, const aimem_allocator *allocator,
                                       uint64_t size, uint64_t granule, int policy, bool recent) {
    aimem_result r;
    memset(o, 0, sizeof *o);
    if (granule == 0 || (granule & (granule - 1)) != 0) return AIMEM_ERR_INVALID;
    o->allocator = *allocator;
    o->granule = granule;
    o->policy = policy;
    o->recent = recent;
    r = aimc_offsets_reserve(o, 4);
    if (r != AIMEM_OK) return r;
    (void)aimc_offsets_take(o, 0, 0, AIMC_RANGE_SPARE); /* node 0: nobody */
    size &= ~(granule - 1);
    o->size = size;
    if (size != 0) {
        uint32_t n = aimc_offsets_take(o, 0, size, AIMC_RANGE_FREE);
        aimc_offsets_link(o, n, 0);
        aimc_offsets_set_free(o, n);
    }
    return AIMEM_OK;
}

AIMC_FN void aimc_offsets_deinit(aimc_offsets *o) {
    aimc_free(&o->allocator, o->nodes, o->capacity * sizeof *o->nodes, sizeof(uint64_t));
    memset(o, 0, sizeof *o);
}

/* Cuts size at align (both multiples of the granule) out of free range n, which aimc_offsets_fits.
   *out is the node of the new range, 0 on failure: NOMEM. */
AIMC_FN aimem_result aimc_offsets_cut(aimc_offsets *o, uint32_t n, uint64_t size, uint64_t align,
                                      uint32_t *out) {
    uint64_t offset = o->nodes[n].offset, pad = (0 - offset) & (align - 1);
    uint64_t rest = o->nodes[n].size - pad - size;
    uint32_t used;
    *out = 0;
    if (aimc_offsets_reserve(o, 2) != AIMEM_OK) return AIMEM_ERR_NOMEM;
    o->used_count++;
    if (pad == 0 && rest == 0) {
        aimc_offsets_unset_free(o, n);
        o->nodes[n].state = AIMC_RANGE_USED;
        o->nodes[n].user = 0;
        *out = n;
        return AIMEM_OK;
    }
    used = aimc_offsets_take(o, offset + pad, size, AIMC_RANGE_USED);
    if (pad == 0) { /* n keeps what is behind */
        aimc_offsets_link(o, used, o->nodes[n].prev);
        aimc_offsets_change(o, n, offset + size, rest);
    } else { /* n keeps what is in front */
        aimc_offsets_link(o, used, n);
        aimc_offsets_change(o, n, offset, pad);
        if (rest != 0) {
            uint32_t behind = aimc_offsets_take(o, offset + pad + size, rest, AIMC_RANGE_FREE);
            aimc_offsets_link(o, behind, used);
            aimc_offsets_set_free(o, behind);
        }
    }
    *out = used;
    return AIMEM_OK;
}

/* Cuts size at a multiple of align (a power of two; 0: the granule) out of a free range; *out is
   the node of it, 0 on failure. Its number and offset stay until it is freed. INVALID: size 0,
   align. LIMIT: no free range holds it. NOMEM: no room for nodes. */
AIMC_FN aimem_result aimc_offsets_alloc(aimc_offsets *o, uint64_t size, uint64_t align,
                                        uint32_t *out) {
    uint32_t n;
    *out = 0;
    if ((align & (align - 1)) != 0 || size == 0) return AIMEM_ERR_INVALID;
    if (align < o->granule) align = o->granule;
    if (!aimc_offsets_round(o, &size)) return AIMEM_ERR_LIMIT;
    n = aimc_offsets_find(o, size, align);
    return n == 0 ? AIMEM_ERR_LIMIT : aimc_offsets_cut(o, n, size, align, out);
}

/* True when n is the node of a range in use. */
AIMC_INLINE bool aimc_offsets_in_use(const aimc_offsets *o, uint32_t n) {
    return n != 0 && n < o->made && o->nodes[n].state == AIMC_RANGE_USED;
}

/* Gives a range back and joins it with free neighbours; never takes memory. *out (may be NULL): the
   free range that it is part of now. INVALID: n is no range in use. */
AIMC_FN aimem_result aimc_offsets_free(aimc_offsets *o, uint32_t n, uint32_t *out) {
    const aimc_range *r;
    uint32_t prev, next;
    uint64_t offset, size;
    if (out != NULL) *out = 0;
    if (!aimc_offsets_in_use(o, n)) return AIMEM_ERR_INVALID;
    r = &o->nodes[n];
    prev = r->prev;
    next = r->next;
    offset = r->offset;
    size = r->size;
    o->used_count--;
    if (o->nodes[prev].state == AIMC_RANGE_FREE) {
        aimc_offsets_drop(o, n);
        if (o->nodes[next].state == AIMC_RANGE_FREE) {
            size += o->nodes[next].size;
            aimc_offsets_unset_free(o, next);
            aimc_offsets_drop(o, next);
        }
        n = prev;
        aimc_offsets_change(o, n, o->nodes[n].offset, o->nodes[n].size + size);
    } else if (o->nodes[next].state == AIMC_RANGE_FREE) {
        aimc_offsets_drop(o, n);
        n = next;
        aimc_offsets_change(o, n, offset, o->nodes[n].size + size);
    } else {
        aimc_offsets_set_free(o, n);
    }
    if (o->recent) o->front[aimc_offsets_front_of(o, o->nodes[n].size)] = n;
    if (out != NULL) *out = n;
    return AIMEM_OK;
}

/* Makes a range in use smaller, or larger into the free range behind it; its offset stays.
   INVALID: no range in use, size 0. LIMIT: not enough room behind it. NOMEM. */
AIMC_FN aimem_result aimc_offsets_resize(aimc_offsets *o, uint32_t n, uint64_t size) {
    uint32_t next;
    uint64_t old, end, room;
    bool joins;
    if (!aimc_offsets_in_use(o, n) || size == 0) return AIMEM_ERR_INVALID;
    if (!aimc_offsets_round(o, &size)) return AIMEM_ERR_LIMIT;
    old = o->nodes[n].size;
    next = o->nodes[n].next;
    end = o->nodes[n].offset + size; /* may wrap round only where LIMIT follows */
    joins = o->nodes[next].state == AIMC_RANGE_FREE;
    room = joins ? o->nodes[next].size : 0;
    if (size == old) return AIMEM_OK;
    if (size > old && size - old > room) return AIMEM_ERR_LIMIT;
    if (size < old && !joins && aimc_offsets_reserve(o, 1) != AIMEM_OK) return AIMEM_ERR_NOMEM;
    o->nodes[n].size = size;
    if (!joins) {
        next = aimc_offsets_take(o, end, old - size, AIMC_RANGE_FREE);
        aimc_offsets_link(o, next, n);
        aimc_offsets_set_free(o, next);
    } else if (size - old == room) {
        aimc_offsets_unset_free(o, next);
        aimc_offsets_drop(o, next);
    } else {
        aimc_offsets_change(o, next, end, room + old - size);
    }
    return AIMEM_OK;
}

/* Adds extra (rounded down to the granule) free offsets at the end. RANGE: past 2^64. NOMEM. */
AIMC_FN aimem_result aimc_offsets_grow(aimc_offsets *o, uint64_t extra) {
    uint32_t n = o->last;
    extra &= ~(o->granule - 1);
    if (extra > UINT64_MAX - (o->granule - 1) - o->size) return AIMEM_ERR_RANGE;
    if (extra == 0) return AIMEM_OK;
    if (o->nodes[n].state == AIMC_RANGE_FREE) {
        aimc_offsets_change(o, n, o->nodes[n].offset, o->nodes[n].size + extra);
    } else {
        if (aimc_offsets_reserve(o, 1) != AIMEM_OK) return AIMEM_ERR_NOMEM;
        n = aimc_offsets_take(o, o->size, extra, AIMC_RANGE_FREE);
        aimc_offsets_link(o, n, o->last);
        aimc_offsets_set_free(o, n);
    }
    o->size += extra;
    return AIMEM_OK;
}

/* Where the last range in use ends: shrink can cut off what is behind. */
AIMC_INLINE uint64_t aimc_offsets_end(const aimc_offsets *o) {
    const aimc_range *r = &o->nodes[o->last];
    return r->state == AIMC_RANGE_FREE ? r->offset : o->size;
}

/* Cuts the end off: [0, size rounded up to the granule) remains. BUSY: in use behind that; RANGE:
   larger than it is. Never takes memory. */
AIMC_FN aimem_result aimc_offsets_shrink(aimc_offsets *o, uint64_t size) {
    uint32_t n = o->last;
    if (size > o->size) return AIMEM_ERR_RANGE;
    size = (size + o->granule - 1) & ~(o->granule - 1);
    if (size < aimc_offsets_end(o)) return AIMEM_ERR_BUSY;
    if (size == o->size) return AIMEM_OK;
    if (size == o->nodes[n].offset) {
        aimc_offsets_unset_free(o, n);
        aimc_offsets_drop(o, n);
    } else {
        aimc_offsets_change(o, n, o->nodes[n].offset, size - o->nodes[n].offset);
    }
    o->size = size;
    return AIMEM_OK;
}

/* The size of the largest free range; 0: none. O(1). */
AIMC_INLINE uint64_t aimc_offsets_largest(const aimc_offsets *o) {
    return o->nodes[o->root].max;
}

/* The range that contains offset; 0: none. O(ranges): for checks, not for hot paths. */
AIMC_FN uint32_t aimc_offsets_at(const aimc_offsets *o, uint64_t offset) {
    uint32_t n = o->first;
    while (n != 0 && offset - o->nodes[n].offset >= o->nodes[n].size) n = o->nodes[n].next;
    return n;
}

#endif
