/* core/types.h: the public vocabulary, the same in every aimem header.
 *
 * Types, macros and inline functions only, never an external symbol. Each block has a guard of its
 * own with a number, so that headers of different age can stand in one file: a newer header adds
 * the blocks and codes that the older one lacks. From 1.0 on a block never changes; a new shape
 * gets a new name.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Results: 0 is success, errors are negative, positive values are successes with news. */
#ifndef AIMEM_TYPE_RESULT_1
#define AIMEM_TYPE_RESULT_1
typedef int32_t aimem_result;
#endif

#ifndef AIMEM_OK
#define AIMEM_OK 0 /* done */
#endif
#ifndef AIMEM_ERR_INVALID
#define AIMEM_ERR_INVALID (-1) /* an argument or a desc is wrong */
#endif
#ifndef AIMEM_ERR_NOMEM
#define AIMEM_ERR_NOMEM (-2) /* the allocator hook gave nothing */
#endif
#ifndef AIMEM_ERR_LIMIT
#define AIMEM_ERR_LIMIT (-3) /* a limit, budget or maximum would be exceeded */
#endif
#ifndef AIMEM_ERR_RANGE
#define AIMEM_ERR_RANGE (-4) /* an offset, length or number is outside what is allowed */
#endif
#ifndef AIMEM_ERR_NOT_FOUND
#define AIMEM_ERR_NOT_FOUND (-5) /* no such item */
#endif
#ifndef AIMEM_ERR_EXISTS
#define AIMEM_ERR_EXISTS (-6) /* there is one already */
#endif
#ifndef AIMEM_ERR_BUSY
#define AIMEM_ERR_BUSY (-7) /* in use, locked, or re-entered while changing */
#endif
#ifndef AIMEM_ERR_TIMEOUT
#define AIMEM_ERR_TIMEOUT (-8) /* the time given has passed */
#endif
#ifndef AIMEM_ERR_CANCELLED
#define AIMEM_ERR_CANCELLED (-9) /* the progress hook or the caller stopped it */
#endif
#ifndef AIMEM_ERR_UNSUPPORTED
#define AIMEM_ERR_UNSUPPORTED (-10) /* not in this build or not on this platform */
#endif
#ifndef AIMEM_ERR_READONLY
#define AIMEM_ERR_READONLY (-11) /* the object or medium may not be written */
#endif
#ifndef AIMEM_ERR_IO
#define AIMEM_ERR_IO (-12) /* the system or the I/O table said no */
#endif
#ifndef AIMEM_ERR_NOSPACE
#define AIMEM_ERR_NOSPACE (-13) /* the medium is full */
#endif
#ifndef AIMEM_ERR_CORRUPT
#define AIMEM_ERR_CORRUPT (-14) /* bytes fail their check */
#endif
#ifndef AIMEM_ERR_VERSION
#define AIMEM_ERR_VERSION (-15) /* another format or header version */
#endif
#ifndef AIMEM_ERR_POISONED
#define AIMEM_ERR_POISONED (-16) /* an earlier failure made the object read-only */
#endif
#ifndef AIMEM_ERR_STALE
#define AIMEM_ERR_STALE (-17) /* the handle of something that is gone */
#endif
#ifndef AIMEM_ERR_FOREIGN
#define AIMEM_ERR_FOREIGN (-18) /* a pointer or handle of another object */
#endif
#ifndef AIMEM_ERR_INTERIOR
#define AIMEM_ERR_INTERIOR (-19) /* a pointer inside a block */
#endif
#ifndef AIMEM_ERR_DOUBLE_FREE
#define AIMEM_ERR_DOUBLE_FREE (-20) /* the block is free already */
#endif
#ifndef AIMEM_ERR_OVERRUN
#define AIMEM_ERR_OVERRUN (-21) /* guard bytes were overwritten */
#endif
#ifndef AIMEM_ERR_DEVICE_LOST
#define AIMEM_ERR_DEVICE_LOST (-22) /* the device is gone */
#endif
#ifndef AIMEM_ERR_RECURSION
#define AIMEM_ERR_RECURSION (-23) /* a loader asked for what it is loading */
#endif
#ifndef AIMEM_ERR_REJECTED
#define AIMEM_ERR_REJECTED (-24) /* not admitted; the reason is in the out parameter */
#endif
#ifndef AIMEM_OWNER_DIED
#define AIMEM_OWNER_DIED 1 /* the lock is held; its last owner died */
#endif
#ifndef AIMEM_PENDING
#define AIMEM_PENDING 2 /* not finished: poll or wait */
#endif

/* In C++ the shared functions are plain inline, in C static inline: one definition per program. */
#ifndef AIMEM_INLINE
#ifdef __cplusplus
#define AIMEM_INLINE inline
#else
#define AIMEM_INLINE static inline
#endif
#endif

#ifndef AIMEM_TYPE_RESULT_STRING_1
#define AIMEM_TYPE_RESULT_STRING_1
/* A short text for a result code, for people. Never NULL, also for codes that do not exist.
   Any thread; the text is static. */
AIMEM_INLINE const char *aimem_result_string(aimem_result r) {
    switch (r) {
    case AIMEM_OK: return "ok";
    case AIMEM_ERR_INVALID: return "invalid argument";
    case AIMEM_ERR_NOMEM: return "out of memory";
    case AIMEM_ERR_LIMIT: return "limit reached";
    case AIMEM_ERR_RANGE: return "out of range";
    case AIMEM_ERR_NOT_FOUND: return "not found";
    case AIMEM_ERR_EXISTS: return "exists already";
    case AIMEM_ERR_BUSY: return "busy";
    case AIMEM_ERR_TIMEOUT: return "timed out";
    case AIMEM_ERR_CANCELLED: return "cancelled";
    case AIMEM_ERR_UNSUPPORTED: return "not supported here";
    case AIMEM_ERR_READONLY: return "read-only";
    case AIMEM_ERR_IO: return "input or output failed";
    case AIMEM_ERR_NOSPACE: return "no space left on the medium";
    case AIMEM_ERR_CORRUPT: return "damaged data";
    case AIMEM_ERR_VERSION: return "other version of the format";
    case AIMEM_ERR_POISONED: return "read-only after an earlier failure";
    case AIMEM_ERR_STALE: return "handle of something that is gone";
    case AIMEM_ERR_FOREIGN: return "belongs to another object";
    case AIMEM_ERR_INTERIOR: return "pointer inside a block";
    case AIMEM_ERR_DOUBLE_FREE: return "freed twice";
    case AIMEM_ERR_OVERRUN: return "written past the end";
    case AIMEM_ERR_DEVICE_LOST: return "device lost";
    case AIMEM_ERR_RECURSION: return "recursive load";
    case AIMEM_ERR_REJECTED: return "rejected";
    case AIMEM_OWNER_DIED: return "lock held, its last owner died";
    case AIMEM_PENDING: return "not finished yet";
    default: return "unknown result";
    }
}
#endif

/* Hooks: user_data first in every callback; a zeroed struct means the default. */

#ifndef AIMEM_TYPE_ALLOCATOR_1
#define AIMEM_TYPE_ALLOCATOR_1
/* Where memory comes from. Zero: the C library (AIMEM_NO_STDLIB: none, the desc must give one).
   ptr NULL: allocate. new_size 0: free; returns NULL, cannot fail. (NULL, 0, 0): nothing.
   align: a power of two, the same in every call for one block. old_size: exact.
   On failure, shrinking included: NULL, and the old block is as it was. The alignment of what comes
   back is checked. Called on the threads that call the object; it may re-enter other objects. */
typedef struct aimem_allocator {
    void *(*realloc_fn)(void *user_data, void *ptr, size_t old_size, size_t new_size, size_t align);
    void *user_data;
} aimem_allocator;
#endif

#ifndef AIMEM_TYPE_VM_1
#define AIMEM_TYPE_VM_1
/* Address space and pages. Zero: the system's; absent on small machines, and everything works
   without it. reserve: NULL when it cannot; commit: false when it cannot; committed pages read as
   zero the first time and after a decommit. Ranges are whole pages. */
typedef struct aimem_vm {
    void *(*reserve_fn)(void *user_data, size_t size);
    bool (*commit_fn)(void *user_data, void *ptr, size_t size);
    void (*decommit_fn)(void *user_data, void *ptr, size_t size);
    void (*release_fn)(void *user_data, void *ptr, size_t size);
    size_t page_size;
    void *user_data;
} aimem_vm;
#endif

#ifndef AIMEM_TYPE_CLOCK_1
#define AIMEM_TYPE_CLOCK_1
/* Nanoseconds. kind 0: monotonic; kind 1: UTC since 1970. Zero: the system's clocks. */
typedef struct aimem_clock {
    uint64_t (*now_fn)(void *user_data, int kind);
    void *user_data;
} aimem_clock;
#endif

#ifndef AIMEM_TYPE_STREAM_1
#define AIMEM_TYPE_STREAM_1
/* Bytes in order. read: up to size bytes, *got 0 is the end. write: all or an error. */
typedef struct aimem_stream {
    aimem_result (*read_fn)(void *user_data, void *dst, size_t size, size_t *got);
    aimem_result (*write_fn)(void *user_data, const void *src, size_t size);
    void *user_data;
} aimem_stream;
#endif

#ifndef AIMEM_TYPE_PARALLEL_1
#define AIMEM_TYPE_PARALLEL_1
/* The caller's threads. Zero: the calling thread alone. for_fn runs task_fn for every index below
   count and returns when every task ran; worker is below workers, and no two tasks that run at the
   same time have the same worker. */
typedef struct aimem_parallel {
    void (*for_fn)(void *user_data, size_t count,
                   void (*task_fn)(void *task_data, size_t index, uint32_t worker),
                   void *task_data);
    uint32_t workers;
    void *user_data;
} aimem_parallel;
#endif

#ifndef AIMEM_TYPE_PROGRESS_1
#define AIMEM_TYPE_PROGRESS_1
/* Told about long work; false cancels it. */
typedef struct aimem_progress {
    bool (*progress_fn)(void *user_data, uint64_t done, uint64_t total);
    void *user_data;
} aimem_progress;
#endif

#ifndef AIMEM_TYPE_LOGGER_1
#define AIMEM_TYPE_LOGGER_1
/* Zero: silent. level: 0 error, 1 warning, 2 information; code: an aimem_result. */
typedef struct aimem_logger {
    void (*log_fn)(void *user_data, int level, int32_t code, const char *text);
    void *user_data;
} aimem_logger;
#endif

/* Element types. The values are also on disk. */
#ifndef AIMEM_TYPE_DTYPE_1
#define AIMEM_TYPE_DTYPE_1
typedef uint32_t aimem_dtype; /* 0: none, plain bytes */
#define AIMEM_DTYPE_U8 1u
#define AIMEM_DTYPE_I8 2u
#define AIMEM_DTYPE_U16 3u
#define AIMEM_DTYPE_I16 4u
#define AIMEM_DTYPE_U32 5u
#define AIMEM_DTYPE_I32 6u
#define AIMEM_DTYPE_U64 7u
#define AIMEM_DTYPE_I64 8u
#define AIMEM_DTYPE_F16 9u
#define AIMEM_DTYPE_BF16 10u
#define AIMEM_DTYPE_F32 11u
#define AIMEM_DTYPE_F64 12u
#define AIMEM_DTYPE_B1 13u   /* packed bits, the lowest first */
#define AIMEM_DTYPE_Q8_0 14u /* blocks of 32: an f16 scale, 32 x i8 */
#define AIMEM_DTYPE_Q4_0 15u /* blocks of 32: an f16 scale, 16 bytes of halves */
#define AIMEM_DTYPE_BOOL 16u /* one byte, 0 or 1 */
#endif

/* Compression as a hook. Sizes are exact and kept by the caller; decoders face hostile bytes. */
#ifndef AIMEM_TYPE_CODEC_1
#define AIMEM_TYPE_CODEC_1
#define AIMEM_CODEC_LOSSY 1u /* flags: never deduplicated or differenced */
typedef struct aimem_codec {
    uint32_t id;    /* 0 raw, 1 lz4 block, 2 byte planes, 3 zstd, 4 zlib; the user's from 0x8000 */
    uint32_t flags;
    size_t (*bound_fn)(void *user_data, size_t size);
    size_t (*scratch_fn)(void *user_data, size_t size, int level); /* NULL: none */
    size_t (*compress_fn)(void *user_data, void *dst, size_t cap, const void *src, size_t size,
                          int level, void *scratch); /* 0: store raw */
    aimem_result (*decompress_fn)(void *user_data, void *dst, size_t exact_size, const void *src,
                                  size_t size, void *scratch);
    void *user_data;
} aimem_codec;
#endif
