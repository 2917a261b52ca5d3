/* A program of someone who uses aimem: one vector, found again. Prints "consumer ok". */
#ifdef CONSUMER_IMPLEMENTS
#define AIMEM_IMPLEMENTATION
#endif
#include "aimem_pool.h"
#include "aimem_vec.h"

#include <stdio.h>
#include <string.h>

int main(void) {
    float cat[3] = {0.9f, 0.1f, 0.0f};
    aimem_arena arena;
    aimem_vec_desc desc;
    aimem_vec *memory;
    aimem_vec_hit hit;
    size_t found = 0;
    float *query;
    memset(&desc, 0, sizeof desc);
    desc.dim = 3;
    if (aimem_pool_version() != AIMEM_POOL_VERSION) return 1;
    if (aimem_vec_version() != AIMEM_VEC_VERSION) return 2;
    if (aimem_arena_init(&arena, NULL) != AIMEM_OK) return 3;
    query = AIMEM_ARENA_ARRAY(&arena, float, 3);
    if (query == NULL) return 4;
    memcpy(query, cat, sizeof cat);
    if (aimem_vec_create(&desc, &memory) != AIMEM_OK) return 5;
    if (aimem_vec_add(memory, AIMEM_VEC_NEW_ID, "cat", cat, NULL) != AIMEM_OK) return 6;
    if (aimem_vec_search(memory, query, 1, &hit, &found) != AIMEM_OK || found != 1) return 7;
    if (strcmp(hit.label, "cat") != 0) return 8;
    aimem_vec_destroy(memory);
    aimem_arena_deinit(&arena);
    printf("consumer ok\n");
    return 0;
}
