/* core/platform.h: compiler, processor and system, asked once, here.
 *
 * Everything in src/core and in the parts of the headers uses these macros and no other test for a
 * compiler or a system. Private: amalgamate.py renames AIMC_ and aimc_ for each header and
 * undefines the macros at its end.
 */
#ifndef AIMC_PLATFORM_H
#define AIMC_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h> /* memcpy, memmove, memset, memcmp: needed on bare metal too */

/* Compiler */
#if defined(__clang__)
#define AIMC_CLANG 1
#define AIMC_GNU 1 /* GNU attributes and builtins */
#elif defined(__TINYC__)
#define AIMC_TCC 1
#elif defined(__GNUC__)
#define AIMC_GNU 1
#elif defined(_MSC_VER)
#define AIMC_MSVC 1
#endif

/* Processor */
#if defined(__x86_64__) || defined(_M_X64)
#define AIMC_X86 1
#define AIMC_X64 1
#elif defined(__i386__) || defined(_M_IX86)
#define AIMC_X86 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#define AIMC_ARM64 1
#elif defined(__arm__) || defined(_M_ARM)
#define AIMC_ARM32 1
#elif defined(__wasm__)
#define AIMC_WASM 1
#endif

/* System. AIMEM_NO_OS: none, whatever the compiler says (bare metal, kernels, sandboxes). */
#if defined(AIMEM_NO_OS)
#define AIMC_OS_NONE 1
#elif defined(_WIN32)
#define AIMC_OS_WINDOWS 1
#elif defined(__linux__)
#define AIMC_OS_LINUX 1
#define AIMC_OS_POSIX 1
#elif defined(__APPLE__)
#define AIMC_OS_APPLE 1
#define AIMC_OS_POSIX 1
#elif defined(__EMSCRIPTEN__) || defined(__wasi__)
#define AIMC_OS_WASM 1
#define AIMC_OS_POSIX 1
#elif defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#define AIMC_OS_BSD 1
#define AIMC_OS_POSIX 1
#else
#define AIMC_OS_NONE 1
#endif

#if !defined(AIMEM_NO_THREADS) && !defined(AIMC_OS_NONE) && \
    (!defined(AIMC_OS_WASM) || defined(__EMSCRIPTEN_PTHREADS__))
#define AIMC_THREADS 1
#endif
#if !defined(AIMEM_NO_FILES) && !defined(AIMC_OS_NONE)
#define AIMC_FILES 1
#endif

/* Byte order. MSVC only builds for little-endian machines. */
#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define AIMC_BIG_ENDIAN 1
#endif
#endif

/* AIMC_FN marks every private function: static, and no warning where a header does not use it.
   AIMC_INLINE: the same, worth inlining. AIMC_NOINLINE: the same, a slow path. */
#if defined(AIMC_GNU) || defined(AIMC_TCC)
#define AIMC_FN static __attribute__((unused))
#define AIMC_INLINE static inline __attribute__((unused))
#define AIMC_NOINLINE static __attribute__((unused, noinline))
#elif defined(AIMC_MSVC)
#define AIMC_FN static
#define AIMC_INLINE static __forceinline
#define AIMC_NOINLINE static __declspec(noinline)
#else
#define AIMC_FN static
#define AIMC_INLINE static inline
#define AIMC_NOINLINE static
#endif

#if defined(AIMC_GNU)
#define AIMC_LIKELY(x) __builtin_expect(!!(x), 1)
#define AIMC_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define AIMC_PREFETCH(p) __builtin_prefetch(p)
#define AIMC_RESTRICT __restrict__
#elif defined(AIMC_MSVC)
#define AIMC_LIKELY(x) (x)
#define AIMC_UNLIKELY(x) (x)
#define AIMC_PREFETCH(p) ((void)(p))
#define AIMC_RESTRICT __restrict
#else
#define AIMC_LIKELY(x) (x)
#define AIMC_UNLIKELY(x) (x)
#define AIMC_PREFETCH(p) ((void)(p))
#define AIMC_RESTRICT
#endif

/* Which instruction sets can be compiled here; which one runs is chosen by core/cpu.h.
   AIMC_TARGET(x): build one function for a better instruction set than the rest of the file;
   MSVC needs no such mark. */
#if !defined(AIMEM_NO_SIMD)
#if defined(AIMC_X86) && defined(AIMC_GNU)
#define AIMC_SIMD_X86 1
#define AIMC_TARGET(x) __attribute__((target(x)))
#elif defined(AIMC_X86) && defined(AIMC_MSVC)
#define AIMC_SIMD_X86 1
#define AIMC_TARGET(x)
#elif defined(AIMC_ARM64) || (defined(AIMC_ARM32) && defined(__ARM_NEON))
#if !defined(AIMC_BIG_ENDIAN) && !defined(AIMC_TCC)
#define AIMC_SIMD_NEON 1
#endif
#elif defined(__wasm_simd128__)
#define AIMC_SIMD_WASM 1
#endif
#endif
#ifndef AIMC_TARGET
#define AIMC_TARGET(x)
#endif

/* Programmer errors only; never input, memory or I/O. Off unless the user defines AIMEM_ASSERT. */
#if defined(AIMEM_ASSERT)
#define AIMC_ASSERT(x) AIMEM_ASSERT(x)
#else
#define AIMC_ASSERT(x) ((void)0)
#endif

/* A compile-time check that works in C11, C++17 and MSVC. */
#if defined(__cplusplus)
#define AIMC_STATIC_ASSERT(x, text) static_assert(x, text)
#else
#define AIMC_STATIC_ASSERT(x, text) _Static_assert(x, text)
#endif

AIMC_STATIC_ASSERT(sizeof(float) == 4 && sizeof(double) == 8, "IEEE 754 floats are needed");

/* AddressSanitizer: free memory that we hold is poisoned, so that a use after free is caught. */
#if defined(__SANITIZE_ADDRESS__)
#define AIMC_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AIMC_ASAN 1
#endif
#endif
#if defined(AIMC_ASAN)
#include <sanitizer/asan_interface.h>
#define AIMC_POISON(p, n) __asan_poison_memory_region(p, n)
#define AIMC_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define AIMC_POISON(p, n) ((void)(p), (void)(n))
#define AIMC_UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#endif
