/* Budgets when memory fails: the n-th allocation fails, for every n, at every function that
 * allocates. After each failure nothing has leaked, the counts are as they were, and the tree goes
 * on working. */
#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"
#include "check.h"

static check_heap heap;

static uint64_t reclaim_nothing(void *user_data, aimem_budget_request *request) {
    (void)user_data;
    (void)request;
    return 0;
}

static aimem_budget_desc desc_of(aimem_budget *parent, const char *name) {
    aimem_budget_desc d;
    memset(&d, 0, sizeof d);
    d.parent = parent;
    d.name = name;
    d.tag = name;
    d.limit = 1 << 20;
    if (parent == NULL) {
        d.allocator.realloc_fn = check_heap_realloc;
        d.allocator.user_data = &heap;
    } else {
        d.reserve = 100;
    }
    return d;
}

static uint64_t used(const aimem_budget *b) {
    aimem_budget_info info;
    if (b == NULL) return 0;
    aimem_budget_stats(b, &info);
    return info.allocated;
}

/* One step that allocates: OK, or NOMEM with nothing changed. */
typedef struct steps {
    aimem_budget *root, *child;
    aimem_budget_reclaimer id;
    aimem_pool *pool;
    aimem_arena arena;
    void *p;
} steps;

enum { STEPS = 9 };

static aimem_result step(steps *s, int number) {
    aimem_budget_desc d;
    aimem_budget_reclaimer_desc r;
    aimem_budget_action a[2];
    aimem_arena_desc ad;
    aimem_pool_desc pd;
    memset(&r, 0, sizeof r);
    memset(a, 0, sizeof a);
    memset(&ad, 0, sizeof ad);
    memset(&pd, 0, sizeof pd);
    switch (number) {
    case 0:
        d = desc_of(NULL, "root");
        return aimem_budget_create(&d, &s->root);
    case 1:
        d = desc_of(s->root, "child");
        return aimem_budget_create(&d, &s->child);
    case 2: return aimem_budget_set_tag_limit(s->root, "new", 5);
    case 3:
        r.reclaim_fn = reclaim_nothing;
        return aimem_budget_add(s->child, &r, &s->id);
    case 4:
        a[1].kind = AIMEM_BUDGET_EMERGENCY;
        return aimem_budget_bind(s->child, AIMEM_BUDGET_HIGH, a, 2);
    case 5: return aimem_budget_alloc(s->child, 3000, 64, 0, &s->p);
    case 6: return aimem_budget_resize(s->child, &s->p, 3000, 6000, 64, 0);
    case 7:
        pd.block_size = 100;
        pd.allocator = aimem_budget_allocator(s->child);
        return aimem_pool_create(&pd, &s->pool);
    default:
        ad.allocator = aimem_budget_allocator(s->child);
        if (s->arena.mode == 0) (void)aimem_arena_init(&s->arena, &ad);
        return aimem_arena_push(&s->arena, 100, 16) != NULL ? AIMEM_OK : AIMEM_ERR_NOMEM;
    }
}

static void undo(steps *s) {
    aimem_arena_deinit(&s->arena);
    aimem_pool_destroy(s->pool);
    if (s->child != NULL) aimem_budget_free(s->child, s->p, 6000, 64);
    if (s->child != NULL) CHECK_INT(used(s->child), 0);
    if (s->root != NULL) CHECK_INT(used(s->root), s->child != NULL ? 100 : 0);
    aimem_budget_destroy(s->root);
    CHECK_HEAP_CLEAN(&heap);
}

/* Every step is tried with its n-th allocation failing, then once more without a failure. */
static void every_function(void) {
    int number, fails = 0;
    long n;
    for (n = 1; n < 100; n++) {
        int failed = 0;
        steps s;
        memset(&s, 0, sizeof s);
        memset(&heap, 0, sizeof heap);
        for (number = 0; number < STEPS; number++) {
            uint64_t before = used(s.root);
            long live = heap.live;
            aimem_result result;
            heap.fail_at = heap.calls + n;
            result = step(&s, number);
            heap.fail_at = 0;
            if (result == AIMEM_OK) continue; /* it made do with fewer */
            CHECK_INT(result, AIMEM_ERR_NOMEM);
            failed++;
            if (number != 8) CHECK_INT(used(s.root), before);
            /* A child whose tag was made keeps that, the arena what it had. */
            if (number != 1 && number != 8) CHECK_INT(heap.live, live);
            if (number == 0) CHECK(s.root == NULL);
            if (number == 1) CHECK(s.child == NULL);
            if (number == 3) CHECK_INT(s.id.id, 0);
            if (number == 5) CHECK(s.p == NULL);
            CHECK_INT(step(&s, number), AIMEM_OK);
        }
        undo(&s);
        fails += failed;
        if (failed == 0) break;
    }
    CHECK(n < 100);
    CHECK(fails >= STEPS);
}

/* From some allocation on nothing is to be had; whatever was made is destroyed cleanly. */
static void all_after(void) {
    int number;
    long n;
    for (n = 1; n < 40; n++) {
        steps s;
        memset(&s, 0, sizeof s);
        memset(&heap, 0, sizeof heap);
        heap.fail_at = n;
        heap.fail_all_after = 1;
        for (number = 0; number < STEPS; number++) {
            if (step(&s, number) != AIMEM_OK) break;
        }
        if (number == 6) {
            aimem_budget_free(s.child, s.p, 3000, 64);
            s.p = NULL;
        }
        undo(&s);
        if (number == STEPS) break;
    }
    CHECK(n > STEPS && n < 40);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(every_function);
    RUN(all_after);
    return CHECK_END();
}
