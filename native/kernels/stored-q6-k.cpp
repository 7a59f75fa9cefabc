// Panels of q6_k: super-blocks of 256 numbers, 16 sub-blocks with signed 8-bit scales. See stored-format.h; the file's
// layout stands in block-formats.ts.
#include "stored-integer.h"

namespace luciole {
namespace {

/**
 * A super-block of a panel: 32 d, 16 · 32 scales, 32 words of lower nibbles, 16 words of upper bit pairs, the words in
 * the file's order.
 */
struct Q6_k {
  static constexpr int64_t kBlockNumbers = 256, kBlockBytes = 210, kPanelBlock = kBlockBytes * kPanelOutputs;
  static constexpr int64_t kScalesAt = 64, kLowAt = 576, kHighAt = 4672;
  static constexpr int kSub = 16, kZero = 32, kMost = 63;
  static constexpr int64_t kAheadFrom = 1;
  static constexpr bool kMin = false, kUnpacks = true, kUnpacksQuads = true;

  struct Group {
    const uint8_t* base;
    int half;
    Group(const uint8_t* panel, int64_t g) : base(panel + (g >> 1) * kPanelBlock), half(static_cast<int>(g & 1)) {}

    vi quad(int step, int q, int v) const {
      const vi low = loadWords(base + kLowAt + (half * 16 + (step & 1) * kQuads + q) * kQuadBytes + v * kVectorBytes);
      const vi high = loadWords(base + kHighAt + (half * kQuads + q) * kQuadBytes + v * kVectorBytes);
      // The pair's bits are moved to places 4 and 5 of each byte.
      const vi pair = step < 2 ? high << (4 - 2 * step) : high >> (2 * step - 4);
      return ((step < 2 ? low : low >> 4) & 0x0f0f0f0f) | (pair & 0x30303030);
    }
    vi scale(int step, int sub, int v) const {
      return widenSigned(base + kScalesAt + (half * 8 + step * 2 + sub) * kPanelOutputs + v * kLanes);
    }
    vf unit(int v) const { return widenHalf(base + v * kLanes * 2); }
  };

  static void packBlock(const uint8_t* block, int64_t, int o, uint8_t* panel) {
    putHalf(panel, o, block + 208);
    for (int s = 0; s < 16; ++s) panel[kScalesAt + s * kPanelOutputs + o] = block[192 + s];
    for (int w = 0; w < 32; ++w) putWord(panel + kLowAt, w, o, block + 4 * w);
    for (int w = 0; w < 16; ++w) putWord(panel + kHighAt, w, o, block + 128 + 4 * w);
  }
};

}  // namespace

constexpr StoredKernels q6_kKernels = integerKernels<Q6_k>;

}  // namespace luciole
