/* core/dist_scalar.h: the distance kernels in plain C; the contract is in core/dist.h.
 *
 * Eight partial sums, so that additions do not wait for each other and a compiler that vectorises
 * may do so without changing the order. The last dim % 8 terms go to the first sums.
 */
#ifndef AIMC_DIST_SCALAR_H
#define AIMC_DIST_SCALAR_H

#include "core/maths.h"

AIMC_INLINE float aimc_sum8(const float s[8]) {
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

AIMC_FN void aimc_l2sq_scalar(const float *query, const float *rows, size_t stride, size_t n,
                              size_t dim, float *out) {
    size_t i, j, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float s[8] = {0, 0, 0, 0, 0, 0, 0, 0}, d;
        for (k = 0; k + 8 <= dim; k += 8) {
            for (j = 0; j < 8; j++) {
                d = query[k + j] - row[k + j];
                s[j] += d * d;
            }
        }
        for (j = 0; k < dim; j++, k++) {
            d = query[k] - row[k];
            s[j] += d * d;
        }
        out[i] = aimc_sum8(s);
    }
}

AIMC_FN void aimc_dot_scalar(const float *query, const float *rows, size_t stride, size_t n,
                             size_t dim, float *out) {
    size_t i, j, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float s[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (k = 0; k + 8 <= dim; k += 8) {
            for (j = 0; j < 8; j++) s[j] += query[k + j] * row[k + j];
        }
        for (j = 0; k < dim; j++, k++) s[j] += query[k] * row[k];
        out[i] = aimc_sum8(s);
    }
}

AIMC_FN void aimc_l1_scalar(const float *query, const float *rows, size_t stride, size_t n,
                            size_t dim, float *out) {
    size_t i, j, k;
    for (i = 0; i < n; i++) {
        const float *row = rows + i * stride;
        float s[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (k = 0; k + 8 <= dim; k += 8) {
            for (j = 0; j < 8; j++) s[j] += aimc_absf(query[k + j] - row[k + j]);
        }
        for (j = 0; k < dim; j++, k++) s[j] += aimc_absf(query[k] - row[k]);
        out[i] = aimc_sum8(s);
    }
}

#endif
