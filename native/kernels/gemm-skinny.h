// The micro-kernel for a few rows against a k-contiguous B (a linear layer's weight in decoding): B is turned in registers and used at once,
// because a packed copy that only a few rows share costs more than it saves. Knows nothing of tiles.
#pragma once
#include "gemm-pack.h"

namespace luciole {

inline constexpr int kSkinnyRows = 4;

/**
 * out[i, j] (+)= Σ_k A(i, k)·B[n + j, k0 + k] for j < columns, `add` adding to what is there; whole vectors of `out` are written.
 * a: packed rows of A as packerOfA makes them for a k-contiguous A. The order of the sum, and so the bits, are those of the packed kernels.
 */
using SkinnyKernel = void (*)(const Operand& b, int64_t k0, int64_t kCount, int64_t n, int64_t columns, const float* a, float* out, int64_t ldo, bool add);

/** The kernel for 1 ≤ rows ≤ kSkinnyRows. */
SkinnyKernel skinnyKernel(const Operand& b, bool bf16Compute, int64_t rows);

}  // namespace luciole
