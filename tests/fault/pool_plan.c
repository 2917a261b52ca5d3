/* Plans, tunings, frames and rings when memory fails: the n-th allocation fails, for every n, at
 * every function that allocates. After each failure nothing has leaked, the object is as it was,
 * and the same call then succeeds. */
#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"
#include "check.h"

static check_heap heap;

typedef struct steps {
    aimem_plan *plan, *view;
    aimem_tuning *tuning;
    aimem_tuning_table table;
    aimem_ring ring;
    aimem_frame frame;
    void *block, *piece;
} steps;

enum { STEPS = 18 };

static const char text[] = "aimem-tuning 1\nlive 1\nfrees 1\nsize 70 2 137 1\nend\n";

static aimem_allocator hook(void) {
    aimem_allocator a;
    a.realloc_fn = check_heap_realloc;
    a.user_data = &heap;
    return a;
}

static aimem_result made(const void *ptr) {
    return ptr != NULL ? AIMEM_OK : AIMEM_ERR_NOMEM;
}

/* 40 pieces: the list grows on the way. Those that were added before a failure stay. */
static aimem_result add_pieces(aimem_plan *plan) {
    aimem_plan_info info;
    for (;;) {
        aimem_result r;
        aimem_plan_stats(plan, &info);
        if (info.pieces == 40) return AIMEM_OK;
        r = aimem_plan_add(plan, 100 + info.pieces, 16, info.pieces, info.pieces + 5, NULL);
        if (r != AIMEM_OK) return r;
    }
}

/* Through the allocator view of a plan or a tuning. */
static aimem_result view_resize(aimem_allocator a, void **block, size_t old_size, size_t size) {
    void *fresh = a.realloc_fn(a.user_data, *block, old_size, size, 16);
    if (fresh == NULL && size != 0) return AIMEM_ERR_NOMEM;
    *block = fresh;
    return AIMEM_OK;
}

static aimem_result step(steps *s, int number) {
    aimem_plan_desc pd;
    aimem_tuning_desc td;
    aimem_ring_desc rd;
    aimem_frame_desc fd;
    memset(&pd, 0, sizeof pd);
    memset(&td, 0, sizeof td);
    memset(&rd, 0, sizeof rd);
    memset(&fd, 0, sizeof fd);
    pd.allocator = td.allocator = rd.allocator = fd.arena.allocator = hook();
    switch (number) {
    case 0: return aimem_plan_create(&pd, &s->plan);
    case 1: return add_pieces(s->plan);
    case 2: return aimem_plan_solve(s->plan);
    case 3: return aimem_plan_bind(s->plan, NULL, 0);
    case 4: return aimem_plan_create(&pd, &s->view);
    case 5: return view_resize(aimem_plan_allocator(s->view), &s->piece, 0, 3000);
    case 6: return view_resize(aimem_plan_allocator(s->view), &s->piece, 3000, 5000);
    case 7: return view_resize(aimem_plan_allocator(s->view), &s->piece, 5000, 0);
    case 8: return aimem_plan_solve(s->view);
    case 9: return aimem_tuning_create(&td, &s->tuning);
    case 10: return view_resize(aimem_tuning_allocator(s->tuning), &s->block, 0, 300);
    case 11: return view_resize(aimem_tuning_allocator(s->tuning), &s->block, 300, 600);
    case 12: return view_resize(aimem_tuning_allocator(s->tuning), &s->block, 600, 0);
    case 13: return aimem_tuning_load(s->tuning, text, sizeof text - 1);
    case 14: return aimem_tuning_classes(s->tuning, NULL, &s->table);
    case 15: return aimem_ring_init(&s->ring, &rd);
    case 16: return s->frame.arenas[0].mode == 0 ? aimem_frame_init(&s->frame, &fd) : AIMEM_OK;
    default: return made(aimem_frame_push(&s->frame, 100, 16));
    }
}

static void undo(steps *s) {
    aimem_plan_destroy(s->plan);
    aimem_plan_destroy(s->view);
    aimem_tuning_destroy(s->tuning);
    aimem_ring_deinit(&s->ring);
    aimem_frame_deinit(&s->frame);
    CHECK_HEAP_CLEAN(&heap);
}

static void every_function(void) {
    int number, fails = 0;
    long n;
    for (n = 1; n < 20; n++) {
        int failed = 0;
        steps s;
        memset(&s, 0, sizeof s);
        memset(&heap, 0, sizeof heap);
        for (number = 0; number < STEPS; number++) {
            long live = heap.live, bytes = heap.bytes;
            aimem_result result;
            heap.fail_at = heap.calls + n;
            result = step(&s, number);
            heap.fail_at = 0;
            if (result == AIMEM_OK) continue; /* it made do with fewer */
            CHECK_INT(result, AIMEM_ERR_NOMEM);
            failed++;
            if (number != 1 && number != 5) { /* lists that grew stay, and hold what they held */
                CHECK_INT(heap.live, live);
                CHECK_INT(heap.bytes, bytes);
            }
            if (number == 0) CHECK(s.plan == NULL);
            if (number == 9) CHECK(s.tuning == NULL);
            if (number == 14) CHECK(s.table.count == 0);
            if (number == 15) CHECK(s.ring.base == NULL);
            CHECK_INT(step(&s, number), AIMEM_OK);
        }
        CHECK_INT(s.table.count, 3);
        {
            aimem_plan_info info;
            aimem_tuning_info seen;
            aimem_plan_stats(s.plan, &info);
            CHECK(info.pieces == 40 && info.solved);
            aimem_plan_stats(s.view, &info);
            CHECK_INT(info.pieces, 2); /* nothing that failed was recorded */
            CHECK_INT(info.outside, 0);
            aimem_tuning_stats(s.tuning, &seen);
            CHECK_INT(seen.requests, 4);
        }
        undo(&s);
        fails += failed;
        if (failed == 0) break;
    }
    CHECK(n < 20);
    CHECK(fails >= 13);
}

/* From some allocation on nothing is to be had; whatever was made is destroyed cleanly. */
static void all_after(void) {
    int number;
    long n;
    for (n = 1; n < 60; n++) {
        steps s;
        memset(&s, 0, sizeof s);
        memset(&heap, 0, sizeof heap);
        heap.fail_at = n;
        heap.fail_all_after = 1;
        for (number = 0; number < STEPS; number++) {
            if (step(&s, number) != AIMEM_OK) break;
        }
        if (number == 6) (void)view_resize(aimem_plan_allocator(s.view), &s.piece, 3000, 0);
        if (number == 11) (void)view_resize(aimem_tuning_allocator(s.tuning), &s.block, 300, 0);
        undo(&s);
        if (number == STEPS) break;
    }
    CHECK(n > STEPS && n < 60);
}

/* A plan that serves from its arena needs nothing; beyond it the view fails as the allocator does.
   */
static void bound(void) {
    aimem_plan_desc d;
    aimem_plan *p;
    aimem_allocator a;
    void *x, *y;
    memset(&d, 0, sizeof d);
    memset(&heap, 0, sizeof heap);
    d.allocator = hook();
    CHECK_INT(aimem_plan_create(&d, &p), AIMEM_OK);
    CHECK_INT(aimem_plan_add(p, 100, 16, 0, 1, NULL), AIMEM_OK);
    CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
    CHECK_INT(aimem_plan_bind(p, NULL, 0), AIMEM_OK);
    a = aimem_plan_allocator(p);
    heap.fail_at = heap.calls + 1;
    heap.fail_all_after = 1;
    x = a.realloc_fn(a.user_data, NULL, 0, 100, 16);
    REQUIRE(x != NULL);
    memset(x, 9, 100);
    CHECK(a.realloc_fn(a.user_data, NULL, 0, 100, 16) == NULL);
    y = a.realloc_fn(a.user_data, x, 100, 50, 16);
    CHECK(y == NULL); /* x is as it was */
    CHECK(((unsigned char *)x)[99] == 9);
    (void)a.realloc_fn(a.user_data, x, 100, 0, 16);
    aimem_plan_destroy(p);
    CHECK_HEAP_CLEAN(&heap);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(every_function);
    RUN(all_after);
    RUN(bound);
    return CHECK_END();
}
