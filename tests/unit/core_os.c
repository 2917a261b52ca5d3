/* The system under src/core: atomics, threads, pages, files, clocks, memory sizes. Its files go to
 * the current directory, or to D of --dir=D, and are removed. */
#include "check.h"

/* Counts failed assertions of the core; one test makes some. */
static int asserts;
#define AIMEM_ASSERT(x) ((x) ? (void)0 : (void)asserts++)

#include "core/types.h"
#include "core/io.h"
#include "core/atomic.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/osmem.h"
#include "core/sysinfo.h"
#include "core/thread.h"

#if defined(AIMC_OS_LINUX) && defined(AIMC_FILES)
#include <sys/stat.h>
#endif

static const char *work_dir = ".";

#if defined(AIMC_FILES)
/* A name in the work directory that no other run has at the same time. */
static void work_name(char *out, size_t cap, const char *tail) {
    snprintf(out, cap, "%s/core_os_%llx_%llx%s", work_dir,
             (unsigned long long)aimc_clock_now(NULL, 0), (unsigned long long)aimc_thread_id(),
             tail);
}
#endif

/* Atomics */

static void atomic_one_thread(void) {
    aimc_atomic_u32 a;
    aimc_atomic_uptr p;
    uint32_t e32 = 7;
    uintptr_t ep = 7;
    a.word = 5;
    p.word = 5;
    CHECK_INT(aimc_atomic_u32_load_relaxed(&a), 5);
    CHECK_INT(aimc_atomic_u32_add(&a, 3), 5);
    CHECK_INT(aimc_atomic_u32_add_relaxed(&a, (uint32_t)0 - 1), 8);
    CHECK_INT(aimc_atomic_u32_exchange(&a, 0xF0), 7);
    CHECK(!aimc_atomic_u32_cas(&a, &e32, 1));
    CHECK_INT(e32, 0xF0);
    CHECK(aimc_atomic_u32_cas(&a, &e32, 0xFF));
    CHECK_INT(aimc_atomic_u32_and(&a, 0x3C), 0xFF);
    CHECK_INT(aimc_atomic_u32_or(&a, 0x80000001u), 0x3C);
    CHECK_INT(aimc_atomic_u32_load_seq(&a), 0x8000003Du);
    aimc_atomic_u32_store_relaxed(&a, 1);
    CHECK_INT(aimc_atomic_u32_load_acquire(&a), 1);
    aimc_atomic_u32_store_release(&a, 2);
    CHECK_INT(aimc_atomic_u32_load_acquire(&a), 2);
    aimc_atomic_u32_store_seq(&a, 3);
    CHECK_INT(aimc_atomic_u32_load_acquire(&a), 3);

    CHECK_INT(aimc_atomic_uptr_add(&p, 3), 5);
    CHECK_INT(aimc_atomic_uptr_add_relaxed(&p, (uintptr_t)0 - 1), 8);
    CHECK_INT(aimc_atomic_uptr_exchange(&p, UINTPTR_MAX), 7);
    CHECK(!aimc_atomic_uptr_cas(&p, &ep, 1));
    CHECK(ep == UINTPTR_MAX);
    CHECK(aimc_atomic_uptr_cas(&p, &ep, UINTPTR_MAX - 1));
    CHECK(aimc_atomic_uptr_and(&p, UINTPTR_MAX ^ 2) == UINTPTR_MAX - 1);
    CHECK(aimc_atomic_uptr_or(&p, 1) == UINTPTR_MAX - 3);
    CHECK(aimc_atomic_uptr_load_seq(&p) == UINTPTR_MAX - 2);
    aimc_atomic_uptr_store_relaxed(&p, UINTPTR_MAX / 3);
    CHECK(aimc_atomic_uptr_load_relaxed(&p) == UINTPTR_MAX / 3);
    aimc_atomic_uptr_store_release(&p, UINTPTR_MAX / 5);
    CHECK(aimc_atomic_uptr_load_acquire(&p) == UINTPTR_MAX / 5);
    aimc_atomic_uptr_store_seq(&p, UINTPTR_MAX / 7);
    CHECK(aimc_atomic_uptr_load_acquire(&p) == UINTPTR_MAX / 7);
    aimc_fence_acquire();
    aimc_fence_release();
    aimc_fence_seq();
    aimc_cpu_pause();
}

enum { THREADS = 4, ROUNDS = 20000 };

typedef struct shared {
    aimc_atomic_u32 count, cas_count, ready, bits;
    aimc_atomic_uptr wide;
    uint32_t message, seen;
    uint32_t rounds; /* of the message test */
    aimc_mutex mutex;
    aimc_cond cond;
    uint32_t plain, turn;
    aimc_once once;
    uint32_t once_runs;
    aimc_atomic_u32 side[2];
    uintptr_t ids[THREADS];
    aimc_atomic_u32 next_id;
} shared;

static shared shared_now;

#define START_ALL(threads, fn) \
    do { \
        int start_i; \
        for (start_i = 0; start_i < THREADS; start_i++) { \
            REQUIRE(aimc_thread_start(&threads[start_i], fn, &shared_now) == AIMEM_OK); \
        } \
    } while (0)
#define JOIN_ALL(threads) \
    do { \
        int join_i; \
        for (join_i = 0; join_i < THREADS; join_i++) aimc_thread_join(&threads[join_i]); \
    } while (0)

static bool have_threads(void) {
#if defined(AIMC_THREADS)
    memset(&shared_now, 0, sizeof shared_now);
    return true;
#else
    memset(&shared_now, 0, sizeof shared_now);
    return false;
#endif
}

static void count_up(void *user_data) {
    shared *s = (shared *)user_data;
    uint32_t i, old;
    for (i = 0; i < ROUNDS; i++) {
        (void)aimc_atomic_u32_add_relaxed(&s->count, 1);
        (void)aimc_atomic_uptr_add(&s->wide, 3);
        old = aimc_atomic_u32_load_relaxed(&s->cas_count);
        while (!aimc_atomic_u32_cas(&s->cas_count, &old, old + 2)) aimc_cpu_pause();
        (void)aimc_atomic_u32_or(&s->bits, (uint32_t)1 << (i % 31));
    }
}

static void atomic_counter(void) {
    aimc_thread threads[THREADS];
    if (!have_threads()) SKIP("one thread");
    START_ALL(threads, count_up);
    JOIN_ALL(threads);
    CHECK_INT(shared_now.count.word, THREADS * ROUNDS);
    CHECK_INT(shared_now.cas_count.word, THREADS * ROUNDS * 2);
    CHECK_INT(shared_now.wide.word, THREADS * ROUNDS * 3);
    CHECK_INT(shared_now.bits.word, 0x7FFFFFFF);
}

/* Ping-pong: the message is a plain word that only the releases and acquires of ready order. */
static void receive(void *user_data) {
    shared *s = (shared *)user_data;
    uint32_t i;
    for (i = 1; i <= s->rounds; i++) {
        while (aimc_atomic_u32_load_acquire(&s->ready) != 2 * i - 1) aimc_thread_yield();
        if (s->message == i * 3) s->seen++;
        aimc_atomic_u32_store_release(&s->ready, 2 * i);
    }
}

static void atomic_message(void) {
    aimc_thread thread;
    uint32_t i;
    if (!have_threads()) SKIP("one thread");
    shared_now.rounds = 500;
    REQUIRE(aimc_thread_start(&thread, receive, &shared_now) == AIMEM_OK);
    for (i = 1; i <= shared_now.rounds; i++) {
        shared_now.message = i * 3;
        aimc_atomic_u32_store_release(&shared_now.ready, 2 * i - 1);
        while (aimc_atomic_u32_load_acquire(&shared_now.ready) != 2 * i) aimc_thread_yield();
    }
    aimc_thread_join(&thread);
    CHECK_INT(shared_now.seen, shared_now.rounds);
}

/* Dekker, many times in a row without waiting for each other: of two threads that each store their
   word and then load the other's, one sees the store. */
enum { DEKKER_WORDS = 2000, DEKKER_ROUNDS = 20 };
static aimc_atomic_u32 dekker_word[2][DEKKER_WORDS];
static uint32_t dekker_saw[2][DEKKER_WORDS];

static void dekker_side(shared *s, uint32_t me, uint32_t round) {
    uint32_t i;
    aimc_atomic_u32_store_release(&s->side[me], round);
    while (aimc_atomic_u32_load_acquire(&s->side[1 - me]) < round) aimc_thread_yield();
    for (i = 0; i < DEKKER_WORDS; i++) {
        aimc_atomic_u32_store_seq(&dekker_word[me][i], round);
        dekker_saw[me][i] = aimc_atomic_u32_load_seq(&dekker_word[1 - me][i]);
    }
}

static void dekker_other(void *user_data) {
    uint32_t round;
    for (round = 1; round <= DEKKER_ROUNDS; round++) {
        dekker_side((shared *)user_data, 1, round);
        aimc_atomic_u32_store_release(&shared_now.ready, round);
    }
}

static void atomic_dekker(void) {
    aimc_thread thread;
    uint32_t round, i, both_blind = 0;
    if (!have_threads()) SKIP("one thread");
    memset(dekker_word, 0, sizeof dekker_word);
    REQUIRE(aimc_thread_start(&thread, dekker_other, &shared_now) == AIMEM_OK);
    for (round = 1; round <= DEKKER_ROUNDS; round++) {
        dekker_side(&shared_now, 0, round);
        while (aimc_atomic_u32_load_acquire(&shared_now.ready) != round) aimc_thread_yield();
        for (i = 0; i < DEKKER_WORDS; i++) {
            if (dekker_saw[0][i] != round && dekker_saw[1][i] != round) both_blind++;
        }
    }
    aimc_thread_join(&thread);
    CHECK_INT(both_blind, 0);
}

/* Threads */

static void count_locked(void *user_data) {
    shared *s = (shared *)user_data;
    uint32_t i;
    for (i = 0; i < ROUNDS; i++) {
        if (i % 3 == 0) {
            while (!aimc_mutex_try_lock(&s->mutex)) aimc_thread_yield();
        } else {
            aimc_mutex_lock(&s->mutex);
        }
        s->plain++;
        aimc_mutex_unlock(&s->mutex);
    }
}

static void mutex_counter(void) {
    aimc_thread threads[THREADS];
    if (!have_threads()) SKIP("one thread");
    REQUIRE(aimc_mutex_init(&shared_now.mutex));
    START_ALL(threads, count_locked);
    JOIN_ALL(threads);
    CHECK_INT(shared_now.plain, THREADS * ROUNDS);
    CHECK(aimc_mutex_try_lock(&shared_now.mutex));
    aimc_mutex_unlock(&shared_now.mutex);
    aimc_mutex_deinit(&shared_now.mutex);
    CHECK_INT(asserts, 0);
}

/* Every thread waits for its turn, takes it and wakes the others. */
static void take_turns(void *user_data) {
    shared *s = (shared *)user_data;
    uint32_t i, me = aimc_atomic_u32_add(&s->next_id, 1);
    for (i = 0; i < 100; i++) {
        aimc_mutex_lock(&s->mutex);
        while (s->turn % THREADS != me) {
            if (i % 2 == 0) {
                (void)aimc_cond_wait(&s->cond, &s->mutex);
            } else {
                (void)aimc_cond_wait_for(&s->cond, &s->mutex, UINT64_MAX);
            }
        }
        s->turn++;
        aimc_cond_broadcast(&s->cond);
        aimc_mutex_unlock(&s->mutex);
    }
}

static void cond_turns(void) {
    aimc_thread threads[THREADS];
    if (!have_threads()) SKIP("one thread");
    REQUIRE(aimc_mutex_init(&shared_now.mutex));
    REQUIRE(aimc_cond_init(&shared_now.cond));
    START_ALL(threads, take_turns);
    JOIN_ALL(threads);
    CHECK_INT(shared_now.turn, THREADS * 100);
    aimc_mutex_lock(&shared_now.mutex);
    while (aimc_cond_wait_for(&shared_now.cond, &shared_now.mutex, 1000)) {
    }
    while (aimc_cond_wait_for(&shared_now.cond, &shared_now.mutex, 0)) {
    }
    aimc_mutex_unlock(&shared_now.mutex);
    aimc_cond_signal(&shared_now.cond);
    aimc_cond_deinit(&shared_now.cond);
    aimc_mutex_deinit(&shared_now.mutex);
}

static void once_body(void *user_data) {
    shared *s = (shared *)user_data;
    aimc_thread_yield();
    s->once_runs++;
}

static void once_caller(void *user_data) {
    shared *s = (shared *)user_data;
    uint32_t slot = aimc_atomic_u32_add(&s->next_id, 1);
    aimc_once_run(&s->once, once_body, s);
    if (s->once_runs == 1) (void)aimc_atomic_u32_add(&s->count, 1);
    if (slot < THREADS) s->ids[slot] = aimc_thread_id();
    /* Stay until all have an id, so that no id is used twice. */
    (void)aimc_atomic_u32_add(&s->ready, 1);
    while (aimc_atomic_u32_load_acquire(&s->ready) != THREADS) aimc_thread_yield();
}

static void once_and_ids(void) {
    aimc_thread threads[THREADS];
    int i, j;
    if (!have_threads()) SKIP("one thread");
    START_ALL(threads, once_caller);
    JOIN_ALL(threads);
    CHECK_INT(shared_now.once_runs, 1);
    CHECK_INT(shared_now.count.word, THREADS);
    for (i = 0; i < THREADS; i++) {
        CHECK(shared_now.ids[i] != 0);
        CHECK(shared_now.ids[i] != aimc_thread_id());
        for (j = 0; j < i; j++) CHECK(shared_now.ids[i] != shared_now.ids[j]);
    }
}

/* What holds in every build, and the honesty of the one without threads. */
static void one_thread(void) {
    shared *s = &shared_now;
    bool threads = have_threads();
    REQUIRE(aimc_mutex_init(&s->mutex));
    REQUIRE(aimc_cond_init(&s->cond));
    aimc_mutex_lock(&s->mutex);
    CHECK(!aimc_mutex_try_lock(&s->mutex));
    aimc_mutex_unlock(&s->mutex);
    CHECK(aimc_mutex_try_lock(&s->mutex));
    CHECK(!aimc_cond_wait_for(&s->cond, &s->mutex, 0));
    aimc_mutex_unlock(&s->mutex);
    aimc_once_run(&s->once, once_body, s);
    aimc_once_run(&s->once, once_body, s);
    CHECK_INT(s->once_runs, 1);
    CHECK(aimc_thread_count() >= 1);
    CHECK(aimc_thread_id() != 0);
    CHECK_INT(asserts, 0);
    if (!threads) {
        aimc_thread thread;
        CHECK_INT(aimc_thread_start(&thread, once_body, s), AIMEM_ERR_UNSUPPORTED);
        CHECK(!aimc_cond_wait(&s->cond, &s->mutex));
        CHECK_INT(aimc_thread_count(), 1);
        aimc_mutex_lock(&s->mutex);
        aimc_mutex_lock(&s->mutex);
        CHECK_INT(asserts, 1);
        aimc_mutex_unlock(&s->mutex);
        asserts = 0;
    }
    aimc_cond_deinit(&s->cond);
    aimc_mutex_deinit(&s->mutex);
    CHECK_INT(asserts, 0);
}

/* Clocks */

static uint64_t fixed_clock(void *user_data, int kind) {
    return *(uint64_t *)user_data + (uint64_t)kind;
}

static void clocks(void) {
    uint64_t start = 41, a, b;
    aimem_clock hook;
    int i;
    hook.now_fn = fixed_clock;
    hook.user_data = &start;
    CHECK_INT(aimc_clock_now(&hook, 0), 41);
    CHECK_INT(aimc_clock_now(&hook, 1), 42);
    hook.now_fn = NULL;
#if defined(AIMC_OS_NONE)
    CHECK_INT(aimc_clock_now(&hook, 0), 0);
    CHECK_INT(aimc_clock_now(NULL, 1), 0);
    (void)a;
    (void)b;
    (void)i;
#else
    a = aimc_clock_now(&hook, 0);
    CHECK(a != 0);
    for (i = 0; i < 10000; i++) {
        b = aimc_clock_now(NULL, 0);
        CHECK(b >= a);
        a = b;
    }
    a = aimc_clock_now(NULL, 1); /* between 2020 and 2200 */
    CHECK(a > (uint64_t)1577836800 * 1000000000u);
    CHECK(a < (uint64_t)7258118400 * 1000000000u);
#endif
#if defined(AIMC_OS_WINDOWS)
    CHECK_INT(aimc_clock_scale(25000000, 10000000), 2500000000u);
    CHECK(aimc_clock_scale((uint64_t)1 << 60, 3000000000u) == (uint64_t)384307168202282325u);
    CHECK_INT(aimc_clock_scale(5, 0), 0);
#endif
}

/* Pages */

static bool all_zero(const unsigned char *p, size_t n) {
    size_t i;
    for (i = 0; i < n; i++) {
        if (p[i] != 0) return false;
    }
    return true;
}

static void pages_zero_again(void) {
    aimem_vm vm;
    unsigned char *p;
    size_t page, size;
    if (!aimc_vm_default(&vm)) {
        CHECK(vm.reserve_fn == NULL && vm.page_size == 0);
        SKIP("no pages here");
    }
    page = vm.page_size;
    REQUIRE(page >= 4096 && (page & (page - 1)) == 0);
    CHECK_INT(page, aimc_page_size());
    size = 64 * page;
    p = (unsigned char *)vm.reserve_fn(vm.user_data, size);
    REQUIRE(p != NULL);
    CHECK_INT((uintptr_t)p % page, 0);
    REQUIRE(vm.commit_fn(vm.user_data, p, 8 * page));
    CHECK(all_zero(p, 8 * page));
    memset(p, 0xA5, 8 * page);
    REQUIRE(vm.commit_fn(vm.user_data, p + 8 * page, 56 * page));
    CHECK(all_zero(p + 8 * page, 56 * page));
    memset(p + 8 * page, 0x5A, 56 * page);
    (void)aimc_vm_hint_huge(p, size);
    vm.decommit_fn(vm.user_data, p + 4 * page, 8 * page); /* a hole over two commits */
    vm.decommit_fn(vm.user_data, p, 0);
    CHECK(p[4 * page - 1] == 0xA5 && p[12 * page] == 0x5A);
    REQUIRE(vm.commit_fn(vm.user_data, p + 4 * page, 8 * page));
    CHECK(all_zero(p + 4 * page, 8 * page));
    CHECK(p[0] == 0xA5 && p[size - 1] == 0x5A);
    vm.decommit_fn(vm.user_data, p, size);
    REQUIRE(vm.commit_fn(vm.user_data, p, size));
    CHECK(all_zero(p, size));
    vm.release_fn(vm.user_data, p, size);
}

static void pages_reserve_is_free(void) {
    aimem_vm vm;
    void *p;
    size_t size = sizeof(void *) == 8 ? SIZE_MAX >> 16 >> 16 : (size_t)256 << 20; /* 4 GiB, 256 MiB */
    if (!aimc_vm_default(&vm)) SKIP("no pages here");
    size &= ~(vm.page_size - 1);
    p = vm.reserve_fn(vm.user_data, size);
    CHECK(p != NULL);
    if (p != NULL) vm.release_fn(vm.user_data, p, size);
    CHECK(vm.reserve_fn(vm.user_data, SIZE_MAX & ~(vm.page_size - 1)) == NULL);
}

#if defined(AIMC_OS_LINUX) && defined(AIMC_FILES)
/* Resident pages of this process; 0: unknown. */
static uint64_t resident(void) {
    char text[128];
    const char *at;
    uint64_t n = 0;
    aimc_sysinfo_read("/proc/self/statm", text, sizeof text);
    for (at = text; *at != 0 && *at != ' '; at++) {
    }
    return aimc_sysinfo_number(at, &n) ? n : 0;
}

static void pages_go_back(void) {
    aimem_vm vm;
    unsigned char *p;
    size_t size = (size_t)16 << 20;
    uint64_t before, full, after;
    REQUIRE(aimc_vm_default(&vm));
    p = (unsigned char *)vm.reserve_fn(vm.user_data, size);
    REQUIRE(p != NULL);
    REQUIRE(vm.commit_fn(vm.user_data, p, size));
    before = resident();
    memset(p, 1, size);
    full = resident();
    vm.decommit_fn(vm.user_data, p, size);
    after = resident();
    vm.release_fn(vm.user_data, p, size);
    if (before == 0 || full < before + (size >> 13)) SKIP("resident pages are not told here");
    CHECK(after < before + (full - before) / 4);
}
#endif

static void *hook_reserve(void *user_data, size_t size) {
    (void)size;
    return user_data;
}

static void pages_hook(void) {
    aimem_vm hook, vm;
    int x;
    memset(&hook, 0, sizeof hook);
    CHECK(aimc_vm_or_default(&hook, &vm) == aimc_vm_or_default(NULL, &vm));
    CHECK(vm.reserve_fn != hook_reserve);
    hook.reserve_fn = hook_reserve;
    hook.user_data = &x;
    REQUIRE(aimc_vm_or_default(&hook, &vm));
    CHECK(vm.reserve_fn == hook_reserve && vm.user_data == (void *)&x);
    CHECK_INT(vm.page_size, aimc_page_size());
    hook.page_size = 512;
    REQUIRE(aimc_vm_or_default(&hook, &vm));
    CHECK_INT(vm.page_size, 512);
}

/* Files */

#if defined(AIMC_FILES)
static aimem_io io;
static int32_t io_error;

#define IO_OK(call) CHECK_INT(call, AIMEM_OK)
#define RW ((uint32_t)AIMEM_IO_READ | (uint32_t)AIMEM_IO_WRITE)
#define RWC (RW | (uint32_t)AIMEM_IO_CREATE)

static void *file_open(const char *path, uint32_t flags) {
    void *file = NULL;
    CHECK_INT(io.open_fn(io.user_data, path, flags, &file, &io_error), AIMEM_OK);
    return file;
}

static void file_close(void *file) {
    CHECK_INT(io.close_fn(io.user_data, file, &io_error), AIMEM_OK);
}

/* What changing the size of a file that is open for reading answers; wine calls the handle bad, and
   WASI the capability missing. */
static bool is_readonly(aimem_result r) {
#if defined(AIMC_OS_WINDOWS) || defined(AIMC_OS_WASM)
    return r == AIMEM_ERR_READONLY || r == AIMEM_ERR_IO;
#else
    return r == AIMEM_ERR_READONLY;
#endif
}

static uint64_t file_size(void *file) {
    uint64_t size = 77;
    CHECK_INT(io.size_fn(io.user_data, file, &size, &io_error), AIMEM_OK);
    return size;
}

static void file_write_read(void) {
    static unsigned char out[300000], in[300010];
    char path[512];
    void *file;
    size_t i, got = 9;
    REQUIRE(aimc_io_default(&io));
    work_name(path, sizeof path, ".rw");
    for (i = 0; i < sizeof out; i++) out[i] = (unsigned char)check_random();
    file = file_open(path, RWC);
    REQUIRE(file != NULL);
    CHECK_INT(file_size(file), 0);
    IO_OK(io.pread_fn(NULL, file, 0, in, 10, &got, &io_error));
    CHECK_INT(got, 0);
    IO_OK(io.pwrite_fn(NULL, file, 0, out, sizeof out, &io_error));
    CHECK_INT(file_size(file), sizeof out);
    IO_OK(io.pread_fn(NULL, file, 0, in, sizeof in, &got, &io_error));
    CHECK_INT(got, sizeof out);
    CHECK(memcmp(in, out, sizeof out) == 0);
    IO_OK(io.pread_fn(NULL, file, sizeof out - 3, in, 10, &got, &io_error));
    CHECK_INT(got, 3);
    CHECK(memcmp(in, out + sizeof out - 3, 3) == 0);
    IO_OK(io.pread_fn(NULL, file, sizeof out + 99, in, 10, &got, &io_error));
    CHECK_INT(got, 0);
    IO_OK(io.pwrite_fn(NULL, file, 1000, "abc", 3, &io_error));
    IO_OK(io.pwrite_fn(NULL, file, 1000, "abc", 0, &io_error));
    IO_OK(io.pread_fn(NULL, file, 999, in, 5, &got, &io_error));
    CHECK(got == 5 && in[0] == out[999] && memcmp(in + 1, "abc", 3) == 0 && in[4] == out[1003]);

    IO_OK(io.truncate_fn(NULL, file, 500, &io_error));
    CHECK_INT(file_size(file), 500);
    IO_OK(io.truncate_fn(NULL, file, 1500, &io_error));
    CHECK_INT(file_size(file), 1500);
    IO_OK(io.pread_fn(NULL, file, 500, in, 2000, &got, &io_error));
    CHECK_INT(got, 1000);
    CHECK(all_zero(in, 1000));
    CHECK(io.truncate_fn(NULL, file, UINT64_MAX, &io_error) < 0);
    CHECK(io_error != 0);
    CHECK_INT(file_size(file), 1500);
    file_close(file);

    file = file_open(path, AIMEM_IO_READ);
    REQUIRE(file != NULL);
    CHECK_INT(io.pwrite_fn(NULL, file, 0, "x", 1, &io_error), AIMEM_ERR_READONLY);
    CHECK(is_readonly(io.truncate_fn(NULL, file, 0, &io_error)));
    CHECK_INT(file_size(file), 1500);
    file_close(file);
    IO_OK(io.remove_fn(NULL, path, &io_error));
}

/* Beyond what 32-bit offsets say, in a file with holes. */
static void file_wide_offsets(void) {
    char path[512], in[8];
    uint64_t at = ((uint64_t)5 << 30) + 12345;
    void *file;
    size_t got = 0;
#if defined(AIMC_OS_WINDOWS)
    SKIP("files have no holes here");
#endif
    REQUIRE(aimc_io_default(&io));
    work_name(path, sizeof path, ".wide");
    file = file_open(path, RWC);
    REQUIRE(file != NULL);
    if (io.pwrite_fn(NULL, file, at, "far", 3, &io_error) == AIMEM_ERR_NOSPACE) {
        file_close(file);
        IO_OK(io.remove_fn(NULL, path, &io_error));
        SKIP("no files of this size here");
    }
    CHECK_INT(file_size(file), at + 3);
    IO_OK(io.pread_fn(NULL, file, at, in, sizeof in, &got, &io_error));
    CHECK(got == 3 && memcmp(in, "far", 3) == 0);
    IO_OK(io.pread_fn(NULL, file, at - ((uint64_t)4 << 30), in, 3, &got, &io_error));
    CHECK(got == 3 && in[0] == 0);
    IO_OK(io.truncate_fn(NULL, file, at + 1, &io_error));
    CHECK_INT(file_size(file), at + 1);
    CHECK(io.pwrite_fn(NULL, file, UINT64_MAX - 1, "far", 3, &io_error) < 0);
    CHECK(io.pwrite_fn(NULL, file, (uint64_t)1 << 63, "far", 3, &io_error) < 0);
    CHECK_INT(file_size(file), at + 1);
    file_close(file);
    IO_OK(io.remove_fn(NULL, path, &io_error));
}

static void file_names(void) {
    char a[512], b[512], deep[600];
    void *file = &io, *other;
    char in[4];
    size_t got = 0;
    REQUIRE(aimc_io_default(&io));
    work_name(a, sizeof a, "_\xC3\xA4\xE2\x82\xAC.a"); /* a umlaut, euro: UTF-8 */
    work_name(b, sizeof b, ".b");
    CHECK_INT(io.open_fn(NULL, a, RW, &file, &io_error), AIMEM_ERR_NOT_FOUND);
    CHECK(file == NULL && io_error != 0);
    CHECK_INT(io.open_fn(NULL, a, AIMEM_IO_READ, &file, &io_error), AIMEM_ERR_NOT_FOUND);
    snprintf(deep, sizeof deep, "%s/missing/file", a);
    CHECK_INT(io.open_fn(NULL, deep, RWC, &file, &io_error), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(io.remove_fn(NULL, a, &io_error), AIMEM_ERR_NOT_FOUND);
    CHECK(io_error != 0);
    CHECK_INT(io.rename_fn(NULL, a, b, &io_error), AIMEM_ERR_NOT_FOUND);
    CHECK(io.sync_dir_fn(NULL, deep, &io_error) < 0);

    file = file_open(a, RWC | AIMEM_IO_EXCLUSIVE);
    REQUIRE(file != NULL);
    CHECK_INT(io.open_fn(NULL, a, RWC | AIMEM_IO_EXCLUSIVE, &other, &io_error), AIMEM_ERR_EXISTS);
    CHECK(other == NULL && io_error != 0);
    IO_OK(io.pwrite_fn(NULL, file, 0, "new", 3, &io_error));
    CHECK_INT(io_error, 0);
    file_close(file);
    file = file_open(a, RWC); /* there already: its bytes stay */
    REQUIRE(file != NULL);
    CHECK_INT(file_size(file), 3);
    file_close(file);

    file = file_open(b, RWC);
    REQUIRE(file != NULL);
    IO_OK(io.pwrite_fn(NULL, file, 0, "older", 5, &io_error));
    file_close(file);
    IO_OK(io.rename_fn(NULL, a, b, &io_error));
    CHECK_INT(io.open_fn(NULL, a, RW, &file, &io_error), AIMEM_ERR_NOT_FOUND);
    file = file_open(b, AIMEM_IO_READ);
    REQUIRE(file != NULL);
    IO_OK(io.pread_fn(NULL, file, 0, in, 4, &got, &io_error));
    CHECK(got == 3 && memcmp(in, "new", 3) == 0);
    IO_OK(io.remove_fn(NULL, b, &io_error)); /* open files can go */
    file_close(file);
    CHECK_INT(io.open_fn(NULL, b, RW, &file, &io_error), AIMEM_ERR_NOT_FOUND);
#if defined(AIMC_OS_WINDOWS)
    CHECK_INT(io.open_fn(NULL, "\xFF\xFE", RWC, &file, &io_error), AIMEM_ERR_IO);
#endif
}

static void file_sync(void) {
    char path[512];
    void *file;
    aimem_result r;
    REQUIRE(aimc_io_default(&io));
    work_name(path, sizeof path, ".sync");
    file = file_open(path, RWC);
    REQUIRE(file != NULL);
    IO_OK(io.pwrite_fn(NULL, file, 0, "safe", 4, &io_error));
#if defined(AIMC_OS_WASM)
    CHECK_INT(io.sync_fn(NULL, file, AIMEM_IO_SYNC_FULL, &io_error), AIMEM_ERR_UNSUPPORTED);
#else
    IO_OK(io.sync_fn(NULL, file, AIMEM_IO_SYNC_FULL, &io_error));
#endif
#if !defined(AIMC_OS_APPLE)
    CHECK_INT(io.sync_fn(NULL, file, AIMEM_IO_SYNC_BARRIER, &io_error), AIMEM_ERR_UNSUPPORTED);
#endif
    r = io.sync_dir_fn(NULL, path, &io_error);
    CHECK(r == AIMEM_OK || r == AIMEM_ERR_UNSUPPORTED);
#if defined(AIMC_OS_LINUX)
    CHECK_INT(r, AIMEM_OK);
    IO_OK(io.sync_dir_fn(NULL, "no_directory_in_it", &io_error)); /* the current one */
    IO_OK(io.sync_dir_fn(NULL, "/tmp", &io_error));               /* the root */
#endif
    file_close(file);
    IO_OK(io.remove_fn(NULL, path, &io_error));
}

static void file_allocate(void) {
    static unsigned char in[20000];
    char path[512];
    void *file;
    size_t got = 0;
    REQUIRE(aimc_io_default(&io));
    work_name(path, sizeof path, ".room");
    file = file_open(path, RWC);
    REQUIRE(file != NULL);
    IO_OK(io.pwrite_fn(NULL, file, 0, "keep me", 7, &io_error));
    IO_OK(io.allocate_fn(NULL, file, 0, 0, &io_error));
    CHECK_INT(file_size(file), 7);
    IO_OK(io.allocate_fn(NULL, file, 0, 10000, &io_error));
    CHECK_INT(file_size(file), 10000);
    IO_OK(io.allocate_fn(NULL, file, 2, 100, &io_error));
    CHECK_INT(file_size(file), 10000);
    IO_OK(aimc_file_fill(NULL, file, 3, 14000, &io_error)); /* what systems without the call do */
    CHECK_INT(file_size(file), 14003);
    IO_OK(io.pread_fn(NULL, file, 0, in, sizeof in, &got, &io_error));
    CHECK(got == 14003 && memcmp(in, "keep me", 7) == 0 && all_zero(in + 7, 14003 - 7));
    CHECK(io.allocate_fn(NULL, file, UINT64_MAX - 5, 10, &io_error) < 0);
    CHECK(io.allocate_fn(NULL, file, 0, UINT64_MAX, &io_error) < 0);
    CHECK_INT(file_size(file), 14003);
    file_close(file);
    file = file_open(path, AIMEM_IO_READ);
    REQUIRE(file != NULL);
    CHECK(is_readonly(io.allocate_fn(NULL, file, 0, 100000, &io_error)));
    file_close(file);
    IO_OK(io.remove_fn(NULL, path, &io_error));
}

/* Locks far beyond the end of the file, between two opens of it. */
static void file_locks(void) {
    uint64_t at = (uint64_t)1 << 61;
    char path[512];
    void *a, *b;
    bool per_open = true;
    REQUIRE(aimc_io_default(&io));
#if defined(AIMC_OS_WASM)
    SKIP("no locks here");
#elif !defined(AIMC_OS_LINUX) && !defined(AIMC_OS_WINDOWS)
    per_open = false;
#endif
    work_name(path, sizeof path, ".lock");
    a = file_open(path, RWC);
    b = file_open(path, RW);
    REQUIRE(a != NULL && b != NULL);
    IO_OK(io.lock_fn(NULL, a, at, 1, AIMEM_IO_LOCK_EXCLUSIVE, &io_error));
    if (per_open) {
        CHECK_INT(io.lock_fn(NULL, b, at, 1, AIMEM_IO_LOCK_SHARED, &io_error), AIMEM_ERR_BUSY);
        CHECK(io_error != 0);
        CHECK_INT(io.lock_fn(NULL, b, at - 5, 9, AIMEM_IO_LOCK_EXCLUSIVE, &io_error),
                  AIMEM_ERR_BUSY);
    }
    IO_OK(io.lock_fn(NULL, b, at + 1, 1, AIMEM_IO_LOCK_EXCLUSIVE, &io_error));
    IO_OK(io.lock_fn(NULL, a, at, 1, AIMEM_IO_UNLOCK, &io_error));
    IO_OK(io.lock_fn(NULL, a, at, 1, AIMEM_IO_UNLOCK, &io_error));
    IO_OK(io.lock_fn(NULL, a, at, 1, AIMEM_IO_LOCK_SHARED, &io_error));
    IO_OK(io.lock_fn(NULL, b, at, 1, AIMEM_IO_LOCK_SHARED, &io_error));
    IO_OK(io.lock_fn(NULL, b, at, 1, AIMEM_IO_UNLOCK, &io_error));
    if (per_open) {
        CHECK_INT(io.lock_fn(NULL, b, at, 1, AIMEM_IO_LOCK_EXCLUSIVE, &io_error), AIMEM_ERR_BUSY);
    }
    file_close(a); /* gives up what it held */
    IO_OK(io.lock_fn(NULL, b, at, 1, AIMEM_IO_LOCK_EXCLUSIVE, &io_error));
    CHECK(io.lock_fn(NULL, b, at, 0, AIMEM_IO_LOCK_SHARED, &io_error) < 0);
    CHECK_INT(file_size(b), 0);
    file_close(b);
    IO_OK(io.remove_fn(NULL, path, &io_error));
}

static void file_map(void) {
    unsigned char *p;
    void *file, *ptr = NULL;
    char path[512], in[8];
    size_t got = 0;
    REQUIRE(aimc_io_default(&io));
    if (io.map_fn == NULL) SKIP("no maps here");
    work_name(path, sizeof path, ".map");
    file = file_open(path, RWC);
    REQUIRE(file != NULL);
    IO_OK(io.truncate_fn(NULL, file, 200000, &io_error));
    IO_OK(io.pwrite_fn(NULL, file, 65536, "from file", 9, &io_error));
    IO_OK(io.map_fn(NULL, file, 65536, 100000, true, &ptr, &io_error));
    REQUIRE(ptr != NULL);
    p = (unsigned char *)ptr;
    CHECK(memcmp(p, "from file", 9) == 0);
    memcpy(p + 99990, "from map", 8);
    IO_OK(io.unmap_fn(NULL, file, p, 100000, &io_error));
    IO_OK(io.pread_fn(NULL, file, 65536 + 99990, in, 8, &got, &io_error));
    CHECK(got == 8 && memcmp(in, "from map", 8) == 0);
    IO_OK(io.map_fn(NULL, file, 0, 200000, false, &ptr, &io_error));
    REQUIRE(ptr != NULL);
    CHECK(memcmp((unsigned char *)ptr + 65536, "from file", 9) == 0);
    IO_OK(io.unmap_fn(NULL, file, ptr, 200000, &io_error));
    CHECK(io.map_fn(NULL, file, 0, 200001, false, &ptr, &io_error) < 0); /* beyond the end */
    CHECK(ptr == NULL);
    CHECK(io.map_fn(NULL, file, 0, 0, false, &ptr, &io_error) < 0);
    CHECK(io.map_fn(NULL, file, UINT64_MAX - 65535, 65536, false, &ptr, &io_error) < 0);
    CHECK(io.map_fn(NULL, file, 1, 100, false, &ptr, &io_error) < 0); /* not whole pages */
    file_close(file);
    IO_OK(io.remove_fn(NULL, path, &io_error));
}

#if defined(AIMC_OS_POSIX)
static void file_errors(void) {
    int32_t number = 0;
    CHECK_INT(aimc_file_error(ENOSPC, &number), AIMEM_ERR_NOSPACE);
    CHECK_INT(number, ENOSPC);
    CHECK_INT(aimc_file_error(EROFS, &number), AIMEM_ERR_READONLY);
    CHECK_INT(aimc_file_error(ENOMEM, &number), AIMEM_ERR_NOMEM);
    CHECK_INT(aimc_file_error(EBUSY, &number), AIMEM_ERR_BUSY);
    CHECK_INT(aimc_file_error(EIO, &number), AIMEM_ERR_IO);
    CHECK_INT(aimc_file_error(0, &number), AIMEM_OK);
    CHECK_INT(number, 0);
}
#endif

#if defined(AIMC_OS_LINUX)
static void file_full_medium(void) {
    void *file = NULL;
    REQUIRE(aimc_io_default(&io));
    if (io.open_fn(NULL, "/dev/full", AIMEM_IO_WRITE, &file, &io_error) != AIMEM_OK) {
        SKIP("no /dev/full");
    }
    CHECK_INT(io.pwrite_fn(NULL, file, 0, "x", 1, &io_error), AIMEM_ERR_NOSPACE);
    CHECK_INT(io_error, ENOSPC);
    CHECK_INT(io.sync_fn(NULL, file, AIMEM_IO_SYNC_FULL, &io_error), AIMEM_ERR_UNSUPPORTED);
    file_close(file);
}

static void file_directory_part(void) {
    char dir[8];
    CHECK(aimc_file_dir("name", dir, sizeof dir));
    CHECK_STR(dir, ".");
    CHECK(aimc_file_dir("/name", dir, sizeof dir));
    CHECK_STR(dir, "/");
    CHECK(aimc_file_dir("a/b/c", dir, sizeof dir));
    CHECK_STR(dir, "a/b");
    CHECK(aimc_file_dir("./name", dir, sizeof dir));
    CHECK_STR(dir, ".");
    CHECK(!aimc_file_dir("12345678/name", dir, sizeof dir));
    CHECK(aimc_file_dir("1234567/name", dir, sizeof dir));
    CHECK_STR(dir, "1234567");
}
#endif
#else
static void file_none(void) {
    aimem_io io;
    CHECK(!aimc_io_default(&io));
    CHECK(io.open_fn == NULL);
    CHECK(!aimc_io_or_default(NULL, &io));
}
#endif

static aimem_result hook_open(void *user_data, const char *path, uint32_t flags, void **file,
                              int32_t *os_error) {
    (void)user_data;
    (void)path;
    (void)flags;
    *file = NULL;
    *os_error = 0;
    return AIMEM_ERR_NOT_FOUND;
}

static void file_hook(void) {
    aimem_io hook, out;
    memset(&hook, 0, sizeof hook);
    CHECK(aimc_io_or_default(&hook, &out) == aimc_io_default(&out));
    hook.open_fn = hook_open;
    REQUIRE(aimc_io_or_default(&hook, &out));
    CHECK(out.open_fn == hook_open && out.pread_fn == NULL);
}

/* Memory sizes */

static void ram_of_this_machine(void) {
    aimc_ram ram;
    aimc_ram_info(NULL, &ram);
#if defined(AIMC_OS_LINUX) || defined(AIMC_OS_WINDOWS) || defined(AIMC_OS_APPLE)
    CHECK(ram.total >= (uint64_t)16 << 20);
    CHECK(ram.available <= ram.total);
#elif defined(AIMC_OS_NONE)
    CHECK(ram.total == 0 && ram.available == 0 && ram.limit == 0);
#endif
}

#if defined(AIMC_OS_LINUX) && defined(AIMC_FILES)
/* A tree of small files, remembered so that it can be removed again. */
enum { TREE_MAX = 64 };
static char tree_root[512];
static char tree_made[TREE_MAX][1024];
static int tree_n;

static void tree_remember(const char *path) {
    if (tree_n < TREE_MAX) snprintf(tree_made[tree_n++], sizeof tree_made[0], "%s", path);
}

static void tree_file(const char *tail, const char *text) {
    char path[1024];
    void *file;
    size_t i;
    snprintf(path, sizeof path, "%.500s%.500s", tree_root, tail);
    for (i = strlen(tree_root); path[i] != 0; i++) {
        if (path[i] != '/') continue;
        path[i] = 0;
        if (mkdir(path, 0777) == 0) tree_remember(path);
        path[i] = '/';
    }
    tree_remember(path);
    file = file_open(path, RWC);
    if (file == NULL) return;
    IO_OK(io.truncate_fn(NULL, file, 0, &io_error));
    IO_OK(io.pwrite_fn(NULL, file, 0, text, strlen(text), &io_error));
    file_close(file);
}

static void tree_begin(void) {
    tree_n = 0;
    (void)aimc_io_default(&io);
    work_name(tree_root, sizeof tree_root, ".tree");
}

static void tree_end(void) {
    while (tree_n > 0) {
        tree_n--;
        if (unlink(tree_made[tree_n]) != 0) (void)rmdir(tree_made[tree_n]);
    }
}

static void tree_check(uint64_t total, uint64_t available, uint64_t limit) {
    aimc_ram ram;
    aimc_ram_info(tree_root, &ram);
    CHECK_INT(ram.total, total);
    CHECK_INT(ram.available, available);
    CHECK_INT(ram.limit, limit);
}

#define MEMINFO "MemTotal:   16000 kB\nMemFree:  1 kB\nMemAvailable:    9000 kB\nBuffers: 7 kB\n"

static void ram_nothing(void) {
    tree_begin();
    tree_check(0, 0, 0);
    tree_file("/proc/meminfo", "");
    tree_file("/proc/self/cgroup", "");
    tree_check(0, 0, 0);
    tree_end();
}

static void ram_v2_nested(void) {
    tree_begin();
    tree_file("/proc/meminfo", MEMINFO);
    tree_file("/proc/self/cgroup", "0::/a.slice/b.scope\n");
    tree_check(16000 * 1024, 9000 * 1024, 0);
    tree_file("/sys/fs/cgroup/a.slice/b.scope/memory.max", "max\n");
    tree_check(16000 * 1024, 9000 * 1024, 0);
    tree_file("/sys/fs/cgroup/a.slice/memory.max", "4096000\n");
    tree_check(16000 * 1024, 9000 * 1024, 4096000);
    tree_file("/sys/fs/cgroup/a.slice/b.scope/memory.max", "8192000\n");
    tree_check(16000 * 1024, 9000 * 1024, 4096000); /* the group above is smaller */
    tree_file("/sys/fs/cgroup/a.slice/b.scope/memory.max", "2048000");
    tree_check(16000 * 1024, 9000 * 1024, 2048000);
    tree_file("/sys/fs/cgroup/memory.max", "1024000\n");
    tree_check(16000 * 1024, 9000 * 1024, 1024000);
    tree_end();
}

/* A container that sees its own group as the root, and the host's path or one outside of it. */
static void ram_container_root(void) {
    tree_begin();
    tree_file("/sys/fs/cgroup/memory.max", "5000000\n");
    tree_file("/proc/self/cgroup", "0::/docker/0123456789abcdef\n");
    tree_check(0, 0, 5000000);
    tree_file("/proc/self/cgroup", "0::/\n");
    tree_check(0, 0, 5000000);
    tree_file("/sys/fs/memory.max", "1\n");
    tree_file("/proc/self/cgroup", "0::/..\n");
    tree_check(0, 0, 5000000);
    tree_file("/proc/self/cgroup", "0::/../../x\n");
    tree_check(0, 0, 5000000);
    tree_file("/proc/self/cgroup", "0::/a..b\n");
    tree_file("/sys/fs/cgroup/a..b/memory.max", "4000000\n");
    tree_check(0, 0, 4000000);
    tree_end();
}

static void ram_v1(void) {
    tree_begin();
    tree_file("/proc/self/cgroup",
              "12:cpu,cpuacct:/x\n5:hugetlb,memory:/job/step\n1:name=systemd:/\n");
    tree_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    tree_check(0, 0, 0);
    tree_file("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "700000\n");
    tree_check(0, 0, 700000);
    tree_file("/sys/fs/cgroup/memory/job/step/memory.limit_in_bytes", "900000\n");
    tree_check(0, 0, 700000);
    tree_file("/proc/self/cgroup", "5:memory_other:/job/step\n4:notmemory:/job\n");
    tree_check(0, 0, 0);
    tree_end();
}

static void ram_hybrid(void) {
    tree_begin();
    tree_file("/proc/self/cgroup", "9:memory:/m\n0::/user\n");
    tree_file("/sys/fs/cgroup/unified/user/memory.max", "3000000\n");
    tree_check(0, 0, 3000000);
    tree_file("/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "2500000\n");
    tree_check(0, 0, 2500000);
    tree_end();
}

static void ram_garbage(void) {
    static char text[20000];
    int i, j;
    tree_begin();
    tree_file("/proc/meminfo", "MemTotal: 99999999999999999999999 kB\nMemAvailable: 5x kB\n");
    tree_file("/proc/self/cgroup", "0::/a\n");
    tree_file("/sys/fs/cgroup/a/memory.max", "-5\n");
    tree_file("/sys/fs/cgroup/memory.max", "123456789012345678901234567890\n");
    tree_check(0, 0, 0);
    tree_file("/proc/meminfo", "MemTotal: 18446744073709551615 kB\nMemAvailable:");
    tree_file("/sys/fs/cgroup/memory.max", "0\n");
    tree_file("/proc/self/cgroup", "0:\n::/a\n0\n7:memory\nmemory:/a\n7:memory,:\n0::a\n0::");
    tree_check(0, 0, 0);
    tree_file("/sys/fs/cgroup/a/memory.max", "12\n");
    tree_file("/proc/self/cgroup", "0::////a////\n");
    tree_check(0, 0, 12);

    /* A path that is too long, in a line longer than what is read; whole lines before it count. */
    memset(text, 'y', sizeof text - 1);
    memcpy(text, "0::/a\n0::/", 10);
    tree_file("/proc/self/cgroup", text);
    tree_check(0, 0, 12);
    tree_file("/proc/self/cgroup", text + 6);
    tree_check(0, 0, 0);

    /* A line that the end of the buffer cuts to another group's name. */
    memset(text, '\n', AIMC_SYSINFO_TEXT);
    memcpy(text + AIMC_SYSINFO_TEXT - 6, "0::/abc", 8);
    tree_file("/proc/self/cgroup", text);
    tree_check(0, 0, 0);

    for (i = 0; i < 200; i++) { /* random bytes, many of them such as the parsers look for */
        for (j = 0; j < 300; j++) {
            uint32_t pick = check_below(20);
            text[j] = pick < 14 ? "0:/.,\nmemory 9"[pick] : (char)(1 + check_below(255));
        }
        text[300] = 0;
        tree_n -= i == 0 ? 0 : 2;
        tree_file("/proc/self/cgroup", text);
        tree_file("/proc/meminfo", text);
        {
            aimc_ram ram;
            aimc_ram_info(tree_root, &ram);
            CHECK(ram.limit == 0 || ram.limit == 12);
            CHECK_INT(ram.total, 0);
        }
    }
    tree_end();
}
#endif

int main(int argc, char **argv) {
    int i;
    CHECK_BEGIN(argc, argv);
    for (i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--dir=", 6) == 0) work_dir = argv[i] + 6;
    }
    RUN(atomic_one_thread);
    RUN(atomic_counter);
    RUN(atomic_message);
    RUN(atomic_dekker);
    RUN(mutex_counter);
    RUN(cond_turns);
    RUN(once_and_ids);
    RUN(one_thread);
    RUN(clocks);
    RUN(pages_zero_again);
    RUN(pages_reserve_is_free);
    RUN(pages_hook);
    RUN(file_hook);
    RUN(ram_of_this_machine);
#if defined(AIMC_FILES)
    RUN(file_write_read);
    RUN(file_wide_offsets);
    RUN(file_names);
    RUN(file_sync);
    RUN(file_allocate);
    RUN(file_locks);
    RUN(file_map);
#if defined(AIMC_OS_POSIX)
    RUN(file_errors);
#endif
#else
    RUN(file_none);
#endif
#if defined(AIMC_OS_LINUX) && defined(AIMC_FILES)
    RUN(pages_go_back);
    RUN(file_full_medium);
    RUN(file_directory_part);
    RUN(ram_nothing);
    RUN(ram_v2_nested);
    RUN(ram_container_root);
    RUN(ram_v1);
    RUN(ram_hybrid);
    RUN(ram_garbage);
#endif
    return CHECK_END();
}
