/* pool/tuning_table.h: the best size classes for a histogram.
 *
 * A class takes a run of neighbouring bins and ends at the largest size of the last one. With w(a,
 * b) the bytes that one class for the bins a to b wastes, the least waste of k classes for the
 * first b bins is f(k, b) = min over a of f(k - 1, a) + w(a, b): the optimal partition of a sorted
 * list (Fisher, "On grouping for maximum homogeneity", 1958). All k are tried, rising, until the
 * waste is small enough.
 *
 * Numbers of bytes are doubles here: sums of products of 64-bit counts do not fit in 64 bits, and
 * nothing is decided by the last digits.
 */
#ifndef AIMI_POOL_TUNING_TABLE_H
#define AIMI_POOL_TUNING_TABLE_H

#include "pool/tuning.h"

/* f for two neighbouring k, the choices for all, and the bins that are not empty. */
typedef struct aimi_pool_table {
    double waste[2][AIMI_POOL_BINS + 1];
    double requests[AIMI_POOL_BINS + 1], bytes[AIMI_POOL_BINS + 1]; /* of the first b bins */
    double size[AIMI_POOL_BINS];                                    /* of a class that ends there */
    uint16_t bin[AIMI_POOL_BINS];
    uint16_t from[AIMEM_TUNING_CLASSES_MOST + 1][AIMI_POOL_BINS + 1];
    uint32_t count, end; /* end: one past the last bin that takes part */
} aimi_pool_table;

/* The bins that take part. Bins whose sizes are the same after rounding need not be parted. */
AIMC_FN void aimi_pool_table_fill(aimi_pool_table *w, const aimem_tuning *t,
                                  const aimem_tuning_query *q, uint64_t *left_out) {
    uint32_t i;
    for (i = 0; i < AIMI_POOL_BINS; i++) {
        const aimi_pool_bin *bin = &t->bins[i];
        size_t size;
        if (bin->requests == 0) continue;
        if (bin->largest > q->max_size || bin->largest > PTRDIFF_MAX ||
            !aimc_align_size((size_t)bin->largest, q->align, &size)) {
            *left_out += bin->requests;
            continue; /* and so are all that follow */
        }
        w->end = i + 1;
        if (w->count == 0 || (double)size > w->size[w->count - 1]) {
            w->bin[w->count] = (uint16_t)i;
            w->size[w->count] = (double)size;
            w->count++;
            w->requests[w->count] = w->requests[w->count - 1];
            w->bytes[w->count] = w->bytes[w->count - 1];
        }
        w->requests[w->count] += (double)bin->requests;
        w->bytes[w->count] += (double)bin->bytes;
    }
}

/* f(k, b) for all b, from f(k - 1, ...). Below 0: impossible, b bins make no k classes. */
AIMC_FN void aimi_pool_table_step(aimi_pool_table *w, uint32_t k) {
    const double *before = w->waste[(k + 1) & 1];
    double *now = w->waste[k & 1];
    uint32_t a, b;
    for (b = 0; b <= w->count; b++) {
        now[b] = -1;
        for (a = k - 1; a < b; a++) {
            double requests = w->requests[b] - w->requests[a];
            double one = requests * w->size[b - 1] - (w->bytes[b] - w->bytes[a]);
            if (before[a] >= 0 && (now[b] < 0 || before[a] + one < now[b])) {
                now[b] = before[a] + one;
                w->from[k][b] = (uint16_t)a;
            }
        }
    }
}

/* Class k: the bins from begin on, up to end. */
AIMC_FN void aimi_pool_table_class(const aimi_pool_table *w, const aimem_tuning *t, uint32_t begin,
                                   uint32_t end, uint32_t k, aimem_tuning_table *out) {
    uint32_t i, last = end < w->count ? w->bin[end] : w->end;
    uint64_t peak = 0;
    out->sizes[k] = (size_t)w->size[end - 1];
    for (i = w->bin[begin]; i < last; i++) {
        out->requests[k] += t->bins[i].requests;
        peak += t->bins[i].peak;
    }
    if (t->frees != 0) out->blocks[k] = (size_t)(peak < PTRDIFF_MAX ? peak : PTRDIFF_MAX);
}

AIMC_FN aimem_result aimi_pool_table_make(aimi_pool_table *w, const aimem_tuning *t,
                                          const aimem_tuning_query *q, aimem_tuning_table *out) {
    uint32_t k, n, end;
    double allowed, waste;
    aimi_pool_table_fill(w, t, q, &out->left_out);
    n = w->count;
    if (n == 0) return AIMEM_ERR_NOT_FOUND;
    allowed = w->bytes[n] * (double)q->waste / 1000;
    for (k = 1; k <= n; k++) w->waste[0][k] = -1;
    k = 0;
    do {
        aimi_pool_table_step(w, ++k);
    } while (w->waste[k & 1][n] > allowed && k < q->max_classes && k < n);
    waste = w->waste[k & 1][n];
    out->count = k;
    out->waste = waste < w->bytes[n] * 1e6 ? (uint32_t)(waste * 1000 / w->bytes[n] + 0.999)
                                           : 1000000000;
    for (end = n; k != 0; k--) {
        uint32_t begin = w->from[k][end];
        aimi_pool_table_class(w, t, begin, end, k - 1, out);
        end = begin;
    }
    return waste <= allowed ? AIMEM_OK : AIMEM_ERR_LIMIT;
}

AIMEM_POOL_API aimem_result aimem_tuning_classes(const aimem_tuning *tuning,
                                                 const aimem_tuning_query *query,
                                                 aimem_tuning_table *out) {
    aimem_tuning_query q;
    aimem_allocator allocator = tuning->allocator;
    aimi_pool_table *w;
    aimem_result result;
    memset(out, 0, sizeof *out);
    memset(&q, 0, sizeof q);
    if (query != NULL) q = *query;
    if (q.max_classes == 0) q.max_classes = AIMEM_TUNING_CLASSES_MOST;
    if (q.waste == 0) q.waste = 125;
    if (q.align == 0) q.align = 16;
    if (q.max_size == 0) q.max_size = SIZE_MAX;
    if (q.canary_zero != 0 || q.max_classes > AIMEM_TUNING_CLASSES_MOST || !aimc_is_pow2(q.align)) {
        return AIMEM_ERR_INVALID;
    }
    w = (aimi_pool_table *)aimc_alloc_zeroed(&allocator, sizeof *w, sizeof(double));
    if (w == NULL) return AIMEM_ERR_NOMEM;
    result = aimi_pool_table_make(w, tuning, &q, out);
    aimc_free(&allocator, w, sizeof *w, sizeof(double));
    return result;
}

#endif
