// Panels of q8_0, q4_0, q4_1, q5_0 and q5_1: blocks of 32 numbers with a half as their scale, and perhaps one as their
// minimum. See stored-format.h; the files' layouts stand in block-formats.ts.
#include "stored-integer.h"

namespace luciole {
namespace {

/** A block of a panel: 32 scales, then 8 quads, each number with 128 added. */
struct Q8_0 {
  static constexpr int64_t kBlockNumbers = 32, kBlockBytes = 34, kPanelBlock = kBlockBytes * kPanelOutputs,
                           kQuadsAt = 64;
  static constexpr int kSub = 32, kZero = kWideZero, kMost = 255;
  static constexpr int64_t kAheadFrom = 5;
  static constexpr bool kMin = false, kUnpacks = false, kUnpacksQuads = false;

  struct Group {
    const uint8_t* base;
    Group(const uint8_t* panel, int64_t g) : base(panel + g * kStepsPerGroup * kPanelBlock) {}
    vi quad(int step, int q, int v) const {
      return wideWeights(loadWords(base + step * kPanelBlock + kQuadsAt + q * kQuadBytes + v * kVectorBytes));
    }
    vf scale(int step, int, int v) const { return widenHalf(base + step * kPanelBlock + v * kLanes * 2); }
  };

  static void packBlock(const uint8_t* block, int64_t, int o, uint8_t* panel) {
    putHalf(panel, o, block);
    for (int q = 0; q < kQuads; ++q) putWord(panel + kQuadsAt, q, o, block + 2 + 4 * q, 0x80808080u);
  }
};

/**
 * A block of a panel: 32 scales; [32 minima]; [the fifth bits of an output as a word, bit 8b + q of number 4q + b]; the
 * 4 words of nibbles, quad q below, quad q + 4 above.
 */
template <bool FifthBit, bool Min>
struct Nibbles {
  static constexpr int64_t kBlockNumbers = 32, kBlockBytes = 18 + (FifthBit ? 4 : 0) + (Min ? 2 : 0),
                           kPanelBlock = kBlockBytes * kPanelOutputs;
  static constexpr int64_t kMinAt = 64, kBitsAt = Min ? 128 : 64, kNibblesAt = kBitsAt + (FifthBit ? kQuadBytes : 0);
  static constexpr int kSub = 32, kZero = Min ? 0 : FifthBit ? 16 : 8, kMost = FifthBit ? 31 : 15;
  static constexpr int64_t kAheadFrom = 2;
  static constexpr bool kMin = Min, kUnpacks = FifthBit, kUnpacksQuads = FifthBit;

  struct Group {
    const uint8_t* base;
    Group(const uint8_t* panel, int64_t g) : base(panel + g * kStepsPerGroup * kPanelBlock) {}
    vi quad(int step, int q, int v) const {
      const uint8_t* block = base + step * kPanelBlock + v * kVectorBytes;
      const vi both = loadWords(block + kNibblesAt + (q & 3) * kQuadBytes);
      const vi low = (q < 4 ? both : both >> 4) & 0x0f0f0f0f;
      if constexpr (!FifthBit) return low;
      return low | ((loadWords(block + kBitsAt) >> q) & 0x01010101) << 4;
    }
    vf scale(int step, int, int v) const { return widenHalf(base + step * kPanelBlock + v * kLanes * 2); }
    vf minimum(int step, int, int v) const { return widenHalf(base + step * kPanelBlock + kMinAt + v * kLanes * 2); }
  };

  static void packBlock(const uint8_t* block, int64_t, int o, uint8_t* panel) {
    putHalf(panel, o, block);
    if constexpr (Min) putHalf(panel + kMinAt, o, block + 2);
    const uint8_t* payload = block + (Min ? 4 : 2);
    if constexpr (FifthBit) {
      uint32_t inOrder, bits = 0;
      std::memcpy(&inOrder, payload, 4);
      for (int i = 0; i < 32; ++i) bits |= ((inOrder >> i) & 1) << (8 * (i % 4) + i / 4);
      std::memcpy(panel + kBitsAt + 4 * o, &bits, 4);
      payload += 4;
    }
    for (int w = 0; w < 4; ++w) putWord(panel + kNibblesAt, w, o, payload + 4 * w);
  }
};

}  // namespace

constexpr StoredKernels q8_0Kernels = integerKernels<Q8_0>;
constexpr StoredKernels q4_0Kernels = integerKernels<Nibbles<false, false>>;
constexpr StoredKernels q4_1Kernels = integerKernels<Nibbles<false, true>>;
constexpr StoredKernels q5_0Kernels = integerKernels<Nibbles<true, false>>;
constexpr StoredKernels q5_1Kernels = integerKernels<Nibbles<true, true>>;

}  // namespace luciole
