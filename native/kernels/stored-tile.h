// The innermost product with integer weights: a few rows of int8 activations times the vectors of a panel. Exact sums
// over sub-blocks, scales in f32. Templates over a Format, or one with a chunk unpacked. Knows nothing of the panel's
// other rows.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "int8-dot.h"
#include "stored-activations.h"
#include "stored-format.h"

namespace luciole {

/**
 * Whether the f32 sums stay in memory, where they are needed once a step: weights that are widened and the sums of a
 * step take all registers of AVX2.
 */
template <class F>
inline constexpr bool kSumsInMemory = kIsBlock32<F> && kWidens<F>;

// The register tile: kTileRows rows × kTileVectors vectors of sums, once in i32 and once in f32.
#if defined(__AVX512F__)
template <class F>
inline constexpr int kTileRows = 6;
template <class F>
inline constexpr int kTileVectors = 2;
#elif defined(__AVX2__)
template <class F>
inline constexpr int kTileRows = kSumsInMemory<F> ? 4 : F::kMost > 127 ? 3 : 6;
template <class F>
inline constexpr int kTileVectors = F::kMost > 127 ? 2 : 1;
#else
template <class F>
inline constexpr int kTileRows = 4;
template <class F>
inline constexpr int kTileVectors = 2;
#endif
inline constexpr int kMostTileRows = 6;

/**
 * Memory to ask for, a little with every step: bursts would fill the queue of misses. With `near`, what lies that far
 * back goes on into the first level: the steps of a K-quant's group read the same lines, so that those of a group are
 * missed all at once.
 */
struct Ahead {
  const uint8_t* next;
  const uint8_t* end;
  int64_t stepBytes, near = 0;
  void step() {
    for (const uint8_t* until = std::min(next + stepBytes, end); next < until; next += 64) {
      __builtin_prefetch(next, 0, 2);
      if (near) __builtin_prefetch(next - near, 0, 3);
    }
  }
};

/** The records of a tile's rows. */
struct TileRows {
  const uint8_t* at[kMostTileRows];
};

/**
 * acc[r] += the part of row r in `count` groups from `first` on, `steps` steps in all; `chunk`: their unpacked scales,
 * for a Format that wants them. Blocks of 32: the sums of blocks are added one after the other, each times both scales.
 * Super-blocks: whole numbers for each group, the sums of sub-blocks times their scales and the minima times the
 * activations' sums; then in f32 both times their units, and that times the activations' scale.
 */
template <class F, int R>
void multiplyTile(const uint8_t* panel, const uint8_t* chunk, const TileRows& rows, const RecordLayout& layout,
                  int64_t first, int64_t count, int64_t steps, Ahead ahead, float* acc) {
  using Sum = DotSum<F::kMost>;
  using Inner = std::conditional_t<kIsBlock32<F>, vf, vi>;
  constexpr int V = kTileVectors<F>, kSubs = kStep / F::kSub, kQuadsPerSub = F::kSub / 4;
  for (int64_t g = 0; g < count; ++g) {
    const typename F::Group group(panel, first + g, chunk, g);
    const int here = static_cast<int>(std::min<int64_t>(steps - g * kStepsPerGroup, kStepsPerGroup));
    const int64_t at = (first + g) * kGroup, scaleAt = layout.scales + at / layout.width * 4;
    for (int v0 = 0; v0 < kPanelVectors; v0 += V) {
      Inner inner[R][V];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) {
          if constexpr (!kIsBlock32<F>)
            inner[r][v] = vi{};
          else if constexpr (!kSumsInMemory<F>)
            inner[r][v] = load(acc + r * kPanelOutputs + (v0 + v) * kLanes);
        }
      auto turn = [&](int step) __attribute__((always_inline)) {
        if (v0 == 0) ahead.step();
        // Keeps what the next step will load, and its prefetches, out of this step's registers and time.
        asm volatile("" ::: "memory");
#pragma GCC unroll 2
        for (int sub = 0; sub < kSubs; ++sub) {
          const int64_t sumAt = layout.sums + (((first + g) * kStepsPerGroup + step) * kSubs + sub) * 4;
          Sum sums[R][V];
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) sums[r][v].start(F::kZero ? broadcastWord32(rows.at[r] + sumAt) : vi{});
#pragma GCC unroll 8
          for (int q = sub * kQuadsPerSub; q < (sub + 1) * kQuadsPerSub; ++q) {
            typename Sum::Weights w[V];
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) w[v] = group.quad(step, q, v0 + v);
#pragma GCC unroll 8
            for (int r = 0; r < R; ++r) {
              const auto a = Sum::activations(rows.at[r] + (at + step * kStep + q * 4) * Sum::kActivationBytes);
#pragma GCC unroll 2
              for (int v = 0; v < V; ++v) sums[r][v].add(q - sub * kQuadsPerSub, w[v], a);
            }
          }
#pragma GCC unroll 2
          for (int v = 0; v < V; ++v) {
            const auto scale = group.scale(step, sub, v0 + v);
#pragma GCC unroll 8
            for (int r = 0; r < R; ++r) {
              const vi sum = sums[r][v].total(kQuadsPerSub);
              if constexpr (!kIsBlock32<F>) {
                inner[r][v] += sum * scale;
              } else {
                const vf both = scale * splat(floatAt(rows.at[r] + scaleAt + step * 4));
                float* out = acc + r * kPanelOutputs + (v0 + v) * kLanes;
                if constexpr (kSumsInMemory<F>)
                  store(out, vfma(toFloat(sum), both, load(out)));
                else
                  inner[r][v] = vfma(toFloat(sum), both, inner[r][v]);
              }
            }
          }
          if constexpr (kIsBlock32<F> && F::kMin) {
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) {
              const vf minimum = group.minimum(step, sub, v0 + v);
#pragma GCC unroll 8
              for (int r = 0; r < R; ++r) inner[r][v] = vfma(minimum, splat(floatAt(rows.at[r] + sumAt)), inner[r][v]);
            }
          }
        }
      };
      if constexpr (!kIsBlock32<F>) {
#pragma GCC unroll 4
        for (int step = 0; step < kStepsPerGroup; ++step) turn(step);
      } else {
        for (int step = 0; step < here; ++step) turn(step);
      }
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        float* out = acc + (v0 + v) * kLanes;
        if constexpr (kSumsInMemory<F>) continue;
        if constexpr (kIsBlock32<F>) {
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) store(out + r * kPanelOutputs, inner[r][v]);
        } else {
          const vf unit = group.unit(v0 + v);
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) {
            vf value = toFloat(inner[r][v]) * unit;
            if constexpr (F::kMin) {
              vi subtracted{};
#pragma GCC unroll 4
              for (int pair = 0; pair < kStepsPerGroup * kSubs / 2; ++pair)
                subtracted = addPairs(subtracted, group.minima(pair, v0 + v),
                                      broadcastWord32(rows.at[r] + layout.sums + at / F::kSub * 2 + pair * 4));
              value = vfma(toFloat(subtracted), group.minimumUnit(v0 + v), value);
            }
            float* sum = out + r * kPanelOutputs;
            store(sum, vfma(value, splat(floatAt(rows.at[r] + scaleAt)), load(sum)));
          }
        }
      }
    }
  }
}

using TileKernel = void (*)(const uint8_t*, const uint8_t*, const TileRows&, const RecordLayout&, int64_t, int64_t,
                            int64_t, Ahead, float*);

template <class F, int... R>
constexpr std::array<TileKernel, sizeof...(R)> tileKernelsOf(std::integer_sequence<int, R...>) {
  return {multiplyTile<F, R + 1>...};
}
/** The kernel for 1 … kTileRows rows at [rows − 1]. */
template <class F>
inline constexpr auto tileKernels = tileKernelsOf<F>(std::make_integer_sequence<int, kTileRows<F>>{});

}  // namespace luciole
