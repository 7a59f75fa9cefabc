// Products of attention over FP8 latents as int8: query rows lie in lanes, sixteen at a time, so that keys stay as they
// are. Sums are exact in i32, then f32. Needs the instructions that canMultiplyFp8 asks for. Knows nothing of where
// latents lie.
#pragma once
#include "context-walk.h"
#include "fp8-latent.h"

namespace luciole::attention {

inline constexpr int64_t kGroupWords = kFp8Group / 4;  // words of four int8 numbers that share a scale
inline constexpr int kKeyRows = 16;                    // keys whose scores are summed at once
inline constexpr int kSteps = kBlockKeys / 4;          // words of four keys

/**
 * Where the parts of 16 packed query rows lie, in vectors with one row a lane: int8 numbers, rotary bf16 pairs, and of
 * each group a factor and what the keys' offset adds.
 */
struct RowLayout {
  int64_t groups, rotary;
  RowLayout(int64_t numGroups, int64_t rotaryPairs) : groups(numGroups), rotary(rotaryPairs) {}
  explicit RowLayout(const WalkSizes& z) : RowLayout(z.Dv / kFp8Group, (z.Dk - z.Dv) / 2) {}
  int64_t rope() const { return groups * kGroupWords; }
  int64_t factors() const { return rope() + rotary; }
  int64_t offsets() const { return factors() + groups; }
  int64_t words() const { return padded(offsets() + groups); }
};

/**
 * Bytes from one key's group to the next key's: constant, so that the 16 keys of a sum have addresses without
 * arithmetic.
 */
inline constexpr int64_t kRowBytes = kFp8Group, kRowWords = kRowBytes / 4;

/**
 * 64 latents: keys [groups, 64, 128] as int8 plus 128; rotary pairs [.., 64, 32 words]; scales turned [groups, 64],
 * zero where there is no key; values [16, columns] of four keys a word.
 */
struct Fp8Block {
  const uint8_t *keys = nullptr, *rope = nullptr;
  const float *scalesT = nullptr, *values = nullptr;
  int64_t groups = 0, rotary = 0;
  float scale = 1;
  /** The next block, of which scores draw a line towards L2 at every step, and where it ends. */
  const uint8_t *ahead = nullptr, *aheadEnd = nullptr;
  /** After each 16 query rows: past what their scores have drawn. */
  void nextRows() { ahead = std::min(ahead + 64 * kBlockKeys / kKeyRows * (rotary + groups * kGroupWords), aheadEnd); }
};

inline __m512i asBits(const float* p) { return _mm512_loadu_si512(p); }
inline vf toFloats(__m512i x) { return _mm512_cvtepi32_ps(x); }
inline int32_t wordAt(const void* p) {
  int32_t word;
  std::memcpy(&word, p, 4);
  return word;
}

/** s [16 keys, 16 query rows] = the rotary part of scores, times scale. */
[[gnu::noinline]] inline void scoreRope(const float* q, const uint8_t* keys, int64_t steps, float scale,
                                        const uint8_t* ahead, float* s) {
  vf acc[kKeyRows];
#pragma GCC unroll 16
  for (int r = 0; r < kKeyRows; ++r) acc[r] = vf{};
  for (int64_t k = 0; k < steps; ++k) {
    const uint8_t* row = keys + k / kRowWords * kBlockKeys * kRowBytes + k % kRowWords * 4;
    const vf right = load(q + k * kLanes);
    __builtin_prefetch(ahead + 64 * k, 0, 2);
#pragma GCC unroll 16
    for (int r = 0; r < kKeyRows; ++r)
      acc[r] = multiplyAdd<true>(acc[r], broadcastWord(reinterpret_cast<const float*>(row + r * kRowBytes)), right);
#pragma GCC unroll 16
    for (int r = 0; r < kKeyRows; ++r) keepInRegister(acc[r]);
  }
#pragma GCC unroll 16
  for (int r = 0; r < kKeyRows; ++r) store(s + r * kLanes, acc[r] * splat(scale));
}

/** s += what one group adds. */
[[gnu::noinline]] inline void scoreGroup(const float* q, const uint8_t* keys, __m512i offset, vf factor,
                                         const float* scales, const uint8_t* ahead, float* s) {
  __m512i acc[kKeyRows];
#pragma GCC unroll 16
  for (int r = 0; r < kKeyRows; ++r) acc[r] = offset;
  for (int64_t k = 0; k < kGroupWords; ++k) {
    const __m512i right = asBits(q + k * kLanes);
    __builtin_prefetch(ahead + 64 * k, 0, 2);
#pragma GCC unroll 16
    for (int r = 0; r < kKeyRows; ++r)
      acc[r] = _mm512_dpbusd_epi32(acc[r], _mm512_set1_epi32(wordAt(keys + r * kRowBytes + 4 * k)), right);
#pragma GCC unroll 16
    for (int r = 0; r < kKeyRows; ++r) asm("" : "+v"(acc[r]));  // see keepInRegister
  }
#pragma GCC unroll 16
  for (int r = 0; r < kKeyRows; ++r)
    store(s + r * kLanes, vfma(toFloats(acc[r]) * factor, splat(scales[r]), load(s + r * kLanes)));
}

/**
 * Scores of 16 keys from `first` on into s [16 keys, 16 query rows], scaled: the rotary part, then the groups in order.
 */
inline void scoreKeys(const float* q, const RowLayout& layout, const Fp8Block& block, int64_t first, float* s) {
  const uint8_t* ahead = block.ahead + 64 * (first / kKeyRows) * layout.factors();
  scoreRope(q + layout.rope() * kLanes, block.rope + first * kRowBytes, layout.rotary, block.scale, ahead, s);
  ahead += 64 * layout.rotary;
  for (int64_t g = 0; g < layout.groups; ++g, ahead += 64 * kGroupWords)
    scoreGroup(q + g * kGroupWords * kLanes, block.keys + (g * kBlockKeys + first) * kRowBytes,
               asBits(q + (layout.offsets() + g) * kLanes), load(q + (layout.factors() + g) * kLanes),
               block.scalesT + g * kBlockKeys + first, ahead, s);
}

/**
 * Scores [64, 16] become e^(s - max), zero for keys that a row does not see; maximum and normaliser move on, alpha:
 * what sums so far are worth now.
 */
inline void softenColumns(int64_t keys, const int32_t* visible, float* s, vf& max, vf& norm, vf& alpha) {
  const __m512i seen = _mm512_loadu_si512(visible);
  const int64_t whole = _mm512_reduce_min_epi32(seen);
  const vf hidden = splat(-std::numeric_limits<float>::infinity());
  vf top = max;
  for (int64_t t = 0; t < keys; ++t) {
    vf score = load(s + t * kLanes);
    if (t >= whole) {
      score =
          _mm512_mask_blend_ps(_mm512_cmpgt_epi32_mask(seen, _mm512_set1_epi32(static_cast<int>(t))), hidden, score);
      store(s + t * kLanes, score);
    }
    top = vmax(score, top);
  }
  alpha = expNonPositive(max - top);
  max = top;
  vf sum{};
  for (int64_t t = 0; t < keys; ++t) {
    const vf e = expNonPositive(load(s + t * kLanes) - top);
    store(s + t * kLanes, e);
    sum += e;
  }
  for (int64_t t = keys; t < kBlockKeys; ++t) store(s + t * kLanes, vf{});
  norm = vfma(norm, alpha, sum);
}

/**
 * p [64, 16] times a group's scales, in 8 bits of each row's largest: weights [16 rows, 16 words of four keys]; returns
 * the value of a unit in each row.
 */
inline vf quantize(const float* p, const float* scales, float* weights) {
  vf top{};
  for (int64_t t = 0; t < kBlockKeys; ++t) top = vmax(load(p + t * kLanes) * splat(scales[t]), top);
  const vf units = top > vf{} ? splat(255.0f) / top : vf{};
  vf square[kLanes];
  for (int step = 0; step < kSteps; ++step) {
    __m512i word = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (int b = 0; b < 4; ++b) {
      const vf x = load(p + (4 * step + b) * kLanes) * splat(scales[4 * step + b]) * units;
      const __m512i byte = _mm512_min_epu32(_mm512_cvtps_epu32(x), _mm512_set1_epi32(255));
      word = _mm512_or_si512(word, _mm512_slli_epi32(byte, 8 * b));
    }
    square[step] = asFloat((vi)word);
  }
  transposeBlock(square);
  for (int r = 0; r < kLanes; ++r) store(weights + r * kLanes, square[r]);
  return top * splat(1.0f / 255.0f);
}

/** out = out alpha + unit (weights v) for R rows and 64 columns of v. Not inlined, as `tile` is not. */
template <int R>
[[gnu::noinline]] void valueColumns(const float* weights, const float* unit, const float* alpha, int64_t steps,
                                    const float* v, int64_t ldv, float* out, int64_t ldo) {
  __m512i acc[R][4];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int n = 0; n < 4; ++n) acc[r][n] = _mm512_setzero_si512();
  for (int64_t k = 0; k < steps; ++k, v += ldv) {
    __m512i right[4];
#pragma GCC unroll 4
    for (int n = 0; n < 4; ++n) right[n] = asBits(v + n * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const __m512i left = _mm512_set1_epi32(wordAt(weights + r * kLanes + k));
#pragma GCC unroll 4
      for (int n = 0; n < 4; ++n) acc[r][n] = _mm512_dpbusd_epi32(acc[r][n], left, right[n]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int n = 0; n < 4; ++n) asm("" : "+v"(acc[r][n]));  // see keepInRegister
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int n = 0; n < 4; ++n) {
      float* at = out + r * ldo + n * kLanes;
      store(at, vfma(toFloats(acc[r][n]), splat(unit[r]), load(at) * splat(alpha[r])));
    }
}

/** Rows whose sums over values are made at once: 6 x 4 sums and operands fill the registers. */
inline constexpr int64_t kValueRows = 6;

/** out = out alpha + p v, 128 columns of a group at a time. */
inline void addValues(int64_t rows, const float* p, const float* alpha, int64_t keys, const Fp8Block& block, float* out,
                      int64_t ldo) {
  alignas(64) float weights[kLanes * kSteps];
  alignas(64) float unit[kLanes];
  const int64_t ldv = block.groups * kFp8Group;
  for (int64_t g = 0; g < block.groups; ++g) {
    store(unit, quantize(p, block.scalesT + g * kBlockKeys, weights));
    for (int64_t d = g * kFp8Group; d < (g + 1) * kFp8Group; d += 4 * kLanes)
      for (int64_t r = 0; r < rows; r += kValueRows)
        withRows(std::min(kValueRows, rows - r), [&](auto count) {
          valueColumns<count>(weights + r * kLanes, unit + r, alpha + r, (keys + 3) / 4, block.values + d, ldv,
                              out + r * ldo + d, ldo);
        });
  }
}

/**
 * Which word of a group lies at place w of a row in scratch: every four lanes are turned, which makes words of four
 * keys contiguous when stacked.
 */
constexpr int64_t turnedWord(int64_t w) { return w / kLanes * kLanes + w % 4 * 4 + w % kLanes / 4; }

/**
 * int8 numbers of a query row into lane r: per 128 the factor amax / 127 (times the softmax's scale) and what the keys'
 * 128 adds; then rotary pairs.
 */
template <class Q>
void packQuery(const Q* q, const WalkSizes& z, int64_t lane, float* out) {
  const RowLayout row(z);
  const auto at = [&](int64_t word) { return out + word * kLanes + lane; };
  for (int64_t g = 0; g < row.groups; ++g) {
    float amax = 0;
    for (int64_t d = g * kFp8Group; d < (g + 1) * kFp8Group; ++d)
      amax = std::fabs(toFloat(q[d])) <= amax ? amax : std::fabs(toFloat(q[d]));
    const float inverse = amax > 0x1p-100f ? 127.0f / amax : 0.0f;
    int32_t total = 0;
    for (int64_t w = 0; w < kGroupWords; ++w) {
      int8_t numbers[4];
      for (int b = 0; b < 4; ++b) {
        numbers[b] =
            inverse > 0
                ? static_cast<int8_t>(std::nearbyint(toFloat(q[g * kFp8Group + 4 * turnedWord(w) + b]) * inverse))
                : 0;
        total += numbers[b];
      }
      std::memcpy(at(g * kGroupWords + w), numbers, 4);
    }
    const int32_t offset = -128 * total;
    *at(row.factors() + g) = amax / 127.0f * z.scale;
    std::memcpy(at(row.offsets() + g), &offset, 4);
  }
  for (int64_t w = 0; w < row.rotary; ++w) {
    bf16 pair[2];
    for (int b = 0; b < 2; ++b) storeAs(pair + b, toFloat(q[z.Dv + 2 * w + b]));
    std::memcpy(at(row.rope() + w), pair, 4);
  }
}

/** Query rows in lanes, 16 at a time: keys then need not be turned. */
struct Int8Products {
  using Block = Fp8Block;
  static constexpr int64_t kRows = kLanes;
  static int64_t rowStride(const WalkSizes& z) { return RowLayout(z).words(); }
  template <class Q>
  static void pack(const HeadRows<Q>& x, const WalkSizes& z, float* out) {
    std::fill_n(out, roundUp(x.count(), kRows) * rowStride(z), 0.0f);
    for (int64_t r = 0; r < x.count(); ++r) packQuery(x.at(r), z, r % kRows, out + r / kRows * kRows * rowStride(z));
  }
  static void attend(int64_t rows, const float* q, int64_t, const Sight& sight, const Block& block,
                     const Softmax& state) {
    const int32_t* visible = sight.visible;  // latents have no sliding window
    alignas(64) float p[kBlockKeys * kLanes];
    alignas(64) int32_t seen[kLanes];
    alignas(64) float max[kLanes], norm[kLanes], alpha[kLanes];
    const int64_t keys = visible[rows - 1];
    for (int64_t r = 0; r < kLanes; ++r) {
      const int64_t row = std::min(r, rows - 1);
      seen[r] = visible[row], max[r] = state.max[row], norm[r] = state.norm[row * kLanes];
    }
    const RowLayout layout(block.groups, block.rotary);
    for (int64_t first = 0; first < keys; first += kKeyRows) scoreKeys(q, layout, block, first, p + first * kLanes);
    vf newMax = load(max), newNorm = load(norm), factor;
    softenColumns(keys, seen, p, newMax, newNorm, factor);
    store(max, newMax), store(norm, newNorm), store(alpha, factor);
    for (int64_t r = 0; r < rows; ++r) state.max[r] = max[r], state.norm[r * kLanes] = norm[r];
    addValues(rows, p, alpha, keys, block, state.out, state.ldo);
  }
};

}  // namespace luciole::attention
