// Element types as they travel through the binding (small integer codes), and the dispatch to a template.
// Knows nothing of kernels.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>

#include "simd.h"

namespace luciole {

enum DType : int64_t {
  kF32 = 0,
  kBf16 = 1,
  kF16 = 2,
  kI32 = 3,
  kU8 = 4,
  kQ8_0 = 5,
  kQ4_0 = 6,
  kQ4_k = 7,
  kQ5_k = 8,
  kQ6_k = 9,
  kE4m3 = 10,
  kQ4_1 = 11,
  kQ5_0 = 12,
  kQ5_1 = 13,
  kIq4_nl = 14,
  kMxfp4 = 15,
  kQ2_k = 16,
  kQ3_k = 17,
  kIq4_xs = 18
};

/**
 * Calls body(tag) with tag of C++ type float or bf16: `dispatchType(code, [&](auto tag) { using T = decltype(tag); ...
 * })`. Throws for every other code, so a kernel takes f32 or bf16 and nothing else.
 */
template <class F>
inline auto dispatchType(int64_t code, F&& body) {
  if (code == kF32) return body(float{});
  if (code == kBf16) return body(bf16{});
  throw std::runtime_error("expected an f32 (0) or bf16 (1) tensor, got dtype code " + std::to_string(code) +
                           ": cast it first");
}

inline int64_t sizeOf(int64_t code) { return code == kF32 || code == kI32 ? 4 : code == kU8 ? 1 : 2; }

}  // namespace luciole
