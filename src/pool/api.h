/* pool/api.h: the public declarations of aimem_pool.h. */

#ifndef AIMEM_POOL_API
#if defined(AIMEM_STATIC) || defined(AIMEM_POOL_STATIC)
#if defined(__GNUC__) || defined(__clang__) || defined(__TINYC__)
#define AIMEM_POOL_API static __attribute__((unused))
#else
#define AIMEM_POOL_API static
#endif
#elif defined(AIMEM_DLL) && defined(_WIN32)
#if defined(AIMEM_IMPLEMENTATION) || defined(AIMEM_POOL_IMPLEMENTATION)
#define AIMEM_POOL_API __declspec(dllexport)
#else
#define AIMEM_POOL_API __declspec(dllimport)
#endif
#elif defined(AIMEM_DLL) && (defined(__GNUC__) || defined(__clang__))
#define AIMEM_POOL_API extern __attribute__((visibility("default")))
#else
#define AIMEM_POOL_API extern
#endif
#endif

/* Inline functions that call functions of the implementation: where those are static, these are. */
#ifndef AIMEM_POOL_INLINE
#if defined(AIMEM_STATIC) || defined(AIMEM_POOL_STATIC)
#define AIMEM_POOL_INLINE static inline
#else
#define AIMEM_POOL_INLINE AIMEM_INLINE
#endif
#endif

#define AIMEM_POOL_VERSION_MAJOR 0
#define AIMEM_POOL_VERSION_MINOR 1
#define AIMEM_POOL_VERSION_PATCH 0
#define AIMEM_POOL_VERSION 100 /* major * 10000 + minor * 100 + patch */

#ifdef __cplusplus
extern "C" {
#endif

/* The AIMEM_POOL_VERSION of the implementation that is linked. Any thread. O(1). */
AIMEM_POOL_API uint32_t aimem_pool_version(void);

/* ---- arena: many small pieces, given back together ------------------------------------------
 *
 *   chunk:  [ header | piece | pad | piece | piece |        free        ]
 *                                                  ^ at                 ^ end
 *
 * An arena hands out memory by moving one pointer. Pieces are not freed one by one: a mark is taken
 * and rewound to, or the whole arena is reset. The struct is transparent so that a push can be
 * inlined; its fields are for reading only. An arena belongs to one thread at a time.
 */
typedef struct aimem_arena {
    unsigned char *at;  /* the next free byte; at <= end */
    unsigned char *end; /* one past the last byte of the current chunk (or committed range); the
                           same as at where every push is to take the slow path */
    void *chunk;        /* the current chunk; older ones hang behind it */
    void *spare;        /* chunks kept by reset and rewind for the next growth */
    unsigned char *base;   /* the caller's memory or the reserved range, else NULL */
    size_t base_size;      /* its size in bytes */
    size_t chunk_size;     /* payload of the next chunk from the allocator */
    size_t max_bytes;      /* limit of reserved, 0: none */
    size_t reserved;       /* bytes taken from the allocator, or committed, or the caller's */
    size_t older_used;     /* bytes in use in the chunks before the current one */
    size_t peak;           /* the most bytes in use seen at a rewind, a reset or a growth */
    aimem_allocator allocator;
    aimem_vm vm;
    uint32_t mode;         /* private */
    uint32_t growths;      /* times a chunk was taken or pages were committed */
} aimem_arena;

/* How an arena gets its memory: memory (fixed, the caller's), else reserve (address space that is
   committed as it fills: pieces never move and stay contiguous), else chunks from the allocator. */
typedef struct aimem_arena_desc {
    aimem_allocator allocator; /* for chunks; zero: the C library */
    aimem_vm vm;               /* for reserve; zero: the system's */
    void *memory;              /* the caller's bytes, any alignment; the arena never grows */
    size_t memory_size;
    size_t reserve;            /* bytes of address space; UNSUPPORTED where the system has none */
    size_t chunk_size;         /* first chunk, bytes; 0: 64 KiB. Later ones double up to 4 MiB */
    size_t max_bytes;          /* never take more than this; 0: no limit */
    uint32_t canary_zero;
} aimem_arena_desc;

/* A place in an arena to rewind to. Valid until the arena is rewound behind it or reset. */
typedef struct aimem_arena_mark {
    void *chunk;
    unsigned char *at;
    size_t used; /* bytes in use at that place */
} aimem_arena_mark;

typedef struct aimem_arena_info {
    size_t used;     /* bytes between the start and the next free byte, padding included */
    size_t peak;     /* the most ever used */
    size_t reserved; /* bytes held from the allocator, committed, or given by the caller */
    size_t limit;    /* max_bytes, memory_size or reserve; SIZE_MAX: none */
    uint32_t chunks; /* chunks held, spare ones included */
    uint32_t growths;
} aimem_arena_info;

/* Makes *arena ready. desc may be NULL: chunks from the C library. Takes no memory from the
   allocator yet. The caller keeps the struct and must not copy it while it is in use.
   Errors: INVALID (NULL arena, canary, memory without size, memory together with reserve, no
   allocator), NOMEM (address space), UNSUPPORTED (reserve without virtual memory). */
AIMEM_POOL_API aimem_result aimem_arena_init(aimem_arena *arena, const aimem_arena_desc *desc);

/* Gives everything back; all pieces are gone. NULL and a zeroed struct are fine. O(chunks). */
AIMEM_POOL_API void aimem_arena_deinit(aimem_arena *arena);

/* The slow path of aimem_arena_push: grows, or answers NULL. Call aimem_arena_push instead. */
AIMEM_POOL_API void *aimem_arena_push_slow(aimem_arena *arena, size_t size, size_t align);

/* size bytes, not cleared, at a multiple of align (a power of two; 0: 16). NULL when the memory or
   a limit is at its end, and for any other align; the arena is then as it was. size 0 gives an
   address that the next push may give again. The arena owns the piece. O(1), inline.
   Why two comparisons are enough: end is never in the last 4 KiB of the address space, so rounding
   up to an alignment of at most 4096 cannot run over its top; then piece <= next says that adding
   size did not either, and next <= end that there is room. All else is left to the slow path. */
AIMEM_POOL_INLINE void *aimem_arena_push(aimem_arena *arena, size_t size, size_t align) {
    uintptr_t mask = (uintptr_t)(align == 0 ? 16 : align) - 1;
    uintptr_t piece = ((uintptr_t)arena->at + mask) & ~mask, next = piece + size;
    if (mask < 4096 && ((mask + 1) & mask) == 0 && piece <= next && next <= (uintptr_t)arena->end) {
        arena->at = (unsigned char *)next;
        return (void *)piece;
    }
    return aimem_arena_push_slow(arena, size, align);
}

/* As aimem_arena_push, every byte 0. */
AIMEM_POOL_API void *aimem_arena_push_zeroed(aimem_arena *arena, size_t size, size_t align);

/* count things of size bytes each; NULL also when count * size does not fit in size_t. */
AIMEM_POOL_API void *aimem_arena_push_array(aimem_arena *arena, size_t count, size_t size,
                                            size_t align);

/* The piece ptr of old_size bytes becomes new_size bytes: in place when it is the last piece and
   there is room (or when it shrinks), else a copy in a new piece, and the old one is lost until a
   rewind. ptr NULL: a push. NULL on failure, and the old piece is as it was. */
AIMEM_POOL_API void *aimem_arena_resize(aimem_arena *arena, void *ptr, size_t old_size,
                                        size_t new_size, size_t align);

/* A copy of size bytes of text with a NUL behind them. NULL on failure. O(size). */
AIMEM_POOL_API char *aimem_arena_string(aimem_arena *arena, const char *text, size_t size);

/* A copy of a text that ends with NUL; NULL for NULL. */
AIMEM_POOL_API char *aimem_arena_strdup(aimem_arena *arena, const char *text);

/* first and second, one behind the other, with a NUL behind them. first may be the last string of
   the arena: then it is extended in place. NULL counts as empty. */
AIMEM_POOL_API char *aimem_arena_concat(aimem_arena *arena, const char *first, const char *second);

/* Where the arena stands now. O(1). */
AIMEM_POOL_API aimem_arena_mark aimem_arena_save(const aimem_arena *arena);

/* Gives back every piece pushed since the mark; chunks are kept for later pushes. The mark must be
   of this arena and not older than its last reset. O(chunks given back). */
AIMEM_POOL_API void aimem_arena_rewind(aimem_arena *arena, aimem_arena_mark mark);

/* Gives back every piece; keeps the memory. */
AIMEM_POOL_API void aimem_arena_reset(aimem_arena *arena);

/* Returns memory that holds no piece (spare chunks, committed pages) to where it came from.
   Returns the bytes given back. */
AIMEM_POOL_API size_t aimem_arena_trim(aimem_arena *arena);

/* The first of count arenas that is not conflict: scratch space for a function that was itself
   handed an arena to put its result in (two are enough). NULL when there is none. */
AIMEM_POOL_API aimem_arena *aimem_arena_scratch(aimem_arena *arenas, size_t count,
                                                const aimem_arena *conflict);

/* The arena as an allocator hook: free gives back the last piece only, resize as above. The arena
   must outlive every object that uses it. */
AIMEM_POOL_API aimem_allocator aimem_arena_allocator(aimem_arena *arena);

/* What the arena holds. O(chunks). */
AIMEM_POOL_API void aimem_arena_stats(const aimem_arena *arena, aimem_arena_info *out);

/* Room for one T, or for n of them; NULL on failure. */
#define AIMEM_ARENA_NEW(arena, T) \
    ((T *)aimem_arena_push_zeroed((arena), sizeof(T), AIMEM_ALIGNOF(T)))
#define AIMEM_ARENA_ARRAY(arena, T, n) \
    ((T *)aimem_arena_push_array((arena), (n), sizeof(T), AIMEM_ALIGNOF(T)))
#ifndef AIMEM_ALIGNOF
#ifdef __cplusplus
#define AIMEM_ALIGNOF(T) alignof(T)
#else
#define AIMEM_ALIGNOF(T) _Alignof(T)
#endif
#endif

/* ---- block pool: many blocks of one size ----------------------------------------------------
 *
 * Allocation and free take a few nanoseconds, every free is checked in every build, and nothing of
 * ours lies inside or beside a block: overruns cannot damage the pool, and a block that is free is
 * never touched. Frees that are wrong (a block of someone else, a pointer inside a block, a block
 * that is free already) are refused with a code and change nothing.
 */
typedef struct aimem_pool aimem_pool;

/* A block by number and generation: unlike a pointer it is known to be stale for ever once its
   block was freed, also after the block was handed out again. 0 is no block. */
typedef struct aimem_pool_handle {
    uint64_t id;
} aimem_pool_handle;

typedef struct aimem_pool_desc {
    const char *name;          /* for people, copied, first 31 bytes; NULL: "pool" */
    size_t block_size;         /* bytes; 0: 64 */
    size_t align;              /* of every block, a power of two up to 2 MiB; 0: the largest power
                                  of two that divides block_size, at most 16 */
    size_t max_blocks;         /* 0: no limit */
    size_t preallocated;       /* blocks made ready by create; 0: min(5, max_blocks) */
    bool fixed;                /* all max_blocks (not 0) are made by create, and never more */
    bool reclaim_on_free;      /* memory goes back as soon as a whole chunk is free */
    bool clear_on_free;        /* freed blocks are wiped (the compiler cannot remove it) */
    bool handles;              /* keep generations (4 bytes a block) so that handles work; a block
                                  that was freed 2^32 times or so is then not handed out again */
    aimem_allocator allocator; /* zero: the C library */
    aimem_logger logger;       /* told about refused frees and blocks still live at destroy */
    uint32_t canary_zero;
} aimem_pool_desc;

typedef struct aimem_pool_info {
    const char *name;     /* valid while the pool lives */
    size_t block_size;    /* as asked for */
    size_t stride;        /* bytes from one block to the next */
    size_t total;         /* blocks that have memory now */
    size_t in_use;        /* blocks handed out */
    size_t available;     /* total - in_use: without new memory */
    size_t peak;          /* the most blocks in use at once */
    size_t max_blocks;    /* 0: no limit */
    size_t bytes;         /* memory held, our own bookkeeping included */
    uint64_t failures;    /* allocations answered with NULL */
    uint64_t refused;     /* frees refused */
    float utilisation;    /* in_use / total, 0 when total is 0 */
} aimem_pool_info;

/* A new pool in *out (NULL on failure). desc may be NULL. Errors: INVALID (canary, align, fixed
   without max_blocks, preallocated over max_blocks, no allocator), RANGE (sizes that overflow),
   NOMEM. One thread uses a pool at a time. O(preallocated). */
AIMEM_POOL_API aimem_result aimem_pool_create(const aimem_pool_desc *desc, aimem_pool **out);

/* Bytes that aimem_pool_init needs for a fixed pool of desc->max_blocks blocks, for memory of any
   alignment; 0 when desc is wrong. */
AIMEM_POOL_API size_t aimem_pool_size(const aimem_pool_desc *desc);

/* A fixed pool inside the caller's memory: no allocator is ever called. memory must stay until
   aimem_pool_destroy, which does not free it. Errors: INVALID, RANGE (size too small). */
AIMEM_POOL_API aimem_result aimem_pool_init(void *memory, size_t size, const aimem_pool_desc *desc,
                                            aimem_pool **out);

/* Frees the pool and all its blocks. Blocks that are still handed out are reported to the logger:
   how many, then the first sixteen with their addresses. NULL is fine. O(chunks). */
AIMEM_POOL_API void aimem_pool_destroy(aimem_pool *pool);

/* One block, not cleared, or NULL: at the maximum, or no memory. Blocks freed last come first, then
   those with the lowest addresses. O(1); when the pool must grow, two or three calls of the
   allocator, and more when it says no. */
AIMEM_POOL_API void *aimem_pool_alloc(aimem_pool *pool);

/* Gives a block back. NULL is fine. Errors, with nothing changed: FOREIGN (no block of this pool,
   or of memory already returned), INTERIOR (inside a block), DOUBLE_FREE (free already; seen until
   the block is handed out again). O(log chunks). */
AIMEM_POOL_API aimem_result aimem_pool_free(aimem_pool *pool, void *block);

/* What aimem_pool_free would answer; changes nothing. */
AIMEM_POOL_API aimem_result aimem_pool_check(const aimem_pool *pool, const void *block);

/* The handle of a block that is handed out; {0} when it is not one, or without desc.handles. */
AIMEM_POOL_API aimem_pool_handle aimem_pool_handle_of(const aimem_pool *pool, const void *block);

/* The block of a handle, or NULL when it is stale or 0. A handle of another pool is taken for a
   stale one, but for one case in a billion: pools begin at different generations. O(1). */
AIMEM_POOL_API void *aimem_pool_get(const aimem_pool *pool, aimem_pool_handle handle);

/* Frees by handle; {0} is fine. STALE: it was freed before, however often its block was handed out
   since. UNSUPPORTED: without desc.handles. */
AIMEM_POOL_API aimem_result aimem_pool_free_handle(aimem_pool *pool, aimem_pool_handle handle);

/* Calls walk_fn for every block in use, in no particular order, until it returns false. walk_fn may
   not change the pool. O(total). */
AIMEM_POOL_API void aimem_pool_walk(const aimem_pool *pool,
                                    bool (*walk_fn)(void *user_data, void *block), void *user_data);

/* Every block is free again; memory is kept; handles go stale. O(total). */
AIMEM_POOL_API void aimem_pool_reset(aimem_pool *pool);

/* Gives back chunks that are wholly free, down to the preallocated count. Returns the bytes. */
AIMEM_POOL_API size_t aimem_pool_trim(aimem_pool *pool);

/* The pool as an allocator hook: requests up to the block size and alignment get a block, all
   others NULL. The pool must outlive every object that uses it. */
AIMEM_POOL_API aimem_allocator aimem_pool_allocator(aimem_pool *pool);

/* What the pool holds and has done. O(1). */
AIMEM_POOL_API void aimem_pool_stats(const aimem_pool *pool, aimem_pool_info *out);

#ifdef __cplusplus
}
#endif
