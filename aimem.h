/* aimem.h: pool 0.1.0, vec 0.1.0, generated from src/ by amalgamate.py: do not edit
 * SPDX-License-Identifier: Unlicense OR MIT-0
 * parts: sha256 328c9347b7188afd
 *
 * A local patch is fine. What stands between `begin core/x.h` and `end core/x.h`
 * is src/core/x.h; names that begin with aimc_all_ begin with aimc_ there. Bring
 * what is of use to others into that file: this one is written anew.
 */

/* begin core/types.h */
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
/* end core/types.h */

/* begin core/io.h */
/* core/io.h: public vocabulary of the headers that read and write files.
 *
 * aimem_io is a table of file operations. Zero: the system's (core/file.h). A user brings another
 * file system with it; the tests bring a simulated disk that fails and crashes.
 */
#ifndef AIMEM_TYPE_IO_1
#define AIMEM_TYPE_IO_1
/* Flags of open_fn. */
enum {
    AIMEM_IO_READ = 1,
    AIMEM_IO_WRITE = 2,
    AIMEM_IO_CREATE = 4,   /* make the file when it is missing */
    AIMEM_IO_EXCLUSIVE = 8 /* with CREATE: AIMEM_ERR_EXISTS when it is there */
};
/* How strong a sync is. */
enum {
    AIMEM_IO_SYNC_FULL = 0,   /* bytes and size survive a power cut when it returns */
    AIMEM_IO_SYNC_BARRIER = 1 /* later writes do not overtake earlier ones; or UNSUPPORTED */
};
/* Byte-range locks never wait: AIMEM_ERR_BUSY. */
enum { AIMEM_IO_UNLOCK = 0, AIMEM_IO_LOCK_SHARED = 1, AIMEM_IO_LOCK_EXCLUSIVE = 2 };

/* Paths are UTF-8 and end with NUL. Every call returns AIMEM_OK or an error (NOT_FOUND, EXISTS,
   NOSPACE, READONLY, BUSY, UNSUPPORTED, NOMEM, otherwise IO); then *os_error has the system's
   number, or 0 where there is none. os_error is never NULL. Interrupted calls are repeated by the
   table. Different files, and preads of one file, may be used by several threads at once. */
typedef struct aimem_io {
    aimem_result (*open_fn)(void *user_data, const char *path, uint32_t flags, void **file,
                            int32_t *os_error);
    aimem_result (*close_fn)(void *user_data, void *file, int32_t *os_error); /* always closes */
    aimem_result (*pread_fn)(void *user_data, void *file, uint64_t offset, void *dst, size_t size,
                             size_t *got, int32_t *os_error); /* got < size: the end of the file */
    aimem_result (*pwrite_fn)(void *user_data, void *file, uint64_t offset, const void *src,
                              size_t size, int32_t *os_error); /* all or an error */
    aimem_result (*sync_fn)(void *user_data, void *file, uint32_t kind, int32_t *os_error);
    aimem_result (*truncate_fn)(void *user_data, void *file, uint64_t size, int32_t *os_error);
    aimem_result (*size_fn)(void *user_data, void *file, uint64_t *size, int32_t *os_error);
    aimem_result (*allocate_fn)(void *user_data, void *file, uint64_t offset, uint64_t size,
                                int32_t *os_error); /* room, so that writes there do not fail */
    aimem_result (*map_fn)(void *user_data, void *file, uint64_t offset, size_t size, bool write,
                           void **ptr, int32_t *os_error); /* may be NULL */
    aimem_result (*unmap_fn)(void *user_data, void *file, void *ptr, size_t size,
                             int32_t *os_error); /* may be NULL */
    aimem_result (*lock_fn)(void *user_data, void *file, uint64_t offset, uint64_t size,
                            uint32_t mode, int32_t *os_error);
    aimem_result (*rename_fn)(void *user_data, const char *from, const char *to,
                              int32_t *os_error); /* replaces to, all or nothing */
    aimem_result (*remove_fn)(void *user_data, const char *path, int32_t *os_error);
    aimem_result (*sync_dir_fn)(void *user_data, const char *path,
                                int32_t *os_error); /* the directory that holds path */
    void *user_data;
} aimem_io;
#endif
/* end core/io.h */

/* aimem_pool.h: arenas, block pools, recycled buffers, budgets, plans. 0.1.0, Unlicense OR MIT-0
 *
 * USE IT
 *   #define AIMEM_POOL_IMPLEMENTATION   in one .c or .cc file
 *   #include "aimem_pool.h"             there, and without the define everywhere else
 *   arena: aimem_arena_init, aimem_arena_push, aimem_arena_reset, aimem_arena_deinit
 *   blocks: aimem_pool_create, aimem_pool_alloc, aimem_pool_free, aimem_pool_destroy
 *
 * EXAMPLE
 *
 *   #define AIMEM_POOL_IMPLEMENTATION
 *   #include "aimem_pool.h"
 *   #include <stdio.h>
 *
 *   typedef struct enemy { float x, y; int health; } enemy;
 *
 *   int main(void) {
 *       aimem_pool_desc desc;
 *       aimem_pool *enemies;
 *       aimem_arena frame;
 *       enemy *e;
 *       char *line;
 *       memset(&desc, 0, sizeof desc);
 *       desc.name = "enemies";
 *       desc.block_size = sizeof(enemy);
 *       desc.max_blocks = 1000;
 *       if (aimem_pool_create(&desc, &enemies) != AIMEM_OK) return 1;
 *       if (aimem_arena_init(&frame, NULL) != AIMEM_OK) return 1;
 *
 *       e = (enemy *)aimem_pool_alloc(enemies);
 *       if (e == NULL) return 1;
 *       e->health = 100;
 *       line = aimem_arena_concat(&frame, "an enemy ", "appears");
 *       if (line != NULL) puts(line);
 *       aimem_arena_reset(&frame);
 *
 *       if (aimem_pool_free(enemies, e) != AIMEM_OK) return 1;
 *       if (aimem_pool_free(enemies, e) != AIMEM_ERR_DOUBLE_FREE) return 1;
 *       aimem_arena_deinit(&frame);
 *       aimem_pool_destroy(enemies);
 *       return 0;
 *   }
 *
 *   prints "an enemy appears". examples/pool.c is a little longer.
 *
 * WHAT IT DOES
 *
 *   An arena hands out pieces of any size by moving a pointer, and takes all of them back at once,
 *   or all since a mark: for what lives as long as a frame, a request, a parse. It works in memory
 *   of yours, in chunks from an allocator, or in reserved address space that is committed as it
 *   fills.
 *
 *   A block pool hands out blocks of one size, in any order, a few nanoseconds each: for entities,
 *   nodes, messages. It grows by itself or is fixed; it works in memory of yours too.
 *
 *   Recycled buffers are for tensors, images, packets: pieces of any size that come and go. What is
 *   released serves the next ones, joined at once, and pages go back to the system, so that the
 *   memory held stays close to the most that was ever in use. Buffers are named by handles,
 *   reference counted, typed if you like, and may be compressed in place through a codec of yours.
 *
 *   A budget counts bytes in a tree with tags, in front of any allocator, and asks caches, models,
 *   pools and collectors to give something back before a limit is reached, in an order that is
 *   written down.
 *
 *   A plan finds offsets in one arena for pieces whose lifetimes are known (the tensors of a step),
 *   close to the lower bound, and serves the steps that follow from it. Tuning makes size classes
 *   and preallocation out of what a program asked for. A frame is two arenas that take turns, a
 *   ring gives memory back in the order in which it came.
 *
 *   - Every free is checked, in every build: a block of someone else, a pointer inside a block, a
 *     block that is free already are refused with a code, and nothing changes.
 *   - Nothing of ours lies in a block or beside it: an overrun hits another block of yours, never
 *     the pool, and a free does not touch the block.
 *   - Handles know for ever that their block was freed, also when it was handed out again.
 *   - Both are hooks for other objects: aimem_arena_allocator, aimem_pool_allocator.
 *   - Nothing is global, nothing is printed, nothing aborts. The allocator is yours if you like.
 *
 * WHAT IT DOES NOT
 *
 *   No general heap, and no sizes that differ within a block pool. Arenas and block pools have no
 *   locks: one thread at a time uses an object. A write past a block or into a freed one is not
 *   seen, but under AddressSanitizer, for which free memory is poisoned.
 *
 * CONTENTS
 *
 *   aimem_arena_init, deinit            life; options are in aimem_arena_desc
 *   aimem_arena_push, push_zeroed       a piece
 *   aimem_arena_push_array              several of a size; AIMEM_ARENA_NEW, _ARRAY: typed
 *   aimem_arena_resize                  a piece grows, in place when it is the last
 *   aimem_arena_string, strdup, concat  text
 *   aimem_arena_save, rewind, reset     back to a mark, back to the start
 *   aimem_arena_trim, stats             memory back, how much memory
 *   aimem_arena_scratch                 which of two arenas is free for temporary things
 *   aimem_pool_create, destroy          life; options are in aimem_pool_desc
 *   aimem_pool_size, init               inside memory of yours
 *   aimem_pool_alloc, free, check       a block
 *   aimem_pool_handle_of, get,          handles
 *   aimem_pool_free_handle
 *   aimem_pool_walk, reset, trim        all blocks
 *   aimem_pool_stats                    counts, bytes, utilisation
 *   aimem_frame_init, deinit, push,     memory for this frame and the last one
 *   now, swap, stats
 *   aimem_ring_init, deinit, push,      pieces of any size, first in, first out
 *   free, peek, next, pop, retire, reset, stats
 *   aimem_buffers_create, destroy       recycled buffers; options are in aimem_buffers_desc
 *   aimem_buffers_alloc, alloc_with,    a buffer: a handle with one reference
 *   retain, release, resize, handover
 *   aimem_buffers_data, about, list     its address, what is known of it, all of them
 *   aimem_buffers_scope_add, keep, end  several released together
 *   aimem_buffers_read, write, clear    access with bounds; get, put, get_at, put_at, get_number,
 *                                       put_number: by element
 *   aimem_buffers_compress, decompress  through an aimem_codec
 *   aimem_buffers_tick, trim, stats,    upkeep and figures
 *   class_stats, bytes_of
 *   aimem_budget_create, destroy,       budgets; options are in aimem_budget_desc
 *   recommended
 *   aimem_budget_charge, uncharge,      counting memory from elsewhere, or from the allocator
 *   alloc, resize, free                 behind the budget
 *   aimem_budget_set_limit, set_flags,  limits
 *   set_soft_limit, set_tag_limit
 *   aimem_budget_add, remove, touch,    who can give memory back; reclaim_pool and reclaim_arena
 *   set_essential, reclaim              are ready made
 *   aimem_budget_bind, tick             levels and their actions
 *   aimem_budget_stats, tag_stats,      what is there
 *   find, walk, history, reset_peak
 *   aimem_plan_create, destroy, add,    static plans of lifetimes
 *   record_alloc, record_free, solve, get, bind, begin, reset, stats
 *   aimem_tuning_create, destroy,       size classes from observed use, as text too
 *   record, record_free, reset, classes, save, load, table_save, table_load, stats
 *   aimem_tuning_preset, pool, arena    presets that combine
 *   aimem_X_allocator                   each of them as an aimem_allocator
 *   aimem_pool_version                  of the implementation that is linked
 *
 * OPTIONS
 *
 *   Macros. "everywhere": the same in every file that includes this header; "impl.": only where
 *   AIMEM_POOL_IMPLEMENTATION is defined. None is set by default, none changes a public struct.
 *
 *   AIMEM_POOL_IMPLEMENTATION  one file    the code; AIMEM_IMPLEMENTATION: of every aimem header
 *   AIMEM_STATIC               everywhere  all functions are static: for a library that keeps its
 *                                          copy to itself; AIMEM_POOL_STATIC: of this header alone
 *   AIMEM_DLL                  everywhere  functions are exported from, or imported from, a shared
 *                                          library
 *   AIMEM_POOL_API             everywhere  instead of these three: what stands before a function
 *   AIMEM_POOL_INLINE          everywhere  how aimem_arena_push is declared
 *   AIMEM_INLINE               everywhere  how aimem_result_string is declared
 *   AIMEM_ALIGNOF(T)           everywhere  the alignment of a type, for AIMEM_ARENA_NEW and _ARRAY
 *   AIMEM_NO_STDLIB            impl.       no malloc: the desc must bring an allocator or memory
 *   AIMEM_NO_OS                impl.       no operating system: desc.reserve of an arena needs
 *                                          desc.vm, or is answered with AIMEM_ERR_UNSUPPORTED
 *   AIMEM_NO_STRINGS           impl.       desc.logger gets codes with empty texts
 *   AIMEM_NO_THREADS           impl.       one thread: desc.locked of a budget is answered with
 *                                          AIMEM_ERR_UNSUPPORTED, that of buffers locks nothing
 *   AIMEM_NO_FILES             impl.       the limit of a container is not read
 *                                          (aimem_budget_recommended)
 *   AIMEM_NO_SIMD              impl.       allowed, and nothing changes: there is no SIMD here
 *   AIMEM_POOL_NO_BUFFERS, AIMEM_POOL_NO_BUDGET, AIMEM_POOL_NO_PLAN, AIMEM_POOL_NO_TUNING
 *                              impl.       leaves that part out: less to compile. Its declarations
 *                                          stay, and calls of them do not link
 *   AIMEM_ASSERT(x)            impl.       checks for mistakes of the program; off by default, and
 *                                          never used for input or memory
 *
 * LINK WITH
 *
 *   Needs: a C11 or C++17 compiler; -lpthread where the C library keeps threads apart.
 *
 * STEP BY STEP
 *
 *   1. An arena. A zeroed desc, or none, takes chunks from the C library: 64 KiB, then twice as
 *      much each time up to 4 MiB.
 *
 *          aimem_arena arena;
 *          aimem_arena_init(&arena, NULL);
 *          float *weights = AIMEM_ARENA_ARRAY(&arena, float, 1000);
 *          node *n = AIMEM_ARENA_NEW(&arena, node);              cleared; _ARRAY is not
 *          void *p = aimem_arena_push(&arena, 100, 64);          100 bytes at a multiple of 64
 *
 *      In memory of yours, where it never grows and calls nobody:
 *
 *          static unsigned char memory[65536];
 *          desc.memory = memory;
 *          desc.memory_size = sizeof memory;
 *
 *      In one stretch of addresses that fills as needed, so that the last piece can grow for ever:
 *
 *          desc.reserve = (size_t)1 << 36;
 *
 *   2. Taking back. reset takes everything, rewind what came after a mark; memory is kept for the
 *      next pieces, and trim gives back what holds none.
 *
 *          aimem_arena_mark mark = aimem_arena_save(&arena);
 *          ...                                                   temporary pieces
 *          aimem_arena_rewind(&arena, mark);
 *
 *      A function that puts its result into an arena, and needs room on the way, takes the other of
 *      two arenas for it: aimem_arena_scratch(arenas, 2, result).
 *
 *   3. A block pool. block_size is the one thing to set; max_blocks limits it; fixed takes all
 *      memory at once, so that alloc never asks for any.
 *
 *          desc.name = "messages";
 *          desc.block_size = sizeof(message);
 *          desc.max_blocks = 256;
 *          desc.fixed = true;
 *          aimem_pool_create(&desc, &pool);
 *          m = (message *)aimem_pool_alloc(pool);                NULL: all 256 are in use
 *          aimem_pool_free(pool, m);
 *
 *      clear_on_free wipes blocks as they are freed (keys, personal data); reclaim_on_free returns
 *      a chunk as soon as all its blocks are free, where memory matters more than speed.
 *
 *      Without an allocator:
 *
 *          static unsigned char memory[4096];
 *          aimem_pool_init(memory, sizeof memory, &desc, &pool);    aimem_pool_size(&desc) bytes
 *
 *   4. Handles, for references that may outlive what they point to:
 *
 *          desc.handles = true;
 *          aimem_pool_handle h = aimem_pool_handle_of(pool, e);
 *          e = (enemy *)aimem_pool_get(pool, h);                    NULL once e was freed
 *
 *   5. Recycled buffers.
 *
 *          aimem_buffers_create(NULL, &b);                          once
 *          aimem_buffers_alloc(b, 1024 * sizeof(float), &x);        a handle, {0} when it failed
 *          p = (float *)aimem_buffers_data(b, x);                   its address, 64-byte aligned
 *          aimem_buffers_release(b, x);                             recycled; x is stale now
 *          aimem_buffers_tick(b, now_ns, 0);                        now and then
 *
 *      Where the memory comes from: a reserved range of address space (256 GiB, 32-bit: 512 MiB;
 *      desc.reserve), or desc.memory, or AIMEM_BUFFERS_CHUNKS: large pieces from desc.allocator
 *      (also where there is no virtual memory), or AIMEM_BUFFERS_CLASSES: each buffer from
 *      desc.allocator, rounded up to 256 B x 4 .. 64 MiB or your list, and kept for the next of its
 *      class. Limits: max_bytes; in the class engine max_per_class, max_kept, max_kept_bytes.
 *
 *      Share with retain and release. Give away with handover: the giver's handle goes stale. Put
 *      several into a zeroed aimem_buffers_scope and end it, as often as you like;
 *      AIMEM_BUFFERS_SCOPE(name) ends with the block (gcc, clang), aimem_buffers_guard in C++.
 *      compress packs a buffer in chunks; reads and writes at any place go on working.
 *
 *   6. Budgets. One for the program, one below it for each part, in front of what allocates:
 *
 *          d.name = "program";                     limit 0: min(0.8 x RAM or container, 8 GiB)
 *          aimem_budget_create(&d, &all);
 *          memset(&d, 0, sizeof d);
 *          d.name = "ai"; d.parent = all; d.tag = "model"; d.limit = 700 << 20;
 *          aimem_budget_create(&d, &ai);
 *          pool_desc.allocator = aimem_budget_allocator(ai);
 *
 *      or charge and uncharge memory that comes from elsewhere. Then say who can give memory back:
 *
 *          static uint64_t shrink(void *user_data, aimem_budget_request *r) {
 *              return my_cache_shrink(user_data, r->share, r->bytes);
 *          }
 *          rd.kind = AIMEM_BUDGET_CACHE; rd.reclaim_fn = shrink; rd.user_data = cache;
 *          aimem_budget_add(ai, &rd, &id);
 *
 *      aimem_budget_tick(all, now_ns, 2000000) once a frame runs the actions of levels that were
 *      reached (aimem_budget_bind changes them):
 *
 *          level     from   until below   actions
 *          low       70 %   65 %          30 % of every cache
 *          medium    80 %   75 %          the same, and two least recently used models
 *          high      90 %   85 %          the same, and a full collection
 *          critical  95 %   90 %          caches, models that are not essential, buffers and pools,
 *                                         the collector up to three times, until 80 % are used
 *
 *      A request that does not fit runs that order at once, until it fits; then
 *      desc.out_of_memory_fn answers AIMEM_BUDGET_RETRY or AIMEM_BUDGET_GIVE_UP. Optional work asks
 *      with AIMEM_BUDGET_TRY, WITHIN or NEVER_GROW. examples/budget.c shows all of it.
 *
 *   7. Frames and rings. aimem_frame_push in the loop, aimem_frame_swap at its end: what one frame
 *      makes the next one may still read. A ring is a queue (push, peek, pop), or room for uploads:
 *      keep ring.pushed beside a fence, and aimem_ring_retire(&ring, mark) when the device is past.
 *
 *   8. Plans. Let one step go through aimem_plan_allocator(plan), or tell it lifetimes with
 *      aimem_plan_add; aimem_plan_solve; aimem_plan_bind. From then on aimem_plan_begin(plan) and
 *      the same step: its n-th request gets the n-th piece. What strays from the plan is served by
 *      the allocator, never from memory in use; info.misses counts it. For memory of others (a
 *      device) aimem_plan_get tells the offset of each piece.
 *
 *   9. Tuning. aimem_tuning_allocator in front of whatever allocates, then the fewest classes that
 *      waste at most 12.5 %:
 *
 *          q.waste = 125;
 *          aimem_tuning_classes(tuning, &q, &table);
 *          buffers_desc.classes = table.sizes; buffers_desc.class_count = table.count;
 *
 *      Presets fill the fields of a desc that you left 0:
 *
 *          aimem_tuning_pool(AIMEM_TUNING_REALTIME | AIMEM_TUNING_TIGHT, &pool_desc);
 *
 *  10. An allocator of yours. One function does it all; a malloc and free pair becomes:
 *
 *          static void *my_realloc(void *user, void *ptr, size_t old_size, size_t new_size,
 *                                  size_t align) {
 *              void *fresh = new_size != 0 ? my_alloc(user, new_size, align) : NULL;
 *              if (new_size != 0 && fresh == NULL) return NULL;
 *              if (fresh != NULL && ptr != NULL) memcpy(fresh, ptr, min(old_size, new_size));
 *              if (ptr != NULL) my_free(user, ptr);
 *              return fresh;
 *          }
 *
 * ERRORS
 *
 *   create, init and free return an aimem_result: AIMEM_OK or a negative code, which
 *   aimem_result_string puts into words. What hands out memory returns NULL. A call that fails has
 *   changed nothing but the counters of failures and refused frees.
 *
 *   AIMEM_ERR_INVALID       a desc that makes no sense, NULL where something is needed
 *   AIMEM_ERR_NOMEM         the allocator or the system gave nothing
 *   AIMEM_ERR_RANGE         sizes that overflow; memory of yours that is too small
 *   AIMEM_ERR_UNSUPPORTED   reserve where there is no virtual memory; handles without desc.handles
 *   AIMEM_ERR_FOREIGN       free: no block of this pool
 *   AIMEM_ERR_INTERIOR      free: a pointer inside a block
 *   AIMEM_ERR_DOUBLE_FREE   free: the block is free already (and was not handed out again)
 *   AIMEM_ERR_STALE         a handle of a block, buffer or reclaimer that is gone
 *   AIMEM_ERR_LIMIT         a budget, a tag, max_bytes or the caller's memory is full
 *   AIMEM_ERR_BUSY          called from inside one of its own hooks; a reclaimer that runs
 *   AIMEM_ERR_CANCELLED     a callback destroyed the budget of this request
 *   AIMEM_ERR_CORRUPT       compressed bytes that the codec cannot read
 *
 *   desc.logger of a pool is told about each refused free, with the pool's name and the address,
 *   and at destroy about blocks that are still in use.
 *
 * MEMORY
 *
 *   Whoever makes an object ends it; ending it frees all that it handed out. A pool's bookkeeping
 *   is apart from its blocks: 1 byte a block and 1 for each 64, 4 more with handles, and about 2
 *   KiB for the pool. Chunks double up to 4 MiB or 16384 blocks (with reclaim_on_free: 64 KiB);
 *   growing takes two or three calls of the hook. An arena's chunks have a head of three words.
 *   The hook is called on the thread that called.
 *
 *   Peak: nothing is copied to grow, but the directory of chunks.
 *
 *   Buffers: 128 bytes for each place in the table, 56 for each range, one byte for each 64 KiB of
 *   address space ever used. Touched memory stays below 1.02 times the peak of what was in use,
 *   plus 1 MiB: when an allocation goes beyond, the highest free granules of 64 KiB go back first.
 *
 *   A plan takes 40 bytes a piece, 4 more once it is bound, and 96 to 112 while it solves; a ring
 *   16 a piece; a tuning 12 KiB, 34 KiB more while it makes a table.
 *
 *   Budgets, 64-bit: a budget 472 bytes, the tree 256, a reclaimer 112, a tag 72, a record of the
 *   history 80 (100 by default). All from the root's allocator, and not counted. The allocator view
 *   counts what is asked for, not what the allocator behind it adds.
 *
 * THREADS
 *
 *   aimem_arena_*, aimem_pool_*         one thread at a time for each object; different objects
 *                                       have nothing in common
 *   aimem_pool_version, aimem_pool_size, aimem_result_string
 *                                       any thread
 *   aimem_frame_*, aimem_ring_*,        one thread at a time for each object; others may read and
 *   aimem_plan_*, aimem_tuning_*        write pieces
 *   aimem_buffers_*                     as above; with desc.locked any thread, but for create and
 *                                       destroy. handover enters two objects, one after the other.
 *                                       A scope belongs to one thread at a time
 *   aimem_budget_*                      one thread at a time for the whole tree; with desc.locked
 *                                       any thread, but for destroy and walk
 *   reclaim_fn, out_of_memory_fn,       on the thread whose request does not fit, or that ticks; no
 *   shutdown_fn, level_fn, call_fn      lock is held. Requests inside answer at once, tick answers
 *                                       BUSY, destroy takes effect when the outermost call returns
 *   allocator, vm and codec hooks of    inside, under the lock: calling the same object from them
 *   buffers                             is answered with BUSY, never a deadlock
 *   Arenas and block pools have no locks; their hooks and loggers must not call the object that is
 *   calling them. After fork only the child's own memory may be used: no locked object may be
 *   touched there. Nothing may be called from a signal handler.
 *
 * LIMITS AND COST
 *
 *   block_size up to what memory holds; align up to 2 MiB; with handles at most 262144 chunks, and
 *   a block whose 2^32 generations are used up is not handed out again.
 *
 *   push                  O(1), inline                 rewind, reset, stats     O(chunks)
 *   alloc                 O(1), amortised              free                     O(1), O(log chunks)
 *   get, handle_of        O(1), O(log chunks)          walk, pool reset, trim   O(total)
 *
 *   buffers: alloc and release O(log free ranges) expected, data O(1); budgets: a charge O(depth),
 *   a sweep O(reclaimers) for each one asked. Budgets count 64 bits; names have 31 bytes.
 *
 *   plans: 2^30 pieces, sizes that add up to 2^62 bytes; solve O(pairs that live together) for each
 *   attempt. Tuning: 32 classes, sizes above 2^40 share one step of the histogram.
 *
 *   docs/bench/pool.md has figures with their command: on a Zen 4 server a push costs what a bare
 *   bump of a pointer costs, about 1 ns; an alloc and a free through calls, checked, about 4 to 5
 *   ns where a bare list without checks takes 2.5 to 3.
 *
 * FILES AND COMPATIBILITY
 *
 *   This header writes no files. Several aimem headers, also of different versions, may be included
 *   in one file; the private parts have names of their own. Two libraries that each carry a copy
 *   use AIMEM_STATIC.
 *
 * CHANGES
 *
 *   0.1.0   the first one: arenas, block pools, buffers, budgets, plans, tuning, frames
 *
 * LICENCE
 *
 *   Unlicense OR MIT-0, as you choose: the text is at the end of this file.
 */
#ifndef AIMEM_POOL_H
#define AIMEM_POOL_H
/* begin pool/api.h */
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
/* end pool/api.h */

/* begin pool/api_buffers.h */
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
/* end pool/api_buffers.h */

/* begin pool/api_budget.h */
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
/* end pool/api_budget.h */

/* begin pool/api_frame.h */
/* pool/api_frame.h: the public declarations of frame arenas and rings. */

#ifdef __cplusplus
extern "C" {
#endif

/* ---- frame: memory for this frame and the last one ------------------------------------------
 *
 *   frame    7        8        9
 *   arena 0  [ 7's ]  [ 7's ]  [ 9's ]      a piece is valid in the frame it was pushed in and in
 *   arena 1  [ 6's ]  [ 8's ]  [ 8's ]      the one after; nobody frees it
 *
 * Two arenas that take turns. What one frame computes the next one may still read: last positions,
 * command lists that a second thread or a device is still working on.
 * A frame belongs to one thread at a time; other threads may read pieces.
 */
typedef struct aimem_frame {
    aimem_arena arenas[2];
    uint32_t current; /* 0 or 1 */
    uint64_t number;  /* swaps so far */
} aimem_frame;

/* Each of the two arenas is made as arena says, but for memory: that is halved between them. */
typedef struct aimem_frame_desc {
    aimem_arena_desc arena;
    uint32_t canary_zero;
} aimem_frame_desc;

typedef struct aimem_frame_info {
    uint64_t number;   /* of the current frame, from 0 */
    size_t used;       /* bytes in the current frame, padding included */
    size_t last_used;  /* bytes of the last one */
    size_t peak;       /* the most bytes in one frame */
    size_t reserved;   /* bytes held by both arenas */
    size_t limit;      /* of one frame; SIZE_MAX: none */
} aimem_frame_info;

/* Makes *frame ready. desc may be NULL: chunks from the C library. The caller keeps the struct and
   must not copy it while it is in use. Errors as of aimem_arena_init. */
AIMEM_POOL_API aimem_result aimem_frame_init(aimem_frame *frame, const aimem_frame_desc *desc);

/* Gives everything back. NULL and a zeroed struct are fine. */
AIMEM_POOL_API void aimem_frame_deinit(aimem_frame *frame);

/* The arena of this frame, with all that arenas can do (but rewind only to marks of this frame). */
AIMEM_POOL_INLINE aimem_arena *aimem_frame_now(aimem_frame *frame) {
    return &frame->arenas[frame->current];
}

/* size bytes at align (0: 16), not cleared, valid until the second swap from now; NULL as
   aimem_arena_push. O(1), inline. */
AIMEM_POOL_INLINE void *aimem_frame_push(aimem_frame *frame, size_t size, size_t align) {
    return aimem_arena_push(&frame->arenas[frame->current], size, align);
}

/* The next frame begins: pieces of the last frame are gone, those of this one stay for one more.
   Memory is kept. O(chunks). */
AIMEM_POOL_API void aimem_frame_swap(aimem_frame *frame);

/* The frame as an allocator hook: new blocks are pieces of the current frame, whichever that is.
   Growing a block of the last frame makes a piece of this one; free gives back the last piece of
   the current frame only. */
AIMEM_POOL_API aimem_allocator aimem_frame_allocator(aimem_frame *frame);

/* What the frame holds. O(chunks). */
AIMEM_POOL_API void aimem_frame_stats(const aimem_frame *frame, aimem_frame_info *out);

/* ---- ring: pieces that go in the order in which they came -----------------------------------
 *
 *   memory  [ c | d |      free      | head a | head b | filler ]
 *                   ^ next            ^ oldest
 *
 * Messages, uploads to a device, audio blocks: variable sizes, first in, first out, in one fixed
 * piece of memory. A piece is contiguous; where it would not fit before the end, the rest there is
 * skipped. Pieces may be freed in any order; room is won when the oldest ones are free. Each takes
 * 16 bytes in front and a multiple of 16, so wrong frees are refused.
 * The struct is transparent; its fields are for reading only. One thread uses a ring at a time.
 */
typedef struct aimem_ring {
    unsigned char *base;   /* at a multiple of 16 */
    size_t capacity;       /* bytes, a multiple of 16 */
    size_t oldest, next;   /* offsets; equal when empty or full */
    size_t used;           /* bytes between them, heads, padding and fillers included */
    size_t newest;         /* offset of the newest piece's head; valid when used is not 0 */
    size_t peak;           /* the most ever used */
    uint64_t pushed;       /* pieces handed out since init */
    uint64_t retired;      /* pieces whose room was won back; they are the first ones */
    uint64_t failures;     /* pushes answered with NULL */
    uint64_t refused;      /* wrong frees */
    size_t owned;          /* bytes from the allocator, 0: the caller's memory */
    aimem_allocator allocator;
    aimem_logger logger;
} aimem_ring;

typedef struct aimem_ring_desc {
    aimem_allocator allocator; /* for size bytes; zero: the C library */
    void *memory;              /* the caller's bytes, any alignment; else NULL */
    size_t memory_size;
    size_t size;               /* without memory: bytes to take; 0: 64 KiB */
    aimem_logger logger;       /* told about wrong frees, and pieces in use at deinit */
    uint32_t canary_zero;
} aimem_ring_desc;

typedef struct aimem_ring_info {
    size_t capacity;
    size_t used;      /* heads, padding and fillers included */
    size_t peak;
    size_t largest;   /* a piece of so many bytes would fit now, at alignment 16 */
    size_t pieces;    /* not yet retired, freed or not */
    uint64_t pushed;
    uint64_t retired;
    uint64_t failures;
    uint64_t refused;
} aimem_ring_info;

/* Makes *ring ready. desc may be NULL: 64 KiB from the C library. Errors: INVALID (NULL ring,
   canary, memory without size, memory together with size, no allocator), RANGE (under 32 bytes in
   multiples of 16, or over PTRDIFF_MAX), NOMEM. */
AIMEM_POOL_API aimem_result aimem_ring_init(aimem_ring *ring, const aimem_ring_desc *desc);

/* Gives the memory back. The logger is told about pieces in use. NULL and a zeroed struct are
   fine. */
AIMEM_POOL_API void aimem_ring_deinit(aimem_ring *ring);

/* size bytes (0 is fine), not cleared, at a multiple of align (a power of two; 0: 16). NULL when
   there is no room in one piece, or for another align; the ring is then as it was. An empty ring
   has room for capacity - 16 bytes at alignment 16. O(1). */
AIMEM_POOL_API void *aimem_ring_push(aimem_ring *ring, size_t size, size_t align);

/* Frees a piece. Its room comes back when all older ones are free too. NULL is fine. Errors, with
   nothing changed: FOREIGN (outside the memory), INTERIOR (inside a piece, or the piece in front
   was written past its end), DOUBLE_FREE (free already, or nothing in use there). O(pieces freed
   before it), O(1) on average. */
AIMEM_POOL_API aimem_result aimem_ring_free(aimem_ring *ring, void *ptr);

/* The oldest piece in use, and its size (may be NULL); NULL when there is none. O(1). */
AIMEM_POOL_API void *aimem_ring_peek(const aimem_ring *ring, size_t *size);

/* The next younger piece in use after ptr (which is one), or NULL. O(pieces freed between). */
AIMEM_POOL_API void *aimem_ring_next(const aimem_ring *ring, const void *ptr, size_t *size);

/* Frees the oldest piece in use. NOT_FOUND: there is none. */
AIMEM_POOL_API aimem_result aimem_ring_pop(aimem_ring *ring);

/* Frees every piece that was pushed before ring->pushed had the value mark: keep it beside a fence,
   and call this when the device has passed it. Returns how many pieces were retired; a mark of the
   future frees all there are. O(pieces). */
AIMEM_POOL_API size_t aimem_ring_retire(aimem_ring *ring, uint64_t mark);

/* Frees all pieces. */
AIMEM_POOL_API void aimem_ring_reset(aimem_ring *ring);

/* The ring as an allocator hook. Only the newest piece is resized in place. The ring must outlive
   every object that uses it. */
AIMEM_POOL_API aimem_allocator aimem_ring_allocator(aimem_ring *ring);

/* What the ring holds and has done. O(1). */
AIMEM_POOL_API void aimem_ring_stats(const aimem_ring *ring, aimem_ring_info *out);

#ifdef __cplusplus
}
#endif
/* end pool/api_frame.h */

/* begin pool/api_plan.h */
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
/* end pool/api_plan.h */

/* begin pool/api_tuning.h */
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
/* end pool/api_tuning.h */
#endif

/* aimem_vec.h: vector store with exact nearest-neighbour search. 0.1.0, Unlicense OR MIT-0
 *
 * USE IT
 *   #define AIMEM_VEC_IMPLEMENTATION    in one .c or .cc file
 *   #include "aimem_vec.h"              there, and without the define everywhere else
 *   aimem_vec_create, aimem_vec_add, aimem_vec_search, aimem_vec_destroy
 *
 * EXAMPLE
 *
 *   #define AIMEM_VEC_IMPLEMENTATION
 *   #include "aimem_vec.h"
 *   #include <stdio.h>
 *
 *   int main(void) {
 *       static const float cat[4] = {0.9f, 0.8f, 0.1f, 0.0f};
 *       static const float dog[4] = {0.8f, 0.9f, 0.2f, 0.1f};
 *       static const float car[4] = {0.1f, 0.0f, 0.9f, 0.8f};
 *       static const float query[4] = {0.7f, 1.0f, 0.2f, 0.1f};
 *       aimem_vec_desc desc;
 *       aimem_vec_hit hits[2];
 *       aimem_vec *v;
 *       size_t count, i;
 *       memset(&desc, 0, sizeof desc);
 *       desc.dim = 4;
 *       desc.metric = AIMEM_VEC_COS;
 *       if (aimem_vec_create(&desc, &v) != AIMEM_OK) return 1;
 *       aimem_vec_add(v, AIMEM_VEC_NEW_ID, "cat", cat, NULL);
 *       aimem_vec_add(v, AIMEM_VEC_NEW_ID, "dog", dog, NULL);
 *       aimem_vec_add(v, AIMEM_VEC_NEW_ID, "car", car, NULL);
 *       if (aimem_vec_search(v, query, 2, hits, &count) != AIMEM_OK) return 1;
 *       for (i = 0; i < count; i++) {
 *           printf("%s %.3f\n", hits[i].label, (double)hits[i].similarity);
 *       }
 *       aimem_vec_destroy(v);
 *       return count == 2 ? 0 : 1;
 *   }
 *
 *   prints "dog 0.994" and "cat 0.967". examples/vec.c also saves and loads.
 *
 * WHAT IT DOES
 *
 *   A collection holds vectors of f32, all of one dimension (1 to 65536). Each has a 64-bit id,
 *   given by you or assigned, and, if you like, a text that no other one has: its label. You add,
 *   replace, remove, fetch and list them; you ask for the k nearest to a query, or for all within a
 *   radius, by cosine, Euclidean (plain or squared), Manhattan distance or inner product.
 *
 *   - Answers are exact: every vector is compared. The comparison runs at the speed of memory, with
 *     AVX-512, AVX2, SSE, NEON, WASM SIMD or plain C, chosen when the program runs.
 *   - Answers are ordered by distance, equal ones by id, and do not depend on the number of
 *     threads.
 *   - Threads are yours (desc.parallel), and so is memory (desc.allocator) and, if you like, the
 *     file system (aimem_io). Nothing is global, nothing is printed, nothing aborts.
 *   - Collections are saved to a stream or a file, in a documented and checksummed format, the same
 *     on every machine. A damaged or forged file is refused, never trusted.
 *   - NaN and infinity do not get in, so no distance is ever NaN.
 *
 * WHAT IT DOES NOT
 *
 *   No approximate index, no compression of vectors, no metadata and filters: a million vectors of
 *   384 floats take 1.5 GB and about a tenth of a second per query and thread. It makes no
 *   embeddings: where the vectors come from is up to you. One collection is changed by one thread
 *   at a time.
 *
 * CONTENTS
 *
 *   aimem_vec_create, destroy           life; all options are in aimem_vec_desc
 *   aimem_vec_add, add_batch, put       adding one or many, replacing
 *   aimem_vec_remove, clear             removing
 *   aimem_vec_get, view, find, next     by id, by label, one by one
 *   aimem_vec_count, stats              how many, how much memory
 *   aimem_vec_reserve, trim             memory ahead, memory back
 *   aimem_vec_set_metric                while empty
 *   aimem_vec_search, search_batch      the k nearest, of one query or many
 *   aimem_vec_range                     all within a radius
 *   aimem_vec_distance                  between two vectors of your own
 *   aimem_vec_save, load                through a stream
 *   aimem_vec_save_file, load_file      to and from a file, atomically
 *   aimem_vec_version                   of the implementation that is linked
 *
 * OPTIONS
 *
 *   Macros. "everywhere": the same in every file that includes this header; "implementation": only
 *   where AIMEM_VEC_IMPLEMENTATION is defined. None is set by default, none changes a public
 *   struct.
 *
 *   AIMEM_VEC_IMPLEMENTATION   one file    the code; AIMEM_IMPLEMENTATION: of every aimem header
 *   AIMEM_STATIC               everywhere  all functions are static: for a library that keeps its
 *                                          copy to itself; AIMEM_VEC_STATIC: of this header alone
 *   AIMEM_DLL                  everywhere  functions are exported from, or imported from, a shared
 *                                          library
 *   AIMEM_VEC_API              everywhere  instead of these three: what stands before a function
 *   AIMEM_NO_STDLIB            impl.       no malloc: desc.allocator must be given
 *   AIMEM_NO_FILES             impl.       no files of the system: save_file and load_file need an
 *                                          aimem_io, or answer AIMEM_ERR_UNSUPPORTED
 *   AIMEM_NO_OS                impl.       no operating system: as AIMEM_NO_FILES, and nothing is
 *                                          included but <stdlib.h> (see AIMEM_NO_STDLIB),
 *                                          <string.h> and <float.h>
 *   AIMEM_NO_THREADS           impl.       this program has one thread; this header starts none
 *                                          in any case
 *   AIMEM_NO_SIMD              impl.       plain C only
 *   AIMEM_NO_STRINGS           impl.       desc.logger gets codes with empty texts
 *   AIMEM_ASSERT(x)            impl.       checks for mistakes of the program; off by default, and
 *                                          never used for input, memory or files
 *   AIMEM_INLINE               everywhere  how aimem_result_string is declared (inline)
 *
 * LINK WITH
 *
 *   Needs: a C11 or C++17 compiler; no library, no -lm.
 *
 *   Compiled for the plainest CPU of its kind: better instruction sets are used when the processor
 *   has them, so no -march flag is needed. Works with -ffast-math, -O0 to -O3 and -flto.
 *
 * STEP BY STEP
 *
 *   1. Create. Every field of aimem_vec_desc that is zero has its default, so clear it and set what
 *      you need; dim is required.
 *
 *          aimem_vec_desc desc;
 *          memset(&desc, 0, sizeof desc);
 *          desc.dim = 384;
 *          desc.metric = AIMEM_VEC_COS;
 *          aimem_vec_create(&desc, &v);
 *
 *      Metrics, all "smaller is nearer", with the similarity that hits carry beside the distance:
 *
 *          AIMEM_VEC_COS    1 - cosine, 0 to 2       the cosine; no need to normalise
 *          AIMEM_VEC_L2     Euclidean                1 / (1 + distance)
 *          AIMEM_VEC_L2SQ   Euclidean, squared       1 / (1 + distance)
 *          AIMEM_VEC_L1     Manhattan                1 / (1 + distance)
 *          AIMEM_VEC_IP     - inner product          the inner product
 *
 *      A zero vector has no direction: its cosine distance to anything is 1, its similarity 0. So
 *      is it with vectors shorter than 3e-19.
 *
 *   2. Add. Give an id of your own (a key of your database) or AIMEM_VEC_NEW_ID; give a label or
 *      NULL. The vector and the label are copied.
 *
 *          uint64_t id;
 *          aimem_vec_add(v, AIMEM_VEC_NEW_ID, "chapter 1", vector, &id);
 *          aimem_vec_put(v, 4711, NULL, vector);          adds, or replaces what 4711 was
 *
 *      Many at once, all or none, checked and copied on your threads if there are any:
 *
 *          aimem_vec_add_batch(v, 1000, NULL, NULL, vectors, NULL);      ids are assigned
 *
 *   3. Search. The hits lie in an array of yours; count says how many there are, min(k, rows).
 *
 *          aimem_vec_hit hits[10];
 *          size_t count;
 *          aimem_vec_search(v, query, 10, hits, &count);
 *          hits[0].id, hits[0].label, hits[0].distance, hits[0].similarity
 *
 *      All within a radius: count is how many there are, also when there is no room for them all;
 *      the nearest are stored. With capacity 0 it only counts.
 *
 *          aimem_vec_range(v, query, 0.25f, hits, 10, &count);
 *
 *      Many queries: faster than one by one, also with one thread, because rows that are in the
 *      cache are used for several of them.
 *
 *          aimem_vec_search_batch(v, 64, queries, 10, hits, counts);     hits + i * 10 of query i
 *
 *   4. Look. view gives a pointer to the vector where it lies (and the label), get a copy; find
 *      gives the id of a label; next goes through all of them:
 *
 *          uint64_t cursor = 0;
 *          aimem_vec_row row;
 *          while (aimem_vec_next(v, &cursor, &row)) { row.id, row.vector, row.label }
 *
 *      While iterating you may remove the row that you just got: lower the cursor by one then, for
 *      the last row has moved into its place.
 *
 *      What view, next and searches point to (vectors, labels) is borrowed: it is valid until the
 *      next call that may change the collection, whatever that call answers. You may pass it to
 *      that very call: aimem_vec_put(v, row.id, row.label, vector) keeps a label.
 *
 *   5. Keep. A file is replaced in one step, so a crash leaves the old one or the new one:
 *
 *          aimem_vec_save_file(v, "memory.vec", NULL, NULL);
 *          aimem_vec_load_file(NULL, "memory.vec", NULL, &v, NULL);
 *
 *      Inside a file or message of your own: aimem_vec_save and aimem_vec_load with an
 *      aimem_stream. Load reads exactly the bytes that save wrote, so other data may follow.
 *
 *   6. Threads. desc.parallel is a pool of yours: for_fn runs a task for every index below count
 *      and returns when all are done. With OpenMP:
 *
 *          static void for_all(void *user, size_t count,
 *                              void (*task)(void *data, size_t index, uint32_t worker),
 *                              void *data) {
 *              long i;
 *              (void)user;
 *              #pragma omp parallel for schedule(dynamic)
 *              for (i = 0; i < (long)count; i++) {
 *                  task(data, (size_t)i, (uint32_t)omp_get_thread_num());
 *              }
 *          }
 *          desc.parallel.for_fn = for_all;
 *          desc.parallel.workers = (uint32_t)omp_get_max_threads();
 *
 *   7. Memory of your own. One function does it all; a malloc and free pair becomes:
 *
 *          static void *my_realloc(void *user, void *ptr, size_t old_size, size_t new_size,
 *                                  size_t align) {
 *              void *fresh = new_size != 0 ? my_alloc(user, new_size, align) : NULL;
 *              if (new_size != 0 && fresh == NULL) return NULL;
 *              if (fresh != NULL && ptr != NULL) memcpy(fresh, ptr, min(old_size, new_size));
 *              if (ptr != NULL) my_free(user, ptr);
 *              return fresh;
 *          }
 *
 * ERRORS
 *
 *   Every call that can fail returns an aimem_result: AIMEM_OK or a negative code, which
 *   aimem_result_string puts into words. A call that fails has done nothing: the rows are as they
 *   were, out parameters are NULL or 0, and the call may be repeated. (reserve and trim may have
 *   done a part; rows do not show it.)
 *
 *   AIMEM_ERR_INVALID       NULL where something is needed, dim 0, no such metric, NaN or infinity
 *                           in a vector or radius, load with another dim
 *   AIMEM_ERR_NOMEM         the allocator gave nothing
 *   AIMEM_ERR_LIMIT         max_rows reached, or no id left to assign
 *   AIMEM_ERR_RANGE         a vector whose sum of squares is over 1e37, a label over 65535 bytes
 *   AIMEM_ERR_NOT_FOUND     no row with this id or label, no such file
 *   AIMEM_ERR_EXISTS        the id or label is there
 *   AIMEM_ERR_BUSY          set_metric on rows, or a change from a hook inside a change
 *   AIMEM_ERR_UNSUPPORTED   an instruction set or files that are not here
 *   AIMEM_ERR_CORRUPT       a file or stream that is cut off, damaged, forged or not ours
 *   AIMEM_ERR_VERSION       a file of another version or byte order
 *   AIMEM_ERR_IO, AIMEM_ERR_NOSPACE, AIMEM_ERR_READONLY   what the file system or stream said; the
 *                           system's own number is in os_error
 *
 *   desc.logger is told in words why load refused something.
 *
 * MEMORY
 *
 *   All of it comes from desc.allocator, in blocks of at most 4 MiB but for the tables of ids and
 *   labels and the bytes of the labels, which are one block each. The hook is called on the thread
 *   that called, never on workers.
 *
 *   A row takes its floats, padded to a multiple of 16 (below dim 16: of 4), 20 bytes beside them
 *   (16 on 32-bit machines), and 5 to 11 bytes in the table of ids. A label takes its length and 7
 *   bytes, and 5 to 11 in its table. Rows come in chunks of about 1 MiB that never move; the first
 *   one starts with 8 rows and doubles, so small collections are small. Tables double when they are
 *   three quarters full.
 *
 *   The peak while adding: a table or the label bytes, old and new, side by side. Searches take
 *   nothing; with desc.parallel, k hits (32 bytes) per worker. Saving and loading take 64 KiB.
 *   Removing gives nothing back by itself: the room is for the next rows, or trim returns it.
 *
 * THREADS
 *
 *   create, load, load_file          any thread, any time
 *   search, search_batch, range, distance, get, view, find, next, count, stats, save, save_file
 *                                    any number of threads on one collection, side by side, as long
 *                                    as none changes it; with desc.parallel the pool is then asked
 *                                    by several threads at once
 *   add, add_batch, put, remove, clear, reserve, trim, set_metric, destroy
 *                                    one thread, alone on this collection; a readers-writer lock of
 *                                    yours around the calls is enough
 *   Different collections have nothing in common. There are no locks inside. Hooks may search the
 *   collection that calls them, but not change it: AIMEM_ERR_BUSY. After fork both processes have a
 *   whole copy. Nothing may be called from a signal handler.
 *
 * LIMITS AND COST
 *
 *   dim 1 to 65536; 4294967040 rows; labels of 1 to 65535 bytes without 0; ids 0 to 2^64 - 2. The
 *   sum of the squares of a vector is at most 1e37, so that no sum of a search leaves the range of
 *   f32.
 *
 *   add, put              O(dim), amortised           get, view, find, next   O(1), get O(dim)
 *   remove                O(dim)                      search, range           O(rows * dim)
 *   search_batch          O(queries * rows * dim)     save, load              O(bytes)
 *
 *   Measured on one core of a shared server (Zen 4, AVX-512), 60 000 vectors of 784 floats: a query
 *   takes 8 ms, which is 23 to 24 GB/s and as fast as the memory can be read; 64 queries in a batch
 *   3 to 4 ms each; adding 60 000 takes 0.15 s.
 *
 *   Distances are worked out in f32 with at least eight partial sums: the relative error of L1, L2
 *   and L2SQ is below (dim / 8 + 24) * 6e-8, and so is the absolute error of the cosine.
 *   Instruction sets differ within that. One program on one machine always gives the same bits,
 *   whatever the number of threads and wherever a row lies. Vectors shorter than 1e-15 lose
 *   accuracy in COS and IP where denormal numbers are flushed (32-bit NEON, programs linked with
 *   -ffast-math).
 *
 *   Hashes are the same in every run. Someone who can choose the ids or labels of a collection,
 *   also in a file, can make them collide: calls take O(rows) then instead of O(1). Nothing else
 *   happens.
 *
 * FILES AND COMPATIBILITY
 *
 *   docs/FORMAT.md describes the format, version 1: little endian, every byte under a CRC32C, rows
 *   at multiples of 64 bytes. Before 1.0 another version may come; then old files are refused with
 *   AIMEM_ERR_VERSION. From 1.0 on they are read for ever. The checksums find accidents; they do
 *   not keep a forger out, so load checks all it reads: a forged file gives a valid collection of
 *   other contents, or an error. Memory is taken as bytes arrive, not as the header promises;
 *   max_rows bounds it further.
 *
 *   save_file writes path + ".tmp", syncs it, renames it over path, and syncs the directory. Two
 *   processes must not save to one path at the same time.
 *
 *   Several aimem headers, also of different versions, may be included in one file; the private
 *   parts have names of their own. Two libraries that each carry a copy use AIMEM_STATIC.
 *
 * CHANGES
 *
 *   0.1.0   the first one: exact search, labels, saving and loading
 *
 * LICENCE
 *
 *   Unlicense OR MIT-0, as you choose: the text is at the end of this file.
 */
#ifndef AIMEM_VEC_H
#define AIMEM_VEC_H

/* begin vec/api.h */
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
/* end vec/api.h */

#endif

/* The private core, compiled for the first header that is implemented here. */
#if (!defined(AIMEM_POOL_IMPLEMENTED) && \
     (defined(AIMEM_IMPLEMENTATION) || defined(AIMEM_POOL_IMPLEMENTATION))) || \
    (!defined(AIMEM_VEC_IMPLEMENTED) && \
     (defined(AIMEM_IMPLEMENTATION) || defined(AIMEM_VEC_IMPLEMENTATION)))
#if !defined(AIMC_ALL_CORE)
#define AIMC_ALL_CORE 0x328c9347

/* begin core/platform.h */
/* core/platform.h: compiler, processor and system, asked once, here.
 *
 * Everything in src/core and in the parts of the headers uses these macros and no other test for a
 * compiler or a system. Private: amalgamate.py renames AIMC_ and aimc_ for each header and
 * undefines the macros at its end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h> /* memcpy, memmove, memset, memcmp: needed on bare metal too */

/* Compiler */
#if defined(__clang__)
#define AIMC_ALL_CLANG 1
#define AIMC_ALL_GNU 1 /* GNU attributes and builtins */
#elif defined(__TINYC__)
#define AIMC_ALL_TCC 1
#elif defined(__GNUC__)
#define AIMC_ALL_GNU 1
#elif defined(_MSC_VER)
#define AIMC_ALL_MSVC 1
#endif

/* Processor */
#if defined(__x86_64__) || defined(_M_X64)
#define AIMC_ALL_X86 1
#define AIMC_ALL_X64 1
#elif defined(__i386__) || defined(_M_IX86)
#define AIMC_ALL_X86 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#define AIMC_ALL_ARM64 1
#elif defined(__arm__) || defined(_M_ARM)
#define AIMC_ALL_ARM32 1
#elif defined(__wasm__)
#define AIMC_ALL_WASM 1
#endif

/* System. AIMEM_NO_OS: none, whatever the compiler says (bare metal, kernels, sandboxes). */
#if defined(AIMEM_NO_OS)
#define AIMC_ALL_OS_NONE 1
#elif defined(_WIN32)
#define AIMC_ALL_OS_WINDOWS 1
#elif defined(__linux__)
#define AIMC_ALL_OS_LINUX 1
#define AIMC_ALL_OS_POSIX 1
#elif defined(__APPLE__)
#define AIMC_ALL_OS_APPLE 1
#define AIMC_ALL_OS_POSIX 1
#elif defined(__EMSCRIPTEN__) || defined(__wasi__)
#define AIMC_ALL_OS_WASM 1
#define AIMC_ALL_OS_POSIX 1
#elif defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#define AIMC_ALL_OS_BSD 1
#define AIMC_ALL_OS_POSIX 1
#else
#define AIMC_ALL_OS_NONE 1
#endif

#if !defined(AIMEM_NO_THREADS) && !defined(AIMC_ALL_OS_NONE) && \
    (!defined(AIMC_ALL_OS_WASM) || defined(__EMSCRIPTEN_PTHREADS__))
#define AIMC_ALL_THREADS 1
#endif
#if !defined(AIMEM_NO_FILES) && !defined(AIMC_ALL_OS_NONE)
#define AIMC_ALL_FILES 1
#endif

/* Byte order. MSVC only builds for little-endian machines. */
#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define AIMC_ALL_BIG_ENDIAN 1
#endif
#endif

/* AIMC_ALL_FN marks every private function: static, and no warning where a header does not use it.
   AIMC_ALL_INLINE: the same, worth inlining. AIMC_ALL_NOINLINE: the same, a slow path. */
#if defined(AIMC_ALL_GNU) || defined(AIMC_ALL_TCC)
#define AIMC_ALL_FN static __attribute__((unused))
#define AIMC_ALL_INLINE static inline __attribute__((unused))
#define AIMC_ALL_NOINLINE static __attribute__((unused, noinline))
#elif defined(AIMC_ALL_MSVC)
#define AIMC_ALL_FN static
#define AIMC_ALL_INLINE static __forceinline
#define AIMC_ALL_NOINLINE static __declspec(noinline)
#else
#define AIMC_ALL_FN static
#define AIMC_ALL_INLINE static inline
#define AIMC_ALL_NOINLINE static
#endif

#if defined(AIMC_ALL_GNU)
#define AIMC_ALL_LIKELY(x) __builtin_expect(!!(x), 1)
#define AIMC_ALL_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define AIMC_ALL_PREFETCH(p) __builtin_prefetch(p)
#define AIMC_ALL_RESTRICT __restrict__
#elif defined(AIMC_ALL_MSVC)
#define AIMC_ALL_LIKELY(x) (x)
#define AIMC_ALL_UNLIKELY(x) (x)
#define AIMC_ALL_PREFETCH(p) ((void)(p))
#define AIMC_ALL_RESTRICT __restrict
#else
#define AIMC_ALL_LIKELY(x) (x)
#define AIMC_ALL_UNLIKELY(x) (x)
#define AIMC_ALL_PREFETCH(p) ((void)(p))
#define AIMC_ALL_RESTRICT
#endif

/* Which instruction sets can be compiled here; which one runs is chosen by core/cpu.h.
   AIMC_ALL_TARGET(x): build one function for a better instruction set than the rest of the file;
   MSVC needs no such mark. */
#if !defined(AIMEM_NO_SIMD)
#if defined(AIMC_ALL_X86) && defined(AIMC_ALL_GNU)
#define AIMC_ALL_SIMD_X86 1
#define AIMC_ALL_TARGET(x) __attribute__((target(x)))
#elif defined(AIMC_ALL_X86) && defined(AIMC_ALL_MSVC)
#define AIMC_ALL_SIMD_X86 1
#define AIMC_ALL_TARGET(x)
#elif defined(AIMC_ALL_ARM64) || (defined(AIMC_ALL_ARM32) && defined(__ARM_NEON))
#if !defined(AIMC_ALL_BIG_ENDIAN) && !defined(AIMC_ALL_TCC)
#define AIMC_ALL_SIMD_NEON 1
#endif
#elif defined(__wasm_simd128__)
#define AIMC_ALL_SIMD_WASM 1
#endif
#endif
#ifndef AIMC_ALL_TARGET
#define AIMC_ALL_TARGET(x)
#endif

/* Programmer errors only; never input, memory or I/O. Off unless the user defines AIMEM_ASSERT. */
#if defined(AIMEM_ASSERT)
#define AIMC_ALL_ASSERT(x) AIMEM_ASSERT(x)
#else
#define AIMC_ALL_ASSERT(x) ((void)0)
#endif

/* A compile-time check that works in C11, C++17 and MSVC. */
#if defined(__cplusplus)
#define AIMC_ALL_STATIC_ASSERT(x, text) static_assert(x, text)
#else
#define AIMC_ALL_STATIC_ASSERT(x, text) _Static_assert(x, text)
#endif

AIMC_ALL_STATIC_ASSERT(sizeof(float) == 4 && sizeof(double) == 8, "IEEE 754 floats are needed");

/* AddressSanitizer: free memory that we hold is poisoned, so that a use after free is caught. */
#if defined(__SANITIZE_ADDRESS__)
#define AIMC_ALL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AIMC_ALL_ASAN 1
#endif
#endif
#if defined(AIMC_ALL_ASAN)
#include <sanitizer/asan_interface.h>
#define AIMC_ALL_POISON(p, n) __asan_poison_memory_region(p, n)
#define AIMC_ALL_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define AIMC_ALL_POISON(p, n) ((void)(p), (void)(n))
#define AIMC_ALL_UNPOISON(p, n) ((void)(p), (void)(n))
#endif

/* end core/platform.h */

/* begin core/checked.h */
/* core/checked.h: sizes that cannot wrap round, and small facts about integers. */

/* *out = a + b; false, and *out untouched, when it does not fit. */
AIMC_ALL_INLINE bool aimc_all_add_size(size_t a, size_t b, size_t *out) {
    if (b > SIZE_MAX - a) return false;
    *out = a + b;
    return true;
}

/* *out = a * b; false, and *out untouched, when it does not fit. */
AIMC_ALL_INLINE bool aimc_all_mul_size(size_t a, size_t b, size_t *out) {
    if (a != 0 && b > SIZE_MAX / a) return false;
    *out = a * b;
    return true;
}

/* *out = a rounded up to a multiple of align (a power of two); false when it does not fit. */
AIMC_ALL_INLINE bool aimc_all_align_size(size_t a, size_t align, size_t *out) {
    size_t sum;
    if (!aimc_all_add_size(a, align - 1, &sum)) return false;
    *out = sum & ~(align - 1);
    return true;
}

/* The same three for what is counted on disk. */
AIMC_ALL_INLINE bool aimc_all_add_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (b > UINT64_MAX - a) return false;
    *out = a + b;
    return true;
}

AIMC_ALL_INLINE bool aimc_all_mul_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (a != 0 && b > UINT64_MAX / a) return false;
    *out = a * b;
    return true;
}

AIMC_ALL_INLINE bool aimc_all_is_pow2(size_t a) {
    return a != 0 && (a & (a - 1)) == 0;
}

AIMC_ALL_INLINE size_t aimc_all_min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

AIMC_ALL_INLINE size_t aimc_all_max_size(size_t a, size_t b) {
    return a > b ? a : b;
}

/* The number of the lowest set bit; x is not 0. */
AIMC_ALL_INLINE uint32_t aimc_all_ctz64(uint64_t x) {
#if defined(AIMC_ALL_GNU)
    return (uint32_t)__builtin_ctzll(x);
#else
    uint32_t n = 0;
    while ((x & 1) == 0) {
        x >>= 1;
        n++;
    }
    return n;
#endif
}

/* The number of the highest set bit; x is not 0. */
AIMC_ALL_INLINE uint32_t aimc_all_log2_u64(uint64_t x) {
#if defined(AIMC_ALL_GNU)
    return 63u - (uint32_t)__builtin_clzll(x);
#else
    uint32_t n = 0;
    while (x >>= 1) n++;
    return n;
#endif
}

/* end core/checked.h */

/* begin core/bytes.h */
/* core/bytes.h: little-endian numbers in byte arrays, at any alignment, on any machine.
 *
 * Everything on disk goes through these. Where the machine is known to be little-endian a copy does
 * it; elsewhere the bytes are put together by shifts, whose value does not depend on the machine.
 * (Shifts everywhere would do, but gcc 12 makes 40 instructions of two such stores in a row.)
 */

#if defined(AIMC_ALL_MSVC)
#define AIMC_ALL_BYTES_COPY 1
#elif defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define AIMC_ALL_BYTES_COPY 1
#endif
#endif

#if defined(AIMC_ALL_BYTES_COPY)

AIMC_ALL_INLINE uint16_t aimc_all_load_u16(const void *src) {
    uint16_t x;
    memcpy(&x, src, sizeof x);
    return x;
}

AIMC_ALL_INLINE uint32_t aimc_all_load_u32(const void *src) {
    uint32_t x;
    memcpy(&x, src, sizeof x);
    return x;
}

AIMC_ALL_INLINE uint64_t aimc_all_load_u64(const void *src) {
    uint64_t x;
    memcpy(&x, src, sizeof x);
    return x;
}

AIMC_ALL_INLINE void aimc_all_store_u16(void *dst, uint16_t x) {
    memcpy(dst, &x, sizeof x);
}

AIMC_ALL_INLINE void aimc_all_store_u32(void *dst, uint32_t x) {
    memcpy(dst, &x, sizeof x);
}

AIMC_ALL_INLINE void aimc_all_store_u64(void *dst, uint64_t x) {
    memcpy(dst, &x, sizeof x);
}

#else

AIMC_ALL_INLINE uint16_t aimc_all_load_u16(const void *src) {
    const unsigned char *p = (const unsigned char *)src;
    return (uint16_t)(p[0] | (uint32_t)p[1] << 8);
}

AIMC_ALL_INLINE uint32_t aimc_all_load_u32(const void *src) {
    const unsigned char *p = (const unsigned char *)src;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

AIMC_ALL_INLINE uint64_t aimc_all_load_u64(const void *src) {
    const unsigned char *p = (const unsigned char *)src;
    return p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

AIMC_ALL_INLINE void aimc_all_store_u16(void *dst, uint16_t x) {
    unsigned char *p = (unsigned char *)dst;
    p[0] = (unsigned char)x;
    p[1] = (unsigned char)(x >> 8);
}

AIMC_ALL_INLINE void aimc_all_store_u32(void *dst, uint32_t x) {
    unsigned char *p = (unsigned char *)dst;
    p[0] = (unsigned char)x;
    p[1] = (unsigned char)(x >> 8);
    p[2] = (unsigned char)(x >> 16);
    p[3] = (unsigned char)(x >> 24);
}

AIMC_ALL_INLINE void aimc_all_store_u64(void *dst, uint64_t x) {
    unsigned char *p = (unsigned char *)dst;
    p[0] = (unsigned char)x;
    p[1] = (unsigned char)(x >> 8);
    p[2] = (unsigned char)(x >> 16);
    p[3] = (unsigned char)(x >> 24);
    p[4] = (unsigned char)(x >> 32);
    p[5] = (unsigned char)(x >> 40);
    p[6] = (unsigned char)(x >> 48);
    p[7] = (unsigned char)(x >> 56);
}

#endif

/* Floats travel as their bits: NaN payloads and signed zeros come back as they were. */
AIMC_ALL_INLINE void aimc_all_load_f32(const void *src, float *out) {
    uint32_t bits = aimc_all_load_u32(src);
    memcpy(out, &bits, sizeof bits);
}

AIMC_ALL_INLINE void aimc_all_store_f32(void *dst, const float *x) {
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    aimc_all_store_u32(dst, bits);
}

/* The bytes of a number in the opposite order. */
AIMC_ALL_INLINE uint32_t aimc_all_swap_u32(uint32_t x) {
    return x << 24 | (x & 0xFF00u) << 8 | (x >> 8 & 0xFF00u) | x >> 24;
}

AIMC_ALL_INLINE uint64_t aimc_all_swap_u64(uint64_t x) {
    return (uint64_t)aimc_all_swap_u32((uint32_t)x) << 32 | aimc_all_swap_u32((uint32_t)(x >> 32));
}

/* end core/bytes.h */

/* begin core/alloc.h */
/* core/alloc.h: the allocator hook as the parts call it, and the C library behind the zero hook. */

#if !defined(AIMEM_NO_STDLIB)
#include <stdlib.h>

/* The C library as an aimem_allocator. Up to the alignment of malloc: realloc itself. Above: room
   for the alignment and for the address that malloc gave, which lies just below the block. */
#define AIMC_ALL_LIBC_ALIGN (2 * sizeof(void *))

AIMC_ALL_FN void *aimc_all_libc_aligned(size_t size, size_t align) {
    size_t total;
    uintptr_t at;
    void *raw;
    if (!aimc_all_add_size(size, align + sizeof(void *), &total)) return NULL;
    raw = malloc(total);
    if (raw == NULL) return NULL;
    at = ((uintptr_t)raw + sizeof(void *) + align - 1) & ~(uintptr_t)(align - 1);
    memcpy((void *)(at - sizeof(void *)), &raw, sizeof raw);
    return (void *)at;
}

AIMC_ALL_FN void aimc_all_libc_aligned_free(void *ptr) {
    void *raw;
    if (ptr == NULL) return;
    memcpy(&raw, (unsigned char *)ptr - sizeof raw, sizeof raw);
    free(raw);
}

AIMC_ALL_FN void *aimc_all_libc_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                size_t align) {
    void *fresh;
    (void)user_data;
    if (align <= AIMC_ALL_LIBC_ALIGN) {
        if (new_size == 0) {
            free(ptr);
            return NULL;
        }
        return realloc(ptr, new_size);
    }
    if (new_size == 0) {
        aimc_all_libc_aligned_free(ptr);
        return NULL;
    }
    fresh = aimc_all_libc_aligned(new_size, align);
    if (fresh != NULL && ptr != NULL) {
        memcpy(fresh, ptr, aimc_all_min_size(old_size, new_size));
        aimc_all_libc_aligned_free(ptr);
    }
    return fresh;
}
#endif

/* *out = hook, or the C library for the zero hook; false when there is neither. */
AIMC_ALL_FN bool aimc_all_allocator_or_default(const aimem_allocator *hook, aimem_allocator *out) {
    *out = *hook;
    if (hook->realloc_fn != NULL) return true;
#if !defined(AIMEM_NO_STDLIB)
    out->realloc_fn = aimc_all_libc_realloc;
    out->user_data = NULL;
    return true;
#else
    return false;
#endif
}

/* size > 0 bytes at align, or NULL. A hook that answers with a wrong alignment gave nothing. */
AIMC_ALL_FN void *aimc_all_alloc(const aimem_allocator *a, size_t size, size_t align) {
    void *ptr = a->realloc_fn(a->user_data, NULL, 0, size, align);
    if (ptr != NULL && ((uintptr_t)ptr & (align - 1)) != 0) {
        (void)a->realloc_fn(a->user_data, ptr, size, 0, align);
        return NULL;
    }
    return ptr;
}

/* As aimc_all_alloc, every byte 0. */
AIMC_ALL_FN void *aimc_all_alloc_zeroed(const aimem_allocator *a, size_t size, size_t align) {
    void *ptr = aimc_all_alloc(a, size, align);
    if (ptr != NULL) memset(ptr, 0, size);
    return ptr;
}

AIMC_ALL_FN void aimc_all_free(const aimem_allocator *a, void *ptr, size_t size, size_t align) {
    if (ptr != NULL) (void)a->realloc_fn(a->user_data, ptr, size, 0, align);
}

/* From old_size to new_size > 0 bytes with the contents kept; NULL, and the old block as it was,
   when it fails. Always through a second block: were the hook to answer a resize with a wrong
   alignment, the old block would be gone already. */
AIMC_ALL_FN void *aimc_all_realloc(const aimem_allocator *a, void *ptr, size_t old_size, size_t new_size,
                           size_t align) {
    void *fresh = aimc_all_alloc(a, new_size, align);
    if (fresh == NULL) return NULL;
    if (ptr != NULL) {
        memcpy(fresh, ptr, aimc_all_min_size(old_size, new_size));
        aimc_all_free(a, ptr, old_size, align);
    }
    return fresh;
}

/* end core/alloc.h */

/* begin core/posix.h */
/* core/posix.h: the POSIX headers, and what a strict C mode hides of them.
 *
 * With -std=c11, glibc and musl show only ISO C and a part of POSIX, and the choice is made by the
 * first system header: a feature macro defined later changes nothing, and one defined here at all
 * would change the user's file. So there is none. Functions that may be hidden are declared (in C
 * a second, equal declaration is fine; C++ compilers show everything), and hidden constants get
 * names of ours with the kernel's values.
 *
 * Offsets are 64 bits wide everywhere: glibc and bionic have functions for that with a 64 in their
 * name, whatever _FILE_OFFSET_BITS says; elsewhere off_t is 64 bits.
 */

#if defined(AIMC_ALL_OS_POSIX)

#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#if !defined(AIMC_ALL_OS_WASM)
#include <sys/mman.h>
#endif
#if defined(AIMC_ALL_THREADS)
#include <pthread.h>
#include <sched.h>
#endif
#if defined(AIMC_ALL_OS_LINUX)
#include <sys/syscall.h>
#endif
#if defined(__wasi__)
#include <wasi/api.h> /* its clock; the C library's is hidden in strict modes */
#endif

/* Files with 64-bit offsets. */
#if defined(AIMC_ALL_OS_LINUX) && (defined(__GLIBC__) || defined(__BIONIC__))
#if defined(__GLIBC__)
#define AIMC_ALL_OFF __off64_t
#else
#define AIMC_ALL_OFF off64_t
#endif
#define AIMC_ALL_OPEN open64
#define AIMC_ALL_LSEEK lseek64
#define AIMC_ALL_PREAD pread64
#define AIMC_ALL_PWRITE pwrite64
#define AIMC_ALL_FTRUNCATE ftruncate64
#define AIMC_ALL_FALLOCATE posix_fallocate64
#define AIMC_ALL_MMAP mmap64
#else
#define AIMC_ALL_OFF off_t
#define AIMC_ALL_OPEN open
#define AIMC_ALL_LSEEK (lseek) /* not the macro that WASI has beside it */
#define AIMC_ALL_PREAD pread
#define AIMC_ALL_PWRITE pwrite
#define AIMC_ALL_FTRUNCATE ftruncate
#define AIMC_ALL_FALLOCATE posix_fallocate
#define AIMC_ALL_MMAP mmap
#endif

AIMC_ALL_STATIC_ASSERT(sizeof(AIMC_ALL_OFF) == 8, "file offsets are too narrow here");

#if defined(AIMC_ALL_OS_LINUX) && !defined(__cplusplus)
#if defined(__GLIBC__) && !defined(__USE_LARGEFILE64)
int open64(const char *path, int flags, ...);
AIMC_ALL_OFF lseek64(int fd, AIMC_ALL_OFF offset, int whence);
ssize_t pread64(int fd, void *dst, size_t size, AIMC_ALL_OFF offset);
ssize_t pwrite64(int fd, const void *src, size_t size, AIMC_ALL_OFF offset);
int ftruncate64(int fd, AIMC_ALL_OFF size);
int posix_fallocate64(int fd, AIMC_ALL_OFF offset, AIMC_ALL_OFF size);
void *mmap64(void *ptr, size_t size, int prot, int flags, int fd, AIMC_ALL_OFF offset);
#endif
#if !defined(__BIONIC__) && !defined(__USE_MISC) && !defined(_BSD_SOURCE) && !defined(_GNU_SOURCE)
int fsync(int fd);
int fdatasync(int fd);
int madvise(void *ptr, size_t size, int advice);
long syscall(long number, ...);
#if defined(AIMC_ALL_THREADS)
int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t id);
#endif
#endif
#endif

/* clock_gettime. Where a 32-bit system has been asked for 64-bit time, the function has another
   name in the library, which a hidden declaration does not tell us. */
#if (defined(AIMC_ALL_OS_LINUX) || defined(__EMSCRIPTEN__)) && !defined(__cplusplus) && \
    !defined(__BIONIC__)
#if defined(_REDIR_TIME64)
#define AIMC_ALL_TIME64 1
#elif defined(__USE_TIME_BITS64) && defined(__TIMESIZE)
#if __TIMESIZE == 32
#define AIMC_ALL_TIME64 1
#endif
#endif
#if defined(AIMC_ALL_TIME64)
int aimc_all_clock_gettime64(clockid_t id, struct timespec *at) __asm__("__clock_gettime64");
#define AIMC_ALL_CLOCK_GETTIME aimc_all_clock_gettime64
#elif !defined(CLOCK_MONOTONIC)
int clock_gettime(clockid_t id, struct timespec *at);
#endif
#endif
#if !defined(AIMC_ALL_CLOCK_GETTIME)
#define AIMC_ALL_CLOCK_GETTIME clock_gettime
#endif

#if defined(CLOCK_MONOTONIC)
#define AIMC_ALL_CLOCK_MONOTONIC CLOCK_MONOTONIC
#define AIMC_ALL_CLOCK_REALTIME CLOCK_REALTIME
#else
#define AIMC_ALL_CLOCK_MONOTONIC 1
#define AIMC_ALL_CLOCK_REALTIME 0
#endif

#if defined(O_CLOEXEC)
#define AIMC_ALL_O_CLOEXEC O_CLOEXEC
#elif defined(__O_CLOEXEC)
#define AIMC_ALL_O_CLOEXEC __O_CLOEXEC
#else
#define AIMC_ALL_O_CLOEXEC 0
#endif

#if !defined(AIMC_ALL_OS_WASM)
#if defined(MAP_ANONYMOUS)
#define AIMC_ALL_MAP_ANONYMOUS MAP_ANONYMOUS
#elif defined(MAP_ANON)
#define AIMC_ALL_MAP_ANONYMOUS MAP_ANON
#elif !defined(AIMC_ALL_OS_LINUX)
#define AIMC_ALL_MAP_ANONYMOUS 0x1000
#elif defined(__mips__) || defined(__xtensa__)
#define AIMC_ALL_MAP_ANONYMOUS 0x800
#elif defined(__alpha__) || defined(__hppa__)
#define AIMC_ALL_MAP_ANONYMOUS 0x10
#else
#define AIMC_ALL_MAP_ANONYMOUS 0x20
#endif

#if defined(MAP_NORESERVE)
#define AIMC_ALL_MAP_NORESERVE MAP_NORESERVE
#elif !defined(AIMC_ALL_OS_LINUX)
#define AIMC_ALL_MAP_NORESERVE 0
#elif defined(__mips__) || defined(__xtensa__)
#define AIMC_ALL_MAP_NORESERVE 0x400
#elif defined(__powerpc__) || defined(__sparc__)
#define AIMC_ALL_MAP_NORESERVE 0x40
#elif defined(__alpha__)
#define AIMC_ALL_MAP_NORESERVE 0x10000
#else
#define AIMC_ALL_MAP_NORESERVE 0x4000
#endif
#endif

#if defined(AIMC_ALL_OS_LINUX)
#if defined(MADV_HUGEPAGE)
#define AIMC_ALL_MADV_HUGEPAGE MADV_HUGEPAGE
#elif defined(__hppa__)
#define AIMC_ALL_MADV_HUGEPAGE 67
#else
#define AIMC_ALL_MADV_HUGEPAGE 14
#endif
/* A lock that belongs to the open file, not to the process (Linux 3.15). */
#define AIMC_ALL_F_OFD_SETLK 37
#endif

#endif
/* end core/posix.h */

/* begin core/win32.h */
/* core/win32.h: <windows.h>, small and without its min and max, and nothing left defined. */

#if defined(AIMC_ALL_OS_WINDOWS)

#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN
#define AIMC_ALL_WINDOWS_LEAN 1
#endif
#if !defined(NOMINMAX)
#define NOMINMAX
#define AIMC_ALL_WINDOWS_NOMINMAX 1
#endif
#include <windows.h>
#if defined(AIMC_ALL_WINDOWS_LEAN)
#undef WIN32_LEAN_AND_MEAN
#endif
#if defined(AIMC_ALL_WINDOWS_NOMINMAX)
#undef NOMINMAX
#endif

#if defined(_WIN32_WINNT)
#if _WIN32_WINNT < 0x0600
#error "aimem needs Windows Vista or later: define _WIN32_WINNT as 0x0601 before any header"
#endif
#endif

#endif
/* end core/win32.h */

/* begin core/osmem.h */
/* core/osmem.h: pages of the operating system behind the aimem_vm hook.
 *
 * A range is reserved (an address range and nothing else), committed (memory that reads as zero),
 * decommitted (the memory goes back, the addresses stay) and released. A reservation costs neither
 * memory nor swap, so a large one is cheap; but ulimit -v counts it.
 */

#if defined(AIMC_ALL_OS_WINDOWS) || (defined(AIMC_ALL_OS_POSIX) && !defined(AIMC_ALL_OS_WASM))
#define AIMC_ALL_VM 1
#endif

/* Bytes per page, a power of two; where nothing knows it: 4096. */
AIMC_ALL_FN size_t aimc_all_page_size(void) {
#if defined(AIMC_ALL_OS_WINDOWS)
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return (size_t)info.dwPageSize;
#elif defined(AIMC_ALL_OS_POSIX)
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : 4096;
#else
    return 4096;
#endif
}

#if defined(AIMC_ALL_VM) && defined(AIMC_ALL_OS_WINDOWS)
AIMC_ALL_FN void *aimc_all_vm_reserve(void *user_data, size_t size) {
    (void)user_data;
    return VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_NOACCESS);
}

AIMC_ALL_FN bool aimc_all_vm_commit(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    return VirtualAlloc(ptr, size, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

AIMC_ALL_FN void aimc_all_vm_decommit(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    if (size != 0) (void)VirtualFree(ptr, size, MEM_DECOMMIT);
}

AIMC_ALL_FN void aimc_all_vm_release(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    (void)size;
    (void)VirtualFree(ptr, 0, MEM_RELEASE);
}
#elif defined(AIMC_ALL_VM)
AIMC_ALL_FN void *aimc_all_vm_reserve(void *user_data, size_t size) {
    int flags = MAP_PRIVATE | AIMC_ALL_MAP_ANONYMOUS | AIMC_ALL_MAP_NORESERVE;
    void *ptr = AIMC_ALL_MMAP(NULL, size, PROT_NONE, flags, -1, 0);
    (void)user_data;
    return ptr == MAP_FAILED ? NULL : ptr;
}

AIMC_ALL_FN bool aimc_all_vm_commit(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    return mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0;
}

/* Fresh pages without access are mapped over the old ones: unlike madvise, that gives memory and
   commit charge back, and reads as zero later, on every system, for locked pages too, and under
   emulators. It can fail when the process has too many mappings to split one; then the pages stay,
   and zeroing them keeps the promise. */
AIMC_ALL_FN void aimc_all_vm_decommit(void *user_data, void *ptr, size_t size) {
    int flags = MAP_PRIVATE | AIMC_ALL_MAP_ANONYMOUS | AIMC_ALL_MAP_NORESERVE | MAP_FIXED;
    (void)user_data;
    if (size == 0) return;
    if (AIMC_ALL_MMAP(ptr, size, PROT_NONE, flags, -1, 0) != MAP_FAILED) return;
    if (mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0) memset(ptr, 0, size);
}

AIMC_ALL_FN void aimc_all_vm_release(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    (void)munmap(ptr, size);
}
#endif

/* *out = the system's pages; false, and *out zeroed, where there are none (no OS, WASM). */
AIMC_ALL_FN bool aimc_all_vm_default(aimem_vm *out) {
    memset(out, 0, sizeof *out);
#if defined(AIMC_ALL_VM)
    out->reserve_fn = aimc_all_vm_reserve;
    out->commit_fn = aimc_all_vm_commit;
    out->decommit_fn = aimc_all_vm_decommit;
    out->release_fn = aimc_all_vm_release;
    out->page_size = aimc_all_page_size();
    return true;
#else
    return false;
#endif
}

/* *out = hook, or the system's pages for NULL or a zero hook; false when there are neither. A hook
   that leaves page_size 0 gets the system's. */
AIMC_ALL_FN bool aimc_all_vm_or_default(const aimem_vm *hook, aimem_vm *out) {
    if (hook == NULL || hook->reserve_fn == NULL) return aimc_all_vm_default(out);
    *out = *hook;
    if (out->page_size == 0) out->page_size = aimc_all_page_size();
    return true;
}

/* Asks for large pages behind committed pages of the system (not of a user's hook). Only a hint,
   true when the system took it; a decommit forgets it. Linux alone knows it: Windows wants a
   privilege and a reservation of another kind. */
AIMC_ALL_FN bool aimc_all_vm_hint_huge(void *ptr, size_t size) {
#if defined(AIMC_ALL_VM) && defined(AIMC_ALL_OS_LINUX)
    return madvise(ptr, size, AIMC_ALL_MADV_HUGEPAGE) == 0;
#else
    (void)ptr;
    (void)size;
    return false;
#endif
}

/* end core/osmem.h */

/* begin core/atomic.h */
/* core/atomic.h: the few atomic operations that the parts need, on 32-bit and pointer-size words.
 *
 * No 64-bit words: some 32-bit processors need a library for them. Four sources: the compiler's
 * __atomic builtins (gcc and clang, in C and C++; <stdatomic.h> is not C++17), the Interlocked
 * functions (MSVC), locked instructions (tcc on x86, which has no builtins and moves no loads or
 * stores), and plain loads and stores where AIMC_ALL_THREADS is off. The last is right for one thread
 * only, and not against interrupts and signal handlers.
 *
 * Names end with the order. A read-modify-write is acquire and release at once, but for the relaxed
 * add of counters, and returns the value before. store_seq, load_seq and fence_seq share one order:
 * of two threads that each store_seq their own word and then load_seq the other's, at least one
 * sees the other's store.
 */

typedef struct aimc_all_atomic_u32 {
    uint32_t word;
} aimc_all_atomic_u32;

typedef struct aimc_all_atomic_uptr {
    uintptr_t word;
} aimc_all_atomic_uptr;

#if defined(AIMC_ALL_THREADS) && defined(AIMC_ALL_GNU)

#define AIMC_ALL_ATOMIC_RELAXED __ATOMIC_RELAXED
#define AIMC_ALL_ATOMIC_ACQUIRE __ATOMIC_ACQUIRE
#define AIMC_ALL_ATOMIC_RELEASE __ATOMIC_RELEASE
#define AIMC_ALL_ATOMIC_ACQ_REL __ATOMIC_ACQ_REL
#define AIMC_ALL_ATOMIC_SEQ __ATOMIC_SEQ_CST
#define AIMC_ALL_ATOMIC_LOAD32(p, order) __atomic_load_n(p, order)
#define AIMC_ALL_ATOMIC_LOADP(p, order) __atomic_load_n(p, order)
#define AIMC_ALL_ATOMIC_STORE32(p, value, order) __atomic_store_n(p, value, order)
#define AIMC_ALL_ATOMIC_STOREP(p, value, order) __atomic_store_n(p, value, order)
#define AIMC_ALL_ATOMIC_SWAP32(p, value) __atomic_exchange_n(p, value, __ATOMIC_ACQ_REL)
#define AIMC_ALL_ATOMIC_SWAPP(p, value) __atomic_exchange_n(p, value, __ATOMIC_ACQ_REL)
#define AIMC_ALL_ATOMIC_ADD32(p, value, order) __atomic_fetch_add(p, value, order)
#define AIMC_ALL_ATOMIC_ADDP(p, value, order) __atomic_fetch_add(p, value, order)
#define AIMC_ALL_ATOMIC_FENCE(order) __atomic_thread_fence(order)

#else

/* The other sources: an order is a number that the inlined function looks at. */
#define AIMC_ALL_ATOMIC_RELAXED 0
#define AIMC_ALL_ATOMIC_ACQUIRE 1
#define AIMC_ALL_ATOMIC_RELEASE 2
#define AIMC_ALL_ATOMIC_ACQ_REL 3
#define AIMC_ALL_ATOMIC_SEQ 4
#define AIMC_ALL_ATOMIC_LOAD32(p, order) aimc_all_atomic_load32(p, order)
#define AIMC_ALL_ATOMIC_LOADP(p, order) aimc_all_atomic_loadp(p, order)
#define AIMC_ALL_ATOMIC_STORE32(p, value, order) aimc_all_atomic_store32(p, value, order)
#define AIMC_ALL_ATOMIC_STOREP(p, value, order) aimc_all_atomic_storep(p, value, order)
#define AIMC_ALL_ATOMIC_SWAP32(p, value) aimc_all_atomic_swap32(p, value)
#define AIMC_ALL_ATOMIC_SWAPP(p, value) aimc_all_atomic_swapp(p, value)
#define AIMC_ALL_ATOMIC_ADD32(p, value, order) aimc_all_atomic_add32(p, value)
#define AIMC_ALL_ATOMIC_ADDP(p, value, order) aimc_all_atomic_addp(p, value)
#define AIMC_ALL_ATOMIC_FENCE(order) aimc_all_atomic_fence(order)

#if !defined(AIMC_ALL_THREADS)

AIMC_ALL_INLINE uint32_t aimc_all_atomic_load32(const uint32_t *p, int order) {
    (void)order;
    return *p;
}

AIMC_ALL_INLINE void aimc_all_atomic_store32(uint32_t *p, uint32_t value, int order) {
    (void)order;
    *p = value;
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_swap32(uint32_t *p, uint32_t value) {
    uint32_t old = *p;
    *p = value;
    return old;
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_cas32(uint32_t *p, uint32_t expected, uint32_t desired) {
    uint32_t old = *p;
    if (old == expected) *p = desired;
    return old;
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_add32(uint32_t *p, uint32_t value) {
    uint32_t old = *p;
    *p = old + value;
    return old;
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_loadp(const uintptr_t *p, int order) {
    (void)order;
    return *p;
}

AIMC_ALL_INLINE void aimc_all_atomic_storep(uintptr_t *p, uintptr_t value, int order) {
    (void)order;
    *p = value;
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_swapp(uintptr_t *p, uintptr_t value) {
    uintptr_t old = *p;
    *p = value;
    return old;
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_casp(uintptr_t *p, uintptr_t expected, uintptr_t desired) {
    uintptr_t old = *p;
    if (old == expected) *p = desired;
    return old;
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_addp(uintptr_t *p, uintptr_t value) {
    uintptr_t old = *p;
    *p = old + value;
    return old;
}

AIMC_ALL_INLINE void aimc_all_atomic_fence(int order) {
    (void)order;
}

#elif defined(AIMC_ALL_MSVC)

#include <intrin.h>

/* x86 lets nothing but a later load pass an older store, so a compiler barrier does for all orders
   but seq. ARM64 gets a barrier instruction. Every Interlocked function is a full barrier, but
   with ARM64's LSE instructions a later load can still pass the store of one: so load_seq has a
   barrier before it as well. */
#pragma warning(push)
#pragma warning(disable : 4996) /* the compiler barrier is called deprecated; it is what C++ uses */
AIMC_ALL_INLINE void aimc_all_atomic_barrier(void) {
#if defined(AIMC_ALL_X86)
    _ReadWriteBarrier();
#else
    __dmb(0xB); /* inner shareable */
#endif
}
#pragma warning(pop)

#if defined(_WIN64)
#define AIMC_ALL_ATOMIC_MSVC_LOADP(p) (uintptr_t) __iso_volatile_load64((const volatile __int64 *)(p))
#define AIMC_ALL_ATOMIC_MSVC_STOREP(p, value) \
    __iso_volatile_store64((volatile __int64 *)(p), (__int64)(value))
#define AIMC_ALL_ATOMIC_MSVC_SWAPP(p, value) \
    (uintptr_t) _InterlockedExchange64((volatile __int64 *)(p), (__int64)(value))
#define AIMC_ALL_ATOMIC_MSVC_CASP(p, expected, desired) \
    (uintptr_t) _InterlockedCompareExchange64((volatile __int64 *)(p), (__int64)(desired), \
                                              (__int64)(expected))
#define AIMC_ALL_ATOMIC_MSVC_ADDP(p, value) \
    (uintptr_t) _InterlockedExchangeAdd64((volatile __int64 *)(p), (__int64)(value))
#else
#define AIMC_ALL_ATOMIC_MSVC_LOADP(p) (uintptr_t) __iso_volatile_load32((const volatile __int32 *)(p))
#define AIMC_ALL_ATOMIC_MSVC_STOREP(p, value) \
    __iso_volatile_store32((volatile __int32 *)(p), (__int32)(value))
#define AIMC_ALL_ATOMIC_MSVC_SWAPP(p, value) \
    (uintptr_t) _InterlockedExchange((volatile long *)(p), (long)(value))
#define AIMC_ALL_ATOMIC_MSVC_CASP(p, expected, desired) \
    (uintptr_t) _InterlockedCompareExchange((volatile long *)(p), (long)(desired), (long)(expected))
#define AIMC_ALL_ATOMIC_MSVC_ADDP(p, value) \
    (uintptr_t) _InterlockedExchangeAdd((volatile long *)(p), (long)(value))
#endif

AIMC_ALL_INLINE void aimc_all_atomic_fence(int order) {
    aimc_all_atomic_barrier();
#if defined(AIMC_ALL_X86)
    if (order == AIMC_ALL_ATOMIC_SEQ) {
        volatile long stack = 0;
        (void)_InterlockedExchange(&stack, 1);
    }
#else
    (void)order;
#endif
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_load32(const uint32_t *p, int order) {
    uint32_t value;
    if (order == AIMC_ALL_ATOMIC_SEQ) aimc_all_atomic_barrier();
    value = (uint32_t)__iso_volatile_load32((const volatile __int32 *)p);
    if (order != AIMC_ALL_ATOMIC_RELAXED) aimc_all_atomic_barrier();
    return value;
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_swap32(uint32_t *p, uint32_t value) {
    return (uint32_t)_InterlockedExchange((volatile long *)p, (long)value);
}

AIMC_ALL_INLINE void aimc_all_atomic_store32(uint32_t *p, uint32_t value, int order) {
    if (order == AIMC_ALL_ATOMIC_SEQ) {
        (void)aimc_all_atomic_swap32(p, value);
        return;
    }
    if (order != AIMC_ALL_ATOMIC_RELAXED) aimc_all_atomic_barrier();
    __iso_volatile_store32((volatile __int32 *)p, (__int32)value);
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_cas32(uint32_t *p, uint32_t expected, uint32_t desired) {
    return (uint32_t)_InterlockedCompareExchange((volatile long *)p, (long)desired, (long)expected);
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_add32(uint32_t *p, uint32_t value) {
    return (uint32_t)_InterlockedExchangeAdd((volatile long *)p, (long)value);
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_loadp(const uintptr_t *p, int order) {
    uintptr_t value;
    if (order == AIMC_ALL_ATOMIC_SEQ) aimc_all_atomic_barrier();
    value = AIMC_ALL_ATOMIC_MSVC_LOADP(p);
    if (order != AIMC_ALL_ATOMIC_RELAXED) aimc_all_atomic_barrier();
    return value;
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_swapp(uintptr_t *p, uintptr_t value) {
    return AIMC_ALL_ATOMIC_MSVC_SWAPP(p, value);
}

AIMC_ALL_INLINE void aimc_all_atomic_storep(uintptr_t *p, uintptr_t value, int order) {
    if (order == AIMC_ALL_ATOMIC_SEQ) {
        (void)aimc_all_atomic_swapp(p, value);
        return;
    }
    if (order != AIMC_ALL_ATOMIC_RELAXED) aimc_all_atomic_barrier();
    AIMC_ALL_ATOMIC_MSVC_STOREP(p, value);
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_casp(uintptr_t *p, uintptr_t expected, uintptr_t desired) {
    return AIMC_ALL_ATOMIC_MSVC_CASP(p, expected, desired);
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_addp(uintptr_t *p, uintptr_t value) {
    return AIMC_ALL_ATOMIC_MSVC_ADDP(p, value);
}

#elif defined(AIMC_ALL_TCC) && defined(AIMC_ALL_X86)

#if defined(AIMC_ALL_X64)
#define AIMC_ALL_ATOMIC_TCC_P "q"
#else
#define AIMC_ALL_ATOMIC_TCC_P "l"
#endif

AIMC_ALL_INLINE uint32_t aimc_all_atomic_load32(const uint32_t *p, int order) {
    (void)order;
    return *(const volatile uint32_t *)p;
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_swap32(uint32_t *p, uint32_t value) {
    __asm__ volatile("xchg" "l" " %0, %1" : "+r"(value), "+m"(*p) : : "memory");
    return value;
}

AIMC_ALL_INLINE void aimc_all_atomic_store32(uint32_t *p, uint32_t value, int order) {
    if (order == AIMC_ALL_ATOMIC_SEQ) {
        (void)aimc_all_atomic_swap32(p, value);
    } else {
        *(volatile uint32_t *)p = value;
    }
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_cas32(uint32_t *p, uint32_t expected, uint32_t desired) {
    uint32_t old;
    __asm__ volatile("lock; cmpxchg" "l" " %2, %1"
                     : "=a"(old), "+m"(*p)
                     : "r"(desired), "0"(expected)
                     : "memory");
    return old;
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_add32(uint32_t *p, uint32_t value) {
    __asm__ volatile("lock; xadd" "l" " %0, %1" : "+r"(value), "+m"(*p) : : "memory");
    return value;
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_loadp(const uintptr_t *p, int order) {
    (void)order;
    return *(const volatile uintptr_t *)p;
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_swapp(uintptr_t *p, uintptr_t value) {
    __asm__ volatile("xchg" AIMC_ALL_ATOMIC_TCC_P " %0, %1" : "+r"(value), "+m"(*p) : : "memory");
    return value;
}

AIMC_ALL_INLINE void aimc_all_atomic_storep(uintptr_t *p, uintptr_t value, int order) {
    if (order == AIMC_ALL_ATOMIC_SEQ) {
        (void)aimc_all_atomic_swapp(p, value);
    } else {
        *(volatile uintptr_t *)p = value;
    }
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_casp(uintptr_t *p, uintptr_t expected, uintptr_t desired) {
    uintptr_t old;
    __asm__ volatile("lock; cmpxchg" AIMC_ALL_ATOMIC_TCC_P " %2, %1"
                     : "=a"(old), "+m"(*p)
                     : "r"(desired), "0"(expected)
                     : "memory");
    return old;
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_addp(uintptr_t *p, uintptr_t value) {
    __asm__ volatile("lock; xadd" AIMC_ALL_ATOMIC_TCC_P " %0, %1" : "+r"(value), "+m"(*p) : : "memory");
    return value;
}

AIMC_ALL_INLINE void aimc_all_atomic_fence(int order) {
    uint32_t stack = 0;
    if (order == AIMC_ALL_ATOMIC_SEQ) (void)aimc_all_atomic_swap32(&stack, 1);
}

#else
#error "no atomic operations are known for this compiler: define AIMEM_NO_THREADS"
#endif
#endif

/* The functions that the parts use: 32-bit words. */
AIMC_ALL_INLINE uint32_t aimc_all_atomic_u32_load_relaxed(const aimc_all_atomic_u32 *a) {
    return AIMC_ALL_ATOMIC_LOAD32(&a->word, AIMC_ALL_ATOMIC_RELAXED);
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_u32_load_acquire(const aimc_all_atomic_u32 *a) {
    return AIMC_ALL_ATOMIC_LOAD32(&a->word, AIMC_ALL_ATOMIC_ACQUIRE);
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_u32_load_seq(const aimc_all_atomic_u32 *a) {
    return AIMC_ALL_ATOMIC_LOAD32(&a->word, AIMC_ALL_ATOMIC_SEQ);
}

AIMC_ALL_INLINE void aimc_all_atomic_u32_store_relaxed(aimc_all_atomic_u32 *a, uint32_t value) {
    AIMC_ALL_ATOMIC_STORE32(&a->word, value, AIMC_ALL_ATOMIC_RELAXED);
}

AIMC_ALL_INLINE void aimc_all_atomic_u32_store_release(aimc_all_atomic_u32 *a, uint32_t value) {
    AIMC_ALL_ATOMIC_STORE32(&a->word, value, AIMC_ALL_ATOMIC_RELEASE);
}

AIMC_ALL_INLINE void aimc_all_atomic_u32_store_seq(aimc_all_atomic_u32 *a, uint32_t value) {
    AIMC_ALL_ATOMIC_STORE32(&a->word, value, AIMC_ALL_ATOMIC_SEQ);
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_u32_exchange(aimc_all_atomic_u32 *a, uint32_t value) {
    return AIMC_ALL_ATOMIC_SWAP32(&a->word, value);
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_u32_add_relaxed(aimc_all_atomic_u32 *a, uint32_t value) {
    return AIMC_ALL_ATOMIC_ADD32(&a->word, value, AIMC_ALL_ATOMIC_RELAXED);
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_u32_add(aimc_all_atomic_u32 *a, uint32_t value) {
    return AIMC_ALL_ATOMIC_ADD32(&a->word, value, AIMC_ALL_ATOMIC_ACQ_REL);
}

/* Where the word is *expected, it becomes desired: true. Else *expected becomes what it is (an
   acquire load). Fails for no other reason. */
AIMC_ALL_INLINE bool aimc_all_atomic_u32_cas(aimc_all_atomic_u32 *a, uint32_t *expected, uint32_t desired) {
#if defined(AIMC_ALL_THREADS) && defined(AIMC_ALL_GNU)
    return __atomic_compare_exchange_n(&a->word, expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
#else
    uint32_t old = aimc_all_atomic_cas32(&a->word, *expected, desired);
    bool done = old == *expected;
    *expected = old;
    return done;
#endif
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_u32_and(aimc_all_atomic_u32 *a, uint32_t bits) {
    uint32_t old = aimc_all_atomic_u32_load_relaxed(a);
    while (!aimc_all_atomic_u32_cas(a, &old, old & bits)) {
    }
    return old;
}

AIMC_ALL_INLINE uint32_t aimc_all_atomic_u32_or(aimc_all_atomic_u32 *a, uint32_t bits) {
    uint32_t old = aimc_all_atomic_u32_load_relaxed(a);
    while (!aimc_all_atomic_u32_cas(a, &old, old | bits)) {
    }
    return old;
}

/* The functions that the parts use: pointer-size words. */
AIMC_ALL_INLINE uintptr_t aimc_all_atomic_uptr_load_relaxed(const aimc_all_atomic_uptr *a) {
    return AIMC_ALL_ATOMIC_LOADP(&a->word, AIMC_ALL_ATOMIC_RELAXED);
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_uptr_load_acquire(const aimc_all_atomic_uptr *a) {
    return AIMC_ALL_ATOMIC_LOADP(&a->word, AIMC_ALL_ATOMIC_ACQUIRE);
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_uptr_load_seq(const aimc_all_atomic_uptr *a) {
    return AIMC_ALL_ATOMIC_LOADP(&a->word, AIMC_ALL_ATOMIC_SEQ);
}

AIMC_ALL_INLINE void aimc_all_atomic_uptr_store_relaxed(aimc_all_atomic_uptr *a, uintptr_t value) {
    AIMC_ALL_ATOMIC_STOREP(&a->word, value, AIMC_ALL_ATOMIC_RELAXED);
}

AIMC_ALL_INLINE void aimc_all_atomic_uptr_store_release(aimc_all_atomic_uptr *a, uintptr_t value) {
    AIMC_ALL_ATOMIC_STOREP(&a->word, value, AIMC_ALL_ATOMIC_RELEASE);
}

AIMC_ALL_INLINE void aimc_all_atomic_uptr_store_seq(aimc_all_atomic_uptr *a, uintptr_t value) {
    AIMC_ALL_ATOMIC_STOREP(&a->word, value, AIMC_ALL_ATOMIC_SEQ);
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_uptr_exchange(aimc_all_atomic_uptr *a, uintptr_t value) {
    return AIMC_ALL_ATOMIC_SWAPP(&a->word, value);
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_uptr_add_relaxed(aimc_all_atomic_uptr *a, uintptr_t value) {
    return AIMC_ALL_ATOMIC_ADDP(&a->word, value, AIMC_ALL_ATOMIC_RELAXED);
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_uptr_add(aimc_all_atomic_uptr *a, uintptr_t value) {
    return AIMC_ALL_ATOMIC_ADDP(&a->word, value, AIMC_ALL_ATOMIC_ACQ_REL);
}

/* Where the word is *expected, it becomes desired: true. Else *expected becomes what it is (an
   acquire load). Fails for no other reason. */
AIMC_ALL_INLINE bool aimc_all_atomic_uptr_cas(aimc_all_atomic_uptr *a, uintptr_t *expected, uintptr_t desired) {
#if defined(AIMC_ALL_THREADS) && defined(AIMC_ALL_GNU)
    return __atomic_compare_exchange_n(&a->word, expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
#else
    uintptr_t old = aimc_all_atomic_casp(&a->word, *expected, desired);
    bool done = old == *expected;
    *expected = old;
    return done;
#endif
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_uptr_and(aimc_all_atomic_uptr *a, uintptr_t bits) {
    uintptr_t old = aimc_all_atomic_uptr_load_relaxed(a);
    while (!aimc_all_atomic_uptr_cas(a, &old, old & bits)) {
    }
    return old;
}

AIMC_ALL_INLINE uintptr_t aimc_all_atomic_uptr_or(aimc_all_atomic_uptr *a, uintptr_t bits) {
    uintptr_t old = aimc_all_atomic_uptr_load_relaxed(a);
    while (!aimc_all_atomic_uptr_cas(a, &old, old | bits)) {
    }
    return old;
}

/* GCC says that its thread sanitizer does not see fences; code that is right stays right. */
#if defined(AIMC_ALL_GNU) && !defined(AIMC_ALL_CLANG) && defined(__SANITIZE_THREAD__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif

AIMC_ALL_INLINE void aimc_all_fence_acquire(void) {
    AIMC_ALL_ATOMIC_FENCE(AIMC_ALL_ATOMIC_ACQUIRE);
}

AIMC_ALL_INLINE void aimc_all_fence_release(void) {
    AIMC_ALL_ATOMIC_FENCE(AIMC_ALL_ATOMIC_RELEASE);
}

AIMC_ALL_INLINE void aimc_all_fence_seq(void) {
    AIMC_ALL_ATOMIC_FENCE(AIMC_ALL_ATOMIC_SEQ);
}

#if defined(AIMC_ALL_GNU) && !defined(AIMC_ALL_CLANG) && defined(__SANITIZE_THREAD__)
#pragma GCC diagnostic pop
#endif

/* In a loop that waits for another thread: lets the sibling of this core run. */
AIMC_ALL_INLINE void aimc_all_cpu_pause(void) {
#if defined(AIMC_ALL_X86) && defined(AIMC_ALL_GNU)
    __builtin_ia32_pause();
#elif defined(AIMC_ALL_X86) && defined(AIMC_ALL_TCC)
    __asm__ volatile("rep; nop");
#elif defined(AIMC_ALL_THREADS) && defined(AIMC_ALL_X86) && defined(AIMC_ALL_MSVC)
    _mm_pause();
#elif defined(AIMC_ALL_ARM64) && defined(AIMC_ALL_GNU)
    __asm__ volatile("yield");
#elif defined(AIMC_ALL_THREADS) && defined(AIMC_ALL_ARM64) && defined(AIMC_ALL_MSVC)
    __yield();
#endif
}

/* end core/atomic.h */

/* begin core/clock.h */
/* core/clock.h: the system's clocks behind the aimem_clock hook. */

enum { AIMC_ALL_CLOCK_KIND_MONOTONIC = 0, AIMC_ALL_CLOCK_KIND_UTC = 1 };

#if defined(AIMC_ALL_OS_WINDOWS)
/* Whole seconds and the rest apart: count * 10^9 would leave 64 bits after half an hour. */
AIMC_ALL_FN uint64_t aimc_all_clock_scale(uint64_t count, uint64_t per_second) {
    if (per_second == 0) return 0;
    return count / per_second * 1000000000u + count % per_second * 1000000000u / per_second;
}

AIMC_ALL_FN uint64_t aimc_all_clock_system(int kind) {
    if (kind == AIMC_ALL_CLOCK_KIND_UTC) {
        FILETIME at; /* 100 ns since 1601 */
        uint64_t ticks;
#if defined(_WIN32_WINNT) && _WIN32_WINNT >= 0x0602
        GetSystemTimePreciseAsFileTime(&at);
#else
        GetSystemTimeAsFileTime(&at);
#endif
        ticks = (uint64_t)at.dwHighDateTime << 32 | at.dwLowDateTime;
        if (ticks < 116444736000000000u) return 0;
        return (ticks - 116444736000000000u) * 100u;
    } else {
        LARGE_INTEGER count, per_second;
        if (!QueryPerformanceCounter(&count) || !QueryPerformanceFrequency(&per_second)) return 0;
        return aimc_all_clock_scale((uint64_t)count.QuadPart, (uint64_t)per_second.QuadPart);
    }
}
#elif defined(__wasi__)
AIMC_ALL_FN uint64_t aimc_all_clock_system(int kind) {
    __wasi_timestamp_t ns = 0;
    if (__wasi_clock_time_get(kind == AIMC_ALL_CLOCK_KIND_UTC ? __WASI_CLOCKID_REALTIME
                                                          : __WASI_CLOCKID_MONOTONIC,
                              1, &ns) != 0) {
        return 0;
    }
    return ns;
}
#elif defined(AIMC_ALL_OS_POSIX)
AIMC_ALL_FN uint64_t aimc_all_clock_system(int kind) {
    struct timespec at;
    if (AIMC_ALL_CLOCK_GETTIME(kind == AIMC_ALL_CLOCK_KIND_UTC ? AIMC_ALL_CLOCK_REALTIME
                                                       : AIMC_ALL_CLOCK_MONOTONIC,
                           &at) != 0) {
        return 0;
    }
    if (at.tv_sec < 0) return 0;
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}
#else
AIMC_ALL_FN uint64_t aimc_all_clock_system(int kind) {
    (void)kind;
    return 0;
}
#endif

/* Nanoseconds from the hook, or from the system for NULL or a zero hook; 0 where there is no
   clock. kind 0: monotonic, from an unknown start; kind 1: UTC since 1970. Any thread. */
AIMC_ALL_FN uint64_t aimc_all_clock_now(const aimem_clock *hook, int kind) {
    if (hook != NULL && hook->now_fn != NULL) return hook->now_fn(hook->user_data, kind);
    return aimc_all_clock_system(kind);
}

/* end core/clock.h */

/* begin core/thread.h */
/* core/thread.h: mutex, condition, once, threads.
 *
 * POSIX threads, Windows, or, where AIMC_ALL_THREADS is off, one thread: mutexes then only check that
 * they are used rightly (by AIMEM_ASSERT), waiting returns at once, and no thread starts.
 */

#if defined(AIMC_ALL_THREADS) && defined(AIMC_ALL_OS_WINDOWS)
#include <process.h> /* _beginthreadex: CreateThread would leave the C library without its state */
#endif

/* Objects stay where they are from init to deinit. A mutex is not recursive. */
#if !defined(AIMC_ALL_THREADS)
typedef struct aimc_all_mutex {
    bool held;
} aimc_all_mutex;
typedef struct aimc_all_cond {
    bool unused;
} aimc_all_cond;
typedef struct aimc_all_thread {
    bool unused;
} aimc_all_thread;
#elif defined(AIMC_ALL_OS_WINDOWS)
typedef struct aimc_all_mutex {
    SRWLOCK lock;
} aimc_all_mutex;
typedef struct aimc_all_cond {
    CONDITION_VARIABLE cond;
} aimc_all_cond;
typedef struct aimc_all_thread {
    HANDLE handle;
    void (*fn)(void *user_data);
    void *user_data;
} aimc_all_thread;
#else
typedef struct aimc_all_mutex {
    pthread_mutex_t lock;
} aimc_all_mutex;
typedef struct aimc_all_cond {
    pthread_cond_t cond;
} aimc_all_cond;
typedef struct aimc_all_thread {
    pthread_t id;
    void (*fn)(void *user_data);
    void *user_data;
} aimc_all_thread;
#endif

/* A zeroed once has not run. */
typedef struct aimc_all_once {
    aimc_all_atomic_u32 state; /* 0 not run, 1 running, 2 done */
} aimc_all_once;

/* Waits of more than a year are waits of a year: no sum below overflows, also in 32-bit seconds
   until 2037. */
#define AIMC_ALL_WAIT_MAX_NS ((uint64_t)31536000 * 1000000000u)

/* The functions, the same for all three:
 *
 * mutex_init, cond_init   false when the system has no more of them
 * mutex_lock              not twice by one thread; try_lock: false when it is held
 * cond_wait               gives up the mutex, waits, takes the mutex again. It may return without
 *                         a signal, so it stands in a loop that looks at what is waited for.
 *                         false: nothing can wait here (one thread)
 * cond_wait_for           the same for at most ns nanoseconds of the monotonic clock (Windows:
 *                         whole milliseconds); false when they have passed
 * thread_start            runs fn(user_data) on a new thread; *t stays where it is until the join.
 *                         LIMIT: the system has no more; UNSUPPORTED: there are none here
 * thread_join             once for each thread that was started
 * thread_id               not 0, and different for threads that live at the same time
 * thread_count            hardware threads that are on line, at least 1
 */

#if !defined(AIMC_ALL_THREADS)

AIMC_ALL_FN bool aimc_all_mutex_init(aimc_all_mutex *m) {
    m->held = false;
    return true;
}

AIMC_ALL_FN void aimc_all_mutex_deinit(aimc_all_mutex *m) {
    AIMC_ALL_ASSERT(!m->held);
    (void)m;
}

AIMC_ALL_INLINE void aimc_all_mutex_lock(aimc_all_mutex *m) {
    AIMC_ALL_ASSERT(!m->held);
    m->held = true;
}

AIMC_ALL_INLINE bool aimc_all_mutex_try_lock(aimc_all_mutex *m) {
    bool free_now = !m->held;
    m->held = true;
    return free_now;
}

AIMC_ALL_INLINE void aimc_all_mutex_unlock(aimc_all_mutex *m) {
    AIMC_ALL_ASSERT(m->held);
    m->held = false;
}

AIMC_ALL_FN bool aimc_all_cond_init(aimc_all_cond *c) {
    c->unused = false;
    return true;
}

AIMC_ALL_FN void aimc_all_cond_deinit(aimc_all_cond *c) {
    (void)c;
}

AIMC_ALL_FN bool aimc_all_cond_wait(aimc_all_cond *c, aimc_all_mutex *m) {
    (void)c;
    (void)m;
    return false;
}

AIMC_ALL_FN bool aimc_all_cond_wait_for(aimc_all_cond *c, aimc_all_mutex *m, uint64_t ns) {
    (void)c;
    (void)m;
    (void)ns;
    return false;
}

AIMC_ALL_FN void aimc_all_cond_signal(aimc_all_cond *c) {
    (void)c;
}

AIMC_ALL_FN void aimc_all_cond_broadcast(aimc_all_cond *c) {
    (void)c;
}

AIMC_ALL_FN aimem_result aimc_all_thread_start(aimc_all_thread *t, void (*fn)(void *user_data),
                                       void *user_data) {
    (void)t;
    (void)fn;
    (void)user_data;
    return AIMEM_ERR_UNSUPPORTED;
}

AIMC_ALL_FN void aimc_all_thread_join(aimc_all_thread *t) {
    (void)t;
}

AIMC_ALL_FN uintptr_t aimc_all_thread_id(void) {
    return 1;
}

AIMC_ALL_FN uint32_t aimc_all_thread_count(void) {
    return 1;
}

AIMC_ALL_FN void aimc_all_thread_yield(void) {
}

#elif defined(AIMC_ALL_OS_WINDOWS)

AIMC_ALL_FN bool aimc_all_mutex_init(aimc_all_mutex *m) {
    InitializeSRWLock(&m->lock);
    return true;
}

AIMC_ALL_FN void aimc_all_mutex_deinit(aimc_all_mutex *m) {
    (void)m;
}

AIMC_ALL_INLINE void aimc_all_mutex_lock(aimc_all_mutex *m) {
    AcquireSRWLockExclusive(&m->lock);
}

AIMC_ALL_INLINE bool aimc_all_mutex_try_lock(aimc_all_mutex *m) {
    return TryAcquireSRWLockExclusive(&m->lock) != 0;
}

AIMC_ALL_INLINE void aimc_all_mutex_unlock(aimc_all_mutex *m) {
    ReleaseSRWLockExclusive(&m->lock);
}

AIMC_ALL_FN bool aimc_all_cond_init(aimc_all_cond *c) {
    InitializeConditionVariable(&c->cond);
    return true;
}

AIMC_ALL_FN void aimc_all_cond_deinit(aimc_all_cond *c) {
    (void)c;
}

AIMC_ALL_FN bool aimc_all_cond_wait(aimc_all_cond *c, aimc_all_mutex *m) {
    return SleepConditionVariableSRW(&c->cond, &m->lock, INFINITE, 0) != 0;
}

/* Rounded up: a short wait may not become a busy one. */
AIMC_ALL_FN bool aimc_all_cond_wait_for(aimc_all_cond *c, aimc_all_mutex *m, uint64_t ns) {
    uint64_t ms = ns / 1000000u + (ns % 1000000u != 0 ? 1u : 0u);
    if (ms >= INFINITE) ms = INFINITE - 1;
    return SleepConditionVariableSRW(&c->cond, &m->lock, (DWORD)ms, 0) != 0;
}

AIMC_ALL_FN void aimc_all_cond_signal(aimc_all_cond *c) {
    WakeConditionVariable(&c->cond);
}

AIMC_ALL_FN void aimc_all_cond_broadcast(aimc_all_cond *c) {
    WakeAllConditionVariable(&c->cond);
}

AIMC_ALL_FN unsigned __stdcall aimc_all_thread_main(void *arg) {
    aimc_all_thread *t = (aimc_all_thread *)arg;
    t->fn(t->user_data);
    return 0;
}

AIMC_ALL_FN aimem_result aimc_all_thread_start(aimc_all_thread *t, void (*fn)(void *user_data),
                                       void *user_data) {
    t->fn = fn;
    t->user_data = user_data;
    t->handle = (HANDLE)_beginthreadex(NULL, 0, aimc_all_thread_main, t, 0, NULL);
    return t->handle != NULL ? AIMEM_OK : AIMEM_ERR_LIMIT;
}

AIMC_ALL_FN void aimc_all_thread_join(aimc_all_thread *t) {
    (void)WaitForSingleObject(t->handle, INFINITE);
    (void)CloseHandle(t->handle);
}

AIMC_ALL_FN uintptr_t aimc_all_thread_id(void) {
    return (uintptr_t)GetCurrentThreadId();
}

AIMC_ALL_FN uint32_t aimc_all_thread_count(void) {
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors > 0 ? (uint32_t)info.dwNumberOfProcessors : 1;
}

AIMC_ALL_FN void aimc_all_thread_yield(void) {
    (void)SwitchToThread();
}

#else

AIMC_ALL_FN bool aimc_all_mutex_init(aimc_all_mutex *m) {
    return pthread_mutex_init(&m->lock, NULL) == 0;
}

AIMC_ALL_FN void aimc_all_mutex_deinit(aimc_all_mutex *m) {
    int failed = pthread_mutex_destroy(&m->lock);
    AIMC_ALL_ASSERT(failed == 0);
    (void)failed;
}

AIMC_ALL_INLINE void aimc_all_mutex_lock(aimc_all_mutex *m) {
    int failed = pthread_mutex_lock(&m->lock);
    AIMC_ALL_ASSERT(failed == 0);
    (void)failed;
}

AIMC_ALL_INLINE bool aimc_all_mutex_try_lock(aimc_all_mutex *m) {
    return pthread_mutex_trylock(&m->lock) == 0;
}

AIMC_ALL_INLINE void aimc_all_mutex_unlock(aimc_all_mutex *m) {
    int failed = pthread_mutex_unlock(&m->lock);
    AIMC_ALL_ASSERT(failed == 0);
    (void)failed;
}

/* Timed waits look at the monotonic clock: setting the date moves none of them. macOS has waits
   relative to now instead. */
AIMC_ALL_FN bool aimc_all_cond_init(aimc_all_cond *c) {
#if defined(AIMC_ALL_OS_APPLE)
    return pthread_cond_init(&c->cond, NULL) == 0;
#else
    pthread_condattr_t attr;
    bool ok;
    if (pthread_condattr_init(&attr) != 0) return false;
    ok = pthread_condattr_setclock(&attr, AIMC_ALL_CLOCK_MONOTONIC) == 0 &&
         pthread_cond_init(&c->cond, &attr) == 0;
    (void)pthread_condattr_destroy(&attr);
    return ok;
#endif
}

AIMC_ALL_FN void aimc_all_cond_deinit(aimc_all_cond *c) {
    (void)pthread_cond_destroy(&c->cond);
}

AIMC_ALL_FN bool aimc_all_cond_wait(aimc_all_cond *c, aimc_all_mutex *m) {
    return pthread_cond_wait(&c->cond, &m->lock) == 0;
}

AIMC_ALL_FN bool aimc_all_cond_wait_for(aimc_all_cond *c, aimc_all_mutex *m, uint64_t ns) {
    struct timespec at;
    if (ns > AIMC_ALL_WAIT_MAX_NS) ns = AIMC_ALL_WAIT_MAX_NS;
#if defined(AIMC_ALL_OS_APPLE)
    at.tv_sec = (time_t)(ns / 1000000000u);
    at.tv_nsec = (long)(ns % 1000000000u);
    return pthread_cond_timedwait_relative_np(&c->cond, &m->lock, &at) == 0;
#else
    ns += aimc_all_clock_system(AIMC_ALL_CLOCK_KIND_MONOTONIC);
    at.tv_sec = (time_t)(ns / 1000000000u);
    at.tv_nsec = (long)(ns % 1000000000u);
    return pthread_cond_timedwait(&c->cond, &m->lock, &at) == 0;
#endif
}

AIMC_ALL_FN void aimc_all_cond_signal(aimc_all_cond *c) {
    (void)pthread_cond_signal(&c->cond);
}

AIMC_ALL_FN void aimc_all_cond_broadcast(aimc_all_cond *c) {
    (void)pthread_cond_broadcast(&c->cond);
}

AIMC_ALL_FN void *aimc_all_thread_main(void *arg) {
    aimc_all_thread *t = (aimc_all_thread *)arg;
    t->fn(t->user_data);
    return NULL;
}

AIMC_ALL_FN aimem_result aimc_all_thread_start(aimc_all_thread *t, void (*fn)(void *user_data),
                                       void *user_data) {
    t->fn = fn;
    t->user_data = user_data;
    return pthread_create(&t->id, NULL, aimc_all_thread_main, t) == 0 ? AIMEM_OK : AIMEM_ERR_LIMIT;
}

AIMC_ALL_FN void aimc_all_thread_join(aimc_all_thread *t) {
    int failed = pthread_join(t->id, NULL);
    AIMC_ALL_ASSERT(failed == 0);
    (void)failed;
}

AIMC_ALL_FN uintptr_t aimc_all_thread_id(void) {
    pthread_t self = pthread_self();
    uintptr_t id = 0;
    AIMC_ALL_STATIC_ASSERT(sizeof self <= sizeof id, "thread ids are too wide here");
    memcpy(&id, &self, sizeof self);
    return id;
}

AIMC_ALL_FN uint32_t aimc_all_thread_count(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint32_t)n : 1;
}

AIMC_ALL_FN void aimc_all_thread_yield(void) {
    (void)sched_yield();
}

#endif

/* Runs fn(user_data) the first time, whichever thread comes first; the others return when it has
   run, and see what it did. fn must not call the same once again. */
AIMC_ALL_FN void aimc_all_once_run(aimc_all_once *once, void (*fn)(void *user_data), void *user_data) {
    uint32_t state = aimc_all_atomic_u32_load_acquire(&once->state); /* with the release below */
    if (AIMC_ALL_LIKELY(state == 2)) return;
    state = 0;
    if (aimc_all_atomic_u32_cas(&once->state, &state, 1)) {
        fn(user_data);
        aimc_all_atomic_u32_store_release(&once->state, 2);
        return;
    }
    while (aimc_all_atomic_u32_load_acquire(&once->state) != 2) {
        aimc_all_thread_yield();
    }
}

/* end core/thread.h */

/* begin core/file_posix.h */
/* core/file_posix.h: the aimem_io functions over POSIX. core/file.h says what they share. */

#if defined(AIMC_ALL_FILES) && defined(AIMC_ALL_OS_POSIX)

#include <stdio.h> /* rename */

/* The result for an errno, which goes to *os_error. */
AIMC_ALL_FN aimem_result aimc_all_file_error(int number, int32_t *os_error) {
    *os_error = (int32_t)number;
    switch (number) {
    case 0: return AIMEM_OK;
    case ENOENT:
    case ENOTDIR: return AIMEM_ERR_NOT_FOUND;
    case EEXIST: return AIMEM_ERR_EXISTS;
    case ENOSPC:
    case EFBIG: return AIMEM_ERR_NOSPACE;
#if defined(EDQUOT)
    case EDQUOT: return AIMEM_ERR_NOSPACE;
#endif
    case EROFS:
    case EACCES:
    case EPERM: return AIMEM_ERR_READONLY;
    case EBUSY:
    case ETXTBSY: return AIMEM_ERR_BUSY;
    case ENOMEM: return AIMEM_ERR_NOMEM;
    case ENOSYS:
    case ENOTSUP: return AIMEM_ERR_UNSUPPORTED;
#if defined(EOPNOTSUPP) && EOPNOTSUPP != ENOTSUP
    case EOPNOTSUPP: return AIMEM_ERR_UNSUPPORTED;
#endif
    default: return AIMEM_ERR_IO;
    }
}

/* The same for calls that need a file open for writing and say so with EBADF or EINVAL. */
AIMC_ALL_FN aimem_result aimc_all_file_write_error(int number, int32_t *os_error) {
    aimem_result r = aimc_all_file_error(number, os_error);
    return number == EBADF || number == EINVAL ? AIMEM_ERR_READONLY : r;
}

/* A descriptor as the void pointer of the table: one more, so that 0 is not NULL. */
AIMC_ALL_INLINE int aimc_all_file_fd(void *file) {
    return (int)((intptr_t)file - 1);
}

/* Whether offset + size can be said to the system. */
AIMC_ALL_INLINE bool aimc_all_file_fits(uint64_t offset, uint64_t size) {
    return offset <= INT64_MAX && size <= (uint64_t)INT64_MAX - offset;
}

AIMC_ALL_FN int aimc_all_file_open_fd(const char *path, int flags) {
    int fd;
    do {
        fd = AIMC_ALL_OPEN(path, flags | AIMC_ALL_O_CLOEXEC, 0666);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

AIMC_ALL_FN aimem_result aimc_all_file_open(void *user_data, const char *path, uint32_t flags, void **file,
                                    int32_t *os_error) {
    int fd, mode = O_RDONLY;
    (void)user_data;
    *file = NULL;
    *os_error = 0;
    if ((flags & AIMEM_IO_WRITE) != 0) mode = (flags & AIMEM_IO_READ) != 0 ? O_RDWR : O_WRONLY;
    if ((flags & AIMEM_IO_CREATE) != 0) mode |= O_CREAT;
    if ((flags & AIMEM_IO_CREATE) != 0 && (flags & AIMEM_IO_EXCLUSIVE) != 0) mode |= O_EXCL;
    fd = aimc_all_file_open_fd(path, mode);
    if (fd < 0) {
        aimem_result r = aimc_all_file_error(errno, os_error);
        bool reads = (flags & (AIMEM_IO_WRITE | AIMEM_IO_CREATE)) == 0;
        return reads && r == AIMEM_ERR_READONLY ? AIMEM_ERR_IO : r;
    }
    *file = (void *)((intptr_t)fd + 1);
    return AIMEM_OK;
}

/* After EINTR the descriptor is closed on Linux and may be on others; closing again could hit a
   file that another thread has just opened. */
AIMC_ALL_FN aimem_result aimc_all_file_close(void *user_data, void *file, int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    if (close(aimc_all_file_fd(file)) == 0 || errno == EINTR) return AIMEM_OK;
    return aimc_all_file_error(errno, os_error);
}

/* Bytes per system call: below what any system takes (macOS refuses more than INT_MAX). */
#define AIMC_ALL_FILE_STEP ((size_t)1 << 30)

AIMC_ALL_FN aimem_result aimc_all_file_pread(void *user_data, void *file, uint64_t offset, void *dst,
                                     size_t size, size_t *got, int32_t *os_error) {
    unsigned char *to = (unsigned char *)dst;
    (void)user_data;
    *got = 0;
    *os_error = 0;
    if (!aimc_all_file_fits(offset, size)) return aimc_all_file_error(EINVAL, os_error);
    while (*got < size) {
        size_t n = size - *got < AIMC_ALL_FILE_STEP ? size - *got : AIMC_ALL_FILE_STEP;
        ssize_t done = AIMC_ALL_PREAD(aimc_all_file_fd(file), to + *got, n, (AIMC_ALL_OFF)(offset + *got));
        if (done == 0) break;
        if (done > 0) {
            *got += (size_t)done;
        } else if (errno != EINTR) {
            return aimc_all_file_error(errno, os_error);
        }
    }
    return AIMEM_OK;
}

AIMC_ALL_FN aimem_result aimc_all_file_pwrite(void *user_data, void *file, uint64_t offset, const void *src,
                                      size_t size, int32_t *os_error) {
    const unsigned char *from = (const unsigned char *)src;
    size_t at = 0;
    (void)user_data;
    *os_error = 0;
    if (!aimc_all_file_fits(offset, size)) return aimc_all_file_error(EFBIG, os_error);
    while (at < size) {
        size_t n = size - at < AIMC_ALL_FILE_STEP ? size - at : AIMC_ALL_FILE_STEP;
        ssize_t done = AIMC_ALL_PWRITE(aimc_all_file_fd(file), from + at, n, (AIMC_ALL_OFF)(offset + at));
        if (done > 0) {
            at += (size_t)done;
        } else if (done == 0) {
            return aimc_all_file_error(EIO, os_error);
        } else if (errno != EINTR) {
            return aimc_all_file_write_error(errno, os_error);
        }
    }
    return AIMEM_OK;
}

/* One try at making the file's bytes and size durable; errno says why not. Linux's fdatasync leaves
   out times only; elsewhere a changed size is safe with fsync alone. macOS's fsync stops at the
   drive's cache; file systems that do not know F_FULLFSYNC are left with it. WASM has no medium. */
AIMC_ALL_FN int aimc_all_file_sync_fd(int fd, uint32_t kind) {
#if defined(AIMC_ALL_OS_WASM)
    (void)fd;
    (void)kind;
    errno = ENOTSUP;
    return -1;
#elif defined(AIMC_ALL_OS_APPLE)
#if defined(F_BARRIERFSYNC)
    if (kind == AIMEM_IO_SYNC_BARRIER) return fcntl(fd, F_BARRIERFSYNC);
#else
    if (kind == AIMEM_IO_SYNC_BARRIER) return fcntl(fd, 85);
#endif
#if defined(F_FULLFSYNC)
    if (fcntl(fd, F_FULLFSYNC) == 0) return 0;
#else
    if (fcntl(fd, 51) == 0) return 0;
#endif
    if (errno == EINTR || errno == EIO) return -1;
    return fsync(fd);
#else
    if (kind == AIMEM_IO_SYNC_BARRIER) {
        errno = ENOTSUP;
        return -1;
    }
#if defined(AIMC_ALL_OS_LINUX)
    return fdatasync(fd);
#else
    return fsync(fd);
#endif
#endif
}

AIMC_ALL_FN aimem_result aimc_all_file_sync(void *user_data, void *file, uint32_t kind, int32_t *os_error) {
    int failed;
    (void)user_data;
    *os_error = 0;
    do {
        failed = aimc_all_file_sync_fd(aimc_all_file_fd(file), kind);
    } while (failed && errno == EINTR);
    if (!failed) return AIMEM_OK;
    if (errno != EINVAL) return aimc_all_file_error(errno, os_error);
    *os_error = EINVAL; /* not a kind of file that can be synced */
    return AIMEM_ERR_UNSUPPORTED;
}

AIMC_ALL_FN aimem_result aimc_all_file_truncate(void *user_data, void *file, uint64_t size,
                                        int32_t *os_error) {
    int failed;
    (void)user_data;
    *os_error = 0;
    if (!aimc_all_file_fits(0, size)) return aimc_all_file_error(EFBIG, os_error);
    do {
        failed = AIMC_ALL_FTRUNCATE(aimc_all_file_fd(file), (AIMC_ALL_OFF)size);
    } while (failed && errno == EINTR);
    return failed ? aimc_all_file_write_error(errno, os_error) : AIMEM_OK;
}

/* Seeking moves the file's position, which nothing here uses. */
AIMC_ALL_FN aimem_result aimc_all_file_size(void *user_data, void *file, uint64_t *size,
                                    int32_t *os_error) {
    AIMC_ALL_OFF end = AIMC_ALL_LSEEK(aimc_all_file_fd(file), 0, SEEK_END);
    (void)user_data;
    *size = 0;
    *os_error = 0;
    if (end < 0) return aimc_all_file_error(errno, os_error);
    *size = (uint64_t)end;
    return AIMEM_OK;
}

/* UNSUPPORTED when the file system has no such call; aimc_all_file_allocate then fills. */
AIMC_ALL_FN aimem_result aimc_all_file_reserve(void *file, uint64_t offset, uint64_t size, uint64_t end,
                                       int32_t *os_error) {
    (void)file;
    (void)offset;
    (void)size;
    if (end > (uint64_t)INT64_MAX) return aimc_all_file_error(EFBIG, os_error);
#if defined(AIMC_ALL_OS_LINUX)
    {
        int number;
        do {
            number = AIMC_ALL_FALLOCATE(aimc_all_file_fd(file), (AIMC_ALL_OFF)offset, (AIMC_ALL_OFF)size);
        } while (number == EINTR);
        if (number == EBADF) return aimc_all_file_write_error(number, os_error);
        return number == EINVAL ? AIMEM_ERR_UNSUPPORTED : aimc_all_file_error(number, os_error);
    }
#else
    return AIMEM_ERR_UNSUPPORTED;
#endif
}

#if !defined(AIMC_ALL_OS_WASM)
AIMC_ALL_FN aimem_result aimc_all_file_map(void *user_data, void *file, uint64_t offset, size_t size,
                                   bool write, void **ptr, int32_t *os_error) {
    int prot = write ? PROT_READ | PROT_WRITE : PROT_READ;
    uint64_t end = 0;
    aimem_result r;
    *ptr = NULL;
    r = aimc_all_file_size(user_data, file, &end, os_error);
    if (r != AIMEM_OK) return r;
    if (size == 0 || offset > end || size > end - offset) return aimc_all_file_error(EINVAL, os_error);
    *ptr = AIMC_ALL_MMAP(NULL, size, prot, MAP_SHARED, aimc_all_file_fd(file), (AIMC_ALL_OFF)offset);
    if (*ptr != MAP_FAILED) return AIMEM_OK;
    *ptr = NULL;
    return aimc_all_file_error(errno, os_error);
}

AIMC_ALL_FN aimem_result aimc_all_file_unmap(void *user_data, void *file, void *ptr, size_t size,
                                     int32_t *os_error) {
    (void)user_data;
    (void)file;
    *os_error = 0;
    return munmap(ptr, size) == 0 ? AIMEM_OK : aimc_all_file_error(errno, os_error);
}
#endif

/* One try at a lock, of the open file where the system has it, else of the process. On 32-bit
   Linux the library's structure may be the narrow one: the kernel gets its own wide one. */
#if !defined(AIMC_ALL_OS_WASM)
#if (defined(__GLIBC__) || defined(__BIONIC__)) && defined(SYS_fcntl64) && !defined(__LP64__)
typedef struct aimc_all_flock64 {
    short type, whence;
    long long start, size;
    int pid;
    int spare; /* some processors' kernels have padding here */
} aimc_all_flock64;

#if defined(F_SETLK64)
#define AIMC_ALL_F_SETLK64 F_SETLK64
#else
#define AIMC_ALL_F_SETLK64 13
#endif

AIMC_ALL_FN int aimc_all_file_lock_fd(int fd, uint64_t offset, uint64_t size, short type) {
    aimc_all_flock64 lock;
    memset(&lock, 0, sizeof lock);
    lock.type = type;
    lock.whence = SEEK_SET;
    lock.start = (long long)offset;
    lock.size = (long long)size;
    if (syscall(SYS_fcntl64, fd, AIMC_ALL_F_OFD_SETLK, &lock) == 0) return 0;
    if (errno != EINVAL) return -1;
    return (int)syscall(SYS_fcntl64, fd, AIMC_ALL_F_SETLK64, &lock);
}
#else
AIMC_ALL_FN int aimc_all_file_lock_fd(int fd, uint64_t offset, uint64_t size, short type) {
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = (off_t)offset;
    lock.l_len = (off_t)size;
#if defined(AIMC_ALL_OS_LINUX)
    if (fcntl(fd, AIMC_ALL_F_OFD_SETLK, &lock) == 0) return 0;
    if (errno != EINVAL) return -1;
#endif
    return fcntl(fd, F_SETLK, &lock);
}
#endif

AIMC_ALL_FN aimem_result aimc_all_file_lock(void *user_data, void *file, uint64_t offset, uint64_t size,
                                    uint32_t mode, int32_t *os_error) {
    short type = F_UNLCK;
    int failed;
    (void)user_data;
    *os_error = 0;
    if (size == 0 || !aimc_all_file_fits(offset, size)) return aimc_all_file_error(EINVAL, os_error);
    if (mode == AIMEM_IO_LOCK_SHARED) type = F_RDLCK;
    if (mode == AIMEM_IO_LOCK_EXCLUSIVE) type = F_WRLCK;
    do {
        failed = aimc_all_file_lock_fd(aimc_all_file_fd(file), offset, size, type);
    } while (failed && errno == EINTR);
    if (!failed) return AIMEM_OK;
    if (errno == EAGAIN || errno == EACCES) {
        *os_error = (int32_t)errno;
        return AIMEM_ERR_BUSY;
    }
    return aimc_all_file_error(errno, os_error);
}
#else
AIMC_ALL_FN aimem_result aimc_all_file_lock(void *user_data, void *file, uint64_t offset, uint64_t size,
                                    uint32_t mode, int32_t *os_error) {
    (void)user_data;
    (void)file;
    (void)offset;
    (void)size;
    (void)mode;
    *os_error = 0;
    return AIMEM_ERR_UNSUPPORTED;
}
#endif

AIMC_ALL_FN aimem_result aimc_all_file_rename(void *user_data, const char *from, const char *to,
                                      int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    return rename(from, to) == 0 ? AIMEM_OK : aimc_all_file_error(errno, os_error);
}

AIMC_ALL_FN aimem_result aimc_all_file_remove(void *user_data, const char *path, int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    return unlink(path) == 0 ? AIMEM_OK : aimc_all_file_error(errno, os_error);
}

/* dir = the directory part of path, "." when there is none; false when it is too long. */
AIMC_ALL_FN bool aimc_all_file_dir(const char *path, char *dir, size_t cap) {
    size_t i, n = 0;
    for (i = 0; path[i] != 0; i++) {
        if (path[i] == '/') n = i == 0 ? 1 : i;
    }
    if (n >= cap) return false;
    if (n == 0) {
        memcpy(dir, ".", 2);
    } else {
        memcpy(dir, path, n);
        dir[n] = 0;
    }
    return true;
}

/* A file system that cannot sync a directory says EINVAL: UNSUPPORTED, and the caller decides. */
AIMC_ALL_FN aimem_result aimc_all_file_sync_dir(void *user_data, const char *path, int32_t *os_error) {
    *os_error = 0;
    (void)user_data;
#if defined(AIMC_ALL_OS_WASM)
    (void)path;
    return AIMEM_ERR_UNSUPPORTED;
#else
    {
        char dir[4096];
        int fd, failed, number;
        if (!aimc_all_file_dir(path, dir, sizeof dir)) return aimc_all_file_error(ENAMETOOLONG, os_error);
        fd = aimc_all_file_open_fd(dir, O_RDONLY);
        if (fd < 0) return aimc_all_file_error(errno, os_error);
        do {
#if defined(AIMC_ALL_OS_APPLE)
            failed = aimc_all_file_sync_fd(fd, AIMEM_IO_SYNC_FULL);
#else
            failed = fsync(fd);
#endif
        } while (failed && errno == EINTR);
        number = failed ? errno : 0;
        (void)close(fd);
        if (number == EINVAL) {
            *os_error = (int32_t)number;
            return AIMEM_ERR_UNSUPPORTED;
        }
        return aimc_all_file_error(number, os_error);
    }
#endif
}

#endif
/* end core/file_posix.h */

/* begin core/file_win32.h */
/* core/file_win32.h: the aimem_io functions over Windows. core/file.h says what they share. */

#if defined(AIMC_ALL_FILES) && defined(AIMC_ALL_OS_WINDOWS)

/* UTF-16 units that a path may have. */
#define AIMC_ALL_FILE_PATH_MAX 2048

/* The result for a system error, which goes to *os_error. */
AIMC_ALL_FN aimem_result aimc_all_file_error(DWORD number, int32_t *os_error) {
    *os_error = (int32_t)number;
    switch (number) {
    case ERROR_SUCCESS: return AIMEM_OK;
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_BAD_NETPATH:
    case ERROR_INVALID_DRIVE: return AIMEM_ERR_NOT_FOUND;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS: return AIMEM_ERR_EXISTS;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case 1295: return AIMEM_ERR_NOSPACE; /* ERROR_DISK_QUOTA_EXCEEDED, which mingw does not name */
    case ERROR_ACCESS_DENIED:
    case ERROR_WRITE_PROTECT:
    case ERROR_FILE_READ_ONLY: return AIMEM_ERR_READONLY;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_USER_MAPPED_FILE:
    case ERROR_DELETE_PENDING:
    case ERROR_BUSY: return AIMEM_ERR_BUSY;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY: return AIMEM_ERR_NOMEM;
    case ERROR_NOT_SUPPORTED:
    case ERROR_INVALID_FUNCTION:
    case ERROR_CALL_NOT_IMPLEMENTED: return AIMEM_ERR_UNSUPPORTED;
    default: return AIMEM_ERR_IO;
    }
}

AIMC_ALL_FN aimem_result aimc_all_file_last_error(int32_t *os_error) {
    DWORD number = GetLastError();
    return aimc_all_file_error(number != ERROR_SUCCESS ? number : ERROR_GEN_FAILURE, os_error);
}

/* The path in UTF-16; an error for what is not UTF-8 or too long. */
AIMC_ALL_FN aimem_result aimc_all_file_path(const char *path, WCHAR *out, int32_t *os_error) {
    int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, out, AIMC_ALL_FILE_PATH_MAX);
    *os_error = 0;
    return n > 0 ? AIMEM_OK : aimc_all_file_last_error(os_error);
}

AIMC_ALL_FN HANDLE aimc_all_file_create(const WCHAR *path, DWORD access, DWORD how, DWORD attributes) {
    DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    return CreateFileW(path, access, share, NULL, how, attributes, NULL);
}

AIMC_ALL_FN aimem_result aimc_all_file_open(void *user_data, const char *path, uint32_t flags, void **file,
                                    int32_t *os_error) {
    WCHAR wide[AIMC_ALL_FILE_PATH_MAX];
    DWORD access = 0, how = OPEN_EXISTING;
    HANDLE handle;
    aimem_result r = aimc_all_file_path(path, wide, os_error);
    (void)user_data;
    *file = NULL;
    if (r != AIMEM_OK) return r;
    if ((flags & AIMEM_IO_WRITE) != 0) access = GENERIC_WRITE;
    if ((flags & AIMEM_IO_READ) != 0 || access == 0) access |= GENERIC_READ;
    if ((flags & AIMEM_IO_CREATE) != 0) {
        how = (flags & AIMEM_IO_EXCLUSIVE) != 0 ? CREATE_NEW : OPEN_ALWAYS;
    }
    handle = aimc_all_file_create(wide, access, how, FILE_ATTRIBUTE_NORMAL);
    if (handle == INVALID_HANDLE_VALUE) {
        bool reads = (flags & (AIMEM_IO_WRITE | AIMEM_IO_CREATE)) == 0;
        r = aimc_all_file_last_error(os_error);
        return reads && r == AIMEM_ERR_READONLY ? AIMEM_ERR_IO : r;
    }
    *file = (void *)handle;
    return AIMEM_OK;
}

AIMC_ALL_FN aimem_result aimc_all_file_close(void *user_data, void *file, int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    return CloseHandle((HANDLE)file) ? AIMEM_OK : aimc_all_file_last_error(os_error);
}

/* Bytes per system call: a DWORD counts them, and network file systems dislike large ones. */
#define AIMC_ALL_FILE_STEP ((size_t)1 << 26)

AIMC_ALL_FN DWORD aimc_all_file_step(size_t size) {
    return (DWORD)(size < AIMC_ALL_FILE_STEP ? size : AIMC_ALL_FILE_STEP);
}

/* The place of a call, given with it: handles have one position for all threads. */
AIMC_ALL_FN OVERLAPPED aimc_all_file_at(uint64_t offset) {
    OVERLAPPED at;
    memset(&at, 0, sizeof at);
    at.Offset = (DWORD)(offset & 0xffffffffu);
    at.OffsetHigh = (DWORD)(offset >> 32);
    return at;
}

AIMC_ALL_FN aimem_result aimc_all_file_pread(void *user_data, void *file, uint64_t offset, void *dst,
                                     size_t size, size_t *got, int32_t *os_error) {
    unsigned char *to = (unsigned char *)dst;
    (void)user_data;
    *got = 0;
    *os_error = 0;
    while (*got < size) {
        OVERLAPPED at = aimc_all_file_at(offset + *got);
        DWORD done = 0;
        if (!ReadFile((HANDLE)file, to + *got, aimc_all_file_step(size - *got), &done, &at)) {
            if (GetLastError() == ERROR_HANDLE_EOF) break;
            return aimc_all_file_last_error(os_error);
        }
        if (done == 0) break;
        *got += done;
    }
    return AIMEM_OK;
}

AIMC_ALL_FN aimem_result aimc_all_file_pwrite(void *user_data, void *file, uint64_t offset, const void *src,
                                      size_t size, int32_t *os_error) {
    const unsigned char *from = (const unsigned char *)src;
    size_t n = 0;
    (void)user_data;
    *os_error = 0;
    while (n < size) {
        OVERLAPPED at = aimc_all_file_at(offset + n);
        DWORD done = 0;
        if (!WriteFile((HANDLE)file, from + n, aimc_all_file_step(size - n), &done, &at)) {
            return aimc_all_file_last_error(os_error);
        }
        if (done == 0) return aimc_all_file_error(ERROR_WRITE_FAULT, os_error);
        n += done;
    }
    return AIMEM_OK;
}

AIMC_ALL_FN aimem_result aimc_all_file_sync(void *user_data, void *file, uint32_t kind, int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    if (kind != AIMEM_IO_SYNC_FULL) return aimc_all_file_error(ERROR_NOT_SUPPORTED, os_error);
    return FlushFileBuffers((HANDLE)file) ? AIMEM_OK : aimc_all_file_last_error(os_error);
}

/* Not SetEndOfFile: it takes the position of the handle, which a pread on another thread moves. */
AIMC_ALL_FN aimem_result aimc_all_file_truncate(void *user_data, void *file, uint64_t size,
                                        int32_t *os_error) {
    FILE_END_OF_FILE_INFO info;
    (void)user_data;
    *os_error = 0;
    if (size > INT64_MAX) return aimc_all_file_error(ERROR_INVALID_PARAMETER, os_error);
    info.EndOfFile.QuadPart = (LONGLONG)size;
    if (SetFileInformationByHandle((HANDLE)file, FileEndOfFileInfo, &info, sizeof info)) {
        return AIMEM_OK;
    }
    return aimc_all_file_last_error(os_error);
}

AIMC_ALL_FN aimem_result aimc_all_file_size(void *user_data, void *file, uint64_t *size,
                                    int32_t *os_error) {
    LARGE_INTEGER end;
    (void)user_data;
    *size = 0;
    *os_error = 0;
    if (!GetFileSizeEx((HANDLE)file, &end)) return aimc_all_file_last_error(os_error);
    *size = (uint64_t)end.QuadPart;
    return AIMEM_OK;
}

/* A longer file has its room at once, unless it is sparse or compressed: nobody asked for that. */
AIMC_ALL_FN aimem_result aimc_all_file_reserve(void *file, uint64_t offset, uint64_t size, uint64_t end,
                                       int32_t *os_error) {
    uint64_t now = 0;
    aimem_result r = aimc_all_file_size(NULL, file, &now, os_error);
    (void)offset;
    (void)size;
    if (r != AIMEM_OK || end <= now) return r;
    return aimc_all_file_truncate(NULL, file, end, os_error);
}

AIMC_ALL_FN aimem_result aimc_all_file_map(void *user_data, void *file, uint64_t offset, size_t size,
                                   bool write, void **ptr, int32_t *os_error) {
    DWORD access = write ? (DWORD)(FILE_MAP_READ | FILE_MAP_WRITE) : (DWORD)FILE_MAP_READ;
    uint64_t end = 0;
    HANDLE map;
    aimem_result r;
    *ptr = NULL;
    r = aimc_all_file_size(user_data, file, &end, os_error);
    if (r != AIMEM_OK) return r;
    if (size == 0 || offset > end || size > end - offset) {
        return aimc_all_file_error(ERROR_INVALID_PARAMETER, os_error);
    }
    map = CreateFileMappingW((HANDLE)file, NULL, write ? PAGE_READWRITE : PAGE_READONLY, 0, 0,
                             NULL);
    if (map == NULL) return aimc_all_file_last_error(os_error);
    *ptr = MapViewOfFile(map, access, (DWORD)(offset >> 32), (DWORD)(offset & 0xffffffffu), size);
    r = *ptr != NULL ? AIMEM_OK : aimc_all_file_last_error(os_error);
    (void)CloseHandle(map); /* the view keeps it */
    return r;
}

AIMC_ALL_FN aimem_result aimc_all_file_unmap(void *user_data, void *file, void *ptr, size_t size,
                                     int32_t *os_error) {
    (void)user_data;
    (void)file;
    (void)size;
    *os_error = 0;
    return UnmapViewOfFile(ptr) ? AIMEM_OK : aimc_all_file_last_error(os_error);
}

/* Unlocking what is not locked is fine, as it is elsewhere; wine calls it a conflict, which an
   unlock never is. */
AIMC_ALL_FN aimem_result aimc_all_file_lock(void *user_data, void *file, uint64_t offset, uint64_t size,
                                    uint32_t mode, int32_t *os_error) {
    OVERLAPPED at = aimc_all_file_at(offset);
    DWORD low = (DWORD)(size & 0xffffffffu), high = (DWORD)(size >> 32);
    DWORD flags = LOCKFILE_FAIL_IMMEDIATELY;
    (void)user_data;
    *os_error = 0;
    if (size == 0) return aimc_all_file_error(ERROR_INVALID_PARAMETER, os_error);
    if (mode == AIMEM_IO_UNLOCK) {
        DWORD number = ERROR_SUCCESS;
        if (!UnlockFileEx((HANDLE)file, 0, low, high, &at)) number = GetLastError();
        if (number == ERROR_NOT_LOCKED || number == ERROR_LOCK_VIOLATION) number = ERROR_SUCCESS;
        return aimc_all_file_error(number, os_error);
    }
    if (mode == AIMEM_IO_LOCK_EXCLUSIVE) flags |= LOCKFILE_EXCLUSIVE_LOCK;
    if (LockFileEx((HANDLE)file, flags, 0, low, high, &at)) return AIMEM_OK;
    if (GetLastError() == ERROR_IO_PENDING) return aimc_all_file_error(ERROR_LOCK_VIOLATION, os_error);
    return aimc_all_file_last_error(os_error);
}

AIMC_ALL_FN aimem_result aimc_all_file_rename(void *user_data, const char *from, const char *to,
                                      int32_t *os_error) {
    WCHAR wide_from[AIMC_ALL_FILE_PATH_MAX], wide_to[AIMC_ALL_FILE_PATH_MAX];
    aimem_result r = aimc_all_file_path(from, wide_from, os_error);
    (void)user_data;
    if (r == AIMEM_OK) r = aimc_all_file_path(to, wide_to, os_error);
    if (r != AIMEM_OK) return r;
    if (MoveFileExW(wide_from, wide_to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        return AIMEM_OK;
    }
    return aimc_all_file_last_error(os_error);
}

AIMC_ALL_FN aimem_result aimc_all_file_remove(void *user_data, const char *path, int32_t *os_error) {
    WCHAR wide[AIMC_ALL_FILE_PATH_MAX];
    aimem_result r = aimc_all_file_path(path, wide, os_error);
    (void)user_data;
    if (r != AIMEM_OK) return r;
    return DeleteFileW(wide) ? AIMEM_OK : aimc_all_file_last_error(os_error);
}

/* path cut to its directory, "." when there is none. */
AIMC_ALL_FN void aimc_all_file_dir(WCHAR *path) {
    size_t i, n = 0;
    for (i = 0; path[i] != 0; i++) {
        if (path[i] == L'/' || path[i] == L'\\') n = i + 1; /* "C:\" keeps its end */
    }
    if (n == 0) path[n++] = L'.';
    path[n] = 0;
}

/* NTFS and ReFS log their names, and a rename here is written through; a flush of the directory
   itself brings the log to the medium. Where the system refuses it: UNSUPPORTED. */
AIMC_ALL_FN aimem_result aimc_all_file_sync_dir(void *user_data, const char *path, int32_t *os_error) {
    WCHAR wide[AIMC_ALL_FILE_PATH_MAX];
    HANDLE handle;
    aimem_result r = aimc_all_file_path(path, wide, os_error);
    (void)user_data;
    if (r != AIMEM_OK) return r;
    aimc_all_file_dir(wide);
    handle = aimc_all_file_create(wide, GENERIC_WRITE, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
    if (handle == INVALID_HANDLE_VALUE) {
        r = aimc_all_file_last_error(os_error);
        return r == AIMEM_ERR_READONLY ? AIMEM_ERR_UNSUPPORTED : r;
    }
    if (!FlushFileBuffers(handle)) {
        r = aimc_all_file_last_error(os_error);
        if (r == AIMEM_ERR_READONLY) r = AIMEM_ERR_UNSUPPORTED;
    }
    (void)CloseHandle(handle);
    return r;
}

#endif
/* end core/file_win32.h */

/* begin core/file.h */
/* core/file.h: files of the operating system behind the aimem_io hook.
 *
 * A file is the system's own descriptor or handle, kept in the void pointer: nothing is allocated
 * and nothing is stored. What the systems do differently:
 *
 * - Locks. Unlock before locking the same range in another mode; never lock a held range again.
 *   Linux: they belong to the open file, so a child of fork holds them too, and the death of one of
 *   the two frees nothing. Other POSIX systems (and Linux before 3.15): they belong to the process:
 *   two opens in one process do not exclude each other, a child has none, and closing any open of
 *   the file drops all. Windows: they belong to the handle and are mandatory, so a locked byte
 *   cannot be read or written through another handle: lock bytes lie beyond the end of the file.
 * - Maps. The offset is a multiple of the page size (Windows: of 65536), and the range lies inside
 *   the file. Windows does not promise that pwrite is seen in a map.
 * - Sync. FULL is fdatasync on Linux (which brings a changed size along), F_FULLFSYNC on macOS,
 *   FlushFileBuffers on Windows. BARRIER exists on macOS alone.
 * - allocate makes the file at least offset + size long. Where the file system cannot reserve room,
 *   zeros are written beyond the end and bytes before it are rewritten: no other thread may write
 *   there meanwhile.
 */

#if defined(AIMC_ALL_FILES)
/* The room for an allocate_fn whose system has none: reads what is there and writes it back, zeros
   behind the end. */
AIMC_ALL_FN aimem_result aimc_all_file_fill(void *user_data, void *file, uint64_t offset, uint64_t size,
                                    int32_t *os_error) {
    unsigned char block[4096];
    while (size != 0) {
        size_t n = size < sizeof block ? (size_t)size : sizeof block;
        size_t got = 0;
        aimem_result r = aimc_all_file_pread(user_data, file, offset, block, n, &got, os_error);
        if (r != AIMEM_OK) return r;
        memset(block + got, 0, n - got);
        r = aimc_all_file_pwrite(user_data, file, offset, block, n, os_error);
        if (r != AIMEM_OK) return r;
        offset += n;
        size -= n;
    }
    return AIMEM_OK;
}

AIMC_ALL_FN aimem_result aimc_all_file_allocate(void *user_data, void *file, uint64_t offset, uint64_t size,
                                        int32_t *os_error) {
    uint64_t end;
    aimem_result r;
    *os_error = 0;
    if (size == 0) return AIMEM_OK;
    if (!aimc_all_add_u64(offset, size, &end)) end = UINT64_MAX;
    r = aimc_all_file_reserve(file, offset, size, end, os_error);
    if (r != AIMEM_ERR_UNSUPPORTED) return r;
    *os_error = 0;
    return aimc_all_file_fill(user_data, file, offset, size, os_error);
}
#endif

/* *out = the system's files; false, and *out zeroed, where there are none (AIMEM_NO_FILES, no OS).
   map_fn and unmap_fn are NULL on WASM. */
AIMC_ALL_FN bool aimc_all_io_default(aimem_io *out) {
    memset(out, 0, sizeof *out);
#if defined(AIMC_ALL_FILES)
    out->open_fn = aimc_all_file_open;
    out->close_fn = aimc_all_file_close;
    out->pread_fn = aimc_all_file_pread;
    out->pwrite_fn = aimc_all_file_pwrite;
    out->sync_fn = aimc_all_file_sync;
    out->truncate_fn = aimc_all_file_truncate;
    out->size_fn = aimc_all_file_size;
    out->allocate_fn = aimc_all_file_allocate;
#if !defined(AIMC_ALL_OS_WASM)
    out->map_fn = aimc_all_file_map;
    out->unmap_fn = aimc_all_file_unmap;
#endif
    out->lock_fn = aimc_all_file_lock;
    out->rename_fn = aimc_all_file_rename;
    out->remove_fn = aimc_all_file_remove;
    out->sync_dir_fn = aimc_all_file_sync_dir;
    return true;
#else
    return false;
#endif
}

/* *out = hook, or the system's files for NULL or a zero hook; false when there are neither. */
AIMC_ALL_FN bool aimc_all_io_or_default(const aimem_io *hook, aimem_io *out) {
    if (hook == NULL || hook->open_fn == NULL) return aimc_all_io_default(out);
    *out = *hook;
    return true;
}

/* end core/file.h */

/* begin core/sysinfo.h */
/* core/sysinfo.h: how much memory the machine has, and how much of it a container may use.
 *
 * Linux: /proc/meminfo, and the control groups of this process. Version 2: memory.max in the group
 * named by the line "0::" of /proc/self/cgroup and in all groups above it; version 1:
 * memory.limit_in_bytes along the path of the line with the controller "memory"; hybrid systems
 * have both, and all limits count: the smallest holds. Inside a container the path may be that of
 * the host and not exist; the root that the container sees is then its own group, and is looked at
 * anyway. Files are read into buffers on the stack (about 12 KiB); what is missing, empty, too long
 * or no number is unknown.
 */

#if defined(AIMC_ALL_OS_LINUX)
#include <sys/sysinfo.h>
#endif
#if defined(AIMC_ALL_OS_APPLE)
#include <sys/sysctl.h>
#endif

/* In bytes; 0 is unknown, for limit also: none. */
typedef struct aimc_all_ram {
    uint64_t total;
    uint64_t available; /* without swapping, as the system guesses */
    uint64_t limit;     /* of the control group; may be above total */
} aimc_all_ram;

#if defined(AIMC_ALL_OS_LINUX) && defined(AIMC_ALL_FILES)

#define AIMC_ALL_SYSINFO_TEXT 8192 /* bytes of a file that are looked at */
#define AIMC_ALL_SYSINFO_PATH 2048

/* The kernel writes "no limit" of version 1 as the largest multiple of a page. */
#define AIMC_ALL_SYSINFO_NO_LIMIT ((uint64_t)1 << 60)

/* The file's text and a NUL; "" when it cannot be read. Of a file that does not fit: the whole
   lines at its start. */
AIMC_ALL_FN void aimc_all_sysinfo_read(const char *path, char *text, size_t cap) {
    void *file;
    size_t got = 0;
    int32_t os_error;
    if (aimc_all_file_open(NULL, path, AIMEM_IO_READ, &file, &os_error) == AIMEM_OK) {
        if (aimc_all_file_pread(NULL, file, 0, text, cap - 1, &got, &os_error) != AIMEM_OK) got = 0;
        (void)aimc_all_file_close(NULL, file, &os_error);
    }
    if (got == cap - 1) {
        while (got > 0 && text[got - 1] != '\n') got--;
    }
    text[got] = 0;
}

/* A decimal number at text, after blanks; false when there is none, or it does not fit, or
   something other than a blank or the end follows it. */
AIMC_ALL_FN bool aimc_all_sysinfo_number(const char *text, uint64_t *out) {
    uint64_t value = 0;
    bool any = false;
    while (*text == ' ' || *text == '\t') text++;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (!aimc_all_mul_u64(value, 10, &value)) return false;
        if (!aimc_all_add_u64(value, (uint64_t)(*text - '0'), &value)) return false;
        any = true;
    }
    if (!any || (*text != 0 && *text != ' ' && *text != '\t' && *text != '\n')) return false;
    *out = value;
    return true;
}

/* The start of the line after text's, or the end of text. */
AIMC_ALL_FN const char *aimc_all_sysinfo_next_line(const char *text) {
    while (*text != 0 && *text != '\n') text++;
    return *text == 0 ? text : text + 1;
}

/* The line "key   123 kB" of meminfo in bytes; 0 when it is not there. */
AIMC_ALL_FN uint64_t aimc_all_sysinfo_meminfo(const char *text, const char *key) {
    size_t n = strlen(key);
    uint64_t kb = 0, bytes = 0;
    for (; *text != 0; text = aimc_all_sysinfo_next_line(text)) {
        if (strncmp(text, key, n) != 0) continue;
        if (aimc_all_sysinfo_number(text + n, &kb) && aimc_all_mul_u64(kb, 1024, &bytes)) return bytes;
        return 0;
    }
    return 0;
}

/* dst = its first n bytes, then tail; false, and dst as it was, when that does not fit. */
AIMC_ALL_FN bool aimc_all_sysinfo_append(char *dst, size_t *n, const char *tail, size_t tail_n) {
    if (tail_n >= AIMC_ALL_SYSINFO_PATH - *n) return false;
    memcpy(dst + *n, tail, tail_n);
    *n += tail_n;
    dst[*n] = 0;
    return true;
}

/* Whether one of the n bytes' components is "..": a group outside of what this process sees. */
AIMC_ALL_FN bool aimc_all_sysinfo_outside(const char *group, size_t n) {
    size_t i;
    for (i = 0; i + 2 < n; i++) {
        if (memcmp(group + i, "/..", 3) == 0 && (i + 3 == n || group[i + 3] == '/')) return true;
    }
    return false;
}

/* *limit = the smallest limit in prefix + mount + group and every directory above it, down to the
   mount, where each has a file of this name. */
AIMC_ALL_FN void aimc_all_sysinfo_walk(const char *prefix, const char *mount, const char *group,
                               size_t group_n, const char *name, uint64_t *limit) {
    char path[AIMC_ALL_SYSINFO_PATH], text[64];
    size_t n = 0, base, end;
    if (!aimc_all_sysinfo_append(path, &n, prefix, strlen(prefix))) return;
    if (!aimc_all_sysinfo_append(path, &n, mount, strlen(mount))) return;
    base = n;
    if (group_n == 0 || group[0] != '/' || aimc_all_sysinfo_outside(group, group_n)) group_n = 0;
    if (!aimc_all_sysinfo_append(path, &n, group, group_n)) n = base;
    for (;;) {
        uint64_t value = 0;
        while (n > base && path[n - 1] == '/') n--;
        end = n;
        if (aimc_all_sysinfo_append(path, &end, name, strlen(name))) {
            aimc_all_sysinfo_read(path, text, sizeof text);
            if (aimc_all_sysinfo_number(text, &value) && value < AIMC_ALL_SYSINFO_NO_LIMIT &&
                value != 0 && (*limit == 0 || value < *limit)) {
                *limit = value;
            }
        }
        if (n == base) return;
        while (n > base && path[n - 1] != '/') n--;
    }
}

/* Whether the comma list of controllers, up to the colon, has "memory". */
AIMC_ALL_FN bool aimc_all_sysinfo_has_memory(const char *list) {
    for (;;) {
        if (strncmp(list, "memory", 6) == 0 && (list[6] == ',' || list[6] == ':')) return true;
        while (*list != 0 && *list != ',' && *list != ':' && *list != '\n') list++;
        if (*list != ',') return false;
        list++;
    }
}

/* One line "id:controllers:group" of /proc/self/cgroup. */
AIMC_ALL_FN void aimc_all_sysinfo_group(const char *prefix, const char *line, uint64_t *limit) {
    const char *list = line, *group, *end;
    while (*list >= '0' && *list <= '9') list++;
    if (list == line || *list != ':') return;
    list++;
    group = list;
    while (*group != 0 && *group != ':' && *group != '\n') group++;
    if (*group != ':') return;
    group++;
    for (end = group; *end != 0 && *end != '\n'; end++) {
    }
    if (list[0] == ':') {
        size_t n = (size_t)(end - group);
        aimc_all_sysinfo_walk(prefix, "/sys/fs/cgroup", group, n, "/memory.max", limit);
        aimc_all_sysinfo_walk(prefix, "/sys/fs/cgroup/unified", group, n, "/memory.max", limit);
    } else if (aimc_all_sysinfo_has_memory(list)) {
        aimc_all_sysinfo_walk(prefix, "/sys/fs/cgroup/memory", group, (size_t)(end - group),
                          "/memory.limit_in_bytes", limit);
    }
}

AIMC_ALL_FN void aimc_all_sysinfo_files(const char *prefix, aimc_all_ram *out) {
    char text[AIMC_ALL_SYSINFO_TEXT], path[AIMC_ALL_SYSINFO_PATH];
    size_t base = 0, n;
    const char *line;
    if (!aimc_all_sysinfo_append(path, &base, prefix, strlen(prefix))) return;
    n = base;
    if (!aimc_all_sysinfo_append(path, &n, "/proc/meminfo", 13)) return;
    aimc_all_sysinfo_read(path, text, sizeof text);
    out->total = aimc_all_sysinfo_meminfo(text, "MemTotal:");
    out->available = aimc_all_sysinfo_meminfo(text, "MemAvailable:");
    if (out->total != 0 && out->available > out->total) out->available = out->total;
    n = base;
    if (!aimc_all_sysinfo_append(path, &n, "/proc/self/cgroup", 17)) return;
    aimc_all_sysinfo_read(path, text, sizeof text);
    for (line = text; *line != 0; line = aimc_all_sysinfo_next_line(line)) {
        aimc_all_sysinfo_group(prefix, line, &out->limit);
    }
}
#endif

/* What the system itself answers, without files. */
AIMC_ALL_FN void aimc_all_sysinfo_system(aimc_all_ram *out) {
#if defined(AIMC_ALL_OS_WINDOWS)
    MEMORYSTATUSEX status;
    memset(&status, 0, sizeof status);
    status.dwLength = sizeof status;
    if (!GlobalMemoryStatusEx(&status)) return;
    out->total = status.ullTotalPhys;
    out->available = status.ullAvailPhys;
#elif defined(AIMC_ALL_OS_LINUX)
    struct sysinfo info;
    if (out->total != 0 || sysinfo(&info) != 0) return;
    out->total = (uint64_t)info.totalram * info.mem_unit;
#elif defined(AIMC_ALL_OS_APPLE)
    uint64_t bytes = 0;
    size_t size = sizeof bytes;
    if (sysctlbyname("hw.memsize", &bytes, &size, NULL, 0) == 0) out->total = bytes;
#elif defined(AIMC_ALL_OS_BSD) && defined(_SC_PHYS_PAGES)
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) out->total = (uint64_t)pages * (uint64_t)page;
#else
    (void)out;
#endif
}

/* *out = the machine's memory and this process's limit. root_prefix: NULL or "" for the machine; a
   directory that has a proc and a sys for tests, then nothing else is asked. Reads a few files: for
   start and ticks, not for hot paths. */
AIMC_ALL_FN void aimc_all_ram_info(const char *root_prefix, aimc_all_ram *out) {
    memset(out, 0, sizeof *out);
#if defined(AIMC_ALL_OS_LINUX) && defined(AIMC_ALL_FILES)
    aimc_all_sysinfo_files(root_prefix != NULL ? root_prefix : "", out);
#endif
    if (root_prefix == NULL || root_prefix[0] == 0) aimc_all_sysinfo_system(out);
}

/* end core/sysinfo.h */

/* begin core/offsets.h */
/* core/offsets.h: ranges of offsets, handed out and taken back. Touches nothing that it manages.
 *
 * [0, size) is cut into ranges without gaps. Each range is a node in an array: memory, a file or a
 * device buffer behind the offsets is never read or written, and may not exist at all. There are no
 * clocks, limits or reference counts in here; the owner builds its policy on top.
 *
 *   address order   first <-> node <-> node <-> ... <-> last       (prev, next: every range)
 *   tree            the free ranges alone; each node knows the largest size below itself
 *
 * Invariants: neighbours touch; two free ranges are never neighbours; sizes and offsets are
 * multiples of the granule; no range is empty; node 0 is nobody, with size and max 0.
 *
 * The tree is a treap (Aragon and Seidel, 1989) whose priorities are a hash of the node's number,
 * so that a run repeats exactly. Its order is the policy: by offset, then the leftmost range that
 * is large enough is the lowest one, and the largest size below each node finds it (as in the
 * interval trees of Cormen et al.); or by size and offset, then it is the tightest one. In both
 * the same walk finds it.
 *
 * Cost: O(log n) expected for n free ranges, for alloc, free and resize; O(1) for statistics. An
 * alignment above the granule makes a range unfit although it is large enough: 64 such ranges are
 * looked at, then one with room for any padding is taken; only where there is none, all are tried.
 * A node is 56 bytes.
 */

enum { AIMC_ALL_OFFSETS_LOWEST = 0, AIMC_ALL_OFFSETS_BEST = 1 };             /* policy */
enum { AIMC_ALL_RANGE_SPARE = 0, AIMC_ALL_RANGE_FREE = 1, AIMC_ALL_RANGE_USED = 2 }; /* state of a node */
enum { AIMC_ALL_OFFSETS_FRONT = 64, AIMC_ALL_OFFSETS_TRIES = 64 };

typedef struct aimc_all_range {
    uint64_t offset, size;
    uint64_t max;                 /* free: the largest size in the subtree */
    uint32_t prev, next;          /* neighbours by offset; spare: next is the list of spare nodes */
    uint32_t left, right, parent; /* free: the tree */
    uint32_t state;
    uint32_t user;                /* used: the owner's own number, 0 at first */
} aimc_all_range;

typedef struct aimc_all_offsets {
    aimem_allocator allocator;
    aimc_all_range *nodes;
    uint64_t size, granule, free_bytes;
    uint32_t capacity, made; /* nodes in the array; those below made were used at least once */
    uint32_t spare, spares;  /* list of nodes to use again, and its length */
    uint32_t root, first, last;
    uint32_t free_count, used_count;
    int policy;
    bool recent;                       /* the front is in use */
    uint32_t front[AIMC_ALL_OFFSETS_FRONT]; /* by hash of the size: the range of it freed last, if it
                                          is still free and still of that size */
} aimc_all_offsets;

/* ---- nodes ---- */

/* Room for count more nodes. NOMEM: nothing changed. */
AIMC_ALL_FN aimem_result aimc_all_offsets_reserve(aimc_all_offsets *o, uint32_t count) {
    uint64_t want = (uint64_t)o->made - o->spares + count, capacity = o->capacity;
    aimc_all_range *nodes;
    if (want <= capacity) return AIMEM_OK;
    while (capacity < want) capacity = capacity < 16 ? 16 : capacity * 2;
    if (capacity > UINT32_MAX || capacity > SIZE_MAX / sizeof *nodes) return AIMEM_ERR_NOMEM;
    nodes = (aimc_all_range *)aimc_all_realloc(&o->allocator, o->nodes, o->capacity * sizeof *nodes,
                                       (size_t)capacity * sizeof *nodes, sizeof(uint64_t));
    if (nodes == NULL) return AIMEM_ERR_NOMEM;
    o->nodes = nodes;
    o->capacity = (uint32_t)capacity;
    return AIMEM_OK;
}

/* A node for [offset, offset + size), not linked anywhere. There must be room for it. */
AIMC_ALL_FN uint32_t aimc_all_offsets_take(aimc_all_offsets *o, uint64_t offset, uint64_t size,
                                   uint32_t state) {
    uint32_t n = o->spare;
    aimc_all_range *r;
    if (n != 0) {
        o->spare = o->nodes[n].next;
        o->spares--;
    } else {
        n = o->made++;
    }
    r = &o->nodes[n];
    memset(r, 0, sizeof *r);
    r->offset = offset;
    r->size = size;
    r->state = state;
    return n;
}

/* Links node n between its neighbours, behind node prev (0: as the first). */
AIMC_ALL_FN void aimc_all_offsets_link(aimc_all_offsets *o, uint32_t n, uint32_t prev) {
    uint32_t next = prev != 0 ? o->nodes[prev].next : o->first;
    o->nodes[n].prev = prev;
    o->nodes[n].next = next;
    if (prev != 0) o->nodes[prev].next = n;
    else o->first = n;
    if (next != 0) o->nodes[next].prev = n;
    else o->last = n;
}

/* Unlinks node n from its neighbours and makes it spare. */
AIMC_ALL_FN void aimc_all_offsets_drop(aimc_all_offsets *o, uint32_t n) {
    aimc_all_range *r = &o->nodes[n];
    if (r->prev != 0) o->nodes[r->prev].next = r->next;
    else o->first = r->next;
    if (r->next != 0) o->nodes[r->next].prev = r->prev;
    else o->last = r->prev;
    r->state = AIMC_ALL_RANGE_SPARE;
    r->next = o->spare;
    o->spare = n;
    o->spares++;
}

/* ---- the tree of free ranges ---- */

/* A hash of the node's number (the finalizer of MurmurHash3, Appleby 2011): no two are equal. */
AIMC_ALL_INLINE uint32_t aimc_all_offsets_priority(uint32_t n) {
    n ^= n >> 16;
    n *= 0x85EBCA6Bu;
    n ^= n >> 13;
    n *= 0xC2B2AE35u;
    return n ^ (n >> 16);
}

AIMC_ALL_INLINE bool aimc_all_offsets_before(const aimc_all_offsets *o, const aimc_all_range *a,
                                     const aimc_all_range *b) {
    if (o->policy == AIMC_ALL_OFFSETS_BEST && a->size != b->size) return a->size < b->size;
    return a->offset < b->offset;
}

/* Sets max of node n from its children; true when it changed. */
AIMC_ALL_INLINE bool aimc_all_offsets_measure(aimc_all_offsets *o, uint32_t n) {
    aimc_all_range *r = &o->nodes[n];
    uint64_t max = r->size, left = o->nodes[r->left].max, right = o->nodes[r->right].max;
    if (left > max) max = left;
    if (right > max) max = right;
    if (max == r->max) return false;
    r->max = max;
    return true;
}

/* Sets max from node n upwards, as far as it changes. */
AIMC_ALL_FN void aimc_all_offsets_measure_up(aimc_all_offsets *o, uint32_t n) {
    while (n != 0 && aimc_all_offsets_measure(o, n)) n = o->nodes[n].parent;
}

/* Hangs node n where child hung below parent; n may be 0. */
AIMC_ALL_INLINE void aimc_all_offsets_hang(aimc_all_offsets *o, uint32_t parent, uint32_t child, uint32_t n) {
    if (parent == 0) o->root = n;
    else if (o->nodes[parent].left == child) o->nodes[parent].left = n;
    else o->nodes[parent].right = n;
    if (n != 0) o->nodes[n].parent = parent;
}

/* Turns node n above its parent; the order stays. max is right for the parent, not yet for n. */
AIMC_ALL_FN void aimc_all_offsets_rotate(aimc_all_offsets *o, uint32_t n) {
    aimc_all_range *r = &o->nodes[n];
    uint32_t p = r->parent, inner;
    aimc_all_range *up = &o->nodes[p];
    aimc_all_offsets_hang(o, up->parent, p, n);
    if (up->left == n) {
        inner = r->right;
        up->left = inner;
        r->right = p;
    } else {
        inner = r->left;
        up->right = inner;
        r->left = p;
    }
    if (inner != 0) o->nodes[inner].parent = p;
    up->parent = n;
    (void)aimc_all_offsets_measure(o, p);
}

AIMC_ALL_FN void aimc_all_offsets_insert(aimc_all_offsets *o, uint32_t n) {
    aimc_all_range *r = &o->nodes[n];
    uint32_t at = o->root, parent = 0, priority = aimc_all_offsets_priority(n);
    bool left = false;
    while (at != 0) {
        parent = at;
        left = aimc_all_offsets_before(o, r, &o->nodes[at]);
        at = left ? o->nodes[at].left : o->nodes[at].right;
    }
    r->left = r->right = 0;
    r->parent = parent;
    r->max = r->size;
    if (parent == 0) o->root = n;
    else if (left) o->nodes[parent].left = n;
    else o->nodes[parent].right = n;
    while (r->parent != 0 && aimc_all_offsets_priority(r->parent) < priority) {
        aimc_all_offsets_rotate(o, n);
    }
    (void)aimc_all_offsets_measure(o, n);
    aimc_all_offsets_measure_up(o, r->parent);
}

AIMC_ALL_FN void aimc_all_offsets_remove(aimc_all_offsets *o, uint32_t n) {
    aimc_all_range *r = &o->nodes[n];
    while (r->left != 0 && r->right != 0) {
        bool left = aimc_all_offsets_priority(r->left) > aimc_all_offsets_priority(r->right);
        aimc_all_offsets_rotate(o, left ? r->left : r->right);
    }
    aimc_all_offsets_hang(o, r->parent, n, r->left != 0 ? r->left : r->right);
    /* The turns above left max of the ancestors to this walk: it may not stop early below them. */
    for (n = r->parent; n != 0; n = o->nodes[n].parent) (void)aimc_all_offsets_measure(o, n);
}

/* A free range gets another offset and size, between the same neighbours: its place by offset
   stays, its place by size does not. */
AIMC_ALL_FN void aimc_all_offsets_change(aimc_all_offsets *o, uint32_t n, uint64_t offset, uint64_t size) {
    aimc_all_range *r = &o->nodes[n];
    if (o->policy == AIMC_ALL_OFFSETS_BEST) aimc_all_offsets_remove(o, n);
    o->free_bytes += size - r->size;
    r->offset = offset;
    r->size = size;
    if (o->policy == AIMC_ALL_OFFSETS_BEST) aimc_all_offsets_insert(o, n);
    else aimc_all_offsets_measure_up(o, n);
}

/* Node n, linked and not in the tree, becomes a free range. */
AIMC_ALL_FN void aimc_all_offsets_set_free(aimc_all_offsets *o, uint32_t n) {
    o->nodes[n].state = AIMC_ALL_RANGE_FREE;
    o->free_bytes += o->nodes[n].size;
    o->free_count++;
    aimc_all_offsets_insert(o, n);
}

/* Free range n leaves the tree; the caller gives it a new state. */
AIMC_ALL_FN void aimc_all_offsets_unset_free(aimc_all_offsets *o, uint32_t n) {
    aimc_all_offsets_remove(o, n);
    o->free_bytes -= o->nodes[n].size;
    o->free_count--;
}

/* The first range in tree order below n with at least size; 0: none. */
AIMC_ALL_FN uint32_t aimc_all_offsets_find_below(const aimc_all_offsets *o, uint32_t n, uint64_t size) {
    if (o->nodes[n].max < size) return 0;
    for (;;) {
        const aimc_all_range *r = &o->nodes[n];
        if (o->nodes[r->left].max >= size) n = r->left;
        else if (r->size >= size) return n;
        else n = r->right;
    }
}

/* The first range in tree order behind n with at least size; 0: none. */
AIMC_ALL_FN uint32_t aimc_all_offsets_find_next(const aimc_all_offsets *o, uint32_t n, uint64_t size) {
    uint32_t found = aimc_all_offsets_find_below(o, o->nodes[n].right, size), child;
    while (found == 0 && o->nodes[n].parent != 0) {
        child = n;
        n = o->nodes[n].parent;
        if (o->nodes[n].left != child) continue;
        if (o->nodes[n].size >= size) return n;
        found = aimc_all_offsets_find_below(o, o->nodes[n].right, size);
    }
    return found;
}

/* ---- finding room ---- */

AIMC_ALL_INLINE uint32_t aimc_all_offsets_front_of(const aimc_all_offsets *o, uint64_t size) {
    uint64_t hash = (size / o->granule) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(hash >> 58); /* AIMC_ALL_OFFSETS_FRONT is 2 to the 6 */
}

/* True when free range n holds size at align. */
AIMC_ALL_INLINE bool aimc_all_offsets_fits(const aimc_all_offsets *o, uint32_t n, uint64_t size,
                                   uint64_t align) {
    const aimc_all_range *r = &o->nodes[n];
    uint64_t pad = (0 - r->offset) & (align - 1);
    return pad <= r->size && r->size - pad >= size;
}

/* The free range to cut size at align from, by policy; 0: none. */
AIMC_ALL_FN uint32_t aimc_all_offsets_find(const aimc_all_offsets *o, uint64_t size, uint64_t align) {
    uint32_t n, tries = 0, roomy;
    if (o->recent) {
        n = o->front[aimc_all_offsets_front_of(o, size)];
        if (n != 0 && o->nodes[n].state == AIMC_ALL_RANGE_FREE && o->nodes[n].size == size &&
            aimc_all_offsets_fits(o, n, size, align)) {
            return n;
        }
    }
    n = aimc_all_offsets_find_below(o, o->root, size);
    while (n != 0 && !aimc_all_offsets_fits(o, n, size, align)) {
        if (++tries == AIMC_ALL_OFFSETS_TRIES && size <= UINT64_MAX - align) {
            roomy = aimc_all_offsets_find_below(o, o->root, size + align - o->granule);
            if (roomy != 0) return roomy;
        }
        n = aimc_all_offsets_find_next(o, n, size);
    }
    return n;
}

/* *size rounded up to the granule; false for 0 and what does not fit. */
AIMC_ALL_FN bool aimc_all_offsets_round(const aimc_all_offsets *o, uint64_t *size) {
    if (*size == 0 || *size > UINT64_MAX - (o->granule - 1)) return false;
    *size = (*size + o->granule - 1) & ~(o->granule - 1);
    return true;
}

/* ---- what the owner calls ---- */

/* One free range [0, size rounded down to the granule); granule: a power of two, of which all
   offsets and sizes are multiples. recent: a range of exactly the wanted size that was freed a
   short time ago is preferred to the one that the policy finds. INVALID, NOMEM: nothing is held. */
AIMC_ALL_FN aimem_result aimc_all_offsets_init(aimc_all_offsets *o, const aimem_allocator *allocator,
                                       uint64_t size, uint64_t granule, int policy, bool recent) {
    aimem_result r;
    memset(o, 0, sizeof *o);
    if (granule == 0 || (granule & (granule - 1)) != 0) return AIMEM_ERR_INVALID;
    o->allocator = *allocator;
    o->granule = granule;
    o->policy = policy;
    o->recent = recent;
    r = aimc_all_offsets_reserve(o, 4);
    if (r != AIMEM_OK) return r;
    (void)aimc_all_offsets_take(o, 0, 0, AIMC_ALL_RANGE_SPARE); /* node 0: nobody */
    size &= ~(granule - 1);
    o->size = size;
    if (size != 0) {
        uint32_t n = aimc_all_offsets_take(o, 0, size, AIMC_ALL_RANGE_FREE);
        aimc_all_offsets_link(o, n, 0);
        aimc_all_offsets_set_free(o, n);
    }
    return AIMEM_OK;
}

AIMC_ALL_FN void aimc_all_offsets_deinit(aimc_all_offsets *o) {
    aimc_all_free(&o->allocator, o->nodes, o->capacity * sizeof *o->nodes, sizeof(uint64_t));
    memset(o, 0, sizeof *o);
}

/* Cuts size at align (both multiples of the granule) out of free range n, which aimc_all_offsets_fits.
   *out is the node of the new range, 0 on failure: NOMEM. */
AIMC_ALL_FN aimem_result aimc_all_offsets_cut(aimc_all_offsets *o, uint32_t n, uint64_t size, uint64_t align,
                                      uint32_t *out) {
    uint64_t offset = o->nodes[n].offset, pad = (0 - offset) & (align - 1);
    uint64_t rest = o->nodes[n].size - pad - size;
    uint32_t used;
    *out = 0;
    if (aimc_all_offsets_reserve(o, 2) != AIMEM_OK) return AIMEM_ERR_NOMEM;
    o->used_count++;
    if (pad == 0 && rest == 0) {
        aimc_all_offsets_unset_free(o, n);
        o->nodes[n].state = AIMC_ALL_RANGE_USED;
        o->nodes[n].user = 0;
        *out = n;
        return AIMEM_OK;
    }
    used = aimc_all_offsets_take(o, offset + pad, size, AIMC_ALL_RANGE_USED);
    if (pad == 0) { /* n keeps what is behind */
        aimc_all_offsets_link(o, used, o->nodes[n].prev);
        aimc_all_offsets_change(o, n, offset + size, rest);
    } else { /* n keeps what is in front */
        aimc_all_offsets_link(o, used, n);
        aimc_all_offsets_change(o, n, offset, pad);
        if (rest != 0) {
            uint32_t behind = aimc_all_offsets_take(o, offset + pad + size, rest, AIMC_ALL_RANGE_FREE);
            aimc_all_offsets_link(o, behind, used);
            aimc_all_offsets_set_free(o, behind);
        }
    }
    *out = used;
    return AIMEM_OK;
}

/* Cuts size at a multiple of align (a power of two; 0: the granule) out of a free range; *out is
   the node of it, 0 on failure. Its number and offset stay until it is freed. INVALID: size 0,
   align. LIMIT: no free range holds it. NOMEM: no room for nodes. */
AIMC_ALL_FN aimem_result aimc_all_offsets_alloc(aimc_all_offsets *o, uint64_t size, uint64_t align,
                                        uint32_t *out) {
    uint32_t n;
    *out = 0;
    if ((align & (align - 1)) != 0 || size == 0) return AIMEM_ERR_INVALID;
    if (align < o->granule) align = o->granule;
    if (!aimc_all_offsets_round(o, &size)) return AIMEM_ERR_LIMIT;
    n = aimc_all_offsets_find(o, size, align);
    return n == 0 ? AIMEM_ERR_LIMIT : aimc_all_offsets_cut(o, n, size, align, out);
}

/* True when n is the node of a range in use. */
AIMC_ALL_INLINE bool aimc_all_offsets_in_use(const aimc_all_offsets *o, uint32_t n) {
    return n != 0 && n < o->made && o->nodes[n].state == AIMC_ALL_RANGE_USED;
}

/* Gives a range back and joins it with free neighbours; never takes memory. *out (may be NULL): the
   free range that it is part of now. INVALID: n is no range in use. */
AIMC_ALL_FN aimem_result aimc_all_offsets_free(aimc_all_offsets *o, uint32_t n, uint32_t *out) {
    const aimc_all_range *r;
    uint32_t prev, next;
    uint64_t offset, size;
    if (out != NULL) *out = 0;
    if (!aimc_all_offsets_in_use(o, n)) return AIMEM_ERR_INVALID;
    r = &o->nodes[n];
    prev = r->prev;
    next = r->next;
    offset = r->offset;
    size = r->size;
    o->used_count--;
    if (o->nodes[prev].state == AIMC_ALL_RANGE_FREE) {
        aimc_all_offsets_drop(o, n);
        if (o->nodes[next].state == AIMC_ALL_RANGE_FREE) {
            size += o->nodes[next].size;
            aimc_all_offsets_unset_free(o, next);
            aimc_all_offsets_drop(o, next);
        }
        n = prev;
        aimc_all_offsets_change(o, n, o->nodes[n].offset, o->nodes[n].size + size);
    } else if (o->nodes[next].state == AIMC_ALL_RANGE_FREE) {
        aimc_all_offsets_drop(o, n);
        n = next;
        aimc_all_offsets_change(o, n, offset, o->nodes[n].size + size);
    } else {
        aimc_all_offsets_set_free(o, n);
    }
    if (o->recent) o->front[aimc_all_offsets_front_of(o, o->nodes[n].size)] = n;
    if (out != NULL) *out = n;
    return AIMEM_OK;
}

/* Makes a range in use smaller, or larger into the free range behind it; its offset stays.
   INVALID: no range in use, size 0. LIMIT: not enough room behind it. NOMEM. */
AIMC_ALL_FN aimem_result aimc_all_offsets_resize(aimc_all_offsets *o, uint32_t n, uint64_t size) {
    uint32_t next;
    uint64_t old, end, room;
    bool joins;
    if (!aimc_all_offsets_in_use(o, n) || size == 0) return AIMEM_ERR_INVALID;
    if (!aimc_all_offsets_round(o, &size)) return AIMEM_ERR_LIMIT;
    old = o->nodes[n].size;
    next = o->nodes[n].next;
    end = o->nodes[n].offset + size; /* may wrap round only where LIMIT follows */
    joins = o->nodes[next].state == AIMC_ALL_RANGE_FREE;
    room = joins ? o->nodes[next].size : 0;
    if (size == old) return AIMEM_OK;
    if (size > old && size - old > room) return AIMEM_ERR_LIMIT;
    if (size < old && !joins && aimc_all_offsets_reserve(o, 1) != AIMEM_OK) return AIMEM_ERR_NOMEM;
    o->nodes[n].size = size;
    if (!joins) {
        next = aimc_all_offsets_take(o, end, old - size, AIMC_ALL_RANGE_FREE);
        aimc_all_offsets_link(o, next, n);
        aimc_all_offsets_set_free(o, next);
    } else if (size - old == room) {
        aimc_all_offsets_unset_free(o, next);
        aimc_all_offsets_drop(o, next);
    } else {
        aimc_all_offsets_change(o, next, end, room + old - size);
    }
    return AIMEM_OK;
}

/* Adds extra (rounded down to the granule) free offsets at the end. RANGE: past 2^64. NOMEM. */
AIMC_ALL_FN aimem_result aimc_all_offsets_grow(aimc_all_offsets *o, uint64_t extra) {
    uint32_t n = o->last;
    extra &= ~(o->granule - 1);
    if (extra > UINT64_MAX - (o->granule - 1) - o->size) return AIMEM_ERR_RANGE;
    if (extra == 0) return AIMEM_OK;
    if (o->nodes[n].state == AIMC_ALL_RANGE_FREE) {
        aimc_all_offsets_change(o, n, o->nodes[n].offset, o->nodes[n].size + extra);
    } else {
        if (aimc_all_offsets_reserve(o, 1) != AIMEM_OK) return AIMEM_ERR_NOMEM;
        n = aimc_all_offsets_take(o, o->size, extra, AIMC_ALL_RANGE_FREE);
        aimc_all_offsets_link(o, n, o->last);
        aimc_all_offsets_set_free(o, n);
    }
    o->size += extra;
    return AIMEM_OK;
}

/* Where the last range in use ends: shrink can cut off what is behind. */
AIMC_ALL_INLINE uint64_t aimc_all_offsets_end(const aimc_all_offsets *o) {
    const aimc_all_range *r = &o->nodes[o->last];
    return r->state == AIMC_ALL_RANGE_FREE ? r->offset : o->size;
}

/* Cuts the end off: [0, size rounded up to the granule) remains. BUSY: in use behind that; RANGE:
   larger than it is. Never takes memory. */
AIMC_ALL_FN aimem_result aimc_all_offsets_shrink(aimc_all_offsets *o, uint64_t size) {
    uint32_t n = o->last;
    if (size > o->size) return AIMEM_ERR_RANGE;
    size = (size + o->granule - 1) & ~(o->granule - 1);
    if (size < aimc_all_offsets_end(o)) return AIMEM_ERR_BUSY;
    if (size == o->size) return AIMEM_OK;
    if (size == o->nodes[n].offset) {
        aimc_all_offsets_unset_free(o, n);
        aimc_all_offsets_drop(o, n);
    } else {
        aimc_all_offsets_change(o, n, o->nodes[n].offset, size - o->nodes[n].offset);
    }
    o->size = size;
    return AIMEM_OK;
}

/* The size of the largest free range; 0: none. O(1). */
AIMC_ALL_INLINE uint64_t aimc_all_offsets_largest(const aimc_all_offsets *o) {
    return o->nodes[o->root].max;
}

/* The range that contains offset; 0: none. O(ranges): for checks, not for hot paths. */
AIMC_ALL_FN uint32_t aimc_all_offsets_at(const aimc_all_offsets *o, uint64_t offset) {
    uint32_t n = o->first;
    while (n != 0 && offset - o->nodes[n].offset >= o->nodes[n].size) n = o->nodes[n].next;
    return n;
}

/* end core/offsets.h */

/* begin core/maths.h */
/* core/maths.h: the little arithmetic that would otherwise need the maths library.
 *
 * Square roots are worked out on integers, digit by digit, so the answer is the correctly rounded
 * one with every compiler, flag (-ffast-math, x87, fused multiply-add) and processor.
 */

/* |x|; x is a number. */
AIMC_ALL_INLINE float aimc_all_absf(float x) {
#if defined(AIMC_ALL_GNU)
    return __builtin_fabsf(x);
#else
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= 0x7FFFFFFFu;
    memcpy(&x, &bits, sizeof x);
    return x;
#endif
}

/* The first count (at most 60) binary digits of the square root of m, where m is read as a fixed
   point number below 4: two bits, the point, 62 bits. The top two bits are not both 0, so the first
   digit is 1. The schoolbook method: bring down two bits, try to subtract 2 * root + 1. */
AIMC_ALL_FN uint64_t aimc_all_sqrt_digits(uint64_t m, int count) {
    uint64_t root = 0, rest = 0;
    while (count-- > 0) {
        uint64_t trial = root << 2 | 1;
        uint64_t digit;
        rest = rest << 2 | m >> 62;
        m <<= 2;
        digit = rest >= trial;
        rest -= digit ? trial : 0;
        root = root << 1 | digit;
    }
    return root;
}

/* The square root of x, correctly rounded; 0 for a negative x or -0. x is not NaN. About 54 rounds
   of six integer operations: for results and norms, not for inner loops. */
AIMC_ALL_FN double aimc_all_sqrt(double x) {
    uint64_t bits, m;
    int64_t e;
    memcpy(&bits, &x, sizeof bits);
    if (bits == 0 || bits >> 63 != 0) return 0.0;
    e = (int64_t)(bits >> 52);
    if (e == 0x7FF) return x;
    m = bits & 0xFFFFFFFFFFFFFu;
    if (e == 0) { /* denormal: shifted until the leading 1 is where it is in other numbers */
        for (e = 1; m >> 52 == 0; e--) m <<= 1;
    } else {
        m |= (uint64_t)1 << 52;
    }
    e -= 1023;
    m <<= 10; /* x = m * 2^e, one bit before the point, a spare one above */
    if ((e & 1) != 0) {
        m <<= 1;
        e -= 1;
    }
    /* 53 digits and one to round by. It is never a tie: the square of a number with 54 significant
       bits has more bits than x. A carry runs into the exponent, as it should. */
    m = (aimc_all_sqrt_digits(m, 54) + 1) >> 1;
    bits = ((uint64_t)(e / 2 + 1022) << 52) + m;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The same for floats. */
AIMC_ALL_FN float aimc_all_sqrtf(float x) {
    uint32_t bits;
    uint64_t m;
    int32_t e;
    memcpy(&bits, &x, sizeof bits);
    if (bits == 0 || bits >> 31 != 0) return 0.0f;
    e = (int32_t)(bits >> 23);
    if (e == 0xFF) return x;
    m = bits & 0x7FFFFFu;
    if (e == 0) {
        for (e = 1; m >> 23 == 0; e--) m <<= 1;
    } else {
        m |= 1u << 23;
    }
    e -= 127;
    m <<= 39;
    if ((e & 1) != 0) {
        m <<= 1;
        e -= 1;
    }
    m = (aimc_all_sqrt_digits(m, 25) + 1) >> 1;
    bits = ((uint32_t)(e / 2 + 126) << 23) + (uint32_t)m;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* end core/maths.h */

/* begin core/cpu.h */
/* core/cpu.h: what the processor that runs this can do, asked once.
 *
 * Two views. Flags (AIMC_ALL_CPU_...) name instruction sets one by one, for hashes and codes. Levels
 * (AIMC_ALL_LEVEL_...) are the rungs on which the distance kernels and the public API stand; their
 * numbers are public and never change.
 */

#if defined(AIMC_ALL_SIMD_X86)
#if defined(AIMC_ALL_MSVC)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

/* Which levels are in the build. gcc for 32-bit x86 with -ffast-math gives functions that have a
   target of their own another kind of float arithmetic (SSE) than the functions in its headers
   (x87), and then refuses to inline those; with -msse2 all is well. */
#if defined(AIMC_ALL_SIMD_X86)
#if defined(AIMC_ALL_X64) || defined(AIMC_ALL_CLANG) || defined(AIMC_ALL_MSVC) || defined(__SSE2__) || \
    !defined(__FAST_MATH__)
#define AIMC_ALL_LEVELS_X86 1
#endif
#endif

/* The AVX flags are set only when the system saves those registers too (XCR0). */
enum {
    AIMC_ALL_CPU_SSE2 = 1,
    AIMC_ALL_CPU_SSE41 = 2,    /* SSE4.1 and SSSE3 */
    AIMC_ALL_CPU_SSE42 = 4,    /* SSE4.2 (with the crc32 instruction) and POPCNT */
    AIMC_ALL_CPU_AVX2 = 8,     /* AVX2, FMA, F16C and BMI2 */
    AIMC_ALL_CPU_AVX512 = 16,  /* AVX-512 F, BW, VL and DQ; AVX2 is then set too */
    AIMC_ALL_CPU_VNNI = 32,    /* AVX-512 VNNI; AVX512 is then set too */
    AIMC_ALL_CPU_VPOPCNT = 64, /* AVX-512 VPOPCNTDQ; AVX512 is then set too */
    AIMC_ALL_CPU_NEON = 128,
    AIMC_ALL_CPU_NEON_DOT = 256, /* the dot product instructions of ARMv8.2 */
    AIMC_ALL_CPU_ARM_CRC = 512,  /* the crc32 instructions of ARMv8 */
    AIMC_ALL_CPU_WASM = 1024,    /* simd128; WebAssembly knows it when it compiles */
    AIMC_ALL_CPU_KNOWN = 1 << 30 /* in the cache: the processor was asked */
};

/* 0 is "the best there is"; a level that this build or processor lacks is never chosen. */
enum {
    AIMC_ALL_LEVEL_AUTO = 0,
    AIMC_ALL_LEVEL_SCALAR = 1,
    AIMC_ALL_LEVEL_SSE = 2, /* needs SSE2 only */
    AIMC_ALL_LEVEL_AVX2 = 3,
    AIMC_ALL_LEVEL_AVX512 = 4,
    AIMC_ALL_LEVEL_NEON = 5,
    AIMC_ALL_LEVEL_WASM = 6,
    AIMC_ALL_LEVEL_LEVELS = 7
};

#if defined(AIMC_ALL_SIMD_X86)

/* regs = eax, ebx, ecx, edx of one leaf; all 0 when the processor has no such leaf. */
AIMC_ALL_FN void aimc_all_cpuid(uint32_t leaf, uint32_t sub, uint32_t regs[4]) {
    regs[0] = regs[1] = regs[2] = regs[3] = 0;
#if defined(AIMC_ALL_MSVC)
    {
        int r[4];
        __cpuid(r, 0);
        if ((uint32_t)r[0] < leaf) return;
        __cpuidex(r, (int)leaf, (int)sub);
        memcpy(regs, r, sizeof r);
    }
#else
    if ((uint32_t)__get_cpuid_max(0, NULL) < leaf) return;
    __cpuid_count(leaf, sub, regs[0], regs[1], regs[2], regs[3]);
#endif
}

/* The low half of XCR0: which registers the system saves. Only where cpuid reports OSXSAVE. */
AIMC_ALL_FN uint32_t aimc_all_xcr0(void) {
#if defined(AIMC_ALL_MSVC)
    return (uint32_t)_xgetbv(0);
#else
    uint32_t low, high;
    __asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return low;
#endif
}

/* True when all of bits are in have. */
AIMC_ALL_FN bool aimc_all_cpu_all(uint32_t have, uint32_t bits) {
    return (have & bits) == bits;
}

/* Bits as in Intel's and AMD's manuals: leaf 1 in ecx and edx, leaf 7 in ebx and ecx. */
AIMC_ALL_FN uint32_t aimc_all_cpu_ask(void) {
    uint32_t one[4], seven[4], flags = 0, saved = 0;
    aimc_all_cpuid(1, 0, one);
    aimc_all_cpuid(7, 0, seven);
    if (aimc_all_cpu_all(one[3], 1u << 26)) flags |= AIMC_ALL_CPU_SSE2;
    if (aimc_all_cpu_all(one[2], 1u << 19 | 1u << 9)) flags |= AIMC_ALL_CPU_SSE41;
    if (aimc_all_cpu_all(one[2], 1u << 20 | 1u << 23)) flags |= AIMC_ALL_CPU_SSE42;
    if (aimc_all_cpu_all(one[2], 1u << 27)) saved = aimc_all_xcr0();
    /* AVX, FMA and F16C; the xmm and ymm registers; AVX2 and BMI2 */
    if (aimc_all_cpu_all(one[2], 1u << 28 | 1u << 12 | 1u << 29) && aimc_all_cpu_all(saved, 0x06) &&
        aimc_all_cpu_all(seven[1], 1u << 5 | 1u << 8)) {
        flags |= AIMC_ALL_CPU_AVX2;
    }
    /* the mask and zmm registers as well; F, DQ, BW and VL */
    if (aimc_all_cpu_all(flags, AIMC_ALL_CPU_AVX2) && aimc_all_cpu_all(saved, 0xE6) &&
        aimc_all_cpu_all(seven[1], 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31)) {
        flags |= AIMC_ALL_CPU_AVX512;
        if (aimc_all_cpu_all(seven[2], 1u << 11)) flags |= AIMC_ALL_CPU_VNNI;
        if (aimc_all_cpu_all(seven[2], 1u << 14)) flags |= AIMC_ALL_CPU_VPOPCNT;
    }
    return flags;
}

#elif (defined(AIMC_ALL_ARM64) || defined(AIMC_ALL_ARM32)) && !defined(AIMEM_NO_SIMD) && \
    !defined(AIMC_ALL_TCC)

#if defined(AIMC_ALL_OS_LINUX)
#include <sys/auxv.h> /* getauxval: glibc 2.16, musl, Android */
#endif

/* What the compiler may assume holds on every processor that runs this; on Linux the kernel says
   what else there is. (Apple's and Microsoft's compilers assume what their machines have.) */
AIMC_ALL_FN uint32_t aimc_all_cpu_ask(void) {
    uint32_t flags = 0;
#if defined(AIMC_ALL_SIMD_NEON)
    flags |= AIMC_ALL_CPU_NEON;
#endif
#if defined(__ARM_FEATURE_DOTPROD)
    flags |= AIMC_ALL_CPU_NEON_DOT;
#endif
#if defined(__ARM_FEATURE_CRC32)
    flags |= AIMC_ALL_CPU_ARM_CRC;
#endif
#if defined(AIMC_ALL_OS_LINUX) && defined(AIMC_ALL_ARM64) /* AT_HWCAP: ASIMDDP, CRC32 */
    if ((getauxval(16) >> 20 & 1) != 0) flags |= AIMC_ALL_CPU_NEON_DOT;
    if ((getauxval(16) >> 7 & 1) != 0) flags |= AIMC_ALL_CPU_ARM_CRC;
#elif defined(AIMC_ALL_OS_LINUX) /* AT_HWCAP: ASIMDDP; AT_HWCAP2: CRC32 */
    if ((getauxval(16) >> 24 & 1) != 0) flags |= AIMC_ALL_CPU_NEON_DOT;
    if ((getauxval(26) >> 4 & 1) != 0) flags |= AIMC_ALL_CPU_ARM_CRC;
#endif
    return flags;
}

#else

AIMC_ALL_FN uint32_t aimc_all_cpu_ask(void) {
#if defined(AIMC_ALL_SIMD_WASM)
    return AIMC_ALL_CPU_WASM;
#else
    return 0;
#endif
}

#endif

/* The only writable global of the core. cpuid traps into the hypervisor on virtual machines and
   then costs more than the work that it chooses, so the answer is kept: 0 until somebody asked.
   Threads that race here all store the same value, so relaxed order is enough; what the flags
   describe was there before the program started. */
static volatile uint32_t aimc_all_cpu_cache;

/* The AIMC_ALL_CPU_ flags that hold here. Any thread; after the first call one load. */
AIMC_ALL_FN uint32_t aimc_all_cpu_flags(void) {
    uint32_t flags;
#if defined(AIMC_ALL_GNU)
    flags = __atomic_load_n(&aimc_all_cpu_cache, __ATOMIC_RELAXED);
#else
    flags = aimc_all_cpu_cache;
#endif
    if (AIMC_ALL_UNLIKELY(flags == 0)) {
        flags = aimc_all_cpu_ask() | AIMC_ALL_CPU_KNOWN;
#if defined(AIMC_ALL_GNU)
        __atomic_store_n(&aimc_all_cpu_cache, flags, __ATOMIC_RELAXED);
#else
        aimc_all_cpu_cache = flags;
#endif
    }
    return flags & ~(uint32_t)AIMC_ALL_CPU_KNOWN;
}

/* True when functions of this level are in the build and run here. Auto and scalar always are;
   for a number that is no level: false. */
AIMC_ALL_FN bool aimc_all_simd_has(uint32_t level) {
    uint32_t flags = aimc_all_cpu_flags();
    switch (level) {
    case AIMC_ALL_LEVEL_AUTO: return true;
    case AIMC_ALL_LEVEL_SCALAR: return true;
#if defined(AIMC_ALL_LEVELS_X86)
    case AIMC_ALL_LEVEL_SSE: return (flags & AIMC_ALL_CPU_SSE2) != 0;
    case AIMC_ALL_LEVEL_AVX2: return (flags & AIMC_ALL_CPU_AVX2) != 0;
    case AIMC_ALL_LEVEL_AVX512: return (flags & AIMC_ALL_CPU_AVX512) != 0;
#endif
    case AIMC_ALL_LEVEL_NEON: return (flags & AIMC_ALL_CPU_NEON) != 0;
    case AIMC_ALL_LEVEL_WASM: return (flags & AIMC_ALL_CPU_WASM) != 0;
    default: return false;
    }
}

/* The highest level that this machine has; at least AIMC_ALL_LEVEL_SCALAR. */
AIMC_ALL_FN uint32_t aimc_all_simd_best(void) {
    uint32_t level = AIMC_ALL_LEVEL_LEVELS - 1;
    while (level > AIMC_ALL_LEVEL_SCALAR && !aimc_all_simd_has(level)) level--;
    return level;
}

/* end core/cpu.h */

/* begin core/hash.h */
/* core/hash.h: XXH3-64, a fast hash of bytes (not against attackers), in one call or in pieces.
 *
 * The algorithm is Yann Collet's XXH3 (2019-2020), from its published description
 * (xxHash, doc/xxhash_spec.md): the values are those of XXH3_64bits_withSeed on every machine, so
 * they may be stored. Inputs up to 240 bytes go through 64 x 64 -> 128 bit multiplications. Longer
 * ones are read in stripes of 64 bytes that feed eight 64-bit lanes; that loop exists once for each
 * instruction set, the scalar one beside them. A function that ends in _at takes AIMC_ALL_CPU_ flags,
 * those that may be used (core/cpu.h); 0 is scalar.
 */

#if defined(AIMC_ALL_SIMD_X86)
#include <immintrin.h>
#elif defined(AIMC_ALL_SIMD_NEON)
#include <arm_neon.h>
#elif defined(AIMC_ALL_SIMD_WASM)
#include <wasm_simd128.h>
#endif
#if defined(AIMC_ALL_MSVC)
#include <intrin.h> /* _umul128, __umulh */
#endif

/* Constants of the description. */
#define AIMC_ALL_HASH_P32_1 0x9E3779B1u
#define AIMC_ALL_HASH_P32_2 0x85EBCA77u
#define AIMC_ALL_HASH_P32_3 0xC2B2AE3Du
#define AIMC_ALL_HASH_P64_1 UINT64_C(0x9E3779B185EBCA87)
#define AIMC_ALL_HASH_P64_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define AIMC_ALL_HASH_P64_3 UINT64_C(0x165667B19E3779F9)
#define AIMC_ALL_HASH_P64_4 UINT64_C(0x85EBCA77C2B2AE63)
#define AIMC_ALL_HASH_P64_5 UINT64_C(0x27D4EB2F165667C5)
#define AIMC_ALL_HASH_MX1 UINT64_C(0x165667919E3779F9)
#define AIMC_ALL_HASH_MX2 UINT64_C(0x9FB21C651E98DF25)

enum {
    AIMC_ALL_HASH_STRIPE = 64,  /* bytes that the eight lanes take at once */
    AIMC_ALL_HASH_BLOCK = 16,   /* stripes between two scrambles; each moves the secret by 8 bytes */
    AIMC_ALL_HASH_SECRET = 192, /* bytes; the scramble uses the last 64 */
    AIMC_ALL_HASH_LAST = 121,   /* where in the secret the last stripe reads */
    AIMC_ALL_HASH_MERGE = 11,   /* where in the secret the merge of the lanes reads */
    AIMC_ALL_HASH_SHORT = 240,  /* longest input without lanes */
    AIMC_ALL_HASH_BUFFER = 256  /* what a state keeps back: whole stripes, more than SHORT */
};

/* The default secret, as published. */
AIMC_ALL_INLINE const unsigned char *aimc_all_hash_secret(void) {
    static const unsigned char secret[AIMC_ALL_HASH_SECRET] = {
        0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad,
        0x1c, 0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3,
        0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc,
        0xff, 0x72, 0x21, 0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6,
        0x81, 0x3a, 0x26, 0x4c, 0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65,
        0x8b, 0x1b, 0x53, 0x2e, 0xa3, 0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19,
        0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8, 0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9,
        0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d, 0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31,
        0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64, 0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb,
        0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb, 0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0,
        0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e, 0x2b, 0x16, 0xbe, 0x58, 0x7d,
        0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce, 0x45, 0xcb, 0x3a, 0x8f,
        0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
    };
    return secret;
}

/* The low half of the 128-bit product xor the high half. (WebAssembly has no such product: its
   compilers would call a library for it.) */
#if defined(__SIZEOF_INT128__) && defined(AIMC_ALL_GNU) && !defined(AIMC_ALL_WASM)
__extension__ typedef unsigned __int128 aimc_all_hash_u128;

AIMC_ALL_INLINE uint64_t aimc_all_hash_fold(uint64_t a, uint64_t b) {
    aimc_all_hash_u128 product = (aimc_all_hash_u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}
#elif defined(AIMC_ALL_MSVC) && defined(AIMC_ALL_X64)
AIMC_ALL_INLINE uint64_t aimc_all_hash_fold(uint64_t a, uint64_t b) {
    uint64_t high, low = _umul128(a, b, &high);
    return low ^ high;
}
#elif defined(AIMC_ALL_MSVC) && defined(AIMC_ALL_ARM64)
AIMC_ALL_INLINE uint64_t aimc_all_hash_fold(uint64_t a, uint64_t b) {
    return (a * b) ^ __umulh(a, b);
}
#else
AIMC_ALL_INLINE uint64_t aimc_all_hash_mul32(uint64_t a, uint64_t b) {
    return (uint64_t)(uint32_t)a * (uint32_t)b;
}

AIMC_ALL_FN uint64_t aimc_all_hash_fold(uint64_t a, uint64_t b) {
    uint64_t ll = aimc_all_hash_mul32(a, b), lh = aimc_all_hash_mul32(a, b >> 32);
    uint64_t hl = aimc_all_hash_mul32(a >> 32, b), hh = aimc_all_hash_mul32(a >> 32, b >> 32);
    uint64_t middle = (ll >> 32) + (uint32_t)lh + hl; /* at most 2^64 - 1 */
    uint64_t high = hh + (lh >> 32) + (middle >> 32);
    return high ^ (middle << 32 | (uint32_t)ll);
}
#endif

AIMC_ALL_INLINE uint64_t aimc_all_hash_avalanche(uint64_t x) {
    x = (x ^ x >> 37) * AIMC_ALL_HASH_MX1;
    return x ^ x >> 32;
}

/* The end of XXH64, used for the shortest inputs. */
AIMC_ALL_INLINE uint64_t aimc_all_hash_avalanche64(uint64_t x) {
    x = (x ^ x >> 33) * AIMC_ALL_HASH_P64_2;
    x = (x ^ x >> 29) * AIMC_ALL_HASH_P64_3;
    return x ^ x >> 32;
}

/* Inputs of 0 to 16 bytes. */
AIMC_ALL_FN uint64_t aimc_all_hash_to16(const unsigned char *in, size_t size, uint64_t seed) {
    const unsigned char *secret = aimc_all_hash_secret();
    if (size > 8) {
        uint64_t flip_low = (aimc_all_load_u64(secret + 24) ^ aimc_all_load_u64(secret + 32)) + seed;
        uint64_t flip_high = (aimc_all_load_u64(secret + 40) ^ aimc_all_load_u64(secret + 48)) - seed;
        uint64_t low = aimc_all_load_u64(in) ^ flip_low;
        uint64_t high = aimc_all_load_u64(in + size - 8) ^ flip_high;
        return aimc_all_hash_avalanche(size + aimc_all_swap_u64(low) + high + aimc_all_hash_fold(low, high));
    }
    if (size >= 4) {
        uint64_t flip = aimc_all_load_u64(secret + 8) ^ aimc_all_load_u64(secret + 16);
        uint64_t both = aimc_all_load_u32(in + size - 4) | (uint64_t)aimc_all_load_u32(in) << 32;
        uint64_t x = (flip - (seed ^ (uint64_t)aimc_all_swap_u32((uint32_t)seed) << 32)) ^ both;
        x ^= (x << 49 | x >> 15) ^ (x << 24 | x >> 40);
        x *= AIMC_ALL_HASH_MX2;
        x ^= (x >> 35) + size;
        x *= AIMC_ALL_HASH_MX2;
        return x ^ x >> 28;
    }
    if (size > 0) {
        uint32_t flip = aimc_all_load_u32(secret) ^ aimc_all_load_u32(secret + 4);
        uint32_t bytes = in[size - 1] | (uint32_t)size << 8 | (uint32_t)in[0] << 16 |
                         (uint32_t)in[size >> 1] << 24;
        return aimc_all_hash_avalanche64((flip + seed) ^ bytes);
    }
    return aimc_all_hash_avalanche64(seed ^ aimc_all_load_u64(secret + 56) ^ aimc_all_load_u64(secret + 64));
}

/* 16 bytes of input with 16 bytes of the secret. */
AIMC_ALL_INLINE uint64_t aimc_all_hash_mix16(const unsigned char *in, const unsigned char *secret,
                                     uint64_t seed) {
    return aimc_all_hash_fold(aimc_all_load_u64(in) ^ (aimc_all_load_u64(secret) + seed),
                          aimc_all_load_u64(in + 8) ^ (aimc_all_load_u64(secret + 8) - seed));
}

/* Inputs of 17 to 240 bytes: up to 128 from both ends towards the middle, above that in order. */
AIMC_ALL_FN uint64_t aimc_all_hash_to240(const unsigned char *in, size_t size, uint64_t seed) {
    const unsigned char *secret = aimc_all_hash_secret();
    uint64_t acc = size * AIMC_ALL_HASH_P64_1;
    size_t i;
    if (size <= 128) {
        for (i = (size - 1) / 32 + 1; i-- > 0;) {
            acc += aimc_all_hash_mix16(in + 16 * i, secret + 32 * i, seed);
            acc += aimc_all_hash_mix16(in + size - 16 * i - 16, secret + 32 * i + 16, seed);
        }
        return aimc_all_hash_avalanche(acc);
    }
    for (i = 0; i < 8; i++) acc += aimc_all_hash_mix16(in + 16 * i, secret + 16 * i, seed);
    acc = aimc_all_hash_avalanche(acc);
    for (; i < size / 16; i++) {
        acc += aimc_all_hash_mix16(in + 16 * i, secret + 16 * (i - 8) + 3, seed);
    }
    acc += aimc_all_hash_mix16(in + size - 16, secret + 119, seed);
    return aimc_all_hash_avalanche(acc);
}

AIMC_ALL_INLINE uint64_t aimc_all_hash_short(const unsigned char *in, size_t size, uint64_t seed) {
    return size <= 16 ? aimc_all_hash_to16(in, size, seed) : aimc_all_hash_to240(in, size, seed);
}

/* The runs. Each feeds count stripes to the eight lanes; first, below AIMC_ALL_HASH_BLOCK, is the place
   of the first one in its block. After the last stripe of a block the lanes are scrambled, and only
   then may a run read behind the secrets of its stripes. A lane takes the product of the two halves
   of input ^ secret, and the input of its neighbour. */
AIMC_ALL_FN void aimc_all_hash_run_scalar(uint64_t *acc, const unsigned char *in,
                                  const unsigned char *secret, size_t first, size_t count) {
    size_t i;
    for (; count > 0; count--, in += AIMC_ALL_HASH_STRIPE) {
        const unsigned char *key = secret + 8 * first;
        for (i = 0; i < 8; i++) {
            uint64_t data = aimc_all_load_u64(in + 8 * i);
            uint64_t x = data ^ aimc_all_load_u64(key + 8 * i);
            acc[i ^ 1] += data;
            acc[i] += (uint64_t)(uint32_t)x * (x >> 32);
        }
        if (++first < AIMC_ALL_HASH_BLOCK) continue;
        first = 0;
        for (i = 0; i < 8; i++) {
            uint64_t x = acc[i] ^ acc[i] >> 47 ^ aimc_all_load_u64(secret + 128 + 8 * i);
            acc[i] = x * AIMC_ALL_HASH_P32_1;
        }
    }
}

#if defined(AIMC_ALL_SIMD_X86)

AIMC_ALL_INLINE AIMC_ALL_TARGET("sse2") void aimc_all_hash_mix_sse2(__m128i *acc, const unsigned char *in,
                                                        const unsigned char *key) {
    __m128i data = _mm_loadu_si128((const __m128i *)(const void *)in);
    __m128i x = _mm_xor_si128(data, _mm_loadu_si128((const __m128i *)(const void *)key));
    __m128i product = _mm_mul_epu32(x, _mm_srli_epi64(x, 32));
    *acc = _mm_add_epi64(*acc, _mm_add_epi64(product, _mm_shuffle_epi32(data, 0x4E)));
}

AIMC_ALL_INLINE AIMC_ALL_TARGET("sse2") void aimc_all_hash_scramble_sse2(__m128i *acc,
                                                             const unsigned char *key) {
    __m128i prime = _mm_set1_epi32((int)AIMC_ALL_HASH_P32_1);
    __m128i x = _mm_xor_si128(*acc, _mm_srli_epi64(*acc, 47));
    __m128i high;
    x = _mm_xor_si128(x, _mm_loadu_si128((const __m128i *)(const void *)key));
    high = _mm_mul_epu32(_mm_srli_epi64(x, 32), prime);
    *acc = _mm_add_epi64(_mm_mul_epu32(x, prime), _mm_slli_epi64(high, 32));
}

AIMC_ALL_FN AIMC_ALL_TARGET("sse2") void aimc_all_hash_run_sse2(uint64_t *acc, const unsigned char *in,
                                                    const unsigned char *secret, size_t first,
                                                    size_t count) {
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(acc + 0));
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(acc + 2));
    __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(acc + 4));
    __m128i d = _mm_loadu_si128((const __m128i *)(const void *)(acc + 6));
    for (; count > 0; count--, in += AIMC_ALL_HASH_STRIPE) {
        const unsigned char *key = secret + 8 * first;
        aimc_all_hash_mix_sse2(&a, in, key);
        aimc_all_hash_mix_sse2(&b, in + 16, key + 16);
        aimc_all_hash_mix_sse2(&c, in + 32, key + 32);
        aimc_all_hash_mix_sse2(&d, in + 48, key + 48);
        if (++first < AIMC_ALL_HASH_BLOCK) continue;
        first = 0;
        aimc_all_hash_scramble_sse2(&a, secret + 128);
        aimc_all_hash_scramble_sse2(&b, secret + 144);
        aimc_all_hash_scramble_sse2(&c, secret + 160);
        aimc_all_hash_scramble_sse2(&d, secret + 176);
    }
    _mm_storeu_si128((__m128i *)(void *)(acc + 0), a);
    _mm_storeu_si128((__m128i *)(void *)(acc + 2), b);
    _mm_storeu_si128((__m128i *)(void *)(acc + 4), c);
    _mm_storeu_si128((__m128i *)(void *)(acc + 6), d);
}

AIMC_ALL_INLINE AIMC_ALL_TARGET("avx2") void aimc_all_hash_mix_avx2(__m256i *acc, const unsigned char *in,
                                                        const unsigned char *key) {
    __m256i data = _mm256_loadu_si256((const __m256i *)(const void *)in);
    __m256i x = _mm256_xor_si256(data, _mm256_loadu_si256((const __m256i *)(const void *)key));
    __m256i product = _mm256_mul_epu32(x, _mm256_srli_epi64(x, 32));
    *acc = _mm256_add_epi64(*acc, _mm256_add_epi64(product, _mm256_shuffle_epi32(data, 0x4E)));
}

AIMC_ALL_INLINE AIMC_ALL_TARGET("avx2") void aimc_all_hash_scramble_avx2(__m256i *acc,
                                                             const unsigned char *key) {
    __m256i prime = _mm256_set1_epi32((int)AIMC_ALL_HASH_P32_1);
    __m256i x = _mm256_xor_si256(*acc, _mm256_srli_epi64(*acc, 47));
    __m256i high;
    x = _mm256_xor_si256(x, _mm256_loadu_si256((const __m256i *)(const void *)key));
    high = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), prime);
    *acc = _mm256_add_epi64(_mm256_mul_epu32(x, prime), _mm256_slli_epi64(high, 32));
}

AIMC_ALL_FN AIMC_ALL_TARGET("avx2") void aimc_all_hash_run_avx2(uint64_t *acc, const unsigned char *in,
                                                    const unsigned char *secret, size_t first,
                                                    size_t count) {
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(acc + 0));
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(acc + 4));
    for (; count > 0; count--, in += AIMC_ALL_HASH_STRIPE) {
        aimc_all_hash_mix_avx2(&a, in, secret + 8 * first);
        aimc_all_hash_mix_avx2(&b, in + 32, secret + 8 * first + 32);
        if (++first < AIMC_ALL_HASH_BLOCK) continue;
        first = 0;
        aimc_all_hash_scramble_avx2(&a, secret + 128);
        aimc_all_hash_scramble_avx2(&b, secret + 160);
    }
    _mm256_storeu_si256((__m256i *)(void *)(acc + 0), a);
    _mm256_storeu_si256((__m256i *)(void *)(acc + 4), b);
}

/* The forms with a mask of all ones are the plain instructions; the plain intrinsics of g++ 12 warn
   about a variable in its own header. */
AIMC_ALL_FN AIMC_ALL_TARGET("avx512f") void aimc_all_hash_run_avx512(uint64_t *acc, const unsigned char *in,
                                                         const unsigned char *secret, size_t first,
                                                         size_t count) {
    const __mmask8 all = 0xFF;
    __m512i prime = _mm512_set1_epi32((int)AIMC_ALL_HASH_P32_1);
    __m512i a = _mm512_loadu_si512(acc);
    for (; count > 0; count--, in += AIMC_ALL_HASH_STRIPE) {
        __m512i data = _mm512_loadu_si512(in);
        __m512i x = _mm512_xor_si512(data, _mm512_loadu_si512(secret + 8 * first));
        __m512i product = _mm512_maskz_mul_epu32(all, x, _mm512_maskz_srli_epi64(all, x, 32));
        __m512i swapped = _mm512_maskz_shuffle_epi32(0xFFFF, data, (_MM_PERM_ENUM)0x4E);
        a = _mm512_add_epi64(a, _mm512_add_epi64(product, swapped));
        if (++first < AIMC_ALL_HASH_BLOCK) continue;
        first = 0;
        x = _mm512_xor_si512(a, _mm512_maskz_srli_epi64(all, a, 47));
        x = _mm512_xor_si512(x, _mm512_loadu_si512(secret + 128));
        a = _mm512_maskz_mul_epu32(all, _mm512_maskz_srli_epi64(all, x, 32), prime);
        a = _mm512_maskz_slli_epi64(all, a, 32);
        a = _mm512_add_epi64(a, _mm512_maskz_mul_epu32(all, x, prime));
    }
    _mm512_storeu_si512(acc, a);
}

#elif defined(AIMC_ALL_SIMD_NEON)

/* Two registers at once, so that one vuzp splits all four lanes into low and high halves. */
AIMC_ALL_INLINE void aimc_all_hash_mix_neon(uint64x2_t *acc, const unsigned char *in,
                                    const unsigned char *key) {
    uint64x2_t data0 = vreinterpretq_u64_u8(vld1q_u8(in));
    uint64x2_t data1 = vreinterpretq_u64_u8(vld1q_u8(in + 16));
    uint64x2_t x0 = veorq_u64(data0, vreinterpretq_u64_u8(vld1q_u8(key)));
    uint64x2_t x1 = veorq_u64(data1, vreinterpretq_u64_u8(vld1q_u8(key + 16)));
    uint32x4x2_t halves = vuzpq_u32(vreinterpretq_u32_u64(x0), vreinterpretq_u32_u64(x1));
    acc[0] = vaddq_u64(acc[0], vextq_u64(data0, data0, 1));
    acc[1] = vaddq_u64(acc[1], vextq_u64(data1, data1, 1));
    acc[0] = vmlal_u32(acc[0], vget_low_u32(halves.val[0]), vget_low_u32(halves.val[1]));
    acc[1] = vmlal_u32(acc[1], vget_high_u32(halves.val[0]), vget_high_u32(halves.val[1]));
}

AIMC_ALL_INLINE void aimc_all_hash_scramble_neon(uint64x2_t *acc, const unsigned char *key) {
    uint32x2_t prime = vdup_n_u32(AIMC_ALL_HASH_P32_1);
    uint64x2_t x = veorq_u64(*acc, vshrq_n_u64(*acc, 47));
    x = veorq_u64(x, vreinterpretq_u64_u8(vld1q_u8(key)));
    *acc = vshlq_n_u64(vmull_u32(vshrn_n_u64(x, 32), prime), 32);
    *acc = vmlal_u32(*acc, vmovn_u64(x), prime);
}

AIMC_ALL_FN void aimc_all_hash_run_neon(uint64_t *acc, const unsigned char *in,
                                const unsigned char *secret, size_t first, size_t count) {
    uint64x2_t a[4];
    a[0] = vld1q_u64(acc + 0);
    a[1] = vld1q_u64(acc + 2);
    a[2] = vld1q_u64(acc + 4);
    a[3] = vld1q_u64(acc + 6);
    for (; count > 0; count--, in += AIMC_ALL_HASH_STRIPE) {
        aimc_all_hash_mix_neon(a, in, secret + 8 * first);
        aimc_all_hash_mix_neon(a + 2, in + 32, secret + 8 * first + 32);
        if (++first < AIMC_ALL_HASH_BLOCK) continue;
        first = 0;
        aimc_all_hash_scramble_neon(a + 0, secret + 128);
        aimc_all_hash_scramble_neon(a + 1, secret + 144);
        aimc_all_hash_scramble_neon(a + 2, secret + 160);
        aimc_all_hash_scramble_neon(a + 3, secret + 176);
    }
    vst1q_u64(acc + 0, a[0]);
    vst1q_u64(acc + 2, a[1]);
    vst1q_u64(acc + 4, a[2]);
    vst1q_u64(acc + 6, a[3]);
}

#elif defined(AIMC_ALL_SIMD_WASM)

AIMC_ALL_INLINE void aimc_all_hash_mix_wasm(v128_t *acc, const unsigned char *in,
                                    const unsigned char *key) {
    v128_t data0 = wasm_v128_load(in), data1 = wasm_v128_load(in + 16);
    v128_t x0 = wasm_v128_xor(data0, wasm_v128_load(key));
    v128_t x1 = wasm_v128_xor(data1, wasm_v128_load(key + 16));
    v128_t low = wasm_i32x4_shuffle(x0, x1, 0, 2, 4, 6);
    v128_t high = wasm_i32x4_shuffle(x0, x1, 1, 3, 5, 7);
    acc[0] = wasm_i64x2_add(acc[0], wasm_i64x2_shuffle(data0, data0, 1, 0));
    acc[1] = wasm_i64x2_add(acc[1], wasm_i64x2_shuffle(data1, data1, 1, 0));
    acc[0] = wasm_i64x2_add(acc[0], wasm_u64x2_extmul_low_u32x4(low, high));
    acc[1] = wasm_i64x2_add(acc[1], wasm_u64x2_extmul_high_u32x4(low, high));
}

AIMC_ALL_INLINE void aimc_all_hash_scramble_wasm(v128_t *acc, const unsigned char *key) {
    v128_t x = wasm_v128_xor(*acc, wasm_u64x2_shr(*acc, 47));
    x = wasm_v128_xor(x, wasm_v128_load(key));
    *acc = wasm_i64x2_mul(x, wasm_i64x2_splat((int64_t)AIMC_ALL_HASH_P32_1));
}

AIMC_ALL_FN void aimc_all_hash_run_wasm(uint64_t *acc, const unsigned char *in,
                                const unsigned char *secret, size_t first, size_t count) {
    v128_t a[4];
    int i;
    for (i = 0; i < 4; i++) a[i] = wasm_v128_load(acc + 2 * i);
    for (; count > 0; count--, in += AIMC_ALL_HASH_STRIPE) {
        aimc_all_hash_mix_wasm(a, in, secret + 8 * first);
        aimc_all_hash_mix_wasm(a + 2, in + 32, secret + 8 * first + 32);
        if (++first < AIMC_ALL_HASH_BLOCK) continue;
        first = 0;
        for (i = 0; i < 4; i++) aimc_all_hash_scramble_wasm(a + i, secret + 128 + 16 * i);
    }
    for (i = 0; i < 4; i++) wasm_v128_store(acc + 2 * i, a[i]);
}

#endif

/* The best run that flags allow. */
AIMC_ALL_FN void aimc_all_hash_run(uint32_t flags, uint64_t *acc, const unsigned char *in,
                           const unsigned char *secret, size_t first, size_t count) {
#if defined(AIMC_ALL_SIMD_X86)
    if ((flags & AIMC_ALL_CPU_AVX512) != 0) {
        aimc_all_hash_run_avx512(acc, in, secret, first, count);
        return;
    }
    if ((flags & AIMC_ALL_CPU_AVX2) != 0) {
        aimc_all_hash_run_avx2(acc, in, secret, first, count);
        return;
    }
    if ((flags & AIMC_ALL_CPU_SSE2) != 0) {
        aimc_all_hash_run_sse2(acc, in, secret, first, count);
        return;
    }
#elif defined(AIMC_ALL_SIMD_NEON)
    if ((flags & AIMC_ALL_CPU_NEON) != 0) {
        aimc_all_hash_run_neon(acc, in, secret, first, count);
        return;
    }
#elif defined(AIMC_ALL_SIMD_WASM)
    if ((flags & AIMC_ALL_CPU_WASM) != 0) {
        aimc_all_hash_run_wasm(acc, in, secret, first, count);
        return;
    }
#endif
    (void)flags;
    aimc_all_hash_run_scalar(acc, in, secret, first, count);
}

AIMC_ALL_FN void aimc_all_hash_start(uint64_t *acc) {
    acc[0] = AIMC_ALL_HASH_P32_3;
    acc[1] = AIMC_ALL_HASH_P64_1;
    acc[2] = AIMC_ALL_HASH_P64_2;
    acc[3] = AIMC_ALL_HASH_P64_3;
    acc[4] = AIMC_ALL_HASH_P64_4;
    acc[5] = AIMC_ALL_HASH_P32_2;
    acc[6] = AIMC_ALL_HASH_P64_5;
    acc[7] = AIMC_ALL_HASH_P32_1;
}

/* The secret of a seed for long inputs: words go up and down by the seed in turn. */
AIMC_ALL_FN void aimc_all_hash_derive(unsigned char *out, uint64_t seed) {
    const unsigned char *secret = aimc_all_hash_secret();
    size_t i;
    for (i = 0; i < AIMC_ALL_HASH_SECRET; i += 16) {
        aimc_all_store_u64(out + i, aimc_all_load_u64(secret + i) + seed);
        aimc_all_store_u64(out + i + 8, aimc_all_load_u64(secret + i + 8) - seed);
    }
}

/* The last 64 bytes of the input, which other stripes may have seen in part, and then one number
   from the eight lanes. */
AIMC_ALL_FN uint64_t aimc_all_hash_finish(uint32_t flags, uint64_t *acc, const unsigned char *last,
                                  const unsigned char *secret, uint64_t total) {
    uint64_t x = total * AIMC_ALL_HASH_P64_1;
    size_t i;
    aimc_all_hash_run(flags, acc, last, secret + AIMC_ALL_HASH_LAST, 0, 1); /* one stripe: no scramble */
    for (i = 0; i < 8; i += 2) {
        const unsigned char *key = secret + AIMC_ALL_HASH_MERGE + 8 * i;
        x += aimc_all_hash_fold(acc[i] ^ aimc_all_load_u64(key), acc[i + 1] ^ aimc_all_load_u64(key + 8));
    }
    return aimc_all_hash_avalanche(x);
}

/* Inputs above 240 bytes. Every stripe that at least one byte follows takes its turn. */
AIMC_ALL_FN uint64_t aimc_all_hash_long(uint32_t flags, const unsigned char *in, size_t size,
                                uint64_t seed) {
    unsigned char derived[AIMC_ALL_HASH_SECRET];
    const unsigned char *secret = aimc_all_hash_secret();
    uint64_t acc[8];
    if (seed != 0) {
        aimc_all_hash_derive(derived, seed);
        secret = derived;
    }
    aimc_all_hash_start(acc);
    aimc_all_hash_run(flags, acc, in, secret, 0, (size - 1) / AIMC_ALL_HASH_STRIPE);
    return aimc_all_hash_finish(flags, acc, in + size - AIMC_ALL_HASH_STRIPE, secret, size);
}

AIMC_ALL_FN uint64_t aimc_all_hash64_at(uint32_t flags, const void *data, size_t size, uint64_t seed) {
    const unsigned char *in = (const unsigned char *)data;
    if (size <= AIMC_ALL_HASH_SHORT) return aimc_all_hash_short(in, size, seed);
    return aimc_all_hash_long(flags, in, size, seed);
}

/* XXH3-64 of size bytes; data may be NULL when size is 0. Any thread. */
AIMC_ALL_FN uint64_t aimc_all_hash64(const void *data, size_t size, uint64_t seed) {
    return aimc_all_hash64_at(size <= AIMC_ALL_HASH_SHORT ? 0 : aimc_all_cpu_flags(), data, size, seed);
}

/* The same hash of bytes that come in pieces.
 *
 *   bytes:  [ 64 bytes that the lanes saw last | pending: not seen yet, at most 256 | free ]
 *
 * Until more than 256 bytes came, everything is pending and the lanes saw nothing. From then on at
 * least one byte is pending (total counts it), so the last 64 bytes of the input always end where
 * pending ends, in one piece. The lanes saw total - pending bytes, a multiple of 64. */
typedef struct aimc_all_hash_state {
    uint64_t acc[8];
    uint64_t seed, total;
    uint32_t flags, pending;
    unsigned char secret[AIMC_ALL_HASH_SECRET];
    unsigned char bytes[AIMC_ALL_HASH_STRIPE + AIMC_ALL_HASH_BUFFER];
} aimc_all_hash_state;

AIMC_ALL_FN void aimc_all_hash_init_at(aimc_all_hash_state *s, uint32_t flags, uint64_t seed) {
    memset(s, 0, sizeof *s);
    aimc_all_hash_start(s->acc);
    aimc_all_hash_derive(s->secret, seed);
    s->flags = flags;
    s->seed = seed;
}

/* Starts over; a state needs no clean-up. */
AIMC_ALL_FN void aimc_all_hash_init(aimc_all_hash_state *s, uint64_t seed) {
    aimc_all_hash_init_at(s, aimc_all_cpu_flags(), seed);
}

/* Feeds count > 0 stripes to the lanes and keeps the last; in may point into s->bytes. seen is how
   many bytes the lanes had before. */
AIMC_ALL_FN void aimc_all_hash_feed(aimc_all_hash_state *s, const unsigned char *in, size_t count,
                            uint64_t seen) {
    size_t first = (size_t)(seen / AIMC_ALL_HASH_STRIPE % AIMC_ALL_HASH_BLOCK);
    aimc_all_hash_run(s->flags, s->acc, in, s->secret, first, count);
    memmove(s->bytes, in + (count - 1) * AIMC_ALL_HASH_STRIPE, AIMC_ALL_HASH_STRIPE);
}

/* The next size bytes; data may be NULL when size is 0. */
AIMC_ALL_FN void aimc_all_hash_update(aimc_all_hash_state *s, const void *data, size_t size) {
    const unsigned char *in = (const unsigned char *)data;
    unsigned char *pending = s->bytes + AIMC_ALL_HASH_STRIPE;
    uint64_t seen = s->total - s->pending;
    size_t room = AIMC_ALL_HASH_BUFFER - s->pending;
    if (size == 0) return;
    s->total += size;
    if (size > room) {
        if (s->pending != 0) {
            memcpy(pending + s->pending, in, room);
            in += room;
            size -= room;
            aimc_all_hash_feed(s, pending, AIMC_ALL_HASH_BUFFER / AIMC_ALL_HASH_STRIPE, seen);
            seen += AIMC_ALL_HASH_BUFFER;
            s->pending = 0;
        }
        if (size > AIMC_ALL_HASH_STRIPE) {
            size_t count = (size - 1) / AIMC_ALL_HASH_STRIPE;
            aimc_all_hash_feed(s, in, count, seen);
            in += count * AIMC_ALL_HASH_STRIPE;
            size -= count * AIMC_ALL_HASH_STRIPE;
        }
    }
    memcpy(pending + s->pending, in, size);
    s->pending += (uint32_t)size;
}

/* The hash of all bytes so far; the state goes on unchanged. */
AIMC_ALL_FN uint64_t aimc_all_hash_final(const aimc_all_hash_state *s) {
    const unsigned char *pending = s->bytes + AIMC_ALL_HASH_STRIPE;
    uint64_t acc[8], seen = s->total - s->pending;
    size_t first = (size_t)(seen / AIMC_ALL_HASH_STRIPE % AIMC_ALL_HASH_BLOCK);
    if (s->total <= AIMC_ALL_HASH_SHORT) return aimc_all_hash_short(pending, s->pending, s->seed);
    memcpy(acc, s->acc, sizeof acc);
    aimc_all_hash_run(s->flags, acc, pending, s->secret, first,
                  (s->pending - 1) / AIMC_ALL_HASH_STRIPE);
    return aimc_all_hash_finish(s->flags, acc, s->bytes + s->pending, s->secret, s->total);
}

/* end core/hash.h */

/* begin core/crc.h */
/* core/crc.h: CRC32C, the check of headers and pages.
 *
 * The cyclic redundancy check with Castagnoli's polynomial (Castagnoli, Braeuer and Herrmann 1993)
 * as in iSCSI (RFC 3720, B.4): reflected, register inverted before and after. Three ways: tables
 * that take eight bytes at a time (slicing by 8, Kounavis and Berry 2005), and the crc32
 * instructions of SSE4.2 and of ARMv8, chosen at run time.
 */

/* A CRC is linear: the table entry of a byte is the xor of the entries of its bits. These spell out
   a table of 16 or 256 entries from those of 1, 2, 4, 8 and so on. */
#define AIMC_ALL_CRC_4(x, a, b) (x), (x) ^ (a), (x) ^ (b), (x) ^ (a) ^ (b)
#define AIMC_ALL_CRC_16_FROM(x, a, b, c, d) \
    AIMC_ALL_CRC_4(x, a, b), AIMC_ALL_CRC_4((x) ^ (c), a, b), AIMC_ALL_CRC_4((x) ^ (d), a, b), \
        AIMC_ALL_CRC_4((x) ^ (c) ^ (d), a, b)
#define AIMC_ALL_CRC_64_FROM(x, a, b, c, d, e, f) \
    AIMC_ALL_CRC_16_FROM(x, a, b, c, d), AIMC_ALL_CRC_16_FROM((x) ^ (e), a, b, c, d), \
        AIMC_ALL_CRC_16_FROM((x) ^ (f), a, b, c, d), AIMC_ALL_CRC_16_FROM((x) ^ (e) ^ (f), a, b, c, d)
#define AIMC_ALL_CRC_16(a, b, c, d) { AIMC_ALL_CRC_16_FROM(0u, a, b, c, d) }
#define AIMC_ALL_CRC_256(a, b, c, d, e, f, g, h) \
    { \
        AIMC_ALL_CRC_64_FROM(0u, a, b, c, d, e, f), AIMC_ALL_CRC_64_FROM(g, a, b, c, d, e, f), \
            AIMC_ALL_CRC_64_FROM(h, a, b, c, d, e, f), AIMC_ALL_CRC_64_FROM((g) ^ (h), a, b, c, d, e, f) \
    }

/* The register after size bytes, without the inversions. table[k][x]: what byte x does to it with
   k zero bytes behind. */
AIMC_ALL_FN uint32_t aimc_all_crc_soft(uint32_t crc, const unsigned char *in, size_t size) {
    static const uint32_t table[8][256] = {
        AIMC_ALL_CRC_256(0xF26B8303u, 0xE13B70F7u, 0xC79A971Fu, 0x8AD958CFu, 0x105EC76Fu, 0x20BD8EDEu,
                     0x417B1DBCu, 0x82F63B78u),
        AIMC_ALL_CRC_256(0x13A29877u, 0x274530EEu, 0x4E8A61DCu, 0x9D14C3B8u, 0x3FC5F181u, 0x7F8BE302u,
                     0xFF17C604u, 0xFBC3FAF9u),
        AIMC_ALL_CRC_256(0xA541927Eu, 0x4F6F520Du, 0x9EDEA41Au, 0x38513EC5u, 0x70A27D8Au, 0xE144FB14u,
                     0xC76580D9u, 0x8B277743u),
        AIMC_ALL_CRC_256(0xDD45AAB8u, 0xBF672381u, 0x7B2231F3u, 0xF64463E6u, 0xE964B13Du, 0xD725148Bu,
                     0xABA65FE7u, 0x52A0C93Fu),
        AIMC_ALL_CRC_256(0x38116FACu, 0x7022DF58u, 0xE045BEB0u, 0xC5670B91u, 0x8F2261D3u, 0x1BA8B557u,
                     0x37516AAEu, 0x6EA2D55Cu),
        AIMC_ALL_CRC_256(0xEF306B19u, 0xDB8CA0C3u, 0xB2F53777u, 0x6006181Fu, 0xC00C303Eu, 0x85F4168Du,
                     0x0E045BEBu, 0x1C08B7D6u),
        AIMC_ALL_CRC_256(0x68032CC8u, 0xD0065990u, 0xA5E0C5D1u, 0x4E2DFD53u, 0x9C5BFAA6u, 0x3D5B83BDu,
                     0x7AB7077Au, 0xF56E0EF4u),
        AIMC_ALL_CRC_256(0x493C7D27u, 0x9278FA4Eu, 0x211D826Du, 0x423B04DAu, 0x847609B4u, 0x0D006599u,
                     0x1A00CB32u, 0x34019664u),
    };
    for (; size >= 8; size -= 8, in += 8) {
        uint32_t a = aimc_all_load_u32(in) ^ crc, b = aimc_all_load_u32(in + 4);
        crc = table[7][a & 255] ^ table[6][a >> 8 & 255] ^ table[5][a >> 16 & 255] ^
              table[4][a >> 24] ^ table[3][b & 255] ^ table[2][b >> 8 & 255] ^
              table[1][b >> 16 & 255] ^ table[0][b >> 24];
    }
    for (; size > 0; size--, in++) crc = table[0][(crc ^ *in) & 255] ^ crc >> 8;
    return crc;
}

/* The instructions: AIMC_ALL_CRC_CPU is the flag that allows them, AIMC_ALL_CRC_TARGET marks functions that
   use them, AIMC_ALL_CRC_EIGHT and AIMC_ALL_CRC_ONE take eight bytes (as a number) and one. */
#if defined(AIMC_ALL_SIMD_X86)
#include <immintrin.h>
#define AIMC_ALL_CRC_CPU AIMC_ALL_CPU_SSE42
#define AIMC_ALL_CRC_TARGET AIMC_ALL_TARGET("sse4.2")
#if defined(AIMC_ALL_X64)
#define AIMC_ALL_CRC_EIGHT(crc, x) _mm_crc32_u64(crc, x)
#else
#define AIMC_ALL_CRC_EIGHT(crc, x) \
    _mm_crc32_u32(_mm_crc32_u32((uint32_t)(crc), (uint32_t)(x)), (uint32_t)((x) >> 32))
#endif
#define AIMC_ALL_CRC_ONE(crc, x) _mm_crc32_u8(crc, x)
#elif defined(__ARM_FEATURE_CRC32) && !defined(AIMEM_NO_SIMD) && !defined(AIMC_ALL_TCC)
#include <arm_acle.h>
#define AIMC_ALL_CRC_CPU AIMC_ALL_CPU_ARM_CRC
#define AIMC_ALL_CRC_TARGET
#define AIMC_ALL_CRC_EIGHT(crc, x) __crc32cd((uint32_t)(crc), x)
#define AIMC_ALL_CRC_ONE(crc, x) __crc32cb(crc, x)
#elif defined(AIMC_ALL_ARM64) && defined(AIMC_ALL_GNU) && !defined(AIMEM_NO_SIMD)
/* <arm_acle.h> of clang hides the names when the whole file is not built for them. */
#define AIMC_ALL_CRC_CPU AIMC_ALL_CPU_ARM_CRC
#if defined(AIMC_ALL_CLANG)
#define AIMC_ALL_CRC_TARGET __attribute__((target("crc")))
#define AIMC_ALL_CRC_EIGHT(crc, x) __builtin_arm_crc32cd((uint32_t)(crc), x)
#define AIMC_ALL_CRC_ONE(crc, x) __builtin_arm_crc32cb(crc, x)
#else
#define AIMC_ALL_CRC_TARGET __attribute__((target("+crc")))
#define AIMC_ALL_CRC_EIGHT(crc, x) __builtin_aarch64_crc32cx((uint32_t)(crc), x)
#define AIMC_ALL_CRC_ONE(crc, x) __builtin_aarch64_crc32cb(crc, x)
#endif
#endif

#if defined(AIMC_ALL_CRC_CPU)

/* An instruction can start every cycle but takes three, so three parts of this many bytes go side
   by side. Two such triples and 64 bytes are a page of 4096. */
#define AIMC_ALL_CRC_PART 672

/* The register after AIMC_ALL_CRC_PART zero bytes; one row for each four bits. */
AIMC_ALL_FN uint32_t aimc_all_crc_skip_part(uint32_t crc) {
    static const uint32_t table[8][16] = {
        AIMC_ALL_CRC_16(0xE417F38Au, 0xCDC391E5u, 0x9E6B553Bu, 0x393ADC87u),
        AIMC_ALL_CRC_16(0x7275B90Eu, 0xE4EB721Cu, 0xCC3A92C9u, 0x9D995363u),
        AIMC_ALL_CRC_16(0x3EDED037u, 0x7DBDA06Eu, 0xFB7B40DCu, 0xF31AF749u),
        AIMC_ALL_CRC_16(0xE3D99863u, 0xC25F4637u, 0x8152FA9Fu, 0x074983CFu),
        AIMC_ALL_CRC_16(0x0E93079Eu, 0x1D260F3Cu, 0x3A4C1E78u, 0x74983CF0u),
        AIMC_ALL_CRC_16(0xE93079E0u, 0xD78C8531u, 0xAAF57C93u, 0x50068FD7u),
        AIMC_ALL_CRC_16(0xA00D1FAEu, 0x45F649ADu, 0x8BEC935Au, 0x12355045u),
        AIMC_ALL_CRC_16(0x246AA08Au, 0x48D54114u, 0x91AA8228u, 0x26B972A1u),
    };
    return table[0][crc & 15] ^ table[1][crc >> 4 & 15] ^ table[2][crc >> 8 & 15] ^
           table[3][crc >> 12 & 15] ^ table[4][crc >> 16 & 15] ^ table[5][crc >> 20 & 15] ^
           table[6][crc >> 24 & 15] ^ table[7][crc >> 28];
}

/* As aimc_all_crc_soft. The registers are 64 bits wide because the x86-64 instruction is. */
AIMC_ALL_FN AIMC_ALL_CRC_TARGET uint32_t aimc_all_crc_hard(uint32_t crc, const unsigned char *in,
                                               size_t size) {
    uint64_t a = crc;
    uint32_t x;
    for (; size >= 3 * AIMC_ALL_CRC_PART; size -= 3 * AIMC_ALL_CRC_PART, in += 2 * AIMC_ALL_CRC_PART) {
        const unsigned char *end = in + AIMC_ALL_CRC_PART;
        const unsigned char *ahead = size >= 9 * AIMC_ALL_CRC_PART ? in + 6 * AIMC_ALL_CRC_PART : in;
        uint64_t b = 0, c = 0;
        for (; in < end; in += 8, ahead += 24) {
            AIMC_ALL_PREFETCH(ahead);
            a = AIMC_ALL_CRC_EIGHT(a, aimc_all_load_u64(in));
            b = AIMC_ALL_CRC_EIGHT(b, aimc_all_load_u64(in + AIMC_ALL_CRC_PART));
            c = AIMC_ALL_CRC_EIGHT(c, aimc_all_load_u64(in + 2 * AIMC_ALL_CRC_PART));
        }
        x = aimc_all_crc_skip_part((uint32_t)a) ^ (uint32_t)b;
        a = aimc_all_crc_skip_part(x) ^ (uint32_t)c;
    }
    for (; size >= 8; size -= 8, in += 8) a = AIMC_ALL_CRC_EIGHT(a, aimc_all_load_u64(in));
    x = (uint32_t)a;
    for (; size > 0; size--, in++) x = AIMC_ALL_CRC_ONE(x, *in);
    return x;
}

#endif

/* As aimc_all_crc32c with the AIMC_ALL_CPU_ flags that may be used. */
AIMC_ALL_FN uint32_t aimc_all_crc32c_at(uint32_t flags, uint32_t crc, const void *data, size_t size) {
    const unsigned char *in = (const unsigned char *)data;
    (void)flags;
#if defined(AIMC_ALL_CRC_CPU)
    if ((flags & AIMC_ALL_CRC_CPU) != 0) return ~aimc_all_crc_hard(~crc, in, size);
#endif
    return ~aimc_all_crc_soft(~crc, in, size);
}

/* CRC32C of what came before and of these bytes: 0 to start, else the last result. data may be NULL
   when size is 0. Any thread. */
AIMC_ALL_FN uint32_t aimc_all_crc32c(uint32_t crc, const void *data, size_t size) {
    return aimc_all_crc32c_at(aimc_all_cpu_flags(), crc, data, size);
}

/* end core/crc.h */

/* begin core/dist.h */
/* core/dist.h: distances from one query to many rows of f32: squared L2, dot product, L1.
 *
 * One set of kernels per instruction set, chosen at run time, all with the same contract:
 *
 * - out[i] is the distance from query to the row at rows + i * stride, for i below n. dim >= 1,
 *   stride >= dim. Nothing at or after row + dim or query + dim is read. Any alignment of float;
 *   rows at multiples of 64 bytes are fastest. out overlaps neither.
 * - out[i] depends on the query, the row, dim and the level alone, to the last bit: not on n, i,
 *   stride or other rows. So a scan in blocks, by many threads, or of a few chosen rows gives what
 *   one scan gives. The kernels keep this by handling each row alone, in one loop.
 * - |error| <= (dim / 8 + 16) * 2^-24 * the sum of the absolute values of the terms (for L2 and L1
 *   that is the result): there are at least 8 partial sums, each adds every eighth term. The
 *   callers keep sums of squares below 1e37, so nothing overflows. Products below 2^-126 may count
 *   as 0, and where denormal numbers are flushed (32-bit NEON, programs linked with -ffast-math)
 *   so do inputs below it.
 * - Levels differ in the order of additions, within that bound.
 *
 * Why rows are not handled two or four at a time, which saves loads of the query: the prefetchers
 * of the processor follow one stream best. Measured on an EPYC (Zen 4) with AVX-512, 60 000 x 784
 * from DRAM, as a part of the read bandwidth of a plain integer sum: one row at a time 0.94-1.1;
 * two 0.5; four 0.6; one with software prefetch 1-8 KiB ahead 0.7-0.9. In cache (192 KiB, dim 128
 * to 2048) one row with two sums reads 104-110 GB/s, about what the L2 cache gives; four rows
 * 85-109; the simple loop as gcc -O3 -march=native -ffast-math makes it 78-104.
 */

typedef void (*aimc_all_dist_rows_fn)(const float *query, const float *rows, size_t stride, size_t n,
                                  size_t dim, float *out);

/* The kernels of one level. A sum of squares is dot of a vector with itself. */
typedef struct aimc_all_dist {
    aimc_all_dist_rows_fn l2sq, dot, l1;
    uint32_t level; /* AIMC_ALL_LEVEL_SCALAR ..., never auto */
} aimc_all_dist;

/* begin core/dist_scalar.h */
/* core/dist_scalar.h: the distance kernels in plain C; the contract is in core/dist.h.
 *
 * Eight partial sums, so that additions do not wait for each other and a compiler that vectorises
 * may do so without changing the order. The last dim % 8 terms go to the first sums.
 */

AIMC_ALL_INLINE float aimc_all_sum8(const float s[8]) {
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

AIMC_ALL_FN void aimc_all_l2sq_scalar(const float *query, const float *rows, size_t stride, size_t n,
                              size_t dim, float *out) {
    size_t i, j, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float s[8] = {0, 0, 0, 0, 0, 0, 0, 0}, d;
        for (k = 0; k + 8 <= dim; k += 8) {
            for (j = 0; j < 8; j++) {
                d = query[k + j] - row[k + j];
                s[j] += d * d;
            }
        }
        for (j = 0; k < dim; j++, k++) {
            d = query[k] - row[k];
            s[j] += d * d;
        }
        out[i] = aimc_all_sum8(s);
    }
}

AIMC_ALL_FN void aimc_all_dot_scalar(const float *query, const float *rows, size_t stride, size_t n,
                             size_t dim, float *out) {
    size_t i, j, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float s[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (k = 0; k + 8 <= dim; k += 8) {
            for (j = 0; j < 8; j++) s[j] += query[k + j] * row[k + j];
        }
        for (j = 0; k < dim; j++, k++) s[j] += query[k] * row[k];
        out[i] = aimc_all_sum8(s);
    }
}

AIMC_ALL_FN void aimc_all_l1_scalar(const float *query, const float *rows, size_t stride, size_t n,
                            size_t dim, float *out) {
    size_t i, j, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float s[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (k = 0; k + 8 <= dim; k += 8) {
            for (j = 0; j < 8; j++) s[j] += aimc_all_absf(query[k + j] - row[k + j]);
        }
        for (j = 0; k < dim; j++, k++) s[j] += aimc_all_absf(query[k] - row[k]);
        out[i] = aimc_all_sum8(s);
    }
}

/* end core/dist_scalar.h */

#if defined(AIMC_ALL_LEVELS_X86)
/* begin core/dist_x86.h */
/* core/dist_x86.h: the distance kernels for SSE2, AVX2 with FMA, and AVX-512; the contract and the
 * reason for the shape of the loops are in core/dist.h.
 *
 * Every function carries its own target, so the file needs no compiler flag; core/cpu.h says which
 * may be called.
 */

#include <immintrin.h>

#define AIMC_ALL_TARGET_SSE AIMC_ALL_TARGET("sse2")
#define AIMC_ALL_TARGET_AVX2 AIMC_ALL_TARGET("avx2,fma")
#define AIMC_ALL_TARGET_AVX512 AIMC_ALL_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")

/* SSE2: four sums of four lanes. */

/* The last 1 to 3 floats of a row, and 0 for the missing ones. (_mm_set_ps would not do: gcc -m32
   -ffast-math refuses to inline what takes floats into a function with its own target.) */
AIMC_ALL_INLINE AIMC_ALL_TARGET_SSE void aimc_all_tail_sse(const float *p, size_t left, __m128 *out) {
    float lanes[4];
    lanes[0] = p[0];
    lanes[1] = left > 1 ? p[1] : 0.0f;
    lanes[2] = left > 2 ? p[2] : 0.0f;
    lanes[3] = 0.0f;
    *out = _mm_loadu_ps(lanes);
}

/* *out = the sum of all 16 lanes. */
AIMC_ALL_INLINE AIMC_ALL_TARGET_SSE void aimc_all_sum_sse(const __m128 s[4], float *out) {
    __m128 t = _mm_add_ps(_mm_add_ps(s[0], s[1]), _mm_add_ps(s[2], s[3]));
    t = _mm_add_ps(t, _mm_movehl_ps(t, t));
    t = _mm_add_ss(t, _mm_shuffle_ps(t, t, 1));
    _mm_store_ss(out, t);
}

/* *s += |a - b|, *s += (a - b)^2 and *s += a * b, lane by lane, at each level. */
AIMC_ALL_INLINE AIMC_ALL_TARGET_SSE void aimc_all_step_l1_sse(__m128 *s, const float *a, const float *b) {
    const __m128 keep = _mm_castsi128_ps(_mm_set1_epi32(0x7FFFFFFF));
    __m128 d = _mm_sub_ps(_mm_loadu_ps(a), _mm_loadu_ps(b));
    *s = _mm_add_ps(*s, _mm_and_ps(d, keep));
}

AIMC_ALL_INLINE AIMC_ALL_TARGET_SSE void aimc_all_step_l2_sse(__m128 *s, const float *a, const float *b) {
    __m128 d = _mm_sub_ps(_mm_loadu_ps(a), _mm_loadu_ps(b));
    *s = _mm_add_ps(*s, _mm_mul_ps(d, d));
}

AIMC_ALL_INLINE AIMC_ALL_TARGET_SSE void aimc_all_step_dot_sse(__m128 *s, const float *a, const float *b) {
    *s = _mm_add_ps(*s, _mm_mul_ps(_mm_loadu_ps(a), _mm_loadu_ps(b)));
}

AIMC_ALL_FN AIMC_ALL_TARGET_SSE void aimc_all_l2sq_sse(const float *query, const float *rows, size_t stride,
                                           size_t n, size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m128 s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = _mm_setzero_ps();
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_all_step_l2_sse(&s[0], query + k, row + k);
            aimc_all_step_l2_sse(&s[1], query + k + 4, row + k + 4);
            aimc_all_step_l2_sse(&s[2], query + k + 8, row + k + 8);
            aimc_all_step_l2_sse(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_all_step_l2_sse(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_all_tail_sse(query + k, dim - k, &a);
            aimc_all_tail_sse(row + k, dim - k, &b);
            a = _mm_sub_ps(a, b);
            s[1] = _mm_add_ps(s[1], _mm_mul_ps(a, a));
        }
        aimc_all_sum_sse(s, out + i);
    }
}

AIMC_ALL_FN AIMC_ALL_TARGET_SSE void aimc_all_dot_sse(const float *query, const float *rows, size_t stride,
                                          size_t n, size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m128 s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = _mm_setzero_ps();
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_all_step_dot_sse(&s[0], query + k, row + k);
            aimc_all_step_dot_sse(&s[1], query + k + 4, row + k + 4);
            aimc_all_step_dot_sse(&s[2], query + k + 8, row + k + 8);
            aimc_all_step_dot_sse(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_all_step_dot_sse(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_all_tail_sse(query + k, dim - k, &a);
            aimc_all_tail_sse(row + k, dim - k, &b);
            s[1] = _mm_add_ps(s[1], _mm_mul_ps(a, b));
        }
        aimc_all_sum_sse(s, out + i);
    }
}

AIMC_ALL_FN AIMC_ALL_TARGET_SSE void aimc_all_l1_sse(const float *query, const float *rows, size_t stride,
                                         size_t n, size_t dim, float *out) {
    const __m128 keep = _mm_castsi128_ps(_mm_set1_epi32(0x7FFFFFFF));
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m128 s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = _mm_setzero_ps();
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_all_step_l1_sse(&s[0], query + k, row + k);
            aimc_all_step_l1_sse(&s[1], query + k + 4, row + k + 4);
            aimc_all_step_l1_sse(&s[2], query + k + 8, row + k + 8);
            aimc_all_step_l1_sse(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_all_step_l1_sse(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_all_tail_sse(query + k, dim - k, &a);
            aimc_all_tail_sse(row + k, dim - k, &b);
            s[1] = _mm_add_ps(s[1], _mm_and_ps(_mm_sub_ps(a, b), keep));
        }
        aimc_all_sum_sse(s, out + i);
    }
}

/* AVX2: four sums of eight lanes; the tail through masked loads, which do not touch what is masked
   off. */

/* *mask = all ones in the first left (1 to 7) lanes, 0 in the others. */
AIMC_ALL_INLINE AIMC_ALL_TARGET_AVX2 void aimc_all_mask_avx2(size_t left, __m256i *mask) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    *mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)left), lane);
}

/* *out = the sum of all 32 lanes. */
AIMC_ALL_INLINE AIMC_ALL_TARGET_AVX2 void aimc_all_sum_avx2(const __m256 s[4], float *out) {
    __m256 w = _mm256_add_ps(_mm256_add_ps(s[0], s[1]), _mm256_add_ps(s[2], s[3]));
    __m128 t = _mm_add_ps(_mm256_castps256_ps128(w), _mm256_extractf128_ps(w, 1));
    t = _mm_add_ps(t, _mm_movehl_ps(t, t));
    t = _mm_add_ss(t, _mm_shuffle_ps(t, t, 1));
    _mm_store_ss(out, t);
}

AIMC_ALL_INLINE AIMC_ALL_TARGET_AVX2 void aimc_all_step_l1_avx2(__m256 *s, const float *a, const float *b) {
    const __m256 keep = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    __m256 d = _mm256_sub_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b));
    *s = _mm256_add_ps(*s, _mm256_and_ps(d, keep));
}

AIMC_ALL_INLINE AIMC_ALL_TARGET_AVX2 void aimc_all_step_l2_avx2(__m256 *s, const float *a, const float *b) {
    __m256 d = _mm256_sub_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b));
    *s = _mm256_fmadd_ps(d, d, *s);
}

AIMC_ALL_INLINE AIMC_ALL_TARGET_AVX2 void aimc_all_step_dot_avx2(__m256 *s, const float *a, const float *b) {
    *s = _mm256_fmadd_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b), *s);
}

AIMC_ALL_FN AIMC_ALL_TARGET_AVX2 void aimc_all_l2sq_avx2(const float *query, const float *rows, size_t stride,
                                             size_t n, size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m256 s[4], d;
        __m256i mask;
        s[0] = s[1] = s[2] = s[3] = _mm256_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_all_step_l2_avx2(&s[0], query + k, row + k);
            aimc_all_step_l2_avx2(&s[1], query + k + 8, row + k + 8);
            aimc_all_step_l2_avx2(&s[2], query + k + 16, row + k + 16);
            aimc_all_step_l2_avx2(&s[3], query + k + 24, row + k + 24);
        }
        for (; k + 8 <= dim; k += 8) aimc_all_step_l2_avx2(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_all_mask_avx2(dim - k, &mask);
            d = _mm256_sub_ps(_mm256_maskload_ps(query + k, mask),
                              _mm256_maskload_ps(row + k, mask));
            s[1] = _mm256_fmadd_ps(d, d, s[1]);
        }
        aimc_all_sum_avx2(s, out + i);
    }
}

AIMC_ALL_FN AIMC_ALL_TARGET_AVX2 void aimc_all_dot_avx2(const float *query, const float *rows, size_t stride,
                                            size_t n, size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m256 s[4];
        __m256i mask;
        s[0] = s[1] = s[2] = s[3] = _mm256_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_all_step_dot_avx2(&s[0], query + k, row + k);
            aimc_all_step_dot_avx2(&s[1], query + k + 8, row + k + 8);
            aimc_all_step_dot_avx2(&s[2], query + k + 16, row + k + 16);
            aimc_all_step_dot_avx2(&s[3], query + k + 24, row + k + 24);
        }
        for (; k + 8 <= dim; k += 8) aimc_all_step_dot_avx2(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_all_mask_avx2(dim - k, &mask);
            s[1] = _mm256_fmadd_ps(_mm256_maskload_ps(query + k, mask),
                                   _mm256_maskload_ps(row + k, mask), s[1]);
        }
        aimc_all_sum_avx2(s, out + i);
    }
}

AIMC_ALL_FN AIMC_ALL_TARGET_AVX2 void aimc_all_l1_avx2(const float *query, const float *rows, size_t stride,
                                           size_t n, size_t dim, float *out) {
    const __m256 keep = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m256 s[4], d;
        __m256i mask;
        s[0] = s[1] = s[2] = s[3] = _mm256_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_all_step_l1_avx2(&s[0], query + k, row + k);
            aimc_all_step_l1_avx2(&s[1], query + k + 8, row + k + 8);
            aimc_all_step_l1_avx2(&s[2], query + k + 16, row + k + 16);
            aimc_all_step_l1_avx2(&s[3], query + k + 24, row + k + 24);
        }
        for (; k + 8 <= dim; k += 8) aimc_all_step_l1_avx2(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_all_mask_avx2(dim - k, &mask);
            d = _mm256_sub_ps(_mm256_maskload_ps(query + k, mask),
                              _mm256_maskload_ps(row + k, mask));
            s[1] = _mm256_add_ps(s[1], _mm256_and_ps(d, keep));
        }
        aimc_all_sum_avx2(s, out + i);
    }
}

/* AVX-512: two sums of sixteen lanes; they already keep up with the L2 cache. */

/* *out = the sum of all 32 lanes. The masks are full: the forms without one bring a warning about
   an uninitialised variable out of gcc 12's own headers. */
AIMC_ALL_INLINE AIMC_ALL_TARGET_AVX512 void aimc_all_sum_avx512(const __m512 s[2], float *out) {
    __m512 v = _mm512_add_ps(s[0], s[1]);
    __m256 w = _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xFF, v, 0),
                             _mm512_maskz_extractf32x8_ps(0xFF, v, 1));
    __m128 t = _mm_add_ps(_mm256_castps256_ps128(w), _mm256_extractf128_ps(w, 1));
    t = _mm_add_ps(t, _mm_movehl_ps(t, t));
    t = _mm_add_ss(t, _mm_shuffle_ps(t, t, 1));
    _mm_store_ss(out, t);
}

AIMC_ALL_INLINE AIMC_ALL_TARGET_AVX512 void aimc_all_step_l1_avx512(__m512 *s, const float *a,
                                                        const float *b) {
    const __m512 keep = _mm512_castsi512_ps(_mm512_set1_epi32(0x7FFFFFFF));
    __m512 d = _mm512_sub_ps(_mm512_loadu_ps(a), _mm512_loadu_ps(b));
    *s = _mm512_add_ps(*s, _mm512_and_ps(d, keep));
}

AIMC_ALL_INLINE AIMC_ALL_TARGET_AVX512 void aimc_all_step_l2_avx512(__m512 *s, const float *a,
                                                        const float *b) {
    __m512 d = _mm512_sub_ps(_mm512_loadu_ps(a), _mm512_loadu_ps(b));
    *s = _mm512_fmadd_ps(d, d, *s);
}

AIMC_ALL_INLINE AIMC_ALL_TARGET_AVX512 void aimc_all_step_dot_avx512(__m512 *s, const float *a,
                                                         const float *b) {
    *s = _mm512_fmadd_ps(_mm512_loadu_ps(a), _mm512_loadu_ps(b), *s);
}

AIMC_ALL_FN AIMC_ALL_TARGET_AVX512 void aimc_all_l2sq_avx512(const float *query, const float *rows,
                                                 size_t stride, size_t n, size_t dim, float *out) {
    const __mmask16 tail = (__mmask16)((1u << (dim & 15)) - 1);
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m512 s[2], d;
        s[0] = s[1] = _mm512_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_all_step_l2_avx512(&s[0], query + k, row + k);
            aimc_all_step_l2_avx512(&s[1], query + k + 16, row + k + 16);
        }
        if (k + 16 <= dim) {
            aimc_all_step_l2_avx512(&s[0], query + k, row + k);
            k += 16;
        }
        if (tail != 0) {
            d = _mm512_sub_ps(_mm512_maskz_loadu_ps(tail, query + k),
                              _mm512_maskz_loadu_ps(tail, row + k));
            s[1] = _mm512_fmadd_ps(d, d, s[1]);
        }
        aimc_all_sum_avx512(s, out + i);
    }
}

AIMC_ALL_FN AIMC_ALL_TARGET_AVX512 void aimc_all_dot_avx512(const float *query, const float *rows,
                                                size_t stride, size_t n, size_t dim, float *out) {
    const __mmask16 tail = (__mmask16)((1u << (dim & 15)) - 1);
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m512 s[2];
        s[0] = s[1] = _mm512_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_all_step_dot_avx512(&s[0], query + k, row + k);
            aimc_all_step_dot_avx512(&s[1], query + k + 16, row + k + 16);
        }
        if (k + 16 <= dim) {
            aimc_all_step_dot_avx512(&s[0], query + k, row + k);
            k += 16;
        }
        if (tail != 0) {
            s[1] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(tail, query + k),
                                   _mm512_maskz_loadu_ps(tail, row + k), s[1]);
        }
        aimc_all_sum_avx512(s, out + i);
    }
}

AIMC_ALL_FN AIMC_ALL_TARGET_AVX512 void aimc_all_l1_avx512(const float *query, const float *rows,
                                               size_t stride, size_t n, size_t dim, float *out) {
    const __m512 keep = _mm512_castsi512_ps(_mm512_set1_epi32(0x7FFFFFFF));
    const __mmask16 tail = (__mmask16)((1u << (dim & 15)) - 1);
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m512 s[2], d;
        s[0] = s[1] = _mm512_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_all_step_l1_avx512(&s[0], query + k, row + k);
            aimc_all_step_l1_avx512(&s[1], query + k + 16, row + k + 16);
        }
        if (k + 16 <= dim) {
            aimc_all_step_l1_avx512(&s[0], query + k, row + k);
            k += 16;
        }
        if (tail != 0) {
            d = _mm512_sub_ps(_mm512_maskz_loadu_ps(tail, query + k),
                              _mm512_maskz_loadu_ps(tail, row + k));
            s[1] = _mm512_add_ps(s[1], _mm512_and_ps(d, keep));
        }
        aimc_all_sum_avx512(s, out + i);
    }
}

/* end core/dist_x86.h */
#elif defined(AIMC_ALL_SIMD_NEON)
/* begin core/dist_neon.h */
/* core/dist_neon.h: the distance kernels for NEON, 64-bit and 32-bit ARM; the contract is in
 * core/dist.h.
 *
 * Four sums of four lanes. On 32-bit ARM NEON flushes denormal numbers, and products are rounded
 * before they are added, where 64-bit ARM fuses.
 */

#include <arm_neon.h>

/* The last 1 to 3 floats of a row, and 0 for the missing ones. */
AIMC_ALL_INLINE void aimc_all_tail_neon(const float *p, size_t left, float32x4_t *out) {
    float lanes[4];
    lanes[0] = p[0];
    lanes[1] = left > 1 ? p[1] : 0.0f;
    lanes[2] = left > 2 ? p[2] : 0.0f;
    lanes[3] = 0.0f;
    *out = vld1q_f32(lanes);
}

/* *s += a * b */
AIMC_ALL_INLINE void aimc_all_fma_neon(float32x4_t *s, float32x4_t a, float32x4_t b) {
#if defined(AIMC_ALL_ARM64)
    *s = vfmaq_f32(*s, a, b);
#else
    *s = vmlaq_f32(*s, a, b);
#endif
}

/* *out = the sum of all 16 lanes. */
AIMC_ALL_INLINE void aimc_all_sum_neon(const float32x4_t s[4], float *out) {
    float32x4_t v = vaddq_f32(vaddq_f32(s[0], s[1]), vaddq_f32(s[2], s[3]));
    float32x2_t t = vadd_f32(vget_low_f32(v), vget_high_f32(v));
    t = vpadd_f32(t, t);
    vst1_lane_f32(out, t, 0);
}

/* *s += (a - b)^2, *s += a * b and *s += |a - b|, lane by lane. */
AIMC_ALL_INLINE void aimc_all_step_l2_neon(float32x4_t *s, const float *a, const float *b) {
    float32x4_t d = vsubq_f32(vld1q_f32(a), vld1q_f32(b));
    aimc_all_fma_neon(s, d, d);
}

AIMC_ALL_INLINE void aimc_all_step_dot_neon(float32x4_t *s, const float *a, const float *b) {
    aimc_all_fma_neon(s, vld1q_f32(a), vld1q_f32(b));
}

AIMC_ALL_INLINE void aimc_all_step_l1_neon(float32x4_t *s, const float *a, const float *b) {
    *s = vaddq_f32(*s, vabdq_f32(vld1q_f32(a), vld1q_f32(b)));
}

AIMC_ALL_FN void aimc_all_l2sq_neon(const float *query, const float *rows, size_t stride, size_t n,
                            size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float32x4_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = vdupq_n_f32(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_all_step_l2_neon(&s[0], query + k, row + k);
            aimc_all_step_l2_neon(&s[1], query + k + 4, row + k + 4);
            aimc_all_step_l2_neon(&s[2], query + k + 8, row + k + 8);
            aimc_all_step_l2_neon(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_all_step_l2_neon(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_all_tail_neon(query + k, dim - k, &a);
            aimc_all_tail_neon(row + k, dim - k, &b);
            a = vsubq_f32(a, b);
            aimc_all_fma_neon(&s[1], a, a);
        }
        aimc_all_sum_neon(s, out + i);
    }
}

AIMC_ALL_FN void aimc_all_dot_neon(const float *query, const float *rows, size_t stride, size_t n,
                           size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float32x4_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = vdupq_n_f32(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_all_step_dot_neon(&s[0], query + k, row + k);
            aimc_all_step_dot_neon(&s[1], query + k + 4, row + k + 4);
            aimc_all_step_dot_neon(&s[2], query + k + 8, row + k + 8);
            aimc_all_step_dot_neon(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_all_step_dot_neon(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_all_tail_neon(query + k, dim - k, &a);
            aimc_all_tail_neon(row + k, dim - k, &b);
            aimc_all_fma_neon(&s[1], a, b);
        }
        aimc_all_sum_neon(s, out + i);
    }
}

AIMC_ALL_FN void aimc_all_l1_neon(const float *query, const float *rows, size_t stride, size_t n,
                          size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float32x4_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = vdupq_n_f32(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_all_step_l1_neon(&s[0], query + k, row + k);
            aimc_all_step_l1_neon(&s[1], query + k + 4, row + k + 4);
            aimc_all_step_l1_neon(&s[2], query + k + 8, row + k + 8);
            aimc_all_step_l1_neon(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_all_step_l1_neon(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_all_tail_neon(query + k, dim - k, &a);
            aimc_all_tail_neon(row + k, dim - k, &b);
            s[1] = vaddq_f32(s[1], vabdq_f32(a, b));
        }
        aimc_all_sum_neon(s, out + i);
    }
}

/* end core/dist_neon.h */
#elif defined(AIMC_ALL_SIMD_WASM)
/* begin core/dist_wasm.h */
/* core/dist_wasm.h: the distance kernels for WebAssembly simd128; the contract is in core/dist.h.
 *
 * Four sums of four lanes. There is no run-time choice: a module with these instructions does not
 * load where they are missing, so they are there when the compiler was told to use them.
 */

#include <wasm_simd128.h>

/* The last 1 to 3 floats of a row, and 0 for the missing ones. */
AIMC_ALL_INLINE void aimc_all_tail_wasm(const float *p, size_t left, v128_t *out) {
    *out = wasm_f32x4_make(p[0], left > 1 ? p[1] : 0.0f, left > 2 ? p[2] : 0.0f, 0.0f);
}

/* *out = the sum of all 16 lanes. */
AIMC_ALL_INLINE void aimc_all_sum_wasm(const v128_t s[4], float *out) {
    v128_t v = wasm_f32x4_add(wasm_f32x4_add(s[0], s[1]), wasm_f32x4_add(s[2], s[3]));
    *out = (wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 2)) +
           (wasm_f32x4_extract_lane(v, 1) + wasm_f32x4_extract_lane(v, 3));
}

/* *s += (a - b)^2, *s += a * b and *s += |a - b|, lane by lane. */
AIMC_ALL_INLINE void aimc_all_step_l2_wasm(v128_t *s, const float *a, const float *b) {
    v128_t d = wasm_f32x4_sub(wasm_v128_load(a), wasm_v128_load(b));
    *s = wasm_f32x4_add(*s, wasm_f32x4_mul(d, d));
}

AIMC_ALL_INLINE void aimc_all_step_dot_wasm(v128_t *s, const float *a, const float *b) {
    *s = wasm_f32x4_add(*s, wasm_f32x4_mul(wasm_v128_load(a), wasm_v128_load(b)));
}

AIMC_ALL_INLINE void aimc_all_step_l1_wasm(v128_t *s, const float *a, const float *b) {
    *s = wasm_f32x4_add(*s, wasm_f32x4_abs(wasm_f32x4_sub(wasm_v128_load(a), wasm_v128_load(b))));
}

AIMC_ALL_FN void aimc_all_l2sq_wasm(const float *query, const float *rows, size_t stride, size_t n,
                            size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        v128_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = wasm_f32x4_splat(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_all_step_l2_wasm(&s[0], query + k, row + k);
            aimc_all_step_l2_wasm(&s[1], query + k + 4, row + k + 4);
            aimc_all_step_l2_wasm(&s[2], query + k + 8, row + k + 8);
            aimc_all_step_l2_wasm(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_all_step_l2_wasm(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_all_tail_wasm(query + k, dim - k, &a);
            aimc_all_tail_wasm(row + k, dim - k, &b);
            a = wasm_f32x4_sub(a, b);
            s[1] = wasm_f32x4_add(s[1], wasm_f32x4_mul(a, a));
        }
        aimc_all_sum_wasm(s, out + i);
    }
}

AIMC_ALL_FN void aimc_all_dot_wasm(const float *query, const float *rows, size_t stride, size_t n,
                           size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        v128_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = wasm_f32x4_splat(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_all_step_dot_wasm(&s[0], query + k, row + k);
            aimc_all_step_dot_wasm(&s[1], query + k + 4, row + k + 4);
            aimc_all_step_dot_wasm(&s[2], query + k + 8, row + k + 8);
            aimc_all_step_dot_wasm(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_all_step_dot_wasm(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_all_tail_wasm(query + k, dim - k, &a);
            aimc_all_tail_wasm(row + k, dim - k, &b);
            s[1] = wasm_f32x4_add(s[1], wasm_f32x4_mul(a, b));
        }
        aimc_all_sum_wasm(s, out + i);
    }
}

AIMC_ALL_FN void aimc_all_l1_wasm(const float *query, const float *rows, size_t stride, size_t n,
                          size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        v128_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = wasm_f32x4_splat(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_all_step_l1_wasm(&s[0], query + k, row + k);
            aimc_all_step_l1_wasm(&s[1], query + k + 4, row + k + 4);
            aimc_all_step_l1_wasm(&s[2], query + k + 8, row + k + 8);
            aimc_all_step_l1_wasm(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_all_step_l1_wasm(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_all_tail_wasm(query + k, dim - k, &a);
            aimc_all_tail_wasm(row + k, dim - k, &b);
            s[1] = wasm_f32x4_add(s[1], wasm_f32x4_abs(wasm_f32x4_sub(a, b)));
        }
        aimc_all_sum_wasm(s, out + i);
    }
}

/* end core/dist_wasm.h */
#endif

/* Fills a table. */
AIMC_ALL_FN void aimc_all_dist_set(aimc_all_dist *out, uint32_t level, aimc_all_dist_rows_fn l2sq,
                           aimc_all_dist_rows_fn dot, aimc_all_dist_rows_fn l1) {
    out->l2sq = l2sq;
    out->dot = dot;
    out->l1 = l1;
    out->level = level;
}

/* The kernels of a level; AIMC_ALL_LEVEL_AUTO: of the best one here. False when this build or processor
   lacks it; then out is as it was. Cheap enough to call per search. */
AIMC_ALL_FN bool aimc_all_dist_at(uint32_t level, aimc_all_dist *out) {
    if (level == AIMC_ALL_LEVEL_AUTO) level = aimc_all_simd_best();
    if (!aimc_all_simd_has(level)) return false;
    switch (level) {
#if defined(AIMC_ALL_LEVELS_X86)
    case AIMC_ALL_LEVEL_SSE:
        aimc_all_dist_set(out, level, aimc_all_l2sq_sse, aimc_all_dot_sse, aimc_all_l1_sse);
        return true;
    case AIMC_ALL_LEVEL_AVX2:
        aimc_all_dist_set(out, level, aimc_all_l2sq_avx2, aimc_all_dot_avx2, aimc_all_l1_avx2);
        return true;
    case AIMC_ALL_LEVEL_AVX512:
        aimc_all_dist_set(out, level, aimc_all_l2sq_avx512, aimc_all_dot_avx512, aimc_all_l1_avx512);
        return true;
#elif defined(AIMC_ALL_SIMD_NEON)
    case AIMC_ALL_LEVEL_NEON:
        aimc_all_dist_set(out, level, aimc_all_l2sq_neon, aimc_all_dot_neon, aimc_all_l1_neon);
        return true;
#elif defined(AIMC_ALL_SIMD_WASM)
    case AIMC_ALL_LEVEL_WASM:
        aimc_all_dist_set(out, level, aimc_all_l2sq_wasm, aimc_all_dot_wasm, aimc_all_l1_wasm);
        return true;
#endif
    default:
        aimc_all_dist_set(out, AIMC_ALL_LEVEL_SCALAR, aimc_all_l2sq_scalar, aimc_all_dot_scalar, aimc_all_l1_scalar);
        return true;
    }
}

/* end core/dist.h */

/* begin core/topk.h */
/* core/topk.h: the k best of a stream of distances.
 *
 * A binary heap with the worst of the kept hits on top, in an array that the caller gives: a
 * candidate is compared with the top and mostly refused at once. The order is total: smaller
 * distance first, then smaller id, so the result does not depend on the order of arrival, and the
 * parts that threads have found merge into the same answer as one scan.
 *
 * The array is of any struct that begins as aimc_all_hit does; what comes behind is carried along. So
 * the heap lives in the array that takes the result, in the type that the user reads. Hits are
 * copied as bytes, since the functions do not know that type.
 */

#include <float.h>

/* How every hit begins. Distances are numbers: the callers let no NaN in, neither as data nor as a
   sum that overflowed. ids are unique within one selection. */
typedef struct aimc_all_hit {
    uint64_t id;
    float distance;
} aimc_all_hit;

enum { AIMC_ALL_HIT_MOST = 64 /* bytes of a hit, at most */ };

/* The first count hits are a heap until aimc_all_topk_finish: hit i is not worse than hit (i - 1) / 2.
   room = count: full, from then on every push replaces hit 0 or does nothing. */
typedef struct aimc_all_topk {
    unsigned char *hits; /* the caller's array of room hits */
    size_t size;         /* bytes of a hit, sizeof(aimc_all_hit) .. AIMC_ALL_HIT_MOST */
    size_t room;         /* k; 0 keeps nothing */
    size_t count;
} aimc_all_topk;

/* True when a comes after b in the order above. */
AIMC_ALL_INLINE bool aimc_all_hit_worse(const void *a, const void *b) {
    aimc_all_hit x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (x.distance > y.distance) return true;
    if (x.distance < y.distance) return false;
    return x.id > y.id;
}

/* An empty selection of the best room hits of size bytes; hits stays the caller's. */
AIMC_ALL_FN void aimc_all_topk_init(aimc_all_topk *t, void *hits, size_t size, size_t room) {
    AIMC_ALL_ASSERT(size >= sizeof(aimc_all_hit) && size <= AIMC_ALL_HIT_MOST);
    t->hits = (unsigned char *)hits;
    t->size = size;
    t->room = room;
    t->count = 0;
}

/* A candidate with a greater distance would be refused; an equal one may win by its id. FLT_MAX
   while there is room. Scans test against this before they call push. */
AIMC_ALL_INLINE float aimc_all_topk_limit(const aimc_all_topk *t) {
    aimc_all_hit top;
    if (t->count < t->room || t->room == 0) return FLT_MAX;
    memcpy(&top, t->hits, sizeof top);
    return top.distance;
}

/* Puts hit where the heap of count hits has a hole at its top, and the hole where it belongs. */
AIMC_ALL_FN void aimc_all_topk_sink(aimc_all_topk *t, size_t count, const void *hit) {
    size_t at = 0, child, size = t->size;
    while ((child = 2 * at + 1) < count) {
        unsigned char *lower = t->hits + child * size;
        if (child + 1 < count && aimc_all_hit_worse(lower + size, lower)) {
            lower += size;
            child++;
        }
        if (!aimc_all_hit_worse(lower, hit)) break;
        memcpy(t->hits + at * size, lower, size);
        at = child;
    }
    memcpy(t->hits + at * size, hit, size);
}

/* Offers a hit, which is copied; it lies outside the array. True when it is kept (for now).
   O(log k) when kept, O(1) when refused. */
AIMC_ALL_FN bool aimc_all_topk_push(aimc_all_topk *t, const void *hit) {
    size_t at, size = t->size;
    if (t->count == t->room) {
        if (t->room == 0 || !aimc_all_hit_worse(t->hits, hit)) return false;
        aimc_all_topk_sink(t, t->count, hit);
        return true;
    }
    at = t->count++;
    while (at > 0 && aimc_all_hit_worse(hit, t->hits + (at - 1) / 2 * size)) {
        memcpy(t->hits + at * size, t->hits + (at - 1) / 2 * size, size);
        at = (at - 1) / 2;
    }
    memcpy(t->hits + at * size, hit, size);
    return true;
}

/* Offers all of from's hits, of the same size; from may be finished or not, and is not changed. */
AIMC_ALL_FN void aimc_all_topk_merge(aimc_all_topk *into, const aimc_all_topk *from) {
    size_t i;
    for (i = 0; i < from->count; i++) (void)aimc_all_topk_push(into, from->hits + i * from->size);
}

/* Sorts the hits, best first, in place (heapsort, Williams 1964). After it the selection takes no
   more pushes until the next init. */
AIMC_ALL_FN void aimc_all_topk_finish(aimc_all_topk *t) {
    size_t left = t->count;
    unsigned char last[AIMC_ALL_HIT_MOST];
    while (left > 1) {
        left--;
        memcpy(last, t->hits + left * t->size, t->size);
        memcpy(t->hits + left * t->size, t->hits, t->size);
        aimc_all_topk_sink(t, left, last);
    }
}

/* end core/topk.h */
#elif AIMC_ALL_CORE != 0x328c9347
#error "another version of aimem.h was implemented above: implement all with one"
#endif
#endif

#if defined(AIMEM_IMPLEMENTATION) || defined(AIMEM_POOL_IMPLEMENTATION)
#ifndef AIMEM_POOL_IMPLEMENTED
#define AIMEM_POOL_IMPLEMENTED
#if AIMEM_POOL_VERSION != 100
#error "another version of aimem_pool.h was included above: implement that one"
#endif
/* begin pool/text.h */
/* pool/text.h: short texts for the logger, without stdio. */

/* Always ends with NUL; what does not fit is left out. AIMEM_NO_STRINGS: always empty, and the
   logger gets the code alone. */
typedef struct aimi_pool_text {
    char text[160];
    size_t used;
} aimi_pool_text;

AIMC_ALL_FN void aimi_pool_text_add(aimi_pool_text *t, const char *more) {
#if !defined(AIMEM_NO_STRINGS)
    while (*more != '\0' && t->used + 1 < sizeof t->text) t->text[t->used++] = *more++;
#else
    (void)more;
#endif
    t->text[t->used] = '\0';
}

/* In base 10 or 16. */
AIMC_ALL_FN void aimi_pool_text_number(aimi_pool_text *t, uint64_t number, uint32_t base) {
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    aimi_pool_text_add(t, digits + at);
}

AIMC_ALL_FN void aimi_pool_text_address(aimi_pool_text *t, const void *address) {
    aimi_pool_text_add(t, "0x");
    aimi_pool_text_number(t, (uintptr_t)address, 16);
}

/* Begins with the name of the object that speaks. */
AIMC_ALL_FN void aimi_pool_text_begin(aimi_pool_text *t, const char *name) {
    t->used = 0;
    aimi_pool_text_add(t, name);
    aimi_pool_text_add(t, ": ");
}

AIMC_ALL_FN void aimi_pool_text_send(const aimi_pool_text *t, const aimem_logger *logger, int level,
                                 aimem_result code) {
    if (logger->log_fn != NULL) logger->log_fn(logger->user_data, level, code, t->text);
}

/* end pool/text.h */

/* begin pool/arena.h */
/* pool/arena.h: arenas over caller's memory, over reserved address space, or over chunks.
 *
 * The three modes differ only in where the current range ends and in how it grows:
 *
 *   MEMORY    [base ..... at ..... base + base_size)                 never grows
 *   RESERVE   [base ..... at ..... base + reserved) ... base_size    grows by committing pages
 *   CHUNKS    [link | ... at ..... link->limit)  ->  older  ->  ...  grows by a chunk in front
 *
 * Invariants, between any two calls:
 *   start <= at <= limit, where start and limit are those of the current range;
 *   end is limit, or at: then every push takes the slow path. So it is with AddressSanitizer, where
 *   just the pieces are kept accessible, so that a use after a rewind and an overrun are reported,
 *   and for a range in the last 4 KiB of the address space, where the short path could wrap round;
 *   older_used is the sum, over the chunks behind the current one, of the bytes in use when each
 *   was left; so bytes in use are older_used + (at - start);
 *   reserved is what the allocator gave for all chunks, spare ones too, or what is committed, or
 *   the size of the caller's memory; it is at most max_bytes, when that is not 0;
 *   CHUNKS with no chunk yet: at and end are the address of the arena itself, an empty range that
 *   is not NULL, so that a push of size 0 succeeds.
 * A failed growth changes nothing but the spare chunks. Regions: Hanson, "Fast allocation and
 * deallocation of memory based on object lifetimes", 1990.
 */

enum {
    AIMI_POOL_ARENA_NONE = 0, /* zeroed or after deinit: every push answers NULL */
    AIMI_POOL_ARENA_MEMORY = 1,
    AIMI_POOL_ARENA_RESERVE = 2,
    AIMI_POOL_ARENA_CHUNKS = 3
};

#define AIMI_POOL_ARENA_FIRST ((size_t)64 << 10)
#define AIMI_POOL_ARENA_MOST ((size_t)4 << 20)
#define AIMI_POOL_ARENA_ALIGN (2 * sizeof(void *))
/* Payload begins at this offset, a multiple of 16. */
#define AIMI_POOL_LINK_SIZE ((sizeof(aimi_pool_link) + 15) & ~(size_t)15)

/* The head of a chunk, in its first bytes. */
typedef struct aimi_pool_link {
    struct aimi_pool_link *older; /* the chunk before this one, or the next spare one */
    unsigned char *limit;         /* one past the payload */
    size_t total;                 /* bytes from the allocator, head included */
} aimi_pool_link;

AIMC_ALL_INLINE unsigned char *aimi_pool_payload(void *link) {
    return (unsigned char *)link + AIMI_POOL_LINK_SIZE;
}

/* The first byte of the current range. */
AIMC_ALL_FN unsigned char *aimi_pool_arena_start(const aimem_arena *a) {
    if (a->mode != AIMI_POOL_ARENA_CHUNKS) return a->base;
    return a->chunk != NULL ? aimi_pool_payload(a->chunk) : a->at;
}

/* One past its last byte. */
AIMC_ALL_FN unsigned char *aimi_pool_arena_limit(const aimem_arena *a) {
    if (a->mode == AIMI_POOL_ARENA_NONE) return a->at;
    if (a->mode != AIMI_POOL_ARENA_CHUNKS) return a->base + a->reserved;
    return a->chunk != NULL ? ((aimi_pool_link *)a->chunk)->limit : a->at;
}

AIMC_ALL_FN size_t aimi_pool_arena_used(const aimem_arena *a) {
    return a->older_used + (size_t)(a->at - aimi_pool_arena_start(a));
}

AIMC_ALL_FN void aimi_pool_arena_note_peak(aimem_arena *a) {
    size_t used = aimi_pool_arena_used(a);
    if (used > a->peak) a->peak = used;
}

/* The next free byte is at; everything from it to the limit is out of bounds. */
AIMC_ALL_FN void aimi_pool_arena_move(aimem_arena *a, unsigned char *at) {
    unsigned char *limit = aimi_pool_arena_limit(a);
    a->at = at;
    a->end = (uintptr_t)limit <= UINTPTR_MAX - 4096 ? limit : at;
#if defined(AIMC_ALL_ASAN)
    a->end = at;
#endif
    AIMC_ALL_POISON(at, (size_t)(limit - at));
}

/* A piece in the current range as it is, or NULL. align is a power of two. */
AIMC_ALL_FN void *aimi_pool_arena_fit(aimem_arena *a, size_t size, size_t align) {
    size_t pad = (size_t)(0 - (uintptr_t)a->at) & (align - 1);
    size_t left = (size_t)(aimi_pool_arena_limit(a) - a->at);
    unsigned char *piece;
    if (pad > left || size > left - pad) return NULL;
    piece = a->at + pad;
    aimi_pool_arena_move(a, piece + size);
    AIMC_ALL_UNPOISON(piece, size);
    return piece;
}

/* ---- growth ---- */

/* Commits pages so that need more bytes fit behind at. Asks for as much again as there is, from
   chunk_size up to 4 MiB, and for no more than needed when that is refused. */
AIMC_ALL_FN bool aimi_pool_arena_commit(aimem_arena *a, size_t need) {
    size_t page = a->vm.page_size, used = (size_t)(a->at - a->base), most = a->base_size;
    size_t least, want, old = a->reserved;
    if (a->max_bytes != 0) most = aimc_all_min_size(most, a->max_bytes & ~(page - 1));
    if (need > most || used > most - need) return false;
    least = (used + need + page - 1) & ~(page - 1); /* most is whole pages: no overflow */
    want = aimc_all_max_size(a->chunk_size, aimc_all_min_size(old, AIMI_POOL_ARENA_MOST));
    want = want < most - old ? (old + want + page - 1) & ~(page - 1) : most;
    want = aimc_all_max_size(want, least);
    if (!a->vm.commit_fn(a->vm.user_data, a->base + old, want - old)) {
        want = least;
        if (!a->vm.commit_fn(a->vm.user_data, a->base + old, want - old)) return false;
    }
    a->reserved = want;
    a->growths++;
    aimi_pool_arena_move(a, a->at);
    return true;
}

AIMC_ALL_FN void aimi_pool_arena_free_link(aimem_arena *a, aimi_pool_link *link) {
    size_t total = link->total;
    AIMC_ALL_UNPOISON(link, total);
    aimc_all_free(&a->allocator, link, total, AIMI_POOL_ARENA_ALIGN);
    a->reserved -= total;
}

/* Gives the spare chunks back; returns their bytes. */
AIMC_ALL_FN size_t aimi_pool_arena_free_spare(aimem_arena *a) {
    size_t before = a->reserved;
    aimi_pool_link *link = (aimi_pool_link *)a->spare;
    while (link != NULL) {
        aimi_pool_link *next = link->older;
        aimi_pool_arena_free_link(a, link);
        link = next;
    }
    a->spare = NULL;
    return before - a->reserved;
}

/* Takes the first spare chunk with room for need bytes out of the list, or NULL. O(spare). */
AIMC_ALL_FN aimi_pool_link *aimi_pool_arena_take_spare(aimem_arena *a, size_t need) {
    aimi_pool_link *link = (aimi_pool_link *)a->spare, *before = NULL;
    while (link != NULL && (size_t)(link->limit - aimi_pool_payload(link)) < need) {
        before = link;
        link = link->older;
    }
    if (link == NULL) return NULL;
    if (before != NULL) {
        before->older = link->older;
    } else {
        a->spare = link->older;
    }
    return link;
}

/* A chunk with payload bytes from the allocator; NULL when the limit or memory is at its end. */
AIMC_ALL_FN aimi_pool_link *aimi_pool_arena_take_new(aimem_arena *a, size_t payload) {
    aimi_pool_link *link;
    size_t total;
    if (!aimc_all_add_size(payload, AIMI_POOL_LINK_SIZE, &total)) return NULL;
    if (a->max_bytes != 0 && (total > a->max_bytes || a->reserved > a->max_bytes - total)) {
        return NULL;
    }
    if (total > PTRDIFF_MAX) return NULL;
    link = (aimi_pool_link *)aimc_all_alloc(&a->allocator, total, AIMI_POOL_ARENA_ALIGN);
    if (link == NULL) return NULL;
    link->total = total;
    link->limit = (unsigned char *)link + total;
    a->reserved += total;
    a->growths++;
    if (a->chunk_size < AIMI_POOL_ARENA_MOST) {
        a->chunk_size = aimc_all_min_size(2 * a->chunk_size, AIMI_POOL_ARENA_MOST);
    }
    return link;
}

/* Puts a chunk with room for need bytes in front. Tries a spare one, one of the usual size, one
   that just suffices, and that again after the spare ones, all too small, were given back. */
AIMC_ALL_FN bool aimi_pool_arena_chain(aimem_arena *a, size_t need) {
    size_t used = aimi_pool_arena_used(a);
    aimi_pool_link *link = aimi_pool_arena_take_spare(a, need);
    if (link == NULL && need < a->chunk_size) link = aimi_pool_arena_take_new(a, a->chunk_size);
    if (link == NULL) link = aimi_pool_arena_take_new(a, need);
    if (link == NULL && aimi_pool_arena_free_spare(a) != 0) {
        link = aimi_pool_arena_take_new(a, need);
    }
    if (link == NULL) return false;
    link->older = (aimi_pool_link *)a->chunk;
    a->older_used = used;
    a->chunk = link;
    aimi_pool_arena_move(a, aimi_pool_payload(link));
    return true;
}

AIMC_ALL_FN bool aimi_pool_arena_grow(aimem_arena *a, size_t size, size_t align) {
    size_t need;
    if (!aimc_all_add_size(size, align - 1, &need)) return false;
    if (a->mode == AIMI_POOL_ARENA_RESERVE) {
        size_t pad = (size_t)(0 - (uintptr_t)a->at) & (align - 1);
        return aimc_all_add_size(size, pad, &need) && aimi_pool_arena_commit(a, need);
    }
    return a->mode == AIMI_POOL_ARENA_CHUNKS && aimi_pool_arena_chain(a, need);
}

/* ---- life ---- */

AIMC_ALL_FN aimem_result aimi_pool_arena_init_memory(aimem_arena *a, const aimem_arena_desc *d) {
    if (d->memory == NULL || d->memory_size == 0 || d->reserve != 0) return AIMEM_ERR_INVALID;
    if (d->memory_size > PTRDIFF_MAX || d->memory_size > UINTPTR_MAX - (uintptr_t)d->memory) {
        return AIMEM_ERR_INVALID;
    }
    a->mode = AIMI_POOL_ARENA_MEMORY;
    a->base = (unsigned char *)d->memory;
    a->base_size = a->reserved = d->memory_size;
    aimi_pool_arena_move(a, a->base);
    return AIMEM_OK;
}

AIMC_ALL_FN aimem_result aimi_pool_arena_init_reserve(aimem_arena *a, const aimem_arena_desc *d) {
    const aimem_vm *vm = &a->vm;
    if (!aimc_all_vm_or_default(&d->vm, &a->vm)) return AIMEM_ERR_UNSUPPORTED;
    if (vm->commit_fn == NULL || vm->decommit_fn == NULL || vm->release_fn == NULL ||
        !aimc_all_is_pow2(vm->page_size)) {
        return AIMEM_ERR_INVALID;
    }
    if (!aimc_all_align_size(d->reserve, vm->page_size, &a->base_size) || a->base_size > PTRDIFF_MAX) {
        return AIMEM_ERR_NOMEM;
    }
    a->base = (unsigned char *)vm->reserve_fn(vm->user_data, a->base_size);
    if (a->base == NULL) return AIMEM_ERR_NOMEM;
    a->mode = AIMI_POOL_ARENA_RESERVE;
    aimi_pool_arena_move(a, a->base);
    return AIMEM_OK;
}

AIMC_ALL_FN aimem_result aimi_pool_arena_init_any(aimem_arena *a, const aimem_arena_desc *d) {
    if (d->canary_zero != 0) return AIMEM_ERR_INVALID;
    a->chunk_size = d->chunk_size != 0 ? d->chunk_size : AIMI_POOL_ARENA_FIRST;
    a->max_bytes = d->max_bytes;
    if (d->memory != NULL || d->memory_size != 0) return aimi_pool_arena_init_memory(a, d);
    if (d->reserve != 0) return aimi_pool_arena_init_reserve(a, d);
    if (!aimc_all_allocator_or_default(&d->allocator, &a->allocator)) return AIMEM_ERR_INVALID;
    a->mode = AIMI_POOL_ARENA_CHUNKS;
    a->at = a->end = (unsigned char *)a;
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_arena_init(aimem_arena *arena, const aimem_arena_desc *desc) {
    aimem_arena_desc none;
    aimem_result result;
    if (arena == NULL) return AIMEM_ERR_INVALID;
    memset(arena, 0, sizeof *arena);
    memset(&none, 0, sizeof none);
    result = aimi_pool_arena_init_any(arena, desc != NULL ? desc : &none);
    if (result != AIMEM_OK) memset(arena, 0, sizeof *arena);
    return result;
}

AIMEM_POOL_API void aimem_arena_deinit(aimem_arena *arena) {
    if (arena == NULL) return;
    if (arena->mode == AIMI_POOL_ARENA_CHUNKS) {
        aimem_arena_reset(arena);
        (void)aimem_arena_trim(arena);
    } else if (arena->mode == AIMI_POOL_ARENA_RESERVE) {
        AIMC_ALL_UNPOISON(arena->base, arena->reserved);
        arena->vm.release_fn(arena->vm.user_data, arena->base, arena->base_size);
    } else if (arena->mode == AIMI_POOL_ARENA_MEMORY) {
        AIMC_ALL_UNPOISON(arena->base, arena->base_size);
    }
    memset(arena, 0, sizeof *arena);
}

/* ---- pieces ---- */

AIMEM_POOL_API void *aimem_arena_push_slow(aimem_arena *arena, size_t size, size_t align) {
    void *piece;
    if (align == 0) align = 16;
    if (!aimc_all_is_pow2(align) || arena->mode == AIMI_POOL_ARENA_NONE) return NULL;
    piece = aimi_pool_arena_fit(arena, size, align);
    if (piece == NULL && aimi_pool_arena_grow(arena, size, align)) {
        piece = aimi_pool_arena_fit(arena, size, align);
    }
    return piece;
}

AIMEM_POOL_API void *aimem_arena_push_zeroed(aimem_arena *arena, size_t size, size_t align) {
    void *piece = aimem_arena_push(arena, size, align);
    if (piece != NULL) memset(piece, 0, size);
    return piece;
}

AIMEM_POOL_API void *aimem_arena_push_array(aimem_arena *arena, size_t count, size_t size,
                                            size_t align) {
    size_t total;
    if (!aimc_all_mul_size(count, size, &total)) return NULL;
    return aimem_arena_push(arena, total, align);
}

/* The last piece, at ptr, becomes new_size bytes; false when there is no room behind it. */
AIMC_ALL_FN bool aimi_pool_arena_resize_last(aimem_arena *a, unsigned char *ptr, size_t new_size) {
    size_t old_size = (size_t)(a->at - ptr);
    if (new_size < old_size) {
        aimi_pool_arena_note_peak(a);
    } else if (new_size - old_size > (size_t)(aimi_pool_arena_limit(a) - a->at)) {
        if (a->mode != AIMI_POOL_ARENA_RESERVE) return false;
        if (!aimi_pool_arena_commit(a, new_size - old_size)) return false;
    }
    aimi_pool_arena_move(a, ptr + new_size);
    AIMC_ALL_UNPOISON(ptr, new_size);
    return true;
}

/* Whether the old_size bytes at ptr are the last piece of the current range. */
AIMC_ALL_FN bool aimi_pool_arena_is_last(const aimem_arena *a, const void *ptr, size_t old_size) {
    uintptr_t at = (uintptr_t)a->at, start = (uintptr_t)aimi_pool_arena_start(a);
    return (uintptr_t)ptr >= start && (uintptr_t)ptr <= at && at - (uintptr_t)ptr == old_size;
}

AIMEM_POOL_API void *aimem_arena_resize(aimem_arena *arena, void *ptr, size_t old_size,
                                        size_t new_size, size_t align) {
    void *fresh;
    if (ptr == NULL) return aimem_arena_push(arena, new_size, align);
    if (align == 0) align = 16;
    if (!aimc_all_is_pow2(align)) return NULL;
    if (((uintptr_t)ptr & (align - 1)) == 0) {
        if (aimi_pool_arena_is_last(arena, ptr, old_size)) {
            if (aimi_pool_arena_resize_last(arena, (unsigned char *)ptr, new_size)) return ptr;
        } else if (new_size <= old_size) {
            return ptr;
        }
    }
    fresh = aimem_arena_push(arena, new_size, align);
    if (fresh != NULL) memcpy(fresh, ptr, aimc_all_min_size(old_size, new_size));
    return fresh;
}

/* ---- strings ---- */

AIMEM_POOL_API char *aimem_arena_string(aimem_arena *arena, const char *text, size_t size) {
    char *copy;
    if ((text == NULL && size != 0) || size == SIZE_MAX) return NULL;
    copy = (char *)aimem_arena_push(arena, size + 1, 1);
    if (copy == NULL) return NULL;
    if (size != 0) memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

AIMEM_POOL_API char *aimem_arena_strdup(aimem_arena *arena, const char *text) {
    return text != NULL ? aimem_arena_string(arena, text, strlen(text)) : NULL;
}

AIMEM_POOL_API char *aimem_arena_concat(aimem_arena *arena, const char *first,
                                        const char *second) {
    size_t head = first != NULL ? strlen(first) : 0, tail = second != NULL ? strlen(second) : 0;
    char *joined;
    size_t total;
    if (!aimc_all_add_size(head, tail, &total) || total == SIZE_MAX) return NULL;
    if (first != NULL && aimi_pool_arena_is_last(arena, first, head + 1)) {
        /* It is ours, so writing to it is allowed, const or not. */
        joined = (char *)aimem_arena_resize(arena, (void *)(uintptr_t)first, head + 1, total + 1,
                                            1);
    } else {
        joined = (char *)aimem_arena_push(arena, total + 1, 1);
        if (joined != NULL && head != 0) memcpy(joined, first, head);
    }
    if (joined == NULL) return NULL;
    if (tail != 0) memcpy(joined + head, second, tail);
    joined[total] = '\0';
    return joined;
}

/* ---- marks ---- */

AIMEM_POOL_API aimem_arena_mark aimem_arena_save(const aimem_arena *arena) {
    aimem_arena_mark mark;
    mark.chunk = arena->chunk;
    mark.at = arena->at;
    mark.used = aimi_pool_arena_used(arena);
    return mark;
}

/* Moves every chunk in front of link to the spare ones. */
AIMC_ALL_FN void aimi_pool_arena_pop(aimem_arena *a, void *link) {
    while (a->chunk != link) {
        aimi_pool_link *top = (aimi_pool_link *)a->chunk;
        a->chunk = top->older;
        top->older = (aimi_pool_link *)a->spare;
        a->spare = top;
        AIMC_ALL_POISON(aimi_pool_payload(top), (size_t)(top->limit - aimi_pool_payload(top)));
    }
}

/* Whether the mark can be rewound to: its chunk is in the chain, its place inside and not ahead. */
AIMC_ALL_FN bool aimi_pool_arena_knows(const aimem_arena *a, const aimem_arena_mark *mark) {
    const aimi_pool_link *link = (const aimi_pool_link *)a->chunk;
    uintptr_t at = (uintptr_t)mark->at, start;
    if (mark->used > aimi_pool_arena_used(a)) return false;
    if (a->mode != AIMI_POOL_ARENA_CHUNKS) {
        return mark->chunk == NULL && at >= (uintptr_t)a->base && at <= (uintptr_t)a->at;
    }
    while (link != NULL && (const void *)link != mark->chunk) link = link->older;
    if (link == NULL) return false;
    start = (uintptr_t)link + AIMI_POOL_LINK_SIZE;
    return at >= start && at <= (uintptr_t)link->limit && at - start <= mark->used;
}

AIMEM_POOL_API void aimem_arena_rewind(aimem_arena *arena, aimem_arena_mark mark) {
    if (mark.used == 0) {
        aimem_arena_reset(arena);
        return;
    }
    if (!aimi_pool_arena_knows(arena, &mark)) return;
    aimi_pool_arena_note_peak(arena);
    aimi_pool_arena_pop(arena, mark.chunk);
    aimi_pool_arena_move(arena, mark.at);
    if (arena->mode == AIMI_POOL_ARENA_CHUNKS) {
        arena->older_used = mark.used - (size_t)(mark.at - aimi_pool_arena_start(arena));
    }
}

AIMEM_POOL_API void aimem_arena_reset(aimem_arena *arena) {
    aimi_pool_link *link = (aimi_pool_link *)arena->chunk;
    if (arena->mode == AIMI_POOL_ARENA_NONE) return;
    aimi_pool_arena_note_peak(arena);
    if (link != NULL) {
        while (link->older != NULL) link = link->older;
        aimi_pool_arena_pop(arena, link);
    }
    arena->older_used = 0;
    aimi_pool_arena_move(arena, aimi_pool_arena_start(arena));
}

AIMEM_POOL_API size_t aimem_arena_trim(aimem_arena *arena) {
    size_t before = arena->reserved;
    if (arena->mode == AIMI_POOL_ARENA_CHUNKS) {
        (void)aimi_pool_arena_free_spare(arena);
        if (arena->chunk != NULL && aimi_pool_arena_used(arena) == 0) {
            aimi_pool_arena_free_link(arena, (aimi_pool_link *)arena->chunk);
            arena->chunk = NULL;
            arena->at = arena->end = (unsigned char *)arena;
        }
    } else if (arena->mode == AIMI_POOL_ARENA_RESERVE) {
        size_t page = arena->vm.page_size;
        size_t keep = ((size_t)(arena->at - arena->base) + page - 1) & ~(page - 1);
        if (keep < before) {
            arena->vm.decommit_fn(arena->vm.user_data, arena->base + keep, before - keep);
            arena->reserved = keep;
            aimi_pool_arena_move(arena, arena->at);
        }
    }
    return before - arena->reserved;
}

/* ---- around it ---- */

AIMEM_POOL_API aimem_arena *aimem_arena_scratch(aimem_arena *arenas, size_t count,
                                                const aimem_arena *conflict) {
    size_t i;
    for (i = 0; i < count; i++) {
        if (&arenas[i] != conflict) return &arenas[i];
    }
    return NULL;
}

AIMC_ALL_FN void *aimi_pool_arena_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                      size_t align) {
    aimem_arena *a = (aimem_arena *)user_data;
    if (new_size != 0) return aimem_arena_resize(a, ptr, old_size, new_size, align);
    if (ptr != NULL && aimi_pool_arena_is_last(a, ptr, old_size)) {
        (void)aimi_pool_arena_resize_last(a, (unsigned char *)ptr, 0);
    }
    return NULL;
}

AIMEM_POOL_API aimem_allocator aimem_arena_allocator(aimem_arena *arena) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_arena_realloc;
    hook.user_data = arena;
    return hook;
}

AIMEM_POOL_API void aimem_arena_stats(const aimem_arena *arena, aimem_arena_info *out) {
    const aimi_pool_link *link;
    memset(out, 0, sizeof *out);
    out->used = aimi_pool_arena_used(arena);
    out->peak = aimc_all_max_size(arena->peak, out->used);
    out->reserved = arena->reserved;
    out->growths = arena->growths;
    out->limit = arena->max_bytes != 0 ? arena->max_bytes : SIZE_MAX;
    if (arena->mode != AIMI_POOL_ARENA_CHUNKS) {
        if (arena->mode == AIMI_POOL_ARENA_MEMORY) out->limit = arena->base_size;
        out->limit = aimc_all_min_size(out->limit, arena->base_size);
        out->chunks = arena->base != NULL;
        return;
    }
    for (link = (aimi_pool_link *)arena->chunk; link != NULL; link = link->older) out->chunks++;
    for (link = (aimi_pool_link *)arena->spare; link != NULL; link = link->older) out->chunks++;
}

/* end pool/arena.h */

/* begin pool/chunk.h */
/* pool/chunk.h: where the blocks of a pool lie, what is known of each, and how one is found.
 *
 *   chunk memory   [ block 0 | block 1 | ... | block count-1 ]          nothing of ours in it
 *   chunk meta     [ aimi_pool_chunk | hint[groups] | gen[count] | state[groups * 64] ]
 *   directory      [ maybe[...] | sorted[cap] | by_id[cap] | gen_base[cap] ]
 *
 * state is a byte per block: free, live, or closed (a block whose generations are used up, and the
 * bytes behind the last block). A byte is stored, never read, changed and written back, so frees in
 * a row do not wait for one another as they would on the bits of one word.
 * hint is a byte per group of 64 blocks, maybe a bit per chunk. Two arrays of the pool are guesses
 * that save work: recent (which chunk does this address belong to) and ring (which block is free).
 *
 * Invariants, between any two calls:
 *   state is live exactly for the blocks that are handed out; place tells their number;
 *   hint[g] == 0 means that no block of group g is free; 1 says nothing;
 *   sorted holds every chunk by rising address, by_id[i] the chunk with id i or NULL;
 *   maybe has bits of chunks that are in by_id; where to search first, nothing more;
 *   recent[...] are chunks of this pool, or the empty chunk none; ring[...] are blocks of chunks of
 *   this pool with their state bytes, or a closed one. Any of them may stand anywhere: who takes
 *   one checks it, so a wrong guess costs time and nothing else;
 *   a generation never falls, also when the memory of its chunk comes and goes (gen_base).
 */

enum {
    AIMI_POOL_FREE = 0, /* bit 0 says "not to be had": the search looks at nothing else */
    AIMI_POOL_LIVE = 1,
    AIMI_POOL_CLOSED = 3,

    AIMI_POOL_GROUP = 64,         /* blocks per hint */
    AIMI_POOL_INDEX_BITS = 14,    /* of a handle: block in its chunk */
    AIMI_POOL_CHUNK_MOST = 16384, /* blocks in a chunk, 1 << AIMI_POOL_INDEX_BITS */
    AIMI_POOL_IDS_MOST = 262144,  /* chunks of a pool with handles: 18 bits */
    AIMI_POOL_RING = 64,
    AIMI_POOL_ENOUGH = 16, /* free blocks with which a search is content */
    AIMI_POOL_RECENT = 128,
    AIMI_POOL_NAME = 32
};

#define AIMI_POOL_CHUNK_BYTES ((size_t)4 << 20)    /* a chunk grows up to this */
#define AIMI_POOL_RECLAIM_BYTES ((size_t)64 << 10) /* the same for reclaim_on_free */
#define AIMI_POOL_FIRST_BYTES ((size_t)64 << 10)   /* the first growth is at least this */
#define AIMI_POOL_ALIGN_MOST ((size_t)2 << 20)
#define AIMI_POOL_META_ALIGN (2 * sizeof(void *))
#define AIMI_POOL_SIZE_BITS (8 * sizeof(size_t))
/* So that aimem_pool.place does not overflow; memory ends before on all but 32-bit machines. */
#define AIMI_POOL_BLOCKS_MOST (SIZE_MAX / sizeof(aimi_pool_entry))
#define AIMI_POOL_EACH_BYTE 0x0101010101010101u

typedef struct aimi_pool_chunk {
    unsigned char *base;  /* block 0 */
    size_t quick;         /* count, or 0 when every free takes the slow path */
    unsigned char *state; /* [count], padded with CLOSED to whole groups */
    size_t count;         /* blocks */
    uint32_t *gen;        /* [count], or NULL without handles */
    size_t meta_size;     /* bytes of this and its arrays; 0: not from the allocator */
    size_t live;          /* blocks handed out; kept up only with reclaim_on_free */
    uint32_t id;
    bool keep; /* made by create: never given back before destroy, and then with p->first */
} aimi_pool_chunk;

/* hint[groups] of a chunk, padded with 0 to whole eights: right behind it, so that no pointer has
   to be loaded. */
AIMC_ALL_INLINE unsigned char *aimi_pool_hint(aimi_pool_chunk *c) {
    return (unsigned char *)(c + 1);
}

typedef struct aimi_pool_place {
    uintptr_t base;
    aimi_pool_chunk *chunk;
} aimi_pool_place;

/* A block and its state byte. */
typedef struct aimi_pool_entry {
    unsigned char *block;
    unsigned char *state;
} aimi_pool_entry;

struct aimem_pool {
    size_t place; /* blocks in use, times sizeof(aimi_pool_entry): saves a shift on every call */
    size_t stop;  /* the same of peak, or 0 when every allocation takes the slow path */
    size_t inverse; /* of the odd part of stride, modulo 2^AIMI_POOL_SIZE_BITS */
    uint32_t shifts; /* twos << 8 | recent_shift: one load for both */
    bool fixed, reclaim, clear, handles;
    aimi_pool_chunk *recent[AIMI_POOL_RECENT];
    aimi_pool_entry ring[AIMI_POOL_RING]; /* block.h */

    size_t block_size, stride, max_blocks;
    size_t chunk_align; /* of block 0 of a chunk; it divides stride, so of every block */
    size_t peak, total, closed, bytes;
    uint64_t failures, refused;
    bool slow_alloc, slow_free; /* the short paths would leave something out */

    aimi_pool_place *sorted;
    aimi_pool_chunk **by_id;
    uint64_t *maybe;
    const unsigned char *taken; /* the hint of the group that the last search emptied */
    uint32_t *gen_base;
    size_t chunks, cap;    /* chunks in sorted; room in the directory */
    void *directory;       /* from the allocator, or NULL */
    size_t directory_size;
    void *first; /* the blocks made by create, or NULL */
    size_t first_size;
    uint32_t gen_first;
    unsigned char closed_byte; /* CLOSED: the state of entries that stand for nothing */
    bool inside;               /* in the caller's memory */
    aimi_pool_chunk none;      /* no blocks */
    aimem_allocator allocator;
    aimem_logger logger;
    char name[AIMI_POOL_NAME];
};

AIMC_ALL_INLINE size_t aimi_pool_in_use(const aimem_pool *p) {
    return p->place / sizeof(aimi_pool_entry);
}

/* ---- from an address to a block ---- */

/* The inverse of an odd number modulo the word: each step doubles the bits that are right, and an
   odd number is its own inverse to three bits. */
AIMC_ALL_FN size_t aimi_pool_inverse(size_t odd) {
    size_t x = odd;
    int i;
    for (i = 0; i < 5; i++) x *= 2 - odd * x;
    return x;
}

/* stride is its odd part times 2^twos. recent_shift: log2 of the bytes per place in recent. */
AIMC_ALL_INLINE uint32_t aimi_pool_twos(uint32_t shifts) {
    return shifts >> 8;
}

AIMC_ALL_INLINE uint32_t aimi_pool_recent_shift(uint32_t shifts) {
    return shifts & 255;
}

/* Reads shift counts as a whole word. Clang would load its low byte alone, into a register whose
   other bytes come from earlier work, and wait for that: a free took half as long again. */
AIMC_ALL_INLINE uint32_t aimi_pool_shifts(const aimem_pool *p) {
    return *(const volatile uint32_t *)&p->shifts;
}

/* The number of the block at offset bytes behind the base of its chunk; count or more for every
   other offset, whatever its size. One multiplication, no division (Granlund and Montgomery,
   "Division by invariant integers using multiplication", 1994, section 9).
   Why: let W be the bits of size_t, stride = odd << twos, x the offset rotated right by twos, and
   q = x * inverse mod 2^W, so q * odd = x mod 2^W. A chunk fits in memory, so count * odd is at
   most 2^(W - twos). If q < count then q * odd does not wrap, so x = q * odd < 2^(W - twos): the
   twos bits that were rotated to the top are 0, and offset = x << twos = q * stride. The other way
   round, offset = k * stride with k < count gives x = k * odd and q = k. */
AIMC_ALL_INLINE size_t aimi_pool_index(const aimem_pool *p, size_t offset, uint32_t shifts) {
    uint32_t right = aimi_pool_twos(shifts), left = (uint32_t)(AIMI_POOL_SIZE_BITS - right);
    size_t x = offset >> right | offset << (left & (AIMI_POOL_SIZE_BITS - 1));
    return x * p->inverse;
}

/* The place of an address in recent. */
AIMC_ALL_INLINE size_t aimi_pool_recent(uintptr_t at, uint32_t shifts) {
    return (size_t)(at >> aimi_pool_recent_shift(shifts)) % AIMI_POOL_RECENT;
}

/* The chunk whose bytes hold the address, or NULL. O(log chunks), one hard-to-guess branch. */
AIMC_ALL_FN aimi_pool_chunk *aimi_pool_find(const aimem_pool *p, uintptr_t at) {
    const aimi_pool_place *from = p->sorted;
    size_t n = p->chunks;
    if (n == 0) return NULL;
    while (n > 1) { /* the last place with base <= at, if any, is in from[0 .. n) */
        size_t half = n / 2;
        from = from[half].base <= at ? from + half : from;
        n -= half;
    }
    if (at < from->base || at - from->base >= from->chunk->count * p->stride) return NULL;
    return from->chunk;
}

/* *chunk and *index of the block at the address. FOREIGN, INTERIOR, or DOUBLE_FREE when it is not
   handed out. */
AIMC_ALL_FN aimem_result aimi_pool_locate(const aimem_pool *p, const void *block,
                                      aimi_pool_chunk **chunk, size_t *index) {
    uintptr_t at = (uintptr_t)block;
    uint32_t shifts = aimi_pool_shifts(p);
    aimi_pool_chunk *c = p->recent[aimi_pool_recent(at, shifts)];
    size_t i = aimi_pool_index(p, at - (uintptr_t)c->base, shifts);
    if (i >= c->count) {
        c = aimi_pool_find(p, at);
        if (c == NULL) return AIMEM_ERR_FOREIGN;
        i = aimi_pool_index(p, at - (uintptr_t)c->base, shifts);
        if (i >= c->count) return AIMEM_ERR_INTERIOR;
    }
    *chunk = c;
    *index = i;
    return c->state[i] == AIMI_POOL_LIVE ? AIMEM_OK : AIMEM_ERR_DOUBLE_FREE;
}

/* ---- free blocks ---- */

AIMC_ALL_INLINE size_t aimi_pool_groups(size_t count) {
    return (count + AIMI_POOL_GROUP - 1) / AIMI_POOL_GROUP;
}

AIMC_ALL_FN void aimi_pool_mark(aimem_pool *p, const aimi_pool_chunk *c) {
    p->maybe[c->id >> 6] |= (uint64_t)1 << (c->id & 63);
}

AIMC_ALL_FN void aimi_pool_unmark(aimem_pool *p, const aimi_pool_chunk *c) {
    p->maybe[c->id >> 6] &= ~((uint64_t)1 << (c->id & 63));
}

AIMC_ALL_INLINE void aimi_pool_put(aimi_pool_entry *e, unsigned char *block, unsigned char *state) {
    e->block = block;
    e->state = state;
}

/* Puts eight blocks in a row into eight entries in a row. Written out, because the work per entry
   is less than that of a loop. */
AIMC_ALL_INLINE void aimi_pool_put_eight(aimi_pool_entry *e, unsigned char *block, size_t stride,
                                     unsigned char *state) {
    unsigned char *next = block + 4 * stride;
    aimi_pool_put(e, block, state);
    aimi_pool_put(e + 1, block + stride, state + 1);
    aimi_pool_put(e + 2, block + 2 * stride, state + 2);
    aimi_pool_put(e + 3, block + 3 * stride, state + 3);
    aimi_pool_put(e + 4, next, state + 4);
    aimi_pool_put(e + 5, next + stride, state + 5);
    aimi_pool_put(e + 6, next + 2 * stride, state + 6);
    aimi_pool_put(e + 7, next + 3 * stride, state + 7);
}

/* Puts the free blocks of group g into the ring behind the got that are there, lowest address
   first, until there are most. Returns how many there are. No free block: the hint goes. */
AIMC_ALL_FN size_t aimi_pool_take_group(aimem_pool *p, aimi_pool_chunk *c, size_t g, size_t got,
                                    size_t most) {
    unsigned char *state = c->state + g * AIMI_POOL_GROUP, *end = state + AIMI_POOL_GROUP;
    size_t stride = p->stride, base = aimi_pool_in_use(p), n = got;
    unsigned char *block = c->base + g * AIMI_POOL_GROUP * stride;
    for (; state < end; state += 8, block += 8 * stride) {
        uint64_t bits = ~aimc_all_load_u64(state) & AIMI_POOL_EACH_BYTE;
        size_t slot = (base + n) % AIMI_POOL_RING;
        if (bits == AIMI_POOL_EACH_BYTE && n + 8 <= most && slot + 8 <= AIMI_POOL_RING) {
            aimi_pool_put_eight(&p->ring[slot], block, stride, state);
            n += 8;
            continue;
        }
        for (; bits != 0; bits &= bits - 1, n++) {
            size_t k = aimc_all_ctz64(bits) >> 3;
            if (n == most) return most;
            slot = (base + n) % AIMI_POOL_RING;
            aimi_pool_put(&p->ring[slot], block + k * stride, state + k);
        }
    }
    if (n == got) {
        aimi_pool_hint(c)[g] = 0;
    } else {
        p->taken = &aimi_pool_hint(c)[g];
    }
    return n;
}

/* The same for the groups of a chunk, until there are enough. The bit of the chunk goes when its
   last group was looked at. The group that the search before this one emptied is passed over: its
   states were written one by one a moment ago, and processors are slow to read such bytes as a
   word before they have reached the cache. */
AIMC_ALL_FN size_t aimi_pool_take_chunk(aimem_pool *p, aimi_pool_chunk *c, size_t got, size_t enough,
                                    size_t most) {
    size_t groups = aimi_pool_groups(c->count), g, i;
    const unsigned char *pass = p->taken;
    for (g = 0; g < groups; g += 8) {
        uint64_t hints = aimc_all_load_u64(aimi_pool_hint(c) + g);
        for (; hints != 0; hints &= hints - 1) {
            i = g + (aimc_all_ctz64(hints) >> 3);
            if (&aimi_pool_hint(c)[i] == pass) continue;
            got = aimi_pool_take_group(p, c, i, got, most);
            if (got >= enough) return got;
        }
    }
    aimi_pool_unmark(p, c);
    return got;
}

/* Marks every chunk that has a hint. O(total / 512). */
AIMC_ALL_FN void aimi_pool_mark_all(aimem_pool *p) {
    size_t n;
    for (n = 0; n < p->chunks; n++) {
        aimi_pool_chunk *c = p->sorted[n].chunk;
        if (memchr(aimi_pool_hint(c), 1, aimi_pool_groups(c->count)) != NULL) aimi_pool_mark(p, c);
    }
}

/* Puts free blocks into the ring for the next allocations: marked chunks first, by rising id, so
   that the newest fall empty; frees do not mark theirs, so all are looked through when those have
   nothing. False when no block is free. */
AIMC_ALL_FN bool aimi_pool_search(aimem_pool *p) {
    size_t most = p->reclaim ? 1 : AIMI_POOL_RING, enough = p->reclaim ? 1 : AIMI_POOL_ENOUGH;
    size_t words = (p->cap + 63) / 64, got = 0, w;
    int pass;
    if (aimi_pool_in_use(p) == p->total - p->closed) return false;
    for (pass = 0; got == 0 && pass < 2; pass++) {
        if (pass == 1) {
            aimi_pool_mark_all(p);
            p->taken = NULL;
        }
        for (w = 0; w < words; w++) {
            uint64_t bits = p->maybe[w];
            for (; bits != 0 && got < enough; bits &= bits - 1) {
                aimi_pool_chunk *c = p->by_id[w * 64 + aimc_all_ctz64(bits)];
                got = aimi_pool_take_chunk(p, c, got, enough, most);
            }
        }
    }
    return got != 0;
}

/* end pool/chunk.h */

/* begin pool/grow.h */
/* pool/grow.h: how a pool gets chunks and gives them back.
 *
 * A chunk is two blocks of the allocator, its meta data and its memory, but for those that create
 * makes: their memory is one block, p->first, or lies in the caller's memory. The directory is one
 * block that doubles. Whatever fails leaves the pool as it was, but for room in the directory.
 */

/* ---- the directory ---- */

/* Bytes of a directory for cap chunks; false when they do not fit in size_t. */
AIMC_ALL_FN bool aimi_pool_directory_size(size_t cap, size_t *size) {
    size_t each = sizeof(aimi_pool_place) + sizeof(void *) + sizeof(uint64_t) + sizeof(uint32_t);
    return aimc_all_mul_size(cap, each, size) && aimc_all_add_size(*size, 16, size);
}

/* Lays the arrays out in memory at a multiple of 8, takes over what the old ones hold. */
AIMC_ALL_FN void aimi_pool_directory_set(aimem_pool *p, void *memory, size_t cap) {
    uint64_t *maybe = (uint64_t *)memory;
    aimi_pool_place *sorted = (aimi_pool_place *)(void *)(maybe + (cap + 63) / 64);
    aimi_pool_chunk **by_id = (aimi_pool_chunk **)(void *)(sorted + cap);
    uint32_t *gen_base = (uint32_t *)(void *)(by_id + cap);
    size_t i;
    for (i = 0; i < (cap + 63) / 64; i++) maybe[i] = 0;
    for (i = 0; i < cap; i++) {
        bool old = i < p->cap;
        by_id[i] = old ? p->by_id[i] : NULL;
        gen_base[i] = old ? p->gen_base[i] : p->gen_first;
    }
    if (p->cap != 0) {
        memcpy(maybe, p->maybe, (p->cap + 63) / 64 * sizeof *maybe);
        memcpy(sorted, p->sorted, p->chunks * sizeof *sorted);
    }
    p->maybe = maybe;
    p->sorted = sorted;
    p->by_id = by_id;
    p->gen_base = gen_base;
    p->cap = cap;
}

/* A directory from the allocator for cap chunks in place of the one there is. */
AIMC_ALL_FN bool aimi_pool_directory_grow(aimem_pool *p, size_t cap) {
    void *old = p->directory, *fresh;
    size_t old_size = p->directory_size, size;
    if (!aimi_pool_directory_size(cap, &size)) return false;
    fresh = aimc_all_alloc(&p->allocator, size, AIMI_POOL_META_ALIGN);
    if (fresh == NULL) return false;
    aimi_pool_directory_set(p, fresh, cap);
    p->directory = fresh;
    p->directory_size = size;
    p->bytes += size - old_size;
    aimc_all_free(&p->allocator, old, old_size, AIMI_POOL_META_ALIGN);
    return true;
}

/* An id that no chunk has and whose generations are not used up; SIZE_MAX: none, no memory. */
AIMC_ALL_FN size_t aimi_pool_new_id(aimem_pool *p) {
    size_t id, cap = p->cap;
    for (id = 0; id < cap; id++) {
        if (p->by_id[id] == NULL && p->gen_base[id] != UINT32_MAX) return id;
    }
    if (cap > SIZE_MAX / 4 || (p->handles && cap >= AIMI_POOL_IDS_MOST)) return SIZE_MAX;
    return aimi_pool_directory_grow(p, cap == 0 ? 4 : cap * 2) ? cap : SIZE_MAX;
}

/* ---- chunks ---- */

/* Bytes of the meta data of count blocks. count is at most AIMI_POOL_CHUNK_MOST: no overflow. */
AIMC_ALL_FN size_t aimi_pool_meta_size(size_t count, bool handles) {
    size_t groups = aimi_pool_groups(count);
    size_t size = sizeof(aimi_pool_chunk) + groups * AIMI_POOL_GROUP + ((groups + 7) & ~(size_t)7);
    if (handles) size += count * sizeof(uint32_t);
    return (size + 15) & ~(size_t)15;
}

AIMC_ALL_FN void aimi_pool_sorted_add(aimem_pool *p, aimi_pool_chunk *c) {
    size_t at = p->chunks;
    while (at != 0 && p->sorted[at - 1].base > (uintptr_t)c->base) at--;
    memmove(p->sorted + at + 1, p->sorted + at, (p->chunks - at) * sizeof *p->sorted);
    p->sorted[at].base = (uintptr_t)c->base;
    p->sorted[at].chunk = c;
    p->chunks++;
}

AIMC_ALL_FN void aimi_pool_sorted_remove(aimem_pool *p, const aimi_pool_chunk *c) {
    size_t at = 0;
    while (p->sorted[at].chunk != c) at++;
    p->chunks--;
    memmove(p->sorted + at, p->sorted + at + 1, (p->chunks - at) * sizeof *p->sorted);
}

/* Fills recent as it would be for places of 2^shift bytes. Returns the bytes of the address space
   whose place is wanted by two chunks: there the last one that was looked for is found. */
AIMC_ALL_FN uint64_t aimi_pool_fill_recent(aimem_pool *p, uint32_t shift) {
    uint64_t clashes = 0;
    size_t n, i;
    for (i = 0; i < AIMI_POOL_RECENT; i++) p->recent[i] = &p->none;
    for (n = 0; n < p->chunks; n++) {
        aimi_pool_chunk *c = p->sorted[n].chunk;
        uintptr_t at = (uintptr_t)c->base >> shift;
        uintptr_t last = ((uintptr_t)c->base + (c->count * p->stride - 1)) >> shift;
        if (last - at >= AIMI_POOL_RECENT) {
            clashes += last - at;
            last = at + AIMI_POOL_RECENT - 1;
        }
        for (;; at++) {
            aimi_pool_chunk **place = &p->recent[at % AIMI_POOL_RECENT];
            clashes += *place != &p->none && *place != c;
            *place = c;
            if (at == last) break;
        }
    }
    return clashes << shift;
}

/* Chooses the bytes per place in recent, for what chunks there are: where they lie is up to the
   allocator, and one choice can be much better than the next. Work of O(16 * 1024) at most; with
   many chunks it is done when their number has doubled. */
AIMC_ALL_FN void aimi_pool_tune_recent(aimem_pool *p, size_t bytes) {
    uint32_t top = bytes > 1 ? aimc_all_log2_u64(bytes) + 1 : 2, shift, best;
    uint64_t least = UINT64_MAX;
    if (p->chunks > 16 && !aimc_all_is_pow2(p->chunks)) return;
    best = top = top > aimi_pool_recent_shift(p->shifts) ? top : aimi_pool_recent_shift(p->shifts);
    for (shift = top; shift > 2 && shift + 8 > top; shift--) {
        uint64_t clashes = aimi_pool_fill_recent(p, shift);
        if (clashes < least) {
            least = clashes;
            best = shift;
        }
    }
    (void)aimi_pool_fill_recent(p, best);
    p->shifts = (p->shifts & ~255u) | best;
}

/* Makes a chunk with this id of the memory in meta and base; every block is free. */
AIMC_ALL_FN aimi_pool_chunk *aimi_pool_chunk_set(aimem_pool *p, size_t id, void *meta, void *base,
                                             size_t count) {
    size_t groups = aimi_pool_groups(count), i;
    size_t hints = (groups + 7) & ~(size_t)7, bytes = count * p->stride;
    aimi_pool_chunk *c = (aimi_pool_chunk *)meta;
    unsigned char *at = (unsigned char *)meta + sizeof *c;
    memset(c, 0, sizeof *c);
    memset(at, 0, hints);
    memset(at, 1, groups);
    at += hints;
    if (p->handles) {
        c->gen = (uint32_t *)(void *)at;
        for (i = 0; i < count; i++) c->gen[i] = p->gen_base[id];
        at += count * sizeof(uint32_t);
    }
    c->state = at;
    memset(c->state, AIMI_POOL_FREE, count);
    memset(c->state + count, AIMI_POOL_CLOSED, groups * AIMI_POOL_GROUP - count);
    c->base = (unsigned char *)base;
    c->count = count;
    c->quick = p->slow_free ? 0 : count;
    c->id = (uint32_t)id;
    p->by_id[id] = c;
    aimi_pool_sorted_add(p, c);
    aimi_pool_mark(p, c);
    p->total += count;
    aimi_pool_tune_recent(p, bytes);
    AIMC_ALL_POISON(base, bytes);
    return c;
}

/* A chunk of these blocks, its meta data from the allocator; NULL, and nothing changed but room in
   the directory, when there is no memory. */
AIMC_ALL_FN aimi_pool_chunk *aimi_pool_chunk_of(aimem_pool *p, void *base, size_t count) {
    size_t id = aimi_pool_new_id(p), size = aimi_pool_meta_size(count, p->handles);
    aimi_pool_chunk *c;
    void *meta;
    if (id == SIZE_MAX) return NULL;
    meta = aimc_all_alloc(&p->allocator, size, AIMI_POOL_META_ALIGN);
    if (meta == NULL) return NULL;
    c = aimi_pool_chunk_set(p, id, meta, base, count);
    c->meta_size = size;
    p->bytes += size;
    return c;
}

/* A chunk of count blocks from the allocator; false, and nothing changed but room in the
   directory, when there is no memory. */
AIMC_ALL_FN bool aimi_pool_chunk_new(aimem_pool *p, size_t count) {
    size_t bytes;
    void *base;
    if (count > AIMI_POOL_BLOCKS_MOST - p->total || !aimc_all_mul_size(count, p->stride, &bytes) ||
        bytes > PTRDIFF_MAX) {
        return false;
    }
    base = aimc_all_alloc(&p->allocator, bytes, p->chunk_align);
    if (base == NULL) return false;
    if (aimi_pool_chunk_of(p, base, count) == NULL) {
        aimc_all_free(&p->allocator, base, bytes, p->chunk_align);
        return false;
    }
    p->bytes += bytes;
    return true;
}

/* The blocks made by create, in one piece: what cannot be had is refused at once. */
AIMC_ALL_FN bool aimi_pool_preallocate(aimem_pool *p, size_t count) {
    unsigned char *base;
    p->first_size = count * p->stride;
    p->first = aimc_all_alloc(&p->allocator, p->first_size, p->chunk_align);
    if (p->first == NULL) return false;
    p->bytes += p->first_size;
    for (base = (unsigned char *)p->first; count != 0;) {
        size_t n = aimc_all_min_size(count, AIMI_POOL_CHUNK_MOST);
        aimi_pool_chunk *c = aimi_pool_chunk_of(p, base, n);
        if (c == NULL) return false;
        c->keep = true;
        base += n * p->stride;
        count -= n;
    }
    return true;
}

/* The generations of a chunk that goes: its id begins anew with the highest: no handle has it. */
AIMC_ALL_FN void aimi_pool_keep_generations(aimem_pool *p, const aimi_pool_chunk *c) {
    size_t i;
    if (!p->handles) return;
    for (i = 0; i < c->count; i++) {
        if (c->gen[i] > p->gen_base[c->id]) p->gen_base[c->id] = c->gen[i];
        if (c->state[i] == AIMI_POOL_CLOSED) p->closed--;
    }
}

/* Takes a chunk out of the guesses. */
AIMC_ALL_FN void aimi_pool_forget(aimem_pool *p, const aimi_pool_chunk *c) {
    size_t i;
    for (i = 0; i < AIMI_POOL_RECENT; i++) {
        if (p->recent[i] == c) p->recent[i] = &p->none;
    }
    for (i = 0; i < AIMI_POOL_RING; i++) {
        aimi_pool_entry *e = &p->ring[i];
        if ((uintptr_t)e->state - (uintptr_t)c->state < c->count) {
            e->block = NULL;
            e->state = &p->closed_byte;
        }
    }
}

/* Gives the memory of a chunk back. Returns its bytes. */
AIMC_ALL_FN size_t aimi_pool_chunk_release(aimem_pool *p, aimi_pool_chunk *c) {
    size_t bytes = c->count * p->stride, size = c->meta_size;
    aimi_pool_forget(p, c);
    aimi_pool_keep_generations(p, c);
    aimi_pool_sorted_remove(p, c);
    aimi_pool_unmark(p, c);
    p->by_id[c->id] = NULL;
    p->total -= c->count;
    AIMC_ALL_UNPOISON(c->base, bytes);
    if (c->keep) bytes = 0; /* a part of p->first or of the caller's memory */
    if (bytes != 0) aimc_all_free(&p->allocator, c->base, bytes, p->chunk_align);
    if (size != 0) aimc_all_free(&p->allocator, c, size, AIMI_POOL_META_ALIGN);
    p->bytes -= size + bytes;
    return size + bytes;
}

/* How many blocks the next chunk has: as many as there are, within limits. 0: at the maximum. */
AIMC_ALL_FN size_t aimi_pool_next_count(const aimem_pool *p) {
    size_t most = (p->reclaim ? AIMI_POOL_RECLAIM_BYTES : AIMI_POOL_CHUNK_BYTES) / p->stride;
    size_t count = aimc_all_max_size(p->total, AIMI_POOL_FIRST_BYTES / p->stride);
    if (p->fixed) return 0;
    count = aimc_all_min_size(count, aimc_all_max_size(most, 1));
    count = aimc_all_max_size(aimc_all_min_size(count, AIMI_POOL_CHUNK_MOST), 1);
    if (p->max_blocks != 0) count = aimc_all_min_size(count, p->max_blocks - (p->total - p->closed));
    return count;
}

/* One more chunk: of the usual size, or of a quarter, and so on, when memory is short. */
AIMC_ALL_FN bool aimi_pool_grow(aimem_pool *p) {
    size_t count = aimi_pool_next_count(p);
    for (; count != 0; count /= 4) {
        if (aimi_pool_chunk_new(p, count)) return true;
    }
    return false;
}

/* end pool/grow.h */

/* begin pool/block.h */
/* pool/block.h: allocation and free.
 *
 *   ring[64], used round and round:   ... | free? | free? | free? | old | old | old | ...
 *                                          ^ in_use mod 64: the next allocation looks here
 *                                    ^ in_use - 1 mod 64: the next free puts its block here
 *
 * The number of blocks in use is also the pointer of a stack: a free lowers it and leaves the block
 * at its place, an allocation takes the block that lies at its place and raises it. So the block
 * freed last is handed out first, while it is in the cache. More than 64 frees in a row write over
 * the oldest places, and more allocations than that come to places that were used already. That
 * needs no care: a place is only a guess. The allocation hands the block out if its state byte says
 * that it is free; else a search of the state bytes fills the ring anew, in the order of addresses.
 * So a free writes the ring, one state and one hint, never the block, and has no list to keep.
 *
 * Every function leaves the pool as it was when it answers an error or NULL (alloc: but for the
 * count of failures, free: of refused frees).
 * Reusing the last one first and bounding the search: Bonwick and Adams, "Magazines and Vmem",
 * 2001. State bytes searched in address order instead of lists through the blocks: after frees in
 * random order the next blocks still come in the order of their addresses.
 */

AIMC_ALL_INLINE aimi_pool_entry *aimi_pool_at(aimem_pool *p, size_t place) {
    return (aimi_pool_entry *)(void *)((unsigned char *)p->ring + place % sizeof p->ring);
}

AIMC_ALL_NOINLINE void *aimi_pool_alloc_slow(aimem_pool *p) {
    aimi_pool_entry *e = aimi_pool_at(p, p->place);
    aimi_pool_chunk *c;
    size_t i;
    if (*e->state != AIMI_POOL_FREE && !aimi_pool_search(p)) {
        if (!aimi_pool_grow(p) || !aimi_pool_search(p)) {
            p->failures++;
            return NULL;
        }
    }
    if (p->reclaim && aimi_pool_locate(p, e->block, &c, &i) == AIMEM_ERR_DOUBLE_FREE) c->live++;
    *e->state = AIMI_POOL_LIVE;
    AIMC_ALL_UNPOISON(e->block, p->block_size);
    p->place += sizeof *e;
    if (p->place > p->peak) p->peak = p->place;
    p->stop = p->slow_alloc ? 0 : p->peak;
    return e->block;
}

AIMEM_POOL_API void *aimem_pool_alloc(aimem_pool *pool) {
    size_t place = pool->place;
    aimi_pool_entry *e = aimi_pool_at(pool, place);
    unsigned char *state = e->state;
    void *block = e->block;
    if (AIMC_ALL_UNLIKELY(place >= pool->stop || *state != AIMI_POOL_FREE)) {
        return aimi_pool_alloc_slow(pool);
    }
    pool->place = place + sizeof *e;
    *state = AIMI_POOL_LIVE;
    return block;
}

/* ---- free ---- */

AIMC_ALL_FN aimem_result aimi_pool_refuse(aimem_pool *p, const void *what, aimem_result why) {
    aimi_pool_text t;
    p->refused++;
    if (p->logger.log_fn == NULL) return why;
    aimi_pool_text_begin(&t, p->name);
    aimi_pool_text_add(&t, "free of ");
    aimi_pool_text_address(&t, what);
    aimi_pool_text_add(&t, " refused: ");
    aimi_pool_text_add(&t, aimem_result_string(why));
    aimi_pool_text_send(&t, &p->logger, 0, why);
    return why;
}

/* Overwrites with zeros. Through a pointer that the compiler must read anew, so that it cannot know
   that this is memset and leave it out because nobody reads the bytes afterwards. */
AIMC_ALL_FN void aimi_pool_wipe(void *ptr, size_t size) {
    void *(*volatile set)(void *, int, size_t) = memset;
    (void)set(ptr, 0, size);
}

/* What becomes of the block itself when it is freed. Its generation rises; a block that has had all
   of them is closed, so that no handle ever comes to life again. Returns its new state. */
AIMC_ALL_FN unsigned char aimi_pool_retire(aimem_pool *p, aimi_pool_chunk *c, size_t i) {
    unsigned char *block = c->base + i * p->stride;
    if (p->clear) aimi_pool_wipe(block, p->block_size);
    AIMC_ALL_POISON(block, p->stride);
    if (p->handles && ++c->gen[i] == UINT32_MAX) {
        p->closed++;
        return AIMI_POOL_CLOSED;
    }
    return AIMI_POOL_FREE;
}

/* Frees block i of c, which is live. */
AIMC_ALL_FN void aimi_pool_give_back(aimem_pool *p, aimi_pool_chunk *c, size_t i) {
    aimi_pool_entry *e = aimi_pool_at(p, p->place -= sizeof *e);
    c->state[i] = aimi_pool_retire(p, c, i);
    aimi_pool_hint(c)[i / AIMI_POOL_GROUP] = 1;
    e->block = c->base + i * p->stride;
    e->state = c->state + i;
    if (p->reclaim && --c->live == 0 && !c->keep) (void)aimi_pool_chunk_release(p, c);
}

AIMC_ALL_NOINLINE aimem_result aimi_pool_free_slow(aimem_pool *p, void *block) {
    aimi_pool_chunk *c;
    aimem_result result;
    size_t i;
    if (block == NULL) return AIMEM_OK;
    result = aimi_pool_locate(p, block, &c, &i);
    if (result != AIMEM_OK) return aimi_pool_refuse(p, block, result);
    p->recent[aimi_pool_recent((uintptr_t)block, p->shifts)] = c;
    aimi_pool_give_back(p, c, i);
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_pool_free(aimem_pool *pool, void *block) {
    uintptr_t at = (uintptr_t)block;
    uint32_t shifts = aimi_pool_shifts(pool);
    aimi_pool_chunk *c = pool->recent[aimi_pool_recent(at, shifts)];
    size_t i = aimi_pool_index(pool, at - (uintptr_t)c->base, shifts), place;
    unsigned char *state;
    aimi_pool_entry *e;
    if (AIMC_ALL_UNLIKELY(i >= c->quick)) return aimi_pool_free_slow(pool, block);
    state = c->state + i;
    if (AIMC_ALL_UNLIKELY(*state != AIMI_POOL_LIVE)) return aimi_pool_free_slow(pool, block);
    place = pool->place - sizeof *e;
    pool->place = place;
    e = aimi_pool_at(pool, place);
    e->block = (unsigned char *)block;
    e->state = state;
    aimi_pool_hint(c)[i / AIMI_POOL_GROUP] = 1;
    *state = AIMI_POOL_FREE;
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_pool_check(const aimem_pool *pool, const void *block) {
    aimi_pool_chunk *c;
    size_t i;
    return block == NULL ? AIMEM_OK : aimi_pool_locate(pool, block, &c, &i);
}

/* ---- handles: generation << 32 | chunk id << 14 | block in the chunk ---- */

AIMEM_POOL_API aimem_pool_handle aimem_pool_handle_of(const aimem_pool *pool, const void *block) {
    aimem_pool_handle handle;
    aimi_pool_chunk *c;
    size_t i;
    handle.id = 0;
    if (pool->handles && aimi_pool_locate(pool, block, &c, &i) == AIMEM_OK) {
        handle.id = (uint64_t)c->gen[i] << 32 | (uint64_t)c->id << AIMI_POOL_INDEX_BITS | i;
    }
    return handle;
}

/* The chunk and number of a live block; false for a handle of nothing that lives. */
AIMC_ALL_FN bool aimi_pool_resolve(const aimem_pool *p, aimem_pool_handle handle,
                               aimi_pool_chunk **chunk, size_t *index) {
    size_t id = (size_t)((uint32_t)handle.id >> AIMI_POOL_INDEX_BITS);
    size_t i = (size_t)(handle.id & (AIMI_POOL_CHUNK_MOST - 1));
    aimi_pool_chunk *c;
    if (!p->handles || id >= p->cap) return false;
    c = p->by_id[id];
    if (c == NULL || i >= c->count || c->gen[i] != handle.id >> 32) return false;
    *chunk = c;
    *index = i;
    return c->state[i] == AIMI_POOL_LIVE;
}

AIMEM_POOL_API void *aimem_pool_get(const aimem_pool *pool, aimem_pool_handle handle) {
    aimi_pool_chunk *c;
    size_t i;
    return aimi_pool_resolve(pool, handle, &c, &i) ? c->base + i * pool->stride : NULL;
}

AIMEM_POOL_API aimem_result aimem_pool_free_handle(aimem_pool *pool, aimem_pool_handle handle) {
    aimi_pool_chunk *c;
    size_t i;
    if (!pool->handles) return AIMEM_ERR_UNSUPPORTED;
    if (handle.id == 0) return AIMEM_OK;
    if (!aimi_pool_resolve(pool, handle, &c, &i)) {
        return aimi_pool_refuse(pool, NULL, AIMEM_ERR_STALE);
    }
    aimi_pool_give_back(pool, c, i);
    return AIMEM_OK;
}

/* ---- all blocks at once ---- */

AIMEM_POOL_API void aimem_pool_walk(const aimem_pool *pool,
                                    bool (*walk_fn)(void *user_data, void *block),
                                    void *user_data) {
    size_t n, i;
    for (n = 0; n < pool->chunks; n++) {
        const aimi_pool_chunk *c = pool->sorted[n].chunk;
        for (i = 0; i < c->count; i++) {
            if (c->state[i] != AIMI_POOL_LIVE) continue;
            if (!walk_fn(user_data, c->base + i * pool->stride)) return;
        }
    }
}

/* Frees every live block of a chunk, past the ring. */
AIMC_ALL_FN void aimi_pool_reset_chunk(aimem_pool *p, aimi_pool_chunk *c) {
    size_t i;
    for (i = 0; i < c->count; i++) {
        if (c->state[i] == AIMI_POOL_LIVE) c->state[i] = aimi_pool_retire(p, c, i);
    }
    memset(aimi_pool_hint(c), 1, aimi_pool_groups(c->count));
    c->live = 0;
}

AIMEM_POOL_API void aimem_pool_reset(aimem_pool *pool) {
    size_t n;
    for (n = 0; n < pool->chunks; n++) aimi_pool_reset_chunk(pool, pool->sorted[n].chunk);
    pool->place = 0;
    aimi_pool_mark_all(pool);
}

AIMEM_POOL_API size_t aimem_pool_trim(aimem_pool *pool) {
    size_t bytes = 0, n = pool->chunks;
    while (n-- > 0) {
        aimi_pool_chunk *c = pool->sorted[n].chunk;
        if (!c->keep && memchr(c->state, AIMI_POOL_LIVE, c->count) == NULL) {
            bytes += aimi_pool_chunk_release(pool, c);
        }
    }
    return bytes;
}

/* ---- as an allocator hook ---- */

AIMC_ALL_FN void *aimi_pool_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                size_t align) {
    aimem_pool *p = (aimem_pool *)user_data;
    (void)old_size;
    if (new_size == 0) {
        (void)aimem_pool_free(p, ptr);
        return NULL;
    }
    if (new_size > p->block_size || align > p->chunk_align) return NULL;
    return ptr != NULL ? ptr : aimem_pool_alloc(p);
}

AIMEM_POOL_API aimem_allocator aimem_pool_allocator(aimem_pool *pool) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_realloc;
    hook.user_data = pool;
    return hook;
}

/* end pool/block.h */

/* begin pool/life.h */
/* pool/life.h: block pools are made and end here; what they tell about themselves.
 *
 * A pool inside the caller's memory is laid out in one piece, bookkeeping first, so that a write
 * past the last block leaves it altogether:
 *
 *   memory [ pad | aimem_pool | directory | meta of each chunk | pad | blocks ]
 *
 * Its chunks are stretches of the blocks of at most AIMI_POOL_CHUNK_MOST.
 */

/* A desc with the defaults filled in, and the sizes that follow from it. */
typedef struct aimi_pool_plan {
    aimem_pool_desc desc;
    size_t stride;
    size_t chunk_align; /* of block 0 of a chunk: up to 64, so that blocks do not straddle lines */
} aimi_pool_plan;

/* The largest power of two, at most `most`, that divides a number that is not 0. */
AIMC_ALL_FN size_t aimi_pool_divisor(size_t number, size_t most) {
    return aimc_all_min_size((size_t)1 << aimc_all_ctz64(number), most);
}

AIMC_ALL_FN aimem_result aimi_pool_plan_make(const aimem_pool_desc *desc, aimi_pool_plan *plan) {
    aimem_pool_desc *d = &plan->desc;
    size_t bytes;
    memset(plan, 0, sizeof *plan);
    if (desc != NULL) *d = *desc;
    if (d->canary_zero != 0) return AIMEM_ERR_INVALID;
    if (d->block_size == 0) d->block_size = 64;
    if (d->align == 0) d->align = aimi_pool_divisor(d->block_size, 16);
    if (!aimc_all_is_pow2(d->align) || d->align > AIMI_POOL_ALIGN_MOST) return AIMEM_ERR_INVALID;
    if (d->fixed && d->max_blocks == 0) return AIMEM_ERR_INVALID;
    if (d->max_blocks != 0 && d->preallocated > d->max_blocks) return AIMEM_ERR_INVALID;
    if (d->fixed) d->preallocated = d->max_blocks;
    if (d->preallocated == 0) {
        d->preallocated = d->max_blocks != 0 ? aimc_all_min_size(5, d->max_blocks) : 5;
    }
    if (!aimc_all_align_size(d->block_size, d->align, &plan->stride) ||
        !aimc_all_mul_size(plan->stride, d->preallocated, &bytes) || bytes > PTRDIFF_MAX ||
        d->preallocated > AIMI_POOL_BLOCKS_MOST) {
        return AIMEM_ERR_RANGE;
    }
    if (d->handles && d->preallocated / AIMI_POOL_CHUNK_MOST >= AIMI_POOL_IDS_MOST) {
        return AIMEM_ERR_RANGE;
    }
    plan->chunk_align = aimc_all_max_size(d->align, aimi_pool_divisor(plan->stride, 64));
    return AIMEM_OK;
}

/* A pool without chunks and without directory in memory that is aligned for it. */
AIMC_ALL_FN aimem_pool *aimi_pool_set(void *memory, const aimi_pool_plan *plan) {
    const aimem_pool_desc *d = &plan->desc;
    aimem_pool *p = (aimem_pool *)memory;
    const char *name = d->name != NULL ? d->name : "pool";
    size_t i;
    memset(p, 0, sizeof *p);
    p->block_size = d->block_size;
    p->stride = plan->stride;
    p->chunk_align = plan->chunk_align;
    p->max_blocks = d->max_blocks;
    p->shifts = aimc_all_ctz64(p->stride) << 8;
    p->inverse = aimi_pool_inverse(p->stride >> aimi_pool_twos(p->shifts));
    p->fixed = d->fixed;
    p->reclaim = d->reclaim_on_free;
    p->clear = d->clear_on_free;
    p->handles = d->handles;
    p->slow_alloc = p->reclaim;
    p->slow_free = p->reclaim || p->clear || p->handles;
#if defined(AIMC_ALL_ASAN)
    p->slow_alloc = p->slow_free = true;
#endif
    p->logger = d->logger;
    for (i = 0; i + 1 < AIMI_POOL_NAME && name[i] != '\0'; i++) p->name[i] = name[i];
    /* Pools begin at different generations, so that a handle of one is no handle of another. */
    p->gen_first = (uint32_t)(((uint64_t)(uintptr_t)p * 0x9E3779B97F4A7C15u) >> 34) | 1;
    p->closed_byte = AIMI_POOL_CLOSED;
    for (i = 0; i < AIMI_POOL_RECENT; i++) p->recent[i] = &p->none;
    for (i = 0; i < AIMI_POOL_RING; i++) p->ring[i].state = &p->closed_byte;
    return p;
}

/* ---- from the allocator ---- */

AIMC_ALL_FN void aimi_pool_end(aimem_pool *p) {
    aimem_allocator allocator = p->allocator;
    while (p->chunks != 0) (void)aimi_pool_chunk_release(p, p->sorted[p->chunks - 1].chunk);
    if (p->inside) return;
    aimc_all_free(&allocator, p->first, p->first_size, p->chunk_align);
    aimc_all_free(&allocator, p->directory, p->directory_size, AIMI_POOL_META_ALIGN);
    aimc_all_free(&allocator, p, sizeof *p, AIMI_POOL_META_ALIGN);
}

AIMEM_POOL_API aimem_result aimem_pool_create(const aimem_pool_desc *desc, aimem_pool **out) {
    aimi_pool_plan plan;
    aimem_allocator allocator;
    aimem_result result;
    aimem_pool *p;
    void *memory;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    result = aimi_pool_plan_make(desc, &plan);
    if (result != AIMEM_OK) return result;
    if (!aimc_all_allocator_or_default(&plan.desc.allocator, &allocator)) return AIMEM_ERR_INVALID;
    memory = aimc_all_alloc(&allocator, sizeof *p, AIMI_POOL_META_ALIGN);
    if (memory == NULL) return AIMEM_ERR_NOMEM;
    p = aimi_pool_set(memory, &plan);
    p->allocator = allocator;
    p->bytes = sizeof *p;
    if (!aimi_pool_preallocate(p, plan.desc.preallocated)) {
        aimi_pool_end(p);
        return AIMEM_ERR_NOMEM;
    }
    *out = p;
    return AIMEM_OK;
}

/* ---- in the caller's memory ---- */

/* The parts behind one another, without the blocks; false when they do not fit in size_t. */
AIMC_ALL_FN bool aimi_pool_layout(const aimi_pool_plan *plan, size_t *directory, size_t *metas,
                              size_t *blocks) {
    size_t n = plan->desc.max_blocks, whole = n / AIMI_POOL_CHUNK_MOST, size, meta;
    size_t rest = n % AIMI_POOL_CHUNK_MOST;
    *directory = (sizeof(aimem_pool) + 15) & ~(size_t)15;
    if (!aimi_pool_directory_size(whole + (rest != 0), &size)) return false;
    if (!aimc_all_align_size(size, 16, &size) || !aimc_all_add_size(*directory, size, metas)) return false;
    if (!aimc_all_mul_size(whole, aimi_pool_meta_size(AIMI_POOL_CHUNK_MOST, plan->desc.handles),
                       &meta) ||
        !aimc_all_add_size(*metas, meta, blocks)) {
        return false;
    }
    return rest == 0 ||
           aimc_all_add_size(*blocks, aimi_pool_meta_size(rest, plan->desc.handles), blocks);
}

/* Plan of a fixed pool in memory of any alignment, and the bytes it needs. */
AIMC_ALL_FN aimem_result aimi_pool_plan_inside(const aimem_pool_desc *desc, aimi_pool_plan *plan,
                                           size_t *need) {
    aimem_pool_desc fixed;
    aimem_result result;
    size_t directory, metas, blocks;
    if (desc == NULL || desc->max_blocks == 0) return AIMEM_ERR_INVALID;
    fixed = *desc;
    fixed.fixed = true;
    fixed.reclaim_on_free = false; /* nothing could be given back */
    result = aimi_pool_plan_make(&fixed, plan);
    if (result != AIMEM_OK) return result;
    if (!aimi_pool_layout(plan, &directory, &metas, &blocks) ||
        !aimc_all_add_size(blocks, plan->stride * plan->desc.max_blocks, need) ||
        !aimc_all_add_size(*need, AIMI_POOL_META_ALIGN - 1 + plan->chunk_align - 1, need) ||
        *need > PTRDIFF_MAX) {
        return AIMEM_ERR_RANGE;
    }
    return AIMEM_OK;
}

AIMEM_POOL_API size_t aimem_pool_size(const aimem_pool_desc *desc) {
    aimi_pool_plan plan;
    size_t need;
    return aimi_pool_plan_inside(desc, &plan, &need) == AIMEM_OK ? need : 0;
}

AIMC_ALL_FN unsigned char *aimi_pool_align(unsigned char *at, size_t align) {
    return at + ((size_t)(0 - (uintptr_t)at) & (align - 1));
}

AIMEM_POOL_API aimem_result aimem_pool_init(void *memory, size_t size, const aimem_pool_desc *desc,
                                            aimem_pool **out) {
    aimi_pool_plan plan;
    aimem_result result;
    size_t need, directory, metas, blocks, left, id;
    unsigned char *at, *meta, *block;
    aimem_pool *p;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    if (memory == NULL) return AIMEM_ERR_INVALID;
    result = aimi_pool_plan_inside(desc, &plan, &need);
    if (result != AIMEM_OK) return result;
    if (size < need || !aimi_pool_layout(&plan, &directory, &metas, &blocks)) {
        return AIMEM_ERR_RANGE;
    }
    at = aimi_pool_align((unsigned char *)memory, AIMI_POOL_META_ALIGN);
    meta = at + metas;
    block = aimi_pool_align(at + blocks, plan.chunk_align);
    p = aimi_pool_set(at, &plan);
    p->inside = true;
    p->bytes = need;
    left = plan.desc.max_blocks;
    aimi_pool_directory_set(p, at + directory,
                            (left + AIMI_POOL_CHUNK_MOST - 1) / AIMI_POOL_CHUNK_MOST);
    for (id = 0; left != 0; id++) {
        size_t count = aimc_all_min_size(left, AIMI_POOL_CHUNK_MOST);
        aimi_pool_chunk_set(p, id, meta, block, count)->keep = true;
        meta += aimi_pool_meta_size(count, p->handles);
        block += count * p->stride;
        left -= count;
    }
    *out = p;
    return AIMEM_OK;
}

/* ---- the end ---- */

typedef struct aimi_pool_leaks {
    const aimem_pool *pool;
    int told;
} aimi_pool_leaks;

AIMC_ALL_FN bool aimi_pool_tell_leak(void *user_data, void *block) {
    aimi_pool_leaks *leaks = (aimi_pool_leaks *)user_data;
    aimi_pool_text t;
    aimi_pool_text_begin(&t, leaks->pool->name);
    aimi_pool_text_address(&t, block);
    aimi_pool_text_add(&t, " is still in use");
    aimi_pool_text_send(&t, &leaks->pool->logger, 1, AIMEM_ERR_BUSY);
    return ++leaks->told < 16;
}

AIMC_ALL_FN void aimi_pool_tell_leaks(const aimem_pool *p) {
    aimi_pool_leaks leaks;
    aimi_pool_text t;
    if (p->logger.log_fn == NULL || aimi_pool_in_use(p) == 0) return;
    aimi_pool_text_begin(&t, p->name);
    aimi_pool_text_number(&t, aimi_pool_in_use(p), 10);
    aimi_pool_text_add(&t, " blocks in use when the pool was destroyed");
    aimi_pool_text_send(&t, &p->logger, 1, AIMEM_ERR_BUSY);
    leaks.pool = p;
    leaks.told = 0;
    aimem_pool_walk(p, aimi_pool_tell_leak, &leaks);
}

AIMEM_POOL_API void aimem_pool_destroy(aimem_pool *pool) {
    if (pool == NULL) return;
    aimi_pool_tell_leaks(pool);
    if (pool->clear) aimem_pool_reset(pool);
    aimi_pool_end(pool);
}

AIMEM_POOL_API void aimem_pool_stats(const aimem_pool *pool, aimem_pool_info *out) {
    memset(out, 0, sizeof *out);
    out->name = pool->name;
    out->block_size = pool->block_size;
    out->stride = pool->stride;
    out->total = pool->total - pool->closed;
    out->in_use = aimi_pool_in_use(pool);
    out->available = out->total - out->in_use;
    out->peak = pool->peak / sizeof(aimi_pool_entry);
    out->max_blocks = pool->max_blocks;
    out->bytes = pool->bytes;
    out->failures = pool->failures;
    out->refused = pool->refused;
    if (out->total != 0) out->utilisation = (float)out->in_use / (float)out->total;
}

AIMEM_POOL_API uint32_t aimem_pool_version(void) {
    return AIMEM_POOL_VERSION;
}

/* end pool/life.h */

/* begin pool/frame.h */
/* pool/frame.h: two arenas that take turns, one for each other frame. */

AIMEM_POOL_API aimem_result aimem_frame_init(aimem_frame *frame, const aimem_frame_desc *desc) {
    aimem_arena_desc d, second;
    aimem_result result;
    if (frame == NULL) return AIMEM_ERR_INVALID;
    memset(frame, 0, sizeof *frame);
    memset(&d, 0, sizeof d);
    if (desc != NULL) {
        if (desc->canary_zero != 0) return AIMEM_ERR_INVALID;
        d = desc->arena;
    }
    second = d;
    if (d.memory != NULL) {
        d.memory_size /= 2;
        second.memory = (unsigned char *)d.memory + d.memory_size;
        second.memory_size -= d.memory_size;
    }
    result = aimem_arena_init(&frame->arenas[0], &d);
    if (result == AIMEM_OK) {
        result = aimem_arena_init(&frame->arenas[1], &second);
        if (result != AIMEM_OK) aimem_arena_deinit(&frame->arenas[0]);
    }
    return result;
}

AIMEM_POOL_API void aimem_frame_deinit(aimem_frame *frame) {
    if (frame == NULL) return;
    aimem_arena_deinit(&frame->arenas[0]);
    aimem_arena_deinit(&frame->arenas[1]);
    memset(frame, 0, sizeof *frame);
}

AIMEM_POOL_API void aimem_frame_swap(aimem_frame *frame) {
    frame->current ^= 1;
    frame->number++;
    aimem_arena_reset(&frame->arenas[frame->current]);
}

/* In the last frame's arena nothing is resized in place: it is behind the reader's back. */
AIMC_ALL_FN void *aimi_pool_frame_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                      size_t align) {
    aimem_frame *f = (aimem_frame *)user_data;
    return aimi_pool_arena_realloc(&f->arenas[f->current], ptr, old_size, new_size, align);
}

AIMEM_POOL_API aimem_allocator aimem_frame_allocator(aimem_frame *frame) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_frame_realloc;
    hook.user_data = frame;
    return hook;
}

AIMEM_POOL_API void aimem_frame_stats(const aimem_frame *frame, aimem_frame_info *out) {
    aimem_arena_info now, last;
    memset(out, 0, sizeof *out);
    aimem_arena_stats(&frame->arenas[frame->current], &now);
    aimem_arena_stats(&frame->arenas[frame->current ^ 1], &last);
    out->number = frame->number;
    out->used = now.used;
    out->last_used = last.used;
    out->peak = aimc_all_max_size(now.peak, last.peak);
    out->reserved = now.reserved + last.reserved;
    out->limit = aimc_all_min_size(now.limit, last.limit);
}

/* end pool/frame.h */

/* begin pool/ring.h */
/* pool/ring.h: pieces of any size in one fixed memory, given back in the order they came.
 *
 *   [ head | piece, rounded up to 16 ][ filler ][ head | piece ] ...
 *
 * From oldest, used bytes on, wrapping at capacity, lie records without gaps. A record is a piece
 * or a filler: the room that was skipped at the end of the memory, or in front of a piece with a
 * large alignment. Its head, 16 bytes at a multiple of 16, says which.
 *
 * Invariants: records do not wrap; the oldest record is no freed piece (retiring takes those
 * along); the last record is the newest piece; an empty ring has oldest = next = 0, so that the
 * largest piece fits. A head is believed only while its check is right: when a piece was written
 * past its end, the records behind it are not retired any more, and nothing outside is ever
 * touched.
 */

enum { AIMI_POOL_RING_HEAD = 16 };
enum { AIMI_POOL_RING_USED = 1, AIMI_POOL_RING_FREED = 2, AIMI_POOL_RING_FILLER = 3 };

typedef struct aimi_pool_record {
    uint32_t check; /* of all the rest and the place */
    uint32_t state;
    size_t size;    /* of the piece as asked for; of a filler, without its head */
} aimi_pool_record;

AIMC_ALL_FN uint32_t aimi_pool_ring_check(const aimem_ring *r, size_t at,
                                      const aimi_pool_record *record) {
    uint64_t mix = (uint64_t)(uintptr_t)(r->base + at) + record->state;
    mix = (mix * 0x9E3779B97F4A7C15u + record->size) * 0xC2B2AE3D27D4EB4Fu;
    return (uint32_t)(mix >> 32) | 1;
}

/* The record at an offset in use; false when there is none. */
AIMC_ALL_FN bool aimi_pool_ring_get(const aimem_ring *r, size_t at, aimi_pool_record *out) {
    memcpy(out, r->base + at, sizeof *out);
    return out->check == aimi_pool_ring_check(r, at, out);
}

AIMC_ALL_FN void aimi_pool_ring_put(aimem_ring *r, size_t at, uint32_t state, size_t size) {
    aimi_pool_record record;
    memset(&record, 0, sizeof record);
    record.state = state;
    record.size = size;
    record.check = aimi_pool_ring_check(r, at, &record);
    memcpy(r->base + at, &record, sizeof record);
}

/* Bytes of a record with that size. */
AIMC_ALL_INLINE size_t aimi_pool_ring_stride(size_t size) {
    return AIMI_POOL_RING_HEAD + ((size + 15) & ~(size_t)15);
}

/* ---- life ---- */

AIMEM_POOL_API aimem_result aimem_ring_init(aimem_ring *ring, const aimem_ring_desc *desc) {
    aimem_ring_desc d;
    unsigned char *memory;
    size_t size, pad;
    if (ring == NULL) return AIMEM_ERR_INVALID;
    memset(ring, 0, sizeof *ring);
    memset(&d, 0, sizeof d);
    if (desc != NULL) d = *desc;
    if (d.canary_zero != 0) return AIMEM_ERR_INVALID;
    memory = (unsigned char *)d.memory;
    size = d.memory_size;
    if (memory != NULL || size != 0) {
        if (memory == NULL || size == 0 || d.size != 0) return AIMEM_ERR_INVALID;
    } else {
        if (!aimc_all_allocator_or_default(&d.allocator, &ring->allocator)) return AIMEM_ERR_INVALID;
        size = d.size != 0 ? d.size : (size_t)64 << 10;
    }
    pad = (size_t)(0 - (uintptr_t)memory) & 15;
    if (size > PTRDIFF_MAX || size < pad + 2 * AIMI_POOL_RING_HEAD) {
        memset(ring, 0, sizeof *ring);
        return AIMEM_ERR_RANGE;
    }
    if (memory == NULL) {
        memory = (unsigned char *)aimc_all_alloc(&ring->allocator, size, 16);
        ring->owned = size;
    }
    if (memory == NULL) {
        memset(ring, 0, sizeof *ring);
        return AIMEM_ERR_NOMEM;
    }
    ring->base = memory + pad;
    ring->capacity = (size - pad) & ~(size_t)15;
    ring->logger = d.logger;
    AIMC_ALL_POISON(ring->base, ring->capacity);
    return AIMEM_OK;
}

AIMC_ALL_FN void aimi_pool_ring_tell(const aimem_ring *r, const void *ptr, int level,
                                 aimem_result code, const char *what) {
    aimi_pool_text t;
    aimi_pool_text_begin(&t, "ring");
    aimi_pool_text_address(&t, ptr);
    aimi_pool_text_add(&t, what);
    aimi_pool_text_send(&t, &r->logger, level, code);
}

AIMC_ALL_FN void aimi_pool_ring_tell_open(const aimem_ring *r) {
    const void *ptr = aimem_ring_peek(r, NULL);
    int told;
    for (told = 0; ptr != NULL && told < 16; told++) {
        aimi_pool_ring_tell(r, ptr, 1, AIMEM_ERR_BUSY, " is still in use");
        ptr = aimem_ring_next(r, ptr, NULL);
    }
}

AIMEM_POOL_API void aimem_ring_deinit(aimem_ring *ring) {
    if (ring == NULL || ring->base == NULL) return;
    aimi_pool_ring_tell_open(ring);
    AIMC_ALL_UNPOISON(ring->base, ring->capacity);
    if (ring->owned != 0) aimc_all_free(&ring->allocator, ring->base, ring->owned, 16);
    memset(ring, 0, sizeof *ring);
}

/* ---- pieces ---- */

/* The bytes that a piece at align takes from at on, padding and head included; 0: too many. */
AIMC_ALL_FN size_t aimi_pool_ring_need(const aimem_ring *r, size_t at, size_t size, size_t align) {
    uintptr_t first = (uintptr_t)(r->base + at) + AIMI_POOL_RING_HEAD;
    size_t pad = align > 16 ? (size_t)(0 - first) & (align - 1) : 0, need;
    if (size > r->capacity || !aimc_all_add_size(aimi_pool_ring_stride(size), pad, &need)) return 0;
    return need <= r->capacity ? need : 0;
}

/* Makes the next bytes, which are free, the last record. */
AIMC_ALL_FN void aimi_pool_ring_take(aimem_ring *r, uint32_t state, size_t size, size_t bytes) {
    if (bytes == 0) return;
    AIMC_ALL_UNPOISON(r->base + r->next, bytes);
    aimi_pool_ring_put(r, r->next, state, size);
    r->next += bytes;
    r->used += bytes;
    if (r->next == r->capacity) r->next = 0;
}

AIMEM_POOL_API void *aimem_ring_push(aimem_ring *ring, size_t size, size_t align) {
    size_t room = ring->capacity - ring->used, to_end = ring->capacity - ring->next;
    size_t need, skip = 0, stride = 0;
    if (align == 0) align = 16;
    if (ring->base == NULL || !aimc_all_is_pow2(align)) return NULL;
    need = aimi_pool_ring_need(ring, ring->next, size, align);
    if (need == 0 || need > to_end) {
        skip = to_end;
        need = aimi_pool_ring_need(ring, 0, size, align);
    }
    if (need == 0 || skip > room || need > room - skip) {
        ring->failures++;
        return NULL;
    }
    stride = aimi_pool_ring_stride(size);
    aimi_pool_ring_take(ring, AIMI_POOL_RING_FILLER, skip - AIMI_POOL_RING_HEAD, skip);
    need -= stride;
    aimi_pool_ring_take(ring, AIMI_POOL_RING_FILLER, need - AIMI_POOL_RING_HEAD, need);
    ring->newest = ring->next;
    aimi_pool_ring_take(ring, AIMI_POOL_RING_USED, size, stride);
    ring->peak = aimc_all_max_size(ring->peak, ring->used);
    ring->pushed++;
    return ring->base + ring->newest + AIMI_POOL_RING_HEAD;
}

/* Takes away the oldest records while they are fillers and freed pieces. */
AIMC_ALL_FN void aimi_pool_ring_advance(aimem_ring *r) {
    aimi_pool_record record;
    while (r->used != 0) {
        size_t stride;
        if (!aimi_pool_ring_get(r, r->oldest, &record)) return;
        if (record.state == AIMI_POOL_RING_USED) return;
        stride = aimi_pool_ring_stride(record.size);
        if (record.state == AIMI_POOL_RING_FREED) r->retired++;
        AIMC_ALL_POISON(r->base + r->oldest, stride);
        r->oldest += stride;
        r->used -= stride;
        if (r->oldest == r->capacity) r->oldest = 0;
    }
    r->oldest = r->next = 0;
}

/* What a free of ptr would answer; *at: the offset of its head. */
AIMC_ALL_FN aimem_result aimi_pool_ring_known(const aimem_ring *r, const void *ptr, size_t *at) {
    uintptr_t offset = (uintptr_t)ptr - (uintptr_t)r->base;
    aimi_pool_record record;
    size_t from;
    *at = 0;
    if (r->base == NULL || offset > r->capacity) return AIMEM_ERR_FOREIGN;
    if (offset < AIMI_POOL_RING_HEAD) return AIMEM_ERR_INTERIOR;
    *at = (size_t)offset - AIMI_POOL_RING_HEAD;
    from = *at >= r->oldest ? *at - r->oldest : *at + (r->capacity - r->oldest);
    if (from >= r->used) return AIMEM_ERR_DOUBLE_FREE;
    if (offset % 16 != 0 || !aimi_pool_ring_get(r, *at, &record)) return AIMEM_ERR_INTERIOR;
    if (record.state == AIMI_POOL_RING_FREED) return AIMEM_ERR_DOUBLE_FREE;
    return record.state == AIMI_POOL_RING_USED ? AIMEM_OK : AIMEM_ERR_INTERIOR;
}

AIMEM_POOL_API aimem_result aimem_ring_free(aimem_ring *ring, void *ptr) {
    aimi_pool_record record;
    aimem_result result;
    size_t at;
    if (ptr == NULL) return AIMEM_OK;
    result = aimi_pool_ring_known(ring, ptr, &at);
    if (result != AIMEM_OK) {
        ring->refused++;
        aimi_pool_ring_tell(ring, ptr, 0, result, " is not in use, or not of this ring");
        return result;
    }
    (void)aimi_pool_ring_get(ring, at, &record);
    aimi_pool_ring_put(ring, at, AIMI_POOL_RING_FREED, record.size);
    aimi_pool_ring_advance(ring);
    return AIMEM_OK;
}

/* ---- in order ---- */

/* The first piece in use among the records from offset at on, the last of which ends `left` bytes
   further. */
AIMC_ALL_FN void *aimi_pool_ring_find(const aimem_ring *r, size_t at, size_t left, size_t *size) {
    aimi_pool_record record;
    if (size != NULL) *size = 0;
    while (left != 0 && aimi_pool_ring_get(r, at, &record)) {
        size_t stride = aimi_pool_ring_stride(record.size);
        if (record.state == AIMI_POOL_RING_USED) {
            if (size != NULL) *size = record.size;
            return r->base + at + AIMI_POOL_RING_HEAD;
        }
        left -= stride;
        at += stride;
        if (at == r->capacity) at = 0;
    }
    return NULL;
}

AIMEM_POOL_API void *aimem_ring_peek(const aimem_ring *ring, size_t *size) {
    return aimi_pool_ring_find(ring, ring->oldest, ring->used, size);
}

AIMEM_POOL_API void *aimem_ring_next(const aimem_ring *ring, const void *ptr, size_t *size) {
    aimi_pool_record record;
    size_t at, from, stride;
    if (size != NULL) *size = 0;
    if (ptr == NULL || aimi_pool_ring_known(ring, ptr, &at) != AIMEM_OK) return NULL;
    (void)aimi_pool_ring_get(ring, at, &record);
    stride = aimi_pool_ring_stride(record.size);
    from = at >= ring->oldest ? at - ring->oldest : at + (ring->capacity - ring->oldest);
    at += stride;
    if (at == ring->capacity) at = 0;
    return aimi_pool_ring_find(ring, at, ring->used - from - stride, size);
}

AIMEM_POOL_API aimem_result aimem_ring_pop(aimem_ring *ring) {
    void *ptr = aimem_ring_peek(ring, NULL);
    return ptr != NULL ? aimem_ring_free(ring, ptr) : AIMEM_ERR_NOT_FOUND;
}

AIMEM_POOL_API size_t aimem_ring_retire(aimem_ring *ring, uint64_t mark) {
    uint64_t before = ring->retired;
    while (ring->retired < mark && aimem_ring_pop(ring) == AIMEM_OK) {
    }
    return (size_t)(ring->retired - before);
}

AIMEM_POOL_API void aimem_ring_reset(aimem_ring *ring) {
    AIMC_ALL_POISON(ring->base, ring->capacity);
    ring->retired = ring->pushed;
    ring->oldest = ring->next = ring->used = 0;
}

/* ---- around it ---- */

/* The newest piece in place, where that is possible. */
AIMC_ALL_FN bool aimi_pool_ring_resize(aimem_ring *r, size_t at, size_t old_size, size_t new_size) {
    size_t old_stride = aimi_pool_ring_stride(old_size), stride, end;
    if (at != r->newest || new_size > r->capacity) return false;
    stride = aimi_pool_ring_stride(new_size);
    if (stride > r->capacity - at) return false;
    if (stride > old_stride && stride - old_stride > r->capacity - r->used) return false;
    end = at + aimc_all_max_size(stride, old_stride);
    AIMC_ALL_POISON(r->base + at, end - at);
    r->next = at;
    r->used -= old_stride;
    aimi_pool_ring_take(r, AIMI_POOL_RING_USED, new_size, stride);
    r->peak = aimc_all_max_size(r->peak, r->used);
    return true;
}

AIMC_ALL_FN void *aimi_pool_ring_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                     size_t align) {
    aimem_ring *r = (aimem_ring *)user_data;
    aimi_pool_record record;
    unsigned char *fresh;
    size_t at;
    if (ptr == NULL) return new_size != 0 ? aimem_ring_push(r, new_size, align) : NULL;
    if (new_size == 0) {
        (void)aimem_ring_free(r, ptr);
        return NULL;
    }
    if (aimi_pool_ring_known(r, ptr, &at) != AIMEM_OK) {
        (void)aimem_ring_free(r, ptr); /* counts and tells */
        return NULL;
    }
    (void)aimi_pool_ring_get(r, at, &record);
    if (aimi_pool_ring_resize(r, at, record.size, new_size)) return ptr;
    fresh = (unsigned char *)aimem_ring_push(r, new_size, align);
    if (fresh == NULL) return NULL;
    memcpy(fresh, ptr, aimc_all_min_size(old_size, new_size));
    (void)aimem_ring_free(r, ptr);
    return fresh;
}

AIMEM_POOL_API aimem_allocator aimem_ring_allocator(aimem_ring *ring) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_ring_realloc;
    hook.user_data = ring;
    return hook;
}

AIMEM_POOL_API void aimem_ring_stats(const aimem_ring *ring, aimem_ring_info *out) {
    size_t room = ring->capacity - ring->used;
    size_t most = aimc_all_min_size(room, ring->capacity - ring->next);
    memset(out, 0, sizeof *out);
    /* Free room is one range from next on, or, cut by the end of the memory, two. */
    most = aimc_all_max_size(most, room - most);
    out->capacity = ring->capacity;
    out->used = ring->used;
    out->peak = ring->peak;
    out->largest = most > AIMI_POOL_RING_HEAD ? most - AIMI_POOL_RING_HEAD : 0;
    out->pieces = (size_t)(ring->pushed - ring->retired);
    out->pushed = ring->pushed;
    out->retired = ring->retired;
    out->failures = ring->failures;
    out->refused = ring->refused;
}

/* end pool/ring.h */
#if !defined(AIMEM_POOL_NO_BUFFERS)
/* begin pool/buffers.h */
/* pool/buffers.h: recycled buffers: the object, its table of buffers, its lock.
 *
 *   handle [ generation : 32 | number : 32 ]    number: place in the table, from 1
 *
 * A place in the table is live (a buffer that is held), kept (class engine: memory for a later
 * buffer) or empty. The generation rises when the last reference goes, and when a buffer is handed
 * over; a place whose generation reached its end is never used again.
 *
 * Where the memory of a buffer comes from is the business of a store: buffers_range.h cuts it from
 * segments (address space, the caller's memory, chunks), buffers_class.h takes and keeps it whole.
 *
 * All public functions enter the object first and leave it last. Inside, the hooks (allocator, vm,
 * codec) may be called; when such a hook calls this object again it is answered BUSY: with a lock
 * because the thread that holds it is known, without one because the object is marked. The logger
 * is called outside.
 */

enum { AIMI_POOL_BUFFER_EMPTY = 0, AIMI_POOL_BUFFER_LIVE = 1, AIMI_POOL_BUFFER_KEPT = 2 };
enum { AIMI_POOL_BUFFERS_NAME = 32, AIMI_POOL_BUFFERS_ALIGN = 65536 };

#define AIMI_POOL_NO_SEGMENT UINT32_MAX /* memory of its own, from the allocator */

/* A compressed buffer, see buffers_packed.h. */
typedef struct aimi_pool_packed aimi_pool_packed;

typedef struct aimi_pool_buffer {
    unsigned char *data;    /* NULL: compressed */
    size_t size;            /* as asked for */
    size_t capacity;        /* bytes of memory, or stored */
    size_t align;
    uint64_t time;          /* live: allocated at; kept: released at */
    aimi_pool_packed *packed;
    aimem_buffers *lender;  /* handed over: the object that owns the memory, else NULL */
    uint64_t lent;          /* its handle there */
    uint32_t gen, refs;
    uint32_t segment, node; /* segments: which, and the range in it */
    uint32_t klass;         /* of the request; class_count: past the last */
    uint32_t older, newer;  /* kept: by time of release; empty: older is the next empty place */
    uint32_t below, above;  /* kept: the same within the class */
    aimem_dtype dtype;
    uint8_t state;
    bool direct;            /* class engine: exact memory, not kept */
    char name[16];
} aimi_pool_buffer;

/* A piece of memory that buffers are cut from. */
typedef struct aimi_pool_segment {
    unsigned char *base; /* of the memory, which has offset pad */
    size_t pad;   /* offsets are congruent to addresses modulo AIMI_POOL_BUFFERS_ALIGN; the first
                     pad of them are no memory, and a range in use */
    size_t size;  /* bytes of memory; address space: what is reserved */
    size_t taken; /* chunks: bytes taken from the allocator; else 0 */
    unsigned age; /* chunks: cleanups seen since a buffer lay in it */
    aimc_all_offsets ranges;
    unsigned char *map; /* address space: a byte per granule, see buffers_range.h */
    size_t mapped;      /* bytes of the map; granules behind it were never used */
} aimi_pool_segment;

typedef struct aimi_pool_class {
    aimem_buffers_class_info info;
    uint32_t newest, oldest; /* kept buffers */
} aimi_pool_class;

/* A reference that a scope holds. */
typedef struct aimi_pool_scoped {
    uint64_t id;
    uint32_t next; /* towards the first added; unused entries: the list of those */
} aimi_pool_scoped;

enum {
    AIMI_POOL_STORE_VM,
    AIMI_POOL_STORE_MEMORY,
    AIMI_POOL_STORE_CHUNKS,
    AIMI_POOL_STORE_CLASSES
};

struct aimem_buffers {
    aimem_allocator allocator;
    aimem_vm vm;
    aimem_logger logger;
    int store;
    aimi_pool_buffer *table; /* 0 is nobody */
    uint32_t table_size, table_made, empty;
    aimi_pool_segment **segments; /* in the order they were made; gaps are NULL */
    uint32_t segment_room, segments_used;
    uint32_t granule_shift;  /* address space: log2 of the bytes given and taken at a time */
    aimi_pool_class classes[AIMEM_BUFFERS_CLASSES_MOST + 1];
    uint32_t class_count;
    uint32_t newest, oldest; /* kept buffers */
    aimi_pool_scoped *scoped; /* 0 is nobody */
    uint32_t scoped_size, scoped_made, scoped_empty;
    void *reserved;          /* address space, to be released */
    size_t reserved_size;
    size_t max_bytes, align, max_kept, max_kept_bytes, kept_bytes;
    uint32_t max_per_class, gen_first;
    uint64_t now, last; /* time that passed between ticks; what the last one said */
    uint64_t idle_ns, cleanup_ns, cleaned;
    bool clear_on_alloc, clear_on_release, locked, started, inside;
    aimem_buffers_info info;
    aimc_all_mutex mutex;
    aimc_all_atomic_uptr owner; /* locked: the thread inside, or 0. Written by it alone, under the
                               mutex; a thread that reads its own id there wrote it itself */
    char name[AIMI_POOL_BUFFERS_NAME];
};

/* ---- in and out ---- */

AIMC_ALL_FN aimem_result aimi_pool_buffers_enter(aimem_buffers *b) {
    if (b->locked) {
        uintptr_t self = aimc_all_thread_id();
        if (aimc_all_atomic_uptr_load_relaxed(&b->owner) == self) return AIMEM_ERR_BUSY;
        aimc_all_mutex_lock(&b->mutex);
        aimc_all_atomic_uptr_store_relaxed(&b->owner, self);
        return AIMEM_OK;
    }
    if (b->inside) return AIMEM_ERR_BUSY;
    b->inside = true;
    return AIMEM_OK;
}

AIMC_ALL_FN void aimi_pool_buffers_leave(aimem_buffers *b) {
    if (b->locked) {
        aimc_all_atomic_uptr_store_relaxed(&b->owner, 0);
        aimc_all_mutex_unlock(&b->mutex);
    } else {
        b->inside = false;
    }
}

/* Leaves with the result of a call, and tells the logger, outside, when it was misuse. */
AIMC_ALL_FN aimem_result aimi_pool_buffers_done(aimem_buffers *b, const char *what, uint64_t id,
                                            aimem_result r) {
    aimi_pool_text t;
    bool misuse = r == AIMEM_ERR_STALE;
    if (misuse) b->info.refused++;
    aimi_pool_buffers_leave(b);
    if (!misuse || b->logger.log_fn == NULL) return r;
    aimi_pool_text_begin(&t, b->name);
    aimi_pool_text_add(&t, what);
    aimi_pool_text_add(&t, ": no buffer is held under the handle ");
    aimi_pool_text_number(&t, id, 16);
    aimi_pool_text_send(&t, &b->logger, 0, r);
    return r;
}

/* ---- the table ---- */

AIMC_ALL_INLINE uint64_t aimi_pool_buffer_id(const aimem_buffers *b, uint32_t n) {
    return (uint64_t)b->table[n].gen << 32 | n;
}

/* The live buffer of a handle, or NULL. */
AIMC_ALL_INLINE aimi_pool_buffer *aimi_pool_buffer_of(aimem_buffers *b, aimem_buffer buffer) {
    uint32_t n = (uint32_t)buffer.id;
    aimi_pool_buffer *s;
    if (n == 0 || n >= b->table_made) return NULL;
    s = &b->table[n];
    return s->state == AIMI_POOL_BUFFER_LIVE && s->gen == (uint32_t)(buffer.id >> 32) ? s : NULL;
}

/* An array of places that doubles: *size from old to at least want places of bytes each. */
AIMC_ALL_FN void *aimi_pool_buffers_more(aimem_buffers *b, void *array, uint32_t *size, uint32_t want,
                                     size_t bytes) {
    uint64_t more = *size;
    void *fresh;
    while (more < want) more = more < 16 ? 16 : more * 2;
    if (more > UINT32_MAX / 2 || more > SIZE_MAX / bytes) return NULL;
    fresh = aimc_all_realloc(&b->allocator, array, *size * bytes, (size_t)more * bytes, 16);
    if (fresh == NULL) return NULL;
    *size = (uint32_t)more;
    return fresh;
}

/* An empty place, not linked anywhere; 0: no memory. */
AIMC_ALL_FN uint32_t aimi_pool_buffer_take(aimem_buffers *b) {
    uint32_t n = b->empty, gen;
    if (n == 0) {
        if (b->table_made >= b->table_size) {
            void *fresh = aimi_pool_buffers_more(b, b->table, &b->table_size, b->table_made + 1,
                                                 sizeof *b->table);
            if (fresh == NULL) return 0;
            b->table = (aimi_pool_buffer *)fresh;
        }
        n = b->table_made++;
        memset(&b->table[n], 0, sizeof b->table[n]);
        b->table[n].gen = b->gen_first;
        return n;
    }
    b->empty = b->table[n].older;
    gen = b->table[n].gen;
    memset(&b->table[n], 0, sizeof b->table[n]);
    b->table[n].gen = gen;
    return n;
}

/* The handle of place n, and every copy of it, is stale from now on. False: the place has no
   further generation. */
AIMC_ALL_FN bool aimi_pool_buffer_expire(aimem_buffers *b, uint32_t n) {
    return ++b->table[n].gen != 0;
}

/* Place n is empty; its generation has risen already. */
AIMC_ALL_FN void aimi_pool_buffer_drop(aimem_buffers *b, uint32_t n) {
    aimi_pool_buffer *s = &b->table[n];
    s->state = AIMI_POOL_BUFFER_EMPTY;
    s->packed = NULL;
    if (s->gen == 0) return; /* used up */
    s->older = b->empty;
    b->empty = n;
}

/* ---- counting ---- */

AIMC_ALL_FN uint32_t aimi_pool_buffers_class_of(const aimem_buffers *b, size_t size) {
    uint32_t k = 0;
    while (k < b->class_count && b->classes[k].info.size < size) k++;
    return k;
}

AIMC_ALL_FN void aimi_pool_buffers_hold(aimem_buffers *b, size_t bytes) {
    b->info.held_bytes += bytes;
    if (b->info.held_bytes > b->info.peak_held) b->info.peak_held = b->info.held_bytes;
}

AIMC_ALL_FN void aimi_pool_buffers_unhold(aimem_buffers *b, size_t bytes) {
    b->info.held_bytes -= bytes;
    b->info.returned_bytes += bytes;
}

/* Buffer s counts as in use, with capacity bytes of which size were asked for. */
AIMC_ALL_FN void aimi_pool_buffers_count(aimem_buffers *b, const aimi_pool_buffer *s) {
    aimem_buffers_class_info *k = &b->classes[s->klass].info;
    size_t waste = s->capacity > s->size ? s->capacity - s->size : 0;
    if (s->lender != NULL) return;
    b->info.bytes += s->capacity;
    b->info.waste += waste;
    if (b->info.bytes > b->info.peak_bytes) b->info.peak_bytes = b->info.bytes;
    k->in_use++;
    k->bytes += s->capacity;
    k->waste += waste;
    if (k->bytes > k->peak_bytes) k->peak_bytes = k->bytes;
}

AIMC_ALL_FN void aimi_pool_buffers_uncount(aimem_buffers *b, const aimi_pool_buffer *s) {
    aimem_buffers_class_info *k = &b->classes[s->klass].info;
    size_t waste = s->capacity > s->size ? s->capacity - s->size : 0;
    if (s->lender != NULL) return;
    b->info.bytes -= s->capacity;
    b->info.waste -= waste;
    k->in_use--;
    k->bytes -= s->capacity;
    k->waste -= waste;
}

/* The most memory to hold while nobody asks for more: 1.02 times the peak, and 1 MiB. */
AIMC_ALL_INLINE size_t aimi_pool_buffers_cap(const aimem_buffers *b) {
    size_t peak = b->info.peak_bytes, slack = peak / 50, cap;
    if (slack < 1048576) slack = 1048576;
    cap = peak > SIZE_MAX - slack ? SIZE_MAX : peak + slack;
    return b->max_bytes != 0 && b->max_bytes < cap ? b->max_bytes : cap;
}

AIMC_ALL_FN void aimi_pool_buffers_wipe(void *ptr, size_t size) {
    void *(*volatile set)(void *, int, size_t) = memset;
    (void)set(ptr, 0, size);
}

/* end pool/buffers.h */

/* begin pool/buffers_class.h */
/* pool/buffers_class.h: buffers taken whole from the allocator, rounded up to size classes, and
 * kept for the next request of their class.
 *
 *   class k:   newest -> ... -> oldest        (below, above: kept buffers of the class)
 *   all:       newest -> ... -> oldest        (older, newer: kept buffers of every class)
 *
 * A request takes the newest of its class, whose memory is most likely in the cache; limits and
 * cleanups give up the oldest of all. Beyond the last class, and beyond max_per_class buffers in
 * use and kept, memory is allocated as asked for and not kept.
 */

/* Takes kept buffer n out of both lists. */
AIMC_ALL_FN void aimi_pool_kept_unlink(aimem_buffers *b, uint32_t n) {
    aimi_pool_buffer *s = &b->table[n];
    aimi_pool_class *k = &b->classes[s->klass];
    if (s->newer != 0) b->table[s->newer].older = s->older;
    else b->newest = s->older;
    if (s->older != 0) b->table[s->older].newer = s->newer;
    else b->oldest = s->newer;
    if (s->above != 0) b->table[s->above].below = s->below;
    else k->newest = s->below;
    if (s->below != 0) b->table[s->below].above = s->above;
    else k->oldest = s->above;
    k->info.kept--;
    b->info.kept--;
    b->kept_bytes -= s->capacity;
}

/* Place n, whose handle is stale already, becomes the newest kept buffer. */
AIMC_ALL_FN void aimi_pool_kept_link(aimem_buffers *b, uint32_t n) {
    aimi_pool_buffer *s = &b->table[n];
    aimi_pool_class *k = &b->classes[s->klass];
    s->state = AIMI_POOL_BUFFER_KEPT;
    s->time = b->now;
    s->newer = s->above = 0;
    s->older = b->newest;
    s->below = k->newest;
    if (s->older != 0) b->table[s->older].newer = n;
    else b->oldest = n;
    if (s->below != 0) b->table[s->below].above = n;
    else k->oldest = n;
    b->newest = k->newest = n;
    k->info.kept++;
    b->info.kept++;
    b->kept_bytes += s->capacity;
}

/* Gives the memory of kept buffer n to the allocator; its place is empty. */
AIMC_ALL_FN void aimi_pool_kept_evict(aimem_buffers *b, uint32_t n) {
    aimi_pool_buffer *s = &b->table[n];
    aimi_pool_kept_unlink(b, n);
    AIMC_ALL_UNPOISON(s->data, s->capacity);
    aimc_all_free(&b->allocator, s->data, s->capacity, b->align);
    aimi_pool_buffers_unhold(b, s->capacity);
    aimi_pool_buffer_drop(b, n);
}

/* Memory for s from the allocator, with the oldest kept buffers given up where a limit or the
   allocator wants it. */
AIMC_ALL_FN aimem_result aimi_pool_class_fresh(aimem_buffers *b, aimi_pool_buffer *s, size_t capacity,
                                           size_t align) {
    while (b->max_bytes != 0 && capacity + b->info.held_bytes > b->max_bytes && b->oldest != 0) {
        aimi_pool_kept_evict(b, b->oldest);
    }
    if (b->max_bytes != 0 && (capacity > b->max_bytes ||
                              b->info.held_bytes > b->max_bytes - capacity)) {
        return AIMEM_ERR_LIMIT;
    }
    s->data = (unsigned char *)aimc_all_alloc(&b->allocator, capacity, align);
    while (s->data == NULL && b->oldest != 0) {
        aimi_pool_kept_evict(b, b->oldest);
        s->data = (unsigned char *)aimc_all_alloc(&b->allocator, capacity, align);
    }
    if (s->data == NULL) return AIMEM_ERR_NOMEM;
    s->segment = AIMI_POOL_NO_SEGMENT;
    s->capacity = capacity;
    b->info.created++;
    b->classes[s->klass].info.created++;
    aimi_pool_buffers_hold(b, capacity);
    return AIMEM_OK;
}

/* Finds memory for s->size at s->align; s->klass is set. Errors: LIMIT, NOMEM. */
AIMC_ALL_FN aimem_result aimi_pool_class_place(aimem_buffers *b, aimi_pool_buffer *s, bool *asked) {
    aimi_pool_class *k = &b->classes[s->klass];
    uint32_t n = k->newest;
    s->direct = s->klass == b->class_count || s->align > b->align;
    if (!s->direct && n != 0) {
        s->data = b->table[n].data;
        s->capacity = b->table[n].capacity;
        s->segment = AIMI_POOL_NO_SEGMENT;
        AIMC_ALL_UNPOISON(s->data, s->capacity);
        aimi_pool_kept_unlink(b, n);
        aimi_pool_buffer_drop(b, n);
        return AIMEM_OK;
    }
    *asked = true;
    if (k->info.in_use + k->info.kept >= b->max_per_class) s->direct = true;
    return aimi_pool_class_fresh(b, s, s->direct ? s->size : k->info.size, s->align);
}

/* Place n, whose handle is stale already, is released: kept, or its memory freed. The place is
   kept or empty afterwards. */
AIMC_ALL_FN void aimi_pool_class_unplace(aimem_buffers *b, uint32_t n) {
    aimi_pool_buffer *s = &b->table[n];
    bool over = b->max_kept_bytes != 0 && s->capacity > b->max_kept_bytes;
    if (s->direct || over || s->gen == 0) {
        aimc_all_free(&b->allocator, s->data, s->capacity, s->align);
        aimi_pool_buffers_unhold(b, s->capacity);
        aimi_pool_buffer_drop(b, n);
        return;
    }
    AIMC_ALL_POISON(s->data, s->capacity);
    aimi_pool_kept_link(b, n);
    while ((b->max_kept != 0 && b->info.kept > b->max_kept) ||
           (b->max_kept_bytes != 0 && b->kept_bytes > b->max_kept_bytes)) {
        aimi_pool_kept_evict(b, b->oldest);
    }
}

/* Gives up buffers released before `before`, the oldest first, at most `most` of them. False:
   there are more. */
AIMC_ALL_FN bool aimi_pool_class_clean(aimem_buffers *b, uint64_t before, size_t most) {
    while (b->oldest != 0 && b->table[b->oldest].time <= before) {
        if (most-- == 0) return false;
        aimi_pool_kept_evict(b, b->oldest);
    }
    return true;
}

/* end pool/buffers_class.h */

/* begin pool/buffers_packed.h */
/* pool/buffers_packed.h: buffers compressed in chunks, readable and writable at any place.
 *
 *   buffer   [ chunk 0 | chunk 1 | ... | last, shorter ]
 *   entries    (data, size) of each: compressed, or raw when that is not smaller
 *   cache      the chunk used last, uncompressed; dirty: newer than its entry
 *
 * A small write changes the cache only, and the chunk is compressed when another one is needed; so
 * element-wise work costs one codec call per chunk that it walks into. A write over several chunks
 * makes all new entries first and then exchanges them: it happens wholly or not at all. An entry
 * has its exact size; raw means that the size is that of the chunk.
 */

typedef struct aimi_pool_entry_packed {
    unsigned char *data;
    size_t size;
} aimi_pool_entry_packed;

struct aimi_pool_packed {
    aimem_codec codec;
    int level;
    size_t size, chunk, count;
    aimi_pool_entry_packed *entries;
    unsigned char *cache;   /* chunk bytes */
    unsigned char *work;    /* what the codec writes to: work_size bytes */
    void *scratch;          /* the codec's, or NULL */
    size_t work_size, scratch_size;
    size_t cached;          /* number of the chunk in the cache; count: none */
    size_t stored;          /* bytes of all entries, the cache, the work and this */
    bool dirty;
};

AIMC_ALL_INLINE size_t aimi_pool_packed_length(const aimi_pool_packed *p, size_t i) {
    return aimc_all_min_size(p->chunk, p->size - i * p->chunk);
}

AIMC_ALL_FN void aimi_pool_packed_free(aimem_buffers *b, aimi_pool_packed *p) {
    const aimem_allocator *a = &b->allocator;
    size_t i;
    if (p == NULL) return;
    for (i = 0; p->entries != NULL && i < p->count; i++) {
        aimc_all_free(a, p->entries[i].data, p->entries[i].size, 16);
    }
    aimc_all_free(a, p->entries, p->count * sizeof *p->entries, 16);
    aimc_all_free(a, p->cache, p->chunk, 16);
    aimc_all_free(a, p->work, p->work_size, 16);
    aimc_all_free(a, p->scratch, p->scratch_size, 16);
    aimc_all_free(a, p, sizeof *p, 16);
}

/* One without entries for size bytes; NULL: no memory. */
AIMC_ALL_FN aimi_pool_packed *aimi_pool_packed_new(aimem_buffers *b, size_t size,
                                               const aimem_codec *codec, int level, size_t chunk) {
    const aimem_allocator *a = &b->allocator;
    aimi_pool_packed *p = (aimi_pool_packed *)aimc_all_alloc_zeroed(a, sizeof *p, 16);
    size_t scratch;
    if (p == NULL) return NULL;
    p->codec = *codec;
    p->level = level;
    p->size = size;
    p->chunk = chunk;
    p->count = p->cached = (size - 1) / chunk + 1;
    scratch = codec->scratch_fn != NULL ? codec->scratch_fn(codec->user_data, chunk, level) : 0;
    p->stored = sizeof *p + chunk + p->count * sizeof *p->entries;
    if (p->count <= SIZE_MAX / sizeof *p->entries) {
        p->entries = (aimi_pool_entry_packed *)aimc_all_alloc_zeroed(a, p->count * sizeof *p->entries,
                                                                 16);
    }
    p->cache = (unsigned char *)aimc_all_alloc(a, chunk, 16);
    p->work_size = aimc_all_max_size(codec->bound_fn(codec->user_data, chunk), 1);
    p->work = (unsigned char *)aimc_all_alloc(a, p->work_size, 16);
    if (scratch != 0) p->scratch = aimc_all_alloc(a, scratch, 16);
    if (p->scratch != NULL) p->scratch_size = scratch;
    p->stored += p->work_size + p->scratch_size;
    if (p->entries != NULL && p->cache != NULL && p->work != NULL && (scratch == 0 || p->scratch)) {
        return p;
    }
    aimi_pool_packed_free(b, p);
    return NULL;
}

/* *out = an entry of its own for the length bytes at src; false: no memory. */
AIMC_ALL_FN bool aimi_pool_packed_encode(aimem_buffers *b, aimi_pool_packed *p, const void *src,
                                     size_t length, aimi_pool_entry_packed *out) {
    size_t size = p->codec.compress_fn(p->codec.user_data, p->work, p->work_size, src, length,
                                       p->level, p->scratch);
    const void *from = p->work;
    if (size == 0 || size >= length || size > p->work_size) {
        size = length;
        from = src;
    }
    out->data = (unsigned char *)aimc_all_alloc(&b->allocator, size, 16);
    out->size = size;
    if (out->data == NULL) return false;
    memcpy(out->data, from, size);
    return true;
}

/* Puts chunk i, from its entry, into the length bytes at dst. */
AIMC_ALL_FN aimem_result aimi_pool_packed_decode(aimi_pool_packed *p, size_t i, void *dst,
                                             size_t length) {
    const aimi_pool_entry_packed *e = &p->entries[i];
    if (e->size == length) {
        memcpy(dst, e->data, length);
        return AIMEM_OK;
    }
    if (p->codec.decompress_fn(p->codec.user_data, dst, length, e->data, e->size, p->scratch) !=
        AIMEM_OK) {
        return AIMEM_ERR_CORRUPT;
    }
    return AIMEM_OK;
}

AIMC_ALL_FN void aimi_pool_packed_swap(aimem_buffers *b, aimi_pool_packed *p, size_t i,
                                   const aimi_pool_entry_packed *fresh) {
    aimi_pool_entry_packed *e = &p->entries[i];
    p->stored += fresh->size;
    p->stored -= e->size;
    aimc_all_free(&b->allocator, e->data, e->size, 16);
    *e = *fresh;
}

/* Compresses the cache into its entry when it is dirty. NOMEM: it stays dirty. */
AIMC_ALL_FN aimem_result aimi_pool_packed_flush(aimem_buffers *b, aimi_pool_packed *p) {
    aimi_pool_entry_packed fresh;
    if (!p->dirty) return AIMEM_OK;
    if (!aimi_pool_packed_encode(b, p, p->cache, aimi_pool_packed_length(p, p->cached), &fresh)) {
        return AIMEM_ERR_NOMEM;
    }
    aimi_pool_packed_swap(b, p, p->cached, &fresh);
    p->dirty = false;
    return AIMEM_OK;
}

/* Brings chunk i into the cache. */
AIMC_ALL_FN aimem_result aimi_pool_packed_load(aimem_buffers *b, aimi_pool_packed *p, size_t i) {
    aimem_result r;
    if (p->cached == i) return AIMEM_OK;
    r = aimi_pool_packed_flush(b, p);
    if (r != AIMEM_OK) return r;
    p->cached = p->count; /* a decoder that fails may have written to it */
    r = aimi_pool_packed_decode(p, i, p->cache, aimi_pool_packed_length(p, i));
    if (r == AIMEM_OK) p->cached = i;
    return r;
}

/* Reads [offset, offset + size), which is inside. */
AIMC_ALL_FN aimem_result aimi_pool_packed_read(aimem_buffers *b, aimi_pool_packed *p, size_t offset,
                                           unsigned char *dst, size_t size) {
    while (size != 0) {
        size_t i = offset / p->chunk, at = offset % p->chunk;
        size_t n = aimc_all_min_size(size, p->chunk - at), length = aimi_pool_packed_length(p, i);
        aimem_result r = AIMEM_OK;
        if (n == length && p->cached != i) {
            r = aimi_pool_packed_decode(p, i, dst, length); /* a whole chunk: past the cache */
        } else {
            r = aimi_pool_packed_load(b, p, i);
            if (r == AIMEM_OK) memcpy(dst, p->cache + at, n);
        }
        if (r != AIMEM_OK) return r;
        offset += n;
        dst += n;
        size -= n;
    }
    return AIMEM_OK;
}

/* New contents of chunk i with size bytes of src at `at` (src NULL: zeros), as an entry. The cache
   holds no chunk while this is used. */
AIMC_ALL_FN aimem_result aimi_pool_packed_compose(aimem_buffers *b, aimi_pool_packed *p, size_t i,
                                              size_t at, const unsigned char *src, size_t size,
                                              aimi_pool_entry_packed *out) {
    size_t length = aimi_pool_packed_length(p, i);
    if (size < length) {
        aimem_result r = aimi_pool_packed_decode(p, i, p->cache, length);
        if (r != AIMEM_OK) return r;
    }
    if (src != NULL) memcpy(p->cache + at, src, size);
    else memset(p->cache + at, 0, size);
    return aimi_pool_packed_encode(b, p, p->cache, length, out) ? AIMEM_OK : AIMEM_ERR_NOMEM;
}

/* Writes [offset, offset + size), which is inside and more than one chunk. */
AIMC_ALL_FN aimem_result aimi_pool_packed_write_many(aimem_buffers *b, aimi_pool_packed *p,
                                                 size_t offset, const unsigned char *src,
                                                 size_t size) {
    size_t first = offset / p->chunk, last = (offset + size - 1) / p->chunk, i, made;
    size_t count = last - first + 1, bytes = count * sizeof(aimi_pool_entry_packed);
    aimi_pool_entry_packed *fresh;
    aimem_result r = aimi_pool_packed_flush(b, p);
    if (r != AIMEM_OK) return r;
    fresh = (aimi_pool_entry_packed *)aimc_all_alloc(&b->allocator, bytes, 16);
    if (fresh == NULL) return AIMEM_ERR_NOMEM;
    p->cached = p->count;
    for (made = 0; made < count && r == AIMEM_OK; made += r == AIMEM_OK) {
        size_t at = made == 0 ? offset % p->chunk : 0, n;
        n = aimc_all_min_size(size, p->chunk - at);
        r = aimi_pool_packed_compose(b, p, first + made, at, src, n, &fresh[made]);
        if (src != NULL) src += n;
        size -= n;
    }
    for (i = 0; i < made; i++) {
        if (r == AIMEM_OK) aimi_pool_packed_swap(b, p, first + i, &fresh[i]);
        else aimc_all_free(&b->allocator, fresh[i].data, fresh[i].size, 16);
    }
    aimc_all_free(&b->allocator, fresh, bytes, 16);
    return r;
}

/* Writes [offset, offset + size), which is inside; src NULL: zeros. */
AIMC_ALL_FN aimem_result aimi_pool_packed_write(aimem_buffers *b, aimi_pool_packed *p, size_t offset,
                                            const unsigned char *src, size_t size) {
    size_t at = offset % p->chunk;
    aimem_result r;
    if (size == 0) return AIMEM_OK;
    if (size > p->chunk - at) return aimi_pool_packed_write_many(b, p, offset, src, size);
    r = aimi_pool_packed_load(b, p, offset / p->chunk);
    if (r != AIMEM_OK) return r;
    if (src != NULL) memcpy(p->cache + at, src, size);
    else memset(p->cache + at, 0, size);
    p->dirty = true;
    return AIMEM_OK;
}

/* Fills the entries of fresh from plain bytes, or from another compressed buffer. */
AIMC_ALL_FN aimem_result aimi_pool_packed_fill(aimem_buffers *b, aimi_pool_packed *fresh,
                                           const unsigned char *plain, aimi_pool_packed *packed) {
    size_t i;
    for (i = 0; i < fresh->count; i++) {
        size_t at = i * fresh->chunk, length = aimi_pool_packed_length(fresh, i);
        const unsigned char *src = plain != NULL ? plain + at : fresh->cache;
        if (plain == NULL) {
            aimem_result r = aimi_pool_packed_read(b, packed, at, fresh->cache, length);
            if (r != AIMEM_OK) return r;
        }
        if (!aimi_pool_packed_encode(b, fresh, src, length, &fresh->entries[i])) {
            fresh->entries[i].size = 0;
            return AIMEM_ERR_NOMEM;
        }
        fresh->stored += fresh->entries[i].size;
    }
    return AIMEM_OK;
}

/* end pool/buffers_packed.h */

/* begin pool/buffers_range.h */
/* pool/buffers_range.h: buffers cut from segments by core/offsets.h.
 *
 * Three sources of segments. Address space: one segment, committed as it is used. The caller's
 * memory: one segment, all there. Chunks: segments from the allocator, as many as needed.
 *
 * Address space is committed, counted and given back in granules (64 KiB, or the page when larger):
 *
 *   map byte   COMMIT   the system was told that it will be used
 *              TOUCH    a buffer lay there since: it may be resident. Counted in held_bytes
 *              BACK     it was given back: taking it again counts as refaulted
 *              age      cleanups seen since it was last used
 *
 * Invariants: every granule that a buffer covers has COMMIT and TOUCH; TOUCH implies COMMIT.
 *
 * Measured on traces of training, inference and random sizes: the lowest place that fits keeps the
 * reserved range at 1.03 to 1.21 of the peak; giving back the highest free granules whenever more
 * than 1.02 times the peak is touched keeps memory at 1.02 with under 5 % taken again (a cap by
 * what is live now costs 30 to 80 %); and preferring, among the first few places, one that is
 * touched already halves what has to be asked of the system. Chunks cannot be given back in part:
 * there 1.05 to 1.18 is reached.
 */

enum {
    AIMI_POOL_COMMIT = 1,
    AIMI_POOL_TOUCH = 2,
    AIMI_POOL_BACK = 4,
    AIMI_POOL_AGE = 8,      /* one cleanup */
    AIMI_POOL_AGE_MOST = 31 /* cleanups */
};
enum { AIMI_POOL_TRIES = 8 }; /* places looked at for one that is touched */
#define AIMI_POOL_AHEAD_MOST ((size_t)64 << 20)

/* ---- granules ---- */

AIMC_ALL_INLINE size_t aimi_pool_granules_up(const aimem_buffers *b, uint64_t offset) {
    return (size_t)((offset + ((uint64_t)1 << b->granule_shift) - 1) >> b->granule_shift);
}

AIMC_ALL_INLINE size_t aimi_pool_granules_down(const aimem_buffers *b, uint64_t offset) {
    return (size_t)(offset >> b->granule_shift);
}

/* True when all granules of [from, to) are touched. Eight at a time: buffers are large. */
AIMC_ALL_FN bool aimi_pool_granules_touched(const aimi_pool_segment *g, size_t from, size_t to) {
    const uint64_t all = (uint64_t)0x0101010101010101u * AIMI_POOL_TOUCH;
    uint64_t eight;
    if (to > g->mapped) return false;
    for (; to - from >= 8; from += 8) {
        memcpy(&eight, g->map + from, 8);
        if ((eight & all) != all) return false;
    }
    while (from < to && (g->map[from] & AIMI_POOL_TOUCH) != 0) from++;
    return from == to;
}

/* Gives back granules [from, to), all of one run. */
AIMC_ALL_FN void aimi_pool_granules_return(aimem_buffers *b, aimi_pool_segment *g, size_t from,
                                       size_t to) {
    size_t i, touched = 0, size = (size_t)1 << b->granule_shift;
    for (i = from; i < to; i++) {
        if ((g->map[i] & AIMI_POOL_TOUCH) != 0) {
            touched++;
            g->map[i] = AIMI_POOL_BACK;
        } else {
            g->map[i] &= AIMI_POOL_BACK;
        }
    }
    AIMC_ALL_UNPOISON(g->base + from * size, (to - from) * size); /* the hook's from now on */
    b->vm.decommit_fn(b->vm.user_data, g->base + from * size, (to - from) * size);
    aimi_pool_buffers_unhold(b, touched * size);
}

/* The whole granules inside free range n that the map knows: [*from, *to). */
AIMC_ALL_FN void aimi_pool_granules_inside(const aimem_buffers *b, const aimi_pool_segment *g,
                                       uint32_t n, size_t *from, size_t *to) {
    const aimc_all_range *r = &g->ranges.nodes[n];
    *from = aimi_pool_granules_up(b, r->offset);
    *to = aimc_all_min_size(aimi_pool_granules_down(b, r->offset + r->size), g->mapped);
    if (*from > *to) *from = *to;
}

/* Gives back the highest free granules with one of bits, until at most target bytes are held; with
   age, only those that have seen so many cleanups. At most calls runs. False: calls were not
   enough. O(ranges). */
AIMC_ALL_FN bool aimi_pool_granules_trim(aimem_buffers *b, size_t target, unsigned bits, unsigned age,
                                     size_t *calls) {
    aimi_pool_segment *g = b->segments[0];
    size_t from, to, at, end, size = (size_t)1 << b->granule_shift;
    uint32_t n;
    for (n = g->ranges.last; n != 0; n = g->ranges.nodes[n].prev) {
        if (g->ranges.nodes[n].state != AIMC_ALL_RANGE_FREE) continue;
        aimi_pool_granules_inside(b, g, n, &from, &to);
        for (end = to; end > from; end = at) {
            size_t most = b->info.held_bytes > target ? b->info.held_bytes - target : 0, run = 0;
            if (target != 0 && most == 0) return true;
            at = end;
            if (target != 0) most = (most + size - 1) >> b->granule_shift;
            else most = SIZE_MAX;
            while (at > from && (g->map[at - 1] & bits) != 0 && run < most &&
                   (unsigned)(g->map[at - 1] / AIMI_POOL_AGE) >= age) {
                run += (g->map[--at] & AIMI_POOL_TOUCH) != 0;
            }
            if (at == end) {
                at--;
                continue;
            }
            if (*calls == 0) return false;
            --*calls;
            aimi_pool_granules_return(b, g, at, end);
        }
    }
    return true;
}

/* Room in the map for granules below count. */
AIMC_ALL_FN bool aimi_pool_granules_map(aimem_buffers *b, aimi_pool_segment *g, size_t count) {
    size_t most = aimi_pool_granules_down(b, g->size), size = g->mapped;
    unsigned char *map;
    if (count <= size) return true;
    while (size < count) size = size < 256 ? 256 : size * 2;
    if (size > most) size = most;
    map = (unsigned char *)aimc_all_realloc(&b->allocator, g->map, g->mapped, size, 16);
    if (map == NULL) return false;
    memset(map + g->mapped, 0, size - g->mapped);
    g->map = map;
    g->mapped = size;
    return true;
}

/* Commits the granules of [from, to) that are not. *asked: the system was. */
AIMC_ALL_FN bool aimi_pool_granules_commit(aimem_buffers *b, aimi_pool_segment *g, size_t from,
                                       size_t to, bool *asked) {
    size_t size = (size_t)1 << b->granule_shift, at, end;
    for (at = from; at < to; at = end) {
        end = at + 1;
        if ((g->map[at] & AIMI_POOL_COMMIT) != 0) continue;
        while (end < to && (g->map[end] & AIMI_POOL_COMMIT) == 0) end++;
        *asked = true;
        if (!b->vm.commit_fn(b->vm.user_data, g->base + at * size, (end - at) * size)) return false;
        for (; at < end; at++) g->map[at] |= AIMI_POOL_COMMIT;
    }
    return true;
}

/* Granules behind `to` to commit in the same call: they cost nothing until they are touched. */
AIMC_ALL_FN size_t aimi_pool_granules_ahead(const aimem_buffers *b, const aimi_pool_segment *g,
                                        uint32_t n, size_t to) {
    uint32_t next = g->ranges.nodes[n].next;
    size_t ahead = aimc_all_min_size(to / 8, AIMI_POOL_AHEAD_MOST >> b->granule_shift), end;
    if (g->ranges.nodes[next].state != AIMC_ALL_RANGE_FREE) return to;
    end = aimi_pool_granules_down(b, g->ranges.nodes[next].offset + g->ranges.nodes[next].size);
    return end > to ? to + aimc_all_min_size(ahead, end - to) : to;
}

/* Range n is about to be used: commits it and counts it as touched. *asked: not without the
   system. LIMIT, NOMEM: it is not usable. */
AIMC_ALL_FN aimem_result aimi_pool_granules_use(aimem_buffers *b, aimi_pool_segment *g, uint32_t n,
                                            bool *asked) {
    const aimc_all_range *r = &g->ranges.nodes[n];
    size_t from = aimi_pool_granules_down(b, r->offset), i, fresh = 0, back = 0, calls = SIZE_MAX;
    size_t to = aimi_pool_granules_up(b, r->offset + r->size), size;
    if (aimi_pool_granules_touched(g, from, to)) {
        memset(g->map + from, AIMI_POOL_COMMIT | AIMI_POOL_TOUCH, to - from); /* young again */
        return AIMEM_OK;
    }
    if (!aimi_pool_granules_map(b, g, to)) return AIMEM_ERR_NOMEM;
    for (i = from; i < to; i++) fresh += (g->map[i] & AIMI_POOL_TOUCH) == 0;
    size = fresh << b->granule_shift;
    if (b->max_bytes != 0 && size + b->info.held_bytes > b->max_bytes) {
        size_t target = b->max_bytes > size ? b->max_bytes - size : 0;
        (void)aimi_pool_granules_trim(b, target, AIMI_POOL_TOUCH, 0, &calls);
        if (size + b->info.held_bytes > b->max_bytes) return AIMEM_ERR_LIMIT;
    }
    for (i = from; i < to && (g->map[i] & AIMI_POOL_COMMIT) != 0; i++) {
    }
    if (i < to) {
        size_t ahead = aimi_pool_granules_ahead(b, g, n, to);
        if (b->max_bytes != 0 || !aimi_pool_granules_map(b, g, ahead) ||
            !aimi_pool_granules_commit(b, g, from, ahead, asked)) {
            if (!aimi_pool_granules_commit(b, g, from, to, asked)) return AIMEM_ERR_NOMEM;
        }
    }
    for (i = from; i < to; i++) {
        back += (g->map[i] & AIMI_POOL_BACK) != 0;
        g->map[i] = AIMI_POOL_COMMIT | AIMI_POOL_TOUCH;
    }
    b->info.refaulted_bytes += (uint64_t)back << b->granule_shift;
    b->info.faulting++;
    b->info.held_bytes += size; /* peak_held: when settled, before anybody can have touched it */
    return AIMEM_OK;
}

/* ---- placing ---- */

/* Where to cut: the lowest place; in address space the lowest of the first few that is touched. */
AIMC_ALL_FN aimem_result aimi_pool_range_cut(aimem_buffers *b, aimi_pool_segment *g, uint64_t size,
                                         uint64_t align, uint32_t *out) {
    aimc_all_offsets *o = &g->ranges;
    uint32_t n, first, i;
    if (b->store != AIMI_POOL_STORE_VM) return aimc_all_offsets_alloc(o, size, align, out);
    first = n = aimc_all_offsets_find(o, size, align);
    for (i = 0; i < AIMI_POOL_TRIES && n != 0; i++) {
        uint64_t at = (o->nodes[n].offset + align - 1) & ~(align - 1);
        if (aimc_all_offsets_fits(o, n, size, align) &&
            aimi_pool_granules_touched(g, aimi_pool_granules_down(b, at),
                                       aimi_pool_granules_up(b, at + size))) {
            return aimc_all_offsets_cut(o, n, size, align, out);
        }
        n = aimc_all_offsets_find_next(o, n, size);
    }
    *out = 0;
    return first == 0 ? AIMEM_ERR_LIMIT : aimc_all_offsets_cut(o, first, size, align, out);
}

/* Memory for s->size in segment number i. */
AIMC_ALL_FN aimem_result aimi_pool_range_place_in(aimem_buffers *b, uint32_t i, aimi_pool_buffer *s,
                                              bool *asked) {
    aimi_pool_segment *g = b->segments[i];
    uint64_t granule = g->ranges.granule, size = s->size;
    uint32_t node;
    aimem_result r;
    if (!aimc_all_offsets_round(&g->ranges, &size) || size > g->size) return AIMEM_ERR_LIMIT;
    r = aimi_pool_range_cut(b, g, size, s->align < granule ? granule : s->align, &node);
    if (r != AIMEM_OK) return r;
    if (b->store == AIMI_POOL_STORE_VM) {
        r = aimi_pool_granules_use(b, g, node, asked);
        if (r != AIMEM_OK) {
            (void)aimc_all_offsets_free(&g->ranges, node, NULL);
            return r;
        }
    }
    g->age = 0;
    s->segment = i;
    s->node = node;
    s->data = g->base + (size_t)(g->ranges.nodes[node].offset - g->pad);
    s->capacity = (size_t)size;
    AIMC_ALL_UNPOISON(s->data, s->capacity);
    return AIMEM_OK;
}

/* ---- chunks ---- */

AIMC_ALL_FN void aimi_pool_segment_free(aimem_buffers *b, uint32_t i) {
    aimi_pool_segment *g = b->segments[i];
    b->segments[i] = NULL;
    while (b->segments_used != 0 && b->segments[b->segments_used - 1] == NULL) b->segments_used--;
    aimc_all_offsets_deinit(&g->ranges);
    aimc_all_free(&b->allocator, g->map, g->mapped, 16);
    if (g->taken != 0) {
        AIMC_ALL_UNPOISON(g->base, g->taken);
        aimc_all_free(&b->allocator, g->base, g->taken, b->align);
    }
    aimc_all_free(&b->allocator, g, sizeof *g, 16);
}

/* A segment over size bytes at base, in the first gap; NULL: no memory. */
AIMC_ALL_FN aimi_pool_segment *aimi_pool_segment_new(aimem_buffers *b, unsigned char *base, size_t size,
                                                 uint32_t *at) {
    aimi_pool_segment *g;
    uint32_t i = 0, node;
    while (i < b->segments_used && b->segments[i] != NULL) i++;
    if (i == b->segment_room) {
        void *fresh = aimi_pool_buffers_more(b, b->segments, &b->segment_room, i + 1,
                                             sizeof *b->segments);
        if (fresh == NULL) return NULL;
        b->segments = (aimi_pool_segment **)fresh;
    }
    g = (aimi_pool_segment *)aimc_all_alloc_zeroed(&b->allocator, sizeof *g, 16);
    if (g == NULL) return NULL;
    g->base = base;
    g->size = size;
    g->pad = (size_t)((uintptr_t)base & (AIMI_POOL_BUFFERS_ALIGN - 1));
    if (aimc_all_offsets_init(&g->ranges, &b->allocator, (uint64_t)g->pad + size, b->align,
                          AIMC_ALL_OFFSETS_LOWEST, false) != AIMEM_OK) {
        aimc_all_free(&b->allocator, g, sizeof *g, 16);
        return NULL;
    }
    if (g->pad != 0) (void)aimc_all_offsets_alloc(&g->ranges, g->pad, 1, &node); /* init made room */
    b->segments[i] = g;
    if (i == b->segments_used) b->segments_used++;
    *at = i;
    return g;
}

AIMC_ALL_INLINE bool aimi_pool_segment_idle(const aimi_pool_segment *g) {
    return g->ranges.used_count == (g->pad != 0 ? 1u : 0u);
}

/* Gives back chunks without buffers, the last made first, until at most target bytes are held. */
AIMC_ALL_FN void aimi_pool_chunks_trim(aimem_buffers *b, size_t target) {
    uint32_t i;
    for (i = b->segments_used; i-- > 0 && b->info.held_bytes > target;) {
        if (b->segments[i] != NULL && aimi_pool_segment_idle(b->segments[i])) {
            aimi_pool_buffers_unhold(b, b->segments[i]->taken);
            aimi_pool_segment_free(b, i);
        }
    }
}

/* One cleanup: chunks without buffers for age of them go back; the others of those get older. */
AIMC_ALL_FN void aimi_pool_chunks_clean(aimem_buffers *b, unsigned age) {
    uint32_t i;
    for (i = b->segments_used; i-- > 0;) {
        aimi_pool_segment *g = b->segments[i];
        if (g == NULL || !aimi_pool_segment_idle(g)) continue;
        if (g->age++ < age) continue;
        aimi_pool_buffers_unhold(b, g->taken);
        aimi_pool_segment_free(b, i);
    }
}

/* One more chunk with room for s: a small part of what is held, at least 1 MiB, so that their
   number stays small; or as little as will do. Large buffers get a chunk of their size: were it
   larger, small ones would soon keep it from being given back. */
AIMC_ALL_FN aimem_result aimi_pool_chunk_more(aimem_buffers *b, const aimi_pool_buffer *s,
                                          uint32_t *at) {
    size_t size, want, cap = aimi_pool_buffers_cap(b);
    aimi_pool_segment *g;
    void *base;
    size = s->size;
    if (s->align > b->align && !aimc_all_add_size(size, s->align, &size)) return AIMEM_ERR_LIMIT;
    if (!aimc_all_align_size(size, b->align, &size)) return AIMEM_ERR_LIMIT;
    if (size > SIZE_MAX - b->info.held_bytes) return AIMEM_ERR_LIMIT;
    if (b->info.held_bytes + size > cap) {
        aimi_pool_chunks_trim(b, cap > size ? cap - size : 0);
        if (b->max_bytes != 0 && b->info.held_bytes + size > b->max_bytes) return AIMEM_ERR_LIMIT;
    }
    want = aimc_all_min_size(aimc_all_max_size(b->info.held_bytes / 128, 1048576), AIMI_POOL_AHEAD_MOST);
    want = aimc_all_max_size(want & ~(b->align - 1), size);
    if (b->max_bytes != 0 && b->info.held_bytes + want > b->max_bytes) want = size;
    base = aimc_all_alloc(&b->allocator, want, b->align);
    if (base == NULL && want > size) {
        want = size;
        base = aimc_all_alloc(&b->allocator, want, b->align);
    }
    if (base == NULL) return AIMEM_ERR_NOMEM;
    g = aimi_pool_segment_new(b, (unsigned char *)base, want, at);
    if (g == NULL) {
        aimc_all_free(&b->allocator, base, want, b->align);
        return AIMEM_ERR_NOMEM;
    }
    g->taken = want;
    b->info.created++;
    aimi_pool_buffers_hold(b, want);
    return AIMEM_OK;
}

/* ---- the store ---- */

/* The segment to try after number last (AIMI_POOL_NO_SEGMENT: the first to try) for size: by the
   size of its largest free range, the tightest first, which leaves the others to become idle. */
AIMC_ALL_FN uint32_t aimi_pool_segment_next(const aimem_buffers *b, uint64_t size, uint32_t last) {
    uint64_t best = UINT64_MAX, least = size, largest;
    uint32_t i, found = AIMI_POOL_NO_SEGMENT;
    if (last != AIMI_POOL_NO_SEGMENT) least = aimc_all_offsets_largest(&b->segments[last]->ranges);
    for (i = 0; i < b->segments_used; i++) {
        if (b->segments[i] == NULL || i == last) continue;
        largest = aimc_all_offsets_largest(&b->segments[i]->ranges);
        if (largest < least || (largest == least && last != AIMI_POOL_NO_SEGMENT && i < last)) {
            continue;
        }
        if (largest >= best) continue;
        best = largest;
        found = i;
    }
    return found;
}

/* Finds memory for s->size at s->align. Errors: LIMIT, NOMEM. */
AIMC_ALL_FN aimem_result aimi_pool_range_place(aimem_buffers *b, aimi_pool_buffer *s, bool *asked) {
    aimem_result r = AIMEM_ERR_LIMIT;
    uint32_t i = AIMI_POOL_NO_SEGMENT;
    while (r == AIMEM_ERR_LIMIT) {
        i = aimi_pool_segment_next(b, s->size, i);
        if (i == AIMI_POOL_NO_SEGMENT) break;
        r = aimi_pool_range_place_in(b, i, s, asked);
    }
    if (r != AIMEM_ERR_LIMIT || b->store != AIMI_POOL_STORE_CHUNKS) return r;
    *asked = true;
    r = aimi_pool_chunk_more(b, s, &i);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_range_place_in(b, i, s, asked);
    if (r != AIMEM_OK) aimi_pool_chunks_trim(b, b->info.held_bytes - 1);
    return r;
}

AIMC_ALL_FN void aimi_pool_range_unplace(aimem_buffers *b, aimi_pool_buffer *s) {
    aimi_pool_segment *g = b->segments[s->segment];
    size_t cap = aimi_pool_buffers_cap(b);
    AIMC_ALL_POISON(s->data, s->capacity);
    (void)aimc_all_offsets_free(&g->ranges, s->node, NULL);
    if (b->store == AIMI_POOL_STORE_CHUNKS && aimi_pool_segment_idle(g) &&
        b->info.held_bytes > cap) {
        aimi_pool_chunks_trim(b, cap);
    }
}

/* In place, or LIMIT; s is as it was unless OK. */
AIMC_ALL_FN aimem_result aimi_pool_range_resize(aimem_buffers *b, aimi_pool_buffer *s, size_t size,
                                            bool *asked) {
    aimi_pool_segment *g = b->segments[s->segment];
    size_t old = s->capacity;
    uint64_t want = size;
    aimem_result r;
    if (!aimc_all_offsets_round(&g->ranges, &want) || want > g->size) return AIMEM_ERR_LIMIT;
    r = aimc_all_offsets_resize(&g->ranges, s->node, want);
    if (r != AIMEM_OK) return r;
    if (want > old && b->store == AIMI_POOL_STORE_VM) {
        r = aimi_pool_granules_use(b, g, s->node, asked);
        if (r != AIMEM_OK) {
            (void)aimc_all_offsets_resize(&g->ranges, s->node, old); /* joins what it was cut from */
            return r;
        }
    }
    s->capacity = (size_t)want;
    if (s->capacity < old) AIMC_ALL_POISON(s->data + s->capacity, old - s->capacity);
    else AIMC_ALL_UNPOISON(s->data, s->capacity);
    return AIMEM_OK;
}

/* After every allocation: not more than the cap is touched. */
AIMC_ALL_FN void aimi_pool_range_settle(aimem_buffers *b) {
    size_t cap = aimi_pool_buffers_cap(b), calls = SIZE_MAX;
    if (b->store != AIMI_POOL_STORE_VM) return;
    if (b->info.held_bytes > cap) {
        (void)aimi_pool_granules_trim(b, cap, AIMI_POOL_TOUCH, 0, &calls);
    }
    aimi_pool_buffers_hold(b, 0);
}

/* One cleanup: what has been free for age of them goes back; everything free gets older. */
AIMC_ALL_FN bool aimi_pool_range_clean(aimem_buffers *b, unsigned age, size_t calls) {
    aimi_pool_segment *g;
    size_t from, to;
    uint32_t n;
    if (b->store == AIMI_POOL_STORE_CHUNKS) aimi_pool_chunks_clean(b, age);
    if (b->store != AIMI_POOL_STORE_VM) return true;
    if (!aimi_pool_granules_trim(b, 0, AIMI_POOL_TOUCH, age, &calls)) return false;
    g = b->segments[0];
    for (n = g->ranges.first; n != 0; n = g->ranges.nodes[n].next) {
        if (g->ranges.nodes[n].state != AIMC_ALL_RANGE_FREE) continue;
        aimi_pool_granules_inside(b, g, n, &from, &to);
        for (; from < to; from++) {
            if ((g->map[from] & AIMI_POOL_TOUCH) == 0) continue;
            if (g->map[from] / AIMI_POOL_AGE < AIMI_POOL_AGE_MOST) g->map[from] += AIMI_POOL_AGE;
        }
    }
    return true;
}

/* Everything free goes back. */
AIMC_ALL_FN void aimi_pool_range_trim(aimem_buffers *b) {
    size_t calls = SIZE_MAX;
    if (b->store == AIMI_POOL_STORE_VM) {
        (void)aimi_pool_granules_trim(b, 0, AIMI_POOL_COMMIT, 0, &calls);
    } else if (b->store == AIMI_POOL_STORE_CHUNKS) {
        aimi_pool_chunks_trim(b, 0);
    }
}

/* end pool/buffers_range.h */

/* begin pool/buffers_life.h */
/* pool/buffers_life.h: buffers objects are made, looked after and destroyed. */

/* ---- memory of one buffer, whatever the store ---- */

/* Memory for s->size at s->align; data, capacity, segment, node and direct are set. *asked: not
   without the system or the allocator. Errors: LIMIT, NOMEM. */
AIMC_ALL_FN aimem_result aimi_pool_buffers_place(aimem_buffers *b, aimi_pool_buffer *s, bool *asked) {
    *asked = false;
    if (b->store == AIMI_POOL_STORE_CLASSES) return aimi_pool_class_place(b, s, asked);
    return aimi_pool_range_place(b, s, asked);
}

/* Gives the memory of s back, without keeping it whole. */
AIMC_ALL_FN void aimi_pool_buffers_unplace(aimem_buffers *b, aimi_pool_buffer *s) {
    if (b->clear_on_release) aimi_pool_buffers_wipe(s->data, s->size);
    if (s->segment != AIMI_POOL_NO_SEGMENT) {
        aimi_pool_range_unplace(b, s);
    } else {
        aimc_all_free(&b->allocator, s->data, s->capacity, s->align);
        aimi_pool_buffers_unhold(b, s->capacity);
    }
    s->data = NULL;
}

/* ---- create ---- */

AIMC_ALL_FN aimem_result aimi_pool_buffers_set_classes(aimem_buffers *b,
                                                   const aimem_buffers_desc *desc) {
    uint32_t i, n = desc->class_count;
    size_t size = n == 6 ? 1024 : 256;
    if (n > AIMEM_BUFFERS_CLASSES_MOST) return AIMEM_ERR_INVALID;
    if (desc->classes == NULL) {
        if (n != 0 && n != 6) return AIMEM_ERR_INVALID;
        if (n == 0) n = 10; /* 256 B, 1 KiB, ... 16 MiB, 64 MiB */
    } else if (n == 0) {
        return AIMEM_ERR_INVALID;
    }
    for (i = 0; i < n; i++) {
        if (desc->classes != NULL) size = desc->classes[i];
        if (size == 0 || (i != 0 && size <= b->classes[i - 1].info.size)) return AIMEM_ERR_INVALID;
        b->classes[i].info.size = size;
        size *= 4;
    }
    b->class_count = n;
    return AIMEM_OK;
}

AIMC_ALL_FN uint64_t aimi_pool_or(uint64_t value, uint64_t otherwise) {
    return value != 0 ? value : otherwise;
}

/* Everything of the desc that takes no memory. */
AIMC_ALL_FN aimem_result aimi_pool_buffers_set(aimem_buffers *b, const aimem_buffers_desc *d) {
    const uint64_t second = 1000000000u;
    const char *name = d->name != NULL ? d->name : "buffers";
    size_t i;
    bool tight = d->preset == AIMEM_BUFFERS_TIGHT, speed = d->preset == AIMEM_BUFFERS_SPEED;
    if (d->canary_zero != 0 || d->preset > AIMEM_BUFFERS_SPEED) return AIMEM_ERR_INVALID;
    if (d->engine > AIMEM_BUFFERS_CLASSES) return AIMEM_ERR_INVALID;
    if ((d->memory == NULL) != (d->memory_size == 0)) return AIMEM_ERR_INVALID;
    if (d->memory != NULL && (d->engine != AIMEM_BUFFERS_AUTO || d->reserve != 0)) {
        return AIMEM_ERR_INVALID;
    }
    if (d->align != 0 && (!aimc_all_is_pow2(d->align) || d->align > AIMI_POOL_BUFFERS_ALIGN)) {
        return AIMEM_ERR_INVALID;
    }
    b->align = d->align != 0 ? aimc_all_max_size(d->align, sizeof(void *)) : 64;
    b->max_bytes = d->max_bytes;
    b->idle_ns = aimi_pool_or(d->idle_ns, (tight ? 15 : 60) * second);
    b->cleanup_ns = aimi_pool_or(d->cleanup_ns, (speed ? 120 : 30) * second);
    b->max_per_class = (uint32_t)aimi_pool_or(d->max_per_class, speed ? 128 : tight ? 32 : 50);
    b->max_kept = (size_t)aimi_pool_or(d->max_kept, speed ? 128 : tight ? 32 : 0);
    b->max_kept_bytes = d->max_kept_bytes;
    b->clear_on_alloc = d->clear_on_alloc;
    b->clear_on_release = d->clear_on_release;
    b->logger = d->logger;
    for (i = 0; i + 1 < sizeof b->name && name[i] != '\0'; i++) b->name[i] = name[i];
    b->info.name = b->name;
    /* Objects begin at different generations, so that a handle of one is none of another. */
    b->gen_first = (uint32_t)(((uint64_t)(uintptr_t)b * 0x9E3779B97F4A7C15u) >> 34) | 1;
    b->table_made = b->scoped_made = 1;
    return aimi_pool_buffers_set_classes(b, d);
}

/* Reserves address space: as asked, or what the system gives. */
AIMC_ALL_FN bool aimi_pool_buffers_reserve(aimem_buffers *b, size_t want) {
    size_t granule = aimc_all_max_size(b->vm.page_size, 65536), at;
    size_t size = sizeof(void *) > 4 ? (size_t)((uint64_t)256 << 30) : (size_t)512 << 20;
    uint32_t i;
    b->granule_shift = aimc_all_log2_u64(granule);
    if (want != 0 && (want > SIZE_MAX / 2 || !aimc_all_align_size(want, granule, &size))) return false;
    for (;;) {
        b->reserved_size = size + granule;
        b->reserved = b->vm.reserve_fn(b->vm.user_data, b->reserved_size);
        if (b->reserved != NULL) break;
        size = size / 2 & ~(granule - 1);
        if (want != 0 || size < 64 * granule) return false;
    }
    at = (size_t)(0 - (uintptr_t)b->reserved) & (granule - 1);
    return aimi_pool_segment_new(b, (unsigned char *)b->reserved + at, size, &i) != NULL;
}

AIMC_ALL_FN aimem_result aimi_pool_buffers_set_store(aimem_buffers *b, const aimem_buffers_desc *d) {
    uint32_t i;
    b->store = AIMI_POOL_STORE_CHUNKS;
    if (d->engine == AIMEM_BUFFERS_CLASSES) {
        b->store = AIMI_POOL_STORE_CLASSES;
    } else if (d->memory != NULL) {
        size_t pad = (size_t)(0 - (uintptr_t)d->memory) & (b->align - 1);
        b->store = AIMI_POOL_STORE_MEMORY;
        if (pad >= d->memory_size) return AIMEM_ERR_INVALID;
        b->info.held_bytes = b->info.peak_held = d->memory_size;
        if (aimi_pool_segment_new(b, (unsigned char *)d->memory + pad, d->memory_size - pad, &i) ==
            NULL) {
            return AIMEM_ERR_NOMEM;
        }
    } else if (d->engine == AIMEM_BUFFERS_AUTO && aimc_all_vm_or_default(&d->vm, &b->vm)) {
        b->store = AIMI_POOL_STORE_VM;
        if (!aimi_pool_buffers_reserve(b, d->reserve)) return AIMEM_ERR_NOMEM;
    } else if (d->reserve != 0) {
        return AIMEM_ERR_UNSUPPORTED;
    }
    return AIMEM_OK;
}

/* Frees whatever is there; buffers that are still held lose their memory. */
AIMC_ALL_FN void aimi_pool_buffers_end(aimem_buffers *b) {
    aimem_allocator allocator = b->allocator;
    uint32_t i;
    for (i = 1; i < b->table_made; i++) {
        aimi_pool_buffer *s = &b->table[i];
        if (s->state == AIMI_POOL_BUFFER_EMPTY) continue;
        aimi_pool_packed_free(b, s->packed);
        if (s->data == NULL || s->lender != NULL) continue;
        AIMC_ALL_UNPOISON(s->data, s->capacity);
        if (b->clear_on_release) aimi_pool_buffers_wipe(s->data, s->size);
        if (s->segment != AIMI_POOL_NO_SEGMENT) continue;
        aimc_all_free(&allocator, s->data, s->capacity, s->align);
    }
    for (i = b->segments_used; i-- > 0;) {
        aimi_pool_segment *g = b->segments[i];
        if (g == NULL) continue;
        if (b->store == AIMI_POOL_STORE_VM) AIMC_ALL_UNPOISON(g->base, g->mapped << b->granule_shift);
        if (b->store == AIMI_POOL_STORE_MEMORY) AIMC_ALL_UNPOISON(g->base, g->size);
        aimi_pool_segment_free(b, i);
    }
    if (b->reserved != NULL) b->vm.release_fn(b->vm.user_data, b->reserved, b->reserved_size);
    aimc_all_free(&allocator, b->segments, b->segment_room * sizeof *b->segments, 16);
    aimc_all_free(&allocator, b->table, b->table_size * sizeof *b->table, 16);
    aimc_all_free(&allocator, b->scoped, b->scoped_size * sizeof *b->scoped, 16);
    if (b->locked) aimc_all_mutex_deinit(&b->mutex);
    aimc_all_free(&allocator, b, sizeof *b, 16);
}

AIMEM_POOL_API aimem_result aimem_buffers_create(const aimem_buffers_desc *desc,
                                                 aimem_buffers **out) {
    aimem_buffers_desc d;
    aimem_allocator allocator;
    aimem_buffers *b;
    aimem_result r;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    memset(&d, 0, sizeof d);
    if (desc != NULL) d = *desc;
    if (!aimc_all_allocator_or_default(&d.allocator, &allocator)) return AIMEM_ERR_INVALID;
    b = (aimem_buffers *)aimc_all_alloc_zeroed(&allocator, sizeof *b, 16);
    if (b == NULL) return AIMEM_ERR_NOMEM;
    b->allocator = allocator;
    r = aimi_pool_buffers_set(b, &d);
    if (r == AIMEM_OK) r = aimi_pool_buffers_set_store(b, &d);
    if (r == AIMEM_OK && d.locked) {
        b->locked = aimc_all_mutex_init(&b->mutex);
        if (!b->locked) r = AIMEM_ERR_NOMEM;
    }
    if (r != AIMEM_OK) {
        aimi_pool_buffers_end(b);
        return r;
    }
    *out = b;
    return AIMEM_OK;
}

/* ---- destroy ---- */

AIMC_ALL_FN void aimi_pool_buffers_tell(const aimem_buffers *b) {
    aimi_pool_text t;
    uint32_t i, told = 0;
    if (b->logger.log_fn == NULL || b->info.in_use == 0) return;
    aimi_pool_text_begin(&t, b->name);
    aimi_pool_text_number(&t, b->info.in_use, 10);
    aimi_pool_text_add(&t, " buffers held when the object was destroyed");
    aimi_pool_text_send(&t, &b->logger, 1, AIMEM_ERR_BUSY);
    for (i = 1; i < b->table_made && told < 16; i++) {
        const aimi_pool_buffer *s = &b->table[i];
        if (s->state != AIMI_POOL_BUFFER_LIVE) continue;
        aimi_pool_text_begin(&t, b->name);
        aimi_pool_text_add(&t, s->name[0] != '\0' ? s->name : "a buffer without name");
        aimi_pool_text_add(&t, ", ");
        aimi_pool_text_number(&t, s->size, 10);
        aimi_pool_text_add(&t, " bytes, ");
        aimi_pool_text_number(&t, s->refs, 10);
        aimi_pool_text_add(&t, " references");
        aimi_pool_text_send(&t, &b->logger, 1, AIMEM_ERR_BUSY);
        told++;
    }
}

AIMEM_POOL_API void aimem_buffers_destroy(aimem_buffers *buffers) {
    uint32_t i;
    if (buffers == NULL) return;
    aimi_pool_buffers_tell(buffers);
    for (i = 1; i < buffers->table_made; i++) {
        const aimi_pool_buffer *s = &buffers->table[i];
        if (s->state == AIMI_POOL_BUFFER_LIVE && s->lender != NULL) {
            aimem_buffer lent;
            lent.id = s->lent;
            (void)aimem_buffers_release(s->lender, lent);
        }
    }
    aimi_pool_buffers_end(buffers);
}

/* ---- upkeep ---- */

AIMEM_POOL_API aimem_result aimem_buffers_tick(aimem_buffers *buffers, uint64_t now_ns,
                                               uint64_t budget_ns) {
    aimem_buffers *b = buffers;
    aimem_result r = aimi_pool_buffers_enter(b);
    /* One run given back is a call of the system: some ten microseconds. */
    size_t calls = budget_ns == 0 ? SIZE_MAX : (size_t)aimi_pool_or(budget_ns >> 14 & 0xFFFFFF, 1);
    bool done = true;
    if (r != AIMEM_OK) return r;
    if (b->started && now_ns > b->last) b->now += now_ns - b->last;
    b->started = true;
    b->last = now_ns;
    if (b->now - b->cleaned >= b->cleanup_ns) {
        uint64_t ages = (b->idle_ns - 1) / b->cleanup_ns + 1;
        unsigned age = (unsigned)(ages < AIMI_POOL_AGE_MOST ? ages : (uint64_t)AIMI_POOL_AGE_MOST);
        if (b->store == AIMI_POOL_STORE_CLASSES) {
            done = b->now < b->idle_ns ||
                   aimi_pool_class_clean(b, b->now - b->idle_ns, calls);
        } else {
            done = aimi_pool_range_clean(b, age, calls);
        }
        if (done) b->cleaned = b->now;
    }
    aimi_pool_buffers_leave(b);
    return done ? AIMEM_OK : AIMEM_PENDING;
}

AIMEM_POOL_API size_t aimem_buffers_trim(aimem_buffers *buffers) {
    aimem_buffers *b = buffers;
    size_t before;
    if (aimi_pool_buffers_enter(b) != AIMEM_OK) return 0;
    before = b->info.held_bytes;
    if (b->store == AIMI_POOL_STORE_CLASSES) (void)aimi_pool_class_clean(b, UINT64_MAX, SIZE_MAX);
    else aimi_pool_range_trim(b);
    before -= b->info.held_bytes;
    aimi_pool_buffers_leave(b);
    return before;
}

/* ---- statistics ---- */

/* What would fit without new memory: the largest free range of touched or the caller's memory. */
AIMC_ALL_FN size_t aimi_pool_buffers_largest(const aimem_buffers *b) {
    size_t largest = 0, run = 0, from, to;
    uint32_t i, n;
    for (i = b->oldest; i != 0; i = b->table[i].newer) {
        largest = aimc_all_max_size(largest, b->table[i].capacity);
    }
    for (i = 0; i < b->segments_used; i++) {
        const aimi_pool_segment *g = b->segments[i];
        if (g == NULL) continue;
        if (b->store != AIMI_POOL_STORE_VM) {
            largest = aimc_all_max_size(largest, (size_t)aimc_all_offsets_largest(&g->ranges));
            continue;
        }
        for (n = g->ranges.first; n != 0; n = g->ranges.nodes[n].next) {
            if (g->ranges.nodes[n].state != AIMC_ALL_RANGE_FREE) continue;
            aimi_pool_granules_inside(b, g, n, &from, &to);
            for (run = 0; from < to; from++) {
                run = (g->map[from] & AIMI_POOL_TOUCH) != 0 ? run + 1 : 0;
                largest = aimc_all_max_size(largest, run << b->granule_shift);
            }
        }
    }
    return largest;
}

AIMEM_POOL_API void aimem_buffers_stats(const aimem_buffers *buffers, aimem_buffers_info *out) {
    aimem_buffers *b = (aimem_buffers *)buffers; /* entering marks the object */
    uint32_t i;
    memset(out, 0, sizeof *out);
    if (aimi_pool_buffers_enter(b) != AIMEM_OK) return;
    *out = b->info;
    out->largest_free = aimi_pool_buffers_largest(b);
    out->own_bytes = sizeof *b + b->table_size * sizeof *b->table +
                     b->segment_room * sizeof *b->segments + b->scoped_size * sizeof *b->scoped;
    for (i = 0; i < b->segments_used; i++) {
        const aimi_pool_segment *g = b->segments[i];
        if (g == NULL) continue;
        out->own_bytes += sizeof *g + g->mapped + g->ranges.capacity * sizeof(aimc_all_range);
        out->kept += g->ranges.free_count;
    }
    if (out->hits + out->misses != 0) {
        out->hit_rate = (float)((double)out->hits / (double)(out->hits + out->misses));
    }
    aimi_pool_buffers_leave(b);
}

AIMEM_POOL_API aimem_result aimem_buffers_class_stats(const aimem_buffers *buffers, uint32_t index,
                                                      aimem_buffers_class_info *out) {
    aimem_buffers *b = (aimem_buffers *)buffers;
    aimem_result r;
    memset(out, 0, sizeof *out);
    r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    if (index <= b->class_count) *out = b->classes[index].info;
    else r = AIMEM_ERR_RANGE;
    aimi_pool_buffers_leave(b);
    return r;
}

/* end pool/buffers_life.h */

/* begin pool/buffers_use.h */
/* pool/buffers_use.h: allocating, counting references, scopes, handing over, listing. */

/* ---- allocation ---- */

/* A live buffer of size bytes in place *out; inside. Errors: LIMIT, NOMEM. */
AIMC_ALL_FN aimem_result aimi_pool_buffers_make(aimem_buffers *b, size_t size, size_t align,
                                            uint32_t *out) {
    uint32_t n = aimi_pool_buffer_take(b);
    aimi_pool_buffer *s;
    aimem_result r = AIMEM_ERR_NOMEM;
    bool asked = false;
    *out = 0;
    if (n != 0) {
        s = &b->table[n];
        s->size = size != 0 ? size : 1;
        s->align = aimc_all_max_size(align, b->align);
        s->klass = aimi_pool_buffers_class_of(b, s->size);
        r = aimi_pool_buffers_place(b, s, &asked);
        if (r != AIMEM_OK) aimi_pool_buffer_drop(b, n);
    }
    if (r != AIMEM_OK) {
        b->info.failures++;
        return r;
    }
    s->state = AIMI_POOL_BUFFER_LIVE;
    s->refs = 1;
    s->time = b->now;
    b->info.in_use++;
    b->info.allocated_bytes += s->size;
    if (asked) {
        b->info.misses++;
        b->classes[s->klass].info.misses++;
    } else {
        b->info.hits++;
        b->classes[s->klass].info.hits++;
    }
    aimi_pool_buffers_count(b, s);
    aimi_pool_range_settle(b);
    *out = n;
    return AIMEM_OK;
}

AIMC_ALL_FN void aimi_pool_buffer_name(aimi_pool_buffer *s, const char *name) {
    size_t i;
    for (i = 0; name != NULL && i + 1 < sizeof s->name && name[i] != '\0'; i++) {
        s->name[i] = name[i];
    }
}

AIMEM_POOL_API aimem_result aimem_buffers_alloc(aimem_buffers *buffers, size_t size,
                                                aimem_buffer *out) {
    aimem_buffers *b = buffers;
    uint32_t n;
    aimem_result r;
    out->id = 0;
    r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_buffers_make(b, size, 0, &n);
    if (r == AIMEM_OK) {
        if (b->clear_on_alloc) memset(b->table[n].data, 0, b->table[n].size);
        out->id = aimi_pool_buffer_id(b, n);
    }
    aimi_pool_buffers_leave(b);
    return r;
}

AIMEM_POOL_API size_t aimem_buffers_bytes_of(aimem_dtype dtype, size_t count) {
    static const uint8_t bytes[17] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8, 0, 34, 18, 1};
    size_t size;
    if (dtype > AIMEM_DTYPE_BOOL) return 0;
    if (dtype == AIMEM_DTYPE_B1) return count / 8 + (count % 8 != 0);
    if (dtype == AIMEM_DTYPE_Q8_0 || dtype == AIMEM_DTYPE_Q4_0) {
        count = count / 32 + (count % 32 != 0);
    }
    return aimc_all_mul_size(count, bytes[dtype], &size) ? size : 0;
}

AIMEM_POOL_API aimem_result aimem_buffers_alloc_with(aimem_buffers *buffers,
                                                     const aimem_buffer_desc *desc,
                                                     aimem_buffer *out) {
    aimem_buffers *b = buffers;
    aimi_pool_buffer *s;
    size_t size;
    uint32_t n;
    aimem_result r;
    out->id = 0;
    if (desc == NULL || desc->canary_zero != 0) return AIMEM_ERR_INVALID;
    if (desc->size != 0 && desc->count != 0) return AIMEM_ERR_INVALID;
    if (desc->dtype > AIMEM_DTYPE_BOOL || desc->align > AIMI_POOL_BUFFERS_ALIGN ||
        (desc->align & (desc->align - 1)) != 0) {
        return AIMEM_ERR_INVALID;
    }
    size = desc->size;
    if (desc->count != 0) {
        size = aimem_buffers_bytes_of(desc->dtype, desc->count);
        if (size == 0) return AIMEM_ERR_RANGE;
    }
    r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_buffers_make(b, size, desc->align, &n);
    if (r == AIMEM_OK) {
        s = &b->table[n];
        s->dtype = desc->dtype;
        aimi_pool_buffer_name(s, desc->name);
        if (desc->from != NULL) memcpy(s->data, desc->from, size);
        else if (desc->clear || b->clear_on_alloc) memset(s->data, 0, s->size);
        out->id = aimi_pool_buffer_id(b, n);
    }
    aimi_pool_buffers_leave(b);
    return r;
}

/* ---- references ---- */

AIMEM_POOL_API aimem_result aimem_buffers_retain(aimem_buffers *buffers, aimem_buffer buffer) {
    aimi_pool_buffer *s;
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(buffers, buffer);
    if (s == NULL) r = AIMEM_ERR_STALE;
    else if (s->refs == UINT32_MAX) r = AIMEM_ERR_LIMIT;
    else s->refs++;
    return aimi_pool_buffers_done(buffers, "retain", buffer.id, r);
}

/* The last reference of live place n is gone: its memory is recycled, its handle stale. */
AIMC_ALL_FN void aimi_pool_buffers_recycle(aimem_buffers *b, uint32_t n) {
    aimi_pool_buffer *s = &b->table[n];
    (void)aimi_pool_buffer_expire(b, n);
    b->info.in_use--;
    aimi_pool_buffers_uncount(b, s);
    if (s->packed != NULL) {
        b->info.held_bytes -= s->capacity;
        aimi_pool_packed_free(b, s->packed);
    } else if (s->lender == NULL && b->store == AIMI_POOL_STORE_CLASSES) {
        if (b->clear_on_release) aimi_pool_buffers_wipe(s->data, s->size);
        aimi_pool_class_unplace(b, n);
        return;
    } else if (s->lender == NULL) {
        aimi_pool_buffers_unplace(b, s);
    }
    aimi_pool_buffer_drop(b, n);
}

AIMEM_POOL_API aimem_result aimem_buffers_release(aimem_buffers *buffers, aimem_buffer buffer) {
    aimem_buffers *lender = NULL;
    aimem_buffer lent;
    aimi_pool_buffer *s;
    aimem_result r;
    if (buffer.id == 0) return AIMEM_OK;
    lent.id = 0;
    r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(buffers, buffer);
    if (s == NULL) {
        r = AIMEM_ERR_STALE;
    } else if (--s->refs == 0) {
        lender = s->lender;
        lent.id = s->lent;
        aimi_pool_buffers_recycle(buffers, (uint32_t)buffer.id);
    }
    r = aimi_pool_buffers_done(buffers, "release", buffer.id, r);
    return lender != NULL ? aimem_buffers_release(lender, lent) : r;
}

/* ---- another size ---- */

/* Moves s to memory of another size; it is as it was unless OK. */
AIMC_ALL_FN aimem_result aimi_pool_buffers_move(aimem_buffers *b, aimi_pool_buffer *s, size_t size) {
    aimi_pool_buffer fresh = *s;
    bool asked;
    aimem_result r;
    fresh.size = size;
    fresh.klass = aimi_pool_buffers_class_of(b, size);
    r = aimi_pool_buffers_place(b, &fresh, &asked);
    if (r != AIMEM_OK) return r;
    memcpy(fresh.data, s->data, aimc_all_min_size(size, s->size));
    aimi_pool_buffers_uncount(b, s);
    aimi_pool_buffers_unplace(b, s);
    *s = fresh;
    aimi_pool_buffers_count(b, s);
    return AIMEM_OK;
}

AIMC_ALL_FN aimem_result aimi_pool_buffers_fit(aimem_buffers *b, aimi_pool_buffer *s, size_t size) {
    aimem_result r = AIMEM_ERR_LIMIT;
    aimi_pool_buffer old = *s;
    bool asked = false;
    if (size == 0) size = 1;
    if (s->segment != AIMI_POOL_NO_SEGMENT) {
        if (size < s->size && b->clear_on_release) {
            aimi_pool_buffers_wipe(s->data + size, s->size - size);
        }
        r = aimi_pool_range_resize(b, s, size, &asked);
    } else if (!s->direct && s->klass == aimi_pool_buffers_class_of(b, size)) {
        r = AIMEM_OK;
    }
    if (r != AIMEM_OK) {
        r = aimi_pool_buffers_move(b, s, size);
    } else {
        aimi_pool_buffers_uncount(b, &old);
        s->size = size;
        s->klass = aimi_pool_buffers_class_of(b, size);
        aimi_pool_buffers_count(b, s);
    }
    if (r == AIMEM_OK) aimi_pool_range_settle(b);
    return r;
}

AIMEM_POOL_API aimem_result aimem_buffers_resize(aimem_buffers *buffers, aimem_buffer buffer,
                                                 size_t size) {
    aimi_pool_buffer *s;
    size_t old;
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(buffers, buffer);
    if (s == NULL) {
        r = AIMEM_ERR_STALE;
    } else if (s->packed != NULL || s->lender != NULL) {
        r = AIMEM_ERR_UNSUPPORTED;
    } else {
        old = s->size;
        r = aimi_pool_buffers_fit(buffers, s, size);
        if (r == AIMEM_OK && buffers->clear_on_alloc && s->size > old) {
            memset(s->data + old, 0, s->size - old);
        }
    }
    return aimi_pool_buffers_done(buffers, "resize", buffer.id, r);
}

/* ---- handing over ---- */

/* The old handle goes stale and *out is the new one. */
AIMC_ALL_FN aimem_result aimi_pool_buffers_rename(aimem_buffers *b, aimem_buffer buffer, bool away,
                                              aimi_pool_buffer *copy, aimem_buffer *out) {
    aimi_pool_buffer *s;
    aimem_result r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(b, buffer);
    if (s == NULL) r = AIMEM_ERR_STALE;
    else if (s->refs != 1) r = AIMEM_ERR_BUSY;
    else if (s->gen == UINT32_MAX) r = AIMEM_ERR_LIMIT;
    else if (away && s->packed != NULL) r = AIMEM_ERR_UNSUPPORTED;
    if (r == AIMEM_OK) {
        (void)aimi_pool_buffer_expire(b, (uint32_t)buffer.id);
        out->id = aimi_pool_buffer_id(b, (uint32_t)buffer.id);
        *copy = *s;
    }
    return aimi_pool_buffers_done(b, "handover", buffer.id, r);
}

AIMEM_POOL_API aimem_result aimem_buffers_handover(aimem_buffers *buffers, aimem_buffer buffer,
                                                   aimem_buffers *to, aimem_buffer *out) {
    aimi_pool_buffer copy;
    aimem_buffer lent;
    aimem_result r;
    uint32_t n;
    out->id = 0;
    if (to == NULL || to == buffers) {
        return aimi_pool_buffers_rename(buffers, buffer, false, &copy, out);
    }
    /* Never inside both objects at once: a place is taken first, and given back on failure. */
    r = aimi_pool_buffers_enter(to);
    if (r != AIMEM_OK) return r;
    n = aimi_pool_buffer_take(to);
    aimi_pool_buffers_leave(to);
    if (n == 0) return AIMEM_ERR_NOMEM;
    memset(&copy, 0, sizeof copy);
    r = aimi_pool_buffers_rename(buffers, buffer, true, &copy, &lent);
    (void)aimi_pool_buffers_enter(to); /* as before: this is no hook of it */
    if (r != AIMEM_OK) {
        aimi_pool_buffer_drop(to, n);
    } else {
        aimi_pool_buffer *s = &to->table[n];
        copy.gen = s->gen;
        copy.time = to->now;
        copy.lender = buffers;
        copy.lent = lent.id;
        copy.klass = aimi_pool_buffers_class_of(to, copy.size);
        *s = copy;
        to->info.in_use++;
        out->id = aimi_pool_buffer_id(to, n);
    }
    aimi_pool_buffers_leave(to);
    return r;
}

/* ---- looking ---- */

AIMEM_POOL_API void *aimem_buffers_data(aimem_buffers *buffers, aimem_buffer buffer) {
    aimi_pool_buffer *s;
    void *data;
    if (aimi_pool_buffers_enter(buffers) != AIMEM_OK) return NULL;
    s = aimi_pool_buffer_of(buffers, buffer);
    data = s != NULL ? s->data : NULL;
    aimi_pool_buffers_leave(buffers);
    return data;
}

AIMC_ALL_FN void aimi_pool_buffer_about(aimem_buffers *b, uint32_t n, aimem_buffer_info *out) {
    const aimi_pool_buffer *s = &b->table[n];
    size_t one = aimem_buffers_bytes_of(s->dtype, 1);
    memset(out, 0, sizeof *out);
    out->buffer.id = aimi_pool_buffer_id(b, n);
    memcpy(out->name, s->name, sizeof out->name);
    out->size = s->size;
    out->count = s->size / one;
    if (s->dtype == AIMEM_DTYPE_B1) out->count *= 8;
    if (s->dtype == AIMEM_DTYPE_Q8_0 || s->dtype == AIMEM_DTYPE_Q4_0) out->count *= 32;
    out->align = s->align;
    out->held = s->capacity;
    out->data = s->data;
    out->age_ns = b->now - s->time;
    out->dtype = s->dtype;
    out->refs = s->refs;
    out->compressed = s->packed != NULL;
    out->ratio = s->packed != NULL ? (float)((double)s->size / (double)s->capacity) : 1.0f;
    out->borrowed = s->lender != NULL;
}

AIMEM_POOL_API aimem_result aimem_buffers_about(aimem_buffers *buffers, aimem_buffer buffer,
                                                aimem_buffer_info *out) {
    aimem_result r;
    memset(out, 0, sizeof *out);
    r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    if (aimi_pool_buffer_of(buffers, buffer) == NULL) r = AIMEM_ERR_STALE;
    else aimi_pool_buffer_about(buffers, (uint32_t)buffer.id, out);
    return aimi_pool_buffers_done(buffers, "about", buffer.id, r);
}

AIMEM_POOL_API size_t aimem_buffers_list(aimem_buffers *buffers, aimem_buffer_info *out,
                                         size_t room) {
    size_t count = 0;
    uint32_t n;
    if (aimi_pool_buffers_enter(buffers) != AIMEM_OK) return 0;
    for (n = 1; n < buffers->table_made; n++) {
        if (buffers->table[n].state != AIMI_POOL_BUFFER_LIVE) continue;
        if (count < room) aimi_pool_buffer_about(buffers, n, &out[count]);
        count++;
    }
    aimi_pool_buffers_leave(buffers);
    return count;
}

/* ---- scopes ---- */

AIMEM_POOL_API aimem_result aimem_buffers_scope_add(aimem_buffers *buffers,
                                                    aimem_buffers_scope *scope,
                                                    aimem_buffer buffer) {
    aimem_buffers *b = buffers;
    aimem_result r;
    uint32_t n;
    if (scope->buffers != NULL && scope->buffers != b) return AIMEM_ERR_INVALID;
    r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    if (aimi_pool_buffer_of(b, buffer) == NULL) {
        return aimi_pool_buffers_done(b, "scope_add", buffer.id, AIMEM_ERR_STALE);
    }
    n = b->scoped_empty;
    if (n != 0) {
        b->scoped_empty = b->scoped[n].next;
    } else {
        if (b->scoped_made >= b->scoped_size) {
            void *fresh = aimi_pool_buffers_more(b, b->scoped, &b->scoped_size, b->scoped_made + 1,
                                                 sizeof *b->scoped);
            if (fresh == NULL) {
                aimi_pool_buffers_leave(b);
                return AIMEM_ERR_NOMEM;
            }
            b->scoped = (aimi_pool_scoped *)fresh;
        }
        n = b->scoped_made++;
    }
    b->scoped[n].id = buffer.id;
    b->scoped[n].next = scope->head;
    scope->buffers = b;
    scope->head = n;
    scope->count++;
    aimi_pool_buffers_leave(b);
    return AIMEM_OK;
}

/* Takes entry n out of the chain; before: the entry in front of it, 0: it is the first. */
AIMC_ALL_FN void aimi_pool_scope_unlink(aimem_buffers_scope *scope, uint32_t n, uint32_t before) {
    aimem_buffers *b = scope->buffers;
    if (before != 0) b->scoped[before].next = b->scoped[n].next;
    else scope->head = b->scoped[n].next;
    b->scoped[n].next = b->scoped_empty;
    b->scoped_empty = n;
    scope->count--;
}

AIMEM_POOL_API aimem_result aimem_buffers_scope_keep(aimem_buffers_scope *scope,
                                                     aimem_buffer buffer) {
    aimem_buffers *b = scope->buffers;
    uint32_t n, before = 0;
    aimem_result r;
    if (b == NULL) return AIMEM_ERR_NOT_FOUND;
    r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    for (n = scope->head; n != 0 && b->scoped[n].id != buffer.id; n = b->scoped[n].next) {
        before = n;
    }
    if (n != 0) aimi_pool_scope_unlink(scope, n, before);
    aimi_pool_buffers_leave(b);
    return n != 0 ? AIMEM_OK : AIMEM_ERR_NOT_FOUND;
}

AIMEM_POOL_API size_t aimem_buffers_scope_end(aimem_buffers_scope *scope) {
    size_t released = 0;
    if (scope == NULL) return 0;
    while (scope->head != 0) {
        aimem_buffers *b = scope->buffers;
        aimem_buffer buffer;
        bool live;
        if (aimi_pool_buffers_enter(b) != AIMEM_OK) return released;
        buffer.id = b->scoped[scope->head].id;
        live = aimi_pool_buffer_of(b, buffer) != NULL;
        aimi_pool_scope_unlink(scope, scope->head, 0);
        aimi_pool_buffers_leave(b);
        if (live && aimem_buffers_release(b, buffer) == AIMEM_OK) released++;
    }
    scope->buffers = NULL;
    return released;
}

/* ---- as an allocator ---- */

/* The handle stands right in front of the block; behind the start of the buffer lie pad bytes. */
AIMC_ALL_INLINE size_t aimi_pool_buffers_pad(size_t align) {
    return aimc_all_max_size(align, 16);
}

AIMC_ALL_FN void *aimi_pool_buffers_block(aimem_buffers *b, aimem_buffer buffer, size_t pad) {
    unsigned char *data = (unsigned char *)aimem_buffers_data(b, buffer);
    if (data == NULL) return NULL;
    memcpy(data + pad - sizeof buffer.id, &buffer.id, sizeof buffer.id);
    return data + pad;
}

AIMC_ALL_FN void *aimi_pool_buffers_realloc(void *user_data, void *ptr, size_t old_size,
                                        size_t new_size, size_t align) {
    aimem_buffers *b = (aimem_buffers *)user_data;
    size_t pad = aimi_pool_buffers_pad(align), size;
    aimem_buffer_desc desc;
    aimem_buffer buffer;
    (void)old_size;
    buffer.id = 0;
    if (ptr != NULL) {
        memcpy(&buffer.id, (unsigned char *)ptr - sizeof buffer.id, sizeof buffer.id);
    }
    if (new_size == 0) {
        if (ptr != NULL) (void)aimem_buffers_release(b, buffer);
        return NULL;
    }
    if (!aimc_all_add_size(new_size, pad, &size)) return NULL;
    if (ptr != NULL) {
        if (aimem_buffers_resize(b, buffer, size) != AIMEM_OK) return NULL;
        return aimi_pool_buffers_block(b, buffer, pad);
    }
    memset(&desc, 0, sizeof desc);
    desc.size = size;
    desc.align = align;
    if (aimem_buffers_alloc_with(b, &desc, &buffer) != AIMEM_OK) return NULL;
    return aimi_pool_buffers_block(b, buffer, pad);
}

AIMEM_POOL_API aimem_allocator aimem_buffers_allocator(aimem_buffers *buffers) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_buffers_realloc;
    hook.user_data = buffers;
    return hook;
}

/* end pool/buffers_use.h */

/* begin pool/buffers_data.h */
/* pool/buffers_data.h: reading and writing buffers within their bounds, typed and compressed. */

/* ---- bytes ---- */

/* What the bytes that a compressed buffer takes have become. */
AIMC_ALL_FN void aimi_pool_packed_recount(aimem_buffers *b, aimi_pool_buffer *s) {
    if (s->packed->stored == s->capacity) return;
    aimi_pool_buffers_uncount(b, s);
    b->info.held_bytes -= s->capacity;
    s->capacity = s->packed->stored;
    aimi_pool_buffers_hold(b, s->capacity);
    aimi_pool_buffers_count(b, s);
}

/* [offset, offset + size) of s to dst, or from src, or to zeros when both are NULL; inside. */
AIMC_ALL_FN aimem_result aimi_pool_buffers_copy(aimem_buffers *b, aimi_pool_buffer *s, size_t offset,
                                            size_t size, void *dst, const void *src) {
    aimem_result r = AIMEM_OK;
    if (s == NULL) return AIMEM_ERR_STALE;
    if (offset > s->size || size > s->size - offset) return AIMEM_ERR_RANGE;
    if (size == 0) return AIMEM_OK;
    if (s->packed != NULL) {
        if (dst != NULL) {
            r = aimi_pool_packed_read(b, s->packed, offset, (unsigned char *)dst, size);
        } else {
            r = aimi_pool_packed_write(b, s->packed, offset, (const unsigned char *)src, size);
        }
        aimi_pool_packed_recount(b, s);
    } else if (dst != NULL) {
        memmove(dst, s->data + offset, size);
    } else if (src != NULL) {
        memmove(s->data + offset, src, size);
    } else {
        memset(s->data + offset, 0, size);
    }
    return r;
}

AIMEM_POOL_API aimem_result aimem_buffers_read(aimem_buffers *buffers, aimem_buffer buffer,
                                               size_t offset, void *dst, size_t size) {
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    if (dst == NULL && size != 0) r = AIMEM_ERR_INVALID;
    else r = aimi_pool_buffers_copy(buffers, aimi_pool_buffer_of(buffers, buffer), offset, size,
                                    dst, NULL);
    return aimi_pool_buffers_done(buffers, "read", buffer.id, r);
}

AIMEM_POOL_API aimem_result aimem_buffers_write(aimem_buffers *buffers, aimem_buffer buffer,
                                                size_t offset, const void *src, size_t size) {
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    if (src == NULL && size != 0) r = AIMEM_ERR_INVALID;
    else r = aimi_pool_buffers_copy(buffers, aimi_pool_buffer_of(buffers, buffer), offset, size,
                                    NULL, src);
    return aimi_pool_buffers_done(buffers, "write", buffer.id, r);
}

AIMEM_POOL_API aimem_result aimem_buffers_clear(aimem_buffers *buffers, aimem_buffer buffer,
                                                size_t offset, size_t size) {
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_buffers_copy(buffers, aimi_pool_buffer_of(buffers, buffer), offset, size, NULL,
                               NULL);
    return aimi_pool_buffers_done(buffers, "clear", buffer.id, r);
}

/* ---- elements ---- */

/* Bytes of one element that can be addressed; 0: none. */
AIMC_ALL_FN size_t aimi_pool_element(aimem_dtype dtype) {
    if (dtype == 0 || dtype == AIMEM_DTYPE_B1 || dtype == AIMEM_DTYPE_Q8_0 ||
        dtype == AIMEM_DTYPE_Q4_0) {
        return 0;
    }
    return aimem_buffers_bytes_of(dtype, 1);
}

/* Element index of s, to dst or from src; inside. */
AIMC_ALL_FN aimem_result aimi_pool_buffers_element(aimem_buffers *b, aimi_pool_buffer *s, size_t index,
                                               void *dst, const void *src) {
    size_t one;
    if (s == NULL) return AIMEM_ERR_STALE;
    one = aimi_pool_element(s->dtype);
    if (one == 0) return AIMEM_ERR_UNSUPPORTED;
    if (index >= s->size / one) return AIMEM_ERR_RANGE;
    return aimi_pool_buffers_copy(b, s, index * one, one, dst, src);
}

AIMEM_POOL_API aimem_result aimem_buffers_get(aimem_buffers *buffers, aimem_buffer buffer,
                                              size_t index, void *out) {
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_buffers_element(buffers, aimi_pool_buffer_of(buffers, buffer), index, out, NULL);
    return aimi_pool_buffers_done(buffers, "get", buffer.id, r);
}

AIMEM_POOL_API aimem_result aimem_buffers_put(aimem_buffers *buffers, aimem_buffer buffer,
                                              size_t index, const void *value) {
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_buffers_element(buffers, aimi_pool_buffer_of(buffers, buffer), index, NULL,
                                  value);
    return aimi_pool_buffers_done(buffers, "put", buffer.id, r);
}

AIMEM_POOL_API aimem_result aimem_buffers_get_at(aimem_buffers *buffers, aimem_buffer buffer,
                                                 aimem_dtype dtype, size_t offset, void *out) {
    size_t one = aimi_pool_element(dtype);
    return one == 0 ? AIMEM_ERR_UNSUPPORTED
                    : aimem_buffers_read(buffers, buffer, offset, out, one);
}

AIMEM_POOL_API aimem_result aimem_buffers_put_at(aimem_buffers *buffers, aimem_buffer buffer,
                                                 aimem_dtype dtype, size_t offset,
                                                 const void *value) {
    size_t one = aimi_pool_element(dtype);
    return one == 0 ? AIMEM_ERR_UNSUPPORTED
                    : aimem_buffers_write(buffers, buffer, offset, value, one);
}

/* ---- numbers: conversions by bits, so that no compiler flag changes them ---- */

/* A small float with the given bits of exponent and fraction as a double; exact. */
AIMC_ALL_FN double aimi_pool_widen(uint32_t x, uint32_t exponent_bits, uint32_t fraction_bits) {
    uint64_t bits = (uint64_t)(x >> (exponent_bits + fraction_bits)) << 63;
    uint64_t fraction = x & ((1u << fraction_bits) - 1);
    uint32_t most = (1u << exponent_bits) - 1, exponent = x >> fraction_bits & most;
    double d;
    if (exponent == most) {
        bits |= (uint64_t)2047 << 52;
    } else if (exponent != 0 || fraction != 0) {
        uint32_t shift = 0; /* subnormals are brought to the form 1.f */
        if (exponent == 0) {
            exponent = 1;
            while ((fraction << shift >> fraction_bits) == 0) shift++;
            fraction = fraction << shift & ((1u << fraction_bits) - 1);
        }
        bits |= (uint64_t)(exponent + 1023 - most / 2 - shift) << 52;
    }
    bits |= fraction << (52 - fraction_bits);
    memcpy(&d, &bits, sizeof d);
    return d;
}

/* x >> shift, rounded to nearest, ties to even; shift 1 to 63. */
AIMC_ALL_INLINE uint64_t aimi_pool_shift_even(uint64_t x, uint32_t shift) {
    uint64_t low = x & (((uint64_t)1 << shift) - 1), half = (uint64_t)1 << (shift - 1);
    x >>= shift;
    return x + (low > half || (low == half && (x & 1) != 0));
}

/* The bits of a double, rounded once to a small float with the given bits of exponent and
   fraction; a NaN stays one. Overflow carries from the fraction into the exponent, and from there
   into infinity. */
AIMC_ALL_FN uint32_t aimi_pool_round_bits(uint64_t d, uint32_t exponent_bits, uint32_t fraction_bits) {
    uint32_t sign = (uint32_t)(d >> 63) << (exponent_bits + fraction_bits);
    int32_t bias = (1 << (exponent_bits - 1)) - 1, exponent = (int32_t)(d >> 52 & 2047) - 1023;
    uint64_t fraction = d & (((uint64_t)1 << 52) - 1);
    uint32_t infinity = ((1u << exponent_bits) - 1) << fraction_bits, shift = 52 - fraction_bits;
    if (exponent == 1024) {
        return sign | infinity | (fraction != 0 ? 1u << (fraction_bits - 1) : 0);
    }
    if (exponent > bias) return sign | infinity;
    if (exponent > -bias) {
        fraction |= (uint64_t)(uint32_t)(exponent + bias) << 52;
        return sign | (uint32_t)aimi_pool_shift_even(fraction, shift);
    }
    if (exponent < -bias - (int32_t)fraction_bits) return sign;
    fraction |= (uint64_t)1 << 52; /* subnormal in the small type */
    return sign | (uint32_t)aimi_pool_shift_even(fraction, shift + (uint32_t)(1 - bias - exponent));
}

/* value, rounded to nearest (ties to even) and clamped to [least, greatest]; 0 for NaN. */
AIMC_ALL_FN int64_t aimi_pool_to_integer(double value, double least, double greatest) {
    uint64_t bits;
    int64_t whole;
    double rest;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7FFFFFFFFFFFFFFFu) > 0x7FF0000000000000u) return 0;
    if (value <= least) return (int64_t)least;
    if (value >= greatest) return greatest >= 9223372036854775807.0 ? INT64_MAX : (int64_t)greatest;
    whole = (int64_t)value;
    rest = value - (double)whole;
    if (rest > 0.5 || (rest >= 0.5 && (whole & 1) != 0)) whole++;
    if (rest < -0.5 || (rest <= -0.5 && (whole & 1) != 0)) whole--;
    return whole;
}

AIMC_ALL_FN uint64_t aimi_pool_to_u64(double value) {
    if (value < 9223372036854775808.0) {
        return (uint64_t)aimi_pool_to_integer(value, 0.0, 9223372036854775807.0);
    }
    return value < 18446744073709551616.0 ? (uint64_t)value : UINT64_MAX;
}

/* One element at p as a double. */
AIMC_ALL_FN double aimi_pool_number_load(aimem_dtype dtype, const void *p) {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    double d;
    switch (dtype) {
    case AIMEM_DTYPE_U8:
    case AIMEM_DTYPE_BOOL: memcpy(&u8, p, 1); return (double)u8;
    case AIMEM_DTYPE_I8: memcpy(&u8, p, 1); return (double)(int8_t)u8;
    case AIMEM_DTYPE_U16: memcpy(&u16, p, 2); return (double)u16;
    case AIMEM_DTYPE_I16: memcpy(&u16, p, 2); return (double)(int16_t)u16;
    case AIMEM_DTYPE_U32: memcpy(&u32, p, 4); return (double)u32;
    case AIMEM_DTYPE_I32: memcpy(&u32, p, 4); return (double)(int32_t)u32;
    case AIMEM_DTYPE_U64: memcpy(&u64, p, 8); return (double)u64;
    case AIMEM_DTYPE_I64: memcpy(&u64, p, 8); return (double)(int64_t)u64;
    case AIMEM_DTYPE_F16: memcpy(&u16, p, 2); return aimi_pool_widen(u16, 5, 10);
    case AIMEM_DTYPE_BF16: memcpy(&u16, p, 2); return aimi_pool_widen(u16, 8, 7);
    case AIMEM_DTYPE_F32: memcpy(&u32, p, 4); return aimi_pool_widen(u32, 8, 23);
    default: memcpy(&d, p, 8); return d;
    }
}

/* The low bytes of bits at p, as the machine keeps integers of that size. */
AIMC_ALL_FN void aimi_pool_bits_store(void *p, uint64_t bits, size_t size) {
    uint32_t u32 = (uint32_t)bits;
    uint16_t u16 = (uint16_t)bits;
    uint8_t u8 = (uint8_t)bits;
    if (size == 8) memcpy(p, &bits, 8);
    else if (size == 4) memcpy(p, &u32, 4);
    else if (size == 2) memcpy(p, &u16, 2);
    else memcpy(p, &u8, 1);
}

/* value as one element at p; the type has elements. */
AIMC_ALL_FN void aimi_pool_number_store(aimem_dtype dtype, void *p, double value) {
    uint64_t bits;
    int64_t i = 0;
    memcpy(&bits, &value, sizeof bits);
    switch (dtype) {
    case AIMEM_DTYPE_U8: i = aimi_pool_to_integer(value, 0, 255); break;
    case AIMEM_DTYPE_I8: i = aimi_pool_to_integer(value, -128, 127); break;
    case AIMEM_DTYPE_U16: i = aimi_pool_to_integer(value, 0, 65535); break;
    case AIMEM_DTYPE_I16: i = aimi_pool_to_integer(value, -32768, 32767); break;
    case AIMEM_DTYPE_U32: i = aimi_pool_to_integer(value, 0, 4294967295.0); break;
    case AIMEM_DTYPE_I32: i = aimi_pool_to_integer(value, -2147483648.0, 2147483647.0); break;
    case AIMEM_DTYPE_I64:
        i = aimi_pool_to_integer(value, -9223372036854775808.0, 9223372036854775807.0);
        break;
    case AIMEM_DTYPE_U64: i = (int64_t)aimi_pool_to_u64(value); break;
    case AIMEM_DTYPE_BOOL: i = bits << 1 != 0; break;
    case AIMEM_DTYPE_F16: i = aimi_pool_round_bits(bits, 5, 10); break;
    case AIMEM_DTYPE_BF16: i = aimi_pool_round_bits(bits, 8, 7); break;
    case AIMEM_DTYPE_F32: i = aimi_pool_round_bits(bits, 8, 23); break;
    default: i = (int64_t)bits; break;
    }
    aimi_pool_bits_store(p, (uint64_t)i, aimi_pool_element(dtype));
}

/* Bit index of a buffer of B1: read into *out, or written from it. */
AIMC_ALL_FN aimem_result aimi_pool_buffers_bit(aimem_buffers *b, aimi_pool_buffer *s, size_t index,
                                           bool write, double *out) {
    unsigned char byte, bit = (unsigned char)(1u << (index & 7));
    uint64_t bits;
    aimem_result r;
    if (index / 8 >= s->size) return AIMEM_ERR_RANGE;
    r = aimi_pool_buffers_copy(b, s, index / 8, 1, &byte, NULL);
    if (r != AIMEM_OK || !write) {
        *out = r == AIMEM_OK && (byte & bit) != 0 ? 1.0 : 0.0;
        return r;
    }
    memcpy(&bits, out, sizeof bits);
    byte = (unsigned char)(bits << 1 != 0 ? byte | bit : byte & ~bit);
    return aimi_pool_buffers_copy(b, s, index / 8, 1, NULL, &byte);
}

AIMEM_POOL_API aimem_result aimem_buffers_get_number(aimem_buffers *buffers, aimem_buffer buffer,
                                                     size_t index, double *out) {
    unsigned char element[8];
    aimi_pool_buffer *s;
    aimem_result r;
    *out = 0.0;
    r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(buffers, buffer);
    if (s != NULL && s->dtype == AIMEM_DTYPE_B1) {
        r = aimi_pool_buffers_bit(buffers, s, index, false, out);
    } else {
        r = aimi_pool_buffers_element(buffers, s, index, element, NULL);
        if (r == AIMEM_OK) *out = aimi_pool_number_load(s->dtype, element);
    }
    return aimi_pool_buffers_done(buffers, "get_number", buffer.id, r);
}

AIMEM_POOL_API aimem_result aimem_buffers_put_number(aimem_buffers *buffers, aimem_buffer buffer,
                                                     size_t index, double value) {
    unsigned char element[8];
    aimi_pool_buffer *s;
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(buffers, buffer);
    if (s != NULL && s->dtype == AIMEM_DTYPE_B1) {
        r = aimi_pool_buffers_bit(buffers, s, index, true, &value);
    } else {
        memset(element, 0, sizeof element);
        if (s != NULL && aimi_pool_element(s->dtype) != 0) {
            aimi_pool_number_store(s->dtype, element, value);
        }
        r = aimi_pool_buffers_element(buffers, s, index, NULL, element);
    }
    return aimi_pool_buffers_done(buffers, "put_number", buffer.id, r);
}

/* ---- compressing ---- */

/* s, whose memory or former entries are given back here, has its bytes in p from now on. */
AIMC_ALL_FN void aimi_pool_buffers_set_packed(aimem_buffers *b, aimi_pool_buffer *s,
                                          aimi_pool_packed *p) {
    aimi_pool_buffers_uncount(b, s);
    if (s->packed != NULL) {
        b->info.held_bytes -= s->capacity;
        aimi_pool_packed_free(b, s->packed);
    } else {
        aimi_pool_buffers_unplace(b, s);
    }
    s->packed = p;
    s->capacity = p->stored;
    aimi_pool_buffers_hold(b, s->capacity);
    aimi_pool_buffers_count(b, s);
}

AIMEM_POOL_API aimem_result aimem_buffers_compress(aimem_buffers *buffers, aimem_buffer buffer,
                                                   const aimem_codec *codec, int level,
                                                   size_t chunk, size_t *stored) {
    aimem_buffers *b = buffers;
    aimi_pool_buffer *s;
    aimem_result r;
    if (stored != NULL) *stored = 0;
    if (codec == NULL || codec->bound_fn == NULL || codec->compress_fn == NULL ||
        codec->decompress_fn == NULL || level < 0 || level > 9) {
        return AIMEM_ERR_INVALID;
    }
    r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(b, buffer);
    if (s == NULL) {
        r = AIMEM_ERR_STALE;
    } else if (s->lender != NULL) {
        r = AIMEM_ERR_UNSUPPORTED;
    } else {
        size_t length = aimc_all_min_size(chunk != 0 ? chunk : 65536, s->size);
        aimi_pool_packed *p = aimi_pool_packed_new(b, s->size, codec, level != 0 ? level : 6,
                                                   length);
        r = p == NULL ? AIMEM_ERR_NOMEM : aimi_pool_packed_fill(b, p, s->data, s->packed);
        if (r == AIMEM_OK) {
            aimi_pool_buffers_set_packed(b, s, p);
            if (stored != NULL) *stored = s->capacity;
        } else {
            aimi_pool_packed_free(b, p);
        }
    }
    return aimi_pool_buffers_done(b, "compress", buffer.id, r);
}

/* Plain memory for compressed buffer s; inside. */
AIMC_ALL_FN aimem_result aimi_pool_buffers_unpack(aimem_buffers *b, aimi_pool_buffer *s) {
    aimi_pool_buffer plain = *s;
    bool asked;
    aimem_result r = aimi_pool_buffers_place(b, &plain, &asked);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_packed_read(b, s->packed, 0, plain.data, s->size);
    if (r != AIMEM_OK) {
        aimi_pool_buffers_unplace(b, &plain);
        return r;
    }
    aimi_pool_buffers_uncount(b, s);
    b->info.held_bytes -= s->capacity;
    aimi_pool_packed_free(b, s->packed);
    *s = plain;
    s->packed = NULL;
    aimi_pool_buffers_count(b, s);
    aimi_pool_range_settle(b);
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_buffers_decompress(aimem_buffers *buffers, aimem_buffer buffer) {
    aimi_pool_buffer *s;
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(buffers, buffer);
    if (s == NULL) r = AIMEM_ERR_STALE;
    else if (s->packed != NULL) r = aimi_pool_buffers_unpack(buffers, s);
    return aimi_pool_buffers_done(buffers, "decompress", buffer.id, r);
}

/* end pool/buffers_data.h */
#endif
#if !defined(AIMEM_POOL_NO_BUDGET)
/* begin pool/budget_tree.h */
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
    aimc_all_mutex lock;
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

AIMC_ALL_INLINE void aimi_pool_budget_lock(aimi_pool_tree *t) {
    if (t->locked) aimc_all_mutex_lock(&t->lock);
}

AIMC_ALL_INLINE void aimi_pool_budget_unlock(aimi_pool_tree *t) {
    if (t->locked) aimc_all_mutex_unlock(&t->lock);
}

AIMC_ALL_FN void aimi_pool_budget_copy_name(char *to, const char *name, const char *otherwise) {
    size_t i;
    if (name == NULL) name = otherwise;
    memset(to, 0, AIMI_POOL_BUDGET_NAME);
    for (i = 0; i + 1 < AIMI_POOL_BUDGET_NAME && name[i] != '\0'; i++) to[i] = name[i];
}

/* Whether text, cut as names are, is the name. */
AIMC_ALL_FN bool aimi_pool_budget_is_name(const char *name, const char *text) {
    size_t i;
    for (i = 0; i + 1 < AIMI_POOL_BUDGET_NAME && text[i] != '\0'; i++) {
        if (name[i] != text[i]) return false;
    }
    return name[i] == '\0';
}

/* The node after n in the tree below top, parents first; NULL at the end. */
AIMC_ALL_FN aimem_budget *aimi_pool_budget_next(const aimem_budget *n, const aimem_budget *top) {
    if (n->child != NULL) return n->child;
    while (n != top && n->sibling == NULL) n = n->parent;
    return n == top ? NULL : n->sibling;
}

AIMC_ALL_FN bool aimi_pool_budget_below(const aimem_budget *n, const aimem_budget *top) {
    while (n != NULL && n != top) n = n->parent;
    return n != NULL;
}

/* ---- passes: a thread that is inside callbacks ---- */

/* Whether the calling thread is. The lock is held. */
AIMC_ALL_FN bool aimi_pool_budget_inside(const aimi_pool_tree *t) {
    const aimi_pool_pass *pass;
    uintptr_t self;
    if (t->passes == NULL) return false;
    self = t->locked ? aimc_all_thread_id() : 0;
    for (pass = t->passes; pass != NULL; pass = pass->outer) {
        if (pass->thread == self) return true;
    }
    return false;
}

/* The lock is held. */
AIMC_ALL_FN void aimi_pool_budget_enter(aimi_pool_tree *t, aimi_pool_pass *pass) {
    pass->thread = t->locked ? aimc_all_thread_id() : 0;
    pass->outer = t->passes;
    t->passes = pass;
}

/* The lock is held. */
AIMC_ALL_FN void aimi_pool_budget_leave(aimi_pool_tree *t, const aimi_pool_pass *pass) {
    aimi_pool_pass **at = &t->passes;
    while (*at != pass) at = &(*at)->outer;
    *at = pass->outer;
}

/* ---- levels and limits of an account ---- */

/* thousandths of bytes, rounded up, without overflow for thousandths up to 1000. */
AIMC_ALL_INLINE uint64_t aimi_pool_budget_part(uint64_t bytes, uint32_t thousandths) {
    return bytes / 1000 * thousandths + (bytes % 1000 * thousandths + 999) / 1000;
}

AIMC_ALL_FN uint64_t aimi_pool_budget_soft(const aimi_pool_tree *t, const aimi_pool_account *a) {
    if (a->soft != 0) return a->soft;
    if (a->limit == AIMEM_BUDGET_UNLIMITED) return AIMEM_BUDGET_UNLIMITED;
    return aimi_pool_budget_part(a->limit, t->marks[AIMEM_BUDGET_LOW]);
}

/* What used may become. */
AIMC_ALL_FN uint64_t aimi_pool_budget_cap(const aimi_pool_tree *t, const aimi_pool_account *a,
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
AIMC_ALL_INLINE uint64_t aimi_pool_budget_rise(const aimem_budget *n, uint64_t bytes) {
    uint64_t slack = n->reserve > n->account.used ? n->reserve - n->account.used : 0;
    return bytes > slack ? bytes - slack : 0;
}

AIMC_ALL_INLINE uint64_t aimi_pool_budget_fall(const aimem_budget *n, uint64_t bytes) {
    uint64_t excess = n->account.used > n->reserve ? n->account.used - n->reserve : 0;
    return bytes < excess ? bytes : excess;
}

/* Notes in gap when bytes more do not fit; true when this is the first account that is full. */
AIMC_ALL_FN bool aimi_pool_budget_look(const aimi_pool_tree *t, const aimi_pool_account *a,
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
AIMC_ALL_FN bool aimi_pool_budget_fits(const aimem_budget *b, uint64_t bytes, uint32_t flags, bool own,
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

AIMC_ALL_INLINE void aimi_pool_budget_count(aimi_pool_account *a, uint64_t bytes) {
    a->used += bytes;
    if (a->used > a->peak) a->peak = a->used;
}

/* Charges bytes that fit. */
AIMC_ALL_FN void aimi_pool_budget_take(aimem_budget *b, uint64_t bytes, bool own) {
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
AIMC_ALL_FN void aimi_pool_budget_give(aimem_budget *b, uint64_t bytes, bool own) {
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
AIMC_ALL_FN uint32_t aimi_pool_budget_flags(const aimem_budget *b, uint32_t flags) {
    const aimem_budget *n;
    for (n = b; n != NULL; n = n->parent) flags |= n->flags;
    return flags;
}

/* The largest charge that fits: what there is room for in the node and its tag, in the parent when
   the slack of the reserve is used up first, and so on. */
AIMC_ALL_FN uint64_t aimi_pool_budget_available(const aimem_budget *b) {
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
AIMC_ALL_FN aimi_pool_tag *aimi_pool_budget_tag(const aimi_pool_tree *t, const char *name) {
    aimi_pool_tag *tag = t->tags;
    while (tag != NULL && !aimi_pool_budget_is_name(tag->account.name, name)) tag = tag->next;
    return tag;
}

/* end pool/budget_tree.h */

/* begin pool/budget_reclaim.h */
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
AIMC_ALL_FN void aimi_pool_budget_record(aimi_pool_tree *t, const aimem_budget_record *record) {
    if (t->record_cap == 0) return;
    t->records[t->record_next] = *record;
    t->record_next = (t->record_next + 1) % t->record_cap;
    if (t->record_count < t->record_cap) t->record_count++;
}

/* The clock is a hook: it is asked before the lock is taken. */
AIMC_ALL_FN uint64_t aimi_pool_budget_now(const aimi_pool_tree *t) {
    return aimc_all_clock_now(&t->clock, AIMC_ALL_CLOCK_KIND_MONOTONIC);
}

/* The lock is held. */
AIMC_ALL_FN void aimi_pool_budget_record_begin(aimem_budget_record *record, uint64_t now,
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
AIMC_ALL_FN void aimi_pool_budget_record_time(const aimi_pool_tree *t, aimem_budget_record *record,
                                          uint64_t begin) {
    uint64_t now = aimi_pool_budget_now(t);
    if (now > begin) record->duration_ns += now - begin;
}

/* ---- sweeps ---- */

/* The lock is held. */
AIMC_ALL_FN void aimi_pool_budget_sweep_begin(aimi_pool_tree *t, aimi_pool_sweep *s, uint32_t first,
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
AIMC_ALL_FN bool aimi_pool_budget_may_ask(const aimi_pool_reclaimer *r, const aimi_pool_gap *where,
                                      const aimem_budget *asker) {
    if (r->essential || r->dead || r->budget->doomed) return false;
    if (r->not_own && r->budget == asker) return false;
    if (where->tag != NULL) return r->budget->tag == where->tag;
    return aimi_pool_budget_below(r->budget, where->node);
}

AIMC_ALL_FN bool aimi_pool_budget_before(const aimi_pool_reclaimer *a, const aimi_pool_reclaimer *b) {
    if (a->priority != b->priority) return a->priority < b->priority;
    if (a->stamp != b->stamp) return a->stamp < b->stamp;
    return a->id < b->id;
}

/* The next reclaimer of the sweep's class, or NULL. The lock is held. O(reclaimers x depth). */
AIMC_ALL_FN aimi_pool_reclaimer *aimi_pool_budget_pick(aimi_pool_tree *t, aimi_pool_sweep *s,
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
AIMC_ALL_FN aimi_pool_reclaimer *aimi_pool_budget_pick_any(aimi_pool_tree *t, aimi_pool_sweep *s,
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
AIMC_ALL_FN void aimi_pool_budget_unlink(aimi_pool_tree *t, const aimi_pool_reclaimer *r) {
    aimi_pool_reclaimer **at = &t->reclaimers;
    while (*at != r) at = &(*at)->next;
    *at = r->next;
}

/* Asks one reclaimer for bytes. False when there is none left. The lock is free. */
AIMC_ALL_FN bool aimi_pool_budget_step(aimi_pool_tree *t, aimi_pool_sweep *s,
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
    r->thread = t->locked ? aimc_all_thread_id() : 0;
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
    if (dead) aimc_all_free(&t->allocator, r, sizeof *r, AIMI_POOL_BUDGET_ALIGN);
    s->asked++;
    s->freed = freed;
    if (request.done == 0 && freed != 0) request.done = 1;
    if (s->items != UINT32_MAX) s->items -= request.done < s->items ? request.done : s->items;
    return true;
}

/* ---- one request ---- */

/* Charges, and calls the allocator; OK, LIMIT, NOMEM, CANCELLED. Where it does not fit: gap. */
AIMC_ALL_FN aimem_result aimi_pool_budget_attempt(aimem_budget *b, aimi_pool_op *op,
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
AIMC_ALL_FN aimem_result aimi_pool_budget_sweep(aimem_budget *b, aimi_pool_op *op, aimi_pool_gap *gap,
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
AIMC_ALL_FN aimem_result aimi_pool_budget_relieve(aimem_budget *b, aimi_pool_op *op,
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
        aimc_all_thread_yield();
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

AIMC_ALL_FN void aimi_pool_budget_tell_shortage(const aimi_pool_tree *t,
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
AIMC_ALL_FN aimem_result aimi_pool_budget_insist(aimem_budget *b, aimi_pool_op *op, aimi_pool_gap *gap,
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

AIMC_ALL_FN void aimi_pool_budget_reap(aimi_pool_tree *t); /* budget_life.h */

/* Ends a pass; the last one frees what was destroyed meanwhile, the tree included. */
AIMC_ALL_FN void aimi_pool_budget_end_pass(aimi_pool_tree *t, const aimi_pool_pass *pass) {
    bool reap;
    aimi_pool_budget_lock(t);
    aimi_pool_budget_leave(t, pass);
    reap = t->doomed && t->passes == NULL;
    aimi_pool_budget_unlock(t);
    if (reap) aimi_pool_budget_reap(t);
}

/* The whole of it. b may be gone afterwards, when the result is CANCELLED. */
AIMC_ALL_FN aimem_result aimi_pool_budget_request(aimem_budget *b, aimi_pool_op *op) {
    aimi_pool_tree *t = b->tree;
    aimi_pool_gap gap;
    aimi_pool_pass pass;
    aimem_result result;
    bool quiet;
    result = aimi_pool_budget_attempt(b, op, &gap);
    if (AIMC_ALL_LIKELY(result == AIMEM_OK)) return AIMEM_OK;
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
AIMC_ALL_FN aimi_pool_reclaimer *aimi_pool_budget_known(const aimi_pool_tree *t,
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
    r = (aimi_pool_reclaimer *)aimc_all_alloc_zeroed(&t->allocator, sizeof *r, AIMI_POOL_BUDGET_ALIGN);
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
    if (doomed) aimc_all_free(&t->allocator, r, sizeof *r, AIMI_POOL_BUDGET_ALIGN);
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
        if (t->locked && r->thread != aimc_all_thread_id()) {
            result = AIMEM_ERR_BUSY;
        } else {
            r->dead = true;
        }
        r = NULL;
    }
    aimi_pool_budget_unlock(t);
    aimc_all_free(&t->allocator, r, sizeof *r, AIMI_POOL_BUDGET_ALIGN);
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

/* end pool/budget_reclaim.h */

/* begin pool/budget_level.h */
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

/* The level of so many bytes used, coming from level now. */
AIMC_ALL_FN uint32_t aimi_pool_budget_level_of(const aimi_pool_tree *t, const aimi_pool_account *a,
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
AIMC_ALL_FN bool aimi_pool_budget_default(uint32_t level, uint32_t index, aimem_budget_action *out) {
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
AIMC_ALL_FN bool aimi_pool_budget_action(const aimem_budget *b, uint32_t level, uint32_t index,
                                     aimem_budget_action *out) {
    const aimem_budget *n = b;
    while (n != NULL && !n->lists[level].bound) n = n->parent;
    if (n == NULL) return aimi_pool_budget_default(level, index, out);
    if (index >= n->lists[level].count) return false;
    *out = n->lists[level].actions[index];
    return true;
}

AIMC_ALL_FN bool aimi_pool_budget_action_ok(const aimem_budget_action *action) {
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
        fresh.actions = (aimem_budget_action *)aimc_all_alloc(&t->allocator, count * sizeof *actions,
                                                          AIMI_POOL_BUDGET_ALIGN);
        if (fresh.actions == NULL) return AIMEM_ERR_NOMEM;
        memcpy(fresh.actions, actions, count * sizeof *actions);
    }
    aimi_pool_budget_lock(t);
    old = budget->lists[level];
    budget->lists[level] = fresh;
    aimi_pool_budget_unlock(t);
    aimc_all_free(&t->allocator, old.actions, old.count * sizeof *actions, AIMI_POOL_BUDGET_ALIGN);
    return AIMEM_OK;
}

/* ---- runs ---- */

/* The time that a tick has. */
typedef struct aimi_pool_deadline {
    uint64_t begin_ns, budget_ns; /* 0: no limit */
    uint32_t calls;               /* the first is always made, so that every tick gets on */
} aimi_pool_deadline;

AIMC_ALL_FN bool aimi_pool_budget_late(const aimi_pool_tree *t, const aimi_pool_deadline *d) {
    uint64_t now;
    if (d->budget_ns == 0 || d->calls == 0) return false;
    now = aimi_pool_budget_now(t);
    return now > d->begin_ns && now - d->begin_ns >= d->budget_ns;
}

/* Begins the next action of the run; false when there is none, and the run ends. */
AIMC_ALL_FN bool aimi_pool_budget_run_begin(aimem_budget *b) {
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
AIMC_ALL_FN uint64_t aimi_pool_budget_wanted(const aimem_budget *b, uint32_t kind) {
    const aimi_pool_tree *t = b->tree;
    uint64_t goal;
    if (kind != AIMEM_BUDGET_EMERGENCY) return UINT64_MAX;
    goal = aimi_pool_budget_part(b->account.limit, t->goal);
    return b->account.used > goal ? b->account.used - goal : 0;
}

/* One callback of the action that has begun; false when the action is done. */
AIMC_ALL_FN bool aimi_pool_budget_run_step(aimem_budget *b, aimi_pool_deadline *d) {
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
AIMC_ALL_FN void aimi_pool_budget_run_end(aimem_budget *b) {
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
AIMC_ALL_FN void aimi_pool_budget_run_drop(aimem_budget *b) {
    aimi_pool_run *run = &b->run;
    if (!run->active || run->begun || run->next != 0) return;
    aimi_pool_budget_lock(b->tree);
    run->active = aimi_pool_budget_level_of(b->tree, &b->account, run->level) >= run->level;
    aimi_pool_budget_unlock(b->tree);
}

/* Runs what is left of b's run; AIMEM_PENDING when the time is over before its end. */
AIMC_ALL_FN aimem_result aimi_pool_budget_run(aimem_budget *b, aimi_pool_deadline *d) {
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
AIMC_ALL_FN const char *aimi_pool_budget_level_name(uint32_t level) {
    switch (level) {
    case AIMEM_BUDGET_NONE: return "none";
    case AIMEM_BUDGET_LOW: return "low";
    case AIMEM_BUDGET_MEDIUM: return "medium";
    case AIMEM_BUDGET_HIGH: return "high";
    default: return "critical";
    }
}

AIMC_ALL_FN void aimi_pool_budget_tell_level(const aimem_budget *b, uint32_t level) {
    aimi_pool_text text;
    if (b->tree->logger.log_fn == NULL) return;
    aimi_pool_text_begin(&text, b->account.name);
    aimi_pool_text_add(&text, "memory level ");
    aimi_pool_text_add(&text, aimi_pool_budget_level_name(level));
    aimi_pool_text_send(&text, &b->tree->logger, 1, AIMEM_ERR_LIMIT);
}

/* Whether a level that was not left is to run its actions again. */
AIMC_ALL_FN bool aimi_pool_budget_due(const aimem_budget *b) {
    uint64_t repeat_ns = b->tree->repeat_ns;
    return b->level != AIMEM_BUDGET_NONE && !b->run.active && repeat_ns != UINT64_MAX &&
           b->lasted_ns >= repeat_ns;
}

/* The new level of b; begins its run when the level rose or has lasted long enough. A run that has
   begun is left when a higher level begins its own, and else goes to its end. */
AIMC_ALL_FN void aimi_pool_budget_watch(aimem_budget *b, uint64_t now_ns) {
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
AIMC_ALL_FN aimem_budget *aimi_pool_budget_next_live(aimem_budget *n, aimem_budget *top) {
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

/* end pool/budget_level.h */

/* begin pool/budget_life.h */
/* pool/budget_life.h: budgets are made and end here.
 *
 *   root and tree, one piece of memory:   [ aimem_budget | aimi_pool_tree | records ... ]
 *
 * Destroying cuts a subtree off: what it holds is taken back above it, its reclaimers are
 * unregistered, its nodes are freed. While a pass runs, the subtree is marked and stays; the last
 * pass to end comes back to it (budget_tree.h).
 */

/* ---- how much ---- */

/* For a machine with total bytes and a container with limit bytes; 0: not known, none. */
AIMC_ALL_FN uint64_t aimi_pool_budget_recommend(uint64_t total, uint64_t limit) {
    const uint64_t most = (uint64_t)8 << 30;
    if (limit != 0 && (total == 0 || limit < total)) total = limit;
    total = total / 5 * 4;
    return total < most ? total : most;
}

AIMEM_POOL_API uint64_t aimem_budget_recommended(void) {
    aimc_all_ram ram;
    aimc_all_ram_info(NULL, &ram);
    return aimi_pool_budget_recommend(ram.total, ram.limit);
}

/* The limit that desc or the caller of set_limit means; 0: not to be found out. */
AIMC_ALL_FN uint64_t aimi_pool_budget_limit(uint64_t limit, bool root) {
    if (limit != 0) return limit;
    return root ? aimem_budget_recommended() : AIMEM_BUDGET_UNLIMITED;
}

/* ---- tags ---- */

/* The tag of this name, new where there is none; NULL: no memory. The lock is free. */
AIMC_ALL_FN aimi_pool_tag *aimi_pool_budget_make_tag(aimi_pool_tree *t, const char *name) {
    aimi_pool_tag *tag, *fresh;
    aimi_pool_budget_lock(t);
    tag = aimi_pool_budget_tag(t, name);
    aimi_pool_budget_unlock(t);
    if (tag != NULL) return tag;
    fresh = (aimi_pool_tag *)aimc_all_alloc_zeroed(&t->allocator, sizeof *fresh,
                                               AIMI_POOL_BUDGET_ALIGN);
    if (fresh == NULL) return NULL;
    aimi_pool_budget_copy_name(fresh->account.name, name, "");
    fresh->account.limit = AIMEM_BUDGET_UNLIMITED;
    aimi_pool_budget_lock(t);
    tag = aimi_pool_budget_tag(t, name); /* another thread may have come first */
    if (tag == NULL) {
        tag = fresh;
        fresh = NULL;
        tag->next = t->tags;
        t->tags = tag;
    }
    aimi_pool_budget_unlock(t);
    aimc_all_free(&t->allocator, fresh, sizeof *fresh, AIMI_POOL_BUDGET_ALIGN);
    return tag;
}

/* ---- create ---- */

/* Whether a desc with a parent leaves everything alone that is for the whole tree. */
AIMC_ALL_FN bool aimi_pool_budget_plain(const aimem_budget_desc *d) {
    return !d->locked && d->levels[0] == 0 && d->levels[1] == 0 && d->levels[2] == 0 &&
           d->levels[3] == 0 && d->hysteresis == 0 && d->emergency_goal == 0 && d->history == 0 &&
           d->retries == 0 && d->repeat_ns == 0 && d->level_fn == NULL &&
           d->out_of_memory_fn == NULL && d->shutdown_fn == NULL && d->user_data == NULL &&
           d->clock.now_fn == NULL && d->logger.log_fn == NULL;
}

/* Levels of desc, or the defaults for those that are 0; false when they make no sense. */
AIMC_ALL_FN bool aimi_pool_budget_marks(const aimem_budget_desc *d, aimi_pool_tree *t) {
    static const uint32_t usual[] = {0, 700, 800, 900, 950};
    uint32_t i;
    for (i = 1; i < AIMEM_BUDGET_LEVELS; i++) {
        t->marks[i] = d->levels[i - 1] != 0 ? d->levels[i - 1] : usual[i];
        if (t->marks[i] > 1000 || t->marks[i] <= t->marks[i - 1]) return false;
    }
    t->hysteresis = d->hysteresis != 0 ? d->hysteresis : 50;
    if (d->hysteresis == 0 && t->hysteresis >= t->marks[1]) t->hysteresis = t->marks[1] - 1;
    t->goal = d->emergency_goal != 0 ? d->emergency_goal : t->marks[AIMEM_BUDGET_MEDIUM];
    return t->hysteresis < t->marks[1] && t->goal <= 1000;
}

AIMC_ALL_FN void aimi_pool_budget_set_tree(aimi_pool_tree *t, const aimem_budget_desc *d) {
    t->retries = d->retries != 0 ? d->retries : 16;
    t->repeat_ns = d->repeat_ns != 0 ? d->repeat_ns : (uint64_t)10 * 1000000000u;
    t->level_fn = d->level_fn;
    t->out_of_memory_fn = d->out_of_memory_fn;
    t->shutdown_fn = d->shutdown_fn;
    t->user_data = d->user_data;
    t->clock = d->clock;
    t->logger = d->logger;
    /* Trees begin at different numbers, so that a reclaimer of one is none of another. */
    t->next_id = (((uint64_t)(uintptr_t)t * 0x9E3779B97F4A7C15u) >> 34 | 1) << 32 | 1;
}

AIMC_ALL_FN void aimi_pool_budget_set_node(aimem_budget *b, const aimem_budget_desc *d,
                                       uint64_t limit) {
    aimi_pool_budget_copy_name(b->account.name, d->name, "budget");
    b->account.limit = limit;
    b->account.soft = d->soft_limit;
    b->reserve = d->reserve;
}

AIMC_ALL_FN size_t aimi_pool_budget_root_size(size_t records) {
    return sizeof(aimem_budget) + sizeof(aimi_pool_tree) + records * sizeof(aimem_budget_record);
}

/* The memory of a root, and all that hangs on a tree without nodes. */
AIMC_ALL_FN void aimi_pool_budget_free_tree(aimem_budget *root) {
    aimi_pool_tree *t = root->tree;
    aimem_allocator allocator = t->allocator;
    size_t size = aimi_pool_budget_root_size(t->record_cap);
    while (t->tags != NULL) {
        aimi_pool_tag *tag = t->tags;
        t->tags = tag->next;
        aimc_all_free(&allocator, tag, sizeof *tag, AIMI_POOL_BUDGET_ALIGN);
    }
    if (t->locked) aimc_all_mutex_deinit(&t->lock);
    aimc_all_free(&allocator, root, size, AIMI_POOL_BUDGET_ALIGN);
}

AIMC_ALL_FN aimem_result aimi_pool_budget_create_root(const aimem_budget_desc *d, aimem_budget **out) {
    aimem_allocator allocator;
    aimi_pool_tree marks, *t;
    aimem_budget *b;
    size_t records = d->history == 0 ? 100 : d->history == UINT32_MAX ? 0 : d->history;
    uint64_t limit = aimi_pool_budget_limit(d->limit, true);
    memset(&marks, 0, sizeof marks);
    if (!aimi_pool_budget_marks(d, &marks)) return AIMEM_ERR_INVALID;
    if (!aimc_all_allocator_or_default(&d->allocator, &allocator)) return AIMEM_ERR_INVALID;
    if (limit == 0) return AIMEM_ERR_UNSUPPORTED;
    if (d->reserve > limit) return AIMEM_ERR_INVALID;
#if !defined(AIMC_ALL_THREADS)
    if (d->locked) return AIMEM_ERR_UNSUPPORTED;
#endif
    if (records > (size_t)PTRDIFF_MAX / 2 / sizeof(aimem_budget_record)) return AIMEM_ERR_NOMEM;
    b = (aimem_budget *)aimc_all_alloc_zeroed(&allocator, aimi_pool_budget_root_size(records),
                                          AIMI_POOL_BUDGET_ALIGN);
    if (b == NULL) return AIMEM_ERR_NOMEM;
    t = (aimi_pool_tree *)(void *)(b + 1);
    *t = marks;
    t->records = (aimem_budget_record *)(void *)(t + 1);
    t->record_cap = records;
    t->root = b;
    t->allocator = b->allocator = allocator;
    aimi_pool_budget_set_tree(t, d);
    aimi_pool_budget_set_node(b, d, limit);
    b->tree = t;
    if (d->locked && !aimc_all_mutex_init(&t->lock)) {
        aimi_pool_budget_free_tree(b);
        return AIMEM_ERR_NOMEM;
    }
    t->locked = d->locked;
    if (d->tag != NULL) {
        b->tag = aimi_pool_budget_make_tag(t, d->tag);
        if (b->tag == NULL) {
            aimi_pool_budget_free_tree(b);
            return AIMEM_ERR_NOMEM;
        }
    }
    *out = b;
    return AIMEM_OK;
}

/* Charges the reserve of a new child above it, and hangs it into the tree. */
AIMC_ALL_FN aimem_result aimi_pool_budget_join(aimem_budget *b, aimem_budget *parent) {
    aimi_pool_tree *t = b->tree;
    aimem_result result;
    aimi_pool_op op;
    memset(&op, 0, sizeof op);
    op.bytes = b->reserve;
    op.counted = true;
    result = aimi_pool_budget_request(parent, &op);
    if (result != AIMEM_OK) return result;
    aimi_pool_budget_lock(t);
    if (parent->doomed) {
        aimi_pool_budget_give(parent, b->reserve, false);
        result = AIMEM_ERR_CANCELLED;
    } else {
        b->parent = parent;
        b->sibling = parent->child;
        parent->child = b;
    }
    aimi_pool_budget_unlock(t);
    return result;
}

AIMC_ALL_FN aimem_result aimi_pool_budget_create_child(const aimem_budget_desc *d, aimem_budget **out) {
    aimem_budget *parent = d->parent, *b;
    aimi_pool_tree *t = parent->tree;
    uint64_t limit = aimi_pool_budget_limit(d->limit, false);
    aimem_allocator meta = t->allocator;
    aimem_result result;
    if (!aimi_pool_budget_plain(d) || d->reserve > limit) return AIMEM_ERR_INVALID;
    b = (aimem_budget *)aimc_all_alloc_zeroed(&meta, sizeof *b, AIMI_POOL_BUDGET_ALIGN);
    if (b == NULL) return AIMEM_ERR_NOMEM;
    aimi_pool_budget_set_node(b, d, limit);
    b->tree = t;
    b->allocator = d->allocator.realloc_fn != NULL ? d->allocator : parent->allocator;
    b->tag = d->tag != NULL ? aimi_pool_budget_make_tag(t, d->tag) : parent->tag;
    result = d->tag != NULL && b->tag == NULL ? AIMEM_ERR_NOMEM : aimi_pool_budget_join(b, parent);
    if (result != AIMEM_OK) {
        aimc_all_free(&meta, b, sizeof *b, AIMI_POOL_BUDGET_ALIGN);
        return result;
    }
    *out = b;
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_budget_create(const aimem_budget_desc *desc, aimem_budget **out) {
    aimem_budget_desc none;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    memset(&none, 0, sizeof none);
    if (desc == NULL) desc = &none;
    if (desc->canary_zero != 0) return AIMEM_ERR_INVALID;
    return desc->parent == NULL ? aimi_pool_budget_create_root(desc, out) :
                                  aimi_pool_budget_create_child(desc, out);
}

/* ---- destroy ---- */

/* The reclaimer below top with the smallest id above last, its name in name; 0: none. */
AIMC_ALL_FN uint64_t aimi_pool_budget_next_id(const aimem_budget *top, uint64_t last, char *name) {
    aimi_pool_tree *t = top->tree;
    const aimi_pool_reclaimer *r, *best = NULL;
    uint64_t id = 0;
    aimi_pool_budget_lock(t);
    for (r = t->reclaimers; r != NULL; r = r->next) {
        if (r->id <= last || r->dead || !aimi_pool_budget_below(r->budget, top)) continue;
        if (best == NULL || r->id < best->id) best = r;
    }
    if (best != NULL) {
        id = best->id;
        memcpy(name, best->name, sizeof best->name);
    }
    aimi_pool_budget_unlock(t);
    return id;
}

AIMC_ALL_FN void aimi_pool_budget_tell_one(const aimem_budget *b, const char *what, const char *name) {
    aimi_pool_text text;
    aimi_pool_text_begin(&text, b->account.name);
    aimi_pool_text_add(&text, what);
    aimi_pool_text_add(&text, name);
    aimi_pool_text_add(&text, " was open when it was destroyed");
    aimi_pool_text_send(&text, &b->tree->logger, 1, AIMEM_ERR_BUSY);
}

AIMC_ALL_FN void aimi_pool_budget_tell_open(const aimem_budget *top) {
    char name[AIMI_POOL_BUDGET_NAME];
    const aimem_budget *n;
    uint64_t id = 0;
    if (top->tree->logger.log_fn == NULL) return;
    for (n = top; n != NULL; n = aimi_pool_budget_next(n, top)) {
        if (n != top) aimi_pool_budget_tell_one(top, "budget ", n->account.name);
        if (n->own != 0) {
            aimi_pool_text text;
            aimi_pool_text_begin(&text, n->account.name);
            aimi_pool_text_number(&text, n->own, 10);
            aimi_pool_text_add(&text, " bytes were charged when it was destroyed");
            aimi_pool_text_send(&text, &n->tree->logger, 1, AIMEM_ERR_BUSY);
        }
    }
    for (;;) {
        id = aimi_pool_budget_next_id(top, id, name);
        if (id == 0) return;
        aimi_pool_budget_tell_one(top, "reclaimer ", name);
    }
}

/* Takes the subtree out of the tree and out of all counts; its reclaimers go to a list. The lock is
   held, and there is no pass. */
AIMC_ALL_FN aimi_pool_reclaimer *aimi_pool_budget_cut(aimem_budget *top) {
    aimi_pool_tree *t = top->tree;
    aimi_pool_reclaimer **at = &t->reclaimers, *gone = NULL;
    aimem_budget *n, *parent = top->parent;
    while (*at != NULL) {
        aimi_pool_reclaimer *r = *at;
        if (aimi_pool_budget_below(r->budget, top)) {
            *at = r->next;
            r->next = gone;
            gone = r;
        } else {
            at = &r->next;
        }
    }
    for (n = top; n != NULL; n = aimi_pool_budget_next(n, top)) {
        if (n->tag != NULL) n->tag->account.used -= n->own;
    }
    if (parent != NULL) {
        aimem_budget **link = &parent->child;
        uint64_t held = top->account.used > top->reserve ? top->account.used : top->reserve;
        while (*link != top) link = &(*link)->sibling;
        *link = top->sibling;
        aimi_pool_budget_give(parent, held, false);
    }
    return gone;
}

/* Frees what was cut. The lock is free. */
AIMC_ALL_FN void aimi_pool_budget_free_cut(aimem_budget *top, aimi_pool_reclaimer *gone) {
    aimi_pool_tree *t = top->tree;
    aimem_allocator meta = t->allocator;
    aimem_budget *root = t->root, *n = top;
    uint32_t i;
    while (gone != NULL) {
        aimi_pool_reclaimer *r = gone;
        gone = r->next;
        aimc_all_free(&meta, r, sizeof *r, AIMI_POOL_BUDGET_ALIGN);
    }
    for (;;) { /* the deepest first child, again and again */
        aimem_budget *parent;
        while (n->child != NULL) n = n->child;
        parent = n == top ? NULL : n->parent;
        if (parent != NULL) parent->child = n->sibling;
        for (i = 0; i < AIMEM_BUDGET_LEVELS; i++) {
            aimc_all_free(&meta, n->lists[i].actions, n->lists[i].count * sizeof(aimem_budget_action),
                      AIMI_POOL_BUDGET_ALIGN);
        }
        if (n == root) {
            aimi_pool_budget_free_tree(n);
        } else {
            aimc_all_free(&meta, n, sizeof *n, AIMI_POOL_BUDGET_ALIGN);
        }
        if (parent == NULL) return;
        n = parent;
    }
}

/* Frees every subtree that was destroyed during the passes. */
AIMC_ALL_FN void aimi_pool_budget_reap(aimi_pool_tree *t) {
    bool root;
    do {
        aimi_pool_reclaimer *gone = NULL;
        aimem_budget *n;
        aimi_pool_budget_lock(t);
        n = t->passes == NULL ? t->root : NULL;
        while (n != NULL && !n->doomed) n = aimi_pool_budget_next(n, t->root);
        root = n == t->root;
        if (n != NULL) gone = aimi_pool_budget_cut(n);
        if (n == NULL && t->passes == NULL) t->doomed = false;
        aimi_pool_budget_unlock(t);
        if (n == NULL) return;
        aimi_pool_budget_free_cut(n, gone);
    } while (!root);
}

AIMEM_POOL_API void aimem_budget_destroy(aimem_budget *budget) {
    aimi_pool_tree *t;
    aimi_pool_reclaimer *gone = NULL;
    aimem_budget *n;
    bool later;
    if (budget == NULL) return;
    t = budget->tree;
    aimi_pool_budget_tell_open(budget);
    aimi_pool_budget_lock(t);
    later = t->passes != NULL;
    if (later) {
        for (n = budget; n != NULL; n = aimi_pool_budget_next(n, budget)) n->doomed = true;
        t->doomed = true;
    } else {
        gone = aimi_pool_budget_cut(budget);
    }
    aimi_pool_budget_unlock(t);
    if (!later) aimi_pool_budget_free_cut(budget, gone);
}

/* end pool/budget_life.h */

/* begin pool/budget.h */
/* pool/budget.h: counting and memory through budgets, limits, and what they tell.
 *
 * Memory grows in this order: charge, call the allocator, take the charge back when it has nothing;
 * and shrinks in the opposite one. So what the allocators hold is never more than what is charged.
 */

/* ---- charge and uncharge ---- */

AIMEM_POOL_API aimem_result aimem_budget_charge(aimem_budget *budget, uint64_t bytes,
                                                uint32_t flags) {
    aimi_pool_op op;
    if (budget == NULL || (flags & ~(uint32_t)AIMI_POOL_BUDGET_FLAGS) != 0) {
        return AIMEM_ERR_INVALID;
    }
    memset(&op, 0, sizeof op);
    op.bytes = bytes;
    op.flags = flags;
    op.own = true;
    return aimi_pool_budget_request(budget, &op);
}

AIMEM_POOL_API aimem_result aimem_budget_uncharge(aimem_budget *budget, uint64_t bytes) {
    aimi_pool_tree *t;
    bool ok;
    if (budget == NULL) return AIMEM_ERR_INVALID;
    t = budget->tree;
    aimi_pool_budget_lock(t);
    ok = bytes <= budget->own;
    if (ok) aimi_pool_budget_give(budget, bytes, true);
    aimi_pool_budget_unlock(t);
    if (!ok && t->logger.log_fn != NULL) {
        aimi_pool_text text;
        aimi_pool_text_begin(&text, budget->account.name);
        aimi_pool_text_add(&text, "uncharge of ");
        aimi_pool_text_number(&text, bytes, 10);
        aimi_pool_text_add(&text, " bytes refused: more than is charged");
        aimi_pool_text_send(&text, &t->logger, 0, AIMEM_ERR_RANGE);
    }
    return ok ? AIMEM_OK : AIMEM_ERR_RANGE;
}

/* ---- memory ---- */

/* The allocator hook's contract, with flags and a result. */
AIMC_ALL_FN aimem_result aimi_pool_budget_memory(aimem_budget *b, void **ptr, size_t old_size,
                                             size_t new_size, size_t align, uint32_t flags) {
    const aimem_allocator *a = &b->allocator;
    aimem_result result;
    aimi_pool_op op;
    if (new_size > old_size) {
        memset(&op, 0, sizeof op);
        op.bytes = new_size - old_size;
        op.flags = flags;
        op.own = op.memory = true;
        op.ptr = *ptr;
        op.old_size = old_size;
        op.new_size = new_size;
        op.align = align;
        result = aimi_pool_budget_request(b, &op);
        if (result == AIMEM_OK) *ptr = op.result;
        return result;
    }
    if (*ptr == NULL) return AIMEM_OK;
    op.result = a->realloc_fn(a->user_data, *ptr, old_size, new_size, align);
    if (new_size != 0 && op.result == NULL) return AIMEM_ERR_NOMEM;
    *ptr = op.result;
    (void)aimem_budget_uncharge(b, old_size - new_size);
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_budget_resize(aimem_budget *budget, void **ptr, size_t old_size,
                                                size_t new_size, size_t align, uint32_t flags) {
    if (align == 0) align = 16;
    if (budget == NULL || ptr == NULL || new_size == 0 || !aimc_all_is_pow2(align) ||
        (flags & ~(uint32_t)AIMI_POOL_BUDGET_FLAGS) != 0 || (*ptr == NULL) != (old_size == 0)) {
        return AIMEM_ERR_INVALID;
    }
    return aimi_pool_budget_memory(budget, ptr, old_size, new_size, align, flags);
}

AIMEM_POOL_API aimem_result aimem_budget_alloc(aimem_budget *budget, size_t size, size_t align,
                                               uint32_t flags, void **out) {
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    return aimem_budget_resize(budget, out, 0, size, align, flags);
}

AIMEM_POOL_API void aimem_budget_free(aimem_budget *budget, void *ptr, size_t size, size_t align) {
    if (budget == NULL || ptr == NULL) return;
    (void)aimi_pool_budget_memory(budget, &ptr, size, 0, align == 0 ? 16 : align, 0);
}

AIMC_ALL_FN void *aimi_pool_budget_realloc(void *user_data, void *ptr, size_t old_size,
                                       size_t new_size, size_t align) {
    aimem_result result = aimi_pool_budget_memory((aimem_budget *)user_data, &ptr, old_size,
                                                  new_size, align, 0);
    return result == AIMEM_OK ? ptr : NULL;
}

AIMEM_POOL_API aimem_allocator aimem_budget_allocator(aimem_budget *budget) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_budget_realloc;
    hook.user_data = budget;
    return hook;
}

AIMEM_POOL_API uint64_t aimem_budget_reclaim_pool(void *pool, aimem_budget_request *request) {
    (void)request;
    return aimem_pool_trim((aimem_pool *)pool);
}

AIMEM_POOL_API uint64_t aimem_budget_reclaim_arena(void *arena, aimem_budget_request *request) {
    (void)request;
    return aimem_arena_trim((aimem_arena *)arena);
}

/* A run of one emergency action, without a level. */
AIMEM_POOL_API uint64_t aimem_budget_reclaim(aimem_budget *budget, uint64_t bytes) {
    aimem_budget_record record;
    aimi_pool_tree *t;
    aimi_pool_gap where;
    aimi_pool_sweep s;
    aimi_pool_pass pass;
    uint64_t freed = 0, now;
    bool inside;
    if (budget == NULL || bytes == 0) return 0;
    t = budget->tree;
    now = aimi_pool_budget_now(t);
    memset(&where, 0, sizeof where);
    where.node = budget;
    aimi_pool_budget_lock(t);
    inside = aimi_pool_budget_inside(t);
    if (!inside) {
        aimi_pool_budget_enter(t, &pass);
        aimi_pool_budget_sweep_begin(t, &s, AIMEM_BUDGET_CACHE, AIMEM_BUDGET_COLLECTOR, 3);
        s.why = AIMEM_BUDGET_EMERGENCY;
        s.level = budget->level;
        aimi_pool_budget_record_begin(&record, now, &budget->account, budget->level,
                                      AIMEM_BUDGET_EMERGENCY);
    }
    aimi_pool_budget_unlock(t);
    if (inside) return 0;
    while (freed < bytes) {
        if (!aimi_pool_budget_step(t, &s, &where, NULL,
                                   bytes == UINT64_MAX ? bytes : bytes - freed)) {
            break;
        }
        aimi_pool_budget_lock(t);
        record.after = budget->account.used;
        freed = record.before > record.after ? record.before - record.after : 0;
        aimi_pool_budget_unlock(t);
    }
    aimi_pool_budget_record_time(t, &record, record.at_ns);
    aimi_pool_budget_lock(t);
    record.after = budget->account.used;
    record.asked = s.asked;
    record.success = freed != 0;
    aimi_pool_budget_record(t, &record);
    aimi_pool_budget_unlock(t);
    aimi_pool_budget_end_pass(t, &pass);
    return freed;
}

/* ---- limits and flags ---- */

AIMEM_POOL_API aimem_result aimem_budget_set_flags(aimem_budget *budget, uint32_t flags) {
    if (budget == NULL || (flags & ~(uint32_t)AIMI_POOL_BUDGET_FLAGS) != 0) {
        return AIMEM_ERR_INVALID;
    }
    aimi_pool_budget_lock(budget->tree);
    budget->flags = flags;
    aimi_pool_budget_unlock(budget->tree);
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_budget_set_limit(aimem_budget *budget, uint64_t limit) {
    aimem_result result = AIMEM_OK;
    if (budget == NULL) return AIMEM_ERR_INVALID;
    limit = aimi_pool_budget_limit(limit, budget == budget->tree->root);
    if (limit == 0) return AIMEM_ERR_UNSUPPORTED;
    aimi_pool_budget_lock(budget->tree);
    if (limit < budget->reserve) {
        result = AIMEM_ERR_INVALID;
    } else {
        budget->account.limit = limit;
    }
    aimi_pool_budget_unlock(budget->tree);
    return result;
}

AIMEM_POOL_API void aimem_budget_set_soft_limit(aimem_budget *budget, uint64_t soft_limit) {
    if (budget == NULL) return;
    aimi_pool_budget_lock(budget->tree);
    budget->account.soft = soft_limit;
    aimi_pool_budget_unlock(budget->tree);
}

AIMEM_POOL_API aimem_result aimem_budget_set_tag_limit(aimem_budget *budget, const char *tag,
                                                       uint64_t limit) {
    aimi_pool_tag *known;
    if (budget == NULL || tag == NULL) return AIMEM_ERR_INVALID;
    known = aimi_pool_budget_make_tag(budget->tree, tag);
    if (known == NULL) return AIMEM_ERR_NOMEM;
    aimi_pool_budget_lock(budget->tree);
    known->account.limit = limit != 0 ? limit : AIMEM_BUDGET_UNLIMITED;
    aimi_pool_budget_unlock(budget->tree);
    return AIMEM_OK;
}

/* ---- what is there ---- */

AIMC_ALL_FN void aimi_pool_budget_info_account(const aimi_pool_tree *t, const aimi_pool_account *a,
                                           aimem_budget_info *out) {
    out->name = a->name;
    out->limit = out->own_limit = a->limit;
    out->soft_limit = aimi_pool_budget_soft(t, a);
    out->allocated = a->used;
    out->peak = a->peak;
    out->available = a->used < a->limit ? a->limit - a->used : 0;
    if (a->limit != AIMEM_BUDGET_UNLIMITED) out->utilisation = (float)a->used / (float)a->limit;
}

AIMEM_POOL_API void aimem_budget_stats(const aimem_budget *budget, aimem_budget_info *out) {
    aimi_pool_tree *t = budget->tree;
    const aimi_pool_reclaimer *r;
    const aimem_budget *n;
    memset(out, 0, sizeof *out);
    aimi_pool_budget_lock(t);
    aimi_pool_budget_info_account(t, &budget->account, out);
    out->tag = budget->tag != NULL ? budget->tag->account.name : NULL;
    out->available = aimi_pool_budget_available(budget);
    out->own = budget->own;
    out->reserve = budget->reserve;
    out->requests = budget->requests;
    out->refused = budget->refused;
    out->relieved = budget->relieved;
    out->given_up = budget->given_up;
    for (n = budget; n != NULL; n = n->parent) {
        if (n->account.limit < out->limit) out->limit = n->account.limit;
        if (n->level > out->level) out->level = n->level;
    }
    for (n = budget->child; n != NULL; n = n->sibling) out->children++;
    for (r = t->reclaimers; r != NULL; r = r->next) {
        if (r->budget == budget && !r->dead) out->reclaimers++;
    }
    aimi_pool_budget_unlock(t);
}

AIMEM_POOL_API aimem_result aimem_budget_tag_stats(const aimem_budget *budget, const char *tag,
                                                   aimem_budget_info *out) {
    const aimi_pool_tag *known = NULL;
    if (out == NULL) return AIMEM_ERR_INVALID;
    memset(out, 0, sizeof *out);
    if (budget == NULL || tag == NULL) return AIMEM_ERR_INVALID;
    aimi_pool_budget_lock(budget->tree);
    known = aimi_pool_budget_tag(budget->tree, tag);
    if (known != NULL) aimi_pool_budget_info_account(budget->tree, &known->account, out);
    aimi_pool_budget_unlock(budget->tree);
    if (known == NULL) return AIMEM_ERR_NOT_FOUND;
    out->tag = out->name;
    return AIMEM_OK;
}

AIMEM_POOL_API void aimem_budget_reset_peak(aimem_budget *budget) {
    if (budget == NULL) return;
    aimi_pool_budget_lock(budget->tree);
    budget->account.peak = budget->account.used;
    aimi_pool_budget_unlock(budget->tree);
}

AIMEM_POOL_API aimem_budget *aimem_budget_find(aimem_budget *from, const char *path) {
    aimem_budget *n = from;
    if (from == NULL || path == NULL) return NULL;
    aimi_pool_budget_lock(from->tree);
    while (n != NULL && *path != '\0') {
        char name[AIMI_POOL_BUDGET_NAME];
        size_t size = 0;
        while (path[size] != '\0' && path[size] != '/') size++;
        memset(name, 0, sizeof name);
        memcpy(name, path, aimc_all_min_size(size, sizeof name - 1));
        path += size + (path[size] == '/' ? 1 : 0);
        n = n->child;
        while (n != NULL && (n->doomed || strcmp(n->account.name, name) != 0)) n = n->sibling;
    }
    aimi_pool_budget_unlock(from->tree);
    return n;
}

AIMEM_POOL_API void aimem_budget_walk(const aimem_budget *budget,
                                      bool (*walk_fn)(void *user_data, uint32_t depth,
                                                      const aimem_budget_info *info),
                                      void *user_data) {
    const aimem_budget *n, *up;
    for (n = budget; n != NULL; n = aimi_pool_budget_next(n, budget)) {
        aimem_budget_info info;
        uint32_t depth = 0;
        for (up = n; up != budget; up = up->parent) depth++;
        aimem_budget_stats(n, &info);
        if (!walk_fn(user_data, depth, &info)) return;
    }
}

AIMEM_POOL_API size_t aimem_budget_history(const aimem_budget *budget, aimem_budget_record *out,
                                           size_t cap) {
    aimi_pool_tree *t = budget->tree;
    size_t i, n;
    aimi_pool_budget_lock(t);
    n = aimc_all_min_size(cap, t->record_count);
    for (i = 0; i < n; i++) {
        out[i] = t->records[(t->record_next + t->record_cap - 1 - i) % t->record_cap];
    }
    aimi_pool_budget_unlock(t);
    return n;
}

/* end pool/budget.h */
#endif
#if !defined(AIMEM_POOL_NO_PLAN)
/* begin pool/plan_solve.h */
/* pool/plan_solve.h: offsets for pieces whose lifetimes are known.
 *
 * An attempt takes the pieces in some order. Each goes into a gap between those already placed that
 * live at some same time, or above them all. Those are found by a tree over the pieces in the order
 * of their first steps: a node holds, of the placed pieces below it, the greatest last step plus 1,
 * so whole subtrees that ended before are skipped.
 *
 *   tree [1 | 2 3 | 4 5 6 7 | ...leaves...]   leaf i: last + 1 of the i-th piece by first; 0: not
 *                                             placed yet. Children of node k: 2 k and 2 k + 1
 *
 * Invariant: pieces that live at the same time and are placed never overlap; what changes from
 * attempt to attempt is only how much room they take. Greedy by size and by breadth: Pisarchyk and
 * Lee, "Efficient memory management for deep neural net inference", 2020. Here the two are the ends
 * of one family, with the length of life as a third direction:
 *
 *   size * (busiest step of the life)^a * life^b * noise,  the greatest first
 *
 * On random lives no single order is good: from one order to the next the room above the bound
 * varies between 0 and 12 %, so many are tried. Logarithms are integers: the same plan everywhere.
 */

/* Something to be sorted: by key, rising. */
typedef struct aimi_pool_key {
    uint64_t key;
    uint32_t piece;
    uint32_t spare;
} aimi_pool_key;

typedef struct aimi_pool_solve {
    const aimem_plan_piece *pieces;
    uint32_t count, leaves;  /* leaves: count or more, a power of two */
    uint32_t attempts;
    uint64_t end;            /* the last step that anything but the end of time names */
    uint64_t bound;          /* the most bytes alive at once */
    uint64_t most;           /* an attempt that needs this much or more is given up */
    uint64_t *tree;          /* 2 * leaves */
    uint64_t *breadth;       /* the busiest step of each piece's life, in bytes */
    uint64_t *offset, *best; /* of the attempt, and of the best one */
    uint32_t *by_first;      /* pieces by first step */
    uint32_t *rank;          /* where in by_first a piece is */
    aimi_pool_key *order;    /* of the attempt */
    aimi_pool_key *found, *scratch;
} aimi_pool_solve;

/* ---- sorting ---- */

AIMC_ALL_FN void aimi_pool_key_insert(aimi_pool_key *keys, size_t count) {
    size_t i, j;
    for (i = 1; i < count; i++) {
        aimi_pool_key k = keys[i];
        for (j = i; j > 0 && keys[j - 1].key > k.key; j--) keys[j] = keys[j - 1];
        keys[j] = k;
    }
}

/* A stable merge sort by key from runs of 16; scratch is as large as keys. */
AIMC_ALL_FN void aimi_pool_key_sort(aimi_pool_key *keys, size_t count, aimi_pool_key *scratch) {
    aimi_pool_key *from = keys, *to = scratch, *swap;
    size_t at, width;
    for (at = 0; at < count; at += 16) {
        aimi_pool_key_insert(keys + at, aimc_all_min_size(16, count - at));
    }
    for (width = 16; width < count; width *= 2) {
        for (at = 0; at < count; at += 2 * width) {
            size_t a = at, middle = aimc_all_min_size(at + width, count), b = middle, out = at;
            size_t end = aimc_all_min_size(at + 2 * width, count);
            while (a < middle && b < end) to[out++] = from[from[b].key < from[a].key ? b++ : a++];
            while (a < middle) to[out++] = from[a++];
            while (b < end) to[out++] = from[b++];
        }
        swap = from;
        from = to;
        to = swap;
    }
    if (from != keys && count != 0) memcpy(keys, from, count * sizeof *keys);
}

/* ---- the tree ---- */

AIMC_ALL_FN void aimi_pool_solve_set(aimi_pool_solve *s, uint32_t leaf, uint64_t value) {
    uint32_t node = leaf + s->leaves;
    while (node != 0 && s->tree[node] < value) {
        s->tree[node] = value;
        node /= 2;
    }
}

AIMC_ALL_INLINE uint64_t aimi_pool_solve_last(const aimem_plan_piece *p) {
    return p->last < AIMEM_PLAN_END ? p->last : AIMEM_PLAN_END - 1;
}

/* How many pieces begin at step or before. */
AIMC_ALL_FN uint32_t aimi_pool_solve_begun(const aimi_pool_solve *s, uint64_t step) {
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->pieces[s->by_first[middle]].first <= step) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Fills found with the placed pieces that live at some step of p's life; returns how many. */
AIMC_ALL_FN uint32_t aimi_pool_solve_near(aimi_pool_solve *s, const aimem_plan_piece *p) {
    uint32_t begun = aimi_pool_solve_begun(s, p->last), count = 0, top = 0;
    uint32_t depth = aimc_all_log2_u64(s->leaves);
    uint32_t stack[34]; /* at most one node waits on each level, and the last two */
    stack[top++] = 1;
    while (top != 0) {
        uint32_t node = stack[--top], left;
        if (s->tree[node] <= p->first) continue;
        left = (node << (depth - aimc_all_log2_u64(node))) - s->leaves;
        if (left >= begun) continue;
        if (node >= s->leaves) {
            uint32_t piece = s->by_first[left];
            s->found[count].key = s->offset[piece];
            s->found[count++].piece = piece;
        } else {
            stack[top++] = 2 * node + 1;
            stack[top++] = 2 * node;
        }
    }
    return count;
}

/* ---- one attempt ---- */

/* The lowest place for p between count pieces sorted by offset. */
AIMC_ALL_FN uint64_t aimi_pool_solve_gap(const aimi_pool_solve *s, const aimem_plan_piece *p,
                                     uint32_t count) {
    uint64_t mask = p->align - 1, at = 0;
    uint32_t i;
    for (i = 0; i < count; i++) {
        uint64_t begin = s->found[i].key, end = begin + s->pieces[s->found[i].piece].size;
        if (at < begin && begin - at >= p->size) break;
        if (end > at) at = (end + mask) & ~mask;
    }
    return at;
}

/* Places all pieces in the order given; if they need less than s->most, that is kept as the best.
   Otherwise stops at the piece that needs as much. */
AIMC_ALL_FN void aimi_pool_solve_try(aimi_pool_solve *s) {
    uint64_t size = 0;
    uint32_t i;
    s->attempts++;
    memset(s->tree, 0, 2 * (size_t)s->leaves * sizeof *s->tree);
    for (i = 0; i < s->count; i++) {
        uint32_t piece = s->order[i].piece;
        const aimem_plan_piece *p = &s->pieces[piece];
        uint32_t count = aimi_pool_solve_near(s, p);
        uint64_t at;
        aimi_pool_key_sort(s->found, count, s->scratch);
        at = aimi_pool_solve_gap(s, p, count);
        s->offset[piece] = at;
        if (at + p->size > size) size = at + p->size;
        if (size >= s->most) return;
        aimi_pool_solve_set(s, s->rank[piece], aimi_pool_solve_last(p) + 1);
    }
    memcpy(s->best, s->offset, s->count * sizeof *s->best);
    s->most = size;
}

/* ---- what is known beforehand ---- */

/* by_first, rank, end, bound and breadth. Bytes alive only rise where a piece begins, so it is
   enough to know them there. */
AIMC_ALL_FN void aimi_pool_solve_prepare(aimi_pool_solve *s) {
    uint32_t i, n = s->count, ended = 0;
    uint64_t alive = 0;
    for (i = 0; i < n; i++) {
        s->order[i].key = s->pieces[i].first;
        s->found[i].key = s->pieces[i].last;
        s->order[i].piece = s->found[i].piece = i;
        if (s->pieces[i].first > s->end) s->end = s->pieces[i].first;
        if (s->pieces[i].last > s->end && s->pieces[i].last != AIMEM_PLAN_END) {
            s->end = s->pieces[i].last;
        }
    }
    aimi_pool_key_sort(s->order, n, s->scratch);
    aimi_pool_key_sort(s->found, n, s->scratch);
    memset(s->tree, 0, 2 * (size_t)s->leaves * sizeof *s->tree);
    for (i = 0; i < n; i++) {
        uint32_t piece = s->order[i].piece;
        s->by_first[i] = piece;
        s->rank[piece] = i;
        while (s->found[ended].key < s->order[i].key) {
            alive -= s->pieces[s->found[ended++].piece].size;
        }
        alive += s->pieces[piece].size;
        aimi_pool_solve_set(s, i, alive);
        if (alive > s->bound) s->bound = alive;
    }
    for (i = 0; i < n; i++) {
        /* The greatest over leaves a to b, which are never none: the piece itself is one. */
        uint32_t a = s->rank[i] + s->leaves;
        uint32_t b = aimi_pool_solve_begun(s, s->pieces[i].last) - 1 + s->leaves;
        uint64_t most = 0;
        for (; a <= b; a /= 2, b /= 2) {
            if (a % 2 == 1 && s->tree[a] > most) most = s->tree[a];
            if (b % 2 == 0 && s->tree[b] > most) most = s->tree[b];
            a += a % 2;
            if (b % 2 == 0) b--;
        }
        s->breadth[i] = most;
    }
}

/* ---- all attempts ---- */

/* log2 with 16 bits behind the point, straight lines between powers of two. x is not 0. */
AIMC_ALL_FN uint64_t aimi_pool_solve_log(uint64_t x) {
    uint32_t whole = aimc_all_log2_u64(x);
    uint64_t rest = x << (63 - whole) << 1;
    return (uint64_t)whole << 16 | rest >> 48;
}

/* A number below n (splitmix64: Steele, Lea and Flood, 2014), n at most 2^32. */
AIMC_ALL_FN uint64_t aimi_pool_solve_random(uint64_t *state, uint64_t n) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return ((z ^ (z >> 31)) >> 32) * n >> 32;
}

/* One attempt with exponents in 64ths; random NULL: without noise, else up to a fifth of a power of
   two. */
AIMC_ALL_FN void aimi_pool_solve_with(aimi_pool_solve *s, uint64_t breadth, uint64_t life,
                                  uint64_t *random) {
    uint32_t i;
    for (i = 0; i < s->count; i++) {
        const aimem_plan_piece *p = &s->pieces[i];
        uint64_t last = p->last < s->end ? p->last : s->end;
        uint64_t key = 64 * aimi_pool_solve_log(p->size) +
                       breadth * aimi_pool_solve_log(s->breadth[i]) +
                       life * aimi_pool_solve_log(last - p->first + 1);
        if (random != NULL) key += aimi_pool_solve_random(random, (uint64_t)13 << 16);
        s->order[i].key = UINT64_MAX - key;
        s->order[i].piece = i;
    }
    aimi_pool_key_sort(s->order, s->count, s->scratch);
    aimi_pool_solve_try(s);
}

/* In the order of time: as an allocator would do it, and the best there is for equal sizes. */
AIMC_ALL_FN void aimi_pool_solve_in_time(aimi_pool_solve *s) {
    uint32_t i;
    for (i = 0; i < s->count; i++) s->order[i].piece = s->by_first[i];
    aimi_pool_solve_try(s);
}

/* Prepare, thirteen fixed attempts, and tries more. */
AIMC_ALL_FN void aimi_pool_solve_all(aimi_pool_solve *s, uint32_t tries) {
    static const uint16_t breadths[4] = {0, 128, 256, 512}, lives[3] = {0, 8, 16};
    uint64_t random = 1;
    uint32_t i;
    aimi_pool_solve_prepare(s);
    s->most = UINT64_MAX;
    for (i = 0; i < 12 && s->most > s->bound; i++) {
        aimi_pool_solve_with(s, breadths[i / 3], lives[i % 3], NULL);
    }
    if (s->most > s->bound) aimi_pool_solve_in_time(s);
    for (; tries != 0 && s->most > s->bound; tries--) {
        uint64_t breadth = aimi_pool_solve_random(&random, 768);
        uint64_t life = aimi_pool_solve_random(&random, 24);
        aimi_pool_solve_with(s, breadth, life, &random);
    }
}

/* end pool/plan_solve.h */

/* begin pool/plan.h */
/* pool/plan.h: static plans: pieces are added or recorded, solved, and served from one arena.
 *
 * A plan is recording (no arena) or bound (an arena of the solved size). Blocks of the allocator
 * view are of two kinds, told apart by their address:
 *
 *   in the arena   base + offset of a piece, nothing beside it
 *   outside        [ pad | aimi_pool_outside | block ]   from the allocator
 *
 * Invariants: held lists the pieces of the arena in use by rising offset, and no two of them
 * overlap, whatever the program does: a request whose planned bytes are in use is served from
 * outside. next is the number of the request that comes next in this iteration.
 */

#define AIMI_POOL_PIECES_MOST ((uint32_t)1 << 30)
#define AIMI_POOL_PLAN_MOST ((uint64_t)1 << 62)

struct aimem_plan {
    aimem_allocator allocator;
    aimem_logger logger;
    aimem_plan_piece *pieces;
    uint32_t count, capacity;
    uint32_t tries, attempts;
    uint64_t align;          /* of pieces that ask for none */
    uint64_t step;           /* of the next note */
    uint64_t total, padded;  /* bytes of all pieces, without and with room for alignment */
    uint64_t align_most;
    uint64_t size, bound;    /* when solved */
    bool solved, own;        /* own: base is from the allocator */
    unsigned char *base;     /* NULL: recording */
    uint32_t *held;          /* room for count */
    uint32_t held_count, held_capacity, next, iterations, outside;
    uint32_t epoch;          /* recordings begun */
    uint64_t hits, misses, refused;
    char name[32];
};

/* In front of a block from outside. */
typedef struct aimi_pool_outside {
    uint32_t piece; /* recorded as that one, in recording epoch */
    uint32_t epoch; /* 0: not recorded */
    uint64_t check; /* aimi_pool_outside_check of the block; 0 once it is free */
} aimi_pool_outside;

#define AIMI_POOL_OUTSIDE_SIZE ((size_t)16)

/* ---- life ---- */

AIMEM_POOL_API aimem_result aimem_plan_create(const aimem_plan_desc *desc, aimem_plan **out) {
    aimem_plan_desc d;
    aimem_allocator allocator;
    aimem_plan *p;
    const char *name;
    size_t i;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    memset(&d, 0, sizeof d);
    if (desc != NULL) d = *desc;
    if (d.align == 0) d.align = 64;
    if (d.canary_zero != 0 || !aimc_all_is_pow2(d.align)) return AIMEM_ERR_INVALID;
    if (!aimc_all_allocator_or_default(&d.allocator, &allocator)) return AIMEM_ERR_INVALID;
    p = (aimem_plan *)aimc_all_alloc_zeroed(&allocator, sizeof *p, sizeof(uint64_t));
    if (p == NULL) return AIMEM_ERR_NOMEM;
    p->allocator = allocator;
    p->logger = d.logger;
    p->align = d.align;
    p->tries = d.tries;
    p->align_most = 1;
    p->epoch = 1;
    name = d.name != NULL ? d.name : "plan";
    for (i = 0; i + 1 < sizeof p->name && name[i] != '\0'; i++) p->name[i] = name[i];
    *out = p;
    return AIMEM_OK;
}

/* Gives back the arena and the list of what is held in it. */
AIMC_ALL_FN void aimi_pool_planned_unbind(aimem_plan *p) {
    if (p->base == NULL) return;
    AIMC_ALL_UNPOISON(p->base, (size_t)p->size);
    if (p->own) aimc_all_free(&p->allocator, p->base, (size_t)p->size, (size_t)p->align_most);
    aimc_all_free(&p->allocator, p->held, p->held_capacity * sizeof *p->held, sizeof(uint32_t));
    p->base = NULL;
    p->held = NULL;
    p->held_count = p->held_capacity = 0;
}

AIMC_ALL_FN void aimi_pool_planned_tell(const aimem_plan *p, uint64_t count, const char *what) {
    aimi_pool_text t;
    if (count == 0) return;
    aimi_pool_text_begin(&t, p->name);
    aimi_pool_text_number(&t, count, 10);
    aimi_pool_text_add(&t, what);
    aimi_pool_text_send(&t, &p->logger, 1, AIMEM_ERR_BUSY);
}

AIMC_ALL_FN void aimi_pool_planned_tell_held(const aimem_plan *p) {
    uint32_t i;
    aimi_pool_planned_tell(p, p->held_count, " pieces in use when the plan was destroyed");
    for (i = 0; i < p->held_count && i < 16; i++) {
        aimi_pool_text t;
        aimi_pool_text_begin(&t, p->name);
        aimi_pool_text_add(&t, "piece ");
        aimi_pool_text_number(&t, p->held[i], 10);
        aimi_pool_text_add(&t, " of ");
        aimi_pool_text_number(&t, p->pieces[p->held[i]].size, 10);
        aimi_pool_text_add(&t, " bytes is still in use");
        aimi_pool_text_send(&t, &p->logger, 1, AIMEM_ERR_BUSY);
    }
    aimi_pool_planned_tell(p, p->outside, " blocks outside in use when the plan was destroyed");
}

AIMEM_POOL_API void aimem_plan_destroy(aimem_plan *plan) {
    aimem_allocator allocator;
    if (plan == NULL) return;
    allocator = plan->allocator;
    aimi_pool_planned_tell_held(plan);
    aimi_pool_planned_unbind(plan);
    aimc_all_free(&allocator, plan->pieces, plan->capacity * sizeof *plan->pieces, sizeof(uint64_t));
    aimc_all_free(&allocator, plan, sizeof *plan, sizeof(uint64_t));
}

AIMEM_POOL_API aimem_result aimem_plan_reset(aimem_plan *plan) {
    if (plan->held_count != 0) return AIMEM_ERR_BUSY;
    aimi_pool_planned_unbind(plan);
    plan->count = plan->next = plan->iterations = plan->attempts = 0;
    plan->step = plan->total = plan->padded = plan->size = plan->bound = 0;
    plan->align_most = 1;
    plan->solved = false;
    plan->epoch = plan->epoch == UINT32_MAX ? 1 : plan->epoch + 1;
    return AIMEM_OK;
}

/* ---- pieces ---- */

/* Room for one more piece. */
AIMC_ALL_FN bool aimi_pool_planned_room(aimem_plan *p) {
    size_t capacity = p->capacity < 32 ? 32 : 2 * (size_t)p->capacity;
    aimem_plan_piece *pieces;
    if (p->count < p->capacity) return true;
    if (capacity > PTRDIFF_MAX / sizeof *pieces) return false;
    pieces = (aimem_plan_piece *)aimc_all_realloc(&p->allocator, p->pieces,
                                              p->capacity * sizeof *pieces,
                                              capacity * sizeof *pieces, sizeof(uint64_t));
    if (pieces == NULL) return false;
    p->pieces = pieces;
    p->capacity = (uint32_t)capacity;
    return true;
}

AIMEM_POOL_API aimem_result aimem_plan_add(aimem_plan *plan, uint64_t size, uint64_t align,
                                           uint64_t first, uint64_t last, uint32_t *out) {
    aimem_plan_piece *piece;
    if (out != NULL) *out = 0;
    if (size == 0) size = 1;
    if (align == 0) align = plan->align;
    if ((align & (align - 1)) != 0 || last < first || first == AIMEM_PLAN_END) {
        return AIMEM_ERR_INVALID;
    }
    if (plan->base != NULL) return AIMEM_ERR_BUSY;
    if (plan->count >= AIMI_POOL_PIECES_MOST) return AIMEM_ERR_LIMIT;
    if (size > AIMI_POOL_PLAN_MOST || align > AIMI_POOL_PLAN_MOST - size ||
        size + align > AIMI_POOL_PLAN_MOST - plan->padded) {
        return AIMEM_ERR_RANGE;
    }
    if (!aimi_pool_planned_room(plan)) return AIMEM_ERR_NOMEM;
    piece = &plan->pieces[plan->count];
    piece->size = size;
    piece->align = align;
    piece->first = first;
    piece->last = last;
    piece->offset = 0;
    if (out != NULL) *out = plan->count;
    plan->count++;
    plan->total += size;
    plan->padded += size + align;
    if (align > plan->align_most) plan->align_most = align;
    plan->solved = false;
    if (plan->step <= first) plan->step = first + 1; /* notes come behind what was added */
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_plan_record_alloc(aimem_plan *plan, uint64_t size,
                                                    uint64_t align, uint32_t *out) {
    return aimem_plan_add(plan, size, align, plan->step, AIMEM_PLAN_END, out);
}

AIMEM_POOL_API aimem_result aimem_plan_record_free(aimem_plan *plan, uint32_t piece) {
    if (plan->base != NULL) return AIMEM_ERR_BUSY;
    if (piece >= plan->count) return AIMEM_ERR_NOT_FOUND;
    if (plan->pieces[piece].last != AIMEM_PLAN_END) return AIMEM_ERR_DOUBLE_FREE;
    plan->pieces[piece].last = plan->step - 1; /* step is behind every first */
    if (plan->step < AIMEM_PLAN_END) plan->step++;
    plan->solved = false;
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_plan_get(const aimem_plan *plan, uint32_t piece,
                                           aimem_plan_piece *out) {
    memset(out, 0, sizeof *out);
    if (piece >= plan->count) return AIMEM_ERR_NOT_FOUND;
    *out = plan->pieces[piece];
    if (!plan->solved) out->offset = 0;
    return AIMEM_OK;
}

/* ---- solving ---- */

/* Cuts one block into the arrays of s; block NULL: only their size. */
AIMC_ALL_FN bool aimi_pool_planned_arrays(aimi_pool_solve *s, unsigned char *block, size_t *size) {
    const size_t n = s->count, key = sizeof(aimi_pool_key);
    size_t of[9], i;
    unsigned char *at[9];
    of[0] = 2 * sizeof(uint64_t); /* tree, for each leaf */
    of[1] = of[2] = of[3] = sizeof(uint64_t);
    of[4] = of[5] = of[6] = key;
    of[7] = of[8] = sizeof(uint32_t);
    *size = 0;
    for (i = 0; i < 9; i++) {
        size_t part;
        if (!aimc_all_mul_size(i == 0 ? s->leaves : n, of[i], &part)) return false;
        at[i] = block != NULL ? block + *size : NULL;
        if (!aimc_all_add_size(*size, part, size) || *size > PTRDIFF_MAX) return false;
    }
    s->tree = (uint64_t *)(void *)at[0];
    s->breadth = (uint64_t *)(void *)at[1];
    s->offset = (uint64_t *)(void *)at[2];
    s->best = (uint64_t *)(void *)at[3];
    s->order = (aimi_pool_key *)(void *)at[4];
    s->found = (aimi_pool_key *)(void *)at[5];
    s->scratch = (aimi_pool_key *)(void *)at[6];
    s->by_first = (uint32_t *)(void *)at[7];
    s->rank = (uint32_t *)(void *)at[8];
    return true;
}

AIMC_ALL_FN uint32_t aimi_pool_planned_tries(const aimem_plan *p) {
    uint32_t tries = ((uint32_t)1 << 20) / p->count;
    if (p->tries != 0) return p->tries != UINT32_MAX ? p->tries : 0;
    return tries < 1 ? 1 : tries > 256 ? 256 : tries;
}

AIMEM_POOL_API aimem_result aimem_plan_solve(aimem_plan *plan) {
    aimi_pool_solve s;
    unsigned char *block;
    size_t size;
    uint32_t i;
    if (plan->base != NULL) return AIMEM_ERR_BUSY;
    memset(&s, 0, sizeof s);
    if (plan->count != 0) {
        s.pieces = plan->pieces;
        s.count = plan->count;
        for (s.leaves = 1; s.leaves < s.count;) s.leaves *= 2;
        if (!aimi_pool_planned_arrays(&s, NULL, &size)) return AIMEM_ERR_NOMEM;
        block = (unsigned char *)aimc_all_alloc(&plan->allocator, size, sizeof(uint64_t));
        if (block == NULL) return AIMEM_ERR_NOMEM;
        (void)aimi_pool_planned_arrays(&s, block, &size);
        aimi_pool_solve_all(&s, aimi_pool_planned_tries(plan));
        for (i = 0; i < s.count; i++) plan->pieces[i].offset = s.best[i];
        aimc_all_free(&plan->allocator, block, size, sizeof(uint64_t));
    }
    plan->size = s.most;
    plan->bound = s.bound;
    plan->attempts = s.attempts;
    plan->solved = true;
    return AIMEM_OK;
}

/* ---- serving ---- */

AIMC_ALL_FN aimem_result aimi_pool_planned_arena(aimem_plan *p, void *memory, size_t size) {
    if (p->size > PTRDIFF_MAX || (memory != NULL && size < p->size)) return AIMEM_ERR_RANGE;
    if (memory != NULL && ((uintptr_t)memory & (uintptr_t)(p->align_most - 1)) != 0) {
        return AIMEM_ERR_INVALID;
    }
    p->own = memory == NULL;
    if (p->own) {
        if (p->align_most > PTRDIFF_MAX) return AIMEM_ERR_NOMEM;
        memory = aimc_all_alloc(&p->allocator, (size_t)p->size, (size_t)p->align_most);
    }
    p->base = (unsigned char *)memory;
    return memory != NULL ? AIMEM_OK : AIMEM_ERR_NOMEM;
}

AIMEM_POOL_API aimem_result aimem_plan_bind(aimem_plan *plan, void *memory, size_t size) {
    aimem_result result;
    uint32_t *held;
    if (plan->base != NULL) return AIMEM_ERR_BUSY;
    if (!plan->solved || plan->count == 0) return AIMEM_ERR_INVALID;
    held = (uint32_t *)aimc_all_alloc(&plan->allocator, plan->count * sizeof *held, sizeof *held);
    if (held == NULL) return AIMEM_ERR_NOMEM;
    result = aimi_pool_planned_arena(plan, memory, size);
    if (result != AIMEM_OK) {
        aimc_all_free(&plan->allocator, held, plan->count * sizeof *held, sizeof *held);
        return result;
    }
    AIMC_ALL_POISON(plan->base, (size_t)plan->size);
    plan->held = held;
    plan->held_capacity = plan->count;
    plan->next = 0;
    plan->iterations = 1;
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_plan_begin(aimem_plan *plan) {
    if (plan->base == NULL) return AIMEM_ERR_INVALID;
    plan->next = 0;
    plan->iterations++;
    return AIMEM_OK;
}

/* How many held pieces begin below offset. */
AIMC_ALL_FN uint32_t aimi_pool_planned_below(const aimem_plan *p, uint64_t offset) {
    uint32_t low = 0, high = p->held_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (p->pieces[p->held[middle]].offset < offset) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* The next request of the iteration; NULL when it is not as planned. */
AIMC_ALL_FN void *aimi_pool_planned_serve(aimem_plan *p, size_t size, size_t align) {
    const aimem_plan_piece *piece, *other;
    uint32_t number = p->next, at;
    if (number == p->count) return NULL;
    p->next++;
    piece = &p->pieces[number];
    if (size > piece->size || align > piece->align) return NULL;
    at = aimi_pool_planned_below(p, piece->offset);
    if (at != 0) {
        other = &p->pieces[p->held[at - 1]];
        if (other->offset + other->size > piece->offset) return NULL;
    }
    if (at < p->held_count &&
        p->pieces[p->held[at]].offset - piece->offset < piece->size) {
        return NULL;
    }
    memmove(&p->held[at + 1], &p->held[at], (p->held_count - at) * sizeof *p->held);
    p->held[at] = number;
    p->held_count++;
    p->hits++;
    AIMC_ALL_UNPOISON(p->base + (size_t)piece->offset, size);
    return p->base + (size_t)piece->offset;
}

AIMC_ALL_FN uint64_t aimi_pool_outside_check(const void *block) {
    return ((uint64_t)(uintptr_t)block ^ 0xA1CE5EEDB10C0DE5u) | 1;
}

AIMC_ALL_INLINE size_t aimi_pool_outside_head(size_t align) {
    return aimc_all_max_size(align, AIMI_POOL_OUTSIDE_SIZE);
}

/* A block from the allocator, recorded while the plan is not bound. */
AIMC_ALL_FN void *aimi_pool_planned_outside(aimem_plan *p, size_t size, size_t align) {
    size_t head = aimi_pool_outside_head(align), total;
    aimi_pool_outside out;
    unsigned char *raw;
    if (!aimc_all_add_size(size, head, &total)) return NULL;
    memset(&out, 0, sizeof out);
    if (p->base == NULL && !aimi_pool_planned_room(p)) return NULL;
    raw = (unsigned char *)aimc_all_alloc(&p->allocator, total, head);
    if (raw == NULL) return NULL;
    if (p->base == NULL) {
        if (aimem_plan_record_alloc(p, size, align, &out.piece) != AIMEM_OK) {
            aimc_all_free(&p->allocator, raw, total, head);
            return NULL;
        }
        out.epoch = p->epoch;
    }
    out.check = aimi_pool_outside_check(raw + head);
    memcpy(raw + head - AIMI_POOL_OUTSIDE_SIZE, &out, sizeof out);
    p->outside++;
    return raw + head;
}

/* A wrong free or resize: counted and told. */
AIMC_ALL_FN void aimi_pool_planned_refuse(aimem_plan *p, const void *block, aimem_result code) {
    aimi_pool_text t;
    p->refused++;
    aimi_pool_text_begin(&t, p->name);
    aimi_pool_text_address(&t, block);
    aimi_pool_text_add(&t, ": ");
    aimi_pool_text_add(&t, aimem_result_string(code));
    aimi_pool_text_send(&t, &p->logger, 0, code);
}

AIMC_ALL_FN bool aimi_pool_planned_inside(const aimem_plan *p, const void *block) {
    return p->base != NULL && (uintptr_t)block - (uintptr_t)p->base < (uintptr_t)p->size;
}

/* OK where block is one that may be freed; *at: for those inside, where it stands in held. */
AIMC_ALL_FN aimem_result aimi_pool_planned_known(const aimem_plan *p, const void *block, uint32_t *at) {
    aimi_pool_outside out;
    *at = 0;
    if (aimi_pool_planned_inside(p, block)) {
        uint64_t offset = (uintptr_t)block - (uintptr_t)p->base;
        const aimem_plan_piece *below;
        *at = aimi_pool_planned_below(p, offset);
        if (*at < p->held_count && p->pieces[p->held[*at]].offset == offset) return AIMEM_OK;
        if (*at == 0) return AIMEM_ERR_DOUBLE_FREE;
        below = &p->pieces[p->held[*at - 1]];
        return offset - below->offset < below->size ? AIMEM_ERR_INTERIOR : AIMEM_ERR_DOUBLE_FREE;
    }
    memcpy(&out, (const unsigned char *)block - AIMI_POOL_OUTSIDE_SIZE, sizeof out);
    return out.check == aimi_pool_outside_check(block) ? AIMEM_OK : AIMEM_ERR_FOREIGN;
}

/* Frees a block that is known. */
AIMC_ALL_FN void aimi_pool_planned_release(aimem_plan *p, void *block, uint32_t at, size_t size,
                                    size_t align) {
    size_t head = aimi_pool_outside_head(align);
    unsigned char *raw = (unsigned char *)block - head;
    aimi_pool_outside out;
    if (aimi_pool_planned_inside(p, block)) {
        AIMC_ALL_POISON(block, (size_t)p->pieces[p->held[at]].size);
        p->held_count--;
        memmove(&p->held[at], &p->held[at + 1], (p->held_count - at) * sizeof *p->held);
        return;
    }
    memcpy(&out, (unsigned char *)block - AIMI_POOL_OUTSIDE_SIZE, sizeof out);
    if (out.epoch == p->epoch && p->base == NULL) (void)aimem_plan_record_free(p, out.piece);
    memset((unsigned char *)block - AIMI_POOL_OUTSIDE_SIZE, 0, AIMI_POOL_OUTSIDE_SIZE);
    p->outside--;
    aimc_all_free(&p->allocator, raw, size + head, head);
}

AIMC_ALL_FN void *aimi_pool_planned_realloc(void *user_data, void *ptr, size_t old_size,
                                        size_t new_size, size_t align) {
    aimem_plan *p = (aimem_plan *)user_data;
    void *fresh = NULL;
    uint32_t at;
    if (ptr != NULL) {
        aimem_result known = aimi_pool_planned_known(p, ptr, &at);
        if (known != AIMEM_OK) {
            aimi_pool_planned_refuse(p, ptr, known);
            return NULL;
        }
    }
    if (new_size != 0) {
        if (!aimc_all_is_pow2(align)) return NULL;
        if (p->base != NULL) {
            fresh = aimi_pool_planned_serve(p, new_size, align);
            if (fresh == NULL) p->misses++;
        }
        if (fresh == NULL) fresh = aimi_pool_planned_outside(p, new_size, align);
        if (fresh == NULL) return NULL;
        if (ptr != NULL) memcpy(fresh, ptr, aimc_all_min_size(old_size, new_size));
    }
    if (ptr != NULL) {
        (void)aimi_pool_planned_known(p, ptr, &at); /* fresh may have moved its place */
        aimi_pool_planned_release(p, ptr, at, old_size, align);
    }
    return fresh;
}

AIMEM_POOL_API aimem_allocator aimem_plan_allocator(aimem_plan *plan) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_planned_realloc;
    hook.user_data = plan;
    return hook;
}

AIMEM_POOL_API void aimem_plan_stats(const aimem_plan *plan, aimem_plan_info *out) {
    memset(out, 0, sizeof *out);
    out->name = plan->name;
    out->pieces = plan->count;
    out->solved = plan->solved;
    out->align = plan->align_most;
    out->total = plan->total;
    out->attempts = plan->attempts;
    out->iterations = plan->iterations;
    out->held = plan->held_count;
    out->outside = plan->outside;
    out->hits = plan->hits;
    out->misses = plan->misses;
    out->refused = plan->refused;
    out->bytes = sizeof *plan + (uint64_t)plan->capacity * sizeof *plan->pieces +
                 (uint64_t)plan->held_capacity * sizeof *plan->held;
    if (plan->base != NULL && plan->own) out->bytes += plan->size;
    if (!plan->solved) return;
    out->size = plan->size;
    out->lower_bound = plan->bound;
    if (plan->bound != 0) out->ratio = (float)plan->size / (float)plan->bound;
}

/* end pool/plan.h */
#endif
#if !defined(AIMEM_POOL_NO_TUNING)
/* begin pool/tuning.h */
/* pool/tuning.h: a histogram of requested sizes.
 *
 * Sizes 1 to 7 have a bin each, then come eight for every doubling up to 2^40; what is larger
 * counts in the last one. A bin knows its requests exactly in number and in bytes, and its largest
 * size, so that a class that ends there wastes exactly requests * largest - bytes in it.
 *
 * Invariants of a bin: requests is 0, and then so is all the rest, or
 *   requests * least <= bytes <= requests * largest, where least is the smallest size of the bin;
 *   largest is in the bin; live <= peak <= requests.
 */

enum { AIMI_POOL_BINS = 8 + 38 * 8 };

typedef struct aimi_pool_bin {
    uint64_t requests, bytes, largest, live, peak;
} aimi_pool_bin;

struct aimem_tuning {
    aimem_allocator allocator;
    uint64_t frees, live, peak;
    aimi_pool_bin bins[AIMI_POOL_BINS];
};

/* size is not 0. */
AIMC_ALL_FN uint32_t aimi_pool_bin_of(uint64_t size) {
    uint32_t log, bin;
    if (size < 8) return (uint32_t)size;
    log = aimc_all_log2_u64(size);
    if (log > 40) return AIMI_POOL_BINS - 1;
    bin = 8 * (log - 2) + ((uint32_t)(size >> (log - 3)) & 7);
    return bin < AIMI_POOL_BINS ? bin : AIMI_POOL_BINS - 1;
}

/* The smallest size of a bin. */
AIMC_ALL_FN uint64_t aimi_pool_bin_least(uint32_t bin) {
    uint64_t step = 8 + bin % 8;
    return bin < 8 ? bin : step << (bin / 8 - 1);
}

AIMEM_POOL_API aimem_result aimem_tuning_create(const aimem_tuning_desc *desc, aimem_tuning **out) {
    aimem_tuning_desc d;
    aimem_allocator allocator;
    aimem_tuning *t;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    memset(&d, 0, sizeof d);
    if (desc != NULL) d = *desc;
    if (d.canary_zero != 0) return AIMEM_ERR_INVALID;
    if (!aimc_all_allocator_or_default(&d.allocator, &allocator)) return AIMEM_ERR_INVALID;
    t = (aimem_tuning *)aimc_all_alloc_zeroed(&allocator, sizeof *t, sizeof(uint64_t));
    if (t == NULL) return AIMEM_ERR_NOMEM;
    t->allocator = allocator;
    *out = t;
    return AIMEM_OK;
}

AIMEM_POOL_API void aimem_tuning_destroy(aimem_tuning *tuning) {
    aimem_allocator allocator;
    if (tuning == NULL) return;
    allocator = tuning->allocator;
    aimc_all_free(&allocator, tuning, sizeof *tuning, sizeof(uint64_t));
}

AIMEM_POOL_API void aimem_tuning_reset(aimem_tuning *tuning) {
    aimem_allocator allocator = tuning->allocator;
    memset(tuning, 0, sizeof *tuning);
    tuning->allocator = allocator;
}

/* Where a counter would overflow the request is not recorded: the rest stays true. */
AIMEM_POOL_API void aimem_tuning_record(aimem_tuning *tuning, size_t size) {
    uint64_t bytes = size != 0 ? size : 1;
    aimi_pool_bin *bin = &tuning->bins[aimi_pool_bin_of(bytes)];
    if (!aimc_all_add_u64(bin->bytes, bytes, &bin->bytes)) return;
    bin->requests++;
    if (bytes > bin->largest) bin->largest = bytes;
    if (++bin->live > bin->peak) bin->peak = bin->live;
    if (++tuning->live > tuning->peak) tuning->peak = tuning->live;
}

AIMEM_POOL_API void aimem_tuning_record_free(aimem_tuning *tuning, size_t size) {
    aimi_pool_bin *bin = &tuning->bins[aimi_pool_bin_of(size != 0 ? size : 1)];
    if (bin->live == 0) return;
    bin->live--;
    tuning->live--;
    tuning->frees++;
}

AIMC_ALL_FN void *aimi_pool_tuning_realloc(void *user_data, void *ptr, size_t old_size,
                                       size_t new_size, size_t align) {
    aimem_tuning *t = (aimem_tuning *)user_data;
    void *fresh = t->allocator.realloc_fn(t->allocator.user_data, ptr, old_size, new_size, align);
    if (new_size != 0 && fresh == NULL) return NULL;
    if (ptr != NULL) aimem_tuning_record_free(t, old_size);
    if (new_size != 0) aimem_tuning_record(t, new_size);
    return fresh;
}

AIMEM_POOL_API aimem_allocator aimem_tuning_allocator(aimem_tuning *tuning) {
    aimem_allocator hook;
    hook.realloc_fn = aimi_pool_tuning_realloc;
    hook.user_data = tuning;
    return hook;
}

AIMEM_POOL_API void aimem_tuning_stats(const aimem_tuning *tuning, aimem_tuning_info *out) {
    uint32_t i;
    memset(out, 0, sizeof *out);
    for (i = 0; i < AIMI_POOL_BINS; i++) {
        const aimi_pool_bin *bin = &tuning->bins[i];
        if (bin->requests == 0) continue;
        out->bins++;
        out->requests += bin->requests;
        out->bytes += bin->bytes;
        out->largest = bin->largest;
    }
    out->frees = tuning->frees;
    out->live = tuning->live;
    out->peak_live = tuning->peak;
}

/* end pool/tuning.h */

/* begin pool/tuning_table.h */
/* pool/tuning_table.h: the best size classes for a histogram.
 *
 * A class takes a run of neighbouring bins and ends at the largest size of the last one. With w(a,
 * b) the bytes that one class for the bins a to b wastes, the least waste of k classes for the
 * first b bins is f(k, b) = min over a of f(k - 1, a) + w(a, b): the optimal partition of a sorted
 * list (Fisher, "On grouping for maximum homogeneity", 1958). All k are tried, rising, until the
 * waste is small enough.
 *
 * Numbers of bytes are doubles here: sums of products of 64-bit counts do not fit in 64 bits, and
 * nothing is decided by the last digits.
 */

/* f for two neighbouring k, the choices for all, and the bins that are not empty. */
typedef struct aimi_pool_table {
    double waste[2][AIMI_POOL_BINS + 1];
    double requests[AIMI_POOL_BINS + 1], bytes[AIMI_POOL_BINS + 1]; /* of the first b bins */
    double size[AIMI_POOL_BINS];                                    /* of a class that ends there */
    uint16_t bin[AIMI_POOL_BINS];
    uint16_t from[AIMEM_TUNING_CLASSES_MOST + 1][AIMI_POOL_BINS + 1];
    uint32_t count, end; /* end: one past the last bin that takes part */
} aimi_pool_table;

/* The bins that take part. Bins whose sizes are the same after rounding need not be parted. */
AIMC_ALL_FN void aimi_pool_table_fill(aimi_pool_table *w, const aimem_tuning *t,
                                  const aimem_tuning_query *q, uint64_t *left_out) {
    uint32_t i;
    for (i = 0; i < AIMI_POOL_BINS; i++) {
        const aimi_pool_bin *bin = &t->bins[i];
        size_t size;
        if (bin->requests == 0) continue;
        if (bin->largest > q->max_size || bin->largest > PTRDIFF_MAX ||
            !aimc_all_align_size((size_t)bin->largest, q->align, &size)) {
            *left_out += bin->requests;
            continue; /* and so are all that follow */
        }
        w->end = i + 1;
        if (w->count == 0 || (double)size > w->size[w->count - 1]) {
            w->bin[w->count] = (uint16_t)i;
            w->size[w->count] = (double)size;
            w->count++;
            w->requests[w->count] = w->requests[w->count - 1];
            w->bytes[w->count] = w->bytes[w->count - 1];
        }
        w->requests[w->count] += (double)bin->requests;
        w->bytes[w->count] += (double)bin->bytes;
    }
}

/* f(k, b) for all b, from f(k - 1, ...). Below 0: impossible, b bins make no k classes. */
AIMC_ALL_FN void aimi_pool_table_step(aimi_pool_table *w, uint32_t k) {
    const double *before = w->waste[(k + 1) & 1];
    double *now = w->waste[k & 1];
    uint32_t a, b;
    for (b = 0; b <= w->count; b++) {
        now[b] = -1;
        for (a = k - 1; a < b; a++) {
            double requests = w->requests[b] - w->requests[a];
            double one = requests * w->size[b - 1] - (w->bytes[b] - w->bytes[a]);
            if (before[a] >= 0 && (now[b] < 0 || before[a] + one < now[b])) {
                now[b] = before[a] + one;
                w->from[k][b] = (uint16_t)a;
            }
        }
    }
}

/* Class k: the bins from begin on, up to end. */
AIMC_ALL_FN void aimi_pool_table_class(const aimi_pool_table *w, const aimem_tuning *t, uint32_t begin,
                                   uint32_t end, uint32_t k, aimem_tuning_table *out) {
    uint32_t i, last = end < w->count ? w->bin[end] : w->end;
    uint64_t peak = 0;
    out->sizes[k] = (size_t)w->size[end - 1];
    for (i = w->bin[begin]; i < last; i++) {
        out->requests[k] += t->bins[i].requests;
        peak += t->bins[i].peak;
    }
    if (t->frees != 0) out->blocks[k] = (size_t)(peak < PTRDIFF_MAX ? peak : PTRDIFF_MAX);
}

AIMC_ALL_FN aimem_result aimi_pool_table_make(aimi_pool_table *w, const aimem_tuning *t,
                                          const aimem_tuning_query *q, aimem_tuning_table *out) {
    uint32_t k, n, end;
    double allowed, waste;
    aimi_pool_table_fill(w, t, q, &out->left_out);
    n = w->count;
    if (n == 0) return AIMEM_ERR_NOT_FOUND;
    allowed = w->bytes[n] * (double)q->waste / 1000;
    for (k = 1; k <= n; k++) w->waste[0][k] = -1;
    k = 0;
    do {
        aimi_pool_table_step(w, ++k);
    } while (w->waste[k & 1][n] > allowed && k < q->max_classes && k < n);
    waste = w->waste[k & 1][n];
    out->count = k;
    out->waste = waste < w->bytes[n] * 1e6 ? (uint32_t)(waste * 1000 / w->bytes[n] + 0.999)
                                           : 1000000000;
    for (end = n; k != 0; k--) {
        uint32_t begin = w->from[k][end];
        aimi_pool_table_class(w, t, begin, end, k - 1, out);
        end = begin;
    }
    return waste <= allowed ? AIMEM_OK : AIMEM_ERR_LIMIT;
}

AIMEM_POOL_API aimem_result aimem_tuning_classes(const aimem_tuning *tuning,
                                                 const aimem_tuning_query *query,
                                                 aimem_tuning_table *out) {
    aimem_tuning_query q;
    aimem_allocator allocator = tuning->allocator;
    aimi_pool_table *w;
    aimem_result result;
    memset(out, 0, sizeof *out);
    memset(&q, 0, sizeof q);
    if (query != NULL) q = *query;
    if (q.max_classes == 0) q.max_classes = AIMEM_TUNING_CLASSES_MOST;
    if (q.waste == 0) q.waste = 125;
    if (q.align == 0) q.align = 16;
    if (q.max_size == 0) q.max_size = SIZE_MAX;
    if (q.canary_zero != 0 || q.max_classes > AIMEM_TUNING_CLASSES_MOST || !aimc_all_is_pow2(q.align)) {
        return AIMEM_ERR_INVALID;
    }
    w = (aimi_pool_table *)aimc_all_alloc_zeroed(&allocator, sizeof *w, sizeof(double));
    if (w == NULL) return AIMEM_ERR_NOMEM;
    result = aimi_pool_table_make(w, tuning, &q, out);
    aimc_all_free(&allocator, w, sizeof *w, sizeof(double));
    return result;
}

/* end pool/tuning_table.h */

/* begin pool/tuning_text.h */
/* pool/tuning_text.h: histograms and class tables as text, written and read.
 *
 *   aimem-tuning 1                            aimem-classes 1
 *   live 120                                  class 64 40 1000
 *   frees 990                                 class 256 7 90
 *   size 70 1000 66000 40                     left-out 3
 *   size 250 90 22000 7                       waste 71
 *   end                                       end
 *
 * size: the largest of a bin, requests, bytes, peak. class: size, blocks, requests. Both rise. live
 * is the peak of all. Every line is one word and its numbers; nothing may follow the end but blank
 * lines and comments.
 */

/* ---- writing ---- */

/* Counts what does not fit, and leaves it out. */
typedef struct aimi_pool_writer {
    char *text;
    size_t capacity, used;
} aimi_pool_writer;

AIMC_ALL_FN void aimi_pool_write(aimi_pool_writer *w, const char *text) {
    for (; *text != '\0'; text++, w->used++) {
        if (w->used < w->capacity) w->text[w->used] = *text;
    }
}

/* A line: a word and count numbers. */
AIMC_ALL_FN void aimi_pool_write_line(aimi_pool_writer *w, const char *word, const uint64_t *numbers,
                                  uint32_t count) {
    uint32_t i;
    aimi_pool_write(w, word);
    for (i = 0; i < count; i++) {
        char digits[22];
        size_t at = sizeof digits - 1;
        uint64_t number = numbers[i];
        digits[at] = '\0';
        do {
            digits[--at] = (char)('0' + number % 10);
            number /= 10;
        } while (number != 0);
        digits[--at] = ' ';
        aimi_pool_write(w, digits + at);
    }
    aimi_pool_write(w, "\n");
}

AIMC_ALL_FN void aimi_pool_write_one(aimi_pool_writer *w, const char *word, uint64_t number) {
    aimi_pool_write_line(w, word, &number, 1);
}

AIMC_ALL_FN aimem_result aimi_pool_write_end(aimi_pool_writer *w, size_t *needed) {
    aimi_pool_write(w, "end\n");
    *needed = w->used;
    if (w->used >= w->capacity) {
        if (w->capacity != 0) w->text[0] = '\0';
        return AIMEM_ERR_RANGE;
    }
    w->text[w->used] = '\0';
    return AIMEM_OK;
}

AIMC_ALL_FN aimi_pool_writer aimi_pool_writer_of(char *text, size_t capacity) {
    aimi_pool_writer w;
    w.text = text;
    w.capacity = text != NULL ? capacity : 0;
    w.used = 0;
    return w;
}

AIMEM_POOL_API aimem_result aimem_tuning_save(const aimem_tuning *tuning, char *text,
                                              size_t capacity, size_t *needed) {
    aimi_pool_writer w = aimi_pool_writer_of(text, capacity);
    uint32_t i;
    aimi_pool_write_one(&w, "aimem-tuning", 1);
    aimi_pool_write_one(&w, "live", tuning->peak);
    aimi_pool_write_one(&w, "frees", tuning->frees);
    for (i = 0; i < AIMI_POOL_BINS; i++) {
        const aimi_pool_bin *bin = &tuning->bins[i];
        uint64_t numbers[4];
        if (bin->requests == 0) continue;
        numbers[0] = bin->largest;
        numbers[1] = bin->requests;
        numbers[2] = bin->bytes;
        numbers[3] = bin->peak;
        aimi_pool_write_line(&w, "size", numbers, 4);
    }
    return aimi_pool_write_end(&w, needed);
}

/* Whether a table is one that classes and load can give. */
AIMC_ALL_FN bool aimi_pool_table_good(const aimem_tuning_table *t) {
    uint32_t i;
    if (t->count == 0 || t->count > AIMEM_TUNING_CLASSES_MOST) return false;
    for (i = 0; i < t->count; i++) {
        if (t->sizes[i] == 0 || t->sizes[i] > PTRDIFF_MAX || t->blocks[i] > PTRDIFF_MAX) {
            return false;
        }
        if (i != 0 && t->sizes[i] <= t->sizes[i - 1]) return false;
    }
    return true;
}

AIMEM_POOL_API aimem_result aimem_tuning_table_save(const aimem_tuning_table *table, char *text,
                                                    size_t capacity, size_t *needed) {
    aimi_pool_writer w = aimi_pool_writer_of(text, capacity);
    uint32_t i;
    *needed = 0;
    if (!aimi_pool_table_good(table)) return AIMEM_ERR_INVALID;
    aimi_pool_write_one(&w, "aimem-classes", 1);
    for (i = 0; i < table->count; i++) {
        uint64_t numbers[3];
        numbers[0] = table->sizes[i];
        numbers[1] = table->blocks[i];
        numbers[2] = table->requests[i];
        aimi_pool_write_line(&w, "class", numbers, 3);
    }
    aimi_pool_write_one(&w, "left-out", table->left_out);
    aimi_pool_write_one(&w, "waste", table->waste);
    return aimi_pool_write_end(&w, needed);
}

/* ---- reading ---- */

typedef struct aimi_pool_reader {
    const char *at, *end;
    const char *word; /* of the line read last, not ended by NUL */
    size_t word_size;
    uint64_t numbers[4];
    uint32_t count;
} aimi_pool_reader;

AIMC_ALL_FN void aimi_pool_read_space(aimi_pool_reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r')) r->at++;
}

/* A number of digits alone; false when it is none, or too large. */
AIMC_ALL_FN bool aimi_pool_read_number(aimi_pool_reader *r, uint64_t *out) {
    const char *begin = r->at;
    uint64_t number = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        if (!aimc_all_mul_u64(number, 10, &number)) return false;
        if (!aimc_all_add_u64(number, (uint64_t)(*r->at - '0'), &number)) return false;
    }
    *out = number;
    return r->at != begin;
}

/* The next line that is not blank or a comment. false: it is malformed. At the end of the text the
   word is empty. A last line without a line feed is as good as one with. */
AIMC_ALL_FN bool aimi_pool_read_line(aimi_pool_reader *r) {
    for (;;) {
        aimi_pool_read_space(r);
        if (r->at < r->end && *r->at == '#') {
            while (r->at < r->end && *r->at != '\n') r->at++;
        }
        if (r->at == r->end || *r->at != '\n') break;
        r->at++;
    }
    r->word = r->at;
    while (r->at < r->end && ((*r->at >= 'a' && *r->at <= 'z') || *r->at == '-')) r->at++;
    r->word_size = (size_t)(r->at - r->word);
    for (r->count = 0;; r->count++) {
        const char *before = r->at;
        aimi_pool_read_space(r);
        if (r->at == r->end) return true;
        if (*r->at == '\n') {
            r->at++;
            return true;
        }
        if (r->at == before || r->count == 4 || r->word_size == 0) return false;
        if (!aimi_pool_read_number(r, &r->numbers[r->count])) return false;
    }
}

AIMC_ALL_FN bool aimi_pool_read_is(const aimi_pool_reader *r, const char *word, uint32_t count) {
    return r->count == count && r->word_size == strlen(word) &&
           memcmp(r->word, word, r->word_size) == 0;
}

/* The first line: what it is, and its version. */
AIMC_ALL_FN aimem_result aimi_pool_read_begin(aimi_pool_reader *r, const char *text, size_t size,
                                          const char *word) {
    memset(r, 0, sizeof *r);
    if (text == NULL) return AIMEM_ERR_CORRUPT;
    r->at = text;
    r->end = text + size;
    if (!aimi_pool_read_line(r) || !aimi_pool_read_is(r, word, 1)) return AIMEM_ERR_CORRUPT;
    return r->numbers[0] == 1 ? AIMEM_OK : AIMEM_ERR_VERSION;
}

/* After the line "end": whether nothing follows. */
AIMC_ALL_FN bool aimi_pool_read_ended(aimi_pool_reader *r) {
    return aimi_pool_read_line(r) && r->word_size == 0;
}

/* A line "size" into bin *next or a later one; false when it cannot be true. */
AIMC_ALL_FN bool aimi_pool_read_bin(const uint64_t *n, uint32_t *next, aimem_tuning *t) {
    uint64_t least, low, high;
    aimi_pool_bin *bin;
    uint32_t i;
    if (n[0] == 0 || n[1] == 0 || n[3] > n[1]) return false;
    i = aimi_pool_bin_of(n[0]);
    if (i < *next) return false;
    least = aimi_pool_bin_least(i);
    /* One is of the largest size, the others are at least of the least. */
    if (!aimc_all_mul_u64(n[1] - 1, least, &low) || !aimc_all_add_u64(low, n[0], &low)) return false;
    if (!aimc_all_mul_u64(n[1], n[0], &high)) high = UINT64_MAX;
    if (n[2] < low || n[2] > high) return false;
    bin = &t->bins[i];
    bin->largest = n[0];
    bin->requests = n[1];
    bin->bytes = n[2];
    bin->peak = n[3];
    *next = i + 1;
    return true;
}

AIMC_ALL_FN aimem_result aimi_pool_read_tuning(aimi_pool_reader *r, const char *text, size_t size,
                                           aimem_tuning *t) {
    aimem_result result = aimi_pool_read_begin(r, text, size, "aimem-tuning");
    uint32_t next = 0, live = 0, frees = 0;
    uint64_t requests = 0, bytes = 0, peaks = 0;
    if (result != AIMEM_OK) return result;
    while (aimi_pool_read_line(r) && r->word_size != 0) {
        if (aimi_pool_read_is(r, "live", 1) && live++ == 0) {
            t->peak = r->numbers[0];
        } else if (aimi_pool_read_is(r, "frees", 1) && frees++ == 0) {
            t->frees = r->numbers[0];
        } else if (aimi_pool_read_is(r, "size", 4)) {
            if (!aimi_pool_read_bin(r->numbers, &next, t)) break;
            if (!aimc_all_add_u64(requests, r->numbers[1], &requests)) break;
            if (!aimc_all_add_u64(bytes, r->numbers[2], &bytes)) break;
            peaks += r->numbers[3]; /* none is above its requests */
        } else if (aimi_pool_read_is(r, "end", 0)) {
            if (live + frees != 2 || t->frees > requests || t->peak > peaks) break;
            return aimi_pool_read_ended(r) ? AIMEM_OK : AIMEM_ERR_CORRUPT;
        } else {
            break;
        }
    }
    return AIMEM_ERR_CORRUPT;
}

/* Adds what was read; false, with nothing changed, where a sum would not fit. */
AIMC_ALL_FN bool aimi_pool_tuning_add(aimem_tuning *to, const aimem_tuning *from) {
    uint64_t requests = from->frees, bytes = 0;
    uint32_t i;
    for (i = 0; i < AIMI_POOL_BINS; i++) {
        if (!aimc_all_add_u64(requests, to->bins[i].requests, &requests) ||
            !aimc_all_add_u64(requests, from->bins[i].requests, &requests) ||
            !aimc_all_add_u64(bytes, to->bins[i].bytes, &bytes) ||
            !aimc_all_add_u64(bytes, from->bins[i].bytes, &bytes)) {
            return false;
        }
    }
    if (!aimc_all_add_u64(to->frees, from->frees, &bytes)) return false;
    for (i = 0; i < AIMI_POOL_BINS; i++) {
        aimi_pool_bin *bin = &to->bins[i];
        bin->requests += from->bins[i].requests;
        bin->bytes += from->bins[i].bytes;
        if (from->bins[i].largest > bin->largest) bin->largest = from->bins[i].largest;
        if (from->bins[i].peak > bin->peak) bin->peak = from->bins[i].peak;
    }
    to->frees += from->frees;
    if (from->peak > to->peak) to->peak = from->peak;
    return true;
}

AIMEM_POOL_API aimem_result aimem_tuning_load(aimem_tuning *tuning, const char *text, size_t size) {
    aimem_allocator allocator = tuning->allocator;
    aimi_pool_reader r;
    aimem_result result;
    aimem_tuning *fresh =
        (aimem_tuning *)aimc_all_alloc_zeroed(&allocator, sizeof *fresh, sizeof(uint64_t));
    if (fresh == NULL) return AIMEM_ERR_NOMEM;
    result = aimi_pool_read_tuning(&r, text, size, fresh);
    if (result == AIMEM_OK && !aimi_pool_tuning_add(tuning, fresh)) result = AIMEM_ERR_CORRUPT;
    aimc_all_free(&allocator, fresh, sizeof *fresh, sizeof(uint64_t));
    return result;
}

AIMC_ALL_FN aimem_result aimi_pool_read_table(aimi_pool_reader *r, const char *text, size_t size,
                                          aimem_tuning_table *t) {
    aimem_result result = aimi_pool_read_begin(r, text, size, "aimem-classes");
    uint32_t left = 0, waste = 0;
    if (result != AIMEM_OK) return result;
    while (aimi_pool_read_line(r) && r->word_size != 0) {
        const uint64_t *n = r->numbers;
        if (aimi_pool_read_is(r, "class", 3)) {
            if (t->count == AIMEM_TUNING_CLASSES_MOST) break;
            if (n[0] > PTRDIFF_MAX || n[1] > PTRDIFF_MAX) return AIMEM_ERR_RANGE;
            t->sizes[t->count] = (size_t)n[0];
            t->blocks[t->count] = (size_t)n[1];
            t->requests[t->count++] = n[2];
        } else if (aimi_pool_read_is(r, "left-out", 1) && left++ == 0) {
            t->left_out = n[0];
        } else if (aimi_pool_read_is(r, "waste", 1) && waste++ == 0 && n[0] <= UINT32_MAX) {
            t->waste = (uint32_t)n[0];
        } else if (aimi_pool_read_is(r, "end", 0)) {
            if (left + waste != 2 || !aimi_pool_table_good(t)) break;
            return aimi_pool_read_ended(r) ? AIMEM_OK : AIMEM_ERR_CORRUPT;
        } else {
            break;
        }
    }
    return AIMEM_ERR_CORRUPT;
}

AIMEM_POOL_API aimem_result aimem_tuning_table_load(const char *text, size_t size,
                                                    aimem_tuning_table *out) {
    aimi_pool_reader r;
    aimem_result result;
    memset(out, 0, sizeof *out);
    result = aimi_pool_read_table(&r, text, size, out);
    if (result != AIMEM_OK) memset(out, 0, sizeof *out);
    return result;
}

/* end pool/tuning_text.h */

/* begin pool/tuning_preset.h */
/* pool/tuning_preset.h: named sets of settings that combine. */

/* One setting: its default, its value in each preset, and the initials of the presets by rank, the
   strongest first. Values are stored in u64; UINT64_MAX: all, never. */
typedef struct aimi_pool_preset {
    uint64_t standard, tight, realtime, scientific, learning;
    char order[5];
} aimi_pool_preset;

#define AIMI_POOL_PRESETS 15u
#define AIMI_POOL_SECOND ((uint64_t)1000000000u)

AIMC_ALL_FN uint64_t aimi_pool_preset_value(uint32_t presets, const aimi_pool_preset *p) {
    const char *of;
    for (of = p->order; *of != '\0'; of++) {
        if (*of == 'T' && (presets & AIMEM_TUNING_TIGHT) != 0) return p->tight;
        if (*of == 'R' && (presets & AIMEM_TUNING_REALTIME) != 0) return p->realtime;
        if (*of == 'S' && (presets & AIMEM_TUNING_SCIENTIFIC) != 0) return p->scientific;
        if (*of == 'L' && (presets & AIMEM_TUNING_LEARNING) != 0) return p->learning;
    }
    return p->standard;
}

AIMEM_POOL_API aimem_result aimem_tuning_preset(uint32_t presets, aimem_tuning_values *out) {
    static const aimi_pool_preset rows[10] = { /* the table in the API, row by row */
        {65536, 4096, 262144, 1048576, 1048576, "TRLS"},
        {5, 1, UINT64_MAX, 5, 64, "RTLS"},
        {0, 0, 1, 0, 0, "RTLS"},
        {0, 1, 0, 0, 0, "RTLS"},
        {60 * AIMI_POOL_SECOND, 5 * AIMI_POOL_SECOND, UINT64_MAX, 30 * AIMI_POOL_SECOND,
         300 * AIMI_POOL_SECOND, "RTLS"},
        {64, 64, 64, 64, 256, "LSRT"},
        {125, 50, 250, 60, 125, "TRSL"},
        {32, 16, 8, 32, 32, "RTSL"},
        {1024, 256, 1024, 1024, 1024, "TRLS"},
        {16, 16, 1, 16, 16, "RTLS"},
    };
    uint64_t v[10];
    uint32_t i;
    memset(out, 0, sizeof *out);
    if ((presets & ~AIMI_POOL_PRESETS) != 0) return AIMEM_ERR_INVALID;
    for (i = 0; i < 10; i++) v[i] = aimi_pool_preset_value(presets, &rows[i]);
    out->arena_chunk_size = (size_t)v[0];
    out->pool_preallocated = v[1] != UINT64_MAX ? (size_t)v[1] : SIZE_MAX;
    out->pool_fixed = v[2] != 0;
    out->pool_reclaim_on_free = v[3] != 0;
    out->buffers_idle_ns = v[4];
    out->buffers_align = (size_t)v[5];
    out->query.waste = (uint32_t)v[6];
    out->query.max_classes = (uint32_t)v[7];
    out->heap_small_limit = (size_t)v[8];
    out->budget_retries = (uint32_t)v[9];
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_tuning_pool(uint32_t presets, aimem_pool_desc *desc) {
    aimem_tuning_values v;
    aimem_result result = aimem_tuning_preset(presets, &v);
    if (result != AIMEM_OK) return result;
    if (v.pool_fixed && desc->max_blocks != 0) desc->fixed = true;
    if (v.pool_reclaim_on_free) desc->reclaim_on_free = true;
    if (desc->preallocated == 0) {
        size_t most = desc->max_blocks;
        desc->preallocated = v.pool_preallocated;
        if (most != 0 && desc->preallocated > most) desc->preallocated = most;
        if (desc->preallocated == SIZE_MAX) desc->preallocated = 0; /* no maximum to take */
    }
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_tuning_arena(uint32_t presets, aimem_arena_desc *desc) {
    aimem_tuning_values v;
    aimem_result result = aimem_tuning_preset(presets, &v);
    if (result == AIMEM_OK && desc->chunk_size == 0) desc->chunk_size = v.arena_chunk_size;
    return result;
}

/* end pool/tuning_preset.h */
#endif
#undef AIMI_POOL_AHEAD_MOST
#undef AIMI_POOL_ALIGN_MOST
#undef AIMI_POOL_ARENA_ALIGN
#undef AIMI_POOL_ARENA_FIRST
#undef AIMI_POOL_ARENA_MOST
#undef AIMI_POOL_BLOCKS_MOST
#undef AIMI_POOL_CHUNK_BYTES
#undef AIMI_POOL_EACH_BYTE
#undef AIMI_POOL_FIRST_BYTES
#undef AIMI_POOL_LINK_SIZE
#undef AIMI_POOL_META_ALIGN
#undef AIMI_POOL_NO_SEGMENT
#undef AIMI_POOL_OUTSIDE_SIZE
#undef AIMI_POOL_PIECES_MOST
#undef AIMI_POOL_PLAN_MOST
#undef AIMI_POOL_PRESETS
#undef AIMI_POOL_RECLAIM_BYTES
#undef AIMI_POOL_SECOND
#undef AIMI_POOL_SIZE_BITS
#endif
#endif

#if defined(AIMEM_IMPLEMENTATION) || defined(AIMEM_VEC_IMPLEMENTATION)
#ifndef AIMEM_VEC_IMPLEMENTED
#define AIMEM_VEC_IMPLEMENTED
#if AIMEM_VEC_VERSION != 100
#error "another version of aimem_vec.h was included above: implement that one"
#endif

/* begin vec/table.h */
/* vec/table.h: hash tables that find the slot of an id or of a label.
 *
 * Open addressing with linear probing. A cell holds a slot number plus one, or 0: empty. The keys
 * stay where they are (in the rows and in the label bytes), so a cell is four bytes; where a key
 * must be hashed again, a callback hashes the key of a slot.
 *
 *   cells   | 0 | 3 | 1 | 0 | 0 | 7 | 0 | 5 |     slots 2, 0, 6, 4
 *
 * Invariants: the number of cells is a power of two; at most three quarters are in use, so a probe
 * ends; from the home cell of a key to the cell where it stands no cell is empty. Removal keeps
 * this by moving later cells back (Knuth, The Art of Computer Programming 3, 6.4, algorithm R):
 * there are no tombstones, and tables do not age.
 *
 * The hash is the same in every run. Someone who chooses the ids or labels of a collection can
 * choose them to collide, and each call then takes O(rows) instead of O(1): slow, never wrong.
 */

typedef uint64_t (*aimi_vec_hash_fn)(const aimem_vec *v, uint32_t slot);

/* Zero is an empty table without memory. */
typedef struct aimi_vec_table {
    uint32_t *cells;
    size_t size; /* cells; 0 or a power of two */
} aimi_vec_table;

enum { AIMI_VEC_TABLE_MIN = 16 };

/* A bijective mix of 64 bits (the finalizer of MurmurHash3 in the variant of D. Stafford, 2011):
   ids that count up or share their low bits spread over all cells. */
AIMC_ALL_INLINE uint64_t aimi_vec_hash_id(uint64_t id) {
    id ^= UINT64_C(0x61696D656D766563);
    id = (id ^ id >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    id = (id ^ id >> 27) * UINT64_C(0x94D049BB133111EB);
    return id ^ id >> 31;
}

AIMC_ALL_INLINE uint64_t aimi_vec_hash_text(const void *text, size_t size) {
    return aimc_all_hash64(text, size, UINT64_C(0x61696D656D766563));
}

/* The cells that items keys need; 0 when memory cannot hold so many. */
AIMC_ALL_FN size_t aimi_vec_table_cells(uint64_t items) {
    uint64_t cells = AIMI_VEC_TABLE_MIN;
    while (cells - cells / 4 < items) cells *= 2;
    return cells > SIZE_MAX / sizeof(uint32_t) ? 0 : (size_t)cells;
}

/* Puts a slot in; its key is not there yet, and there is room. */
AIMC_ALL_FN void aimi_vec_table_put(aimi_vec_table *t, uint64_t hash, uint32_t slot) {
    size_t at = (size_t)hash & (t->size - 1);
    while (t->cells[at] != 0) at = (at + 1) & (t->size - 1);
    t->cells[at] = slot + 1;
}

/* The cell that holds slot, which is in the table; hash is that of its key. */
AIMC_ALL_FN size_t aimi_vec_table_cell(const aimi_vec_table *t, uint64_t hash, uint32_t slot) {
    size_t at = (size_t)hash & (t->size - 1);
    while (t->cells[at] != slot + 1) at = (at + 1) & (t->size - 1);
    return at;
}

/* Empties the cell of slot and closes the gap: a later cell moves back unless its home lies behind
   the gap. */
AIMC_ALL_FN void aimi_vec_table_remove(aimi_vec_table *t, const aimem_vec *v, aimi_vec_hash_fn hash_fn,
                                   uint32_t slot) {
    size_t mask = t->size - 1;
    size_t gap = aimi_vec_table_cell(t, hash_fn(v, slot), slot);
    size_t at = gap;
    for (;;) {
        size_t home;
        at = (at + 1) & mask;
        if (t->cells[at] == 0) break;
        home = (size_t)hash_fn(v, t->cells[at] - 1) & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            t->cells[gap] = t->cells[at];
            gap = at;
        }
    }
    t->cells[gap] = 0;
}

AIMC_ALL_FN void aimi_vec_table_free(aimi_vec_table *t, const aimem_allocator *a) {
    aimc_all_free(a, t->cells, t->size * sizeof(uint32_t), sizeof(uint32_t));
    t->cells = NULL;
    t->size = 0;
}

/* The same keys in a table of another size. NOMEM: the table is as it was. */
AIMC_ALL_FN aimem_result aimi_vec_table_resize(aimi_vec_table *t, const aimem_allocator *a, size_t size,
                                           const aimem_vec *v, aimi_vec_hash_fn hash_fn) {
    aimi_vec_table fresh;
    size_t i;
    if (size == 0) return AIMEM_ERR_NOMEM;
    fresh.size = size;
    fresh.cells = (uint32_t *)aimc_all_alloc_zeroed(a, size * sizeof(uint32_t), sizeof(uint32_t));
    if (fresh.cells == NULL) return AIMEM_ERR_NOMEM;
    for (i = 0; i < t->size; i++) {
        uint32_t slot = t->cells[i] - 1;
        if (t->cells[i] != 0) aimi_vec_table_put(&fresh, hash_fn(v, slot), slot);
    }
    aimi_vec_table_free(t, a);
    *t = fresh;
    return AIMEM_OK;
}

/* Room for items keys in all. NOMEM: the table is as it was. */
AIMC_ALL_FN aimem_result aimi_vec_table_room(aimi_vec_table *t, const aimem_allocator *a,
                                         uint64_t items, const aimem_vec *v,
                                         aimi_vec_hash_fn hash_fn) {
    if (t->size - t->size / 4 >= items) return AIMEM_OK;
    return aimi_vec_table_resize(t, a, aimi_vec_table_cells(items), v, hash_fn);
}

/* end vec/table.h */

/* begin vec/rows.h */
/* vec/rows.h: the rows in memory, and what belongs to each of them.
 *
 * Rows live in chunks of about 1 MiB, so a large collection grows without copying and a scan runs
 * over long straight stretches. The slot of a row is its number; slot >> shift is the chunk, the
 * low bits are the place in it. A chunk for n rows is one block, 64-byte aligned:
 *
 *   | row 0 | row 1 | ... row n-1 | n ids, 8 B | n labels, size_t | n inverse norms, f32 |
 *
 * Every chunk holds 1 << shift rows, but for the first: it starts small and doubles until it is a
 * whole one, so small collections stay small. A chunk needs nothing outside it, so one allocation
 * makes room for a row and all that belongs to it.
 *
 * A row is stride floats long: dim floats and then zeros. From 16 floats on the stride is a
 * multiple of 16, so that every row starts at a multiple of 64 bytes (a cache line, an AVX-512
 * register) and no load straddles two lines; the common dimensions are multiples of 16 already.
 * Below, padding to 16 would cost up to 16 times the memory: there the stride is a multiple of 4.
 *
 * Invariants: chunks * (1 << shift) slots exist, first of them in chunk 0 when it is alone; with
 * more than one chunk the first is whole. Rows, ids, labels and norms below the collection's count
 * are valid, the rest is undefined.
 */

typedef struct aimi_vec_rows {
    unsigned char **chunk; /* the directory */
    size_t room;           /* entries that fit in the directory */
    size_t chunks;         /* entries in use */
    size_t first;          /* rows that fit in chunk 0: 0 or a power of two up to 1 << shift */
    uint32_t dim, stride;  /* floats */
    uint32_t shift;
} aimi_vec_rows;

/* A block that was replaced but may still be read until the call is over: the caller's vector or
   label may lie in it. */
typedef struct aimi_vec_spare {
    void *ptr;
    size_t size, align;
} aimi_vec_spare;

enum {
    AIMI_VEC_ALIGN = 64,
    AIMI_VEC_CHUNK = 1 << 20, /* bytes of rows in a chunk, at most */
    AIMI_VEC_FIRST = 8        /* rows in the smallest first chunk */
};

AIMC_ALL_FN void aimi_vec_spare_free(aimi_vec_spare *spare, const aimem_allocator *a) {
    aimc_all_free(a, spare->ptr, spare->size, spare->align);
    spare->ptr = NULL;
}

AIMC_ALL_FN uint32_t aimi_vec_stride(uint32_t dim) {
    uint32_t multiple = dim < 16 ? 4 : 16;
    return (dim + multiple - 1) / multiple * multiple;
}

/* The largest power of two of rows that stay within AIMI_VEC_CHUNK. On disk too, as block size. */
AIMC_ALL_FN uint32_t aimi_vec_chunk_shift(uint32_t stride) {
    return aimc_all_log2_u64(AIMI_VEC_CHUNK / (stride * (uint32_t)sizeof(float)));
}

AIMC_ALL_FN void aimi_vec_rows_init(aimi_vec_rows *r, uint32_t dim) {
    memset(r, 0, sizeof *r);
    r->dim = dim;
    r->stride = aimi_vec_stride(dim);
    r->shift = aimi_vec_chunk_shift(r->stride);
}

/* The bytes of a chunk for n rows; n <= 1 << shift, so it is below 4 MiB. */
AIMC_ALL_FN size_t aimi_vec_chunk_bytes(const aimi_vec_rows *r, size_t n) {
    return n * (r->stride * sizeof(float) + sizeof(uint64_t) + sizeof(size_t) + sizeof(float));
}

/* Rows for which chunk c was made. */
AIMC_ALL_INLINE size_t aimi_vec_chunk_rows(const aimi_vec_rows *r, size_t c) {
    return c == 0 ? r->first : (size_t)1 << r->shift;
}

AIMC_ALL_INLINE size_t aimi_vec_slot_chunk(const aimi_vec_rows *r, uint32_t slot) {
    return slot >> r->shift;
}

AIMC_ALL_INLINE size_t aimi_vec_slot_place(const aimi_vec_rows *r, uint32_t slot) {
    return slot & (((size_t)1 << r->shift) - 1);
}

AIMC_ALL_INLINE float *aimi_vec_row_at(const aimi_vec_rows *r, uint32_t slot) {
    return (float *)(void *)r->chunk[aimi_vec_slot_chunk(r, slot)] +
           aimi_vec_slot_place(r, slot) * r->stride;
}

/* The columns of a chunk for n rows. */
AIMC_ALL_INLINE uint64_t *aimi_vec_chunk_ids(const aimi_vec_rows *r, unsigned char *chunk, size_t n) {
    return (uint64_t *)(void *)(chunk + n * r->stride * sizeof(float));
}

AIMC_ALL_INLINE size_t *aimi_vec_chunk_labels(const aimi_vec_rows *r, unsigned char *chunk, size_t n) {
    return (size_t *)(void *)(aimi_vec_chunk_ids(r, chunk, n) + n);
}

AIMC_ALL_INLINE float *aimi_vec_chunk_norms(const aimi_vec_rows *r, unsigned char *chunk, size_t n) {
    return (float *)(void *)(aimi_vec_chunk_labels(r, chunk, n) + n);
}

AIMC_ALL_INLINE uint64_t *aimi_vec_id_at(const aimi_vec_rows *r, uint32_t slot) {
    size_t c = aimi_vec_slot_chunk(r, slot);
    return aimi_vec_chunk_ids(r, r->chunk[c], aimi_vec_chunk_rows(r, c)) +
           aimi_vec_slot_place(r, slot);
}

/* Where the label of a row stands in the label bytes (vec/labels.h); 0: it has none. */
AIMC_ALL_INLINE size_t *aimi_vec_label_at(const aimi_vec_rows *r, uint32_t slot) {
    size_t c = aimi_vec_slot_chunk(r, slot);
    return aimi_vec_chunk_labels(r, r->chunk[c], aimi_vec_chunk_rows(r, c)) +
           aimi_vec_slot_place(r, slot);
}

/* One divided by the length of the row; 0 for a zero vector, and for metrics other than cosine. */
AIMC_ALL_INLINE float *aimi_vec_norm_at(const aimi_vec_rows *r, uint32_t slot) {
    size_t c = aimi_vec_slot_chunk(r, slot);
    return aimi_vec_chunk_norms(r, r->chunk[c], aimi_vec_chunk_rows(r, c)) +
           aimi_vec_slot_place(r, slot);
}

/* Copies a vector into a slot. The two may overlap (a put of what a view shows). */
AIMC_ALL_FN void aimi_vec_row_set(const aimi_vec_rows *r, uint32_t slot, const float *vector) {
    float *row = aimi_vec_row_at(r, slot);
    memmove(row, vector, r->dim * sizeof(float));
    memset(row + r->dim, 0, (r->stride - r->dim) * sizeof(float));
}

/* Row from takes the place of row to. */
AIMC_ALL_FN void aimi_vec_row_move(const aimi_vec_rows *r, uint32_t to, uint32_t from) {
    memcpy(aimi_vec_row_at(r, to), aimi_vec_row_at(r, from), r->stride * sizeof(float));
    *aimi_vec_id_at(r, to) = *aimi_vec_id_at(r, from);
    *aimi_vec_label_at(r, to) = *aimi_vec_label_at(r, from);
    *aimi_vec_norm_at(r, to) = *aimi_vec_norm_at(r, from);
}

/* The directory for room entries, at least chunks. */
AIMC_ALL_FN aimem_result aimi_vec_directory_resize(aimi_vec_rows *r, const aimem_allocator *a,
                                               size_t room) {
    const size_t size = sizeof(unsigned char *);
    void *fresh;
    if (room > SIZE_MAX / size) return AIMEM_ERR_NOMEM;
    fresh = aimc_all_alloc(a, room * size, size);
    if (fresh == NULL) return AIMEM_ERR_NOMEM;
    if (r->chunks != 0) memcpy(fresh, (const void *)r->chunk, r->chunks * size);
    aimc_all_free(a, (void *)r->chunk, r->room * size, size);
    r->chunk = (unsigned char **)fresh;
    r->room = room;
    return AIMEM_OK;
}

/* Another chunk 0, for n rows, of which count are in use; the old one goes to spare. */
AIMC_ALL_FN aimem_result aimi_vec_first_resize(aimi_vec_rows *r, const aimem_allocator *a, size_t n,
                                           size_t count, aimi_vec_spare *spare) {
    unsigned char *old = r->chunks != 0 ? r->chunk[0] : NULL;
    unsigned char *fresh = (unsigned char *)aimc_all_alloc(a, aimi_vec_chunk_bytes(r, n),
                                                       AIMI_VEC_ALIGN);
    if (fresh == NULL) return AIMEM_ERR_NOMEM;
    if (count != 0) {
        memcpy(fresh, old, count * r->stride * sizeof(float));
        memcpy(aimi_vec_chunk_ids(r, fresh, n), aimi_vec_chunk_ids(r, old, r->first),
               count * sizeof(uint64_t));
        memcpy(aimi_vec_chunk_labels(r, fresh, n), aimi_vec_chunk_labels(r, old, r->first),
               count * sizeof(size_t));
        memcpy(aimi_vec_chunk_norms(r, fresh, n), aimi_vec_chunk_norms(r, old, r->first),
               count * sizeof(float));
    }
    if (old != NULL) {
        spare->ptr = old;
        spare->size = aimi_vec_chunk_bytes(r, r->first);
        spare->align = AIMI_VEC_ALIGN;
    }
    r->chunk[0] = fresh;
    r->first = n;
    if (r->chunks == 0) r->chunks = 1;
    return AIMEM_OK;
}

/* Frees the chunks from number keep on. */
AIMC_ALL_FN void aimi_vec_chunks_drop(aimi_vec_rows *r, const aimem_allocator *a, size_t keep) {
    while (r->chunks > keep) {
        size_t c = --r->chunks;
        size_t n = aimi_vec_chunk_rows(r, c);
        aimc_all_free(a, r->chunk[c], aimi_vec_chunk_bytes(r, n), AIMI_VEC_ALIGN);
        if (c == 0) r->first = 0;
    }
}

/* The size that chunk 0 should have in a collection of n rows. */
AIMC_ALL_FN size_t aimi_vec_first_rows(const aimi_vec_rows *r, uint64_t n) {
    size_t whole = (size_t)1 << r->shift;
    size_t rows = aimc_all_min_size(AIMI_VEC_FIRST, whole);
    while (rows < n && rows < whole) rows *= 2;
    return rows;
}

/* Room for n rows in all, of which count are in use. NOMEM: no chunk more than before. */
AIMC_ALL_FN aimem_result aimi_vec_rows_room(aimi_vec_rows *r, const aimem_allocator *a, uint64_t n,
                                        size_t count, aimi_vec_spare *spare) {
    uint64_t whole = (uint64_t)1 << r->shift;
    uint64_t chunks = (n + whole - 1) >> r->shift;
    size_t before = r->chunks, first = aimi_vec_first_rows(r, n);
    aimem_result result = AIMEM_OK;
    if (chunks > SIZE_MAX / sizeof(void *)) return AIMEM_ERR_NOMEM;
    if (chunks > r->room) {
        size_t room = aimc_all_max_size((size_t)chunks, aimc_all_max_size(4, r->room * 2));
        result = aimi_vec_directory_resize(r, a, room);
    }
    if (result == AIMEM_OK && chunks != 0 && first > r->first) {
        result = aimi_vec_first_resize(r, a, first, count, spare);
    }
    while (result == AIMEM_OK && r->chunks < chunks) {
        void *chunk = aimc_all_alloc(a, aimi_vec_chunk_bytes(r, (size_t)whole), AIMI_VEC_ALIGN);
        if (chunk == NULL) {
            aimi_vec_chunks_drop(r, a, before);
            result = AIMEM_ERR_NOMEM;
        } else {
            r->chunk[r->chunks++] = (unsigned char *)chunk;
        }
    }
    return result;
}

/* Gives back what n rows do not need. NOMEM: as far as it went. */
AIMC_ALL_FN aimem_result aimi_vec_rows_trim(aimi_vec_rows *r, const aimem_allocator *a, size_t n) {
    size_t chunks = (n + ((size_t)1 << r->shift) - 1) >> r->shift;
    aimi_vec_spare spare;
    memset(&spare, 0, sizeof spare);
    aimi_vec_chunks_drop(r, a, chunks);
    if (chunks == 1 && aimi_vec_first_rows(r, n) < r->first) {
        aimem_result result = aimi_vec_first_resize(r, a, aimi_vec_first_rows(r, n), n, &spare);
        if (result != AIMEM_OK) return result;
        aimi_vec_spare_free(&spare, a);
    }
    if (chunks == 0) {
        aimc_all_free(a, (void *)r->chunk, r->room * sizeof(void *), sizeof(void *));
        r->chunk = NULL;
        r->room = 0;
    } else if (chunks < r->room) {
        return aimi_vec_directory_resize(r, a, chunks);
    }
    return AIMEM_OK;
}

/* Rows that fit in the memory held. */
AIMC_ALL_FN uint64_t aimi_vec_rows_capacity(const aimi_vec_rows *r) {
    return r->chunks == 0 ? 0 : r->first + ((uint64_t)(r->chunks - 1) << r->shift);
}

AIMC_ALL_FN uint64_t aimi_vec_rows_bytes(const aimi_vec_rows *r) {
    uint64_t bytes = (uint64_t)r->room * sizeof(void *);
    return bytes + aimi_vec_rows_capacity(r) * aimi_vec_chunk_bytes(r, 1);
}

/* end vec/rows.h */

/* begin vec/labels.h */
/* vec/labels.h: the texts of the rows, in one growing piece of memory.
 *
 *   | slot, 4 B | size, 2 B | text ... | 0 |   next record ...
 *                           ^ the offset that the row keeps; never 0, so 0 says "no label"
 *
 * A record whose row lost its label has slot AIMI_VEC_DEAD. When more than half of the bytes are
 * dead the live records slide together: the slot in front of each says whose offset changes, so
 * this needs no memory and cannot fail.
 *
 * Invariants: records fill bytes[0, size) without gaps; dead is the sum of the dead ones; live
 * records have different texts, without a 0 byte, of 1 to AIMEM_VEC_MAX_LABEL bytes; the table
 * holds the slots of the live ones.
 */

typedef struct aimi_vec_labels {
    unsigned char *bytes;
    size_t size, room, dead;
    uint64_t live; /* rows with a label */
    aimi_vec_table table;
} aimi_vec_labels;

#define AIMI_VEC_DEAD UINT32_MAX

enum {
    AIMI_VEC_LABEL_HEAD = 6,       /* slot and size */
    AIMI_VEC_LABEL_FRAME = 7,      /* and the final 0 */
    AIMI_VEC_LABEL_ROOM = 256,     /* the first room */
    AIMI_VEC_LABEL_PACK = 4096     /* fewer dead bytes are left alone */
};

/* The bytes of a label, NULL counting as empty; more than AIMEM_VEC_MAX_LABEL: too long. */
AIMC_ALL_FN size_t aimi_vec_label_length(const char *label) {
    size_t n = 0;
    if (label == NULL) return 0;
    while (n <= AIMEM_VEC_MAX_LABEL && label[n] != 0) n++;
    return n;
}

AIMC_ALL_FN bool aimi_vec_label_has_zero(const char *text, size_t size) {
    size_t i;
    for (i = 0; i < size; i++) {
        if (text[i] == 0) return true;
    }
    return false;
}

AIMC_ALL_INLINE const char *aimi_vec_label_text(const aimi_vec_labels *l, size_t at) {
    return (const char *)l->bytes + at;
}

AIMC_ALL_INLINE size_t aimi_vec_label_size(const aimi_vec_labels *l, size_t at) {
    return aimc_all_load_u16(l->bytes + at - 2);
}

AIMC_ALL_INLINE void aimi_vec_label_set_slot(aimi_vec_labels *l, size_t at, uint32_t slot) {
    aimc_all_store_u32(l->bytes + at - AIMI_VEC_LABEL_HEAD, slot);
}

AIMC_ALL_FN aimem_result aimi_vec_labels_resize(aimi_vec_labels *l, const aimem_allocator *a,
                                            size_t room, aimi_vec_spare *spare) {
    unsigned char *fresh = (unsigned char *)aimc_all_alloc(a, room, 1);
    if (fresh == NULL) return AIMEM_ERR_NOMEM;
    if (l->size != 0) memcpy(fresh, l->bytes, l->size);
    spare->ptr = l->bytes;
    spare->size = l->room;
    spare->align = 1;
    l->bytes = fresh;
    l->room = room;
    return AIMEM_OK;
}

/* Room for more bytes of records. The old block goes to spare. */
AIMC_ALL_FN aimem_result aimi_vec_labels_room(aimi_vec_labels *l, const aimem_allocator *a, size_t more,
                                          aimi_vec_spare *spare) {
    size_t need, room;
    if (!aimc_all_add_size(l->size, more, &need)) return AIMEM_ERR_NOMEM;
    if (need <= l->room) return AIMEM_OK;
    room = l->room > SIZE_MAX / 2 ? need : l->room * 2;
    room = aimc_all_max_size(AIMI_VEC_LABEL_ROOM, aimc_all_max_size(room, need));
    return aimi_vec_labels_resize(l, a, room, spare);
}

/* Starts a record at the end, in room that is there; the text of size bytes is the caller's to
   fill in. Gives the offset of the text. */
AIMC_ALL_FN size_t aimi_vec_label_append(aimi_vec_labels *l, uint32_t slot, size_t size) {
    size_t at = l->size + AIMI_VEC_LABEL_HEAD;
    aimi_vec_label_set_slot(l, at, slot);
    aimc_all_store_u16(l->bytes + at - 2, (uint16_t)size);
    l->bytes[at + size] = 0;
    l->size += size + AIMI_VEC_LABEL_FRAME;
    l->live++;
    return at;
}

AIMC_ALL_FN void aimi_vec_label_drop(aimi_vec_labels *l, size_t at) {
    aimi_vec_label_set_slot(l, at, AIMI_VEC_DEAD);
    l->dead += aimi_vec_label_size(l, at) + AIMI_VEC_LABEL_FRAME;
    l->live--;
}

/* Slides the live records together. Offsets change, so pointers to labels end here. */
AIMC_ALL_FN void aimi_vec_labels_pack(aimi_vec_labels *l, const aimi_vec_rows *rows) {
    size_t from = 0, to = 0;
    while (from < l->size) {
        uint32_t slot = aimc_all_load_u32(l->bytes + from);
        size_t n = aimc_all_load_u16(l->bytes + from + 4) + (size_t)AIMI_VEC_LABEL_FRAME;
        if (slot != AIMI_VEC_DEAD) {
            memmove(l->bytes + to, l->bytes + from, n);
            *aimi_vec_label_at(rows, slot) = to + AIMI_VEC_LABEL_HEAD;
            to += n;
        }
        from += n;
    }
    l->size = to;
    l->dead = 0;
}

/* The same when it pays: each byte is moved at most once for every byte that died. */
AIMC_ALL_FN void aimi_vec_labels_tidy(aimi_vec_labels *l, const aimi_vec_rows *rows) {
    if (l->dead > AIMI_VEC_LABEL_PACK && l->dead > l->size / 2) aimi_vec_labels_pack(l, rows);
}

AIMC_ALL_FN void aimi_vec_labels_free(aimi_vec_labels *l, const aimem_allocator *a) {
    aimc_all_free(a, l->bytes, l->room, 1);
    l->bytes = NULL;
    l->size = l->room = l->dead = 0;
}

/* end vec/labels.h */

/* begin vec/check.h */
/* vec/check.h: which vectors are let in, and the length of a vector.
 *
 * The invariant behind the searches: every number is finite, and the sum of the squares of every
 * row and every query is at most 1e37. Then, by the inequality of Cauchy and Schwarz, a dot product
 * or any part of its sum is at most 1e37, a squared distance at most 4e37, a Manhattan distance at
 * most sqrt(65536 * 4e37) = 2e21: nothing that a kernel adds up leaves the range of a float
 * (3.4e38), and no distance is ever infinite or NaN.
 */

/* Bounds on the sum of squares. Below the lower one a vector is a zero vector to the cosine: its
   direction would be lost in products that underflow. */
#define AIMI_VEC_SQUARES_MAX 1e37
#define AIMI_VEC_SQUARES_MIN 1e-37

/* Adds the square of x, and marks a NaN or infinity: found in the bits, because comparisons lie
   under -ffast-math. Adding 1 to an exponent of all ones carries into the sign bit. */
AIMC_ALL_INLINE void aimi_vec_square(const float *x, double *sum, uint32_t *carry) {
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    *carry |= (bits & 0x7F800000u) + 0x00800000u;
    *sum += (double)*x * (double)*x;
}

/* *squares: the sum of the squares of n floats, in double and in a fixed order (eight sums side by
   side, which compilers turn into vector code). False when one is a NaN or infinite. */
AIMC_ALL_FN bool aimi_vec_squares(const float *x, size_t n, double *squares) {
    double sum[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    uint32_t carry = 0;
    size_t i, j;
    for (i = 0; i + 8 <= n; i += 8) {
        for (j = 0; j < 8; j++) aimi_vec_square(x + i + j, &sum[j], &carry);
    }
    for (j = 0; i + j < n; j++) aimi_vec_square(x + i + j, &sum[j], &carry);
    *squares = ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
    return carry >> 31 == 0;
}

/* Whether a vector may come in: INVALID for a NaN or infinity, RANGE when it is too long. With the
   cosine *inverse is one divided by its length, 0 for a zero vector; with other metrics 0. */
AIMC_ALL_FN aimem_result aimi_vec_measure(uint32_t metric, const float *x, size_t dim, float *inverse) {
    double squares;
    *inverse = 0.0f;
    if (!aimi_vec_squares(x, dim, &squares)) return AIMEM_ERR_INVALID;
    if (squares > AIMI_VEC_SQUARES_MAX) return AIMEM_ERR_RANGE;
    if (metric == AIMEM_VEC_COS && squares >= AIMI_VEC_SQUARES_MIN) {
        *inverse = (float)(1.0 / aimc_all_sqrt(squares));
    }
    return AIMEM_OK;
}

/* end vec/check.h */

/* begin vec/store.h */
/* vec/store.h: the collection: rows with ids and labels, and the calls that change it.
 *
 * Dense: rows are in slots 0 to count - 1. Removing one moves the last row into its slot, so a scan
 * never meets a hole, and nothing needs compaction.
 *
 * A call that changes the collection first takes all the memory that it may need, then checks, then
 * changes; only the first step can run out of memory, and it leaves more room behind, not other
 * contents. Old blocks that the caller's arguments may lie in are freed when the call ends.
 *
 * Invariants: ids of slots below count are different and below next_id, and the ids table holds
 * just those slots; the same for labels; each row passed aimi_vec_measure.
 */

struct aimem_vec {
    aimem_allocator allocator;
    aimem_parallel parallel;
    aimem_logger logger;
    aimc_all_dist dist;
    uint32_t metric;
    uint32_t count;
    uint64_t max_rows;
    uint64_t next_id; /* the next one that is assigned; AIMEM_VEC_NEW_ID: none is left */
    aimi_vec_rows rows;
    aimi_vec_table ids;
    aimi_vec_labels labels;
    bool changing; /* a change is under way: a hook that comes back with another gets BUSY */
};

AIMC_ALL_FN uint64_t aimi_vec_hash_slot_id(const aimem_vec *v, uint32_t slot) {
    return aimi_vec_hash_id(*aimi_vec_id_at(&v->rows, slot));
}

AIMC_ALL_FN uint64_t aimi_vec_hash_slot_label(const aimem_vec *v, uint32_t slot) {
    size_t at = *aimi_vec_label_at(&v->rows, slot);
    return aimi_vec_hash_text(aimi_vec_label_text(&v->labels, at),
                              aimi_vec_label_size(&v->labels, at));
}

/* ---- finding --------------------------------------------------------------------------------- */

AIMC_ALL_FN bool aimi_vec_find_id(const aimem_vec *v, uint64_t id, uint32_t *slot) {
    size_t mask = v->ids.size - 1, at;
    if (v->ids.size == 0) return false;
    at = (size_t)aimi_vec_hash_id(id) & mask;
    for (; v->ids.cells[at] != 0; at = (at + 1) & mask) {
        *slot = v->ids.cells[at] - 1;
        if (*aimi_vec_id_at(&v->rows, *slot) == id) return true;
    }
    return false;
}

AIMC_ALL_FN bool aimi_vec_find_label(const aimem_vec *v, const char *text, size_t size,
                                 uint32_t *slot) {
    const aimi_vec_labels *l = &v->labels;
    size_t mask = l->table.size - 1, at;
    if (l->table.size == 0) return false;
    at = (size_t)aimi_vec_hash_text(text, size) & mask;
    for (; l->table.cells[at] != 0; at = (at + 1) & mask) {
        size_t label;
        *slot = l->table.cells[at] - 1;
        label = *aimi_vec_label_at(&v->rows, *slot);
        if (aimi_vec_label_size(l, label) == size &&
            memcmp(aimi_vec_label_text(l, label), text, size) == 0) {
            return true;
        }
    }
    return false;
}

AIMC_ALL_FN void aimi_vec_slot_label(const aimem_vec *v, uint32_t slot, const char **label,
                                 size_t *size) {
    size_t at = *aimi_vec_label_at(&v->rows, slot);
    *label = at == 0 ? NULL : aimi_vec_label_text(&v->labels, at);
    *size = at == 0 ? 0 : aimi_vec_label_size(&v->labels, at);
}

AIMC_ALL_FN void aimi_vec_slot_row(const aimem_vec *v, uint32_t slot, aimem_vec_row *out) {
    out->id = *aimi_vec_id_at(&v->rows, slot);
    out->vector = aimi_vec_row_at(&v->rows, slot);
    aimi_vec_slot_label(v, slot, &out->label, &out->label_size);
}

/* ---- life ------------------------------------------------------------------------------------ */

AIMEM_VEC_API uint32_t aimem_vec_version(void) {
    return AIMEM_VEC_VERSION;
}

AIMC_ALL_FN aimem_result aimi_vec_desc_check(const aimem_vec_desc *desc) {
    if (desc == NULL || desc->canary_zero != 0) return AIMEM_ERR_INVALID;
    if (desc->dim == 0 || desc->dim > AIMEM_VEC_MAX_DIM) return AIMEM_ERR_INVALID;
    if (desc->metric > AIMEM_VEC_IP || desc->simd > AIMEM_VEC_SIMD_WASM) return AIMEM_ERR_INVALID;
    if (desc->max_rows > AIMEM_VEC_MAX_ROWS) return AIMEM_ERR_LIMIT;
    return AIMEM_OK;
}

AIMEM_VEC_API aimem_result aimem_vec_create(const aimem_vec_desc *desc, aimem_vec **out) {
    aimem_result result = aimi_vec_desc_check(desc);
    aimem_allocator allocator;
    aimc_all_dist dist;
    aimem_vec *v;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    if (result != AIMEM_OK) return result;
    if (!aimc_all_allocator_or_default(&desc->allocator, &allocator)) return AIMEM_ERR_INVALID;
    if (!aimc_all_dist_at(desc->simd, &dist)) return AIMEM_ERR_UNSUPPORTED;
    v = (aimem_vec *)aimc_all_alloc_zeroed(&allocator, sizeof *v, AIMI_VEC_ALIGN);
    if (v == NULL) return AIMEM_ERR_NOMEM;
    v->allocator = allocator;
    v->parallel = desc->parallel;
    if (v->parallel.for_fn == NULL || v->parallel.workers == 0) v->parallel.workers = 1;
    v->logger = desc->logger;
    v->dist = dist;
    v->metric = desc->metric;
    v->max_rows = desc->max_rows == 0 ? AIMEM_VEC_MAX_ROWS : desc->max_rows;
    aimi_vec_rows_init(&v->rows, desc->dim);
    *out = v;
    return AIMEM_OK;
}

/* Takes all memory but the object's own. */
AIMC_ALL_FN void aimi_vec_release(aimem_vec *v) {
    const aimem_allocator *a = &v->allocator;
    v->count = 0;
    (void)aimi_vec_rows_trim(&v->rows, a, 0); /* to nothing: allocates nothing, cannot fail */
    aimi_vec_table_free(&v->ids, a);
    aimi_vec_table_free(&v->labels.table, a);
    aimi_vec_labels_free(&v->labels, a);
}

AIMEM_VEC_API void aimem_vec_destroy(aimem_vec *v) {
    aimem_allocator a;
    if (v == NULL) return;
    aimi_vec_release(v);
    a = v->allocator;
    aimc_all_free(&a, v, sizeof *v, AIMI_VEC_ALIGN);
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* Rows on their way in: checked and copied to the slots from first on, by desc.parallel if many. */
typedef struct aimi_vec_intake {
    const aimem_vec *v;
    const float *vectors;
    size_t count, step; /* rows, rows in a task */
    uint32_t first;
} aimi_vec_intake;

enum { AIMI_VEC_INTAKE_FLOATS = 1 << 16 }; /* floats that are worth a task */

/* A row that may not come in gets a negative norm that says why: worker threads need no memory of
   their own for their answer. */
AIMC_ALL_FN void aimi_vec_intake_task(void *task_data, size_t index, uint32_t worker) {
    const aimi_vec_intake *in = (const aimi_vec_intake *)task_data;
    const aimi_vec_rows *rows = &in->v->rows;
    size_t i = index * in->step, end = aimc_all_min_size(in->count, i + in->step);
    (void)worker;
    for (; i < end; i++) {
        uint32_t slot = in->first + (uint32_t)i;
        const float *vector = in->vectors + i * rows->dim;
        float inverse;
        aimem_result result = aimi_vec_measure(in->v->metric, vector, rows->dim, &inverse);
        aimi_vec_row_set(rows, slot, vector);
        *aimi_vec_norm_at(rows, slot) = result == AIMEM_OK ? inverse : (float)result;
    }
}

AIMC_ALL_FN aimem_result aimi_vec_take_in(const aimem_vec *v, size_t count, const float *vectors) {
    aimi_vec_intake in;
    size_t i, tasks;
    in.v = v;
    in.vectors = vectors;
    in.count = count;
    in.step = AIMI_VEC_INTAKE_FLOATS / v->rows.dim; /* at least 1 */
    in.first = v->count;
    tasks = count / in.step + (count % in.step != 0);
    if (tasks > 1 && v->parallel.workers > 1) {
        v->parallel.for_fn(v->parallel.user_data, tasks, aimi_vec_intake_task, &in);
    } else {
        for (i = 0; i < tasks; i++) aimi_vec_intake_task(&in, i, 0);
    }
    for (i = 0; i < count; i++) {
        float norm = *aimi_vec_norm_at(&v->rows, v->count + (uint32_t)i);
        if (norm < 0.0f) return (aimem_result)norm;
    }
    return AIMEM_OK;
}

/* Gives a slot its label, in room that is there. */
AIMC_ALL_FN void aimi_vec_label_put(aimem_vec *v, uint32_t slot, const char *text, size_t size) {
    size_t at = aimi_vec_label_append(&v->labels, slot, size);
    memcpy(v->labels.bytes + at, text, size);
    *aimi_vec_label_at(&v->rows, slot) = at;
    aimi_vec_table_put(&v->labels.table, aimi_vec_hash_text(text, size), slot);
}

/* Makes the row in the first free slot a row of the collection: EXISTS or LIMIT, or cannot fail. */
AIMC_ALL_FN aimem_result aimi_vec_link(aimem_vec *v, uint64_t id, const char *label) {
    size_t size = aimi_vec_label_length(label);
    uint32_t slot = v->count, other;
    if (id == AIMEM_VEC_NEW_ID) {
        if (v->next_id == AIMEM_VEC_NEW_ID) return AIMEM_ERR_LIMIT;
        id = v->next_id;
    } else if (aimi_vec_find_id(v, id, &other)) {
        return AIMEM_ERR_EXISTS;
    }
    if (size != 0 && aimi_vec_find_label(v, label, size, &other)) return AIMEM_ERR_EXISTS;
    *aimi_vec_id_at(&v->rows, slot) = id;
    *aimi_vec_label_at(&v->rows, slot) = 0;
    aimi_vec_table_put(&v->ids, aimi_vec_hash_id(id), slot);
    if (size != 0) aimi_vec_label_put(v, slot, label, size);
    if (id >= v->next_id) v->next_id = id + 1;
    v->count++;
    return AIMEM_OK;
}

/* Links count rows, or none: what was linked is taken back in reverse order. */
AIMC_ALL_FN aimem_result aimi_vec_link_all(aimem_vec *v, size_t count, const uint64_t *ids,
                                       const char *const *labels) {
    uint32_t before = v->count;
    uint64_t next_id = v->next_id;
    size_t label_bytes = v->labels.size, i;
    for (i = 0; i < count; i++) {
        aimem_result result = aimi_vec_link(v, ids == NULL ? AIMEM_VEC_NEW_ID : ids[i],
                                            labels == NULL ? NULL : labels[i]);
        if (result == AIMEM_OK) continue;
        while (v->count > before) {
            uint32_t slot = v->count - 1;
            aimi_vec_table_remove(&v->ids, v, aimi_vec_hash_slot_id, slot);
            if (*aimi_vec_label_at(&v->rows, slot) != 0) {
                aimi_vec_table_remove(&v->labels.table, v, aimi_vec_hash_slot_label, slot);
                v->labels.live--;
            }
            v->count--;
        }
        v->labels.size = label_bytes;
        v->next_id = next_id;
        return result;
    }
    return AIMEM_OK;
}

/* Bytes and number of the labels that come in. RANGE: one is too long. */
AIMC_ALL_FN aimem_result aimi_vec_labels_need(size_t count, const char *const *labels, size_t *bytes,
                                          size_t *number) {
    size_t i;
    *bytes = *number = 0;
    for (i = 0; labels != NULL && i < count; i++) {
        size_t size = aimi_vec_label_length(labels[i]);
        if (size > AIMEM_VEC_MAX_LABEL) return AIMEM_ERR_RANGE;
        if (size == 0) continue;
        if (!aimc_all_add_size(*bytes, size + AIMI_VEC_LABEL_FRAME, bytes)) return AIMEM_ERR_NOMEM;
        *number += 1;
    }
    return AIMEM_OK;
}

/* Room for count more rows whose labels take so many bytes. */
AIMC_ALL_FN aimem_result aimi_vec_room(aimem_vec *v, size_t count, size_t bytes, size_t labels,
                                   aimi_vec_spare spare[2]) {
    const aimem_allocator *a = &v->allocator;
    uint64_t rows = (uint64_t)v->count + count;
    aimem_result result = aimi_vec_rows_room(&v->rows, a, rows, v->count, &spare[0]);
    if (result == AIMEM_OK) {
        result = aimi_vec_table_room(&v->ids, a, rows, v, aimi_vec_hash_slot_id);
    }
    if (result == AIMEM_OK && labels != 0) {
        result = aimi_vec_labels_room(&v->labels, a, bytes, &spare[1]);
    }
    if (result == AIMEM_OK && labels != 0) {
        result = aimi_vec_table_room(&v->labels.table, a, v->labels.live + labels, v,
                                     aimi_vec_hash_slot_label);
    }
    return result;
}

/* Adds count rows, or none. */
AIMC_ALL_FN aimem_result aimi_vec_add_all(aimem_vec *v, size_t count, const uint64_t *ids,
                                      const char *const *labels, const float *vectors) {
    aimi_vec_spare spare[2];
    size_t bytes, number;
    aimem_result result = aimi_vec_labels_need(count, labels, &bytes, &number);
    if (result != AIMEM_OK) return result;
    if (count > v->max_rows - v->count) return AIMEM_ERR_LIMIT;
    memset(spare, 0, sizeof spare);
    v->changing = true;
    result = aimi_vec_room(v, count, bytes, number, spare);
    if (result == AIMEM_OK) result = aimi_vec_take_in(v, count, vectors);
    if (result == AIMEM_OK) result = aimi_vec_link_all(v, count, ids, labels);
    aimi_vec_spare_free(&spare[0], &v->allocator);
    aimi_vec_spare_free(&spare[1], &v->allocator);
    v->changing = false;
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_add_batch(aimem_vec *v, size_t count, const uint64_t *ids,
                                               const char *const *labels, const float *vectors,
                                               uint64_t *out_ids) {
    aimem_result result = AIMEM_ERR_INVALID;
    size_t i;
    if (v != NULL && v->changing) {
        result = AIMEM_ERR_BUSY;
    } else if (v != NULL && (vectors != NULL || count == 0)) {
        result = aimi_vec_add_all(v, count, ids, labels, vectors);
    }
    for (i = 0; out_ids != NULL && i < count; i++) {
        uint32_t slot = v == NULL ? 0 : v->count - (uint32_t)(count - i);
        out_ids[i] = result == AIMEM_OK ? *aimi_vec_id_at(&v->rows, slot) : 0;
    }
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_add(aimem_vec *v, uint64_t id, const char *label,
                                         const float *vector, uint64_t *out_id) {
    return aimem_vec_add_batch(v, 1, &id, &label, vector, out_id);
}

/* ---- replacing and removing ------------------------------------------------------------------ */

/* Takes the label of a slot away; its bytes stay readable until the labels are packed. */
AIMC_ALL_FN void aimi_vec_label_take(aimem_vec *v, uint32_t slot) {
    size_t *at = aimi_vec_label_at(&v->rows, slot);
    if (*at == 0) return;
    aimi_vec_table_remove(&v->labels.table, v, aimi_vec_hash_slot_label, slot);
    aimi_vec_label_drop(&v->labels, *at);
    *at = 0;
}

/* The label of a slot becomes this text of size bytes, 0: none. Fails before anything changed. */
AIMC_ALL_FN aimem_result aimi_vec_relabel(aimem_vec *v, uint32_t slot, const char *text, size_t size) {
    aimi_vec_spare spare[2];
    uint32_t other;
    if (size != 0 && aimi_vec_find_label(v, text, size, &other)) {
        return other == slot ? AIMEM_OK : AIMEM_ERR_EXISTS;
    }
    memset(spare, 0, sizeof spare);
    if (size != 0) {
        aimem_result result = aimi_vec_room(v, 0, size + AIMI_VEC_LABEL_FRAME, 1, spare);
        if (result != AIMEM_OK) {
            aimi_vec_spare_free(&spare[1], &v->allocator);
            return result;
        }
    }
    aimi_vec_label_take(v, slot);
    if (size != 0) aimi_vec_label_put(v, slot, text, size);
    aimi_vec_spare_free(&spare[1], &v->allocator);
    return AIMEM_OK;
}

AIMEM_VEC_API aimem_result aimem_vec_put(aimem_vec *v, uint64_t id, const char *label,
                                         const float *vector) {
    size_t size = aimi_vec_label_length(label);
    aimem_result result;
    uint32_t slot;
    float inverse;
    if (v == NULL || vector == NULL || id == AIMEM_VEC_NEW_ID) return AIMEM_ERR_INVALID;
    if (v->changing) return AIMEM_ERR_BUSY;
    if (!aimi_vec_find_id(v, id, &slot)) return aimem_vec_add(v, id, label, vector, NULL);
    result = aimi_vec_measure(v->metric, vector, v->rows.dim, &inverse);
    if (result != AIMEM_OK) return result;
    if (size > AIMEM_VEC_MAX_LABEL) return AIMEM_ERR_RANGE;
    v->changing = true;
    result = aimi_vec_relabel(v, slot, label, size);
    if (result == AIMEM_OK) {
        aimi_vec_row_set(&v->rows, slot, vector);
        *aimi_vec_norm_at(&v->rows, slot) = inverse;
        aimi_vec_labels_tidy(&v->labels, &v->rows);
    }
    v->changing = false;
    return result;
}

/* The last row moves into slot, which has no id and label in the tables any more. */
AIMC_ALL_FN void aimi_vec_fill_hole(aimem_vec *v, uint32_t slot) {
    uint32_t last = v->count - 1;
    size_t label = *aimi_vec_label_at(&v->rows, last);
    if (slot == last) return;
    v->ids.cells[aimi_vec_table_cell(&v->ids, aimi_vec_hash_slot_id(v, last), last)] = slot + 1;
    if (label != 0) {
        aimi_vec_table *t = &v->labels.table;
        t->cells[aimi_vec_table_cell(t, aimi_vec_hash_slot_label(v, last), last)] = slot + 1;
        aimi_vec_label_set_slot(&v->labels, label, slot);
    }
    aimi_vec_row_move(&v->rows, slot, last);
}

AIMEM_VEC_API aimem_result aimem_vec_remove(aimem_vec *v, uint64_t id) {
    uint32_t slot;
    if (v == NULL) return AIMEM_ERR_INVALID;
    if (v->changing) return AIMEM_ERR_BUSY;
    if (!aimi_vec_find_id(v, id, &slot)) return AIMEM_ERR_NOT_FOUND;
    aimi_vec_label_take(v, slot);
    aimi_vec_table_remove(&v->ids, v, aimi_vec_hash_slot_id, slot);
    aimi_vec_fill_hole(v, slot);
    v->count--;
    aimi_vec_labels_tidy(&v->labels, &v->rows);
    return AIMEM_OK;
}

AIMEM_VEC_API void aimem_vec_clear(aimem_vec *v) {
    if (v == NULL || v->changing) return;
    v->count = 0;
    v->labels.size = v->labels.dead = 0;
    v->labels.live = 0;
    if (v->ids.size != 0) memset(v->ids.cells, 0, v->ids.size * sizeof(uint32_t));
    if (v->labels.table.size != 0) {
        memset(v->labels.table.cells, 0, v->labels.table.size * sizeof(uint32_t));
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

AIMEM_VEC_API aimem_result aimem_vec_get(const aimem_vec *v, uint64_t id, float *vector) {
    uint32_t slot;
    if (v == NULL || vector == NULL) return AIMEM_ERR_INVALID;
    if (!aimi_vec_find_id(v, id, &slot)) return AIMEM_ERR_NOT_FOUND;
    memcpy(vector, aimi_vec_row_at(&v->rows, slot), v->rows.dim * sizeof(float));
    return AIMEM_OK;
}

AIMEM_VEC_API aimem_result aimem_vec_view(const aimem_vec *v, uint64_t id, aimem_vec_row *out) {
    uint32_t slot;
    if (out == NULL) return AIMEM_ERR_INVALID;
    memset(out, 0, sizeof *out);
    if (v == NULL) return AIMEM_ERR_INVALID;
    if (!aimi_vec_find_id(v, id, &slot)) return AIMEM_ERR_NOT_FOUND;
    aimi_vec_slot_row(v, slot, out);
    return AIMEM_OK;
}

AIMEM_VEC_API aimem_result aimem_vec_find(const aimem_vec *v, const char *label,
                                          uint64_t *out_id) {
    size_t size = aimi_vec_label_length(label);
    uint32_t slot;
    if (out_id == NULL) return AIMEM_ERR_INVALID;
    *out_id = 0;
    if (v == NULL || label == NULL) return AIMEM_ERR_INVALID;
    if (size == 0 || !aimi_vec_find_label(v, label, size, &slot)) return AIMEM_ERR_NOT_FOUND;
    *out_id = *aimi_vec_id_at(&v->rows, slot);
    return AIMEM_OK;
}

AIMEM_VEC_API uint64_t aimem_vec_count(const aimem_vec *v) {
    return v == NULL ? 0 : v->count;
}

AIMEM_VEC_API bool aimem_vec_next(const aimem_vec *v, uint64_t *cursor, aimem_vec_row *out) {
    if (out == NULL) return false;
    memset(out, 0, sizeof *out);
    if (v == NULL || cursor == NULL || *cursor >= v->count) return false;
    aimi_vec_slot_row(v, (uint32_t)*cursor, out);
    *cursor += 1;
    return true;
}

/* ---- room and facts -------------------------------------------------------------------------- */

AIMEM_VEC_API aimem_result aimem_vec_reserve(aimem_vec *v, uint64_t rows) {
    aimi_vec_spare spare[2];
    aimem_result result;
    if (v == NULL) return AIMEM_ERR_INVALID;
    if (v->changing) return AIMEM_ERR_BUSY;
    if (rows > v->max_rows) return AIMEM_ERR_LIMIT;
    if (rows <= v->count) return AIMEM_OK;
    memset(spare, 0, sizeof spare);
    v->changing = true;
    result = aimi_vec_room(v, (size_t)(rows - v->count), 0, 0, spare);
    aimi_vec_spare_free(&spare[0], &v->allocator);
    v->changing = false;
    return result;
}

AIMC_ALL_FN aimem_result aimi_vec_table_trim(aimem_vec *v, aimi_vec_table *t, uint64_t items,
                                         aimi_vec_hash_fn hash_fn) {
    size_t cells = aimi_vec_table_cells(items);
    if (items == 0) aimi_vec_table_free(t, &v->allocator);
    if (cells >= t->size) return AIMEM_OK;
    return aimi_vec_table_resize(t, &v->allocator, cells, v, hash_fn);
}

AIMC_ALL_FN aimem_result aimi_vec_labels_trim(aimem_vec *v) {
    aimi_vec_labels *l = &v->labels;
    aimi_vec_spare spare;
    aimem_result result;
    aimi_vec_labels_pack(l, &v->rows);
    if (l->size == 0) aimi_vec_labels_free(l, &v->allocator);
    if (l->size == l->room) return AIMEM_OK;
    memset(&spare, 0, sizeof spare);
    result = aimi_vec_labels_resize(l, &v->allocator, l->size, &spare);
    aimi_vec_spare_free(&spare, &v->allocator);
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_trim(aimem_vec *v) {
    aimem_result result;
    if (v == NULL) return AIMEM_ERR_INVALID;
    if (v->changing) return AIMEM_ERR_BUSY;
    v->changing = true;
    result = aimi_vec_rows_trim(&v->rows, &v->allocator, v->count);
    if (result == AIMEM_OK) {
        result = aimi_vec_table_trim(v, &v->ids, v->count, aimi_vec_hash_slot_id);
    }
    if (result == AIMEM_OK) {
        result = aimi_vec_table_trim(v, &v->labels.table, v->labels.live,
                                     aimi_vec_hash_slot_label);
    }
    if (result == AIMEM_OK) result = aimi_vec_labels_trim(v);
    v->changing = false;
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_set_metric(aimem_vec *v, uint32_t metric) {
    if (v == NULL || metric > AIMEM_VEC_IP) return AIMEM_ERR_INVALID;
    if (v->changing || v->count != 0) return AIMEM_ERR_BUSY;
    v->metric = metric;
    return AIMEM_OK;
}

AIMEM_VEC_API void aimem_vec_stats(const aimem_vec *v, aimem_vec_info *out) {
    if (out == NULL) return;
    memset(out, 0, sizeof *out);
    if (v == NULL) return;
    out->dim = v->rows.dim;
    out->metric = v->metric;
    out->simd = v->dist.level;
    out->count = v->count;
    out->capacity = aimi_vec_rows_capacity(&v->rows);
    out->max_rows = v->max_rows;
    out->labels = v->labels.live;
    out->bytes = sizeof *v + aimi_vec_rows_bytes(&v->rows) + v->labels.room +
                 (uint64_t)(v->ids.size + v->labels.table.size) * sizeof(uint32_t);
    if (v->count != 0) out->bytes_per_row = (float)out->bytes / (float)v->count;
}

/* end vec/store.h */

/* begin vec/search.h */
/* vec/search.h: exact search: every row is compared with the query.
 *
 * The rows are cut into blocks, always the same ones. A block goes through a kernel of core/dist.h,
 * which writes one number per row into a small array: the key. Keys that are over the limit (the
 * worst hit so far, or the radius) are passed over, and that is nearly all of them; the others are
 * offered to the heap of hits. So the scan runs at the speed of memory.
 *
 * The key is the distance itself, but for two metrics, where the rest is worked out only for what
 * is offered: for AIMEM_VEC_L2 the key is the square, for AIMEM_VEC_COS minus the product with the
 * row made a unit vector. Hits are compared by the final distance: different squares may have the
 * same root, and then the id decides. So limits on keys are a little wider than needed.
 *
 * With desc.parallel tasks scan runs of blocks and each worker keeps its own heap; the heaps are
 * merged at the end. As the blocks are the same and the order of hits is total, the result does not
 * depend on the number of workers.
 */

#include <float.h>

enum {
    AIMI_VEC_BLOCK = 256,            /* rows in a block, at most: 1 KiB of keys on the stack */
    AIMI_VEC_BLOCK_FLOATS = 1 << 15, /* 128 KiB: a block stays in cache for the next query */
    AIMI_VEC_TASK_FLOATS = 1 << 16,  /* less is not worth a task */
    AIMI_VEC_SPLIT_FLOATS = 1 << 18, /* a smaller collection is scanned by one thread: 1 MiB */
    AIMI_VEC_GROUP = 8               /* queries that go through a block together */
};

/* A search under way: one query, one heap. */
typedef struct aimi_vec_query {
    const float *vector;
    aimc_all_topk best;      /* in the caller's array of hits; label_size has the slot until the end */
    uint64_t found;      /* rows within the radius */
    float inverse;       /* as for a row: 1 / length, with the cosine */
    float radius;        /* no distance beyond it counts; FLT_MAX for the k nearest */
    float limit;         /* no key beyond it is offered */
    bool all;            /* every row within the radius is counted, also when hits is full */
} aimi_vec_query;

/* ---- keys and distances ---------------------------------------------------------------------- */

/* The keys of n rows, whose inverse norms are norms. After the kernel at most one rounding, so that
   a key does not depend on where in the loop it is worked out, also with -ffast-math. */
AIMC_ALL_FN void aimi_vec_keys(const aimc_all_dist *dist, uint32_t metric, const float *query,
                           const float *rows, size_t stride, size_t n, size_t dim,
                           const float *norms, float *keys) {
    size_t i;
    switch (metric) {
    case AIMEM_VEC_L1: dist->l1(query, rows, stride, n, dim, keys); return;
    case AIMEM_VEC_L2:
    case AIMEM_VEC_L2SQ: dist->l2sq(query, rows, stride, n, dim, keys); return;
    default: dist->dot(query, rows, stride, n, dim, keys); break;
    }
    if (metric == AIMEM_VEC_IP) {
        for (i = 0; i < n; i++) keys[i] = 0.0f - keys[i];
    } else {
        for (i = 0; i < n; i++) keys[i] *= -norms[i];
    }
}

/* The distance that a key stands for; inverse is 1 / length of the query, 0 for a zero vector. Not
   inlined, so that every cosine in the program comes from the same instructions. */
AIMC_ALL_NOINLINE float aimi_vec_key_distance(uint32_t metric, float key, float inverse) {
    float distance;
    if (metric == AIMEM_VEC_L2) return aimc_all_sqrtf(key);
    if (metric != AIMEM_VEC_COS) return key;
    distance = 1.0f + key * inverse;
    return distance < 0.0f ? 0.0f : distance > 2.0f ? 2.0f : distance;
}

/* A key above this has a distance above distance. The square of a rounded root is off by at most
   2^-22 of it, or, where squares are denormal, by less than FLT_MIN; a cosine by 2^-22. */
AIMC_ALL_FN float aimi_vec_key_limit(uint32_t metric, float distance, float inverse) {
    if (metric == AIMEM_VEC_L2) {
        if (distance < 0.0f) return -1.0f;
        if (distance > 1e19f) return FLT_MAX;
        return distance * distance * 1.000001f + FLT_MIN;
    }
    if (metric != AIMEM_VEC_COS) return distance;
    if (distance < 0.0f) return -FLT_MAX;
    if (distance >= 2.0f || inverse < FLT_MIN) return FLT_MAX;
    return (distance - 1.0f + 1e-6f) / inverse;
}

AIMC_ALL_FN float aimi_vec_similarity(uint32_t metric, float distance) {
    if (metric == AIMEM_VEC_COS) return 1.0f - distance;
    if (metric == AIMEM_VEC_IP) return 0.0f - distance;
    return 1.0f / (1.0f + distance);
}

/* ---- one query ------------------------------------------------------------------------------- */

AIMC_ALL_FN void aimi_vec_query_init(aimi_vec_query *q, const aimem_vec *v, const float *vector,
                                 float inverse, aimem_vec_hit *hits, size_t room) {
    q->vector = vector;
    aimc_all_topk_init(&q->best, hits, sizeof *hits, room < v->count ? room : v->count);
    q->found = 0;
    q->inverse = inverse;
    q->radius = FLT_MAX;
    q->limit = FLT_MAX;
    q->all = false;
}

/* A row whose key is within the limit. */
AIMC_ALL_FN void aimi_vec_offer(const aimem_vec *v, aimi_vec_query *q, uint32_t slot, float key) {
    aimem_vec_hit hit;
    hit.distance = aimi_vec_key_distance(v->metric, key, q->inverse);
    if (hit.distance > q->radius) return;
    q->found++;
    if (hit.distance > aimc_all_topk_limit(&q->best)) return;
    hit.id = *aimi_vec_id_at(&v->rows, slot);
    hit.similarity = 0.0f;
    hit.label = NULL;
    hit.label_size = slot;
    (void)aimc_all_topk_push(&q->best, &hit);
    if (q->best.count == q->best.room && !q->all) {
        q->limit = aimi_vec_key_limit(v->metric, aimc_all_topk_limit(&q->best), q->inverse);
    }
}

/* Rows in a block: a power of two that divides a chunk. */
AIMC_ALL_FN size_t aimi_vec_block_rows(const aimem_vec *v) {
    size_t n = AIMI_VEC_BLOCK;
    while (n > 1 && n * v->rows.stride > AIMI_VEC_BLOCK_FLOATS) n /= 2;
    return aimc_all_min_size(n, (size_t)1 << v->rows.shift);
}

AIMC_ALL_FN size_t aimi_vec_blocks(const aimem_vec *v) {
    size_t n = aimi_vec_block_rows(v);
    return v->count / n + (v->count % n != 0);
}

/* Blocks first to last - 1, for count queries: each block is read from memory once. */
AIMC_ALL_FN void aimi_vec_scan(const aimem_vec *v, aimi_vec_query *queries, size_t count, size_t first,
                           size_t last) {
    size_t block = aimi_vec_block_rows(v), b, c, i;
    float keys[AIMI_VEC_BLOCK];
    for (b = first; b < last; b++) {
        uint32_t slot = (uint32_t)(b * block);
        size_t n = aimc_all_min_size(block, v->count - slot);
        const float *rows = aimi_vec_row_at(&v->rows, slot);
        const float *norms = aimi_vec_norm_at(&v->rows, slot);
        for (c = 0; c < count; c++) {
            aimi_vec_query *q = &queries[c];
            aimi_vec_keys(&v->dist, v->metric, q->vector, rows, v->rows.stride, n, v->rows.dim,
                          norms, keys);
            for (i = 0; i < n; i++) {
                if (keys[i] <= q->limit) aimi_vec_offer(v, q, slot + (uint32_t)i, keys[i]);
            }
        }
    }
}

/* Sorts the hits and fills in what a search does not carry. */
AIMC_ALL_FN void aimi_vec_finish(const aimem_vec *v, aimi_vec_query *q) {
    aimem_vec_hit *hits = (aimem_vec_hit *)(void *)q->best.hits;
    size_t i;
    aimc_all_topk_finish(&q->best);
    for (i = 0; i < q->best.count; i++) {
        aimem_vec_hit *hit = &hits[i];
        aimi_vec_slot_label(v, (uint32_t)hit->label_size, &hit->label, &hit->label_size);
        hit->similarity = aimi_vec_similarity(v->metric, hit->distance);
    }
}

/* ---- one query, several threads -------------------------------------------------------------- */

typedef struct aimi_vec_job {
    const aimem_vec *v;
    aimi_vec_query *queries; /* one per worker */
    size_t blocks, step;     /* blocks in all, in a task */
} aimi_vec_job;

AIMC_ALL_FN void aimi_vec_job_task(void *task_data, size_t index, uint32_t worker) {
    const aimi_vec_job *job = (const aimi_vec_job *)task_data;
    size_t first = index * job->step;
    AIMC_ALL_ASSERT(worker < job->v->parallel.workers);
    aimi_vec_scan(job->v, &job->queries[worker], 1, first,
                  aimc_all_min_size(job->blocks, first + job->step));
}

/* About four tasks for each worker, so that a slow one does not hold up the rest. */
AIMC_ALL_FN size_t aimi_vec_job_step(const aimem_vec *v, size_t blocks) {
    size_t floats = aimi_vec_block_rows(v) * v->rows.stride;
    size_t least = AIMI_VEC_TASK_FLOATS / floats + 1;
    return aimc_all_max_size(least, blocks / 4 / v->parallel.workers + 1);
}

/* A query and a heap for each worker, in one block: queries, then hits. */
AIMC_ALL_FN aimem_result aimi_vec_run_parallel(const aimem_vec *v, aimi_vec_query *q) {
    const aimem_parallel *p = &v->parallel;
    size_t head = sizeof(aimi_vec_query), hits, size, i;
    unsigned char *block;
    aimi_vec_job job;
    if (!aimc_all_mul_size(q->best.room, sizeof(aimem_vec_hit), &hits)) return AIMEM_ERR_NOMEM;
    if (!aimc_all_add_size(head, hits, &size)) return AIMEM_ERR_NOMEM;
    if (!aimc_all_mul_size(p->workers, size, &size)) return AIMEM_ERR_NOMEM;
    block = (unsigned char *)aimc_all_alloc(&v->allocator, size, AIMI_VEC_ALIGN);
    if (block == NULL) return AIMEM_ERR_NOMEM;
    job.v = v;
    job.queries = (aimi_vec_query *)(void *)block;
    job.blocks = aimi_vec_blocks(v);
    job.step = aimi_vec_job_step(v, job.blocks);
    for (i = 0; i < p->workers; i++) {
        job.queries[i] = *q;
        job.queries[i].best.hits = block + p->workers * head + i * hits;
    }
    p->for_fn(p->user_data, job.blocks / job.step + (job.blocks % job.step != 0),
              aimi_vec_job_task, &job);
    for (i = 0; i < p->workers; i++) {
        aimc_all_topk_merge(&q->best, &job.queries[i].best);
        q->found += job.queries[i].found;
    }
    aimc_all_free(&v->allocator, block, size, AIMI_VEC_ALIGN);
    return AIMEM_OK;
}

AIMC_ALL_FN aimem_result aimi_vec_run(const aimem_vec *v, aimi_vec_query *q) {
    uint64_t floats = (uint64_t)v->count * v->rows.stride;
    if (v->parallel.workers > 1 && floats >= AIMI_VEC_SPLIT_FLOATS) {
        aimem_result result = aimi_vec_run_parallel(v, q);
        if (result != AIMEM_OK) return result;
    } else {
        aimi_vec_scan(v, q, 1, 0, aimi_vec_blocks(v));
    }
    aimi_vec_finish(v, q);
    return AIMEM_OK;
}

/* ---- the calls ------------------------------------------------------------------------------- */

AIMEM_VEC_API aimem_result aimem_vec_search(const aimem_vec *v, const float *query, size_t k,
                                            aimem_vec_hit *hits, size_t *count) {
    aimi_vec_query q;
    aimem_result result;
    float inverse;
    if (count == NULL) return AIMEM_ERR_INVALID;
    *count = 0;
    if (v == NULL || query == NULL || (hits == NULL && k != 0)) return AIMEM_ERR_INVALID;
    result = aimi_vec_measure(v->metric, query, v->rows.dim, &inverse);
    if (result != AIMEM_OK || k == 0) return result;
    aimi_vec_query_init(&q, v, query, inverse, hits, k);
    result = aimi_vec_run(v, &q);
    if (result == AIMEM_OK) *count = q.best.count;
    return result;
}

/* The bits of a float say whether it is a NaN or infinite; comparisons may not (-ffast-math). */
AIMC_ALL_FN aimem_result aimi_vec_radius(float radius, float *finite) {
    uint32_t bits;
    memcpy(&bits, &radius, sizeof bits);
    *finite = radius;
    if ((bits & 0x7F800000u) != 0x7F800000u) return AIMEM_OK;
    if ((bits & 0x007FFFFFu) != 0) return AIMEM_ERR_INVALID;
    *finite = bits >> 31 != 0 ? -FLT_MAX : FLT_MAX;
    return AIMEM_OK;
}

AIMEM_VEC_API aimem_result aimem_vec_range(const aimem_vec *v, const float *query, float radius,
                                           aimem_vec_hit *hits, size_t capacity, size_t *count) {
    aimi_vec_query q;
    aimem_result result;
    float inverse, finite;
    if (count == NULL) return AIMEM_ERR_INVALID;
    *count = 0;
    if (v == NULL || query == NULL || (hits == NULL && capacity != 0)) return AIMEM_ERR_INVALID;
    result = aimi_vec_radius(radius, &finite);
    if (result == AIMEM_OK) {
        result = aimi_vec_measure(v->metric, query, v->rows.dim, &inverse);
    }
    if (result != AIMEM_OK) return result;
    aimi_vec_query_init(&q, v, query, inverse, hits, capacity);
    q.radius = finite;
    q.limit = aimi_vec_key_limit(v->metric, finite, inverse);
    q.all = true;
    result = aimi_vec_run(v, &q);
    if (result == AIMEM_OK) *count = (size_t)q.found;
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_distance(const aimem_vec *v, const float *a, const float *b,
                                              float *distance) {
    aimem_result result;
    float inverse_a, inverse_b, key;
    if (distance == NULL) return AIMEM_ERR_INVALID;
    *distance = 0.0f;
    if (v == NULL || a == NULL || b == NULL) return AIMEM_ERR_INVALID;
    result = aimi_vec_measure(v->metric, a, v->rows.dim, &inverse_a);
    if (result == AIMEM_OK) result = aimi_vec_measure(v->metric, b, v->rows.dim, &inverse_b);
    if (result != AIMEM_OK) return result;
    aimi_vec_keys(&v->dist, v->metric, a, b, v->rows.dim, 1, v->rows.dim, &inverse_b, &key);
    *distance = aimi_vec_key_distance(v->metric, key, inverse_a);
    return AIMEM_OK;
}

/* ---- many queries ---------------------------------------------------------------------------- */

/* Queries that workers take in groups. A query that may not be asked is noted in its count: workers
   need no memory of their own for their answer. */
typedef struct aimi_vec_batch {
    const aimem_vec *v;
    const float *vectors;
    size_t queries, group, k;
    aimem_vec_hit *hits;
    size_t *counts;
} aimi_vec_batch;

AIMC_ALL_FN void aimi_vec_batch_task(void *task_data, size_t index, uint32_t worker) {
    const aimi_vec_batch *batch = (const aimi_vec_batch *)task_data;
    const aimem_vec *v = batch->v;
    size_t first = index * batch->group, i, count = 0;
    size_t last = aimc_all_min_size(batch->queries, first + batch->group);
    aimi_vec_query queries[AIMI_VEC_GROUP];
    (void)worker;
    for (i = first; i < last; i++) {
        const float *vector = batch->vectors + i * v->rows.dim;
        float inverse;
        aimem_result result = aimi_vec_measure(v->metric, vector, v->rows.dim, &inverse);
        batch->counts[i] = result == AIMEM_OK ? 0 : SIZE_MAX - (size_t)(-result);
        aimi_vec_query_init(&queries[i - first], v, vector, inverse,
                            batch->k == 0 ? NULL : batch->hits + i * batch->k, batch->k);
        if (result == AIMEM_OK) count++;
    }
    if (count != last - first || batch->k == 0) return;
    aimi_vec_scan(v, queries, count, 0, aimi_vec_blocks(v));
    for (i = first; i < last; i++) {
        aimi_vec_finish(v, &queries[i - first]);
        batch->counts[i] = queries[i - first].best.count;
    }
}

/* The first query that was refused decides; then all counts are 0. */
AIMC_ALL_FN aimem_result aimi_vec_batch_result(size_t queries, size_t *counts) {
    aimem_result result = AIMEM_OK;
    size_t i;
    for (i = 0; i < queries && result == AIMEM_OK; i++) {
        if (counts[i] > SIZE_MAX - 64) result = -(aimem_result)(SIZE_MAX - counts[i]);
    }
    if (result != AIMEM_OK) memset(counts, 0, queries * sizeof *counts);
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_search_batch(const aimem_vec *v, size_t queries,
                                                  const float *vectors, size_t k,
                                                  aimem_vec_hit *hits, size_t *counts) {
    aimi_vec_batch batch;
    size_t i, tasks, bytes;
    if (queries == 0) return v == NULL ? AIMEM_ERR_INVALID : AIMEM_OK;
    if (counts == NULL) return AIMEM_ERR_INVALID;
    memset(counts, 0, queries * sizeof *counts);
    if (v == NULL || vectors == NULL || (hits == NULL && k != 0)) return AIMEM_ERR_INVALID;
    if (queries == 1) return aimem_vec_search(v, vectors, k, hits, counts);
    if (!aimc_all_mul_size(queries, k, &bytes)) return AIMEM_ERR_INVALID;
    if (!aimc_all_mul_size(bytes, sizeof *hits, &bytes)) return AIMEM_ERR_INVALID;
    batch.v = v;
    batch.vectors = vectors;
    batch.queries = queries;
    batch.k = k;
    batch.hits = hits;
    batch.counts = counts;
    batch.group = aimc_all_max_size(1, aimc_all_min_size(AIMI_VEC_GROUP, queries / v->parallel.workers));
    tasks = queries / batch.group + (queries % batch.group != 0);
    if (v->parallel.workers > 1) {
        v->parallel.for_fn(v->parallel.user_data, tasks, aimi_vec_batch_task, &batch);
    } else {
        for (i = 0; i < tasks; i++) aimi_vec_batch_task(&batch, i, 0);
    }
    return aimi_vec_batch_result(queries, counts);
}

/* end vec/search.h */

/* begin vec/format.h */
/* vec/format.h: the bytes of a saved collection (docs/FORMAT.md has the tables).
 *
 *   header 64 | rows: blocks | keys: blocks          all numbers little endian
 *
 * The keys are, row by row: id (8), size of the label (2), label. Both sections are cut into
 * blocks. A block is its payload, zeros, and a CRC32C in its last four bytes; the zeros make its
 * size a multiple of 64. So every block begins at a multiple of 64, and so does each row of 16
 * floats or more: a mapped file can be searched in place. For the same reason rows are stored with
 * the padding that they have in memory, which is nothing for most dimensions in use.
 *
 * Each CRC goes on from the one before it, that of the header first, so blocks of another place or
 * another file do not fit. Any single flipped bit lies under a CRC or in one.
 */

#define AIMI_VEC_MAGIC "AIMEMVEC"

enum {
    AIMI_VEC_FORMAT = 1,           /* the version that is written and read */
    AIMI_VEC_ENDIAN = 0x01020304,  /* reads as 0x04030201 if a writer swapped the bytes */
    AIMI_VEC_HEADER = 64,          /* bytes */
    AIMI_VEC_UNIT = 64,            /* blocks are multiples of it */
    AIMI_VEC_BUFFER = 65536,       /* bytes held while saving or loading */
    AIMI_VEC_KEYS = 65536 - 4,     /* payload of a block of keys: its CRC fills the buffer up */
    AIMI_VEC_KEY = 10              /* id and size of the label */
};

/* Where the fields of the header stand. */
enum {
    AIMI_VEC_AT_VERSION = 8,
    AIMI_VEC_AT_ENDIAN = 12,
    AIMI_VEC_AT_DIM = 16,
    AIMI_VEC_AT_METRIC = 20,
    AIMI_VEC_AT_ROWS = 24,
    AIMI_VEC_AT_NEXT_ID = 32,
    AIMI_VEC_AT_KEYS = 40,
    AIMI_VEC_AT_STRIDE = 48,
    AIMI_VEC_AT_BLOCK = 52,
    AIMI_VEC_AT_ZERO = 56,
    AIMI_VEC_AT_CRC = 60
};

typedef struct aimi_vec_header {
    uint32_t dim, metric, stride, block; /* block: rows in a block of rows */
    uint64_t rows, next_id, keys;        /* keys: payload bytes of that section */
    uint32_t crc;
} aimi_vec_header;

/* Zeros between the payload and the CRC of a block. */
AIMC_ALL_FN size_t aimi_vec_block_pad(size_t payload) {
    return (AIMI_VEC_UNIT - (payload + 4) % AIMI_VEC_UNIT) % AIMI_VEC_UNIT;
}

/* n floats from the order of the machine to that of the file, or back. dst may be src. */
AIMC_ALL_FN void aimi_vec_swap_floats(void *dst, const void *src, size_t n) {
#if defined(AIMC_ALL_BIG_ENDIAN)
    size_t i;
    for (i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, (const unsigned char *)src + i * 4, 4);
        bits = aimc_all_swap_u32(bits);
        memcpy((unsigned char *)dst + i * 4, &bits, 4);
    }
#else
    if (dst != src) memcpy(dst, src, n * 4);
#endif
}

AIMC_ALL_FN uint64_t aimi_vec_keys_bytes(const aimem_vec *v) {
    const aimi_vec_labels *l = &v->labels;
    return (uint64_t)v->count * AIMI_VEC_KEY + (l->size - l->dead) -
           l->live * AIMI_VEC_LABEL_FRAME;
}

/* end vec/format.h */

/* begin vec/save.h */
/* vec/save.h: writing a collection to a stream.
 *
 * All bytes pass through one buffer. The CRC of a block is taken of what lies in the buffer when it
 * is flushed and when the block ends, so blocks may be larger than the buffer.
 */

/* Bytes on their way out. buffer[0, used) is not written yet; of it, [0, summed) is in crc. */
typedef struct aimi_vec_writer {
    const aimem_stream *stream;
    unsigned char *buffer; /* AIMI_VEC_BUFFER */
    size_t used, summed;
    size_t payload;      /* bytes of the block so far */
    uint32_t crc;        /* of the blocks so far and of this one up to summed */
    aimem_result result; /* the first failure; nothing is written after it */
} aimi_vec_writer;

AIMC_ALL_FN void aimi_vec_write_sum(aimi_vec_writer *w) {
    w->crc = aimc_all_crc32c(w->crc, w->buffer + w->summed, w->used - w->summed);
    w->summed = w->used;
}

AIMC_ALL_FN void aimi_vec_write_flush(aimi_vec_writer *w) {
    aimi_vec_write_sum(w);
    if (w->result == AIMEM_OK && w->used != 0) {
        aimem_result result = w->stream->write_fn(w->stream->user_data, w->buffer, w->used);
        if (result != AIMEM_OK) w->result = result < 0 ? result : AIMEM_ERR_IO;
    }
    w->used = w->summed = 0;
}

/* Room for size bytes in the buffer, at most AIMI_VEC_BUFFER. */
AIMC_ALL_FN unsigned char *aimi_vec_write_room(aimi_vec_writer *w, size_t size) {
    unsigned char *at;
    if (size > AIMI_VEC_BUFFER - w->used) aimi_vec_write_flush(w);
    at = w->buffer + w->used;
    w->used += size;
    w->payload += size;
    return at;
}

/* Zeros and CRC. */
AIMC_ALL_FN void aimi_vec_write_block_end(aimi_vec_writer *w) {
    size_t pad = aimi_vec_block_pad(w->payload);
    memset(aimi_vec_write_room(w, pad), 0, pad);
    aimi_vec_write_sum(w);
    aimc_all_store_u32(aimi_vec_write_room(w, 4), w->crc);
    w->summed = w->used; /* after a flush too: the CRC is no part of itself */
    w->payload = 0;
}

AIMC_ALL_FN void aimi_vec_write_header(const aimem_vec *v, aimi_vec_writer *w) {
    unsigned char *h = aimi_vec_write_room(w, AIMI_VEC_HEADER);
    memset(h, 0, AIMI_VEC_HEADER);
    memcpy(h, AIMI_VEC_MAGIC, 8);
    aimc_all_store_u32(h + AIMI_VEC_AT_VERSION, AIMI_VEC_FORMAT);
    aimc_all_store_u32(h + AIMI_VEC_AT_ENDIAN, AIMI_VEC_ENDIAN);
    aimc_all_store_u32(h + AIMI_VEC_AT_DIM, v->rows.dim);
    aimc_all_store_u32(h + AIMI_VEC_AT_METRIC, v->metric);
    aimc_all_store_u64(h + AIMI_VEC_AT_ROWS, v->count);
    aimc_all_store_u64(h + AIMI_VEC_AT_NEXT_ID, v->next_id);
    aimc_all_store_u64(h + AIMI_VEC_AT_KEYS, aimi_vec_keys_bytes(v));
    aimc_all_store_u32(h + AIMI_VEC_AT_STRIDE, v->rows.stride);
    aimc_all_store_u32(h + AIMI_VEC_AT_BLOCK, (uint32_t)1 << v->rows.shift);
    w->crc = aimc_all_crc32c(0, h, AIMI_VEC_AT_CRC);
    aimc_all_store_u32(h + AIMI_VEC_AT_CRC, w->crc);
    w->summed = w->used;
    w->payload = 0;
}

/* A block of rows is a chunk of them. */
AIMC_ALL_FN void aimi_vec_write_rows(const aimem_vec *v, aimi_vec_writer *w) {
    size_t whole = (size_t)1 << v->rows.shift, c;
    for (c = 0; c * whole < v->count && w->result == AIMEM_OK; c++) {
        const float *row = aimi_vec_row_at(&v->rows, (uint32_t)(c * whole));
        size_t left = aimc_all_min_size(whole, v->count - c * whole) * v->rows.stride;
        while (left != 0 && w->result == AIMEM_OK) {
            size_t n = aimc_all_min_size(left, AIMI_VEC_BUFFER / sizeof(float));
            aimi_vec_swap_floats(aimi_vec_write_room(w, n * sizeof(float)), row, n);
            row += n;
            left -= n;
        }
        aimi_vec_write_block_end(w);
    }
}

/* Bytes of the keys, cut into blocks wherever one is full. */
AIMC_ALL_FN void aimi_vec_write_key_bytes(aimi_vec_writer *w, const void *src, size_t size) {
    const unsigned char *from = (const unsigned char *)src;
    while (size != 0) {
        size_t n = aimc_all_min_size(size, AIMI_VEC_KEYS - w->payload);
        memcpy(aimi_vec_write_room(w, n), from, n);
        if (w->payload == AIMI_VEC_KEYS) aimi_vec_write_block_end(w);
        from += n;
        size -= n;
    }
}

AIMC_ALL_FN void aimi_vec_write_keys(const aimem_vec *v, aimi_vec_writer *w) {
    uint32_t slot;
    for (slot = 0; slot < v->count && w->result == AIMEM_OK; slot++) {
        unsigned char key[AIMI_VEC_KEY];
        const char *label;
        size_t size;
        aimi_vec_slot_label(v, slot, &label, &size);
        aimc_all_store_u64(key, *aimi_vec_id_at(&v->rows, slot));
        aimc_all_store_u16(key + 8, (uint16_t)size);
        aimi_vec_write_key_bytes(w, key, sizeof key);
        if (size != 0) aimi_vec_write_key_bytes(w, label, size);
    }
    if (w->payload != 0) aimi_vec_write_block_end(w);
}

AIMEM_VEC_API aimem_result aimem_vec_save(const aimem_vec *v, const aimem_stream *stream) {
    aimi_vec_writer w;
    if (v == NULL || stream == NULL || stream->write_fn == NULL) return AIMEM_ERR_INVALID;
    memset(&w, 0, sizeof w);
    w.stream = stream;
    w.buffer = (unsigned char *)aimc_all_alloc(&v->allocator, AIMI_VEC_BUFFER, AIMI_VEC_ALIGN);
    if (w.buffer == NULL) return AIMEM_ERR_NOMEM;
    aimi_vec_write_header(v, &w);
    aimi_vec_write_rows(v, &w);
    aimi_vec_write_keys(v, &w);
    aimi_vec_write_flush(&w);
    aimc_all_free(&v->allocator, w.buffer, AIMI_VEC_BUFFER, AIMI_VEC_ALIGN);
    return w.result;
}

/* end vec/save.h */

/* begin vec/load.h */
/* vec/load.h: reading a collection from a stream, whose bytes may be hostile.
 *
 * Nothing is believed before its CRC was compared, and a correct CRC is not believed either:
 * whoever damages a file on purpose can work it out. So every number is checked against its bounds,
 * every row as if it were added, ids and labels for being unique. Sizes in the header take no
 * memory: chunks are taken one by one as the block before was read, the table of ids when all rows
 * were, and the label bytes grow by doubling.
 */

/* What is told to the logger; AIMEM_NO_STRINGS: the code alone. */
#if defined(AIMEM_NO_STRINGS)
#define AIMI_VEC_TEXT(text) ""
#else
#define AIMI_VEC_TEXT(text) text
#endif

/* Bytes on their way in. */
typedef struct aimi_vec_reader {
    const aimem_stream *stream;
    const aimem_logger *logger;
    unsigned char *buffer; /* AIMI_VEC_BUFFER: the block of keys that is being read */
    size_t used, size;     /* in buffer: given out, payload in all */
    uint64_t keys;         /* payload of the keys that is not in the buffer yet */
    uint32_t crc;          /* of the last block */
} aimi_vec_reader;

AIMC_ALL_FN aimem_result aimi_vec_refuse(const aimem_logger *logger, aimem_result code,
                                     const char *text) {
    if (logger->log_fn != NULL) logger->log_fn(logger->user_data, 0, code, text);
    return code;
}

#define AIMI_VEC_REFUSE(reader, code, text) \
    aimi_vec_refuse((reader)->logger, code, AIMI_VEC_TEXT("aimem_vec_load: " text))

/* All size bytes; CORRUPT when the stream ends before. */
AIMC_ALL_FN aimem_result aimi_vec_read(aimi_vec_reader *r, void *dst, size_t size) {
    unsigned char *to = (unsigned char *)dst;
    while (size != 0) {
        size_t got = 0;
        aimem_result result = r->stream->read_fn(r->stream->user_data, to, size, &got);
        if (result != AIMEM_OK) return result < 0 ? result : AIMEM_ERR_IO;
        if (got > size) return AIMEM_ERR_IO;
        if (got == 0) {
            return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "the data end too early");
        }
        to += got;
        size -= got;
    }
    return AIMEM_OK;
}

/* A block of size bytes to dst, with its zeros and its CRC. */
AIMC_ALL_FN aimem_result aimi_vec_read_block(aimi_vec_reader *r, void *dst, size_t size) {
    unsigned char tail[AIMI_VEC_UNIT + 4];
    size_t pad = aimi_vec_block_pad(size), i;
    aimem_result result = aimi_vec_read(r, dst, size);
    if (result == AIMEM_OK) result = aimi_vec_read(r, tail, pad + 4);
    if (result != AIMEM_OK) return result;
    r->crc = aimc_all_crc32c(aimc_all_crc32c(r->crc, dst, size), tail, pad);
    if (aimc_all_load_u32(tail + pad) != r->crc) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "a checksum is wrong");
    }
    for (i = 0; i < pad; i++) {
        if (tail[i] != 0) return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "padding is not zero");
    }
    return AIMEM_OK;
}

/* Whether the numbers of a header fit together. */
AIMC_ALL_FN bool aimi_vec_header_valid(const aimi_vec_header *h) {
    if (h->dim == 0 || h->dim > AIMEM_VEC_MAX_DIM || h->metric > AIMEM_VEC_IP) return false;
    if (h->stride != aimi_vec_stride(h->dim)) return false;
    if (h->block != (uint32_t)1 << aimi_vec_chunk_shift(h->stride)) return false;
    if (h->rows > AIMEM_VEC_MAX_ROWS) return false;
    return h->keys >= h->rows * AIMI_VEC_KEY &&
           h->keys <= h->rows * (AIMI_VEC_KEY + AIMEM_VEC_MAX_LABEL);
}

AIMC_ALL_FN aimem_result aimi_vec_read_header(aimi_vec_reader *r, aimi_vec_header *h) {
    unsigned char b[AIMI_VEC_HEADER];
    aimem_result result = aimi_vec_read(r, b, sizeof b);
    if (result != AIMEM_OK) return result;
    if (memcmp(b, AIMI_VEC_MAGIC, 8) != 0) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "not a saved collection");
    }
    if (aimc_all_load_u32(b + AIMI_VEC_AT_ENDIAN) != AIMI_VEC_ENDIAN) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_VERSION, "numbers in another byte order");
    }
    if (aimc_all_load_u32(b + AIMI_VEC_AT_VERSION) != AIMI_VEC_FORMAT) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_VERSION, "another version of the format");
    }
    r->crc = aimc_all_crc32c(0, b, AIMI_VEC_AT_CRC);
    h->crc = aimc_all_load_u32(b + AIMI_VEC_AT_CRC);
    h->dim = aimc_all_load_u32(b + AIMI_VEC_AT_DIM);
    h->metric = aimc_all_load_u32(b + AIMI_VEC_AT_METRIC);
    h->rows = aimc_all_load_u64(b + AIMI_VEC_AT_ROWS);
    h->next_id = aimc_all_load_u64(b + AIMI_VEC_AT_NEXT_ID);
    h->keys = aimc_all_load_u64(b + AIMI_VEC_AT_KEYS);
    h->stride = aimc_all_load_u32(b + AIMI_VEC_AT_STRIDE);
    h->block = aimc_all_load_u32(b + AIMI_VEC_AT_BLOCK);
    if (h->crc != r->crc) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "the checksum of the header is wrong");
    }
    if (aimc_all_load_u32(b + AIMI_VEC_AT_ZERO) != 0 || !aimi_vec_header_valid(h)) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "the header contradicts itself");
    }
    return AIMEM_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The row in a slot, as it came from the file: swapped, measured, its padding checked. */
AIMC_ALL_FN bool aimi_vec_row_accept(aimem_vec *v, uint32_t slot) {
    float *row = aimi_vec_row_at(&v->rows, slot);
    size_t i;
    aimi_vec_swap_floats(row, row, v->rows.stride);
    for (i = v->rows.dim; i < v->rows.stride; i++) {
        uint32_t bits;
        memcpy(&bits, &row[i], sizeof bits);
        if (bits != 0) return false;
    }
    return aimi_vec_measure(v->metric, row, v->rows.dim,
                            aimi_vec_norm_at(&v->rows, slot)) == AIMEM_OK;
}

/* v->count counts the rows that were read; they have no id yet. */
AIMC_ALL_FN aimem_result aimi_vec_read_rows(aimi_vec_reader *r, aimem_vec *v, uint64_t rows) {
    size_t whole = (size_t)1 << v->rows.shift;
    while (v->count < rows) {
        size_t n = rows - v->count < whole ? (size_t)(rows - v->count) : whole, i;
        aimi_vec_spare spare;
        aimem_result result;
        memset(&spare, 0, sizeof spare);
        result = aimi_vec_rows_room(&v->rows, &v->allocator, (uint64_t)v->count + n, v->count,
                                    &spare);
        aimi_vec_spare_free(&spare, &v->allocator);
        if (result == AIMEM_OK) {
            result = aimi_vec_read_block(r, aimi_vec_row_at(&v->rows, v->count),
                                         n * v->rows.stride * sizeof(float));
        }
        if (result != AIMEM_OK) return result;
        for (i = 0; i < n; i++) {
            if (!aimi_vec_row_accept(v, v->count)) {
                return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "a row that cannot be added");
            }
            v->count++;
        }
    }
    return AIMEM_OK;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* Bytes of the keys, over the ends of blocks. */
AIMC_ALL_FN aimem_result aimi_vec_read_key_bytes(aimi_vec_reader *r, void *dst, size_t size) {
    unsigned char *to = (unsigned char *)dst;
    while (size != 0) {
        size_t n = aimc_all_min_size(size, r->size - r->used);
        memcpy(to, r->buffer + r->used, n);
        r->used += n;
        to += n;
        size -= n;
        if (size != 0) {
            aimem_result result;
            if (r->keys == 0) {
                return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "the keys end too early");
            }
            r->size = r->keys < AIMI_VEC_KEYS ? (size_t)r->keys : (size_t)AIMI_VEC_KEYS;
            r->keys -= r->size;
            r->used = 0;
            result = aimi_vec_read_block(r, r->buffer, r->size);
            if (result != AIMEM_OK) return result;
        }
    }
    return AIMEM_OK;
}

AIMC_ALL_FN aimem_result aimi_vec_read_label(aimi_vec_reader *r, aimem_vec *v, uint32_t slot,
                                         size_t size) {
    aimi_vec_labels *l = &v->labels;
    aimi_vec_spare spare[2];
    uint32_t other;
    char *text;
    size_t at;
    aimem_result result;
    memset(spare, 0, sizeof spare);
    result = aimi_vec_room(v, 0, size + AIMI_VEC_LABEL_FRAME, 1, spare);
    aimi_vec_spare_free(&spare[1], &v->allocator);
    if (result != AIMEM_OK) return result;
    text = (char *)l->bytes + l->size + AIMI_VEC_LABEL_HEAD;
    result = aimi_vec_read_key_bytes(r, text, size);
    if (result != AIMEM_OK) return result;
    if (aimi_vec_label_has_zero(text, size)) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "a label with a 0 byte");
    }
    if (aimi_vec_find_label(v, text, size, &other)) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "two rows with one label");
    }
    at = aimi_vec_label_append(l, slot, size);
    *aimi_vec_label_at(&v->rows, slot) = at;
    aimi_vec_table_put(&l->table, aimi_vec_hash_text(text, size), slot);
    return AIMEM_OK;
}

AIMC_ALL_FN aimem_result aimi_vec_read_keys(aimi_vec_reader *r, aimem_vec *v, uint64_t next_id) {
    aimem_result result = aimi_vec_table_room(&v->ids, &v->allocator, v->count, v,
                                              aimi_vec_hash_slot_id);
    uint32_t slot, other;
    for (slot = 0; slot < v->count && result == AIMEM_OK; slot++) {
        unsigned char key[AIMI_VEC_KEY];
        uint64_t id;
        result = aimi_vec_read_key_bytes(r, key, sizeof key);
        if (result != AIMEM_OK) return result;
        id = aimc_all_load_u64(key);
        if (id >= next_id || aimi_vec_find_id(v, id, &other)) {
            return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "an id that cannot be added");
        }
        *aimi_vec_id_at(&v->rows, slot) = id;
        *aimi_vec_label_at(&v->rows, slot) = 0;
        aimi_vec_table_put(&v->ids, aimi_vec_hash_id(id), slot);
        if (aimc_all_load_u16(key + 8) != 0) {
            result = aimi_vec_read_label(r, v, slot, aimc_all_load_u16(key + 8));
        }
    }
    if (result == AIMEM_OK && (r->keys != 0 || r->used != r->size)) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "keys of more rows than there are");
    }
    v->next_id = next_id;
    return result;
}

/* ---- the call -------------------------------------------------------------------------------- */

/* An empty collection for what the header announces. */
AIMC_ALL_FN aimem_result aimi_vec_load_create(const aimi_vec_reader *r, const aimem_vec_desc *desc,
                                          const aimi_vec_header *h, aimem_vec **out) {
    aimem_vec_desc of_file = *desc;
    if (desc->dim != 0 && desc->dim != h->dim) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_INVALID, "vectors of another dimension");
    }
    of_file.dim = h->dim;
    of_file.metric = h->metric;
    if (desc->max_rows != 0 && h->rows > desc->max_rows) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_LIMIT, "more rows than max_rows");
    }
    return aimem_vec_create(&of_file, out);
}

AIMC_ALL_FN aimem_result aimi_vec_load_body(aimi_vec_reader *r, aimem_vec *v,
                                        const aimi_vec_header *h) {
    aimem_result result;
    r->keys = h->keys;
    r->used = r->size = 0;
    result = aimi_vec_read_rows(r, v, h->rows);
    if (result != AIMEM_OK) return result;
    r->buffer = (unsigned char *)aimc_all_alloc(&v->allocator, AIMI_VEC_BUFFER, AIMI_VEC_ALIGN);
    if (r->buffer == NULL) return AIMEM_ERR_NOMEM;
    result = aimi_vec_read_keys(r, v, h->next_id);
    aimc_all_free(&v->allocator, r->buffer, AIMI_VEC_BUFFER, AIMI_VEC_ALIGN);
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_load(const aimem_vec_desc *desc, const aimem_stream *stream,
                                          aimem_vec **out) {
    aimem_vec_desc all_default;
    aimi_vec_header header;
    aimi_vec_reader r;
    aimem_vec *v = NULL;
    aimem_result result;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    if (stream == NULL || stream->read_fn == NULL) return AIMEM_ERR_INVALID;
    memset(&all_default, 0, sizeof all_default);
    memset(&header, 0, sizeof header);
    if (desc == NULL) desc = &all_default;
    memset(&r, 0, sizeof r);
    r.stream = stream;
    r.logger = &desc->logger;
    result = aimi_vec_read_header(&r, &header);
    if (result == AIMEM_OK) result = aimi_vec_load_create(&r, desc, &header, &v);
    if (result == AIMEM_OK) result = aimi_vec_load_body(&r, v, &header);
    if (result != AIMEM_OK) {
        aimem_vec_destroy(v);
        return result;
    }
    *out = v;
    return AIMEM_OK;
}

/* end vec/load.h */

/* begin vec/file.h */
/* vec/file.h: saving to a file and loading from one.
 *
 * Saving replaces the old file in one step: the bytes go to path + ".tmp", are synced, and the file
 * is renamed. Whatever fails before the rename leaves the old file as it was.
 */

/* An open file as a stream. */
typedef struct aimi_vec_file {
    const aimem_io *io;
    void *handle;
    uint64_t offset; /* of the next read or write */
    int32_t os_error;
} aimi_vec_file;

AIMC_ALL_FN aimem_result aimi_vec_file_read(void *user_data, void *dst, size_t size, size_t *got) {
    aimi_vec_file *f = (aimi_vec_file *)user_data;
    aimem_result result = f->io->pread_fn(f->io->user_data, f->handle, f->offset, dst, size, got,
                                          &f->os_error);
    if (result == AIMEM_OK) f->offset += *got;
    return result;
}

AIMC_ALL_FN aimem_result aimi_vec_file_write(void *user_data, const void *src, size_t size) {
    aimi_vec_file *f = (aimi_vec_file *)user_data;
    aimem_result result = f->io->pwrite_fn(f->io->user_data, f->handle, f->offset, src, size,
                                           &f->os_error);
    if (result == AIMEM_OK) f->offset += size;
    return result;
}

/* A platform without a sync (WebAssembly) has nothing that is more durable: that is no failure. */
AIMC_ALL_FN aimem_result aimi_vec_synced(aimem_result result, int32_t *os_error) {
    if (result != AIMEM_ERR_UNSUPPORTED) return result;
    *os_error = 0;
    return AIMEM_OK;
}

/* Fills the open file, syncs and closes it. */
AIMC_ALL_FN aimem_result aimi_vec_file_fill(const aimem_vec *v, aimi_vec_file *f) {
    const aimem_io *io = f->io;
    int32_t close_error = 0;
    aimem_result result, closed;
    aimem_stream stream;
    memset(&stream, 0, sizeof stream);
    stream.write_fn = aimi_vec_file_write;
    stream.user_data = f;
    result = io->truncate_fn(io->user_data, f->handle, 0, &f->os_error); /* a .tmp of a crash */
    if (result == AIMEM_OK) result = aimem_vec_save(v, &stream);
    if (result == AIMEM_OK) {
        result = io->sync_fn(io->user_data, f->handle, AIMEM_IO_SYNC_FULL, &f->os_error);
        result = aimi_vec_synced(result, &f->os_error);
    }
    closed = io->close_fn(io->user_data, f->handle, &close_error);
    if (result == AIMEM_OK && closed != AIMEM_OK) {
        result = closed;
        f->os_error = close_error;
    }
    return result;
}

/* Writes tmp, then renames it to path. */
AIMC_ALL_FN aimem_result aimi_vec_file_replace(const aimem_vec *v, aimi_vec_file *f, const char *tmp,
                                           const char *path) {
    const aimem_io *io = f->io;
    int32_t ignored = 0;
    aimem_result result = io->open_fn(io->user_data, tmp, AIMEM_IO_WRITE | AIMEM_IO_CREATE,
                                      &f->handle, &f->os_error);
    if (result != AIMEM_OK) return result;
    result = aimi_vec_file_fill(v, f);
    if (result == AIMEM_OK) {
        result = io->rename_fn(io->user_data, tmp, path, &f->os_error);
    }
    if (result != AIMEM_OK) {
        (void)io->remove_fn(io->user_data, tmp, &ignored);
        return result;
    }
    result = io->sync_dir_fn(io->user_data, path, &f->os_error);
    return aimi_vec_synced(result, &f->os_error);
}

AIMEM_VEC_API aimem_result aimem_vec_save_file(const aimem_vec *v, const char *path,
                                               const aimem_io *io, int32_t *os_error) {
    aimi_vec_file f;
    aimem_io chosen;
    aimem_result result;
    size_t length, size;
    char *tmp;
    memset(&f, 0, sizeof f);
    if (os_error != NULL) *os_error = 0;
    if (v == NULL || path == NULL || path[0] == 0) return AIMEM_ERR_INVALID;
    if (!aimc_all_io_or_default(io, &chosen)) return AIMEM_ERR_UNSUPPORTED;
    f.io = &chosen;
    for (length = 0; path[length] != 0; length++) {}
    size = length + sizeof ".tmp";
    tmp = (char *)aimc_all_alloc(&v->allocator, size, 1);
    if (tmp == NULL) return AIMEM_ERR_NOMEM;
    memcpy(tmp, path, length);
    memcpy(tmp + length, ".tmp", sizeof ".tmp");
    result = aimi_vec_file_replace(v, &f, tmp, path);
    aimc_all_free(&v->allocator, tmp, size, 1);
    if (os_error != NULL && result != AIMEM_OK) *os_error = f.os_error;
    return result;
}

/* Loads from the open file; more bytes behind the collection are none of ours. */
AIMC_ALL_FN aimem_result aimi_vec_file_take(const aimem_vec_desc *desc, aimi_vec_file *f,
                                        aimem_vec **out) {
    unsigned char more;
    size_t got = 0;
    aimem_stream stream;
    aimem_result result;
    memset(&stream, 0, sizeof stream);
    stream.read_fn = aimi_vec_file_read;
    stream.user_data = f;
    result = aimem_vec_load(desc, &stream, out);
    if (result != AIMEM_OK) return result;
    result = aimi_vec_file_read(f, &more, 1, &got);
    if (result == AIMEM_OK && got != 0) {
        result = aimi_vec_refuse(&(*out)->logger, AIMEM_ERR_CORRUPT,
                                 AIMI_VEC_TEXT("aimem_vec_load_file: bytes behind the end"));
    }
    if (result != AIMEM_OK) {
        aimem_vec_destroy(*out);
        *out = NULL;
    }
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_load_file(const aimem_vec_desc *desc, const char *path,
                                               const aimem_io *io, aimem_vec **out,
                                               int32_t *os_error) {
    aimi_vec_file f;
    aimem_io chosen;
    aimem_result result;
    int32_t ignored = 0;
    memset(&f, 0, sizeof f);
    if (os_error != NULL) *os_error = 0;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    if (path == NULL || path[0] == 0) return AIMEM_ERR_INVALID;
    if (!aimc_all_io_or_default(io, &chosen)) return AIMEM_ERR_UNSUPPORTED;
    f.io = &chosen;
    result = chosen.open_fn(chosen.user_data, path, AIMEM_IO_READ, &f.handle, &f.os_error);
    if (result == AIMEM_OK) {
        result = aimi_vec_file_take(desc, &f, out);
        (void)chosen.close_fn(chosen.user_data, f.handle, &ignored); /* all bytes are verified */
    }
    if (os_error != NULL && result != AIMEM_OK) *os_error = f.os_error;
    return result;
}

/* end vec/file.h */

#undef AIMI_VEC_DEAD
#undef AIMI_VEC_MAGIC
#undef AIMI_VEC_REFUSE
#undef AIMI_VEC_SQUARES_MAX
#undef AIMI_VEC_SQUARES_MIN
#undef AIMI_VEC_TEXT
#endif
#endif

/* Private macros end here, when every header of this file is implemented. */
#if defined(AIMC_ALL_CORE) && defined(AIMEM_POOL_IMPLEMENTED) && \
    defined(AIMEM_VEC_IMPLEMENTED)
#undef AIMC_ALL_ARM32
#undef AIMC_ALL_ARM64
#undef AIMC_ALL_ASAN
#undef AIMC_ALL_ASSERT
#undef AIMC_ALL_ATOMIC_ACQUIRE
#undef AIMC_ALL_ATOMIC_ACQ_REL
#undef AIMC_ALL_ATOMIC_ADD32
#undef AIMC_ALL_ATOMIC_ADDP
#undef AIMC_ALL_ATOMIC_FENCE
#undef AIMC_ALL_ATOMIC_LOAD32
#undef AIMC_ALL_ATOMIC_LOADP
#undef AIMC_ALL_ATOMIC_MSVC_ADDP
#undef AIMC_ALL_ATOMIC_MSVC_CASP
#undef AIMC_ALL_ATOMIC_MSVC_LOADP
#undef AIMC_ALL_ATOMIC_MSVC_STOREP
#undef AIMC_ALL_ATOMIC_MSVC_SWAPP
#undef AIMC_ALL_ATOMIC_RELAXED
#undef AIMC_ALL_ATOMIC_RELEASE
#undef AIMC_ALL_ATOMIC_SEQ
#undef AIMC_ALL_ATOMIC_STORE32
#undef AIMC_ALL_ATOMIC_STOREP
#undef AIMC_ALL_ATOMIC_SWAP32
#undef AIMC_ALL_ATOMIC_SWAPP
#undef AIMC_ALL_ATOMIC_TCC_P
#undef AIMC_ALL_BIG_ENDIAN
#undef AIMC_ALL_BYTES_COPY
#undef AIMC_ALL_CLANG
#undef AIMC_ALL_CLOCK_GETTIME
#undef AIMC_ALL_CLOCK_MONOTONIC
#undef AIMC_ALL_CLOCK_REALTIME
#undef AIMC_ALL_CRC_16
#undef AIMC_ALL_CRC_16_FROM
#undef AIMC_ALL_CRC_256
#undef AIMC_ALL_CRC_4
#undef AIMC_ALL_CRC_64_FROM
#undef AIMC_ALL_CRC_CPU
#undef AIMC_ALL_CRC_EIGHT
#undef AIMC_ALL_CRC_ONE
#undef AIMC_ALL_CRC_PART
#undef AIMC_ALL_CRC_TARGET
#undef AIMC_ALL_FALLOCATE
#undef AIMC_ALL_FILES
#undef AIMC_ALL_FILE_PATH_MAX
#undef AIMC_ALL_FILE_STEP
#undef AIMC_ALL_FN
#undef AIMC_ALL_FTRUNCATE
#undef AIMC_ALL_F_OFD_SETLK
#undef AIMC_ALL_F_SETLK64
#undef AIMC_ALL_GNU
#undef AIMC_ALL_HASH_MX1
#undef AIMC_ALL_HASH_MX2
#undef AIMC_ALL_HASH_P32_1
#undef AIMC_ALL_HASH_P32_2
#undef AIMC_ALL_HASH_P32_3
#undef AIMC_ALL_HASH_P64_1
#undef AIMC_ALL_HASH_P64_2
#undef AIMC_ALL_HASH_P64_3
#undef AIMC_ALL_HASH_P64_4
#undef AIMC_ALL_HASH_P64_5
#undef AIMC_ALL_INLINE
#undef AIMC_ALL_LEVELS_X86
#undef AIMC_ALL_LIBC_ALIGN
#undef AIMC_ALL_LIKELY
#undef AIMC_ALL_LSEEK
#undef AIMC_ALL_MADV_HUGEPAGE
#undef AIMC_ALL_MAP_ANONYMOUS
#undef AIMC_ALL_MAP_NORESERVE
#undef AIMC_ALL_MMAP
#undef AIMC_ALL_MSVC
#undef AIMC_ALL_NOINLINE
#undef AIMC_ALL_OFF
#undef AIMC_ALL_OPEN
#undef AIMC_ALL_OS_APPLE
#undef AIMC_ALL_OS_BSD
#undef AIMC_ALL_OS_LINUX
#undef AIMC_ALL_OS_NONE
#undef AIMC_ALL_OS_POSIX
#undef AIMC_ALL_OS_WASM
#undef AIMC_ALL_OS_WINDOWS
#undef AIMC_ALL_O_CLOEXEC
#undef AIMC_ALL_POISON
#undef AIMC_ALL_PREAD
#undef AIMC_ALL_PREFETCH
#undef AIMC_ALL_PWRITE
#undef AIMC_ALL_RESTRICT
#undef AIMC_ALL_SIMD_NEON
#undef AIMC_ALL_SIMD_WASM
#undef AIMC_ALL_SIMD_X86
#undef AIMC_ALL_STATIC_ASSERT
#undef AIMC_ALL_SYSINFO_NO_LIMIT
#undef AIMC_ALL_SYSINFO_PATH
#undef AIMC_ALL_SYSINFO_TEXT
#undef AIMC_ALL_TARGET
#undef AIMC_ALL_TARGET_AVX2
#undef AIMC_ALL_TARGET_AVX512
#undef AIMC_ALL_TARGET_SSE
#undef AIMC_ALL_TCC
#undef AIMC_ALL_THREADS
#undef AIMC_ALL_TIME64
#undef AIMC_ALL_UNLIKELY
#undef AIMC_ALL_UNPOISON
#undef AIMC_ALL_VM
#undef AIMC_ALL_WAIT_MAX_NS
#undef AIMC_ALL_WASM
#undef AIMC_ALL_WINDOWS_LEAN
#undef AIMC_ALL_WINDOWS_NOMINMAX
#undef AIMC_ALL_X64
#undef AIMC_ALL_X86
#endif

/* Licence: Unlicense OR MIT-0, as you choose.
 *
 * Unlicense
 *
 * This is free and unencumbered software released into the public domain.
 *
 * Anyone is free to copy, modify, publish, use, compile, sell, or distribute this software, either
 * in source code form or as a compiled binary, for any purpose, commercial or non-commercial, and
 * by any means.
 *
 * In jurisdictions that recognize copyright laws, the author or authors of this software dedicate
 * any and all copyright interest in the software to the public domain. We make this dedication for
 * the benefit of the public at large and to the detriment of our heirs and successors. We intend
 * this dedication to be an overt act of relinquishment in perpetuity of all present and future
 * rights to this software under copyright law.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
 * NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
 * NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
 * CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 *
 * For more information, please refer to <https://unlicense.org/>
 *
 * MIT No Attribution
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
 * associated documentation files (the "Software"), to deal in the Software without restriction,
 * including without limitation the rights to use, copy, modify, merge, publish, distribute,
 * sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
 * furnished to do so.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
 * NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
 * NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
 * DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 */
