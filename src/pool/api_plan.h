/* pool/api_plan.h: the public declarations of static plans. */

#ifdef __cplusplus
extern "C" {
#endif

/* ---- plan: one arena for pieces whose lifetimes are known -----------------------------------
 *
 *   offset ^   +--------------+
 *          |   |      B       |   +-----+        pieces share bytes when they never live at
 *          |   +------+-------+   |  D  |        the same time
 *          |   |  A   |   |   C   |     |
 *          +---+------+---+-------+-----+--> steps
 *
 * An inference or training step asks for the same tensors in the same order every time. A plan is
 * told the size and the life of each (or listens to one iteration), finds offsets in one arena, and
 * reports how far the arena is above the lower bound, the most bytes that live at once. Offsets are
 * 64-bit and nothing is touched, so the arena may be memory, a device buffer or a file.
 *
 * Over memory the plan then serves the iterations that follow: the n-th request gets the n-th
 * piece, if it is no larger than planned and its bytes are free; all others go to the allocator.
 * A program that strays from its plan is slower, but never gets memory that is in use.
 *
 * One thread uses a plan at a time.
 */
typedef struct aimem_plan aimem_plan;

#define AIMEM_PLAN_END UINT64_MAX /* as last: the piece lives to the end */

typedef struct aimem_plan_desc {
    const char *name;          /* for people, copied, first 31 bytes; NULL: "plan" */
    aimem_allocator allocator; /* bookkeeping, what is not planned, and the arena unless it is
                                  given; zero: the C library */
    size_t align;              /* of pieces that ask for 0, a power of two; 0: 64 */
    uint32_t tries;            /* solve: further attempts after the thirteen fixed ones; 0: 2^20 /
                                  pieces, from 1 to 256; UINT32_MAX: none */
    aimem_logger logger;       /* told about wrong frees, and what is still held at destroy */
    uint32_t canary_zero;
} aimem_plan_desc;

typedef struct aimem_plan_piece {
    uint64_t size;   /* bytes, at least 1 */
    uint64_t align;
    uint64_t first;  /* it lives in the steps first to last, both included */
    uint64_t last;
    uint64_t offset; /* 0 until solved */
} aimem_plan_piece;

typedef struct aimem_plan_info {
    const char *name;     /* valid while the plan lives */
    uint32_t pieces;
    bool solved;
    uint64_t size;        /* bytes of the arena; 0 until solved */
    uint64_t align;       /* that the arena must have: the greatest of the pieces */
    uint64_t lower_bound; /* the most bytes alive in one step: no plan is smaller; 0 until solved */
    uint64_t total;       /* bytes of all pieces: the arena if nothing was shared */
    float ratio;          /* size / lower_bound; 0 until solved */
    uint32_t attempts;    /* made by solve */
    uint32_t iterations;  /* begun since bind */
    uint32_t held;        /* pieces of the arena in use now */
    uint32_t outside;     /* blocks of the allocator view that came from the allocator, in use */
    uint64_t hits;        /* requests served from the arena */
    uint64_t misses;      /* requests after bind that were not */
    uint64_t refused;     /* wrong frees and resizes */
    uint64_t bytes;       /* held: bookkeeping, and the arena if it is the plan's own */
} aimem_plan_info;

/* A new plan without pieces in *out (NULL on failure). desc may be NULL. Errors: INVALID (canary,
   align, no allocator), NOMEM. */
AIMEM_POOL_API aimem_result aimem_plan_create(const aimem_plan_desc *desc, aimem_plan **out);

/* Frees the plan and its own arena. The logger is told about pieces held and blocks outside; the
   latter can no longer be given back. NULL is fine. */
AIMEM_POOL_API void aimem_plan_destroy(aimem_plan *plan);

/* One more piece: size bytes (0 counts as 1) at align (a power of two; 0: that of the desc), alive
   in the steps first to last. *out: its number, from 0 (may be NULL). Errors: INVALID (align, last
   before first, first AIMEM_PLAN_END), RANGE (sizes add up to more than 2^62), LIMIT (2^30 pieces),
   NOMEM, BUSY (bound); nothing is added. A solved plan is unsolved then. O(1). */
AIMEM_POOL_API aimem_result aimem_plan_add(aimem_plan *plan, uint64_t size, uint64_t align,
                                           uint64_t first, uint64_t last, uint32_t *out);

/* Notes an allocation: a piece that begins now and lives until aimem_plan_record_free, or to the
   end. Every note is one step. Errors as of aimem_plan_add. */
AIMEM_POOL_API aimem_result aimem_plan_record_alloc(aimem_plan *plan, uint64_t size,
                                                    uint64_t align, uint32_t *out);

/* Notes the end of a piece. Errors: NOT_FOUND (no such piece), DOUBLE_FREE (it ended already, or
   was added with its life), BUSY (bound). O(1). */
AIMEM_POOL_API aimem_result aimem_plan_record_free(aimem_plan *plan, uint32_t piece);

/* Finds offsets. An attempt places the pieces one after another, each in the lowest gap that those
   with overlapping lives leave; what counts is the order. Tried are orders by size, by the busiest
   step of a piece's life (both of Pisarchyk and Lee, 2020), by length of life and mixtures of the
   three, by time, and, desc.tries times, mixtures drawn at random with some noise. Stops when the
   lower bound is reached, and gives up an attempt that gets above the best one. The same pieces
   give the same plan, everywhere. Errors: NOMEM, BUSY (bound); the plan is as it was. Per attempt
   O(p log n), p: pairs of pieces that live at the same time; 96 to 112 bytes of memory a piece. */
AIMEM_POOL_API aimem_result aimem_plan_solve(aimem_plan *plan);

/* A piece; *out zeroed on failure. Errors: NOT_FOUND. O(1). */
AIMEM_POOL_API aimem_result aimem_plan_get(const aimem_plan *plan, uint32_t piece,
                                           aimem_plan_piece *out);

/* Gives the solved plan its arena and begins the first iteration. memory NULL: from the allocator;
   else it must be aligned to info.align, of info.size bytes or more, and stay until reset or
   destroy. Errors: INVALID (not solved, alignment), RANGE (too small), NOMEM, BUSY (bound). */
AIMEM_POOL_API aimem_result aimem_plan_bind(aimem_plan *plan, void *memory, size_t size);

/* The next iteration: the next request is again the first. Pieces that are still held stay so.
   INVALID: not bound. O(1). */
AIMEM_POOL_API aimem_result aimem_plan_begin(aimem_plan *plan);

/* Forgets pieces and arena: a new recording. BUSY while pieces of the arena are held. */
AIMEM_POOL_API aimem_result aimem_plan_reset(aimem_plan *plan);

/* The plan as an allocator hook. Before bind: passes on to the allocator and records. After: serves
   from the arena. Resizing is always a new block, a copy and a free. Blocks from the allocator have
   16 bytes (or their alignment, when larger) in front. The plan must outlive everything that uses
   it. O(log held) and a move of 4 bytes for each piece held above. */
AIMEM_POOL_API aimem_allocator aimem_plan_allocator(aimem_plan *plan);

/* What the plan holds and has done. O(1). */
AIMEM_POOL_API void aimem_plan_stats(const aimem_plan *plan, aimem_plan_info *out);

#ifdef __cplusplus
}
#endif
