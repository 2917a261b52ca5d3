/* core/bytes.h: little-endian numbers in byte arrays, at any alignment, on any machine.
 *
 * Everything on disk goes through these. Where the machine is known to be little-endian a copy does
 * it; elsewhere the bytes are put together by shifts, whose value does not depend on the machine.
 * (Shifts everywhere would do, but gcc 12 makes 40 instructions of two such stores in a row.)
 */
#ifndef AIMC_BYTES_H
#define AIMC_BYTES_H

#include "core/platform.h"

#if defined(AIMC_MSVC)
#define AIMC_BYTES_COPY 1
#elif defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define AIMC_BYTES_COPY 1
#endif
#endif

#if defined(AIMC_BYTES_COPY)

AIMC_INLINE uint16_t aimc_load_u16(const void *src) {
    uint16_t x;
    memcpy(&x, src, sizeof x);
    return x;
}

AIMC_INLINE uint32_t aimc_load_u32(const void *src) {
    uint32_t x;
    memcpy(&x, src, sizeof x);
    return x;
}

AIMC_INLINE uint64_t aimc_load_u64(const void *src) {
    uint64_t x;
    memcpy(&x, src, sizeof x);
    return x;
}

AIMC_INLINE void aimc_store_u16(void *dst, uint16_t x) {
    memcpy(dst, &x, sizeof x);
}

AIMC_INLINE void aimc_store_u32(void *dst, uint32_t x) {
    memcpy(dst, &x, sizeof x);
}

AIMC_INLINE void aimc_store_u64(void *dst, uint64_t x) {
    memcpy(dst, &x, sizeof x);
}

#else

AIMC_INLINE uint16_t aimc_load_u16(const void *src) {
    const unsigned char *p = (const unsigned char *)src;
    return (uint16_t)(p[0] | (uint32_t)p[1] << 8);
}

AIMC_INLINE uint32_t aimc_load_u32(const void *src) {
    const unsigned char *p = (const unsigned char *)src;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

AIMC_INLINE uint64_t aimc_load_u64(const void *src) {
    const unsigned char *p = (const unsigned char *)src;
    return p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

AIMC_INLINE void aimc_store_u16(void *dst, uint16_t x) {
    unsigned char *p = (unsigned char *)dst;
    p[0] = (unsigned char)x;
    p[1] = (unsigned char)(x >> 8);
}

AIMC_INLINE void aimc_store_u32(void *dst, uint32_t x) {
    unsigned char *p = (unsigned char *)dst;
    p[0] = (unsigned char)x;
    p[1] = (unsigned char)(x >> 8);
    p[2] = (unsigned char)(x >> 16);
    p[3] = (unsigned char)(x >> 24);
}

AIMC_INLINE void aimc_store_u64(void *dst, uint64_t x) {
    unsigned char *p = (unsigned char *)dst;
    p[0] = (unsigned char)x;
    p[1] = (unsigned char)(x >> 8);
    p[2] = (unsigned char)(x >> 16);
    p[3] = (unsigned char)(x >> 24);
    p[4] = (unsigned char)(x >> 32);
    p[5] = (unsigned char)(x >> 40);
    p[6] = (unsigned char)(x >> 48);
    p[7] = (unsigned char)(x >> 56);
}

#endif

/* Floats travel as their bits: NaN payloads and signed zeros come back as they were. */
AIMC_INLINE void aimc_load_f32(const void *src, float *out) {
    uint32_t bits = aimc_load_u32(src);
    memcpy(out, &bits, sizeof bits);
}

AIMC_INLINE void aimc_store_f32(void *dst, const float *x) {
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    aimc_store_u32(dst, bits);
}

/* The bytes of a number in the opposite order. */
AIMC_INLINE uint32_t aimc_swap_u32(uint32_t x) {
    return x << 24 | (x & 0xFF00u) << 8 | (x >> 8 & 0xFF00u) | x >> 24;
}

AIMC_INLINE uint64_t aimc_swap_u64(uint64_t x) {
    return (uint64_t)aimc_swap_u32((uint32_t)x) << 32 | aimc_swap_u32((uint32_t)(x >> 32));
}

#endif
