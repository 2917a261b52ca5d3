/* vec_tools.h: what the tests of aimem_vec.h share: the header, a stream in memory, a pretended
 * thread pool, distances worked out in double. */
#ifndef VEC_TOOLS_H
#define VEC_TOOLS_H

#define AIMEM_VEC_IMPLEMENTATION
#include "aimem_vec.h"
#include "check.h"

#include <math.h>

/* ---- a stream in memory ---------------------------------------------------------------------- */

typedef struct vt_stream {
    unsigned char *data;
    size_t size, room; /* written so far, space */
    size_t at;         /* of the next read */
    size_t step;       /* a read gives at most so many bytes; 0: as many as wanted */
    long calls, fail_at;
    aimem_result error; /* what call number fail_at answers */
} vt_stream;

CHECK_FN aimem_result vt_write(void *user_data, const void *src, size_t size) {
    vt_stream *s = (vt_stream *)user_data;
    if (++s->calls == s->fail_at) return s->error;
    if (s->size + size > s->room) {
        s->room = (s->size + size) * 2;
        s->data = (unsigned char *)realloc(s->data, s->room);
        if (s->data == NULL) abort();
    }
    memcpy(s->data + s->size, src, size);
    s->size += size;
    return AIMEM_OK;
}

CHECK_FN aimem_result vt_read(void *user_data, void *dst, size_t size, size_t *got) {
    vt_stream *s = (vt_stream *)user_data;
    size_t n = s->size - s->at;
    *got = 0;
    if (++s->calls == s->fail_at) return s->error;
    if (n > size) n = size;
    if (s->step != 0 && n > s->step) n = s->step;
    if (n != 0) memcpy(dst, s->data + s->at, n);
    s->at += n;
    *got = n;
    return AIMEM_OK;
}

CHECK_FN aimem_stream vt_hook(vt_stream *s) {
    aimem_stream hook;
    hook.read_fn = vt_read;
    hook.write_fn = vt_write;
    hook.user_data = s;
    return hook;
}

CHECK_FN aimem_result vt_save(const aimem_vec *v, vt_stream *s) {
    aimem_stream hook = vt_hook(s);
    memset(s, 0, sizeof *s);
    return aimem_vec_save(v, &hook);
}

CHECK_FN aimem_result vt_load(const aimem_vec_desc *desc, vt_stream *s, aimem_vec **out) {
    aimem_stream hook = vt_hook(s);
    s->at = 0;
    s->calls = 0;
    return aimem_vec_load(desc, &hook, out);
}

CHECK_FN void vt_free(vt_stream *s) {
    free(s->data);
    memset(s, 0, sizeof *s);
}

/* ---- a thread pool of one thread ------------------------------------------------------------- */

/* Runs the tasks in an odd order, each as another worker. */
typedef struct vt_pool {
    uint32_t workers;
    long calls, tasks;
} vt_pool;

CHECK_FN void vt_for(void *user_data, size_t count,
                     void (*task_fn)(void *task_data, size_t index, uint32_t worker),
                     void *task_data) {
    vt_pool *pool = (vt_pool *)user_data;
    size_t i, step = 7;
    pool->calls++;
    while (count % step == 0) step += 2; /* 7, 9, 11: one that visits every index */
    while (step > 1) {
        size_t a = count, b = step;
        while (b != 0) {
            size_t c = a % b;
            a = b;
            b = c;
        }
        if (a == 1) break;
        step++;
    }
    for (i = 0; i < count; i++) {
        task_fn(task_data, (i * step + count / 2) % count, (uint32_t)(i * 5 % pool->workers));
        pool->tasks++;
    }
}

CHECK_FN aimem_parallel vt_parallel(vt_pool *pool, uint32_t workers) {
    aimem_parallel p;
    memset(pool, 0, sizeof *pool);
    pool->workers = workers;
    p.for_fn = vt_for;
    p.workers = workers;
    p.user_data = pool;
    return p;
}

/* ---- collections ----------------------------------------------------------------------------- */

CHECK_FN aimem_vec_desc vt_desc(uint32_t dim, uint32_t metric) {
    aimem_vec_desc desc;
    memset(&desc, 0, sizeof desc);
    desc.dim = dim;
    desc.metric = metric;
    return desc;
}

CHECK_FN void vt_use_heap(aimem_vec_desc *desc, check_heap *heap) {
    memset(heap, 0, sizeof *heap);
    desc->allocator.realloc_fn = check_heap_realloc;
    desc->allocator.user_data = heap;
}

CHECK_FN aimem_vec *vt_create(const aimem_vec_desc *desc) {
    aimem_vec *v = NULL;
    if (aimem_vec_create(desc, &v) != AIMEM_OK) {
        printf("cannot create a collection\n");
        abort();
    }
    return v;
}

CHECK_FN void vt_random(float *x, size_t n) {
    size_t i;
    for (i = 0; i < n; i++) x[i] = check_float();
}

CHECK_FN double vt_dot(const float *a, const float *b, size_t dim) {
    double sum = 0;
    size_t i;
    for (i = 0; i < dim; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* The distance in double. */
CHECK_FN double vt_distance(uint32_t metric, const float *a, const float *b, size_t dim) {
    double sum = 0, aa, bb;
    size_t i;
    switch (metric) {
    case AIMEM_VEC_IP: return -vt_dot(a, b, dim);
    case AIMEM_VEC_COS:
        aa = vt_dot(a, a, dim);
        bb = vt_dot(b, b, dim);
        return aa < 1e-37 || bb < 1e-37 ? 1.0 : 1.0 - vt_dot(a, b, dim) / sqrt(aa) / sqrt(bb);
    case AIMEM_VEC_L1:
        for (i = 0; i < dim; i++) sum += fabs((double)a[i] - (double)b[i]);
        return sum;
    default:
        for (i = 0; i < dim; i++) {
            sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        }
        return metric == AIMEM_VEC_L2 ? sqrt(sum) : sum;
    }
}

/* How far a float result may be from vt_distance. */
CHECK_FN double vt_bound(uint32_t metric, const float *a, const float *b, size_t dim) {
    double unit = ((double)dim / 8 + 24) * 6e-8, sum = 0;
    size_t i;
    if (metric == AIMEM_VEC_COS) return unit;
    if (metric != AIMEM_VEC_IP) return unit * vt_distance(metric, a, b, dim) + 1e-30;
    for (i = 0; i < dim; i++) sum += fabs((double)a[i] * (double)b[i]);
    return unit * sum + 1e-30;
}

/* A text into a small array, cut if need be. */
CHECK_FN void vt_text(char *dst, size_t room, const char *src) {
    size_t n = strlen(src);
    if (n >= room) n = room - 1;
    memcpy(dst, src, n);
    dst[n] = 0;
}

CHECK_FN int vt_same_float(float a, float b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

CHECK_FN int vt_same_hit(const aimem_vec_hit *a, const aimem_vec_hit *b) {
    return a->id == b->id && vt_same_float(a->distance, b->distance) &&
           vt_same_float(a->similarity, b->similarity) && a->label_size == b->label_size &&
           (a->label == NULL) == (b->label == NULL) &&
           (a->label == NULL || strcmp(a->label, b->label) == 0);
}

/* ---- saved collections, looked at from outside ---------------------------------------------- */

/* CRC32C bit by bit: the format is checked with arithmetic of its own. */
CHECK_FN uint32_t vt_crc(uint32_t crc, const unsigned char *p, size_t size) {
    int k;
    crc = ~crc;
    while (size-- > 0) {
        crc ^= *p++;
        for (k = 0; k < 8; k++) crc = crc >> 1 ^ (0x82F63B78u & (0u - (crc & 1)));
    }
    return ~crc;
}

CHECK_FN uint64_t vt_number(const unsigned char *p, int bytes) {
    uint64_t x = 0;
    while (bytes-- > 0) x = x << 8 | p[bytes];
    return x;
}

CHECK_FN void vt_put_number(unsigned char *p, uint64_t x, int bytes) {
    for (; bytes-- > 0; x >>= 8) *p++ = (unsigned char)(x & 255);
}

/* One section, cut into blocks of so many bytes: corrects the CRCs that lie inside the data. Gives
   the place behind the section, size when it is cut off. */
CHECK_FN size_t vt_fix_section(unsigned char *data, size_t size, size_t at, uint64_t payload,
                               uint64_t block, uint32_t *crc) {
    while (payload != 0 && block != 0) {
        uint64_t n = payload < block ? payload : block;
        uint64_t whole = (n + 4 + 63) / 64 * 64;
        if (whole > size - at) return size;
        *crc = vt_crc(*crc, data + at, (size_t)whole - 4);
        vt_put_number(data + at + whole - 4, *crc, 4);
        at += (size_t)whole;
        payload -= n;
    }
    return at;
}

/* Makes all CRCs right, so that what else is wrong is met. */
CHECK_FN void vt_fix(unsigned char *data, size_t size) {
    uint64_t rows, stride, block, keys;
    uint32_t crc;
    size_t at = 64;
    if (size < 64) return;
    rows = vt_number(data + 24, 8);
    keys = vt_number(data + 40, 8);
    stride = vt_number(data + 48, 4);
    block = vt_number(data + 52, 4);
    crc = vt_crc(0, data, 60);
    vt_put_number(data + 60, crc, 4);
    if (stride > 65536 || block > 65536 || rows > UINT32_MAX) return;
    at = vt_fix_section(data, size, at, rows * stride * 4, block * stride * 4, &crc);
    (void)vt_fix_section(data, size, at, keys, 65532, &crc);
}

#endif
