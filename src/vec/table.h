/* vec/table.h: hash tables that find the slot of an id or of a label.
 *
 * Open addressing with linear probing. A cell holds a slot number plus one, or 0: empty. The keys
 * stay where they are (in the rows and in the label bytes), so a cell is four bytes; where a key
 * must be hashed again, a callback hashes the key of a slot.
 *
 *   cells   | 0 | 3 | 1 | 0 | 0 | 7 | 0 | 5 |     slots 2, 0, 6, 4
 *
 * Invariants: the number of cells is a power of two; at most three quarters are in use, so a probe
 * ends; from the home cell of a key to the cell where it stands no cell is empty. Removal keeps
 * this by moving later cells back (Knuth, The Art of Computer Programming 3, 6.4, algorithm R):
 * there are no tombstones, and tables do not age.
 *
 * The hash is the same in every run. Someone who chooses the ids or labels of a collection can
 * choose them to collide, and each call then takes O(rows) instead of O(1): slow, never wrong.
 */
#ifndef AIMI_VEC_TABLE_H
#define AIMI_VEC_TABLE_H

#include "core/alloc.h"
#include "core/hash.h"

typedef uint64_t (*aimi_vec_hash_fn)(const aimem_vec *v, uint32_t slot);

/* Zero is an empty table without memory. */
typedef struct aimi_vec_table {
    uint32_t *cells;
    size_t size; /* cells; 0 or a power of two */
} aimi_vec_table;

enum { AIMI_VEC_TABLE_MIN = 16 };

/* A bijective mix of 64 bits (the finalizer of MurmurHash3 in the variant of D. Stafford, 2011):
   ids that count up or share their low bits spread over all cells. */
AIMC_INLINE uint64_t aimi_vec_hash_id(uint64_t id) {
    id ^= UINT64_C(0x61696D656D766563);
    id = (id ^ id >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    id = (id ^ id >> 27) * UINT64_C(0x94D049BB133111EB);
    return id ^ id >> 31;
}

AIMC_INLINE uint64_t aimi_vec_hash_text(const void *text, size_t size) {
    return aimc_hash64(text, size, UINT64_C(0x61696D656D766563));
}

/* The cells that items keys need; 0 when memory cannot hold so many. */
AIMC_FN size_t aimi_vec_table_cells(uint64_t items) {
    uint64_t cells = AIMI_VEC_TABLE_MIN;
    while (cells - cells / 4 < items) cells *= 2;
    return cells > SIZE_MAX / sizeof(uint32_t) ? 0 : (size_t)cells;
}

/* Puts a slot in; its key is not there yet, and there is room. */
AIMC_FN void aimi_vec_table_put(aimi_vec_table *t, uint64_t hash, uint32_t slot) {
    size_t at = (size_t)hash & (t->size - 1);
    while (t->cells[at] != 0) at = (at + 1) & (t->size - 1);
    t->cells[at] = slot + 1;
}

/* The cell that holds slot, which is in the table; hash is that of its key. */
AIMC_FN size_t aimi_vec_table_cell(const aimi_vec_table *t, uint64_t hash, uint32_t slot) {
    size_t at = (size_t)hash & (t->size - 1);
    while (t->cells[at] != slot + 1) at = (at + 1) & (t->size - 1);
    return at;
}

/* Empties the cell of slot and closes the gap: a later cell moves back unless its home lies behind
   the gap. */
AIMC_FN void aimi_vec_table_remove(aimi_vec_table *t, const aimem_vec *v, aimi_vec_hash_fn hash_fn,
                                   uint32_t slot) {
    size_t mask = t->size - 1;
    size_t gap = aimi_vec_table_cell(t, hash_fn(v, slot), slot);
    size_t at = gap;
    for (;;) {
        size_t home;
        at = (at + 1) & mask;
        if (t->cells[at] == 0) break;
        home = (size_t)hash_fn(v, t->cells[at] - 1) & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            t->cells[gap] = t->cells[at];
            gap = at;
        }
    }
    t->cells[gap] = 0;
}

AIMC_FN void aimi_vec_table_free(aimi_vec_table *t, const aimem_allocator *a) {
    aimc_free(a, t->cells, t->size * sizeof(uint32_t), sizeof(uint32_t));
    t->cells = NULL;
    t->size = 0;
}

/* The same keys in a table of another size. NOMEM: the table is as it was. */
AIMC_FN aimem_result aimi_vec_table_resize(aimi_vec_table *t, const aimem_allocator *a, size_t size,
                                           const aimem_vec *v, aimi_vec_hash_fn hash_fn) {
    aimi_vec_table fresh;
    size_t i;
    if (size == 0) return AIMEM_ERR_NOMEM;
    fresh.size = size;
    fresh.cells = (uint32_t *)aimc_alloc_zeroed(a, size * sizeof(uint32_t), sizeof(uint32_t));
    if (fresh.cells == NULL) return AIMEM_ERR_NOMEM;
    for (i = 0; i < t->size; i++) {
        uint32_t slot = t->cells[i] - 1;
        if (t->cells[i] != 0) aimi_vec_table_put(&fresh, hash_fn(v, slot), slot);
    }
    aimi_vec_table_free(t, a);
    *t = fresh;
    return AIMEM_OK;
}

/* Room for items keys in all. NOMEM: the table is as it was. */
AIMC_FN aimem_result aimi_vec_table_room(aimi_vec_table *t, const aimem_allocator *a,
                                         uint64_t items, const aimem_vec *v,
                                         aimi_vec_hash_fn hash_fn) {
    if (t->size - t->size / 4 >= items) return AIMEM_OK;
    return aimi_vec_table_resize(t, a, aimi_vec_table_cells(items), v, hash_fn);
}

#endif
