/* game.c: the memory of a small game. Bullets and enemies live in block pools and are named by
 * handles, so that a bullet may remember its target although the target may be gone; what belongs
 * to a frame comes from a frame arena and is freed by nobody; sounds wait in a ring. After the
 * first seconds no frame asks the system for memory.
 *
 *   cc -I. examples/game.c -o game -lm -lpthread && ./game
 */
#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 3600, WAVE = 90, ENEMIES = 64, FIELD = 1000 };

typedef struct enemy {
    int x, y, life;
} enemy;

typedef struct bullet {
    int x, y;
    aimem_pool_handle target;
} bullet;

/* What is drawn: made anew in every frame, read by the renderer while the next one is computed. */
typedef struct sprite {
    int x, y, kind;
    struct sprite *next;
} sprite;

typedef struct game {
    aimem_pool *enemies, *bullets;
    aimem_frame frame;
    aimem_ring sounds;
    sprite *drawn, *last_drawn; /* lists of this frame and of the last one */
    long calls;                 /* of the allocator, by all of them */
    long kills, lost, heard, sprites;
    uint32_t random;
} game;

/* The C library, and a count: a game wants to know when it allocates. */
static void *counted(void *user_data, void *ptr, size_t old_size, size_t new_size, size_t align) {
    game *g = (game *)user_data;
    (void)old_size;
    (void)align; /* nothing here asks for more than malloc gives */
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    g->calls++;
    return realloc(ptr, new_size);
}

static int chance(game *g, int below) {
    g->random = g->random * 1664525u + 1013904223u;
    return (int)((g->random >> 8) % (uint32_t)below);
}

static aimem_result start(game *g) {
    aimem_pool_desc pools;
    aimem_frame_desc frames;
    aimem_ring_desc ring;
    aimem_result r;
    memset(g, 0, sizeof *g);
    memset(&pools, 0, sizeof pools);
    memset(&frames, 0, sizeof frames);
    memset(&ring, 0, sizeof ring);
    g->random = 7;
    pools.allocator.realloc_fn = counted;
    pools.allocator.user_data = g;
    frames.arena.allocator = ring.allocator = pools.allocator;

    pools.name = "enemies";
    pools.block_size = sizeof(enemy);
    pools.max_blocks = ENEMIES;
    pools.handles = true;
    (void)aimem_tuning_pool(AIMEM_TUNING_REALTIME, &pools); /* all of them, now */
    r = aimem_pool_create(&pools, &g->enemies);
    if (r != AIMEM_OK) return r;
    pools.name = "bullets";
    pools.block_size = sizeof(bullet);
    pools.max_blocks = 0;
    pools.fixed = false;
    pools.preallocated = 100; /* and more as they come */
    r = aimem_pool_create(&pools, &g->bullets);
    if (r != AIMEM_OK) return r;
    r = aimem_frame_init(&g->frame, &frames);
    if (r != AIMEM_OK) return r;
    ring.size = 4096;
    return aimem_ring_init(&g->sounds, &ring);
}

static void stop(game *g) {
    aimem_pool_destroy(g->bullets);
    aimem_pool_destroy(g->enemies);
    aimem_frame_deinit(&g->frame);
    aimem_ring_deinit(&g->sounds);
}

/* Sounds are texts of any length; the mixer takes them later, in this order. */
static void say(game *g, const char *what, int x) {
    char text[64];
    int size = snprintf(text, sizeof text, "%s at %d", what, x);
    char *room = (char *)aimem_ring_push(&g->sounds, (size_t)size + 1, 1);
    if (room != NULL) memcpy(room, text, (size_t)size + 1); /* else it is not heard */
}

static void listen(game *g) {
    size_t size;
    const char *text;
    while ((text = (const char *)aimem_ring_peek(&g->sounds, &size)) != NULL) {
        g->heard += text[size - 1] == '\0';
        (void)aimem_ring_pop(&g->sounds);
    }
}

static void draw(game *g, int x, int y, int kind) {
    sprite *s = (sprite *)aimem_frame_push(&g->frame, sizeof *s, AIMEM_ALIGNOF(sprite));
    if (s == NULL) return;
    s->x = x;
    s->y = y;
    s->kind = kind;
    s->next = g->drawn;
    g->drawn = s;
}

static void spawn_wave(game *g) {
    enemy *e;
    int i;
    for (i = 0; i < 20 && (e = (enemy *)aimem_pool_alloc(g->enemies)) != NULL; i++) {
        e->x = chance(g, FIELD);
        e->y = FIELD;
        e->life = 1 + chance(g, 3);
    }
}

static bool move_enemy(void *user_data, void *block) {
    game *g = (game *)user_data;
    enemy *e = (enemy *)block;
    e->y -= 2;
    draw(g, e->x, e->y, 1);
    if (e->life > 0 && chance(g, 40) == 0) { /* somebody fires at it */
        bullet *b = (bullet *)aimem_pool_alloc(g->bullets);
        if (b == NULL) return true;
        b->x = e->x + chance(g, 100) - 50;
        b->y = 0;
        b->target = aimem_pool_handle_of(g->enemies, e);
    }
    return true;
}

/* Pools may not change while they are walked, so what is over is listed in the frame arena. */
typedef struct over {
    void *block;
    struct over *next;
} over;

typedef struct walk {
    game *g;
    over *list;
} walk;

static void add_over(walk *w, void *block) {
    over *o = (over *)aimem_frame_push(&w->g->frame, sizeof *o, AIMEM_ALIGNOF(over));
    if (o == NULL) return; /* next frame, then */
    o->block = block;
    o->next = w->list;
    w->list = o;
}

static bool move_bullet(void *user_data, void *block) {
    walk *w = (walk *)user_data;
    bullet *b = (bullet *)block;
    enemy *e = (enemy *)aimem_pool_get(w->g->enemies, b->target);
    b->y += 12;
    draw(w->g, b->x, b->y, 2);
    if (e == NULL) { /* another bullet was faster; its block may be a new enemy's by now */
        w->g->lost++;
        add_over(w, b);
    } else if (b->y >= e->y) {
        e->life--;
        say(w->g, e->life > 0 ? "hit" : "explosion", e->x);
        add_over(w, b);
    }
    return true;
}

static bool end_enemy(void *user_data, void *block) {
    walk *w = (walk *)user_data;
    enemy *e = (enemy *)block;
    if (e->life <= 0) w->g->kills++;
    if (e->life <= 0 || e->y < 0) add_over(w, e);
    return true;
}

static int free_all(aimem_pool *pool, const over *list) {
    int wrong = 0;
    for (; list != NULL; list = list->next) wrong += aimem_pool_free(pool, list->block) != AIMEM_OK;
    return wrong;
}

static int step(game *g, int frame) {
    walk bullets, enemies;
    const sprite *s;
    int wrong = 0;
    bullets.g = enemies.g = g;
    bullets.list = enemies.list = NULL;
    if (frame % WAVE == 0) spawn_wave(g);
    aimem_pool_walk(g->enemies, move_enemy, g);
    aimem_pool_walk(g->bullets, move_bullet, &bullets);
    aimem_pool_walk(g->enemies, end_enemy, &enemies);
    wrong += free_all(g->bullets, bullets.list);
    wrong += free_all(g->enemies, enemies.list);
    listen(g);
    for (s = g->last_drawn; s != NULL; s = s->next) { /* the renderer, one frame behind */
        g->sprites++;
        wrong += s->kind != 1 && s->kind != 2;
    }
    g->last_drawn = g->drawn;
    g->drawn = NULL;
    aimem_frame_swap(&g->frame); /* the lists of the last frame are gone, those of this one stay */
    return wrong;
}

int main(void) {
    game g;
    aimem_frame_info frame;
    aimem_pool_info bullets;
    long warm = 0;
    int i, wrong = 0;
    aimem_result r = start(&g);
    if (r != AIMEM_OK) {
        printf("start: %s\n", aimem_result_string(r));
        stop(&g);
        return 1;
    }
    for (i = 0; i < FRAMES; i++) {
        if (i == FRAMES / 2) warm = g.calls;
        wrong += step(&g, i);
    }
    aimem_frame_stats(&g.frame, &frame);
    aimem_pool_stats(g.bullets, &bullets);
    printf("%d frames: %ld kills, %ld bullets too late, %ld sounds, %ld sprites\n", FRAMES, g.kills,
           g.lost, g.heard, g.sprites);
    printf("most in one frame: %lu bytes; bullets: %lu at once in %lu bytes\n",
           (unsigned long)frame.peak, (unsigned long)bullets.peak, (unsigned long)bullets.bytes);
    printf("calls of the allocator: %ld, of these in the second half: %ld\n", g.calls,
           g.calls - warm);
    wrong += g.calls != warm || g.kills == 0 || g.lost == 0 || g.heard == 0;
    stop(&g);
    return wrong != 0;
}
