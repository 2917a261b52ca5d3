/* vec_io.c: saving and loading of aimem_vec.h: round trips, damage, lies, and an old file. */
#include "unit/vec_tools.h"

/* ---- round trips ----------------------------------------------------------------------------- */

static int same_collections(const aimem_vec *a, const aimem_vec *b) {
    aimem_vec_info ia, ib;
    aimem_vec_row ra, rb;
    uint64_t ca = 0, cb = 0, id;
    aimem_vec_stats(a, &ia);
    aimem_vec_stats(b, &ib);
    if (ia.dim != ib.dim || ia.metric != ib.metric || ia.count != ib.count) return 0;
    if (ia.labels != ib.labels) return 0;
    while (aimem_vec_next(a, &ca, &ra)) {
        if (!aimem_vec_next(b, &cb, &rb) || ra.id != rb.id) return 0;
        if (memcmp(ra.vector, rb.vector, ia.dim * sizeof(float)) != 0) return 0;
        if ((ra.label == NULL) != (rb.label == NULL) || ra.label_size != rb.label_size) return 0;
        if (ra.label == NULL) continue;
        if (strcmp(ra.label, rb.label) != 0) return 0;
        if (aimem_vec_find(b, ra.label, &id) != AIMEM_OK || id != ra.id) return 0;
    }
    return 1;
}

/* Rows with and without labels, some removed, so that labels lie in another order than rows. */
static aimem_vec *sample(uint32_t dim, uint32_t metric, uint32_t rows, size_t longest) {
    aimem_vec_desc desc = vt_desc(dim, metric);
    aimem_vec *v = vt_create(&desc);
    float *x = (float *)calloc(dim, sizeof *x);
    char *label = (char *)malloc(longest + 32);
    uint32_t i;
    if (x == NULL || label == NULL) abort();
    for (i = 0; i < rows; i++) {
        uint64_t id = (uint64_t)check_below(16) << 58 | i;
        size_t n = check_below((uint32_t)longest + 1);
        vt_random(x, dim);
        memset(label, 'a' + (int)(i % 26), n);
        snprintf(label + n, 32, "%u", (unsigned)i);
        CHECK_INT(aimem_vec_add(v, id, check_below(3) ? label : NULL, x, NULL), AIMEM_OK);
        if (check_below(5) == 0) CHECK_INT(aimem_vec_remove(v, id), AIMEM_OK);
    }
    free(x);
    free(label);
    return v;
}

static void round_trip(uint32_t dim, uint32_t metric, uint32_t rows, size_t longest) {
    aimem_vec *v = sample(dim, metric, rows, longest), *w = NULL;
    aimem_vec_desc desc = vt_desc(0, 0);
    check_heap heap;
    vt_stream s, again;
    uint64_t a = 0, b = 0;
    float *x = (float *)calloc(dim, sizeof *x);
    aimem_vec_hit ha[5], hb[5];
    size_t n, m, i;
    if (x == NULL) abort();
    vt_use_heap(&desc, &heap);
    REQUIRE(vt_save(v, &s) == AIMEM_OK);
    CHECK(s.size % 64 == 0);
    CHECK_INT(vt_load(&desc, &s, &w), AIMEM_OK);
    REQUIRE(w != NULL);
    CHECK_INT(s.at, s.size);
    CHECK(same_collections(v, w));
    REQUIRE(vt_save(w, &again) == AIMEM_OK);
    CHECK(again.size == s.size && memcmp(again.data, s.data, s.size) == 0);
    x[0] = 1;
    CHECK_INT(aimem_vec_search(v, x, 5, ha, &n), AIMEM_OK);
    CHECK_INT(aimem_vec_search(w, x, 5, hb, &m), AIMEM_OK);
    CHECK_INT(n, m);
    for (i = 0; i < n && i < m; i++) CHECK(vt_same_hit(&ha[i], &hb[i]));
    CHECK_INT(aimem_vec_add(v, AIMEM_VEC_NEW_ID, "more", x, &a),
              aimem_vec_add(w, AIMEM_VEC_NEW_ID, "more", x, &b)); /* the next id is kept */
    CHECK_INT(a, b);
    free(x);
    aimem_vec_destroy(v);
    aimem_vec_destroy(w);
    CHECK_HEAP_CLEAN(&heap);
    vt_free(&s);
    vt_free(&again);
}

static void round_trips(void) {
    uint32_t metric;
    for (metric = 0; metric <= AIMEM_VEC_IP; metric++) {
        round_trip(3, metric, 0, 1);
        round_trip(1, metric, 1, 5);
        round_trip(4, metric, 11, 5);
        round_trip(17, metric, 200, 30);
    }
    round_trip(300, AIMEM_VEC_COS, 1600, 300);          /* several blocks of rows and keys */
    round_trip(2, AIMEM_VEC_L2, 70000, 3);              /* blocks of 65536 rows */
    round_trip(AIMEM_VEC_MAX_DIM, AIMEM_VEC_L1, 9, 10); /* blocks of 4 rows */
    round_trip(1, AIMEM_VEC_IP, 20, 65000);             /* labels that lie across blocks */
}

static void short_reads(void) {
    static const size_t steps[] = {1, 2, 3, 63, 64, 65, 1000};
    aimem_vec *v = sample(20, AIMEM_VEC_L2, 60, 40), *w;
    vt_stream s;
    size_t i;
    REQUIRE(vt_save(v, &s) == AIMEM_OK);
    for (i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        s.step = steps[i];
        CHECK_INT(vt_load(NULL, &s, &w), AIMEM_OK);
        CHECK(w != NULL && same_collections(v, w));
        aimem_vec_destroy(w);
    }
    vt_free(&s);
    aimem_vec_destroy(v);
}

/* Two collections one behind the other: each load takes its own bytes. */
static void two_in_a_stream(void) {
    aimem_vec *a = sample(3, AIMEM_VEC_L2, 10, 9), *b = sample(9, AIMEM_VEC_COS, 10, 9), *w;
    vt_stream s;
    aimem_stream hook = vt_hook(&s);
    memset(&s, 0, sizeof s);
    CHECK_INT(aimem_vec_save(a, &hook), AIMEM_OK);
    CHECK_INT(aimem_vec_save(b, &hook), AIMEM_OK);
    CHECK_INT(aimem_vec_load(NULL, &hook, &w), AIMEM_OK);
    CHECK(same_collections(a, w));
    aimem_vec_destroy(w);
    CHECK_INT(aimem_vec_load(NULL, &hook, &w), AIMEM_OK);
    CHECK(same_collections(b, w));
    aimem_vec_destroy(w);
    CHECK_INT(aimem_vec_load(NULL, &hook, &w), AIMEM_ERR_CORRUPT); /* nothing left */
    CHECK(w == NULL);
    vt_free(&s);
    aimem_vec_destroy(a);
    aimem_vec_destroy(b);
}

static void arguments(void) {
    aimem_vec *v = sample(3, AIMEM_VEC_L2, 10, 9), *w = v;
    aimem_vec_desc desc = vt_desc(0, 0);
    aimem_stream none;
    aimem_vec_info info;
    vt_stream s;
    float zero[3] = {0, 0, 0};
    int32_t os_error = 9;
    uint32_t simd;
    memset(&none, 0, sizeof none);
    REQUIRE(vt_save(v, &s) == AIMEM_OK);
    CHECK_INT(aimem_vec_save(NULL, &none), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_save(v, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_save(v, &none), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_load(NULL, &none, &w), AIMEM_ERR_INVALID);
    CHECK(w == NULL);
    CHECK_INT(aimem_vec_load(NULL, NULL, &w), AIMEM_ERR_INVALID);
    CHECK_INT(vt_load(NULL, &s, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_save_file(v, NULL, NULL, &os_error), AIMEM_ERR_INVALID);
    CHECK_INT(os_error, 0);
    CHECK_INT(aimem_vec_save_file(v, "", NULL, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_save_file(NULL, "x", NULL, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_load_file(NULL, NULL, NULL, &w, &os_error), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_load_file(NULL, "", NULL, &w, &os_error), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_load_file(NULL, "x", NULL, NULL, &os_error), AIMEM_ERR_INVALID);
    desc.dim = 4;
    CHECK_INT(vt_load(&desc, &s, &w), AIMEM_ERR_INVALID);
    desc.dim = 3;
    desc.metric = AIMEM_VEC_COS; /* the file's counts */
    CHECK_INT(vt_load(&desc, &s, &w), AIMEM_OK);
    aimem_vec_stats(w, &info);
    CHECK_INT(info.metric, AIMEM_VEC_L2);
    aimem_vec_destroy(w);
    desc.max_rows = aimem_vec_count(v) - 1;
    CHECK_INT(vt_load(&desc, &s, &w), AIMEM_ERR_LIMIT);
    desc.max_rows++;
    CHECK_INT(vt_load(&desc, &s, &w), AIMEM_OK);
    CHECK_INT(aimem_vec_add(w, 99, NULL, zero, NULL), AIMEM_ERR_LIMIT);
    aimem_vec_destroy(w);
    desc.max_rows = 0;
    desc.canary_zero = 3;
    CHECK_INT(vt_load(&desc, &s, &w), AIMEM_ERR_INVALID);
    desc.canary_zero = 0;
    for (simd = 0; simd < 9; simd++) {
        aimem_result r;
        desc.simd = simd;
        r = vt_load(&desc, &s, &w);
        CHECK(r == (simd > 6 ? AIMEM_ERR_INVALID : w == NULL ? AIMEM_ERR_UNSUPPORTED : AIMEM_OK));
        CHECK(simd != AIMEM_VEC_SIMD_SCALAR || r == AIMEM_OK);
        aimem_vec_destroy(w);
    }
    CHECK(w == NULL);
    vt_free(&s);
    aimem_vec_destroy(v);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void every_bit(void) {
    aimem_vec *v = sample(5, AIMEM_VEC_COS, 6, 9), *w;
    aimem_vec_desc desc = vt_desc(0, 0);
    check_heap heap;
    vt_stream s;
    size_t i;
    vt_use_heap(&desc, &heap);
    REQUIRE(vt_save(v, &s) == AIMEM_OK);
    for (i = 0; i < s.size * 8; i++) {
        aimem_result r;
        s.data[i / 8] ^= (unsigned char)(1u << i % 8);
        r = vt_load(&desc, &s, &w);
        if (r != AIMEM_ERR_CORRUPT && r != AIMEM_ERR_VERSION) {
            printf("bit %u: %d\n", (unsigned)i, (int)r);
            check_failed(__FILE__, __LINE__, "a flipped bit was let in");
        }
        CHECK(w == NULL);
        s.data[i / 8] ^= (unsigned char)(1u << i % 8);
    }
    CHECK_HEAP_CLEAN(&heap);
    CHECK_INT(vt_load(&desc, &s, &w), AIMEM_OK);
    aimem_vec_destroy(w);
    vt_free(&s);
    aimem_vec_destroy(v);
}

static void every_truncation(void) {
    aimem_vec *v = sample(5, AIMEM_VEC_L2, 6, 9), *w;
    aimem_vec_desc desc = vt_desc(0, 0);
    check_heap heap;
    vt_stream s;
    size_t whole;
    vt_use_heap(&desc, &heap);
    REQUIRE(vt_save(v, &s) == AIMEM_OK);
    whole = s.size;
    for (s.size = 0; s.size < whole; s.size++) {
        CHECK_INT(vt_load(&desc, &s, &w), AIMEM_ERR_CORRUPT);
        CHECK(w == NULL);
    }
    CHECK_HEAP_CLEAN(&heap);
    vt_free(&s);
    aimem_vec_destroy(v);
}

/* A stream that fails: its own code comes back. */
static void failing_streams(void) {
    aimem_vec *v = sample(300, AIMEM_VEC_L2, 400, 200), *w;
    aimem_vec_desc desc = vt_desc(0, 0);
    check_heap heap;
    vt_stream s;
    aimem_stream hook = vt_hook(&s);
    long n, calls;
    vt_use_heap(&desc, &heap);
    REQUIRE(vt_save(v, &s) == AIMEM_OK);
    calls = s.calls;
    CHECK(calls > 5);
    for (n = 1; n <= calls; n++) {
        s.size = 0;
        s.calls = 0;
        s.fail_at = n;
        s.error = n % 2 ? AIMEM_ERR_NOSPACE : AIMEM_ERR_CANCELLED;
        CHECK_INT(aimem_vec_save(v, &hook), s.error);
        CHECK_INT(s.calls, n); /* and nothing is written after it */
    }
    s.fail_at = 0;
    s.size = 0;
    CHECK_INT(aimem_vec_save(v, &hook), AIMEM_OK);
    CHECK_INT(vt_load(&desc, &s, &w), AIMEM_OK);
    aimem_vec_destroy(w);
    calls = s.calls;
    for (n = 1; n <= calls; n++) {
        s.fail_at = n;
        s.error = AIMEM_ERR_IO;
        CHECK_INT(vt_load(&desc, &s, &w), AIMEM_ERR_IO);
        CHECK(w == NULL);
    }
    s.fail_at = 1;
    s.error = AIMEM_PENDING; /* not an answer that a stream may give */
    CHECK_INT(vt_load(&desc, &s, &w), AIMEM_ERR_IO);
    s.size = 0;
    s.calls = 0;
    CHECK_INT(aimem_vec_save(v, &hook), AIMEM_ERR_IO);
    CHECK_HEAP_CLEAN(&heap);
    vt_free(&s);
    aimem_vec_destroy(v);
}

/* ---- lies: the checksums are right, the contents are not ------------------------------------- */

/* What the logger was told. */
typedef struct told {
    int count;
    int32_t code;
    char text[100];
} told;

static void listen(void *user_data, int level, int32_t code, const char *text) {
    told *t = (told *)user_data;
    CHECK_INT(level, 0);
    t->count++;
    t->code = code;
    vt_text(t->text, sizeof t->text, text);
}

/* Writes a number into a copy of a file, corrects the checksums, loads. */
static void lie(const vt_stream *s, size_t at, uint64_t x, int bytes, aimem_result expected) {
    aimem_vec_desc desc = vt_desc(0, 0);
    check_heap heap;
    vt_stream copy = *s;
    aimem_vec *w;
    aimem_result r;
    told t;
    memset(&t, 0, sizeof t);
    vt_use_heap(&desc, &heap);
    desc.logger.log_fn = listen;
    desc.logger.user_data = &t;
    copy.data = (unsigned char *)malloc(s->size);
    if (copy.data == NULL) abort();
    memcpy(copy.data, s->data, s->size);
    vt_put_number(copy.data + at, x, bytes);
    vt_fix(copy.data, copy.size);
    r = vt_load(&desc, &copy, &w);
    if (r != expected) {
        printf("at %u, %llx: %d (%s)\n", (unsigned)at, (unsigned long long)x, (int)r, t.text);
        check_failed(__FILE__, __LINE__, "a lie was let in");
    }
    CHECK_INT(t.count, r != AIMEM_OK);
    CHECK_INT(t.code, r);
    CHECK(heap.peak < 4000000); /* what the header announces takes no memory */
    aimem_vec_destroy(w);
    CHECK_HEAP_CLEAN(&heap);
    free(copy.data);
}

/* Header 64, three rows of 8 floats (5 used) in a block of 128, keys of 10 + 2, 10 + 3, 10. */
static void lies(void) {
    enum { ROWS = 64, KEYS = 64 + 128 };
    static const size_t header[] = {16, 20, 24, 40, 48, 52, 56};
    aimem_vec_desc desc = vt_desc(5, AIMEM_VEC_COS);
    aimem_vec *v = vt_create(&desc);
    float x[5] = {1, 2, 3, 4, 5};
    uint64_t bit;
    vt_stream s;
    size_t i;
    CHECK_INT(aimem_vec_add(v, 10, "ab", x, NULL), AIMEM_OK);
    CHECK_INT(aimem_vec_add(v, 11, "abc", x, NULL), AIMEM_OK);
    CHECK_INT(aimem_vec_add(v, 12, NULL, x, NULL), AIMEM_OK);
    REQUIRE(vt_save(v, &s) == AIMEM_OK);
    CHECK_INT(s.size, 64 + 128 + 64);
    lie(&s, 0, 'A', 1, AIMEM_OK);
    lie(&s, 0, 'B', 1, AIMEM_ERR_CORRUPT);
    lie(&s, 8, 0, 4, AIMEM_ERR_VERSION);
    lie(&s, 8, 2, 4, AIMEM_ERR_VERSION);
    lie(&s, 12, 0x04030201, 4, AIMEM_ERR_VERSION);
    lie(&s, 16, 0, 4, AIMEM_ERR_CORRUPT);
    lie(&s, 16, 9, 4, AIMEM_ERR_CORRUPT);
    lie(&s, 16, UINT32_MAX, 4, AIMEM_ERR_CORRUPT);
    lie(&s, 20, 5, 4, AIMEM_ERR_CORRUPT);
    lie(&s, 24, 0, 8, AIMEM_ERR_CORRUPT);
    lie(&s, 24, 2, 8, AIMEM_ERR_CORRUPT);
    lie(&s, 24, 4, 8, AIMEM_ERR_CORRUPT);
    lie(&s, 24, (uint64_t)1 << 40, 8, AIMEM_ERR_CORRUPT);
    lie(&s, 24, UINT64_MAX, 8, AIMEM_ERR_CORRUPT);
    lie(&s, 32, 13, 8, AIMEM_OK);
    lie(&s, 32, 12, 8, AIMEM_ERR_CORRUPT); /* the last id is 12 */
    lie(&s, 32, 0, 8, AIMEM_ERR_CORRUPT);
    lie(&s, 32, UINT64_MAX, 8, AIMEM_OK);
    lie(&s, 40, 34, 8, AIMEM_ERR_CORRUPT);
    lie(&s, 40, 36, 8, AIMEM_ERR_CORRUPT);
    lie(&s, 40, 0, 8, AIMEM_ERR_CORRUPT);
    lie(&s, 40, UINT64_MAX, 8, AIMEM_ERR_CORRUPT);
    lie(&s, 48, 16, 4, AIMEM_ERR_CORRUPT);
    lie(&s, 52, 1, 4, AIMEM_ERR_CORRUPT);
    lie(&s, 56, 1, 4, AIMEM_ERR_CORRUPT);
    lie(&s, ROWS, 0x7FC00000, 4, AIMEM_ERR_CORRUPT);      /* NaN */
    lie(&s, ROWS + 36, 0xFF800000, 4, AIMEM_ERR_CORRUPT); /* infinity */
    lie(&s, ROWS + 64, 0x7E967699, 4, AIMEM_ERR_CORRUPT); /* 1e38: too long */
    lie(&s, ROWS + 64, 0x40000000, 4, AIMEM_OK);
    lie(&s, ROWS + 20, 1, 4, AIMEM_ERR_CORRUPT); /* the padding of a row */
    lie(&s, ROWS + 96, 1, 1, AIMEM_ERR_CORRUPT); /* and of the block */
    lie(&s, KEYS + 12, 10, 8, AIMEM_ERR_CORRUPT);      /* an id twice */
    lie(&s, KEYS + 12, 13, 8, AIMEM_ERR_CORRUPT);      /* not below the next one */
    lie(&s, KEYS, UINT64_MAX, 8, AIMEM_ERR_CORRUPT);
    lie(&s, KEYS, 9, 8, AIMEM_OK);
    lie(&s, KEYS + 10, 0, 1, AIMEM_ERR_CORRUPT);       /* a label with a 0 */
    lie(&s, KEYS + 8, 0, 2, AIMEM_ERR_CORRUPT);        /* too short a label */
    lie(&s, KEYS + 8, 65535, 2, AIMEM_ERR_CORRUPT);    /* too long */
    lie(&s, KEYS + 33, 5, 2, AIMEM_ERR_CORRUPT);       /* longer than the section */
    lie(&s, KEYS + 35, 1, 1, AIMEM_ERR_CORRUPT);       /* padding */
    for (i = 0; i < sizeof header / sizeof header[0]; i++) {
        for (bit = 0; bit < 32; bit++) {
            uint64_t y = vt_number(s.data + header[i], 4) ^ (uint64_t)1 << bit;
            int harmless = (header[i] == 20 && y <= AIMEM_VEC_IP) || /* another metric */
                           (header[i] == 16 && y == 7);              /* 7 floats padded to 8 */
            lie(&s, header[i], y, 4, harmless ? AIMEM_OK : AIMEM_ERR_CORRUPT);
        }
    }
    CHECK_INT(aimem_vec_put(v, 10, "abd", x), AIMEM_OK);
    vt_free(&s);
    REQUIRE(vt_save(v, &s) == AIMEM_OK);
    lie(&s, KEYS + 12, 'c', 1, AIMEM_ERR_CORRUPT); /* a label twice */
    lie(&s, KEYS + 12, 'e', 1, AIMEM_OK);
    vt_free(&s);
    aimem_vec_destroy(v);
}

/* Blocks that change places have right checksums, but not in this order. */
static void swapped_blocks(void) {
    enum { BLOCK = 1048576 + 64 };
    aimem_vec_desc desc = vt_desc(1024, AIMEM_VEC_L2);
    aimem_vec *v = vt_create(&desc), *w;
    static float x[1024];
    unsigned char *block = (unsigned char *)malloc(BLOCK);
    vt_stream s;
    int i;
    REQUIRE(block != NULL);
    for (i = 0; i < 600; i++) {
        x[0] = (float)i;
        CHECK_INT(aimem_vec_add(v, AIMEM_VEC_NEW_ID, NULL, x, NULL), AIMEM_OK);
    }
    REQUIRE(vt_save(v, &s) == AIMEM_OK);
    memcpy(block, s.data + 64, BLOCK);
    memmove(s.data + 64, s.data + 64 + BLOCK, BLOCK);
    memcpy(s.data + 64 + BLOCK, block, BLOCK);
    CHECK_INT(vt_load(NULL, &s, &w), AIMEM_ERR_CORRUPT);
    free(block);
    vt_free(&s);
    aimem_vec_destroy(v);
}

/* Headers that announce much and deliver nothing. */
static void big_promises(void) {
    uint32_t dims[] = {1, 16, 784, AIMEM_VEC_MAX_DIM}, i;
    for (i = 0; i < 4; i++) {
        aimem_vec *v = sample(dims[i], AIMEM_VEC_L2, 1, 9), *w;
        aimem_vec_desc desc = vt_desc(0, 0);
        check_heap heap;
        vt_stream s;
        vt_use_heap(&desc, &heap);
        REQUIRE(vt_save(v, &s) == AIMEM_OK);
        vt_put_number(s.data + 24, AIMEM_VEC_MAX_ROWS, 8);
        vt_put_number(s.data + 32, UINT64_MAX, 8);
        vt_put_number(s.data + 40, (uint64_t)AIMEM_VEC_MAX_ROWS * 65545, 8);
        vt_fix(s.data, s.size);
        CHECK_INT(vt_load(&desc, &s, &w), AIMEM_ERR_CORRUPT);
        CHECK(heap.peak < 4000000);
        CHECK_HEAP_CLEAN(&heap);
        vt_free(&s);
        aimem_vec_destroy(v);
    }
}

/* ---- a file of version 1, kept ------------------------------------------------------------ */

static const char golden_path[] = "tests/data/vec_v1.bin";

/* What is in it. */
static aimem_vec *golden(void) {
    aimem_vec_desc desc = vt_desc(19, AIMEM_VEC_COS);
    aimem_vec *v = vt_create(&desc);
    float x[19];
    uint32_t i, j;
    for (i = 0; i < 9; i++) {
        char label[24];
        for (j = 0; j < 19; j++) x[j] = (float)((i * 37 + j * 11) % 23) * 0.25f - 2.5f;
        if (i == 4) memset(x, 0, sizeof x);
        snprintf(label, sizeof label, "row number %u", (unsigned)i);
        CHECK_INT(aimem_vec_add(v, (uint64_t)i * UINT64_C(0x123456789), i % 2 ? label : NULL, x,
                                NULL), AIMEM_OK);
    }
    CHECK_INT(aimem_vec_put(v, 0, "caf\xC3\xA9", x), AIMEM_OK);
    CHECK_INT(aimem_vec_remove(v, UINT64_C(0x123456789) * 8), AIMEM_OK);
    CHECK_INT(aimem_vec_remove(v, UINT64_C(0x123456789)), AIMEM_OK);
    return v;
}

static void golden_file(void) {
    aimem_vec *v = golden(), *w;
    vt_stream s, file;
    unsigned char data[4096];
    FILE *f = fopen(golden_path, "rb");
    REQUIRE(f != NULL);
    memset(&file, 0, sizeof file);
    file.data = data;
    file.size = fread(data, 1, sizeof data, f);
    fclose(f);
    CHECK_INT(vt_load(NULL, &file, &w), AIMEM_OK);
    REQUIRE(w != NULL);
    CHECK(same_collections(v, w));
    REQUIRE(vt_save(v, &s) == AIMEM_OK);
    CHECK(s.size == file.size && memcmp(s.data, data, s.size) == 0);
    vt_free(&s);
    aimem_vec_destroy(v);
    aimem_vec_destroy(w);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(arguments);
    RUN(round_trips);
    RUN(short_reads);
    RUN(two_in_a_stream);
    RUN(every_bit);
    RUN(every_truncation);
    RUN(failing_streams);
    RUN(lies);
    RUN(swapped_blocks);
    RUN(big_promises);
    RUN(golden_file);
    return CHECK_END();
}
