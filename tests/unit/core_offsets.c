/* core/offsets.h against a map with one byte per granule. */
#include "check.h"

#include "core/offsets.h"

enum { CELLS = 4096, MAX_LIVE = 600 };

static int policies[] = {AIMC_OFFSETS_LOWEST, AIMC_OFFSETS_BEST};

static aimem_allocator hook_of(check_heap *heap) {
    aimem_allocator hook;
    memset(heap, 0, sizeof *heap);
    hook.realloc_fn = check_heap_realloc;
    hook.user_data = heap;
    return hook;
}

/* ---- the invariants, by walking everything ---- */

/* Counts the nodes below n; -1 when parents, order, priorities or the largest sizes are wrong. */
static long tree_nodes(const aimc_offsets *o, uint32_t n) {
    const aimc_range *r = &o->nodes[n], *a = &o->nodes[r->left], *b = &o->nodes[r->right];
    uint64_t max = r->size;
    long left = 0, right = 0;
    if (n == 0) return 0;
    if (r->state != AIMC_RANGE_FREE) return -1;
    if (r->left != 0) {
        if (a->parent != n || !aimc_offsets_before(o, a, r)) return -1;
        if (aimc_offsets_priority(r->left) > aimc_offsets_priority(n)) return -1;
        if (a->max > max) max = a->max;
        left = tree_nodes(o, r->left);
    }
    if (r->right != 0) {
        if (b->parent != n || !aimc_offsets_before(o, r, b)) return -1;
        if (aimc_offsets_priority(r->right) > aimc_offsets_priority(n)) return -1;
        if (b->max > max) max = b->max;
        right = tree_nodes(o, r->right);
    }
    return left < 0 || right < 0 || max != r->max ? -1 : left + right + 1;
}

static int sound(const aimc_offsets *o) {
    uint64_t at = 0, bytes = 0, largest = 0;
    uint32_t n, prev = 0, nodes = 0, free_count = 0, used_count = 0, spares = 0;
    const aimc_range *r = NULL;
    int was_free = 0;
    for (n = o->first; n != 0; prev = n, n = r->next) {
        r = &o->nodes[n];
        if (r->offset != at || r->size == 0 || r->prev != prev) return 0;
        if (((r->offset | r->size) & (o->granule - 1)) != 0) return 0;
        if (r->state == AIMC_RANGE_FREE) {
            if (was_free) return 0;
            bytes += r->size;
            if (r->size > largest) largest = r->size;
            free_count++;
        } else if (r->state == AIMC_RANGE_USED) {
            used_count++;
        } else {
            return 0;
        }
        was_free = r->state == AIMC_RANGE_FREE;
        at += r->size;
        nodes++;
    }
    for (n = o->spare; n != 0 && spares <= o->spares; n = o->nodes[n].next) spares++;
    if (o->last != prev || at != o->size || bytes != o->free_bytes) return 0;
    if (free_count != o->free_count || used_count != o->used_count) return 0;
    if (spares != o->spares || nodes + spares + 1 != o->made || o->made > o->capacity) return 0;
    if (largest != aimc_offsets_largest(o) || o->nodes[0].max != 0 || o->nodes[0].size != 0) {
        return 0;
    }
    return tree_nodes(o, o->root) == (long)free_count && o->nodes[o->root].parent == 0;
}

/* ---- the model ---- */

typedef struct model {
    unsigned char used[CELLS]; /* one per granule */
    size_t cells;
    uint64_t granule;
} model;

/* Where the policy puts size cells at a multiple of align cells; cells: nowhere. *misfits: ranges
   with the size but not the alignment that are tried before, at most. */
static size_t model_place(const model *m, size_t size, size_t align, int policy,
                          uint32_t *misfits) {
    size_t i = 0, best = m->cells, best_size = (size_t)-1;
    *misfits = 0;
    while (i < m->cells) {
        size_t from = i, at;
        if (m->used[i]) {
            i++;
            continue;
        }
        while (i < m->cells && !m->used[i]) i++;
        at = (from + align - 1) / align * align;
        if (at > i || i - at < size) {
            *misfits += i - from >= size;
            continue;
        }
        if (policy == AIMC_OFFSETS_LOWEST) return at;
        if (i - from < best_size) {
            best_size = i - from;
            best = at;
        }
    }
    return best;
}

static void model_set(model *m, uint64_t offset, uint64_t size, unsigned char value) {
    size_t at = (size_t)(offset / m->granule), n = (size_t)(size / m->granule);
    size_t i;
    CHECK(offset % m->granule == 0 && size % m->granule == 0 && at + n <= m->cells);
    if (at + n > m->cells) return;
    for (i = 0; i < n; i++) {
        CHECK(m->used[at + i] != value);
        m->used[at + i] = value;
    }
}

typedef struct live {
    uint32_t node;
    uint64_t offset, size;
} live;

static long exact_places; /* allocations whose place was compared with the model's */

static void random_alloc(aimc_offsets *o, model *m, live *list, size_t *count) {
    uint64_t size = 1 + check_below(1u << check_below(9)), align = (uint64_t)1 << check_below(6);
    uint32_t n, misfits;
    size_t at = model_place(m, (size_t)size, (size_t)align, o->policy, &misfits);
    aimem_result r = aimc_offsets_alloc(o, size * m->granule - check_below((uint32_t)m->granule),
                                        align * m->granule, &n);
    CHECK_INT(r, at == m->cells ? AIMEM_ERR_LIMIT : AIMEM_OK);
    if (r != AIMEM_OK) {
        CHECK_INT(n, 0);
        return;
    }
    CHECK_INT(o->nodes[n].size, size * m->granule);
    CHECK_INT(o->nodes[n].user, 0);
    if (!o->recent && misfits < AIMC_OFFSETS_TRIES) {
        exact_places++;
        CHECK_INT(o->nodes[n].offset, at * m->granule);
    }
    CHECK(o->nodes[n].offset % (align * m->granule) == 0);
    o->nodes[n].user = 77;
    list[*count].node = n;
    list[*count].offset = o->nodes[n].offset;
    list[(*count)++].size = o->nodes[n].size;
    model_set(m, o->nodes[n].offset, o->nodes[n].size, 1);
}

static void random_free(aimc_offsets *o, model *m, live *list, size_t *count) {
    size_t i = check_below((uint32_t)*count);
    uint32_t whole;
    CHECK_INT(o->nodes[list[i].node].offset, list[i].offset);
    CHECK_INT(aimc_offsets_free(o, list[i].node, &whole), AIMEM_OK);
    model_set(m, list[i].offset, list[i].size, 0);
    CHECK(o->nodes[whole].state == AIMC_RANGE_FREE && o->nodes[whole].offset <= list[i].offset);
    CHECK(list[i].offset + list[i].size <= o->nodes[whole].offset + o->nodes[whole].size);
    list[i] = list[--*count];
}

static void random_resize(aimc_offsets *o, model *m, live *one) {
    uint64_t cells = one->size / m->granule, want = 1 + check_below((uint32_t)cells * 2);
    size_t end = (size_t)((one->offset + one->size) / m->granule), room = 0;
    aimem_result r = aimc_offsets_resize(o, one->node, want * m->granule);
    while (end + room < m->cells && !m->used[end + room]) room++;
    CHECK_INT(r, want > cells + room ? AIMEM_ERR_LIMIT : AIMEM_OK);
    if (r == AIMEM_OK) {
        model_set(m, one->offset, one->size, 0);
        one->size = want * m->granule;
        model_set(m, one->offset, one->size, 1);
    }
    CHECK(o->nodes[one->node].size == one->size && o->nodes[one->node].offset == one->offset);
}

static void random_border(aimc_offsets *o, model *m) {
    size_t cells = check_below(CELLS + 1), end = m->cells;
    uint64_t size = cells * m->granule;
    while (end > 0 && !m->used[end - 1]) end--;
    CHECK_INT(aimc_offsets_end(o), end * m->granule);
    if (cells > m->cells) {
        CHECK_INT(aimc_offsets_shrink(o, size), AIMEM_ERR_RANGE);
        CHECK_INT(aimc_offsets_grow(o, size - m->cells * m->granule), AIMEM_OK);
    } else if (cells < end) {
        CHECK_INT(aimc_offsets_shrink(o, size), AIMEM_ERR_BUSY);
        return;
    } else {
        CHECK_INT(aimc_offsets_shrink(o, size), AIMEM_OK);
    }
    m->cells = cells;
}

static void random_run(int policy, uint64_t granule, bool recent, int steps) {
    static model m;
    static live list[MAX_LIVE];
    check_heap heap;
    aimem_allocator hook = hook_of(&heap);
    aimc_offsets o;
    size_t count = 0;
    int i;
    memset(&m, 0, sizeof m);
    m.cells = CELLS;
    m.granule = granule;
    REQUIRE(aimc_offsets_init(&o, &hook, CELLS * granule, granule, policy, recent) == AIMEM_OK);
    for (i = 0; i < steps; i++) {
        uint32_t what = check_below(100), fill = (uint32_t)(i / 500 % 2) * 20;
        if (what < 35 + fill && count < MAX_LIVE) random_alloc(&o, &m, list, &count);
        else if (what < 80 && count > 0) random_free(&o, &m, list, &count);
        else if (what < 95 && count > 0) random_resize(&o, &m, &list[check_below((uint32_t)count)]);
        else if (what >= 97) random_border(&o, &m);
        if (i % 16 == 0) CHECK(sound(&o));
    }
    while (count > 0) random_free(&o, &m, list, &count);
    CHECK(sound(&o) && o.used_count == 0 && o.free_count <= 1);
    CHECK_INT(o.free_bytes, m.cells * granule);
    aimc_offsets_deinit(&o);
    CHECK_HEAP_CLEAN(&heap);
}

static void random_lowest(void) {
    exact_places = 0;
    random_run(AIMC_OFFSETS_LOWEST, 1, false, 12000);
    CHECK(exact_places > 1000);
    random_run(AIMC_OFFSETS_LOWEST, 256, true, 6000);
}

static void random_best(void) {
    exact_places = 0;
    random_run(AIMC_OFFSETS_BEST, 1, false, 12000);
    CHECK(exact_places > 1000);
    random_run(AIMC_OFFSETS_BEST, 64, true, 6000);
}

/* ---- single facts ---- */

/* Everything in use; one freed, whichever: the same size is served again, at the same place. */
static void exact_refill(void) {
    check_heap heap;
    aimem_allocator hook = hook_of(&heap);
    static uint32_t node[500];
    uint32_t i, n, count, p;
    for (p = 0; p < 4; p++) {
        aimc_offsets o;
        uint64_t left = 100000;
        REQUIRE(aimc_offsets_init(&o, &hook, left, 1, policies[p % 2], p >= 2) == AIMEM_OK);
        for (count = 0; count < 500 && left > 0; count++) {
            uint64_t size = 1 + check_below(400);
            if (size > left || count == 499) size = left;
            REQUIRE(aimc_offsets_alloc(&o, size, 1, &node[count]) == AIMEM_OK);
            left -= size;
        }
        CHECK(o.free_count == 0 && o.free_bytes == 0 && aimc_offsets_largest(&o) == 0);
        CHECK_INT(aimc_offsets_alloc(&o, 1, 1, &n), AIMEM_ERR_LIMIT);
        for (i = 0; i < count; i++) {
            uint64_t size = o.nodes[node[i]].size, offset = o.nodes[node[i]].offset;
            CHECK_INT(aimc_offsets_free(&o, node[i], NULL), AIMEM_OK);
            CHECK_INT(aimc_offsets_alloc(&o, size, 1, &node[i]), AIMEM_OK);
            CHECK(o.nodes[node[i]].size == size && o.nodes[node[i]].offset == offset);
        }
        CHECK(sound(&o));
        aimc_offsets_deinit(&o);
    }
    CHECK_HEAP_CLEAN(&heap);
}

/* Sizes and alignments beyond 32 bits, and up to the end of 64. */
static void large(void) {
    check_heap heap;
    aimem_allocator hook = hook_of(&heap);
    aimc_offsets o;
    uint32_t a, b, c, n;
    const uint64_t tib = (uint64_t)1 << 40;
    REQUIRE(aimc_offsets_init(&o, &hook, 64 * tib, 65536, AIMC_OFFSETS_LOWEST, false) == AIMEM_OK);
    CHECK_INT(aimc_offsets_alloc(&o, 5 * tib + 1, 0, &a), AIMEM_OK);
    CHECK_INT(aimc_offsets_alloc(&o, 7 * tib, 8 * tib, &b), AIMEM_OK);
    CHECK(o.nodes[b].offset == 8 * tib && o.nodes[a].size == 5 * tib + 65536);
    CHECK_INT(aimc_offsets_alloc(&o, UINT64_MAX, 1, &c), AIMEM_ERR_LIMIT);
    CHECK_INT(aimc_offsets_alloc(&o, UINT64_MAX - 65535, 1, &c), AIMEM_ERR_LIMIT);
    CHECK_INT(aimc_offsets_alloc(&o, 1, (uint64_t)1 << 63, &c), AIMEM_ERR_LIMIT);
    CHECK_INT(aimc_offsets_grow(&o, UINT64_MAX), AIMEM_ERR_RANGE);
    CHECK_INT(aimc_offsets_grow(&o, UINT64_MAX - o.size - 65536 + 1), AIMEM_OK);
    CHECK_INT(aimc_offsets_grow(&o, 65536), AIMEM_ERR_RANGE);
    CHECK(sound(&o));
    CHECK_INT(aimc_offsets_resize(&o, b, UINT64_MAX), AIMEM_ERR_LIMIT);
    CHECK_INT(aimc_offsets_resize(&o, b, 20 * tib), AIMEM_OK);
    CHECK_INT(aimc_offsets_shrink(&o, 29 * tib), AIMEM_OK);
    CHECK_INT(o.free_bytes, 3 * tib - 65536 + tib);
    for (n = 0; n < o.made; n++) {
        if (aimc_offsets_in_use(&o, n)) CHECK_INT(aimc_offsets_free(&o, n, NULL), AIMEM_OK);
    }
    CHECK(sound(&o) && o.free_bytes == 29 * tib && aimc_offsets_at(&o, 28 * tib) == o.first);
    CHECK(aimc_offsets_at(&o, 29 * tib) == 0);
    aimc_offsets_deinit(&o);
    CHECK_HEAP_CLEAN(&heap);
}

/* Many ranges that are large enough but lie wrong, then one that does not: it is found, also when
   more of them were looked at than the search does before it asks for padding. */
static void alignment(void) {
    check_heap heap;
    aimem_allocator hook = hook_of(&heap);
    uint32_t p, i, n, node[800];
    for (p = 0; p < 2; p++) {
        aimc_offsets o;
        REQUIRE(aimc_offsets_init(&o, &hook, 16 * 400, 1, policies[p], false) == AIMEM_OK);
        for (i = 0; i < 800; i++) {
            REQUIRE(aimc_offsets_alloc(&o, i % 2 ? 5 : 11, 1, &node[i]) == AIMEM_OK);
        }
        for (i = 1; i < 800; i += 2) CHECK_INT(aimc_offsets_free(&o, node[i], NULL), AIMEM_OK);
        CHECK_INT(aimc_offsets_alloc(&o, 5, 16, &n), AIMEM_ERR_LIMIT); /* all begin at 11 mod 16 */
        CHECK_INT(aimc_offsets_free(&o, node[600], NULL), AIMEM_OK);
        CHECK_INT(aimc_offsets_alloc(&o, 5, 16, &n), AIMEM_OK);
        CHECK_INT(o.nodes[n].offset, 300 * 16 * (n != 0));
        CHECK_INT(aimc_offsets_alloc(&o, 1, 8, &n), AIMEM_OK); /* 11 .. 16: none; behind the last */
        CHECK_INT(o.nodes[n].offset, 300 * 16 + 8);
        CHECK(sound(&o));
        aimc_offsets_deinit(&o);
    }
    CHECK_HEAP_CLEAN(&heap);
}

/* With the front, the range of the wanted size that was freed last comes back first. */
static void recent_first(void) {
    check_heap heap;
    aimem_allocator hook = hook_of(&heap);
    aimc_offsets o;
    uint32_t a, b, c, d, n;
    uint64_t at;
    REQUIRE(aimc_offsets_init(&o, &hook, 4096, 16, AIMC_OFFSETS_LOWEST, true) == AIMEM_OK);
    (void)aimc_offsets_alloc(&o, 64, 16, &a);
    (void)aimc_offsets_alloc(&o, 16, 16, &b);
    (void)aimc_offsets_alloc(&o, 64, 16, &c);
    (void)aimc_offsets_alloc(&o, 16, 16, &d);
    at = o.nodes[c].offset;
    (void)aimc_offsets_free(&o, a, NULL);
    (void)aimc_offsets_free(&o, c, NULL);
    CHECK_INT(aimc_offsets_alloc(&o, 60, 16, &n), AIMEM_OK);
    CHECK_INT(o.nodes[n].offset, at);
    CHECK_INT(aimc_offsets_alloc(&o, 60, 16, &n), AIMEM_OK);
    CHECK_INT(o.nodes[n].offset, 0);
    CHECK(sound(&o));
    aimc_offsets_deinit(&o);
    CHECK_HEAP_CLEAN(&heap);
}

static void bad_arguments(void) {
    check_heap heap;
    aimem_allocator hook = hook_of(&heap);
    aimc_offsets o;
    uint32_t a, n = 9;
    CHECK_INT(aimc_offsets_init(&o, &hook, 100, 0, 0, false), AIMEM_ERR_INVALID);
    CHECK_INT(aimc_offsets_init(&o, &hook, 100, 24, 0, false), AIMEM_ERR_INVALID);
    REQUIRE(aimc_offsets_init(&o, &hook, 15, 16, 0, false) == AIMEM_OK);
    CHECK(sound(&o) && o.size == 0);
    CHECK_INT(aimc_offsets_alloc(&o, 1, 1, &n), AIMEM_ERR_LIMIT);
    CHECK_INT(n, 0);
    CHECK_INT(aimc_offsets_shrink(&o, 0), AIMEM_OK);
    CHECK_INT(aimc_offsets_grow(&o, 15), AIMEM_OK);
    CHECK_INT(o.size, 0);
    CHECK_INT(aimc_offsets_grow(&o, 1000), AIMEM_OK);
    CHECK_INT(o.size, 992);
    CHECK_INT(aimc_offsets_alloc(&o, 0, 1, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimc_offsets_alloc(&o, 1, 3, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimc_offsets_alloc(&o, 1, 48, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimc_offsets_alloc(&o, 1, 0, &a), AIMEM_OK);
    CHECK_INT(aimc_offsets_resize(&o, a, 0), AIMEM_ERR_INVALID);
    CHECK_INT(aimc_offsets_free(&o, 0, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimc_offsets_free(&o, a + 1, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimc_offsets_free(&o, UINT32_MAX, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimc_offsets_free(&o, a, &n), AIMEM_OK);
    CHECK_INT(aimc_offsets_free(&o, a, &n), AIMEM_ERR_INVALID);
    CHECK_INT(aimc_offsets_resize(&o, a, 16), AIMEM_ERR_INVALID);
    CHECK(sound(&o));
    aimc_offsets_deinit(&o);
    CHECK_HEAP_CLEAN(&heap);
}

/* The same work with the n-th growth of the node array failing; false: it came to its end. */
static bool failing_work(check_heap *heap, long n) {
    aimem_allocator hook = hook_of(heap);
    aimc_offsets o;
    uint32_t node[100], i, count = 0, failed = 0;
    heap->fail_at = n;
    if (aimc_offsets_init(&o, &hook, 10000, 1, AIMC_OFFSETS_BEST, true) != AIMEM_OK) return true;
    for (i = 0; i < 100; i++) {
        aimem_result r = aimc_offsets_alloc(&o, 10 + i % 7, 8, &node[count]);
        CHECK(r == AIMEM_OK || (r == AIMEM_ERR_NOMEM && node[count] == 0));
        if (r == AIMEM_OK) count++;
        else failed++;
        CHECK(sound(&o));
    }
    for (i = 0; i < count; i++) {
        aimem_result r = aimc_offsets_resize(&o, node[i], 3);
        CHECK(r == AIMEM_OK || r == AIMEM_ERR_NOMEM);
        if (r != AIMEM_OK) failed++;
        CHECK(sound(&o));
    }
    for (i = 0; i < count; i++) CHECK_INT(aimc_offsets_free(&o, node[i], NULL), AIMEM_OK);
    CHECK(sound(&o) && o.free_count == 1 && o.free_bytes == 10000);
    aimc_offsets_deinit(&o);
    CHECK(failed <= 1);
    return failed != 0;
}

static void no_memory(void) {
    check_heap heap;
    long n = 1;
    while (n < 100 && failing_work(&heap, n)) {
        CHECK_HEAP_CLEAN(&heap);
        n++;
    }
    CHECK(n > 3 && n < 100);
    CHECK_HEAP_CLEAN(&heap);
    { /* what was reserved cannot fail */
        aimem_allocator hook = hook_of(&heap);
        aimc_offsets o;
        uint32_t i, node;
        REQUIRE(aimc_offsets_init(&o, &hook, 1000, 1, AIMC_OFFSETS_LOWEST, false) == AIMEM_OK);
        REQUIRE(aimc_offsets_reserve(&o, 201) == AIMEM_OK);
        heap.fail_at = heap.calls + 1;
        for (i = 0; i < 200; i++) CHECK_INT(aimc_offsets_alloc(&o, 3, 1, &node), AIMEM_OK);
        aimc_offsets_deinit(&o);
    }
    CHECK_HEAP_CLEAN(&heap);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(random_lowest);
    RUN(random_best);
    RUN(exact_refill);
    RUN(large);
    RUN(alignment);
    RUN(recent_first);
    RUN(bad_arguments);
    RUN(no_memory);
    return CHECK_END();
}
