/* core/thread.h: mutex, condition, once, threads.
 *
 * POSIX threads, Windows, or, where AIMC_THREADS is off, one thread: mutexes then only check that
 * they are used rightly (by AIMEM_ASSERT), waiting returns at once, and no thread starts.
 */
#ifndef AIMC_THREAD_H
#define AIMC_THREAD_H

#include "core/atomic.h"
#include "core/clock.h"
#include "core/posix.h"
#include "core/types.h"
#include "core/win32.h"

#if defined(AIMC_THREADS) && defined(AIMC_OS_WINDOWS)
#include <process.h> /* _beginthreadex: CreateThread would leave the C library without its state */
#endif

/* Objects stay where they are from init to deinit. A mutex is not recursive. */
#if !defined(AIMC_THREADS)
typedef struct aimc_mutex {
    bool held;
} aimc_mutex;
typedef struct aimc_cond {
    bool unused;
} aimc_cond;
typedef struct aimc_thread {
    bool unused;
} aimc_thread;
#elif defined(AIMC_OS_WINDOWS)
typedef struct aimc_mutex {
    SRWLOCK lock;
} aimc_mutex;
typedef struct aimc_cond {
    CONDITION_VARIABLE cond;
} aimc_cond;
typedef struct aimc_thread {
    HANDLE handle;
    void (*fn)(void *user_data);
    void *user_data;
} aimc_thread;
#else
typedef struct aimc_mutex {
    pthread_mutex_t lock;
} aimc_mutex;
typedef struct aimc_cond {
    pthread_cond_t cond;
} aimc_cond;
typedef struct aimc_thread {
    pthread_t id;
    void (*fn)(void *user_data);
    void *user_data;
} aimc_thread;
#endif

/* A zeroed once has not run. */
typedef struct aimc_once {
    aimc_atomic_u32 state; /* 0 not run, 1 running, 2 done */
} aimc_once;

/* Waits of more than a year are waits of a year: no sum below overflows, also in 32-bit seconds
   until 2037. */
#define AIMC_WAIT_MAX_NS ((uint64_t)31536000 * 1000000000u)

/* The functions, the same for all three:
 *
 * mutex_init, cond_init   false when the system has no more of them
 * mutex_lock              not twice by one thread; try_lock: false when it is held
 * cond_wait               gives up the mutex, waits, takes the mutex again. It may return without
 *                         a signal, so it stands in a loop that looks at what is waited for.
 *                         false: nothing can wait here (one thread)
 * cond_wait_for           the same for at most ns nanoseconds of the monotonic clock (Windows:
 *                         whole milliseconds); false when they have passed
 * thread_start            runs fn(user_data) on a new thread; *t stays where it is until the join.
 *                         LIMIT: the system has no more; UNSUPPORTED: there are none here
 * thread_join             once for each thread that was started
 * thread_id               not 0, and different for threads that live at the same time
 * thread_count            hardware threads that are on line, at least 1
 */

#if !defined(AIMC_THREADS)

AIMC_FN bool aimc_mutex_init(aimc_mutex *m) {
    m->held = false;
    return true;
}

AIMC_FN void aimc_mutex_deinit(aimc_mutex *m) {
    AIMC_ASSERT(!m->held);
    (void)m;
}

AIMC_INLINE void aimc_mutex_lock(aimc_mutex *m) {
    AIMC_ASSERT(!m->held);
    m->held = true;
}

AIMC_INLINE bool aimc_mutex_try_lock(aimc_mutex *m) {
    bool free_now = !m->held;
    m->held = true;
    return free_now;
}

AIMC_INLINE void aimc_mutex_unlock(aimc_mutex *m) {
    AIMC_ASSERT(m->held);
    m->held = false;
}

AIMC_FN bool aimc_cond_init(aimc_cond *c) {
    c->unused = false;
    return true;
}

AIMC_FN void aimc_cond_deinit(aimc_cond *c) {
    (void)c;
}

AIMC_FN bool aimc_cond_wait(aimc_cond *c, aimc_mutex *m) {
    (void)c;
    (void)m;
    return false;
}

AIMC_FN bool aimc_cond_wait_for(aimc_cond *c, aimc_mutex *m, uint64_t ns) {
    (void)c;
    (void)m;
    (void)ns;
    return false;
}

AIMC_FN void aimc_cond_signal(aimc_cond *c) {
    (void)c;
}

AIMC_FN void aimc_cond_broadcast(aimc_cond *c) {
    (void)c;
}

AIMC_FN aimem_result aimc_thread_start(aimc_thread *t, void (*fn)(void *user_data),
                                       void *user_data) {
    (void)t;
    (void)fn;
    (void)user_data;
    return AIMEM_ERR_UNSUPPORTED;
}

AIMC_FN void aimc_thread_join(aimc_thread *t) {
    (void)t;
}

AIMC_FN uintptr_t aimc_thread_id(void) {
    return 1;
}

AIMC_FN uint32_t aimc_thread_count(void) {
    return 1;
}

AIMC_FN void aimc_thread_yield(void) {
}

#elif defined(AIMC_OS_WINDOWS)

AIMC_FN bool aimc_mutex_init(aimc_mutex *m) {
    InitializeSRWLock(&m->lock);
    return true;
}

AIMC_FN void aimc_mutex_deinit(aimc_mutex *m) {
    (void)m;
}

AIMC_INLINE void aimc_mutex_lock(aimc_mutex *m) {
    AcquireSRWLockExclusive(&m->lock);
}

AIMC_INLINE bool aimc_mutex_try_lock(aimc_mutex *m) {
    return TryAcquireSRWLockExclusive(&m->lock) != 0;
}

AIMC_INLINE void aimc_mutex_unlock(aimc_mutex *m) {
    ReleaseSRWLockExclusive(&m->lock);
}

AIMC_FN bool aimc_cond_init(aimc_cond *c) {
    InitializeConditionVariable(&c->cond);
    return true;
}

AIMC_FN void aimc_cond_deinit(aimc_cond *c) {
    (void)c;
}

AIMC_FN bool aimc_cond_wait(aimc_cond *c, aimc_mutex *m) {
    return SleepConditionVariableSRW(&c->cond, &m->lock, INFINITE, 0) != 0;
}

/* Rounded up: a short wait may not become a busy one. */
AIMC_FN bool aimc_cond_wait_for(aimc_cond *c, aimc_mutex *m, uint64_t ns) {
    uint64_t ms = ns / 1000000u + (ns % 1000000u != 0 ? 1u : 0u);
    if (ms >= INFINITE) ms = INFINITE - 1;
    return SleepConditionVariableSRW(&c->cond, &m->lock, (DWORD)ms, 0) != 0;
}

AIMC_FN void aimc_cond_signal(aimc_cond *c) {
    WakeConditionVariable(&c->cond);
}

AIMC_FN void aimc_cond_broadcast(aimc_cond *c) {
    WakeAllConditionVariable(&c->cond);
}

AIMC_FN unsigned __stdcall aimc_thread_main(void *arg) {
    aimc_thread *t = (aimc_thread *)arg;
    t->fn(t->user_data);
    return 0;
}

AIMC_FN aimem_result aimc_thread_start(aimc_thread *t, void (*fn)(void *user_data),
                                       void *user_data) {
    t->fn = fn;
    t->user_data = user_data;
    t->handle = (HANDLE)_beginthreadex(NULL, 0, aimc_thread_main, t, 0, NULL);
    return t->handle != NULL ? AIMEM_OK : AIMEM_ERR_LIMIT;
}

AIMC_FN void aimc_thread_join(aimc_thread *t) {
    (void)WaitForSingleObject(t->handle, INFINITE);
    (void)CloseHandle(t->handle);
}

AIMC_FN uintptr_t aimc_thread_id(void) {
    return (uintptr_t)GetCurrentThreadId();
}

AIMC_FN uint32_t aimc_thread_count(void) {
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors > 0 ? (uint32_t)info.dwNumberOfProcessors : 1;
}

AIMC_FN void aimc_thread_yield(void) {
    (void)SwitchToThread();
}

#else

AIMC_FN bool aimc_mutex_init(aimc_mutex *m) {
    return pthread_mutex_init(&m->lock, NULL) == 0;
}

AIMC_FN void aimc_mutex_deinit(aimc_mutex *m) {
    int failed = pthread_mutex_destroy(&m->lock);
    AIMC_ASSERT(failed == 0);
    (void)failed;
}

AIMC_INLINE void aimc_mutex_lock(aimc_mutex *m) {
    int failed = pthread_mutex_lock(&m->lock);
    AIMC_ASSERT(failed == 0);
    (void)failed;
}

AIMC_INLINE bool aimc_mutex_try_lock(aimc_mutex *m) {
    return pthread_mutex_trylock(&m->lock) == 0;
}

AIMC_INLINE void aimc_mutex_unlock(aimc_mutex *m) {
    int failed = pthread_mutex_unlock(&m->lock);
    AIMC_ASSERT(failed == 0);
    (void)failed;
}

/* Timed waits look at the monotonic clock: setting the date moves none of them. macOS has waits
   relative to now instead. */
AIMC_FN bool aimc_cond_init(aimc_cond *c) {
#if defined(AIMC_OS_APPLE)
    return pthread_cond_init(&c->cond, NULL) == 0;
#else
    pthread_condattr_t attr;
    bool ok;
    if (pthread_condattr_init(&attr) != 0) return false;
    ok = pthread_condattr_setclock(&attr, AIMC_CLOCK_MONOTONIC) == 0 &&
         pthread_cond_init(&c->cond, &attr) == 0;
    (void)pthread_condattr_destroy(&attr);
    return ok;
#endif
}

AIMC_FN void aimc_cond_deinit(aimc_cond *c) {
    (void)pthread_cond_destroy(&c->cond);
}

AIMC_FN bool aimc_cond_wait(aimc_cond *c, aimc_mutex *m) {
    return pthread_cond_wait(&c->cond, &m->lock) == 0;
}

AIMC_FN bool aimc_cond_wait_for(aimc_cond *c, aimc_mutex *m, uint64_t ns) {
    struct timespec at;
    if (ns > AIMC_WAIT_MAX_NS) ns = AIMC_WAIT_MAX_NS;
#if defined(AIMC_OS_APPLE)
    at.tv_sec = (time_t)(ns / 1000000000u);
    at.tv_nsec = (long)(ns % 1000000000u);
    return pthread_cond_timedwait_relative_np(&c->cond, &m->lock, &at) == 0;
#else
    ns += aimc_clock_system(AIMC_CLOCK_KIND_MONOTONIC);
    at.tv_sec = (time_t)(ns / 1000000000u);
    at.tv_nsec = (long)(ns % 1000000000u);
    return pthread_cond_timedwait(&c->cond, &m->lock, &at) == 0;
#endif
}

AIMC_FN void aimc_cond_signal(aimc_cond *c) {
    (void)pthread_cond_signal(&c->cond);
}

AIMC_FN void aimc_cond_broadcast(aimc_cond *c) {
    (void)pthread_cond_broadcast(&c->cond);
}

AIMC_FN void *aimc_thread_main(void *arg) {
    aimc_thread *t = (aimc_thread *)arg;
    t->fn(t->user_data);
    return NULL;
}

AIMC_FN aimem_result aimc_thread_start(aimc_thread *t, void (*fn)(void *user_data),
                                       void *user_data) {
    t->fn = fn;
    t->user_data = user_data;
    return pthread_create(&t->id, NULL, aimc_thread_main, t) == 0 ? AIMEM_OK : AIMEM_ERR_LIMIT;
}

AIMC_FN void aimc_thread_join(aimc_thread *t) {
    int failed = pthread_join(t->id, NULL);
    AIMC_ASSERT(failed == 0);
    (void)failed;
}

AIMC_FN uintptr_t aimc_thread_id(void) {
    pthread_t self = pthread_self();
    uintptr_t id = 0;
    AIMC_STATIC_ASSERT(sizeof self <= sizeof id, "thread ids are too wide here");
    memcpy(&id, &self, sizeof self);
    return id;
}

AIMC_FN uint32_t aimc_thread_count(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint32_t)n : 1;
}

AIMC_FN void aimc_thread_yield(void) {
    (void)sched_yield();
}

#endif

/* Runs fn(user_data) the first time, whichever thread comes first; the others return when it has
   run, and see what it did. fn must not call the same once again. */
AIMC_FN void aimc_once_run(aimc_once *once, void (*fn)(void *user_data), void *user_data) {
    uint32_t state = aimc_atomic_u32_load_acquire(&once->state); /* with the release below */
    if (AIMC_LIKELY(state == 2)) return;
    state = 0;
    if (aimc_atomic_u32_cas(&once->state, &state, 1)) {
        fn(user_data);
        aimc_atomic_u32_store_release(&once->state, 2);
        return;
    }
    while (aimc_atomic_u32_load_acquire(&once->state) != 2) {
        aimc_thread_yield();
    }
}

#endif
