/* pool_arena.c: arenas of aimem_pool.h: all three kinds of memory, every function and error, and
 * random pushes, marks and rewinds against a list that knows what is where. */
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

static check_heap heap;

static aimem_arena_desc chunks_desc(void) {
    aimem_arena_desc d;
    memset(&d, 0, sizeof d);
    memset(&heap, 0, sizeof heap);
    d.allocator.realloc_fn = check_heap_realloc;
    d.allocator.user_data = &heap;
    return d;
}

static aimem_arena_info info_of(const aimem_arena *a) {
    aimem_arena_info info;
    aimem_arena_stats(a, &info);
    CHECK(info.used <= info.peak && info.used <= info.reserved);
    CHECK(info.reserved <= info.limit);
    return info;
}

/* ---- a vm of our own: one piece of memory whose pages are open or closed ---- */

enum { VM_PAGE = 256, VM_PAGES = 512 };

typedef struct vm_book {
    unsigned char *memory;
    bool open[VM_PAGES];
    int reserved, errors, fail_commits;
} vm_book;

static vm_book vm;

static void *vm_reserve(void *user_data, size_t size) {
    vm_book *v = (vm_book *)user_data;
    if (size > (size_t)VM_PAGE * VM_PAGES || size % VM_PAGE != 0) return NULL;
    v->reserved++;
    v->memory = (unsigned char *)malloc((size_t)VM_PAGE * VM_PAGES);
    return v->memory;
}

static void vm_mark(vm_book *v, void *ptr, size_t size, bool open) {
    size_t first = (size_t)((unsigned char *)ptr - v->memory) / VM_PAGE, n = size / VM_PAGE;
    if (size % VM_PAGE != 0 || first + n > VM_PAGES) v->errors++;
    for (; n-- > 0; first++) {
        if (v->open[first] == open) v->errors++;
        v->open[first] = open;
    }
}

static bool vm_commit(void *user_data, void *ptr, size_t size) {
    vm_book *v = (vm_book *)user_data;
    if (v->fail_commits > 0) {
        v->fail_commits--;
        return false;
    }
    vm_mark(v, ptr, size, true);
    return true;
}

static void vm_decommit(void *user_data, void *ptr, size_t size) {
    vm_mark((vm_book *)user_data, ptr, size, false);
}

static void vm_release(void *user_data, void *ptr, size_t size) {
    vm_book *v = (vm_book *)user_data;
    (void)size;
    if (ptr != v->memory) v->errors++;
    free(v->memory);
    v->memory = NULL;
    v->reserved--;
}

static aimem_arena_desc vm_desc(size_t reserve) {
    aimem_arena_desc d;
    memset(&d, 0, sizeof d);
    memset(&vm, 0, sizeof vm);
    d.vm.reserve_fn = vm_reserve;
    d.vm.commit_fn = vm_commit;
    d.vm.decommit_fn = vm_decommit;
    d.vm.release_fn = vm_release;
    d.vm.page_size = VM_PAGE;
    d.vm.user_data = &vm;
    d.reserve = reserve;
    d.chunk_size = 1024;
    return d;
}

/* ---- the model: pieces on a stack, each with a pattern ---- */

typedef struct piece {
    unsigned char *p;
    size_t size;
    unsigned char pattern;
} piece;

enum { MOST = 4000 };
static piece pieces[MOST];
static size_t count;

static void check_pieces(void) {
    size_t i, k;
    for (i = 0; i < count; i++) {
        for (k = 0; k < pieces[i].size; k++) {
            if (pieces[i].p[k] != pieces[i].pattern) {
                check_failed(__FILE__, __LINE__, "a piece was overwritten");
                return;
            }
        }
    }
}

static void put_piece(unsigned char *p, size_t size, size_t align) {
    piece *q = &pieces[count++];
    CHECK(align == 0 ? ((uintptr_t)p & 15) == 0 : ((uintptr_t)p & (align - 1)) == 0);
    q->p = p;
    q->size = size;
    q->pattern = (unsigned char)check_random();
    memset(p, q->pattern, size);
}

/* Random work; when the arena is full it must stay full until something is given back. */
static void run_model(aimem_arena *a, int steps) {
    aimem_arena_mark marks[50];
    size_t counts[50], depth = 0;
    int step;
    count = 0;
    for (step = 0; step < steps; step++) {
        uint32_t what = check_below(100);
        size_t size = check_below(what == 0 ? 6000 : 120), align = (size_t)1 << check_below(8);
        if (check_below(4) == 0) align = 0;
        if (what < 70 && count < MOST) {
            size_t before = info_of(a).used;
            unsigned char *p = (unsigned char *)aimem_arena_push(a, size, align);
            if (p != NULL) {
                put_piece(p, size, align);
            } else {
                CHECK_INT(info_of(a).used, before);
                CHECK(info_of(a).limit != SIZE_MAX);
            }
        } else if (what < 80 && depth < 50) {
            counts[depth] = count;
            marks[depth++] = aimem_arena_save(a);
        } else if (what < 90 && depth != 0) {
            depth = check_below((uint32_t)depth);
            aimem_arena_rewind(a, marks[depth]);
            count = counts[depth];
        } else if (what < 97 && count != 0 && (depth == 0 || counts[depth - 1] < count)) {
            piece *q = &pieces[check_below(2) ? count - 1 : check_below((uint32_t)count)];
            size_t keep = q->size < size ? q->size : size, k;
            unsigned char *p;
            if (depth != 0 && q < &pieces[counts[depth - 1]]) continue;
            p = (unsigned char *)aimem_arena_resize(a, q->p, q->size, size, 1);
            if (p == NULL) continue;
            for (k = 0; k < keep; k++) CHECK(p[k] == q->pattern);
            q->p = p;
            q->size = size;
            memset(p, q->pattern, size);
        } else if (what == 98 && check_below(4) == 0) {
            (void)aimem_arena_trim(a);
        } else if (what == 99 && check_below(20) == 0) {
            aimem_arena_reset(a);
            count = depth = 0;
            CHECK_INT(info_of(a).used, 0);
        }
        if (step % 97 == 0) check_pieces();
    }
    check_pieces();
}

/* ---- tests ---- */

static void random_chunks(void) {
    static const size_t chunk[] = {0, 1, 100, 5000};
    size_t i, limit;
    for (i = 0; i < 4; i++) {
        for (limit = 0; limit <= 40000; limit += 20000) {
            aimem_arena_desc d = chunks_desc();
            aimem_arena a;
            d.chunk_size = chunk[i];
            d.max_bytes = limit;
            REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
            CHECK_INT(heap.calls, 0);
            run_model(&a, 5000);
            CHECK_INT(info_of(&a).reserved, heap.bytes);
            CHECK(limit == 0 || heap.peak <= (long)limit);
            aimem_arena_reset(&a);
            CHECK(aimem_arena_trim(&a) > 0);
            CHECK_INT(heap.bytes, 0);
            CHECK(aimem_arena_push(&a, 10, 8) != NULL);
            aimem_arena_deinit(&a);
            CHECK_HEAP_CLEAN(&heap);
        }
    }
}

static void random_memory(void) {
    size_t shift;
    for (shift = 0; shift < 20; shift += 3) {
        aimem_arena_desc d;
        aimem_arena a;
        size_t size = 9000 + shift, k;
        unsigned char *memory = (unsigned char *)malloc(size + 64);
        REQUIRE(memory != NULL);
        memset(memory, 0x5A, size + 64);
        memset(&d, 0, sizeof d);
        d.memory = memory + shift;
        d.memory_size = size;
        REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
        run_model(&a, 3000);
        CHECK_INT(info_of(&a).limit, size);
        CHECK_INT(info_of(&a).growths, 0);
        aimem_arena_reset(&a);
        CHECK(aimem_arena_push(&a, size, 1) == memory + shift); /* every byte */
        CHECK(aimem_arena_push(&a, 1, 1) == NULL);
        CHECK_INT(aimem_arena_trim(&a), 0);
        aimem_arena_deinit(&a);
        for (k = 0; k < shift; k++) CHECK(memory[k] == 0x5A);
        for (k = size + shift; k < size + 64; k++) CHECK(memory[k] == 0x5A);
        free(memory);
    }
}

static void random_reserve(void) {
    size_t limit;
    for (limit = 0; limit <= 60000; limit += 30000) {
        aimem_arena_desc d = vm_desc((size_t)VM_PAGE * VM_PAGES - 100);
        aimem_arena a;
        d.max_bytes = limit;
        REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
        run_model(&a, 6000);
        CHECK_INT(vm.errors, 0);
        aimem_arena_deinit(&a);
        CHECK_INT(vm.reserved, 0);
    }
}

static void system_reserve(void) {
    aimem_arena_desc d;
    aimem_arena a;
    unsigned char *p, *grown;
    aimem_result r;
    memset(&d, 0, sizeof d);
    d.reserve = (size_t)64 << 20;
    r = aimem_arena_init(&a, &d);
    if (r == AIMEM_ERR_UNSUPPORTED) SKIP("no virtual memory here");
    REQUIRE(r == AIMEM_OK);
    CHECK_INT(info_of(&a).reserved, 0);
    p = (unsigned char *)aimem_arena_push(&a, 1000, 16);
    REQUIRE(p != NULL);
    memset(p, 7, 1000);
    grown = (unsigned char *)aimem_arena_resize(&a, p, 1000, (size_t)40 << 20, 16);
    CHECK(grown == p && p[999] == 7); /* pieces never move */
    memset(p, 9, (size_t)40 << 20);
    CHECK(aimem_arena_push(&a, (size_t)30 << 20, 1) == NULL);
    aimem_arena_reset(&a);
    CHECK(aimem_arena_trim(&a) >= (size_t)40 << 20);
    CHECK_INT(info_of(&a).reserved, 0);
    p = (unsigned char *)aimem_arena_push(&a, 5000, 1);
    REQUIRE(p != NULL);
    CHECK(p[0] == 0 && p[4999] == 0); /* fresh pages */
    aimem_arena_deinit(&a);
}

static void bad_descs(void) {
    aimem_arena_desc d;
    aimem_arena a;
    char memory[100];
    CHECK_INT(aimem_arena_init(NULL, NULL), AIMEM_ERR_INVALID);
    d = chunks_desc(), d.canary_zero = 1;
    CHECK_INT(aimem_arena_init(&a, &d), AIMEM_ERR_INVALID);
    d = chunks_desc(), d.memory = memory;
    CHECK_INT(aimem_arena_init(&a, &d), AIMEM_ERR_INVALID);
    d = chunks_desc(), d.memory_size = 10;
    CHECK_INT(aimem_arena_init(&a, &d), AIMEM_ERR_INVALID);
    d = chunks_desc(), d.memory = memory, d.memory_size = SIZE_MAX;
    CHECK_INT(aimem_arena_init(&a, &d), AIMEM_ERR_INVALID);
    d = chunks_desc(), d.memory = memory, d.memory_size = 100, d.reserve = 100;
    CHECK_INT(aimem_arena_init(&a, &d), AIMEM_ERR_INVALID);
    d = vm_desc(SIZE_MAX);
    CHECK_INT(aimem_arena_init(&a, &d), AIMEM_ERR_NOMEM);
    d = vm_desc((size_t)VM_PAGE * VM_PAGES + 1);
    CHECK_INT(aimem_arena_init(&a, &d), AIMEM_ERR_NOMEM);
    d = vm_desc(1000), d.vm.page_size = 100;
    CHECK_INT(aimem_arena_init(&a, &d), AIMEM_ERR_INVALID);
    d = vm_desc(1000), d.vm.commit_fn = NULL;
    CHECK_INT(aimem_arena_init(&a, &d), AIMEM_ERR_INVALID);
    CHECK(a.chunk == NULL && a.at == NULL); /* a failed init leaves a zeroed arena */
    CHECK(aimem_arena_push(&a, 1, 1) == NULL);
    CHECK(aimem_arena_push(&a, 100, 0) == NULL);
    CHECK(aimem_arena_resize(&a, memory, 1, 2, 1) == NULL);
    aimem_arena_reset(&a);
    CHECK_INT(aimem_arena_trim(&a), 0);
    aimem_arena_deinit(&a);
    aimem_arena_deinit(&a);
    aimem_arena_deinit(NULL);
    CHECK_INT(vm.reserved, 0);
}

static void pushes(void) {
    static const size_t bad[] = {3, 5, 6, 7, 12, 24, SIZE_MAX, SIZE_MAX - 1};
    aimem_arena_desc d = chunks_desc();
    aimem_arena a;
    volatile size_t huge = SIZE_MAX; /* known, compilers warn */
    size_t i, k, used;
    unsigned char *p;
    d.max_bytes = (size_t)1 << 20;
    REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
    CHECK(aimem_arena_push(&a, 0, 1) != NULL); /* size 0 needs no memory */
    CHECK_INT(heap.calls, 0);
    p = (unsigned char *)aimem_arena_push(&a, 5, 0);
    CHECK(p != NULL && ((uintptr_t)p & 15) == 0);
    used = info_of(&a).used;
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(aimem_arena_push(&a, 8, bad[i]) == NULL);
        CHECK(aimem_arena_resize(&a, p, 5, 6, bad[i]) == NULL);
    }
    for (i = 1; i != 0; i *= 2) { /* every power of two: a piece, or NULL and no harm */
        unsigned char *q = (unsigned char *)aimem_arena_push(&a, 1, i);
        CHECK(q == NULL ? i > 65536 : ((uintptr_t)q & (i - 1)) == 0);
    }
    for (k = 0; k < 200; k++) { /* sizes that wrap round */
        CHECK(aimem_arena_push(&a, SIZE_MAX - k, 1) == NULL);
        CHECK(aimem_arena_push(&a, SIZE_MAX / 2 + k, 64) == NULL);
        CHECK(aimem_arena_push(&a, SIZE_MAX - k, SIZE_MAX / 2 + 1) == NULL);
        CHECK(aimem_arena_resize(&a, p, 5, SIZE_MAX - k, 1) == NULL);
    }
    CHECK(aimem_arena_push_array(&a, SIZE_MAX / 2, 3, 1) == NULL);
    CHECK(aimem_arena_push_array(&a, 3, SIZE_MAX / 2, 1) == NULL);
    CHECK(aimem_arena_push_array(&a, 0, SIZE_MAX, 1) != NULL);
    p = (unsigned char *)aimem_arena_push_array(&a, 10, 12, 4);
    REQUIRE(p != NULL);
    memset(p, 1, 120);
    p = (unsigned char *)aimem_arena_push(&a, 300, 1);
    REQUIRE(p != NULL);
    memset(p, 0xFF, 300);
    aimem_arena_reset(&a);
    CHECK(info_of(&a).peak >= used);
    p = (unsigned char *)aimem_arena_push_zeroed(&a, 300, 1);
    REQUIRE(p != NULL);
    for (k = 0; k < 300; k++) CHECK(p[k] == 0);
    CHECK(aimem_arena_push_zeroed(&a, huge, 1) == NULL);
    aimem_arena_deinit(&a);
    CHECK_HEAP_CLEAN(&heap);
}

#if !defined(UNDER_ASAN)
/* Memory at the very end of the address space: nothing wraps round. It is never touched. */
static void top_of_memory(void) {
    uintptr_t start = UINTPTR_MAX - 300, room = 250;
    aimem_arena_desc d;
    aimem_arena a;
    size_t align;
    memset(&d, 0, sizeof d);
    d.memory = (void *)start;
    d.memory_size = room;
    REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
    for (align = 1; align != 0; align *= 2) {
        uintptr_t p;
        size_t size;
        aimem_arena_reset(&a);
        p = (uintptr_t)aimem_arena_push(&a, 20, align);
        CHECK(p == 0 ? align > 64 : p >= start && p <= start + room - 20 && p % align == 0);
        for (size = SIZE_MAX; size > SIZE_MAX - 400; size--) {
            CHECK(aimem_arena_push(&a, size, align) == NULL);
        }
    }
    aimem_arena_deinit(&a);
}
#else
static void top_of_memory(void) {
    SKIP("the shadow of AddressSanitizer ends before it");
}
#endif

typedef struct three {
    double d;
    char c;
} three;

static void macros(void) {
    aimem_arena a;
    three *one, *many;
    REQUIRE(aimem_arena_init(&a, NULL) == AIMEM_OK); /* the C library */
    CHECK(aimem_arena_push(&a, 1, 1) != NULL);
    one = AIMEM_ARENA_NEW(&a, three);
    many = AIMEM_ARENA_ARRAY(&a, three, 7);
    REQUIRE(one != NULL && many != NULL);
    CHECK(one->c == 0 && ((uintptr_t)one & (AIMEM_ALIGNOF(three) - 1)) == 0);
    many[6].d = 2;
    CHECK((unsigned char *)(many + 7) == a.at);
    CHECK_INT(info_of(&a).limit == SIZE_MAX, 1);
    aimem_arena_deinit(&a);
}

static void growth_is_geometric(void) {
    aimem_arena_desc d = chunks_desc();
    aimem_arena a;
    int i;
    REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
    for (i = 0; i < 10000; i++) CHECK(aimem_arena_push(&a, 1000, 8) != NULL);
    CHECK(heap.calls <= 9); /* 64 KiB .. 4 MiB hold 10 MB */
    CHECK_INT(info_of(&a).chunks, heap.calls);
    CHECK_INT(info_of(&a).growths, heap.calls);
    CHECK(aimem_arena_push(&a, (size_t)9 << 20, 8) != NULL); /* more than a chunk */
    aimem_arena_reset(&a);
    i = (int)heap.calls;
    CHECK(aimem_arena_push(&a, (size_t)9 << 20, 8) != NULL); /* from the spare ones */
    CHECK_INT(heap.calls, i);
    aimem_arena_deinit(&a);
    CHECK_HEAP_CLEAN(&heap);
}

static void limits(void) {
    aimem_arena_desc d = chunks_desc();
    aimem_arena a;
    aimem_arena_mark mark;
    d.max_bytes = 20000;
    d.chunk_size = 4000;
    REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
    CHECK(aimem_arena_push(&a, 100, 1) != NULL);
    mark = aimem_arena_save(&a);
    CHECK(aimem_arena_push(&a, 6000, 1) != NULL);
    CHECK(aimem_arena_push(&a, 7000, 1) != NULL); /* a chunk of the usual size would not fit */
    CHECK(aimem_arena_push(&a, 15000, 1) == NULL);
    CHECK(info_of(&a).reserved <= 20000);
    CHECK_INT(info_of(&a).limit, 20000);
    aimem_arena_rewind(&a, mark);
    CHECK(aimem_arena_push(&a, 15000, 1) != NULL); /* the spare chunks made room for it */
    CHECK(info_of(&a).reserved <= 20000);
    aimem_arena_deinit(&a);
    CHECK_HEAP_CLEAN(&heap);
}

static void marks(void) {
    aimem_arena_desc d = chunks_desc();
    aimem_arena a, other;
    aimem_arena_mark start, middle, foreign;
    char *p, *q;
    d.chunk_size = 1000;
    REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK && aimem_arena_init(&other, &d) == AIMEM_OK);
    start = aimem_arena_save(&a);
    p = (char *)aimem_arena_push(&a, 700, 1);
    middle = aimem_arena_save(&a);
    q = (char *)aimem_arena_push(&a, 700, 1); /* in the next chunk */
    REQUIRE(p != NULL && q != NULL);
    CHECK_INT(info_of(&a).used, 1400);
    aimem_arena_rewind(&a, middle);
    CHECK_INT(info_of(&a).used, 700);
    CHECK_INT(info_of(&a).chunks, 2);
    CHECK(aimem_arena_push(&a, 200, 1) == p + 700);
    CHECK(aimem_arena_push(&a, 700, 1) == q); /* the spare chunk again */
    CHECK(aimem_arena_push(&other, 50, 1) != NULL);
    foreign = aimem_arena_save(&other);
    aimem_arena_rewind(&a, foreign); /* changes nothing */
    CHECK_INT(info_of(&a).used, 1600);
    aimem_arena_rewind(&a, start);
    CHECK_INT(info_of(&a).used, 0);
    aimem_arena_rewind(&a, middle); /* ahead: changes nothing */
    CHECK_INT(info_of(&a).used, 0);
    CHECK_INT(info_of(&a).peak, 1600);
    CHECK(aimem_arena_trim(&a) > 0);
    CHECK_INT(info_of(&a).chunks, 0);
    aimem_arena_rewind(&a, start); /* still means: empty */
    CHECK(aimem_arena_push(&a, 700, 1) != NULL);
    aimem_arena_deinit(&a);
    aimem_arena_deinit(&other);
    CHECK_HEAP_CLEAN(&heap);
}

static void resizing(void) {
    aimem_arena_desc d = chunks_desc();
    aimem_arena a;
    char *p, *q, *r;
    d.chunk_size = 1000;
    REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
    p = (char *)aimem_arena_resize(&a, NULL, 0, 100, 16);
    REQUIRE(p != NULL);
    memset(p, 'p', 100);
    CHECK(aimem_arena_resize(&a, p, 100, 500, 16) == p); /* the last one grows in place */
    CHECK_INT(info_of(&a).used, (p - (char *)aimi_pool_payload(a.chunk)) + 500);
    CHECK(aimem_arena_resize(&a, p, 500, 100, 16) == p); /* and gives back */
    q = (char *)aimem_arena_push(&a, 100, 1);
    CHECK(q == p + 100);
    CHECK(aimem_arena_resize(&a, p, 100, 50, 16) == p); /* shrinks where it is */
    r = (char *)aimem_arena_resize(&a, p, 50, 60, 16);  /* moves */
    CHECK(r != p && r != NULL && memcmp(r, p, 50) == 0);
    r = (char *)aimem_arena_resize(&a, r, 60, 5000, 16); /* to another chunk */
    CHECK(r != NULL && memcmp(r, p, 50) == 0);
    r = (char *)aimem_arena_push(&a, 1, 1);
    REQUIRE(r != NULL);
    q = (char *)aimem_arena_resize(&a, r, 1, 1, 64); /* a better alignment */
    CHECK(q != NULL && ((uintptr_t)q & 63) == 0);
    aimem_arena_deinit(&a);
    CHECK_HEAP_CLEAN(&heap);
}

static void strings(void) {
    aimem_arena_desc d = chunks_desc();
    aimem_arena a;
    char *s, *t;
    d.chunk_size = 64;
    REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
    s = aimem_arena_string(&a, "hello, world", 5);
    CHECK_STR(s, "hello");
    t = aimem_arena_concat(&a, s, ", arena");
    CHECK(t == s); /* in place */
    CHECK_STR(t, "hello, arena");
    t = aimem_arena_concat(&a, s, s);
    CHECK_STR(t, "hello, arenahello, arena");
    s = aimem_arena_strdup(&a, "x");
    t = aimem_arena_concat(&a, t, "!"); /* not the last one: copied */
    CHECK_STR(t, "hello, arenahello, arena!");
    CHECK_STR(s, "x");
    CHECK_STR(aimem_arena_concat(&a, NULL, "b"), "b");
    CHECK_STR(aimem_arena_concat(&a, "a", NULL), "a");
    CHECK_STR(aimem_arena_concat(&a, NULL, NULL), "");
    CHECK_STR(aimem_arena_string(&a, NULL, 0), "");
    CHECK(aimem_arena_string(&a, NULL, 1) == NULL);
    CHECK(aimem_arena_string(&a, "x", SIZE_MAX) == NULL);
    CHECK(aimem_arena_strdup(&a, NULL) == NULL);
    for (s = aimem_arena_strdup(&a, ""); strlen(s) < 3000;) { /* over many chunks */
        s = aimem_arena_concat(&a, s, "0123456789");
        REQUIRE(s != NULL);
    }
    CHECK(memcmp(s + 2990, "0123456789", 11) == 0);
    aimem_arena_deinit(&a);
    CHECK_HEAP_CLEAN(&heap);
}

static void scratch(void) {
    aimem_arena two[2];
    CHECK(aimem_arena_scratch(two, 2, NULL) == &two[0]);
    CHECK(aimem_arena_scratch(two, 2, &two[0]) == &two[1]);
    CHECK(aimem_arena_scratch(two, 2, &two[1]) == &two[0]);
    CHECK(aimem_arena_scratch(two, 1, &two[0]) == NULL);
    CHECK(aimem_arena_scratch(NULL, 0, NULL) == NULL);
}

static void as_allocator(void) {
    aimem_arena_desc d = chunks_desc();
    aimem_arena a;
    aimem_allocator h;
    void *p, *q;
    REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
    h = aimem_arena_allocator(&a);
    CHECK(h.realloc_fn(h.user_data, NULL, 0, 0, 1) == NULL);
    p = h.realloc_fn(h.user_data, NULL, 0, 100, 16);
    q = h.realloc_fn(h.user_data, NULL, 0, 100, 16);
    CHECK(p != NULL && q != NULL && p != q);
    CHECK(h.realloc_fn(h.user_data, q, 100, 300, 16) == q);
    CHECK(h.realloc_fn(h.user_data, p, 100, 0, 16) == NULL); /* not the last: stays */
    CHECK(h.realloc_fn(h.user_data, q, 300, 0, 16) == NULL);
    CHECK(h.realloc_fn(h.user_data, NULL, 0, 50, 16) == q);
    aimem_arena_deinit(&a);
    CHECK_HEAP_CLEAN(&heap);
}

/* A pool whose memory is an arena over the caller's bytes: hooks compose. */
static void pool_in_arena(void) {
    static unsigned char memory[20000];
    aimem_arena_desc d;
    aimem_pool_desc pd;
    aimem_arena a;
    aimem_pool *p;
    int n = 0;
    memset(&d, 0, sizeof d);
    memset(&pd, 0, sizeof pd);
    d.memory = memory;
    d.memory_size = sizeof memory;
    REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
    pd.allocator = aimem_arena_allocator(&a);
    pd.block_size = 100;
    REQUIRE(aimem_pool_create(&pd, &p) == AIMEM_OK);
    while (aimem_pool_alloc(p) != NULL) n++;
    CHECK(n > 60);
    aimem_pool_destroy(p);
    aimem_arena_deinit(&a);
}

static void commit_failures(void) {
    aimem_arena_desc d = vm_desc((size_t)VM_PAGE * VM_PAGES);
    aimem_arena a;
    size_t used;
    REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
    vm.fail_commits = 1; /* the generous one fails, the small one does not */
    CHECK(aimem_arena_push(&a, 10, 1) != NULL);
    CHECK_INT(info_of(&a).reserved, VM_PAGE);
    vm.fail_commits = 2;
    used = info_of(&a).used;
    CHECK(aimem_arena_push(&a, 1000, 1) == NULL);
    CHECK_INT(info_of(&a).used, used);
    CHECK(aimem_arena_push(&a, 1000, 1) != NULL);
    CHECK_INT(vm.errors, 0);
    aimem_arena_deinit(&a);
}

#if defined(UNDER_ASAN)
#include <sanitizer/asan_interface.h>

/* What is not a piece cannot be touched: behind the last one, and after a rewind. */
static void poisoned(void) {
    aimem_arena_desc d = chunks_desc();
    aimem_arena a;
    aimem_arena_mark mark;
    char *p, *q;
    d.chunk_size = 4096;
    REQUIRE(aimem_arena_init(&a, &d) == AIMEM_OK);
    p = (char *)aimem_arena_push(&a, 40, 8);
    mark = aimem_arena_save(&a);
    CHECK(__asan_address_is_poisoned(p + 40));
    q = (char *)aimem_arena_push(&a, 4096, 8); /* the next chunk */
    CHECK(__asan_region_is_poisoned(q, 4096) == NULL);
    aimem_arena_rewind(&a, mark);
    CHECK(__asan_address_is_poisoned(q) && __asan_address_is_poisoned(q + 4095));
    CHECK(__asan_region_is_poisoned(p, 40) == NULL);
    CHECK(aimem_arena_resize(&a, p, 40, 24, 8) == p);
    CHECK(__asan_address_is_poisoned(p + 24));
    aimem_arena_deinit(&a);
    CHECK_HEAP_CLEAN(&heap);
}
#else
static void poisoned(void) {
    SKIP("not under AddressSanitizer");
}
#endif

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(bad_descs);
    RUN(pushes);
    RUN(top_of_memory);
    RUN(macros);
    RUN(growth_is_geometric);
    RUN(limits);
    RUN(marks);
    RUN(resizing);
    RUN(strings);
    RUN(scratch);
    RUN(poisoned);
    RUN(as_allocator);
    RUN(pool_in_arena);
    RUN(commit_failures);
    RUN(system_reserve);
    RUN(random_chunks);
    RUN(random_memory);
    RUN(random_reserve);
    return CHECK_END();
}
