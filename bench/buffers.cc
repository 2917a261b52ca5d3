/* bench/buffers.cc: recycled buffers on recorded lifetimes of tensors, and against malloc.
 *
 * buffers.peak.*     replay of ai_*.rt: the most memory held, over the most that was live
 * buffers.hit.*      allocations served without new memory of the system: pages that were committed
 *                    ahead and that nobody touched yet are new
 * buffers.hit.calls.*  allocations served without a call of the system
 * buffers.refault.*  bytes given back and taken again, over bytes allocated
 * buffers.reuse.*    one buffer taken and released against malloc and free, one byte per page
 *                    written; the figure is how many times faster ours is
 *
 * The traces are in $AIMEM_DATA/pool. The first three are counts and do not vary, so each is
 * measured once; resident memory as the system sees it is printed beside for the traces that are
 * touched. Usage: buffers [part of a name].
 */
#include "bench.h"

#include "../aimem_pool.h"

#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace {

const char *wanted = "";

struct trace {
    uint32_t ids;
    uint64_t peak_live;
    std::vector<uint32_t> ops; /* id | op << 29, size */
};

bool load(const char *folder, const char *name, trace *t) {
    struct {
        uint32_t magic, ops, ids, pad;
        uint64_t peak_live, total;
    } head;
    std::string path = std::string(folder) + "/pool/" + name + ".rt";
    FILE *f = fopen(path.c_str(), "rb");
    if (f == nullptr) return false;
    bool ok = fread(&head, sizeof head, 1, f) == 1 && head.magic == 0x31305452u;
    if (ok) {
        t->ids = head.ids;
        t->peak_live = head.peak_live;
        t->ops.resize((size_t)head.ops * 2);
        ok = fread(t->ops.data(), 8, head.ops, f) == head.ops;
    }
    fclose(f);
    return ok;
}

/* Bytes of this process that are in memory. */
double resident() {
    long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == nullptr) return 0;
    if (fscanf(f, "%ld %ld", &all, &pages) != 2) pages = 0;
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

struct outcome {
    aimem_buffers_info info;
    double ns, resident, live;
    long failed;
};

/* Replays a trace; touch: one byte per page of every buffer is written and the growth of the
   resident memory is looked at, as peak_live is approached. */
outcome replay(const trace &t, const aimem_buffers_desc &desc, bool touch) {
    outcome out = {};
    aimem_buffers *b = nullptr;
    std::vector<aimem_buffer> held(t.ids);
    std::vector<size_t> size(t.ids);
    double before = resident(), start, live = 0;
    if (aimem_buffers_create(&desc, &b) != AIMEM_OK) abort();
    start = bench_now();
    for (size_t i = 0; i < t.ops.size(); i += 2) {
        uint32_t id = t.ops[i] & 0x1FFFFFFF, op = t.ops[i] >> 29;
        if (op == 1) {
            (void)aimem_buffers_release(b, held[id]);
            live -= (double)size[id];
            held[id].id = 0;
            continue;
        }
        if (aimem_buffers_alloc(b, t.ops[i + 1], &held[id]) != AIMEM_OK) {
            out.failed++;
            size[id] = 0;
            continue;
        }
        size[id] = t.ops[i + 1];
        live += (double)size[id];
        if (live > out.live) out.live = live;
        if (!touch) continue;
        unsigned char *p = (unsigned char *)aimem_buffers_data(b, held[id]);
        for (size_t at = 0; at < size[id]; at += 4096) p[at] = (unsigned char)i;
        if (live >= 0.9 * (double)t.peak_live || i % 512 == 0) {
            double now = resident() - before;
            if (now > out.resident) out.resident = now;
        }
    }
    out.ns = (bench_now() - start) / ((double)t.ops.size() / 2);
    aimem_buffers_stats(b, &out.info);
    for (const aimem_buffer &h : held) (void)aimem_buffers_release(b, h);
    aimem_buffers_destroy(b);
    return out;
}

/* A figure that is counted: one value, against a limit. */
void figure(const std::string &name, double value, int at_most, double goal, const char *unit) {
    printf("ratio %s %.4f ours=%.4g best_peer=%.4g %s peer=limit goal%s%.3g %s\n", name.c_str(),
           value, value, goal, unit, at_most ? "<=" : ">=", goal,
           bench_verdict(value, value, at_most, goal));
}

void bench_trace(const char *folder, const char *name) {
    trace t;
    aimem_buffers_desc desc;
    std::string suffix = std::string(".") + name;
    if (!load(folder, name, &t)) {
        bench_skip((std::string("buffers.peak") + suffix).c_str(), "no trace in AIMEM_DATA");
        return;
    }
    double peak = (double)t.peak_live;
    memset(&desc, 0, sizeof desc);
    outcome o = replay(t, desc, false);
    figure("buffers.peak" + suffix, (double)o.info.peak_held / peak, 1, 1.03, "held/live");
    figure("buffers.hit.calls" + suffix, (double)o.info.hit_rate * 100, 0, 99, "%");
    figure("buffers.hit" + suffix,
           100 - (double)o.info.faulting / (double)(o.info.hits + o.info.misses) * 100, 0, 99, "%");
    figure("buffers.refault" + suffix,
           (double)o.info.refaulted_bytes / (double)o.info.allocated_bytes * 100, 1, 6, "%");
    printf("    bookkeeping %.4f of live, %.0f ns/op\n", (double)o.info.own_bytes / peak, o.ns);
    fflush(stdout);

    /* For the large ones the trace as a whole takes too long to touch: it is cut short. */
    trace part = t;
    if (part.ops.size() > 200000) part.ops.resize(200000);
    outcome r = replay(part, desc, true);
    figure("buffers.resident" + suffix, r.resident / r.live, 1, 1.03, "resident/live");

    desc.engine = AIMEM_BUFFERS_CHUNKS;
    o = replay(t, desc, false);
    figure("buffers.peak.hook" + suffix, (double)o.info.peak_held / peak, 1, 1.25, "held/live");
    printf("    hit %.2f %%, %.0f ns/op, failed %ld\n", (double)o.info.hit_rate * 100, o.ns,
           o.failed);

    desc.engine = AIMEM_BUFFERS_AUTO;
    desc.memory_size = (size_t)(peak * 1.25);
    desc.memory = mmap(nullptr, desc.memory_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (desc.memory == MAP_FAILED) abort();
    o = replay(t, desc, false);
    figure("buffers.peak.memory" + suffix, o.failed == 0 ? 1.25 : 9, 1, 1.25, "reserved/live");
    printf("    failed %ld in 1.25 x live\n", o.failed);
    (void)munmap(desc.memory, desc.memory_size);

    memset(&desc, 0, sizeof desc);
    desc.engine = AIMEM_BUFFERS_CLASSES;
    o = replay(t, desc, false);
    printf("    class engine: held/live %.3f, hit %.2f %%\n", (double)o.info.peak_held / peak,
           (double)o.info.hit_rate * 100);
    fflush(stdout);
}

/* ---- reuse ---- */

struct reuse {
    aimem_buffers *b;
    size_t size;
    int repeats;
};

void touch(unsigned char *p, size_t size) {
    for (size_t at = 0; at < size; at += 4096) p[at] = 1;
    bench_use(p);
}

double reuse_ours(void *context) {
    reuse *w = (reuse *)context;
    double start = bench_now();
    for (int i = 0; i < w->repeats; i++) {
        aimem_buffer x;
        if (aimem_buffers_alloc(w->b, w->size, &x) != AIMEM_OK) abort();
        touch((unsigned char *)aimem_buffers_data(w->b, x), w->size);
        (void)aimem_buffers_release(w->b, x);
    }
    return w->repeats / (bench_now() - start) * 1e9;
}

double reuse_malloc(void *context) {
    reuse *w = (reuse *)context;
    double start = bench_now();
    for (int i = 0; i < w->repeats; i++) {
        unsigned char *p = (unsigned char *)malloc(w->size);
        if (p == nullptr) abort();
        touch(p, w->size);
        free(p);
    }
    return w->repeats / (bench_now() - start) * 1e9;
}

void bench_reuse(size_t mib, double goal) {
    reuse w;
    char name[64];
    w.size = mib << 20;
    w.repeats = (int)(1024 / mib < 16 ? 16 : 1024 / mib);
    if (aimem_buffers_create(nullptr, &w.b) != AIMEM_OK) abort();
    bench_entry entries[] = {{"aimem_buffers", reuse_ours, &w, 0},
                             {"malloc", reuse_malloc, &w, 0}};
    snprintf(name, sizeof name, "buffers.reuse.%zumib", mib);
    bench_compare(name, "pairs/s", 0, goal, entries, 2);
    aimem_buffers_destroy(w.b);
}

} /* namespace */

int main(int argc, char **argv) {
    const char *folder = getenv("AIMEM_DATA");
    const char *const names[] = {"ai_train", "ai_infer", "ai_random"};
    if (argc > 1) wanted = argv[1];
    bench_pin(0);
    /* First, while the heap of malloc is still that of a new process. */
    const size_t sizes[] = {1, 4, 32};
    if (strstr("reuse", wanted) != nullptr) {
        for (size_t mib : sizes) bench_reuse(mib, 1);
        bench_reuse(64, 10);
    }
    for (const char *name : names) {
        if (strstr(name, wanted) == nullptr) continue;
        if (folder == nullptr) bench_skip(name, "AIMEM_DATA is not set");
        else bench_trace(folder, name);
    }
    return bench_end();
}
