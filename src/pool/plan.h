/* pool/plan.h: static plans: pieces are added or recorded, solved, and served from one arena.
 *
 * A plan is recording (no arena) or bound (an arena of the solved size). Blocks of the allocator
 * view are of two kinds, told apart by their address:
 *
 *   in the arena   base + offset of a piece, nothing beside it
 *   outside        [ pad | aimi_pool_outside | block ]   from the allocator
 *
 * Invariants: held lists the pieces of the arena in use by rising offset, and no two of them
 * overlap, whatever the program does: a request whose planned bytes are in use is served from
 * outside. next is the number of the request that comes next in this iteration.
 */
#ifndef AIMI_POOL_PLAN_H
#define AIMI_POOL_PLAN_H

#include "pool/plan_solve.h"
#include "pool/text.h"

#define AIMI_POOL_PIECES_MOST ((uint32_t)1 << 30)
#define AIMI_POOL_PLAN_MOST ((uint64_t)1 << 62)

struct aimem_plan {
    aimem_allocator allocator;
    aimem_logger logger;
    aimem_plan_piece *pieces;
    uint32_t count, capacity;
    uint32_t tries, attempts;
    uint64_t align;          /* of pieces that ask for none */
    uint64_t step;           /* of the next note */
    uint64_t total, padded;  /* bytes of all pieces, without and with room for alignment */
    uint64_t align_most;
    uint64_t size, bound;    /* when solved */
    bool solved, own;        /* own: base is from the allocator */
    unsigned char *base;     /* NULL: recording */
    uint32_t *held;          /* room for count */
    uint32_t held_count, held_capacity, next, iterations, outside;
    uint32_t epoch;          /* recordings begun */
    uint64_t hits, misses, refused;
    char name[32];
};

/* In front of a block from outside. */
typedef struct aimi_pool_outside {
    uint32_t piece; /* recorded as that one, in recording epoch */
    uint32_t epoch; /* 0: not recorded */
    uint64_t check; /* aimi_pool_outside_check of the block; 0 once it is free */
} aimi_pool_outside;

#define AIMI_POOL_OUTSIDE_SIZE ((size_t)16)

/* ---- life ---- */

AIMEM_POOL_API aimem_result aimem_plan_create(const aimem_plan_desc *desc, aimem_plan **out) {
    aimem_plan_desc d;
    aimem_allocator allocator;
    aimem_plan *p;
    const char *name;
    size_t i;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    memset(&d, 0, sizeof d);
    if (desc != NULL) d = *desc;
    if (d.align == 0) d.align = 64;
    if (d.canary_zero != 0 || !aimc_is_pow2(d.align)) return AIMEM_ERR_INVALID;
    if (!aimc_allocator_or_default(&d.allocator, &allocator)) return AIMEM_ERR_INVALID;
    p = (aimem_plan *)aimc_alloc_zeroed(&allocator, sizeof *p, sizeof(uint64_t));
    if (p == NULL) return AIMEM_ERR_NOMEM;
    p->allocator = allocator;
    p->logger = d.logger;
    p->align = d.align;
    p->tries = d.tries;
    p->align_most = 1;
    p->epoch = 1;
    name = d.name != NULL ? d.name : "plan";
    for (i = 0; i + 1 < sizeof p->name && name[i] != '\0'; i++) p->name[i] = name[i];
    *out = p;
    return AIMEM_OK;
}

/* Gives back the arena and the list of what is held in it. */
AIMC_FN void aimi_pool_planned_unbind(aimem_plan *p) {
    if (p->base == NULL) return;
    AIMC_UNPOISON(p->base, (size_t)p->size);
    if (p->own) aimc_free(&p->allocator, p->base, (size_t)p->size, (size_t)p->align_most);
    aimc_free(&p->allocator, p->held, p->held_capacity * sizeof *p->held, sizeof(uint32_t));
    p->base = NULL;
    p->held = NULL;
    p->held_count = p->held_capacity = 0;
}

AIMC_FN void aimi_pool_planned_tell(const aimem_plan *p, uint64_t count, const char *what) {
    aimi_pool_text t;
    if (count == 0) return;
    aimi_pool_text_begin(&t, p->name);
    aimi_pool_text_number(&t, count, 10);
    aimi_pool_text_add(&t, what);
    aimi_pool_text_send(&t, &p->logger, 1, AIMEM_ERR_BUSY);
}

AIMC_FN void aimi_pool_planned_tell_held(const aimem_plan *p) {
    uint32_t i;
    aimi_pool_planned_tell(p, p->held_count, " pieces in use when the plan was destroyed");
    for (i = 0; i < p->held_count && i < 16; i++) {
        aimi_pool_text t;
        aimi_pool_text_begin(&t, p->name);
        aimi_pool_text_add(&t, "piece ");
        aimi_pool_text_number(&t, p->held[i], 10);
        aimi_pool_text_add(&t, " of ");
        aimi_pool_text_number(&t, p->pieces[p->held[i]].size, 10);
        aimi_pool_text_add(&t, " bytes is still in use");
        aimi_pool_text_send(&t, &p->logger, 1, AIMEM_ERR_BUSY);
    }
    aimi_pool_planned_tell(p, p->outside, " blocks outside in use when the plan was destroyed");
}

AIMEM_POOL_API void aimem_plan_destroy(aimem_plan *plan) {
    aimem_allocator allocator;
    if (plan == NULL) return;
    allocator = plan->allocator;
    aimi_pool_planned_tell_held(plan);
    aimi_pool_planned_unbind(plan);
    aimc_free(&allocator, plan->pieces, plan->capacity * sizeof *plan->pieces, sizeof(uint64_t));
    aimc_free(&allocator, plan, sizeof *plan, sizeof(uint64_t));
}

AIMEM_POOL_API aimem_result aimem_plan_reset(aimem_plan *plan) {
    if (plan->held_count != 0) return AIMEM_ERR_BUSY;
    aimi_pool_planned_unbind(plan);
    plan->count = plan->next = plan->iterations = plan->attempts = 0;
    plan->step = plan->total = plan->padded = plan->size = plan->bound = 0;
    plan->align_most = 1;
    plan->solved = false;
    plan->epoch = plan->epoch == UINT32_MAX ? 1 : plan->epoch + 1;
    return AIMEM_OK;
}

/* ---- pieces ---- */

/* Room for one more piece. */
AIMC_FN bool aimi_pool_planned_room(aimem_plan *p) {
    size_t capacity = p->capacity < 32 ? 32 : 2 * (size_t)p->capacity;
    aimem_plan_piece *pieces;
    if (p->count < p->capacity) return true;
    if (capacity > PTRDIFF_MAX / sizeof *pieces) return false;
    pieces = (aimem_plan_piece *)aimc_realloc(&p->allocator, p->pieces,
                                              p->capacity * sizeof *pieces,
                                              capacity * sizeof *pieces, sizeof(uint64_t));
    if (pieces == NULL) return false;
    p->pieces = pieces;
    p->capacity = (uint32_t)capacity;
    return true;
}

AIMEM_POOL_API aimem_result aimem_plan_add(aimem_plan *plan, uint64_t size, uint64_t align,
                                           uint64_t first, uint64_t last, uint32_t *out) {
    aimem_plan_piece *piece;
    if (out != NULL) *out = 0;
    if (size == 0) size = 1;
    if (align == 0) align = plan->align;
    if ((align & (align - 1)) != 0 || last < first || first == AIMEM_PLAN_END) {
        return AIMEM_ERR_INVALID;
    }
    if (plan->base != NULL) return AIMEM_ERR_BUSY;
    if (plan->count >= AIMI_POOL_PIECES_MOST) return AIMEM_ERR_LIMIT;
    if (size > AIMI_POOL_PLAN_MOST || align > AIMI_POOL_PLAN_MOST - size ||
        size + align > AIMI_POOL_PLAN_MOST - plan->padded) {
        return AIMEM_ERR_RANGE;
    }
    if (!aimi_pool_planned_room(plan)) return AIMEM_ERR_NOMEM;
    piece = &plan->pieces[plan->count];
    piece->size = size;
    piece->align = align;
    piece->first = first;
    piece->last = last;
    piece->offset = 0;
    if (out != NULL) *out = plan->count;
    plan->count++;
    plan->total += size;
    plan->padded += size + align;
    if (align > plan->align_most) plan->align_most = align;
    plan->solved = false;
    if (plan->step <= first) plan->step = first + 1; /* notes come behind what was added */
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_plan_record_alloc(aimem_plan *plan, uint64_t size,
                                                    uint64_t align, uint32_t *out) {
    return aimem_plan_add(plan, size, align, plan->step, AIMEM_PLAN_END, out);
}

AIMEM_POOL_API aimem_result aimem_plan_record_free(aimem_plan *plan, uint32_t piece) {
    if (plan->base != NULL) return AIMEM_ERR_BUSY;
    if (piece >= plan->count) return AIMEM_ERR_NOT_FOUND;
    if (plan->pieces[piece].last != AIMEM_PLAN_END) return AIMEM_ERR_DOUBLE_FREE;
    plan->pieces[piece].last = plan->step - 1; /* step is behind every first */
    if (plan->step < AIMEM_PLAN_END) plan->step++;
    plan->solved = false;
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_plan_get(const aimem_plan *plan, uint32_t piece,
                                           aimem_plan_piece *out) {
    memset(out, 0, sizeof *out);
    if (piece >= plan->count) return AIMEM_ERR_NOT_FOUND;
    *out = plan->pieces[piece];
    if (!plan->solved) out->offset = 0;
    return AIMEM_OK;
}

/* ---- solving ---- */

/* Cuts one block into the arrays of s; block NULL: only their size. */
AIMC_FN bool aimi_pool_planned_arrays(aimi_pool_solve *s, unsigned char *block, size_t *size) {
    const size_t n = s->count, key = sizeof(aimi_pool_key);
    size_t of[9], i;
    unsigned char *at[9];
    of[0] = 2 * sizeof(uint64_t); /* tree, for each leaf */
    of[1] = of[2] = of[3] = sizeof(uint64_t);
    of[4] = of[5] = of[6] = key;
    of[7] = of[8] = sizeof(uint32_t);
    *size = 0;
    for (i = 0; i < 9; i++) {
        size_t part;
        if (!aimc_mul_size(i == 0 ? s->leaves : n, of[i], &part)) return false;
        at[i] = block != NULL ? block + *size : NULL;
        if (!aimc_add_size(*size, part, size) || *size > PTRDIFF_MAX) return false;
    }
    s->tree = (uint64_t *)(void *)at[0];
    s->breadth = (uint64_t *)(void *)at[1];
    s->offset = (uint64_t *)(void *)at[2];
    s->best = (uint64_t *)(void *)at[3];
    s->order = (aimi_pool_key *)(void *)at[4];
    s->found = (aimi_pool_key *)(void *)at[5];
    s->scratch = (aimi_pool_key *)(void *)at[6];
    s->by_first = (uint32_t *)(void *)at[7];
    s->rank = (uint32_t *)(void *)at[8];
    return true;
}

AIMC_FN uint32_t aimi_pool_planned_tries(const aimem_plan *p) {
    uint32_t tries = ((uint32_t)1 << 20) / p->count;
    if (p->tries != 0) return p->tries != UINT32_MAX ? p->tries : 0;
    return tries < 1 ? 1 : tries > 256 ? 256 : tries;
}

AIMEM_POOL_API aimem_result aimem_plan_solve(aimem_plan *plan) {
    aimi_pool_solve s;
    unsigned char *block;
    size_t size;
    uint32_t i;
    if (plan->base != NULL) return AIMEM_ERR_BUSY;
    memset(&s, 0, sizeof s);
    if (plan->count != 0) {
        s.pieces = plan->pieces;
        s.count = plan->count;
        for (s.leaves = 1; s.leaves < s.count;) s.leaves *= 2;
        if (!aimi_pool_planned_arrays(&s, NULL, &size)) return AIMEM_ERR_NOMEM;
        block = (unsigned char *)aimc_alloc(&plan->allocator, size, sizeof(uint64_t));
        if (block == NULL) return AIMEM_ERR_NOMEM;
        (void)aimi_pool_planned_arrays(&s, block, &size);
        aimi_pool_solve_all(&s, aimi_pool_planned_tries(plan));
        for (i = 0; i < s.count; i++) plan->pieces[i].offset = s.best[i];
        aimc_free(&plan->allocator, block, size, sizeof(uint64_t));
    }
    plan->size = s.most;
    plan->bound = s.bound;
    plan->attempts = s.attempts;
    plan->solved = true;
    return AIMEM_OK;
}

/* ---- serving ---- */

AIMC_FN aimem_result aimi_pool_planned_arena(aimem_plan *p, void *memory, size_t size) {
    if (p->size > PTRDIFF_MAX || (memory != NULL && size < p->size)) return AIMEM_ERR_RANGE;
    if (memory != NULL && ((uintptr_t)memory & (uintptr_t)(p->align_most - 1)) != 0) {
        return AIMEM_ERR_INVALID;
    }
    p->own = memory == NULL;
    if (p->own) {
        if (p->align_most > PTRDIFF_MAX) return AIMEM_ERR_NOMEM;
        memory = aimc_alloc(&p->allocator, (size_t)p->size, (size_t)p->align_most);
    }
    p->base = (unsigned char *)memory;
    return memory != NULL ? AIMEM_OK : AIMEM_ERR_NOMEM;
}

AIMEM_POOL_API aimem_result aimem_plan_bind(aimem_plan *plan, void *memory, size_t size) {
    aimem_result result;
    uint32_t *held;
    if (plan->base != NULL) return AIMEM_ERR_BUSY;
    if (!plan->solved || plan->count == 0) return AIMEM_ERR_INVALID;
    held = (uint32_t *)aimc_alloc(&plan->allocator, plan->count * sizeof *held, sizeof *held);
    if (held == NULL) return AIMEM_ERR_NOMEM;
    result = aimi_pool_planned_arena(plan, memory, size);
    if (result != AIMEM_OK) {
        aimc_free(&plan->allocator, held, plan->count * sizeof *held, sizeof *held);
        return result;
    }
    AIMC_POISON(plan->base, (size_t)plan->size);
    plan->held = held;
    plan->held_capacity = plan->count;
    plan->next = 0;
    plan->iterations = 1;
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_plan_begin(aimem_plan *plan) {
    if (plan->base == NULL) return AIMEM_ERR_INVALID;
    plan->next = 0;
    plan->iterations++;
    return AIMEM_OK;
}

/* How many held pieces begin below offset. */
AIMC_FN uint32_t aimi_pool_planned_below(const aimem_plan *p, uint64_t offset) {
    uint32_t low = 0, high = p->held_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (p->pieces[p->held[middle]].offset < offset) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* The next request of the iteration; NULL when it is not as planned. */
AIMC_FN void *aimi_pool_planned_serve(aimem_plan *p, size_t size, size_t align) {
    const aimem_plan_piece *piece, *other;
    uint32_t number = p->next, at;
    if (number == p->count) return NULL;
    p->next++;
    piece = &p->pieces[number];
    if (size > piece->size || align > piece->align) return NULL;
    at = aimi_pool_planned_below(p, piece->offset);
    if (at != 0) {
        other = &p->pieces[p->held[at - 1]];
        if (other->offset + other->size > piece->offset) return NULL;
    }
    if (at < p->held_count &&
        p->pieces[p->held[at]].offset - piece->offset < piece->size) {
        return NULL;
    }
    memmove(&p->held[at + 1], &p->held[at], (p->held_count - at) * sizeof *p->held);
    p->held[at] = number;
    p->held_count++;
    p->hits++;
    AIMC_UNPOISON(p->base + (size_t)piece->offset, size);
    return p->base + (size_t)piece->offset;
}

AIMC_FN uint64_t aimi_pool_outside_check(const void *block) {
    return ((uint64_t)(uintptr_t)block ^ 0xA1CE5EEDB10C0DE5u) | 1;
}

AIMC_INLINE size_t aimi_pool_outside_head(size_t align) {
    return aimc_max_size(align, AIMI_POOL_OUTSIDE_SIZE);
}

/* A block from the allocator, recorded while the plan is not bound. */
AIMC_FN void *aimi_pool_planned_outside(aimem_plan *p, size_t size, size_t align) {
    size_t head = aimi_pool_outside_head(align), total;
    aimi_pool_outside out;
    unsigned char *raw;
    if (!aimc_add_size(size, head, &total)) return NULL;
    memset(&out, 0, sizeof out);
    if (p->base == NULL && !aimi_pool_planned_room(p)) return NULL;
    raw = (unsigned char *)aimc_alloc(&p->allocator, total, head);
    if (raw == NULL) return NULL;
    if (p->base == NULL) {
        if (aimem_plan_record_alloc(p, size, align, &out.piece) != AIMEM_OK) {
            aimc_free(&p->allocator, raw, total, head);
            return NULL;
        }
        out.epoch = p->epoch;
    }
    out.check = aimi_pool_outside_check(raw + head);
    memcpy(raw + head - AIMI_POOL_OUTSIDE_SIZE, &out, sizeof out);
    p->outside++;
    return raw + head;
}

/* A wrong free or resize: counted and told. */
AIMC_FN void aimi_pool_planned_refuse(aimem_plan *p, const void *block, aimem_result code) {
    aimi_pool_text t;
    p->refused++;
    aimi_pool_text_begin(&t, p->name);
    aimi_pool_text_address(&t, block);
    aimi_pool_text_add(&t, ": ");
    aimi_pool_text_add(&t, aimem_result_string(code));
    aimi_pool_text_send(&t, &p->logger, 0, code);
}

AIMC_FN bool aimi_pool_planned_inside(const aimem_plan *p, const void *block) {
    return p->base != NULL && (uintptr_t)block - (uintptr_t)p->base < (uintptr_t)p->size;
}

/* OK where block is one that may be freed; *at: for those inside, where it stands in held. */
AIMC_FN aimem_result aimi_pool_planned_known(const aimem_plan *p, const void *block, uint32_t *at) {
    aimi_pool_outside out;
    *at = 0;
    if (aimi_pool_planned_inside(p, block)) {
        uint64_t offset = (uintptr_t)block - (uintptr_t)p->base;
        const aimem_plan_piece *below;
        *at = aimi_pool_planned_below(p, offset);
        if (*at < p->held_count && p->pieces[p->held[*at]].offset == offset) return AIMEM_OK;
        if (*at == 0) return AIMEM_ERR_DOUBLE_FREE;
        below = &p->pieces[p->held[*at - 1]];
        return offset - below->offset < below->size ? AIMEM_ERR_INTERIOR : AIMEM_ERR_DOUBLE_FREE;
    }
    memcpy(&out, (const unsigned char *)block - AIMI_POOL_OUTSIDE_SIZE, sizeof out);
    return out.check == aimi_pool_outside_check(block) ? AIMEM_OK : AIMEM_ERR_FOREIGN;
}

/* Frees a block that is known. */
AIMC_FN void aimi_pool_planned_release(aimem_plan *p, void *block, uint32_t at, size_t size,
                                    size_t align) {
    size_t head = aimi_pool_outside_head(align);
    unsigned char *raw = (unsigned char *)block - head;
    aimi_pool_outside out;
    if (aimi_pool_planned_inside(p, block)) {
        AIMC_POISON(block, (size_t)p->pieces[p->held[at]].size);
        p->held_count--;
        memmove(&p->held[at], &p->held[at + 1], (p->held_count - at) * sizeof *p->held);
        return;
    }
    memcpy(&out, (unsigned char *)block - AIMI_POOL_OUTSIDE_SIZE, sizeof out);
    if (out.epoch == p->epoch && p->base == NULL) (void)aimem_plan_record_free(p, out.piece);
    memset((unsigned char *)block - AIMI_POOL_OUTSIDE_SIZE, 0, AIMI_POOL_OUTSIDE_SIZE);
    p->outside--;
    aimc_free(&p->allocator, raw, size + head, head);
}

AIMC_FN void *aimi_pool_planned_realloc(void *user_data, void *ptr, size_t old_size,
                                        size_t new_size, size_t align) {
    aimem_plan *p = (aimem_plan *)user_data;
    void *fresh = NULL;
    uint32_t at;
    if (ptr != NULL) {
        aimem_result known = aimi_pool_planned_known(p, ptr, &at);
        if (known != AIMEM_OK) {
            aimi_pool_planned_refuse(p, ptr, known);
            return NULL;
        }
    }
    if (new_size != 0) {
        if (!aimc_is_pow2(align)) return NULL;
        if (p->base != NULL) {
            fresh = aimi_pool_planned_serve(p, new_size, align);
            if (fresh == NULL) p->misses++;
        }
        if (fresh == NULL) fresh = aimi_pool_planned_outside(p, new_size, align);
        if (fresh == NULL) return NULL;
        if (ptr != NULL) memcpy(fresh, ptr, aimc_min_size(old_size, new_size));
    }
    if (ptr != NULL) {
        (void)aimi_pool_planned_known(p, ptr, &at); /* fresh may have moved its place */
        aimi_pool_planned_release(p, ptr, at, old_size, align);
    }
    return fresh;
}

AIMEM_POOL_API aimem_allocator aimem_plan_allocator(aimem_plan *plan) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_planned_realloc;
    hook.user_data = plan;
    return hook;
}

AIMEM_POOL_API void aimem_plan_stats(const aimem_plan *plan, aimem_plan_info *out) {
    memset(out, 0, sizeof *out);
    out->name = plan->name;
    out->pieces = plan->count;
    out->solved = plan->solved;
    out->align = plan->align_most;
    out->total = plan->total;
    out->attempts = plan->attempts;
    out->iterations = plan->iterations;
    out->held = plan->held_count;
    out->outside = plan->outside;
    out->hits = plan->hits;
    out->misses = plan->misses;
    out->refused = plan->refused;
    out->bytes = sizeof *plan + (uint64_t)plan->capacity * sizeof *plan->pieces +
                 (uint64_t)plan->held_capacity * sizeof *plan->held;
    if (plan->base != NULL && plan->own) out->bytes += plan->size;
    if (!plan->solved) return;
    out->size = plan->size;
    out->lower_bound = plan->bound;
    if (plan->bound != 0) out->ratio = (float)plan->size / (float)plan->bound;
}

#endif
