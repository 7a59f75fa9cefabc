// See gemm.h.
#include "gemm.h"

#include "dtype.h"
#include "gemm-tile.h"
#include "pool.h"

namespace luciole {

void gemm(bool transA, bool transB, int64_t M, int64_t N, int64_t K, const void* A, int64_t aType, int64_t lda, const void* B, int64_t bType, int64_t ldb,
          void* C, int64_t cType, int64_t ldc, bool accumulate, const float* bias, const void* residual, int64_t residualType, bool bf16Compute) {
  if (M <= 0 || N <= 0) return;
  Product product{{A, aType, lda, !transA}, {B, bType, ldb, transB}, K, bf16Compute, C, cType, ldc, accumulate, bias, residual, residualType};
  if (residual == C && residualType == cType && !accumulate) {
    product.residual = nullptr;
    product.accumulate = true;
  }
  const TileGrid grid = chooseTiles(product, M, N, threadCount());
  parallelFor(grid.numTiles(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile) computeGridTile(product, grid, tile, M, N);
  });
}

void batchedGemm(bool transB, int64_t batch, int64_t M, int64_t N, int64_t K, const void* A, int64_t aType, int64_t aBatchStride, int64_t lda, const void* B,
                 int64_t bType, int64_t bBatchStride, int64_t ldb, void* C, int64_t cType, int64_t cBatchStride, int64_t ldc, bool bf16Compute) {
  if (batch <= 0 || M <= 0 || N <= 0) return;
  auto at = [](const void* data, int64_t type, int64_t elements) { return static_cast<const char*>(data) + elements * sizeOf(type); };
  auto item = [&](int64_t i) {
    return Product{{at(A, aType, i * aBatchStride), aType, lda, true}, {at(B, bType, i * bBatchStride), bType, ldb, transB}, K, bf16Compute,
                   static_cast<char*>(C) + i * cBatchStride * sizeOf(cType), cType, ldc};
  };
  const TileGrid grid = chooseTiles(item(0), M, N, threadCount(), batch);
  parallelFor(batch * grid.numTiles(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile) computeGridTile(item(tile / grid.numTiles()), grid, tile % grid.numTiles(), M, N);
  });
}

}  // namespace luciole
