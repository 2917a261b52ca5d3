/* Recycled buffers: every engine against a model, and the facts that the documentation promises. */
#include "check.h"

#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"

#if defined(__unix__) || defined(__APPLE__)
#if !defined(AIMEM_NO_THREADS)
#include <pthread.h>
#define HAVE_PTHREAD 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif

#define KIB ((size_t)1024)
#define MIB ((size_t)1048576)
#define SECOND ((uint64_t)1000000000)

/* ---- address space of our own, that notices what is touched without a commit ---- */

typedef struct fake_vm {
    unsigned char *raw, *base;
    size_t size;
    unsigned char *committed; /* per page of 4096 */
    long commits, decommits, fail_at, errors;
} fake_vm;

static void *fake_reserve(void *user_data, size_t size) {
    fake_vm *v = (fake_vm *)user_data;
    if (v->raw != NULL || size > 64 * MIB) return NULL;
    v->raw = (unsigned char *)malloc(size + 4096);
    v->committed = (unsigned char *)calloc(size / 4096 + 1, 1);
    if (v->raw == NULL || v->committed == NULL) abort();
    v->base = v->raw + ((size_t)(0 - (uintptr_t)v->raw) & 4095);
    v->size = size;
    return v->base;
}

static size_t fake_page(fake_vm *v, void *ptr, size_t size) {
    size_t at = (size_t)((unsigned char *)ptr - v->base);
    if (at % 4096 != 0 || size % 4096 != 0 || at + size > v->size) v->errors++;
    return at / 4096;
}

static bool fake_commit(void *user_data, void *ptr, size_t size) {
    fake_vm *v = (fake_vm *)user_data;
    size_t i = fake_page(v, ptr, size), end = i + size / 4096;
    if (++v->commits == v->fail_at) return false;
    for (; i < end; i++) {
        if (v->committed[i]++ != 0) v->errors++;
        memset(v->base + i * 4096, 0, 4096);
    }
    return true;
}

static void fake_decommit(void *user_data, void *ptr, size_t size) {
    fake_vm *v = (fake_vm *)user_data;
    size_t i = fake_page(v, ptr, size), end = i + size / 4096;
    v->decommits++;
    for (; i < end; i++) {
        if (v->committed[i]-- != 1) v->errors++;
    }
}

static void fake_release(void *user_data, void *ptr, size_t size) {
    fake_vm *v = (fake_vm *)user_data;
    if (ptr != v->base || size != v->size) v->errors++;
    free(v->raw);
    free(v->committed);
    v->raw = NULL;
}

static int fake_usable(const fake_vm *v, const void *ptr, size_t size) {
    size_t at = (size_t)((const unsigned char *)ptr - v->base), i = at / 4096;
    for (; i <= (at + size - 1) / 4096; i++) {
        if (v->committed[i] != 1) return 0;
    }
    return 1;
}

/* ---- the engines ---- */

enum { FAKE_VM, SYSTEM_VM, MEMORY, CHUNKS, CLASSES, ENGINES };

typedef struct setup {
    aimem_buffers_desc desc;
    check_heap heap;
    fake_vm vm;
    aimem_buffers *b;
    unsigned char *memory;
    long lines; /* of the logger */
    int32_t code;
    char text[200];
} setup;

static void log_line(void *user_data, int level, int32_t code, const char *text) {
    setup *s = (setup *)user_data;
    (void)level;
    s->lines++;
    s->code = code;
    snprintf(s->text, sizeof s->text, "%s", text);
}

static void prepare(setup *s, int engine) {
    memset(s, 0, sizeof *s);
    s->desc.allocator.realloc_fn = check_heap_realloc;
    s->desc.allocator.user_data = &s->heap;
    s->desc.logger.log_fn = log_line;
    s->desc.logger.user_data = s;
    if (engine == FAKE_VM) {
        s->desc.vm.reserve_fn = fake_reserve;
        s->desc.vm.commit_fn = fake_commit;
        s->desc.vm.decommit_fn = fake_decommit;
        s->desc.vm.release_fn = fake_release;
        s->desc.vm.page_size = 4096;
        s->desc.vm.user_data = &s->vm;
        s->desc.reserve = 32 * MIB;
    } else if (engine == MEMORY) {
        s->desc.memory_size = 16 * MIB + 77;
        s->memory = (unsigned char *)malloc(s->desc.memory_size + 1);
        if (s->memory == NULL) abort();
        s->desc.memory = s->memory + 1;
    } else if (engine == CHUNKS) {
        s->desc.engine = AIMEM_BUFFERS_CHUNKS;
    } else if (engine == CLASSES) {
        s->desc.engine = AIMEM_BUFFERS_CLASSES;
    }
}

static int begin(setup *s) {
    aimem_result r = aimem_buffers_create(&s->desc, &s->b);
    CHECK_INT(r, AIMEM_OK);
    return r == AIMEM_OK;
}

static void end(setup *s) {
    aimem_buffers_destroy(s->b);
    s->b = NULL;
    free(s->memory);
    s->memory = NULL;
    CHECK_INT(s->vm.errors, 0);
    CHECK(s->vm.raw == NULL);
    CHECK_HEAP_CLEAN(&s->heap);
}

static aimem_buffer take(setup *s, size_t size) {
    aimem_buffer x;
    CHECK_INT(aimem_buffers_alloc(s->b, size, &x), AIMEM_OK);
    return x;
}

static aimem_buffers_info info_of(const setup *s) {
    aimem_buffers_info info;
    aimem_buffers_stats(s->b, &info);
    return info;
}

/* ---- every engine against a model ---- */

typedef struct held {
    aimem_buffer x;
    size_t size, align;
    unsigned char seed;
} held;

static unsigned char pattern(unsigned char seed, size_t i) {
    return (unsigned char)(seed + i * 7 + (i >> 8));
}

/* The first and last bytes, and some between: what overlaps or moves wrongly is seen. */
static size_t step(size_t size) {
    return size < 512 ? 1 : size / 97;
}

static void paint(held *h, unsigned char *p, size_t from) {
    size_t i;
    for (i = from; i < h->size; i++) p[i] = pattern(h->seed, i);
}

static int intact(const held *h, const unsigned char *p, size_t size) {
    size_t i;
    for (i = 0; i < size; i += step(size)) {
        if (p[i] != pattern(h->seed, i)) return 0;
    }
    return size == 0 || p[size - 1] == pattern(h->seed, size - 1);
}

static void model_alloc(setup *s, held *h, bool fake) {
    aimem_buffer_desc d;
    aimem_result r;
    unsigned char *p;
    memset(&d, 0, sizeof d);
    d.size = 1 + check_below(1u << (4 + check_below(15)));
    d.align = check_below(4) == 0 ? (size_t)1 << check_below(17) : 0;
    h->size = d.size;
    h->align = d.align != 0 ? d.align : 64;
    h->seed = (unsigned char)check_below(256);
    r = aimem_buffers_alloc_with(s->b, &d, &h->x);
    CHECK(r == AIMEM_OK || (r == AIMEM_ERR_LIMIT && h->x.id == 0));
    if (r != AIMEM_OK) return;
    p = (unsigned char *)aimem_buffers_data(s->b, h->x);
    REQUIRE(p != NULL);
    CHECK(((uintptr_t)p & (h->align - 1)) == 0 && ((uintptr_t)p & 63) == 0);
    if (fake) CHECK(fake_usable(&s->vm, p, h->size));
    paint(h, p, 0);
}

static void model_resize(setup *s, held *h, bool fake) {
    size_t size = 1 + check_below((uint32_t)h->size * 2), keep = size < h->size ? size : h->size;
    aimem_result r = aimem_buffers_resize(s->b, h->x, size);
    unsigned char *p = (unsigned char *)aimem_buffers_data(s->b, h->x);
    CHECK(r == AIMEM_OK || r == AIMEM_ERR_LIMIT);
    CHECK(p != NULL && ((uintptr_t)p & (h->align - 1)) == 0);
    CHECK(intact(h, p, r == AIMEM_OK ? keep : h->size));
    if (r != AIMEM_OK) return;
    h->size = size;
    if (fake) CHECK(fake_usable(&s->vm, p, size));
    paint(h, p, keep);
}

static void model_run(int engine, size_t max_bytes, int steps) {
    static held list[300];
    setup s;
    size_t live = 0, i;
    int round;
    memset(list, 0, sizeof list);
    prepare(&s, engine);
    s.desc.max_bytes = max_bytes;
    REQUIRE(begin(&s));
    for (round = 0; round < steps; round++) {
        held *h = &list[check_below(round % 2000 < 1000 ? 300 : 60)];
        uint32_t what = check_below(10);
        aimem_buffers_info info;
        if (h->x.id == 0) {
            model_alloc(&s, h, engine == FAKE_VM);
        } else if (what < 7) {
            CHECK(intact(h, (unsigned char *)aimem_buffers_data(s.b, h->x), h->size));
            CHECK_INT(aimem_buffers_release(s.b, h->x), AIMEM_OK);
            CHECK(aimem_buffers_data(s.b, h->x) == NULL);
            h->x.id = 0;
        } else {
            model_resize(&s, h, engine == FAKE_VM);
        }
        if (round % 100 == 7) (void)aimem_buffers_tick(s.b, (uint64_t)round * SECOND, 0);
        if (round % 1000 == 999) (void)aimem_buffers_trim(s.b);
        if (round % 50 != 0) continue;
        info = info_of(&s);
        for (i = live = 0; i < 300; i++) live += list[i].x.id != 0 ? list[i].size : 0;
        CHECK_INT(info.bytes - info.waste, live);
        CHECK(info.bytes <= info.held_bytes && info.held_bytes <= info.peak_held);
        if (max_bytes != 0) CHECK(info.peak_held <= max_bytes);
        if (engine <= SYSTEM_VM) {
            CHECK(info.peak_held <= info.peak_bytes + info.peak_bytes / 50 + MIB + 65536);
        }
    }
    for (i = 0; i < 300; i++) {
        if (list[i].x.id == 0) continue;
        CHECK(intact(&list[i], (unsigned char *)aimem_buffers_data(s.b, list[i].x), list[i].size));
        CHECK_INT(aimem_buffers_release(s.b, list[i].x), AIMEM_OK);
    }
    CHECK(info_of(&s).in_use == 0 && info_of(&s).bytes == 0 && info_of(&s).waste == 0);
    (void)aimem_buffers_trim(s.b);
    if (engine != MEMORY) CHECK_INT(info_of(&s).held_bytes, 0);
    CHECK_INT(s.lines, 0);
    end(&s);
}

static void model_fake_vm(void) {
    model_run(FAKE_VM, 0, 6000);
    model_run(FAKE_VM, 4 * MIB, 3000);
}

static void model_system_vm(void) {
    aimem_buffers *b;
    aimem_buffers_desc desc;
    memset(&desc, 0, sizeof desc);
    desc.reserve = MIB;
    if (aimem_buffers_create(&desc, &b) != AIMEM_OK) SKIP("no virtual memory here");
    aimem_buffers_destroy(b);
    model_run(SYSTEM_VM, 0, 3000);
}

static void model_memory(void) {
    model_run(MEMORY, 0, 6000);
}

static void model_chunks(void) {
    model_run(CHUNKS, 0, 6000);
    model_run(CHUNKS, 5 * MIB, 3000);
}

static void model_classes(void) {
    model_run(CLASSES, 0, 6000);
    model_run(CLASSES, 6 * MIB, 3000);
}

/* ---- handles, references ---- */

static void references(void) {
    int engine;
    for (engine = FAKE_VM; engine < ENGINES; engine++) {
        setup s, other;
        aimem_buffer a, c, none;
        aimem_buffer_info about;
        none.id = 0;
        if (engine == SYSTEM_VM) continue;
        prepare(&s, engine);
        prepare(&other, CLASSES);
        REQUIRE(begin(&s) && begin(&other));
        a = take(&s, 1000);
        CHECK_INT(aimem_buffers_retain(s.b, a), AIMEM_OK);
        CHECK_INT(aimem_buffers_about(s.b, a, &about), AIMEM_OK);
        CHECK(about.refs == 2 && about.size == 1000 && about.count == 1000 && about.held >= 1000);
        CHECK_INT(aimem_buffers_release(s.b, a), AIMEM_OK);
        CHECK(aimem_buffers_data(s.b, a) == about.data);
        CHECK_INT(aimem_buffers_release(s.b, a), AIMEM_OK);
        CHECK_INT(s.lines, 0);
        CHECK_INT(aimem_buffers_release(s.b, a), AIMEM_ERR_STALE);
        CHECK_INT(s.lines, 1);
        CHECK_INT(s.code, AIMEM_ERR_STALE);
        CHECK_INT(aimem_buffers_retain(s.b, a), AIMEM_ERR_STALE);
        CHECK_INT(aimem_buffers_resize(s.b, a, 5), AIMEM_ERR_STALE);
        CHECK_INT(aimem_buffers_about(s.b, a, &about), AIMEM_ERR_STALE);
        c = take(&s, 1000); /* the same memory, another handle */
        CHECK(c.id != a.id && aimem_buffers_data(s.b, a) == NULL);
        CHECK_INT(aimem_buffers_release(s.b, a), AIMEM_ERR_STALE);
        CHECK_INT(aimem_buffers_release(other.b, c), AIMEM_ERR_STALE);
        CHECK_INT(aimem_buffers_release(s.b, none), AIMEM_OK);
        CHECK_INT(aimem_buffers_retain(s.b, none), AIMEM_ERR_STALE);
        a.id = UINT64_MAX;
        CHECK_INT(aimem_buffers_release(s.b, a), AIMEM_ERR_STALE);
        CHECK_INT(info_of(&s).refused, 7);
        CHECK_INT(aimem_buffers_release(s.b, c), AIMEM_OK);
        end(&s);
        end(&other);
    }
}

static void handing_over(void) {
    setup s, other;
    aimem_buffer a, c, d;
    aimem_buffer_info about;
    void *data;
    prepare(&s, FAKE_VM);
    prepare(&other, CHUNKS);
    REQUIRE(begin(&s) && begin(&other));
    a = take(&s, 5000);
    data = aimem_buffers_data(s.b, a);
    CHECK_INT(aimem_buffers_handover(s.b, a, NULL, &c), AIMEM_OK);
    CHECK(aimem_buffers_data(s.b, a) == NULL && aimem_buffers_data(s.b, c) == data);
    CHECK_INT(aimem_buffers_handover(s.b, a, NULL, &d), AIMEM_ERR_STALE);
    CHECK_INT(d.id, 0);
    CHECK_INT(aimem_buffers_retain(s.b, c), AIMEM_OK);
    CHECK_INT(aimem_buffers_handover(s.b, c, other.b, &d), AIMEM_ERR_BUSY);
    CHECK(d.id == 0 && aimem_buffers_data(s.b, c) == data && info_of(&other).in_use == 0);
    CHECK_INT(aimem_buffers_release(s.b, c), AIMEM_OK);
    CHECK_INT(aimem_buffers_handover(s.b, c, other.b, &d), AIMEM_OK);
    CHECK(aimem_buffers_data(s.b, c) == NULL && aimem_buffers_data(other.b, d) == data);
    CHECK_INT(aimem_buffers_about(other.b, d, &about), AIMEM_OK);
    CHECK(about.borrowed && about.size == 5000);
    CHECK(info_of(&other).in_use == 1 && info_of(&other).bytes == 0 && info_of(&s).in_use == 1);
    CHECK_INT(aimem_buffers_resize(other.b, d, 9), AIMEM_ERR_UNSUPPORTED);
    CHECK_INT(aimem_buffers_write(other.b, d, 4999, "x", 1), AIMEM_OK);
    CHECK_INT(((unsigned char *)data)[4999], 'x');
    CHECK_INT(aimem_buffers_handover(other.b, d, s.b, &a), AIMEM_OK); /* and back again */
    CHECK(aimem_buffers_data(s.b, a) == data && aimem_buffers_data(other.b, d) == NULL);
    CHECK_INT(aimem_buffers_release(s.b, a), AIMEM_OK); /* through other, to s */
    CHECK(info_of(&s).in_use == 0 && info_of(&other).in_use == 0 && info_of(&s).bytes == 0);
    CHECK_INT(aimem_buffers_handover(s.b, take(&s, 77), other.b, &d), AIMEM_OK);
    end(&other); /* what it holds goes back to its owner */
    CHECK_INT(info_of(&s).in_use, 0);
    end(&s);
}

static void scopes(void) {
    setup s;
    aimem_buffers_scope outer, inner;
    aimem_buffer a, c, d, e;
    memset(&outer, 0, sizeof outer);
    memset(&inner, 0, sizeof inner);
    prepare(&s, CHUNKS);
    REQUIRE(begin(&s));
    CHECK_INT(aimem_buffers_scope_end(NULL), 0);
    CHECK_INT(aimem_buffers_scope_end(&outer), 0);
    a = take(&s, 100);
    c = take(&s, 200);
    d = take(&s, 300);
    e = take(&s, 400);
    CHECK_INT(aimem_buffers_scope_add(s.b, &outer, a), AIMEM_OK);
    CHECK_INT(aimem_buffers_scope_add(s.b, &inner, c), AIMEM_OK);
    CHECK_INT(aimem_buffers_scope_add(s.b, &inner, d), AIMEM_OK);
    CHECK_INT(aimem_buffers_scope_add(s.b, &inner, e), AIMEM_OK);
    CHECK_INT(aimem_buffers_scope_keep(&inner, a), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(aimem_buffers_scope_keep(&inner, d), AIMEM_OK);
    CHECK_INT(inner.count, 2);
    CHECK_INT(aimem_buffers_release(s.b, c), AIMEM_OK); /* before its scope does: passed over */
    CHECK_INT(aimem_buffers_scope_end(&inner), 1);
    CHECK_INT(aimem_buffers_scope_end(&inner), 0);
    CHECK(aimem_buffers_data(s.b, d) != NULL && aimem_buffers_data(s.b, e) == NULL);
    CHECK_INT(aimem_buffers_scope_add(s.b, &inner, e), AIMEM_ERR_STALE);
    CHECK_INT(aimem_buffers_retain(s.b, a), AIMEM_OK);
    CHECK_INT(aimem_buffers_scope_end(&outer), 1);
    CHECK(aimem_buffers_data(s.b, a) != NULL);
    CHECK_INT(aimem_buffers_release(s.b, a), AIMEM_OK);
    CHECK_INT(aimem_buffers_release(s.b, d), AIMEM_OK);
#if defined(AIMEM_BUFFERS_SCOPE)
    {
        AIMEM_BUFFERS_SCOPE(leaves);
        CHECK_INT(aimem_buffers_scope_add(s.b, &leaves, take(&s, 50)), AIMEM_OK);
        CHECK_INT(info_of(&s).in_use, 1);
    }
#endif
#if defined(__cplusplus)
    {
        aimem_buffers_guard guard(s.b);
        a = take(&s, 60);
        CHECK_INT(guard.add(take(&s, 50)), AIMEM_OK);
        CHECK_INT(guard.add(a), AIMEM_OK);
        CHECK_INT(guard.keep(a), AIMEM_OK);
    }
    CHECK_INT(info_of(&s).in_use, 1);
    CHECK_INT(aimem_buffers_release(s.b, a), AIMEM_OK);
#endif
    CHECK_INT(info_of(&s).in_use, 0);
    end(&s);
}

/* What is held is listed, and told when the object ends. */
static void held_buffers(void) {
    setup s;
    aimem_buffer_desc d;
    aimem_buffer_info list[3];
    aimem_buffer a;
    int i;
    prepare(&s, CHUNKS);
    REQUIRE(begin(&s));
    (void)aimem_buffers_tick(s.b, 5 * SECOND, 0);
    memset(&d, 0, sizeof d);
    d.count = 10;
    d.dtype = AIMEM_DTYPE_F32;
    d.name = "weights of layer 17";
    CHECK_INT(aimem_buffers_alloc_with(s.b, &d, &a), AIMEM_OK);
    CHECK_INT(aimem_buffers_retain(s.b, a), AIMEM_OK);
    (void)aimem_buffers_tick(s.b, 8 * SECOND, 0);
    for (i = 0; i < 20; i++) (void)take(&s, 10);
    CHECK_INT(aimem_buffers_list(s.b, NULL, 0), 21);
    CHECK_INT(aimem_buffers_list(s.b, list, 3), 21);
    CHECK_STR(list[0].name, "weights of laye");
    CHECK(list[0].refs == 2 && list[0].size == 40 && list[0].count == 10);
    CHECK(list[0].age_ns == 3 * SECOND && list[1].age_ns == 0 && list[0].buffer.id == a.id);
    CHECK_INT(s.lines, 0);
    end(&s);
    CHECK_INT(s.lines, 17);
    CHECK_INT(s.code, AIMEM_ERR_BUSY);
}

/* ---- memory ---- */

static void bad_descs(void) {
    static const size_t falling[] = {64, 128, 128};
    setup s;
    aimem_buffers *b = NULL;
    aimem_buffer x;
    aimem_buffer_desc d;
    int i;
    for (i = 0; i < 12; i++) {
        prepare(&s, CHUNKS);
        if (i == 0) s.desc.canary_zero = 1;
        if (i == 1) s.desc.align = 48;
        if (i == 2) s.desc.align = 131072;
        if (i == 3) s.desc.classes = falling, s.desc.class_count = 3;
        if (i == 4) s.desc.classes = falling; /* none of them */
        if (i == 5) s.desc.class_count = 3;   /* no list */
        if (i == 6) s.desc.class_count = AIMEM_BUFFERS_CLASSES_MOST + 1;
        if (i == 7) s.desc.memory_size = 100;
        if (i == 8) s.desc.engine = 3;
        if (i == 9) s.desc.preset = 3;
        if (i == 10) s.desc.memory = &s, s.desc.memory_size = 100; /* with another engine */
        if (i == 11) s.desc.engine = 0, s.desc.memory = &s;
        b = (aimem_buffers *)&s;
        CHECK_INT(aimem_buffers_create(&s.desc, &b), AIMEM_ERR_INVALID);
        CHECK(b == NULL);
        CHECK_HEAP_CLEAN(&s.heap);
    }
    CHECK_INT(aimem_buffers_create(NULL, NULL), AIMEM_ERR_INVALID);
    aimem_buffers_destroy(NULL);
    prepare(&s, CHUNKS);
    REQUIRE(begin(&s));
    memset(&d, 0, sizeof d);
    CHECK_INT(aimem_buffers_alloc_with(s.b, NULL, &x), AIMEM_ERR_INVALID);
    d.count = SIZE_MAX / 2;
    d.dtype = AIMEM_DTYPE_F64;
    CHECK_INT(aimem_buffers_alloc_with(s.b, &d, &x), AIMEM_ERR_RANGE);
    d.size = 1;
    CHECK_INT(aimem_buffers_alloc_with(s.b, &d, &x), AIMEM_ERR_INVALID);
    d.count = 0;
    d.dtype = 17;
    CHECK_INT(aimem_buffers_alloc_with(s.b, &d, &x), AIMEM_ERR_INVALID);
    d.dtype = 0;
    d.align = 3;
    CHECK_INT(aimem_buffers_alloc_with(s.b, &d, &x), AIMEM_ERR_INVALID);
    d.align = (size_t)1 << 20;
    CHECK_INT(aimem_buffers_alloc_with(s.b, &d, &x), AIMEM_ERR_INVALID);
    end(&s);
}

static void odd_sizes(void) {
    int engine;
    size_t i;
    for (engine = FAKE_VM; engine < ENGINES; engine++) {
        static const size_t sizes[] = {0,   1,       255,        256,      257,     1023,    65535,
                                       MIB, 3 * MIB, 64 * MIB + 1, SIZE_MAX, SIZE_MAX - 63,
                                       SIZE_MAX / 2, SIZE_MAX - 100000};
        setup s;
        if (engine == SYSTEM_VM) continue;
        prepare(&s, engine);
        s.desc.max_bytes = 8 * MIB;
        REQUIRE(begin(&s));
        for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            aimem_buffer x;
            aimem_result r = aimem_buffers_alloc(s.b, sizes[i], &x);
            CHECK_INT(r, sizes[i] > 16 * MIB ? AIMEM_ERR_LIMIT : AIMEM_OK);
            if (r != AIMEM_OK) continue;
            memset(aimem_buffers_data(s.b, x), 1, sizes[i] != 0 ? sizes[i] : 1);
            CHECK_INT(aimem_buffers_resize(s.b, x, SIZE_MAX), AIMEM_ERR_LIMIT);
            CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
        }
        end(&s);
    }
}

/* Everything full; one released, whichever: the same size is served again. */
static void exact_refill(void) {
    int engine;
    for (engine = FAKE_VM; engine < ENGINES; engine++) {
        static aimem_buffer list[3000];
        setup s;
        size_t n = 0, i;
        if (engine == SYSTEM_VM) continue;
        prepare(&s, engine);
        s.desc.max_bytes = 2 * MIB;
        if (engine == MEMORY) s.desc.memory_size = 2 * MIB + 63;
        s.desc.max_per_class = 10000;
        REQUIRE(begin(&s));
        while (n < 3000 && aimem_buffers_alloc(s.b, 1024, &list[n]) == AIMEM_OK) n++;
        CHECK(n >= 2000 && n <= 2048);
        for (i = 0; i < n; i += 37) {
            CHECK_INT(aimem_buffers_release(s.b, list[i]), AIMEM_OK);
            CHECK_INT(aimem_buffers_alloc(s.b, 1024, &list[i]), AIMEM_OK);
        }
        for (i = 0; i < n; i++) CHECK_INT(aimem_buffers_release(s.b, list[i]), AIMEM_OK);
        end(&s);
    }
}

static void commit_fails(void) {
    setup s;
    aimem_buffer x;
    prepare(&s, FAKE_VM);
    REQUIRE(begin(&s));
    s.vm.fail_at = 1; /* together with what lies ahead; alone it works */
    x = take(&s, 5 * MIB);
    CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
    (void)aimem_buffers_trim(s.b);
    s.vm.fail_at = s.vm.commits + 2;
    CHECK_INT(aimem_buffers_alloc(s.b, 64 * KIB, &x), AIMEM_OK);
    s.vm.fail_at = s.vm.commits + 1;
    (void)aimem_buffers_resize(s.b, x, 30 * MIB);
    s.vm.fail_at = 0;
    CHECK_INT(aimem_buffers_resize(s.b, x, 2 * MIB), AIMEM_OK);
    CHECK(fake_usable(&s.vm, aimem_buffers_data(s.b, x), 2 * MIB));
    CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
    end(&s);
}

static void clearing(void) {
    int engine;
    for (engine = FAKE_VM; engine < ENGINES; engine++) {
        setup s;
        aimem_buffer x;
        unsigned char *p;
        size_t i, wrong = 0;
        if (engine == SYSTEM_VM) continue;
        prepare(&s, engine);
        s.desc.clear_on_alloc = true;
        REQUIRE(begin(&s));
        x = take(&s, 3000);
        memset(aimem_buffers_data(s.b, x), 9, 3000);
        CHECK_INT(aimem_buffers_resize(s.b, x, 1000), AIMEM_OK);
        CHECK_INT(aimem_buffers_resize(s.b, x, 3000), AIMEM_OK);
        p = (unsigned char *)aimem_buffers_data(s.b, x);
        for (i = 0; i < 3000; i++) wrong += p[i] != (i < 1000 ? 9 : 0);
        memset(p, 9, 3000);
        CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
        x = take(&s, 3000);
        p = (unsigned char *)aimem_buffers_data(s.b, x);
        for (i = 0; i < 3000; i++) wrong += p[i] != 0;
        CHECK_INT(wrong, 0);
        CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
        end(&s);
    }
#if !defined(UNDER_ASAN) /* a freed buffer is poisoned there */
    {
        setup s;
        aimem_buffer x;
        unsigned char *p;
        size_t i, wrong = 0;
        prepare(&s, MEMORY);
        s.desc.clear_on_release = true;
        REQUIRE(begin(&s));
        x = take(&s, 3000);
        p = (unsigned char *)aimem_buffers_data(s.b, x);
        memset(p, 9, 3000);
        CHECK_INT(aimem_buffers_resize(s.b, x, 1500), AIMEM_OK);
        for (i = 0; i < 3000; i++) wrong += p[i] != (i < 1500 ? 9 : 0);
        CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
        for (i = 0; i < 3000; i++) wrong += p[i] != 0;
        CHECK_INT(wrong, 0);
        end(&s);
    }
#endif
}

/* ---- classes ---- */

static aimem_buffers_class_info class_of(const setup *s, uint32_t i) {
    aimem_buffers_class_info c;
    CHECK_INT(aimem_buffers_class_stats(s->b, i, &c), AIMEM_OK);
    return c;
}

static void size_classes(void) {
    static const size_t mine[] = {100, 1000};
    setup s;
    aimem_buffer a, c, d, e;
    aimem_buffers_class_info k;
    void *data;
    prepare(&s, CLASSES);
    s.desc.classes = mine;
    s.desc.class_count = 2;
    s.desc.max_per_class = 2;
    REQUIRE(begin(&s));
    a = take(&s, 90);
    c = take(&s, 100);
    d = take(&s, 80);   /* full: exactly 80, not kept */
    e = take(&s, 1001); /* past the last class */
    CHECK(info_of(&s).held_bytes == 100 + 100 + 80 + 1001 && info_of(&s).waste == 10);
    k = class_of(&s, 0);
    CHECK(k.size == 100 && k.in_use == 3 && k.misses == 3 && k.hits == 0 && k.bytes == 280);
    k = class_of(&s, 2);
    CHECK(k.size == 0 && k.in_use == 1 && k.bytes == 1001);
    CHECK_INT(aimem_buffers_class_stats(s.b, 3, &k), AIMEM_ERR_RANGE);
    data = aimem_buffers_data(s.b, c);
    CHECK_INT(aimem_buffers_release(s.b, d), AIMEM_OK);
    CHECK_INT(aimem_buffers_release(s.b, e), AIMEM_OK);
    CHECK(info_of(&s).kept == 0 && info_of(&s).held_bytes == 200);
    CHECK_INT(aimem_buffers_release(s.b, a), AIMEM_OK);
    CHECK_INT(aimem_buffers_release(s.b, c), AIMEM_OK);
    CHECK(info_of(&s).kept == 2 && info_of(&s).held_bytes == 200 && info_of(&s).bytes == 0);
    a = take(&s, 1); /* the newest of its class */
    CHECK(aimem_buffers_data(s.b, a) == data);
    k = class_of(&s, 0);
    CHECK(k.hits == 1 && k.kept == 1 && k.in_use == 1 && k.created == 3 && k.waste == 99);
    CHECK(info_of(&s).hits == 1 && info_of(&s).misses == 4);
    CHECK_INT(aimem_buffers_resize(s.b, a, 70), AIMEM_OK); /* the same class: in place */
    CHECK(aimem_buffers_data(s.b, a) == data && class_of(&s, 0).waste == 30);
    CHECK_INT(aimem_buffers_resize(s.b, a, 700), AIMEM_OK);
    CHECK(class_of(&s, 1).in_use == 1 && class_of(&s, 0).in_use == 0);
    CHECK_INT(aimem_buffers_release(s.b, a), AIMEM_OK);
    end(&s);
}

static void kept_limits(void) {
    setup s;
    aimem_buffer list[6];
    int i;
    prepare(&s, CLASSES);
    s.desc.max_kept = 4;
    REQUIRE(begin(&s));
    for (i = 0; i < 6; i++) list[i] = take(&s, i < 3 ? 200 : 900);
    for (i = 0; i < 6; i++) CHECK_INT(aimem_buffers_release(s.b, list[i]), AIMEM_OK);
    CHECK(info_of(&s).kept == 4 && class_of(&s, 0).kept == 1 && class_of(&s, 1).kept == 3);
    end(&s);
    prepare(&s, CLASSES);
    s.desc.max_kept_bytes = 2000;
    REQUIRE(begin(&s));
    for (i = 0; i < 6; i++) list[i] = take(&s, i < 3 ? 200 : 900);
    for (i = 0; i < 6; i++) CHECK_INT(aimem_buffers_release(s.b, list[i]), AIMEM_OK);
    CHECK(class_of(&s, 0).kept == 0 && class_of(&s, 1).kept == 1);
    end(&s);
    prepare(&s, CLASSES);
    s.desc.max_bytes = 2048; /* the oldest kept give way */
    REQUIRE(begin(&s));
    for (i = 0; i < 2; i++) list[i] = take(&s, 900);
    CHECK_INT(aimem_buffers_alloc(s.b, 1, &list[2]), AIMEM_ERR_LIMIT);
    for (i = 0; i < 2; i++) CHECK_INT(aimem_buffers_release(s.b, list[i]), AIMEM_OK);
    list[2] = take(&s, 200);
    CHECK(class_of(&s, 1).kept == 1 && info_of(&s).held_bytes == 1024 + 256);
    CHECK_INT(aimem_buffers_release(s.b, list[2]), AIMEM_OK);
    end(&s);
    prepare(&s, CLASSES);
    s.desc.preset = AIMEM_BUFFERS_TIGHT;
    s.desc.class_count = 6;
    REQUIRE(begin(&s));
    CHECK(class_of(&s, 0).size == 1024 && class_of(&s, 5).size == MIB);
    end(&s);
    prepare(&s, CLASSES);
    REQUIRE(begin(&s));
    CHECK(class_of(&s, 0).size == 256 && class_of(&s, 9).size == 64 * MIB);
    end(&s);
}

/* ---- time ---- */

static void idle_memory(void) {
    int engine;
    for (engine = FAKE_VM; engine < ENGINES; engine++) {
        setup s;
        aimem_buffer keep, x;
        size_t full;
        int i;
        if (engine == SYSTEM_VM || engine == MEMORY) continue;
        prepare(&s, engine);
        REQUIRE(begin(&s));
        keep = take(&s, 300 * KIB);
        x = take(&s, 4 * MIB);
        CHECK_INT(aimem_buffers_tick(s.b, 1000 * SECOND, 0), AIMEM_OK); /* the first: time 0 */
        CHECK_INT(aimem_buffers_tick(s.b, 1029 * SECOND, 0), AIMEM_OK);
        CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
        full = info_of(&s).held_bytes;
        CHECK_INT(aimem_buffers_tick(s.b, 3 * SECOND, 0), AIMEM_OK); /* back: no time passed */
        for (i = 4; i <= 60; i++) CHECK_INT(aimem_buffers_tick(s.b, (uint64_t)i * SECOND, 0), 0);
        CHECK_INT(info_of(&s).held_bytes, full); /* 57 s since the release */
        for (; i <= 125; i++) CHECK_INT(aimem_buffers_tick(s.b, (uint64_t)i * SECOND, 0), 0);
        CHECK(info_of(&s).held_bytes <= full - 4 * MIB + 64 * KIB);
        CHECK(info_of(&s).returned_bytes >= 4 * MIB - 64 * KIB);
        x = take(&s, 4 * MIB);
        if (engine == FAKE_VM) CHECK(info_of(&s).refaulted_bytes >= 3 * MIB);
        CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
        CHECK(aimem_buffers_trim(s.b) >= 3 * MIB);
        CHECK_INT(aimem_buffers_release(s.b, keep), AIMEM_OK);
        end(&s);
    }
}

/* With a small budget the work is done in several calls. */
static void slices(void) {
    setup s;
    aimem_buffer list[40];
    int i, pending = 0;
    prepare(&s, CLASSES);
    REQUIRE(begin(&s));
    for (i = 0; i < 40; i++) list[i] = take(&s, 1000);
    for (i = 0; i < 40; i++) CHECK_INT(aimem_buffers_release(s.b, list[i]), AIMEM_OK);
    CHECK_INT(aimem_buffers_tick(s.b, 0, 1), AIMEM_OK);
    while (aimem_buffers_tick(s.b, 100 * SECOND, 1) == AIMEM_PENDING) pending++;
    CHECK_INT(pending, 39);
    CHECK(info_of(&s).kept == 0 && info_of(&s).held_bytes == 0);
    end(&s);
    prepare(&s, FAKE_VM);
    REQUIRE(begin(&s));
    for (i = 0; i < 40; i++) list[i] = take(&s, 200 * KIB);
    for (i = 0; i < 40; i += 2) CHECK_INT(aimem_buffers_release(s.b, list[i]), AIMEM_OK);
    CHECK_INT(aimem_buffers_tick(s.b, 0, 1), AIMEM_OK);
    CHECK_INT(aimem_buffers_tick(s.b, 30 * SECOND, 1), AIMEM_OK);
    CHECK_INT(aimem_buffers_tick(s.b, 60 * SECOND, 1), AIMEM_OK);
    pending = 0;
    while (aimem_buffers_tick(s.b, 90 * SECOND, 1) == AIMEM_PENDING) pending++;
    CHECK(pending >= 10);
    CHECK_INT(s.vm.decommits, pending + 1);
    for (i = 1; i < 40; i += 2) CHECK_INT(aimem_buffers_release(s.b, list[i]), AIMEM_OK);
    end(&s);
}

/* ---- access ---- */

static void bounds(void) {
    setup s;
    aimem_buffer_desc d;
    aimem_buffer x;
    unsigned char out[16];
    uint32_t u = 0;
    int16_t i16 = -2;
    prepare(&s, CHUNKS);
    REQUIRE(begin(&s));
    memset(&d, 0, sizeof d);
    d.size = 10;
    d.from = "0123456789";
    CHECK_INT(aimem_buffers_alloc_with(s.b, &d, &x), AIMEM_OK);
    CHECK_INT(aimem_buffers_read(s.b, x, 7, out, 3), AIMEM_OK);
    CHECK(memcmp(out, "789", 3) == 0);
    CHECK_INT(aimem_buffers_read(s.b, x, 8, out, 3), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_buffers_read(s.b, x, 10, out, 0), AIMEM_OK);
    CHECK_INT(aimem_buffers_read(s.b, x, 11, out, 0), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_buffers_read(s.b, x, SIZE_MAX, out, 2), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_buffers_read(s.b, x, 2, out, SIZE_MAX), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_buffers_read(s.b, x, 0, NULL, 1), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_buffers_write(s.b, x, 9, "ab", 2), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_buffers_write(s.b, x, 8, "ab", 2), AIMEM_OK);
    CHECK_INT(aimem_buffers_clear(s.b, x, 0, 11), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_buffers_clear(s.b, x, 0, 8), AIMEM_OK);
    CHECK(memcmp(aimem_buffers_data(s.b, x), "\0\0\0\0\0\0\0\0ab", 10) == 0);
    CHECK_INT(aimem_buffers_get(s.b, x, 0, out), AIMEM_ERR_UNSUPPORTED); /* no type */
    CHECK_INT(aimem_buffers_put_at(s.b, x, AIMEM_DTYPE_I16, 1, &i16), AIMEM_OK);
    i16 = 0;
    CHECK_INT(aimem_buffers_get_at(s.b, x, AIMEM_DTYPE_I16, 1, &i16), AIMEM_OK);
    CHECK_INT(i16, -2);
    CHECK_INT(aimem_buffers_get_at(s.b, x, AIMEM_DTYPE_U32, 7, &u), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_buffers_get_at(s.b, x, AIMEM_DTYPE_Q8_0, 0, out), AIMEM_ERR_UNSUPPORTED);
    CHECK_INT(aimem_buffers_get_at(s.b, x, 99, 0, out), AIMEM_ERR_UNSUPPORTED);
    CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
    CHECK_INT(aimem_buffers_read(s.b, x, 0, out, 1), AIMEM_ERR_STALE);
    CHECK_INT(aimem_buffers_bytes_of(AIMEM_DTYPE_B1, 9), 2);
    CHECK_INT(aimem_buffers_bytes_of(AIMEM_DTYPE_Q8_0, 33), 68);
    CHECK_INT(aimem_buffers_bytes_of(AIMEM_DTYPE_Q4_0, 64), 36);
    CHECK_INT(aimem_buffers_bytes_of(AIMEM_DTYPE_F64, SIZE_MAX / 8 + 1), 0);
    CHECK_INT(aimem_buffers_bytes_of(17, 1), 0);
    end(&s);
}

static double put_and_get(setup *s, aimem_dtype dtype, double value) {
    aimem_buffer_desc d;
    aimem_buffer x;
    double out = -77;
    memset(&d, 0, sizeof d);
    d.count = 9;
    d.dtype = dtype;
    d.clear = true;
    CHECK_INT(aimem_buffers_alloc_with(s->b, &d, &x), AIMEM_OK);
    CHECK_INT(aimem_buffers_put_number(s->b, x, 7, value), AIMEM_OK);
    CHECK_INT(aimem_buffers_get_number(s->b, x, 6, &out), AIMEM_OK);
    CHECK(out == 0.0);
    CHECK_INT(aimem_buffers_get_number(s->b, x, 8, &out), AIMEM_OK);
    CHECK(out == 0.0);
    CHECK_INT(aimem_buffers_get_number(s->b, x, 7, &out), AIMEM_OK);
    CHECK_INT(aimem_buffers_put_number(s->b, x, 16, value), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_buffers_release(s->b, x), AIMEM_OK);
    return out;
}

static double from_bits(uint64_t bits) {
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static void numbers(void) {
    static const struct {
        aimem_dtype dtype;
        double in, out;
    } cases[] = {
        {AIMEM_DTYPE_U8, 200, 200},      {AIMEM_DTYPE_U8, 300, 255},
        {AIMEM_DTYPE_U8, -1, 0},         {AIMEM_DTYPE_U8, 2.5, 2},
        {AIMEM_DTYPE_U8, 3.5, 4},        {AIMEM_DTYPE_I8, -200, -128},
        {AIMEM_DTYPE_I8, -2.5, -2},      {AIMEM_DTYPE_I8, -2.75, -3},
        {AIMEM_DTYPE_U16, 65535.4, 65535}, {AIMEM_DTYPE_I16, -40000, -32768},
        {AIMEM_DTYPE_U32, 4e9, 4e9},     {AIMEM_DTYPE_U32, 5e9, 4294967295.0},
        {AIMEM_DTYPE_I32, -3e9, -2147483648.0}, {AIMEM_DTYPE_I32, 123456, 123456},
        {AIMEM_DTYPE_U64, 1e19, 1e19},   {AIMEM_DTYPE_U64, 1e30, 18446744073709551616.0},
        {AIMEM_DTYPE_U64, -5, 0},        {AIMEM_DTYPE_I64, -1e30, -9223372036854775808.0},
        {AIMEM_DTYPE_I64, 1e30, 9223372036854775808.0}, {AIMEM_DTYPE_I64, -4e15, -4e15},
        {AIMEM_DTYPE_F16, 1.0009765625, 1.0009765625}, {AIMEM_DTYPE_F16, 2049, 2048},
        {AIMEM_DTYPE_F16, 2051, 2052},   {AIMEM_DTYPE_F16, 65519, 65504},
        {AIMEM_DTYPE_F16, 5.960464477539063e-8, 5.960464477539063e-8},
        {AIMEM_DTYPE_F16, 2.9e-8, 0},    {AIMEM_DTYPE_F16, 3.1e-8, 5.960464477539063e-8},
        {AIMEM_DTYPE_BF16, 1.00390625, 1}, {AIMEM_DTYPE_BF16, 1.01171875, 1.015625},
        {AIMEM_DTYPE_BF16, -3, -3},      {AIMEM_DTYPE_F32, 16777217, 16777216},
        {AIMEM_DTYPE_F32, 0.1, 0.100000001490116119384765625},
        {AIMEM_DTYPE_F32, 1.401298464324817e-45, 1.401298464324817e-45},
        {AIMEM_DTYPE_F64, 0.1, 0.1},     {AIMEM_DTYPE_BOOL, 0.25, 1},
        {AIMEM_DTYPE_BOOL, 0, 0},        {AIMEM_DTYPE_B1, 1, 1},
        {AIMEM_DTYPE_B1, 0, 0},
    };
    setup s;
    size_t i;
    uint64_t bits;
    double value;
    prepare(&s, CLASSES);
    REQUIRE(begin(&s));
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        value = cases[i].dtype == AIMEM_DTYPE_B1 ? cases[i].out
                                                 : put_and_get(&s, cases[i].dtype, cases[i].in);
        CHECK(value == cases[i].out);
        if (!(value == cases[i].out)) printf("case %d gave %.17g\n", (int)i, value);
    }
    CHECK_INT((long long)put_and_get(&s, AIMEM_DTYPE_I32, from_bits(0x7FF8000000000000u)), 0);
    value = put_and_get(&s, AIMEM_DTYPE_F16, 65520); /* infinity, by its bits */
    memcpy(&bits, &value, sizeof bits);
    CHECK(bits == 0x7FF0000000000000u);
    value = put_and_get(&s, AIMEM_DTYPE_F16, from_bits(0xFFF8000000000000u));
    memcpy(&bits, &value, sizeof bits);
    CHECK((bits & 0x7FFFFFFFFFFFFFFFu) > 0x7FF0000000000000u && bits >> 63 == 1);
    end(&s);
}

/* Every f16 and every bf16 is what it was after a way through a double. */
static void half_floats(void) {
    setup s;
    aimem_buffer_desc d;
    aimem_buffer x, y;
    uint32_t i;
    int wrong = 0, kind;
    double value;
    prepare(&s, CHUNKS);
    REQUIRE(begin(&s));
    for (kind = 0; kind < 2; kind++) {
        uint16_t *a, *c;
        memset(&d, 0, sizeof d);
        d.count = 65536;
        d.dtype = kind == 0 ? AIMEM_DTYPE_F16 : AIMEM_DTYPE_BF16;
        CHECK_INT(aimem_buffers_alloc_with(s.b, &d, &x), AIMEM_OK);
        CHECK_INT(aimem_buffers_alloc_with(s.b, &d, &y), AIMEM_OK);
        a = (uint16_t *)aimem_buffers_data(s.b, x);
        c = (uint16_t *)aimem_buffers_data(s.b, y);
        for (i = 0; i < 65536; i++) {
            uint32_t infinity = kind == 0 ? 0x7C00 : 0x7F80;
            a[i] = (uint16_t)i;
            CHECK_INT(aimem_buffers_get_number(s.b, x, i, &value), AIMEM_OK);
            CHECK_INT(aimem_buffers_put_number(s.b, y, i, value), AIMEM_OK);
            if ((i & 0x7FFF) > infinity) wrong += (c[i] & 0x7FFFu) <= infinity;
            else wrong += c[i] != i;
        }
        CHECK_INT(wrong, 0);
        CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
        CHECK_INT(aimem_buffers_release(s.b, y), AIMEM_OK);
    }
    end(&s);
}

static void bits_of_buffers(void) {
    setup s;
    aimem_buffer_desc d;
    aimem_buffer x;
    aimem_buffer_info about;
    double value;
    int i;
    prepare(&s, MEMORY);
    REQUIRE(begin(&s));
    memset(&d, 0, sizeof d);
    d.count = 20;
    d.dtype = AIMEM_DTYPE_B1;
    d.clear = true;
    CHECK_INT(aimem_buffers_alloc_with(s.b, &d, &x), AIMEM_OK);
    CHECK_INT(aimem_buffers_about(s.b, x, &about), AIMEM_OK);
    CHECK(about.size == 3 && about.count == 24);
    for (i = 0; i < 20; i++) CHECK_INT(aimem_buffers_put_number(s.b, x, (size_t)i, i % 3 == 0), 0);
    for (i = 0; i < 20; i++) {
        CHECK_INT(aimem_buffers_get_number(s.b, x, (size_t)i, &value), AIMEM_OK);
        CHECK(value == (i % 3 == 0 ? 1.0 : 0.0));
    }
    CHECK_INT(((unsigned char *)aimem_buffers_data(s.b, x))[0], 0x49);
    CHECK_INT(aimem_buffers_get_number(s.b, x, 24, &value), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_buffers_get(s.b, x, 0, &value), AIMEM_ERR_UNSUPPORTED);
    CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
    end(&s);
}

/* ---- compression: a codec of runs (length, byte) ---- */

typedef struct runs {
    int broken;         /* decompress says no */
    long packed, unpacked;
} runs;

static size_t runs_bound(void *user_data, size_t size) {
    (void)user_data;
    return size;
}

static size_t runs_scratch(void *user_data, size_t size, int level) {
    (void)user_data;
    (void)size;
    return (size_t)level * 8;
}

static size_t runs_compress(void *user_data, void *dst, size_t cap, const void *src, size_t size,
                            int level, void *scratch) {
    const unsigned char *in = (const unsigned char *)src;
    unsigned char *out = (unsigned char *)dst;
    size_t i = 0, n = 0;
    ((runs *)user_data)->packed++;
    memset(scratch, 1, (size_t)level * 8);
    while (i < size) {
        size_t run = 1;
        while (i + run < size && run < 255 && in[i + run] == in[i]) run++;
        if (n + 2 > cap) return 0;
        out[n++] = (unsigned char)run;
        out[n++] = in[i];
        i += run;
    }
    return n;
}

static aimem_result runs_decompress(void *user_data, void *dst, size_t exact_size, const void *src,
                                    size_t size, void *scratch) {
    const unsigned char *in = (const unsigned char *)src;
    unsigned char *out = (unsigned char *)dst;
    size_t i, n = 0;
    (void)scratch;
    ((runs *)user_data)->unpacked++;
    if (((runs *)user_data)->broken) return AIMEM_ERR_CORRUPT;
    for (i = 0; i + 1 < size; i += 2) {
        if (in[i] > exact_size - n) return AIMEM_ERR_CORRUPT;
        memset(out + n, in[i + 1], in[i]);
        n += in[i];
    }
    return n == exact_size ? AIMEM_OK : AIMEM_ERR_CORRUPT;
}

static aimem_codec runs_codec(runs *state) {
    aimem_codec codec;
    memset(&codec, 0, sizeof codec);
    memset(state, 0, sizeof *state);
    codec.id = 0x8001;
    codec.bound_fn = runs_bound;
    codec.scratch_fn = runs_scratch;
    codec.compress_fn = runs_compress;
    codec.decompress_fn = runs_decompress;
    codec.user_data = state;
    return codec;
}

static void compressed(void) {
    enum { SIZE = 100001 };
    static unsigned char mirror[SIZE], out[SIZE];
    int engine, i;
    for (engine = FAKE_VM; engine < ENGINES; engine++) {
        setup s;
        runs state;
        aimem_codec codec = runs_codec(&state);
        aimem_buffer x;
        aimem_buffer_info about;
        size_t stored, before;
        if (engine == SYSTEM_VM) continue;
        prepare(&s, engine);
        REQUIRE(begin(&s));
        x = take(&s, SIZE);
        for (i = 0; i < SIZE; i++) {
            mirror[i] = (unsigned char)(i < 50000 ? (uint32_t)i / 500 : check_below(256));
        }
        CHECK_INT(aimem_buffers_write(s.b, x, 0, mirror, SIZE), AIMEM_OK);
        before = info_of(&s).bytes;
        CHECK_INT(aimem_buffers_compress(s.b, x, &codec, 3, 4096, &stored), AIMEM_OK);
        CHECK(aimem_buffers_data(s.b, x) == NULL && info_of(&s).bytes < before);
        CHECK_INT(info_of(&s).bytes, stored);
        CHECK_INT(aimem_buffers_about(s.b, x, &about), AIMEM_OK);
        CHECK(about.compressed && about.size == SIZE && about.held == stored && about.ratio > 1.3f);
        CHECK_INT(aimem_buffers_resize(s.b, x, 5), AIMEM_ERR_UNSUPPORTED);
        for (i = 0; i < 1500; i++) {
            size_t at = check_below(SIZE), n = check_below(1u << check_below(16));
            aimem_result want = n > SIZE - at ? AIMEM_ERR_RANGE : AIMEM_OK;
            if (i % 3 == 0) {
                memset(out, (int)check_below(256), n);
                CHECK_INT(aimem_buffers_write(s.b, x, at, out, n), want);
                if (want == AIMEM_OK) memcpy(mirror + at, out, n);
            } else if (i % 7 == 0) {
                CHECK_INT(aimem_buffers_clear(s.b, x, at, n), want);
                if (want == AIMEM_OK) memset(mirror + at, 0, n);
            } else {
                CHECK_INT(aimem_buffers_read(s.b, x, at, out, n), want);
                if (want == AIMEM_OK) CHECK(memcmp(out, mirror + at, n) == 0);
            }
            if (i % 500 == 250) { /* another level and chunk size, still compressed */
                size_t chunk = 1 + check_below(9000);
                CHECK_INT(aimem_buffers_compress(s.b, x, &codec, 9, chunk, NULL), AIMEM_OK);
            }
        }
        CHECK_INT(aimem_buffers_about(s.b, x, &about), AIMEM_OK);
        CHECK_INT(info_of(&s).bytes, about.held);
        CHECK_INT(aimem_buffers_decompress(s.b, x), AIMEM_OK);
        CHECK_INT(aimem_buffers_decompress(s.b, x), AIMEM_OK); /* is plain already */
        CHECK(memcmp(aimem_buffers_data(s.b, x), mirror, SIZE) == 0);
        CHECK_INT(info_of(&s).bytes, before);
        CHECK_INT(aimem_buffers_compress(s.b, x, &codec, 0, SIZE_MAX, NULL), AIMEM_OK);
        CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
        CHECK(info_of(&s).bytes == 0 && info_of(&s).waste == 0);
        end(&s);
    }
}

/* Work within one chunk calls the codec once, not once for each element. */
static void compressed_cache(void) {
    setup s;
    runs state;
    aimem_codec codec = runs_codec(&state);
    aimem_buffer_desc d;
    aimem_buffer x;
    size_t i;
    double value, sum = 0;
    prepare(&s, CHUNKS);
    REQUIRE(begin(&s));
    memset(&d, 0, sizeof d);
    d.count = 10000;
    d.dtype = AIMEM_DTYPE_F32;
    d.clear = true;
    CHECK_INT(aimem_buffers_alloc_with(s.b, &d, &x), AIMEM_OK);
    CHECK_INT(aimem_buffers_compress(s.b, x, &codec, 1, 10000, NULL), AIMEM_OK);
    state.packed = state.unpacked = 0;
    for (i = 0; i < 10000; i++) CHECK_INT(aimem_buffers_put_number(s.b, x, i, 1.5), AIMEM_OK);
    CHECK(state.packed <= 4 && state.unpacked <= 4);
    for (i = 0; i < 10000; i++) {
        CHECK_INT(aimem_buffers_get_number(s.b, x, i, &value), AIMEM_OK);
        sum += value;
    }
    CHECK(sum == 15000.0 && state.packed <= 4 && state.unpacked <= 8);
    CHECK_INT(aimem_buffers_clear(s.b, x, 0, 40000), AIMEM_OK);
    state.broken = 1;
    CHECK_INT(aimem_buffers_read(s.b, x, 0, &value, 8), AIMEM_ERR_CORRUPT);
    CHECK_INT(aimem_buffers_decompress(s.b, x), AIMEM_ERR_CORRUPT);
    CHECK_INT(aimem_buffers_compress(s.b, x, &codec, 1, 0, NULL), AIMEM_ERR_CORRUPT);
    state.broken = 0;
    CHECK_INT(aimem_buffers_decompress(s.b, x), AIMEM_OK);
    codec.compress_fn = NULL;
    CHECK_INT(aimem_buffers_compress(s.b, x, &codec, 1, 0, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_buffers_compress(s.b, x, NULL, 1, 0, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
    end(&s);
}

/* ---- as an allocator; hooks that call back; threads ---- */

static void as_allocator(void) {
    int engine;
    for (engine = FAKE_VM; engine < ENGINES; engine++) {
        static const size_t aligns[] = {1, 8, 16, 64, 4096};
        unsigned char *block[20];
        size_t size[20];
        setup s;
        aimem_allocator a;
        int i, j;
        if (engine == SYSTEM_VM) continue;
        prepare(&s, engine);
        REQUIRE(begin(&s));
        a = aimem_buffers_allocator(s.b);
        memset(block, 0, sizeof block);
        for (i = 0; i < 400; i++) {
            int n = (int)check_below(20);
            size_t want = check_below(4) == 0 ? 0 : 1 + check_below(30000), align = aligns[n % 5];
            size_t keep = block[n] == NULL ? 0 : size[n] < want ? size[n] : want;
            unsigned char *p = (unsigned char *)a.realloc_fn(
                a.user_data, block[n], block[n] != NULL ? size[n] : 0, want, align);
            CHECK((p == NULL) == (want == 0) && ((uintptr_t)p & (align - 1)) == 0);
            for (j = 0; j < (int)keep; j++) {
                if (p[j] != (unsigned char)(n + 1)) break;
            }
            CHECK_INT(j, keep);
            block[n] = p;
            size[n] = want;
            if (p != NULL) memset(p, n + 1, want);
        }
        CHECK(a.realloc_fn(a.user_data, NULL, 0, SIZE_MAX, 8) == NULL);
        for (i = 0; i < 20; i++) {
            (void)a.realloc_fn(a.user_data, block[i], size[i], 0, aligns[i % 5]);
        }
        CHECK_INT(info_of(&s).in_use, 0);
        end(&s);
    }
}

static setup *reentered;
static long busy_answers;

static void *calls_back(void *user_data, void *ptr, size_t old_size, size_t new_size,
                        size_t align) {
    if (reentered != NULL && reentered->b != NULL) {
        aimem_buffer x;
        x.id = 1;
        if (aimem_buffers_alloc(reentered->b, 100, &x) == AIMEM_ERR_BUSY &&
            aimem_buffers_tick(reentered->b, 0, 0) == AIMEM_ERR_BUSY &&
            aimem_buffers_trim(reentered->b) == 0) {
            busy_answers++;
        }
    }
    return check_heap_realloc(user_data, ptr, old_size, new_size, align);
}

static void reentry(void) {
    int locked;
    for (locked = 0; locked < 2; locked++) {
        setup s;
        aimem_buffer x;
        prepare(&s, CLASSES);
        s.desc.allocator.realloc_fn = calls_back;
        s.desc.locked = locked != 0;
        REQUIRE(begin(&s));
        reentered = &s;
        busy_answers = 0;
        x = take(&s, 1000);
        CHECK(busy_answers >= 2);
        CHECK_INT(aimem_buffers_release(s.b, x), AIMEM_OK);
        reentered = NULL;
        end(&s);
    }
}

#if defined(HAVE_PTHREAD)
typedef struct relay {
    setup *s;
    pthread_mutex_t mutex;
    aimem_buffer ring[8];
    int begun, done, wrong;
} relay;

static void *relay_taker(void *arg) {
    relay *r = (relay *)arg;
    int got = 0;
    while (got < 3000) {
        aimem_buffer x;
        unsigned char *p;
        x.id = 0;
        pthread_mutex_lock(&r->mutex);
        if (r->done < r->begun) x = r->ring[r->done++ % 8];
        pthread_mutex_unlock(&r->mutex);
        if (x.id == 0) continue;
        p = (unsigned char *)aimem_buffers_data(r->s->b, x);
        if (p == NULL || p[0] != (unsigned char)got) r->wrong++;
        if (aimem_buffers_release(r->s->b, x) != AIMEM_OK) r->wrong++;
        got++;
    }
    return NULL;
}

static void threads(void) {
    int engine;
    for (engine = FAKE_VM; engine < ENGINES; engine++) {
        setup s;
        relay r;
        pthread_t thread;
        aimem_buffer mine, x;
        int sent = 0;
        if (engine == SYSTEM_VM) continue;
        prepare(&s, engine);
        s.desc.locked = true;
        REQUIRE(begin(&s));
        memset(&r, 0, sizeof r);
        r.s = &s;
        pthread_mutex_init(&r.mutex, NULL);
        REQUIRE(pthread_create(&thread, NULL, relay_taker, &r) == 0);
        while (sent < 3000) {
            bool room;
            pthread_mutex_lock(&r.mutex);
            room = r.begun - r.done < 8;
            pthread_mutex_unlock(&r.mutex);
            if (!room) continue;
            mine = take(&s, 100 + (size_t)sent % 5000);
            *(unsigned char *)aimem_buffers_data(s.b, mine) = (unsigned char)sent;
            CHECK_INT(aimem_buffers_handover(s.b, mine, NULL, &x), AIMEM_OK);
            CHECK(aimem_buffers_data(s.b, mine) == NULL);
            pthread_mutex_lock(&r.mutex);
            r.ring[r.begun++ % 8] = x;
            pthread_mutex_unlock(&r.mutex);
            if (sent % 100 == 0) (void)aimem_buffers_tick(s.b, (uint64_t)sent * SECOND, 0);
            sent++;
        }
        pthread_join(thread, NULL);
        pthread_mutex_destroy(&r.mutex);
        CHECK_INT(r.wrong, 0);
        CHECK_INT(info_of(&s).in_use, 0);
        end(&s);
    }
}
#endif

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(model_fake_vm);
    RUN(model_system_vm);
    RUN(model_memory);
    RUN(model_chunks);
    RUN(model_classes);
    RUN(references);
    RUN(handing_over);
    RUN(scopes);
    RUN(held_buffers);
    RUN(bad_descs);
    RUN(odd_sizes);
    RUN(exact_refill);
    RUN(commit_fails);
    RUN(clearing);
    RUN(size_classes);
    RUN(kept_limits);
    RUN(idle_memory);
    RUN(slices);
    RUN(bounds);
    RUN(numbers);
    RUN(half_floats);
    RUN(bits_of_buffers);
    RUN(compressed);
    RUN(compressed_cache);
    RUN(as_allocator);
    RUN(reentry);
#if defined(HAVE_PTHREAD)
    RUN(threads);
#endif
    return CHECK_END();
}
