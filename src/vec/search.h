/* vec/search.h: exact search: every row is compared with the query.
 *
 * The rows are cut into blocks, always the same ones. A block goes through a kernel of core/dist.h,
 * which writes one number per row into a small array: the key. Keys that are over the limit (the
 * worst hit so far, or the radius) are passed over, and that is nearly all of them; the others are
 * offered to the heap of hits. So the scan runs at the speed of memory.
 *
 * The key is the distance itself, but for two metrics, where the rest is worked out only for what
 * is offered: for AIMEM_VEC_L2 the key is the square, for AIMEM_VEC_COS minus the product with the
 * row made a unit vector. Hits are compared by the final distance: different squares may have the
 * same root, and then the id decides. So limits on keys are a little wider than needed.
 *
 * With desc.parallel tasks scan runs of blocks and each worker keeps its own heap; the heaps are
 * merged at the end. As the blocks are the same and the order of hits is total, the result does not
 * depend on the number of workers.
 */
#ifndef AIMI_VEC_SEARCH_H
#define AIMI_VEC_SEARCH_H

#include "core/topk.h"
#include "vec/store.h"

#include <float.h>

enum {
    AIMI_VEC_BLOCK = 256,            /* rows in a block, at most: 1 KiB of keys on the stack */
    AIMI_VEC_BLOCK_FLOATS = 1 << 15, /* 128 KiB: a block stays in cache for the next query */
    AIMI_VEC_TASK_FLOATS = 1 << 16,  /* less is not worth a task */
    AIMI_VEC_SPLIT_FLOATS = 1 << 18, /* a smaller collection is scanned by one thread: 1 MiB */
    AIMI_VEC_GROUP = 8               /* queries that go through a block together */
};

/* A search under way: one query, one heap. */
typedef struct aimi_vec_query {
    const float *vector;
    aimc_topk best;      /* in the caller's array of hits; label_size has the slot until the end */
    uint64_t found;      /* rows within the radius */
    float inverse;       /* as for a row: 1 / length, with the cosine */
    float radius;        /* no distance beyond it counts; FLT_MAX for the k nearest */
    float limit;         /* no key beyond it is offered */
    bool all;            /* every row within the radius is counted, also when hits is full */
} aimi_vec_query;

/* ---- keys and distances ---------------------------------------------------------------------- */

/* The keys of n rows, whose inverse norms are norms. After the kernel at most one rounding, so that
   a key does not depend on where in the loop it is worked out, also with -ffast-math. */
AIMC_FN void aimi_vec_keys(const aimc_dist *dist, uint32_t metric, const float *query,
                           const float *rows, size_t stride, size_t n, size_t dim,
                           const float *norms, float *keys) {
    size_t i;
    switch (metric) {
    case AIMEM_VEC_L1: dist->l1(query, rows, stride, n, dim, keys); return;
    case AIMEM_VEC_L2:
    case AIMEM_VEC_L2SQ: dist->l2sq(query, rows, stride, n, dim, keys); return;
    default: dist->dot(query, rows, stride, n, dim, keys); break;
    }
    if (metric == AIMEM_VEC_IP) {
        for (i = 0; i < n; i++) keys[i] = 0.0f - keys[i];
    } else {
        for (i = 0; i < n; i++) keys[i] *= -norms[i];
    }
}

/* The distance that a key stands for; inverse is 1 / length of the query, 0 for a zero vector. Not
   inlined, so that every cosine in the program comes from the same instructions. */
AIMC_NOINLINE float aimi_vec_key_distance(uint32_t metric, float key, float inverse) {
    float distance;
    if (metric == AIMEM_VEC_L2) return aimc_sqrtf(key);
    if (metric != AIMEM_VEC_COS) return key;
    distance = 1.0f + key * inverse;
    return distance < 0.0f ? 0.0f : distance > 2.0f ? 2.0f : distance;
}

/* A key above this has a distance above distance. The square of a rounded root is off by at most
   2^-22 of it, or, where squares are denormal, by less than FLT_MIN; a cosine by 2^-22. */
AIMC_FN float aimi_vec_key_limit(uint32_t metric, float distance, float inverse) {
    if (metric == AIMEM_VEC_L2) {
        if (distance < 0.0f) return -1.0f;
        if (distance > 1e19f) return FLT_MAX;
        return distance * distance * 1.000001f + FLT_MIN;
    }
    if (metric != AIMEM_VEC_COS) return distance;
    if (distance < 0.0f) return -FLT_MAX;
    if (distance >= 2.0f || inverse < FLT_MIN) return FLT_MAX;
    return (distance - 1.0f + 1e-6f) / inverse;
}

AIMC_FN float aimi_vec_similarity(uint32_t metric, float distance) {
    if (metric == AIMEM_VEC_COS) return 1.0f - distance;
    if (metric == AIMEM_VEC_IP) return 0.0f - distance;
    return 1.0f / (1.0f + distance);
}

/* ---- one query ------------------------------------------------------------------------------- */

AIMC_FN void aimi_vec_query_init(aimi_vec_query *q, const aimem_vec *v, const float *vector,
                                 float inverse, aimem_vec_hit *hits, size_t room) {
    q->vector = vector;
    aimc_topk_init(&q->best, hits, sizeof *hits, room < v->count ? room : v->count);
    q->found = 0;
    q->inverse = inverse;
    q->radius = FLT_MAX;
    q->limit = FLT_MAX;
    q->all = false;
}

/* A row whose key is within the limit. */
AIMC_FN void aimi_vec_offer(const aimem_vec *v, aimi_vec_query *q, uint32_t slot, float key) {
    aimem_vec_hit hit;
    hit.distance = aimi_vec_key_distance(v->metric, key, q->inverse);
    if (hit.distance > q->radius) return;
    q->found++;
    if (hit.distance > aimc_topk_limit(&q->best)) return;
    hit.id = *aimi_vec_id_at(&v->rows, slot);
    hit.similarity = 0.0f;
    hit.label = NULL;
    hit.label_size = slot;
    (void)aimc_topk_push(&q->best, &hit);
    if (q->best.count == q->best.room && !q->all) {
        q->limit = aimi_vec_key_limit(v->metric, aimc_topk_limit(&q->best), q->inverse);
    }
}

/* Rows in a block: a power of two that divides a chunk. */
AIMC_FN size_t aimi_vec_block_rows(const aimem_vec *v) {
    size_t n = AIMI_VEC_BLOCK;
    while (n > 1 && n * v->rows.stride > AIMI_VEC_BLOCK_FLOATS) n /= 2;
    return aimc_min_size(n, (size_t)1 << v->rows.shift);
}

AIMC_FN size_t aimi_vec_blocks(const aimem_vec *v) {
    size_t n = aimi_vec_block_rows(v);
    return v->count / n + (v->count % n != 0);
}

/* Blocks first to last - 1, for count queries: each block is read from memory once. */
AIMC_FN void aimi_vec_scan(const aimem_vec *v, aimi_vec_query *queries, size_t count, size_t first,
                           size_t last) {
    size_t block = aimi_vec_block_rows(v), b, c, i;
    float keys[AIMI_VEC_BLOCK];
    for (b = first; b < last; b++) {
        uint32_t slot = (uint32_t)(b * block);
        size_t n = aimc_min_size(block, v->count - slot);
        const float *rows = aimi_vec_row_at(&v->rows, slot);
        const float *norms = aimi_vec_norm_at(&v->rows, slot);
        for (c = 0; c < count; c++) {
            aimi_vec_query *q = &queries[c];
            aimi_vec_keys(&v->dist, v->metric, q->vector, rows, v->rows.stride, n, v->rows.dim,
                          norms, keys);
            for (i = 0; i < n; i++) {
                if (keys[i] <= q->limit) aimi_vec_offer(v, q, slot + (uint32_t)i, keys[i]);
            }
        }
    }
}

/* Sorts the hits and fills in what a search does not carry. */
AIMC_FN void aimi_vec_finish(const aimem_vec *v, aimi_vec_query *q) {
    aimem_vec_hit *hits = (aimem_vec_hit *)(void *)q->best.hits;
    size_t i;
    aimc_topk_finish(&q->best);
    for (i = 0; i < q->best.count; i++) {
        aimem_vec_hit *hit = &hits[i];
        aimi_vec_slot_label(v, (uint32_t)hit->label_size, &hit->label, &hit->label_size);
        hit->similarity = aimi_vec_similarity(v->metric, hit->distance);
    }
}

/* ---- one query, several threads -------------------------------------------------------------- */

typedef struct aimi_vec_job {
    const aimem_vec *v;
    aimi_vec_query *queries; /* one per worker */
    size_t blocks, step;     /* blocks in all, in a task */
} aimi_vec_job;

AIMC_FN void aimi_vec_job_task(void *task_data, size_t index, uint32_t worker) {
    const aimi_vec_job *job = (const aimi_vec_job *)task_data;
    size_t first = index * job->step;
    AIMC_ASSERT(worker < job->v->parallel.workers);
    aimi_vec_scan(job->v, &job->queries[worker], 1, first,
                  aimc_min_size(job->blocks, first + job->step));
}

/* About four tasks for each worker, so that a slow one does not hold up the rest. */
AIMC_FN size_t aimi_vec_job_step(const aimem_vec *v, size_t blocks) {
    size_t floats = aimi_vec_block_rows(v) * v->rows.stride;
    size_t least = AIMI_VEC_TASK_FLOATS / floats + 1;
    return aimc_max_size(least, blocks / 4 / v->parallel.workers + 1);
}

/* A query and a heap for each worker, in one block: queries, then hits. */
AIMC_FN aimem_result aimi_vec_run_parallel(const aimem_vec *v, aimi_vec_query *q) {
    const aimem_parallel *p = &v->parallel;
    size_t head = sizeof(aimi_vec_query), hits, size, i;
    unsigned char *block;
    aimi_vec_job job;
    if (!aimc_mul_size(q->best.room, sizeof(aimem_vec_hit), &hits)) return AIMEM_ERR_NOMEM;
    if (!aimc_add_size(head, hits, &size)) return AIMEM_ERR_NOMEM;
    if (!aimc_mul_size(p->workers, size, &size)) return AIMEM_ERR_NOMEM;
    block = (unsigned char *)aimc_alloc(&v->allocator, size, AIMI_VEC_ALIGN);
    if (block == NULL) return AIMEM_ERR_NOMEM;
    job.v = v;
    job.queries = (aimi_vec_query *)(void *)block;
    job.blocks = aimi_vec_blocks(v);
    job.step = aimi_vec_job_step(v, job.blocks);
    for (i = 0; i < p->workers; i++) {
        job.queries[i] = *q;
        job.queries[i].best.hits = block + p->workers * head + i * hits;
    }
    p->for_fn(p->user_data, job.blocks / job.step + (job.blocks % job.step != 0),
              aimi_vec_job_task, &job);
    for (i = 0; i < p->workers; i++) {
        aimc_topk_merge(&q->best, &job.queries[i].best);
        q->found += job.queries[i].found;
    }
    aimc_free(&v->allocator, block, size, AIMI_VEC_ALIGN);
    return AIMEM_OK;
}

AIMC_FN aimem_result aimi_vec_run(const aimem_vec *v, aimi_vec_query *q) {
    uint64_t floats = (uint64_t)v->count * v->rows.stride;
    if (v->parallel.workers > 1 && floats >= AIMI_VEC_SPLIT_FLOATS) {
        aimem_result result = aimi_vec_run_parallel(v, q);
        if (result != AIMEM_OK) return result;
    } else {
        aimi_vec_scan(v, q, 1, 0, aimi_vec_blocks(v));
    }
    aimi_vec_finish(v, q);
    return AIMEM_OK;
}

/* ---- the calls ------------------------------------------------------------------------------- */

AIMEM_VEC_API aimem_result aimem_vec_search(const aimem_vec *v, const float *query, size_t k,
                                            aimem_vec_hit *hits, size_t *count) {
    aimi_vec_query q;
    aimem_result result;
    float inverse;
    if (count == NULL) return AIMEM_ERR_INVALID;
    *count = 0;
    if (v == NULL || query == NULL || (hits == NULL && k != 0)) return AIMEM_ERR_INVALID;
    result = aimi_vec_measure(v->metric, query, v->rows.dim, &inverse);
    if (result != AIMEM_OK || k == 0) return result;
    aimi_vec_query_init(&q, v, query, inverse, hits, k);
    result = aimi_vec_run(v, &q);
    if (result == AIMEM_OK) *count = q.best.count;
    return result;
}

/* The bits of a float say whether it is a NaN or infinite; comparisons may not (-ffast-math). */
AIMC_FN aimem_result aimi_vec_radius(float radius, float *finite) {
    uint32_t bits;
    memcpy(&bits, &radius, sizeof bits);
    *finite = radius;
    if ((bits & 0x7F800000u) != 0x7F800000u) return AIMEM_OK;
    if ((bits & 0x007FFFFFu) != 0) return AIMEM_ERR_INVALID;
    *finite = bits >> 31 != 0 ? -FLT_MAX : FLT_MAX;
    return AIMEM_OK;
}

AIMEM_VEC_API aimem_result aimem_vec_range(const aimem_vec *v, const float *query, float radius,
                                           aimem_vec_hit *hits, size_t capacity, size_t *count) {
    aimi_vec_query q;
    aimem_result result;
    float inverse, finite;
    if (count == NULL) return AIMEM_ERR_INVALID;
    *count = 0;
    if (v == NULL || query == NULL || (hits == NULL && capacity != 0)) return AIMEM_ERR_INVALID;
    result = aimi_vec_radius(radius, &finite);
    if (result == AIMEM_OK) {
        result = aimi_vec_measure(v->metric, query, v->rows.dim, &inverse);
    }
    if (result != AIMEM_OK) return result;
    aimi_vec_query_init(&q, v, query, inverse, hits, capacity);
    q.radius = finite;
    q.limit = aimi_vec_key_limit(v->metric, finite, inverse);
    q.all = true;
    result = aimi_vec_run(v, &q);
    if (result == AIMEM_OK) *count = (size_t)q.found;
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_distance(const aimem_vec *v, const float *a, const float *b,
                                              float *distance) {
    aimem_result result;
    float inverse_a, inverse_b, key;
    if (distance == NULL) return AIMEM_ERR_INVALID;
    *distance = 0.0f;
    if (v == NULL || a == NULL || b == NULL) return AIMEM_ERR_INVALID;
    result = aimi_vec_measure(v->metric, a, v->rows.dim, &inverse_a);
    if (result == AIMEM_OK) result = aimi_vec_measure(v->metric, b, v->rows.dim, &inverse_b);
    if (result != AIMEM_OK) return result;
    aimi_vec_keys(&v->dist, v->metric, a, b, v->rows.dim, 1, v->rows.dim, &inverse_b, &key);
    *distance = aimi_vec_key_distance(v->metric, key, inverse_a);
    return AIMEM_OK;
}

/* ---- many queries ---------------------------------------------------------------------------- */

/* Queries that workers take in groups. A query that may not be asked is noted in its count: workers
   need no memory of their own for their answer. */
typedef struct aimi_vec_batch {
    const aimem_vec *v;
    const float *vectors;
    size_t queries, group, k;
    aimem_vec_hit *hits;
    size_t *counts;
} aimi_vec_batch;

AIMC_FN void aimi_vec_batch_task(void *task_data, size_t index, uint32_t worker) {
    const aimi_vec_batch *batch = (const aimi_vec_batch *)task_data;
    const aimem_vec *v = batch->v;
    size_t first = index * batch->group, i, count = 0;
    size_t last = aimc_min_size(batch->queries, first + batch->group);
    aimi_vec_query queries[AIMI_VEC_GROUP];
    (void)worker;
    for (i = first; i < last; i++) {
        const float *vector = batch->vectors + i * v->rows.dim;
        float inverse;
        aimem_result result = aimi_vec_measure(v->metric, vector, v->rows.dim, &inverse);
        batch->counts[i] = result == AIMEM_OK ? 0 : SIZE_MAX - (size_t)(-result);
        aimi_vec_query_init(&queries[i - first], v, vector, inverse,
                            batch->k == 0 ? NULL : batch->hits + i * batch->k, batch->k);
        if (result == AIMEM_OK) count++;
    }
    if (count != last - first || batch->k == 0) return;
    aimi_vec_scan(v, queries, count, 0, aimi_vec_blocks(v));
    for (i = first; i < last; i++) {
        aimi_vec_finish(v, &queries[i - first]);
        batch->counts[i] = queries[i - first].best.count;
    }
}

/* The first query that was refused decides; then all counts are 0. */
AIMC_FN aimem_result aimi_vec_batch_result(size_t queries, size_t *counts) {
    aimem_result result = AIMEM_OK;
    size_t i;
    for (i = 0; i < queries && result == AIMEM_OK; i++) {
        if (counts[i] > SIZE_MAX - 64) result = -(aimem_result)(SIZE_MAX - counts[i]);
    }
    if (result != AIMEM_OK) memset(counts, 0, queries * sizeof *counts);
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_search_batch(const aimem_vec *v, size_t queries,
                                                  const float *vectors, size_t k,
                                                  aimem_vec_hit *hits, size_t *counts) {
    aimi_vec_batch batch;
    size_t i, tasks, bytes;
    if (queries == 0) return v == NULL ? AIMEM_ERR_INVALID : AIMEM_OK;
    if (counts == NULL) return AIMEM_ERR_INVALID;
    memset(counts, 0, queries * sizeof *counts);
    if (v == NULL || vectors == NULL || (hits == NULL && k != 0)) return AIMEM_ERR_INVALID;
    if (queries == 1) return aimem_vec_search(v, vectors, k, hits, counts);
    if (!aimc_mul_size(queries, k, &bytes)) return AIMEM_ERR_INVALID;
    if (!aimc_mul_size(bytes, sizeof *hits, &bytes)) return AIMEM_ERR_INVALID;
    batch.v = v;
    batch.vectors = vectors;
    batch.queries = queries;
    batch.k = k;
    batch.hits = hits;
    batch.counts = counts;
    batch.group = aimc_max_size(1, aimc_min_size(AIMI_VEC_GROUP, queries / v->parallel.workers));
    tasks = queries / batch.group + (queries % batch.group != 0);
    if (v->parallel.workers > 1) {
        v->parallel.for_fn(v->parallel.user_data, tasks, aimi_vec_batch_task, &batch);
    } else {
        for (i = 0; i < tasks; i++) aimi_vec_batch_task(&batch, i, 0);
    }
    return aimi_vec_batch_result(queries, counts);
}

#endif
