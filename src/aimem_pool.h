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
#include "core/types.h"
#include "pool/api.h"
#endif

#if defined(AIMEM_IMPLEMENTATION) || defined(AIMEM_POOL_IMPLEMENTATION)
#ifndef AIMEM_POOL_IMPLEMENTED
#define AIMEM_POOL_IMPLEMENTED
#include "core/platform.h"
#include "core/checked.h"
#include "core/bytes.h"
#include "core/alloc.h"
#include "core/osmem.h"
#include "pool/text.h"
#include "pool/arena.h"
#include "pool/chunk.h"
#include "pool/grow.h"
#include "pool/block.h"
#include "pool/life.h"
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
