/* pool/budget_reclaim.h: requests that do not fit at once: reclaimers, the handler, giving up.
 *
 *   attempt --> fits: done
 *      |  ^
 *      |  +---------------- after each reclaimer ----+
 *      v                                             |
 *   sweep: caches, models, buffers, collector x 3 ---+
 *      |  ^
 *      v  +--- retry ---+
 *   out-of-memory handler --- give up --> logger, shutdown callback, error
 *
 * A sweep asks every reclaimer at most once a round: the number that a reclaimer keeps is that of
 * the last sweep that asked it, and one that is registered meanwhile starts with the newest number.
 * So sweeps end whatever callbacks do. The order of emergency measures and the retry after each is
 * that of the kernel's reclaim and out-of-memory paths; the C++ new handler (Stroustrup, 1994) is
 * the model of the out-of-memory handler.
 */
#ifndef AIMI_POOL_BUDGET_RECLAIM_H
#define AIMI_POOL_BUDGET_RECLAIM_H

#include "pool/budget_tree.h"

/* What is to be done once it fits. */
typedef struct aimi_pool_op {
    uint64_t bytes; /* to charge */
    uint32_t flags; /* of the caller */
    uint32_t all;   /* and those set on the way up, as of the last attempt */
    bool counted;
    bool own;    /* as own bytes (aimi_pool_budget_fits) */
    bool memory; /* and call the allocator with the rest: */
    void *ptr;
    size_t old_size, new_size, align;
    void *result;
} aimi_pool_op;

/* ---- history ---- */

/* The lock is held. */
AIMC_FN void aimi_pool_budget_record(aimi_pool_tree *t, const aimem_budget_record *record) {
    if (t->record_cap == 0) return;
    t->records[t->record_next] = *record;
    t->record_next = (t->record_next + 1) % t->record_cap;
    if (t->record_count < t->record_cap) t->record_count++;
}

/* The clock is a hook: it is asked before the lock is taken. */
AIMC_FN uint64_t aimi_pool_budget_now(const aimi_pool_tree *t) {
    return aimc_clock_now(&t->clock, AIMC_CLOCK_KIND_MONOTONIC);
}

/* The lock is held. */
AIMC_FN void aimi_pool_budget_record_begin(aimem_budget_record *record, uint64_t now,
                                           const aimi_pool_account *a, uint32_t level,
                                           uint32_t action) {
    memset(record, 0, sizeof *record);
    memcpy(record->name, a->name, sizeof record->name);
    record->at_ns = now;
    record->before = a->used;
    record->level = level;
    record->action = action;
}

/* Adds the time since begin, when the clock did not go back. */
AIMC_FN void aimi_pool_budget_record_time(const aimi_pool_tree *t, aimem_budget_record *record,
                                          uint64_t begin) {
    uint64_t now = aimi_pool_budget_now(t);
    if (now > begin) record->duration_ns += now - begin;
}

/* ---- sweeps ---- */

/* The lock is held. */
AIMC_FN void aimi_pool_budget_sweep_begin(aimi_pool_tree *t, aimi_pool_sweep *s, uint32_t first,
                                          uint32_t last, uint32_t rounds) {
    memset(s, 0, sizeof *s);
    s->number = ++t->number;
    s->kind = first;
    s->last = last;
    s->round = 1;
    s->rounds = rounds;
    s->share = 1000;
    s->items = UINT32_MAX;
}

/* Whether r may be asked on behalf of what is full; asker: the budget of the request, or NULL. */
AIMC_FN bool aimi_pool_budget_may_ask(const aimi_pool_reclaimer *r, const aimi_pool_gap *where,
                                      const aimem_budget *asker) {
    if (r->essential || r->dead || r->budget->doomed) return false;
    if (r->not_own && r->budget == asker) return false;
    if (where->tag != NULL) return r->budget->tag == where->tag;
    return aimi_pool_budget_below(r->budget, where->node);
}

AIMC_FN bool aimi_pool_budget_before(const aimi_pool_reclaimer *a, const aimi_pool_reclaimer *b) {
    if (a->priority != b->priority) return a->priority < b->priority;
    if (a->stamp != b->stamp) return a->stamp < b->stamp;
    return a->id < b->id;
}

/* The next reclaimer of the sweep's class, or NULL. The lock is held. O(reclaimers x depth). */
AIMC_FN aimi_pool_reclaimer *aimi_pool_budget_pick(aimi_pool_tree *t, aimi_pool_sweep *s,
                                                   const aimi_pool_gap *where,
                                                   const aimem_budget *asker) {
    aimi_pool_reclaimer *r, *best = NULL;
    for (r = t->reclaimers; r != NULL; r = r->next) {
        if (r->kind != s->kind || r->number == s->number) continue;
        if (!aimi_pool_budget_may_ask(r, where, asker)) continue;
        if (r->busy || r->number > s->number) {
            s->crowded = true;
        } else if (best == NULL || aimi_pool_budget_before(r, best)) {
            best = r;
        }
    }
    return best;
}

/* The same, going on to the next class or round; NULL at the end of the sweep. */
AIMC_FN aimi_pool_reclaimer *aimi_pool_budget_pick_any(aimi_pool_tree *t, aimi_pool_sweep *s,
                                                       const aimi_pool_gap *where,
                                                       const aimem_budget *asker) {
    for (;;) {
        aimi_pool_reclaimer *r = aimi_pool_budget_pick(t, s, where, asker);
        if (r != NULL) return r;
        if (s->kind < s->last) {
            s->kind++;
        } else if (s->kind == AIMEM_BUDGET_COLLECTOR && s->round < s->rounds &&
                   s->round_asked != 0) {
            s->round++;
            s->round_asked = 0;
            s->number = ++t->number;
        } else {
            return NULL;
        }
    }
}

/* Takes a reclaimer out of the list. The lock is held. */
AIMC_FN void aimi_pool_budget_unlink(aimi_pool_tree *t, const aimi_pool_reclaimer *r) {
    aimi_pool_reclaimer **at = &t->reclaimers;
    while (*at != r) at = &(*at)->next;
    *at = r->next;
}

/* Asks one reclaimer for bytes. False when there is none left. The lock is free. */
AIMC_FN bool aimi_pool_budget_step(aimi_pool_tree *t, aimi_pool_sweep *s,
                                   const aimi_pool_gap *where, const aimem_budget *asker,
                                   uint64_t bytes) {
    aimem_budget_request request;
    aimi_pool_reclaimer *r;
    uint64_t freed;
    bool dead;
    aimi_pool_budget_lock(t);
    r = s->items == 0 ? NULL : aimi_pool_budget_pick_any(t, s, where, asker);
    if (r == NULL) {
        aimi_pool_budget_unlock(t);
        return false;
    }
    r->busy = true;
    r->number = s->number;
    r->thread = t->locked ? aimc_thread_id() : 0;
    if (r->kind == AIMEM_BUDGET_COLLECTOR) s->round_asked++;
    aimi_pool_budget_unlock(t);
    memset(&request, 0, sizeof request);
    request.kind = r->kind;
    request.why = s->why;
    request.level = s->level;
    request.round = s->round;
    request.share = s->share;
    request.items = s->items;
    request.bytes = bytes;
    freed = r->reclaim_fn(r->user_data, &request);
    aimi_pool_budget_lock(t);
    r->busy = false;
    dead = r->dead;
    if (dead) aimi_pool_budget_unlink(t, r);
    aimi_pool_budget_unlock(t);
    if (dead) aimc_free(&t->allocator, r, sizeof *r, AIMI_POOL_BUDGET_ALIGN);
    s->asked++;
    s->freed = freed;
    if (request.done == 0 && freed != 0) request.done = 1;
    if (s->items != UINT32_MAX) s->items -= request.done < s->items ? request.done : s->items;
    return true;
}

/* ---- one request ---- */

/* Charges, and calls the allocator; OK, LIMIT, NOMEM, CANCELLED. Where it does not fit: gap. */
AIMC_FN aimem_result aimi_pool_budget_attempt(aimem_budget *b, aimi_pool_op *op,
                                              aimi_pool_gap *gap) {
    aimi_pool_tree *t = b->tree;
    aimem_result result = AIMEM_OK;
    aimi_pool_budget_lock(t);
    op->all = aimi_pool_budget_flags(b, op->flags);
    if (!op->counted) b->requests++;
    op->counted = true;
    if (b->doomed) {
        result = AIMEM_ERR_CANCELLED;
    } else if (!aimi_pool_budget_fits(b, op->bytes, op->all, op->own, gap)) {
        result = AIMEM_ERR_LIMIT;
    } else {
        aimi_pool_budget_take(b, op->bytes, op->own);
    }
    aimi_pool_budget_unlock(t);
    if (result != AIMEM_OK || !op->memory) return result;
    op->result = b->allocator.realloc_fn(b->allocator.user_data, op->ptr, op->old_size,
                                         op->new_size, op->align);
    if (op->result != NULL) return AIMEM_OK;
    aimi_pool_budget_lock(t);
    aimi_pool_budget_give(b, op->bytes, op->own);
    gap->full = &b->account;
    gap->node = t->root;
    gap->tag = NULL;
    gap->missing = op->bytes;
    gap->hopeless = false;
    aimi_pool_budget_unlock(t);
    return AIMEM_ERR_NOMEM;
}

/* One sweep, with an attempt after every reclaimer that can have helped. When another account turns
   out to be full, the classes begin anew for that one, but nobody is asked twice. */
AIMC_FN aimem_result aimi_pool_budget_sweep(aimem_budget *b, aimi_pool_op *op, aimi_pool_gap *gap,
                                            aimem_result result, aimi_pool_sweep *s) {
    const aimi_pool_account *full = gap->full;
    while (aimi_pool_budget_step(b->tree, s, gap, b, gap->missing)) {
        if (result == AIMEM_ERR_NOMEM && s->freed == 0) continue;
        result = aimi_pool_budget_attempt(b, op, gap);
        if (result == AIMEM_OK || result == AIMEM_ERR_CANCELLED) break;
        if (gap->full != full && s->round == 1) s->kind = AIMEM_BUDGET_CACHE;
        full = gap->full;
    }
    return result;
}

/* Sweeps for a request that did not fit, and records it. Where other threads were reclaiming at the
   same time it may be they who freed enough: then a few more goes. */
AIMC_FN aimem_result aimi_pool_budget_relieve(aimem_budget *b, aimi_pool_op *op,
                                              aimi_pool_gap *gap, aimem_result result) {
    aimi_pool_tree *t = b->tree;
    const aimi_pool_account *full = gap->full;
    aimem_budget_record record;
    aimi_pool_sweep s;
    uint64_t now = aimi_pool_budget_now(t);
    int go;
    aimi_pool_budget_lock(t);
    aimi_pool_budget_record_begin(&record, now, full, b->level, AIMEM_BUDGET_SHORTAGE);
    aimi_pool_budget_unlock(t);
    for (go = 0; go < 16; go++) {
        aimi_pool_budget_lock(t);
        aimi_pool_budget_sweep_begin(t, &s, AIMEM_BUDGET_CACHE, AIMEM_BUDGET_COLLECTOR, 3);
        s.why = AIMEM_BUDGET_SHORTAGE;
        s.level = b->level;
        aimi_pool_budget_unlock(t);
        result = aimi_pool_budget_sweep(b, op, gap, result, &s);
        record.asked += s.asked;
        if (!s.crowded || result == AIMEM_OK || result == AIMEM_ERR_CANCELLED) break;
        aimc_thread_yield();
        result = aimi_pool_budget_attempt(b, op, gap);
        if (result == AIMEM_OK || result == AIMEM_ERR_CANCELLED) break;
    }
    aimi_pool_budget_record_time(t, &record, record.at_ns);
    aimi_pool_budget_lock(t);
    record.after = full->used;
    record.success = result == AIMEM_OK;
    aimi_pool_budget_record(t, &record);
    aimi_pool_budget_unlock(t);
    return result;
}

AIMC_FN void aimi_pool_budget_tell_shortage(const aimi_pool_tree *t,
                                            const aimem_budget_shortage *s) {
    aimi_pool_text text;
    if (t->logger.log_fn == NULL) return;
    aimi_pool_text_begin(&text, s->budget->account.name);
    aimi_pool_text_number(&text, s->bytes, 10);
    aimi_pool_text_add(&text, " bytes refused: ");
    aimi_pool_text_number(&text, s->missing, 10);
    aimi_pool_text_add(&text, s->result == AIMEM_ERR_LIMIT ? " are missing in " :
                                                              " were not to be had by ");
    aimi_pool_text_add(&text, s->full);
    aimi_pool_text_send(&text, &t->logger, 0, s->result);
}

/* Sweeps and asks the handler until the request fits or everybody gives up. */
AIMC_FN aimem_result aimi_pool_budget_insist(aimem_budget *b, aimi_pool_op *op, aimi_pool_gap *gap,
                                             aimem_result result) {
    aimi_pool_tree *t = b->tree;
    aimem_budget_shortage s;
    uint32_t attempt;
    bool over;
    memset(&s, 0, sizeof s);
    s.budget = b;
    s.bytes = op->bytes;
    for (attempt = 1;; attempt++) {
        if (!gap->hopeless) result = aimi_pool_budget_relieve(b, op, gap, result);
        if (result == AIMEM_OK || result == AIMEM_ERR_CANCELLED) break;
        s.full = gap->full->name;
        s.missing = gap->missing;
        s.attempt = attempt;
        s.result = result;
        if (t->out_of_memory_fn == NULL || attempt > t->retries ||
            t->out_of_memory_fn(t->user_data, &s) != AIMEM_BUDGET_RETRY) {
            break;
        }
        result = aimi_pool_budget_attempt(b, op, gap);
        if (result == AIMEM_OK || result == AIMEM_ERR_CANCELLED) break;
    }
    aimi_pool_budget_lock(t);
    if (b->doomed && result != AIMEM_OK) result = AIMEM_ERR_CANCELLED;
    over = result == AIMEM_ERR_LIMIT || result == AIMEM_ERR_NOMEM;
    if (result == AIMEM_OK) b->relieved++;
    if (result != AIMEM_OK) b->refused++;
    if (over) b->given_up++;
    aimi_pool_budget_unlock(t);
    if (over) {
        aimi_pool_budget_tell_shortage(t, &s);
        if (t->shutdown_fn != NULL) t->shutdown_fn(t->user_data, &s);
    }
    return result;
}

AIMC_FN void aimi_pool_budget_reap(aimi_pool_tree *t); /* budget_life.h */

/* Ends a pass; the last one frees what was destroyed meanwhile, the tree included. */
AIMC_FN void aimi_pool_budget_end_pass(aimi_pool_tree *t, const aimi_pool_pass *pass) {
    bool reap;
    aimi_pool_budget_lock(t);
    aimi_pool_budget_leave(t, pass);
    reap = t->doomed && t->passes == NULL;
    aimi_pool_budget_unlock(t);
    if (reap) aimi_pool_budget_reap(t);
}

/* The whole of it. b may be gone afterwards, when the result is CANCELLED. */
AIMC_FN aimem_result aimi_pool_budget_request(aimem_budget *b, aimi_pool_op *op) {
    aimi_pool_tree *t = b->tree;
    aimi_pool_gap gap;
    aimi_pool_pass pass;
    aimem_result result;
    bool quiet;
    result = aimi_pool_budget_attempt(b, op, &gap);
    if (AIMC_LIKELY(result == AIMEM_OK)) return AIMEM_OK;
    aimi_pool_budget_lock(t);
    quiet = op->all != 0 || result == AIMEM_ERR_CANCELLED || aimi_pool_budget_inside(t);
    if (quiet) {
        b->refused++;
    } else {
        aimi_pool_budget_enter(t, &pass);
    }
    aimi_pool_budget_unlock(t);
    if (quiet) return result;
    result = aimi_pool_budget_insist(b, op, &gap, result);
    aimi_pool_budget_end_pass(t, &pass);
    return result;
}

/* ---- registration ---- */

/* The registered reclaimer of this number, or NULL. The lock is held. */
AIMC_FN aimi_pool_reclaimer *aimi_pool_budget_known(const aimi_pool_tree *t,
                                                    aimem_budget_reclaimer reclaimer) {
    aimi_pool_reclaimer *r = t->reclaimers;
    while (r != NULL && (r->id != reclaimer.id || r->dead)) r = r->next;
    return r;
}

AIMEM_POOL_API aimem_result aimem_budget_add(aimem_budget *budget,
                                             const aimem_budget_reclaimer_desc *desc,
                                             aimem_budget_reclaimer *out) {
    aimi_pool_tree *t;
    aimi_pool_reclaimer *r;
    bool doomed;
    if (out == NULL) return AIMEM_ERR_INVALID;
    out->id = 0;
    if (budget == NULL || desc == NULL || desc->canary_zero != 0 || desc->reclaim_fn == NULL ||
        desc->kind > AIMEM_BUDGET_COLLECTOR) {
        return AIMEM_ERR_INVALID;
    }
    t = budget->tree;
    r = (aimi_pool_reclaimer *)aimc_alloc_zeroed(&t->allocator, sizeof *r, AIMI_POOL_BUDGET_ALIGN);
    if (r == NULL) return AIMEM_ERR_NOMEM;
    aimi_pool_budget_copy_name(r->name, desc->name, "reclaimer");
    r->budget = budget;
    r->kind = desc->kind;
    r->priority = desc->priority;
    r->essential = desc->essential;
    r->not_own = desc->not_own;
    r->reclaim_fn = desc->reclaim_fn;
    r->user_data = desc->user_data;
    aimi_pool_budget_lock(t);
    doomed = budget->doomed;
    if (!doomed) {
        r->id = t->next_id++;
        r->stamp = ++t->stamp;
        r->number = t->number;
        r->next = t->reclaimers;
        t->reclaimers = r;
        out->id = r->id;
    }
    aimi_pool_budget_unlock(t);
    if (doomed) aimc_free(&t->allocator, r, sizeof *r, AIMI_POOL_BUDGET_ALIGN);
    return doomed ? AIMEM_ERR_CANCELLED : AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_budget_remove(aimem_budget *budget,
                                                aimem_budget_reclaimer reclaimer) {
    aimi_pool_tree *t;
    aimi_pool_reclaimer *r;
    aimem_result result = AIMEM_OK;
    if (budget == NULL) return AIMEM_ERR_INVALID;
    t = budget->tree;
    aimi_pool_budget_lock(t);
    r = aimi_pool_budget_known(t, reclaimer);
    if (r == NULL) {
        result = AIMEM_ERR_STALE;
    } else if (!r->busy) {
        aimi_pool_budget_unlink(t, r);
    } else {
        /* It removes itself: the step that called it frees it. */
        if (t->locked && r->thread != aimc_thread_id()) {
            result = AIMEM_ERR_BUSY;
        } else {
            r->dead = true;
        }
        r = NULL;
    }
    aimi_pool_budget_unlock(t);
    aimc_free(&t->allocator, r, sizeof *r, AIMI_POOL_BUDGET_ALIGN);
    return result;
}

AIMEM_POOL_API aimem_result aimem_budget_touch(aimem_budget *budget,
                                               aimem_budget_reclaimer reclaimer) {
    aimi_pool_tree *t;
    aimi_pool_reclaimer *r;
    if (budget == NULL) return AIMEM_ERR_INVALID;
    t = budget->tree;
    aimi_pool_budget_lock(t);
    r = aimi_pool_budget_known(t, reclaimer);
    if (r != NULL) r->stamp = ++t->stamp;
    aimi_pool_budget_unlock(t);
    return r != NULL ? AIMEM_OK : AIMEM_ERR_STALE;
}

AIMEM_POOL_API aimem_result aimem_budget_set_essential(aimem_budget *budget,
                                                       aimem_budget_reclaimer reclaimer,
                                                       bool essential) {
    aimi_pool_tree *t;
    aimi_pool_reclaimer *r;
    if (budget == NULL) return AIMEM_ERR_INVALID;
    t = budget->tree;
    aimi_pool_budget_lock(t);
    r = aimi_pool_budget_known(t, reclaimer);
    if (r != NULL) r->essential = essential;
    aimi_pool_budget_unlock(t);
    return r != NULL ? AIMEM_OK : AIMEM_ERR_STALE;
}

#endif
