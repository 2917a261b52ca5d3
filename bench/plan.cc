/* bench/plan.cc: static plans for recorded lifetimes of tensors.
 *
 * plan.peak.*    the arena of the plan over the lower bound, the most bytes that are live at once
 * plan.serve     one iteration served from the arena through the allocator view, ns per operation,
 *                without a goal, against malloc
 *
 * The traces are in $AIMEM_DATA/pool. The first are counts and do not vary, so each is measured
 * once; every plan is checked against the trace by a list of live ranges. Usage: plan [part of a
 * name].
 */
#include "bench.h"

#include "../aimem_pool.h"

#include <iterator>
#include <map>
#include <string>
#include <sys/mman.h>
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

/* The trace as notes in a plan. */
void record(const trace &t, aimem_plan *p) {
    std::vector<uint32_t> piece(t.ids);
    for (size_t i = 0; i < t.ops.size(); i += 2) {
        uint32_t id = t.ops[i] & 0x1FFFFFFFu;
        aimem_result r = t.ops[i] >> 29 == 1
                             ? aimem_plan_record_free(p, piece[id])
                             : aimem_plan_record_alloc(p, t.ops[i + 1], 64, &piece[id]);
        if (r != AIMEM_OK) abort();
    }
}

/* Pieces that overlap others while both live, by walking through the trace: 0, or it is no plan. */
long overlaps(const trace &t, const aimem_plan *p) {
    std::map<uint64_t, uint64_t> live; /* offset: end */
    std::vector<uint64_t> held(t.ids);
    long bad = 0;
    uint32_t next = 0;
    for (size_t i = 0; i < t.ops.size(); i += 2) {
        uint32_t id = t.ops[i] & 0x1FFFFFFFu;
        if (t.ops[i] >> 29 == 1) {
            live.erase(held[id]);
            continue;
        }
        aimem_plan_piece x;
        if (aimem_plan_get(p, next++, &x) != AIMEM_OK || x.size != t.ops[i + 1]) abort();
        auto above = live.lower_bound(x.offset);
        if (above != live.end() && above->first < x.offset + x.size) bad++;
        if (above != live.begin() && std::prev(above)->second > x.offset) bad++;
        live[x.offset] = x.offset + x.size;
        held[id] = x.offset;
    }
    return bad;
}

void bench_trace(const char *folder, const char *name, double goal) {
    trace t;
    aimem_plan *p;
    aimem_plan_info info;
    std::string line = std::string("plan.peak.") + name;
    if (folder == nullptr || !load(folder, name, &t)) {
        bench_skip(line.c_str(), folder == nullptr ? "AIMEM_DATA is not set" : "no such trace");
        return;
    }
    if (aimem_plan_create(nullptr, &p) != AIMEM_OK) abort();
    record(t, p);
    double start = bench_now();
    if (aimem_plan_solve(p) != AIMEM_OK) abort();
    double seconds = (bench_now() - start) / 1e9;
    aimem_plan_stats(p, &info);
    if (info.lower_bound != t.peak_live) abort();
    double ratio = (double)info.size / (double)info.lower_bound;
    if (goal != 0) {
        printf("ratio %s %.5f ours=%.5f best_peer=%.4g size/bound peer=limit goal<=%.4g %s\n",
               line.c_str(), ratio, ratio, goal, goal, bench_verdict(ratio, ratio, 1, goal));
    } else {
        printf("    %s %.5f size/bound, no goal\n", line.c_str(), ratio);
    }
    printf("    %u pieces, bound %.1f MB, %u attempts in %.2f s, overlaps %ld\n", info.pieces,
           (double)info.lower_bound / 1e6, info.attempts, seconds, overlaps(t, p));
    fflush(stdout);
    aimem_plan_destroy(p);
}

/* ---- serving ---- */

struct work {
    const trace *t;
    aimem_allocator hook; /* of the plan; without: malloc */
    aimem_plan *plan;
    std::vector<void *> held;
    std::vector<uint32_t> size;
};

double serve(void *context) {
    work *w = (work *)context;
    const std::vector<uint32_t> &ops = w->t->ops;
    if (w->plan != nullptr) (void)aimem_plan_begin(w->plan);
    double start = bench_now();
    for (size_t i = 0; i < ops.size(); i += 2) {
        uint32_t id = ops[i] & 0x1FFFFFFFu;
        bool gone = ops[i] >> 29 == 1;
        if (w->plan == nullptr) {
            if (gone) free(w->held[id]);
            else w->held[id] = malloc(ops[i + 1]);
        } else {
            w->held[id] = w->hook.realloc_fn(w->hook.user_data, gone ? w->held[id] : nullptr,
                                             gone ? w->size[id] : 0, gone ? 0 : ops[i + 1], 64);
        }
        if (gone) w->held[id] = nullptr;
        w->size[id] = ops[i + 1];
    }
    double ns = (bench_now() - start) / ((double)ops.size() / 2);
    for (uint32_t id = 0; id < w->t->ids; id++) {
        if (w->plan == nullptr) free(w->held[id]);
        else w->hook.realloc_fn(w->hook.user_data, w->held[id], w->size[id], 0, 64);
        w->held[id] = nullptr;
    }
    return ns;
}

void bench_serve(const char *folder) {
    trace t;
    aimem_plan *p;
    aimem_plan_info info;
    work ours, theirs;
    if (folder == nullptr || !load(folder, "ai_train", &t)) {
        bench_skip("plan.serve.ai_train", "no trace in AIMEM_DATA");
        return;
    }
    if (aimem_plan_create(nullptr, &p) != AIMEM_OK) abort();
    record(t, p);
    if (aimem_plan_solve(p) != AIMEM_OK) abort();
    aimem_plan_stats(p, &info);
    void *arena = mmap(nullptr, (size_t)info.size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena == MAP_FAILED || aimem_plan_bind(p, arena, (size_t)info.size) != AIMEM_OK) abort();
    ours.t = theirs.t = &t;
    ours.plan = p;
    theirs.plan = nullptr;
    ours.hook = aimem_plan_allocator(p);
    ours.held.resize(t.ids);
    ours.size.resize(t.ids);
    theirs.held.resize(t.ids);
    theirs.size.resize(t.ids);
    double best[2] = {1e9, 1e9};
    for (int i = 0; i < bench_rounds(); i++) {
        double a = serve(&ours), b = serve(&theirs);
        if (a < best[0]) best[0] = a;
        if (b < best[1]) best[1] = b;
    }
    aimem_plan_stats(p, &info);
    printf("    plan.serve.ai_train %.1f ns/op, malloc %.1f ns/op, misses %llu, no goal\n", best[0],
           best[1], (unsigned long long)info.misses);
    aimem_plan_destroy(p);
    (void)munmap(arena, (size_t)info.size);
}

} /* namespace */

int main(int argc, char **argv) {
    const char *folder = getenv("AIMEM_DATA");
    if (argc > 1) wanted = argv[1];
    bench_pin(0);
    const struct {
        const char *name;
        double goal;
    } traces[] = {{"ai_train", 1.01}, {"ai_random", 1.05}, {"ai_infer", 0}};
    for (const auto &x : traces) {
        if (strstr(x.name, wanted) != nullptr) bench_trace(folder, x.name, x.goal);
    }
    if (strstr("serve", wanted) != nullptr) bench_serve(folder);
    return bench_end();
}
