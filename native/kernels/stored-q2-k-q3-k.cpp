// Panels of q2_k and q3_k: super-blocks of 256 numbers, 16 sub-blocks of 16. See stored-format.h; the files' layouts
// stand in block-formats.ts.
#include "stored-integer.h"

namespace luciole {
namespace {

/**
 * A super-block of a panel: 32 d, 32 dmin; 4 words of an output's 16 bytes with a scale below and a minimum above, the
 * bytes of neighbours 16 bits apart; 16 words of bit pairs, word q of a half with quad q of its four steps.
 */
struct Q2_k {
  static constexpr int64_t kBlockNumbers = 256, kBlockBytes = 84, kPanelBlock = kBlockBytes * kPanelOutputs;
  static constexpr int64_t kMinAt = 64, kScalesAt = 128, kPairsAt = 640;
  static constexpr int kSub = 16, kZero = 0, kMost = 3;
  static constexpr int64_t kAheadFrom = 1;
  static constexpr bool kMin = true, kUnpacks = true, kUnpacksQuads = false;

  struct Group {
    const uint8_t* base;
    int half;
    Group(const uint8_t* panel, int64_t g) : base(panel + (g >> 1) * kPanelBlock), half(static_cast<int>(g & 1)) {}

    vi quad(int step, int q, int v) const {
      return (loadWords(base + kPairsAt + (half * kQuads + q) * kQuadBytes + v * kVectorBytes) >> (2 * step)) &
             0x03030303;
    }
    /** The four bytes of sub-blocks 4·word … 4·word + 3 of the group. */
    vi bytes(int word, int v) const {
      return loadWords(base + kScalesAt + (half * 2 + word) * kQuadBytes + v * kVectorBytes);
    }
    vi scale(int step, int sub, int v) const { return (bytes(step / 2, v) >> (16 * sub + 8 * (step % 2))) & 15; }
    vi minima(int pair, int v) const { return (bytes(pair / 2, v) >> (8 * (pair % 2) + 4)) & 0x000f000f; }
    vf unit(int v) const { return widenHalf(base + v * kLanes * 2); }
    vf minimumUnit(int v) const { return widenHalf(base + kMinAt + v * kLanes * 2); }
  };

  static void packBlock(const uint8_t* block, int64_t, int o, uint8_t* panel) {
    putHalf(panel, o, block + 80);
    putHalf(panel + kMinAt, o, block + 82);
    for (int w = 0; w < 4; ++w) {
      const uint8_t swapped[4] = {block[4 * w], block[4 * w + 2], block[4 * w + 1], block[4 * w + 3]};
      putWord(panel + kScalesAt, w, o, swapped);
    }
    for (int w = 0; w < 16; ++w) putWord(panel + kPairsAt, w, o, block + 16 + 4 * w);
  }
};

/**
 * A super-block of a panel: 32 d; of an output's scales, less 32, the lower four bits as a word for each half, then
 * the upper two as 16 bits for each half; for each half 8 words of bytes with the numbers of steps 0 and 1, three bits
 * each, and the lower two bits of step 2; for each half 4 words of nibbles, quad q below, quad q + 4 above, with the
 * number of step 3 and the third bit of step 2.
 */
struct Q3_k {
  static constexpr int64_t kBlockNumbers = 256, kBlockBytes = 110, kPanelBlock = kBlockBytes * kPanelOutputs;
  static constexpr int64_t kLowAt = 64, kHighAt = 320, kBytesAt = 448, kNibblesAt = 2496;
  static constexpr int kSub = 16, kZero = 4, kMost = 7;
  static constexpr int64_t kAheadFrom = 1;
  static constexpr bool kMin = false, kUnpacks = true, kUnpacksQuads = true;

  struct Group {
    const uint8_t* base;
    int half;
    Group(const uint8_t* panel, int64_t g) : base(panel + (g >> 1) * kPanelBlock), half(static_cast<int>(g & 1)) {}

    vi quad(int step, int q, int v) const {
      const vi bytes = loadWords(base + kBytesAt + (half * kQuads + q) * kQuadBytes + v * kVectorBytes);
      if (step < 2) return (bytes >> (3 * step)) & 0x07070707;
      const vi nibbles = loadWords(base + kNibblesAt + (half * 4 + (q & 3)) * kQuadBytes + v * kVectorBytes);
      if (step == 3) return (nibbles >> (q < 4 ? 0 : 4)) & 0x07070707;
      return ((bytes >> 6) & 0x03030303) | ((nibbles >> (q < 4 ? 1 : 5)) & 0x04040404);
    }
    vi scale(int step, int sub, int v) const {
      const int s = step * 2 + sub;
      const vi low = loadWords(base + kLowAt + half * kQuadBytes + v * kVectorBytes) >> (4 * s);
      const vi high = (widenUnsigned16(base + kHighAt + (half * kPanelOutputs + v * kLanes) * 2) << (30 - 2 * s)) >> 26;
      return (low & 15) | (high & ~15);
    }
    vf unit(int v) const { return widenHalf(base + v * kLanes * 2); }
  };

  static void packBlock(const uint8_t* block, int64_t, int o, uint8_t* panel) {
    putHalf(panel, o, block + 108);
    packScales(block + 96, o, panel);
    for (int half = 0; half < 2; ++half) {
      uint32_t nibbles[4] = {};
      for (int q = 0; q < kQuads; ++q) {
        const uint32_t pairs = wordAt(block + 32 + 4 * (half * kQuads + q));
        const uint32_t thirds = wordAt(block + 4 * q) >> (4 * half);
        const auto low = [&](int step) { return (pairs >> (2 * step)) & 0x03030303; };
        const auto third = [&](int step) { return (thirds >> step) & 0x01010101; };
        const uint32_t bytes = low(0) | third(0) << 2 | low(1) << 3 | third(1) << 5 | low(2) << 6;
        nibbles[q % 4] |= (low(3) | third(3) << 2 | third(2) << 3) << (q < 4 ? 0 : 4);
        putWord(panel + kBytesAt, half * kQuads + q, o, &bytes);
      }
      for (int w = 0; w < 4; ++w) putWord(panel + kNibblesAt, half * 4 + w, o, &nibbles[w]);
    }
  }

  static void packScales(const uint8_t* bytes, int o, uint8_t* panel) {
    for (int half = 0; half < 2; ++half) {
      uint32_t low = 0;
      uint16_t high = 0;
      for (int s = 0; s < 8; ++s) {
        const uint32_t lower = (bytes[s] >> (4 * half)) & 15, upper = (bytes[8 + s % 4] >> (4 * half + s / 4 * 2)) & 3;
        low |= lower << (4 * s);
        high = static_cast<uint16_t>(high | (upper ^ 2) << (2 * s));  // less 32, in two's complement
      }
      putWord(panel + kLowAt, half, o, &low);
      std::memcpy(panel + kHighAt + (half * kPanelOutputs + o) * 2, &high, 2);
    }
  }

  static uint32_t wordAt(const uint8_t* p) {
    uint32_t word;
    std::memcpy(&word, p, 4);
    return word;
  }
};

}  // namespace

constexpr StoredKernels q2_kKernels = integerKernels<Q2_k>;
constexpr StoredKernels q3_kKernels = integerKernels<Q3_k>;

}  // namespace luciole
