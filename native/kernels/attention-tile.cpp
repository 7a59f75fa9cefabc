// See attention-tile.h.
#include "attention-tile.h"

#include <limits>
#include <utility>

namespace luciole::attention {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/** e^x for x <= 0: zero below -87.3 (so for -inf), NaN stays NaN. Cephes expf split, exponent added in the integer domain. */
inline vf expNonPositive(vf x) {
  const vf low = splat(-87.3365447504019f), magic = splat(12582912.0f);
  vi underflow = x < low;
  x = underflow ? low : x;
  vf shifted = vfma(x, splat(1.44269504088896341f), magic);  // the low bits now hold the rounded exponent
  vf n = shifted - magic;
  vf r = vfma(n, splat(-0.693359375f), x);
  r = vfma(n, splat(2.12194440e-4f), r);
  vf p = splat(1.9875691500e-4f);
  p = vfma(p, r, splat(1.3981999507e-3f));
  p = vfma(p, r, splat(8.3334519073e-3f));
  p = vfma(p, r, splat(4.1665795894e-2f));
  p = vfma(p, r, splat(1.6666665459e-1f));
  p = vfma(p, r, splat(5.0000001201e-1f));
  p = vfma(p, r * r, r) + splat(1.0f);
  vi bits = asInt(p) + (asInt(shifted) << 23);
  return underflow ? vf{} : asFloat(bits);
}

inline vi laneIndex() {
  vi index;
  for (int i = 0; i < kLanes; ++i) index[i] = i;
  return index;
}

/** x with -inf in the lanes from `count` on. */
inline vf hideFrom(vf x, int64_t count) {
  vi limit = vi{} + static_cast<int32_t>(count);
  return laneIndex() < limit ? x : splat(-kInfinity);
}

template <int R>
void attend(const float* q, int64_t ldq, const int32_t* visible, const KeyBlock& block, const Softmax& state) {
  alignas(64) float p[R][kBlockKeys];
  alignas(64) float alpha[(kTileRows + kLanes - 1) / kLanes * kLanes] = {};
  const int64_t keys = visible[R - 1], vectors = (keys + kLanes - 1) / kLanes;
  multiply<R, Start::kZero>(p[0], kBlockKeys, vectors, q, ldq, 1, block.keysT, kBlockKeys, block.dqk);
  for (int r = 0; r < R; ++r) {
    vf top = splat(-kInfinity);
    for (int64_t n = 0; n < vectors; ++n) {
      vf s = load(p[r] + n * kLanes);
      if (visible[r] < (n + 1) * kLanes) {
        s = hideFrom(s, visible[r] - n * kLanes);
        store(p[r] + n * kLanes, s);
      }
      top = vmax(s, top);
    }
    float max = hmax(top);
    max = max > state.max[r] ? max : state.max[r];
    alpha[r] = state.max[r] - max;
    state.max[r] = max;
  }
  for (int r = 0; r < R; r += kLanes) store(alpha + r, expNonPositive(load(alpha + r)));
  for (int r = 0; r < R; ++r) {
    const vf max = splat(state.max[r]);
    vf blockNorm{};
    for (int64_t n = 0; n < vectors; ++n) {
      vf e = expNonPositive(load(p[r] + n * kLanes) - max);
      store(p[r] + n * kLanes, e);
      blockNorm += e;
    }
    store(state.norm + r * kLanes, vfma(load(state.norm + r * kLanes), splat(alpha[r]), blockNorm));
  }
  multiply<R, Start::kScale>(state.out, state.ldo, block.vectors, p[0], kBlockKeys, 1, block.values, block.ldv, keys, alpha);
}

template <int R>
void grad(const float* q, const float* dO, int64_t ldo, const float* lse, const float* delta, const int32_t* visible, const GradBlock& block, float* p,
          float* ds, float* dq) {
  const int64_t keys = visible[R - 1], vectors = (keys + kLanes - 1) / kLanes;
  multiply<R, Start::kZero>(p, kBlockKeys, vectors, q, block.ldk, 1, block.keysT, kBlockKeys, block.dqk);
  multiply<R, Start::kZero>(ds, kBlockKeys, vectors, dO, ldo, 1, block.valuesT, kBlockKeys, block.dv);
  for (int r = 0; r < R; ++r) {
    float *pRow = p + r * kBlockKeys, *dsRow = ds + r * kBlockKeys;
    for (int64_t n = 0; n < vectors; ++n) {
      vf s = load(pRow + n * kLanes) - splat(lse[r]);
      if (visible[r] < (n + 1) * kLanes) s = hideFrom(s, visible[r] - n * kLanes);
      // Rounding may leave s a little above 0: expNonPositive holds up to +88.
      vf e = expNonPositive(s);
      store(pRow + n * kLanes, e);
      store(dsRow + n * kLanes, e * (load(dsRow + n * kLanes) - splat(delta[r])));
    }
    for (int64_t n = vectors; n < kBlockKeys / kLanes; ++n) {
      store(pRow + n * kLanes, vf{});
      store(dsRow + n * kLanes, vf{});
    }
  }
  multiply<R, Start::kKeep>(dq, block.ldk, block.ldk / kLanes, ds, kBlockKeys, 1, block.keys, block.ldk, keys);
}

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

template <class T>
void packRows(const T* x, int64_t tokens, int64_t tokenStride, int64_t heads, int64_t width, float scale, float* out) {
  const int64_t whole = width / kLanes * kLanes;
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t h = 0; h < heads; ++h) {
      const T* row = x + t * tokenStride + h * width;
      for (int64_t d = 0; d < whole; d += kLanes, out += kLanes) store(out, load(row + d) * splat(scale));
      if (whole == width) continue;
      store(out, loadPart(row + whole, static_cast<int>(width - whole)) * splat(scale));
      out += kLanes;
    }
}

template <class T>
void packTransposed(const T* x, int64_t tokens, int64_t tokenStride, int64_t width, float* out, Lookahead* ahead) {
  for (int64_t t = 0; t < tokens; t += kLanes)
    eachVector(0, width, [&](int64_t d, auto lanes) {
      transposeSquare(x + t * tokenStride + d, tokens - t, tokenStride, lanes, out + d * kBlockKeys + t);
      if (ahead) ahead->step();
    });
  for (int64_t t = padded(tokens); t < kBlockKeys; t += kLanes)
    for (int64_t d = 0; d < width; ++d) store(out + d * kBlockKeys + t, vf{});
}

Softmax Softmax::in(float* scratch, int64_t rows, int64_t ldo) {
  Softmax state{scratch, scratch + roundUp(rows, 16), scratch + roundUp(rows, 16) + rows * kLanes, ldo};
  std::fill_n(state.max, rows, -kInfinity);
  std::fill_n(state.norm, rows * (kLanes + ldo), 0.0f);
  return state;
}

template <class T>
void Softmax::finish(T* o, int64_t dv, float* lse) const {
  const float total = sum(load(norm));
  writeRow(out, o, dv, total > 0 || total != total ? 1.0f / total : 0.0f);
  if (lse) *lse = max[0] + std::log(total);
}

void attendRows(int64_t rows, const float* q, int64_t ldq, const int32_t* visible, const KeyBlock& block, const Softmax& state) {
  withRows(rows, [&](auto count) { attend<count>(q, ldq, visible, block, state); });
}

void gradRows(int64_t rows, const float* q, const float* dO, int64_t ldo, const float* lse, const float* delta, const int32_t* visible,
              const GradBlock& block, float* p, float* ds, float* dq) {
  withRows(rows, [&](auto count) { grad<count>(q, dO, ldo, lse, delta, visible, block, p, ds, dq); });
}

void addWeightedRows(int64_t keys, float* c, int64_t ldc, int64_t vectors, const float* weights, const float* x, int64_t ldx, int64_t rows) {
  withRows(keys, [&](auto count) { multiply<count, Start::kKeep>(c, ldc, vectors, weights, 1, kBlockKeys, x, ldx, rows); });
}

template void packRows(const float*, int64_t, int64_t, int64_t, int64_t, float, float*);
template void packRows(const bf16*, int64_t, int64_t, int64_t, int64_t, float, float*);
template void packTransposed(const float*, int64_t, int64_t, int64_t, float*, Lookahead*);
template void packTransposed(const bf16*, int64_t, int64_t, int64_t, float*, Lookahead*);
template void Softmax::finish(float*, int64_t, float*) const;
template void Softmax::finish(bf16*, int64_t, float*) const;

}  // namespace luciole::attention
