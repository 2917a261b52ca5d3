/* vec/load.h: reading a collection from a stream, whose bytes may be hostile.
 *
 * Nothing is believed before its CRC was compared, and a correct CRC is not believed either:
 * whoever damages a file on purpose can work it out. So every number is checked against its bounds,
 * every row as if it were added, ids and labels for being unique. Sizes in the header take no
 * memory: chunks are taken one by one as the block before was read, the table of ids when all rows
 * were, and the label bytes grow by doubling.
 */
#ifndef AIMI_VEC_LOAD_H
#define AIMI_VEC_LOAD_H

#include "vec/format.h"

/* What is told to the logger; AIMEM_NO_STRINGS: the code alone. */
#if defined(AIMEM_NO_STRINGS)
#define AIMI_VEC_TEXT(text) ""
#else
#define AIMI_VEC_TEXT(text) text
#endif

/* Bytes on their way in. */
typedef struct aimi_vec_reader {
    const aimem_stream *stream;
    const aimem_logger *logger;
    unsigned char *buffer; /* AIMI_VEC_BUFFER: the block of keys that is being read */
    size_t used, size;     /* in buffer: given out, payload in all */
    uint64_t keys;         /* payload of the keys that is not in the buffer yet */
    uint32_t crc;          /* of the last block */
} aimi_vec_reader;

AIMC_FN aimem_result aimi_vec_refuse(const aimem_logger *logger, aimem_result code,
                                     const char *text) {
    if (logger->log_fn != NULL) logger->log_fn(logger->user_data, 0, code, text);
    return code;
}

#define AIMI_VEC_REFUSE(reader, code, text) \
    aimi_vec_refuse((reader)->logger, code, AIMI_VEC_TEXT("aimem_vec_load: " text))

/* All size bytes; CORRUPT when the stream ends before. */
AIMC_FN aimem_result aimi_vec_read(aimi_vec_reader *r, void *dst, size_t size) {
    unsigned char *to = (unsigned char *)dst;
    while (size != 0) {
        size_t got = 0;
        aimem_result result = r->stream->read_fn(r->stream->user_data, to, size, &got);
        if (result != AIMEM_OK) return result < 0 ? result : AIMEM_ERR_IO;
        if (got > size) return AIMEM_ERR_IO;
        if (got == 0) {
            return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "the data end too early");
        }
        to += got;
        size -= got;
    }
    return AIMEM_OK;
}

/* A block of size bytes to dst, with its zeros and its CRC. */
AIMC_FN aimem_result aimi_vec_read_block(aimi_vec_reader *r, void *dst, size_t size) {
    unsigned char tail[AIMI_VEC_UNIT + 4];
    size_t pad = aimi_vec_block_pad(size), i;
    aimem_result result = aimi_vec_read(r, dst, size);
    if (result == AIMEM_OK) result = aimi_vec_read(r, tail, pad + 4);
    if (result != AIMEM_OK) return result;
    r->crc = aimc_crc32c(aimc_crc32c(r->crc, dst, size), tail, pad);
    if (aimc_load_u32(tail + pad) != r->crc) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "a checksum is wrong");
    }
    for (i = 0; i < pad; i++) {
        if (tail[i] != 0) return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "padding is not zero");
    }
    return AIMEM_OK;
}

/* Whether the numbers of a header fit together. */
AIMC_FN bool aimi_vec_header_valid(const aimi_vec_header *h) {
    if (h->dim == 0 || h->dim > AIMEM_VEC_MAX_DIM || h->metric > AIMEM_VEC_IP) return false;
    if (h->stride != aimi_vec_stride(h->dim)) return false;
    if (h->block != (uint32_t)1 << aimi_vec_chunk_shift(h->stride)) return false;
    if (h->rows > AIMEM_VEC_MAX_ROWS) return false;
    return h->keys >= h->rows * AIMI_VEC_KEY &&
           h->keys <= h->rows * (AIMI_VEC_KEY + AIMEM_VEC_MAX_LABEL);
}

AIMC_FN aimem_result aimi_vec_read_header(aimi_vec_reader *r, aimi_vec_header *h) {
    unsigned char b[AIMI_VEC_HEADER];
    aimem_result result = aimi_vec_read(r, b, sizeof b);
    if (result != AIMEM_OK) return result;
    if (memcmp(b, AIMI_VEC_MAGIC, 8) != 0) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "not a saved collection");
    }
    if (aimc_load_u32(b + AIMI_VEC_AT_ENDIAN) != AIMI_VEC_ENDIAN) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_VERSION, "numbers in another byte order");
    }
    if (aimc_load_u32(b + AIMI_VEC_AT_VERSION) != AIMI_VEC_FORMAT) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_VERSION, "another version of the format");
    }
    r->crc = aimc_crc32c(0, b, AIMI_VEC_AT_CRC);
    h->crc = aimc_load_u32(b + AIMI_VEC_AT_CRC);
    h->dim = aimc_load_u32(b + AIMI_VEC_AT_DIM);
    h->metric = aimc_load_u32(b + AIMI_VEC_AT_METRIC);
    h->rows = aimc_load_u64(b + AIMI_VEC_AT_ROWS);
    h->next_id = aimc_load_u64(b + AIMI_VEC_AT_NEXT_ID);
    h->keys = aimc_load_u64(b + AIMI_VEC_AT_KEYS);
    h->stride = aimc_load_u32(b + AIMI_VEC_AT_STRIDE);
    h->block = aimc_load_u32(b + AIMI_VEC_AT_BLOCK);
    if (h->crc != r->crc) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "the checksum of the header is wrong");
    }
    if (aimc_load_u32(b + AIMI_VEC_AT_ZERO) != 0 || !aimi_vec_header_valid(h)) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "the header contradicts itself");
    }
    return AIMEM_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The row in a slot, as it came from the file: swapped, measured, its padding checked. */
AIMC_FN bool aimi_vec_row_accept(aimem_vec *v, uint32_t slot) {
    float *row = aimi_vec_row_at(&v->rows, slot);
    size_t i;
    aimi_vec_swap_floats(row, row, v->rows.stride);
    for (i = v->rows.dim; i < v->rows.stride; i++) {
        uint32_t bits;
        memcpy(&bits, &row[i], sizeof bits);
        if (bits != 0) return false;
    }
    return aimi_vec_measure(v->metric, row, v->rows.dim,
                            aimi_vec_norm_at(&v->rows, slot)) == AIMEM_OK;
}

/* v->count counts the rows that were read; they have no id yet. */
AIMC_FN aimem_result aimi_vec_read_rows(aimi_vec_reader *r, aimem_vec *v, uint64_t rows) {
    size_t whole = (size_t)1 << v->rows.shift;
    while (v->count < rows) {
        size_t n = rows - v->count < whole ? (size_t)(rows - v->count) : whole, i;
        aimi_vec_spare spare;
        aimem_result result;
        memset(&spare, 0, sizeof spare);
        result = aimi_vec_rows_room(&v->rows, &v->allocator, (uint64_t)v->count + n, v->count,
                                    &spare);
        aimi_vec_spare_free(&spare, &v->allocator);
        if (result == AIMEM_OK) {
            result = aimi_vec_read_block(r, aimi_vec_row_at(&v->rows, v->count),
                                         n * v->rows.stride * sizeof(float));
        }
        if (result != AIMEM_OK) return result;
        for (i = 0; i < n; i++) {
            if (!aimi_vec_row_accept(v, v->count)) {
                return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "a row that cannot be added");
            }
            v->count++;
        }
    }
    return AIMEM_OK;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* Bytes of the keys, over the ends of blocks. */
AIMC_FN aimem_result aimi_vec_read_key_bytes(aimi_vec_reader *r, void *dst, size_t size) {
    unsigned char *to = (unsigned char *)dst;
    while (size != 0) {
        size_t n = aimc_min_size(size, r->size - r->used);
        memcpy(to, r->buffer + r->used, n);
        r->used += n;
        to += n;
        size -= n;
        if (size != 0) {
            aimem_result result;
            if (r->keys == 0) {
                return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "the keys end too early");
            }
            r->size = r->keys < AIMI_VEC_KEYS ? (size_t)r->keys : (size_t)AIMI_VEC_KEYS;
            r->keys -= r->size;
            r->used = 0;
            result = aimi_vec_read_block(r, r->buffer, r->size);
            if (result != AIMEM_OK) return result;
        }
    }
    return AIMEM_OK;
}

AIMC_FN aimem_result aimi_vec_read_label(aimi_vec_reader *r, aimem_vec *v, uint32_t slot,
                                         size_t size) {
    aimi_vec_labels *l = &v->labels;
    aimi_vec_spare spare[2];
    uint32_t other;
    char *text;
    size_t at;
    aimem_result result;
    memset(spare, 0, sizeof spare);
    result = aimi_vec_room(v, 0, size + AIMI_VEC_LABEL_FRAME, 1, spare);
    aimi_vec_spare_free(&spare[1], &v->allocator);
    if (result != AIMEM_OK) return result;
    text = (char *)l->bytes + l->size + AIMI_VEC_LABEL_HEAD;
    result = aimi_vec_read_key_bytes(r, text, size);
    if (result != AIMEM_OK) return result;
    if (aimi_vec_label_has_zero(text, size)) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "a label with a 0 byte");
    }
    if (aimi_vec_find_label(v, text, size, &other)) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "two rows with one label");
    }
    at = aimi_vec_label_append(l, slot, size);
    *aimi_vec_label_at(&v->rows, slot) = at;
    aimi_vec_table_put(&l->table, aimi_vec_hash_text(text, size), slot);
    return AIMEM_OK;
}

AIMC_FN aimem_result aimi_vec_read_keys(aimi_vec_reader *r, aimem_vec *v, uint64_t next_id) {
    aimem_result result = aimi_vec_table_room(&v->ids, &v->allocator, v->count, v,
                                              aimi_vec_hash_slot_id);
    uint32_t slot, other;
    for (slot = 0; slot < v->count && result == AIMEM_OK; slot++) {
        unsigned char key[AIMI_VEC_KEY];
        uint64_t id;
        result = aimi_vec_read_key_bytes(r, key, sizeof key);
        if (result != AIMEM_OK) return result;
        id = aimc_load_u64(key);
        if (id >= next_id || aimi_vec_find_id(v, id, &other)) {
            return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "an id that cannot be added");
        }
        *aimi_vec_id_at(&v->rows, slot) = id;
        *aimi_vec_label_at(&v->rows, slot) = 0;
        aimi_vec_table_put(&v->ids, aimi_vec_hash_id(id), slot);
        if (aimc_load_u16(key + 8) != 0) {
            result = aimi_vec_read_label(r, v, slot, aimc_load_u16(key + 8));
        }
    }
    if (result == AIMEM_OK && (r->keys != 0 || r->used != r->size)) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_CORRUPT, "keys of more rows than there are");
    }
    v->next_id = next_id;
    return result;
}

/* ---- the call -------------------------------------------------------------------------------- */

/* An empty collection for what the header announces. */
AIMC_FN aimem_result aimi_vec_load_create(const aimi_vec_reader *r, const aimem_vec_desc *desc,
                                          const aimi_vec_header *h, aimem_vec **out) {
    aimem_vec_desc of_file = *desc;
    if (desc->dim != 0 && desc->dim != h->dim) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_INVALID, "vectors of another dimension");
    }
    of_file.dim = h->dim;
    of_file.metric = h->metric;
    if (desc->max_rows != 0 && h->rows > desc->max_rows) {
        return AIMI_VEC_REFUSE(r, AIMEM_ERR_LIMIT, "more rows than max_rows");
    }
    return aimem_vec_create(&of_file, out);
}

AIMC_FN aimem_result aimi_vec_load_body(aimi_vec_reader *r, aimem_vec *v,
                                        const aimi_vec_header *h) {
    aimem_result result;
    r->keys = h->keys;
    r->used = r->size = 0;
    result = aimi_vec_read_rows(r, v, h->rows);
    if (result != AIMEM_OK) return result;
    r->buffer = (unsigned char *)aimc_alloc(&v->allocator, AIMI_VEC_BUFFER, AIMI_VEC_ALIGN);
    if (r->buffer == NULL) return AIMEM_ERR_NOMEM;
    result = aimi_vec_read_keys(r, v, h->next_id);
    aimc_free(&v->allocator, r->buffer, AIMI_VEC_BUFFER, AIMI_VEC_ALIGN);
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_load(const aimem_vec_desc *desc, const aimem_stream *stream,
                                          aimem_vec **out) {
    aimem_vec_desc all_default;
    aimi_vec_header header;
    aimi_vec_reader r;
    aimem_vec *v = NULL;
    aimem_result result;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    if (stream == NULL || stream->read_fn == NULL) return AIMEM_ERR_INVALID;
    memset(&all_default, 0, sizeof all_default);
    memset(&header, 0, sizeof header);
    if (desc == NULL) desc = &all_default;
    memset(&r, 0, sizeof r);
    r.stream = stream;
    r.logger = &desc->logger;
    result = aimi_vec_read_header(&r, &header);
    if (result == AIMEM_OK) result = aimi_vec_load_create(&r, desc, &header, &v);
    if (result == AIMEM_OK) result = aimi_vec_load_body(&r, v, &header);
    if (result != AIMEM_OK) {
        aimem_vec_destroy(v);
        return result;
    }
    *out = v;
    return AIMEM_OK;
}

#endif
