/* pool/buffers_packed.h: buffers compressed in chunks, readable and writable at any place.
 *
 *   buffer   [ chunk 0 | chunk 1 | ... | last, shorter ]
 *   entries    (data, size) of each: compressed, or raw when that is not smaller
 *   cache      the chunk used last, uncompressed; dirty: newer than its entry
 *
 * A small write changes the cache only, and the chunk is compressed when another one is needed; so
 * element-wise work costs one codec call per chunk that it walks into. A write over several chunks
 * makes all new entries first and then exchanges them: it happens wholly or not at all. An entry
 * has its exact size; raw means that the size is that of the chunk.
 */
#ifndef AIMI_POOL_BUFFERS_PACKED_H
#define AIMI_POOL_BUFFERS_PACKED_H

#include "pool/buffers.h"

typedef struct aimi_pool_entry_packed {
    unsigned char *data;
    size_t size;
} aimi_pool_entry_packed;

struct aimi_pool_packed {
    aimem_codec codec;
    int level;
    size_t size, chunk, count;
    aimi_pool_entry_packed *entries;
    unsigned char *cache;   /* chunk bytes */
    unsigned char *work;    /* what the codec writes to: work_size bytes */
    void *scratch;          /* the codec's, or NULL */
    size_t work_size, scratch_size;
    size_t cached;          /* number of the chunk in the cache; count: none */
    size_t stored;          /* bytes of all entries, the cache, the work and this */
    bool dirty;
};

AIMC_INLINE size_t aimi_pool_packed_length(const aimi_pool_packed *p, size_t i) {
    return aimc_min_size(p->chunk, p->size - i * p->chunk);
}

AIMC_FN void aimi_pool_packed_free(aimem_buffers *b, aimi_pool_packed *p) {
    const aimem_allocator *a = &b->allocator;
    size_t i;
    if (p == NULL) return;
    for (i = 0; p->entries != NULL && i < p->count; i++) {
        aimc_free(a, p->entries[i].data, p->entries[i].size, 16);
    }
    aimc_free(a, p->entries, p->count * sizeof *p->entries, 16);
    aimc_free(a, p->cache, p->chunk, 16);
    aimc_free(a, p->work, p->work_size, 16);
    aimc_free(a, p->scratch, p->scratch_size, 16);
    aimc_free(a, p, sizeof *p, 16);
}

/* One without entries for size bytes; NULL: no memory. */
AIMC_FN aimi_pool_packed *aimi_pool_packed_new(aimem_buffers *b, size_t size,
                                               const aimem_codec *codec, int level, size_t chunk) {
    const aimem_allocator *a = &b->allocator;
    aimi_pool_packed *p = (aimi_pool_packed *)aimc_alloc_zeroed(a, sizeof *p, 16);
    size_t scratch;
    if (p == NULL) return NULL;
    p->codec = *codec;
    p->level = level;
    p->size = size;
    p->chunk = chunk;
    p->count = p->cached = (size - 1) / chunk + 1;
    scratch = codec->scratch_fn != NULL ? codec->scratch_fn(codec->user_data, chunk, level) : 0;
    p->stored = sizeof *p + chunk + p->count * sizeof *p->entries;
    if (p->count <= SIZE_MAX / sizeof *p->entries) {
        p->entries = (aimi_pool_entry_packed *)aimc_alloc_zeroed(a, p->count * sizeof *p->entries,
                                                                 16);
    }
    p->cache = (unsigned char *)aimc_alloc(a, chunk, 16);
    p->work_size = aimc_max_size(codec->bound_fn(codec->user_data, chunk), 1);
    p->work = (unsigned char *)aimc_alloc(a, p->work_size, 16);
    if (scratch != 0) p->scratch = aimc_alloc(a, scratch, 16);
    if (p->scratch != NULL) p->scratch_size = scratch;
    p->stored += p->work_size + p->scratch_size;
    if (p->entries != NULL && p->cache != NULL && p->work != NULL && (scratch == 0 || p->scratch)) {
        return p;
    }
    aimi_pool_packed_free(b, p);
    return NULL;
}

/* *out = an entry of its own for the length bytes at src; false: no memory. */
AIMC_FN bool aimi_pool_packed_encode(aimem_buffers *b, aimi_pool_packed *p, const void *src,
                                     size_t length, aimi_pool_entry_packed *out) {
    size_t size = p->codec.compress_fn(p->codec.user_data, p->work, p->work_size, src, length,
                                       p->level, p->scratch);
    const void *from = p->work;
    if (size == 0 || size >= length || size > p->work_size) {
        size = length;
        from = src;
    }
    out->data = (unsigned char *)aimc_alloc(&b->allocator, size, 16);
    out->size = size;
    if (out->data == NULL) return false;
    memcpy(out->data, from, size);
    return true;
}

/* Puts chunk i, from its entry, into the length bytes at dst. */
AIMC_FN aimem_result aimi_pool_packed_decode(aimi_pool_packed *p, size_t i, void *dst,
                                             size_t length) {
    const aimi_pool_entry_packed *e = &p->entries[i];
    if (e->size == length) {
        memcpy(dst, e->data, length);
        return AIMEM_OK;
    }
    if (p->codec.decompress_fn(p->codec.user_data, dst, length, e->data, e->size, p->scratch) !=
        AIMEM_OK) {
        return AIMEM_ERR_CORRUPT;
    }
    return AIMEM_OK;
}

AIMC_FN void aimi_pool_packed_swap(aimem_buffers *b, aimi_pool_packed *p, size_t i,
                                   const aimi_pool_entry_packed *fresh) {
    aimi_pool_entry_packed *e = &p->entries[i];
    p->stored += fresh->size;
    p->stored -= e->size;
    aimc_free(&b->allocator, e->data, e->size, 16);
    *e = *fresh;
}

/* Compresses the cache into its entry when it is dirty. NOMEM: it stays dirty. */
AIMC_FN aimem_result aimi_pool_packed_flush(aimem_buffers *b, aimi_pool_packed *p) {
    aimi_pool_entry_packed fresh;
    if (!p->dirty) return AIMEM_OK;
    if (!aimi_pool_packed_encode(b, p, p->cache, aimi_pool_packed_length(p, p->cached), &fresh)) {
        return AIMEM_ERR_NOMEM;
    }
    aimi_pool_packed_swap(b, p, p->cached, &fresh);
    p->dirty = false;
    return AIMEM_OK;
}

/* Brings chunk i into the cache. */
AIMC_FN aimem_result aimi_pool_packed_load(aimem_buffers *b, aimi_pool_packed *p, size_t i) {
    aimem_result r;
    if (p->cached == i) return AIMEM_OK;
    r = aimi_pool_packed_flush(b, p);
    if (r != AIMEM_OK) return r;
    p->cached = p->count; /* a decoder that fails may have written to it */
    r = aimi_pool_packed_decode(p, i, p->cache, aimi_pool_packed_length(p, i));
    if (r == AIMEM_OK) p->cached = i;
    return r;
}

/* Reads [offset, offset + size), which is inside. */
AIMC_FN aimem_result aimi_pool_packed_read(aimem_buffers *b, aimi_pool_packed *p, size_t offset,
                                           unsigned char *dst, size_t size) {
    while (size != 0) {
        size_t i = offset / p->chunk, at = offset % p->chunk;
        size_t n = aimc_min_size(size, p->chunk - at), length = aimi_pool_packed_length(p, i);
        aimem_result r = AIMEM_OK;
        if (n == length && p->cached != i) {
            r = aimi_pool_packed_decode(p, i, dst, length); /* a whole chunk: past the cache */
        } else {
            r = aimi_pool_packed_load(b, p, i);
            if (r == AIMEM_OK) memcpy(dst, p->cache + at, n);
        }
        if (r != AIMEM_OK) return r;
        offset += n;
        dst += n;
        size -= n;
    }
    return AIMEM_OK;
}

/* New contents of chunk i with size bytes of src at `at` (src NULL: zeros), as an entry. The cache
   holds no chunk while this is used. */
AIMC_FN aimem_result aimi_pool_packed_compose(aimem_buffers *b, aimi_pool_packed *p, size_t i,
                                              size_t at, const unsigned char *src, size_t size,
                                              aimi_pool_entry_packed *out) {
    size_t length = aimi_pool_packed_length(p, i);
    if (size < length) {
        aimem_result r = aimi_pool_packed_decode(p, i, p->cache, length);
        if (r != AIMEM_OK) return r;
    }
    if (src != NULL) memcpy(p->cache + at, src, size);
    else memset(p->cache + at, 0, size);
    return aimi_pool_packed_encode(b, p, p->cache, length, out) ? AIMEM_OK : AIMEM_ERR_NOMEM;
}

/* Writes [offset, offset + size), which is inside and more than one chunk. */
AIMC_FN aimem_result aimi_pool_packed_write_many(aimem_buffers *b, aimi_pool_packed *p,
                                                 size_t offset, const unsigned char *src,
                                                 size_t size) {
    size_t first = offset / p->chunk, last = (offset + size - 1) / p->chunk, i, made;
    size_t count = last - first + 1, bytes = count * sizeof(aimi_pool_entry_packed);
    aimi_pool_entry_packed *fresh;
    aimem_result r = aimi_pool_packed_flush(b, p);
    if (r != AIMEM_OK) return r;
    fresh = (aimi_pool_entry_packed *)aimc_alloc(&b->allocator, bytes, 16);
    if (fresh == NULL) return AIMEM_ERR_NOMEM;
    p->cached = p->count;
    for (made = 0; made < count && r == AIMEM_OK; made += r == AIMEM_OK) {
        size_t at = made == 0 ? offset % p->chunk : 0, n;
        n = aimc_min_size(size, p->chunk - at);
        r = aimi_pool_packed_compose(b, p, first + made, at, src, n, &fresh[made]);
        if (src != NULL) src += n;
        size -= n;
    }
    for (i = 0; i < made; i++) {
        if (r == AIMEM_OK) aimi_pool_packed_swap(b, p, first + i, &fresh[i]);
        else aimc_free(&b->allocator, fresh[i].data, fresh[i].size, 16);
    }
    aimc_free(&b->allocator, fresh, bytes, 16);
    return r;
}

/* Writes [offset, offset + size), which is inside; src NULL: zeros. */
AIMC_FN aimem_result aimi_pool_packed_write(aimem_buffers *b, aimi_pool_packed *p, size_t offset,
                                            const unsigned char *src, size_t size) {
    size_t at = offset % p->chunk;
    aimem_result r;
    if (size == 0) return AIMEM_OK;
    if (size > p->chunk - at) return aimi_pool_packed_write_many(b, p, offset, src, size);
    r = aimi_pool_packed_load(b, p, offset / p->chunk);
    if (r != AIMEM_OK) return r;
    if (src != NULL) memcpy(p->cache + at, src, size);
    else memset(p->cache + at, 0, size);
    p->dirty = true;
    return AIMEM_OK;
}

/* Fills the entries of fresh from plain bytes, or from another compressed buffer. */
AIMC_FN aimem_result aimi_pool_packed_fill(aimem_buffers *b, aimi_pool_packed *fresh,
                                           const unsigned char *plain, aimi_pool_packed *packed) {
    size_t i;
    for (i = 0; i < fresh->count; i++) {
        size_t at = i * fresh->chunk, length = aimi_pool_packed_length(fresh, i);
        const unsigned char *src = plain != NULL ? plain + at : fresh->cache;
        if (plain == NULL) {
            aimem_result r = aimi_pool_packed_read(b, packed, at, fresh->cache, length);
            if (r != AIMEM_OK) return r;
        }
        if (!aimi_pool_packed_encode(b, fresh, src, length, &fresh->entries[i])) {
            fresh->entries[i].size = 0;
            return AIMEM_ERR_NOMEM;
        }
        fresh->stored += fresh->entries[i].size;
    }
    return AIMEM_OK;
}

#endif
