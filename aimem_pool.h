/* aimem_pool.h 0.1.0, generated from src/ by amalgamate.py: do not edit
 * SPDX-License-Identifier: Unlicense OR MIT-0
 * parts: sha256 626b564afeed2f17
 *
 * A local patch is fine. What stands between `begin core/x.h` and `end core/x.h`
 * is src/core/x.h; names that begin with aimc_pool_ begin with aimc_ there. Bring
 * what is of use to others into that file: this one is written anew.
 */

/* aimem_pool.h: arenas and block pools with every free checked. 0.1.0, Unlicense OR MIT-0
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
 *   No general heap, no sizes that differ within a pool, and no locks: one thread at a time uses an
 *   object. A write past a block or into a freed one is not seen, but under AddressSanitizer, for
 *   which free memory is poisoned.
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
 *   aimem_arena_allocator,              as an aimem_allocator
 *   aimem_pool_allocator
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
 *   AIMEM_NO_THREADS, AIMEM_NO_FILES, AIMEM_NO_SIMD
 *                              impl.       allowed, and nothing changes: this header has no
 *                                          threads, files or SIMD
 *   AIMEM_ASSERT(x)            impl.       checks for mistakes of the program; off by default, and
 *                                          never used for input or memory
 *
 * LINK WITH
 *
 *   Needs: a C11 or C++17 compiler; no library.
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
 *   5. An allocator of yours. One function does it all; a malloc and free pair becomes:
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
 *   AIMEM_ERR_STALE         free by handle: it was freed before
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
 * THREADS
 *
 *   aimem_arena_*, aimem_pool_*         one thread at a time for each object; different objects
 *                                       have nothing in common
 *   aimem_pool_version, aimem_pool_size, aimem_result_string
 *                                       any thread
 *   There are no locks inside. A hook or logger must not call the object that is calling it. After
 *   fork both processes have a copy of their own. Nothing may be called from a signal handler.
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
 *   0.1.0   the first one: arenas and block pools
 *
 * LICENCE
 *
 *   Unlicense OR MIT-0, as you choose: the text is at the end of this file.
 */
#ifndef AIMEM_POOL_H
#define AIMEM_POOL_H
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
/* end core/types.h */

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
    uint64_t allocations; /* successful, since create */
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
#endif

#if defined(AIMEM_IMPLEMENTATION) || defined(AIMEM_POOL_IMPLEMENTATION)
#ifndef AIMEM_POOL_IMPLEMENTED
#define AIMEM_POOL_IMPLEMENTED
#if AIMEM_POOL_VERSION != 100
#error "another version of aimem_pool.h was included above: implement that one"
#endif
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
#define AIMC_POOL_CLANG 1
#define AIMC_POOL_GNU 1 /* GNU attributes and builtins */
#elif defined(__TINYC__)
#define AIMC_POOL_TCC 1
#elif defined(__GNUC__)
#define AIMC_POOL_GNU 1
#elif defined(_MSC_VER)
#define AIMC_POOL_MSVC 1
#endif

/* Processor */
#if defined(__x86_64__) || defined(_M_X64)
#define AIMC_POOL_X86 1
#define AIMC_POOL_X64 1
#elif defined(__i386__) || defined(_M_IX86)
#define AIMC_POOL_X86 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#define AIMC_POOL_ARM64 1
#elif defined(__arm__) || defined(_M_ARM)
#define AIMC_POOL_ARM32 1
#elif defined(__wasm__)
#define AIMC_POOL_WASM 1
#endif

/* System. AIMEM_NO_OS: none, whatever the compiler says (bare metal, kernels, sandboxes). */
#if defined(AIMEM_NO_OS)
#define AIMC_POOL_OS_NONE 1
#elif defined(_WIN32)
#define AIMC_POOL_OS_WINDOWS 1
#elif defined(__linux__)
#define AIMC_POOL_OS_LINUX 1
#define AIMC_POOL_OS_POSIX 1
#elif defined(__APPLE__)
#define AIMC_POOL_OS_APPLE 1
#define AIMC_POOL_OS_POSIX 1
#elif defined(__EMSCRIPTEN__) || defined(__wasi__)
#define AIMC_POOL_OS_WASM 1
#define AIMC_POOL_OS_POSIX 1
#elif defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#define AIMC_POOL_OS_BSD 1
#define AIMC_POOL_OS_POSIX 1
#else
#define AIMC_POOL_OS_NONE 1
#endif

#if !defined(AIMEM_NO_THREADS) && !defined(AIMC_POOL_OS_NONE) && \
    (!defined(AIMC_POOL_OS_WASM) || defined(__EMSCRIPTEN_PTHREADS__))
#define AIMC_POOL_THREADS 1
#endif
#if !defined(AIMEM_NO_FILES) && !defined(AIMC_POOL_OS_NONE)
#define AIMC_POOL_FILES 1
#endif

/* Byte order. MSVC only builds for little-endian machines. */
#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define AIMC_POOL_BIG_ENDIAN 1
#endif
#endif

/* AIMC_POOL_FN marks every private function: static, and no warning where a header does not use it.
   AIMC_POOL_INLINE: the same, worth inlining. AIMC_POOL_NOINLINE: the same, a slow path. */
#if defined(AIMC_POOL_GNU) || defined(AIMC_POOL_TCC)
#define AIMC_POOL_FN static __attribute__((unused))
#define AIMC_POOL_INLINE static inline __attribute__((unused))
#define AIMC_POOL_NOINLINE static __attribute__((unused, noinline))
#elif defined(AIMC_POOL_MSVC)
#define AIMC_POOL_FN static
#define AIMC_POOL_INLINE static __forceinline
#define AIMC_POOL_NOINLINE static __declspec(noinline)
#else
#define AIMC_POOL_FN static
#define AIMC_POOL_INLINE static inline
#define AIMC_POOL_NOINLINE static
#endif

#if defined(AIMC_POOL_GNU)
#define AIMC_POOL_LIKELY(x) __builtin_expect(!!(x), 1)
#define AIMC_POOL_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define AIMC_POOL_PREFETCH(p) __builtin_prefetch(p)
#define AIMC_POOL_RESTRICT __restrict__
#elif defined(AIMC_POOL_MSVC)
#define AIMC_POOL_LIKELY(x) (x)
#define AIMC_POOL_UNLIKELY(x) (x)
#define AIMC_POOL_PREFETCH(p) ((void)(p))
#define AIMC_POOL_RESTRICT __restrict
#else
#define AIMC_POOL_LIKELY(x) (x)
#define AIMC_POOL_UNLIKELY(x) (x)
#define AIMC_POOL_PREFETCH(p) ((void)(p))
#define AIMC_POOL_RESTRICT
#endif

/* Which instruction sets can be compiled here; which one runs is chosen by core/cpu.h.
   AIMC_POOL_TARGET(x): build one function for a better instruction set than the rest of the file;
   MSVC needs no such mark. */
#if !defined(AIMEM_NO_SIMD)
#if defined(AIMC_POOL_X86) && defined(AIMC_POOL_GNU)
#define AIMC_POOL_SIMD_X86 1
#define AIMC_POOL_TARGET(x) __attribute__((target(x)))
#elif defined(AIMC_POOL_X86) && defined(AIMC_POOL_MSVC)
#define AIMC_POOL_SIMD_X86 1
#define AIMC_POOL_TARGET(x)
#elif defined(AIMC_POOL_ARM64) || (defined(AIMC_POOL_ARM32) && defined(__ARM_NEON))
#if !defined(AIMC_POOL_BIG_ENDIAN) && !defined(AIMC_POOL_TCC)
#define AIMC_POOL_SIMD_NEON 1
#endif
#elif defined(__wasm_simd128__)
#define AIMC_POOL_SIMD_WASM 1
#endif
#endif
#ifndef AIMC_POOL_TARGET
#define AIMC_POOL_TARGET(x)
#endif

/* Programmer errors only; never input, memory or I/O. Off unless the user defines AIMEM_ASSERT. */
#if defined(AIMEM_ASSERT)
#define AIMC_POOL_ASSERT(x) AIMEM_ASSERT(x)
#else
#define AIMC_POOL_ASSERT(x) ((void)0)
#endif

/* A compile-time check that works in C11, C++17 and MSVC. */
#if defined(__cplusplus)
#define AIMC_POOL_STATIC_ASSERT(x, text) static_assert(x, text)
#else
#define AIMC_POOL_STATIC_ASSERT(x, text) _Static_assert(x, text)
#endif

AIMC_POOL_STATIC_ASSERT(sizeof(float) == 4 && sizeof(double) == 8, "IEEE 754 floats are needed");

/* AddressSanitizer: free memory that we hold is poisoned, so that a use after free is caught. */
#if defined(__SANITIZE_ADDRESS__)
#define AIMC_POOL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AIMC_POOL_ASAN 1
#endif
#endif
#if defined(AIMC_POOL_ASAN)
#include <sanitizer/asan_interface.h>
#define AIMC_POOL_POISON(p, n) __asan_poison_memory_region(p, n)
#define AIMC_POOL_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define AIMC_POOL_POISON(p, n) ((void)(p), (void)(n))
#define AIMC_POOL_UNPOISON(p, n) ((void)(p), (void)(n))
#endif

/* end core/platform.h */

/* begin core/checked.h */
/* core/checked.h: sizes that cannot wrap round, and small facts about integers. */

/* *out = a + b; false, and *out untouched, when it does not fit. */
AIMC_POOL_INLINE bool aimc_pool_add_size(size_t a, size_t b, size_t *out) {
    if (b > SIZE_MAX - a) return false;
    *out = a + b;
    return true;
}

/* *out = a * b; false, and *out untouched, when it does not fit. */
AIMC_POOL_INLINE bool aimc_pool_mul_size(size_t a, size_t b, size_t *out) {
    if (a != 0 && b > SIZE_MAX / a) return false;
    *out = a * b;
    return true;
}

/* *out = a rounded up to a multiple of align (a power of two); false when it does not fit. */
AIMC_POOL_INLINE bool aimc_pool_align_size(size_t a, size_t align, size_t *out) {
    size_t sum;
    if (!aimc_pool_add_size(a, align - 1, &sum)) return false;
    *out = sum & ~(align - 1);
    return true;
}

/* The same three for what is counted on disk. */
AIMC_POOL_INLINE bool aimc_pool_add_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (b > UINT64_MAX - a) return false;
    *out = a + b;
    return true;
}

AIMC_POOL_INLINE bool aimc_pool_mul_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (a != 0 && b > UINT64_MAX / a) return false;
    *out = a * b;
    return true;
}

AIMC_POOL_INLINE bool aimc_pool_is_pow2(size_t a) {
    return a != 0 && (a & (a - 1)) == 0;
}

AIMC_POOL_INLINE size_t aimc_pool_min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

AIMC_POOL_INLINE size_t aimc_pool_max_size(size_t a, size_t b) {
    return a > b ? a : b;
}

/* The number of the lowest set bit; x is not 0. */
AIMC_POOL_INLINE uint32_t aimc_pool_ctz64(uint64_t x) {
#if defined(AIMC_POOL_GNU)
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
AIMC_POOL_INLINE uint32_t aimc_pool_log2_u64(uint64_t x) {
#if defined(AIMC_POOL_GNU)
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

#if defined(AIMC_POOL_MSVC)
#define AIMC_POOL_BYTES_COPY 1
#elif defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define AIMC_POOL_BYTES_COPY 1
#endif
#endif

#if defined(AIMC_POOL_BYTES_COPY)

AIMC_POOL_INLINE uint16_t aimc_pool_load_u16(const void *src) {
    uint16_t x;
    memcpy(&x, src, sizeof x);
    return x;
}

AIMC_POOL_INLINE uint32_t aimc_pool_load_u32(const void *src) {
    uint32_t x;
    memcpy(&x, src, sizeof x);
    return x;
}

AIMC_POOL_INLINE uint64_t aimc_pool_load_u64(const void *src) {
    uint64_t x;
    memcpy(&x, src, sizeof x);
    return x;
}

AIMC_POOL_INLINE void aimc_pool_store_u16(void *dst, uint16_t x) {
    memcpy(dst, &x, sizeof x);
}

AIMC_POOL_INLINE void aimc_pool_store_u32(void *dst, uint32_t x) {
    memcpy(dst, &x, sizeof x);
}

AIMC_POOL_INLINE void aimc_pool_store_u64(void *dst, uint64_t x) {
    memcpy(dst, &x, sizeof x);
}

#else

AIMC_POOL_INLINE uint16_t aimc_pool_load_u16(const void *src) {
    const unsigned char *p = (const unsigned char *)src;
    return (uint16_t)(p[0] | (uint32_t)p[1] << 8);
}

AIMC_POOL_INLINE uint32_t aimc_pool_load_u32(const void *src) {
    const unsigned char *p = (const unsigned char *)src;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

AIMC_POOL_INLINE uint64_t aimc_pool_load_u64(const void *src) {
    const unsigned char *p = (const unsigned char *)src;
    return p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

AIMC_POOL_INLINE void aimc_pool_store_u16(void *dst, uint16_t x) {
    unsigned char *p = (unsigned char *)dst;
    p[0] = (unsigned char)x;
    p[1] = (unsigned char)(x >> 8);
}

AIMC_POOL_INLINE void aimc_pool_store_u32(void *dst, uint32_t x) {
    unsigned char *p = (unsigned char *)dst;
    p[0] = (unsigned char)x;
    p[1] = (unsigned char)(x >> 8);
    p[2] = (unsigned char)(x >> 16);
    p[3] = (unsigned char)(x >> 24);
}

AIMC_POOL_INLINE void aimc_pool_store_u64(void *dst, uint64_t x) {
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
AIMC_POOL_INLINE void aimc_pool_load_f32(const void *src, float *out) {
    uint32_t bits = aimc_pool_load_u32(src);
    memcpy(out, &bits, sizeof bits);
}

AIMC_POOL_INLINE void aimc_pool_store_f32(void *dst, const float *x) {
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    aimc_pool_store_u32(dst, bits);
}

/* The bytes of a number in the opposite order. */
AIMC_POOL_INLINE uint32_t aimc_pool_swap_u32(uint32_t x) {
    return x << 24 | (x & 0xFF00u) << 8 | (x >> 8 & 0xFF00u) | x >> 24;
}

AIMC_POOL_INLINE uint64_t aimc_pool_swap_u64(uint64_t x) {
    return (uint64_t)aimc_pool_swap_u32((uint32_t)x) << 32 | aimc_pool_swap_u32((uint32_t)(x >> 32));
}

/* end core/bytes.h */

/* begin core/alloc.h */
/* core/alloc.h: the allocator hook as the parts call it, and the C library behind the zero hook. */

#if !defined(AIMEM_NO_STDLIB)
#include <stdlib.h>

/* The C library as an aimem_allocator. Up to the alignment of malloc: realloc itself. Above: room
   for the alignment and for the address that malloc gave, which lies just below the block. */
#define AIMC_POOL_LIBC_ALIGN (2 * sizeof(void *))

AIMC_POOL_FN void *aimc_pool_libc_aligned(size_t size, size_t align) {
    size_t total;
    uintptr_t at;
    void *raw;
    if (!aimc_pool_add_size(size, align + sizeof(void *), &total)) return NULL;
    raw = malloc(total);
    if (raw == NULL) return NULL;
    at = ((uintptr_t)raw + sizeof(void *) + align - 1) & ~(uintptr_t)(align - 1);
    memcpy((void *)(at - sizeof(void *)), &raw, sizeof raw);
    return (void *)at;
}

AIMC_POOL_FN void aimc_pool_libc_aligned_free(void *ptr) {
    void *raw;
    if (ptr == NULL) return;
    memcpy(&raw, (unsigned char *)ptr - sizeof raw, sizeof raw);
    free(raw);
}

AIMC_POOL_FN void *aimc_pool_libc_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                size_t align) {
    void *fresh;
    (void)user_data;
    if (align <= AIMC_POOL_LIBC_ALIGN) {
        if (new_size == 0) {
            free(ptr);
            return NULL;
        }
        return realloc(ptr, new_size);
    }
    if (new_size == 0) {
        aimc_pool_libc_aligned_free(ptr);
        return NULL;
    }
    fresh = aimc_pool_libc_aligned(new_size, align);
    if (fresh != NULL && ptr != NULL) {
        memcpy(fresh, ptr, aimc_pool_min_size(old_size, new_size));
        aimc_pool_libc_aligned_free(ptr);
    }
    return fresh;
}
#endif

/* *out = hook, or the C library for the zero hook; false when there is neither. */
AIMC_POOL_FN bool aimc_pool_allocator_or_default(const aimem_allocator *hook, aimem_allocator *out) {
    *out = *hook;
    if (hook->realloc_fn != NULL) return true;
#if !defined(AIMEM_NO_STDLIB)
    out->realloc_fn = aimc_pool_libc_realloc;
    out->user_data = NULL;
    return true;
#else
    return false;
#endif
}

/* size > 0 bytes at align, or NULL. A hook that answers with a wrong alignment gave nothing. */
AIMC_POOL_FN void *aimc_pool_alloc(const aimem_allocator *a, size_t size, size_t align) {
    void *ptr = a->realloc_fn(a->user_data, NULL, 0, size, align);
    if (ptr != NULL && ((uintptr_t)ptr & (align - 1)) != 0) {
        (void)a->realloc_fn(a->user_data, ptr, size, 0, align);
        return NULL;
    }
    return ptr;
}

/* As aimc_pool_alloc, every byte 0. */
AIMC_POOL_FN void *aimc_pool_alloc_zeroed(const aimem_allocator *a, size_t size, size_t align) {
    void *ptr = aimc_pool_alloc(a, size, align);
    if (ptr != NULL) memset(ptr, 0, size);
    return ptr;
}

AIMC_POOL_FN void aimc_pool_free(const aimem_allocator *a, void *ptr, size_t size, size_t align) {
    if (ptr != NULL) (void)a->realloc_fn(a->user_data, ptr, size, 0, align);
}

/* From old_size to new_size > 0 bytes with the contents kept; NULL, and the old block as it was,
   when it fails. Always through a second block: were the hook to answer a resize with a wrong
   alignment, the old block would be gone already. */
AIMC_POOL_FN void *aimc_pool_realloc(const aimem_allocator *a, void *ptr, size_t old_size, size_t new_size,
                           size_t align) {
    void *fresh = aimc_pool_alloc(a, new_size, align);
    if (fresh == NULL) return NULL;
    if (ptr != NULL) {
        memcpy(fresh, ptr, aimc_pool_min_size(old_size, new_size));
        aimc_pool_free(a, ptr, old_size, align);
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

#if defined(AIMC_POOL_OS_POSIX)

#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#if !defined(AIMC_POOL_OS_WASM)
#include <sys/mman.h>
#endif
#if defined(AIMC_POOL_THREADS)
#include <pthread.h>
#include <sched.h>
#endif
#if defined(AIMC_POOL_OS_LINUX)
#include <sys/syscall.h>
#endif
#if defined(__wasi__)
#include <wasi/api.h> /* its clock; the C library's is hidden in strict modes */
#endif

/* Files with 64-bit offsets. */
#if defined(AIMC_POOL_OS_LINUX) && (defined(__GLIBC__) || defined(__BIONIC__))
#if defined(__GLIBC__)
#define AIMC_POOL_OFF __off64_t
#else
#define AIMC_POOL_OFF off64_t
#endif
#define AIMC_POOL_OPEN open64
#define AIMC_POOL_LSEEK lseek64
#define AIMC_POOL_PREAD pread64
#define AIMC_POOL_PWRITE pwrite64
#define AIMC_POOL_FTRUNCATE ftruncate64
#define AIMC_POOL_FALLOCATE posix_fallocate64
#define AIMC_POOL_MMAP mmap64
#else
#define AIMC_POOL_OFF off_t
#define AIMC_POOL_OPEN open
#define AIMC_POOL_LSEEK (lseek) /* not the macro that WASI has beside it */
#define AIMC_POOL_PREAD pread
#define AIMC_POOL_PWRITE pwrite
#define AIMC_POOL_FTRUNCATE ftruncate
#define AIMC_POOL_FALLOCATE posix_fallocate
#define AIMC_POOL_MMAP mmap
#endif

AIMC_POOL_STATIC_ASSERT(sizeof(AIMC_POOL_OFF) == 8, "file offsets are too narrow here");

#if defined(AIMC_POOL_OS_LINUX) && !defined(__cplusplus)
#if defined(__GLIBC__) && !defined(__USE_LARGEFILE64)
int open64(const char *path, int flags, ...);
AIMC_POOL_OFF lseek64(int fd, AIMC_POOL_OFF offset, int whence);
ssize_t pread64(int fd, void *dst, size_t size, AIMC_POOL_OFF offset);
ssize_t pwrite64(int fd, const void *src, size_t size, AIMC_POOL_OFF offset);
int ftruncate64(int fd, AIMC_POOL_OFF size);
int posix_fallocate64(int fd, AIMC_POOL_OFF offset, AIMC_POOL_OFF size);
void *mmap64(void *ptr, size_t size, int prot, int flags, int fd, AIMC_POOL_OFF offset);
#endif
#if !defined(__BIONIC__) && !defined(__USE_MISC) && !defined(_BSD_SOURCE) && !defined(_GNU_SOURCE)
int fsync(int fd);
int fdatasync(int fd);
int madvise(void *ptr, size_t size, int advice);
long syscall(long number, ...);
#if defined(AIMC_POOL_THREADS)
int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t id);
#endif
#endif
#endif

/* clock_gettime. Where a 32-bit system has been asked for 64-bit time, the function has another
   name in the library, which a hidden declaration does not tell us. */
#if (defined(AIMC_POOL_OS_LINUX) || defined(__EMSCRIPTEN__)) && !defined(__cplusplus) && \
    !defined(__BIONIC__)
#if defined(_REDIR_TIME64)
#define AIMC_POOL_TIME64 1
#elif defined(__USE_TIME_BITS64) && defined(__TIMESIZE)
#if __TIMESIZE == 32
#define AIMC_POOL_TIME64 1
#endif
#endif
#if defined(AIMC_POOL_TIME64)
int aimc_pool_clock_gettime64(clockid_t id, struct timespec *at) __asm__("__clock_gettime64");
#define AIMC_POOL_CLOCK_GETTIME aimc_pool_clock_gettime64
#elif !defined(CLOCK_MONOTONIC)
int clock_gettime(clockid_t id, struct timespec *at);
#endif
#endif
#if !defined(AIMC_POOL_CLOCK_GETTIME)
#define AIMC_POOL_CLOCK_GETTIME clock_gettime
#endif

#if defined(CLOCK_MONOTONIC)
#define AIMC_POOL_CLOCK_MONOTONIC CLOCK_MONOTONIC
#define AIMC_POOL_CLOCK_REALTIME CLOCK_REALTIME
#else
#define AIMC_POOL_CLOCK_MONOTONIC 1
#define AIMC_POOL_CLOCK_REALTIME 0
#endif

#if defined(O_CLOEXEC)
#define AIMC_POOL_O_CLOEXEC O_CLOEXEC
#elif defined(__O_CLOEXEC)
#define AIMC_POOL_O_CLOEXEC __O_CLOEXEC
#else
#define AIMC_POOL_O_CLOEXEC 0
#endif

#if !defined(AIMC_POOL_OS_WASM)
#if defined(MAP_ANONYMOUS)
#define AIMC_POOL_MAP_ANONYMOUS MAP_ANONYMOUS
#elif defined(MAP_ANON)
#define AIMC_POOL_MAP_ANONYMOUS MAP_ANON
#elif !defined(AIMC_POOL_OS_LINUX)
#define AIMC_POOL_MAP_ANONYMOUS 0x1000
#elif defined(__mips__) || defined(__xtensa__)
#define AIMC_POOL_MAP_ANONYMOUS 0x800
#elif defined(__alpha__) || defined(__hppa__)
#define AIMC_POOL_MAP_ANONYMOUS 0x10
#else
#define AIMC_POOL_MAP_ANONYMOUS 0x20
#endif

#if defined(MAP_NORESERVE)
#define AIMC_POOL_MAP_NORESERVE MAP_NORESERVE
#elif !defined(AIMC_POOL_OS_LINUX)
#define AIMC_POOL_MAP_NORESERVE 0
#elif defined(__mips__) || defined(__xtensa__)
#define AIMC_POOL_MAP_NORESERVE 0x400
#elif defined(__powerpc__) || defined(__sparc__)
#define AIMC_POOL_MAP_NORESERVE 0x40
#elif defined(__alpha__)
#define AIMC_POOL_MAP_NORESERVE 0x10000
#else
#define AIMC_POOL_MAP_NORESERVE 0x4000
#endif
#endif

#if defined(AIMC_POOL_OS_LINUX)
#if defined(MADV_HUGEPAGE)
#define AIMC_POOL_MADV_HUGEPAGE MADV_HUGEPAGE
#elif defined(__hppa__)
#define AIMC_POOL_MADV_HUGEPAGE 67
#else
#define AIMC_POOL_MADV_HUGEPAGE 14
#endif
/* A lock that belongs to the open file, not to the process (Linux 3.15). */
#define AIMC_POOL_F_OFD_SETLK 37
#endif

#endif
/* end core/posix.h */

/* begin core/win32.h */
/* core/win32.h: <windows.h>, small and without its min and max, and nothing left defined. */

#if defined(AIMC_POOL_OS_WINDOWS)

#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN
#define AIMC_POOL_WINDOWS_LEAN 1
#endif
#if !defined(NOMINMAX)
#define NOMINMAX
#define AIMC_POOL_WINDOWS_NOMINMAX 1
#endif
#include <windows.h>
#if defined(AIMC_POOL_WINDOWS_LEAN)
#undef WIN32_LEAN_AND_MEAN
#endif
#if defined(AIMC_POOL_WINDOWS_NOMINMAX)
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

#if defined(AIMC_POOL_OS_WINDOWS) || (defined(AIMC_POOL_OS_POSIX) && !defined(AIMC_POOL_OS_WASM))
#define AIMC_POOL_VM 1
#endif

/* Bytes per page, a power of two; where nothing knows it: 4096. */
AIMC_POOL_FN size_t aimc_pool_page_size(void) {
#if defined(AIMC_POOL_OS_WINDOWS)
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return (size_t)info.dwPageSize;
#elif defined(AIMC_POOL_OS_POSIX)
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : 4096;
#else
    return 4096;
#endif
}

#if defined(AIMC_POOL_VM) && defined(AIMC_POOL_OS_WINDOWS)
AIMC_POOL_FN void *aimc_pool_vm_reserve(void *user_data, size_t size) {
    (void)user_data;
    return VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_NOACCESS);
}

AIMC_POOL_FN bool aimc_pool_vm_commit(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    return VirtualAlloc(ptr, size, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

AIMC_POOL_FN void aimc_pool_vm_decommit(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    if (size != 0) (void)VirtualFree(ptr, size, MEM_DECOMMIT);
}

AIMC_POOL_FN void aimc_pool_vm_release(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    (void)size;
    (void)VirtualFree(ptr, 0, MEM_RELEASE);
}
#elif defined(AIMC_POOL_VM)
AIMC_POOL_FN void *aimc_pool_vm_reserve(void *user_data, size_t size) {
    int flags = MAP_PRIVATE | AIMC_POOL_MAP_ANONYMOUS | AIMC_POOL_MAP_NORESERVE;
    void *ptr = AIMC_POOL_MMAP(NULL, size, PROT_NONE, flags, -1, 0);
    (void)user_data;
    return ptr == MAP_FAILED ? NULL : ptr;
}

AIMC_POOL_FN bool aimc_pool_vm_commit(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    return mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0;
}

/* Fresh pages without access are mapped over the old ones: unlike madvise, that gives memory and
   commit charge back, and reads as zero later, on every system, for locked pages too, and under
   emulators. It can fail when the process has too many mappings to split one; then the pages stay,
   and zeroing them keeps the promise. */
AIMC_POOL_FN void aimc_pool_vm_decommit(void *user_data, void *ptr, size_t size) {
    int flags = MAP_PRIVATE | AIMC_POOL_MAP_ANONYMOUS | AIMC_POOL_MAP_NORESERVE | MAP_FIXED;
    (void)user_data;
    if (size == 0) return;
    if (AIMC_POOL_MMAP(ptr, size, PROT_NONE, flags, -1, 0) != MAP_FAILED) return;
    if (mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0) memset(ptr, 0, size);
}

AIMC_POOL_FN void aimc_pool_vm_release(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    (void)munmap(ptr, size);
}
#endif

/* *out = the system's pages; false, and *out zeroed, where there are none (no OS, WASM). */
AIMC_POOL_FN bool aimc_pool_vm_default(aimem_vm *out) {
    memset(out, 0, sizeof *out);
#if defined(AIMC_POOL_VM)
    out->reserve_fn = aimc_pool_vm_reserve;
    out->commit_fn = aimc_pool_vm_commit;
    out->decommit_fn = aimc_pool_vm_decommit;
    out->release_fn = aimc_pool_vm_release;
    out->page_size = aimc_pool_page_size();
    return true;
#else
    return false;
#endif
}

/* *out = hook, or the system's pages for NULL or a zero hook; false when there are neither. A hook
   that leaves page_size 0 gets the system's. */
AIMC_POOL_FN bool aimc_pool_vm_or_default(const aimem_vm *hook, aimem_vm *out) {
    if (hook == NULL || hook->reserve_fn == NULL) return aimc_pool_vm_default(out);
    *out = *hook;
    if (out->page_size == 0) out->page_size = aimc_pool_page_size();
    return true;
}

/* Asks for large pages behind committed pages of the system (not of a user's hook). Only a hint,
   true when the system took it; a decommit forgets it. Linux alone knows it: Windows wants a
   privilege and a reservation of another kind. */
AIMC_POOL_FN bool aimc_pool_vm_hint_huge(void *ptr, size_t size) {
#if defined(AIMC_POOL_VM) && defined(AIMC_POOL_OS_LINUX)
    return madvise(ptr, size, AIMC_POOL_MADV_HUGEPAGE) == 0;
#else
    (void)ptr;
    (void)size;
    return false;
#endif
}

/* end core/osmem.h */

/* begin pool/text.h */
/* pool/text.h: short texts for the logger, without stdio. */

/* Always ends with NUL; what does not fit is left out. AIMEM_NO_STRINGS: always empty, and the
   logger gets the code alone. */
typedef struct aimi_pool_text {
    char text[160];
    size_t used;
} aimi_pool_text;

AIMC_POOL_FN void aimi_pool_text_add(aimi_pool_text *t, const char *more) {
#if !defined(AIMEM_NO_STRINGS)
    while (*more != '\0' && t->used + 1 < sizeof t->text) t->text[t->used++] = *more++;
#else
    (void)more;
#endif
    t->text[t->used] = '\0';
}

/* In base 10 or 16. */
AIMC_POOL_FN void aimi_pool_text_number(aimi_pool_text *t, uint64_t number, uint32_t base) {
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    aimi_pool_text_add(t, digits + at);
}

AIMC_POOL_FN void aimi_pool_text_address(aimi_pool_text *t, const void *address) {
    aimi_pool_text_add(t, "0x");
    aimi_pool_text_number(t, (uintptr_t)address, 16);
}

/* Begins with the name of the object that speaks. */
AIMC_POOL_FN void aimi_pool_text_begin(aimi_pool_text *t, const char *name) {
    t->used = 0;
    aimi_pool_text_add(t, name);
    aimi_pool_text_add(t, ": ");
}

AIMC_POOL_FN void aimi_pool_text_send(const aimi_pool_text *t, const aimem_logger *logger, int level,
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

AIMC_POOL_INLINE unsigned char *aimi_pool_payload(void *link) {
    return (unsigned char *)link + AIMI_POOL_LINK_SIZE;
}

/* The first byte of the current range. */
AIMC_POOL_FN unsigned char *aimi_pool_arena_start(const aimem_arena *a) {
    if (a->mode != AIMI_POOL_ARENA_CHUNKS) return a->base;
    return a->chunk != NULL ? aimi_pool_payload(a->chunk) : a->at;
}

/* One past its last byte. */
AIMC_POOL_FN unsigned char *aimi_pool_arena_limit(const aimem_arena *a) {
    if (a->mode == AIMI_POOL_ARENA_NONE) return a->at;
    if (a->mode != AIMI_POOL_ARENA_CHUNKS) return a->base + a->reserved;
    return a->chunk != NULL ? ((aimi_pool_link *)a->chunk)->limit : a->at;
}

AIMC_POOL_FN size_t aimi_pool_arena_used(const aimem_arena *a) {
    return a->older_used + (size_t)(a->at - aimi_pool_arena_start(a));
}

AIMC_POOL_FN void aimi_pool_arena_note_peak(aimem_arena *a) {
    size_t used = aimi_pool_arena_used(a);
    if (used > a->peak) a->peak = used;
}

/* The next free byte is at; everything from it to the limit is out of bounds. */
AIMC_POOL_FN void aimi_pool_arena_move(aimem_arena *a, unsigned char *at) {
    unsigned char *limit = aimi_pool_arena_limit(a);
    a->at = at;
    a->end = (uintptr_t)limit <= UINTPTR_MAX - 4096 ? limit : at;
#if defined(AIMC_POOL_ASAN)
    a->end = at;
#endif
    AIMC_POOL_POISON(at, (size_t)(limit - at));
}

/* A piece in the current range as it is, or NULL. align is a power of two. */
AIMC_POOL_FN void *aimi_pool_arena_fit(aimem_arena *a, size_t size, size_t align) {
    size_t pad = (size_t)(0 - (uintptr_t)a->at) & (align - 1);
    size_t left = (size_t)(aimi_pool_arena_limit(a) - a->at);
    unsigned char *piece;
    if (pad > left || size > left - pad) return NULL;
    piece = a->at + pad;
    aimi_pool_arena_move(a, piece + size);
    AIMC_POOL_UNPOISON(piece, size);
    return piece;
}

/* ---- growth ---- */

/* Commits pages so that need more bytes fit behind at. Asks for as much again as there is, from
   chunk_size up to 4 MiB, and for no more than needed when that is refused. */
AIMC_POOL_FN bool aimi_pool_arena_commit(aimem_arena *a, size_t need) {
    size_t page = a->vm.page_size, used = (size_t)(a->at - a->base), most = a->base_size;
    size_t least, want, old = a->reserved;
    if (a->max_bytes != 0) most = aimc_pool_min_size(most, a->max_bytes & ~(page - 1));
    if (need > most || used > most - need) return false;
    least = (used + need + page - 1) & ~(page - 1); /* most is whole pages: no overflow */
    want = aimc_pool_max_size(a->chunk_size, aimc_pool_min_size(old, AIMI_POOL_ARENA_MOST));
    want = want < most - old ? (old + want + page - 1) & ~(page - 1) : most;
    want = aimc_pool_max_size(want, least);
    if (!a->vm.commit_fn(a->vm.user_data, a->base + old, want - old)) {
        want = least;
        if (!a->vm.commit_fn(a->vm.user_data, a->base + old, want - old)) return false;
    }
    a->reserved = want;
    a->growths++;
    aimi_pool_arena_move(a, a->at);
    return true;
}

AIMC_POOL_FN void aimi_pool_arena_free_link(aimem_arena *a, aimi_pool_link *link) {
    size_t total = link->total;
    AIMC_POOL_UNPOISON(link, total);
    aimc_pool_free(&a->allocator, link, total, AIMI_POOL_ARENA_ALIGN);
    a->reserved -= total;
}

/* Gives the spare chunks back; returns their bytes. */
AIMC_POOL_FN size_t aimi_pool_arena_free_spare(aimem_arena *a) {
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
AIMC_POOL_FN aimi_pool_link *aimi_pool_arena_take_spare(aimem_arena *a, size_t need) {
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
AIMC_POOL_FN aimi_pool_link *aimi_pool_arena_take_new(aimem_arena *a, size_t payload) {
    aimi_pool_link *link;
    size_t total;
    if (!aimc_pool_add_size(payload, AIMI_POOL_LINK_SIZE, &total)) return NULL;
    if (a->max_bytes != 0 && (total > a->max_bytes || a->reserved > a->max_bytes - total)) {
        return NULL;
    }
    if (total > PTRDIFF_MAX) return NULL;
    link = (aimi_pool_link *)aimc_pool_alloc(&a->allocator, total, AIMI_POOL_ARENA_ALIGN);
    if (link == NULL) return NULL;
    link->total = total;
    link->limit = (unsigned char *)link + total;
    a->reserved += total;
    a->growths++;
    if (a->chunk_size < AIMI_POOL_ARENA_MOST) {
        a->chunk_size = aimc_pool_min_size(2 * a->chunk_size, AIMI_POOL_ARENA_MOST);
    }
    return link;
}

/* Puts a chunk with room for need bytes in front. Tries a spare one, one of the usual size, one
   that just suffices, and that again after the spare ones, all too small, were given back. */
AIMC_POOL_FN bool aimi_pool_arena_chain(aimem_arena *a, size_t need) {
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

AIMC_POOL_FN bool aimi_pool_arena_grow(aimem_arena *a, size_t size, size_t align) {
    size_t need;
    if (!aimc_pool_add_size(size, align - 1, &need)) return false;
    if (a->mode == AIMI_POOL_ARENA_RESERVE) {
        size_t pad = (size_t)(0 - (uintptr_t)a->at) & (align - 1);
        return aimc_pool_add_size(size, pad, &need) && aimi_pool_arena_commit(a, need);
    }
    return a->mode == AIMI_POOL_ARENA_CHUNKS && aimi_pool_arena_chain(a, need);
}

/* ---- life ---- */

AIMC_POOL_FN aimem_result aimi_pool_arena_init_memory(aimem_arena *a, const aimem_arena_desc *d) {
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

AIMC_POOL_FN aimem_result aimi_pool_arena_init_reserve(aimem_arena *a, const aimem_arena_desc *d) {
    const aimem_vm *vm = &a->vm;
    if (!aimc_pool_vm_or_default(&d->vm, &a->vm)) return AIMEM_ERR_UNSUPPORTED;
    if (vm->commit_fn == NULL || vm->decommit_fn == NULL || vm->release_fn == NULL ||
        !aimc_pool_is_pow2(vm->page_size)) {
        return AIMEM_ERR_INVALID;
    }
    if (!aimc_pool_align_size(d->reserve, vm->page_size, &a->base_size) || a->base_size > PTRDIFF_MAX) {
        return AIMEM_ERR_NOMEM;
    }
    a->base = (unsigned char *)vm->reserve_fn(vm->user_data, a->base_size);
    if (a->base == NULL) return AIMEM_ERR_NOMEM;
    a->mode = AIMI_POOL_ARENA_RESERVE;
    aimi_pool_arena_move(a, a->base);
    return AIMEM_OK;
}

AIMC_POOL_FN aimem_result aimi_pool_arena_init_any(aimem_arena *a, const aimem_arena_desc *d) {
    if (d->canary_zero != 0) return AIMEM_ERR_INVALID;
    a->chunk_size = d->chunk_size != 0 ? d->chunk_size : AIMI_POOL_ARENA_FIRST;
    a->max_bytes = d->max_bytes;
    if (d->memory != NULL || d->memory_size != 0) return aimi_pool_arena_init_memory(a, d);
    if (d->reserve != 0) return aimi_pool_arena_init_reserve(a, d);
    if (!aimc_pool_allocator_or_default(&d->allocator, &a->allocator)) return AIMEM_ERR_INVALID;
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
        AIMC_POOL_UNPOISON(arena->base, arena->reserved);
        arena->vm.release_fn(arena->vm.user_data, arena->base, arena->base_size);
    } else if (arena->mode == AIMI_POOL_ARENA_MEMORY) {
        AIMC_POOL_UNPOISON(arena->base, arena->base_size);
    }
    memset(arena, 0, sizeof *arena);
}

/* ---- pieces ---- */

AIMEM_POOL_API void *aimem_arena_push_slow(aimem_arena *arena, size_t size, size_t align) {
    void *piece;
    if (align == 0) align = 16;
    if (!aimc_pool_is_pow2(align) || arena->mode == AIMI_POOL_ARENA_NONE) return NULL;
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
    if (!aimc_pool_mul_size(count, size, &total)) return NULL;
    return aimem_arena_push(arena, total, align);
}

/* The last piece, at ptr, becomes new_size bytes; false when there is no room behind it. */
AIMC_POOL_FN bool aimi_pool_arena_resize_last(aimem_arena *a, unsigned char *ptr, size_t new_size) {
    size_t old_size = (size_t)(a->at - ptr);
    if (new_size < old_size) {
        aimi_pool_arena_note_peak(a);
    } else if (new_size - old_size > (size_t)(aimi_pool_arena_limit(a) - a->at)) {
        if (a->mode != AIMI_POOL_ARENA_RESERVE) return false;
        if (!aimi_pool_arena_commit(a, new_size - old_size)) return false;
    }
    aimi_pool_arena_move(a, ptr + new_size);
    AIMC_POOL_UNPOISON(ptr, new_size);
    return true;
}

/* Whether the old_size bytes at ptr are the last piece of the current range. */
AIMC_POOL_FN bool aimi_pool_arena_is_last(const aimem_arena *a, const void *ptr, size_t old_size) {
    uintptr_t at = (uintptr_t)a->at, start = (uintptr_t)aimi_pool_arena_start(a);
    return (uintptr_t)ptr >= start && (uintptr_t)ptr <= at && at - (uintptr_t)ptr == old_size;
}

AIMEM_POOL_API void *aimem_arena_resize(aimem_arena *arena, void *ptr, size_t old_size,
                                        size_t new_size, size_t align) {
    void *fresh;
    if (ptr == NULL) return aimem_arena_push(arena, new_size, align);
    if (align == 0) align = 16;
    if (!aimc_pool_is_pow2(align)) return NULL;
    if (((uintptr_t)ptr & (align - 1)) == 0) {
        if (aimi_pool_arena_is_last(arena, ptr, old_size)) {
            if (aimi_pool_arena_resize_last(arena, (unsigned char *)ptr, new_size)) return ptr;
        } else if (new_size <= old_size) {
            return ptr;
        }
    }
    fresh = aimem_arena_push(arena, new_size, align);
    if (fresh != NULL) memcpy(fresh, ptr, aimc_pool_min_size(old_size, new_size));
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
    if (!aimc_pool_add_size(head, tail, &total) || total == SIZE_MAX) return NULL;
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
AIMC_POOL_FN void aimi_pool_arena_pop(aimem_arena *a, void *link) {
    while (a->chunk != link) {
        aimi_pool_link *top = (aimi_pool_link *)a->chunk;
        a->chunk = top->older;
        top->older = (aimi_pool_link *)a->spare;
        a->spare = top;
        AIMC_POOL_POISON(aimi_pool_payload(top), (size_t)(top->limit - aimi_pool_payload(top)));
    }
}

/* Whether the mark can be rewound to: its chunk is in the chain, its place inside and not ahead. */
AIMC_POOL_FN bool aimi_pool_arena_knows(const aimem_arena *a, const aimem_arena_mark *mark) {
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

AIMC_POOL_FN void *aimi_pool_arena_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
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
    out->peak = aimc_pool_max_size(arena->peak, out->used);
    out->reserved = arena->reserved;
    out->growths = arena->growths;
    out->limit = arena->max_bytes != 0 ? arena->max_bytes : SIZE_MAX;
    if (arena->mode != AIMI_POOL_ARENA_CHUNKS) {
        if (arena->mode == AIMI_POOL_ARENA_MEMORY) out->limit = arena->base_size;
        out->limit = aimc_pool_min_size(out->limit, arena->base_size);
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
AIMC_POOL_INLINE unsigned char *aimi_pool_hint(aimi_pool_chunk *c) {
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
    uint64_t allocations;
    size_t inverse; /* of the odd part of stride, modulo 2^AIMI_POOL_SIZE_BITS */
    uint32_t shifts; /* twos << 8 | recent_shift: one load for both */
    bool fixed, reclaim, clear, handles;
    uint64_t failures; /* keeps the ring at a multiple of 16 */
    aimi_pool_chunk *recent[AIMI_POOL_RECENT];
    aimi_pool_entry ring[AIMI_POOL_RING]; /* block.h */

    size_t block_size, stride, max_blocks;
    size_t chunk_align; /* of block 0 of a chunk; it divides stride, so of every block */
    size_t peak, total, closed, bytes;
    uint64_t refused;
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

AIMC_POOL_INLINE size_t aimi_pool_in_use(const aimem_pool *p) {
    return p->place / sizeof(aimi_pool_entry);
}

/* ---- from an address to a block ---- */

/* The inverse of an odd number modulo the word: each step doubles the bits that are right, and an
   odd number is its own inverse to three bits. */
AIMC_POOL_FN size_t aimi_pool_inverse(size_t odd) {
    size_t x = odd;
    int i;
    for (i = 0; i < 5; i++) x *= 2 - odd * x;
    return x;
}

/* stride is its odd part times 2^twos. recent_shift: log2 of the bytes per place in recent. */
AIMC_POOL_INLINE uint32_t aimi_pool_twos(uint32_t shifts) {
    return shifts >> 8;
}

AIMC_POOL_INLINE uint32_t aimi_pool_recent_shift(uint32_t shifts) {
    return shifts & 255;
}

/* Reads shift counts as a whole word. Clang would load its low byte alone, into a register whose
   other bytes come from earlier work, and wait for that: a free took half as long again. */
AIMC_POOL_INLINE uint32_t aimi_pool_shifts(const aimem_pool *p) {
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
AIMC_POOL_INLINE size_t aimi_pool_index(const aimem_pool *p, size_t offset, uint32_t shifts) {
    uint32_t right = aimi_pool_twos(shifts), left = (uint32_t)(AIMI_POOL_SIZE_BITS - right);
    size_t x = offset >> right | offset << (left & (AIMI_POOL_SIZE_BITS - 1));
    return x * p->inverse;
}

/* The place of an address in recent. */
AIMC_POOL_INLINE size_t aimi_pool_recent(uintptr_t at, uint32_t shifts) {
    return (size_t)(at >> aimi_pool_recent_shift(shifts)) % AIMI_POOL_RECENT;
}

/* The chunk whose bytes hold the address, or NULL. O(log chunks), one hard-to-guess branch. */
AIMC_POOL_FN aimi_pool_chunk *aimi_pool_find(const aimem_pool *p, uintptr_t at) {
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
AIMC_POOL_FN aimem_result aimi_pool_locate(const aimem_pool *p, const void *block,
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

AIMC_POOL_INLINE size_t aimi_pool_groups(size_t count) {
    return (count + AIMI_POOL_GROUP - 1) / AIMI_POOL_GROUP;
}

AIMC_POOL_FN void aimi_pool_mark(aimem_pool *p, const aimi_pool_chunk *c) {
    p->maybe[c->id >> 6] |= (uint64_t)1 << (c->id & 63);
}

AIMC_POOL_FN void aimi_pool_unmark(aimem_pool *p, const aimi_pool_chunk *c) {
    p->maybe[c->id >> 6] &= ~((uint64_t)1 << (c->id & 63));
}

AIMC_POOL_INLINE void aimi_pool_put(aimi_pool_entry *e, unsigned char *block, unsigned char *state) {
    e->block = block;
    e->state = state;
}

/* Puts eight blocks in a row into eight entries in a row. Written out, because the work per entry
   is less than that of a loop. */
AIMC_POOL_INLINE void aimi_pool_put_eight(aimi_pool_entry *e, unsigned char *block, size_t stride,
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
AIMC_POOL_FN size_t aimi_pool_take_group(aimem_pool *p, aimi_pool_chunk *c, size_t g, size_t got,
                                    size_t most) {
    unsigned char *state = c->state + g * AIMI_POOL_GROUP, *end = state + AIMI_POOL_GROUP;
    size_t stride = p->stride, base = aimi_pool_in_use(p), n = got;
    unsigned char *block = c->base + g * AIMI_POOL_GROUP * stride;
    for (; state < end; state += 8, block += 8 * stride) {
        uint64_t bits = ~aimc_pool_load_u64(state) & AIMI_POOL_EACH_BYTE;
        size_t slot = (base + n) % AIMI_POOL_RING;
        if (bits == AIMI_POOL_EACH_BYTE && n + 8 <= most && slot + 8 <= AIMI_POOL_RING) {
            aimi_pool_put_eight(&p->ring[slot], block, stride, state);
            n += 8;
            continue;
        }
        for (; bits != 0; bits &= bits - 1, n++) {
            size_t k = aimc_pool_ctz64(bits) >> 3;
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
AIMC_POOL_FN size_t aimi_pool_take_chunk(aimem_pool *p, aimi_pool_chunk *c, size_t got, size_t enough,
                                    size_t most) {
    size_t groups = aimi_pool_groups(c->count), g, i;
    const unsigned char *pass = p->taken;
    for (g = 0; g < groups; g += 8) {
        uint64_t hints = aimc_pool_load_u64(aimi_pool_hint(c) + g);
        for (; hints != 0; hints &= hints - 1) {
            i = g + (aimc_pool_ctz64(hints) >> 3);
            if (&aimi_pool_hint(c)[i] == pass) continue;
            got = aimi_pool_take_group(p, c, i, got, most);
            if (got >= enough) return got;
        }
    }
    aimi_pool_unmark(p, c);
    return got;
}

/* Marks every chunk that has a hint. O(total / 512). */
AIMC_POOL_FN void aimi_pool_mark_all(aimem_pool *p) {
    size_t n;
    for (n = 0; n < p->chunks; n++) {
        aimi_pool_chunk *c = p->sorted[n].chunk;
        if (memchr(aimi_pool_hint(c), 1, aimi_pool_groups(c->count)) != NULL) aimi_pool_mark(p, c);
    }
}

/* Puts free blocks into the ring for the next allocations: marked chunks first, by rising id, so
   that the newest fall empty; frees do not mark theirs, so all are looked through when those have
   nothing. False when no block is free. */
AIMC_POOL_FN bool aimi_pool_search(aimem_pool *p) {
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
                aimi_pool_chunk *c = p->by_id[w * 64 + aimc_pool_ctz64(bits)];
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
AIMC_POOL_FN bool aimi_pool_directory_size(size_t cap, size_t *size) {
    size_t each = sizeof(aimi_pool_place) + sizeof(void *) + sizeof(uint64_t) + sizeof(uint32_t);
    return aimc_pool_mul_size(cap, each, size) && aimc_pool_add_size(*size, 16, size);
}

/* Lays the arrays out in memory at a multiple of 8, takes over what the old ones hold. */
AIMC_POOL_FN void aimi_pool_directory_set(aimem_pool *p, void *memory, size_t cap) {
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
AIMC_POOL_FN bool aimi_pool_directory_grow(aimem_pool *p, size_t cap) {
    void *old = p->directory, *fresh;
    size_t old_size = p->directory_size, size;
    if (!aimi_pool_directory_size(cap, &size)) return false;
    fresh = aimc_pool_alloc(&p->allocator, size, AIMI_POOL_META_ALIGN);
    if (fresh == NULL) return false;
    aimi_pool_directory_set(p, fresh, cap);
    p->directory = fresh;
    p->directory_size = size;
    p->bytes += size - old_size;
    aimc_pool_free(&p->allocator, old, old_size, AIMI_POOL_META_ALIGN);
    return true;
}

/* An id that no chunk has and whose generations are not used up; SIZE_MAX: none, no memory. */
AIMC_POOL_FN size_t aimi_pool_new_id(aimem_pool *p) {
    size_t id, cap = p->cap;
    for (id = 0; id < cap; id++) {
        if (p->by_id[id] == NULL && p->gen_base[id] != UINT32_MAX) return id;
    }
    if (cap > SIZE_MAX / 4 || (p->handles && cap >= AIMI_POOL_IDS_MOST)) return SIZE_MAX;
    return aimi_pool_directory_grow(p, cap == 0 ? 4 : cap * 2) ? cap : SIZE_MAX;
}

/* ---- chunks ---- */

/* Bytes of the meta data of count blocks. count is at most AIMI_POOL_CHUNK_MOST: no overflow. */
AIMC_POOL_FN size_t aimi_pool_meta_size(size_t count, bool handles) {
    size_t groups = aimi_pool_groups(count);
    size_t size = sizeof(aimi_pool_chunk) + groups * AIMI_POOL_GROUP + ((groups + 7) & ~(size_t)7);
    if (handles) size += count * sizeof(uint32_t);
    return (size + 15) & ~(size_t)15;
}

AIMC_POOL_FN void aimi_pool_sorted_add(aimem_pool *p, aimi_pool_chunk *c) {
    size_t at = p->chunks;
    while (at != 0 && p->sorted[at - 1].base > (uintptr_t)c->base) at--;
    memmove(p->sorted + at + 1, p->sorted + at, (p->chunks - at) * sizeof *p->sorted);
    p->sorted[at].base = (uintptr_t)c->base;
    p->sorted[at].chunk = c;
    p->chunks++;
}

AIMC_POOL_FN void aimi_pool_sorted_remove(aimem_pool *p, const aimi_pool_chunk *c) {
    size_t at = 0;
    while (p->sorted[at].chunk != c) at++;
    p->chunks--;
    memmove(p->sorted + at, p->sorted + at + 1, (p->chunks - at) * sizeof *p->sorted);
}

/* Fills recent as it would be for places of 2^shift bytes. Returns the bytes of the address space
   whose place is wanted by two chunks: there the last one that was looked for is found. */
AIMC_POOL_FN uint64_t aimi_pool_fill_recent(aimem_pool *p, uint32_t shift) {
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
AIMC_POOL_FN void aimi_pool_tune_recent(aimem_pool *p, size_t bytes) {
    uint32_t top = bytes > 1 ? aimc_pool_log2_u64(bytes) + 1 : 2, shift, best;
    uint64_t least = UINT64_MAX;
    if (p->chunks > 16 && !aimc_pool_is_pow2(p->chunks)) return;
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
AIMC_POOL_FN aimi_pool_chunk *aimi_pool_chunk_set(aimem_pool *p, size_t id, void *meta, void *base,
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
    AIMC_POOL_POISON(base, bytes);
    return c;
}

/* A chunk of these blocks, its meta data from the allocator; NULL, and nothing changed but room in
   the directory, when there is no memory. */
AIMC_POOL_FN aimi_pool_chunk *aimi_pool_chunk_of(aimem_pool *p, void *base, size_t count) {
    size_t id = aimi_pool_new_id(p), size = aimi_pool_meta_size(count, p->handles);
    aimi_pool_chunk *c;
    void *meta;
    if (id == SIZE_MAX) return NULL;
    meta = aimc_pool_alloc(&p->allocator, size, AIMI_POOL_META_ALIGN);
    if (meta == NULL) return NULL;
    c = aimi_pool_chunk_set(p, id, meta, base, count);
    c->meta_size = size;
    p->bytes += size;
    return c;
}

/* A chunk of count blocks from the allocator; false, and nothing changed but room in the
   directory, when there is no memory. */
AIMC_POOL_FN bool aimi_pool_chunk_new(aimem_pool *p, size_t count) {
    size_t bytes;
    void *base;
    if (count > AIMI_POOL_BLOCKS_MOST - p->total || !aimc_pool_mul_size(count, p->stride, &bytes) ||
        bytes > PTRDIFF_MAX) {
        return false;
    }
    base = aimc_pool_alloc(&p->allocator, bytes, p->chunk_align);
    if (base == NULL) return false;
    if (aimi_pool_chunk_of(p, base, count) == NULL) {
        aimc_pool_free(&p->allocator, base, bytes, p->chunk_align);
        return false;
    }
    p->bytes += bytes;
    return true;
}

/* The blocks made by create, in one piece: what cannot be had is refused at once. */
AIMC_POOL_FN bool aimi_pool_preallocate(aimem_pool *p, size_t count) {
    unsigned char *base;
    p->first_size = count * p->stride;
    p->first = aimc_pool_alloc(&p->allocator, p->first_size, p->chunk_align);
    if (p->first == NULL) return false;
    p->bytes += p->first_size;
    for (base = (unsigned char *)p->first; count != 0;) {
        size_t n = aimc_pool_min_size(count, AIMI_POOL_CHUNK_MOST);
        aimi_pool_chunk *c = aimi_pool_chunk_of(p, base, n);
        if (c == NULL) return false;
        c->keep = true;
        base += n * p->stride;
        count -= n;
    }
    return true;
}

/* The generations of a chunk that goes: its id begins anew with the highest: no handle has it. */
AIMC_POOL_FN void aimi_pool_keep_generations(aimem_pool *p, const aimi_pool_chunk *c) {
    size_t i;
    if (!p->handles) return;
    for (i = 0; i < c->count; i++) {
        if (c->gen[i] > p->gen_base[c->id]) p->gen_base[c->id] = c->gen[i];
        if (c->state[i] == AIMI_POOL_CLOSED) p->closed--;
    }
}

/* Takes a chunk out of the guesses. */
AIMC_POOL_FN void aimi_pool_forget(aimem_pool *p, const aimi_pool_chunk *c) {
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
AIMC_POOL_FN size_t aimi_pool_chunk_release(aimem_pool *p, aimi_pool_chunk *c) {
    size_t bytes = c->count * p->stride, size = c->meta_size;
    aimi_pool_forget(p, c);
    aimi_pool_keep_generations(p, c);
    aimi_pool_sorted_remove(p, c);
    aimi_pool_unmark(p, c);
    p->by_id[c->id] = NULL;
    p->total -= c->count;
    AIMC_POOL_UNPOISON(c->base, bytes);
    if (c->keep) bytes = 0; /* a part of p->first or of the caller's memory */
    if (bytes != 0) aimc_pool_free(&p->allocator, c->base, bytes, p->chunk_align);
    if (size != 0) aimc_pool_free(&p->allocator, c, size, AIMI_POOL_META_ALIGN);
    p->bytes -= size + bytes;
    return size + bytes;
}

/* How many blocks the next chunk has: as many as there are, within limits. 0: at the maximum. */
AIMC_POOL_FN size_t aimi_pool_next_count(const aimem_pool *p) {
    size_t most = (p->reclaim ? AIMI_POOL_RECLAIM_BYTES : AIMI_POOL_CHUNK_BYTES) / p->stride;
    size_t count = aimc_pool_max_size(p->total, AIMI_POOL_FIRST_BYTES / p->stride);
    if (p->fixed) return 0;
    count = aimc_pool_min_size(count, aimc_pool_max_size(most, 1));
    count = aimc_pool_max_size(aimc_pool_min_size(count, AIMI_POOL_CHUNK_MOST), 1);
    if (p->max_blocks != 0) count = aimc_pool_min_size(count, p->max_blocks - (p->total - p->closed));
    return count;
}

/* One more chunk: of the usual size, or of a quarter, and so on, when memory is short. */
AIMC_POOL_FN bool aimi_pool_grow(aimem_pool *p) {
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

AIMC_POOL_INLINE aimi_pool_entry *aimi_pool_at(aimem_pool *p, size_t place) {
    return (aimi_pool_entry *)(void *)((unsigned char *)p->ring + place % sizeof p->ring);
}

AIMC_POOL_NOINLINE void *aimi_pool_alloc_slow(aimem_pool *p) {
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
    AIMC_POOL_UNPOISON(e->block, p->block_size);
    p->allocations++;
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
    if (AIMC_POOL_UNLIKELY(place >= pool->stop || *state != AIMI_POOL_FREE)) {
        return aimi_pool_alloc_slow(pool);
    }
    pool->place = place + sizeof *e;
    pool->allocations++;
    *state = AIMI_POOL_LIVE;
    return block;
}

/* ---- free ---- */

AIMC_POOL_FN aimem_result aimi_pool_refuse(aimem_pool *p, const void *what, aimem_result why) {
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
AIMC_POOL_FN void aimi_pool_wipe(void *ptr, size_t size) {
    void *(*volatile set)(void *, int, size_t) = memset;
    (void)set(ptr, 0, size);
}

/* What becomes of the block itself when it is freed. Its generation rises; a block that has had all
   of them is closed, so that no handle ever comes to life again. Returns its new state. */
AIMC_POOL_FN unsigned char aimi_pool_retire(aimem_pool *p, aimi_pool_chunk *c, size_t i) {
    unsigned char *block = c->base + i * p->stride;
    if (p->clear) aimi_pool_wipe(block, p->block_size);
    AIMC_POOL_POISON(block, p->stride);
    if (p->handles && ++c->gen[i] == UINT32_MAX) {
        p->closed++;
        return AIMI_POOL_CLOSED;
    }
    return AIMI_POOL_FREE;
}

/* Frees block i of c, which is live. */
AIMC_POOL_FN void aimi_pool_give_back(aimem_pool *p, aimi_pool_chunk *c, size_t i) {
    aimi_pool_entry *e = aimi_pool_at(p, p->place -= sizeof *e);
    c->state[i] = aimi_pool_retire(p, c, i);
    aimi_pool_hint(c)[i / AIMI_POOL_GROUP] = 1;
    e->block = c->base + i * p->stride;
    e->state = c->state + i;
    if (p->reclaim && --c->live == 0 && !c->keep) (void)aimi_pool_chunk_release(p, c);
}

AIMC_POOL_NOINLINE aimem_result aimi_pool_free_slow(aimem_pool *p, void *block) {
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
    if (AIMC_POOL_UNLIKELY(i >= c->quick)) return aimi_pool_free_slow(pool, block);
    state = c->state + i;
    if (AIMC_POOL_UNLIKELY(*state != AIMI_POOL_LIVE)) return aimi_pool_free_slow(pool, block);
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
AIMC_POOL_FN bool aimi_pool_resolve(const aimem_pool *p, aimem_pool_handle handle,
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
AIMC_POOL_FN void aimi_pool_reset_chunk(aimem_pool *p, aimi_pool_chunk *c) {
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

AIMC_POOL_FN void *aimi_pool_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
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
AIMC_POOL_FN size_t aimi_pool_divisor(size_t number, size_t most) {
    return aimc_pool_min_size((size_t)1 << aimc_pool_ctz64(number), most);
}

AIMC_POOL_FN aimem_result aimi_pool_plan_make(const aimem_pool_desc *desc, aimi_pool_plan *plan) {
    aimem_pool_desc *d = &plan->desc;
    size_t bytes;
    memset(plan, 0, sizeof *plan);
    if (desc != NULL) *d = *desc;
    if (d->canary_zero != 0) return AIMEM_ERR_INVALID;
    if (d->block_size == 0) d->block_size = 64;
    if (d->align == 0) d->align = aimi_pool_divisor(d->block_size, 16);
    if (!aimc_pool_is_pow2(d->align) || d->align > AIMI_POOL_ALIGN_MOST) return AIMEM_ERR_INVALID;
    if (d->fixed && d->max_blocks == 0) return AIMEM_ERR_INVALID;
    if (d->max_blocks != 0 && d->preallocated > d->max_blocks) return AIMEM_ERR_INVALID;
    if (d->fixed) d->preallocated = d->max_blocks;
    if (d->preallocated == 0) {
        d->preallocated = d->max_blocks != 0 ? aimc_pool_min_size(5, d->max_blocks) : 5;
    }
    if (!aimc_pool_align_size(d->block_size, d->align, &plan->stride) ||
        !aimc_pool_mul_size(plan->stride, d->preallocated, &bytes) || bytes > PTRDIFF_MAX ||
        d->preallocated > AIMI_POOL_BLOCKS_MOST) {
        return AIMEM_ERR_RANGE;
    }
    if (d->handles && d->preallocated / AIMI_POOL_CHUNK_MOST >= AIMI_POOL_IDS_MOST) {
        return AIMEM_ERR_RANGE;
    }
    plan->chunk_align = aimc_pool_max_size(d->align, aimi_pool_divisor(plan->stride, 64));
    return AIMEM_OK;
}

/* A pool without chunks and without directory in memory that is aligned for it. */
AIMC_POOL_FN aimem_pool *aimi_pool_set(void *memory, const aimi_pool_plan *plan) {
    const aimem_pool_desc *d = &plan->desc;
    aimem_pool *p = (aimem_pool *)memory;
    const char *name = d->name != NULL ? d->name : "pool";
    size_t i;
    memset(p, 0, sizeof *p);
    p->block_size = d->block_size;
    p->stride = plan->stride;
    p->chunk_align = plan->chunk_align;
    p->max_blocks = d->max_blocks;
    p->shifts = aimc_pool_ctz64(p->stride) << 8;
    p->inverse = aimi_pool_inverse(p->stride >> aimi_pool_twos(p->shifts));
    p->fixed = d->fixed;
    p->reclaim = d->reclaim_on_free;
    p->clear = d->clear_on_free;
    p->handles = d->handles;
    p->slow_alloc = p->reclaim;
    p->slow_free = p->reclaim || p->clear || p->handles;
#if defined(AIMC_POOL_ASAN)
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

AIMC_POOL_FN void aimi_pool_end(aimem_pool *p) {
    aimem_allocator allocator = p->allocator;
    while (p->chunks != 0) (void)aimi_pool_chunk_release(p, p->sorted[p->chunks - 1].chunk);
    if (p->inside) return;
    aimc_pool_free(&allocator, p->first, p->first_size, p->chunk_align);
    aimc_pool_free(&allocator, p->directory, p->directory_size, AIMI_POOL_META_ALIGN);
    aimc_pool_free(&allocator, p, sizeof *p, AIMI_POOL_META_ALIGN);
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
    if (!aimc_pool_allocator_or_default(&plan.desc.allocator, &allocator)) return AIMEM_ERR_INVALID;
    memory = aimc_pool_alloc(&allocator, sizeof *p, AIMI_POOL_META_ALIGN);
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
AIMC_POOL_FN bool aimi_pool_layout(const aimi_pool_plan *plan, size_t *directory, size_t *metas,
                              size_t *blocks) {
    size_t n = plan->desc.max_blocks, whole = n / AIMI_POOL_CHUNK_MOST, size, meta;
    size_t rest = n % AIMI_POOL_CHUNK_MOST;
    *directory = (sizeof(aimem_pool) + 15) & ~(size_t)15;
    if (!aimi_pool_directory_size(whole + (rest != 0), &size)) return false;
    if (!aimc_pool_align_size(size, 16, &size) || !aimc_pool_add_size(*directory, size, metas)) return false;
    if (!aimc_pool_mul_size(whole, aimi_pool_meta_size(AIMI_POOL_CHUNK_MOST, plan->desc.handles),
                       &meta) ||
        !aimc_pool_add_size(*metas, meta, blocks)) {
        return false;
    }
    return rest == 0 ||
           aimc_pool_add_size(*blocks, aimi_pool_meta_size(rest, plan->desc.handles), blocks);
}

/* Plan of a fixed pool in memory of any alignment, and the bytes it needs. */
AIMC_POOL_FN aimem_result aimi_pool_plan_inside(const aimem_pool_desc *desc, aimi_pool_plan *plan,
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
        !aimc_pool_add_size(blocks, plan->stride * plan->desc.max_blocks, need) ||
        !aimc_pool_add_size(*need, AIMI_POOL_META_ALIGN - 1 + plan->chunk_align - 1, need) ||
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

AIMC_POOL_FN unsigned char *aimi_pool_align(unsigned char *at, size_t align) {
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
        size_t count = aimc_pool_min_size(left, AIMI_POOL_CHUNK_MOST);
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

AIMC_POOL_FN bool aimi_pool_tell_leak(void *user_data, void *block) {
    aimi_pool_leaks *leaks = (aimi_pool_leaks *)user_data;
    aimi_pool_text t;
    aimi_pool_text_begin(&t, leaks->pool->name);
    aimi_pool_text_address(&t, block);
    aimi_pool_text_add(&t, " is still in use");
    aimi_pool_text_send(&t, &leaks->pool->logger, 1, AIMEM_ERR_BUSY);
    return ++leaks->told < 16;
}

AIMC_POOL_FN void aimi_pool_tell_leaks(const aimem_pool *p) {
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
    out->allocations = pool->allocations;
    out->failures = pool->failures;
    out->refused = pool->refused;
    if (out->total != 0) out->utilisation = (float)out->in_use / (float)out->total;
}

AIMEM_POOL_API uint32_t aimem_pool_version(void) {
    return AIMEM_POOL_VERSION;
}

/* end pool/life.h */

/* Private macros end here. */
#undef AIMC_POOL_ARM32
#undef AIMC_POOL_ARM64
#undef AIMC_POOL_ASAN
#undef AIMC_POOL_ASSERT
#undef AIMC_POOL_BIG_ENDIAN
#undef AIMC_POOL_BYTES_COPY
#undef AIMC_POOL_CLANG
#undef AIMC_POOL_CLOCK_GETTIME
#undef AIMC_POOL_CLOCK_MONOTONIC
#undef AIMC_POOL_CLOCK_REALTIME
#undef AIMC_POOL_FALLOCATE
#undef AIMC_POOL_FILES
#undef AIMC_POOL_FN
#undef AIMC_POOL_FTRUNCATE
#undef AIMC_POOL_F_OFD_SETLK
#undef AIMC_POOL_GNU
#undef AIMC_POOL_INLINE
#undef AIMC_POOL_LIBC_ALIGN
#undef AIMC_POOL_LIKELY
#undef AIMC_POOL_LSEEK
#undef AIMC_POOL_MADV_HUGEPAGE
#undef AIMC_POOL_MAP_ANONYMOUS
#undef AIMC_POOL_MAP_NORESERVE
#undef AIMC_POOL_MMAP
#undef AIMC_POOL_MSVC
#undef AIMC_POOL_NOINLINE
#undef AIMC_POOL_OFF
#undef AIMC_POOL_OPEN
#undef AIMC_POOL_OS_APPLE
#undef AIMC_POOL_OS_BSD
#undef AIMC_POOL_OS_LINUX
#undef AIMC_POOL_OS_NONE
#undef AIMC_POOL_OS_POSIX
#undef AIMC_POOL_OS_WASM
#undef AIMC_POOL_OS_WINDOWS
#undef AIMC_POOL_O_CLOEXEC
#undef AIMC_POOL_POISON
#undef AIMC_POOL_PREAD
#undef AIMC_POOL_PREFETCH
#undef AIMC_POOL_PWRITE
#undef AIMC_POOL_RESTRICT
#undef AIMC_POOL_SIMD_NEON
#undef AIMC_POOL_SIMD_WASM
#undef AIMC_POOL_SIMD_X86
#undef AIMC_POOL_STATIC_ASSERT
#undef AIMC_POOL_TARGET
#undef AIMC_POOL_TCC
#undef AIMC_POOL_THREADS
#undef AIMC_POOL_TIME64
#undef AIMC_POOL_UNLIKELY
#undef AIMC_POOL_UNPOISON
#undef AIMC_POOL_VM
#undef AIMC_POOL_WASM
#undef AIMC_POOL_WINDOWS_LEAN
#undef AIMC_POOL_WINDOWS_NOMINMAX
#undef AIMC_POOL_X64
#undef AIMC_POOL_X86
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
#undef AIMI_POOL_RECLAIM_BYTES
#undef AIMI_POOL_SIZE_BITS
#endif
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
