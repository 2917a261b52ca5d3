/* vec/store.h: the collection: rows with ids and labels, and the calls that change it.
 *
 * Dense: rows are in slots 0 to count - 1. Removing one moves the last row into its slot, so a scan
 * never meets a hole, and nothing needs compaction.
 *
 * A call that changes the collection first takes all the memory that it may need, then checks, then
 * changes; only the first step can run out of memory, and it leaves more room behind, not other
 * contents. Old blocks that the caller's arguments may lie in are freed when the call ends.
 *
 * Invariants: ids of slots below count are different and below next_id, and the ids table holds
 * just those slots; the same for labels; each row passed aimi_vec_measure.
 */
#ifndef AIMI_VEC_STORE_H
#define AIMI_VEC_STORE_H

#include "core/dist.h"
#include "vec/check.h"
#include "vec/labels.h"
#include "vec/rows.h"
#include "vec/table.h"

struct aimem_vec {
    aimem_allocator allocator;
    aimem_parallel parallel;
    aimem_logger logger;
    aimc_dist dist;
    uint32_t metric;
    uint32_t count;
    uint64_t max_rows;
    uint64_t next_id; /* the next one that is assigned; AIMEM_VEC_NEW_ID: none is left */
    aimi_vec_rows rows;
    aimi_vec_table ids;
    aimi_vec_labels labels;
    bool changing; /* a change is under way: a hook that comes back with another gets BUSY */
};

AIMC_FN uint64_t aimi_vec_hash_slot_id(const aimem_vec *v, uint32_t slot) {
    return aimi_vec_hash_id(*aimi_vec_id_at(&v->rows, slot));
}

AIMC_FN uint64_t aimi_vec_hash_slot_label(const aimem_vec *v, uint32_t slot) {
    size_t at = *aimi_vec_label_at(&v->rows, slot);
    return aimi_vec_hash_text(aimi_vec_label_text(&v->labels, at),
                              aimi_vec_label_size(&v->labels, at));
}

/* ---- finding --------------------------------------------------------------------------------- */

AIMC_FN bool aimi_vec_find_id(const aimem_vec *v, uint64_t id, uint32_t *slot) {
    size_t mask = v->ids.size - 1, at;
    if (v->ids.size == 0) return false;
    at = (size_t)aimi_vec_hash_id(id) & mask;
    for (; v->ids.cells[at] != 0; at = (at + 1) & mask) {
        *slot = v->ids.cells[at] - 1;
        if (*aimi_vec_id_at(&v->rows, *slot) == id) return true;
    }
    return false;
}

AIMC_FN bool aimi_vec_find_label(const aimem_vec *v, const char *text, size_t size,
                                 uint32_t *slot) {
    const aimi_vec_labels *l = &v->labels;
    size_t mask = l->table.size - 1, at;
    if (l->table.size == 0) return false;
    at = (size_t)aimi_vec_hash_text(text, size) & mask;
    for (; l->table.cells[at] != 0; at = (at + 1) & mask) {
        size_t label;
        *slot = l->table.cells[at] - 1;
        label = *aimi_vec_label_at(&v->rows, *slot);
        if (aimi_vec_label_size(l, label) == size &&
            memcmp(aimi_vec_label_text(l, label), text, size) == 0) {
            return true;
        }
    }
    return false;
}

AIMC_FN void aimi_vec_slot_label(const aimem_vec *v, uint32_t slot, const char **label,
                                 size_t *size) {
    size_t at = *aimi_vec_label_at(&v->rows, slot);
    *label = at == 0 ? NULL : aimi_vec_label_text(&v->labels, at);
    *size = at == 0 ? 0 : aimi_vec_label_size(&v->labels, at);
}

AIMC_FN void aimi_vec_slot_row(const aimem_vec *v, uint32_t slot, aimem_vec_row *out) {
    out->id = *aimi_vec_id_at(&v->rows, slot);
    out->vector = aimi_vec_row_at(&v->rows, slot);
    aimi_vec_slot_label(v, slot, &out->label, &out->label_size);
}

/* ---- life ------------------------------------------------------------------------------------ */

AIMEM_VEC_API uint32_t aimem_vec_version(void) {
    return AIMEM_VEC_VERSION;
}

AIMC_FN aimem_result aimi_vec_desc_check(const aimem_vec_desc *desc) {
    if (desc == NULL || desc->canary_zero != 0) return AIMEM_ERR_INVALID;
    if (desc->dim == 0 || desc->dim > AIMEM_VEC_MAX_DIM) return AIMEM_ERR_INVALID;
    if (desc->metric > AIMEM_VEC_IP || desc->simd > AIMEM_VEC_SIMD_WASM) return AIMEM_ERR_INVALID;
    if (desc->max_rows > AIMEM_VEC_MAX_ROWS) return AIMEM_ERR_LIMIT;
    return AIMEM_OK;
}

AIMEM_VEC_API aimem_result aimem_vec_create(const aimem_vec_desc *desc, aimem_vec **out) {
    aimem_result result = aimi_vec_desc_check(desc);
    aimem_allocator allocator;
    aimc_dist dist;
    aimem_vec *v;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    if (result != AIMEM_OK) return result;
    if (!aimc_allocator_or_default(&desc->allocator, &allocator)) return AIMEM_ERR_INVALID;
    if (!aimc_dist_at(desc->simd, &dist)) return AIMEM_ERR_UNSUPPORTED;
    v = (aimem_vec *)aimc_alloc_zeroed(&allocator, sizeof *v, AIMI_VEC_ALIGN);
    if (v == NULL) return AIMEM_ERR_NOMEM;
    v->allocator = allocator;
    v->parallel = desc->parallel;
    if (v->parallel.for_fn == NULL || v->parallel.workers == 0) v->parallel.workers = 1;
    v->logger = desc->logger;
    v->dist = dist;
    v->metric = desc->metric;
    v->max_rows = desc->max_rows == 0 ? AIMEM_VEC_MAX_ROWS : desc->max_rows;
    aimi_vec_rows_init(&v->rows, desc->dim);
    *out = v;
    return AIMEM_OK;
}

/* Takes all memory but the object's own. */
AIMC_FN void aimi_vec_release(aimem_vec *v) {
    const aimem_allocator *a = &v->allocator;
    v->count = 0;
    (void)aimi_vec_rows_trim(&v->rows, a, 0); /* to nothing: allocates nothing, cannot fail */
    aimi_vec_table_free(&v->ids, a);
    aimi_vec_table_free(&v->labels.table, a);
    aimi_vec_labels_free(&v->labels, a);
}

AIMEM_VEC_API void aimem_vec_destroy(aimem_vec *v) {
    aimem_allocator a;
    if (v == NULL) return;
    aimi_vec_release(v);
    a = v->allocator;
    aimc_free(&a, v, sizeof *v, AIMI_VEC_ALIGN);
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* Rows on their way in: checked and copied to the slots from first on, by desc.parallel if many. */
typedef struct aimi_vec_intake {
    const aimem_vec *v;
    const float *vectors;
    size_t count, step; /* rows, rows in a task */
    uint32_t first;
} aimi_vec_intake;

enum { AIMI_VEC_INTAKE_FLOATS = 1 << 16 }; /* floats that are worth a task */

/* A row that may not come in gets a negative norm that says why: worker threads need no memory of
   their own for their answer. */
AIMC_FN void aimi_vec_intake_task(void *task_data, size_t index, uint32_t worker) {
    const aimi_vec_intake *in = (const aimi_vec_intake *)task_data;
    const aimi_vec_rows *rows = &in->v->rows;
    size_t i = index * in->step, end = aimc_min_size(in->count, i + in->step);
    (void)worker;
    for (; i < end; i++) {
        uint32_t slot = in->first + (uint32_t)i;
        const float *vector = in->vectors + i * rows->dim;
        float inverse;
        aimem_result result = aimi_vec_measure(in->v->metric, vector, rows->dim, &inverse);
        aimi_vec_row_set(rows, slot, vector);
        *aimi_vec_norm_at(rows, slot) = result == AIMEM_OK ? inverse : (float)result;
    }
}

AIMC_FN aimem_result aimi_vec_take_in(const aimem_vec *v, size_t count, const float *vectors) {
    aimi_vec_intake in;
    size_t i, tasks;
    in.v = v;
    in.vectors = vectors;
    in.count = count;
    in.step = AIMI_VEC_INTAKE_FLOATS / v->rows.dim; /* at least 1 */
    in.first = v->count;
    tasks = count / in.step + (count % in.step != 0);
    if (tasks > 1 && v->parallel.workers > 1) {
        v->parallel.for_fn(v->parallel.user_data, tasks, aimi_vec_intake_task, &in);
    } else {
        for (i = 0; i < tasks; i++) aimi_vec_intake_task(&in, i, 0);
    }
    for (i = 0; i < count; i++) {
        float norm = *aimi_vec_norm_at(&v->rows, v->count + (uint32_t)i);
        if (norm < 0.0f) return (aimem_result)norm;
    }
    return AIMEM_OK;
}

/* Gives a slot its label, in room that is there. */
AIMC_FN void aimi_vec_label_put(aimem_vec *v, uint32_t slot, const char *text, size_t size) {
    size_t at = aimi_vec_label_append(&v->labels, slot, size);
    memcpy(v->labels.bytes + at, text, size);
    *aimi_vec_label_at(&v->rows, slot) = at;
    aimi_vec_table_put(&v->labels.table, aimi_vec_hash_text(text, size), slot);
}

/* Makes the row in the first free slot a row of the collection: EXISTS or LIMIT, or cannot fail. */
AIMC_FN aimem_result aimi_vec_link(aimem_vec *v, uint64_t id, const char *label) {
    size_t size = aimi_vec_label_length(label);
    uint32_t slot = v->count, other;
    if (id == AIMEM_VEC_NEW_ID) {
        if (v->next_id == AIMEM_VEC_NEW_ID) return AIMEM_ERR_LIMIT;
        id = v->next_id;
    } else if (aimi_vec_find_id(v, id, &other)) {
        return AIMEM_ERR_EXISTS;
    }
    if (size != 0 && aimi_vec_find_label(v, label, size, &other)) return AIMEM_ERR_EXISTS;
    *aimi_vec_id_at(&v->rows, slot) = id;
    *aimi_vec_label_at(&v->rows, slot) = 0;
    aimi_vec_table_put(&v->ids, aimi_vec_hash_id(id), slot);
    if (size != 0) aimi_vec_label_put(v, slot, label, size);
    if (id >= v->next_id) v->next_id = id + 1;
    v->count++;
    return AIMEM_OK;
}

/* Links count rows, or none: what was linked is taken back in reverse order. */
AIMC_FN aimem_result aimi_vec_link_all(aimem_vec *v, size_t count, const uint64_t *ids,
                                       const char *const *labels) {
    uint32_t before = v->count;
    uint64_t next_id = v->next_id;
    size_t label_bytes = v->labels.size, i;
    for (i = 0; i < count; i++) {
        aimem_result result = aimi_vec_link(v, ids == NULL ? AIMEM_VEC_NEW_ID : ids[i],
                                            labels == NULL ? NULL : labels[i]);
        if (result == AIMEM_OK) continue;
        while (v->count > before) {
            uint32_t slot = v->count - 1;
            aimi_vec_table_remove(&v->ids, v, aimi_vec_hash_slot_id, slot);
            if (*aimi_vec_label_at(&v->rows, slot) != 0) {
                aimi_vec_table_remove(&v->labels.table, v, aimi_vec_hash_slot_label, slot);
                v->labels.live--;
            }
            v->count--;
        }
        v->labels.size = label_bytes;
        v->next_id = next_id;
        return result;
    }
    return AIMEM_OK;
}

/* Bytes and number of the labels that come in. RANGE: one is too long. */
AIMC_FN aimem_result aimi_vec_labels_need(size_t count, const char *const *labels, size_t *bytes,
                                          size_t *number) {
    size_t i;
    *bytes = *number = 0;
    for (i = 0; labels != NULL && i < count; i++) {
        size_t size = aimi_vec_label_length(labels[i]);
        if (size > AIMEM_VEC_MAX_LABEL) return AIMEM_ERR_RANGE;
        if (size == 0) continue;
        if (!aimc_add_size(*bytes, size + AIMI_VEC_LABEL_FRAME, bytes)) return AIMEM_ERR_NOMEM;
        *number += 1;
    }
    return AIMEM_OK;
}

/* Room for count more rows whose labels take so many bytes. */
AIMC_FN aimem_result aimi_vec_room(aimem_vec *v, size_t count, size_t bytes, size_t labels,
                                   aimi_vec_spare spare[2]) {
    const aimem_allocator *a = &v->allocator;
    uint64_t rows = (uint64_t)v->count + count;
    aimem_result result = aimi_vec_rows_room(&v->rows, a, rows, v->count, &spare[0]);
    if (result == AIMEM_OK) {
        result = aimi_vec_table_room(&v->ids, a, rows, v, aimi_vec_hash_slot_id);
    }
    if (result == AIMEM_OK && labels != 0) {
        result = aimi_vec_labels_room(&v->labels, a, bytes, &spare[1]);
    }
    if (result == AIMEM_OK && labels != 0) {
        result = aimi_vec_table_room(&v->labels.table, a, v->labels.live + labels, v,
                                     aimi_vec_hash_slot_label);
    }
    return result;
}

/* Adds count rows, or none. */
AIMC_FN aimem_result aimi_vec_add_all(aimem_vec *v, size_t count, const uint64_t *ids,
                                      const char *const *labels, const float *vectors) {
    aimi_vec_spare spare[2];
    size_t bytes, number;
    aimem_result result = aimi_vec_labels_need(count, labels, &bytes, &number);
    if (result != AIMEM_OK) return result;
    if (count > v->max_rows - v->count) return AIMEM_ERR_LIMIT;
    memset(spare, 0, sizeof spare);
    v->changing = true;
    result = aimi_vec_room(v, count, bytes, number, spare);
    if (result == AIMEM_OK) result = aimi_vec_take_in(v, count, vectors);
    if (result == AIMEM_OK) result = aimi_vec_link_all(v, count, ids, labels);
    aimi_vec_spare_free(&spare[0], &v->allocator);
    aimi_vec_spare_free(&spare[1], &v->allocator);
    v->changing = false;
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_add_batch(aimem_vec *v, size_t count, const uint64_t *ids,
                                               const char *const *labels, const float *vectors,
                                               uint64_t *out_ids) {
    aimem_result result = AIMEM_ERR_INVALID;
    size_t i;
    if (v != NULL && v->changing) {
        result = AIMEM_ERR_BUSY;
    } else if (v != NULL && (vectors != NULL || count == 0)) {
        result = aimi_vec_add_all(v, count, ids, labels, vectors);
    }
    for (i = 0; out_ids != NULL && i < count; i++) {
        uint32_t slot = v == NULL ? 0 : v->count - (uint32_t)(count - i);
        out_ids[i] = result == AIMEM_OK ? *aimi_vec_id_at(&v->rows, slot) : 0;
    }
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_add(aimem_vec *v, uint64_t id, const char *label,
                                         const float *vector, uint64_t *out_id) {
    return aimem_vec_add_batch(v, 1, &id, &label, vector, out_id);
}

/* ---- replacing and removing ------------------------------------------------------------------ */

/* Takes the label of a slot away; its bytes stay readable until the labels are packed. */
AIMC_FN void aimi_vec_label_take(aimem_vec *v, uint32_t slot) {
    size_t *at = aimi_vec_label_at(&v->rows, slot);
    if (*at == 0) return;
    aimi_vec_table_remove(&v->labels.table, v, aimi_vec_hash_slot_label, slot);
    aimi_vec_label_drop(&v->labels, *at);
    *at = 0;
}

/* The label of a slot becomes this text of size bytes, 0: none. Fails before anything changed. */
AIMC_FN aimem_result aimi_vec_relabel(aimem_vec *v, uint32_t slot, const char *text, size_t size) {
    aimi_vec_spare spare[2];
    uint32_t other;
    if (size != 0 && aimi_vec_find_label(v, text, size, &other)) {
        return other == slot ? AIMEM_OK : AIMEM_ERR_EXISTS;
    }
    memset(spare, 0, sizeof spare);
    if (size != 0) {
        aimem_result result = aimi_vec_room(v, 0, size + AIMI_VEC_LABEL_FRAME, 1, spare);
        if (result != AIMEM_OK) {
            aimi_vec_spare_free(&spare[1], &v->allocator);
            return result;
        }
    }
    aimi_vec_label_take(v, slot);
    if (size != 0) aimi_vec_label_put(v, slot, text, size);
    aimi_vec_spare_free(&spare[1], &v->allocator);
    return AIMEM_OK;
}

AIMEM_VEC_API aimem_result aimem_vec_put(aimem_vec *v, uint64_t id, const char *label,
                                         const float *vector) {
    size_t size = aimi_vec_label_length(label);
    aimem_result result;
    uint32_t slot;
    float inverse;
    if (v == NULL || vector == NULL || id == AIMEM_VEC_NEW_ID) return AIMEM_ERR_INVALID;
    if (v->changing) return AIMEM_ERR_BUSY;
    if (!aimi_vec_find_id(v, id, &slot)) return aimem_vec_add(v, id, label, vector, NULL);
    result = aimi_vec_measure(v->metric, vector, v->rows.dim, &inverse);
    if (result != AIMEM_OK) return result;
    if (size > AIMEM_VEC_MAX_LABEL) return AIMEM_ERR_RANGE;
    v->changing = true;
    result = aimi_vec_relabel(v, slot, label, size);
    if (result == AIMEM_OK) {
        aimi_vec_row_set(&v->rows, slot, vector);
        *aimi_vec_norm_at(&v->rows, slot) = inverse;
        aimi_vec_labels_tidy(&v->labels, &v->rows);
    }
    v->changing = false;
    return result;
}

/* The last row moves into slot, which has no id and label in the tables any more. */
AIMC_FN void aimi_vec_fill_hole(aimem_vec *v, uint32_t slot) {
    uint32_t last = v->count - 1;
    size_t label = *aimi_vec_label_at(&v->rows, last);
    if (slot == last) return;
    v->ids.cells[aimi_vec_table_cell(&v->ids, aimi_vec_hash_slot_id(v, last), last)] = slot + 1;
    if (label != 0) {
        aimi_vec_table *t = &v->labels.table;
        t->cells[aimi_vec_table_cell(t, aimi_vec_hash_slot_label(v, last), last)] = slot + 1;
        aimi_vec_label_set_slot(&v->labels, label, slot);
    }
    aimi_vec_row_move(&v->rows, slot, last);
}

AIMEM_VEC_API aimem_result aimem_vec_remove(aimem_vec *v, uint64_t id) {
    uint32_t slot;
    if (v == NULL) return AIMEM_ERR_INVALID;
    if (v->changing) return AIMEM_ERR_BUSY;
    if (!aimi_vec_find_id(v, id, &slot)) return AIMEM_ERR_NOT_FOUND;
    aimi_vec_label_take(v, slot);
    aimi_vec_table_remove(&v->ids, v, aimi_vec_hash_slot_id, slot);
    aimi_vec_fill_hole(v, slot);
    v->count--;
    aimi_vec_labels_tidy(&v->labels, &v->rows);
    return AIMEM_OK;
}

AIMEM_VEC_API void aimem_vec_clear(aimem_vec *v) {
    if (v == NULL || v->changing) return;
    v->count = 0;
    v->labels.size = v->labels.dead = 0;
    v->labels.live = 0;
    if (v->ids.size != 0) memset(v->ids.cells, 0, v->ids.size * sizeof(uint32_t));
    if (v->labels.table.size != 0) {
        memset(v->labels.table.cells, 0, v->labels.table.size * sizeof(uint32_t));
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

AIMEM_VEC_API aimem_result aimem_vec_get(const aimem_vec *v, uint64_t id, float *vector) {
    uint32_t slot;
    if (v == NULL || vector == NULL) return AIMEM_ERR_INVALID;
    if (!aimi_vec_find_id(v, id, &slot)) return AIMEM_ERR_NOT_FOUND;
    memcpy(vector, aimi_vec_row_at(&v->rows, slot), v->rows.dim * sizeof(float));
    return AIMEM_OK;
}

AIMEM_VEC_API aimem_result aimem_vec_view(const aimem_vec *v, uint64_t id, aimem_vec_row *out) {
    uint32_t slot;
    if (out == NULL) return AIMEM_ERR_INVALID;
    memset(out, 0, sizeof *out);
    if (v == NULL) return AIMEM_ERR_INVALID;
    if (!aimi_vec_find_id(v, id, &slot)) return AIMEM_ERR_NOT_FOUND;
    aimi_vec_slot_row(v, slot, out);
    return AIMEM_OK;
}

AIMEM_VEC_API aimem_result aimem_vec_find(const aimem_vec *v, const char *label,
                                          uint64_t *out_id) {
    size_t size = aimi_vec_label_length(label);
    uint32_t slot;
    if (out_id == NULL) return AIMEM_ERR_INVALID;
    *out_id = 0;
    if (v == NULL || label == NULL) return AIMEM_ERR_INVALID;
    if (size == 0 || !aimi_vec_find_label(v, label, size, &slot)) return AIMEM_ERR_NOT_FOUND;
    *out_id = *aimi_vec_id_at(&v->rows, slot);
    return AIMEM_OK;
}

AIMEM_VEC_API uint64_t aimem_vec_count(const aimem_vec *v) {
    return v == NULL ? 0 : v->count;
}

AIMEM_VEC_API bool aimem_vec_next(const aimem_vec *v, uint64_t *cursor, aimem_vec_row *out) {
    if (out == NULL) return false;
    memset(out, 0, sizeof *out);
    if (v == NULL || cursor == NULL || *cursor >= v->count) return false;
    aimi_vec_slot_row(v, (uint32_t)*cursor, out);
    *cursor += 1;
    return true;
}

/* ---- room and facts -------------------------------------------------------------------------- */

AIMEM_VEC_API aimem_result aimem_vec_reserve(aimem_vec *v, uint64_t rows) {
    aimi_vec_spare spare[2];
    aimem_result result;
    if (v == NULL) return AIMEM_ERR_INVALID;
    if (v->changing) return AIMEM_ERR_BUSY;
    if (rows > v->max_rows) return AIMEM_ERR_LIMIT;
    if (rows <= v->count) return AIMEM_OK;
    memset(spare, 0, sizeof spare);
    v->changing = true;
    result = aimi_vec_room(v, (size_t)(rows - v->count), 0, 0, spare);
    aimi_vec_spare_free(&spare[0], &v->allocator);
    v->changing = false;
    return result;
}

AIMC_FN aimem_result aimi_vec_table_trim(aimem_vec *v, aimi_vec_table *t, uint64_t items,
                                         aimi_vec_hash_fn hash_fn) {
    size_t cells = aimi_vec_table_cells(items);
    if (items == 0) aimi_vec_table_free(t, &v->allocator);
    if (cells >= t->size) return AIMEM_OK;
    return aimi_vec_table_resize(t, &v->allocator, cells, v, hash_fn);
}

AIMC_FN aimem_result aimi_vec_labels_trim(aimem_vec *v) {
    aimi_vec_labels *l = &v->labels;
    aimi_vec_spare spare;
    aimem_result result;
    aimi_vec_labels_pack(l, &v->rows);
    if (l->size == 0) aimi_vec_labels_free(l, &v->allocator);
    if (l->size == l->room) return AIMEM_OK;
    memset(&spare, 0, sizeof spare);
    result = aimi_vec_labels_resize(l, &v->allocator, l->size, &spare);
    aimi_vec_spare_free(&spare, &v->allocator);
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_trim(aimem_vec *v) {
    aimem_result result;
    if (v == NULL) return AIMEM_ERR_INVALID;
    if (v->changing) return AIMEM_ERR_BUSY;
    v->changing = true;
    result = aimi_vec_rows_trim(&v->rows, &v->allocator, v->count);
    if (result == AIMEM_OK) {
        result = aimi_vec_table_trim(v, &v->ids, v->count, aimi_vec_hash_slot_id);
    }
    if (result == AIMEM_OK) {
        result = aimi_vec_table_trim(v, &v->labels.table, v->labels.live,
                                     aimi_vec_hash_slot_label);
    }
    if (result == AIMEM_OK) result = aimi_vec_labels_trim(v);
    v->changing = false;
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_set_metric(aimem_vec *v, uint32_t metric) {
    if (v == NULL || metric > AIMEM_VEC_IP) return AIMEM_ERR_INVALID;
    if (v->changing || v->count != 0) return AIMEM_ERR_BUSY;
    v->metric = metric;
    return AIMEM_OK;
}

AIMEM_VEC_API void aimem_vec_stats(const aimem_vec *v, aimem_vec_info *out) {
    if (out == NULL) return;
    memset(out, 0, sizeof *out);
    if (v == NULL) return;
    out->dim = v->rows.dim;
    out->metric = v->metric;
    out->simd = v->dist.level;
    out->count = v->count;
    out->capacity = aimi_vec_rows_capacity(&v->rows);
    out->max_rows = v->max_rows;
    out->labels = v->labels.live;
    out->bytes = sizeof *v + aimi_vec_rows_bytes(&v->rows) + v->labels.room +
                 (uint64_t)(v->ids.size + v->labels.table.size) * sizeof(uint32_t);
    if (v->count != 0) out->bytes_per_row = (float)out->bytes / (float)v->count;
}

#endif
