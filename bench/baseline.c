/* bench/baseline.c: see baseline.h. Built with -O3 -march=native -ffast-math. */
#include "baseline.h"

#include <stdlib.h>
#include <string.h>

typedef uint64_t wide __attribute__((vector_size(64), aligned(8)));

uint64_t baseline_sum(const void *data, size_t size) {
    const wide *p = (const wide *)data;
    wide a[8];
    uint64_t total = 0;
    size_t i, n = size / sizeof(wide) / 8;
    int j, k;
    memset(a, 0, sizeof a);
    for (i = 0; i < n; i++, p += 8) {
        a[0] += p[0];
        a[1] += p[1];
        a[2] += p[2];
        a[3] += p[3];
        a[4] += p[4];
        a[5] += p[5];
        a[6] += p[6];
        a[7] += p[7];
    }
    for (j = 0; j < 8; j++) {
        for (k = 0; k < 8; k++) total += a[j][k];
    }
    return total;
}

void baseline_l2sq(const float *query, const float *rows, size_t n, size_t dim, float *out) {
    size_t i, j;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * dim;
        float sum = 0;
        for (j = 0; j < dim; j++) sum += (query[j] - row[j]) * (query[j] - row[j]);
        out[i] = sum;
    }
}

void baseline_dot(const float *query, const float *rows, size_t n, size_t dim, float *out) {
    size_t i, j;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * dim;
        float sum = 0;
        for (j = 0; j < dim; j++) sum += query[j] * row[j];
        out[i] = sum;
    }
}

void baseline_l1(const float *query, const float *rows, size_t n, size_t dim, float *out) {
    size_t i, j;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * dim;
        float sum = 0;
        for (j = 0; j < dim; j++) sum += __builtin_fabsf(query[j] - row[j]);
        out[i] = sum;
    }
}

int baseline_list_make(baseline_list *list, size_t block, size_t count) {
    size_t i;
    list->head = NULL;
    list->memory = (unsigned char *)aligned_alloc(4096, (block * count + 4095) / 4096 * 4096);
    if (list->memory == NULL) return 0;
    for (i = count; i-- > 0;) baseline_list_free(list, list->memory + i * block);
    return 1;
}

void baseline_list_drop(baseline_list *list) {
    free(list->memory);
    list->memory = NULL;
}

void *baseline_list_alloc(baseline_list *list) {
    void *block = list->head;
    if (block != NULL) memcpy(&list->head, block, sizeof(void *));
    return block;
}

void baseline_list_free(baseline_list *list, void *block) {
    memcpy(block, &list->head, sizeof(void *));
    list->head = block;
}
