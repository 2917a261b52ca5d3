/* vec_load.c: loads hostile bytes as a collection; what is let in must be sound: it can be
 * searched, and saving it gives the same bytes. Built without FUZZ_LIBFUZZER the program runs the
 * files that are its arguments. */
#include "unit/vec_tools.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define MUST(x) \
    do { \
        if (!(x)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
            abort(); \
        } \
    } while (0)

static void use(const aimem_vec *v) {
    static float query[AIMEM_VEC_MAX_DIM];
    aimem_vec_info info;
    aimem_vec_row row;
    aimem_vec_hit hits[8];
    uint64_t cursor = 0, id, seen = 0;
    size_t n, i;
    aimem_vec_stats(v, &info);
    while (aimem_vec_next(v, &cursor, &row)) {
        aimem_vec_row same;
        MUST(aimem_vec_view(v, row.id, &same) == AIMEM_OK && same.vector == row.vector);
        MUST(aimem_vec_add((aimem_vec *)(uintptr_t)v, row.id, NULL, query, NULL) < 0);
        if (row.label != NULL) {
            MUST(strlen(row.label) == row.label_size);
            MUST(aimem_vec_find(v, row.label, &id) == AIMEM_OK && id == row.id);
        }
        if (seen++ >= 5) continue;
        MUST(aimem_vec_search(v, row.vector, 8, hits, &n) == AIMEM_OK);
        MUST(n == (info.count < 8 ? info.count : 8));
        for (i = 1; i < n; i++) MUST(hits[i - 1].distance <= hits[i].distance);
        MUST(aimem_vec_range(v, row.vector, hits[n - 1].distance, NULL, 0, &i) == AIMEM_OK);
        MUST(i >= n);
    }
    MUST(seen == info.count);
}

static void load(unsigned char *data, size_t size) {
    aimem_vec_desc desc = vt_desc(0, 0);
    vt_stream in, out;
    aimem_vec *v;
    aimem_result r;
    memset(&in, 0, sizeof in);
    in.data = data;
    in.size = size;
    in.step = size % 3 == 0 ? 7 : 0;
    r = vt_load(&desc, &in, &v);
    MUST((r == AIMEM_OK) == (v != NULL));
    if (v == NULL) {
        MUST(r == AIMEM_ERR_CORRUPT || r == AIMEM_ERR_VERSION);
        return;
    }
    use(v);
    MUST(vt_save(v, &out) == AIMEM_OK);
    MUST(out.size == in.at && memcmp(out.data, data, out.size) == 0);
    vt_free(&out);
    aimem_vec_destroy(v);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    unsigned char *copy = (unsigned char *)malloc(size + 1);
    if (copy == NULL) return 0;
    if (size != 0) memcpy(copy, data, size);
    load(copy, size);
    vt_fix(copy, size); /* behind the checksums */
    load(copy, size);
    free(copy);
    return 0;
}

#if !defined(FUZZ_LIBFUZZER)
int main(int argc, char **argv) {
    static unsigned char data[1 << 20];
    int i, files = 0, failed = 0;
    for (i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        size_t size;
        if (f == NULL) {
            printf("%s: cannot be opened\n", argv[i]);
            failed = 1;
            continue;
        }
        size = fread(data, 1, sizeof data, f);
        fclose(f);
        (void)LLVMFuzzerTestOneInput(data, size);
        files++;
    }
    printf("%d files\n%d passed, %d failed, 0 skipped\n", files, files, failed);
    return failed;
}
#endif
