/* aimem_vec.h 0.1.0, generated from src/ by amalgamate.py: do not edit
 * SPDX-License-Identifier: Unlicense OR MIT-0
 * parts: sha256 8a1acc0baf9fcbe2
 *
 * A local patch is fine. What stands between `begin core/x.h` and `end core/x.h`
 * is src/core/x.h; names that begin with aimc_vec_ begin with aimc_ there. Bring
 * what is of use to others into that file: this one is written anew.
 */

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

#if defined(AIMEM_IMPLEMENTATION) || defined(AIMEM_VEC_IMPLEMENTATION)
#ifndef AIMEM_VEC_IMPLEMENTED
#define AIMEM_VEC_IMPLEMENTED
#if AIMEM_VEC_VERSION != 100
#error "another version of aimem_vec.h was included above: implement that one"
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
#define AIMC_VEC_CLANG 1
#define AIMC_VEC_GNU 1 /* GNU attributes and builtins */
#elif defined(__TINYC__)
#define AIMC_VEC_TCC 1
#elif defined(__GNUC__)
#define AIMC_VEC_GNU 1
#elif defined(_MSC_VER)
#define AIMC_VEC_MSVC 1
#endif

/* Processor */
#if defined(__x86_64__) || defined(_M_X64)
#define AIMC_VEC_X86 1
#define AIMC_VEC_X64 1
#elif defined(__i386__) || defined(_M_IX86)
#define AIMC_VEC_X86 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#define AIMC_VEC_ARM64 1
#elif defined(__arm__) || defined(_M_ARM)
#define AIMC_VEC_ARM32 1
#elif defined(__wasm__)
#define AIMC_VEC_WASM 1
#endif

/* System. AIMEM_NO_OS: none, whatever the compiler says (bare metal, kernels, sandboxes). */
#if defined(AIMEM_NO_OS)
#define AIMC_VEC_OS_NONE 1
#elif defined(_WIN32)
#define AIMC_VEC_OS_WINDOWS 1
#elif defined(__linux__)
#define AIMC_VEC_OS_LINUX 1
#define AIMC_VEC_OS_POSIX 1
#elif defined(__APPLE__)
#define AIMC_VEC_OS_APPLE 1
#define AIMC_VEC_OS_POSIX 1
#elif defined(__EMSCRIPTEN__) || defined(__wasi__)
#define AIMC_VEC_OS_WASM 1
#define AIMC_VEC_OS_POSIX 1
#elif defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#define AIMC_VEC_OS_BSD 1
#define AIMC_VEC_OS_POSIX 1
#else
#define AIMC_VEC_OS_NONE 1
#endif

#if !defined(AIMEM_NO_THREADS) && !defined(AIMC_VEC_OS_NONE) && \
    (!defined(AIMC_VEC_OS_WASM) || defined(__EMSCRIPTEN_PTHREADS__))
#define AIMC_VEC_THREADS 1
#endif
#if !defined(AIMEM_NO_FILES) && !defined(AIMC_VEC_OS_NONE)
#define AIMC_VEC_FILES 1
#endif

/* Byte order. MSVC only builds for little-endian machines. */
#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define AIMC_VEC_BIG_ENDIAN 1
#endif
#endif

/* AIMC_VEC_FN marks every private function: static, and no warning where a header does not use it.
   AIMC_VEC_INLINE: the same, worth inlining. AIMC_VEC_NOINLINE: the same, a slow path. */
#if defined(AIMC_VEC_GNU) || defined(AIMC_VEC_TCC)
#define AIMC_VEC_FN static __attribute__((unused))
#define AIMC_VEC_INLINE static inline __attribute__((unused))
#define AIMC_VEC_NOINLINE static __attribute__((unused, noinline))
#elif defined(AIMC_VEC_MSVC)
#define AIMC_VEC_FN static
#define AIMC_VEC_INLINE static __forceinline
#define AIMC_VEC_NOINLINE static __declspec(noinline)
#else
#define AIMC_VEC_FN static
#define AIMC_VEC_INLINE static inline
#define AIMC_VEC_NOINLINE static
#endif

#if defined(AIMC_VEC_GNU)
#define AIMC_VEC_LIKELY(x) __builtin_expect(!!(x), 1)
#define AIMC_VEC_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define AIMC_VEC_PREFETCH(p) __builtin_prefetch(p)
#define AIMC_VEC_RESTRICT __restrict__
#elif defined(AIMC_VEC_MSVC)
#define AIMC_VEC_LIKELY(x) (x)
#define AIMC_VEC_UNLIKELY(x) (x)
#define AIMC_VEC_PREFETCH(p) ((void)(p))
#define AIMC_VEC_RESTRICT __restrict
#else
#define AIMC_VEC_LIKELY(x) (x)
#define AIMC_VEC_UNLIKELY(x) (x)
#define AIMC_VEC_PREFETCH(p) ((void)(p))
#define AIMC_VEC_RESTRICT
#endif

/* Which instruction sets can be compiled here; which one runs is chosen by core/cpu.h.
   AIMC_VEC_TARGET(x): build one function for a better instruction set than the rest of the file;
   MSVC needs no such mark. */
#if !defined(AIMEM_NO_SIMD)
#if defined(AIMC_VEC_X86) && defined(AIMC_VEC_GNU)
#define AIMC_VEC_SIMD_X86 1
#define AIMC_VEC_TARGET(x) __attribute__((target(x)))
#elif defined(AIMC_VEC_X86) && defined(AIMC_VEC_MSVC)
#define AIMC_VEC_SIMD_X86 1
#define AIMC_VEC_TARGET(x)
#elif defined(AIMC_VEC_ARM64) || (defined(AIMC_VEC_ARM32) && defined(__ARM_NEON))
#if !defined(AIMC_VEC_BIG_ENDIAN) && !defined(AIMC_VEC_TCC)
#define AIMC_VEC_SIMD_NEON 1
#endif
#elif defined(__wasm_simd128__)
#define AIMC_VEC_SIMD_WASM 1
#endif
#endif
#ifndef AIMC_VEC_TARGET
#define AIMC_VEC_TARGET(x)
#endif

/* Programmer errors only; never input, memory or I/O. Off unless the user defines AIMEM_ASSERT. */
#if defined(AIMEM_ASSERT)
#define AIMC_VEC_ASSERT(x) AIMEM_ASSERT(x)
#else
#define AIMC_VEC_ASSERT(x) ((void)0)
#endif

/* A compile-time check that works in C11, C++17 and MSVC. */
#if defined(__cplusplus)
#define AIMC_VEC_STATIC_ASSERT(x, text) static_assert(x, text)
#else
#define AIMC_VEC_STATIC_ASSERT(x, text) _Static_assert(x, text)
#endif

AIMC_VEC_STATIC_ASSERT(sizeof(float) == 4 && sizeof(double) == 8, "IEEE 754 floats are needed");

/* AddressSanitizer: free memory that we hold is poisoned, so that a use after free is caught. */
#if defined(__SANITIZE_ADDRESS__)
#define AIMC_VEC_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AIMC_VEC_ASAN 1
#endif
#endif
#if defined(AIMC_VEC_ASAN)
#include <sanitizer/asan_interface.h>
#define AIMC_VEC_POISON(p, n) __asan_poison_memory_region(p, n)
#define AIMC_VEC_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define AIMC_VEC_POISON(p, n) ((void)(p), (void)(n))
#define AIMC_VEC_UNPOISON(p, n) ((void)(p), (void)(n))
#endif

/* end core/platform.h */

/* begin core/checked.h */
/* core/checked.h: sizes that cannot wrap round, and small facts about integers. */

/* *out = a + b; false, and *out untouched, when it does not fit. */
AIMC_VEC_INLINE bool aimc_vec_add_size(size_t a, size_t b, size_t *out) {
    if (b > SIZE_MAX - a) return false;
    *out = a + b;
    return true;
}

/* *out = a * b; false, and *out untouched, when it does not fit. */
AIMC_VEC_INLINE bool aimc_vec_mul_size(size_t a, size_t b, size_t *out) {
    if (a != 0 && b > SIZE_MAX / a) return false;
    *out = a * b;
    return true;
}

/* *out = a rounded up to a multiple of align (a power of two); false when it does not fit. */
AIMC_VEC_INLINE bool aimc_vec_align_size(size_t a, size_t align, size_t *out) {
    size_t sum;
    if (!aimc_vec_add_size(a, align - 1, &sum)) return false;
    *out = sum & ~(align - 1);
    return true;
}

/* The same three for what is counted on disk. */
AIMC_VEC_INLINE bool aimc_vec_add_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (b > UINT64_MAX - a) return false;
    *out = a + b;
    return true;
}

AIMC_VEC_INLINE bool aimc_vec_mul_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (a != 0 && b > UINT64_MAX / a) return false;
    *out = a * b;
    return true;
}

AIMC_VEC_INLINE bool aimc_vec_is_pow2(size_t a) {
    return a != 0 && (a & (a - 1)) == 0;
}

AIMC_VEC_INLINE size_t aimc_vec_min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

AIMC_VEC_INLINE size_t aimc_vec_max_size(size_t a, size_t b) {
    return a > b ? a : b;
}

/* The number of the lowest set bit; x is not 0. */
AIMC_VEC_INLINE uint32_t aimc_vec_ctz64(uint64_t x) {
#if defined(AIMC_VEC_GNU)
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
AIMC_VEC_INLINE uint32_t aimc_vec_log2_u64(uint64_t x) {
#if defined(AIMC_VEC_GNU)
    return 63u - (uint32_t)__builtin_clzll(x);
#else
    uint32_t n = 0;
    while (x >>= 1) n++;
    return n;
#endif
}

/* end core/checked.h */

/* begin core/alloc.h */
/* core/alloc.h: the allocator hook as the parts call it, and the C library behind the zero hook. */

#if !defined(AIMEM_NO_STDLIB)
#include <stdlib.h>

/* The C library as an aimem_allocator. Up to the alignment of malloc: realloc itself. Above: room
   for the alignment and for the address that malloc gave, which lies just below the block. */
#define AIMC_VEC_LIBC_ALIGN (2 * sizeof(void *))

AIMC_VEC_FN void *aimc_vec_libc_aligned(size_t size, size_t align) {
    size_t total;
    uintptr_t at;
    void *raw;
    if (!aimc_vec_add_size(size, align + sizeof(void *), &total)) return NULL;
    raw = malloc(total);
    if (raw == NULL) return NULL;
    at = ((uintptr_t)raw + sizeof(void *) + align - 1) & ~(uintptr_t)(align - 1);
    memcpy((void *)(at - sizeof(void *)), &raw, sizeof raw);
    return (void *)at;
}

AIMC_VEC_FN void aimc_vec_libc_aligned_free(void *ptr) {
    void *raw;
    if (ptr == NULL) return;
    memcpy(&raw, (unsigned char *)ptr - sizeof raw, sizeof raw);
    free(raw);
}

AIMC_VEC_FN void *aimc_vec_libc_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                size_t align) {
    void *fresh;
    (void)user_data;
    if (align <= AIMC_VEC_LIBC_ALIGN) {
        if (new_size == 0) {
            free(ptr);
            return NULL;
        }
        return realloc(ptr, new_size);
    }
    if (new_size == 0) {
        aimc_vec_libc_aligned_free(ptr);
        return NULL;
    }
    fresh = aimc_vec_libc_aligned(new_size, align);
    if (fresh != NULL && ptr != NULL) {
        memcpy(fresh, ptr, aimc_vec_min_size(old_size, new_size));
        aimc_vec_libc_aligned_free(ptr);
    }
    return fresh;
}
#endif

/* *out = hook, or the C library for the zero hook; false when there is neither. */
AIMC_VEC_FN bool aimc_vec_allocator_or_default(const aimem_allocator *hook, aimem_allocator *out) {
    *out = *hook;
    if (hook->realloc_fn != NULL) return true;
#if !defined(AIMEM_NO_STDLIB)
    out->realloc_fn = aimc_vec_libc_realloc;
    out->user_data = NULL;
    return true;
#else
    return false;
#endif
}

/* size > 0 bytes at align, or NULL. A hook that answers with a wrong alignment gave nothing. */
AIMC_VEC_FN void *aimc_vec_alloc(const aimem_allocator *a, size_t size, size_t align) {
    void *ptr = a->realloc_fn(a->user_data, NULL, 0, size, align);
    if (ptr != NULL && ((uintptr_t)ptr & (align - 1)) != 0) {
        (void)a->realloc_fn(a->user_data, ptr, size, 0, align);
        return NULL;
    }
    return ptr;
}

/* As aimc_vec_alloc, every byte 0. */
AIMC_VEC_FN void *aimc_vec_alloc_zeroed(const aimem_allocator *a, size_t size, size_t align) {
    void *ptr = aimc_vec_alloc(a, size, align);
    if (ptr != NULL) memset(ptr, 0, size);
    return ptr;
}

AIMC_VEC_FN void aimc_vec_free(const aimem_allocator *a, void *ptr, size_t size, size_t align) {
    if (ptr != NULL) (void)a->realloc_fn(a->user_data, ptr, size, 0, align);
}

/* From old_size to new_size > 0 bytes with the contents kept; NULL, and the old block as it was,
   when it fails. Always through a second block: were the hook to answer a resize with a wrong
   alignment, the old block would be gone already. */
AIMC_VEC_FN void *aimc_vec_realloc(const aimem_allocator *a, void *ptr, size_t old_size, size_t new_size,
                           size_t align) {
    void *fresh = aimc_vec_alloc(a, new_size, align);
    if (fresh == NULL) return NULL;
    if (ptr != NULL) {
        memcpy(fresh, ptr, aimc_vec_min_size(old_size, new_size));
        aimc_vec_free(a, ptr, old_size, align);
    }
    return fresh;
}

/* end core/alloc.h */

/* begin core/bytes.h */
/* core/bytes.h: little-endian numbers in byte arrays, at any alignment, on any machine.
 *
 * Everything on disk goes through these. Where the machine is known to be little-endian a copy does
 * it; elsewhere the bytes are put together by shifts, whose value does not depend on the machine.
 * (Shifts everywhere would do, but gcc 12 makes 40 instructions of two such stores in a row.)
 */

#if defined(AIMC_VEC_MSVC)
#define AIMC_VEC_BYTES_COPY 1
#elif defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define AIMC_VEC_BYTES_COPY 1
#endif
#endif

#if defined(AIMC_VEC_BYTES_COPY)

AIMC_VEC_INLINE uint16_t aimc_vec_load_u16(const void *src) {
    uint16_t x;
    memcpy(&x, src, sizeof x);
    return x;
}

AIMC_VEC_INLINE uint32_t aimc_vec_load_u32(const void *src) {
    uint32_t x;
    memcpy(&x, src, sizeof x);
    return x;
}

AIMC_VEC_INLINE uint64_t aimc_vec_load_u64(const void *src) {
    uint64_t x;
    memcpy(&x, src, sizeof x);
    return x;
}

AIMC_VEC_INLINE void aimc_vec_store_u16(void *dst, uint16_t x) {
    memcpy(dst, &x, sizeof x);
}

AIMC_VEC_INLINE void aimc_vec_store_u32(void *dst, uint32_t x) {
    memcpy(dst, &x, sizeof x);
}

AIMC_VEC_INLINE void aimc_vec_store_u64(void *dst, uint64_t x) {
    memcpy(dst, &x, sizeof x);
}

#else

AIMC_VEC_INLINE uint16_t aimc_vec_load_u16(const void *src) {
    const unsigned char *p = (const unsigned char *)src;
    return (uint16_t)(p[0] | (uint32_t)p[1] << 8);
}

AIMC_VEC_INLINE uint32_t aimc_vec_load_u32(const void *src) {
    const unsigned char *p = (const unsigned char *)src;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

AIMC_VEC_INLINE uint64_t aimc_vec_load_u64(const void *src) {
    const unsigned char *p = (const unsigned char *)src;
    return p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

AIMC_VEC_INLINE void aimc_vec_store_u16(void *dst, uint16_t x) {
    unsigned char *p = (unsigned char *)dst;
    p[0] = (unsigned char)x;
    p[1] = (unsigned char)(x >> 8);
}

AIMC_VEC_INLINE void aimc_vec_store_u32(void *dst, uint32_t x) {
    unsigned char *p = (unsigned char *)dst;
    p[0] = (unsigned char)x;
    p[1] = (unsigned char)(x >> 8);
    p[2] = (unsigned char)(x >> 16);
    p[3] = (unsigned char)(x >> 24);
}

AIMC_VEC_INLINE void aimc_vec_store_u64(void *dst, uint64_t x) {
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
AIMC_VEC_INLINE void aimc_vec_load_f32(const void *src, float *out) {
    uint32_t bits = aimc_vec_load_u32(src);
    memcpy(out, &bits, sizeof bits);
}

AIMC_VEC_INLINE void aimc_vec_store_f32(void *dst, const float *x) {
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    aimc_vec_store_u32(dst, bits);
}

/* The bytes of a number in the opposite order. */
AIMC_VEC_INLINE uint32_t aimc_vec_swap_u32(uint32_t x) {
    return x << 24 | (x & 0xFF00u) << 8 | (x >> 8 & 0xFF00u) | x >> 24;
}

AIMC_VEC_INLINE uint64_t aimc_vec_swap_u64(uint64_t x) {
    return (uint64_t)aimc_vec_swap_u32((uint32_t)x) << 32 | aimc_vec_swap_u32((uint32_t)(x >> 32));
}

/* end core/bytes.h */

/* begin core/maths.h */
/* core/maths.h: the little arithmetic that would otherwise need the maths library.
 *
 * Square roots are worked out on integers, digit by digit, so the answer is the correctly rounded
 * one with every compiler, flag (-ffast-math, x87, fused multiply-add) and processor.
 */

/* |x|; x is a number. */
AIMC_VEC_INLINE float aimc_vec_absf(float x) {
#if defined(AIMC_VEC_GNU)
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
AIMC_VEC_FN uint64_t aimc_vec_sqrt_digits(uint64_t m, int count) {
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
AIMC_VEC_FN double aimc_vec_sqrt(double x) {
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
    m = (aimc_vec_sqrt_digits(m, 54) + 1) >> 1;
    bits = ((uint64_t)(e / 2 + 1022) << 52) + m;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The same for floats. */
AIMC_VEC_FN float aimc_vec_sqrtf(float x) {
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
    m = (aimc_vec_sqrt_digits(m, 25) + 1) >> 1;
    bits = ((uint32_t)(e / 2 + 126) << 23) + (uint32_t)m;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* end core/maths.h */

/* begin core/cpu.h */
/* core/cpu.h: what the processor that runs this can do, asked once.
 *
 * Two views. Flags (AIMC_VEC_CPU_...) name instruction sets one by one, for hashes and codes. Levels
 * (AIMC_VEC_LEVEL_...) are the rungs on which the distance kernels and the public API stand; their
 * numbers are public and never change.
 */

#if defined(AIMC_VEC_SIMD_X86)
#if defined(AIMC_VEC_MSVC)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

/* Which levels are in the build. gcc for 32-bit x86 with -ffast-math gives functions that have a
   target of their own another kind of float arithmetic (SSE) than the functions in its headers
   (x87), and then refuses to inline those; with -msse2 all is well. */
#if defined(AIMC_VEC_SIMD_X86)
#if defined(AIMC_VEC_X64) || defined(AIMC_VEC_CLANG) || defined(AIMC_VEC_MSVC) || defined(__SSE2__) || \
    !defined(__FAST_MATH__)
#define AIMC_VEC_LEVELS_X86 1
#endif
#endif

/* The AVX flags are set only when the system saves those registers too (XCR0). */
enum {
    AIMC_VEC_CPU_SSE2 = 1,
    AIMC_VEC_CPU_SSE41 = 2,    /* SSE4.1 and SSSE3 */
    AIMC_VEC_CPU_SSE42 = 4,    /* SSE4.2 (with the crc32 instruction) and POPCNT */
    AIMC_VEC_CPU_AVX2 = 8,     /* AVX2, FMA, F16C and BMI2 */
    AIMC_VEC_CPU_AVX512 = 16,  /* AVX-512 F, BW, VL and DQ; AVX2 is then set too */
    AIMC_VEC_CPU_VNNI = 32,    /* AVX-512 VNNI; AVX512 is then set too */
    AIMC_VEC_CPU_VPOPCNT = 64, /* AVX-512 VPOPCNTDQ; AVX512 is then set too */
    AIMC_VEC_CPU_NEON = 128,
    AIMC_VEC_CPU_NEON_DOT = 256, /* the dot product instructions of ARMv8.2 */
    AIMC_VEC_CPU_ARM_CRC = 512,  /* the crc32 instructions of ARMv8 */
    AIMC_VEC_CPU_WASM = 1024,    /* simd128; WebAssembly knows it when it compiles */
    AIMC_VEC_CPU_KNOWN = 1 << 30 /* in the cache: the processor was asked */
};

/* 0 is "the best there is"; a level that this build or processor lacks is never chosen. */
enum {
    AIMC_VEC_LEVEL_AUTO = 0,
    AIMC_VEC_LEVEL_SCALAR = 1,
    AIMC_VEC_LEVEL_SSE = 2, /* needs SSE2 only */
    AIMC_VEC_LEVEL_AVX2 = 3,
    AIMC_VEC_LEVEL_AVX512 = 4,
    AIMC_VEC_LEVEL_NEON = 5,
    AIMC_VEC_LEVEL_WASM = 6,
    AIMC_VEC_LEVEL_LEVELS = 7
};

#if defined(AIMC_VEC_SIMD_X86)

/* regs = eax, ebx, ecx, edx of one leaf; all 0 when the processor has no such leaf. */
AIMC_VEC_FN void aimc_vec_cpuid(uint32_t leaf, uint32_t sub, uint32_t regs[4]) {
    regs[0] = regs[1] = regs[2] = regs[3] = 0;
#if defined(AIMC_VEC_MSVC)
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
AIMC_VEC_FN uint32_t aimc_vec_xcr0(void) {
#if defined(AIMC_VEC_MSVC)
    return (uint32_t)_xgetbv(0);
#else
    uint32_t low, high;
    __asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return low;
#endif
}

/* True when all of bits are in have. */
AIMC_VEC_FN bool aimc_vec_cpu_all(uint32_t have, uint32_t bits) {
    return (have & bits) == bits;
}

/* Bits as in Intel's and AMD's manuals: leaf 1 in ecx and edx, leaf 7 in ebx and ecx. */
AIMC_VEC_FN uint32_t aimc_vec_cpu_ask(void) {
    uint32_t one[4], seven[4], flags = 0, saved = 0;
    aimc_vec_cpuid(1, 0, one);
    aimc_vec_cpuid(7, 0, seven);
    if (aimc_vec_cpu_all(one[3], 1u << 26)) flags |= AIMC_VEC_CPU_SSE2;
    if (aimc_vec_cpu_all(one[2], 1u << 19 | 1u << 9)) flags |= AIMC_VEC_CPU_SSE41;
    if (aimc_vec_cpu_all(one[2], 1u << 20 | 1u << 23)) flags |= AIMC_VEC_CPU_SSE42;
    if (aimc_vec_cpu_all(one[2], 1u << 27)) saved = aimc_vec_xcr0();
    /* AVX, FMA and F16C; the xmm and ymm registers; AVX2 and BMI2 */
    if (aimc_vec_cpu_all(one[2], 1u << 28 | 1u << 12 | 1u << 29) && aimc_vec_cpu_all(saved, 0x06) &&
        aimc_vec_cpu_all(seven[1], 1u << 5 | 1u << 8)) {
        flags |= AIMC_VEC_CPU_AVX2;
    }
    /* the mask and zmm registers as well; F, DQ, BW and VL */
    if (aimc_vec_cpu_all(flags, AIMC_VEC_CPU_AVX2) && aimc_vec_cpu_all(saved, 0xE6) &&
        aimc_vec_cpu_all(seven[1], 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31)) {
        flags |= AIMC_VEC_CPU_AVX512;
        if (aimc_vec_cpu_all(seven[2], 1u << 11)) flags |= AIMC_VEC_CPU_VNNI;
        if (aimc_vec_cpu_all(seven[2], 1u << 14)) flags |= AIMC_VEC_CPU_VPOPCNT;
    }
    return flags;
}

#elif (defined(AIMC_VEC_ARM64) || defined(AIMC_VEC_ARM32)) && !defined(AIMEM_NO_SIMD) && \
    !defined(AIMC_VEC_TCC)

#if defined(AIMC_VEC_OS_LINUX)
#include <sys/auxv.h> /* getauxval: glibc 2.16, musl, Android */
#endif

/* What the compiler may assume holds on every processor that runs this; on Linux the kernel says
   what else there is. (Apple's and Microsoft's compilers assume what their machines have.) */
AIMC_VEC_FN uint32_t aimc_vec_cpu_ask(void) {
    uint32_t flags = 0;
#if defined(AIMC_VEC_SIMD_NEON)
    flags |= AIMC_VEC_CPU_NEON;
#endif
#if defined(__ARM_FEATURE_DOTPROD)
    flags |= AIMC_VEC_CPU_NEON_DOT;
#endif
#if defined(__ARM_FEATURE_CRC32)
    flags |= AIMC_VEC_CPU_ARM_CRC;
#endif
#if defined(AIMC_VEC_OS_LINUX) && defined(AIMC_VEC_ARM64) /* AT_HWCAP: ASIMDDP, CRC32 */
    if ((getauxval(16) >> 20 & 1) != 0) flags |= AIMC_VEC_CPU_NEON_DOT;
    if ((getauxval(16) >> 7 & 1) != 0) flags |= AIMC_VEC_CPU_ARM_CRC;
#elif defined(AIMC_VEC_OS_LINUX) /* AT_HWCAP: ASIMDDP; AT_HWCAP2: CRC32 */
    if ((getauxval(16) >> 24 & 1) != 0) flags |= AIMC_VEC_CPU_NEON_DOT;
    if ((getauxval(26) >> 4 & 1) != 0) flags |= AIMC_VEC_CPU_ARM_CRC;
#endif
    return flags;
}

#else

AIMC_VEC_FN uint32_t aimc_vec_cpu_ask(void) {
#if defined(AIMC_VEC_SIMD_WASM)
    return AIMC_VEC_CPU_WASM;
#else
    return 0;
#endif
}

#endif

/* The only writable global of the core. cpuid traps into the hypervisor on virtual machines and
   then costs more than the work that it chooses, so the answer is kept: 0 until somebody asked.
   Threads that race here all store the same value, so relaxed order is enough; what the flags
   describe was there before the program started. */
static volatile uint32_t aimc_vec_cpu_cache;

/* The AIMC_VEC_CPU_ flags that hold here. Any thread; after the first call one load. */
AIMC_VEC_FN uint32_t aimc_vec_cpu_flags(void) {
    uint32_t flags;
#if defined(AIMC_VEC_GNU)
    flags = __atomic_load_n(&aimc_vec_cpu_cache, __ATOMIC_RELAXED);
#else
    flags = aimc_vec_cpu_cache;
#endif
    if (AIMC_VEC_UNLIKELY(flags == 0)) {
        flags = aimc_vec_cpu_ask() | AIMC_VEC_CPU_KNOWN;
#if defined(AIMC_VEC_GNU)
        __atomic_store_n(&aimc_vec_cpu_cache, flags, __ATOMIC_RELAXED);
#else
        aimc_vec_cpu_cache = flags;
#endif
    }
    return flags & ~(uint32_t)AIMC_VEC_CPU_KNOWN;
}

/* True when functions of this level are in the build and run here. Auto and scalar always are;
   for a number that is no level: false. */
AIMC_VEC_FN bool aimc_vec_simd_has(uint32_t level) {
    uint32_t flags = aimc_vec_cpu_flags();
    switch (level) {
    case AIMC_VEC_LEVEL_AUTO: return true;
    case AIMC_VEC_LEVEL_SCALAR: return true;
#if defined(AIMC_VEC_LEVELS_X86)
    case AIMC_VEC_LEVEL_SSE: return (flags & AIMC_VEC_CPU_SSE2) != 0;
    case AIMC_VEC_LEVEL_AVX2: return (flags & AIMC_VEC_CPU_AVX2) != 0;
    case AIMC_VEC_LEVEL_AVX512: return (flags & AIMC_VEC_CPU_AVX512) != 0;
#endif
    case AIMC_VEC_LEVEL_NEON: return (flags & AIMC_VEC_CPU_NEON) != 0;
    case AIMC_VEC_LEVEL_WASM: return (flags & AIMC_VEC_CPU_WASM) != 0;
    default: return false;
    }
}

/* The highest level that this machine has; at least AIMC_VEC_LEVEL_SCALAR. */
AIMC_VEC_FN uint32_t aimc_vec_simd_best(void) {
    uint32_t level = AIMC_VEC_LEVEL_LEVELS - 1;
    while (level > AIMC_VEC_LEVEL_SCALAR && !aimc_vec_simd_has(level)) level--;
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
 * instruction set, the scalar one beside them. A function that ends in _at takes AIMC_VEC_CPU_ flags,
 * those that may be used (core/cpu.h); 0 is scalar.
 */

#if defined(AIMC_VEC_SIMD_X86)
#include <immintrin.h>
#elif defined(AIMC_VEC_SIMD_NEON)
#include <arm_neon.h>
#elif defined(AIMC_VEC_SIMD_WASM)
#include <wasm_simd128.h>
#endif
#if defined(AIMC_VEC_MSVC)
#include <intrin.h> /* _umul128, __umulh */
#endif

/* Constants of the description. */
#define AIMC_VEC_HASH_P32_1 0x9E3779B1u
#define AIMC_VEC_HASH_P32_2 0x85EBCA77u
#define AIMC_VEC_HASH_P32_3 0xC2B2AE3Du
#define AIMC_VEC_HASH_P64_1 UINT64_C(0x9E3779B185EBCA87)
#define AIMC_VEC_HASH_P64_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define AIMC_VEC_HASH_P64_3 UINT64_C(0x165667B19E3779F9)
#define AIMC_VEC_HASH_P64_4 UINT64_C(0x85EBCA77C2B2AE63)
#define AIMC_VEC_HASH_P64_5 UINT64_C(0x27D4EB2F165667C5)
#define AIMC_VEC_HASH_MX1 UINT64_C(0x165667919E3779F9)
#define AIMC_VEC_HASH_MX2 UINT64_C(0x9FB21C651E98DF25)

enum {
    AIMC_VEC_HASH_STRIPE = 64,  /* bytes that the eight lanes take at once */
    AIMC_VEC_HASH_BLOCK = 16,   /* stripes between two scrambles; each moves the secret by 8 bytes */
    AIMC_VEC_HASH_SECRET = 192, /* bytes; the scramble uses the last 64 */
    AIMC_VEC_HASH_LAST = 121,   /* where in the secret the last stripe reads */
    AIMC_VEC_HASH_MERGE = 11,   /* where in the secret the merge of the lanes reads */
    AIMC_VEC_HASH_SHORT = 240,  /* longest input without lanes */
    AIMC_VEC_HASH_BUFFER = 256  /* what a state keeps back: whole stripes, more than SHORT */
};

/* The default secret, as published. */
AIMC_VEC_INLINE const unsigned char *aimc_vec_hash_secret(void) {
    static const unsigned char secret[AIMC_VEC_HASH_SECRET] = {
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
#if defined(__SIZEOF_INT128__) && defined(AIMC_VEC_GNU) && !defined(AIMC_VEC_WASM)
__extension__ typedef unsigned __int128 aimc_vec_hash_u128;

AIMC_VEC_INLINE uint64_t aimc_vec_hash_fold(uint64_t a, uint64_t b) {
    aimc_vec_hash_u128 product = (aimc_vec_hash_u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}
#elif defined(AIMC_VEC_MSVC) && defined(AIMC_VEC_X64)
AIMC_VEC_INLINE uint64_t aimc_vec_hash_fold(uint64_t a, uint64_t b) {
    uint64_t high, low = _umul128(a, b, &high);
    return low ^ high;
}
#elif defined(AIMC_VEC_MSVC) && defined(AIMC_VEC_ARM64)
AIMC_VEC_INLINE uint64_t aimc_vec_hash_fold(uint64_t a, uint64_t b) {
    return (a * b) ^ __umulh(a, b);
}
#else
AIMC_VEC_INLINE uint64_t aimc_vec_hash_mul32(uint64_t a, uint64_t b) {
    return (uint64_t)(uint32_t)a * (uint32_t)b;
}

AIMC_VEC_FN uint64_t aimc_vec_hash_fold(uint64_t a, uint64_t b) {
    uint64_t ll = aimc_vec_hash_mul32(a, b), lh = aimc_vec_hash_mul32(a, b >> 32);
    uint64_t hl = aimc_vec_hash_mul32(a >> 32, b), hh = aimc_vec_hash_mul32(a >> 32, b >> 32);
    uint64_t middle = (ll >> 32) + (uint32_t)lh + hl; /* at most 2^64 - 1 */
    uint64_t high = hh + (lh >> 32) + (middle >> 32);
    return high ^ (middle << 32 | (uint32_t)ll);
}
#endif

AIMC_VEC_INLINE uint64_t aimc_vec_hash_avalanche(uint64_t x) {
    x = (x ^ x >> 37) * AIMC_VEC_HASH_MX1;
    return x ^ x >> 32;
}

/* The end of XXH64, used for the shortest inputs. */
AIMC_VEC_INLINE uint64_t aimc_vec_hash_avalanche64(uint64_t x) {
    x = (x ^ x >> 33) * AIMC_VEC_HASH_P64_2;
    x = (x ^ x >> 29) * AIMC_VEC_HASH_P64_3;
    return x ^ x >> 32;
}

/* Inputs of 0 to 16 bytes. */
AIMC_VEC_FN uint64_t aimc_vec_hash_to16(const unsigned char *in, size_t size, uint64_t seed) {
    const unsigned char *secret = aimc_vec_hash_secret();
    if (size > 8) {
        uint64_t flip_low = (aimc_vec_load_u64(secret + 24) ^ aimc_vec_load_u64(secret + 32)) + seed;
        uint64_t flip_high = (aimc_vec_load_u64(secret + 40) ^ aimc_vec_load_u64(secret + 48)) - seed;
        uint64_t low = aimc_vec_load_u64(in) ^ flip_low;
        uint64_t high = aimc_vec_load_u64(in + size - 8) ^ flip_high;
        return aimc_vec_hash_avalanche(size + aimc_vec_swap_u64(low) + high + aimc_vec_hash_fold(low, high));
    }
    if (size >= 4) {
        uint64_t flip = aimc_vec_load_u64(secret + 8) ^ aimc_vec_load_u64(secret + 16);
        uint64_t both = aimc_vec_load_u32(in + size - 4) | (uint64_t)aimc_vec_load_u32(in) << 32;
        uint64_t x = (flip - (seed ^ (uint64_t)aimc_vec_swap_u32((uint32_t)seed) << 32)) ^ both;
        x ^= (x << 49 | x >> 15) ^ (x << 24 | x >> 40);
        x *= AIMC_VEC_HASH_MX2;
        x ^= (x >> 35) + size;
        x *= AIMC_VEC_HASH_MX2;
        return x ^ x >> 28;
    }
    if (size > 0) {
        uint32_t flip = aimc_vec_load_u32(secret) ^ aimc_vec_load_u32(secret + 4);
        uint32_t bytes = in[size - 1] | (uint32_t)size << 8 | (uint32_t)in[0] << 16 |
                         (uint32_t)in[size >> 1] << 24;
        return aimc_vec_hash_avalanche64((flip + seed) ^ bytes);
    }
    return aimc_vec_hash_avalanche64(seed ^ aimc_vec_load_u64(secret + 56) ^ aimc_vec_load_u64(secret + 64));
}

/* 16 bytes of input with 16 bytes of the secret. */
AIMC_VEC_INLINE uint64_t aimc_vec_hash_mix16(const unsigned char *in, const unsigned char *secret,
                                     uint64_t seed) {
    return aimc_vec_hash_fold(aimc_vec_load_u64(in) ^ (aimc_vec_load_u64(secret) + seed),
                          aimc_vec_load_u64(in + 8) ^ (aimc_vec_load_u64(secret + 8) - seed));
}

/* Inputs of 17 to 240 bytes: up to 128 from both ends towards the middle, above that in order. */
AIMC_VEC_FN uint64_t aimc_vec_hash_to240(const unsigned char *in, size_t size, uint64_t seed) {
    const unsigned char *secret = aimc_vec_hash_secret();
    uint64_t acc = size * AIMC_VEC_HASH_P64_1;
    size_t i;
    if (size <= 128) {
        for (i = (size - 1) / 32 + 1; i-- > 0;) {
            acc += aimc_vec_hash_mix16(in + 16 * i, secret + 32 * i, seed);
            acc += aimc_vec_hash_mix16(in + size - 16 * i - 16, secret + 32 * i + 16, seed);
        }
        return aimc_vec_hash_avalanche(acc);
    }
    for (i = 0; i < 8; i++) acc += aimc_vec_hash_mix16(in + 16 * i, secret + 16 * i, seed);
    acc = aimc_vec_hash_avalanche(acc);
    for (; i < size / 16; i++) {
        acc += aimc_vec_hash_mix16(in + 16 * i, secret + 16 * (i - 8) + 3, seed);
    }
    acc += aimc_vec_hash_mix16(in + size - 16, secret + 119, seed);
    return aimc_vec_hash_avalanche(acc);
}

AIMC_VEC_INLINE uint64_t aimc_vec_hash_short(const unsigned char *in, size_t size, uint64_t seed) {
    return size <= 16 ? aimc_vec_hash_to16(in, size, seed) : aimc_vec_hash_to240(in, size, seed);
}

/* The runs. Each feeds count stripes to the eight lanes; first, below AIMC_VEC_HASH_BLOCK, is the place
   of the first one in its block. After the last stripe of a block the lanes are scrambled, and only
   then may a run read behind the secrets of its stripes. A lane takes the product of the two halves
   of input ^ secret, and the input of its neighbour. */
AIMC_VEC_FN void aimc_vec_hash_run_scalar(uint64_t *acc, const unsigned char *in,
                                  const unsigned char *secret, size_t first, size_t count) {
    size_t i;
    for (; count > 0; count--, in += AIMC_VEC_HASH_STRIPE) {
        const unsigned char *key = secret + 8 * first;
        for (i = 0; i < 8; i++) {
            uint64_t data = aimc_vec_load_u64(in + 8 * i);
            uint64_t x = data ^ aimc_vec_load_u64(key + 8 * i);
            acc[i ^ 1] += data;
            acc[i] += (uint64_t)(uint32_t)x * (x >> 32);
        }
        if (++first < AIMC_VEC_HASH_BLOCK) continue;
        first = 0;
        for (i = 0; i < 8; i++) {
            uint64_t x = acc[i] ^ acc[i] >> 47 ^ aimc_vec_load_u64(secret + 128 + 8 * i);
            acc[i] = x * AIMC_VEC_HASH_P32_1;
        }
    }
}

#if defined(AIMC_VEC_SIMD_X86)

AIMC_VEC_INLINE AIMC_VEC_TARGET("sse2") void aimc_vec_hash_mix_sse2(__m128i *acc, const unsigned char *in,
                                                        const unsigned char *key) {
    __m128i data = _mm_loadu_si128((const __m128i *)(const void *)in);
    __m128i x = _mm_xor_si128(data, _mm_loadu_si128((const __m128i *)(const void *)key));
    __m128i product = _mm_mul_epu32(x, _mm_srli_epi64(x, 32));
    *acc = _mm_add_epi64(*acc, _mm_add_epi64(product, _mm_shuffle_epi32(data, 0x4E)));
}

AIMC_VEC_INLINE AIMC_VEC_TARGET("sse2") void aimc_vec_hash_scramble_sse2(__m128i *acc,
                                                             const unsigned char *key) {
    __m128i prime = _mm_set1_epi32((int)AIMC_VEC_HASH_P32_1);
    __m128i x = _mm_xor_si128(*acc, _mm_srli_epi64(*acc, 47));
    __m128i high;
    x = _mm_xor_si128(x, _mm_loadu_si128((const __m128i *)(const void *)key));
    high = _mm_mul_epu32(_mm_srli_epi64(x, 32), prime);
    *acc = _mm_add_epi64(_mm_mul_epu32(x, prime), _mm_slli_epi64(high, 32));
}

AIMC_VEC_FN AIMC_VEC_TARGET("sse2") void aimc_vec_hash_run_sse2(uint64_t *acc, const unsigned char *in,
                                                    const unsigned char *secret, size_t first,
                                                    size_t count) {
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(acc + 0));
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(acc + 2));
    __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(acc + 4));
    __m128i d = _mm_loadu_si128((const __m128i *)(const void *)(acc + 6));
    for (; count > 0; count--, in += AIMC_VEC_HASH_STRIPE) {
        const unsigned char *key = secret + 8 * first;
        aimc_vec_hash_mix_sse2(&a, in, key);
        aimc_vec_hash_mix_sse2(&b, in + 16, key + 16);
        aimc_vec_hash_mix_sse2(&c, in + 32, key + 32);
        aimc_vec_hash_mix_sse2(&d, in + 48, key + 48);
        if (++first < AIMC_VEC_HASH_BLOCK) continue;
        first = 0;
        aimc_vec_hash_scramble_sse2(&a, secret + 128);
        aimc_vec_hash_scramble_sse2(&b, secret + 144);
        aimc_vec_hash_scramble_sse2(&c, secret + 160);
        aimc_vec_hash_scramble_sse2(&d, secret + 176);
    }
    _mm_storeu_si128((__m128i *)(void *)(acc + 0), a);
    _mm_storeu_si128((__m128i *)(void *)(acc + 2), b);
    _mm_storeu_si128((__m128i *)(void *)(acc + 4), c);
    _mm_storeu_si128((__m128i *)(void *)(acc + 6), d);
}

AIMC_VEC_INLINE AIMC_VEC_TARGET("avx2") void aimc_vec_hash_mix_avx2(__m256i *acc, const unsigned char *in,
                                                        const unsigned char *key) {
    __m256i data = _mm256_loadu_si256((const __m256i *)(const void *)in);
    __m256i x = _mm256_xor_si256(data, _mm256_loadu_si256((const __m256i *)(const void *)key));
    __m256i product = _mm256_mul_epu32(x, _mm256_srli_epi64(x, 32));
    *acc = _mm256_add_epi64(*acc, _mm256_add_epi64(product, _mm256_shuffle_epi32(data, 0x4E)));
}

AIMC_VEC_INLINE AIMC_VEC_TARGET("avx2") void aimc_vec_hash_scramble_avx2(__m256i *acc,
                                                             const unsigned char *key) {
    __m256i prime = _mm256_set1_epi32((int)AIMC_VEC_HASH_P32_1);
    __m256i x = _mm256_xor_si256(*acc, _mm256_srli_epi64(*acc, 47));
    __m256i high;
    x = _mm256_xor_si256(x, _mm256_loadu_si256((const __m256i *)(const void *)key));
    high = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), prime);
    *acc = _mm256_add_epi64(_mm256_mul_epu32(x, prime), _mm256_slli_epi64(high, 32));
}

AIMC_VEC_FN AIMC_VEC_TARGET("avx2") void aimc_vec_hash_run_avx2(uint64_t *acc, const unsigned char *in,
                                                    const unsigned char *secret, size_t first,
                                                    size_t count) {
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(acc + 0));
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(acc + 4));
    for (; count > 0; count--, in += AIMC_VEC_HASH_STRIPE) {
        aimc_vec_hash_mix_avx2(&a, in, secret + 8 * first);
        aimc_vec_hash_mix_avx2(&b, in + 32, secret + 8 * first + 32);
        if (++first < AIMC_VEC_HASH_BLOCK) continue;
        first = 0;
        aimc_vec_hash_scramble_avx2(&a, secret + 128);
        aimc_vec_hash_scramble_avx2(&b, secret + 160);
    }
    _mm256_storeu_si256((__m256i *)(void *)(acc + 0), a);
    _mm256_storeu_si256((__m256i *)(void *)(acc + 4), b);
}

/* The forms with a mask of all ones are the plain instructions; the plain intrinsics of g++ 12 warn
   about a variable in its own header. */
AIMC_VEC_FN AIMC_VEC_TARGET("avx512f") void aimc_vec_hash_run_avx512(uint64_t *acc, const unsigned char *in,
                                                         const unsigned char *secret, size_t first,
                                                         size_t count) {
    const __mmask8 all = 0xFF;
    __m512i prime = _mm512_set1_epi32((int)AIMC_VEC_HASH_P32_1);
    __m512i a = _mm512_loadu_si512(acc);
    for (; count > 0; count--, in += AIMC_VEC_HASH_STRIPE) {
        __m512i data = _mm512_loadu_si512(in);
        __m512i x = _mm512_xor_si512(data, _mm512_loadu_si512(secret + 8 * first));
        __m512i product = _mm512_maskz_mul_epu32(all, x, _mm512_maskz_srli_epi64(all, x, 32));
        __m512i swapped = _mm512_maskz_shuffle_epi32(0xFFFF, data, (_MM_PERM_ENUM)0x4E);
        a = _mm512_add_epi64(a, _mm512_add_epi64(product, swapped));
        if (++first < AIMC_VEC_HASH_BLOCK) continue;
        first = 0;
        x = _mm512_xor_si512(a, _mm512_maskz_srli_epi64(all, a, 47));
        x = _mm512_xor_si512(x, _mm512_loadu_si512(secret + 128));
        a = _mm512_maskz_mul_epu32(all, _mm512_maskz_srli_epi64(all, x, 32), prime);
        a = _mm512_maskz_slli_epi64(all, a, 32);
        a = _mm512_add_epi64(a, _mm512_maskz_mul_epu32(all, x, prime));
    }
    _mm512_storeu_si512(acc, a);
}

#elif defined(AIMC_VEC_SIMD_NEON)

/* Two registers at once, so that one vuzp splits all four lanes into low and high halves. */
AIMC_VEC_INLINE void aimc_vec_hash_mix_neon(uint64x2_t *acc, const unsigned char *in,
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

AIMC_VEC_INLINE void aimc_vec_hash_scramble_neon(uint64x2_t *acc, const unsigned char *key) {
    uint32x2_t prime = vdup_n_u32(AIMC_VEC_HASH_P32_1);
    uint64x2_t x = veorq_u64(*acc, vshrq_n_u64(*acc, 47));
    x = veorq_u64(x, vreinterpretq_u64_u8(vld1q_u8(key)));
    *acc = vshlq_n_u64(vmull_u32(vshrn_n_u64(x, 32), prime), 32);
    *acc = vmlal_u32(*acc, vmovn_u64(x), prime);
}

AIMC_VEC_FN void aimc_vec_hash_run_neon(uint64_t *acc, const unsigned char *in,
                                const unsigned char *secret, size_t first, size_t count) {
    uint64x2_t a[4];
    a[0] = vld1q_u64(acc + 0);
    a[1] = vld1q_u64(acc + 2);
    a[2] = vld1q_u64(acc + 4);
    a[3] = vld1q_u64(acc + 6);
    for (; count > 0; count--, in += AIMC_VEC_HASH_STRIPE) {
        aimc_vec_hash_mix_neon(a, in, secret + 8 * first);
        aimc_vec_hash_mix_neon(a + 2, in + 32, secret + 8 * first + 32);
        if (++first < AIMC_VEC_HASH_BLOCK) continue;
        first = 0;
        aimc_vec_hash_scramble_neon(a + 0, secret + 128);
        aimc_vec_hash_scramble_neon(a + 1, secret + 144);
        aimc_vec_hash_scramble_neon(a + 2, secret + 160);
        aimc_vec_hash_scramble_neon(a + 3, secret + 176);
    }
    vst1q_u64(acc + 0, a[0]);
    vst1q_u64(acc + 2, a[1]);
    vst1q_u64(acc + 4, a[2]);
    vst1q_u64(acc + 6, a[3]);
}

#elif defined(AIMC_VEC_SIMD_WASM)

AIMC_VEC_INLINE void aimc_vec_hash_mix_wasm(v128_t *acc, const unsigned char *in,
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

AIMC_VEC_INLINE void aimc_vec_hash_scramble_wasm(v128_t *acc, const unsigned char *key) {
    v128_t x = wasm_v128_xor(*acc, wasm_u64x2_shr(*acc, 47));
    x = wasm_v128_xor(x, wasm_v128_load(key));
    *acc = wasm_i64x2_mul(x, wasm_i64x2_splat((int64_t)AIMC_VEC_HASH_P32_1));
}

AIMC_VEC_FN void aimc_vec_hash_run_wasm(uint64_t *acc, const unsigned char *in,
                                const unsigned char *secret, size_t first, size_t count) {
    v128_t a[4];
    int i;
    for (i = 0; i < 4; i++) a[i] = wasm_v128_load(acc + 2 * i);
    for (; count > 0; count--, in += AIMC_VEC_HASH_STRIPE) {
        aimc_vec_hash_mix_wasm(a, in, secret + 8 * first);
        aimc_vec_hash_mix_wasm(a + 2, in + 32, secret + 8 * first + 32);
        if (++first < AIMC_VEC_HASH_BLOCK) continue;
        first = 0;
        for (i = 0; i < 4; i++) aimc_vec_hash_scramble_wasm(a + i, secret + 128 + 16 * i);
    }
    for (i = 0; i < 4; i++) wasm_v128_store(acc + 2 * i, a[i]);
}

#endif

/* The best run that flags allow. */
AIMC_VEC_FN void aimc_vec_hash_run(uint32_t flags, uint64_t *acc, const unsigned char *in,
                           const unsigned char *secret, size_t first, size_t count) {
#if defined(AIMC_VEC_SIMD_X86)
    if ((flags & AIMC_VEC_CPU_AVX512) != 0) {
        aimc_vec_hash_run_avx512(acc, in, secret, first, count);
        return;
    }
    if ((flags & AIMC_VEC_CPU_AVX2) != 0) {
        aimc_vec_hash_run_avx2(acc, in, secret, first, count);
        return;
    }
    if ((flags & AIMC_VEC_CPU_SSE2) != 0) {
        aimc_vec_hash_run_sse2(acc, in, secret, first, count);
        return;
    }
#elif defined(AIMC_VEC_SIMD_NEON)
    if ((flags & AIMC_VEC_CPU_NEON) != 0) {
        aimc_vec_hash_run_neon(acc, in, secret, first, count);
        return;
    }
#elif defined(AIMC_VEC_SIMD_WASM)
    if ((flags & AIMC_VEC_CPU_WASM) != 0) {
        aimc_vec_hash_run_wasm(acc, in, secret, first, count);
        return;
    }
#endif
    (void)flags;
    aimc_vec_hash_run_scalar(acc, in, secret, first, count);
}

AIMC_VEC_FN void aimc_vec_hash_start(uint64_t *acc) {
    acc[0] = AIMC_VEC_HASH_P32_3;
    acc[1] = AIMC_VEC_HASH_P64_1;
    acc[2] = AIMC_VEC_HASH_P64_2;
    acc[3] = AIMC_VEC_HASH_P64_3;
    acc[4] = AIMC_VEC_HASH_P64_4;
    acc[5] = AIMC_VEC_HASH_P32_2;
    acc[6] = AIMC_VEC_HASH_P64_5;
    acc[7] = AIMC_VEC_HASH_P32_1;
}

/* The secret of a seed for long inputs: words go up and down by the seed in turn. */
AIMC_VEC_FN void aimc_vec_hash_derive(unsigned char *out, uint64_t seed) {
    const unsigned char *secret = aimc_vec_hash_secret();
    size_t i;
    for (i = 0; i < AIMC_VEC_HASH_SECRET; i += 16) {
        aimc_vec_store_u64(out + i, aimc_vec_load_u64(secret + i) + seed);
        aimc_vec_store_u64(out + i + 8, aimc_vec_load_u64(secret + i + 8) - seed);
    }
}

/* The last 64 bytes of the input, which other stripes may have seen in part, and then one number
   from the eight lanes. */
AIMC_VEC_FN uint64_t aimc_vec_hash_finish(uint32_t flags, uint64_t *acc, const unsigned char *last,
                                  const unsigned char *secret, uint64_t total) {
    uint64_t x = total * AIMC_VEC_HASH_P64_1;
    size_t i;
    aimc_vec_hash_run(flags, acc, last, secret + AIMC_VEC_HASH_LAST, 0, 1); /* one stripe: no scramble */
    for (i = 0; i < 8; i += 2) {
        const unsigned char *key = secret + AIMC_VEC_HASH_MERGE + 8 * i;
        x += aimc_vec_hash_fold(acc[i] ^ aimc_vec_load_u64(key), acc[i + 1] ^ aimc_vec_load_u64(key + 8));
    }
    return aimc_vec_hash_avalanche(x);
}

/* Inputs above 240 bytes. Every stripe that at least one byte follows takes its turn. */
AIMC_VEC_FN uint64_t aimc_vec_hash_long(uint32_t flags, const unsigned char *in, size_t size,
                                uint64_t seed) {
    unsigned char derived[AIMC_VEC_HASH_SECRET];
    const unsigned char *secret = aimc_vec_hash_secret();
    uint64_t acc[8];
    if (seed != 0) {
        aimc_vec_hash_derive(derived, seed);
        secret = derived;
    }
    aimc_vec_hash_start(acc);
    aimc_vec_hash_run(flags, acc, in, secret, 0, (size - 1) / AIMC_VEC_HASH_STRIPE);
    return aimc_vec_hash_finish(flags, acc, in + size - AIMC_VEC_HASH_STRIPE, secret, size);
}

AIMC_VEC_FN uint64_t aimc_vec_hash64_at(uint32_t flags, const void *data, size_t size, uint64_t seed) {
    const unsigned char *in = (const unsigned char *)data;
    if (size <= AIMC_VEC_HASH_SHORT) return aimc_vec_hash_short(in, size, seed);
    return aimc_vec_hash_long(flags, in, size, seed);
}

/* XXH3-64 of size bytes; data may be NULL when size is 0. Any thread. */
AIMC_VEC_FN uint64_t aimc_vec_hash64(const void *data, size_t size, uint64_t seed) {
    return aimc_vec_hash64_at(size <= AIMC_VEC_HASH_SHORT ? 0 : aimc_vec_cpu_flags(), data, size, seed);
}

/* The same hash of bytes that come in pieces.
 *
 *   bytes:  [ 64 bytes that the lanes saw last | pending: not seen yet, at most 256 | free ]
 *
 * Until more than 256 bytes came, everything is pending and the lanes saw nothing. From then on at
 * least one byte is pending (total counts it), so the last 64 bytes of the input always end where
 * pending ends, in one piece. The lanes saw total - pending bytes, a multiple of 64. */
typedef struct aimc_vec_hash_state {
    uint64_t acc[8];
    uint64_t seed, total;
    uint32_t flags, pending;
    unsigned char secret[AIMC_VEC_HASH_SECRET];
    unsigned char bytes[AIMC_VEC_HASH_STRIPE + AIMC_VEC_HASH_BUFFER];
} aimc_vec_hash_state;

AIMC_VEC_FN void aimc_vec_hash_init_at(aimc_vec_hash_state *s, uint32_t flags, uint64_t seed) {
    memset(s, 0, sizeof *s);
    aimc_vec_hash_start(s->acc);
    aimc_vec_hash_derive(s->secret, seed);
    s->flags = flags;
    s->seed = seed;
}

/* Starts over; a state needs no clean-up. */
AIMC_VEC_FN void aimc_vec_hash_init(aimc_vec_hash_state *s, uint64_t seed) {
    aimc_vec_hash_init_at(s, aimc_vec_cpu_flags(), seed);
}

/* Feeds count > 0 stripes to the lanes and keeps the last; in may point into s->bytes. seen is how
   many bytes the lanes had before. */
AIMC_VEC_FN void aimc_vec_hash_feed(aimc_vec_hash_state *s, const unsigned char *in, size_t count,
                            uint64_t seen) {
    size_t first = (size_t)(seen / AIMC_VEC_HASH_STRIPE % AIMC_VEC_HASH_BLOCK);
    aimc_vec_hash_run(s->flags, s->acc, in, s->secret, first, count);
    memmove(s->bytes, in + (count - 1) * AIMC_VEC_HASH_STRIPE, AIMC_VEC_HASH_STRIPE);
}

/* The next size bytes; data may be NULL when size is 0. */
AIMC_VEC_FN void aimc_vec_hash_update(aimc_vec_hash_state *s, const void *data, size_t size) {
    const unsigned char *in = (const unsigned char *)data;
    unsigned char *pending = s->bytes + AIMC_VEC_HASH_STRIPE;
    uint64_t seen = s->total - s->pending;
    size_t room = AIMC_VEC_HASH_BUFFER - s->pending;
    if (size == 0) return;
    s->total += size;
    if (size > room) {
        if (s->pending != 0) {
            memcpy(pending + s->pending, in, room);
            in += room;
            size -= room;
            aimc_vec_hash_feed(s, pending, AIMC_VEC_HASH_BUFFER / AIMC_VEC_HASH_STRIPE, seen);
            seen += AIMC_VEC_HASH_BUFFER;
            s->pending = 0;
        }
        if (size > AIMC_VEC_HASH_STRIPE) {
            size_t count = (size - 1) / AIMC_VEC_HASH_STRIPE;
            aimc_vec_hash_feed(s, in, count, seen);
            in += count * AIMC_VEC_HASH_STRIPE;
            size -= count * AIMC_VEC_HASH_STRIPE;
        }
    }
    memcpy(pending + s->pending, in, size);
    s->pending += (uint32_t)size;
}

/* The hash of all bytes so far; the state goes on unchanged. */
AIMC_VEC_FN uint64_t aimc_vec_hash_final(const aimc_vec_hash_state *s) {
    const unsigned char *pending = s->bytes + AIMC_VEC_HASH_STRIPE;
    uint64_t acc[8], seen = s->total - s->pending;
    size_t first = (size_t)(seen / AIMC_VEC_HASH_STRIPE % AIMC_VEC_HASH_BLOCK);
    if (s->total <= AIMC_VEC_HASH_SHORT) return aimc_vec_hash_short(pending, s->pending, s->seed);
    memcpy(acc, s->acc, sizeof acc);
    aimc_vec_hash_run(s->flags, acc, pending, s->secret, first,
                  (s->pending - 1) / AIMC_VEC_HASH_STRIPE);
    return aimc_vec_hash_finish(s->flags, acc, s->bytes + s->pending, s->secret, s->total);
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
#define AIMC_VEC_CRC_4(x, a, b) (x), (x) ^ (a), (x) ^ (b), (x) ^ (a) ^ (b)
#define AIMC_VEC_CRC_16_FROM(x, a, b, c, d) \
    AIMC_VEC_CRC_4(x, a, b), AIMC_VEC_CRC_4((x) ^ (c), a, b), AIMC_VEC_CRC_4((x) ^ (d), a, b), \
        AIMC_VEC_CRC_4((x) ^ (c) ^ (d), a, b)
#define AIMC_VEC_CRC_64_FROM(x, a, b, c, d, e, f) \
    AIMC_VEC_CRC_16_FROM(x, a, b, c, d), AIMC_VEC_CRC_16_FROM((x) ^ (e), a, b, c, d), \
        AIMC_VEC_CRC_16_FROM((x) ^ (f), a, b, c, d), AIMC_VEC_CRC_16_FROM((x) ^ (e) ^ (f), a, b, c, d)
#define AIMC_VEC_CRC_16(a, b, c, d) { AIMC_VEC_CRC_16_FROM(0u, a, b, c, d) }
#define AIMC_VEC_CRC_256(a, b, c, d, e, f, g, h) \
    { \
        AIMC_VEC_CRC_64_FROM(0u, a, b, c, d, e, f), AIMC_VEC_CRC_64_FROM(g, a, b, c, d, e, f), \
            AIMC_VEC_CRC_64_FROM(h, a, b, c, d, e, f), AIMC_VEC_CRC_64_FROM((g) ^ (h), a, b, c, d, e, f) \
    }

/* The register after size bytes, without the inversions. table[k][x]: what byte x does to it with
   k zero bytes behind. */
AIMC_VEC_FN uint32_t aimc_vec_crc_soft(uint32_t crc, const unsigned char *in, size_t size) {
    static const uint32_t table[8][256] = {
        AIMC_VEC_CRC_256(0xF26B8303u, 0xE13B70F7u, 0xC79A971Fu, 0x8AD958CFu, 0x105EC76Fu, 0x20BD8EDEu,
                     0x417B1DBCu, 0x82F63B78u),
        AIMC_VEC_CRC_256(0x13A29877u, 0x274530EEu, 0x4E8A61DCu, 0x9D14C3B8u, 0x3FC5F181u, 0x7F8BE302u,
                     0xFF17C604u, 0xFBC3FAF9u),
        AIMC_VEC_CRC_256(0xA541927Eu, 0x4F6F520Du, 0x9EDEA41Au, 0x38513EC5u, 0x70A27D8Au, 0xE144FB14u,
                     0xC76580D9u, 0x8B277743u),
        AIMC_VEC_CRC_256(0xDD45AAB8u, 0xBF672381u, 0x7B2231F3u, 0xF64463E6u, 0xE964B13Du, 0xD725148Bu,
                     0xABA65FE7u, 0x52A0C93Fu),
        AIMC_VEC_CRC_256(0x38116FACu, 0x7022DF58u, 0xE045BEB0u, 0xC5670B91u, 0x8F2261D3u, 0x1BA8B557u,
                     0x37516AAEu, 0x6EA2D55Cu),
        AIMC_VEC_CRC_256(0xEF306B19u, 0xDB8CA0C3u, 0xB2F53777u, 0x6006181Fu, 0xC00C303Eu, 0x85F4168Du,
                     0x0E045BEBu, 0x1C08B7D6u),
        AIMC_VEC_CRC_256(0x68032CC8u, 0xD0065990u, 0xA5E0C5D1u, 0x4E2DFD53u, 0x9C5BFAA6u, 0x3D5B83BDu,
                     0x7AB7077Au, 0xF56E0EF4u),
        AIMC_VEC_CRC_256(0x493C7D27u, 0x9278FA4Eu, 0x211D826Du, 0x423B04DAu, 0x847609B4u, 0x0D006599u,
                     0x1A00CB32u, 0x34019664u),
    };
    for (; size >= 8; size -= 8, in += 8) {
        uint32_t a = aimc_vec_load_u32(in) ^ crc, b = aimc_vec_load_u32(in + 4);
        crc = table[7][a & 255] ^ table[6][a >> 8 & 255] ^ table[5][a >> 16 & 255] ^
              table[4][a >> 24] ^ table[3][b & 255] ^ table[2][b >> 8 & 255] ^
              table[1][b >> 16 & 255] ^ table[0][b >> 24];
    }
    for (; size > 0; size--, in++) crc = table[0][(crc ^ *in) & 255] ^ crc >> 8;
    return crc;
}

/* The instructions: AIMC_VEC_CRC_CPU is the flag that allows them, AIMC_VEC_CRC_TARGET marks functions that
   use them, AIMC_VEC_CRC_EIGHT and AIMC_VEC_CRC_ONE take eight bytes (as a number) and one. */
#if defined(AIMC_VEC_SIMD_X86)
#include <immintrin.h>
#define AIMC_VEC_CRC_CPU AIMC_VEC_CPU_SSE42
#define AIMC_VEC_CRC_TARGET AIMC_VEC_TARGET("sse4.2")
#if defined(AIMC_VEC_X64)
#define AIMC_VEC_CRC_EIGHT(crc, x) _mm_crc32_u64(crc, x)
#else
#define AIMC_VEC_CRC_EIGHT(crc, x) \
    _mm_crc32_u32(_mm_crc32_u32((uint32_t)(crc), (uint32_t)(x)), (uint32_t)((x) >> 32))
#endif
#define AIMC_VEC_CRC_ONE(crc, x) _mm_crc32_u8(crc, x)
#elif defined(__ARM_FEATURE_CRC32) && !defined(AIMEM_NO_SIMD) && !defined(AIMC_VEC_TCC)
#include <arm_acle.h>
#define AIMC_VEC_CRC_CPU AIMC_VEC_CPU_ARM_CRC
#define AIMC_VEC_CRC_TARGET
#define AIMC_VEC_CRC_EIGHT(crc, x) __crc32cd((uint32_t)(crc), x)
#define AIMC_VEC_CRC_ONE(crc, x) __crc32cb(crc, x)
#elif defined(AIMC_VEC_ARM64) && defined(AIMC_VEC_GNU) && !defined(AIMEM_NO_SIMD)
/* <arm_acle.h> of clang hides the names when the whole file is not built for them. */
#define AIMC_VEC_CRC_CPU AIMC_VEC_CPU_ARM_CRC
#if defined(AIMC_VEC_CLANG)
#define AIMC_VEC_CRC_TARGET __attribute__((target("crc")))
#define AIMC_VEC_CRC_EIGHT(crc, x) __builtin_arm_crc32cd((uint32_t)(crc), x)
#define AIMC_VEC_CRC_ONE(crc, x) __builtin_arm_crc32cb(crc, x)
#else
#define AIMC_VEC_CRC_TARGET __attribute__((target("+crc")))
#define AIMC_VEC_CRC_EIGHT(crc, x) __builtin_aarch64_crc32cx((uint32_t)(crc), x)
#define AIMC_VEC_CRC_ONE(crc, x) __builtin_aarch64_crc32cb(crc, x)
#endif
#endif

#if defined(AIMC_VEC_CRC_CPU)

/* An instruction can start every cycle but takes three, so three parts of this many bytes go side
   by side. Two such triples and 64 bytes are a page of 4096. */
#define AIMC_VEC_CRC_PART 672

/* The register after AIMC_VEC_CRC_PART zero bytes; one row for each four bits. */
AIMC_VEC_FN uint32_t aimc_vec_crc_skip_part(uint32_t crc) {
    static const uint32_t table[8][16] = {
        AIMC_VEC_CRC_16(0xE417F38Au, 0xCDC391E5u, 0x9E6B553Bu, 0x393ADC87u),
        AIMC_VEC_CRC_16(0x7275B90Eu, 0xE4EB721Cu, 0xCC3A92C9u, 0x9D995363u),
        AIMC_VEC_CRC_16(0x3EDED037u, 0x7DBDA06Eu, 0xFB7B40DCu, 0xF31AF749u),
        AIMC_VEC_CRC_16(0xE3D99863u, 0xC25F4637u, 0x8152FA9Fu, 0x074983CFu),
        AIMC_VEC_CRC_16(0x0E93079Eu, 0x1D260F3Cu, 0x3A4C1E78u, 0x74983CF0u),
        AIMC_VEC_CRC_16(0xE93079E0u, 0xD78C8531u, 0xAAF57C93u, 0x50068FD7u),
        AIMC_VEC_CRC_16(0xA00D1FAEu, 0x45F649ADu, 0x8BEC935Au, 0x12355045u),
        AIMC_VEC_CRC_16(0x246AA08Au, 0x48D54114u, 0x91AA8228u, 0x26B972A1u),
    };
    return table[0][crc & 15] ^ table[1][crc >> 4 & 15] ^ table[2][crc >> 8 & 15] ^
           table[3][crc >> 12 & 15] ^ table[4][crc >> 16 & 15] ^ table[5][crc >> 20 & 15] ^
           table[6][crc >> 24 & 15] ^ table[7][crc >> 28];
}

/* As aimc_vec_crc_soft. The registers are 64 bits wide because the x86-64 instruction is. */
AIMC_VEC_FN AIMC_VEC_CRC_TARGET uint32_t aimc_vec_crc_hard(uint32_t crc, const unsigned char *in,
                                               size_t size) {
    uint64_t a = crc;
    uint32_t x;
    for (; size >= 3 * AIMC_VEC_CRC_PART; size -= 3 * AIMC_VEC_CRC_PART, in += 2 * AIMC_VEC_CRC_PART) {
        const unsigned char *end = in + AIMC_VEC_CRC_PART;
        const unsigned char *ahead = size >= 9 * AIMC_VEC_CRC_PART ? in + 6 * AIMC_VEC_CRC_PART : in;
        uint64_t b = 0, c = 0;
        for (; in < end; in += 8, ahead += 24) {
            AIMC_VEC_PREFETCH(ahead);
            a = AIMC_VEC_CRC_EIGHT(a, aimc_vec_load_u64(in));
            b = AIMC_VEC_CRC_EIGHT(b, aimc_vec_load_u64(in + AIMC_VEC_CRC_PART));
            c = AIMC_VEC_CRC_EIGHT(c, aimc_vec_load_u64(in + 2 * AIMC_VEC_CRC_PART));
        }
        x = aimc_vec_crc_skip_part((uint32_t)a) ^ (uint32_t)b;
        a = aimc_vec_crc_skip_part(x) ^ (uint32_t)c;
    }
    for (; size >= 8; size -= 8, in += 8) a = AIMC_VEC_CRC_EIGHT(a, aimc_vec_load_u64(in));
    x = (uint32_t)a;
    for (; size > 0; size--, in++) x = AIMC_VEC_CRC_ONE(x, *in);
    return x;
}

#endif

/* As aimc_vec_crc32c with the AIMC_VEC_CPU_ flags that may be used. */
AIMC_VEC_FN uint32_t aimc_vec_crc32c_at(uint32_t flags, uint32_t crc, const void *data, size_t size) {
    const unsigned char *in = (const unsigned char *)data;
    (void)flags;
#if defined(AIMC_VEC_CRC_CPU)
    if ((flags & AIMC_VEC_CRC_CPU) != 0) return ~aimc_vec_crc_hard(~crc, in, size);
#endif
    return ~aimc_vec_crc_soft(~crc, in, size);
}

/* CRC32C of what came before and of these bytes: 0 to start, else the last result. data may be NULL
   when size is 0. Any thread. */
AIMC_VEC_FN uint32_t aimc_vec_crc32c(uint32_t crc, const void *data, size_t size) {
    return aimc_vec_crc32c_at(aimc_vec_cpu_flags(), crc, data, size);
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

typedef void (*aimc_vec_dist_rows_fn)(const float *query, const float *rows, size_t stride, size_t n,
                                  size_t dim, float *out);

/* The kernels of one level. A sum of squares is dot of a vector with itself. */
typedef struct aimc_vec_dist {
    aimc_vec_dist_rows_fn l2sq, dot, l1;
    uint32_t level; /* AIMC_VEC_LEVEL_SCALAR ..., never auto */
} aimc_vec_dist;

/* begin core/dist_scalar.h */
/* core/dist_scalar.h: the distance kernels in plain C; the contract is in core/dist.h.
 *
 * Eight partial sums, so that additions do not wait for each other and a compiler that vectorises
 * may do so without changing the order. The last dim % 8 terms go to the first sums.
 */

AIMC_VEC_INLINE float aimc_vec_sum8(const float s[8]) {
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

AIMC_VEC_FN void aimc_vec_l2sq_scalar(const float *query, const float *rows, size_t stride, size_t n,
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
        out[i] = aimc_vec_sum8(s);
    }
}

AIMC_VEC_FN void aimc_vec_dot_scalar(const float *query, const float *rows, size_t stride, size_t n,
                             size_t dim, float *out) {
    size_t i, j, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float s[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (k = 0; k + 8 <= dim; k += 8) {
            for (j = 0; j < 8; j++) s[j] += query[k + j] * row[k + j];
        }
        for (j = 0; k < dim; j++, k++) s[j] += query[k] * row[k];
        out[i] = aimc_vec_sum8(s);
    }
}

AIMC_VEC_FN void aimc_vec_l1_scalar(const float *query, const float *rows, size_t stride, size_t n,
                            size_t dim, float *out) {
    size_t i, j, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float s[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (k = 0; k + 8 <= dim; k += 8) {
            for (j = 0; j < 8; j++) s[j] += aimc_vec_absf(query[k + j] - row[k + j]);
        }
        for (j = 0; k < dim; j++, k++) s[j] += aimc_vec_absf(query[k] - row[k]);
        out[i] = aimc_vec_sum8(s);
    }
}

/* end core/dist_scalar.h */

#if defined(AIMC_VEC_LEVELS_X86)
/* begin core/dist_x86.h */
/* core/dist_x86.h: the distance kernels for SSE2, AVX2 with FMA, and AVX-512; the contract and the
 * reason for the shape of the loops are in core/dist.h.
 *
 * Every function carries its own target, so the file needs no compiler flag; core/cpu.h says which
 * may be called.
 */

#include <immintrin.h>

#define AIMC_VEC_TARGET_SSE AIMC_VEC_TARGET("sse2")
#define AIMC_VEC_TARGET_AVX2 AIMC_VEC_TARGET("avx2,fma")
#define AIMC_VEC_TARGET_AVX512 AIMC_VEC_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")

/* SSE2: four sums of four lanes. */

/* The last 1 to 3 floats of a row, and 0 for the missing ones. (_mm_set_ps would not do: gcc -m32
   -ffast-math refuses to inline what takes floats into a function with its own target.) */
AIMC_VEC_INLINE AIMC_VEC_TARGET_SSE void aimc_vec_tail_sse(const float *p, size_t left, __m128 *out) {
    float lanes[4];
    lanes[0] = p[0];
    lanes[1] = left > 1 ? p[1] : 0.0f;
    lanes[2] = left > 2 ? p[2] : 0.0f;
    lanes[3] = 0.0f;
    *out = _mm_loadu_ps(lanes);
}

/* *out = the sum of all 16 lanes. */
AIMC_VEC_INLINE AIMC_VEC_TARGET_SSE void aimc_vec_sum_sse(const __m128 s[4], float *out) {
    __m128 t = _mm_add_ps(_mm_add_ps(s[0], s[1]), _mm_add_ps(s[2], s[3]));
    t = _mm_add_ps(t, _mm_movehl_ps(t, t));
    t = _mm_add_ss(t, _mm_shuffle_ps(t, t, 1));
    _mm_store_ss(out, t);
}

/* *s += |a - b|, *s += (a - b)^2 and *s += a * b, lane by lane, at each level. */
AIMC_VEC_INLINE AIMC_VEC_TARGET_SSE void aimc_vec_step_l1_sse(__m128 *s, const float *a, const float *b) {
    const __m128 keep = _mm_castsi128_ps(_mm_set1_epi32(0x7FFFFFFF));
    __m128 d = _mm_sub_ps(_mm_loadu_ps(a), _mm_loadu_ps(b));
    *s = _mm_add_ps(*s, _mm_and_ps(d, keep));
}

AIMC_VEC_INLINE AIMC_VEC_TARGET_SSE void aimc_vec_step_l2_sse(__m128 *s, const float *a, const float *b) {
    __m128 d = _mm_sub_ps(_mm_loadu_ps(a), _mm_loadu_ps(b));
    *s = _mm_add_ps(*s, _mm_mul_ps(d, d));
}

AIMC_VEC_INLINE AIMC_VEC_TARGET_SSE void aimc_vec_step_dot_sse(__m128 *s, const float *a, const float *b) {
    *s = _mm_add_ps(*s, _mm_mul_ps(_mm_loadu_ps(a), _mm_loadu_ps(b)));
}

AIMC_VEC_FN AIMC_VEC_TARGET_SSE void aimc_vec_l2sq_sse(const float *query, const float *rows, size_t stride,
                                           size_t n, size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m128 s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = _mm_setzero_ps();
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_vec_step_l2_sse(&s[0], query + k, row + k);
            aimc_vec_step_l2_sse(&s[1], query + k + 4, row + k + 4);
            aimc_vec_step_l2_sse(&s[2], query + k + 8, row + k + 8);
            aimc_vec_step_l2_sse(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_vec_step_l2_sse(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_vec_tail_sse(query + k, dim - k, &a);
            aimc_vec_tail_sse(row + k, dim - k, &b);
            a = _mm_sub_ps(a, b);
            s[1] = _mm_add_ps(s[1], _mm_mul_ps(a, a));
        }
        aimc_vec_sum_sse(s, out + i);
    }
}

AIMC_VEC_FN AIMC_VEC_TARGET_SSE void aimc_vec_dot_sse(const float *query, const float *rows, size_t stride,
                                          size_t n, size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m128 s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = _mm_setzero_ps();
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_vec_step_dot_sse(&s[0], query + k, row + k);
            aimc_vec_step_dot_sse(&s[1], query + k + 4, row + k + 4);
            aimc_vec_step_dot_sse(&s[2], query + k + 8, row + k + 8);
            aimc_vec_step_dot_sse(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_vec_step_dot_sse(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_vec_tail_sse(query + k, dim - k, &a);
            aimc_vec_tail_sse(row + k, dim - k, &b);
            s[1] = _mm_add_ps(s[1], _mm_mul_ps(a, b));
        }
        aimc_vec_sum_sse(s, out + i);
    }
}

AIMC_VEC_FN AIMC_VEC_TARGET_SSE void aimc_vec_l1_sse(const float *query, const float *rows, size_t stride,
                                         size_t n, size_t dim, float *out) {
    const __m128 keep = _mm_castsi128_ps(_mm_set1_epi32(0x7FFFFFFF));
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m128 s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = _mm_setzero_ps();
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_vec_step_l1_sse(&s[0], query + k, row + k);
            aimc_vec_step_l1_sse(&s[1], query + k + 4, row + k + 4);
            aimc_vec_step_l1_sse(&s[2], query + k + 8, row + k + 8);
            aimc_vec_step_l1_sse(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_vec_step_l1_sse(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_vec_tail_sse(query + k, dim - k, &a);
            aimc_vec_tail_sse(row + k, dim - k, &b);
            s[1] = _mm_add_ps(s[1], _mm_and_ps(_mm_sub_ps(a, b), keep));
        }
        aimc_vec_sum_sse(s, out + i);
    }
}

/* AVX2: four sums of eight lanes; the tail through masked loads, which do not touch what is masked
   off. */

/* *mask = all ones in the first left (1 to 7) lanes, 0 in the others. */
AIMC_VEC_INLINE AIMC_VEC_TARGET_AVX2 void aimc_vec_mask_avx2(size_t left, __m256i *mask) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    *mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)left), lane);
}

/* *out = the sum of all 32 lanes. */
AIMC_VEC_INLINE AIMC_VEC_TARGET_AVX2 void aimc_vec_sum_avx2(const __m256 s[4], float *out) {
    __m256 w = _mm256_add_ps(_mm256_add_ps(s[0], s[1]), _mm256_add_ps(s[2], s[3]));
    __m128 t = _mm_add_ps(_mm256_castps256_ps128(w), _mm256_extractf128_ps(w, 1));
    t = _mm_add_ps(t, _mm_movehl_ps(t, t));
    t = _mm_add_ss(t, _mm_shuffle_ps(t, t, 1));
    _mm_store_ss(out, t);
}

AIMC_VEC_INLINE AIMC_VEC_TARGET_AVX2 void aimc_vec_step_l1_avx2(__m256 *s, const float *a, const float *b) {
    const __m256 keep = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    __m256 d = _mm256_sub_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b));
    *s = _mm256_add_ps(*s, _mm256_and_ps(d, keep));
}

AIMC_VEC_INLINE AIMC_VEC_TARGET_AVX2 void aimc_vec_step_l2_avx2(__m256 *s, const float *a, const float *b) {
    __m256 d = _mm256_sub_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b));
    *s = _mm256_fmadd_ps(d, d, *s);
}

AIMC_VEC_INLINE AIMC_VEC_TARGET_AVX2 void aimc_vec_step_dot_avx2(__m256 *s, const float *a, const float *b) {
    *s = _mm256_fmadd_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b), *s);
}

AIMC_VEC_FN AIMC_VEC_TARGET_AVX2 void aimc_vec_l2sq_avx2(const float *query, const float *rows, size_t stride,
                                             size_t n, size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m256 s[4], d;
        __m256i mask;
        s[0] = s[1] = s[2] = s[3] = _mm256_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_vec_step_l2_avx2(&s[0], query + k, row + k);
            aimc_vec_step_l2_avx2(&s[1], query + k + 8, row + k + 8);
            aimc_vec_step_l2_avx2(&s[2], query + k + 16, row + k + 16);
            aimc_vec_step_l2_avx2(&s[3], query + k + 24, row + k + 24);
        }
        for (; k + 8 <= dim; k += 8) aimc_vec_step_l2_avx2(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_vec_mask_avx2(dim - k, &mask);
            d = _mm256_sub_ps(_mm256_maskload_ps(query + k, mask),
                              _mm256_maskload_ps(row + k, mask));
            s[1] = _mm256_fmadd_ps(d, d, s[1]);
        }
        aimc_vec_sum_avx2(s, out + i);
    }
}

AIMC_VEC_FN AIMC_VEC_TARGET_AVX2 void aimc_vec_dot_avx2(const float *query, const float *rows, size_t stride,
                                            size_t n, size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m256 s[4];
        __m256i mask;
        s[0] = s[1] = s[2] = s[3] = _mm256_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_vec_step_dot_avx2(&s[0], query + k, row + k);
            aimc_vec_step_dot_avx2(&s[1], query + k + 8, row + k + 8);
            aimc_vec_step_dot_avx2(&s[2], query + k + 16, row + k + 16);
            aimc_vec_step_dot_avx2(&s[3], query + k + 24, row + k + 24);
        }
        for (; k + 8 <= dim; k += 8) aimc_vec_step_dot_avx2(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_vec_mask_avx2(dim - k, &mask);
            s[1] = _mm256_fmadd_ps(_mm256_maskload_ps(query + k, mask),
                                   _mm256_maskload_ps(row + k, mask), s[1]);
        }
        aimc_vec_sum_avx2(s, out + i);
    }
}

AIMC_VEC_FN AIMC_VEC_TARGET_AVX2 void aimc_vec_l1_avx2(const float *query, const float *rows, size_t stride,
                                           size_t n, size_t dim, float *out) {
    const __m256 keep = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m256 s[4], d;
        __m256i mask;
        s[0] = s[1] = s[2] = s[3] = _mm256_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_vec_step_l1_avx2(&s[0], query + k, row + k);
            aimc_vec_step_l1_avx2(&s[1], query + k + 8, row + k + 8);
            aimc_vec_step_l1_avx2(&s[2], query + k + 16, row + k + 16);
            aimc_vec_step_l1_avx2(&s[3], query + k + 24, row + k + 24);
        }
        for (; k + 8 <= dim; k += 8) aimc_vec_step_l1_avx2(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_vec_mask_avx2(dim - k, &mask);
            d = _mm256_sub_ps(_mm256_maskload_ps(query + k, mask),
                              _mm256_maskload_ps(row + k, mask));
            s[1] = _mm256_add_ps(s[1], _mm256_and_ps(d, keep));
        }
        aimc_vec_sum_avx2(s, out + i);
    }
}

/* AVX-512: two sums of sixteen lanes; they already keep up with the L2 cache. */

/* *out = the sum of all 32 lanes. The masks are full: the forms without one bring a warning about
   an uninitialised variable out of gcc 12's own headers. */
AIMC_VEC_INLINE AIMC_VEC_TARGET_AVX512 void aimc_vec_sum_avx512(const __m512 s[2], float *out) {
    __m512 v = _mm512_add_ps(s[0], s[1]);
    __m256 w = _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xFF, v, 0),
                             _mm512_maskz_extractf32x8_ps(0xFF, v, 1));
    __m128 t = _mm_add_ps(_mm256_castps256_ps128(w), _mm256_extractf128_ps(w, 1));
    t = _mm_add_ps(t, _mm_movehl_ps(t, t));
    t = _mm_add_ss(t, _mm_shuffle_ps(t, t, 1));
    _mm_store_ss(out, t);
}

AIMC_VEC_INLINE AIMC_VEC_TARGET_AVX512 void aimc_vec_step_l1_avx512(__m512 *s, const float *a,
                                                        const float *b) {
    const __m512 keep = _mm512_castsi512_ps(_mm512_set1_epi32(0x7FFFFFFF));
    __m512 d = _mm512_sub_ps(_mm512_loadu_ps(a), _mm512_loadu_ps(b));
    *s = _mm512_add_ps(*s, _mm512_and_ps(d, keep));
}

AIMC_VEC_INLINE AIMC_VEC_TARGET_AVX512 void aimc_vec_step_l2_avx512(__m512 *s, const float *a,
                                                        const float *b) {
    __m512 d = _mm512_sub_ps(_mm512_loadu_ps(a), _mm512_loadu_ps(b));
    *s = _mm512_fmadd_ps(d, d, *s);
}

AIMC_VEC_INLINE AIMC_VEC_TARGET_AVX512 void aimc_vec_step_dot_avx512(__m512 *s, const float *a,
                                                         const float *b) {
    *s = _mm512_fmadd_ps(_mm512_loadu_ps(a), _mm512_loadu_ps(b), *s);
}

AIMC_VEC_FN AIMC_VEC_TARGET_AVX512 void aimc_vec_l2sq_avx512(const float *query, const float *rows,
                                                 size_t stride, size_t n, size_t dim, float *out) {
    const __mmask16 tail = (__mmask16)((1u << (dim & 15)) - 1);
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m512 s[2], d;
        s[0] = s[1] = _mm512_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_vec_step_l2_avx512(&s[0], query + k, row + k);
            aimc_vec_step_l2_avx512(&s[1], query + k + 16, row + k + 16);
        }
        if (k + 16 <= dim) {
            aimc_vec_step_l2_avx512(&s[0], query + k, row + k);
            k += 16;
        }
        if (tail != 0) {
            d = _mm512_sub_ps(_mm512_maskz_loadu_ps(tail, query + k),
                              _mm512_maskz_loadu_ps(tail, row + k));
            s[1] = _mm512_fmadd_ps(d, d, s[1]);
        }
        aimc_vec_sum_avx512(s, out + i);
    }
}

AIMC_VEC_FN AIMC_VEC_TARGET_AVX512 void aimc_vec_dot_avx512(const float *query, const float *rows,
                                                size_t stride, size_t n, size_t dim, float *out) {
    const __mmask16 tail = (__mmask16)((1u << (dim & 15)) - 1);
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m512 s[2];
        s[0] = s[1] = _mm512_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_vec_step_dot_avx512(&s[0], query + k, row + k);
            aimc_vec_step_dot_avx512(&s[1], query + k + 16, row + k + 16);
        }
        if (k + 16 <= dim) {
            aimc_vec_step_dot_avx512(&s[0], query + k, row + k);
            k += 16;
        }
        if (tail != 0) {
            s[1] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(tail, query + k),
                                   _mm512_maskz_loadu_ps(tail, row + k), s[1]);
        }
        aimc_vec_sum_avx512(s, out + i);
    }
}

AIMC_VEC_FN AIMC_VEC_TARGET_AVX512 void aimc_vec_l1_avx512(const float *query, const float *rows,
                                               size_t stride, size_t n, size_t dim, float *out) {
    const __m512 keep = _mm512_castsi512_ps(_mm512_set1_epi32(0x7FFFFFFF));
    const __mmask16 tail = (__mmask16)((1u << (dim & 15)) - 1);
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m512 s[2], d;
        s[0] = s[1] = _mm512_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_vec_step_l1_avx512(&s[0], query + k, row + k);
            aimc_vec_step_l1_avx512(&s[1], query + k + 16, row + k + 16);
        }
        if (k + 16 <= dim) {
            aimc_vec_step_l1_avx512(&s[0], query + k, row + k);
            k += 16;
        }
        if (tail != 0) {
            d = _mm512_sub_ps(_mm512_maskz_loadu_ps(tail, query + k),
                              _mm512_maskz_loadu_ps(tail, row + k));
            s[1] = _mm512_add_ps(s[1], _mm512_and_ps(d, keep));
        }
        aimc_vec_sum_avx512(s, out + i);
    }
}

/* end core/dist_x86.h */
#elif defined(AIMC_VEC_SIMD_NEON)
/* begin core/dist_neon.h */
/* core/dist_neon.h: the distance kernels for NEON, 64-bit and 32-bit ARM; the contract is in
 * core/dist.h.
 *
 * Four sums of four lanes. On 32-bit ARM NEON flushes denormal numbers, and products are rounded
 * before they are added, where 64-bit ARM fuses.
 */

#include <arm_neon.h>

/* The last 1 to 3 floats of a row, and 0 for the missing ones. */
AIMC_VEC_INLINE void aimc_vec_tail_neon(const float *p, size_t left, float32x4_t *out) {
    float lanes[4];
    lanes[0] = p[0];
    lanes[1] = left > 1 ? p[1] : 0.0f;
    lanes[2] = left > 2 ? p[2] : 0.0f;
    lanes[3] = 0.0f;
    *out = vld1q_f32(lanes);
}

/* *s += a * b */
AIMC_VEC_INLINE void aimc_vec_fma_neon(float32x4_t *s, float32x4_t a, float32x4_t b) {
#if defined(AIMC_VEC_ARM64)
    *s = vfmaq_f32(*s, a, b);
#else
    *s = vmlaq_f32(*s, a, b);
#endif
}

/* *out = the sum of all 16 lanes. */
AIMC_VEC_INLINE void aimc_vec_sum_neon(const float32x4_t s[4], float *out) {
    float32x4_t v = vaddq_f32(vaddq_f32(s[0], s[1]), vaddq_f32(s[2], s[3]));
    float32x2_t t = vadd_f32(vget_low_f32(v), vget_high_f32(v));
    t = vpadd_f32(t, t);
    vst1_lane_f32(out, t, 0);
}

/* *s += (a - b)^2, *s += a * b and *s += |a - b|, lane by lane. */
AIMC_VEC_INLINE void aimc_vec_step_l2_neon(float32x4_t *s, const float *a, const float *b) {
    float32x4_t d = vsubq_f32(vld1q_f32(a), vld1q_f32(b));
    aimc_vec_fma_neon(s, d, d);
}

AIMC_VEC_INLINE void aimc_vec_step_dot_neon(float32x4_t *s, const float *a, const float *b) {
    aimc_vec_fma_neon(s, vld1q_f32(a), vld1q_f32(b));
}

AIMC_VEC_INLINE void aimc_vec_step_l1_neon(float32x4_t *s, const float *a, const float *b) {
    *s = vaddq_f32(*s, vabdq_f32(vld1q_f32(a), vld1q_f32(b)));
}

AIMC_VEC_FN void aimc_vec_l2sq_neon(const float *query, const float *rows, size_t stride, size_t n,
                            size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float32x4_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = vdupq_n_f32(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_vec_step_l2_neon(&s[0], query + k, row + k);
            aimc_vec_step_l2_neon(&s[1], query + k + 4, row + k + 4);
            aimc_vec_step_l2_neon(&s[2], query + k + 8, row + k + 8);
            aimc_vec_step_l2_neon(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_vec_step_l2_neon(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_vec_tail_neon(query + k, dim - k, &a);
            aimc_vec_tail_neon(row + k, dim - k, &b);
            a = vsubq_f32(a, b);
            aimc_vec_fma_neon(&s[1], a, a);
        }
        aimc_vec_sum_neon(s, out + i);
    }
}

AIMC_VEC_FN void aimc_vec_dot_neon(const float *query, const float *rows, size_t stride, size_t n,
                           size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float32x4_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = vdupq_n_f32(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_vec_step_dot_neon(&s[0], query + k, row + k);
            aimc_vec_step_dot_neon(&s[1], query + k + 4, row + k + 4);
            aimc_vec_step_dot_neon(&s[2], query + k + 8, row + k + 8);
            aimc_vec_step_dot_neon(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_vec_step_dot_neon(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_vec_tail_neon(query + k, dim - k, &a);
            aimc_vec_tail_neon(row + k, dim - k, &b);
            aimc_vec_fma_neon(&s[1], a, b);
        }
        aimc_vec_sum_neon(s, out + i);
    }
}

AIMC_VEC_FN void aimc_vec_l1_neon(const float *query, const float *rows, size_t stride, size_t n,
                          size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float32x4_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = vdupq_n_f32(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_vec_step_l1_neon(&s[0], query + k, row + k);
            aimc_vec_step_l1_neon(&s[1], query + k + 4, row + k + 4);
            aimc_vec_step_l1_neon(&s[2], query + k + 8, row + k + 8);
            aimc_vec_step_l1_neon(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_vec_step_l1_neon(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_vec_tail_neon(query + k, dim - k, &a);
            aimc_vec_tail_neon(row + k, dim - k, &b);
            s[1] = vaddq_f32(s[1], vabdq_f32(a, b));
        }
        aimc_vec_sum_neon(s, out + i);
    }
}

/* end core/dist_neon.h */
#elif defined(AIMC_VEC_SIMD_WASM)
/* begin core/dist_wasm.h */
/* core/dist_wasm.h: the distance kernels for WebAssembly simd128; the contract is in core/dist.h.
 *
 * Four sums of four lanes. There is no run-time choice: a module with these instructions does not
 * load where they are missing, so they are there when the compiler was told to use them.
 */

#include <wasm_simd128.h>

/* The last 1 to 3 floats of a row, and 0 for the missing ones. */
AIMC_VEC_INLINE void aimc_vec_tail_wasm(const float *p, size_t left, v128_t *out) {
    *out = wasm_f32x4_make(p[0], left > 1 ? p[1] : 0.0f, left > 2 ? p[2] : 0.0f, 0.0f);
}

/* *out = the sum of all 16 lanes. */
AIMC_VEC_INLINE void aimc_vec_sum_wasm(const v128_t s[4], float *out) {
    v128_t v = wasm_f32x4_add(wasm_f32x4_add(s[0], s[1]), wasm_f32x4_add(s[2], s[3]));
    *out = (wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 2)) +
           (wasm_f32x4_extract_lane(v, 1) + wasm_f32x4_extract_lane(v, 3));
}

/* *s += (a - b)^2, *s += a * b and *s += |a - b|, lane by lane. */
AIMC_VEC_INLINE void aimc_vec_step_l2_wasm(v128_t *s, const float *a, const float *b) {
    v128_t d = wasm_f32x4_sub(wasm_v128_load(a), wasm_v128_load(b));
    *s = wasm_f32x4_add(*s, wasm_f32x4_mul(d, d));
}

AIMC_VEC_INLINE void aimc_vec_step_dot_wasm(v128_t *s, const float *a, const float *b) {
    *s = wasm_f32x4_add(*s, wasm_f32x4_mul(wasm_v128_load(a), wasm_v128_load(b)));
}

AIMC_VEC_INLINE void aimc_vec_step_l1_wasm(v128_t *s, const float *a, const float *b) {
    *s = wasm_f32x4_add(*s, wasm_f32x4_abs(wasm_f32x4_sub(wasm_v128_load(a), wasm_v128_load(b))));
}

AIMC_VEC_FN void aimc_vec_l2sq_wasm(const float *query, const float *rows, size_t stride, size_t n,
                            size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        v128_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = wasm_f32x4_splat(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_vec_step_l2_wasm(&s[0], query + k, row + k);
            aimc_vec_step_l2_wasm(&s[1], query + k + 4, row + k + 4);
            aimc_vec_step_l2_wasm(&s[2], query + k + 8, row + k + 8);
            aimc_vec_step_l2_wasm(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_vec_step_l2_wasm(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_vec_tail_wasm(query + k, dim - k, &a);
            aimc_vec_tail_wasm(row + k, dim - k, &b);
            a = wasm_f32x4_sub(a, b);
            s[1] = wasm_f32x4_add(s[1], wasm_f32x4_mul(a, a));
        }
        aimc_vec_sum_wasm(s, out + i);
    }
}

AIMC_VEC_FN void aimc_vec_dot_wasm(const float *query, const float *rows, size_t stride, size_t n,
                           size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        v128_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = wasm_f32x4_splat(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_vec_step_dot_wasm(&s[0], query + k, row + k);
            aimc_vec_step_dot_wasm(&s[1], query + k + 4, row + k + 4);
            aimc_vec_step_dot_wasm(&s[2], query + k + 8, row + k + 8);
            aimc_vec_step_dot_wasm(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_vec_step_dot_wasm(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_vec_tail_wasm(query + k, dim - k, &a);
            aimc_vec_tail_wasm(row + k, dim - k, &b);
            s[1] = wasm_f32x4_add(s[1], wasm_f32x4_mul(a, b));
        }
        aimc_vec_sum_wasm(s, out + i);
    }
}

AIMC_VEC_FN void aimc_vec_l1_wasm(const float *query, const float *rows, size_t stride, size_t n,
                          size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        v128_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = wasm_f32x4_splat(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_vec_step_l1_wasm(&s[0], query + k, row + k);
            aimc_vec_step_l1_wasm(&s[1], query + k + 4, row + k + 4);
            aimc_vec_step_l1_wasm(&s[2], query + k + 8, row + k + 8);
            aimc_vec_step_l1_wasm(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_vec_step_l1_wasm(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_vec_tail_wasm(query + k, dim - k, &a);
            aimc_vec_tail_wasm(row + k, dim - k, &b);
            s[1] = wasm_f32x4_add(s[1], wasm_f32x4_abs(wasm_f32x4_sub(a, b)));
        }
        aimc_vec_sum_wasm(s, out + i);
    }
}

/* end core/dist_wasm.h */
#endif

/* Fills a table. */
AIMC_VEC_FN void aimc_vec_dist_set(aimc_vec_dist *out, uint32_t level, aimc_vec_dist_rows_fn l2sq,
                           aimc_vec_dist_rows_fn dot, aimc_vec_dist_rows_fn l1) {
    out->l2sq = l2sq;
    out->dot = dot;
    out->l1 = l1;
    out->level = level;
}

/* The kernels of a level; AIMC_VEC_LEVEL_AUTO: of the best one here. False when this build or processor
   lacks it; then out is as it was. Cheap enough to call per search. */
AIMC_VEC_FN bool aimc_vec_dist_at(uint32_t level, aimc_vec_dist *out) {
    if (level == AIMC_VEC_LEVEL_AUTO) level = aimc_vec_simd_best();
    if (!aimc_vec_simd_has(level)) return false;
    switch (level) {
#if defined(AIMC_VEC_LEVELS_X86)
    case AIMC_VEC_LEVEL_SSE:
        aimc_vec_dist_set(out, level, aimc_vec_l2sq_sse, aimc_vec_dot_sse, aimc_vec_l1_sse);
        return true;
    case AIMC_VEC_LEVEL_AVX2:
        aimc_vec_dist_set(out, level, aimc_vec_l2sq_avx2, aimc_vec_dot_avx2, aimc_vec_l1_avx2);
        return true;
    case AIMC_VEC_LEVEL_AVX512:
        aimc_vec_dist_set(out, level, aimc_vec_l2sq_avx512, aimc_vec_dot_avx512, aimc_vec_l1_avx512);
        return true;
#elif defined(AIMC_VEC_SIMD_NEON)
    case AIMC_VEC_LEVEL_NEON:
        aimc_vec_dist_set(out, level, aimc_vec_l2sq_neon, aimc_vec_dot_neon, aimc_vec_l1_neon);
        return true;
#elif defined(AIMC_VEC_SIMD_WASM)
    case AIMC_VEC_LEVEL_WASM:
        aimc_vec_dist_set(out, level, aimc_vec_l2sq_wasm, aimc_vec_dot_wasm, aimc_vec_l1_wasm);
        return true;
#endif
    default:
        aimc_vec_dist_set(out, AIMC_VEC_LEVEL_SCALAR, aimc_vec_l2sq_scalar, aimc_vec_dot_scalar, aimc_vec_l1_scalar);
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
 * The array is of any struct that begins as aimc_vec_hit does; what comes behind is carried along. So
 * the heap lives in the array that takes the result, in the type that the user reads. Hits are
 * copied as bytes, since the functions do not know that type.
 */

#include <float.h>

/* How every hit begins. Distances are numbers: the callers let no NaN in, neither as data nor as a
   sum that overflowed. ids are unique within one selection. */
typedef struct aimc_vec_hit {
    uint64_t id;
    float distance;
} aimc_vec_hit;

enum { AIMC_VEC_HIT_MOST = 64 /* bytes of a hit, at most */ };

/* The first count hits are a heap until aimc_vec_topk_finish: hit i is not worse than hit (i - 1) / 2.
   room = count: full, from then on every push replaces hit 0 or does nothing. */
typedef struct aimc_vec_topk {
    unsigned char *hits; /* the caller's array of room hits */
    size_t size;         /* bytes of a hit, sizeof(aimc_vec_hit) .. AIMC_VEC_HIT_MOST */
    size_t room;         /* k; 0 keeps nothing */
    size_t count;
} aimc_vec_topk;

/* True when a comes after b in the order above. */
AIMC_VEC_INLINE bool aimc_vec_hit_worse(const void *a, const void *b) {
    aimc_vec_hit x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (x.distance > y.distance) return true;
    if (x.distance < y.distance) return false;
    return x.id > y.id;
}

/* An empty selection of the best room hits of size bytes; hits stays the caller's. */
AIMC_VEC_FN void aimc_vec_topk_init(aimc_vec_topk *t, void *hits, size_t size, size_t room) {
    AIMC_VEC_ASSERT(size >= sizeof(aimc_vec_hit) && size <= AIMC_VEC_HIT_MOST);
    t->hits = (unsigned char *)hits;
    t->size = size;
    t->room = room;
    t->count = 0;
}

/* A candidate with a greater distance would be refused; an equal one may win by its id. FLT_MAX
   while there is room. Scans test against this before they call push. */
AIMC_VEC_INLINE float aimc_vec_topk_limit(const aimc_vec_topk *t) {
    aimc_vec_hit top;
    if (t->count < t->room || t->room == 0) return FLT_MAX;
    memcpy(&top, t->hits, sizeof top);
    return top.distance;
}

/* Puts hit where the heap of count hits has a hole at its top, and the hole where it belongs. */
AIMC_VEC_FN void aimc_vec_topk_sink(aimc_vec_topk *t, size_t count, const void *hit) {
    size_t at = 0, child, size = t->size;
    while ((child = 2 * at + 1) < count) {
        unsigned char *lower = t->hits + child * size;
        if (child + 1 < count && aimc_vec_hit_worse(lower + size, lower)) {
            lower += size;
            child++;
        }
        if (!aimc_vec_hit_worse(lower, hit)) break;
        memcpy(t->hits + at * size, lower, size);
        at = child;
    }
    memcpy(t->hits + at * size, hit, size);
}

/* Offers a hit, which is copied; it lies outside the array. True when it is kept (for now).
   O(log k) when kept, O(1) when refused. */
AIMC_VEC_FN bool aimc_vec_topk_push(aimc_vec_topk *t, const void *hit) {
    size_t at, size = t->size;
    if (t->count == t->room) {
        if (t->room == 0 || !aimc_vec_hit_worse(t->hits, hit)) return false;
        aimc_vec_topk_sink(t, t->count, hit);
        return true;
    }
    at = t->count++;
    while (at > 0 && aimc_vec_hit_worse(hit, t->hits + (at - 1) / 2 * size)) {
        memcpy(t->hits + at * size, t->hits + (at - 1) / 2 * size, size);
        at = (at - 1) / 2;
    }
    memcpy(t->hits + at * size, hit, size);
    return true;
}

/* Offers all of from's hits, of the same size; from may be finished or not, and is not changed. */
AIMC_VEC_FN void aimc_vec_topk_merge(aimc_vec_topk *into, const aimc_vec_topk *from) {
    size_t i;
    for (i = 0; i < from->count; i++) (void)aimc_vec_topk_push(into, from->hits + i * from->size);
}

/* Sorts the hits, best first, in place (heapsort, Williams 1964). After it the selection takes no
   more pushes until the next init. */
AIMC_VEC_FN void aimc_vec_topk_finish(aimc_vec_topk *t) {
    size_t left = t->count;
    unsigned char last[AIMC_VEC_HIT_MOST];
    while (left > 1) {
        left--;
        memcpy(last, t->hits + left * t->size, t->size);
        memcpy(t->hits + left * t->size, t->hits, t->size);
        aimc_vec_topk_sink(t, left, last);
    }
}

/* end core/topk.h */

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

#if defined(AIMC_VEC_OS_POSIX)

#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#if !defined(AIMC_VEC_OS_WASM)
#include <sys/mman.h>
#endif
#if defined(AIMC_VEC_THREADS)
#include <pthread.h>
#include <sched.h>
#endif
#if defined(AIMC_VEC_OS_LINUX)
#include <sys/syscall.h>
#endif
#if defined(__wasi__)
#include <wasi/api.h> /* its clock; the C library's is hidden in strict modes */
#endif

/* Files with 64-bit offsets. */
#if defined(AIMC_VEC_OS_LINUX) && (defined(__GLIBC__) || defined(__BIONIC__))
#if defined(__GLIBC__)
#define AIMC_VEC_OFF __off64_t
#else
#define AIMC_VEC_OFF off64_t
#endif
#define AIMC_VEC_OPEN open64
#define AIMC_VEC_LSEEK lseek64
#define AIMC_VEC_PREAD pread64
#define AIMC_VEC_PWRITE pwrite64
#define AIMC_VEC_FTRUNCATE ftruncate64
#define AIMC_VEC_FALLOCATE posix_fallocate64
#define AIMC_VEC_MMAP mmap64
#else
#define AIMC_VEC_OFF off_t
#define AIMC_VEC_OPEN open
#define AIMC_VEC_LSEEK (lseek) /* not the macro that WASI has beside it */
#define AIMC_VEC_PREAD pread
#define AIMC_VEC_PWRITE pwrite
#define AIMC_VEC_FTRUNCATE ftruncate
#define AIMC_VEC_FALLOCATE posix_fallocate
#define AIMC_VEC_MMAP mmap
#endif

AIMC_VEC_STATIC_ASSERT(sizeof(AIMC_VEC_OFF) == 8, "file offsets are too narrow here");

#if defined(AIMC_VEC_OS_LINUX) && !defined(__cplusplus)
#if defined(__GLIBC__) && !defined(__USE_LARGEFILE64)
int open64(const char *path, int flags, ...);
AIMC_VEC_OFF lseek64(int fd, AIMC_VEC_OFF offset, int whence);
ssize_t pread64(int fd, void *dst, size_t size, AIMC_VEC_OFF offset);
ssize_t pwrite64(int fd, const void *src, size_t size, AIMC_VEC_OFF offset);
int ftruncate64(int fd, AIMC_VEC_OFF size);
int posix_fallocate64(int fd, AIMC_VEC_OFF offset, AIMC_VEC_OFF size);
void *mmap64(void *ptr, size_t size, int prot, int flags, int fd, AIMC_VEC_OFF offset);
#endif
#if !defined(__BIONIC__) && !defined(__USE_MISC) && !defined(_BSD_SOURCE) && !defined(_GNU_SOURCE)
int fsync(int fd);
int fdatasync(int fd);
int madvise(void *ptr, size_t size, int advice);
long syscall(long number, ...);
#if defined(AIMC_VEC_THREADS)
int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t id);
#endif
#endif
#endif

/* clock_gettime. Where a 32-bit system has been asked for 64-bit time, the function has another
   name in the library, which a hidden declaration does not tell us. */
#if (defined(AIMC_VEC_OS_LINUX) || defined(__EMSCRIPTEN__)) && !defined(__cplusplus) && \
    !defined(__BIONIC__)
#if defined(_REDIR_TIME64)
#define AIMC_VEC_TIME64 1
#elif defined(__USE_TIME_BITS64) && defined(__TIMESIZE)
#if __TIMESIZE == 32
#define AIMC_VEC_TIME64 1
#endif
#endif
#if defined(AIMC_VEC_TIME64)
int aimc_vec_clock_gettime64(clockid_t id, struct timespec *at) __asm__("__clock_gettime64");
#define AIMC_VEC_CLOCK_GETTIME aimc_vec_clock_gettime64
#elif !defined(CLOCK_MONOTONIC)
int clock_gettime(clockid_t id, struct timespec *at);
#endif
#endif
#if !defined(AIMC_VEC_CLOCK_GETTIME)
#define AIMC_VEC_CLOCK_GETTIME clock_gettime
#endif

#if defined(CLOCK_MONOTONIC)
#define AIMC_VEC_CLOCK_MONOTONIC CLOCK_MONOTONIC
#define AIMC_VEC_CLOCK_REALTIME CLOCK_REALTIME
#else
#define AIMC_VEC_CLOCK_MONOTONIC 1
#define AIMC_VEC_CLOCK_REALTIME 0
#endif

#if defined(O_CLOEXEC)
#define AIMC_VEC_O_CLOEXEC O_CLOEXEC
#elif defined(__O_CLOEXEC)
#define AIMC_VEC_O_CLOEXEC __O_CLOEXEC
#else
#define AIMC_VEC_O_CLOEXEC 0
#endif

#if !defined(AIMC_VEC_OS_WASM)
#if defined(MAP_ANONYMOUS)
#define AIMC_VEC_MAP_ANONYMOUS MAP_ANONYMOUS
#elif defined(MAP_ANON)
#define AIMC_VEC_MAP_ANONYMOUS MAP_ANON
#elif !defined(AIMC_VEC_OS_LINUX)
#define AIMC_VEC_MAP_ANONYMOUS 0x1000
#elif defined(__mips__) || defined(__xtensa__)
#define AIMC_VEC_MAP_ANONYMOUS 0x800
#elif defined(__alpha__) || defined(__hppa__)
#define AIMC_VEC_MAP_ANONYMOUS 0x10
#else
#define AIMC_VEC_MAP_ANONYMOUS 0x20
#endif

#if defined(MAP_NORESERVE)
#define AIMC_VEC_MAP_NORESERVE MAP_NORESERVE
#elif !defined(AIMC_VEC_OS_LINUX)
#define AIMC_VEC_MAP_NORESERVE 0
#elif defined(__mips__) || defined(__xtensa__)
#define AIMC_VEC_MAP_NORESERVE 0x400
#elif defined(__powerpc__) || defined(__sparc__)
#define AIMC_VEC_MAP_NORESERVE 0x40
#elif defined(__alpha__)
#define AIMC_VEC_MAP_NORESERVE 0x10000
#else
#define AIMC_VEC_MAP_NORESERVE 0x4000
#endif
#endif

#if defined(AIMC_VEC_OS_LINUX)
#if defined(MADV_HUGEPAGE)
#define AIMC_VEC_MADV_HUGEPAGE MADV_HUGEPAGE
#elif defined(__hppa__)
#define AIMC_VEC_MADV_HUGEPAGE 67
#else
#define AIMC_VEC_MADV_HUGEPAGE 14
#endif
/* A lock that belongs to the open file, not to the process (Linux 3.15). */
#define AIMC_VEC_F_OFD_SETLK 37
#endif

#endif
/* end core/posix.h */

/* begin core/file_posix.h */
/* core/file_posix.h: the aimem_io functions over POSIX. core/file.h says what they share. */

#if defined(AIMC_VEC_FILES) && defined(AIMC_VEC_OS_POSIX)

#include <stdio.h> /* rename */

/* The result for an errno, which goes to *os_error. */
AIMC_VEC_FN aimem_result aimc_vec_file_error(int number, int32_t *os_error) {
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
AIMC_VEC_FN aimem_result aimc_vec_file_write_error(int number, int32_t *os_error) {
    aimem_result r = aimc_vec_file_error(number, os_error);
    return number == EBADF || number == EINVAL ? AIMEM_ERR_READONLY : r;
}

/* A descriptor as the void pointer of the table: one more, so that 0 is not NULL. */
AIMC_VEC_INLINE int aimc_vec_file_fd(void *file) {
    return (int)((intptr_t)file - 1);
}

/* Whether offset + size can be said to the system. */
AIMC_VEC_INLINE bool aimc_vec_file_fits(uint64_t offset, uint64_t size) {
    return offset <= INT64_MAX && size <= (uint64_t)INT64_MAX - offset;
}

AIMC_VEC_FN int aimc_vec_file_open_fd(const char *path, int flags) {
    int fd;
    do {
        fd = AIMC_VEC_OPEN(path, flags | AIMC_VEC_O_CLOEXEC, 0666);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

AIMC_VEC_FN aimem_result aimc_vec_file_open(void *user_data, const char *path, uint32_t flags, void **file,
                                    int32_t *os_error) {
    int fd, mode = O_RDONLY;
    (void)user_data;
    *file = NULL;
    *os_error = 0;
    if ((flags & AIMEM_IO_WRITE) != 0) mode = (flags & AIMEM_IO_READ) != 0 ? O_RDWR : O_WRONLY;
    if ((flags & AIMEM_IO_CREATE) != 0) mode |= O_CREAT;
    if ((flags & AIMEM_IO_CREATE) != 0 && (flags & AIMEM_IO_EXCLUSIVE) != 0) mode |= O_EXCL;
    fd = aimc_vec_file_open_fd(path, mode);
    if (fd < 0) {
        aimem_result r = aimc_vec_file_error(errno, os_error);
        bool reads = (flags & (AIMEM_IO_WRITE | AIMEM_IO_CREATE)) == 0;
        return reads && r == AIMEM_ERR_READONLY ? AIMEM_ERR_IO : r;
    }
    *file = (void *)((intptr_t)fd + 1);
    return AIMEM_OK;
}

/* After EINTR the descriptor is closed on Linux and may be on others; closing again could hit a
   file that another thread has just opened. */
AIMC_VEC_FN aimem_result aimc_vec_file_close(void *user_data, void *file, int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    if (close(aimc_vec_file_fd(file)) == 0 || errno == EINTR) return AIMEM_OK;
    return aimc_vec_file_error(errno, os_error);
}

/* Bytes per system call: below what any system takes (macOS refuses more than INT_MAX). */
#define AIMC_VEC_FILE_STEP ((size_t)1 << 30)

AIMC_VEC_FN aimem_result aimc_vec_file_pread(void *user_data, void *file, uint64_t offset, void *dst,
                                     size_t size, size_t *got, int32_t *os_error) {
    unsigned char *to = (unsigned char *)dst;
    (void)user_data;
    *got = 0;
    *os_error = 0;
    if (!aimc_vec_file_fits(offset, size)) return aimc_vec_file_error(EINVAL, os_error);
    while (*got < size) {
        size_t n = size - *got < AIMC_VEC_FILE_STEP ? size - *got : AIMC_VEC_FILE_STEP;
        ssize_t done = AIMC_VEC_PREAD(aimc_vec_file_fd(file), to + *got, n, (AIMC_VEC_OFF)(offset + *got));
        if (done == 0) break;
        if (done > 0) {
            *got += (size_t)done;
        } else if (errno != EINTR) {
            return aimc_vec_file_error(errno, os_error);
        }
    }
    return AIMEM_OK;
}

AIMC_VEC_FN aimem_result aimc_vec_file_pwrite(void *user_data, void *file, uint64_t offset, const void *src,
                                      size_t size, int32_t *os_error) {
    const unsigned char *from = (const unsigned char *)src;
    size_t at = 0;
    (void)user_data;
    *os_error = 0;
    if (!aimc_vec_file_fits(offset, size)) return aimc_vec_file_error(EFBIG, os_error);
    while (at < size) {
        size_t n = size - at < AIMC_VEC_FILE_STEP ? size - at : AIMC_VEC_FILE_STEP;
        ssize_t done = AIMC_VEC_PWRITE(aimc_vec_file_fd(file), from + at, n, (AIMC_VEC_OFF)(offset + at));
        if (done > 0) {
            at += (size_t)done;
        } else if (done == 0) {
            return aimc_vec_file_error(EIO, os_error);
        } else if (errno != EINTR) {
            return aimc_vec_file_write_error(errno, os_error);
        }
    }
    return AIMEM_OK;
}

/* One try at making the file's bytes and size durable; errno says why not. Linux's fdatasync leaves
   out times only; elsewhere a changed size is safe with fsync alone. macOS's fsync stops at the
   drive's cache; file systems that do not know F_FULLFSYNC are left with it. WASM has no medium. */
AIMC_VEC_FN int aimc_vec_file_sync_fd(int fd, uint32_t kind) {
#if defined(AIMC_VEC_OS_WASM)
    (void)fd;
    (void)kind;
    errno = ENOTSUP;
    return -1;
#elif defined(AIMC_VEC_OS_APPLE)
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
#if defined(AIMC_VEC_OS_LINUX)
    return fdatasync(fd);
#else
    return fsync(fd);
#endif
#endif
}

AIMC_VEC_FN aimem_result aimc_vec_file_sync(void *user_data, void *file, uint32_t kind, int32_t *os_error) {
    int failed;
    (void)user_data;
    *os_error = 0;
    do {
        failed = aimc_vec_file_sync_fd(aimc_vec_file_fd(file), kind);
    } while (failed && errno == EINTR);
    if (!failed) return AIMEM_OK;
    if (errno != EINVAL) return aimc_vec_file_error(errno, os_error);
    *os_error = EINVAL; /* not a kind of file that can be synced */
    return AIMEM_ERR_UNSUPPORTED;
}

AIMC_VEC_FN aimem_result aimc_vec_file_truncate(void *user_data, void *file, uint64_t size,
                                        int32_t *os_error) {
    int failed;
    (void)user_data;
    *os_error = 0;
    if (!aimc_vec_file_fits(0, size)) return aimc_vec_file_error(EFBIG, os_error);
    do {
        failed = AIMC_VEC_FTRUNCATE(aimc_vec_file_fd(file), (AIMC_VEC_OFF)size);
    } while (failed && errno == EINTR);
    return failed ? aimc_vec_file_write_error(errno, os_error) : AIMEM_OK;
}

/* Seeking moves the file's position, which nothing here uses. */
AIMC_VEC_FN aimem_result aimc_vec_file_size(void *user_data, void *file, uint64_t *size,
                                    int32_t *os_error) {
    AIMC_VEC_OFF end = AIMC_VEC_LSEEK(aimc_vec_file_fd(file), 0, SEEK_END);
    (void)user_data;
    *size = 0;
    *os_error = 0;
    if (end < 0) return aimc_vec_file_error(errno, os_error);
    *size = (uint64_t)end;
    return AIMEM_OK;
}

/* UNSUPPORTED when the file system has no such call; aimc_vec_file_allocate then fills. */
AIMC_VEC_FN aimem_result aimc_vec_file_reserve(void *file, uint64_t offset, uint64_t size, uint64_t end,
                                       int32_t *os_error) {
    (void)file;
    (void)offset;
    (void)size;
    if (end > (uint64_t)INT64_MAX) return aimc_vec_file_error(EFBIG, os_error);
#if defined(AIMC_VEC_OS_LINUX)
    {
        int number;
        do {
            number = AIMC_VEC_FALLOCATE(aimc_vec_file_fd(file), (AIMC_VEC_OFF)offset, (AIMC_VEC_OFF)size);
        } while (number == EINTR);
        if (number == EBADF) return aimc_vec_file_write_error(number, os_error);
        return number == EINVAL ? AIMEM_ERR_UNSUPPORTED : aimc_vec_file_error(number, os_error);
    }
#else
    return AIMEM_ERR_UNSUPPORTED;
#endif
}

#if !defined(AIMC_VEC_OS_WASM)
AIMC_VEC_FN aimem_result aimc_vec_file_map(void *user_data, void *file, uint64_t offset, size_t size,
                                   bool write, void **ptr, int32_t *os_error) {
    int prot = write ? PROT_READ | PROT_WRITE : PROT_READ;
    uint64_t end = 0;
    aimem_result r;
    *ptr = NULL;
    r = aimc_vec_file_size(user_data, file, &end, os_error);
    if (r != AIMEM_OK) return r;
    if (size == 0 || offset > end || size > end - offset) return aimc_vec_file_error(EINVAL, os_error);
    *ptr = AIMC_VEC_MMAP(NULL, size, prot, MAP_SHARED, aimc_vec_file_fd(file), (AIMC_VEC_OFF)offset);
    if (*ptr != MAP_FAILED) return AIMEM_OK;
    *ptr = NULL;
    return aimc_vec_file_error(errno, os_error);
}

AIMC_VEC_FN aimem_result aimc_vec_file_unmap(void *user_data, void *file, void *ptr, size_t size,
                                     int32_t *os_error) {
    (void)user_data;
    (void)file;
    *os_error = 0;
    return munmap(ptr, size) == 0 ? AIMEM_OK : aimc_vec_file_error(errno, os_error);
}
#endif

/* One try at a lock, of the open file where the system has it, else of the process. On 32-bit
   Linux the library's structure may be the narrow one: the kernel gets its own wide one. */
#if !defined(AIMC_VEC_OS_WASM)
#if (defined(__GLIBC__) || defined(__BIONIC__)) && defined(SYS_fcntl64) && !defined(__LP64__)
typedef struct aimc_vec_flock64 {
    short type, whence;
    long long start, size;
    int pid;
    int spare; /* some processors' kernels have padding here */
} aimc_vec_flock64;

#if defined(F_SETLK64)
#define AIMC_VEC_F_SETLK64 F_SETLK64
#else
#define AIMC_VEC_F_SETLK64 13
#endif

AIMC_VEC_FN int aimc_vec_file_lock_fd(int fd, uint64_t offset, uint64_t size, short type) {
    aimc_vec_flock64 lock;
    memset(&lock, 0, sizeof lock);
    lock.type = type;
    lock.whence = SEEK_SET;
    lock.start = (long long)offset;
    lock.size = (long long)size;
    if (syscall(SYS_fcntl64, fd, AIMC_VEC_F_OFD_SETLK, &lock) == 0) return 0;
    if (errno != EINVAL) return -1;
    return (int)syscall(SYS_fcntl64, fd, AIMC_VEC_F_SETLK64, &lock);
}
#else
AIMC_VEC_FN int aimc_vec_file_lock_fd(int fd, uint64_t offset, uint64_t size, short type) {
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = (off_t)offset;
    lock.l_len = (off_t)size;
#if defined(AIMC_VEC_OS_LINUX)
    if (fcntl(fd, AIMC_VEC_F_OFD_SETLK, &lock) == 0) return 0;
    if (errno != EINVAL) return -1;
#endif
    return fcntl(fd, F_SETLK, &lock);
}
#endif

AIMC_VEC_FN aimem_result aimc_vec_file_lock(void *user_data, void *file, uint64_t offset, uint64_t size,
                                    uint32_t mode, int32_t *os_error) {
    short type = F_UNLCK;
    int failed;
    (void)user_data;
    *os_error = 0;
    if (size == 0 || !aimc_vec_file_fits(offset, size)) return aimc_vec_file_error(EINVAL, os_error);
    if (mode == AIMEM_IO_LOCK_SHARED) type = F_RDLCK;
    if (mode == AIMEM_IO_LOCK_EXCLUSIVE) type = F_WRLCK;
    do {
        failed = aimc_vec_file_lock_fd(aimc_vec_file_fd(file), offset, size, type);
    } while (failed && errno == EINTR);
    if (!failed) return AIMEM_OK;
    if (errno == EAGAIN || errno == EACCES) {
        *os_error = (int32_t)errno;
        return AIMEM_ERR_BUSY;
    }
    return aimc_vec_file_error(errno, os_error);
}
#else
AIMC_VEC_FN aimem_result aimc_vec_file_lock(void *user_data, void *file, uint64_t offset, uint64_t size,
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

AIMC_VEC_FN aimem_result aimc_vec_file_rename(void *user_data, const char *from, const char *to,
                                      int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    return rename(from, to) == 0 ? AIMEM_OK : aimc_vec_file_error(errno, os_error);
}

AIMC_VEC_FN aimem_result aimc_vec_file_remove(void *user_data, const char *path, int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    return unlink(path) == 0 ? AIMEM_OK : aimc_vec_file_error(errno, os_error);
}

/* dir = the directory part of path, "." when there is none; false when it is too long. */
AIMC_VEC_FN bool aimc_vec_file_dir(const char *path, char *dir, size_t cap) {
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
AIMC_VEC_FN aimem_result aimc_vec_file_sync_dir(void *user_data, const char *path, int32_t *os_error) {
    *os_error = 0;
    (void)user_data;
#if defined(AIMC_VEC_OS_WASM)
    (void)path;
    return AIMEM_ERR_UNSUPPORTED;
#else
    {
        char dir[4096];
        int fd, failed, number;
        if (!aimc_vec_file_dir(path, dir, sizeof dir)) return aimc_vec_file_error(ENAMETOOLONG, os_error);
        fd = aimc_vec_file_open_fd(dir, O_RDONLY);
        if (fd < 0) return aimc_vec_file_error(errno, os_error);
        do {
#if defined(AIMC_VEC_OS_APPLE)
            failed = aimc_vec_file_sync_fd(fd, AIMEM_IO_SYNC_FULL);
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
        return aimc_vec_file_error(number, os_error);
    }
#endif
}

#endif
/* end core/file_posix.h */

/* begin core/win32.h */
/* core/win32.h: <windows.h>, small and without its min and max, and nothing left defined. */

#if defined(AIMC_VEC_OS_WINDOWS)

#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN
#define AIMC_VEC_WINDOWS_LEAN 1
#endif
#if !defined(NOMINMAX)
#define NOMINMAX
#define AIMC_VEC_WINDOWS_NOMINMAX 1
#endif
#include <windows.h>
#if defined(AIMC_VEC_WINDOWS_LEAN)
#undef WIN32_LEAN_AND_MEAN
#endif
#if defined(AIMC_VEC_WINDOWS_NOMINMAX)
#undef NOMINMAX
#endif

#if defined(_WIN32_WINNT)
#if _WIN32_WINNT < 0x0600
#error "aimem needs Windows Vista or later: define _WIN32_WINNT as 0x0601 before any header"
#endif
#endif

#endif
/* end core/win32.h */

/* begin core/file_win32.h */
/* core/file_win32.h: the aimem_io functions over Windows. core/file.h says what they share. */

#if defined(AIMC_VEC_FILES) && defined(AIMC_VEC_OS_WINDOWS)

/* UTF-16 units that a path may have. */
#define AIMC_VEC_FILE_PATH_MAX 2048

/* The result for a system error, which goes to *os_error. */
AIMC_VEC_FN aimem_result aimc_vec_file_error(DWORD number, int32_t *os_error) {
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

AIMC_VEC_FN aimem_result aimc_vec_file_last_error(int32_t *os_error) {
    DWORD number = GetLastError();
    return aimc_vec_file_error(number != ERROR_SUCCESS ? number : ERROR_GEN_FAILURE, os_error);
}

/* The path in UTF-16; an error for what is not UTF-8 or too long. */
AIMC_VEC_FN aimem_result aimc_vec_file_path(const char *path, WCHAR *out, int32_t *os_error) {
    int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, out, AIMC_VEC_FILE_PATH_MAX);
    *os_error = 0;
    return n > 0 ? AIMEM_OK : aimc_vec_file_last_error(os_error);
}

AIMC_VEC_FN HANDLE aimc_vec_file_create(const WCHAR *path, DWORD access, DWORD how, DWORD attributes) {
    DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    return CreateFileW(path, access, share, NULL, how, attributes, NULL);
}

AIMC_VEC_FN aimem_result aimc_vec_file_open(void *user_data, const char *path, uint32_t flags, void **file,
                                    int32_t *os_error) {
    WCHAR wide[AIMC_VEC_FILE_PATH_MAX];
    DWORD access = 0, how = OPEN_EXISTING;
    HANDLE handle;
    aimem_result r = aimc_vec_file_path(path, wide, os_error);
    (void)user_data;
    *file = NULL;
    if (r != AIMEM_OK) return r;
    if ((flags & AIMEM_IO_WRITE) != 0) access = GENERIC_WRITE;
    if ((flags & AIMEM_IO_READ) != 0 || access == 0) access |= GENERIC_READ;
    if ((flags & AIMEM_IO_CREATE) != 0) {
        how = (flags & AIMEM_IO_EXCLUSIVE) != 0 ? CREATE_NEW : OPEN_ALWAYS;
    }
    handle = aimc_vec_file_create(wide, access, how, FILE_ATTRIBUTE_NORMAL);
    if (handle == INVALID_HANDLE_VALUE) {
        bool reads = (flags & (AIMEM_IO_WRITE | AIMEM_IO_CREATE)) == 0;
        r = aimc_vec_file_last_error(os_error);
        return reads && r == AIMEM_ERR_READONLY ? AIMEM_ERR_IO : r;
    }
    *file = (void *)handle;
    return AIMEM_OK;
}

AIMC_VEC_FN aimem_result aimc_vec_file_close(void *user_data, void *file, int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    return CloseHandle((HANDLE)file) ? AIMEM_OK : aimc_vec_file_last_error(os_error);
}

/* Bytes per system call: a DWORD counts them, and network file systems dislike large ones. */
#define AIMC_VEC_FILE_STEP ((size_t)1 << 26)

AIMC_VEC_FN DWORD aimc_vec_file_step(size_t size) {
    return (DWORD)(size < AIMC_VEC_FILE_STEP ? size : AIMC_VEC_FILE_STEP);
}

/* The place of a call, given with it: handles have one position for all threads. */
AIMC_VEC_FN OVERLAPPED aimc_vec_file_at(uint64_t offset) {
    OVERLAPPED at;
    memset(&at, 0, sizeof at);
    at.Offset = (DWORD)(offset & 0xffffffffu);
    at.OffsetHigh = (DWORD)(offset >> 32);
    return at;
}

AIMC_VEC_FN aimem_result aimc_vec_file_pread(void *user_data, void *file, uint64_t offset, void *dst,
                                     size_t size, size_t *got, int32_t *os_error) {
    unsigned char *to = (unsigned char *)dst;
    (void)user_data;
    *got = 0;
    *os_error = 0;
    while (*got < size) {
        OVERLAPPED at = aimc_vec_file_at(offset + *got);
        DWORD done = 0;
        if (!ReadFile((HANDLE)file, to + *got, aimc_vec_file_step(size - *got), &done, &at)) {
            if (GetLastError() == ERROR_HANDLE_EOF) break;
            return aimc_vec_file_last_error(os_error);
        }
        if (done == 0) break;
        *got += done;
    }
    return AIMEM_OK;
}

AIMC_VEC_FN aimem_result aimc_vec_file_pwrite(void *user_data, void *file, uint64_t offset, const void *src,
                                      size_t size, int32_t *os_error) {
    const unsigned char *from = (const unsigned char *)src;
    size_t n = 0;
    (void)user_data;
    *os_error = 0;
    while (n < size) {
        OVERLAPPED at = aimc_vec_file_at(offset + n);
        DWORD done = 0;
        if (!WriteFile((HANDLE)file, from + n, aimc_vec_file_step(size - n), &done, &at)) {
            return aimc_vec_file_last_error(os_error);
        }
        if (done == 0) return aimc_vec_file_error(ERROR_WRITE_FAULT, os_error);
        n += done;
    }
    return AIMEM_OK;
}

AIMC_VEC_FN aimem_result aimc_vec_file_sync(void *user_data, void *file, uint32_t kind, int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    if (kind != AIMEM_IO_SYNC_FULL) return aimc_vec_file_error(ERROR_NOT_SUPPORTED, os_error);
    return FlushFileBuffers((HANDLE)file) ? AIMEM_OK : aimc_vec_file_last_error(os_error);
}

/* Not SetEndOfFile: it takes the position of the handle, which a pread on another thread moves. */
AIMC_VEC_FN aimem_result aimc_vec_file_truncate(void *user_data, void *file, uint64_t size,
                                        int32_t *os_error) {
    FILE_END_OF_FILE_INFO info;
    (void)user_data;
    *os_error = 0;
    if (size > INT64_MAX) return aimc_vec_file_error(ERROR_INVALID_PARAMETER, os_error);
    info.EndOfFile.QuadPart = (LONGLONG)size;
    if (SetFileInformationByHandle((HANDLE)file, FileEndOfFileInfo, &info, sizeof info)) {
        return AIMEM_OK;
    }
    return aimc_vec_file_last_error(os_error);
}

AIMC_VEC_FN aimem_result aimc_vec_file_size(void *user_data, void *file, uint64_t *size,
                                    int32_t *os_error) {
    LARGE_INTEGER end;
    (void)user_data;
    *size = 0;
    *os_error = 0;
    if (!GetFileSizeEx((HANDLE)file, &end)) return aimc_vec_file_last_error(os_error);
    *size = (uint64_t)end.QuadPart;
    return AIMEM_OK;
}

/* A longer file has its room at once, unless it is sparse or compressed: nobody asked for that. */
AIMC_VEC_FN aimem_result aimc_vec_file_reserve(void *file, uint64_t offset, uint64_t size, uint64_t end,
                                       int32_t *os_error) {
    uint64_t now = 0;
    aimem_result r = aimc_vec_file_size(NULL, file, &now, os_error);
    (void)offset;
    (void)size;
    if (r != AIMEM_OK || end <= now) return r;
    return aimc_vec_file_truncate(NULL, file, end, os_error);
}

AIMC_VEC_FN aimem_result aimc_vec_file_map(void *user_data, void *file, uint64_t offset, size_t size,
                                   bool write, void **ptr, int32_t *os_error) {
    DWORD access = write ? (DWORD)(FILE_MAP_READ | FILE_MAP_WRITE) : (DWORD)FILE_MAP_READ;
    uint64_t end = 0;
    HANDLE map;
    aimem_result r;
    *ptr = NULL;
    r = aimc_vec_file_size(user_data, file, &end, os_error);
    if (r != AIMEM_OK) return r;
    if (size == 0 || offset > end || size > end - offset) {
        return aimc_vec_file_error(ERROR_INVALID_PARAMETER, os_error);
    }
    map = CreateFileMappingW((HANDLE)file, NULL, write ? PAGE_READWRITE : PAGE_READONLY, 0, 0,
                             NULL);
    if (map == NULL) return aimc_vec_file_last_error(os_error);
    *ptr = MapViewOfFile(map, access, (DWORD)(offset >> 32), (DWORD)(offset & 0xffffffffu), size);
    r = *ptr != NULL ? AIMEM_OK : aimc_vec_file_last_error(os_error);
    (void)CloseHandle(map); /* the view keeps it */
    return r;
}

AIMC_VEC_FN aimem_result aimc_vec_file_unmap(void *user_data, void *file, void *ptr, size_t size,
                                     int32_t *os_error) {
    (void)user_data;
    (void)file;
    (void)size;
    *os_error = 0;
    return UnmapViewOfFile(ptr) ? AIMEM_OK : aimc_vec_file_last_error(os_error);
}

/* Unlocking what is not locked is fine, as it is elsewhere; wine calls it a conflict, which an
   unlock never is. */
AIMC_VEC_FN aimem_result aimc_vec_file_lock(void *user_data, void *file, uint64_t offset, uint64_t size,
                                    uint32_t mode, int32_t *os_error) {
    OVERLAPPED at = aimc_vec_file_at(offset);
    DWORD low = (DWORD)(size & 0xffffffffu), high = (DWORD)(size >> 32);
    DWORD flags = LOCKFILE_FAIL_IMMEDIATELY;
    (void)user_data;
    *os_error = 0;
    if (size == 0) return aimc_vec_file_error(ERROR_INVALID_PARAMETER, os_error);
    if (mode == AIMEM_IO_UNLOCK) {
        DWORD number = ERROR_SUCCESS;
        if (!UnlockFileEx((HANDLE)file, 0, low, high, &at)) number = GetLastError();
        if (number == ERROR_NOT_LOCKED || number == ERROR_LOCK_VIOLATION) number = ERROR_SUCCESS;
        return aimc_vec_file_error(number, os_error);
    }
    if (mode == AIMEM_IO_LOCK_EXCLUSIVE) flags |= LOCKFILE_EXCLUSIVE_LOCK;
    if (LockFileEx((HANDLE)file, flags, 0, low, high, &at)) return AIMEM_OK;
    if (GetLastError() == ERROR_IO_PENDING) return aimc_vec_file_error(ERROR_LOCK_VIOLATION, os_error);
    return aimc_vec_file_last_error(os_error);
}

AIMC_VEC_FN aimem_result aimc_vec_file_rename(void *user_data, const char *from, const char *to,
                                      int32_t *os_error) {
    WCHAR wide_from[AIMC_VEC_FILE_PATH_MAX], wide_to[AIMC_VEC_FILE_PATH_MAX];
    aimem_result r = aimc_vec_file_path(from, wide_from, os_error);
    (void)user_data;
    if (r == AIMEM_OK) r = aimc_vec_file_path(to, wide_to, os_error);
    if (r != AIMEM_OK) return r;
    if (MoveFileExW(wide_from, wide_to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        return AIMEM_OK;
    }
    return aimc_vec_file_last_error(os_error);
}

AIMC_VEC_FN aimem_result aimc_vec_file_remove(void *user_data, const char *path, int32_t *os_error) {
    WCHAR wide[AIMC_VEC_FILE_PATH_MAX];
    aimem_result r = aimc_vec_file_path(path, wide, os_error);
    (void)user_data;
    if (r != AIMEM_OK) return r;
    return DeleteFileW(wide) ? AIMEM_OK : aimc_vec_file_last_error(os_error);
}

/* path cut to its directory, "." when there is none. */
AIMC_VEC_FN void aimc_vec_file_dir(WCHAR *path) {
    size_t i, n = 0;
    for (i = 0; path[i] != 0; i++) {
        if (path[i] == L'/' || path[i] == L'\\') n = i + 1; /* "C:\" keeps its end */
    }
    if (n == 0) path[n++] = L'.';
    path[n] = 0;
}

/* NTFS and ReFS log their names, and a rename here is written through; a flush of the directory
   itself brings the log to the medium. Where the system refuses it: UNSUPPORTED. */
AIMC_VEC_FN aimem_result aimc_vec_file_sync_dir(void *user_data, const char *path, int32_t *os_error) {
    WCHAR wide[AIMC_VEC_FILE_PATH_MAX];
    HANDLE handle;
    aimem_result r = aimc_vec_file_path(path, wide, os_error);
    (void)user_data;
    if (r != AIMEM_OK) return r;
    aimc_vec_file_dir(wide);
    handle = aimc_vec_file_create(wide, GENERIC_WRITE, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
    if (handle == INVALID_HANDLE_VALUE) {
        r = aimc_vec_file_last_error(os_error);
        return r == AIMEM_ERR_READONLY ? AIMEM_ERR_UNSUPPORTED : r;
    }
    if (!FlushFileBuffers(handle)) {
        r = aimc_vec_file_last_error(os_error);
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

#if defined(AIMC_VEC_FILES)
/* The room for an allocate_fn whose system has none: reads what is there and writes it back, zeros
   behind the end. */
AIMC_VEC_FN aimem_result aimc_vec_file_fill(void *user_data, void *file, uint64_t offset, uint64_t size,
                                    int32_t *os_error) {
    unsigned char block[4096];
    while (size != 0) {
        size_t n = size < sizeof block ? (size_t)size : sizeof block;
        size_t got = 0;
        aimem_result r = aimc_vec_file_pread(user_data, file, offset, block, n, &got, os_error);
        if (r != AIMEM_OK) return r;
        memset(block + got, 0, n - got);
        r = aimc_vec_file_pwrite(user_data, file, offset, block, n, os_error);
        if (r != AIMEM_OK) return r;
        offset += n;
        size -= n;
    }
    return AIMEM_OK;
}

AIMC_VEC_FN aimem_result aimc_vec_file_allocate(void *user_data, void *file, uint64_t offset, uint64_t size,
                                        int32_t *os_error) {
    uint64_t end;
    aimem_result r;
    *os_error = 0;
    if (size == 0) return AIMEM_OK;
    if (!aimc_vec_add_u64(offset, size, &end)) end = UINT64_MAX;
    r = aimc_vec_file_reserve(file, offset, size, end, os_error);
    if (r != AIMEM_ERR_UNSUPPORTED) return r;
    *os_error = 0;
    return aimc_vec_file_fill(user_data, file, offset, size, os_error);
}
#endif

/* *out = the system's files; false, and *out zeroed, where there are none (AIMEM_NO_FILES, no OS).
   map_fn and unmap_fn are NULL on WASM. */
AIMC_VEC_FN bool aimc_vec_io_default(aimem_io *out) {
    memset(out, 0, sizeof *out);
#if defined(AIMC_VEC_FILES)
    out->open_fn = aimc_vec_file_open;
    out->close_fn = aimc_vec_file_close;
    out->pread_fn = aimc_vec_file_pread;
    out->pwrite_fn = aimc_vec_file_pwrite;
    out->sync_fn = aimc_vec_file_sync;
    out->truncate_fn = aimc_vec_file_truncate;
    out->size_fn = aimc_vec_file_size;
    out->allocate_fn = aimc_vec_file_allocate;
#if !defined(AIMC_VEC_OS_WASM)
    out->map_fn = aimc_vec_file_map;
    out->unmap_fn = aimc_vec_file_unmap;
#endif
    out->lock_fn = aimc_vec_file_lock;
    out->rename_fn = aimc_vec_file_rename;
    out->remove_fn = aimc_vec_file_remove;
    out->sync_dir_fn = aimc_vec_file_sync_dir;
    return true;
#else
    return false;
#endif
}

/* *out = hook, or the system's files for NULL or a zero hook; false when there are neither. */
AIMC_VEC_FN bool aimc_vec_io_or_default(const aimem_io *hook, aimem_io *out) {
    if (hook == NULL || hook->open_fn == NULL) return aimc_vec_io_default(out);
    *out = *hook;
    return true;
}

/* end core/file.h */

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
AIMC_VEC_INLINE uint64_t aimi_vec_hash_id(uint64_t id) {
    id ^= UINT64_C(0x61696D656D766563);
    id = (id ^ id >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    id = (id ^ id >> 27) * UINT64_C(0x94D049BB133111EB);
    return id ^ id >> 31;
}

AIMC_VEC_INLINE uint64_t aimi_vec_hash_text(const void *text, size_t size) {
    return aimc_vec_hash64(text, size, UINT64_C(0x61696D656D766563));
}

/* The cells that items keys need; 0 when memory cannot hold so many. */
AIMC_VEC_FN size_t aimi_vec_table_cells(uint64_t items) {
    uint64_t cells = AIMI_VEC_TABLE_MIN;
    while (cells - cells / 4 < items) cells *= 2;
    return cells > SIZE_MAX / sizeof(uint32_t) ? 0 : (size_t)cells;
}

/* Puts a slot in; its key is not there yet, and there is room. */
AIMC_VEC_FN void aimi_vec_table_put(aimi_vec_table *t, uint64_t hash, uint32_t slot) {
    size_t at = (size_t)hash & (t->size - 1);
    while (t->cells[at] != 0) at = (at + 1) & (t->size - 1);
    t->cells[at] = slot + 1;
}

/* The cell that holds slot, which is in the table; hash is that of its key. */
AIMC_VEC_FN size_t aimi_vec_table_cell(const aimi_vec_table *t, uint64_t hash, uint32_t slot) {
    size_t at = (size_t)hash & (t->size - 1);
    while (t->cells[at] != slot + 1) at = (at + 1) & (t->size - 1);
    return at;
}

/* Empties the cell of slot and closes the gap: a later cell moves back unless its home lies behind
   the gap. */
AIMC_VEC_FN void aimi_vec_table_remove(aimi_vec_table *t, const aimem_vec *v, aimi_vec_hash_fn hash_fn,
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

AIMC_VEC_FN void aimi_vec_table_free(aimi_vec_table *t, const aimem_allocator *a) {
    aimc_vec_free(a, t->cells, t->size * sizeof(uint32_t), sizeof(uint32_t));
    t->cells = NULL;
    t->size = 0;
}

/* The same keys in a table of another size. NOMEM: the table is as it was. */
AIMC_VEC_FN aimem_result aimi_vec_table_resize(aimi_vec_table *t, const aimem_allocator *a, size_t size,
                                           const aimem_vec *v, aimi_vec_hash_fn hash_fn) {
    aimi_vec_table fresh;
    size_t i;
    if (size == 0) return AIMEM_ERR_NOMEM;
    fresh.size = size;
    fresh.cells = (uint32_t *)aimc_vec_alloc_zeroed(a, size * sizeof(uint32_t), sizeof(uint32_t));
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
AIMC_VEC_FN aimem_result aimi_vec_table_room(aimi_vec_table *t, const aimem_allocator *a,
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

AIMC_VEC_FN void aimi_vec_spare_free(aimi_vec_spare *spare, const aimem_allocator *a) {
    aimc_vec_free(a, spare->ptr, spare->size, spare->align);
    spare->ptr = NULL;
}

AIMC_VEC_FN uint32_t aimi_vec_stride(uint32_t dim) {
    uint32_t multiple = dim < 16 ? 4 : 16;
    return (dim + multiple - 1) / multiple * multiple;
}

/* The largest power of two of rows that stay within AIMI_VEC_CHUNK. On disk too, as block size. */
AIMC_VEC_FN uint32_t aimi_vec_chunk_shift(uint32_t stride) {
    return aimc_vec_log2_u64(AIMI_VEC_CHUNK / (stride * (uint32_t)sizeof(float)));
}

AIMC_VEC_FN void aimi_vec_rows_init(aimi_vec_rows *r, uint32_t dim) {
    memset(r, 0, sizeof *r);
    r->dim = dim;
    r->stride = aimi_vec_stride(dim);
    r->shift = aimi_vec_chunk_shift(r->stride);
}

/* The bytes of a chunk for n rows; n <= 1 << shift, so it is below 4 MiB. */
AIMC_VEC_FN size_t aimi_vec_chunk_bytes(const aimi_vec_rows *r, size_t n) {
    return n * (r->stride * sizeof(float) + sizeof(uint64_t) + sizeof(size_t) + sizeof(float));
}

/* Rows for which chunk c was made. */
AIMC_VEC_INLINE size_t aimi_vec_chunk_rows(const aimi_vec_rows *r, size_t c) {
    return c == 0 ? r->first : (size_t)1 << r->shift;
}

AIMC_VEC_INLINE size_t aimi_vec_slot_chunk(const aimi_vec_rows *r, uint32_t slot) {
    return slot >> r->shift;
}

AIMC_VEC_INLINE size_t aimi_vec_slot_place(const aimi_vec_rows *r, uint32_t slot) {
    return slot & (((size_t)1 << r->shift) - 1);
}

AIMC_VEC_INLINE float *aimi_vec_row_at(const aimi_vec_rows *r, uint32_t slot) {
    return (float *)(void *)r->chunk[aimi_vec_slot_chunk(r, slot)] +
           aimi_vec_slot_place(r, slot) * r->stride;
}

/* The columns of a chunk for n rows. */
AIMC_VEC_INLINE uint64_t *aimi_vec_chunk_ids(const aimi_vec_rows *r, unsigned char *chunk, size_t n) {
    return (uint64_t *)(void *)(chunk + n * r->stride * sizeof(float));
}

AIMC_VEC_INLINE size_t *aimi_vec_chunk_labels(const aimi_vec_rows *r, unsigned char *chunk, size_t n) {
    return (size_t *)(void *)(aimi_vec_chunk_ids(r, chunk, n) + n);
}

AIMC_VEC_INLINE float *aimi_vec_chunk_norms(const aimi_vec_rows *r, unsigned char *chunk, size_t n) {
    return (float *)(void *)(aimi_vec_chunk_labels(r, chunk, n) + n);
}

AIMC_VEC_INLINE uint64_t *aimi_vec_id_at(const aimi_vec_rows *r, uint32_t slot) {
    size_t c = aimi_vec_slot_chunk(r, slot);
    return aimi_vec_chunk_ids(r, r->chunk[c], aimi_vec_chunk_rows(r, c)) +
           aimi_vec_slot_place(r, slot);
}

/* Where the label of a row stands in the label bytes (vec/labels.h); 0: it has none. */
AIMC_VEC_INLINE size_t *aimi_vec_label_at(const aimi_vec_rows *r, uint32_t slot) {
    size_t c = aimi_vec_slot_chunk(r, slot);
    return aimi_vec_chunk_labels(r, r->chunk[c], aimi_vec_chunk_rows(r, c)) +
           aimi_vec_slot_place(r, slot);
}

/* One divided by the length of the row; 0 for a zero vector, and for metrics other than cosine. */
AIMC_VEC_INLINE float *aimi_vec_norm_at(const aimi_vec_rows *r, uint32_t slot) {
    size_t c = aimi_vec_slot_chunk(r, slot);
    return aimi_vec_chunk_norms(r, r->chunk[c], aimi_vec_chunk_rows(r, c)) +
           aimi_vec_slot_place(r, slot);
}

/* Copies a vector into a slot. The two may overlap (a put of what a view shows). */
AIMC_VEC_FN void aimi_vec_row_set(const aimi_vec_rows *r, uint32_t slot, const float *vector) {
    float *row = aimi_vec_row_at(r, slot);
    memmove(row, vector, r->dim * sizeof(float));
    memset(row + r->dim, 0, (r->stride - r->dim) * sizeof(float));
}

/* Row from takes the place of row to. */
AIMC_VEC_FN void aimi_vec_row_move(const aimi_vec_rows *r, uint32_t to, uint32_t from) {
    memcpy(aimi_vec_row_at(r, to), aimi_vec_row_at(r, from), r->stride * sizeof(float));
    *aimi_vec_id_at(r, to) = *aimi_vec_id_at(r, from);
    *aimi_vec_label_at(r, to) = *aimi_vec_label_at(r, from);
    *aimi_vec_norm_at(r, to) = *aimi_vec_norm_at(r, from);
}

/* The directory for room entries, at least chunks. */
AIMC_VEC_FN aimem_result aimi_vec_directory_resize(aimi_vec_rows *r, const aimem_allocator *a,
                                               size_t room) {
    const size_t size = sizeof(unsigned char *);
    void *fresh;
    if (room > SIZE_MAX / size) return AIMEM_ERR_NOMEM;
    fresh = aimc_vec_alloc(a, room * size, size);
    if (fresh == NULL) return AIMEM_ERR_NOMEM;
    if (r->chunks != 0) memcpy(fresh, (const void *)r->chunk, r->chunks * size);
    aimc_vec_free(a, (void *)r->chunk, r->room * size, size);
    r->chunk = (unsigned char **)fresh;
    r->room = room;
    return AIMEM_OK;
}

/* Another chunk 0, for n rows, of which count are in use; the old one goes to spare. */
AIMC_VEC_FN aimem_result aimi_vec_first_resize(aimi_vec_rows *r, const aimem_allocator *a, size_t n,
                                           size_t count, aimi_vec_spare *spare) {
    unsigned char *old = r->chunks != 0 ? r->chunk[0] : NULL;
    unsigned char *fresh = (unsigned char *)aimc_vec_alloc(a, aimi_vec_chunk_bytes(r, n),
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
AIMC_VEC_FN void aimi_vec_chunks_drop(aimi_vec_rows *r, const aimem_allocator *a, size_t keep) {
    while (r->chunks > keep) {
        size_t c = --r->chunks;
        size_t n = aimi_vec_chunk_rows(r, c);
        aimc_vec_free(a, r->chunk[c], aimi_vec_chunk_bytes(r, n), AIMI_VEC_ALIGN);
        if (c == 0) r->first = 0;
    }
}

/* The size that chunk 0 should have in a collection of n rows. */
AIMC_VEC_FN size_t aimi_vec_first_rows(const aimi_vec_rows *r, uint64_t n) {
    size_t whole = (size_t)1 << r->shift;
    size_t rows = aimc_vec_min_size(AIMI_VEC_FIRST, whole);
    while (rows < n && rows < whole) rows *= 2;
    return rows;
}

/* Room for n rows in all, of which count are in use. NOMEM: no chunk more than before. */
AIMC_VEC_FN aimem_result aimi_vec_rows_room(aimi_vec_rows *r, const aimem_allocator *a, uint64_t n,
                                        size_t count, aimi_vec_spare *spare) {
    uint64_t whole = (uint64_t)1 << r->shift;
    uint64_t chunks = (n + whole - 1) >> r->shift;
    size_t before = r->chunks, first = aimi_vec_first_rows(r, n);
    aimem_result result = AIMEM_OK;
    if (chunks > SIZE_MAX / sizeof(void *)) return AIMEM_ERR_NOMEM;
    if (chunks > r->room) {
        size_t room = aimc_vec_max_size((size_t)chunks, aimc_vec_max_size(4, r->room * 2));
        result = aimi_vec_directory_resize(r, a, room);
    }
    if (result == AIMEM_OK && chunks != 0 && first > r->first) {
        result = aimi_vec_first_resize(r, a, first, count, spare);
    }
    while (result == AIMEM_OK && r->chunks < chunks) {
        void *chunk = aimc_vec_alloc(a, aimi_vec_chunk_bytes(r, (size_t)whole), AIMI_VEC_ALIGN);
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
AIMC_VEC_FN aimem_result aimi_vec_rows_trim(aimi_vec_rows *r, const aimem_allocator *a, size_t n) {
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
        aimc_vec_free(a, (void *)r->chunk, r->room * sizeof(void *), sizeof(void *));
        r->chunk = NULL;
        r->room = 0;
    } else if (chunks < r->room) {
        return aimi_vec_directory_resize(r, a, chunks);
    }
    return AIMEM_OK;
}

/* Rows that fit in the memory held. */
AIMC_VEC_FN uint64_t aimi_vec_rows_capacity(const aimi_vec_rows *r) {
    return r->chunks == 0 ? 0 : r->first + ((uint64_t)(r->chunks - 1) << r->shift);
}

AIMC_VEC_FN uint64_t aimi_vec_rows_bytes(const aimi_vec_rows *r) {
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
AIMC_VEC_FN size_t aimi_vec_label_length(const char *label) {
    size_t n = 0;
    if (label == NULL) return 0;
    while (n <= AIMEM_VEC_MAX_LABEL && label[n] != 0) n++;
    return n;
}

AIMC_VEC_FN bool aimi_vec_label_has_zero(const char *text, size_t size) {
    size_t i;
    for (i = 0; i < size; i++) {
        if (text[i] == 0) return true;
    }
    return false;
}

AIMC_VEC_INLINE const char *aimi_vec_label_text(const aimi_vec_labels *l, size_t at) {
    return (const char *)l->bytes + at;
}

AIMC_VEC_INLINE size_t aimi_vec_label_size(const aimi_vec_labels *l, size_t at) {
    return aimc_vec_load_u16(l->bytes + at - 2);
}

AIMC_VEC_INLINE void aimi_vec_label_set_slot(aimi_vec_labels *l, size_t at, uint32_t slot) {
    aimc_vec_store_u32(l->bytes + at - AIMI_VEC_LABEL_HEAD, slot);
}

AIMC_VEC_FN aimem_result aimi_vec_labels_resize(aimi_vec_labels *l, const aimem_allocator *a,
                                            size_t room, aimi_vec_spare *spare) {
    unsigned char *fresh = (unsigned char *)aimc_vec_alloc(a, room, 1);
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
AIMC_VEC_FN aimem_result aimi_vec_labels_room(aimi_vec_labels *l, const aimem_allocator *a, size_t more,
                                          aimi_vec_spare *spare) {
    size_t need, room;
    if (!aimc_vec_add_size(l->size, more, &need)) return AIMEM_ERR_NOMEM;
    if (need <= l->room) return AIMEM_OK;
    room = l->room > SIZE_MAX / 2 ? need : l->room * 2;
    room = aimc_vec_max_size(AIMI_VEC_LABEL_ROOM, aimc_vec_max_size(room, need));
    return aimi_vec_labels_resize(l, a, room, spare);
}

/* Starts a record at the end, in room that is there; the text of size bytes is the caller's to
   fill in. Gives the offset of the text. */
AIMC_VEC_FN size_t aimi_vec_label_append(aimi_vec_labels *l, uint32_t slot, size_t size) {
    size_t at = l->size + AIMI_VEC_LABEL_HEAD;
    aimi_vec_label_set_slot(l, at, slot);
    aimc_vec_store_u16(l->bytes + at - 2, (uint16_t)size);
    l->bytes[at + size] = 0;
    l->size += size + AIMI_VEC_LABEL_FRAME;
    l->live++;
    return at;
}

AIMC_VEC_FN void aimi_vec_label_drop(aimi_vec_labels *l, size_t at) {
    aimi_vec_label_set_slot(l, at, AIMI_VEC_DEAD);
    l->dead += aimi_vec_label_size(l, at) + AIMI_VEC_LABEL_FRAME;
    l->live--;
}

/* Slides the live records together. Offsets change, so pointers to labels end here. */
AIMC_VEC_FN void aimi_vec_labels_pack(aimi_vec_labels *l, const aimi_vec_rows *rows) {
    size_t from = 0, to = 0;
    while (from < l->size) {
        uint32_t slot = aimc_vec_load_u32(l->bytes + from);
        size_t n = aimc_vec_load_u16(l->bytes + from + 4) + (size_t)AIMI_VEC_LABEL_FRAME;
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
AIMC_VEC_FN void aimi_vec_labels_tidy(aimi_vec_labels *l, const aimi_vec_rows *rows) {
    if (l->dead > AIMI_VEC_LABEL_PACK && l->dead > l->size / 2) aimi_vec_labels_pack(l, rows);
}

AIMC_VEC_FN void aimi_vec_labels_free(aimi_vec_labels *l, const aimem_allocator *a) {
    aimc_vec_free(a, l->bytes, l->room, 1);
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
AIMC_VEC_INLINE void aimi_vec_square(const float *x, double *sum, uint32_t *carry) {
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    *carry |= (bits & 0x7F800000u) + 0x00800000u;
    *sum += (double)*x * (double)*x;
}

/* *squares: the sum of the squares of n floats, in double and in a fixed order (eight sums side by
   side, which compilers turn into vector code). False when one is a NaN or infinite. */
AIMC_VEC_FN bool aimi_vec_squares(const float *x, size_t n, double *squares) {
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
AIMC_VEC_FN aimem_result aimi_vec_measure(uint32_t metric, const float *x, size_t dim, float *inverse) {
    double squares;
    *inverse = 0.0f;
    if (!aimi_vec_squares(x, dim, &squares)) return AIMEM_ERR_INVALID;
    if (squares > AIMI_VEC_SQUARES_MAX) return AIMEM_ERR_RANGE;
    if (metric == AIMEM_VEC_COS && squares >= AIMI_VEC_SQUARES_MIN) {
        *inverse = (float)(1.0 / aimc_vec_sqrt(squares));
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
    aimc_vec_dist dist;
    uint32_t metric;
    uint32_t count;
    uint64_t max_rows;
    uint64_t next_id; /* the next one that is assigned; AIMEM_VEC_NEW_ID: none is left */
    aimi_vec_rows rows;
    aimi_vec_table ids;
    aimi_vec_labels labels;
    bool changing; /* a change is under way: a hook that comes back with another gets BUSY */
};

AIMC_VEC_FN uint64_t aimi_vec_hash_slot_id(const aimem_vec *v, uint32_t slot) {
    return aimi_vec_hash_id(*aimi_vec_id_at(&v->rows, slot));
}

AIMC_VEC_FN uint64_t aimi_vec_hash_slot_label(const aimem_vec *v, uint32_t slot) {
    size_t at = *aimi_vec_label_at(&v->rows, slot);
    return aimi_vec_hash_text(aimi_vec_label_text(&v->labels, at),
                              aimi_vec_label_size(&v->labels, at));
}

/* ---- finding --------------------------------------------------------------------------------- */

AIMC_VEC_FN bool aimi_vec_find_id(const aimem_vec *v, uint64_t id, uint32_t *slot) {
    size_t mask = v->ids.size - 1, at;
    if (v->ids.size == 0) return false;
    at = (size_t)aimi_vec_hash_id(id) & mask;
    for (; v->ids.cells[at] != 0; at = (at + 1) & mask) {
        *slot = v->ids.cells[at] - 1;
        if (*aimi_vec_id_at(&v->rows, *slot) == id) return true;
    }
    return false;
}

AIMC_VEC_FN bool aimi_vec_find_label(const aimem_vec *v, const char *text, size_t size,
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

AIMC_VEC_FN void aimi_vec_slot_label(const aimem_vec *v, uint32_t slot, const char **label,
                                 size_t *size) {
    size_t at = *aimi_vec_label_at(&v->rows, slot);
    *label = at == 0 ? NULL : aimi_vec_label_text(&v->labels, at);
    *size = at == 0 ? 0 : aimi_vec_label_size(&v->labels, at);
}

AIMC_VEC_FN void aimi_vec_slot_row(const aimem_vec *v, uint32_t slot, aimem_vec_row *out) {
    out->id = *aimi_vec_id_at(&v->rows, slot);
    out->vector = aimi_vec_row_at(&v->rows, slot);
    aimi_vec_slot_label(v, slot, &out->label, &out->label_size);
}

/* ---- life ------------------------------------------------------------------------------------ */

AIMEM_VEC_API uint32_t aimem_vec_version(void) {
    return AIMEM_VEC_VERSION;
}

AIMC_VEC_FN aimem_result aimi_vec_desc_check(const aimem_vec_desc *desc) {
    if (desc == NULL || desc->canary_zero != 0) return AIMEM_ERR_INVALID;
    if (desc->dim == 0 || desc->dim > AIMEM_VEC_MAX_DIM) return AIMEM_ERR_INVALID;
    if (desc->metric > AIMEM_VEC_IP || desc->simd > AIMEM_VEC_SIMD_WASM) return AIMEM_ERR_INVALID;
    if (desc->max_rows > AIMEM_VEC_MAX_ROWS) return AIMEM_ERR_LIMIT;
    return AIMEM_OK;
}

AIMEM_VEC_API aimem_result aimem_vec_create(const aimem_vec_desc *desc, aimem_vec **out) {
    aimem_result result = aimi_vec_desc_check(desc);
    aimem_allocator allocator;
    aimc_vec_dist dist;
    aimem_vec *v;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    if (result != AIMEM_OK) return result;
    if (!aimc_vec_allocator_or_default(&desc->allocator, &allocator)) return AIMEM_ERR_INVALID;
    if (!aimc_vec_dist_at(desc->simd, &dist)) return AIMEM_ERR_UNSUPPORTED;
    v = (aimem_vec *)aimc_vec_alloc_zeroed(&allocator, sizeof *v, AIMI_VEC_ALIGN);
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
AIMC_VEC_FN void aimi_vec_release(aimem_vec *v) {
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
    aimc_vec_free(&a, v, sizeof *v, AIMI_VEC_ALIGN);
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
AIMC_VEC_FN void aimi_vec_intake_task(void *task_data, size_t index, uint32_t worker) {
    const aimi_vec_intake *in = (const aimi_vec_intake *)task_data;
    const aimi_vec_rows *rows = &in->v->rows;
    size_t i = index * in->step, end = aimc_vec_min_size(in->count, i + in->step);
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

AIMC_VEC_FN aimem_result aimi_vec_take_in(const aimem_vec *v, size_t count, const float *vectors) {
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
AIMC_VEC_FN void aimi_vec_label_put(aimem_vec *v, uint32_t slot, const char *text, size_t size) {
    size_t at = aimi_vec_label_append(&v->labels, slot, size);
    memcpy(v->labels.bytes + at, text, size);
    *aimi_vec_label_at(&v->rows, slot) = at;
    aimi_vec_table_put(&v->labels.table, aimi_vec_hash_text(text, size), slot);
}

/* Makes the row in the first free slot a row of the collection: EXISTS or LIMIT, or cannot fail. */
AIMC_VEC_FN aimem_result aimi_vec_link(aimem_vec *v, uint64_t id, const char *label) {
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
AIMC_VEC_FN aimem_result aimi_vec_link_all(aimem_vec *v, size_t count, const uint64_t *ids,
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
AIMC_VEC_FN aimem_result aimi_vec_labels_need(size_t count, const char *const *labels, size_t *bytes,
                                          size_t *number) {
    size_t i;
    *bytes = *number = 0;
    for (i = 0; labels != NULL && i < count; i++) {
        size_t size = aimi_vec_label_length(labels[i]);
        if (size > AIMEM_VEC_MAX_LABEL) return AIMEM_ERR_RANGE;
        if (size == 0) continue;
        if (!aimc_vec_add_size(*bytes, size + AIMI_VEC_LABEL_FRAME, bytes)) return AIMEM_ERR_NOMEM;
        *number += 1;
    }
    return AIMEM_OK;
}

/* Room for count more rows whose labels take so many bytes. */
AIMC_VEC_FN aimem_result aimi_vec_room(aimem_vec *v, size_t count, size_t bytes, size_t labels,
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
AIMC_VEC_FN aimem_result aimi_vec_add_all(aimem_vec *v, size_t count, const uint64_t *ids,
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
AIMC_VEC_FN void aimi_vec_label_take(aimem_vec *v, uint32_t slot) {
    size_t *at = aimi_vec_label_at(&v->rows, slot);
    if (*at == 0) return;
    aimi_vec_table_remove(&v->labels.table, v, aimi_vec_hash_slot_label, slot);
    aimi_vec_label_drop(&v->labels, *at);
    *at = 0;
}

/* The label of a slot becomes this text of size bytes, 0: none. Fails before anything changed. */
AIMC_VEC_FN aimem_result aimi_vec_relabel(aimem_vec *v, uint32_t slot, const char *text, size_t size) {
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
AIMC_VEC_FN void aimi_vec_fill_hole(aimem_vec *v, uint32_t slot) {
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

AIMC_VEC_FN aimem_result aimi_vec_table_trim(aimem_vec *v, aimi_vec_table *t, uint64_t items,
                                         aimi_vec_hash_fn hash_fn) {
    size_t cells = aimi_vec_table_cells(items);
    if (items == 0) aimi_vec_table_free(t, &v->allocator);
    if (cells >= t->size) return AIMEM_OK;
    return aimi_vec_table_resize(t, &v->allocator, cells, v, hash_fn);
}

AIMC_VEC_FN aimem_result aimi_vec_labels_trim(aimem_vec *v) {
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
    aimc_vec_topk best;      /* in the caller's array of hits; label_size has the slot until the end */
    uint64_t found;      /* rows within the radius */
    float inverse;       /* as for a row: 1 / length, with the cosine */
    float radius;        /* no distance beyond it counts; FLT_MAX for the k nearest */
    float limit;         /* no key beyond it is offered */
    bool all;            /* every row within the radius is counted, also when hits is full */
} aimi_vec_query;

/* ---- keys and distances ---------------------------------------------------------------------- */

/* The keys of n rows, whose inverse norms are norms. After the kernel at most one rounding, so that
   a key does not depend on where in the loop it is worked out, also with -ffast-math. */
AIMC_VEC_FN void aimi_vec_keys(const aimc_vec_dist *dist, uint32_t metric, const float *query,
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
AIMC_VEC_NOINLINE float aimi_vec_key_distance(uint32_t metric, float key, float inverse) {
    float distance;
    if (metric == AIMEM_VEC_L2) return aimc_vec_sqrtf(key);
    if (metric != AIMEM_VEC_COS) return key;
    distance = 1.0f + key * inverse;
    return distance < 0.0f ? 0.0f : distance > 2.0f ? 2.0f : distance;
}

/* A key above this has a distance above distance. The square of a rounded root is off by at most
   2^-22 of it, or, where squares are denormal, by less than FLT_MIN; a cosine by 2^-22. */
AIMC_VEC_FN float aimi_vec_key_limit(uint32_t metric, float distance, float inverse) {
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

AIMC_VEC_FN float aimi_vec_similarity(uint32_t metric, float distance) {
    if (metric == AIMEM_VEC_COS) return 1.0f - distance;
    if (metric == AIMEM_VEC_IP) return 0.0f - distance;
    return 1.0f / (1.0f + distance);
}

/* ---- one query ------------------------------------------------------------------------------- */

AIMC_VEC_FN void aimi_vec_query_init(aimi_vec_query *q, const aimem_vec *v, const float *vector,
                                 float inverse, aimem_vec_hit *hits, size_t room) {
    q->vector = vector;
    aimc_vec_topk_init(&q->best, hits, sizeof *hits, room < v->count ? room : v->count);
    q->found = 0;
    q->inverse = inverse;
    q->radius = FLT_MAX;
    q->limit = FLT_MAX;
    q->all = false;
}

/* A row whose key is within the limit. */
AIMC_VEC_FN void aimi_vec_offer(const aimem_vec *v, aimi_vec_query *q, uint32_t slot, float key) {
    aimem_vec_hit hit;
    hit.distance = aimi_vec_key_distance(v->metric, key, q->inverse);
    if (hit.distance > q->radius) return;
    q->found++;
    if (hit.distance > aimc_vec_topk_limit(&q->best)) return;
    hit.id = *aimi_vec_id_at(&v->rows, slot);
    hit.similarity = 0.0f;
    hit.label = NULL;
    hit.label_size = slot;
    (void)aimc_vec_topk_push(&q->best, &hit);
    if (q->best.count == q->best.room && !q->all) {
        q->limit = aimi_vec_key_limit(v->metric, aimc_vec_topk_limit(&q->best), q->inverse);
    }
}

/* Rows in a block: a power of two that divides a chunk. */
AIMC_VEC_FN size_t aimi_vec_block_rows(const aimem_vec *v) {
    size_t n = AIMI_VEC_BLOCK;
    while (n > 1 && n * v->rows.stride > AIMI_VEC_BLOCK_FLOATS) n /= 2;
    return aimc_vec_min_size(n, (size_t)1 << v->rows.shift);
}

AIMC_VEC_FN size_t aimi_vec_blocks(const aimem_vec *v) {
    size_t n = aimi_vec_block_rows(v);
    return v->count / n + (v->count % n != 0);
}

/* Blocks first to last - 1, for count queries: each block is read from memory once. */
AIMC_VEC_FN void aimi_vec_scan(const aimem_vec *v, aimi_vec_query *queries, size_t count, size_t first,
                           size_t last) {
    size_t block = aimi_vec_block_rows(v), b, c, i;
    float keys[AIMI_VEC_BLOCK];
    for (b = first; b < last; b++) {
        uint32_t slot = (uint32_t)(b * block);
        size_t n = aimc_vec_min_size(block, v->count - slot);
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
AIMC_VEC_FN void aimi_vec_finish(const aimem_vec *v, aimi_vec_query *q) {
    aimem_vec_hit *hits = (aimem_vec_hit *)(void *)q->best.hits;
    size_t i;
    aimc_vec_topk_finish(&q->best);
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

AIMC_VEC_FN void aimi_vec_job_task(void *task_data, size_t index, uint32_t worker) {
    const aimi_vec_job *job = (const aimi_vec_job *)task_data;
    size_t first = index * job->step;
    AIMC_VEC_ASSERT(worker < job->v->parallel.workers);
    aimi_vec_scan(job->v, &job->queries[worker], 1, first,
                  aimc_vec_min_size(job->blocks, first + job->step));
}

/* About four tasks for each worker, so that a slow one does not hold up the rest. */
AIMC_VEC_FN size_t aimi_vec_job_step(const aimem_vec *v, size_t blocks) {
    size_t floats = aimi_vec_block_rows(v) * v->rows.stride;
    size_t least = AIMI_VEC_TASK_FLOATS / floats + 1;
    return aimc_vec_max_size(least, blocks / 4 / v->parallel.workers + 1);
}

/* A query and a heap for each worker, in one block: queries, then hits. */
AIMC_VEC_FN aimem_result aimi_vec_run_parallel(const aimem_vec *v, aimi_vec_query *q) {
    const aimem_parallel *p = &v->parallel;
    size_t head = sizeof(aimi_vec_query), hits, size, i;
    unsigned char *block;
    aimi_vec_job job;
    if (!aimc_vec_mul_size(q->best.room, sizeof(aimem_vec_hit), &hits)) return AIMEM_ERR_NOMEM;
    if (!aimc_vec_add_size(head, hits, &size)) return AIMEM_ERR_NOMEM;
    if (!aimc_vec_mul_size(p->workers, size, &size)) return AIMEM_ERR_NOMEM;
    block = (unsigned char *)aimc_vec_alloc(&v->allocator, size, AIMI_VEC_ALIGN);
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
        aimc_vec_topk_merge(&q->best, &job.queries[i].best);
        q->found += job.queries[i].found;
    }
    aimc_vec_free(&v->allocator, block, size, AIMI_VEC_ALIGN);
    return AIMEM_OK;
}

AIMC_VEC_FN aimem_result aimi_vec_run(const aimem_vec *v, aimi_vec_query *q) {
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
AIMC_VEC_FN aimem_result aimi_vec_radius(float radius, float *finite) {
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

AIMC_VEC_FN void aimi_vec_batch_task(void *task_data, size_t index, uint32_t worker) {
    const aimi_vec_batch *batch = (const aimi_vec_batch *)task_data;
    const aimem_vec *v = batch->v;
    size_t first = index * batch->group, i, count = 0;
    size_t last = aimc_vec_min_size(batch->queries, first + batch->group);
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
AIMC_VEC_FN aimem_result aimi_vec_batch_result(size_t queries, size_t *counts) {
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
    if (!aimc_vec_mul_size(queries, k, &bytes)) return AIMEM_ERR_INVALID;
    if (!aimc_vec_mul_size(bytes, sizeof *hits, &bytes)) return AIMEM_ERR_INVALID;
    batch.v = v;
    batch.vectors = vectors;
    batch.queries = queries;
    batch.k = k;
    batch.hits = hits;
    batch.counts = counts;
    batch.group = aimc_vec_max_size(1, aimc_vec_min_size(AIMI_VEC_GROUP, queries / v->parallel.workers));
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
AIMC_VEC_FN size_t aimi_vec_block_pad(size_t payload) {
    return (AIMI_VEC_UNIT - (payload + 4) % AIMI_VEC_UNIT) % AIMI_VEC_UNIT;
}

/* n floats from the order of the machine to that of the file, or back. dst may be src. */
AIMC_VEC_FN void aimi_vec_swap_floats(void *dst, const void *src, size_t n) {
#if defined(AIMC_VEC_BIG_ENDIAN)
    size_t i;
    for (i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, (const unsigned char *)src + i * 4, 4);
        bits = aimc_vec_swap_u32(bits);
        memcpy((unsigned char *)dst + i * 4, &bits, 4);
    }
#else
    if (dst != src) memcpy(dst, src, n * 4);
#endif
}

AIMC_VEC_FN uint64_t aimi_vec_keys_bytes(const aimem_vec *v) {
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

AIMC_VEC_FN void aimi_vec_write_sum(aimi_vec_writer *w) {
    w->crc = aimc_vec_crc32c(w->crc, w->buffer + w->summed, w->used - w->summed);
    w->summed = w->used;
}

AIMC_VEC_FN void aimi_vec_write_flush(aimi_vec_writer *w) {
    aimi_vec_write_sum(w);
    if (w->result == AIMEM_OK && w->used != 0) {
        aimem_result result = w->stream->write_fn(w->stream->user_data, w->buffer, w->used);
        if (result != AIMEM_OK) w->result = result < 0 ? result : AIMEM_ERR_IO;
    }
    w->used = w->summed = 0;
}

/* Room for size bytes in the buffer, at most AIMI_VEC_BUFFER. */
AIMC_VEC_FN unsigned char *aimi_vec_write_room(aimi_vec_writer *w, size_t size) {
    unsigned char *at;
    if (size > AIMI_VEC_BUFFER - w->used) aimi_vec_write_flush(w);
    at = w->buffer + w->used;
    w->used += size;
    w->payload += size;
    return at;
}

/* Zeros and CRC. */
AIMC_VEC_FN void aimi_vec_write_block_end(aimi_vec_writer *w) {
    size_t pad = aimi_vec_block_pad(w->payload);
    memset(aimi_vec_write_room(w, pad), 0, pad);
    aimi_vec_write_sum(w);
    aimc_vec_store_u32(aimi_vec_write_room(w, 4), w->crc);
    w->summed = w->used; /* after a flush too: the CRC is no part of itself */
    w->payload = 0;
}

AIMC_VEC_FN void aimi_vec_write_header(const aimem_vec *v, aimi_vec_writer *w) {
    unsigned char *h = aimi_vec_write_room(w, AIMI_VEC_HEADER);
    memset(h, 0, AIMI_VEC_HEADER);
    memcpy(h, AIMI_VEC_MAGIC, 8);
    aimc_vec_store_u32(h + AIMI_VEC_AT_VERSION, AIMI_VEC_FORMAT);
    aimc_vec_store_u32(h + AIMI_VEC_AT_ENDIAN, AIMI_VEC_ENDIAN);
    aimc_vec_store_u32(h + AIMI_VEC_AT_DIM, v->rows.dim);
    aimc_vec_store_u32(h + AIMI_VEC_AT_METRIC, v->metric);
    aimc_vec_store_u64(h + AIMI_VEC_AT_ROWS, v->count);
    aimc_vec_store_u64(h + AIMI_VEC_AT_NEXT_ID, v->next_id);
    aimc_vec_store_u64(h + AIMI_VEC_AT_KEYS, aimi_vec_keys_bytes(v));
    aimc_vec_store_u32(h + AIMI_VEC_AT_STRIDE, v->rows.stride);
    aimc_vec_store_u32(h + AIMI_VEC_AT_BLOCK, (uint32_t)1 << v->rows.shift);
    w->crc = aimc_vec_crc32c(0, h, AIMI_VEC_AT_CRC);
    aimc_vec_store_u32(h + AIMI_VEC_AT_CRC, w->crc);
    w->summed = w->used;
    w->payload = 0;
}

/* A block of rows is a chunk of them. */
AIMC_VEC_FN void aimi_vec_write_rows(const aimem_vec *v, aimi_vec_writer *w) {
    size_t whole = (size_t)1 << v->rows.shift, c;
    for (c = 0; c * whole < v->count && w->result == AIMEM_OK; c++) {
        const float *row = aimi_vec_row_at(&v->rows, (uint32_t)(c * whole));
        size_t left = aimc_vec_min_size(whole, v->count - c * whole) * v->rows.stride;
        while (left != 0 && w->result == AIMEM_OK) {
            size_t n = aimc_vec_min_size(left, AIMI_VEC_BUFFER / sizeof(float));
            aimi_vec_swap_floats(aimi_vec_write_room(w, n * sizeof(float)), row, n);
            row += n;
            left -= n;
        }
        aimi_vec_write_block_end(w);
    }
}

/* Bytes of the keys, cut into blocks wherever one is full. */
AIMC_VEC_FN void aimi_vec_write_key_bytes(aimi_vec_writer *w, const void *src, size_t size) {
    const unsigned char *from = (const unsigned char *)src;
    while (size != 0) {
        size_t n = aimc_vec_min_size(size, AIMI_VEC_KEYS - w->payload);
        memcpy(aimi_vec_write_room(w, n), from, n);
        if (w->payload == AIMI_VEC_KEYS) aimi_vec_write_block_end(w);
        from += n;
        size -= n;
    }
}

AIMC_VEC_FN void aimi_vec_write_keys(const aimem_vec *v, aimi_vec_writer *w) {
    uint32_t slot;
    for (slot = 0; slot < v->count && w->result == AIMEM_OK; slot++) {
        unsigned char key[AIMI_VEC_KEY];
        const char *label;
        size_t size;
        aimi_vec_slot_label(v, slot, &label, &size);
        aimc_vec_store_u64(key, *aimi_vec_id_at(&v->rows, slot));
        aimc_vec_store_u16(key + 8, (uint16_t)size);
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
    w.buffer = (unsigned char *)aimc_vec_alloc(&v->allocator, AIMI_VEC_BUFFER, AIMI_VEC_ALIGN);
    if (w.buffer == NULL) return AIMEM_ERR_NOMEM;
    aimi_vec_write_header(v, &w);
    aimi_vec_write_rows(v, &w);
    aimi_vec_write_keys(v, &w);
    aimi_vec_write_flush(&w);
    aimc_vec_free(&v->allocator, w.buffer, AIMI_VEC_BUFFER, AIMI_VEC_ALIGN);
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

AIMC_VEC_FN aimem_result aimi_vec_refuse(const aimem_logger *logger, aimem_result code,
                                     const char *text) {
    if (logger->log_fn != NULL) logger->log_fn(logger->user_data, 0, code, text);
    return code;
}

#define AIMI_VEC_REFUSE(reader, code, text) \
    aimi_vec_refuse((reader)->logger, code, AIMI_VEC_TEXT("aimem_vec_load: " text))

/* All size bytes; CORRUPT when the stream ends before. */
AIMC_VEC_FN aimem_result aimi_vec_read(aimi_vec_reader *r, void *dst, size_t size) {
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
AIMC_VEC_FN aimem_result aimi_vec_read_block(aimi_vec_reader *r, void *dst, size_t size) {
    unsigned char tail[AIMI_VEC_UNIT + 4];
    size_t pad = aimi_vec_block_pad(size), i;
    aimem_result result = aimi_vec_read(r, dst, size);
    if (result == AIMEM_OK) result = aimi_vec_read(r, tail, pad + 4);
    if (result != AIMEM_OK) return result;
    r->crc = aimc_vec_crc32c(aimc_vec_crc32c(r->crc, dst, size), tail, pad);
    if (aimc_vec_load_u32(tail + pad) != r->crc) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "a checksum is wrong");
    }
    for (i = 0; i < pad; i++) {
        if (tail[i] != 0) return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "padding is not zero");
    }
    return AIMEM_OK;
}

/* Whether the numbers of a header fit together. */
AIMC_VEC_FN bool aimi_vec_header_valid(const aimi_vec_header *h) {
    if (h->dim == 0 || h->dim > AIMEM_VEC_MAX_DIM || h->metric > AIMEM_VEC_IP) return false;
    if (h->stride != aimi_vec_stride(h->dim)) return false;
    if (h->block != (uint32_t)1 << aimi_vec_chunk_shift(h->stride)) return false;
    if (h->rows > AIMEM_VEC_MAX_ROWS) return false;
    return h->keys >= h->rows * AIMI_VEC_KEY &&
           h->keys <= h->rows * (AIMI_VEC_KEY + AIMEM_VEC_MAX_LABEL);
}

AIMC_VEC_FN aimem_result aimi_vec_read_header(aimi_vec_reader *r, aimi_vec_header *h) {
    unsigned char b[AIMI_VEC_HEADER];
    aimem_result result = aimi_vec_read(r, b, sizeof b);
    if (result != AIMEM_OK) return result;
    if (memcmp(b, AIMI_VEC_MAGIC, 8) != 0) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "not a saved collection");
    }
    if (aimc_vec_load_u32(b + AIMI_VEC_AT_ENDIAN) != AIMI_VEC_ENDIAN) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_VERSION, "numbers in another byte order");
    }
    if (aimc_vec_load_u32(b + AIMI_VEC_AT_VERSION) != AIMI_VEC_FORMAT) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_VERSION, "another version of the format");
    }
    r->crc = aimc_vec_crc32c(0, b, AIMI_VEC_AT_CRC);
    h->crc = aimc_vec_load_u32(b + AIMI_VEC_AT_CRC);
    h->dim = aimc_vec_load_u32(b + AIMI_VEC_AT_DIM);
    h->metric = aimc_vec_load_u32(b + AIMI_VEC_AT_METRIC);
    h->rows = aimc_vec_load_u64(b + AIMI_VEC_AT_ROWS);
    h->next_id = aimc_vec_load_u64(b + AIMI_VEC_AT_NEXT_ID);
    h->keys = aimc_vec_load_u64(b + AIMI_VEC_AT_KEYS);
    h->stride = aimc_vec_load_u32(b + AIMI_VEC_AT_STRIDE);
    h->block = aimc_vec_load_u32(b + AIMI_VEC_AT_BLOCK);
    if (h->crc != r->crc) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "the checksum of the header is wrong");
    }
    if (aimc_vec_load_u32(b + AIMI_VEC_AT_ZERO) != 0 || !aimi_vec_header_valid(h)) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "the header contradicts itself");
    }
    return AIMEM_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The row in a slot, as it came from the file: swapped, measured, its padding checked. */
AIMC_VEC_FN bool aimi_vec_row_accept(aimem_vec *v, uint32_t slot) {
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
AIMC_VEC_FN aimem_result aimi_vec_read_rows(aimi_vec_reader *r, aimem_vec *v, uint64_t rows) {
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
AIMC_VEC_FN aimem_result aimi_vec_read_key_bytes(aimi_vec_reader *r, void *dst, size_t size) {
    unsigned char *to = (unsigned char *)dst;
    while (size != 0) {
        size_t n = aimc_vec_min_size(size, r->size - r->used);
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

AIMC_VEC_FN aimem_result aimi_vec_read_label(aimi_vec_reader *r, aimem_vec *v, uint32_t slot,
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

AIMC_VEC_FN aimem_result aimi_vec_read_keys(aimi_vec_reader *r, aimem_vec *v, uint64_t next_id) {
    aimem_result result = aimi_vec_table_room(&v->ids, &v->allocator, v->count, v,
                                              aimi_vec_hash_slot_id);
    uint32_t slot, other;
    for (slot = 0; slot < v->count && result == AIMEM_OK; slot++) {
        unsigned char key[AIMI_VEC_KEY];
        uint64_t id;
        result = aimi_vec_read_key_bytes(r, key, sizeof key);
        if (result != AIMEM_OK) return result;
        id = aimc_vec_load_u64(key);
        if (id >= next_id || aimi_vec_find_id(v, id, &other)) {
            return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "an id that cannot be added");
        }
        *aimi_vec_id_at(&v->rows, slot) = id;
        *aimi_vec_label_at(&v->rows, slot) = 0;
        aimi_vec_table_put(&v->ids, aimi_vec_hash_id(id), slot);
        if (aimc_vec_load_u16(key + 8) != 0) {
            result = aimi_vec_read_label(r, v, slot, aimc_vec_load_u16(key + 8));
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
AIMC_VEC_FN aimem_result aimi_vec_load_create(const aimi_vec_reader *r, const aimem_vec_desc *desc,
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

AIMC_VEC_FN aimem_result aimi_vec_load_body(aimi_vec_reader *r, aimem_vec *v,
                                        const aimi_vec_header *h) {
    aimem_result result;
    r->keys = h->keys;
    r->used = r->size = 0;
    result = aimi_vec_read_rows(r, v, h->rows);
    if (result != AIMEM_OK) return result;
    r->buffer = (unsigned char *)aimc_vec_alloc(&v->allocator, AIMI_VEC_BUFFER, AIMI_VEC_ALIGN);
    if (r->buffer == NULL) return AIMEM_ERR_NOMEM;
    result = aimi_vec_read_keys(r, v, h->next_id);
    aimc_vec_free(&v->allocator, r->buffer, AIMI_VEC_BUFFER, AIMI_VEC_ALIGN);
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

AIMC_VEC_FN aimem_result aimi_vec_file_read(void *user_data, void *dst, size_t size, size_t *got) {
    aimi_vec_file *f = (aimi_vec_file *)user_data;
    aimem_result result = f->io->pread_fn(f->io->user_data, f->handle, f->offset, dst, size, got,
                                          &f->os_error);
    if (result == AIMEM_OK) f->offset += *got;
    return result;
}

AIMC_VEC_FN aimem_result aimi_vec_file_write(void *user_data, const void *src, size_t size) {
    aimi_vec_file *f = (aimi_vec_file *)user_data;
    aimem_result result = f->io->pwrite_fn(f->io->user_data, f->handle, f->offset, src, size,
                                           &f->os_error);
    if (result == AIMEM_OK) f->offset += size;
    return result;
}

/* A platform without a sync (WebAssembly) has nothing that is more durable: that is no failure. */
AIMC_VEC_FN aimem_result aimi_vec_synced(aimem_result result, int32_t *os_error) {
    if (result != AIMEM_ERR_UNSUPPORTED) return result;
    *os_error = 0;
    return AIMEM_OK;
}

/* Fills the open file, syncs and closes it. */
AIMC_VEC_FN aimem_result aimi_vec_file_fill(const aimem_vec *v, aimi_vec_file *f) {
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
AIMC_VEC_FN aimem_result aimi_vec_file_replace(const aimem_vec *v, aimi_vec_file *f, const char *tmp,
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
    if (!aimc_vec_io_or_default(io, &chosen)) return AIMEM_ERR_UNSUPPORTED;
    f.io = &chosen;
    for (length = 0; path[length] != 0; length++) {}
    size = length + sizeof ".tmp";
    tmp = (char *)aimc_vec_alloc(&v->allocator, size, 1);
    if (tmp == NULL) return AIMEM_ERR_NOMEM;
    memcpy(tmp, path, length);
    memcpy(tmp + length, ".tmp", sizeof ".tmp");
    result = aimi_vec_file_replace(v, &f, tmp, path);
    aimc_vec_free(&v->allocator, tmp, size, 1);
    if (os_error != NULL && result != AIMEM_OK) *os_error = f.os_error;
    return result;
}

/* Loads from the open file; more bytes behind the collection are none of ours. */
AIMC_VEC_FN aimem_result aimi_vec_file_take(const aimem_vec_desc *desc, aimi_vec_file *f,
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
    if (!aimc_vec_io_or_default(io, &chosen)) return AIMEM_ERR_UNSUPPORTED;
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

/* Private macros end here. */
#undef AIMC_VEC_ARM32
#undef AIMC_VEC_ARM64
#undef AIMC_VEC_ASAN
#undef AIMC_VEC_ASSERT
#undef AIMC_VEC_BIG_ENDIAN
#undef AIMC_VEC_BYTES_COPY
#undef AIMC_VEC_CLANG
#undef AIMC_VEC_CLOCK_GETTIME
#undef AIMC_VEC_CLOCK_MONOTONIC
#undef AIMC_VEC_CLOCK_REALTIME
#undef AIMC_VEC_CRC_16
#undef AIMC_VEC_CRC_16_FROM
#undef AIMC_VEC_CRC_256
#undef AIMC_VEC_CRC_4
#undef AIMC_VEC_CRC_64_FROM
#undef AIMC_VEC_CRC_CPU
#undef AIMC_VEC_CRC_EIGHT
#undef AIMC_VEC_CRC_ONE
#undef AIMC_VEC_CRC_PART
#undef AIMC_VEC_CRC_TARGET
#undef AIMC_VEC_FALLOCATE
#undef AIMC_VEC_FILES
#undef AIMC_VEC_FILE_PATH_MAX
#undef AIMC_VEC_FILE_STEP
#undef AIMC_VEC_FN
#undef AIMC_VEC_FTRUNCATE
#undef AIMC_VEC_F_OFD_SETLK
#undef AIMC_VEC_F_SETLK64
#undef AIMC_VEC_GNU
#undef AIMC_VEC_HASH_MX1
#undef AIMC_VEC_HASH_MX2
#undef AIMC_VEC_HASH_P32_1
#undef AIMC_VEC_HASH_P32_2
#undef AIMC_VEC_HASH_P32_3
#undef AIMC_VEC_HASH_P64_1
#undef AIMC_VEC_HASH_P64_2
#undef AIMC_VEC_HASH_P64_3
#undef AIMC_VEC_HASH_P64_4
#undef AIMC_VEC_HASH_P64_5
#undef AIMC_VEC_INLINE
#undef AIMC_VEC_LEVELS_X86
#undef AIMC_VEC_LIBC_ALIGN
#undef AIMC_VEC_LIKELY
#undef AIMC_VEC_LSEEK
#undef AIMC_VEC_MADV_HUGEPAGE
#undef AIMC_VEC_MAP_ANONYMOUS
#undef AIMC_VEC_MAP_NORESERVE
#undef AIMC_VEC_MMAP
#undef AIMC_VEC_MSVC
#undef AIMC_VEC_NOINLINE
#undef AIMC_VEC_OFF
#undef AIMC_VEC_OPEN
#undef AIMC_VEC_OS_APPLE
#undef AIMC_VEC_OS_BSD
#undef AIMC_VEC_OS_LINUX
#undef AIMC_VEC_OS_NONE
#undef AIMC_VEC_OS_POSIX
#undef AIMC_VEC_OS_WASM
#undef AIMC_VEC_OS_WINDOWS
#undef AIMC_VEC_O_CLOEXEC
#undef AIMC_VEC_POISON
#undef AIMC_VEC_PREAD
#undef AIMC_VEC_PREFETCH
#undef AIMC_VEC_PWRITE
#undef AIMC_VEC_RESTRICT
#undef AIMC_VEC_SIMD_NEON
#undef AIMC_VEC_SIMD_WASM
#undef AIMC_VEC_SIMD_X86
#undef AIMC_VEC_STATIC_ASSERT
#undef AIMC_VEC_TARGET
#undef AIMC_VEC_TARGET_AVX2
#undef AIMC_VEC_TARGET_AVX512
#undef AIMC_VEC_TARGET_SSE
#undef AIMC_VEC_TCC
#undef AIMC_VEC_THREADS
#undef AIMC_VEC_TIME64
#undef AIMC_VEC_UNLIKELY
#undef AIMC_VEC_UNPOISON
#undef AIMC_VEC_WASM
#undef AIMC_VEC_WINDOWS_LEAN
#undef AIMC_VEC_WINDOWS_NOMINMAX
#undef AIMC_VEC_X64
#undef AIMC_VEC_X86
#undef AIMI_VEC_DEAD
#undef AIMI_VEC_MAGIC
#undef AIMI_VEC_REFUSE
#undef AIMI_VEC_SQUARES_MAX
#undef AIMI_VEC_SQUARES_MIN
#undef AIMI_VEC_TEXT
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
