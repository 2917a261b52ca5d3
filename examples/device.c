/* device.c: 64 KiB and no operating system. A sensor node parses its settings, takes samples, runs
 * a small network over them and queues messages for the radio. All memory is one array; nothing is
 * asked of a C library but memcpy and its like.
 *
 *   cc -I. examples/device.c -o device && ./device         on a computer, with a report
 *   arm-none-eabi-gcc -mcpu=cortex-m4 -ffreestanding -I. -c examples/device.c
 */
#ifndef AIMEM_NO_OS
#define AIMEM_NO_OS
#endif
#ifndef AIMEM_NO_STDLIB
#define AIMEM_NO_STDLIB
#endif
#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"

#include <string.h>
#if __STDC_HOSTED__
#include <stdio.h>
#endif

enum { MEMORY = 64 * 1024, QUEUE = 8 * 1024, SAMPLES = 24, WINDOW = 128, LAYERS = 5, ROUNDS = 200 };

static uint64_t memory[MEMORY / 8];

typedef struct sample {
    uint32_t at;
    int16_t values[WINDOW];
} sample;

typedef struct node {
    aimem_arena all;     /* the 64 KiB; what is pushed at start stays */
    aimem_pool *samples; /* taken in an interrupt, freed when they were looked at */
    aimem_ring radio;    /* messages, the oldest is sent first */
    aimem_plan *plan;    /* of the network's tensors */
    const char *name;
    uint32_t sent, dropped, alarms, seed;
} node;

/* "name=..." out of the settings; the copy lives as long as the node. */
static const char *setting(node *n, const char *text, const char *key) {
    size_t size = strlen(key), end;
    for (; *text != '\0'; text++) {
        if (strncmp(text, key, size) != 0 || text[size] != '=') continue;
        for (end = 0; text[size + 1 + end] != '\0' && text[size + 1 + end] != ';'; end++) {}
        return aimem_arena_string(&n->all, text + size + 1, end);
    }
    return NULL;
}

static aimem_result start_samples(node *n) {
    aimem_pool_desc d;
    size_t size;
    void *room;
    memset(&d, 0, sizeof d);
    d.name = "samples";
    d.block_size = sizeof(sample);
    d.max_blocks = SAMPLES;
    size = aimem_pool_size(&d);
    room = aimem_arena_push(&n->all, size, 0);
    return room != NULL ? aimem_pool_init(room, size, &d, &n->samples) : AIMEM_ERR_NOMEM;
}

static aimem_result start_radio(node *n) {
    aimem_ring_desc d;
    memset(&d, 0, sizeof d);
    d.memory = aimem_arena_push(&n->all, QUEUE, 0);
    d.memory_size = QUEUE;
    return d.memory != NULL ? aimem_ring_init(&n->radio, &d) : AIMEM_ERR_NOMEM;
}

static const size_t layer_size[LAYERS + 1] = {512, 2048, 4096, 2048, 512, 16};

/* The network: each layer reads one tensor, writes the next, and needs scratch of the same size.
   The plan is made once, at start. */
static aimem_result start_network(node *n) {
    aimem_plan_desc d;
    aimem_plan_info info;
    aimem_result r;
    uint64_t layer;
    void *room;
    memset(&d, 0, sizeof d);
    d.allocator = aimem_arena_allocator(&n->all);
    d.align = 16;
    r = aimem_plan_create(&d, &n->plan);
    for (layer = 0; r == AIMEM_OK && layer <= LAYERS; layer++) {
        r = aimem_plan_add(n->plan, layer_size[layer], 0, layer, layer + 1, NULL);
        if (r != AIMEM_OK || layer == 0) continue;
        r = aimem_plan_add(n->plan, layer_size[layer], 0, layer, layer, NULL); /* scratch */
    }
    if (r == AIMEM_OK) r = aimem_plan_solve(n->plan);
    if (r != AIMEM_OK) return r;
    aimem_plan_stats(n->plan, &info);
    room = aimem_arena_push(&n->all, (size_t)info.size, (size_t)info.align);
    return room != NULL ? aimem_plan_bind(n->plan, room, (size_t)info.size) : AIMEM_ERR_NOMEM;
}

static aimem_result start(node *n) {
    aimem_arena_desc d;
    aimem_result r;
    memset(n, 0, sizeof *n);
    memset(&d, 0, sizeof d);
    d.memory = memory;
    d.memory_size = sizeof memory;
    r = aimem_arena_init(&n->all, &d);
    if (r != AIMEM_OK) return r;
    n->name = setting(n, "rate=100;name=greenhouse 3;channel=11", "name");
    if (n->name == NULL) return AIMEM_ERR_NOMEM;
    r = start_samples(n);
    if (r == AIMEM_OK) r = start_radio(n);
    if (r == AIMEM_OK) r = start_network(n);
    return r;
}

/* What an interrupt would do; NULL when nobody looked at the earlier ones. */
static sample *take_sample(node *n, uint32_t now) {
    sample *s = (sample *)aimem_pool_alloc(n->samples);
    int i;
    if (s == NULL) return NULL;
    s->at = now;
    for (i = 0; i < WINDOW; i++) {
        n->seed = n->seed * 1664525u + 1013904223u;
        s->values[i] = (int16_t)((n->seed >> 20) % (now % 7 == 0 ? 4000 : 100));
    }
    return s;
}

/* The tensors are asked for in the order of the plan; the last one is the answer. */
static int run_network(node *n, const sample *s) {
    aimem_allocator a = aimem_plan_allocator(n->plan);
    unsigned char *in, *out, *scratch;
    int layer, sum = 0;
    size_t i;
    (void)aimem_plan_begin(n->plan);
    in = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, layer_size[0], 16);
    if (in == NULL) return -1;
    for (i = 0; i < layer_size[0]; i++) in[i] = (unsigned char)(s->values[i % WINDOW] >> 4);
    for (layer = 1; layer <= LAYERS; layer++) {
        size_t size = layer_size[layer], before = layer_size[layer - 1];
        out = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, size, 16);
        scratch = (unsigned char *)a.realloc_fn(a.user_data, NULL, 0, size, 16);
        if (out == NULL || scratch == NULL) return -1;
        for (i = 0; i < size; i++) scratch[i] = in[i * before / size];
        for (i = 0; i < size; i++) {
            out[i] = (unsigned char)((scratch[i] + scratch[size - 1 - i]) / 2);
        }
        (void)a.realloc_fn(a.user_data, scratch, size, 0, 16);
        (void)a.realloc_fn(a.user_data, in, before, 0, 16);
        in = out;
    }
    for (i = 0; i < layer_size[LAYERS]; i++) sum += in[i];
    (void)a.realloc_fn(a.user_data, in, layer_size[LAYERS], 0, 16);
    return sum;
}

static void report(node *n, uint32_t at, int value, bool alarm) {
    size_t size = alarm ? 8 + strlen(n->name) + 1 : 8;
    unsigned char *message = (unsigned char *)aimem_ring_push(&n->radio, size, 4);
    if (message == NULL) {
        n->dropped++; /* the radio is behind */
        return;
    }
    memcpy(message, &at, 4);
    memcpy(message + 4, &value, 4);
    if (alarm) memcpy(message + 8, n->name, size - 8);
    n->alarms += alarm;
}

/* The radio gets a turn now and then, and sends what it can. */
static void send(node *n, int most) {
    for (; most > 0 && aimem_ring_pop(&n->radio) == AIMEM_OK; most--) n->sent++;
}

static int run(node *n) {
    uint32_t now;
    for (now = 1; now <= ROUNDS; now++) {
        sample *s = take_sample(n, now);
        int value;
        if (s == NULL) return 1;
        value = run_network(n, s);
        if (value < 0) return 1;
        report(n, now, value, value > 800);
        if (aimem_pool_free(n->samples, s) != AIMEM_OK) return 1;
        if (now % 16 == 0) send(n, 12);
    }
    send(n, ROUNDS);
    return n->sent + n->dropped != ROUNDS || n->alarms == 0;
}

int main(void) {
    static node n;
    aimem_plan_info plan;
    aimem_arena_info arena;
    int wrong;
    aimem_result r = start(&n);
    if (r != AIMEM_OK) return 1;
    wrong = run(&n);
    aimem_plan_stats(n.plan, &plan);
    aimem_arena_stats(&n.all, &arena);
    wrong |= plan.misses != 0 || plan.hits != (uint64_t)ROUNDS * (1 + 2 * LAYERS);
#if __STDC_HOSTED__
    printf("%s: %lu sent, %lu dropped, %lu alarms\n", n.name, (unsigned long)n.sent,
           (unsigned long)n.dropped, (unsigned long)n.alarms);
    printf("%lu of %d bytes in use; tensors: %lu bytes for %lu\n", (unsigned long)arena.used,
           MEMORY, (unsigned long)plan.size, (unsigned long)plan.total);
#endif
    aimem_plan_destroy(n.plan);
    aimem_ring_deinit(&n.radio);
    aimem_pool_destroy(n.samples);
    aimem_arena_deinit(&n.all);
    return wrong;
}
