/* bench/baseline.h: the plain loops that we are measured against, compiled in baseline.c as well as
 * they can be: -O3 -march=native -ffast-math, widest vectors, independent accumulators. */
#ifndef BASELINE_H
#define BASELINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The sum of size bytes as 64-bit integers: the read bandwidth of the machine. */
uint64_t baseline_sum(const void *data, size_t size);

/* One query against n rows, the loop that a C programmer writes. */
void baseline_l2sq(const float *query, const float *rows, size_t n, size_t dim, float *out);
void baseline_dot(const float *query, const float *rows, size_t n, size_t dim, float *out);
void baseline_l1(const float *query, const float *rows, size_t n, size_t dim, float *out);

/* A bare intrusive free list over one block of memory, through a call, with no check at all. */
typedef struct baseline_list {
    void *head;
    unsigned char *memory;
} baseline_list;

int baseline_list_make(baseline_list *list, size_t block, size_t count);
void baseline_list_drop(baseline_list *list);
void *baseline_list_alloc(baseline_list *list);
void baseline_list_free(baseline_list *list, void *block);

#ifdef __cplusplus
}
#endif
#endif
