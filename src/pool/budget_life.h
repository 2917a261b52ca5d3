/* pool/budget_life.h: budgets are made and end here.
 *
 *   root and tree, one piece of memory:   [ aimem_budget | aimi_pool_tree | records ... ]
 *
 * Destroying cuts a subtree off: what it holds is taken back above it, its reclaimers are
 * unregistered, its nodes are freed. While a pass runs, the subtree is marked and stays; the last
 * pass to end comes back to it (budget_tree.h).
 */
#ifndef AIMI_POOL_BUDGET_LIFE_H
#define AIMI_POOL_BUDGET_LIFE_H

#include "core/sysinfo.h"
#include "pool/budget_level.h"

/* ---- how much ---- */

/* For a machine with total bytes and a container with limit bytes; 0: not known, none. */
AIMC_FN uint64_t aimi_pool_budget_recommend(uint64_t total, uint64_t limit) {
    const uint64_t most = (uint64_t)8 << 30;
    if (limit != 0 && (total == 0 || limit < total)) total = limit;
    total = total / 5 * 4;
    return total < most ? total : most;
}

AIMEM_POOL_API uint64_t aimem_budget_recommended(void) {
    aimc_ram ram;
    aimc_ram_info(NULL, &ram);
    return aimi_pool_budget_recommend(ram.total, ram.limit);
}

/* The limit that desc or the caller of set_limit means; 0: not to be found out. */
AIMC_FN uint64_t aimi_pool_budget_limit(uint64_t limit, bool root) {
    if (limit != 0) return limit;
    return root ? aimem_budget_recommended() : AIMEM_BUDGET_UNLIMITED;
}

/* ---- tags ---- */

/* The tag of this name, new where there is none; NULL: no memory. The lock is free. */
AIMC_FN aimi_pool_tag *aimi_pool_budget_make_tag(aimi_pool_tree *t, const char *name) {
    aimi_pool_tag *tag, *fresh;
    aimi_pool_budget_lock(t);
    tag = aimi_pool_budget_tag(t, name);
    aimi_pool_budget_unlock(t);
    if (tag != NULL) return tag;
    fresh = (aimi_pool_tag *)aimc_alloc_zeroed(&t->allocator, sizeof *fresh,
                                               AIMI_POOL_BUDGET_ALIGN);
    if (fresh == NULL) return NULL;
    aimi_pool_budget_copy_name(fresh->account.name, name, "");
    fresh->account.limit = AIMEM_BUDGET_UNLIMITED;
    aimi_pool_budget_lock(t);
    tag = aimi_pool_budget_tag(t, name); /* another thread may have come first */
    if (tag == NULL) {
        tag = fresh;
        fresh = NULL;
        tag->next = t->tags;
        t->tags = tag;
    }
    aimi_pool_budget_unlock(t);
    aimc_free(&t->allocator, fresh, sizeof *fresh, AIMI_POOL_BUDGET_ALIGN);
    return tag;
}

/* ---- create ---- */

/* Whether a desc with a parent leaves everything alone that is for the whole tree. */
AIMC_FN bool aimi_pool_budget_plain(const aimem_budget_desc *d) {
    return !d->locked && d->levels[0] == 0 && d->levels[1] == 0 && d->levels[2] == 0 &&
           d->levels[3] == 0 && d->hysteresis == 0 && d->emergency_goal == 0 && d->history == 0 &&
           d->retries == 0 && d->repeat_ns == 0 && d->level_fn == NULL &&
           d->out_of_memory_fn == NULL && d->shutdown_fn == NULL && d->user_data == NULL &&
           d->clock.now_fn == NULL && d->logger.log_fn == NULL;
}

/* Levels of desc, or the defaults for those that are 0; false when they make no sense. */
AIMC_FN bool aimi_pool_budget_marks(const aimem_budget_desc *d, aimi_pool_tree *t) {
    static const uint32_t usual[] = {0, 700, 800, 900, 950};
    uint32_t i;
    for (i = 1; i < AIMEM_BUDGET_LEVELS; i++) {
        t->marks[i] = d->levels[i - 1] != 0 ? d->levels[i - 1] : usual[i];
        if (t->marks[i] > 1000 || t->marks[i] <= t->marks[i - 1]) return false;
    }
    t->hysteresis = d->hysteresis != 0 ? d->hysteresis : 50;
    if (d->hysteresis == 0 && t->hysteresis >= t->marks[1]) t->hysteresis = t->marks[1] - 1;
    t->goal = d->emergency_goal != 0 ? d->emergency_goal : t->marks[AIMEM_BUDGET_MEDIUM];
    return t->hysteresis < t->marks[1] && t->goal <= 1000;
}

AIMC_FN void aimi_pool_budget_set_tree(aimi_pool_tree *t, const aimem_budget_desc *d) {
    t->retries = d->retries != 0 ? d->retries : 16;
    t->repeat_ns = d->repeat_ns != 0 ? d->repeat_ns : (uint64_t)10 * 1000000000u;
    t->level_fn = d->level_fn;
    t->out_of_memory_fn = d->out_of_memory_fn;
    t->shutdown_fn = d->shutdown_fn;
    t->user_data = d->user_data;
    t->clock = d->clock;
    t->logger = d->logger;
    /* Trees begin at different numbers, so that a reclaimer of one is none of another. */
    t->next_id = (((uint64_t)(uintptr_t)t * 0x9E3779B97F4A7C15u) >> 34 | 1) << 32 | 1;
}

AIMC_FN void aimi_pool_budget_set_node(aimem_budget *b, const aimem_budget_desc *d,
                                       uint64_t limit) {
    aimi_pool_budget_copy_name(b->account.name, d->name, "budget");
    b->account.limit = limit;
    b->account.soft = d->soft_limit;
    b->reserve = d->reserve;
}

AIMC_FN size_t aimi_pool_budget_root_size(size_t records) {
    return sizeof(aimem_budget) + sizeof(aimi_pool_tree) + records * sizeof(aimem_budget_record);
}

/* The memory of a root, and all that hangs on a tree without nodes. */
AIMC_FN void aimi_pool_budget_free_tree(aimem_budget *root) {
    aimi_pool_tree *t = root->tree;
    aimem_allocator allocator = t->allocator;
    size_t size = aimi_pool_budget_root_size(t->record_cap);
    while (t->tags != NULL) {
        aimi_pool_tag *tag = t->tags;
        t->tags = tag->next;
        aimc_free(&allocator, tag, sizeof *tag, AIMI_POOL_BUDGET_ALIGN);
    }
    if (t->locked) aimc_mutex_deinit(&t->lock);
    aimc_free(&allocator, root, size, AIMI_POOL_BUDGET_ALIGN);
}

AIMC_FN aimem_result aimi_pool_budget_create_root(const aimem_budget_desc *d, aimem_budget **out) {
    aimem_allocator allocator;
    aimi_pool_tree marks, *t;
    aimem_budget *b;
    size_t records = d->history == 0 ? 100 : d->history == UINT32_MAX ? 0 : d->history;
    uint64_t limit = aimi_pool_budget_limit(d->limit, true);
    memset(&marks, 0, sizeof marks);
    if (!aimi_pool_budget_marks(d, &marks)) return AIMEM_ERR_INVALID;
    if (!aimc_allocator_or_default(&d->allocator, &allocator)) return AIMEM_ERR_INVALID;
    if (limit == 0) return AIMEM_ERR_UNSUPPORTED;
    if (d->reserve > limit) return AIMEM_ERR_INVALID;
#if !defined(AIMC_THREADS)
    if (d->locked) return AIMEM_ERR_UNSUPPORTED;
#endif
    if (records > (size_t)PTRDIFF_MAX / 2 / sizeof(aimem_budget_record)) return AIMEM_ERR_NOMEM;
    b = (aimem_budget *)aimc_alloc_zeroed(&allocator, aimi_pool_budget_root_size(records),
                                          AIMI_POOL_BUDGET_ALIGN);
    if (b == NULL) return AIMEM_ERR_NOMEM;
    t = (aimi_pool_tree *)(void *)(b + 1);
    *t = marks;
    t->records = (aimem_budget_record *)(void *)(t + 1);
    t->record_cap = records;
    t->root = b;
    t->allocator = b->allocator = allocator;
    aimi_pool_budget_set_tree(t, d);
    aimi_pool_budget_set_node(b, d, limit);
    b->tree = t;
    if (d->locked && !aimc_mutex_init(&t->lock)) {
        aimi_pool_budget_free_tree(b);
        return AIMEM_ERR_NOMEM;
    }
    t->locked = d->locked;
    if (d->tag != NULL) {
        b->tag = aimi_pool_budget_make_tag(t, d->tag);
        if (b->tag == NULL) {
            aimi_pool_budget_free_tree(b);
            return AIMEM_ERR_NOMEM;
        }
    }
    *out = b;
    return AIMEM_OK;
}

/* Charges the reserve of a new child above it, and hangs it into the tree. */
AIMC_FN aimem_result aimi_pool_budget_join(aimem_budget *b, aimem_budget *parent) {
    aimi_pool_tree *t = b->tree;
    aimem_result result;
    aimi_pool_op op;
    memset(&op, 0, sizeof op);
    op.bytes = b->reserve;
    op.counted = true;
    result = aimi_pool_budget_request(parent, &op);
    if (result != AIMEM_OK) return result;
    aimi_pool_budget_lock(t);
    if (parent->doomed) {
        aimi_pool_budget_give(parent, b->reserve, false);
        result = AIMEM_ERR_CANCELLED;
    } else {
        b->parent = parent;
        b->sibling = parent->child;
        parent->child = b;
    }
    aimi_pool_budget_unlock(t);
    return result;
}

AIMC_FN aimem_result aimi_pool_budget_create_child(const aimem_budget_desc *d, aimem_budget **out) {
    aimem_budget *parent = d->parent, *b;
    aimi_pool_tree *t = parent->tree;
    uint64_t limit = aimi_pool_budget_limit(d->limit, false);
    aimem_allocator meta = t->allocator;
    aimem_result result;
    if (!aimi_pool_budget_plain(d) || d->reserve > limit) return AIMEM_ERR_INVALID;
    b = (aimem_budget *)aimc_alloc_zeroed(&meta, sizeof *b, AIMI_POOL_BUDGET_ALIGN);
    if (b == NULL) return AIMEM_ERR_NOMEM;
    aimi_pool_budget_set_node(b, d, limit);
    b->tree = t;
    b->allocator = d->allocator.realloc_fn != NULL ? d->allocator : parent->allocator;
    b->tag = d->tag != NULL ? aimi_pool_budget_make_tag(t, d->tag) : parent->tag;
    result = d->tag != NULL && b->tag == NULL ? AIMEM_ERR_NOMEM : aimi_pool_budget_join(b, parent);
    if (result != AIMEM_OK) {
        aimc_free(&meta, b, sizeof *b, AIMI_POOL_BUDGET_ALIGN);
        return result;
    }
    *out = b;
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_budget_create(const aimem_budget_desc *desc, aimem_budget **out) {
    aimem_budget_desc none;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    memset(&none, 0, sizeof none);
    if (desc == NULL) desc = &none;
    if (desc->canary_zero != 0) return AIMEM_ERR_INVALID;
    return desc->parent == NULL ? aimi_pool_budget_create_root(desc, out) :
                                  aimi_pool_budget_create_child(desc, out);
}

/* ---- destroy ---- */

/* The reclaimer below top with the smallest id above last, its name in name; 0: none. */
AIMC_FN uint64_t aimi_pool_budget_next_id(const aimem_budget *top, uint64_t last, char *name) {
    aimi_pool_tree *t = top->tree;
    const aimi_pool_reclaimer *r, *best = NULL;
    uint64_t id = 0;
    aimi_pool_budget_lock(t);
    for (r = t->reclaimers; r != NULL; r = r->next) {
        if (r->id <= last || r->dead || !aimi_pool_budget_below(r->budget, top)) continue;
        if (best == NULL || r->id < best->id) best = r;
    }
    if (best != NULL) {
        id = best->id;
        memcpy(name, best->name, sizeof best->name);
    }
    aimi_pool_budget_unlock(t);
    return id;
}

AIMC_FN void aimi_pool_budget_tell_one(const aimem_budget *b, const char *what, const char *name) {
    aimi_pool_text text;
    aimi_pool_text_begin(&text, b->account.name);
    aimi_pool_text_add(&text, what);
    aimi_pool_text_add(&text, name);
    aimi_pool_text_add(&text, " was open when it was destroyed");
    aimi_pool_text_send(&text, &b->tree->logger, 1, AIMEM_ERR_BUSY);
}

AIMC_FN void aimi_pool_budget_tell_open(const aimem_budget *top) {
    char name[AIMI_POOL_BUDGET_NAME];
    const aimem_budget *n;
    uint64_t id = 0;
    if (top->tree->logger.log_fn == NULL) return;
    for (n = top; n != NULL; n = aimi_pool_budget_next(n, top)) {
        if (n != top) aimi_pool_budget_tell_one(top, "budget ", n->account.name);
        if (n->own != 0) {
            aimi_pool_text text;
            aimi_pool_text_begin(&text, n->account.name);
            aimi_pool_text_number(&text, n->own, 10);
            aimi_pool_text_add(&text, " bytes were charged when it was destroyed");
            aimi_pool_text_send(&text, &n->tree->logger, 1, AIMEM_ERR_BUSY);
        }
    }
    for (;;) {
        id = aimi_pool_budget_next_id(top, id, name);
        if (id == 0) return;
        aimi_pool_budget_tell_one(top, "reclaimer ", name);
    }
}

/* Takes the subtree out of the tree and out of all counts; its reclaimers go to a list. The lock is
   held, and there is no pass. */
AIMC_FN aimi_pool_reclaimer *aimi_pool_budget_cut(aimem_budget *top) {
    aimi_pool_tree *t = top->tree;
    aimi_pool_reclaimer **at = &t->reclaimers, *gone = NULL;
    aimem_budget *n, *parent = top->parent;
    while (*at != NULL) {
        aimi_pool_reclaimer *r = *at;
        if (aimi_pool_budget_below(r->budget, top)) {
            *at = r->next;
            r->next = gone;
            gone = r;
        } else {
            at = &r->next;
        }
    }
    for (n = top; n != NULL; n = aimi_pool_budget_next(n, top)) {
        if (n->tag != NULL) n->tag->account.used -= n->own;
    }
    if (parent != NULL) {
        aimem_budget **link = &parent->child;
        uint64_t held = top->account.used > top->reserve ? top->account.used : top->reserve;
        while (*link != top) link = &(*link)->sibling;
        *link = top->sibling;
        aimi_pool_budget_give(parent, held, false);
    }
    return gone;
}

/* Frees what was cut. The lock is free. */
AIMC_FN void aimi_pool_budget_free_cut(aimem_budget *top, aimi_pool_reclaimer *gone) {
    aimi_pool_tree *t = top->tree;
    aimem_allocator meta = t->allocator;
    aimem_budget *root = t->root, *n = top;
    uint32_t i;
    while (gone != NULL) {
        aimi_pool_reclaimer *r = gone;
        gone = r->next;
        aimc_free(&meta, r, sizeof *r, AIMI_POOL_BUDGET_ALIGN);
    }
    for (;;) { /* the deepest first child, again and again */
        aimem_budget *parent;
        while (n->child != NULL) n = n->child;
        parent = n == top ? NULL : n->parent;
        if (parent != NULL) parent->child = n->sibling;
        for (i = 0; i < AIMEM_BUDGET_LEVELS; i++) {
            aimc_free(&meta, n->lists[i].actions, n->lists[i].count * sizeof(aimem_budget_action),
                      AIMI_POOL_BUDGET_ALIGN);
        }
        if (n == root) {
            aimi_pool_budget_free_tree(n);
        } else {
            aimc_free(&meta, n, sizeof *n, AIMI_POOL_BUDGET_ALIGN);
        }
        if (parent == NULL) return;
        n = parent;
    }
}

/* Frees every subtree that was destroyed during the passes. */
AIMC_FN void aimi_pool_budget_reap(aimi_pool_tree *t) {
    bool root;
    do {
        aimi_pool_reclaimer *gone = NULL;
        aimem_budget *n;
        aimi_pool_budget_lock(t);
        n = t->passes == NULL ? t->root : NULL;
        while (n != NULL && !n->doomed) n = aimi_pool_budget_next(n, t->root);
        root = n == t->root;
        if (n != NULL) gone = aimi_pool_budget_cut(n);
        if (n == NULL && t->passes == NULL) t->doomed = false;
        aimi_pool_budget_unlock(t);
        if (n == NULL) return;
        aimi_pool_budget_free_cut(n, gone);
    } while (!root);
}

AIMEM_POOL_API void aimem_budget_destroy(aimem_budget *budget) {
    aimi_pool_tree *t;
    aimi_pool_reclaimer *gone = NULL;
    aimem_budget *n;
    bool later;
    if (budget == NULL) return;
    t = budget->tree;
    aimi_pool_budget_tell_open(budget);
    aimi_pool_budget_lock(t);
    later = t->passes != NULL;
    if (later) {
        for (n = budget; n != NULL; n = aimi_pool_budget_next(n, budget)) n->doomed = true;
        t->doomed = true;
    } else {
        gone = aimi_pool_budget_cut(budget);
    }
    aimi_pool_budget_unlock(t);
    if (!later) aimi_pool_budget_free_cut(budget, gone);
}

#endif
