/* pool/budget_tree.h: budgets as a tree of counters; charging, taking back, finding what is full.
 *
 *   tree --- root --- child --- child          nodes: parent, first child, next sibling
 *     |                 |         |
 *     +-- tags          tag       tag           a node's own bytes count in one tag at most
 *     +-- reclaimers, in no order               each belongs to a node
 *     +-- passes, the innermost first           one for each thread that runs callbacks
 *
 * Invariants, whenever the lock is free:
 *   own is what was charged to the node itself and not taken back;
 *   used is own, and for each child the larger of its used and its reserve: what it holds;
 *   used of a tag is the sum of own over the nodes with that tag;
 *   peak is the most that used has been, failed requests for memory included;
 *   used is at most limit, unless the limit was lowered since.
 * Nodes and reclaimers stay where they are while there is a pass: what is destroyed in a callback
 * is only marked, and the last pass to end unlinks and frees it. So a pass may hold pointers while
 * the lock is free. The lock is never held across a callback or the allocator.
 * Counters are 64 bits wide everywhere, since charges may stand for disks and devices; a lock makes
 * that possible on processors without 64-bit atomics. Budgets are charged by the chunk, not by the
 * block, so it is not on a hot path. Hierarchical limits with guaranteed minima: the memory
 * controller of Linux control groups (memory.max, memory.min), 2016.
 */
#ifndef AIMI_POOL_BUDGET_TREE_H
#define AIMI_POOL_BUDGET_TREE_H

#include "core/alloc.h"
#include "core/checked.h"
#include "core/clock.h"
#include "core/thread.h"
#include "pool/text.h"

enum {
    AIMI_POOL_BUDGET_NAME = 32,
    AIMI_POOL_BUDGET_FLAGS = AIMEM_BUDGET_TRY | AIMEM_BUDGET_WITHIN | AIMEM_BUDGET_NEVER_GROW,
    AIMI_POOL_BUDGET_ALIGN = 2 * sizeof(void *), /* of nodes, tags and reclaimers */
    AIMI_POOL_BUDGET_ACTIONS = 32                /* in one list at most */
};

typedef struct aimi_pool_account {
    uint64_t used, peak;
    uint64_t limit; /* AIMEM_BUDGET_UNLIMITED: none */
    uint64_t soft;  /* as given; 0: follows the limit */
    char name[AIMI_POOL_BUDGET_NAME];
} aimi_pool_account;

typedef struct aimi_pool_tag {
    aimi_pool_account account;
    struct aimi_pool_tag *next;
} aimi_pool_tag;

/* One go through reclaimers, class by class. Which ones it has asked is known by number: a
   reclaimer remembers the number of the last sweep that asked it. */
typedef struct aimi_pool_sweep {
    uint64_t number;
    uint32_t kind, last; /* the class now, and the last one */
    uint32_t round, rounds;
    uint32_t round_asked; /* collectors asked in this round */
    uint32_t why, level, share, items, asked;
    uint64_t freed; /* what the last one says that it gave back */
    bool crowded;   /* another thread was using a reclaimer that we would have asked */
} aimi_pool_sweep;

/* The actions of a level that was reached; it can be left and continued between any two steps. */
typedef struct aimi_pool_run {
    bool active;
    bool begun; /* the action number next has begun: sweep, action and record are its */
    uint32_t level, next;
    aimi_pool_sweep sweep;
    aimem_budget_action action;
    aimem_budget_record record;
} aimi_pool_run;

typedef struct aimi_pool_list {
    aimem_budget_action *actions;
    uint32_t count;
    bool bound; /* else as the node above */
} aimi_pool_list;

struct aimem_budget {
    aimi_pool_account account;
    struct aimi_pool_tree *tree;
    aimem_budget *parent, *child, *sibling;
    aimi_pool_tag *tag;
    uint64_t own, reserve;
    uint64_t requests, refused, relieved, given_up;
    aimem_allocator allocator;
    uint64_t last_ns;   /* of the last tick */
    uint64_t lasted_ns; /* since the level was reached or its actions ran last */
    uint32_t flags, level;
    bool ticked; /* last_ns is known */
    bool doomed; /* destroyed in a callback */
    aimi_pool_list lists[AIMEM_BUDGET_LEVELS];
    aimi_pool_run run;
};

typedef struct aimi_pool_reclaimer {
    struct aimi_pool_reclaimer *next;
    aimem_budget *budget;
    uint64_t id, stamp, number; /* stamp: order of last use; number: of the last sweep */
    uint32_t kind;
    int32_t priority;
    bool essential, not_own;
    bool busy; /* its function runs, on this thread: */
    bool dead; /* removed while it ran */
    uintptr_t thread;
    uint64_t (*reclaim_fn)(void *user_data, aimem_budget_request *request);
    void *user_data;
    char name[AIMI_POOL_BUDGET_NAME];
} aimi_pool_reclaimer;

/* Lies on the stack of a thread that runs callbacks. */
typedef struct aimi_pool_pass {
    struct aimi_pool_pass *outer;
    uintptr_t thread;
} aimi_pool_pass;

typedef struct aimi_pool_tree {
    aimem_budget *root;
    aimi_pool_tag *tags;
    aimi_pool_reclaimer *reclaimers;
    aimi_pool_pass *passes;
    aimem_allocator allocator; /* of nodes, tags, reclaimers, lists and of the tree */
    aimc_mutex lock;
    bool locked, ticking;
    bool doomed; /* some node is */
    uint32_t marks[AIMEM_BUDGET_LEVELS]; /* thousandths; marks[0] is 0 */
    uint32_t hysteresis, goal, retries;
    uint64_t repeat_ns;
    uint64_t next_id, number, stamp;
    void (*level_fn)(void *user_data, aimem_budget *budget, uint32_t from, uint32_t to);
    uint32_t (*out_of_memory_fn)(void *user_data, const aimem_budget_shortage *shortage);
    void (*shutdown_fn)(void *user_data, const aimem_budget_shortage *shortage);
    void *user_data;
    aimem_clock clock;
    aimem_logger logger;
    aimem_budget_record *records; /* a ring behind this struct, of record_cap */
    size_t record_cap, record_count, record_next;
} aimi_pool_tree;

AIMC_INLINE void aimi_pool_budget_lock(aimi_pool_tree *t) {
    if (t->locked) aimc_mutex_lock(&t->lock);
}

AIMC_INLINE void aimi_pool_budget_unlock(aimi_pool_tree *t) {
    if (t->locked) aimc_mutex_unlock(&t->lock);
}

AIMC_FN void aimi_pool_budget_copy_name(char *to, const char *name, const char *otherwise) {
    size_t i;
    if (name == NULL) name = otherwise;
    memset(to, 0, AIMI_POOL_BUDGET_NAME);
    for (i = 0; i + 1 < AIMI_POOL_BUDGET_NAME && name[i] != '\0'; i++) to[i] = name[i];
}

/* Whether text, cut as names are, is the name. */
AIMC_FN bool aimi_pool_budget_is_name(const char *name, const char *text) {
    size_t i;
    for (i = 0; i + 1 < AIMI_POOL_BUDGET_NAME && text[i] != '\0'; i++) {
        if (name[i] != text[i]) return false;
    }
    return name[i] == '\0';
}

/* The node after n in the tree below top, parents first; NULL at the end. */
AIMC_FN aimem_budget *aimi_pool_budget_next(const aimem_budget *n, const aimem_budget *top) {
    if (n->child != NULL) return n->child;
    while (n != top && n->sibling == NULL) n = n->parent;
    return n == top ? NULL : n->sibling;
}

AIMC_FN bool aimi_pool_budget_below(const aimem_budget *n, const aimem_budget *top) {
    while (n != NULL && n != top) n = n->parent;
    return n != NULL;
}

/* ---- passes: a thread that is inside callbacks ---- */

/* Whether the calling thread is. The lock is held. */
AIMC_FN bool aimi_pool_budget_inside(const aimi_pool_tree *t) {
    const aimi_pool_pass *pass;
    uintptr_t self;
    if (t->passes == NULL) return false;
    self = t->locked ? aimc_thread_id() : 0;
    for (pass = t->passes; pass != NULL; pass = pass->outer) {
        if (pass->thread == self) return true;
    }
    return false;
}

/* The lock is held. */
AIMC_FN void aimi_pool_budget_enter(aimi_pool_tree *t, aimi_pool_pass *pass) {
    pass->thread = t->locked ? aimc_thread_id() : 0;
    pass->outer = t->passes;
    t->passes = pass;
}

/* The lock is held. */
AIMC_FN void aimi_pool_budget_leave(aimi_pool_tree *t, const aimi_pool_pass *pass) {
    aimi_pool_pass **at = &t->passes;
    while (*at != pass) at = &(*at)->outer;
    *at = pass->outer;
}

/* ---- levels and limits of an account ---- */

/* thousandths of bytes, rounded up, without overflow for thousandths up to 1000. */
AIMC_INLINE uint64_t aimi_pool_budget_part(uint64_t bytes, uint32_t thousandths) {
    return bytes / 1000 * thousandths + (bytes % 1000 * thousandths + 999) / 1000;
}

AIMC_FN uint64_t aimi_pool_budget_soft(const aimi_pool_tree *t, const aimi_pool_account *a) {
    if (a->soft != 0) return a->soft;
    if (a->limit == AIMEM_BUDGET_UNLIMITED) return AIMEM_BUDGET_UNLIMITED;
    return aimi_pool_budget_part(a->limit, t->marks[AIMEM_BUDGET_LOW]);
}

/* What used may become. */
AIMC_FN uint64_t aimi_pool_budget_cap(const aimi_pool_tree *t, const aimi_pool_account *a,
                                      uint32_t flags) {
    uint64_t soft;
    if ((flags & AIMEM_BUDGET_WITHIN) == 0) return a->limit;
    soft = aimi_pool_budget_soft(t, a);
    return soft < a->limit ? soft : a->limit;
}

/* ---- charging; the lock is held by the caller ---- */

/* Why a charge does not fit: the first full account on the way up. */
typedef struct aimi_pool_gap {
    const aimi_pool_account *full; /* NULL: it fits */
    const aimem_budget *node;      /* whose account that is, or */
    const aimi_pool_tag *tag;
    uint64_t missing;
    bool hopeless; /* larger than a limit on the way: not even an empty account would do */
} aimi_pool_gap;

/* What a node holds above it when its used grows, or shrinks, by bytes: its reserve is charged
   above it in any case. */
AIMC_INLINE uint64_t aimi_pool_budget_rise(const aimem_budget *n, uint64_t bytes) {
    uint64_t slack = n->reserve > n->account.used ? n->reserve - n->account.used : 0;
    return bytes > slack ? bytes - slack : 0;
}

AIMC_INLINE uint64_t aimi_pool_budget_fall(const aimem_budget *n, uint64_t bytes) {
    uint64_t excess = n->account.used > n->reserve ? n->account.used - n->reserve : 0;
    return bytes < excess ? bytes : excess;
}

/* Notes in gap when bytes more do not fit; true when this is the first account that is full. */
AIMC_FN bool aimi_pool_budget_look(const aimi_pool_tree *t, const aimi_pool_account *a,
                                   uint64_t bytes, uint32_t flags, aimi_pool_gap *gap) {
    uint64_t cap = aimi_pool_budget_cap(t, a, flags);
    if (a->used <= cap && bytes <= cap - a->used) return false;
    if (bytes > a->limit) gap->hopeless = true;
    if (gap->full != NULL) return false;
    gap->full = a;
    gap->missing = a->used <= cap ? bytes - (cap - a->used) : a->used - cap;
    if (a->used > cap && bytes <= UINT64_MAX - gap->missing) gap->missing += bytes;
    return true;
}

/* Whether bytes can be charged to b. own: as its own bytes, which count in its tag; else as what a
   new child holds. O(depth). */
AIMC_FN bool aimi_pool_budget_fits(const aimem_budget *b, uint64_t bytes, uint32_t flags, bool own,
                                   aimi_pool_gap *gap) {
    const aimi_pool_tree *t = b->tree;
    const aimem_budget *n;
    memset(gap, 0, sizeof *gap);
    if (own && b->tag != NULL &&
        aimi_pool_budget_look(t, &b->tag->account, bytes, flags, gap)) {
        gap->tag = b->tag;
    }
    for (n = b; n != NULL && bytes != 0; n = n->parent) {
        if (aimi_pool_budget_look(t, &n->account, bytes, flags, gap)) gap->node = n;
        bytes = aimi_pool_budget_rise(n, bytes);
        if (n == b && bytes != 0 && (flags & AIMEM_BUDGET_NEVER_GROW) != 0 && gap->full == NULL) {
            gap->full = &n->account;
            gap->node = n;
            gap->missing = bytes;
        }
    }
    return gap->full == NULL;
}

AIMC_INLINE void aimi_pool_budget_count(aimi_pool_account *a, uint64_t bytes) {
    a->used += bytes;
    if (a->used > a->peak) a->peak = a->used;
}

/* Charges bytes that fit. */
AIMC_FN void aimi_pool_budget_take(aimem_budget *b, uint64_t bytes, bool own) {
    aimem_budget *n;
    if (own) {
        b->own += bytes;
        if (b->tag != NULL) aimi_pool_budget_count(&b->tag->account, bytes);
    }
    for (n = b; n != NULL && bytes != 0; n = n->parent) {
        uint64_t up = aimi_pool_budget_rise(n, bytes);
        aimi_pool_budget_count(&n->account, bytes);
        bytes = up;
    }
}

/* Takes back bytes that were charged in the same way. */
AIMC_FN void aimi_pool_budget_give(aimem_budget *b, uint64_t bytes, bool own) {
    aimem_budget *n;
    if (own) {
        b->own -= bytes;
        if (b->tag != NULL) b->tag->account.used -= bytes;
    }
    for (n = b; n != NULL && bytes != 0; n = n->parent) {
        uint64_t up = aimi_pool_budget_fall(n, bytes);
        n->account.used -= bytes;
        bytes = up;
    }
}

/* The flags of a request to b: given ones and those that were set on the way up. */
AIMC_FN uint32_t aimi_pool_budget_flags(const aimem_budget *b, uint32_t flags) {
    const aimem_budget *n;
    for (n = b; n != NULL; n = n->parent) flags |= n->flags;
    return flags;
}

/* The largest charge that fits: what there is room for in the node and its tag, in the parent when
   the slack of the reserve is used up first, and so on. */
AIMC_FN uint64_t aimi_pool_budget_available(const aimem_budget *b) {
    uint64_t best = UINT64_MAX, slack = 0;
    const aimem_budget *n;
    if (b->tag != NULL) {
        const aimi_pool_account *a = &b->tag->account;
        best = a->used < a->limit ? a->limit - a->used : 0;
    }
    for (n = b; n != NULL; n = n->parent) {
        const aimi_pool_account *a = &n->account;
        uint64_t room = a->used < a->limit ? a->limit - a->used : 0;
        room = room > UINT64_MAX - slack ? UINT64_MAX : room + slack;
        if (room < best) best = room;
        if (n->reserve > a->used) slack += n->reserve - a->used;
    }
    return best;
}

/* The tag of this name, or NULL. */
AIMC_FN aimi_pool_tag *aimi_pool_budget_tag(const aimi_pool_tree *t, const char *name) {
    aimi_pool_tag *tag = t->tags;
    while (tag != NULL && !aimi_pool_budget_is_name(tag->account.name, name)) tag = tag->next;
    return tag;
}

#endif
