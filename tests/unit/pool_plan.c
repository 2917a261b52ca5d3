/* pool_plan.c: static plans of aimem_pool.h: offsets that never overlap in time and space, bounds,
 * recording, and programs that keep to their plan or stray from it. */
#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"

#include "check.h"

static aimem_allocator heap_hook(check_heap *h) {
    aimem_allocator a;
    memset(h, 0, sizeof *h);
    a.realloc_fn = check_heap_realloc;
    a.user_data = h;
    return a;
}

typedef struct log_lines {
    int lines;
    int32_t code;
    char last[200];
} log_lines;

static void log_line(void *user_data, int level, int32_t code, const char *text) {
    log_lines *l = (log_lines *)user_data;
    (void)level;
    l->lines++;
    l->code = code;
    snprintf(l->last, sizeof l->last, "%s", text);
}

static aimem_plan *plan_of(check_heap *h, uint32_t tries, log_lines *log) {
    aimem_plan_desc d;
    aimem_plan *p = NULL;
    memset(&d, 0, sizeof d);
    d.allocator = heap_hook(h);
    d.name = "step";
    d.tries = tries;
    if (log != NULL) {
        memset(log, 0, sizeof *log);
        d.logger.log_fn = log_line;
        d.logger.user_data = log;
    }
    CHECK_INT(aimem_plan_create(&d, &p), AIMEM_OK);
    return p;
}

static aimem_plan_info info_of(const aimem_plan *p) {
    aimem_plan_info info;
    aimem_plan_stats(p, &info);
    return info;
}

static aimem_plan_piece piece_of(const aimem_plan *p, uint32_t i) {
    aimem_plan_piece piece;
    CHECK_INT(aimem_plan_get(p, i, &piece), AIMEM_OK);
    return piece;
}

/* The definition, pair by pair: what lives together does not overlap; offsets are aligned; size is
   where the last piece ends; lower_bound is the most that lives in one step. */
static void check_plan(const aimem_plan *p) {
    aimem_plan_info info = info_of(p);
    uint64_t end = 0, bound = 0;
    uint32_t i, j;
    CHECK(info.solved);
    for (i = 0; i < info.pieces; i++) {
        aimem_plan_piece a = piece_of(p, i);
        uint64_t alive = 0;
        CHECK(a.offset % a.align == 0);
        CHECK(info.align % a.align == 0);
        if (a.offset + a.size > end) end = a.offset + a.size;
        for (j = 0; j < info.pieces; j++) {
            aimem_plan_piece b = p->pieces[j];
            if (b.first <= a.first && b.last >= a.first) alive += b.size;
            if (j <= i || a.first > b.last || b.first > a.last) continue;
            CHECK(a.offset + a.size <= b.offset || b.offset + b.size <= a.offset);
        }
        if (alive > bound) bound = alive;
    }
    CHECK_INT(info.size, end);
    CHECK_INT(info.lower_bound, bound);
    CHECK(info.size >= info.lower_bound);
}

static void descs(void) {
    check_heap h;
    aimem_plan_desc d;
    aimem_plan *p = (aimem_plan *)&h;
    aimem_plan_piece piece;
    memset(&d, 0, sizeof d);
    d.allocator = heap_hook(&h);
    CHECK_INT(aimem_plan_create(&d, NULL), AIMEM_ERR_INVALID);
    d.align = 3;
    CHECK_INT(aimem_plan_create(&d, &p), AIMEM_ERR_INVALID);
    CHECK(p == NULL);
    d.align = 0;
    d.canary_zero = 1;
    CHECK_INT(aimem_plan_create(&d, &p), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_plan_create(NULL, &p), AIMEM_OK);
    CHECK_STR(info_of(p).name, "plan");
    CHECK_INT(aimem_plan_get(p, 0, &piece), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(aimem_plan_solve(p), AIMEM_OK); /* nothing needs nothing */
    CHECK_INT(info_of(p).size, 0);
    CHECK_INT(aimem_plan_bind(p, NULL, 0), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_plan_begin(p), AIMEM_ERR_INVALID);
    aimem_plan_destroy(p);
    aimem_plan_destroy(NULL);
    CHECK_HEAP_CLEAN(&h);
}

static void bad_pieces(void) {
    check_heap h;
    aimem_plan *p = plan_of(&h, 0, NULL);
    uint32_t n = 7;
    CHECK_INT(aimem_plan_add(p, 1, 3, 0, 0, &n), AIMEM_ERR_INVALID);
    CHECK_INT(n, 0);
    CHECK_INT(aimem_plan_add(p, 1, 1, 2, 1, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_plan_add(p, 1, 1, AIMEM_PLAN_END, AIMEM_PLAN_END, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_plan_add(p, UINT64_MAX, 1, 0, 0, NULL), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_plan_add(p, 1, (uint64_t)1 << 63, 0, 0, NULL), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_plan_add(p, (uint64_t)1 << 61, 1, 0, 0, NULL), AIMEM_OK);
    CHECK_INT(aimem_plan_add(p, (uint64_t)1 << 61, 1, 0, 0, NULL), AIMEM_ERR_RANGE);
    CHECK_INT(info_of(p).pieces, 1);
    CHECK_INT(aimem_plan_record_free(p, 1), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(aimem_plan_record_free(p, 0), AIMEM_ERR_DOUBLE_FREE); /* it has its life */
    aimem_plan_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

/* The figure in api_plan.h, and what a plan tells. */
static void by_hand(void) {
    check_heap h;
    aimem_plan *p = plan_of(&h, 0, NULL);
    uint32_t n;
    CHECK_INT(aimem_plan_add(p, 100, 1, 0, 0, &n), AIMEM_OK); /* A */
    CHECK_INT(n, 0);
    CHECK_INT(aimem_plan_add(p, 150, 1, 0, 1, &n), AIMEM_OK); /* B */
    CHECK_INT(aimem_plan_add(p, 60, 1, 1, 2, &n), AIMEM_OK);  /* C */
    CHECK_INT(aimem_plan_add(p, 170, 1, 2, AIMEM_PLAN_END, &n), AIMEM_OK); /* D */
    CHECK_INT(n, 3);
    CHECK(!info_of(p).solved);
    CHECK_INT(piece_of(p, 3).offset, 0);
    CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
    check_plan(p);
    CHECK_INT(info_of(p).lower_bound, 250);
    CHECK_INT(info_of(p).size, 250);
    CHECK_INT(info_of(p).total, 480);
    CHECK(info_of(p).ratio == 1.0f);
    CHECK_INT(aimem_plan_add(p, 0, 0, 9, 9, NULL), AIMEM_OK); /* 0 counts as 1; 64-aligned */
    CHECK(!info_of(p).solved);
    CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
    CHECK_INT(info_of(p).align, 64);
    CHECK_INT(piece_of(p, 4).size, 1);
    check_plan(p);
    aimem_plan_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

/* Ends of lives at the very end of time. */
static void last_steps(void) {
    check_heap h;
    aimem_plan *p = plan_of(&h, 0, NULL);
    CHECK_INT(aimem_plan_add(p, 10, 1, 0, AIMEM_PLAN_END - 2, NULL), AIMEM_OK);
    CHECK_INT(aimem_plan_add(p, 10, 1, AIMEM_PLAN_END - 1, AIMEM_PLAN_END, NULL), AIMEM_OK);
    CHECK_INT(aimem_plan_add(p, 10, 1, AIMEM_PLAN_END - 1, AIMEM_PLAN_END - 1, NULL), AIMEM_OK);
    CHECK_INT(aimem_plan_record_alloc(p, 10, 1, NULL), AIMEM_ERR_INVALID); /* no steps left */
    CHECK_INT(aimem_plan_record_free(p, 1), AIMEM_OK);
    CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
    check_plan(p);
    CHECK_INT(info_of(p).size, 20);
    aimem_plan_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

static void random_pieces(aimem_plan *p, uint32_t count, uint32_t steps, uint32_t life, int kind) {
    uint32_t i;
    for (i = 0; i < count; i++) {
        uint64_t first = check_below(steps), last = first + check_below(life);
        uint64_t size = kind == 0 ? 1 + check_below(1000) : (uint64_t)1 << check_below(34);
        uint64_t align = kind == 2 ? (uint64_t)1 << check_below(13) : 1;
        if (check_below(40) == 0) last = AIMEM_PLAN_END;
        CHECK_INT(aimem_plan_add(p, size, align, first, last, NULL), AIMEM_OK);
    }
}

/* Any pieces: the plan is one, not far above the bound where nothing is aligned, and the
   same again for the same pieces. */
static void random_plans(void) {
    int round;
    for (round = 0; round < 40; round++) {
        check_heap h, h2;
        aimem_plan *p = plan_of(&h, round % 4 == 0 ? UINT32_MAX : 0, NULL);
        aimem_plan *again = plan_of(&h2, round % 4 == 0 ? UINT32_MAX : 0, NULL);
        uint32_t count = 1 + check_below(300), steps = 1 + check_below(200), i;
        uint32_t life = 1 + check_below(30);
        random_pieces(p, count, steps, life, round % 3);
        for (i = 0; i < count; i++) {
            aimem_plan_piece a = piece_of(p, i);
            CHECK_INT(aimem_plan_add(again, a.size, a.align, a.first, a.last, NULL), AIMEM_OK);
        }
        CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
        CHECK_INT(aimem_plan_solve(again), AIMEM_OK);
        check_plan(p);
        if (round % 3 != 2) CHECK(info_of(p).ratio < 1.3f);
        CHECK(round % 4 != 0 || info_of(p).attempts <= 13);
        for (i = 0; i < count; i++) CHECK_INT(piece_of(p, i).offset, piece_of(again, i).offset);
        aimem_plan_destroy(p);
        aimem_plan_destroy(again);
        CHECK_HEAP_CLEAN(&h);
        CHECK_HEAP_CLEAN(&h2);
    }
}

/* Pieces of one size are intervals to be coloured: the bound can always be reached. */
static void equal_sizes(void) {
    int round;
    for (round = 0; round < 20; round++) {
        check_heap h;
        aimem_plan *p = plan_of(&h, UINT32_MAX, NULL);
        uint32_t i, count = 1 + check_below(300);
        for (i = 0; i < count; i++) {
            uint64_t first = check_below(200);
            uint32_t life = 1 + check_below((uint32_t)1 << check_below(8));
            CHECK_INT(aimem_plan_add(p, 64, 0, first, first + life, NULL), AIMEM_OK);
        }
        CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
        check_plan(p);
        CHECK_INT(info_of(p).size, info_of(p).lower_bound);
        aimem_plan_destroy(p);
        CHECK_HEAP_CLEAN(&h);
    }
}

/* What the orders are made from: the busiest step of each life, by counting. */
static void breadths(void) {
    check_heap h;
    aimem_plan *p = plan_of(&h, 0, NULL);
    aimi_pool_solve s;
    size_t size;
    unsigned char *block;
    uint64_t step;
    uint32_t i, j;
    random_pieces(p, 100, 50, 10, 0);
    memset(&s, 0, sizeof s);
    s.pieces = p->pieces;
    s.count = 100;
    s.leaves = 128;
    CHECK(aimi_pool_planned_arrays(&s, NULL, &size));
    block = (unsigned char *)malloc(size);
    REQUIRE(block != NULL);
    CHECK(aimi_pool_planned_arrays(&s, block, &size));
    aimi_pool_solve_prepare(&s);
    for (i = 0; i < 100; i++) {
        uint64_t most = 0;
        for (step = s.pieces[i].first; step <= s.pieces[i].last && step < 70; step++) {
            uint64_t alive = 0;
            for (j = 0; j < 100; j++) {
                const aimem_plan_piece *q = &s.pieces[j];
                if (q->first <= step && q->last >= step) alive += q->size;
            }
            if (alive > most) most = alive;
        }
        CHECK_INT(s.breadth[i], most);
        CHECK_INT(s.by_first[s.rank[i]], i);
    }
    free(block);
    aimem_plan_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

/* Further tries never make it worse, and help somewhere. */
static void tries_help(void) {
    int round, better = 0;
    for (round = 0; round < 12; round++) {
        check_heap h, h2;
        aimem_plan *few = plan_of(&h, UINT32_MAX, NULL), *many = plan_of(&h2, 300, NULL);
        uint64_t seed = check_now.random;
        random_pieces(few, 120, 60, 12, 0);
        check_now.random = seed;
        random_pieces(many, 120, 60, 12, 0);
        CHECK_INT(aimem_plan_solve(few), AIMEM_OK);
        CHECK_INT(aimem_plan_solve(many), AIMEM_OK);
        check_plan(many);
        CHECK(info_of(many).size <= info_of(few).size);
        better += info_of(many).size < info_of(few).size;
        aimem_plan_destroy(few);
        aimem_plan_destroy(many);
    }
    CHECK(better > 0);
}

/* ---- recording and serving ---- */

/* One step of a small network: each layer needs its input, an output and scratch. */
enum { LAYERS = 12 };

static size_t layer_size(int layer) {
    return 1000 + (size_t)(layer * 7919 % 13) * 500;
}

static int run_step(const aimem_allocator *a, int salt) {
    unsigned char *in = (unsigned char *)a->realloc_fn(a->user_data, NULL, 0, layer_size(0), 64);
    int layer, bad = 0;
    size_t i;
    if (in == NULL) return 1000;
    memset(in, salt, layer_size(0));
    for (layer = 1; layer <= LAYERS; layer++) {
        size_t size = layer_size(layer), before = layer_size(layer - 1);
        unsigned char *tmp = (unsigned char *)a->realloc_fn(a->user_data, NULL, 0, 3 * size, 64);
        unsigned char *out = (unsigned char *)a->realloc_fn(a->user_data, NULL, 0, size, 64);
        if (tmp == NULL || out == NULL) return 1000;
        memset(tmp, 0xEE, 3 * size);
        memset(out, salt + layer, size);
        for (i = 0; i < before; i++) bad += in[i] != (unsigned char)(salt + layer - 1);
        (void)a->realloc_fn(a->user_data, tmp, 3 * size, 0, 64);
        (void)a->realloc_fn(a->user_data, in, before, 0, 64);
        in = out;
    }
    (void)a->realloc_fn(a->user_data, in, layer_size(LAYERS), 0, 64);
    return bad;
}

static void record_and_serve(void) {
    check_heap h;
    log_lines log;
    aimem_plan *p = plan_of(&h, 0, &log);
    aimem_allocator a = aimem_plan_allocator(p);
    aimem_plan_info info;
    long calls;
    int i;
    CHECK_INT(run_step(&a, 1), 0);
    CHECK_INT(info_of(p).pieces, 1 + 2 * LAYERS);
    CHECK_INT(info_of(p).outside, 0);
    CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
    check_plan(p);
    info = info_of(p);
    CHECK(info.size < info.total / 3);
    CHECK_INT(aimem_plan_bind(p, NULL, 0), AIMEM_OK);
    CHECK_INT(aimem_plan_bind(p, NULL, 0), AIMEM_ERR_BUSY);
    CHECK_INT(aimem_plan_solve(p), AIMEM_ERR_BUSY);
    CHECK_INT(aimem_plan_add(p, 1, 1, 0, 0, NULL), AIMEM_ERR_BUSY);
    CHECK_INT(aimem_plan_record_free(p, 0), AIMEM_ERR_BUSY);
    calls = h.calls;
    for (i = 0; i < 5; i++) {
        if (i != 0) CHECK_INT(aimem_plan_begin(p), AIMEM_OK);
        CHECK_INT(run_step(&a, 10 * i), 0);
    }
    info = info_of(p);
    CHECK_INT(h.calls, calls); /* nothing was asked of the allocator */
    CHECK_INT(info.hits, 5 * (1 + 2 * LAYERS));
    CHECK_INT(info.misses, 0);
    CHECK_INT(info.iterations, 5);
    CHECK_INT(info.held, 0);
    CHECK_INT(run_step(&a, 3), 0); /* without begin: past the plan's end, all from outside */
    CHECK_INT(info_of(p).misses, 1 + 2 * LAYERS);
    CHECK_INT(aimem_plan_reset(p), AIMEM_OK);
    CHECK_INT(info_of(p).pieces, 0);
    CHECK_INT(run_step(&a, 4), 0);
    CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
    CHECK_INT(info_of(p).size, info.size);
    aimem_plan_destroy(p);
    CHECK_INT(log.lines, 0);
    CHECK_HEAP_CLEAN(&h);
}

/* Growing and shrinking are new blocks, recorded as such and served as such. */
static void resizing(void) {
    check_heap h;
    aimem_plan *p = plan_of(&h, 0, NULL);
    aimem_allocator a = aimem_plan_allocator(p);
    int round, i;
    for (round = 0; round < 3; round++) {
        unsigned char *x = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 100, 16);
        unsigned char *y;
        REQUIRE(x != NULL);
        memset(x, 7, 100);
        y = (unsigned char *)a.realloc_fn(a.user_data, x, 100, 5000, 16);
        REQUIRE(y != NULL);
        for (i = 0; i < 100; i++) CHECK_INT(y[i], 7);
        memset(y, 8, 5000);
        x = (unsigned char *)a.realloc_fn(a.user_data, y, 5000, 50, 16);
        REQUIRE(x != NULL);
        for (i = 0; i < 50; i++) CHECK_INT(x[i], 8);
        CHECK(a.realloc_fn(a.user_data, x, 50, 0, 16) == NULL);
        CHECK(a.realloc_fn(a.user_data, NULL, 0, 0, 0) == NULL);
        if (round == 0) {
            CHECK_INT(info_of(p).pieces, 3);
            CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
            CHECK_INT(aimem_plan_bind(p, NULL, 0), AIMEM_OK);
        } else {
            CHECK_INT(aimem_plan_begin(p), AIMEM_OK);
        }
    }
    CHECK_INT(info_of(p).hits, 6);
    CHECK_INT(info_of(p).misses, 0);
    aimem_plan_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

static void binding(void) {
    static uint64_t memory[600];
    check_heap h;
    aimem_plan *p = plan_of(&h, 0, NULL);
    aimem_allocator a = aimem_plan_allocator(p);
    unsigned char *at = (unsigned char *)memory, *x;
    at += (size_t)(0 - (uintptr_t)at) & 63;
    CHECK_INT(aimem_plan_add(p, 4000, 64, 0, 0, NULL), AIMEM_OK);
    CHECK_INT(aimem_plan_bind(p, at, 4000), AIMEM_ERR_INVALID); /* not solved */
    CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
    CHECK_INT(aimem_plan_bind(p, at, 3999), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_plan_bind(p, at + 32, 4000), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_plan_bind(p, at, 4000), AIMEM_OK);
    x = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 4000, 64);
    CHECK(x == at);
    memset(x, 1, 4000);
    CHECK_INT(info_of(p).held, 1);
    CHECK_INT(aimem_plan_reset(p), AIMEM_ERR_BUSY);
    (void)a.realloc_fn(a.user_data, x, 4000, 0, 64);
    CHECK_INT(aimem_plan_begin(p), AIMEM_OK);
    CHECK(a.realloc_fn(a.user_data, NULL, 0, 10, 3) == NULL); /* no alignment */
    CHECK_INT(aimem_plan_begin(p), AIMEM_OK);
    x = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 10, 4096); /* more than planned */
    CHECK(x != NULL && x != at && (uintptr_t)x % 4096 == 0);
    CHECK_INT(info_of(p).outside, 1);
    (void)a.realloc_fn(a.user_data, x, 10, 0, 4096);
    CHECK_INT(aimem_plan_reset(p), AIMEM_OK);
    aimem_plan_destroy(p);
    CHECK_HEAP_CLEAN(&h);
    memset(at, 2, 4000); /* ours again, also for sanitizers */
}

/* A plan for a device that this machine could not address. */
static void beyond_memory(void) {
    check_heap h;
    aimem_plan *p = plan_of(&h, 0, NULL);
    const uint64_t tib = (uint64_t)1 << 40;
    CHECK_INT(aimem_plan_add(p, 3 * tib, 1 << 21, 0, 1, NULL), AIMEM_OK);
    CHECK_INT(aimem_plan_add(p, 2 * tib, 1 << 21, 1, 2, NULL), AIMEM_OK);
    CHECK_INT(aimem_plan_add(p, 3 * tib, 1 << 21, 2, 3, NULL), AIMEM_OK);
    CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
    check_plan(p);
    CHECK_INT(info_of(p).size, 5 * tib);
    h.fail_at = h.calls + 2; /* the arena, after the list of what is held */
    CHECK_INT(aimem_plan_bind(p, NULL, 0), sizeof(void *) > 4 ? AIMEM_ERR_NOMEM : AIMEM_ERR_RANGE);
    aimem_plan_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

/* ---- programs that stray ---- */

typedef struct block {
    unsigned char *at;
    size_t size;
    unsigned char fill;
} block;

enum { BLOCKS = 40 };

static void block_free(const aimem_allocator *a, block *b) {
    size_t i;
    for (i = 0; i < b->size; i++) CHECK(b->at[i] == b->fill);
    (void)a->realloc_fn(a->user_data, b->at, b->size, 0, 8);
    b->at = NULL;
}

/* Whatever is asked for after bind, blocks in use never share a byte. */
static void stray(void) {
    check_heap h;
    aimem_plan *p = plan_of(&h, 0, NULL);
    aimem_allocator a = aimem_plan_allocator(p);
    block blocks[BLOCKS];
    int n, i;
    memset(blocks, 0, sizeof blocks);
    for (n = 0; n < 6000; n++) {
        block *b = &blocks[check_below(BLOCKS)];
        if (n == 300) {
            CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
            check_plan(p);
            CHECK_INT(aimem_plan_bind(p, NULL, 0), AIMEM_OK);
        }
        if (n > 300 && check_below(100) == 0) CHECK_INT(aimem_plan_begin(p), AIMEM_OK);
        if (b->at != NULL) {
            block_free(&a, b);
            continue;
        }
        b->size = 1 + check_below(200);
        b->fill = (unsigned char)check_random();
        b->at = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, b->size, 8);
        REQUIRE(b->at != NULL);
        memset(b->at, b->fill, b->size);
    }
    CHECK(info_of(p).hits > 100);
    CHECK(info_of(p).misses > 100);
    for (i = 0; i < BLOCKS; i++) {
        if (blocks[i].at != NULL) block_free(&a, &blocks[i]);
    }
    CHECK_INT(info_of(p).held, 0);
    CHECK_INT(info_of(p).outside, 0);
    CHECK_INT(info_of(p).refused, 0);
    aimem_plan_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

static void misuse(void) {
    static unsigned char foreign[64];
    check_heap h;
    log_lines log;
    aimem_plan *p = plan_of(&h, 0, &log);
    aimem_allocator a = aimem_plan_allocator(p);
    unsigned char *x, *y;
    x = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 100, 16);
    y = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 100, 16);
    REQUIRE(x != NULL && y != NULL);
    (void)a.realloc_fn(a.user_data, x, 100, 0, 16);
    (void)a.realloc_fn(a.user_data, y, 100, 0, 16);
    CHECK_INT(aimem_plan_solve(p), AIMEM_OK);
    CHECK_INT(aimem_plan_bind(p, NULL, 0), AIMEM_OK);
    x = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 100, 16);
    y = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 100, 16);
    REQUIRE(x != NULL && y != NULL);
    (void)a.realloc_fn(a.user_data, x + 16, 84, 0, 16);
    CHECK_INT(log.code, AIMEM_ERR_INTERIOR);
    (void)a.realloc_fn(a.user_data, foreign + 32, 10, 0, 1);
    CHECK_INT(log.code, AIMEM_ERR_FOREIGN);
    (void)a.realloc_fn(a.user_data, x, 100, 0, 16);
    (void)a.realloc_fn(a.user_data, x, 100, 0, 16);
    CHECK_INT(log.code, AIMEM_ERR_DOUBLE_FREE);
    CHECK(a.realloc_fn(a.user_data, x, 100, 200, 16) == NULL);
    CHECK_INT(log.code, AIMEM_ERR_DOUBLE_FREE);
    CHECK_INT(info_of(p).refused, 4);
    CHECK_INT(log.lines, 4);
    CHECK_INT(info_of(p).held, 1); /* y is as it was */
    memset(y, 3, 100);
    aimem_plan_destroy(p); /* and is told about: how many, which */
    CHECK_INT(log.lines, 6);
    CHECK_INT(log.code, AIMEM_ERR_BUSY);
#if !defined(AIMEM_NO_STRINGS)
    CHECK_STR(log.last, "step: piece 1 of 100 bytes is still in use");
#endif
    CHECK_HEAP_CLEAN(&h);
}

/* A block recorded before a reset, freed after it, is nobody's piece. */
static void across_reset(void) {
    check_heap h;
    log_lines log;
    aimem_plan *p = plan_of(&h, 0, &log);
    aimem_allocator a = aimem_plan_allocator(p);
    void *x = a.realloc_fn(a.user_data, NULL, 0, 100, 16), *y;
    CHECK_INT(aimem_plan_reset(p), AIMEM_OK);
    y = a.realloc_fn(a.user_data, NULL, 0, 50, 16);
    (void)a.realloc_fn(a.user_data, x, 100, 0, 16);
    CHECK(piece_of(p, 0).last == AIMEM_PLAN_END);
    (void)a.realloc_fn(a.user_data, y, 50, 0, 16);
    CHECK(piece_of(p, 0).last == 0);
    x = a.realloc_fn(a.user_data, NULL, 0, 100, 16);
    CHECK(x != NULL);
    CHECK_INT(info_of(p).outside, 1);
    (void)a.realloc_fn(a.user_data, x, 100, 0, 16);
    aimem_plan_destroy(p);
    CHECK_INT(log.lines, 0);
    CHECK_HEAP_CLEAN(&h);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(descs);
    RUN(bad_pieces);
    RUN(by_hand);
    RUN(last_steps);
    RUN(random_plans);
    RUN(equal_sizes);
    RUN(breadths);
    RUN(tries_help);
    RUN(record_and_serve);
    RUN(resizing);
    RUN(binding);
    RUN(beyond_memory);
    RUN(stray);
    RUN(misuse);
    RUN(across_reset);
    return CHECK_END();
}
