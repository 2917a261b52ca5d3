/* vec/format.h: the bytes of a saved collection (docs/FORMAT.md has the tables).
 *
 *   header 64 | rows: blocks | keys: blocks          all numbers little endian
 *
 * The keys are, row by row: id (8), size of the label (2), label. Both sections are cut into
 * blocks. A block is its payload, zeros, and a CRC32C in its last four bytes; the zeros make its
 * size a multiple of 64. So every block begins at a multiple of 64, and so does each row of 16
 * floats or more: a mapped file can be searched in place. For the same reason rows are stored with
 * the padding that they have in memory, which is nothing for most dimensions in use.
 *
 * Each CRC goes on from the one before it, that of the header first, so blocks of another place or
 * another file do not fit. Any single flipped bit lies under a CRC or in one.
 */
#ifndef AIMI_VEC_FORMAT_H
#define AIMI_VEC_FORMAT_H

#include "core/bytes.h"
#include "core/crc.h"
#include "vec/store.h"

#define AIMI_VEC_MAGIC "AIMEMVEC"

enum {
    AIMI_VEC_FORMAT = 1,           /* the version that is written and read */
    AIMI_VEC_ENDIAN = 0x01020304,  /* reads as 0x04030201 if a writer swapped the bytes */
    AIMI_VEC_HEADER = 64,          /* bytes */
    AIMI_VEC_UNIT = 64,            /* blocks are multiples of it */
    AIMI_VEC_BUFFER = 65536,       /* bytes held while saving or loading */
    AIMI_VEC_KEYS = 65536 - 4,     /* payload of a block of keys: its CRC fills the buffer up */
    AIMI_VEC_KEY = 10              /* id and size of the label */
};

/* Where the fields of the header stand. */
enum {
    AIMI_VEC_AT_VERSION = 8,
    AIMI_VEC_AT_ENDIAN = 12,
    AIMI_VEC_AT_DIM = 16,
    AIMI_VEC_AT_METRIC = 20,
    AIMI_VEC_AT_ROWS = 24,
    AIMI_VEC_AT_NEXT_ID = 32,
    AIMI_VEC_AT_KEYS = 40,
    AIMI_VEC_AT_STRIDE = 48,
    AIMI_VEC_AT_BLOCK = 52,
    AIMI_VEC_AT_ZERO = 56,
    AIMI_VEC_AT_CRC = 60
};

typedef struct aimi_vec_header {
    uint32_t dim, metric, stride, block; /* block: rows in a block of rows */
    uint64_t rows, next_id, keys;        /* keys: payload bytes of that section */
    uint32_t crc;
} aimi_vec_header;

/* Zeros between the payload and the CRC of a block. */
AIMC_FN size_t aimi_vec_block_pad(size_t payload) {
    return (AIMI_VEC_UNIT - (payload + 4) % AIMI_VEC_UNIT) % AIMI_VEC_UNIT;
}

/* n floats from the order of the machine to that of the file, or back. dst may be src. */
AIMC_FN void aimi_vec_swap_floats(void *dst, const void *src, size_t n) {
#if defined(AIMC_BIG_ENDIAN)
    size_t i;
    for (i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, (const unsigned char *)src + i * 4, 4);
        bits = aimc_swap_u32(bits);
        memcpy((unsigned char *)dst + i * 4, &bits, 4);
    }
#else
    if (dst != src) memcpy(dst, src, n * 4);
#endif
}

AIMC_FN uint64_t aimi_vec_keys_bytes(const aimem_vec *v) {
    const aimi_vec_labels *l = &v->labels;
    return (uint64_t)v->count * AIMI_VEC_KEY + (l->size - l->dead) -
           l->live * AIMI_VEC_LABEL_FRAME;
}

#endif
