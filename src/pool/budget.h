/* pool/budget.h: counting and memory through budgets, limits, and what they tell.
 *
 * Memory grows in this order: charge, call the allocator, take the charge back when it has nothing;
 * and shrinks in the opposite one. So what the allocators hold is never more than what is charged.
 */
#ifndef AIMI_POOL_BUDGET_H
#define AIMI_POOL_BUDGET_H

#include "pool/budget_life.h"

/* ---- charge and uncharge ---- */

AIMEM_POOL_API aimem_result aimem_budget_charge(aimem_budget *budget, uint64_t bytes,
                                                uint32_t flags) {
    aimi_pool_op op;
    if (budget == NULL || (flags & ~(uint32_t)AIMI_POOL_BUDGET_FLAGS) != 0) {
        return AIMEM_ERR_INVALID;
    }
    memset(&op, 0, sizeof op);
    op.bytes = bytes;
    op.flags = flags;
    op.own = true;
    return aimi_pool_budget_request(budget, &op);
}

AIMEM_POOL_API aimem_result aimem_budget_uncharge(aimem_budget *budget, uint64_t bytes) {
    aimi_pool_tree *t;
    bool ok;
    if (budget == NULL) return AIMEM_ERR_INVALID;
    t = budget->tree;
    aimi_pool_budget_lock(t);
    ok = bytes <= budget->own;
    if (ok) aimi_pool_budget_give(budget, bytes, true);
    aimi_pool_budget_unlock(t);
    if (!ok && t->logger.log_fn != NULL) {
        aimi_pool_text text;
        aimi_pool_text_begin(&text, budget->account.name);
        aimi_pool_text_add(&text, "uncharge of ");
        aimi_pool_text_number(&text, bytes, 10);
        aimi_pool_text_add(&text, " bytes refused: more than is charged");
        aimi_pool_text_send(&text, &t->logger, 0, AIMEM_ERR_RANGE);
    }
    return ok ? AIMEM_OK : AIMEM_ERR_RANGE;
}

/* ---- memory ---- */

/* The allocator hook's contract, with flags and a result. */
AIMC_FN aimem_result aimi_pool_budget_memory(aimem_budget *b, void **ptr, size_t old_size,
                                             size_t new_size, size_t align, uint32_t flags) {
    const aimem_allocator *a = &b->allocator;
    aimem_result result;
    aimi_pool_op op;
    if (new_size > old_size) {
        memset(&op, 0, sizeof op);
        op.bytes = new_size - old_size;
        op.flags = flags;
        op.own = op.memory = true;
        op.ptr = *ptr;
        op.old_size = old_size;
        op.new_size = new_size;
        op.align = align;
        result = aimi_pool_budget_request(b, &op);
        if (result == AIMEM_OK) *ptr = op.result;
        return result;
    }
    if (*ptr == NULL) return AIMEM_OK;
    op.result = a->realloc_fn(a->user_data, *ptr, old_size, new_size, align);
    if (new_size != 0 && op.result == NULL) return AIMEM_ERR_NOMEM;
    *ptr = op.result;
    (void)aimem_budget_uncharge(b, old_size - new_size);
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_budget_resize(aimem_budget *budget, void **ptr, size_t old_size,
                                                size_t new_size, size_t align, uint32_t flags) {
    if (align == 0) align = 16;
    if (budget == NULL || ptr == NULL || new_size == 0 || !aimc_is_pow2(align) ||
        (flags & ~(uint32_t)AIMI_POOL_BUDGET_FLAGS) != 0 || (*ptr == NULL) != (old_size == 0)) {
        return AIMEM_ERR_INVALID;
    }
    return aimi_pool_budget_memory(budget, ptr, old_size, new_size, align, flags);
}

AIMEM_POOL_API aimem_result aimem_budget_alloc(aimem_budget *budget, size_t size, size_t align,
                                               uint32_t flags, void **out) {
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    return aimem_budget_resize(budget, out, 0, size, align, flags);
}

AIMEM_POOL_API void aimem_budget_free(aimem_budget *budget, void *ptr, size_t size, size_t align) {
    if (budget == NULL || ptr == NULL) return;
    (void)aimi_pool_budget_memory(budget, &ptr, size, 0, align == 0 ? 16 : align, 0);
}

AIMC_FN void *aimi_pool_budget_realloc(void *user_data, void *ptr, size_t old_size,
                                       size_t new_size, size_t align) {
    aimem_result result = aimi_pool_budget_memory((aimem_budget *)user_data, &ptr, old_size,
                                                  new_size, align, 0);
    return result == AIMEM_OK ? ptr : NULL;
}

AIMEM_POOL_API aimem_allocator aimem_budget_allocator(aimem_budget *budget) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_budget_realloc;
    hook.user_data = budget;
    return hook;
}

AIMEM_POOL_API uint64_t aimem_budget_reclaim_pool(void *pool, aimem_budget_request *request) {
    (void)request;
    return aimem_pool_trim((aimem_pool *)pool);
}

AIMEM_POOL_API uint64_t aimem_budget_reclaim_arena(void *arena, aimem_budget_request *request) {
    (void)request;
    return aimem_arena_trim((aimem_arena *)arena);
}

/* A run of one emergency action, without a level. */
AIMEM_POOL_API uint64_t aimem_budget_reclaim(aimem_budget *budget, uint64_t bytes) {
    aimem_budget_record record;
    aimi_pool_tree *t;
    aimi_pool_gap where;
    aimi_pool_sweep s;
    aimi_pool_pass pass;
    uint64_t freed = 0, now;
    bool inside;
    if (budget == NULL || bytes == 0) return 0;
    t = budget->tree;
    now = aimi_pool_budget_now(t);
    memset(&where, 0, sizeof where);
    where.node = budget;
    aimi_pool_budget_lock(t);
    inside = aimi_pool_budget_inside(t);
    if (!inside) {
        aimi_pool_budget_enter(t, &pass);
        aimi_pool_budget_sweep_begin(t, &s, AIMEM_BUDGET_CACHE, AIMEM_BUDGET_COLLECTOR, 3);
        s.why = AIMEM_BUDGET_EMERGENCY;
        s.level = budget->level;
        aimi_pool_budget_record_begin(&record, now, &budget->account, budget->level,
                                      AIMEM_BUDGET_EMERGENCY);
    }
    aimi_pool_budget_unlock(t);
    if (inside) return 0;
    while (freed < bytes) {
        if (!aimi_pool_budget_step(t, &s, &where, NULL,
                                   bytes == UINT64_MAX ? bytes : bytes - freed)) {
            break;
        }
        aimi_pool_budget_lock(t);
        record.after = budget->account.used;
        freed = record.before > record.after ? record.before - record.after : 0;
        aimi_pool_budget_unlock(t);
    }
    aimi_pool_budget_record_time(t, &record, record.at_ns);
    aimi_pool_budget_lock(t);
    record.after = budget->account.used;
    record.asked = s.asked;
    record.success = freed != 0;
    aimi_pool_budget_record(t, &record);
    aimi_pool_budget_unlock(t);
    aimi_pool_budget_end_pass(t, &pass);
    return freed;
}

/* ---- limits and flags ---- */

AIMEM_POOL_API aimem_result aimem_budget_set_flags(aimem_budget *budget, uint32_t flags) {
    if (budget == NULL || (flags & ~(uint32_t)AIMI_POOL_BUDGET_FLAGS) != 0) {
        return AIMEM_ERR_INVALID;
    }
    aimi_pool_budget_lock(budget->tree);
    budget->flags = flags;
    aimi_pool_budget_unlock(budget->tree);
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_budget_set_limit(aimem_budget *budget, uint64_t limit) {
    aimem_result result = AIMEM_OK;
    if (budget == NULL) return AIMEM_ERR_INVALID;
    limit = aimi_pool_budget_limit(limit, budget == budget->tree->root);
    if (limit == 0) return AIMEM_ERR_UNSUPPORTED;
    aimi_pool_budget_lock(budget->tree);
    if (limit < budget->reserve) {
        result = AIMEM_ERR_INVALID;
    } else {
        budget->account.limit = limit;
    }
    aimi_pool_budget_unlock(budget->tree);
    return result;
}

AIMEM_POOL_API void aimem_budget_set_soft_limit(aimem_budget *budget, uint64_t soft_limit) {
    if (budget == NULL) return;
    aimi_pool_budget_lock(budget->tree);
    budget->account.soft = soft_limit;
    aimi_pool_budget_unlock(budget->tree);
}

AIMEM_POOL_API aimem_result aimem_budget_set_tag_limit(aimem_budget *budget, const char *tag,
                                                       uint64_t limit) {
    aimi_pool_tag *known;
    if (budget == NULL || tag == NULL) return AIMEM_ERR_INVALID;
    known = aimi_pool_budget_make_tag(budget->tree, tag);
    if (known == NULL) return AIMEM_ERR_NOMEM;
    aimi_pool_budget_lock(budget->tree);
    known->account.limit = limit != 0 ? limit : AIMEM_BUDGET_UNLIMITED;
    aimi_pool_budget_unlock(budget->tree);
    return AIMEM_OK;
}

/* ---- what is there ---- */

AIMC_FN void aimi_pool_budget_info_account(const aimi_pool_tree *t, const aimi_pool_account *a,
                                           aimem_budget_info *out) {
    out->name = a->name;
    out->limit = out->own_limit = a->limit;
    out->soft_limit = aimi_pool_budget_soft(t, a);
    out->allocated = a->used;
    out->peak = a->peak;
    out->available = a->used < a->limit ? a->limit - a->used : 0;
    if (a->limit != AIMEM_BUDGET_UNLIMITED) out->utilisation = (float)a->used / (float)a->limit;
}

AIMEM_POOL_API void aimem_budget_stats(const aimem_budget *budget, aimem_budget_info *out) {
    aimi_pool_tree *t = budget->tree;
    const aimi_pool_reclaimer *r;
    const aimem_budget *n;
    memset(out, 0, sizeof *out);
    aimi_pool_budget_lock(t);
    aimi_pool_budget_info_account(t, &budget->account, out);
    out->tag = budget->tag != NULL ? budget->tag->account.name : NULL;
    out->available = aimi_pool_budget_available(budget);
    out->own = budget->own;
    out->reserve = budget->reserve;
    out->requests = budget->requests;
    out->refused = budget->refused;
    out->relieved = budget->relieved;
    out->given_up = budget->given_up;
    for (n = budget; n != NULL; n = n->parent) {
        if (n->account.limit < out->limit) out->limit = n->account.limit;
        if (n->level > out->level) out->level = n->level;
    }
    for (n = budget->child; n != NULL; n = n->sibling) out->children++;
    for (r = t->reclaimers; r != NULL; r = r->next) {
        if (r->budget == budget && !r->dead) out->reclaimers++;
    }
    aimi_pool_budget_unlock(t);
}

AIMEM_POOL_API aimem_result aimem_budget_tag_stats(const aimem_budget *budget, const char *tag,
                                                   aimem_budget_info *out) {
    const aimi_pool_tag *known = NULL;
    if (out == NULL) return AIMEM_ERR_INVALID;
    memset(out, 0, sizeof *out);
    if (budget == NULL || tag == NULL) return AIMEM_ERR_INVALID;
    aimi_pool_budget_lock(budget->tree);
    known = aimi_pool_budget_tag(budget->tree, tag);
    if (known != NULL) aimi_pool_budget_info_account(budget->tree, &known->account, out);
    aimi_pool_budget_unlock(budget->tree);
    if (known == NULL) return AIMEM_ERR_NOT_FOUND;
    out->tag = out->name;
    return AIMEM_OK;
}

AIMEM_POOL_API void aimem_budget_reset_peak(aimem_budget *budget) {
    if (budget == NULL) return;
    aimi_pool_budget_lock(budget->tree);
    budget->account.peak = budget->account.used;
    aimi_pool_budget_unlock(budget->tree);
}

AIMEM_POOL_API aimem_budget *aimem_budget_find(aimem_budget *from, const char *path) {
    aimem_budget *n = from;
    if (from == NULL || path == NULL) return NULL;
    aimi_pool_budget_lock(from->tree);
    while (n != NULL && *path != '\0') {
        char name[AIMI_POOL_BUDGET_NAME];
        size_t size = 0;
        while (path[size] != '\0' && path[size] != '/') size++;
        memset(name, 0, sizeof name);
        memcpy(name, path, aimc_min_size(size, sizeof name - 1));
        path += size + (path[size] == '/' ? 1 : 0);
        n = n->child;
        while (n != NULL && (n->doomed || strcmp(n->account.name, name) != 0)) n = n->sibling;
    }
    aimi_pool_budget_unlock(from->tree);
    return n;
}

AIMEM_POOL_API void aimem_budget_walk(const aimem_budget *budget,
                                      bool (*walk_fn)(void *user_data, uint32_t depth,
                                                      const aimem_budget_info *info),
                                      void *user_data) {
    const aimem_budget *n, *up;
    for (n = budget; n != NULL; n = aimi_pool_budget_next(n, budget)) {
        aimem_budget_info info;
        uint32_t depth = 0;
        for (up = n; up != budget; up = up->parent) depth++;
        aimem_budget_stats(n, &info);
        if (!walk_fn(user_data, depth, &info)) return;
    }
}

AIMEM_POOL_API size_t aimem_budget_history(const aimem_budget *budget, aimem_budget_record *out,
                                           size_t cap) {
    aimi_pool_tree *t = budget->tree;
    size_t i, n;
    aimi_pool_budget_lock(t);
    n = aimc_min_size(cap, t->record_count);
    for (i = 0; i < n; i++) {
        out[i] = t->records[(t->record_next + t->record_cap - 1 - i) % t->record_cap];
    }
    aimi_pool_budget_unlock(t);
    return n;
}

#endif
