/* vec/api.h: the public declarations of aimem_vec.h. */

#ifndef AIMEM_VEC_API
#if defined(AIMEM_STATIC) || defined(AIMEM_VEC_STATIC)
#if defined(__GNUC__) || defined(__clang__) || defined(__TINYC__)
#define AIMEM_VEC_API static __attribute__((unused))
#else
#define AIMEM_VEC_API static
#endif
#elif defined(AIMEM_DLL) && defined(_WIN32)
#if defined(AIMEM_IMPLEMENTATION) || defined(AIMEM_VEC_IMPLEMENTATION)
#define AIMEM_VEC_API __declspec(dllexport)
#else
#define AIMEM_VEC_API __declspec(dllimport)
#endif
#elif defined(AIMEM_DLL) && (defined(__GNUC__) || defined(__clang__))
#define AIMEM_VEC_API extern __attribute__((visibility("default")))
#else
#define AIMEM_VEC_API extern
#endif
#endif

#define AIMEM_VEC_VERSION_MAJOR 0
#define AIMEM_VEC_VERSION_MINOR 1
#define AIMEM_VEC_VERSION_PATCH 0
#define AIMEM_VEC_VERSION 100 /* major * 10000 + minor * 100 + patch */

#ifdef __cplusplus
extern "C" {
#endif

/* The AIMEM_VEC_VERSION of the implementation that is linked. Any thread. O(1). */
AIMEM_VEC_API uint32_t aimem_vec_version(void);

/* A collection of vectors of one dimension, each with a 64-bit id and, if wanted, a text label. */
typedef struct aimem_vec aimem_vec;

/* How far apart two vectors are. Smaller is nearer for all of them. The values are on disk too. */
enum {
    AIMEM_VEC_COS = 0,  /* 1 - cosine; 1 when one is a zero vector (length below 3e-19) */
    AIMEM_VEC_L2 = 1,   /* Euclidean */
    AIMEM_VEC_L2SQ = 2, /* Euclidean, squared */
    AIMEM_VEC_L1 = 3,   /* Manhattan: the sum of absolute differences */
    AIMEM_VEC_IP = 4    /* minus the inner product */
};

/* Instruction sets, for desc.simd and info.simd. */
enum {
    AIMEM_VEC_SIMD_AUTO = 0, /* the best that this CPU and this build have */
    AIMEM_VEC_SIMD_SCALAR = 1,
    AIMEM_VEC_SIMD_SSE = 2,
    AIMEM_VEC_SIMD_AVX2 = 3,
    AIMEM_VEC_SIMD_AVX512 = 4,
    AIMEM_VEC_SIMD_NEON = 5,
    AIMEM_VEC_SIMD_WASM = 6
};

/* Limits. The last id is not a row's: it asks for one to be assigned. */
#define AIMEM_VEC_MAX_DIM 65536u
#define AIMEM_VEC_MAX_ROWS 4294967040u
#define AIMEM_VEC_MAX_LABEL 65535u /* bytes */
#define AIMEM_VEC_NEW_ID UINT64_MAX

typedef struct aimem_vec_desc {
    uint32_t dim;              /* floats in a vector, 1 .. AIMEM_VEC_MAX_DIM; required */
    uint32_t metric;           /* AIMEM_VEC_COS ... */
    uint64_t max_rows;         /* add beyond it is AIMEM_ERR_LIMIT; 0: AIMEM_VEC_MAX_ROWS */
    uint32_t simd;             /* force an instruction set; UNSUPPORTED where it is missing */
    aimem_allocator allocator; /* zero: the C library */
    aimem_parallel parallel;   /* zero: the calling thread; used by add_batch and searches */
    aimem_logger logger;       /* told what is wrong with a file that load refuses */
    uint32_t canary_zero;
} aimem_vec_desc;

/* One result of a search. */
typedef struct aimem_vec_hit {
    uint64_t id;
    float distance;    /* in the metric of the collection */
    float similarity;  /* COS: the cosine; IP: the inner product; others 1 / (1 + distance) */
    const char *label; /* ends with NUL; NULL: none. Borrowed until the collection changes */
    size_t label_size; /* bytes without the NUL */
} aimem_vec_hit;

/* One row, for iteration. */
typedef struct aimem_vec_row {
    uint64_t id;
    const float *vector; /* dim floats; borrowed until the collection changes */
    const char *label;   /* as in a hit */
    size_t label_size;
} aimem_vec_row;

typedef struct aimem_vec_info {
    uint32_t dim;
    uint32_t metric;
    uint32_t simd;        /* the instruction set in use */
    uint64_t count;       /* rows */
    uint64_t capacity;    /* rows that fit in the memory held */
    uint64_t max_rows;
    uint64_t labels;      /* rows with a label */
    uint64_t bytes;       /* memory held from the allocator, in all */
    float bytes_per_row;  /* bytes / count, 0 when empty */
} aimem_vec_info;

/* ---- life of a collection -------------------------------------------------------------------- */

/* An empty collection in *out (NULL on failure). Errors: INVALID (no desc, dim 0 or too large, a
   metric or simd value that does not exist, canary, no allocator), UNSUPPORTED (simd), LIMIT
   (max_rows), NOMEM. O(1), less than 1 KiB.
   Threads, here and below: calls that take a const aimem_vec may run side by side; any other call
   on the same collection runs alone. One that comes from a hook while a change is under way is
   AIMEM_ERR_BUSY. */
AIMEM_VEC_API aimem_result aimem_vec_create(const aimem_vec_desc *desc, aimem_vec **out);

/* Frees the collection. NULL is fine. Not from a hook of the collection itself. O(rows). */
AIMEM_VEC_API void aimem_vec_destroy(aimem_vec *v);

/* Adds one vector of dim floats (copied; any alignment that a float may have). id: its id, or
   AIMEM_VEC_NEW_ID for one that is assigned: larger than every id that the collection ever had.
   label: a text that no other row has, or NULL for none (an empty text counts as none); copied.
   *out_id, if out_id is not NULL, has the id (0 on failure). Errors: INVALID (NULL, a NaN or
   infinity in the vector), RANGE (sum of squares over 1e37, label too long), EXISTS (id or label),
   LIMIT (max_rows, no id left to assign), NOMEM; nothing is added then. What was borrowed from the
   collection is gone afterwards in any case, but it may be given as vector and label here.
   O(dim), amortised. */
AIMEM_VEC_API aimem_result aimem_vec_add(aimem_vec *v, uint64_t id, const char *label,
                                         const float *vector, uint64_t *out_id);

/* Adds count vectors, one behind the other at vectors, all or none. ids: count ids, NULL: assigned
   in order. labels: count texts, NULL: none (single entries may be NULL too). out_ids: NULL or room
   for count. Rows are checked and copied on desc.parallel. Errors as aimem_vec_add, and EXISTS
   when two of the new rows share an id or label. ids and out_ids may be one array.
   O(count * dim). */
AIMEM_VEC_API aimem_result aimem_vec_add_batch(aimem_vec *v, size_t count, const uint64_t *ids,
                                               const char *const *labels, const float *vectors,
                                               uint64_t *out_ids);

/* Stores a vector under id: replaces the row that has the id, vector and label, or adds one. Errors
   as aimem_vec_add; EXISTS when the label is another row's; INVALID for AIMEM_VEC_NEW_ID.
   O(dim). */
AIMEM_VEC_API aimem_result aimem_vec_put(aimem_vec *v, uint64_t id, const char *label,
                                         const float *vector);

/* Copies the vector of id to vector (dim floats), bit for bit as it was given. NOT_FOUND: none.
   O(dim). */
AIMEM_VEC_API aimem_result aimem_vec_get(const aimem_vec *v, uint64_t id, float *vector);

/* The row of id, borrowed until the collection changes. NOT_FOUND: none, *out is zero. O(1). */
AIMEM_VEC_API aimem_result aimem_vec_view(const aimem_vec *v, uint64_t id, aimem_vec_row *out);

/* The id of the row with this label in *out_id. NOT_FOUND: none, *out_id is 0. O(1). */
AIMEM_VEC_API aimem_result aimem_vec_find(const aimem_vec *v, const char *label, uint64_t *out_id);

/* Removes the row of id; its label may be used again. NOT_FOUND: none. O(dim): the last row moves
   into its place. */
AIMEM_VEC_API aimem_result aimem_vec_remove(aimem_vec *v, uint64_t id);

/* Removes all rows; memory is kept for the next ones. Assigned ids go on from where they were. From
   a hook, while a change is under way, it does nothing. O(memory of ids). */
AIMEM_VEC_API void aimem_vec_clear(aimem_vec *v);

/* The number of rows. O(1). */
AIMEM_VEC_API uint64_t aimem_vec_count(const aimem_vec *v);

/* The rows one by one: start with *cursor 0; false at the end, and then *out is zero. The order is
   that of adding until a row is removed. To remove while iterating, go on with the cursor lowered
   by one. O(1). */
AIMEM_VEC_API bool aimem_vec_next(const aimem_vec *v, uint64_t *cursor, aimem_vec_row *out);

/* Room for rows in all, so that adding up to there needs no memory but for labels. LIMIT, NOMEM. */
AIMEM_VEC_API aimem_result aimem_vec_reserve(aimem_vec *v, uint64_t rows);

/* Gives back memory beyond what the rows need, by moving things into smaller blocks. NOMEM: as far
   as it went; the rows are as they were. O(rows) at most. */
AIMEM_VEC_API aimem_result aimem_vec_trim(aimem_vec *v);

/* Another metric. BUSY when the collection is not empty, INVALID for no such metric. O(1). */
AIMEM_VEC_API aimem_result aimem_vec_set_metric(aimem_vec *v, uint32_t metric);

/* What the collection holds. O(1). */
AIMEM_VEC_API void aimem_vec_stats(const aimem_vec *v, aimem_vec_info *out);

/* ---- search ---------------------------------------------------------------------------------- */

/* The k nearest rows to query (dim floats), nearest first; equal distances in order of id. hits has
   room for k; *count says how many there are: min(k, rows), never an error for fewer. Exact. On
   desc.parallel where there is one and the collection is large enough to gain.
   Errors: INVALID (NULL, NaN or infinity in query), RANGE (its sum of squares over 1e37), NOMEM
   (with desc.parallel only: min(k, rows) hits per worker). k 0 gives none. O(rows * dim). */
AIMEM_VEC_API aimem_result aimem_vec_search(const aimem_vec *v, const float *query, size_t k,
                                            aimem_vec_hit *hits, size_t *count);

/* As aimem_vec_search for several queries, one behind the other: query i has its counts[i] hits at
   hits + i * k. On desc.parallel by queries; a block of rows is read from memory once for several
   queries. Takes no memory. An error leaves all counts 0: that of the first query that has one. */
AIMEM_VEC_API aimem_result aimem_vec_search_batch(const aimem_vec *v, size_t queries,
                                                  const float *vectors, size_t k,
                                                  aimem_vec_hit *hits, size_t *counts);

/* Every row whose distance is at most radius (in the metric's own form: squared for L2SQ, minus the
   product for IP), nearest first. hits has room for capacity; *count is how many rows there are, so
   when it is larger than capacity the nearest capacity of them were stored. capacity 0 counts.
   Errors as aimem_vec_search; INVALID for a NaN radius. Exact. */
AIMEM_VEC_API aimem_result aimem_vec_range(const aimem_vec *v, const float *query, float radius,
                                           aimem_vec_hit *hits, size_t capacity, size_t *count);

/* The distance between two vectors of dim floats in the collection's metric, as a search computes
   it. Errors as for a query. */
AIMEM_VEC_API aimem_result aimem_vec_distance(const aimem_vec *v, const float *a, const float *b,
                                              float *distance);

/* ---- files ----------------------------------------------------------------------------------- */

/* Writes the collection to a stream: the format of docs/FORMAT.md, checksummed; the same rows give
   the same bytes everywhere. Errors: INVALID, NOMEM (64 KiB), and what write_fn answers. */
AIMEM_VEC_API aimem_result aimem_vec_save(const aimem_vec *v, const aimem_stream *stream);

/* Reads a collection that aimem_vec_save wrote into *out (NULL on failure). desc: allocator, hooks,
   simd and max_rows as for create; dim 0 takes the file's, another value must equal it; the metric
   is the file's. desc may be NULL. Reads exactly the bytes of the collection. Every byte is
   checked before it is trusted, and memory is taken only as bytes arrive. Errors: CORRUPT
   (truncated, damaged, or no such file), VERSION (another version), INVALID (dim), LIMIT
   (max_rows), NOMEM, and what read_fn answers. */
AIMEM_VEC_API aimem_result aimem_vec_load(const aimem_vec_desc *desc, const aimem_stream *stream,
                                          aimem_vec **out);

/* Saves to a file, all or nothing: path + ".tmp" is written and synced, then renamed over path, and
   the directory is synced. A failure leaves an older file as it was and removes the temporary one,
   but for a failure of the last step: then the new file is there, and a power cut may bring the old
   one back. Where the platform has no sync (WebAssembly) the file is as durable as it gets there.
   io: NULL is the system's files. os_error: NULL, or the system's number of an I/O failure goes
   there (0: none). Errors as aimem_vec_save, and those of aimem_io; UNSUPPORTED without files. */
AIMEM_VEC_API aimem_result aimem_vec_save_file(const aimem_vec *v, const char *path,
                                               const aimem_io *io, int32_t *os_error);

/* Loads from a file, as aimem_vec_load from a stream. NOT_FOUND: there is none; bytes behind the
   collection are CORRUPT. Errors also those of aimem_io; UNSUPPORTED without files. */
AIMEM_VEC_API aimem_result aimem_vec_load_file(const aimem_vec_desc *desc, const char *path,
                                               const aimem_io *io, aimem_vec **out,
                                               int32_t *os_error);

#ifdef __cplusplus
}
#endif
