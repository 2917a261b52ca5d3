/* vec_alloc.c: every allocation of aimem_vec.h fails once: the call says NOMEM, the collection is
 * as it was, nothing leaks, and the same call succeeds when there is memory again. */
#include "unit/vec_tools.h"

static check_heap heap;
static long failures; /* calls that answered NOMEM in this run */

/* All that a caller can see of a collection, in one number. */
static uint64_t digest(const aimem_vec *v) {
    aimem_vec_info info;
    aimem_vec_row row;
    uint64_t cursor = 0, sum = 1469598103934665603u;
    aimem_vec_stats(v, &info);
    CHECK_INT(info.count, aimem_vec_count(v));
    while (aimem_vec_next(v, &cursor, &row)) {
        aimem_vec_row same;
        uint64_t id;
        size_t i;
        sum = (sum ^ row.id) * 1099511628211u;
        for (i = 0; i < info.dim; i++) {
            uint32_t bits;
            memcpy(&bits, &row.vector[i], sizeof bits);
            sum = (sum ^ bits) * 1099511628211u;
        }
        for (i = 0; i < row.label_size; i++) {
            sum = (sum ^ (unsigned char)row.label[i]) * 1099511628211u;
        }
        CHECK(aimem_vec_view(v, row.id, &same) == AIMEM_OK && same.vector == row.vector);
        CHECK(row.label == NULL ||
              (aimem_vec_find(v, row.label, &id) == AIMEM_OK && id == row.id));
    }
    return sum * 31 + info.labels * 7 + info.metric;
}

/* Runs call; when memory fails, everything is as before, and it works the second time. */
#define STEP(v, call) \
    do { \
        uint64_t before_ = digest(v); \
        aimem_result r_ = (call); \
        if (r_ == AIMEM_ERR_NOMEM) { \
            failures++; \
            CHECK(digest(v) == before_); \
            heap.fail_at = 0; \
            r_ = (call); \
        } \
        CHECK_INT(r_, AIMEM_OK); \
    } while (0)

enum { D = 1000, N = 300 }; /* two chunks; enough for the searches to use the pool */

static float x[N * D];

static void adding(aimem_vec *v) {
    static uint64_t ids[N], before[N];
    static const char *labels[N];
    char label[40];
    uint64_t i;
    for (i = 0; i < 24; i++) {
        uint64_t id = 1;
        snprintf(label, sizeof label, "a label for row %u", (unsigned)i);
        STEP(v, aimem_vec_add(v, AIMEM_VEC_NEW_ID, label, x + i * D, &id));
        CHECK_INT(id, i);
    }
    for (i = 0; i < N - 24; i++) {
        ids[i] = i % 3 ? AIMEM_VEC_NEW_ID : 5000 + i;
        labels[i] = i == 200 ? "a label in the batch" : NULL;
        before[i] = ids[i];
    }
    STEP(v, (memcpy(ids, before, sizeof ids),
             aimem_vec_add_batch(v, N - 24, ids, labels, x + 24 * D, ids)));
    STEP(v, aimem_vec_put(v, 90000, "a put that adds", x));
    for (i = 0; i < 24; i++) {
        snprintf(label, sizeof label, "another label, much longer, %u", (unsigned)i);
        STEP(v, aimem_vec_put(v, i, label, x + D));
    }
}

static void searching(const aimem_vec *v) {
    static aimem_vec_hit hits[N + 1], first[10];
    size_t n = 0, counts[10];
    STEP(v, aimem_vec_search(v, x, 10, first, &n));
    CHECK_INT(n, 10);
    STEP(v, aimem_vec_range(v, x, first[9].distance, hits, 20, &n));
    CHECK(n >= 10 && vt_same_hit(&hits[4], &first[4]));
    STEP(v, aimem_vec_search_batch(v, 10, x, 10, hits, counts));
    CHECK(counts[9] == 10 && vt_same_hit(&hits[3], &first[3]));
}

static void saving(const aimem_vec *v, const aimem_vec_desc *desc) {
    vt_stream s;
    aimem_vec *w = NULL;
    aimem_result r;
    STEP(v, vt_save(v, &s));
    r = vt_load(desc, &s, &w);
    if (r == AIMEM_ERR_NOMEM) {
        failures++;
        CHECK(w == NULL);
        heap.fail_at = 0;
        r = vt_load(desc, &s, &w);
    }
    CHECK_INT(r, AIMEM_OK);
    if (w != NULL) CHECK(digest(v) == digest(w));
    aimem_vec_destroy(w);
    vt_free(&s);
}

static void shrinking(aimem_vec *v) {
    aimem_vec_row row;
    uint64_t cursor = 0;
    STEP(v, aimem_vec_reserve(v, N * 2));
    while (aimem_vec_count(v) > 200 && aimem_vec_next(v, &cursor, &row)) {
        if (row.id % 5 != 0 && aimem_vec_remove(v, row.id) == AIMEM_OK) cursor--;
    }
    STEP(v, aimem_vec_trim(v));
    while (aimem_vec_count(v) > 3) {
        cursor = 0;
        CHECK(aimem_vec_next(v, &cursor, &row));
        CHECK_INT(aimem_vec_remove(v, row.id), AIMEM_OK);
    }
    STEP(v, aimem_vec_trim(v));
    STEP(v, aimem_vec_add(v, 1000000, "after the trim", x, NULL));
    aimem_vec_clear(v);
    STEP(v, aimem_vec_trim(v));
    CHECK_INT(aimem_vec_set_metric(v, AIMEM_VEC_L1), AIMEM_OK);
    STEP(v, aimem_vec_add(v, 1, "a new life", x, NULL));
}

static void scenario(void) {
    aimem_vec_desc desc = vt_desc(D, AIMEM_VEC_COS);
    vt_pool pool;
    aimem_vec *v = NULL;
    desc.allocator.realloc_fn = check_heap_realloc;
    desc.allocator.user_data = &heap;
    desc.parallel = vt_parallel(&pool, 3);
    if (aimem_vec_create(&desc, &v) == AIMEM_ERR_NOMEM) {
        failures++;
        CHECK(v == NULL);
        heap.fail_at = 0;
        CHECK_INT(aimem_vec_create(&desc, &v), AIMEM_OK);
    }
    REQUIRE(v != NULL);
    adding(v);
    searching(v);
    saving(v, &desc);
    shrinking(v);
    aimem_vec_destroy(v);
    CHECK_HEAP_CLEAN(&heap);
}

/* The n-th call fails, for every n; with rest, all after it too until the failure was noticed. */
static void sweep(int rest) {
    long n, failed = 0;
    for (n = 1; n < 10000 && check_now.failed_checks == 0; n++) {
        memset(&heap, 0, sizeof heap);
        heap.fail_at = n;
        heap.fail_all_after = rest;
        failures = 0;
        scenario();
        if (failures == 0) break;
        failed++;
    }
    printf("%ld allocations failed\n", failed);
    CHECK(failed > 25);
    CHECK_INT(failed, n - 1);
}

static void each_allocation(void) {
    vt_random(x, N * D);
    sweep(0);
}

static void all_from_one_on(void) {
    vt_random(x, N * D);
    sweep(1);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(each_allocation);
    RUN(all_from_one_on);
    return CHECK_END();
}
