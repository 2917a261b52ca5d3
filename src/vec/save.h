/* vec/save.h: writing a collection to a stream.
 *
 * All bytes pass through one buffer. The CRC of a block is taken of what lies in the buffer when it
 * is flushed and when the block ends, so blocks may be larger than the buffer.
 */
#ifndef AIMI_VEC_SAVE_H
#define AIMI_VEC_SAVE_H

#include "vec/format.h"

/* Bytes on their way out. buffer[0, used) is not written yet; of it, [0, summed) is in crc. */
typedef struct aimi_vec_writer {
    const aimem_stream *stream;
    unsigned char *buffer; /* AIMI_VEC_BUFFER */
    size_t used, summed;
    size_t payload;      /* bytes of the block so far */
    uint32_t crc;        /* of the blocks so far and of this one up to summed */
    aimem_result result; /* the first failure; nothing is written after it */
} aimi_vec_writer;

AIMC_FN void aimi_vec_write_sum(aimi_vec_writer *w) {
    w->crc = aimc_crc32c(w->crc, w->buffer + w->summed, w->used - w->summed);
    w->summed = w->used;
}

AIMC_FN void aimi_vec_write_flush(aimi_vec_writer *w) {
    aimi_vec_write_sum(w);
    if (w->result == AIMEM_OK && w->used != 0) {
        aimem_result result = w->stream->write_fn(w->stream->user_data, w->buffer, w->used);
        if (result != AIMEM_OK) w->result = result < 0 ? result : AIMEM_ERR_IO;
    }
    w->used = w->summed = 0;
}

/* Room for size bytes in the buffer, at most AIMI_VEC_BUFFER. */
AIMC_FN unsigned char *aimi_vec_write_room(aimi_vec_writer *w, size_t size) {
    unsigned char *at;
    if (size > AIMI_VEC_BUFFER - w->used) aimi_vec_write_flush(w);
    at = w->buffer + w->used;
    w->used += size;
    w->payload += size;
    return at;
}

/* Zeros and CRC. */
AIMC_FN void aimi_vec_write_block_end(aimi_vec_writer *w) {
    size_t pad = aimi_vec_block_pad(w->payload);
    memset(aimi_vec_write_room(w, pad), 0, pad);
    aimi_vec_write_sum(w);
    aimc_store_u32(aimi_vec_write_room(w, 4), w->crc);
    w->summed = w->used; /* after a flush too: the CRC is no part of itself */
    w->payload = 0;
}

AIMC_FN void aimi_vec_write_header(const aimem_vec *v, aimi_vec_writer *w) {
    unsigned char *h = aimi_vec_write_room(w, AIMI_VEC_HEADER);
    memset(h, 0, AIMI_VEC_HEADER);
    memcpy(h, AIMI_VEC_MAGIC, 8);
    aimc_store_u32(h + AIMI_VEC_AT_VERSION, AIMI_VEC_FORMAT);
    aimc_store_u32(h + AIMI_VEC_AT_ENDIAN, AIMI_VEC_ENDIAN);
    aimc_store_u32(h + AIMI_VEC_AT_DIM, v->rows.dim);
    aimc_store_u32(h + AIMI_VEC_AT_METRIC, v->metric);
    aimc_store_u64(h + AIMI_VEC_AT_ROWS, v->count);
    aimc_store_u64(h + AIMI_VEC_AT_NEXT_ID, v->next_id);
    aimc_store_u64(h + AIMI_VEC_AT_KEYS, aimi_vec_keys_bytes(v));
    aimc_store_u32(h + AIMI_VEC_AT_STRIDE, v->rows.stride);
    aimc_store_u32(h + AIMI_VEC_AT_BLOCK, (uint32_t)1 << v->rows.shift);
    w->crc = aimc_crc32c(0, h, AIMI_VEC_AT_CRC);
    aimc_store_u32(h + AIMI_VEC_AT_CRC, w->crc);
    w->summed = w->used;
    w->payload = 0;
}

/* A block of rows is a chunk of them. */
AIMC_FN void aimi_vec_write_rows(const aimem_vec *v, aimi_vec_writer *w) {
    size_t whole = (size_t)1 << v->rows.shift, c;
    for (c = 0; c * whole < v->count && w->result == AIMEM_OK; c++) {
        const float *row = aimi_vec_row_at(&v->rows, (uint32_t)(c * whole));
        size_t left = aimc_min_size(whole, v->count - c * whole) * v->rows.stride;
        while (left != 0 && w->result == AIMEM_OK) {
            size_t n = aimc_min_size(left, AIMI_VEC_BUFFER / sizeof(float));
            aimi_vec_swap_floats(aimi_vec_write_room(w, n * sizeof(float)), row, n);
            row += n;
            left -= n;
        }
        aimi_vec_write_block_end(w);
    }
}

/* Bytes of the keys, cut into blocks wherever one is full. */
AIMC_FN void aimi_vec_write_key_bytes(aimi_vec_writer *w, const void *src, size_t size) {
    const unsigned char *from = (const unsigned char *)src;
    while (size != 0) {
        size_t n = aimc_min_size(size, AIMI_VEC_KEYS - w->payload);
        memcpy(aimi_vec_write_room(w, n), from, n);
        if (w->payload == AIMI_VEC_KEYS) aimi_vec_write_block_end(w);
        from += n;
        size -= n;
    }
}

AIMC_FN void aimi_vec_write_keys(const aimem_vec *v, aimi_vec_writer *w) {
    uint32_t slot;
    for (slot = 0; slot < v->count && w->result == AIMEM_OK; slot++) {
        unsigned char key[AIMI_VEC_KEY];
        const char *label;
        size_t size;
        aimi_vec_slot_label(v, slot, &label, &size);
        aimc_store_u64(key, *aimi_vec_id_at(&v->rows, slot));
        aimc_store_u16(key + 8, (uint16_t)size);
        aimi_vec_write_key_bytes(w, key, sizeof key);
        if (size != 0) aimi_vec_write_key_bytes(w, label, size);
    }
    if (w->payload != 0) aimi_vec_write_block_end(w);
}

AIMEM_VEC_API aimem_result aimem_vec_save(const aimem_vec *v, const aimem_stream *stream) {
    aimi_vec_writer w;
    if (v == NULL || stream == NULL || stream->write_fn == NULL) return AIMEM_ERR_INVALID;
    memset(&w, 0, sizeof w);
    w.stream = stream;
    w.buffer = (unsigned char *)aimc_alloc(&v->allocator, AIMI_VEC_BUFFER, AIMI_VEC_ALIGN);
    if (w.buffer == NULL) return AIMEM_ERR_NOMEM;
    aimi_vec_write_header(v, &w);
    aimi_vec_write_rows(v, &w);
    aimi_vec_write_keys(v, &w);
    aimi_vec_write_flush(&w);
    aimc_free(&v->allocator, w.buffer, AIMI_VEC_BUFFER, AIMI_VEC_ALIGN);
    return w.result;
}

#endif
