// See attention-pack.h.
#include "attention-pack.h"

#include <utility>

namespace luciole::attention {
namespace {

/** Elements of a and b in turn: of their low halves (from = 0) or of their high halves (from = kLanes / 2). */
template <int from, size_t... i>
inline vf interleave(vf a, vf b, std::index_sequence<i...>) {
  return __builtin_shufflevector(a, b, (from + static_cast<int>(i / 2) + static_cast<int>(i % 2) * kLanes)...);
}

/** Riffles row i with row i + kLanes/2; log2(kLanes) rounds of it make the transpose. */
inline void transpose(vf* rows) {
  constexpr auto lanes = std::make_index_sequence<kLanes>{};
  vf next[kLanes];
#pragma GCC unroll 4
  for (int round = 1; round < kLanes; round *= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes / 2; ++i) {
      next[2 * i] = interleave<0>(rows[i], rows[i + kLanes / 2], lanes);
      next[2 * i + 1] = interleave<kLanes / 2>(rows[i], rows[i + kLanes / 2], lanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) rows[i] = next[i];
  }
}

/** Transposes `tokens` rows and `width` columns (both up to kLanes); missing rows become zero columns. */
template <class T, class Width>
inline void transposeSquare(const T* x, int64_t tokens, int64_t tokenStride, Width width, float* out) {
  vf rows[kLanes];
  if (tokens >= kLanes) {
#pragma GCC unroll 16
    for (int t = 0; t < kLanes; ++t) rows[t] = get(x + t * tokenStride, width);
  } else {
    for (int t = 0; t < kLanes; ++t) rows[t] = t < tokens ? get(x + t * tokenStride, width) : vf{};
  }
  transpose(rows);
  for (int d = 0; d < width; ++d) store(out + d * kBlockKeys, rows[d]);
}

}  // namespace

template <class T, bool Pairs>
void Packer<T, Pairs>::rows(const HeadRows<T>& x, float scale, float* out) {
  const int64_t whole = x.width / kLanes * kLanes;
  for (int64_t t = 0; t < x.tokens; ++t)
    for (int64_t h = 0; h < x.heads; ++h) {
      const T* row = x.x + t * x.tokenStride + h * x.width;
      for (int64_t d = 0; d < whole; d += kLanes, out += kLanes) store(out, load(row + d) * splat(scale));
      if (whole == x.width) continue;
      store(out, loadPart(row + whole, static_cast<int>(x.width - whole)) * splat(scale));
      out += kLanes;
    }
}

template <class T, bool Pairs>
void Packer<T, Pairs>::transposed(const HeadRows<T>& x, float* out, Lookahead* ahead) {
  for (int64_t t = 0; t < x.tokens; t += kLanes)
    eachVector(0, x.width, [&](int64_t d, auto lanes) {
      transposeSquare(x.x + t * x.tokenStride + d, x.tokens - t, x.tokenStride, lanes, out + d * kBlockKeys + t);
      if (ahead) ahead->step();
    });
}

template <class T, bool Pairs>
void Packer<T, Pairs>::stacked(const HeadRows<T>& x, float* out) {
  rows(x, 1.0f, out);
}

template struct Packer<float, false>;
template struct Packer<bf16, false>;

#if defined(__AVX512BF16__)

namespace {

constexpr int64_t kPairLanes = 2 * kLanes;  // elements in a vector of pairs

/** Words of the first n elements of a row, zero beyond. */
inline vf loadPairs(const bf16* p, int64_t n) {
  if (n >= kPairLanes) return _mm512_loadu_ps(p);
  return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16((1u << n) - 1, p));
}

}  // namespace

template <>
void Packer<bf16, true>::rows(const HeadRows<bf16>& x, float, float* out) {
  for (int64_t t = 0; t < x.tokens; ++t)
    for (int64_t h = 0; h < x.heads; ++h) {
      const bf16* row = x.x + t * x.tokenStride + h * x.width;
      for (int64_t d = 0; d < x.width; d += kPairLanes, out += kLanes) store(out, loadPairs(row + d, x.width - d));
    }
}

template <>
void Packer<bf16, true>::transposed(const HeadRows<bf16>& x, float* out, Lookahead* ahead) {
  const int64_t numWords = words<true>(x.width);
  for (int64_t t = 0; t < x.tokens; t += kLanes)
    for (int64_t w = 0; w < numWords; w += kLanes) {
      vf square[kLanes];
      const bf16* at = x.x + t * x.tokenStride + 2 * w;
      if (t + kLanes <= x.tokens) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) square[i] = loadPairs(at + i * x.tokenStride, x.width - 2 * w);
      } else {
        for (int i = 0; i < kLanes; ++i)
          square[i] = t + i < x.tokens ? loadPairs(at + i * x.tokenStride, x.width - 2 * w) : vf{};
      }
      transposeBlock(square);
      for (int64_t i = 0; i < std::min<int64_t>(kLanes, numWords - w); ++i)
        store(out + (w + i) * kBlockKeys + t, square[i]);
      if (ahead) ahead->step();
    }
}

template <>
void Packer<bf16, true>::stacked(const HeadRows<bf16>& x, float* out) {
  for (int64_t r = 0; r < x.count(); r += 2) {
    const bf16 *even = x.at(r), *odd = r + 1 < x.count() ? x.at(r + 1) : nullptr;
    for (int64_t d = 0; d < x.width; d += kLanes, out += kLanes)
      store(out, Words<bf16, true>::across(even + d, odd ? odd + d : odd,
                                           static_cast<int>(std::min<int64_t>(kLanes, x.width - d))));
  }
}

void pairRows(const float* even, const float* odd, float* out) {
  for (int64_t n = 0; n < kBlockKeys; n += kLanes)
    store(out + n, Words<float, true>::across(even + n, odd ? odd + n : odd, kLanes));
}

#endif

}  // namespace luciole::attention
