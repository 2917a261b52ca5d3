/* core/checked.h: sizes that cannot wrap round, and small facts about integers. */
#ifndef AIMC_CHECKED_H
#define AIMC_CHECKED_H

#include "core/platform.h"

/* *out = a + b; false, and *out untouched, when it does not fit. */
AIMC_INLINE bool aimc_add_size(size_t a, size_t b, size_t *out) {
    if (b > SIZE_MAX - a) return false;
    *out = a + b;
    return true;
}

/* *out = a * b; false, and *out untouched, when it does not fit. */
AIMC_INLINE bool aimc_mul_size(size_t a, size_t b, size_t *out) {
    if (a != 0 && b > SIZE_MAX / a) return false;
    *out = a * b;
    return true;
}

/* *out = a rounded up to a multiple of align (a power of two); false when it does not fit. */
AIMC_INLINE bool aimc_align_size(size_t a, size_t align, size_t *out) {
    size_t sum;
    if (!aimc_add_size(a, align - 1, &sum)) return false;
    *out = sum & ~(align - 1);
    return true;
}

/* The same three for what is counted on disk. */
AIMC_INLINE bool aimc_add_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (b > UINT64_MAX - a) return false;
    *out = a + b;
    return true;
}

AIMC_INLINE bool aimc_mul_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (a != 0 && b > UINT64_MAX / a) return false;
    *out = a * b;
    return true;
}

AIMC_INLINE bool aimc_is_pow2(size_t a) {
    return a != 0 && (a & (a - 1)) == 0;
}

AIMC_INLINE size_t aimc_min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

AIMC_INLINE size_t aimc_max_size(size_t a, size_t b) {
    return a > b ? a : b;
}

/* The number of the lowest set bit; x is not 0. */
AIMC_INLINE uint32_t aimc_ctz64(uint64_t x) {
#if defined(AIMC_GNU)
    return (uint32_t)__builtin_ctzll(x);
#else
    uint32_t n = 0;
    while ((x & 1) == 0) {
        x >>= 1;
        n++;
    }
    return n;
#endif
}

/* The number of the highest set bit; x is not 0. */
AIMC_INLINE uint32_t aimc_log2_u64(uint64_t x) {
#if defined(AIMC_GNU)
    return 63u - (uint32_t)__builtin_clzll(x);
#else
    uint32_t n = 0;
    while (x >>= 1) n++;
    return n;
#endif
}

#endif
