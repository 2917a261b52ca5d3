/* pool/api_tuning.h: the public declarations of tuning: size classes from observed use, presets. */

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tuning: size classes from what a program asks for --------------------------------------
 *
 * Watches requests, through an allocator view or by calls, in a histogram with eight steps for each
 * doubling. From it come the fewest size classes whose rounding wastes no more than a given part,
 * and how many blocks of each were in use at once: the classes of a pool set or a buffers object,
 * and what to preallocate. Both histogram and table are saved as text that people may edit.
 * One thread uses a tuning at a time.
 */
typedef struct aimem_tuning aimem_tuning;

enum { AIMEM_TUNING_CLASSES_MOST = 32 };

typedef struct aimem_tuning_desc {
    aimem_allocator allocator; /* for the object (about 12 KiB), and what the view passes on to;
                                  zero: the C library */
    uint32_t canary_zero;
} aimem_tuning_desc;

/* What classes are wanted. Zero fields are defaults. */
typedef struct aimem_tuning_query {
    uint32_t max_classes; /* 0: AIMEM_TUNING_CLASSES_MOST */
    uint32_t waste;       /* thousandths of the bytes asked for that rounding may add; 0: 125 */
    size_t align;         /* class sizes are multiples of this power of two; 0: 16 */
    size_t max_size;      /* larger requests are left out, and those that share a step of the
                             histogram with them; 0: none are */
    uint32_t canary_zero;
} aimem_tuning_query;

/* The answer. sizes and count can be handed on as they are: aimem_buffers_desc.classes,
   aimem_poolset_desc.sizes. */
typedef struct aimem_tuning_table {
    uint32_t count;                                /* classes */
    size_t sizes[AIMEM_TUNING_CLASSES_MOST];       /* bytes, rising */
    size_t blocks[AIMEM_TUNING_CLASSES_MOST];      /* to preallocate; 0: not known */
    uint64_t requests[AIMEM_TUNING_CLASSES_MOST];  /* observed */
    uint64_t left_out;                             /* requests above max_size */
    uint32_t waste;                                /* thousandths of the bytes asked for, at most */
} aimem_tuning_table;

typedef struct aimem_tuning_info {
    uint64_t requests;  /* recorded */
    uint64_t bytes;     /* asked for by them */
    uint64_t frees;
    uint64_t live;      /* blocks not freed */
    uint64_t peak_live; /* the most at once */
    uint64_t largest;   /* request; 0: none */
    uint32_t bins;      /* of the histogram that are not empty */
} aimem_tuning_info;

/* An empty tuning in *out (NULL on failure). desc may be NULL. Errors: INVALID (canary, no
   allocator), NOMEM. */
AIMEM_POOL_API aimem_result aimem_tuning_create(const aimem_tuning_desc *desc, aimem_tuning **out);

/* Frees it; blocks from the view are untouched. NULL is fine. */
AIMEM_POOL_API void aimem_tuning_destroy(aimem_tuning *tuning);

/* A request of size bytes (0 counts as 1). O(1). */
AIMEM_POOL_API void aimem_tuning_record(aimem_tuning *tuning, size_t size);

/* The end of one; a free without its request is passed over. Without any of these the table knows
   no counts. O(1). */
AIMEM_POOL_API void aimem_tuning_record_free(aimem_tuning *tuning, size_t size);

/* Forgets everything. */
AIMEM_POOL_API void aimem_tuning_reset(aimem_tuning *tuning);

/* An allocator hook that passes on to desc.allocator and records: allocations, frees, and a resize
   as both. Adds nothing to a block. The tuning must outlive every object that uses it. */
AIMEM_POOL_API aimem_allocator aimem_tuning_allocator(aimem_tuning *tuning);

/* The fewest classes whose waste over all recorded requests is within the query, with the least
   waste for so many. blocks is an upper bound: the peaks of the class's parts need not have come
   at the same time. query may be NULL. *out is zeroed on failure. Errors: INVALID (canary, align,
   max_classes over 32), NOT_FOUND (nothing recorded, or all left out), LIMIT (max_classes are too
   few; *out has what they can do), NOMEM. O(classes x bins^2), at most some milliseconds: a class
   may end at any bin, all choices are compared. */
AIMEM_POOL_API aimem_result aimem_tuning_classes(const aimem_tuning *tuning,
                                                 const aimem_tuning_query *query,
                                                 aimem_tuning_table *out);

/* What was recorded. O(bins). */
AIMEM_POOL_API void aimem_tuning_stats(const aimem_tuning *tuning, aimem_tuning_info *out);

/* ---- as text ----
   Lines "word number number ...", blank lines and lines that begin with # are passed over. A text
   with anything else, with numbers that contradict each other, cut short, or from a newer version
   is refused as a whole. Nothing is read beyond size. */

/* Writes the histogram, with a NUL behind it. *needed: bytes without the NUL. RANGE: capacity is
   not larger than that; text (may be NULL then) is empty. O(bins). */
AIMEM_POOL_API aimem_result aimem_tuning_save(const aimem_tuning *tuning, char *text,
                                              size_t capacity, size_t *needed);

/* Adds a saved histogram to this one: several runs add up, peaks do not. Errors, with nothing
   changed: CORRUPT (also: sums that do not fit), VERSION, NOMEM. O(size). */
AIMEM_POOL_API aimem_result aimem_tuning_load(aimem_tuning *tuning, const char *text, size_t size);

/* The same for a table. INVALID: one that could not be loaded again. */
AIMEM_POOL_API aimem_result aimem_tuning_table_save(const aimem_tuning_table *table, char *text,
                                                    size_t capacity, size_t *needed);

/* The other way; *out is zeroed on failure. Errors: CORRUPT, VERSION, RANGE (sizes that this
   machine does not have). */
AIMEM_POOL_API aimem_result aimem_tuning_table_load(const char *text, size_t size,
                                                    aimem_tuning_table *out);

/* ---- presets ----
   Bits that combine. Where several have a say, the first in the order of the row holds:

                          default   tight   real time  scientific  learning   order
   arena chunk            64 KiB    4 KiB   256 KiB    1 MiB       1 MiB      T R L S
   pool preallocated      5         1       all        5           64         R T L S
   pool whole at once     no        no      if max     no          no         R T L S
   pool reclaim on free   no        yes     no         no          no         R T L S
   buffers idle           60 s      5 s     never      30 s        300 s      R T L S
   buffers align          64        64      64         64          256        L S R T
   class waste, 1/1000    125       50      250        60          125        T R S L
   classes at most        32        16      8          32          32         R T S L
   heap small limit       1024      256     1024       1024        1024       T R L S
   budget retries         16        16      1          16          16         R T L S */
#define AIMEM_TUNING_SCIENTIFIC 1u /* few large arrays, results that pile up */
#define AIMEM_TUNING_LEARNING 2u   /* the same tensors in every step */
#define AIMEM_TUNING_REALTIME 4u   /* all memory is taken beforehand, none goes back */
#define AIMEM_TUNING_TIGHT 8u      /* as little as possible is held */

/* Values for the fields of that name in the descs of pools, arenas, buffers, heaps and budgets. */
typedef struct aimem_tuning_values {
    size_t arena_chunk_size;
    size_t pool_preallocated;     /* SIZE_MAX: max_blocks */
    bool pool_fixed;              /* where max_blocks is given */
    bool pool_reclaim_on_free;
    uint64_t buffers_idle_ns;     /* UINT64_MAX: never */
    size_t buffers_align;
    aimem_tuning_query query;     /* max_classes and waste */
    size_t heap_small_limit;
    uint32_t budget_retries;
} aimem_tuning_values;

/* The values of a combination; 0 gives the defaults. INVALID: unknown bits (*out is zeroed). */
AIMEM_POOL_API aimem_result aimem_tuning_preset(uint32_t presets, aimem_tuning_values *out);

/* Fills those fields of desc that are 0 or false; what the caller has set stays. INVALID: unknown
   bits; desc is as it was. */
AIMEM_POOL_API aimem_result aimem_tuning_pool(uint32_t presets, aimem_pool_desc *desc);

/* The same for an arena (and for the two of a frame). */
AIMEM_POOL_API aimem_result aimem_tuning_arena(uint32_t presets, aimem_arena_desc *desc);

#ifdef __cplusplus
}
#endif
