/* pool_tuning.c: histograms, size classes, their text and presets of aimem_pool.h. */
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

static aimem_tuning *tuning_of(check_heap *h) {
    aimem_tuning_desc d;
    aimem_tuning *t = NULL;
    memset(&d, 0, sizeof d);
    d.allocator = heap_hook(h);
    CHECK_INT(aimem_tuning_create(&d, &t), AIMEM_OK);
    return t;
}

static aimem_tuning_info info_of(const aimem_tuning *t) {
    aimem_tuning_info info;
    aimem_tuning_stats(t, &info);
    return info;
}

static void descs(void) {
    check_heap h;
    aimem_tuning_desc d;
    aimem_tuning *t = (aimem_tuning *)&h;
    memset(&d, 0, sizeof d);
    d.allocator = heap_hook(&h);
    d.canary_zero = 1;
    CHECK_INT(aimem_tuning_create(&d, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_tuning_create(&d, &t), AIMEM_ERR_INVALID);
    CHECK(t == NULL);
    CHECK_INT(aimem_tuning_create(NULL, &t), AIMEM_OK);
    CHECK_INT(info_of(t).requests, 0);
    aimem_tuning_destroy(t);
    aimem_tuning_destroy(NULL);
    CHECK_HEAP_CLEAN(&h);
}

/* Bins cover every size once, rise, and are no wider than an eighth of their size. */
static void bins(void) {
    uint64_t size;
    uint32_t i, shift;
    for (i = 1; i < AIMI_POOL_BINS; i++) {
        uint64_t least = aimi_pool_bin_least(i);
        CHECK_INT(aimi_pool_bin_of(least), i);
        CHECK_INT(aimi_pool_bin_of(least - 1 + (least == 1)), least == 1 ? i : i - 1);
        if (i + 1 < AIMI_POOL_BINS && least >= 8) {
            CHECK((aimi_pool_bin_least(i + 1) - least) * 8 <= least);
        }
    }
    for (shift = 0; shift < 64; shift++) {
        for (size = (uint64_t)1 << shift; size - ((uint64_t)1 << shift) < 3; size++) {
            i = aimi_pool_bin_of(size);
            CHECK(i < AIMI_POOL_BINS && aimi_pool_bin_least(i) <= size);
        }
    }
    CHECK_INT(aimi_pool_bin_of(UINT64_MAX), AIMI_POOL_BINS - 1);
}

static void counting(void) {
    check_heap h;
    aimem_tuning *t = tuning_of(&h);
    aimem_tuning_info info;
    int i;
    aimem_tuning_record(t, 0); /* as 1 */
    for (i = 0; i < 10; i++) aimem_tuning_record(t, 100);
    for (i = 0; i < 4; i++) aimem_tuning_record_free(t, 100);
    aimem_tuning_record_free(t, 5000); /* without its request */
    aimem_tuning_record(t, SIZE_MAX);
    info = info_of(t);
    CHECK_INT(info.requests, 12);
    CHECK_INT(info.frees, 4);
    CHECK_INT(info.live, 8);
    CHECK_INT(info.peak_live, 11);
    CHECK(info.largest == SIZE_MAX);
    CHECK_INT(info.bins, 3);
    aimem_tuning_reset(t);
    CHECK_INT(info_of(t).requests, 0);
    CHECK_INT(info_of(t).peak_live, 0);
    aimem_tuning_destroy(t);
    CHECK_HEAP_CLEAN(&h);
}

static void view(void) {
    check_heap h;
    aimem_tuning *t = tuning_of(&h);
    aimem_allocator a = aimem_tuning_allocator(t);
    void *x = a.realloc_fn(a.user_data, NULL, 0, 100, 32), *y;
    CHECK(x != NULL && (uintptr_t)x % 32 == 0);
    y = a.realloc_fn(a.user_data, x, 100, 300, 32);
    CHECK(y != NULL);
    h.fail_at = h.calls + 1;
    CHECK(a.realloc_fn(a.user_data, y, 300, 5000, 32) == NULL);
    h.fail_at = 0;
    CHECK_INT(info_of(t).requests, 2); /* what failed is not counted */
    CHECK_INT(info_of(t).live, 1);
    CHECK_INT(info_of(t).bytes, 400);
    (void)a.realloc_fn(a.user_data, y, 300, 0, 32);
    CHECK(a.realloc_fn(a.user_data, NULL, 0, 0, 0) == NULL);
    CHECK_INT(info_of(t).frees, 2);
    CHECK_INT(info_of(t).live, 0);
    CHECK_INT(info_of(t).peak_live, 1);
    aimem_tuning_destroy(t);
    CHECK_HEAP_CLEAN(&h);
}

/* What the table says, computed again from the sizes themselves. A size may fit the class below
   that of its bin, thanks to rounding: the true waste is a little less. */
static void check_table(const aimem_tuning_table *table, const size_t *sizes, size_t count,
                        size_t align, size_t max_size) {
    double asked = 0, given = 0;
    uint64_t requests = 0;
    size_t i;
    uint32_t k;
    for (i = 0; i < count; i++) {
        for (k = 0; k < table->count && table->sizes[k] < sizes[i]; k++) {}
        if (sizes[i] > max_size) continue;
        CHECK(k < table->count);
        if (k == table->count) return;
        asked += (double)sizes[i];
        given += (double)table->sizes[k];
    }
    for (k = 0; k < table->count; k++) {
        CHECK(table->sizes[k] % align == 0 && table->sizes[k] != 0);
        CHECK(k == 0 || table->sizes[k] > table->sizes[k - 1]);
        requests += table->requests[k];
    }
    CHECK_INT(requests + table->left_out, count);
    CHECK((given - asked) * 1000 <= asked * ((double)table->waste + 0.01));
    CHECK((given - asked) * 1000 >= asked * ((double)table->waste * 0.9 - 1.01));
}

static void few_sizes(void) {
    static const size_t sizes[] = {24, 24, 24, 100, 100, 4096};
    check_heap h;
    aimem_tuning *t = tuning_of(&h);
    aimem_tuning_query q;
    aimem_tuning_table table;
    size_t i;
    memset(&q, 0, sizeof q);
    CHECK_INT(aimem_tuning_classes(t, NULL, &table), AIMEM_ERR_NOT_FOUND);
    for (i = 0; i < 6; i++) aimem_tuning_record(t, sizes[i]);
    CHECK_INT(aimem_tuning_classes(t, NULL, &table), AIMEM_OK);
    check_table(&table, sizes, 6, 16, SIZE_MAX);
    CHECK_INT(table.count, 2); /* the small ones may waste: 4096 dominates */
    CHECK_INT(table.sizes[0], 112);
    CHECK_INT(table.sizes[1], 4096);
    CHECK_INT(table.blocks[0], 0); /* nothing was freed: not known */
    q.waste = 20;
    CHECK_INT(aimem_tuning_classes(t, &q, &table), AIMEM_OK);
    CHECK_INT(table.count, 3);
    CHECK_INT(table.sizes[0], 32);
    CHECK_INT(table.requests[1], 2);
    check_table(&table, sizes, 6, 16, SIZE_MAX);
    q.align = 8;
    q.max_size = 1000;
    aimem_tuning_record_free(t, 100);
    q.waste = 30;
    CHECK_INT(aimem_tuning_classes(t, &q, &table), AIMEM_OK);
    CHECK_INT(table.count, 2);
    CHECK_INT(table.sizes[0], 24);
    CHECK_INT(table.sizes[1], 104);
    CHECK_INT(table.blocks[0], 3);
    CHECK_INT(table.blocks[1], 2);
    CHECK_INT(table.left_out, 1);
    q.max_size = 1;
    CHECK_INT(aimem_tuning_classes(t, &q, &table), AIMEM_ERR_NOT_FOUND);
    aimem_tuning_destroy(t);
    CHECK_HEAP_CLEAN(&h);
}

static void bad_queries(void) {
    check_heap h;
    aimem_tuning *t = tuning_of(&h);
    aimem_tuning_query q;
    aimem_tuning_table table;
    aimem_tuning_record(t, 10);
    memset(&q, 0, sizeof q);
    q.canary_zero = 1;
    CHECK_INT(aimem_tuning_classes(t, &q, &table), AIMEM_ERR_INVALID);
    q.canary_zero = 0;
    q.max_classes = AIMEM_TUNING_CLASSES_MOST + 1;
    CHECK_INT(aimem_tuning_classes(t, &q, &table), AIMEM_ERR_INVALID);
    q.max_classes = 0;
    q.align = 24;
    CHECK_INT(aimem_tuning_classes(t, &q, &table), AIMEM_ERR_INVALID);
    CHECK_INT(table.count, 0);
    q.align = (size_t)1 << (8 * sizeof(size_t) - 2); /* one class of a quarter of all there is */
    q.waste = 1;
    CHECK_INT(aimem_tuning_classes(t, &q, &table), AIMEM_ERR_LIMIT);
    CHECK_INT(table.count, 1);
    CHECK(table.sizes[0] == q.align);
    aimem_tuning_destroy(t);
    CHECK_HEAP_CLEAN(&h);
}

/* The least waste that count classes can have, by trying all ends. */
static double least_waste(const size_t *sizes, size_t count, size_t from, uint32_t classes) {
    double best = -1;
    size_t end, i;
    if (from == count) return 0;
    if (classes == 0) return -1;
    for (end = from; end < count; end++) {
        double waste = 0, rest = least_waste(sizes, count, end + 1, classes - 1);
        size_t size = (sizes[end] + 15) & ~(size_t)15;
        for (i = from; i <= end; i++) waste += (double)(size - sizes[i]);
        if (rest >= 0 && (best < 0 || waste + rest < best)) best = waste + rest;
    }
    return best;
}

/* On small sets the table is the best there is, and no smaller one would do. */
static void best_classes(void) {
    int round;
    for (round = 0; round < 60; round++) {
        check_heap h;
        aimem_tuning *t = tuning_of(&h);
        aimem_tuning_query q;
        aimem_tuning_table table;
        size_t sizes[9], i, asked = 0, at = 0;
        memset(&q, 0, sizeof q);
        for (i = 0; i < 9; i++) {
            at = at + at / 5 + 17 + check_below(60); /* rising, in bins of their own */
            sizes[i] = at;
            asked += at;
            aimem_tuning_record(t, at);
        }
        q.waste = 1 + check_below(300);
        q.max_classes = 1 + check_below(6);
        {
            aimem_result r = aimem_tuning_classes(t, &q, &table);
            double allowed = (double)asked * q.waste / 1000;
            double least = least_waste(sizes, 9, 0, table.count);
            CHECK_INT(r, least <= allowed ? AIMEM_OK : AIMEM_ERR_LIMIT);
            check_table(&table, sizes, 9, 16, SIZE_MAX);
            CHECK(table.waste <= least * 1000 / (double)asked + 1);
            if (r != AIMEM_OK) CHECK_INT(table.count, q.max_classes);
            if (table.count > 1) CHECK(least_waste(sizes, 9, 0, table.count - 1) > allowed);
        }
        aimem_tuning_destroy(t);
        CHECK_HEAP_CLEAN(&h);
    }
}

/* Many sizes: the bound holds for what was asked, and fewer classes come with a looser one. */
static void many_sizes(void) {
    static size_t sizes[5000];
    static const uint32_t bounds[] = {100, 150, 250, 500};
    check_heap h;
    aimem_tuning *t = tuning_of(&h);
    aimem_tuning_query q;
    aimem_tuning_table table;
    uint32_t before = AIMEM_TUNING_CLASSES_MOST;
    int i;
    memset(&q, 0, sizeof q);
    for (i = 0; i < 5000; i++) {
        sizes[i] = 16 + check_below((uint32_t)1 << (4 + check_below(14)));
        aimem_tuning_record(t, sizes[i]);
    }
    for (i = 0; i < 4; i++) {
        q.waste = bounds[i];
        CHECK_INT(aimem_tuning_classes(t, &q, &table), AIMEM_OK);
        CHECK(table.waste <= bounds[i]);
        CHECK(table.count <= before);
        before = table.count;
        check_table(&table, sizes, 5000, 16, SIZE_MAX);
    }
    CHECK(before <= 6);
    aimem_tuning_destroy(t);
    CHECK_HEAP_CLEAN(&h);
}

/* ---- text ---- */

static void text_round(void) {
    static char text[20000], again[20000];
    check_heap h, h2;
    aimem_tuning *t = tuning_of(&h), *u = tuning_of(&h2);
    aimem_tuning_table table, back;
    size_t need, need2, n;
    int i;
    for (i = 0; i < 500; i++) aimem_tuning_record(t, check_below(100000));
    aimem_tuning_record(t, SIZE_MAX / 4);
    for (i = 0; i < 500; i++) aimem_tuning_record_free(t, check_below(100000));
    CHECK_INT(aimem_tuning_save(t, NULL, 0, &need), AIMEM_ERR_RANGE);
    REQUIRE(need != 0 && need < sizeof text);
    memset(text, 'x', sizeof text);
    CHECK_INT(aimem_tuning_save(t, text, need, &n), AIMEM_ERR_RANGE);
    CHECK(n == need && text[0] == '\0' && text[need] == 'x');
    CHECK_INT(aimem_tuning_save(t, text, need + 1, &n), AIMEM_OK);
    CHECK_INT(strlen(text), need);
    CHECK_INT(aimem_tuning_load(u, text, need), AIMEM_OK);
    CHECK_INT(info_of(u).requests, info_of(t).requests);
    CHECK(info_of(u).bytes == info_of(t).bytes);
    CHECK_INT(info_of(u).frees, info_of(t).frees);
    CHECK_INT(aimem_tuning_save(u, again, sizeof again, &need2), AIMEM_OK);
    CHECK_STR(text, again);
    CHECK_INT(aimem_tuning_load(u, text, need), AIMEM_OK); /* twice: requests add up */
    CHECK_INT(info_of(u).requests, 2 * info_of(t).requests);
    CHECK_INT(info_of(u).peak_live, info_of(t).peak_live);
    CHECK_INT(aimem_tuning_classes(t, NULL, &table), AIMEM_OK);
    CHECK_INT(aimem_tuning_table_save(&table, text, sizeof text, &need), AIMEM_OK);
    CHECK_INT(aimem_tuning_table_load(text, need, &back), AIMEM_OK);
    CHECK(memcmp(&table, &back, sizeof table) == 0);
    table.count = 0;
    CHECK_INT(aimem_tuning_table_save(&table, text, sizeof text, &need), AIMEM_ERR_INVALID);
    aimem_tuning_destroy(t);
    aimem_tuning_destroy(u);
    CHECK_HEAP_CLEAN(&h);
    CHECK_HEAP_CLEAN(&h2);
}

static aimem_result load_text(aimem_tuning *t, const char *text) {
    return aimem_tuning_load(t, text, strlen(text));
}

static void by_people(void) {
    check_heap h;
    aimem_tuning *t = tuning_of(&h);
    aimem_tuning_table table;
    static const char text[] = "# what the server asks for\r\n\r\n  aimem-classes 1\r\n"
                               "class\t64 40 1000 \n  # and large ones\nclass 250 7 90\n"
                               "waste 71\nleft-out 3\nend\n\n# made by hand";
    CHECK_INT(load_text(t, "aimem-tuning 1\nlive 1\nfrees 0\nsize 70 2 137 1\nend"), AIMEM_OK);
    CHECK_INT(info_of(t).bytes, 137);
    CHECK_INT(aimem_tuning_table_load(text, strlen(text), &table), AIMEM_OK);
    CHECK_INT(table.count, 2);
    CHECK_INT(table.sizes[1], 250);
    CHECK_INT(table.blocks[0], 40);
    CHECK_INT(table.left_out, 3);
    aimem_tuning_destroy(t);
    CHECK_HEAP_CLEAN(&h);
}

static void hostile_text(void) {
    static const char *const bad[] = {
        "", "\n", "end\n", "aimem-tuning\n", "aimem-tuning 1 1\nlive 0\nfrees 0\nend\n",
        "aimem-classes 1\nlive 0\nfrees 0\nend\n",
        "aimem-tuning 1\nlive 0\nfrees 0\n",                                 /* cut short */
        "aimem-tuning 1\nlive 0\nend\n", "aimem-tuning 1\nlive 0\nlive 0\nfrees 0\nend\n",
        "aimem-tuning 1\nlive 0\nfrees 0\nend\nend\n",
        "aimem-tuning 1\nlive 0\nfrees 0\nend\nx",
        "aimem-tuning 1\nlive 0\nfrees 0\nend 1\n",
        "aimem-tuning 1\nlive 0\nfrees 1\nend\n",                            /* of no request */
        "aimem-tuning 1\nlive 1\nfrees 0\nend\n",
        "aimem-tuning 1\nlive 0\nfrees 0\nsize 0 1 0 1\nend\n",
        "aimem-tuning 1\nlive 0\nfrees 0\nsize 64 0 0 0\nend\n",
        "aimem-tuning 1\nlive 0\nfrees 0\nsize 64 1 64 2\nend\n",            /* peak > requests */
        "aimem-tuning 1\nlive 0\nfrees 0\nsize 64 1 63 1\nend\n",            /* bytes too few */
        "aimem-tuning 1\nlive 0\nfrees 0\nsize 64 1 65 1\nend\n",            /* too many */
        "aimem-tuning 1\nlive 0\nfrees 0\nsize 64 1 64 1\nsize 65 1 65 1\nend\n", /* one bin */
        "aimem-tuning 1\nlive 0\nfrees 0\nsize 64 1 64 1\nsize 32 1 32 1\nend\n",
        "aimem-tuning 1\nlive 0\nfrees 0\nsize 64 -1 64 1\nend\n",
        "aimem-tuning 1\nlive 0\nfrees 0\nsize 64 1 64 1 1\nend\n",
        "aimem-tuning 1\nlive 0\nfrees 0\nsize64 1 64 1\nend\n",
        "aimem-tuning 1\nlive 0\nfrees 0\nsize 64 1 64 1;\nend\n",
        "aimem-tuning 1\nlive 18446744073709551616\nfrees 0\nend\n",
        "aimem-tuning 1\nlive 99999999999999999999999\nfrees 0\nend\n",
        "aimem-tuning 1\nlive 0\nfrees 0\nsize 18446744073709551615 2 18446744073709551615 1\nend",
        ("aimem-tuning 1\nlive 0\nfrees 0\nsize 1 18446744073709551615 18446744073709551615 0\n"
         "size 2 1 2 0\nend\n"),                                              /* sums overflow */
        "aimem-tuning 1\n5 0\nfrees 0\nlive 0\nend\n", "aimem-tuning 1\nfrees 0\nlive 0\nfoo\nend",
    };
    static const char good[] = "aimem-tuning 1\nlive 3\nfrees 4\n"
                               "size 70 7 460 2\nsize 100 1 100 1\nend\n";
    static const char *const bad_tables[] = {
        "aimem-classes 1\nleft-out 0\nwaste 0\nend\n",
        "aimem-classes 1\nclass 0 1 1\nleft-out 0\nwaste 0\nend\n",
        "aimem-classes 1\nclass 8 1 1\nclass 8 1 1\nleft-out 0\nwaste 0\nend\n",
        "aimem-classes 1\nclass 8 1 1\nleft-out 0\nwaste 4294967296\nend\n",
        "aimem-classes 1\nclass 8 1 1\nwaste 1\nend\n", "aimem-classes 1\nclass 8 1 1\n",
        "aimem-classes 1\nclass 8 1 1\nleft-out 0\nwaste 1\nend\nclass 9 1 1\n",
        "aimem-tuning 1\nclass 8 1 1\nleft-out 0\nwaste 1\nend\n",
    };
    check_heap h;
    aimem_tuning *t = tuning_of(&h);
    aimem_tuning_table table;
    char copy[sizeof good];
    size_t i;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(load_text(t, bad[i]), AIMEM_ERR_CORRUPT);
        if (info_of(t).bins != 0) printf("accepted: %s\n", bad[i]);
    }
    CHECK_INT(load_text(t, "aimem-tuning 2\nnews 1 2 3\nend\n"), AIMEM_ERR_VERSION);
    CHECK_INT(aimem_tuning_load(t, NULL, 0), AIMEM_ERR_CORRUPT);
    for (i = 0; i < sizeof bad_tables / sizeof bad_tables[0]; i++) {
        CHECK_INT(aimem_tuning_table_load(bad_tables[i], strlen(bad_tables[i]), &table),
                  AIMEM_ERR_CORRUPT);
        CHECK_INT(table.count, 0);
    }
    CHECK_INT(aimem_tuning_table_load("aimem-classes 9\n", 16, &table), AIMEM_ERR_VERSION);
    CHECK_INT(info_of(t).requests, 0);
    CHECK_INT(load_text(t, good), AIMEM_OK);
    aimem_tuning_reset(t);
    for (i = 0; i + 2 < sizeof good; i++) { /* every text that ends early, at its exact size */
        char *cut = (char *)malloc(i + 1);
        REQUIRE(cut != NULL);
        memcpy(cut, good, i);
        CHECK_INT(aimem_tuning_load(t, cut, i), AIMEM_ERR_CORRUPT);
        free(cut);
    }
    for (i = 0; i + 1 < sizeof good; i++) { /* other bytes: refused or, still true, taken */
        int k;
        for (k = 0; k < 256; k++) {
            memcpy(copy, good, sizeof good);
            copy[i] = (char)k;
            aimem_tuning_reset(t);
            if (aimem_tuning_load(t, copy, sizeof good - 1) == AIMEM_OK) {
                CHECK(info_of(t).bins == 2 || info_of(t).bins == 1);
            } else {
                CHECK_INT(info_of(t).requests, 0);
            }
        }
    }
    aimem_tuning_destroy(t);
    CHECK_HEAP_CLEAN(&h);
}

/* Sums that would not fit leave what was there. */
static void sums(void) {
    check_heap h;
    aimem_tuning *t = tuning_of(&h);
    static const char most[] =
        "aimem-tuning 1\nlive 0\nfrees 0\n"
        "size 1 18446744073709551615 18446744073709551615 0\nend\n";
    CHECK_INT(load_text(t, most), AIMEM_OK);
    CHECK(info_of(t).requests == UINT64_MAX);
    CHECK_INT(load_text(t, most), AIMEM_ERR_CORRUPT);
    aimem_tuning_record(t, 1); /* passed over */
    CHECK(info_of(t).requests == UINT64_MAX);
    aimem_tuning_destroy(t);
    CHECK_HEAP_CLEAN(&h);
}

/* ---- presets ---- */

static void presets(void) {
    aimem_tuning_values v, w;
    aimem_pool_desc pd;
    aimem_arena_desc ad;
    aimem_pool *pool;
    aimem_arena arena;
    uint32_t bits;
    CHECK_INT(aimem_tuning_preset(16, &v), AIMEM_ERR_INVALID);
    CHECK_INT(v.buffers_align, 0);
    for (bits = 0; bits < 16; bits++) {
        CHECK_INT(aimem_tuning_preset(bits, &v), AIMEM_OK);
        CHECK(v.arena_chunk_size != 0 && v.pool_preallocated != 0 && v.buffers_idle_ns != 0);
        CHECK(v.query.max_classes <= AIMEM_TUNING_CLASSES_MOST && v.query.waste != 0);
        memset(&pd, 0, sizeof pd);
        pd.max_blocks = 30;
        CHECK_INT(aimem_tuning_pool(bits, &pd), AIMEM_OK);
        CHECK_INT(pd.fixed, (bits & AIMEM_TUNING_REALTIME) != 0);
        CHECK_INT(aimem_pool_create(&pd, &pool), AIMEM_OK); /* every combination is a pool */
        aimem_pool_destroy(pool);
        memset(&pd, 0, sizeof pd);
        CHECK_INT(aimem_tuning_pool(bits, &pd), AIMEM_OK);
        CHECK(!pd.fixed);
        CHECK_INT(aimem_pool_create(&pd, &pool), AIMEM_OK);
        aimem_pool_destroy(pool);
        memset(&ad, 0, sizeof ad);
        CHECK_INT(aimem_tuning_arena(bits, &ad), AIMEM_OK);
        CHECK_INT(ad.chunk_size, v.arena_chunk_size);
        CHECK_INT(aimem_arena_init(&arena, &ad), AIMEM_OK);
        aimem_arena_deinit(&arena);
    }
    CHECK_INT(aimem_tuning_preset(AIMEM_TUNING_TIGHT | AIMEM_TUNING_REALTIME, &v), AIMEM_OK);
    CHECK(v.buffers_idle_ns == UINT64_MAX && !v.pool_reclaim_on_free);
    CHECK_INT(v.arena_chunk_size, 4096);
    CHECK_INT(aimem_tuning_preset(AIMEM_TUNING_SCIENTIFIC | AIMEM_TUNING_LEARNING, &v), AIMEM_OK);
    CHECK_INT(aimem_tuning_preset(AIMEM_TUNING_LEARNING, &w), AIMEM_OK);
    CHECK_INT(v.buffers_align, w.buffers_align);
    CHECK_INT(v.query.waste, 60);
    memset(&pd, 0, sizeof pd);
    pd.preallocated = 3; /* the caller's word holds */
    CHECK_INT(aimem_tuning_pool(AIMEM_TUNING_LEARNING, &pd), AIMEM_OK);
    CHECK_INT(pd.preallocated, 3);
    CHECK_INT(aimem_tuning_pool(99, &pd), AIMEM_ERR_INVALID);
    memset(&ad, 0, sizeof ad);
    ad.chunk_size = 10;
    CHECK_INT(aimem_tuning_arena(AIMEM_TUNING_TIGHT, &ad), AIMEM_OK);
    CHECK_INT(ad.chunk_size, 10);
    CHECK_INT(aimem_tuning_arena(99, &ad), AIMEM_ERR_INVALID);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(descs);
    RUN(bins);
    RUN(counting);
    RUN(view);
    RUN(few_sizes);
    RUN(bad_queries);
    RUN(best_classes);
    RUN(many_sizes);
    RUN(text_round);
    RUN(by_people);
    RUN(hostile_text);
    RUN(sums);
    RUN(presets);
    return CHECK_END();
}
