/* core/cpu.h: what the processor that runs this can do, asked once.
 *
 * Two views. Flags (AIMC_CPU_...) name instruction sets one by one, for hashes and codes. Levels
 * (AIMC_LEVEL_...) are the rungs on which the distance kernels and the public API stand; their
 * numbers are public and never change.
 */
#ifndef AIMC_CPU_H
#define AIMC_CPU_H

#include "core/platform.h"

#if defined(AIMC_SIMD_X86)
#if defined(AIMC_MSVC)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

/* Which levels are in the build. gcc for 32-bit x86 with -ffast-math gives functions that have a
   target of their own another kind of float arithmetic (SSE) than the functions in its headers
   (x87), and then refuses to inline those; with -msse2 all is well. */
#if defined(AIMC_SIMD_X86)
#if defined(AIMC_X64) || defined(AIMC_CLANG) || defined(AIMC_MSVC) || defined(__SSE2__) || \
    !defined(__FAST_MATH__)
#define AIMC_LEVELS_X86 1
#endif
#endif

/* The AVX flags are set only when the system saves those registers too (XCR0). */
enum {
    AIMC_CPU_SSE2 = 1,
    AIMC_CPU_SSE41 = 2,    /* SSE4.1 and SSSE3 */
    AIMC_CPU_SSE42 = 4,    /* SSE4.2 (with the crc32 instruction) and POPCNT */
    AIMC_CPU_AVX2 = 8,     /* AVX2, FMA, F16C and BMI2 */
    AIMC_CPU_AVX512 = 16,  /* AVX-512 F, BW, VL and DQ; AVX2 is then set too */
    AIMC_CPU_VNNI = 32,    /* AVX-512 VNNI; AVX512 is then set too */
    AIMC_CPU_VPOPCNT = 64, /* AVX-512 VPOPCNTDQ; AVX512 is then set too */
    AIMC_CPU_NEON = 128,
    AIMC_CPU_NEON_DOT = 256, /* the dot product instructions of ARMv8.2 */
    AIMC_CPU_ARM_CRC = 512,  /* the crc32 instructions of ARMv8 */
    AIMC_CPU_WASM = 1024,    /* simd128; WebAssembly knows it when it compiles */
    AIMC_CPU_KNOWN = 1 << 30 /* in the cache: the processor was asked */
};

/* 0 is "the best there is"; a level that this build or processor lacks is never chosen. */
enum {
    AIMC_LEVEL_AUTO = 0,
    AIMC_LEVEL_SCALAR = 1,
    AIMC_LEVEL_SSE = 2, /* needs SSE2 only */
    AIMC_LEVEL_AVX2 = 3,
    AIMC_LEVEL_AVX512 = 4,
    AIMC_LEVEL_NEON = 5,
    AIMC_LEVEL_WASM = 6,
    AIMC_LEVEL_LEVELS = 7
};

#if defined(AIMC_SIMD_X86)

/* regs = eax, ebx, ecx, edx of one leaf; all 0 when the processor has no such leaf. */
AIMC_FN void aimc_cpuid(uint32_t leaf, uint32_t sub, uint32_t regs[4]) {
    regs[0] = regs[1] = regs[2] = regs[3] = 0;
#if defined(AIMC_MSVC)
    {
        int r[4];
        __cpuid(r, 0);
        if ((uint32_t)r[0] < leaf) return;
        __cpuidex(r, (int)leaf, (int)sub);
        memcpy(regs, r, sizeof r);
    }
#else
    if ((uint32_t)__get_cpuid_max(0, NULL) < leaf) return;
    __cpuid_count(leaf, sub, regs[0], regs[1], regs[2], regs[3]);
#endif
}

/* The low half of XCR0: which registers the system saves. Only where cpuid reports OSXSAVE. */
AIMC_FN uint32_t aimc_xcr0(void) {
#if defined(AIMC_MSVC)
    return (uint32_t)_xgetbv(0);
#else
    uint32_t low, high;
    __asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return low;
#endif
}

/* True when all of bits are in have. */
AIMC_FN bool aimc_cpu_all(uint32_t have, uint32_t bits) {
    return (have & bits) == bits;
}

/* Bits as in Intel's and AMD's manuals: leaf 1 in ecx and edx, leaf 7 in ebx and ecx. */
AIMC_FN uint32_t aimc_cpu_ask(void) {
    uint32_t one[4], seven[4], flags = 0, saved = 0;
    aimc_cpuid(1, 0, one);
    aimc_cpuid(7, 0, seven);
    if (aimc_cpu_all(one[3], 1u << 26)) flags |= AIMC_CPU_SSE2;
    if (aimc_cpu_all(one[2], 1u << 19 | 1u << 9)) flags |= AIMC_CPU_SSE41;
    if (aimc_cpu_all(one[2], 1u << 20 | 1u << 23)) flags |= AIMC_CPU_SSE42;
    if (aimc_cpu_all(one[2], 1u << 27)) saved = aimc_xcr0();
    /* AVX, FMA and F16C; the xmm and ymm registers; AVX2 and BMI2 */
    if (aimc_cpu_all(one[2], 1u << 28 | 1u << 12 | 1u << 29) && aimc_cpu_all(saved, 0x06) &&
        aimc_cpu_all(seven[1], 1u << 5 | 1u << 8)) {
        flags |= AIMC_CPU_AVX2;
    }
    /* the mask and zmm registers as well; F, DQ, BW and VL */
    if (aimc_cpu_all(flags, AIMC_CPU_AVX2) && aimc_cpu_all(saved, 0xE6) &&
        aimc_cpu_all(seven[1], 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31)) {
        flags |= AIMC_CPU_AVX512;
        if (aimc_cpu_all(seven[2], 1u << 11)) flags |= AIMC_CPU_VNNI;
        if (aimc_cpu_all(seven[2], 1u << 14)) flags |= AIMC_CPU_VPOPCNT;
    }
    return flags;
}

#elif (defined(AIMC_ARM64) || defined(AIMC_ARM32)) && !defined(AIMEM_NO_SIMD) && \
    !defined(AIMC_TCC)

#if defined(AIMC_OS_LINUX)
#include <sys/auxv.h> /* getauxval: glibc 2.16, musl, Android */
#endif

/* What the compiler may assume holds on every processor that runs this; on Linux the kernel says
   what else there is. (Apple's and Microsoft's compilers assume what their machines have.) */
AIMC_FN uint32_t aimc_cpu_ask(void) {
    uint32_t flags = 0;
#if defined(AIMC_SIMD_NEON)
    flags |= AIMC_CPU_NEON;
#endif
#if defined(__ARM_FEATURE_DOTPROD)
    flags |= AIMC_CPU_NEON_DOT;
#endif
#if defined(__ARM_FEATURE_CRC32)
    flags |= AIMC_CPU_ARM_CRC;
#endif
#if defined(AIMC_OS_LINUX) && defined(AIMC_ARM64) /* AT_HWCAP: ASIMDDP, CRC32 */
    if ((getauxval(16) >> 20 & 1) != 0) flags |= AIMC_CPU_NEON_DOT;
    if ((getauxval(16) >> 7 & 1) != 0) flags |= AIMC_CPU_ARM_CRC;
#elif defined(AIMC_OS_LINUX) /* AT_HWCAP: ASIMDDP; AT_HWCAP2: CRC32 */
    if ((getauxval(16) >> 24 & 1) != 0) flags |= AIMC_CPU_NEON_DOT;
    if ((getauxval(26) >> 4 & 1) != 0) flags |= AIMC_CPU_ARM_CRC;
#endif
    return flags;
}

#else

AIMC_FN uint32_t aimc_cpu_ask(void) {
#if defined(AIMC_SIMD_WASM)
    return AIMC_CPU_WASM;
#else
    return 0;
#endif
}

#endif

/* The only writable global of the core. cpuid traps into the hypervisor on virtual machines and
   then costs more than the work that it chooses, so the answer is kept: 0 until somebody asked.
   Threads that race here all store the same value, so relaxed order is enough; what the flags
   describe was there before the program started. */
static volatile uint32_t aimc_cpu_cache;

/* The AIMC_CPU_ flags that hold here. Any thread; after the first call one load. */
AIMC_FN uint32_t aimc_cpu_flags(void) {
    uint32_t flags;
#if defined(AIMC_GNU)
    flags = __atomic_load_n(&aimc_cpu_cache, __ATOMIC_RELAXED);
#else
    flags = aimc_cpu_cache;
#endif
    if (AIMC_UNLIKELY(flags == 0)) {
        flags = aimc_cpu_ask() | AIMC_CPU_KNOWN;
#if defined(AIMC_GNU)
        __atomic_store_n(&aimc_cpu_cache, flags, __ATOMIC_RELAXED);
#else
        aimc_cpu_cache = flags;
#endif
    }
    return flags & ~(uint32_t)AIMC_CPU_KNOWN;
}

/* True when functions of this level are in the build and run here. Auto and scalar always are;
   for a number that is no level: false. */
AIMC_FN bool aimc_simd_has(uint32_t level) {
    uint32_t flags = aimc_cpu_flags();
    switch (level) {
    case AIMC_LEVEL_AUTO: return true;
    case AIMC_LEVEL_SCALAR: return true;
#if defined(AIMC_LEVELS_X86)
    case AIMC_LEVEL_SSE: return (flags & AIMC_CPU_SSE2) != 0;
    case AIMC_LEVEL_AVX2: return (flags & AIMC_CPU_AVX2) != 0;
    case AIMC_LEVEL_AVX512: return (flags & AIMC_CPU_AVX512) != 0;
#endif
    case AIMC_LEVEL_NEON: return (flags & AIMC_CPU_NEON) != 0;
    case AIMC_LEVEL_WASM: return (flags & AIMC_CPU_WASM) != 0;
    default: return false;
    }
}

/* The highest level that this machine has; at least AIMC_LEVEL_SCALAR. */
AIMC_FN uint32_t aimc_simd_best(void) {
    uint32_t level = AIMC_LEVEL_LEVELS - 1;
    while (level > AIMC_LEVEL_SCALAR && !aimc_simd_has(level)) level--;
    return level;
}

#endif
