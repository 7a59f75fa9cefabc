// Sums over flat arrays and columns in a fixed order, and the gradient-clipping factor. Knows nothing of parameters.
#pragma once
#include <cstdint>

namespace luciole {

/** out[0] = sum_i x[i]: f32 sums of fixed blocks, added up in double. */
void sumAll(const float* x, float* out, int64_t n);
/** out[0] = sum_i a[i] b[i], summed as in sumAll. */
void dot(const float* a, const float* b, float* out, int64_t n);
/** out[0] (+)= sum_i x[i]^2, accumulated in double. */
void sumSquares(const float* x, float* out, int64_t n, bool accumulate);
/** out[j] (+)= sum_r x[r, j]; x [rows, cols] f32 or bf16. Bias gradients. */
void columnSum(const void* x, int64_t type, float* out, int64_t rows, int64_t cols, bool accumulate);
/**
 * factor[0] = min(1, maxNorm / (sqrt(sumSq[0]) + 1e-6)), NaN when sumSq is NaN: torch.nn.utils.clip_grad_norm_'s
 * coefficient.
 */
void clipFactor(const float* sumSq, float* factor, float maxNorm);

}  // namespace luciole
