/* core/dist_x86.h: the distance kernels for SSE2, AVX2 with FMA, and AVX-512; the contract and the
 * reason for the shape of the loops are in core/dist.h.
 *
 * Every function carries its own target, so the file needs no compiler flag; core/cpu.h says which
 * may be called.
 */
#ifndef AIMC_DIST_X86_H
#define AIMC_DIST_X86_H

#include "core/platform.h"

#include <immintrin.h>

#define AIMC_TARGET_SSE AIMC_TARGET("sse2")
#define AIMC_TARGET_AVX2 AIMC_TARGET("avx2,fma")
#define AIMC_TARGET_AVX512 AIMC_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")

/* SSE2: four sums of four lanes. */

/* The last 1 to 3 floats of a row, and 0 for the missing ones. (_mm_set_ps would not do: gcc -m32
   -ffast-math refuses to inline what takes floats into a function with its own target.) */
AIMC_INLINE AIMC_TARGET_SSE void aimc_tail_sse(const float *p, size_t left, __m128 *out) {
    float lanes[4];
    lanes[0] = p[0];
    lanes[1] = left > 1 ? p[1] : 0.0f;
    lanes[2] = left > 2 ? p[2] : 0.0f;
    lanes[3] = 0.0f;
    *out = _mm_loadu_ps(lanes);
}

/* *out = the sum of all 16 lanes. */
AIMC_INLINE AIMC_TARGET_SSE void aimc_sum_sse(const __m128 s[4], float *out) {
    __m128 t = _mm_add_ps(_mm_add_ps(s[0], s[1]), _mm_add_ps(s[2], s[3]));
    t = _mm_add_ps(t, _mm_movehl_ps(t, t));
    t = _mm_add_ss(t, _mm_shuffle_ps(t, t, 1));
    _mm_store_ss(out, t);
}

/* *s += |a - b|, *s += (a - b)^2 and *s += a * b, lane by lane, at each level. */
AIMC_INLINE AIMC_TARGET_SSE void aimc_step_l1_sse(__m128 *s, const float *a, const float *b) {
    const __m128 keep = _mm_castsi128_ps(_mm_set1_epi32(0x7FFFFFFF));
    __m128 d = _mm_sub_ps(_mm_loadu_ps(a), _mm_loadu_ps(b));
    *s = _mm_add_ps(*s, _mm_and_ps(d, keep));
}

AIMC_INLINE AIMC_TARGET_SSE void aimc_step_l2_sse(__m128 *s, const float *a, const float *b) {
    __m128 d = _mm_sub_ps(_mm_loadu_ps(a), _mm_loadu_ps(b));
    *s = _mm_add_ps(*s, _mm_mul_ps(d, d));
}

AIMC_INLINE AIMC_TARGET_SSE void aimc_step_dot_sse(__m128 *s, const float *a, const float *b) {
    *s = _mm_add_ps(*s, _mm_mul_ps(_mm_loadu_ps(a), _mm_loadu_ps(b)));
}

AIMC_FN AIMC_TARGET_SSE void aimc_l2sq_sse(const float *query, const float *rows, size_t stride,
                                           size_t n, size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m128 s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = _mm_setzero_ps();
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_step_l2_sse(&s[0], query + k, row + k);
            aimc_step_l2_sse(&s[1], query + k + 4, row + k + 4);
            aimc_step_l2_sse(&s[2], query + k + 8, row + k + 8);
            aimc_step_l2_sse(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_step_l2_sse(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_tail_sse(query + k, dim - k, &a);
            aimc_tail_sse(row + k, dim - k, &b);
            a = _mm_sub_ps(a, b);
            s[1] = _mm_add_ps(s[1], _mm_mul_ps(a, a));
        }
        aimc_sum_sse(s, out + i);
    }
}

AIMC_FN AIMC_TARGET_SSE void aimc_dot_sse(const float *query, const float *rows, size_t stride,
                                          size_t n, size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m128 s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = _mm_setzero_ps();
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_step_dot_sse(&s[0], query + k, row + k);
            aimc_step_dot_sse(&s[1], query + k + 4, row + k + 4);
            aimc_step_dot_sse(&s[2], query + k + 8, row + k + 8);
            aimc_step_dot_sse(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_step_dot_sse(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_tail_sse(query + k, dim - k, &a);
            aimc_tail_sse(row + k, dim - k, &b);
            s[1] = _mm_add_ps(s[1], _mm_mul_ps(a, b));
        }
        aimc_sum_sse(s, out + i);
    }
}

AIMC_FN AIMC_TARGET_SSE void aimc_l1_sse(const float *query, const float *rows, size_t stride,
                                         size_t n, size_t dim, float *out) {
    const __m128 keep = _mm_castsi128_ps(_mm_set1_epi32(0x7FFFFFFF));
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m128 s[4], a, b;
        s[0] = s[1] = s[2] = s[3] = _mm_setzero_ps();
        for (k = 0; k + 16 <= dim; k += 16) {
            aimc_step_l1_sse(&s[0], query + k, row + k);
            aimc_step_l1_sse(&s[1], query + k + 4, row + k + 4);
            aimc_step_l1_sse(&s[2], query + k + 8, row + k + 8);
            aimc_step_l1_sse(&s[3], query + k + 12, row + k + 12);
        }
        for (; k + 4 <= dim; k += 4) aimc_step_l1_sse(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_tail_sse(query + k, dim - k, &a);
            aimc_tail_sse(row + k, dim - k, &b);
            s[1] = _mm_add_ps(s[1], _mm_and_ps(_mm_sub_ps(a, b), keep));
        }
        aimc_sum_sse(s, out + i);
    }
}

/* AVX2: four sums of eight lanes; the tail through masked loads, which do not touch what is masked
   off. */

/* *mask = all ones in the first left (1 to 7) lanes, 0 in the others. */
AIMC_INLINE AIMC_TARGET_AVX2 void aimc_mask_avx2(size_t left, __m256i *mask) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    *mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)left), lane);
}

/* *out = the sum of all 32 lanes. */
AIMC_INLINE AIMC_TARGET_AVX2 void aimc_sum_avx2(const __m256 s[4], float *out) {
    __m256 w = _mm256_add_ps(_mm256_add_ps(s[0], s[1]), _mm256_add_ps(s[2], s[3]));
    __m128 t = _mm_add_ps(_mm256_castps256_ps128(w), _mm256_extractf128_ps(w, 1));
    t = _mm_add_ps(t, _mm_movehl_ps(t, t));
    t = _mm_add_ss(t, _mm_shuffle_ps(t, t, 1));
    _mm_store_ss(out, t);
}

AIMC_INLINE AIMC_TARGET_AVX2 void aimc_step_l1_avx2(__m256 *s, const float *a, const float *b) {
    const __m256 keep = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    __m256 d = _mm256_sub_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b));
    *s = _mm256_add_ps(*s, _mm256_and_ps(d, keep));
}

AIMC_INLINE AIMC_TARGET_AVX2 void aimc_step_l2_avx2(__m256 *s, const float *a, const float *b) {
    __m256 d = _mm256_sub_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b));
    *s = _mm256_fmadd_ps(d, d, *s);
}

AIMC_INLINE AIMC_TARGET_AVX2 void aimc_step_dot_avx2(__m256 *s, const float *a, const float *b) {
    *s = _mm256_fmadd_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b), *s);
}

AIMC_FN AIMC_TARGET_AVX2 void aimc_l2sq_avx2(const float *query, const float *rows, size_t stride,
                                             size_t n, size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m256 s[4], d;
        __m256i mask;
        s[0] = s[1] = s[2] = s[3] = _mm256_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_step_l2_avx2(&s[0], query + k, row + k);
            aimc_step_l2_avx2(&s[1], query + k + 8, row + k + 8);
            aimc_step_l2_avx2(&s[2], query + k + 16, row + k + 16);
            aimc_step_l2_avx2(&s[3], query + k + 24, row + k + 24);
        }
        for (; k + 8 <= dim; k += 8) aimc_step_l2_avx2(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_mask_avx2(dim - k, &mask);
            d = _mm256_sub_ps(_mm256_maskload_ps(query + k, mask),
                              _mm256_maskload_ps(row + k, mask));
            s[1] = _mm256_fmadd_ps(d, d, s[1]);
        }
        aimc_sum_avx2(s, out + i);
    }
}

AIMC_FN AIMC_TARGET_AVX2 void aimc_dot_avx2(const float *query, const float *rows, size_t stride,
                                            size_t n, size_t dim, float *out) {
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m256 s[4];
        __m256i mask;
        s[0] = s[1] = s[2] = s[3] = _mm256_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_step_dot_avx2(&s[0], query + k, row + k);
            aimc_step_dot_avx2(&s[1], query + k + 8, row + k + 8);
            aimc_step_dot_avx2(&s[2], query + k + 16, row + k + 16);
            aimc_step_dot_avx2(&s[3], query + k + 24, row + k + 24);
        }
        for (; k + 8 <= dim; k += 8) aimc_step_dot_avx2(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_mask_avx2(dim - k, &mask);
            s[1] = _mm256_fmadd_ps(_mm256_maskload_ps(query + k, mask),
                                   _mm256_maskload_ps(row + k, mask), s[1]);
        }
        aimc_sum_avx2(s, out + i);
    }
}

AIMC_FN AIMC_TARGET_AVX2 void aimc_l1_avx2(const float *query, const float *rows, size_t stride,
                                           size_t n, size_t dim, float *out) {
    const __m256 keep = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m256 s[4], d;
        __m256i mask;
        s[0] = s[1] = s[2] = s[3] = _mm256_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_step_l1_avx2(&s[0], query + k, row + k);
            aimc_step_l1_avx2(&s[1], query + k + 8, row + k + 8);
            aimc_step_l1_avx2(&s[2], query + k + 16, row + k + 16);
            aimc_step_l1_avx2(&s[3], query + k + 24, row + k + 24);
        }
        for (; k + 8 <= dim; k += 8) aimc_step_l1_avx2(&s[0], query + k, row + k);
        if (k < dim) {
            aimc_mask_avx2(dim - k, &mask);
            d = _mm256_sub_ps(_mm256_maskload_ps(query + k, mask),
                              _mm256_maskload_ps(row + k, mask));
            s[1] = _mm256_add_ps(s[1], _mm256_and_ps(d, keep));
        }
        aimc_sum_avx2(s, out + i);
    }
}

/* AVX-512: two sums of sixteen lanes; they already keep up with the L2 cache. */

/* *out = the sum of all 32 lanes. The masks are full: the forms without one bring a warning about
   an uninitialised variable out of gcc 12's own headers. */
AIMC_INLINE AIMC_TARGET_AVX512 void aimc_sum_avx512(const __m512 s[2], float *out) {
    __m512 v = _mm512_add_ps(s[0], s[1]);
    __m256 w = _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xFF, v, 0),
                             _mm512_maskz_extractf32x8_ps(0xFF, v, 1));
    __m128 t = _mm_add_ps(_mm256_castps256_ps128(w), _mm256_extractf128_ps(w, 1));
    t = _mm_add_ps(t, _mm_movehl_ps(t, t));
    t = _mm_add_ss(t, _mm_shuffle_ps(t, t, 1));
    _mm_store_ss(out, t);
}

AIMC_INLINE AIMC_TARGET_AVX512 void aimc_step_l1_avx512(__m512 *s, const float *a,
                                                        const float *b) {
    const __m512 keep = _mm512_castsi512_ps(_mm512_set1_epi32(0x7FFFFFFF));
    __m512 d = _mm512_sub_ps(_mm512_loadu_ps(a), _mm512_loadu_ps(b));
    *s = _mm512_add_ps(*s, _mm512_and_ps(d, keep));
}

AIMC_INLINE AIMC_TARGET_AVX512 void aimc_step_l2_avx512(__m512 *s, const float *a,
                                                        const float *b) {
    __m512 d = _mm512_sub_ps(_mm512_loadu_ps(a), _mm512_loadu_ps(b));
    *s = _mm512_fmadd_ps(d, d, *s);
}

AIMC_INLINE AIMC_TARGET_AVX512 void aimc_step_dot_avx512(__m512 *s, const float *a,
                                                         const float *b) {
    *s = _mm512_fmadd_ps(_mm512_loadu_ps(a), _mm512_loadu_ps(b), *s);
}

AIMC_FN AIMC_TARGET_AVX512 void aimc_l2sq_avx512(const float *query, const float *rows,
                                                 size_t stride, size_t n, size_t dim, float *out) {
    const __mmask16 tail = (__mmask16)((1u << (dim & 15)) - 1);
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m512 s[2], d;
        s[0] = s[1] = _mm512_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_step_l2_avx512(&s[0], query + k, row + k);
            aimc_step_l2_avx512(&s[1], query + k + 16, row + k + 16);
        }
        if (k + 16 <= dim) {
            aimc_step_l2_avx512(&s[0], query + k, row + k);
            k += 16;
        }
        if (tail != 0) {
            d = _mm512_sub_ps(_mm512_maskz_loadu_ps(tail, query + k),
                              _mm512_maskz_loadu_ps(tail, row + k));
            s[1] = _mm512_fmadd_ps(d, d, s[1]);
        }
        aimc_sum_avx512(s, out + i);
    }
}

AIMC_FN AIMC_TARGET_AVX512 void aimc_dot_avx512(const float *query, const float *rows,
                                                size_t stride, size_t n, size_t dim, float *out) {
    const __mmask16 tail = (__mmask16)((1u << (dim & 15)) - 1);
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m512 s[2];
        s[0] = s[1] = _mm512_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_step_dot_avx512(&s[0], query + k, row + k);
            aimc_step_dot_avx512(&s[1], query + k + 16, row + k + 16);
        }
        if (k + 16 <= dim) {
            aimc_step_dot_avx512(&s[0], query + k, row + k);
            k += 16;
        }
        if (tail != 0) {
            s[1] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(tail, query + k),
                                   _mm512_maskz_loadu_ps(tail, row + k), s[1]);
        }
        aimc_sum_avx512(s, out + i);
    }
}

AIMC_FN AIMC_TARGET_AVX512 void aimc_l1_avx512(const float *query, const float *rows,
                                               size_t stride, size_t n, size_t dim, float *out) {
    const __m512 keep = _mm512_castsi512_ps(_mm512_set1_epi32(0x7FFFFFFF));
    const __mmask16 tail = (__mmask16)((1u << (dim & 15)) - 1);
    size_t i, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        __m512 s[2], d;
        s[0] = s[1] = _mm512_setzero_ps();
        for (k = 0; k + 32 <= dim; k += 32) {
            aimc_step_l1_avx512(&s[0], query + k, row + k);
            aimc_step_l1_avx512(&s[1], query + k + 16, row + k + 16);
        }
        if (k + 16 <= dim) {
            aimc_step_l1_avx512(&s[0], query + k, row + k);
            k += 16;
        }
        if (tail != 0) {
            d = _mm512_sub_ps(_mm512_maskz_loadu_ps(tail, query + k),
                              _mm512_maskz_loadu_ps(tail, row + k));
            s[1] = _mm512_add_ps(s[1], _mm512_and_ps(d, keep));
        }
        aimc_sum_avx512(s, out + i);
    }
}

#endif
