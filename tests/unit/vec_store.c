/* vec_store.c: ids, labels and rows of aimem_vec.h, against an array that does the same simply. */
#include "unit/vec_tools.h"

/* ---- a model: rows in an array, everything found by looking ---------------------------------- */

enum { DIM = 5, MOST = 600 };

typedef struct model_row {
    uint64_t id;
    char label[40]; /* "" none */
    float vector[DIM];
} model_row;

typedef struct model {
    model_row rows[MOST];
    size_t count;
    uint64_t next_id;
} model;

static model_row *model_find(model *m, uint64_t id) {
    size_t i;
    for (i = 0; i < m->count; i++) {
        if (m->rows[i].id == id) return &m->rows[i];
    }
    return NULL;
}

static model_row *model_label(model *m, const char *label) {
    size_t i;
    for (i = 0; i < m->count && label[0] != 0; i++) {
        if (strcmp(m->rows[i].label, label) == 0) return &m->rows[i];
    }
    return NULL;
}

static void model_add(model *m, uint64_t id, const char *label, const float *vector) {
    model_row *row = &m->rows[m->count++];
    row->id = id;
    vt_text(row->label, sizeof row->label, label);
    memcpy(row->vector, vector, sizeof row->vector);
    if (id >= m->next_id) m->next_id = id + 1;
}

static int same_row(const model_row *m, const aimem_vec_row *row) {
    const char *label = row->label == NULL ? "" : row->label;
    return row->id == m->id && memcmp(row->vector, m->vector, sizeof m->vector) == 0 &&
           strcmp(label, m->label) == 0 && row->label_size == strlen(m->label) &&
           (row->label == NULL) == (m->label[0] == 0);
}

static void compare(const aimem_vec *v, model *m) {
    aimem_vec_row row;
    aimem_vec_info info;
    uint64_t cursor = 0, id;
    size_t seen = 0, labels = 0, i;
    CHECK_INT(aimem_vec_count(v), m->count);
    while (aimem_vec_next(v, &cursor, &row)) {
        model_row *mine = model_find(m, row.id);
        REQUIRE(mine != NULL);
        CHECK(same_row(mine, &row));
        seen++;
    }
    CHECK(row.vector == NULL);
    CHECK_INT(seen, m->count);
    for (i = 0; i < m->count; i++) {
        float vector[DIM];
        REQUIRE(aimem_vec_get(v, m->rows[i].id, vector) == AIMEM_OK);
        CHECK(memcmp(vector, m->rows[i].vector, sizeof vector) == 0);
        CHECK(aimem_vec_view(v, m->rows[i].id, &row) == AIMEM_OK && same_row(&m->rows[i], &row));
        if (m->rows[i].label[0] == 0) continue;
        labels++;
        CHECK_INT(aimem_vec_find(v, m->rows[i].label, &id), AIMEM_OK);
        CHECK_INT(id, m->rows[i].id);
    }
    aimem_vec_stats(v, &info);
    CHECK_INT(info.count, m->count);
    CHECK_INT(info.labels, labels);
    CHECK(info.capacity >= info.count);
}

/* A small set of names, so that they meet. */
static void random_label(char *label, size_t size) {
    uint32_t kind = check_below(4);
    label[0] = 0;
    if (kind == 1) snprintf(label, size, "l%u", (unsigned)check_below(300));
    if (kind == 2) snprintf(label, size, "a longer label, number %u", (unsigned)check_below(900));
}

static uint64_t random_id(const model *m) {
    if (m->count != 0 && check_below(3) == 0) return m->rows[check_below((uint32_t)m->count)].id;
    return check_below(4) == 0 ? check_random() >> 20 : check_below(1000);
}

static void step_add(aimem_vec *v, model *m) {
    char label[40];
    float x[DIM];
    uint64_t id = check_below(2) == 0 ? AIMEM_VEC_NEW_ID : random_id(m), got = 7;
    aimem_result expected = AIMEM_OK, r;
    random_label(label, sizeof label);
    vt_random(x, DIM);
    if (id != AIMEM_VEC_NEW_ID && model_find(m, id) != NULL) expected = AIMEM_ERR_EXISTS;
    if (model_label(m, label) != NULL) expected = AIMEM_ERR_EXISTS;
    r = aimem_vec_add(v, id, label[0] == 0 && check_below(2) == 0 ? NULL : label, x, &got);
    CHECK_INT(r, expected);
    CHECK_INT(got, r != AIMEM_OK ? 0 : id == AIMEM_VEC_NEW_ID ? m->next_id : id);
    if (r == AIMEM_OK) model_add(m, got, label, x);
}

static void step_put(aimem_vec *v, model *m) {
    char label[40];
    float x[DIM];
    uint64_t id = random_id(m);
    model_row *row = model_find(m, id), *other;
    random_label(label, sizeof label);
    vt_random(x, DIM);
    if (row != NULL && check_below(4) == 0) vt_text(label, sizeof label, row->label);
    other = model_label(m, label);
    if (other != NULL && other != row) {
        CHECK_INT(aimem_vec_put(v, id, label, x), AIMEM_ERR_EXISTS);
        return;
    }
    CHECK_INT(aimem_vec_put(v, id, label, x), AIMEM_OK);
    if (row == NULL) {
        model_add(m, id, label, x);
    } else {
        vt_text(row->label, sizeof row->label, label);
        memcpy(row->vector, x, sizeof x);
    }
}

static void step_batch(aimem_vec *v, model *m) {
    enum { MANY = 12 };
    uint64_t ids[MANY], got[MANY];
    char text[MANY][40];
    const char *labels[MANY];
    float x[MANY * DIM];
    size_t n = check_below(MANY + 1), before = m->count, i;
    uint64_t next_id = m->next_id;
    int clash = 0;
    memset(ids, 0, sizeof ids);
    memset((void *)labels, 0, sizeof labels);
    memset(x, 0, sizeof x);
    vt_random(x, n * DIM);
    for (i = 0; i < n; i++) {
        ids[i] = check_below(2) == 0 ? AIMEM_VEC_NEW_ID : check_random() >> 16;
        if (check_below(40) == 0) ids[i] = random_id(m);
        text[i][0] = 0;
        if (check_below(8) == 0) random_label(text[i], sizeof text[i]);
        labels[i] = text[i];
        if (model_find(m, ids[i]) != NULL || model_label(m, text[i]) != NULL) {
            clash = 1;
            break;
        }
        model_add(m, ids[i] == AIMEM_VEC_NEW_ID ? m->next_id : ids[i], text[i], x + i * DIM);
    }
    for (i++; i < n; i++) {
        ids[i] = AIMEM_VEC_NEW_ID;
        labels[i] = NULL;
    }
    CHECK_INT(aimem_vec_add_batch(v, n, ids, labels, x, got), clash ? AIMEM_ERR_EXISTS : AIMEM_OK);
    for (i = 0; i < n; i++) CHECK_INT(got[i], clash ? 0 : m->rows[before + i].id);
    if (clash) {
        m->count = before;
        m->next_id = next_id;
    }
}

static void step_remove(aimem_vec *v, model *m) {
    uint64_t id = random_id(m);
    model_row *row = model_find(m, id);
    CHECK_INT(aimem_vec_remove(v, id), row == NULL ? AIMEM_ERR_NOT_FOUND : AIMEM_OK);
    if (row != NULL) *row = m->rows[--m->count];
}

static void random_operations(void) {
    static model m;
    check_heap heap;
    aimem_vec_desc desc = vt_desc(DIM, AIMEM_VEC_L2);
    aimem_vec *v;
    int i;
    memset(&m, 0, sizeof m);
    vt_use_heap(&desc, &heap);
    v = vt_create(&desc);
    for (i = 0; i < 6000 && check_now.failed_checks == 0; i++) {
        uint32_t what = check_below(100);
        int shrink = i / 1000 % 2 == 1; /* waves: the collection grows and shrinks */
        if (m.count > MOST - 20 || (shrink && what < 50)) {
            step_remove(v, &m);
        } else if (what < 50) {
            step_add(v, &m);
        } else if (what < 75) {
            step_put(v, &m);
        } else if (what < 85) {
            step_batch(v, &m);
        } else if (what < 95) {
            step_remove(v, &m);
        } else if (what < 97) {
            CHECK_INT(aimem_vec_reserve(v, check_below(700)), AIMEM_OK);
        } else if (what < 99) {
            CHECK_INT(aimem_vec_trim(v), AIMEM_OK);
        } else if (check_below(20) == 0) {
            aimem_vec_clear(v);
            m.count = 0;
        }
        if (i % 200 == 0) compare(v, &m);
    }
    compare(v, &m);
    aimem_vec_destroy(v);
    CHECK_HEAP_CLEAN(&heap);
}

/* ---- creating -------------------------------------------------------------------------------- */

static void create_errors(void) {
    aimem_vec_desc desc = vt_desc(3, AIMEM_VEC_L2);
    aimem_vec *v = (aimem_vec *)&desc;
    check_heap heap;
    uint32_t simd;
    CHECK_INT(aimem_vec_create(&desc, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_create(NULL, &v), AIMEM_ERR_INVALID);
    CHECK(v == NULL);
    desc.dim = 0;
    CHECK_INT(aimem_vec_create(&desc, &v), AIMEM_ERR_INVALID);
    desc.dim = AIMEM_VEC_MAX_DIM + 1;
    CHECK_INT(aimem_vec_create(&desc, &v), AIMEM_ERR_INVALID);
    desc.dim = UINT32_MAX;
    CHECK_INT(aimem_vec_create(&desc, &v), AIMEM_ERR_INVALID);
    desc.dim = 3;
    desc.metric = 5;
    CHECK_INT(aimem_vec_create(&desc, &v), AIMEM_ERR_INVALID);
    desc.metric = 0;
    desc.simd = 7;
    CHECK_INT(aimem_vec_create(&desc, &v), AIMEM_ERR_INVALID);
    desc.simd = 0;
    desc.canary_zero = 1;
    CHECK_INT(aimem_vec_create(&desc, &v), AIMEM_ERR_INVALID);
    desc.canary_zero = 0;
    desc.max_rows = (uint64_t)AIMEM_VEC_MAX_ROWS + 1;
    CHECK_INT(aimem_vec_create(&desc, &v), AIMEM_ERR_LIMIT);
    desc.max_rows = UINT64_MAX;
    CHECK_INT(aimem_vec_create(&desc, &v), AIMEM_ERR_LIMIT);
    desc.max_rows = 0;
    vt_use_heap(&desc, &heap);
    heap.fail_at = 1;
    CHECK_INT(aimem_vec_create(&desc, &v), AIMEM_ERR_NOMEM);
    CHECK(v == NULL);
    heap.fail_at = 0;
    for (simd = 0; simd <= AIMEM_VEC_SIMD_WASM; simd++) {
        aimem_vec_info info;
        aimem_result r;
        desc.simd = simd;
        r = aimem_vec_create(&desc, &v);
        CHECK(r == AIMEM_OK || (simd > AIMEM_VEC_SIMD_SCALAR && r == AIMEM_ERR_UNSUPPORTED));
        if (r != AIMEM_OK) continue;
        aimem_vec_stats(v, &info);
        CHECK(simd == 0 ? info.simd != 0 : info.simd == simd);
        CHECK_INT(info.dim, 3);
        CHECK_INT(info.max_rows, AIMEM_VEC_MAX_ROWS);
        CHECK_INT(info.bytes, heap.bytes);
        aimem_vec_destroy(v);
    }
    aimem_vec_destroy(NULL);
    CHECK_HEAP_CLEAN(&heap);
    CHECK_INT(aimem_vec_version(), AIMEM_VEC_VERSION);
}

static void null_arguments(void) {
    aimem_vec_desc desc = vt_desc(2, AIMEM_VEC_L2);
    aimem_vec *v = vt_create(&desc);
    float x[2] = {1, 2};
    uint64_t id = 9, cursor = 0;
    aimem_vec_row row;
    aimem_vec_info info;
    CHECK_INT(aimem_vec_add(NULL, 1, NULL, x, &id), AIMEM_ERR_INVALID);
    CHECK_INT(id, 0);
    CHECK_INT(aimem_vec_add(v, 1, NULL, NULL, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_add_batch(v, 2, NULL, NULL, NULL, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_add_batch(v, 0, NULL, NULL, NULL, NULL), AIMEM_OK);
    CHECK_INT(aimem_vec_put(NULL, 1, NULL, x), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_put(v, 1, NULL, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_put(v, AIMEM_VEC_NEW_ID, NULL, x), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_get(NULL, 1, x), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_get(v, 1, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_get(v, 1, x), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(aimem_vec_view(v, 1, &row), AIMEM_ERR_NOT_FOUND);
    CHECK(row.vector == NULL && row.label == NULL);
    CHECK_INT(aimem_vec_view(v, 1, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_view(NULL, 1, &row), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_find(v, "a", &id), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(aimem_vec_find(v, "", &id), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(aimem_vec_find(v, NULL, &id), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_find(v, "a", NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_remove(NULL, 1), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_remove(v, 1), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(aimem_vec_count(NULL), 0);
    CHECK(!aimem_vec_next(NULL, &cursor, &row));
    CHECK(!aimem_vec_next(v, NULL, &row));
    CHECK(!aimem_vec_next(v, &cursor, NULL));
    CHECK_INT(aimem_vec_reserve(NULL, 1), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_trim(NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_set_metric(NULL, 0), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_set_metric(v, 5), AIMEM_ERR_INVALID);
    aimem_vec_clear(NULL);
    aimem_vec_stats(v, NULL);
    aimem_vec_stats(NULL, &info);
    CHECK_INT(info.bytes, 0);
    CHECK_INT(aimem_vec_count(v), 0);
    aimem_vec_destroy(v);
}

/* ---- what comes in --------------------------------------------------------------------------- */

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void bad_vectors(void) {
    static const uint32_t bad[] = {0x7FC00000u, 0xFFC00000u, 0x7F800001u, 0x7F800000u,
                                   0xFF800000u, 0xFFFFFFFFu};
    enum { D = 21 };
    aimem_vec_desc desc = vt_desc(D, AIMEM_VEC_COS);
    aimem_vec *v = vt_create(&desc);
    float x[D], y[D] = {0};
    size_t i, at;
    memset(x, 0, sizeof x);
    CHECK_INT(aimem_vec_add(v, 1, "zero", x, NULL), AIMEM_OK);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (at = 0; at < D; at++) {
            memset(x, 0, sizeof x);
            x[at] = from_bits(bad[i]);
            CHECK_INT(aimem_vec_add(v, 2, NULL, x, NULL), AIMEM_ERR_INVALID);
            CHECK_INT(aimem_vec_put(v, 1, NULL, x), AIMEM_ERR_INVALID);
            CHECK_INT(aimem_vec_put(v, 2, NULL, x), AIMEM_ERR_INVALID);
        }
    }
    memset(x, 0, sizeof x);
    x[3] = 3.1e18f; /* squares: 9.6e36 */
    CHECK_INT(aimem_vec_add(v, 3, NULL, x, NULL), AIMEM_OK);
    x[4] = 1e18f; /* 1.06e37 */
    CHECK_INT(aimem_vec_add(v, 4, NULL, x, NULL), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_vec_put(v, 3, NULL, x), AIMEM_ERR_RANGE);
    x[4] = 3.4e38f;
    CHECK_INT(aimem_vec_add(v, 4, NULL, x, NULL), AIMEM_ERR_RANGE);
    for (i = 0; i < D; i++) x[i] = from_bits((uint32_t)i + (i % 2 ? 0x80000000u : 0u));
    CHECK_INT(aimem_vec_add(v, 5, NULL, x, NULL), AIMEM_OK); /* denormals and -0, bit for bit */
    CHECK_INT(aimem_vec_get(v, 5, y), AIMEM_OK);
    CHECK(memcmp(x, y, sizeof x) == 0);
    CHECK_INT(aimem_vec_count(v), 3);
    CHECK_INT(aimem_vec_get(v, 1, y), AIMEM_OK);
    memset(x, 0, sizeof x);
    CHECK(memcmp(x, y, sizeof x) == 0);
    aimem_vec_destroy(v);
}

static void unaligned_input(void) {
    /* Not at 16 or 64 bytes: a float may stand at any multiple of its own alignment. */
    float raw[3 + 16], y[16] = {0};
    aimem_vec_desc desc = vt_desc(16, AIMEM_VEC_L2);
    aimem_vec *v = vt_create(&desc);
    vt_random(raw, 19);
    CHECK_INT(aimem_vec_add(v, 1, NULL, raw + 3, NULL), AIMEM_OK);
    CHECK_INT(aimem_vec_get(v, 1, y), AIMEM_OK);
    CHECK(memcmp(raw + 3, y, sizeof y) == 0);
    aimem_vec_destroy(v);
}

/* ---- ids ------------------------------------------------------------------------------------- */

static void assigned_ids(void) {
    aimem_vec_desc desc = vt_desc(1, AIMEM_VEC_L2);
    aimem_vec *v = vt_create(&desc);
    float x = 1;
    uint64_t id;
    CHECK(aimem_vec_add(v, AIMEM_VEC_NEW_ID, NULL, &x, &id) == AIMEM_OK && id == 0);
    CHECK(aimem_vec_add(v, AIMEM_VEC_NEW_ID, NULL, &x, &id) == AIMEM_OK && id == 1);
    CHECK(aimem_vec_add(v, 100, NULL, &x, &id) == AIMEM_OK && id == 100);
    CHECK(aimem_vec_add(v, 50, NULL, &x, &id) == AIMEM_OK && id == 50);
    CHECK_INT(aimem_vec_remove(v, 100), AIMEM_OK);
    CHECK(aimem_vec_add(v, AIMEM_VEC_NEW_ID, NULL, &x, &id) == AIMEM_OK && id == 101);
    aimem_vec_clear(v);
    CHECK(aimem_vec_add(v, AIMEM_VEC_NEW_ID, NULL, &x, &id) == AIMEM_OK && id == 102);
    CHECK_INT(aimem_vec_put(v, 200, NULL, &x), AIMEM_OK);
    CHECK(aimem_vec_add(v, AIMEM_VEC_NEW_ID, NULL, &x, &id) == AIMEM_OK && id == 201);
    CHECK(aimem_vec_add(v, UINT64_MAX - 2, NULL, &x, &id) == AIMEM_OK);
    CHECK(aimem_vec_add(v, AIMEM_VEC_NEW_ID, NULL, &x, &id) == AIMEM_OK && id == UINT64_MAX - 1);
    CHECK_INT(aimem_vec_add(v, AIMEM_VEC_NEW_ID, NULL, &x, &id), AIMEM_ERR_LIMIT);
    CHECK_INT(id, 0);
    CHECK_INT(aimem_vec_add(v, 7, NULL, &x, &id), AIMEM_OK);
    CHECK_INT(aimem_vec_remove(v, UINT64_MAX - 1), AIMEM_OK);
    CHECK_INT(aimem_vec_add(v, AIMEM_VEC_NEW_ID, NULL, &x, &id), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_vec_get(v, AIMEM_VEC_NEW_ID, &x), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(aimem_vec_remove(v, AIMEM_VEC_NEW_ID), AIMEM_ERR_NOT_FOUND);
    aimem_vec_destroy(v);
}

static void many_ids(void) {
    /* Ids that share their low bits, over several chunks, and back. */
    enum { N = 3000, D = 512 };
    aimem_vec_desc desc = vt_desc(D, AIMEM_VEC_L2);
    check_heap heap;
    aimem_vec *v;
    aimem_vec_info info;
    aimem_vec_row row;
    static float x[D];
    uint64_t i, cursor = 0;
    vt_use_heap(&desc, &heap);
    v = vt_create(&desc);
    for (i = 0; i < N; i++) {
        x[D - 1] = (float)i;
        REQUIRE(aimem_vec_add(v, i << 32, NULL, x, NULL) == AIMEM_OK);
    }
    aimem_vec_stats(v, &info);
    CHECK_INT(info.bytes, heap.bytes);
    CHECK(info.bytes_per_row < 4 * D + 90);
    for (i = 0; aimem_vec_next(v, &cursor, &row); i++) {
        CHECK(row.id == i << 32 && row.vector[D - 1] == (float)i); /* in the order of adding */
        CHECK(((uintptr_t)row.vector & 63) == 0);
    }
    CHECK_INT(i, N);
    for (i = 0; i < N; i += 2) CHECK_INT(aimem_vec_remove(v, i << 32), AIMEM_OK);
    for (i = 0; i < N; i++) {
        aimem_result r = aimem_vec_get(v, i << 32, x);
        CHECK_INT(r, i % 2 == 0 ? AIMEM_ERR_NOT_FOUND : AIMEM_OK);
        if (r == AIMEM_OK) CHECK(x[D - 1] == (float)i);
    }
    CHECK_INT(aimem_vec_trim(v), AIMEM_OK);
    aimem_vec_stats(v, &info);
    CHECK_INT(info.bytes, heap.bytes);
    CHECK(info.capacity < N / 2 + 512);
    for (i = 1; i < N; i += 2) CHECK_INT(aimem_vec_remove(v, i << 32), AIMEM_OK);
    CHECK_INT(aimem_vec_trim(v), AIMEM_OK);
    CHECK_INT(heap.live, 1); /* the object */
    aimem_vec_destroy(v);
    CHECK_HEAP_CLEAN(&heap);
}

static void iterate_and_remove(void) {
    aimem_vec_desc desc = vt_desc(1, AIMEM_VEC_L2);
    aimem_vec *v = vt_create(&desc);
    aimem_vec_row row;
    uint64_t i, cursor = 0;
    float x = 0;
    int seen[100];
    memset(seen, 0, sizeof seen);
    for (i = 0; i < 100; i++) CHECK_INT(aimem_vec_add(v, i, NULL, &x, NULL), AIMEM_OK);
    while (aimem_vec_next(v, &cursor, &row)) {
        seen[row.id]++;
        if (row.id % 3 == 0) {
            CHECK_INT(aimem_vec_remove(v, row.id), AIMEM_OK);
            cursor--;
        }
    }
    for (i = 0; i < 100; i++) CHECK_INT(seen[i], 1);
    CHECK_INT(aimem_vec_count(v), 66);
    cursor = UINT64_MAX;
    CHECK(!aimem_vec_next(v, &cursor, &row));
    aimem_vec_destroy(v);
}

/* ---- labels ---------------------------------------------------------------------------------- */

static void labels(void) {
    aimem_vec_desc desc = vt_desc(1, AIMEM_VEC_L2);
    aimem_vec *v = vt_create(&desc);
    char *longest = (char *)malloc(AIMEM_VEC_MAX_LABEL + 2);
    aimem_vec_row row;
    float x = 1;
    uint64_t id;
    REQUIRE(longest != NULL);
    memset(longest, 'x', AIMEM_VEC_MAX_LABEL + 1);
    longest[AIMEM_VEC_MAX_LABEL + 1] = 0;
    CHECK_INT(aimem_vec_add(v, 1, longest, &x, &id), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_vec_put(v, 1, longest, &x), AIMEM_ERR_RANGE);
    CHECK_INT(aimem_vec_find(v, longest, &id), AIMEM_ERR_NOT_FOUND);
    longest[AIMEM_VEC_MAX_LABEL] = 0;
    CHECK_INT(aimem_vec_add(v, 1, longest, &x, &id), AIMEM_OK);
    CHECK_INT(aimem_vec_view(v, 1, &row), AIMEM_OK);
    CHECK_INT(row.label_size, AIMEM_VEC_MAX_LABEL);
    CHECK_STR(row.label, longest);
    CHECK_INT(aimem_vec_find(v, longest, &id), AIMEM_OK);
    CHECK_INT(aimem_vec_add(v, 2, longest, &x, &id), AIMEM_ERR_EXISTS);
    CHECK_INT(aimem_vec_add(v, 2, "", &x, NULL), AIMEM_OK); /* empty: none */
    CHECK_INT(aimem_vec_add(v, 3, "", &x, NULL), AIMEM_OK);
    CHECK_INT(aimem_vec_view(v, 2, &row), AIMEM_OK);
    CHECK(row.label == NULL && row.label_size == 0);
    CHECK_INT(aimem_vec_put(v, 2, "b", &x), AIMEM_OK);
    CHECK_INT(aimem_vec_put(v, 3, "b", &x), AIMEM_ERR_EXISTS);
    CHECK_INT(aimem_vec_put(v, 9, "b", &x), AIMEM_ERR_EXISTS);
    CHECK_INT(aimem_vec_count(v), 3);
    CHECK_INT(aimem_vec_put(v, 2, NULL, &x), AIMEM_OK); /* the label goes */
    CHECK_INT(aimem_vec_find(v, "b", &id), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(aimem_vec_put(v, 3, "b", &x), AIMEM_OK);
    CHECK(aimem_vec_find(v, "b", &id) == AIMEM_OK && id == 3);
    CHECK_INT(aimem_vec_remove(v, 3), AIMEM_OK);
    CHECK_INT(aimem_vec_add(v, 4, "b", &x, NULL), AIMEM_OK); /* free again */
    aimem_vec_clear(v);
    CHECK_INT(aimem_vec_find(v, longest, &id), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(aimem_vec_add(v, 4, longest, &x, NULL), AIMEM_OK);
    free(longest);
    aimem_vec_destroy(v);
}

static void labels_do_not_pile_up(void) {
    aimem_vec_desc desc = vt_desc(1, AIMEM_VEC_L2);
    aimem_vec *v = vt_create(&desc);
    aimem_vec_info info;
    char label[64];
    float x = 1;
    uint64_t id;
    unsigned i;
    for (i = 0; i < 20; i++) {
        snprintf(label, sizeof label, "it stays, number %u", i);
        CHECK_INT(aimem_vec_add(v, i, label, &x, NULL), AIMEM_OK);
    }
    for (i = 0; i < 20000; i++) {
        snprintf(label, sizeof label, "a label that changes all the time: %u", i);
        REQUIRE(aimem_vec_put(v, 77, label, &x) == AIMEM_OK);
    }
    CHECK(aimem_vec_find(v, label, &id) == AIMEM_OK && id == 77);
    for (i = 0; i < 20; i++) {
        snprintf(label, sizeof label, "it stays, number %u", i);
        CHECK(aimem_vec_find(v, label, &id) == AIMEM_OK && id == i);
    }
    aimem_vec_stats(v, &info);
    CHECK(info.bytes < 24000);
    CHECK_INT(info.labels, 21);
    aimem_vec_destroy(v);
}

/* What a view or a hit shows may be given back to a call that changes the collection. */
static void own_memory_as_argument(void) {
    aimem_vec_desc desc = vt_desc(4, AIMEM_VEC_L2);
    check_heap heap;
    aimem_vec *v;
    aimem_vec_row row;
    float x[4] = {1, 2, 3, 4};
    uint64_t i, id;
    vt_use_heap(&desc, &heap); /* freed blocks are overwritten */
    v = vt_create(&desc);
    CHECK_INT(aimem_vec_add(v, 0, "first label of this collection", x, NULL), AIMEM_OK);
    for (i = 1; i < 300; i++) {
        char expected[40];
        REQUIRE(aimem_vec_view(v, i - 1, &row) == AIMEM_OK);
        REQUIRE(aimem_vec_add(v, i, row.label + (i < 20 ? 1 : 0), row.vector, NULL) ==
                (i < 20 ? AIMEM_OK : AIMEM_ERR_EXISTS));
        if (i >= 20) {
            snprintf(expected, sizeof expected, "L%d", (int)i);
            REQUIRE(aimem_vec_view(v, i - 1, &row) == AIMEM_OK); /* a failed add ends views too */
            REQUIRE(aimem_vec_add(v, i, expected, row.vector, NULL) == AIMEM_OK);
        }
        REQUIRE(aimem_vec_view(v, i, &row) == AIMEM_OK);
        CHECK(memcmp(row.vector, x, sizeof x) == 0);
    }
    CHECK(aimem_vec_find(v, "rst label of this collection", &id) == AIMEM_OK && id == 2);
    for (i = 0; i < 300; i++) { /* the same label, a part of it, the row itself */
        REQUIRE(aimem_vec_view(v, i, &row) == AIMEM_OK);
        CHECK_INT(aimem_vec_put(v, i, row.label, row.vector), AIMEM_OK);
    }
    for (i = 299; i >= 20; i--) {
        REQUIRE(aimem_vec_view(v, i, &row) == AIMEM_OK);
        CHECK_INT(aimem_vec_put(v, i, row.label + 1, x), AIMEM_OK);
    }
    CHECK(aimem_vec_find(v, "299", &id) == AIMEM_OK && id == 299);
    aimem_vec_destroy(v);
    CHECK_HEAP_CLEAN(&heap);
}

/* ---- limits, batches, metrics ---------------------------------------------------------------- */

static void max_rows(void) {
    aimem_vec_desc desc = vt_desc(2, AIMEM_VEC_L2);
    aimem_vec *v;
    float x[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint64_t ids[4];
    desc.max_rows = 3;
    v = vt_create(&desc);
    CHECK_INT(aimem_vec_reserve(v, 4), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_vec_reserve(v, 3), AIMEM_OK);
    CHECK_INT(aimem_vec_add_batch(v, 4, NULL, NULL, x, ids), AIMEM_ERR_LIMIT);
    CHECK_INT(ids[0], 0);
    CHECK_INT(aimem_vec_count(v), 0);
    CHECK_INT(aimem_vec_add_batch(v, 3, NULL, NULL, x, ids), AIMEM_OK);
    CHECK_INT(ids[2], 2);
    CHECK_INT(aimem_vec_add(v, 10, NULL, x, NULL), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_vec_put(v, 10, NULL, x), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_vec_put(v, 2, "full, but it replaces", x), AIMEM_OK);
    CHECK_INT(aimem_vec_remove(v, 0), AIMEM_OK);
    CHECK_INT(aimem_vec_add(v, 10, NULL, x, NULL), AIMEM_OK);
    CHECK_INT(aimem_vec_add_batch(v, SIZE_MAX, NULL, NULL, x, NULL), AIMEM_ERR_LIMIT);
    aimem_vec_destroy(v);
}

static void reserve_takes_all(void) {
    aimem_vec_desc desc = vt_desc(700, AIMEM_VEC_COS);
    check_heap heap;
    aimem_vec *v;
    aimem_vec_info info;
    static float x[700];
    long calls;
    uint64_t i, capacity;
    vt_use_heap(&desc, &heap);
    v = vt_create(&desc);
    CHECK_INT(aimem_vec_reserve(v, 0), AIMEM_OK);
    CHECK_INT(aimem_vec_reserve(v, 1000), AIMEM_OK);
    aimem_vec_stats(v, &info);
    CHECK(info.capacity >= 1000);
    CHECK_INT(info.bytes, heap.bytes);
    calls = heap.calls;
    for (i = 0; i < 1000; i++) CHECK_INT(aimem_vec_add(v, i, NULL, x, NULL), AIMEM_OK);
    CHECK_INT(heap.calls, calls);
    CHECK_INT(aimem_vec_reserve(v, 10), AIMEM_OK);
    CHECK_INT(heap.calls, calls);
    aimem_vec_stats(v, &info);
    heap.fail_at = calls + 5; /* some chunks of many: they go back */
    CHECK_INT(aimem_vec_reserve(v, 100000), AIMEM_ERR_NOMEM);
    capacity = info.capacity;
    aimem_vec_stats(v, &info);
    CHECK_INT(info.capacity, capacity);
    CHECK_INT(info.bytes, heap.bytes);
    aimem_vec_destroy(v);
    CHECK_HEAP_CLEAN(&heap);
}

/* A batch on a pool: the same collection, all or nothing. */
static void batches(void) {
    enum { N = 900, D = 300 };
    aimem_vec_desc desc = vt_desc(D, AIMEM_VEC_COS);
    vt_pool pool;
    aimem_vec *v, *w;
    static float x[N * D];
    static uint64_t ids[N], same[N];
    float y[D];
    size_t i;
    vt_random(x, N * D);
    v = vt_create(&desc);
    desc.parallel = vt_parallel(&pool, 5);
    w = vt_create(&desc);
    for (i = 0; i < N; i++) same[i] = 5000 - i;
    x[(N - 2) * D + 7] = 1e30f;
    CHECK_INT(aimem_vec_add_batch(w, N, same, NULL, x, ids), AIMEM_ERR_RANGE);
    x[(N - 3) * D + 9] = from_bits(0x7FC00000u);
    CHECK_INT(aimem_vec_add_batch(w, N, same, NULL, x, ids), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_vec_add_batch(v, N, same, NULL, x, ids), AIMEM_ERR_INVALID);
    CHECK(pool.tasks > 5);
    CHECK_INT(aimem_vec_count(w), 0);
    x[(N - 2) * D + 7] = x[(N - 3) * D + 9] = 0;
    same[N - 1] = same[3];
    CHECK_INT(aimem_vec_add_batch(w, N, same, NULL, x, ids), AIMEM_ERR_EXISTS);
    CHECK_INT(ids[0], 0);
    CHECK_INT(aimem_vec_count(w), 0);
    CHECK_INT(aimem_vec_get(w, same[0], y), AIMEM_ERR_NOT_FOUND);
    same[N - 1] = AIMEM_VEC_NEW_ID;
    CHECK_INT(aimem_vec_add_batch(w, N, same, NULL, x, same), AIMEM_OK); /* in place */
    CHECK_INT(same[N - 1], 5001);
    for (i = 0; i < N; i++) {
        CHECK_INT(aimem_vec_add(v, same[i], NULL, x + i * D, NULL), AIMEM_OK);
        CHECK_INT(aimem_vec_get(w, same[i], y), AIMEM_OK);
        CHECK(memcmp(y, x + i * D, sizeof y) == 0);
    }
    for (i = 0; i < 20; i++) { /* norms too */
        aimem_vec_hit a[3], b[3];
        size_t n, m, j;
        vt_random(y, D);
        CHECK(aimem_vec_search(v, y, 3, a, &n) == AIMEM_OK && n == 3);
        CHECK(aimem_vec_search(w, y, 3, b, &m) == AIMEM_OK && m == 3);
        for (j = 0; j < 3; j++) CHECK(vt_same_hit(&a[j], &b[j]));
    }
    aimem_vec_destroy(v);
    aimem_vec_destroy(w);
}

static void batch_labels(void) {
    static const char *const names[] = {"a", NULL, "b", "", "c"};
    static const char *const clash[] = {"d", "e", "f", "g", "d"};
    aimem_vec_desc desc = vt_desc(1, AIMEM_VEC_L2);
    aimem_vec *v = vt_create(&desc);
    aimem_vec_info info;
    float x[5] = {1, 2, 3, 4, 5};
    uint64_t id;
    CHECK_INT(aimem_vec_add_batch(v, 5, NULL, clash, x, NULL), AIMEM_ERR_EXISTS);
    CHECK_INT(aimem_vec_count(v), 0);
    CHECK_INT(aimem_vec_find(v, "e", &id), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(aimem_vec_add_batch(v, 5, NULL, names, x, NULL), AIMEM_OK);
    CHECK(aimem_vec_find(v, "c", &id) == AIMEM_OK && id == 4);
    CHECK_INT(aimem_vec_add_batch(v, 5, NULL, names, x, NULL), AIMEM_ERR_EXISTS);
    aimem_vec_stats(v, &info);
    CHECK_INT(info.labels, 3);
    CHECK_INT(info.count, 5);
    aimem_vec_destroy(v);
}

static void metric_changes(void) {
    aimem_vec_desc desc = vt_desc(2, AIMEM_VEC_L2);
    aimem_vec *v = vt_create(&desc);
    aimem_vec_info info;
    aimem_vec_hit hit;
    float x[2] = {0, 2}, y[2] = {0, 1};
    size_t n;
    CHECK_INT(aimem_vec_add(v, 1, NULL, x, NULL), AIMEM_OK);
    CHECK_INT(aimem_vec_set_metric(v, AIMEM_VEC_COS), AIMEM_ERR_BUSY);
    CHECK_INT(aimem_vec_set_metric(v, AIMEM_VEC_L2), AIMEM_ERR_BUSY);
    CHECK_INT(aimem_vec_remove(v, 1), AIMEM_OK);
    CHECK_INT(aimem_vec_set_metric(v, AIMEM_VEC_COS), AIMEM_OK);
    CHECK_INT(aimem_vec_add(v, 1, NULL, x, NULL), AIMEM_OK);
    CHECK(aimem_vec_search(v, y, 1, &hit, &n) == AIMEM_OK && n == 1);
    CHECK(hit.distance < 1e-6f && hit.similarity > 0.99999f);
    aimem_vec_stats(v, &info);
    CHECK_INT(info.metric, AIMEM_VEC_COS);
    aimem_vec_destroy(v);
}

/* ---- a hook that comes back ------------------------------------------------------------------ */

typedef struct meddler {
    check_heap heap;
    aimem_vec *v;
    int inside, searches;
} meddler;

/* Every allocation tries to change the collection, and searches it. */
static void *meddle(void *user_data, void *ptr, size_t old_size, size_t new_size, size_t align) {
    meddler *m = (meddler *)user_data;
    if (m->v != NULL && !m->inside && new_size != 0) {
        float x = 3;
        aimem_vec_hit hit;
        size_t n;
        m->inside = 1;
        CHECK_INT(aimem_vec_add(m->v, 7000, NULL, &x, NULL), AIMEM_ERR_BUSY);
        CHECK_INT(aimem_vec_put(m->v, 0, NULL, &x), AIMEM_ERR_BUSY);
        CHECK_INT(aimem_vec_remove(m->v, 0), AIMEM_ERR_BUSY);
        CHECK_INT(aimem_vec_reserve(m->v, 100), AIMEM_ERR_BUSY);
        CHECK_INT(aimem_vec_trim(m->v), AIMEM_ERR_BUSY);
        aimem_vec_clear(m->v);
        CHECK_INT(aimem_vec_search(m->v, &x, 1, &hit, &n), AIMEM_OK);
        CHECK_INT(n, aimem_vec_count(m->v) != 0);
        m->searches++;
        m->inside = 0;
    }
    return check_heap_realloc(&m->heap, ptr, old_size, new_size, align);
}

static void hooks_come_back(void) {
    aimem_vec_desc desc = vt_desc(1, AIMEM_VEC_L2);
    meddler m;
    float x;
    uint64_t i;
    memset(&m, 0, sizeof m);
    desc.allocator.realloc_fn = meddle;
    desc.allocator.user_data = &m;
    m.v = vt_create(&desc);
    for (i = 0; i < 200; i++) {
        char label[20];
        x = (float)i;
        snprintf(label, sizeof label, "n%d", (int)i);
        CHECK_INT(aimem_vec_add(m.v, i, label, &x, NULL), AIMEM_OK);
    }
    CHECK_INT(aimem_vec_count(m.v), 200);
    CHECK_INT(aimem_vec_trim(m.v), AIMEM_OK);
    CHECK(m.searches > 10);
    aimem_vec_destroy(m.v);
    CHECK_HEAP_CLEAN(&m.heap);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(create_errors);
    RUN(null_arguments);
    RUN(bad_vectors);
    RUN(unaligned_input);
    RUN(assigned_ids);
    RUN(many_ids);
    RUN(iterate_and_remove);
    RUN(labels);
    RUN(labels_do_not_pile_up);
    RUN(own_memory_as_argument);
    RUN(max_rows);
    RUN(reserve_takes_all);
    RUN(batches);
    RUN(batch_labels);
    RUN(metric_changes);
    RUN(hooks_come_back);
    RUN(random_operations);
    return CHECK_END();
}
