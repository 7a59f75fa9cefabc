// Panels of e4m3 and f16: numbers that are widened exactly, then multiplied by bf16 (e4m3 where there is a dot product
// of bf16) or f32 activations. Sums in f32 over groups of 128 numbers, each times its scale. Knows nothing of threads
// or outputs.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "dtype.h"
#include "int8-dot.h"
#include "lanes.h"
#include "pool.h"
#include "stored-activations.h"
#include "stored-kernels.h"
#include "words.h"

namespace luciole {
namespace {

constexpr int kQuad = 4;
constexpr int kQuadsPerGroup = kGroup / kQuad;
#if defined(__AVX512F__)
constexpr int kTileRows = 12, kTileVectors = 2;
#elif defined(__AVX2__)
constexpr int kTileRows = 4, kTileVectors = 2;
#else
constexpr int kTileRows = 6, kTileVectors = 4;
#endif
constexpr int64_t kAhead = 8192;

// A Format has kBytes of a number, kPairs (whether words hold two bf16, as in words.h), and
//   words(quad, v, out)   the kQuad numbers of vector v's outputs as words, k ascending
//   put(quad, o, from)    kQuad numbers of output o into their place
constexpr int wordsPerQuad(bool pairs) { return pairs ? 2 : 4; }

#if defined(__AVX512BF16__)
/** The lower or upper bytes of the bf16 values of the 128 e4m3 numbers without sign. */
struct Bf16Bytes {
  alignas(64) uint8_t low[128], high[128];
  constexpr Bf16Bytes() : low(), high() {
    for (int i = 0; i < 128; ++i) {
      int exponent = i >> 3, fraction = i & 7, bits = 0;
      if (i == 127) {
        bits = 0x7fc0;
      } else if (exponent > 0) {
        bits = (exponent + 120) << 7 | fraction << 4;
      } else if (fraction > 0) {  // a multiple of 2^-9, the leading bit of the fraction becomes the exponent
        const int top = fraction >= 4 ? 2 : fraction >= 2 ? 1 : 0;
        bits = (127 - 9 + top) << 7 | (fraction << (3 - top) & 7) << 4;
      }
      low[i] = static_cast<uint8_t>(bits & 255);
      high[i] = static_cast<uint8_t>(bits >> 8);
    }
  }
};
constexpr Bf16Bytes kBf16Bytes;

/**
 * 16 outputs × 4 numbers a vector: in each 16-byte quarter numbers 0 and 1 of four outputs, then numbers 2 and 3, so
 * that unpacking lower and upper halves gives the pairs of the dot product.
 */
struct E4m3 {
  static constexpr int kBytes = 1;
  static constexpr bool kPairs = true, kScaled = true;
  static int place(int o, int i) { return o / 16 * 64 + o % 16 / 4 * 16 + i / 2 * 8 + o % 4 * 2 + i % 2; }
  static void words(const uint8_t* quad, int v, vf* out) {
    const __m512i bytes = _mm512_loadu_si512(quad + v * 64);
    const __m512i low =
        _mm512_permutex2var_epi8(_mm512_load_si512(kBf16Bytes.low), bytes, _mm512_load_si512(kBf16Bytes.low + 64));
    const __m512i high =
        _mm512_permutex2var_epi8(_mm512_load_si512(kBf16Bytes.high), bytes, _mm512_load_si512(kBf16Bytes.high + 64));
    // high | (bytes & mask)
    const __m512i withSign = _mm512_ternarylogic_epi32(high, bytes, _mm512_set1_epi8(static_cast<char>(0x80)), 0xf8);
    out[0] = _mm512_castsi512_ps(_mm512_unpacklo_epi8(low, withSign));
    out[1] = _mm512_castsi512_ps(_mm512_unpackhi_epi8(low, withSign));
  }
  static void put(uint8_t* quad, int o, int i, const uint8_t* from) { quad[place(o, i)] = *from; }
};
#else
/** The outputs' numbers side by side, k ascending. */
struct E4m3 {
  static constexpr int kBytes = 1;
  static constexpr bool kPairs = false, kScaled = true;
  static void words(const uint8_t* quad, int v, vf* out) {
    for (int i = 0; i < kQuad; ++i) {
      const vi bytes = widenUnsigned(quad + i * kPanelOutputs + v * kLanes);
      const vi magnitude = bytes & 0x7f;
      // The exponent's bias is 120 smaller than f32's; the product with a power of two also normalises what is
      // subnormal.
      const vf value = asFloat(magnitude << 20) * 1.329227995784916e36f;
      const vf number = magnitude == 0x7f ? splat(std::numeric_limits<float>::quiet_NaN()) : value;
      out[i] = asFloat(asInt(number) | (bytes & 0x80) << 24);
    }
  }
  static void put(uint8_t* quad, int o, int i, const uint8_t* from) { quad[i * kPanelOutputs + o] = *from; }
};
#endif

/** The outputs' halves side by side, k ascending. */
struct F16 {
  static constexpr int kBytes = 2;
  static constexpr bool kPairs = false, kScaled = false;
  static void words(const uint8_t* quad, int v, vf* out) {
    for (int i = 0; i < kQuad; ++i) out[i] = widenHalf(quad + (i * kPanelOutputs + v * kLanes) * 2);
  }
  static void put(uint8_t* quad, int o, int i, const uint8_t* from) {
    std::memcpy(quad + (i * kPanelOutputs + o) * 2, from, 2);
  }
};

/** Quads that were widened for many rows. */
template <class F>
struct Widened {
  static constexpr int kWords = wordsPerQuad(F::kPairs);
  static constexpr int64_t kQuadBytes = kWords * kPanelOutputs * 4;
  static constexpr bool kPairs = F::kPairs;
  static void words(const uint8_t* quad, int v, vf* out) {
#pragma GCC unroll 4
    for (int w = 0; w < kWords; ++w)
      out[w] = load(reinterpret_cast<const float*>(quad) + w * kPanelOutputs + v * kLanes);
  }
  static void fill(const uint8_t* quads, int64_t count, uint8_t* out) {
    for (int64_t q = 0; q < count; ++q, quads += F::kBytes * kQuad * kPanelOutputs, out += kQuadBytes) {
      __builtin_prefetch(quads + kAhead, 0, 2);
      __builtin_prefetch(quads + kAhead + 64, 0, 2);
      for (int v = 0; v < kPanelVectors; ++v) {
        vf words[kWords];
        F::words(quads, v, words);
        for (int w = 0; w < kWords; ++w)
          store(reinterpret_cast<float*>(out) + w * kPanelOutputs + v * kLanes, words[w]);
      }
    }
  }
};

/** acc[r] += scale · the sum over `quads` quads of rows' words from `records` on. */
template <class F, int64_t QuadBytes, int R>
void multiplyGroup(const uint8_t* panel, int64_t quads, const float* const* records, float scale, float* acc) {
  constexpr int V = kTileVectors, W = wordsPerQuad(F::kPairs);
  for (int v0 = 0; v0 < kPanelVectors; v0 += V) {
    vf inner[R][V];
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) inner[r][v] = vf{};
    for (int64_t q = 0; q < quads; ++q) {
      const uint8_t* quad = panel + q * QuadBytes;
      if (v0 == 0) {
        __builtin_prefetch(quad + kAhead, 0, 2);
        __builtin_prefetch(quad + kAhead + 64, 0, 2);
      }
      vf words[V][W];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) F::words(quad, v0 + v, words[v]);
#pragma GCC unroll 4
      for (int w = 0; w < W; ++w)
#pragma GCC unroll 12
        for (int r = 0; r < R; ++r) {
          const vf a = broadcastWord(records[r] + q * W + w);
#pragma GCC unroll 4
          for (int v = 0; v < V; ++v) inner[r][v] = multiplyAdd<F::kPairs>(inner[r][v], a, words[v][w]);
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        float* out = acc + r * kPanelOutputs + (v0 + v) * kLanes;
        store(out, vfma(inner[r][v], splat(scale), load(out)));
      }
  }
}

using GroupKernel = void (*)(const uint8_t*, int64_t, const float* const*, float, float*);
template <class F, int64_t QuadBytes, int... R>
constexpr std::array<GroupKernel, sizeof...(R)> groupKernelsOf(std::integer_sequence<int, R...>) {
  return {multiplyGroup<F, QuadBytes, R + 1>...};
}
template <class F, int64_t QuadBytes>
constexpr auto groupKernels = groupKernelsOf<F, QuadBytes>(std::make_integer_sequence<int, kTileRows>{});

/**
 * A panel: the f32 scales of its groups (when scaled), filled up to a cache line, then its quads, the last one
 * completed with zeros.
 */
template <class F>
struct FloatKernels {
  static constexpr int kWords = wordsPerQuad(F::kPairs);
  static constexpr int64_t kQuadBytes = F::kBytes * kQuad * kPanelOutputs;

  static int64_t quadsOf(int64_t K) { return (K + kQuad - 1) / kQuad; }
  static int64_t headBytes(int64_t K) { return F::kScaled ? ((K + kGroup - 1) / kGroup * 4 + 63) / 64 * 64 : 0; }
  static int64_t panelBytes(int64_t K) { return headBytes(K) + quadsOf(K) * kQuadBytes; }
  static int64_t recordBytes(int64_t K) { return ((quadsOf(K) * kWords * 4 + 63) / 64 | 1) * 64; }
  static float scaleOf(const uint8_t* panel, int64_t group) { return F::kScaled ? floatAt(panel + group * 4) : 1.0f; }

  static void pack(const uint8_t* rows, int64_t rowBytes, int64_t numRows, int64_t K, const float* scales,
                   uint8_t* panel) {
    if (numRows < kPanelOutputs || K % kQuad != 0) std::memset(panel, 0, panelBytes(K));
    if constexpr (F::kScaled)
      for (int64_t g = 0; g * kGroup < K; ++g) reinterpret_cast<float*>(panel)[g] = scales ? scales[g] : 1.0f;
    uint8_t* quads = panel + headBytes(K);
    for (int64_t o = 0; o < numRows; ++o)
      for (int64_t k = 0; k < K; ++k)
        F::put(quads + k / kQuad * kQuadBytes, static_cast<int>(o), static_cast<int>(k % kQuad),
               rows + o * rowBytes + k * F::kBytes);
  }

  static void unpackRow(const uint8_t* panel, int64_t output, int64_t K, float* out) {
    vf words[kWords];
    for (int64_t k = 0; k < K; k += kQuad) {
      F::words(panel + headBytes(K) + k / kQuad * kQuadBytes, static_cast<int>(output / kLanes), words);
      const float scale = scaleOf(panel, k / kGroup);
      for (int i = 0; i < kQuad && k + i < K; ++i)
        out[k + i] = scale * element(words, static_cast<int>(output % kLanes), i);
    }
  }

  static void decode(const uint8_t* panel, int64_t K, int64_t from, int64_t count, float* out) {
    for (int64_t k = from; k < from + count; k += kQuad, out += kQuad * kPanelOutputs) {
      const vf scale = splat(scaleOf(panel, k / kGroup));
      for (int v = 0; v < kPanelVectors; ++v) {
        vf words[kWords];
        F::words(panel + headBytes(K) + k / kQuad * kQuadBytes, v, words);
#pragma GCC unroll 4
        for (int i = 0; i < kQuad; ++i) store(out + i * kPanelOutputs + v * kLanes, scale * numbers(words, i));
      }
    }
  }

  /** Number i of a quad of every output of a vector. */
  static vf numbers(const vf* words, int i) {
    if constexpr (!F::kPairs) return words[i];
    const vi pair = asInt(words[i / 2]);
    return asFloat(i % 2 ? pair & static_cast<int32_t>(0xffff0000) : pair << 16);
  }

  static float element(const vf* words, int lane, int i) {
    if constexpr (!F::kPairs) return words[i][lane];
    const float word = words[i / 2][lane];
    uint32_t bits;
    std::memcpy(&bits, &word, 4);
    return toFloat(bf16{static_cast<uint16_t>(i % 2 ? bits >> 16 : bits)});
  }

  static void prepare(const void* x, int64_t xType, int64_t K, uint8_t* record) {
    dispatchType(xType, [&](auto tag) {
      using T = decltype(tag);
      using W = Words<T, F::kScaled>;
      const T* in = static_cast<const T*>(x);
      const int64_t words = quadsOf(K) * kWords;
      for (int64_t w = 0; w < words; w += kLanes) {
        const int64_t k = w * W::kElements, n = std::min<int64_t>(K - k, W::kStep);
        const vf block =
            n == W::kStep ? W::along(in + k) : W::alongPart(in + k, static_cast<int>(std::max<int64_t>(n, 0)));
        const int64_t here = std::min<int64_t>(words - w, kLanes);
        storePart(reinterpret_cast<float*>(record) + w, block, static_cast<int>(here));
      }
    });
  }

  static void multiply(const uint8_t* panel, int64_t K, const ActivationRows& rows, int64_t first, int64_t count,
                       float* acc) {
    std::memset(acc, 0, count * kPanelOutputs * sizeof(float));
    const uint8_t* quads = panel + headBytes(K);
    const int64_t tiles = (count + kTileRows - 1) / kTileRows;
    uint8_t* widened =
        tiles > 1 ? static_cast<uint8_t*>(threadScratch(kScratchUnpacked, kQuadsPerGroup * Widened<F>::kQuadBytes))
                  : nullptr;
    for (int64_t g = 0; g * kGroup < K; ++g) {
      const uint8_t* group = quads + g * kQuadsPerGroup * kQuadBytes;
      const int64_t numQuads = std::min<int64_t>(quadsOf(K) - g * kQuadsPerGroup, kQuadsPerGroup);
      if (widened) Widened<F>::fill(group, numQuads, widened);
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t begin = count * t / tiles, end = count * (t + 1) / tiles;
        const float* records[kTileRows];
        for (int64_t r = begin; r < end; ++r)
          records[r - begin] = reinterpret_cast<const float*>(rows.at(first + r)) + g * kQuadsPerGroup * kWords;
        if (widened)
          groupKernels<Widened<F>, Widened<F>::kQuadBytes>[end - begin - 1](
              widened, numQuads, records, scaleOf(panel, g), acc + begin* kPanelOutputs);
        else
          groupKernels<F, kQuadBytes>[end - begin - 1](group, numQuads, records, scaleOf(panel, g),
                                                       acc + begin* kPanelOutputs);
      }
    }
  }
};

template <class F>
constexpr StoredKernels floatKernels = {1,
                                        F::kBytes,
                                        FloatKernels<F>::panelBytes,
                                        FloatKernels<F>::pack,
                                        FloatKernels<F>::unpackRow,
                                        FloatKernels<F>::decode,
                                        FloatKernels<F>::recordBytes,
                                        FloatKernels<F>::prepare,
                                        FloatKernels<F>::multiply};

}  // namespace

constexpr StoredKernels e4m3Kernels = floatKernels<E4m3>;
constexpr StoredKernels f16Kernels = floatKernels<F16>;

}  // namespace luciole
