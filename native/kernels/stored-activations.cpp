// See stored-activations.h.
#include "stored-activations.h"

#include <algorithm>
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

/** n quanta, a multiple of four, into 16 bits each: of four neighbours the even ones, then the odd ones. */
void widen(const int8_t* quanta, int64_t n, int16_t* out) {
  for (int64_t i = 0; i < n; i += 4)
    for (int64_t j = 0; j < 4; ++j) out[i + j % 2 * 2 + j / 2] = quanta[i + j];
}

/** Quanta of n numbers that share a scale; gives the scale. */
template <class T>
float quantiseGroup(const T* x, int64_t n, int8_t* quanta) {
  const int32_t bits = largestBits(x, n);
  float largest;
  std::memcpy(&largest, &bits, 4);
  if (bits >= kInfinityBits || largest < kTiny) {
    std::memset(quanta, 0, n);
    return bits >= kInfinityBits ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
  }
  quantise(x, n, 127.0f / largest, quanta);
  return largest / 127.0f;
}

void putSum(int32_t total, float scale, SumForm form, int32_t zero, uint8_t* at) {
  if (form == SumForm::zero) {
    const int32_t value = -zero * total;
    std::memcpy(at, &value, 4);
  } else {
    const float value = form == SumForm::scaledMinimum ? scale * static_cast<float>(total) : static_cast<float>(total);
    std::memcpy(at, &value, 4);
  }
}

template <class T>
void quantiseRowOf(const T* x, int64_t K, const RecordLayout& layout, SumForm form, int32_t zero, uint8_t* record) {
  auto* scales = reinterpret_cast<float*>(record + layout.scales);
  int8_t narrow[kGroup];
  for (int64_t k = 0; k < K; k += layout.width) {
    const int64_t n = std::min(K - k, layout.width);
    int8_t* quanta = layout.quantum == 1 ? reinterpret_cast<int8_t*>(record) + k : narrow;
    const float scale = quantiseGroup(x + k, n, quanta);
    scales[k / layout.width] = scale;
    for (int64_t i = 0; i < n; i += layout.sub)
      putSum(sumOf(quanta + i, std::min(n - i, layout.sub)), scale, form, zero,
             record + layout.sums + (k + i) / layout.sub * 4);
    if (layout.quantum == 2) widen(quanta, n, reinterpret_cast<int16_t*>(record) + k);
  }
}

}  // namespace

void quantiseRow(const void* x, int64_t xType, int64_t K, const RecordLayout& layout, SumForm form, int32_t zero,
                 uint8_t* record) {
  dispatchType(xType,
               [&](auto tag) { quantiseRowOf(static_cast<const decltype(tag)*>(x), K, layout, form, zero, record); });
}

}  // namespace luciole
