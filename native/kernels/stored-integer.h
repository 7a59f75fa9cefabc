// Products with integer weights of any Format: panels packed, unpacked and multiplied chunk by chunk. Knows nothing of
// threads or outputs.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "int8-dot.h"
#include "pool.h"
#include "stored-activations.h"
#include "stored-format.h"
#include "stored-kernels.h"
#include "stored-tile.h"

namespace luciole {

/**
 * Groups of k that are worked through for all rows before the next: their part of a panel, or what it was unpacked to,
 * stays in the first-level cache.
 */
template <class F>
inline constexpr int64_t kChunkGroups = kWidens<F> ? 2 : 4;
/** Tiles up to which weights are widened for each anew. */
inline constexpr int64_t kFewTiles = 4;
/**
 * How far ahead of use a panel is asked for, in bytes: into the second-level cache, the first is busy with what is
 * being multiplied.
 */
inline constexpr int64_t kAhead = 8192;

/**
 * A Format with a chunk unpacked beforehand, as pays when several tiles of rows share it: scales and minima to a lane
 * each, and quads to bytes where they are more work than a shift and a mask.
 */
template <class F>
struct Unpacked : F {
  using Weights = typename DotSum<F::kMost>::Weights;
  static constexpr bool kQuadsToo = F::kUnpacksQuads || kWidens<F>;
  static constexpr int kSubs = kStep / F::kSub, kPairs = kStepsPerGroup * kSubs / 2;
  static constexpr bool kStepMinima = F::kMin && kIsBlock32<F>, kGroupMinima = F::kMin && !kIsBlock32<F>;
  static constexpr int64_t kWeightBytes = sizeof(Weights),
                           kScalesAt = kQuadsToo ? kQuads * kPanelVectors * kWeightBytes : 0;
  static constexpr int64_t kMinimaAt = kScalesAt + kSubs * kQuadBytes,
                           kStepBytes = kMinimaAt + (kStepMinima ? kSubs * kQuadBytes : 0);
  static constexpr int64_t kPairsAt = kStepsPerGroup * kStepBytes,
                           kGroupBytes = kPairsAt + (kGroupMinima ? kPairs * kQuadBytes : 0);
  using Scale = decltype(std::declval<typename F::Group>().scale(0, 0, 0));

  struct Group : F::Group {
    const uint8_t* base;
    /** `chunk`: what fill made of the groups from the chunk's first on; this one is its i-th. */
    Group(const uint8_t* panel, int64_t g, const uint8_t* chunk, int64_t i)
        : F::Group(panel, g), base(chunk + i * kGroupBytes) {}
    Weights quad(int step, int q, int v) const {
      if constexpr (!kQuadsToo) return F::Group::quad(step, q, v);
      return Weights::load(base + step * kStepBytes + (q * kPanelVectors + v) * kWeightBytes);
    }
    Scale scale(int step, int sub, int v) const {
      return *vector<Scale>(step * kStepBytes + kScalesAt + sub * kQuadBytes, v);
    }
    vf minimum(int step, int sub, int v) const {
      return *vector<vf>(step * kStepBytes + kMinimaAt + sub * kQuadBytes, v);
    }
    vi minima(int pair, int v) const { return *vector<vi>(kPairsAt + pair * kQuadBytes, v); }

   private:
    template <class T>
    const T* vector(int64_t at, int v) const {
      return reinterpret_cast<const T*>(base + at) + v;
    }
  };

  static void fill(const uint8_t* panel, int64_t first, int64_t steps, uint8_t* chunk) {
    for (int64_t s = 0; s < steps; ++s) {
      const typename F::Group group(panel, first + s / kStepsPerGroup);
      const int step = static_cast<int>(s % kStepsPerGroup);
      uint8_t* out = chunk + s / kStepsPerGroup * kGroupBytes;
      fillStep(group, step, out + step * kStepBytes);
      if constexpr (kGroupMinima)
        if (step == 0)
          for (int pair = 0; pair < kPairs; ++pair)
            for (int v = 0; v < kPanelVectors; ++v)
              storeWords(out + kPairsAt + pair * kQuadBytes + v * kVectorBytes, group.minima(pair, v));
    }
  }

 private:
  static void fillStep(const typename F::Group& group, int step, uint8_t* out) {
    for (int v = 0; v < kPanelVectors; ++v) {
      if constexpr (kQuadsToo)
        for (int q = 0; q < kQuads; ++q)
          Weights(group.quad(step, q, v)).store(out + (q * kPanelVectors + v) * kWeightBytes);
      for (int sub = 0; sub < kSubs; ++sub)
        reinterpret_cast<Scale*>(out + kScalesAt + sub * kQuadBytes)[v] = group.scale(step, sub, v);
      if constexpr (kStepMinima)
        for (int sub = 0; sub < kSubs; ++sub)
          reinterpret_cast<vf*>(out + kMinimaAt + sub * kQuadBytes)[v] = group.minimum(step, sub, v);
    }
  }
};

/** The Format itself, with the same constructor of its groups. */
template <class F>
struct Direct : F {
  struct Group : F::Group {
    Group(const uint8_t* panel, int64_t g, const uint8_t*, int64_t) : F::Group(panel, g) {}
  };
};

/** The kernels of a Format. */
template <class F>
struct IntegerKernels {
  static int64_t panelBytes(int64_t K) { return K / F::kBlockNumbers * F::kBlockBytes * kPanelOutputs; }
  static RecordLayout layoutOf(int64_t K) { return {K, DotSum<F::kMost>::kActivationBytes, kScaleWidth<F>, F::kSub}; }
  static int64_t recordBytes(int64_t K) { return layoutOf(K).bytes; }

  static void pack(const uint8_t* rows, int64_t rowBytes, int64_t numRows, int64_t K, const float*, uint8_t* panel) {
    if (numRows < kPanelOutputs) std::memset(panel, 0, panelBytes(K));
    const int64_t blocks = K / F::kBlockNumbers;
    for (int64_t b = 0; b < blocks; ++b)
      for (int64_t o = 0; o < numRows; ++o)
        F::packBlock(rows + o * rowBytes + b * F::kBlockBytes, b, static_cast<int>(o),
                     panel + b * F::kBlockBytes * kPanelOutputs);
  }

  static void prepare(const void* x, int64_t xType, int64_t K, uint8_t* record) {
    const SumForm form = !F::kMin ? SumForm::zero : kIsBlock32<F> ? SumForm::scaled : SumForm::subtracted;
    quantiseRow(x, xType, K, layoutOf(K), form, F::kZero, record);
  }

  /** The scale of a sub-block, in f32 whatever the Format. */
  static vf scaleOf(const typename F::Group& group, int step, int sub, int v) {
    if constexpr (kIsBlock32<F>)
      return group.scale(step, sub, v);
    else
      return toFloat(group.scale(step, sub, v)) * group.unit(v);
  }
  /** What is added to every number of a sub-block. */
  static vf minimumOf(const typename F::Group& group, int step, int sub, int v) {
    if constexpr (!F::kMin)
      return vf{};
    else if constexpr (kIsBlock32<F>)
      return group.minimum(step, sub, v);
    else {
      const int i = step * (kStep / F::kSub) + sub;
      return -(toFloat((group.minima(i / 2, v) >> (16 * (i % 2))) & 0xffff) * group.minimumUnit(v));
    }
  }

  static void unpackRow(const uint8_t* panel, int64_t output, int64_t K, float* out) {
    const int v = static_cast<int>(output / kLanes), lane = static_cast<int>(output % kLanes);
    for (int64_t k = 0; k < K; k += 4) {
      const typename F::Group group(panel, k / kGroup);
      const int step = static_cast<int>(k % kGroup / kStep), i = static_cast<int>(k % kStep);
      const uint32_t word = static_cast<uint32_t>(group.quad(step, i / 4, v)[lane]);
      const float scale = scaleOf(group, step, i / F::kSub, v)[lane],
                  minimum = minimumOf(group, step, i / F::kSub, v)[lane];
      for (int b = 0; b < 4; ++b) {
        const uint8_t byte = static_cast<uint8_t>(word >> (8 * b));
        const int quantum = (F::kMost > 127 && kWideZero == 0 ? static_cast<int8_t>(byte) : byte) - F::kZero;
        out[k + b] = std::fma(scale, static_cast<float>(quantum), minimum);
      }
    }
  }

  static void decode(const uint8_t* panel, int64_t, int64_t from, int64_t count, float* out) {
    constexpr bool isSigned = F::kMost > 127 && kWideZero == 0;
    vf scale[kPanelVectors], minimum[kPanelVectors];
    for (int64_t k = from; k < from + count; k += 4, out += 4 * kPanelOutputs) {
      const typename F::Group group(panel, k / kGroup);
      const int step = static_cast<int>(k % kGroup / kStep), i = static_cast<int>(k % kStep);
      for (int v = 0; v < kPanelVectors; ++v) {
        if (k == from || i % F::kSub == 0) {
          scale[v] = scaleOf(group, step, i / F::kSub, v);
          minimum[v] = minimumOf(group, step, i / F::kSub, v);
        }
        const vi word = group.quad(step, i / 4, v);
#pragma GCC unroll 4
        for (int b = 0; b < 4; ++b) {
          const vi quantum = isSigned ? (word << (24 - 8 * b)) >> 24 : (word >> (8 * b)) & 255;
          store(out + b * kPanelOutputs + v * kLanes, vfma(scale[v], toFloat(quantum - F::kZero), minimum[v]));
        }
      }
    }
  }

  static void multiply(const uint8_t* panel, int64_t K, const ActivationRows& rows, int64_t first, int64_t count,
                       float* acc) {
    std::memset(acc, 0, count * kPanelOutputs * sizeof(float));
    const RecordLayout layout = layoutOf(K);
    const int64_t groups = (K + kGroup - 1) / kGroup, tiles = (count + kTileRows<F> - 1) / kTileRows<F>;
    const bool unpacks = F::kUnpacks ? tiles > 1 : kWidens<F> && tiles > kFewTiles;
    const int64_t chunkGroups = tiles == 1 ? groups : kChunkGroups<F>;
    uint8_t* chunk = unpacks ? static_cast<uint8_t*>(threadScratch(
                                   kScratchUnpacked, chunkGroups * Unpacked<F>::kGroupBytes))
                             : nullptr;
    for (int64_t g = 0; g < groups; g += chunkGroups) {
      const int64_t here = std::min(chunkGroups, groups - g);
      const int64_t steps = std::min(K - g * kGroup, here * kGroup) / kStep;
      if (unpacks) Unpacked<F>::fill(panel, g, steps, chunk);
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t begin = count * t / tiles, end = count * (t + 1) / tiles;
        TileRows tile;
        for (int64_t r = begin; r < end; ++r) tile.at[r - begin] = rows.at(first + r);
        const auto& kernels = unpacks ? tileKernels<Unpacked<F>> : tileKernels<Direct<F>>;
        kernels[end - begin - 1](panel, chunk, tile, layout, g, here, steps, aheadOf(panel, g, steps, count, tiles, t),
                                 acc + begin * kPanelOutputs);
      }
    }
  }

  /**
   * What tile t of `tiles` asks for while it works through `steps` steps from group g on: kAhead further in the panel,
   * or its share of the next chunk. After a panel comes the next one.
   */
  static Ahead aheadOf(const uint8_t* panel, int64_t g, int64_t steps, int64_t count, int64_t tiles, int64_t t) {
    constexpr int64_t stepBytes = F::kBlockBytes * kPanelOutputs * kStep / F::kBlockNumbers;
    const uint8_t* here = panel + g * kStepsPerGroup * stepBytes;
    if (tiles == 1)
      return count < F::kAheadFrom ? Ahead{here, here, 0}
                                   : Ahead{here + kAhead, here + kAhead + steps * stepBytes, stepBytes,
                                           !kIsBlock32<F> ? kAhead - kStepsPerGroup * stepBytes : 0};
    const int64_t lines = steps * stepBytes / 64, from = lines * t / tiles, to = lines * (t + 1) / tiles;
    const uint8_t* next = here + steps * stepBytes;
    return {next + from * 64, next + to * 64, ((to - from) / steps + 1) * 64};
  }
};

template <class F>
inline constexpr StoredKernels integerKernels = {F::kBlockNumbers,
                                                 F::kBlockBytes,
                                                 IntegerKernels<F>::panelBytes,
                                                 IntegerKernels<F>::pack,
                                                 IntegerKernels<F>::unpackRow,
                                                 IntegerKernels<F>::decode,
                                                 IntegerKernels<F>::recordBytes,
                                                 IntegerKernels<F>::prepare,
                                                 IntegerKernels<F>::multiply};

}  // namespace luciole
