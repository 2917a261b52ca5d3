/* pool_block.c: block pools of aimem_pool.h: every function and error, misuse, and random work
 * against a plain array that knows what is live and what must be in it. */
#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"

#include "check.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif

static aimem_allocator heap_hook(check_heap *h) {
    aimem_allocator a;
    memset(h, 0, sizeof *h);
    a.realloc_fn = check_heap_realloc;
    a.user_data = h;
    return a;
}

static aimem_pool_desc desc_of(check_heap *h, size_t block_size) {
    aimem_pool_desc d;
    memset(&d, 0, sizeof d);
    d.allocator = heap_hook(h);
    d.block_size = block_size;
    return d;
}

static aimem_pool_info info_of(const aimem_pool *p) {
    aimem_pool_info info;
    aimem_pool_stats(p, &info);
    CHECK(info.in_use + info.available == info.total);
    CHECK(info.max_blocks == 0 || info.total <= info.max_blocks);
    CHECK(info.peak >= info.in_use);
    return info;
}

/* The two invariants of chunk.h that can be checked from outside: counts, and hints that hide no
   free block. */
static void check_inside(const aimem_pool *p) {
    size_t live = 0, n, i;
    for (n = 0; n < p->chunks; n++) {
        aimi_pool_chunk *c = p->sorted[n].chunk;
        CHECK(p->by_id[c->id] == c);
        CHECK(n == 0 || p->sorted[n - 1].base < p->sorted[n].base);
        for (i = 0; i < c->count; i++) {
            live += c->state[i] == AIMI_POOL_LIVE;
            if (c->state[i] == AIMI_POOL_FREE) {
                CHECK(aimi_pool_hint(c)[i / AIMI_POOL_GROUP] == 1);
            }
        }
    }
    CHECK_INT(live, info_of(p).in_use);
}

/* ---- log ---- */

typedef struct log_book {
    int count, code, level;
    char last[200], first[200];
} log_book;

static void log_line(void *user_data, int level, int32_t code, const char *text) {
    log_book *book = (log_book *)user_data;
    if (book->count++ == 0) snprintf(book->first, sizeof book->first, "%s", text);
    snprintf(book->last, sizeof book->last, "%s", text);
    book->level = level;
    book->code = (int)code;
}

/* ---- the model ---- */

enum { MOST = 3000 };

typedef struct model_block {
    unsigned char *p;
    aimem_pool_handle handle;
    uint32_t mark;
} model_block;

typedef struct model {
    aimem_pool *pool;
    size_t block_size, align, count;
    bool handles;
    model_block live[MOST];
    aimem_pool_handle stale[64]; /* freed at some time in the past */
    unsigned char *freed[64];    /* likewise, and what a second free must not say is OK */
} model;

static model m; /* large */

static void fill(const model_block *b, size_t size) {
    memset(b->p, (int)(b->mark & 255), size);
    if (size >= 4) memcpy(b->p, &b->mark, 4);
}

static void check_filled(const model_block *b, size_t size) {
    uint32_t mark = b->mark;
    size_t i = 0, step = size > 4096 ? size / 64 : 1;
    if (size >= 4) {
        memcpy(&mark, b->p, 4);
        i = 4;
    }
    CHECK(mark == b->mark);
    for (; i < size; i += step) {
        if (b->p[i] != (unsigned char)(b->mark & 255)) {
            check_failed(__FILE__, __LINE__, "a block was overwritten");
            return;
        }
    }
}

static bool model_is_live(const unsigned char *p) {
    size_t i;
    for (i = 0; i < m.count; i++) {
        if (m.live[i].p == p) return true;
    }
    return false;
}

static void model_alloc(void) {
    model_block *b = &m.live[m.count];
    size_t i;
    if (m.count == MOST) return;
    b->p = (unsigned char *)aimem_pool_alloc(m.pool);
    if (b->p == NULL) {
        aimem_pool_info info = info_of(m.pool);
        CHECK(info.in_use == info.max_blocks && info.max_blocks != 0);
        return;
    }
    CHECK(((uintptr_t)b->p & (m.align - 1)) == 0);
    for (i = 0; i < m.count; i++) { /* no overlap */
        uintptr_t a = (uintptr_t)m.live[i].p, z = (uintptr_t)b->p;
        if (a < z + m.block_size && z < a + m.block_size) {
            check_failed(__FILE__, __LINE__, "two blocks overlap");
            break;
        }
    }
    b->mark = (uint32_t)check_random();
    fill(b, m.block_size);
    b->handle = aimem_pool_handle_of(m.pool, b->p);
    CHECK((b->handle.id != 0) == m.handles);
    CHECK_INT(aimem_pool_check(m.pool, b->p), AIMEM_OK);
    m.count++;
}

static void model_free(size_t i) {
    model_block b = m.live[i];
    check_filled(&b, m.block_size);
    if (m.handles && check_below(2) == 0) {
        CHECK(aimem_pool_get(m.pool, b.handle) == b.p);
        CHECK_INT(aimem_pool_free_handle(m.pool, b.handle), AIMEM_OK);
    } else {
        CHECK_INT(aimem_pool_free(m.pool, b.p), AIMEM_OK);
    }
    m.live[i] = m.live[--m.count];
    i = check_below(64);
    m.freed[i] = b.p;
    if (m.handles) {
        CHECK(aimem_pool_get(m.pool, b.handle) == NULL);
        m.stale[i] = b.handle;
    }
}

static void model_misuse(void) {
    aimem_pool_info before = info_of(m.pool), after;
    unsigned char other[64];
    size_t i = check_below(64);
    int refused = 0;
    CHECK_INT(aimem_pool_free(m.pool, other + 16), AIMEM_ERR_FOREIGN);
    refused++;
    if (m.freed[i] != NULL && !model_is_live(m.freed[i])) {
        aimem_result r = aimem_pool_check(m.pool, m.freed[i]);
        CHECK(r == AIMEM_ERR_DOUBLE_FREE || r == AIMEM_ERR_FOREIGN);
        CHECK_INT(aimem_pool_free(m.pool, m.freed[i]), r);
        refused++;
    }
    if (m.handles && m.stale[i].id != 0) {
        CHECK(aimem_pool_get(m.pool, m.stale[i]) == NULL);
        CHECK_INT(aimem_pool_free_handle(m.pool, m.stale[i]), AIMEM_ERR_STALE);
        refused++;
    }
    if (m.count != 0 && m.block_size > 1) {
        unsigned char *p = m.live[check_below((uint32_t)m.count)].p;
        size_t in = 1 + (size_t)check_below((uint32_t)(m.block_size - 1));
        CHECK_INT(aimem_pool_free(m.pool, p + in), AIMEM_ERR_INTERIOR);
        refused++;
    }
    after = info_of(m.pool);
    CHECK(after.refused == before.refused + (uint64_t)refused);
    CHECK(after.in_use == before.in_use && after.total == before.total);
}

static bool count_block(void *user_data, void *block) {
    size_t *count = (size_t *)user_data;
    CHECK(model_is_live((unsigned char *)block));
    ++*count;
    return true;
}

static void model_look(size_t expect_peak) {
    aimem_pool_info info = info_of(m.pool);
    size_t seen = 0;
    CHECK_INT(info.in_use, m.count);
    CHECK_INT(info.peak, expect_peak);
    aimem_pool_walk(m.pool, count_block, &seen);
    CHECK_INT(seen, m.count);
    check_inside(m.pool);
}

/* Random work in phases that lean to allocation, to free, or to neither. */
static void model_run(aimem_pool *pool, size_t block_size, size_t align, bool handles, int steps) {
    size_t peak = 0, lean = 2;
    int step;
    memset(&m, 0, sizeof m);
    m.pool = pool;
    m.block_size = block_size;
    m.align = align;
    m.handles = handles;
    for (step = 0; step < steps; step++) {
        uint32_t what = check_below(64);
        if (step % 300 == 0) lean = check_below(4);
        if (what < 60) {
            bool more = lean == 0 || (lean == 2 && what % 2 == 0) || (lean == 3 && what % 8 != 0);
            if (lean == 1) more = what % 8 == 0;
            if (more) {
                model_alloc();
            } else if (m.count != 0) {
                model_free(what % 4 == 0 ? m.count - 1 : check_below((uint32_t)m.count));
            }
        } else if (what == 60) {
            model_misuse();
        } else if (what == 61 && check_below(8) == 0) {
            (void)aimem_pool_trim(pool);
        } else if (what == 62 && check_below(40) == 0) {
            aimem_pool_reset(pool);
            m.count = 0;
        }
        if (m.count > peak) peak = m.count;
        if (step % 257 == 0) model_look(peak);
    }
    model_look(peak);
    while (m.count != 0) model_free(check_below((uint32_t)m.count));
    model_look(peak);
}

/* ---- tests ---- */

static void random_growing(void) {
    static const size_t sizes[] = {1, 3, 16, 24, 64, 100, 4096, (size_t)1 << 20};
    size_t i;
    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_heap h;
        aimem_pool_desc d = desc_of(&h, sizes[i]);
        aimem_pool *p;
        int steps = sizes[i] > 100000 ? 300 : 4000;
        if (sizes[i] > 100000) d.max_blocks = 40;
        REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
        model_run(p, sizes[i], 1, false, steps);
        aimem_pool_destroy(p);
        CHECK_HEAP_CLEAN(&h);
    }
}

static void random_options(void) {
    int mask;
    for (mask = 0; mask < 16; mask++) {
        check_heap h;
        aimem_pool_desc d = desc_of(&h, 8 + 8 * (size_t)check_below(20));
        aimem_pool *p;
        d.reclaim_on_free = (mask & 1) != 0;
        d.clear_on_free = (mask & 2) != 0;
        d.handles = (mask & 4) != 0;
        d.fixed = (mask & 8) != 0;
        d.align = (size_t)1 << check_below(8);
        d.max_blocks = d.fixed ? 1 + check_below(700) : check_below(2) * 900;
        d.preallocated = d.fixed ? 0 : check_below(20);
        REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
        model_run(p, d.block_size, d.align, d.handles, 3000);
        aimem_pool_destroy(p);
        CHECK_HEAP_CLEAN(&h);
    }
}

static void random_alignments(void) {
    size_t align;
    for (align = 1; align <= (size_t)2 << 20; align *= 8) {
        check_heap h;
        aimem_pool_desc d = desc_of(&h, 24);
        aimem_pool *p;
        d.align = align;
        d.max_blocks = align > 65536 ? 6 : 60;
        REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
        CHECK_INT(info_of(p).stride % align, 0);
        model_run(p, 24, align, false, 400);
        aimem_pool_destroy(p);
        CHECK_HEAP_CLEAN(&h);
    }
}

/* Exactly aimem_pool_size bytes at every offset; one less is refused, nothing outside touched. */
static void caller_memory(void) {
    static const size_t sizes[] = {1, 3, 16, 64, 100, 4096};
    size_t i, shift;
    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (shift = 0; shift < 17; shift += 1 + i % 3) {
            aimem_pool_desc d;
            aimem_pool *p = NULL;
            unsigned char *memory, *at;
            size_t size, k;
            memset(&d, 0, sizeof d);
            d.block_size = sizes[i];
            d.max_blocks = 1 + check_below(200);
            d.align = check_below(2) ? (size_t)1 << check_below(9) : 0;
            d.handles = check_below(2) != 0;
            size = aimem_pool_size(&d);
            REQUIRE(size != 0);
            memory = (unsigned char *)malloc(size + 64);
            REQUIRE(memory != NULL);
            memset(memory, 0x5A, size + 64);
            at = memory + 16 + shift;
            CHECK_INT(aimem_pool_init(at, size - 1, &d, &p), AIMEM_ERR_RANGE);
            CHECK(p == NULL);
            CHECK_INT(aimem_pool_init(at, size, &d, &p), AIMEM_OK);
            model_run(p, d.block_size, d.align ? d.align : 1, d.handles, 600);
            CHECK_INT(info_of(p).bytes, size);
            CHECK_INT(info_of(p).total, d.max_blocks);
            aimem_pool_destroy(p);
            for (k = 0; k < 16 + shift; k++) CHECK(memory[k] == 0x5A);
            for (k = 16 + shift + size; k < size + 64; k++) CHECK(memory[k] == 0x5A);
            free(memory);
        }
    }
}

/* More blocks than a chunk holds, in one piece of memory. */
static void caller_memory_many(void) {
    aimem_pool_desc d;
    aimem_pool *p;
    void *memory;
    size_t n = 40000, i;
    unsigned char **blocks = (unsigned char **)malloc(n * sizeof *blocks);
    memset(&d, 0, sizeof d);
    d.block_size = 8;
    d.max_blocks = n;
    d.handles = true;
    memory = malloc(aimem_pool_size(&d));
    REQUIRE(memory != NULL && blocks != NULL);
    REQUIRE(aimem_pool_init(memory, aimem_pool_size(&d), &d, &p) == AIMEM_OK);
    for (i = 0; i < n; i++) {
        blocks[i] = (unsigned char *)aimem_pool_alloc(p);
        REQUIRE(blocks[i] != NULL);
        CHECK(i == 0 || blocks[i] == blocks[i - 1] + 8); /* lowest address first */
        CHECK(aimem_pool_get(p, aimem_pool_handle_of(p, blocks[i])) == blocks[i]);
    }
    CHECK(aimem_pool_alloc(p) == NULL);
    CHECK_INT(info_of(p).failures, 1);
    for (i = 0; i < n; i += 3) CHECK_INT(aimem_pool_free(p, blocks[i]), AIMEM_OK);
    CHECK_INT(aimem_pool_free(p, blocks[n - 1] + 8), AIMEM_ERR_FOREIGN);
    CHECK_INT(aimem_pool_free(p, blocks[0] - 8), AIMEM_ERR_FOREIGN);
    check_inside(p);
    for (i = 0; i < n; i += 3) CHECK(aimem_pool_alloc(p) != NULL);
    CHECK(aimem_pool_alloc(p) == NULL);
    aimem_pool_destroy(p);
    free(memory);
    free(blocks);
}

static void defaults(void) {
    aimem_pool *p;
    aimem_pool_info info;
    void *b;
    REQUIRE(aimem_pool_create(NULL, &p) == AIMEM_OK);
    info = info_of(p);
    CHECK_STR(info.name, "pool");
    CHECK_INT(info.block_size, 64);
    CHECK_INT(info.stride, 64);
    CHECK_INT(info.total, 5);
    CHECK_INT(info.available, 5);
    CHECK_INT(info.max_blocks, 0);
    CHECK(info.utilisation <= 0 && info.bytes > 5 * 64);
    b = aimem_pool_alloc(p);
    CHECK(b != NULL && ((uintptr_t)b & 15) == 0);
    info = info_of(p);
    CHECK(info.utilisation > 0.19f && info.utilisation < 0.21f);
    CHECK_INT(info.in_use, 1);
    CHECK_INT(aimem_pool_free(p, NULL), AIMEM_OK);
    CHECK_INT(aimem_pool_check(p, NULL), AIMEM_OK);
    CHECK_INT(aimem_pool_free(p, b), AIMEM_OK);
    CHECK(aimem_pool_alloc(p) == b); /* the last one freed comes first */
    CHECK_INT(aimem_pool_version(), AIMEM_POOL_VERSION);
    aimem_pool_destroy(p);
    aimem_pool_destroy(NULL);
}

static void names_and_preallocation(void) {
    check_heap h;
    aimem_pool_desc d = desc_of(&h, 10);
    aimem_pool *p;
    long calls;
    d.name = "a name that is longer than thirty-one bytes";
    d.max_blocks = 3;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    CHECK_STR(info_of(p).name, "a name that is longer than thir");
    CHECK_INT(info_of(p).total, 3); /* min(5, max_blocks) */
    CHECK_INT(info_of(p).stride, 10);
    aimem_pool_destroy(p);
    d.max_blocks = 0;
    d.preallocated = 17;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    CHECK_INT(info_of(p).total, 17);
    calls = h.calls;
    for (calls = h.calls; info_of(p).in_use < 17;) CHECK(aimem_pool_alloc(p) != NULL);
    CHECK_INT(h.calls, calls); /* ready means ready */
    CHECK(aimem_pool_alloc(p) != NULL);
    CHECK(h.calls > calls);
    aimem_pool_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

static void bad_descs(void) {
    check_heap h;
    aimem_pool_desc good = desc_of(&h, 64), d;
    aimem_pool *p = (aimem_pool *)(void *)&d;
    unsigned char memory[16];
    CHECK_INT(aimem_pool_create(&good, NULL), AIMEM_ERR_INVALID);
    d = good, d.canary_zero = 1;
    CHECK_INT(aimem_pool_create(&d, &p), AIMEM_ERR_INVALID);
    CHECK(p == NULL);
    d = good, d.align = 3;
    CHECK_INT(aimem_pool_create(&d, &p), AIMEM_ERR_INVALID);
    d = good, d.align = (size_t)4 << 20;
    CHECK_INT(aimem_pool_create(&d, &p), AIMEM_ERR_INVALID);
    d = good, d.align = SIZE_MAX / 2 + 1;
    CHECK_INT(aimem_pool_create(&d, &p), AIMEM_ERR_INVALID);
    d = good, d.fixed = true;
    CHECK_INT(aimem_pool_create(&d, &p), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_pool_size(&d), 0);
    CHECK_INT(aimem_pool_init(memory, 16, &d, &p), AIMEM_ERR_INVALID);
    d = good, d.max_blocks = 4, d.preallocated = 5;
    CHECK_INT(aimem_pool_create(&d, &p), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_pool_size(&d), 0);
    d = good, d.block_size = SIZE_MAX;
    CHECK_INT(aimem_pool_create(&d, &p), AIMEM_ERR_RANGE);
    d = good, d.block_size = SIZE_MAX - 100, d.align = 4096;
    CHECK_INT(aimem_pool_create(&d, &p), AIMEM_ERR_RANGE);
    d = good, d.block_size = SIZE_MAX / 4;
    CHECK_INT(aimem_pool_create(&d, &p), AIMEM_ERR_RANGE);
    d = good, d.preallocated = SIZE_MAX;
    CHECK_INT(aimem_pool_create(&d, &p), AIMEM_ERR_RANGE);
    d = good, d.fixed = true, d.max_blocks = SIZE_MAX;
    CHECK_INT(aimem_pool_create(&d, &p), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_pool_size(&d), 0);
    d = good, d.fixed = true, d.max_blocks = SIZE_MAX / 130; /* fits, but nobody has it */
    h.fail_at = h.calls + 2;
    h.fail_all_after = 1;
    CHECK_INT(aimem_pool_create(&d, &p), AIMEM_ERR_NOMEM);
    CHECK(p == NULL);
    h.fail_at = 0;
    d = good, d.max_blocks = 10;
    CHECK_INT(aimem_pool_init(NULL, 1000000, &d, &p), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_pool_init(memory, sizeof memory, &d, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_pool_init(memory, sizeof memory, &d, &p), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_pool_size(NULL), 0);
    CHECK_HEAP_CLEAN(&h);
    d = good, d.max_blocks = SIZE_MAX; /* a limit that is never reached is none */
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    CHECK_INT(info_of(p).total, 5);
    aimem_pool_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

static void maximum_is_exact(void) {
    size_t max;
    for (max = 1; max < 400; max += 1 + max / 3) {
        check_heap h;
        aimem_pool_desc d = desc_of(&h, 700);
        aimem_pool *p;
        void *last = NULL;
        size_t i;
        d.max_blocks = max;
        REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
        for (i = 0; i < max; i++) {
            last = aimem_pool_alloc(p);
            CHECK(last != NULL);
        }
        CHECK(aimem_pool_alloc(p) == NULL);
        CHECK(aimem_pool_alloc(p) == NULL);
        CHECK_INT(info_of(p).failures, 2);
        CHECK_INT(info_of(p).total, max);
        CHECK_INT(aimem_pool_free(p, last), AIMEM_OK);
        CHECK(aimem_pool_alloc(p) == last);
        aimem_pool_destroy(p);
        CHECK_HEAP_CLEAN(&h);
    }
}

/* A double free is seen at once, later, and after forty other operations. */
static void double_frees(void) {
    check_heap h;
    aimem_pool_desc d = desc_of(&h, 48);
    aimem_pool *p;
    void *b[200];
    log_book book;
    int i, after;
    memset(&book, 0, sizeof book);
    d.name = "bullets";
    d.logger.log_fn = log_line;
    d.logger.user_data = &book;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    for (i = 0; i < 200; i++) b[i] = aimem_pool_alloc(p);
    for (after = 0; after <= 160; after += 40) {
        int first = after / 40;
        CHECK_INT(aimem_pool_free(p, b[first]), AIMEM_OK);
        for (i = 0; i < after; i++) { /* frees only: the block stays free */
            CHECK_INT(aimem_pool_free(p, b[199 - i]), AIMEM_OK);
        }
        CHECK_INT(aimem_pool_free(p, b[first]), AIMEM_ERR_DOUBLE_FREE);
        CHECK_INT(aimem_pool_check(p, b[first]), AIMEM_ERR_DOUBLE_FREE);
        for (i = 0; i < after; i++) b[199 - i] = aimem_pool_alloc(p);
        b[first] = aimem_pool_alloc(p);
        CHECK(b[first] != NULL);
    }
    CHECK_INT(book.count, 5);
    CHECK_INT(book.code, AIMEM_ERR_DOUBLE_FREE);
    CHECK_INT(book.level, 0);
#if !defined(AIMEM_NO_STRINGS)
    CHECK(strncmp(book.first, "bullets: free of 0x", 19) == 0);
    CHECK(strstr(book.first, " refused: freed twice") != NULL);
#endif
    CHECK_INT(info_of(p).in_use, 200);
    check_inside(p);
    aimem_pool_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

static void foreign_and_returned(void) {
    check_heap h, h2;
    aimem_pool_desc d = desc_of(&h, 48), d2 = desc_of(&h2, 48);
    aimem_pool *p, *q;
    void *b[300], *theirs;
    int i, on_stack = 0;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK && aimem_pool_create(&d2, &q) == AIMEM_OK);
    theirs = aimem_pool_alloc(q);
    CHECK_INT(aimem_pool_free(p, theirs), AIMEM_ERR_FOREIGN);
    CHECK_INT(aimem_pool_free(p, &on_stack), AIMEM_ERR_FOREIGN);
    CHECK_INT(aimem_pool_free(p, (void *)(uintptr_t)1), AIMEM_ERR_FOREIGN);
    CHECK_INT(aimem_pool_free(p, (void *)UINTPTR_MAX), AIMEM_ERR_FOREIGN);
    CHECK_INT(aimem_pool_free(q, theirs), AIMEM_OK);
    for (i = 0; i < 300; i++) b[i] = aimem_pool_alloc(p);
    for (i = 0; i < 300; i++) CHECK_INT(aimem_pool_free(p, b[i]), AIMEM_OK);
    CHECK(aimem_pool_trim(p) > 0);
    CHECK_INT(info_of(p).total, 5);
    CHECK_INT(aimem_pool_free(p, b[299]), AIMEM_ERR_FOREIGN); /* its memory is gone */
    CHECK_INT(aimem_pool_free(p, b[0]), AIMEM_ERR_DOUBLE_FREE);
    CHECK_INT(aimem_pool_trim(p), 0);
    for (i = 0; i < 300; i++) CHECK(aimem_pool_alloc(p) != NULL);
    check_inside(p);
    aimem_pool_destroy(p);
    aimem_pool_destroy(q);
    CHECK_HEAP_CLEAN(&h);
    CHECK_HEAP_CLEAN(&h2);
}

/* Every address near a chunk, for strides odd and even: only the first byte of a block is one. */
static void interiors(void) {
    static const size_t sizes[] = {1, 3, 7, 12, 24, 40, 96, 1000};
    size_t s;
    for (s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        check_heap h;
        aimem_pool_desc d = desc_of(&h, sizes[s]);
        aimem_pool *p;
        unsigned char *first;
        ptrdiff_t at, end;
        d.fixed = true;
        d.max_blocks = 11;
        REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
        first = (unsigned char *)aimem_pool_alloc(p);
        while (aimem_pool_alloc(p) != NULL) {
        }
        end = (ptrdiff_t)(11 * info_of(p).stride);
        for (at = -40; at < end + 40; at++) {
            aimem_result want = at < 0 || at >= end ? AIMEM_ERR_FOREIGN
                                : (size_t)at % info_of(p).stride == 0 ? AIMEM_OK
                                                                      : AIMEM_ERR_INTERIOR;
            CHECK_INT(aimem_pool_check(p, (void *)((uintptr_t)first + (uintptr_t)at)), want);
        }
        aimem_pool_destroy(p);
        CHECK_HEAP_CLEAN(&h);
    }
}

/* aimi_pool_index against division, for many strides and offsets, right and wrong. */
static void index_is_exact(void) {
    static aimem_pool fake;
    const uint32_t bits = 8 * sizeof(size_t);
    int round;
    for (round = 0; round < 200000; round++) {
        size_t stride = 1 + ((size_t)check_random() >> check_below(bits - 1));
        size_t most = SIZE_MAX / 2 / stride, count, offset, i;
        uint32_t twos = 0;
        while ((stride >> twos & 1) == 0) twos++;
        if (most > 16384) most = 16384;
        count = 1 + (most > 1 ? (size_t)check_random() % most : 0);
        fake.shifts = twos << 8;
        fake.inverse = aimi_pool_inverse(stride >> twos);
        offset = (size_t)check_random() >> check_below(bits);
        if (round % 2 == 0) offset = (size_t)check_random() % count * stride;
        if (round % 4 == 2) offset += (size_t)check_below(3) - 1;
        i = aimi_pool_index(&fake, offset, fake.shifts);
        if (offset % stride == 0 && offset / stride < count) {
            CHECK(i == offset / stride);
        } else {
            CHECK(i >= count);
        }
    }
}

#if defined(UNDER_ASAN)
#include <sanitizer/asan_interface.h>

/* Free blocks, and what lies between block_size and stride, cannot be touched. */
static void poisoned(void) {
    check_heap h;
    aimem_pool_desc d = desc_of(&h, 40);
    aimem_pool *p;
    char *b, *all;
    d.align = 64;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    b = (char *)aimem_pool_alloc(p);
    CHECK(__asan_region_is_poisoned(b, 40) == NULL);
    CHECK(__asan_address_is_poisoned(b + 40) && __asan_address_is_poisoned(b + 64));
    CHECK_INT(aimem_pool_free(p, b), AIMEM_OK);
    CHECK(__asan_address_is_poisoned(b) && __asan_address_is_poisoned(b + 39));
    aimem_pool_destroy(p);
    d.max_blocks = 10;
    all = (char *)malloc(aimem_pool_size(&d));
    REQUIRE(all != NULL && aimem_pool_init(all, aimem_pool_size(&d), &d, &p) == AIMEM_OK);
    aimem_pool_destroy(p);
    CHECK(__asan_region_is_poisoned(all, aimem_pool_size(&d)) == NULL);
    free(all);
    CHECK_HEAP_CLEAN(&h);
}
#else
static void poisoned(void) {
    SKIP("not under AddressSanitizer");
}
#endif

static void clearing(void) {
    check_heap h;
    aimem_pool_desc d = desc_of(&h, 64);
    aimem_pool *p;
    unsigned char *b, zero[64];
    memset(zero, 0, sizeof zero);
    d.clear_on_free = true;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    b = (unsigned char *)aimem_pool_alloc(p);
    memset(b, 0xEE, 64);
    CHECK_INT(aimem_pool_free(p, b), AIMEM_OK);
    CHECK(aimem_pool_alloc(p) == b);
    CHECK(memcmp(b, zero, 64) == 0);
    memset(b, 0xEE, 64);
    aimem_pool_reset(p);
    CHECK(aimem_pool_alloc(p) == b);
    CHECK(memcmp(b, zero, 64) == 0);
    aimem_pool_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

static void reclaiming(void) {
    check_heap h;
    aimem_pool_desc d = desc_of(&h, 4096);
    aimem_pool *p;
    void *b[100];
    aimem_pool_handle handle;
    size_t lean;
    int i, round;
    d.reclaim_on_free = true;
    d.handles = true;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    lean = info_of(p).bytes;
    for (round = 0; round < 3; round++) {
        aimem_pool_handle old;
        for (i = 0; i < 100; i++) b[i] = aimem_pool_alloc(p);
        CHECK(info_of(p).total >= 100);
        old = handle = aimem_pool_handle_of(p, b[99]);
        for (i = 99; i >= 0; i--) {
            CHECK_INT(aimem_pool_free(p, b[i]), AIMEM_OK);
            CHECK(info_of(p).available < 5 + 16); /* never a whole empty chunk of 64 KiB */
        }
        CHECK_INT(info_of(p).total, 5);
        CHECK(info_of(p).bytes < lean + 4096); /* but for the room of the directory */
        for (i = 0; i < 100; i++) b[i] = aimem_pool_alloc(p);
        CHECK(aimem_pool_get(p, old) == NULL); /* also where the id is used anew */
        for (i = 0; i < 100; i++) CHECK(aimem_pool_handle_of(p, b[i]).id != old.id);
        for (i = 0; i < 100; i++) CHECK_INT(aimem_pool_free(p, b[i]), AIMEM_OK);
    }
    CHECK_INT(aimem_pool_free_handle(p, handle), AIMEM_ERR_STALE);
    aimem_pool_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

static void handles(void) {
    check_heap h;
    aimem_pool_desc d = desc_of(&h, 32);
    aimem_pool *p, *q;
    aimem_pool_handle a, old, zero, wild;
    void *b;
    int i;
    zero.id = 0;
    d.handles = true;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK && aimem_pool_create(&d, &q) == AIMEM_OK);
    b = aimem_pool_alloc(p);
    a = old = aimem_pool_handle_of(p, b);
    CHECK(a.id != 0 && aimem_pool_get(p, a) == b);
    CHECK(aimem_pool_get(q, a) == NULL);
    CHECK_INT(aimem_pool_free_handle(q, a), AIMEM_ERR_STALE);
    for (i = 0; i < 1000; i++) { /* the same block over and over: the old handle stays stale */
        CHECK_INT(aimem_pool_free_handle(p, a), AIMEM_OK);
        CHECK_INT(aimem_pool_free_handle(p, a), AIMEM_ERR_STALE);
        CHECK(aimem_pool_alloc(p) == b);
        a = aimem_pool_handle_of(p, b);
        CHECK(aimem_pool_get(p, a) == b && aimem_pool_get(p, old) == NULL);
    }
    aimem_pool_reset(p);
    CHECK(aimem_pool_get(p, a) == NULL);
    CHECK(aimem_pool_get(p, zero) == NULL);
    CHECK_INT(aimem_pool_free_handle(p, zero), AIMEM_OK);
    for (i = 0; i < 10000; i++) {
        wild.id = check_random();
        CHECK(aimem_pool_get(p, wild) == NULL);
        wild.id = (a.id & ~(uint64_t)0xFFFFFFFF) | (check_random() & 0xFFFFFFFF);
        CHECK(aimem_pool_get(p, wild) == NULL);
    }
    CHECK_INT(aimem_pool_handle_of(p, b).id, 0); /* free */
    CHECK_INT(aimem_pool_handle_of(p, &i).id, 0);
    aimem_pool_destroy(p);
    aimem_pool_destroy(q);
    d.handles = false;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    CHECK_INT(aimem_pool_handle_of(p, aimem_pool_alloc(p)).id, 0);
    CHECK_INT(aimem_pool_free_handle(p, a), AIMEM_ERR_UNSUPPORTED);
    CHECK(aimem_pool_get(p, a) == NULL);
    aimem_pool_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

/* A block whose generations are used up is never handed out again, and neither is an id. */
static void generations_end(void) {
    check_heap h;
    aimem_pool_desc d = desc_of(&h, 32);
    aimem_pool *p;
    aimi_pool_chunk *c;
    aimem_pool_handle last;
    void *b, *rest[4];
    size_t i, id;
    d.handles = true;
    d.max_blocks = 5;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    b = aimem_pool_alloc(p);
    c = p->sorted[0].chunk;
    c->gen[((unsigned char *)b - c->base) / 32] = UINT32_MAX - 1;
    last = aimem_pool_handle_of(p, b);
    CHECK(aimem_pool_get(p, last) == b);
    CHECK_INT(aimem_pool_free(p, b), AIMEM_OK);
    CHECK(aimem_pool_get(p, last) == NULL);
    CHECK_INT(aimem_pool_free(p, b), AIMEM_ERR_DOUBLE_FREE);
    CHECK_INT(info_of(p).total, 4);
    for (i = 0; i < 4; i++) {
        rest[i] = aimem_pool_alloc(p);
        CHECK(rest[i] != NULL && rest[i] != b);
    }
    b = aimem_pool_alloc(p); /* a new chunk makes up for it */
    CHECK(b != NULL);
    CHECK(aimem_pool_alloc(p) == NULL);
    CHECK_INT(aimem_pool_free(p, b), AIMEM_OK);
    id = c->id == 0 ? 1 : 0;
    p->by_id[id]->gen[0] = UINT32_MAX - 1;
    b = aimem_pool_alloc(p);
    CHECK_INT(aimem_pool_free(p, b), AIMEM_OK);
    CHECK_INT(info_of(p).total, 4);
    CHECK(aimem_pool_trim(p) > 0);
    b = aimem_pool_alloc(p);
    CHECK(b != NULL && p->by_id[id] == NULL);
    aimem_pool_reset(p);
    check_inside(p);
    aimem_pool_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

static bool stop_at_three(void *user_data, void *block) {
    (void)block;
    return ++*(int *)user_data < 3;
}

static void walk_and_leaks(void) {
    check_heap h;
    aimem_pool_desc d = desc_of(&h, 32);
    aimem_pool *p;
    log_book book;
    int seen = 0, i;
    memset(&book, 0, sizeof book);
    d.name = "leaky";
    d.logger.log_fn = log_line;
    d.logger.user_data = &book;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    aimem_pool_walk(p, stop_at_three, &seen);
    CHECK_INT(seen, 0);
    for (i = 0; i < 20; i++) CHECK(aimem_pool_alloc(p) != NULL);
    aimem_pool_walk(p, stop_at_three, &seen);
    CHECK_INT(seen, 3);
    aimem_pool_destroy(p);
    CHECK_INT(book.count, 17);
#if defined(AIMEM_NO_STRINGS)
    CHECK_STR(book.first, "");
#else
    CHECK_STR(book.first, "leaky: 20 blocks in use when the pool was destroyed");
    CHECK(strncmp(book.last, "leaky: 0x", 9) == 0);
    CHECK(strstr(book.last, " is still in use") != NULL);
#endif
    CHECK_INT(book.level, 1);
    CHECK_INT(book.code, AIMEM_ERR_BUSY);
    book.count = 0;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    CHECK_INT(aimem_pool_free(p, aimem_pool_alloc(p)), AIMEM_OK);
    aimem_pool_destroy(p);
    CHECK_INT(book.count, 0); /* nothing to tell */
    CHECK_HEAP_CLEAN(&h);
}

static void as_allocator(void) {
    check_heap h;
    aimem_pool_desc d = desc_of(&h, 64);
    aimem_pool *p;
    aimem_allocator a;
    void *b;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    a = aimem_pool_allocator(p);
    CHECK(a.realloc_fn(a.user_data, NULL, 0, 0, 1) == NULL);
    CHECK(a.realloc_fn(a.user_data, NULL, 0, 65, 16) == NULL);
    CHECK(a.realloc_fn(a.user_data, NULL, 0, 64, 128) == NULL);
    b = a.realloc_fn(a.user_data, NULL, 0, 40, 16);
    CHECK(b != NULL && aimem_pool_check(p, b) == AIMEM_OK);
    CHECK(a.realloc_fn(a.user_data, b, 40, 64, 16) == b);
    CHECK(a.realloc_fn(a.user_data, b, 64, 65, 16) == NULL);
    CHECK_INT(info_of(p).in_use, 1);
    CHECK(a.realloc_fn(a.user_data, b, 64, 0, 16) == NULL);
    CHECK_INT(info_of(p).in_use, 0);
    aimem_pool_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

/* Free in random order, then allocate: what the ring does not hold comes by rising address. */
static void address_order(void) {
    check_heap h;
    aimem_pool_desc d = desc_of(&h, 64);
    aimem_pool *p;
    static unsigned char *b[2000];
    size_t i, falls = 0;
    d.preallocated = 2000;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    for (i = 0; i < 2000; i++) b[i] = (unsigned char *)aimem_pool_alloc(p);
    for (i = 1999; i > 0; i--) {
        size_t j = check_below((uint32_t)i + 1);
        unsigned char *t = b[i];
        b[i] = b[j];
        b[j] = t;
    }
    for (i = 0; i < 2000; i++) CHECK_INT(aimem_pool_free(p, b[i]), AIMEM_OK);
    for (i = 0; i < 2000; i++) b[i] = (unsigned char *)aimem_pool_alloc(p);
    for (i = AIMI_POOL_RING + 1; i < 2000; i++) falls += b[i] < b[i - 1];
    CHECK_INT(falls, 0);
    aimem_pool_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

/* When memory is short the pool takes a smaller chunk. */
static void short_of_memory(void) {
    check_heap h;
    aimem_pool_desc d = desc_of(&h, 64);
    aimem_pool *p;
    int i;
    REQUIRE(aimem_pool_create(&d, &p) == AIMEM_OK);
    for (i = 0; i < 5; i++) CHECK(aimem_pool_alloc(p) != NULL);
    h.fail_at = h.calls + 2; /* blocks come, meta does not; all later calls do */
    CHECK(aimem_pool_alloc(p) != NULL);
    CHECK(info_of(p).total < 5 + 1024);
    while (info_of(p).available != 0) CHECK(aimem_pool_alloc(p) != NULL);
    h.fail_at = h.calls + 1;
    h.fail_all_after = 1;
    CHECK(aimem_pool_alloc(p) == NULL);
    CHECK_INT(info_of(p).failures, 1);
    h.fail_at = 0;
    CHECK(aimem_pool_alloc(p) != NULL);
    check_inside(p);
    aimem_pool_destroy(p);
    CHECK_HEAP_CLEAN(&h);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(defaults);
    RUN(names_and_preallocation);
    RUN(bad_descs);
    RUN(maximum_is_exact);
    RUN(double_frees);
    RUN(foreign_and_returned);
    RUN(interiors);
    RUN(index_is_exact);
    RUN(poisoned);
    RUN(clearing);
    RUN(reclaiming);
    RUN(handles);
    RUN(generations_end);
    RUN(walk_and_leaks);
    RUN(as_allocator);
    RUN(address_order);
    RUN(short_of_memory);
    RUN(caller_memory);
    RUN(caller_memory_many);
    RUN(random_growing);
    RUN(random_options);
    RUN(random_alignments);
    return CHECK_END();
}
