/* core/hash.h: XXH3-64, a fast hash of bytes (not against attackers), in one call or in pieces.
 *
 * The algorithm is Yann Collet's XXH3 (2019-2020), from its published description
 * (xxHash, doc/xxhash_spec.md): the values are those of XXH3_64bits_withSeed on every machine, so
 * they may be stored. Inputs up to 240 bytes go through 64 x 64 -> 128 bit multiplications. Longer
 * ones are read in stripes of 64 bytes that feed eight 64-bit lanes; that loop exists once for each
 * instruction set, the scalar one beside them. A function that ends in _at takes AIMC_CPU_ flags,
 * those that may be used (core/cpu.h); 0 is scalar.
 */
#ifndef AIMC_HASH_H
#define AIMC_HASH_H

#include "core/bytes.h"
#include "core/cpu.h"

#if defined(AIMC_SIMD_X86)
#include <immintrin.h>
#elif defined(AIMC_SIMD_NEON)
#include <arm_neon.h>
#elif defined(AIMC_SIMD_WASM)
#include <wasm_simd128.h>
#endif
#if defined(AIMC_MSVC)
#include <intrin.h> /* _umul128, __umulh */
#endif

/* Constants of the description. */
#define AIMC_HASH_P32_1 0x9E3779B1u
#define AIMC_HASH_P32_2 0x85EBCA77u
#define AIMC_HASH_P32_3 0xC2B2AE3Du
#define AIMC_HASH_P64_1 UINT64_C(0x9E3779B185EBCA87)
#define AIMC_HASH_P64_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define AIMC_HASH_P64_3 UINT64_C(0x165667B19E3779F9)
#define AIMC_HASH_P64_4 UINT64_C(0x85EBCA77C2B2AE63)
#define AIMC_HASH_P64_5 UINT64_C(0x27D4EB2F165667C5)
#define AIMC_HASH_MX1 UINT64_C(0x165667919E3779F9)
#define AIMC_HASH_MX2 UINT64_C(0x9FB21C651E98DF25)

enum {
    AIMC_HASH_STRIPE = 64,  /* bytes that the eight lanes take at once */
    AIMC_HASH_BLOCK = 16,   /* stripes between two scrambles; each moves the secret by 8 bytes */
    AIMC_HASH_SECRET = 192, /* bytes; the scramble uses the last 64 */
    AIMC_HASH_LAST = 121,   /* where in the secret the last stripe reads */
    AIMC_HASH_MERGE = 11,   /* where in the secret the merge of the lanes reads */
    AIMC_HASH_SHORT = 240,  /* longest input without lanes */
    AIMC_HASH_BUFFER = 256  /* what a state keeps back: whole stripes, more than SHORT */
};

/* The default secret, as published. */
AIMC_INLINE const unsigned char *aimc_hash_secret(void) {
    static const unsigned char secret[AIMC_HASH_SECRET] = {
        0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad,
        0x1c, 0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3,
        0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc,
        0xff, 0x72, 0x21, 0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6,
        0x81, 0x3a, 0x26, 0x4c, 0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65,
        0x8b, 0x1b, 0x53, 0x2e, 0xa3, 0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19,
        0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8, 0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9,
        0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d, 0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31,
        0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64, 0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb,
        0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb, 0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0,
        0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e, 0x2b, 0x16, 0xbe, 0x58, 0x7d,
        0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce, 0x45, 0xcb, 0x3a, 0x8f,
        0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
    };
    return secret;
}

/* The low half of the 128-bit product xor the high half. (WebAssembly has no such product: its
   compilers would call a library for it.) */
#if defined(__SIZEOF_INT128__) && defined(AIMC_GNU) && !defined(AIMC_WASM)
__extension__ typedef unsigned __int128 aimc_hash_u128;

AIMC_INLINE uint64_t aimc_hash_fold(uint64_t a, uint64_t b) {
    aimc_hash_u128 product = (aimc_hash_u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}
#elif defined(AIMC_MSVC) && defined(AIMC_X64)
AIMC_INLINE uint64_t aimc_hash_fold(uint64_t a, uint64_t b) {
    uint64_t high, low = _umul128(a, b, &high);
    return low ^ high;
}
#elif defined(AIMC_MSVC) && defined(AIMC_ARM64)
AIMC_INLINE uint64_t aimc_hash_fold(uint64_t a, uint64_t b) {
    return (a * b) ^ __umulh(a, b);
}
#else
AIMC_INLINE uint64_t aimc_hash_mul32(uint64_t a, uint64_t b) {
    return (uint64_t)(uint32_t)a * (uint32_t)b;
}

AIMC_FN uint64_t aimc_hash_fold(uint64_t a, uint64_t b) {
    uint64_t ll = aimc_hash_mul32(a, b), lh = aimc_hash_mul32(a, b >> 32);
    uint64_t hl = aimc_hash_mul32(a >> 32, b), hh = aimc_hash_mul32(a >> 32, b >> 32);
    uint64_t middle = (ll >> 32) + (uint32_t)lh + hl; /* at most 2^64 - 1 */
    uint64_t high = hh + (lh >> 32) + (middle >> 32);
    return high ^ (middle << 32 | (uint32_t)ll);
}
#endif

AIMC_INLINE uint64_t aimc_hash_avalanche(uint64_t x) {
    x = (x ^ x >> 37) * AIMC_HASH_MX1;
    return x ^ x >> 32;
}

/* The end of XXH64, used for the shortest inputs. */
AIMC_INLINE uint64_t aimc_hash_avalanche64(uint64_t x) {
    x = (x ^ x >> 33) * AIMC_HASH_P64_2;
    x = (x ^ x >> 29) * AIMC_HASH_P64_3;
    return x ^ x >> 32;
}

/* Inputs of 0 to 16 bytes. */
AIMC_FN uint64_t aimc_hash_to16(const unsigned char *in, size_t size, uint64_t seed) {
    const unsigned char *secret = aimc_hash_secret();
    if (size > 8) {
        uint64_t flip_low = (aimc_load_u64(secret + 24) ^ aimc_load_u64(secret + 32)) + seed;
        uint64_t flip_high = (aimc_load_u64(secret + 40) ^ aimc_load_u64(secret + 48)) - seed;
        uint64_t low = aimc_load_u64(in) ^ flip_low;
        uint64_t high = aimc_load_u64(in + size - 8) ^ flip_high;
        return aimc_hash_avalanche(size + aimc_swap_u64(low) + high + aimc_hash_fold(low, high));
    }
    if (size >= 4) {
        uint64_t flip = aimc_load_u64(secret + 8) ^ aimc_load_u64(secret + 16);
        uint64_t both = aimc_load_u32(in + size - 4) | (uint64_t)aimc_load_u32(in) << 32;
        uint64_t x = (flip - (seed ^ (uint64_t)aimc_swap_u32((uint32_t)seed) << 32)) ^ both;
        x ^= (x << 49 | x >> 15) ^ (x << 24 | x >> 40);
        x *= AIMC_HASH_MX2;
        x ^= (x >> 35) + size;
        x *= AIMC_HASH_MX2;
        return x ^ x >> 28;
    }
    if (size > 0) {
        uint32_t flip = aimc_load_u32(secret) ^ aimc_load_u32(secret + 4);
        uint32_t bytes = in[size - 1] | (uint32_t)size << 8 | (uint32_t)in[0] << 16 |
                         (uint32_t)in[size >> 1] << 24;
        return aimc_hash_avalanche64((flip + seed) ^ bytes);
    }
    return aimc_hash_avalanche64(seed ^ aimc_load_u64(secret + 56) ^ aimc_load_u64(secret + 64));
}

/* 16 bytes of input with 16 bytes of the secret. */
AIMC_INLINE uint64_t aimc_hash_mix16(const unsigned char *in, const unsigned char *secret,
                                     uint64_t seed) {
    return aimc_hash_fold(aimc_load_u64(in) ^ (aimc_load_u64(secret) + seed),
                          aimc_load_u64(in + 8) ^ (aimc_load_u64(secret + 8) - seed));
}

/* Inputs of 17 to 240 bytes: up to 128 from both ends towards the middle, above that in order. */
AIMC_FN uint64_t aimc_hash_to240(const unsigned char *in, size_t size, uint64_t seed) {
    const unsigned char *secret = aimc_hash_secret();
    uint64_t acc = size * AIMC_HASH_P64_1;
    size_t i;
    if (size <= 128) {
        for (i = (size - 1) / 32 + 1; i-- > 0;) {
            acc += aimc_hash_mix16(in + 16 * i, secret + 32 * i, seed);
            acc += aimc_hash_mix16(in + size - 16 * i - 16, secret + 32 * i + 16, seed);
        }
        return aimc_hash_avalanche(acc);
    }
    for (i = 0; i < 8; i++) acc += aimc_hash_mix16(in + 16 * i, secret + 16 * i, seed);
    acc = aimc_hash_avalanche(acc);
    for (; i < size / 16; i++) {
        acc += aimc_hash_mix16(in + 16 * i, secret + 16 * (i - 8) + 3, seed);
    }
    acc += aimc_hash_mix16(in + size - 16, secret + 119, seed);
    return aimc_hash_avalanche(acc);
}

AIMC_INLINE uint64_t aimc_hash_short(const unsigned char *in, size_t size, uint64_t seed) {
    return size <= 16 ? aimc_hash_to16(in, size, seed) : aimc_hash_to240(in, size, seed);
}

/* The runs. Each feeds count stripes to the eight lanes; first, below AIMC_HASH_BLOCK, is the place
   of the first one in its block. After the last stripe of a block the lanes are scrambled, and only
   then may a run read behind the secrets of its stripes. A lane takes the product of the two halves
   of input ^ secret, and the input of its neighbour. */
AIMC_FN void aimc_hash_run_scalar(uint64_t *acc, const unsigned char *in,
                                  const unsigned char *secret, size_t first, size_t count) {
    size_t i;
    for (; count > 0; count--, in += AIMC_HASH_STRIPE) {
        const unsigned char *key = secret + 8 * first;
        for (i = 0; i < 8; i++) {
            uint64_t data = aimc_load_u64(in + 8 * i);
            uint64_t x = data ^ aimc_load_u64(key + 8 * i);
            acc[i ^ 1] += data;
            acc[i] += (uint64_t)(uint32_t)x * (x >> 32);
        }
        if (++first < AIMC_HASH_BLOCK) continue;
        first = 0;
        for (i = 0; i < 8; i++) {
            uint64_t x = acc[i] ^ acc[i] >> 47 ^ aimc_load_u64(secret + 128 + 8 * i);
            acc[i] = x * AIMC_HASH_P32_1;
        }
    }
}

#if defined(AIMC_SIMD_X86)

AIMC_INLINE AIMC_TARGET("sse2") void aimc_hash_mix_sse2(__m128i *acc, const unsigned char *in,
                                                        const unsigned char *key) {
    __m128i data = _mm_loadu_si128((const __m128i *)(const void *)in);
    __m128i x = _mm_xor_si128(data, _mm_loadu_si128((const __m128i *)(const void *)key));
    __m128i product = _mm_mul_epu32(x, _mm_srli_epi64(x, 32));
    *acc = _mm_add_epi64(*acc, _mm_add_epi64(product, _mm_shuffle_epi32(data, 0x4E)));
}

AIMC_INLINE AIMC_TARGET("sse2") void aimc_hash_scramble_sse2(__m128i *acc,
                                                             const unsigned char *key) {
    __m128i prime = _mm_set1_epi32((int)AIMC_HASH_P32_1);
    __m128i x = _mm_xor_si128(*acc, _mm_srli_epi64(*acc, 47));
    __m128i high;
    x = _mm_xor_si128(x, _mm_loadu_si128((const __m128i *)(const void *)key));
    high = _mm_mul_epu32(_mm_srli_epi64(x, 32), prime);
    *acc = _mm_add_epi64(_mm_mul_epu32(x, prime), _mm_slli_epi64(high, 32));
}

AIMC_FN AIMC_TARGET("sse2") void aimc_hash_run_sse2(uint64_t *acc, const unsigned char *in,
                                                    const unsigned char *secret, size_t first,
                                                    size_t count) {
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(acc + 0));
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(acc + 2));
    __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(acc + 4));
    __m128i d = _mm_loadu_si128((const __m128i *)(const void *)(acc + 6));
    for (; count > 0; count--, in += AIMC_HASH_STRIPE) {
        const unsigned char *key = secret + 8 * first;
        aimc_hash_mix_sse2(&a, in, key);
        aimc_hash_mix_sse2(&b, in + 16, key + 16);
        aimc_hash_mix_sse2(&c, in + 32, key + 32);
        aimc_hash_mix_sse2(&d, in + 48, key + 48);
        if (++first < AIMC_HASH_BLOCK) continue;
        first = 0;
        aimc_hash_scramble_sse2(&a, secret + 128);
        aimc_hash_scramble_sse2(&b, secret + 144);
        aimc_hash_scramble_sse2(&c, secret + 160);
        aimc_hash_scramble_sse2(&d, secret + 176);
    }
    _mm_storeu_si128((__m128i *)(void *)(acc + 0), a);
    _mm_storeu_si128((__m128i *)(void *)(acc + 2), b);
    _mm_storeu_si128((__m128i *)(void *)(acc + 4), c);
    _mm_storeu_si128((__m128i *)(void *)(acc + 6), d);
}

AIMC_INLINE AIMC_TARGET("avx2") void aimc_hash_mix_avx2(__m256i *acc, const unsigned char *in,
                                                        const unsigned char *key) {
    __m256i data = _mm256_loadu_si256((const __m256i *)(const void *)in);
    __m256i x = _mm256_xor_si256(data, _mm256_loadu_si256((const __m256i *)(const void *)key));
    __m256i product = _mm256_mul_epu32(x, _mm256_srli_epi64(x, 32));
    *acc = _mm256_add_epi64(*acc, _mm256_add_epi64(product, _mm256_shuffle_epi32(data, 0x4E)));
}

AIMC_INLINE AIMC_TARGET("avx2") void aimc_hash_scramble_avx2(__m256i *acc,
                                                             const unsigned char *key) {
    __m256i prime = _mm256_set1_epi32((int)AIMC_HASH_P32_1);
    __m256i x = _mm256_xor_si256(*acc, _mm256_srli_epi64(*acc, 47));
    __m256i high;
    x = _mm256_xor_si256(x, _mm256_loadu_si256((const __m256i *)(const void *)key));
    high = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), prime);
    *acc = _mm256_add_epi64(_mm256_mul_epu32(x, prime), _mm256_slli_epi64(high, 32));
}

AIMC_FN AIMC_TARGET("avx2") void aimc_hash_run_avx2(uint64_t *acc, const unsigned char *in,
                                                    const unsigned char *secret, size_t first,
                                                    size_t count) {
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(acc + 0));
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(acc + 4));
    for (; count > 0; count--, in += AIMC_HASH_STRIPE) {
        aimc_hash_mix_avx2(&a, in, secret + 8 * first);
        aimc_hash_mix_avx2(&b, in + 32, secret + 8 * first + 32);
        if (++first < AIMC_HASH_BLOCK) continue;
        first = 0;
        aimc_hash_scramble_avx2(&a, secret + 128);
        aimc_hash_scramble_avx2(&b, secret + 160);
    }
    _mm256_storeu_si256((__m256i *)(void *)(acc + 0), a);
    _mm256_storeu_si256((__m256i *)(void *)(acc + 4), b);
}

/* The forms with a mask of all ones are the plain instructions; the plain intrinsics of g++ 12 warn
   about a variable in its own header. */
AIMC_FN AIMC_TARGET("avx512f") void aimc_hash_run_avx512(uint64_t *acc, const unsigned char *in,
                                                         const unsigned char *secret, size_t first,
                                                         size_t count) {
    const __mmask8 all = 0xFF;
    __m512i prime = _mm512_set1_epi32((int)AIMC_HASH_P32_1);
    __m512i a = _mm512_loadu_si512(acc);
    for (; count > 0; count--, in += AIMC_HASH_STRIPE) {
        __m512i data = _mm512_loadu_si512(in);
        __m512i x = _mm512_xor_si512(data, _mm512_loadu_si512(secret + 8 * first));
        __m512i product = _mm512_maskz_mul_epu32(all, x, _mm512_maskz_srli_epi64(all, x, 32));
        __m512i swapped = _mm512_maskz_shuffle_epi32(0xFFFF, data, (_MM_PERM_ENUM)0x4E);
        a = _mm512_add_epi64(a, _mm512_add_epi64(product, swapped));
        if (++first < AIMC_HASH_BLOCK) continue;
        first = 0;
        x = _mm512_xor_si512(a, _mm512_maskz_srli_epi64(all, a, 47));
        x = _mm512_xor_si512(x, _mm512_loadu_si512(secret + 128));
        a = _mm512_maskz_mul_epu32(all, _mm512_maskz_srli_epi64(all, x, 32), prime);
        a = _mm512_maskz_slli_epi64(all, a, 32);
        a = _mm512_add_epi64(a, _mm512_maskz_mul_epu32(all, x, prime));
    }
    _mm512_storeu_si512(acc, a);
}

#elif defined(AIMC_SIMD_NEON)

/* Two registers at once, so that one vuzp splits all four lanes into low and high halves. */
AIMC_INLINE void aimc_hash_mix_neon(uint64x2_t *acc, const unsigned char *in,
                                    const unsigned char *key) {
    uint64x2_t data0 = vreinterpretq_u64_u8(vld1q_u8(in));
    uint64x2_t data1 = vreinterpretq_u64_u8(vld1q_u8(in + 16));
    uint64x2_t x0 = veorq_u64(data0, vreinterpretq_u64_u8(vld1q_u8(key)));
    uint64x2_t x1 = veorq_u64(data1, vreinterpretq_u64_u8(vld1q_u8(key + 16)));
    uint32x4x2_t halves = vuzpq_u32(vreinterpretq_u32_u64(x0), vreinterpretq_u32_u64(x1));
    acc[0] = vaddq_u64(acc[0], vextq_u64(data0, data0, 1));
    acc[1] = vaddq_u64(acc[1], vextq_u64(data1, data1, 1));
    acc[0] = vmlal_u32(acc[0], vget_low_u32(halves.val[0]), vget_low_u32(halves.val[1]));
    acc[1] = vmlal_u32(acc[1], vget_high_u32(halves.val[0]), vget_high_u32(halves.val[1]));
}

AIMC_INLINE void aimc_hash_scramble_neon(uint64x2_t *acc, const unsigned char *key) {
    uint32x2_t prime = vdup_n_u32(AIMC_HASH_P32_1);
    uint64x2_t x = veorq_u64(*acc, vshrq_n_u64(*acc, 47));
    x = veorq_u64(x, vreinterpretq_u64_u8(vld1q_u8(key)));
    *acc = vshlq_n_u64(vmull_u32(vshrn_n_u64(x, 32), prime), 32);
    *acc = vmlal_u32(*acc, vmovn_u64(x), prime);
}

AIMC_FN void aimc_hash_run_neon(uint64_t *acc, const unsigned char *in,
                                const unsigned char *secret, size_t first, size_t count) {
    uint64x2_t a[4];
    a[0] = vld1q_u64(acc + 0);
    a[1] = vld1q_u64(acc + 2);
    a[2] = vld1q_u64(acc + 4);
    a[3] = vld1q_u64(acc + 6);
    for (; count > 0; count--, in += AIMC_HASH_STRIPE) {
        aimc_hash_mix_neon(a, in, secret + 8 * first);
        aimc_hash_mix_neon(a + 2, in + 32, secret + 8 * first + 32);
        if (++first < AIMC_HASH_BLOCK) continue;
        first = 0;
        aimc_hash_scramble_neon(a + 0, secret + 128);
        aimc_hash_scramble_neon(a + 1, secret + 144);
        aimc_hash_scramble_neon(a + 2, secret + 160);
        aimc_hash_scramble_neon(a + 3, secret + 176);
    }
    vst1q_u64(acc + 0, a[0]);
    vst1q_u64(acc + 2, a[1]);
    vst1q_u64(acc + 4, a[2]);
    vst1q_u64(acc + 6, a[3]);
}

#elif defined(AIMC_SIMD_WASM)

AIMC_INLINE void aimc_hash_mix_wasm(v128_t *acc, const unsigned char *in,
                                    const unsigned char *key) {
    v128_t data0 = wasm_v128_load(in), data1 = wasm_v128_load(in + 16);
    v128_t x0 = wasm_v128_xor(data0, wasm_v128_load(key));
    v128_t x1 = wasm_v128_xor(data1, wasm_v128_load(key + 16));
    v128_t low = wasm_i32x4_shuffle(x0, x1, 0, 2, 4, 6);
    v128_t high = wasm_i32x4_shuffle(x0, x1, 1, 3, 5, 7);
    acc[0] = wasm_i64x2_add(acc[0], wasm_i64x2_shuffle(data0, data0, 1, 0));
    acc[1] = wasm_i64x2_add(acc[1], wasm_i64x2_shuffle(data1, data1, 1, 0));
    acc[0] = wasm_i64x2_add(acc[0], wasm_u64x2_extmul_low_u32x4(low, high));
    acc[1] = wasm_i64x2_add(acc[1], wasm_u64x2_extmul_high_u32x4(low, high));
}

AIMC_INLINE void aimc_hash_scramble_wasm(v128_t *acc, const unsigned char *key) {
    v128_t x = wasm_v128_xor(*acc, wasm_u64x2_shr(*acc, 47));
    x = wasm_v128_xor(x, wasm_v128_load(key));
    *acc = wasm_i64x2_mul(x, wasm_i64x2_splat((int64_t)AIMC_HASH_P32_1));
}

AIMC_FN void aimc_hash_run_wasm(uint64_t *acc, const unsigned char *in,
                                const unsigned char *secret, size_t first, size_t count) {
    v128_t a[4];
    int i;
    for (i = 0; i < 4; i++) a[i] = wasm_v128_load(acc + 2 * i);
    for (; count > 0; count--, in += AIMC_HASH_STRIPE) {
        aimc_hash_mix_wasm(a, in, secret + 8 * first);
        aimc_hash_mix_wasm(a + 2, in + 32, secret + 8 * first + 32);
        if (++first < AIMC_HASH_BLOCK) continue;
        first = 0;
        for (i = 0; i < 4; i++) aimc_hash_scramble_wasm(a + i, secret + 128 + 16 * i);
    }
    for (i = 0; i < 4; i++) wasm_v128_store(acc + 2 * i, a[i]);
}

#endif

/* The best run that flags allow. */
AIMC_FN void aimc_hash_run(uint32_t flags, uint64_t *acc, const unsigned char *in,
                           const unsigned char *secret, size_t first, size_t count) {
#if defined(AIMC_SIMD_X86)
    if ((flags & AIMC_CPU_AVX512) != 0) {
        aimc_hash_run_avx512(acc, in, secret, first, count);
        return;
    }
    if ((flags & AIMC_CPU_AVX2) != 0) {
        aimc_hash_run_avx2(acc, in, secret, first, count);
        return;
    }
    if ((flags & AIMC_CPU_SSE2) != 0) {
        aimc_hash_run_sse2(acc, in, secret, first, count);
        return;
    }
#elif defined(AIMC_SIMD_NEON)
    if ((flags & AIMC_CPU_NEON) != 0) {
        aimc_hash_run_neon(acc, in, secret, first, count);
        return;
    }
#elif defined(AIMC_SIMD_WASM)
    if ((flags & AIMC_CPU_WASM) != 0) {
        aimc_hash_run_wasm(acc, in, secret, first, count);
        return;
    }
#endif
    (void)flags;
    aimc_hash_run_scalar(acc, in, secret, first, count);
}

AIMC_FN void aimc_hash_start(uint64_t *acc) {
    acc[0] = AIMC_HASH_P32_3;
    acc[1] = AIMC_HASH_P64_1;
    acc[2] = AIMC_HASH_P64_2;
    acc[3] = AIMC_HASH_P64_3;
    acc[4] = AIMC_HASH_P64_4;
    acc[5] = AIMC_HASH_P32_2;
    acc[6] = AIMC_HASH_P64_5;
    acc[7] = AIMC_HASH_P32_1;
}

/* The secret of a seed for long inputs: words go up and down by the seed in turn. */
AIMC_FN void aimc_hash_derive(unsigned char *out, uint64_t seed) {
    const unsigned char *secret = aimc_hash_secret();
    size_t i;
    for (i = 0; i < AIMC_HASH_SECRET; i += 16) {
        aimc_store_u64(out + i, aimc_load_u64(secret + i) + seed);
        aimc_store_u64(out + i + 8, aimc_load_u64(secret + i + 8) - seed);
    }
}

/* The last 64 bytes of the input, which other stripes may have seen in part, and then one number
   from the eight lanes. */
AIMC_FN uint64_t aimc_hash_finish(uint32_t flags, uint64_t *acc, const unsigned char *last,
                                  const unsigned char *secret, uint64_t total) {
    uint64_t x = total * AIMC_HASH_P64_1;
    size_t i;
    aimc_hash_run(flags, acc, last, secret + AIMC_HASH_LAST, 0, 1); /* one stripe: no scramble */
    for (i = 0; i < 8; i += 2) {
        const unsigned char *key = secret + AIMC_HASH_MERGE + 8 * i;
        x += aimc_hash_fold(acc[i] ^ aimc_load_u64(key), acc[i + 1] ^ aimc_load_u64(key + 8));
    }
    return aimc_hash_avalanche(x);
}

/* Inputs above 240 bytes. Every stripe that at least one byte follows takes its turn. */
AIMC_FN uint64_t aimc_hash_long(uint32_t flags, const unsigned char *in, size_t size,
                                uint64_t seed) {
    unsigned char derived[AIMC_HASH_SECRET];
    const unsigned char *secret = aimc_hash_secret();
    uint64_t acc[8];
    if (seed != 0) {
        aimc_hash_derive(derived, seed);
        secret = derived;
    }
    aimc_hash_start(acc);
    aimc_hash_run(flags, acc, in, secret, 0, (size - 1) / AIMC_HASH_STRIPE);
    return aimc_hash_finish(flags, acc, in + size - AIMC_HASH_STRIPE, secret, size);
}

AIMC_FN uint64_t aimc_hash64_at(uint32_t flags, const void *data, size_t size, uint64_t seed) {
    const unsigned char *in = (const unsigned char *)data;
    if (size <= AIMC_HASH_SHORT) return aimc_hash_short(in, size, seed);
    return aimc_hash_long(flags, in, size, seed);
}

/* XXH3-64 of size bytes; data may be NULL when size is 0. Any thread. */
AIMC_FN uint64_t aimc_hash64(const void *data, size_t size, uint64_t seed) {
    return aimc_hash64_at(size <= AIMC_HASH_SHORT ? 0 : aimc_cpu_flags(), data, size, seed);
}

/* The same hash of bytes that come in pieces.
 *
 *   bytes:  [ 64 bytes that the lanes saw last | pending: not seen yet, at most 256 | free ]
 *
 * Until more than 256 bytes came, everything is pending and the lanes saw nothing. From then on at
 * least one byte is pending (total counts it), so the last 64 bytes of the input always end where
 * pending ends, in one piece. The lanes saw total - pending bytes, a multiple of 64. */
typedef struct aimc_hash_state {
    uint64_t acc[8];
    uint64_t seed, total;
    uint32_t flags, pending;
    unsigned char secret[AIMC_HASH_SECRET];
    unsigned char bytes[AIMC_HASH_STRIPE + AIMC_HASH_BUFFER];
} aimc_hash_state;

AIMC_FN void aimc_hash_init_at(aimc_hash_state *s, uint32_t flags, uint64_t seed) {
    memset(s, 0, sizeof *s);
    aimc_hash_start(s->acc);
    aimc_hash_derive(s->secret, seed);
    s->flags = flags;
    s->seed = seed;
}

/* Starts over; a state needs no clean-up. */
AIMC_FN void aimc_hash_init(aimc_hash_state *s, uint64_t seed) {
    aimc_hash_init_at(s, aimc_cpu_flags(), seed);
}

/* Feeds count > 0 stripes to the lanes and keeps the last; in may point into s->bytes. seen is how
   many bytes the lanes had before. */
AIMC_FN void aimc_hash_feed(aimc_hash_state *s, const unsigned char *in, size_t count,
                            uint64_t seen) {
    size_t first = (size_t)(seen / AIMC_HASH_STRIPE % AIMC_HASH_BLOCK);
    aimc_hash_run(s->flags, s->acc, in, s->secret, first, count);
    memmove(s->bytes, in + (count - 1) * AIMC_HASH_STRIPE, AIMC_HASH_STRIPE);
}

/* The next size bytes; data may be NULL when size is 0. */
AIMC_FN void aimc_hash_update(aimc_hash_state *s, const void *data, size_t size) {
    const unsigned char *in = (const unsigned char *)data;
    unsigned char *pending = s->bytes + AIMC_HASH_STRIPE;
    uint64_t seen = s->total - s->pending;
    size_t room = AIMC_HASH_BUFFER - s->pending;
    if (size == 0) return;
    s->total += size;
    if (size > room) {
        if (s->pending != 0) {
            memcpy(pending + s->pending, in, room);
            in += room;
            size -= room;
            aimc_hash_feed(s, pending, AIMC_HASH_BUFFER / AIMC_HASH_STRIPE, seen);
            seen += AIMC_HASH_BUFFER;
            s->pending = 0;
        }
        if (size > AIMC_HASH_STRIPE) {
            size_t count = (size - 1) / AIMC_HASH_STRIPE;
            aimc_hash_feed(s, in, count, seen);
            in += count * AIMC_HASH_STRIPE;
            size -= count * AIMC_HASH_STRIPE;
        }
    }
    memcpy(pending + s->pending, in, size);
    s->pending += (uint32_t)size;
}

/* The hash of all bytes so far; the state goes on unchanged. */
AIMC_FN uint64_t aimc_hash_final(const aimc_hash_state *s) {
    const unsigned char *pending = s->bytes + AIMC_HASH_STRIPE;
    uint64_t acc[8], seen = s->total - s->pending;
    size_t first = (size_t)(seen / AIMC_HASH_STRIPE % AIMC_HASH_BLOCK);
    if (s->total <= AIMC_HASH_SHORT) return aimc_hash_short(pending, s->pending, s->seed);
    memcpy(acc, s->acc, sizeof acc);
    aimc_hash_run(s->flags, acc, pending, s->secret, first,
                  (s->pending - 1) / AIMC_HASH_STRIPE);
    return aimc_hash_finish(s->flags, acc, s->bytes + s->pending, s->secret, s->total);
}

#endif
