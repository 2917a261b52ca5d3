/* pool.c: sparks of a firework from a block pool, their labels from an arena that starts anew with
 * each frame.
 *
 *   cc -I. examples/pool.c -o pool && ./pool
 */
#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"

#include <stdio.h>
#include <string.h>

typedef struct spark {
    struct spark *next;
    float x, y, vx, vy;
    int age;
} spark;

typedef struct show {
    aimem_pool *sparks;
    spark *alive;
    unsigned random;
} show;

static float random_float(show *s) {
    s->random = s->random * 1664525u + 1013904223u;
    return (float)(s->random >> 8) / 16777216.0f - 0.5f;
}

/* A burst is as large as the pool allows: a full pool means fewer sparks, not a crash. */
static int burst(show *s, int wanted) {
    int made;
    for (made = 0; made < wanted; made++) {
        spark *p = (spark *)aimem_pool_alloc(s->sparks);
        if (p == NULL) break;
        p->x = p->y = 0;
        p->vx = random_float(s);
        p->vy = random_float(s);
        p->age = 0;
        p->next = s->alive;
        s->alive = p;
    }
    return made;
}

/* Moves every spark and frees the burnt ones. Returns how many burn on. */
static int step(show *s) {
    spark **at = &s->alive;
    int alive = 0;
    while (*at != NULL) {
        spark *p = *at;
        p->x += p->vx;
        p->y += p->vy;
        p->vy -= 0.01f;
        if (++p->age > 8 + (int)(p->vx * 10)) {
            *at = p->next;
            if (aimem_pool_free(s->sparks, p) != AIMEM_OK) return -1;
        } else {
            at = &p->next;
            alive++;
        }
    }
    return alive;
}

/* Text about the highest spark, made in result; what is needed on the way goes to scratch space. */
static char *describe(const show *s, aimem_arena *arenas, aimem_arena *result) {
    aimem_arena *scratch = aimem_arena_scratch(arenas, 2, result);
    aimem_arena_mark mark = aimem_arena_save(scratch);
    const spark *p, *top = s->alive;
    char *text = NULL, *number = (char *)aimem_arena_push(scratch, 64, 1);
    for (p = s->alive; p != NULL; p = p->next) {
        if (p->y > top->y) top = p;
    }
    if (number != NULL && top != NULL) {
        snprintf(number, 64, "%.2f", (double)top->y);
        text = aimem_arena_concat(result, aimem_arena_strdup(result, "highest at "), number);
    }
    aimem_arena_rewind(scratch, mark);
    return text;
}

int main(void) {
    aimem_pool_desc desc;
    aimem_pool_info info;
    aimem_arena arenas[2]; /* [0] holds what lives for a frame; the other is scratch space */
    show s;
    int frame, alive = 0, bad = 0, wanted = 0, made = 0;

    memset(&desc, 0, sizeof desc);
    memset(&s, 0, sizeof s);
    desc.name = "sparks";
    desc.block_size = sizeof(spark);
    desc.max_blocks = 500;
    if (aimem_pool_create(&desc, &s.sparks) != AIMEM_OK) return 1;
    if (aimem_arena_init(&arenas[0], NULL) != AIMEM_OK) return 1;
    if (aimem_arena_init(&arenas[1], NULL) != AIMEM_OK) return 1;

    for (frame = 0; frame < 60; frame++) {
        const char *text;
        if (frame % 6 == 0) {
            made += burst(&s, 350);
            wanted += 350;
        }
        alive = step(&s);
        text = describe(&s, arenas, &arenas[0]);
        if (frame % 15 == 0) printf("frame %2d: %3d sparks, %s\n", frame, alive, text ? text : "-");
        if (alive < 0 || alive > 500) bad++;
        if (alive > 0 && (text == NULL || strncmp(text, "highest at ", 11) != 0)) bad++;
        aimem_arena_reset(&arenas[0]);
    }
    aimem_pool_stats(s.sparks, &info);
    printf("%s: %d of %d sparks wanted, at most %u at once, %u left, %u bytes\n", info.name, made,
           wanted, (unsigned)info.peak, (unsigned)info.in_use, (unsigned)info.bytes);
    if (info.in_use != (size_t)alive || info.peak != 500 || made >= wanted) bad++;

    /* A mistake is answered with a code, and the pool goes on. */
    if (s.alive == NULL || aimem_pool_free(s.sparks, &s.alive->x) != AIMEM_ERR_INTERIOR) bad++;
    if (aimem_pool_free(s.sparks, &s) != AIMEM_ERR_FOREIGN) bad++;
    aimem_pool_reset(s.sparks);
    if (aimem_pool_free(s.sparks, s.alive) != AIMEM_ERR_DOUBLE_FREE) bad++;

    aimem_arena_deinit(&arenas[0]);
    aimem_arena_deinit(&arenas[1]);
    aimem_pool_destroy(s.sparks);
    return bad != 0;
}
