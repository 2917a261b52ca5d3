/* vec/labels.h: the texts of the rows, in one growing piece of memory.
 *
 *   | slot, 4 B | size, 2 B | text ... | 0 |   next record ...
 *                           ^ the offset that the row keeps; never 0, so 0 says "no label"
 *
 * A record whose row lost its label has slot AIMI_VEC_DEAD. When more than half of the bytes are
 * dead the live records slide together: the slot in front of each says whose offset changes, so
 * this needs no memory and cannot fail.
 *
 * Invariants: records fill bytes[0, size) without gaps; dead is the sum of the dead ones; live
 * records have different texts, without a 0 byte, of 1 to AIMEM_VEC_MAX_LABEL bytes; the table
 * holds the slots of the live ones.
 */
#ifndef AIMI_VEC_LABELS_H
#define AIMI_VEC_LABELS_H

#include "core/bytes.h"
#include "vec/rows.h"
#include "vec/table.h"

typedef struct aimi_vec_labels {
    unsigned char *bytes;
    size_t size, room, dead;
    uint64_t live; /* rows with a label */
    aimi_vec_table table;
} aimi_vec_labels;

#define AIMI_VEC_DEAD UINT32_MAX

enum {
    AIMI_VEC_LABEL_HEAD = 6,       /* slot and size */
    AIMI_VEC_LABEL_FRAME = 7,      /* and the final 0 */
    AIMI_VEC_LABEL_ROOM = 256,     /* the first room */
    AIMI_VEC_LABEL_PACK = 4096     /* fewer dead bytes are left alone */
};

/* The bytes of a label, NULL counting as empty; more than AIMEM_VEC_MAX_LABEL: too long. */
AIMC_FN size_t aimi_vec_label_length(const char *label) {
    size_t n = 0;
    if (label == NULL) return 0;
    while (n <= AIMEM_VEC_MAX_LABEL && label[n] != 0) n++;
    return n;
}

AIMC_FN bool aimi_vec_label_has_zero(const char *text, size_t size) {
    size_t i;
    for (i = 0; i < size; i++) {
        if (text[i] == 0) return true;
    }
    return false;
}

AIMC_INLINE const char *aimi_vec_label_text(const aimi_vec_labels *l, size_t at) {
    return (const char *)l->bytes + at;
}

AIMC_INLINE size_t aimi_vec_label_size(const aimi_vec_labels *l, size_t at) {
    return aimc_load_u16(l->bytes + at - 2);
}

AIMC_INLINE void aimi_vec_label_set_slot(aimi_vec_labels *l, size_t at, uint32_t slot) {
    aimc_store_u32(l->bytes + at - AIMI_VEC_LABEL_HEAD, slot);
}

AIMC_FN aimem_result aimi_vec_labels_resize(aimi_vec_labels *l, const aimem_allocator *a,
                                            size_t room, aimi_vec_spare *spare) {
    unsigned char *fresh = (unsigned char *)aimc_alloc(a, room, 1);
    if (fresh == NULL) return AIMEM_ERR_NOMEM;
    if (l->size != 0) memcpy(fresh, l->bytes, l->size);
    spare->ptr = l->bytes;
    spare->size = l->room;
    spare->align = 1;
    l->bytes = fresh;
    l->room = room;
    return AIMEM_OK;
}

/* Room for more bytes of records. The old block goes to spare. */
AIMC_FN aimem_result aimi_vec_labels_room(aimi_vec_labels *l, const aimem_allocator *a, size_t more,
                                          aimi_vec_spare *spare) {
    size_t need, room;
    if (!aimc_add_size(l->size, more, &need)) return AIMEM_ERR_NOMEM;
    if (need <= l->room) return AIMEM_OK;
    room = l->room > SIZE_MAX / 2 ? need : l->room * 2;
    room = aimc_max_size(AIMI_VEC_LABEL_ROOM, aimc_max_size(room, need));
    return aimi_vec_labels_resize(l, a, room, spare);
}

/* Starts a record at the end, in room that is there; the text of size bytes is the caller's to
   fill in. Gives the offset of the text. */
AIMC_FN size_t aimi_vec_label_append(aimi_vec_labels *l, uint32_t slot, size_t size) {
    size_t at = l->size + AIMI_VEC_LABEL_HEAD;
    aimi_vec_label_set_slot(l, at, slot);
    aimc_store_u16(l->bytes + at - 2, (uint16_t)size);
    l->bytes[at + size] = 0;
    l->size += size + AIMI_VEC_LABEL_FRAME;
    l->live++;
    return at;
}

AIMC_FN void aimi_vec_label_drop(aimi_vec_labels *l, size_t at) {
    aimi_vec_label_set_slot(l, at, AIMI_VEC_DEAD);
    l->dead += aimi_vec_label_size(l, at) + AIMI_VEC_LABEL_FRAME;
    l->live--;
}

/* Slides the live records together. Offsets change, so pointers to labels end here. */
AIMC_FN void aimi_vec_labels_pack(aimi_vec_labels *l, const aimi_vec_rows *rows) {
    size_t from = 0, to = 0;
    while (from < l->size) {
        uint32_t slot = aimc_load_u32(l->bytes + from);
        size_t n = aimc_load_u16(l->bytes + from + 4) + (size_t)AIMI_VEC_LABEL_FRAME;
        if (slot != AIMI_VEC_DEAD) {
            memmove(l->bytes + to, l->bytes + from, n);
            *aimi_vec_label_at(rows, slot) = to + AIMI_VEC_LABEL_HEAD;
            to += n;
        }
        from += n;
    }
    l->size = to;
    l->dead = 0;
}

/* The same when it pays: each byte is moved at most once for every byte that died. */
AIMC_FN void aimi_vec_labels_tidy(aimi_vec_labels *l, const aimi_vec_rows *rows) {
    if (l->dead > AIMI_VEC_LABEL_PACK && l->dead > l->size / 2) aimi_vec_labels_pack(l, rows);
}

AIMC_FN void aimi_vec_labels_free(aimi_vec_labels *l, const aimem_allocator *a) {
    aimc_free(a, l->bytes, l->room, 1);
    l->bytes = NULL;
    l->size = l->room = l->dead = 0;
}

#endif
