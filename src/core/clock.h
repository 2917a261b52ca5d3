/* core/clock.h: the system's clocks behind the aimem_clock hook. */
#ifndef AIMC_CLOCK_H
#define AIMC_CLOCK_H

#include "core/posix.h"
#include "core/types.h"
#include "core/win32.h"

enum { AIMC_CLOCK_KIND_MONOTONIC = 0, AIMC_CLOCK_KIND_UTC = 1 };

#if defined(AIMC_OS_WINDOWS)
/* Whole seconds and the rest apart: count * 10^9 would leave 64 bits after half an hour. */
AIMC_FN uint64_t aimc_clock_scale(uint64_t count, uint64_t per_second) {
    if (per_second == 0) return 0;
    return count / per_second * 1000000000u + count % per_second * 1000000000u / per_second;
}

AIMC_FN uint64_t aimc_clock_system(int kind) {
    if (kind == AIMC_CLOCK_KIND_UTC) {
        FILETIME at; /* 100 ns since 1601 */
        uint64_t ticks;
#if defined(_WIN32_WINNT) && _WIN32_WINNT >= 0x0602
        GetSystemTimePreciseAsFileTime(&at);
#else
        GetSystemTimeAsFileTime(&at);
#endif
        ticks = (uint64_t)at.dwHighDateTime << 32 | at.dwLowDateTime;
        if (ticks < 116444736000000000u) return 0;
        return (ticks - 116444736000000000u) * 100u;
    } else {
        LARGE_INTEGER count, per_second;
        if (!QueryPerformanceCounter(&count) || !QueryPerformanceFrequency(&per_second)) return 0;
        return aimc_clock_scale((uint64_t)count.QuadPart, (uint64_t)per_second.QuadPart);
    }
}
#elif defined(__wasi__)
AIMC_FN uint64_t aimc_clock_system(int kind) {
    __wasi_timestamp_t ns = 0;
    if (__wasi_clock_time_get(kind == AIMC_CLOCK_KIND_UTC ? __WASI_CLOCKID_REALTIME
                                                          : __WASI_CLOCKID_MONOTONIC,
                              1, &ns) != 0) {
        return 0;
    }
    return ns;
}
#elif defined(AIMC_OS_POSIX)
AIMC_FN uint64_t aimc_clock_system(int kind) {
    struct timespec at;
    if (AIMC_CLOCK_GETTIME(kind == AIMC_CLOCK_KIND_UTC ? AIMC_CLOCK_REALTIME
                                                       : AIMC_CLOCK_MONOTONIC,
                           &at) != 0) {
        return 0;
    }
    if (at.tv_sec < 0) return 0;
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}
#else
AIMC_FN uint64_t aimc_clock_system(int kind) {
    (void)kind;
    return 0;
}
#endif

/* Nanoseconds from the hook, or from the system for NULL or a zero hook; 0 where there is no
   clock. kind 0: monotonic, from an unknown start; kind 1: UTC since 1970. Any thread. */
AIMC_FN uint64_t aimc_clock_now(const aimem_clock *hook, int kind) {
    if (hook != NULL && hook->now_fn != NULL) return hook->now_fn(hook->user_data, kind);
    return aimc_clock_system(kind);
}

#endif
