// Products of activations with weights as they are stored (block-formats.ts says how), packed into panels or row by row
// as in the file. Knows nothing of models; what a type multiplies and in what order stands in stored-kernels.h.
#pragma once
#include <cstdint>

namespace luciole {

/** Bytes of packed weights [E, N, K] of a storage type. */
int64_t storedPackedBytes(int64_t type, int64_t E, int64_t N, int64_t K);

/** Weights [E, N, K] row by row into panels. scales: f32 [E, ⌈N/128⌉, ⌈K/128⌉] of e4m3 blocks, or null for 1. */
void packStored(const void* W, int64_t type, const float* scales, int64_t E, int64_t N, int64_t K, void* packed);

/**
 * Y[M, N] = X[M, K]·Wᵀ (+ bias[N]) (+ residual[M, N]). X, Y, residual: f32 or bf16. `scales` for e4m3 that is not
 * packed. A row's bits depend on it alone.
 */
void storedLinear(int64_t M, int64_t N, int64_t K, const void* X, int64_t xType, const void* W, int64_t wType,
                  bool packed, const float* scales, void* Y, int64_t yType, const float* bias, const void* residual,
                  int64_t residualType);

/**
 * For each expert e and row r in [offsets[e], offsets[e+1]): Y[r, N] = X[rowIndex ? rowIndex[r] : r, K]·W[e]ᵀ. X has
 * xRows rows; offsets i32[E+1] from 0 to R. Only weights of experts with rows are read. The bits of storedLinear.
 */
void storedGroupedLinear(int64_t E, int64_t R, int64_t N, int64_t K, const void* X, int64_t xType, int64_t xRows,
                         const int32_t* rowIndex, const void* W, int64_t wType, bool packed, const float* scales,
                         const int32_t* offsets, void* Y, int64_t yType);

/**
 * dX[M, K] = dY[M, N]·W (+ dX when accumulate), the gradient of storedLinear with W's decoded numbers; multiplied in
 * bf16 where dX is bf16, else in f32. dY, dX: f32 or bf16. The bits of gemm with the decoded W.
 */
void storedLinearBackward(int64_t M, int64_t N, int64_t K, const void* dY, int64_t dyType, const void* W,
                          int64_t wType, bool packed, const float* scales, void* dX, int64_t dxType, bool accumulate);

/** As storedLinearBackward with the weight of expert e for its rows [offsets[e], offsets[e+1]). */
void storedGroupedLinearBackward(int64_t E, int64_t R, int64_t N, int64_t K, const void* dY, int64_t dyType,
                                 const void* W, int64_t wType, bool packed, const float* scales,
                                 const int32_t* offsets, void* dX, int64_t dxType);

/**
 * Y[T, K] f32 = rows ids[t] of W [N, K] of any storage type; packed f32 and bf16 as packWeights (gemm.h) makes them.
 */
void storedRows(const void* W, int64_t wType, bool packed, const float* scales, int64_t N, int64_t K,
                const int32_t* ids, int64_t T, float* Y);

}  // namespace luciole
