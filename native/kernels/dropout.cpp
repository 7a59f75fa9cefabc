// See dropout.h.
#include "dropout.h"

#include "dtype.h"
#include "lanes.h"
#include "pool.h"

namespace luciole {
namespace {

using vu = uint32_t __attribute__((vector_size(kLanes * 4)));

inline vu rotated(vu v, int bits) { return (v << bits) | (v >> (32 - bits)); }

/** The first words of Threefry-2x32 with 20 rounds at the counters (low, high). */
inline vu firstWords(uint32_t key0, uint32_t key1, vu low, vu high) {
  constexpr int kRotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t keys[3] = {key0, key1, 0x1bd11bdau ^ key0 ^ key1};
  vu x = low + key0;
  vu y = high + key1;
  for (uint32_t group = 1; group <= 5; ++group) {
    for (int bits : kRotations[(group - 1) % 2]) {
      x += y;
      y = rotated(y, bits) ^ x;
    }
    x += keys[group % 3];
    y += keys[(group + 1) % 3] + group;
  }
  return x;
}

/** Counters i, i + 1, … by lane. */
inline vu countersFrom(uint32_t i) {
  vu counters;
  for (int lane = 0; lane < kLanes; ++lane) counters[lane] = i + static_cast<uint32_t>(lane);
  return counters;
}

}  // namespace

void dropout(const void* x, void* y, int64_t type, int64_t n, int64_t key0, int64_t key1, int64_t threshold,
             float scale) {
  const auto [first, second] = std::pair{static_cast<uint32_t>(key0), static_cast<uint32_t>(key1)};
  const uint32_t bound = static_cast<uint32_t>(threshold);
  dispatchType(type, [&](auto tag) {
    const auto* in = static_cast<const decltype(tag)*>(x);
    auto* out = static_cast<decltype(tag)*>(y);
    parallelFor(n, kElementGrain, [&](int64_t begin, int64_t end) {
      eachVector(begin, end, [&](int64_t i, auto lanes) {
        const vu low = countersFrom(static_cast<uint32_t>(i));
        // The high word changes inside of a vector where the low one wraps.
        const vu high = static_cast<uint32_t>(i >> 32) + ((low < static_cast<uint32_t>(i)) & 1u);
        const vu words = firstWords(first, second, low, high);
        put(out + i, words < bound ? vf{} : scale * get(in + i, lanes), lanes);
      });
    });
  });
}

}  // namespace luciole
