/* core/dist.h: distances from one query to many rows of f32: squared L2, dot product, L1.
 *
 * One set of kernels per instruction set, chosen at run time, all with the same contract:
 *
 * - out[i] is the distance from query to the row at rows + i * stride, for i below n. dim >= 1,
 *   stride >= dim. Nothing at or after row + dim or query + dim is read. Any alignment of float;
 *   rows at multiples of 64 bytes are fastest. out overlaps neither.
 * - out[i] depends on the query, the row, dim and the level alone, to the last bit: not on n, i,
 *   stride or other rows. So a scan in blocks, by many threads, or of a few chosen rows gives what
 *   one scan gives. The kernels keep this by handling each row alone, in one loop.
 * - |error| <= (dim / 8 + 16) * 2^-24 * the sum of the absolute values of the terms (for L2 and L1
 *   that is the result): there are at least 8 partial sums, each adds every eighth term. The
 *   callers keep sums of squares below 1e37, so nothing overflows. Products below 2^-126 may count
 *   as 0, and where denormal numbers are flushed (32-bit NEON, programs linked with -ffast-math)
 *   so do inputs below it.
 * - Levels differ in the order of additions, within that bound.
 *
 * Why rows are not handled two or four at a time, which saves loads of the query: the prefetchers
 * of the processor follow one stream best. Measured on an EPYC (Zen 4) with AVX-512, 60 000 x 784
 * from DRAM, as a part of the read bandwidth of a plain integer sum: one row at a time 0.94-1.1;
 * two 0.5; four 0.6; one with software prefetch 1-8 KiB ahead 0.7-0.9. In cache (192 KiB, dim 128
 * to 2048) one row with two sums reads 104-110 GB/s, about what the L2 cache gives; four rows
 * 85-109; the simple loop as gcc -O3 -march=native -ffast-math makes it 78-104.
 */
#ifndef AIMC_DIST_H
#define AIMC_DIST_H

#include "core/cpu.h"

typedef void (*aimc_dist_rows_fn)(const float *query, const float *rows, size_t stride, size_t n,
                                  size_t dim, float *out);

/* The kernels of one level. A sum of squares is dot of a vector with itself. */
typedef struct aimc_dist {
    aimc_dist_rows_fn l2sq, dot, l1;
    uint32_t level; /* AIMC_LEVEL_SCALAR ..., never auto */
} aimc_dist;

#include "core/dist_scalar.h"

#if defined(AIMC_LEVELS_X86)
#include "core/dist_x86.h"
#elif defined(AIMC_SIMD_NEON)
#include "core/dist_neon.h"
#elif defined(AIMC_SIMD_WASM)
#include "core/dist_wasm.h"
#endif

/* Fills a table. */
AIMC_FN void aimc_dist_set(aimc_dist *out, uint32_t level, aimc_dist_rows_fn l2sq,
                           aimc_dist_rows_fn dot, aimc_dist_rows_fn l1) {
    out->l2sq = l2sq;
    out->dot = dot;
    out->l1 = l1;
    out->level = level;
}

/* The kernels of a level; AIMC_LEVEL_AUTO: of the best one here. False when this build or processor
   lacks it; then out is as it was. Cheap enough to call per search. */
AIMC_FN bool aimc_dist_at(uint32_t level, aimc_dist *out) {
    if (level == AIMC_LEVEL_AUTO) level = aimc_simd_best();
    if (!aimc_simd_has(level)) return false;
    switch (level) {
#if defined(AIMC_LEVELS_X86)
    case AIMC_LEVEL_SSE:
        aimc_dist_set(out, level, aimc_l2sq_sse, aimc_dot_sse, aimc_l1_sse);
        return true;
    case AIMC_LEVEL_AVX2:
        aimc_dist_set(out, level, aimc_l2sq_avx2, aimc_dot_avx2, aimc_l1_avx2);
        return true;
    case AIMC_LEVEL_AVX512:
        aimc_dist_set(out, level, aimc_l2sq_avx512, aimc_dot_avx512, aimc_l1_avx512);
        return true;
#elif defined(AIMC_SIMD_NEON)
    case AIMC_LEVEL_NEON:
        aimc_dist_set(out, level, aimc_l2sq_neon, aimc_dot_neon, aimc_l1_neon);
        return true;
#elif defined(AIMC_SIMD_WASM)
    case AIMC_LEVEL_WASM:
        aimc_dist_set(out, level, aimc_l2sq_wasm, aimc_dot_wasm, aimc_l1_wasm);
        return true;
#endif
    default:
        aimc_dist_set(out, AIMC_LEVEL_SCALAR, aimc_l2sq_scalar, aimc_dot_scalar, aimc_l1_scalar);
        return true;
    }
}

#endif
