// Products of an array with one number: a host factor, or a device scalar spread over an array. Knows nothing of
// shapes.
#pragma once
#include <cstdint>

namespace luciole {

/** y = factor * x; f32 or bf16 each; y may be x. */
void scale(const void* x, int64_t xType, void* y, int64_t yType, int64_t n, float factor);

/** y[i] = s[0] * w[i], or s[0] where w is null: the gradient of a (weighted) sum. y may be w. */
void spread(const float* s, const float* w, float* y, int64_t n);

}  // namespace luciole
