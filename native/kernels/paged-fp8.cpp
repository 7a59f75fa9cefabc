// See paged-fp8.h.
#include "paged-fp8.h"

#include <stdexcept>

#include "context-walk.h"
#include "dtype.h"
#include "fp8-latent.h"
#include "paged-tables.h"

#if defined(__AVX512VNNI__) && defined(__AVX512VBMI__) && defined(__AVX512BF16__)

namespace luciole {
namespace {

using namespace attention;

constexpr int64_t kGroupWords = kFp8Group / 4;  // words of four int8 numbers that share a scale

/** Where the parts of a packed query row lie, in 32-bit words: int8 numbers, rotary bf16 pairs, factors and offsets of the groups. */
struct RowLayout {
  int64_t groups, rotary;
  explicit RowLayout(const WalkSizes& z) : groups(z.Dv / kFp8Group), rotary((z.Dk - z.Dv) / 2) {}
  int64_t rope() const { return groups * kGroupWords; }
  int64_t factors() const { return rope() + rotary; }
  int64_t offsets() const { return factors() + groups; }
  int64_t words() const { return padded(offsets() + groups); }
};

/**
 * 64 latents: keys turned [Dv/4 words, 64] of four numbers plus 128, scales turned [groups, 64], rotary pairs turned [.., 64]; values
 * [16, columns] of four keys each, `group` their first scale group.
 */
struct Fp8Block {
  const float *keysT = nullptr, *scalesT = nullptr, *ropeT = nullptr, *values = nullptr;
  int64_t groups = 0, rotary = 0, columns = 0, group = 0;
  float scale = 1;
  /** The next block, fetched as scores and sums go on. */
  mutable Lookahead ahead;
  static void nextRows() {}
};

inline __m512i asBits(const float* p) { return _mm512_loadu_si512(p); }
inline vf toFloats(__m512i x) { return _mm512_cvtepi32_ps(x); }

/** acc[r,n] += sum over words k of a[r,k] . b[k,n], four numbers a word. `Keys`: the rows are signed and b is not, else the other way round. */
template <bool Keys, int R>
inline void dot(__m512i (&acc)[R][4], const float* a, int64_t aRow, const float* b, int64_t ldb, int64_t steps) {
  for (int64_t k = 0; k < steps; ++k, ++a, b += ldb) {
    __m512i right[4];
#pragma GCC unroll 4
    for (int n = 0; n < 4; ++n) right[n] = asBits(b + n * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      int32_t word;
      std::memcpy(&word, a + r * aRow, 4);
      const __m512i left = _mm512_set1_epi32(word);
#pragma GCC unroll 4
      for (int n = 0; n < 4; ++n) acc[r][n] = Keys ? _mm512_dpbusd_epi32(acc[r][n], right[n], left) : _mm512_dpbusd_epi32(acc[r][n], left, right[n]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int n = 0; n < 4; ++n) asm("" : "+v"(acc[r][n]));  // see keepInRegister
  }
}

/** s = s before + what group g adds to the scores [R, 64]. Not inlined, as `tile` is not. */
template <int R>
[[gnu::noinline]] void scoreGroup(const float* q, int64_t ldq, const Fp8Block& block, int64_t g, float before, float* s) {
  const int64_t factors = block.groups * kGroupWords + block.rotary, offsets = factors + block.groups;
  __m512i acc[R][4];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    int32_t offset;
    std::memcpy(&offset, q + r * ldq + offsets + g, 4);
#pragma GCC unroll 4
    for (int n = 0; n < 4; ++n) acc[r][n] = _mm512_set1_epi32(offset);
  }
  dot<true, R>(acc, q + g * kGroupWords, ldq, block.keysT + g * kGroupWords * kBlockKeys, kBlockKeys, kGroupWords);
  const float* scales = block.scalesT + g * kBlockKeys;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    const vf factor = splat(q[r * ldq + factors + g]);
#pragma GCC unroll 4
    for (int n = 0; n < 4; ++n) {
      float* at = s + r * kBlockKeys + n * kLanes;
      store(at, vfma(toFloats(acc[r][n]) * factor, load(scales + n * kLanes), load(at) * splat(before)));
    }
  }
}

/** Scores [R, 64], scaled: the rotary part, then the groups in order. */
template <int R>
inline void scoreTile(const float* q, int64_t ldq, const Fp8Block& block, float* s) {
  tile<true, R, 4, Start::kZero>(s, kBlockKeys, q + block.groups * kGroupWords, ldq, 1, block.ropeT, kBlockKeys, block.rotary, nullptr);
  for (int64_t g = 0; g < block.groups; ++g, block.ahead.step()) scoreGroup<R>(q, ldq, block, g, g == 0 ? block.scale : 1.0f, s);
}

/** p [64] times scales, in 8 bits of the largest; returns the value of a unit. */
inline float quantize(const float* p, int64_t keys, const float* scales, uint8_t* out) {
  const int64_t vectors = (keys + kLanes - 1) / kLanes;
  vf x[4];
  vf top{};
  for (int64_t n = 0; n < 4; ++n) {
    x[n] = n < vectors ? load(p + n * kLanes) * load(scales + n * kLanes) : vf{};
    top = _mm512_max_ps(top, x[n]);
  }
  const float max = hmax(top), units = max > 0 ? 255.0f / max : 0.0f;
  for (int n = 0; n < 4; ++n) _mm_storeu_si128(reinterpret_cast<__m128i*>(out + n * kLanes), _mm512_cvtusepi32_epi8(_mm512_cvtps_epu32(x[n] * splat(units))));
  return max / 255.0f;
}

/** out = out alpha + unit (weights v) for 64 columns of v. Not inlined, as `tile` is not. */
template <int R>
[[gnu::noinline]] void valueColumns(const float* weights, const float* unit, const float* alpha, int64_t steps, const float* v, int64_t ldv, float* out,
                                    int64_t ldo) {
  __m512i acc[R][4];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int n = 0; n < 4; ++n) acc[r][n] = _mm512_setzero_si512();
  dot<false, R>(acc, weights, kBlockKeys / 4, v, ldv, steps);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int n = 0; n < 4; ++n) {
      float* at = out + r * ldo + n * kLanes;
      store(at, vfma(toFloats(acc[r][n]), splat(unit[r]), load(at) * splat(alpha[r])));
    }
}

/** out = out alpha + p v for the block's columns, 128 of a group at a time. */
template <int R>
inline void valueTile(const float* p, const float* alpha, int64_t keys, const Fp8Block& block, float* out, int64_t ldo) {
  alignas(64) float weights[R][kBlockKeys / 4];
  float unit[R];
  for (int64_t c = 0; c < block.columns; c += kFp8Group) {
    const float* scales = block.scalesT + (block.group + c / kFp8Group) * kBlockKeys;
    for (int r = 0; r < R; ++r) unit[r] = quantize(p + r * kBlockKeys, keys, scales, reinterpret_cast<uint8_t*>(weights[r]));
    for (int64_t d = c; d < c + kFp8Group; d += kBlockKeys, block.ahead.step())
      valueColumns<R>(weights[0], unit, alpha, (keys + 3) / 4, block.values + d, block.columns, out + d, ldo);
  }
}

/** int8 numbers of a query row: per 128 the factor amax / 127 (times the softmax's scale) and what the keys' 128 adds; then the rotary pairs. */
template <class Q>
void packQuery(const Q* q, const WalkSizes& z, float* out) {
  const RowLayout row(z);
  auto* numbers = reinterpret_cast<int8_t*>(out);
  for (int64_t g = 0; g < row.groups; ++g) {
    float amax = 0;
    for (int64_t d = g * kFp8Group; d < (g + 1) * kFp8Group; ++d) amax = std::fabs(toFloat(q[d])) <= amax ? amax : std::fabs(toFloat(q[d]));
    const float inverse = amax > 0x1p-100f ? 127.0f / amax : 0.0f;
    int32_t total = 0;
    for (int64_t d = g * kFp8Group; d < (g + 1) * kFp8Group; ++d) {
      numbers[d] = inverse > 0 ? static_cast<int8_t>(std::nearbyint(toFloat(q[d]) * inverse)) : 0;
      total += numbers[d];
    }
    const int32_t offset = -128 * total;
    out[row.factors() + g] = amax / 127.0f * z.scale;
    std::memcpy(out + row.offsets() + g, &offset, 4);
  }
  auto* rope = reinterpret_cast<bf16*>(out + row.rope());
  for (int64_t d = z.Dv; d < z.Dk; ++d) storeAs(rope + d - z.Dv, toFloat(q[d]));
}

struct Int8Products {
  using Block = Fp8Block;
  static constexpr int64_t kSpanColumns = kFp8Group;
  static int64_t rowStride(const WalkSizes& z) { return RowLayout(z).words(); }
  template <class Q>
  static void pack(const HeadRows<Q>& x, const WalkSizes& z, float* out) {
    for (int64_t r = 0; r < x.count(); ++r) packQuery(x.at(r), z, out + r * rowStride(z));
  }
  static void attend(int64_t rows, const float* q, int64_t ldq, const int32_t* visible, const Block& block, const Softmax& state) {
    alignas(64) float p[kTileRows * kBlockKeys];
    alignas(64) float alpha[kAlphaRows] = {};
    score(rows, q, ldq, visible[rows - 1], block, p);
    soften(rows, visible, 1.0f, p, state, alpha);
    addValues(rows, p, alpha, visible[rows - 1], block, state.out, state.ldo);
  }
  static void score(int64_t rows, const float* q, int64_t ldq, int64_t, const Block& block, float* scores) {
    withRows(rows, [&](auto count) { scoreTile<count>(q, ldq, block, scores); });
  }
  static void soften(int64_t rows, const int32_t* visible, float, float* scores, const Softmax& state, float* alpha) {
    softenRows<false>(rows, visible, 1.0f, scores, state, alpha);
  }
  static void addValues(int64_t rows, const float* p, const float* alpha, int64_t keys, const Block& block, float* out, int64_t ldo) {
    withRows(rows, [&](auto count) { valueTile<count>(p, alpha, keys, block, out, ldo); });
  }
};

/** The int8 number nearest to each e4m3 code's value times 127 / 448, for codes without sign; NaN as zero: its scale is NaN. */
struct CodeTable {
  alignas(64) int8_t of[128];
  CodeTable() {
    for (int code = 0; code < 128; ++code) {
      const int exponent = code >> 3, fraction = code & 7;
      const float value = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -9) : std::ldexp(8.0f + fraction, exponent - 10);
      of[code] = code == 127 ? 0 : static_cast<int8_t>(std::nearbyint(value * (127.0f / 448.0f)));
    }
  }
};

/** Blocks of FP8 latents as int8. Rows of int8 lie in scratch with every four lanes of words turned, which makes words of four keys contiguous. */
class Int8Blocks {
 public:
  using Products = Int8Products;
  Int8Blocks(const uint8_t* cache, Tables tables, const WalkSizes& z)
      : cache_(cache), tables_(tables), z_(z), entry_(fp8EntryBytes(z.Dk, z.Dv)), groups_(z.Dv / kFp8Group), rotary_((z.Dk - z.Dv) / 2) {}

  /** Numbers as rows, turned, as words of four keys; scales; rotary rows and turned. */
  int64_t floats() const { return kBlockKeys * (3 * z_.Dv / 4 + groups_ + 2 * roundUp(rotary_, kLanes)); }

  Fp8Block keys(const WalkTask& task, int64_t i, float* scratch, const WalkStep& next) const {
    const Room room = roomIn(scratch);
    const int64_t keys = task.keysAt(i);
    const uint8_t* block = blockOf(tables_.at(task.sequence, i));
    for (int64_t t = 0; t < keys; ++t) numbersOf(block + t * entry_, 0, z_.Dv, room.rows + t * z_.Dv);
    std::fill_n(room.rows + keys * z_.Dv, (kBlockKeys - keys) * z_.Dv, int8_t{0});
    turnNumbers(room);
    turnScales(block, keys, room.scalesT);
    for (int64_t t = 0; t < keys; ++t) std::memcpy(room.rope + t * 2 * rotary_, block + t * entry_ + z_.Dv + 4 * groups_, 4 * rotary_);
    Packer<bf16, true>::transposed({room.rope, keys, 2 * rotary_, 1, 2 * rotary_}, room.ropeT);
    Fp8Block out;
    if (next.task) out.ahead.add({blockOf(tables_.at(next)), 1, kBlockKeys * entry_, 0});
    out.ahead.spreadOver((task.rows(z_) + kTileRows - 1) / kTileRows * (groups_ + 2 * groups_));
    out.keysT = room.keysT, out.scalesT = room.scalesT, out.ropeT = room.ropeT, out.groups = groups_, out.rotary = rotary_, out.scale = z_.scale;
    return out;
  }

  /** A block that has its keys was read into the same scratch just before: its rows and scales are still there. */
  void values(Fp8Block& out, const WalkTask& task, int64_t i, int64_t column, int64_t columns, float* scratch, const WalkStep&) const {
    const Room room = roomIn(scratch);
    if (!out.keysT) {
      const int64_t keys = task.keysAt(i);
      const uint8_t* block = blockOf(tables_.at(task.sequence, i));
      for (int64_t t = 0; t < keys; ++t) numbersOf(block + t * entry_, column, columns, room.rows + t * z_.Dv);
      for (int64_t t = keys; t < roundUp(keys, 4); ++t) std::fill_n(room.rows + t * z_.Dv + column, columns, int8_t{0});
      turnScales(block, keys, room.scalesT);
    }
    for (int64_t t = 0; t < task.keysAt(i); t += 4)
      for (int64_t d = 0; d < columns; d += 64) stackNumbers(room.rows + t * z_.Dv + column + d, room.values + t / 4 * columns + d);
    out.values = room.values, out.scalesT = room.scalesT, out.columns = columns, out.group = column / kFp8Group;
  }

  RowLines valueLines(const WalkTask& task, int64_t i, int64_t column, int64_t columns) const {
    return {blockOf(tables_.at(task.sequence, i)) + column, task.keysAt(i), columns, entry_};
  }

 private:
  struct Room {
    int8_t* rows;
    float *keysT, *values, *scalesT;
    bf16* rope;
    float* ropeT;
  };
  Room roomIn(float* scratch) const {
    const int64_t words = kBlockKeys * z_.Dv / 4, rope = kBlockKeys * roundUp(rotary_, kLanes);
    float* scales = scratch + 3 * words;
    float* ropeRows = scales + kBlockKeys * groups_;
    return {reinterpret_cast<int8_t*>(scratch), scratch + words, scratch + 2 * words, scales, reinterpret_cast<bf16*>(ropeRows), ropeRows + rope};
  }
  const uint8_t* blockOf(int64_t block) const { return cache_ + block * kBlockKeys * entry_; }

  /** Codes [column, column + columns) of an entry as int8, lane L of each 64 holding words L, L + 4, L + 8, L + 12. */
  static void numbersOf(const uint8_t* entry, int64_t column, int64_t columns, int8_t* out) {
    static const CodeTable table;
    const __m512i low = _mm512_load_si512(table.of), high = _mm512_load_si512(table.of + 64);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    for (int64_t d = column; d < column + columns; d += 64) {
      const __m512i codes = _mm512_loadu_si512(entry + d), size = _mm512_permutex2var_epi8(low, codes, high);
      const __m512i numbers = _mm512_mask_sub_epi8(size, _mm512_movepi8_mask(codes), _mm512_setzero_si512(), size);
      _mm512_storeu_si512(out + d, _mm512_permutexvar_epi32(order, numbers));
    }
  }

  /** Rows of int8 into words of four numbers, plus 128, by key. */
  void turnNumbers(const Room& room) const {
    const float* words = reinterpret_cast<const float*>(room.rows);
    const int64_t rowWords = z_.Dv / 4;
    const __m512i bias = _mm512_set1_epi8(static_cast<char>(0x80));
    for (int64_t t = 0; t < kBlockKeys; t += kLanes)
      for (int64_t w = 0; w < rowWords; w += kLanes) {
        vf square[kLanes];
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) square[i] = load(words + (t + i) * rowWords + w);
        transposeBlock(square);
        for (int i = 0; i < kLanes; ++i) {
          const int64_t word = w + i / 4 + i % 4 * 4;  // undoes the order of the rows
          _mm512_storeu_si512(room.keysT + word * kBlockKeys + t, _mm512_xor_si512(reinterpret_cast<__m512i&>(square[i]), bias));
        }
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
  void stackNumbers(const int8_t* rows, float* out) const {
    const __m512i a = _mm512_loadu_si512(rows), b = _mm512_loadu_si512(rows + z_.Dv);
    const __m512i c = _mm512_loadu_si512(rows + 2 * z_.Dv), d = _mm512_loadu_si512(rows + 3 * z_.Dv);
    const __m512i ab = _mm512_unpacklo_epi8(a, b), ab2 = _mm512_unpackhi_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d), cd2 = _mm512_unpackhi_epi8(c, d);
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

void pagedFp8Attention(const void* q, int64_t qType, const uint8_t* cache, void* o, const int32_t* tables, int64_t maxBlocks, const int32_t* cuQueries,
                       const int32_t* contextLengths, int64_t S, int64_t Hq, int64_t Dk, int64_t Dv, float scale) {
  const WalkSizes z{Hq, 1, Dk, Dv, Hq, scale};
  const std::vector<WalkTask> tasks = walkTasks(cuQueries, S, z, [&](int64_t s) { return contextLengths[s]; });
  dispatchType(qType, [&](auto tag) {
    using Q = decltype(tag);
    walkAll(static_cast<const Q*>(q), static_cast<Q*>(o), tasks, z, Int8Blocks(cache, {tables, maxBlocks}, z));
  });
}

}  // namespace luciole

#else

namespace luciole {

bool canMultiplyFp8(int64_t, int64_t) { return false; }
void pagedFp8Attention(const void*, int64_t, const uint8_t*, void*, const int32_t*, int64_t, const int32_t*, const int32_t*, int64_t, int64_t, int64_t, int64_t,
                       float) {
  throw std::runtime_error("this build has no int8 dot product: ask canMultiplyFp8 first");
}

}  // namespace luciole

#endif
