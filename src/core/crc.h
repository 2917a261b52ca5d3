/* core/crc.h: CRC32C, the check of headers and pages.
 *
 * The cyclic redundancy check with Castagnoli's polynomial (Castagnoli, Braeuer and Herrmann 1993)
 * as in iSCSI (RFC 3720, B.4): reflected, register inverted before and after. Three ways: tables
 * that take eight bytes at a time (slicing by 8, Kounavis and Berry 2005), and the crc32
 * instructions of SSE4.2 and of ARMv8, chosen at run time.
 */
#ifndef AIMC_CRC_H
#define AIMC_CRC_H

#include "core/bytes.h"
#include "core/cpu.h"

/* A CRC is linear: the table entry of a byte is the xor of the entries of its bits. These spell out
   a table of 16 or 256 entries from those of 1, 2, 4, 8 and so on. */
#define AIMC_CRC_4(x, a, b) (x), (x) ^ (a), (x) ^ (b), (x) ^ (a) ^ (b)
#define AIMC_CRC_16_FROM(x, a, b, c, d) \
    AIMC_CRC_4(x, a, b), AIMC_CRC_4((x) ^ (c), a, b), AIMC_CRC_4((x) ^ (d), a, b), \
        AIMC_CRC_4((x) ^ (c) ^ (d), a, b)
#define AIMC_CRC_64_FROM(x, a, b, c, d, e, f) \
    AIMC_CRC_16_FROM(x, a, b, c, d), AIMC_CRC_16_FROM((x) ^ (e), a, b, c, d), \
        AIMC_CRC_16_FROM((x) ^ (f), a, b, c, d), AIMC_CRC_16_FROM((x) ^ (e) ^ (f), a, b, c, d)
#define AIMC_CRC_16(a, b, c, d) { AIMC_CRC_16_FROM(0u, a, b, c, d) }
#define AIMC_CRC_256(a, b, c, d, e, f, g, h) \
    { \
        AIMC_CRC_64_FROM(0u, a, b, c, d, e, f), AIMC_CRC_64_FROM(g, a, b, c, d, e, f), \
            AIMC_CRC_64_FROM(h, a, b, c, d, e, f), AIMC_CRC_64_FROM((g) ^ (h), a, b, c, d, e, f) \
    }

/* The register after size bytes, without the inversions. table[k][x]: what byte x does to it with
   k zero bytes behind. */
AIMC_FN uint32_t aimc_crc_soft(uint32_t crc, const unsigned char *in, size_t size) {
    static const uint32_t table[8][256] = {
        AIMC_CRC_256(0xF26B8303u, 0xE13B70F7u, 0xC79A971Fu, 0x8AD958CFu, 0x105EC76Fu, 0x20BD8EDEu,
                     0x417B1DBCu, 0x82F63B78u),
        AIMC_CRC_256(0x13A29877u, 0x274530EEu, 0x4E8A61DCu, 0x9D14C3B8u, 0x3FC5F181u, 0x7F8BE302u,
                     0xFF17C604u, 0xFBC3FAF9u),
        AIMC_CRC_256(0xA541927Eu, 0x4F6F520Du, 0x9EDEA41Au, 0x38513EC5u, 0x70A27D8Au, 0xE144FB14u,
                     0xC76580D9u, 0x8B277743u),
        AIMC_CRC_256(0xDD45AAB8u, 0xBF672381u, 0x7B2231F3u, 0xF64463E6u, 0xE964B13Du, 0xD725148Bu,
                     0xABA65FE7u, 0x52A0C93Fu),
        AIMC_CRC_256(0x38116FACu, 0x7022DF58u, 0xE045BEB0u, 0xC5670B91u, 0x8F2261D3u, 0x1BA8B557u,
                     0x37516AAEu, 0x6EA2D55Cu),
        AIMC_CRC_256(0xEF306B19u, 0xDB8CA0C3u, 0xB2F53777u, 0x6006181Fu, 0xC00C303Eu, 0x85F4168Du,
                     0x0E045BEBu, 0x1C08B7D6u),
        AIMC_CRC_256(0x68032CC8u, 0xD0065990u, 0xA5E0C5D1u, 0x4E2DFD53u, 0x9C5BFAA6u, 0x3D5B83BDu,
                     0x7AB7077Au, 0xF56E0EF4u),
        AIMC_CRC_256(0x493C7D27u, 0x9278FA4Eu, 0x211D826Du, 0x423B04DAu, 0x847609B4u, 0x0D006599u,
                     0x1A00CB32u, 0x34019664u),
    };
    for (; size >= 8; size -= 8, in += 8) {
        uint32_t a = aimc_load_u32(in) ^ crc, b = aimc_load_u32(in + 4);
        crc = table[7][a & 255] ^ table[6][a >> 8 & 255] ^ table[5][a >> 16 & 255] ^
              table[4][a >> 24] ^ table[3][b & 255] ^ table[2][b >> 8 & 255] ^
              table[1][b >> 16 & 255] ^ table[0][b >> 24];
    }
    for (; size > 0; size--, in++) crc = table[0][(crc ^ *in) & 255] ^ crc >> 8;
    return crc;
}

/* The instructions: AIMC_CRC_CPU is the flag that allows them, AIMC_CRC_TARGET marks functions that
   use them, AIMC_CRC_EIGHT and AIMC_CRC_ONE take eight bytes (as a number) and one. */
#if defined(AIMC_SIMD_X86)
#include <immintrin.h>
#define AIMC_CRC_CPU AIMC_CPU_SSE42
#define AIMC_CRC_TARGET AIMC_TARGET("sse4.2")
#if defined(AIMC_X64)
#define AIMC_CRC_EIGHT(crc, x) _mm_crc32_u64(crc, x)
#else
#define AIMC_CRC_EIGHT(crc, x) \
    _mm_crc32_u32(_mm_crc32_u32((uint32_t)(crc), (uint32_t)(x)), (uint32_t)((x) >> 32))
#endif
#define AIMC_CRC_ONE(crc, x) _mm_crc32_u8(crc, x)
#elif defined(__ARM_FEATURE_CRC32) && !defined(AIMEM_NO_SIMD) && !defined(AIMC_TCC)
#include <arm_acle.h>
#define AIMC_CRC_CPU AIMC_CPU_ARM_CRC
#define AIMC_CRC_TARGET
#define AIMC_CRC_EIGHT(crc, x) __crc32cd((uint32_t)(crc), x)
#define AIMC_CRC_ONE(crc, x) __crc32cb(crc, x)
#elif defined(AIMC_ARM64) && defined(AIMC_GNU) && !defined(AIMEM_NO_SIMD)
/* <arm_acle.h> of clang hides the names when the whole file is not built for them. */
#define AIMC_CRC_CPU AIMC_CPU_ARM_CRC
#if defined(AIMC_CLANG)
#define AIMC_CRC_TARGET __attribute__((target("crc")))
#define AIMC_CRC_EIGHT(crc, x) __builtin_arm_crc32cd((uint32_t)(crc), x)
#define AIMC_CRC_ONE(crc, x) __builtin_arm_crc32cb(crc, x)
#else
#define AIMC_CRC_TARGET __attribute__((target("+crc")))
#define AIMC_CRC_EIGHT(crc, x) __builtin_aarch64_crc32cx((uint32_t)(crc), x)
#define AIMC_CRC_ONE(crc, x) __builtin_aarch64_crc32cb(crc, x)
#endif
#endif

#if defined(AIMC_CRC_CPU)

/* An instruction can start every cycle but takes three, so three parts of this many bytes go side
   by side. Two such triples and 64 bytes are a page of 4096. */
#define AIMC_CRC_PART 672

/* The register after AIMC_CRC_PART zero bytes; one row for each four bits. */
AIMC_FN uint32_t aimc_crc_skip_part(uint32_t crc) {
    static const uint32_t table[8][16] = {
        AIMC_CRC_16(0xE417F38Au, 0xCDC391E5u, 0x9E6B553Bu, 0x393ADC87u),
        AIMC_CRC_16(0x7275B90Eu, 0xE4EB721Cu, 0xCC3A92C9u, 0x9D995363u),
        AIMC_CRC_16(0x3EDED037u, 0x7DBDA06Eu, 0xFB7B40DCu, 0xF31AF749u),
        AIMC_CRC_16(0xE3D99863u, 0xC25F4637u, 0x8152FA9Fu, 0x074983CFu),
        AIMC_CRC_16(0x0E93079Eu, 0x1D260F3Cu, 0x3A4C1E78u, 0x74983CF0u),
        AIMC_CRC_16(0xE93079E0u, 0xD78C8531u, 0xAAF57C93u, 0x50068FD7u),
        AIMC_CRC_16(0xA00D1FAEu, 0x45F649ADu, 0x8BEC935Au, 0x12355045u),
        AIMC_CRC_16(0x246AA08Au, 0x48D54114u, 0x91AA8228u, 0x26B972A1u),
    };
    return table[0][crc & 15] ^ table[1][crc >> 4 & 15] ^ table[2][crc >> 8 & 15] ^
           table[3][crc >> 12 & 15] ^ table[4][crc >> 16 & 15] ^ table[5][crc >> 20 & 15] ^
           table[6][crc >> 24 & 15] ^ table[7][crc >> 28];
}

/* As aimc_crc_soft. The registers are 64 bits wide because the x86-64 instruction is. */
AIMC_FN AIMC_CRC_TARGET uint32_t aimc_crc_hard(uint32_t crc, const unsigned char *in,
                                               size_t size) {
    uint64_t a = crc;
    uint32_t x;
    for (; size >= 3 * AIMC_CRC_PART; size -= 3 * AIMC_CRC_PART, in += 2 * AIMC_CRC_PART) {
        const unsigned char *end = in + AIMC_CRC_PART;
        const unsigned char *ahead = size >= 9 * AIMC_CRC_PART ? in + 6 * AIMC_CRC_PART : in;
        uint64_t b = 0, c = 0;
        for (; in < end; in += 8, ahead += 24) {
            AIMC_PREFETCH(ahead);
            a = AIMC_CRC_EIGHT(a, aimc_load_u64(in));
            b = AIMC_CRC_EIGHT(b, aimc_load_u64(in + AIMC_CRC_PART));
            c = AIMC_CRC_EIGHT(c, aimc_load_u64(in + 2 * AIMC_CRC_PART));
        }
        x = aimc_crc_skip_part((uint32_t)a) ^ (uint32_t)b;
        a = aimc_crc_skip_part(x) ^ (uint32_t)c;
    }
    for (; size >= 8; size -= 8, in += 8) a = AIMC_CRC_EIGHT(a, aimc_load_u64(in));
    x = (uint32_t)a;
    for (; size > 0; size--, in++) x = AIMC_CRC_ONE(x, *in);
    return x;
}

#endif

/* As aimc_crc32c with the AIMC_CPU_ flags that may be used. */
AIMC_FN uint32_t aimc_crc32c_at(uint32_t flags, uint32_t crc, const void *data, size_t size) {
    const unsigned char *in = (const unsigned char *)data;
    (void)flags;
#if defined(AIMC_CRC_CPU)
    if ((flags & AIMC_CRC_CPU) != 0) return ~aimc_crc_hard(~crc, in, size);
#endif
    return ~aimc_crc_soft(~crc, in, size);
}

/* CRC32C of what came before and of these bytes: 0 to start, else the last result. data may be NULL
   when size is 0. Any thread. */
AIMC_FN uint32_t aimc_crc32c(uint32_t crc, const void *data, size_t size) {
    return aimc_crc32c_at(aimc_cpu_flags(), crc, data, size);
}

#endif
