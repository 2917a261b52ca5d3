/* vec/rows.h: the rows in memory, and what belongs to each of them.
 *
 * Rows live in chunks of about 1 MiB, so a large collection grows without copying and a scan runs
 * over long straight stretches. The slot of a row is its number; slot >> shift is the chunk, the
 * low bits are the place in it. A chunk for n rows is one block, 64-byte aligned:
 *
 *   | row 0 | row 1 | ... row n-1 | n ids, 8 B | n labels, size_t | n inverse norms, f32 |
 *
 * Every chunk holds 1 << shift rows, but for the first: it starts small and doubles until it is a
 * whole one, so small collections stay small. A chunk needs nothing outside it, so one allocation
 * makes room for a row and all that belongs to it.
 *
 * A row is stride floats long: dim floats and then zeros. From 16 floats on the stride is a
 * multiple of 16, so that every row starts at a multiple of 64 bytes (a cache line, an AVX-512
 * register) and no load straddles two lines; the common dimensions are multiples of 16 already.
 * Below, padding to 16 would cost up to 16 times the memory: there the stride is a multiple of 4.
 *
 * Invariants: chunks * (1 << shift) slots exist, first of them in chunk 0 when it is alone; with
 * more than one chunk the first is whole. Rows, ids, labels and norms below the collection's count
 * are valid, the rest is undefined.
 */
#ifndef AIMI_VEC_ROWS_H
#define AIMI_VEC_ROWS_H

#include "core/alloc.h"

typedef struct aimi_vec_rows {
    unsigned char **chunk; /* the directory */
    size_t room;           /* entries that fit in the directory */
    size_t chunks;         /* entries in use */
    size_t first;          /* rows that fit in chunk 0: 0 or a power of two up to 1 << shift */
    uint32_t dim, stride;  /* floats */
    uint32_t shift;
} aimi_vec_rows;

/* A block that was replaced but may still be read until the call is over: the caller's vector or
   label may lie in it. */
typedef struct aimi_vec_spare {
    void *ptr;
    size_t size, align;
} aimi_vec_spare;

enum {
    AIMI_VEC_ALIGN = 64,
    AIMI_VEC_CHUNK = 1 << 20, /* bytes of rows in a chunk, at most */
    AIMI_VEC_FIRST = 8        /* rows in the smallest first chunk */
};

AIMC_FN void aimi_vec_spare_free(aimi_vec_spare *spare, const aimem_allocator *a) {
    aimc_free(a, spare->ptr, spare->size, spare->align);
    spare->ptr = NULL;
}

AIMC_FN uint32_t aimi_vec_stride(uint32_t dim) {
    uint32_t multiple = dim < 16 ? 4 : 16;
    return (dim + multiple - 1) / multiple * multiple;
}

/* The largest power of two of rows that stay within AIMI_VEC_CHUNK. On disk too, as block size. */
AIMC_FN uint32_t aimi_vec_chunk_shift(uint32_t stride) {
    return aimc_log2_u64(AIMI_VEC_CHUNK / (stride * (uint32_t)sizeof(float)));
}

AIMC_FN void aimi_vec_rows_init(aimi_vec_rows *r, uint32_t dim) {
    memset(r, 0, sizeof *r);
    r->dim = dim;
    r->stride = aimi_vec_stride(dim);
    r->shift = aimi_vec_chunk_shift(r->stride);
}

/* The bytes of a chunk for n rows; n <= 1 << shift, so it is below 4 MiB. */
AIMC_FN size_t aimi_vec_chunk_bytes(const aimi_vec_rows *r, size_t n) {
    return n * (r->stride * sizeof(float) + sizeof(uint64_t) + sizeof(size_t) + sizeof(float));
}

/* Rows for which chunk c was made. */
AIMC_INLINE size_t aimi_vec_chunk_rows(const aimi_vec_rows *r, size_t c) {
    return c == 0 ? r->first : (size_t)1 << r->shift;
}

AIMC_INLINE size_t aimi_vec_slot_chunk(const aimi_vec_rows *r, uint32_t slot) {
    return slot >> r->shift;
}

AIMC_INLINE size_t aimi_vec_slot_place(const aimi_vec_rows *r, uint32_t slot) {
    return slot & (((size_t)1 << r->shift) - 1);
}

AIMC_INLINE float *aimi_vec_row_at(const aimi_vec_rows *r, uint32_t slot) {
    return (float *)(void *)r->chunk[aimi_vec_slot_chunk(r, slot)] +
           aimi_vec_slot_place(r, slot) * r->stride;
}

/* The columns of a chunk for n rows. */
AIMC_INLINE uint64_t *aimi_vec_chunk_ids(const aimi_vec_rows *r, unsigned char *chunk, size_t n) {
    return (uint64_t *)(void *)(chunk + n * r->stride * sizeof(float));
}

AIMC_INLINE size_t *aimi_vec_chunk_labels(const aimi_vec_rows *r, unsigned char *chunk, size_t n) {
    return (size_t *)(void *)(aimi_vec_chunk_ids(r, chunk, n) + n);
}

AIMC_INLINE float *aimi_vec_chunk_norms(const aimi_vec_rows *r, unsigned char *chunk, size_t n) {
    return (float *)(void *)(aimi_vec_chunk_labels(r, chunk, n) + n);
}

AIMC_INLINE uint64_t *aimi_vec_id_at(const aimi_vec_rows *r, uint32_t slot) {
    size_t c = aimi_vec_slot_chunk(r, slot);
    return aimi_vec_chunk_ids(r, r->chunk[c], aimi_vec_chunk_rows(r, c)) +
           aimi_vec_slot_place(r, slot);
}

/* Where the label of a row stands in the label bytes (vec/labels.h); 0: it has none. */
AIMC_INLINE size_t *aimi_vec_label_at(const aimi_vec_rows *r, uint32_t slot) {
    size_t c = aimi_vec_slot_chunk(r, slot);
    return aimi_vec_chunk_labels(r, r->chunk[c], aimi_vec_chunk_rows(r, c)) +
           aimi_vec_slot_place(r, slot);
}

/* One divided by the length of the row; 0 for a zero vector, and for metrics other than cosine. */
AIMC_INLINE float *aimi_vec_norm_at(const aimi_vec_rows *r, uint32_t slot) {
    size_t c = aimi_vec_slot_chunk(r, slot);
    return aimi_vec_chunk_norms(r, r->chunk[c], aimi_vec_chunk_rows(r, c)) +
           aimi_vec_slot_place(r, slot);
}

/* Copies a vector into a slot. The two may overlap (a put of what a view shows). */
AIMC_FN void aimi_vec_row_set(const aimi_vec_rows *r, uint32_t slot, const float *vector) {
    float *row = aimi_vec_row_at(r, slot);
    memmove(row, vector, r->dim * sizeof(float));
    memset(row + r->dim, 0, (r->stride - r->dim) * sizeof(float));
}

/* Row from takes the place of row to. */
AIMC_FN void aimi_vec_row_move(const aimi_vec_rows *r, uint32_t to, uint32_t from) {
    memcpy(aimi_vec_row_at(r, to), aimi_vec_row_at(r, from), r->stride * sizeof(float));
    *aimi_vec_id_at(r, to) = *aimi_vec_id_at(r, from);
    *aimi_vec_label_at(r, to) = *aimi_vec_label_at(r, from);
    *aimi_vec_norm_at(r, to) = *aimi_vec_norm_at(r, from);
}

/* The directory for room entries, at least chunks. */
AIMC_FN aimem_result aimi_vec_directory_resize(aimi_vec_rows *r, const aimem_allocator *a,
                                               size_t room) {
    const size_t size = sizeof(unsigned char *);
    void *fresh;
    if (room > SIZE_MAX / size) return AIMEM_ERR_NOMEM;
    fresh = aimc_alloc(a, room * size, size);
    if (fresh == NULL) return AIMEM_ERR_NOMEM;
    if (r->chunks != 0) memcpy(fresh, (const void *)r->chunk, r->chunks * size);
    aimc_free(a, (void *)r->chunk, r->room * size, size);
    r->chunk = (unsigned char **)fresh;
    r->room = room;
    return AIMEM_OK;
}

/* Another chunk 0, for n rows, of which count are in use; the old one goes to spare. */
AIMC_FN aimem_result aimi_vec_first_resize(aimi_vec_rows *r, const aimem_allocator *a, size_t n,
                                           size_t count, aimi_vec_spare *spare) {
    unsigned char *old = r->chunks != 0 ? r->chunk[0] : NULL;
    unsigned char *fresh = (unsigned char *)aimc_alloc(a, aimi_vec_chunk_bytes(r, n),
                                                       AIMI_VEC_ALIGN);
    if (fresh == NULL) return AIMEM_ERR_NOMEM;
    if (count != 0) {
        memcpy(fresh, old, count * r->stride * sizeof(float));
        memcpy(aimi_vec_chunk_ids(r, fresh, n), aimi_vec_chunk_ids(r, old, r->first),
               count * sizeof(uint64_t));
        memcpy(aimi_vec_chunk_labels(r, fresh, n), aimi_vec_chunk_labels(r, old, r->first),
               count * sizeof(size_t));
        memcpy(aimi_vec_chunk_norms(r, fresh, n), aimi_vec_chunk_norms(r, old, r->first),
               count * sizeof(float));
    }
    if (old != NULL) {
        spare->ptr = old;
        spare->size = aimi_vec_chunk_bytes(r, r->first);
        spare->align = AIMI_VEC_ALIGN;
    }
    r->chunk[0] = fresh;
    r->first = n;
    if (r->chunks == 0) r->chunks = 1;
    return AIMEM_OK;
}

/* Frees the chunks from number keep on. */
AIMC_FN void aimi_vec_chunks_drop(aimi_vec_rows *r, const aimem_allocator *a, size_t keep) {
    while (r->chunks > keep) {
        size_t c = --r->chunks;
        size_t n = aimi_vec_chunk_rows(r, c);
        aimc_free(a, r->chunk[c], aimi_vec_chunk_bytes(r, n), AIMI_VEC_ALIGN);
        if (c == 0) r->first = 0;
    }
}

/* The size that chunk 0 should have in a collection of n rows. */
AIMC_FN size_t aimi_vec_first_rows(const aimi_vec_rows *r, uint64_t n) {
    size_t whole = (size_t)1 << r->shift;
    size_t rows = aimc_min_size(AIMI_VEC_FIRST, whole);
    while (rows < n && rows < whole) rows *= 2;
    return rows;
}

/* Room for n rows in all, of which count are in use. NOMEM: no chunk more than before. */
AIMC_FN aimem_result aimi_vec_rows_room(aimi_vec_rows *r, const aimem_allocator *a, uint64_t n,
                                        size_t count, aimi_vec_spare *spare) {
    uint64_t whole = (uint64_t)1 << r->shift;
    uint64_t chunks = (n + whole - 1) >> r->shift;
    size_t before = r->chunks, first = aimi_vec_first_rows(r, n);
    aimem_result result = AIMEM_OK;
    if (chunks > SIZE_MAX / sizeof(void *)) return AIMEM_ERR_NOMEM;
    if (chunks > r->room) {
        size_t room = aimc_max_size((size_t)chunks, aimc_max_size(4, r->room * 2));
        result = aimi_vec_directory_resize(r, a, room);
    }
    if (result == AIMEM_OK && chunks != 0 && first > r->first) {
        result = aimi_vec_first_resize(r, a, first, count, spare);
    }
    while (result == AIMEM_OK && r->chunks < chunks) {
        void *chunk = aimc_alloc(a, aimi_vec_chunk_bytes(r, (size_t)whole), AIMI_VEC_ALIGN);
        if (chunk == NULL) {
            aimi_vec_chunks_drop(r, a, before);
            result = AIMEM_ERR_NOMEM;
        } else {
            r->chunk[r->chunks++] = (unsigned char *)chunk;
        }
    }
    return result;
}

/* Gives back what n rows do not need. NOMEM: as far as it went. */
AIMC_FN aimem_result aimi_vec_rows_trim(aimi_vec_rows *r, const aimem_allocator *a, size_t n) {
    size_t chunks = (n + ((size_t)1 << r->shift) - 1) >> r->shift;
    aimi_vec_spare spare;
    memset(&spare, 0, sizeof spare);
    aimi_vec_chunks_drop(r, a, chunks);
    if (chunks == 1 && aimi_vec_first_rows(r, n) < r->first) {
        aimem_result result = aimi_vec_first_resize(r, a, aimi_vec_first_rows(r, n), n, &spare);
        if (result != AIMEM_OK) return result;
        aimi_vec_spare_free(&spare, a);
    }
    if (chunks == 0) {
        aimc_free(a, (void *)r->chunk, r->room * sizeof(void *), sizeof(void *));
        r->chunk = NULL;
        r->room = 0;
    } else if (chunks < r->room) {
        return aimi_vec_directory_resize(r, a, chunks);
    }
    return AIMEM_OK;
}

/* Rows that fit in the memory held. */
AIMC_FN uint64_t aimi_vec_rows_capacity(const aimi_vec_rows *r) {
    return r->chunks == 0 ? 0 : r->first + ((uint64_t)(r->chunks - 1) << r->shift);
}

AIMC_FN uint64_t aimi_vec_rows_bytes(const aimi_vec_rows *r) {
    uint64_t bytes = (uint64_t)r->room * sizeof(void *);
    return bytes + aimi_vec_rows_capacity(r) * aimi_vec_chunk_bytes(r, 1);
}

#endif
