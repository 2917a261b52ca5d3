/* core/dist.h and core/cpu.h: every level against sums in double, within the stated bound. */
#include "check.h"

#include "core/dist.h"

enum { ROWS = 5, MAX_DIM = 4096, PAD = 24 };

static const char *const level_names[AIMC_LEVEL_LEVELS] = {"auto",    "scalar", "sse", "avx2",
                                                           "avx-512", "neon",   "wasm"};

/* A value far above all others, in every place that must not be read: one lane ruins a sum. */
static const float poison = 1e15f;

static const size_t large_dims[] = {127, 128, 129, 255, 256, 257, 784, 2048, 4096};

/* dims 1 to 70, then the large ones; 0 at the end. */
static size_t dim_at(size_t i) {
    if (i < 70) return i + 1;
    i -= 70;
    return i < sizeof large_dims / sizeof large_dims[0] ? large_dims[i] : 0;
}

enum { L2SQ, DOT, L1, KINDS };

static aimc_dist_rows_fn kernel(const aimc_dist *d, int kind) {
    return kind == L2SQ ? d->l2sq : kind == DOT ? d->dot : d->l1;
}

/* The distance in double, and the sum of the absolute values of its terms. */
static double reference(int kind, const float *a, const float *b, size_t dim, double *magnitude) {
    double sum = 0;
    size_t i;
    *magnitude = 0;
    for (i = 0; i < dim; i++) {
        double x = a[i], y = b[i], term = x * y;
        if (kind != DOT) {
            term = x > y ? x - y : y - x;
            if (kind == L2SQ) term *= term;
        }
        sum += term;
        *magnitude += term < 0 ? -term : term;
    }
    return sum;
}

static int close_enough(int kind, const float *a, const float *b, size_t dim, float got) {
    double magnitude, want = reference(kind, a, b, dim, &magnitude);
    double error = want > (double)got ? want - (double)got : (double)got - want;
    uint32_t bits;
    memcpy(&bits, &got, sizeof bits);
    if ((bits >> 23 & 0xFF) == 0xFF) return 0;
    return error <= ((double)dim / 8 + 16) * magnitude / 16777216.0 + (double)dim * 1.2e-38;
}

static float *new_floats(size_t n) {
    float *p = (float *)malloc((n == 0 ? 1 : n) * sizeof(float));
    if (p == NULL) abort();
    return p;
}

static int same_bits(const float *a, const float *b, size_t n) {
    return memcmp(a, b, n * sizeof *a) == 0;
}

static void levels(void) {
    aimc_dist d, e;
    uint32_t level, count = 0;
    REQUIRE(aimc_dist_at(AIMC_LEVEL_AUTO, &d));
    CHECK_INT(d.level, aimc_simd_best());
    CHECK(aimc_simd_has(AIMC_LEVEL_AUTO) && aimc_simd_has(AIMC_LEVEL_SCALAR));
    REQUIRE(aimc_dist_at(AIMC_LEVEL_SCALAR, &d));
    CHECK_INT(d.level, AIMC_LEVEL_SCALAR);
    for (level = 1; level < AIMC_LEVEL_LEVELS; level++) {
        e = d;
        if (aimc_dist_at(level, &e)) {
            CHECK(aimc_simd_has(level));
            CHECK_INT(e.level, level);
            printf("%s ", level_names[level]);
            count++;
        } else {
            CHECK(!aimc_simd_has(level));
            CHECK(e.l2sq == d.l2sq && e.dot == d.dot && e.l1 == d.l1 && e.level == d.level);
        }
    }
    printf("(%u levels here)\n", (unsigned)count);
    e = d;
    CHECK(!aimc_dist_at(AIMC_LEVEL_LEVELS, &e) && !aimc_simd_has(AIMC_LEVEL_LEVELS));
    CHECK(!aimc_dist_at(UINT32_MAX, &e));
    CHECK(e.l2sq == d.l2sq);
    CHECK_INT(aimc_cpu_flags(), aimc_cpu_ask()); /* the cached answer is the answer */
#if defined(AIMC_LEVELS_X86) && defined(AIMC_X64)
    CHECK(aimc_simd_has(AIMC_LEVEL_SSE));
#endif
}

/* Rows of one dim at several alignments and strides, with poison around and between them. */
static void try_dim(const aimc_dist *d, size_t dim, size_t shift, size_t gap, float scale) {
    size_t stride = dim + gap, total = ROWS * stride + PAD, i;
    float *block = new_floats(total), *query_block = new_floats(dim + PAD);
    float *rows = block + shift, *query = query_block + (shift * 3) % 16, out[ROWS + 1];
    int kind;
    for (i = 0; i < total; i++) block[i] = poison;
    for (i = 0; i < dim + PAD; i++) query_block[i] = poison;
    for (i = 0; i < dim; i++) query[i] = check_float() * scale;
    for (i = 0; i < ROWS * dim; i++) rows[i / dim * stride + i % dim] = check_float() * scale;
    for (kind = 0; kind < KINDS; kind++) {
        out[ROWS] = 7.0f;
        kernel(d, kind)(query, rows, stride, ROWS, dim, out);
        for (i = 0; i < ROWS; i++) {
            int within_the_bound = close_enough(kind, query, rows + i * stride, dim, out[i]);
            CHECK(within_the_bound);
            if (!within_the_bound) {
                printf("level %s kind %d dim %u shift %u row %u: %g\n", level_names[d->level], kind,
                       (unsigned)dim, (unsigned)shift, (unsigned)i, (double)out[i]);
            }
        }
        CHECK(out[ROWS] == 7.0f);
    }
    free(query_block);
    free(block);
}

static void accuracy(void) {
    aimc_dist d;
    uint32_t level;
    size_t i, dim;
    for (level = 1; level < AIMC_LEVEL_LEVELS; level++) {
        if (!aimc_dist_at(level, &d)) continue;
        for (i = 0; (dim = dim_at(i)) != 0; i++) {
            try_dim(&d, dim, i % 16, 0, 1.0f);
            try_dim(&d, dim, 0, (size_t)check_below(8), 100.0f);
            try_dim(&d, dim, 5, 3, 1e-10f);
        }
    }
}

static void magnitudes(void) {
    aimc_dist d;
    uint32_t level;
    size_t i, dim;
    for (level = 1; level < AIMC_LEVEL_LEVELS; level++) {
        if (!aimc_dist_at(level, &d)) continue;
        for (i = 0; (dim = dim_at(i)) != 0; i += 7) {
            try_dim(&d, dim, 1, 0, 2.4e16f); /* sums of squares up to 1e37 */
            try_dim(&d, dim, 2, 1, 1e-18f);
            try_dim(&d, dim, 3, 0, 1e-30f); /* the squares vanish */
        }
    }
}

/* Zero vectors, equal vectors, n = 0. */
static void exact_cases(void) {
    aimc_dist d;
    uint32_t level;
    size_t i, j, dim;
    float *a = new_floats(2 * MAX_DIM), *b = new_floats(MAX_DIM), out[2];
    for (level = 1; level < AIMC_LEVEL_LEVELS; level++) {
        if (!aimc_dist_at(level, &d)) continue;
        for (i = 0; (dim = dim_at(i)) != 0; i++) {
            for (j = 0; j < dim; j++) a[j] = a[dim + j] = b[j] = check_float();
            out[0] = out[1] = 3.0f;
            d.l2sq(b, a, dim, 0, dim, out);
            CHECK(out[0] == 3.0f);
            d.l2sq(b, a, dim, 2, dim, out);
            CHECK(out[0] == 0.0f && out[1] == 0.0f);
            d.l1(b, a, dim, 2, dim, out);
            CHECK(out[0] == 0.0f && out[1] == 0.0f);
            for (j = 0; j < dim; j++) b[j] = 0.0f;
            d.dot(b, a, dim, 2, dim, out);
            CHECK(out[0] == 0.0f && out[1] == 0.0f);
            for (j = 0; j < dim; j++) b[j] = j % 2 != 0 ? -1.0f : 2.0f; /* small integers: exact */
            d.dot(b, b, dim, 1, dim, out);
            CHECK(out[0] == (float)(dim / 2 + 4 * ((dim + 1) / 2)));
            for (j = 0; j < dim; j++) a[j] = -b[j];
            d.l1(b, a, dim, 1, dim, out);
            CHECK(out[0] == (float)(2 * (dim / 2) + 4 * ((dim + 1) / 2)));
        }
    }
    free(b);
    free(a);
}

/* out[i] is the same to the last bit, however many rows one call handles and wherever they lie. */
static void independent_of_n(void) {
    enum { N = 11 };
    aimc_dist d;
    uint32_t level;
    size_t i, j, dim;
    float *rows = new_floats(N * (MAX_DIM + 1)), *moved = new_floats(N * (MAX_DIM + 3) + 16);
    float *query = new_floats(MAX_DIM), *query2 = new_floats(MAX_DIM + 16);
    float all[N], one[N];
    int kind;
    for (level = 1; level < AIMC_LEVEL_LEVELS; level++) {
        if (!aimc_dist_at(level, &d)) continue;
        for (i = 0; (dim = dim_at(i)) != 0; i++) {
            size_t stride = dim + 3, shift = i % 16;
            for (j = 0; j < dim; j++) query[j] = query2[shift + j] = check_float();
            for (j = 0; j < N * dim; j++) {
                rows[j] = check_float();
                moved[shift + j / dim * stride + j % dim] = rows[j];
            }
            for (kind = 0; kind < KINDS; kind++) {
                aimc_dist_rows_fn f = kernel(&d, kind);
                f(query, rows, dim, N, dim, all);
                for (j = 0; j < N; j++) f(query, rows + j * dim, dim, 1, dim, one + j);
                CHECK(same_bits(all, one, N));
                f(query, rows, dim, 4, dim, one);
                f(query, rows + 4 * dim, dim, 7, dim, one + 4);
                CHECK(same_bits(all, one, N));
                f(query2 + shift, moved + shift, stride, N, dim, one);
                CHECK(same_bits(all, one, N));
            }
        }
    }
    free(query2);
    free(query);
    free(moved);
    free(rows);
}

/* Blocks that end with the last float: AddressSanitizer or valgrind sees a read beyond. */
static void block_ends(void) {
    aimc_dist d;
    uint32_t level;
    size_t i, j, n, dim;
    int kind;
    for (level = 1; level < AIMC_LEVEL_LEVELS; level++) {
        if (!aimc_dist_at(level, &d)) continue;
        for (i = 0; (dim = dim_at(i)) != 0; i++) {
            for (n = 1; n <= 3; n++) {
                size_t stride = dim + n, total = (n - 1) * stride + dim;
                float *query = new_floats(dim), *rows = new_floats(total), *out = new_floats(n);
                for (j = 0; j < dim; j++) query[j] = check_float();
                for (j = 0; j < total; j++) rows[j] = check_float();
                for (kind = 0; kind < KINDS; kind++) {
                    kernel(&d, kind)(query, rows, stride, n, dim, out);
                    for (j = 0; j < n; j++) {
                        CHECK(close_enough(kind, query, rows + j * stride, dim, out[j]));
                    }
                }
                free(out);
                free(rows);
                free(query);
            }
        }
    }
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(levels);
    RUN(accuracy);
    RUN(magnitudes);
    RUN(exact_cases);
    RUN(independent_of_n);
    RUN(block_ends);
    return CHECK_END();
}
