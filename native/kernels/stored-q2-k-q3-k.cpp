// Panels of q2_k and q3_k: super-blocks of 256 numbers, 16 sub-blocks of 16. See stored-integer.h; the files' layouts
// stand in block-formats.ts.
#include "stored-integer.h"

namespace luciole {
namespace {

/** Two bits of each number, 16 words in the file's order: word q of a half holds quad q of its four steps. */
inline vi bitPairs(const uint8_t* words, int half, int step, int q, int v) {
  return (loadWords(words + (half * kQuads + q) * kQuadBytes + v * kVectorBytes) >> (2 * step)) & 0x03030303;
}

/**
 * A super-block of a panel: 32 d, 32 dmin, 16 · 32 bytes with a scale below and a minimum above, then the bit pairs.
 */
struct Q2_k {
  static constexpr int64_t kBlockNumbers = 256, kBlockBytes = 84, kPanelBlock = kBlockBytes * kPanelOutputs;
  static constexpr int64_t kMinAt = 64, kScalesAt = 128, kPairsAt = 640;
  static constexpr int kSub = 16, kZero = 0, kMost = 3;
  static constexpr int64_t kAheadFrom = 1;
  static constexpr bool kMin = true, kUnpacks = true, kUnpacksQuads = false, kUnrolls = true;

  struct Group {
    const uint8_t* base;
    int half;
    Group(const uint8_t* panel, int64_t g) : base(panel + (g >> 1) * kPanelBlock), half(static_cast<int>(g & 1)) {}

    vi quad(int step, int q, int v) const { return bitPairs(base + kPairsAt, half, step, q, v); }
    vi both(int step, int sub, int v) const {
      return widenUnsigned(base + kScalesAt + (half * 8 + step * 2 + sub) * kPanelOutputs + v * kLanes);
    }
    vf scale(int step, int sub, int v) const {
      return toFloat(both(step, sub, v) & 15) * widenHalf(base + v * kLanes * 2);
    }
    /** What is added for each unit of the activations' sum. */
    vf minimum(int step, int sub, int v) const {
      return -(toFloat(both(step, sub, v) >> 4) * widenHalf(base + kMinAt + v * kLanes * 2));
    }
  };

  static void packBlock(const uint8_t* block, int o, uint8_t* panel) {
    putHalf(panel, o, block + 80);
    putHalf(panel + kMinAt, o, block + 82);
    for (int s = 0; s < 16; ++s) panel[kScalesAt + s * kPanelOutputs + o] = block[s];
    for (int w = 0; w < 16; ++w) putWord(panel + kPairsAt, w, o, block + 16 + 4 * w);
  }
};

/**
 * A super-block of a panel: 32 d; the scales of an output as three words (lower four bits of the first eight, of the
 * last eight, then the upper two bits of all); 8 words of third bits, bit 4·half + step of each byte; then the bit
 * pairs.
 */
struct Q3_k {
  static constexpr int64_t kBlockNumbers = 256, kBlockBytes = 110, kPanelBlock = kBlockBytes * kPanelOutputs;
  static constexpr int64_t kLowAt = 64, kHighAt = 320, kBitsAt = 448, kPairsAt = 1472;
  static constexpr int kSub = 16, kZero = 4, kMost = 7;
  static constexpr int64_t kAheadFrom = 1;
  static constexpr bool kMin = false, kUnpacks = true, kUnpacksQuads = true, kUnrolls = true;

  struct Group {
    const uint8_t* base;
    int half;
    Group(const uint8_t* panel, int64_t g) : base(panel + (g >> 1) * kPanelBlock), half(static_cast<int>(g & 1)) {}

    vi words(int64_t at, int v) const { return loadWords(base + at + v * kVectorBytes); }
    vi quad(int step, int q, int v) const {
      const vi third = (words(kBitsAt + q * kQuadBytes, v) >> (half * 4 + step)) & 0x01010101;
      return bitPairs(base + kPairsAt, half, step, q, v) | third << 2;
    }
    vf scale(int step, int sub, int v) const {
      const int s = step * 2 + sub;
      const vi six = ((words(kLowAt + half * kQuadBytes, v) >> (4 * s)) & 15) |
                     ((words(kHighAt, v) >> (16 * half + 2 * s)) & 3) << 4;
      return toFloat(six - 32) * widenHalf(base + v * kLanes * 2);
    }
    vf minimum(int, int, int) const { return vf{}; }
  };

  static void packBlock(const uint8_t* block, int o, uint8_t* panel) {
    putHalf(panel, o, block + 108);
    packScales(block + 96, o, panel);
    for (int q = 0; q < kQuads; ++q) putWord(panel + kBitsAt, q, o, block + 4 * q);
    for (int w = 0; w < 16; ++w) putWord(panel + kPairsAt, w, o, block + 32 + 4 * w);
  }

  static void packScales(const uint8_t* bytes, int o, uint8_t* panel) {
    uint32_t low[2] = {}, high = 0;
    for (int s = 0; s < 16; ++s) {
      low[s / 8] |= static_cast<uint32_t>((bytes[s % 8] >> (4 * (s / 8))) & 15) << (4 * (s % 8));
      high |= static_cast<uint32_t>((bytes[8 + s % 4] >> (2 * (s / 4))) & 3) << (2 * s);
    }
    std::memcpy(panel + kLowAt + 4 * o, &low[0], 4);
    std::memcpy(panel + kLowAt + kQuadBytes + 4 * o, &low[1], 4);
    std::memcpy(panel + kHighAt + 4 * o, &high, 4);
  }
};

}  // namespace

constexpr StoredKernels q2_kKernels = integerKernels<Q2_k>;
constexpr StoredKernels q3_kKernels = integerKernels<Q3_k>;

}  // namespace luciole
