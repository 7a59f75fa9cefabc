// See block-encode.h. Lanes are blocks (sub-blocks in the types with 256 numbers): what one lane does is what the
// TypeScript does, sum by sum.
#include "block-encode.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "dtype.h"
#include "pool.h"
#include "small-floats.h"

// A fused multiply-add rounds once where the specification rounds twice.
#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC optimize("fp-contract=off")
#endif

namespace luciole {
namespace {

constexpr int kWide = kLanes / 2;
using vd = double __attribute__((vector_size(kWide * 8)));
using vw = int32_t __attribute__((vector_size(kWide * 4)));

constexpr int64_t kChunkNumbers = 1 << 14;  // numbers a thread takes at a time: whole groups of every type

inline vd all(double x) { return x - vd{}; }
inline vd magnitude(vd x) { return x < 0 ? -x : x; }
inline vd clampTo(vd x, double low, double high) { return x < low ? all(low) : x > high ? all(high) : x; }
inline double clampTo(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/**
 * The nearest whole number, ties to even, of |x| < 2^51: added and taken away, 1.5 · 2^52 leaves no places after the
 * point.
 */
template <class T>
inline T roundToEven(T x) {
  constexpr double whole = 6755399441055744.0;
  return x + whole - whole;
}

/** A whole number as one; what is no number, where a scale is too large for a half, as 0. */
inline int toInt(double x) { return x == x ? static_cast<int>(x) : 0; }

inline double fromHalf(uint16_t half) {
  const int exponent = (half >> 10) & 31, fraction = half & 1023;
  const double size = exponent == 31  ? (fraction ? NAN : INFINITY)
                      : exponent == 0 ? std::ldexp(static_cast<double>(fraction), -24)
                                      : std::ldexp(1024.0 + fraction, exponent - 25);
  return half & 0x8000 ? -size : size;
}

/** Writes x as a half; what was written. */
inline double putHalf(uint8_t* out, double x) {
  const uint16_t half = toHalf(static_cast<float>(x));
  std::memcpy(out, &half, 2);
  return fromHalf(half);
}

/**
 * N numbers of each of kWide neighbouring blocks, a number of all in one vector; those from block `blocks` on are zero.
 */
template <int N>
struct Group {
  vd x[N];

  Group(const float* values, int64_t blocks) {
    for (int lane = 0; lane < kWide; ++lane)
      for (int i = 0; i < N; ++i) x[i][lane] = lane < blocks ? values[lane * N + i] : 0;
  }

  /** The number of largest magnitude, the first of equals, with its sign. */
  vd extreme() const {
    vd found{}, size{};
    for (int i = 0; i < N; ++i) {
      const vd each = magnitude(x[i]);
      const auto larger = each > size;
      size = larger ? each : size;
      found = larger ? x[i] : found;
    }
    return found;
  }
};

/** A whole number of every lane, number by number. */
template <int N>
struct Quanta {
  int32_t q[N][kWide];
  void set(int i, vd values) {
    const vw whole = __builtin_convertvector(values, vw);
    std::memcpy(q[i], &whole, sizeof(whole));
  }
};

/** fitSymmetric of block-encoders.ts. */
template <int N>
vd fitSymmetric(const Group<N>& group, double limit) {
  const vd largest = group.extreme();
  vd squares[N];
  for (int i = 0; i < N; ++i) squares[i] = group.x[i] * group.x[i];
  vd scale{}, bestGain{};
  for (int step = -9; step <= 9; ++step) {
    const vd inverse = -(limit + 0.1 * step) / largest;
    vd cross{}, square{};
    for (int i = 0; i < N; ++i) {
      const vd q = clampTo(roundToEven(group.x[i] * inverse), -limit, limit - 1);
      const vd weighted = squares[i] * q;
      cross += weighted * group.x[i];
      square += weighted * q;
    }
    const auto better = (square > 0) & (cross * cross > bestGain * square);
    bestGain = better ? cross * cross / square : bestGain;
    scale = better ? cross / square : scale;
  }
  return scale;
}

struct Affine {
  vd scale, min;
};

/** fitAffine of block-encoders.ts. */
template <bool FromZero>
Affine fitAffine(const Group<32>& group, double top) {
  vd low = FromZero ? vd{} : group.x[0], high = low, squares{};
  for (const vd& x : group.x) {
    low = x < low ? x : low;
    high = x > high ? x : high;
    squares += x * x;
  }
  vd typical = squares / 32.0;
  for (int lane = 0; lane < kWide; ++lane) typical[lane] = std::sqrt(typical[lane]);
  vd weights[32], w{}, wx{}, wxx{};
  for (int i = 0; i < 32; ++i) {
    const vd x = group.x[i], weight = typical + magnitude(x);
    weights[i] = weight;
    w += weight;
    wx += weight * x;
    wxx += weight * x * x;
  }
  Affine best{(high - low) / top, -low};
  vd bestError = all(INFINITY);
  for (int step = 0; step <= 20; ++step) {
    const vd inverse = (top - 1 + 0.1 * step) / (high - low);
    vd wq{}, wqq{}, wqx{};
    for (int i = 0; i < 32; ++i) {
      const vd q = clampTo(roundToEven((group.x[i] - low) * inverse), 0, top);
      const vd weighted = weights[i] * q;
      wq += weighted;
      wqq += weighted * q;
      wqx += weighted * group.x[i];
    }
    const vd determinant = w * wqq - wq * wq;
    const vd freeMin = (wq * wqx - wqq * wx) / determinant, freeScale = (w * wqx - wq * wx) / determinant;
    vd min = freeMin, scale = freeScale;
    if constexpr (FromZero) {
      const auto below = freeMin < 0;
      min = below ? vd{} : freeMin;
      scale = below ? wqx / wqq : freeScale;
    }
    const vd error = scale * scale * wqq + min * min * w + wxx - 2.0 * (scale * min * wq + scale * wqx - min * wx);
    const auto better = (determinant > 0) & (scale > 0) & (error < bestError);
    bestError = better ? error : bestError;
    best.scale = better ? scale : best.scale;
    best.min = better ? min : best.min;
  }
  const auto flat = high == low;
  return {flat ? vd{} : best.scale, flat ? vd{} - low : best.min};
}

/** Of several numbers, +0 counting as more than -0: the bytes of a half tell them apart. */
double largestOf(const double* x, int count) {
  double largest = -INFINITY;
  for (int i = 0; i < count; ++i)
    if (x[i] > largest || (x[i] == largest && !std::signbit(x[i]))) largest = x[i];
  return largest;
}

/** As Group::extreme. */
double extremeOf(const double* x, int count) {
  double found = 0;
  for (int i = 0; i < count; ++i)
    if (std::fabs(x[i]) > std::fabs(found)) found = x[i];
  return found;
}

// The encoders: `blocks` blocks of 32 numbers, at most kWide, or one block of 256.

struct Q8_0 {
  static constexpr int kNumbers = 32, kBytes = 34, kBlocks = kWide;
  static void encode(const float* values, int64_t blocks, uint8_t* out) {
    const Group<32> group(values, blocks);
    const vd largest = magnitude(group.extreme());
    vd inverse{};
    for (int b = 0; b < blocks; ++b) {
      const double d = putHalf(out + b * kBytes, largest[b] / 127);
      inverse[b] = d == 0 ? 0 : 1 / d;
    }
    Quanta<32> quanta;
    for (int i = 0; i < 32; ++i) quanta.set(i, clampTo(roundToEven(group.x[i] * inverse), -127, 127));
    for (int b = 0; b < blocks; ++b)
      for (int i = 0; i < 32; ++i) out[b * kBytes + 2 + i] = static_cast<uint8_t>(quanta.q[i][b]);
  }
};

/** Quanta of block b: nibbles, those of numbers 0–15 below those of 16–31, after the fifth bits where there are any. */
template <bool FifthBit>
void putNibbles(const Quanta<32>& quanta, int64_t b, uint8_t* out) {
  if constexpr (FifthBit) {
    uint32_t bits = 0;
    for (int i = 0; i < 32; ++i) bits |= static_cast<uint32_t>(quanta.q[i][b] >> 4) << i;
    std::memcpy(out, &bits, 4);
    out += 4;
  }
  for (int i = 0; i < 16; ++i) out[i] = static_cast<uint8_t>((quanta.q[i][b] & 15) | (quanta.q[i + 16][b] & 15) << 4);
}

/** q4_0 (limit 8) and q5_0 (limit 16). */
template <int Limit>
struct Symmetric {
  static constexpr int kNumbers = 32, kBytes = Limit == 16 ? 22 : 18, kBlocks = kWide;
  static void encode(const float* values, int64_t blocks, uint8_t* out) {
    const Group<32> group(values, blocks);
    const vd scale = fitSymmetric(group, Limit);
    vd inverse{};
    for (int b = 0; b < blocks; ++b) {
      const double d = putHalf(out + b * kBytes, scale[b]);
      inverse[b] = d == 0 ? 0 : 1 / d;
    }
    Quanta<32> quanta;
    for (int i = 0; i < 32; ++i)
      quanta.set(i, clampTo(roundToEven(group.x[i] * inverse), -Limit, Limit - 1) + static_cast<double>(Limit));
    for (int b = 0; b < blocks; ++b) putNibbles<Limit == 16>(quanta, b, out + b * kBytes + 2);
  }
};

/** q4_1 (top 15) and q5_1 (top 31). */
template <int Top>
struct WithMin {
  static constexpr int kNumbers = 32, kBytes = Top == 31 ? 24 : 20, kBlocks = kWide;
  static void encode(const float* values, int64_t blocks, uint8_t* out) {
    const Group<32> group(values, blocks);
    const Affine fit = fitAffine<false>(group, Top);
    vd inverse{}, min{};
    for (int b = 0; b < blocks; ++b) {
      const double d = putHalf(out + b * kBytes, fit.scale[b]);
      inverse[b] = d == 0 ? 0 : 1 / d;
      min[b] = -putHalf(out + b * kBytes + 2, 0 - fit.min[b]);
    }
    Quanta<32> quanta;
    for (int i = 0; i < 32; ++i) {
      const vd q = clampTo(roundToEven((group.x[i] + min) * inverse), 0, Top);
      quanta.set(i, q == q ? q : vd{});
    }
    for (int b = 0; b < blocks; ++b) putNibbles<Top == 31>(quanta, b, out + b * kBytes + 4);
  }
};

/** q4_k (top 15) and q5_k (top 31). */
template <int Top>
struct WithMins {
  static constexpr int kNumbers = 256, kBytes = Top == 31 ? 176 : 144, kBlocks = 1, kNibbles = Top == 31 ? 48 : 16;

  static void encode(const float* values, int64_t, uint8_t* out) {
    double scales[8], mins[8];
    for (int s = 0; s < 8; s += kWide) {
      const Affine fit = fitAffine<true>(Group<32>(values + 32 * s, kWide), Top);
      std::memcpy(scales + s, &fit.scale, sizeof(vd));
      std::memcpy(mins + s, &fit.min, sizeof(vd));
    }
    const double d = putHalf(out, largestOf(scales, 8) / 63), dMin = putHalf(out + 2, largestOf(mins, 8) / 63);
    int units[8], minUnits[8];
    for (int s = 0; s < 8; ++s) units[s] = unitsOf(scales[s], d), minUnits[s] = unitsOf(mins[s], dMin);
    putUnits(units, minUnits, out + 4);
    std::memset(out + 16, 0, kNibbles + 128 - 16);
    for (int s = 0; s < 8; ++s)
      putQuanta(values + 32 * s, static_cast<float>(d * units[s]), static_cast<float>(dMin * minUnits[s]), s, out);
  }

 private:
  static int unitsOf(double x, double unit) { return unit == 0 ? 0 : toInt(clampTo(roundToEven(x / unit), 0, 63)); }

  static void putUnits(const int* units, const int* mins, uint8_t* out) {
    for (int s = 0; s < 4; ++s) {
      out[s] = static_cast<uint8_t>(units[s] | units[s + 4] >> 4 << 6);
      out[s + 4] = static_cast<uint8_t>(mins[s] | mins[s + 4] >> 4 << 6);
      out[s + 8] = static_cast<uint8_t>((units[s + 4] & 15) | (mins[s + 4] & 15) << 4);
    }
  }

  static void putQuanta(const float* values, double scale, double min, int s, uint8_t* out) {
    const double inverse = scale == 0 ? 0 : 1 / scale;
    uint8_t quanta[32];
    for (int i = 0; i < 32; ++i)
      quanta[i] = static_cast<uint8_t>(toInt(clampTo(roundToEven((values[i] + min) * inverse), 0, Top)));
    for (int i = 0; i < 32; ++i) {
      out[kNibbles + (s >> 1) * 32 + i] |= static_cast<uint8_t>((quanta[i] & 15) << (4 * (s & 1)));
      if constexpr (Top == 31) out[16 + i] |= static_cast<uint8_t>(quanta[i] >> 4 << s);
    }
  }
};

struct Q6_k {
  static constexpr int kNumbers = 256, kBytes = 210, kBlocks = 1;
  static void encode(const float* values, int64_t, uint8_t* out) {
    double fits[16];
    for (int s = 0; s < 16; s += kWide) {
      const vd fit = fitSymmetric(Group<16>(values + 16 * s, kWide), 32);
      std::memcpy(fits + s, &fit, sizeof(vd));
    }
    const double d = putHalf(out + 208, extremeOf(fits, 16) / -128);
    std::memset(out, 0, 192);
    for (int s = 0; s < 16; ++s) {
      const int scale = d == 0 ? 0 : toInt(clampTo(roundToEven(fits[s] / d), -128, 127));
      out[192 + s] = static_cast<uint8_t>(scale);
      const double step = static_cast<float>(d * scale);
      for (int i = 16 * s; i < 16 * s + 16; ++i) {
        const int q = toInt((step == 0 ? 0 : clampTo(roundToEven(values[i] / step), -32, 31)) + 32);
        const int half = i >> 7, part = (i >> 5) & 3, l = i & 31;
        out[half * 64 + (part & 1) * 32 + l] |= static_cast<uint8_t>((q & 15) << (4 * (part >> 1)));
        out[128 + half * 32 + l] |= static_cast<uint8_t>(q >> 4 << (2 * part));
      }
    }
  }
};

template <class Type>
void encodeBlocks(const float* x, int64_t count, uint8_t* out) {
  constexpr int64_t perChunk = kChunkNumbers / Type::kNumbers;
  parallelFor(count / Type::kNumbers, perChunk, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; b += Type::kBlocks)
      Type::encode(x + b * Type::kNumbers, std::min<int64_t>(Type::kBlocks, end - b), out + b * Type::kBytes);
  });
}

template <class T, class F>
void encodeEach(const float* x, int64_t count, void* out, F&& encode) {
  T* to = static_cast<T*>(out);
  parallelFor(count, kChunkNumbers, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = encode(x[i]);
  });
}

}  // namespace

void encodeWeights(const float* x, int64_t type, int64_t count, void* out) {
  uint8_t* bytes = static_cast<uint8_t*>(out);
  switch (type) {
    case kBf16:
      return encodeEach<uint16_t>(x, count, out, [](float each) { return toBf16(each).bits; });
    case kF16:
      return encodeEach<uint16_t>(x, count, out, [](float each) { return toHalf(each); });
    case kE4m3:
      return encodeEach<uint8_t>(x, count, out, [](float each) { return toE4m3(each); });
    case kQ8_0:
      return encodeBlocks<Q8_0>(x, count, bytes);
    case kQ4_0:
      return encodeBlocks<Symmetric<8>>(x, count, bytes);
    case kQ5_0:
      return encodeBlocks<Symmetric<16>>(x, count, bytes);
    case kQ4_1:
      return encodeBlocks<WithMin<15>>(x, count, bytes);
    case kQ5_1:
      return encodeBlocks<WithMin<31>>(x, count, bytes);
    case kQ4_k:
      return encodeBlocks<WithMins<15>>(x, count, bytes);
    case kQ5_k:
      return encodeBlocks<WithMins<31>>(x, count, bytes);
    case kQ6_k:
      return encodeBlocks<Q6_k>(x, count, bytes);
  }
  throw std::runtime_error("expected a storage type that numbers are encoded into, got dtype code " +
                           std::to_string(type));
}

}  // namespace luciole
