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
#include "core/types.h"
#include "pool/api.h"
#include "pool/api_buffers.h"
#include "pool/api_budget.h"
#include "pool/api_frame.h"
#include "pool/api_plan.h"
#include "pool/api_tuning.h"
#endif

#if defined(AIMEM_IMPLEMENTATION) || defined(AIMEM_POOL_IMPLEMENTATION)
#ifndef AIMEM_POOL_IMPLEMENTED
#define AIMEM_POOL_IMPLEMENTED
#include "core/platform.h"
#include "core/checked.h"
#include "core/bytes.h"
#include "core/alloc.h"
#include "core/osmem.h"
#include "core/atomic.h"
#include "core/clock.h"
#include "core/thread.h"
#include "core/sysinfo.h"
#include "core/offsets.h"
#include "pool/text.h"
#include "pool/arena.h"
#include "pool/chunk.h"
#include "pool/grow.h"
#include "pool/block.h"
#include "pool/life.h"
#include "pool/frame.h"
#include "pool/ring.h"
#if !defined(AIMEM_POOL_NO_BUFFERS)
#include "pool/buffers.h"
#include "pool/buffers_class.h"
#include "pool/buffers_packed.h"
#include "pool/buffers_range.h"
#include "pool/buffers_life.h"
#include "pool/buffers_use.h"
#include "pool/buffers_data.h"
#endif
#if !defined(AIMEM_POOL_NO_BUDGET)
#include "pool/budget_tree.h"
#include "pool/budget_reclaim.h"
#include "pool/budget_level.h"
#include "pool/budget_life.h"
#include "pool/budget.h"
#endif
#if !defined(AIMEM_POOL_NO_PLAN)
#include "pool/plan_solve.h"
#include "pool/plan.h"
#endif
#if !defined(AIMEM_POOL_NO_TUNING)
#include "pool/tuning.h"
#include "pool/tuning_table.h"
#include "pool/tuning_text.h"
#include "pool/tuning_preset.h"
#endif
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
