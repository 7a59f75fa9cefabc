// Floats in 16 and 8 bits, rounded to the nearest, ties to even, by whole-number arithmetic without branches. Knows
// nothing of scales.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

namespace luciole {

/** The bits of x. */
inline uint32_t bitsOf(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}

/** |x| · scale (a power of two) as a whole number, ties to even, for results below 2^22. */
inline uint32_t wholeOf(float x, float scale) { return bitsOf(std::fabs(x) * scale + 12582912.0f) & 0x3fffff; }

/** The bits of the IEEE half nearest to x; infinite from 65520 on. */
inline uint16_t toHalf(float x) {
  const uint32_t bits = bitsOf(x), sign = (bits >> 16) & 0x8000, size = bits & 0x7fffffff;
  const uint32_t normal = (size - 0x38000000 + 0xfff + ((size >> 13) & 1)) >> 13;
  const uint32_t small = wholeOf(x, 16777216.0f);
  const uint32_t half = size > 0x7f800000 ? 0x7e00 : size >= 0x477ff000 ? 0x7c00 : size < 0x38800000 ? small : normal;
  return static_cast<uint16_t>(sign | half);
}

/** The bits of the e4m3 number nearest to x, saturating at 448; NaN gives 0x7f. */
inline uint8_t toE4m3(float x) {
  const uint32_t bits = bitsOf(x), sign = (bits >> 24) & 0x80, size = bits & 0x7fffffff;
  const uint32_t normal = (size - 0x3c000000 + 0x7ffff + ((size >> 20) & 1)) >> 20;
  const uint32_t small = wholeOf(x, 512.0f);
  const uint32_t byte = sign | (size >= 0x43e00000 ? 0x7e : size < 0x3c800000 ? small : normal);
  return static_cast<uint8_t>(size > 0x7f800000 ? 0x7f : byte);
}

}  // namespace luciole
