/* bench/vec.cc: the exact scan against the memory's bandwidth, plain loops and faiss.
 *
 * Data: mnist-784 from the folder AIMEM_DATA when it is given, else random rows of the same shape
 * (the time of an exact scan does not depend on the values); a line says which.
 */
#include "bench.h"

#include "../aimem_vec.h"
#include "core/dist.h"

#include "baseline.h"

#include <string>
#include <vector>
#if defined(HAVE_FAISS)
#include <faiss/IndexFlat.h>
#include <faiss/utils/utils.h>
#include <omp.h>
#endif

namespace {

enum { ROWS = 60000, DIM = 784, QUERIES = 8, K = 10 };
std::vector<float> base, query;
const char *data_name = "random";

bool read_bvecs(const std::string &path, size_t rows, std::vector<float> &out) {
    FILE *f = fopen(path.c_str(), "rb");
    std::vector<unsigned char> row(4 + DIM);
    bool ok = f != nullptr;
    out.clear();
    for (size_t i = 0; ok && i < rows; i++) {
        ok = fread(row.data(), 1, row.size(), f) == row.size() && row[0] == (DIM & 255) &&
             row[1] == DIM >> 8;
        for (size_t j = 0; ok && j < DIM; j++) out.push_back((float)row[4 + j]);
    }
    if (f != nullptr) fclose(f);
    return ok;
}

void make_random(std::vector<float> &out, size_t n, uint64_t seed) {
    out.resize(n);
    for (float &x : out) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x = (float)(int32_t)(seed >> 32) / 2147483648.0f;
    }
}

void load_data() {
    const char *folder = getenv("AIMEM_DATA");
    if (folder != nullptr) {
        std::string at = std::string(folder) + "/vec/mnist-784-";
        if (read_bvecs(at + "base.bvecs", ROWS, base) &&
            read_bvecs(at + "query.bvecs", QUERIES, query)) {
            data_name = "mnist-784";
            return;
        }
        fprintf(stderr, "no mnist-784 in AIMEM_DATA, using random rows\n");
    }
    make_random(base, (size_t)ROWS * DIM, 1);
    make_random(query, (size_t)QUERIES * DIM, 2);
}

/* ---- from memory ---- */

struct scan {
    aimem_vec *v;
    std::vector<const float *> run_start; /* the rows of the collection, as runs without a gap */
    std::vector<size_t> run_bytes;
};

const double SCAN_GB = (double)ROWS * DIM * 4;

double scan_ours(void *context) {
    scan *s = (scan *)context;
    aimem_vec_hit hits[K];
    size_t count = 0;
    double start = bench_now();
    for (int q = 0; q < 2; q++) {
        if (aimem_vec_search(s->v, &query[(size_t)q * DIM], K, hits, &count) != AIMEM_OK) abort();
    }
    return SCAN_GB * 2 / (bench_now() - start);
}

double scan_sum(void *context) {
    scan *s = (scan *)context;
    uint64_t total = 0;
    double start = bench_now();
    for (int q = 0; q < 2; q++) {
        for (size_t i = 0; i < s->run_start.size(); i++) {
            total += baseline_sum(s->run_start[i], s->run_bytes[i]);
        }
    }
    bench_use(&total);
    return SCAN_GB * 2 / (bench_now() - start);
}

aimem_vec *make_collection(uint32_t metric) {
    aimem_vec_desc desc;
    aimem_vec *v = nullptr;
    memset(&desc, 0, sizeof desc);
    desc.dim = DIM;
    desc.metric = metric;
    if (aimem_vec_create(&desc, &v) != AIMEM_OK) abort();
    if (aimem_vec_add_batch(v, ROWS, nullptr, nullptr, base.data(), nullptr) != AIMEM_OK) abort();
    return v;
}

void find_runs(scan *s) {
    uint64_t cursor = 0;
    aimem_vec_row row;
    while (aimem_vec_next(s->v, &cursor, &row)) {
        if (s->run_start.empty() ||
            (const char *)s->run_start.back() + s->run_bytes.back() != (const char *)row.vector) {
            s->run_start.push_back(row.vector);
            s->run_bytes.push_back(0);
        }
        s->run_bytes.back() += DIM * sizeof(float);
    }
}

#if defined(HAVE_FAISS)
double search_faiss(void *context) {
    faiss::IndexFlat *index = (faiss::IndexFlat *)context;
    float distance[K];
    faiss::Index::idx_t id[K];
    double start = bench_now();
    for (int q = 0; q < QUERIES; q++) index->search(1, &query[(size_t)q * DIM], K, distance, id);
    return (bench_now() - start) / 1e6 / QUERIES;
}
#endif

double search_ours(void *context) {
    aimem_vec_hit hits[K];
    size_t count = 0;
    double start = bench_now();
    for (int q = 0; q < QUERIES; q++) {
        if (aimem_vec_search((aimem_vec *)context, &query[(size_t)q * DIM], K, hits, &count)) abort();
    }
    return (bench_now() - start) / 1e6 / QUERIES;
}

void bench_memory(const char *metric_name, uint32_t metric) {
    char name[96];
    scan s;
    s.v = make_collection(metric);
    find_runs(&s);
    {
        bench_entry entries[] = {{"aimem_vec_search k=10", scan_ours, &s, 0},
                                 {"plain 64-bit sum", scan_sum, &s, 0}};
        snprintf(name, sizeof name, "vec.flat.bandwidth.dram.%s", metric_name);
        bench_compare(name, "GB/s", 0, 0.85, entries, 2);
    }
    snprintf(name, sizeof name, "vec.flat.faiss.%s", metric_name);
#if defined(HAVE_FAISS)
    {
        faiss::IndexFlat index(DIM, metric == AIMEM_VEC_IP ? faiss::METRIC_INNER_PRODUCT
                                                           : faiss::METRIC_L2);
        static std::string peer;
        peer = std::string("faiss-IndexFlat-") + std::to_string(FAISS_VERSION_MAJOR) + "." +
               std::to_string(FAISS_VERSION_MINOR) + "." + std::to_string(FAISS_VERSION_PATCH) +
               " [" + faiss::get_compile_options() + "]";
        for (char &c : peer) c = c == ' ' ? '_' : c;
        omp_set_num_threads(1);
        index.add(ROWS, base.data());
        bench_entry entries[] = {{"aimem_vec_search k=10", search_ours, s.v, 0},
                                 {peer.c_str(), search_faiss, &index, 0}};
        bench_compare(name, "ms/query", 1, 1.0, entries, 2);
    }
#else
    bench_skip(name, "faiss is not installed");
#endif
    aimem_vec_destroy(s.v);
}

/* ---- in cache ---- */

struct cached {
    const float *rows;
    size_t n, dim;
    int metric;
    aimc_dist_rows_fn fn;
    float *out;
};

double cache_ours(void *context) {
    cached *c = (cached *)context;
    double start = bench_now();
    for (int i = 0; i < 400; i++) {
        c->fn(query.data(), c->rows, c->dim, c->n, c->dim, c->out);
        bench_use(c->out);
    }
    return (double)(c->n * c->dim * 4) * 400 / (bench_now() - start);
}

double cache_plain(void *context) {
    cached *c = (cached *)context;
    double start = bench_now();
    for (int i = 0; i < 400; i++) {
        if (c->metric == 0) baseline_l2sq(query.data(), c->rows, c->n, c->dim, c->out);
        if (c->metric == 1) baseline_dot(query.data(), c->rows, c->n, c->dim, c->out);
        if (c->metric == 2) baseline_l1(query.data(), c->rows, c->n, c->dim, c->out);
        bench_use(c->out);
    }
    return (double)(c->n * c->dim * 4) * 400 / (bench_now() - start);
}

void bench_cache(const char *metric_name, int metric, size_t dim) {
    static float *rows = (float *)aligned_alloc(64, 192 * 1024);
    static float out[4096];
    char name[96];
    aimc_dist dist;
    cached c = {rows, 192 * 1024 / 4 / dim, dim, metric, nullptr, out};
    for (size_t i = 0; i < 192 * 1024 / 4; i++) rows[i] = base[i];
    if (!aimc_dist_at(0, &dist)) abort();
    c.fn = metric == 0 ? dist.l2sq : metric == 1 ? dist.dot : dist.l1;
    bench_entry entries[] = {{"aimem kernel", cache_ours, &c, 0},
                             {"plain C, -O3 -march=native -ffast-math", cache_plain, &c, 0}};
    snprintf(name, sizeof name, "vec.flat.bandwidth.cache.%s.%zu", metric_name, dim);
    bench_compare(name, "GB/s", 0, 1.0, entries, 2);
}

} /* namespace */

int main() {
    const size_t dims[] = {128, 256, 512, 784, 2048};
    bench_pin(0);
    load_data();
    printf("data: %s, %d x %d f32\n", data_name, (int)ROWS, (int)DIM);
    bench_memory("l2", AIMEM_VEC_L2);
    bench_memory("ip", AIMEM_VEC_IP);
    for (size_t dim : dims) {
        if (dim > DIM) query.resize(dim, 0.5f);
        bench_cache("l2", 0, dim);
        bench_cache("ip", 1, dim);
        bench_cache("l1", 2, dim);
    }
    return bench_end();
}
