/* core/atomic.h: the few atomic operations that the parts need, on 32-bit and pointer-size words.
 *
 * No 64-bit words: some 32-bit processors need a library for them. Four sources: the compiler's
 * __atomic builtins (gcc and clang, in C and C++; <stdatomic.h> is not C++17), the Interlocked
 * functions (MSVC), locked instructions (tcc on x86, which has no builtins and moves no loads or
 * stores), and plain loads and stores where AIMC_THREADS is off. The last is right for one thread
 * only, and not against interrupts and signal handlers.
 *
 * Names end with the order. A read-modify-write is acquire and release at once, but for the relaxed
 * add of counters, and returns the value before. store_seq, load_seq and fence_seq share one order:
 * of two threads that each store_seq their own word and then load_seq the other's, at least one
 * sees the other's store.
 */
#ifndef AIMC_ATOMIC_H
#define AIMC_ATOMIC_H

#include "core/platform.h"

typedef struct aimc_atomic_u32 {
    uint32_t word;
} aimc_atomic_u32;

typedef struct aimc_atomic_uptr {
    uintptr_t word;
} aimc_atomic_uptr;

#if defined(AIMC_THREADS) && defined(AIMC_GNU)

#define AIMC_ATOMIC_RELAXED __ATOMIC_RELAXED
#define AIMC_ATOMIC_ACQUIRE __ATOMIC_ACQUIRE
#define AIMC_ATOMIC_RELEASE __ATOMIC_RELEASE
#define AIMC_ATOMIC_ACQ_REL __ATOMIC_ACQ_REL
#define AIMC_ATOMIC_SEQ __ATOMIC_SEQ_CST
#define AIMC_ATOMIC_LOAD32(p, order) __atomic_load_n(p, order)
#define AIMC_ATOMIC_LOADP(p, order) __atomic_load_n(p, order)
#define AIMC_ATOMIC_STORE32(p, value, order) __atomic_store_n(p, value, order)
#define AIMC_ATOMIC_STOREP(p, value, order) __atomic_store_n(p, value, order)
#define AIMC_ATOMIC_SWAP32(p, value) __atomic_exchange_n(p, value, __ATOMIC_ACQ_REL)
#define AIMC_ATOMIC_SWAPP(p, value) __atomic_exchange_n(p, value, __ATOMIC_ACQ_REL)
#define AIMC_ATOMIC_ADD32(p, value, order) __atomic_fetch_add(p, value, order)
#define AIMC_ATOMIC_ADDP(p, value, order) __atomic_fetch_add(p, value, order)
#define AIMC_ATOMIC_FENCE(order) __atomic_thread_fence(order)

#else

/* The other sources: an order is a number that the inlined function looks at. */
#define AIMC_ATOMIC_RELAXED 0
#define AIMC_ATOMIC_ACQUIRE 1
#define AIMC_ATOMIC_RELEASE 2
#define AIMC_ATOMIC_ACQ_REL 3
#define AIMC_ATOMIC_SEQ 4
#define AIMC_ATOMIC_LOAD32(p, order) aimc_atomic_load32(p, order)
#define AIMC_ATOMIC_LOADP(p, order) aimc_atomic_loadp(p, order)
#define AIMC_ATOMIC_STORE32(p, value, order) aimc_atomic_store32(p, value, order)
#define AIMC_ATOMIC_STOREP(p, value, order) aimc_atomic_storep(p, value, order)
#define AIMC_ATOMIC_SWAP32(p, value) aimc_atomic_swap32(p, value)
#define AIMC_ATOMIC_SWAPP(p, value) aimc_atomic_swapp(p, value)
#define AIMC_ATOMIC_ADD32(p, value, order) aimc_atomic_add32(p, value)
#define AIMC_ATOMIC_ADDP(p, value, order) aimc_atomic_addp(p, value)
#define AIMC_ATOMIC_FENCE(order) aimc_atomic_fence(order)

#if !defined(AIMC_THREADS)

AIMC_INLINE uint32_t aimc_atomic_load32(const uint32_t *p, int order) {
    (void)order;
    return *p;
}

AIMC_INLINE void aimc_atomic_store32(uint32_t *p, uint32_t value, int order) {
    (void)order;
    *p = value;
}

AIMC_INLINE uint32_t aimc_atomic_swap32(uint32_t *p, uint32_t value) {
    uint32_t old = *p;
    *p = value;
    return old;
}

AIMC_INLINE uint32_t aimc_atomic_cas32(uint32_t *p, uint32_t expected, uint32_t desired) {
    uint32_t old = *p;
    if (old == expected) *p = desired;
    return old;
}

AIMC_INLINE uint32_t aimc_atomic_add32(uint32_t *p, uint32_t value) {
    uint32_t old = *p;
    *p = old + value;
    return old;
}

AIMC_INLINE uintptr_t aimc_atomic_loadp(const uintptr_t *p, int order) {
    (void)order;
    return *p;
}

AIMC_INLINE void aimc_atomic_storep(uintptr_t *p, uintptr_t value, int order) {
    (void)order;
    *p = value;
}

AIMC_INLINE uintptr_t aimc_atomic_swapp(uintptr_t *p, uintptr_t value) {
    uintptr_t old = *p;
    *p = value;
    return old;
}

AIMC_INLINE uintptr_t aimc_atomic_casp(uintptr_t *p, uintptr_t expected, uintptr_t desired) {
    uintptr_t old = *p;
    if (old == expected) *p = desired;
    return old;
}

AIMC_INLINE uintptr_t aimc_atomic_addp(uintptr_t *p, uintptr_t value) {
    uintptr_t old = *p;
    *p = old + value;
    return old;
}

AIMC_INLINE void aimc_atomic_fence(int order) {
    (void)order;
}

#elif defined(AIMC_MSVC)

#include <intrin.h>

/* x86 lets nothing but a later load pass an older store, so a compiler barrier does for all orders
   but seq. ARM64 gets a barrier instruction. Every Interlocked function is a full barrier, but
   with ARM64's LSE instructions a later load can still pass the store of one: so load_seq has a
   barrier before it as well. */
#pragma warning(push)
#pragma warning(disable : 4996) /* the compiler barrier is called deprecated; it is what C++ uses */
AIMC_INLINE void aimc_atomic_barrier(void) {
#if defined(AIMC_X86)
    _ReadWriteBarrier();
#else
    __dmb(0xB); /* inner shareable */
#endif
}
#pragma warning(pop)

#if defined(_WIN64)
#define AIMC_ATOMIC_MSVC_LOADP(p) (uintptr_t) __iso_volatile_load64((const volatile __int64 *)(p))
#define AIMC_ATOMIC_MSVC_STOREP(p, value) \
    __iso_volatile_store64((volatile __int64 *)(p), (__int64)(value))
#define AIMC_ATOMIC_MSVC_SWAPP(p, value) \
    (uintptr_t) _InterlockedExchange64((volatile __int64 *)(p), (__int64)(value))
#define AIMC_ATOMIC_MSVC_CASP(p, expected, desired) \
    (uintptr_t) _InterlockedCompareExchange64((volatile __int64 *)(p), (__int64)(desired), \
                                              (__int64)(expected))
#define AIMC_ATOMIC_MSVC_ADDP(p, value) \
    (uintptr_t) _InterlockedExchangeAdd64((volatile __int64 *)(p), (__int64)(value))
#else
#define AIMC_ATOMIC_MSVC_LOADP(p) (uintptr_t) __iso_volatile_load32((const volatile __int32 *)(p))
#define AIMC_ATOMIC_MSVC_STOREP(p, value) \
    __iso_volatile_store32((volatile __int32 *)(p), (__int32)(value))
#define AIMC_ATOMIC_MSVC_SWAPP(p, value) \
    (uintptr_t) _InterlockedExchange((volatile long *)(p), (long)(value))
#define AIMC_ATOMIC_MSVC_CASP(p, expected, desired) \
    (uintptr_t) _InterlockedCompareExchange((volatile long *)(p), (long)(desired), (long)(expected))
#define AIMC_ATOMIC_MSVC_ADDP(p, value) \
    (uintptr_t) _InterlockedExchangeAdd((volatile long *)(p), (long)(value))
#endif

AIMC_INLINE void aimc_atomic_fence(int order) {
    aimc_atomic_barrier();
#if defined(AIMC_X86)
    if (order == AIMC_ATOMIC_SEQ) {
        volatile long stack = 0;
        (void)_InterlockedExchange(&stack, 1);
    }
#else
    (void)order;
#endif
}

AIMC_INLINE uint32_t aimc_atomic_load32(const uint32_t *p, int order) {
    uint32_t value;
    if (order == AIMC_ATOMIC_SEQ) aimc_atomic_barrier();
    value = (uint32_t)__iso_volatile_load32((const volatile __int32 *)p);
    if (order != AIMC_ATOMIC_RELAXED) aimc_atomic_barrier();
    return value;
}

AIMC_INLINE uint32_t aimc_atomic_swap32(uint32_t *p, uint32_t value) {
    return (uint32_t)_InterlockedExchange((volatile long *)p, (long)value);
}

AIMC_INLINE void aimc_atomic_store32(uint32_t *p, uint32_t value, int order) {
    if (order == AIMC_ATOMIC_SEQ) {
        (void)aimc_atomic_swap32(p, value);
        return;
    }
    if (order != AIMC_ATOMIC_RELAXED) aimc_atomic_barrier();
    __iso_volatile_store32((volatile __int32 *)p, (__int32)value);
}

AIMC_INLINE uint32_t aimc_atomic_cas32(uint32_t *p, uint32_t expected, uint32_t desired) {
    return (uint32_t)_InterlockedCompareExchange((volatile long *)p, (long)desired, (long)expected);
}

AIMC_INLINE uint32_t aimc_atomic_add32(uint32_t *p, uint32_t value) {
    return (uint32_t)_InterlockedExchangeAdd((volatile long *)p, (long)value);
}

AIMC_INLINE uintptr_t aimc_atomic_loadp(const uintptr_t *p, int order) {
    uintptr_t value;
    if (order == AIMC_ATOMIC_SEQ) aimc_atomic_barrier();
    value = AIMC_ATOMIC_MSVC_LOADP(p);
    if (order != AIMC_ATOMIC_RELAXED) aimc_atomic_barrier();
    return value;
}

AIMC_INLINE uintptr_t aimc_atomic_swapp(uintptr_t *p, uintptr_t value) {
    return AIMC_ATOMIC_MSVC_SWAPP(p, value);
}

AIMC_INLINE void aimc_atomic_storep(uintptr_t *p, uintptr_t value, int order) {
    if (order == AIMC_ATOMIC_SEQ) {
        (void)aimc_atomic_swapp(p, value);
        return;
    }
    if (order != AIMC_ATOMIC_RELAXED) aimc_atomic_barrier();
    AIMC_ATOMIC_MSVC_STOREP(p, value);
}

AIMC_INLINE uintptr_t aimc_atomic_casp(uintptr_t *p, uintptr_t expected, uintptr_t desired) {
    return AIMC_ATOMIC_MSVC_CASP(p, expected, desired);
}

AIMC_INLINE uintptr_t aimc_atomic_addp(uintptr_t *p, uintptr_t value) {
    return AIMC_ATOMIC_MSVC_ADDP(p, value);
}

#elif defined(AIMC_TCC) && defined(AIMC_X86)

#if defined(AIMC_X64)
#define AIMC_ATOMIC_TCC_P "q"
#else
#define AIMC_ATOMIC_TCC_P "l"
#endif

AIMC_INLINE uint32_t aimc_atomic_load32(const uint32_t *p, int order) {
    (void)order;
    return *(const volatile uint32_t *)p;
}

AIMC_INLINE uint32_t aimc_atomic_swap32(uint32_t *p, uint32_t value) {
    __asm__ volatile("xchg" "l" " %0, %1" : "+r"(value), "+m"(*p) : : "memory");
    return value;
}

AIMC_INLINE void aimc_atomic_store32(uint32_t *p, uint32_t value, int order) {
    if (order == AIMC_ATOMIC_SEQ) {
        (void)aimc_atomic_swap32(p, value);
    } else {
        *(volatile uint32_t *)p = value;
    }
}

AIMC_INLINE uint32_t aimc_atomic_cas32(uint32_t *p, uint32_t expected, uint32_t desired) {
    uint32_t old;
    __asm__ volatile("lock; cmpxchg" "l" " %2, %1"
                     : "=a"(old), "+m"(*p)
                     : "r"(desired), "0"(expected)
                     : "memory");
    return old;
}

AIMC_INLINE uint32_t aimc_atomic_add32(uint32_t *p, uint32_t value) {
    __asm__ volatile("lock; xadd" "l" " %0, %1" : "+r"(value), "+m"(*p) : : "memory");
    return value;
}

AIMC_INLINE uintptr_t aimc_atomic_loadp(const uintptr_t *p, int order) {
    (void)order;
    return *(const volatile uintptr_t *)p;
}

AIMC_INLINE uintptr_t aimc_atomic_swapp(uintptr_t *p, uintptr_t value) {
    __asm__ volatile("xchg" AIMC_ATOMIC_TCC_P " %0, %1" : "+r"(value), "+m"(*p) : : "memory");
    return value;
}

AIMC_INLINE void aimc_atomic_storep(uintptr_t *p, uintptr_t value, int order) {
    if (order == AIMC_ATOMIC_SEQ) {
        (void)aimc_atomic_swapp(p, value);
    } else {
        *(volatile uintptr_t *)p = value;
    }
}

AIMC_INLINE uintptr_t aimc_atomic_casp(uintptr_t *p, uintptr_t expected, uintptr_t desired) {
    uintptr_t old;
    __asm__ volatile("lock; cmpxchg" AIMC_ATOMIC_TCC_P " %2, %1"
                     : "=a"(old), "+m"(*p)
                     : "r"(desired), "0"(expected)
                     : "memory");
    return old;
}

AIMC_INLINE uintptr_t aimc_atomic_addp(uintptr_t *p, uintptr_t value) {
    __asm__ volatile("lock; xadd" AIMC_ATOMIC_TCC_P " %0, %1" : "+r"(value), "+m"(*p) : : "memory");
    return value;
}

AIMC_INLINE void aimc_atomic_fence(int order) {
    uint32_t stack = 0;
    if (order == AIMC_ATOMIC_SEQ) (void)aimc_atomic_swap32(&stack, 1);
}

#else
#error "no atomic operations are known for this compiler: define AIMEM_NO_THREADS"
#endif
#endif

/* The functions that the parts use: 32-bit words. */
AIMC_INLINE uint32_t aimc_atomic_u32_load_relaxed(const aimc_atomic_u32 *a) {
    return AIMC_ATOMIC_LOAD32(&a->word, AIMC_ATOMIC_RELAXED);
}

AIMC_INLINE uint32_t aimc_atomic_u32_load_acquire(const aimc_atomic_u32 *a) {
    return AIMC_ATOMIC_LOAD32(&a->word, AIMC_ATOMIC_ACQUIRE);
}

AIMC_INLINE uint32_t aimc_atomic_u32_load_seq(const aimc_atomic_u32 *a) {
    return AIMC_ATOMIC_LOAD32(&a->word, AIMC_ATOMIC_SEQ);
}

AIMC_INLINE void aimc_atomic_u32_store_relaxed(aimc_atomic_u32 *a, uint32_t value) {
    AIMC_ATOMIC_STORE32(&a->word, value, AIMC_ATOMIC_RELAXED);
}

AIMC_INLINE void aimc_atomic_u32_store_release(aimc_atomic_u32 *a, uint32_t value) {
    AIMC_ATOMIC_STORE32(&a->word, value, AIMC_ATOMIC_RELEASE);
}

AIMC_INLINE void aimc_atomic_u32_store_seq(aimc_atomic_u32 *a, uint32_t value) {
    AIMC_ATOMIC_STORE32(&a->word, value, AIMC_ATOMIC_SEQ);
}

AIMC_INLINE uint32_t aimc_atomic_u32_exchange(aimc_atomic_u32 *a, uint32_t value) {
    return AIMC_ATOMIC_SWAP32(&a->word, value);
}

AIMC_INLINE uint32_t aimc_atomic_u32_add_relaxed(aimc_atomic_u32 *a, uint32_t value) {
    return AIMC_ATOMIC_ADD32(&a->word, value, AIMC_ATOMIC_RELAXED);
}

AIMC_INLINE uint32_t aimc_atomic_u32_add(aimc_atomic_u32 *a, uint32_t value) {
    return AIMC_ATOMIC_ADD32(&a->word, value, AIMC_ATOMIC_ACQ_REL);
}

/* Where the word is *expected, it becomes desired: true. Else *expected becomes what it is (an
   acquire load). Fails for no other reason. */
AIMC_INLINE bool aimc_atomic_u32_cas(aimc_atomic_u32 *a, uint32_t *expected, uint32_t desired) {
#if defined(AIMC_THREADS) && defined(AIMC_GNU)
    return __atomic_compare_exchange_n(&a->word, expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
#else
    uint32_t old = aimc_atomic_cas32(&a->word, *expected, desired);
    bool done = old == *expected;
    *expected = old;
    return done;
#endif
}

AIMC_INLINE uint32_t aimc_atomic_u32_and(aimc_atomic_u32 *a, uint32_t bits) {
    uint32_t old = aimc_atomic_u32_load_relaxed(a);
    while (!aimc_atomic_u32_cas(a, &old, old & bits)) {
    }
    return old;
}

AIMC_INLINE uint32_t aimc_atomic_u32_or(aimc_atomic_u32 *a, uint32_t bits) {
    uint32_t old = aimc_atomic_u32_load_relaxed(a);
    while (!aimc_atomic_u32_cas(a, &old, old | bits)) {
    }
    return old;
}

/* The functions that the parts use: pointer-size words. */
AIMC_INLINE uintptr_t aimc_atomic_uptr_load_relaxed(const aimc_atomic_uptr *a) {
    return AIMC_ATOMIC_LOADP(&a->word, AIMC_ATOMIC_RELAXED);
}

AIMC_INLINE uintptr_t aimc_atomic_uptr_load_acquire(const aimc_atomic_uptr *a) {
    return AIMC_ATOMIC_LOADP(&a->word, AIMC_ATOMIC_ACQUIRE);
}

AIMC_INLINE uintptr_t aimc_atomic_uptr_load_seq(const aimc_atomic_uptr *a) {
    return AIMC_ATOMIC_LOADP(&a->word, AIMC_ATOMIC_SEQ);
}

AIMC_INLINE void aimc_atomic_uptr_store_relaxed(aimc_atomic_uptr *a, uintptr_t value) {
    AIMC_ATOMIC_STOREP(&a->word, value, AIMC_ATOMIC_RELAXED);
}

AIMC_INLINE void aimc_atomic_uptr_store_release(aimc_atomic_uptr *a, uintptr_t value) {
    AIMC_ATOMIC_STOREP(&a->word, value, AIMC_ATOMIC_RELEASE);
}

AIMC_INLINE void aimc_atomic_uptr_store_seq(aimc_atomic_uptr *a, uintptr_t value) {
    AIMC_ATOMIC_STOREP(&a->word, value, AIMC_ATOMIC_SEQ);
}

AIMC_INLINE uintptr_t aimc_atomic_uptr_exchange(aimc_atomic_uptr *a, uintptr_t value) {
    return AIMC_ATOMIC_SWAPP(&a->word, value);
}

AIMC_INLINE uintptr_t aimc_atomic_uptr_add_relaxed(aimc_atomic_uptr *a, uintptr_t value) {
    return AIMC_ATOMIC_ADDP(&a->word, value, AIMC_ATOMIC_RELAXED);
}

AIMC_INLINE uintptr_t aimc_atomic_uptr_add(aimc_atomic_uptr *a, uintptr_t value) {
    return AIMC_ATOMIC_ADDP(&a->word, value, AIMC_ATOMIC_ACQ_REL);
}

/* Where the word is *expected, it becomes desired: true. Else *expected becomes what it is (an
   acquire load). Fails for no other reason. */
AIMC_INLINE bool aimc_atomic_uptr_cas(aimc_atomic_uptr *a, uintptr_t *expected, uintptr_t desired) {
#if defined(AIMC_THREADS) && defined(AIMC_GNU)
    return __atomic_compare_exchange_n(&a->word, expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
#else
    uintptr_t old = aimc_atomic_casp(&a->word, *expected, desired);
    bool done = old == *expected;
    *expected = old;
    return done;
#endif
}

AIMC_INLINE uintptr_t aimc_atomic_uptr_and(aimc_atomic_uptr *a, uintptr_t bits) {
    uintptr_t old = aimc_atomic_uptr_load_relaxed(a);
    while (!aimc_atomic_uptr_cas(a, &old, old & bits)) {
    }
    return old;
}

AIMC_INLINE uintptr_t aimc_atomic_uptr_or(aimc_atomic_uptr *a, uintptr_t bits) {
    uintptr_t old = aimc_atomic_uptr_load_relaxed(a);
    while (!aimc_atomic_uptr_cas(a, &old, old | bits)) {
    }
    return old;
}

/* GCC says that its thread sanitizer does not see fences; code that is right stays right. */
#if defined(AIMC_GNU) && !defined(AIMC_CLANG) && defined(__SANITIZE_THREAD__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif

AIMC_INLINE void aimc_fence_acquire(void) {
    AIMC_ATOMIC_FENCE(AIMC_ATOMIC_ACQUIRE);
}

AIMC_INLINE void aimc_fence_release(void) {
    AIMC_ATOMIC_FENCE(AIMC_ATOMIC_RELEASE);
}

AIMC_INLINE void aimc_fence_seq(void) {
    AIMC_ATOMIC_FENCE(AIMC_ATOMIC_SEQ);
}

#if defined(AIMC_GNU) && !defined(AIMC_CLANG) && defined(__SANITIZE_THREAD__)
#pragma GCC diagnostic pop
#endif

/* In a loop that waits for another thread: lets the sibling of this core run. */
AIMC_INLINE void aimc_cpu_pause(void) {
#if defined(AIMC_X86) && defined(AIMC_GNU)
    __builtin_ia32_pause();
#elif defined(AIMC_X86) && defined(AIMC_TCC)
    __asm__ volatile("rep; nop");
#elif defined(AIMC_THREADS) && defined(AIMC_X86) && defined(AIMC_MSVC)
    _mm_pause();
#elif defined(AIMC_ARM64) && defined(AIMC_GNU)
    __asm__ volatile("yield");
#elif defined(AIMC_THREADS) && defined(AIMC_ARM64) && defined(AIMC_MSVC)
    __yield();
#endif
}

#endif
