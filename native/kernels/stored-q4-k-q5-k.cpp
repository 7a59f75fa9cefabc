// Panels of q4_k and q5_k: super-blocks of 256 numbers, 8 sub-blocks with 6-bit scales and minima. See
// stored-format.h; the files' layouts stand in block-formats.ts.
#include "stored-integer.h"

namespace luciole {
namespace {

/**
 * A super-block of a panel: 32 d, 32 dmin; the scales and minima of an output as three words (lower four bits of the
 * scales, of the minima, then upper two bits of both), minima of neighbours 16 bits apart; [q5_k: 8 words of fifth
 * bits, bit s for sub-block s]; 32 words of nibbles, word 8c + q with quad q of sub-blocks 2c below and 2c + 1 above.
 */
template <bool FifthBit>
struct WithMinima {
  static constexpr int64_t kBlockNumbers = 256, kBlockBytes = FifthBit ? 176 : 144,
                           kPanelBlock = kBlockBytes * kPanelOutputs;
  static constexpr int64_t kMinAt = 64, kLowScalesAt = 128, kLowMinimaAt = 256, kHighAt = 384, kBitsAt = 512,
                           kNibblesAt = FifthBit ? 1536 : 512;
  static constexpr int kSub = 32, kZero = 0, kMost = FifthBit ? 31 : 15;
  static constexpr int64_t kAheadFrom = 1;
  static constexpr bool kMin = true, kUnpacks = true, kUnpacksQuads = FifthBit;

  struct Group {
    const uint8_t* base;
    int half;
    Group(const uint8_t* panel, int64_t g) : base(panel + (g >> 1) * kPanelBlock), half(static_cast<int>(g & 1)) {}

    vi words(int64_t at, int v) const { return loadWords(base + at + v * kVectorBytes); }
    vi quad(int step, int q, int v) const {
      const vi both = words(kNibblesAt + (half * 2 + (step >> 1)) * kQuads * kQuadBytes + q * kQuadBytes, v);
      const vi low = (step & 1 ? both >> 4 : both) & 0x0f0f0f0f;
      if constexpr (!FifthBit) return low;
      return low | ((words(kBitsAt + q * kQuadBytes, v) >> (half * 4 + step)) & 0x01010101) << 4;
    }
    vi scale(int step, int, int v) const {
      const int s = half * 4 + step;
      return ((words(kLowScalesAt, v) >> (4 * s)) & 15) | ((words(kHighAt, v) >> highScaleBit(s)) & 3) << 4;
    }
    vi minima(int pair, int v) const {
      const int p = half * 2 + pair;
      return ((words(kLowMinimaAt, v) >> (4 * p)) & 0x000f000f) | ((words(kHighAt, v) >> (2 * p)) & 0x00030003) << 4;
    }
    vf unit(int v) const { return widenHalf(base + v * kLanes * 2); }
    vf minimumUnit(int v) const { return widenHalf(base + kMinAt + v * kLanes * 2); }
  };

  static void packBlock(const uint8_t* block, int64_t, int o, uint8_t* panel) {
    putHalf(panel, o, block);
    putHalf(panel + kMinAt, o, block + 2);
    packScales(block + 4, o, panel);
    const uint8_t* payload = block + 16;
    if constexpr (FifthBit) {
      for (int q = 0; q < kQuads; ++q) putWord(panel + kBitsAt, q, o, payload + 4 * q);
      payload += 32;
    }
    for (int w = 0; w < 32; ++w) putWord(panel + kNibblesAt, w, o, payload + 4 * w);
  }

  /** Where the upper bits of scale s lie; those of the minima take the lower half of each 16 bits. */
  static constexpr int highScaleBit(int s) { return s % 2 * 16 + 8 + s / 2 * 2; }

  static void packScales(const uint8_t* bytes, int o, uint8_t* panel) {
    uint32_t lowScales = 0, lowMinima = 0, high = 0;
    for (int s = 0; s < 8; ++s) {
      const uint32_t scale = s < 4 ? bytes[s] & 63 : (bytes[s + 4] & 15) | (bytes[s - 4] >> 6) << 4;
      const uint32_t minimum = s < 4 ? bytes[s + 4] & 63 : (bytes[s + 4] >> 4) | (bytes[s] >> 6) << 4;
      lowScales |= (scale & 15) << (4 * s);
      lowMinima |= (minimum & 15) << (s % 2 * 16 + s / 2 * 4);
      high |= (scale >> 4) << highScaleBit(s) | (minimum >> 4) << (s % 2 * 16 + s / 2 * 2);
    }
    std::memcpy(panel + kLowScalesAt + 4 * o, &lowScales, 4);
    std::memcpy(panel + kLowMinimaAt + 4 * o, &lowMinima, 4);
    std::memcpy(panel + kHighAt + 4 * o, &high, 4);
  }
};

}  // namespace

constexpr StoredKernels q4_kKernels = integerKernels<WithMinima<false>>;
constexpr StoredKernels q5_kKernels = integerKernels<WithMinima<true>>;

}  // namespace luciole
