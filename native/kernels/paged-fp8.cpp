// See paged-fp8.h.
#include "paged-fp8.h"

#include <stdexcept>

#include "dtype.h"
#include "fp8-latent.h"
#include "paged-tables.h"

#if defined(__AVX512VNNI__) && defined(__AVX512VBMI__) && defined(__AVX512BF16__)

#include "int8-attention.h"

namespace luciole {
namespace {

using namespace attention;

/**
 * The int8 number nearest to each e4m3 code's value times 127 / 448, for codes without sign; NaN as zero: its scale is
 * NaN.
 */
struct CodeTable {
  alignas(64) int8_t of[128];
  CodeTable() {
    for (int code = 0; code < 128; ++code) {
      const int exponent = code >> 3, fraction = code & 7;
      const float value =
          exponent == 0 ? std::ldexp(static_cast<float>(fraction), -9) : std::ldexp(8.0f + fraction, exponent - 10);
      of[code] = code == 127 ? 0 : static_cast<int8_t>(std::nearbyint(value * (127.0f / 448.0f)));
    }
  }
};

/** Blocks of FP8 latents as int8. */
class Int8Blocks {
 public:
  using Products = Int8Products;
  Int8Blocks(const uint8_t* cache, Tables tables, const WalkSizes& z)
      : cache_(cache),
        tables_(tables),
        z_(z),
        entry_(fp8EntryBytes(z.Dk, z.Dv)),
        groups_(z.Dv / kFp8Group),
        rotary_((z.Dk - z.Dv) / 2) {}

  /** Numbers as rows, as words of four keys; rotary pairs; scales. */
  int64_t floats() const { return kBlockKeys * (2 * z_.Dv / 4 + roundUp(rotary_, kRowWords) + groups_); }

  Fp8Block block(const WalkTask& task, int64_t i, float* scratch, const WalkStep& next) const {
    const int64_t keys = task.keysAt(i), words = kBlockKeys * z_.Dv / 4;
    const uint8_t* block = blockOf({&task, i});
    auto* rows = reinterpret_cast<uint8_t*>(scratch);
    float* values = scratch + words;
    auto* rope = reinterpret_cast<uint8_t*>(scratch + 2 * words);
    float* scalesT = scratch + 2 * words + kBlockKeys * roundUp(rotary_, kRowWords);
    for (int64_t t = 0; t < keys; ++t) {
      numbersOf(block + t * entry_, groups_, rows + t * kRowBytes);
      ropeOf(block + t * entry_ + z_.Dv + 4 * groups_, rotary_, rope + t * kRowBytes);
    }
    for (int64_t t = keys; t < roundUp(keys, 4); ++t)
      for (int64_t g = 0; g < groups_; ++g)
        std::fill_n(rows + (g * kBlockKeys + t) * kRowBytes, kRowBytes, uint8_t{128});
    turnScales(block, keys, scalesT);
    for (int64_t t = 0; t < keys; t += 4)
      for (int64_t d = 0; d < z_.Dv; d += 64)
        stackNumbers(rows + (d / kFp8Group * kBlockKeys + t) * kRowBytes + d % kFp8Group, values + t / 4 * z_.Dv + d);
    const uint8_t* ahead = next.task ? blockOf(next) : block;
    return {rows, rope, scalesT, values, groups_, rotary_, z_.scale, ahead, ahead + kBlockKeys * entry_};
  }

 private:
  const uint8_t* blockOf(const WalkStep& step) const { return cache_ + tables_.at(step) * kBlockKeys * entry_; }

  /** The codes of an entry as int8 plus 128, words turned, its groups 64 rows apart. */
  static void numbersOf(const uint8_t* entry, int64_t groups, uint8_t* out) {
    static const CodeTable table;
    const __m512i low = _mm512_load_si512(table.of), high = _mm512_load_si512(table.of + 64),
                  zero = _mm512_set1_epi8(static_cast<char>(0x80));
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    for (int64_t g = 0; g < groups; ++g, entry += kFp8Group, out += kBlockKeys * kRowBytes)
      for (int64_t d = 0; d < kFp8Group; d += 64) {
        const __m512i codes = _mm512_loadu_si512(entry + d), size = _mm512_permutex2var_epi8(low, codes, high);
        const __m512i numbers =
            _mm512_mask_sub_epi8(_mm512_add_epi8(zero, size), _mm512_movepi8_mask(codes), zero, size);
        _mm512_storeu_si512(out + d, _mm512_permutexvar_epi32(order, numbers));
      }
  }

  /** The rotary words of an entry, 32 of them 64 rows apart. */
  static void ropeOf(const uint8_t* entry, int64_t rotary, uint8_t* out) {
    for (int64_t w = 0; w < rotary; w += kLanes) {
      const __mmask16 there =
          static_cast<__mmask16>(_bzhi_u32(0xffff, static_cast<uint32_t>(std::min<int64_t>(rotary - w, kLanes))));
      _mm512_storeu_si512(out + (w / kRowWords * kBlockKeys * kRowBytes + w % kRowWords * 4),
                          _mm512_maskz_loadu_epi32(there, entry + 4 * w));
    }
  }

  void turnScales(const uint8_t* block, int64_t keys, float* out) const {
    for (int64_t g = 0; g < groups_; ++g)
      for (int64_t t = 0; t < kBlockKeys; ++t) {
        float scale = 0;
        if (t < keys) std::memcpy(&scale, block + t * entry_ + z_.Dv + 4 * g, 4);
        out[g * kBlockKeys + t] = scale * (448.0f / 127.0f);
      }
  }

  /** 64 columns of four rows into 64 words of four keys. */
  void stackNumbers(const uint8_t* rows, float* out) const {
    const __m512i zero = _mm512_set1_epi8(static_cast<char>(0x80));
    const auto numbers = [&](int64_t row) {
      return _mm512_xor_si512(_mm512_loadu_si512(rows + row * kRowBytes), zero);
    };
    const __m512i a = numbers(0), b = numbers(1), c = numbers(2), d = numbers(3);
    const __m512i ab = _mm512_unpacklo_epi8(a, b), ab2 = _mm512_unpackhi_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d),
                  cd2 = _mm512_unpackhi_epi8(c, d);
    _mm512_storeu_si512(out, _mm512_unpacklo_epi16(ab, cd));
    _mm512_storeu_si512(out + 16, _mm512_unpackhi_epi16(ab, cd));
    _mm512_storeu_si512(out + 32, _mm512_unpacklo_epi16(ab2, cd2));
    _mm512_storeu_si512(out + 48, _mm512_unpackhi_epi16(ab2, cd2));
  }

  const uint8_t* cache_;
  Tables tables_;
  WalkSizes z_;
  int64_t entry_, groups_, rotary_;
};

}  // namespace

bool canMultiplyFp8(int64_t Dk, int64_t Dv) { return Dv > 0 && Dv % kFp8Group == 0 && (Dk - Dv) % 2 == 0; }

void pagedFp8Attention(const void* q, int64_t qType, const uint8_t* cache, void* o, const Tables& tables,
                       const int32_t* cuQueries, const int32_t* contextLengths, int64_t S, int64_t Hq, int64_t Dk,
                       int64_t Dv, float scale) {
  const WalkSizes z{Hq, 1, Dk, Dv, Hq, scale};
  std::vector<WalkTask> tasks = walkTasks(cuQueries, S, z, [&](int64_t s) { return contextLengths[s]; });
  dispatchType(qType, [&](auto tag) {
    using Q = decltype(tag);
    walkAll(static_cast<const Q*>(q), static_cast<Q*>(o), tasks, z, Int8Blocks(cache, tables, z));
  });
}

}  // namespace luciole

#else

namespace luciole {

bool canMultiplyFp8(int64_t, int64_t) { return false; }
void pagedFp8Attention(const void*, int64_t, const uint8_t*, void*, const Tables&, const int32_t*, const int32_t*,
                       int64_t, int64_t, int64_t, int64_t, float) {
  throw std::runtime_error("this build has no int8 dot product: ask canMultiplyFp8 first");
}

}  // namespace luciole

#endif
