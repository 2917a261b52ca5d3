/* pool/plan_solve.h: offsets for pieces whose lifetimes are known.
 *
 * An attempt takes the pieces in some order. Each goes into a gap between those already placed that
 * live at some same time, or above them all. Those are found by a tree over the pieces in the order
 * of their first steps: a node holds, of the placed pieces below it, the greatest last step plus 1,
 * so whole subtrees that ended before are skipped.
 *
 *   tree [1 | 2 3 | 4 5 6 7 | ...leaves...]   leaf i: last + 1 of the i-th piece by first; 0: not
 *                                             placed yet. Children of node k: 2 k and 2 k + 1
 *
 * Invariant: pieces that live at the same time and are placed never overlap; what changes from
 * attempt to attempt is only how much room they take. Greedy by size and by breadth: Pisarchyk and
 * Lee, "Efficient memory management for deep neural net inference", 2020. Here the two are the ends
 * of one family, with the length of life as a third direction:
 *
 *   size * (busiest step of the life)^a * life^b * noise,  the greatest first
 *
 * On random lives no single order is good: from one order to the next the room above the bound
 * varies between 0 and 12 %, so many are tried. Logarithms are integers: the same plan everywhere.
 */
#ifndef AIMI_POOL_PLAN_SOLVE_H
#define AIMI_POOL_PLAN_SOLVE_H

#include "core/alloc.h"

/* Something to be sorted: by key, rising. */
typedef struct aimi_pool_key {
    uint64_t key;
    uint32_t piece;
    uint32_t spare;
} aimi_pool_key;

typedef struct aimi_pool_solve {
    const aimem_plan_piece *pieces;
    uint32_t count, leaves;  /* leaves: count or more, a power of two */
    uint32_t attempts;
    uint64_t end;            /* the last step that anything but the end of time names */
    uint64_t bound;          /* the most bytes alive at once */
    uint64_t most;           /* an attempt that needs this much or more is given up */
    uint64_t *tree;          /* 2 * leaves */
    uint64_t *breadth;       /* the busiest step of each piece's life, in bytes */
    uint64_t *offset, *best; /* of the attempt, and of the best one */
    uint32_t *by_first;      /* pieces by first step */
    uint32_t *rank;          /* where in by_first a piece is */
    aimi_pool_key *order;    /* of the attempt */
    aimi_pool_key *found, *scratch;
} aimi_pool_solve;

/* ---- sorting ---- */

AIMC_FN void aimi_pool_key_insert(aimi_pool_key *keys, size_t count) {
    size_t i, j;
    for (i = 1; i < count; i++) {
        aimi_pool_key k = keys[i];
        for (j = i; j > 0 && keys[j - 1].key > k.key; j--) keys[j] = keys[j - 1];
        keys[j] = k;
    }
}

/* A stable merge sort by key from runs of 16; scratch is as large as keys. */
AIMC_FN void aimi_pool_key_sort(aimi_pool_key *keys, size_t count, aimi_pool_key *scratch) {
    aimi_pool_key *from = keys, *to = scratch, *swap;
    size_t at, width;
    for (at = 0; at < count; at += 16) {
        aimi_pool_key_insert(keys + at, aimc_min_size(16, count - at));
    }
    for (width = 16; width < count; width *= 2) {
        for (at = 0; at < count; at += 2 * width) {
            size_t a = at, middle = aimc_min_size(at + width, count), b = middle, out = at;
            size_t end = aimc_min_size(at + 2 * width, count);
            while (a < middle && b < end) to[out++] = from[from[b].key < from[a].key ? b++ : a++];
            while (a < middle) to[out++] = from[a++];
            while (b < end) to[out++] = from[b++];
        }
        swap = from;
        from = to;
        to = swap;
    }
    if (from != keys && count != 0) memcpy(keys, from, count * sizeof *keys);
}

/* ---- the tree ---- */

AIMC_FN void aimi_pool_solve_set(aimi_pool_solve *s, uint32_t leaf, uint64_t value) {
    uint32_t node = leaf + s->leaves;
    while (node != 0 && s->tree[node] < value) {
        s->tree[node] = value;
        node /= 2;
    }
}

AIMC_INLINE uint64_t aimi_pool_solve_last(const aimem_plan_piece *p) {
    return p->last < AIMEM_PLAN_END ? p->last : AIMEM_PLAN_END - 1;
}

/* How many pieces begin at step or before. */
AIMC_FN uint32_t aimi_pool_solve_begun(const aimi_pool_solve *s, uint64_t step) {
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->pieces[s->by_first[middle]].first <= step) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Fills found with the placed pieces that live at some step of p's life; returns how many. */
AIMC_FN uint32_t aimi_pool_solve_near(aimi_pool_solve *s, const aimem_plan_piece *p) {
    uint32_t begun = aimi_pool_solve_begun(s, p->last), count = 0, top = 0;
    uint32_t depth = aimc_log2_u64(s->leaves);
    uint32_t stack[34]; /* at most one node waits on each level, and the last two */
    stack[top++] = 1;
    while (top != 0) {
        uint32_t node = stack[--top], left;
        if (s->tree[node] <= p->first) continue;
        left = (node << (depth - aimc_log2_u64(node))) - s->leaves;
        if (left >= begun) continue;
        if (node >= s->leaves) {
            uint32_t piece = s->by_first[left];
            s->found[count].key = s->offset[piece];
            s->found[count++].piece = piece;
        } else {
            stack[top++] = 2 * node + 1;
            stack[top++] = 2 * node;
        }
    }
    return count;
}

/* ---- one attempt ---- */

/* The lowest place for p between count pieces sorted by offset. */
AIMC_FN uint64_t aimi_pool_solve_gap(const aimi_pool_solve *s, const aimem_plan_piece *p,
                                     uint32_t count) {
    uint64_t mask = p->align - 1, at = 0;
    uint32_t i;
    for (i = 0; i < count; i++) {
        uint64_t begin = s->found[i].key, end = begin + s->pieces[s->found[i].piece].size;
        if (at < begin && begin - at >= p->size) break;
        if (end > at) at = (end + mask) & ~mask;
    }
    return at;
}

/* Places all pieces in the order given; if they need less than s->most, that is kept as the best.
   Otherwise stops at the piece that needs as much. */
AIMC_FN void aimi_pool_solve_try(aimi_pool_solve *s) {
    uint64_t size = 0;
    uint32_t i;
    s->attempts++;
    memset(s->tree, 0, 2 * (size_t)s->leaves * sizeof *s->tree);
    for (i = 0; i < s->count; i++) {
        uint32_t piece = s->order[i].piece;
        const aimem_plan_piece *p = &s->pieces[piece];
        uint32_t count = aimi_pool_solve_near(s, p);
        uint64_t at;
        aimi_pool_key_sort(s->found, count, s->scratch);
        at = aimi_pool_solve_gap(s, p, count);
        s->offset[piece] = at;
        if (at + p->size > size) size = at + p->size;
        if (size >= s->most) return;
        aimi_pool_solve_set(s, s->rank[piece], aimi_pool_solve_last(p) + 1);
    }
    memcpy(s->best, s->offset, s->count * sizeof *s->best);
    s->most = size;
}

/* ---- what is known beforehand ---- */

/* by_first, rank, end, bound and breadth. Bytes alive only rise where a piece begins, so it is
   enough to know them there. */
AIMC_FN void aimi_pool_solve_prepare(aimi_pool_solve *s) {
    uint32_t i, n = s->count, ended = 0;
    uint64_t alive = 0;
    for (i = 0; i < n; i++) {
        s->order[i].key = s->pieces[i].first;
        s->found[i].key = s->pieces[i].last;
        s->order[i].piece = s->found[i].piece = i;
        if (s->pieces[i].first > s->end) s->end = s->pieces[i].first;
        if (s->pieces[i].last > s->end && s->pieces[i].last != AIMEM_PLAN_END) {
            s->end = s->pieces[i].last;
        }
    }
    aimi_pool_key_sort(s->order, n, s->scratch);
    aimi_pool_key_sort(s->found, n, s->scratch);
    memset(s->tree, 0, 2 * (size_t)s->leaves * sizeof *s->tree);
    for (i = 0; i < n; i++) {
        uint32_t piece = s->order[i].piece;
        s->by_first[i] = piece;
        s->rank[piece] = i;
        while (s->found[ended].key < s->order[i].key) {
            alive -= s->pieces[s->found[ended++].piece].size;
        }
        alive += s->pieces[piece].size;
        aimi_pool_solve_set(s, i, alive);
        if (alive > s->bound) s->bound = alive;
    }
    for (i = 0; i < n; i++) {
        /* The greatest over leaves a to b, which are never none: the piece itself is one. */
        uint32_t a = s->rank[i] + s->leaves;
        uint32_t b = aimi_pool_solve_begun(s, s->pieces[i].last) - 1 + s->leaves;
        uint64_t most = 0;
        for (; a <= b; a /= 2, b /= 2) {
            if (a % 2 == 1 && s->tree[a] > most) most = s->tree[a];
            if (b % 2 == 0 && s->tree[b] > most) most = s->tree[b];
            a += a % 2;
            if (b % 2 == 0) b--;
        }
        s->breadth[i] = most;
    }
}

/* ---- all attempts ---- */

/* log2 with 16 bits behind the point, straight lines between powers of two. x is not 0. */
AIMC_FN uint64_t aimi_pool_solve_log(uint64_t x) {
    uint32_t whole = aimc_log2_u64(x);
    uint64_t rest = x << (63 - whole) << 1;
    return (uint64_t)whole << 16 | rest >> 48;
}

/* A number below n (splitmix64: Steele, Lea and Flood, 2014), n at most 2^32. */
AIMC_FN uint64_t aimi_pool_solve_random(uint64_t *state, uint64_t n) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return ((z ^ (z >> 31)) >> 32) * n >> 32;
}

/* One attempt with exponents in 64ths; random NULL: without noise, else up to a fifth of a power of
   two. */
AIMC_FN void aimi_pool_solve_with(aimi_pool_solve *s, uint64_t breadth, uint64_t life,
                                  uint64_t *random) {
    uint32_t i;
    for (i = 0; i < s->count; i++) {
        const aimem_plan_piece *p = &s->pieces[i];
        uint64_t last = p->last < s->end ? p->last : s->end;
        uint64_t key = 64 * aimi_pool_solve_log(p->size) +
                       breadth * aimi_pool_solve_log(s->breadth[i]) +
                       life * aimi_pool_solve_log(last - p->first + 1);
        if (random != NULL) key += aimi_pool_solve_random(random, (uint64_t)13 << 16);
        s->order[i].key = UINT64_MAX - key;
        s->order[i].piece = i;
    }
    aimi_pool_key_sort(s->order, s->count, s->scratch);
    aimi_pool_solve_try(s);
}

/* In the order of time: as an allocator would do it, and the best there is for equal sizes. */
AIMC_FN void aimi_pool_solve_in_time(aimi_pool_solve *s) {
    uint32_t i;
    for (i = 0; i < s->count; i++) s->order[i].piece = s->by_first[i];
    aimi_pool_solve_try(s);
}

/* Prepare, thirteen fixed attempts, and tries more. */
AIMC_FN void aimi_pool_solve_all(aimi_pool_solve *s, uint32_t tries) {
    static const uint16_t breadths[4] = {0, 128, 256, 512}, lives[3] = {0, 8, 16};
    uint64_t random = 1;
    uint32_t i;
    aimi_pool_solve_prepare(s);
    s->most = UINT64_MAX;
    for (i = 0; i < 12 && s->most > s->bound; i++) {
        aimi_pool_solve_with(s, breadths[i / 3], lives[i % 3], NULL);
    }
    if (s->most > s->bound) aimi_pool_solve_in_time(s);
    for (; tries != 0 && s->most > s->bound; tries--) {
        uint64_t breadth = aimi_pool_solve_random(&random, 768);
        uint64_t life = aimi_pool_solve_random(&random, 24);
        aimi_pool_solve_with(s, breadth, life, &random);
    }
}

#endif
