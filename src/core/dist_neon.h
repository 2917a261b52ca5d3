/* core/dist_neon.h: the distance kernels for NEON, 64-bit and 32-bit ARM; the contract is in
 * core/dist.h.
 *
 * Four sums of four lanes. On 32-bit ARM NEON flushes denormal numbers, and products are rounded
 * before they are added, where 64-bit ARM fuses.
 */
#ifndef AIMC_DIST_NEON_H
#define AIMC_DIST_NEON_H

#include "core/platform.h"

#include <arm_neon.h>

/* The last 1 to 3 floats of a row, and 0 for the missing ones. */
AIMC_INLINE void aimc_tail_neon(const float *p, size_t left, float32x4_t *out) {
    float lanes[4];
    lanes[0] = p[0];
    lanes[1] = left > 1 ? p[1] : 0.0f;
    lanes[2] = left > 2 ? p[2] : 0.0f;
    lanes[3] = 0.0f;
    *out = vld1q_f32(lanes);
}

/* *s += a * b */
AIMC_INLINE void aimc_fma_neon(float32x4_t *s, float32x4_t a, float32x4_t b) {
#if defined(AIMC_ARM64)
    *s = vfmaq_f32(*s, a, b);
#else
    *s = vmlaq_f32(*s, a, b);
#endif
}

/* *out = the sum of all 16 lanes. */
AIMC_INLINE void aimc_sum_neon(const float32x4_t s[4], float *out) {
    float32x4_t v = vaddq_f32(vaddq_f32(s[0], s[1]), vaddq_f32(s[2], s[3]));
    float32x2_t t = vadd_f32(vget_low_f32(v), vget_high_f32(v));
    t = vpadd_f32(t, t);
    vst1_lane_f32(out, t, 0);
}

/* *s += (a - b)^2, *s += a * b and *s += |a - b|, lane by lane. */
AIMC_INLINE void aimc_step_l2_neon(float32x4_t *s, const float *a, const float *b) {
    float32x4_t d = vsubq_f32(vld1q_f32(a), vld1q_f32(b));
    aimc_fma_neon(s, d, d);
}

AIMC_INLINE void aimc_step_dot_neon(float32x4_t *s, const float *a, const float *b) {
    aimc_fma_neon(s, vld1q_f32(a), vld1q_f32(b));
}

AIMC_INLINE void aimc_step_l1_neon(float32x4_t *s, const float *a, const float *b) {
    *s = vaddq_f32(*s, vabdq_f32(vld1q_f32(a), vld1q_f32(b)));
}

AIMC_FN void aimc_l2sq_neon(const float *query, const float *rows, size_t stride, size_t n,
                            size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float32x4_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = vdupq_n_f32(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_step_l2_neon(&s[0], query + k, row + k);
            aimc_step_l2_neon(&s[1], query + k + 4, row + k + 4);
            aimc_step_l2_neon(&s[2], query + k + 8, row + k + 8);
            aimc_step_l2_neon(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_step_l2_neon(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_tail_neon(query + k, dim - k, &a);
            aimc_tail_neon(row + k, dim - k, &b);
            a = vsubq_f32(a, b);
            aimc_fma_neon(&s[1], a, a);
        }
        aimc_sum_neon(s, out + i);
    }
}

AIMC_FN void aimc_dot_neon(const float *query, const float *rows, size_t stride, size_t n,
                           size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float32x4_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = vdupq_n_f32(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_step_dot_neon(&s[0], query + k, row + k);
            aimc_step_dot_neon(&s[1], query + k + 4, row + k + 4);
            aimc_step_dot_neon(&s[2], query + k + 8, row + k + 8);
            aimc_step_dot_neon(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_step_dot_neon(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_tail_neon(query + k, dim - k, &a);
            aimc_tail_neon(row + k, dim - k, &b);
            aimc_fma_neon(&s[1], a, b);
        }
        aimc_sum_neon(s, out + i);
    }
}

AIMC_FN void aimc_l1_neon(const float *query, const float *rows, size_t stride, size_t n,
                          size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float32x4_t s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = vdupq_n_f32(0.0f);
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_step_l1_neon(&s[0], query + k, row + k);
            aimc_step_l1_neon(&s[1], query + k + 4, row + k + 4);
            aimc_step_l1_neon(&s[2], query + k + 8, row + k + 8);
            aimc_step_l1_neon(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_step_l1_neon(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_tail_neon(query + k, dim - k, &a);
            aimc_tail_neon(row + k, dim - k, &b);
            s[1] = vaddq_f32(s[1], vabdq_f32(a, b));
        }
        aimc_sum_neon(s, out + i);
    }
}

#endif
