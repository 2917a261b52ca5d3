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

#include "core/types.h"
#include "core/io.h"
#include "vec/api.h"

#endif

#if defined(AIMEM_IMPLEMENTATION) || defined(AIMEM_VEC_IMPLEMENTATION)
#ifndef AIMEM_VEC_IMPLEMENTED
#define AIMEM_VEC_IMPLEMENTED

#include "core/platform.h"
#include "core/checked.h"
#include "core/alloc.h"
#include "core/bytes.h"
#include "core/maths.h"
#include "core/hash.h"
#include "core/crc.h"
#include "core/dist.h"
#include "core/topk.h"
#include "core/file.h"
#include "vec/table.h"
#include "vec/rows.h"
#include "vec/labels.h"
#include "vec/check.h"
#include "vec/store.h"
#include "vec/search.h"
#include "vec/format.h"
#include "vec/save.h"
#include "vec/load.h"
#include "vec/file.h"

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
