/* vec/check.h: which vectors are let in, and the length of a vector.
 *
 * The invariant behind the searches: every number is finite, and the sum of the squares of every
 * row and every query is at most 1e37. Then, by the inequality of Cauchy and Schwarz, a dot product
 * or any part of its sum is at most 1e37, a squared distance at most 4e37, a Manhattan distance at
 * most sqrt(65536 * 4e37) = 2e21: nothing that a kernel adds up leaves the range of a float
 * (3.4e38), and no distance is ever infinite or NaN.
 */
#ifndef AIMI_VEC_CHECK_H
#define AIMI_VEC_CHECK_H

#include "core/maths.h"

/* Bounds on the sum of squares. Below the lower one a vector is a zero vector to the cosine: its
   direction would be lost in products that underflow. */
#define AIMI_VEC_SQUARES_MAX 1e37
#define AIMI_VEC_SQUARES_MIN 1e-37

/* Adds the square of x, and marks a NaN or infinity: found in the bits, because comparisons lie
   under -ffast-math. Adding 1 to an exponent of all ones carries into the sign bit. */
AIMC_INLINE void aimi_vec_square(const float *x, double *sum, uint32_t *carry) {
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    *carry |= (bits & 0x7F800000u) + 0x00800000u;
    *sum += (double)*x * (double)*x;
}

/* *squares: the sum of the squares of n floats, in double and in a fixed order (eight sums side by
   side, which compilers turn into vector code). False when one is a NaN or infinite. */
AIMC_FN bool aimi_vec_squares(const float *x, size_t n, double *squares) {
    double sum[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    uint32_t carry = 0;
    size_t i, j;
    for (i = 0; i + 8 <= n; i += 8) {
        for (j = 0; j < 8; j++) aimi_vec_square(x + i + j, &sum[j], &carry);
    }
    for (j = 0; i + j < n; j++) aimi_vec_square(x + i + j, &sum[j], &carry);
    *squares = ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
    return carry >> 31 == 0;
}

/* Whether a vector may come in: INVALID for a NaN or infinity, RANGE when it is too long. With the
   cosine *inverse is one divided by its length, 0 for a zero vector; with other metrics 0. */
AIMC_FN aimem_result aimi_vec_measure(uint32_t metric, const float *x, size_t dim, float *inverse) {
    double squares;
    *inverse = 0.0f;
    if (!aimi_vec_squares(x, dim, &squares)) return AIMEM_ERR_INVALID;
    if (squares > AIMI_VEC_SQUARES_MAX) return AIMEM_ERR_RANGE;
    if (metric == AIMEM_VEC_COS && squares >= AIMI_VEC_SQUARES_MIN) {
        *inverse = (float)(1.0 / aimc_sqrt(squares));
    }
    return AIMEM_OK;
}

#endif
