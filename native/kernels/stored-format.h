// What a storage type with integer weights says of itself: a Format, instantiated in a file of its own. Knows nothing
// of how its numbers are multiplied.
#pragma once
#include <cstdint>
#include <cstring>

#include "int8-dot.h"
#include "stored-kernels.h"

namespace luciole {

// A Format has
//   kBlockNumbers, kBlockBytes   of one row in the file
//   kSub                         numbers of a sub-block with one scale, 16 or 32
//   kZero, kMost, kMin           how much quads are too large, their largest byte (int8-dot.h), whether sub-blocks have
//                                a minimum
//   kUnpacks, kUnpacksQuads      whether scales, and quads too, are work to unpack that is better done once for many
//                                rows
//   kAheadFrom                   fewest rows for which memory is asked for: the loads of fewer are regular enough for
//                                the CPU to guess
//   packBlock(block, b, o, panel)  block b of output o's row in the file into its place in the panel
//   Group(panel, g)              group g of kGroup numbers: quad(step, q, v): vector v of numbers 32·step + 4q ..+3 of
//                                each output, and its scales. Of blocks of 32 (kIsBlock32): scale(step, sub, v) and
//                                minimum(step, sub, v) in f32. Of super-blocks of 256, whose scales are whole
//                                multiples: scale(step, sub, v) in i32, of unit(v); minima(pair, v): those of
//                                sub-blocks 2·pair and 2·pair + 1 of the group in the halves of each lane, multiples
//                                of minimumUnit(v), to be subtracted
// A panel takes kPanelOutputs times the bytes of a row, whatever its Format.

/** Numbers between two scales at most: what one turn of the kernels' loop works through. */
inline constexpr int kStep = 32;
/**
 * Numbers of a row of activations with one scale: as many as a block of the weights has, or a group where that has
 * more.
 */
template <class F>
inline constexpr int64_t kScaleWidth = F::kBlockNumbers < kGroup ? F::kBlockNumbers : kGroup;
/** Whether each step has scales of its own, of weights and activations. */
template <class F>
inline constexpr bool kIsBlock32 = F::kBlockNumbers == kStep;
inline constexpr int kStepsPerGroup = kGroup / kStep;
inline constexpr int kQuads = kStep / 4;
inline constexpr int kVectorBytes = kLanes * 4;
inline constexpr int kQuadBytes = kPanelOutputs * 4;

/** Whether the products take weights in another form than bytes, which then is made once for many rows. */
template <class F>
inline constexpr bool kWidens = sizeof(typename DotSum<F::kMost>::Weights) > sizeof(vi);

/** One 32-bit word of a file's block into its place for output o. */
inline void putWord(uint8_t* vectors, int word, int o, const void* from, uint32_t flip = 0) {
  uint32_t bits;
  std::memcpy(&bits, from, 4);
  bits ^= flip;
  std::memcpy(vectors + word * kQuadBytes + o * 4, &bits, 4);
}
inline void putHalf(uint8_t* halves, int o, const uint8_t* from) { std::memcpy(halves + 2 * o, from, 2); }

}  // namespace luciole
