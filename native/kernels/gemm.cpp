// See gemm.h.
#include "gemm.h"

#include <cstring>
#include <stdexcept>
#include <string>

#include "dtype.h"
#include "gemm-tile.h"
#include "pool.h"

namespace luciole {

namespace {

void multiply(const Product& given, int64_t M, int64_t N) {
  if (M <= 0 || N <= 0) return;
  Product product = given;
  if (product.residual == product.c && product.residualType == product.cType && !product.accumulate) {
    product.residual = nullptr;
    product.accumulate = true;
  }
  const TileGrid grid = chooseTiles(product, M, N, threadCount());
  parallelFor(grid.numTiles(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile) computeGridTile(product, grid, tile, M, N);
  });
}

}  // namespace

void gemm(bool transA, bool transB, int64_t M, int64_t N, int64_t K, const void* A, int64_t aType, int64_t lda,
          const void* B, int64_t bType, int64_t ldb, void* C, int64_t cType, int64_t ldc, bool accumulate,
          const float* bias, const void* residual, int64_t residualType, bool bf16Compute) {
  multiply({{A, aType, lda, !transA},
            {B, bType, ldb, transB},
            K,
            bf16Compute,
            C,
            cType,
            ldc,
            accumulate,
            bias,
            residual,
            residualType},
           M, N);
}

bool canPackWeights(int64_t N, int64_t K, int64_t type) {
  return N % kPanelColumns == 0 && (type == kF32 || (type == kBf16 && kHasDotBf16 && K % elementsPerWord(true) == 0));
}

void packWeights(const void* W, int64_t type, int64_t E, int64_t N, int64_t K, void* packed) {
  if (!canPackWeights(N, K, type))
    throw std::runtime_error("packWeights: expected N a multiple of " + std::to_string(kPanelColumns) +
                             " and an even K, got [" + std::to_string(N) + ", " + std::to_string(K) + "]");
  const bool bf16Compute = type == kBf16;
  const int64_t words = K / elementsPerWord(bf16Compute), panels = N / kPanelColumns,
                panelWords = words * kPanelColumns;
  const int64_t paddedWords = (words + kLanes - 1) / kLanes * kLanes * kPanelColumns;  // the packer writes whole blocks
  parallelFor(E * panels, 4, [&](int64_t begin, int64_t end) {
    float* scratch = static_cast<float*>(threadScratch(kScratchGemmB, paddedWords * 4));
    for (int64_t i = begin; i < end; ++i) {
      const Operand weights{static_cast<const char*>(W) + i / panels * N * K * sizeOf(type), type, K, true};
      const int64_t n = i % panels * kPanelColumns;
      packerOfB(weights, bf16Compute)(weights, 0, K, {n, n + kPanelColumns, 1, kPanelColumns}, 0, 1, scratch,
                                      panelWords);
      std::memcpy(static_cast<float*>(packed) + i * panelWords, scratch, panelWords * 4);
    }
  });
}

void gemmPacked(bool transB, int64_t M, int64_t N, int64_t K, const void* A, int64_t aType, int64_t lda,
                const void* packedB, int64_t bType, void* C, int64_t cType, int64_t ldc, bool accumulate,
                const float* bias, const void* residual, int64_t residualType) {
  const PackedWeightsSource source(packedB, bType, K, N);
  const Operand b = transB ? Operand{packedB, bType, 0, true, nullptr, true} : operandOf(source);
  multiply({{A, aType, lda, true}, b, K, bType == kBf16, C, cType, ldc, accumulate, bias, residual, residualType}, M,
           N);
}

void gemmFromSource(int64_t M, int64_t N, int64_t K, const void* A, int64_t aType, const Source& b, void* C,
                    int64_t cType, bool accumulate, bool bf16Compute) {
  multiply({{A, aType, K, true}, operandOf(b), K, bf16Compute, C, cType, N, accumulate}, M, N);
}

void batchedGemm(bool transB, int64_t batch, int64_t M, int64_t N, int64_t K, const void* A, int64_t aType,
                 int64_t aBatchStride, int64_t lda, const void* B, int64_t bType, int64_t bBatchStride, int64_t ldb,
                 void* C, int64_t cType, int64_t cBatchStride, int64_t ldc, bool bf16Compute) {
  if (batch <= 0 || M <= 0 || N <= 0) return;
  auto at = [](const void* data, int64_t type, int64_t elements) {
    return static_cast<const char*>(data) + elements * sizeOf(type);
  };
  auto item = [&](int64_t i) {
    return Product{{at(A, aType, i * aBatchStride), aType, lda, true},
                   {at(B, bType, i * bBatchStride), bType, ldb, transB},
                   K,
                   bf16Compute,
                   static_cast<char*>(C) + i * cBatchStride * sizeOf(cType),
                   cType,
                   ldc};
  };
  const TileGrid grid = chooseTiles(item(0), M, N, threadCount(), batch);
  parallelFor(batch * grid.numTiles(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile)
      computeGridTile(item(tile / grid.numTiles()), grid, tile % grid.numTiles(), M, N);
  });
}

}  // namespace luciole
