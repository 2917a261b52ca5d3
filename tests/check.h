/* tests/check.h: the test frame. No constructors, no fork, no threads, no allocation: it runs on
 * tcc, bare metal and wasm too.
 *
 *   #include "check.h"
 *   static void adds(void) { CHECK(1 + 1 == 2); CHECK_INT(1 + 1, 2); }
 *   int main(int argc, char **argv) { CHECK_BEGIN(argc, argv); RUN(adds); return CHECK_END(); }
 *
 * A failed CHECK prints its place and the test goes on; REQUIRE leaves the function. Arguments name
 * the tests to run (part of the name); --list lists them; --seed N sets the seed of check_random.
 * The last line is "N passed, N failed, N skipped", counted in tests.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) || defined(__TINYC__)
#define CHECK_FN static __attribute__((unused))
#else
#define CHECK_FN static
#endif

/* Failure sweeps fail call 1, then every CHECK_STRIDE-th later one. Lanes under emulation are built
   with 7 (tools/matrix.sh). */
#ifndef CHECK_STRIDE
#define CHECK_STRIDE 1
#endif

static struct check_state {
    const char *test; /* the one that runs */
    long checks, failed_checks;
    int passed, failed, skipped;
    int test_failed, test_skipped, list;
    int argc;
    char **argv;
    uint64_t seed, random;
} check_now;

CHECK_FN void check_begin(int argc, char **argv) {
    int i;
    memset(&check_now, 0, sizeof check_now);
    check_now.seed = 20231;
    check_now.argc = argc;
    check_now.argv = argv;
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0) check_now.list = 1;
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            check_now.seed = strtoull(argv[i + 1], NULL, 10);
        }
    }
}

/* A small generator (splitmix64, Steele, Lea and Flood 2014), seeded anew for each test. */
CHECK_FN uint64_t check_random(void) {
    uint64_t z = (check_now.random += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Below n, which is not 0. */
CHECK_FN uint32_t check_below(uint32_t n) {
    return (uint32_t)((check_random() >> 32) * n >> 32);
}

/* In [-1, 1). */
CHECK_FN float check_float(void) {
    return (float)(int32_t)(check_random() >> 32) / 2147483648.0f;
}

CHECK_FN int check_wanted(const char *name) {
    int i, filters = 0;
    for (i = 1; i < check_now.argc; i++) {
        if (strcmp(check_now.argv[i], "--seed") == 0) {
            i++;
            continue;
        }
        if (check_now.argv[i][0] == '-') continue;
        filters++;
        if (strstr(name, check_now.argv[i]) != NULL) return 1;
    }
    return filters == 0;
}

CHECK_FN void check_run(const char *name, void (*test)(void)) {
    if (check_now.list) {
        printf("%s\n", name);
        return;
    }
    if (!check_wanted(name)) return;
    check_now.test = name;
    check_now.test_failed = check_now.test_skipped = 0;
    check_now.random = check_now.seed;
    test();
    if (check_now.test_failed) {
        check_now.failed++;
        printf("FAIL %s (seed %llu)\n", name, (unsigned long long)check_now.seed);
    } else if (check_now.test_skipped) {
        check_now.skipped++;
    } else {
        check_now.passed++;
    }
    fflush(stdout);
}

CHECK_FN void check_failed(const char *file, int line, const char *text) {
    check_now.test_failed = 1;
    if (++check_now.failed_checks <= 20) {
        printf("%s:%d: %s: %s\n", file, line, check_now.test, text);
    }
}

CHECK_FN int check_true(int ok, const char *file, int line, const char *text) {
    check_now.checks++;
    if (!ok) check_failed(file, line, text);
    return ok;
}

CHECK_FN int check_int(long long a, long long b, const char *file, int line, const char *text) {
    char buffer[256];
    check_now.checks++;
    if (a == b) return 1;
    snprintf(buffer, sizeof buffer, "%.180s: %lld is not %lld", text, a, b);
    check_failed(file, line, buffer);
    return 0;
}

CHECK_FN int check_str(const char *a, const char *b, const char *file, int line) {
    char buffer[256];
    check_now.checks++;
    if (a != NULL && b != NULL && strcmp(a, b) == 0) return 1;
    snprintf(buffer, sizeof buffer, "\"%.100s\" is not \"%.100s\"", a ? a : "(null)",
             b ? b : "(null)");
    check_failed(file, line, buffer);
    return 0;
}

CHECK_FN void check_skip(const char *why) {
    check_now.test_skipped = 1;
    printf("skipped %s: %s\n", check_now.test, why);
}

CHECK_FN int check_end(void) {
    if (check_now.list) return 0;
    printf("%d passed, %d failed, %d skipped\n", check_now.passed, check_now.failed,
           check_now.skipped);
    return check_now.failed != 0;
}

#define CHECK_BEGIN(argc, argv) check_begin(argc, argv)
#define CHECK_END() check_end()
#define RUN(test) check_run(#test, test)
#define CHECK(x) ((void)check_true((x) ? 1 : 0, __FILE__, __LINE__, #x))
#define CHECK_INT(a, b) \
    ((void)check_int((long long)(a), (long long)(b), __FILE__, __LINE__, #a " == " #b))
#define CHECK_STR(a, b) ((void)check_str(a, b, __FILE__, __LINE__))
#define REQUIRE(x) \
    do { \
        if (!check_true((x) ? 1 : 0, __FILE__, __LINE__, #x)) return; \
    } while (0)
#define SKIP(why) \
    do { \
        check_skip(why); \
        return; \
    } while (0)

/* An allocator that counts, checks sizes and alignments, and can be told to fail. Blocks carry a
   header in front and a guard behind; live and bytes are 0 when nothing leaks. */
typedef struct check_heap {
    long live, bytes, peak, calls; /* calls: allocations asked for */
    long fail_at;                  /* the call that fails, from 1; 0: none */
    int fail_all_after;            /* with fail_at: every later one fails too */
    int errors;                    /* wrong old_size or align, overwritten guard */
} check_heap;

enum { CHECK_GUARD = 16 };

typedef struct check_head {
    void *raw;
    size_t size, align;
    uint64_t magic;
} check_head;

CHECK_FN void *check_heap_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                                  size_t align) {
    check_heap *h = (check_heap *)user_data;
    check_head head;
    unsigned char *p = NULL;
    int i;
    if (align == 0 || (align & (align - 1)) != 0) {
        if (ptr != NULL || old_size != 0 || new_size != 0) h->errors++;
        return NULL;
    }
    if (new_size != 0) {
        long n = ++h->calls;
        uintptr_t at;
        if (h->fail_at != 0 && (n == h->fail_at || (n > h->fail_at && h->fail_all_after))) {
            return NULL;
        }
        if (new_size > SIZE_MAX / 2 || align > SIZE_MAX / 4) return NULL;
        memset(&head, 0, sizeof head);
        head.raw = malloc(new_size + align + sizeof head + CHECK_GUARD);
        if (head.raw == NULL) return NULL;
        at = ((uintptr_t)head.raw + sizeof head + align - 1) & ~(uintptr_t)(align - 1);
        p = (unsigned char *)at;
        head.size = new_size;
        head.align = align;
        head.magic = 0xA11C0DEu;
        memcpy(p - sizeof head, &head, sizeof head);
        memset(p, 0xCD, new_size);
        memset(p + new_size, 0xFD, CHECK_GUARD);
        h->live++;
        h->bytes += (long)new_size;
        if (h->bytes > h->peak) h->peak = h->bytes;
        if (ptr != NULL) memcpy(p, ptr, old_size < new_size ? old_size : new_size);
    }
    if (ptr != NULL) {
        unsigned char *q = (unsigned char *)ptr;
        memcpy(&head, q - sizeof head, sizeof head);
        if (head.magic != 0xA11C0DEu || head.size != old_size || head.align != align) {
            h->errors++;
            return p;
        }
        for (i = 0; i < CHECK_GUARD; i++) {
            if (q[old_size + (size_t)i] != 0xFD) h->errors++;
        }
        head.magic = 0;
        memcpy(q - sizeof head, &head, sizeof head);
        memset(q, 0xDD, old_size);
        h->live--;
        h->bytes -= (long)old_size;
        free(head.raw);
    }
    return p;
}

/* One heap per test; check_heap_clean says that nothing leaked and nothing was misused. */
#define CHECK_HEAP_CLEAN(h) \
    do { \
        CHECK_INT((h)->live, 0); \
        CHECK_INT((h)->bytes, 0); \
        CHECK_INT((h)->errors, 0); \
    } while (0)

#endif
