/* pool/budget_level.h: levels with hysteresis, the actions bound to them, and the tick.
 *
 *   used / limit   0 ......... 700 ..... 800 ..... 900 .. 950 ... 1000
 *   rising         none        low       medium    high   critical
 *   falling        none    650 low   750 medium 850 high 900 critical
 *
 * A level is reached at its mark and left hysteresis below it, so use that swings around a mark
 * runs its actions once. The actions of one level of one node are a run: it can be left after any
 * callback when the tick's time is over, and the next tick goes on there.
 */
#ifndef AIMI_POOL_BUDGET_LEVEL_H
#define AIMI_POOL_BUDGET_LEVEL_H

#include "pool/budget_reclaim.h"

/* The level of so many bytes used, coming from level now. */
AIMC_FN uint32_t aimi_pool_budget_level_of(const aimi_pool_tree *t, const aimi_pool_account *a,
                                           uint32_t now) {
    uint32_t level = AIMEM_BUDGET_CRITICAL;
    if (a->limit == AIMEM_BUDGET_UNLIMITED) return AIMEM_BUDGET_NONE;
    for (; level > AIMEM_BUDGET_NONE; level--) {
        uint32_t mark = t->marks[level] - (level <= now ? t->hysteresis : 0);
        if (a->used >= aimi_pool_budget_part(a->limit, mark)) return level;
    }
    return AIMEM_BUDGET_NONE;
}

/* ---- the actions of a level ---- */

/* Action number index of a level where nothing is bound; false behind the last. */
AIMC_FN bool aimi_pool_budget_default(uint32_t level, uint32_t index, aimem_budget_action *out) {
    memset(out, 0, sizeof *out);
    if (level == AIMEM_BUDGET_CRITICAL) {
        out->kind = AIMEM_BUDGET_EMERGENCY;
        return index == 0;
    }
    if (index >= level) return false;
    if (index == 0) {
        out->kind = AIMEM_BUDGET_CACHE;
        out->share = 300;
    } else if (index == 1) {
        out->kind = AIMEM_BUDGET_MODEL;
        out->items = 2;
    } else {
        out->kind = AIMEM_BUDGET_COLLECTOR;
    }
    return true;
}

/* The same for b as it is bound. The lock is held. */
AIMC_FN bool aimi_pool_budget_action(const aimem_budget *b, uint32_t level, uint32_t index,
                                     aimem_budget_action *out) {
    const aimem_budget *n = b;
    while (n != NULL && !n->lists[level].bound) n = n->parent;
    if (n == NULL) return aimi_pool_budget_default(level, index, out);
    if (index >= n->lists[level].count) return false;
    *out = n->lists[level].actions[index];
    return true;
}

AIMC_FN bool aimi_pool_budget_action_ok(const aimem_budget_action *action) {
    if (action->kind == AIMEM_BUDGET_CALL) return action->call_fn != NULL;
    return action->kind <= AIMEM_BUDGET_EMERGENCY && action->share <= 1000;
}

AIMEM_POOL_API aimem_result aimem_budget_bind(aimem_budget *budget, uint32_t level,
                                              const aimem_budget_action *actions, size_t count) {
    aimi_pool_list fresh, old;
    aimi_pool_tree *t;
    size_t i;
    if (budget == NULL || level == AIMEM_BUDGET_NONE || level > AIMEM_BUDGET_CRITICAL ||
        count > AIMI_POOL_BUDGET_ACTIONS || (actions == NULL && count != 0)) {
        return AIMEM_ERR_INVALID;
    }
    for (i = 0; i < count; i++) {
        if (!aimi_pool_budget_action_ok(&actions[i])) return AIMEM_ERR_INVALID;
    }
    t = budget->tree;
    fresh.actions = NULL;
    fresh.count = (uint32_t)count;
    fresh.bound = actions != NULL;
    if (count != 0) {
        fresh.actions = (aimem_budget_action *)aimc_alloc(&t->allocator, count * sizeof *actions,
                                                          AIMI_POOL_BUDGET_ALIGN);
        if (fresh.actions == NULL) return AIMEM_ERR_NOMEM;
        memcpy(fresh.actions, actions, count * sizeof *actions);
    }
    aimi_pool_budget_lock(t);
    old = budget->lists[level];
    budget->lists[level] = fresh;
    aimi_pool_budget_unlock(t);
    aimc_free(&t->allocator, old.actions, old.count * sizeof *actions, AIMI_POOL_BUDGET_ALIGN);
    return AIMEM_OK;
}

/* ---- runs ---- */

/* The time that a tick has. */
typedef struct aimi_pool_deadline {
    uint64_t begin_ns, budget_ns; /* 0: no limit */
    uint32_t calls;               /* the first is always made, so that every tick gets on */
} aimi_pool_deadline;

AIMC_FN bool aimi_pool_budget_late(const aimi_pool_tree *t, const aimi_pool_deadline *d) {
    uint64_t now;
    if (d->budget_ns == 0 || d->calls == 0) return false;
    now = aimi_pool_budget_now(t);
    return now > d->begin_ns && now - d->begin_ns >= d->budget_ns;
}

/* Begins the next action of the run; false when there is none, and the run ends. */
AIMC_FN bool aimi_pool_budget_run_begin(aimem_budget *b) {
    aimi_pool_tree *t = b->tree;
    aimi_pool_run *run = &b->run;
    uint64_t now = aimi_pool_budget_now(t);
    bool emergency, more;
    aimi_pool_budget_lock(t);
    more = !b->doomed && aimi_pool_budget_action(b, run->level, run->next, &run->action);
    if (more) {
        emergency = run->action.kind == AIMEM_BUDGET_EMERGENCY;
        aimi_pool_budget_sweep_begin(t, &run->sweep,
                                     emergency ? (uint32_t)AIMEM_BUDGET_CACHE : run->action.kind,
                                     emergency ? (uint32_t)AIMEM_BUDGET_COLLECTOR :
                                                 run->action.kind,
                                     emergency ? 3 : 1);
        run->sweep.why = run->action.kind;
        run->sweep.level = run->level;
        if (run->action.share != 0) run->sweep.share = run->action.share;
        if (run->action.items != 0) run->sweep.items = run->action.items;
        aimi_pool_budget_record_begin(&run->record, now, &b->account, run->level,
                                      run->action.kind);
    }
    run->begun = more;
    run->active = more;
    aimi_pool_budget_unlock(t);
    return more;
}

/* How many bytes the action still wants: all it can get, or, in an emergency, down to the goal. */
AIMC_FN uint64_t aimi_pool_budget_wanted(const aimem_budget *b, uint32_t kind) {
    const aimi_pool_tree *t = b->tree;
    uint64_t goal;
    if (kind != AIMEM_BUDGET_EMERGENCY) return UINT64_MAX;
    goal = aimi_pool_budget_part(b->account.limit, t->goal);
    return b->account.used > goal ? b->account.used - goal : 0;
}

/* One callback of the action that has begun; false when the action is done. */
AIMC_FN bool aimi_pool_budget_run_step(aimem_budget *b, aimi_pool_deadline *d) {
    aimi_pool_tree *t = b->tree;
    aimi_pool_run *run = &b->run;
    uint64_t begin = aimi_pool_budget_now(t), wanted;
    aimi_pool_gap where;
    bool more;
    if (run->action.kind == AIMEM_BUDGET_CALL) {
        run->record.success = run->action.call_fn(run->action.user_data, b, run->level);
        d->calls++;
        aimi_pool_budget_record_time(t, &run->record, begin);
        return false;
    }
    aimi_pool_budget_lock(t);
    wanted = b->doomed ? 0 : aimi_pool_budget_wanted(b, run->action.kind);
    aimi_pool_budget_unlock(t);
    if (wanted == 0) return false;
    memset(&where, 0, sizeof where);
    where.node = b;
    more = aimi_pool_budget_step(t, &run->sweep, &where, NULL, wanted);
    if (more) {
        d->calls++;
        if (run->sweep.freed != 0) run->record.success = true;
        aimi_pool_budget_record_time(t, &run->record, begin);
    }
    return more;
}

/* Ends the action that has begun, and remembers it. The lock is held. */
AIMC_FN void aimi_pool_budget_run_end(aimem_budget *b) {
    aimi_pool_run *run = &b->run;
    run->record.asked = run->sweep.asked;
    run->record.after = b->account.used;
    if (run->record.after < run->record.before) run->record.success = true;
    aimi_pool_budget_record(b->tree, &run->record);
    run->begun = false;
    run->next++;
}

/* A run that has not begun is dropped when others have relieved its budget meanwhile: the level, as
   the next tick will see it, is below the one that it is for. */
AIMC_FN void aimi_pool_budget_run_drop(aimem_budget *b) {
    aimi_pool_run *run = &b->run;
    if (!run->active || run->begun || run->next != 0) return;
    aimi_pool_budget_lock(b->tree);
    run->active = aimi_pool_budget_level_of(b->tree, &b->account, run->level) >= run->level;
    aimi_pool_budget_unlock(b->tree);
}

/* Runs what is left of b's run; AIMEM_PENDING when the time is over before its end. */
AIMC_FN aimem_result aimi_pool_budget_run(aimem_budget *b, aimi_pool_deadline *d) {
    aimi_pool_tree *t = b->tree;
    aimi_pool_run *run = &b->run;
    aimi_pool_budget_run_drop(b);
    while (run->active) {
        if (aimi_pool_budget_late(t, d)) return AIMEM_PENDING;
        if (!run->begun && !aimi_pool_budget_run_begin(b)) break;
        if (aimi_pool_budget_run_step(b, d)) continue;
        aimi_pool_budget_lock(t);
        aimi_pool_budget_run_end(b);
        aimi_pool_budget_unlock(t);
    }
    return AIMEM_OK;
}

/* ---- the tick ---- */

/* Without a table: pointers in one are data that must be relocated. */
AIMC_FN const char *aimi_pool_budget_level_name(uint32_t level) {
    switch (level) {
    case AIMEM_BUDGET_NONE: return "none";
    case AIMEM_BUDGET_LOW: return "low";
    case AIMEM_BUDGET_MEDIUM: return "medium";
    case AIMEM_BUDGET_HIGH: return "high";
    default: return "critical";
    }
}

AIMC_FN void aimi_pool_budget_tell_level(const aimem_budget *b, uint32_t level) {
    aimi_pool_text text;
    if (b->tree->logger.log_fn == NULL) return;
    aimi_pool_text_begin(&text, b->account.name);
    aimi_pool_text_add(&text, "memory level ");
    aimi_pool_text_add(&text, aimi_pool_budget_level_name(level));
    aimi_pool_text_send(&text, &b->tree->logger, 1, AIMEM_ERR_LIMIT);
}

/* Whether a level that was not left is to run its actions again. */
AIMC_FN bool aimi_pool_budget_due(const aimem_budget *b) {
    uint64_t repeat_ns = b->tree->repeat_ns;
    return b->level != AIMEM_BUDGET_NONE && !b->run.active && repeat_ns != UINT64_MAX &&
           b->lasted_ns >= repeat_ns;
}

/* The new level of b; begins its run when the level rose or has lasted long enough. A run that has
   begun is left when a higher level begins its own, and else goes to its end. */
AIMC_FN void aimi_pool_budget_watch(aimem_budget *b, uint64_t now_ns) {
    aimi_pool_tree *t = b->tree;
    aimi_pool_run *run = &b->run;
    uint32_t from, to;
    aimi_pool_budget_lock(t);
    from = b->level;
    to = b->level = aimi_pool_budget_level_of(t, &b->account, from);
    if (b->ticked && now_ns > b->last_ns) b->lasted_ns += now_ns - b->last_ns;
    b->ticked = true;
    b->last_ns = now_ns;
    if (to != from) b->lasted_ns = 0;
    if (to > from || aimi_pool_budget_due(b)) {
        if (run->active && run->begun) aimi_pool_budget_run_end(b);
        memset(run, 0, sizeof *run);
        run->active = true;
        run->level = to;
        b->lasted_ns = 0;
    }
    aimi_pool_budget_unlock(t);
    if (to == from) return;
    if (to > from) aimi_pool_budget_tell_level(b, to);
    if (t->level_fn != NULL) t->level_fn(t->user_data, b, from, to);
}

/* The node after n below top that is not destroyed; nodes may come while callbacks run, none go. */
AIMC_FN aimem_budget *aimi_pool_budget_next_live(aimem_budget *n, aimem_budget *top) {
    aimi_pool_budget_lock(top->tree);
    do {
        n = aimi_pool_budget_next(n, top);
    } while (n != NULL && n->doomed);
    aimi_pool_budget_unlock(top->tree);
    return n;
}

AIMEM_POOL_API aimem_result aimem_budget_tick(aimem_budget *budget, uint64_t now_ns,
                                              uint64_t budget_ns) {
    aimem_result result = AIMEM_OK;
    aimi_pool_deadline d;
    aimi_pool_pass pass;
    aimi_pool_tree *t;
    aimem_budget *n;
    bool busy;
    if (budget == NULL) return AIMEM_ERR_INVALID;
    t = budget->tree;
    aimi_pool_budget_lock(t);
    busy = t->ticking || aimi_pool_budget_inside(t);
    if (!busy) {
        t->ticking = true;
        aimi_pool_budget_enter(t, &pass);
    }
    aimi_pool_budget_unlock(t);
    if (busy) return AIMEM_ERR_BUSY;
    d.begin_ns = aimi_pool_budget_now(t);
    d.budget_ns = budget_ns;
    d.calls = 0;
    for (n = budget; n != NULL; n = aimi_pool_budget_next_live(n, budget)) {
        aimi_pool_budget_watch(n, now_ns);
    }
    for (n = budget; n != NULL; n = aimi_pool_budget_next_live(n, budget)) {
        if (aimi_pool_budget_run(n, &d) == AIMEM_PENDING) result = AIMEM_PENDING;
    }
    aimi_pool_budget_lock(t);
    t->ticking = false;
    aimi_pool_budget_unlock(t);
    aimi_pool_budget_end_pass(t, &pass);
    return result;
}

#endif
