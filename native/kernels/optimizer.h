// Parameter updates. Knows nothing of schedules or parameter groups.
#pragma once
#include <cstdint>

namespace luciole {

/**
 * One AdamW step, torch.optim.AdamW's arithmetic, with g scaled by gradFactor[0] first (a device scalar; null: 1):
 *   p *= 1 - lr weightDecay;  m += (g - m)(1 - beta1);  v = beta2 v + (1 - beta2) g^2;
 *   p -= lr (m / biasCorrection1) / (sqrt(v / biasCorrection2) + eps),  biasCorrection = 1 - beta^step.
 * p, g, m, v: f32 [n]; copyBf16 (may be null) receives p rounded to bf16. Source: Loshchilov & Hutter, Algorithm 2.
 */
void adamw(float* p, const float* g, float* m, float* v, void* copyBf16, const float* gradFactor, int64_t n,
           double lr, double beta1, double beta2, double eps, double weightDecay, double biasCorrection1,
           double biasCorrection2);

/**
 * p = p (1 - lr weightDecay) - lr update; update f32 or bf16 [n]; copyBf16 (may be null) receives p in bf16. Muon's
 * last step.
 */
void axpyUpdate(float* p, const void* update, int64_t type, void* copyBf16, int64_t n, double lr, double weightDecay);

}  // namespace luciole
