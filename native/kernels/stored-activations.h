// Rows of activations as int8 with one f32 scale for each 32 or 128 numbers, and their sums over sub-blocks. Knows
// nothing of weights.
#pragma once
#include <cstdint>

#include "stored-kernels.h"

namespace luciole {

/**
 * Where things lie in a row's record: the K quanta of `quantum` bytes (2: of four neighbours the even ones, then the
 * odd ones), then an f32 scale for each `width` numbers, then the sums of the sub-blocks of `sub` numbers, 32 bits
 * each or fewer.
 */
struct RecordLayout {
  int64_t quantum, width, sub, scales, sums, bytes;
  RecordLayout(int64_t K, int64_t quantumBytes, int64_t scaleWidth, int64_t subWidth)
      : quantum(quantumBytes), width(scaleWidth), sub(subWidth) {
    scales = (K * quantum + 63) / 64 * 64;
    sums = scales + (K + width - 1) / width * 4;
    const int64_t lines = (sums + (K + sub - 1) / sub * 4 + 63) / 64;
    bytes = (lines | 1) * 64;  // an odd number of cache lines, so that rows do not share cache sets
  }
};

/**
 * What a kernel needs of a sub-block's sum: what to start an integer sum from (i32), what a minimum is multiplied with
 * (f32), or what whole multiples of a minimum are multiplied with to be subtracted (i16).
 */
enum class SumForm { zero, scaled, subtracted };

/**
 * The record of K numbers of x (f32 or bf16). Scale: amax/127; quanta: x·(127/amax) to the nearest whole number, ties
 * to even. Numbers that share a scale with a NaN or an infinity get the scale NaN, those without one over 2^-100 the
 * scale 0; both only zeros. Sums: −zero·Σ quanta (SumForm::zero), Σ quanta times the scale (scaled), or −Σ quanta
 * (subtracted).
 */
void quantiseRow(const void* x, int64_t xType, int64_t K, const RecordLayout& layout, SumForm form, int32_t zero,
                 uint8_t* record);

/** Slots of threadScratch (pool.h) that products with stored weights hold while they run. */
inline constexpr int kScratchUnpacked = 0, kScratchAccumulators = 1, kScratchPanel = 2;

}  // namespace luciole
