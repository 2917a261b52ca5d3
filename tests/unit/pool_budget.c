/* Budgets: counting, limits, reclaiming, levels, callbacks that do as they like, threads. */
#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"
#include "check.h"

#include "core/thread.h"

/* ---- what the tests share ---- */

/* A clock that goes on by step at every look. */
typedef struct fake_clock {
    uint64_t now, step;
} fake_clock;

static uint64_t fake_now(void *user_data, int kind) {
    fake_clock *c = (fake_clock *)user_data;
    CHECK_INT(kind, 0);
    c->now += c->step;
    return c->now;
}

typedef struct log_lines {
    int count, errors;
    int32_t code;
    char all[2000];
} log_lines;

static void log_line(void *user_data, int level, int32_t code, const char *text) {
    log_lines *l = (log_lines *)user_data;
    l->count++;
    if (level == 0) l->errors++;
    l->code = code;
    if (strlen(l->all) + strlen(text) + 2 < sizeof l->all) {
        strcat(l->all, text);
        strcat(l->all, "\n");
    }
}

/* Whether the logger was told so; without strings it gets codes alone. */
#if defined(AIMEM_NO_STRINGS)
#define CHECK_LOG(part) CHECK(now.log.count > 0)
#else
#define CHECK_LOG(part) CHECK(strstr(now.log.all, part) != NULL)
#endif

/* What the whole of a test sees. */
static struct {
    check_heap heap;
    fake_clock clock;
    log_lines log;
    char order[200]; /* names of reclaimers and callbacks, in the order of their calls */
} now;

static void note(const char *name) {
    if (strlen(now.order) + strlen(name) + 2 >= sizeof now.order) return;
    if (now.order[0] != '\0') strcat(now.order, " ");
    strcat(now.order, name);
}

static aimem_budget_desc fresh_desc(uint64_t limit) {
    aimem_budget_desc d;
    memset(&now, 0, sizeof now);
    memset(&d, 0, sizeof d);
    d.name = "root";
    d.limit = limit;
    d.allocator.realloc_fn = check_heap_realloc;
    d.allocator.user_data = &now.heap;
    d.clock.now_fn = fake_now;
    d.clock.user_data = &now.clock;
    d.logger.log_fn = log_line;
    d.logger.user_data = &now.log;
    return d;
}

static aimem_budget *make(const aimem_budget_desc *d) {
    aimem_budget *b = NULL;
    aimem_result result = aimem_budget_create(d, &b);
    CHECK_INT(result, AIMEM_OK);
    if (b == NULL) abort();
    return b;
}

static aimem_budget *make_child(aimem_budget *parent, const char *name, const char *tag,
                                uint64_t limit, uint64_t reserve) {
    aimem_budget_desc d;
    memset(&d, 0, sizeof d);
    d.parent = parent;
    d.name = name;
    d.tag = tag;
    d.limit = limit;
    d.reserve = reserve;
    return make(&d);
}

static aimem_budget_info info_of(const aimem_budget *b) {
    aimem_budget_info info;
    aimem_budget_stats(b, &info);
    return info;
}

static uint64_t used(const aimem_budget *b) {
    return info_of(b).allocated;
}

/* Something that holds bytes which it charged, and gives them back when asked. */
typedef struct holder {
    const char *name;
    aimem_budget *budget;
    uint64_t held;
    uint64_t piece; /* gives back by so many; 0: as asked for */
    aimem_budget_reclaimer id;
    aimem_budget_request last;
    int asked;
} holder;

static uint64_t hold_reclaim(void *user_data, aimem_budget_request *request) {
    holder *h = (holder *)user_data;
    uint64_t bytes = h->held * request->share / 1000;
    h->last = *request;
    h->asked++;
    note(h->name);
    if (request->bytes < bytes) bytes = request->bytes;
    if (h->piece != 0 && bytes != 0) bytes = h->piece < h->held ? h->piece : h->held;
    CHECK_INT(aimem_budget_uncharge(h->budget, bytes), AIMEM_OK);
    h->held -= bytes;
    return bytes;
}

static void hold(holder *h, aimem_budget *b, const char *name, uint32_t kind, int32_t priority,
                 uint64_t bytes) {
    aimem_budget_reclaimer_desc d;
    memset(h, 0, sizeof *h);
    memset(&d, 0, sizeof d);
    h->name = name;
    h->budget = b;
    h->held = bytes;
    d.name = name;
    d.kind = kind;
    d.priority = priority;
    d.reclaim_fn = hold_reclaim;
    d.user_data = h;
    CHECK_INT(aimem_budget_charge(b, bytes, AIMEM_BUDGET_TRY), AIMEM_OK);
    CHECK_INT(aimem_budget_add(b, &d, &h->id), AIMEM_OK);
}

static void finish(aimem_budget *b) {
    aimem_budget_destroy(b);
    CHECK_HEAP_CLEAN(&now.heap);
}

/* ---- counting ---- */

static void counts(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *b = make(&d);
    aimem_budget_info info;
    CHECK_INT(aimem_budget_charge(b, 600, 0), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(b, 400, 0), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(b, 1, 0), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_budget_charge(b, UINT64_MAX, 0), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_budget_charge(b, 0, 0), AIMEM_OK);
    CHECK_INT(aimem_budget_uncharge(b, 700), AIMEM_OK);
    info = info_of(b);
    CHECK_STR(info.name, "root");
    CHECK(info.tag == NULL);
    CHECK_INT(info.limit, 1000);
    CHECK_INT(info.own_limit, 1000);
    CHECK_INT(info.allocated, 300);
    CHECK_INT(info.available, 700);
    CHECK_INT(info.peak, 1000);
    CHECK_INT(info.own, 300);
    CHECK_INT(info.soft_limit, 700);
    CHECK_INT(info.requests, 5);
    CHECK_INT(info.refused, 2);
    CHECK_INT(info.given_up, 2);
    CHECK(info.utilisation > 0.29f && info.utilisation < 0.31f);
    aimem_budget_reset_peak(b);
    CHECK_INT(info_of(b).peak, 300);
    now.log.errors = 0;
    CHECK_INT(aimem_budget_uncharge(b, 301), AIMEM_ERR_RANGE);
    CHECK_INT(now.log.errors, 1);
    CHECK_INT(used(b), 300);
    CHECK_INT(aimem_budget_charge(b, 1, 8), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_budget_set_limit(b, 100), AIMEM_OK);
    CHECK_INT(info_of(b).available, 0);
    CHECK_INT(aimem_budget_charge(b, 1, AIMEM_BUDGET_TRY), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_budget_uncharge(b, 300), AIMEM_OK);
    finish(b);
}

static void recommended(void) {
    const uint64_t gib = (uint64_t)1 << 30;
    uint64_t real = aimem_budget_recommended();
    CHECK_INT(aimi_pool_budget_recommend(5 * gib, 0), 4 * gib);
    CHECK_INT(aimi_pool_budget_recommend(64 * gib, 0), 8 * gib);
    CHECK_INT(aimi_pool_budget_recommend(64 * gib, 5 * gib), 4 * gib);
    CHECK_INT(aimi_pool_budget_recommend(5 * gib, 64 * gib), 4 * gib);
    CHECK_INT(aimi_pool_budget_recommend(0, 5 * gib), 4 * gib);
    CHECK_INT(aimi_pool_budget_recommend(0, 0), 0);
    CHECK(real <= 8 * gib);
    {
        aimem_budget *b;
        aimem_budget_desc d = fresh_desc(0);
        if (real == 0) {
            CHECK_INT(aimem_budget_create(&d, &b), AIMEM_ERR_UNSUPPORTED);
            CHECK(b == NULL);
            return;
        }
        d.name = NULL;
        b = make(&d);
        CHECK_INT(info_of(b).limit, real);
        CHECK_STR(info_of(b).name, "budget");
        CHECK_INT(aimem_budget_set_limit(b, 10), AIMEM_OK);
        CHECK_INT(aimem_budget_set_limit(b, 0), AIMEM_OK);
        CHECK(info_of(b).limit > 10);
        finish(b);
#if !defined(AIMEM_NO_STDLIB)
        b = make(NULL);
        CHECK_INT(info_of(b).limit, real);
        aimem_budget_destroy(b);
#endif
    }
}

static void bad_descs(void) {
    aimem_budget_desc d = fresh_desc(1000), good;
    aimem_budget *root = make(&d), *b;
    good = d;
    CHECK_INT(aimem_budget_create(&d, NULL), AIMEM_ERR_INVALID);
#define BAD(field, value) \
    do { \
        b = root; \
        d.field = value; \
        CHECK_INT(aimem_budget_create(&d, &b), AIMEM_ERR_INVALID); \
        CHECK(b == NULL); \
        d = good; \
    } while (0)
    BAD(canary_zero, 1);
    BAD(levels[0], 800); /* not below the next */
    BAD(levels[3], 1001);
    BAD(levels[2], 800);
    BAD(hysteresis, 700);
    BAD(emergency_goal, 1001);
    BAD(reserve, 1001);
    BAD(parent, root); /* with logger and clock */
    memset(&good, 0, sizeof good);
    good.parent = root;
    d = good;
    BAD(locked, true);
    BAD(levels[1], 1);
    BAD(retries, 1);
    BAD(history, 1);
    BAD(user_data, &d);
    BAD(repeat_ns, 1);
    d.limit = 10;
    d.reserve = 11;
    CHECK_INT(aimem_budget_create(&d, &b), AIMEM_ERR_INVALID);
    d.limit = 0;
    d.reserve = 1001;
    CHECK_INT(aimem_budget_create(&d, &b), AIMEM_ERR_LIMIT);
    CHECK(b == NULL);
    CHECK_INT(used(root), 0);
    aimem_budget_destroy(NULL);
    finish(root);
    d = fresh_desc(10);
    d.levels[0] = 1; /* all can be set low; the usual hysteresis gives way */
    d.levels[1] = 2;
    d.levels[2] = 3;
    d.levels[3] = 4;
    d.history = UINT32_MAX;
    root = make(&d);
    finish(root);
}

static void nests(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *root = make(&d);
    aimem_budget *ai = make_child(root, "ai", NULL, 700, 0);
    aimem_budget *weights = make_child(ai, "weights", NULL, 0, 0);
    aimem_budget *ui = make_child(root, "ui", NULL, 500, 0);
    CHECK_INT(aimem_budget_charge(weights, 600, 0), AIMEM_OK);
    CHECK_INT(used(ai), 600);
    CHECK_INT(used(root), 600);
    CHECK_INT(info_of(ai).own, 0);
    CHECK_INT(aimem_budget_uncharge(ai, 1), AIMEM_ERR_RANGE); /* not its own */
    CHECK_INT(info_of(weights).limit, 700);
    CHECK(info_of(weights).own_limit == AIMEM_BUDGET_UNLIMITED);
    CHECK_INT(info_of(weights).available, 100);
    CHECK_INT(aimem_budget_charge(weights, 101, 0), AIMEM_ERR_LIMIT); /* ai is full */
    CHECK_INT(info_of(ui).available, 400);
    CHECK_INT(aimem_budget_charge(ui, 401, 0), AIMEM_ERR_LIMIT); /* root is full */
    CHECK_LOG("ui: 401 bytes refused: 1 are missing in root");
    CHECK_INT(aimem_budget_charge(ui, 400, 0), AIMEM_OK);
    CHECK_INT(used(root), 1000);
    CHECK_INT(info_of(weights).available, 0);
    CHECK_INT(info_of(root).children, 2);
    CHECK_INT(aimem_budget_uncharge(weights, 600), AIMEM_OK);
    CHECK_INT(used(root), 400);
    aimem_budget_destroy(ui); /* what it held counts no more */
    CHECK_INT(used(root), 0);
    CHECK_LOG("ui: 400 bytes were charged");
    CHECK(aimem_budget_find(root, "ai/weights") == weights);
    CHECK(aimem_budget_find(root, "") == root);
    CHECK(aimem_budget_find(root, "ui") == NULL);
    CHECK(aimem_budget_find(root, "ai/") == ai);
    CHECK(aimem_budget_find(ai, "weights/none") == NULL);
    CHECK(aimem_budget_find(root, "a") == NULL);
    finish(root); /* and those below */
    CHECK_LOG("budget weights was open");
}

static void tags(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *root, *ai, *ui, *icons;
    aimem_budget_info info;
    d.tag = "misc";
    root = make(&d);
    ai = make_child(root, "ai", "gpu", 0, 0);
    ui = make_child(root, "ui", NULL, 0, 0);
    icons = make_child(ui, "icons", "gpu", 0, 0);
    CHECK_INT(aimem_budget_set_tag_limit(root, "gpu", 300), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(ai, 200, 0), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(icons, 100, 0), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(icons, 1, 0), AIMEM_ERR_LIMIT);
    CHECK_LOG("missing in gpu");
    CHECK_INT(info_of(icons).available, 0);
    CHECK_INT(aimem_budget_charge(ui, 50, 0), AIMEM_OK);
    CHECK_STR(info_of(ui).tag, "misc");
    CHECK_INT(aimem_budget_tag_stats(ui, "gpu", &info), AIMEM_OK);
    CHECK_INT(info.allocated, 300);
    CHECK_INT(info.limit, 300);
    CHECK_INT(info.available, 0);
    CHECK_INT(info.peak, 300);
    CHECK_STR(info.name, "gpu");
    CHECK_INT(aimem_budget_tag_stats(ui, "misc", &info), AIMEM_OK);
    CHECK_INT(info.allocated, 50);
    CHECK(info.limit == AIMEM_BUDGET_UNLIMITED);
    CHECK_INT(aimem_budget_tag_stats(ui, "gp", &info), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(info.allocated, 0);
    CHECK_INT(aimem_budget_set_tag_limit(root, "gpu", 0), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(icons, 1, 0), AIMEM_OK);
    aimem_budget_destroy(icons);
    CHECK_INT(aimem_budget_tag_stats(ui, "gpu", &info), AIMEM_OK);
    CHECK_INT(info.allocated, 200);
    CHECK_INT(aimem_budget_set_tag_limit(root, NULL, 1), AIMEM_ERR_INVALID);
    finish(root);
}

static void reserves(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *root = make(&d);
    aimem_budget *audio = make_child(root, "audio", NULL, 600, 400);
    CHECK_INT(used(root), 400);
    CHECK_INT(info_of(audio).available, 600);
    CHECK_INT(aimem_budget_charge(root, 601, AIMEM_BUDGET_TRY), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_budget_charge(root, 600, AIMEM_BUDGET_TRY), AIMEM_OK);
    CHECK_INT(info_of(audio).available, 400); /* the guarantee holds */
    CHECK_INT(aimem_budget_charge(audio, 300, AIMEM_BUDGET_NEVER_GROW), AIMEM_OK);
    CHECK_INT(used(root), 1000);
    CHECK_INT(aimem_budget_charge(audio, 101, AIMEM_BUDGET_NEVER_GROW), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_budget_uncharge(root, 600), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(audio, 101, AIMEM_BUDGET_NEVER_GROW), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_budget_charge(audio, 200, 0), AIMEM_OK); /* 100 more than the reserve */
    CHECK_INT(used(root), 500);
    CHECK_INT(aimem_budget_uncharge(audio, 450), AIMEM_OK);
    CHECK_INT(used(root), 400);
    CHECK_INT(aimem_budget_set_limit(audio, 399), AIMEM_ERR_INVALID);
    aimem_budget_destroy(audio);
    CHECK_INT(used(root), 0);
    finish(root);
}

static void flags(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *root = make(&d);
    aimem_budget *b = make_child(root, "b", NULL, 0, 0);
    holder cache;
    hold(&cache, root, "cache", AIMEM_BUDGET_CACHE, 0, 650);
    CHECK_INT(aimem_budget_charge(b, 50, AIMEM_BUDGET_WITHIN), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(b, 1, AIMEM_BUDGET_WITHIN), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_budget_charge(b, 301, AIMEM_BUDGET_TRY), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_budget_charge(b, 1, AIMEM_BUDGET_NEVER_GROW), AIMEM_ERR_LIMIT);
    CHECK_INT(cache.asked, 0); /* nobody is asked, nothing is logged */
    CHECK_INT(now.log.count, 0);
    CHECK_INT(info_of(b).given_up, 0);
    CHECK_INT(info_of(b).refused, 3);
    aimem_budget_set_soft_limit(root, 900);
    CHECK_INT(aimem_budget_charge(b, 200, AIMEM_BUDGET_WITHIN), AIMEM_OK);
    CHECK_INT(aimem_budget_set_flags(root, AIMEM_BUDGET_NEVER_GROW), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(b, 1, 0), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_budget_uncharge(b, 1), AIMEM_OK);
    CHECK_INT(aimem_budget_set_flags(root, 8), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_budget_set_flags(root, 0), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(b, 102, 0), AIMEM_OK); /* asks for the missing 1 */
    CHECK_INT(cache.asked, 1);
    CHECK_INT(cache.held, 649);
    CHECK_INT(info_of(b).relieved, 1);
    finish(root);
}

/* A pool in front of a budget that may not grow lives on what it has. */
static void pool_in_front(void) {
    aimem_budget_desc d = fresh_desc(1 << 20);
    aimem_budget *root = make(&d);
    aimem_pool_desc pd;
    aimem_pool *pool;
    aimem_pool_info pi;
    void *block[2000];
    size_t n = 0, i;
    memset(&pd, 0, sizeof pd);
    pd.block_size = 256;
    pd.allocator = aimem_budget_allocator(root);
    CHECK_INT(aimem_pool_create(&pd, &pool), AIMEM_OK);
    aimem_pool_stats(pool, &pi);
    CHECK_INT(used(root), pi.bytes);
    CHECK_INT(aimem_budget_set_flags(root, AIMEM_BUDGET_NEVER_GROW), AIMEM_OK);
    while (n < 2000 && (block[n] = aimem_pool_alloc(pool)) != NULL) n++;
    CHECK_INT(n, pi.total);
    CHECK_INT(aimem_budget_set_flags(root, 0), AIMEM_OK);
    while (n < 2000 && (block[n] = aimem_pool_alloc(pool)) != NULL) n++;
    CHECK_INT(n, 2000);
    for (i = 0; i < n; i++) CHECK_INT(aimem_pool_free(pool, block[i]), AIMEM_OK);
    aimem_pool_stats(pool, &pi);
    CHECK_INT(used(root), pi.bytes);
    aimem_pool_destroy(pool);
    CHECK_INT(used(root), 0);
    finish(root);
}

/* ---- the allocator view against a model ---- */

enum { NODES = 9, PIECES = 200 };

static void model(void) {
    aimem_budget_desc d = fresh_desc(40000);
    static const int parent[NODES] = {-1, 0, 0, 1, 1, 2, 3, 3, 5};
    static const uint64_t limit[NODES] = {40000, 25000, 20000, 0, 9000, 0, 6000, 0, 7000};
    static const uint64_t reserve[NODES] = {0, 9000, 0, 500, 0, 3000, 100, 0, 2000};
    aimem_budget *node[NODES];
    uint64_t own[NODES], sum[NODES];
    struct {
        void *p;
        size_t size, align;
        int node;
        unsigned char fill;
    } piece[PIECES];
    int i, k, round;
    memset(piece, 0, sizeof piece);
    memset(own, 0, sizeof own);
    node[0] = make(&d);
    for (i = 1; i < NODES; i++) {
        node[i] = make_child(node[parent[i]], "n", i % 3 == 0 ? "third" : NULL, limit[i],
                             reserve[i]);
    }
    CHECK_INT(aimem_budget_set_tag_limit(node[0], "third", 8000), AIMEM_OK);
    for (round = 0; round < 20000; round++) {
        k = (int)check_below(PIECES);
        i = (int)check_below(NODES);
        if (piece[k].p == NULL) {
            size_t size = 1 + check_below(check_below(8) == 0 ? 6000 : 300);
            size_t align = (size_t)1 << check_below(7);
            aimem_allocator hook = aimem_budget_allocator(node[i]);
            uint64_t room = info_of(node[i]).available;
            void *p = hook.realloc_fn(hook.user_data, NULL, 0, size, align);
            CHECK((p != NULL) == (size <= room)); /* available is exact */
            if (p == NULL) continue;
            piece[k].p = p;
            piece[k].size = size;
            piece[k].align = align;
            piece[k].node = i;
            piece[k].fill = (unsigned char)round;
            memset(p, piece[k].fill, size);
            own[i] += size;
        } else if (check_below(2) == 0) {
            size_t size = 1 + check_below(3000), j;
            void *p = piece[k].p;
            i = piece[k].node;
            if (aimem_budget_resize(node[i], &p, piece[k].size, size, piece[k].align, 0) ==
                AIMEM_OK) {
                for (j = 0; j < size && j < piece[k].size; j++) {
                    if (((unsigned char *)p)[j] != piece[k].fill) break;
                }
                CHECK(j == size || j == piece[k].size);
                own[i] += size;
                own[i] -= piece[k].size;
                memset(p, piece[k].fill, size);
                piece[k].size = size;
            } else {
                CHECK(size > piece[k].size);
            }
            piece[k].p = p;
        } else {
            aimem_budget_free(node[piece[k].node], piece[k].p, piece[k].size, piece[k].align);
            own[piece[k].node] -= piece[k].size;
            piece[k].p = NULL;
        }
        if (round % 64 != 0) continue;
        memcpy(sum, own, sizeof sum);
        for (i = NODES - 1; i >= 0; i--) { /* children have higher numbers */
            aimem_budget_info info = info_of(node[i]);
            CHECK_INT(info.allocated, sum[i]);
            CHECK_INT(info.own, own[i]);
            CHECK(info.allocated <= info.own_limit && info.peak >= info.allocated);
            if (i != 0) sum[parent[i]] += sum[i] > reserve[i] ? sum[i] : reserve[i];
        }
    }
    for (k = 0; k < PIECES; k++) {
        aimem_budget_free(node[piece[k].node], piece[k].p, piece[k].size, piece[k].align);
    }
    CHECK_INT(used(node[0]), 12000);
    CHECK(info_of(node[0]).refused + info_of(node[8]).refused > 0);
    finish(node[0]);
}

static void memory(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *b = make(&d);
    aimem_allocator hook = aimem_budget_allocator(b);
    void *p = b, *q;
    CHECK_INT(aimem_budget_alloc(b, 0, 0, 0, &p), AIMEM_ERR_INVALID);
    CHECK(p == NULL);
    CHECK_INT(aimem_budget_alloc(b, 8, 3, 0, &p), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_budget_alloc(b, 8, 0, 64, &p), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_budget_alloc(NULL, 8, 0, 0, &p), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_budget_alloc(b, 8, 0, 0, NULL), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_budget_alloc(b, SIZE_MAX, 0, 0, &p), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_budget_alloc(b, 1001, 0, AIMEM_BUDGET_TRY, &p), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_budget_alloc(b, 100, 256, 0, &p), AIMEM_OK);
    CHECK_INT((uintptr_t)p % 256, 0);
    memset(p, 7, 100);
    q = p;
    CHECK_INT(aimem_budget_resize(b, &p, 100, 1001, 256, 0), AIMEM_ERR_LIMIT);
    CHECK(p == q);
    CHECK_INT(aimem_budget_resize(b, &p, 100, 900, 256, 0), AIMEM_OK);
    CHECK_INT(((unsigned char *)p)[99], 7);
    CHECK_INT(used(b), 900);
    now.heap.fail_at = now.heap.calls + 1;
    q = p;
    CHECK_INT(aimem_budget_resize(b, &p, 900, 10, 256, 0), AIMEM_ERR_NOMEM);
    CHECK(p == q);
    CHECK_INT(used(b), 900);
    CHECK_INT(aimem_budget_resize(b, &p, 900, 10, 256, 0), AIMEM_OK);
    CHECK_INT(used(b), 10);
    aimem_budget_free(b, p, 10, 256);
    aimem_budget_free(b, NULL, 10, 256);
    CHECK_INT(used(b), 0);
    CHECK(hook.realloc_fn(hook.user_data, NULL, 0, 0, 0) == NULL);
    CHECK(hook.realloc_fn(hook.user_data, NULL, 0, 1001, 8) == NULL);
    finish(b);
}

/* ---- reclaiming ---- */

static void emergency_order(void) {
    aimem_budget_desc d = fresh_desc(10000);
    aimem_budget *root = make(&d), *ai = make_child(root, "ai", NULL, 0, 0);
    aimem_budget_record rec;
    holder h[8];
    int i;
    hold(&h[0], root, "collector", AIMEM_BUDGET_COLLECTOR, 0, 100);
    hold(&h[1], ai, "buffers", AIMEM_BUDGET_BUFFER, 0, 100);
    hold(&h[2], ai, "model2", AIMEM_BUDGET_MODEL, 0, 100);
    hold(&h[3], ai, "model1", AIMEM_BUDGET_MODEL, 0, 100);
    hold(&h[4], root, "cache2", AIMEM_BUDGET_CACHE, 5, 100);
    hold(&h[5], root, "cache1", AIMEM_BUDGET_CACHE, -5, 100);
    hold(&h[6], ai, "kept", AIMEM_BUDGET_MODEL, -9, 100);
    hold(&h[7], root, "rest", AIMEM_BUDGET_CACHE, 9, 9300);
    CHECK_INT(aimem_budget_remove(root, h[7].id), AIMEM_OK);
    CHECK_INT(aimem_budget_remove(root, h[7].id), AIMEM_ERR_STALE);
    CHECK_INT(aimem_budget_touch(root, h[7].id), AIMEM_ERR_STALE);
    CHECK_INT(aimem_budget_set_essential(root, h[6].id, true), AIMEM_OK);
    CHECK_INT(aimem_budget_touch(root, h[2].id), AIMEM_OK);
    CHECK_INT(info_of(root).reclaimers, 3);
    CHECK_INT(aimem_budget_charge(root, 150, 0), AIMEM_OK);
    CHECK_STR(now.order, "cache1 cache2"); /* and no further than needed */
    CHECK_INT(h[4].held, 50);
    CHECK_INT(h[4].last.bytes, 50);
    CHECK_INT(h[4].last.share, 1000);
    CHECK_INT(h[4].last.why, AIMEM_BUDGET_SHORTAGE);
    now.order[0] = '\0';
    for (i = 0; i < 7; i++) h[i].piece = 30;
    CHECK_INT(aimem_budget_charge(root, 2000, 0), AIMEM_ERR_LIMIT);
    /* Everybody once, but the essential one; collectors three times, and all again with them. */
    CHECK_STR(now.order, "cache1 cache2 model1 model2 buffers collector collector collector");
    CHECK_INT(h[0].last.round, 3);
    CHECK_INT(h[6].asked, 0);
    CHECK_INT(aimem_budget_history(root, &rec, 1), 1);
    CHECK_INT(rec.action, AIMEM_BUDGET_SHORTAGE);
    CHECK_INT(rec.asked, 8);
    CHECK(!rec.success);
    CHECK_INT(rec.before - rec.after, 210);
    now.order[0] = '\0';
    CHECK_INT(aimem_budget_charge(root, 10001, 0), AIMEM_ERR_LIMIT);
    CHECK_STR(now.order, ""); /* hopeless: nobody is asked */
    finish(root);
}

/* Only what is below the full budget, or has the full tag, can help. */
static void asks_those_who_can_help(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *root = make(&d), *ai = make_child(root, "ai", "t", 300, 0);
    aimem_budget *sub = make_child(ai, "sub", NULL, 0, 0), *ui = make_child(root, "ui", "t", 0, 0);
    holder h[4];
    hold(&h[0], root, "root", AIMEM_BUDGET_CACHE, 0, 100);
    hold(&h[1], ai, "ai", AIMEM_BUDGET_CACHE, 1, 100);
    hold(&h[2], sub, "sub", AIMEM_BUDGET_CACHE, 2, 100);
    hold(&h[3], ui, "ui", AIMEM_BUDGET_CACHE, 3, 100);
    CHECK_INT(aimem_budget_charge(ai, 250, 0), AIMEM_OK);
    CHECK_STR(now.order, "ai sub");
    CHECK_INT(h[2].held, 50);
    now.order[0] = '\0';
    CHECK_INT(aimem_budget_set_tag_limit(root, "t", 400), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(ui, 50, 0), AIMEM_OK); /* 400 of the tag are used: sub gives */
    CHECK_STR(now.order, "ai sub");
    finish(root);
}

/* First one budget is full, then the one above: the classes begin anew for that. */
static void full_one_after_the_other(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *root = make(&d), *ai = make_child(root, "ai", NULL, 300, 0);
    holder h[3];
    hold(&h[0], ai, "buffers", AIMEM_BUDGET_BUFFER, 0, 300);
    hold(&h[1], root, "cache", AIMEM_BUDGET_CACHE, 0, 500);
    hold(&h[2], root, "rest", AIMEM_BUDGET_CACHE, 0, 200);
    CHECK_INT(aimem_budget_remove(root, h[2].id), AIMEM_OK);
    h[0].piece = 100;
    CHECK_INT(aimem_budget_set_limit(root, 800), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(ai, 100, 0), AIMEM_OK);
    CHECK_STR(now.order, "buffers cache");
    CHECK_INT(used(root), 800);
    finish(root);
}

static void least_recently_used(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *root = make(&d);
    holder h[4];
    hold(&h[0], root, "a", AIMEM_BUDGET_MODEL, 0, 250);
    hold(&h[1], root, "b", AIMEM_BUDGET_MODEL, 0, 250);
    hold(&h[2], root, "c", AIMEM_BUDGET_MODEL, 0, 250);
    hold(&h[3], root, "d", AIMEM_BUDGET_MODEL, 1, 250);
    CHECK_INT(aimem_budget_touch(root, h[0].id), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(root, 1000, 0), AIMEM_OK);
    CHECK_STR(now.order, "b c a d");
    CHECK_INT(aimem_budget_uncharge(root, 1000), AIMEM_OK);
    finish(root);
}

static void by_hand(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *root = make(&d), *ai = make_child(root, "ai", NULL, 0, 0);
    holder h[3];
    hold(&h[0], root, "a", AIMEM_BUDGET_CACHE, 0, 200);
    hold(&h[1], ai, "b", AIMEM_BUDGET_BUFFER, 0, 200);
    hold(&h[2], ai, "c", AIMEM_BUDGET_CACHE, 1, 200);
    CHECK_INT(aimem_budget_reclaim(ai, 250), 250);
    CHECK_STR(now.order, "c b");
    CHECK_INT(aimem_budget_reclaim(root, 0), 0);
    CHECK_INT(aimem_budget_reclaim(root, UINT64_MAX), 350);
    CHECK_INT(used(root), 0);
    CHECK_INT(aimem_budget_reclaim(root, 1), 0);
    finish(root);
}

/* The real things: a pool and an arena that keep memory, and a cache of blocks of the pool. */
typedef struct block_cache {
    aimem_pool *pool;
    void *block[512];
    size_t count;
} block_cache;

static uint64_t cache_reclaim(void *user_data, aimem_budget_request *request) {
    block_cache *c = (block_cache *)user_data;
    size_t drop = (size_t)((uint64_t)c->count * request->share / 1000), n;
    note("cache");
    for (n = 0; n < drop; n++) CHECK_INT(aimem_pool_free(c->pool, c->block[--c->count]), AIMEM_OK);
    request->done = (uint32_t)n;
    return 0; /* the memory comes back when the pool is trimmed */
}

static void real_reclaimers(void) {
    aimem_budget_desc d = fresh_desc(256 << 10);
    aimem_budget *root = make(&d);
    aimem_budget *entities = make_child(root, "entities", NULL, 0, 0);
    aimem_budget *frame = make_child(root, "frame", NULL, 0, 0);
    aimem_budget_reclaimer_desc r;
    aimem_budget_reclaimer id;
    aimem_pool_desc pd;
    aimem_arena_desc ad;
    aimem_arena arena;
    static block_cache cache;
    uint64_t before;
    void *p;
    memset(&cache, 0, sizeof cache);
    memset(&r, 0, sizeof r);
    memset(&pd, 0, sizeof pd);
    memset(&ad, 0, sizeof ad);
    pd.block_size = 128;
    pd.allocator = aimem_budget_allocator(entities);
    CHECK_INT(aimem_pool_create(&pd, &cache.pool), AIMEM_OK);
    ad.chunk_size = 16 << 10;
    ad.allocator = aimem_budget_allocator(frame);
    CHECK_INT(aimem_arena_init(&arena, &ad), AIMEM_OK);
    r.kind = AIMEM_BUDGET_CACHE;
    r.reclaim_fn = cache_reclaim;
    r.user_data = &cache;
    r.not_own = true;
    CHECK_INT(aimem_budget_add(entities, &r, &id), AIMEM_OK);
    r.kind = AIMEM_BUDGET_BUFFER;
    r.reclaim_fn = aimem_budget_reclaim_pool;
    r.user_data = cache.pool;
    CHECK_INT(aimem_budget_add(entities, &r, &id), AIMEM_OK);
    r.reclaim_fn = aimem_budget_reclaim_arena;
    r.user_data = &arena;
    r.priority = 1;
    CHECK_INT(aimem_budget_add(frame, &r, &id), AIMEM_OK);
    for (cache.count = 0; cache.count < 512; cache.count++) {
        cache.block[cache.count] = aimem_pool_alloc(cache.pool);
        CHECK(cache.block[cache.count] != NULL);
    }
    CHECK(aimem_arena_push(&arena, 100 << 10, 16) != NULL);
    aimem_arena_reset(&arena);
    before = used(root);
    CHECK(before > (160 << 10));
    CHECK_INT(aimem_budget_alloc(root, 200 << 10, 64, AIMEM_BUDGET_TRY, &p), AIMEM_ERR_LIMIT);
    CHECK_INT(aimem_budget_alloc(root, 200 << 10, 64, 0, &p), AIMEM_OK);
    CHECK_STR(now.order, "cache");
    CHECK_INT(cache.count, 0);
    CHECK(used(entities) < (20 << 10)); /* the pool was trimmed, and the arena */
    CHECK_INT(used(frame), 0);
    aimem_budget_free(root, p, 200 << 10, 64);
    aimem_pool_destroy(cache.pool);
    aimem_arena_deinit(&arena);
    finish(root);
}

static void allocator_has_nothing(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *root = make(&d);
    holder h[2];
    void *p = NULL;
    hold(&h[0], root, "empty", AIMEM_BUDGET_CACHE, 0, 0);
    hold(&h[1], root, "cache", AIMEM_BUDGET_CACHE, 1, 100);
    now.heap.fail_at = now.heap.calls + 1;
    CHECK_INT(aimem_budget_alloc(root, 50, 16, 0, &p), AIMEM_OK); /* empty freed nothing: no try */
    CHECK_STR(now.order, "empty cache");
    CHECK_INT(used(root), 100);
    aimem_budget_free(root, p, 50, 16);
    now.heap.fail_at = now.heap.calls + 1;
    now.heap.fail_all_after = 1;
    CHECK_INT(aimem_budget_alloc(root, 50, 16, 0, &p), AIMEM_ERR_NOMEM);
    CHECK(p == NULL);
    CHECK_INT(now.log.code, AIMEM_ERR_NOMEM);
    CHECK_INT(used(root), 0);
    CHECK_INT(aimem_budget_alloc(root, 50, 16, AIMEM_BUDGET_TRY, &p), AIMEM_ERR_NOMEM);
    now.heap.fail_at = 0;
    finish(root);
}

static uint64_t own_reclaim(void *user_data, aimem_budget_request *request) {
    (void)request;
    ++*(int *)user_data;
    return 0;
}

static void not_for_its_own(void) {
    aimem_budget_desc d = fresh_desc(100);
    aimem_budget *root = make(&d), *b = make_child(root, "b", NULL, 0, 0);
    aimem_budget_reclaimer_desc r;
    aimem_budget_reclaimer id;
    int asked = 0;
    memset(&r, 0, sizeof r);
    r.reclaim_fn = own_reclaim;
    r.user_data = &asked;
    r.not_own = true;
    CHECK_INT(aimem_budget_add(b, &r, &id), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(root, 90, 0), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(b, 20, 0), AIMEM_ERR_LIMIT);
    CHECK_INT(asked, 0);
    CHECK_INT(aimem_budget_charge(root, 20, 0), AIMEM_ERR_LIMIT);
    CHECK_INT(asked, 1);
    r.kind = AIMEM_BUDGET_EMERGENCY;
    CHECK_INT(aimem_budget_add(b, &r, &id), AIMEM_ERR_INVALID);
    r.kind = 0;
    r.reclaim_fn = NULL;
    CHECK_INT(aimem_budget_add(b, &r, &id), AIMEM_ERR_INVALID);
    CHECK_INT(id.id, 0);
    CHECK_INT(aimem_budget_remove(b, id), AIMEM_ERR_STALE);
    finish(root);
}

/* ---- the handler ---- */

typedef struct handler {
    int calls, retry_until, shutdowns;
    uint64_t raise_to;
    aimem_budget_shortage last;
} handler;

static uint32_t out_of_memory(void *user_data, const aimem_budget_shortage *s) {
    handler *h = (handler *)user_data;
    note("handler");
    h->last = *s;
    CHECK_INT(s->attempt, h->calls + 1);
    h->calls++;
    if (h->raise_to != 0) {
        CHECK_INT(aimem_budget_set_limit(s->budget, h->raise_to), AIMEM_OK);
    }
    return h->calls <= h->retry_until ? AIMEM_BUDGET_RETRY : AIMEM_BUDGET_GIVE_UP;
}

static void shut_down(void *user_data, const aimem_budget_shortage *s) {
    handler *h = (handler *)user_data;
    note("shutdown");
    CHECK(s->bytes != 0);
    h->shutdowns++;
}

static void handler_decides(void) {
    aimem_budget_desc d = fresh_desc(100);
    aimem_budget *root;
    holder cache;
    handler h;
    memset(&h, 0, sizeof h);
    d.out_of_memory_fn = out_of_memory;
    d.shutdown_fn = shut_down;
    d.user_data = &h;
    root = make(&d);
    hold(&cache, root, "cache", AIMEM_BUDGET_CACHE, 0, 40);
    cache.piece = 10;
    CHECK_INT(aimem_budget_charge(root, 30, 0), AIMEM_OK);
    h.retry_until = 2;
    CHECK_INT(aimem_budget_charge(root, 60, 0), AIMEM_OK); /* 30 missing: 10 at each go */
    CHECK_STR(now.order, "cache handler cache handler cache");
    CHECK_INT(h.last.missing, 10);
    CHECK_INT(h.last.result, AIMEM_ERR_LIMIT);
    CHECK(h.last.budget == root);
    CHECK_INT(h.shutdowns, 0);
    memset(&h, 0, sizeof h);
    now.order[0] = '\0';
    h.retry_until = 1;
    CHECK_INT(aimem_budget_charge(root, 80, 0), AIMEM_ERR_LIMIT);
    CHECK_STR(now.order, "cache handler cache handler shutdown");
    CHECK_INT(info_of(root).given_up, 1);
    memset(&h, 0, sizeof h);
    now.order[0] = '\0';
    h.retry_until = 1;
    h.raise_to = 1000;
    CHECK_INT(aimem_budget_charge(root, 500, 0), AIMEM_OK); /* hopeless until it raises the limit */
    CHECK_STR(now.order, "handler");
    memset(&h, 0, sizeof h);
    h.retry_until = 1000;
    CHECK_INT(aimem_budget_charge(root, 5000, 0), AIMEM_ERR_LIMIT); /* not for ever */
    CHECK_INT(h.calls, 16);
    CHECK_INT(h.shutdowns, 1);
    finish(root);
}

/* ---- callbacks that do as they like ---- */

typedef struct wild {
    aimem_budget *root, *child, *victim;
    aimem_budget_reclaimer id, other, late;
    aimem_budget_reclaimer_desc desc;
    int what, calls, late_calls;
} wild;

static uint64_t late_reclaim(void *user_data, aimem_budget_request *request) {
    (void)request;
    ((wild *)user_data)->late_calls++;
    return 0;
}

static uint64_t wild_reclaim(void *user_data, aimem_budget_request *request) {
    wild *w = (wild *)user_data;
    void *p;
    (void)request;
    w->calls++;
    switch (w->what) {
    case 0: /* allocates and frees: what fits now, and what does not */
        CHECK_INT(aimem_budget_alloc(w->root, 10, 8, 0, &p), AIMEM_OK);
        aimem_budget_free(w->root, p, 10, 8);
        CHECK_INT(aimem_budget_alloc(w->root, 600, 8, 0, &p), AIMEM_ERR_LIMIT);
        CHECK_INT(aimem_budget_reclaim(w->root, 10), 0);
        CHECK_INT(aimem_budget_tick(w->root, 1, 0), AIMEM_ERR_BUSY);
        return 0;
    case 1: /* removes itself and another, adds a new one, which this sweep does not ask */
        CHECK_INT(aimem_budget_remove(w->root, w->id), AIMEM_OK);
        CHECK_INT(aimem_budget_remove(w->root, w->id), AIMEM_ERR_STALE);
        CHECK_INT(aimem_budget_remove(w->root, w->other), AIMEM_OK);
        w->desc.reclaim_fn = late_reclaim;
        CHECK_INT(aimem_budget_add(w->root, &w->desc, &w->late), AIMEM_OK);
        return 0;
    case 2: /* destroys another budget, which frees what it held */
        aimem_budget_destroy(w->victim);
        return 0;
    case 3: /* destroys the budget of the request */
        aimem_budget_destroy(w->child);
        return 0;
    default: /* destroys everything */
        aimem_budget_destroy(w->root);
        return 0;
    }
}

static void wild_begin(wild *w, int what) {
    aimem_budget_desc d = fresh_desc(1000);
    memset(w, 0, sizeof *w);
    w->what = what;
    w->root = make(&d);
    w->child = make_child(w->root, "child", "tag", 0, 0);
    w->victim = make_child(w->child, "victim", NULL, 0, 100);
    CHECK_INT(aimem_budget_charge(w->victim, 300, 0), AIMEM_OK);
    CHECK_INT(aimem_budget_charge(w->root, 200, 0), AIMEM_OK);
    w->desc.reclaim_fn = wild_reclaim;
    w->desc.user_data = w;
    CHECK_INT(aimem_budget_add(w->child, &w->desc, &w->id), AIMEM_OK);
    w->desc.priority = 1;
    w->desc.reclaim_fn = late_reclaim;
    CHECK_INT(aimem_budget_add(w->victim, &w->desc, &w->other), AIMEM_OK);
}

static void wild_callbacks(void) {
    wild w;
    wild_begin(&w, 0);
    CHECK_INT(aimem_budget_charge(w.child, 600, 0), AIMEM_ERR_LIMIT);
    CHECK_INT(w.calls, 1);
    CHECK_INT(w.late_calls, 1);
    CHECK_INT(used(w.root), 500);
    finish(w.root);

    wild_begin(&w, 1);
    CHECK_INT(aimem_budget_charge(w.child, 600, 0), AIMEM_ERR_LIMIT);
    CHECK_INT(w.calls, 1);
    CHECK_INT(w.late_calls, 0);
    CHECK_INT(aimem_budget_charge(w.child, 600, 0), AIMEM_ERR_LIMIT);
    CHECK_INT(w.calls, 1);
    CHECK_INT(w.late_calls, 1);
    finish(w.root);

    wild_begin(&w, 2); /* the memory counts until the request is over */
    CHECK_INT(aimem_budget_charge(w.child, 600, 0), AIMEM_ERR_LIMIT);
    CHECK_INT(w.late_calls, 0);
    CHECK_INT(used(w.root), 200);
    CHECK_INT(aimem_budget_charge(w.child, 600, 0), AIMEM_OK);
    CHECK_INT(info_of(w.child).children, 0);
    finish(w.root);

    wild_begin(&w, 3);
    CHECK_INT(aimem_budget_charge(w.child, 600, 0), AIMEM_ERR_CANCELLED);
    CHECK_INT(used(w.root), 200);
    CHECK_INT(w.late_calls, 0);
    CHECK_INT(info_of(w.root).children, 0);
    finish(w.root);

    wild_begin(&w, 4);
    CHECK_INT(aimem_budget_charge(w.child, 600, 0), AIMEM_ERR_CANCELLED);
    CHECK_INT(w.calls, 1);
    CHECK_HEAP_CLEAN(&now.heap);

    wild_begin(&w, 4); /* in a tick */
    CHECK_INT(aimem_budget_charge(w.root, 490, 0), AIMEM_OK);
    CHECK_INT(aimem_budget_tick(w.root, 1, 0), AIMEM_OK);
    CHECK_INT(w.calls, 1);
    CHECK_HEAP_CLEAN(&now.heap);
}

/* ---- levels ---- */

static char level_path[100];

static void level_changed(void *user_data, aimem_budget *b, uint32_t from, uint32_t to) {
    char text[4];
    (void)user_data;
    (void)b;
    text[0] = (char)('0' + from);
    text[1] = (char)('0' + to);
    text[2] = ' ';
    text[3] = '\0';
    strcat(level_path, text);
}

static void set_used(aimem_budget *b, uint64_t bytes) {
    uint64_t own = info_of(b).own, all = used(b);
    if (bytes > all) CHECK_INT(aimem_budget_charge(b, bytes - all, AIMEM_BUDGET_TRY), AIMEM_OK);
    if (bytes < all && all - bytes <= own) {
        CHECK_INT(aimem_budget_uncharge(b, all - bytes), AIMEM_OK);
    }
    CHECK_INT(used(b), bytes);
}

static void hysteresis(void) {
    aimem_budget_desc d = fresh_desc(10000);
    static const uint64_t at[] = {6999, 7000, 6500, 6499, 7999, 8000, 7499, 9499, 9500, 9000, 8999,
                                  8500, 8499, 7000, 10000, 0};
    static const uint32_t level[] = {0, 1, 1, 0, 1, 2, 1, 3, 4, 4, 3, 3, 2, 1, 4, 0};
    aimem_budget *b, *child;
    size_t i;
    level_path[0] = '\0';
    d.level_fn = level_changed;
    b = make(&d);
    child = make_child(b, "child", NULL, 0, 0);
    for (i = 0; i < sizeof at / sizeof at[0]; i++) {
        set_used(b, at[i]);
        CHECK_INT(aimem_budget_tick(b, i, 0), AIMEM_OK);
        CHECK_INT(info_of(b).level, level[i]);
        CHECK_INT(info_of(child).level, level[i]); /* as felt below */
    }
    CHECK_STR(level_path, "01 10 01 12 21 13 34 43 32 21 14 40 ");
    CHECK_INT(aimem_budget_tick(NULL, 0, 0), AIMEM_ERR_INVALID);
    finish(b);
}

static void default_actions(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget_record rec[8];
    aimem_budget *b;
    holder h[7];
    now.clock.step = 5;
    b = make(&d);
    hold(&h[0], b, "cache", AIMEM_BUDGET_CACHE, 0, 100);
    hold(&h[1], b, "m1", AIMEM_BUDGET_MODEL, 0, 100);
    hold(&h[2], b, "m2", AIMEM_BUDGET_MODEL, 0, 100);
    hold(&h[3], b, "m3", AIMEM_BUDGET_MODEL, 0, 100);
    hold(&h[4], b, "m4", AIMEM_BUDGET_MODEL, 0, 100);
    hold(&h[5], b, "pool", AIMEM_BUDGET_BUFFER, 0, 100);
    hold(&h[6], b, "gc", AIMEM_BUDGET_COLLECTOR, 0, 100);
    now.clock.step = 5;
    set_used(b, 700);
    CHECK_INT(aimem_budget_tick(b, 1, 0), AIMEM_OK);
    CHECK_STR(now.order, "cache");
    CHECK_INT(h[0].held, 70);
    CHECK_INT(h[0].last.why, AIMEM_BUDGET_CACHE);
    CHECK_INT(h[0].last.level, AIMEM_BUDGET_LOW);
    CHECK_INT(aimem_budget_history(b, rec, 8), 1);
    CHECK_STR(rec[0].name, "root");
    CHECK_INT(rec[0].before, 700);
    CHECK_INT(rec[0].after, 670);
    CHECK_INT(rec[0].level, AIMEM_BUDGET_LOW);
    CHECK_INT(rec[0].action, AIMEM_BUDGET_CACHE);
    CHECK_INT(rec[0].asked, 1);
    CHECK(rec[0].success);
    CHECK(rec[0].duration_ns >= 5 && rec[0].duration_ns < 100);
    CHECK(rec[0].at_ns > 0);
    now.order[0] = '\0';
    set_used(b, 800);
    CHECK_INT(aimem_budget_tick(b, 2, 0), AIMEM_OK);
    CHECK_STR(now.order, "cache m1 m2");
    CHECK_INT(h[0].held, 49);
    CHECK_INT(aimem_budget_history(b, rec, 8), 3);
    CHECK_INT(rec[0].action, AIMEM_BUDGET_MODEL); /* the newest first */
    CHECK_INT(rec[1].action, AIMEM_BUDGET_CACHE);
    now.order[0] = '\0';
    set_used(b, 900);
    CHECK_INT(aimem_budget_tick(b, 3, 0), AIMEM_OK);
    CHECK_STR(now.order, "cache m1 m2 m3 m4 gc"); /* m1 and m2 have nothing left and do not count */
    now.order[0] = '\0';
    CHECK_INT(aimem_budget_tick(b, 4, 0), AIMEM_OK);
    CHECK_STR(now.order, "");
    h[1].held = h[3].held = 100; /* loaded again */
    CHECK_INT(aimem_budget_charge(b, 200, AIMEM_BUDGET_TRY), AIMEM_OK);
    set_used(b, 960);
    CHECK_INT(aimem_budget_tick(b, 5, 0), AIMEM_OK);
    CHECK_STR(now.order, "cache m1 m2 m3"); /* until 800 or less are used */
    CHECK_INT(h[0].last.why, AIMEM_BUDGET_EMERGENCY);
    CHECK(used(b) <= 800 && used(b) > 700);
    finish(b);
}

static bool call_true(void *user_data, aimem_budget *b, uint32_t level) {
    (void)b;
    note((const char *)user_data);
    return level == AIMEM_BUDGET_HIGH;
}

static void bound_actions(void) {
    aimem_budget_desc d = fresh_desc(1000);
    static char one[] = "one", two[] = "two";
    aimem_budget *root = make(&d), *ai = make_child(root, "ai", NULL, 100, 0);
    aimem_budget_action a[2];
    aimem_budget_record rec[3];
    memset(a, 0, sizeof a);
    a[0].kind = a[1].kind = AIMEM_BUDGET_CALL;
    a[0].call_fn = a[1].call_fn = call_true;
    a[0].user_data = one;
    a[1].user_data = two;
    CHECK_INT(aimem_budget_bind(root, AIMEM_BUDGET_HIGH, a, 2), AIMEM_OK);
    CHECK_INT(aimem_budget_bind(root, AIMEM_BUDGET_LOW, a, 1), AIMEM_OK);
    CHECK_INT(aimem_budget_bind(root, AIMEM_BUDGET_NONE, a, 1), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_budget_bind(root, 5, a, 1), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_budget_bind(root, AIMEM_BUDGET_LOW, NULL, 1), AIMEM_ERR_INVALID);
    CHECK_INT(aimem_budget_bind(root, AIMEM_BUDGET_LOW, a, 33), AIMEM_ERR_INVALID);
    a[1].call_fn = NULL;
    CHECK_INT(aimem_budget_bind(root, AIMEM_BUDGET_LOW, a, 2), AIMEM_ERR_INVALID);
    a[1].kind = AIMEM_BUDGET_SHORTAGE;
    CHECK_INT(aimem_budget_bind(root, AIMEM_BUDGET_LOW, a, 2), AIMEM_ERR_INVALID);
    a[1].kind = AIMEM_BUDGET_CACHE;
    a[1].share = 1001;
    CHECK_INT(aimem_budget_bind(root, AIMEM_BUDGET_LOW, a, 2), AIMEM_ERR_INVALID);
    set_used(ai, 92); /* inherits */
    CHECK_INT(aimem_budget_tick(root, 1, 0), AIMEM_OK);
    CHECK_STR(now.order, "one two");
    CHECK_INT(aimem_budget_history(root, rec, 3), 2);
    CHECK_STR(rec[0].name, "ai");
    CHECK(rec[0].success);
    CHECK_INT(rec[0].action, AIMEM_BUDGET_CALL);
    now.order[0] = '\0';
    set_used(ai, 10);
    CHECK_INT(aimem_budget_tick(root, 2, 0), AIMEM_OK);
    CHECK_INT(aimem_budget_bind(ai, AIMEM_BUDGET_HIGH, a, 0), AIMEM_OK); /* nothing, for ai */
    set_used(ai, 92);
    CHECK_INT(aimem_budget_tick(root, 3, 0), AIMEM_OK);
    CHECK_STR(now.order, "");
    set_used(ai, 10);
    CHECK_INT(aimem_budget_tick(root, 4, 0), AIMEM_OK);
    set_used(ai, 75);
    CHECK_INT(aimem_budget_tick(root, 5, 0), AIMEM_OK);
    CHECK_STR(now.order, "one");
    CHECK_INT(aimem_budget_history(root, rec, 1), 1);
    CHECK(!rec[0].success); /* it said false */
    CHECK_INT(aimem_budget_bind(root, AIMEM_BUDGET_LOW, NULL, 0), AIMEM_OK); /* as at first */
    set_used(ai, 10);
    CHECK_INT(aimem_budget_tick(root, 6, 0), AIMEM_OK);
    set_used(ai, 75);
    CHECK_INT(aimem_budget_tick(root, 7, 0), AIMEM_OK);
    CHECK_STR(now.order, "one");
    CHECK_INT(aimem_budget_history(root, rec, 1), 1);
    CHECK_INT(rec[0].action, AIMEM_BUDGET_CACHE);
    finish(root);
}

static void repeats(void) {
    aimem_budget_desc d = fresh_desc(1000);
    const uint64_t s = 1000000000u;
    aimem_budget *b = make(&d);
    holder h;
    hold(&h, b, "cache", AIMEM_BUDGET_CACHE, 0, 700);
    h.piece = 1;
    CHECK_INT(aimem_budget_charge(b, 50, AIMEM_BUDGET_TRY), AIMEM_OK);
    CHECK_INT(aimem_budget_tick(b, 100 * s, 0), AIMEM_OK);
    CHECK_INT(h.asked, 1);
    CHECK_INT(aimem_budget_tick(b, 109 * s, 0), AIMEM_OK);
    CHECK_INT(h.asked, 1);
    CHECK_INT(aimem_budget_tick(b, 110 * s, 0), AIMEM_OK);
    CHECK_INT(h.asked, 2);
    CHECK_INT(aimem_budget_tick(b, 10 * s, 0), AIMEM_OK); /* back: no time has passed */
    CHECK_INT(h.asked, 2);
    CHECK_INT(aimem_budget_tick(b, 19 * s, 0), AIMEM_OK);
    CHECK_INT(h.asked, 2);
    CHECK_INT(aimem_budget_tick(b, 20 * s, 0), AIMEM_OK);
    CHECK_INT(h.asked, 3);
    finish(b);
}

static void slices(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget_record rec[3];
    aimem_budget *b = make(&d);
    holder h[4];
    int ticks = 1;
    hold(&h[0], b, "a", AIMEM_BUDGET_CACHE, 0, 200);
    hold(&h[1], b, "b", AIMEM_BUDGET_CACHE, 1, 200);
    hold(&h[2], b, "c", AIMEM_BUDGET_CACHE, 2, 200);
    hold(&h[3], b, "m", AIMEM_BUDGET_MODEL, 0, 200);
    now.clock.step = 100;
    CHECK_INT(aimem_budget_tick(b, 1, 1), AIMEM_PENDING); /* one callback in a tick at least */
    CHECK_STR(now.order, "a");
    while (aimem_budget_tick(b, 2, 1) == AIMEM_PENDING) ticks++;
    CHECK_STR(now.order, "a b c m");
    CHECK(ticks >= 4 && ticks <= 6);
    CHECK_INT(aimem_budget_history(b, rec, 3), 2);
    CHECK_INT(rec[1].asked, 3); /* one action over three ticks, recorded once */
    CHECK_INT(rec[1].before, 800);
    CHECK_INT(rec[1].after, 620);
    CHECK_INT(rec[0].after, 420);
    finish(b);
}

/* A higher level takes the place of a run that is under way; what that did is remembered. */
static void overtaken(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget_record rec[4];
    aimem_budget *b = make(&d);
    holder h[2];
    hold(&h[0], b, "a", AIMEM_BUDGET_CACHE, 0, 350);
    hold(&h[1], b, "b", AIMEM_BUDGET_CACHE, 1, 350);
    now.clock.step = 100;
    CHECK_INT(aimem_budget_tick(b, 1, 1), AIMEM_PENDING);
    CHECK_STR(now.order, "a");
    set_used(b, 955);
    CHECK_INT(aimem_budget_tick(b, 2, 0), AIMEM_OK);
    CHECK_STR(now.order, "a a");
    CHECK_INT(aimem_budget_history(b, rec, 4), 2);
    CHECK_INT(rec[1].level, AIMEM_BUDGET_LOW);
    CHECK_INT(rec[1].asked, 1);
    CHECK(rec[1].success);
    CHECK_INT(rec[0].action, AIMEM_BUDGET_EMERGENCY);
    CHECK_INT(rec[0].after, 800);
    finish(b);
}

/* What the budget above did in the same tick can make a level's actions needless. */
static void relieved_from_above(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *root = make(&d), *ai = make_child(root, "ai", NULL, 1000, 0);
    aimem_budget_record rec[3];
    holder h[2];
    hold(&h[0], ai, "cache", AIMEM_BUDGET_CACHE, 0, 400);
    hold(&h[1], ai, "gc", AIMEM_BUDGET_COLLECTOR, 0, 500);
    CHECK_INT(aimem_budget_charge(ai, 60, AIMEM_BUDGET_TRY), AIMEM_OK);
    CHECK_INT(aimem_budget_tick(root, 1, 0), AIMEM_OK);
    CHECK_STR(now.order, "cache");
    CHECK_INT(aimem_budget_history(root, rec, 3), 1);
    CHECK_INT(info_of(ai).level, AIMEM_BUDGET_CRITICAL); /* as it was seen in that tick */
    CHECK_INT(aimem_budget_tick(root, 2, 0), AIMEM_OK);
    CHECK_INT(info_of(ai).level, AIMEM_BUDGET_MEDIUM);
    CHECK_STR(now.order, "cache");
    finish(root);
}

static void history_is_a_ring(void) {
    aimem_budget_desc d = fresh_desc(1000);
    static aimem_budget_record rec[200];
    aimem_budget *b = make(&d);
    uint64_t i;
    for (i = 0; i < 250; i++) {
        now.clock.now = 1000 + i;
        CHECK_INT(aimem_budget_reclaim(b, 1), 0);
    }
    CHECK_INT(aimem_budget_history(b, rec, 200), 100);
    CHECK_INT(rec[0].at_ns, 1249);
    CHECK_INT(rec[99].at_ns, 1150);
    CHECK_INT(aimem_budget_history(b, rec, 2), 2);
    CHECK_INT(aimem_budget_history(b, NULL, 0), 0);
    CHECK_INT(rec[1].at_ns, 1248);
    CHECK(!rec[0].success);
    CHECK_INT(rec[0].action, AIMEM_BUDGET_EMERGENCY);
    finish(b);
}

static bool walk_two(void *user_data, uint32_t depth, const aimem_budget_info *info) {
    int *n = (int *)user_data;
    note(info->name);
    CHECK_INT(depth, *n == 0 ? 0 : *n == 4 ? 2 : 1);
    return ++*n < 5;
}

static void destroy_lists_what_is_open(void) {
    aimem_budget_desc d = fresh_desc(1000);
    aimem_budget *root = make(&d), *ai;
    holder h[2];
    int n = 0;
    (void)make_child(make_child(root, "x", NULL, 0, 0), "y", NULL, 0, 0);
    ai = make_child(root, "ai", NULL, 0, 0);
    (void)make_child(root, "0123456789012345678901234567890123456789", NULL, 0, 0);
    aimem_budget_walk(root, walk_two, &n);
    CHECK_INT(n, 5);
    CHECK_STR(now.order, "root 0123456789012345678901234567890 ai x y");
    CHECK(aimem_budget_find(root, "0123456789012345678901234567890123456789") != NULL);
    hold(&h[0], root, "keeper", AIMEM_BUDGET_CACHE, 0, 0);
    hold(&h[1], ai, "leaver", AIMEM_BUDGET_CACHE, 0, 25);
    aimem_budget_destroy(ai);
    CHECK_INT(now.log.count, 2);
    CHECK_LOG("ai: 25 bytes were charged when it was destroyed\n"
              "ai: reclaimer leaver was open when it was destroyed\n");
    CHECK_INT(aimem_budget_remove(root, h[1].id), AIMEM_ERR_STALE);
    now.log.all[0] = '\0';
    finish(root);
    CHECK_LOG("root: budget y was open");
    CHECK_LOG("root: reclaimer keeper was open");
    CHECK(strstr(now.log.all, "leaver") == NULL);
}

/* ---- threads ---- */

enum { THREADS = 3, TURNS = 3000 };

typedef struct worker {
    aimem_budget *budget, *root;
    uint64_t granted;
    uint32_t seed;
} worker;

/* A cache of bytes that all threads share; the counter has a lock of its own. */
static struct {
    aimc_mutex lock;
    aimem_budget *budget;
    uint64_t held;
} shared;

static uint64_t shared_reclaim(void *user_data, aimem_budget_request *request) {
    uint64_t bytes;
    (void)user_data;
    aimc_mutex_lock(&shared.lock);
    bytes = shared.held < request->bytes ? shared.held : request->bytes;
    shared.held -= bytes;
    aimc_mutex_unlock(&shared.lock);
    return aimem_budget_uncharge(shared.budget, bytes) == AIMEM_OK ? bytes : 0;
}

static void work(void *user_data) {
    worker *w = (worker *)user_data;
    void *piece[8];
    size_t size[8];
    uint32_t turn, x = w->seed;
    memset(piece, 0, sizeof piece);
    memset(size, 0, sizeof size);
    for (turn = 0; turn < TURNS; turn++) {
        uint32_t k = (x = x * 1664525u + 1013904223u) >> 29;
        aimem_budget_reclaimer id;
        aimem_budget_reclaimer_desc r;
        if (piece[k] != NULL) {
            aimem_budget_free(w->budget, piece[k], size[k], 16);
            piece[k] = NULL;
        } else {
            size[k] = 1 + (x >> 8) % 300;
            if (aimem_budget_alloc(w->budget, size[k], 16, 0, &piece[k]) == AIMEM_OK) w->granted++;
        }
        if (turn % 16 == 0 &&
            aimem_budget_charge(shared.budget, 64, AIMEM_BUDGET_TRY) == AIMEM_OK) {
            aimc_mutex_lock(&shared.lock);
            shared.held += 64;
            aimc_mutex_unlock(&shared.lock);
        }
        if (turn % 64 == 0) {
            (void)aimem_budget_tick(w->root, turn, 0);
            memset(&r, 0, sizeof r);
            r.reclaim_fn = late_reclaim;
            r.essential = true;
            if (aimem_budget_add(w->budget, &r, &id) == AIMEM_OK) {
                aimem_result result = aimem_budget_remove(w->root, id);
                if (result != AIMEM_OK) abort();
            }
        }
        if (turn % 256 == 0) {
            aimem_budget_desc d;
            aimem_budget *b;
            memset(&d, 0, sizeof d);
            d.parent = w->budget;
            d.reserve = 8;
            if (aimem_budget_create(&d, &b) == AIMEM_OK) aimem_budget_destroy(b);
        }
    }
    for (turn = 0; turn < 8; turn++) aimem_budget_free(w->budget, piece[turn], size[turn], 16);
}

/* malloc for all threads; the heap of check.h is for one. */
static void *plain_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                           size_t align) {
    (void)user_data;
    (void)old_size;
    if (align > 16) return NULL;
    if (new_size != 0) return realloc(ptr, new_size);
    free(ptr);
    return NULL;
}

static void threads(void) {
    aimem_budget_desc d;
    aimem_budget_reclaimer_desc r;
    aimem_budget_reclaimer id;
    aimem_budget *root, *b;
    aimc_thread thread[THREADS];
    worker w[THREADS];
    int i, started = 0;
    memset(&d, 0, sizeof d);
    memset(&r, 0, sizeof r);
    d.limit = 2000;
    d.locked = true;
    d.allocator.realloc_fn = plain_realloc;
    if (aimem_budget_create(&d, &root) == AIMEM_ERR_UNSUPPORTED) SKIP("there are no threads");
    REQUIRE(aimc_mutex_init(&shared.lock));
    memset(&d, 0, sizeof d);
    d.parent = root;
    shared.budget = make(&d);
    shared.held = 0;
    r.reclaim_fn = shared_reclaim;
    CHECK_INT(aimem_budget_add(shared.budget, &r, &id), AIMEM_OK);
    for (i = 0; i < THREADS; i++) {
        d.limit = 1500;
        b = make(&d);
        w[i].budget = b;
        w[i].root = root;
        w[i].granted = 0;
        w[i].seed = (uint32_t)i + 1;
    }
    for (i = 0; i < THREADS; i++) {
        if (aimc_thread_start(&thread[i], work, &w[i]) != AIMEM_OK) break;
        started++;
    }
    for (i = 0; i < started; i++) aimc_thread_join(&thread[i]);
    CHECK(started > 0);
    for (i = 0; i < started; i++) {
        CHECK(w[i].granted > TURNS / 10);
        CHECK_INT(used(w[i].budget), 0);
        CHECK(info_of(w[i].budget).peak <= 1500);
    }
    CHECK_INT(used(root), shared.held);
    CHECK(info_of(root).peak <= 2000);
    aimem_budget_destroy(root);
    aimc_mutex_deinit(&shared.lock);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(counts);
    RUN(recommended);
    RUN(bad_descs);
    RUN(nests);
    RUN(tags);
    RUN(reserves);
    RUN(flags);
    RUN(pool_in_front);
    RUN(model);
    RUN(memory);
    RUN(emergency_order);
    RUN(asks_those_who_can_help);
    RUN(full_one_after_the_other);
    RUN(least_recently_used);
    RUN(by_hand);
    RUN(real_reclaimers);
    RUN(allocator_has_nothing);
    RUN(not_for_its_own);
    RUN(handler_decides);
    RUN(wild_callbacks);
    RUN(hysteresis);
    RUN(default_actions);
    RUN(bound_actions);
    RUN(repeats);
    RUN(slices);
    RUN(overtaken);
    RUN(relieved_from_above);
    RUN(history_is_a_ring);
    RUN(destroy_lists_what_is_open);
    RUN(threads);
    return CHECK_END();
}
