/* core/dist_wasm.h: the distance kernels for WebAssembly simd128; the contract is in core/dist.h.
 *
 * Four sums of four lanes. There is no run-time choice: a module with these instructions does not
 * load where they are missing, so they are there when the compiler was told to use them.
 */
#ifndef AIMC_DIST_WASM_H
#define AIMC_DIST_WASM_H

#include "core/platform.h"

#include <wasm_simd128.h>

/* The last 1 to 3 floats of a row, and 0 for the missing ones. */
AIMC_INLINE void aimc_tail_wasm(const float *p, size_t left, v128_t *out) {
    *out = wasm_f32x4_make(p[0], left > 1 ? p[1] : 0.0f, left > 2 ? p[2] : 0.0f, 0.0f);
}

/* *out = the sum of all 16 lanes. */
AIMC_INLINE void aimc_sum_wasm(const v128_t s[4], float *out) {
    v128_t v = wasm_f32x4_add(wasm_f32x4_add(s[0], s[1]), wasm_f32x4_add(s[2], s[3]));
    *out = (wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 2)) +
           (wasm_f32x4_extract_lane(v, 1) + wasm_f32x4_extract_lane(v, 3));
}

/* *s += (a - b)^2, *s += a * b and *s += |a - b|, lane by lane. */
AIMC_INLINE void aimc_step_l2_wasm(v128_t *s, const float *a, const float *b) {
    v128_t d = wasm_f32x4_sub(wasm_v128_load(a), wasm_v128_load(b));
    *s = wasm_f32x4_add(*s, wasm_f32x4_mul(d, d));
}

AIMC_INLINE void aimc_step_dot_wasm(v128_t *s, const float *a, const float *b) {
    *s = wasm_f32x4_add(*s, wasm_f32x4_mul(wasm_v128_load(a), wasm_v128_load(b)));
}

AIMC_INLINE void aimc_step_l1_wasm(v128_t *s, const float *a, const float *b) {
    *s = wasm_f32x4_add(*s, wasm_f32x4_abs(wasm_f32x4_sub(wasm_v128_load(a), wasm_v128_load(b))));
}

AIMC_FN void aimc_l2sq_wasm(const float *query, const float *rows, size_t stride, size_t n,
                            size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        v128_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = wasm_f32x4_splat(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_step_l2_wasm(&s[0], query + k, row + k);
            aimc_step_l2_wasm(&s[1], query + k + 4, row + k + 4);
            aimc_step_l2_wasm(&s[2], query + k + 8, row + k + 8);
            aimc_step_l2_wasm(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_step_l2_wasm(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_tail_wasm(query + k, dim - k, &a);
            aimc_tail_wasm(row + k, dim - k, &b);
            a = wasm_f32x4_sub(a, b);
            s[1] = wasm_f32x4_add(s[1], wasm_f32x4_mul(a, a));
        }
        aimc_sum_wasm(s, out + i);
    }
}

AIMC_FN void aimc_dot_wasm(const float *query, const float *rows, size_t stride, size_t n,
                           size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        v128_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = wasm_f32x4_splat(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_step_dot_wasm(&s[0], query + k, row + k);
            aimc_step_dot_wasm(&s[1], query + k + 4, row + k + 4);
            aimc_step_dot_wasm(&s[2], query + k + 8, row + k + 8);
            aimc_step_dot_wasm(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_step_dot_wasm(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_tail_wasm(query + k, dim - k, &a);
            aimc_tail_wasm(row + k, dim - k, &b);
            s[1] = wasm_f32x4_add(s[1], wasm_f32x4_mul(a, b));
        }
        aimc_sum_wasm(s, out + i);
    }
}

AIMC_FN void aimc_l1_wasm(const float *query, const float *rows, size_t stride, size_t n,
                          size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        v128_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = wasm_f32x4_splat(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_step_l1_wasm(&s[0], query + k, row + k);
            aimc_step_l1_wasm(&s[1], query + k + 4, row + k + 4);
            aimc_step_l1_wasm(&s[2], query + k + 8, row + k + 8);
            aimc_step_l1_wasm(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_step_l1_wasm(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_tail_wasm(query + k, dim - k, &a);
            aimc_tail_wasm(row + k, dim - k, &b);
            s[1] = wasm_f32x4_add(s[1], wasm_f32x4_abs(wasm_f32x4_sub(a, b)));
        }
        aimc_sum_wasm(s, out + i);
    }
}

#endif
