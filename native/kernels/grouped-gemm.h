// Products of row groups with one weight each: the experts of a mixture layer, forward, dX and dW.
// Knows nothing of routing: groups are given by offsets that only the kernel reads.
#pragma once
#include <cstdint>

namespace luciole {

struct Source;

/**
 * For each group e and each row r in [offsets[e], offsets[e+1]): Y[r, :N] = X[rowIndex ? rowIndex[r] : r, :K]·op(W[e])
 * (+ Y when accumulate). W is [E, N, K] when transW (forward), else [E, K, N] (dX). offsets: i32[E+1], non-decreasing,
 * within 0 to R; rows of no group become zero (stay when accumulate). All matrices contiguous. X, W, Y: f32 or bf16 in
 * any mix. The bits of a row are those of gemm on that row alone.
 */
void groupedGemm(bool transW, int64_t E, int64_t R, int64_t N, int64_t K, const void* X, int64_t xType,
                 const int32_t* rowIndex, const void* W, int64_t wType, const int32_t* offsets, void* Y, int64_t yType,
                 bool accumulate, bool bf16Compute);

/** Zeroes the rows of Y [R, N] before the first group and behind the last. */
void clearUngrouped(int64_t E, int64_t R, int64_t N, const int32_t* offsets, void* Y, int64_t yType);

/**
 * groupedGemm(bf16Compute for bf16) with weights of wType that packWeights (gemm.h) made, [E, N, K] when transW, else
 * [E, K, N]. The same bits.
 */
void groupedGemmPacked(bool transW, int64_t E, int64_t R, int64_t N, int64_t K, const void* X, int64_t xType,
                       const int32_t* rowIndex, const void* packedW, int64_t wType, const int32_t* offsets, void* Y,
                       int64_t yType, bool accumulate);

/** groupedGemm(transW false) of rows as they are, with the weights [K, N] that a source (gemm-pack.h) makes. */
void groupedGemmFromSource(int64_t E, int64_t R, int64_t N, int64_t K, const void* X, int64_t xType, const Source& w,
                           const int32_t* offsets, void* Y, int64_t yType, bool bf16Compute);

/**
 * dW[e] (+)= dY[rows of e]ᵀ·X[rows of e], dW f32 [E, N, K], dY [R, N], rows of X picked by rowIndex as above.
 * A group without rows gives zeros (is left alone when accumulate).
 */
void groupedGemmWeightGrad(int64_t E, int64_t N, int64_t K, const void* dY, int64_t dyType, const void* X,
                           int64_t xType, const int32_t* rowIndex, const int32_t* offsets, float* dW, bool accumulate,
                           bool bf16Compute);

}  // namespace luciole
