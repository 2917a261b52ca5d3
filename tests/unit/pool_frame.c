/* pool_frame.c: frame arenas and rings of aimem_pool.h. Rings are checked against a queue of what
 * must be in them, byte by byte. */
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

static int log_lines;
static int32_t log_code;

static void log_line(void *user_data, int level, int32_t code, const char *text) {
    (void)user_data;
    (void)level;
    (void)text;
    log_lines++;
    log_code = code;
}

/* ---- frames ---- */

static void frame_life(void) {
    check_heap h;
    aimem_frame f;
    aimem_frame_desc d;
    aimem_frame_info info;
    memset(&d, 0, sizeof d);
    CHECK_INT(aimem_frame_init(NULL, NULL), AIMEM_ERR_INVALID);
    d.canary_zero = 1;
    CHECK_INT(aimem_frame_init(&f, &d), AIMEM_ERR_INVALID);
    d.canary_zero = 0;
    d.arena.canary_zero = 1;
    CHECK_INT(aimem_frame_init(&f, &d), AIMEM_ERR_INVALID);
    aimem_frame_deinit(&f); /* zeroed by the failure */
    d.arena.canary_zero = 0;
    d.arena.allocator = heap_hook(&h);
    d.arena.chunk_size = 1000;
    d.arena.max_bytes = 3000;
    CHECK_INT(aimem_frame_init(&f, &d), AIMEM_OK);
    CHECK(aimem_frame_push(&f, 100, 1) != NULL);
    CHECK(aimem_frame_push(&f, 4000, 1) == NULL);
    aimem_frame_stats(&f, &info);
    CHECK_INT(info.used, 100);
    CHECK_INT(info.last_used, 0);
    CHECK_INT(info.limit, 3000);
    CHECK(info.reserved >= 1000);
    aimem_frame_swap(&f);
    CHECK(aimem_frame_push(&f, 50, 1) != NULL);
    aimem_frame_stats(&f, &info);
    CHECK_INT(info.number, 1);
    CHECK_INT(info.used, 50);
    CHECK_INT(info.last_used, 100);
    CHECK_INT(info.peak, 100);
    aimem_frame_deinit(&f);
    aimem_frame_deinit(NULL);
    CHECK_HEAP_CLEAN(&h);
}

/* Pieces of this frame and the last keep their bytes; after warming up nothing is allocated. */
static void frame_turns(void) {
    check_heap h;
    aimem_frame f;
    aimem_frame_desc d;
    unsigned char *last[20], *now[20];
    int frame, i, k;
    long calls = 0;
    memset(&d, 0, sizeof d);
    memset(last, 0, sizeof last);
    d.arena.allocator = heap_hook(&h);
    CHECK_INT(aimem_frame_init(&f, &d), AIMEM_OK);
    for (frame = 0; frame < 50; frame++) {
        if (frame == 4) calls = h.calls;
        for (i = 0; i < 20; i++) {
            now[i] = (unsigned char *)aimem_frame_push(&f, 100, 8);
            REQUIRE(now[i] != NULL);
            memset(now[i], frame * 20 + i, 100);
        }
        for (i = 0; frame != 0 && i < 20; i++) {
            for (k = 0; k < 100; k++) CHECK(last[i][k] == (unsigned char)((frame - 1) * 20 + i));
        }
        memcpy(last, now, sizeof last);
        aimem_frame_swap(&f);
        CHECK_INT(f.number, frame + 1);
        CHECK(aimem_arena_save(aimem_frame_now(&f)).used == 0);
    }
    CHECK_INT(h.calls, calls);
    aimem_frame_deinit(&f);
    CHECK_HEAP_CLEAN(&h);
}

static void frame_memory(void) {
    static uint64_t memory[51];
    aimem_frame f;
    aimem_frame_desc d;
    aimem_frame_info info;
    unsigned char *a, *b;
    memset(&d, 0, sizeof d);
    d.arena.memory = memory;
    d.arena.memory_size = 401;
    CHECK_INT(aimem_frame_init(&f, &d), AIMEM_OK);
    aimem_frame_stats(&f, &info);
    CHECK_INT(info.limit, 200);
    a = (unsigned char *)aimem_frame_push(&f, 200, 1);
    CHECK(a == (unsigned char *)memory);
    CHECK(aimem_frame_push(&f, 1, 1) == NULL);
    aimem_frame_swap(&f);
    b = (unsigned char *)aimem_frame_push(&f, 201, 1);
    CHECK(b == a + 200);
    CHECK(aimem_frame_push(&f, 1, 1) == NULL);
    aimem_frame_swap(&f);
    CHECK(aimem_frame_push(&f, 200, 1) == a);
    aimem_frame_deinit(&f);
    d.arena.memory_size = 1; /* one of the halves would be empty */
    CHECK_INT(aimem_frame_init(&f, &d), AIMEM_ERR_INVALID);
}

static void frame_hook(void) {
    check_heap h;
    aimem_frame f;
    aimem_frame_desc d;
    aimem_frame_info info;
    aimem_allocator a;
    unsigned char *x, *y;
    memset(&d, 0, sizeof d);
    d.arena.allocator = heap_hook(&h);
    CHECK_INT(aimem_frame_init(&f, &d), AIMEM_OK);
    a = aimem_frame_allocator(&f);
    x = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 40, 8);
    REQUIRE(x != NULL);
    memset(x, 5, 40);
    CHECK(a.realloc_fn(a.user_data, x, 40, 80, 8) == x); /* the last piece, in place */
    (void)a.realloc_fn(a.user_data, x, 80, 0, 8);
    aimem_frame_stats(&f, &info);
    CHECK_INT(info.used, 0);
    x = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 40, 8);
    REQUIRE(x != NULL);
    memset(x, 6, 40);
    aimem_frame_swap(&f);
    y = (unsigned char *)a.realloc_fn(a.user_data, x, 40, 80, 8);
    REQUIRE(y != NULL && y != x);
    CHECK(y[0] == 6 && y[39] == 6 && x[39] == 6);
    aimem_frame_stats(&f, &info);
    CHECK_INT(info.used, 80);
    CHECK_INT(info.last_used, 40);
    aimem_frame_deinit(&f);
    CHECK_HEAP_CLEAN(&h);
}

/* ---- rings ---- */

static aimem_ring_info info_of(const aimem_ring *r) {
    aimem_ring_info info;
    aimem_ring_stats(r, &info);
    CHECK(info.used <= info.capacity && info.used <= info.peak);
    CHECK(info.retired <= info.pushed);
    return info;
}

static void ring_descs(void) {
    static unsigned char memory[200];
    check_heap h;
    aimem_ring r;
    aimem_ring_desc d;
    memset(&d, 0, sizeof d);
    CHECK_INT(aimem_ring_init(NULL, NULL), AIMEM_ERR_INVALID);
    d.canary_zero = 1;
    CHECK_INT(aimem_ring_init(&r, &d), AIMEM_ERR_INVALID);
    CHECK(aimem_ring_push(&r, 1, 0) == NULL); /* zeroed: nothing to be had */
    CHECK(aimem_ring_peek(&r, NULL) == NULL);
    CHECK_INT(aimem_ring_pop(&r), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(aimem_ring_free(&r, memory), AIMEM_ERR_FOREIGN);
    aimem_ring_deinit(&r);
    aimem_ring_deinit(NULL);
    d.canary_zero = 0;
    d.memory = memory;
    CHECK_INT(aimem_ring_init(&r, &d), AIMEM_ERR_INVALID);
    d.memory_size = 100;
    d.size = 1;
    CHECK_INT(aimem_ring_init(&r, &d), AIMEM_ERR_INVALID);
    d.size = 0;
    d.memory_size = 31;
    CHECK_INT(aimem_ring_init(&r, &d), AIMEM_ERR_RANGE);
    d.memory_size = SIZE_MAX;
    CHECK_INT(aimem_ring_init(&r, &d), AIMEM_ERR_RANGE);
    memset(&d, 0, sizeof d);
    d.allocator = heap_hook(&h);
    d.size = 16;
    CHECK_INT(aimem_ring_init(&r, &d), AIMEM_ERR_RANGE);
    d.size = SIZE_MAX;
    CHECK_INT(aimem_ring_init(&r, &d), AIMEM_ERR_RANGE);
    d.size = 0;
    CHECK_INT(aimem_ring_init(&r, &d), AIMEM_OK);
    CHECK_INT(info_of(&r).capacity, 65536);
    CHECK_INT(info_of(&r).largest, 65536 - 16);
    CHECK(aimem_ring_push(&r, 65536 - 16, 0) != NULL);
    CHECK_INT(info_of(&r).largest, 0);
    CHECK(aimem_ring_push(&r, 0, 0) == NULL);
    CHECK_INT(aimem_ring_pop(&r), AIMEM_OK);
    CHECK(aimem_ring_push(&r, 65536 - 15, 0) == NULL);
    CHECK(aimem_ring_push(&r, SIZE_MAX, 0) == NULL);
    CHECK(aimem_ring_push(&r, SIZE_MAX - 16, 0) == NULL);
    CHECK(aimem_ring_push(&r, 1, 3) == NULL);
    CHECK(aimem_ring_push(&r, 1, (size_t)1 << (8 * sizeof(size_t) - 1)) == NULL);
    CHECK(aimem_ring_push(&r, 65536 - 16, 0) != NULL); /* exact refill */
    aimem_ring_deinit(&r);
    CHECK_HEAP_CLEAN(&h);
}

/* Memory at every misalignment, of exactly the bytes that are needed, and of one less. */
static void ring_memory(void) {
    static unsigned char memory[256];
    aimem_ring r;
    aimem_ring_desc d;
    size_t shift, pad, i;
    for (shift = 0; shift < 16; shift++) {
        memset(memory, 0xA5, sizeof memory);
        memset(&d, 0, sizeof d);
        d.memory = memory + shift;
        pad = (size_t)(0 - (uintptr_t)d.memory) & 15;
        d.memory_size = pad + 32;
        CHECK_INT(aimem_ring_init(&r, &d), AIMEM_OK);
        CHECK_INT(info_of(&r).capacity, 32);
        CHECK(aimem_ring_push(&r, 16, 0) == memory + shift + pad + 16);
        aimem_ring_deinit(&r);
        d.memory_size--;
        CHECK_INT(aimem_ring_init(&r, &d), AIMEM_ERR_RANGE);
        for (i = shift + pad + 32; i < sizeof memory; i++) CHECK(memory[i] == 0xA5);
    }
}

static void ring_order(void) {
    check_heap h;
    aimem_ring r;
    aimem_ring_desc d;
    unsigned char *a, *b, *c, *e;
    size_t size = 0;
    memset(&d, 0, sizeof d);
    d.allocator = heap_hook(&h);
    d.size = 256;
    CHECK_INT(aimem_ring_init(&r, &d), AIMEM_OK);
    a = (unsigned char *)aimem_ring_push(&r, 40, 0);
    b = (unsigned char *)aimem_ring_push(&r, 50, 0);
    c = (unsigned char *)aimem_ring_push(&r, 60, 0);
    REQUIRE(a != NULL && b != NULL && c != NULL);
    CHECK_INT(info_of(&r).used, 64 + 80 + 80);
    CHECK(aimem_ring_push(&r, 20, 0) == NULL); /* 32 bytes are left: 16 for a head */
    CHECK_INT(info_of(&r).failures, 1);
    CHECK_INT(info_of(&r).largest, 16);
    CHECK(aimem_ring_peek(&r, &size) == a && size == 40);
    CHECK(aimem_ring_next(&r, a, &size) == b && size == 50);
    CHECK(aimem_ring_next(&r, b, &size) == c && size == 60);
    CHECK(aimem_ring_next(&r, c, &size) == NULL && size == 0);
    CHECK_INT(aimem_ring_free(&r, b), AIMEM_OK); /* out of order: no room yet */
    CHECK_INT(info_of(&r).pieces, 3);
    CHECK_INT(info_of(&r).used, 64 + 80 + 80);
    CHECK(aimem_ring_next(&r, a, &size) == c);
    CHECK(aimem_ring_next(&r, b, &size) == NULL);
    CHECK_INT(aimem_ring_free(&r, b), AIMEM_ERR_DOUBLE_FREE);
    CHECK_INT(aimem_ring_free(&r, a), AIMEM_OK); /* and b with it */
    CHECK_INT(info_of(&r).retired, 2);
    CHECK_INT(info_of(&r).used, 80);
    e = (unsigned char *)aimem_ring_push(&r, 100, 0); /* wraps */
    CHECK(e == a);
    CHECK_INT(info_of(&r).used, 80 + 32 + 16 + 112);
    CHECK(aimem_ring_next(&r, c, &size) == e && size == 100);
    CHECK_INT(aimem_ring_pop(&r), AIMEM_OK);
    CHECK(aimem_ring_peek(&r, NULL) == e);
    CHECK_INT(info_of(&r).used, 128); /* the filler went along */
    CHECK_INT(aimem_ring_pop(&r), AIMEM_OK);
    CHECK_INT(info_of(&r).used, 0);
    CHECK_INT(info_of(&r).largest, 240);
    aimem_ring_deinit(&r);
    CHECK_HEAP_CLEAN(&h);
}

static void ring_misuse(void) {
    static unsigned char foreign[16];
    check_heap h;
    aimem_ring r;
    aimem_ring_desc d;
    unsigned char *a, *b;
    memset(&d, 0, sizeof d);
    d.allocator = heap_hook(&h);
    d.size = 512;
    d.logger.log_fn = log_line;
    log_lines = 0;
    CHECK_INT(aimem_ring_init(&r, &d), AIMEM_OK);
    a = (unsigned char *)aimem_ring_push(&r, 100, 0);
    b = (unsigned char *)aimem_ring_push(&r, 100, 0);
    REQUIRE(a != NULL && b != NULL);
    memset(a, 0, 100);
    memset(b, 0xFF, 100);
    CHECK_INT(aimem_ring_free(&r, NULL), AIMEM_OK);
    CHECK_INT(aimem_ring_free(&r, foreign), AIMEM_ERR_FOREIGN);
    CHECK_INT(aimem_ring_free(&r, r.base + 513), AIMEM_ERR_FOREIGN);
    CHECK_INT(aimem_ring_free(&r, a + 1), AIMEM_ERR_INTERIOR);
    CHECK_INT(aimem_ring_free(&r, a + 16), AIMEM_ERR_INTERIOR);
    CHECK_INT(aimem_ring_free(&r, b + 96), AIMEM_ERR_INTERIOR);
    CHECK_INT(aimem_ring_free(&r, a - 16), AIMEM_ERR_INTERIOR);
    CHECK_INT(aimem_ring_free(&r, b + 160), AIMEM_ERR_DOUBLE_FREE); /* nothing there */
    CHECK_INT(aimem_ring_free(&r, a), AIMEM_OK);
    CHECK_INT(aimem_ring_free(&r, a), AIMEM_ERR_DOUBLE_FREE);
    CHECK_INT(info_of(&r).refused, 8);
    CHECK_INT(log_lines, 8);
    aimem_ring_reset(&r);
    CHECK_INT(info_of(&r).pieces, 0);
    a = (unsigned char *)aimem_ring_push(&r, 10, 0);
    b = (unsigned char *)aimem_ring_push(&r, 10, 0);
    REQUIRE(a != NULL && b != NULL);
    memset(a, 0x77, 40); /* over its end, over b's head */
    CHECK_INT(aimem_ring_free(&r, b), AIMEM_ERR_INTERIOR);
    CHECK_INT(aimem_ring_free(&r, a), AIMEM_OK);
    CHECK(aimem_ring_peek(&r, NULL) == NULL); /* what lies behind is not believed */
    CHECK_INT(info_of(&r).pieces, 1);
    CHECK_INT(aimem_ring_retire(&r, UINT64_MAX), 0);
    aimem_ring_reset(&r); /* helps */
    a = (unsigned char *)aimem_ring_push(&r, 496, 0);
    CHECK(a != NULL);
    log_lines = 0;
    aimem_ring_deinit(&r);
    CHECK_INT(log_lines, 1);
    CHECK_INT(log_code, AIMEM_ERR_BUSY);
    CHECK_HEAP_CLEAN(&h);
}

/* Marks beside fences: a device that is two frames behind. */
static void ring_fences(void) {
    check_heap h;
    aimem_ring r;
    aimem_ring_desc d;
    uint64_t marks[100];
    int frame, i;
    memset(&d, 0, sizeof d);
    d.allocator = heap_hook(&h);
    d.size = 4096;
    CHECK_INT(aimem_ring_init(&r, &d), AIMEM_OK);
    for (frame = 0; frame < 100; frame++) {
        for (i = 0; i < 5; i++) CHECK(aimem_ring_push(&r, check_below(150), 64) != NULL);
        marks[frame] = r.pushed;
        if (frame >= 2) {
            (void)aimem_ring_retire(&r, marks[frame - 2]);
            CHECK_INT(r.retired, marks[frame - 2]);
        }
    }
    CHECK_INT(aimem_ring_retire(&r, marks[50]), 0); /* long ago */
    CHECK_INT(aimem_ring_retire(&r, UINT64_MAX), 10);
    CHECK_INT(r.used, 0);
    aimem_ring_deinit(&r);
    CHECK_HEAP_CLEAN(&h);
}

static void ring_hook(void) {
    check_heap h;
    aimem_ring r;
    aimem_ring_desc d;
    aimem_allocator a;
    unsigned char *x, *y, *z;
    memset(&d, 0, sizeof d);
    d.allocator = heap_hook(&h);
    d.size = 512;
    CHECK_INT(aimem_ring_init(&r, &d), AIMEM_OK);
    a = aimem_ring_allocator(&r);
    x = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 32, 8);
    REQUIRE(x != NULL);
    memset(x, 1, 32);
    CHECK(a.realloc_fn(a.user_data, x, 32, 496, 8) == x); /* all there is */
    CHECK_INT(r.next, 0);
    CHECK_INT(r.used, 512);
    CHECK(a.realloc_fn(a.user_data, x, 496, 497, 8) == NULL);
    CHECK(a.realloc_fn(a.user_data, x, 496, 16, 8) == x);
    CHECK_INT(r.used, 32);
    y = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 16, 8);
    REQUIRE(y != NULL);
    z = (unsigned char *)a.realloc_fn(a.user_data, x, 16, 48, 8); /* not the newest: moves */
    REQUIRE(z != NULL && z != x);
    CHECK(z[0] == 1 && z[15] == 1);
    CHECK(aimem_ring_peek(&r, NULL) == y);
    CHECK(a.realloc_fn(a.user_data, x, 16, 48, 8) == NULL); /* x is gone */
    CHECK_INT(info_of(&r).refused, 1);
    (void)a.realloc_fn(a.user_data, y, 16, 0, 8);
    (void)a.realloc_fn(a.user_data, z, 48, 0, 8);
    CHECK(a.realloc_fn(a.user_data, NULL, 0, 0, 0) == NULL);
    CHECK_INT(r.used, 0);
    x = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 304, 8);
    y = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, 100, 8);
    REQUIRE(x != NULL && y != NULL);
    (void)a.realloc_fn(a.user_data, x, 304, 0, 8);
    CHECK(a.realloc_fn(a.user_data, y, 100, 176, 8) == y); /* up to the end */
    z = (unsigned char *)a.realloc_fn(a.user_data, y, 176, 300, 8);
    CHECK(z == x); /* over it: wraps */
    (void)a.realloc_fn(a.user_data, z, 300, 0, 8);
    CHECK_INT(r.used, 0);
    aimem_ring_deinit(&r);
    CHECK_HEAP_CLEAN(&h);
}

typedef struct item {
    unsigned char *at;
    size_t size;
    unsigned char fill;
    int freed;
} item;

enum { ITEMS = 4096 };

static void check_queue(const aimem_ring *r, const item *q, size_t from, size_t to) {
    void *at;
    size_t size, i, k;
    while (from < to && q[from % ITEMS].freed) from++;
    at = aimem_ring_peek(r, &size);
    for (i = from; i < to; i++) {
        const item *it = &q[i % ITEMS];
        if (it->freed) continue;
        CHECK(at == it->at && size == it->size);
        for (k = 0; k < it->size; k++) CHECK(it->at[k] == it->fill);
        if (at != NULL) at = aimem_ring_next(r, at, &size);
    }
    CHECK(at == NULL);
}

/* Random pushes, frees in any order, pops and retirements against a queue. */
static void ring_random(void) {
    static item q[ITEMS];
    int round;
    for (round = 0; round < 12; round++) {
        check_heap h;
        aimem_ring r;
        aimem_ring_desc d;
        size_t first = 0, last = 0, n;
        memset(&d, 0, sizeof d);
        d.allocator = heap_hook(&h);
        d.size = 32 + check_below(3000);
        CHECK_INT(aimem_ring_init(&r, &d), AIMEM_OK);
        for (n = 0; n < 3000; n++) {
            uint32_t what = check_below(10);
            if (what < 5) {
                item *it = &q[last % ITEMS];
                size_t align = (size_t)1 << check_below(check_below(4) == 0 ? 9 : 5);
                size_t largest = info_of(&r).largest;
                it->size = check_below(check_below(8) == 0 ? 2000 : 100);
                it->fill = (unsigned char)check_random();
                it->freed = 0;
                it->at = (unsigned char *)aimem_ring_push(&r, it->size, align);
                if (it->at == NULL) {
                    CHECK(align > 16 || it->size > largest || largest == 0);
                    continue;
                }
                if (align <= 16) CHECK(it->size <= largest);
                CHECK((uintptr_t)it->at % align == 0 && (uintptr_t)it->at % 16 == 0);
                memset(it->at, it->fill, it->size);
                last++;
            } else if (what < 9 && last != first) {
                item *it = &q[(first + check_below((uint32_t)(last - first))) % ITEMS];
                CHECK_INT(aimem_ring_free(&r, it->at),
                          it->freed ? AIMEM_ERR_DOUBLE_FREE : AIMEM_OK);
                it->freed = 1;
            } else if (last != first) {
                (void)aimem_ring_retire(&r, first + 1);
                q[first % ITEMS].freed = 1;
            }
            while (first < last && q[first % ITEMS].freed) first++;
            CHECK_INT(r.retired, first);
            CHECK_INT(r.pushed, last);
            if (n % 8 == 0) check_queue(&r, q, first, last);
        }
        (void)aimem_ring_retire(&r, UINT64_MAX);
        CHECK_INT(r.used, 0);
        aimem_ring_deinit(&r);
        CHECK_HEAP_CLEAN(&h);
    }
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(frame_life);
    RUN(frame_turns);
    RUN(frame_memory);
    RUN(frame_hook);
    RUN(ring_descs);
    RUN(ring_memory);
    RUN(ring_order);
    RUN(ring_misuse);
    RUN(ring_fences);
    RUN(ring_hook);
    RUN(ring_random);
    return CHECK_END();
}
