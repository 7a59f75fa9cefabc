// Elementwise kernels on flat arrays that may be f32 or bf16: casts, fills, sums, scaling, clamping, SwiGLU. Knows
// nothing of shapes.
#pragma once
#include <cstdint>

namespace luciole {

/** y = x in another type. From any type to f32, bf16 or f16 (nearest even); to i32 or u8 only from the same type. */
void cast(const void* x, int64_t xType, void* y, int64_t yType, int64_t n);

/** x[i] = value, of any type. */
void fill(void* x, int64_t type, int64_t n, double value);

/** y = alpha * a + beta * b; f32 or bf16 each; y may be a or b. */
void addScaled(const void* a, int64_t aType, const void* b, int64_t bType, void* y, int64_t yType, int64_t n,
               float alpha, float beta);

/** y = x * factor[0]; y may be x. */
void scaleBy(const void* x, int64_t xType, const float* factor, void* y, int64_t yType, int64_t n);

/** y = min(max(x, lo), hi); NaN stays NaN. */
void clampForward(const float* x, float* y, int64_t n, float lo, float hi);
/** dx = dy where lo <= x <= hi, else 0. */
void clampBackward(const float* x, const float* dy, float* dx, int64_t n, float lo, float hi);

/** Activations of a gate, as they travel through the binding: x sigmoid(x), and GELU by its tanh formula. */
enum GluActivation : int64_t { kSilu = 0, kGeluTanh = 1 };

/**
 * gateUp [rows, 2 width] = [gate | up], y [rows, width] = activation(gate) * up, all of one type. Source: Shazeer,
 * "GLU Variants", eq. 6.
 */
void glu(int64_t activation, const void* gateUp, void* y, int64_t type, int64_t rows, int64_t width);
/** dGateUp [rows, 2 width] from dy [rows, width]; dGateUp may be gateUp. */
void gluBackward(int64_t activation, const void* gateUp, const void* dy, void* dGateUp, int64_t type, int64_t rows,
                 int64_t width);

}  // namespace luciole
