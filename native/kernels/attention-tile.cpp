// See attention-tile.h.
#include "attention-tile.h"

#include <limits>

#include "lanes.h"

namespace luciole::attention {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

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

/** x with -inf in the lanes before `count`. */
inline vf hideUntil(vf x, int64_t count) {
  vi limit = vi{} + static_cast<int32_t>(count);
  return laneIndex() < limit ? splat(-kInfinity) : x;
}

/** Scores of the keys from n * kLanes on, with -inf for those that row r does not see. */
inline vf seen(vf s, const Sight& sight, int64_t r, int64_t n) {
  if (sight.visible[r] < (n + 1) * kLanes) s = hideFrom(s, sight.visible[r] - n * kLanes);
  if (sight.from(r) > n * kLanes) s = hideUntil(s, sight.from(r) - n * kLanes);
  return s;
}

/** s[r, key] = q[r] . k[key] for the first `keys` keys of the block, in whole vectors. */
template <bool Pairs, int R>
inline void score(const float* q, int64_t ldq, int64_t keys, const KeyBlock& block, float* s) {
  const int64_t vectors = (keys + kLanes - 1) / kLanes;
  multiply<Pairs, R, Start::kZero>(s, kBlockKeys, vectors, q, ldq, 1, block.keysT, kBlockKeys, words<Pairs>(block.dqk),
                                   nullptr, block.aheadKeys);
}

/**
 * Scores of the first `keys` keys become cap tanh(scale s / cap). Not inlined, so that the code around it stays as it
 * is without a cap.
 */
template <int R>
[[gnu::noinline]] void capScores(float* s, int64_t keys, float scale, float cap) {
  const vf in = splat(scale / cap), out = splat(cap);
  for (int r = 0; r < R; ++r)
    for (int64_t n = 0; n < keys; n += kLanes) {
      float* at = s + r * kBlockKeys + n;
      store(at, out * vtanh(load(at) * in));
    }
}

/**
 * Scores become e^(s - max) in place, and the maximum and the normaliser move on; alpha [roundUp(R, kLanes)]: what sums
 * so far are worth now. Lane sums go to the normaliser as they are; what multiplies the values is rounded to bf16 in
 * pairs.
 */
template <bool Pairs, int R>
inline void soften(const Sight& sight, float scale, float* p, const Softmax& state, float* alpha) {
  const int64_t vectors = (sight.visible[R - 1] + kLanes - 1) / kLanes;
  for (int r = 0; r < R; ++r) {
    float* row = p + r * kBlockKeys;
    if (sight.isBlind(r)) continue;
    vf top = splat(-kInfinity);
    for (int64_t n = 0; n < vectors; ++n) {
      const bool hides = sight.visible[r] < (n + 1) * kLanes || sight.from(r) > n * kLanes;
      vf s = load(row + n * kLanes);
      if constexpr (Pairs) s *= splat(scale);
      if (hides) s = seen(s, sight, r, n);
      if (Pairs || hides) store(row + n * kLanes, s);
      top = vmax(s, top);
    }
    float max = hmax(top);
    max = max > state.max[r] ? max : state.max[r];
    alpha[r] = state.max[r] - max;
    state.max[r] = max;
  }
  for (int r = 0; r < R; r += kLanes) store(alpha + r, expNonPositive(load(alpha + r)));
  for (int r = 0; r < R; ++r) {
    float* row = p + r * kBlockKeys;
    if (sight.isBlind(r)) {
      // Its softmax stays as it is: alpha is 1, and what multiplies the values 0.
      for (int64_t n = 0; n < vectors; ++n) store(row + n * kLanes, vf{});
      continue;
    }
    const vf max = splat(state.max[r]);
    vf blockNorm{};
    for (int64_t n = 0; n < vectors; ++n) {
      vf e = expNonPositive(load(row + n * kLanes) - max);
      if constexpr (Pairs)
        store(reinterpret_cast<bf16*>(row) + n * kLanes, e);
      else
        store(row + n * kLanes, e);
      blockNorm += e;
    }
    store(state.norm + r * kLanes, vfma(load(state.norm + r * kLanes), splat(alpha[r]), blockNorm));
  }
}

/** out = out alpha + p v over the first `keys` keys. */
template <bool Pairs, int R>
inline void addValues(const float* p, const float* alpha, int64_t keys, const KeyBlock& block, float* out,
                      int64_t ldo) {
  const int64_t steps = words<Pairs>(keys), whole = std::min(steps, block.wholeWords);
  multiply<Pairs, R, Start::kScale>(out, ldo, block.vectors, p, kBlockKeys, 1, block.values, block.ldv, whole, alpha,
                                    block.aheadValues);
  if (whole < steps)
    multiply<Pairs, R, Start::kKeep>(out, ldo, block.vectors, p + whole, kBlockKeys, 1, block.tailValues, block.ldv, 1);
}

template <bool Pairs, int R>
void attend(const float* q, int64_t ldq, const Sight& sight, const KeyBlock& block, const Softmax& state) {
  const int64_t keys = sight.visible[R - 1];
  alignas(64) float p[R][kBlockKeys];
  alignas(64) float alpha[kAlphaRows] = {};
  block.ahead.step();
  score<Pairs, R>(q, ldq, keys, block, p[0]);
  block.ahead.step();
  float scale = block.scale;
  if (block.softCap > 0) {
    capScores<R>(p[0], keys, Pairs ? scale : 1.0f, block.softCap);
    scale = 1;
  }
  soften<Pairs, R>(sight, scale, p[0], state, alpha);
  block.ahead.step();
  addValues<Pairs, R>(p[0], alpha, keys, block, state.out, state.ldo);
}

template <bool Pairs, int R>
void grad(const GradRows& rows, const Sight& sight, const GradBlock& block, float* p, float* ds, float* dq) {
  alignas(64) float pairs[R][kBlockKeys / 2];
  const int64_t keys = sight.visible[R - 1], vectors = (keys + kLanes - 1) / kLanes;
  multiply<Pairs, R, Start::kZero>(p, kBlockKeys, vectors, rows.q, rows.ldq, 1, block.keysT, kBlockKeys,
                                   words<Pairs>(block.dqk));
  multiply<Pairs, R, Start::kZero>(ds, kBlockKeys, vectors, rows.dO, rows.ldo, 1, block.valuesT, kBlockKeys,
                                   words<Pairs>(block.dv));
  float scale = block.scale;
  const float cap = block.softCap, perCap = cap > 0 ? 1.0f / cap : 0.0f;
  if (cap > 0) {
    capScores<R>(p, keys, Pairs ? scale : 1.0f, cap);
    scale = 1;
  }
  for (int r = 0; r < R; ++r) {
    float *pRow = p + r * kBlockKeys, *dsRow = ds + r * kBlockKeys;
    for (int64_t n = 0; n < vectors; ++n) {
      vf s = load(pRow + n * kLanes);
      const vf capped = s * splat(perCap);  // the tanh
      if constexpr (Pairs)
        s = vfma(s, splat(scale), splat(-rows.lse[r]));
      else
        s -= splat(rows.lse[r]);
      s = seen(s, sight, r, n);
      // Rounding may leave s a little above 0: expNonPositive holds up to +88.
      vf e = expNonPositive(s), d = e * (load(dsRow + n * kLanes) - splat(rows.delta[r]));
      if (cap > 0) d *= 1.0f - capped * capped;
      store(pRow + n * kLanes, e);
      store(dsRow + n * kLanes, d);
      if constexpr (Pairs) store(reinterpret_cast<bf16*>(pairs[r]) + n * kLanes, d);
    }
    for (int64_t n = vectors; n < kBlockKeys / kLanes; ++n) {
      store(pRow + n * kLanes, vf{});
      store(dsRow + n * kLanes, vf{});
    }
  }
  const float* weights = Pairs ? pairs[0] : ds;
  multiply<Pairs, R, Start::kKeep>(dq, block.ldk, block.ldk / kLanes, weights, Pairs ? kBlockKeys / 2 : kBlockKeys, 1,
                                   block.keys, block.ldk, words<Pairs>(keys));
}

}  // namespace

Softmax Softmax::in(float* scratch, int64_t rows, int64_t ldo) {
  const Softmax state = at(scratch, rows, ldo);
  std::fill_n(state.max, rows, -kInfinity);
  std::fill_n(state.norm, rows * (kLanes + ldo), 0.0f);
  return state;
}

void Softmax::fold(const Softmax& further, int64_t first, int64_t rows) const {
  for (int64_t r = first; r < rows; ++r) {
    const float top = max[r] > further.max[r] ? max[r] : further.max[r];
    const vf own = expNonPositive(splat(max[r] - top)), theirs = expNonPositive(splat(further.max[r] - top));
    const auto add = [&](float* to, const float* from) { store(to, vfma(load(from), theirs, load(to) * own)); };
    add(norm + r * kLanes, further.norm + r * kLanes);
    for (int64_t d = 0; d < ldo; d += kLanes) add(out + r * ldo + d, further.out + r * ldo + d);
    max[r] = top;
  }
}

template <class T>
void Softmax::finish(T* o, int64_t dv, float* lse) const {
  const float total = sum(load(norm));
  writeRow(out, o, dv, total > 0 || total != total ? 1.0f / total : 0.0f);
  if (lse) *lse = max[0] + std::log(total);
}

template <bool Pairs>
void attendRows(int64_t rows, const float* q, int64_t ldq, const Sight& sight, const KeyBlock& block,
                const Softmax& state) {
  withRows(rows, [&](auto count) { attend<Pairs, count>(q, ldq, sight, block, state); });
}

template <bool Pairs>
void gradRows(int64_t count, const GradRows& rows, const Sight& sight, const GradBlock& block, float* p, float* ds,
              float* dq) {
  withRows(count, [&](auto fixed) { grad<Pairs, fixed>(rows, sight, block, p, ds, dq); });
}

template <bool Pairs>
void addWeightedRows(int64_t keys, float* c, int64_t ldc, int64_t vectors, const float* weights, const float* x,
                     int64_t ldx, int64_t words) {
  withRows(keys, [&](auto count) {
    multiply<Pairs, count, Start::kKeep>(c, ldc, vectors, weights, 1, kBlockKeys, x, ldx, words);
  });
}

template void Softmax::finish(float*, int64_t, float*) const;
template void Softmax::finish(bf16*, int64_t, float*) const;

#define LUCIOLE_ATTENTION_TILE(pairs)                                                                              \
  template void attendRows<pairs>(int64_t, const float*, int64_t, const Sight&, const KeyBlock&, const Softmax&);  \
  template void gradRows<pairs>(int64_t, const GradRows&, const Sight&, const GradBlock&, float*, float*, float*); \
  template void addWeightedRows<pairs>(int64_t, float*, int64_t, int64_t, const float*, const float*, int64_t, int64_t);
LUCIOLE_ATTENTION_TILE(false)
#if defined(__AVX512BF16__)
LUCIOLE_ATTENTION_TILE(true)
#endif

}  // namespace luciole::attention
