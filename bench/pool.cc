/* bench/pool.cc: arenas and block pools against bare loops and the usual libraries.
 *
 * The work is that of docs/BENCHMARKS.md: a round allocates W blocks (8 bytes are written to each)
 * and frees all W last-in-first-out, first-in-first-out or in a fixed random order, until 200 000
 * pairs; churn frees one of W at random and allocates another. CPU time of the thread.
 */
#include "bench.h"

#include "../aimem_pool.h"
#include "baseline.h"

#include <memory_resource>
#include <new>
#include <vector>
#if defined(HAVE_BOOST)
#include <boost/pool/pool.hpp>
#endif
#if defined(__GLIBC__)
#include <obstack.h>
#define obstack_chunk_alloc malloc
#define obstack_chunk_free free
#endif

namespace {

/* ---- arena: 4096 pushes of 16-128 B, then a reset; figure: ns per push ---- */

enum { PUSHES = 4096, REPEATS = 200 };
size_t push_size[PUSHES];

struct bump {
    unsigned char *at, *end, *begin;
};

inline void *bump_push(bump *b, size_t size, size_t align) {
    unsigned char *piece =
        (unsigned char *)(((uintptr_t)b->at + (align - 1)) & ~(uintptr_t)(align - 1));
    if (piece + size > b->end) return nullptr;
    b->at = piece + size;
    return piece;
}

template <class Push, class Reset> double time_pushes(Push push, Reset reset) {
    double start = bench_now();
    for (int r = 0; r < REPEATS; r++) {
        for (int i = 0; i < PUSHES; i++) {
            uint64_t *p = (uint64_t *)push(push_size[i]);
            *p = (uint64_t)i;
            bench_use(p);
        }
        reset();
    }
    return (bench_now() - start) / REPEATS / PUSHES;
}

double push_ours(void *context) {
    aimem_arena *a = (aimem_arena *)context;
    return time_pushes([a](size_t n) { return aimem_arena_push(a, n, 16); },
                       [a] { aimem_arena_reset(a); });
}

double push_bump(void *context) {
    bump *b = (bump *)context;
    return time_pushes([b](size_t n) { return bump_push(b, n, 16); }, [b] { b->at = b->begin; });
}

double push_monotonic(void *context) {
    std::pmr::monotonic_buffer_resource *m = (std::pmr::monotonic_buffer_resource *)context;
    return time_pushes([m](size_t n) { return m->allocate(n, 16); }, [m] { m->release(); });
}

#if defined(__GLIBC__)
double push_obstack(void *context) {
    struct obstack *o = (struct obstack *)context;
    void *first = obstack_alloc(o, 0);
    double t = time_pushes([o](size_t n) { return obstack_alloc(o, (int)n); },
                           [o, first] { obstack_free(o, first); });
    return t;
}
#endif

void bench_arena(const char *name, size_t least, size_t greatest) {
    static unsigned char memory[PUSHES * 160], other[PUSHES * 160], third[PUSHES * 160];
    bump b = {memory, memory + sizeof memory, memory};
    std::pmr::monotonic_buffer_resource m(third, sizeof third);
    aimem_arena a;
    aimem_arena_desc desc;
    bench_entry entries[4];
    int n = 0;
    uint64_t seed = 1;
    memset(&desc, 0, sizeof desc);
    desc.memory = other;
    desc.memory_size = sizeof other;
    if (aimem_arena_init(&a, &desc) != AIMEM_OK) abort();
    for (size_t &size : push_size) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size = least + (size_t)((seed >> 33) % (greatest - least + 1));
    }
    entries[n++] = {"aimem_arena_push", push_ours, &a, 0};
    entries[n++] = {"inline bump", push_bump, &b, 0};
    entries[n++] = {"std::pmr::monotonic", push_monotonic, &m, 1};
#if defined(__GLIBC__)
    struct obstack o;
    obstack_init(&o);
    entries[n++] = {"glibc obstack", push_obstack, &o, 1};
#endif
    bench_compare(name, "ns/push", 1, 1.05, entries, n);
#if defined(__GLIBC__)
    obstack_free(&o, nullptr);
#endif
    aimem_arena_deinit(&a);
}

/* ---- block pool ---- */

enum { LIFO, FIFO, RANDOM, CHURN };
const char *const order_name[] = {"lifo", "fifo", "random", "churn"};

struct work {
    size_t size, live;
    int order;
    std::vector<uint32_t> turn; /* the order of frees, or the victims of churn */
    std::vector<void *> block;
    aimem_pool *pool;
    baseline_list list;
    void *peer;
};

template <class Alloc, class Free> double time_blocks(work *w, Alloc alloc, Free give_back) {
    const size_t pairs = 200000;
    size_t n = w->live, done = 0, i;
    void **block = w->block.data();
    const uint32_t *turn = w->turn.data();
    double start;
    if (w->order == CHURN) {
        for (i = 0; i < n; i++) *(uint64_t *)(block[i] = alloc()) = i;
        start = bench_now();
        for (i = 0; i < pairs; i++) {
            void **one = &block[turn[i]];
            give_back(*one);
            *(uint64_t *)(*one = alloc()) = i;
        }
        start = bench_now() - start;
        for (i = 0; i < n; i++) give_back(block[i]);
        return start / (double)pairs;
    }
    start = bench_now();
    while (done < pairs) {
        for (i = 0; i < n; i++) *(uint64_t *)(block[i] = alloc()) = i;
        for (i = 0; i < n; i++) give_back(block[turn[i]]);
        done += n;
    }
    return (bench_now() - start) / (double)done;
}

double blocks_ours(void *context) {
    work *w = (work *)context;
    aimem_pool *p = w->pool;
    return time_blocks(w, [p] { return aimem_pool_alloc(p); },
                       [p](void *b) { (void)aimem_pool_free(p, b); });
}

double blocks_list(void *context) {
    work *w = (work *)context;
    baseline_list *l = &w->list;
    return time_blocks(w, [l] { return baseline_list_alloc(l); },
                       [l](void *b) { baseline_list_free(l, b); });
}

double blocks_malloc(void *context) {
    work *w = (work *)context;
    size_t size = w->size;
    return time_blocks(w, [size] { return malloc(size); }, [](void *b) { free(b); });
}

double blocks_pmr(void *context) {
    work *w = (work *)context;
    std::pmr::unsynchronized_pool_resource *r = (std::pmr::unsynchronized_pool_resource *)w->peer;
    size_t size = w->size;
    return time_blocks(w, [r, size] { return r->allocate(size, 16); },
                       [r, size](void *b) { r->deallocate(b, size, 16); });
}

#if defined(HAVE_BOOST)
double blocks_boost(void *context) {
    work *w = (work *)context;
    boost::pool<> p(w->size);
    return time_blocks(w, [&p] { return p.malloc(); }, [&p](void *b) { p.free(b); });
}
#endif

void fill_turns(work *w) {
    size_t n = w->live, i;
    uint64_t seed = 88172645463325252u;
    w->block.assign(n, nullptr);
    w->turn.assign(w->order == CHURN ? 200000 : n, 0);
    for (i = 0; i < w->turn.size(); i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        if (w->order == CHURN) {
            w->turn[i] = (uint32_t)(seed % n);
        } else if (w->order == RANDOM) {
            size_t j = (size_t)(seed % (i + 1));
            w->turn[i] = w->turn[j];
            w->turn[j] = (uint32_t)i;
        } else {
            w->turn[i] = (uint32_t)(w->order == LIFO ? n - 1 - i : i);
        }
    }
}

void bench_blocks(const char *area, size_t size, size_t live, int order, double goal) {
    work w;
    char name[96];
    aimem_pool_desc desc;
    std::pmr::unsynchronized_pool_resource resource;
    bench_entry entries[5];
    int n = 0;
    w.size = size;
    w.live = live;
    w.order = order;
    w.peer = &resource;
    fill_turns(&w);
    memset(&desc, 0, sizeof desc);
    desc.block_size = size;
    if (aimem_pool_create(&desc, &w.pool) != AIMEM_OK) abort();
    if (!baseline_list_make(&w.list, size, live + 1)) abort();
    entries[n++] = {"aimem_pool, checks on", blocks_ours, &w, 0};
    entries[n++] = {"bare list, no checks", blocks_list, &w, 0};
    entries[n++] = {"malloc", blocks_malloc, &w, 1};
    entries[n++] = {"std::pmr::unsynchronized_pool", blocks_pmr, &w, 1};
#if defined(HAVE_BOOST)
    entries[n++] = {"boost::pool (inlined)", blocks_boost, &w, 1};
#endif
    snprintf(name, sizeof name, "pool.%s.%zu.w%zu.%s", area, size, live, order_name[order]);
    bench_compare(name, "ns/pair", 1, goal, entries, n);
    baseline_list_drop(&w.list);
    aimem_pool_destroy(w.pool);
}

} /* namespace */

int main() {
    const size_t sizes[] = {16, 64, 256, 1024};
    bench_pin(0);
    bench_arena("arena.push.16-128", 16, 128);
    bench_arena("arena.push.16", 16, 16);
    for (size_t size : sizes) {
        bench_blocks("hot", size, 1, LIFO, 1.5);
        for (int order = LIFO; order <= CHURN; order++) bench_blocks("hot", size, 1000, order, 1.5);
    }
    return bench_end();
}
