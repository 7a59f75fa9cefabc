// Unary and binary math on flat f32 arrays, with gradients, selected by a small integer. Knows nothing of shapes.
#pragma once
#include <cstdint>

namespace luciole {

enum UnaryKind : int64_t {
  kNeg = 0,
  kExp = 1,
  kLog = 2,
  kSquare = 3,
  kSqrt = 4,
  kReciprocal = 5,
  kSigmoid = 6,
  kTanh = 7,
  kAbs = 8
};
enum BinaryKind : int64_t { kAdd = 0, kSub = 1, kMul = 2, kDiv = 3, kMin = 4, kMax = 5 };

/** y = kind(x), to within a few ulp; y may be x. */
void unary(int64_t kind, const float* x, float* y, int64_t n);
/**
 * dx = dy * kind'(x), where y = kind(x); the derivative of abs at 0 is 0. dx may be dy. x or y may be null where the
 * kind does not need it.
 */
void unaryBackward(int64_t kind, const float* x, const float* y, const float* dy, float* dx, int64_t n);

/** y = a kind b; min and max keep NaN; y may be a or b. */
void binary(int64_t kind, const float* a, const float* b, float* y, int64_t n);
/**
 * da and db (either may be null) from dy; in min and max a tie gives the whole gradient to a. da may be dy, or db, not
 * both.
 */
void binaryBackward(int64_t kind, const float* a, const float* b, const float* dy, float* da, float* db, int64_t n);

}  // namespace luciole
