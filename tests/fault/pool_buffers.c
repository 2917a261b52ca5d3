/* Recycled buffers with every allocation failing in its turn. */
#include "check.h"

#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"

#if !defined(CHECK_STRIDE)
#define CHECK_STRIDE 1
#endif

enum { FAULT_VM, FAULT_MEMORY, FAULT_CHUNKS, FAULT_CLASSES, FAULT_ENGINES };

static unsigned char fault_memory[400000];

/* Address space from a static array: nothing of it can fail but what is tested. */
static unsigned char fault_space[1 << 20];

static void *fault_reserve(void *user_data, size_t size) {
    (void)user_data;
    return size <= sizeof fault_space ? fault_space : NULL;
}

static bool fault_commit(void *user_data, void *ptr, size_t size) {
    check_heap *heap = (check_heap *)user_data;
    (void)ptr;
    (void)size;
    heap->calls++;
    return heap->fail_at == 0 || (heap->calls != heap->fail_at &&
                                  (heap->calls < heap->fail_at || !heap->fail_all_after));
}

static void fault_give(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    (void)ptr;
    (void)size;
}

/* A codec that drops the zeros at the end. */
static size_t fault_bound(void *user_data, size_t size) {
    (void)user_data;
    return size;
}

static size_t fault_compress(void *user_data, void *dst, size_t cap, const void *src, size_t size,
                             int level, void *scratch) {
    const unsigned char *in = (const unsigned char *)src;
    (void)user_data;
    (void)level;
    (void)scratch;
    while (size > 1 && in[size - 1] == 0) size--;
    if (size > cap) return 0;
    memcpy(dst, in, size);
    return size;
}

static aimem_result fault_decompress(void *user_data, void *dst, size_t exact_size,
                                     const void *src, size_t size, void *scratch) {
    (void)user_data;
    (void)scratch;
    if (size > exact_size) return AIMEM_ERR_CORRUPT;
    memset(dst, 0, exact_size);
    memcpy(dst, src, size);
    return AIMEM_OK;
}

static int fault_ok(aimem_result r) {
    return r == AIMEM_OK || r == AIMEM_ERR_NOMEM;
}

/* Element i of the buffer is i; whatever failed, it still is. */
static int fault_intact(aimem_buffers *b, aimem_buffer x, check_heap *heap) {
    uint32_t i, value, right = 0;
    long fail_at = heap->fail_at;
    heap->fail_at = 0;
    for (i = 0; i < 1500; i++) {
        if (aimem_buffers_get_at(b, x, AIMEM_DTYPE_U32, i * 4, &value) != AIMEM_OK) break;
        right += value == i;
    }
    heap->fail_at = fail_at;
    return right == 1500;
}

static void fault_compressed(aimem_buffers *b, aimem_buffer x, check_heap *heap) {
    static const uint32_t zero[1500] = {0};
    aimem_codec codec;
    uint32_t i, value, written;
    long fail_at = heap->fail_at;
    aimem_result r;
    memset(&codec, 0, sizeof codec);
    codec.id = 0x8000;
    codec.bound_fn = fault_bound;
    codec.compress_fn = fault_compress;
    codec.decompress_fn = fault_decompress;
    r = aimem_buffers_compress(b, x, &codec, 5, 512, NULL);
    CHECK(fault_ok(r) && fault_intact(b, x, heap));
    if (r != AIMEM_OK) return;
    r = aimem_buffers_compress(b, x, &codec, 1, 300, NULL);
    CHECK(fault_ok(r) && fault_intact(b, x, heap));
    for (i = 0; i < 1500; i += 100) {
        value = i + 7;
        r = aimem_buffers_put_at(b, x, AIMEM_DTYPE_U32, i * 4, &value);
        CHECK(fault_ok(r));
        written = i;
        if (r == AIMEM_OK) written = i + 7;
        heap->fail_at = 0; /* looking does not fail */
        CHECK_INT(aimem_buffers_get_at(b, x, AIMEM_DTYPE_U32, i * 4, &value), AIMEM_OK);
        CHECK_INT(value, written);
        CHECK_INT(aimem_buffers_put_at(b, x, AIMEM_DTYPE_U32, i * 4, &i), AIMEM_OK);
        heap->fail_at = fail_at;
    }
    r = aimem_buffers_write(b, x, 0, zero, sizeof zero); /* wholly or not at all */
    CHECK(fault_ok(r));
    heap->fail_at = 0;
    for (i = 0; i < 1500; i++) {
        CHECK_INT(aimem_buffers_get_at(b, x, AIMEM_DTYPE_U32, i * 4, &value), AIMEM_OK);
        CHECK_INT(value, r == AIMEM_OK ? 0 : i);
    }
    heap->fail_at = fail_at;
    CHECK(fault_ok(aimem_buffers_decompress(b, x)));
}

/* True when a call failed: there are more to try. */
static int fault_work(int engine, check_heap *heap, long fail_at, int all_after) {
    aimem_buffers_desc desc;
    aimem_buffers *b, *other;
    aimem_buffers_scope scope;
    aimem_buffer list[40], x;
    aimem_buffers_info info;
    aimem_allocator hook;
    uint32_t i;
    int round;
    void *block;
    memset(heap, 0, sizeof *heap);
    memset(&desc, 0, sizeof desc);
    memset(&scope, 0, sizeof scope);
    heap->fail_at = fail_at;
    heap->fail_all_after = all_after;
    desc.allocator.realloc_fn = check_heap_realloc;
    desc.allocator.user_data = heap;
    if (engine == FAULT_VM) {
        desc.vm.reserve_fn = fault_reserve;
        desc.vm.commit_fn = fault_commit;
        desc.vm.decommit_fn = desc.vm.release_fn = fault_give;
        desc.vm.page_size = 4096;
        desc.vm.user_data = heap;
        desc.reserve = 768 * 1024;
    }
    if (engine == FAULT_MEMORY) {
        desc.memory = fault_memory;
        desc.memory_size = sizeof fault_memory;
    }
    if (engine == FAULT_CHUNKS) desc.engine = AIMEM_BUFFERS_CHUNKS;
    if (engine == FAULT_CLASSES) desc.engine = AIMEM_BUFFERS_CLASSES;
    if (aimem_buffers_create(&desc, &b) != AIMEM_OK) {
        CHECK(b == NULL);
        return 1;
    }
    memset(list, 0, sizeof list);
    for (round = 0; round < 2; round++) {
        for (i = 0; i < 40; i++) {
            CHECK(fault_ok(aimem_buffers_alloc(b, 1000 + i * 150, &list[i])));
            CHECK((list[i].id != 0) == (aimem_buffers_data(b, list[i]) != NULL));
            if (i % 3 == 0 && list[i].id != 0) {
                CHECK(fault_ok(aimem_buffers_resize(b, list[i], 9000)));
            }
        }
        for (i = 0; i < 40; i++) CHECK_INT(aimem_buffers_release(b, list[i]), AIMEM_OK);
        (void)aimem_buffers_tick(b, (uint64_t)round * 100000000000u, 0);
    }
    for (i = 0; i < 20; i++) {
        if (aimem_buffers_alloc(b, 10, &x) != AIMEM_OK) continue;
        if (aimem_buffers_scope_add(b, &scope, x) != AIMEM_OK) {
            CHECK_INT(aimem_buffers_release(b, x), AIMEM_OK);
        }
    }
    i = scope.count;
    CHECK_INT(aimem_buffers_scope_end(&scope), i);
    if (aimem_buffers_create(&desc, &other) == AIMEM_OK && engine != FAULT_VM) {
        if (aimem_buffers_alloc(b, 100, &x) == AIMEM_OK) {
            aimem_buffer there;
            aimem_result r = aimem_buffers_handover(b, x, other, &there);
            CHECK(fault_ok(r));
            if (r == AIMEM_OK) CHECK_INT(aimem_buffers_release(other, there), AIMEM_OK);
            else CHECK_INT(aimem_buffers_release(b, x), AIMEM_OK);
        }
    }
    aimem_buffers_destroy(other);
    hook = aimem_buffers_allocator(b);
    block = hook.realloc_fn(hook.user_data, NULL, 0, 100, 16);
    if (block != NULL) {
        void *more = hook.realloc_fn(hook.user_data, block, 100, 50000, 16);
        size_t size = more != NULL ? 50000 : 100;
        (void)hook.realloc_fn(hook.user_data, more != NULL ? more : block, size, 0, 16);
    }
    if (aimem_buffers_alloc(b, 6000, &x) == AIMEM_OK) {
        for (i = 0; i < 1500; i++) {
            CHECK_INT(aimem_buffers_put_at(b, x, AIMEM_DTYPE_U32, i * 4, &i), AIMEM_OK);
        }
        fault_compressed(b, x, heap);
        CHECK_INT(aimem_buffers_release(b, x), AIMEM_OK);
    }
    aimem_buffers_stats(b, &info);
    CHECK(info.in_use == 0 && info.bytes == 0 && info.waste == 0 && info.refused == 0);
    aimem_buffers_destroy(b);
    return heap->calls >= fail_at;
}

static void fault_sweep(int engine, int all_after) {
    check_heap heap;
    long n = 1;
    while (n < 2000 && fault_work(engine, &heap, n, all_after)) {
        CHECK_HEAP_CLEAN(&heap);
        n += CHECK_STRIDE;
    }
    CHECK(n > 20 && n < 2000);
    CHECK_HEAP_CLEAN(&heap);
}

static void one_fails(void) {
    int engine;
    for (engine = 0; engine < FAULT_ENGINES; engine++) fault_sweep(engine, 0);
}

static void all_fail_from_then_on(void) {
    int engine;
    for (engine = 0; engine < FAULT_ENGINES; engine++) fault_sweep(engine, 1);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(one_fails);
    RUN(all_fail_from_then_on);
    return CHECK_END();
}
