// Matrix products: one, and a batch of equal shape. Callable from other kernels.
// Knows nothing of layers or experts (grouped-gemm.h).
#pragma once
#include <cstdint>

namespace luciole {

struct Source;

/**
 * C[M, N] = op(A)·op(B) (+ C when accumulate) (+ bias[n]) (+ residual[m, n], rows ldc apart like C).
 * A is [M, K], or [K, M] when transA; B is [K, N], or [N, K] when transB (a linear layer's weight). lda, ldb, ldc:
 * elements between rows. A, B, C, residual: f32 (0) or bf16 (1) in any mix; sums in f32. bf16Compute rounds A and B to
 * bf16 before multiplying. C overlaps no operand; a residual that is C itself counts as accumulate. The bits of a row
 * do not depend on M, on the other rows, or on the number of threads (order of the sum: gemm-tile.h).
 */
void gemm(bool transA, bool transB, int64_t M, int64_t N, int64_t K, const void* A, int64_t aType, int64_t lda,
          const void* B, int64_t bType, int64_t ldb, void* C, int64_t cType, int64_t ldc, bool accumulate,
          const float* bias, const void* residual, int64_t residualType, bool bf16Compute);

/**
 * C[i] = A[i]·op(B[i]) for i < batch: A[i] is [M, K] at A + i·aBatchStride, B[i] is [K, N], or [N, K] when transB;
 * strides in elements. The same bits as `batch` calls of gemm.
 */
void batchedGemm(bool transB, int64_t batch, int64_t M, int64_t N, int64_t K, const void* A, int64_t aType,
                 int64_t aBatchStride, int64_t lda, const void* B, int64_t bType, int64_t bBatchStride, int64_t ldb,
                 void* C, int64_t cType, int64_t cBatchStride, int64_t ldc, bool bf16Compute);

/**
 * Whether packWeights has a form for weights [N, K] of `type`: whole panels of columns, and for bf16 whole pairs of k
 * and the dot instruction. The packed copy then takes as many bytes as the weights.
 */
bool canPackWeights(int64_t N, int64_t K, int64_t type);

/**
 * packed[e] = the panels that products with W[e] [N, K] read (f32 to multiply in f32, bf16 in bf16), for e < E. Pays
 * when used often against few rows.
 */
void packWeights(const void* W, int64_t type, int64_t E, int64_t N, int64_t K, void* packed);

/**
 * gemm(transA false, bf16Compute for bf16) with a B that packWeights made of weights of bType, [N, K] when transB, else
 * [K, N]. The same bits.
 */
void gemmPacked(bool transB, int64_t M, int64_t N, int64_t K, const void* A, int64_t aType, int64_t lda,
                const void* packedB, int64_t bType, void* C, int64_t cType, int64_t ldc, bool accumulate,
                const float* bias, const void* residual, int64_t residualType);

/** C[M, N] = A[M, K]·B (+ C when accumulate) with the B [K, N] that a source (gemm-pack.h) makes; dense matrices. */
void gemmFromSource(int64_t M, int64_t N, int64_t K, const void* A, int64_t aType, const Source& b, void* C,
                    int64_t cType, bool accumulate, bool bf16Compute);

}  // namespace luciole
