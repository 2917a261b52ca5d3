/* core/maths.h: the little arithmetic that would otherwise need the maths library.
 *
 * Square roots are worked out on integers, digit by digit, so the answer is the correctly rounded
 * one with every compiler, flag (-ffast-math, x87, fused multiply-add) and processor.
 */
#ifndef AIMC_MATHS_H
#define AIMC_MATHS_H

#include "core/platform.h"

/* |x|; x is a number. */
AIMC_INLINE float aimc_absf(float x) {
#if defined(AIMC_GNU)
    return __builtin_fabsf(x);
#else
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= 0x7FFFFFFFu;
    memcpy(&x, &bits, sizeof x);
    return x;
#endif
}

/* The first count (at most 60) binary digits of the square root of m, where m is read as a fixed
   point number below 4: two bits, the point, 62 bits. The top two bits are not both 0, so the first
   digit is 1. The schoolbook method: bring down two bits, try to subtract 2 * root + 1. */
AIMC_FN uint64_t aimc_sqrt_digits(uint64_t m, int count) {
    uint64_t root = 0, rest = 0;
    while (count-- > 0) {
        uint64_t trial = root << 2 | 1;
        uint64_t digit;
        rest = rest << 2 | m >> 62;
        m <<= 2;
        digit = rest >= trial;
        rest -= digit ? trial : 0;
        root = root << 1 | digit;
    }
    return root;
}

/* The square root of x, correctly rounded; 0 for a negative x or -0. x is not NaN. About 54 rounds
   of six integer operations: for results and norms, not for inner loops. */
AIMC_FN double aimc_sqrt(double x) {
    uint64_t bits, m;
    int64_t e;
    memcpy(&bits, &x, sizeof bits);
    if (bits == 0 || bits >> 63 != 0) return 0.0;
    e = (int64_t)(bits >> 52);
    if (e == 0x7FF) return x;
    m = bits & 0xFFFFFFFFFFFFFu;
    if (e == 0) { /* denormal: shifted until the leading 1 is where it is in other numbers */
        for (e = 1; m >> 52 == 0; e--) m <<= 1;
    } else {
        m |= (uint64_t)1 << 52;
    }
    e -= 1023;
    m <<= 10; /* x = m * 2^e, one bit before the point, a spare one above */
    if ((e & 1) != 0) {
        m <<= 1;
        e -= 1;
    }
    /* 53 digits and one to round by. It is never a tie: the square of a number with 54 significant
       bits has more bits than x. A carry runs into the exponent, as it should. */
    m = (aimc_sqrt_digits(m, 54) + 1) >> 1;
    bits = ((uint64_t)(e / 2 + 1022) << 52) + m;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The same for floats. */
AIMC_FN float aimc_sqrtf(float x) {
    uint32_t bits;
    uint64_t m;
    int32_t e;
    memcpy(&bits, &x, sizeof bits);
    if (bits == 0 || bits >> 31 != 0) return 0.0f;
    e = (int32_t)(bits >> 23);
    if (e == 0xFF) return x;
    m = bits & 0x7FFFFFu;
    if (e == 0) {
        for (e = 1; m >> 23 == 0; e--) m <<= 1;
    } else {
        m |= 1u << 23;
    }
    e -= 127;
    m <<= 39;
    if ((e & 1) != 0) {
        m <<= 1;
        e -= 1;
    }
    m = (aimc_sqrt_digits(m, 25) + 1) >> 1;
    bits = ((uint32_t)(e / 2 + 126) << 23) + (uint32_t)m;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
