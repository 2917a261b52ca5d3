/* pool/api_budget.h: budgets, the public declarations. */

#ifdef __cplusplus
extern "C" {
#endif

/* ---- budget: limits on memory, and what happens when they come near -------------------------
 *
 *   program 1 GiB ---- ai 700 MiB ---- weights         tag "model"
 *                 |               +--- activations     tag "scratch"
 *                 +--- render 300 MiB ---- textures    tag "gpu"
 *                 +--- ui                              tag "gpu"
 *
 * A budget counts bytes. What is charged to one counts in all above it and in its tag, which lies
 * across the tree; a charge succeeds when it fits everywhere. Memory is counted either by using the
 * budget as an allocator in front of any other, or by charge and uncharge when it comes from
 * elsewhere (files, devices, other libraries).
 *
 * Whoever owns something that can be given up registers a reclaimer where its bytes are charged:
 * a cache, a model, a pool or buffers, a collector. When a request does not fit, reclaimers below
 * the full budget are asked in the emergency order (caches, models that are not essential, buffers,
 * the collector up to three times; within a class by rising priority, then the least recently used
 * first), and after each the request is tried again. At last the out-of-memory handler decides:
 * retry, or give up. Long before, aimem_budget_tick watches the levels and runs their actions.
 *
 * No lock is held while a callback runs: reclaimers may allocate, free, charge, register,
 * unregister, and destroy budgets. Inside callbacks requests are answered at once, as with
 * AIMEM_BUDGET_TRY, so reclaiming never recurses.
 */
typedef struct aimem_budget aimem_budget;

/* Levels, by how much of the limit is used. Levels of a budget, not states of the machine. */
enum {
    AIMEM_BUDGET_NONE = 0,
    AIMEM_BUDGET_LOW = 1,      /* from 70 % */
    AIMEM_BUDGET_MEDIUM = 2,   /* from 80 % */
    AIMEM_BUDGET_HIGH = 3,     /* from 90 % */
    AIMEM_BUDGET_CRITICAL = 4, /* from 95 % */
    AIMEM_BUDGET_LEVELS = 5
};

/* Classes of reclaimers, in the emergency order; and what else a level or the history can name. */
enum {
    AIMEM_BUDGET_CACHE = 0,     /* can be computed or read again */
    AIMEM_BUDGET_MODEL = 1,     /* loaded things, least recently used first */
    AIMEM_BUDGET_BUFFER = 2,    /* free memory kept by pools, arenas and recycled buffers */
    AIMEM_BUDGET_COLLECTOR = 3, /* a garbage collector */
    AIMEM_BUDGET_EMERGENCY = 4, /* action: all four in order until enough is free */
    AIMEM_BUDGET_CALL = 5,      /* action: a function of the caller's */
    AIMEM_BUDGET_SHORTAGE = 6   /* history only: reclaiming for a request that did not fit */
};

/* Requests with one of these ask nobody and fail at once; the out-of-memory handler and the logger
   are not told. */
enum {
    AIMEM_BUDGET_TRY = 1,       /* only if it fits now */
    AIMEM_BUDGET_WITHIN = 2,    /* only if it stays within the soft limits */
    AIMEM_BUDGET_NEVER_GROW = 4 /* only out of the budget's reserve: nothing above it grows */
};

/* Answers of the out-of-memory handler. */
enum { AIMEM_BUDGET_GIVE_UP = 0, AIMEM_BUDGET_RETRY = 1 };

#define AIMEM_BUDGET_UNLIMITED UINT64_MAX

/* A request that does not fit. */
typedef struct aimem_budget_shortage {
    aimem_budget *budget; /* that the request was made to */
    const char *full;     /* name of the budget or tag that is full, or has nothing behind it */
    uint64_t bytes;       /* wanted */
    uint64_t missing;     /* by how much they do not fit in `full` */
    uint32_t attempt;     /* 1 the first time the handler is asked about this request */
    aimem_result result;  /* LIMIT, or NOMEM: the allocator behind the budget gave nothing */
} aimem_budget_shortage;

typedef struct aimem_budget_desc {
    const char *name;          /* copied, first 31 bytes; NULL: "budget". Without '/' for find */
    aimem_budget *parent;      /* NULL: this is the root of a new tree */
    const char *tag;           /* copied, first 31 bytes; NULL: that of the parent */
    uint64_t limit;            /* bytes. 0: of a root the recommended limit, else none of its own */
    uint64_t soft_limit;       /* for AIMEM_BUDGET_WITHIN; 0: where level low begins */
    uint64_t reserve;          /* bytes held for this budget: they are charged above it at once */
    aimem_allocator allocator; /* behind the allocator view. Zero: the parent's, the C library */
    /* The rest is for the whole tree and must be zero when there is a parent. The root's allocator
       also gives the memory of budgets, reclaimers and history; it is not counted. */
    bool locked;             /* any thread may use the tree at any time */
    uint32_t levels[4];      /* low to critical begin at so many thousandths of the limit; rising.
                                0: 700, 800, 900, 950 */
    uint32_t hysteresis;     /* thousandths: a level ends so much below its beginning. 0: 50 */
    uint32_t emergency_goal; /* thousandths: an emergency action ends at so much of the limit, or
                                below. 0: where level medium begins */
    uint32_t history;        /* actions remembered. 0: 100; UINT32_MAX: none */
    uint32_t retries;        /* the handler may answer retry so often for one request. 0: 16 */
    uint64_t repeat_ns;      /* a level that lasts runs its actions again after this time.
                                0: 10 s; UINT64_MAX: never */
    void (*level_fn)(void *user_data, aimem_budget *budget, uint32_t from, uint32_t to);
    uint32_t (*out_of_memory_fn)(void *user_data, const aimem_budget_shortage *shortage);
    void (*shutdown_fn)(void *user_data, const aimem_budget_shortage *shortage);
    void *user_data;         /* for the three */
    aimem_clock clock;       /* for durations; zero: the system's */
    aimem_logger logger;     /* levels that rise, requests given up, what is open at destroy */
    uint32_t canary_zero;
} aimem_budget_desc;

/* What a reclaimer is asked for. Do at least one of them, more does no harm, nothing is allowed. */
typedef struct aimem_budget_request {
    uint32_t kind;  /* class of the reclaimer */
    uint32_t why;   /* AIMEM_BUDGET_SHORTAGE, EMERGENCY, or the class that a level's action names */
    uint32_t level; /* of the budget that is relieved */
    uint32_t round; /* 1; collectors are asked up to three times in an emergency */
    uint32_t share; /* give back so many thousandths of what you hold: 1000 is all */
    uint32_t items; /* but stop after so many things (models); UINT32_MAX: any number */
    uint64_t bytes; /* and stop when so many bytes were given back; UINT64_MAX: any number */
    uint32_t done;  /* to be set: things given back. Left at 0, a result above 0 counts as one */
} aimem_budget_request;

typedef struct aimem_budget_reclaimer_desc {
    const char *name;  /* copied, first 31 bytes; NULL: "reclaimer" */
    uint32_t kind;     /* AIMEM_BUDGET_CACHE to AIMEM_BUDGET_COLLECTOR */
    int32_t priority;  /* within its class lower ones are asked first */
    bool essential;    /* never asked (until aimem_budget_set_essential says otherwise) */
    bool not_own;      /* not asked for requests to the very budget it is registered with: for
                          objects that cannot be trimmed while they grow */
    uint64_t (*reclaim_fn)(void *user_data, aimem_budget_request *request); /* returns bytes */
    void *user_data;
    uint32_t canary_zero;
} aimem_budget_reclaimer_desc;

/* A reclaimer by number; never given twice in one tree. 0 is none. */
typedef struct aimem_budget_reclaimer {
    uint64_t id;
} aimem_budget_reclaimer;

/* What a level does when it is reached. */
typedef struct aimem_budget_action {
    uint32_t kind;  /* a class, AIMEM_BUDGET_EMERGENCY or AIMEM_BUDGET_CALL */
    uint32_t share; /* of a class: thousandths that each gives back; 0: 1000 */
    uint32_t items; /* of a class: things given back at most, over all; 0: any number */
    bool (*call_fn)(void *user_data, aimem_budget *budget, uint32_t level); /* false: failed */
    void *user_data;
} aimem_budget_action;

/* One action that was run, or one shortage. */
typedef struct aimem_budget_record {
    char name[32];        /* of the budget */
    uint64_t at_ns;       /* the clock when it began */
    uint64_t duration_ns; /* of the callbacks, by the clock; 0 where there is none */
    uint64_t before;      /* allocated, in that budget */
    uint64_t after;
    uint32_t level;       /* when it began */
    uint32_t action;      /* AIMEM_BUDGET_CACHE to AIMEM_BUDGET_SHORTAGE */
    uint32_t asked;       /* reclaimers called */
    bool success;         /* memory was freed, call_fn said so, or the request then fitted */
} aimem_budget_record;

typedef struct aimem_budget_info {
    const char *name;      /* valid while the budget lives, as the tag */
    const char *tag;       /* NULL: none */
    uint64_t limit;        /* the smallest of its own and of those above; AIMEM_BUDGET_UNLIMITED */
    uint64_t allocated;    /* charged here and below, reserves of the budgets below included */
    uint64_t available;    /* the largest charge that would fit now */
    uint64_t peak;         /* of allocated */
    uint64_t own;          /* charged to this very budget */
    uint64_t own_limit;    /* AIMEM_BUDGET_UNLIMITED: none */
    uint64_t soft_limit;   /* of its own */
    uint64_t reserve;
    uint64_t requests;     /* to this budget, successful ones included */
    uint64_t refused;      /* not granted, for whatever reason */
    uint64_t relieved;     /* granted only after reclaiming */
    uint64_t given_up;     /* refused after reclaimers and handler could not help */
    uint32_t level;        /* the highest of its own and of those above, as of the last tick */
    uint32_t children;     /* budgets directly below */
    uint32_t reclaimers;   /* registered here */
    float utilisation;     /* allocated / own limit, 0 without one */
} aimem_budget_info;

/* min(0.8 x (memory of the machine, or of the container when that is less), 8 GiB), in bytes; 0
   when the system does not tell. Reads files on Linux: call it at start. Any thread. */
AIMEM_POOL_API uint64_t aimem_budget_recommended(void);

/* A new budget in *out (NULL on failure). desc may be NULL: an unnamed root with the recommended
   limit. Errors: INVALID (canary, levels that do not rise or leave 1..1000, hysteresis not below
   the first level, limit below reserve, a field for the whole tree beside a parent, no allocator),
   LIMIT (the reserve does not fit above), NOMEM, UNSUPPORTED (limit 0 where the system does not
   tell its memory; locked without threads). The caller destroys it. O(depth + tags). */
AIMEM_POOL_API aimem_result aimem_budget_create(const aimem_budget_desc *desc, aimem_budget **out);

/* Destroys the budget and all below it; their bytes count no more above it. Told to the logger:
   bytes still charged, budgets below, reclaimers still registered. Memory from the allocator view
   stays with the allocator behind it and may not be given back through the view any more. In a
   callback: takes effect when the outermost call returns, which answers AIMEM_ERR_CANCELLED if it
   was a request to this budget. NULL is fine. O(budgets in the tree + reclaimers). */
AIMEM_POOL_API void aimem_budget_destroy(aimem_budget *budget);

/* ---- counting ---- */

/* Counts bytes that come from elsewhere. flags: 0 or AIMEM_BUDGET_TRY, WITHIN, NEVER_GROW together.
   Errors, with nothing charged: LIMIT, CANCELLED (destroyed meanwhile), INVALID (flags). bytes
   above a limit ask no reclaimers, only the handler (it may raise the limit). O(depth). */
AIMEM_POOL_API aimem_result aimem_budget_charge(aimem_budget *budget, uint64_t bytes,
                                                uint32_t flags);

/* Takes back a charge, or a part of it. RANGE, with nothing changed, when more than is charged to
   this very budget. Never asks anybody. O(depth). */
AIMEM_POOL_API aimem_result aimem_budget_uncharge(aimem_budget *budget, uint64_t bytes);

/* size bytes at align (a power of two; 0: 16) from the allocator behind the budget, charged. *out
   NULL on failure. When that allocator has nothing, reclaimers of the whole tree are asked. Errors
   as of aimem_budget_charge; INVALID also: align, size 0; NOMEM. */
AIMEM_POOL_API aimem_result aimem_budget_alloc(aimem_budget *budget, size_t size, size_t align,
                                               uint32_t flags, void **out);

/* *ptr of old_size bytes becomes new_size (not 0) bytes, charged or uncharged by the difference.
   On failure *ptr is as it was. Errors as above. */
AIMEM_POOL_API aimem_result aimem_budget_resize(aimem_budget *budget, void **ptr, size_t old_size,
                                                size_t new_size, size_t align, uint32_t flags);

/* Gives back and uncharges; size and align as asked for. NULL is fine. */
AIMEM_POOL_API void aimem_budget_free(aimem_budget *budget, void *ptr, size_t size, size_t align);

/* The budget as an allocator hook: counts what is asked for, not what the allocator behind it adds.
   It must outlive every object that uses it. */
AIMEM_POOL_API aimem_allocator aimem_budget_allocator(aimem_budget *budget);

/* Flags that are added to every request to this budget and to those below, also through the
   allocator view, until changed: AIMEM_BUDGET_NEVER_GROW during a frame makes pools live on what
   they have. INVALID for other bits. O(1). */
AIMEM_POOL_API aimem_result aimem_budget_set_flags(aimem_budget *budget, uint32_t flags);

/* ---- limits ---- */

/* 0 as in desc; may be below what is charged: then nothing fits until enough is given back.
   INVALID (below the reserve), UNSUPPORTED as at create. Asks nobody; the next tick does. */
AIMEM_POOL_API aimem_result aimem_budget_set_limit(aimem_budget *budget, uint64_t limit);

/* 0: where level low begins. */
AIMEM_POOL_API void aimem_budget_set_soft_limit(aimem_budget *budget, uint64_t soft_limit);

/* The limit of a tag in the tree of budget, 0: none. The tag need not exist yet. NOMEM. O(tags). */
AIMEM_POOL_API aimem_result aimem_budget_set_tag_limit(aimem_budget *budget, const char *tag,
                                                       uint64_t limit);

/* ---- reclaimers ---- */

/* Registers whoever can give memory back that is charged to budget, or below it. *out: its number,
   for remove. Errors: INVALID (canary, class, no function), NOMEM. O(1). reclaim_fn runs on the
   thread whose request does not fit, or that ticks; never twice at the same time. */
AIMEM_POOL_API aimem_result aimem_budget_add(aimem_budget *budget,
                                             const aimem_budget_reclaimer_desc *desc,
                                             aimem_budget_reclaimer *out);

/* Unregisters; its function is not called any more. STALE: not registered. BUSY: another thread is
   inside its function now, and it stays registered: try again when it has returned (no waiting
   here, since the function may need a lock that the caller holds). O(reclaimers). */
AIMEM_POOL_API aimem_result aimem_budget_remove(aimem_budget *budget,
                                                aimem_budget_reclaimer reclaimer);

/* It was used just now: it is asked after those of its class and priority that were not.
   STALE. O(reclaimers). */
AIMEM_POOL_API aimem_result aimem_budget_touch(aimem_budget *budget,
                                               aimem_budget_reclaimer reclaimer);

/* Essential ones are never asked. STALE. O(reclaimers). */
AIMEM_POOL_API aimem_result aimem_budget_set_essential(aimem_budget *budget,
                                                       aimem_budget_reclaimer reclaimer,
                                                       bool essential);

/* Ready made for aimem_budget_reclaimer_desc, with the pool as user_data: trims it. A pool belongs
   to one thread at a time, so only in trees of one thread; else write a function that takes the
   lock of the pool's owner. Set not_own: a pool is not trimmed while it grows. */
AIMEM_POOL_API uint64_t aimem_budget_reclaim_pool(void *pool, aimem_budget_request *request);

/* The same for an aimem_arena. */
AIMEM_POOL_API uint64_t aimem_budget_reclaim_arena(void *arena, aimem_budget_request *request);

/* The emergency order by hand, until bytes less are allocated in budget (UINT64_MAX: everything
   that can be). Returns by how much allocated fell. 0 inside a callback. */
AIMEM_POOL_API uint64_t aimem_budget_reclaim(aimem_budget *budget, uint64_t bytes);

/* ---- levels ---- */

/* What budget and those below do when they reach a level (AIMEM_BUDGET_LOW to CRITICAL), in this
   order; copied. count 0: nothing. actions NULL: as the budget above, at the root the defaults:
   low: 30 % of caches; medium: also two models; high: also a full collection; critical: emergency.
   A level that is jumped over does nothing: each list is complete. Errors: INVALID (level, kind,
   share, count over 32, no call_fn), NOMEM. */
AIMEM_POOL_API aimem_result aimem_budget_bind(aimem_budget *budget, uint32_t level,
                                              const aimem_budget_action *actions, size_t count);

/* Looks at the levels of budget and of all below, calls level_fn for those that changed and runs
   the actions of those that rose, or have lasted for repeat_ns. now_ns: time of the caller's,
   backwards counts as none. budget_ns: after so long by the clock no further action or reclaimer is
   called, but one in every tick is; 0: no limit. AIMEM_PENDING: some are left for the next tick.
   BUSY: another tick of this tree runs, or this is inside a callback. INVALID: NULL. O(budgets),
   and the callbacks. */
AIMEM_POOL_API aimem_result aimem_budget_tick(aimem_budget *budget, uint64_t now_ns,
                                              uint64_t budget_ns);

/* ---- what is there ---- */

/* Limit, allocated, available, peak and more, of one moment. O(depth + children + reclaimers). */
AIMEM_POOL_API void aimem_budget_stats(const aimem_budget *budget, aimem_budget_info *out);

/* The same for a tag of its tree: limit, allocated, available, peak and soft limit; the rest is 0.
   NOT_FOUND: no budget ever had it. */
AIMEM_POOL_API aimem_result aimem_budget_tag_stats(const aimem_budget *budget, const char *tag,
                                                   aimem_budget_info *out);

/* peak = allocated, for the budget alone. */
AIMEM_POOL_API void aimem_budget_reset_peak(aimem_budget *budget);

/* The budget below from by its names, as "ai/weights", or NULL. "" is from itself. O(budgets). */
AIMEM_POOL_API aimem_budget *aimem_budget_find(aimem_budget *from, const char *path);

/* Calls walk_fn for budget (depth 0) and all below, each before those below it, until it returns
   false. No budget of the tree may be created or destroyed meanwhile, by no thread. */
AIMEM_POOL_API void aimem_budget_walk(const aimem_budget *budget,
                                      bool (*walk_fn)(void *user_data, uint32_t depth,
                                                      const aimem_budget_info *info),
                                      void *user_data);

/* The last actions of the whole tree, the newest first, up to cap of them; returns how many. */
AIMEM_POOL_API size_t aimem_budget_history(const aimem_budget *budget, aimem_budget_record *out,
                                           size_t cap);

#ifdef __cplusplus
}
#endif
