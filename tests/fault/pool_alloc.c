/* pool_alloc.c: every allocation of aimem_pool.h fails once, and from then on for good: the call
 * says so, what was there stays as it was, nothing leaks, and the object works when there is memory
 * again. */
#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"

#include "check.h"

static check_heap heap;

/* ---- reserved memory whose commits fail together with the heap ---- */

static unsigned char pages[1 << 16];

static bool pages_fail(void) {
    long n = ++heap.calls;
    return heap.fail_at != 0 && (n == heap.fail_at || (n > heap.fail_at && heap.fail_all_after));
}

static void *pages_reserve(void *user_data, size_t size) {
    (void)user_data;
    return size <= sizeof pages && !pages_fail() ? pages : NULL;
}

static bool pages_commit(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    (void)ptr;
    (void)size;
    return !pages_fail();
}

static void pages_drop(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    (void)ptr;
    (void)size;
}

/* Memory comes back: what failed must work now. */
static void mend(void) {
    heap.fail_at = 0;
}

/* ---- arena ---- */

static void arena_work(aimem_arena *a) {
    aimem_arena_mark mark;
    char *kept[30], *text, *more;
    int i;
    for (i = 0; i < 30; i++) {
        size_t size = 20 + 37 * (size_t)i;
        kept[i] = (char *)aimem_arena_push(a, size, 8);
        if (kept[i] == NULL) {
            aimem_arena_info before, after;
            aimem_arena_stats(a, &before);
            CHECK(aimem_arena_push_array(a, SIZE_MAX / 8, 16, 8) == NULL);
            aimem_arena_stats(a, &after);
            CHECK(after.used == before.used && after.reserved == before.reserved);
            mend();
            kept[i] = (char *)aimem_arena_push(a, size, 8);
        }
        REQUIRE(kept[i] != NULL);
        memset(kept[i], i, size);
    }
    text = aimem_arena_strdup(a, "some text");
    if (text == NULL) mend(), text = aimem_arena_strdup(a, "some text");
    REQUIRE(text != NULL);
    mark = aimem_arena_save(a);
    for (i = 0; i < 12; i++) {
        more = aimem_arena_concat(a, text, text);
        if (more == NULL) {
            CHECK(memcmp(text, "some text", 9) == 0);
            mend();
            more = aimem_arena_concat(a, text, text);
        }
        REQUIRE(more != NULL && strlen(more) == (size_t)9 << (i + 1));
        text = more;
    }
    text = (char *)aimem_arena_resize(a, more, 9 << 12, 9 << 12, 64);
    if (text == NULL) {
        CHECK(strlen(more) == (size_t)9 << 12);
        mend();
    }
    CHECK(aimem_arena_push_zeroed(a, 100, 8) != NULL || heap.fail_at != 0);
    aimem_arena_rewind(a, mark);
    (void)aimem_arena_trim(a);
    CHECK(aimem_arena_push(a, 3000, 8) != NULL || heap.fail_at != 0);
    for (i = 0; i < 30; i++) {
        size_t size = 20 + 37 * (size_t)i, k;
        for (k = 0; k < size; k++) CHECK(kept[i][k] == (char)i);
    }
}

static void arena_chunks(void) {
    aimem_arena_desc d;
    aimem_arena a;
    memset(&d, 0, sizeof d);
    d.allocator.realloc_fn = check_heap_realloc;
    d.allocator.user_data = &heap;
    d.chunk_size = 500;
    REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
    arena_work(&a);
    aimem_arena_deinit(&a);
}

static void arena_reserve(void) {
    aimem_arena_desc d;
    aimem_arena a;
    aimem_result r;
    memset(&d, 0, sizeof d);
    d.vm.reserve_fn = pages_reserve;
    d.vm.commit_fn = pages_commit;
    d.vm.decommit_fn = d.vm.release_fn = pages_drop;
    d.vm.page_size = 128;
    d.reserve = sizeof pages;
    d.chunk_size = 500;
    r = aimem_arena_init(&a, &d);
    if (r != AIMEM_OK) {
        CHECK_INT(r, AIMEM_ERR_NOMEM);
        mend();
        REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
    }
    arena_work(&a);
    aimem_arena_deinit(&a);
}

/* ---- pool ---- */

enum { BLOCKS = 700 };
static unsigned char *block[BLOCKS];
static aimem_pool_handle handle[BLOCKS];

static bool is_ours(void *user_data, void *b) {
    ++*(int *)user_data;
    return b != NULL;
}

static void pool_fill(aimem_pool *p, bool handles) {
    int i, seen;
    for (i = 0; i < BLOCKS; i++) {
        block[i] = (unsigned char *)aimem_pool_alloc(p);
        if (block[i] == NULL) {
            aimem_pool_info info;
            aimem_pool_stats(p, &info);
            CHECK_INT(info.in_use, i);
            CHECK_INT(info.available, 0);
            CHECK(info.failures != 0);
            seen = 0;
            aimem_pool_walk(p, is_ours, &seen);
            CHECK_INT(seen, i);
            mend();
            block[i] = (unsigned char *)aimem_pool_alloc(p);
        }
        REQUIRE(block[i] != NULL);
        memset(block[i], i & 255, 200);
        handle[i] = aimem_pool_handle_of(p, block[i]);
        CHECK((handle[i].id != 0) == handles);
    }
    for (i = 0; i < BLOCKS; i++) {
        CHECK(block[i][0] == (i & 255) && block[i][199] == (i & 255));
        CHECK_INT(aimem_pool_check(p, block[i]), AIMEM_OK);
    }
}

static void pool_work(bool reclaim, bool handles, bool fixed) {
    aimem_pool_desc d;
    aimem_pool *p = NULL;
    aimem_result r;
    int i, round;
    memset(&d, 0, sizeof d);
    d.allocator.realloc_fn = check_heap_realloc;
    d.allocator.user_data = &heap;
    d.block_size = 200;
    d.reclaim_on_free = reclaim;
    d.handles = handles;
    d.fixed = fixed;
    d.max_blocks = fixed ? BLOCKS : 0;
    r = aimem_pool_create(&d, &p);
    if (r != AIMEM_OK) {
        CHECK_INT(r, AIMEM_ERR_NOMEM);
        CHECK(p == NULL);
        CHECK_HEAP_CLEAN(&heap); /* a pool that was not made left nothing */
        mend();
        r = aimem_pool_create(&d, &p);
    }
    REQUIRE(r == AIMEM_OK && p != NULL);
    for (round = 0; round < 3; round++) {
        pool_fill(p, handles);
        for (i = 0; i < BLOCKS; i++) { /* frees never fail for want of memory */
            int k = (i * 37 + round) % BLOCKS;
            if (handles && i % 2 == 0) {
                CHECK_INT(aimem_pool_free_handle(p, handle[k]), AIMEM_OK);
                CHECK(aimem_pool_get(p, handle[k]) == NULL);
            } else {
                CHECK_INT(aimem_pool_free(p, block[k]), AIMEM_OK);
                CHECK(aimem_pool_free(p, block[k]) != AIMEM_OK);
            }
        }
        if (round == 0) (void)aimem_pool_trim(p);
        if (round == 1) aimem_pool_reset(p);
    }
    aimem_pool_destroy(p);
}

static void pool_default(void) {
    pool_work(false, false, false);
}
static void pool_handles(void) {
    pool_work(false, true, false);
}
static void pool_reclaim(void) {
    pool_work(true, true, false);
}
static void pool_fixed(void) {
    pool_work(false, false, true);
}

/* Fails the n-th call, for n = 1, 2, ... until a run has fewer calls. */
static void sweep(void (*work)(void)) {
    int forever;
    for (forever = 0; forever < 2; forever++) {
        long n = 0;
        do {
            memset(&heap, 0, sizeof heap);
            heap.fail_at = ++n;
            heap.fail_all_after = forever;
            work();
            CHECK_HEAP_CLEAN(&heap);
        } while (heap.calls >= n && n < 1000);
        CHECK(n > 2 && n < 1000);
    }
}

static void sweep_arena_chunks(void) {
    sweep(arena_chunks);
}
static void sweep_arena_reserve(void) {
    sweep(arena_reserve);
}
static void sweep_pool_default(void) {
    sweep(pool_default);
}
static void sweep_pool_handles(void) {
    sweep(pool_handles);
}
static void sweep_pool_reclaim(void) {
    sweep(pool_reclaim);
}
static void sweep_pool_fixed(void) {
    sweep(pool_fixed);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(sweep_arena_chunks);
    RUN(sweep_arena_reserve);
    RUN(sweep_pool_default);
    RUN(sweep_pool_handles);
    RUN(sweep_pool_reclaim);
    RUN(sweep_pool_fixed);
    return CHECK_END();
}
