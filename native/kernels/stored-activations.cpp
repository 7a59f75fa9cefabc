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

using QuantaLanes = int8_t __attribute__((vector_size(kLanes)));

/** Folds lanes by `join` into lane 0. */
template <class F>
int32_t foldLanes(vi v, F&& join) {
  halvings([&](auto fold) { v = join(v, asInt(fold(asFloat(v)))); });
  return v[0];
}

/**
 * Bits of the largest magnitude of n numbers, a multiple of kLanes: as integers they have the order of the numbers,
 * infinity and NaN on top.
 */
template <class T>
int32_t largestBits(const T* x, int64_t n) {
  const auto larger = [](vi a, vi b) { return a > b ? a : b; };
  vi largest{};
  for (int64_t i = 0; i < n; i += kLanes) largest = larger(asInt(load(x + i)) & 0x7fffffff, largest);
  return foldLanes(largest, larger);
}

/** Quanta of n numbers, a multiple of kLanes: the exact products with `inverse`, rounded. Returns their sum. */
template <class T>
int32_t quantise(const T* x, int64_t n, float inverse, int8_t* out) {
  const vf magic = splat(12582912.0f);  // adding 1.5·2^23 rounds to a whole number, ties to even
  vi total{};
  for (int64_t i = 0; i < n; i += kLanes) {
    const vi whole = asInt(vfma(load(x + i), splat(inverse), magic)) - asInt(magic);
    const QuantaLanes narrow = __builtin_convertvector(whole, QuantaLanes);
    std::memcpy(out + i, &narrow, kLanes);
    total += whole;
  }
  return foldLanes(total, [](vi a, vi b) { return a + b; });
}

/** n quanta, a multiple of eight, into 16 bits each: of four neighbours the even ones, then the odd ones. */
void widen(const int8_t* quanta, int64_t n, int16_t* out) {
  using Bytes = int8_t __attribute__((vector_size(8), aligned(1), may_alias));
  using Words = int16_t __attribute__((vector_size(16), aligned(2), may_alias));
  for (int64_t i = 0; i < n; i += 8) {
    const Words words = __builtin_convertvector(*reinterpret_cast<const Bytes*>(quanta + i), Words);
    *reinterpret_cast<Words*>(out + i) = __builtin_shufflevector(words, words, 0, 2, 1, 3, 4, 6, 5, 7);
  }
}

/** The largest magnitude of n numbers that share a scale; 0 or NaN where all their quanta are to be zeros. */
template <class T>
float largestOf(const T* x, int64_t n) {
  const int32_t bits = largestBits(x, n);
  float largest;
  std::memcpy(&largest, &bits, 4);
  if (bits >= kInfinityBits) return std::numeric_limits<float>::quiet_NaN();
  return largest < kTiny ? 0.0f : largest;
}

template <class V>
void put(uint8_t* sums, int64_t index, V value) {
  std::memcpy(sums + index * sizeof(V), &value, sizeof(V));
}
void putSum(int32_t total, float scale, SumForm form, int32_t zero, uint8_t* sums, int64_t index) {
  if (form == SumForm::zero) put<int32_t>(sums, index, -zero * total);
  if (form == SumForm::scaled) put<float>(sums, index, scale * static_cast<float>(total));
  if (form == SumForm::subtracted) put<int16_t>(sums, index, static_cast<int16_t>(-total));
}

template <class T>
void quantiseRowOf(const T* x, int64_t K, const RecordLayout& layout, SumForm form, int32_t zero, uint8_t* record) {
  auto* scales = reinterpret_cast<float*>(record + layout.scales);
  int8_t narrow[kGroup];
  for (int64_t k = 0; k < K; k += layout.width) {
    const int64_t n = std::min(K - k, layout.width);
    int8_t* quanta = layout.quantum == 1 ? reinterpret_cast<int8_t*>(record) + k : narrow;
    const float largest = largestOf(x + k, n), scale = largest / 127.0f;
    scales[k / layout.width] = scale;
    for (int64_t i = 0; i < n; i += layout.sub) {
      const int64_t here = std::min(n - i, layout.sub);
      int32_t total = 0;
      if (largest > 0)
        total = quantise(x + k + i, here, 127.0f / largest, quanta + i);
      else
        std::memset(quanta + i, 0, here);
      putSum(total, scale, form, zero, record + layout.sums, (k + i) / layout.sub);
    }
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
