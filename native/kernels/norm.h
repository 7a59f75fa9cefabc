// Root-mean-square layer normalisation, forward and backward. Knows nothing of layers.
#pragma once
#include <cstdint>

namespace luciole {

/**
 * y[r,i] = (x[r,i] * rstd[r]) * (w[i] + weightOffset), rstd[r] = 1 / sqrt(mean_i x[r,i]^2 + eps).
 * x, y: [rows, d] f32 or bf16; w: [d]; rstd: [rows], may be null. y may be x.
 * Source: Zhang & Sennrich, "Root Mean Square Layer Normalization", eq. 4.
 */
void rmsNorm(const void* x, int64_t xType, const float* w, float weightOffset, void* y, int64_t yType, float* rstd,
             int64_t rows, int64_t d, float eps);

/**
 * Gradients of rmsNorm: with n = x * rstd and g = (w + weightOffset) * dy,
 *   dx[r,i] = rstd[r] * (g[r,i] - n[r,i] * mean_j(g[r,j] n[r,j])) + dxAdd[r,i]      dw[i] (+)= sum_r dy[r,i] n[r,i].
 * dxAdd (the gradient that reached x past the norm) and dw may be null; dx may be dy or dxAdd.
 * dw sums rows in at most 64 equal runs, then the runs in order.
 */
void rmsNormBackward(const void* x, int64_t xType, const float* w, float weightOffset, const float* rstd,
                     const void* dy, int64_t dyType, const void* dxAdd, int64_t dxAddType, void* dx, int64_t dxType,
                     float* dw, bool accumulateDw, int64_t rows, int64_t d);

}  // namespace luciole
