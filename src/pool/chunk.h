/* pool/chunk.h: where the blocks of a pool lie, what is known of each, and how one is found.
 *
 *   chunk memory   [ block 0 | block 1 | ... | block count-1 ]          nothing of ours in it
 *   chunk meta     [ aimi_pool_chunk | hint[groups] | gen[count] | state[groups * 64] ]
 *   directory      [ maybe[...] | sorted[cap] | by_id[cap] | gen_base[cap] ]
 *
 * state is a byte per block: free, live, or closed (a block whose generations are used up, and the
 * bytes behind the last block). A byte is stored, never read, changed and written back, so frees in
 * a row do not wait for one another as they would on the bits of one word.
 * hint is a byte per group of 64 blocks, maybe a bit per chunk. Two arrays of the pool are guesses
 * that save work: recent (which chunk does this address belong to) and ring (which block is free).
 *
 * Invariants, between any two calls:
 *   state is live exactly for the blocks that are handed out; place tells their number;
 *   hint[g] == 0 means that no block of group g is free; 1 says nothing;
 *   sorted holds every chunk by rising address, by_id[i] the chunk with id i or NULL;
 *   maybe has bits of chunks that are in by_id; where to search first, nothing more;
 *   recent[...] are chunks of this pool, or the empty chunk none; ring[...] are blocks of chunks of
 *   this pool with their state bytes, or a closed one. Any of them may stand anywhere: who takes
 *   one checks it, so a wrong guess costs time and nothing else;
 *   a generation never falls, also when the memory of its chunk comes and goes (gen_base).
 */
#ifndef AIMI_POOL_CHUNK_H
#define AIMI_POOL_CHUNK_H

#include "core/alloc.h"
#include "core/bytes.h"
#include "pool/text.h"

enum {
    AIMI_POOL_FREE = 0, /* bit 0 says "not to be had": the search looks at nothing else */
    AIMI_POOL_LIVE = 1,
    AIMI_POOL_CLOSED = 3,

    AIMI_POOL_GROUP = 64,         /* blocks per hint */
    AIMI_POOL_INDEX_BITS = 14,    /* of a handle: block in its chunk */
    AIMI_POOL_CHUNK_MOST = 16384, /* blocks in a chunk, 1 << AIMI_POOL_INDEX_BITS */
    AIMI_POOL_IDS_MOST = 262144,  /* chunks of a pool with handles: 18 bits */
    AIMI_POOL_RING = 64,
    AIMI_POOL_ENOUGH = 16, /* free blocks with which a search is content */
    AIMI_POOL_RECENT = 128,
    AIMI_POOL_NAME = 32
};

#define AIMI_POOL_CHUNK_BYTES ((size_t)4 << 20)    /* a chunk grows up to this */
#define AIMI_POOL_RECLAIM_BYTES ((size_t)64 << 10) /* the same for reclaim_on_free */
#define AIMI_POOL_FIRST_BYTES ((size_t)64 << 10)   /* the first growth is at least this */
#define AIMI_POOL_ALIGN_MOST ((size_t)2 << 20)
#define AIMI_POOL_META_ALIGN (2 * sizeof(void *))
#define AIMI_POOL_SIZE_BITS (8 * sizeof(size_t))
/* So that aimem_pool.place does not overflow; memory ends before on all but 32-bit machines. */
#define AIMI_POOL_BLOCKS_MOST (SIZE_MAX / sizeof(aimi_pool_entry))
#define AIMI_POOL_EACH_BYTE 0x0101010101010101u

typedef struct aimi_pool_chunk {
    unsigned char *base;  /* block 0 */
    size_t quick;         /* count, or 0 when every free takes the slow path */
    unsigned char *state; /* [count], padded with CLOSED to whole groups */
    size_t count;         /* blocks */
    uint32_t *gen;        /* [count], or NULL without handles */
    size_t meta_size;     /* bytes of this and its arrays; 0: not from the allocator */
    size_t live;          /* blocks handed out; kept up only with reclaim_on_free */
    uint32_t id;
    bool keep; /* made by create: never given back before destroy, and then with p->first */
} aimi_pool_chunk;

/* hint[groups] of a chunk, padded with 0 to whole eights: right behind it, so that no pointer has
   to be loaded. */
AIMC_INLINE unsigned char *aimi_pool_hint(aimi_pool_chunk *c) {
    return (unsigned char *)(c + 1);
}

typedef struct aimi_pool_place {
    uintptr_t base;
    aimi_pool_chunk *chunk;
} aimi_pool_place;

/* A block and its state byte. */
typedef struct aimi_pool_entry {
    unsigned char *block;
    unsigned char *state;
} aimi_pool_entry;

struct aimem_pool {
    size_t place; /* blocks in use, times sizeof(aimi_pool_entry): saves a shift on every call */
    size_t stop;  /* the same of peak, or 0 when every allocation takes the slow path */
    size_t inverse; /* of the odd part of stride, modulo 2^AIMI_POOL_SIZE_BITS */
    uint32_t shifts; /* twos << 8 | recent_shift: one load for both */
    bool fixed, reclaim, clear, handles;
    aimi_pool_chunk *recent[AIMI_POOL_RECENT];
    aimi_pool_entry ring[AIMI_POOL_RING]; /* block.h */

    size_t block_size, stride, max_blocks;
    size_t chunk_align; /* of block 0 of a chunk; it divides stride, so of every block */
    size_t peak, total, closed, bytes;
    uint64_t failures, refused;
    bool slow_alloc, slow_free; /* the short paths would leave something out */

    aimi_pool_place *sorted;
    aimi_pool_chunk **by_id;
    uint64_t *maybe;
    const unsigned char *taken; /* the hint of the group that the last search emptied */
    uint32_t *gen_base;
    size_t chunks, cap;    /* chunks in sorted; room in the directory */
    void *directory;       /* from the allocator, or NULL */
    size_t directory_size;
    void *first; /* the blocks made by create, or NULL */
    size_t first_size;
    uint32_t gen_first;
    unsigned char closed_byte; /* CLOSED: the state of entries that stand for nothing */
    bool inside;               /* in the caller's memory */
    aimi_pool_chunk none;      /* no blocks */
    aimem_allocator allocator;
    aimem_logger logger;
    char name[AIMI_POOL_NAME];
};

AIMC_INLINE size_t aimi_pool_in_use(const aimem_pool *p) {
    return p->place / sizeof(aimi_pool_entry);
}

/* ---- from an address to a block ---- */

/* The inverse of an odd number modulo the word: each step doubles the bits that are right, and an
   odd number is its own inverse to three bits. */
AIMC_FN size_t aimi_pool_inverse(size_t odd) {
    size_t x = odd;
    int i;
    for (i = 0; i < 5; i++) x *= 2 - odd * x;
    return x;
}

/* stride is its odd part times 2^twos. recent_shift: log2 of the bytes per place in recent. */
AIMC_INLINE uint32_t aimi_pool_twos(uint32_t shifts) {
    return shifts >> 8;
}

AIMC_INLINE uint32_t aimi_pool_recent_shift(uint32_t shifts) {
    return shifts & 255;
}

/* Reads shift counts as a whole word. Clang would load its low byte alone, into a register whose
   other bytes come from earlier work, and wait for that: a free took half as long again. */
AIMC_INLINE uint32_t aimi_pool_shifts(const aimem_pool *p) {
    return *(const volatile uint32_t *)&p->shifts;
}

/* The number of the block at offset bytes behind the base of its chunk; count or more for every
   other offset, whatever its size. One multiplication, no division (Granlund and Montgomery,
   "Division by invariant integers using multiplication", 1994, section 9).
   Why: let W be the bits of size_t, stride = odd << twos, x the offset rotated right by twos, and
   q = x * inverse mod 2^W, so q * odd = x mod 2^W. A chunk fits in memory, so count * odd is at
   most 2^(W - twos). If q < count then q * odd does not wrap, so x = q * odd < 2^(W - twos): the
   twos bits that were rotated to the top are 0, and offset = x << twos = q * stride. The other way
   round, offset = k * stride with k < count gives x = k * odd and q = k. */
AIMC_INLINE size_t aimi_pool_index(const aimem_pool *p, size_t offset, uint32_t shifts) {
    uint32_t right = aimi_pool_twos(shifts), left = (uint32_t)(AIMI_POOL_SIZE_BITS - right);
    size_t x = offset >> right | offset << (left & (AIMI_POOL_SIZE_BITS - 1));
    return x * p->inverse;
}

/* The place of an address in recent. */
AIMC_INLINE size_t aimi_pool_recent(uintptr_t at, uint32_t shifts) {
    return (size_t)(at >> aimi_pool_recent_shift(shifts)) % AIMI_POOL_RECENT;
}

/* The chunk whose bytes hold the address, or NULL. O(log chunks), one hard-to-guess branch. */
AIMC_FN aimi_pool_chunk *aimi_pool_find(const aimem_pool *p, uintptr_t at) {
    const aimi_pool_place *from = p->sorted;
    size_t n = p->chunks;
    if (n == 0) return NULL;
    while (n > 1) { /* the last place with base <= at, if any, is in from[0 .. n) */
        size_t half = n / 2;
        from = from[half].base <= at ? from + half : from;
        n -= half;
    }
    if (at < from->base || at - from->base >= from->chunk->count * p->stride) return NULL;
    return from->chunk;
}

/* *chunk and *index of the block at the address. FOREIGN, INTERIOR, or DOUBLE_FREE when it is not
   handed out. */
AIMC_FN aimem_result aimi_pool_locate(const aimem_pool *p, const void *block,
                                      aimi_pool_chunk **chunk, size_t *index) {
    uintptr_t at = (uintptr_t)block;
    uint32_t shifts = aimi_pool_shifts(p);
    aimi_pool_chunk *c = p->recent[aimi_pool_recent(at, shifts)];
    size_t i = aimi_pool_index(p, at - (uintptr_t)c->base, shifts);
    if (i >= c->count) {
        c = aimi_pool_find(p, at);
        if (c == NULL) return AIMEM_ERR_FOREIGN;
        i = aimi_pool_index(p, at - (uintptr_t)c->base, shifts);
        if (i >= c->count) return AIMEM_ERR_INTERIOR;
    }
    *chunk = c;
    *index = i;
    return c->state[i] == AIMI_POOL_LIVE ? AIMEM_OK : AIMEM_ERR_DOUBLE_FREE;
}

/* ---- free blocks ---- */

AIMC_INLINE size_t aimi_pool_groups(size_t count) {
    return (count + AIMI_POOL_GROUP - 1) / AIMI_POOL_GROUP;
}

AIMC_FN void aimi_pool_mark(aimem_pool *p, const aimi_pool_chunk *c) {
    p->maybe[c->id >> 6] |= (uint64_t)1 << (c->id & 63);
}

AIMC_FN void aimi_pool_unmark(aimem_pool *p, const aimi_pool_chunk *c) {
    p->maybe[c->id >> 6] &= ~((uint64_t)1 << (c->id & 63));
}

AIMC_INLINE void aimi_pool_put(aimi_pool_entry *e, unsigned char *block, unsigned char *state) {
    e->block = block;
    e->state = state;
}

/* Puts eight blocks in a row into eight entries in a row. Written out, because the work per entry
   is less than that of a loop. */
AIMC_INLINE void aimi_pool_put_eight(aimi_pool_entry *e, unsigned char *block, size_t stride,
                                     unsigned char *state) {
    unsigned char *next = block + 4 * stride;
    aimi_pool_put(e, block, state);
    aimi_pool_put(e + 1, block + stride, state + 1);
    aimi_pool_put(e + 2, block + 2 * stride, state + 2);
    aimi_pool_put(e + 3, block + 3 * stride, state + 3);
    aimi_pool_put(e + 4, next, state + 4);
    aimi_pool_put(e + 5, next + stride, state + 5);
    aimi_pool_put(e + 6, next + 2 * stride, state + 6);
    aimi_pool_put(e + 7, next + 3 * stride, state + 7);
}

/* Puts the free blocks of group g into the ring behind the got that are there, lowest address
   first, until there are most. Returns how many there are. No free block: the hint goes. */
AIMC_FN size_t aimi_pool_take_group(aimem_pool *p, aimi_pool_chunk *c, size_t g, size_t got,
                                    size_t most) {
    unsigned char *state = c->state + g * AIMI_POOL_GROUP, *end = state + AIMI_POOL_GROUP;
    size_t stride = p->stride, base = aimi_pool_in_use(p), n = got;
    unsigned char *block = c->base + g * AIMI_POOL_GROUP * stride;
    for (; state < end; state += 8, block += 8 * stride) {
        uint64_t bits = ~aimc_load_u64(state) & AIMI_POOL_EACH_BYTE;
        size_t slot = (base + n) % AIMI_POOL_RING;
        if (bits == AIMI_POOL_EACH_BYTE && n + 8 <= most && slot + 8 <= AIMI_POOL_RING) {
            aimi_pool_put_eight(&p->ring[slot], block, stride, state);
            n += 8;
            continue;
        }
        for (; bits != 0; bits &= bits - 1, n++) {
            size_t k = aimc_ctz64(bits) >> 3;
            if (n == most) return most;
            slot = (base + n) % AIMI_POOL_RING;
            aimi_pool_put(&p->ring[slot], block + k * stride, state + k);
        }
    }
    if (n == got) {
        aimi_pool_hint(c)[g] = 0;
    } else {
        p->taken = &aimi_pool_hint(c)[g];
    }
    return n;
}

/* The same for the groups of a chunk, until there are enough. The bit of the chunk goes when its
   last group was looked at. The group that the search before this one emptied is passed over: its
   states were written one by one a moment ago, and processors are slow to read such bytes as a
   word before they have reached the cache. */
AIMC_FN size_t aimi_pool_take_chunk(aimem_pool *p, aimi_pool_chunk *c, size_t got, size_t enough,
                                    size_t most) {
    size_t groups = aimi_pool_groups(c->count), g, i;
    const unsigned char *pass = p->taken;
    for (g = 0; g < groups; g += 8) {
        uint64_t hints = aimc_load_u64(aimi_pool_hint(c) + g);
        for (; hints != 0; hints &= hints - 1) {
            i = g + (aimc_ctz64(hints) >> 3);
            if (&aimi_pool_hint(c)[i] == pass) continue;
            got = aimi_pool_take_group(p, c, i, got, most);
            if (got >= enough) return got;
        }
    }
    aimi_pool_unmark(p, c);
    return got;
}

/* Marks every chunk that has a hint. O(total / 512). */
AIMC_FN void aimi_pool_mark_all(aimem_pool *p) {
    size_t n;
    for (n = 0; n < p->chunks; n++) {
        aimi_pool_chunk *c = p->sorted[n].chunk;
        if (memchr(aimi_pool_hint(c), 1, aimi_pool_groups(c->count)) != NULL) aimi_pool_mark(p, c);
    }
}

/* Puts free blocks into the ring for the next allocations: marked chunks first, by rising id, so
   that the newest fall empty; frees do not mark theirs, so all are looked through when those have
   nothing. False when no block is free. */
AIMC_FN bool aimi_pool_search(aimem_pool *p) {
    size_t most = p->reclaim ? 1 : AIMI_POOL_RING, enough = p->reclaim ? 1 : AIMI_POOL_ENOUGH;
    size_t words = (p->cap + 63) / 64, got = 0, w;
    int pass;
    if (aimi_pool_in_use(p) == p->total - p->closed) return false;
    for (pass = 0; got == 0 && pass < 2; pass++) {
        if (pass == 1) {
            aimi_pool_mark_all(p);
            p->taken = NULL;
        }
        for (w = 0; w < words; w++) {
            uint64_t bits = p->maybe[w];
            for (; bits != 0 && got < enough; bits &= bits - 1) {
                aimi_pool_chunk *c = p->by_id[w * 64 + aimc_ctz64(bits)];
                got = aimi_pool_take_chunk(p, c, got, enough, most);
            }
        }
    }
    return got != 0;
}

#endif
