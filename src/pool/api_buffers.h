/* pool/api_buffers.h: recycled buffers, the public declarations. */

#ifdef __cplusplus
extern "C" {
#endif

/* ---- recycled buffers: tensors and other large pieces of any size ---------------------------
 *
 * Memory of released buffers serves the next ones. A buffer is named by a handle (number and
 * generation), so the handle of a buffer that is gone is always noticed; aimem_buffers_data gives
 * its address. Buffers are reference counted; the last release recycles.
 *
 * The default engine cuts buffers from one range of address space at the lowest place that fits,
 * joins what is released at once, and gives pages back to the system so that the pages in use stay
 * below 1.02 times the most bytes that were ever live (and 1 MiB). The class engine rounds up to
 * size classes and keeps whole buffers for later: simpler to foresee, 1.4 to 3.5 times as large.
 */
typedef struct aimem_buffers aimem_buffers;

/* A buffer. Copied freely. 0 is none. */
typedef struct aimem_buffer {
    uint64_t id;
} aimem_buffer;

enum { AIMEM_BUFFERS_CLASSES_MOST = 32 };

/* aimem_buffers_desc.engine */
#define AIMEM_BUFFERS_AUTO 0u    /* memory if given; else address space; else chunks */
#define AIMEM_BUFFERS_CHUNKS 1u  /* large pieces from the allocator, cut and joined */
#define AIMEM_BUFFERS_CLASSES 2u /* each buffer from the allocator, rounded up to a class */
/* aimem_buffers_desc.preset: values for fields that are 0 */
#define AIMEM_BUFFERS_TIGHT 1u /* at most 32 buffers kept, idle 15 s, cleanup every 30 s */
#define AIMEM_BUFFERS_SPEED 2u /* at most 128 buffers kept, idle 60 s, cleanup every 120 s */

typedef struct aimem_buffers_desc {
    const char *name;          /* for people, copied, first 31 bytes; NULL: "buffers" */
    uint32_t engine;
    uint32_t preset;
    aimem_allocator allocator; /* bookkeeping, chunks, classes; zero: the C library */
    aimem_vm vm;               /* address space; zero: the system's */
    void *memory;              /* the caller's bytes for the buffers; never grows */
    size_t memory_size;
    size_t reserve;            /* bytes of address space; 0: 256 GiB (32-bit: 512 MiB), or less
                                  where the system gives less */
    size_t max_bytes;          /* of memory for buffers, in use or kept; 0: no limit */
    size_t align;              /* of every buffer, a power of two up to 64 KiB; 0: 64 */
    uint64_t idle_ns;          /* memory unused for this long is given back by tick; 0: 60 s */
    uint64_t cleanup_ns;       /* tick looks for it this often; 0: 30 s */
    const size_t *classes;     /* rising sizes, copied; NULL: 256 B x 4 .. 64 MiB */
    uint32_t class_count;      /* at most AIMEM_BUFFERS_CLASSES_MOST; with classes NULL: 0, or
                                  6 for 1 KiB x 4 .. 1 MiB */
    uint32_t max_per_class;    /* class engine: buffers of one class, in use and kept; 0: 50.
                                  What comes on top is allocated directly */
    uint32_t max_kept;         /* class engine: buffers kept in all; 0: no limit */
    size_t max_kept_bytes;     /* class engine: bytes kept in all; 0: no limit */
    bool clear_on_alloc;       /* new buffers are all zero */
    bool clear_on_release;     /* recycled buffers are wiped (the compiler cannot remove it) */
    bool locked;               /* any thread may call; otherwise one at a time */
    aimem_logger logger;       /* told about misuse and buffers still held at destroy */
    uint32_t canary_zero;
} aimem_buffers_desc;

/* What to allocate. Zero fields are defaults. */
typedef struct aimem_buffer_desc {
    size_t size;        /* bytes; or 0 and count elements of dtype */
    size_t count;
    aimem_dtype dtype;
    size_t align;       /* a power of two; 0: the object's. Up to 64 KiB */
    const void *from;   /* size bytes to copy in */
    const char *name;   /* copied, first 15 bytes */
    bool clear;         /* all zero */
    uint32_t canary_zero;
} aimem_buffer_desc;

typedef struct aimem_buffer_info {
    aimem_buffer buffer;
    char name[16];
    size_t size;        /* bytes as asked for */
    size_t count;       /* elements; bytes where dtype is 0 */
    size_t align;       /* of the address, as promised */
    size_t held;        /* bytes of memory it takes; compressed: what is stored */
    void *data;         /* NULL when compressed */
    uint64_t age_ns;    /* since it was allocated, by the clock of tick */
    aimem_dtype dtype;
    uint32_t refs;
    float ratio;        /* compressed: size / held; else 1 */
    bool compressed;
    bool borrowed;      /* handed over by another object that still owns the memory */
} aimem_buffer_info;

typedef struct aimem_buffers_info {
    const char *name;     /* valid while the object lives */
    size_t in_use;        /* buffers */
    size_t kept;          /* buffers (class engine) or free ranges kept for later */
    size_t bytes;         /* in use, rounding included */
    size_t peak_bytes;    /* the most bytes in use */
    size_t held_bytes;    /* memory held for buffers: touched pages, chunks, kept, the caller's */
    size_t peak_held;     /* the most held_bytes */
    size_t waste;         /* bytes in use that nobody asked for (rounding) */
    size_t largest_free;  /* one piece of it would fit without new memory from the system */
    size_t own_bytes;     /* bookkeeping */
    uint64_t hits;        /* served without asking the system or the allocator for memory */
    uint64_t misses;      /* with */
    uint64_t faulting;    /* address space: hits and misses over pages that nobody touched since
                             they were committed: the system has yet to put memory behind them */
    uint64_t failures;
    uint64_t refused;     /* misuse: stale handles and the like */
    uint64_t created;     /* buffers or chunks asked of the allocator */
    uint64_t returned_bytes;  /* given back to the system or the allocator while alive */
    uint64_t refaulted_bytes; /* given back, and taken again */
    uint64_t allocated_bytes; /* sum of the sizes of all allocations */
    float hit_rate;       /* hits / (hits + misses), 0 at first */
} aimem_buffers_info;

/* One size class. In the default engine classes only count. */
typedef struct aimem_buffers_class_info {
    size_t size;     /* the largest request of the class; 0: past the last class */
    size_t in_use;   /* buffers */
    size_t kept;     /* class engine: buffers free for the next request */
    size_t bytes;    /* of memory in use */
    size_t peak_bytes;
    size_t waste;
    uint64_t created; /* class engine: buffers taken from the allocator */
    uint64_t hits;
    uint64_t misses;
} aimem_buffers_class_info;

/* A new object in *out (NULL on failure). desc may be NULL. Errors: INVALID (canary, align,
   classes not rising, memory without size, memory with another engine, no allocator), NOMEM. */
AIMEM_POOL_API aimem_result aimem_buffers_create(const aimem_buffers_desc *desc,
                                                 aimem_buffers **out);

/* Frees everything, also buffers that are still held: the logger is told how many, then the first
   sixteen by name, size and count. NULL is fine. Buffers handed over to other objects must have
   been released there before. */
AIMEM_POOL_API void aimem_buffers_destroy(aimem_buffers *buffers);

/* size bytes (0 counts as 1), not cleared unless desc.clear_on_alloc; *out is 0 on failure. The
   caller holds one reference. Errors: LIMIT (max_bytes, or the memory or address space is full),
   NOMEM, BUSY (called from inside one of its own hooks). O(log free ranges) expected. */
AIMEM_POOL_API aimem_result aimem_buffers_alloc(aimem_buffers *buffers, size_t size,
                                                aimem_buffer *out);

/* The same with more to say. Errors: as above, INVALID (align, canary, size and count both given,
   unknown dtype), RANGE (count too large). */
AIMEM_POOL_API aimem_result aimem_buffers_alloc_with(aimem_buffers *buffers,
                                                     const aimem_buffer_desc *desc,
                                                     aimem_buffer *out);

/* One more reference. Errors: STALE, LIMIT (2^32 - 1 of them). */
AIMEM_POOL_API aimem_result aimem_buffers_retain(aimem_buffers *buffers, aimem_buffer buffer);

/* One reference less; the last one recycles the buffer, and its handle is stale from then on.
   {0} is fine. Errors: STALE (released already, or a handle of another object). */
AIMEM_POOL_API aimem_result aimem_buffers_release(aimem_buffers *buffers, aimem_buffer buffer);

/* Another size for the same handle; the contents are kept up to the smaller size. In place when it
   fits there; else it moves. Errors: STALE, LIMIT, NOMEM, UNSUPPORTED (compressed or borrowed);
   the buffer is as it was. */
AIMEM_POOL_API aimem_result aimem_buffers_resize(aimem_buffers *buffers, aimem_buffer buffer,
                                                 size_t size);

/* Gives the one reference to someone else: *out is a new handle, and the old one is stale from now
   on, so that the giver cannot use it by mistake. to: the object that shall count it, the same or
   another (NULL: the same). Nothing is copied: in another object the buffer stays in the memory of
   this one, which must live until it is released there. Errors: STALE, BUSY (more than one
   reference), NOMEM, UNSUPPORTED (compressed, to another object). */
AIMEM_POOL_API aimem_result aimem_buffers_handover(aimem_buffers *buffers, aimem_buffer buffer,
                                                   aimem_buffers *to, aimem_buffer *out);

/* The address, or NULL when the handle is stale or the buffer is compressed. Valid until the last
   release or a resize. O(1). */
AIMEM_POOL_API void *aimem_buffers_data(aimem_buffers *buffers, aimem_buffer buffer);

/* Everything known about one buffer. Errors: STALE (*out is zeroed). O(1). */
AIMEM_POOL_API aimem_result aimem_buffers_about(aimem_buffers *buffers, aimem_buffer buffer,
                                                aimem_buffer_info *out);

/* Fills out with up to room of the buffers that are held, and returns how many there are. */
AIMEM_POOL_API size_t aimem_buffers_list(aimem_buffers *buffers, aimem_buffer_info *out,
                                         size_t room);

/* ---- scopes and owners: several buffers released together ----
   A zeroed scope is empty and ready. Each buffer added gives its reference to the scope; end
   releases them all, the last added first, and may be called again: the scope is empty then.
   Scopes nest as variables do. A scope belongs to one object, named at the first add. */
typedef struct aimem_buffers_scope {
    aimem_buffers *buffers;
    uint32_t head; /* private */
    uint32_t count;
} aimem_buffers_scope;

/* Hands the caller's reference to the scope. Errors: STALE, INVALID (a scope of another object),
   NOMEM; the reference stays the caller's then. */
AIMEM_POOL_API aimem_result aimem_buffers_scope_add(aimem_buffers *buffers,
                                                    aimem_buffers_scope *scope,
                                                    aimem_buffer buffer);

/* Gives the reference back to the caller: the buffer outlives the scope. Errors: NOT_FOUND.
   O(buffers in the scope). */
AIMEM_POOL_API aimem_result aimem_buffers_scope_keep(aimem_buffers_scope *scope,
                                                     aimem_buffer buffer);

/* Releases what the scope holds and empties it. NULL and an empty scope are fine. Returns the
   number of buffers released; those that somebody released before are passed over. */
AIMEM_POOL_API size_t aimem_buffers_scope_end(aimem_buffers_scope *scope);

/* ---- access with bounds ----
   All work on compressed buffers too, chunk by chunk. Offsets and sizes in bytes. Errors: STALE,
   RANGE (nothing is read or written), and of compressed buffers NOMEM and CORRUPT. */
AIMEM_POOL_API aimem_result aimem_buffers_read(aimem_buffers *buffers, aimem_buffer buffer,
                                               size_t offset, void *dst, size_t size);

/* The other way. */
AIMEM_POOL_API aimem_result aimem_buffers_write(aimem_buffers *buffers, aimem_buffer buffer,
                                                size_t offset, const void *src, size_t size);

/* size bytes from offset become 0. */
AIMEM_POOL_API aimem_result aimem_buffers_clear(aimem_buffers *buffers, aimem_buffer buffer,
                                                size_t offset, size_t size);

/* Element index of a typed buffer, in its own type. UNSUPPORTED: no dtype, or one whose elements
   are no whole bytes (B1, Q8_0, Q4_0). */
AIMEM_POOL_API aimem_result aimem_buffers_get(aimem_buffers *buffers, aimem_buffer buffer,
                                              size_t index, void *out);

/* The other way. */
AIMEM_POOL_API aimem_result aimem_buffers_put(aimem_buffers *buffers, aimem_buffer buffer,
                                              size_t index, const void *value);

/* One value of any type at a byte offset of any buffer; no alignment is needed. */
AIMEM_POOL_API aimem_result aimem_buffers_get_at(aimem_buffers *buffers, aimem_buffer buffer,
                                                 aimem_dtype dtype, size_t offset, void *out);

/* The other way. */
AIMEM_POOL_API aimem_result aimem_buffers_put_at(aimem_buffers *buffers, aimem_buffer buffer,
                                                 aimem_dtype dtype, size_t offset,
                                                 const void *value);

/* Element index as a double, converted from and to the type of the buffer: integers are rounded to
   nearest and clamped, f16 and bf16 are rounded to nearest even; NaN becomes 0 in an integer. B1
   works too. 64-bit integers above 2^53 lose bits: use get and put for those. */
AIMEM_POOL_API aimem_result aimem_buffers_get_number(aimem_buffers *buffers, aimem_buffer buffer,
                                                     size_t index, double *out);

/* The other way. */
AIMEM_POOL_API aimem_result aimem_buffers_put_number(aimem_buffers *buffers, aimem_buffer buffer,
                                                     size_t index, double value);

/* Bytes that count elements take (B1: rounded up; Q8_0, Q4_0: whole blocks of 32); 0 for a type
   that does not exist and when it does not fit. */
AIMEM_POOL_API size_t aimem_buffers_bytes_of(aimem_dtype dtype, size_t count);

/* ---- compressed buffers ----
   A compressed buffer keeps its handle, size and type; data is NULL, and the functions above read
   and write it in chunks, each compressed on its own. The chunk used last is held uncompressed. */

/* Compresses in place. codec is copied; level is the codec's, 1 to 9 (0: 6); chunk: bytes, 0:
   64 KiB. *stored (may be NULL): bytes it takes now. On a buffer that is compressed already it
   changes codec, level and chunk. Errors: STALE, INVALID (codec without functions), UNSUPPORTED
   (borrowed), NOMEM, CORRUPT; the buffer is as it was. */
AIMEM_POOL_API aimem_result aimem_buffers_compress(aimem_buffers *buffers, aimem_buffer buffer,
                                                   const aimem_codec *codec, int level,
                                                   size_t chunk, size_t *stored);

/* Makes it a plain buffer again. Errors: STALE, LIMIT, NOMEM, CORRUPT; it stays compressed. */
AIMEM_POOL_API aimem_result aimem_buffers_decompress(aimem_buffers *buffers, aimem_buffer buffer);

/* ---- upkeep ---- */

/* Timed work: gives back memory that was unused for idle_ns. now_ns: the caller's clock; when it
   goes backwards no time has passed. budget_ns: about how long it may take, 0: no limit. Returns
   AIMEM_PENDING when it stopped early (call again), AIMEM_OK otherwise, BUSY when re-entered. */
AIMEM_POOL_API aimem_result aimem_buffers_tick(aimem_buffers *buffers, uint64_t now_ns,
                                               uint64_t budget_ns);

/* Gives back all memory that no buffer uses, and returns its bytes. */
AIMEM_POOL_API size_t aimem_buffers_trim(aimem_buffers *buffers);

/* Figures in all, and of one class: 0 .. class_count - 1, and class_count for larger requests.
   Errors of the latter: RANGE (*out is zeroed). O(free ranges) for largest_free, else O(1). */
AIMEM_POOL_API void aimem_buffers_stats(const aimem_buffers *buffers, aimem_buffers_info *out);

/* See above. */
AIMEM_POOL_API aimem_result aimem_buffers_class_stats(const aimem_buffers *buffers, uint32_t index,
                                                      aimem_buffers_class_info *out);

/* The object as an allocator hook. Every block is a buffer of its own, with 16 bytes (or its
   alignment, when larger) in front. The object must outlive everything that uses it. */
AIMEM_POOL_API aimem_allocator aimem_buffers_allocator(aimem_buffers *buffers);

/* A scope that ends with the block it is declared in; only where the compiler has the attribute:
   { AIMEM_BUFFERS_SCOPE(scope); aimem_buffers_scope_add(b, &scope, x); } */
#if defined(__GNUC__) || defined(__clang__)
#define AIMEM_BUFFERS_SCOPE(name) \
    __attribute__((cleanup(aimem_buffers_scope_leave))) aimem_buffers_scope name = {NULL, 0, 0}
#endif

/* What AIMEM_BUFFERS_SCOPE calls. */
AIMEM_POOL_INLINE void aimem_buffers_scope_leave(aimem_buffers_scope *scope) {
    (void)aimem_buffers_scope_end(scope);
}

#ifdef __cplusplus
}

/* The same for C++: ends its scope when it is destroyed. */
class aimem_buffers_guard {
public:
    explicit aimem_buffers_guard(aimem_buffers *buffers) : buffers_(buffers) {
        scope_.buffers = nullptr;
        scope_.head = scope_.count = 0;
    }
    aimem_buffers_guard(const aimem_buffers_guard &) = delete;
    aimem_buffers_guard &operator=(const aimem_buffers_guard &) = delete;
    ~aimem_buffers_guard() { (void)aimem_buffers_scope_end(&scope_); }
    aimem_result add(aimem_buffer buffer) {
        return aimem_buffers_scope_add(buffers_, &scope_, buffer);
    }
    aimem_result keep(aimem_buffer buffer) { return aimem_buffers_scope_keep(&scope_, buffer); }

private:
    aimem_buffers *buffers_;
    aimem_buffers_scope scope_;
};
#endif
