// Panels of q8_0 and q4_0: blocks of 32 numbers with one half as their scale. See stored-integer.h; the files' layouts stand in block-formats.ts.
#include "stored-integer.h"

namespace luciole {
namespace {

/** A block of a panel: 32 scales, then 8 quads, each number with 128 added. */
struct Q8_0 {
  static constexpr int64_t kBlockNumbers = 32, kBlockBytes = 34, kPanelBlock = kBlockBytes * kPanelOutputs, kQuadsAt = 64;
  static constexpr int kSub = 32, kZero = kWideZero;
  static constexpr int64_t kAheadFrom = 5;
  static constexpr bool kWide = true, kMin = false, kUnpacks = false, kUnpacksQuads = false, kUnrolls = false;

  struct Group {
    const uint8_t* base;
    Group(const uint8_t* panel, int64_t g) : base(panel + g * kStepsPerGroup * kPanelBlock) {}
    vi quad(int step, int q, int v) const { return wideWeights(loadWords(base + step * kPanelBlock + kQuadsAt + q * kQuadBytes + v * kVectorBytes)); }
    vf scale(int step, int, int v) const { return widenHalf(base + step * kPanelBlock + v * kLanes * 2); }
    vf minimum(int, int) const { return vf{}; }
  };

  static void packBlock(const uint8_t* block, int o, uint8_t* panel) {
    putHalf(panel, o, block);
    for (int q = 0; q < kQuads; ++q) putWord(panel + kQuadsAt, q, o, block + 2 + 4 * q, 0x80808080u);
  }
};

/** A block of a panel: 32 scales, then the 4 words of nibbles: quad q below, quad q + 4 above. */
struct Q4_0 {
  static constexpr int64_t kBlockNumbers = 32, kBlockBytes = 18, kPanelBlock = kBlockBytes * kPanelOutputs, kNibblesAt = 64;
  static constexpr int kSub = 32, kZero = 8;
  static constexpr int64_t kAheadFrom = 2;
  static constexpr bool kWide = false, kMin = false, kUnpacks = false, kUnpacksQuads = false, kUnrolls = false;

  struct Group {
    const uint8_t* base;
    Group(const uint8_t* panel, int64_t g) : base(panel + g * kStepsPerGroup * kPanelBlock) {}
    vi quad(int step, int q, int v) const {
      const vi both = loadWords(base + step * kPanelBlock + kNibblesAt + (q & 3) * kQuadBytes + v * kVectorBytes);
      return (q < 4 ? both : both >> 4) & 0x0f0f0f0f;
    }
    vf scale(int step, int, int v) const { return widenHalf(base + step * kPanelBlock + v * kLanes * 2); }
    vf minimum(int, int) const { return vf{}; }
  };

  static void packBlock(const uint8_t* block, int o, uint8_t* panel) {
    putHalf(panel, o, block);
    for (int w = 0; w < 4; ++w) putWord(panel + kNibblesAt, w, o, block + 2 + 4 * w);
  }
};

}  // namespace

constexpr StoredKernels q8_0Kernels = integerKernels<Q8_0>;
constexpr StoredKernels q4_0Kernels = integerKernels<Q4_0>;

}  // namespace luciole
