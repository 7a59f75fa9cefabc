// One token's FP8 latent: e4m3 numbers, an f32 scale for every 128 of them, then bf16 numbers (FlashMLA's layout).
// Knows nothing of caches.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "lanes.h"
#include "simd.h"
#include "small-floats.h"

namespace luciole {

inline constexpr int64_t kFp8Group = 128;  // numbers that share a scale

inline int64_t fp8Groups(int64_t latent) { return (latent + kFp8Group - 1) / kFp8Group; }
/** Bytes of an entry of `width` numbers, of which the first `latent` are e4m3. */
inline int64_t fp8EntryBytes(int64_t width, int64_t latent) {
  return latent + 4 * fp8Groups(latent) + 2 * (width - latent);
}

/** Writes an entry from x[0 .. width). */
template <class X>
void encodeFp8(const X* x, uint8_t* entry, int64_t width, int64_t latent) {
  constexpr float kTiny = 0x1p-100f;  // below, a scale would leave f32
  for (int64_t g = 0; g < fp8Groups(latent); ++g) {
    const int64_t begin = g * kFp8Group, end = std::min(latent, begin + kFp8Group);
    float amax = 0;
    for (int64_t d = begin; d < end; ++d) {
      const float size = std::fabs(toFloat(x[d]));
      amax = size <= amax ? amax : size;  // a NaN stays
      if (amax != amax) break;
    }
    const float inverse = amax < kTiny ? 0 : 448.0f / amax, scale = amax < kTiny ? 0 : amax / 448.0f;
    for (int64_t d = begin; d < end; ++d) entry[d] = toE4m3(toFloat(x[d]) * inverse);
    std::memcpy(entry + latent + 4 * g, &scale, 4);
  }
  uint8_t* rest = entry + latent + 4 * fp8Groups(latent);
  for (int64_t d = latent; d < width; ++d, rest += 2) {
    const bf16 value = toBf16(toFloat(x[d]));
    std::memcpy(rest, &value, 2);
  }
}

/** The values of kLanes e4m3 codes, one in each 32-bit lane. */
inline vf fromE4m3(vi codes) {
  const vf size = asFloat((codes & 0x7f) << 20) * splat(0x1p120f);
  const vf value = (codes & 0x7f) == 0x7f ? splat(std::numeric_limits<float>::quiet_NaN()) : size;
  return asFloat(asInt(value) | ((codes & 0x80) << 24));
}

inline vi loadCodes(const uint8_t* p) {
  using Bytes = uint8_t __attribute__((vector_size(kLanes), aligned(1), may_alias));
  return __builtin_convertvector(*reinterpret_cast<const Bytes*>(p), vi);
}

/** The entry's numbers: e4m3 times scale rounded to bf16, then the bf16 ones. `Y` is float or bf16. */
template <class Y>
void decodeFp8(const uint8_t* entry, Y* out, int64_t width, int64_t latent) {
  for (int64_t g = 0; g < fp8Groups(latent); ++g) {
    float scale;
    std::memcpy(&scale, entry + latent + 4 * g, 4);
    eachVector(g * kFp8Group, std::min(latent, (g + 1) * kFp8Group), [&](int64_t at, auto lanes) {
      uint8_t codes[kLanes] = {};
      std::memcpy(codes, entry + at, lanes);
      const vf value = fromE4m3(loadCodes(codes)) * splat(scale);
      if constexpr (std::is_same_v<Y, float>)
        put(out + at, roundBf16(value), lanes);
      else
        put(out + at, value, lanes);
    });
  }
  const uint8_t* rest = entry + latent + 4 * fp8Groups(latent);
  for (int64_t d = latent; d < width; ++d) {
    bf16 value;
    std::memcpy(&value, rest + 2 * (d - latent), 2);
    if constexpr (std::is_same_v<Y, float>)
      out[d] = toFloat(value);
    else
      out[d] = value;
  }
}

}  // namespace luciole
