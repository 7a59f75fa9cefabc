// Loads and stores of adjacent pairs (x0,y0,x1,y1,..) as two vectors (x0,x1,..), (y0,y1,..). Knows nothing of rotation.
#pragma once
#include <utility>

#include "lanes.h"

namespace luciole {

template <int First, size_t... I>
inline vf everyOther(vf a, vf b, std::index_sequence<I...>) {
  return __builtin_shufflevector(a, b, (2 * static_cast<int>(I) + First)...);
}
template <int First, size_t... I>
inline vf zipped(vf a, vf b, std::index_sequence<I...>) {
  return __builtin_shufflevector(a, b, (First + static_cast<int>(I) / 2 + (I % 2 ? kLanes : 0))...);
}
using LaneIndexes = std::make_index_sequence<kLanes>;

inline void getPairs(const float* p, vf& even, vf& odd, AllLanes) {
  vf a = load(p), b = load(p + kLanes);
  even = everyOther<0>(a, b, LaneIndexes{});
  odd = everyOther<1>(a, b, LaneIndexes{});
}
inline void getPairs(const float* p, vf& even, vf& odd, int n) {
  vf a = 2 * n < kLanes ? get(p, 2 * n) : load(p), b = 2 * n > kLanes ? get(p + kLanes, 2 * n - kLanes) : vf{};
  even = everyOther<0>(a, b, LaneIndexes{});
  odd = everyOther<1>(a, b, LaneIndexes{});
}
inline void putPairs(float* p, vf even, vf odd, AllLanes) {
  store(p, zipped<0>(even, odd, LaneIndexes{}));
  store(p + kLanes, zipped<kLanes / 2>(even, odd, LaneIndexes{}));
}
inline void putPairs(float* p, vf even, vf odd, int n) {
  vf a = zipped<0>(even, odd, LaneIndexes{}), b = zipped<kLanes / 2>(even, odd, LaneIndexes{});
  if (2 * n < kLanes) return put(p, a, 2 * n);
  store(p, a);
  if (2 * n > kLanes) put(p + kLanes, b, 2 * n - kLanes);
}

// A bf16 pair is one 32-bit word: the even member below, the odd one above.
template <class N>
inline void getPairs(const bf16* p, vf& even, vf& odd, N n) {
  vi words = asInt(get(reinterpret_cast<const float*>(p), n));
  even = asFloat(words << 16);
  odd = asFloat(words & static_cast<int32_t>(0xffff0000));
}
template <class N>
inline void putPairs(bf16* p, vf even, vf odd, N n) {
  put(reinterpret_cast<float*>(p), asFloat(((asInt(roundBf16(even)) >> 16) & 0xffff) | asInt(roundBf16(odd))), n);
}

}  // namespace luciole
