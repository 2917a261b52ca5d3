/* vec_search.c: searches of aimem_vec.h against distances in double, on every instruction set. */
#include "unit/vec_tools.h"

#include "core/thread.h"

static const char *const metric_names[] = {"cos", "l2", "l2sq", "l1", "ip"};

/* ---- right answers --------------------------------------------------------------------------- */

/* The hits of a search over all rows: complete, in order, near the double distances. */
static void check_all_hits(const aimem_vec *v, uint32_t metric, const float *query,
                           const aimem_vec_hit *hits, size_t count, size_t dim) {
    size_t i;
    CHECK_INT(count, aimem_vec_count(v));
    for (i = 0; i < count; i++) {
        aimem_vec_row row;
        double exact;
        float again;
        REQUIRE(aimem_vec_view(v, hits[i].id, &row) == AIMEM_OK);
        exact = vt_distance(metric, query, row.vector, dim);
        if (!(fabs((double)hits[i].distance - exact) <= vt_bound(metric, query, row.vector, dim))) {
            printf("%s, dim %u: %g is not %g\n", metric_names[metric], (unsigned)dim,
                   (double)hits[i].distance, exact);
            check_failed(__FILE__, __LINE__, "the distance is wrong");
        }
        CHECK(aimem_vec_distance(v, query, row.vector, &again) == AIMEM_OK);
        CHECK(vt_same_float(again, hits[i].distance));
        CHECK((hits[i].label == NULL) == (row.label == NULL));
        CHECK(row.label == NULL || strcmp(row.label, hits[i].label) == 0);
        if (i == 0) continue;
        CHECK(hits[i - 1].distance < hits[i].distance ||
              (!(hits[i - 1].distance > hits[i].distance) && hits[i - 1].id < hits[i].id));
    }
}

/* The next float below x, leaving out the denormal ones, which -ffast-math may take for 0. */
static float just_below(float x) {
    float y = nextafterf(x, -1e38f);
    return y > -1e-37f && y < 1e-37f ? -1e-37f : y;
}

/* Fewer hits are the first of all; a radius at a hit takes it in, just below leaves it out. */
static void check_parts(const aimem_vec *v, const float *query, const aimem_vec_hit *all,
                        size_t count) {
    static aimem_vec_hit some[4096];
    size_t k, n = 0, i, inside, below;
    for (k = 0; k <= count + 3; k += 1 + k / 2) {
        CHECK_INT(aimem_vec_search(v, query, k, some, &n), AIMEM_OK);
        CHECK_INT(n, k < count ? k : count);
        for (i = 0; i < n; i++) CHECK(vt_same_hit(&some[i], &all[i]));
    }
    k = check_below((uint32_t)count);
    for (inside = k; inside < count && !(all[inside].distance > all[k].distance); inside++) {}
    for (below = k; below > 0 && !(all[below - 1].distance < all[k].distance); below--) {}
    CHECK_INT(aimem_vec_range(v, query, all[k].distance, some, 4096, &n), AIMEM_OK);
    CHECK_INT(n, inside);
    for (i = 0; i < n; i++) CHECK(vt_same_hit(&some[i], &all[i]));
    CHECK_INT(aimem_vec_range(v, query, just_below(all[k].distance), some, 4096, &n),
              AIMEM_OK);
    CHECK_INT(n, below);
    CHECK_INT(aimem_vec_range(v, query, all[k].distance, some, inside / 2, &n), AIMEM_OK);
    CHECK_INT(n, inside); /* the count is whole, the nearest are there */
    for (i = 0; i < inside / 2; i++) CHECK(vt_same_hit(&some[i], &all[i]));
    CHECK_INT(aimem_vec_range(v, query, all[k].distance, NULL, 0, &n), AIMEM_OK);
    CHECK_INT(n, inside);
}

static void one_setting(uint32_t simd, uint32_t metric, uint32_t dim, uint32_t rows) {
    aimem_vec_desc desc = vt_desc(dim, metric);
    static aimem_vec_hit hits[4096];
    static float x[AIMEM_VEC_MAX_DIM];
    aimem_vec *v;
    uint64_t some = 0, other = 0; /* rows to remove and to replace */
    uint32_t i;
    size_t n;
    desc.simd = simd;
    v = vt_create(&desc);
    for (i = 0; i < rows; i++) {
        char label[20];
        uint64_t id = check_random();
        snprintf(label, sizeof label, "%u", (unsigned)i);
        if (i % 4 != 3) vt_random(x, dim); /* every fourth row is there twice */
        REQUIRE(aimem_vec_add(v, id, i % 2 ? label : NULL, x, NULL) == AIMEM_OK);
        if (i % 8 == 5) REQUIRE(aimem_vec_remove(v, some) == AIMEM_OK); /* the last one moves */
        if (i % 8 == 6) REQUIRE(aimem_vec_put(v, other, NULL, x) == AIMEM_OK);
        if (i % 8 == 1) some = id;
        if (i % 8 == 2) other = id;
    }
    for (i = 0; i < 2; i++) {
        vt_random(x, dim);
        REQUIRE(aimem_vec_search(v, x, 4096, hits, &n) == AIMEM_OK);
        check_all_hits(v, metric, x, hits, n, dim);
        check_parts(v, x, hits, n);
    }
    aimem_vec_destroy(v);
}

static void all_metrics_dims_levels(void) {
    static const uint32_t more[] = {127, 128, 129, 784, 4096};
    uint32_t simd, metric, dim, levels = 0;
    for (simd = 1; simd <= AIMEM_VEC_SIMD_WASM; simd++) {
        aimem_vec_desc desc = vt_desc(1, 0);
        aimem_vec *v;
        desc.simd = simd;
        if (aimem_vec_create(&desc, &v) != AIMEM_OK) continue;
        aimem_vec_destroy(v);
        levels++;
        for (metric = 0; metric <= AIMEM_VEC_IP; metric++) {
            for (dim = 1; dim <= 70; dim++) one_setting(simd, metric, dim, 40);
            for (dim = 0; dim < 5; dim++) one_setting(simd, metric, more[dim], 50);
        }
    }
    CHECK(levels >= 1);
    printf("%u instruction sets\n", (unsigned)levels);
}

static void chunks_and_blocks(void) {
    uint32_t metric;
    for (metric = 0; metric <= AIMEM_VEC_IP; metric++) {
        one_setting(0, metric, 300, 3000);                       /* chunks of 512 rows */
        one_setting(0, metric, 1 + check_below(4), 4000);        /* blocks of 256 */
        one_setting(0, metric, AIMEM_VEC_MAX_DIM - 1, 11);       /* chunks of 4, blocks of 1 */
    }
}

/* ---- order of equals ------------------------------------------------------------------------- */

static void ties(void) {
    enum { N = 500 };
    uint32_t metric;
    for (metric = 0; metric <= AIMEM_VEC_IP; metric++) {
        aimem_vec_desc desc = vt_desc(3, metric);
        aimem_vec *v = vt_create(&desc);
        float x[3] = {1, 2, 3}, query[3] = {3, 1, 2};
        aimem_vec_hit hits[N];
        uint64_t id;
        size_t i, n;
        for (i = 0; i < N; i++) { /* ids in a shuffled order */
            REQUIRE(aimem_vec_add(v, i * 263 % N, NULL, x, NULL) == AIMEM_OK);
        }
        for (i = 1; i <= N; i += 37) {
            CHECK_INT(aimem_vec_search(v, query, i, hits, &n), AIMEM_OK);
            CHECK_INT(n, i);
            for (id = 0; id < i; id++) CHECK_INT(hits[id].id, id);
        }
        CHECK_INT(aimem_vec_range(v, query, hits[0].distance, hits, 10, &n), AIMEM_OK);
        CHECK_INT(n, N);
        for (id = 0; id < 10; id++) CHECK_INT(hits[id].id, id);
        aimem_vec_destroy(v);
    }
}

/* Different squares, one root: the id decides, at the edge of the k nearest too. */
static void roots_that_meet(void) {
    aimem_vec_desc desc = vt_desc(1, AIMEM_VEC_L2);
    aimem_vec *v;
    aimem_vec_hit hits[64];
    float base = 1.0f, x[2], zero[2] = {0, 0};
    size_t n, k, i;
    desc.dim = 2;
    v = vt_create(&desc);
    for (i = 0; i < 64; i++) { /* larger ids are nearer, by less than a root shows */
        x[0] = base;
        x[1] = 2e-4f * (float)(64 - i);
        CHECK_INT(aimem_vec_add(v, i, NULL, x, NULL), AIMEM_OK);
    }
    for (k = 1; k <= 64; k++) {
        CHECK_INT(aimem_vec_search(v, zero, k, hits, &n), AIMEM_OK);
        for (i = 1; i < n; i++) {
            CHECK(hits[i - 1].distance < hits[i].distance ||
                  (!(hits[i - 1].distance > hits[i].distance) && hits[i - 1].id < hits[i].id));
        }
        for (i = 0; i < 64; i++) { /* nobody outside is better than the last one inside */
            float d;
            size_t j;
            x[0] = base;
            x[1] = 2e-4f * (float)(64 - i);
            CHECK_INT(aimem_vec_distance(v, zero, x, &d), AIMEM_OK);
            for (j = 0; j < n && hits[j].id != i; j++) {}
            if (j < n) continue;
            CHECK(d > hits[n - 1].distance ||
                  (!(d < hits[n - 1].distance) && i > hits[n - 1].id));
        }
    }
    aimem_vec_destroy(v);
}

/* ---- edges ----------------------------------------------------------------------------------- */

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void arguments(void) {
    aimem_vec_desc desc = vt_desc(3, AIMEM_VEC_L2);
    aimem_vec *v = vt_create(&desc);
    aimem_vec_hit hits[4];
    float x[3] = {1, 2, 3}, bad[3] = {0, 0, 0}, six[6] = {0, 0, 0, 0, 0, 0}, d;
    size_t n = 9, counts[2] = {9, 9};
    CHECK_INT(aimem_vec_search(v, x, 4, hits, &n), AIMEM_OK);
    CHECK_INT(n, 0); /* empty */
    CHECK_INT(aimem_vec_range(v, x, 1e30f, hits, 4, &n), AIMEM_OK);
    CHECK_INT(n, 0);
    CHECK_INT(aimem_vec_search_batch(v, 2, six, 2, hits, counts), AIMEM_OK);
    CHECK(counts[0] == 0 && counts[1] == 0);
    CHECK_INT(aimem_vec_add(v, 1, NULL, x, NULL), AIMEM_OK);
    n = 9;
    CHECK_INT(aimem_vec_search(v, x, 0, NULL, &n), AIMEM_OK);
    CHECK_INT(n, 0);
    CHECK_INT(aimem_vec_search(v, x, SIZE_MAX, hits, &n), AIMEM_OK);
    CHECK_INT(n, 1);
    CHECK_INT(aimem_vec_range(v, x, 1, hits, SIZE_MAX, &n), AIMEM_OK);
    CHECK_INT(n, 1);
    CHECK_INT(aimem_vec_search(v, x, 1, NULL, &n), AIMEM_ERR_INVALID);
    CHECK_INT(n, 0);
    CHECK_INT(aimem_vec_search(NULL, x, 1, hits, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_search(v, NULL, 1, hits, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_search(v, x, 1, hits, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_range(NULL, x, 1, hits, 1, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_range(v, NULL, 1, hits, 1, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_range(v, x, 1, NULL, 1, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_range(v, x, 1, hits, 1, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_search_batch(NULL, 1, x, 1, hits, counts), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_search_batch(v, 0, NULL, 1, NULL, NULL), AIMEM_OK);
    CHECK_INT(aimem_vec_search_batch(v, 2, NULL, 1, hits, counts), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_search_batch(v, 2, x, 1, NULL, counts), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_search_batch(v, 2, x, 1, hits, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_search_batch(v, 2, x, SIZE_MAX / 2, hits, counts), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_distance(v, x, x, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_distance(v, x, NULL, &d), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_distance(NULL, x, x, &d), AIMEM_ERR_INVALID);
    bad[2] = from_bits(0x7FC00000u);
    CHECK_INT(aimem_vec_search(v, bad, 1, hits, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_search(v, bad, 0, NULL, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_range(v, bad, 1, hits, 1, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_distance(v, x, bad, &d), AIMEM_ERR_INVALID);
    bad[2] = from_bits(0xFF800000u);
    CHECK_INT(aimem_vec_search(v, bad, 1, hits, &n), AIMEM_ERR_INVALID);
    bad[2] = 4e18f;
    CHECK_INT(aimem_vec_search(v, bad, 1, hits, &n), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_vec_range(v, bad, 1, hits, 1, &n), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_vec_distance(v, bad, x, &d), AIMEM_ERR_RANGE);
    aimem_vec_destroy(v);
}

static void radii(void) {
    uint32_t metric;
    for (metric = 0; metric <= AIMEM_VEC_IP; metric++) {
        aimem_vec_desc desc = vt_desc(2, metric);
        aimem_vec *v = vt_create(&desc);
        aimem_vec_hit hits[3];
        float x[6] = {2, 0, 0, 3, 4, 0}, query[2] = {2, 0};
        size_t n;
        CHECK_INT(aimem_vec_add_batch(v, 3, NULL, NULL, x, NULL), AIMEM_OK);
        CHECK_INT(aimem_vec_range(v, query, from_bits(0x7FC00000u), hits, 3, &n),
                  AIMEM_ERR_INVALID);
        CHECK_INT(aimem_vec_range(v, query, from_bits(0xFFC00001u), hits, 3, &n),
                  AIMEM_ERR_INVALID);
        CHECK_INT(aimem_vec_range(v, query, from_bits(0x7F800000u), hits, 3, &n), AIMEM_OK);
        CHECK_INT(n, 3);
        CHECK_INT(aimem_vec_range(v, query, from_bits(0xFF800000u), hits, 3, &n), AIMEM_OK);
        CHECK_INT(n, 0);
        CHECK_INT(aimem_vec_range(v, query, 3.4e38f, hits, 3, &n), AIMEM_OK);
        CHECK_INT(n, 3);
        CHECK_INT(aimem_vec_range(v, query, 0.0f, hits, 3, &n), AIMEM_OK);
        CHECK_INT(n, metric == AIMEM_VEC_IP ? 3 : metric == AIMEM_VEC_COS ? 2 : 1);
        CHECK_INT(aimem_vec_range(v, query, -0.0f, hits, 3, &n), AIMEM_OK);
        CHECK_INT(n, metric == AIMEM_VEC_IP ? 3 : metric == AIMEM_VEC_COS ? 2 : 1);
        CHECK_INT(aimem_vec_range(v, query, -4.0f, hits, 3, &n), AIMEM_OK);
        CHECK_INT(n, metric == AIMEM_VEC_IP ? 2 : 0);
        CHECK_INT(aimem_vec_range(v, query, metric == AIMEM_VEC_L2SQ ? 4.0f : 2.0f, hits, 3, &n),
                  AIMEM_OK);
        CHECK_INT(n, metric >= AIMEM_VEC_IP || metric == AIMEM_VEC_COS ? 3 : 2);
        aimem_vec_destroy(v);
    }
}

static void zero_vectors(void) {
    aimem_vec_desc desc = vt_desc(3, AIMEM_VEC_COS);
    aimem_vec *v = vt_create(&desc);
    float zero[3] = {0, 0, 0}, x[3] = {1, 1, 0}, y[3] = {-1, -1, 0}, tiny[3] = {1e-19f, 0, 0};
    aimem_vec_hit hits[4];
    size_t n;
    CHECK_INT(aimem_vec_add(v, 0, NULL, zero, NULL), AIMEM_OK);
    CHECK_INT(aimem_vec_add(v, 1, NULL, x, NULL), AIMEM_OK);
    CHECK_INT(aimem_vec_add(v, 2, NULL, y, NULL), AIMEM_OK);
    CHECK_INT(aimem_vec_add(v, 3, NULL, tiny, NULL), AIMEM_OK); /* counts as zero */
    CHECK_INT(aimem_vec_search(v, x, 4, hits, &n), AIMEM_OK);
    CHECK_INT(n, 4);
    CHECK_INT(hits[0].id, 1);
    CHECK(hits[0].distance >= 0 && hits[0].distance < 1e-6f);
    CHECK(hits[1].id == 0 && vt_same_float(hits[1].distance, 1) &&
          vt_same_float(hits[1].similarity, 0));
    CHECK(hits[2].id == 3 && vt_same_float(hits[2].distance, 1));
    CHECK(hits[3].id == 2 && hits[3].distance <= 2 && hits[3].similarity >= -1);
    CHECK_INT(aimem_vec_search(v, zero, 4, hits, &n), AIMEM_OK);
    CHECK(n == 4 && vt_same_float(hits[3].distance, 1) && hits[0].id == 0 && hits[3].id == 3);
    aimem_vec_destroy(v);
}

/* The longest vectors that are let in, and short ones: finite and right. */
static void lengths(void) {
    enum { D = 1000 };
    static const float scales[] = {1e17f, 9.9e16f, 1.0f, 1e-6f, 1e-14f};
    uint32_t metric, i, j;
    static float x[D], y[D];
    for (metric = 0; metric <= AIMEM_VEC_IP; metric++) {
        aimem_vec_desc desc = vt_desc(D, metric);
        aimem_vec *v = vt_create(&desc);
        for (i = 0; i < 25; i++) {
            float d;
            vt_random(x, D);
            vt_random(y, D);
            for (j = 0; j < D; j++) {
                x[j] *= scales[i % 5];
                y[j] *= scales[i / 5];
            }
            CHECK_INT(aimem_vec_distance(v, x, y, &d), AIMEM_OK);
            CHECK(fabs((double)d - vt_distance(metric, x, y, D)) <= vt_bound(metric, x, y, D));
        }
        for (j = 0; j < D; j++) {
            x[j] = 9.99e16f;
            y[j] = -9.99e16f;
        }
        for (i = 0; i < 2; i++) {
            float d;
            CHECK_INT(aimem_vec_distance(v, x, i ? x : y, &d), AIMEM_OK);
            CHECK(d > -3e38f && d < 3e38f);
        }
        aimem_vec_destroy(v);
    }
}

static void similarities(void) {
    static const double expected[] = {0.6, 1 / (1 + 4.4721359), 1 / 21.0, 1 / 7.0, 15};
    uint32_t metric;
    for (metric = 0; metric <= AIMEM_VEC_IP; metric++) {
        aimem_vec_desc desc = vt_desc(2, metric);
        aimem_vec *v = vt_create(&desc);
        float x[2] = {3, 4}, query[2] = {5, 0};
        aimem_vec_hit hit;
        size_t n;
        CHECK_INT(aimem_vec_add(v, 77, "named", x, NULL), AIMEM_OK);
        CHECK_INT(aimem_vec_search(v, query, 1, &hit, &n), AIMEM_OK);
        CHECK_INT(n, 1);
        CHECK(fabs((double)hit.similarity - expected[metric]) < 1e-5);
        CHECK(hit.id == 77 && hit.label_size == 5);
        CHECK_STR(hit.label, "named");
        if (metric == AIMEM_VEC_IP) CHECK(vt_same_float(hit.distance, -15));
        aimem_vec_destroy(v);
    }
}

/* ---- threads --------------------------------------------------------------------------------- */

/* Real threads: thread w takes tasks w, w + workers, and so on. */
typedef struct real_task {
    aimc_thread thread;
    void (*task_fn)(void *task_data, size_t index, uint32_t worker);
    void *task_data;
    size_t count;
    uint32_t worker, workers;
} real_task;

static void real_main(void *user_data) {
    real_task *t = (real_task *)user_data;
    size_t i;
    for (i = t->worker; i < t->count; i += t->workers) t->task_fn(t->task_data, i, t->worker);
}

static void real_for(void *user_data, size_t count,
                     void (*task_fn)(void *task_data, size_t index, uint32_t worker),
                     void *task_data) {
    real_task tasks[3];
    aimem_result started[3];
    uint32_t w;
    (void)user_data;
    for (w = 0; w < 3; w++) {
        tasks[w].task_fn = task_fn;
        tasks[w].task_data = task_data;
        tasks[w].count = count;
        tasks[w].worker = w;
        tasks[w].workers = 3;
        started[w] = aimc_thread_start(&tasks[w].thread, real_main, &tasks[w]);
        if (started[w] != AIMEM_OK) real_main(&tasks[w]);
    }
    for (w = 0; w < 3; w++) {
        if (started[w] == AIMEM_OK) aimc_thread_join(&tasks[w].thread);
    }
}

enum { PN = 7000, PD = 48, PK = 50, PQ = 19 };

/* The same question to a collection without threads and one with. */
static void same_answers(const aimem_vec *v, const aimem_vec *w) {
    static aimem_vec_hit a[PQ * PK], b[PQ * PK];
    static float queries[PQ * PD];
    static size_t ca[PQ], cb[PQ];
    size_t n = 0, m = 0, i, q;
    vt_random(queries, PQ * PD);
    for (q = 0; q < PQ; q++) {
        const float *query = queries + q * PD;
        CHECK_INT(aimem_vec_search(v, query, PK, a + q * PK, &n), AIMEM_OK);
        CHECK_INT(aimem_vec_search(w, query, PK, b, &m), AIMEM_OK);
        CHECK_INT(n, PK);
        CHECK_INT(m, PK);
        for (i = 0; i < n; i++) CHECK(vt_same_hit(&a[q * PK + i], &b[i]));
        CHECK_INT(aimem_vec_range(v, query, a[q * PK + 30].distance, b, 20, &n), AIMEM_OK);
        CHECK_INT(aimem_vec_range(w, query, a[q * PK + 30].distance, b + PK, 20, &m), AIMEM_OK);
        CHECK(n >= 31);
        CHECK_INT(n, m);
        for (i = 0; i < 20; i++) CHECK(vt_same_hit(&b[i], &b[PK + i]));
    }
    CHECK_INT(aimem_vec_search_batch(v, PQ, queries, PK, b, ca), AIMEM_OK);
    for (i = 0; i < PQ * PK; i++) CHECK(vt_same_hit(&a[i], &b[i]));
    CHECK_INT(aimem_vec_search_batch(w, PQ, queries, PK, b, cb), AIMEM_OK);
    for (i = 0; i < PQ * PK; i++) CHECK(vt_same_hit(&a[i], &b[i]));
    for (i = 0; i < PQ; i++) CHECK(ca[i] == PK && cb[i] == PK);
}

static void pair(uint32_t metric, const aimem_parallel *parallel) {
    aimem_vec_desc desc = vt_desc(PD, metric);
    static float x[PN * PD];
    static uint64_t ids[PN];
    check_heap heap;
    aimem_vec *v, *w;
    size_t i;
    vt_random(x, PN * PD);
    for (i = 0; i < PN; i++) {
        ids[i] = i * 48611 % 131071 * 3;
        if (i % 3 == 0) memcpy(x + i * PD, x + i / 2 * PD, PD * sizeof(float));
    }
    v = vt_create(&desc);
    desc.parallel = *parallel;
    vt_use_heap(&desc, &heap);
    w = vt_create(&desc);
    CHECK_INT(aimem_vec_add_batch(v, PN, ids, NULL, x, NULL), AIMEM_OK);
    CHECK_INT(aimem_vec_add_batch(w, PN, ids, NULL, x, NULL), AIMEM_OK);
    same_answers(v, w);
    aimem_vec_destroy(v);
    aimem_vec_destroy(w);
    CHECK_HEAP_CLEAN(&heap);
}

static void workers(void) {
    uint32_t n, metric;
    for (n = 1; n <= 9; n += 2) {
        for (metric = 0; metric <= AIMEM_VEC_IP; metric++) {
            vt_pool pool;
            aimem_parallel p = vt_parallel(&pool, n);
            pair(metric, &p);
            CHECK(n == 1 || pool.calls > 2 * PQ);
        }
    }
}

static void real_threads(void) {
    aimem_parallel p;
    p.for_fn = real_for;
    p.workers = 3;
    p.user_data = NULL;
    pair(AIMEM_VEC_L2, &p);
    pair(AIMEM_VEC_COS, &p);
}

/* Searches side by side on one collection, each without a pool. */
typedef struct reader {
    aimc_thread thread;
    const aimem_vec *v;
    const float *query;
    aimem_vec_hit hits[10];
    size_t n;
    float seen[PD];
    aimem_result result;
} reader;

static void reader_main(void *user_data) {
    reader *r = (reader *)user_data;
    int i;
    for (i = 0; i < 20; i++) {
        r->result = aimem_vec_search(r->v, r->query, 10, r->hits, &r->n);
        if (r->result == AIMEM_OK) r->result = aimem_vec_get(r->v, r->hits[9].id, r->seen);
        if (r->result != AIMEM_OK) return;
    }
}

static void searches_side_by_side(void) {
    aimem_vec_desc desc = vt_desc(PD, AIMEM_VEC_L1);
    static float x[1000 * PD];
    aimem_vec *v = vt_create(&desc);
    static reader readers[3];
    aimem_result started[3];
    int i;
    vt_random(x, 1000 * PD);
    CHECK_INT(aimem_vec_add_batch(v, 1000, NULL, NULL, x, NULL), AIMEM_OK);
    for (i = 0; i < 3; i++) {
        readers[i].v = v;
        readers[i].query = x + i * PD;
        started[i] = aimc_thread_start(&readers[i].thread, reader_main, &readers[i]);
        if (started[i] != AIMEM_OK) reader_main(&readers[i]);
    }
    for (i = 0; i < 3; i++) {
        if (started[i] == AIMEM_OK) aimc_thread_join(&readers[i].thread);
        CHECK_INT(readers[i].result, AIMEM_OK);
        CHECK_INT(readers[i].n, 10);
        CHECK_INT(readers[i].hits[0].id, i);
    }
    aimem_vec_destroy(v);
}

/* ---- batches and memory ---------------------------------------------------------------------- */

static void bad_query_in_a_batch(void) {
    enum { Q = 30 };
    aimem_vec_desc desc = vt_desc(2, AIMEM_VEC_COS);
    vt_pool pool;
    int threads;
    for (threads = 0; threads < 2; threads++) {
        aimem_vec *v;
        aimem_vec_hit hits[Q * 2];
        float x[Q * 2];
        size_t counts[Q], i;
        if (threads) desc.parallel = vt_parallel(&pool, 4);
        v = vt_create(&desc);
        vt_random(x, Q * 2);
        CHECK_INT(aimem_vec_add_batch(v, Q, NULL, NULL, x, NULL), AIMEM_OK);
        CHECK_INT(aimem_vec_search_batch(v, Q, x, 2, hits, counts), AIMEM_OK);
        for (i = 0; i < Q; i++) CHECK_INT(counts[i], 2);
        CHECK_INT(aimem_vec_search_batch(v, Q, x, 0, NULL, counts), AIMEM_OK);
        for (i = 0; i < Q; i++) CHECK_INT(counts[i], 0);
        x[50] = 1e30f;
        CHECK_INT(aimem_vec_search_batch(v, Q, x, 2, hits, counts), AIMEM_ERR_RANGE);
        x[21] = from_bits(0x7F800000u);
        CHECK_INT(aimem_vec_search_batch(v, Q, x, 2, hits, counts), AIMEM_ERR_INVALID);
        for (i = 0; i < Q; i++) CHECK_INT(counts[i], 0);
        CHECK_INT(aimem_vec_search_batch(v, Q, x, 0, NULL, counts), AIMEM_ERR_INVALID);
        CHECK_INT(aimem_vec_search_batch(v, 1, x + 50, 2, hits, counts), AIMEM_ERR_RANGE);
        CHECK_INT(counts[0], 0);
        aimem_vec_destroy(v);
    }
}

static void memory(void) {
    aimem_vec_desc desc = vt_desc(PD, AIMEM_VEC_L2);
    check_heap heap;
    vt_pool pool;
    aimem_vec *v, *w;
    static float x[PN * PD];
    static aimem_vec_hit hits[PN];
    size_t n = 3, counts[4];
    long calls;
    vt_random(x, PN * PD);
    vt_use_heap(&desc, &heap);
    v = vt_create(&desc);
    CHECK_INT(aimem_vec_add_batch(v, PN, NULL, NULL, x, NULL), AIMEM_OK);
    calls = heap.calls;
    CHECK_INT(aimem_vec_search(v, x, PN, hits, &n), AIMEM_OK);
    CHECK_INT(n, PN);
    CHECK_INT(aimem_vec_range(v, x, 1e9f, hits, PN, &n), AIMEM_OK);
    CHECK_INT(aimem_vec_search_batch(v, 4, x, 5, hits, counts), AIMEM_OK);
    CHECK_INT(heap.calls, calls); /* one thread: no memory */
    desc.parallel = vt_parallel(&pool, 2);
    w = vt_create(&desc);
    CHECK_INT(aimem_vec_add_batch(w, PN, NULL, NULL, x, NULL), AIMEM_OK);
    heap.fail_at = heap.calls + 1;
    CHECK_INT(aimem_vec_search(w, x, 5, hits, &n), AIMEM_ERR_NOMEM);
    CHECK_INT(n, 0);
    heap.fail_at = heap.calls + 1;
    CHECK_INT(aimem_vec_range(w, x, 5, hits, 5, &n), AIMEM_ERR_NOMEM);
    CHECK_INT(n, 0);
    heap.fail_at = 0;
    CHECK_INT(aimem_vec_search_batch(w, 4, x, 5, hits, counts), AIMEM_OK);
    aimem_vec_destroy(v);
    aimem_vec_destroy(w);
    CHECK_HEAP_CLEAN(&heap);
}

/* A query that is a row of the collection, read where it lies. */
static void query_is_a_row(void) {
    aimem_vec_desc desc = vt_desc(40, AIMEM_VEC_L2SQ);
    aimem_vec *v = vt_create(&desc);
    aimem_vec_row row;
    aimem_vec_hit hits[3];
    float x[40];
    uint64_t i;
    size_t n;
    for (i = 0; i < 100; i++) {
        vt_random(x, 40);
        CHECK_INT(aimem_vec_add(v, i, NULL, x, NULL), AIMEM_OK);
    }
    for (i = 0; i < 100; i += 9) {
        CHECK_INT(aimem_vec_view(v, i, &row), AIMEM_OK);
        CHECK_INT(aimem_vec_search(v, row.vector, 3, hits, &n), AIMEM_OK);
        CHECK(n == 3 && hits[0].id == i && vt_same_float(hits[0].distance, 0) &&
              vt_same_float(hits[0].similarity, 1));
    }
    aimem_vec_destroy(v);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(arguments);
    RUN(ties);
    RUN(roots_that_meet);
    RUN(radii);
    RUN(zero_vectors);
    RUN(lengths);
    RUN(similarities);
    RUN(query_is_a_row);
    RUN(bad_query_in_a_batch);
    RUN(memory);
    RUN(workers);
    RUN(real_threads);
    RUN(searches_side_by_side);
    RUN(all_metrics_dims_levels);
    RUN(chunks_and_blocks);
    return CHECK_END();
}
