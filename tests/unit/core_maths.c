/* core/maths.h: square roots are the correctly rounded ones. Checked with exact arithmetic, so the
   test needs no maths library and believes no flag. */
#include "check.h"

#include "core/maths.h"

static float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t float_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t double_bits(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

typedef struct wide {
    uint64_t high, low;
} wide;

static wide wide_square(uint64_t a) { /* a below 2^55 */
    uint64_t h = a >> 32, l = a & 0xFFFFFFFFu, mid = 2 * h * l;
    wide w;
    w.low = l * l + (mid << 32);
    w.high = h * h + (mid >> 32) + (w.low < l * l);
    return w;
}

static int wide_less(wide a, wide b) {
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

/* x = *m * 2^*e with *m in [2^(digits-1), 2^digits), from the bits of a positive number. */
static void take_apart(uint64_t bits, int digits, int bias, uint64_t *m, int *e) {
    *m = bits & (((uint64_t)1 << (digits - 1)) - 1);
    *e = (int)(bits >> (digits - 1));
    if (*e == 0) {
        *e = 1;
    } else {
        *m |= (uint64_t)1 << (digits - 1);
    }
    *e -= bias + digits - 1;
    while (*m >> (digits - 1) == 0) {
        *m <<= 1;
        *e -= 1;
    }
}

/* r is the double or float next to the root of x: half a step below it is too small, half a step
   above too large. With x = m * 4^h and r = n * 2^g, that is (2n-1)^2 < 4m * 4^(h-g) < (2n+1)^2. */
static int is_root(uint64_t x, uint64_t r, int digits, int bias) {
    uint64_t m, n;
    wide square;
    int e, g, shift;
    take_apart(x, digits, bias, &m, &e);
    take_apart(r, digits, bias, &n, &g);
    shift = e + 2 - 2 * g;
    if (shift <= 0 || shift > digits + 2) return 0;
    square.low = shift > 63 ? 0 : m << shift;
    square.high = shift > 63 ? m << (shift - 64) : m >> (64 - shift);
    return wide_less(wide_square(2 * n - 1), square) && wide_less(square, wide_square(2 * n + 1));
}

static void float_root(uint32_t bits) {
    uint32_t root = float_bits(aimc_sqrtf(float_of(bits)));
    int root_of_a_float = is_root(bits, root, 24, 127);
    CHECK(root_of_a_float);
    if (!root_of_a_float) printf("bits %08x: root %08x\n", (unsigned)bits, (unsigned)root);
}

static void double_root(uint64_t bits) {
    uint64_t root = double_bits(aimc_sqrt(double_of(bits)));
    int root_of_a_double = is_root(bits, root, 53, 1023);
    CHECK(root_of_a_double);
    if (!root_of_a_double) {
        printf("bits %016llx: root %016llx\n", (unsigned long long)bits, (unsigned long long)root);
    }
}

static void float_roots(void) {
    uint32_t i, bits;
    for (i = 0; i < 2000; i++) {
        float_root(0x3F800000u + i); /* around 1 */
        float_root(0x3F800000u - i);
        float_root(0x7F7FFFFFu - i); /* the largest */
        float_root(1 + i);           /* the smallest */
        float_root(0x00800000u - 1000 + i);
    }
    for (i = 0; i < 100000; i++) {
        bits = (uint32_t)check_random() & 0x7FFFFFFFu;
        if (bits != 0 && bits < 0x7F800000u) float_root(bits);
    }
}

static void double_roots(void) {
    uint64_t i, bits, inf = (uint64_t)0x7FF << 52;
    for (i = 0; i < 2000; i++) {
        double_root(((uint64_t)0x3FF << 52) + i);
        double_root(((uint64_t)0x3FF << 52) - 1 - i);
        double_root(inf - 1 - i);
        double_root(1 + i);
        double_root(((uint64_t)1 << 52) - 1000 + i);
    }
    for (i = 0; i < 100000; i++) {
        bits = check_random() >> 1;
        if (bits != 0 && bits < inf) double_root(bits);
    }
}

static void known_values(void) {
    uint32_t i;
    for (i = 0; i < 4096; i++) {
        CHECK(aimc_sqrtf((float)(i * i)) == (float)i);
        CHECK(aimc_sqrt((double)(i * i)) == (double)i);
    }
    CHECK_INT(float_bits(aimc_sqrtf(float_of(0x80000000u))), 0);
    CHECK_INT(float_bits(aimc_sqrtf(-1.0f)), 0);
    CHECK_INT(float_bits(aimc_sqrtf(float_of(0x7F800000u))), 0x7F800000);
    CHECK_INT(double_bits(aimc_sqrt(double_of((uint64_t)1 << 63))), 0);
    CHECK_INT(double_bits(aimc_sqrt(-2.0)), 0);
    CHECK_INT(double_bits(aimc_sqrt(double_of((uint64_t)0x7FF << 52))), (uint64_t)0x7FF << 52);
    CHECK(aimc_absf(-1.5f) == 1.5f && aimc_absf(2.5f) == 2.5f);
    CHECK_INT(float_bits(aimc_absf(float_of(0x80000000u))), 0);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(known_values);
    RUN(float_roots);
    RUN(double_roots);
    return CHECK_END();
}
