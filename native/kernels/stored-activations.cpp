// See stored-activations.h.
#include "stored-activations.h"

#include <limits>

#include "dtype.h"
#include "int8-dot.h"
#include "lanes.h"

namespace luciole {
namespace {

constexpr int32_t kInfinityBits = 0x7f800000;
constexpr float kTiny = 7.888609052210118e-31f;  // 2^-100

/** Bits of the largest magnitude: as integers they have the order of the numbers, infinity and NaN on top. */
template <class T>
int32_t largestBits(const T* x, int64_t n) {
  vi largest{};
  eachVector(0, n, [&](int64_t i, auto lanes) {
    const vi bits = asInt(get(x + i, lanes)) & 0x7fffffff;
    largest = bits > largest ? bits : largest;
  });
  int32_t result = 0;
  for (int i = 0; i < kLanes; ++i) result = largest[i] > result ? largest[i] : result;
  return result;
}

/** Quanta of n numbers: the exact products with `inverse`, rounded. */
template <class T>
void quantise(const T* x, int64_t n, float inverse, int8_t* out) {
  const vf magic = splat(12582912.0f);  // adding 1.5·2^23 rounds to a whole number, ties to even
  eachVector(0, n, [&](int64_t i, auto lanes) {
    const vi whole = asInt(vfma(get(x + i, lanes), splat(inverse), magic)) - asInt(magic);
#if defined(__AVX512F__)
    const int count = lanes;
    _mm512_mask_cvtepi32_storeu_epi8(out + i, static_cast<__mmask16>((1u << count) - 1), (__m512i)whole);
#else
    for (int j = 0; j < lanes; ++j) out[i + j] = static_cast<int8_t>(whole[j]);
#endif
  });
}

/** Σ of n ≤ 32 signed bytes. */
int32_t sumOf(const int8_t* quanta, int64_t n) {
  int32_t total = 0;
  for (int64_t i = 0; i < n; ++i) total += quanta[i];
  return total;
}

template <class T>
void quantiseRowOf(const T* x, int64_t K, const RecordLayout& layout, int64_t sub, SumForm form, int32_t zero, uint8_t* record) {
  auto* quanta = reinterpret_cast<int8_t*>(record);
  auto* scales = reinterpret_cast<float*>(record + layout.scales);
  for (int64_t k = 0, g = 0; k < K; k += kGroup, ++g) {
    const int64_t n = K - k < kGroup ? K - k : kGroup;
    const int32_t bits = largestBits(x + k, n);
    float largest;
    std::memcpy(&largest, &bits, 4);
    if (bits >= kInfinityBits || largest < kTiny) {
      scales[g] = bits >= kInfinityBits ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
      std::memset(quanta + k, 0, n);
    } else {
      scales[g] = largest / 127.0f;
      quantise(x + k, n, 127.0f / largest, quanta + k);
    }
  }
  for (int64_t k = 0, s = 0; k < K; k += sub, ++s) {
    const int32_t total = sumOf(quanta + k, K - k < sub ? K - k : sub);
    uint8_t* at = record + layout.sums + s * 4;
    if (form == SumForm::minimum) {
      const float value = static_cast<float>(total);
      std::memcpy(at, &value, 4);
    } else {
      const int32_t value = -zero * total;
      std::memcpy(at, &value, 4);
    }
  }
}

}  // namespace

void quantiseRow(const void* x, int64_t xType, int64_t K, const RecordLayout& layout, int64_t sub, SumForm form, int32_t zero, uint8_t* record) {
  dispatchType(xType, [&](auto tag) { quantiseRowOf(static_cast<const decltype(tag)*>(x), K, layout, sub, form, zero, record); });
}

}  // namespace luciole
