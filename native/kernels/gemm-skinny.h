// The micro-kernel for a few rows against a k-contiguous B (a linear layer's weight in decoding): B is turned in
// registers and used at once, because a packed copy that only a few rows share costs more than it saves. Knows nothing
// of tiles.
#pragma once
#include "gemm-pack.h"

namespace luciole {

// Up to here the turn in registers hides behind the multiply-adds (f32) or is paid once (bf16, which has half as many
// of them to hide behind).
#if defined(__AVX512F__)
inline constexpr int kSkinnyRowsF32 = 12, kSkinnyRowsBf16 = 6;
#else
inline constexpr int kSkinnyRowsF32 = 4, kSkinnyRowsBf16 = 4;
#endif
inline constexpr int skinnyRows(bool bf16Compute) { return bf16Compute ? kSkinnyRowsBf16 : kSkinnyRowsF32; }

/**
 * out[i, j] (+)= Σ_k A(i, k)·B[n + j, k0 + k] for j < columns, `add` adding to what is there; whole vectors of `out`
 * are written. a: packed rows of A as packerOfA makes them for a k-contiguous A. The order of the sum, and so the bits,
 * are those of the packed kernels.
 */
using SkinnyKernel = void (*)(const Operand& b, int64_t k0, int64_t kCount, int64_t n, int64_t columns, const float* a,
                              float* out, int64_t ldo, bool add);

/** The kernel for 1 ≤ rows ≤ skinnyRows(bf16Compute). */
SkinnyKernel skinnyKernel(const Operand& b, bool bf16Compute, int64_t rows);

}  // namespace luciole
