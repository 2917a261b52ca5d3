/* budget.c: the parts of a small game and its AI under one limit of 16 MiB.
 *
 *   game 16 MiB ---- entities    a block pool in front of the budget
 *              +---- frame       an arena in front of the budget
 *              +---- textures    a cache: decoded again when needed       (class cache)
 *              +---- ai 10 MiB   models, loaded when somebody talks       (class model)
 *              |     +---- chat  one of them is essential
 *              +---- video       counted only: the memory is the driver's
 *
 * Shown: budgets as allocators, charging memory from elsewhere, reclaimers, levels and their
 * actions in a tick, optional requests, and what happens when nothing helps.
 *
 *   cc -std=c11 -I. examples/budget.c -o budget -lpthread
 */
#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)
enum { TEXTURES = 64, MODELS = 3 };

/* ---- a cache of textures: the oldest go first ---- */

typedef struct texture_cache {
    aimem_budget *budget;
    void *pixels[TEXTURES]; /* the oldest first */
    size_t count;
} texture_cache;

enum { TEXTURE_SIZE = 256 << 10 };

static void texture_drop_oldest(texture_cache *t) {
    aimem_budget_free(t->budget, t->pixels[0], TEXTURE_SIZE, 64);
    memmove(t->pixels, t->pixels + 1, --t->count * sizeof t->pixels[0]);
}

/* flags: AIMEM_BUDGET_WITHIN for textures that may be wanted soon, 0 for those on the screen. */
static int texture_load(texture_cache *t, uint32_t flags) {
    void *p;
    if (t->count == TEXTURES) texture_drop_oldest(t);
    /* Loading may call textures_reclaim: count is read again after it. */
    if (aimem_budget_alloc(t->budget, TEXTURE_SIZE, 64, flags, &p) != AIMEM_OK) return 0;
    t->pixels[t->count++] = p;
    return 1;
}

static uint64_t textures_reclaim(void *user_data, aimem_budget_request *request) {
    texture_cache *t = (texture_cache *)user_data;
    uint64_t give = (uint64_t)t->count * TEXTURE_SIZE * request->share / 1000, freed = 0;
    if (request->bytes < give) give = request->bytes;
    while (t->count > 0 && freed < give) {
        texture_drop_oldest(t);
        freed += TEXTURE_SIZE;
    }
    return freed;
}

/* ---- models: one reclaimer each, so that the least recently used goes first ---- */

typedef struct model {
    const char *name;
    aimem_budget *budget;
    size_t size;
    void *weights;
    aimem_budget_reclaimer reclaimer;
} model;

static uint64_t model_unload(void *user_data, aimem_budget_request *request) {
    model *m = (model *)user_data;
    if (m->weights == NULL) return 0;
    aimem_budget_free(m->budget, m->weights, m->size, 64);
    m->weights = NULL;
    request->done = 1;
    printf("  unloaded %s\n", m->name);
    return m->size;
}

/* Loads it when it is not there, and says that it was used. */
static int model_use(model *m) {
    (void)aimem_budget_touch(m->budget, m->reclaimer);
    return m->weights != NULL ||
           aimem_budget_alloc(m->budget, m->size, 64, 0, &m->weights) == AIMEM_OK;
}

static int model_register(model *m, const char *name, aimem_budget *budget, size_t size) {
    aimem_budget_reclaimer_desc d;
    memset(&d, 0, sizeof d);
    m->name = name;
    m->budget = budget;
    m->size = size;
    m->weights = NULL;
    d.name = name;
    d.kind = AIMEM_BUDGET_MODEL;
    d.reclaim_fn = model_unload;
    d.user_data = m;
    return aimem_budget_add(budget, &d, &m->reclaimer) == AIMEM_OK;
}

/* ---- the game ---- */

typedef struct game {
    aimem_budget *all, *entities, *frame, *textures, *ai, *chat, *video;
    aimem_pool *pool;
    aimem_arena arena;
    texture_cache cache;
    model models[MODELS];
    int give_ups;
} game;

static void on_level(void *user_data, aimem_budget *budget, uint32_t from, uint32_t to) {
    static const char *const names[] = {"none", "low", "medium", "high", "critical"};
    aimem_budget_info info;
    (void)user_data;
    aimem_budget_stats(budget, &info);
    printf("  %s: level %s -> %s\n", info.name, names[from], names[to]);
}

/* Everything was tried. A real game would save and leave; this one lets the request fail. */
static uint32_t on_out_of_memory(void *user_data, const aimem_budget_shortage *s) {
    ((game *)user_data)->give_ups++;
    printf("  out of memory: %.1f MiB wanted, %.1f MiB missing in %s\n",
           (double)s->bytes / (double)MIB, (double)s->missing / (double)MIB, s->full);
    return AIMEM_BUDGET_GIVE_UP;
}

static aimem_budget *budget_below(aimem_budget *parent, const char *name, const char *tag,
                                  uint64_t limit, uint64_t reserve) {
    aimem_budget_desc d;
    aimem_budget *b;
    memset(&d, 0, sizeof d);
    d.parent = parent;
    d.name = name;
    d.tag = tag;
    d.limit = limit;
    d.reserve = reserve;
    return aimem_budget_create(&d, &b) == AIMEM_OK ? b : NULL;
}

static int game_begin(game *g) {
    aimem_budget_reclaimer_desc r;
    aimem_budget_reclaimer id;
    aimem_budget_desc d;
    aimem_pool_desc pd;
    aimem_arena_desc ad;
    memset(g, 0, sizeof *g);
    memset(&d, 0, sizeof d);
    d.name = "game";
    d.limit = 16 * MIB; /* 0 would be the recommended limit of this machine */
    d.level_fn = on_level;
    d.out_of_memory_fn = on_out_of_memory;
    d.user_data = g;
    if (aimem_budget_create(&d, &g->all) != AIMEM_OK) return 0;
    g->entities = budget_below(g->all, "entities", NULL, 0, MIB); /* never without 1 MiB */
    g->frame = budget_below(g->all, "frame", NULL, 0, 0);
    g->textures = budget_below(g->all, "textures", "picture", 0, 0);
    g->ai = budget_below(g->all, "ai", "model", 10 * MIB, 0);
    g->video = budget_below(g->all, "video", "picture", 0, 0);
    if (!g->entities || !g->frame || !g->textures || !g->ai || !g->video) return 0;
    g->chat = budget_below(g->ai, "chat", NULL, 0, 0);
    if (!g->chat) return 0;

    memset(&pd, 0, sizeof pd);
    pd.name = "entities";
    pd.block_size = 192;
    pd.allocator = aimem_budget_allocator(g->entities);
    if (aimem_pool_create(&pd, &g->pool) != AIMEM_OK) return 0;
    memset(&ad, 0, sizeof ad);
    ad.allocator = aimem_budget_allocator(g->frame);
    if (aimem_arena_init(&g->arena, &ad) != AIMEM_OK) return 0;

    memset(&r, 0, sizeof r);
    r.name = "textures";
    r.kind = AIMEM_BUDGET_CACHE;
    r.reclaim_fn = textures_reclaim;
    r.user_data = &g->cache;
    g->cache.budget = g->textures;
    if (aimem_budget_add(g->textures, &r, &id) != AIMEM_OK) return 0;
    r.kind = AIMEM_BUDGET_BUFFER;
    r.not_own = true; /* neither is trimmed in the middle of growing */
    r.name = "entity pool";
    r.reclaim_fn = aimem_budget_reclaim_pool;
    r.user_data = g->pool;
    if (aimem_budget_add(g->entities, &r, &id) != AIMEM_OK) return 0;
    r.name = "frame arena";
    r.reclaim_fn = aimem_budget_reclaim_arena;
    r.user_data = &g->arena;
    if (aimem_budget_add(g->frame, &r, &id) != AIMEM_OK) return 0;
    return model_register(&g->models[0], "path finder", g->ai, 2 * MIB) &&
           model_register(&g->models[1], "voice", g->chat, 3 * MIB) &&
           model_register(&g->models[2], "dialogue", g->chat, 4 * MIB) &&
           aimem_budget_set_essential(g->chat, g->models[2].reclaimer, true) == AIMEM_OK;
}

static void game_end(game *g) {
    aimem_budget_request all;
    int i;
    memset(&all, 0, sizeof all);
    all.share = 1000;
    all.bytes = UINT64_MAX;
    for (i = 0; i < MODELS; i++) (void)model_unload(&g->models[i], &all);
    (void)textures_reclaim(&g->cache, &all);
    aimem_arena_deinit(&g->arena);
    aimem_pool_destroy(g->pool);
    aimem_budget_destroy(g->all); /* and all below */
}

static bool print_budget(void *user_data, uint32_t depth, const aimem_budget_info *info) {
    (void)user_data;
    printf("  %*s%-*s %6.2f MiB of %6.2f, peak %6.2f, %6.2f available\n", (int)depth * 2, "",
           12 - (int)depth * 2, info->name, (double)info->allocated / (double)MIB,
           (double)info->limit / (double)MIB, (double)info->peak / (double)MIB,
           (double)info->available / (double)MIB);
    return true;
}

static int fail(const char *what) {
    printf("FAILED: %s\n", what);
    return 1;
}

int main(void) {
    static game g;
    aimem_budget_record record[8];
    aimem_budget_info info;
    size_t n, i;
    uint64_t time_ns = 0;

    if (!game_begin(&g)) return fail("the game does not start");
    puts("a level is loaded");
    for (i = 0; i < 2000; i++) {
        if (aimem_pool_alloc(g.pool) == NULL) return fail("entities");
    }
    for (i = 0; i < 12; i++) (void)texture_load(&g.cache, 0);
    if (aimem_budget_charge(g.video, 3 * MIB, 0) != AIMEM_OK) return fail("video memory");
    if (!model_use(&g.models[0])) return fail("path finder");
    (void)aimem_arena_push(&g.arena, MIB, 16);
    aimem_arena_reset(&g.arena);
    aimem_budget_walk(g.all, print_budget, NULL);

    puts("textures that may be wanted soon, while there is no pressure");
    for (i = 0; texture_load(&g.cache, AIMEM_BUDGET_WITHIN); i++) {
    }
    printf("  %lu loaded ahead\n", (unsigned long)i);
    if (i == 0 || i > 12) return fail("loading ahead");

    puts("somebody talks: two models, and the tick keeps order");
    if (!model_use(&g.models[1]) || !model_use(&g.models[2])) return fail("models");
    n = g.cache.count;
    (void)aimem_budget_tick(g.all, time_ns += 16000000, 2000000); /* at most about 2 ms of it */
    if (g.cache.count >= n) return fail("the cache was not trimmed");
    aimem_budget_walk(g.all, print_budget, NULL);

    puts("a cut scene needs 9 MiB of video memory");
    if (aimem_budget_charge(g.video, 9 * MIB, 0) == AIMEM_OK) return fail("that cannot fit");
    if (g.give_ups != 1) return fail("the handler was not asked");
    if (g.models[2].weights == NULL) return fail("the essential model is gone");
    puts("it makes do with 4 MiB");
    if (aimem_budget_charge(g.video, 4 * MIB, 0) != AIMEM_OK) return fail("4 MiB");
    aimem_budget_walk(g.all, print_budget, NULL);
    if (aimem_budget_tag_stats(g.all, "picture", &info) != AIMEM_OK) return fail("tag");
    printf("  tag picture: %.2f MiB\n", (double)info.allocated / (double)MIB);

    puts("what was done, the last first");
    n = aimem_budget_history(g.all, record, 8);
    for (i = 0; i < n; i++) {
        static const char *const names[] = {"caches",    "models", "buffers", "collector",
                                            "emergency", "call",   "shortage"};
        printf("  %-9s %-5s %s: %.2f -> %.2f MiB, %u asked\n", record[i].name,
               names[record[i].action], record[i].success ? "helped" : "did not help",
               (double)record[i].before / (double)MIB, (double)record[i].after / (double)MIB,
               (unsigned)record[i].asked);
    }
    if (n == 0) return fail("no history");
    if (aimem_budget_uncharge(g.video, 7 * MIB) != AIMEM_OK) return fail("uncharge");
    game_end(&g);
    return 0;
}
