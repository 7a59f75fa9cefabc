// Panels of iq4_nl, iq4_xs and mxfp4: 4-bit codes that are looked up in a table. See stored-format.h; the files'
// layouts stand in block-formats.ts.
#include "lanes.h"
#include "stored-integer.h"

namespace luciole {
namespace {

/** What the codes of iq4_nl and iq4_xs stand for, 128 added. */
constexpr ByteTable kNonLinear = {{1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241}};
/** Twice what the codes of mxfp4 (e2m1) stand for, 12 added. */
constexpr ByteTable kTwiceE2m1 = {{12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0}};

/** Codes of quad q of a block of 32: words 0–3 hold quad q below, quad q + 4 above. */
inline vi codes(const uint8_t* words, int q, int v) {
  const vi both = loadWords(words + (q & 3) * kQuadBytes + v * kVectorBytes);
  return (q < 4 ? both : both >> 4) & 0x0f0f0f0f;
}

/** A block of a panel: 32 scales, then the 4 words of codes. */
struct Iq4_nl {
  static constexpr int64_t kBlockNumbers = 32, kBlockBytes = 18, kPanelBlock = kBlockBytes * kPanelOutputs,
                           kCodesAt = 64;
  static constexpr int kSub = 32, kZero = kWideZero, kMost = 255;
  static constexpr int64_t kAheadFrom = 2;
  static constexpr bool kMin = false, kUnpacks = true, kUnpacksQuads = true;

  struct Group {
    const uint8_t* base;
    Group(const uint8_t* panel, int64_t g) : base(panel + g * kStepsPerGroup * kPanelBlock) {}
    vi quad(int step, int q, int v) const {
      return wideWeights(kNonLinear.at(codes(base + step * kPanelBlock + kCodesAt, q, v)));
    }
    vf scale(int step, int, int v) const { return widenHalf(base + step * kPanelBlock + v * kLanes * 2); }
  };

  static void packBlock(const uint8_t* block, int64_t, int o, uint8_t* panel) {
    putHalf(panel, o, block);
    for (int w = 0; w < 4; ++w) putWord(panel + kCodesAt, w, o, block + 2 + 4 * w);
  }
};

/**
 * A block of a panel: 32 exponents e, a byte each, and the 4 words of codes; in even blocks the codes come first, in
 * odd ones last, so that no vector of codes lies in two cache lines. The scale is 2^(e − 128).
 */
struct Mxfp4 {
  static constexpr int64_t kBlockNumbers = 32, kBlockBytes = 17, kPanelBlock = kBlockBytes * kPanelOutputs;
  static constexpr int kSub = 32, kZero = 12, kMost = 24;
  static constexpr int64_t kAheadFrom = 2;
  static constexpr bool kMin = false, kUnpacks = true, kUnpacksQuads = true;
  static constexpr int64_t exponentsAt(int64_t block) { return block % 2 ? 0 : 4 * kQuadBytes; }
  static constexpr int64_t codesAt(int64_t block) { return block % 2 ? kPanelOutputs : 0; }

  struct Group {
    const uint8_t* base;
    Group(const uint8_t* panel, int64_t g) : base(panel + g * kStepsPerGroup * kPanelBlock) {}
    vi quad(int step, int q, int v) const {
      return kTwiceE2m1.at(codes(base + step * kPanelBlock + codesAt(step), q, v));
    }
    vf scale(int step, int, int v) const {
      const vi e = widenUnsigned(base + step * kPanelBlock + exponentsAt(step) + v * kLanes);
      return asFloat(e < 2 ? (e + 1) << 21 : (e - 1) << 23);  // below 2 subnormal
    }
  };

  static void packBlock(const uint8_t* block, int64_t b, int o, uint8_t* panel) {
    panel[exponentsAt(b) + o] = block[0];
    for (int w = 0; w < 4; ++w) putWord(panel + codesAt(b), w, o, block + 1 + 4 * w);
  }
};

/**
 * A super-block of a panel: 32 d; the lower four bits of an output's 8 scales as a word; the upper two as 16 bits; 8
 * times the 4 words of codes.
 */
struct Iq4_xs {
  static constexpr int64_t kBlockNumbers = 256, kBlockBytes = 136, kPanelBlock = kBlockBytes * kPanelOutputs;
  static constexpr int64_t kLowAt = 64, kHighAt = 192, kCodesAt = 256;
  static constexpr int kSub = 32, kZero = kWideZero, kMost = 255;
  static constexpr int64_t kAheadFrom = 1;
  static constexpr bool kMin = false, kUnpacks = true, kUnpacksQuads = true;

  struct Group {
    const uint8_t* base;
    int half;
    Group(const uint8_t* panel, int64_t g) : base(panel + (g >> 1) * kPanelBlock), half(static_cast<int>(g & 1)) {}

    vi quad(int step, int q, int v) const {
      return wideWeights(kNonLinear.at(codes(base + kCodesAt + (half * 4 + step) * 4 * kQuadBytes, q, v)));
    }
    vi scale(int step, int, int v) const {
      const int s = half * 4 + step;
      const vi low = (loadWords(base + kLowAt + v * kVectorBytes) >> (4 * s)) & 15;
      const vi high = (widenUnsigned16(base + kHighAt + v * kLanes * 2) >> (2 * s)) & 3;
      return (low | high << 4) - 32;
    }
    vf unit(int v) const { return widenHalf(base + v * kLanes * 2); }
  };

  static void packBlock(const uint8_t* block, int64_t, int o, uint8_t* panel) {
    putHalf(panel, o, block);
    putHalf(panel + kHighAt, o, block + 2);
    putWord(panel + kLowAt, 0, o, block + 4);
    for (int w = 0; w < 32; ++w) putWord(panel + kCodesAt, w, o, block + 8 + 4 * w);
  }
};

}  // namespace

constexpr StoredKernels iq4_nlKernels = integerKernels<Iq4_nl>;
constexpr StoredKernels mxfp4Kernels = integerKernels<Mxfp4>;
constexpr StoredKernels iq4_xsKernels = integerKernels<Iq4_xs>;

}  // namespace luciole
